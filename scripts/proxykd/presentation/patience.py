"""What a student gains from more images and from longer training: one line for each number of images.

After the "patient teacher" of Beyer et al., Knowledge distillation: a good teacher is patient and consistent
(CVPR 2022), who show how far students still rise when they are trained for much longer.
"""

from __future__ import annotations

from typing import Any

from proxykd.presentation import numerals
from proxykd.presentation.collect import ShownExperiment
from proxykd.presentation.figures import share_chart
from proxykd.presentation.summary import figures
from proxykd.section import canonical_json


def patience(experiments: list[ShownExperiment]) -> list[dict[str, Any]]:
    """A figure and a table for experiments that agree in all but images selected and length of training.

    Shown where a number of images has students of several lengths, and a length those of several numbers of
    images: of less, nobody could tell which of the two made the difference.
    """
    return [_shown(several) for several in _alike(experiments) if _is_grid(several)]


def _alike(experiments: list[ShownExperiment]) -> list[list[ShownExperiment]]:
    found: dict[str, list[ShownExperiment]] = {}
    for experiment in experiments:
        settings = experiment.settings.canonical()
        del settings["select_proxies"]["count"], settings["distill_student"]["recipe"]["steps"]
        found.setdefault(canonical_json(settings), []).append(experiment)
    return list(found.values())


def _is_grid(experiments: list[ShownExperiment]) -> bool:
    cells = {(_selections(one), _steps(one)) for one in experiments}
    rows, columns = ({cell[i] for cell in cells} for i in (0, 1))
    return len(cells) > max(len(rows), len(columns))


def _selections(experiment: ShownExperiment) -> tuple[str, ...]:
    return tuple(run.selection.key for run in experiment.runs)


def _steps(experiment: ShownExperiment) -> int:
    return experiment.runs[0].student.index.settings["recipe"]["steps"]


def _last(experiment: ShownExperiment, name: str) -> float:
    """A figure of the students' last records, their mean."""
    return _mean([run.student.records()[-1][name] for run in experiment.runs])


def _selected(experiment: ShownExperiment) -> float:
    """Images that were selected; fewer than asked for where a class is short of them."""
    return _mean([run.selection.index.samples for run in experiment.runs])


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _shown(experiments: list[ShownExperiment]) -> dict[str, Any]:
    lengths = sorted({_steps(one) for one in experiments})
    by_selection: dict[tuple[str, ...], dict[int, ShownExperiment]] = {}
    for one in experiments:
        by_selection.setdefault(_selections(one), {})[_steps(one)] = one
    rows = sorted(by_selection.values(), key=lambda row: _selected(_first(row)))
    first = experiments[0]
    what = "accuracy" if first.measured["labels"] else "agreement"
    seen = {_steps(one): _last(one, "images") for one in experiments}
    return {
        "what": what,
        "names": [one.name for one in experiments],
        "chart": share_chart([_line(row, lengths, seen, what) for row in rows]),
        "columns": [
            {"steps": numerals.count(steps), "images": numerals.short(seen[steps])} for steps in lengths
        ],
        "rows": [_row(row, lengths, what) for row in rows],
        "seeds": sorted({figures(one)[what]["n"] for one in experiments}),
        "teacher": numerals.percent(figures(first)["teacher_accuracy"]) if what == "accuracy" else None,
    }


def _first(row: dict[int, ShownExperiment]) -> ShownExperiment:
    return next(iter(row.values()))


def _line(
    row: dict[int, ShownExperiment], lengths: list[int], seen: dict[int, float], what: str
) -> tuple[str, list[tuple[float, float, float | None]]]:
    reached = [(seen[steps], figures(row[steps])[what]) for steps in lengths if steps in row]
    name = f"{numerals.count(_selected(_first(row)))} images"
    return name, [(images, values["mean"], values["std"]) for images, values in reached]


def _row(row: dict[int, ShownExperiment], lengths: list[int], what: str) -> dict[str, Any]:
    first = _first(row)
    selected, asked = _selected(first), first.settings.select_proxies.count
    short = asked is not None and asked != selected
    return {
        "selected": numerals.count(selected),
        "asked": numerals.count(asked) if short and asked is not None else None,
        "cells": [_cell(row[steps], what) if steps in row else None for steps in lengths],
    }


def _cell(experiment: ShownExperiment, what: str) -> dict[str, str]:
    return {
        "name": experiment.name,
        "reached": numerals.bare_spread(figures(experiment)[what]),
        "epochs": numerals.short(_last(experiment, "epoch")),
    }
