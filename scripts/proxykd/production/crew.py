"""Worker processes with limits on time and memory: one that exceeds them, or ends by itself, is replaced.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from proxykd.environment import number
from proxykd.production.parts import Bundle, Part
from proxykd.production.worker import BEGUN, OPENED
from proxykd.source import SCRIPTS

LOST = "lost"
"""Is told of a worker that was killed or ended by itself, and why."""
SECONDS, SECONDS_A_SAMPLE = 60.0, 5e-6
"""Of a processor's time: a part may take so much, and so much more for each sample of its pixels, a hundred
times what an average program takes. PROXYKD_RENDER_SECONDS replaces the first. Not of the clock's: a program
that is left out changes the images, and a busy machine must not."""
PATIENCE = 5
"""Times as long it may take by the clock, for one that waits and does nothing."""
MEGABYTES = 2000.0
"""A worker may take so much memory beside some copies of a part; PROXYKD_RENDER_MB replaces it."""
COPIES = 6
LOOK_SECONDS = 0.1
OPENING_SECONDS = 120.0
"""A worker may take so long before it can draw."""
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "LP_NUM_THREADS": "0",
}
"""A worker has a core, and so has each other one; Mesa's llvmpipe draws in the calling thread then."""


@dataclass
class Limits:
    """Of time and memory, for parts of images of a certain size."""

    samples: int
    """Of an image: pixels, times those drawn for each."""
    image_bytes: int

    def seconds(self, part: Part) -> float:
        """A part may take so much processor time, with its encoding."""
        floor = number("PROXYKD_RENDER_SECONDS", SECONDS)
        return floor + SECONDS_A_SAMPLE * self.samples * len(part.samples)

    def bytes(self, part: Part) -> float:
        """A worker may take so much while it is at a part."""
        return number("PROXYKD_RENDER_MB", MEGABYTES) * 2**20 + COPIES * self.image_bytes * len(part.samples)


class Worker:
    """One process, and what it is at."""

    def __init__(self, log: Path) -> None:
        self.pipe, theirs = Pipe()
        paths = os.pathsep.join([str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])])
        with log.open("ab") as told:
            # -P: what lies in the current folder is not imported.
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "proxykd.production.worker", str(theirs.fileno())],
                env=os.environ | ONE_THREAD | {"PYTHONPATH": paths},
                stdin=subprocess.DEVNULL, stdout=told, stderr=told, pass_fds=[theirs.fileno()],
            )  # fmt: skip
        theirs.close()
        self.facts = psutil.Process(self.process.pid)
        self.is_told = self.is_open = False
        self.bundle: Bundle | None = None
        self.part = 0
        self.since, self.took = time.monotonic(), 0.0

    def tell(self, module: str, pool: Any) -> None:
        """Have it open what draws the pool."""
        self.is_told = True
        with suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send((module, pool))

    def draw(self, bundle: Bundle, path: Path) -> None:
        """Ask for a bundle's file."""
        self.bundle = bundle
        self.begin(0)
        # One that has just ended is noticed by its end of the pipe.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send((bundle, path))

    def begin(self, part: int) -> None:
        """Count a part's time from now on."""
        self.part, self.since, self.took = part, time.monotonic(), self._processor_seconds()

    def _processor_seconds(self) -> float:
        with suppress(psutil.Error):
            times = self.facts.cpu_times()
            return float(times.user + times.system)
        # It is gone, which is noticed by its end of the pipe.
        return 0.0

    def kill(self) -> None:
        """End it now, whatever it is at."""
        self.process.kill()
        self.pipe.close()
        # One that waits for a device may take its time to go.
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(10)

    def excess(self, limits: Limits) -> str:
        """What it exceeds, in words; empty where it keeps to its limits."""
        part = self.bundle.parts[self.part] if self.bundle else Part(0, range(0))
        seconds = limits.seconds(part) if self.bundle else OPENING_SECONDS
        waited = time.monotonic() - self.since
        if self._processor_seconds() - self.took > seconds or waited > PATIENCE * seconds:
            return f"it took longer than {seconds:.0f} s"
        with suppress(psutil.Error):
            if self.facts.memory_info().rss > limits.bytes(part):
                return f"it took more than {limits.bytes(part) / 2**20:.0f} MB of memory"
        return ""

    def end(self) -> str:
        """How it ended by itself, in words."""
        status = self.process.wait()
        if status < 0:
            return f"its process was ended by {signal.Signals(-status).name}"
        return f"its process ended with status {status}"


class Crew:
    """Up to `size` workers; use as a context manager, after which none is left."""

    def __init__(self, size: int, module: str, limits: Limits, log: Path) -> None:
        self.size, self.module, self.limits, self.log = size, module, limits, log
        self.workers: list[Worker] = []

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.kill()

    def hire(self) -> None:
        """Start one more process."""
        self.workers.append(Worker(self.log))

    def tell(self, pool: Any, most: int) -> None:
        """Have those open the pool that have not been told of it yet: as many as make `most` told ones."""
        told = sum(worker.is_told for worker in self.workers)
        for worker in [worker for worker in self.workers if not worker.is_told][: max(0, most - told)]:
            worker.tell(self.module, pool)

    def idle(self) -> list[Worker]:
        """Workers that can draw and have nothing to."""
        return [worker for worker in self.workers if worker.is_open and worker.bundle is None]

    def events(self) -> Iterator[tuple[Worker, str, Any]]:
        """What workers tell, and the loss of those that are gone; waits a moment for the first of it."""
        working = {worker.pipe: worker for worker in self.workers if worker.bundle or not worker.is_open}
        for pipe in wait(list(working), LOOK_SECONDS):
            assert isinstance(pipe, Connection)
            yield from self._told(working[pipe])
        for worker in [worker for worker in working.values() if worker in self.workers]:
            if (worker.bundle or not worker.is_open) and (reason := worker.excess(self.limits)):
                yield self.lose(worker, reason)

    def _told(self, worker: Worker) -> Iterator[tuple[Worker, str, Any]]:
        try:
            what, told = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            yield self.lose(worker, worker.end())
            return
        if what == BEGUN:
            worker.begin(told)
            return
        if what == OPENED:
            worker.is_open = True
        yield worker, what, told

    def lose(self, worker: Worker, reason: str) -> tuple[Worker, str, str]:
        """Kill a worker and strike it off; it is told as an event."""
        worker.kill()
        self.workers.remove(worker)
        return worker, LOST, reason
