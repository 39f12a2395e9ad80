"""Settings of the look at an imported teacher before the pipeline commits to it."""

from __future__ import annotations

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

    def identity(self) -> dict[str, object]:
        # Which proxies these are is said by the upstream key.
        return {name: value for name, value in self.canonical().items() if name != "proxies"}
