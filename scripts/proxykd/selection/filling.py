"""Images of classes that the pools lack: the nearest ones, carried across the teacher's boundary.

What counts is the image as it is stored, with eight bits, and what the teacher says of that one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from proxykd.boundary import bold_driver
from proxykd.boundary.grey import to_grey_levels
from proxykd.boundary.settings import AttackBoundary
from proxykd.encoding import decode
from proxykd.networks.classifier import Classifier, to_float
from proxykd.networks.files import load
from proxykd.selection.extraction import Extracted
from proxykd.selection.from_pools import Filled
from proxykd.selection.nearest import nearest
from proxykd.selection.settings import SelectProxies
from proxykd.store import read_index

BATCH = 256
TRIES = 3
"""Images, at most, that are attacked for each that is wanted."""
AT_LEAST = 64
"""Of them, for each class and at once, however few are wanted."""
FURTHER = 40
"""Steps, at most, from the boundary into the class; the first is one grey level."""
GROWTH, SHRINK = 1.5, 0.5
"""Factors on the step after one that led towards the class, and after one that did not."""


def fill(
    teacher: Path,
    device: str,
    pools: list[Path],
    scores: list[Path],
    left_out_N: np.ndarray,
    missing: dict[int, int],
    settings: SelectProxies,
    advance: Callable[[int], None],
) -> Iterator[Filled]:
    """Make so many images of each class in `missing`, as far as possible, each of another image.

    left_out_N: rows of the pools, counted one after another, that no image is made of.
    """
    network = load(teacher, device)
    most = {label: max(AT_LEAST, TRIES * wanted) for label, wanted in missing.items()}
    near = nearest(scores, left_out_N, most)
    starts = np.cumsum([0, *(read_index(pool).samples for pool in pools)])
    row_M = np.concatenate(list(near.values()))
    pool_M = np.searchsorted(starts, row_M, "right") - 1
    there = Extracted(pools, pool_M, row_M - starts[pool_M])
    first = 0
    for label, rows in near.items():
        yield _fill_class(network, there, first, rows, label, missing[label], settings, advance)
        first += len(rows)


def _fill_class(
    teacher: Classifier,
    there: Extracted,
    first: int,
    rows: np.ndarray,
    label: int,
    wanted: int,
    settings: SelectProxies,
    advance: Callable[[int], None],
) -> Filled:
    """One class; `there` has the images of `rows`, in their order, from place `first` on."""
    size, channels = teacher.description.size, teacher.description.channels
    images, made_of, distance = [np.empty((0, size, size, channels), np.uint8)], [rows[:0]], [np.empty(0)]
    made = tried = 0
    while made < wanted and tried < len(rows):
        # Not many more at once than are needed, if all succeed; and not a few at a time either.
        take = slice(tried, min(tried + min(BATCH, max(AT_LEAST, wanted - made)), len(rows)))
        source_NHWC = np.stack([decode(there.content(first + k)) for k in range(take.start, take.stop)])
        image_NHWC, reached_N = carry(teacher, torch.from_numpy(source_NHWC), label, settings)
        which = np.flatnonzero(reached_N)[: wanted - made]
        images.append(image_NHWC[which])
        made_of.append(rows[take][which])
        change = np.abs(image_NHWC[which].astype(int) - source_NHWC[which])
        distance.append(change.max((1, 2, 3), initial=0).astype(float))
        tried, made = take.stop, made + len(which)
        advance(len(which))
    return Filled(label, np.concatenate(images), np.concatenate(made_of), np.concatenate(distance), tried)


def carry(
    teacher: Classifier, images_NHWC: torch.Tensor, label: int, settings: SelectProxies
) -> tuple[np.ndarray, np.ndarray]:
    """Carry uint8 images into a class: the images, N x H x W x C uint8, and which of them are of it now.

    The attack takes them across the boundary; then they go further, until the teacher's probability of the
    class is `fill_confidence`, all within `fill_epsilon`.
    """
    source_NCHW = to_float(images_NHWC.to(teacher.mean_C11.device))
    target_N = torch.full((len(source_NCHW),), label, device=source_NCHW.device)
    how = AttackBoundary(method="bold_driver", epsilon=settings.fill_epsilon, threshold=1.0)
    pairs = bold_driver.attack(teacher, source_NCHW, target_N, how)
    crossed_N111 = pairs.success_N.view(-1, 1, 1, 1)
    start_NCHW = torch.where(crossed_N111, pairs.post_NCHW, source_NCHW)
    x_NCHW, confidence_N = _further(teacher, source_NCHW, start_NCHW, target_N, settings)
    images = x_NCHW.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return images, (confidence_N >= settings.fill_confidence).cpu().numpy()


def _further(
    teacher: Classifier,
    source_NCHW: torch.Tensor,
    start_NCHW: torch.Tensor,
    target_N: torch.Tensor,
    settings: SelectProxies,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sign steps from the start towards the class, all of whole grey levels: images, and their confidence.

    A step that does not lower the cross-entropy with the class is taken back, and the next one is smaller.
    """
    # Both ends are whole grey levels, as the source is, so that rounding leads beyond neither.
    reach = math.floor(settings.fill_epsilon) / 255
    low_NCHW, high_NCHW = source_NCHW - reach, source_NCHW + reach
    x_NCHW = to_grey_levels(torch.minimum(torch.maximum(start_NCHW, low_NCHW), high_NCHW))
    loss_N, confidence_N, sign_NCHW = _look(teacher, x_NCHW, target_N)
    step_N = torch.full_like(loss_N, 1 / 255)
    for _ in range(FURTHER):
        # Less than half a grey level is no step.
        on = ((confidence_N < settings.fill_confidence) & (step_N >= 0.5 / 255)).nonzero()[:, 0]
        if len(on) == 0:
            break
        moved_NCHW = x_NCHW[on] - step_N[on].view(-1, 1, 1, 1) * sign_NCHW[on]
        moved_NCHW = to_grey_levels(torch.minimum(torch.maximum(moved_NCHW, low_NCHW[on]), high_NCHW[on]))
        moved_loss_N, moved_confidence_N, moved_sign_NCHW = _look(teacher, moved_NCHW, target_N[on])
        better_N = moved_loss_N < loss_N[on]
        step_N[on] *= torch.where(better_N, GROWTH, SHRINK)
        rows = on[better_N]
        x_NCHW[rows], sign_NCHW[rows] = moved_NCHW[better_N], moved_sign_NCHW[better_N]
        loss_N[rows], confidence_N[rows] = moved_loss_N[better_N], moved_confidence_N[better_N]
    return x_NCHW, confidence_N


def _look(
    teacher: Classifier, x_NCHW: torch.Tensor, target_N: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cross-entropy with the target, its probability (-1 where another is likelier), the gradient's sign."""
    x_NCHW = x_NCHW.detach().requires_grad_()
    logits_NK = teacher(x_NCHW)
    loss_N = functional.cross_entropy(logits_NK, target_N, reduction="none")
    (gradient_NCHW,) = torch.autograd.grad(loss_N.sum(), x_NCHW)
    best = logits_NK.detach().softmax(1).max(1)
    confidence_N = torch.where(best.indices == target_N, best.values, -1.0)
    return loss_N.detach(), confidence_N, gradient_NCHW.sign_()
