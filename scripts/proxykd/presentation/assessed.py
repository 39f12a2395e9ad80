"""From a plan to its assessed proxies: a group for each teacher, ranked. No student is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from proxykd import store
from proxykd.assessment import ranking
from proxykd.assessment.ranking import Ranked
from proxykd.configuration import Experiment
from proxykd.plan import Plan, PlannedExperiment
from proxykd.presentation.collect import Result, finished
from proxykd.section import canonical_json

ASSESSMENT = "assessment.json"
PAGE = "The page on proxies"


@dataclass
class Proxies:
    """What one or several experiments learn from, for one teacher."""

    names: list[str]
    """Of the experiments: those that differ in what comes after have the same proxies."""
    settings: Experiment
    teacher: Result
    pools: list[Result]
    scores: list[Result]
    assessment: Result
    told: dict[str, Any]
    """`assessment.json`."""

    @property
    def name(self) -> str:
        """The experiments' names."""
        return ", ".join(self.names)

    @property
    def classes(self) -> list[str]:
        """Names of the teacher's classes."""
        return self.assessment.index.classes


@dataclass
class Group:
    """All proxies for one teacher that were assessed alike, the best first."""

    teacher: Result
    proxies: list[Proxies] = field(default_factory=list)
    ranked: list[Ranked] = field(default_factory=list)
    """Of each of the proxies."""


def groups(plan: Plan) -> list[Group]:
    """The ranked proxies of a plan.

    Raises UserError that names a stage which is missing or damaged, and who needs it.
    """
    found: dict[tuple[str, str], dict[str, Proxies]] = {}
    for planned in plan.experiments:
        alike = (planned.runs[0].teacher.key, canonical_json(planned.settings.assess_proxies.canonical()))
        several = found.setdefault(alike, {})
        if planned.assessment.key in several:
            several[planned.assessment.key].names.append(planned.name)
        else:
            several[planned.assessment.key] = _proxies(plan, planned)
    return [_ranked(list(several.values())) for several in found.values()]


def _proxies(plan: Plan, planned: PlannedExperiment) -> Proxies:
    run = planned.runs[0]
    assessment = finished(plan, planned.assessment, PAGE, "assess")
    return Proxies(
        [planned.name],
        planned.settings,
        finished(plan, run.teacher, PAGE, "assess"),
        [finished(plan, pool, PAGE, "assess") for pool in run.pools],
        [finished(plan, scores, PAGE, "assess") for scores in run.scores],
        assessment,
        store.read_facts(assessment.folder / ASSESSMENT),
    )


def _ranked(several: list[Proxies]) -> Group:
    ranked = ranking.rank([one.told for one in several])
    order = sorted(range(len(several)), key=lambda i: ranked[i].place)
    return Group(several[0].teacher, [several[i] for i in order], [ranked[i] for i in order])
