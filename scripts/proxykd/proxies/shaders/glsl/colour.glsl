vec3 hsv(float h, float s, float v) {
    vec3 k = abs(fract(h + vec3(0.0, 2.0, 1.0) / 3.0) * 6.0 - 3.0) - 1.0;
    return v * mix(vec3(1.0), clamp(k, 0.0, 1.0), s);
}
vec3 graded(vec3 c, float saturation, float contrast, float level) {
    c = mix(vec3(dot(c, vec3(0.299, 0.587, 0.114))), c, saturation);
    return (c - 0.5) * contrast + level;
}
