"""Turing-like patterns: waves of one length in random directions, cut at a level."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import palette
from proxykd.proxies.shaders.sketch import Sketch

PLACES = (
    "z",
    "z * (1.0 + 0.5 * length(z))",
    "z / (0.6 + 0.5 * dot(z, z))",
    "z + 0.15 * sin(2.5 * z.yx)",
    "vec2(z.x, z.y) / (1.4 + z.y * 0.7)",
)


def write(sketch: Sketch) -> None:
    sketch.need("hash")
    palette(sketch)
    count = sketch.integer(5, 10)
    sketch.write(
        f"""vec3 waves[{count}];
void prepare() {{
    for (int k = 0; k < {count}; k++) {{
        vec2 a = random2(ivec2(k, 0), $salt), b = random2(ivec2(k, 1), $salt);
        float turn = $angle + $fan * (a.x - 0.5), rate = $rate * (1.0 + $band * (b.x - 0.5));
        waves[k] = vec3(rate * cos(turn), rate * sin(turn), TURN * a.y);
    }}
}}
vec3 shade(vec2 z) {{
    vec2 w = {sketch.pick(PLACES)};
    float sum = 0.0;
    for (int k = 0; k < {count}; k++) sum += cos(dot(w, waves[k].xy) + waves[k].z);
    float v = 0.5 + 0.5 * tanh($sharp * (sum / sqrt($half.0) + $bias));
    return colour($gain * v + $tilt * dot(z, vec2($east, $north)));
}}
""",
        salt=sketch.salt(),
        angle=sketch.parameter(0.0, 3.1416),
        fan=sketch.pick(("6.2832", "6.2832", sketch.parameter(0.3, 2.0))),
        rate=sketch.parameter(*sketch.pick(((4.0, 8.0), (6.0, 12.0), (10.0, 20.0)))),
        band=sketch.pick((0.1, 0.3, 0.8)),
        sharp=sketch.number(0.7, 4.0),
        half=count // 2,
        bias=sketch.parameter(-0.9, 0.9),
        gain=sketch.number(0.7, 1.0),
        tilt=sketch.pick((0.0, 1.0)),
        east=sketch.parameter(-0.3, 0.3),
        north=sketch.parameter(-0.3, 0.3),
    )
