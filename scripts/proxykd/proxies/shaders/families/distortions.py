"""One family seen through another: its points moved by the other's colours or light."""

from __future__ import annotations

from proxykd.proxies.shaders.families import (
    cells,
    glows,
    gratings,
    interference,
    labyrinths,
    noise,
    shapes,
    spots,
    stacks,
    truchet,
    warps,
)
from proxykd.proxies.shaders.sketch import Sketch

SEEN = (cells, gratings, shapes, truchet, stacks, labyrinths, glows, interference)
LENSES = (noise, interference, spots, warps, glows, gratings)
MOVES = (
    "z + $much * (lens.xy - 0.5)",
    "z * (1.0 + $much * (lens.x - 0.5))",
    "turned($much * (lens.x - 0.5) * 2.0) * z",
    "z + 0.7 * $much * (lens.x - 0.5) * vec2($cosine, $sine)",
)


def write(sketch: Sketch) -> None:
    seen, lens = sketch.pick(SEEN), sketch.pick(LENSES)
    much, way = sketch.parameter(0.4, 1.8), sketch.uniform(0.0, 3.1)
    prepares = [sketch.inner(seen.write, "seen", 9), sketch.inner(lens.write, "lens", 6)]
    sketch.write(
        f"""void prepare() {{
    {" ".join(filter(None, prepares))}
}}
vec3 shade(vec2 z) {{
    vec3 lens = clamp(shade_lens(z), 0.0, 1.0);
    vec3 c = shade_seen({sketch.pick(MOVES)});
    return c * (1.0 + $relief * (lens.x - 0.5));
}}
""",
        much=much,
        cosine=f"cos({way:.4f})",
        sine=f"sin({way:.4f})",
        relief=sketch.pick((0.0, 0.0, 0.6)),
    )
