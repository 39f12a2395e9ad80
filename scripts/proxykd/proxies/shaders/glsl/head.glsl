#version 330
flat in vec4 p0, p1, p2, p3;
flat in vec2 origin;
uniform float size;
uniform int side;
out vec4 result;
const float TURN = 6.28318531;
mat2 turned(float angle) {
    float c = cos(angle), s = sin(angle);
    return mat2(c, s, -s, c);
}
