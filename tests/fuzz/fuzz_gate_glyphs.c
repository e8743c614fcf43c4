// SPDX-License-Identifier: Apache-2.0
// The detector of writing on frames of any description: 12 bytes of what the frames are like, then
// their samples (used again from the start where they end). Every box must lie in its frame, and a
// crop can be made of it.
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "gate/glyphs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define HEADER 12u
#define SIDE_MAX 200u
#define CROPS_MAX 4u

static struct px_frame describe(const uint8_t *p) {
    static const uint16_t allocated[] = {1, 8, 8, 16, 16, 32, 64, 12};
    struct px_frame f = {.columns = (uint16_t)(p[0] % SIDE_MAX + 1),
                         .rows = (uint16_t)(p[1] % SIDE_MAX + 1),
                         .samples = (uint16_t)(p[2] % 4 == 3 ? 3 : 1),
                         .bits_allocated = allocated[p[3] % 8],
                         .is_signed = (p[4] & 1) != 0,
                         .planar = (p[4] & 2) != 0,
                         .photometric = (enum px_photometric)(p[5] % PX_PHOTOMETRIC_COUNT),
                         .kind = (enum px_pixel_kind)(p[6] % 8 < 6 ? 0 : p[6] % 8 - 5)};
    f.bits_stored = (uint16_t)(f.bits_allocated - p[7] % 8);
    f.high_bit = (uint16_t)(f.bits_stored - 1 + p[8] % 3);
    return f;
}

static void crop(const struct px_frame *f, struct gate_box *box, uint8_t how) {
    struct buf out;
    struct err e = {0};
    buf_init(&out, (size_t)1 << 24);
    box->mirrored = (how & 1) != 0;
    box->turn = how / 2 % 4;
    if (gate_scan_crop(f, box, &out, &e) == E_OK) {
        assert(out.len == 4 + (size_t)num_le16(out.data) * num_le16(out.data + 2));
    }
    buf_done(&out);
}

static void scan(const struct px_frame *f, const uint8_t *p) {
    struct gate_scanner *s = NULL;
    struct gate_boxes boxes = {0};
    struct err e = {0};
    struct gate_scan_options options = {
        .second = (p[9] & 1) != 0, .ultrasound = (p[9] & 2) != 0, .radiograph = (p[9] & 4) != 0};
    uint32_t frames = p[10] % 4 + 1u;
    int code = gate_scanner_new(f->rows, f->columns, frames, &s, &e);
    assert(code == E_OK);
    for (uint32_t i = 0; i < frames && code == E_OK; i++) {
        code = gate_scan_frame(s, f, i, &options, &boxes, &e);
    }
    if (code == E_OK) {
        code = gate_scan_finish(s, &boxes, &e);
    }
    for (uint32_t i = 0; i < boxes.count; i++) {
        struct gate_box *b = &boxes.list[i];
        assert(b->width > 0 && b->height > 0 && b->x + b->width <= f->columns &&
               b->y + b->height <= f->rows && b->frame < frames);
        if (i < CROPS_MAX) {
            crop(f, b, p[11]);
        }
    }
    gate_boxes_done(&boxes);
    gate_scanner_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < HEADER) {
        return 0;
    }
    struct px_frame f = describe(data);
    size_t wanted = (size_t)px_frame_bytes(&f);
    size_t have = len - HEADER;
    uint8_t *bytes = mem_alloc(wanted == 0 ? 1 : wanted);
    if (bytes == NULL) {
        return 0;
    }
    for (size_t i = 0; i < wanted; i++) {
        bytes[i] = have == 0 ? 0 : data[HEADER + i % have];
    }
    f.data = bytes;
    f.len = wanted;
    scan(&f, data);
    mem_free(bytes);
    return 0;
}
