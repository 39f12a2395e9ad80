"""Metaballs and glows: a few lights whose fields add up."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import palette
from proxykd.proxies.shaders.sketch import Sketch

FALLS = (
    "r * r / (dot(d, d) + 0.02)",
    "exp(-dot(d, d) / (r * r))",
    "0.5 * pow(r / (length(d) + 0.05), 1.6)",
    "r * r / (abs(d.x * d.x - 0.5 * d.y * d.y) + d.y * d.y + 0.02)",
    "max(0.0, 1.0 - length(d) / (2.0 * r))",
    "r * r / (abs(d.x * d.y) * 3.0 + 0.3 * dot(d, d) + 0.02)",
)
BLENDS = (
    "colour(clamp(0.5 * sum, 0.0, 1.2))",
    "colour(smoothstep(0.4 * $edge, 0.4 * $edge + $soft, sum) * (0.6 + 0.4 * sin(3.0 * sum)))",
    "$ambient + 1.0 - exp(-lit)",
    "lit / (1.0 + sum) + $ambient",
    "colour(0.5 + 0.5 * sin(4.0 * sum))",
    "mix(colour(0.1 + 0.2 * z.y), lit / max(sum, 0.1), smoothstep(0.4 * $edge, 0.4 * $edge + $soft, sum))",
)


def write(sketch: Sketch) -> None:
    sketch.need("hash", "colour")
    palette(sketch)
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    float sum = 0.0;
    vec3 lit = vec3(0.0);
    for (int k = 0; k < $count; k++) {{
        vec2 a = random2(ivec2(k, 0), $salt), b = random2(ivec2(k, 1), $salt);
        vec2 d = turned($bend * b.y) * (z - 1.8 * (a - 0.5));
        float r = $size * (0.4 + b.x);
        float f = {sketch.pick(FALLS)};
        sum += f;
        lit += f * hsv($hue + $spread * b.y, $saturation, 1.0);
    }}
    return {sketch.pick(BLENDS)};
}}
""",
        count=sketch.integer(2, 7),
        salt=sketch.salt(),
        bend=sketch.pick((0.0, 6.2832)),
        size=sketch.parameter(0.15, 0.5),
        hue=sketch.parameter(0.0, 1.0),
        spread=sketch.parameter(0.05, 0.9),
        saturation=sketch.parameter(0.0, 0.9),
        edge=sketch.parameter(0.5, 1.1),
        soft=sketch.parameter(0.05, 0.9),
        ambient=sketch.parameter(0.0, 0.25),
    )
