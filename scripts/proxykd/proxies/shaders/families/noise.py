"""Fractal noise: plain, ridged or billowed octaves, stretched and tilted."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import frame, palette
from proxykd.proxies.shaders.sketch import Sketch


def write(sketch: Sketch) -> None:
    sketch.need("octaves")
    frame(sketch, 0.6, 2.6)
    palette(sketch)
    sketch.write(
        """vec3 shade(vec2 z) {
    float slope = dot(z, vec2($east, $north));
    float v = octaves(frame(z), $salt, $kind, $count, $gain);
    return colour(0.5 + $contrast * $shape + slope);
}
""",
        salt=sketch.salt(),
        kind=sketch.integer(0, 2),
        count=sketch.integer(2, 5),
        gain=sketch.parameter(0.3, 0.75),
        contrast=sketch.parameter(0.4, 1.3),
        shape=sketch.pick(("v", "v", "v * abs(v)", "tanh(3.0 * v)", "sin(5.0 * v)")),
        east=sketch.parameter(-0.3, 0.3),
        north=sketch.parameter(-0.5, 0.5),
    )
