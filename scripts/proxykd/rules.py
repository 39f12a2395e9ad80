"""What the rules ask of the plan: inputs, settings, arguments and resources by key.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

from proxykd.configuration import load, plain
from proxykd.demands import Demands
from proxykd.environment import number
from proxykd.errors import UserError
from proxykd.forecast import forecast
from proxykd.invocation import command_of
from proxykd.plan import STAGES, Plan, Stage, behind
from proxykd.presentation.costs_ahead import lines
from proxykd.source import SCRIPTS, file_digest


class Rules:
    """Functions for the rules' `input`, `params` and `resources`.

    A key that is not in the plan is a `WorkflowError`: a job that is parsed again after the configuration
    or the code changed must not run under the old key.
    """

    def __init__(self, plan: Plan, raw: dict[str, Any]) -> None:
        self.plan = plan
        self.raw = raw
        self.demands = Demands()
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
        """Input function: the stamps of all that a stage is made from, and of what must be there before."""

        def stamps(wildcards: Any) -> list[str]:
            return [one.stamp for one in self._stage(name, wildcards.key).before]

        return stamps

    def command(self, name: str) -> Callable[[Any, Any], str]:
        """Params function: the whole command that makes a stage.

        It takes `input`, so Snakemake leaves it out of what makes a rule run again, as the text of the rules'
        `shell` is always the same. The key says all that determines a result; and a job that ran again while
        its result is there would hide from Snakemake what is missing behind it, since inputs are `ancient`.
        """

        def command(wildcards: Any, input: Any) -> str:
            log = f"logs/{name}/{wildcards.key}.log"
            return command_of(self._stage(name, wildcards.key), "python", "--log", log)

        return command

    def memory_mb(self, name: str, base: int, each: int = 0) -> Callable[..., int]:
        """Resources function: megabytes of memory, `base` of them without any data (see `demands.py`).

        each: more for each core, where each has a process of its own. Doubled with each attempt, so that a
        job that ran out of memory gets further.
        """

        def megabytes(wildcards: Any, input: Any, attempt: int, threads: int = 1) -> int:
            stage = self._stage(name, wildcards.key)
            return self.demands.memory_mb(stage, base + each * threads) * 2 ** (attempt - 1)

        return megabytes

    def minutes(self, first: int) -> Callable[[Any, Any, int], int]:
        """Resources function: minutes for a stage that begins anew when it is tried again, so gets more then.

        A training goes on at its last checkpoint and a rendering with what is missing, and both ask for the
        same again.
        """
        return lambda wildcards, input, attempt: first * attempt

    def render_gpus(self) -> Callable[[Any], int]:
        """Resources function: GPUs for rendering, PROXYKD_RENDER_GPU of them for shaders and 0 for the rest.

        0 where that is not set: Mesa renders on the CPU, and a GPU is rarely worth the wait.
        """

        def gpus(wildcards: Any) -> int:
            kind = self._stage("render_proxies", wildcards.key).settings.canonical()["kind"]
            try:
                return int(number("PROXYKD_RENDER_GPU", 0)) if kind == "shaders" else 0
            except UserError as error:
                raise WorkflowError(str(error)) from None

        return gpus

    def filling_gpus(self) -> Callable[[Any], int]:
        """Resources function: GPUs for selecting, 1 where classes may be filled, which is an attack."""

        def gpus(wildcards: Any) -> int:
            return int("teacher" in self._stage("select_proxies", wildcards.key).upstream)

        return gpus

    @staticmethod
    def forget_backups() -> None:
        """Remove what a killed run has set aside of its stamps. For Snakemake's `onstart`.

        The stamps are declared as `update`, so that one that another checkout has made meanwhile stays when a
        job starts. Snakemake copies it then, and puts the copy back where a later run's job fails, though
        the result may be discarded by then.
        """
        shutil.rmtree(Path(".snakemake") / "backups", ignore_errors=True)

    def announce_cost(self, workflow: Any) -> None:
        """Let Snakemake's table of jobs be followed by what they will cost, also in a dry run.

        Where Snakemake is only asked for a report, say, or runs one job of a cluster, it shows no such table.
        """
        logger.addHandler(_CostAhead(self.plan, workflow))

    def evaluations(self) -> list[str]:
        """The stamps of all that the report shows."""
        ends = [stage for experiment in self.plan.experiments for stage in experiment.ends]
        return list(dict.fromkeys(stage.stamp for stage in ends))

    def checks(self) -> list[str]:
        """The stamps of all that the page of the imported teachers shows; none where none is imported."""
        runs = [run for experiment in self.plan.experiments for run in experiment.runs]
        return list(dict.fromkeys(run.check.stamp for run in runs if run.check is not None))

    @staticmethod
    def nothing_to_check(wildcards: Any) -> list[str]:
        """The input of `check` where no teacher is imported: a sentence."""
        raise WorkflowError(
            "There is nothing to check: check looks at imported teachers, and this configuration trains its "
            "own. Name a checkpoint under import_teacher, or ask for another target."
        )

    def stamps(self) -> list[str]:
        """The stamps of all stages, but of those that are not there and that nothing missing is made from.

        For `all`, and not as `ancient`: where a job runs although its result is there (`--forcerun`, say),
        Snakemake otherwise forgets what is missing behind it, and the run ends well without it.
        """
        ends = [stage for experiment in self.plan.experiments for stage in experiment.ends]
        return self._stamps(list(self.plan.all_stages()), ends)

    def assessed_stamps(self) -> list[str]:
        """The same for `assess`: of the assessments and all that is before them, which no student is."""
        ends = [experiment.assessment for experiment in self.plan.experiments]
        return self._stamps(behind(ends), ends)

    @staticmethod
    def _stamps(stages: list[Stage], ends: list[Stage]) -> list[str]:
        wanted = {stage.key for stage in stages if Path(stage.stamp).exists()}
        waiting = list(ends)
        while waiting:
            stage = waiting.pop()
            if stage.key not in wanted:
                wanted.add(stage.key)
                waiting += stage.before
        return [stage.stamp for stage in stages if stage.key in wanted]

    def assessments(self) -> list[str]:
        """The stamps of all that the page on proxies shows."""
        shown = [experiment.assessment for experiment in self.plan.experiments]
        shown += [stage for assessment in shown for stage in assessment.before]
        return list(dict.fromkeys(stage.stamp for stage in shown))

    def configuration(self) -> str:
        """The configuration as the report's program gets it, its experiments in the order of the file."""
        return json.dumps(self.raw)

    def shown(self) -> str:
        """A digest of all that the report shows and of how it shows it: the report is made anew with it."""
        return self._shown(
            [f"{stage.name}/{stage.key}" for stage in self.plan.all_stages()], "report.py", "show_teacher.py"
        )

    def shown_of_proxies(self) -> str:
        """The same of the page on proxies."""
        return self._shown(self.assessments(), "rank_proxies.py", "report.py")

    @staticmethod
    def _shown(names: list[str], *programs: str) -> str:
        whole = hashlib.sha256("".join(f"{name}\n" for name in names).encode())
        code = [SCRIPTS / "proxykd" / room for room in ("presentation", "assessment")]
        files = [path for room in code for path in sorted(room.rglob("*"))]
        for path in [*files, *(SCRIPTS / program for program in programs)]:
            if path.is_file() and path.suffix != ".pyc":
                whole.update(file_digest(path).encode())
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
