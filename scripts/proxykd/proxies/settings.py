"""The pools of rendered proxies that a configuration can ask for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from proxykd.proxies.shaders.settings import ShaderPool
from proxykd.section import Section


class LeavesPool(Section):
    """Dead leaves: opaque shapes that fall on each other until no ground is left (Baradad et al. 2021)."""

    kind: Literal["leaves"] = "leaves"
    """Dead leaves."""
    count: int = Field(default=12_000, ge=1)
    """Images."""
    size: int | None = Field(default=None, ge=4, le=4096)
    """Pixels along one side. Empty: the teacher's input size."""
    channels: Literal[1, 3] | None = None
    """1 for luma (ITU-R 601), 3 for RGB. Empty: as the teacher takes them."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Draws the leaves."""

    def modules(self) -> list[str]:
        return ["proxykd.proxies.leaves"]


class NoisePool(Section):
    """Gaussian noise, each pixel and channel for itself, clipped to [0, 1]."""

    kind: Literal["noise"] = "noise"
    """Gaussian noise."""
    count: int = Field(default=12_000, ge=1)
    """Images."""
    size: int | None = Field(default=None, ge=1, le=4096)
    """Pixels along one side. Empty: the teacher's input size."""
    channels: Literal[1, 3] | None = None
    """Channels. Empty: as the teacher takes them."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Draws the pixels."""
    mean: float = Field(default=0.5, ge=0, le=1)
    """Mean of a pixel before clipping, 0 black to 1 white."""
    deviation: float = Field(default=0.25, ge=0, le=4)
    """Standard deviation of a pixel before clipping, on the same scale."""
    statistics_from: str | None = None
    """The data that mean and deviation were taken from, as the paper's noise takes the original data's.

    It is no longer data-free then: index and report mark such a pool. Empty: they come from no data."""

    def modules(self) -> list[str]:
        return ["proxykd.proxies.noise"]


RenderedPool = Annotated[ShaderPool | LeavesPool | NoisePool, Field(discriminator="kind")]
"""Any pool that is rendered; `kind` says which."""
