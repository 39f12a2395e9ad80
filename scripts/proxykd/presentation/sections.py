"""What the page shows of each experiment and of each teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from proxykd.presentation import commands, fidelity, model, numerals, pairs, sheets, wording
from proxykd.presentation.checks import CHECK, PAGE, anchor
from proxykd.presentation.collect import Result, Shown, ShownExperiment
from proxykd.presentation.figures import line_chart
from proxykd.presentation.overview import architecture, measured_on, teachers_of
from proxykd.store import read_facts


def experiment(shown: ShownExperiment, out: Path) -> dict[str, Any]:
    """One experiment's section."""
    run = shown.runs[0]
    return {
        "name": shown.name,
        "anchor": f"experiment-{shown.name}",
        "marks": wording.marks(shown),
        "proxies": wording.proxies(shown),
        "attack": wording.attack(shown),
        "training": wording.training(shown),
        "measured_on": measured_on(shown),
        "labels": shown.measured["labels"],
        "model": {"place": str(out / shown.name / model.FOLDER), "label": model.chosen(shown).label},
        "sheet": sheets.contact_sheet(run.selection),
        "empty": shown.measured["classes"]["selected"]["empty_classes"],
        "class_count": len(shown.classes),
        "classes": classes(shown),
        "uniform": numerals.percent(1 / len(shown.classes)),
        "shortfall": shortfall(shown),
        "boundary": pairs.boundary(shown) if run.boundary is not None else None,
        "seeds": seeds(shown),
        "curves": line_chart([(one.label, *_loss(one.student)) for one in shown.runs]),
        "stages": [
            {"name": result.name, "key": result.key, "command": commands.stage_command(result.stage)}
            for result in shown.stages
        ],
        "evaluation": commands.show(out / shown.name / "evaluate_student" / "evaluation.json"),
    }


def classes(shown: ShownExperiment) -> list[dict[str, Any]]:
    """Each class's share before and after selection, and how well teacher and students know it."""
    known = shown.measured["classes"]
    pool, selected = known["pool"]["histogram"], known["selected"]["histogram"]
    totals = max(1, sum(pool)), max(1, sum(selected))
    widest = max([n / totals[0] for n in pool] + [n / totals[1] for n in selected])
    of_teacher = _teacher_by_class(shown)
    of_students = shown.measured["by_class"] or [None] * len(pool)
    return [
        {
            "name": name,
            "pool": _bar(pool[k], totals[0], widest),
            "selected": _bar(selected[k], totals[1], widest),
            "teacher": numerals.percent(of_teacher[k]),
            "student": numerals.spread(of_students[k]),
            "difference": _difference(of_students[k], of_teacher[k]),
        }
        for k, name in enumerate(shown.classes)
    ]


def _teacher_by_class(shown: ShownExperiment) -> list[float | None]:
    teachers = teachers_of(shown)
    if not teachers:
        return [None] * len(shown.classes)
    columns = zip(*(teacher["by_class"] for teacher in teachers), strict=True)
    return [None if None in column else sum(column) / len(column) for column in columns]


def _difference(student: dict[str, Any] | None, teacher: float | None) -> str:
    if student is None or teacher is None:
        return "–"
    return numerals.signed_points(student["mean"] - teacher)


def _bar(n: int, total: int, widest: float) -> dict[str, Any]:
    share = n / total
    return {
        "count": numerals.count(n),
        "share": numerals.percent(share),
        "width": f"{100 * share / widest:.1f}",
        "empty": n == 0,
    }


def shortfall(shown: ShownExperiment) -> str:
    """The classes that could not be filled, in words; empty where all could."""
    return wording.counts_of(shown.measured["classes"]["shortfall"], " missing")


def seeds(shown: ShownExperiment) -> list[dict[str, Any]]:
    """Each student by itself."""
    rows = []
    for run, one in zip(shown.runs, shown.measured["students"], strict=True):
        rows.append(
            {
                "label": run.label.replace("-", " "),
                "accuracy": numerals.percent(one["student"]["accuracy"]) if one["student"] else "–",
                "fidelity": [
                    figure.single(one) or "–"
                    for figure in (fidelity.AGREEMENT, fidelity.SEPARATED, fidelity.KL)
                ],
                "loss": f"{run.student.facts['loss']:.4g}",
                "seconds": numerals.duration(run.student.index.seconds),
            }
        )
    return rows


def _loss(result: Result) -> tuple[list[float], list[float]]:
    records = result.records()
    return [record["step"] for record in records], [record["loss"] for record in records]


def teachers(shown: Shown) -> list[dict[str, Any]]:
    """Each teacher once: how it was made, its validation accuracy and its training."""
    views: dict[str, dict[str, Any]] = {}
    for one in shown.experiments:
        for run in one.runs:
            if run.teacher.key not in views:
                views[run.teacher.key] = _teacher(run.teacher, architecture(one, "teacher")) | {"for": []}
                views[run.teacher.key]["check"] = check(run.check)
            names = views[run.teacher.key]["for"]
            if one.name not in names:
                names.append(one.name)
    return list(views.values())


def _teacher(result: Result, name: str) -> dict[str, Any]:
    facts = result.facts
    return {
        "name": name,
        "key": result.key,
        "how": wording.teacher(result),
        "classes": len(result.index.classes),
        "train": numerals.percent(facts["train_accuracy"]) if "train_accuracy" in facts else None,
        "validation": numerals.percent(facts["validation_accuracy"])
        if "validation_accuracy" in facts
        else None,
        "seconds": numerals.duration(result.index.seconds),
        "curve": line_chart([(name, *_loss(result))]) if result.name == "train_teacher" else None,
        "command": commands.stage_command(result.stage),
    }


def check(result: Result | None) -> dict[str, Any] | None:
    """The verdict on an imported teacher, and where its page says more."""
    if result is None:
        return None
    told = read_facts(result.folder / CHECK)
    return {
        "sentence": told["sentence"],
        "bad": told["verdict"] in {"wrong", "doubtful"},
        "link": f"{PAGE}#{anchor(result)}",
    }


def heldout(shown: Shown) -> list[dict[str, Any]]:
    """All label-free figures on held-out proxies, one row an experiment, and accuracy where there is any."""
    plain = (fidelity.AGREEMENT, fidelity.KL, fidelity.CALIBRATION)
    return [
        {
            "name": one.name,
            "n": numerals.seeds(one.measured["fidelity"]["heldout"]["agreement"]["n"]),
            "accuracy": numerals.bare_spread(one.measured["accuracy"]),
            "plain": [figure.over_seeds(one.measured, sign=False) for figure in plain],
            "pairs": [
                [figure.over_seeds(one.measured, sign=False) for figure in fidelity.on_pairs(ending)]
                for ending in ("", "_deeper")
            ],
            "images": fidelity.heldout_images(one),
            "made": pairs_made(one),
        }
        for one in shown.experiments
    ]


def pairs_made(shown: ShownExperiment) -> str:
    """How many pairs there are, of how many held-out proxies."""
    attacks = shown.measured["pairs"]
    if not attacks:
        return "–"
    kept, views = (sum(counts[name] for counts in attacks) for name in ("kept", "views"))
    return f"{numerals.count(kept)} of {numerals.count(views)}"
