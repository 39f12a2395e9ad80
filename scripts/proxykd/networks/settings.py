"""Which classifier: names of architectures."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from proxykd.section import Section

FAMILIES = {
    "airbench": "proxykd.networks.airbench",
    "convnet": "proxykd.networks.convnet",
    "cifar_resnet": "proxykd.networks.cifar_resnet",
    "resnet": "proxykd.networks.resnet",
    "wrn": "proxykd.networks.wide_resnet",
    "vgg": "proxykd.networks.vgg",
    "mobilenet": "proxykd.networks.mobilenet",
    "convnext": "proxykd.networks.convnext",
    "vit": "proxykd.networks.vit",
    "torchvision": "proxykd.networks.libraries",
    "timm": "proxykd.networks.libraries",
}
FOREIGN = {"factory": "proxykd.networks.factory", "export": "proxykd.networks.exported"}
"""Of imported teachers alone: networks that come as code, in a Python file or one of `torch.export`."""
DEPTHS = ("8", "20", "32", "44", "56", "110")
VARIANTS = {
    "convnet": ("8", "16", "32", "64"),
    "airbench": ("8", "16", "32", "64", "128"),
    "cifar_resnet": (*DEPTHS, *(f"{depth}b" for depth in DEPTHS)),
    "resnet": ("18", "34", "50"),
    "wrn": ("40_2", "40_1", "16_2", "16_1"),
    "vgg": ("11",),
    "mobilenet": ("v2",),
    "convnext": ("tiny",),
    "vit": ("small",),
}


def family_of(architecture: str) -> str:
    """The family of an architecture's name; `ValueError` names the known ones."""
    family, _, rest = architecture.partition(":")
    if family in {"torchvision", "timm"} and rest:
        return family
    for family, variants in VARIANTS.items():
        if architecture.removeprefix(f"{family}_") in variants:
            return family
    own = ", ".join(f"{name}_{'|'.join(variants)}" for name, variants in VARIANTS.items())
    raise ValueError(
        f"{architecture!r} is no known architecture; there are {own}, torchvision:<name> and timm:<name>"
    )


def module_of(architecture: str) -> str:
    """The module that builds an architecture."""
    if architecture in FOREIGN:
        return FOREIGN[architecture]
    return FAMILIES[family_of(architecture)]


class Architecture(Section):
    """Which network to build."""

    architecture: str = Field(examples=["convnet_16", "cifar_resnet_20", "resnet_18", "timm:resnet18"])
    """convnet_<width> (8, 16, 32, 64), for two CPU cores; airbench_<width> (8, 16, 32, 64, 128; Jordan 2024),
    for training in seconds on a GPU; cifar_resnet_<depth> (8, 20, 32, 44, 56, 110; He et al. 2016, section
    4.2), with a b after the depth for shortcuts that have weights (option B); resnet_<depth> (18, 34, 50;
    ImageNet's, with a 3x3 stem and no pooling for small images); wrn_40_2, wrn_40_1, wrn_16_2, wrn_16_1
    (Zagoruyko and Komodakis 2016); vgg_11 (with batch norm and one linear layer); mobilenet_v2, convnext_tiny
    and vit_small (their first layers fit the image); torchvision:<name>; timm:<name>."""

    pretrained: bool = False
    """Start from the library's published weights (torchvision and timm only; downloads them). A student
    that starts from somebody's data is no longer distilled without data."""

    @field_validator("architecture")
    @classmethod
    def _known(cls, value: str) -> str:
        family_of(value)
        return value

    @model_validator(mode="after")
    def _has_weights(self) -> Self:
        if self.pretrained and ":" not in self.architecture:
            raise ValueError("pretrained: true needs a torchvision: or timm: architecture")
        return self

    def modules(self) -> list[str]:
        return [module_of(self.architecture)]
