"""Vendi scores, the images that they are measured on, and the teacher's features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from proxykd.assessment import diversity, sample
from proxykd.networks.build import build
from proxykd.networks.classifier import Classifier, Description
from proxykd.networks.features import features_of
from proxykd.networks.outputs import logits_of
from trained import digit_images, digit_teacher

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("n", "dimensions"), [(6, 40), (40, 6)])
def test_copies_of_one_image_are_one(n: int, dimensions: int) -> None:
    assert diversity.vendi(np.tile(RNG.normal(size=dimensions), (n, 1))) == pytest.approx(1)


def test_images_with_nothing_in_common_are_as_many_as_they_are() -> None:
    assert diversity.vendi(np.linalg.qr(RNG.normal(size=(7, 7)))[0]) == pytest.approx(7)
    assert diversity.vendi(np.repeat(np.eye(5), 30, 0)) == pytest.approx(5)


def test_the_smaller_matrix_gives_what_the_likenesses_do() -> None:
    for shape in ((9, 30), (30, 9)):
        x_ND = RNG.normal(1, 1, shape)
        unit_ND = x_ND / np.linalg.norm(x_ND, axis=1, keepdims=True)
        values = np.linalg.eigvalsh(unit_ND @ unit_ND.T / len(x_ND))
        values = values[values > 1e-14]
        assert diversity.vendi(x_ND) == pytest.approx(np.exp(-(values * np.log(values)).sum()))


def test_copies_and_brightness_of_vectors_do_not_count() -> None:
    x_ND = RNG.normal(size=(12, 20))
    whole = diversity.vendi(x_ND)
    assert diversity.vendi(np.concatenate([x_ND, x_ND, x_ND])) == pytest.approx(whole)
    assert diversity.vendi(x_ND * RNG.uniform(0.1, 9, (12, 1))) == pytest.approx(whole)
    assert diversity.vendi(np.concatenate([x_ND, np.tile(x_ND[:1], (50, 1))])) < whole


def test_vectors_of_no_length_are_like_each_other_alone() -> None:
    assert diversity.vendi(np.zeros((5, 3))) == pytest.approx(1)
    assert diversity.vendi(np.array([[0.0, 0.0], [0.0, 0.0], [2.0, 0.0], [1.0, 0.0]])) == pytest.approx(2)


def test_plain_images_keep_their_colour() -> None:
    plain = np.array([[255, 0, 0], [0, 0, 255], [127, 128, 127]], np.uint8)[:, None, None, :]
    x_ND = diversity.pixels(np.broadcast_to(plain, (3, 4, 4, 3)).copy())
    assert x_ND.shape == (3, 48)
    assert diversity.vendi(x_ND) > 2


def test_large_images_are_averaged() -> None:
    small = RNG.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    large = small.repeat(3, 1).repeat(3, 2)
    assert diversity.pixels(large) == pytest.approx(diversity.pixels(small), abs=1e-3)


def groups_of(sizes: list[int], kind: str = "program") -> sample.Groups:
    return sample.Groups(kind, RNG.permutation(np.repeat(np.arange(len(sizes)), sizes)), len(sizes))


def test_one_image_of_each_program_and_sets_of_one_program() -> None:
    known = groups_of([40, 3, 12, 25])
    drawn = sample.draw(known, 30, 5, 0)
    assert len(drawn.sample) == 30
    assert (np.diff(drawn.rows) > 0).all()
    assert drawn.between is not None
    assert sorted(known.group_N[drawn.rows[drawn.between]]) == [0, 1, 2, 3]
    assert drawn.within_SM is not None
    groups_SM = known.group_N[drawn.rows[drawn.within_SM]]
    assert (groups_SM == groups_SM[:, :1]).all()
    assert np.bincount(groups_SM[:, 0], minlength=4).tolist() == [8, 0, 2, 5]
    assert all(len(set(rows)) == 5 for rows in drawn.within_SM.tolist())


def test_the_seed_alone_draws() -> None:
    known = groups_of([500] * 6)
    drawn = [sample.draw(known, 40, 5, seed).rows for seed in (1, 1, 2)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_many_programs_are_looked_at_in_part() -> None:
    drawn = sample.draw(groups_of([5] * 1000), 100, 4, 0)
    assert drawn.between is not None
    assert drawn.within_SM is not None
    assert len(drawn.between) == 100
    assert drawn.within_SM.shape == (sample.WITHIN, 4)


def test_what_is_no_program_has_no_diversity_between_programs() -> None:
    alone = sample.draw(sample.Groups("image", np.arange(20), 20), 10, 5, 0)
    assert (alone.between, alone.within_SM) == (None, None)
    one = sample.draw(groups_of([20]), 10, 5, 0)
    assert one.between is None
    assert one.within_SM is not None
    assert one.within_SM.shape == (4, 5)
    few = sample.draw(groups_of([3, 4]), 10, 5, 0)
    assert few.within_SM is None


def test_features_and_the_last_layer_give_the_logits() -> None:
    teacher = digit_teacher()
    images_NHWC = digit_images("test")[0][:700]
    features_ND, name = features_of(teacher, images_NHWC, "cpu")
    head = teacher.body.get_submodule(name)
    with torch.no_grad():
        logits_NK = head(torch.from_numpy(features_ND)).numpy()
    assert logits_NK == pytest.approx(logits_of(teacher, images_NHWC, "cpu"), abs=1e-4)


def described(architecture: str, size: int, channels: int = 3) -> Description:
    names = [str(label) for label in range(7)]
    return Description(architecture, size, channels, names, [0.5] * channels, [0.5] * channels)


@pytest.mark.parametrize(
    ("architecture", "layer", "dimensions"),
    [
        ("cifar_resnet_20", "linear", 64),
        ("airbench_16", "head", 64),
        ("torchvision:squeezenet1_1", "classifier.1", 512),
        ("torchvision:mobilenet_v3_small", "classifier.3", 1024),
        ("vit_small", None, 384),
    ],
)
def test_the_last_layer_is_found(architecture: str, layer: str | None, dimensions: int) -> None:
    network = build(described(architecture, 32)).eval()
    images_NHWC = RNG.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    features_ND, name = features_of(network, images_NHWC, "cpu")
    assert features_ND.shape == (3, dimensions)
    assert name == (layer or name) != "logits"
    assert not any(module._forward_pre_hooks for module in network.body.modules())


def test_logits_stand_in_where_no_layer_is_the_last() -> None:
    class Opaque(nn.Module):
        """As an exported program: one operation after another, and no layers."""

        def __init__(self) -> None:
            super().__init__()
            self.weight_KD = nn.Parameter(torch.randn(7, 16))

        def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
            return x_NCHW.flatten(1) @ self.weight_KD.T

    network = Classifier(Opaque(), described("by hand", 4, 1)).eval()
    images_NHWC = RNG.integers(0, 256, (5, 4, 4, 1), dtype=np.uint8)
    features_ND, name = features_of(network, images_NHWC, "cpu")
    assert name == "logits"
    assert features_ND == pytest.approx(logits_of(network, images_NHWC, "cpu"))


def test_pools_are_read_in_their_order(tmp_path: Path) -> None:
    from programs import Workplace

    workplace = Workplace(tmp_path)
    for name, count in (("a", 30), ("b", 20)):
        settings = {"kind": "noise", "count": count, "size": 6, "channels": 1, "seed": count}
        workplace.make("render_proxies", name, settings)
    from proxykd.shards import read_images
    from proxykd.store import read_index

    pools = [workplace.out("render_proxies", name) for name in ("a", "b")]
    whole = np.concatenate(
        [read_images(pool, [e.model_dump() for e in read_index(pool).shards]) for pool in pools]
    )
    rows = np.array([0, 7, 29, 30, 44])
    assert (sample.images(pools, rows) == whole[rows]).all()
    known = sample.groups(pools)
    assert (known.kind, known.count) == ("program", 2)
    assert np.bincount(known.group_N).tolist() == [30, 20]
