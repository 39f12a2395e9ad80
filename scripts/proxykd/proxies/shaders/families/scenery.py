"""What scenes share: colours of things outdoors and of painted things, and a backdrop to stand before."""

from __future__ import annotations

from proxykd.proxies.shaders.families import cells, glows, gratings, noise, spots, truchet, warps
from proxykd.proxies.shaders.families.palette import TINTS
from proxykd.proxies.shaders.sketch import Sketch

OUTDOORS = (
    ("sky", "plants"),
    ("sky", "earth"),
    ("plants", "plants"),
    ("plants", "earth"),
    ("earth", "earth"),
)
FOREIGN, FOREIGN_SHARE = (cells, glows, gratings, noise, noise, spots, truchet, warps, warps), 0.15
"""Families that are a backdrop now and then, and how often."""
PLACES = {
    "open": "smoothstep(level - $soft, level + $soft, z.y + 0.12 * n)",
    "close": "clamp(0.5 + 0.9 * n, 0.0, 1.0)",
    "plain": "clamp(0.5 + 0.5 * z.y + 0.2 * n, 0.0, 1.0)",
    "deep": "clamp(0.5 + 0.5 * z.y + 0.3 * n, 0.0, 1.0) * smoothstep(level - 0.5, level + 0.5, z.y)",
}


def tint(sketch: Sketch, kind: str, index: int, salt: str) -> str:
    """GLSL for a colour of one of the kinds; each in a program has its own index."""
    sketch.need("tint")
    hue, saturation, value = (sketch.number(low, high) for low, high in TINTS[kind])
    return f"tint({hue}, {saturation}, {value}, {index}, {salt})"


def backdrop(sketch: Sketch, salt: str, far: str, near: str, place: str) -> None:
    """Write `vec3 backdrop(vec2 z)` from two kinds of tints, and `void set_scene()` for prepare to call."""
    sketch.need("octaves")
    if sketch.chance(FOREIGN_SHARE):
        prepares = sketch.inner(sketch.pick(FOREIGN).write, "far", 4)
        sketch.write(
            f"void set_scene() {{{prepares}}}\nvec3 backdrop(vec2 z) {{\n    return shade_far(z);\n}}\n"
        )
        return
    values: dict[str, str | float] = {
        "salt": salt,
        "level": sketch.parameter(-0.5, 0.4),
        "soft": sketch.number(0.01, 0.2),
        "fine": sketch.number(1.0, 4.0),
        "flat": sketch.pick((1.0, 1.0, 2.5)),
        "rough": sketch.number(0.0, 0.6),
    }
    sketch.write(
        f"""vec3 far_tint, near_tint;
float level;
void set_scene() {{
    far_tint = {tint(sketch, far, 1, salt)};
    near_tint = {tint(sketch, near, 2, salt)};
    level = $level;
}}
vec3 backdrop(vec2 z) {{
    float n = octaves(z * $fine * vec2(1.0, $flat) + 5.0, $salt + 11u, 0, 2, 0.6);
    vec3 c = mix(near_tint, far_tint, {PLACES[place]});
    return c * (1.0 + $rough * n);
}}
""",
        **values,
    )
