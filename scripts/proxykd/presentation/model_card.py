"""The model card of a finished student, in Markdown, with front matter for the Hugging Face hub."""

from __future__ import annotations

from typing import Any

import yaml

from proxykd.derivation import input_of
from proxykd.presentation import cautions, costs, fidelity, numerals, overview, wording
from proxykd.presentation.collect import Shown, ShownExperiment, ShownRun
from proxykd.presentation.example import environment

TAGS = ["proxykd", "knowledge-distillation", "safetensors"]


def card(
    shown: Shown,
    experiment: ShownExperiment,
    run: ShownRun,
    packages: list[str],
    command: str,
) -> str:
    """The card of an experiment's student, that of one of its runs.

    packages: what its example needs. command: what was run.
    """
    place, (size, channels) = experiment.runs.index(run), input_of(experiment.settings)
    return (
        environment()
        .get_template("model.md")
        .render(
            front=yaml.safe_dump(_front(), sort_keys=False),
            signature=signature(experiment.name),
            name=experiment.name,
            architecture=overview.architecture(experiment, "student"),
            classes=experiment.classes,
            size=size,
            channels=channels,
            teacher_architecture=overview.architecture(experiment, "teacher"),
            marks=[cautions.OF_MARKS[mark] for mark in wording.marks(experiment)],
            needs=packages,
            n=len(experiment.runs),
            figures=_figures(experiment, place),
            cost=_cost(experiment.measured["students"][place]["cost"]),
            labels=experiment.measured["labels"],
            measured_on=overview.measured_on(experiment),
            heldout=fidelity.heldout_images(experiment),
            boundary=fidelity.boundary_note(experiment),
            device=costs.measured_with([experiment]),
            teacher=wording.teacher(run.teacher),
            proxies=wording.proxies(experiment),
            attack=wording.attack(experiment),
            training=wording.training(experiment),
            label=run.label.replace("-", " "),
            key=run.student.key,
            versions=[f"{name} {version}" for name, version in run.student.index.versions.items()],
            command=command,
            cautions=cautions.of_experiment(experiment),
            title=shown.configuration.title,
            note=shown.configuration.note,
        )
    )


def signature(name: str) -> str:
    """By which the report knows an experiment's folder as its own, and a copy under another name as none."""
    return f"<!-- Written by ProxyKD's report for the experiment {name}, and anew each time it is made. -->"


def _front() -> dict[str, Any]:
    return {
        "library_name": "pytorch",
        "pipeline_tag": "image-classification",
        "tags": TAGS,
    }


def _figures(experiment: ShownExperiment, place: int) -> list[list[str]]:
    """Rows of what was measured: of the teacher, of this student, over all seeds."""
    measured = experiment.measured
    student, rows = measured["students"][place], []
    if measured["labels"]:
        for name, told in (("accuracy", "accuracy"), ("calibration_error", "calibration error")):
            both = (numerals.percent(student[network][name]) for network in ("teacher", "student"))
            rows.append([told, *both, numerals.spread(measured[name])])
    for figure in fidelity.FIGURES:
        mine, all_of_them = figure.single(student), figure.over_seeds(measured)
        if mine is not None:
            rows.append([figure.told, "", mine, all_of_them])
    return rows


def _cost(cost: dict[str, Any]) -> list[list[str]]:
    """Rows of what each network costs."""
    told = {
        "parameters": "parameters",
        "macs": "MACs",
        "bytes": "file",
        "cpu": "latency, CPU",
        "gpu": "latency and rate, GPU",
    }
    teacher, student = (costs.of_network(cost[network]) for network in ("teacher", "student"))
    rows = ((text, teacher[name], student[name]) for name, text in told.items())
    return [[text, one, other] for text, one, other in rows if one is not None and other is not None]
