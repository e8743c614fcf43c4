// SPDX-License-Identifier: Apache-2.0
// The detector of writing: planted lines of a font of our own in many sizes, contrasts, grounds and
// directions are found whole; pictures without writing give nothing sure; every description of
// samples is looked at; loops, codes, crops, limits.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "gate/glyphs.h"

// Rows of a letter 5 × 7, the left sample in the highest of five bits.
static const struct {
    char letter;
    uint8_t rows[7];
} font[] = {
    {'A', {14, 17, 17, 31, 17, 17, 17}}, {'B', {30, 17, 17, 30, 17, 17, 30}},
    {'D', {30, 17, 17, 17, 17, 17, 30}}, {'E', {31, 16, 16, 30, 16, 16, 31}},
    {'H', {17, 17, 17, 31, 17, 17, 17}}, {'I', {14, 4, 4, 4, 4, 4, 14}},
    {'J', {7, 2, 2, 2, 2, 18, 12}},      {'M', {17, 27, 21, 21, 17, 17, 17}},
    {'N', {17, 25, 21, 19, 17, 17, 17}}, {'O', {14, 17, 17, 17, 17, 17, 14}},
    {'R', {30, 17, 17, 30, 20, 18, 17}}, {'S', {15, 16, 16, 14, 1, 1, 30}},
    {'T', {31, 4, 4, 4, 4, 4, 4}},       {'0', {14, 17, 19, 21, 25, 17, 14}},
    {'1', {4, 12, 4, 4, 4, 4, 14}},      {'2', {14, 17, 1, 6, 8, 16, 31}},
    {'3', {30, 1, 1, 14, 1, 1, 30}},     {'4', {2, 6, 10, 18, 31, 2, 2}},
    {'5', {31, 16, 30, 1, 1, 17, 14}},   {'6', {6, 8, 16, 30, 17, 17, 14}},
    {'7', {31, 1, 2, 4, 8, 8, 8}},       {'8', {14, 17, 17, 14, 17, 17, 14}},
    {'9', {14, 17, 17, 15, 1, 2, 12}},
};

struct canvas {
    uint32_t columns, rows;
    uint16_t *px; // samples as ranks
};

static uint32_t seed;

static uint32_t chance(void) {
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static struct canvas canvas_new(uint32_t columns, uint32_t rows, uint16_t level) {
    struct canvas c = {columns, rows, mem_array((size_t)columns * rows, sizeof *c.px)};
    assert_non_null(c.px);
    for (size_t i = 0; i < (size_t)columns * rows; i++) {
        c.px[i] = level;
    }
    return c;
}

static void canvas_done(struct canvas *c) { mem_free(c->px); }

// About normal: the sum of four.
static void add_noise(struct canvas *c, int deviation) {
    for (size_t i = 0; i < (size_t)c->columns * c->rows; i++) {
        int sum = 0;
        for (int k = 0; k < 4; k++) {
            sum += (int)(chance() % 1024) - 512;
        }
        int v = c->px[i] + sum * deviation / 591;
        c->px[i] = (uint16_t)(v < 0 ? 0 : v > 65535 ? 65535 : v);
    }
}

// Soft hills, as organs are.
static void add_hills(struct canvas *c, int height) {
    for (int k = 0; k < 40; k++) {
        int cx = (int)(chance() % c->columns);
        int cy = (int)(chance() % c->rows);
        int r = 20 + (int)(chance() % 60);
        for (int y = cy - r < 0 ? 0 : cy - r; y < cy + r && y < (int)c->rows; y++) {
            for (int x = cx - r < 0 ? 0 : cx - r; x < cx + r && x < (int)c->columns; x++) {
                int d = (x - cx) * (x - cx) + (y - cy) * (y - cy);
                if (d < r * r) {
                    float fall = 1 - (float)d / (float)(r * r);
                    c->px[(size_t)y * c->columns + (size_t)x] =
                        (uint16_t)(c->px[(size_t)y * c->columns + (size_t)x] +
                                   (int)((float)height * fall * fall));
                }
            }
        }
    }
}

struct ink {
    int x, y;  // of the line's first corner
    int scale; // samples a dot
    int turn;  // quarter turns clockwise
    bool mirrored;
    bool add; // level is added to what is there, else it is set
    int level;
};

struct area {
    int x0, y0, x1, y1;
};

static void dot(struct canvas *c, const struct ink *ink, int length, int u, int v,
                struct area *box) {
    int height = 7 * ink->scale;
    if (ink->mirrored) {
        u = length - 1 - u;
    }
    int x = ink->turn == 0   ? u
            : ink->turn == 1 ? height - 1 - v
            : ink->turn == 2 ? length - 1 - u
                             : v;
    int y = ink->turn == 0   ? v
            : ink->turn == 1 ? u
            : ink->turn == 2 ? height - 1 - v
                             : length - 1 - u;
    x += ink->x;
    y += ink->y;
    assert_true(x >= 0 && y >= 0 && x < (int)c->columns && y < (int)c->rows);
    uint16_t *p = &c->px[(size_t)y * c->columns + (size_t)x];
    *p = (uint16_t)(ink->add ? *p + ink->level : ink->level);
    box->x0 = x < box->x0 ? x : box->x0;
    box->y0 = y < box->y0 ? y : box->y0;
    box->x1 = x > box->x1 ? x : box->x1;
    box->y1 = y > box->y1 ? y : box->y1;
}

static struct area write_line(struct canvas *c, const char *text, const struct ink *ink) {
    struct area box = {1 << 20, 1 << 20, -1, -1};
    int length = (int)strlen(text) * 6 * ink->scale;
    for (size_t i = 0; text[i] != 0; i++) {
        for (size_t k = 0; k < sizeof font / sizeof font[0]; k++) {
            for (int r = 0; font[k].letter == text[i] && r < 7 * ink->scale; r++) {
                for (int q = 0; q < 5 * ink->scale; q++) {
                    if (font[k].rows[r / ink->scale] >> (4 - q / ink->scale) & 1) {
                        dot(c, ink, length, (int)i * 6 * ink->scale + q, r, &box);
                    }
                }
            }
        }
    }
    return box;
}

// As a frame of `bits` stored in 8 or 16.
struct stored {
    struct px_frame f;
    uint8_t *bytes;
};

static struct stored store(const struct canvas *c, unsigned bits, bool is_signed,
                           enum px_photometric photometric) {
    size_t count = (size_t)c->columns * c->rows;
    unsigned allocated = bits > 8 ? 16 : 8;
    struct stored s = {.bytes = mem_array(count, 2)};
    assert_non_null(s.bytes);
    uint32_t sign = is_signed ? 1u << (bits - 1) : 0;
    for (size_t i = 0; i < count; i++) {
        if (allocated == 8) {
            s.bytes[i] = (uint8_t)(c->px[i] ^ sign);
        } else {
            num_put_le16(s.bytes + 2 * i, (uint16_t)(c->px[i] ^ sign));
        }
    }
    s.f = (struct px_frame){.data = s.bytes,
                            .len = count * (allocated / 8),
                            .rows = (uint16_t)c->rows,
                            .columns = (uint16_t)c->columns,
                            .samples = 1,
                            .bits_allocated = (uint16_t)allocated,
                            .bits_stored = (uint16_t)bits,
                            .high_bit = (uint16_t)(bits - 1),
                            .is_signed = is_signed,
                            .photometric = photometric};
    return s;
}

static struct gate_boxes scan(const struct px_frame *f, bool second) {
    struct gate_scanner *s = NULL;
    struct gate_boxes boxes = {0};
    struct gate_scan_options options = {.second = second};
    struct err e = {0};
    assert_int_equal(gate_scanner_new(f->rows, f->columns, 1, &s, &e), E_OK);
    assert_int_equal(gate_scan_frame(s, f, 0, &options, &boxes, &e), E_OK);
    assert_int_equal(gate_scan_finish(s, &boxes, &e), E_OK);
    gate_scanner_free(s);
    for (uint32_t i = 0; i < boxes.count; i++) {
        const struct gate_box *b = &boxes.list[i];
        assert_true(b->width > 0 && b->height > 0 && b->x + b->width <= f->columns &&
                    b->y + b->height <= f->rows && b->frame == 0);
    }
    return boxes;
}

// Whether the boxes no less sure than `sure` hold the area together.
static bool holds(const struct gate_boxes *boxes, struct area a, uint8_t sure, uint32_t frame) {
    for (int y = a.y0; y <= a.y1; y++) {
        for (int x = a.x0; x <= a.x1; x++) {
            bool in = false;
            for (uint32_t i = 0; i < boxes->count && !in; i++) {
                const struct gate_box *b = &boxes->list[i];
                in = b->frame == frame && b->sure <= sure && x >= b->x && y >= b->y &&
                     x < b->x + b->width && y < b->y + b->height;
            }
            if (!in) {
                return false;
            }
        }
    }
    return true;
}

static uint32_t count_sure(const struct gate_boxes *boxes, uint8_t sure) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < boxes->count; i++) {
        count += boxes->list[i].sure <= sure;
    }
    return count;
}

static bool found(const struct canvas *c, unsigned bits, struct area a, uint8_t sure, bool second) {
    struct stored s = store(c, bits, false, PX_MONOCHROME2);
    struct gate_boxes boxes = scan(&s.f, second);
    bool whole = holds(&boxes, a, sure, 0);
    gate_boxes_done(&boxes);
    mem_free(s.bytes);
    return whole;
}

#define LINE "SMITH JOAN 943 476"

// Every size in every direction over a black, a noisy and a hilly ground.
static void test_sizes_and_turns(void **state) {
    (void)state;
    static const int scales[] = {1, 2, 3, 4, 5};
    for (size_t k = 0; k < sizeof scales / sizeof scales[0]; k++) {
        for (int turn = 0; turn < 4; turn++) {
            for (int ground = 0; ground < 3; ground++) {
                seed = (uint32_t)(k * 100 + (size_t)turn * 10 + (size_t)ground);
                struct canvas c = canvas_new(640, 640, ground == 0 ? 0 : 400);
                if (ground == 2) {
                    add_hills(&c, 500);
                }
                if (ground > 0) {
                    add_noise(&c, 12);
                }
                struct ink ink = {
                    .x = 30, .y = 40, .scale = scales[k], .turn = turn, .level = 4095};
                struct area a = write_line(&c, LINE, &ink);
                if (!found(&c, 12, a, GATE_MAYBE, false)) {
                    fail_msg("scale %d, turn %d, ground %d", scales[k], turn, ground);
                }
                canvas_done(&c);
            }
        }
    }
}

// Bright, dark, grey, one level above a flat ground, added to noise.
static void test_contrasts(void **state) {
    (void)state;
    static const struct {
        uint16_t ground;
        int noise, level;
        bool add;
    } cases[] = {
        {0, 0, 1, false},    {0, 0, 4095, false},  {2000, 0, 2001, false}, {2000, 0, 1999, false},
        {4095, 0, 0, false}, {2000, 20, 0, false}, {2000, 20, 200, true},  {2000, 20, 4095, false},
        {600, 5, 60, true},  {600, 5, 640, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        // A step of one level is the first look's business: the second sees the negative, and less.
        bool faint = abs(cases[i].level - cases[i].ground) == 1;
        for (int second = 0; second < (faint ? 1 : 2); second++) {
            seed = (uint32_t)i;
            struct canvas c = canvas_new(512, 512, cases[i].ground);
            add_noise(&c, cases[i].noise);
            struct ink ink = {
                .x = 100, .y = 200, .scale = 2, .level = cases[i].level, .add = cases[i].add};
            struct area a = write_line(&c, LINE, &ink);
            if (!found(&c, 12, a, GATE_MAYBE, second != 0)) {
                fail_msg("contrast %zu, second %d", i, second);
            }
            canvas_done(&c);
        }
    }
}

static void test_mirrored(void **state) {
    (void)state;
    struct canvas c = canvas_new(512, 512, 0);
    struct ink ink = {.x = 100, .y = 200, .scale = 2, .level = 255, .mirrored = true};
    struct area a = write_line(&c, LINE, &ink);
    assert_true(found(&c, 8, a, GATE_LIKELY, false));
    canvas_done(&c);
}

// Lines at all four borders and over the seams of blocks of a picture larger than one.
static void test_places(void **state) {
    (void)state;
    static const struct ink inks[] = {
        {.x = 0, .y = 0, .scale = 2, .level = 255},
        {.x = 2400 - 216, .y = 1500 - 14, .scale = 2, .level = 255},
        {.x = 900, .y = 1010, .scale = 2, .level = 255},
        {.x = 1100, .y = 1210, .scale = 2, .level = 255},
        {.x = 2386, .y = 100, .scale = 2, .turn = 1, .level = 255},
    };
    struct canvas c = canvas_new(2400, 1500, 0);
    struct area areas[sizeof inks / sizeof inks[0]];
    for (size_t i = 0; i < sizeof inks / sizeof inks[0]; i++) {
        areas[i] = write_line(&c, LINE, &inks[i]);
    }
    for (size_t i = 0; i < sizeof inks / sizeof inks[0]; i++) {
        if (!found(&c, 8, areas[i], GATE_MAYBE, false)) {
            fail_msg("place %zu", i);
        }
    }
    canvas_done(&c);
}

// All depths, signs and photometrics of one sample.
static void test_descriptions(void **state) {
    (void)state;
    static const unsigned depths[] = {2, 4, 8, 10, 12, 15, 16};
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        for (int k = 0; k < 4; k++) {
            struct canvas c = canvas_new(300, 100, 0);
            struct ink ink = {.x = 20, .y = 30, .scale = 2, .level = (1 << depths[i]) - 1};
            struct area a = write_line(&c, LINE, &ink);
            struct stored s = store(&c, depths[i], (k & 1) != 0,
                                    (k & 2) != 0 ? PX_MONOCHROME1 : PX_PALETTE_COLOR);
            struct gate_boxes boxes = scan(&s.f, false);
            assert_true(holds(&boxes, a, GATE_LIKELY, 0));
            gate_boxes_done(&boxes);
            mem_free(s.bytes);
            canvas_done(&c);
        }
    }
}

// One bit a sample, packed; and wide samples and floats.
static void test_odd_depths(void **state) {
    (void)state;
    struct canvas c = canvas_new(304, 100, 0);
    struct ink ink = {.x = 20, .y = 30, .scale = 2, .level = 1};
    struct area a = write_line(&c, LINE, &ink);
    size_t count = (size_t)c.columns * c.rows;
    uint8_t *bytes = mem_array(count, 8);
    assert_non_null(bytes);
    static const struct {
        uint16_t allocated;
        enum px_pixel_kind kind;
    } kinds[] = {
        {1, PX_PIXEL_INTEGER}, {32, PX_PIXEL_INTEGER}, {32, PX_PIXEL_FLOAT}, {64, PX_PIXEL_DOUBLE}};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        memset(bytes, 0, count * 8);
        for (size_t i = 0; i < count; i++) {
            float narrow = (float)c.px[i] * 0.25F;
            double wide = c.px[i] * 1e6;
            if (kinds[k].allocated == 1) {
                bytes[i / 8] = (uint8_t)(bytes[i / 8] | c.px[i] << i % 8);
            } else if (kinds[k].kind == PX_PIXEL_INTEGER) {
                num_put_le32(bytes + 4 * i, c.px[i] * 100000u);
            } else if (kinds[k].kind == PX_PIXEL_FLOAT) {
                memcpy(bytes + 4 * i, &narrow, 4);
            } else {
                memcpy(bytes + 8 * i, &wide, 8);
            }
        }
        struct px_frame f = {.data = bytes,
                             .len = count * 8,
                             .rows = 100,
                             .columns = 304,
                             .samples = 1,
                             .bits_allocated = kinds[k].allocated,
                             .bits_stored = kinds[k].allocated,
                             .high_bit = (uint16_t)(kinds[k].allocated - 1),
                             .kind = kinds[k].kind,
                             .photometric = PX_MONOCHROME2};
        struct gate_boxes boxes = scan(&f, false);
        assert_true(holds(&boxes, a, GATE_LIKELY, 0));
        gate_boxes_done(&boxes);
    }
    mem_free(bytes);
    canvas_done(&c);
}

// Colours: text of the same light as its ground; all layouts.
static void test_colours(void **state) {
    (void)state;
    struct canvas c = canvas_new(300, 100, 0);
    struct ink ink = {.x = 20, .y = 30, .scale = 2, .level = 1};
    struct area a = write_line(&c, LINE, &ink);
    size_t count = (size_t)c.columns * c.rows;
    uint8_t *bytes = mem_array(count, 3);
    assert_non_null(bytes);
    static const uint8_t grounds[2][3] = {{100, 100, 100}, {0, 0, 60}};
    static const uint8_t texts[2][3] = {{240, 30, 170}, {0, 30, 0}};
    for (int k = 0; k < 8; k++) {
        bool planar = (k & 1) != 0;
        enum px_photometric photometric = (k & 2) != 0 ? PX_YBR_FULL : PX_RGB;
        for (size_t i = 0; i < count; i++) {
            for (size_t j = 0; j < 3; j++) {
                bytes[planar ? j * count + i : 3 * i + j] =
                    c.px[i] ? texts[k >> 2][j] : grounds[k >> 2][j];
            }
        }
        struct px_frame f = {.data = bytes,
                             .len = count * 3,
                             .rows = 100,
                             .columns = 300,
                             .samples = 3,
                             .bits_allocated = 8,
                             .bits_stored = 8,
                             .high_bit = 7,
                             .planar = planar,
                             .photometric = photometric};
        struct gate_boxes boxes = scan(&f, false);
        assert_true(holds(&boxes, a, GATE_LIKELY, 0));
        gate_boxes_done(&boxes);
    }
    // Y1 Y2 Cb Cr
    for (size_t i = 0; i < count; i += 2) {
        bytes[2 * i] = c.px[i] ? 200 : 20;
        bytes[2 * i + 1] = c.px[i + 1] ? 200 : 20;
        bytes[2 * i + 2] = bytes[2 * i + 3] = 128;
    }
    struct px_frame f = {.data = bytes,
                         .len = count * 2,
                         .rows = 100,
                         .columns = 300,
                         .samples = 3,
                         .bits_allocated = 8,
                         .bits_stored = 8,
                         .high_bit = 7,
                         .photometric = PX_YBR_FULL_422};
    struct gate_boxes boxes = scan(&f, false);
    assert_true(holds(&boxes, a, GATE_LIKELY, 0));
    gate_boxes_done(&boxes);
    mem_free(bytes);
    canvas_done(&c);
}

// Nothing sure where nothing is written.
static void test_clean(void **state) {
    (void)state;
    for (int k = 0; k < 12; k++) {
        seed = (uint32_t)(k + 100);
        struct canvas c = canvas_new(512, 512, (uint16_t)(k % 3 == 0 ? 0 : 500));
        if (k % 2 == 1) {
            add_hills(&c, 300 + 20 * k);
        }
        add_noise(&c, k % 4 * 9);
        struct stored s = store(&c, 12, false, PX_MONOCHROME2);
        struct gate_boxes boxes = scan(&s.f, false);
        assert_int_equal(count_sure(&boxes, GATE_LIKELY), 0);
        gate_boxes_done(&boxes);
        mem_free(s.bytes);
        canvas_done(&c);
    }
}

// Text that stands still over what moves; text in one frame only.
static void test_loop(void **state) {
    (void)state;
    enum { FRAMES = 8, ONLY = 5 };
    struct gate_scanner *s = NULL;
    struct gate_boxes boxes = {0};
    struct gate_scan_options options = {0};
    struct err e = {0};
    struct area still = {0, 0, 0, 0};
    struct area once = {0, 0, 0, 0};
    assert_int_equal(gate_scanner_new(256, 320, FRAMES, &s, &e), E_OK);
    for (uint32_t i = 0; i < FRAMES; i++) {
        seed = 7 + i;
        struct canvas c = canvas_new(320, 256, 100);
        add_noise(&c, 25);
        struct ink a = {.x = 40, .y = 40, .scale = 2, .level = 150};
        struct ink b = {.x = 40, .y = 140, .scale = 2, .level = 255};
        still = write_line(&c, LINE, &a);
        if (i == ONLY) {
            once = write_line(&c, LINE, &b);
        }
        struct stored frame = store(&c, 8, false, PX_MONOCHROME2);
        assert_int_equal(gate_scan_frame(s, &frame.f, i, &options, &boxes, &e), E_OK);
        mem_free(frame.bytes);
        canvas_done(&c);
    }
    assert_int_equal(gate_scan_finish(s, &boxes, &e), E_OK);
    for (uint32_t i = 0; i < FRAMES; i++) {
        assert_true(holds(&boxes, still, GATE_LIKELY, i));
        assert_int_equal(holds(&boxes, once, GATE_MAYBE, i), i == ONLY);
    }
    gate_boxes_done(&boxes);
    gate_scanner_free(s);
}

// Bars of widths by chance, in both directions.
static void test_bars(void **state) {
    (void)state;
    for (int down = 0; down < 2; down++) {
        struct canvas c = canvas_new(400, 400, 255);
        seed = 3;
        int at = 80;
        for (int bar = 0; bar < 40; bar++) {
            int width = chance() % 3 == 0 ? 6 : 2;
            for (int i = at; i < at + width && bar % 2 == 0; i++) {
                for (int k = 150; k < 200; k++) {
                    c.px[down ? (size_t)i * 400 + (size_t)k : (size_t)k * 400 + (size_t)i] = 0;
                }
            }
            at += width;
        }
        struct area a = {down ? 150 : 80, down ? 80 : 150, down ? 199 : at - 1,
                         down ? at - 1 : 199};
        struct stored s = store(&c, 8, false, PX_MONOCHROME2);
        struct gate_boxes boxes = scan(&s.f, false);
        bool code = false;
        for (uint32_t i = 0; i < boxes.count; i++) {
            code |= boxes.list[i].shape == GATE_SHAPE_CODE;
        }
        assert_true(code);
        assert_true(
            holds(&boxes, (struct area){a.x0 + 8, a.y0 + 8, a.x1 - 8, a.y1 - 8}, GATE_LIKELY, 0));
        gate_boxes_done(&boxes);
        mem_free(s.bytes);
        canvas_done(&c);
    }
}

// A crop is upright, dark on light, its capitals about 32 high, with ground around.
static void test_crops(void **state) {
    (void)state;
    for (int turn = 0; turn < 4; turn++) {
        struct canvas c = canvas_new(300, 300, 10);
        struct ink ink = {.x = 40, .y = 40, .scale = 2, .turn = turn, .level = 200};
        struct area a = write_line(&c, "TIN", &ink);
        struct stored s = store(&c, 8, false, PX_MONOCHROME2);
        struct gate_box box = {.x = (uint16_t)a.x0,
                               .y = (uint16_t)a.y0,
                               .width = (uint16_t)(a.x1 - a.x0 + 1),
                               .height = (uint16_t)(a.y1 - a.y0 + 1),
                               .turn = (uint8_t)((4 - turn) % 4),
                               .letter = 14};
        struct buf out;
        struct err e = {0};
        buf_init(&out, 1 << 20);
        assert_int_equal(gate_scan_crop(&s.f, &box, &out, &e), E_OK);
        uint32_t width = num_le16(out.data);
        uint32_t height = num_le16(out.data + 2);
        assert_int_equal(out.len, 4 + width * height);
        assert_in_range(height, 32 + 20 - 2, 32 + 20 + 2);
        const uint8_t *px = out.data + 4;
        assert_true(px[5 * width + 5] > 240);
        // The T's bar is at its top, its foot in the middle.
        uint32_t top = 10 + 2;
        uint32_t foot = height - 10 - 3;
        assert_true(px[top * width + 12] < 60);
        assert_true(px[foot * width + 12] > 190);
        assert_true(px[foot * width + 10 + 32 * 5 / 14] < 60);
        buf_done(&out);
        mem_free(s.bytes);
        canvas_done(&c);
    }
}

// A mirrored crop reads as the line would unmirrored.
static void test_mirrored_crop(void **state) {
    (void)state;
    struct canvas a = canvas_new(300, 60, 0);
    struct canvas b = canvas_new(300, 60, 0);
    struct ink ink = {.x = 20, .y = 20, .scale = 2, .level = 255};
    (void)write_line(&a, "JONES", &ink);
    for (uint32_t y = 0; y < 60; y++) {
        for (uint32_t x = 0; x < 300; x++) {
            b.px[y * 300 + x] = a.px[y * 300 + 299 - x];
        }
    }
    struct stored s = store(&a, 8, false, PX_MONOCHROME2);
    struct stored t = store(&b, 8, false, PX_MONOCHROME2);
    struct gate_box plain = {.x = 10, .y = 14, .width = 100, .height = 28, .letter = 14};
    struct gate_box turned = {
        .x = 190, .y = 14, .width = 100, .height = 28, .letter = 14, .mirrored = true};
    struct buf one;
    struct buf two;
    struct err e = {0};
    buf_init(&one, 1 << 20);
    buf_init(&two, 1 << 20);
    assert_int_equal(gate_scan_crop(&s.f, &plain, &one, &e), E_OK);
    assert_int_equal(gate_scan_crop(&t.f, &turned, &two, &e), E_OK);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);
    buf_done(&one);
    buf_done(&two);
    mem_free(s.bytes);
    mem_free(t.bytes);
    canvas_done(&a);
    canvas_done(&b);
}

static void test_limits(void **state) {
    (void)state;
    static const uint32_t sides[][2] = {{1, 1},    {1, 700}, {700, 1}, {2, 2},
                                        {3, 5000}, {7, 7},   {33, 31}, {1217, 3}};
    struct err e = {0};
    struct gate_scanner *s = NULL;
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        struct canvas c = canvas_new(sides[i][0], sides[i][1], 3);
        seed = (uint32_t)i;
        add_noise(&c, 40);
        struct stored f = store(&c, 12, false, PX_MONOCHROME2);
        struct gate_boxes boxes = scan(&f.f, i % 2 == 1);
        gate_boxes_done(&boxes);
        mem_free(f.bytes);
        canvas_done(&c);
    }
    assert_int_equal(gate_scanner_new(0, 5, 1, &s, &e), E_ARGUMENT);
    assert_int_equal(gate_scanner_new(5, 70000, 1, &s, &e), E_ARGUMENT);
    assert_int_equal(gate_scanner_new(5, 5, 0, &s, &e), E_ARGUMENT);
    assert_null(s);
}

static void test_refused(void **state) {
    (void)state;
    uint8_t bytes[64] = {0};
    struct gate_scanner *s = NULL;
    struct gate_boxes boxes = {0};
    struct gate_scan_options options = {0};
    struct err e = {0};
    struct px_frame f = {.data = bytes,
                         .len = 63,
                         .rows = 8,
                         .columns = 8,
                         .samples = 1,
                         .bits_allocated = 8,
                         .bits_stored = 8,
                         .high_bit = 7,
                         .photometric = PX_MONOCHROME2};
    assert_int_equal(gate_scanner_new(8, 8, 1, &s, &e), E_OK);
    assert_int_equal(gate_scan_frame(s, &f, 0, &options, &boxes, &e), E_MISMATCH);
    f.len = 64;
    assert_int_equal(gate_scan_frame(s, &f, 0, &options, &boxes, &e), E_OK);
    f.bits_stored = 9;
    assert_int_equal(gate_scan_frame(s, &f, 0, &options, &boxes, &e), E_UNSUPPORTED);
    f.bits_stored = 8;
    f.rows = 7;
    assert_int_equal(gate_scan_frame(s, &f, 0, &options, &boxes, &e), E_MISMATCH);
    f.rows = 8;
    struct gate_box box = {.x = 4, .y = 0, .width = 5, .height = 1};
    struct buf out;
    buf_init(&out, 1 << 16);
    assert_int_equal(gate_scan_crop(&f, &box, &out, &e), E_RANGE);
    box.width = 0;
    assert_int_equal(gate_scan_crop(&f, &box, &out, &e), E_RANGE);
    assert_int_equal(boxes.count, 0);
    buf_done(&out);
    gate_boxes_done(&boxes);
    gate_scanner_free(s);
}

// Every allocation fails once; nothing leaks, nothing is half done.
static void test_no_memory(void **state) {
    (void)state;
    struct canvas c = canvas_new(300, 100, 0);
    struct ink ink = {.x = 20, .y = 30, .scale = 2, .level = 255};
    (void)write_line(&c, LINE, &ink);
    struct stored f = store(&c, 8, false, PX_MONOCHROME2);
    struct gate_scan_options options = {0};
    int code = E_MEMORY;
    for (size_t n = 0; code == E_MEMORY && n < 500; n++) {
        struct gate_scanner *s = NULL;
        struct gate_boxes boxes = {0};
        struct buf out;
        struct err e = {0};
        buf_init(&out, 1 << 20);
        mem_fail_after(n);
        code = gate_scanner_new(100, 300, 3, &s, &e);
        for (uint32_t i = 0; i < 3 && code == E_OK; i++) {
            code = gate_scan_frame(s, &f.f, i, &options, &boxes, &e);
        }
        code = code == E_OK ? gate_scan_finish(s, &boxes, &e) : code;
        code = code == E_OK ? gate_scan_crop(&f.f, &boxes.list[0], &out, &e) : code;
        mem_fail_after(MEM_FAIL_NEVER);
        buf_done(&out);
        gate_boxes_done(&boxes);
        gate_scanner_free(s);
    }
    assert_int_equal(code, E_OK);
    mem_free(f.bytes);
    canvas_done(&c);
}

// A page full of lines gives no more than the limit, and holds all of them.
static void test_full_page(void **state) {
    (void)state;
    struct canvas c = canvas_new(1024, 768, 0);
    struct area areas[90];
    uint32_t count = 0;
    for (int y = 6; y + 8 < 768 && count < 90; y += 16) {
        struct ink left = {.x = 10, .y = y, .scale = 1, .level = 255};
        struct ink right = {.x = 600, .y = y, .scale = 1, .level = 200};
        areas[count++] = write_line(&c, "SMITH JOAN 0123456789 ANTON JAMES", &left);
        areas[count++] = write_line(&c, "943 476 5919 BARTON TERESA", &right);
    }
    struct stored s = store(&c, 8, false, PX_MONOCHROME2);
    struct gate_boxes boxes = scan(&s.f, false);
    assert_in_range(boxes.count, 1, GATE_BOXES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(holds(&boxes, areas[i], GATE_LIKELY, 0));
    }
    gate_boxes_done(&boxes);
    mem_free(s.bytes);
    canvas_done(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_and_turns),
        cmocka_unit_test(test_contrasts),
        cmocka_unit_test(test_mirrored),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_odd_depths),
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_loop),
        cmocka_unit_test(test_bars),
        cmocka_unit_test(test_crops),
        cmocka_unit_test(test_mirrored_crop),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_full_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
