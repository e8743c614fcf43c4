// SPDX-License-Identifier: Apache-2.0
// All coefficients of the frame are gathered first, for sequential and progressive streams alike,
// then each component is transformed and brought to full size.
#include "pixel/jpeg_dct.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "pixel/jpeg_blocks.h"
#include "pixel/jpeg_idct.h"
#include "pixel/jpeg_stream.h"

#define SIDE 8u // of a block
#define BLOCK 64u

struct plane {
    uint32_t across; // blocks with those that fill the last MCU
    uint32_t down;
    uint32_t own_across; // blocks that hold samples: what a scan of this component alone codes
    uint32_t own_down;
    uint32_t width; // samples
    uint32_t height;
    int16_t *coefficients; // BLOCK for each block, row by row
};

struct dct {
    struct px_jpeg_stream *stream;
    uint16_t rows;
    uint32_t mcus_across;
    uint32_t mcus_down;
    struct plane planes[PX_JPEG_COMPONENTS_MAX];
    struct px_jpeg_codes *codes; // PX_JPEG_TABLES of DC, then as many of AC
    struct buf scratch;
    size_t segment;
};

CLEANUP_DEFINE(words, uint16_t, mem_free);

static void done(struct dct *d) {
    for (unsigned i = 0; i < PX_JPEG_COMPONENTS_MAX; i++) {
        mem_free(d->planes[i].coefficients);
    }
    mem_free(d->codes);
    buf_done(&d->scratch);
}

static uint32_t divided_up(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

static int make_planes(struct dct *d, struct err *e) {
    const struct px_jpeg_frame *f = &d->stream->frame;
    d->mcus_across = divided_up(f->columns, SIDE * f->across);
    d->mcus_down = divided_up(d->rows, SIDE * f->down);
    uint64_t total = 0;
    for (unsigned i = 0; i < f->count; i++) {
        const struct px_jpeg_component *c = &f->components[i];
        struct plane *p = &d->planes[i];
        p->across = d->mcus_across * c->across;
        p->down = d->mcus_down * c->down;
        p->width = divided_up((uint32_t)f->columns * c->across, f->across);
        p->height = divided_up((uint32_t)d->rows * c->down, f->down);
        p->own_across = divided_up(p->width, SIDE);
        p->own_down = divided_up(p->height, SIDE);
        uint64_t bytes = (uint64_t)p->across * p->down * BLOCK * sizeof(int16_t);
        total += bytes;
        if (total > PX_JPEG_COEFFICIENT_BYTES_MAX) {
            return err_set(e, E_LIMIT, "a JPEG frame of over %llu bytes of coefficients",
                           (unsigned long long)PX_JPEG_COEFFICIENT_BYTES_MAX);
        }
        p->coefficients = mem_zalloc((size_t)bytes);
        if (p->coefficients == NULL) {
            return err_set(e, E_MEMORY, "coefficients of a JPEG frame");
        }
    }
    return E_OK;
}

static int16_t *block_at(const struct plane *p, uint32_t x, uint32_t y) {
    return p->coefficients + ((size_t)y * p->across + x) * BLOCK;
}

static px_jpeg_block_fn block_function(const struct px_jpeg_stream *s) {
    if (s->frame.process != PX_JPEG_PROGRESSIVE) {
        return px_jpeg_block_sequential;
    }
    if (s->scan.first == 0) {
        return s->scan.high == 0 ? px_jpeg_block_dc_first : px_jpeg_block_dc_refine;
    }
    return s->scan.high == 0 ? px_jpeg_block_ac_first : px_jpeg_block_ac_refine;
}

// Table B.3, G.1.1.1.1. What a sequential scan says of a band means nothing, and writers say odd
// things.
static bool scan_allowed(const struct px_jpeg_stream *s) {
    const struct px_jpeg_scan *scan = &s->scan;
    if (s->frame.process != PX_JPEG_PROGRESSIVE) {
        return true;
    }
    bool band = scan->first == 0 ? scan->last == 0
                                 : scan->last >= scan->first && scan->last < 64 && scan->count == 1;
    return band && scan->low <= 13 && (scan->high == 0 || scan->high == scan->low + 1);
}

static int get_table(struct dct *d, const struct px_jpeg_huffman *from, unsigned slot,
                     const struct px_jpeg_codes **ret_codes, struct err *e) {
    int code = px_jpeg_codes_make(&d->codes[slot], from, e);
    *ret_codes = code == E_OK ? &d->codes[slot] : NULL;
    return code;
}

static int get_tables(struct dct *d, struct px_jpeg_block_scan *b, struct err *e) {
    const struct px_jpeg_stream *s = d->stream;
    bool progressive = s->frame.process == PX_JPEG_PROGRESSIVE;
    bool needs_dc = !progressive || (s->scan.first == 0 && s->scan.high == 0);
    bool needs_ac = !progressive || s->scan.first > 0;
    int code = E_OK;
    for (unsigned i = 0; code == E_OK && i < s->scan.count; i++) {
        unsigned dc = s->scan.part[i].dc;
        unsigned ac = s->scan.part[i].ac;
        if (needs_dc) {
            code = get_table(d, &s->dc[dc], dc, &b->dc[i], e);
        }
        if (code == E_OK && needs_ac) {
            code = get_table(d, &s->ac[ac], PX_JPEG_TABLES + ac, &b->ac[i], e);
        }
    }
    return code;
}

struct walk {
    uint32_t across; // MCUs of this scan
    uint32_t down;
    px_jpeg_block_fn decode;
};

// A scan of one component goes block by block over what holds samples (A.2.2), others by MCUs.
static struct walk walk_of(const struct dct *d) {
    const struct px_jpeg_scan *scan = &d->stream->scan;
    const struct plane *p = &d->planes[scan->part[0].component];
    struct walk w = {d->mcus_across, d->mcus_down, block_function(d->stream)};
    if (scan->count == 1) {
        w.across = p->own_across;
        w.down = p->own_down;
    }
    return w;
}

static void decode_mcu(struct dct *d, const struct walk *w, struct px_jpeg_block_scan *b,
                       uint32_t x, uint32_t y) {
    const struct px_jpeg_scan *scan = &d->stream->scan;
    if (scan->count == 1) {
        w->decode(b, 0, block_at(&d->planes[scan->part[0].component], x, y));
        return;
    }
    for (unsigned i = 0; i < scan->count; i++) {
        unsigned index = scan->part[i].component;
        const struct px_jpeg_component *c = &d->stream->frame.components[index];
        for (unsigned v = 0; v < c->down; v++) {
            for (unsigned h = 0; h < c->across; h++) {
                w->decode(b, i, block_at(&d->planes[index], x * c->across + h, y * c->down + v));
            }
        }
    }
}

static int next_segment(struct dct *d, struct px_jpeg_block_scan *b, struct err *e) {
    struct slice bytes;
    d->segment = d->stream->at;
    int code = px_jpeg_segment(d->stream, &d->scratch, &bytes, e);
    if (code == E_OK) {
        b->bits = px_jpeg_bits_of(bytes);
        b->skip = 0;
        memset(b->before, 0, sizeof b->before);
    }
    return code;
}

static int check(const struct dct *d, const struct px_jpeg_block_scan *b, struct err *e) {
    bool over = px_jpeg_bits_over(&b->bits);
    if (!over && !b->bad) {
        return E_OK;
    }
    err_set(e, over ? E_TRUNCATED : E_CORRUPT,
            over ? "the JPEG stream ends within a scan" : "JPEG: a code without a meaning");
    return err_at(e, px_jpeg_place(d->stream, d->segment, px_jpeg_bits_used(&b->bits) / 8));
}

static int decode_scan(struct dct *d, struct err *e) {
    const struct px_jpeg_scan *scan = &d->stream->scan;
    struct px_jpeg_block_scan b = {.first = scan->first, .last = scan->last, .low = scan->low};
    if (!scan_allowed(d->stream)) {
        err_set(e, E_CORRUPT, "JPEG: a scan of coefficients %u to %u, bits %u to %u", scan->first,
                scan->last, scan->high, scan->low);
        return err_at(e, d->stream->at);
    }
    int code = get_tables(d, &b, e);
    if (code != E_OK) {
        return err_at(e, d->stream->at);
    }
    struct walk w = walk_of(d);
    uint64_t interval = d->stream->restart_interval;
    uint64_t number = 0;
    code = next_segment(d, &b, e);
    for (uint32_t y = 0; code == E_OK && y < w.down; y++) {
        for (uint32_t x = 0; code == E_OK && x < w.across; x++, number++) {
            if (interval > 0 && number > 0 && number % interval == 0) {
                code = check(d, &b, e);
                code = code == E_OK ? px_jpeg_restart(d->stream, number / interval - 1, e) : code;
                code = code == E_OK ? next_segment(d, &b, e) : code;
            }
            if (code == E_OK) {
                decode_mcu(d, &w, &b, x, y);
            }
        }
        code = code == E_OK ? check(d, &b, e) : code;
    }
    return code;
}

static int decode_scans(struct dct *d, struct err *e) {
    unsigned missing = (1u << d->stream->frame.count) - 1;
    bool progressive = d->stream->frame.process == PX_JPEG_PROGRESSIVE;
    int more = 1;
    while (more > 0 && (missing != 0 || progressive)) {
        more = px_jpeg_next_scan(d->stream, e);
        int code = more > 0 ? decode_scan(d, e) : more;
        if (code != E_OK) {
            return code;
        }
        for (unsigned i = 0; more > 0 && i < d->stream->scan.count; i++) {
            missing &= ~(1u << d->stream->scan.part[i].component);
        }
    }
    // How many scans a progressive picture has, only its end marker tells.
    if (missing != 0 || (progressive && !d->stream->ended)) {
        err_set(e, E_TRUNCATED, "the JPEG stream ends before its last scan");
        return err_at(e, d->stream->at);
    }
    return E_OK;
}

// One component's samples, blocks that only fill the last MCU included: p->across * 8 a row.
static void transform(const struct dct *d, unsigned index, uint16_t *out) {
    const struct plane *p = &d->planes[index];
    const uint16_t *quant = d->stream->quant[d->stream->frame.components[index].quant];
    int32_t steps[BLOCK];
    for (unsigned k = 0; k < BLOCK; k++) {
        steps[px_jpeg_zigzag[k]] = quant[k];
    }
    int32_t most = (1 << d->stream->frame.precision) - 1;
    size_t stride = (size_t)p->across * SIDE;
    for (uint32_t y = 0; y < p->down; y++) {
        for (uint32_t x = 0; x < p->across; x++) {
            const int16_t *block = block_at(p, x, y);
            int32_t values[BLOCK];
            for (unsigned k = 0; k < BLOCK; k++) {
                values[k] = block[k] * steps[k];
            }
            px_jpeg_idct(values, most, out + (size_t)y * SIDE * stride + (size_t)x * SIDE, stride);
        }
    }
}

// Full-size sample x of two half-size neighbours: three parts of the nearer, one of the other,
// rounded down and up in turn. The outermost have no other.
static uint32_t across_pair(const uint16_t *row, uint32_t width, uint32_t x) {
    uint32_t near = row[x / 2];
    if (x % 2 == 0) {
        return x == 0 ? near : (near * 3 + row[x / 2 - 1] + 1) >> 2;
    }
    return x / 2 + 1 >= width ? near : (near * 3 + row[x / 2 + 1] + 2) >> 2;
}

// The same in both directions: 9, 3, 3 and 1 parts.
static uint32_t around(const uint16_t *near_row, const uint16_t *far_row, uint32_t width,
                       uint32_t x) {
    uint32_t i = x / 2;
    uint32_t near = near_row[i] * 3u + far_row[i];
    bool last = x % 2 == 0 ? i == 0 : i + 1 >= width;
    if (last) {
        return (near * 4 + (x % 2 == 0 ? 8 : 7)) >> 4;
    }
    uint32_t other = x % 2 == 0 ? i - 1 : i + 1;
    uint32_t far = near_row[other] * 3u + far_row[other];
    return (near * 3 + far + (x % 2 == 0 ? 8 : 7)) >> 4;
}

struct spread {
    const uint16_t *samples;
    size_t stride;
    uint32_t width;
    uint32_t height;
    unsigned across; // full-size samples for one
    unsigned down;
};

static uint32_t sample_at(const struct spread *s, uint32_t x, uint32_t y) {
    const uint16_t *row = s->samples + (size_t)(y / s->down) * s->stride;
    if (s->across == 2 && s->down == 1 && s->width > 2) {
        return across_pair(row, s->width, x);
    }
    if (s->across == 2 && s->down == 2 && s->width > 2) {
        uint32_t i = y / 2;
        uint32_t other = y % 2 == 0 ? (i == 0 ? 0 : i - 1) : (i + 1 < s->height ? i + 1 : i);
        return around(row, s->samples + (size_t)other * s->stride, s->width, x);
    }
    return row[x / s->across];
}

static void spread_plane(const struct dct *d, const struct spread *s, unsigned index,
                         uint8_t *out) {
    const struct px_jpeg_frame *f = &d->stream->frame;
    size_t step = (size_t)f->count * 2;
    uint8_t *to = out + (size_t)index * 2;
    for (uint32_t y = 0; y < d->rows; y++) {
        if (s->across == 1 && s->down == 1) {
            const uint16_t *row = s->samples + (size_t)y * s->stride;
            for (uint32_t x = 0; x < f->columns; x++) {
                num_put_le16(to + x * step, row[x]);
            }
        } else {
            for (uint32_t x = 0; x < f->columns; x++) {
                num_put_le16(to + x * step, (uint16_t)sample_at(s, x, y));
            }
        }
        to += f->columns * step;
    }
}

static int put_component(const struct dct *d, unsigned index, uint8_t *out, struct err *e) {
    const struct px_jpeg_frame *f = &d->stream->frame;
    const struct px_jpeg_component *c = &f->components[index];
    const struct plane *p = &d->planes[index];
    size_t samples = (size_t)p->across * p->down * BLOCK;
    CLEANUP(cleanup_words) uint16_t *plane = mem_array(samples, sizeof *plane);
    if (plane == NULL) {
        return err_set(e, E_MEMORY, "a plane of a JPEG frame");
    }
    transform(d, index, plane);
    struct spread s = {.samples = plane,
                       .stride = (size_t)p->across * SIDE,
                       .width = p->width,
                       .height = p->height,
                       .across = f->across / c->across,
                       .down = f->down / c->down};
    spread_plane(d, &s, index, out);
    return E_OK;
}

static int check_frame(const struct px_jpeg_stream *s, struct err *e) {
    const struct px_jpeg_frame *f = &s->frame;
    if (f->precision < 2 || f->precision > PX_JPEG_DCT_PRECISION_MAX) {
        return err_set(e, E_NOT_ACCEPTABLE,
                       "JPEG of %u bits a sample is not decoded by this server", f->precision);
    }
    for (unsigned i = 0; i < f->count; i++) {
        if (f->across % f->components[i].across != 0 || f->down % f->components[i].down != 0) {
            return err_set(e, E_NOT_ACCEPTABLE,
                           "JPEG with components of broken ratios is not decoded by this server");
        }
    }
    return E_OK;
}

static int check_quantisation(const struct px_jpeg_stream *s, struct err *e) {
    for (unsigned i = 0; i < s->frame.count; i++) {
        if (!s->has_quant[s->frame.components[i].quant]) {
            return err_set(e, E_CORRUPT, "JPEG: a quantisation table is not there");
        }
    }
    return E_OK;
}

int px_jpeg_dct_read(struct px_jpeg_stream *s, uint16_t rows, uint8_t *out, struct err *e) {
    CLEANUP(done) struct dct d = {.stream = s, .rows = s->frame.rows == 0 ? rows : s->frame.rows};
    buf_init(&d.scratch, s->bytes.len + PX_JPEG_PAD);
    int code = check_frame(s, e);
    code = code == E_OK ? make_planes(&d, e) : code;
    if (code == E_OK) {
        d.codes = mem_array((size_t)2 * PX_JPEG_TABLES, sizeof *d.codes);
        code = d.codes == NULL ? err_set(e, E_MEMORY, "tables of JPEG") : E_OK;
    }
    code = code == E_OK ? decode_scans(&d, e) : code;
    code = code == E_OK ? check_quantisation(s, e) : code;
    for (unsigned i = 0; code == E_OK && i < s->frame.count; i++) {
        code = put_component(&d, i, out, e);
    }
    return code;
}
