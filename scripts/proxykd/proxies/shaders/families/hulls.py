"""Hulls on water: a trapezoid that widens upwards, with boxes, funnels, masts or sails on it."""

from __future__ import annotations

from proxykd.proxies.shaders.families.scenery import backdrop, tint
from proxykd.proxies.shaders.sketch import Sketch

RIGS = {
    "boxes": """    float cabin = min(box(q - vec2($back, 0.75 * $high), vec2(0.55 * $roof, 0.5 * $high)),
        box(q - vec2($back - 0.1, 1.3 * $high), vec2(0.3 * $roof, 0.6 * $high)));
    float mast = box(q - vec2($back + 0.35, $high + 0.25), vec2(0.02, 0.4));
    float above = min(cabin, mast), marks = max(cabin, abs(mod(q.y * 9.0, 2.0) - 1.0) - 0.4);
""",
    "funnels": """    float half_length = 0.8 * $long - abs($back);
    float cabin = box(q - vec2($back, 0.8 * $high), vec2(half_length, 0.45 * $high));
    float place = clamp(floor((q.x - $back) / 0.25 + 0.5), -1.0, 1.0);
    float funnel = box(q - vec2($back + 0.25 * place, 1.6 * $high), vec2(0.05, 0.7 * $high));
    float above = min(cabin, funnel), marks = max(cabin, abs(mod(q.x * 12.0, 2.0) - 1.0) - 0.3);
""",
    "sails": """    float mast = box(q - vec2($back, 0.6), vec2(0.015, 0.7));
    float lee = max(q.x - $back + 0.03, 0.5 * $high - q.y);
    lee = max(lee, dot(q - vec2($back, 1.25), vec2(-0.85, 0.5)));
    float luff = max(max($back + 0.03 - q.x, 0.7 * $high - q.y), dot(q - vec2($back, 1.0), vec2(0.8, 0.6)));
    float sail = min(lee, luff);
    float above = min(mast, sail), marks = max(luff, abs(mod(q.y * 4.0, 2.0) - 1.0) - 0.3);
""",
    "loads": """    float row = floor(q.x / 0.22), stack = random2(ivec2(int(row), 21), $salt).x;
    float cargo = max(q.y - $high * (0.6 + 1.6 * stack), 0.3 * $high - q.y);
    cargo = max(cargo, abs(q.x - 0.1) - 0.7 * $long);
    float bridge = box(q - vec2(-0.85 * $long, 1.2 * $high), vec2(0.1, 0.9 * $high));
    float above = min(cargo, bridge), marks = max(cargo, abs(mod(q.x / 0.22, 1.0) - 0.5) - 0.25);
""",
}


def write(sketch: Sketch) -> None:
    sketch.need("octaves", "outlines")
    salt = sketch.salt()
    far = sketch.pick(("sky", "sky", "white", "metal", "water", "earth"))
    backdrop(sketch, salt, far, "water", sketch.pick(("open", "open", "deep", "plain")))
    sketch.write(
        f"""vec3 body_tint, other_tint, mark_tint;
void prepare() {{
    set_scene();
    body_tint = {tint(sketch, sketch.pick(("white", "metal", "paint", "red", "black")), 3, salt)};
    other_tint = {tint(sketch, sketch.pick(("white", "white", "metal", "paint", "earth")), 4, salt)};
    mark_tint = {tint(sketch, sketch.pick(("black", "sky", "red", "metal")), 5, salt)};
}}
"""
    )
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    vec2 q = (z - vec2($x, $y)) / $scale;
    q = turned($lean) * vec2(($side > 0.0 ? q.x : -q.x) * $aspect, q.y);
    vec2 t = vec2(q.x / (1.0 + $flare * (q.y + 0.1)), q.y - $sheer * q.x * q.x);
    float hull = box(t - vec2(0.0, -0.1), vec2($long, 0.5 * $high));
{RIGS[sketch.pick(tuple(RIGS))]}    vec3 c = body_tint * (0.8 + 0.8 * q.y);
    c = mix(c, other_tint, smoothstep(-$soft, $soft, hull));
    c = mix(c, mark_tint, $marked * smoothstep($soft, -$soft, marks) * smoothstep(-$soft, $soft, hull));
    float d = min(hull, above);
    vec3 ground = backdrop(z);
    float wake = smoothstep(0.25, 0.0, abs(q.y + 0.5 * $high + 0.12)) * smoothstep(1.2, 0.3, abs(q.x));
    ground *= 1.0 - $wake * wake;
    return mix(c * (0.9 + 0.2 * smoothstep(0.5, -0.5, q.x)), ground, smoothstep(-$soft, $soft, d));
}}
""",
        salt=salt,
        x=sketch.parameter(-0.3, 0.3),
        y=sketch.parameter(-0.45, 0.15),
        scale=sketch.parameter(*sketch.pick(((0.5, 1.0), (0.8, 1.3), (1.1, 1.8)))),
        lean=sketch.parameter(-0.12, 0.12),
        side=sketch.parameter(-1.0, 1.0),
        aspect=sketch.parameter(0.8, 1.3),
        flare=sketch.number(0.2, 0.9),
        sheer=sketch.number(0.0, 0.25),
        long=sketch.number(0.5, 0.85),
        high=sketch.number(0.15, 0.34),
        roof=sketch.number(0.3, 0.5),
        back=sketch.number(-0.25, 0.2),
        marked=sketch.pick((0.0, 1.0)),
        wake=sketch.parameter(-0.4, 0.6),
        soft=sketch.number(0.01, 0.05),
    )
