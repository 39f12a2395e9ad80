"""Which stages a configuration needs, and what their keys depend on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from checkouts import ROOT, Checkout, tiny_configuration
from proxykd.configuration import load
from proxykd.errors import UserError
from proxykd.plan import Plan


def plan(configuration: dict[str, Any]) -> Plan:
    return Plan(load(configuration))


def keys(configuration: dict[str, Any]) -> dict[str, list[str]]:
    return {name: list(stages) for name, stages in plan(configuration).stages.items()}


def changed(before: dict[str, list[str]], after: dict[str, list[str]]) -> set[str]:
    return {stage for stage in before if before[stage] != after[stage]}


def test_stages_of_a_run(tiny: dict[str, Any]) -> None:
    counts = {name: len(stages) for name, stages in keys(tiny).items() if stages}
    # Three splits of the digits; proxies and held-out proxies.
    assert counts == {"import_images": 3, "train_teacher": 1, "render_proxies": 2, "score_proxies": 1,
                      "assess_proxies": 1, "select_proxies": 1, "distill_student": 1,
                      "evaluate_student": 1}  # fmt: skip


def test_experiments_share_what_they_agree_on(tiny: dict[str, Any]) -> None:
    tiny["experiments"] = {
        "plain": {},
        "same": {"distill_student": {"recipe": {"steps": 3}}},
        "longer": {"distill_student": {"recipe": {"steps": 4}}},
        "attacked": {"attack_boundary": {}},
    }
    made = plan(tiny)
    assert {name: len(stages) for name, stages in made.stages.items()} == {
        "import_images": 3, "train_teacher": 1, "import_teacher": 0, "render_proxies": 2, "check_teacher": 0,
        "score_proxies": 1, "assess_proxies": 1, "select_proxies": 1, "attack_boundary": 1,
        "distill_student": 3, "evaluate_student": 3,
    }  # fmt: skip
    plain, same, longer, _ = made.experiments
    assert plain.evaluation is same.evaluation
    assert plain.runs[0].selection is longer.runs[0].selection


def test_order_and_stated_defaults_change_nothing(tiny: dict[str, Any]) -> None:
    before = keys(tiny)
    reordered = dict(reversed(tiny.items()))
    reordered["distill_student"] = {"recipe": {"batch": 16, "steps": 3, "learning_rate": 1e-1}} | {
        "network": {"pretrained": False, "architecture": "convnet_8"},
        "mixup": 1,
    }
    reordered["score_proxies"] = {"precision": "fp32"}
    assert keys(reordered) == before


def test_swapped_values_change_the_key(tiny: dict[str, Any]) -> None:
    recipe = tiny["distill_student"]["recipe"]
    recipe |= {"learning_rate": 0.01, "weight_decay": 0.02}
    before = keys(tiny)
    recipe |= {"learning_rate": 0.02, "weight_decay": 0.01}
    assert changed(before, keys(tiny)) == {"distill_student", "evaluate_student"}


def test_a_change_reaches_what_is_downstream_only(tiny: dict[str, Any]) -> None:
    before = keys(tiny)
    tiny["proxies"][0]["render_proxies"]["count"] = 81
    downstream = {
        "render_proxies", "score_proxies", "assess_proxies", "select_proxies", "distill_student",
        "evaluate_student",
    }  # fmt: skip
    assert changed(before, keys(tiny)) == downstream


def test_the_stores_place_does_not_count(
    tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = keys(tiny)
    monkeypatch.setenv("PROXYKD_STORE", str(tmp_path / "elsewhere"))
    made = plan(tiny)
    assert {name: list(stages) for name, stages in made.stages.items()} == before
    assert all(stage.stamp.startswith(str(tmp_path)) for stage in made.all_stages())


def test_outside_data_count_by_content(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = []
    for name, content in (("a", b"x"), ("b", b"x"), ("c", b"y")):
        folder = tmp_path / name
        for image in ("train/0/a.png", "test/0/b.png"):
            (folder / image).parent.mkdir(parents=True)
            (folder / image).write_bytes(content)
        tiny["import_images"]["mine"] = {"source": "folder", "path": str(folder), "size": 8, "channels": 1}
        tiny["proxies"] = [{"import_images": "mine"}]
        found.append(keys(tiny))
    assert found[0] == found[1]
    assert {"import_images", "score_proxies"} <= changed(found[0], found[2])
    assert "train_teacher" not in changed(found[0], found[2])


def test_keys_do_not_depend_on_the_process(checkout: Checkout, tiny: dict[str, Any]) -> None:
    tiny["experiments"] = {"a": {}, "b": {"attack_boundary": {"epsilon": 8}}}
    several = [checkout.keys(tiny, PYTHONHASHSEED=seed) for seed in ("0", "1")]
    assert several[0] == several[1]


def test_the_plan_imports_nothing_heavy(checkout: Checkout) -> None:
    program = (
        "import sys; sys.path.insert(0, 'scripts'); import proxykd.plan, proxykd.inventory\n"
        "print({'torch', 'torchvision', 'moderngl', 'sklearn', 'timm', 'matplotlib'} & set(sys.modules))"
    )
    assert checkout.python("-c", program).stdout.strip() == "set()"


def test_mixtures_of_pools_with_shares(tiny: dict[str, Any]) -> None:
    tiny["proxies"] = [
        {"render_proxies": {"kind": "noise", "count": 80}, "share": 0.25},
        {"import_images": "digits", "share": 0.75},
    ]
    (experiment,) = plan(tiny).experiments
    run = experiment.runs[0]
    assert [pool.name for pool in run.pools] == ["render_proxies", "import_images"]
    assert run.selection.settings.canonical()["shares"] == [0.25, 0.75]
    assert run.selection.upstream["scores"] == run.scores
    # One of the pools is rendered: the paper's temperature for that.
    assert run.student.settings.canonical()["temperature"] == 20
    tiny["proxies"] = [{"import_images": "digits"}]
    assert plan(tiny).experiments[0].runs[0].student.settings.canonical()["temperature"] == 2


def test_a_selection_has_the_teacher_where_it_may_fill_classes(tiny: dict[str, Any]) -> None:
    ways = {"empty": {"fill": "empty"}, "none": {"fill": "none"}, "any": {"balance": "none"}}
    tiny["experiments"] = {name: {"select_proxies": how} for name, how in ways.items()}
    roles = {one.name: set(one.runs[0].selection.upstream) for one in plan(tiny).experiments}
    assert roles == {
        "empty": {"pool", "scores", "teacher"}, "none": {"pool", "scores"}, "any": {"pool", "scores"},
    }  # fmt: skip


def test_a_selection_by_features_has_them_scored(tiny: dict[str, Any]) -> None:
    tiny["experiments"] = {"plain": {}, "diverse": {"select_proxies": {"within": "diverse"}}}
    plain, diverse = (one.runs[0].scores[0] for one in plan(tiny).experiments)
    assert not plain.settings.canonical()["features"]
    assert diverse.settings.canonical()["features"]


def test_seeds_of_students(tiny: dict[str, Any]) -> None:
    tiny["seeds"] = [3, 5]
    made = plan(tiny)
    (experiment,) = made.experiments
    assert [run.seed for run in experiment.runs] == [3, 5]
    assert experiment.runs[0].selection is experiment.runs[1].selection
    assert len(made.stages["distill_student"]) == 2
    assert len(experiment.evaluation.upstream["student"]) == 2
    assert len(experiment.evaluation.upstream["teacher"]) == 1


def test_seeds_of_all_stages_are_paired(tiny: dict[str, Any]) -> None:
    seeded = ("render_proxies", "select_proxies", "attack_boundary", "train_teacher", "distill_student")
    tiny |= {"seeds": {name: [0, 1] for name in seeded}, "attack_boundary": {}}
    made = plan(tiny)
    assert [len(made.stages[name]) for name in seeded] == [3, 2, 2, 2, 2]
    runs = made.experiments[0].runs
    assert [run.student.upstream["teacher"] for run in runs] == [[run.teacher] for run in runs]
    assert len(made.experiments[0].evaluation.upstream["teacher"]) == 2


def test_seeds_of_an_absent_stage_make_no_second_student(tiny: dict[str, Any]) -> None:
    """Two equal students would pass for a spread of nothing over two seeds."""
    tiny["seeds"] = {"attack_boundary": [0, 1]}
    tiny["experiments"] = {"plain": {}, "attacked": {"attack_boundary": {}}}
    plain, attacked = plan(tiny).experiments
    assert (len(plain.runs), len(attacked.runs)) == (1, 2)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            {"proxies": [{"render_proxies": {"kind": "noise", "size": 9}}]},
            "size is 9, but the teacher takes 8",
        ),
        (
            {
                "import_images": {"big": {"source": "digits", "size": 16, "channels": 1}},
                "proxies": [{"import_images": "big"}],
            },
            "import_images.big has size 16",
        ),
    ],
)
def test_images_that_the_teacher_cannot_take(
    tiny: dict[str, Any], override: dict[str, Any], said: str
) -> None:
    override["import_images"] = tiny["import_images"] | override.get("import_images", {})
    with pytest.raises(UserError, match=said):
        plan(tiny | override)


def test_a_key_that_is_not_planned_is_a_sentence(tiny: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"distill_student/0000 is not in the plan.*plans anew"):
        plan(tiny).stage("distill_student", "0000")


def test_settings_of_a_stage_are_complete_for_its_program(tiny: dict[str, Any]) -> None:
    for stage in plan(tiny).all_stages():
        given = json.loads(stage.settings_json)
        assert type(stage.settings).model_validate(given) == stage.settings


def test_the_default_configuration_plans() -> None:
    assert keys(yaml.safe_load((ROOT / "config.yaml").read_text()))["evaluate_student"]
    assert keys(tiny_configuration()) == keys(tiny_configuration())
