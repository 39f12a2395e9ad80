"""Smooth random displacement of pixels (Simard et al. 2003), as torchvision's ElasticTransform draws it.

There, uniform noise at each pixel is blurred by a Gaussian with reflecting edges: B noise Bᵀ, with the blur
of a line of pixels as a matrix B. So wide a Gaussian leaves next to nothing of most of the noise, and what
is left is a sum of very many numbers. Here its factor E of a few columns, E Eᵀ = B Bᵀ, takes the place of B,
and normal numbers that of the noise: the same covariance of any two pixels for 36 numbers in place of 1024 at
32 pixels, and no more of them at 224.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from proxykd.augmentation.device import to_device

KEPT = 0.999
"""Share of the variance that E keeps."""


def displacement(
    linear_M22: np.ndarray,
    elastic: float,
    sigma: float,
    like_NCHW: torch.Tensor,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Fields of x and y for M images, M x 2 x H x W, in the units of `linear_M22`.

    linear_M22: what is then done to each image's displacements in pixels.
    elastic: deviation as a share of the side, far from the edges (where the reflection makes it larger).
    torchvision's `alpha` for it is 2 √3 elastic side / the sum of the squared weights of the line's Gaussian,
    and its `sigma` is sigma times the side.
    """
    height, width = like_NCHW.shape[2:]
    rows, columns = _factor(height, sigma), _factor(width, sigma)
    kept_rows, kept_columns = rows.shape[1], columns.shape[1]
    normal_M2K = rng.standard_normal((len(linear_M22), 2, kept_columns * kept_rows), np.float32)
    deviation_2 = np.array([elastic * width, elastic * height])
    normal = to_device((linear_M22 * deviation_2) @ normal_M2K, like_NCHW)
    # Each factor as one product of two matrices: a batch of small ones takes three times as long.
    of_rows = normal.view(-1, kept_columns, kept_rows) @ to_device(rows.T, like_NCHW)
    fields = of_rows.transpose(1, 2).reshape(-1, kept_columns) @ to_device(columns.T, like_NCHW)
    return fields.view(-1, 2, height, width)


@lru_cache
def _factor(side: int, sigma: float) -> np.ndarray:
    """E for one line of pixels, with deviation 1 far from the edges."""
    blur = blur_matrix(side, sigma * side)
    variance_K, vectors = np.linalg.eigh(blur @ blur.T)
    variance_K, vectors = variance_K[::-1], vectors[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(variance_K), KEPT * variance_K.sum())) + 1
    # An eigenvector's sign is any: with one of them, the views of a seed are the same on every machine.
    vectors = vectors[:, :kept] * np.where(vectors[0, :kept] < 0, -1, 1)
    return vectors * np.sqrt(variance_K[:kept] / (gaussian(sigma * side) ** 2).sum())


def gaussian(sigma: float) -> np.ndarray:
    """Weights of a Gaussian at whole pixels, cut off as in torchvision's ElasticTransform. Sigma: pixels."""
    taps = int(8 * sigma + 1) | 1
    weight = np.exp(-0.5 * ((np.arange(taps) - taps // 2) / sigma) ** 2)
    return weight / weight.sum()


def blur_matrix(side: int, sigma: float) -> np.ndarray:
    """What a Gaussian blur does to a line of pixels that is mirrored about its first and last pixel."""
    weight = gaussian(sigma)
    around = np.arange(side)[:, None] + np.arange(len(weight)) - len(weight) // 2
    folded = np.abs(around) % max(1, 2 * (side - 1))
    source = np.minimum(folded, 2 * (side - 1) - folded)
    matrix = np.zeros((side, side))
    np.add.at(matrix, (np.arange(side)[:, None], source), weight)
    return matrix
