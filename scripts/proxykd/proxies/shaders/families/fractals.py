"""Escape-time fractals: Julia sets, the Mandelbrot set's border and burning ships."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import palette
from proxykd.proxies.shaders.sketch import Sketch

# The main cardioid's border is e/2 - e*e/4 with e on the unit circle: parameters near it have detail.
STARTS = {
    "julia": """    vec2 c = border($turn) * $off;
    z = turned($angle) * z * $zoom + 0.4 * vec2($x, $y);
""",
    "mandelbrot": """    vec2 c = border($turn) * $off + turned($angle) * z * $zoom + 0.3 * vec2($x, $y);
    z = vec2(0.0);
""",
}
STEPS = (
    "vec2(z.x * z.x - z.y * z.y, 2.0 * z.x * z.y) + c",
    "vec2(z.x * z.x - z.y * z.y, -2.0 * abs(z.x * z.y)) + c",
    "vec2(abs(z.x * z.x - z.y * z.y), 2.0 * z.x * z.y) + c",
    "vec2(z.x * z.x - z.y * z.y, -2.0 * z.x * z.y) + c",
    "vec2(z.x * (z.x * z.x - 3.0 * z.y * z.y), z.y * (3.0 * z.x * z.x - z.y * z.y)) + c",
)
TRAPS = (
    "length(z - trap)",
    "2.0 * abs(z.x - trap.x)",
    "4.0 * min(abs(z.x), abs(z.y))",
    "3.0 * abs(length(z) - 0.6)",
)


def write(sketch: Sketch) -> None:
    palette(sketch)
    values = {
        "turn": sketch.parameter(0.0, 6.2832),
        "off": sketch.parameter(0.9, 1.12),
        "angle": sketch.parameter(0.0, 6.2832),
        "zoom": sketch.parameter(0.5, 1.5),
        "x": sketch.parameter(-1.0, 1.0),
        "y": sketch.parameter(-1.0, 1.0),
    }
    julia = sketch.chance(0.75)
    start, step = STARTS["julia" if julia else "mandelbrot"], sketch.pick(STEPS if julia else STEPS[:3])
    sketch.write(
        f"""vec2 border(float turn) {{
    vec2 e = vec2(cos(turn), sin(turn));
    return 0.5 * e - 0.25 * vec2(e.x * e.x - e.y * e.y, 2.0 * e.x * e.y);
}}
vec3 shade(vec2 z) {{
    vec2 trap = vec2($trap_x, $trap_y);
{start}    float near = 9.0, steps = 0.0;
    for (int k = 0; k < $most; k++) {{
        z = {step};
        near = min(near, {sketch.pick(TRAPS)});
        steps += 1.0;
        if (dot(z, z) > 40.0) break;
    }}
    float smooth_steps = steps - log2(max(log2(max(dot(z, z), 1.001)), 1e-3));
    float v = mix(sqrt(max(smooth_steps, 0.0) / $most.0), 1.0 - exp(-2.5 * near), $mixed);
    return colour(0.5 + 0.5 * sin($gain * v + $shift));
}}
""",
        trap_x=sketch.number(-0.7, 0.7),
        trap_y=sketch.number(-0.7, 0.7),
        most=sketch.integer(10, 22),
        mixed=sketch.number(0.2, 0.8),
        gain=sketch.number(4.0, 9.0),
        shift=sketch.parameter(0.0, 6.2832),
        **values,
    )
