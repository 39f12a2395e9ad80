"""Lit solids: balls, boxes, rings and columns in space, found along each ray in a bounded number of steps."""

from __future__ import annotations

from proxykd.proxies.shaders.families.palette import palette
from proxykd.proxies.shaders.sketch import Sketch

SOLIDS = (
    "length(e) - r",
    "length(max(abs(e) - r * vec3(0.8, 0.55, 0.65), 0.0)) - 0.08",
    "length(vec2(length(e.xz) - r, e.y)) - 0.35 * r",
    "max(length(e.xz) - 0.5 * r, abs(e.y) - 1.1 * r)",
    "(length(e * vec3(1.0, 1.8, 1.3)) - r) * 0.6",
    "max(dot(abs(e), vec3(0.577)) - 0.75 * r, -9.0)",
)
SURFACES = (
    "colour(0.3 + 0.5 * h.y)",
    "colour(0.5 + 0.45 * sin($stripes * e.x))",
    "colour(0.5)",
    "colour(mod(floor(3.0 * e.x) + floor(3.0 * e.y) + floor(3.0 * e.z), 2.0))",
    "colour(0.5 + 0.5 * n.y)",
)


def write(sketch: Sketch) -> None:
    sketch.need("hash")
    placing = {
        "salt": sketch.salt(),
        "yaw": sketch.parameter(0.0, 6.2832),
        "pitch": sketch.parameter(-0.9, 0.9),
        "roll": sketch.parameter(-0.5, 0.5),
        "scale": sketch.parameter(0.7, 1.25),
        "loose": sketch.parameter(0.2, 0.9),
    }
    light = {"east": sketch.parameter(-1.2, 1.2), "north": sketch.parameter(-0.3, 1.4)}
    palette(sketch, "ground")
    palette(sketch)
    sketch.write("vec3 places[3];\nmat3 view;\n")
    _prepare(sketch, placing)
    _scene(sketch, placing)
    sketch.write(
        f"""vec3 shade(vec2 z) {{
    vec3 ray = normalize(vec3(z * 0.55, 1.0)), e = vec3(0.0), h = vec3(z, 0.0), n = vec3(0.0);
    float far = 1.2, d = 1.0;
    for (int k = 0; k < 18 && d > 0.01 && far < 5.0; k++) {{
        d = scene(vec3(0.0, 0.0, -3.0) + far * ray);
        far += d;
    }}
    vec3 backdrop = ground($ground);
    if (d > 0.06) return backdrop;
    h = vec3(0.0, 0.0, -3.0) + far * ray;
    vec2 by = vec2(0.03, 0.0);
    n = vec3(scene(h + by.xyy), scene(h + by.yxy), scene(h + by.yyx)) - scene(h);
    n = normalize(n + 1e-6);
    e = view * h;
    vec3 sun = normalize(vec3($east, $north, -0.8));
    float lit = $ambient + max(dot(n, sun), 0.0);
    float shine = $shine * pow(max(dot(reflect(ray, n), sun), 0.0), 12.0);
    return {sketch.pick(SURFACES)} * lit + shine;
}}
""".replace(
            "$ground",
            sketch.pick(
                (
                    "0.5 + 0.4 * z.y",
                    "step($level, z.y) * 0.7 + 0.1",
                    "length(z) * 0.6",
                    "0.5 + 0.3 * sin(5.0 * z.x) * z.y",
                )
            ),
        ),
        stripes=sketch.number(4.0, 12.0),
        ambient=sketch.number(0.2, 0.45),
        shine=sketch.pick((0.0, 0.6)),
        level=sketch.number(-0.5, 0.1),
        **light,
    )


def _prepare(sketch: Sketch, placing: dict[str, str]) -> None:
    sketch.write("void prepare() {\n")
    for k in range(3):
        sketch.write(
            f"    places[{k}] = vec3($x, $y, $z) + $loose * (vec3(random2(ivec2({k}, 0), $salt), "
            f"random2(ivec2({k}, 1), $salt).x) - 0.5);\n",
            x=sketch.number(-0.6, 0.6),
            y=sketch.number(-0.5, 0.5),
            z=sketch.number(-0.3, 0.3),
            **placing,
        )
    sketch.write(
        """    vec3 c = cos(vec3($yaw, $pitch, $roll)), s = sin(vec3($yaw, $pitch, $roll));
    mat3 about_y = mat3(c.x, 0.0, -s.x, 0.0, 1.0, 0.0, s.x, 0.0, c.x);
    mat3 about_x = mat3(1.0, 0.0, 0.0, 0.0, c.y, s.y, 0.0, -s.y, c.y);
    mat3 about_z = mat3(c.z, s.z, 0.0, -s.z, c.z, 0.0, 0.0, 0.0, 1.0);
    view = about_y * about_x * about_z;
}
""",
        **placing,
    )


def _scene(sketch: Sketch, placing: dict[str, str]) -> None:
    """Write `float scene(vec3 h)`: the distance to one to three solids."""
    sketch.write("float scene(vec3 h) {\n    vec3 p = view * h / $scale;\n    float far = 9.0;\n", **placing)
    count = sketch.integer(1, 3)
    for k in range(count):
        sketch.write(
            f"""    {{
        vec3 e = p - places[{k}] * $spread;
        float r = $size;
        far = min(far, {sketch.pick(SOLIDS)});
    }}
""",
            spread=0.4 if count == 1 else 1.0,
            size=sketch.uniform(0.55, 0.9) / (1.0 + 0.35 * (count - 1)),
        )
    sketch.write("    return far * $scale;\n}\n", **placing)
