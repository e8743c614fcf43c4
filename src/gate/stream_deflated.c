// SPDX-License-Identifier: Apache-2.0
#include "gate/stream_deflated.h"

#include <zlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "gate/notes.h"
#include "pixel/image.h"

#define STEP ((size_t)1 << 30) // zlib counts in 32 bits
#define WINDOW 65536u

static void end(z_stream *z) { (void)inflateEnd(z); }

// Bytes of the stream up to the end of its final block; the text goes nowhere.
static int measure(struct slice stream, int bits, size_t *ret_used, struct err *e) {
    uint8_t text[WINDOW];
    CLEANUP(end) z_stream z = {0};
    if (inflateInit2(&z, bits) != Z_OK) {
        return err_set(e, E_MEMORY, "inflating a frame");
    }
    size_t at = 0;
    uint64_t inflated = 0;
    for (int status = Z_OK; status != Z_STREAM_END;) {
        if (z.avail_in == 0) {
            z.avail_in = (uInt)(stream.len - at < STEP ? stream.len - at : STEP);
            z.next_in = (Bytef *)(uintptr_t)(stream.ptr + at);
            at += z.avail_in;
        }
        z.next_out = text;
        z.avail_out = WINDOW;
        status = inflate(&z, Z_NO_FLUSH);
        inflated += WINDOW - z.avail_out;
        if (status != Z_OK && status != Z_STREAM_END) {
            return err_set(e, E_CORRUPT, "a frame that does not inflate");
        }
        if (inflated > PX_FRAME_BYTES_MAX) {
            return err_set(e, E_LIMIT, "a deflated frame larger than any frame");
        }
    }
    *ret_used = at - z.avail_in;
    return E_OK;
}

int gate_stream_deflated(struct slice stream, struct gate_notes *notes, uint32_t frame,
                         struct buf *out, bool *ret_changed, struct err *e) {
    size_t used;
    int code = measure(stream, -MAX_WBITS, &used, e);
    if (code == E_CORRUPT && stream.len > 2 && (stream.ptr[0] & 15u) == 8) {
        code = measure(stream, MAX_WBITS, &used, e); // with zlib's header: what codecs take, too
    }
    if (code != E_OK) {
        return code;
    }
    struct slice rest = slice_from(stream, used);
    *ret_changed = rest.len > 1 || (rest.len == 1 && rest.ptr[0] != 0);
    if (*ret_changed) {
        gate_notes_add(notes, GATE_KIND_CONTAINER, GATE_DONE_REMOVED, "frame %u behind the end",
                       frame);
    }
    buf_put_slice(out, slice_first(stream, used));
    return buf_check(out, "a deflated frame", e);
}
