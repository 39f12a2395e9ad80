"""What a run is said to cost before it starts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from proxykd import store
from proxykd.configuration import load
from proxykd.forecast import Forecast, forecast
from proxykd.plan import Plan, Stage
from proxykd.presentation.costs_ahead import lines

SECONDS = {"render_proxies": 8.0, "train_teacher": 20.0, "distill_student": 30.0, "attack_boundary": 6.0}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROXYKD_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def pretend(stage: Stage, seconds: float, samples: int = 0, device: str = "CPU", age: float = 0) -> None:
    """An index as `stage` would have it; the forecast reads nothing else."""
    upstream = {
        role: [store.Upstream(stage=one.name, key=one.key, digest="") for one in several]
        for role, several in stage.upstream.items()
    }
    size = 1000 * samples if samples else 5000
    index = store.Index(
        stage=stage.name, key=stage.key, settings=stage.settings.canonical(), upstream=upstream, data={},
        source={"digest": "", "parts": {}}, versions={}, device=device, seconds=seconds, samples=samples,
        files=[store.Entry(name="all", bytes=size, sha256="")],
    )  # fmt: skip
    stage.folder.mkdir(parents=True)
    path = stage.folder / store.INDEX
    path.write_text(index.model_dump_json())
    os.utime(path, (1e9 - age, 1e9 - age))


def made(configuration: dict[str, Any], **changes: Any) -> Plan:
    """Pretend that a whole run was made earlier."""
    plan = Plan(load(configuration))
    for stage in plan.all_stages():
        samples = {"import_images": 100, "attack_boundary": 60, "select_proxies": 40}.get(stage.name, 0)
        if stage.name == "render_proxies":
            samples = stage.settings.canonical()["count"]
        pretend(stage, SECONDS.get(stage.name, 2.0), samples, **changes)
    return plan


def ahead(configuration: dict[str, Any]) -> Forecast:
    missing = [one for one in Plan(load(configuration)).all_stages() if not one.folder.exists()]
    return forecast(missing)


def test_nothing_is_known_without_earlier_results(place: Path, tiny: dict[str, Any]) -> None:
    told = ahead(tiny)
    assert {cost.stage: cost.jobs for cost in told.costs} == {
        "import_images": 3, "train_teacher": 1, "render_proxies": 2, "score_proxies": 1, "assess_proxies": 1,
        "select_proxies": 1, "distill_student": 1, "evaluate_student": 1,
    }  # fmt: skip
    assert all(cost.unknown == cost.jobs for cost in told.costs)
    pools = next(cost for cost in told.costs if cost.stage == "render_proxies")
    # Known from the configuration alone: 80 and 40 images of 8 x 8, and no more than that on disk.
    assert pools.images == 120
    assert 120 * 64 < pools.bytes < 120 * 2000
    assert lines(told)[-1].startswith("The store holds no earlier result like these")


def test_time_and_disk_grow_with_the_images(place: Path, tiny: dict[str, Any]) -> None:
    made(tiny)
    tiny["proxies"][0]["render_proxies"]["count"] = 320
    costs = {cost.stage: cost for cost in ahead(tiny).costs}
    assert set(costs) == {
        "render_proxies", "score_proxies", "assess_proxies", "select_proxies", "distill_student",
        "evaluate_student",
    }  # fmt: skip
    # The earlier pool of 80 images is nearer than the held-out one of 40.
    assert costs["render_proxies"].seconds == pytest.approx(4 * 8.0)
    assert costs["render_proxies"].bytes == pytest.approx(320_000)
    assert costs["score_proxies"].seconds == pytest.approx(4 * 2.0)
    # As many steps as before, over other images.
    assert costs["distill_student"].seconds == pytest.approx(30.0)
    assert costs["distill_student"].images == 3 * 16


def test_side_by_side(place: Path, tiny: dict[str, Any]) -> None:
    made(tiny)
    tiny["experiments"] = {name: {"distill_student": {"temperature": t}} for t, name in enumerate("abc", 5)}
    told = ahead(tiny)
    assert sum(cost.seconds for cost in told.costs) == pytest.approx(3 * (30.0 + 2.0))
    assert told.longest == pytest.approx(32.0)
    shown = lines(told)
    assert [line.split()[:2] for line in shown[1:3]] == [["distill_student", "3"], ["evaluate_student", "3"]]
    assert "(CPU), one job after another; side by side at least 32" in shown[-1]


def test_another_network_says_nothing(place: Path, tiny: dict[str, Any]) -> None:
    made(tiny)
    tiny["distill_student"]["network"] = {"architecture": "resnet_18"}
    costs = {cost.stage: cost for cost in ahead(tiny).costs}
    assert costs["distill_student"].unknown == 1
    assert costs["evaluate_student"].unknown == 1
    assert "Not in them" not in lines(ahead(tiny))[-1]


def test_the_device_that_was_used_last(place: Path, tiny: dict[str, Any]) -> None:
    made(tiny, device="old CPU", age=1000)
    tiny["distill_student"]["temperature"] = 7.0
    made_on = next(iter(Plan(load(tiny)).stages["distill_student"].values()))
    pretend(made_on, 3.0, device="new GPU")
    # Nearer in work is the old one; but nobody goes back to it.
    tiny["distill_student"]["recipe"]["steps"] = 30
    told = ahead(tiny)
    assert {cost.stage: cost.seconds for cost in told.costs}["distill_student"] == pytest.approx(30.0)
    assert "new GPU" in told.devices


def test_attacked_images_by_what_an_earlier_attack_kept(place: Path, tiny: dict[str, Any]) -> None:
    tiny["attack_boundary"] = {}
    made(tiny)
    tiny["attack_boundary"] = {"epsilon": 3}
    costs = {cost.stage: cost for cost in ahead(tiny).costs}
    assert (costs["attack_boundary"].images, costs["attack_boundary"].bytes) == (60, 60_000)
    tiny["attack_boundary"] = {"epsilon": 3, "sources": 20}
    costs = {cost.stage: cost for cost in ahead(tiny).costs}
    assert costs["attack_boundary"].images == 30


def test_what_cannot_be_read_is_no_earlier_result(place: Path, tiny: dict[str, Any]) -> None:
    plan = made(tiny)
    for stage in plan.all_stages():
        (stage.folder / store.INDEX).write_text("{")
        stage.folder.joinpath("x").touch()
    tiny["seeds"] = [1, 2]
    assert all(cost.unknown == cost.jobs for cost in ahead(tiny).costs)


def test_an_upstream_that_was_collected(place: Path, tiny: dict[str, Any]) -> None:
    plan = made(tiny)
    (teacher,) = plan.stages["train_teacher"].values()
    (teacher.folder / store.INDEX).unlink()
    (score,) = plan.stages["score_proxies"].values()
    assert json.loads((score.folder / store.INDEX).read_bytes())["upstream"]["teacher"]
    tiny["score_proxies"] = {"precision": "bf16"}
    costs = {cost.stage: cost for cost in ahead(tiny).costs}
    assert costs["score_proxies"].seconds == pytest.approx(2.0)
