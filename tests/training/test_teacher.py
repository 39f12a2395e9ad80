"""What a network starts from, and what a teacher's batches hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from proxykd.networks.classifier import Classifier, Description, to_float
from proxykd.training.data import Images
from proxykd.training.fresh import fresh
from proxykd.training.settings import TrainTeacher
from proxykd.training.teacher import LabelledBatches, cross_entropy
from trained import digit_images, linear_classifier


def upscaled_digits() -> np.ndarray:
    """Digits at a size that the network takes, 16 x 16."""
    return digit_images("train")[0].repeat(2, 1).repeat(2, 2)


def test_a_whitening_layer_begins_from_the_images_of_the_training() -> None:
    """Its outputs for them have no correlation and the same power, after the network's own normalisation."""
    images_NHWC = upscaled_digits()
    described = Description("airbench_8", 16, 1, ["a", "b"], [0.3], [0.4])
    torch.manual_seed(0)
    network = fresh(described, False, images_NHWC, "cpu")
    x_NCHW = (to_float(torch.from_numpy(images_NHWC)) - 0.3) / 0.4
    half = network.body.whitening(x_NCHW)[:, :4].permute(1, 0, 2, 3).flatten(1)
    power_44 = half @ half.T / half.shape[1]
    # The weakest directions of such smooth images stay below 1: they are not blown up.
    assert torch.allclose(power_44.diagonal()[0], torch.tensor(1.0), atol=0.01)
    assert (power_44 - power_44.diagonal().diag()).abs().max() < 0.01
    other = fresh(described, False, 255 - images_NHWC // 2, "cpu")
    assert not torch.allclose(network.body.whitening.weight, other.body.whitening.weight, atol=1e-2)


def batches(**how: Any) -> LabelledBatches:
    given = {
        "images": "digits",
        "network": {"architecture": "convnet_8"},
        "recipe": {"steps": 4, "batch": 64},
        "augmentation": "none",
    }
    settings = TrainTeacher.model_validate(given | how)
    network: Classifier = linear_classifier([[1.0], [2.0]], [0.0, 0.0])
    images_NHWC = np.arange(200, dtype=np.uint8)[:, None, None, None].repeat(8, 1).repeat(8, 2)
    return LabelledBatches(images_NHWC, np.arange(200), settings, network)


def test_images_keep_their_labels() -> None:
    x_NCHW, label_N, _, share_N = batches().at(1, None)
    assert share_N is None
    assert (x_NCHW[:, 0, 0, 0] * 255).round().int().tolist() == label_N.tolist()
    assert len(set(label_N.tolist())) == 64


@pytest.mark.parametrize("cutmix", [0.0, 1.0])
def test_labels_are_mixed_in_the_share_of_the_pixels(cutmix: float) -> None:
    x_NCHW, label_N, partner_label_N, share_N = batches(mixup=1.0, cutmix=cutmix).at(0, None)
    assert share_N is not None
    expected = share_N * label_N + (1 - share_N) * partner_label_N
    assert torch.allclose(x_NCHW.mean((1, 2, 3)) * 255, expected.float(), atol=0.01)
    levels = {len(one.unique()) for one in x_NCHW}
    assert levels == ({1, 2} if cutmix else {1}), "CutMix shows both images, mixup a blend"


def test_cross_entropy_is_that_of_each_image() -> None:
    logits_NK = torch.tensor([[0.0, 0.0], [np.log(3.0), 0.0]])
    loss_N = cross_entropy(logits_NK.to(torch.bfloat16), torch.tensor([0, 1]), 0.0)
    assert loss_N.dtype == torch.float32
    assert loss_N.tolist() == pytest.approx([np.log(2), np.log(4)], rel=0.01)
    smoothed_N = cross_entropy(logits_NK, torch.tensor([0, 1]), 0.5)
    assert smoothed_N[1].item() == pytest.approx(0.75 * np.log(4) + 0.25 * np.log(4 / 3), rel=1e-5)


def test_images_are_taken_by_index() -> None:
    images = Images(digit_images("test")[0], "cpu")
    rows = np.array([5, 0, 5])
    assert torch.equal(images.at(rows), torch.from_numpy(digit_images("test")[0][rows]))
    assert len(images) == len(digit_images("test")[0])
