"""Settings of a student's evaluation."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from proxykd.proxies.settings import RenderedPool
from proxykd.proxies.shaders.settings import ShaderPool
from proxykd.section import Section


class EvaluateStudent(Section):
    """What is measured of an experiment's students, beside their teacher."""

    images: str | None = None
    """Name of the labelled set under `import_images`; None: there are no labels, so no accuracy."""
    split: Literal["test", "validation"] = "test"
    """Choose settings on validation; test is read by nothing but evaluation."""
    heldout: RenderedPool = ShaderPool(kind="shaders", count=2000, corpus="heldout")
    """Proxies of programs that no student has seen, on which student and teacher are compared."""
    bins: int = Field(15, ge=2)
    """Equal bins of the expected calibration error."""

    def identity(self) -> dict[str, Any]:
        # Which images these are is said by the upstream keys.
        return {name: value for name, value in self.canonical().items() if name not in {"images", "heldout"}}
