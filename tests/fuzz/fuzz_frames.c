// SPDX-License-Identifier: Apache-2.0
// Frame tables. The first byte chooses: a packed table as it might come out of a damaged catalogue,
// or a pixel element of fragments with its offset tables. Whatever table comes out must stay within
// the file and survive packing.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "pixel/frames.h"
#include "pixel/frames_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define FRAGMENTS_MAX 64u
#define ARENA_LIMIT ((size_t)64 << 20)
#define ASKED_MAX 200u // frames whose bytes are fetched

static const char *const syntaxes[] = {
    DCM_JPEG_BASELINE_UID,     DCM_RLE_UID,      "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.102", DCM_DEFLATED_UID,
};

static void use(const struct px_frames *t, struct slice file, bool ours) {
    CLEANUP(cleanup_buf) struct buf scratch;
    struct err e = {0};
    buf_init(&scratch, (size_t)1 << 20);
    for (uint32_t i = 0; i < t->count && i < ASKED_MAX; i++) {
        struct slice bytes;
        int code = px_frames_bytes(t, file, i, &scratch, &bytes, &e);
        if (ours && code != E_OK && t->source != PX_FRAMES_STREAM) {
            abort(); // a table that we made must fit the file it was made of
        }
    }
}

static void pack_again(struct arena *a, const struct px_frames *t) {
    CLEANUP(cleanup_buf) struct buf packed;
    struct px_frames back;
    struct err e = {0};
    buf_init(&packed, (size_t)64 << 20);
    px_frames_pack(t, &packed);
    if (px_frames_unpack(a, buf_slice(&packed), &back, &e) != E_OK) {
        if (e.code != E_MEMORY) {
            abort();
        }
        return;
    }
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->ranges[i].offset != back.ranges[i].offset ||
            t->ranges[i].length != back.ranges[i].length ||
            t->ranges[i].fragments != back.ranges[i].fragments) {
            abort();
        }
    }
}

// Items as they stand in a file, until the bytes no longer look like any.
static uint32_t cut_items(struct slice file, struct dcm_fragment out[FRAGMENTS_MAX]) {
    uint32_t count = 0;
    size_t at = 0;
    while (count < FRAGMENTS_MAX && file.len - at >= 8) {
        uint32_t length = num_le32(file.ptr + at + 4);
        if (num_le32(file.ptr + at) != 0xE000FFFEu || length > file.len - at - 8) {
            break;
        }
        out[count++] = (struct dcm_fragment){slice_of(file.ptr + at + 8, length), at};
        at += 8 + length;
    }
    return count;
}

static void from_fragments(struct arena *a, const uint8_t *data, size_t len) {
    if (len < 8) {
        return;
    }
    const char *uid = syntaxes[data[0] % (sizeof syntaxes / sizeof syntaxes[0])];
    struct px_image im = {.rows = 1u + data[1],
                          .columns = 1u + data[2],
                          .frames = 1u + num_le16(data + 3) % 300u,
                          .samples = 1,
                          .bits_allocated = 8,
                          .bits_stored = 8,
                          .high_bit = 7,
                          .pixel_height = 1,
                          .photometric = PX_MONOCHROME2,
                          .syntax = dcm_transfer_syntax_find(slice_str(uid))};
    struct dcm_fragment fragments[FRAGMENTS_MAX];
    size_t extended = data[5] % 64u * 8u;
    struct slice rest = slice_of(data + 8, len - 8);
    struct slice tables = slice_first(rest, 2 * extended);
    struct slice file = slice_from(rest, 2 * extended);
    struct px_encapsulated from = {.fragments = fragments,
                                   .count = cut_items(file, fragments),
                                   .extended_offsets = slice_first(tables, extended),
                                   .extended_lengths = slice_from(tables, extended)};
    struct px_frames t;
    struct err e = {0};
    if (px_frames_encapsulated(a, &im, &from, &t, &e) == E_OK) {
        use(&t, file, true);
        pack_again(a, &t);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena arena;
    struct err e = {0};
    struct px_frames t;
    arena_init(&arena, ARENA_LIMIT);
    if (len > 0 && data[0] % 2 == 0) {
        from_fragments(&arena, data + 1, len - 1);
    } else if (len > 0 && px_frames_unpack(&arena, slice_of(data + 1, len - 1), &t, &e) == E_OK) {
        use(&t, slice_of(data, len), false);
        pack_again(&arena, &t);
    }
    arena_done(&arena);
    return 0;
}
