"""Bilaterally symmetric heads and blobs: an oval with lobes, paired spots and a muzzle."""

from __future__ import annotations

from proxykd.proxies.shaders.families.scenery import backdrop, tint
from proxykd.proxies.shaders.sketch import Sketch

SCENES = (
    ("plants", "plants"),
    ("earth", "earth"),
    ("plants", "earth"),
    ("white", "white"),
    ("metal", "metal"),
    ("paint", "black"),
    ("fur", "earth"),
)
LOBES = (
    "polygon((turned($turn) * (m - vec2($lobe_x, $lobe_y))) * vec2(1.3, 0.8), 0.14, 3.0)",
    "ellipse(turned($turn) * (m - vec2($lobe_x, $lobe_y)), vec2(0.12, 0.3))",
    "ellipse(turned($turn) * (m - vec2($lobe_x + 0.1, $lobe_y - 0.35)), vec2(0.12, 0.34))",
    "disc(m - vec2($lobe_x, $lobe_y - 0.1), 0.2)",
    "9.0",
)


def write(sketch: Sketch) -> None:
    sketch.need("octaves", "outlines")
    salt = sketch.salt()
    far, near = sketch.pick(SCENES)
    backdrop(sketch, salt, far, near, sketch.pick(("close", "close", "plain", "open")))
    coat, patch = sketch.pick(
        (
            ("fur", "white"),
            ("fur", "fur"),
            ("white", "black"),
            ("black", "fur"),
            ("earth", "black"),
            ("plants", "earth"),
            ("earth", "plants"),
        )
    )
    sketch.write(
        f"""vec3 coat, patch_tint, dark;
void prepare() {{
    set_scene();
    coat = {tint(sketch, coat, 3, salt)};
    patch_tint = {tint(sketch, patch, 4, salt)};
    dark = {tint(sketch, sketch.pick(("black", "black", "earth")), 5, salt)};
}}
"""
    )
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    uint s = $salt;
    vec2 q = turned($lean) * (z - vec2($x, $y)) / $scale;
    q.x += $look * (0.4 - q.x * q.x);
    vec2 m = vec2(abs(q.x), q.y);
    float head = ellipse(q, vec2($wide, $tall));
    float lobe = {sketch.pick(LOBES)};
    float trunk = ellipse(q - vec2(0.0, -0.95), vec2($girth, 0.75));
    float d = blended(blended(head, lobe, 0.1), trunk, 0.12);
    float n = octaves(q * vec2($grain, 0.6 * $grain) + 9.0, s, 0, 2, 0.6);
    float muzzle = ellipse(q - vec2(0.0, $muzzle_y), vec2($muzzle, 0.75 * $muzzle));
    float blaze = mix(ellipse(q, vec2($blaze, 2.0)), n + 0.1, $patchy);
    vec3 c = mix(coat, patch_tint, smoothstep(0.06, -0.06, min(muzzle, blaze)));
    c = mix(c, dark, $lobes_dark * smoothstep(0.03, -0.03, lobe));
    c *= 0.9 + $fur * n + $light * dot(q, vec2(cos($from), sin($from)));
    c *= 0.75 + 0.25 * smoothstep(0.0, -0.25, d);
    float eyes = disc((m - vec2($eye_x, $eye_y)) * vec2(1.0, 1.3), $eye);
    c = mix(dark, c, smoothstep(-0.03, 0.03, eyes));
    float nose = ellipse(q - vec2(0.0, $muzzle_y + 0.05), vec2($nose, 0.7 * $nose));
    c = mix(dark, c, smoothstep(-0.03, 0.03, nose));
    return mix(c, backdrop(z), smoothstep(-$soft, $soft, d));
}}
""",
        salt=salt,
        lean=sketch.parameter(-0.35, 0.35),
        x=sketch.parameter(-0.3, 0.3),
        y=sketch.parameter(-0.1, 0.4),
        scale=sketch.parameter(*sketch.pick(((0.7, 1.2), (0.9, 1.6), (1.3, 2.4)))),
        look=sketch.parameter(-0.5, 0.5),
        wide=sketch.number(0.32, 0.55),
        tall=sketch.number(0.34, 0.6),
        turn=sketch.number(-0.5, 0.5),
        lobe_x=sketch.number(0.25, 0.45),
        lobe_y=sketch.number(0.25, 0.55),
        girth=sketch.number(0.3, 0.7),
        grain=sketch.number(2.0, 7.0),
        muzzle=sketch.number(0.1, 0.3),
        muzzle_y=sketch.number(-0.35, -0.1),
        blaze=sketch.pick((0.01, 0.1, 0.2)),
        patchy=sketch.pick((0.0, 0.0, 1.0)),
        lobes_dark=sketch.pick((0.0, 0.0, 1.0)),
        fur=sketch.parameter(0.05, 0.5),
        light=sketch.parameter(0.0, 0.5),
        **{"from": sketch.parameter(0.0, 6.2832)},
        eye_x=sketch.number(0.14, 0.3),
        eye_y=sketch.number(0.0, 0.22),
        eye=sketch.number(0.04, 0.11),
        nose=sketch.number(0.03, 0.12),
        soft=sketch.number(0.01, 0.08),
    )
