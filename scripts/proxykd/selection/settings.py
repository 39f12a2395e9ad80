"""Settings of scoring a pool and of selecting from it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from proxykd.section import Section

FEATURES = "proxykd.networks.features"
FILLING = "proxykd.selection.filling"
WITHIN = {
    "confidence": "proxykd.selection.strata",
    "entropy": "proxykd.selection.strata",
    "pairs": "proxykd.selection.runner_up",
    "diverse": "proxykd.selection.farthest",
}
"""What chooses among the images of a class, where not any will do."""


class ScoreProxies(Section):
    """The teacher's opinion of each image of a pool."""

    precision: Literal["fp32", "bf16"] = "fp32"
    """Arithmetic of the teacher's passes."""
    features: bool = False
    """Keep the input of the teacher's last layer too, for select_proxies.within: diverse, which sets this."""

    def modules(self) -> list[str]:
        return [FEATURES] if self.features else []


class SelectProxies(Section):
    """Which images of the scored pools a student learns from."""

    count: int | None = Field(50_000, ge=1)
    """Images to select; None: as many as the pools hold. Where classes are balanced they are asked for in
    those parts, so that of common classes some are left out, and rare ones fall short."""
    balance: Literal["uniform", "long_tail", "none"] = "uniform"
    """uniform: equally many of each class that the teacher sees; long_tail: from many of the first class down
    to few of the last, exponentially; none: any images (a control)."""
    imbalance: float = Field(100.0, ge=1)
    """long_tail: images of the first class over those of the last. The paper's profile is not known."""
    order: Literal["pool", "seed"] = "pool"
    """long_tail: which class comes first: the one with most images in the pools, or as the seed has it."""
    within: Literal["random", "confidence", "entropy", "pairs", "diverse"] = "random"
    """Which images of a class: any (the paper's); equally many of each range of the teacher's confidence or
    entropy; of each class that it finds likeliest next; or those farthest from each other in its features."""
    strata: int = Field(10, ge=2, le=10_000)
    """confidence, entropy: ranges of equal width in which a class's images are counted."""
    distinct: bool = True
    """Of images that are equal in every pixel, take one at most."""
    fill: Literal["none", "empty", "short"] = "empty"
    """Make images of classes that the pools lack, by attacking the nearest ones: of none; of those with no
    image at all; of all that have too few."""
    fill_epsilon: float = Field(128.0, gt=0, le=255)
    """Largest change of a pixel of an image that is filled in, in grey levels of 255."""
    fill_confidence: float = Field(0.5, ge=0, lt=1)
    """Least probability that the teacher gives the class of an image that is filled in, as it is stored."""
    unfilled: Literal["report", "fail"] = "report"
    """What to do when there are too few images of a class after that: report the shortfall, or fail."""
    seed: int = Field(0, ge=0)
    """Which of a class's images are taken."""

    @model_validator(mode="after")
    def _has_classes(self) -> Self:
        if self.balance == "none" and self.within != "random":
            raise ValueError(
                f"within: {self.within} chooses among the images of a class, and balance: none takes any "
                "images; set balance: uniform or within: random"
            )
        return self

    @property
    def fills(self) -> bool:
        """Whether classes may be filled, for which the teacher is needed."""
        return self.fill != "none" and self.balance != "none"

    def modules(self) -> list[str]:
        within = [] if self.within == "random" else [WITHIN[self.within]]
        return [*within, FILLING] if self.fills else within


class SelectFromPools(SelectProxies):
    """A selection's settings as its program gets them."""

    shares: list[float | None] = [None]
    """Share of the images that each pool gives; None throughout: the pools are one."""
