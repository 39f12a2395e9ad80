"""Which normalisation a teacher was trained under, as far as its own statistics tell.

The constants were chosen on some teachers and confirmed on others, by `benchmarks/normalisation.py`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from proxykd.sanity import wording
from proxykd.sanity.normalisations import Normalisation
from proxykd.sanity.trials import Trial

RATIO = 3.0
"""How many times worse than the best one the stated normalisation must fit to be called wrong, ..."""
GAP = 0.015
"""... and by how much: where both fit well, a ratio says little."""
PLAUSIBLE = 1.5
"""Those that fit at most so many times worse than the best one are as likely as it; a stated one that fits
still worse, and worse by the gap, is doubtful."""
STRANGE = 0.25
"""Misfit beyond which no usual normalisation explains what the teacher is given."""
FLIP = 1.1
"""How many times better the other order of the channels must fit, in the first layers and in all."""
COLLAPSED = 0.95
"""Share of the images in one class, or with nearly certain answers, from which outputs alone are odd."""

Trials = dict[Normalisation, Trial]


@dataclass(frozen=True)
class Verdict:
    """What is to be thought of the stated normalisation."""

    verdict: Literal["stated", "doubtful", "wrong", "unknown"]
    """stated: the teacher's statistics agree with it. wrong: they agree far better with another. doubtful:
    something is odd. unknown: the teacher keeps no statistics that could tell."""
    judged_on: Literal["proxies", "pictures"]
    sentence: str
    advice: str = ""
    """What to do about it."""
    likely: Normalisation | None = None
    """The likelier one, where there is one."""
    plausible: tuple[str, ...] = ()
    """Names of all that fit about as well as the best one."""

    def to_json(self) -> dict[str, Any]:
        """As JSON types; `likely` is a name, and what it stands for is under `instead`."""
        named = None if self.likely is None else self.likely.label
        instead = None if self.likely is None else self.likely.to_json()
        return asdict(self) | {"likely": named, "instead": instead, "plausible": list(self.plausible)}


def judge(proxies: Trials, pictures: Trials | None = None) -> Verdict:
    """The verdict on the first of the normalisations, which is the stated one.

    Pictures count alone where there are some: they look more like what a teacher was trained on than proxies
    do. The order of the channels shows in pictures alone, since rendered colours prefer none.
    """
    on: Literal["proxies", "pictures"] = "proxies" if pictures is None else "pictures"
    trials = proxies if pictures is None else pictures
    stated, *others = trials
    costs = {one: _cost(trial) for one, trial in trials.items() if not one.flipped}
    best = min(costs.values())
    if math.isinf(best):
        return _by_outputs(stated, trials[stated], on)
    cost = costs[stated]
    # The more usual ones come first.
    plausible = [one for one in costs if costs[one] <= PLAUSIBLE * best]
    names = tuple(one.name for one in plausible)
    if cost > max(RATIO * best, best + GAP):
        sentence = wording.wrong(stated.name, cost, names, best, on)
        return Verdict("wrong", on, sentence, wording.write(plausible[0]), plausible[0], names)
    if cost > max(PLAUSIBLE * best, best + GAP):
        sentence = wording.better(stated.name, cost, names, best, on)
        return Verdict("doubtful", on, sentence, wording.write(plausible[0]), plausible[0], names)
    if cost > STRANGE:
        return Verdict("doubtful", on, wording.strange(stated.name, cost, on), wording.COMPARE, None, names)
    other = next((one for one in others if one.flipped and one.name == stated.name), None)
    if pictures is not None and other is not None and _is_better(trials[other], trials[stated]):
        sentence = wording.flipped(trials[other].misfit, cost)
        return Verdict("doubtful", on, sentence, wording.ORDER, other, names)
    return Verdict("stated", on, wording.agrees(stated.name, cost, names, best, on), plausible=names)


def _cost(trial: Trial) -> float:
    return math.inf if trial.misfit is None else trial.misfit


def _is_better(one: Trial, other: Trial) -> bool:
    pairs = ((one.misfit, other.misfit), (one.deep_misfit, other.deep_misfit))
    return all(a is not None and b is not None and b > FLIP * a for a, b in pairs)


def _by_outputs(stated: Normalisation, trial: Trial, on: Literal["proxies", "pictures"]) -> Verdict:
    """Without statistics inside: outputs show a collapse, and no more."""
    histogram = trial.classes["histogram"]
    share, certain = max(histogram) / max(1, sum(histogram)), trial.one_hot or 0.0
    if not trial.finite:
        odd = "its outputs are not all finite"
    elif share > COLLAPSED:
        odd = f"it gives {100 * share:.0f} % of the {on} the same class"
    elif certain > COLLAPSED:
        odd = f"it is nearly certain of {100 * certain:.0f} % of the {on}"
    else:
        return Verdict("unknown", on, wording.CANNOT_TELL, wording.MAKE_SURE)
    return Verdict("doubtful", on, wording.odd(stated.name, odd), wording.COMPARE)
