// SPDX-License-Identifier: Apache-2.0
#include "archive/segment.h"

#define ZLIB_CONST
#include <zlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"

#define LEVEL 6
#define WINDOW_RAW (-15)

// A process has one compressor and uses it from one thread: the worker.
static z_stream compressor;
static bool compressor_made;

void segment_prepare(void) {
    if (!compressor_made) {
        compressor_made =
            deflateInit2(&compressor, LEVEL, Z_DEFLATED, WINDOW_RAW, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    }
}

int segment_make(struct slice text, struct buf *out, struct err *e) {
    segment_prepare();
    if (!compressor_made || deflateReset(&compressor) != Z_OK) {
        return err_set(e, E_MEMORY, "compression");
    }
    if (text.len > UINT32_MAX / 2) {
        return err_set(e, E_LIMIT, "metadata of %zu bytes", text.len);
    }
    size_t start = out->len;
    size_t room = deflateBound(&compressor, text.len) + 16;
    uint8_t *to = buf_extend(out, room);
    if (to == NULL) {
        return buf_check(out, "metadata", e);
    }
    compressor.next_in = text.ptr;
    compressor.avail_in = (uInt)text.len;
    compressor.next_out = to;
    compressor.avail_out = (uInt)room;
    int answer = deflate(&compressor, Z_FULL_FLUSH);
    if (answer != Z_OK || compressor.avail_in > 0 || compressor.avail_out == 0) {
        out->len = start;
        return err_set(e, E_INTERNAL, "compression: %d", answer);
    }
    out->len = start + (room - compressor.avail_out);
    return E_OK;
}

uint32_t segment_crc(struct slice text) { return (uint32_t)crc32_z(0, text.ptr, text.len); }

void segment_begin(struct segment_join *j, struct buf *out) {
    static const uint8_t header[] = {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF};
    *j = (struct segment_join){.out = out};
    buf_put(out, header, sizeof header);
}

static void combine(struct segment_join *j, uint32_t crc, uint64_t len) {
    if (len != j->last_len || j->len == 0) {
        j->crc_op = (uint32_t)crc32_combine_gen((z_off_t)len);
        j->last_len = (uint32_t)len;
    }
    j->crc = (uint32_t)crc32_combine_op(j->crc, crc, j->crc_op);
    j->len += len;
}

// Short texts (brackets, commas) go out as stored blocks and into the CRC directly.
void segment_text(struct segment_join *j, struct slice text) {
    uint8_t head[5] = {0};
    num_put_le16(head + 1, (uint16_t)text.len);
    num_put_le16(head + 3, (uint16_t)~text.len);
    buf_put(j->out, head, sizeof head);
    buf_put_slice(j->out, text);
    j->crc = (uint32_t)crc32_z(j->crc, text.ptr, text.len);
    j->len += text.len;
}

void segment_add(struct segment_join *j, struct slice segment, uint32_t crc, uint64_t text_len) {
    buf_put_slice(j->out, segment);
    combine(j, crc, text_len);
}

void segment_end(struct segment_join *j) {
    uint8_t tail[5 + 8] = {1, 0, 0, 0xFF, 0xFF}; // an empty stored block, the last
    num_put_le32(tail + 5, j->crc);
    num_put_le32(tail + 9, (uint32_t)j->len);
    buf_put(j->out, tail, sizeof tail);
}

static int inflate_piece(z_stream *z, struct slice segment, uint8_t *to, size_t len) {
    z->next_in = segment.ptr;
    z->avail_in = (uInt)segment.len;
    z->next_out = to;
    z->avail_out = (uInt)len;
    int answer = inflate(z, Z_SYNC_FLUSH);
    bool all = z->avail_out == 0 && (answer == Z_OK || answer == Z_BUF_ERROR);
    return all ? E_OK : E_CORRUPT;
}

int segment_inflate(struct slice segment, uint32_t crc, uint64_t text_len, struct buf *out,
                    struct err *e) {
    if (text_len > UINT32_MAX / 2 || segment.len > UINT32_MAX / 2) {
        return err_set(e, E_CORRUPT, "metadata lengths");
    }
    z_stream z = {0};
    if (inflateInit2(&z, WINDOW_RAW) != Z_OK) {
        return err_set(e, E_MEMORY, "inflating metadata");
    }
    size_t start = out->len;
    uint8_t *to = buf_extend(out, (size_t)text_len);
    int rc = to == NULL ? buf_check(out, "metadata", e)
                        : inflate_piece(&z, segment, to, (size_t)text_len);
    inflateEnd(&z);
    if (rc == E_OK && segment_crc(slice_of(to, (size_t)text_len)) == crc) {
        return E_OK;
    }
    out->len = start;
    return to == NULL ? rc : err_set(e, E_CORRUPT, "metadata is damaged");
}
