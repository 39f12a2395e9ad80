"""Settings of judging proxies by the teacher alone."""

from __future__ import annotations

from pydantic import Field

from proxykd.section import Section


class AssessProxies(Section):
    """What makes these proxies good for this teacher, or not, before any student is trained."""

    sample: int = Field(2000, ge=2, le=20_000)
    """Images that diversity is measured on, drawn at random; its time grows with the cube of their number."""
    fill: int = Field(5000, ge=1)
    """Images of each class that one would like to select: how many must be rendered for that is estimated."""
    seed: int = Field(0, ge=0)
    """Draws the sample."""
