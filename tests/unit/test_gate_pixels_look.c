// SPDX-License-Identifier: Apache-2.0
// What is looked at, decided and verified around the detector: the detector itself is a table of
// this test, so that each rule is seen alone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "gate_pixels_kit.h"
#include "pixel/codec.h"

// --- the detector ---

static struct gate_box plan[32]; // of the first look
static unsigned planned;
static struct gate_box later[32]; // of the second
static unsigned later_count;
static unsigned scans;

struct gate_scanner {
    uint32_t rows, columns;
};

int gate_scanner_new(uint32_t rows, uint32_t columns, uint32_t frames,
                     struct gate_scanner **ret_scanner, struct err *e) {
    (void)frames;
    (void)e;
    *ret_scanner = mem_zalloc(sizeof **ret_scanner);
    (*ret_scanner)->rows = rows;
    (*ret_scanner)->columns = columns;
    return E_OK;
}

void gate_scanner_free(struct gate_scanner *s) { mem_free(s); }

void gate_boxes_done(struct gate_boxes *b) {
    mem_free(b->list);
    *b = (struct gate_boxes){0};
}

int gate_scan_frame(struct gate_scanner *s, const struct px_frame *f, uint32_t number,
                    const struct gate_scan_options *options, struct gate_boxes *out,
                    struct err *e) {
    (void)e;
    assert_int_equal(f->rows, s->rows);
    scans++;
    const struct gate_box *from = options->second ? later : plan;
    for (unsigned i = 0; i < (options->second ? later_count : planned); i++) {
        if (from[i].frame == number) {
            out->list = mem_realloc(out->list, (out->count + 1) * sizeof *out->list);
            out->cap = out->count + 1;
            out->list[out->count++] = from[i];
        }
    }
    return E_OK;
}

int gate_scan_finish(struct gate_scanner *s, struct gate_boxes *out, struct err *e) {
    (void)s;
    (void)out;
    (void)e;
    return E_OK;
}

// Four pixels that tell pictures of different samples apart.
int gate_scan_crop(const struct px_frame *f, const struct gate_box *box, struct buf *out,
                   struct err *e) {
    (void)e;
    unsigned sum = box->x;
    for (unsigned y = box->y; y < box->y + box->height && f->bits_allocated == 8; y++) {
        for (unsigned x = box->x; x < box->x + box->width; x++) {
            sum = sum * 31 + f->data[(y * f->columns + x) * f->samples];
        }
    }
    uint8_t crop[8] = {4, 0, 1, 0};
    memcpy(crop + 4, &sum, 4);
    buf_put(out, crop, sizeof crop);
    return E_OK;
}

static struct gate_box found(uint32_t frame, unsigned x, unsigned y, unsigned width,
                             unsigned height, enum gate_sure sure) {
    return (struct gate_box){.x = (uint16_t)x,
                             .y = (uint16_t)y,
                             .width = (uint16_t)width,
                             .height = (uint16_t)height,
                             .frame = frame,
                             .shape = GATE_SHAPE_TEXT,
                             .sure = (uint8_t)sure,
                             .glyphs = 6,
                             .crop = UINT32_MAX};
}

// --- a look, its decision, and what follows ---

static const struct pixkit_image grey = {"grey",
                                         DCM_EXPLICIT_LE_UID,
                                         "MONOCHROME2",
                                         "1.2.840.10008.5.1.4.1.1.2",
                                         "CT",
                                         120,
                                         200,
                                         1,
                                         8,
                                         8,
                                         false,
                                         false,
                                         1,
                                         0};

struct scene {
    struct pixkit k;
    struct buf crops;
    struct gate_look look;
    struct gate_edit *edits;
    uint32_t edit_count;
    bool need_reading;
};

static void forget_plan(void) {
    planned = later_count = scans = 0;
    memset(plan, 0, sizeof plan);
    memset(later, 0, sizeof later);
}

static void scene_begin(struct scene *s, const struct pixkit_image *im) {
    memset(s, 0, sizeof *s);
    pixkit_begin(&s->k);
    buf_init(&s->crops, 1 << 20);
    s->look.crops = &s->crops;
    pixkit_describe(&s->k, im);
}

static void scene_look(struct scene *s) {
    struct pixkit *k = &s->k;
    struct slice bytes = buf_slice(&k->file);
    assert_int_equal(
        gate_pixels_look(&k->c, k->read, &k->image, &k->frames, bytes, &s->look, &k->e), E_OK);
}

static void scene_decide(struct scene *s, const struct gate_reading *readings, uint32_t count,
                         const struct gate_edit *orders, uint32_t order_count) {
    struct pixkit *k = &s->k;
    assert_int_equal(gate_pixels_decide(&k->c, &s->look, readings, count, orders, order_count,
                                        &s->edits, &s->edit_count, &s->need_reading, &k->e),
                     E_OK);
}

static void scene_end(struct scene *s) {
    gate_boxes_done(&s->look.boxes);
    buf_done(&s->crops);
    pixkit_end(&s->k);
    forget_plan();
}

static bool objected(const struct scene *s, enum gate_reason reason) {
    for (uint32_t i = 0; i < s->k.c.reason_count; i++) {
        if (s->k.c.reasons[i] == reason) {
            return true;
        }
    }
    return false;
}

// How many edits of this kind cover the pixel in the frame.
static unsigned covering(const struct scene *s, enum gate_edit_kind kind, uint32_t frame,
                         unsigned x, unsigned y) {
    unsigned count = 0;
    for (uint32_t i = 0; i < s->edit_count; i++) {
        const struct gate_edit *e = &s->edits[i];
        count += e->kind == kind && (e->frame == frame || e->frame == GATE_ALL_FRAMES) &&
                 x >= e->x && x < e->x + e->width && y >= e->y && y < e->y + e->height;
    }
    return count;
}

static struct gate_reading reading(const char *text, unsigned confidence) {
    struct gate_reading r = {.confidence = (uint8_t)confidence};
    (void)snprintf(r.text, sizeof r.text, "%s", text);
    return r;
}

// --- the table ---

static void test_table(void **state) {
    (void)state;
    static const struct {
        enum gate_sure sure;
        const char *text; // NULL: not read
        unsigned confidence;
        char outcome; // b, k, o
    } rows[] = {
        {GATE_SURE, NULL, 0, 'b'},          {GATE_SURE, "", 0, 'b'},
        {GATE_SURE, "JONES", 90, 'b'},      {GATE_SURE, "5.0 MHz", 90, 'k'},
        {GATE_SURE, "L", 95, 'b'}, // one letter of six glyphs
        {GATE_SURE, "PORTABLE", 95, 'k'},   {GATE_LIKELY, NULL, 0, 'o'},
        {GATE_LIKELY, "", 0, 'o'},          {GATE_LIKELY, "JONES", 90, 'b'},
        {GATE_LIKELY, "PORTABLE", 90, 'k'}, {GATE_MAYBE, NULL, 0, 'o'},
        {GATE_MAYBE, "", 0, 'k'},           {GATE_MAYBE, "|~", 70, 'k'},
        {GATE_MAYBE, "a", 90, 'k'},         {GATE_MAYBE, "JONES", 80, 'b'},
        {GATE_MAYBE, "JONES", 20, 'k'},     {GATE_MAYBE, "ZEBEDEE", 5, 'b'}, // the subject's
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene s;
        scene_begin(&s, &grey);
        gate_subject_add(s.k.c.subject, GATE_KIND_PERSON_NAME, slice_str("Zebedee"));
        pixkit_make(&s.k, &grey, NULL, 0);
        plan[planned++] = found(0, 20, 30, 60, 12, rows[i].sure);
        scene_look(&s);
        assert_int_equal(s.look.crop_count, 1);
        struct gate_reading r =
            reading(rows[i].text == NULL ? "" : rows[i].text, rows[i].confidence);
        scene_decide(&s, rows[i].text == NULL ? NULL : &r, rows[i].text != NULL, NULL, 0);
        bool black = covering(&s, GATE_EDIT_BLACK, 0, 30, 35) > 0;
        bool held = objected(&s, GATE_REASON_TEXT_UNSURE);
        char outcome = held ? 'o' : black ? 'b' : 'k';
        if (outcome != rows[i].outcome || (held && !black) || s.need_reading != !rows[i].text) {
            fail_msg("row %zu: %c where %c should be", i, outcome, rows[i].outcome);
        }
        assert_int_equal(covering(&s, GATE_EDIT_KEEP, 0, 30, 35), outcome == 'k');
        assert_true((s.k.c.methods & GATE_METHOD_PIXELS) != 0);
        scene_end(&s);
    }
}

// Masks are shapes: what the detector takes for strokes stays unless it was read as text.
static void test_masks(void **state) {
    (void)state;
    struct pixkit_image seg = grey;
    seg.sop_class = "1.2.840.10008.5.1.4.1.1.66.4";
    seg.allocated = seg.stored = 1;
    static const struct {
        const char *text;
        bool black;
    } rows[] = {{"", false}, {"ol", false}, {"HENDERSON", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene s;
        scene_begin(&s, &seg);
        pixkit_make(&s.k, &seg, NULL, 0);
        plan[planned++] = found(0, 20, 30, 60, 12, GATE_SURE);
        scene_look(&s);
        assert_int_equal(s.look.matter, GATE_MATTER_MASK);
        struct gate_reading r = reading(rows[i].text, 90);
        scene_decide(&s, &r, 1, NULL, 0);
        assert_int_equal(covering(&s, GATE_EDIT_BLACK, 0, 30, 35) > 0, rows[i].black);
        assert_int_equal(s.k.c.verdict, GATE_RELEASED);
        scene_end(&s);
    }
}

// --- orders of a person ---

static void test_orders(void **state) {
    (void)state;
    struct pixkit_image loop = grey;
    loop.frames = 4;
    struct scene s;
    scene_begin(&s, &loop);
    pixkit_make(&s.k, &loop, NULL, 0);
    for (uint32_t i = 0; i < 4; i++) {
        plan[planned++] = found(i, 20, 30, 60, 12, GATE_LIKELY);
    }
    plan[planned++] = found(1, 100, 60, 40, 12, GATE_LIKELY);
    scene_look(&s);
    const struct gate_edit orders[] = {
        {.kind = GATE_EDIT_KEEP, .x = 40, .y = 20, .width = 10, .height = 40, .frame = 2},
        {.kind = GATE_EDIT_BLACK,
         .x = 0,
         .y = 0,
         .width = 100,
         .height = 50,
         .frame = GATE_ALL_FRAMES},
        {.kind = GATE_EDIT_KEEP, .x = 98, .y = 58, .width = 50, .height = 20, .frame = 1},
    };
    scene_decide(&s, NULL, 0, orders, 3);
    // The person's box covers the loop's, so that the doubt is settled; what is kept is cut out.
    assert_false(objected(&s, GATE_REASON_TEXT_UNSURE));
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(covering(&s, GATE_EDIT_BLACK, i, 45, 35), i == 2 ? 1 : 2);
        assert_int_equal(covering(&s, GATE_EDIT_BLACK, i, 25, 35), 2);
    }
    assert_int_equal(covering(&s, GATE_EDIT_BLACK, 1, 110, 65), 0);
    scene_end(&s);
}

// --- loops ---

static void test_loop(void **state) {
    (void)state;
    struct pixkit_image loop = grey;
    loop.frames = 8;
    const struct pixkit_text captions[] = {{"NAME", 22, 32, 1, GATE_ALL_FRAMES}};
    struct scene s;
    scene_begin(&s, &loop);
    pixkit_make(&s.k, &loop, captions, 1);
    // The same place, but not found in frames 3 and 4; another one in two frames only.
    for (uint32_t i = 1; i < 7; i++) {
        if (i != 3 && i != 4) {
            plan[planned++] = found(i, 20 + i % 2, 30, 60, 12, GATE_SURE);
        }
    }
    plan[planned++] = found(0, 100, 80, 20, 12, GATE_SURE);
    plan[planned++] = found(7, 100, 80, 20, 12, GATE_SURE);
    scene_look(&s);
    scene_decide(&s, NULL, 0, NULL, 0);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(covering(&s, GATE_EDIT_BLACK, i, 50, 36) > 0, i >= 1 && i < 7);
    }
    assert_int_equal(covering(&s, GATE_EDIT_BLACK, 0, 110, 85), 1);
    assert_int_equal(covering(&s, GATE_EDIT_BLACK, 7, 110, 85), 1);
    scene_end(&s);
}

// Frames with the same samples are looked at once.
static void test_still(void **state) {
    (void)state;
    struct pixkit_image loop = grey;
    loop.frames = 6;
    loop.stored = 1; // so that no frame has noise of its own
    struct scene s;
    scene_begin(&s, &loop);
    pixkit_make(&s.k, &loop, NULL, 0);
    plan[planned++] = found(0, 20, 30, 60, 12, GATE_SURE);
    scene_look(&s);
    assert_int_equal(scans, 1);
    assert_int_equal(s.look.boxes.count, 6);
    assert_int_equal(s.look.boxes.list[5].frame, 5);
    assert_int_equal(s.look.crop_count, 1);
    scene_decide(&s, NULL, 0, NULL, 0);
    assert_int_equal(s.edit_count, 1);
    assert_int_equal(s.edits[0].frame, GATE_ALL_FRAMES);
    scene_end(&s);
}

// --- lines ---

static void test_lines(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, &grey);
    pixkit_make(&s.k, &grey, NULL, 0);
    plan[planned++] = found(0, 20, 30, 20, 10, GATE_SURE);
    plan[planned++] = found(0, 48, 31, 20, 10, GATE_SURE); // eight pixels on: the same line
    plan[planned++] = found(0, 76, 30, 8, 10, GATE_SURE);  // a marker between two words
    plan[planned++] = found(0, 90, 30, 20, 10, GATE_SURE);
    plan[planned++] = found(0, 20, 60, 20, 10, GATE_SURE); // another line
    plan[2].glyphs = 1;
    scene_look(&s);
    const struct gate_reading readings[] = {reading("ANN", 90), reading("HALL", 90),
                                            reading("L", 90), reading("LEEDS", 90),
                                            reading("1968", 90)};
    assert_int_equal(s.look.crop_count, 5);
    scene_decide(&s, readings, 5, NULL, 0);
    unsigned black = 0;
    for (uint32_t i = 0; i < s.edit_count; i++) {
        black += s.edits[i].kind == GATE_EDIT_BLACK;
    }
    assert_int_equal(black, 3);
    assert_int_equal(covering(&s, GATE_EDIT_BLACK, 0, 44, 35), 1);
    assert_int_equal(covering(&s, GATE_EDIT_BLACK, 0, 80, 35), 0);
    assert_int_equal(covering(&s, GATE_EDIT_BLACK, 0, 18, 28), 1); // two pixels around
    assert_int_equal(covering(&s, GATE_EDIT_BLACK, 0, 17, 28), 0);
    scene_end(&s);
}

// --- ultrasound regions ---

static void add_region(struct pixkit *k, int64_t x0, int64_t y0, int64_t x1, int64_t y1) {
    struct dcm_dataset *item;
    const int64_t values[4] = {x0, y0, x1, y1};
    static const dcm_tag tags[4] = {DCM_RegionLocationMinX0, DCM_RegionLocationMinY0,
                                    DCM_RegionLocationMaxX1, DCM_RegionLocationMaxY1};
    assert_int_equal(dcm_add_item(k->d, DCM_SequenceOfUltrasoundRegions, &item, &k->e), E_OK);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(dcm_put_ints(item, tags[i], DCM_VR_UL, &values[i], 1, &k->e), E_OK);
    }
}

static const struct pixkit_image ultrasound = {"ultrasound",
                                               DCM_EXPLICIT_LE_UID,
                                               "RGB",
                                               "1.2.840.10008.5.1.4.1.1.6.1",
                                               "US",
                                               120,
                                               200,
                                               3,
                                               8,
                                               8,
                                               false,
                                               false,
                                               2,
                                               0};

static void test_regions(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, &ultrasound);
    add_region(&s.k, 20, 15, 119, 109);
    add_region(&s.k, 120, 15, 189, 59);
    pixkit_make(&s.k, &ultrasound, NULL, 0);
    scene_look(&s);
    assert_true(s.look.has_regions);
    scene_decide(&s, NULL, 0, NULL, 0);
    assert_int_equal(s.k.c.verdict, GATE_RELEASED);
    for (unsigned y = 0; y < 120; y++) {
        for (unsigned x = 0; x < 200; x++) {
            bool in =
                y >= 15 && ((x >= 20 && x < 120 && y < 110) || (x >= 120 && x < 190 && y < 60));
            assert_int_equal(covering(&s, GATE_EDIT_BLACK, 1, x, y), !in);
        }
    }
    scene_end(&s);
}

static void test_absurd_regions(void **state) {
    (void)state;
    static const int64_t wrong[][4] = {
        {0, 0, 5, 5},        // nearly all of the picture would go
        {20, 15, 900, 109},  // of a larger picture
        {119, 15, 20, 109},  // turned round
        {-4, 15, 100, 109},  // behind the edge
        {300, 300, 310, 310} // outside
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct scene s;
        scene_begin(&s, &ultrasound);
        add_region(&s.k, wrong[i][0] < 0 ? 4294967292 : wrong[i][0], wrong[i][1], wrong[i][2],
                   wrong[i][3]);
        pixkit_make(&s.k, &ultrasound, NULL, 0);
        scene_look(&s);
        assert_false(s.look.has_regions);
        assert_true(s.look.suspect);
        scene_decide(&s, NULL, 0, NULL, 0);
        assert_int_equal(s.edit_count, 0);
        scene_end(&s);
    }
}

// --- margins ---

static const struct pixkit_image film = {"film",
                                         DCM_EXPLICIT_LE_UID,
                                         "MONOCHROME2",
                                         "1.2.840.10008.5.1.4.1.1.1",
                                         "CR",
                                         400,
                                         400,
                                         1,
                                         16,
                                         12,
                                         false,
                                         false,
                                         1,
                                         0};

static void paint(struct pixkit *k, unsigned x0, unsigned y0, unsigned x1, unsigned y1,
                  unsigned level) {
    uint8_t *p = k->file.data + k->frames.ranges[0].offset;
    for (unsigned y = y0; y < y1; y++) {
        for (unsigned x = x0; x < x1; x++) {
            p[2 * (y * 400 + x)] = (uint8_t)level;
            p[2 * (y * 400 + x) + 1] = (uint8_t)(level >> 8);
        }
    }
}

static void test_margins(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, &film);
    pixkit_make(&s.k, &film, NULL, 0);
    paint(&s.k, 0, 0, 400, 400, 30);
    paint(&s.k, 100, 80, 300, 400, 2000); // what was exposed reaches the lower edge
    paint(&s.k, 180, 60, 200, 80, 1500);  // and a finger out of it
    paint(&s.k, 20, 20, 80, 40, 31);      // one grey level of writing
    paint(&s.k, 330, 200, 350, 230, 4000);
    plan[planned++] = found(0, 330, 200, 20, 30, GATE_SURE); // the marker, seen by the detector
    plan[0].glyphs = 1;
    scene_look(&s);
    assert_int_equal(s.look.boxes.count, 3);
    assert_int_equal(s.look.traits[0], 0);
    assert_int_equal(s.look.traits[1], GATE_TRAIT_MARGIN);
    assert_int_equal(s.look.traits[2], GATE_TRAIT_MARGIN);
    struct gate_reading readings[3] = {reading("R", 96), reading("", 0), reading("", 0)};
    scene_decide(&s, readings, s.look.crop_count, NULL, 0);
    assert_int_equal(s.k.c.verdict, GATE_RELEASED);
    assert_int_equal(covering(&s, GATE_EDIT_BLACK, 0, 50, 30), 1);
    assert_int_equal(covering(&s, GATE_EDIT_BLACK, 0, 340, 210), 0); // the marker stays
    assert_int_equal(covering(&s, GATE_EDIT_BLACK, 0, 190, 70), 0);  // the finger too
    assert_int_equal(covering(&s, GATE_EDIT_BLACK, 0, 200, 200), 0);
    scene_end(&s);
}

// --- devices ---

static void test_devices(void **state) {
    (void)state;
    struct pixkit_image im = ultrasound;
    im.rows = 480;
    im.columns = 640;
    im.frames = 1;
    struct scene s;
    scene_begin(&s, &im);
    assert_int_equal(dcm_put_str(s.k.d, DCM_Manufacturer, DCM_VR_LO, "Philips Medical", &s.k.e),
                     E_OK);
    assert_int_equal(dcm_put_str(s.k.d, DCM_ManufacturerModelName, DCM_VR_LO, "iU22", &s.k.e),
                     E_OK);
    pixkit_make(&s.k, &im, NULL, 0);
    plan[planned++] = found(0, 20, 10, 60, 12, GATE_MAYBE); // where the device writes
    plan[planned++] = found(0, 20, 200, 60, 12, GATE_MAYBE);
    scene_look(&s);
    assert_true(s.look.suspect);
    assert_int_equal(s.look.traits[0], GATE_TRAIT_DEVICE);
    assert_int_equal(s.look.traits[1], 0);
    const struct gate_reading nothing[2] = {reading("", 0), reading("", 0)};
    scene_decide(&s, nothing, 2, NULL, 0);
    assert_int_equal(covering(&s, GATE_EDIT_BLACK, 0, 30, 15), 1);
    assert_int_equal(covering(&s, GATE_EDIT_BLACK, 0, 30, 205), 0);
    scene_end(&s);
}

// --- what cannot be looked at ---

static void test_unreadable(void **state) {
    (void)state;
    struct pixkit_image im = grey;
    im.syntax = "1.2.840.10008.1.2.4.90";
    struct scene s;
    scene_begin(&s, &im);
    pixkit_make(&s.k, &im, NULL, 0);
    uint8_t *stream = s.k.file.data + s.k.frames.ranges[0].offset;
    memset(stream + 8, 0xA5, 40);
    scene_look(&s);
    assert_false(s.look.examined);
    assert_true(objected(&s, GATE_REASON_PIXELS_UNREADABLE));
    scene_decide(&s, NULL, 0, NULL, 0);
    assert_int_equal(s.k.c.methods & GATE_METHOD_PIXELS, 0);
    scene_end(&s);
}

static void test_not_asked(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, &grey);
    s.k.profile.examine_pixels = false;
    pixkit_make(&s.k, &grey, NULL, 0);
    plan[planned++] = found(0, 20, 30, 60, 12, GATE_SURE);
    scene_look(&s);
    assert_int_equal(scans, 0);
    assert_false(s.look.examined);
    scene_end(&s);
}

// --- what recognises an image ---

static void digest_of(const struct pixkit_image *im, const struct pixkit_text *text,
                      uint8_t out[32]) {
    struct scene s;
    scene_begin(&s, im);
    pixkit_make(&s.k, im, text, 1);
    scene_look(&s);
    assert_true(s.look.examined);
    memcpy(out, s.look.pixel_digest, 32);
    scene_end(&s);
}

static void test_digest(void **state) {
    (void)state;
    const struct pixkit_text one = {"A", 5, 5, 1, GATE_ALL_FRAMES};
    const struct pixkit_text other = {"B", 5, 5, 1, 1};
    static const char *const syntaxes[] = {DCM_EXPLICIT_BE_UID, DCM_RLE_UID,
                                           "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"};
    struct pixkit_image im = grey;
    im.allocated = 16;
    im.stored = 12;
    im.is_signed = true;
    im.frames = 3;
    uint8_t first[32];
    uint8_t next[32];
    digest_of(&im, &one, first);
    for (size_t i = 0; i < sizeof syntaxes / sizeof syntaxes[0]; i++) {
        im.syntax = syntaxes[i];
        digest_of(&im, &one, next);
        assert_memory_equal(first, next, 32);
    }
    digest_of(&im, &other, next);
    assert_memory_not_equal(first, next, 32);
    struct pixkit_image colour = ultrasound;
    digest_of(&colour, &one, first);
    colour.planar = true;
    digest_of(&colour, &one, next);
    assert_memory_equal(first, next, 32);
}

// --- a look as bytes ---

static void test_pack(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, &ultrasound);
    add_region(&s.k, 20, 15, 119, 109);
    pixkit_make(&s.k, &ultrasound, NULL, 0);
    plan[planned++] = found(0, 20, 30, 60, 12, GATE_LIKELY);
    plan[planned++] = found(1, 30, 50, 40, 12, GATE_SURE);
    scene_look(&s);
    struct buf bytes;
    buf_init(&bytes, 1 << 16);
    gate_look_pack(&s.look, &bytes);
    struct gate_look back = {0};
    struct pixkit *k = &s.k;
    struct slice file = buf_slice(&k->file);
    assert_int_equal(
        gate_look_unpack(&k->arena, buf_slice(&bytes), &k->image, &k->frames, file, &back, &k->e),
        E_OK);
    assert_int_equal(back.boxes.count, 2);
    assert_int_equal(back.crop_count, s.look.crop_count);
    assert_memory_equal(back.pixel_digest, s.look.pixel_digest, 32);
    assert_int_equal(back.rule_count, s.look.rule_count);
    assert_int_equal(back.boxes.list[1].frame, 1);
    gate_boxes_done(&back.boxes);
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_equal(gate_look_unpack(&k->arena, slice_of(bytes.data, len), &k->image,
                                          &k->frames, file, &back, &k->e),
                         E_CRASHED);
    }
    for (size_t i = 0; i < bytes.len; i++) { // whatever stands there, nothing lies outside
        bytes.data[i] ^= 0xFF;
        if (gate_look_unpack(&k->arena, buf_slice(&bytes), &k->image, &k->frames, file, &back,
                             &k->e) == E_OK) {
            for (uint32_t b = 0; b < back.boxes.count; b++) {
                assert_true(back.boxes.list[b].x + back.boxes.list[b].width <= 200);
                assert_true(back.boxes.list[b].frame < 2);
            }
            gate_boxes_done(&back.boxes);
        }
        bytes.data[i] ^= 0xFF;
    }
    buf_done(&bytes);
    scene_end(&s);
}

// --- verification ---

static struct gate_look verify(struct scene *s, struct slice written,
                               const struct gate_reading *readings, uint32_t count) {
    struct gate_look again = {.crops = &s->crops,
                              .crop_count = s->look.crop_count,
                              .first = &s->look,
                              .readings = readings,
                              .reading_count = count};
    assert_int_equal(gate_pixels_verify(&s->k.c, written, s->edits, s->edit_count, &again, &s->k.e),
                     E_OK);
    gate_boxes_done(&again.boxes);
    return again;
}

static void cleaned(struct scene *s) {
    static const struct pixkit_text caption = {"NAME 123", 22, 32, 1, 0};
    scene_begin(s, &grey);
    gate_subject_add(s->k.c.subject, GATE_KIND_PERSON_NAME, slice_str("Zebedee"));
    pixkit_make(&s->k, &grey, &caption, 1);
    plan[planned++] = found(0, 20, 30, 60, 12, GATE_SURE);
    scene_look(s);
    scene_decide(s, NULL, 0, NULL, 0);
    assert_int_equal(pixkit_write(&s->k, s->edits, s->edit_count), E_OK);
}

static void test_verify_clean(void **state) {
    (void)state;
    struct scene s;
    cleaned(&s);
    later[later_count++] = found(0, 17, 27, 66, 18, GATE_SURE); // the edge of the box itself
    (void)verify(&s, buf_slice(&s.k.written), NULL, 0);
    assert_int_equal(s.k.c.verdict, GATE_RELEASED);
    scene_end(&s);
}

// A writer that does nothing, and one that does too much.
static void test_verify_leaky(void **state) {
    (void)state;
    struct scene s;
    cleaned(&s);
    (void)verify(&s, buf_slice(&s.k.file), NULL, 0);
    assert_true(objected(&s, GATE_REASON_TEXT_LEFT));
    assert_int_equal(s.k.c.verdict, GATE_HELD);
    scene_end(&s);
    cleaned(&s);
    s.k.written.data[s.k.written.len - 24 - 200] ^= 1; // one bit of one pixel
    (void)verify(&s, buf_slice(&s.k.written), NULL, 0);
    assert_true(objected(&s, GATE_REASON_CLEANING_FAILED));
    scene_end(&s);
    cleaned(&s);
    (void)verify(&s, slice_of(s.k.written.data, s.k.written.len / 2), NULL, 0);
    assert_true(objected(&s, GATE_REASON_CLEANING_FAILED));
    scene_end(&s);
}

static void test_verify_finds(void **state) {
    (void)state;
    struct scene s;
    cleaned(&s);
    later[later_count++] = found(0, 120, 90, 60, 12, GATE_LIKELY);
    struct gate_look again = verify(&s, buf_slice(&s.k.written), NULL, 0);
    assert_true(again.need_reading);
    assert_int_equal(again.crop_count, 2);
    assert_true(objected(&s, GATE_REASON_TEXT_UNSURE));
    const struct gate_reading readings[] = {reading("NAME 123", 90), reading("ZEBEDEE", 60)};
    (void)verify(&s, buf_slice(&s.k.written), readings, 2);
    assert_true(objected(&s, GATE_REASON_IDENTIFIER_LEFT));
    scene_end(&s);
    cleaned(&s);
    later[later_count++] = found(0, 120, 90, 60, 12, GATE_MAYBE);
    const struct gate_reading harmless[] = {reading("NAME 123", 90), reading("", 0)};
    again = verify(&s, buf_slice(&s.k.written), harmless, 2);
    assert_false(again.need_reading);
    assert_int_equal(s.k.c.verdict, GATE_RELEASED);
    scene_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_orders),       cmocka_unit_test(test_loop),
        cmocka_unit_test(test_still),        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_regions),      cmocka_unit_test(test_absurd_regions),
        cmocka_unit_test(test_margins),      cmocka_unit_test(test_devices),
        cmocka_unit_test(test_unreadable),   cmocka_unit_test(test_not_asked),
        cmocka_unit_test(test_digest),       cmocka_unit_test(test_pack),
        cmocka_unit_test(test_verify_clean), cmocka_unit_test(test_verify_leaky),
        cmocka_unit_test(test_verify_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
