"""Each mistake in a configuration is one sentence: where, what, and what was likely meant."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from checkouts import ROOT
from proxykd.configuration import load, merge, read, schema
from proxykd.errors import UserError
from proxykd.plan import Plan

TWO_POOLS = [{"render_proxies": {"kind": "noise"}, "share": 0.5}, {"import_images": "digits", "share": 0.4}]
TEACHER = {
    "architecture": "convnet_8",
    "checkpoint": "x.safetensors",
    "size": 8,
    "channels": 1,
    "classes": 10,
    "mean": [0.5],
    "deviation": [0.5],
}


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ({"train_techer": {}}, ["train_techer is no setting", "Did you mean train_teacher?"]),
        ({"titel": "x"}, ["titel is no setting", "Did you mean title?"]),
        ({"distill_student": {"recipe": {"stepss": 3}}}, ["distill_student.recipe.stepss", "mean steps?"]),
        (
            {"proxies": [{"render_proxies": {"kind": "noise", "cuont": 4}}]},
            ["proxies.0.render_proxies.cuont", "count?"],
        ),
        (
            {"evaluate_student": {"heldout": {"deviaton": 1}}},
            ["evaluate_student.heldout.deviaton", "deviation?"],
        ),
        ({"import_images": {"digits": {"chanels": 1}}}, ["import_images.digits.chanels", "channels?"]),
        ({"distill_student": {"zzz": 1}}, ["distill_student.zzz", "There are: augmentation, boundary"]),
        (
            {"experiments": {"a": {"select_proxies": {"cuont": 4}}}},
            ["experiments.a.select_proxies.cuont", "count?"],
        ),
        ({"experiments": {"a": {"seeds": [1]}}}, ["experiments.a.seeds", "top of the file"]),
        ({"experiments": {"a": 3}}, ["experiments.a is 3"]),
        ({"experiments": {"a/b": {}}}, ["experiments.a/b: a name"]),
        ({"experiments": [1]}, ["experiments is a mapping"]),
        (
            {"distill_student": {"recipe": {"steps": -1}}},
            ["recipe.steps", "greater than or equal to 1", "(it is -1)"],
        ),
        ({"distill_student": {"recipe": {"steps": "many"}}}, ["recipe.steps", "integer", "'many'"]),
        ({"distill_student": {"recipe": {"steps": None}}}, ["recipe.steps is missing"]),
        ({"distill_student": {"recipe": {"learning_rate": float("nan")}}}, ["learning_rate", "finite"]),
        (
            {"distill_student": {"augmentation": "strng"}},
            ["distill_student.augmentation", "'strng' is no preset"],
        ),
        ({"import_teacher": TEACHER}, ["either train_teacher or import_teacher"]),
        ({"train_teacher": None}, ["either train_teacher or import_teacher"]),
        (
            {"import_teacher": TEACHER | {"classes": "x"}, "train_teacher": None},
            ["import_teacher.classes: ", "integer"],
        ),
        ({"evaluate_student": {"images": "digts"}}, ["'digts'", "there are: digits"]),
        ({"proxies": TWO_POOLS}, ["sum to 1"]),
        ({"proxies": [TWO_POOLS[0], {"import_images": "digits"}]}, ["every pool has a share"]),
        ({"proxies": [{"share": 1.0}]}, ["proxies.0: ", "either render_proxies or import_images"]),
        ({"proxies": [{"render_proxies": {"kind": "nose"}}]}, ["render_proxies.kind: 'nose'", "mean noise?"]),
        (
            {"proxies": [{"render_proxies": {"count": 4}}]},
            ["render_proxies.kind is missing", "leaves, noise, shaders"],
        ),
        ({"proxies": []}, ["proxies: ", "at least 1"]),
        ({"proxies": [{"import_images": "digits", "split": "test"}]}, ["proxies.0.split"]),
        ({"seeds": {"score_proxies": [1]}}, ["seeds.score_proxies", "distill_student have seeds"]),
        ({"seeds": {"distill_student": [0], "train_teacher": [0, 1]}}, ["paired"]),
        *[({"seeds": wrong}, ["seeds must be"]) for wrong in (3, [], [0, 0], [-1], [True], ["0"])],
    ],
)
def test_a_mistake_is_one_sentence(tiny: dict[str, Any], mistake: dict[str, Any], said: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        load(merge(tiny, mistake), "run.yaml")
    told = str(caught.value)
    assert "\n" not in told
    assert told.startswith("run.yaml: ")
    assert told.endswith((".", "?"))
    assert all(part in told for part in said), told


def test_a_mistake_in_the_base_is_not_blamed_on_an_experiment(tiny: dict[str, Any]) -> None:
    given = merge(
        tiny, {"select_proxies": {"cuont": 1}, "experiments": {"a": {"select_proxies": {"seed": 1}}}}
    )
    with pytest.raises(UserError, match=r"^run.yaml: select_proxies\.cuont"):
        load(given, "run.yaml")


def test_several_mistakes_are_several_sentences(tiny: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        load(merge(tiny, {"a": 1, "b": 2}), "run.yaml")
    assert len(str(caught.value).splitlines()) == 2


def test_an_override_lies_on_the_base(tiny: dict[str, Any]) -> None:
    tiny["experiments"] = {
        "short": {"distill_student": {"recipe": {"steps": 2}}},
        "none": None,
        "imported": {"train_teacher": None, "import_teacher": TEACHER},
    }
    found = load(tiny).experiments
    assert [found[name].distill_student.recipe.steps for name in ("short", "none")] == [2, 3]
    assert found["short"].distill_student.recipe.batch == 16
    assert found["imported"].train_teacher is None


def test_merging_changes_neither(tiny: dict[str, Any]) -> None:
    before = copy.deepcopy(tiny)
    merged = merge(tiny, {"proxies": [], "select_proxies": {"count": 1}})
    assert tiny == before
    assert merged["proxies"] == []
    load(tiny)
    assert tiny == before


def test_a_seed_of_the_settings_is_kept_where_no_seeds_are_given(tiny: dict[str, Any]) -> None:
    tiny["distill_student"]["recipe"]["seed"] = 5
    (experiment,) = Plan(load(tiny)).experiments
    assert experiment.runs[0].seed == 5
    assert experiment.runs[0].student.settings.canonical()["recipe"]["seed"] == 5


def test_yaml_oddities_are_text(tmp_path: Path, tiny: dict[str, Any]) -> None:
    text = yaml.safe_dump(tiny) + "title: 2024-01-01\nexperiments: {1: {}}\nresults: ~\nnote: ~\n"
    (tmp_path / "run.yaml").write_text(text)
    found = read(tmp_path / "run.yaml")
    assert (found.title, found.note, list(found.experiments)) == ("2024-01-01", "", ["1"])
    assert found.results == Path("results")


@pytest.mark.parametrize(
    ("text", "said"), [("a: [", "not valid YAML"), ("", "holds no"), ("- 1", "holds no")]
)
def test_an_unreadable_file_is_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(UserError, match=said):
        read(tmp_path / "run.yaml")
    with pytest.raises(UserError, match="No such file"):
        read(tmp_path / "none.yaml")


RUN_FILES = [ROOT / "config.yaml", *sorted((ROOT / "workflow" / "runs").glob("*.yaml"))]


@pytest.mark.parametrize("path", RUN_FILES, ids=lambda path: path.name)
def test_the_schema_accepts_what_is_shipped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXYKD_DATA", "/data")
    jsonschema.validate(yaml.safe_load(path.read_text()), schema())
    assert read(path).experiments


def test_the_schema_knows_presets_and_refuses_unknown_keys(tiny: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    validator.check_schema(schema())
    for augmentation in ("extreme", {"preset": "strong", "flip": 0}, {"flip": 1.0}, None):
        tiny["distill_student"]["augmentation"] = augmentation
        assert validator.is_valid(tiny)
    assert validator.is_valid(tiny | {"seeds": {"distill_student": [0, 1]}})
    for wrong in ({"titel": 1}, {"seeds": {"a": [1]}}, {"seeds": [-1]}):
        assert not validator.is_valid(tiny | wrong)
    tiny["distill_student"]["augmentation"] = "strng"
    assert not validator.is_valid(tiny)
