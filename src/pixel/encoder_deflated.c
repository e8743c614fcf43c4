// SPDX-License-Identifier: Apache-2.0
#include "pixel/encoder_deflated.h"

#include <libdeflate.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "pixel/codec_deflated.h"

#define LEVEL 6

static const char *const syntaxes[] = {PX_DEFLATED_FRAME_UID, NULL};

static void release(struct libdeflate_compressor **c) {
    if (*c != NULL) {
        libdeflate_free_compressor(*c);
    }
}

static const char *refuse(const struct px_frame *f) {
    return f->kind == PX_PIXEL_INTEGER ? NULL : "does not code floating point samples";
}

static int encode(const struct px_frame *f, struct buf *out, struct err *e) {
    CLEANUP(release) struct libdeflate_compressor *c = libdeflate_alloc_compressor(LEVEL);
    if (c == NULL) {
        return err_set(e, E_MEMORY, "deflating a frame");
    }
    size_t len = (size_t)px_frame_bytes(f);
    size_t start = out->len;
    size_t room = libdeflate_deflate_compress_bound(c, len);
    uint8_t *to = buf_extend(out, room);
    if (to != NULL) {
        out->len = start + libdeflate_deflate_compress(c, f->data, len, to, room);
    }
    return buf_check(out, "a deflated frame", e);
}

const struct px_encoder px_encoder_deflated = {
    "Deflated Image Frame", syntaxes, false, refuse, NULL, encode};
