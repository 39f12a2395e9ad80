"""How well what is known of proxies, and of students without a label, predicts the students' accuracy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from proxykd import store
from proxykd.assessment.figures import ENTROPY, FIGURES
from proxykd.assessment.prediction import Estimate, Outcomes, Prediction, predict
from proxykd.assessment.ranking import rank
from proxykd.presentation.assessed import ASSESSMENT
from proxykd.presentation.collect import Shown, ShownExperiment
from proxykd.presentation.figures import scatter_chart
from proxykd.presentation.numerals import MINUS
from proxykd.presentation.wording import architecture

FEWEST = 5
"""Pairs of a teacher and proxies below which nothing is said."""


@dataclass(frozen=True)
class OfStudent:
    """A figure of `evaluation.json` for which no label is needed, but the finished student."""

    on: str
    metric: str
    name: str
    better: int

    def of(self, measured: dict[str, Any]) -> float | None:
        """Its mean over seeds; None where it was not measured."""
        values = measured["fidelity"].get(self.on, {}).get(self.metric)
        return None if values is None else values["mean"]


OF_STUDENTS = (
    OfStudent("heldout", "agreement", "agreement on held-out proxies", 1),
    OfStudent("heldout", "kl", "KL on held-out proxies", -1),
    OfStudent("heldout", "calibration_error", "calibration error on held-out proxies", -1),
    OfStudent("pairs", "separated", "boundary pairs separated", 1),
    OfStudent("pairs", "as_teacher", "boundary pairs, both as the teacher", 1),
)


@dataclass(frozen=True)
class Pair:
    """A teacher and proxies, and what became of the students that learned from them."""

    teacher: str
    architecture: str
    names: list[str]
    told: dict[str, Any]
    """`assessment.json`."""
    measured: list[dict[str, Any]]
    """`evaluation.json` of each experiment."""

    @property
    def accuracy(self) -> float:
        """Of the students over their teacher's, the mean of all."""
        ratios = [
            one["student"]["accuracy"] / one["teacher"]["accuracy"]
            for measured in self.measured
            for one in measured["students"]
        ]
        return float(np.mean(ratios))


@dataclass(frozen=True)
class Row:
    """One figure and how well it predicts."""

    name: str
    needs: str
    """`teacher`, or `student`: what must be trained before the figure is known."""
    values: list[float | None]
    """Of each pair."""
    better: int
    prediction: Prediction


def pairs(shown: Shown) -> list[Pair]:
    """The pairs of a configuration whose students have labels.

    Experiments with the same teacher and proxies are one pair. Those with an attack are left out: their
    students learned from other images than those that were assessed.
    """
    found: dict[str, Pair] = {}
    for one in shown.experiments:
        if one.measured["labels"] and one.settings.attack_boundary is None:
            if one.assessment.key not in found:
                found[one.assessment.key] = _pair(one)
            found[one.assessment.key].names.append(one.name)
            found[one.assessment.key].measured.append(one.measured)
    return list(found.values())


def _pair(one: ShownExperiment) -> Pair:
    teacher = one.runs[0].teacher
    told = store.read_facts(one.assessment.folder / ASSESSMENT)
    return Pair(teacher.key, architecture(teacher), [], told, [])


def rows(several: list[Pair]) -> list[Row]:
    """Each figure: the paper's entropy, the ranking, then the others from the best to the worst."""
    known: list[tuple[str, str, list[float | None], int]] = [
        (figure.name, "teacher", [figure.of(one.told) for one in several], figure.better)
        for figure in FIGURES
    ]
    known.append(("mean rank of the page on proxies", "teacher", _mean_ranks(several), -1))
    known += [
        (
            figure.name,
            "student",
            _means([[figure.of(m) for m in one.measured] for one in several]),
            figure.better,
        )
        for figure in OF_STUDENTS
    ]
    teachers = list(dict.fromkeys(one.teacher for one in several))
    outcomes = Outcomes(
        np.array([teachers.index(one.teacher) for one in several]),
        np.array([one.accuracy for one in several]),
    )
    reference_N = _numbers(known[0][2], known[0][3])
    made = [
        Row(name, needs, values, better, predict(_numbers(values, better), reference_N, outcomes))
        for name, needs, values, better in known
    ]
    return [made[0], *sorted((row for row in made[1:] if row.prediction.n), key=_order)]


def _order(row: Row) -> tuple[bool, float]:
    value = row.prediction.within.value
    return row.needs == "student", 2.0 if value is None else -value


def _numbers(values: list[float | None], better: int) -> np.ndarray:
    return np.array([np.nan if value is None else better * value for value in values], float)


def _mean_ranks(several: list[Pair]) -> list[float | None]:
    """Each pair's mean rank among the proxies of its teacher, from 0 (best in all) to 1."""
    found: list[float | None] = [None] * len(several)
    for teacher in {one.teacher for one in several}:
        mine = [i for i, one in enumerate(several) if one.teacher == teacher]
        for i, ranked in zip(mine, rank([several[i].told for i in mine]), strict=True):
            found[i] = (ranked.mean_rank - 1) / max(1, len(mine) - 1)
    return found


def _means(several: list[list[float | None]]) -> list[float | None]:
    return [
        None
        if any(value is None for value in values)
        else float(np.mean([v for v in values if v is not None]))
        for values in several
    ]


def summarise(shown: Shown) -> dict[str, Any] | None:
    """All correlations as plain figures, with the pairs behind them; None for too few pairs."""
    several = pairs(shown)
    if len(several) < FEWEST:
        return None
    return {
        "reference": ENTROPY.name,
        "pairs": [
            {"teacher": one.architecture, "experiments": one.names, "relative_accuracy": one.accuracy}
            for one in several
        ],
        "figures": {
            row.name: asdict(row.prediction)
            | {"needs": row.needs, "better": row.better, "values": row.values}
            for row in rows(several)
        },
    }


def section(shown: Shown) -> dict[str, Any] | None:
    """What the report shows of it; None for too few pairs."""
    several = pairs(shown)
    if len(several) < FEWEST:
        return None
    made = rows(several)
    return {
        "pairs": len(several),
        "teachers": len({one.teacher for one in several}),
        "reference": made[0].name,
        "rows": [_view(row, i == 0) for i, row in enumerate(made)],
        "scatters": [_scatter(row, several) for row in _drawn(made)],
    }


def _view(row: Row, is_reference: bool) -> dict[str, Any]:
    told = row.prediction
    return {
        "name": row.name,
        "less": row.better < 0,
        "needs": row.needs,
        "n": told.n,
        "pooled": interval(told.pooled),
        "within": interval(told.within),
        "beyond": None if is_reference else interval(told.beyond),
    }


def interval(estimate: Estimate) -> list[str]:
    """A correlation and its bounds, two decimals each."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return ["–", ""]
    return [signed(estimate.value), f"{signed(estimate.low)} to {signed(estimate.high)}"]


def signed(value: float) -> str:
    """Two decimals, with a true minus."""
    return f"{value:.2f}".replace("-", MINUS) if round(value, 2) else "0.00"


def _drawn(made: list[Row]) -> list[Row]:
    """The reference, and the best figure of the teacher alone beside it."""
    return [made[0], *[row for row in made[1:] if row.needs == "teacher"][:1]]


def _scatter(row: Row, several: list[Pair]) -> dict[str, Any]:
    points: dict[str, list[tuple[str, float, float]]] = {}
    for one, value in zip(several, row.values, strict=True):
        if value is not None:
            name = ", ".join(one.names)
            points.setdefault(f"{one.architecture}", []).append((name, value, one.accuracy))
    return {"what": row.name, "chart": scatter_chart(list(points.items()))}
