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
from proxykd.boundary.prepared import prepared, quickest
from proxykd.boundary.settings import METHODS, AttackBoundary
from proxykd.boundary.stored import holds
from proxykd.networks.classifier import Classifier
from proxykd.stage import device

BEST = "deepfool_linf"
"""The method that the others are compared with."""
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

    def split(self, size: int) -> list[Batch]:
        parts = zip(*(one.split(size) for one in (self.x_NCHW, self.class_N, self.target_N)), strict=True)
        return [Batch(*part) for part in parts]


@dataclass(frozen=True)
class Contender:
    """A way from views to pairs on the two sides of a boundary."""

    run: Callable[[Classifier, Batch], Attempt]
    together: int = 1
    """Batches that it is given at once."""


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
        told |= self._figures(whole, whole.clear_N, self.attack + self.repair, self.epsilon + ROUNDING)
        on_floats = self._figures(before, before.straddles_N, self.attack, self.epsilon + 1e-3)
        return told | {f"{name}_float": value for name, value in on_floats.items()}

    def _figures(self, found: Judged, good_N: torch.Tensor, cost: Cost, within: float) -> dict[str, Any]:
        accepted_N = good_N & (found.linf_N <= within)
        accepted = int(accepted_N.sum())
        told: dict[str, float | None] = {
            "success": accepted / self.views,
            "success_unbounded": int(good_N.sum()) / self.views,
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


def ours(name: str, how: AttackBoundary) -> Contender:
    """A method of `proxykd.boundary`, on the network that the stage prepares for it, in its precision."""
    method = import_module(METHODS[name])
    how = how.model_copy(update={"method": name})

    def run(teacher: Classifier, batch: Batch) -> Attempt:
        precision = quickest(how.precision, method.EXACT, batch.x_NCHW.device)
        network = prepared(teacher, batch.x_NCHW[:8], precision)
        pairs = method.attack(network, batch.x_NCHW, batch.target_N, how)
        found_N = pairs.success_N
        if pairs.seen is not None:
            found_N = found_N & holds(pairs.seen["pre"], pairs.seen["post"], batch.target_N, how.threshold)
        return Attempt(pairs.pre_NCHW, pairs.post_NCHW, found_N, batch.target_N, pairs.seen is not None)

    return Contender(run, method.BATCHES)


def theirs(rival: Rival, how: AttackBoundary) -> Contender:
    """A library's attack, with what finds the near side."""

    def run(teacher: Classifier, batch: Batch) -> Attempt:
        post_NCHW = rival.run(teacher, batch.x_NCHW, batch.class_N, batch.target_N)
        target_N = batch.target_N if rival.targeted else None
        return with_near_side(teacher, batch.x_NCHW, batch.class_N, post_NCHW, target_N, how.threshold)

    return Contender(run)


def paper(how: AttackBoundary) -> Contender:
    """The paper's rule as its authors' program runs it."""

    def run(teacher: Classifier, batch: Batch) -> Attempt:
        pairs = authors_attack.attack(teacher, batch.x_NCHW, batch.target_N, how)
        return Attempt(pairs.pre_NCHW, pairs.post_NCHW, pairs.success_N, batch.target_N)

    return Contender(run)


def here(how: AttackBoundary) -> dict[str, Contender]:
    """The methods of `proxykd.boundary`; the fastest also in fp32, where it would take another precision."""
    found = {name: ours(name, how) for name in ("bold_driver", BEST)}
    if quickest(how.precision, False, torch.device(device())) != "fp32":
        found[f"{BEST}_fp32"] = ours(BEST, how.model_copy(update={"precision": "fp32"}))
    return found


def libraries(how: AttackBoundary, patient: bool) -> dict[str, Contender]:
    """Those of other libraries whose packages are installed; the patient ones only if wanted."""
    return {
        name: theirs(rival, how)
        for name, rival in RIVALS.items()
        if find_spec(rival.package) and (patient or not rival.patient)
    }


def measure(
    teacher: Classifier, contender: Contender, batch: Batch, how: AttackBoundary, tally: Tally
) -> None:
    """Attack some views, round and repair the pairs, and add it all to the tally. Judging costs nothing."""
    if not tally.views:
        onto_grid(teacher, contender.run(teacher, batch.first(WARMING)), how.threshold)
    with tally.attack.of(teacher):
        attempt = contender.run(teacher, batch)
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
