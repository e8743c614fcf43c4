// SPDX-License-Identifier: Apache-2.0
// Boxes blacked in every coding and photometric interpretation: what lies in them is of one value,
// what lies outside is bit for bit what it was, frames that nobody touched are copied.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/num.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "gate/pixels_cells.h"
#include "gate_pixels_kit.h"
#include "pixel/codec.h"

#define IMPLICIT DCM_IMPLICIT_LE_UID
#define EXPLICIT DCM_EXPLICIT_LE_UID
#define BIG DCM_EXPLICIT_BE_UID
#define DEFLATED DCM_DEFLATED_UID
#define JPEG DCM_JPEG_BASELINE_UID
#define RLE DCM_RLE_UID
#define JPEG_LS "1.2.840.10008.1.2.4.80"
#define J2K "1.2.840.10008.1.2.4.90"
#define FRAMES_DEFLATED "1.2.840.10008.1.2.8.1"

static const struct pixkit_image cases[] = {
    {"grey 8", EXPLICIT, "MONOCHROME2", NULL, NULL, 61, 83, 1, 8, 8, false, false, 1, 0},
    {"grey 12 of 16", IMPLICIT, "MONOCHROME2", NULL, "CT", 64, 80, 1, 16, 12, false, false, 3, 0},
    {"signed 16", EXPLICIT, "MONOCHROME2", NULL, "CT", 64, 80, 1, 16, 16, true, false, 3, 0},
    {"signed 12 of 16", BIG, "MONOCHROME2", NULL, "CT", 64, 80, 1, 16, 12, true, false, 2, 0},
    {"inverse", DEFLATED, "MONOCHROME1", NULL, "CR", 64, 80, 1, 16, 10, false, false, 1, 0},
    {"grey 32", EXPLICIT, "MONOCHROME2", NULL, NULL, 40, 33, 1, 32, 32, false, false, 2, 0},
    {"mask", EXPLICIT, "MONOCHROME2", NULL, NULL, 33, 37, 1, 1, 1, false, false, 5, 0},
    {"RGB", EXPLICIT, "RGB", NULL, "US", 61, 83, 3, 8, 8, false, false, 3, 0},
    {"RGB planes", EXPLICIT, "RGB", NULL, "US", 61, 83, 3, 8, 8, false, true, 3, 0},
    {"YBR planes", IMPLICIT, "YBR_FULL", NULL, "US", 61, 83, 3, 8, 8, false, true, 2, 0},
    {"YBR pairs", EXPLICIT, "YBR_FULL_422", NULL, "US", 61, 84, 3, 8, 8, false, false, 3, 0},
    {"RLE grey", RLE, "MONOCHROME2", NULL, "CT", 64, 80, 1, 16, 12, false, false, 4, 0},
    {"RLE RGB", RLE, "RGB", NULL, "US", 61, 83, 3, 8, 8, false, true, 3, 0},
    {"JPEG-LS", JPEG_LS, "MONOCHROME2", NULL, "CT", 64, 80, 1, 16, 12, true, false, 4, 0},
    {"JPEG-LS RGB", JPEG_LS, "RGB", NULL, "US", 61, 83, 3, 8, 8, false, false, 3, 0},
    {"JPEG 2000", J2K, "MONOCHROME2", NULL, "CT", 64, 80, 1, 16, 12, false, false, 4, 0},
    {"JPEG 2000 RCT", J2K, "YBR_RCT", NULL, "US", 61, 83, 3, 8, 8, false, false, 3, 0},
    {"JPEG 2000 RGB", J2K, "RGB", NULL, "US", 61, 83, 3, 8, 8, false, false, 3, 0},
    {"deflated frames", FRAMES_DEFLATED, "MONOCHROME2", NULL, NULL, 64, 80, 1, 1, 1, false, false,
     4, 0},
    {"JPEG grey", JPEG, "MONOCHROME2", NULL, "US", 61, 83, 1, 8, 8, false, false, 3, 0},
    {"JPEG inverse", JPEG, "MONOCHROME1", NULL, "CR", 61, 83, 1, 8, 8, false, false, 3, 0},
    {"JPEG colour", JPEG, "YBR_FULL_422", NULL, "US", 61, 83, 3, 8, 8, false, false, 3, 0},
};

static struct gate_edit box(uint32_t frame, unsigned x, unsigned y, unsigned width,
                            unsigned height) {
    return (struct gate_edit){.kind = GATE_EDIT_BLACK,
                              .frame = frame,
                              .x = (uint16_t)x,
                              .y = (uint16_t)y,
                              .width = (uint16_t)width,
                              .height = (uint16_t)height};
}

// What may change by `r`: pairs of columns, or 8 or 16 pixels of JPEG and a ring of shared chroma.
static struct gate_rect reach(const struct pixkit_image *im, struct gate_rect r) {
    bool pairs = strcmp(im->photometric, "YBR_FULL_422") == 0;
    bool jpeg = strcmp(im->syntax, JPEG) == 0;
    uint32_t wide = jpeg ? (im->samples == 3 ? 16u : 8u) : pairs ? 2u : 1u;
    uint32_t high = jpeg ? wide : 1u;
    uint32_t ring = jpeg && im->samples == 3 ? 1u : 0u;
    uint32_t left = r.x / wide * wide;
    uint32_t top = r.y / high * high;
    uint32_t right = (r.x + r.width + wide - 1) / wide * wide + ring;
    uint32_t bottom = (r.y + r.height + high - 1) / high * high + ring;
    left -= left > 0 ? ring : 0;
    top -= top > 0 ? ring : 0;
    right = right < im->columns ? right : im->columns;
    bottom = bottom < im->rows ? bottom : im->rows;
    return (struct gate_rect){left, top, right - left, bottom - top};
}

static void forget(const struct pixkit_image *im, struct px_frame *f, uint32_t number,
                   const struct gate_edit *edits, uint32_t count) {
    static const struct gate_ground none;
    struct gate_cells cells = gate_cells_of_frame(f);
    for (uint32_t i = 0; i < count; i++) {
        struct gate_rect r = {edits[i].x, edits[i].y, edits[i].width, edits[i].height};
        if (edits[i].frame == number || edits[i].frame == GATE_ALL_FRAMES) {
            r = reach(im, r);
            gate_cells_fill(&cells, &none, 0, &r, 0, f->own, f->len);
        }
    }
}

static void check_even(const struct pixkit_image *im, const struct px_frame *f, uint32_t number,
                       const struct gate_edit *edits, uint32_t count) {
    bool chroma = strcmp(im->syntax, JPEG) == 0 && im->samples == 3;
    for (uint32_t i = 0; i < count; i++) {
        struct gate_rect r = {edits[i].x, edits[i].y, edits[i].width, edits[i].height};
        if (chroma && r.width > 2 && r.height > 2) {
            r = (struct gate_rect){r.x + 1, r.y + 1, r.width - 2, r.height - 2};
        }
        if (edits[i].frame == number || edits[i].frame == GATE_ALL_FRAMES) {
            if (!gate_cells_even(f, &r)) {
                fail_msg("%s: frame %u box %u is not of one value", im->name, number, i);
            }
        }
    }
}

static void check_frame(struct pixkit *k, const struct pixkit_image *im,
                        const struct px_image *image, const struct px_frames *frames,
                        uint32_t number, const struct gate_edit *edits, uint32_t count) {
    struct px_frame before = {0};
    struct px_frame after = {0};
    struct slice in = buf_slice(&k->file);
    struct slice out = buf_slice(&k->written);
    struct dcm_file file;
    if (k->opened.deflated) {
        assert_int_equal(dcm_file_open(&k->arena, out, &file, &k->e), E_OK);
        out = file.body;
        in = k->opened.body;
    }
    assert_int_equal(px_decode(&k->image, &k->frames, in, number, &before, &k->e), E_OK);
    assert_int_equal(px_decode(image, frames, out, number, &after, &k->e), E_OK);
    check_even(im, &after, number, edits, count);
    forget(im, &before, number, edits, count);
    forget(im, &after, number, edits, count);
    assert_true(px_frame_same(&before, &after));
    if (memcmp(before.data, after.data, before.len) != 0) {
        fail_msg("%s: frame %u has changed outside of its boxes", im->name, number);
    }
    px_frame_done(&before);
    px_frame_done(&after);
}

static void check_all(struct pixkit *k, const struct pixkit_image *im,
                      const struct gate_edit *edits, uint32_t count) {
    struct px_image image;
    struct px_frames frames;
    struct dcm_dataset *d;
    pixkit_reopen(k, &image, &frames, &d);
    assert_int_equal(image.frames, im->frames);
    assert_string_equal(image.syntax->uid, im->syntax);
    for (uint32_t i = 0; i < im->frames; i++) {
        check_frame(k, im, &image, &frames, i, edits, count);
    }
}

static const struct pixkit_text text = {"NAME 123", 9, 11, 1, GATE_ALL_FRAMES};

static void test_boxes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct pixkit_image *im = &cases[i];
        struct pixkit k;
        pixkit_begin(&k);
        pixkit_describe(&k, im);
        pixkit_make(&k, im, &text, 1);
        const struct gate_edit edits[] = {
            box(GATE_ALL_FRAMES, 7, 9, 21, 11), box(im->frames - 1, 5, 25, 3, 5),
            box(0, im->columns - 3u, im->rows - 2u, 9, 9), // reaches over the edge
        };
        if (pixkit_write(&k, edits, 3) != E_OK) {
            fail_msg("%s: %s", im->name, k.e.text);
        }
        struct gate_edit clipped[3];
        memcpy(clipped, edits, sizeof edits);
        clipped[2].width = 3;
        clipped[2].height = 2;
        check_all(&k, im, clipped, 3);
        assert_int_equal(k.done.frames_edited, im->frames);
        pixkit_end(&k);
    }
}

// One frame of several: the others are the same bytes, and so is a file without edits.
static void test_untouched_frames(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct pixkit_image *im = &cases[i];
        const struct gate_edit edit = box(1, 6, 8, 10, 10);
        struct px_image image;
        struct px_frames frames;
        struct dcm_dataset *d;
        struct pixkit k;
        if (im->frames == 1) {
            continue;
        }
        pixkit_begin(&k);
        pixkit_describe(&k, im);
        pixkit_make(&k, im, &text, 1);
        assert_int_equal(pixkit_write(&k, &edit, 1), E_OK);
        check_all(&k, im, &edit, 1);
        assert_int_equal(k.done.frames_edited, 1);
        pixkit_reopen(&k, &image, &frames, &d);
        // JPEG 2000 streams lose the encoder's comment.
        if (im->allocated > 1 && strcmp(im->syntax, J2K) != 0) {
            const struct px_range *a = &k.frames.ranges[0];
            const struct px_range *b = &frames.ranges[0];
            if (memcmp(k.file.data + a->offset, k.written.data + b->offset, b->length) != 0) {
                fail_msg("%s: an untouched frame is not the same bytes", im->name);
            }
        }
        pixkit_end(&k);
    }
}

static void test_no_edits(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pixkit k;
        pixkit_begin(&k);
        pixkit_describe(&k, &cases[i]);
        pixkit_make(&k, &cases[i], &text, 1);
        assert_int_equal(pixkit_write(&k, NULL, 0), E_OK);
        check_all(&k, &cases[i], NULL, 0);
        assert_int_equal(k.done.frames_edited, 0);
        assert_string_equal(k.done.syntax_uid, cases[i].syntax);
        pixkit_end(&k);
    }
}

// --- masks ---

static void test_masks(void **state) {
    (void)state;
    static const char *const syntaxes[] = {EXPLICIT, BIG, DEFLATED, RLE, JPEG_LS, J2K};
    for (size_t i = 0; i < sizeof syntaxes / sizeof syntaxes[0]; i++) {
        struct pixkit_image im = cases[1];
        im.syntax = syntaxes[i];
        uint8_t mask[8];
        num_put_le32(mask, 5 * 80 + 3);
        num_put_le32(mask + 4, 63 * 80 + 79);
        struct gate_edit edits[] = {box(1, 0, 0, 80, 64), box(1, 40, 20, 8, 8)};
        edits[0].kind = GATE_EDIT_MASK;
        edits[0].mask = slice_of(mask, sizeof mask);
        struct pixkit k;
        pixkit_begin(&k);
        pixkit_describe(&k, &im);
        pixkit_make(&k, &im, &text, 1);
        assert_int_equal(pixkit_write(&k, edits, 2), E_OK);
        struct px_image image;
        struct px_frames frames;
        struct dcm_dataset *d;
        struct dcm_file file;
        struct px_frame f = {0};
        pixkit_reopen(&k, &image, &frames, &d);
        assert_int_equal(dcm_file_open(&k.arena, buf_slice(&k.written), &file, &k.e), E_OK);
        struct slice out = file.deflated ? file.body : buf_slice(&k.written);
        assert_int_equal(px_decode(&image, &frames, out, 1, &f, &k.e), E_OK);
        assert_int_equal(num_le16(f.data + 2 * (5 * 80 + 3)), 7);
        assert_int_equal(num_le16(f.data + 2 * (63 * 80 + 79)), 7);
        assert_int_not_equal(num_le16(f.data + 2 * (5 * 80 + 4)), 7);
        const struct gate_rect r = {40, 20, 8, 8};
        assert_true(gate_cells_even(&f, &r));
        px_frame_done(&f);
        pixkit_end(&k);
    }
}

// --- what hides ---

// Bits above those stored, in native words and in RLE, which codes all of a word.
static void test_hidden_bits(void **state) {
    (void)state;
    static const char *const syntaxes[] = {EXPLICIT, RLE};
    for (size_t i = 0; i < 2; i++) {
        struct pixkit_image im = cases[1];
        im.syntax = syntaxes[i];
        im.stored = 16; // to be made with all bits, and declared with fewer
        struct pixkit k;
        pixkit_begin(&k);
        pixkit_describe(&k, &im);
        const int64_t stored = 12;
        const int64_t high = 11;
        assert_int_equal(dcm_put_ints(k.d, DCM_BitsStored, DCM_VR_US, &stored, 1, &k.e), E_OK);
        assert_int_equal(dcm_put_ints(k.d, DCM_HighBit, DCM_VR_US, &high, 1, &k.e), E_OK);
        pixkit_make(&k, &im, &text, 1);
        assert_int_equal(pixkit_write(&k, NULL, 0), E_OK);
        assert_true(k.c.notes.kinds[GATE_KIND_HIDDEN_BITS] > 0);
        struct px_image image;
        struct px_frames frames;
        struct dcm_dataset *d;
        struct px_frame f = {0};
        struct px_frame before = {0};
        pixkit_reopen(&k, &image, &frames, &d);
        for (uint32_t n = 0; n < im.frames; n++) {
            assert_int_equal(px_decode(&image, &frames, buf_slice(&k.written), n, &f, &k.e), E_OK);
            assert_int_equal(px_decode(&k.image, &k.frames, buf_slice(&k.file), n, &before, &k.e),
                             E_OK);
            for (size_t s = 0; s < f.len; s += 2) {
                assert_int_equal(num_le16(f.data + s), num_le16(before.data + s) & 0xFFF);
            }
        }
        px_frame_done(&f);
        px_frame_done(&before);
        pixkit_end(&k);
    }
}

static void test_behind_the_frames(void **state) {
    (void)state;
    struct pixkit k;
    pixkit_begin(&k);
    pixkit_describe(&k, &cases[0]);
    uint8_t pixels[61 * 83 + 41] = {0};
    memset(pixels + 61 * 83, 'Z', 41);
    assert_int_equal(dcm_put(k.d, DCM_PixelData, DCM_VR_OB, slice_of(pixels, sizeof pixels), &k.e),
                     E_OK);
    struct dcm_write_options options = {.syntax_uid = EXPLICIT};
    assert_int_equal(dcm_file_write(k.d, &options, dcm_sink_buf(&k.file), &k.e), E_OK);
    pixkit_open(&k);
    assert_int_equal(pixkit_write(&k, NULL, 0), E_OK);
    assert_null(memmem(k.written.data, k.written.len, "ZZ", 2));
    assert_true(k.c.notes.kinds[GATE_KIND_CONTAINER] > 0);
    check_all(&k, &cases[0], NULL, 0);
    pixkit_end(&k);
}

// --- codings that the kit does not make ---

static void test_floats(void **state) {
    (void)state;
    struct pixkit_image im = cases[5];
    im.frames = 1;
    struct pixkit k;
    pixkit_begin(&k);
    pixkit_describe(&k, &im);
    (void)dcm_remove(k.d, DCM_BitsStored);
    (void)dcm_remove(k.d, DCM_HighBit);
    (void)dcm_remove(k.d, DCM_PixelRepresentation);
    float pixels[40 * 33];
    for (unsigned i = 0; i < 40 * 33; i++) {
        pixels[i] = (float)i - 3.5f;
    }
    assert_int_equal(
        dcm_put(k.d, DCM_FloatPixelData, DCM_VR_OF, slice_of(pixels, sizeof pixels), &k.e), E_OK);
    struct dcm_write_options options = {.syntax_uid = EXPLICIT};
    assert_int_equal(dcm_file_write(k.d, &options, dcm_sink_buf(&k.file), &k.e), E_OK);
    pixkit_open(&k);
    const struct gate_edit edit = box(0, 3, 4, 5, 6);
    assert_int_equal(pixkit_write(&k, &edit, 1), E_OK);
    check_all(&k, &im, &edit, 1);
    pixkit_end(&k);
}

// Two samples in three bytes, frames that begin in the middle of a byte (PS3.5 8.1.1, retired).
static void test_packed_12(void **state) {
    (void)state;
    struct pixkit_image im = cases[1];
    im.allocated = im.stored = 12;
    im.rows = 7;
    im.columns = 9;
    im.frames = 3;
    im.syntax = EXPLICIT;
    struct pixkit k;
    pixkit_begin(&k);
    pixkit_describe(&k, &im);
    uint8_t pixels[(7 * 9 * 3 * 12 + 7) / 8];
    for (size_t i = 0; i < sizeof pixels; i++) {
        pixels[i] = (uint8_t)(i * 37 + 11);
    }
    assert_int_equal(dcm_put(k.d, DCM_PixelData, DCM_VR_OW, slice_of(pixels, sizeof pixels), &k.e),
                     E_OK);
    struct dcm_write_options options = {.syntax_uid = EXPLICIT};
    assert_int_equal(dcm_file_write(k.d, &options, dcm_sink_buf(&k.file), &k.e), E_OK);
    pixkit_open(&k);
    const struct gate_edit edits[] = {box(1, 2, 1, 4, 3), box(GATE_ALL_FRAMES, 0, 6, 9, 1)};
    assert_int_equal(pixkit_write(&k, edits, 2), E_OK);
    check_all(&k, &im, edits, 2);
    pixkit_end(&k);
}

// --- where the sink cannot be patched ---

static void test_no_patch(void **state) {
    (void)state;
    struct pixkit k;
    pixkit_begin(&k);
    pixkit_describe(&k, &cases[11]);
    pixkit_make(&k, &cases[11], &text, 1);
    struct px_transcode_out out = {.sink = dcm_sink_buf(&k.written)};
    assert_int_equal(gate_pixels_write(&k.c, k.read, &k.opened, &k.image, &k.frames, NULL, 0, &out,
                                       &k.done, &k.e),
                     E_OK);
    check_all(&k, &cases[11], NULL, 0);
    pixkit_end(&k);
}

// --- memory ---

static long anonymous_kb(void) {
    FILE *f = fopen("/proc/self/status", "re");
    char line[128];
    long kb = 0;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        (void)sscanf(line, "RssAnon: %ld kB", &kb);
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return kb;
}

static int swallow(void *context, struct slice bytes, struct err *e) {
    uint64_t *count = context;
    (void)e;
    *count += bytes.len;
    return E_OK;
}

// 1.5 GB of frames in a file that takes no room: what it costs is a piece of pixels.
static void test_memory(void **state) {
    (void)state;
    struct pixkit_image im = {"big", EXPLICIT, "MONOCHROME2", NULL,  "CT", 512, 512, 1,
                              16,    12,       false,         false, 3000, 0};
    struct pixkit k;
    pixkit_begin(&k);
    pixkit_describe(&k, &im);
    struct dcm_write_options options = {.syntax_uid = EXPLICIT};
    (void)dcm_remove(k.d, DCM_DataSetTrailingPadding);
    assert_int_equal(dcm_file_write(k.d, &options, dcm_sink_buf(&k.file), &k.e), E_OK);
    uint32_t length = 512u * 512u * 2u * 3000u;
    uint8_t head[12] = {0xE0, 0x7F, 0x10, 0x00, 'O', 'W', 0, 0};
    num_put_le32(head + 8, length);
    buf_put(&k.file, head, sizeof head);
    char name[] = "/tmp/gate-pixels-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(write(fd, k.file.data, k.file.len), (ssize_t)k.file.len);
    size_t all = k.file.len + length;
    assert_int_equal(ftruncate(fd, (off_t)all), 0);
    void *bytes = mmap(NULL, all, PROT_READ, MAP_PRIVATE, fd, 0);
    assert_true(bytes != MAP_FAILED);
    assert_int_equal(dcm_file_open(&k.arena, slice_of(bytes, all), &k.opened, &k.e), E_OK);
    assert_int_equal(dcm_file_dataset(&k.arena, &k.opened, 0, &k.read, &k.e), E_OK);
    assert_int_equal(px_image_read(&k.arena, k.read, k.opened.syntax, &k.image, &k.e), E_OK);
    assert_int_equal(px_frames_build(&k.arena, &k.image, k.read, &k.frames, &k.e), E_OK);
    uint64_t count = 0;
    struct px_transcode_out out = {.sink = {swallow, &count}};
    const struct gate_edit edit = box(GATE_ALL_FRAMES, 20, 20, 100, 20);
    long before = anonymous_kb();
    assert_int_equal(gate_pixels_write(&k.c, k.read, &k.opened, &k.image, &k.frames, &edit, 1, &out,
                                       &k.done, &k.e),
                     E_OK);
    assert_int_equal(k.done.frames_edited, 3000);
    assert_true(count > length);
    assert_true(anonymous_kb() - before < 8 * 1024);
    assert_int_equal(munmap(bytes, all), 0);
    assert_int_equal(close(fd), 0);
    pixkit_end(&k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxes),       cmocka_unit_test(test_untouched_frames),
        cmocka_unit_test(test_no_edits),    cmocka_unit_test(test_masks),
        cmocka_unit_test(test_hidden_bits), cmocka_unit_test(test_behind_the_frames),
        cmocka_unit_test(test_floats),      cmocka_unit_test(test_packed_12),
        cmocka_unit_test(test_no_patch),    cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
