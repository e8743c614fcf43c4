// SPDX-License-Identifier: Apache-2.0
// Analytic images through the whole path: windows, polarity, padding, deep and shared samples,
// palettes, viewports, flips, square pixels, thumbnails; and the words that ask for them.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "dicom/uid.h"
#include "pixel/picture.h"
#include "pixel/render.h"
#include "pixel/resample.h"
#include "pixel/voi.h"

#define WIDE 256u
#define PIXELS_MAX 65536u

struct scene {
    struct px_image image;
    struct px_frame frame;
    struct px_bitmap bitmap;
    struct px_render_options options;
    struct px_window window;
    struct err e;
};

static void scene_done(struct scene *s) {
    px_frame_done(&s->frame);
    px_bitmap_done(&s->bitmap);
}

static void scene_make(struct scene *s, uint16_t rows, uint16_t columns, uint16_t bits,
                       enum px_photometric photometric) {
    *s = (struct scene){0};
    s->image = (struct px_image){
        .rows = rows,
        .columns = columns,
        .frames = 1,
        .samples = (uint16_t)(photometric == PX_RGB || photometric >= PX_YBR_FULL ? 3 : 1),
        .bits_allocated = bits,
        .bits_stored = bits,
        .high_bit = (uint16_t)(bits - 1),
        .photometric = photometric,
        .pixel_height = 1,
        .syntax = dcm_transfer_syntax_find(slice_str(DCM_EXPLICIT_LE_UID)),
        .grey = {.slope = 1}};
}

static void fill_frame(struct scene *s, const void *bytes, size_t len) {
    assert_int_equal(px_frame_reserve(&s->frame, len, &s->e), E_OK);
    memcpy(s->frame.own, bytes, len);
    px_frame_describe(&s->frame, &s->image);
}

static int render(struct scene *s) {
    return px_render(&s->image, &s->frame, 0, &s->options, &s->bitmap, &s->e);
}

static void set_window(struct scene *s, double centre, double width, enum px_voi_function f) {
    s->window = (struct px_window){.centre = centre, .width = width, .function = f};
    s->image.grey.windows = &s->window;
    s->image.grey.window_count = 1;
}

// Every 16-bit value once: stored value i - offset at pixel i.
static void all_values(struct scene *s, bool is_signed, uint16_t bits) {
    scene_make(s, 256, 256, 16, PX_MONOCHROME2);
    s->image.is_signed = is_signed;
    s->image.bits_stored = bits;
    s->image.high_bit = (uint16_t)(bits - 1);
    uint8_t *raw = mem_alloc(PIXELS_MAX * 2);
    for (uint32_t i = 0; i < PIXELS_MAX; i++) {
        num_put_le16(raw + 2 * i, (uint16_t)i);
    }
    fill_frame(s, raw, PIXELS_MAX * 2);
    mem_free(raw);
}

static double stored_of(const struct scene *s, uint32_t raw) {
    uint32_t value = raw & ((1u << s->image.bits_stored) - 1);
    bool negative = s->image.is_signed && (value >> (s->image.bits_stored - 1)) != 0;
    return negative ? (double)value - (double)(1u << s->image.bits_stored) : (double)value;
}

// The table must give what the formula gives, for each value and function.
static void test_tables_follow_formulas(void **state) {
    (void)state;
    static const struct {
        double slope, intercept, centre, width;
        bool is_signed;
        uint16_t bits;
    } cases[] = {
        {1, -1024, 40, 400, false, 12},     {1, -1024, 40, 400, true, 16},
        {2.5, 3, 1000, 1, false, 16},       {-1, 4095, 2048, 4096, false, 12},
        {1, 0, 1e6, 10, false, 16},         {1, 0, -1e6, 10, true, 16},
        {0.01, 0, 100, 300, false, 16},     {1, 0, 32768, 65536, false, 16},
        {-0.5, -100, -100, 2000, true, 14}, {1, 0, 0, 2, true, 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int f = PX_VOI_LINEAR; f <= PX_VOI_SIGMOID; f++) {
            CLEANUP(scene_done) struct scene s;
            all_values(&s, cases[i].is_signed, cases[i].bits);
            s.image.grey.slope = cases[i].slope;
            s.image.grey.intercept = cases[i].intercept;
            set_window(&s, cases[i].centre, cases[i].width, (enum px_voi_function)f);
            assert_int_equal(render(&s), E_OK);
            for (uint32_t raw = 0; raw < PIXELS_MAX; raw++) {
                double value = stored_of(&s, raw) * cases[i].slope + cases[i].intercept;
                uint8_t want = (uint8_t)(px_voi_window(&s.window, value) * 255 + 0.5);
                assert_int_equal(s.bitmap.data[raw], want);
            }
        }
    }
}

static void test_bytes_are_shown_as_they_are(void **state) {
    (void)state;
    CLEANUP(scene_done) struct scene s;
    uint8_t raw[256];
    scene_make(&s, 16, 16, 8, PX_MONOCHROME2);
    for (unsigned i = 0; i < 256; i++) {
        raw[i] = (uint8_t)i;
    }
    fill_frame(&s, raw, 256);
    assert_int_equal(render(&s), E_OK);
    assert_memory_equal(s.bitmap.data, raw, 256);
    s.image.photometric = s.frame.photometric = PX_MONOCHROME1;
    assert_int_equal(render(&s), E_OK);
    for (unsigned i = 0; i < 256; i++) {
        assert_int_equal(s.bitmap.data[i], 255 - i);
    }
    s.image.inverse = s.image.has_shape =
        true; // DX: MONOCHROME1 with shape INVERSE is one inversion
    assert_int_equal(render(&s), E_OK);
    assert_int_equal(s.bitmap.data[255], 0);
    s.options.invert = true;
    assert_int_equal(render(&s), E_OK);
    assert_int_equal(s.bitmap.data[255], 255);
}

static void test_bit_masks(void **state) {
    (void)state;
    CLEANUP(scene_done) struct scene s;
    scene_make(&s, 1, 3, 1, PX_MONOCHROME2);
    fill_frame(&s, (const uint8_t[]){0x05}, 1);
    assert_int_equal(render(&s), E_OK);
    assert_memory_equal(s.bitmap.data, ((const uint8_t[]){255, 0, 255}), 3);
}

// Overlays of old live in the unused bits; they must not change the grey.
static void test_unused_bits(void **state) {
    (void)state;
    CLEANUP(scene_done) struct scene s;
    uint8_t raw[4];
    scene_make(&s, 1, 2, 16, PX_MONOCHROME2);
    s.image.bits_stored = 8;
    s.image.high_bit = 11;
    num_put_le16(raw, 0xF80F);
    num_put_le16(raw + 2, 0x0800);
    fill_frame(&s, raw, 4);
    assert_int_equal(render(&s), E_OK);
    assert_memory_equal(s.bitmap.data, ((const uint8_t[]){0x80, 0x80}), 2);
}

static void test_automatic_window_without_padding(void **state) {
    (void)state;
    CLEANUP(scene_done) struct scene s;
    uint8_t raw[2000];
    struct px_window w;
    scene_make(&s, 10, 100, 16, PX_MONOCHROME2);
    s.image.is_signed = true;
    s.image.grey.intercept = 5;
    for (int i = 0; i < 1000; i++) {
        num_put_le16(raw + 2 * i, (uint16_t)(i < 500 ? -2000 : i - 500 + 100)); // 100 … 599
    }
    s.image.has_padding = true;
    s.image.padding_low = s.image.padding_high = -2000;
    fill_frame(&s, raw, sizeof raw);
    assert_true(px_render_window(&s.image, &s.frame, 0, &s.options, &w));
    assert_int_equal(w.function, PX_VOI_LINEAR_EXACT);
    double low = w.centre - w.width / 2;
    double high = w.centre + w.width / 2;
    assert_true(fabs(low - (104 + 5)) <= 1 && fabs(high - (594 + 5)) <= 1); // 1 and 99 per cent
    s.image.has_padding = false;
    assert_true(px_render_window(&s.image, &s.frame, 0, &s.options, &w));
    assert_true(w.centre - w.width / 2 == -1995);
    set_window(&s, 7, 9, PX_VOI_LINEAR);
    assert_true(px_render_window(&s.image, &s.frame, 0, &s.options, &w));
    assert_true(w.centre == 7);
    s.options.choice = PX_WINDOW_AUTO;
    assert_true(px_render_window(&s.image, &s.frame, 0, &s.options, &w));
    assert_true(w.centre != 7);
}

static void test_flat_images(void **state) {
    (void)state;
    CLEANUP(scene_done) struct scene s;
    static const uint8_t zeros[200];
    scene_make(&s, 10, 10, 16, PX_MONOCHROME2);
    fill_frame(&s, zeros, sizeof zeros);
    assert_int_equal(render(&s), E_OK);
    s.image.has_padding = true; // everything is padding
    assert_int_equal(render(&s), E_OK);
}

static void test_choice_of_windows_and_luts(void **state) {
    (void)state;
    CLEANUP(scene_done) struct scene s;
    static const uint16_t entries[] = {0, 255};
    static const struct px_lut lut = {.first = 5, .count = 2, .bits = 8, .entries = entries};
    struct px_window two[2] = {{.centre = 10, .width = 1}, {.centre = 20, .width = 1}};
    scene_make(&s, 1, 1, 16, PX_MONOCHROME2);
    fill_frame(&s, (const uint8_t[]){15, 0}, 2);
    s.image.grey.windows = two;
    s.image.grey.window_count = 2;
    s.image.grey.voi_luts = &lut;
    s.image.grey.voi_lut_count = 1;
    static const uint8_t wanted[] = {255, 0, 255, 255}; // window 0, window 1, LUT, none: window 0
    for (uint32_t i = 0; i < 4; i++) {
        s.options.window_index = i;
        assert_int_equal(render(&s), E_OK);
        assert_int_equal(s.bitmap.data[0], wanted[i]);
    }
    s.image.grey.window_count = 0;
    s.options.window_index = 0;
    struct px_window w;
    assert_false(px_render_window(&s.image, &s.frame, 0, &s.options, &w));
}

static void test_modality_table(void **state) {
    (void)state;
    CLEANUP(scene_done) struct scene s;
    static const uint16_t entries[] = {300, 100, 200};
    static const struct px_lut lut = {.first = 1, .count = 3, .bits = 16, .entries = entries};
    scene_make(&s, 1, 4, 8, PX_MONOCHROME2);
    fill_frame(&s, (const uint8_t[]){0, 1, 2, 3}, 4);
    s.image.grey.modality = &lut;
    set_window(&s, 200.5, 201, PX_VOI_LINEAR); // 100 … 300
    assert_int_equal(render(&s), E_OK);
    assert_memory_equal(s.bitmap.data, ((const uint8_t[]){255, 255, 0, 128}), 4);
}

static void test_wide_and_float_pixels(void **state) {
    (void)state;
    CLEANUP(scene_done) struct scene s;
    scene_make(&s, 1, 4, 32, PX_MONOCHROME2);
    uint8_t raw[16];
    for (uint32_t i = 0; i < 4; i++) {
        num_put_le32(raw + 4 * (size_t)i, i * 1000000u);
    }
    fill_frame(&s, raw, 16);
    set_window(&s, 1500000, 3000000, PX_VOI_LINEAR_EXACT);
    assert_int_equal(render(&s), E_OK);
    assert_memory_equal(s.bitmap.data, ((const uint8_t[]){0, 85, 170, 255}), 4);
    float values[4] = {0, 0.5F, 1, NAN};
    s.image.kind = PX_PIXEL_FLOAT;
    set_window(&s, 0.5, 1, PX_VOI_LINEAR_EXACT);
    fill_frame(&s, values, 16);
    assert_int_equal(render(&s), E_OK);
    assert_memory_equal(s.bitmap.data, ((const uint8_t[]){0, 128, 255, 0}), 4);
    s.image.grey.window_count = 0; // automatic, past the NaN
    assert_int_equal(render(&s), E_OK);
    assert_int_equal(s.bitmap.data[0], 0);
    assert_int_equal(s.bitmap.data[2], 255);
}

static void shows(struct scene *s, const uint8_t *wanted, size_t len, int tolerance) {
    assert_int_equal(render(s), E_OK);
    assert_int_equal(s->bitmap.channels, 3);
    for (size_t i = 0; i < len; i++) {
        assert_true(abs(s->bitmap.data[i] - wanted[i]) <= tolerance);
    }
}

static void test_colour_layouts(void **state) {
    (void)state;
    CLEANUP(scene_done) struct scene s;
    static const uint8_t wanted[] = {1, 2, 3, 4, 5, 6};
    scene_make(&s, 1, 2, 8, PX_RGB);
    fill_frame(&s, wanted, 6);
    shows(&s, wanted, 6, 0);
    s.image.planar = true;
    fill_frame(&s, (const uint8_t[]){1, 4, 2, 5, 3, 6}, 6);
    shows(&s, wanted, 6, 0);
    scene_done(&s);
    scene_make(&s, 1, 1, 16, PX_RGB);
    fill_frame(&s, (const uint8_t[]){0, 1, 0, 2, 0xFF, 3}, 6);
    shows(&s, (const uint8_t[]){1, 2, 3}, 3, 0);
    s.options.invert = true;
    shows(&s, (const uint8_t[]){254, 253, 252}, 3, 0);
}

// PS3.3 C.7.6.3.1.2: corners of the RGB cube in YBR_FULL.
static void test_ybr(void **state) {
    (void)state;
    static const uint8_t cases[][6] = {
        {0, 128, 128, 0, 0, 0},   {255, 128, 128, 255, 255, 255}, {76, 85, 255, 255, 0, 0},
        {150, 44, 21, 0, 255, 0}, {29, 255, 107, 0, 0, 255},      {100, 128, 128, 100, 100, 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(scene_done) struct scene s;
        scene_make(&s, 1, 1, 8, PX_YBR_FULL);
        fill_frame(&s, cases[i], 3);
        shows(&s, cases[i] + 3, 3, 2);
    }
    CLEANUP(scene_done) struct scene s;
    scene_make(&s, 1, 3, 8, PX_YBR_FULL_422); // an odd row: the last pair has a spare pixel
    fill_frame(&s, (const uint8_t[]){10, 20, 128, 128, 30, 0, 128, 128}, 8);
    shows(&s, (const uint8_t[]){10, 10, 10, 20, 20, 20, 30, 30, 30}, 9, 0);
    scene_done(&s);
    scene_make(&s, 1, 2, 8, PX_YBR_PARTIAL_422);
    fill_frame(&s, (const uint8_t[]){16, 235, 128, 128}, 4);
    shows(&s, (const uint8_t[]){0, 0, 0, 255, 255, 255}, 6, 1);
    scene_done(&s);
    scene_make(&s, 1, 2, 8, PX_YBR_RCT);
    fill_frame(&s, (const uint8_t[]){16, 235, 128, 128, 0, 0}, 6);
    assert_int_equal(render(&s), E_UNSUPPORTED);
}

static void test_palette(void **state) {
    (void)state;
    CLEANUP(scene_done) struct scene s;
    static const uint16_t red[] = {0x1000, 0x2000};
    static const uint16_t green[] = {0x3000, 0x4000};
    static const uint16_t blue[] = {0x5000, 0x6000};
    scene_make(&s, 1, 4, 8, PX_PALETTE_COLOR);
    s.image.palette = (struct px_palette){10, 2, 16, red, green, blue};
    fill_frame(&s, (const uint8_t[]){0, 10, 11, 200}, 4);
    static const uint8_t wanted[] = {0x10, 0x30, 0x50, 0x10, 0x30, 0x50,
                                     0x20, 0x40, 0x60, 0x20, 0x40, 0x60};
    shows(&s, wanted, 12, 0);
    s.image.palette.count = 0;
    assert_int_equal(render(&s), E_UNSUPPORTED);
}

static void viewport(struct scene *s, uint32_t w, uint32_t h) {
    s->options.has_viewport = true;
    s->options.viewport = (struct px_viewport){.width = w, .height = h};
}

static void test_viewport_sizes(void **state) {
    (void)state;
    static const struct {
        uint16_t rows, columns;
        double pixel_height;
        uint32_t w, h, out_w, out_h;
    } cases[] = {
        {100, 200, 1, 100, 100, 100, 50},   {100, 200, 1, 1000, 100, 200, 100},
        {100, 200, 1, 400, 400, 400, 200},  {100, 100, 2, 100, 100, 50, 100},
        {100, 100, 0.5, 100, 100, 100, 50}, {1, 1000, 1, 10, 10, 10, 1},
        {100, 100, 2, 0, 0, 100, 200},      {100, 100, 0.5, 0, 0, 200, 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(scene_done) struct scene s;
        uint8_t *raw = mem_zalloc(cases[i].rows * (size_t)cases[i].columns);
        scene_make(&s, cases[i].rows, cases[i].columns, 8, PX_MONOCHROME2);
        s.image.pixel_height = cases[i].pixel_height;
        fill_frame(&s, raw, cases[i].rows * (size_t)cases[i].columns);
        mem_free(raw);
        if (cases[i].w > 0) {
            viewport(&s, cases[i].w, cases[i].h);
        }
        assert_int_equal(render(&s), E_OK);
        assert_int_equal(s.bitmap.width, cases[i].out_w);
        assert_int_equal(s.bitmap.height, cases[i].out_h);
    }
}

static void test_regions_and_flips(void **state) {
    (void)state;
    CLEANUP(scene_done) struct scene s;
    static const uint8_t raw[] = {0,  10, 20,  30,  40,  50,  60,  70,
                                  80, 90, 100, 110, 120, 130, 140, 150};
    scene_make(&s, 4, 4, 8, PX_MONOCHROME2);
    fill_frame(&s, raw, 16);
    viewport(&s, 2, 2);
    s.options.viewport.has_region = true;
    s.options.viewport.x = 1;
    s.options.viewport.y = 2;
    s.options.viewport.region_width = 2;
    s.options.viewport.region_height = 2;
    assert_int_equal(render(&s), E_OK);
    assert_memory_equal(s.bitmap.data, ((const uint8_t[]){90, 100, 130, 140}), 4);
    s.options.viewport.region_width = -2;
    assert_int_equal(render(&s), E_OK);
    assert_memory_equal(s.bitmap.data, ((const uint8_t[]){100, 90, 140, 130}), 4);
    s.options.viewport.region_height = -2;
    assert_int_equal(render(&s), E_OK);
    assert_memory_equal(s.bitmap.data, ((const uint8_t[]){140, 130, 100, 90}), 4);
    s.options.viewport.x = 4;
    assert_int_equal(render(&s), E_ARGUMENT);
    s.options.viewport =
        (struct px_viewport){.width = 4, .height = 4, .has_region = true, .region_width = -4};
    assert_int_equal(render(&s), E_OK);
    assert_memory_equal(s.bitmap.data, ((const uint8_t[]){30, 20, 10, 0}), 4);
}

static uint8_t source[WIDE * WIDE];

static const uint8_t *row_of_source(void *context, uint32_t y) {
    (void)context;
    assert_true(y < WIDE);
    return source + (size_t)y * WIDE;
}

static void test_resampling(void **state) {
    (void)state;
    static uint8_t out[2 * WIDE * 2 * WIDE];
    struct err e = {0};
    for (uint32_t i = 0; i < WIDE * WIDE; i++) {
        source[i] = (uint8_t)((i % WIDE + i / WIDE) % 2 * 255); // a chess board
    }
    struct px_resample from = {.row = row_of_source,
                               .width = WIDE,
                               .height = WIDE,
                               .channels = 1,
                               .region_width = WIDE,
                               .region_height = WIDE};
    assert_int_equal(px_resample(&from, WIDE / 2, WIDE / 2, out, &e), E_OK);
    for (uint32_t i = 0; i < WIDE / 2 * WIDE / 2; i++) {
        assert_int_equal(out[i], 128); // shrinking averages: no pattern of its own
    }
    for (uint32_t i = 0; i < WIDE * WIDE; i++) {
        source[i] = (uint8_t)(i % WIDE);
    }
    assert_int_equal(px_resample(&from, 100, 100, out, &e), E_OK);
    for (uint32_t x = 0; x < 100; x++) {
        double mean = (x + 0.5) * 2.56 - 0.5;
        assert_true(fabs(out[x] - mean) <= 1.0);
    }
    assert_int_equal(px_resample(&from, 2 * WIDE, 2 * WIDE, out, &e), E_OK);
    for (uint32_t x = 1; x < 2 * WIDE; x++) {
        assert_true(out[x] >= out[x - 1] && out[x] - out[x - 1] <= 1);
    }
}

static void test_parsing(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double centre, width;
        int function; // -1: refused
    } windows[] = {
        {"40,400", 40, 400, PX_VOI_LINEAR},
        {"40,400,linear", 40, 400, PX_VOI_LINEAR},
        {"-600,1500,sigmoid", -600, 1500, PX_VOI_SIGMOID},
        {"0.5,0.25,linear-exact", 0.5, 0.25, PX_VOI_LINEAR_EXACT},
        {" 40 , 400 ", 40, 400, PX_VOI_LINEAR},
        {"40,0", 0, 0, -1},
        {"40,-5", 0, 0, -1},
        {"40", 0, 0, -1},
        {"", 0, 0, -1},
        {"40,0.5", 0, 0, -1},
        {"40,400,cubic", 0, 0, -1},
        {"40,400,linear,", 0, 0, -1},
        {"nan,400", 0, 0, -1},
        {"40,inf", 0, 0, -1},
        {"a,b", 0, 0, -1},
    };
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        struct px_render_options o = {0};
        struct err e = {0};
        int code = px_window_parse(slice_str(windows[i].text), &o, &e);
        assert_int_equal(code, windows[i].function < 0 ? E_ARGUMENT : E_OK);
        if (code == E_OK) {
            assert_int_equal(o.choice, PX_WINDOW_GIVEN);
            assert_int_equal(o.window.function, windows[i].function);
            assert_true(o.window.centre == windows[i].centre && o.window.width == windows[i].width);
        }
    }
    static const struct {
        const char *text;
        bool ok;
        struct px_viewport v;
    } viewports[] = {
        {"100,200", true, {100, 200, false, 0, 0, 0, 0}},
        {"100,200,1.5,2,30,-40", true, {100, 200, true, 1.5, 2, 30, -40}},
        {"100,200,,,,", true, {100, 200, true, 0, 0, 0, 0}},
        {"100,200,5", true, {100, 200, true, 5, 0, 0, 0}},
        {"100", false, {0}},
        {"0,100", false, {0}},
        {"100,20000", false, {0}},
        {"100,-1", false, {0}},
        {"100,100,-1,0", false, {0}},
        {"1,1,1,1,1,1,1", false, {0}},
        {"1.5,1", false, {0}},
        {"", false, {0}},
        {",", false, {0}},
    };
    for (size_t i = 0; i < sizeof viewports / sizeof viewports[0]; i++) {
        struct px_render_options o = {0};
        struct err e = {0};
        int code = px_viewport_parse(slice_str(viewports[i].text), &o, &e);
        assert_int_equal(code, viewports[i].ok ? E_OK : E_ARGUMENT);
        const struct px_viewport *v = &viewports[i].v;
        assert_true(o.viewport.width == v->width && o.viewport.height == v->height &&
                    o.viewport.has_region == v->has_region && o.viewport.x == v->x &&
                    o.viewport.y == v->y && o.viewport.region_width == v->region_width &&
                    o.viewport.region_height == v->region_height);
    }
}

// Sides out of a JPEG's frame header (SOF0).
static void jpeg_size(struct slice jpeg, uint32_t *ret_width, uint32_t *ret_height) {
    *ret_width = *ret_height = 0;
    for (size_t i = 2; i + 9 < jpeg.len; i += 2u + num_be16(jpeg.ptr + i + 2)) {
        if (jpeg.ptr[i + 1] == 0xC0) {
            *ret_height = num_be16(jpeg.ptr + i + 5);
            *ret_width = num_be16(jpeg.ptr + i + 7);
            return;
        }
    }
}

static void test_thumbnails(void **state) {
    (void)state;
    static const struct {
        uint16_t rows, columns;
        double tall;
        uint32_t side, width, height;
    } cases[] = {{512, 1024, 1, 0, 256, 128},
                 {100, 50, 1, 0, 50, 100},
                 {100, 100, 2, 0, 100, 200},
                 {100, 100, 4, 0, 64, 256},
                 {300, 300, 1, 64, 64, 64}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(scene_done) struct scene s;
        CLEANUP(cleanup_buf) struct buf out;
        uint32_t width;
        uint32_t height;
        size_t len = cases[i].rows * (size_t)cases[i].columns;
        uint8_t *raw = mem_zalloc(3 * len);
        buf_init(&out, (size_t)1 << 24);
        scene_make(&s, cases[i].rows, cases[i].columns, 8, PX_MONOCHROME2);
        s.image.pixel_height = cases[i].tall;
        s.image.frames = 3;
        struct px_range ranges[3] = {{0, len, 0}, {len, len, 0}, {2 * len, len, 0}};
        struct px_frames t = {.ranges = ranges, .count = 3, .frame_bits = 8 * len, .word_bits = 8};
        assert_int_equal(px_thumbnail_make(&s.image, &t, slice_of(raw, 3 * len), cases[i].side,
                                           PX_FORMAT_JPEG, &out, &s.e),
                         E_OK);
        jpeg_size(buf_slice(&out), &width, &height);
        assert_int_equal(width, cases[i].width);
        assert_int_equal(height, cases[i].height);
        mem_free(raw);
    }
}

static void test_memory_runs_out(void **state) {
    (void)state;
    CLEANUP(scene_done) struct scene s;
    static const uint8_t raw[20000];
    scene_make(&s, 100, 100, 16, PX_MONOCHROME2);
    fill_frame(&s, raw, sizeof raw);
    viewport(&s, 33, 33);
    int code = E_MEMORY;
    for (size_t n = 0; code != E_OK; n++) {
        mem_fail_after(n);
        code = render(&s);
        mem_fail_after(MEM_FAIL_NEVER);
        assert_true(code == E_OK || code == E_MEMORY);
        assert_true(n < 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_follow_formulas),
        cmocka_unit_test(test_bytes_are_shown_as_they_are),
        cmocka_unit_test(test_bit_masks),
        cmocka_unit_test(test_unused_bits),
        cmocka_unit_test(test_automatic_window_without_padding),
        cmocka_unit_test(test_flat_images),
        cmocka_unit_test(test_choice_of_windows_and_luts),
        cmocka_unit_test(test_modality_table),
        cmocka_unit_test(test_wide_and_float_pixels),
        cmocka_unit_test(test_colour_layouts),
        cmocka_unit_test(test_ybr),
        cmocka_unit_test(test_palette),
        cmocka_unit_test(test_viewport_sizes),
        cmocka_unit_test(test_regions_and_flips),
        cmocka_unit_test(test_resampling),
        cmocka_unit_test(test_parsing),
        cmocka_unit_test(test_thumbnails),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
