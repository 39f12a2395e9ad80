"""What a job asks a cluster for: memory from the data, more with each attempt, GPUs where they are used."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from checkouts import ROOT
from proxykd.configuration import load
from proxykd.demands import Demands
from proxykd.plan import Plan, Stage
from proxykd.rules import Rules

MB = 2**20


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty store, so that everything is estimated."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROXYKD_STORE", str(tmp_path / "store"))


def only(configuration: dict[str, Any], name: str) -> Stage:
    return next(iter(Plan(load(configuration)).stages[name].values()))


def memory(configuration: dict[str, Any], name: str) -> int:
    return Demands().memory_mb(only(configuration, name), 1000)


def wildcards(stage: Stage) -> SimpleNamespace:
    return SimpleNamespace(key=stage.key)


@pytest.fixture
def large(tiny: dict[str, Any]) -> dict[str, Any]:
    """Pools of a million images of 32 pixels in colour."""
    tiny["import_images"]["digits"] = {"source": "cifar10", "size": 32, "channels": 3}
    tiny["proxies"] = [{"render_proxies": {"kind": "shaders", "count": 1_000_000}}]
    tiny["select_proxies"]["count"] = 500_000
    tiny["attack_boundary"] = {"deeper": True}
    return tiny


def test_memory_grows_with_the_images(large: dict[str, Any]) -> None:
    image = 32 * 32 * 3 / MB
    # All of the pool is held while it is rendered, and two copies' worth of what is read.
    assert memory(large, "render_proxies") > 1000 + 1_000_000 * image
    assert memory(large, "score_proxies") > 1000 + 2 * 1_000_000 * image
    assert memory(large, "train_teacher") > 1000 + 2 * 50_000 * image
    # Four stored images for each of half a million sources, beside the sources themselves.
    assert memory(large, "distill_student") > 1000 + 2 * 2_500_000 * image
    large["proxies"][0]["render_proxies"]["count"] = 2_000_000
    assert memory(large, "score_proxies") > 1000 + 4 * 1_000_000 * image


def test_what_is_mapped_from_a_file_is_not_asked_for(large: dict[str, Any]) -> None:
    large["proxies"][0]["render_proxies"]["count"] = 400_000_000
    large["select_proxies"]["count"] = None
    assert 64_000 < memory(large, "distill_student") < 64_000 + 1000 + 100


def test_small_runs_ask_for_little_more_than_their_base(tiny: dict[str, Any]) -> None:
    for name in ("render_proxies", "score_proxies", "select_proxies", "distill_student", "evaluate_student"):
        assert 1000 <= memory(tiny, name) < 1050


def test_each_attempt_asks_for_more(tiny: dict[str, Any]) -> None:
    rules = Rules.read(tiny)
    stage = next(iter(rules.plan.stages["score_proxies"].values()))
    asked = [rules.memory_mb("score_proxies", 6000)(wildcards(stage), None, attempt) for attempt in (1, 2, 3)]
    assert asked == [asked[0], 2 * asked[0], 4 * asked[0]]
    assert [rules.minutes(60)(None, None, attempt) for attempt in (1, 2)] == [60, 120]


def test_a_gpu_for_shaders_where_it_is_said(
    large: dict[str, Any], tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    large["evaluate_student"]["heldout"] = {"kind": "noise", "count": 40}
    rules = Rules.read(large)
    kinds = {
        stage.settings.canonical()["kind"]: wildcards(stage)
        for stage in rules.plan.stages["render_proxies"].values()
    }
    assert [rules.render_gpus()(kinds[kind]) for kind in ("shaders", "noise")] == [0, 0]
    monkeypatch.setenv("PROXYKD_RENDER_GPU", "1")
    assert [rules.render_gpus()(kinds[kind]) for kind in ("shaders", "noise")] == [1, 0]


def test_the_papers_cell_fits_a_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Half a million images, and the attack on them: within what a GPU's share of a node usually is."""
    (tmp_path / "cifar10" / "plain_text").mkdir(parents=True)
    monkeypatch.setenv("PROXYKD_DATA", str(tmp_path))
    given = yaml.safe_load((ROOT / "workflow" / "runs" / "cifar10.yaml").read_text())
    demands = Demands()
    for stage in Plan(load(given)).all_stages():
        assert demands.memory_mb(stage, 8000) < 32_000, stage.name
