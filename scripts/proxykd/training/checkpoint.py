"""What a training needs to go on after a kill, written whole or not at all.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import torch

from proxykd.presentation.progress import log

FORMAT = 1
EVERY_SECONDS = 30.0
"""Unless the environment's PROXYKD_CHECKPOINT_SECONDS says otherwise."""


class Checkpoint:
    """A training's state in `<folder>/state.pt`, written at most every `EVERY_SECONDS`."""

    def __init__(self, folder: Path, every_seconds: float | None = None) -> None:
        self.path = folder / "state.pt"
        if every_seconds is None:
            every_seconds = float(os.environ.get("PROXYKD_CHECKPOINT_SECONDS") or EVERY_SECONDS)
        self.every_seconds = every_seconds
        self.last = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The state of an earlier run of the same key, or None.

        A kill cannot leave a file that does not load, since it is renamed into place, but a failing disk
        can: such a file, and one of another format, is passed over, and the training begins anew.
        """
        if not self.path.exists():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            log.warning("%s cannot be read (%s): the training begins anew", self.path, error)
            return None
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
