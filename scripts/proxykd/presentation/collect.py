"""From a plan to what its stages left in the store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from proxykd import store
from proxykd.configuration import Configuration, Experiment
from proxykd.errors import UserError
from proxykd.plan import Plan, PlannedExperiment, Run, Stage
from proxykd.shards import damaged

METRICS = "metrics.jsonl"
RECORDED = {"step", "epoch", "images", "loss"}
"""What the report reads of a training's record; there may be more in it."""
EVALUATION = "evaluation.json"


@dataclass(frozen=True)
class Result:
    """One finished stage."""

    stage: Stage
    index: store.Index

    @property
    def name(self) -> str:
        """The stage's name."""
        return self.stage.name

    @property
    def key(self) -> str:
        """The stage's key."""
        return self.stage.key

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.stage.folder

    @property
    def facts(self) -> dict[str, Any]:
        """What the stage says of its result."""
        return self.index.facts

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return sum(entry.bytes for entry in [*self.index.shards, *self.index.files])

    def records(self) -> list[dict[str, float]]:
        """The records of a training. Raises UserError where they are damaged."""
        path = self.folder / METRICS
        try:
            records = [json.loads(line) for line in path.read_text().splitlines()]
        except (OSError, ValueError) as error:
            raise UserError(damaged(path, "it cannot be read as lines of JSON")) from error
        if not records or not all(isinstance(one, dict) and one.keys() >= RECORDED for one in records):
            raise UserError(damaged(path, f"a line of it lacks one of {', '.join(sorted(RECORDED))}"))
        return records


@dataclass(frozen=True)
class ShownRun:
    """One pass through the pipeline; `label` tells it from the experiment's others."""

    label: str
    teacher: Result
    check: Result | None
    """The look at a teacher that was imported."""
    pools: list[Result]
    scores: list[Result]
    selection: Result
    boundary: Result | None
    student: Result


@dataclass(frozen=True)
class ShownExperiment:
    """An experiment: its settings, its runs and what was measured."""

    name: str
    settings: Experiment
    runs: list[ShownRun]
    evaluation: Result
    measured: dict[str, Any]
    """`evaluation.json`."""
    assessment: Result
    """Of the first run's proxies."""
    stages: list[Result]
    """All that it needs, each once, in the order of the pipeline."""

    def upstream(self, role: str) -> Result | None:
        """The one result that the evaluation read under a role."""
        return next(iter(self.all_upstream(role)), None)

    def all_upstream(self, role: str) -> list[Result]:
        """The results that the evaluation read under a role, in its order."""
        by_key = {result.key: result for result in self.stages}
        return [by_key[stage.key] for stage in self.evaluation.stage.upstream.get(role, [])]

    @property
    def classes(self) -> list[str]:
        """Names of the teacher's classes."""
        return self.evaluation.index.classes


@dataclass(frozen=True)
class Shown:
    """All that the report shows."""

    configuration: Configuration
    experiments: list[ShownExperiment]
    results: dict[tuple[str, str], Result]
    """By name and key, in the order of the pipeline."""

    @cached_property
    def finished(self) -> float:
        """When the newest result was published, in seconds since 1970."""
        return max((result.folder / store.INDEX).stat().st_mtime for result in self.results.values())


def collect(plan: Plan) -> Shown:
    """Read every stage's index.

    Raises UserError that names the stage which is missing or damaged, and who needs it.
    """
    results = {(stage.name, stage.key): finished(plan, stage) for stage in plan.all_stages()}
    experiments = [_experiment(planned, results) for planned in plan.experiments]
    return Shown(plan.configuration, experiments, results)


def finished(plan: Plan, stage: Stage, needs: str = "The report", target: str = "all") -> Result:
    """A stage's result. Raises UserError, for whoever `needs` it, where it is missing or damaged."""
    if not (stage.folder / store.INDEX).exists():
        needed = ", ".join(planned.name for planned in plan.experiments if stage in planned.stages)
        raise UserError(
            f"{needs} needs {stage.name}/{stage.key} (for {needed}), and {store.root()} has no finished "
            f"result of that name. Run `snakemake --cores all {target}` with the same configuration first, "
            "or name another store in PROXYKD_STORE."
        )
    return Result(stage, store.read_index(stage.folder))


def _experiment(planned: PlannedExperiment, results: dict[tuple[str, str], Result]) -> ShownExperiment:
    def found(stage: Stage) -> Result:
        return results[stage.name, stage.key]

    needed = {(stage.name, stage.key) for stage in planned.stages}
    evaluation = found(planned.evaluation)
    runs = [
        ShownRun(
            label,
            found(run.teacher),
            found(run.check) if run.check else None,
            [found(pool) for pool in run.pools],
            [found(scores) for scores in run.scores],
            found(run.selection),
            found(run.boundary) if run.boundary else None,
            found(run.student),
        )
        for label, run in zip(_labels(planned.runs), planned.runs, strict=True)
    ]
    return ShownExperiment(
        planned.name,
        planned.settings,
        runs,
        evaluation,
        store.read_facts(evaluation.folder / EVALUATION),
        found(planned.assessment),
        [result for name, result in results.items() if name in needed],
    )


def _labels(runs: list[Run]) -> list[str]:
    """`seed-<n>` after the student's seed, or `run-<i>` where only other stages' seeds differ."""
    seeds = [run.seed for run in runs]
    several = len(set(seeds)) == len(seeds)
    return [f"seed-{run.seed}" if several else f"run-{i}" for i, run in enumerate(runs)]
