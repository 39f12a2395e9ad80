"""The attack on a CUDA device: batches of one shape, and the same bits each time."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from proxykd.boundary.collect import Attack
from proxykd.boundary.queue import BATCH
from proxykd.boundary.settings import AttackBoundary
from proxykd.networks.outputs import logits_of
from proxykd.stage import device
from trained import digit_images, digit_teacher

pytestmark = pytest.mark.gpu


def made(sizes: set[int] | None = None) -> tuple[np.ndarray, list[dict[str, object]]]:
    """Images and rows of the pairs of 700 views; `sizes` gets those of the batches of gradients."""
    # The teacher is one for all tests, and stays where it is.
    teacher = copy.deepcopy(digit_teacher()).to(device())
    images_NHWC, _ = digit_images("test")
    predicted_N = logits_of(teacher, images_NHWC, device()).argmax(1)
    how = AttackBoundary(sources=700, epsilon=64)
    attack = Attack(teacher, torch.from_numpy(images_NHWC).to(device()), predicted_N, how)
    if sizes is not None:
        attack.network.register_forward_pre_hook(lambda _, inputs: sizes.add(len(inputs[0])))
    blocks = list(attack.blocks())
    return np.concatenate([one.images_NHWC for one in blocks]), [row for one in blocks for row in one.rows]


def test_gradients_are_of_full_batches_alone() -> None:
    sizes: set[int] = set()
    images_NHWC, _ = made(sizes)
    assert len(images_NHWC) > 500
    assert sizes == {BATCH}


def test_made_twice_on_a_gpu_it_is_the_same() -> None:
    first, second = made(), made()
    assert np.array_equal(first[0], second[0])
    assert first[1] == second[1]
