// Signed distances, negative inside.
float disc(vec2 z, float r) {
    return length(z) - r;
}
float box(vec2 z, vec2 half_sides) {
    vec2 d = abs(z) - half_sides;
    return length(max(d, 0.0)) + min(max(d.x, d.y), 0.0);
}
float polygon(vec2 z, float r, float corners) {
    float wedge = TURN / corners;
    float a = atan(z.x, z.y + 1e-6);
    a -= wedge * floor(a / wedge + 0.5);
    return length(z) * cos(a) - r;
}
float star(vec2 z, float r, float corners, float depth) {
    float wave = cos(corners * atan(z.x, z.y + 1e-6));
    return length(z) - r * (1.0 - depth * (0.5 - 0.5 * wave));
}
float ellipse(vec2 z, vec2 radii) {
    float k = length(z / radii);
    return k * (k - 1.0) / max(length(z / (radii * radii)), 1e-4);
}
float blended(float a, float b, float k) {
    float h = max(k - abs(a - b), 0.0) / k;
    return min(a, b) - 0.25 * h * h * k;
}
