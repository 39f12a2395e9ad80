"""The benchmarks run to their end and print what they promise. What they measure is not judged here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from checkouts import ROOT


def printed(*arguments: str) -> dict[str, Any]:
    """The JSON of a benchmark's last line."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.full
def test_the_benchmark_of_augmentation() -> None:
    found = printed("benchmarks/augmentation.py", "--repeats", "1")
    for rival in ("torchvision", "kornia", "kornia_batch"):
        ratio = found[f"augmentation_ms_{rival}"] / found["augmentation_ms"]
        assert found[f"augmentation_vs_{rival}"] == pytest.approx(ratio)


@pytest.mark.full
def test_the_benchmark_of_the_loop() -> None:
    found = printed("benchmarks/training.py", "--quick")
    assert found["overhead"] == max(found["overheads"].values())
    assert found["loop_vs_plain"] == pytest.approx(
        found["images_per_second"] / found["plain_images_per_second"]
    )
    assert {"device", "augmentation_vs_torchvision", "augmentation_vs_kornia"} <= set(found)


@pytest.mark.full
def test_the_benchmark_of_rendering() -> None:
    found = printed("benchmarks/render.py", "--quick")
    for size in (32, 64, 224):
        ratio = found[f"images_per_second_{size}"] / found[f"plain_images_per_second_{size}"]
        assert found[f"ratio_{size}"] == pytest.approx(ratio, rel=0.01)
        assert found[f"raster_{size}"] > 0
    assert found["device"]


@pytest.mark.full
def test_the_benchmark_of_selection() -> None:
    found = printed("benchmarks/selection.py", "--images", "5000")
    assert (found["images"], found["selected"], found["dimensions"]) == (5000, 500, 64)
    assert all(found[f"{rule}_cpu_seconds"] >= 0 for rule in ("random", "confidence", "pairs", "diverse"))


@pytest.mark.full
def test_the_benchmark_of_planning() -> None:
    found = printed("benchmarks/planning.py", "--quick")
    assert [(row["experiments"], row["stages"]) for row in found["dry_runs"]] == [(1, 16), (10, 52)]
    assert all(row[what] > 0 for row in found["dry_runs"] for what in ("plan", "present", "missing", "plain"))
    assert found["job"] > 0


@pytest.mark.full
@pytest.mark.skipif(
    "PROXYKD_DATA" not in os.environ, reason="PROXYKD_DATA names no folder with real image sets"
)
def test_the_benchmark_of_normalisations(tmp_path: Path) -> None:
    found = printed("benchmarks/normalisation.py", "--quick", "--kept", str(tmp_path))
    assert [row["kind"] for row in found["rates"]] == ["proxies", "own pictures", "other pictures"]
    assert all(row["right"] == 2 for row in found["rates"])
    assert list(tmp_path.glob("*.pt"))


@pytest.mark.full
def test_the_benchmark_of_coverage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROXYKD_DATA", raising=False)
    kept = ("--kept", str(tmp_path))
    found = printed("benchmarks/coverage.py", "--count", "600", "--programs", "60", *kept)
    low, high = found["relative_entropy_interval"]
    assert 0 < low < found["relative_entropy"] < high <= 1
    assert 0 <= found["smallest_class"] <= 0.1
    assert 1 < found["vendi_within"] < found["vendi"]
    assert (found["images"], found["programs"]) == (600, 60)
    pool = next(path for path in tmp_path.glob("shaders-*") if path.is_dir())
    given = ("--teacher", str(tmp_path / "digits"), "--pool", str(pool))
    assert printed("benchmarks/coverage.py", *given) == found


@pytest.mark.full
def test_the_benchmark_of_the_boundary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROXYKD_DATA", raising=False)
    few = ("benchmarks/boundary.py", "--quick", "--views", "48", "--kept", str(tmp_path))
    found = printed(*few)
    (teacher,) = found["teachers"].values()
    methods, best = teacher["methods"], teacher["methods"][found["best"]]
    assert {"paper", "bold_driver"} < set(methods) or found["missing"]
    assert found["success"] == best["success"] > 0
    ratio = best["accepted_per_pass"] / methods["paper"]["accepted_per_pass"]
    assert found["pairs_per_pass_vs_paper"] == pytest.approx(ratio)
    for figures in methods.values():
        assert 0 <= figures["success"] <= figures["success_unbounded"] <= 1
    ((_, curves),) = printed(*few, "--curves")["teachers"].items()
    success = [point["success"] for point in curves["curves"][found["best"]].values()]
    assert success[0] < success[-1]


@pytest.mark.full
def test_the_benchmark_of_diversity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROXYKD_DATA", raising=False)
    found = printed("benchmarks/diversity.py", "--quick", "--count", "1200")["pools"]
    assert list(found) == ["shaders", "leaves", "noise"]
    assert found["noise"]["slope"] == pytest.approx(0, abs=0.2)
    assert found["leaves"]["slope"] > 1
    assert (
        found["noise"]["pixels_vendi"] > found["shaders"]["pixels_vendi"] > found["shaders"]["pixels_within"]
    )
    assert found["shaders"]["features_between"] is not None
    assert found["noise"]["features_between"] is None
