// SPDX-License-Identifier: Apache-2.0
// Masks of a slice, as a worker that was taken over may send them, and the words they are laid
// over. The first bytes choose sides, bits, sign and scale; the rest is the mask. What is no mask
// changes nothing; what is one changes nothing outside of it, is the same packed again, and packed
// from bits comes back.
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "gate/face.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define HEAD 4
#define SIDE 64
#define CELLS (SIDE * SIDE)

static const double scales[][2] = {{1, 0},          {1, -1024},      {0, 0},      {-2.5, 300},
                                   {1e-300, 1e300}, {1e300, -1e300}, {0.25, -1e9}};

static void check_filled(const uint16_t *before, const uint16_t *after, const uint8_t *goes,
                         uint32_t cells, unsigned bits, bool is_signed) {
    for (uint32_t i = 0; i < cells; i++) {
        bool gone = (goes[i / 8] >> i % 8 & 1) != 0;
        assert(gone || before[i] == after[i]);
        if (gone && !is_signed && bits < 16) {
            assert(after[i] >> bits == 0);
        }
    }
}

// The bits of a mask that was accepted: fills words of nought, which air is not.
static void bits_of(struct slice mask, uint32_t columns, uint32_t rows, uint8_t *goes) {
    static uint16_t words[CELLS];
    struct err e = {0};
    memset(words, 0, sizeof words);
    assert(gate_mask_fill(mask, columns, rows, 1, 0, 16, true, words, 1, &e) == E_OK);
    for (uint32_t i = 0; i < columns * rows; i++) {
        goes[i / 8] |= (uint8_t)((words[i] != 0) << i % 8);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static uint16_t before[CELLS], after[CELLS];
    uint8_t goes[CELLS / 8] = {0};
    struct err e = {0};
    if (len < HEAD) {
        return 0;
    }
    uint32_t columns = data[0] % SIDE + 1, rows = data[1] % SIDE + 1;
    unsigned bits = data[2] % 16 + 1;
    bool is_signed = (data[2] & 0x80) != 0;
    const double *scale = scales[data[3] % (sizeof scales / sizeof scales[0])];
    struct slice mask = slice_of(data + HEAD, len - HEAD);
    for (uint32_t i = 0; i < CELLS; i++) {
        before[i] = (uint16_t)(i * 40503U);
    }
    memcpy(after, before, sizeof after);
    int rc = gate_mask_fill(mask, columns, rows, scale[0], scale[1], bits, is_signed, after, 3, &e);
    if (rc != E_OK) {
        assert(e.code == rc && memcmp(before, after, sizeof after) == 0);
        return 0;
    }
    bits_of(mask, columns, rows, goes);
    check_filled(before, after, goes, columns * rows, bits, is_signed);
    struct buf packed;
    uint8_t again[CELLS / 8] = {0};
    buf_init(&packed, 65536);
    assert(gate_mask_pack(goes, columns, rows, &packed, &e) == E_OK);
    bits_of(buf_slice(&packed), columns, rows, again);
    assert(memcmp(goes, again, sizeof goes) == 0);
    buf_done(&packed);
    return 0;
}
