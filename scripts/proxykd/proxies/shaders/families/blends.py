"""Two families in one image: the one's colours carry the other's light, or they are added or exchanged."""

from __future__ import annotations

from proxykd.proxies.shaders.families.overlays import FIELDS
from proxykd.proxies.shaders.sketch import Sketch

BLENDS = (
    "a * (0.3 + 1.2 * light)",
    "abs(a - b)",
    "1.0 - (1.0 - a) * (1.0 - $much * b)",
    "mix(a, b, smoothstep(0.35, 0.65, light))",
    "mix(a, vec3(light), $much)",
    "min(a, b + 0.2)",
    "max(a, b) * 0.9",
    "a + $much * (light - 0.5)",
)


def write(sketch: Sketch) -> None:
    first, second = sketch.pick(FIELDS), sketch.pick(FIELDS)
    prepares = [sketch.inner(first.write, "first", 7), sketch.inner(second.write, "second", 7)]
    sketch.write(
        f"""void prepare() {{
    {" ".join(filter(None, prepares))}
}}
vec3 shade(vec2 z) {{
    vec3 a = clamp(shade_first(z), 0.0, 1.0), b = clamp(shade_second(z), 0.0, 1.0);
    float light = dot(b, vec3(0.299, 0.587, 0.114));
    return {sketch.pick(BLENDS)};
}}
""",
        much=sketch.parameter(0.3, 0.9),
    )
