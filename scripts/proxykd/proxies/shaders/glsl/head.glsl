#version 330
#ifdef COMPUTE
layout(local_size_x = 8, local_size_y = 8) in;
layout(std430, binding = 0) readonly buffer Values { vec4 tile_values[]; };
layout(std430, binding = 1) writeonly buffer Pixels { uint tile_pixels[]; };
vec4 p0, p1, p2, p3;
#else
flat in vec4 p0, p1, p2, p3;
flat in vec2 origin;
out vec4 result;
#endif
uniform float size;
uniform int side;
const float TURN = 6.28318531;
mat2 turned(float angle) {
    float c = cos(angle), s = sin(angle);
    return mat2(c, s, -s, c);
}
