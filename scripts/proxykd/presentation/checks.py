"""What the look at each imported teacher left in the store, and who learns from that teacher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from proxykd import store
from proxykd.plan import Plan
from proxykd.presentation.collect import Result, finished

CHECK = "check.json"
DESCRIPTION = "network.json"
PAGE = "teacher.html"
NEEDS = ("The page of the teachers", "check")
"""Who asks for results, and the target that makes them."""


@dataclass(frozen=True)
class ShownCheck:
    """One teacher that was looked at."""

    check: Result
    teacher: Result
    images: dict[str, list[Result]]
    """`proxies`, and `pictures` where there are some: the datasets that its images are from."""
    experiments: list[str]

    @property
    def told(self) -> dict[str, Any]:
        """`check.json`."""
        return store.read_facts(self.check.folder / CHECK)

    @property
    def network(self) -> dict[str, Any]:
        """`network.json` of the teacher."""
        return store.read_facts(self.teacher.folder / DESCRIPTION)

    @property
    def anchor(self) -> str:
        """Its place on the page."""
        return anchor(self.check)


def anchor(check: Result) -> str:
    """A check's place on the page of the teachers."""
    return f"check-{check.key}"


def collect_checks(plan: Plan) -> list[ShownCheck]:
    """Every look at a teacher, each once. Raises UserError that names what is missing or damaged."""
    found: dict[str, ShownCheck] = {}
    for planned in plan.experiments:
        for stage in dict.fromkeys(run.check.key for run in planned.runs if run.check is not None):
            if stage in found:
                found[stage].experiments.append(planned.name)
                continue
            check = plan.stage("check_teacher", stage)
            upstream = {
                role: [finished(plan, one, *NEEDS) for one in several]
                for role, several in check.upstream.items()
            }
            (teacher,) = upstream.pop("teacher")
            found[stage] = ShownCheck(finished(plan, check, *NEEDS), teacher, upstream, [planned.name])
    return list(found.values())
