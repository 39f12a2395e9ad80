// Integer hash of two words (PCG2D, Jarzynski and Olano 2020): the same bits on every device.
uvec2 scrambled(uvec2 v) {
    v = v * 1664525u + 1013904223u;
    v.x += v.y * 1664525u;
    v.y += v.x * 1664525u;
    v ^= v >> 16u;
    v.x += v.y * 1664525u;
    v.y += v.x * 1664525u;
    return v ^ (v >> 16u);
}
// Two numbers in [0, 1) for a cell of the plane.
vec2 random2(ivec2 cell, uint salt) {
    return vec2(scrambled(uvec2(cell) + uvec2(salt, salt * 2891336453u)) >> 8u) / 16777216.0;
}
