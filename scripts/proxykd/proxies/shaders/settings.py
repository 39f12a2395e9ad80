"""What a pool of shader images is made from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from proxykd.section import Section

FAMILIES = (
    "blends",
    "blocks",
    "cells",
    "cppn",
    "curls",
    "distortions",
    "expressions",
    "figures",
    "folds",
    "fractals",
    "glows",
    "glyphs",
    "gratings",
    "heads",
    "hulls",
    "interference",
    "kaleidoscopes",
    "labyrinths",
    "landscapes",
    "limbs",
    "loops",
    "masks",
    "moire",
    "noise",
    "overlays",
    "shapes",
    "silhouettes",
    "solids",
    "spots",
    "stacks",
    "strokes",
    "truchet",
    "warps",
)
"""The grammar's families, in the order in which a corpus goes round them."""
WEIGHTS = dict.fromkeys(FAMILIES, 1.0) | {
    "blocks": 5.0,
    "heads": 5.0,
    "hulls": 5.0,
    "limbs": 7.0,
    "masks": 6.0,
    "moire": 1.5,
    "silhouettes": 6.0,
}
"""Every family counts once, but for those from which rare classes come.

Six draw figures that resemble everyday things, by rules made by hand: vehicles (blocks), ships (hulls),
animals (limbs, heads, masks) and clothes (silhouettes). Teachers of photographs and of clothes seldom see
these classes in abstract patterns. This is a prior on the world, and the weights were set with the class
histograms of two development teachers: a ResNet-20 of CIFAR-10 and a teacher of Fashion-MNIST.
"""


class ShaderPool(Section):
    """Images of randomly written fragment shaders, rendered with OpenGL."""

    kind: Literal["shaders"] = "shaders"
    """Fragment shaders from ProxyKD's own grammar."""
    count: int = Field(default=12_000, ge=1)
    """Images. Sample i is drawn by program i modulo `programs`."""
    size: int | None = Field(default=None, ge=4, le=4096)
    """Pixels along one side. Empty: the teacher's input size."""
    channels: Literal[1, 3] | None = None
    """1 for luma (ITU-R 601), 3 for RGB. Empty: as the teacher takes them."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Draws the programs' parameters. The programs themselves belong to the corpus and stay the same."""
    programs: int = Field(default=2000, ge=1, le=400_000)
    """Programs, divided among the families by weight. More of them help more than more images of each.

    The first 2,000 (of `heldout`: 500) are chosen from several thousand for their diversity."""
    corpus: Literal["main", "heldout"] = "main"
    """Which of two disjoint sets of programs: `heldout` is for judging a student on programs it never saw."""
    families: dict[str, float] = WEIGHTS
    """Weight of each family's number of programs; one that is not named, or has weight 0, is left out.

    By default more than half of the programs draw figures that resemble vehicles, ships, animals and
    clothes, by rules made by hand: blocks, hulls, limbs, heads, masks and silhouettes. No real image went
    into them, but knowledge of the world did, and the histograms of two teachers' classes set the weights.
    For abstract patterns alone, name the other families."""
    supersampling: int = Field(default=2, ge=1, le=8)
    """Samples along one side of a pixel, averaged with equal weights."""
    backend: Literal["auto", "raster", "compute"] = "auto"
    """What draws: fragment shaders (`raster`), compute shaders, or what a short measurement finds faster.

    Data-centre GPUs run fragment shaders on few of their processors. With Mesa on the CPU both give the same
    bytes; elsewhere they may be a grey level apart, and so may results of `auto` on two machines. index.json
    names what drew. A device without compute shaders uses `raster`."""

    @field_validator("families")
    @classmethod
    def _known(cls, families: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(families) - set(FAMILIES))
        if unknown:
            raise ValueError(
                f"no shader family is called {', '.join(unknown)}; there are {', '.join(FAMILIES)}"
            )
        if min(families.values(), default=0.0) < 0 or not any(families.values()):
            raise ValueError("a family's weight is 0 or more, and at least one is above 0")
        return families

    def modules(self) -> list[str]:
        return ["proxykd.proxies.shaders.renderer"]
