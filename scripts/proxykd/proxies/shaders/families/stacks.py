"""Dead leaves: a stack of opaque shapes whose sizes follow a power law, each textured."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import palette
from proxykd.proxies.shaders.sketch import Sketch

LEAVES = (
    "disc(e, r)",
    "box(e, r * vec2(0.5 + 0.5 * form, 0.8))",
    "ellipse(e, r * vec2(1.0, 0.3 + 0.5 * form))",
    "polygon(e, 0.7 * r, 3.0 + floor(3.0 * form))",
    "star(e, r, 5.0, 0.6 * form)",
)
TEXTURES = (
    "0.0",
    "0.25 * dot(e, vec2(0.7)) / r",
    "0.15 * sin($rate * e.x)",
    "-0.3 * smoothstep(-0.06, 0.0, d)",
    "0.3 * gradient(e * 5.0, s + uint(k))",
)


def write(sketch: Sketch) -> None:
    sketch.need("gradient", "outlines")
    palette(sketch)
    first, second = sketch.pick(LEAVES), sketch.pick(LEAVES)
    count = sketch.integer(9, 18)
    sketch.write(
        f"""vec4 leaves[{count}], looks[{count}];
void prepare() {{
    float ratio = $small / $large;
    for (int k = 0; k < {count}; k++) {{
        vec2 a = random2(ivec2(k, 0), $salt), b = random2(ivec2(k, 1), $salt);
        float turn = TURN * $loose * a.y;
        // Sizes with density 1 / r^3 between the smallest and the largest.
        leaves[k] = vec4(2.4 * (b - 0.5), $small / sqrt(1.0 - a.x * (1.0 - ratio * ratio)), fract(7.0 * a.y));
        looks[k] = vec4(random2(ivec2(k, 2), $salt), cos(turn), sin(turn));
    }}
}}
vec3 shade(vec2 z) {{
    uint s = $salt;
    float v = 0.5 + dot(z, vec2($east, $north));
    float d = 1.0, r = 1.0;
    vec2 e = z;
    int k = 0;
    for (int i = 0; i < {count}; i++) {{
        k = i;
        r = leaves[k].z;
        float form = leaves[k].w;
        e = z - leaves[k].xy;
        vec2 way = looks[k].zw;
        e = vec2(dot(e, way), e.y * way.x - e.x * way.y);
        d = looks[k].x < $share ? {first} : {second};
        if (d < 0.0) break;
    }}
    return colour(d < 0.0 ? looks[k].y + {sketch.pick(TEXTURES)} : v);
}}
""",
        salt=sketch.salt(),
        small=sketch.parameter(0.1, 0.3),
        large=sketch.parameter(0.5, 1.4),
        loose=sketch.pick((0.0, 0.1, 1.0, 1.0)),
        share=sketch.parameter(0.1, 0.9),
        rate=sketch.number(10.0, 30.0),
        east=sketch.parameter(-0.4, 0.4),
        north=sketch.parameter(-0.4, 0.4),
    )
