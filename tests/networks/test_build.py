"""Every architecture's name gives a network that is what it says."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from proxykd.errors import UserError
from proxykd.networks.build import build
from proxykd.networks.classifier import Classifier, Description
from proxykd.networks.cost import macs
from proxykd.networks.settings import VARIANTS, Architecture

OWN = [f"{family}_{variant}" for family, variants in VARIANTS.items() for variant in variants]
LIBRARIES = ["torchvision:resnet18", "torchvision:googlenet", "timm:resnet18", "timm:vit_tiny_patch16_224"]


def classifier(architecture: str, channels: int = 3, size: int = 32, classes: int = 10) -> Classifier:
    names = [str(i) for i in range(classes)]
    torch.manual_seed(0)
    return build(Description(architecture, size, channels, names, [0.5] * channels, [0.25] * channels))


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("architecture", [*OWN, *LIBRARIES])
def test_each_architecture_takes_grey_and_colour_images(architecture: str, channels: int) -> None:
    Architecture(architecture=architecture)
    network = classifier(architecture, channels, size=16)
    logits_NK = network(torch.rand(2, channels, 16, 16))
    assert network.training
    assert logits_NK.shape == (2, 10)
    assert logits_NK.isfinite().all()


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_cifar_resnets_have_the_parameters_of_the_paper(depth: int, millions: float) -> None:
    network = classifier(f"cifar_resnet_{depth}")
    assert count(network) / 1e6 == pytest.approx(millions, abs=0.05 if depth == 110 else 0.006)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) + 1 == depth


def test_macs_of_known_networks() -> None:
    # He et al.'s ResNet-20: 40.8 M multiply-accumulates; torchvision states 1.814 G for ResNet-18 at 224.
    assert macs(classifier("cifar_resnet_20").eval(), torch.rand(1, 3, 32, 32)) == pytest.approx(
        40.8e6, rel=0.01
    )
    large = classifier("torchvision:resnet18", size=224, classes=1000).eval()
    assert macs(large, torch.rand(1, 3, 224, 224)) == pytest.approx(1.814e9, rel=0.001)


def test_small_image_resnet_keeps_the_resolution_of_its_stem() -> None:
    network = classifier("resnet_18")
    stem = network.body.get_submodule("conv1")
    assert stem(torch.rand(1, 3, 32, 32)).shape[-1] == 32
    assert count(network) == pytest.approx(11.17e6, rel=0.01)


def test_pixels_are_normalised_inside() -> None:
    network = classifier("convnet_8").eval()
    x_NCHW = torch.rand(4, 3, 32, 32)
    assert torch.equal(network(x_NCHW), network.body((x_NCHW - 0.5) / 0.25))


@pytest.mark.parametrize("name", ["convnet_7", "resnet18", "timm:", "cifar_resnet_21", "vgg"])
def test_an_unknown_name_is_told_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValidationError, match="is no known architecture; there are convnet_8"):
        Architecture(architecture=name)


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_a_name_that_a_library_does_not_have(library: str) -> None:
    with pytest.raises(UserError, match=f"{library} has no .* called 'nothing'"):
        classifier(f"{library}:nothing")


def test_a_network_that_pools_too_often_for_its_images_says_so() -> None:
    with pytest.raises(UserError, match="torchvision:alexnet does not run on images of 16 x 16 pixels"):
        classifier("torchvision:alexnet", size=16)


def test_only_libraries_have_published_weights() -> None:
    with pytest.raises(ValidationError, match="pretrained: true needs"):
        Architecture(architecture="convnet_8", pretrained=True)


def test_images_of_another_size_are_refused() -> None:
    described = classifier("convnet_8").description
    with pytest.raises(UserError, match="The pool's images are 8x8x1 and the network takes 32x32x3"):
        described.check_fits(torch.zeros(2, 8, 8, 1).numpy(), "The pool's images")
