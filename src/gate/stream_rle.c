// SPDX-License-Identifier: Apache-2.0
#include "gate/stream_rle.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "gate/notes.h"
#include "pixel/rle.h"

struct layout {
    uint32_t count;
    size_t starts[PX_RLE_SEGMENTS_MAX + 1]; // the last one is the stream's end
};

static int fail(size_t at, const char *what, struct err *e) {
    err_set(e, E_CORRUPT, "RLE: %s", what);
    return err_at(e, at);
}

static int read_layout(struct slice stream, struct layout *l, struct err *e) {
    if (stream.len < PX_RLE_HEADER) {
        return fail(stream.len, "the header is cut", e);
    }
    l->count = num_le32(stream.ptr);
    if (l->count == 0 || l->count > PX_RLE_SEGMENTS_MAX) {
        return fail(0, "a number of segments that cannot be", e);
    }
    size_t before = PX_RLE_HEADER;
    for (uint32_t i = 0; i < l->count; i++) {
        size_t start = num_le32(stream.ptr + 4 + 4 * (size_t)i);
        if (start < before || start >= stream.len) {
            return fail(4 + 4 * (size_t)i, "a segment's offset is out of its place", e);
        }
        l->starts[i] = start;
        before = start + 1;
    }
    l->starts[l->count] = stream.len;
    return E_OK;
}

// Bytes of `segment` until `pixels` bytes are decoded (all of it when it gives fewer).
static size_t used_bytes(struct slice segment, uint64_t pixels, uint64_t *ret_decoded) {
    size_t at = 0;
    uint64_t decoded = 0;
    while (at < segment.len && decoded < pixels) {
        int8_t control = (int8_t)segment.ptr[at];
        size_t data = control >= 0 ? (size_t)control + 1 : control == -128 ? 0 : 1;
        if (data > segment.len - at - 1) {
            at = segment.len;
            break;
        }
        decoded += control >= 0 ? data : control == -128 ? 0 : (size_t)(1 - control);
        at += 1 + data;
    }
    *ret_decoded = decoded;
    return at;
}

static struct slice segment_of(struct slice stream, const struct layout *l, uint32_t i) {
    return slice_of(stream.ptr + l->starts[i], l->starts[i + 1] - l->starts[i]);
}

// What all segments decode to when nobody says: the least of them, since a padding byte may look
// like the beginning of one more run.
static uint64_t guess_pixels(struct slice stream, const struct layout *l) {
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; l->count > 1 && i < l->count; i++) {
        uint64_t decoded;
        (void)used_bytes(segment_of(stream, l, i), UINT64_MAX, &decoded);
        least = decoded < least ? decoded : least;
    }
    return least;
}

int gate_stream_rle(struct slice stream, uint64_t pixels, struct gate_notes *notes, uint32_t frame,
                    struct buf *out, bool *ret_changed, struct err *e) {
    struct layout l = {0};
    int code = read_layout(stream, &l, e);
    if (code != E_OK) {
        return code;
    }
    pixels = pixels == 0 ? guess_pixels(stream, &l) : pixels;
    size_t start = out->len;
    uint8_t header[PX_RLE_HEADER] = {0};
    num_put_le32(header, l.count);
    buf_put(out, header, sizeof header);
    for (uint32_t i = 0; i < l.count; i++) {
        uint64_t decoded;
        struct slice segment = segment_of(stream, &l, i);
        num_put_le32(header + 4 + 4 * (size_t)i, (uint32_t)(out->len - start));
        buf_put_slice(out, slice_first(segment, used_bytes(segment, pixels, &decoded)));
        if (((out->len - start) & 1) != 0) {
            buf_put_byte(out, 0);
        }
    }
    code = buf_check(out, "an RLE frame", e);
    if (code != E_OK) {
        return code;
    }
    memcpy(out->data + start, header, sizeof header);
    *ret_changed = !slice_eq(slice_of(out->data + start, out->len - start), stream);
    if (*ret_changed) {
        gate_notes_add(notes, GATE_KIND_CONTAINER, GATE_DONE_REMOVED, "frame %u behind a segment",
                       frame);
    }
    return E_OK;
}
