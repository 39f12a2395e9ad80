"""A head on a neck from the side: two tapering limbs with an ear, an eye, a mane, on a backdrop."""

from __future__ import annotations

from proxykd.proxies.shaders.families.scenery import OUTDOORS, backdrop, tint
from proxykd.proxies.shaders.sketch import Sketch

COATS = (
    "coat",
    "coat * (0.85 + 0.5 * gradient(q * 6.0, s + 3u))",
    "mix(coat, patch_tint, smoothstep(0.5, 1.1, along))",
    "mix(coat, patch_tint, smoothstep(0.0, 0.1, gradient(q * 2.5, s + 3u)))",
    "mix(coat, patch_tint, smoothstep(0.1, -0.6, q.y))",
)


def write(sketch: Sketch) -> None:
    sketch.need("octaves", "outlines", "pen")
    salt = sketch.salt()
    far, near = sketch.pick((*OUTDOORS, ("sky", "sky"), ("black", "plants"), ("metal", "white")))
    backdrop(sketch, salt, far, near, sketch.pick(("open", "close", "plain", "deep")))
    coat = sketch.pick(("fur", "fur", "fur", "fur", "earth", "white", "black"))
    sketch.write(
        f"""vec3 coat, patch_tint, dark;
void prepare() {{
    set_scene();
    coat = {tint(sketch, coat, 3, salt)};
    patch_tint = {tint(sketch, sketch.pick(("white", "black", "fur")), 4, salt)};
    dark = {tint(sketch, "black", 5, salt)};
}}
"""
    )
    throat, mouth = sketch.uniform(0.28, 0.5), sketch.uniform(0.08, 0.18)
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    uint s = $salt;
    vec2 q = turned($lean) * (z - vec2($x, $y)) / $scale * vec2($side > 0.0 ? 1.0 : -1.0, 1.0);
    vec2 poll = vec2(-0.05, 0.35), chest = poll + 1.5 * vec2(-sin($stoop), -cos($stoop));
    vec2 muzzle = poll + $face * vec2(cos($nod), sin($nod));
    vec2 neck = segment(q, poll, chest), face = segment(q, poll, muzzle);
    float along = face.y, d_face = face.x - mix($brow, $mouth, face.y);
    float d = blended(neck.x - mix($nape, $throat, neck.y), d_face, 0.12);
    vec2 ear = segment(q, poll + vec2($ear_x, 0.1), poll + vec2($ear_x + $flick, $ear));
    d = min(d, ear.x - mix(0.09, 0.02, ear.y));
    vec3 c = ({sketch.pick(COATS)}) * (1.0 + $light * clamp(q.y - poll.y, -0.7, 0.5));
    vec2 crest = segment(q, poll + vec2(-0.16, 0.08), chest + vec2(-$throat, 0.0));
    float strands = 0.06 * gradient(vec2(q.x * 6.0, q.y * 2.0), s + 8u);
    float mane = crest.x - $mane + strands;
    c = mix(c, mix(coat, dark, 0.8), smoothstep(0.03, -0.03, mane) * step(0.01, $mane));
    d = min(d, mane + 0.03);
    c = mix(c, dark, smoothstep(0.03, -0.02, length(q - poll - vec2(0.13, 0.02)) - $eye));
    c = mix(c, dark, $snout * smoothstep(0.85, 1.0, along) * smoothstep(0.02, -0.04, d_face));
    c *= 0.7 + 0.3 * smoothstep(0.0, -0.15, d);
    return mix(c, backdrop(z), smoothstep(-$soft, $soft, d));
}}
""",
        salt=salt,
        lean=sketch.parameter(-0.25, 0.25),
        x=sketch.parameter(-0.35, 0.25),
        y=sketch.parameter(-0.3, 0.3),
        scale=sketch.parameter(*sketch.pick(((0.7, 1.1), (0.9, 1.5), (1.2, 1.9)))),
        side=sketch.parameter(-1.0, 1.0),
        stoop=sketch.parameter(0.0, 0.9),
        nod=sketch.parameter(-1.1, -0.1),
        face=sketch.number(0.3, 0.75),
        brow=sketch.number(0.16, 0.28),
        mouth=mouth,
        nape=sketch.number(0.16, 0.26),
        throat=throat,
        ear_x=sketch.number(-0.12, 0.05),
        flick=sketch.number(-0.25, 0.15),
        ear=sketch.number(0.2, 0.55),
        light=sketch.parameter(0.0, 0.7),
        mane=sketch.pick((0.0, 0.0, 0.07, 0.12)),
        eye=sketch.number(0.03, 0.06),
        snout=sketch.pick((0.0, 1.0)),
        soft=sketch.number(0.01, 0.06),
    )
