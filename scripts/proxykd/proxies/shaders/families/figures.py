"""A figure before a ground: a lumpy body of melted ellipses with its own pattern and light, on a backdrop."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import palette
from proxykd.proxies.shaders.sketch import Sketch

BACKDROPS = (
    "ground(0.5 - 0.5 * z.y + 0.3 * n)",
    "ground(smoothstep($horizon - 0.08, $horizon + 0.08, z.y + 0.15 * n) * 0.8 + 0.15 * n)",
    "ground(0.5 + 0.7 * n)",
    "ground(length(z) * 0.6 + 0.2 * n)",
    "ground(0.45 + 0.25 * sin(3.0 * z.x + 2.0 * n) * step(z.y, $horizon) + 0.2 * z.y)",
)
COATS = (
    "colour(0.5 + 0.6 * gradient(q * 3.0, s + 3u))",
    "colour(0.5 + 0.5 * sin($stripes * q.x + 2.0 * n))",
    "colour(0.3 + 0.4 * q.y)",
    "colour(smoothstep(-0.1, 0.1, gradient(q * 4.0, s + 3u)))",
    "colour(0.5 + d)",
    "colour(step(0.0, q.y + 0.2 * n))",
)


def write(sketch: Sketch) -> None:
    sketch.need("octaves", "outlines")
    count = sketch.integer(2, 6)
    scale, salt, loose = sketch.parameter(0.6, 1.35), sketch.salt(), sketch.parameter(0.1, 0.7)
    light, x, y = sketch.parameter(0.0, 6.2832), sketch.parameter(-0.35, 0.35), sketch.parameter(-0.35, 0.35)
    palette(sketch, "ground")
    palette(sketch)
    sketch.write(f"vec2 parts[{count}], radii[{count}], leans[{count}];\n")
    _prepare(sketch, count, salt, loose)
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    uint s = $salt;
    float n = octaves(z * 1.7 + 3.0, s, 0, 2, 0.5);
    vec3 backdrop = {sketch.pick(BACKDROPS)};
    vec2 q = (z - vec2($x, $y)) / $scale, from = vec2(0.0);
    float d = 9.0, reach = 1.0;
    for (int k = 0; k < $count; k++) {{
        vec2 e = q - parts[k];
        e = vec2(leans[k].x * e.x + leans[k].y * e.y, leans[k].x * e.y - leans[k].y * e.x);
        float part = ellipse(e, radii[k]);
        from = part < d ? q - parts[k] : from;
        reach = part < d ? radii[k].x : reach;
        d = blended(d, part, $melt);
    }}
    d += $rough * n;
    vec2 towards = vec2(cos($light), sin($light));
    float lit = 0.75 + 0.45 * clamp(dot(from, towards) / reach, -1.0, 1.0);
    vec3 figure = {sketch.pick(COATS)} * mix(1.0, lit, $relief);
    float shadow = smoothstep(0.25, -0.1, d + 0.1) * $shade;
    return mix(figure, backdrop * (1.0 - shadow), smoothstep(-$soft, $soft, d));
}}
""",
        salt=salt,
        x=x,
        y=y,
        scale=scale,
        count=count,
        light=light,
        horizon=sketch.number(-0.4, 0.3),
        stripes=sketch.number(4.0, 14.0),
        melt=sketch.number(0.05, 0.4),
        rough=sketch.number(0.0, 0.18),
        relief=sketch.pick((0.0, 0.7, 1.0)),
        shade=sketch.pick((0.0, 0.5)),
        soft=sketch.number(0.01, 0.08),
    )


def _prepare(sketch: Sketch, count: int, salt: str, loose: str) -> None:
    """Where the body's parts lie: around the program's own places, a chain from a random first one."""
    sketch.write("void prepare() {\n")
    x, y = sketch.uniform(-0.3, 0.3), sketch.uniform(-0.3, 0.3)
    for k in range(count):
        size = sketch.uniform(0.2, 0.5) if k == 0 else sketch.uniform(0.1, 0.35)
        limb = k > 0 and sketch.chance(0.4)
        sketch.write(
            f"""    parts[{k}] = vec2($x, $y) + $loose * (random2(ivec2({k}, 1), $salt) - 0.5);
    radii[{k}] = (0.7 + 0.6 * random2(ivec2({k}, 2), $salt)) * vec2($long, $short);
    leans[{k}] = vec2(cos($turn), sin($turn));
""",
            x=x,
            y=y,
            loose=loose,
            salt=salt,
            long=size * sketch.uniform(1.0, 1.8) * (1.3 if limb else 1.0),
            short=size * sketch.uniform(0.5, 1.0) * (0.35 if limb else 1.0),
            turn=sketch.number(0.0, 3.1416),
        )
        x, y = x + sketch.uniform(-0.5, 0.5), y + sketch.uniform(-0.45, 0.45)
        x, y = max(-0.6, min(0.6, x)), max(-0.6, min(0.6, y))
    sketch.write("}\n")
