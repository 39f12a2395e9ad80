"""Small real networks that several tests share, each trained once a session."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from proxykd.images import digits
from proxykd.images.settings import ImportImages
from proxykd.networks.classifier import Classifier, Description
from proxykd.presentation.progress import Progress
from proxykd.training.checkpoint import Checkpoint
from proxykd.training.settings import TrainTeacher
from proxykd.training.teacher import train_teacher

RECIPE = {"steps": 250, "batch": 64, "warmup": 0.1}


@cache
def digit_images(split: str) -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's digits as uint8 N x 8 x 8 x 1, and their labels."""
    settings = ImportImages(source="digits", size=8, channels=1, split=split)
    imported = digits.read(settings, lambda _: None)
    return imported.images_NHWC, np.array(imported.labels)


@cache
def digit_teacher() -> Classifier:
    """A convolutional network that reads digits, in eval mode and frozen."""
    settings = TrainTeacher.model_validate(
        {
            "images": "digits",
            "network": {"architecture": "convnet_8"},
            "recipe": RECIPE,
            "augmentation": "none",
        }
    )
    names = [str(digit) for digit in range(10)]
    with TemporaryDirectory() as folder, Progress("teacher", 0) as progress:
        teacher, _ = train_teacher(
            *digit_images("train"), names, settings, "cpu", progress, Checkpoint(Path(folder), 1e9)
        )
    return teacher.eval().requires_grad_(False)


def linear_classifier(weights_KD: list[list[float]], biases_K: list[float], size: int = 1) -> Classifier:
    """A classifier of one-channel images whose logits can be worked out by hand: W x + b."""
    layer = nn.Linear(len(weights_KD[0]), len(biases_K))
    layer.weight.data, layer.bias.data = torch.tensor(weights_KD), torch.tensor(biases_K)
    names = [chr(ord("a") + i) for i in range(len(biases_K))]
    described = Description("by hand", size, 1, names, [0.0], [1.0])
    return Classifier(nn.Sequential(nn.Flatten(), layer), described).eval().requires_grad_(False)
