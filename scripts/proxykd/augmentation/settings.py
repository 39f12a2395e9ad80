"""Strength of each augmentation, and the presets."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from proxykd.section import Section

PRESETS: dict[str, dict[str, Any]] = {
    "none": {},
    "standard": {"flip": 0.5, "shift": 0.125},
    "strong": {
        "flip": 0.5,
        "shift": 0.125,
        "rotation": 15.0,
        "zoom": 0.15,
        "shear": 8.0,
        "brightness": 0.4,
        "contrast": 0.4,
        "saturation": 0.4,
        "cutout": 0.25,
    },
    "extreme": {
        "flip": 0.5,
        "shift": 0.25,
        "rotation": 30.0,
        "zoom": 0.3,
        "shear": 15.0,
        "elastic": 0.06,
        "elastic_probability": 0.5,
        "brightness": 0.5,
        "contrast": 0.6,
        "saturation": 0.8,
        "invert": 0.1,
        "solarise": 0.1,
        "posterise": 0.1,
        "cutout": 0.35,
    },
}


class Augmentation(Section):
    """Random changes of an image, drawn anew for each sample of each batch.

    In a configuration: a preset's name, or fields, or both (`{preset: strong, flip: 0}`). Lengths are shares
    of the image's side, so a preset means the same at every size.
    """

    flip: float = Field(0.0, ge=0, le=1)
    """Probability of a horizontal flip."""
    shift: float = Field(0.0, ge=0, le=0.5)
    """Largest shift in x and in y, as a share of the side (4 of 32 pixels: 0.125)."""
    rotation: float = Field(0.0, ge=0, le=180)
    """Largest rotation in degrees, either way."""
    zoom: float = Field(0.0, ge=0, lt=1)
    """Largest change of scale: factors from 1 - zoom to 1 + zoom."""
    shear: float = Field(0.0, ge=0, le=60)
    """Largest horizontal shear in degrees, either way."""
    elastic: float = Field(0.0, ge=0, le=0.5)
    """Deviation of a smooth random displacement, as a share of the side."""
    elastic_probability: float = Field(0.0, ge=0, le=1)
    """Probability of the elastic displacement."""
    brightness: float = Field(0.0, ge=0, lt=1)
    """Factor from 1 - b to 1 + b."""
    contrast: float = Field(0.0, ge=0, lt=1)
    """Factor about the image's own mean, from 1 - c to 1 + c."""
    saturation: float = Field(0.0, ge=0, le=1)
    """Factor about the grey image, from 1 - s to 1 + s. Nothing for one channel."""
    invert: float = Field(0.0, ge=0, le=1)
    """Probability of the negative."""
    solarise: float = Field(0.0, ge=0, le=1)
    """Probability of inverting all above a random threshold."""
    posterise: float = Field(0.0, ge=0, le=1)
    """Probability of a reduction to 4 to 16 levels."""
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
