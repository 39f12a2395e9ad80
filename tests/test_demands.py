"""Memory that a job asks for: of a run of seconds, and of the paper's cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from checkouts import ROOT
from proxykd.configuration import load
from proxykd.demands import Demands
from proxykd.plan import Plan, Stage


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty store, so that everything is estimated."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROXYKD_STORE", str(tmp_path / "store"))


def only(configuration: dict[str, Any], name: str) -> Stage:
    return next(iter(Plan(load(configuration)).stages[name].values()))


def memory(configuration: dict[str, Any], name: str) -> int:
    return Demands().memory_mb(only(configuration, name), 1000)


def test_small_runs_ask_for_little_more_than_their_base(tiny: dict[str, Any]) -> None:
    for name in ("render_proxies", "score_proxies", "select_proxies", "distill_student", "evaluate_student"):
        assert 1000 <= memory(tiny, name) < 1050


def test_the_papers_cell_fits_a_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Half a million images, and the attack on them: within what a GPU's share of a node usually is."""
    (tmp_path / "cifar10" / "plain_text").mkdir(parents=True)
    monkeypatch.setenv("PROXYKD_DATA", str(tmp_path))
    given = yaml.safe_load((ROOT / "workflow" / "runs" / "cifar10.yaml").read_text())
    demands = Demands()
    for stage in Plan(load(given)).all_stages():
        assert demands.memory_mb(stage, 8000) < 32_000, stage.name


def test_crops_count_as_many_as_are_drawn_and_the_image_they_are_drawn_from(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    crops = {"source": "crops", "path": str(tmp_path / "large.jpg"), "size": 64, "crops": {"count": 1000}}
    tiny["train_teacher"] = None
    tiny |= {"import_images": {"crops": crops}, "proxies": [{"import_images": "crops"}]}
    tiny["import_teacher"] = {"architecture": "convnet_8", "checkpoint": str(tmp_path / "weights.pth"),
                              "size": 64, "classes": 10}  # fmt: skip
    tiny["evaluate_student"] = {}
    asked = []
    for name, size in (("large.jpg", 1_000), ("large.jpg", 20_000_000), ("large.jpg", 900_000_000)):
        (tmp_path / "weights.pth").write_bytes(b"weights")
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
        asked.append(memory(tiny, "import_images"))
    assert 1000 < asked[0] < 1030
    # A picture of 100 megapixels in a file of 18 MB took 0.8 GB.
    assert 1000 < asked[1] - asked[0] < 1500
    assert asked[2] - asked[0] <= 4000
