"""Marks of a pen around closed loops: rings, eggs, eights and spirals, with tails, bars and second loops."""

from __future__ import annotations

from proxykd.proxies.shaders.families import pen
from proxykd.proxies.shaders.sketch import Sketch


def write(sketch: Sketch) -> None:
    strokes = [pen.ring(sketch, pen.somewhere(sketch), closed=True)]
    for _ in range(sketch.pick((0, 1, 1, 1, 2))):
        strokes.append(_addition(sketch, strokes))
    pen.draw(sketch, strokes)


def _addition(sketch: Sketch, before: list[pen.Stroke]) -> pen.Stroke:
    """A tail, a second loop that touches the last one, or a bar across it."""
    start = before[-1].at(sketch.pick((0.0, 1.0, sketch.uniform())))
    kind = sketch.uniform()
    if kind < 0.3:
        return pen.line(sketch, start)
    if kind < 0.55:
        return pen.curve(sketch, start)
    if kind < 0.75:
        return pen.ring(sketch, start, closed=False)
    return pen.ring(sketch, start, closed=True) if kind < 0.9 else pen.bar(sketch, before[-1])
