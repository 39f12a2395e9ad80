"""Truchet tilings: each cell of a grid holds one pattern in one of its orientations."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import frame, palette
from proxykd.proxies.shaders.sketch import Sketch

PATTERNS = (
    "min(abs(length(f + 0.5) - 0.5), abs(length(f - 0.5) - 0.5))",
    "abs(f.x + f.y) * 0.7071",
    "min(abs(f.x), abs(f.y)) + 0.5 * step(0.5, r.y) * step(0.0, f.x)",
    "f.x + f.y",
    "min(length(f + 0.5), length(f - 0.5)) - 0.5",
    "min(abs(length(f + 0.5) - 0.33), min(abs(length(f + 0.5) - 0.66), abs(length(f - 0.5) - 0.33)))",
    "r.y < 0.5 ? abs(f.x) : abs(f.y)",
    "max(abs(f.x), abs(f.y)) - 0.5 * r.y",
)


def write(sketch: Sketch) -> None:
    sketch.need("hash")
    frame(sketch, 0.8, 2.6)
    palette(sketch)
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    z = frame(z);
    vec2 low = floor(z), f = z - low - 0.5;
    vec2 r = random2(ivec2(low), $salt);
    f.x = r.x < $share ? -f.x : f.x;
    float d = {sketch.pick(PATTERNS)};
    float line = smoothstep($width + $soft, $width - $soft, d);
    return colour($lift * line + $cell * r.y + $low);
}}
""",
        salt=sketch.salt(),
        share=sketch.parameter(0.15, 0.85),
        width=sketch.parameter(0.06, 0.22),
        soft=sketch.parameter(0.02, 0.2),
        lift=sketch.number(0.5, 1.0),
        cell=sketch.pick((0.0, 0.0, 0.35)),
        low=sketch.parameter(-0.1, 0.3),
    )
