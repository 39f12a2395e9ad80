"""The paper's fourth criterion: how much a pool's images tell of the teacher's decision boundary."""

from __future__ import annotations

from typing import Any

import numpy as np

from proxykd.assessment.opinions import Opinions

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
BINS = 20
SURE = 0.9
"""Confidence from which an output is nearly its class alone; the threshold of the paper's attack."""


def measure(opinions: Opinions, classes: int, margin: float) -> dict[str, Any]:
    """Distributions of margin and entropy over a pool's images, and the shares that lie near the boundary.

    `mean_margin`: 0 (all on the boundary) to 1; `mean_entropy`: of the outputs in nats, 0 to log K (the
    larger, the more an output says of classes beside the first); `near_share`: share of images with a smaller
    margin than `margin`; `unsure_share`: with a confidence below 0.9. Histograms have 20 equal bins.
    """
    return {
        "near_share": float((opinions.margin_N < margin).mean()),
        "unsure_share": float((opinions.confidence_N < SURE).mean()),
        "mean_margin": float(opinions.margin_N.mean()),
        "mean_entropy": float(opinions.entropy_N.mean()),
        "margin": _distribution(opinions.margin_N, 1.0),
        "entropy": _distribution(opinions.entropy_N, float(np.log(classes))),
    }


def _distribution(values_N: np.ndarray, largest: float) -> dict[str, Any]:
    """Quantiles, and the histogram over 0 to `largest`."""
    # Rounding may put an even output's entropy beyond log K.
    counts, _ = np.histogram(np.clip(values_N, 0, largest), BINS, (0, largest))
    quantiles = np.quantile(values_N, QUANTILES)
    return {
        "quantiles": {f"{q:g}": float(value) for q, value in zip(QUANTILES, quantiles, strict=True)},
        "histogram": counts.tolist(),
        "largest": largest,
    }
