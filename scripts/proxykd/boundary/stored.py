"""What is stored of pairs: eight bits, and the original teacher's opinion of them in full precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from proxykd.boundary.grey import to_grey_levels
from proxykd.boundary.opinions import Opinions, opinions
from proxykd.boundary.pairs import Pairs
from proxykd.boundary.settings import AttackBoundary
from proxykd.boundary.sides import CLEAR
from proxykd.networks.classifier import Classifier

ROLES = ("pre", "post", "pre_deeper", "post_deeper")
"""The four images of a success, in the order in which they are stored."""


@dataclass(frozen=True)
class Stored:
    """The pairs of a block that hold."""

    images_NHWC: np.ndarray
    facts: dict[str, list[dict[str, Any]]]
    """By role, a row for each pair."""
    kept_N: np.ndarray
    """Which of the successes these are."""
    steps_N: list[int]


def store(
    teacher: Classifier, method: Any, pairs: Pairs, target_N: torch.Tensor, how: AttackBoundary
) -> Stored:
    """Of the successes of an attack those that hold once stored, with one further step if there is to be one.

    method: the module that made them. target_N: of all that were attacked.
    """
    success_N = pairs.success_N
    sides = {
        "pre": to_grey_levels(pairs.pre_NCHW[success_N]),
        "post": to_grey_levels(pairs.post_NCHW[success_N]),
    }
    if pairs.seen is None:
        seen = {role: opinions(teacher, x_NCHW) for role, x_NCHW in sides.items()}
    else:
        seen = {role: pairs.seen[role].of(success_N) for role in sides}
    kept_N = torch.ones_like(target_N[success_N], dtype=torch.bool)
    if method.CROSSES:
        kept_N = holds(seen["pre"], seen["post"], target_N[success_N], how.threshold)
    sides = {role: x_NCHW[kept_N] for role, x_NCHW in sides.items()}
    seen = {role: one.of(kept_N) for role, one in seen.items()}
    if how.deeper:
        for role, sign in (("pre", -1), ("post", 1)):
            way_NCHW = None
            if pairs.towards_NCHW is not None:
                way_NCHW = sign * pairs.towards_NCHW[success_N][kept_N]
            sides[f"{role}_deeper"] = method.deeper(teacher, sides[role], seen[role].class_N, how, way_NCHW)
            seen[f"{role}_deeper"] = opinions(teacher, sides[f"{role}_deeper"])
    stacked_NCHW = torch.stack(list(sides.values()), 1).flatten(0, 1)
    return Stored(
        stacked_NCHW.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy(),
        {role: one.facts() for role, one in seen.items()},
        kept_N.cpu().numpy(),
        pairs.steps_N[success_N][kept_N].tolist(),
    )


def holds(pre: Opinions, post: Opinions, target_N: torch.Tensor, threshold: float) -> torch.Tensor:
    """Which pairs lie on the two sides of their target's boundary, unsure of it, and clearly so."""
    unsure_N = torch.maximum(pre.confidence_N, post.confidence_N) < threshold
    clear_N = torch.minimum(pre.margin_N, post.margin_N) >= CLEAR
    return (post.class_N == target_N) & (pre.class_N != target_N) & unsure_N & clear_N
