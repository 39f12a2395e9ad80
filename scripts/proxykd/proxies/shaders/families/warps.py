"""Domain warps: noise at places that noise or a swirl has moved."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import frame, palette
from proxykd.proxies.shaders.sketch import Sketch

MOVES = (
    "z += $far * vec2(gradient(z, s), gradient(z + 9.1, s));",
    "z += $far * vec2(gradient(z * 0.7, s), gradient(z * 0.7 + 9.1, s));\n"
    "    z += 0.5 * $far * vec2(gradient(z * 1.9, s + 3u), gradient(z * 1.9 - 4.7, s + 3u));",
    "z = turned(2.0 * $far * exp(-dot(z, z) * 0.7)) * z;",
    "z += 0.7 * $far * sin(z.yx * vec2($a, $b) + vec2(1.3, 4.1));\n"
    "    z += 0.4 * $far * sin(z.yx * vec2($b, $a) * 1.7);",
    "z += $far * normalize(z + 1e-4) * gradient(z * 1.3, s);",
)
FIELDS = (
    "octaves(z, s + 77u, 0, 3, 0.5)",
    "octaves(z, s + 77u, 1, 2, 0.5)",
    "sin(z.x * $a + gradient(z, s + 77u))",
    "sin(length(z) * $b) * cos(z.x * $a)",
    "gradient(z * vec2(0.4, 2.2), s + 77u) * 1.5",
)


def write(sketch: Sketch) -> None:
    sketch.need("octaves")
    frame(sketch, 0.6, 2.2)
    palette(sketch)
    far = sketch.parameter(0.3, 1.8)
    values = {"far": far, "a": sketch.number(1.5, 5.0), "b": sketch.number(1.5, 5.0)}
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    z = frame(z);
    uint s = $salt;
    vec2 before = z;
    {sketch.pick(MOVES)}
    float v = {sketch.pick(FIELDS)};
    float moved = length(z - before) * $mark;
    return colour(0.5 + $contrast * v + moved);
}}
""",
        salt=sketch.salt(),
        mark=sketch.pick((0.0, 0.25, -0.25)),
        contrast=sketch.parameter(0.3, 0.9),
        **values,
    )
