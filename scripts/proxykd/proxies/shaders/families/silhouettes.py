"""Bright pieces on black: symmetric outlines with arms or legs, low wedges, boxes with a handle."""

from __future__ import annotations

from proxykd.proxies.shaders.sketch import Sketch

PRINTS = (
    "1.0",
    "0.85 + 0.15 * sin($rate * q.x + 2.0 * sin(3.0 * q.y))",
    "step(0.5, fract($rate * 0.3 * q.y)) * 0.5 + 0.5",
    "step(0.5, fract($rate * 0.25 * q.x)) * 0.4 + 0.6",
    "0.75 + 0.5 * gradient(q * 4.0, s)",
    "1.0 - 0.6 * smoothstep(0.03, -0.03, length(q - vec2(0.0, 0.15)) - 0.17)",
    "1.0 - 0.7 * smoothstep(0.03, 0.01, abs(q.x))",
    "0.6 + 0.4 * smoothstep(-0.05, 0.05, gradient(q * 5.0, s))",
)
POINTS = 5
"""Widths, or heights, that an outline passes through."""


def write(sketch: Sketch) -> None:
    sketch.need("gradient", "outlines", "pen")
    salt = sketch.salt()
    kind = sketch.pick(("upright", "upright", "upright", "low", "low", "box"))
    values: dict[str, str | float | int] = {
        "salt": salt,
        "jitter": sketch.parameter(0.05, 0.45),
        "long": sketch.number(0.6, 0.9),
        "rate": sketch.number(8.0, 30.0),
    }
    _outline(sketch, kind, values)
    {"upright": _upright, "low": _low, "box": _box}[kind](sketch, values)
    ground = sketch.uniform()
    paper = "0.0" if ground < 0.8 else sketch.parameter(0.0, 0.4) if ground < 0.9 else "1.0"
    ink = sketch.parameter(*((0.35, 1.1) if ground < 0.9 else (0.0, 0.6)))
    colour = f"* vec3({', '.join(sketch.number(0.5, 1.0) for _ in range(3))})" if sketch.chance(0.2) else ""
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    uint s = $salt;
    vec2 q = turned($lean) * (z - vec2($x, $y)) / ($scale * vec2($wide, 1.0));
    q.x = $side > 0.0 ? q.x : -q.x;
    float d = piece(q);
    float tone = {ink} * ({sketch.pick(PRINTS)}) * (1.0 + $light * dot(q, vec2(0.5, 0.6)));
    tone *= 1.0 - $seam * smoothstep(0.06, 0.0, abs(d + 0.07));
    float v = mix(tone, {paper}, smoothstep(-$soft, $soft, d));
    return vec3(v) {colour};
}}
""",
        lean=sketch.parameter(-0.12, 0.12),
        x=sketch.parameter(-0.1, 0.1),
        y=sketch.parameter(-0.1, 0.1),
        scale=sketch.parameter(0.8, 1.15),
        wide=sketch.parameter(0.8, 1.25),
        side=sketch.parameter(-1.0, 1.0),
        light=sketch.parameter(-0.4, 0.4),
        seam=sketch.pick((0.0, 0.4, 0.7)),
        soft=sketch.number(0.01, 0.07),
        **values,
    )


def _outline(sketch: Sketch, kind: str, values: dict[str, str | float | int]) -> None:
    """Write `float along(float t)`: a width, or height, from one end (0) to the other (1), and prepare it."""
    level = sketch.uniform(0.2, 0.5) if kind == "upright" else sketch.uniform(0.15, 0.45)
    slope = sketch.uniform(-0.25, 0.25) if kind == "upright" else sketch.uniform(0.0, 0.8)
    sketch.write(f"float widths[{POINTS}];\nvoid prepare() {{\n")
    for k in range(POINTS):
        width = level + slope * (k / (POINTS - 1) - 0.4) + sketch.uniform(-0.1, 0.1)
        sketch.write(
            f"    widths[{k}] = $width * (1.0 + $jitter * (2.0 * random2(ivec2({k}, 3), $salt).x - 1.0));\n",
            width=max(0.07, min(0.85, width)),
            **values,
        )
    sketch.write("}\nfloat along(float t) {\n    t = clamp(t, 0.0, 1.0) * 4.0;\n    float w = widths[0];\n")
    for k in range(1, POINTS):
        sketch.write(f"    w = mix(w, widths[{k}], smoothstep({k - 1}.0, {k}.0, t));\n")
    sketch.write("    return w;\n}\n")


def _upright(sketch: Sketch, values: dict[str, str | float | int]) -> None:
    """A symmetric outline from the bottom to the top, perhaps with arms, parted below or open at the neck."""
    sketch.write(
        """float piece(vec2 q) {
    vec2 m = vec2(abs(q.x), q.y);
    float d = max(0.8 * (m.x - along(0.5 + 0.5 * q.y / $long)), abs(q.y) - $long);
""",
        **values,
    )
    if sketch.chance(0.6):
        sketch.write(
            """    vec2 shoulder = vec2(along(0.93) - 0.08, 0.85 * $long);
    vec2 arm = segment(m, shoulder, shoulder + $reach * vec2(sin($spread), -cos($spread)));
    d = min(d, arm.x - mix(0.13, $cuff, arm.y));
""",
            reach=sketch.parameter(0.1, 1.3) if sketch.chance(0.5) else sketch.number(0.1, 1.3),
            spread=sketch.parameter(0.05, 0.7),
            cuff=sketch.number(0.06, 0.15),
            **values,
        )
    if sketch.chance(0.35):
        sketch.write(
            "    float gap = $gap * (1.0 - smoothstep(-$long, $crotch, q.y)) + 0.01;\n"
            "    d = max(d, -max(m.x - gap, q.y - $crotch));\n",
            gap=sketch.parameter(0.03, 0.3),
            crotch=sketch.number(0.1, 0.7),
            **values,
        )
    elif sketch.chance(0.6):
        sketch.write(
            "    d = max(d, -ellipse(q - vec2(0.0, $long), vec2($neck, $deep)));\n",
            neck=sketch.number(0.1, 0.25),
            deep=sketch.number(0.06, 0.35),
            **values,
        )
    sketch.write("    return d;\n}\n")


def _low(sketch: Sketch, values: dict[str, str | float | int]) -> None:
    """Something that lies on a base line and is higher at one end, perhaps slit or on a heel."""
    base = sketch.uniform(0.35, 0.7)
    sketch.write(
        """float piece(vec2 q) {
    float top = $lift * along(0.5 + 0.5 * q.x / $long);
    float d = max(max(-$base - q.y, 0.8 * (q.y + $base - 2.0 * top)), abs(q.x) - $long);
""",
        lift=sketch.parameter(0.5, 1.3),
        base=base,
        **values,
    )
    if sketch.chance(0.4):
        sketch.write(
            "    d = max(d, 0.06 - abs(mod($slits * (q.x + $slope * q.y), 1.0) - 0.5)"
            " - 0.4 * step(q.y, 0.15 - $base));\n",
            slits=sketch.number(1.5, 4.0),
            slope=sketch.number(-1.0, 1.0),
            base=base,
        )
    if sketch.chance(0.5):
        sketch.write(
            "    d = max(d, -(length(vec2(q.x + $place, 1.4 * (q.y + $base))) - $arch));\n",
            place=sketch.number(-0.3, 0.3),
            arch=sketch.parameter(0.05, 0.4),
            base=base,
        )
    sketch.write("    return d;\n}\n")


def _box(sketch: Sketch, values: dict[str, str | float | int]) -> None:
    """A box, wider or narrower upwards, under a bow."""
    sketch.write(
        """float piece(vec2 q) {
    float d = max(0.9 * (abs(q.x) - 0.4 - along(0.5 + 0.5 * q.y / $tall)), abs(q.y + $drop) - $tall) - 0.03;
    float bow = abs(length((q - vec2(0.0, $tall - $drop)) * vec2(1.0, $flat)) - $ring) - 0.035;
    return min(d, bow);
}
""",
        tall=sketch.parameter(0.25, 0.55),
        drop=sketch.number(0.1, 0.35),
        flat=sketch.number(0.6, 1.4),
        ring=sketch.parameter(0.15, 0.45),
    )
