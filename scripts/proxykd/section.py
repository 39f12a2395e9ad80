"""What every section of the configuration has in common."""

from __future__ import annotations

import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One stage's settings: typed, closed to unknown keys, unchangeable.

    A section is defined in the room that reads it, in a module that imports nothing heavy: the plan
    reads all of them each time the Snakefile is parsed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    def modules(self) -> list[str]:
        """The modules that these settings choose; they count as this stage's code (see `source.py`)."""
        return []

    def data(self) -> list[str]:
        """Paths from outside whose content determines the result (a checkpoint, a folder of images)."""
        return []

    def resolved(self) -> Self:
        """With what was left out filled in from what comes from outside: before the key is made."""
        return self

    def canonical(self) -> dict[str, Any]:
        """All fields with their defaults, as JSON types. What the key is made of and the program gets."""
        return self.model_dump(mode="json")

    def identity(self) -> dict[str, Any]:
        """The part of `canonical()` that names the result: without paths, whose content counts instead."""
        return self.canonical()


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
