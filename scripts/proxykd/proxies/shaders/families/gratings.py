"""Gratings and lattices: stripes of several profiles, chirped or crossed, checks, bricks and dots."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import frame, palette
from proxykd.proxies.shaders.sketch import Sketch

FIELDS = (
    "wave(z.x)",
    "wave(z.x + $chirp * z.x * abs(z.x))",
    "0.5 * (wave(z.x) + wave(dot(z, vec2($cosine, $sine))))",
    "wave(z.x) * wave(dot(z, vec2($cosine, $sine)))",
    "max(wave(z.x), wave(z.y * $other))",
    "abs(wave(z.x) - wave(z.y * $other))",
    "smoothstep($dot, $dot - $edge, length(fract(z + vec2(0.5 * mod(floor(z.y), 2.0), 0.0)) - 0.5))",
    "smoothstep($dot, $dot - $edge, max(abs(fract(z.x) - 0.5), abs(fract(z.y) - 0.5)))",
    "smoothstep(0.0, $edge, min(fract(z.y), min(fract(0.5 * z.x + 0.5 * mod(floor(z.y), 2.0)), 0.9)))",
    "wave(length(z) * 1.2)",
    "wave(z.x + $chirp * sin(2.0 * z.y))",
    "abs(step(0.5, fract(z.x)) - step(0.5, fract(z.y * $other)))",
)
PROFILES = (
    "0.5 + 0.5 * sin(TURN * t)",
    "smoothstep(0.5 - $edge, 0.5 + $edge, abs(2.0 * fract(t) - 1.0))",
    "abs(2.0 * fract(t) - 1.0)",
    "fract(t)",
    "exp(-8.0 * pow(fract(t) - 0.5, 2.0))",
)


def write(sketch: Sketch) -> None:
    frame(sketch, 0.5, 3.2)
    palette(sketch)
    angle = sketch.pick(("1.5708", "1.0472", "0.7854", sketch.number(0.2, 3.0)))
    values = {
        "edge": sketch.number(0.05, 0.3),
        "chirp": sketch.parameter(0.0, 0.8),
        "dot": sketch.parameter(0.25, 0.45),
        "other": sketch.number(0.4, 1.6),
        "cosine": f"cos({angle})",
        "sine": f"sin({angle})",
    }
    sketch.write(f"float wave(float t) {{\n    return {sketch.pick(PROFILES)};\n}}\n", **values)
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    float slope = dot(z, vec2($east, $north));
    z = frame(z);
    float v = {sketch.pick(FIELDS)};
    return colour($gain * v + slope + $shift);
}}
""",
        east=sketch.parameter(-0.3, 0.3),
        north=sketch.parameter(-0.4, 0.4),
        gain=sketch.parameter(0.4, 1.1),
        shift=sketch.parameter(-0.1, 0.3),
        **values,
    )
