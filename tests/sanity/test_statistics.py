"""What flows through a network, beside what its batch norms remember."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from proxykd.sanity.statistics import Moments, misfit


def integral(mean: float, variance: float, other_mean: float, other_variance: float) -> float:
    """Bhattacharyya's distance by its definition: -ln of the integral of the root of both densities."""
    x = np.linspace(-80, 80, 400_001)
    densities = [
        np.exp(-((x - m) ** 2) / (2 * v)) / np.sqrt(2 * np.pi * v)
        for m, v in ((mean, variance), (other_mean, other_variance))
    ]
    return float(-np.log(np.trapezoid(np.sqrt(densities[0] * densities[1]), x)))


def test_misfit_is_bhattacharyyas_distance_and_its_mean_over_channels() -> None:
    several = [(0.0, 1.0, 0.0, 1.0), (1.5, 2.0, -0.5, 0.25), (0.0, 9.0, 3.0, 1.0)]
    expected = [integral(*one) for one in several]
    columns = [torch.tensor(column, dtype=torch.float64) for column in zip(*several, strict=True)]
    assert misfit(*columns) == pytest.approx(np.mean(expected), abs=1e-6)
    assert misfit(*columns[2:], *columns[:2]) == pytest.approx(np.mean(expected), abs=1e-6)
    assert expected[0] == pytest.approx(0, abs=1e-9)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    # Without momentum, batch norms remember plain means over all batches.
    norms = [nn.BatchNorm2d(4, momentum=None), nn.BatchNorm1d(6, momentum=None)]
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        norms[0],
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 6),
        norms[1],
    )


def test_images_that_a_network_remembers_fit_and_others_do_not() -> None:
    layers = network()
    x_NCHW = torch.rand(256, 3, 8, 8)
    with torch.no_grad():
        layers.train()(x_NCHW)
        layers.eval()
        found = {}
        for name, images in (("same", x_NCHW), ("shifted", x_NCHW + 1), ("scaled", 5 * x_NCHW)):
            with Moments(layers) as moments:
                for batch in images.split(60):
                    layers(batch)
            found[name] = moments.misfits()
    # Further in, training saw the first layer's output normalised by the batch, which is the same here.
    assert [len(misfits) for misfits in found.values()] == [2, 2, 2]
    assert found["same"][0] < 1e-4
    assert found["shifted"][0] > 0.1
    assert found["scaled"][0] > 0.1


def test_nothing_is_left_hooked() -> None:
    layers = network().eval()
    with Moments(layers) as moments, torch.no_grad():
        layers(torch.rand(2, 3, 8, 8))
    before = moments.misfits()
    with torch.no_grad():
        layers(9 * torch.rand(2, 3, 8, 8))
    assert moments.misfits() == before


def test_what_keeps_no_statistics_has_no_misfit() -> None:
    without = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.BatchNorm2d(4, track_running_stats=False)
    )
    x_NCHW = torch.rand(4, 3, 8, 8)
    exported = torch.export.export(network().eval(), (x_NCHW,)).module()
    for module in (without, exported):
        with Moments(module) as moments, torch.no_grad():
            module(x_NCHW)
        assert moments.misfits() == []
