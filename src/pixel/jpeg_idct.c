// SPDX-License-Identifier: Apache-2.0
#include "pixel/jpeg_idct.h"

#define FRACTION 13 // bits of the constants
#define EXTRA 1     // bits kept between the two passes: 12-bit samples leave room for one

// round(x * 2^13)
enum {
    F_0_298631336 = 2446,
    F_0_390180644 = 3196,
    F_0_541196100 = 4433,
    F_0_765366865 = 6270,
    F_0_899976223 = 7373,
    F_1_175875602 = 9633,
    F_1_501321110 = 12299,
    F_1_847759065 = 15137,
    F_1_961570560 = 16069,
    F_2_053119869 = 16819,
    F_2_562915447 = 20995,
    F_3_072711026 = 25172
};

// Eight values to eight sums with FRACTION bits more. Hostile coefficients need more than 32 bits.
static inline void transform(const int64_t d[8], int64_t out[8]) {
    int64_t even = (d[2] + d[6]) * F_0_541196100;
    int64_t low = even - d[6] * F_1_847759065;
    int64_t high = even + d[2] * F_0_765366865;
    int64_t sum = (d[0] + d[4]) * (1 << FRACTION);
    int64_t difference = (d[0] - d[4]) * (1 << FRACTION);
    const int64_t e[4] = {sum + high, difference + low, difference - low, sum - high};

    int64_t z1 = (d[7] + d[1]) * -F_0_899976223;
    int64_t z2 = (d[5] + d[3]) * -F_2_562915447;
    int64_t z3 = d[7] + d[3];
    int64_t z4 = d[5] + d[1];
    int64_t z5 = (z3 + z4) * F_1_175875602;
    z3 = z3 * -F_1_961570560 + z5;
    z4 = z4 * -F_0_390180644 + z5;
    const int64_t o[4] = {d[1] * F_1_501321110 + z1 + z4, d[3] * F_3_072711026 + z2 + z3,
                          d[5] * F_2_053119869 + z2 + z4, d[7] * F_0_298631336 + z1 + z3};
    for (int i = 0; i < 4; i++) {
        out[i] = e[i] + o[i];
        out[7 - i] = e[i] - o[i];
    }
}

static inline int64_t rounded(int64_t value, unsigned bits) {
    return (value + ((int64_t)1 << (bits - 1))) >> bits;
}

static inline uint16_t clamped(int64_t value, int32_t most) {
    return (uint16_t)(value < 0 ? 0 : value > most ? most : value);
}

void px_jpeg_idct(const int32_t coefficients[64], int32_t most, uint16_t *out, size_t stride) {
    int64_t between[64];
    int64_t in[8];
    int64_t sums[8];
    for (int x = 0; x < 8; x++) {
        for (int y = 0; y < 8; y++) {
            in[y] = coefficients[y * 8 + x];
        }
        transform(in, sums);
        for (int y = 0; y < 8; y++) {
            between[y * 8 + x] = rounded(sums[y], FRACTION - EXTRA);
        }
    }
    for (int y = 0; y < 8; y++) {
        transform(between + (ptrdiff_t)y * 8, sums);
        for (int x = 0; x < 8; x++) {
            // 3: each pass leaves a factor of the square root of eight
            int64_t sample = rounded(sums[x], FRACTION + EXTRA + 3) + (most + 1) / 2;
            out[(size_t)y * stride + (size_t)x] = clamped(sample, most);
        }
    }
}
