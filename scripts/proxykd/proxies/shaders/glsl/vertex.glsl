#version 330
// A tile: `size` pixels from `place` on in an atlas of `atlas` pixels. It is a point, or an instance of a square.
uniform float size;
uniform vec2 atlas;
in vec4 values0, values1, values2, values3;
in vec2 place;
flat out vec4 p0, p1, p2, p3;
flat out vec2 origin;
void main() {
#ifdef POINTS
    vec2 corner = vec2(0.5);
#else
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
#endif
    gl_Position = vec4((place + corner * size) / atlas * 2.0 - 1.0, 0.0, 1.0);
    p0 = values0;
    p1 = values1;
    p2 = values2;
    p3 = values3;
    origin = place;
}
