"""Settings of judging proxies by the teacher alone."""

from __future__ import annotations

from pydantic import Field

from proxykd.section import Section


class AssessProxies(Section):
    """What makes these proxies good for this teacher, or not, before any student is trained."""

    sample: int = Field(2000, ge=2, le=20_000)
    """Images that diversity is measured on, drawn at random; its time grows with the cube of their number."""
    per_program: int = Field(10, ge=2, le=100)
    """Images of each program that the diversity within programs is measured on; its largest value."""
    fill: int = Field(5000, ge=1)
    """Images of each class that one would like to select: how many must be rendered for that is estimated."""
    pair_images: int = Field(10, ge=1)
    """Images between whose two likeliest classes a pair of classes must stand, to count as covered."""
    margin: float = Field(0.1, gt=0, le=1)
    """An image is near the boundary where its two largest probabilities differ by less."""
    seed: int = Field(0, ge=0)
    """Draws the sample."""
