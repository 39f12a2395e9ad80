"""Mixup and CutMix: one share for each sample, and the share that is in the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sample_images import SIZE, images

from proxykd.augmentation.batch import generator, mix


def test_a_mixture_is_of_the_image_and_its_partner_in_the_stated_share() -> None:
    x_NCHW = images(32)
    mixed, partner_N, share_N = mix(x_NCHW, 1.0, generator(2))
    assert sorted(partner_N.tolist()) == list(range(32))
    assert len(set(share_N.tolist())) == 32
    for i in range(32):
        share = float(share_N[i])
        expected = share * x_NCHW[i] + (1 - share) * x_NCHW[partner_N[i]]
        assert torch.allclose(mixed[i], expected, atol=1e-6)
    assert 0 <= float(mixed.min()) <= float(mixed.max()) <= 1
    assert mixed.is_contiguous(memory_format=torch.channels_last)


def test_shares_follow_the_beta_distribution() -> None:
    x_NCHW = torch.zeros(20_000, 1, 1, 1)
    for alpha in (0.2, 1.0):
        share_N = mix(x_NCHW, alpha, generator(0))[2].double()
        assert float(share_N.mean()) == pytest.approx(0.5, abs=0.01)
        assert float(share_N.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.03)


def test_cutmix_puts_a_rectangle_of_the_partner_in_and_states_its_area() -> None:
    x_NCHW = images(64)
    mixed, partner_N, share_N = mix(x_NCHW, 1.0, generator(2), cutmix=1.0)
    shapes = set()
    for i, partner in enumerate(partner_N.tolist()):
        if partner == i:
            continue
        is_theirs_HW = (mixed[i] != x_NCHW[i]).any(0)
        rows, columns = is_theirs_HW.any(1), is_theirs_HW.any(0)
        inside_HW = rows[:, None] & columns
        # Every pixel is one of the two images' own; random images hardly ever agree in a pixel.
        assert torch.equal(mixed[i][:, inside_HW], x_NCHW[partner][:, inside_HW])
        assert float(share_N[i]) == pytest.approx(1 - float(inside_HW.float().mean()), abs=1e-6)
        height, width = int(rows.sum()), int(columns.sum())
        if not (rows[0] or rows[-1] or columns[0] or columns[-1]):
            assert abs(height - width) <= 1
        shapes.add((height, width))
    assert len(shapes) > 30


def test_cutmix_areas_before_the_edge_cuts_follow_the_share() -> None:
    """Hand-made: the same share, and a rectangle of the root of what is left, about the same centre."""
    _, _, share_N = mix(torch.zeros(500, 1, SIZE, SIZE), 1.0, generator(3), cutmix=1.0)
    rng = generator(3)
    rng.permutation(500)
    drawn_N = rng.beta(1.0, 1.0, 500)
    rng.random(500)
    centre_2N = rng.random((2, 500))
    half_N = np.sqrt(1 - drawn_N) / 2
    sides = np.minimum(centre_2N + half_N, 1) - np.maximum(centre_2N - half_N, 0)
    assert share_N.numpy() == pytest.approx(1 - sides[0] * sides[1], abs=2.5 / SIZE)


def test_some_are_cut_and_the_others_blended() -> None:
    x_NCHW = images(200)
    mixed, partner_N, share_N = mix(x_NCHW, 1.0, generator(1), cutmix=0.3)
    cut = 0
    for i, partner in enumerate(partner_N.tolist()):
        blend = share_N[i] * x_NCHW[i] + (1 - share_N[i]) * x_NCHW[partner]
        if not torch.allclose(mixed[i], blend, atol=1e-6):
            cut += 1
            assert bool(((mixed[i] == x_NCHW[i]) | (mixed[i] == x_NCHW[partner])).all())
    assert 35 < cut < 85


def test_the_same_seed_gives_the_same_mixture() -> None:
    first, again, other = (mix(images(), 1.0, generator(7, step), 0.5)[0] for step in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
