"""Horizons: ridges one before another into the haze, water that mirrors them, a sun, poles."""

from __future__ import annotations

from proxykd.proxies.shaders.families.scenery import tint
from proxykd.proxies.shaders.sketch import Sketch

RIDGES = (
    "octaves(vec2(w.x * $rate + float(k) * 7.1, float(k)), s, 0, 2, 0.5)",
    "octaves(vec2(w.x * $rate + float(k) * 7.1, float(k)), s, 1, 2, 0.5)",
    "0.5 * sin(w.x * $rate * 2.0 + 3.0 * random2(ivec2(k, 6), s).x * TURN)",
    "floor(3.0 * gradient(vec2(floor(w.x * 2.5 * $rate) * 0.37, float(k)), s)) / 3.0",
)
KINDS = (
    ("sky", "plants"),
    ("sky", "earth"),
    ("sky", "water"),
    ("white", "metal"),
    ("paint", "black"),
    ("sky", "paint"),
)


def write(sketch: Sketch) -> None:
    sketch.need("octaves")
    salt = sketch.salt()
    far, near = sketch.pick(KINDS)
    water = near == "water" or sketch.chance(0.3)
    sketch.write(
        f"""vec3 above, below, front, sun_tint;
void prepare() {{
    above = {tint(sketch, far, 1, salt)};
    below = {tint(sketch, sketch.pick((far, "white", "fur")), 2, salt)};
    front = {tint(sketch, near, 3, salt)};
    sun_tint = {tint(sketch, sketch.pick(("white", "fur", "paint")), 4, salt)};
}}
"""
    )
    mirror = """    float ripple = gradient(vec2(w.x * 1.5, 12.0 * w.y), s + 5u);
    bool wet = w.y < $shore;
    w = wet ? vec2(w.x + 0.08 * ripple, 2.0 * $shore - w.y) : w;
"""
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    uint s = $salt;
    vec2 w = turned($tilt) * (z - vec2($x, 0.0)) * $zoom;
{mirror if water else "    bool wet = false; float ripple = 0.0;"}
    vec3 c = mix(below, above, clamp(0.5 + 0.6 * w.y, 0.0, 1.0));
    c += $cloud * octaves(w * vec2(1.2, 3.0), s + 9u, 0, 2, 0.6);
    c = mix(sun_tint, c, smoothstep($sun - 0.05, $sun + 0.05, length(w - vec2($sun_x, $sun_y))));
    for (int k = 0; k < $layers; k++) {{
        float share = (float(k) + 1.0) / $layers.0;
        float top = mix($high, $low, share) + $relief * ({sketch.pick(RIDGES)});
        vec3 tone = mix(below, front, mix(0.35, 1.0, share)) * (1.0 + $grain * gradient(w * 9.0, s + 2u));
        c = mix(c, tone, smoothstep(-$soft, $soft, top - w.y));
    }}
    float pole = abs(mod(w.x * $poles + 0.5, 1.0) - 0.5) / $poles - $thick;
    pole = max(pole, w.y - $top);
    c = mix(c, front * 0.4, $posts * smoothstep($soft, -$soft, pole));
    return wet ? mix(c, front, 0.4 + 0.2 * ripple) : c;
}}
""",
        salt=salt,
        tilt=sketch.parameter(-0.15, 0.15),
        x=sketch.parameter(-1.0, 1.0),
        zoom=sketch.parameter(0.7, 1.4),
        shore=sketch.parameter(-0.6, 0.0),
        cloud=sketch.parameter(0.0, 0.35),
        sun=sketch.pick((0.0, 0.12, 0.25)),
        sun_x=sketch.parameter(-0.8, 0.8),
        sun_y=sketch.parameter(0.1, 0.8),
        layers=sketch.integer(1, 4),
        high=sketch.parameter(-0.1, 0.5),
        low=sketch.number(-0.8, -0.3),
        relief=sketch.parameter(0.1, 0.6),
        rate=sketch.number(0.6, 2.2),
        grain=sketch.number(0.0, 0.5),
        soft=sketch.number(0.01, 0.1),
        poles=sketch.number(0.5, 3.0),
        thick=sketch.number(0.01, 0.06),
        top=sketch.parameter(-0.2, 0.7),
        posts=sketch.pick((0.0, 0.0, 1.0)),
    )
