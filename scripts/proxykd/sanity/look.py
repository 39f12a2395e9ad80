"""A look at a teacher: what it makes of images as stated, and of some of them under each normalisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from proxykd.networks.classifier import Classifier
from proxykd.networks.outputs import logits_of, softmax
from proxykd.sanity.normalisations import Normalisation
from proxykd.sanity.trials import Trial, tried
from proxykd.sanity.verdict import Trials
from proxykd.selection.uniformity import uniformity

SEED = 0
"""Draws which images are looked at."""


@dataclass(frozen=True)
class Drawn:
    """Images from one or several datasets, in random order, and where each of them is."""

    images_NHWC: np.ndarray
    place_N: np.ndarray
    """Which of the datasets."""
    row_N: np.ndarray
    """Which of its images."""


@dataclass(frozen=True)
class Look:
    """What the teacher makes of one kind of images."""

    trials: Trials
    """Of the first images."""
    predicted_N: np.ndarray
    """Its class of each of them, as it is stated."""
    confidence_N: np.ndarray
    classes: dict[str, Any]
    """Their histogram."""

    def to_json(self) -> dict[str, Any]:
        """As JSON types, the stated normalisation first."""
        rows = [how.to_json() | {"label": how.label} | trial.to_json() for how, trial in self.trials.items()]
        return {"images": len(self.predicted_N), "classes": self.classes, "normalisations": rows}


def drawn(several: list[np.ndarray], most: int | None) -> Drawn:
    """At most so many images of all datasets together, each N x H x W x C uint8, drawn at random."""
    place_N = np.repeat(np.arange(len(several)), [len(images) for images in several])
    row_N = np.concatenate([np.arange(len(images)) for images in several])
    picked = np.random.default_rng(SEED).permutation(len(place_N))[:most]
    images = [several[place_N[one]][row_N[one]] for one in picked]
    return Drawn(np.stack(images), place_N[picked], row_N[picked])


def look(
    teacher: Classifier,
    images: Drawn,
    ways: list[Normalisation],
    sample: int,
    device: str,
    advance: Callable[[int], None] | None = None,
) -> Look:
    """Try every normalisation on the first `sample` images, and pass all of them through as stated."""
    trials: dict[Normalisation, Trial] = tried(teacher, images.images_NHWC[:sample], ways, device, advance)
    # What is not finite has no probabilities, and no class worth the name.
    logits_NK = np.nan_to_num(logits_of(teacher, images.images_NHWC, device, advance=advance))
    predicted_N = logits_NK.argmax(1)
    histogram_K = np.bincount(predicted_N, minlength=logits_NK.shape[1])
    return Look(trials, predicted_N, softmax(logits_NK).max(1), uniformity(histogram_K))
