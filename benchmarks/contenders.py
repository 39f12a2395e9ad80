"""Who takes part in the boundary benchmark, what each costs, and what became of its pairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch

import authors_attack
from attack_libraries import RIVALS, Rival
from boundary_pairs import Attempt, Judged, judged, onto_grid, with_near_side
from passes import counted
from proxykd.boundary.grey import to_grey_levels
from proxykd.boundary.settings import METHODS, AttackBoundary
from proxykd.networks.classifier import Classifier

WARMING = 4
"""Views of the run before the measured one."""
ROUNDING = 0.5
"""What rounding alone may add to a distance, in grey levels."""


@dataclass(frozen=True)
class Batch:
    """Views and what they are to become, the same for all."""

    x_NCHW: torch.Tensor
    class_N: torch.Tensor
    target_N: torch.Tensor

    def first(self, count: int) -> Batch:
        return Batch(self.x_NCHW[:count], self.class_N[:count], self.target_N[:count])


Attack = Callable[[Classifier, Batch], Attempt]


@dataclass
class Cost:
    """What a part of the work took; passes are images, and one back counts as two forward."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    passes: int = 0

    @contextmanager
    def of(self, teacher: Classifier) -> Iterator[None]:
        """Add what the block takes."""
        began, cpu_began = time.perf_counter(), time.process_time()
        with counted(teacher) as passes:
            yield
        self.seconds += time.perf_counter() - began
        self.cpu_seconds += time.process_time() - cpu_began
        self.passes += passes.total

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


@dataclass
class Tally:
    """All that is known of one contender."""

    epsilon: float
    views: int = 0
    attack: Cost = field(default_factory=Cost)
    repair: Cost = field(default_factory=Cost)
    floats: list[Judged] = field(default_factory=list)
    grid: list[Judged] = field(default_factory=list)
    survived: int = 0
    """Pairs on floats that plain rounding leaves as they are accepted."""

    def figures(self) -> dict[str, Any]:
        """After rounding and repair; the same on floats, before the repair, ends in `_float`."""
        whole, before = gathered(self.grid), gathered(self.floats)
        crossed = int(before.straddles_N.sum())
        told = {"views": self.views, "undone_by_rounding": 1 - self.survived / crossed if crossed else None}
        told |= self._figures(whole, self.attack + self.repair, self.epsilon + ROUNDING)
        on_floats = self._figures(before, self.attack, self.epsilon + 1e-3)
        return told | {f"{name}_float": value for name, value in on_floats.items()}

    def _figures(self, found: Judged, cost: Cost, within: float) -> dict[str, Any]:
        accepted_N = found.straddles_N & (found.linf_N <= within)
        accepted = int(accepted_N.sum())
        told: dict[str, float | None] = {
            "success": accepted / self.views,
            "success_unbounded": int(found.straddles_N.sum()) / self.views,
            "accepted_per_second": accepted / cost.seconds,
            "accepted_per_cpu_second": accepted / cost.cpu_seconds,
            "accepted_per_pass": accepted / cost.passes,
            "passes_per_view": cost.passes / self.views,
        }
        for name in ("linf", "l2", "gap_linf", "gap_l2", "margin", "margin_near"):
            values = getattr(found, f"{name}_N")[accepted_N]
            told[name] = float(values.median()) if accepted else None
        return told


def gathered(several: list[Judged]) -> Judged:
    """The pairs of several batches as those of one."""
    return Judged(*(torch.cat([getattr(one, part.name) for one in several]) for part in fields(Judged)))


def ours(attack: Callable[..., Any], how: AttackBoundary) -> Attack:
    """An attack with the interface of `proxykd.boundary`, as a contender."""

    def run(teacher: Classifier, batch: Batch) -> Attempt:
        pairs = attack(teacher, batch.x_NCHW, batch.target_N, how)
        return Attempt(pairs.pre_NCHW, pairs.post_NCHW, pairs.success_N, batch.target_N)

    return run


def theirs(rival: Rival, how: AttackBoundary) -> Attack:
    """A library's attack, with what finds the near side, as a contender."""

    def run(teacher: Classifier, batch: Batch) -> Attempt:
        post_NCHW = rival.run(teacher, batch.x_NCHW, batch.class_N, batch.target_N)
        target_N = batch.target_N if rival.targeted else None
        return with_near_side(teacher, batch.x_NCHW, batch.class_N, post_NCHW, target_N, how.threshold)

    return run


def here(how: AttackBoundary) -> dict[str, Attack]:
    """The methods of `proxykd.boundary`, each with these settings and its own method's name."""
    return {
        name: ours(import_module(module).attack, how.model_copy(update={"method": name}))
        for name, module in METHODS.items()
    }


def libraries(how: AttackBoundary, patient: bool) -> dict[str, Attack]:
    """Those of other libraries whose packages are installed; the patient ones only if wanted."""
    return {
        name: theirs(rival, how)
        for name, rival in RIVALS.items()
        if find_spec(rival.package) and (patient or not rival.patient)
    }


def paper(how: AttackBoundary) -> Attack:
    """The paper's rule as its authors' program runs it."""
    return ours(authors_attack.attack, how)


def measure(teacher: Classifier, attack: Attack, batch: Batch, how: AttackBoundary, tally: Tally) -> None:
    """Attack one batch, round and repair its pairs, and add it all to the tally. Judging costs nothing."""
    if not tally.views:
        onto_grid(teacher, attack(teacher, batch.first(WARMING)), how.threshold)
    with tally.attack.of(teacher):
        attempt = attack(teacher, batch)
    with tally.repair.of(teacher):
        mended = onto_grid(teacher, attempt, how.threshold)
    assert tally.attack.passes, "an attack sent nothing through the teacher that was counted"
    assert not teacher.training, "an attack left the teacher in training mode"
    on_floats = judged(teacher, batch.x_NCHW, attempt, how.threshold)
    plain = Attempt(
        to_grey_levels(attempt.pre_NCHW),
        to_grey_levels(attempt.post_NCHW),
        on_floats.straddles_N,
        attempt.target_N,
    )
    tally.views += len(batch.x_NCHW)
    tally.floats.append(on_floats)
    tally.grid.append(judged(teacher, batch.x_NCHW, mended, how.threshold))
    tally.survived += int(judged(teacher, batch.x_NCHW, plain, how.threshold).straddles_N.sum())
