"""What stands at the head of the page: the result in a sentence, the first table and its chart."""

from __future__ import annotations

import math
from typing import Any

from proxykd.presentation import costs, fidelity, numerals, pairs
from proxykd.presentation.collect import Shown, ShownExperiment
from proxykd.presentation.figures import dot_chart
from proxykd.presentation.summary import figures
from proxykd.presentation.wording import marks

REAL = {"real images", "other real images"}
"""Marks of experiments whose students saw real images."""


def groups(shown: Shown) -> list[dict[str, Any]]:
    """Rows of the first table: each teacher, and the experiments that learned from it."""
    by_teacher: dict[tuple[Any, ...], list[ShownExperiment]] = {}
    for experiment in shown.experiments:
        teachers = tuple(run.teacher.key for run in experiment.runs)
        images = experiment.upstream("images")
        by_teacher.setdefault((teachers, images.key if images else ""), []).append(experiment)
    return [
        {"teacher": _teacher_row(several[0]), "students": [_student_row(one) for one in several]}
        for several in by_teacher.values()
    ]


def _teacher_row(experiment: ShownExperiment) -> dict[str, Any]:
    teachers = teachers_of(experiment)
    accuracies = [one["accuracy"] for one in teachers]
    return {
        "name": "Teacher",
        "architecture": architecture(experiment, "teacher"),
        "accuracy": numerals.bare_spread(_over(accuracies)) if accuracies else None,
        "n": len({run.teacher.key for run in experiment.runs}),
        "calibration": numerals.bare_spread(_over([one["calibration_error"] for one in teachers]))
        if teachers
        else "–",
        "cost": costs.of_network(experiment.measured["cost"]["teacher"]),
    }


def teachers_of(experiment: ShownExperiment) -> list[dict[str, Any]]:
    """What was measured of each different teacher on labelled images; empty without labels."""
    measured = zip(experiment.runs, experiment.measured["students"], strict=True)
    by_key = {run.teacher.key: one["teacher"] for run, one in measured}
    return [teacher for teacher in by_key.values() if teacher is not None]


def architecture(experiment: ShownExperiment, role: str) -> str:
    """The architecture of an experiment's teacher or student."""
    result = experiment.runs[0].teacher if role == "teacher" else experiment.runs[0].student
    settings = result.index.settings
    return (
        settings["architecture"] if result.name == "import_teacher" else settings["network"]["architecture"]
    )


def _over(values: list[float]) -> dict[str, Any]:
    mean = sum(values) / len(values)
    squares = sum((value - mean) ** 2 for value in values)
    return {"mean": mean, "std": math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else None}


def _student_row(experiment: ShownExperiment) -> dict[str, Any]:
    known = figures(experiment)
    return {
        "name": experiment.name,
        "architecture": architecture(experiment, "student"),
        "marks": marks(experiment),
        "accuracy": numerals.bare_spread(known["accuracy"]) if known["accuracy"] else None,
        "calibration": numerals.bare_spread(experiment.measured["calibration_error"]),
        "straddling": numerals.bare_spread(pairs.straddling(experiment)),
        "fidelity": [figure.over_seeds(experiment.measured, sign=False) for figure in fidelity.FIGURES],
        "n": known["agreement"]["n"],
        "cost": costs.of_network(experiment.measured["cost"]["student"]),
        "entropy": [f"{known['relative_entropy'][where]:.3f}" for where in ("pool", "selected")],
        "smallest": [f"{100 * known['smallest_share'][where]:.1f}" for where in ("pool", "selected")],
        "empty": [known["empty_classes"][where] for where in ("pool", "selected")],
    }


def charts(shown: Shown) -> list[dict[str, Any]]:
    """Accuracy of the experiments with labels; agreement on held-out proxies of those without."""
    labelled = [one for one in shown.experiments if one.measured["labels"]]
    others = [one for one in shown.experiments if not one.measured["labels"]]
    made = []
    if labelled:
        rows = [
            (
                one.name,
                [student["student"]["accuracy"] for student in one.measured["students"]],
                one.measured["accuracy"]["mean"],
            )
            for one in labelled
        ]
        teachers = {round(teacher["accuracy"], 9) for one in labelled for teacher in teachers_of(one)}
        reference = teachers.pop() if len(teachers) == 1 else None
        made.append({"what": "accuracy", "chart": dot_chart(rows, reference)})
    if others:
        rows = [
            (
                one.name,
                [student["fidelity"]["heldout"]["agreement"] for student in one.measured["students"]],
                one.measured["fidelity"]["heldout"]["agreement"]["mean"],
            )
            for one in others
        ]
        made.append({"what": "agreement", "chart": dot_chart(rows, None)})
    return made


def lede(shown: Shown) -> str:
    """The result in one sentence."""
    if any(not one.measured["labels"] for one in shown.experiments) or len(groups(shown)) != 1:
        known = [one.measured["fidelity"]["heldout"]["agreement"] for one in shown.experiments]
        return (
            f"Student and teacher give the same class to {_range(known)} of the held-out proxies. "
            "This is agreement, not accuracy."
        )
    first = shown.experiments[0]
    teacher = numerals.spread(_over([one["accuracy"] for one in teachers_of(first)]))
    return f"The teacher is right on {teacher} of {measured_on(first)}, {_students(shown)}."


def _students(shown: Shown) -> str:
    """Accuracies of the students, those that saw real images apart from the others."""
    real = [one for one in shown.experiments if REAL & set(marks(one))]
    rendered = [one for one in shown.experiments if one not in real]
    told = []
    for several, on in ((rendered, "rendered proxies"), (real, "real images")):
        if several:
            how_many = "" if len(several) == 1 else f" ({len(several)} experiments)"
            reached = _range([one.measured["accuracy"] for one in several])
            told.append(f"students from {on}{how_many} on {reached}")
    return " and ".join(told)


def _range(several: list[dict[str, Any]]) -> str:
    """One figure with its spread, or the lowest and the highest mean."""
    if len(several) == 1:
        return numerals.spread(several[0])
    low, high = (numerals.percent(pick(one["mean"] for one in several)) for pick in (min, max))
    return low if low == high else f"{low} to {high}"


def measured_on(experiment: ShownExperiment) -> str:
    """Which images an experiment was measured on."""
    images = experiment.upstream("images")
    if images is None:
        heldout = experiment.upstream("heldout")
        assert heldout is not None
        return f"{numerals.count(heldout.index.samples)} held-out proxies"
    settings = experiment.settings.evaluate_student
    return f"{numerals.count(images.index.samples)} {settings.split} images of {settings.images}"
