"""Geometry of the charts. The page draws them in HTML and SVG, so that they follow its width and colours.

All places are in percent of the chart's width, from the left, and of its height, from the top.
"""

from __future__ import annotations

import math
from typing import Any

from proxykd.presentation.numerals import short

POINTS = 200
"""Most points of a curve; a phone shows no more."""
APART = 8.0
"""Percent of a chart's height between the names of two lines, at least."""

Point = tuple[float, float, float | None]
"""Place across, mean, and standard deviation (None: a single value)."""


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
    axis = share_ticks(values)
    scale = _scale(axis[0], axis[-1])
    return {
        "ticks": [{"at": scale(tick), "label": label} for tick, label in _in_percent(axis)],
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


def share_ticks(values: list[float]) -> list[float]:
    """Round shares (0 to 1) that cover some others and leave a little room beside them."""
    low, high = min(values), max(values)
    room = max(0.02, 0.08 * (high - low))
    return [tick for tick in ticks(max(0, low - room), min(1, high + room), 8) if -1e-9 <= tick <= 1 + 1e-9]


def _in_percent(axis: list[float]) -> list[tuple[float, str]]:
    digits = 0 if axis[1] - axis[0] >= 0.00999 else 1
    return [(tick, f"{100 * tick:.{digits}f}") for tick in axis]


def share_chart(lines: list[tuple[str, list[Point]]]) -> dict[str, Any]:
    """Shares (0 to 1) over positive numbers on a logarithmic axis: a line through means, bars of deviations.

    lines: name, and points from left to right.
    """
    points = [point for _, several in lines for point in several]
    x_ticks = log_ticks(min(x for x, _, _ in points), max(x for x, _, _ in points))
    y_ticks = share_ticks([mean + sign * (std or 0) for _, mean, std in points for sign in (-1, 1)])
    across, up = _scale(x_ticks[0], x_ticks[-1], True), _scale(y_ticks[0], y_ticks[-1])
    placed = [[_placed(point, across, up) for point in several] for _, several in lines]
    names = _apart([several[-1]["y"] for several in placed])
    return {
        "x_ticks": [{"at": across(tick), "label": short(tick)} for tick in x_ticks],
        "y_ticks": [{"at": round(100 - up(tick), 2), "label": label} for tick, label in _in_percent(y_ticks)],
        "lines": [
            {
                "name": name,
                "name_x": several[-1]["x"],
                "name_y": name_y,
                "points": " ".join(f"{point['x']:g},{point['y']:g}" for point in several),
                "dots": several,
            }
            for (name, _), several, name_y in zip(lines, placed, names, strict=True)
        ],
        "deviations": any(std is not None for _, _, std in points),
    }


def _placed(point: Point, across: Any, up: Any) -> dict[str, Any]:
    x, mean, std = point
    bar = None
    if std is not None:
        top, bottom = 100 - up(mean + std), 100 - up(mean - std)
        bar = {"top": round(top, 2), "height": round(bottom - top, 2)}
    return {"x": across(x), "y": round(100 - up(mean), 2), "bar": bar}


def _apart(places: list[float]) -> list[float]:
    """The places, moved no more than it takes for each to have `APART` to the next, in the same order."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    # Neighbours that overlap form a block about the mean of their places; blocks that meet become one.
    blocks: list[list[float]] = []
    for i in order:
        blocks.append([places[i]])
        while len(blocks) > 1 and _edge(blocks[-1], -1) - _edge(blocks[-2], 1) < APART:
            last = blocks.pop()
            blocks[-1] += last
    spread = [_edge(block, -1) + APART * i for block in blocks for i in range(len(block))]
    return [round(spread[order.index(i)], 2) for i in range(len(places))]


def _edge(block: list[float], side: int) -> float:
    return sum(block) / len(block) + side * APART * (len(block) - 1) / 2


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


def scatter_chart(groups: list[tuple[str, list[tuple[str, float, float]]]]) -> dict[str, Any]:
    """Shares (0 to 1, upwards) over any numbers, a kind of dot for each group.

    groups: name, and points with a name each.
    """
    points = [point for _, several in groups for point in several]
    x_ticks = ticks(min(x for _, x, _ in points), max(x for _, x, _ in points))
    y_ticks = share_ticks([y for _, _, y in points])
    across, up = _scale(x_ticks[0], x_ticks[-1]), _scale(y_ticks[0], y_ticks[-1])
    return {
        "x_ticks": [{"at": across(tick), "label": f"{tick:g}"} for tick in x_ticks],
        "y_ticks": [{"at": round(100 - up(tick), 2), "label": label} for tick, label in _in_percent(y_ticks)],
        "groups": [
            {
                "name": name,
                "number": number,
                "dots": [
                    {"name": told, "x": across(x), "y": round(100 - up(y), 2)} for told, x, y in several
                ],
            }
            for number, (name, several) in enumerate(groups)
        ],
    }


def histogram_chart(counts: list[int], largest: float) -> dict[str, Any]:
    """Equal bins from 0 to `largest` as bars: places and heights in percent, the highest bar
    the whole height."""
    axis = [tick for tick in ticks(0, largest, 6) if tick <= largest]
    scale = _scale(0, largest)
    highest = max(1, *counts)
    return {
        "ticks": [{"at": scale(tick), "label": f"{tick:g}"} for tick in axis],
        "bars": [
            {
                "at": round(100 * i / len(counts), 2),
                "width": round(100 / len(counts), 2),
                "height": round(100 * n / highest, 2),
            }
            for i, n in enumerate(counts)
        ],
        "highest": highest / max(1, sum(counts)),
    }


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
