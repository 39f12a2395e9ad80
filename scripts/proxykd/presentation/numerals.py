"""Numbers as people read them."""

from __future__ import annotations

import math
from typing import Any

NARROW = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 in percent; a dash for None. Never rounded up to 100 or down to 0."""
    if share is None:
        return "–"
    if 0 < share < 0.5 * 10 ** -(digits + 2):
        return f"<{NARROW}{10**-digits:.{digits}f}{NARROW}%"
    if 1 - 0.5 * 10 ** -(digits + 2) <= share < 1:
        return f">{NARROW}{100 - 10**-digits:.{digits}f}{NARROW}%"
    return f"{100 * share:.{digits}f}{NARROW}%"


def spread(values: dict[str, Any] | None) -> str:
    """Mean ± standard deviation in percent; the mean alone for a single value."""
    return "–" if values is None else f"{bare_spread(values)}{NARROW}%"


def bare_spread(values: dict[str, Any] | None) -> str:
    """The same without the sign, for a column whose head has it."""
    if values is None:
        return "–"
    mean = f"{100 * values['mean']:.1f}"
    return mean if values["std"] is None else f"{mean}{NARROW}±{NARROW}{100 * values['std']:.1f}"


def plain_spread(values: dict[str, Any] | None) -> str:
    """Mean ± standard deviation with as many decimals as give the mean three digits, at most four."""
    if values is None:
        return "–"
    mean = values["mean"]
    decimals = min(4, max(0, 2 - math.floor(math.log10(mean)))) if mean > 0 else 4
    deviation = "" if values["std"] is None else f"{NARROW}±{NARROW}{values['std']:.{decimals}f}"
    return f"{mean:.{decimals}f}{deviation}"


def seeds(n: int) -> str:
    """How many runs a figure stands on."""
    return "1 seed" if n == 1 else f"{n} seeds"


def count(number: float) -> str:
    """A whole number, its thousands apart."""
    return f"{number:,.0f}".replace(",", NARROW)


def short(number: float, unit: str = "") -> str:
    """Three digits and k, M, G or T."""
    for factor, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= 0.9995 * factor:
            return f"{_three(number / factor)}{NARROW}{letter}{unit}"
    return f"{_three(number)}{NARROW if unit else ''}{unit}"


def _three(number: float) -> str:
    digits = 0 if abs(number) >= 99.95 or number == int(number) else 1 if abs(number) >= 9.995 else 2
    return f"{number:.{digits}f}"


def size(count_of_bytes: float) -> str:
    """Bytes as kB, MB or GB (powers of 1000)."""
    return short(count_of_bytes, "B")


def duration(seconds: float) -> str:
    """Seconds as s, min or h."""
    if seconds < 9.95:
        return f"{seconds:.1f}{NARROW}s"
    if seconds < 120:
        return f"{seconds:.0f}{NARROW}s"
    if seconds < 7200:
        return f"{seconds / 60:.0f}{NARROW}min"
    return f"{seconds / 3600:.1f}{NARROW}h"


def milliseconds(value: float) -> str:
    """Milliseconds with two digits' worth."""
    return f"{value:.2f}{NARROW}ms" if value < 10 else f"{value:.0f}{NARROW}ms"


def signed_points(difference: float | None) -> str:
    """A difference of two shares in percentage points, with its sign."""
    if difference is None:
        return "–"
    points = round(100 * difference, 1)
    sign = "+" if points > 0 else MINUS if points < 0 else ""
    return f"{sign}{abs(points):.1f}"
