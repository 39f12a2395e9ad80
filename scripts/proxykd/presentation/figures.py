"""Geometry of the charts. The page draws them in HTML and SVG, so that they follow its width and colours.

All places are in percent of the chart's width, from the left, and of its height, from the top.
"""

from __future__ import annotations

import math
from typing import Any

POINTS = 200
"""Most points of a curve; a phone shows no more."""


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers that cover [low, high]: multiples of 1, 2 or 5 times a power of ten."""
    span = max(high - low, 1e-9)
    step = next(
        factor * 10.0**power
        for power in range(math.floor(math.log10(span)) - 2, 12)
        for factor in (1, 2, 5)
        if span / (factor * 10.0**power) <= most - 1
    )
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * i, 12) for i in range(first, max(last, first + 1) + 1)]


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Powers of ten, or 1, 2 and 5 times them where those are few, that cover [low, high], both positive."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    below = [tick for tick in fine if tick <= low * 1.0001] or fine[:1]
    covering = [tick for tick in fine if below[-1] <= tick < high] + [
        next(t for t in [*fine, 1e99] if t >= high)
    ]
    if len(covering) <= most:
        return covering
    return [10.0**power for power in powers]


def dot_chart(rows: list[tuple[str, list[float], float]], reference: float | None) -> dict[str, Any]:
    """Shares (0 to 1) of several rows on one axis: single values as dots, the mean as a bar.

    rows: name, single values, mean. reference: a value for all of them (the teacher's), or None.
    """
    values = [value for _, several, _ in rows for value in several]
    values += [] if reference is None else [reference]
    low, high = min(values), max(values)
    room = max(0.02, 0.08 * (high - low))
    axis = [tick for tick in ticks(max(0, low - room), min(1, high + room), 8) if -1e-9 <= tick <= 1 + 1e-9]
    scale = _scale(axis[0], axis[-1])
    digits = 0 if axis[1] - axis[0] >= 0.00999 else 1
    return {
        "ticks": [{"at": scale(tick), "label": f"{100 * tick:.{digits}f}"} for tick in axis],
        "rows": [
            {
                "name": name,
                "dots": [scale(value) for value in several],
                "mean": scale(mean) if len(several) > 1 else None,
            }
            for name, several, mean in rows
        ],
        "reference": None if reference is None else scale(reference),
    }


def line_chart(series: list[tuple[str, list[float], list[float]]]) -> dict[str, Any]:
    """Curves of positive values over steps; the values' axis is logarithmic where they span a factor of 5.

    series: name, steps, values.
    """
    xs = [x for _, steps, _ in series for x in steps]
    ys = [y for _, _, values in series for y in values if math.isfinite(y)]
    logarithmic = min(ys) > 0 and max(ys) / min(ys) > 5
    y_ticks = log_ticks(min(ys), max(ys)) if logarithmic else ticks(min(ys), max(ys))
    x_ticks = [tick for tick in ticks(0, max(xs), 6) if tick <= max(xs) * 1.0001]
    across = _scale(0, max(xs))
    straight = _scale(y_ticks[0], y_ticks[-1], logarithmic)
    return {
        "x_ticks": [
            {"at": across(tick), "label": f"{tick:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")}
            for tick in x_ticks
        ],
        "y_ticks": [{"at": round(100 - straight(tick), 2), "label": f"{tick:g}"} for tick in y_ticks],
        "lines": [
            {
                "name": name,
                "last": values[-1],
                "points": " ".join(
                    f"{across(x):g},{round(100 - straight(y), 2):g}" for x, y in _thinned(steps, values)
                ),
            }
            for name, steps, values in series
        ],
        "logarithmic": logarithmic,
    }


def _scale(low: float, high: float, logarithmic: bool = False) -> Any:
    """A function from a value to its place in percent."""
    if logarithmic:
        low, high = math.log(low), math.log(high)

    def place(value: float) -> float:
        value = math.log(value) if logarithmic else value
        return round(100 * (value - low) / ((high - low) or 1), 2)

    return place


def _thinned(steps: list[float], values: list[float]) -> list[tuple[float, float]]:
    """At most about `POINTS` points, each the mean of those that it stands for; at least two."""
    size = -(-len(steps) // POINTS)
    points = [
        (steps[min(i + size, len(steps)) - 1], sum(part) / len(part))
        for i in range(0, len(steps), size)
        if (part := values[i : i + size])
    ]
    # A line of no length is drawn as a dot, one of a single point not at all.
    return points if len(points) > 1 else points * 2
