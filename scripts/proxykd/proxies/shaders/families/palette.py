"""What families share: a view of the plane and a way from a number to a colour."""

from __future__ import annotations

from proxykd.proxies.shaders.sketch import Sketch

GREY_SHARE = 0.15
HUES = ((0.0, 1.0), (0.0, 1.0), (0.02, 0.2), (0.05, 0.4), (0.5, 0.7))
"""Ranges of a two-tone program's first hue: any, or those of earth, plants, water and sky."""
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
        sketch.pick((_cosine, _tones, _tones, _bands))(sketch, name)


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
