"""Random expressions of the coordinates (Sims 1991), of operations that are defined everywhere."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import palette
from proxykd.proxies.shaders.sketch import Sketch

UNARY = (
    "sin(3.0 * {a})",
    "cos(2.0 * {a})",
    "abs({a})",
    "sqrt(abs({a}))",
    "log(abs({a}) + 0.1)",
    "exp(-abs({a}))",
    "tanh(2.0 * {a})",
    "fract({a})",
    "floor(4.0 * {a}) * 0.25",
    "gradient(2.0 * vec2({a}, z.y), s)",
)
BINARY = (
    "({a} + {b})",
    "({a} - {b})",
    "({a} * {b})",
    "({a} / (abs({b}) + 0.3))",
    "min({a}, {b})",
    "max({a}, {b})",
    "mod({a}, abs({b}) + 0.4)",
    "atan({a}, abs({b}) + 0.05)",
    "length(vec2({a}, {b}))",
    "pow(abs({a}), clamp({b}, 0.3, 3.0))",
    "mix({a}, {b}, smoothstep(-0.3, 0.3, z.x))",
    "({a} * step({b}, 0.0) + {b} * step({a}, 0.0))",
    "gradient(2.0 * vec2({a}, {b}), s + 7u)",
)
LEAVES = ("z.x", "z.y", "z.x", "z.y", "radius", "turn", "$p", "$p")
ENDS = (
    "0.5 + 0.5 * tanh($gain * {a})",
    "0.5 + 0.5 * sin(2.0 * $gain * {a})",
    "0.5 + $gain * clamp({a}, -4.0, 4.0)",
    "fract($gain * clamp({a}, -9.0, 9.0))",
)
DEEPEST = 5


def write(sketch: Sketch) -> None:
    sketch.need("gradient")
    separate = sketch.chance(0.3)
    if not separate:
        palette(sketch)
    constants = [sketch.parameter(-1.5, 1.5) for _ in range(4)]
    end = sketch.pick(ENDS)
    trees = [_tree(sketch, constants, DEEPEST) for _ in range(3 if separate else 1)]
    ends = [end.replace("{a}", tree) for tree in trees]
    result = (
        f"mix(vec3({ends[0]}), vec3({', '.join(ends)}), $saturation)" if separate else f"colour({ends[0]})"
    )
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    uint s = $salt;
    z = turned($angle) * (z + vec2($x, $y)) * $zoom;
    z = {sketch.pick(("z", "z", "z", "vec2(abs(z.x), z.y)", "abs(z)"))};
    float radius = length(z), turn = atan(z.y, abs(z.x) + 0.01);
    return {result};
}}
""",
        salt=sketch.salt(),
        angle=sketch.parameter(0.0, 6.2832),
        x=sketch.parameter(-0.7, 0.7),
        y=sketch.parameter(-0.7, 0.7),
        zoom=sketch.parameter(0.7, 2.2),
        gain=sketch.number(0.6, 1.6),
        saturation=sketch.parameter(0.1, 1.0),
    )


def _tree(sketch: Sketch, constants: list[str], depth: int) -> str:
    """GLSL of a random expression with at most `depth` operations between its root and a leaf."""
    if depth == 0 or (depth < DEEPEST - 1 and sketch.chance(0.2)):
        leaf = sketch.pick(LEAVES)
        return sketch.pick(constants) if leaf == "$p" else leaf
    if sketch.chance(0.4):
        return sketch.pick(UNARY).format(a=_tree(sketch, constants, depth - 1))
    operation = sketch.pick(BINARY)
    a, b = _tree(sketch, constants, depth - 1), _tree(sketch, constants, depth - 1)
    # Some operations name an argument twice: only the leaves may, or texts would double at each level.
    if operation.count("{a}") > 1:
        a, b = sketch.pick(("z.x", "radius")), sketch.pick(("z.y", "turn"))
    return operation.format(a=a, b=b)
