"""Settings of a student's evaluation."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from proxykd.augmentation.settings import Augmentation
from proxykd.boundary.settings import AttackBoundary
from proxykd.proxies.settings import RenderedPool
from proxykd.proxies.shaders.settings import ShaderPool
from proxykd.section import Section


class HeldoutPairs(AttackBoundary):
    """Pairs across the teacher's boundary made of held-out proxies, to measure students on.

    The attack of `attack_boundary` with defaults for measuring: on the held-out images as they are, since
    agreement and KL are measured on those too, and to any other class with equal probability.
    """

    sources: int | None = Field(1000, ge=1)
    """Images to attack, equally many of each class that the teacher sees as far as there are enough. None: as
    many as there are held-out proxies."""
    epsilon: float | Literal["auto"] = 64.0
    """Largest change of a pixel, in grey levels of 255. Wide, so that images which are far from the boundary
    are not left out; how near the members of a pair are to each other does not depend on it."""
    deeper: bool = True
    """One further step into its class for both members: students are measured on close and deeper pairs."""
    mixup: float = Field(0.0, ge=0)
    """Parameter of Beta(a, a) from which each view's share is drawn; 0: views are not mixed."""
    augmentation: Augmentation = Augmentation()
    """Augmentation of the images before the attack."""
    unmade: Literal["fail", "report"] = "report"
    """What to do when no pair can be made: fail, or report it and measure all else."""


class EvaluateStudent(Section):
    """What is measured of an experiment's students, beside their teacher."""

    images: str | None = None
    """Name of the labelled set under `import_images`; None: there are no labels, so no accuracy."""
    split: Literal["test", "validation"] = "test"
    """Choose settings on validation; test is read by nothing but evaluation."""
    heldout: RenderedPool = ShaderPool(kind="shaders", count=2000, programs=300, corpus="heldout")
    """Proxies of programs that no student has seen, on which student and teacher are compared."""
    pairs: HeldoutPairs | None = HeldoutPairs()
    """The attack on held-out proxies whose pairs boundary fidelity is measured on; null: not measured."""
    bins: int = Field(15, ge=2)
    """Equal bins of the expected calibration error."""

    def identity(self) -> dict[str, Any]:
        # Which images these are is said by the upstream keys.
        upstream = {"images", "heldout", "pairs"}
        return {name: value for name, value in self.canonical().items() if name not in upstream}
