"""What a training needs to go on after a kill, written whole or not at all.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import torch

from proxykd.environment import number
from proxykd.errors import WHAT_IS_LARGE, full_disk
from proxykd.presentation.progress import log

FORMAT = 2
EVERY_SECONDS = 30.0
"""Unless the environment's PROXYKD_CHECKPOINT_SECONDS says otherwise."""
SHARE = 0.02
"""Of the time, at most, goes into writing checkpoints: where one takes long, they come more seldom."""
STOPPED = 75
"""Exit status of a training that stopped because PROXYKD_STOP_AFTER told it to (sysexits.h: try again)."""


class Checkpoint:
    """A training's state in `<folder>/state.pt`, written at most every `EVERY_SECONDS`."""

    def __init__(self, folder: Path, every_seconds: float | None = None) -> None:
        self.path = folder / "state.pt"
        if every_seconds is None:
            every_seconds = number("PROXYKD_CHECKPOINT_SECONDS", EVERY_SECONDS)
        self.every_seconds = every_seconds
        self.stop_after = number("PROXYKD_STOP_AFTER", math.inf)
        self.began = self.last = time.monotonic()
        self.took = 0.0

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
        now = time.monotonic()
        if now - self.began >= self.stop_after:
            return True
        # Writing may cost its share and no more, however large the network and slow the disk; an interval
        # of 0 asks for one a step whatever it costs.
        interval = max(self.every_seconds, self.took / SHARE) if self.every_seconds else 0.0
        return now - self.last >= interval

    def save(self, state: dict[str, Any]) -> bool:
        """Write the state beside the last one, then replace that; whether there was room for it.

        Where the disk is full the last one stays, the log says so, and the training goes on: hours of work
        are worth more than the next checkpoint, for which there may be room again.
        """
        began = time.monotonic()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # One name for all: the result's lock lets one process write, and what a kill leaves is written over.
        partial = self.path.with_suffix(".partial")
        written = False
        try:
            torch.save(state | {"format": FORMAT}, partial)
            os.replace(partial, self.path)
            written = True
        except (OSError, RuntimeError) as error:
            reason = full_disk(error)
            if reason is None:
                raise
            kept = "the last one is kept" if self.path.exists() else "there is none yet"
            log.warning(
                "No checkpoint could be written at step %s; %s, and the training goes on. %s Free some space "
                "(%s).",
                state["step"],
                kept,
                reason,
                WHAT_IS_LARGE,
            )
        finally:
            partial.unlink(missing_ok=True)
        self.last = time.monotonic()
        self.took = self.last - began
        return written

    def stop_if_asked(self, step: int, steps: int) -> None:
        """End the program, to be started again, once PROXYKD_STOP_AFTER seconds are over."""
        if time.monotonic() - self.began < self.stop_after or step == steps:
            return
        log.info(
            "stopped at step %s of %s after %.0f s, as PROXYKD_STOP_AFTER asks; start the same command "
            "again: it goes on from there",
            step,
            steps,
            time.monotonic() - self.began,
        )
        raise SystemExit(STOPPED)
