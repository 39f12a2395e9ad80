"""The network that trains in seconds: its first layer whitens, its others begin as identities."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from proxykd.networks.airbench import Airbench
from proxykd.networks.build import build
from proxykd.networks.classifier import Description
from proxykd.networks.files import load, save


def smooth_images(channels: int, size: int = 32, count: int = 600) -> torch.Tensor:
    """Images whose neighbouring pixels resemble each other, as all images' do."""
    noise_NCHW = torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(3))
    return functional.avg_pool2d(noise_NCHW, 3, 1, 1) * 2


@pytest.mark.parametrize("channels", [1, 3])
def test_the_first_layer_whitens_the_images_it_was_given(channels: int) -> None:
    network, x_NCHW = Airbench(8, 10, channels), smooth_images(channels)
    before_NDHW = network.whitening(x_NCHW)
    network.initialise_from(x_NCHW)
    directions = 4 * channels
    y_NDHW = network.whitening(x_NCHW)
    assert torch.allclose(y_NDHW[:, :directions], -y_NDHW[:, directions:], atol=1e-5)
    for responses, white in ((before_NDHW, False), (y_NDHW, True)):
        y_DP = responses[:, :directions].transpose(0, 1).flatten(1)
        moments_DD = y_DP @ y_DP.T / y_DP.shape[1]
        assert torch.allclose(moments_DD, torch.eye(directions), atol=0.02) == white


def test_images_whose_directions_are_missing_do_not_blow_up() -> None:
    network = Airbench(8, 10, 3)
    network.initialise_from(torch.full((10, 3, 12, 12), 0.3))
    assert network.whitening.weight.isfinite().all()
    assert network.whitening.weight.abs().max() < 50


def test_convolutions_begin_as_identities() -> None:
    block = Airbench(8, 10, 3).block2
    x_NCHW = smooth_images(8, size=12, count=2)
    assert torch.allclose(block.conv1(x_NCHW)[:, :8], x_NCHW, atol=1e-6)
    assert not torch.allclose(block.conv1(x_NCHW)[:, 8:16], x_NCHW, atol=1e-2)


@pytest.mark.parametrize("size", [12, 28, 32, 64])
def test_a_whitened_network_is_stored_with_its_filters(size: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build(Description("airbench_8", size, 3, ["a", "b"], [0.5] * 3, [0.25] * 3))
    assert isinstance(network.body, Airbench)
    network.body.initialise_from(smooth_images(3, size, 50))
    save(network.eval(), tmp_path)
    x_NCHW = smooth_images(3, size, 2).contiguous(memory_format=torch.channels_last)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert torch.equal(load(tmp_path)(x_NCHW), network(x_NCHW))


def test_training_leaves_the_filters_and_the_norms_scales_alone() -> None:
    torch.manual_seed(0)
    network, x_NCHW = Airbench(8, 10, 3), smooth_images(3, count=64)
    network.initialise_from(x_NCHW)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.SGD(network.parameters(), lr=0.5, weight_decay=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        loss = functional.cross_entropy(network(x_NCHW), torch.arange(64) % 10)
    loss.backward()
    optimiser.step()
    same = {name for name, value in network.state_dict().items() if torch.equal(value, before[name])}
    norms = {f"block{i}.norm{j}.weight" for i in (1, 2, 3) for j in (1, 2)}
    assert same == {"whitening.weight", *norms}
    assert network.block1.norm1.running_var.dtype == torch.float32
