"""The paper's third criterion: how many different images a pool holds, and how different its programs are.

The Vendi score (Friedman and Dieng, The Vendi score: a diversity evaluation metric for machine learning,
TMLR 2023): the exponential of the entropy of the eigenvalues of K / n, where K_ij is how alike images i and j
are. It is 1 for n copies of an image and n for n images that have nothing in common.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from proxykd.assessment.sample import Drawn

SIDE = 32
"""Pixels of a side to which larger images are averaged: pools of one teacher compare, whatever its input."""
GREY = 127.5


def measure(drawn: Drawn, pixels_ND: np.ndarray, features_ND: np.ndarray) -> dict[str, Any]:
    """Vendi scores of drawn images in pixels and in the teacher's features.

    pixels_ND, features_ND: a row for each of `drawn.rows`. For each of the two, `vendi`: of the sample, 1 to
    its number of images, or of dimensions where these are fewer; `between`: of one image a program, or None
    where there is one program, or each image is one of its own (`vendi` is that already); `within`: the mean
    of the scores of sets of images of one program each, 1 to the images in a set, or None where no program
    has so many.
    """
    return {"pixels": _scores(drawn, pixels_ND), "features": _scores(drawn, features_ND)}


def _scores(drawn: Drawn, x_ND: np.ndarray) -> dict[str, float | None]:
    return {
        "vendi": vendi(x_ND[drawn.sample]),
        "between": None if drawn.between is None else vendi(x_ND[drawn.between]),
        "within": None
        if drawn.within_SM is None
        else float(np.mean([vendi(x_ND[rows]) for rows in drawn.within_SM])),
    }


def vendi(x_ND: np.ndarray) -> float:
    """The Vendi score of n vectors with the cosine of their angle as likeness; 1 to min(n, dimensions).

    A cosine needs no width to choose, as a Gaussian kernel does. The eigenvalues that are not 0 are the same
    for the n x n matrix of cosines and for that of second moments, which may be smaller. Vectors of length 0
    are like each other alone.
    """
    x_ND = np.asarray(x_ND, np.float64)
    length_N1 = np.linalg.norm(x_ND, axis=1, keepdims=True)
    if (length_N1 == 0).any():
        x_ND = np.hstack([x_ND, length_N1 == 0])
        length_N1 = np.linalg.norm(x_ND, axis=1, keepdims=True)
    x_ND = x_ND / length_N1
    small = x_ND @ x_ND.T if len(x_ND) <= x_ND.shape[1] else x_ND.T @ x_ND
    values = np.linalg.eigvalsh(small / len(x_ND))
    values = values[values > 0]
    return float(np.exp(-(values * np.log(values)).sum()))


def pixels(images_NHWC: np.ndarray) -> np.ndarray:
    """Images as vectors from mid-grey, N x D; none has length 0.

    From mid-grey and not from the pool's own mean, so that one measure holds for all pools; and not from each
    image's mean, so that plain images keep their colour.
    """
    import torch
    from torch.nn.functional import adaptive_avg_pool2d

    small = images_NHWC
    if images_NHWC.shape[1] > SIDE:
        x_NCHW = torch.from_numpy(images_NHWC).permute(0, 3, 1, 2)
        # A thousand at a time: of 224 pixels they are 600 MB as floats.
        parts = [adaptive_avg_pool2d(part.float(), SIDE) for part in x_NCHW.split(1000)]
        small = torch.cat(parts).permute(0, 2, 3, 1).numpy()
    return small.reshape(len(small), -1).astype(np.float32) - np.float32(GREY)
