"""A stored model loads here, and elsewhere without ProxyKD."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torchvision import models

from proxykd.errors import UserError
from proxykd.networks.build import build
from proxykd.networks.classifier import Classifier, Description
from proxykd.networks.files import load, save


def stored(architecture: str, channels: int, folder: Path) -> Classifier:
    names = ["a", "b", "c"]
    torch.manual_seed(1)
    network = build(
        Description(architecture, 16, channels, names, [0.4] * channels, [0.2] * channels, "trained")
    )
    network.train()(torch.rand(8, channels, 16, 16))
    save(network.eval(), folder)
    return network


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("architecture", ["convnet_8", "cifar_resnet_8", "resnet_18", "torchvision:resnet18"])
def test_a_round_trip_gives_equal_logits(architecture: str, channels: int, tmp_path: Path) -> None:
    network = stored(architecture, channels, tmp_path)
    again = load(tmp_path)
    x_NCHW = torch.rand(4, channels, 16, 16).contiguous(memory_format=torch.channels_last)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert torch.equal(network(x_NCHW), again(x_NCHW))
    assert again.description == network.description
    assert not again.training
    assert not any(parameter.requires_grad for parameter in again.parameters())


@pytest.mark.parametrize("channels", [1, 3])
def test_torchvision_loads_it_alone(channels: int, tmp_path: Path) -> None:
    network = stored("torchvision:resnet18", channels, tmp_path)
    theirs = models.resnet18(num_classes=3).eval()
    theirs.load_state_dict(load_file(tmp_path / "model.safetensors"))
    described = json.loads((tmp_path / "network.json").read_text())
    x_NCHW = torch.rand(2, channels, 16, 16)
    mean, deviation = (torch.tensor(described[name]).view(-1, 1, 1) for name in ("mean", "deviation"))
    alone_NK = theirs(((x_NCHW - mean) / deviation).expand(-1, 3, -1, -1))
    assert torch.allclose(alone_NK, network(x_NCHW), atol=1e-5)


def test_small_image_resnet_loads_into_torchvision_with_its_stem_changed(tmp_path: Path) -> None:
    network = stored("resnet_18", 3, tmp_path)
    theirs = models.resnet18(num_classes=3).eval()
    theirs.conv1, theirs.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    theirs.load_state_dict(load_file(tmp_path / "model.safetensors"))
    x_NCHW = torch.rand(2, 3, 16, 16)
    assert torch.allclose(theirs((x_NCHW - 0.4) / 0.2), network(x_NCHW), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "told"), [("model.safetensors", "weights do not load"), ("network.json", "read")]
)
def test_a_damaged_file_is_named(name: str, told: str, tmp_path: Path) -> None:
    stored("convnet_8", 1, tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=f"{name} is damaged: .*{told}"):
        load(tmp_path)
