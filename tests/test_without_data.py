"""Without data means without: once a teacher is made, its images can be gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from programs import Workplace

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
STUDENT = {
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
