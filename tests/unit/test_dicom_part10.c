// SPDX-License-Identifier: Apache-2.0
// DICOM files (PS3.10 7): opened in every form they come in, refused with reasons, written fresh,
// and every sample that can be read is written back byte for byte.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "dicom/part10.h"

#define ARENA_BYTES ((size_t)512 << 20)
#define OUTPUT_BYTES ((size_t)256 << 20)

#define IM_SET                                                                                     \
    "\x08\x00\x18\x00\x04\x00\x00\x00"                                                             \
    "1.2\x00"                                                                                      \
    "\x10\x00\x10\x00\x04\x00\x00\x00"                                                             \
    "A^B "
#define LE_SET                                                                                     \
    "\x08\x00\x18\x00"                                                                             \
    "UI\x04\x00"                                                                                   \
    "1.2\x00"                                                                                      \
    "\x10\x00\x10\x00"                                                                             \
    "PN\x04\x00"                                                                                   \
    "A^B "
#define BE_SET                                                                                     \
    "\x00\x08\x00\x18"                                                                             \
    "UI\x00\x04"                                                                                   \
    "1.2\x00"                                                                                      \
    "\x00\x10\x00\x10"                                                                             \
    "PN\x00\x04"                                                                                   \
    "A^B "
#define SYNTAX(n, uid)                                                                             \
    "\x02\x00\x10\x00"                                                                             \
    "UI" n "\x00" uid
#define LENGTH(n)                                                                                  \
    "\x02\x00\x00\x00"                                                                             \
    "UL\x04\x00" n "\x00\x00\x00"
#define IM_UID SYNTAX("\x12", "1.2.840.10008.1.2\x00")
#define LE_UID SYNTAX("\x14", "1.2.840.10008.1.2.1\x00")
#define BE_UID SYNTAX("\x14", "1.2.840.10008.1.2.2\x00")
#define OWN_UID SYNTAX("\x08", "1.2.3.4\x00")
#define BAD_UID SYNTAX("\x16", "1.2.840.10008.1.2.77\x00\x00")
#define NO_UID SYNTAX("\x04", "abc ")

struct example {
    const char *name;
    bool preamble;
    const char *bytes; // behind preamble and DICM
    size_t len;
    int code;
    const char *text; // of the error
    bool has_meta;
    bool length_wrong;
    const char *syntax;
    enum dcm_encoding encoding;
    uint32_t oddities;
};
#define OPENS(name, preamble, bytes, meta, wrong, syntax, encoding, oddities)                      \
    { name, preamble, bytes, sizeof(bytes) - 1, E_OK, "", meta, wrong, syntax, encoding, oddities }
#define FAILS(name, preamble, bytes, code, text)                                                   \
    { name, preamble, bytes, sizeof(bytes) - 1, code, text, false, false, "", DCM_IMPLICIT_LE, 0 }

static const struct example examples[] = {
    OPENS("implicit", true, LENGTH("\x1a") IM_UID IM_SET, true, false, DCM_IMPLICIT_LE_UID,
          DCM_IMPLICIT_LE, 0),
    OPENS("explicit", true, LENGTH("\x1c") LE_UID LE_SET, true, false, DCM_EXPLICIT_LE_UID,
          DCM_EXPLICIT_LE, 0),
    OPENS("big endian", true, LENGTH("\x1c") BE_UID BE_SET, true, false, DCM_EXPLICIT_BE_UID,
          DCM_EXPLICIT_BE, 0),
    OPENS("no group length", true, LE_UID LE_SET, true, true, DCM_EXPLICIT_LE_UID, DCM_EXPLICIT_LE,
          0),
    OPENS("group length too small", true, LENGTH("\x08") LE_UID LE_SET, true, true,
          DCM_EXPLICIT_LE_UID, DCM_EXPLICIT_LE, 0),
    OPENS("group length too big", true, LENGTH("\x7f") LE_UID LE_SET, true, true,
          DCM_EXPLICIT_LE_UID, DCM_EXPLICIT_LE, 0),
    OPENS("no preamble", false, LENGTH("\x1c") LE_UID LE_SET, true, false, DCM_EXPLICIT_LE_UID,
          DCM_EXPLICIT_LE, 0),
    OPENS("no meta, implicit", false, IM_SET, false, false, DCM_IMPLICIT_LE_UID, DCM_IMPLICIT_LE,
          0),
    OPENS("no meta, explicit", false, LE_SET, false, false, DCM_EXPLICIT_LE_UID, DCM_EXPLICIT_LE,
          0),
    OPENS("no meta, big endian", false, BE_SET, false, false, DCM_EXPLICIT_BE_UID, DCM_EXPLICIT_BE,
          0),
    OPENS("preamble, no meta", true, LE_SET, false, false, DCM_EXPLICIT_LE_UID, DCM_EXPLICIT_LE, 0),
    OPENS("meta without transfer syntax", true,
          "\x02\x00\x01\x00"
          "OB\x00\x00\x02\x00\x00\x00\x00\x01" IM_SET,
          true, true, DCM_IMPLICIT_LE_UID, DCM_IMPLICIT_LE, 0),
    OPENS("private transfer syntax", true, LENGTH("\x10") OWN_UID LE_SET, true, false, "",
          DCM_EXPLICIT_LE, 0),
    OPENS("called implicit, is explicit", true, LENGTH("\x1a") IM_UID LE_SET, true, false,
          DCM_IMPLICIT_LE_UID, DCM_EXPLICIT_LE, DCM_ODDITY(EXPLICIT_IN_IMPLICIT)),
    OPENS("called explicit, is implicit", true, LENGTH("\x1c") LE_UID IM_SET, true, false,
          DCM_EXPLICIT_LE_UID, DCM_IMPLICIT_LE, DCM_ODDITY(IMPLICIT_IN_EXPLICIT)),
    OPENS("empty data set", true, LENGTH("\x1c") LE_UID, true, false, DCM_EXPLICIT_LE_UID,
          DCM_EXPLICIT_LE, 0),

    FAILS("empty", false, "", E_NOT_DICOM, "empty file"),
    FAILS("one byte", false, "x", E_NOT_DICOM, "no DICM prefix"),
    FAILS("text", false, "Dear colleague, here is the picture.", E_NOT_DICOM, "no DICM prefix"),
    FAILS("picture", false, "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00",
          E_NOT_DICOM, "no DICM prefix"),
    FAILS("zeros", false, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", E_NOT_DICOM, "no DICM prefix"),
    FAILS("prefix and nothing", true, "", E_NOT_DICOM, "no data set"),
    FAILS("unknown transfer syntax", true, LENGTH("\x1e") BAD_UID LE_SET, E_UNSUPPORTED,
          "transfer syntax 1.2.840.10008.1.2.77 is not known"),
    FAILS("transfer syntax that is no UID", true, LENGTH("\x0c") NO_UID LE_SET, E_UNSUPPORTED,
          "transfer syntax abc is not known"),
    FAILS("cut meta", true,
          LENGTH("\x1c") "\x02\x00\x10\x00"
                         "UI\x14\x00"
                         "1.2",
          E_TRUNCATED, "file meta information: element (0002,0010) declares 20 bytes, 3 are left"),
};
#define EXAMPLE_COUNT (sizeof examples / sizeof examples[0])

static void put_example(struct buf *out, const struct example *x) {
    static const uint8_t preamble[DCM_PREAMBLE_LEN] = {0x49, 0x49}; // may hold anything
    buf_clear(out);
    if (x->preamble) {
        buf_put(out, preamble, sizeof preamble);
        buf_put_str(out, "DICM");
    }
    buf_put(out, x->bytes, x->len);
}

static void check_opened(struct arena *a, const struct example *x, struct dcm_file *file) {
    struct dcm_dataset *d;
    struct err e = {0};
    if (file->has_preamble != x->preamble || file->has_meta != x->has_meta ||
        (x->has_meta && file->meta_length_wrong != x->length_wrong) ||
        strcmp(file->syntax->uid, x->syntax) != 0) {
        fail_msg("%s: preamble %d, meta %d, length wrong %d, syntax %s", x->name,
                 file->has_preamble, file->has_meta, file->meta_length_wrong, file->syntax->uid);
    }
    assert_int_equal(dcm_file_dataset(a, file, 0, &d, &e), E_OK);
    struct slice name;
    bool empty = file->body.len == 0;
    assert_true(empty || (dcm_text(d, 0x00100010, 0, &name) && slice_eq_str(name, "A^B")));
    assert_true(empty || d->nodes[0].offset == file->body_offset);
    assert_int_equal(file->encoding, x->encoding);
    assert_int_equal(file->oddities, x->oddities);
}

static void check_rewritten(const struct example *x, struct arena *a, struct dcm_file *file,
                            struct slice bytes) {
    struct buf out;
    struct dcm_dataset *d;
    struct err e = {0};
    buf_init(&out, OUTPUT_BYTES);
    assert_int_equal(dcm_file_dataset(a, file, 0, &d, &e), E_OK);
    for (int changed = 0; changed < 2; changed++) {
        buf_clear(&out);
        d->changed = changed == 1;
        assert_int_equal(dcm_file_rewrite(file, d, dcm_sink_buf(&out), &e), E_OK);
        if (!slice_eq(buf_slice(&out), bytes)) {
            fail_msg("%s: not the same bytes again", x->name);
        }
    }
    buf_done(&out);
}

static void test_examples(void **state) {
    (void)state;
    struct buf bytes;
    buf_init(&bytes, OUTPUT_BYTES);
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        const struct example *x = &examples[i];
        struct arena a;
        struct dcm_file file;
        struct err e = {0};
        arena_init(&a, ARENA_BYTES);
        put_example(&bytes, x);
        int rc = dcm_file_open(&a, buf_slice(&bytes), &file, &e);
        if (rc != x->code || (rc != E_OK && strstr(e.text, x->text) == NULL)) {
            fail_msg("%s: %d \"%s\"", x->name, rc, e.text);
        }
        if (rc == E_OK) {
            check_opened(&a, x, &file);
            check_rewritten(x, &a, &file, buf_slice(&bytes));
        }
        arena_done(&a);
    }
    buf_done(&bytes);
}

// Every cut of every example is read or refused, and never read past.
static void test_cuts(void **state) {
    (void)state;
    struct buf bytes;
    buf_init(&bytes, OUTPUT_BYTES);
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        put_example(&bytes, &examples[i]);
        for (size_t len = 0; len < bytes.len; len++) {
            struct arena a;
            struct dcm_file file;
            struct dcm_dataset *d;
            struct err e = {0};
            uint8_t *exact = mem_alloc(len);
            memcpy(exact, bytes.data, len);
            arena_init(&a, ARENA_BYTES);
            if (dcm_file_open(&a, slice_of(exact, len), &file, &e) == E_OK) {
                (void)dcm_file_dataset(&a, &file, 0, &d, &e);
            }
            arena_done(&a);
            mem_free(exact);
        }
    }
    buf_done(&bytes);
}

static struct dcm_dataset *make(struct arena *a, enum dcm_encoding encoding) {
    static const uint8_t pixels[64] = {1, 2, 3};
    struct err e = {0};
    struct dcm_dataset *d = dcm_dataset_new(a, encoding);
    struct dcm_dataset *item;
    assert_int_equal(dcm_put_str(d, 0x00080016, DCM_VR_UI, "1.2.840.10008.5.1.4.1.1.2", &e), E_OK);
    assert_int_equal(dcm_put_str(d, 0x00080018, DCM_VR_UI, "1.2.3", &e), E_OK);
    assert_int_equal(dcm_add_item(d, 0x00081140, &item, &e), E_OK);
    assert_int_equal(
        dcm_put_borrowed(d, 0x7FE00010, DCM_VR_OW, slice_of(pixels, sizeof pixels), &e), E_OK);
    return d;
}

static void check_fresh(const struct buf *out, const char *uid) {
    struct arena a;
    struct dcm_file file;
    struct dcm_dataset *d;
    struct err e = {0};
    struct slice text;
    int64_t length = 0;
    arena_init(&a, ARENA_BYTES);
    assert_int_equal(dcm_file_open(&a, buf_slice(out), &file, &e), E_OK);
    assert_true(file.has_preamble && file.has_meta && !file.meta_length_wrong);
    assert_string_equal(file.syntax->uid, uid);
    assert_true(dcm_int(file.meta, 0x00020000, 0, &length));
    assert_int_equal(length + DCM_PREAMBLE_LEN + 4 + 12, file.meta_raw.len);
    assert_true(dcm_text(file.meta, 0x00020002, 0, &text) &&
                slice_eq_str(text, "1.2.840.10008.5.1.4.1.1.2"));
    assert_true(dcm_text(file.meta, 0x00020003, 0, &text) && slice_eq_str(text, "1.2.3"));
    assert_true(dcm_text(file.meta, 0x00020012, 0, &text) &&
                slice_eq_str(text, dcm_implementation_uid) && dcm_uid_valid(text));
    assert_true(dcm_text(file.meta, 0x00020013, 0, &text) &&
                slice_eq_str(text, dcm_implementation_name));
    assert_true(dcm_text(file.meta, 0x00020016, 0, &text) && slice_eq_str(text, "MACLAB"));
    assert_memory_equal(dcm_get(file.meta, 0x00020001)->value.ptr, "\0\1", 2);
    assert_int_equal(dcm_file_dataset(&a, &file, 0, &d, &e), E_OK);
    assert_int_equal(d->count, 4);
    assert_int_equal(file.oddities, 0);
    assert_int_equal(out->len % 2, 0);
    arena_done(&a);
}

static void test_write(void **state) {
    (void)state;
    static const char *const uids[] = {DCM_IMPLICIT_LE_UID, DCM_EXPLICIT_LE_UID,
                                       DCM_EXPLICIT_BE_UID, DCM_DEFLATED_UID};
    struct arena a;
    struct buf out;
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUTPUT_BYTES);
    for (size_t i = 0; i < 12; i++) {
        struct err e = {0};
        struct dcm_dataset *d = make(&a, (enum dcm_encoding)(i % 3));
        struct dcm_write_options options = {.syntax_uid = uids[i / 3], .source_ae = "MACLAB"};
        buf_clear(&out);
        assert_int_equal(dcm_file_write(d, &options, dcm_sink_buf(&out), &e), E_OK);
        check_fresh(&out, uids[i / 3]);
        options.syntax_uid = NULL;
        buf_clear(&out);
        assert_int_equal(dcm_file_write(d, &options, dcm_sink_buf(&out), &e), E_OK);
        check_fresh(&out, uids[i % 3]);
    }
    buf_done(&out);
    arena_done(&a);
}

static void test_write_refusals(void **state) {
    (void)state;
    struct arena a;
    struct buf out;
    struct slice fragment = slice_of("ab", 2);
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUTPUT_BYTES);
    for (int row = 0; row < 6; row++) {
        static const struct {
            const char *uid;
            int code;
            const char *text;
        } rows[] = {
            {DCM_JPEG_BASELINE_UID, E_UNSUPPORTED, "coded anew for JPEG Baseline"},
            {DCM_EXPLICIT_LE_UID, E_UNSUPPORTED, "coded anew for Explicit VR Little Endian"},
            {"1.2.3", E_UNSUPPORTED, "transfer syntax 1.2.3 is not known"},
            {DCM_EXPLICIT_LE_UID, E_MISSING, "a UID is needed"},
            {DCM_JPEG_BASELINE_UID, E_OK, ""},
            {DCM_EXPLICIT_LE_UID, E_VALUE, "group 0002"},
        };
        struct err e = {0};
        struct dcm_dataset *d = make(&a, DCM_EXPLICIT_LE);
        struct dcm_write_options options = {.syntax_uid = rows[row].uid};
        if (row == 1 || row == 4) {
            assert_int_equal(dcm_put_fragments(d, 0x7FE00010, DCM_VR_OB, &fragment, 1, &e), E_OK);
        }
        if (row == 3) {
            assert_true(dcm_remove(d, 0x00080018));
        }
        if (row == 5) {
            assert_int_equal(dcm_put_str(d, 0x00020100, DCM_VR_UI, "1.2", &e), E_OK);
        }
        assert_int_equal(dcm_file_write(d, &options, dcm_sink_buf(&out), &e), rows[row].code);
        assert_non_null(strstr(e.text, rows[row].text));
    }
    buf_done(&out);
    arena_done(&a);
}

// Deflated: whole, cut, damaged, too big, and with memory that fails.
static void test_deflated(void **state) {
    (void)state;
    struct arena a;
    struct buf out;
    struct err e = {0};
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUTPUT_BYTES);
    struct dcm_dataset *d = make(&a, DCM_EXPLICIT_LE);
    uint8_t *zeros = arena_array(&a, 1 << 20, 1);
    assert_int_equal(dcm_put_borrowed(d, 0x7FE00010, DCM_VR_OW, slice_of(zeros, 1 << 20), &e),
                     E_OK);
    struct dcm_write_options options = {.syntax_uid = DCM_DEFLATED_UID};
    assert_int_equal(dcm_file_write(d, &options, dcm_sink_buf(&out), &e), E_OK);
    assert_true(out.len < 4096);
    struct dcm_file file;
    assert_int_equal(dcm_file_open(&a, buf_slice(&out), &file, &e), E_OK);
    assert_true(file.deflated && file.body.len > (1 << 20) && file.body_offset == 0);
    struct slice cut = slice_first(buf_slice(&out), out.len - 10);
    assert_int_equal(dcm_file_open(&a, cut, &file, &e), E_TRUNCATED);
    assert_non_null(strstr(e.text, "deflated data set: ends too early"));
    struct arena small;
    arena_init(&small, 100000);
    assert_int_equal(dcm_file_open(&small, buf_slice(&out), &file, &e), E_LIMIT);
    arena_done(&small);
    int rc = E_MEMORY;
    for (size_t n = 0; rc != E_OK && n < 100; n++) {
        arena_init(&small, ARENA_BYTES);
        mem_fail_after(n);
        rc = dcm_file_open(&small, buf_slice(&out), &file, &e);
        mem_fail_after(MEM_FAIL_NEVER);
        assert_true(rc == E_OK || rc == E_MEMORY);
        arena_done(&small);
    }
    assert_int_equal(rc, E_OK);
    memset(out.data + file.meta_raw.len, 0xFF, 8);
    assert_int_equal(dcm_file_open(&a, buf_slice(&out), &file, &e), E_SYNTAX);
    assert_non_null(strstr(e.text, "deflated data set: "));
    buf_done(&out);
    arena_done(&a);
}

// --- the samples ---

struct tally {
    size_t read;
    size_t refused;
    size_t different;
};

static int rewrite_sample(const char *path, void *context) {
    struct tally *t = context;
    CLEANUP(cleanup_file_map) struct file_map map = {0};
    CLEANUP(arena_done) struct arena a;
    CLEANUP(cleanup_buf) struct buf out;
    struct err e = {0};
    struct dcm_file file;
    struct dcm_dataset *d;
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUTPUT_BYTES);
    assert_int_equal(file_map_path(path, &map, &e), E_OK);
    int rc = dcm_file_open(&a, map.bytes, &file, &e);
    if (rc == E_OK) {
        rc = dcm_file_dataset(&a, &file, 0, &d, &e);
    }
    if (rc != E_OK) {
        t->refused++;
        return 0;
    }
    t->read++;
    rc = dcm_file_rewrite(&file, d, dcm_sink_buf(&out), &e);
    if (rc != E_OK || !slice_eq(buf_slice(&out), map.bytes)) {
        print_error("%s is not written back as it was\n", path);
        t->different++;
    }
    buf_clear(&out);
    if (dcm_write(d, file.encoding, dcm_sink_buf(&out), &e) != E_OK ||
        !slice_eq(buf_slice(&out), file.body)) {
        print_error("%s: data set is not written back as it was\n", path);
        t->different++;
    }
    return 0;
}

static void test_samples(void **state) {
    (void)state;
    const char *samples = getenv("MACLAB_SAMPLES");
    struct tally t = {0};
    struct err e = {0};
    struct file_walk walk = {.visit = rewrite_sample, .context = &t};
    if (samples == NULL || access(samples, R_OK) != 0) {
        print_message("skipped: MACLAB_SAMPLES names no folder of samples\n");
        skip();
    }
    assert_int_equal(file_walk(samples, &walk, &e), 0);
    print_message("%zu samples written back byte for byte, %zu files refused\n", t.read, t.refused);
    assert_int_equal(t.different, 0);
    assert_true(t.read >= 300);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples), cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_write),    cmocka_unit_test(test_write_refusals),
        cmocka_unit_test(test_deflated), cmocka_unit_test(test_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
