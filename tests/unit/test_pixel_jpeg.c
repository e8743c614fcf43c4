// SPDX-License-Identifier: Apache-2.0
// Our own JPEG decoders against streams made here: lossless ones by every predictor, depth, point
// transform, order of components and kind of restart; cosine transform ones of 12 bits, sequential
// and progressive, against the transform in floating point. Then what damaged streams give.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "dicom/uid.h"
#include "pixel/codec.h"
#include "pixel/jpeg_blocks.h"

#define SV1 "1.2.840.10008.1.2.4.70"
#define EXTENDED "1.2.840.10008.1.2.4.51"
#define STREAM_MAX ((size_t)1 << 22)
#define SIDE_MAX 40
#define PART_MAX 3

// ---- a stream under the pen ----

struct pen {
    struct buf *out;
    uint32_t bits;
    unsigned count;
};

static void put_bits(struct pen *p, uint32_t value, unsigned count) {
    while (count-- > 0) {
        p->bits = p->bits << 1 | (value >> count & 1);
        if (++p->count == 8) {
            buf_put_byte(p->out, (uint8_t)p->bits);
            if ((p->bits & 0xFF) == 0xFF) {
                buf_put_byte(p->out, 0);
            }
            p->count = 0;
        }
    }
}

static void flush(struct pen *p) {
    while (p->count != 0) {
        put_bits(p, 1, 1);
    }
}

static void put16(struct buf *b, unsigned value) {
    buf_put_byte(b, (uint8_t)(value >> 8));
    buf_put_byte(b, (uint8_t)value);
}

struct code {
    uint16_t bits;
    uint8_t len;
};

struct table {
    uint8_t counts[17];
    uint8_t symbols[256];
    unsigned total;
    struct code codes[256]; // by symbol
};

static void assign(struct table *t) {
    unsigned code = 0;
    unsigned index = 0;
    for (unsigned len = 1; len <= 16; len++, code <<= 1) {
        for (unsigned i = 0; i < t->counts[len]; i++) {
            t->codes[t->symbols[index++]] = (struct code){(uint16_t)code++, (uint8_t)len};
        }
    }
    t->total = index;
}

// Categories 0 … 16: `steep`: one code of each length, the rare ones 16 bits long; else five each.
static struct table categories(bool steep) {
    struct table t = {0};
    for (uint8_t i = 0; i < 17; i++) {
        t.symbols[i] = i;
    }
    if (steep) {
        for (unsigned len = 1; len <= 15; len++) {
            t.counts[len] = 1;
        }
        t.counts[16] = 2;
        // most frequent in the middle of the list
        t.symbols[0] = 6;
        t.symbols[6] = 0;
    } else {
        t.counts[5] = 17;
    }
    assign(&t);
    return t;
}

static struct table every_symbol(void) {
    struct table t = {.counts = {[8] = 255, [9] = 1}};
    for (unsigned i = 0; i < 256; i++) {
        t.symbols[i] = (uint8_t)i;
    }
    assign(&t);
    return t;
}

static void put_table(struct buf *b, unsigned class_and_number, const struct table *t) {
    put16(b, 0xFFC4);
    put16(b, 19 + t->total);
    buf_put_byte(b, (uint8_t)class_and_number);
    buf_put(b, t->counts + 1, 16);
    buf_put(b, t->symbols, t->total);
}

static void put_symbol(struct pen *p, const struct table *t, unsigned symbol) {
    assert_true(t->codes[symbol].len > 0);
    put_bits(p, t->codes[symbol].bits, t->codes[symbol].len);
}

static unsigned size_of(int32_t value) {
    unsigned size = 0;
    for (uint32_t left = (uint32_t)abs(value); left != 0; left >>= 1) {
        size++;
    }
    return size;
}

static void put_value(struct pen *p, int32_t value, unsigned size) {
    put_bits(p, (uint32_t)(value < 0 ? value - 1 : value), size);
}

static void put_frame_header(struct buf *b, unsigned marker, unsigned precision, unsigned rows,
                             unsigned columns, unsigned parts, const uint8_t *factors) {
    put16(b, marker);
    put16(b, 8 + 3 * parts);
    buf_put_byte(b, (uint8_t)precision);
    put16(b, rows);
    put16(b, columns);
    buf_put_byte(b, (uint8_t)parts);
    for (unsigned i = 0; i < parts; i++) {
        buf_put_byte(b, (uint8_t)(i + 1));
        buf_put_byte(b, factors == NULL ? 0x11 : factors[i]);
        buf_put_byte(b, 0);
    }
}

static void put_scan_header(struct buf *b, unsigned first, unsigned count, unsigned start,
                            unsigned end, unsigned approximation) {
    put16(b, 0xFFDA);
    put16(b, 6 + 2 * count);
    buf_put_byte(b, (uint8_t)count);
    for (unsigned i = 0; i < count; i++) {
        buf_put_byte(b, (uint8_t)(first + i + 1));
        buf_put_byte(b, 0);
    }
    buf_put_byte(b, (uint8_t)start);
    buf_put_byte(b, (uint8_t)end);
    buf_put_byte(b, (uint8_t)approximation);
}

static void put_restart_interval(struct buf *b, unsigned mcus) {
    put16(b, 0xFFDD);
    put16(b, 4);
    put16(b, mcus);
}

// ---- lossless ----

struct shape {
    unsigned rows, columns, parts, precision, low, predictor;
    unsigned restart_rows; // 0: none
    bool interleaved;
    bool steep;
    bool dnl;  // the number of lines behind the first scan
    bool fill; // FF bytes before markers
};

static uint16_t samples[SIDE_MAX * SIDE_MAX * PART_MAX];

static int32_t at(const struct shape *s, unsigned x, unsigned y, unsigned part) {
    return samples[(y * s->columns + x) * s->parts + part] >> s->low;
}

static int32_t prediction(const struct shape *s, unsigned x, unsigned y, unsigned part) {
    bool first = s->restart_rows == 0 ? y == 0 : y % s->restart_rows == 0;
    if (x == 0) {
        return first ? 1 << (s->precision - s->low - 1) : at(s, 0, y - 1, part);
    }
    int32_t a = at(s, x - 1, y, part);
    if (first) {
        return a;
    }
    int32_t b = at(s, x, y - 1, part);
    int32_t c = at(s, x - 1, y - 1, part);
    const int32_t all[] = {0,
                           a,
                           b,
                           c,
                           a + b - c,
                           a + (b - c) / 2 - ((b - c) % 2 < 0),
                           b + (a - c) / 2 - ((a - c) % 2 < 0),
                           (a + b) / 2};
    return all[s->predictor];
}

static void put_diff(struct pen *p, const struct table *t, int32_t diff) {
    int32_t wrapped = (int16_t)(uint16_t)diff; // modulo 2^16
    if (wrapped == -32768) {
        put_symbol(p, t, 16);
        return;
    }
    unsigned size = size_of(wrapped);
    put_symbol(p, t, size);
    if (size > 0) {
        put_value(p, wrapped, size);
    }
}

static void put_lossless_scan(struct buf *b, const struct shape *s, unsigned first, unsigned count,
                              const struct table *t) {
    put_scan_header(b, first, count, s->predictor, 0, s->low);
    struct pen p = {.out = b};
    for (unsigned y = 0; y < s->rows; y++) {
        if (s->restart_rows != 0 && y > 0 && y % s->restart_rows == 0) {
            flush(&p);
            buf_put(b, "\xFF\xFF", s->fill ? 2 : 0);
            put16(b, 0xFFD0 + (y / s->restart_rows - 1) % 8);
        }
        for (unsigned x = 0; x < s->columns; x++) {
            for (unsigned i = first; i < first + count; i++) {
                put_diff(&p, t, at(s, x, y, i) - prediction(s, x, y, i));
            }
        }
    }
    flush(&p);
}

static void put_lossless(struct buf *b, const struct shape *s) {
    struct table t = categories(s->steep);
    put16(b, 0xFFD8);
    put_table(b, 0, &t);
    buf_put(b, "\xFF\xFF\xFF", s->fill ? 3 : 0);
    put_frame_header(b, 0xFFC3, s->precision, s->dnl ? 0 : s->rows, s->columns, s->parts, NULL);
    if (s->restart_rows != 0) {
        put_restart_interval(b, s->restart_rows * s->columns);
    }
    for (unsigned i = 0; i < (s->interleaved ? 1 : s->parts); i++) {
        put_lossless_scan(b, s, i, s->interleaved ? s->parts : 1, &t);
        if (s->dnl && i == 0) {
            put16(b, 0xFFDC);
            put16(b, 4);
            put16(b, s->rows);
        }
    }
    buf_put(b, "\xFF\xFF", s->fill ? 2 : 0);
    put16(b, 0xFFD9);
}

static struct px_image image(const char *uid, unsigned rows, unsigned columns, unsigned parts,
                             unsigned stored) {
    uint16_t allocated = stored > 8 ? 16 : 8;
    return (struct px_image){.rows = (uint16_t)rows,
                             .columns = (uint16_t)columns,
                             .frames = 1,
                             .samples = (uint16_t)parts,
                             .bits_allocated = allocated,
                             .bits_stored = (uint16_t)stored,
                             .high_bit = (uint16_t)(stored - 1),
                             .pixel_height = 1,
                             .photometric = parts == 3 ? PX_RGB : PX_MONOCHROME2,
                             .syntax = dcm_transfer_syntax_find(slice_str(uid))};
}

// A copy of the exact size, so that the sanitizer sees reads behind it.
static int decode(const struct px_image *im, struct slice bytes, struct px_frame *f,
                  struct err *e) {
    uint8_t *exact = malloc(bytes.len + 1);
    memcpy(exact, bytes.ptr, bytes.len);
    memset(e, 0, sizeof *e);
    int code = px_codec_find(im->syntax->uid)->decode(im, slice_of(exact, bytes.len), 0, f, e);
    free(exact);
    return code;
}

// Smooth with noise and full-scale jumps: every category comes up.
static void fill(struct rng *rng, const struct shape *s) {
    unsigned mask = (1u << s->precision) - 1;
    for (size_t i = 0; i < (size_t)s->rows * s->columns * s->parts; i++) {
        uint64_t dice = rng_u64(rng);
        unsigned value = (unsigned)(i * 3 + dice % 9);
        value = dice >> 8 & 15 ? value : (unsigned)(dice >> 16);
        value = dice >> 40 & 63 ? value : (dice >> 50 & 1) * mask;
        samples[i] = (uint16_t)((value & mask) >> s->low << s->low);
    }
}

static void same(const struct px_image *im, const struct px_frame *f) {
    size_t count = (size_t)im->rows * im->columns * im->samples;
    assert_int_equal(f->len, count * im->bits_allocated / 8);
    for (size_t i = 0; i < count; i++) {
        unsigned value = im->bits_allocated == 8 ? f->data[i] : num_le16(f->data + 2 * i);
        assert_int_equal(value, samples[i]);
    }
}

static void round_trip(struct rng *rng, const struct shape *s) {
    CLEANUP(cleanup_buf) struct buf b;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    buf_init(&b, STREAM_MAX);
    fill(rng, s);
    put_lossless(&b, s);
    struct px_image im = image(SV1, s->rows, s->columns, s->parts, s->precision);
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
    same(&im, &f);
    im.planar = s->parts > 1;
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
    assert_int_equal(f.planar, im.planar);
    // Padding behind the end, and no end marker at all.
    im.planar = false;
    buf_put(&b, "\0\xFF\0", 3);
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
    same(&im, &f);
    assert_int_equal(decode(&im, slice_of(b.data, b.len - 5), &f, &e), E_OK);
    same(&im, &f);
}

static void test_lossless_predictors_and_depths(void **state) {
    (void)state;
    struct rng rng = rng_seeded(7);
    for (unsigned precision = 2; precision <= 16; precision++) {
        for (unsigned predictor = 1; predictor <= 7; predictor++) {
            for (unsigned way = 0; way < 8; way++) {
                struct shape s = {.rows = 11,
                                  .columns = 13 + predictor,
                                  .parts = way & 1 ? 3 : 1,
                                  .precision = precision,
                                  .low = way & 2 ? precision / 3 : 0,
                                  .predictor = predictor,
                                  .interleaved = true,
                                  .steep = (way & 4) != 0};
                round_trip(&rng, &s);
            }
        }
    }
}

static void test_lossless_forms(void **state) {
    (void)state;
    struct rng rng = rng_seeded(8);
    for (unsigned form = 0; form < 64; form++) {
        struct shape s = {.rows = 1 + form % 9,
                          .columns = 1 + form % 7,
                          .parts = form & 1 ? 3 : 1,
                          .precision = form & 2 ? 16 : 8,
                          .predictor = 1 + form % 7,
                          .restart_rows = form & 4 ? 1 + form % 3 : 0,
                          .interleaved = (form & 8) != 0,
                          .dnl = (form & 16) != 0,
                          .fill = (form & 32) != 0};
        round_trip(&rng, &s);
    }
}

// Eight restarts and more: their numbers go round.
static void test_lossless_many_restarts(void **state) {
    (void)state;
    struct rng rng = rng_seeded(9);
    struct shape s = {
        .rows = 33, .columns = 5, .parts = 1, .precision = 12, .predictor = 4, .restart_rows = 1};
    round_trip(&rng, &s);
}

// Shallow samples in words, signed ones, and a stream deeper than Bits Stored says.
static void test_lossless_in_other_cells(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf b;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    struct rng rng = rng_seeded(10);
    struct shape s = {.rows = 4, .columns = 6, .parts = 1, .precision = 7, .predictor = 1};
    buf_init(&b, STREAM_MAX);
    fill(&rng, &s);
    put_lossless(&b, &s);
    struct px_image im = image(SV1, 4, 6, 1, 7);
    im.bits_allocated = 16;
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
    same(&im, &f);
    im.is_signed = true; // seven bits of two's complement
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
    for (size_t i = 0; i < 24; i++) {
        int16_t value = (int16_t)num_le16(f.data + 2 * i);
        assert_int_equal(value, samples[i] >= 64 ? samples[i] - 128 : samples[i]);
    }
    im.is_signed = false;
    im.bits_stored = 5;
    im.high_bit = 4;
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
    same(&im, &f);
    s.precision = 12;
    buf_clear(&b);
    put_lossless(&b, &s);
    im = image(SV1, 4, 6, 1, 8);
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_MISMATCH);
}

static void test_lossless_damage(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf b;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    struct rng rng = rng_seeded(11);
    struct shape s = {
        .rows = 20, .columns = 20, .parts = 1, .precision = 16, .predictor = 6, .restart_rows = 5};
    buf_init(&b, STREAM_MAX);
    fill(&rng, &s);
    put_lossless(&b, &s);
    struct px_image im = image(SV1, 20, 20, 1, 16);
    for (size_t len = 0; len < b.len - 4; len++) { // every cut but the padding bits' and the end's
        assert_true(decode(&im, slice_of(b.data, len), &f, &e) < 0);
        assert_true(e.code == E_TRUNCATED || e.code == E_CORRUPT);
        assert_true(e.has_offset && e.offset <= len);
    }
    struct px_image wider = image(SV1, 20, 21, 1, 16);
    assert_int_equal(decode(&wider, buf_slice(&b), &f, &e), E_MISMATCH);
    struct px_image higher = image(SV1, 21, 20, 1, 16);
    assert_int_equal(decode(&higher, buf_slice(&b), &f, &e), E_MISMATCH);
    struct px_image colour = image(SV1, 20, 20, 3, 16);
    assert_int_equal(decode(&colour, buf_slice(&b), &f, &e), E_MISMATCH);
    // A restart marker out of order, with its place.
    size_t mark = 0;
    for (size_t i = 0; i + 1 < b.len; i++) {
        mark = b.data[i] == 0xFF && b.data[i + 1] == 0xD1 ? i : mark;
    }
    b.data[mark + 1] = 0xD5;
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_CORRUPT);
    assert_int_equal(e.offset, mark);
}

// Flat tables have codes that mean nothing.
static void test_lossless_code_without_meaning(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf b;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    struct table t = categories(false);
    buf_init(&b, STREAM_MAX);
    put16(&b, 0xFFD8);
    put_table(&b, 0, &t);
    put_frame_header(&b, 0xFFC3, 8, 2, 8, 1, NULL);
    put_scan_header(&b, 0, 1, 1, 0, 0);
    size_t begin = b.len;
    buf_put(&b, "\xF8\xF8\xF8\xF8\xF8\xF8\xF8\xF8\xF8\xF8\xF8\xFF\xD9", 13);
    struct px_image im = image(SV1, 2, 8, 1, 8);
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_CORRUPT);
    assert_true(e.has_offset && e.offset >= begin && e.offset < b.len);
}

static void test_headers_that_lie(void **state) {
    (void)state;
    static const struct {
        size_t at; // in the stream of this test
        uint8_t value;
        int code;
    } cases[] = {
        {2 + 4 + 17 + 17 + 4, 1, E_CORRUPT},   // precision 1
        {2 + 4 + 17 + 17 + 4, 17, E_MISMATCH}, // more than the data set's
        {2 + 4 + 17 + 17 + 9, 0, E_CORRUPT},   // no components
        {2 + 4 + 17 + 17 + 9, 5, E_CORRUPT},   // five
        {2 + 4 + 17 + 17 + 11, 0x51, E_CORRUPT},
        {2 + 4 + 1 + 3, 255, E_CORRUPT}, // more codes than bits allow
        {2 + 4, 0x04, E_CORRUPT},        // a table number that there is not
        {2 + 4, 0x01, E_CORRUPT},        // another table than the scan's
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(cleanup_buf) struct buf b;
        CLEANUP(cleanup_px_frame) struct px_frame f = {0};
        struct err e = {0};
        struct rng rng = rng_seeded(12);
        struct shape s = {.rows = 3, .columns = 3, .parts = 1, .precision = 16, .predictor = 1};
        buf_init(&b, STREAM_MAX);
        fill(&rng, &s);
        put_lossless(&b, &s);
        struct px_image im = image(SV1, 3, 3, 1, 16);
        assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
        b.data[cases[i].at] = cases[i].value;
        assert_int_equal(decode(&im, buf_slice(&b), &f, &e), cases[i].code);
    }
}

// ---- cosine transform ----

#define BLOCKS_MAX 64

struct dct {
    unsigned rows, columns, parts, precision;
    uint8_t factors[PART_MAX];
    unsigned restart;          // MCUs
    unsigned across[PART_MAX]; // blocks
    unsigned down[PART_MAX];
    int16_t blocks[PART_MAX][BLOCKS_MAX][64]; // in zigzag order, quantised
};

static uint16_t quant[64];

static void put_quant(struct buf *b) {
    put16(b, 0xFFDB);
    put16(b, 3 + 128);
    buf_put_byte(b, 0x10);
    for (unsigned i = 0; i < 64; i++) {
        quant[i] = (uint16_t)(3 + i / 4);
        put16(b, quant[i]);
    }
}

static void make_blocks(struct rng *rng, struct dct *d) {
    unsigned most_across = 1;
    unsigned most_down = 1;
    for (unsigned i = 0; i < d->parts; i++) {
        most_across = d->factors[i] >> 4u > (int)most_across ? d->factors[i] >> 4u : most_across;
        most_down = (d->factors[i] & 15u) > most_down ? d->factors[i] & 15u : most_down;
    }
    unsigned mcus_across = (d->columns + 8 * most_across - 1) / (8 * most_across);
    unsigned mcus_down = (d->rows + 8 * most_down - 1) / (8 * most_down);
    for (unsigned i = 0; i < d->parts; i++) {
        d->across[i] = mcus_across * (d->factors[i] >> 4u);
        d->down[i] = mcus_down * (d->factors[i] & 15u);
        assert_true(d->across[i] * d->down[i] <= BLOCKS_MAX);
        for (unsigned k = 0; k < d->across[i] * d->down[i]; k++) {
            int16_t *block = d->blocks[i][k];
            memset(block, 0, sizeof d->blocks[i][k]);
            block[0] = (int16_t)((int)(rng_u64(rng) % 2001) - 1000);
            for (unsigned z = 1; z < 64; z++) {
                uint64_t dice = rng_u64(rng);
                if (dice % 5 == 0 && z < 40 + k % 24) {
                    block[z] = (int16_t)((int)(dice >> 8 & 63) - 31);
                }
            }
        }
    }
}

static void put_block(struct pen *p, const struct table *t, const int16_t *block, int32_t *before) {
    int32_t diff = block[0] - *before;
    *before = block[0];
    put_symbol(p, t, size_of(diff));
    put_value(p, diff, size_of(diff));
    unsigned run = 0;
    for (unsigned z = 1; z < 64; z++) {
        if (block[z] == 0) {
            run++;
            continue;
        }
        for (; run > 15; run -= 16) {
            put_symbol(p, t, 0xF0);
        }
        unsigned size = size_of(block[z]);
        put_symbol(p, t, run << 4 | size);
        put_value(p, block[z], size);
        run = 0;
    }
    if (run > 0) {
        put_symbol(p, t, 0);
    }
}

static void put_start(struct buf *b, const struct dct *d, unsigned marker, const struct table *t) {
    put16(b, 0xFFD8);
    put_quant(b);
    put_table(b, 0x00, t);
    put_table(b, 0x10, t);
    put_frame_header(b, marker, d->precision, d->rows, d->columns, d->parts, d->factors);
    if (d->restart != 0) {
        put_restart_interval(b, d->restart);
    }
}

static void put_sequential(struct buf *b, const struct dct *d) {
    struct table t = every_symbol();
    struct pen p = {.out = b};
    int32_t before[PART_MAX] = {0};
    put_start(b, d, 0xFFC1, &t);
    put_scan_header(b, 0, d->parts, 0, 63, 0);
    unsigned h0 = d->parts == 1 ? 1 : d->factors[0] >> 4u;
    unsigned v0 = d->parts == 1 ? 1 : d->factors[0] & 15u;
    unsigned mcus = d->across[0] / h0 * (d->down[0] / v0);
    for (unsigned m = 0; m < mcus; m++) {
        if (d->restart != 0 && m > 0 && m % d->restart == 0) {
            flush(&p);
            put16(b, 0xFFD0 + (m / d->restart - 1) % 8);
            memset(before, 0, sizeof before);
        }
        for (unsigned i = 0; i < d->parts; i++) {
            unsigned h = d->parts == 1 ? 1 : d->factors[i] >> 4u;
            unsigned v = d->parts == 1 ? 1 : d->factors[i] & 15u;
            unsigned x = m % (d->across[i] / h) * h;
            unsigned y = m / (d->across[i] / h) * v;
            for (unsigned k = 0; k < h * v; k++) {
                put_block(&p, &t, d->blocks[i][(y + k / h) * d->across[i] + x + k % h], &before[i]);
            }
        }
    }
    flush(&p);
    put16(b, 0xFFD9);
}

// Arithmetic shift towards zero: what successive approximation sends first.
static int32_t cut(int32_t value, unsigned low) {
    return value < 0 ? -(-value >> low) : value >> low;
}

static void put_progressive_ac(struct pen *p, const struct table *t, const struct dct *d,
                               unsigned first, unsigned last, unsigned low) {
    unsigned skip = 0;
    for (unsigned k = 0; k < d->across[0] * d->down[0]; k++) {
        const int16_t *block = d->blocks[0][k];
        unsigned run = 0;
        for (unsigned z = first; z <= last; z++) {
            int32_t value = cut(block[z], low);
            if (value == 0) {
                run++;
                continue;
            }
            if (skip > 0) {
                unsigned size = size_of((int32_t)skip) - 1;
                put_symbol(p, t, size << 4);
                put_bits(p, skip, size);
                skip = 0;
            }
            for (; run > 15; run -= 16) {
                put_symbol(p, t, 0xF0);
            }
            unsigned size = size_of(value);
            put_symbol(p, t, run << 4 | size);
            put_value(p, value, size);
            run = 0;
        }
        skip += run > 0;
    }
    if (skip > 0) {
        unsigned size = size_of((int32_t)skip) - 1;
        put_symbol(p, t, size << 4);
        put_bits(p, skip, size);
    }
}

// One more bit of a band; every block by itself, so that no run of blocks is open.
static void put_progressive_refine(struct pen *p, const struct table *t, const struct dct *d,
                                   unsigned first, unsigned last, unsigned low) {
    for (unsigned k = 0; k < d->across[0] * d->down[0]; k++) {
        const int16_t *block = d->blocks[0][k];
        unsigned end = first; // behind the last coefficient that becomes one here
        for (unsigned z = first; z <= last; z++) {
            end = abs(cut(block[z], low)) == 1 ? z + 1 : end;
        }
        unsigned run = 0;
        uint8_t corrections[64];
        unsigned waiting = 0;
        for (unsigned z = first; z <= last; z++) {
            int32_t value = abs(cut(block[z], low));
            if (value > 1) {
                corrections[waiting++] = value & 1;
                continue;
            }
            if (value == 0 || z >= end) {
                run++;
                if (run == 16 && z < end) {
                    put_symbol(p, t, 0xF0);
                    for (unsigned i = 0; i < waiting; i++) {
                        put_bits(p, corrections[i], 1);
                    }
                    waiting = run = 0;
                }
                continue;
            }
            put_symbol(p, t, run << 4 | 1);
            put_bits(p, block[z] > 0, 1);
            for (unsigned i = 0; i < waiting; i++) {
                put_bits(p, corrections[i], 1);
            }
            waiting = run = 0;
        }
        if (run > 0 || waiting > 0) {
            put_symbol(p, t, 0x00);
            for (unsigned i = 0; i < waiting; i++) {
                put_bits(p, corrections[i], 1);
            }
        }
    }
}

// Grey: DC in two goes, AC in two bands, the second in three.
static void put_progressive(struct buf *b, const struct dct *d) {
    struct table t = every_symbol();
    struct pen p = {.out = b};
    unsigned count = d->across[0] * d->down[0];
    put_start(b, d, 0xFFC2, &t);
    put_scan_header(b, 0, 1, 0, 0, 0x01);
    int32_t before = 0;
    for (unsigned k = 0; k < count; k++) {
        int32_t value = d->blocks[0][k][0] >> 1;
        put_symbol(&p, &t, size_of(value - before));
        put_value(&p, value - before, size_of(value - before));
        before = value;
    }
    flush(&p);
    put_scan_header(b, 0, 1, 1, 5, 0x00);
    put_progressive_ac(&p, &t, d, 1, 5, 0);
    flush(&p);
    put_scan_header(b, 0, 1, 6, 63, 0x02);
    put_progressive_ac(&p, &t, d, 6, 63, 2);
    flush(&p);
    put_scan_header(b, 0, 1, 0, 0, 0x10);
    for (unsigned k = 0; k < count; k++) {
        put_bits(&p, d->blocks[0][k][0] & 1, 1);
    }
    flush(&p);
    put_scan_header(b, 0, 1, 6, 63, 0x21);
    put_progressive_refine(&p, &t, d, 6, 63, 1);
    flush(&p);
    put_scan_header(b, 0, 1, 6, 63, 0x10);
    put_progressive_refine(&p, &t, d, 6, 63, 0);
    flush(&p);
    put16(b, 0xFFD9);
}

// Sample (x, y) of a component by the definition (A.3.3).
static double exact_sample(const struct dct *d, unsigned part, unsigned x, unsigned y) {
    const int16_t *block = d->blocks[part][y / 8 * d->across[part] + x / 8];
    double sum = 0;
    for (unsigned z = 0; z < 64; z++) {
        unsigned u = px_jpeg_zigzag[z] % 8;
        unsigned v = px_jpeg_zigzag[z] / 8;
        double scale = (u == 0 ? sqrt(0.5) : 1) * (v == 0 ? sqrt(0.5) : 1) / 4;
        sum += scale * block[z] * quant[z] * cos((2 * (x % 8) + 1) * u * M_PI / 16) *
               cos((2 * (y % 8) + 1) * v * M_PI / 16);
    }
    double most = (1 << d->precision) - 1;
    sum += (1 << (d->precision - 1));
    return sum < 0 ? 0 : sum > most ? most : sum;
}

static void test_twelve_bits(void **state) {
    (void)state;
    static struct dct d;
    struct rng rng = rng_seeded(20);
    for (unsigned way = 0; way < 8; way++) {
        CLEANUP(cleanup_buf) struct buf b;
        CLEANUP(cleanup_px_frame) struct px_frame f = {0};
        struct err e = {0};
        buf_init(&b, STREAM_MAX);
        d = (struct dct){.rows = 17 + way,
                         .columns = 30 - way,
                         .parts = 1,
                         .precision = 12,
                         .factors = {0x11},
                         .restart = way >= 4 ? 3 : 0};
        make_blocks(&rng, &d);
        (way < 4 && way % 2 == 1 ? put_progressive : put_sequential)(&b, &d);
        struct px_image im = image(EXTENDED, d.rows, d.columns, 1, 12);
        assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
        for (unsigned y = 0; y < d.rows; y++) {
            for (unsigned x = 0; x < d.columns; x++) {
                double is = num_le16(f.data + 2 * ((size_t)y * d.columns + x));
                assert_true(fabs(is - exact_sample(&d, 0, x, y)) <= 1.0);
            }
        }
        for (size_t len = 0; len + 4 < b.len; len += 7) {
            assert_true(decode(&im, slice_of(b.data, len), &f, &e) < 0);
        }
    }
}

// Three components, one MCU of several blocks: colour as it is (RGB by an Adobe marker is not
// needed: without subsampling the data set decides), then shared chroma, which is YCbCr.
static void test_twelve_bit_colour(void **state) {
    (void)state;
    static const uint8_t factors[][PART_MAX] = {
        {0x11, 0x11, 0x11}, {0x21, 0x11, 0x11}, {0x22, 0x11, 0x11}, {0x12, 0x11, 0x11}};
    static struct dct d;
    struct rng rng = rng_seeded(21);
    for (size_t i = 0; i < 4; i++) {
        CLEANUP(cleanup_buf) struct buf b;
        CLEANUP(cleanup_px_frame) struct px_frame f = {0};
        struct err e = {0};
        buf_init(&b, STREAM_MAX);
        d = (struct dct){
            .rows = 31, .columns = 21, .parts = 3, .precision = 12, .restart = i % 2 == 0 ? 2 : 0};
        memcpy(d.factors, factors[i], PART_MAX);
        make_blocks(&rng, &d);
        if (i > 0) { // flat chroma without colour, so that neighbours do not matter
            for (unsigned c = 1; c < 3; c++) {
                memset(d.blocks[c], 0, sizeof d.blocks[c]);
            }
        }
        put_sequential(&b, &d);
        struct px_image im = image(EXTENDED, d.rows, d.columns, 3, 12);
        assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
        assert_int_equal(f.photometric, PX_RGB);
        for (unsigned y = 0; y < d.rows; y++) {
            for (unsigned x = 0; x < d.columns; x++) {
                for (unsigned c = 0; c < 3; c++) {
                    double is = num_le16(f.data + 2 * (((size_t)y * d.columns + x) * 3 + c));
                    assert_true(fabs(is - exact_sample(&d, i == 0 ? c : 0, x, y)) <= 1.0);
                }
            }
        }
    }
}

// The first memory that is missing, and every other.
static void test_memory_runs_out(void **state) {
    (void)state;
    static struct dct d = {
        .rows = 16, .columns = 16, .parts = 1, .precision = 12, .factors = {0x11}};
    struct buf b[2];
    struct rng rng = rng_seeded(22);
    struct shape s = {.rows = 16, .columns = 16, .parts = 1, .precision = 12, .predictor = 2};
    buf_init(&b[0], STREAM_MAX);
    buf_init(&b[1], STREAM_MAX);
    fill(&rng, &s);
    put_lossless(&b[0], &s);
    make_blocks(&rng, &d);
    put_sequential(&b[1], &d);
    for (size_t i = 0; i < 2; i++) {
        struct px_image im = image(i == 0 ? SV1 : EXTENDED, 16, 16, 1, 12);
        int code = E_MEMORY;
        for (size_t n = 0; code != E_OK; n++) {
            CLEANUP(cleanup_px_frame) struct px_frame f = {0};
            struct err e = {0};
            mem_fail_after(n);
            code = px_codec_find(im.syntax->uid)->decode(&im, buf_slice(&b[i]), 0, &f, &e);
            mem_fail_after(MEM_FAIL_NEVER);
            assert_true(code == E_OK || code == E_MEMORY);
            assert_true(n < 100);
        }
    }
    buf_done(&b[0]);
    buf_done(&b[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lossless_predictors_and_depths),
        cmocka_unit_test(test_lossless_forms),
        cmocka_unit_test(test_lossless_many_restarts),
        cmocka_unit_test(test_lossless_in_other_cells),
        cmocka_unit_test(test_lossless_damage),
        cmocka_unit_test(test_lossless_code_without_meaning),
        cmocka_unit_test(test_headers_that_lie),
        cmocka_unit_test(test_twelve_bits),
        cmocka_unit_test(test_twelve_bit_colour),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
