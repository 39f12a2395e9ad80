"""What the page shows of the pairs across the decision boundary."""

from __future__ import annotations

import statistics
from typing import Any

from proxykd.boundary.settings import AttackBoundary
from proxykd.presentation import numerals, sheets
from proxykd.presentation.collect import ShownExperiment

MATRIX_AS_TABLE = 20
"""Classes up to which the matrix of pairs is a table of numbers; a picture beyond."""


def boundary(shown: ShownExperiment) -> dict[str, Any]:
    """Pairs across the boundary: pictures, counts, the classes that they join, what students see of them."""
    result = shown.runs[0].boundary
    assert result is not None
    counts = result.facts["counts"]
    how = AttackBoundary.model_validate(result.index.settings)
    pairs = result.facts["pairs"]
    rate = straddling(shown)
    size = len(result.index.classes)
    covered = sum(n > 0 for i, row in enumerate(pairs) for j, n in enumerate(row) if i != j)
    return {
        "pairs": sheets.pair_sheet(result),
        "counts": [
            (told, numerals.count(counts[name]), numerals.percent(counts[name] / max(1, counts["views"])))
            for name, told in (
                ("views", "views attacked"),
                ("already", f"were in {how.spared}"),
                ("failed", "did not cross"),
                ("rounded", "crossed, but not as stored: a wrong side, or too sure"),
                ("kept", "pairs kept"),
            )
        ],
        "members": result.facts["members"],
        "reach": _reach(result.facts),
        "images": numerals.count(result.index.samples),
        "straddling": numerals.percent(rate["mean"]) if rate else None,
        "refreshed": _refreshed(shown),
        "covered": f"{numerals.count(covered)} of {numerals.count(size * (size - 1))}",
        "classes": result.index.classes,
        "table": _shaded(pairs) if size <= MATRIX_AS_TABLE else None,
        "picture": None if size <= MATRIX_AS_TABLE else sheets.matrix(pairs),
    }


def _reach(facts: dict[str, Any]) -> str | None:
    """How many of the views probed crossed within which epsilon; None where epsilon was given."""
    told = facts["reach"]
    if told is None:
        return None
    shares = ", ".join(f"{reach}: {numerals.percent(share, 0)}" for reach, share in told["success"].items())
    return f"{shares} of {told['views']} views. {facts['epsilon']:g} was chosen"


def straddling(shown: ShownExperiment) -> dict[str, Any] | None:
    """Share of the attacked pairs that lie on two sides of the boundary as the students see them, over seeds.

    None where students use no pairs. Of pairs that were made anew, it is that of the last ones.
    """
    rates = [run.student.facts["straddling"] for run in shown.runs]
    rates = [rate for rate in rates if rate is not None]
    if not rates:
        return None
    deviation = statistics.stdev(rates) if len(rates) > 1 else None
    return {"mean": statistics.fmean(rates), "std": deviation, "n": len(rates)}


def _refreshed(shown: ShownExperiment) -> list[dict[str, str]]:
    """What became of the pairs while the first student learned, moment by moment."""
    return [
        {
            "step": numerals.count(one["step"]),
            "pairs": numerals.count(one["refresh_pairs"]),
            "all": f"{one['refresh_disagreement']:.2f}",
            "attacked": f"{one['refresh_attacked']:.2f}",
        }
        for one in shown.runs[0].student.facts.get("refreshed", [])
    ]


def _shaded(pairs_KK: list[list[int]]) -> list[list[dict[str, Any]]]:
    """Counts and how strongly their cells are filled, in percent; never so dark that a number gets lost."""
    largest = max(1, max(n for row in pairs_KK for n in row))
    return [
        [
            {"n": numerals.count(n) if n else "", "fill": round(65 * (n / largest) ** 0.5), "same": i == j}
            for j, n in enumerate(row)
        ]
        for i, row in enumerate(pairs_KK)
    ]
