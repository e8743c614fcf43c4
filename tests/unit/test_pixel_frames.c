// SPDX-License-Identifier: Apache-2.0
// Where frames lie: native, by offset tables, by one fragment each, by scanning; what is too short
// or cannot be divided; and the packed form.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "base/rng.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "pixel/frames.h"
#include "pixel/frames_pack.h"

#define ARENA_LIMIT ((size_t)64 << 20)
#define JPEG_START "\xFF\xD8\xFF\xE0"
#define JPEG_2000_START "\xFF\x4F\xFF\x51"
#define FIRST_OFFSET 100u // of the Basic Offset Table's item tag in our pretended file
#define FRAGMENTS_MAX 16u

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, ARENA_LIMIT);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct px_image image(const char *uid, uint16_t rows, uint16_t columns, uint32_t frames,
                             uint16_t bits) {
    return (struct px_image){.rows = rows,
                             .columns = columns,
                             .frames = frames,
                             .samples = 1,
                             .bits_allocated = bits,
                             .bits_stored = bits,
                             .high_bit = (uint16_t)(bits - 1),
                             .photometric = PX_MONOCHROME2,
                             .pixel_vr = DCM_VR_OW,
                             .pixel_height = 1,
                             .syntax = dcm_transfer_syntax_find(slice_str(uid))};
}

static void test_native(void **state) {
    (void)state;
    struct px_image im = image(DCM_EXPLICIT_LE_UID, 10, 20, 3, 16);
    struct px_frames t;
    struct err e = {0};
    assert_int_equal(px_frames_native(&arena, &im, 1000, 1200, &t, &e), E_OK);
    assert_int_equal(t.count, 3);
    assert_int_equal(t.source, PX_FRAMES_NATIVE);
    assert_false(t.unaligned);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(t.ranges[i].offset, 1000 + 400 * i);
        assert_int_equal(t.ranges[i].length, 400);
        assert_int_equal(t.ranges[i].fragments, 0);
        assert_int_equal(px_frames_bit_offset(&t, i), 0);
    }
    assert_int_equal(px_frames_native(&arena, &im, 1000, 5000, &t, &e), E_OK); // longer is no loss
    assert_int_equal(px_frames_native(&arena, &im, 1000, 1199, &t, &e), E_TRUNCATED);
    assert_true(e.has_offset && e.offset == 1000);
    assert_non_null(strstr(e.text, "1199"));
    assert_non_null(strstr(e.text, "1200"));
    assert_int_equal(px_frames_native(&arena, &im, 1000, 0, &t, &e), E_TRUNCATED);
}

// 3 frames of 15 bits: they begin in the middle of bytes (PS3.5 8.1.1).
static void test_native_bits(void **state) {
    (void)state;
    struct px_image im = image(DCM_EXPLICIT_LE_UID, 3, 5, 3, 1);
    struct px_frames t;
    struct err e = {0};
    static const struct px_range expected[] = {{50, 2, 0}, {51, 3, 0}, {53, 3, 0}};
    static const unsigned bits[] = {0, 7, 6};
    assert_int_equal(px_frames_native(&arena, &im, 50, 6, &t, &e), E_OK);
    assert_true(t.unaligned);
    for (uint32_t i = 0; i < 3; i++) {
        assert_memory_equal(&t.ranges[i], &expected[i], sizeof(uint64_t) * 2);
        assert_int_equal(px_frames_bit_offset(&t, i), bits[i]);
    }
    assert_int_equal(px_frames_native(&arena, &im, 50, 5, &t, &e), E_TRUNCATED);
}

// Bytes in big-endian words: 9-byte frames share words.
static void test_native_words(void **state) {
    (void)state;
    struct px_image im = image(DCM_EXPLICIT_BE_UID, 3, 3, 2, 8);
    struct px_frames t;
    struct err e = {0};
    im.big_endian = true;
    assert_int_equal(px_frames_native(&arena, &im, 50, 18, &t, &e), E_OK);
    assert_true(t.unaligned);
    assert_int_equal(t.ranges[0].offset, 50);
    assert_int_equal(t.ranges[0].length, 10);
    assert_int_equal(t.ranges[1].offset, 58);
    assert_int_equal(t.ranges[1].length, 10);
    assert_int_equal(px_frames_bit_offset(&t, 1), 8);
    im.pixel_vr = DCM_VR_OB;
    assert_int_equal(px_frames_native(&arena, &im, 50, 18, &t, &e), E_OK);
    assert_false(t.unaligned);
    assert_int_equal(t.ranges[1].offset, 59);
    im.pixel_vr = DCM_VR_OW;
    im.frames = 1;
    assert_int_equal(px_frames_native(&arena, &im, 50, 9, &t, &e), E_TRUNCATED); // half a word
}

// A pretended file of fragments with these contents behind a table.
struct stream {
    struct dcm_fragment fragments[FRAGMENTS_MAX];
    uint8_t file[4096];
    uint64_t end;
    uint32_t count;
};

static void add(struct stream *s, const void *bytes, size_t len) {
    uint8_t *p = s->file + s->end;
    num_put_le16(p, 0xFFFE);
    num_put_le16(p + 2, 0xE000);
    num_put_le32(p + 4, (uint32_t)len);
    if (len > 0) {
        memcpy(p + 8, bytes, len);
    }
    s->fragments[s->count++] = (struct dcm_fragment){slice_of(p + 8, len), s->end};
    s->end += 8 + len;
}

static void start(struct stream *s, const uint32_t *table, size_t count) {
    uint8_t bytes[64] = {0};
    memset(s, 0, sizeof *s);
    s->end = FIRST_OFFSET;
    for (size_t i = 0; i < count; i++) {
        num_put_le32(bytes + 4 * i, table[i]);
    }
    add(s, bytes, count * 4);
}

static int find(const struct stream *s, const struct px_image *im, struct px_frames *t,
                struct err *e) {
    struct px_encapsulated from = {.fragments = s->fragments, .count = s->count};
    err_clear(e);
    return px_frames_encapsulated(&arena, im, &from, t, e);
}

// Frame `i` must consist of this text.
static void holds(const struct stream *s, const struct px_frames *t, uint32_t i, const char *text) {
    CLEANUP(cleanup_buf) struct buf scratch;
    struct slice bytes;
    struct err e = {0};
    buf_init(&scratch, 4096);
    assert_int_equal(px_frames_bytes(t, slice_of(s->file, s->end), i, &scratch, &bytes, &e), E_OK);
    assert_int_equal(bytes.len, strlen(text));
    assert_memory_equal(bytes.ptr, text, bytes.len);
}

static void test_one_frame(void **state) {
    (void)state;
    struct stream s;
    struct px_frames t;
    struct err e = {0};
    struct px_image im = image(DCM_JPEG_BASELINE_UID, 8, 8, 1, 8);
    start(&s, NULL, 0);
    add(&s, JPEG_START "ab", 6);
    assert_int_equal(find(&s, &im, &t, &e), E_OK);
    assert_int_equal(t.ranges[0].offset, FIRST_OFFSET + 16);
    assert_int_equal(t.ranges[0].length, 6);
    assert_int_equal(t.ranges[0].fragments, 1);
    add(&s, "cdef", 4);
    add(&s, "gh", 2);
    assert_int_equal(find(&s, &im, &t, &e), E_OK);
    assert_int_equal(t.source, PX_FRAMES_SINGLE);
    assert_int_equal(t.ranges[0].fragments, 3);
    holds(&s, &t, 0, JPEG_START "abcdefgh");
    add(&s, "", 0); // an empty one at the end is nobody's
    assert_int_equal(find(&s, &im, &t, &e), E_OK);
    assert_int_equal(t.ranges[0].fragments, 3);
    add(&s, JPEG_START "zz", 6); // a second picture where one is declared
    assert_int_equal(find(&s, &im, &t, &e), E_MISMATCH);
}

static void test_basic_table(void **state) {
    (void)state;
    struct stream s;
    struct px_frames t;
    struct err e = {0};
    struct px_image im = image(DCM_JPEG_BASELINE_UID, 8, 8, 2, 8);
    start(&s, (const uint32_t[]){0, 22}, 2);
    add(&s, "ab", 2);
    add(&s, "cdef", 4);
    add(&s, "gh", 2);
    assert_int_equal(find(&s, &im, &t, &e), E_OK);
    assert_int_equal(t.source, PX_FRAMES_BASIC_TABLE);
    assert_false(t.table_wrong);
    holds(&s, &t, 0, "abcdef");
    holds(&s, &t, 1, "gh");
}

// Tables that do not fit are set aside; what can be found without them is.
static void test_wrong_tables(void **state) {
    (void)state;
    static const uint32_t tables[][3] = {{0, 11, 0}, {10, 0, 0},  {0, 0, 0},
                                         {4, 10, 0}, {0, 10, 20}, {0, 0xFFFFFFFF, 0}};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct stream s;
        struct px_frames t;
        struct err e = {0};
        struct px_image im = image(DCM_JPEG_BASELINE_UID, 8, 8, 2, 8);
        start(&s, tables[i], i == 4 ? 3 : 2);
        add(&s, "ab", 2);
        add(&s, "cd", 2);
        assert_int_equal(find(&s, &im, &t, &e), E_OK);
        assert_int_equal(t.source, PX_FRAMES_ONE_EACH);
        assert_true(t.table_wrong);
        holds(&s, &t, 1, "cd");
    }
}

static void test_extended_table(void **state) {
    (void)state;
    struct stream s;
    struct px_frames t;
    struct err e = {0};
    struct px_image im = image(DCM_JPEG_BASELINE_UID, 8, 8, 2, 8);
    uint8_t offsets[16] = {0};
    uint8_t lengths[16] = {0};
    num_put_le64(offsets + 8, 14);
    num_put_le64(lengths, 5); // one byte of padding
    num_put_le64(lengths + 8, 4);
    start(&s, NULL, 0);
    add(&s, "abcde\0", 6);
    add(&s, "fghi", 4);
    struct px_encapsulated from = {s.fragments, s.count, slice_of(offsets, 16),
                                   slice_of(lengths, 16)};
    assert_int_equal(px_frames_encapsulated(&arena, &im, &from, &t, &e), E_OK);
    assert_int_equal(t.source, PX_FRAMES_EXTENDED_TABLE);
    holds(&s, &t, 1, "fghi");
    num_put_le64(lengths + 8, 400); // lies
    assert_int_equal(px_frames_encapsulated(&arena, &im, &from, &t, &e), E_OK);
    assert_int_equal(t.source, PX_FRAMES_ONE_EACH);
    assert_true(t.table_wrong);
}

static void test_scan(void **state) {
    (void)state;
    static const struct {
        const char *uid;
        const char *start;
    } cases[] = {{DCM_JPEG_BASELINE_UID, JPEG_START},
                 {"1.2.840.10008.1.2.4.80", JPEG_START},
                 {"1.2.840.10008.1.2.4.90", JPEG_2000_START},
                 {"1.2.840.10008.1.2.4.201", JPEG_2000_START}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stream s;
        struct px_frames t;
        struct err e = {0};
        struct px_image im = image(cases[i].uid, 8, 8, 3, 8);
        start(&s, NULL, 0);
        add(&s, cases[i].start, 4);
        add(&s, "ab", 2);
        add(&s, cases[i].start, 4);
        add(&s, cases[i].start, 4);
        add(&s, "cd", 2);
        assert_int_equal(find(&s, &im, &t, &e), E_OK);
        assert_int_equal(t.source, PX_FRAMES_SCANNED);
        assert_int_equal(t.ranges[0].fragments, 2);
        assert_int_equal(t.ranges[1].fragments, 1);
        assert_int_equal(t.ranges[2].fragments, 2);
        im.frames = 4; // one more than there is
        assert_int_equal(find(&s, &im, &t, &e), E_MISMATCH);
        im.frames = 2; // one fewer
        assert_int_equal(find(&s, &im, &t, &e), E_MISMATCH);
    }
}

static void test_rle_headers(void **state) {
    (void)state;
    struct stream s;
    struct px_frames t;
    struct err e = {0};
    struct px_image im = image(DCM_RLE_UID, 8, 8, 2, 8);
    uint8_t header[70] = {0};
    num_put_le32(header, 1);
    num_put_le32(header + 4, 64);
    start(&s, NULL, 0);
    add(&s, header, 70);
    add(&s, "more of the first", 17);
    add(&s, header, 70);
    assert_int_equal(find(&s, &im, &t, &e), E_OK);
    assert_int_equal(t.source, PX_FRAMES_SCANNED);
    assert_int_equal(t.ranges[0].fragments, 2);
}

static void test_too_few(void **state) {
    (void)state;
    struct stream s;
    struct px_frames t;
    struct err e = {0};
    struct px_image im = image(DCM_JPEG_BASELINE_UID, 8, 8, 3, 8);
    start(&s, NULL, 0);
    assert_int_equal(find(&s, &im, &t, &e), E_TRUNCATED);
    add(&s, JPEG_START, 4);
    add(&s, JPEG_START, 4);
    assert_int_equal(find(&s, &im, &t, &e), E_TRUNCATED);
    assert_non_null(strstr(e.text, "3 frames declared, 2 fragments"));
    struct px_encapsulated none = {0};
    assert_int_equal(px_frames_encapsulated(&arena, &im, &none, &t, &e), E_TRUNCATED);
    add(&s, "", 0);
    add(&s, JPEG_START, 4); // an empty frame in the middle
    im.frames = 4;
    assert_int_equal(find(&s, &im, &t, &e), E_TRUNCATED);
}

static void test_video(void **state) {
    (void)state;
    struct stream s;
    struct px_frames t;
    struct err e = {0};
    struct px_image im = image("1.2.840.10008.1.2.4.102", 8, 8, 100, 8);
    CLEANUP(cleanup_buf) struct buf scratch;
    struct slice bytes;
    buf_init(&scratch, 100);
    start(&s, NULL, 0);
    add(&s, "movie", 5);
    assert_int_equal(find(&s, &im, &t, &e), E_OK);
    assert_int_equal(t.source, PX_FRAMES_STREAM);
    assert_int_equal(t.count, 1);
    assert_int_equal(px_frames_bytes(&t, slice_of(s.file, s.end), 0, &scratch, &bytes, &e),
                     E_NOT_FOUND);
}

static void test_bytes_of_a_changed_file(void **state) {
    (void)state;
    struct stream s;
    struct px_frames t;
    struct err e = {0};
    struct px_image im = image(DCM_JPEG_BASELINE_UID, 8, 8, 1, 8);
    CLEANUP(cleanup_buf) struct buf scratch;
    struct slice bytes;
    buf_init(&scratch, 100);
    start(&s, NULL, 0);
    add(&s, JPEG_START "ab", 6);
    add(&s, "cdef", 4);
    assert_int_equal(find(&s, &im, &t, &e), E_OK);
    struct slice whole = slice_of(s.file, s.end);
    assert_int_equal(px_frames_bytes(&t, slice_first(whole, s.end - 1), 0, &scratch, &bytes, &e),
                     E_CORRUPT);
    assert_int_equal(px_frames_bytes(&t, whole, 1, &scratch, &bytes, &e), E_NOT_FOUND);
    s.file[FIRST_OFFSET + 8 + 4] = 7; // the first fragment says another length
    assert_int_equal(px_frames_bytes(&t, whole, 0, &scratch, &bytes, &e), E_CORRUPT);
    s.file[FIRST_OFFSET + 8 + 4] = 6;
    s.file[FIRST_OFFSET + 8] = 0;
    assert_int_equal(px_frames_bytes(&t, whole, 0, &scratch, &bytes, &e), E_CORRUPT);
}

static void test_build(void **state) {
    (void)state;
    static const uint8_t pixels[48] = {0};
    struct px_image im = image(DCM_EXPLICIT_LE_UID, 4, 6, 1, 16);
    struct px_frames t;
    struct err e = {0};
    struct dcm_dataset *d = dcm_dataset_new(&arena, DCM_EXPLICIT_LE);
    assert_int_equal(px_frames_build(&arena, &im, d, &t, &e), E_NOT_FOUND);
    assert_int_equal(dcm_put(d, DCM_PixelData, DCM_VR_OW, slice_of(pixels, 48), &e), E_OK);
    assert_int_equal(px_frames_build(&arena, &im, d, &t, &e), E_OK);
    im.syntax = dcm_transfer_syntax_find(slice_str(DCM_RLE_UID));
    assert_int_equal(px_frames_build(&arena, &im, d, &t, &e), E_MISMATCH);
    assert_string_equal(e.path, "(7FE0,0010)");
}

static void same_tables(const struct px_frames *a, const struct px_frames *b) {
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->source, b->source);
    assert_int_equal(a->frame_bits, b->frame_bits);
    assert_int_equal(a->word_bits, b->word_bits);
    assert_int_equal(a->unaligned, b->unaligned);
    assert_int_equal(a->table_wrong, b->table_wrong);
    for (uint32_t i = 0; i < a->count; i++) {
        assert_int_equal(a->ranges[i].offset, b->ranges[i].offset);
        assert_int_equal(a->ranges[i].length, b->ranges[i].length);
        assert_int_equal(a->ranges[i].fragments, b->ranges[i].fragments);
    }
}

static size_t packs(const struct px_frames *t) {
    CLEANUP(cleanup_buf) struct buf packed;
    struct px_frames back;
    struct err e = {0};
    buf_init(&packed, (size_t)1 << 24);
    px_frames_pack(t, &packed);
    assert_false(packed.failed);
    assert_int_equal(px_frames_unpack(&arena, buf_slice(&packed), &back, &e), E_OK);
    same_tables(t, &back);
    for (size_t len = 0; len < packed.len && len < 64; len++) {
        assert_int_equal(px_frames_unpack(&arena, slice_first(buf_slice(&packed), len), &back, &e),
                         E_CORRUPT);
    }
    return packed.len;
}

static void test_pack(void **state) {
    (void)state;
    struct px_frames t;
    struct err e = {0};
    struct px_image im = image(DCM_EXPLICIT_LE_UID, 512, 512, 1000, 16);
    assert_int_equal(px_frames_native(&arena, &im, 1500, 524288000, &t, &e), E_OK);
    assert_true(packs(&t) <= 24);
    im = image(DCM_EXPLICIT_LE_UID, 3, 5, 9, 1);
    assert_int_equal(px_frames_native(&arena, &im, 50, 100, &t, &e), E_OK);
    (void)packs(&t);
    struct px_range ranges[4] = {
        {1000, 500, 1}, {1508, 7, 2}, {1523, 123456789, 1}, {123458320, 1, 1}};
    t = (struct px_frames){.ranges = ranges,
                           .count = 4,
                           .source = PX_FRAMES_SCANNED,
                           .word_bits = 8,
                           .table_wrong = true};
    assert_true(packs(&t) < 40);
}

static void test_unpack_refuses(void **state) {
    (void)state;
    static const uint8_t good[] = {1, 0, 4, 2, 8, 8, 10, 20, 20, 0};
    struct rng rng = rng_seeded(5);
    struct px_frames t;
    struct err e = {0};
    assert_int_equal(px_frames_unpack(&arena, slice_of(good, sizeof good), &t, &e), E_OK);
    for (int i = 0; i < 20000; i++) { // damage anywhere: an error or a table within its limits
        uint8_t bad[sizeof good];
        memcpy(bad, good, sizeof good);
        for (int k = 0; k < 3; k++) {
            bad[rng_below(&rng, sizeof bad)] = (uint8_t)rng_u64(&rng);
        }
        if (px_frames_unpack(&arena, slice_of(bad, sizeof bad), &t, &e) == E_OK) {
            assert_true(t.count > 0 && t.count <= PX_FRAMES_MAX);
        }
        arena_reset(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_native),         cmocka_unit_test(test_native_bits),
        cmocka_unit_test(test_native_words),   cmocka_unit_test(test_one_frame),
        cmocka_unit_test(test_basic_table),    cmocka_unit_test(test_wrong_tables),
        cmocka_unit_test(test_extended_table), cmocka_unit_test(test_scan),
        cmocka_unit_test(test_rle_headers),    cmocka_unit_test(test_too_few),
        cmocka_unit_test(test_video),          cmocka_unit_test(test_bytes_of_a_changed_file),
        cmocka_unit_test(test_build),          cmocka_unit_test(test_pack),
        cmocka_unit_test(test_unpack_refuses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
