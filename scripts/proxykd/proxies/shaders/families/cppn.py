"""Compositional pattern-producing networks (Stanley 2007): a random network from coordinates to colour."""

from __future__ import annotations

from proxykd.proxies.shaders.sketch import Sketch

ACTIVATIONS = (
    "tanh(1.5 * h)",
    "sin(2.0 * h)",
    "2.0 * exp(-h * h) - 1.0",
    "abs(mod(h, 4.0) - 2.0) - 1.0",
    "clamp(1.5 * h, -1.0, 1.0)",
    "cos(h * 2.5)",
)


def write(sketch: Sketch) -> None:
    layers = sketch.integer(2, 3)
    latent = [sketch.parameter(-1.0, 1.0) for _ in range(8)]
    mirror = sketch.pick(("z", "z", "z", "vec2(abs(z.x), z.y)", "abs(z)"))
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    z = turned($angle) * (z + vec2($x, $y)) * $scale;
    z = {mirror};
    vec4 h = vec4(z, length(z), 1.0);
""",
        angle=sketch.parameter(-3.1416, 3.1416),
        x=sketch.parameter(-0.5, 0.5),
        y=sketch.parameter(-0.5, 0.5),
        scale=sketch.parameter(0.7, 2.2),
    )
    for k in range(layers):
        bias = f"vec4({', '.join(latent[4 * k % 8 : 4 * k % 8 + 4])})"
        sketch.write(
            f"    h = mat4({_weights(sketch, 16, 0.95)}) * h + {bias};\n    h = {sketch.pick(ACTIVATIONS)};\n"
        )
    sketch.write(
        f"""    vec3 c = 0.5 + 0.5 * tanh(1.4 * mat4x3({_weights(sketch, 12, 0.9)}) * h);
    c = mix(vec3(dot(c, vec3(0.299, 0.587, 0.114))), c, $saturation);
    return $negative > 0.7 ? 1.0 - c : c;
}}
""",
        saturation="0.0" if sketch.chance(0.15) else sketch.parameter(0.1, 1.1),
        negative=sketch.parameter(0.0, 1.0),
    )


def _weights(sketch: Sketch, count: int, deviation: float) -> str:
    return ", ".join(f"{sketch.normal() * deviation:.4f}" for _ in range(count))
