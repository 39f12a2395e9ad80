"""Dead leaves and Gaussian noise."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from drawn import drawn
from proxykd.proxies import leaves
from proxykd.proxies.settings import LeavesPool, NoisePool


def fallen(count: int, size: int = 16, channels: int = 3, seed: int = 0) -> tuple[np.ndarray, dict]:
    return drawn(LeavesPool(count=count, seed=seed), size, channels)


def noisy(count: int, size: int = 16, channels: int = 3, **settings: object) -> np.ndarray:
    return drawn(NoisePool(count=count, **settings), size, channels)[0]


def test_leaves_follow_their_seed_and_not_the_size_of_the_pool() -> None:
    many, few = fallen(150)[0], fallen(7)[0]
    assert np.array_equal(many[:7], few)
    assert (fallen(7, seed=1)[0] != few).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("size", [8, 16, 33])
def test_no_ground_is_left_between_the_leaves(size: int) -> None:
    # Ground is black; leaves have uniform colours, so that no pixel in thousands is darker than this.
    images, columns = fallen(40, size)
    assert (images.max(axis=-1) < 4).mean() < 1e-4
    assert min(columns["leaves"]) >= leaves.LAYER


def test_leaves_have_uniform_colours_and_flat_parts_of_many_sizes() -> None:
    images, _ = fallen(60, 32)
    assert images.mean() == pytest.approx(127.5, abs=4)
    flat = (np.diff(images.astype(int), axis=2) == 0).all(axis=-1).mean(axis=(1, 2))
    assert flat.max() > 2 * flat.min() > 0


def test_a_disc_and_a_square_cover_what_geometry_says() -> None:
    draws = np.zeros((2, leaves.DRAWS), dtype=np.float32)
    draws[:, :2] = 0.5
    draws[:, 2] = (leaves.SMALLEST**-2 - 0.3**-2) / (leaves.SMALLEST**-2 - 1)
    draws[1, 3] = 1.5 / 6
    both = leaves.Leaves.of(draws, 200)
    top = leaves.topmost(both, np.array([0, 1], dtype=np.int32), 2, 200)
    share = (top >= 0).mean(axis=(1, 2))
    assert share == pytest.approx([np.pi * 0.3**2, 2 * 0.3**2], rel=0.03)


def test_the_upper_leaf_hides_the_lower_one() -> None:
    draws = np.zeros((2, leaves.DRAWS), dtype=np.float32)
    draws[:, :2], draws[:, 2] = 0.5, (0.2, 0.999)
    top = leaves.topmost(leaves.Leaves.of(draws, 64), np.zeros(2, dtype=np.int32), 1, 64)
    assert top[0, 32, 32] == 0
    assert (top == 1).any()


def test_one_channel_of_leaves_is_luma() -> None:
    colour, grey = fallen(5)[0], fallen(5, channels=1)[0]
    expected = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in colour])
    assert np.array_equal(grey[..., 0], expected)


def test_noise_has_the_mean_and_deviation_that_were_asked_for() -> None:
    images = noisy(200, mean=0.4, deviation=0.1) / 255
    assert images.mean() == pytest.approx(0.4, abs=0.002)
    assert images.std() == pytest.approx(0.1, abs=0.002)


def test_noise_follows_its_seed_and_clips() -> None:
    assert np.array_equal(noisy(9)[:4], noisy(4))
    assert not np.array_equal(noisy(4), noisy(4, seed=1))
    wild = noisy(20, channels=1, deviation=2.0)
    assert {0, 255} <= set(wild.ravel().tolist())


@pytest.mark.parametrize("pool", [LeavesPool(count=3), NoisePool(count=3)])
def test_each_sample_has_its_columns(pool: LeavesPool | NoisePool) -> None:
    _, columns = drawn(pool, 8, 1)
    assert columns["program"] == [pool.kind] * 3
    assert len(set(columns["parameter_seed"])) == 3
    assert all(len(column) == 3 for column in columns.values())
