"""Images of classes that the pools lack: the nearest ones, carried across the teacher's boundary.

What counts is the image as it is stored, with eight bits, and what the teacher says of that one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from proxykd.selection.nearest import nearest
from proxykd.selection.settings import SelectProxies
from proxykd.store import read_index

BATCH = 256
TRIES = 3
"""Images, at most, that are attacked for each that is wanted."""
AT_LEAST = 64
"""Of them, for each class and at once, however few are wanted."""
FURTHER = 40
"""Steps, at most, from the boundary into the class."""
GROWTH = 1.2
"""Of those steps, of which the first is one grey level."""


@dataclass(frozen=True)
class Filled:
    """Images of one class that were made of others."""

    label: int
    images_NHWC: np.ndarray
    """uint8."""
    rows: np.ndarray
    """Of the images that they were made of, counted pool after pool."""
    distance_N: np.ndarray
    """Largest change of a pixel, in grey levels."""
    tried: int
    """Images that were attacked for them."""


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

    First the attack takes them across the boundary; then sign steps go further, until the teacher's
    probability of the class is `fill_confidence`, all within `fill_epsilon`. The steps grow, since where the
    teacher is sure of another class its gradient says little.
    """
    source_NCHW = to_float(images_NHWC.to(teacher.mean_C11.device))
    target_N = torch.full((len(source_NCHW),), label, device=source_NCHW.device)
    how = AttackBoundary(method="bold_driver", epsilon=settings.fill_epsilon, threshold=1.0)
    pairs = bold_driver.attack(teacher, source_NCHW, target_N, how)
    result_NCHW = to_grey_levels(torch.where(pairs.success_N.view(-1, 1, 1, 1), pairs.post_NCHW, source_NCHW))
    reach = settings.fill_epsilon / 255
    step = 1 / 255
    confidence_N, sign_NCHW = _look(teacher, result_NCHW, target_N)
    for _ in range(FURTHER):
        short = (confidence_N < settings.fill_confidence).nonzero()[:, 0]
        if len(short) == 0:
            break
        moved_NCHW = result_NCHW[short] - step * sign_NCHW[short]
        low_NCHW, high_NCHW = source_NCHW[short] - reach, source_NCHW[short] + reach
        result_NCHW[short] = to_grey_levels(torch.minimum(torch.maximum(moved_NCHW, low_NCHW), high_NCHW))
        confidence_N[short], sign_NCHW[short] = _look(teacher, result_NCHW[short], target_N[short])
        step *= GROWTH
    image_NCHW = result_NCHW.mul(255).round().to(torch.uint8)
    reached_N = (confidence_N >= settings.fill_confidence).cpu().numpy()
    return image_NCHW.permute(0, 2, 3, 1).cpu().numpy(), reached_N


def _look(
    teacher: Classifier, x_NCHW: torch.Tensor, target_N: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Probability of the target, -1 where another class is likelier, and the sign of its loss's gradient."""
    x_NCHW = x_NCHW.detach().requires_grad_()
    logits_NK = teacher(x_NCHW)
    loss = functional.cross_entropy(logits_NK, target_N, reduction="sum")
    (gradient_NCHW,) = torch.autograd.grad(loss, x_NCHW)
    best = logits_NK.detach().softmax(1).max(1)
    confidence_N = torch.where(best.indices == target_N, best.values, -1.0)
    return confidence_N, gradient_NCHW.sign_()
