// Each gives the distance to a line (x) and how far along it the nearest point lies, 0 to 1 (y).
vec2 segment(vec2 z, vec2 a, vec2 b) {
    vec2 d = b - a;
    float t = clamp(dot(z - a, d) / max(dot(d, d), 1e-6), 0.0, 1.0);
    return vec2(length(z - a - t * d), t);
}
vec2 cubic(vec2 z, vec2 a, vec2 b, vec2 c, vec2 d) {
    vec2 best = vec2(9.0), from = a;
    for (int k = 1; k <= 8; k++) {
        float t = float(k) / 8.0, u = 1.0 - t;
        vec2 to = u * u * (u * a + 3.0 * t * b) + t * t * (3.0 * u * c + t * d);
        vec2 m = segment(z, from, to);
        best = m.x < best.x ? vec2(m.x, (float(k - 1) + m.y) / 8.0) : best;
        from = to;
    }
    return best;
}
// Around `centre` on the axes to u and v; egg shifts the second harmonic, eight crosses the loop over itself.
vec2 ring(vec2 z, vec2 centre, vec2 u, vec2 v, float start, float sweep, float growth, float egg, float eight) {
    mat2 axes = mat2(u - centre, v - centre), turn = turned(sweep / 14.0);
    vec2 e = vec2(cos(start), sin(start)), best = vec2(9.0), from = vec2(0.0);
    z -= centre;
    for (int k = 0; k <= 14; k++) {
        vec2 to = axes * vec2(e.x + egg * (e.x * e.x - e.y * e.y), e.y * mix(1.0, 1.6 * e.x, eight));
        vec2 m = segment(z, k == 0 ? to : from, to);
        best = m.x < best.x ? vec2(m.x, (float(k) + m.y) / 15.0) : best;
        from = to;
        e = growth * (turn * e);
    }
    return best;
}
