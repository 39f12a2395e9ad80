"""Settings of the look at an imported teacher before the pipeline commits to it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from proxykd.proxies.settings import RenderedPool
from proxykd.proxies.shaders.settings import ShaderPool
from proxykd.section import Section


class CheckTeacher(Section):
    """How an imported teacher behaves under its stated normalisation and under the usual others."""

    proxies: RenderedPool = ShaderPool(kind="shaders", count=1024, programs=128)
    """Images to look at it with."""
    pictures: int = Field(1024, ge=1)
    """At most so many of the user's own images, of those among the pools."""
    sample: int = Field(128, ge=16)
    """Of the proxies, and of the pictures, so many are passed through it under each normalisation; all of
    them under the stated one."""
    unlikely: Literal["report", "fail"] = "report"
    """What happens where another normalisation is clearly likelier than the stated one. report: a warning
    and the page. fail: the run stops before anything is spent on the teacher."""

    def identity(self) -> dict[str, object]:
        # Which proxies these are is said by the upstream key.
        return {name: value for name, value in self.canonical().items() if name != "proxies"}
