// SPDX-License-Identifier: Apache-2.0
#include "pixel/rle.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"

#define RUN_MAX 128u
#define CHUNK 16u // bytes moved at once while both sides have room for a whole run and a chunk

CLEANUP_DEFINE(bytes, uint8_t, mem_free);

struct plane {
    const uint8_t *in;
    const uint8_t *in_end;
    uint8_t *out;
    uint8_t *out_end;
};

static inline void copy_chunks(uint8_t *out, const uint8_t *in, size_t len) {
    for (size_t i = 0; i < len; i += CHUNK) {
        memcpy(out + i, in + i, CHUNK);
    }
}

static inline void fill_chunks(uint8_t *out, uint8_t value, size_t len) {
    for (size_t i = 0; i < len; i += CHUNK) {
        memset(out + i, value, CHUNK);
    }
}

// PackBits while a run of any length fits on both sides, so that no byte needs a check.
static void unpack_fast(struct plane *p) {
    const uint8_t *in = p->in;
    uint8_t *out = p->out;
    while ((size_t)(p->in_end - in) > RUN_MAX + CHUNK &&
           (size_t)(p->out_end - out) > RUN_MAX + CHUNK) {
        unsigned head = *in++;
        if (head < RUN_MAX) {
            copy_chunks(out, in, head + 1u);
            in += head + 1u;
            out += head + 1u;
        } else if (head > RUN_MAX) {
            fill_chunks(out, *in++, 257u - head);
            out += 257u - head;
        }
    }
    p->in = in;
    p->out = out;
}

static int unpack_one(struct plane *p, struct err *e) {
    unsigned head = *p->in++;
    if (head == RUN_MAX) {
        return E_OK;
    }
    size_t len = head < RUN_MAX ? head + 1u : 257u - head;
    size_t taken = head < RUN_MAX ? len : 1u;
    if ((size_t)(p->in_end - p->in) < taken) {
        return err_set(e, E_TRUNCATED, "an RLE run is cut");
    }
    if ((size_t)(p->out_end - p->out) < len) {
        return err_set(e, E_CORRUPT, "an RLE run goes over the end of the image");
    }
    if (head < RUN_MAX) {
        memcpy(p->out, p->in, len);
    } else {
        memset(p->out, *p->in, len);
    }
    p->in += taken;
    p->out += len;
    return E_OK;
}

// The segment from `begin` to `end` of a frame's bytes.
static int unpack(struct slice bytes, uint32_t begin, uint32_t end, uint8_t *out, uint64_t len,
                  struct err *e) {
    struct plane p = {bytes.ptr + begin, bytes.ptr + end, out, out + len};
    unpack_fast(&p);
    int code = E_OK;
    while (code == E_OK && p.out < p.out_end) {
        code = p.in == p.in_end
                   ? err_set(e, E_TRUNCATED, "an RLE segment holds %llu bytes of %llu",
                             (unsigned long long)(p.out - out), (unsigned long long)len)
                   : unpack_one(&p, e);
    }
    return code == E_OK ? E_OK : err_at(e, (uint64_t)(p.in - bytes.ptr));
}

// PS3.5 G.5: the number of segments, then the offset of each from the start of the header.
static int read_header(struct slice bytes, uint32_t wanted,
                       uint32_t offsets[PX_RLE_SEGMENTS_MAX + 1], struct err *e) {
    if (bytes.len < PX_RLE_HEADER) {
        return err_set(e, E_TRUNCATED, "an RLE frame of %zu bytes has no whole header", bytes.len);
    }
    uint32_t count = num_le32(bytes.ptr);
    if (count != wanted) {
        return err_set(e, E_MISMATCH, "%u RLE segments where the image needs %u", count, wanted);
    }
    for (uint32_t i = 0; i < count; i++) {
        offsets[i] = num_le32(bytes.ptr + 4 + 4 * (size_t)i);
        uint32_t least = i == 0 ? PX_RLE_HEADER : offsets[i - 1];
        if (offsets[i] < least || offsets[i] > bytes.len) {
            err_set(e, E_CORRUPT, "RLE segment %u begins at %u of %zu bytes", i + 1, offsets[i],
                    bytes.len);
            return err_at(e, 4 + 4 * (uint64_t)i);
        }
    }
    offsets[count] = bytes.len > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes.len;
    return E_OK;
}

static void merge_two(const uint8_t *restrict high, const uint8_t *restrict low, uint64_t pixels,
                      uint8_t *restrict out) {
    for (uint64_t i = 0; i < pixels; i++) {
        out[2 * i] = low[i];
        out[2 * i + 1] = high[i];
    }
}

static void merge_any(const uint8_t *restrict planes, const struct px_rle_shape *shape,
                      uint8_t *restrict out) {
    uint32_t step = (uint32_t)shape->samples * shape->sample_bytes;
    for (uint32_t s = 0; s < step; s++) {
        uint32_t sample = s / shape->sample_bytes;
        uint32_t byte = shape->sample_bytes - 1u - s % shape->sample_bytes;
        uint8_t *to = out + sample * shape->sample_bytes + byte;
        const uint8_t *plane = planes + s * shape->pixels;
        for (uint64_t i = 0; i < shape->pixels; i++) {
            to[i * step] = plane[i];
        }
    }
}

static bool shape_fits(const struct px_rle_shape *shape, uint64_t *ret_bytes) {
    uint32_t segments = (uint32_t)shape->samples * shape->sample_bytes;
    return segments >= 1 && segments <= PX_RLE_SEGMENTS_MAX &&
           num_mul(shape->pixels, segments, ret_bytes) && *ret_bytes <= SIZE_MAX / 2;
}

int px_rle_decode(struct slice bytes, const struct px_rle_shape *shape, uint8_t *out,
                  struct err *e) {
    uint32_t offsets[PX_RLE_SEGMENTS_MAX + 1];
    uint64_t total;
    if (!shape_fits(shape, &total)) {
        return err_set(e, E_LIMIT, "RLE holds at most %u segments", PX_RLE_SEGMENTS_MAX);
    }
    uint32_t segments = (uint32_t)shape->samples * shape->sample_bytes;
    int code = read_header(bytes, segments, offsets, e);
    CLEANUP(cleanup_bytes) uint8_t *planes = NULL;
    if (code == E_OK && segments > 1 && (planes = mem_alloc((size_t)total)) == NULL) {
        code = err_set(e, E_MEMORY, "planes of an RLE frame");
    }
    for (uint32_t i = 0; code == E_OK && i < segments; i++) {
        uint8_t *plane = segments == 1 ? out : planes + i * shape->pixels;
        code = unpack(bytes, offsets[i], offsets[i + 1], plane, shape->pixels, e);
        if (code != E_OK) {
            err_context(e, "segment %u of %u", i + 1, segments);
        }
    }
    if (code != E_OK || segments == 1) {
        return code;
    }
    if (segments == 2 && shape->samples == 1) {
        merge_two(planes, planes + shape->pixels, shape->pixels, out);
    } else {
        merge_any(planes, shape, out);
    }
    return E_OK;
}

static size_t run_at(const uint8_t *p, size_t left) {
    size_t limit = left < RUN_MAX ? left : RUN_MAX;
    size_t len = 1;
    while (len < limit && p[len] == p[0]) {
        len++;
    }
    return len;
}

static void put_literal(const uint8_t *p, size_t len, struct buf *out) {
    while (len > 0) {
        size_t part = len < RUN_MAX ? len : RUN_MAX;
        buf_put_byte(out, (uint8_t)(part - 1));
        buf_put(out, p, part);
        p += part;
        len -= part;
    }
}

// Runs of three and more are worth a run of their own; pairs only where no literal is open.
static void pack_row(const uint8_t *row, size_t len, struct buf *out) {
    size_t literal = 0; // bytes before `i` not yet written
    size_t i = 0;
    while (i < len) {
        size_t run = run_at(row + i, len - i);
        if (run >= 3 || (run == 2 && literal == 0)) {
            put_literal(row + i - literal, literal, out);
            literal = 0;
            buf_put_byte(out, (uint8_t)(257 - run));
            buf_put_byte(out, row[i]);
        } else {
            literal += run;
        }
        i += run;
    }
    put_literal(row + len - literal, literal, out);
}

static void pack_plane(const uint8_t *samples, uint32_t step, uint64_t pixels, uint64_t row_pixels,
                       uint8_t *row, struct buf *out) {
    for (uint64_t start = 0; start < pixels; start += row_pixels) {
        size_t len = (size_t)(pixels - start < row_pixels ? pixels - start : row_pixels);
        const uint8_t *from = samples + start * step;
        for (size_t i = 0; i < len; i++) {
            row[i] = from[i * step];
        }
        pack_row(row, len, out);
    }
}

int px_rle_encode(const uint8_t *samples, const struct px_rle_shape *shape, uint64_t row_pixels,
                  struct buf *out, struct err *e) {
    uint64_t total;
    if (!shape_fits(shape, &total) || row_pixels == 0) {
        return err_set(e, E_LIMIT, "RLE holds at most %u segments", PX_RLE_SEGMENTS_MAX);
    }
    CLEANUP(cleanup_bytes) uint8_t *row = mem_alloc((size_t)row_pixels);
    if (row == NULL) {
        return err_set(e, E_MEMORY, "a row of %llu bytes", (unsigned long long)row_pixels);
    }
    uint32_t step = (uint32_t)shape->samples * shape->sample_bytes;
    size_t start = out->len;
    uint8_t header[PX_RLE_HEADER] = {0};
    num_put_le32(header, step);
    buf_put(out, header, sizeof header);
    for (uint32_t s = 0; s < step && !out->failed; s++) {
        uint32_t byte = shape->sample_bytes - 1u - s % shape->sample_bytes;
        num_put_le32(out->data + start + 4 + 4 * (size_t)s, (uint32_t)(out->len - start));
        pack_plane(samples + s / shape->sample_bytes * shape->sample_bytes + byte, step,
                   shape->pixels, row_pixels, row, out);
        if ((out->len - start) % 2 != 0) {
            buf_put_byte(out, 0);
        }
    }
    return buf_check(out, "an RLE frame", e);
}
