"""From selected images to stored pairs: draw views, attack them, keep what still straddles the boundary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch

from proxykd.boundary.grey import to_grey_levels
from proxykd.boundary.settings import METHODS, AttackBoundary
from proxykd.boundary.views import Views, draw_targets, draw_views
from proxykd.networks.classifier import Classifier
from proxykd.training.order import Order

BATCH = 256
ROLES = ("pre", "post", "pre_deeper", "post_deeper")
"""The four images of a success, in the order in which they are stored."""


@dataclass
class Harvest:
    """One batch of the attack, after rounding to grey levels."""

    images_NHWC: np.ndarray
    """uint8; all members of one success after another."""
    rows: list[dict[str, Any]]
    counts: dict[str, int]
    """views; already (in their target class before the attack); failed (never crossed below the threshold);
    rounded (lost to rounding); kept. The last four add up to the first."""


def harvest(
    teacher: Classifier,
    images_NHWC: torch.Tensor,
    predicted_N: np.ndarray,
    settings: AttackBoundary,
) -> Iterator[Harvest]:
    """Attack `settings.sources` views batch by batch.

    images_NHWC: uint8, on the teacher's device. predicted_N: the teacher's class of each.
    """
    total = settings.sources or len(images_NHWC)
    batch = min(BATCH, total)
    order = Order(len(images_NHWC), batch, settings.seed)
    for step in range((total + batch - 1) // batch):
        views = draw_views(images_NHWC, order, step, settings, teacher.mean_C11.flatten())
        take = min(batch, total - step * batch)
        yield _attack_views(teacher, views, predicted_N, settings, take)


def _attack_views(
    teacher: Classifier, views: Views, predicted_N: np.ndarray, settings: AttackBoundary, take: int
) -> Harvest:
    method = import_module(METHODS[settings.method])
    x_NCHW = views.x_NCHW[:take]
    with torch.no_grad():
        initial_N = teacher(x_NCHW).argmax(1)
    classes = len(teacher.description.classes)
    source_N = views.source_N[:take]
    target = draw_targets(initial_N.cpu().numpy(), predicted_N[source_N], classes, settings, views.step)
    target_N = torch.from_numpy(target).to(x_NCHW.device)
    # The paper keeps only what starts outside its target class.
    ready_N = (initial_N != target_N).nonzero()[:, 0]
    pairs = method.attack(teacher, x_NCHW[ready_N], target_N[ready_N], settings)
    crossed_N = ready_N[pairs.success_N]
    pre_NCHW, post_NCHW, pre_class_N, kept = _stored(teacher, pairs, target_N[crossed_N], settings)
    rows = crossed_N[kept]
    members = _members(method, teacher, pre_NCHW, post_NCHW, pre_class_N, target_N[rows], settings)
    facts = {role: _facts(teacher, x) for role, x in members.items()}
    stacked = torch.stack(list(members.values()), 1).flatten(0, 1)
    images = stacked.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    described = [
        {
            "success": place,
            "role": role,
            "source": int(source_N[row]),
            "partner": int(views.partner_N[row]),
            "mix_share": float(views.share_N[row]),
            "view_step": views.step,
            "view_row": int(row),
            "view_class": int(initial_N[row]),
            "target": int(target_N[row]),
            "steps": int(steps),
            **facts[role][place],
        }
        for place, (row, steps) in enumerate(
            zip(rows.tolist(), pairs.steps_N[pairs.success_N][kept].tolist(), strict=True)
        )
        for role in members
    ]
    counts = {
        "views": take,
        "already": take - len(ready_N),
        "failed": len(ready_N) - len(crossed_N),
        "rounded": len(crossed_N) - len(rows),
        "kept": len(rows),
    }
    return Harvest(images, described, counts)


@torch.no_grad()
def _stored(
    teacher: Classifier, pairs: Any, target_N: torch.Tensor, settings: AttackBoundary
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of the successes that hold after rounding to grey levels: both sides, the near one's class; which.

    What counts is the image that is stored: rounding can take a pair back across the boundary.
    """
    pre_NCHW = to_grey_levels(pairs.pre_NCHW[pairs.success_N])
    post_NCHW = to_grey_levels(pairs.post_NCHW[pairs.success_N])
    if len(target_N) == 0:
        return pre_NCHW, post_NCHW, target_N, target_N.bool()
    pre, post = (teacher(x).softmax(1).max(1) for x in (pre_NCHW, post_NCHW))
    kept = (post.indices == target_N) & (pre.indices != target_N)
    kept &= torch.maximum(pre.values, post.values) < settings.threshold
    return pre_NCHW[kept], post_NCHW[kept], pre.indices[kept], kept


def _members(
    method: Any,
    teacher: Classifier,
    pre_NCHW: torch.Tensor,
    post_NCHW: torch.Tensor,
    pre_class_N: torch.Tensor,
    target_N: torch.Tensor,
    settings: AttackBoundary,
) -> dict[str, torch.Tensor]:
    """The images of each success by role, as floats on grey levels."""
    members = {"pre": pre_NCHW, "post": post_NCHW}
    if settings.deeper:
        members["pre_deeper"] = method.deeper(teacher, pre_NCHW, pre_class_N, settings)
        members["post_deeper"] = method.deeper(teacher, post_NCHW, target_N, settings)
    return members


@torch.no_grad()
def _facts(teacher: Classifier, x_NCHW: torch.Tensor) -> list[dict[str, Any]]:
    """Class, largest softmax output, and margin to the second class in logits, of each image."""
    if len(x_NCHW) == 0:
        return []
    logits_NK = teacher(x_NCHW)
    top = logits_NK.topk(2, 1)
    confidence_N = logits_NK.softmax(1).amax(1)
    columns = (
        top.indices[:, 0].tolist(),
        confidence_N.tolist(),
        (top.values[:, 0] - top.values[:, 1]).tolist(),
    )
    return [
        {"predicted": label, "confidence": confidence, "margin": margin}
        for label, confidence, margin in zip(*columns, strict=True)
    ]
