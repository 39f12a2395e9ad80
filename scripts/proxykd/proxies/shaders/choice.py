"""The order of a catalogue: in each family first what differs most from all that was chosen before.

Differences are those of what untrained networks with random weights make of a program's images, so no trained
network and no real image has a say in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count

import numpy as np
import torch
from torch.nn import functional

from proxykd.proxies.shaders.sketch import uniforms

WIDTHS = ((3, 48, 5), (48, 64, 3), (64, 96, 3))
"""Channels before and after each convolution, and the side of its kernel."""
NETWORKS = 2
"""Networks with weights of their own, whose features stand beside one another."""
NEAR = 0.2
"""Two programs closer than that are near-duplicates; the median distance between two programs is about 1."""


@dataclass(frozen=True)
class Chosen:
    """What a catalogue lists of a family, as places among its candidates, and what was left out."""

    order: list[int]
    duplicates: int


def features(images_NHWC: np.ndarray) -> np.ndarray:
    """Means and deviations over the image of each channel of untrained networks: float32, N x D.

    Convolutions with normal weights, without sums of their own, leaky rectifiers and pooling by two.
    """
    images_NCHW = torch.from_numpy(images_NHWC).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    found = []
    for network in range(NETWORKS):
        x_NCHW = images_NCHW
        found += [x_NCHW.mean((2, 3)), x_NCHW.std((2, 3))]
        for layer, (_, _, side) in enumerate(WIDTHS):
            x_NCHW = functional.conv2d(x_NCHW, _weights(network, layer), padding=side // 2)
            x_NCHW = functional.leaky_relu(x_NCHW, 0.1)
            found += [x_NCHW.mean((2, 3)), x_NCHW.std((2, 3))]
            x_NCHW = functional.avg_pool2d(x_NCHW, 2)
    return torch.cat(found, 1).numpy()


@cache
def _weights(network: int, layer: int) -> torch.Tensor:
    """A convolution's weights: channels after and before, side, side; of variance 2 over what it adds up."""
    before, after, side = WIDTHS[layer]
    normal = torch.from_numpy(_normal(after * before * side * side, network, layer)).float()
    return normal.reshape(after, before, side, side) * (2.0 / (before * side * side)) ** 0.5


def _normal(count: int, *seed: int) -> np.ndarray:
    """`count` numbers from N(0, 1) by Box and Muller's transform of uniform ones."""
    u, v = uniforms(2 * count, 77, *seed).reshape(2, -1)
    normal: np.ndarray = np.sqrt(-2.0 * np.log(1.0 - u)) * np.cos(2.0 * np.pi * v)
    return normal


def portraits(features_PND: np.ndarray) -> np.ndarray:
    """One vector for each of P programs from the features of its N images: their mean and their deviation.

    Each entry is scaled by its deviation over the programs and cut at three of them; in all, two programs are
    about 1 apart.
    """
    both_PD = np.concatenate([features_PND.mean(axis=1), features_PND.std(axis=1)], axis=1)
    scaled_PD = (both_PD - both_PD.mean(axis=0)) / (both_PD.std(axis=0) + 1e-6)
    scaled_PD = np.clip(scaled_PD, -3.0, 3.0) / (2.0 * scaled_PD.shape[1]) ** 0.5
    return scaled_PD.astype(np.float32)


def choose(
    portraits_PD: np.ndarray, family_of: Sequence[str], weights: Mapping[str, float]
) -> dict[str, Chosen]:
    """Go round the families by weight; each time take the program that is farthest from all taken before.

    A family ends where its farthest is a near-duplicate (closer than `NEAR`) of something taken.
    """
    free = {name: [k for k, family in enumerate(family_of) if family == name] for name in weights}
    chosen = {name: Chosen([], 0) for name in weights}
    nearest_P = np.full(len(family_of), np.inf)
    open_families = [name for name in weights if free[name]]
    for turn in count(1):
        if not open_families:
            return chosen
        total = sum(weights[name] for name in weights)
        name = max(open_families, key=lambda n: weights[n] / total * turn - len(chosen[n].order))
        best = max(free[name], key=lambda k: nearest_P[k])
        if nearest_P[best] < NEAR:
            chosen[name] = Chosen(chosen[name].order, len(free[name]))
            open_families.remove(name)
            continue
        free[name].remove(best)
        chosen[name].order.append(best)
        nearest_P = np.minimum(nearest_P, np.linalg.norm(portraits_PD - portraits_PD[best], axis=1))
        if not free[name]:
            open_families.remove(name)
    raise AssertionError("count() has no end")
