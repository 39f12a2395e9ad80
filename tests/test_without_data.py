"""Without data means without: once a teacher is made, its images can be gone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from programs import SCRIPTS, Workplace
from proxykd.configuration import load
from proxykd.plan import Plan

DIGITS = {"source": "digits", "size": 8, "channels": 1, "limit": 400}
TEACHER = {
    "images": "digits",
    "network": {"architecture": "convnet_8"},
    "recipe": {"steps": 80, "batch": 32, "warmup": 0.1},
    "augmentation": "none",
}
POOLS = {
    "noise": {"kind": "noise", "count": 120, "size": 8, "channels": 1},
    "shaders": {"kind": "shaders", "count": 40, "size": 8, "channels": 1, "programs": 8},
}
STUDENT: dict[str, Any] = {
    "network": {"architecture": "convnet_8"},
    "recipe": {"steps": 8, "batch": 16},
    "temperature": 20,
    "augmentation": "extreme",
}


def make_teacher(workplace: Workplace) -> None:
    for split in ("train", "validation", "test"):
        workplace.make("import_images", split, DIGITS | {"split": split})
    workplace.make(
        "train_teacher", "t", TEACHER, images="import_images/train", validation="import_images/validation"
    )


def make_student(workplace: Workplace, kind: str) -> bytes:
    """Weights of a student from rendering on."""
    teacher, pool, scores = "train_teacher/t", f"render_proxies/{kind}", f"score_proxies/{kind}"
    workplace.make("render_proxies", kind, POOLS[kind])
    workplace.make("score_proxies", kind, {}, teacher=teacher, pool=pool)
    selection = workplace.make("select_proxies", kind, {"count": 40}, pool=pool, scores=scores)
    attack = {"epsilon": 64, "sources": 60}
    boundary = workplace.make("attack_boundary", kind, attack, teacher=teacher, selection=selection)
    student = workplace.make(
        "distill_student", kind, STUDENT, teacher=teacher, selection=selection, boundary=boundary
    )
    return (workplace.folder / student / "model.safetensors").read_bytes()


def destroy_images(workplace: Workplace) -> None:
    """Garbage in place of the shards of one split, and no file at all of the others."""
    garbage = list((workplace.folder / "import_images").glob("train/train-*.tar"))
    assert garbage
    for shard in garbage:
        shard.write_bytes(b"no images here")
    for split in ("validation", "test"):
        shutil.rmtree(workplace.folder / "import_images" / split)


@pytest.mark.parametrize("kind", POOLS)
def test_a_student_has_the_same_bits_when_the_training_images_are_gone(kind: str, tmp_path: Path) -> None:
    before, after = Workplace(tmp_path / "before"), Workplace(tmp_path / "after")
    before.folder.mkdir()
    make_teacher(before)
    shutil.copytree(before.folder, after.folder)
    destroy_images(after)
    assert make_student(before, kind) == make_student(after, kind)


def test_the_images_are_really_gone(tmp_path: Path) -> None:
    """The same destruction stops what does need the images."""
    workplace = Workplace(tmp_path)
    make_teacher(workplace)
    destroy_images(workplace)
    status, told = workplace.run("train_teacher", "again", TEACHER, images="import_images/train")
    assert status == 1
    assert "is damaged" in told


def test_a_checkpoint_alone_gives_a_report_and_a_student(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From somebody's weights to the report, with no real image on the machine."""
    origin = Workplace(tmp_path / "origin")
    origin.folder.mkdir()
    make_teacher(origin)
    checkpoint = shutil.copy(origin.out("train_teacher", "t") / "model.safetensors", tmp_path / "weights")
    shutil.rmtree(origin.folder)
    workplace = Workplace(tmp_path / "store")
    workplace.folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROXYKD_STORE", str(workplace.folder))
    given = without_data(checkpoint)
    for stage in Plan(load(given)).all_stages():
        roles = {
            role: [f"{one.name}/{one.key}" for one in several] for role, several in stage.upstream.items()
        }
        workplace.make(stage.name, stage.key, json.loads(stage.settings_json), **roles)
    assert not (workplace.folder / "import_images").exists()
    out = tmp_path / "results"
    command = [sys.executable, str(SCRIPTS / "report.py"), "--settings", json.dumps(given), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "This is not accuracy" in (out / "report.html").read_text()
    for figures in json.loads((out / "summary.json").read_text())["experiments"].values():
        assert figures["accuracy"] is None
        assert figures["pairs"]["n"]["mean"] > 20
        for on, names in (("heldout", ("agreement", "kl", "calibration_error")), ("pairs", ("separated",))):
            for name in names:
                assert figures[on][name]["mean"] >= 0
                assert figures[on][name]["n"] == 2
    for name in given["experiments"]:
        assert (out / name / "model" / "model.safetensors").stat().st_size > 1000


def without_data(checkpoint: Path) -> dict[str, Any]:
    """A run that names a checkpoint and no images."""
    sizes = ("size", "channels")
    pools = {
        name: {key: value for key, value in pool.items() if key not in sizes} for name, pool in POOLS.items()
    }
    return {
        "seeds": [0, 1],
        "import_teacher": {
            "architecture": "convnet_8",
            "checkpoint": str(checkpoint),
            "size": 8,
            "channels": 1,
            "classes": 10,
            "mean": [0.5],
            "deviation": [0.5],
        },
        "check_teacher": {"proxies": {"kind": "leaves", "count": 40}},
        "proxies": [{"render_proxies": pools["shaders"]}],
        "select_proxies": {"count": 40},
        "distill_student": STUDENT,
        "evaluate_student": {
            "heldout": {"kind": "shaders", "corpus": "heldout", "count": 60, "programs": 6},
            "pairs": {"sources": 60},
        },
        "experiments": {
            "shaders": {},
            "noise+boundary": {
                "proxies": [{"render_proxies": pools["noise"]}],
                "attack_boundary": {"epsilon": 64, "sources": 60},
            },
        },
    }
