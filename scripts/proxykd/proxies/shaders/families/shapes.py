"""Flat scenes of a few shapes from their distance fields, sharp, soft or melted together."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import palette
from proxykd.proxies.shaders.sketch import Sketch

OUTLINES = (
    "disc(q, r)",
    "box(q, r * vec2(1.0, $flat))",
    "box(q, r * vec2(0.8)) - 0.15 * r",
    "polygon(q, 0.7 * r, 3.0)",
    "polygon(q, 0.8 * r, 6.0)",
    "abs(disc(q, r)) - 0.25 * r",
    "star(q, 1.2 * r, 5.0, 0.5)",
    "ellipse(q, r * vec2(1.3, 0.6))",
    "max(disc(q, r), -disc(q - vec2(0.5 * r, 0.2 * r), 0.8 * r))",
    "abs(q.y + 0.15 * sin(4.0 * q.x)) - 0.3 * r",
)
GROUNDS = (
    "0.5 + 0.5 * dot(z, vec2($east, $north))",
    "length(z - vec2($east, $north)) * 0.7",
    "step(0.0, z.y + $north) * 0.7 + 0.15 * z.y",
    "0.5 + 0.4 * sin($stripes * dot(z, normalize(vec2($east, $north) + 0.01)))",
)


def write(sketch: Sketch) -> None:
    sketch.need("hash", "colour", "outlines")
    palette(sketch, "ground")
    melted = sketch.chance(0.35)
    if melted:
        palette(sketch, "colour")
    count = sketch.integer(2, 5)
    sketch.write(
        f"vec3 shade(vec2 z) {{\n    vec3 c = ground({sketch.pick(GROUNDS)});\n    float melt = 9.0;\n",
        east=sketch.parameter(-0.8, 0.8),
        north=sketch.parameter(-0.8, 0.8),
        stripes=sketch.number(3.0, 12.0),
    )
    values = {
        "salt": sketch.salt(),
        "hue": sketch.parameter(0.0, 1.0),
        "spread": sketch.parameter(0.05, 0.6),
        "saturation": sketch.parameter(0.0, 0.9),
        "scale": sketch.parameter(0.6, 1.3),
        "soft": sketch.parameter(0.01, 0.15),
    }
    kinds = [sketch.pick(OUTLINES) for _ in range(count)]
    if sketch.chance(0.5):
        kinds = kinds[:1] * count
    for k, kind in enumerate(kinds):
        _shape(sketch, k, kind, melted, values)
    if melted:
        sketch.write("    c = mix(colour(0.5 - 1.5 * melt), c, smoothstep(-$soft, $soft, melt));\n", **values)
    sketch.write("    return c;\n}\n")


def _shape(sketch: Sketch, k: int, kind: str, melted: bool, values: dict[str, str]) -> None:
    """One shape over what is there already, or melted into the one before."""
    size = sketch.uniform(0.5, 0.9) / (1.0 + 0.45 * k)
    over = (
        "melt = blended(melt, d, 0.35);"
        if melted
        else "c = mix(hsv($hue + $spread * (a.x - 0.5), $saturation, 0.15 + 0.85 * b.y) * (1.0 + $light * d),"
        " c, smoothstep(-$soft, $soft, d));"
    )
    sketch.write(
        f"""    {{
        vec2 a = random2(ivec2({k}, 0), $salt), b = random2(ivec2({k}, 1), $salt);
        float r = $size * $scale * (0.6 + 0.6 * b.x);
        vec2 q = turned(TURN * a.y * $free) * (z - 1.4 * (random2(ivec2({k}, 2), $salt) - 0.5));
        float d = {kind};
        {over}
    }}
""",
        size=size,
        free=sketch.pick((0.0, 1.0, 0.1)),
        flat=sketch.number(0.25, 1.0),
        light=sketch.pick((0.0, 0.0, 1.0, -0.8)),
        **values,
    )
