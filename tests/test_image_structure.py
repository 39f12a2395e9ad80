"""Spectral slopes and effective ranks, which benchmarks/diversity.py shows."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from checkouts import ROOT

sys.path.append(str(ROOT / "benchmarks"))

from structure import effective_rank, spectral_slopes

RNG = np.random.default_rng(0)


def coloured_noise(alpha: float, count: int, side: int) -> np.ndarray:
    """Grey images whose power spectrum is 1 / f^alpha, uint8."""
    cycles = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)) * side
    filtered = np.fft.rfft2(RNG.normal(size=(count, side, side))) * np.maximum(cycles, 1) ** (-alpha / 2)
    waves = np.fft.irfft2(filtered, (side, side))
    return (127.5 + 30 * waves / waves.std()).clip(0, 255).round().astype(np.uint8)[..., None]


@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("side", [28, 32, 64])
def test_the_slope_of_a_known_spectrum(alpha: float, side: int) -> None:
    assert spectral_slopes(coloured_noise(alpha, 40, side)).mean() == pytest.approx(alpha, abs=0.2)


def test_colour_counts_by_its_luma_and_plain_images_have_no_slope() -> None:
    grey = coloured_noise(1.0, 3, 32)
    assert spectral_slopes(np.repeat(grey, 3, 3)) == pytest.approx(spectral_slopes(grey), abs=0.02)
    plain = np.broadcast_to(np.array([200, 10, 90], np.uint8), (2, 32, 32, 3))
    assert np.isnan(spectral_slopes(plain)).all()


def test_as_many_directions_as_there_are() -> None:
    directions = np.linalg.qr(RNG.normal(size=(9, 9)))[0][:4]
    corners = np.concatenate([directions, -directions])
    assert effective_rank(corners + 5) == pytest.approx(4)
    assert effective_rank(np.concatenate([corners, 0.01 * RNG.normal(size=(8, 9))])) > 4
    assert effective_rank(RNG.normal(size=(3000, 9))) == pytest.approx(9, abs=0.05)
    assert effective_rank(np.outer(RNG.normal(size=20), directions[0])) == pytest.approx(1)
    assert effective_rank(np.ones((5, 3))) == 0
