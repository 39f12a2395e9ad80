"""What became of a run's failed jobs: which stage, why, where its logs are, and what to change.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

from proxykd.causes import Asked, Cause, cause_of, remedy
from proxykd.plan import STAGES, Plan

SHOWN = 3
"""Experiments, at most, that a failed stage is said to belong to by name."""
TOLD = 20
"""Failed jobs, at most, whose causes are told; the others are named."""


@dataclass
class _Attempt:
    """What was said of a job's last attempt."""

    before: tuple[str, int] = ("", 0)
    """Text and time of change of the program's log when it began: of an earlier attempt or run."""
    told: str = ""
    """Why it failed, in the words of Snakemake or of its executor."""
    own: str = ""
    """What the program logged."""
    logs: list[Path] = field(default_factory=list)
    """The program's own, and the scheduler's behind it."""

    def failed(self, told: str, logs: list[str]) -> None:
        """Take note of how it ended."""
        self.told, self.logs = told, [Path(log) for log in logs]
        text, changed = _read(self.logs[0]) if self.logs else ("", 0)
        # A program that did not begin leaves the text as it was; on a cluster's node Snakemake touches it.
        untouched = self.before[1] == changed or len(self.logs) > 1
        self.own = "" if text == self.before[0] and untouched else text


class Casualties:
    """Follows Snakemake's log from job to job; `report` says in the end what came of those that failed."""

    def __init__(self, plan: Plan, workflow: Any) -> None:
        self.plan, self.workflow = plan, workflow
        self._attempts: dict[int, _Attempt] = {}
        self._errors: dict[int | None, str] = {}

    @classmethod
    def watch(cls, plan: Plan, workflow: Any) -> Casualties:
        """Begin to follow a run; but not where Snakemake runs one job of it, on a cluster's node."""
        casualties = cls(plan, workflow)
        if workflow.is_main_process:
            logger.addHandler(_Follower(casualties))
        return casualties

    def follow(self, record: Any) -> None:
        """Take note of a record of Snakemake's log."""
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            self._attempts[record.jobid] = _Attempt(_read(Path(record.log[0])) if record.log else ("", 0))
        elif event == LogEvent.ERROR:
            # The job that it belongs to is named by the next record of the same thread.
            self._errors[record.thread] = record.getMessage()
        elif event == LogEvent.JOB_ERROR:
            self._failed(record)

    def _failed(self, record: Any) -> None:
        attempt = self._attempts.setdefault(record.jobid, _Attempt())
        attempt.failed(record.rule_msg or self._errors.pop(record.thread, ""), record.log)
        job = next(one for one in self.workflow.dag.jobs if one.jobid == record.jobid)
        if job.restart_times > job.attempt - 1:
            logger.warning(
                f"{self._name(job)} failed: {self._cause(job).sentence} It is tried again: attempt "
                f"{job.attempt + 1} of {job.restart_times + 1}."
            )

    def report(self) -> None:
        """Say what became of each failed job. For Snakemake's `onerror`."""
        failed = [job for job in self.workflow.scheduler.failed for job in _members(job)]
        if not self.workflow.is_main_process or not failed:
            return
        jobs = "1 job" if len(failed) == 1 else f"{len(failed)} jobs"
        logger.error(f"\n{jobs} failed for good, and nothing that depends on that was made:")
        order = {stage: place for place, stage in enumerate(STAGES)}
        failed.sort(key=lambda one: order.get(one.rule.name, len(order)))
        for job in failed[:TOLD]:
            logger.error("\n" + "\n".join(self.lines(job)))
        if len(failed) > TOLD:
            logger.error("\nAnd: " + ", ".join(self._name(job) for job in failed[TOLD:]))

    def lines(self, job: Any) -> Iterator[str]:
        """What became of one job, for a person to act on."""
        cause = self._cause(job)
        times = "" if job.attempt == 1 else f" in the last of {job.attempt} attempts"
        yield f"{self._name(job)}{self._of(job)} failed{times}: {cause.sentence}"
        for title, log in zip(("its log", "the scheduler's"), self._attempt(job).logs, strict=False):
            if _read(log)[0]:
                yield f"    {title}: {log}"
        yield f"    what to change: {remedy(cause, _asked(job))}"

    @staticmethod
    def _name(job: Any) -> str:
        key = getattr(job.wildcards, "key", None)
        return f"{job.rule.name}/{key}" if key else str(job.rule.name)

    def _of(self, job: Any) -> str:
        """Which experiments need it."""
        name = job.rule.name, getattr(job.wildcards, "key", None)
        needing = [
            one.name
            for one in self.plan.experiments
            if name in {(stage.name, stage.key) for stage in one.stages}
        ]
        if not needing:
            return ""
        more = f" and {len(needing) - SHOWN} more" if len(needing) > SHOWN else ""
        several = "experiment" if len(needing) == 1 else "experiments"
        return f" of {several} {', '.join(needing[:SHOWN])}{more}"

    def _attempt(self, job: Any) -> _Attempt:
        return self._attempts.get(job.jobid, _Attempt())

    def _cause(self, job: Any) -> Cause:
        attempt = self._attempt(job)
        schedulers = "\n".join(_read(log)[0] for log in attempt.logs[1:])
        return cause_of(attempt.told, attempt.own, schedulers, _asked(job))


class _Follower(logging.Handler):
    def __init__(self, casualties: Casualties) -> None:
        super().__init__()
        self.casualties = casualties

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.casualties.follow(record)
        except Exception:
            # Shown, and no more: raised in the thread that ends a job, it would have Snakemake wait for ever.
            self.handleError(record)


def _members(job: Any) -> list[Any]:
    return list(job.jobs) if job.is_group() else [job]


def _asked(job: Any) -> Asked:
    memory, minutes = job.resources.get("mem_mb"), job.resources.get("runtime")
    return Asked(
        job.rule.name,
        memory if isinstance(memory, int) else None,
        minutes if isinstance(minutes, int) else None,
    )


def _read(log: Path) -> tuple[str, int]:
    """A log's text, empty where there is none, and when it was changed."""
    try:
        return log.read_text(errors="replace"), log.stat().st_mtime_ns
    except OSError:
        return "", 0
