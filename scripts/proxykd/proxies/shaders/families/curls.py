"""One smooth line of a pen whose bend changes once to three times: bows, hooks, waves, curls that close."""

from __future__ import annotations

from math import pi

from proxykd.proxies.shaders.families import pen
from proxykd.proxies.shaders.sketch import Sketch

STEPS = 8
"""Straight pieces that a part of constant bend is drawn with."""
PATH = """vec2 step_of(int k, inout vec2 way) {
    int part = k / $steps;
    float bend = part == 0 ? $bend0 : part == 1 ? $bend1 : $bend2;
    float pace = part == 0 ? $pace0 : part == 1 ? $pace1 : $pace2;
    way = turned(bend / $steps.0) * way;
    return pace * way;
}
vec2 middle, scale;
void prepare() {
    vec2 at = vec2(0.0), way = vec2(cos($angle), sin($angle)), low = at, high = at;
    for (int k = 0; k < $most; k++) {
        at += step_of(k, way);
        low = min(low, at);
        high = max(high, at);
    }
    vec2 extent = high - low;
    float longer = max(extent.x, extent.y);
    middle = 0.5 * (low + high);
    scale = 2.0 * $fill * mix(vec2(1.0 / longer), 1.0 / max(extent, 0.35 * longer), $fit);
}
"""
SHADE = """vec3 shade(vec2 z) {
    vec2 best = vec2(9.0), way = vec2(cos($angle), sin($angle)), at = vec2(0.0);
    vec2 from = -middle * scale + vec2($x, $y);
    for (int k = 0; k < $most; k++) {
        at += step_of(k, way);
        vec2 to = (at - middle) * scale + vec2($x, $y);
        vec2 m = segment(z, from, to);
        best = m.x < best.x ? vec2(m.x, (float(k) + m.y) / $most.0) : best;
        from = to;
    }
    float ink = inked(best, 1.0, 1.0);
$bar    return $paper;
}
"""


def write(sketch: Sketch) -> None:
    sketch.need("pen")
    parts = sketch.integer(2, 3)
    heading = sketch.uniform(0.0, 2 * pi)
    values: dict[str, str | int | float] = {
        "steps": STEPS,
        "most": parts * STEPS,
        "angle": sketch.parameter(heading - 0.5, heading + 0.5),
    }
    for part in range(3):
        # A bend of a whole turn closes the line; smaller ones make hooks and bows.
        bend = 0.0 if sketch.chance(0.2) else sketch.uniform(-2.1, 2.1) * pi
        values[f"bend{part}"] = sketch.parameter(bend - 0.9, bend + 0.9) if part < parts else 0.0
        values[f"pace{part}"] = sketch.number(0.5, 1.6) if part < parts else 1.0
    values |= {
        "fill": sketch.parameter(0.45, 0.9),
        "fit": sketch.parameter(0.0, 0.9),
        "x": sketch.parameter(-0.15, 0.15),
        "y": sketch.parameter(-0.15, 0.15),
    }
    sketch.write(PATH, **values)
    pen.inked(sketch)
    sketch.write(SHADE, bar=_bar(sketch), paper=pen.paper(sketch), **values)


def _bar(sketch: Sketch) -> str:
    """GLSL for a straight second stroke through some place near the middle, in three programs of ten."""
    if not sketch.chance(0.3):
        return ""
    x, y = sketch.uniform(-0.4, 0.4), sketch.uniform(-0.5, 0.5)
    dx, dy = sketch.uniform(-0.6, 0.6), sketch.uniform(-0.3, 0.3)
    ends = f"vec2({x - dx:.4f}, {y - dy:.4f}), vec2({x + dx:.4f}, {y + dy:.4f})"
    place = f"z - vec2({sketch.parameter(-0.25, 0.25)}, 0.0)"
    return f"    ink = max(ink, inked(segment({place}, {ends}), 1.0, 1.0));\n"
