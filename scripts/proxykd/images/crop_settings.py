"""What may be said about crops of one large image."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from pydantic import Field, model_validator

from proxykd.section import Section

BUNDLED = "scikit-learn:"
"""Begins a path that names a photograph which scikit-learn brings along: china.jpg or flower.jpg."""


class Crops(Section):
    """How crops are drawn from one image.

    Steps and defaults are those of the program that made the data sets of Asano and Saeed, *The Augmented
    Image Prior: Distilling 1000 Classes by Extrapolating from a Single Image* (ICLR 2023), after Asano,
    Rupprecht and Vedaldi (ICLR 2020). Flips are left to the student's augmentation, as they leave them, and
    so is their colour jitter: it is drawn anew for each view.
    """

    count: int = Field(ge=1, le=10_000_000)
    """How many crops."""

    seed: int = 0
    """Seed of the crops; each depends on it and on its own number alone, so that more crops begin with the
    same ones."""

    window: float = Field(default=0.5, gt=0, le=1)
    """A crop is taken from a square window at a random place, so that the middle of the image is not drawn
    more often: the window's side as a share of the image's shorter one."""

    area: tuple[float, float] = (0.002, 1.0)
    """Least and greatest area of a crop as a share of the window's (above 0, to 1), drawn uniformly."""

    aspect: tuple[float, float] = (0.75, 4 / 3)
    """Least and greatest width over height of a crop, drawn uniformly in its logarithm. All of them become
    square."""

    rotation: float = Field(default=30, ge=0, le=180)
    """Greatest angle that a crop is turned by, in degrees, either way."""

    shear: float = Field(default=30, ge=0, le=60)
    """Greatest angle of shear along the rows, in degrees, either way. Beyond a crop's edges it is black."""

    @model_validator(mode="after")
    def _ranges_are_ranges(self) -> Crops:
        if not 0 < self.area[0] <= self.area[1] <= 1:
            raise ValueError("area is the least and the greatest share of the window, above 0 and up to 1.")
        if not 0.1 <= self.aspect[0] <= self.aspect[1] <= 10:
            raise ValueError("aspect is the least and the greatest width over height, from 0.1 to 10.")
        if self.area[0] * max(self.aspect[1], 1 / self.aspect[0]) > 1:
            raise ValueError(
                "the least area does not fit the window with every aspect. Lower it, or narrow aspect."
            )
        return self


def image_file(path: str) -> str:
    """The file that a path names, with `scikit-learn:<file>` resolved; nothing of it is imported.

    Where scikit-learn is missing the path stays as it is, and whoever looks for the file says so.
    """
    if not path.startswith(BUNDLED):
        return path
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        return path
    return str(Path(found.origin).parent / "datasets" / "images" / path.removeprefix(BUNDLED))
