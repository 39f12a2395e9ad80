"""Has a pool's bundles drawn by worker processes, whatever becomes of them.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from typing import Any

from proxykd.environment import cores
from proxykd.errors import UserError
from proxykd.presentation.progress import Progress, log
from proxykd.production.crew import Crew, Limits, Worker
from proxykd.production.parts import Bundle, divide, stand_in
from proxykd.production.spool import Spool, Stored
from proxykd.production.worker import BROKEN, DONE, FAILED, OPENED

ATTEMPTS = 2
"""A program that fails so often, each time in a fresh process, is left out."""
BEARABLE = 0.1
"""Of a pool's programs, at most, may fail."""
WORKERS = 16
"""At most, however many cores there are."""
LOG = "workers.log"


class Production:
    """One pool on its way into a spool."""

    def __init__(self, pool: Any, module: str, spool: Spool, progress: Progress) -> None:
        """pool: a section whose size and channels are given. module: what draws its kind."""
        self.pool, self.module, self.spool, self.progress = pool, module, spool, progress
        self.programs: list[str] = import_module(module).programs(pool)
        image_bytes = pool.size**2 * pool.channels
        self.whole = divide(pool.count, len(self.programs), image_bytes)
        self.limits = Limits(pool.size**2 * getattr(pool, "supersampling", 1) ** 2, image_bytes)
        self.attempts: Counter[int] = Counter()
        self.unopened = 0
        if getattr(pool, "backend", None) != "auto":
            spool.backend = getattr(pool, "backend", None)
        elif spool.backend is not None:
            self.pool = pool.model_copy(update={"backend": spool.backend})

    def run(self) -> Stored:
        """Draw what is missing; the rows of all bundles, in their order.

        Raises UserError where nothing can be drawn, or where too many programs fail.
        """
        self.waiting = self._missing()
        self.progress.resume_at(self.pool.count - sum(len(bundle.samples) for bundle in self.waiting))
        size = min(cores(), len(self.waiting), WORKERS)
        with Crew(size, self.module, self.limits, self.spool.folder / LOG) as crew:
            while self.waiting or any(worker.bundle for worker in crew.workers):
                self._hand_out(crew)
                for event in crew.events():
                    self._take(crew, *event)
        return Stored(self.spool, self._bundles())

    def failed(self) -> dict[str, str]:
        """Name of each program that was left out, and why."""
        return {self.programs[program]: reason for program, reason in sorted(self.spool.failed.items())}

    def drew(self) -> int:
        """How many programs have drawn something."""
        failed, programs = self.spool.failed, len(self.programs)
        return len({stand_in(program, failed, programs) for program in range(programs)})

    def _bundles(self) -> list[Bundle]:
        return [bundle.drawn_without(self.spool.failed, len(self.programs)) for bundle in self.whole]

    def _missing(self) -> list[Bundle]:
        return [bundle for bundle in self._bundles() if self.spool.read(bundle) is None]

    def _hand_out(self, crew: Crew) -> None:
        opening = sum(not worker.is_open for worker in crew.workers)
        for _ in range(min(crew.size - len(crew.workers), len(self.waiting) - opening)):
            crew.hire()
        # The first one settles an `auto`; the others load their libraries meanwhile.
        crew.tell(self.pool, 1 if getattr(self.pool, "backend", None) == "auto" else crew.size)
        for worker in crew.idle()[: len(self.waiting)]:
            bundle = self.waiting.pop(0)
            worker.draw(bundle, self.spool.path(bundle))

    def _take(self, crew: Crew, worker: Worker, what: str, told: Any) -> None:
        """Go on after an event."""
        if what == BROKEN:
            raise told
        if what == OPENED:
            self.unopened = 0
            self._settle(told)
        elif what == DONE:
            self._store(worker)
        elif worker.bundle is None:
            self._lose_unopened(told)
        else:
            if what == FAILED:
                crew.lose(worker, told)
            self._fail(crew, worker.bundle, worker.part, told)

    def _settle(self, backend: str | None) -> None:
        wanted = getattr(self.pool, "backend", None)
        if wanted == "auto":
            self.pool = self.pool.model_copy(update={"backend": backend})
        if self.spool.backend != backend:
            if wanted not in ("auto", backend):
                log.warning("this machine has no %s shaders (OpenGL 4.3): %s draws instead", wanted, backend)
            self.spool.backend = backend
            self.spool.settle()

    def _store(self, worker: Worker) -> None:
        bundle, worker.bundle = worker.bundle, None
        assert bundle is not None
        self.unopened = 0
        current = self.whole[bundle.number].drawn_without(self.spool.failed, len(self.programs))
        if current == bundle:
            self.progress.advance(len(bundle.samples))
        else:
            # A program in it has failed elsewhere meanwhile.
            self.waiting.insert(0, current)

    def _lose_unopened(self, reason: str) -> None:
        self.unopened += 1
        if self.unopened >= ATTEMPTS:
            raise UserError(
                f"Nothing can be drawn on this machine: {reason} before it drew anything. "
                "`python scripts/doctor.py` says what is missing."
            )

    def _fail(self, crew: Crew, bundle: Bundle, part: int, reason: str) -> None:
        """Try a bundle again; without a program that has had its attempts."""
        program = bundle.parts[part].program
        self.attempts[program] += 1
        if self.attempts[program] >= ATTEMPTS and program not in self.spool.failed:
            self._leave_out(program, reason)
            self._renew(crew)
        else:
            log.warning("%s is tried again: %s", self.programs[program], reason)
            self.waiting.insert(0, bundle.drawn_without(self.spool.failed, len(self.programs)))

    def _leave_out(self, program: int, reason: str) -> None:
        self.spool.failed[program] = reason
        if len(self.spool.failed) > BEARABLE * len(self.programs):
            first, why = next(iter(self.failed().items()))
            count = len(self.spool.failed)
            # Whoever starts again, on a machine that is less busy perhaps, has them tried again.
            self.spool.failed = {}
            self.spool.settle()
            raise UserError(
                f"{count} of {len(self.programs)} programs draw nothing, which is too many. {first}: {why}. "
                "`python scripts/doctor.py` says whether this machine can render; PROXYKD_RENDER_SECONDS and "
                "PROXYKD_RENDER_MB allow a program more time and memory."
            )
        self.spool.settle()
        log.warning("%s is left out, and the next program draws for it: %s", self.programs[program], reason)

    def _renew(self, crew: Crew) -> None:
        """What waits, after a program has failed: also what that has drawn before."""
        busy = {worker.bundle.number for worker in crew.workers if worker.bundle}
        self.waiting = [bundle for bundle in self._missing() if bundle.number not in busy]
        left = sum(len(self.whole[number].samples) for number in busy)
        left += sum(len(bundle.samples) for bundle in self.waiting)
        self.progress.advance(self.pool.count - left - self.progress.done)
