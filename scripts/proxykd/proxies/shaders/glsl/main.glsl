// x and y of a sample reach from -1 to 1, y upwards; row 0 of what is read back is the image's top.
void main() {
    prepare();
    vec3 sum = vec3(0.0);
    for (int k = 0; k < side * side; k++) {
        vec2 inside = (vec2(k % side, k / side) + 0.5) / float(side) - 0.5;
        vec2 z = (gl_FragCoord.xy + inside - origin) / size * 2.0 - 1.0;
        vec3 c = shade(vec2(z.x, -z.y));
        sum += any(isnan(c)) ? vec3(0.0) : clamp(c, 0.0, 1.0);
    }
    result = vec4(sum / float(side * side), 1.0);
}
