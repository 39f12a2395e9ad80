"""What the rules ask of the plan: inputs, settings, arguments and resources by key.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
from collections.abc import Callable
from typing import Any

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

from proxykd.configuration import load, plain
from proxykd.errors import UserError
from proxykd.forecast import forecast
from proxykd.plan import STAGES, Plan, Stage
from proxykd.presentation.costs_ahead import lines
from proxykd.source import SCRIPTS, file_digest

MEGABYTE = 2**20


class Rules:
    """Functions for the rules' `input`, `params` and `resources`.

    A key that is not in the plan is a `WorkflowError`: a job that is parsed again after the configuration
    or the code changed must not run under the old key.
    """

    def __init__(self, plan: Plan, raw: dict[str, Any]) -> None:
        self.plan = plan
        self.raw = raw
        self.results = str(plan.configuration.results)

    @classmethod
    def read(cls, config: dict[str, Any]) -> Rules:
        """The rules of a configuration as Snakemake read it; a mistake ends the program with a sentence."""
        raw = plain(config)
        try:
            return cls(Plan(load(raw)), raw)
        except UserError as error:
            raise SystemExit(f"error: {error}") from None

    def _stage(self, name: str, key: str) -> Stage:
        try:
            return self.plan.stage(name, key)
        except UserError as error:
            raise WorkflowError(str(error)) from None

    def upstream(self, name: str) -> Callable[[Any], list[str]]:
        """Input function: the stamps of all that a stage is made from."""

        def stamps(wildcards: Any) -> list[str]:
            stage = self._stage(name, wildcards.key)
            return [one.stamp for several in stage.upstream.values() for one in several]

        return stamps

    def settings(self, name: str) -> Callable[[Any], str]:
        """Params function: the settings as the program gets them."""
        return lambda wildcards: self._stage(name, wildcards.key).settings_json

    def arguments(self, name: str) -> Callable[[Any, Any], str]:
        """Params function: `--teacher <stamp> --pool <stamp> ...`.

        It takes `input`, so Snakemake leaves it out of what makes a rule run again: where the store is does
        not count.
        """

        def given(wildcards: Any, input: Any) -> str:
            stage = self._stage(name, wildcards.key)
            return " ".join(
                f"--{role} {' '.join(shlex.quote(one.stamp) for one in several)}"
                for role, several in stage.upstream.items()
            )

        return given

    def images_mb(self, name: str, copies: float, base: int) -> Callable[[Any, Any, int], int]:
        """Resources function: megabytes of memory for a stage that holds its images `copies` times.

        Doubled with each retry, so that a job that ran out of memory gets further.
        """

        def megabytes(wildcards: Any, input: Any, attempt: int) -> int:
            held = _image_bytes(self._stage(name, wildcards.key))
            return int((base + copies * held / MEGABYTE) * 2 ** (attempt - 1))

        return megabytes

    def announce_cost(self, workflow: Any) -> None:
        """Let Snakemake's table of jobs be followed by what they will cost, also in a dry run.

        Where Snakemake is only asked for a report, say, or runs one job of a cluster, it shows no such table.
        """
        logger.addHandler(_CostAhead(self.plan, workflow))

    def evaluations(self) -> list[str]:
        """The stamps of all that the report shows."""
        return [experiment.evaluation.stamp for experiment in self.plan.experiments]

    def configuration(self) -> str:
        """The configuration as the report's program gets it, its experiments in the order of the file."""
        return json.dumps(self.raw)

    def shown(self) -> str:
        """A digest of all that the report shows and of how it shows it: the report is made anew with it."""
        whole = hashlib.sha256()
        for stage in self.plan.all_stages():
            whole.update(f"{stage.name}/{stage.key}\n".encode())
        for path in sorted((SCRIPTS / "proxykd" / "presentation").rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                whole.update(file_digest(path).encode())
        whole.update(file_digest(SCRIPTS / "report.py").encode())
        return whole.hexdigest()


class _CostAhead(logging.Handler):
    """Follows Snakemake's log up to its table of jobs."""

    def __init__(self, plan: Plan, workflow: Any) -> None:
        super().__init__()
        self.plan = plan
        self.workflow = workflow

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "event", None) != LogEvent.RUN_INFO:
            return
        jobs = [job for job in self.workflow.dag.needrun_jobs() if job.rule.name in STAGES]
        stages = [self.plan.stage(job.rule.name, job.wildcards.key) for job in jobs]
        for line in lines(forecast(stages)):
            logger.info(line)


def _image_bytes(stage: Stage) -> int:
    """Bytes of the images that a stage writes or reads, as far as the plan knows them."""
    settings = stage.settings.canonical()
    if stage.name == "render_proxies":
        return settings["count"] * settings["size"] ** 2 * settings["channels"]
    if stage.name == "import_images":
        # How many there are is known only afterwards; sets of named sources are smaller than this.
        return (settings["limit"] or 100_000) * settings["size"] ** 2 * settings["channels"]
    return max((_image_bytes(one) for several in stage.upstream.values() for one in several), default=0)
