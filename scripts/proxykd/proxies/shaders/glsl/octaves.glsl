// Octaves of gradient noise, scaled to about -1 to 1. kind 0: plain, 1: ridged, 2: billowed.
float octaves(vec2 z, uint salt, int kind, int count, float gain) {
    float sum = 0.0, weight = 1.0, total = 0.0;
    for (int i = 0; i < count; i++) {
        float n = gradient(z, salt + uint(i) * 7919u);
        n = kind == 0 ? n : kind == 1 ? 1.0 - 3.0 * abs(n) : 3.0 * abs(n) - 1.0;
        sum += weight * n;
        total += weight;
        weight *= gain;
        z = mat2(1.62, 1.21, -1.21, 1.62) * z + 17.3;
    }
    return sum / total;
}
