"""Programs that may enter the catalogue: a few images of each, and why one may not.

The tests look at pixels alone. Thresholds are set so that sparse marks on black pass, and blanks do not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from proxykd.proxies.shaders.cost import MOST, bound
from proxykd.proxies.shaders.grammar import Program, write_program
from proxykd.proxies.shaders.sketch import FEWEST
from proxykd.proxies.shaders.studio import Studio

IMAGES = 8
"""Images of a candidate, with parameter seeds 0 to 7."""
SIZE, SUPERSAMPLING = 32, 2
MARK = (255, 0, 255)
"""What a pixel becomes that is not a number, while a candidate is looked at."""
FLAT = 8.0
"""Grey levels: the deviation of luma that half of the images reach."""
BLANK, BLANKS = 3.0, 0.13
"""An image with a smaller deviation is blank; that share of the images may be."""
ONE_TONE = 0.93
"""The largest of 32 bins of luma may hold that share of the pixels of half of the images."""
BITS = 0.6
"""Entropy of these bins that half of the images reach."""
MOVED = 9.0
"""Grey levels: the mean difference between two images of a program."""
ALIKE, PAIRS_ALIKE = 3.0, 0.1
"""Two images are alike below that mean difference; that share of a program's pairs may be."""
SMOOTH = 0.3
"""White noise is what does not reach that correlation of neighbouring pixels (it has 0 itself)..."""
FLAT_SPECTRUM = 0.25
"""... and has a spectrum flatter than that: geometric over arithmetic mean of the power; its own is 0.56."""


@dataclass(frozen=True)
class Candidate:
    """A program, its images, and the reasons for which it is rejected."""

    program: Program
    images_NHWC: np.ndarray
    reasons: tuple[str, ...]


def look_at(studio: Studio, family: str, seeds: Iterable[int]) -> list[Candidate]:
    """Draw `IMAGES` images of each program and judge them; the studio has `SIZE` and `SUPERSAMPLING`."""
    found = []
    for seed in seeds:
        program = write_program(family, seed)
        values = [program.parameters(k) for k in range(IMAGES)]
        images_NHWC = studio.draw(marking(program), values)
        reasons = rejected(images_NHWC)
        if _has_marks(images_NHWC):
            plain_NHWC = studio.draw(program, values)
            reasons += ["not a number"] if (plain_NHWC != images_NHWC).any() else []
        if bound(program.glsl) > MOST:
            reasons.append("dear")
        if len(program.ranges) < FEWEST:
            reasons.append("few parameters")
        found.append(Candidate(program, images_NHWC, tuple(reasons)))
    return found


def marking(program: Program) -> Program:
    """The program with `MARK` for each sample that is not a number."""
    head = "vec3 shade(vec2 z) {"
    guard = (
        "vec3 unguarded(vec2 z);\nvec3 shade(vec2 z) {\n    vec3 c = unguarded(z);\n"
        "    return any(isnan(c)) ? vec3(1.0, 0.0, 1.0) : c;\n}\nvec3 unguarded(vec2 z) {"
    )
    return replace(program, glsl=program.glsl.replace(head, guard))


def rejected(images_NHWC: np.ndarray) -> list[str]:
    """Why a program with these images (uint8) is left out: any of `dull`, `static` and `white noise`."""
    luma_NHW = images_NHWC.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    deviation_N = luma_NHW.std(axis=(1, 2))
    shares_NK = np.stack([np.bincount((one // 8).astype(int).ravel(), minlength=32) for one in luma_NHW])
    shares_NK = shares_NK / shares_NK.sum(axis=1, keepdims=True)
    bits_N = -(shares_NK * np.log2(np.maximum(shares_NK, 1e-12))).sum(axis=1)
    reasons = []
    if (
        np.median(deviation_N) < FLAT
        or (deviation_N < BLANK).mean() > BLANKS
        or np.median(shares_NK.max(axis=1)) > ONE_TONE
        or np.median(bits_N) < BITS
    ):
        reasons.append("dull")
    apart = differences(images_NHWC)
    if apart.mean() < MOVED or (apart < ALIKE).mean() > PAIRS_ALIKE:
        reasons.append("static")
    if (
        np.median([_neighbours(one) for one in luma_NHW]) < SMOOTH
        and np.median([_flatness(one) for one in luma_NHW]) > FLAT_SPECTRUM
    ):
        reasons.append("white noise")
    return reasons


def differences(images_NHWC: np.ndarray) -> np.ndarray:
    """Mean absolute difference in grey levels for each pair of the images: N (N - 1) / 2 numbers."""
    flat_ND = images_NHWC.reshape(len(images_NHWC), -1).astype(np.float64)
    apart_NN = np.abs(flat_ND[:, None] - flat_ND[None]).mean(axis=2)
    return apart_NN[np.triu_indices(len(flat_ND), 1)]


def _has_marks(images_NHWC: np.ndarray) -> bool:
    return bool((images_NHWC == np.array(MARK, dtype=np.uint8)).all(axis=3).any())


def _neighbours(luma_HW: np.ndarray) -> float:
    """Correlation of a pixel with its right and lower neighbours; 1 for a blank image."""
    level_HW = luma_HW - luma_HW.mean()
    power = (level_HW**2).mean()
    across = (level_HW[:, 1:] * level_HW[:, :-1]).mean() + (level_HW[1:] * level_HW[:-1]).mean()
    return float(across / (2 * power)) if power > 1e-9 else 1.0


def _flatness(luma_HW: np.ndarray) -> float:
    """Geometric over arithmetic mean of the power in all frequencies but the lowest: 0 to 1."""
    power = (np.abs(np.fft.rfft2(luma_HW)) ** 2).ravel()[1:] + 1e-6
    return float(np.exp(np.log(power).mean()) / power.mean())
