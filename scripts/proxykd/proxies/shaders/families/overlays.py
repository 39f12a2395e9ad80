"""Two families in one image: the one shows where a mask is, the other elsewhere."""

from __future__ import annotations

from proxykd.proxies.shaders.families import (
    cells,
    cppn,
    fractals,
    glows,
    gratings,
    interference,
    labyrinths,
    noise,
    shapes,
    spots,
    truchet,
    warps,
)
from proxykd.proxies.shaders.sketch import Sketch

FIELDS = (
    cells,
    cppn,
    fractals,
    glows,
    gratings,
    interference,
    labyrinths,
    noise,
    shapes,
    spots,
    truchet,
    warps,
)
MASKS = (
    "disc(q, 0.6)",
    "box(q, vec2(0.6, $flat))",
    "ellipse(q, vec2(0.8, $flat))",
    "polygon(q, 0.5, 3.0)",
    "star(q, 0.8, 5.0, 0.5)",
    "abs(q.y) - $flat",
    "q.y",
    "0.5 * gradient(q * 1.5, s)",
    "abs(length(q) - 0.7) - 0.4 * $flat",
    "blended(disc(q - vec2(0.3, 0.2), 0.4), ellipse(q + vec2(0.3, 0.2), vec2(0.6, $flat)), 0.2)",
)


def write(sketch: Sketch) -> None:
    sketch.need("gradient", "outlines")
    place = {
        "salt": sketch.salt(),
        "turn": sketch.parameter(0.0, 6.2832) if sketch.chance(0.6) else sketch.parameter(-0.3, 0.3),
        "x": sketch.parameter(-0.4, 0.4),
        "y": sketch.parameter(-0.4, 0.4),
        "scale": sketch.parameter(0.6, 1.5),
    }
    inside, outside = sketch.pick(FIELDS), sketch.pick(FIELDS)
    prepares = [sketch.inner(inside.write, "inside", 5), sketch.inner(outside.write, "outside", 5)]
    sketch.write(
        f"""void prepare() {{
    {" ".join(filter(None, prepares))}
}}
vec3 shade(vec2 z) {{
    uint s = $salt;
    vec2 q = turned($turn) * (z - vec2($x, $y)) / $scale;
    float d = {sketch.pick(MASKS)};
    vec3 c = shade_outside(z) * (1.0 - $shade * smoothstep(0.25, 0.0, d));
    return mix(shade_inside({sketch.pick(("z", "q"))}) * (1.0 + $light * d), c, smoothstep(-$soft, $soft, d));
}}
""",
        flat=sketch.number(0.2, 0.5),
        shade=sketch.pick((0.0, 0.0, 0.6)),
        light=sketch.pick((0.0, 0.0, 1.0, -1.0)),
        soft=sketch.number(0.01, 0.1),
        **place,
    )
