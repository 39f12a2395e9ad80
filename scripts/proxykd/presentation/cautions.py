"""How far to trust the page: what a reader of its figures must not overlook."""

from __future__ import annotations

import math
from collections.abc import Iterator

from proxykd.presentation.checks import CHECK
from proxykd.presentation.collect import Result, Shown, ShownExperiment
from proxykd.presentation.fidelity import unmade
from proxykd.presentation.overview import measured_on
from proxykd.presentation.wording import marks
from proxykd.store import read_facts

OF_MARKS = {
    "data statistics": "the noise has the original data's mean and deviation, so this is not data-free",
    "real images": "the proxies are the original data's own images, unlabelled, so this is not data-free",
    "other real images": "the proxies are real images",
    "pretrained": "the students start from weights that were trained on other data",
}


def cautions(shown: Shown) -> list[dict[str, str]]:
    """What limits the numbers on this page: whom it concerns (nobody named: all), and a sentence."""
    found: dict[str, list[str]] = {}
    for experiment in shown.experiments:
        for text in of_experiment(experiment):
            found.setdefault(text, []).append(experiment.name)
    everyone = len(shown.experiments)
    return [
        {"who": "" if len(names) == everyone else ", ".join(names), "text": text}
        for text, names in found.items()
    ]


def of_experiment(experiment: ShownExperiment) -> Iterator[str]:
    """What limits the figures of one experiment, a sentence each."""
    if not experiment.measured["labels"]:
        yield (
            "There are no labelled images. Agreement with the teacher on held-out proxies stands in the "
            "place of accuracy, and is not accuracy."
        )
    if (missing := unmade(experiment)) is not None:
        yield missing
    if len(experiment.runs) == 1:
        yield "One seed: the spread is unknown, and a difference between two experiments may be chance."
    if len(experiment.runs) == 2:
        yield "Two seeds: their deviation is a rough guess of the spread."
    yield from _of_images(experiment)
    checks = {run.check.key: run.check for run in experiment.runs if run.check is not None}
    for check in checks.values():
        yield from _of_teacher(check)
    empty = experiment.measured["classes"]["selected"]["empty_classes"]
    if empty:
        yield f"No proxy was selected for {empty} of {len(experiment.classes)} classes: nothing teaches them."
    for mark in marks(experiment):
        yield f"{OF_MARKS[mark][0].upper()}{OF_MARKS[mark][1:]}."


def _of_teacher(check: Result) -> Iterator[str]:
    told = read_facts(check.folder / CHECK)
    if told["verdict"] != "stated":
        yield told["sentence"]


def _of_images(experiment: ShownExperiment) -> Iterator[str]:
    images = experiment.upstream("images")
    if images is None:
        return
    # The largest possible error, so that one sentence holds for all experiments.
    error = 100 * math.sqrt(0.25 / images.index.samples)
    yield (
        f"Measured on {measured_on(experiment)}: their number alone leaves an accuracy uncertain by up to "
        f"±{error:.1f} points (one standard error), beside the spread over seeds."
    )
    if experiment.settings.evaluate_student.split == "validation":
        yield "Measured on the validation split, on which settings may have been chosen."
