"""Marks of a pen: where strokes lie, and the shader that draws them.

A program has a random arrangement of strokes; its images jitter every point of it and move, stretch and
slant the whole, so that they are variations on one mark. Nothing here knows a letter or a digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import cos, hypot, pi, sin

from proxykd.proxies.shaders.sketch import Sketch

Point = tuple[float, float]
PROFILES = (
    "smoothstep(radius * (1.0 + soft), radius * (1.0 - soft), d)",
    "exp(-d * d / (radius * radius))",
    "clamp(1.5 - d / radius, 0.0, 1.0)",
    "1.0 / (1.0 + pow(d / radius, 4.0))",
)


@dataclass
class Stroke:
    """A stroke by its control points; a ring's are its centre and the ends of two half axes."""

    kind: str
    points: list[Point]
    curve: dict[str, float] = field(default_factory=dict)

    def extremes(self) -> list[Point]:
        """Points whose bounding box holds the stroke, roughly."""
        if self.kind != "ring":
            return self.points
        (x, y), (ux, uy), (vx, vy) = self.points
        return [
            (x + s * (ux - x) + t * (vx - x), y + s * (uy - y) + t * (vy - y))
            for s in (-0.8, 0.8)
            for t in (-0.8, 0.8)
        ]

    def at(self, share: float) -> Point:
        """A point of the stroke: its start at 0, its end at 1, roughly on it between."""
        if self.kind == "ring":
            (x, y), (ux, uy), (vx, vy) = self.points
            turn = self.curve["start"] + share * self.curve["sweep"]
            return x + cos(turn) * (ux - x) + sin(turn) * (vx - x), y + cos(turn) * (uy - y) + sin(turn) * (
                vy - y
            )
        place = share * (len(self.points) - 1)
        k = min(int(place), len(self.points) - 2)
        (ax, ay), (bx, by) = self.points[k], self.points[k + 1]
        return ax + (place - k) * (bx - ax), ay + (place - k) * (by - ay)


def somewhere(sketch: Sketch) -> Point:
    return sketch.uniform(-1.0, 1.0), sketch.uniform(-1.0, 1.0)


def walk(sketch: Sketch, start: Point, legs: int, turn: float) -> list[Point]:
    """Points from `start` on, each leg turned against the one before by at most `turn` radians."""
    heading = sketch.uniform(0.0, 2 * pi)
    points = [start]
    for _ in range(legs):
        length = sketch.uniform(0.5, 1.3)
        x, y = points[-1]
        points.append((x + length * cos(heading), y + length * sin(heading)))
        heading += sketch.uniform(0.25, 1.0) * turn * (1 if sketch.chance(0.5) else -1)
    return points


def line(sketch: Sketch, start: Point) -> Stroke:
    """A straight stroke, or one with corners and perhaps a hook at its end."""
    legs = sketch.pick((1, 1, 2, 2, 3))
    points = walk(sketch, start, legs, 2.4)
    if legs > 1 and sketch.chance(0.4):
        (ax, ay), (bx, by) = points[-2:]
        share = sketch.uniform(0.25, 0.5)
        points[-1] = (ax + share * (bx - ax), ay + share * (by - ay))
    return Stroke("line", points)


def curve(sketch: Sketch, start: Point) -> Stroke:
    """A cubic curve: a bow when it keeps turning one way, an S when it does not."""
    return Stroke("cubic", walk(sketch, start, 3, 2.2))


def ring(sketch: Sketch, start: Point, closed: bool) -> Stroke:
    """An arc, a closed loop, an eight or a spiral that begins at `start`."""
    turn, size, flat = sketch.uniform(0.0, 2 * pi), sketch.uniform(0.35, 0.8), sketch.uniform(0.45, 1.0)
    begin = sketch.uniform(0.0, 2 * pi)
    way = 1.0 if sketch.chance(0.5) else -1.0
    u, v = (size * cos(turn), size * sin(turn)), (-size * flat * sin(turn), size * flat * cos(turn))
    x = start[0] - cos(begin) * u[0] - sin(begin) * v[0]
    y = start[1] - cos(begin) * u[1] - sin(begin) * v[1]
    sweep = 2 * pi if closed else sketch.uniform(0.45, 1.7) * pi
    shape = sketch.uniform() if closed else 1.0
    form = {"start": begin, "sweep": way * sweep, "growth": 1.0, "egg": 0.0, "eight": 0.0}
    if shape < 0.2:
        form["eight"] = 1.0
    elif shape < 0.6:
        form["egg"] = sketch.uniform(-0.35, 0.35)
    elif shape < 0.75:
        form["growth"] = sketch.uniform(0.9, 0.97)
        form["sweep"] *= sketch.uniform(1.1, 1.6)
    return Stroke("ring", [(x, y), (x + u[0], y + u[1]), (x + v[0], y + v[1])], form)


def bar(sketch: Sketch, across: Stroke) -> Stroke:
    """A straight stroke across another one."""
    (ax, ay), (bx, by) = across.at(0.35), across.at(0.65)
    x, y = across.at(sketch.uniform(0.15, 0.85))
    length = max(hypot(bx - ax, by - ay), 1e-3)
    side, lean = sketch.uniform(0.25, 0.8), sketch.uniform(-0.5, 0.5)
    dx, dy = (ay - by) / length + lean * (bx - ax) / length, (bx - ax) / length + lean * (by - ay) / length
    other = side * sketch.uniform(0.3, 1.0)
    return Stroke("line", [(x - side * dx, y - side * dy), (x + other * dx, y + other * dy)])


def fit(sketch: Sketch, strokes: Sequence[Stroke]) -> None:
    """Centre all strokes and stretch them to fill a random part of the frame."""
    extremes = [point for stroke in strokes for point in stroke.extremes()]
    low = [min(p[axis] for p in extremes) for axis in (0, 1)]
    high = [max(p[axis] for p in extremes) for axis in (0, 1)]
    largest = max(high[0] - low[0], high[1] - low[1], 1e-3)
    half = (sketch.uniform(0.35, 0.8), sketch.uniform(0.5, 0.85))
    scale = []
    for axis in (0, 1):
        extent = max(high[axis] - low[axis], 0.3 * largest)
        scale.append(2 * half[axis] / extent)
    for stroke in strokes:
        stroke.points = [
            ((x - (low[0] + high[0]) / 2) * scale[0], (y - (low[1] + high[1]) / 2) * scale[1])
            for x, y in stroke.points
        ]


def draw(sketch: Sketch, strokes: Sequence[Stroke]) -> None:
    """Write the program that draws the strokes with the pen's own parameters."""
    sketch.need("hash", "pen")
    fit(sketch, strokes)
    points = [f"q{i}_{k}" for i, stroke in enumerate(strokes) for k in range(len(stroke.points))]
    sketch.write(f"vec2 {', '.join(points)};\n")
    salt = sketch.salt()
    _placed(sketch, salt)
    sketch.write("void prepare() {\n")
    for i, stroke in enumerate(strokes):
        for k, (x, y) in enumerate(stroke.points):
            sketch.write(f"    q{i}_{k} = placed(vec2($x, $y), {16 * i + k});\n", x=x, y=y)
    sketch.write("}\n")
    inked(sketch)
    _shade(sketch, strokes, salt)


def _placed(sketch: Sketch, salt: str) -> None:
    sketch.write(
        """vec2 placed(vec2 q, int k) {
    q += $jitter * (random2(ivec2(k, 0), $salt) - 0.5);
    q = turned($angle) * vec2(q.x + $slant * q.y, q.y) * $scale * vec2($wide, 1.0 / $wide);
    return q + vec2($x, $y);
}
""",
        jitter=sketch.parameter(0.05, sketch.pick((0.35, 0.6, 0.9))),
        salt=salt,
        angle=sketch.parameter(*((-0.35, 0.35) if sketch.chance(0.75) else (-3.1416, 3.1416))),
        slant=sketch.parameter(-0.45, 0.45),
        scale=sketch.parameter(0.65, 1.15),
        wide=sketch.parameter(0.75, 1.25),
        x=sketch.parameter(-0.15, 0.15),
        y=sketch.parameter(-0.15, 0.15),
    )


def inked(sketch: Sketch) -> None:
    """Write `float inked(vec2 m, float tone, float thick)`: the ink at a measure that pen.glsl gives."""
    sketch.write(
        f"""float inked(vec2 m, float tone, float thick) {{
    float d = m.x, soft = $soft, radius = $radius * thick * mix(1.0, $taper, m.y);
    return tone * {sketch.pick(PROFILES)};
}}
""",
        soft=sketch.parameter(0.1, 0.95),
        radius=sketch.parameter(*sketch.pick(((0.05, 0.16), (0.09, 0.22), (0.12, 0.3)))),
        taper=sketch.parameter(0.55, 1.3),
    )


def _shade(sketch: Sketch, strokes: Sequence[Stroke], salt: str) -> None:
    sketch.write(
        """float tone(int k) {
    return clamp($fade + 0.5 * random2(ivec2(k, 7), $salt).x, 0.0, 1.0);
}
vec3 shade(vec2 z) {
    float ink = 0.0;
""",
        fade=sketch.parameter(0.3, 1.1),
        salt=salt,
    )
    for i, stroke in enumerate(strokes):
        thick = sketch.number(0.8, 1.2)
        for m in _measures(i, stroke):
            tone = f"tone({i})" if i else "1.0"
            sketch.write(f"    ink = max(ink, inked({m}, {tone}, $thick));\n", thick=thick)
    sketch.write("    return " + paper(sketch) + ";\n}\n")


def _measures(i: int, stroke: Stroke) -> list[str]:
    """GLSL for the distance to each part of a stroke."""
    names = [f"q{i}_{k}" for k in range(len(stroke.points))]
    if stroke.kind == "line":
        return [f"segment(z, {a}, {b})" for a, b in pairwise(names)]
    curve = [f"{stroke.curve[name]:.5f}" for name in stroke.curve]
    return [f"{stroke.kind}({', '.join(['z', *names, *curve])})"]


def paper(sketch: Sketch) -> str:
    """GLSL for the colour of ink on its ground: mostly light on black, in grey."""
    strength = sketch.parameter(0.6, 1.25)
    kind = sketch.uniform()
    if kind < 0.72:
        return f"vec3({strength} * ink)"
    if kind < 0.82:
        ground = sketch.parameter(0.02, 0.45)
        return f"vec3(mix({ground}, {strength}, ink))"
    if kind < 0.92:
        ground = sketch.parameter(0.6, 1.0)
        return f"vec3({ground} * (1.0 - min({strength}, 1.0) * ink))"
    sketch.need("colour")
    hue, other = sketch.parameter(0.0, 1.0), sketch.number(0.2, 0.8)
    ground = f"hsv({hue} + {other}, 0.5, {sketch.number(0.0, 0.5)})"
    return f"mix({ground}, hsv({hue}, 0.4, 1.0), min({strength}, 1.0) * ink)"
