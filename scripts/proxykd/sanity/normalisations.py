"""The ways in which classifiers' inputs are usually normalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

CLOSE = 0.03
"""Largest difference of two means, and share of a deviation, with which two normalisations are one."""
BYTE = 1 / 255
BY_CHANNELS: dict[int, dict[str, tuple[Sequence[float], Sequence[float]]]] = {
    3: {
        "ImageNet's": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        "-1 to 1": ((0.5,) * 3, (0.5,) * 3),
        "0 to 1": ((0.0,) * 3, (1.0,) * 3),
        "CIFAR-10's": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
        "0 to 255": ((0.0,) * 3, (BYTE,) * 3),
        "0 to 255 less ImageNet's mean": ((0.485, 0.456, 0.406), (BYTE,) * 3),
    },
    1: {
        "-1 to 1": ((0.5,), (0.5,)),
        "0 to 1": ((0.0,), (1.0,)),
        "MNIST's": ((0.1307,), (0.3081,)),
        "Fashion-MNIST's": ((0.2860,), (0.3530,)),
        "0 to 255": ((0.0,), (BYTE,)),
    },
}
"""Name -> mean and deviation per channel, for pixels in [0, 1]; the more usual ones first."""
STATED = "the stated one"


@dataclass(frozen=True)
class Normalisation:
    """What is done to pixels in [0, 1] before a network sees them."""

    name: str
    mean: tuple[float, ...]
    """Of each channel, in the order in which the network sees them."""
    deviation: tuple[float, ...]
    flipped: bool = False
    """Whether the channels come in the other order than the stated one: BGR where that is RGB."""

    @property
    def label(self) -> str:
        """The name, with the order of the channels."""
        return f"{self.name}, channels flipped" if self.flipped else self.name

    def is_like(self, other: Normalisation) -> bool:
        """Whether both do the same, but for rounding."""
        means = zip(self.mean, other.mean, strict=True)
        deviations = zip(self.deviation, other.deviation, strict=True)
        return (
            self.flipped == other.flipped
            and all(abs(one - two) <= CLOSE * max(self.deviation) for one, two in means)
            and all(abs(one - two) <= CLOSE * max(one, two) for one, two in deviations)
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


def to_try(mean: Sequence[float], deviation: Sequence[float]) -> list[Normalisation]:
    """The stated normalisation first, then the usual ones that differ from it; with colour, then all flipped.

    The stated one bears the name of the usual one that it is, if it is one.
    """
    stated = Normalisation(STATED, tuple(mean), tuple(deviation))
    usual = [
        Normalisation(name, tuple(means), tuple(deviations))
        for name, (means, deviations) in BY_CHANNELS.get(len(stated.mean), {}).items()
    ]
    name = next((one.name for one in usual if one.is_like(stated)), STATED)
    found = [replace(stated, name=name), *(one for one in usual if not one.is_like(stated))]
    if len(stated.mean) == 3:
        found += [replace(one, flipped=True) for one in found]
    return found
