"""With each loss a student really learns, through the program that people run."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from programs import Workplace
from proxykd.distillation.settings import LOSSES
from proxykd.networks.classifier import to_float
from proxykd.networks.files import load
from trained import digit_images

DIGITS = {"source": "digits", "size": 8, "channels": 1}
TEACHER = {
    "images": "d",
    "network": {"architecture": "convnet_8"},
    "recipe": {"steps": 150, "batch": 64, "warmup": 0.1},
}
STUDENT: dict[str, Any] = {
    "network": {"architecture": "convnet_8"},
    "recipe": {"steps": 250, "batch": 64, "learning_rate": 0.05, "warmup": 0.1},
    "augmentation": "none",
}
UPSTREAM = {"teacher": "train_teacher/t", "selection": "select_proxies/s"}
CASES: list[tuple[Any, float]] = [
    *((kind, 20.0) for kind in LOSSES),
    ({"kind": "kl", "standardise": True}, 2.0),
    ({"kind": "dkd", "standardise": True}, 2.0),
]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A teacher of digits, and digits selected as proxies."""
    workplace = Workplace(tmp_path_factory.mktemp("learning"))
    workplace.make("import_images", "train", DIGITS | {"split": "train"})
    workplace.make("train_teacher", "t", TEACHER, images="import_images/train")
    workplace.make("score_proxies", "s", {}, teacher="train_teacher/t", pool="import_images/train")
    workplace.make(
        "select_proxies", "s", {"count": 600}, pool="import_images/train", scores="score_proxies/s"
    )
    return workplace


@pytest.mark.parametrize(("loss", "temperature"), CASES, ids=str)
def test_a_student_agrees_with_its_teacher(workplace: Workplace, loss: Any, temperature: float) -> None:
    settings = STUDENT | {"loss": loss, "temperature": temperature}
    place = f"case-{CASES.index((loss, temperature))}"
    name = workplace.make("distill_student", place, settings, **UPSTREAM)
    student, teacher = (load(workplace.folder / one, "cpu") for one in (name, "train_teacher/t"))
    x_NCHW = to_float(torch.from_numpy(digit_images("test")[0]))
    agreement = (student(x_NCHW).argmax(1) == teacher(x_NCHW).argmax(1)).float().mean()
    # Chance is 0.1.
    assert float(agreement) > 0.6
    lines = (workplace.folder / name / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["loss"] < json.loads(lines[0])["loss"]
