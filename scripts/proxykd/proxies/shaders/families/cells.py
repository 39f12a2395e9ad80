"""Voronoi cells: their distances, borders and colours."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import frame, palette
from proxykd.proxies.shaders.sketch import Sketch

METRICS = ("length(d)", "abs(d.x) + abs(d.y)", "max(abs(d.x), abs(d.y))", "pow(dot(d * d, d * d), 0.25)")
FIELDS = (
    "near",
    "1.3 * (second - near)",
    "id",
    "mix(id, near, 0.5)",
    "id * smoothstep(0.02, $edge, second - near)",
    "0.5 + 0.5 * sin(near * $rings + 6.28 * id)",
    "near * second * 1.4",
    "step(0.5, id) * 0.6 + 0.4 * smoothstep($edge, 0.0, second - near)",
)


def write(sketch: Sketch) -> None:
    sketch.need("hash")
    frame(sketch, 0.7, 2.8)
    palette(sketch)
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    z = frame(z);
    z += $wave * sin(z.yx * 2.3);
    vec2 low = floor(z);
    float near = 9.0, second = 9.0, id = 0.0;
    for (int k = 0; k < 9; k++) {{
        ivec2 cell = ivec2(low) + ivec2(k % 3, k / 3) - 1;
        vec2 r = random2(cell, $salt);
        vec2 d = vec2(cell) + 0.5 + $jitter * (r - 0.5) - z;
        float far = {sketch.pick(METRICS)};
        second = min(second, max(near, far));
        id = far < near ? fract(r.x * 7.0 + r.y) : id;
        near = min(near, far);
    }}
    return colour($gain * ({sketch.pick(FIELDS)}) + $shift);
}}
""",
        salt=sketch.salt(),
        jitter=sketch.parameter(0.2, 1.0),
        wave=sketch.pick((0.0, 0.0, 0.25)),
        edge=sketch.number(0.08, 0.3),
        rings=sketch.number(8.0, 18.0),
        gain=sketch.parameter(0.7, 1.3),
        shift=sketch.parameter(-0.15, 0.15),
    )
