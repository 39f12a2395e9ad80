"""Kaleidoscopic folds: mirrored wedges, inversions and repeated mirrors around a simple pattern."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import frame, palette
from proxykd.proxies.shaders.sketch import Sketch

WEDGES = """    float wedge = TURN / $sides.0, a = atan(z.y, z.x + 1e-5);
    a = abs(mod(a, wedge) - 0.5 * wedge);
    z = length(z) * vec2(cos(a), sin(a));
"""
INVERSION = """    float trail = 0.0, last = 0.0;
    for (int k = 0; k < $rounds; k++) {
        z = abs(z) / clamp(dot(z, z), 0.05, 20.0) - vec2($c, $d);
        trail += exp(-$sharp * abs(length(z) - last));
        last = length(z);
    }
    float v = trail / $rounds.0 * 1.6;
"""
MIRRORS = """    float scale = 1.0;
    for (int k = 0; k < $few; k++) {
        z = abs(z) - vec2($c, $d) * 0.6;
        z = turned($bend) * z * 1.35;
        scale *= 1.35;
    }
    float v = $pattern;
"""
PATTERNS = (
    "0.5 + 0.5 * sin($sharp * length(z) / scale * 3.0)",
    "exp(-2.0 * abs(z.x))",
    "0.5 + 0.5 * sin(z.x * 2.5) * sin(z.y * 2.5)",
    "smoothstep(0.6, 0.0, abs(length(z) - 0.7))",
    "0.5 + 0.5 * sin($sharp * 1.5 * z.x)",
)


def write(sketch: Sketch) -> None:
    frame(sketch, 0.6, 1.6, stretch=False)
    palette(sketch)
    inverted = sketch.chance(0.5)
    text = INVERSION if inverted else MIRRORS.replace("$pattern", sketch.pick(PATTERNS))
    wedges = WEDGES if not inverted or sketch.chance(0.4) else ""
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    z = 0.5 * frame(z) + 0.5 * z;
{wedges}{text}    return colour(v + $shift);
}}
""",
        sides=sketch.integer(3, 9),
        rounds=sketch.integer(5, 9),
        few=sketch.integer(2, 4),
        c=sketch.parameter(0.45, 1.0),
        d=sketch.parameter(0.3, 0.9),
        sharp=sketch.number(1.5, 4.0),
        bend=sketch.parameter(-0.9, 0.9),
        shift=sketch.parameter(-0.2, 0.3),
    )
