"""How well a student follows its teacher, and both the truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from proxykd.networks.outputs import log_softmax, softmax


def kl(teacher_NK: np.ndarray, student_NK: np.ndarray) -> float:
    """Mean KL(teacher || student) of the softmax outputs at temperature 1, in nats, from logits."""
    p_NK, q_NK = log_softmax(teacher_NK), log_softmax(student_NK)
    return float((np.exp(p_NK) * (p_NK - q_NK)).sum(1).mean())


def calibration_error(logits_NK: np.ndarray, truth_N: np.ndarray, bins: int) -> float:
    """Expected calibration error (Naeini et al. 2015; Guo et al. 2017, equation 3) with equal bins, 0 to 1.

    The mean gap between the largest softmax output and the share of right answers among outputs like it.
    """
    probability_NK = softmax(logits_NK)
    confidence_N = probability_NK.max(1)
    right_N = probability_NK.argmax(1) == truth_N
    bin_N = np.minimum((confidence_N * bins).astype(int), bins - 1)
    gaps = [
        abs(right_N[bin_N == b].mean() - confidence_N[bin_N == b].mean()) * (bin_N == b).mean()
        for b in range(bins)
        if (bin_N == b).any()
    ]
    return float(sum(gaps))


def compare(teacher_NK: np.ndarray, student_NK: np.ndarray, bins: int) -> dict[str, float]:
    """Fidelity: agreement (share of equal classes), KL, and calibration with the teacher's class as truth."""
    teacher_N = teacher_NK.argmax(1)
    return {
        "agreement": float((teacher_N == student_NK.argmax(1)).mean()),
        "kl": kl(teacher_NK, student_NK),
        "calibration_error": calibration_error(student_NK, teacher_N, bins),
    }


def labelled(logits_NK: np.ndarray, labels_N: np.ndarray, bins: int) -> dict[str, Any]:
    """Accuracy, calibration and accuracy of each class (None for one without images)."""
    right_N = logits_NK.argmax(1) == labels_N
    by_class = [
        float(right_N[labels_N == label].mean()) if (labels_N == label).any() else None
        for label in range(logits_NK.shape[1])
    ]
    return {
        "accuracy": float(right_N.mean()),
        "calibration_error": calibration_error(logits_NK, labels_N, bins),
        "by_class": by_class,
    }


def over_seeds(values: list[float]) -> dict[str, float | int | None]:
    """Mean, sample standard deviation (None for a single value) and number of values."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "std": deviation, "n": len(values)}
