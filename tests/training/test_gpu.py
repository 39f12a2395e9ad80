"""The loop on a CUDA device: the same bits after a resume, compiled, and with images left on the host."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from proxykd.distillation.settings import DistillStudent
from proxykd.distillation.student import Attacked, distil
from proxykd.presentation.progress import Progress
from proxykd.training import data
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.data import Images
from proxykd.training.settings import TrainTeacher
from proxykd.training.state import Training
from proxykd.training.teacher import accuracy, train_teacher
from trained import digit_images, digit_teacher

pytestmark = pytest.mark.gpu


def trained(folder: Path, **recipe: Any) -> dict[str, torch.Tensor]:
    """Weights of a small teacher of digits, whose accuracy is checked."""
    given = {
        "images": "digits",
        "network": {"architecture": "convnet_16"},
        "recipe": {"steps": 250, "batch": 64, "warmup": 0.1, **recipe},
        "augmentation": {"operations": 2, "shift": 0.1},
    }
    settings = TrainTeacher.model_validate(given)
    names = [str(digit) for digit in range(10)]
    with Progress("teacher", 0) as progress:
        network, _ = train_teacher(
            *digit_images("train"), names, settings, "cuda", progress, Checkpoint(folder, 0.0)
        )
    assert accuracy(network, *digit_images("test"), "cuda") > 0.9
    return {name: value.cpu() for name, value in network.state_dict().items()}


class Interrupted(Exception):
    """Stands for a kill between two steps."""


@pytest.mark.parametrize(
    "recipe", [{}, {"precision": "bf16", "ema": 0.9}, {"precision": "bf16", "compile": "default"}]
)
def test_a_resumed_training_ends_with_the_same_bits(
    recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(tmp_path / "whole", **recipe)
    advance = Training.advance

    def until_100(self: Training, *given: Any) -> None:
        if self.step == 100:
            raise Interrupted
        advance(self, *given)

    monkeypatch.setattr(Training, "advance", until_100)
    with pytest.raises(Interrupted):
        trained(tmp_path / "pieces", **recipe)
    monkeypatch.setattr(Training, "advance", advance)
    pieces = trained(tmp_path / "pieces", **recipe)
    assert all(torch.equal(whole[name], pieces[name]) for name in whole)


@pytest.mark.parametrize("mode", ["default", "reduce-overhead"])
def test_a_compiled_network_learns_as_well(mode: str, tmp_path: Path) -> None:
    # What it learned is checked there; the weights must be those of the network, under its own names.
    weights = trained(tmp_path, compile=mode, precision="bf16")
    assert not any(name.startswith("_orig_mod") for name in weights)


def test_images_that_do_not_fit_the_device_stay_on_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = trained(tmp_path / "device")
    monkeypatch.setattr(data, "SHARE", 0.0)
    here = trained(tmp_path / "host")
    assert all(torch.equal(there[name], here[name]) for name in there)


@pytest.mark.parametrize("recipe", [{}, {"compile": "reduce-overhead"}])
def test_a_student_with_boundary_pairs_learns(recipe: dict[str, Any], tmp_path: Path) -> None:
    teacher = copy.deepcopy(digit_teacher()).to("cuda")
    images_NHWC, labels_N = digit_images("train")
    pairs = np.stack([images_NHWC[:200], images_NHWC[200:400]], 1)
    settings = DistillStudent.model_validate(
        {
            "network": {"architecture": "convnet_8"},
            "recipe": {"steps": 200, "batch": 64, "warmup": 0.1, **recipe},
            "temperature": 4,
            "augmentation": {"operations": 2, "shift": 0.1},
            "cutmix": 0.5,
        }
    )
    with Progress("student", 0) as progress:
        attacked = Attacked(Images(pairs, "cuda"))
        student, _, straddling = distil(
            teacher, images_NHWC, attacked, settings, "cuda", progress, Checkpoint(tmp_path)
        )
    assert straddling is not None
    assert accuracy(student, images_NHWC, labels_N, "cuda") > 0.7
