// A colour of an image's own: near the program's hue, saturation and value. k tells the colours of an image apart.
vec3 tint(float hue, float saturation, float value, int k, uint salt) {
    vec2 a = random2(ivec2(k, 31), salt), b = random2(ivec2(k, 32), salt);
    float s = clamp(saturation * (0.55 + 0.9 * a.y), 0.0, 1.0);
    return hsv(hue + 0.07 * (a.x - 0.5), s, clamp(value * (0.65 + 0.7 * b.x), 0.0, 1.0));
}
