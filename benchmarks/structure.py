"""How images are built, beside how many different ones there are: their spectra, and the rank of features."""

from __future__ import annotations

import numpy as np

from proxykd.proxies.luma import in_channels

ROUNDING = 1 / 12
"""Variance of a pixel's rounding to 8 bits, in squared grey levels: what a spectrum cannot fall below."""


def spectral_slopes(images_NHWC: np.ndarray) -> np.ndarray:
    """The alpha of each image's power spectrum 1 / f^alpha, N float64; NaN for plain images.

    White noise has 0, photographs about 2 (van der Schaaf and van Hateren, "Modelling the power spectra of
    natural images: statistics and information", Vision Research 36, 1996). uint8 images, whose luma counts.
    A straight line is fitted by least squares to the logarithms of radially averaged power and of frequency,
    from 2 cycles an image to the Nyquist frequency, under a Hann window, since opposite edges do not meet.
    """
    side = images_NHWC.shape[1]
    grey_NHW = images_NHWC[..., 0] if images_NHWC.shape[3] == 1 else in_channels(images_NHWC, 1)[..., 0]
    window_H = np.hanning(side + 1)[:side]
    window_HW = np.outer(window_H, window_H)
    ring_HW, last = _rings(side)
    slopes = []
    for image_HW in grey_NHW.astype(np.float64):
        mean = (image_HW * window_HW).sum() / window_HW.sum()
        power_HW = np.abs(np.fft.fft2((image_HW - mean) * window_HW)) ** 2
        power_R = np.bincount(ring_HW.ravel(), power_HW.ravel()) / np.bincount(ring_HW.ravel())
        power_R = power_R[2 : last + 1] + ROUNDING * (window_HW**2).sum()
        slopes.append(-np.polyfit(np.log(np.arange(2, last + 1)), np.log(power_R), 1)[0])
    plain_N = grey_NHW.min((1, 2)) == grey_NHW.max((1, 2))
    return np.where(plain_N, np.nan, slopes)


def _rings(side: int) -> tuple[np.ndarray, int]:
    """The nearest whole frequency, in cycles an image, of each of a transform's coefficients; Nyquist's."""
    cycles_H = np.fft.fftfreq(side) * side
    return np.rint(np.hypot(cycles_H[:, None], cycles_H)).astype(int), side // 2


def effective_rank(x_ND: np.ndarray) -> float:
    """As how many equally strong directions n vectors count, about their mean: 1 to min(n - 1, dimensions).

    The exponential of the entropy of the singular values over their sum: Roy and Vetterli, "The effective
    rank: a measure of effective dimensionality", EUSIPCO 2007. 0 for vectors that are all the same.
    """
    values = np.linalg.svd(np.asarray(x_ND, np.float64) - x_ND.mean(0, dtype=np.float64), compute_uv=False)
    values = values[values > values.max(initial=0) * 1e-12]
    if not len(values):
        return 0.0
    share = values / values.sum()
    return float(np.exp(-(share * np.log(share)).sum()))
