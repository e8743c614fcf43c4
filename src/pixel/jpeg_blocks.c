// SPDX-License-Identifier: Apache-2.0
#include "pixel/jpeg_blocks.h"

const uint8_t px_jpeg_zigzag[64] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

#define ZERO_RUN 15u // symbol F0: sixteen zeros

// The next DC value. Sums of a damaged stream leave 16 bits: they wrap.
static int16_t next_dc(struct px_jpeg_block_scan *s, unsigned part) {
    px_jpeg_refill(&s->bits);
    int size = px_jpeg_symbol(&s->bits, s->dc[part]);
    if (size < 0 || size > 16) {
        s->bad = true;
        return 0;
    }
    int32_t diff =
        size == 0 ? 0 : px_jpeg_extend(px_jpeg_take(&s->bits, (unsigned)size), (unsigned)size);
    s->before[part] = (int16_t)(s->before[part] + diff);
    return (int16_t)s->before[part];
}

// A symbol of run and size, both in the window with what follows them.
static unsigned next_pair(struct px_jpeg_block_scan *s, unsigned part) {
    px_jpeg_refill(&s->bits);
    int symbol = px_jpeg_symbol(&s->bits, s->ac[part]);
    if (symbol < 0) {
        s->bad = true;
        return 0;
    }
    return (unsigned)symbol;
}

// The commonest kind by far: the window stays in registers.
void px_jpeg_block_sequential(struct px_jpeg_block_scan *s, unsigned part, int16_t *block) {
    block[0] = next_dc(s, part);
    struct px_jpeg_bits b = s->bits;
    const struct px_jpeg_codes *codes = s->ac[part];
    for (unsigned k = 1; k < 64; k++) {
        px_jpeg_refill(&b);
        int pair = px_jpeg_symbol(&b, codes);
        unsigned size = (unsigned)pair & 15u;
        unsigned run = (unsigned)pair >> 4 & 15u;
        k += run;
        if (size == 0) {
            if (run != ZERO_RUN) {
                break; // the end of the block
            }
            continue;
        }
        if (pair < 0 || k > 63) {
            s->bad = true;
            break;
        }
        block[px_jpeg_zigzag[k]] = (int16_t)px_jpeg_extend(px_jpeg_take(&b, size), size);
    }
    s->bits = b;
}

void px_jpeg_block_dc_first(struct px_jpeg_block_scan *s, unsigned part, int16_t *block) {
    block[0] = (int16_t)(next_dc(s, part) * (1 << s->low));
}

void px_jpeg_block_dc_refine(struct px_jpeg_block_scan *s, unsigned part, int16_t *block) {
    (void)part;
    px_jpeg_refill(&s->bits);
    if (px_jpeg_take(&s->bits, 1) != 0) {
        block[0] = (int16_t)(block[0] | 1 << s->low);
    }
}

// Blocks of which no coefficient follows: this one and `skip` more (G.1.2.2).
static void start_skip(struct px_jpeg_block_scan *s, unsigned bits) {
    s->skip = (1u << bits) + (bits == 0 ? 0 : px_jpeg_take(&s->bits, bits));
}

void px_jpeg_block_ac_first(struct px_jpeg_block_scan *s, unsigned part, int16_t *block) {
    if (s->skip > 0) {
        s->skip--;
        return;
    }
    for (unsigned k = s->first; k <= s->last; k++) {
        unsigned pair = next_pair(s, part);
        unsigned size = pair & 15u;
        unsigned run = pair >> 4;
        if (size == 0 && run < ZERO_RUN) {
            start_skip(s, run);
            s->skip--;
            return;
        }
        k += run;
        if (size == 0) {
            continue;
        }
        if (k > s->last) {
            s->bad = true;
            return;
        }
        int32_t value = px_jpeg_extend(px_jpeg_take(&s->bits, size), size);
        block[px_jpeg_zigzag[k]] = (int16_t)(value * (1 << s->low));
    }
}

// One more bit of a coefficient that is not zero.
static void correct(struct px_jpeg_block_scan *s, int16_t *c) {
    px_jpeg_refill(&s->bits);
    if (px_jpeg_take(&s->bits, 1) != 0 && (*c & 1 << s->low) == 0) {
        *c = (int16_t)(*c + (*c > 0 ? 1 << s->low : -(1 << s->low)));
    }
}

// Passes `zeros` coefficients that are still zero, correcting the others on the way; where it
// stopped: at the zero behind them, or behind the band.
static unsigned pass_zeros(struct px_jpeg_block_scan *s, unsigned k, unsigned zeros,
                           int16_t *block) {
    for (; k <= s->last; k++) {
        int16_t *c = &block[px_jpeg_zigzag[k]];
        if (*c != 0) {
            correct(s, c);
        } else if (zeros-- == 0) {
            break;
        }
    }
    return k;
}

// G.1.2.3
void px_jpeg_block_ac_refine(struct px_jpeg_block_scan *s, unsigned part, int16_t *block) {
    unsigned k = s->first;
    while (s->skip == 0 && k <= s->last && !s->bad) {
        unsigned pair = next_pair(s, part);
        unsigned size = pair & 15u;
        unsigned run = pair >> 4;
        int value = 0;
        if (size > 1) {
            s->bad = true;
            return;
        }
        if (size == 1) {
            value = px_jpeg_take(&s->bits, 1) != 0 ? 1 << s->low : -(1 << s->low);
        } else if (run < ZERO_RUN) {
            start_skip(s, run);
            break;
        }
        k = pass_zeros(s, k, run, block);
        if (value != 0 && k <= s->last) {
            block[px_jpeg_zigzag[k]] = (int16_t)value;
        } else if (value != 0) {
            s->bad = true;
        }
        k++;
    }
    if (s->skip > 0) {
        (void)pass_zeros(s, k, UINT32_MAX, block);
        s->skip--;
    }
}
