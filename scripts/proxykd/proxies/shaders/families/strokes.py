"""Marks of a pen: one to four lines, corners, curves, arcs and now and then a loop, joined or crossing."""

from __future__ import annotations

from proxykd.proxies.shaders.families import pen
from proxykd.proxies.shaders.sketch import Sketch


def write(sketch: Sketch) -> None:
    strokes: list[pen.Stroke] = []
    for _ in range(sketch.pick((1, 1, 2, 2, 2, 3, 3, 4))):
        strokes.append(_stroke(sketch, strokes))
    pen.draw(sketch, strokes)


def _stroke(sketch: Sketch, before: list[pen.Stroke]) -> pen.Stroke:
    """The next stroke: across the last one, on from its end, from some point of it, or anywhere."""
    if before and sketch.chance(0.25):
        return pen.bar(sketch, before[-1])
    start = pen.somewhere(sketch)
    if before and sketch.chance(0.75):
        start = before[-1].at(1.0 if sketch.chance(0.6) else sketch.uniform())
    kind = sketch.uniform()
    if kind < 0.35:
        return pen.line(sketch, start)
    if kind < 0.65:
        return pen.curve(sketch, start)
    return pen.ring(sketch, start, closed=kind > 0.88)
