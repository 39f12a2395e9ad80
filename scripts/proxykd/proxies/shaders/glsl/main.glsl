// The pixel whose centre is `at`, from the tile's lower left corner. x and y of a sample reach from -1 to 1,
// y upwards; row 0 of what is read back is the image's top.
vec4 pixel(vec2 at) {
    prepare();
    vec3 sum = vec3(0.0);
    for (int k = 0; k < side * side; k++) {
        vec2 inside = (vec2(k % side, k / side) + 0.5) / float(side) - 0.5;
        vec2 z = (at + inside) / size * 2.0 - 1.0;
        vec3 c = shade(vec2(z.x, -z.y));
        sum += any(isnan(c)) ? vec3(0.0) : clamp(c, 0.0, 1.0);
    }
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
