// The colour at a distance from the tile's lower left corner, in pixels. x and y of what is shaded reach from
// -1 to 1, y upwards; row 0 of what is read back is the image's top.
vec3 colour_at(vec2 at) {
    vec2 z = at / size * 2.0 - 1.0;
    vec3 c = shade(vec2(z.x, -z.y));
    return any(isnan(c)) ? vec3(0.0) : clamp(c, 0.0, 1.0);
}
// The mean over a pixel whose centre is `at`.
vec4 pixel(vec2 at) {
    prepare();
#ifdef FOUR_SAMPLES
    vec3 sum = colour_at(at + vec2(-0.25, -0.25));
    sum += colour_at(at + vec2(0.25, -0.25));
    sum += colour_at(at + vec2(-0.25, 0.25));
    sum += colour_at(at + vec2(0.25, 0.25));
#else
    // Counted in floats, which stay exact: Mesa divides integers one by one, which took an eighth of the time.
    vec3 sum = vec3(0.0);
    float n = float(side);
    for (float k = 0.5; k < n * n; k++) {
        float row = floor(k / n);
        sum += colour_at(at + vec2(k - row * n, row + 0.5) / n - 0.5);
    }
#endif
    return vec4(sum / float(side * side), 1.0);
}
#ifdef COMPUTE
void main() {
    uvec3 id = gl_GlobalInvocationID;
    uint n = uint(size);
    if (id.x >= n || id.y >= n) return;
    p0 = tile_values[4u * id.z];
    p1 = tile_values[4u * id.z + 1u];
    p2 = tile_values[4u * id.z + 2u];
    p3 = tile_values[4u * id.z + 3u];
    tile_pixels[(id.z * n + id.y) * n + id.x] = packUnorm4x8(pixel(vec2(id.xy) + 0.5));
}
#else
void main() {
    result = pixel(gl_FragCoord.xy - origin);
}
#endif
