// SPDX-License-Identifier: Apache-2.0
// Coded streams through their cleaners. The first byte chooses the syntax, the second the size of
// the image. What comes out is clean: cleaned again it is the same; and a stream that decoded
// decodes to the same samples.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "codec_input.h"
#include "gate/container.h"
#include "gate/notes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define OUT_MAX ((size_t)16 << 20)
#define ARENA_LIMIT ((size_t)16 << 20)

static const char *const syntaxes[] = {
    DCM_JPEG_BASELINE_UID,
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    DCM_RLE_UID,
    "1.2.840.10008.1.2.8.1",
    "1.2.840.10008.1.2.4.100",
};

static int clean(const struct px_image *im, struct slice stream, struct arena *a, struct buf *out,
                 bool *ret_changed) {
    struct gate_notes notes;
    struct err e = {0};
    gate_notes_init(&notes, a);
    int code = gate_frame_clean(im, stream, &notes, 0, out, ret_changed, &e);
    if (code != E_OK && (e.code != code || e.text[0] == '\0')) {
        abort();
    }
    return code;
}

// Whether `stream` decodes, and to what.
static bool decode(const struct px_image *im, struct slice stream, struct px_frame *frame) {
    struct err e = {0};
    const struct px_codec *codec = px_codec_find(im->syntax->uid);
    return codec != NULL && px_can_decode(im, NULL) &&
           codec->decode(im, stream, 0, frame, &e) == E_OK;
}

static void compare(const struct px_image *im, struct slice before, struct slice after) {
    CLEANUP(cleanup_px_frame) struct px_frame a = {0};
    CLEANUP(cleanup_px_frame) struct px_frame b = {0};
    if (!decode(im, before, &a)) {
        return;
    }
    if (!decode(im, after, &b) || a.len != b.len || memcmp(a.data, b.data, a.len) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < 3) {
        return 0;
    }
    const char *uid = syntaxes[data[0] % (sizeof syntaxes / sizeof syntaxes[0])];
    struct px_image im = input_image(data + 1, uid, 1 + (data[1] >> 4), 1 + (data[2] & 15u),
                                     (data[2] & 16) != 0 ? 3 : 1, 8);
    struct slice stream = slice_of(data + 3, len - 3);
    CLEANUP(cleanup_buf) struct buf once;
    CLEANUP(cleanup_buf) struct buf twice;
    CLEANUP(arena_done) struct arena a;
    bool changed = false;
    buf_init(&once, OUT_MAX);
    buf_init(&twice, OUT_MAX);
    arena_init(&a, ARENA_LIMIT);
    if (clean(&im, stream, &a, &once, &changed) != E_OK) {
        return 0;
    }
    if (!changed && (once.len > stream.len || memcmp(once.data, stream.ptr, once.len) != 0)) {
        abort();
    }
    if (clean(&im, buf_slice(&once), &a, &twice, &changed) != E_OK || changed ||
        !slice_eq(buf_slice(&once), buf_slice(&twice))) {
        abort();
    }
    compare(&im, stream, buf_slice(&once));
    return 0;
}
