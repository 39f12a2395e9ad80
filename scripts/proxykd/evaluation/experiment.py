"""All that is measured of one experiment, over its seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from proxykd.evaluation.metrics import compare, labelled, over_seeds
from proxykd.networks.classifier import Classifier
from proxykd.networks.outputs import logits_of
from proxykd.selection import uniformity


@dataclass(frozen=True)
class Images:
    """Images to measure on, uint8 N x H x W x C, and their labels where there are any."""

    images_NHWC: np.ndarray
    labels_N: np.ndarray | None


def evaluate(
    teacher: Classifier, student: Classifier, sets: dict[str, Images], bins: int, device: str
) -> dict[str, Any]:
    """One student beside its teacher: fidelity on each set, and accuracies on the labelled one."""
    classes = len(teacher.description.classes)
    result: dict[str, Any] = {"fidelity": {}, "teacher": None, "student": None}
    for name, images in sets.items():
        teacher_NK = logits_of(teacher, images.images_NHWC, device)
        student_NK = logits_of(student, images.images_NHWC, device)
        result["fidelity"][name] = compare(teacher_NK, student_NK, bins)
        if images.labels_N is not None:
            result["teacher"] = labelled(teacher_NK, images.labels_N, classes, bins)
            result["student"] = labelled(student_NK, images.labels_N, classes, bins)
    return result


def summarise(
    measured: list[dict[str, Any]], scores: list[dict[str, Any]], selections: list[dict[str, Any]]
) -> dict[str, Any]:
    """`evaluation.json`: means over seeds, the single students, and the classes before and after selection."""
    has_labels = measured[0]["student"] is not None
    fidelity = {
        name: {
            metric: over_seeds([one["fidelity"][name][metric] for one in measured])
            for metric in measured[0]["fidelity"][name]
        }
        for name in measured[0]["fidelity"]
    }
    summary: dict[str, Any] = {
        "labels": has_labels,
        "fidelity_on": "labelled" if has_labels else "heldout",
        "fidelity": fidelity,
        "accuracy": None,
        "calibration_error": None,
        "by_class": None,
        "teacher": measured[0]["teacher"],
        "cost": measured[0]["cost"],
        "students": measured,
        "classes": {
            "pool": uniformity(np.sum([score["histogram"] for score in scores], axis=0)),
            "selected": uniformity(np.sum([selection["histogram"] for selection in selections], axis=0)),
            "shortfall": selections[0]["shortfall"],
        },
    }
    if has_labels:
        students = [one["student"] for one in measured]
        summary["accuracy"] = over_seeds([student["accuracy"] for student in students])
        summary["calibration_error"] = over_seeds([student["calibration_error"] for student in students])
        summary["by_class"] = [
            over_seeds([value for value in values if value is not None]) if None not in values else None
            for values in zip(*(student["by_class"] for student in students), strict=True)
        ]
    return summary

