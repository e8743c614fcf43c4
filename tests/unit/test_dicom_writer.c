// SPDX-License-Identifier: Apache-2.0
// The writer: what was not changed comes back byte for byte, alone and beside changes; conversion
// among the three encodings; lengths, padding, UN for long values (PS3.5 6.2.2); what cannot be
// written.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/writer.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define OUTPUT_BYTES ((size_t)4 << 20)
#define BYTES(text) slice_of(text, sizeof(text) - 1)
#define LE DCM_EXPLICIT_LE
#define IM DCM_IMPLICIT_LE
#define BE DCM_EXPLICIT_BE

static struct dcm_dataset *read_all(struct arena *a, struct slice bytes,
                                    enum dcm_encoding encoding) {
    struct dcm_dataset *d = NULL;
    struct err e = {0};
    assert_int_equal(dcm_dataset_read(a, bytes, encoding, 0, 0, &d, NULL, &e), E_OK);
    return d;
}

static void check_bytes(const char *name, struct slice got, struct slice wanted) {
    if (slice_eq(got, wanted)) {
        return;
    }
    size_t at = 0;
    while (at < got.len && at < wanted.len && got.ptr[at] == wanted.ptr[at]) {
        at++;
    }
    fail_msg("%s: %zu bytes instead of %zu, first difference at %zu", name, got.len, wanted.len,
             at);
}

static void write_all(const struct dcm_dataset *d, enum dcm_encoding encoding, struct buf *out) {
    struct err e = {0};
    uint64_t length = 0;
    buf_clear(out);
    assert_int_equal(dcm_write(d, encoding, dcm_sink_buf(out), &e), E_OK);
    assert_int_equal(dcm_write_length(d, encoding, &length, &e), E_OK);
    assert_int_equal(length, out->len);
}

// --- one data set in three encodings ---

#define LE_SET                                                                                     \
    "\x08\x00\x60\x00"                                                                             \
    "CS\x02\x00"                                                                                   \
    "CT"                                                                                           \
    "\x08\x00\x40\x11"                                                                             \
    "SQ\x00\x00\x14\x00\x00\x00"                                                                   \
    "\xfe\xff\x00\xe0\x0c\x00\x00\x00"                                                             \
    "\x08\x00\x50\x11"                                                                             \
    "UI\x04\x00"                                                                                   \
    "1.2\x00"                                                                                      \
    "\x18\x00\x87\x90"                                                                             \
    "FD\x08\x00"                                                                                   \
    "\x01\x02\x03\x04\x05\x06\x07\x08"                                                             \
    "\x28\x00\x09\x00"                                                                             \
    "AT\x04\x00"                                                                                   \
    "\x18\x00\x63\x10"                                                                             \
    "\x28\x00\x10\x00"                                                                             \
    "US\x02\x00"                                                                                   \
    "\x00\x02"                                                                                     \
    "\x28\x00\x03\x01"                                                                             \
    "US\x02\x00"                                                                                   \
    "\x01\x00"                                                                                     \
    "\x28\x00\x06\x01"                                                                             \
    "SS\x02\x00"                                                                                   \
    "\xfe\xff"                                                                                     \
    "\xe0\x7f\x10\x00"                                                                             \
    "OW\x00\x00\x04\x00\x00\x00"                                                                   \
    "\x01\x02\x03\x04"
#define IM_SET                                                                                     \
    "\x08\x00\x60\x00\x02\x00\x00\x00"                                                             \
    "CT"                                                                                           \
    "\x08\x00\x40\x11\x14\x00\x00\x00"                                                             \
    "\xfe\xff\x00\xe0\x0c\x00\x00\x00"                                                             \
    "\x08\x00\x50\x11\x04\x00\x00\x00"                                                             \
    "1.2\x00"                                                                                      \
    "\x18\x00\x87\x90\x08\x00\x00\x00"                                                             \
    "\x01\x02\x03\x04\x05\x06\x07\x08"                                                             \
    "\x28\x00\x09\x00\x04\x00\x00\x00"                                                             \
    "\x18\x00\x63\x10"                                                                             \
    "\x28\x00\x10\x00\x02\x00\x00\x00"                                                             \
    "\x00\x02"                                                                                     \
    "\x28\x00\x03\x01\x02\x00\x00\x00"                                                             \
    "\x01\x00"                                                                                     \
    "\x28\x00\x06\x01\x02\x00\x00\x00"                                                             \
    "\xfe\xff"                                                                                     \
    "\xe0\x7f\x10\x00\x04\x00\x00\x00"                                                             \
    "\x01\x02\x03\x04"
#define BE_SET                                                                                     \
    "\x00\x08\x00\x60"                                                                             \
    "CS\x00\x02"                                                                                   \
    "CT"                                                                                           \
    "\x00\x08\x11\x40"                                                                             \
    "SQ\x00\x00\x00\x00\x00\x14"                                                                   \
    "\xff\xfe\xe0\x00\x00\x00\x00\x0c"                                                             \
    "\x00\x08\x11\x50"                                                                             \
    "UI\x00\x04"                                                                                   \
    "1.2\x00"                                                                                      \
    "\x00\x18\x90\x87"                                                                             \
    "FD\x00\x08"                                                                                   \
    "\x08\x07\x06\x05\x04\x03\x02\x01"                                                             \
    "\x00\x28\x00\x09"                                                                             \
    "AT\x00\x04"                                                                                   \
    "\x00\x18\x10\x63"                                                                             \
    "\x00\x28\x00\x10"                                                                             \
    "US\x00\x02"                                                                                   \
    "\x02\x00"                                                                                     \
    "\x00\x28\x01\x03"                                                                             \
    "US\x00\x02"                                                                                   \
    "\x00\x01"                                                                                     \
    "\x00\x28\x01\x06"                                                                             \
    "SS\x00\x02"                                                                                   \
    "\xff\xfe"                                                                                     \
    "\x7f\xe0\x00\x10"                                                                             \
    "OW\x00\x00\x00\x00\x00\x04"                                                                   \
    "\x02\x01\x04\x03"

static void test_conversion(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        enum dcm_encoding encoding;
    } sets[] = {{LE_SET, sizeof LE_SET - 1, LE},
                {IM_SET, sizeof IM_SET - 1, IM},
                {BE_SET, sizeof BE_SET - 1, BE}};
    struct arena a;
    struct buf out;
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUTPUT_BYTES);
    for (size_t i = 0; i < 9; i++) {
        struct slice from = slice_of(sets[i / 3].bytes, sets[i / 3].len);
        struct dcm_dataset *d = read_all(&a, from, sets[i / 3].encoding);
        write_all(d, sets[i % 3].encoding, &out);
        check_bytes("conversion", buf_slice(&out), slice_of(sets[i % 3].bytes, sets[i % 3].len));
        d->changed = true; // element by element
        write_all(d, sets[i % 3].encoding, &out);
        check_bytes("piecewise", buf_slice(&out), slice_of(sets[i % 3].bytes, sets[i % 3].len));
    }
    buf_done(&out);
    arena_done(&a);
}

// --- written forms that differ from what was read ---

struct form {
    const char *name;
    enum dcm_encoding from;
    const char *bytes;
    size_t len;
    enum dcm_encoding to;
    const char *wanted;
    size_t wanted_len;
};
#define FORM(name, from, bytes, to, wanted)                                                        \
    { name, from, bytes, sizeof(bytes) - 1, to, wanted, sizeof(wanted) - 1 }
#define ITEM(n) "\xfe\xff\x00\xe0" n "\x00\x00\x00"
#define ITEM_U "\xfe\xff\x00\xe0\xff\xff\xff\xff"
#define ITEM_END "\xfe\xff\x0d\xe0\x00\x00\x00\x00"
#define SEQ_END "\xfe\xff\xdd\xe0\x00\x00\x00\x00"

static const struct form forms[] = {
    FORM("undefined lengths become defined", LE,
         "\x08\x00\x40\x11"
         "SQ\x00\x00\xff\xff\xff\xff" ITEM_U "\x08\x00\x50\x11"
         "UI\x04\x00"
         "1.2\x00" ITEM_END SEQ_END,
         IM,
         "\x08\x00\x40\x11\x14\x00\x00\x00" ITEM("\x0c") "\x08\x00\x50\x11\x04\x00\x00\x00"
                                                         "1.2\x00"),
    FORM(
        "private sequence to implicit keeps to be one", LE,
        "\x09\x00\x10\x10"
        "SQ\x00\x00\x10\x00\x00\x00" ITEM("\x08") "\x09\x00\x11\x10"
                                                  "LO\x00\x00",
        IM,
        "\x09\x00\x10\x10\xff\xff\xff\xff" ITEM("\x08") "\x09\x00\x11\x10\x00\x00\x00\x00" SEQ_END),
    FORM("private sequence from implicit", IM,
         "\x09\x00\x10\x10\xff\xff\xff\xff" ITEM("\x0a") "\x09\x00\x11\x10\x02\x00\x00\x00"
                                                         "ab" SEQ_END,
         LE,
         "\x09\x00\x10\x10"
         "SQ\x00\x00\x16\x00\x00\x00" ITEM("\x0e") "\x09\x00\x11\x10"
                                                   "UN\x00\x00\x02\x00\x00\x00"
                                                   "ab"),
    FORM("empty private sequence", LE,
         "\x09\x00\x10\x10"
         "SQ\x00\x00\x00\x00\x00\x00",
         IM, "\x09\x00\x10\x10\x00\x00\x00\x00"),
    FORM("unknown and private become UN", IM,
         "\x09\x00\x10\x00\x02\x00\x00\x00"
         "A "
         "\x09\x00\x01\x10\x02\x00\x00\x00"
         "xy"
         "\x19\x00\x23\x01\x02\x00\x00\x00"
         "z ",
         LE,
         "\x09\x00\x10\x00"
         "LO\x02\x00"
         "A "
         "\x09\x00\x01\x10"
         "UN\x00\x00\x02\x00\x00\x00"
         "xy"
         "\x19\x00\x23\x01"
         "UN\x00\x00\x02\x00\x00\x00"
         "z "),
    FORM("UN keeps its bytes in big endian", IM,
         "\x09\x00\x01\x10\x02\x00\x00\x00"
         "xy",
         BE,
         "\x00\x09\x10\x01"
         "UN\x00\x00\x00\x00\x00\x02"
         "xy"),
    FORM("UN of undefined length becomes the sequence it is", LE,
         "\x09\x00\x10\x10"
         "UN\x00\x00\xff\xff\xff\xff" ITEM("\x0c") "\x08\x00\x50\x11\x04\x00\x00\x00"
                                                   "1.2\x00" SEQ_END,
         BE,
         "\x00\x09\x10\x10"
         "SQ\x00\x00\x00\x00\x00\x14"
         "\xff\xfe\xe0\x00\x00\x00\x00\x0c"
         "\x00\x08\x11\x50"
         "UI\x00\x04"
         "1.2\x00"),
    FORM("VR letters not of the standard become UN", LE,
         "\x08\x00\x70\x00"
         "??\x04\x00"
         "abcd",
         BE,
         "\x00\x08\x00\x70"
         "UN\x00\x00\x00\x00\x00\x04"
         "abcd"),
    FORM("implicit item inside explicit is put right", LE,
         "\x08\x00\x40\x11"
         "SQ\x00\x00\xff\xff\xff\xff" ITEM_U "\x08\x00\x50\x11\x04\x00\x00\x00"
         "1.2\x00" ITEM_END SEQ_END,
         BE,
         "\x00\x08\x11\x40"
         "SQ\x00\x00\x00\x00\x00\x14"
         "\xff\xfe\xe0\x00\x00\x00\x00\x0c"
         "\x00\x08\x11\x50"
         "UI\x00\x04"
         "1.2\x00"),
    FORM("odd lengths are padded by VR", LE,
         "\x08\x00\x18\x00"
         "UI\x03\x00"
         "1.2"
         "\x10\x00\x10\x00"
         "PN\x03\x00"
         "A^B",
         IM,
         "\x08\x00\x18\x00\x04\x00\x00\x00"
         "1.2\x00"
         "\x10\x00\x10\x00\x04\x00\x00\x00"
         "A^B "),
    FORM("group lengths go", LE,
         "\x08\x00\x00\x00"
         "UL\x04\x00\x0a\x00\x00\x00"
         "\x08\x00\x60\x00"
         "CS\x02\x00"
         "CT",
         IM,
         "\x08\x00\x60\x00\x02\x00\x00\x00"
         "CT"),
    FORM("that of a command stays", IM,
         "\x00\x00\x00\x00\x04\x00\x00\x00\x0a\x00\x00\x00"
         "\x08\x00\x60\x00\x02\x00\x00\x00"
         "CT",
         LE,
         "\x00\x00\x00\x00"
         "UL\x04\x00\x0a\x00\x00\x00"
         "\x08\x00\x60\x00"
         "CS\x02\x00"
         "CT"),
    FORM("US or SS by Pixel Representation, from around the item", IM,
         "\x28\x00\x03\x01\x02\x00\x00\x00\x01\x00"
         "\x28\x00\x00\x30\x16\x00\x00\x00" ITEM(
             "\x0e") "\x28\x00\x02\x30\x06\x00\x00\x00\x01\x00\xfe\xff\x10\x00",
         LE,
         "\x28\x00\x03\x01"
         "US\x02\x00\x01\x00"
         "\x28\x00\x00\x30"
         "SQ\x00\x00\x16\x00\x00\x00" ITEM("\x0e") "\x28\x00\x02\x30"
                                                   "SS\x06\x00\x01\x00\xfe\xff\x10\x00"),
    FORM("trailing zeros go", LE,
         "\x08\x00\x60\x00"
         "CS\x02\x00"
         "CT\x00\x00\x00",
         IM,
         "\x08\x00\x60\x00\x02\x00\x00\x00"
         "CT"),
};

static void test_forms(void **state) {
    (void)state;
    struct arena a;
    struct buf out;
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUTPUT_BYTES);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const struct form *f = &forms[i];
        struct slice bytes = slice_of(f->bytes, f->len);
        struct dcm_dataset *d = read_all(&a, bytes, f->from);
        write_all(d, f->from, &out);
        check_bytes(f->name, buf_slice(&out), bytes);
        write_all(d, f->to, &out);
        check_bytes(f->name, buf_slice(&out), slice_of(f->wanted, f->wanted_len));
    }
    buf_done(&out);
    arena_done(&a);
}

// --- changes beside what stays ---

#define BEFORE                                                                                     \
    "\x08\x00\x40\x11"                                                                             \
    "SQ\x00\x00\xff\xff\xff\xff" ITEM_U "\x08\x00\x50\x11"                                         \
    "UI\x04\x00"                                                                                   \
    "1.2\x00" ITEM_END
#define SECOND                                                                                     \
    ITEM_U "\x08\x00\x50\x11"                                                                      \
           "UI\x04\x00"                                                                            \
           "1.3\x00" ITEM_END SEQ_END
#define AFTER                                                                                      \
    "\x10\x00\x10\x00"                                                                             \
    "PN\x03\x00"                                                                                   \
    "A^B"                                                                                          \
    "\xe0\x7f\x10\x00"                                                                             \
    "OB\x00\x00\xff\xff\xff\xff" ITEM("\x00") ITEM("\x03") "abc" SEQ_END

static void test_untouched_stays(void **state) {
    (void)state;
    struct arena a;
    struct buf out;
    struct err e = {0};
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUTPUT_BYTES);
    struct dcm_dataset *d = read_all(&a, BYTES(BEFORE SECOND AFTER), LE);
    assert_int_equal(dcm_put_str(d, 0x00100020, DCM_VR_LO, "id", &e), E_OK);
    write_all(d, LE, &out);
    check_bytes("element added", buf_slice(&out),
                BYTES(BEFORE SECOND "\x10\x00\x10\x00"
                                    "PN\x03\x00"
                                    "A^B"
                                    "\x10\x00\x20\x00"
                                    "LO\x02\x00"
                                    "id"
                                    "\xe0\x7f\x10\x00"
                                    "OB\x00\x00\xff\xff\xff\xff" ITEM("\x00")
                                        ITEM("\x03") "abc" SEQ_END));
    assert_true(dcm_remove(d, 0x00100020));
    write_all(d, LE, &out);
    check_bytes("element removed again", buf_slice(&out), BYTES(BEFORE SECOND AFTER));
    struct dcm_dataset *item = d->nodes[0].items[1];
    assert_int_equal(dcm_put_str(item, 0x00081155, DCM_VR_UI, "9", &e), E_OK);
    write_all(d, LE, &out);
    check_bytes(
        "item changed", buf_slice(&out),
        BYTES("\x08\x00\x40\x11"
              "SQ\x00\x00\x32\x00\x00\x00" ITEM("\x0c") "\x08\x00\x50\x11"
                                                        "UI\x04\x00"
                                                        "1.2\x00" ITEM("\x16") "\x08\x00\x50\x11"
                                                                               "UI\x04\x00"
                                                                               "1.3\x00"
                                                                               "\x08\x00\x55\x11"
                                                                               "UI\x02\x00"
                                                                               "9\x00" AFTER));
    buf_done(&out);
    arena_done(&a);
}

// An item that ran over its sequence is not copied into a data set that goes on behind it, wherever
// it lies.
#define UID_                                                                                       \
    "\x08\x00\x50\x11"                                                                             \
    "UI\x04\x00"                                                                                   \
    "1.2\x00"
#define NAME                                                                                       \
    "\x10\x00\x10\x00"                                                                             \
    "PN\x02\x00"                                                                                   \
    "A "
#define OUTER                                                                                      \
    "\x08\x00\x15\x11"                                                                             \
    "SQ\x00\x00\x28\x00\x00\x00" ITEM("\x20")
#define INNER                                                                                      \
    "\x08\x00\x40\x11"                                                                             \
    "SQ\x00\x00\x14\x00\x00\x00"

static void test_overrun_is_put_right(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *wanted;
        size_t wanted_len;
    } rows[] = {
        {INNER ITEM("\x24") UID_, sizeof(INNER ITEM("\x24") UID_) - 1, INNER ITEM("\x0c") UID_ NAME,
         sizeof(INNER ITEM("\x0c") UID_ NAME) - 1},
        {OUTER INNER ITEM("\x24") UID_, sizeof(OUTER INNER ITEM("\x24") UID_) - 1,
         OUTER INNER ITEM("\x0c") UID_ NAME, sizeof(OUTER INNER ITEM("\x0c") UID_ NAME) - 1},
    };
    struct arena a;
    struct buf out;
    struct err e = {0};
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUTPUT_BYTES);
    for (size_t i = 0; i < 2; i++) {
        struct dcm_dataset *d = read_all(&a, slice_of(rows[i].bytes, rows[i].len), LE);
        assert_true(d->guessed);
        write_all(d, LE, &out);
        check_bytes("overrun, unchanged", buf_slice(&out), slice_of(rows[i].bytes, rows[i].len));
        assert_int_equal(dcm_put_str(d, 0x00100010, DCM_VR_PN, "A", &e), E_OK);
        write_all(d, LE, &out);
        check_bytes("overrun", buf_slice(&out), slice_of(rows[i].wanted, rows[i].wanted_len));
    }
    buf_done(&out);
    arena_done(&a);
}

// PS3.5 6.2.2: what a 16-bit length cannot say is UN, with little-endian bytes.
static void test_long_values(void **state) {
    (void)state;
    static const struct {
        enum dcm_encoding to;
        const char *header;
        size_t header_len;
    } rows[] = {{LE,
                 "\x28\x00\x00\x12"
                 "UN\x00\x00\x70\x11\x01\x00",
                 12},
                {BE,
                 "\x00\x28\x12\x00"
                 "UN\x00\x00\x00\x01\x11\x70",
                 12},
                {IM, "\x28\x00\x00\x12\x70\x11\x01\x00", 8}};
    static uint8_t value[70000];
    struct arena a;
    struct buf out;
    struct buf in;
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUTPUT_BYTES);
    buf_init(&in, OUTPUT_BYTES);
    for (size_t i = 0; i < sizeof value; i++) {
        value[i] = (uint8_t)(i * 7);
    }
    buf_put(&in, "\x28\x00\x00\x12\x70\x11\x01\x00", 8); // US from the dictionary
    buf_put(&in, value, sizeof value);
    for (size_t i = 0; i < 3; i++) {
        struct dcm_dataset *d = read_all(&a, buf_slice(&in), IM);
        assert_int_equal(d->nodes[0].vr, DCM_VR_US);
        write_all(d, rows[i].to, &out);
        assert_int_equal(out.len, rows[i].header_len + sizeof value);
        assert_memory_equal(out.data, rows[i].header, rows[i].header_len);
        assert_memory_equal(out.data + rows[i].header_len, value, sizeof value);
        struct dcm_dataset *again = read_all(&a, buf_slice(&out), rows[i].to);
        int64_t number = 0;
        assert_true(dcm_int(again, 0x00281200, 3, &number));
        assert_int_equal(number, value[6] | value[7] << 8);
    }
    buf_done(&in);
    buf_done(&out);
    arena_done(&a);
}

static void test_refusals(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    static const struct {
        const char *bytes;
        size_t len;
        enum dcm_encoding from;
        enum dcm_encoding to;
        int code;
        const char *path;
        const char *text;
    } rows[] = {
        {"\xe0\x7f\x10\x00"
         "OB\x00\x00\xff\xff\xff\xff" SEQ_END,
         20, LE, BE, E_UNSUPPORTED, "(7FE0,0010)", "encapsulated pixel data"},
        {"\xe0\x7f\x10\x00"
         "OB\x00\x00\xff\xff\xff\xff" SEQ_END,
         20, LE, IM, E_UNSUPPORTED, "(7FE0,0010)", "encapsulated pixel data"},
        {"\x08\x00\x40\x11"
         "LO\x02\x00"
         "ab",
         10, LE, IM, E_VALUE, "(0008,1140)", "no sequence"},
        {"\x10\x00\x10\x00"
         "SQ\x00\x00\x08\x00\x00\x00" ITEM("\x00"),
         20, LE, IM, E_VALUE, "(0010,0010)", "a sequence with this tag"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        struct buf out;
        uint64_t length;
        buf_init(&out, OUTPUT_BYTES);
        struct dcm_dataset *d = read_all(&a, slice_of(rows[i].bytes, rows[i].len), rows[i].from);
        assert_int_equal(dcm_write(d, rows[i].to, dcm_sink_buf(&out), &e), rows[i].code);
        assert_int_equal(out.len, 0); // refused before anything is written
        assert_string_equal(e.path, rows[i].path);
        assert_non_null(strstr(e.text, rows[i].text));
        assert_int_equal(dcm_write_length(d, rows[i].to, &length, &e), rows[i].code);
        buf_done(&out);
    }
    struct err e = {0};
    struct dcm_dataset *top = dcm_dataset_new(&a, LE);
    struct dcm_dataset *d = top;
    for (int i = 0; i < DCM_NESTING_MAX + 1; i++) {
        assert_int_equal(dcm_add_item(d, 0x0040A730, &d, &e), E_OK);
    }
    uint64_t length;
    assert_int_equal(dcm_write_length(top, LE, &length, &e), E_NESTING);
    arena_done(&a);
}

static int full(void *context, struct slice bytes, struct err *e) {
    size_t *left = context;
    if (bytes.len > *left) {
        return err_set(e, E_FULL, "no room");
    }
    *left -= bytes.len;
    return E_OK;
}

// Written by hand, deep, and many; a sink that fails; memory that fails.
static void test_made_by_hand(void **state) {
    (void)state;
    struct arena a;
    struct buf out;
    struct err e = {0};
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUTPUT_BYTES);
    struct dcm_dataset *top = dcm_dataset_new(&a, LE);
    struct dcm_dataset *d = top;
    for (int i = 0; i < DCM_NESTING_MAX; i++) {
        assert_int_equal(dcm_put_str(d, 0x00080100, DCM_VR_SH, "code", &e), E_OK);
        struct dcm_dataset *more;
        for (int k = 0; k < 3; k++) {
            assert_int_equal(dcm_add_item(d, 0x0040A730, &more, &e), E_OK);
        }
        d = more;
    }
    write_all(top, BE, &out);
    struct dcm_dataset *again = read_all(&a, buf_slice(&out), BE);
    struct buf second;
    buf_init(&second, OUTPUT_BYTES);
    write_all(again, LE, &second);
    write_all(top, LE, &out);
    check_bytes("there and back", buf_slice(&second), buf_slice(&out));
    size_t left = 20;
    assert_int_equal(dcm_write(top, LE, (struct dcm_sink){full, &left}, &e), E_FULL);
    int rc = E_MEMORY;
    for (size_t n = 0; rc != E_OK && n < 100; n++) {
        buf_clear(&second);
        mem_fail_after(n);
        rc = dcm_write(top, BE, dcm_sink_buf(&second), &e);
        mem_fail_after(MEM_FAIL_NEVER);
        assert_true(rc == E_OK || rc == E_MEMORY);
    }
    assert_int_equal(rc, E_OK);
    buf_done(&second);
    buf_done(&out);
    arena_done(&a);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversion),      cmocka_unit_test(test_forms),
        cmocka_unit_test(test_untouched_stays), cmocka_unit_test(test_overrun_is_put_right),
        cmocka_unit_test(test_long_values),     cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_made_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
