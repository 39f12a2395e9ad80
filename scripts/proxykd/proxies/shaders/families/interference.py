"""Plasma: waves of several kinds, added or multiplied."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import frame, palette
from proxykd.proxies.shaders.sketch import Sketch

WAVES = (
    "sin(dot(z, vec2($a, $b)) + $phase)",
    "sin(length(z - vec2($a, $b)) * $rate + $phase)",
    "sin(z.x * $rate + $phase) * sin(z.y * $rate + $phase)",
    "sin($rate * z.x + 1.5 * sin($b * z.y + $phase))",
    "cos(z.x * $a + cos(z.y * $rate + $phase) * 2.0)",
    "sin($lobes * atan(z.y, z.x + 1e-5) + $rate * length(z) + $phase)",
)


def write(sketch: Sketch) -> None:
    frame(sketch, 0.5, 1.8)
    palette(sketch)
    sketch.write("vec3 shade(vec2 z) {\n    z = frame(z);\n    float sum = 0.0;\n")
    waves = sketch.integer(2, 4)
    for _ in range(waves):
        sketch.write(
            f"    sum {sketch.pick(('+=', '+=', '-='))} {sketch.pick(WAVES)};\n",
            a=sketch.number(-4.0, 4.0),
            b=sketch.number(-4.0, 4.0),
            rate=sketch.number(1.5, 6.0),
            lobes=sketch.integer(1, 5),
            phase=sketch.parameter(0.0, 6.2832),
        )
    sketch.write("    return colour(0.5 + $gain * sum);\n}\n", gain=sketch.number(0.8, 1.6) + f" / {waves}.0")
