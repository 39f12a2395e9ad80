"""All that is measured of one experiment, over its seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from proxykd.evaluation.metrics import compare, labelled, over_seeds
from proxykd.networks.classifier import Classifier
from proxykd.networks.outputs import logits_of
from proxykd.selection.uniformity import uniformity


@dataclass(frozen=True)
class Images:
    """Images to measure on, uint8 N x H x W x C, and their labels where there are any."""

    images_NHWC: np.ndarray
    labels_N: np.ndarray | None


def outputs(network: Classifier, sets: dict[str, Images], device: str) -> dict[str, np.ndarray]:
    """A network's logits, N x K, on each set."""
    for name, images in sets.items():
        network.description.check_fits(images.images_NHWC, f"The {name} images")
    return {name: logits_of(network, images.images_NHWC, device) for name, images in sets.items()}


def evaluate(
    teacher: dict[str, np.ndarray],
    student: dict[str, np.ndarray],
    sets: dict[str, Images],
    bins: int,
    on_pairs: dict[str, float] | None = None,
) -> dict[str, Any]:
    """One student beside its teacher: fidelity on each set, and accuracies on the labelled one.

    teacher, student: what `outputs` says of the same sets. on_pairs: its boundary fidelity, None or
    empty where there are no pairs.
    """
    result: dict[str, Any] = {"fidelity": {}, "teacher": None, "student": None}
    for name, images in sets.items():
        result["fidelity"][name] = compare(teacher[name], student[name], bins)
        if images.labels_N is not None:
            result["teacher"] = labelled(teacher[name], images.labels_N, bins)
            result["student"] = labelled(student[name], images.labels_N, bins)
    if on_pairs:
        result["fidelity"]["pairs"] = on_pairs
    return result


def summarise(
    measured: list[dict[str, Any]],
    scores: list[dict[str, Any]],
    selection: list[dict[str, Any]],
    pairs: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """`evaluation.json`: means over seeds, single students, the classes before and after selection.

    scores, selection, pairs: facts of the pools' scores, of the selections and of the attacks on held-out
    proxies.
    """
    has_labels = measured[0]["student"] is not None
    summary: dict[str, Any] = {
        "labels": has_labels,
        "fidelity_on": "labelled" if has_labels else "heldout",
        "fidelity": _fidelity(measured),
        "pairs": [attack["counts"] for attack in pairs or []],
        "accuracy": None,
        "calibration_error": None,
        "by_class": None,
        "teacher": measured[0]["teacher"],
        "cost": measured[0]["cost"],
        "students": measured,
        "classes": {
            "pool": uniformity(np.sum([score["histogram"] for score in scores], axis=0)),
            "selected": uniformity(np.sum([one["histogram"] for one in selection], axis=0)),
            "shortfall": selection[0]["shortfall"],
        },
    }
    if has_labels:
        students = [one["student"] for one in measured]
        summary["accuracy"] = over_seeds([student["accuracy"] for student in students])
        summary["calibration_error"] = over_seeds([student["calibration_error"] for student in students])
        summary["by_class"] = [
            over_seeds(list(values)) if None not in values else None
            for values in zip(*(student["by_class"] for student in students), strict=True)
        ]
    return summary


def _fidelity(measured: list[dict[str, Any]]) -> dict[str, Any]:
    """Set -> figure -> mean over the students; some, where not every teacher has pairs."""
    found = {}
    for name in dict.fromkeys(name for one in measured for name in one["fidelity"]):
        several = [one["fidelity"][name] for one in measured if name in one["fidelity"]]
        found[name] = {metric: over_seeds([one[metric] for one in several]) for metric in several[0]}
    return found
