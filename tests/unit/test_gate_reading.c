// SPDX-License-Identifier: Apache-2.0
// The reader: what readings mean, what its children may answer, and (where program and language
// data are installed) lines in four fonts from 8 to 40 pixels read as a crop of gate_scan_crop.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cairo/cairo.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "gate/reading.h"
#include "gate/reading_known.h"
#include "gate/reading_wire.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ARENA ((size_t)8 << 20)

// --- meanings

static enum gate_meaning means(const char *text, uint8_t confidence,
                               const struct gate_subject *subject) {
    struct gate_reading r = {.confidence = confidence};
    (void)snprintf(r.text, sizeof r.text, "%s", text);
    return gate_reading_means(&r, subject);
}

static void expect(const char *const *texts, size_t count, enum gate_meaning wanted) {
    for (size_t i = 0; i < count; i++) {
        enum gate_meaning got = means(texts[i], 90, NULL);
        if (got != wanted) {
            fail_msg("\"%s\" means %d, expected %d", texts[i], (int)got, (int)wanted);
        }
    }
}

static void test_technique(void **state) {
    (void)state;
    static const char *const stays[] = {"L",
                                        "R",
                                        "LT",
                                        "RT",
                                        "AP",
                                        "PA ERECT",
                                        "LAT",
                                        "SUPINE",
                                        "AP PORTABLE",
                                        "PRONE",
                                        "R CC",
                                        "L MLO",
                                        "12.5 cm",
                                        "12.5cm",
                                        "5 mm",
                                        "120 kV",
                                        "kV 120",
                                        "kV: 120",
                                        "mAs 250",
                                        "250 mAs",
                                        "5.0 MHz",
                                        "43Hz",
                                        "FR 43Hz",
                                        "-60 dB",
                                        "25 fps",
                                        "80 %",
                                        "80%",
                                        "MI 1.2",
                                        "MI 1.2 TIs 0.4",
                                        "W 350 L 40",
                                        "W:350 L:40",
                                        "WW 400 WL -40",
                                        "W350 C40",
                                        "W = 350 L = 40",
                                        "MIP",
                                        "SAG",
                                        "COR",
                                        "AX",
                                        "RA",
                                        "LPH",
                                        "A",
                                        "P",
                                        "PRF 20 kHz",
                                        "10",
                                        "5",
                                        "0",
                                        "Im: 12/40",
                                        "Se: 3 Im: 12",
                                        "Gain 45",
                                        "[R]",
                                        "R.",
                                        "15 cm/s",
                                        "FA 15 TR 500 TE 14.2",
                                        "3D MIP",
                                        "TR: 500 ms"};
    static const char *const goes[] = {
        "SMITH", "R SMITH", "JS R",    "L.E.",       "R JB",        "1O cm",     "045Y",  "F 045Y",
        "67 Y",  "72 kg",   "943 476", "476",        "007",         "05",        "12 03", "12/40",
        "W 350", "L 40",    "Hand",    "DR",         "DR HAND",     "WARD 7",    "A&E",   "S1",
        "M1 2",  "RL",      "AA",      "HAFT",       "10 15 20",    "123456 mm", "kV",    "kV abc",
        "Łódź",  "mm",      "Im",      "Im: 123456", "X-RAY ROOM 2"};
    static const char *const nothing[] = {"", " ", "-", "_ | .", "°", "— ‘", "***"};
    expect(stays, COUNT(stays), GATE_MEANS_TECHNIQUE);
    for (size_t i = 0; i < COUNT(goes); i++) {
        enum gate_meaning got = means(goes[i], 90, NULL);
        if (got != GATE_MEANS_TEXT && got != GATE_MEANS_IDENTIFIER) {
            fail_msg("\"%s\" means %d and would stay", goes[i], (int)got);
        }
    }
    expect(nothing, COUNT(nothing), GATE_MEANS_NOTHING);
}

static void test_unsure(void **state) {
    (void)state;
    assert_int_equal(means("R", 60, NULL), GATE_MEANS_TECHNIQUE);
    assert_int_equal(means("R", 59, NULL), GATE_MEANS_TEXT);
    assert_int_equal(means("", 0, NULL), GATE_MEANS_NOTHING);
    assert_int_equal(means("\xFF", 90, NULL), GATE_MEANS_TEXT);
}

static void test_identifier(void **state) {
    (void)state;
    static const char *const known[] = {"943 476 5919", "NHS 943-476-5919", "12/03/1961",
                                        "Dr Hand",      "SW1A 1AA",         "020 7946 0958"};
    expect(known, COUNT(known), GATE_MEANS_IDENTIFIER);
    struct arena a;
    arena_init(&a, ARENA);
    struct gate_subject *s = gate_subject_new(&a);
    assert_non_null(s);
    gate_subject_add(s, GATE_KIND_PERSON_NAME, slice_str("Erect^Portia"));
    gate_subject_add(s, GATE_KIND_PATIENT_ID, slice_str("QX77120"));
    assert_int_equal(means("PORTIA", 90, s), GATE_MEANS_IDENTIFIER);
    assert_int_equal(means("P0RTIA ERECT", 40, s), GATE_MEANS_IDENTIFIER); // as pixels are read
    assert_int_equal(means("id QX77l20", 80, s), GATE_MEANS_IDENTIFIER);
    assert_int_equal(means("SUPINE", 90, s), GATE_MEANS_TECHNIQUE);
    arena_done(&a);
}

// --- the wire

static int unpack(const char *bytes, size_t len, uint32_t count, struct gate_reading *ret) {
    struct err e = {0};
    return gate_readings_unpack(slice_of(bytes, len), ret, count, &e);
}

static void test_answers(void **state) {
    (void)state;
    struct gate_reading got[2], sent = {.text = "Łódź 12", .confidence = 77};
    struct buf b;
    buf_init(&b, 1024);
    gate_reading_pack(&sent, &b);
    gate_reading_pack(&(struct gate_reading){.text = ""}, &b);
    struct err e = {0};
    assert_int_equal(gate_readings_unpack(buf_slice(&b), got, 2, &e), E_OK);
    assert_string_equal(got[0].text, sent.text);
    assert_int_equal(got[0].confidence, 77);
    assert_string_equal(got[1].text, "");
    for (size_t len = 0; len < b.len; len++) { // every cut
        assert_int_equal(unpack((const char *)b.data, len, 2, got), E_CRASHED);
    }
    assert_int_equal(unpack((const char *)b.data, b.len, 1, got), E_CRASHED);
    assert_int_equal(unpack("\x65\x01x", 3, 1, got), E_CRASHED);    // 101 of 100
    assert_int_equal(unpack("\x40\x01\n", 3, 1, got), E_CRASHED);   // a control character
    assert_int_equal(unpack("\x40\x01\xC3", 3, 1, got), E_CRASHED); // half a character
    char longest[2 + GATE_READING_MAX] = {0x40, (char)GATE_READING_MAX};
    memset(longest + 2, 'x', GATE_READING_MAX);
    assert_int_equal(unpack(longest, sizeof longest, 1, got), E_CRASHED);
    buf_done(&b);
}

static void test_crops_cut(void **state) {
    (void)state;
    static const uint8_t bytes[] = {2, 0, 1, 0, 7, 8, 1, 0, 1, 0, 9};
    struct slice rest = slice_of(bytes, sizeof bytes);
    struct gate_crop c;
    struct err e = {0};
    assert_int_equal(gate_crop_next(&rest, &c, &e), E_OK);
    assert_true(c.width == 2 && c.height == 1 && c.grey[1] == 8 && c.whole.len == 6);
    assert_int_equal(gate_crop_next(&rest, &c, &e), E_OK);
    assert_true(c.grey[0] == 9 && rest.len == 0);
    assert_int_equal(gate_crop_next(&rest, &c, &e), E_SYNTAX);
    rest = slice_of(bytes, 5);
    assert_int_equal(gate_crop_next(&rest, &c, &e), E_SYNTAX);
    static const uint8_t none[] = {0, 0, 1, 0};
    rest = slice_of(none, sizeof none);
    assert_int_equal(gate_crop_next(&rest, &c, &e), E_SYNTAX);
}

static void test_known(void **state) {
    (void)state;
    struct gate_known k = {0};
    struct gate_reading r = {.text = ""};
    for (uint32_t i = 0; i < 3000; i++) {
        struct hash h = hash_of(slice_of(&i, sizeof i));
        assert_false(gate_known_find(&k, &h, &r));
        (void)snprintf(r.text, sizeof r.text, "%u", (unsigned)i);
        gate_known_add(&k, &h, &r);
    }
    for (uint32_t i = 0; i < 3000; i++) {
        struct hash h = hash_of(slice_of(&i, sizeof i));
        char wanted[16];
        (void)snprintf(wanted, sizeof wanted, "%u", (unsigned)i);
        assert_true(gate_known_find(&k, &h, &r));
        assert_string_equal(r.text, wanted);
    }
    gate_known_done(&k);
    mem_fail_after(0);
    struct hash h = hash_of(slice_str("x"));
    gate_known_add(&k, &h, &r);
    mem_fail_after(MEM_FAIL_NEVER);
    assert_false(gate_known_find(&k, &h, &r));
    gate_known_done(&k);
}

// --- the program

static void test_missing(void **state) {
    (void)state;
    struct gate_reader *r;
    struct err e = {0};
    struct gate_reading got;
    static const uint8_t crop[] = {1, 0, 1, 0, 9};
    assert_int_equal(gate_reader_open("/nonexistent/maclab-reader", 1, &r, &e), E_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gate_reader_read(r, slice_of(crop, sizeof crop), &got, 1, &e),
                         E_UNSUPPORTED);
        assert_non_null(strstr(e.text, "maclab-reader"));
    }
    gate_reader_close(r);
    gate_reader_close(NULL);
}

// The build's program, which lies at the top of the build folder; NULL: not to be tested here.
static struct gate_reader *reader(void) {
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(len > 0);
    self[len] = '\0';
    for (int up = 0; up < 3; up++) {
        *strrchr(self, '/') = '\0';
    }
    char path[PATH_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/maclab-reader", self);
    struct gate_reader *r;
    struct err e = {0};
    char about[64];
    assert_int_equal(gate_reader_open(path, 2, &r, &e), E_OK);
    int rc = gate_reader_about(r, about, sizeof about, &e);
    if (rc == E_UNSUPPORTED) {
        print_message("skipped: %s\n", e.text);
        gate_reader_close(r);
        return NULL;
    }
    assert_int_equal(rc, E_OK);
    assert_non_null(strstr(about, "Tesseract"));
    return r;
}

// The crop that gate_scan_crop would make of a line drawn at `size` pixels: scaled so that its
// capitals are 32 pixels high, 10 pixels of ground around it.
static void put_crop(struct buf *out, const char *text, const char *font, double size) {
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_A8, 1600, 120);
    cairo_t *c = cairo_create(s);
    cairo_text_extents_t all, capital;
    cairo_select_font_face(c, font, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c, size);
    cairo_text_extents(c, text, &all);
    cairo_text_extents(c, "H", &capital);
    cairo_move_to(c, 4, 70);
    cairo_show_text(c, text);
    cairo_surface_flush(s);
    const uint8_t *ink = cairo_image_surface_get_data(s);
    int stride = cairo_image_surface_get_stride(s);
    int top = 70 + (int)floor(all.y_bearing) - 1,
        bottom = 70 + (int)ceil(all.y_bearing + all.height);
    int right = 4 + (int)ceil(all.x_bearing + all.width) + 1;
    double scale = 32 / capital.height;
    int width = (int)(right * scale) + 20, height = (int)((bottom - top + 1) * scale) + 20;
    uint8_t *to = buf_extend(out, 4 + (size_t)width * (size_t)height);
    assert_non_null(to);
    num_put_le16(to, (uint16_t)width);
    num_put_le16(to + 2, (uint16_t)height);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            double u = (x - 10) / scale, v = top + (y - 10) / scale, sum = 0;
            int i = (int)floor(u), j = (int)floor(v);
            for (int corner = 0; corner < 4; corner++) {
                int px = i + (corner & 1), py = j + corner / 2;
                double weight = (corner & 1 ? u - i : 1 - u + i) * (corner / 2 ? v - j : 1 - v + j);
                bool in = px >= 0 && px <= right && py >= top && py <= bottom;
                sum += in ? weight * ink[py * stride + px] : 0;
            }
            to[4 + y * width + x] = (uint8_t)(255 - (int)sum);
        }
    }
    cairo_destroy(c);
    cairo_surface_destroy(s);
}

// A line counts as read when its letters and digits are, O and 0, I, l and 1 being one: what the
// search for the subject's terms forgives.
static void canonical(const char *text, char out[GATE_READING_MAX]) {
    size_t n = 0;
    for (; *text != '\0' && n + 1 < GATE_READING_MAX; text++) {
        static const char from[] = "OoQ@DIl|iSsBZz", to[] = "00000111155822";
        const char *at = strchr(from, *text);
        char c = at != NULL ? to[at - from] : *text;
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
            out[n++] = (char)(c >= 'a' ? c - 32 : c);
        }
    }
    out[n] = '\0';
}

static const char *const lines[] = {
    "SMITH, JOHN",      "Rhiannon Evans",   "12/03/1961", "NHS 943 476 5919", "L",        "R",
    "AP ERECT",         "DOB: 14-MAR-1974", "kV 125",     "St Thomas",        "PORTABLE", "MHz",
    "Siobhan McDonald", "ACC 77124583",     "Ward 12 B",  "Patel, Anjali"};
static const char *const fonts[] = {"DejaVu Sans", "DejaVu Sans Mono", "Liberation Sans"};
static const double sizes[] = {8, 9, 10, 12, 14, 18, 24, 32, 40};

static void test_lines_read(void **state) {
    (void)state;
    struct gate_reader *r = reader();
    if (r == NULL) {
        skip();
    }
    size_t total = COUNT(lines) * COUNT(fonts) * COUNT(sizes);
    struct gate_reading *got = mem_array(total, sizeof *got);
    assert_non_null(got);
    struct buf crops;
    buf_init(&crops, (size_t)256 << 20);
    for (size_t i = 0; i < total; i++) {
        put_crop(&crops, lines[i % COUNT(lines)], fonts[i / COUNT(lines) % COUNT(fonts)],
                 sizes[i / COUNT(lines) / COUNT(fonts)]);
    }
    struct err e = {0};
    assert_int_equal(gate_reader_read(r, buf_slice(&crops), got, (uint32_t)total, &e), E_OK);
    size_t read = 0, sure = 0;
    for (size_t i = 0; i < total; i++) {
        char wanted[GATE_READING_MAX], found[GATE_READING_MAX];
        canonical(lines[i % COUNT(lines)], wanted);
        canonical(got[i].text, found);
        bool same = strcmp(wanted, found) == 0;
        read += same;
        sure += got[i].confidence >= 50;
        if (!same && getenv("READING_VERBOSE") != NULL) {
            print_message("%g px %s: \"%s\" read as \"%s\" (%d)\n",
                          sizes[i / COUNT(lines) / COUNT(fonts)],
                          fonts[i / COUNT(lines) % COUNT(fonts)], lines[i % COUNT(lines)],
                          got[i].text, got[i].confidence);
        }
    }
    print_message("%zu of %zu lines read, %zu with confidence\n", read, total, sure);
    assert_true(read * 100 >= total * 95);
    assert_true(sure * 100 >= total * 95);
    mem_free(got);
    buf_done(&crops);
    gate_reader_close(r);
}

static void turn_crop(const struct buf *from, bool mirror, struct buf *to) {
    struct slice rest = buf_slice(from);
    struct gate_crop c;
    struct err e = {0};
    assert_int_equal(gate_crop_next(&rest, &c, &e), E_OK);
    buf_put_slice(to, c.whole);
    for (uint32_t y = 0; y < c.height; y++) {
        for (uint32_t x = 0; x < c.width; x++) {
            uint32_t row = mirror ? y : c.height - 1 - y;
            to->data[4 + y * c.width + x] = c.grey[row * c.width + (c.width - 1 - x)];
        }
    }
}

static void test_turned_and_mirrored(void **state) {
    (void)state;
    struct gate_reader *r = reader();
    if (r == NULL) {
        skip();
    }
    struct buf upright, crop;
    buf_init(&upright, (size_t)1 << 20);
    buf_init(&crop, (size_t)1 << 20);
    put_crop(&upright, "Rhiannon Evans", "DejaVu Sans", 16);
    for (int mirror = 0; mirror < 2; mirror++) {
        struct gate_reading got;
        struct err e = {0};
        buf_clear(&crop);
        turn_crop(&upright, mirror, &crop);
        assert_int_equal(gate_reader_read(r, buf_slice(&crop), &got, 1, &e), E_OK);
        assert_string_equal(got.text, "Rhiannon Evans");
    }
    buf_done(&upright);
    buf_done(&crop);
    gate_reader_close(r);
}

static void test_odd_crops(void **state) {
    (void)state;
    struct gate_reader *r = reader();
    if (r == NULL) {
        skip();
    }
    static const uint16_t odd[][2] = {{1, 1}, {3000, 1},    {1, 3000},
                                      {9, 9}, {4000, 3000}, {40, 600}};
    struct buf crops;
    struct gate_reading got[COUNT(odd)];
    struct err e = {0};
    buf_init(&crops, (size_t)64 << 20);
    for (size_t i = 0; i < COUNT(odd); i++) {
        size_t len = (size_t)odd[i][0] * odd[i][1];
        uint8_t *to = buf_extend(&crops, 4 + len);
        assert_non_null(to);
        num_put_le16(to, odd[i][0]);
        num_put_le16(to + 2, odd[i][1]);
        for (size_t j = 0; j < len; j++) {
            to[4 + j] = (uint8_t)(j * 2654435761U >> 13);
        }
    }
    assert_int_equal(gate_reader_read(r, buf_slice(&crops), got, COUNT(odd), &e), E_OK);
    assert_int_equal(gate_reader_read(r, buf_slice(&crops), got, COUNT(odd) - 1, &e), E_ARGUMENT);
    assert_int_equal(gate_reader_read(r, slice_first(buf_slice(&crops), 100), got, COUNT(odd), &e),
                     E_SYNTAX);
    assert_int_equal(gate_reader_read(r, buf_slice(&crops), got, 0, &e), E_OK);
    gate_reader_forget(r);
    buf_done(&crops);
    gate_reader_close(r);
}

// fontconfig keeps a table for the life of the program.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfontconfig"; }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_technique),
        cmocka_unit_test(test_unsure),
        cmocka_unit_test(test_identifier),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_crops_cut),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_lines_read),
        cmocka_unit_test(test_turned_and_mirrored),
        cmocka_unit_test(test_odd_crops),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    cairo_debug_reset_static_data(); // leak checkers look at fonts too
    return rc;
}
