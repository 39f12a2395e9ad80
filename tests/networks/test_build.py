"""Every architecture's name gives a network that is what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

from proxykd.errors import UserError
from proxykd.networks.build import build
from proxykd.networks.classifier import Classifier, Description
from proxykd.networks.cost import macs
from proxykd.networks.files import load, save
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


# Worked out by hand from the papers' tables, for ten classes; the papers state them to two figures.
PARAMETERS = {
    "airbench_64": 1_972_792,
    "cifar_resnet_20": 269_722,
    "cifar_resnet_32": 464_154,
    "cifar_resnet_44": 658_586,
    "cifar_resnet_56": 853_018,
    "cifar_resnet_110": 1_727_962,
    # Option B adds a 1x1 convolution and a batch norm at two places: 16 x 32 + 64 + 32 x 64 + 128.
    "cifar_resnet_20b": 269_722 + 2_752,
    "cifar_resnet_110b": 1_727_962 + 2_752,
    "resnet_18": 11_173_962,
    "resnet_34": 21_282_122,
    "resnet_50": 23_520_842,
    "wrn_40_2": 2_243_546,
    "wrn_40_1": 563_930,
    "wrn_16_2": 691_674,
    "wrn_16_1": 175_066,
    "vgg_11": 9_231_114,
    # torchvision states 3,504,872 with a last layer of 1281 x 1000.
    "mobilenet_v2": 3_504_872 - 1281 * 990,
}


@pytest.mark.parametrize("architecture", PARAMETERS)
def test_networks_have_the_parameters_of_their_papers(architecture: str) -> None:
    assert count(classifier(architecture)) == PARAMETERS[architecture]


@pytest.mark.parametrize(("architecture", "depth"), [("cifar_resnet_56", 56), ("vgg_11", 9)])
def test_networks_have_the_layers_of_their_papers(architecture: str, depth: int) -> None:
    convolutions = [layer for layer in classifier(architecture).modules() if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) + 1 == depth


# One a family: what differs between its variants is how much of the same.
FAMILIES = ["convnet_8", "airbench_8", "cifar_resnet_8", "cifar_resnet_8b", "resnet_18", "wrn_16_1", "vgg_11"]


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32), (3, 64)])
@pytest.mark.parametrize("architecture", [*FAMILIES, "mobilenet_v2", "convnext_tiny", "vit_small"])
def test_each_family_trains_and_is_stored(
    architecture: str, channels: int, size: int, tmp_path: Path
) -> None:
    network = classifier(architecture, channels, size).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x_NCHW = torch.rand(3, channels, size, size).contiguous(memory_format=torch.channels_last)
    functional.cross_entropy(network(x_NCHW), torch.tensor([0, 1, 2])).backward()
    trained = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
    assert [name for name, weight in trained.items() if weight.grad is None or not weight.grad.any()] == []
    assert all(weight.grad.isfinite().all() for weight in trained.values())
    torch.optim.SGD(trained.values(), lr=0.01).step()
    save(network.eval(), tmp_path)
    again = load(tmp_path)
    assert torch.equal(network(x_NCHW), again(x_NCHW))


@pytest.mark.parametrize(
    ("architecture", "last"),
    [
        ("mobilenet_v2", "features"),
        ("convnext_tiny", "features"),
        ("vgg_11", "block4"),
        ("resnet_18", "layer4"),
    ],
)
@pytest.mark.parametrize("size", [32, 64])
def test_convolutional_networks_leave_four_pixels_or_more(architecture: str, last: str, size: int) -> None:
    network, sizes = classifier(architecture, size=size).eval(), []
    layer = network.body.get_submodule(last)
    layer.register_forward_hook(lambda module, inputs, y_NCHW: sizes.append(y_NCHW.shape[2:]))
    network(torch.rand(1, 3, size, size))
    assert min(sizes[0]) >= 4


@pytest.mark.parametrize(("size", "patches"), [(16, 8), (28, 7), (32, 8), (64, 8), (96, 12), (224, 14)])
def test_the_patches_of_a_vision_transformer_fit_the_image(size: int, patches: int) -> None:
    body = classifier("vit_small", size=size).body
    assert body.get_submodule("patch_embed").num_patches == patches**2


def test_an_image_that_cannot_be_cut_into_patches() -> None:
    with pytest.raises(UserError, match="100 is no multiple of 8, a patch's side; 96 and 104 are"):
        classifier("vit_small", size=100)


@pytest.mark.parametrize("architecture", ["mobilenet_v2", "convnext_tiny"])
def test_at_224_pixels_weights_are_those_of_torchvision(architecture: str) -> None:
    ours, theirs = classifier(architecture, size=224), classifier(f"torchvision:{architecture}", size=224)
    theirs.load_state_dict(ours.state_dict())
    x_NCHW = torch.rand(1, 3, 224, 224)
    assert torch.equal(ours.eval()(x_NCHW), theirs.eval()(x_NCHW))


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


@pytest.mark.parametrize(
    "name", ["convnet_7", "resnet18", "timm:", "cifar_resnet_21", "vgg", "wrn_16_4", "wrn_40"]
)
def test_an_unknown_name_is_told_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValidationError, match="is no known architecture; there are convnet_8"):
        Architecture(architecture=name)


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_a_name_that_a_library_does_not_have(library: str) -> None:
    with pytest.raises(UserError, match=f"{library} has no .* called 'nothing'"):
        classifier(f"{library}:nothing")


@pytest.mark.parametrize(
    ("architecture", "size", "told"),
    [
        ("torchvision:alexnet", 16, "does not run on images of 16 x 16 pixels"),
        ("torchvision:vit_b_32", 28, "cannot be built for images of 28 x 28 pixels"),
        ("timm:xcit_nano_12_p8_224", 28, "cannot be built for images of 28 x 28 pixels"),
        ("airbench_8", 8, "does not run on images of 8 x 8 pixels"),
    ],
)
def test_a_network_that_images_do_not_fit_says_so(architecture: str, size: int, told: str) -> None:
    with pytest.raises(UserError, match=f"{architecture} {told}"):
        classifier(architecture, size=size)


def test_only_libraries_have_published_weights() -> None:
    with pytest.raises(ValidationError, match="pretrained: true needs"):
        Architecture(architecture="convnet_8", pretrained=True)


def test_images_of_another_size_are_refused() -> None:
    described = classifier("convnet_8").description
    with pytest.raises(UserError, match="The pool's images are 8x8x1 and the network takes 32x32x3"):
        described.check_fits(torch.zeros(2, 8, 8, 1).numpy(), "The pool's images")
