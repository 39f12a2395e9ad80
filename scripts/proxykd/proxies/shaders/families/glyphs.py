"""Writing: cells in rows, each with a few strokes between the points of a small lattice, ink on paper."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import frame, palette
from proxykd.proxies.shaders.sketch import Sketch

STROKES = (
    "segment(f, from, to).x",
    "abs(length(f - 0.5 * (from + to)) - 0.5 * length(to - from))",
    "abs(max(abs(f.x - from.x), abs(f.y - to.y)) - 0.2)",
)


def write(sketch: Sketch) -> None:
    sketch.need("hash", "pen")
    frame(sketch, 0.5, 2.2, stretch=False)
    palette(sketch)
    straight = sketch.pick(STROKES)
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    float slope = dot(z, vec2($east, $north));
    z = mix(z * $big, frame(z), $free);
    z.x += $slant * z.y;
    z /= vec2($narrow, 1.0);
    float row = floor(z.y);
    z.x += $ragged * random2(ivec2(int(row), 77), $salt).x;
    vec2 low = vec2(floor(z.x), row), f = z - low - 0.5;
    f /= vec2($fill, $fill * 0.9);
    float d = 9.0;
    for (int k = 0; k < $strokes; k++) {{
        vec2 a = random2(ivec2(low), $salt + uint(k)), b = random2(ivec2(low), $salt + 50u + uint(k));
        vec2 from = (floor(a * 3.0) - 1.0) * 0.36, to = (floor(b * 3.0) - 1.0) * 0.36;
        d = min(d, a.y + b.x < $bent ? {sketch.pick(STROKES)} : {straight});
    }}
    float ink = smoothstep($width + $soft, $width - $soft, d);
    ink *= step(random2(ivec2(low), $salt + 99u).x, $dense);
    return colour($gain * ink + $low + slope);
}}
""",
        salt=sketch.salt(),
        big=sketch.number(0.5, 1.2),
        free=sketch.pick((0.0, 1.0, 1.0)),
        east=sketch.parameter(-0.2, 0.2),
        north=sketch.parameter(-0.2, 0.2),
        slant=sketch.number(-0.3, 0.3),
        narrow=sketch.number(0.6, 1.0),
        ragged=sketch.pick((0.0, 1.0)),
        fill=sketch.number(0.8, 1.1),
        strokes=sketch.integer(2, 5),
        bent=sketch.number(0.3, 1.2),
        width=sketch.parameter(0.04, 0.14),
        soft=sketch.number(0.01, 0.08),
        dense=sketch.parameter(0.6, 1.0),
        gain=sketch.number(0.7, 1.0),
        low=sketch.parameter(0.0, 0.15),
    )
