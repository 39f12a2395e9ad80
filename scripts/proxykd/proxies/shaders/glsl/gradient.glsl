// Gradient noise, about -1 to 1.
float corner(ivec2 cell, vec2 from, uint salt) {
    return dot(random2(cell, salt) * 2.0 - 1.0, from);
}
float gradient(vec2 z, uint salt) {
    z = clamp(z, -30000.0, 30000.0);
    vec2 low = floor(z), f = z - low;
    ivec2 c = ivec2(low);
    vec2 u = f * f * f * (f * (f * 6.0 - 15.0) + 10.0);
    float south = mix(corner(c, f, salt), corner(c + ivec2(1, 0), f - vec2(1, 0), salt), u.x);
    float north = mix(corner(c + ivec2(0, 1), f - vec2(0, 1), salt), corner(c + ivec2(1), f - vec2(1), salt), u.x);
    return 1.6 * mix(south, north, u.y);
}
