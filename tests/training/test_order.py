"""Each image exactly once an epoch, whichever step is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from proxykd.training.order import Order


@pytest.mark.parametrize(("count", "batch"), [(10, 3), (12, 4), (3, 7), (1, 5), (100, 1)])
def test_each_image_once_an_epoch(count: int, batch: int) -> None:
    order = Order(count, batch, seed=4)
    epochs = 6
    rows = np.concatenate([order.at(step) for step in range(-(-count * epochs // batch))])
    for epoch in rows[: count * epochs].reshape(epochs, count):
        assert sorted(epoch) == list(range(count))
    assert {len(order.at(step)) for step in range(20)} == {batch}


def test_any_step_can_be_asked_for_at_once() -> None:
    going = Order(10, 4, seed=1)
    batches = [going.at(step) for step in range(30)]
    for step in (29, 0, 17, 2):
        assert np.array_equal(Order(10, 4, seed=1).at(step), batches[step])


def test_seeds_streams_and_epochs_differ() -> None:
    first = Order(50, 50, seed=0)
    others = [Order(50, 50, seed=1).at(0), Order(50, 50, seed=0, stream=1).at(0), first.at(1)]
    assert all(not np.array_equal(first.at(0), other) for other in others)
