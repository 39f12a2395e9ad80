"""Another family seen in mirrors: wedges, a folded strip, an iterated fold, tiles."""

from __future__ import annotations

from proxykd.proxies.shaders.families import (
    cells,
    cppn,
    fractals,
    glows,
    gratings,
    interference,
    noise,
    shapes,
    stacks,
    truchet,
    warps,
)
from proxykd.proxies.shaders.sketch import Sketch

SEEN = (cells, cppn, fractals, glows, gratings, interference, noise, shapes, stacks, truchet, warps)
MIRRORS = (
    """    float wedge = TURN / $sides.0, a = atan(z.y, z.x + 1e-5) + $turn;
    a = abs(mod(a, wedge) - 0.5 * wedge);
    z = length(z) * vec2(cos(a), sin(a)) - vec2($x, $y);
""",
    "    z = abs(mod(turned($turn) * z * $zoom + vec2($x, $y), 2.0) - 1.0) * 2.0 - 1.0;\n",
    """    z = turned($turn) * z;
    for (int k = 0; k < $folds; k++) z = turned($bend) * (abs(z) * 1.25 - vec2($x, $y) * 0.5);
""",
    "    z = vec2(abs(z.x) - $x, z.y + $y) * $zoom;\n    z = turned($turn) * z;\n",
    """    float far = length(z) + 0.02, a = atan(z.y, z.x + 1e-5) + $turn * far;
    z = vec2(log(far) * 1.2 + $x, abs(mod(a * $sides.0 / TURN, 2.0) - 1.0) * 2.0 - 1.0);
""",
)


def write(sketch: Sketch) -> None:
    turn = sketch.parameter(0.0, 6.2832)
    values: dict[str, str | float] = {
        "turn": turn,
        "bend": turn,
        "x": sketch.parameter(-0.5, 0.7),
        "y": sketch.parameter(-0.5, 0.5),
        "zoom": sketch.parameter(0.6, 1.4),
        "sides": 2 * sketch.integer(2, 5),
        "folds": sketch.integer(2, 4),
    }
    prepares = sketch.inner(sketch.pick(SEEN).write, "seen", 12)
    sketch.write(
        f"""void prepare() {{
    {prepares}
}}
vec3 shade(vec2 z) {{
{sketch.pick(MIRRORS)}    return shade_seen(z);
}}
""",
        **values,
    )
