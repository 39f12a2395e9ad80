"""Which classifier: names of architectures, and somebody else's checkpoint."""

from __future__ import annotations

from typing import Any, Literal, Self

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


class ImportTeacher(Section):
    """Somebody's checkpoint becomes the teacher, without any of its images."""

    architecture: str = Field(examples=["cifar_resnet_20", "torchvision:resnet50"])
    """As for a network that is trained here."""

    checkpoint: str
    """File with the weights: safetensors, or a pickle that loads with weights_only=True; may be nested
    (state_dict, model, ...) and prefixed (module.)."""

    trust: bool = False
    """Load a pickle that holds more than weights and can execute any code. Only if you trust its author."""

    size: int = Field(ge=4, le=1024)
    """Width and height of its input in pixels."""

    channels: Literal[1, 3] = 3
    """Channels of its input."""

    classes: int | list[str]
    """Number of classes, or their names in the order of the outputs."""

    mean: list[float] = [0.485, 0.456, 0.406]
    """Mean per channel that its input is normalised with, for pixels in [0, 1]. The default is ImageNet's."""

    deviation: list[float] = [0.229, 0.224, 0.225]
    """Standard deviation per channel of the same normalisation."""

    @field_validator("architecture")
    @classmethod
    def _known(cls, value: str) -> str:
        family_of(value)
        return value

    @field_validator("classes")
    @classmethod
    def _several(cls, value: int | list[str]) -> int | list[str]:
        if (value if isinstance(value, int) else len(value)) < 2:
            raise ValueError("a classifier has at least two classes")
        if isinstance(value, list) and len(set(value)) < len(value):
            raise ValueError("two classes have the same name")
        return value

    @model_validator(mode="after")
    def _one_value_a_channel(self) -> Self:
        for name in ("mean", "deviation"):
            if len(getattr(self, name)) != self.channels:
                raise ValueError(f"{name} needs {self.channels} value(s), one a channel")
        if min(self.deviation) <= 0:
            raise ValueError("deviation must be positive")
        return self

    def class_names(self) -> list[str]:
        """Names in the order of the outputs; the numbers where no names are given."""
        return [str(i) for i in range(self.classes)] if isinstance(self.classes, int) else self.classes

    def modules(self) -> list[str]:
        return [module_of(self.architecture)]

    def data(self) -> list[str]:
        return [self.checkpoint]

    def identity(self) -> dict[str, Any]:
        # Trust decides whether there is a result, not which.
        return {
            name: value for name, value in self.canonical().items() if name not in {"checkpoint", "trust"}
        }
