"""Progress of a running stage: a bar on a terminal, a line every few seconds in a log file."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from types import TracebackType

from tqdm import tqdm

from proxykd.presentation.tensorboard import Board

LINE_SECONDS = 5.0

log = logging.getLogger("proxykd")


def start_log(path: Path | None) -> None:
    """Send log lines to a file, or to stderr where none is given. Lines go to one place only."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w") if path else logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False


class Progress:
    """Counts samples or steps towards a total (0: not known before); use as a context manager.

    `advance(n, loss=...)` adds n and shows the current figures. The bar appears only where stderr is a
    terminal; the log gets the same facts at most every `LINE_SECONDS`. `name` tells two trainings of one
    label apart in TensorBoard.
    """

    def __init__(self, label: str, total: int, unit: str = "img", name: str = "unnamed") -> None:
        self.label, self.total, self.unit, self.name = label, total, unit, name
        self.done = 0
        self.figures: dict[str, float | str] = {}

    def __enter__(self) -> Progress:
        self.began = self.last_line = time.monotonic()
        on_terminal = sys.stderr.isatty()
        self.bar = tqdm(
            total=self.total or None,
            desc=self.label,
            unit=self.unit,
            disable=not on_terminal,
            leave=False,
            unit_scale=True,
        )
        self.to_log = not (on_terminal and _logs_to_terminal())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.close()
        if self.board is not None:
            self.board.close()
        if kind is None:
            self._line()

    def start_at(self, done: int, step: int = 0) -> None:
        """Begin after what an earlier run has done already, up to a training's `step`."""
        self.board = Board(self.label, self.name, step)
        self.resume_at(done)

    def resume_at(self, done: int) -> None:
        """Begin after what an earlier run has done already, in a stage that trains nothing."""
        self.bar.update(done)
        self.done = done
        self.resumed_at = done

    resumed_at = 0
    board: Board | None = None

    def record(self, record: dict[str, float]) -> None:
        """Show a record of a training in TensorBoard, where that is asked for."""
        if self.board is not None:
            self.board.record(record)

    def advance(self, n: int = 1, **figures: float | str) -> None:
        """Count n more."""
        self.done += n
        self.figures.update(figures)
        self.bar.update(n)
        if time.monotonic() - self.last_line >= LINE_SECONDS:
            if figures:
                self.bar.set_postfix(self._shown(), refresh=False)
            self._line()

    def _shown(self) -> dict[str, str]:
        return {name: f"{v:.4g}" if isinstance(v, float) else str(v) for name, v in self.figures.items()}

    def _line(self) -> None:
        now = time.monotonic()
        self.last_line = now
        if not self.to_log:
            return
        rate = (self.done - self.resumed_at) / max(now - self.began, 1e-9)
        shown = "".join(f", {name} {value}" for name, value in self._shown().items())
        reached = f"{self.done} of {self.total} {self.unit}" if self.total else f"{self.done} {self.unit}"
        left = f", {(self.total - self.done) / rate:.0f} s left" if self.total and rate else ""
        log.info("%s: %s, %.0f %s/s%s%s", self.label, reached, rate, self.unit, left, shown)


def _logs_to_terminal() -> bool:
    return any(
        isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
        for handler in log.handlers
    )
