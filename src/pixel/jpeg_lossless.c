// SPDX-License-Identifier: Apache-2.0
// Rows of a scan are decoded one behind the other into two row buffers a component (the row above
// is what predictors look at), or straight into the frame where its layout is theirs. A row is
// written for one predictor at a time: the compiler makes seven of each.
#include "pixel/jpeg_lossless.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "pixel/jpeg_huffman.h"
#include "pixel/jpeg_stream.h"

#define PARTS_MAX PX_JPEG_COMPONENTS_MAX
#define ALWAYS_INLINE static inline __attribute__((always_inline))

struct scan {
    struct px_jpeg_stream *stream;
    const struct px_jpeg_lossless_out *out;
    struct px_jpeg_diffs *tables;                 // one a part; the caller's
    const struct px_jpeg_diffs *diffs[PARTS_MAX]; // of each part; parts may share one
    uint16_t *above[PARTS_MAX];                   // rows of samples before the point transform
    uint16_t *row[PARTS_MAX];
    struct px_jpeg_bits bits;
    size_t segment; // where it begins in the stream
    uint16_t start; // prediction of the first sample
    bool direct;    // rows lie in the frame
    bool bad;       // a code that no symbol has
};

CLEANUP_DEFINE(tables, struct px_jpeg_diffs, mem_free);
CLEANUP_DEFINE(words, uint16_t, mem_free);

// H.1.2.1, table H.1: a left, b above, c above left. Sums go modulo 2^16 (H.1.2.2).
ALWAYS_INLINE int32_t predict(int selection, int32_t a, int32_t b, int32_t c) {
    switch (selection) {
    case 1:
        return a;
    case 2:
        return b;
    case 3:
        return c;
    case 4:
        return a + b - c;
    case 5:
        return a + ((b - c) >> 1);
    case 6:
        return b + ((a - c) >> 1);
    default:
        return (a + b) >> 1;
    }
}

// Four of these take at most 52 of the 56 bits of a full window; those that take more fill it
// again.
ALWAYS_INLINE int32_t next_diff(struct px_jpeg_bits *b, const struct px_jpeg_diffs *d, bool *bad) {
    int32_t entry = d->fast[b->window >> (64 - PX_JPEG_DIFF_BITS)];
    if (__builtin_expect((int8_t)entry > 0, 1)) {
        px_jpeg_drop(b, (unsigned)entry & 0xFF);
        return entry >> 8;
    }
    int32_t value;
    if (entry != 0) {
        unsigned size = (unsigned)entry >> 8;
        px_jpeg_refill(b);
        px_jpeg_drop(b, (unsigned)entry & 0x7F);
        value = px_jpeg_extend(px_jpeg_take(b, size), size);
        px_jpeg_refill(b);
        return value;
    }
    *b = px_jpeg_diff_slow(*b, d, &value);
    *bad |= value == PX_JPEG_NO_DIFF;
    return value == PX_JPEG_NO_DIFF ? 0 : value;
}

ALWAYS_INLINE void one_component(struct scan *s, int selection, uint32_t columns) {
    struct px_jpeg_bits b = s->bits;
    const struct px_jpeg_diffs *d = s->diffs[0];
    const uint16_t *restrict above = s->above[0];
    uint16_t *restrict row = s->row[0];
    bool bad = false;
    int32_t left = row[0];
    uint32_t x = 1;
    for (; x + 4 <= columns; x += 4) {
        px_jpeg_refill(&b);
        for (uint32_t k = 0; k < 4; k++) {
            int32_t p = predict(selection, left, above[x + k], above[x + k - 1]);
            left = (uint16_t)(p + next_diff(&b, d, &bad));
            row[x + k] = (uint16_t)left;
        }
    }
    for (; x < columns; x++) {
        px_jpeg_refill(&b);
        int32_t p = predict(selection, left, above[x], above[x - 1]);
        left = (uint16_t)(p + next_diff(&b, d, &bad));
        row[x] = (uint16_t)left;
    }
    s->bits = b;
    s->bad |= bad;
}

ALWAYS_INLINE void interleaved(struct scan *s, int selection, uint32_t columns, unsigned parts) {
    struct px_jpeg_bits b = s->bits;
    bool bad = false;
    for (uint32_t x = 1; x < columns; x++) {
        px_jpeg_refill(&b);
        for (unsigned i = 0; i < parts; i++) {
            uint16_t *row = s->row[i];
            const uint16_t *above = s->above[i];
            int32_t p = predict(selection, row[x - 1], above[x], above[x - 1]);
            row[x] = (uint16_t)(p + next_diff(&b, s->diffs[i], &bad));
        }
    }
    s->bits = b;
    s->bad |= bad;
}

#define EACH_PREDICTOR(call)                                                                       \
    switch (selection) {                                                                           \
    case 1:                                                                                        \
        call(1);                                                                                   \
        break;                                                                                     \
    case 2:                                                                                        \
        call(2);                                                                                   \
        break;                                                                                     \
    case 3:                                                                                        \
        call(3);                                                                                   \
        break;                                                                                     \
    case 4:                                                                                        \
        call(4);                                                                                   \
        break;                                                                                     \
    case 5:                                                                                        \
        call(5);                                                                                   \
        break;                                                                                     \
    case 6:                                                                                        \
        call(6);                                                                                   \
        break;                                                                                     \
    default:                                                                                       \
        call(7);                                                                                   \
        break;                                                                                     \
    }

static void row_of_one(struct scan *s, int selection, uint32_t columns) {
#define ROW(n) one_component(s, n, columns)
    EACH_PREDICTOR(ROW)
#undef ROW
}

static void row_of_three(struct scan *s, int selection, uint32_t columns) {
#define ROW(n) interleaved(s, n, columns, 3)
    EACH_PREDICTOR(ROW)
#undef ROW
}

static void row_of_many(struct scan *s, int selection, uint32_t columns, unsigned parts) {
#define ROW(n) interleaved(s, n, columns, parts)
    EACH_PREDICTOR(ROW)
#undef ROW
}

// The first row of an interval is predicted from the left, the first sample of the others from
// above (H.1.1, H.1.2.1).
static void decode_row(struct scan *s, bool first) {
    unsigned parts = s->stream->scan.count;
    int selection = first ? 1 : s->stream->scan.first;
    for (unsigned i = 0; i < parts; i++) {
        px_jpeg_refill(&s->bits);
        int32_t base = first ? s->start : s->above[i][0];
        s->row[i][0] = (uint16_t)(base + next_diff(&s->bits, s->diffs[i], &s->bad));
    }
    if (parts == 1) {
        row_of_one(s, selection, s->out->columns);
    } else if (parts == 3) {
        row_of_three(s, selection, s->out->columns);
    } else {
        row_of_many(s, selection, s->out->columns, parts);
    }
}

static void store(const uint16_t *row, const struct px_jpeg_lossless_out *out, unsigned component,
                  unsigned low, uint32_t y) {
    size_t step = out->components;
    size_t first = (size_t)y * out->columns * step + component;
    if (out->sample_bytes == 1) {
        uint8_t *to = out->samples + first;
        for (uint32_t x = 0; x < out->columns; x++) {
            to[x * step] = (uint8_t)(row[x] << low);
        }
        return;
    }
    uint8_t *to = out->samples + first * 2;
    for (uint32_t x = 0; x < out->columns; x++) {
        num_put_le16(to + x * step * 2, (uint16_t)(row[x] << low));
    }
}

// What the rows just decoded are: stored, and from now on above.
static void finish_row(struct scan *s, uint32_t y) {
    const struct px_jpeg_scan *scan = &s->stream->scan;
    for (unsigned i = 0; i < scan->count; i++) {
        if (!s->direct) {
            store(s->row[i], s->out, scan->part[i].component, scan->low, y);
        }
        uint16_t *done = s->row[i];
        s->row[i] = s->direct ? done + s->out->columns : s->above[i];
        s->above[i] = done;
    }
}

static int check_row(const struct scan *s, uint32_t y, struct err *e) {
    bool over = px_jpeg_bits_over(&s->bits);
    if (!over && !s->bad) {
        return E_OK;
    }
    err_set(e, over ? E_TRUNCATED : E_CORRUPT,
            over ? "lossless JPEG ends within row %u of %u"
                 : "lossless JPEG: a code without a meaning in row %u of %u",
            y + 1, s->out->rows);
    return err_at(e, px_jpeg_place(s->stream, s->segment, px_jpeg_bits_used(&s->bits) / 8));
}

static int next_segment(struct scan *s, struct buf *scratch, struct err *e) {
    struct slice bytes;
    s->segment = s->stream->at;
    int code = px_jpeg_segment(s->stream, scratch, &bytes, e);
    if (code == E_OK) {
        s->bits = px_jpeg_bits_of(bytes);
    }
    return code;
}

static int decode_rows(struct scan *s, struct buf *scratch, struct err *e) {
    uint32_t interval = s->stream->restart_interval / s->out->columns; // rows; 0: no restarts
    int code = next_segment(s, scratch, e);
    for (uint32_t y = 0; code == E_OK && y < s->out->rows; y++) {
        bool first = interval == 0 ? y == 0 : y % interval == 0;
        if (first && y > 0) {
            code = px_jpeg_restart(s->stream, y / interval - 1, e);
            code = code == E_OK ? next_segment(s, scratch, e) : code;
        }
        if (code == E_OK) {
            decode_row(s, first);
            code = check_row(s, y, e);
            finish_row(s, y);
        }
    }
    return code;
}

static int check_scan(const struct px_jpeg_stream *stream, const struct px_jpeg_lossless_out *out,
                      struct err *e) {
    const struct px_jpeg_scan *scan = &stream->scan;
    if (scan->first < 1 || scan->first > 7 || scan->low >= stream->frame.precision) {
        return err_set(e, E_CORRUPT, "lossless JPEG with predictor %u and point transform %u",
                       scan->first, scan->low);
    }
    if (stream->restart_interval % out->columns != 0) {
        return err_set(e, E_CORRUPT, "lossless JPEG that restarts after %u of %u columns",
                       stream->restart_interval, out->columns);
    }
    return E_OK;
}

static int make_tables(struct scan *s, struct err *e) {
    const struct px_jpeg_scan *scan = &s->stream->scan;
    int code = E_OK;
    for (unsigned i = 0; code == E_OK && i < scan->count; i++) {
        s->diffs[i] = NULL;
        for (unsigned k = 0; k < i; k++) {
            s->diffs[i] = scan->part[k].dc == scan->part[i].dc ? s->diffs[k] : s->diffs[i];
        }
        if (s->diffs[i] == NULL) {
            code = px_jpeg_diffs_make(&s->tables[i], &s->stream->dc[scan->part[i].dc], e);
            s->diffs[i] = &s->tables[i];
        }
    }
    return code;
}

static int decode_scan(struct px_jpeg_stream *stream, const struct px_jpeg_lossless_out *out,
                       struct px_jpeg_diffs *tables, struct buf *scratch, struct err *e) {
    struct scan s = {.stream = stream, .out = out, .tables = tables};
    int code = check_scan(stream, out, e);
    code = code == E_OK ? make_tables(&s, e) : code;
    if (code != E_OK) {
        return err_at(e, stream->at);
    }
    unsigned low = stream->scan.low;
    s.start = (uint16_t)(1u << (stream->frame.precision - low - 1));
    s.direct = out->components == 1 && out->sample_bytes == 2 && low == 0;
    CLEANUP(cleanup_words) uint16_t *rows = mem_array(2 * PARTS_MAX, out->columns * sizeof *rows);
    if (rows == NULL) {
        return err_set(e, E_MEMORY, "rows of lossless JPEG");
    }
    for (size_t i = 0; i < PARTS_MAX; i++) {
        s.above[i] = rows + 2 * i * out->columns;
        s.row[i] = s.above[i] + out->columns;
    }
    if (s.direct) {
        s.row[0] = (uint16_t *)(void *)out->samples;
    }
    return decode_rows(&s, scratch, e);
}

static int check_frame(const struct px_jpeg_stream *s, struct err *e) {
    const struct px_jpeg_frame *f = &s->frame;
    if (f->precision < 2 || f->precision > 16) {
        return err_set(e, E_CORRUPT, "lossless JPEG of %u bits", f->precision);
    }
    for (unsigned i = 0; i < f->count; i++) {
        if (f->components[i].across != f->across || f->components[i].down != f->down) {
            return err_set(
                e, E_NOT_ACCEPTABLE,
                "lossless JPEG with subsampled components is not decoded by this server");
        }
    }
    return E_OK;
}

static int decode_scans(struct px_jpeg_stream *s, const struct px_jpeg_lossless_out *out,
                        struct px_jpeg_diffs *tables, struct buf *scratch, struct err *e) {
    unsigned missing = (1u << out->components) - 1;
    while (missing != 0) {
        int more = px_jpeg_next_scan(s, e);
        if (more == 0) {
            err_set(e, E_TRUNCATED, "lossless JPEG ends before its last component");
            return err_at(e, s->at);
        }
        int code = more < 0 ? more : decode_scan(s, out, tables, scratch, e);
        if (code != E_OK) {
            return code;
        }
        for (unsigned i = 0; i < s->scan.count; i++) {
            missing &= ~(1u << s->scan.part[i].component);
        }
    }
    return E_OK;
}

int px_jpeg_lossless_read(struct px_jpeg_stream *s, const struct px_jpeg_lossless_out *out,
                          struct err *e) {
    int code = check_frame(s, e);
    if (code != E_OK) {
        return code;
    }
    CLEANUP(cleanup_buf) struct buf scratch;
    CLEANUP(cleanup_tables) struct px_jpeg_diffs *tables = mem_array(PARTS_MAX, sizeof *tables);
    buf_init(&scratch, s->bytes.len + PX_JPEG_PAD);
    if (tables == NULL) {
        return err_set(e, E_MEMORY, "tables of lossless JPEG");
    }
    code = decode_scans(s, out, tables, &scratch, e);
    if (code == E_OK && s->frame.rows == 0) { // DNL follows the first scan (B.2.5)
        code = px_jpeg_next_scan(s, e);
        code = code < 0 ? code : E_OK;
        if (code == E_OK && s->lines != 0 && s->lines != out->rows) {
            code = err_set(e, E_MISMATCH, "the JPEG stream has %u lines, the data set says %u",
                           s->lines, out->rows);
        }
    }
    return code;
}
