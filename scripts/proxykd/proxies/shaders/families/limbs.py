"""A body on legs before a landscape: an ellipse with neck, head, tail and legs, in earthy colours."""

from __future__ import annotations

from proxykd.proxies.shaders.families.scenery import OUTDOORS, backdrop, tint
from proxykd.proxies.shaders.sketch import Sketch

COATS = (
    "coat",
    "coat * (0.8 + 0.5 * gradient(q * 5.0, s + 3u))",
    "mix(coat, patch_tint, smoothstep(-0.05, 0.05, gradient(q * 3.0, s + 3u)))",
    "mix(coat, patch_tint, smoothstep(0.1, -0.5, q.y / $high))",
    "mix(coat, patch_tint, smoothstep(-0.3, 0.3, sin(22.0 * q.x + 3.0 * gradient(q * 2.0, s))))",
    "mix(coat, patch_tint, smoothstep(0.5, 0.9, q.x / $long))",
)


def write(sketch: Sketch) -> None:
    sketch.need("octaves", "outlines", "pen")
    salt = sketch.salt()
    far, near = sketch.pick(
        (
            *OUTDOORS,
            ("sky", "earth"),
            ("earth", "earth"),
            ("white", "white"),
            ("water", "plants"),
            ("earth", "fur"),
        )
    )
    backdrop(sketch, salt, far, near, sketch.pick(("open", "open", "close", "plain", "deep")))
    body: dict[str, str | float] = {
        "salt": salt,
        "long": sketch.number(0.3, 0.58),
        "high": sketch.number(0.18, 0.36),
        "melt": sketch.number(0.03, 0.16),
        "scale": sketch.parameter(*sketch.pick(((0.7, 1.2), (0.9, 1.5), (1.1, 1.9)))),
        "side": sketch.parameter(-1.0, 1.0),
        "x": sketch.parameter(-0.3, 0.3),
        "y": sketch.parameter(-0.15, 0.4),
        "lean": sketch.parameter(-0.25, 0.25),
        "soft": sketch.number(0.01, 0.06),
        "light": sketch.parameter(0.2, 0.9),
        "shade": sketch.pick((0.0, 0.4, 0.6)),
    }
    sketch.write(
        f"""vec3 coat, patch_tint;
void prepare() {{
    set_scene();
    coat = {tint(sketch, sketch.pick(("fur", "fur", "fur", "fur", "earth", "black", "white")), 3, salt)};
    patch_tint = {tint(sketch, sketch.pick(("fur", "white", "black", "earth")), 4, salt)};
}}
float limb(vec2 q, vec2 a, vec2 b, float thick, float thin) {{
    vec2 m = segment(q, a, b);
    return m.x - mix(thick, thin, m.y);
}}
"""
    )
    _body(sketch, body)
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    uint s = $salt;
    vec2 q = turned($lean) * (z - vec2($x, $y)) / $scale * vec2($side > 0.0 ? 1.0 : -1.0, 1.0);
    float d = body(q);
    float lit = 1.0 + $light * clamp(q.y / $high, -1.0, 1.0) * 0.6;
    vec3 c = ({sketch.pick(COATS)}) * lit;
    return mix(c, backdrop(z) * (1.0 - $shade * smoothstep(0.2, -0.1, d + max(q.y, 0.0))),
        smoothstep(-$soft, $soft, d));
}}
""",
        **body,
    )


def _body(sketch: Sketch, body: dict[str, str | float]) -> None:
    """Write `float body(vec2 q)`: the distance to trunk, legs, neck, head and tail; it looks to the right."""
    legs, length, thick = sketch.pick((2, 3, 4, 4, 4)), sketch.uniform(0.2, 0.65), sketch.number(0.03, 0.085)
    sketch.write("float body(vec2 q) {\n    float d = ellipse(q, vec2($long, $high));\n    vec2 r;\n", **body)
    step, stride = sketch.parameter(0.0, 0.3), sketch.parameter(0.75, 1.25)
    for k in range(legs):
        place = -0.8 + 1.6 * (k + sketch.uniform(-0.15, 0.15)) / (legs - 1)
        sketch.write(
            f"""    r = {step} * (random2(ivec2({k}, 5), $salt) - 0.5);
    r += vec2($at * $long, -$high - $length * {stride});
    d = blended(d, limb(q, vec2($at * $long, -0.4 * $high), r, $thick, 0.6 * $thick), $melt);
""",
            at=place,
            length=length,
            thick=thick,
            **{k: v for k, v in body.items() if k not in {"scale"}},
        )
    neck, head = sketch.uniform(0.1, 0.5), sketch.uniform(0.12, 0.26)
    rise = sketch.parameter(0.1, 1.3) if sketch.chance(0.8) else sketch.parameter(-0.9, 0.3)
    wide = sketch.uniform(0.06, 0.15)
    sketch.write(
        """    vec2 nape = vec2(0.75 * $long, 0.35 * $high);
    vec2 crown = nape + $neck * vec2(cos($rise), sin($rise));
    d = blended(d, limb(q, nape, crown, $wide, 0.75 * $wide), $melt);
    vec2 nose = crown + $head * vec2(cos($drop), sin($drop));
    d = blended(d, limb(q, crown, nose, $skull, 0.6 * $skull), 0.5 * $melt);
""",
        neck=neck,
        rise=rise,
        wide=wide,
        head=head,
        drop=sketch.number(-0.8, 0.3),
        skull=sketch.uniform(0.8, 1.3) * wide * 0.8,
        **body,
    )
    for _ in range(sketch.pick((0, 1, 2, 2))):
        sketch.write(
            "    d = min(d, limb(q, crown, crown + vec2($x, $y), $thin, 0.4 * $thin));\n",
            x=sketch.number(-0.2, 0.1),
            y=sketch.number(0.1, 0.32),
            thin=sketch.number(0.015, 0.045),
        )
    sketch.write(
        """    vec2 rump = vec2(-0.9 * $long, 0.3 * $high);
    return blended(d, limb(q, rump, rump + vec2($back, $up), $thin, 0.5 * $thin), 0.03);
}
""",
        back=sketch.number(-0.3, -0.02),
        up=sketch.number(-0.3, 0.2),
        thin=sketch.number(0.015, 0.05),
        **body,
    )
