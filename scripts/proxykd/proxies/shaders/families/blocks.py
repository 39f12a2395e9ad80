"""Built things on a ground: painted boxes with bands and lights, mostly on discs."""

from __future__ import annotations

from proxykd.proxies.shaders.families.scenery import backdrop, tint
from proxykd.proxies.shaders.sketch import Sketch

GROUNDS = (("sky", "metal"), ("metal", "metal"), ("plants", "metal"), ("white", "metal"), ("sky", "earth"))
BODIES = {
    # A low box with a smaller one, slanted, on top.
    "low": """    float lower = box(q - vec2(0.0, 0.02), vec2($long, $high - 0.05)) - 0.1;
    vec2 t = q - vec2($back, $high + 0.16);
    t.x *= 1.0 + 0.9 * (t.y + 0.16);
    float upper = box(t, vec2($roof, 0.16)) - 0.03;
    float pane = box(vec2(abs(t.x) - 0.5 * $roof, t.y), vec2(0.42 * $roof, 0.11)) - 0.01;
    float d = min(lower, upper), rest = lower;
""",
    # A high box behind a cabin.
    "high": """    float load = box(q - vec2(-0.25, 0.5 * $high), vec2(0.6 * $long, 1.5 * $high));
    float cabin = box(q - vec2(0.62 * $long, 0.2 * $high), vec2(0.32 * $long, 1.2 * $high)) - 0.02;
    float pane = box(q - vec2(0.7 * $long, 0.8 * $high), vec2(0.2 * $long, 0.35 * $high));
    float d = min(load, cabin), rest = load;
""",
    # Seen from the front: a box with a dark band above and two lights below.
    "front": """    float d = box(q - vec2(0.0, 0.12), vec2($roof, 0.35 + 0.4 * $high)) - 0.06;
    float pane = box(q - vec2(0.0, 0.2 + 0.4 * $high), vec2(0.8 * $roof, 0.5 * $high)) - 0.03;
    float rest = max(box(vec2(abs(q.x) - 0.65 * $roof, q.y + 0.12), vec2(0.09, 0.05)), 0.0);
    rest = -rest;
""",
}
WHEELS = """    float wheel = length(vec2(abs(q.x) - $apart, q.y + $high + 0.04)) - $wheel;
    c = mix(vec3(0.08), c, smoothstep(-$soft, $soft, wheel));
    c = mix(vec3(0.6), c, smoothstep(-$soft, $soft, wheel + 0.6 * $wheel));
    d = min(d, wheel);
"""


def write(sketch: Sketch) -> None:
    sketch.need("octaves", "outlines")
    salt = sketch.salt()
    kind = sketch.pick(("low", "low", "low", "high", "high", "front", "front"))
    far, near = sketch.pick(GROUNDS)
    backdrop(sketch, salt, far, near, sketch.pick(("open", "open", "deep", "plain")))
    paints = ("red", "paint", "paint", "white", "metal", "black")
    sketch.write(
        f"""vec3 body_tint, other_tint, pane_tint;
void prepare() {{
    set_scene();
    body_tint = {tint(sketch, sketch.pick(paints), 3, salt)};
    other_tint = {tint(sketch, sketch.pick(("paint", "white", "metal", "black")), 4, salt)};
    pane_tint = {tint(sketch, sketch.pick(("black", "sky", "metal")), 5, salt)};
}}
"""
    )
    wheels = WHEELS if kind in {"low", "high"} or (kind == "front" and sketch.chance(0.7)) else ""
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    vec2 q = (z - vec2($x, $y)) / $scale;
    q = turned($lean) * vec2(($side > 0.0 ? q.x : -q.x) * $aspect, q.y);
    q.y += $slant * q.x;
{BODIES[kind]}    vec3 c = mix(body_tint, other_tint, $mixed * smoothstep($soft, -$soft, -rest));
    c *= 0.85 + 0.3 * smoothstep(-0.3, 0.5, q.y) + $stripe * sin($rate * q.x);
    c = mix(pane_tint * (0.8 + 0.5 * q.y), c, smoothstep(-$soft, $soft, pane));
{wheels}    float shadow = smoothstep(0.3, 0.0, length(vec2(0.7 * q.x, 3.5 * (q.y + $high + 0.18))) - 0.5);
    return mix(c, backdrop(z) * (1.0 - $shade * shadow), smoothstep(-$soft, $soft, d));
}}
""",
        x=sketch.parameter(-0.3, 0.3),
        y=sketch.parameter(-0.3, 0.25),
        scale=sketch.parameter(*sketch.pick(((0.7, 1.2), (1.0, 1.4), (1.1, 1.8)))),
        lean=sketch.parameter(-0.12, 0.12),
        side=sketch.parameter(-1.0, 1.0),
        slant=sketch.parameter(-0.3, 0.3),
        aspect=sketch.parameter(0.8, 1.3),
        long=sketch.number(0.5, 0.85),
        high=sketch.number(0.15, 0.34),
        roof=sketch.number(0.3, 0.5),
        back=sketch.number(-0.25, 0.2),
        apart=sketch.number(0.3, 0.5),
        wheel=sketch.number(0.12, 0.22),
        mixed=sketch.pick((0.0, 1.0)),
        stripe=sketch.pick((0.0, 0.0, 0.12)),
        rate=sketch.number(15.0, 40.0),
        shade=0.5,
        soft=sketch.number(0.01, 0.05),
    )
