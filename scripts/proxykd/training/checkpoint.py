"""What a training needs to go on after a kill, written whole or not at all.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import torch

FORMAT = 1
EVERY_SECONDS = 30.0


class Checkpoint:
    """A training's state in `<folder>/state.pt`, written at most every `EVERY_SECONDS`."""

    def __init__(self, folder: Path, every_seconds: float = EVERY_SECONDS) -> None:
        self.path = folder / "state.pt"
        self.every_seconds = every_seconds
        self.last = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The state of an earlier run of the same key, or None.

        A file that does not load cannot come from a kill, since it is renamed into place; one of another
        format is left aside.
        """
        if not self.path.exists():
            return None
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        return state if state.get("format") == FORMAT else None

    def is_due(self) -> bool:
        """Whether it is time to write one."""
        return time.monotonic() - self.last >= self.every_seconds

    def save(self, state: dict[str, Any]) -> None:
        """Write the state beside the last one, then replace that."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(f".{os.getpid()}")
        try:
            torch.save(state | {"format": FORMAT}, partial)
            os.replace(partial, self.path)
        finally:
            partial.unlink(missing_ok=True)
        self.last = time.monotonic()
