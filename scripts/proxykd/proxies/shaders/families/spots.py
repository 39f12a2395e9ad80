"""Band-pass spots: many small wave packets or rings, at random places, added to a ground."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import palette
from proxykd.proxies.shaders.sketch import Sketch

PACKETS = (
    "cos($rate * dot(d, w)) * exp(-dot(d, d) * 1.5)",
    "(1.0 - 1.5 * dot(d, d)) * exp(-dot(d, d))",
    "sin($rate * dot(d, w)) * exp(-dot(d, d) * 1.5)",
    "sign(a.x - 0.5) * exp(-dot(d, d) * 2.0)",
    "cos($rate * length(d)) * exp(-dot(d, d))",
    "sign(a.y - 0.5) * smoothstep(1.0, 1.0 - $edge, length(d * vec2(1.0, 0.6 + b.x)))",
)


def write(sketch: Sketch) -> None:
    sketch.need("hash")
    palette(sketch)
    spread = sketch.parameter(0.0, 6.2832)
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    vec2 low = floor(z * $cells + $offset);
    float sum = 0.0;
    for (int k = 0; k < 9; k++) {{
        ivec2 cell = ivec2(low) + ivec2(k % 3, k / 3) - 1;
        vec2 a = random2(cell, $salt), b = random2(cell, $salt + 5u);
        vec2 d = (z * $cells + $offset - vec2(cell) - a) / ($size * (0.6 + 0.7 * b.x));
        float turn = $angle + $spread * (b.y - 0.5);
        vec2 w = vec2(cos(turn), sin(turn));
        sum += (0.4 + b.y) * ({sketch.pick(PACKETS)});
    }}
    return colour(0.5 + $gain * sum + dot(z, vec2($east, $north)));
}}
""",
        cells=sketch.parameter(0.7, 2.4),
        offset=sketch.number(-9.0, 9.0),
        salt=sketch.salt(),
        size=sketch.parameter(0.3, 0.65),
        rate=sketch.number(2.5, 7.0),
        edge=sketch.number(0.1, 0.9),
        angle=sketch.parameter(0.0, 6.2832),
        spread=sketch.pick((spread, "0.0")),
        gain=sketch.parameter(0.25, 0.7),
        east=sketch.parameter(-0.3, 0.3),
        north=sketch.parameter(-0.4, 0.4),
    )
