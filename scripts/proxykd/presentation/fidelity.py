"""How closely students follow their teacher, measured without a label: the figures, and words for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from proxykd.presentation import numerals
from proxykd.presentation.collect import ShownExperiment
from proxykd.presentation.wording import KINDS


@dataclass(frozen=True)
class Figure:
    """One figure of `evaluation.json`'s `fidelity`."""

    on: str
    """`heldout`: held-out proxies; `pairs`: pairs of them across the teacher's boundary."""
    metric: str
    told: str
    is_share: bool = True
    varies: bool = True
    """Whether it is one student's; else the mean says all."""

    def single(self, student: dict[str, Any]) -> str | None:
        """Of one student; None where it was not measured."""
        measured = student["fidelity"].get(self.on)
        if measured is None:
            return None
        value = measured[self.metric]
        return numerals.percent(value) if self.is_share else f"{value:.3g}"

    def over_seeds(self, measured: dict[str, Any], sign: bool = True) -> str:
        """Mean ± standard deviation, with the sign of percent or without; a dash where not measured."""
        values = measured["fidelity"].get(self.on, {}).get(self.metric)
        if values is not None and not self.varies:
            return numerals.short(values["mean"])
        if not self.is_share:
            return numerals.plain_spread(values)
        return numerals.spread(values) if sign else numerals.bare_spread(values)


AGREEMENT = Figure("heldout", "agreement", "agreement")
SEPARATED = Figure("pairs", "separated", "boundary pairs separated")
KL = Figure("heldout", "kl", "KL, nats", is_share=False)
CALIBRATION = Figure("heldout", "calibration_error", "calibration error against the teacher")
FIGURES = (AGREEMENT, SEPARATED, KL, CALIBRATION)
"""The label-free figures, in the order in which tables have them."""


def on_pairs(ending: str) -> list[Figure]:
    """What is measured of the close pairs (ending "") or of the deeper ones ("_deeper")."""
    return [
        Figure("pairs", f"separated{ending}", "separated"),
        Figure("pairs", f"mirrored{ending}", "mirrored"),
        Figure("pairs", f"as_teacher{ending}", "both as the teacher"),
        Figure("pairs", f"distance{ending}", "grey levels apart", is_share=False, varies=False),
    ]


def has_pairs(experiment: ShownExperiment) -> bool:
    """Whether there are held-out pairs that its students were measured on."""
    return "pairs" in experiment.measured["fidelity"]


def unmade(experiment: ShownExperiment) -> str | None:
    """Why boundary fidelity was not measured although it was asked for, in a sentence; None where it was."""
    if has_pairs(experiment) or not experiment.measured["pairs"]:
        return None
    counts = experiment.measured["pairs"][0]
    return (
        f"Boundary fidelity was not measured: of {numerals.count(counts['views'])} held-out proxies that "
        f"were attacked, {numerals.count(counts['failed'])} did not cross the teacher's boundary, and "
        f"{numerals.count(counts['rounded'])} crossed, but not as stored."
    )


def boundary_note(experiment: ShownExperiment) -> str | None:
    """What boundary fidelity is, with its control; None where it was not measured."""
    if not has_pairs(experiment):
        return None
    on = experiment.measured["fidelity"]["pairs"]
    mirrored = Figure("pairs", "mirrored", "").over_seeds(experiment.measured)
    apart = numerals.short(on["distance"]["mean"])
    return (
        f"Boundary pairs separated: of {numerals.count(on['n']['mean'])} pairs of held-out proxies on either "
        f"side of the teacher's decision boundary, {apart} grey levels apart in the median, the share to "
        "which the student gives two classes too. Of pairs as far apart in the "
        f"opposite direction, away from the teacher's boundary, it separates {mirrored}."
    )


def heldout_images(experiment: ShownExperiment) -> str:
    """What held-out proxies are, and for shaders, whether the pools' programs drew them too."""
    images = experiment.upstream("heldout")
    assert images is not None
    settings = images.index.settings
    told = {"heldout": " of programs kept apart", "main": " of the same programs as the pools"}
    kind = KINDS[settings["kind"]] + told.get(settings.get("corpus", ""), "")
    return f"{numerals.count(images.index.samples)} {kind}"
