"""What a teacher makes of images under a normalisation: its classes, its confidence, its inner statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from proxykd.networks.classifier import Classifier, to_float
from proxykd.networks.outputs import log_softmax
from proxykd.sanity.normalisations import Normalisation
from proxykd.sanity.statistics import Moments
from proxykd.selection.uniformity import uniformity

BATCH = 64
EARLY = 4
"""Batch norms whose misfits count: the first ones. What the images show moves the deeper ones more than
how they are normalised."""
ONE_HOT = 0.99
"""Confidence from which an answer is nearly certain."""


@dataclass(frozen=True)
class Trial:
    """Figures of one normalisation on one set of images; None where outputs are not finite."""

    finite: bool
    """Whether all outputs are."""
    classes: dict[str, Any]
    """Histogram of the classes, its scaled entropy, smallest share and number of empty classes."""
    confidence: float | None
    """Mean of the largest probability."""
    entropy: float | None
    """Mean of the outputs' entropies, in nats."""
    one_hot: float | None
    """Share of images with a confidence of 0.99 and more."""
    scale: float | None
    """Mean over images of the logits' standard deviation over classes."""
    misfit: float | None
    """Of the first batch norms, mean; None where there are none, or what they get is not finite."""
    deep_misfit: float | None
    """Of all of them."""

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


@torch.inference_mode()
def attempt(network: Classifier, images_NHWC: np.ndarray, how: Normalisation, device: str) -> Trial:
    """Pass uint8 images through a network in eval mode, normalised in another way than it states."""
    network.eval()
    with Moments(network) as moments:
        parts = [
            network(x_NCHW).float().cpu().numpy() for x_NCHW in _pixels(network, images_NHWC, how, device)
        ]
    misfits = moments.misfits()
    known: dict[str, Any] = {"misfit": None, "deep_misfit": None}
    if misfits and np.isfinite(misfits).all():
        known = {"misfit": float(np.mean(misfits[:EARLY])), "deep_misfit": float(np.mean(misfits))}
    return Trial(**_of_outputs(np.concatenate(parts)), **known)


def _pixels(
    network: Classifier, images_NHWC: np.ndarray, how: Normalisation, device: str
) -> Iterator[torch.Tensor]:
    """Batches which the network, normalising as it states, sees as under the other normalisation."""
    # The network's own normalisation stays what it is: it may be part of a program that nobody can open.
    stated = network.description
    mean_C, deviation_C, stated_mean_C, stated_deviation_C = (
        torch.tensor(values, device=device).view(-1, 1, 1)
        for values in (how.mean, how.deviation, stated.mean, stated.deviation)
    )
    for first in range(0, len(images_NHWC), BATCH):
        x_NCHW = to_float(torch.from_numpy(images_NHWC[first : first + BATCH]).to(device))
        if how.flipped:
            x_NCHW = x_NCHW.flip(1)
        yield (x_NCHW - mean_C) / deviation_C * stated_deviation_C + stated_mean_C


def tried(
    network: Classifier,
    images_NHWC: np.ndarray,
    ways: Iterable[Normalisation],
    device: str,
    advance: Callable[[int], None] | None = None,
) -> dict[Normalisation, Trial]:
    """All normalisations on the same images."""
    found = {}
    for how in ways:
        found[how] = attempt(network, images_NHWC, how, device)
        if advance is not None:
            advance(len(images_NHWC))
    return found


def _of_outputs(logits_NK: np.ndarray) -> dict[str, Any]:
    finite_N = np.isfinite(logits_NK).all(1)
    predicted_N = logits_NK[finite_N].argmax(1)
    found: dict[str, Any] = {
        "finite": bool(finite_N.all()),
        "classes": uniformity(np.bincount(predicted_N, minlength=logits_NK.shape[1])),
    }
    if not finite_N.all():
        return found | dict.fromkeys(("confidence", "entropy", "one_hot", "scale"))
    log_NK = log_softmax(logits_NK)
    probability_NK = np.exp(log_NK)
    confidence_N = probability_NK.max(1)
    return found | {
        "confidence": float(confidence_N.mean()),
        "entropy": float(-(probability_NK * log_NK).sum(1).mean()),
        "one_hot": float((confidence_N >= ONE_HOT).mean()),
        "scale": float(logits_NK.std(1).mean()),
    }
