"""Moire: two or three fine gratings of nearly the same pitch over one another."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import palette
from proxykd.proxies.shaders.sketch import Sketch

GRATINGS = (
    "(turned($turn) * w).x",
    "length(w - vec2($a, $b))",
    "dot(w, w) * 0.5",
    "atan(w.y, w.x + 1e-5) * 0.8",
    "w.x + 0.15 * sin(4.0 * w.y)",
    "max(abs(w.x), abs(w.y))",
)
JOINS = (
    "v * wave",
    "abs(v - wave)",
    "0.5 * (v + wave)",
    "max(v, wave)",
    "min(v, wave)",
)


def write(sketch: Sketch) -> None:
    palette(sketch)
    layers = sketch.pick((2, 2, 3))
    kind = sketch.pick(GRATINGS)
    pitch = sketch.parameter(*sketch.pick(((2.0, 4.0), (3.0, 6.0), (5.0, 9.0))))
    sketch.write("vec3 shade(vec2 z) {\n    float v = 0.0, wave = 0.0;\n    vec2 w;\n")
    for k in range(layers):
        sketch.write(
            f"""    w = turned($angle) * (z - vec2($x, $y));
    wave = smoothstep(-$edge, $edge, sin(TURN * {pitch} * $ratio * ({kind})));
    v = {"wave" if k == 0 else sketch.pick(JOINS)};
""",
            angle=sketch.parameter(-3.1416, 3.1416) if k == 0 else sketch.parameter(-0.5, 0.5),
            x=sketch.parameter(-0.5, 0.5),
            y=sketch.parameter(-0.5, 0.5),
            ratio=sketch.number(0.85, 1.2),
            edge=sketch.number(0.2, 1.0),
            turn=sketch.number(-0.2, 0.2),
            a=sketch.number(-0.5, 0.5),
            b=sketch.number(-0.5, 0.5),
        )
        if sketch.chance(0.2):
            kind = sketch.pick(GRATINGS)
    sketch.write("    return colour($gain * v + $low);\n}\n", gain=sketch.number(0.6, 1.0), low=0.05)
