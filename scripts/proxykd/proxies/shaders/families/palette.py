"""What families share: a view of the plane and a way from a number to a colour."""

from __future__ import annotations

from proxykd.proxies.shaders.sketch import Sketch

GREY_SHARE = 0.15
HUES = ((0.0, 1.0), (0.0, 1.0), (0.02, 0.2), (0.05, 0.4), (0.5, 0.7))
"""Ranges of a two-tone program's first hue: any, or those of earth, plants, water and sky."""
TINTS = {
    "sky": ((0.52, 0.64), (0.05, 0.55), (0.6, 1.0)),
    "water": ((0.48, 0.62), (0.15, 0.65), (0.25, 0.75)),
    "plants": ((0.17, 0.36), (0.25, 0.7), (0.2, 0.7)),
    "earth": ((0.05, 0.14), (0.15, 0.55), (0.3, 0.8)),
    "fur": ((0.02, 0.11), (0.25, 0.75), (0.15, 0.75)),
    "red": ((-0.04, 0.04), (0.6, 0.95), (0.4, 0.9)),
    "paint": ((0.0, 1.0), (0.6, 1.0), (0.4, 1.0)),
    "metal": ((0.5, 0.65), (0.0, 0.15), (0.25, 0.9)),
    "white": ((0.0, 1.0), (0.0, 0.08), (0.85, 1.0)),
    "black": ((0.0, 1.0), (0.0, 0.2), (0.02, 0.15)),
}
"""Hue, saturation and value that a program draws its colour from; its images vary it."""
NATURAL = ("sky", "water", "plants", "plants", "earth", "earth", "fur", "fur", "white", "black")
"""Tints that a program of three natural tones draws from."""
COSINE = """vec3 $name(float v) {
    vec3 c = 0.5 + 0.5 * cos(TURN * ($rate * v + vec3($a, $b, $c) * $spread + $phase));
    return graded(c, $saturation, $contrast, $level);
}
"""
TONES = """vec3 $name(float v) {
    float s = $saturation * $saturation;
    vec3 low = hsv($hue, s, $dark), high = hsv($hue + $turn, s * $fade, $bright);
    return mix(low, high, clamp($steep * (v - 0.5) + 0.5, 0.0, 1.0));
}
"""
BANDS = """vec3 $name(float v) {
    float k = $bands * v + $phase, n = floor(k);
    vec3 c = hsv($hue + n * $turn, $saturation, 0.35 + 0.6 * fract(n * 0.618034 + 0.3));
    vec3 d = hsv($hue + (n + 1.0) * $turn, $saturation, 0.35 + 0.6 * fract((n + 1.0) * 0.618034 + 0.3));
    return mix(c, d, smoothstep($hold, 1.0, k - n));
}
"""
GREY = """vec3 $name(float v) {
    float c = 0.5 - 0.5 * cos(TURN * ($rate * v + $phase));
    return vec3((c - 0.5) * $contrast + $level);
}
"""
NATURAL_TONES = """vec3 $name(float v) {
    vec3 low = hsv($hue0 + $shift, $much * $saturation0, $light * $value0);
    vec3 mid = hsv($hue1 - $shift, $much * $saturation1, $light * $value1);
    vec3 high = hsv($hue2, $much * $saturation2, $light * $value2);
    v = clamp($steep * (v - $centre) + 0.5, 0.0, 1.0) * 2.0;
    return v < 1.0 ? mix(low, mid, v) : mix(mid, high, v - 1.0);
}
"""


def frame(sketch: Sketch, low: float, high: float, stretch: bool = True) -> None:
    """Write `vec2 frame(vec2 z)`: turned, moved and scaled by a factor between `low` and `high`."""
    aspect = sketch.parameter(0.6, 1.6) if stretch and sketch.chance(0.5) else "1.0"
    sketch.write(
        """vec2 frame(vec2 z) {
    z = turned($angle) * z * $low * pow($ratio, $zoom);
    return vec2(z.x * $aspect, z.y) + vec2($x, $y);
}
""",
        angle=sketch.parameter(0.0, 6.2832),
        low=low,
        ratio=high / low,
        zoom=sketch.parameter(0.0, 1.0),
        aspect=aspect,
        x=sketch.parameter(-1.0, 1.0),
        y=sketch.parameter(-1.0, 1.0),
    )


def palette(sketch: Sketch, name: str = "colour") -> None:
    """Write `vec3 <name>(float v)`, which gives colours for v from about 0 to 1 and stays sane beyond."""
    sketch.need("colour")
    if sketch.chance(GREY_SHARE):
        _grey(sketch, name)
    else:
        sketch.pick((_cosine, _tones, _natural, _bands))(sketch, name)


def _cosine(sketch: Sketch, name: str) -> None:
    sketch.write(
        COSINE,
        name=name,
        rate=sketch.number(0.4, 1.1),
        a=sketch.number(-0.5, 0.5),
        b=sketch.number(-0.5, 0.5),
        c=sketch.number(-0.5, 0.5),
        spread=sketch.number(0.4, 1.2),
        phase=sketch.parameter(0.0, 1.0),
        saturation=sketch.parameter(0.05, 1.0),
        contrast=sketch.number(0.6, 1.2),
        level=sketch.parameter(0.3, 0.68),
    )


def _tones(sketch: Sketch, name: str) -> None:
    dark, bright = ("$low", "$high") if sketch.chance(0.6) else ("$high", "$low")
    low, high = sketch.parameter(0.0, 0.45), sketch.parameter(0.6, 1.0)
    sketch.write(
        TONES.replace("$dark", dark).replace("$bright", bright),
        name=name,
        low=low,
        high=high,
        hue=sketch.parameter(*sketch.pick(HUES)),
        turn=sketch.pick((0.5, 0.0, 0.05)) + sketch.uniform(-0.15, 0.15),
        saturation=sketch.parameter(0.1, 0.95),
        fade=sketch.number(0.3, 1.1),
        steep=sketch.number(1.0, 2.2),
    )


def _natural(sketch: Sketch, name: str) -> None:
    values: dict[str, str | float] = {}
    for k in range(3):
        hue, saturation, value = (sketch.uniform(*limits) for limits in TINTS[sketch.pick(NATURAL)])
        values |= {f"hue{k}": hue, f"saturation{k}": saturation, f"value{k}": value}
    sketch.write(
        NATURAL_TONES,
        name=name,
        shift=sketch.parameter(-0.05, 0.05),
        much=sketch.parameter(0.3, 1.2),
        light=sketch.parameter(0.6, 1.25),
        centre=sketch.parameter(0.3, 0.7),
        steep=sketch.number(0.9, 2.2),
        **values,
    )


def _bands(sketch: Sketch, name: str) -> None:
    sketch.write(
        BANDS,
        name=name,
        bands=sketch.number(2.0, 5.0),
        phase=sketch.parameter(0.0, 8.0),
        hue=sketch.parameter(0.0, 1.0),
        turn=sketch.number(0.05, 0.45),
        saturation=sketch.parameter(0.1, 0.9),
        hold=sketch.number(0.0, 0.85),
    )


def _grey(sketch: Sketch, name: str) -> None:
    sketch.write(
        GREY,
        name=name,
        rate=sketch.number(0.4, 1.0),
        phase=sketch.parameter(0.0, 1.0),
        contrast=sketch.parameter(0.5, 1.3),
        level=sketch.parameter(0.3, 0.7),
    )
