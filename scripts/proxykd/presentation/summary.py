"""The figures of all experiments as one plain JSON file."""

from __future__ import annotations

import json
from typing import Any

from proxykd.presentation import pairs, prediction
from proxykd.presentation.collect import Shown, ShownExperiment

UNIFORMITY = ("relative_entropy", "smallest_share", "empty_classes")


def summarise(shown: Shown) -> dict[str, Any]:
    """Title, note, each experiment's figures, and what predicts them; shares are fractions, 0 to 1."""
    return {
        "prediction": prediction.summarise(shown),
        "title": shown.configuration.title,
        "note": shown.configuration.note,
        "experiments": {experiment.name: figures(experiment) for experiment in shown.experiments},
    }


def figures(experiment: ShownExperiment) -> dict[str, Any]:
    """One experiment's figures, as its evaluation has them.

    `accuracy` and `teacher_accuracy` are None without labels, and `agreement_on` says on which images
    fidelity was measured. `calibration_error` is against the labels, or without them against the teacher's
    class. `heldout` and `pairs` are measured without a label, on held-out proxies and on pairs of them across
    the teacher's boundary (None where there are no pairs), and are not accuracy. `straddling` is the share of
    the attacked pairs that do so as the students see them (None where they use none). `cost` is that of both
    networks. `seconds` adds up all stages that the experiment needs, each once.
    """
    measured = experiment.measured
    on = measured["fidelity_on"]
    fidelity = measured["fidelity"][on]
    classes = measured["classes"]
    teacher = measured["teacher"]
    return {
        "accuracy": measured["accuracy"],
        "teacher_accuracy": teacher["accuracy"] if teacher else None,
        "agreement": fidelity["agreement"],
        "agreement_on": on,
        "kl": fidelity["kl"],
        "calibration_error": measured["calibration_error"] or fidelity["calibration_error"],
        "heldout": measured["fidelity"]["heldout"],
        "pairs": measured["fidelity"].get("pairs"),
        "straddling": pairs.straddling(experiment),
        "cost": measured["cost"],
        **{
            name: {"pool": classes["pool"][name], "selected": classes["selected"][name]}
            for name in UNIFORMITY
        },
        "seconds": round(sum(result.index.seconds for result in experiment.stages), 3),
    }


def as_json(summary: dict[str, Any]) -> str:
    """Plain JSON with sorted keys, the same text for the same figures."""
    return json.dumps(summary, indent=1, sort_keys=True, allow_nan=False) + "\n"
