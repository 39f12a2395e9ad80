"""Settings of scoring a pool and of selecting from it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from proxykd.section import Section


class ScoreProxies(Section):
    """The teacher's opinion of each image of a pool."""

    precision: Literal["fp32", "bf16"] = "fp32"
    """Arithmetic of the teacher's passes."""


class SelectProxies(Section):
    """Which images of the scored pools a student learns from."""

    count: int | None = Field(50_000, ge=1)
    """Images to select; None: all."""
    balance: Literal["uniform", "none"] = "uniform"
    """uniform: equally many of each class that the teacher sees; none: any images (a control)."""
    unfilled: Literal["report", "fail"] = "report"
    """What to do when the pools have too few images of a class: report the shortfall, or fail."""
    seed: int = Field(0, ge=0)
    """Which of a class's images are taken."""


class SelectFromPools(SelectProxies):
    """A selection's settings as its program gets them."""

    shares: list[float | None] = [None]
    """Share of the images that each pool gives; None throughout: the pools are one."""
