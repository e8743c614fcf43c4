// SPDX-License-Identifier: Apache-2.0
// Coded streams with something planted at every place that holds metadata: it must be gone, and the
// stream must be the one that was there before, byte for byte. Hidden bits. With MACLAB_SAMPLES
// every frame of the samples: cleaned ones decode to the same samples.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/num.h"
#include "dicom/uid.h"
#include "gate/container.h"
#include "gate/notes.h"
#include "gate/structural.h"
#include "pixel/codec.h"
#include "pixel/encoder.h"

#define BASELINE DCM_JPEG_BASELINE_UID
#define LOSSLESS "1.2.840.10008.1.2.4.70"
#define JPEG_LS "1.2.840.10008.1.2.4.80"
#define JPEG_2000 "1.2.840.10008.1.2.4.90"
#define HTJ2K "1.2.840.10008.1.2.4.201"
#define DEFLATED "1.2.840.10008.1.2.8.1"
#define ARENA ((size_t)64 << 20)
#define OUT_MAX ((size_t)64 << 20)
#define SECRET "SMITH^JOHN 9434765919"

struct fixture {
    struct arena arena;
    struct gate_notes notes;
    struct buf stream; // as coded
    struct buf planted;
    struct buf out;
    struct px_image im;
    uint8_t pixels[48 * 40 * 3];
};

static void set_up(struct fixture *f) {
    memset(f, 0, sizeof *f);
    arena_init(&f->arena, ARENA);
    gate_notes_init(&f->notes, &f->arena);
    buf_init(&f->stream, OUT_MAX);
    buf_init(&f->planted, OUT_MAX);
    buf_init(&f->out, OUT_MAX);
}

static void tear_down(struct fixture *f) {
    buf_done(&f->stream);
    buf_done(&f->planted);
    buf_done(&f->out);
    arena_done(&f->arena);
}

// A picture with some structure, coded.
static void code_picture(struct fixture *f, const char *uid, unsigned samples) {
    struct err e = {0};
    for (unsigned i = 0; i < 48u * 40u * samples; i++) {
        f->pixels[i] = (uint8_t)(i / samples * 5 % 200 + i % samples * 20);
    }
    struct px_frame frame = {.data = f->pixels,
                             .len = 48u * 40u * samples,
                             .rows = 48,
                             .columns = 40,
                             .samples = (uint16_t)samples,
                             .bits_allocated = 8,
                             .bits_stored = 8,
                             .high_bit = 7,
                             .photometric = samples == 3 ? PX_RGB : PX_MONOCHROME2};
    assert_int_equal(px_encode_frame(uid, &frame, &f->stream, &e), E_OK);
    f->im = (struct px_image){.rows = 48,
                              .columns = 40,
                              .frames = 1,
                              .samples = (uint16_t)samples,
                              .bits_allocated = 8,
                              .bits_stored = 8,
                              .high_bit = 7,
                              .pixel_height = 1,
                              .photometric = frame.photometric,
                              .syntax = dcm_transfer_syntax_find(slice_str(uid))};
}

static bool clean(struct fixture *f, const char *uid, const struct buf *stream) {
    bool changed = false;
    struct err e = {0};
    buf_clear(&f->out);
    int code = gate_stream_clean(uid, buf_slice(stream), &f->notes, 7, &f->out, &changed, &e);
    if (code != E_OK) {
        fail_msg("%s: %s", uid, e.text);
    }
    return changed;
}

static bool holds(const struct buf *b, const char *text) {
    return b->len > 0 && memmem(b->data, b->len, text, strlen(text)) != NULL;
}

static bool noted(const struct fixture *f, const char *where) {
    for (uint32_t i = 0; i < f->notes.count; i++) {
        if (strcmp(f->notes.lines[i].where, where) == 0) {
            return true;
        }
    }
    return false;
}

static void put_segment(struct buf *b, unsigned marker, const void *body, size_t len) {
    uint8_t head[4] = {0xFF, (uint8_t)marker};
    num_put_be16(head + 2, (uint16_t)(len + 2));
    buf_put(b, head, 4);
    buf_put(b, body, len);
}

// --- JPEG ---

static void test_clean_streams_stay(void **state) {
    (void)state;
    static const struct {
        const char *uid;
        unsigned samples;
    } rows[] = {{BASELINE, 1},  {BASELINE, 3},    {JPEG_LS, 1},     {JPEG_LS, 3},  {JPEG_2000, 1},
                {JPEG_2000, 3}, {DCM_RLE_UID, 1}, {DCM_RLE_UID, 3}, {DEFLATED, 1}, {DEFLATED, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        set_up(&f);
        code_picture(&f, rows[i].uid, rows[i].samples);
        bool changed = clean(&f, rows[i].uid, &f.stream);
        if (!changed) {
            assert_int_equal(f.out.len, f.stream.len);
            assert_memory_equal(f.out.data, f.stream.data, f.out.len);
        }
        // Once more: what is clean stays as it is, and a padding byte is nothing.
        size_t len = f.out.len;
        buf_put_slice(&f.planted, buf_slice(&f.out));
        buf_put(&f.planted, "", strcmp(rows[i].uid, DCM_RLE_UID) != 0);
        assert_false(clean(&f, rows[i].uid, &f.planted));
        assert_int_equal(f.out.len, len);
        assert_memory_equal(f.out.data, f.planted.data, len);
        tear_down(&f);
    }
}

// Metadata at every place of a JPEG that has one.
static void test_jpeg(void **state) {
    (void)state;
    static const char *const uids[] = {BASELINE, JPEG_LS};
    for (size_t u = 0; u < 2; u++) {
        struct fixture f;
        set_up(&f);
        code_picture(&f, uids[u], 1);
        clean(&f, uids[u], &f.stream); // without our own encoder's JFIF details
        buf_clear(&f.stream);
        buf_put_slice(&f.stream, buf_slice(&f.out));
        struct slice s = buf_slice(&f.stream);
        buf_put(&f.planted, s.ptr, 2);
        for (unsigned app = 0; app < 16; app++) {
            char body[64];
            int len = snprintf(body, sizeof body, "Exif%c%c" SECRET "%u", 0, 0, app);
            put_segment(&f.planted, 0xE0 + app, body, (size_t)len);
        }
        put_segment(&f.planted, 0xFE, SECRET, strlen(SECRET));
        put_segment(&f.planted, 0xF0, SECRET, strlen(SECRET));
        buf_put(&f.planted, "\xFF\xFF\xFF", 3);
        buf_put(&f.planted, s.ptr + 2, s.len - 4);
        put_segment(&f.planted, 0xFE, SECRET, strlen(SECRET)); // behind the scan
        buf_put(&f.planted, "\xFF\xD9" SECRET "\xFF\xD8\xFF\xD9", 6 + strlen(SECRET));
        assert_true(clean(&f, uids[u], &f.planted));
        assert_false(holds(&f.out, "SMITH"));
        assert_int_equal(f.out.len, f.stream.len);
        assert_memory_equal(f.out.data, f.stream.data, f.out.len);
        assert_true(noted(&f, "frame 7 APP1") && noted(&f, "frame 7 COM"));
        assert_true(noted(&f, "frame 7 behind the end"));
        tear_down(&f);
    }
}

// What decoders look at stays, without room for anything else.
static void test_jpeg_known_segments(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    code_picture(&f, BASELINE, 3);
    struct slice s = buf_slice(&f.stream);
    buf_put(&f.planted, s.ptr, 2);
    char jfif[64] = "JFIF\0\1\2\1\1\44\1\44\2\2";
    memcpy(jfif + 14, "thumbnail SMITH", 15);
    put_segment(&f.planted, 0xE0, jfif, 40);
    put_segment(&f.planted, 0xE0, "JFXX\0\20 SMITH", 13);
    uint8_t adobe[20] = "Adobe\0\x65SMI\0\1SMITH";
    adobe[11] = 1;
    put_segment(&f.planted, 0xEE, adobe, sizeof adobe);
    buf_put(&f.planted, s.ptr + 2, s.len - 2);
    assert_true(clean(&f, BASELINE, &f.planted));
    assert_false(holds(&f.out, "SMI"));
    static const uint8_t kept[] = "\xFF\xD8\xFF\xE0\0\20JFIF\0\1\1\0\0\1\0\1\0\0"
                                  "\xFF\xEE\0\16Adobe\0\x64\0\0\0\0\1";
    assert_memory_equal(f.out.data, kept, sizeof kept - 1);
    tear_down(&f);
}

static void test_jpeg_ls_transform(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    code_picture(&f, JPEG_LS, 3);
    struct slice s = buf_slice(&f.stream);
    buf_put(&f.planted, s.ptr, 2);
    put_segment(&f.planted, 0xE8, "mrfx\2SMITH", 10);
    put_segment(&f.planted, 0xE8, "SPIFF\0\2\0SMITH", 13);
    buf_put(&f.planted, s.ptr + 2, s.len - 2);
    assert_true(clean(&f, JPEG_LS, &f.planted));
    assert_false(holds(&f.out, "SMITH") || holds(&f.out, "SPIFF"));
    assert_true(holds(&f.out, "mrfx\2"));
    tear_down(&f);
}

// A table that is longer than its content, a frame header with a tail: nothing passes unlooked at.
static void test_jpeg_refusals(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        int code;
    } rows[] = {
        {"", 0, E_CORRUPT},
        {"SMITH", 5, E_CORRUPT},
        {"\xFF\xD8", 2, E_CORRUPT},
        {"\xFF\xD8\xFF\xD9", 4, E_TRUNCATED},
        {"\xFF\xD8\xFF\xDB\0\7SMITH", 11, E_CORRUPT},
        {"\xFF\xD8\xFF\xDB\0\x40SMITH", 11, E_TRUNCATED},
        {"\xFF\xD8\xFF\xC0\0\x10\x08\0\1\0\1\1\1\x11\0SMITH", 23, E_CORRUPT},
        {"\xFF\xD8\xFF\xDD\0\6SMIT", 10, E_CORRUPT},
        {"\xFF\xD8\xFF\xDA\0\x8\1\1\0\0\x3F\0abc", 15, E_CORRUPT}, // a scan without a frame
        {"\xFF\xD8SMITH", 7, E_CORRUPT},
        {"\xFF\xD8\xFF\xE1", 4, E_TRUNCATED},
        {"\xFF\xD8\xFF\xD0\xFF\xD9", 6, E_CORRUPT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        struct err e = {0};
        bool changed;
        set_up(&f);
        int code = gate_stream_clean(BASELINE, slice_of(rows[i].bytes, rows[i].len), &f.notes, 0,
                                     &f.out, &changed, &e);
        if (code != rows[i].code) {
            fail_msg("row %zu: %s %s", i, err_name(code), e.text);
        }
        assert_true(e.text[0] != '\0');
        tear_down(&f);
    }
}

// A stream without its end gets one; restart markers and stuffed bytes are data.
static void test_jpeg_without_end(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    code_picture(&f, BASELINE, 1);
    struct buf cut = f.stream;
    cut.len -= 2;
    assert_true(clean(&f, BASELINE, &cut));
    assert_memory_equal(f.out.data + f.out.len - 2, "\xFF\xD9", 2);
    assert_memory_equal(f.out.data + f.out.len - 12, f.stream.data + f.stream.len - 12, 12);
    tear_down(&f);
}

// --- JPEG 2000 ---

// COM behind SIZ and in the tile-part's header; a TLM that has to follow; boxes around all.
static void plant_2000(struct fixture *f, bool boxes) {
    struct slice s = buf_slice(&f->stream);
    const uint8_t *sot = memmem(s.ptr, s.len, "\xFF\x90\0\12", 4);
    assert_non_null(sot);
    size_t main_len = (size_t)(sot - s.ptr);
    if (boxes) {
        static const char head[] = "\0\0\0\14jP  \r\n\x87\n\0\0\0\24ftypjp2 \0\0\0\0jp2 ";
        buf_put(&f->planted, head, sizeof head - 1);
        buf_put(&f->planted, "\0\0\0\x1Duuid" SECRET, 29);
        buf_put(&f->planted, "\0\0\0\0jp2c", 8);
    }
    buf_put(&f->planted, s.ptr, main_len);
    put_segment(&f->planted, 0x64, "\0\1" SECRET, 2 + strlen(SECRET));
    uint32_t length = num_be32(sot + 6);
    uint32_t added = 4 + 2 + (uint32_t)strlen(SECRET);
    uint8_t tlm[8] = {0, 0x40};
    num_put_be32(tlm + 2, length + added);
    put_segment(&f->planted, 0x55, tlm, 6);
    size_t at = f->planted.len;
    buf_put(&f->planted, sot, 12);
    num_put_be32(f->planted.data + at + 6, length + added);
    put_segment(&f->planted, 0x64, "\0\1" SECRET, 2 + strlen(SECRET));
    buf_put(&f->planted, sot + 12, s.len - main_len - 12);
    buf_put_str(&f->planted, SECRET);
}

static void test_2000(void **state) {
    (void)state;
    for (int boxes = 0; boxes < 2; boxes++) {
        struct fixture f;
        set_up(&f);
        code_picture(&f, JPEG_2000, 1);
        clean(&f, JPEG_2000, &f.stream); // OpenJPEG signs its work in COM
        buf_clear(&f.stream);
        buf_put_slice(&f.stream, buf_slice(&f.out));
        plant_2000(&f, boxes != 0);
        assert_true(clean(&f, JPEG_2000, &f.planted));
        assert_false(holds(&f.out, "SMITH") || holds(&f.out, "uuid") || holds(&f.out, "jp2c"));
        // As before but for TLM, which says the tile-part's length as it is now.
        uint8_t *tlm = memmem(f.out.data, f.out.len, "\xFF\x55\0\10\0\x40", 6);
        assert_non_null(tlm);
        const uint8_t *sot = memmem(f.out.data, f.out.len, "\xFF\x90\0\12", 4);
        assert_int_equal(num_be32(tlm + 6), num_be32(sot + 6));
        memmove(tlm, tlm + 10, f.out.len - (size_t)(tlm + 10 - f.out.data));
        assert_int_equal(f.out.len - 10, f.stream.len);
        assert_memory_equal(f.out.data, f.stream.data, f.stream.len);
        tear_down(&f);
    }
}

static void test_2000_refusals(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    code_picture(&f, JPEG_2000, 1);
    for (size_t len = 0; len < 120 && len < f.stream.len; len++) {
        struct err e = {0};
        bool changed;
        buf_clear(&f.out);
        int code = gate_stream_clean(HTJ2K, slice_of(f.stream.data, len), &f.notes, 0, &f.out,
                                     &changed, &e);
        if (code == E_OK) {
            assert_non_null(memmem(f.stream.data, len, "\xFF\x93", 2));
        } else {
            assert_true((code == E_CORRUPT || code == E_TRUNCATED) && e.has_offset);
        }
    }
    tear_down(&f);
}

// --- RLE and deflate ---

static void test_rle(void **state) {
    (void)state;
    for (unsigned samples = 1; samples <= 3; samples += 2) {
        struct fixture f;
        set_up(&f);
        code_picture(&f, DCM_RLE_UID, samples);
        buf_put_slice(&f.planted, buf_slice(&f.stream));
        memcpy(f.planted.data + 40, "SMITH", 5); // an offset that nobody reads
        buf_put_str(&f.planted, SECRET);
        bool changed = false;
        struct err e = {0};
        assert_int_equal(
            gate_frame_clean(&f.im, buf_slice(&f.planted), &f.notes, 0, &f.out, &changed, &e),
            E_OK);
        assert_true(changed);
        assert_int_equal(f.out.len, f.stream.len);
        assert_memory_equal(f.out.data, f.stream.data, f.stream.len);
        if (samples == 3) { // the segments tell each other's length
            clean(&f, DCM_RLE_UID, &f.planted);
            assert_memory_equal(f.out.data, f.stream.data, f.stream.len);
            assert_false(holds(&f.out, "SMITH"));
        }
        tear_down(&f);
    }
}

static void test_deflated(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    code_picture(&f, DEFLATED, 1);
    buf_put_slice(&f.planted, buf_slice(&f.stream));
    buf_put_str(&f.planted, SECRET);
    assert_true(clean(&f, DEFLATED, &f.planted));
    assert_int_equal(f.out.len, f.stream.len);
    struct err e = {0};
    bool changed;
    assert_int_equal(gate_stream_clean(DEFLATED, slice_str("\xFF\xFF" SECRET), &f.notes, 0, &f.out,
                                       &changed, &e),
                     E_CORRUPT);
    assert_int_equal(gate_stream_clean(DEFLATED, slice_first(buf_slice(&f.stream), 20), &f.notes, 0,
                                       &f.out, &changed, &e),
                     E_CORRUPT);
    tear_down(&f);
}

static void test_unsupported(void **state) {
    (void)state;
    static const char *const uids[] = {"1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.102",
                                       "1.2.840.10008.1.2.4.110", DCM_EXPLICIT_LE_UID};
    for (size_t i = 0; i < 4; i++) {
        struct fixture f;
        struct err e = {0};
        bool changed;
        set_up(&f);
        assert_int_equal(
            gate_stream_clean(uids[i], slice_str(SECRET), &f.notes, 0, &f.out, &changed, &e),
            E_UNSUPPORTED);
        tear_down(&f);
    }
}

// --- bits ---

struct bits_row {
    uint16_t allocated, stored, high;
    bool is_signed;
    uint32_t in, out; // words
};

static void test_hidden_bits(void **state) {
    (void)state;
    static const struct bits_row rows[] = {
        {16, 12, 11, false, 0x0FFF, 0x0FFF},
        {16, 12, 11, false, 0x1FFF, 0x0FFF}, // an overlay above
        {16, 12, 11, false, 0xF123, 0x0123},
        {16, 12, 11, false, 0xF830, 0xF830}, // Pixel Padding Value
        {16, 12, 15, false, 0xFFF0, 0xFFF0},
        {16, 12, 15, false, 0xFFF1, 0xFFF0}, // below
        {16, 12, 13, false, 0x4007, 0x0004}, // both sides
        {16, 12, 11, true, 0x07FF, 0x07FF},
        {16, 12, 11, true, 0xF800, 0xF800}, // sign copied upwards
        {16, 12, 11, true, 0x0800, 0x0800}, // or not
        {16, 12, 11, true, 0x1800, 0xF800}, // only some copies: a message
        {16, 12, 11, true, 0x17FF, 0x07FF},
        {16, 16, 15, false, 0xFFFF, 0xFFFF},
        {8, 7, 6, false, 0x80, 0x00},
        {8, 8, 7, false, 0xFF, 0xFF},
        {32, 24, 23, false, 0xAB123456, 0x00123456},
        {32, 24, 23, true, 0xFFFFFFFF, 0xFFFFFFFF},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int big = 0; big < 2; big++) {
            const struct bits_row *r = &rows[i];
            struct px_image im = {.rows = 3,
                                  .columns = 1,
                                  .frames = 1,
                                  .samples = 1,
                                  .bits_allocated = r->allocated,
                                  .bits_stored = r->stored,
                                  .high_bit = r->high,
                                  .is_signed = r->is_signed,
                                  .has_padding = true,
                                  .padding_low = 0xF830,
                                  .padding_high = 0xF830,
                                  .big_endian = big != 0,
                                  .syntax = dcm_transfer_syntax_find(slice_str(
                                      big != 0 ? DCM_EXPLICIT_BE_UID : DCM_EXPLICIT_LE_UID))};
            uint8_t frame[12] = {0};
            unsigned bytes = r->allocated / 8u;
            for (unsigned b = 0; b < bytes; b++) {
                frame[bytes + b] = (uint8_t)(r->in >> 8 * (big != 0 ? bytes - 1 - b : b));
            }
            bool hidden = gate_hidden_bits(&im, slice_of(frame, 3 * (size_t)bytes));
            if (hidden != (r->in != r->out)) {
                fail_msg("row %zu", i);
            }
            gate_hidden_bits_clear(&im, frame, 3 * (size_t)bytes);
            uint32_t out = 0;
            for (unsigned b = 0; b < bytes; b++) {
                out |= (uint32_t)frame[bytes + b] << 8 * (big != 0 ? bytes - 1 - b : b);
            }
            assert_int_equal(out, r->out);
            assert_false(gate_hidden_bits(&im, slice_of(frame, 3 * (size_t)bytes)));
        }
    }
}

// --- samples ---

struct tally {
    size_t frames, changed, same, failed;
};

static void compare_frame(struct gate_structural *s, struct slice file, uint32_t i,
                          const char *path, struct tally *t) {
    CLEANUP(cleanup_px_frame) struct px_frame before = {0};
    CLEANUP(cleanup_px_frame) struct px_frame after = {0};
    CLEANUP(cleanup_buf) struct buf scratch;
    CLEANUP(cleanup_buf) struct buf out;
    struct err e = {0};
    struct slice stream;
    bool changed = false;
    struct arena a;
    struct gate_notes notes;
    buf_init(&scratch, OUT_MAX);
    buf_init(&out, OUT_MAX);
    arena_init(&a, ARENA);
    gate_notes_init(&notes, &a);
    const struct px_codec *codec = px_codec_find(s->image.syntax->uid);
    if (px_frames_bytes(&s->frames, file, i, &scratch, &stream, &e) != E_OK || codec == NULL ||
        codec->decode(&s->image, stream, 0, &before, &e) != E_OK) {
        arena_done(&a);
        return;
    }
    t->frames++;
    int code = gate_frame_clean(&s->image, stream, &notes, i, &out, &changed, &e);
    t->changed += changed;
    bool same = code == E_OK && codec->decode(&s->image, buf_slice(&out), 0, &after, &e) == E_OK &&
                px_frame_same(&before, &after) && before.len == after.len &&
                memcmp(before.data, after.data, before.len) == 0;
    t->same += same;
    if (!same) {
        print_error("%s frame %u: %s\n", path, i, e.text);
        t->failed++;
    }
    arena_done(&a);
}

static int visit(const char *path, void *context) {
    struct tally *t = context;
    struct file_map map = {0};
    struct err e = {0};
    struct arena a;
    struct gate_structural s;
    if (file_map_path(path, &map, &e) != E_OK) {
        return E_OK;
    }
    arena_init(&a, (size_t)1 << 30);
    (void)gate_structural_run(&a, map.bytes, &s);
    if (s.has_pixels && s.pixels_known && s.image.syntax->encapsulated) {
        for (uint32_t i = 0; i < s.frames.count && i < 4; i++) {
            compare_frame(&s, map.bytes, i, path, t);
        }
    }
    arena_done(&a);
    file_unmap(&map);
    return E_OK;
}

static void test_samples(void **state) {
    (void)state;
    const char *samples = getenv("MACLAB_SAMPLES");
    struct tally t = {0};
    struct err e = {0};
    struct file_walk walk = {.visit = visit, .context = &t};
    if (samples == NULL) {
        print_message("skipped: MACLAB_SAMPLES names no folder of samples\n");
        skip();
    }
    assert_int_equal(file_walk(samples, &walk, &e), 0);
    print_message("%zu frames, %zu changed, %zu decode alike\n", t.frames, t.changed, t.same);
    assert_int_equal(t.failed, 0);
    assert_true(t.frames > 100 && t.changed > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean_streams_stay),
        cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_jpeg_known_segments),
        cmocka_unit_test(test_jpeg_ls_transform),
        cmocka_unit_test(test_jpeg_refusals),
        cmocka_unit_test(test_jpeg_without_end),
        cmocka_unit_test(test_2000),
        cmocka_unit_test(test_2000_refusals),
        cmocka_unit_test(test_rle),
        cmocka_unit_test(test_deflated),
        cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_hidden_bits),
        cmocka_unit_test(test_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
