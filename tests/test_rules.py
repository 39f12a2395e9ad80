"""What the rules ask a cluster for, and the profile that says how to change it."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from snakemake.exceptions import WorkflowError

from checkouts import ROOT, Checkout
from proxykd import store
from proxykd.plan import STAGES, Stage
from proxykd.rules import Rules

MEGABYTE = 2**20
BASE = 1000
CONFIGURATION: dict[str, Any] = {
    "import_teacher": {
        "architecture": "torchvision:resnet18",
        "checkpoint": "weights.pth",
        "size": 64,
        "classes": 500,
    },
    "proxies": [
        {"render_proxies": {"kind": "shaders", "count": 30_000}},
        {"render_proxies": {"kind": "leaves", "count": 50_000}},
    ],
    "select_proxies": {"count": 20_000},
    "attack_boundary": {"sources": 6_000, "deeper": True},
    "distill_student": {"network": {"architecture": "resnet_18"}, "recipe": {"steps": 10}},
    "evaluate_student": {"heldout": {"kind": "noise", "count": 1_000}, "pairs": None},
}
IMAGE = 64 * 64 * 3
SHARD = 10_000 * IMAGE
ROW = 4096
DRAWN = 50


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROXYKD_RENDER_GPU", raising=False)
    (tmp_path / "weights.pth").write_bytes(bytes(8 * MEGABYTE))
    return tmp_path


def rules_of(**changes: Any) -> Rules:
    return Rules.read(CONFIGURATION | changes)


def asked(rules: Rules, name: str, attempt: int = 1) -> list[int]:
    """Megabytes beside BASE that each of a stage's jobs asks for."""
    asks = rules.memory_mb(name, BASE)
    keys = [SimpleNamespace(key=key) for key in rules.plan.stages[name]]
    return [asks(key, None, attempt) // 2 ** (attempt - 1) - BASE for key in keys]


def megabytes(held: float) -> int:
    return int(held / MEGABYTE)


def test_memory_grows_with_the_data(place: Path) -> None:
    rules = rules_of()
    assert asked(rules, "render_proxies") == [
        megabytes(2 * min(count, 10_000) * IMAGE + DRAWN * count) for count in (30_000, 50_000, 1_024, 1_000)
    ]
    # Pools are read a shard at a time, and scored in blocks.
    logits = 3 * 4 * 500
    assert asked(rules, "score_proxies") == [
        megabytes(2 * SHARD + 256 * MEGABYTE + logits * count) for count in (30_000, 50_000)
    ]
    assert asked(rules, "select_proxies") == [megabytes(2 * SHARD + 64 * 80_000 + 700 * 20_000)]
    # Four images a source are stored.
    assert asked(rules, "attack_boundary") == [megabytes(2 * 20_000 * IMAGE + 2 * SHARD + ROW * 24_000)]
    assert asked(rules, "distill_student") == [megabytes(2 * 44_000 * IMAGE + 2 * SHARD)]
    assert asked(rules, "evaluate_student") == [megabytes(2 * 1_000 * IMAGE + 2 * 1_000 * IMAGE)]
    assert asked(rules, "import_teacher") == [4 * 8]
    assert asked(rules, "check_teacher") == [megabytes(4 * 1_024 * IMAGE)]


def test_two_images_a_source_and_views_of_all_that_is_selected(place: Path) -> None:
    rules = rules_of(attack_boundary={"deeper": False})
    assert asked(rules, "distill_student") == [megabytes(2 * 60_000 * IMAGE + 2 * SHARD)]


def test_what_is_finished_counts_as_it_is(place: Path) -> None:
    """Far fewer images crossed the boundary than could have."""
    rules = rules_of()
    before = asked(rules, "distill_student")
    (boundary,) = rules.plan.stages["attack_boundary"].values()
    _finish(boundary, samples=400)
    assert before != asked(rules, "distill_student") == [megabytes(2 * 20_400 * IMAGE + 2 * SHARD)]


def _finish(stage: Stage, samples: int) -> None:
    index = store.Index(
        stage=stage.name, key=stage.key, settings={}, upstream={}, data={}, source={}, versions={}, device="",
        seconds=1.0, samples=samples,
    )  # fmt: skip
    stage.folder.mkdir(parents=True)
    (stage.folder / store.INDEX).write_text(index.model_dump_json())


def test_images_that_are_mapped_need_no_more(place: Path) -> None:
    large = {"render_proxies": {"kind": "shaders", "count": 20_000_000}}
    rules = rules_of(proxies=[large], select_proxies={"count": None})
    assert asked(rules, "distill_student") == [megabytes(64_000 * MEGABYTE + 2 * SHARD)]
    # While it is rendered, two of its shards lie in memory.
    assert asked(rules, "render_proxies")[0] == megabytes(2 * SHARD + DRAWN * 20_000_000)


def test_reading_a_pool_takes_no_more_where_it_is_larger(place: Path) -> None:
    large = {"render_proxies": {"kind": "shaders", "count": 20_000_000}}
    rules = rules_of(proxies=[large])
    logits = 3 * 4 * 500 * 200_000
    assert asked(rules, "score_proxies") == [megabytes(2 * SHARD + 256 * MEGABYTE + logits)]
    assert asked(rules, "select_proxies") == [megabytes(2 * SHARD + 64 * 20_000_000 + 700 * 20_000)]


def test_a_selection_that_may_fill_classes_asks_for_a_gpu(place: Path) -> None:
    for changes, gpus in (({"fill": "empty"}, 1), ({"fill": "none"}, 0), ({"balance": "none"}, 0)):
        rules = rules_of(select_proxies=changes)
        (key,) = rules.plan.stages["select_proxies"]
        assert rules.filling_gpus()(SimpleNamespace(key=key)) == gpus


def test_imported_images_of_which_the_number_is_not_known(place: Path) -> None:
    (place / "photos").mkdir()
    images = {
        "digits": {"source": "digits", "size": 64},
        "few": {"source": "digits", "size": 64, "limit": 100},
        "photos": {"source": "folder", "path": "photos", "size": 64},
        "many": {"source": "folder", "path": "photos", "size": 64, "limit": 300_000},
    }
    rules = rules_of(proxies=[{"import_images": name} for name in images], import_images=images)
    assert asked(rules, "import_images") == [
        megabytes((1.25 * IMAGE + ROW) * count) for count in (1797, 100, 100_000, 300_000)
    ]


def test_each_core_that_draws_asks_for_more(place: Path) -> None:
    rules = rules_of()
    key = SimpleNamespace(key=next(iter(rules.plan.stages["render_proxies"])))
    asks = rules.memory_mb("render_proxies", 1000, each=500)
    assert asks(key, None, 1, threads=16) - asks(key, None, 1, threads=2) == 14 * 500
    assert asks(key, None, 2, threads=2) == 2 * asks(key, None, 1, threads=2)


def test_each_attempt_asks_for_more(place: Path) -> None:
    rules = rules_of()
    (key,) = rules.plan.stages["distill_student"]
    asks = rules.memory_mb("distill_student", 8000)
    once, twice, thrice = (asks(SimpleNamespace(key=key), None, attempt) for attempt in (1, 2, 3))
    assert (twice, thrice) == (2 * once, 4 * once)
    assert [rules.minutes(60)(None, None, attempt) for attempt in (1, 2, 3)] == [60, 120, 180]


def test_a_gpu_for_shaders_alone_and_only_if_asked(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = rules_of()
    keys = [SimpleNamespace(key=key) for key in rules.plan.stages["render_proxies"]]
    assert [rules.render_gpus()(key) for key in keys] == [0, 0, 0, 0]
    monkeypatch.setenv("PROXYKD_RENDER_GPU", "1")
    assert [rules.render_gpus()(key) for key in keys] == [1, 0, 1, 0]
    monkeypatch.setenv("PROXYKD_RENDER_GPU", "yes")
    with pytest.raises(WorkflowError, match="PROXYKD_RENDER_GPU is 'yes' in the environment"):
        rules.render_gpus()(keys[0])


def test_what_goes_on_asks_for_the_same_time_again_and_all_else_for_more() -> None:
    for stage in STAGES:
        file = ROOT / f"workflow/rules/{stage}.smk"
        (runtime,) = re.findall(r"runtime=(.*),", file.read_text())
        goes_on = stage in ("train_teacher", "distill_student", "render_proxies")
        assert runtime.startswith("RULES.minutes(") is not goes_on, file


def test_every_example_of_the_profile_is_understood(checkout: Checkout, tiny: dict[str, Any]) -> None:
    text = (ROOT / "slurm/config.yaml").read_text()
    # A # with one space behind it begins words, any other an example.
    examples = re.sub(r"^( *)#(?! \S|$)", r"\1", text, flags=re.MULTILINE)
    profile = yaml.safe_load(examples)
    assert {"slurm_partition", "slurm_account", "qos", "constraint", "tmpdir"} <= set(
        profile["default-resources"]
    )
    assert profile["set-resources"]["score_proxies"] == {"slurm_partition": "gpu", "gpu_model": "h100"}
    (checkout.folder / "mine").mkdir()
    (checkout.folder / "mine/config.yaml").write_text(examples)
    (checkout.folder / "mine/partitions.yaml").write_text("partitions: {}\n")
    (checkout.folder / "run.yaml").write_text(yaml.safe_dump(tiny))
    done = checkout.run("snakemake", "--profile", "mine", "all", "-n", "--configfile", "run.yaml")
    assert done.returncode == 0, done.stderr
