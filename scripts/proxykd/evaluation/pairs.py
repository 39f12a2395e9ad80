"""Boundary fidelity: whether a student's decision boundary runs where the teacher's does.

Measured on pairs of held-out proxies that the teacher gives two classes, a few grey levels apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proxykd.networks.classifier import Classifier
from proxykd.networks.outputs import logits_of

DEEPER = "_deeper"


@dataclass(frozen=True)
class Pairs:
    """Images on either side of a teacher's boundary, uint8 N x H x W x C, and the teacher's classes."""

    before_NHWC: np.ndarray
    beyond_NHWC: np.ndarray
    teacher_N2: np.ndarray

    def mirrored_NHWC(self) -> np.ndarray:
        """What lies as far from each first image on its other side: the same change with its sign flipped."""
        before, beyond = self.before_NHWC.astype(np.int16), self.beyond_NHWC.astype(np.int16)
        return np.clip(2 * before - beyond, 0, 255).astype(np.uint8)

    def distance(self) -> float:
        """Median over the pairs of the largest change of a pixel, in grey levels of 255."""
        change = np.abs(self.before_NHWC.astype(np.int16) - self.beyond_NHWC)
        return float(np.median(change.reshape(len(change), -1).max(1)))


def pairs_of(images_GMHWC: np.ndarray, predicted_GM: np.ndarray) -> dict[str, Pairs]:
    """The pairs of an attack by the ending of their figures' names.

    images_GMHWC: G successes of M members, in the order in which the attack stores them: 2 for the close pair
    (ending ""), and 2 more, one step further into either class, for the deeper one ("_deeper").
    """
    found = {}
    for first, ending in zip(range(0, images_GMHWC.shape[1], 2), ("", DEEPER), strict=False):
        before, beyond = images_GMHWC[:, first], images_GMHWC[:, first + 1]
        found[ending] = Pairs(before, beyond, predicted_GM[:, first : first + 2])
    return found


def boundary_fidelity(student: Classifier, several: dict[str, Pairs], device: str) -> dict[str, float]:
    """What a student makes of pairs; shares from 0 to 1.

    separated: it gives the two members different classes. as_teacher: it gives both the teacher's classes.
    mirrored: it gives different classes to the first member and its mirror image, as far from it in the
    opposite direction: a student to whom the direction of the teacher's boundary says nothing has as much of
    this as of `separated`. distance: median L-infinity distance of the members in grey levels. n: pairs.
    """
    figures: dict[str, float] = {"n": len(next(iter(several.values())).before_NHWC)}
    for ending, pairs in several.items():
        sides = (pairs.before_NHWC, pairs.beyond_NHWC, pairs.mirrored_NHWC())
        before_N, beyond_N, mirrored_N = (logits_of(student, side, device).argmax(1) for side in sides)
        as_teacher_N = (np.stack([before_N, beyond_N], 1) == pairs.teacher_N2).all(1)
        figures |= {
            f"separated{ending}": float((before_N != beyond_N).mean()),
            f"as_teacher{ending}": float(as_teacher_N.mean()),
            f"mirrored{ending}": float((before_N != mirrored_N).mean()),
            f"distance{ending}": pairs.distance(),
        }
    return figures
