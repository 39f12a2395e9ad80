"""Strength of each augmentation, and the presets."""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from proxykd.section import Section

Operation = Literal[
    "Identity",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Brightness",
    "Color",
    "Contrast",
    "Sharpness",
    "Posterize",
    "Solarize",
    "AutoContrast",
    "Equalize",
]
OPERATIONS: tuple[str, ...] = get_args(Operation)
"""RandAugment's, under torchvision's names."""
BINS = 31
"""Magnitudes of RandAugment: 0 to 30."""

PRESETS: dict[str, dict[str, Any]] = {
    "none": {},
    "standard": {"flip": 0.5, "shift": 0.125},
    "strong": {
        "operations": 2,
        "brightness": 0.4,
        "contrast": 0.4,
        "saturation": 0.4,
        "flip": 0.5,
        "shift": 0.125,
    },
    # What the paper trains on shader images with; elastic is torchvision's alpha 50, sigma 5 at 32 pixels.
    "extreme": {
        "operations": 4,
        "elastic": 0.02545,
        "elastic_sigma": 0.15625,
        "elastic_probability": 0.5,
        "invert": 0.1,
        "flip": 0.5,
        "shift": 0.125,
    },
    # Digits, clothes: one is no other's mirror image or negative, and what surrounds one continues its edge.
    "grey": {"shift": 0.1, "rotation": 15.0, "zoom": 0.15, "shear": 10.0, "contrast": 0.3, "fill": "edge"},
}


class Augmentation(Section):
    """Random changes of an image, drawn anew for each sample of each batch.

    In a configuration: a preset's name, or fields, or both (`{preset: strong, flip: 0}`). Lengths are shares
    of the image's side, so a preset means the same at every size. Presets: none; standard: flip and padded
    crop; strong: 2 operations of RandAugment and colour jitter besides; extreme: 4 operations, elastic and
    invert, for images that look like nothing in particular, such as shaders; grey: geometry and a little
    contrast, for digits and the like.
    """

    operations: int = Field(0, ge=0, le=8)
    """Operations of RandAugment on each sample, drawn with replacement."""
    magnitude: int = Field(14, ge=0, lt=BINS)
    """Strength of RandAugment's operations, from 0 to 30."""
    omit: list[Operation] = []
    """Operations of RandAugment that are never drawn, such as Solarize where a negative is something else."""
    rotation: float = Field(0.0, ge=0, le=180)
    """Largest rotation in degrees, either way."""
    zoom: float = Field(0.0, ge=0, lt=1)
    """Largest change of scale: factors from 1 - zoom to 1 + zoom."""
    shear: float = Field(0.0, ge=0, le=60)
    """Largest horizontal shear in degrees, either way."""
    elastic: float = Field(0.0, ge=0, le=0.5)
    """Deviation of a smooth random displacement, as a share of the side."""
    elastic_sigma: float = Field(0.15625, gt=0, lt=0.25)
    """Smoothness of that displacement: deviation of the Gaussian that blurs it, as a share of the side."""
    elastic_probability: float = Field(0.0, ge=0, le=1)
    """Probability of the elastic displacement."""
    flip: float = Field(0.0, ge=0, le=1)
    """Probability of a horizontal flip."""
    shift: float = Field(0.0, ge=0, le=0.5)
    """Padding of a random crop: largest shift in x and in y, as a share of the side (4 of 32: 0.125)."""
    brightness: float = Field(0.0, ge=0, lt=1)
    """Factor from 1 - b to 1 + b."""
    contrast: float = Field(0.0, ge=0, lt=1)
    """Factor about the mean of the image's grey version, from 1 - c to 1 + c."""
    saturation: float = Field(0.0, ge=0, le=1)
    """Factor about the grey version, from 1 - s to 1 + s. Nothing for one channel."""
    invert: float = Field(0.0, ge=0, le=1)
    """Probability of the negative."""
    cutout: float = Field(0.0, ge=0, le=1)
    """Largest side of a square that is replaced by the fill, as a share of the side."""
    fill: Literal["mean", "edge", "black"] = "mean"
    """What comes in from outside the image: the teacher's mean colour, the edge's pixels, or black."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, given: Any) -> Any:
        if isinstance(given, str):
            given = {"preset": given}
        if not isinstance(given, dict) or "preset" not in given:
            return given
        preset = given["preset"]
        if preset not in PRESETS:
            raise ValueError(f"{preset!r} is no preset; there are {', '.join(PRESETS)}")
        return PRESETS[preset] | {name: value for name, value in given.items() if name != "preset"}

    @field_validator("omit")
    @classmethod
    def _in_one_order(cls, given: list[Operation]) -> list[Operation]:
        return sorted(set(given), key=OPERATIONS.index)

    @model_validator(mode="after")
    def _something_to_draw(self) -> Self:
        if self.operations and len(self.omit) == len(OPERATIONS):
            raise ValueError("omit leaves no operation to draw; set operations to 0 instead")
        return self
