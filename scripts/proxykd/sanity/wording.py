"""The verdict on a normalisation in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from proxykd.sanity.normalisations import Normalisation

CANNOT_TELL = (
    "Which normalisation is right cannot be told from this teacher: it has no batch norms that keep "
    "statistics. Its answers under the stated one are not odd."
)
MAKE_SURE = "Make sure of import_teacher.mean and deviation where the checkpoint comes from."
COMPARE = (
    "Compare import_teacher.mean and deviation with what the checkpoint's author says. If they are right, "
    "the images are very unlike those that the teacher was trained on."
)
ORDER = (
    "Whoever reads images with OpenCV trains on blue, green, red: look for that in the author's code, and "
    "write import_teacher.order: bgr (or rgb, where it is bgr now) if it is so."
)


def agrees(stated: str, cost: float, names: Sequence[str], best: float, on: str) -> str:
    """The stated one fits; others that cannot be told from it, or fit a little better, are named."""
    told = (
        f"The stated normalisation ({stated}) agrees with the statistics of the teacher's batch norms: "
        f"misfit {cost:.4f} on the {on}."
    )
    others = [name for name in names if name != stated]
    if not others:
        return told
    if stated in names:
        return f"{told} {_either(others)} would fit as well, and cannot be told from it."
    return f"{told} {_either(others)} would fit a little better ({best:.4f}), which proves nothing."


def wrong(stated: str, cost: float, names: Sequence[str], best: float, on: str) -> str:
    """Another one fits far better."""
    misfit = "what flows through it is not finite" if math.isinf(cost) else f"misfit {cost:.3f}"
    return (
        f"The stated normalisation ({stated}) looks wrong: on the {on}, the statistics of the teacher's "
        f"batch norms fit {_either(names)} far better (misfit {best:.4f}; as stated, {misfit})."
    )


def better(stated: str, cost: float, names: Sequence[str], best: float, on: str) -> str:
    """Another one fits better, though not so much that it is certain."""
    return (
        f"{_either(names)} fits the statistics of the teacher's batch norms better than the stated "
        f"normalisation ({stated}): misfit {best:.4f} on the {on}, as stated {cost:.4f}."
    )


def strange(stated: str, cost: float, on: str) -> str:
    """None fits."""
    return (
        f"Neither the stated normalisation ({stated}) nor a usual one fits the statistics of the teacher's "
        f"batch norms: misfit {cost:.3f} on the {on}."
    )


def flipped(other: float | None, cost: float) -> str:
    """The other order of the channels fits better."""
    return (
        "The pictures fit the statistics of the teacher's batch norms better with their channels in the "
        f"other order (misfit {other:.4f}; as stated, {cost:.4f}): it may have been trained on BGR, or on "
        "RGB where BGR is stated."
    )


def odd(stated: str, what: str) -> str:
    """Outputs alone are odd."""
    return (
        f"Under the stated normalisation ({stated}), {what}. The teacher has no batch norms that keep "
        "statistics, so a likelier one cannot be named."
    )


def write(likely: Normalisation) -> str:
    """What to write into the configuration."""
    mean, deviation = (
        "[" + ", ".join(f"{value:.4g}" for value in values) + "]"
        for values in (likely.mean, likely.deviation)
    )
    return f"To try that, write import_teacher.mean: {mean} and import_teacher.deviation: {deviation}."


def _either(names: Sequence[str]) -> str:
    return " or ".join(names)
