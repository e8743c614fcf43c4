// SPDX-License-Identifier: Apache-2.0
// The tree: built from bytes, looked up, read by type, changed; parents know; memory may fail
// anywhere.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "dicom/dataset.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define BYTES(text) slice_of(text, sizeof(text) - 1)

#define HEAD                                                                                       \
    "\x08\x00\x08\x00"                                                                             \
    "CS\x18\x00"                                                                                   \
    "ORIGINAL\\PRIMARY\\ AXIAL "                                                                   \
    "\x08\x00\x18\x00"                                                                             \
    "UI\x04\x00"                                                                                   \
    "1.2\x00"
#define SEQUENCE                                                                                   \
    "\x08\x00\x40\x11"                                                                             \
    "SQ\x00\x00\xff\xff\xff\xff"                                                                   \
    "\xfe\xff\x00\xe0\x0c\x00\x00\x00"                                                             \
    "\x08\x00\x50\x11"                                                                             \
    "UI\x04\x00"                                                                                   \
    "1.2\x00"                                                                                      \
    "\xfe\xff\x00\xe0\x22\x00\x00\x00"                                                             \
    "\x40\x00\x70\xa1"                                                                             \
    "SQ\x00\x00\x16\x00\x00\x00"                                                                   \
    "\xfe\xff\x00\xe0\x0e\x00\x00\x00"                                                             \
    "\x08\x00\x00\x01"                                                                             \
    "SH\x06\x00"                                                                                   \
    "121327"                                                                                       \
    "\xfe\xff\xdd\xe0\x00\x00\x00\x00"
#define PRIVATE                                                                                    \
    "\x09\x00\x10\x00"                                                                             \
    "LO\x06\x00"                                                                                   \
    "FIRST "                                                                                       \
    "\x09\x00\x11\x00"                                                                             \
    "LO\x06\x00"                                                                                   \
    "SECOND"                                                                                       \
    "\x09\x00\x01\x10"                                                                             \
    "LO\x02\x00"                                                                                   \
    "a "                                                                                           \
    "\x09\x00\x01\x11"                                                                             \
    "LO\x02\x00"                                                                                   \
    "b "
#define TAIL                                                                                       \
    "\x10\x00\x10\x00"                                                                             \
    "PN\x04\x00"                                                                                   \
    "A^B "                                                                                         \
    "\x28\x00\x10\x00"                                                                             \
    "US\x02\x00"                                                                                   \
    "\x00\x02"                                                                                     \
    "\xe0\x7f\x10\x00"                                                                             \
    "OW\x00\x00\x04\x00\x00\x00"                                                                   \
    "\x01\x00\x02\x80"
static const char whole[] = HEAD SEQUENCE PRIVATE TAIL;

static struct dcm_dataset *read_all(struct arena *a, struct slice bytes,
                                    enum dcm_encoding encoding) {
    struct dcm_dataset *d = NULL;
    struct err e = {0};
    assert_int_equal(dcm_dataset_read(a, bytes, encoding, 0, 0, &d, NULL, &e), E_OK);
    return d;
}

static void check_text(const struct dcm_dataset *d, dcm_tag tag, uint32_t index, const char *text) {
    struct slice s;
    bool found = dcm_text(d, tag, index, &s);
    assert_int_equal(found, text != NULL);
    if (found && !slice_eq_str(s, text)) {
        fail_msg("(%08X)[%u] is \"%.*s\", not \"%s\"", tag, index, (int)s.len, (const char *)s.ptr,
                 text);
    }
}

static void test_tree(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    struct dcm_dataset *d = read_all(&a, BYTES(whole), DCM_EXPLICIT_LE);
    assert_int_equal(d->count, 10);
    assert_true(d->sorted && !d->changed && d->parent == NULL);
    assert_int_equal(d->raw.len, sizeof whole - 1);
    const struct dcm_node *sequence = dcm_get(d, DCM_TAG(0x0008, 0x1140));
    assert_non_null(sequence);
    assert_true(sequence->undefined && sequence->vr == DCM_VR_SQ);
    assert_int_equal(sequence->item_count, 2);
    assert_int_equal(sequence->raw.len, sizeof SEQUENCE - 1);
    assert_ptr_equal(dcm_item(sequence, 1)->parent, d);
    assert_null(dcm_item(sequence, 2));
    assert_null(dcm_item(NULL, 0));
    const struct dcm_dataset *inner =
        dcm_first_item(dcm_item(sequence, 1), DCM_TAG(0x0040, 0xA170));
    check_text(inner, DCM_TAG(0x0008, 0x0100), 0, "121327");
    assert_int_equal(inner->raw.len, 14);
    assert_ptr_equal(inner->parent, dcm_item(sequence, 1));
    assert_null(dcm_first_item(d, DCM_TAG(0x0040, 0xA170)));
    const struct dcm_node *name = dcm_get(d, DCM_TAG(0x0010, 0x0010));
    assert_int_equal(name->offset, sizeof(HEAD SEQUENCE PRIVATE) - 1);
    assert_int_equal(name->raw.len, 12);
    assert_null(dcm_get(d, DCM_TAG(0x0010, 0x0011)));
    assert_null(dcm_get(d, DCM_TAG(0x0000, 0x0001)));
    assert_null(dcm_get(d, DCM_TAG(0xFFFF, 0xFFFF)));
    arena_done(&a);
}

static void test_private(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    struct dcm_dataset *d = read_all(&a, BYTES(whole), DCM_EXPLICIT_LE);
    static const struct {
        const char *creator;
        uint8_t element;
        const char *value;
    } rows[] = {{"FIRST", 1, "a"},
                {"SECOND", 1, "b"},
                {"SECOND", 2, NULL},
                {"THIRD", 1, NULL},
                {"FIRS", 1, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct dcm_node *n = dcm_get_private(d, 9, rows[i].creator, rows[i].element);
        struct slice s = {0};
        assert_int_equal(n != NULL, rows[i].value != NULL);
        if (n != NULL) {
            assert_true(dcm_node_text(n, 0, &s) && slice_eq_str(s, rows[i].value));
        }
    }
    assert_null(dcm_get_private(d, 11, "FIRST", 1));
    arena_done(&a);
}

// Unordered and doubled elements: the first of a tag is the one found.
static void test_unordered(void **state) {
    (void)state;
    static const char bytes[] = "\x10\x00\x20\x00"
                                "LO\x02\x00"
                                "ab"
                                "\x10\x00\x10\x00"
                                "PN\x02\x00"
                                "A "
                                "\x10\x00\x10\x00"
                                "PN\x02\x00"
                                "B ";
    static const char twice[] = "\x10\x00\x10\x00"
                                "PN\x02\x00"
                                "A "
                                "\x10\x00\x10\x00"
                                "PN\x02\x00"
                                "B "
                                "\x10\x00\x20\x00"
                                "LO\x02\x00"
                                "ab";
    struct arena a;
    struct err e = {0};
    arena_init(&a, ARENA_BYTES);
    struct dcm_dataset *d = read_all(&a, BYTES(bytes), DCM_EXPLICIT_LE);
    assert_false(d->sorted);
    check_text(d, DCM_TAG(0x0010, 0x0010), 0, "A");
    assert_int_equal(dcm_put_str(d, DCM_TAG(0x0010, 0x0010), DCM_VR_PN, "C", &e), E_OK);
    assert_int_equal(d->count, 2); // the second copy has gone
    check_text(d, DCM_TAG(0x0010, 0x0010), 0, "C");
    d = read_all(&a, BYTES(twice), DCM_EXPLICIT_LE);
    assert_true(d->sorted);
    check_text(d, DCM_TAG(0x0010, 0x0010), 0, "A");
    assert_true(dcm_remove(d, DCM_TAG(0x0010, 0x0010)));
    assert_int_equal(d->count, 1);
    arena_done(&a);
}

static void test_text(void **state) {
    (void)state;
    struct arena a;
    struct err e = {0};
    arena_init(&a, ARENA_BYTES);
    struct dcm_dataset *d = read_all(&a, BYTES(whole), DCM_EXPLICIT_LE);
    static const struct {
        enum dcm_vr vr;
        const char *stored;
        uint32_t count;
        const char *first;
        const char *second;
    } rows[] = {
        {DCM_VR_LO, "a\\b", 2, "a", "b"},         {DCM_VR_LO, " a \\ b ", 2, "a", "b"},
        {DCM_VR_LO, "", 0, NULL, NULL},           {DCM_VR_LO, "  ", 0, NULL, NULL},
        {DCM_VR_LO, "\\b", 2, NULL, "b"},         {DCM_VR_LO, "a\\", 2, "a", NULL},
        {DCM_VR_ST, " a\\b ", 1, " a\\b", NULL},  {DCM_VR_UT, "a\\b", 1, "a\\b", NULL},
        {DCM_VR_LT, "  x", 1, "  x", NULL},       {DCM_VR_UC, " a\\b", 2, " a", "b"},
        {DCM_VR_UI, "1.2\\1.3", 2, "1.2", "1.3"}, {DCM_VR_CS, "CT", 1, "CT", NULL},
        {DCM_VR_OB, "ab", 2, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dcm_tag tag = DCM_TAG(0x0011, 0x1001);
        assert_int_equal(dcm_put_str(d, tag, rows[i].vr, rows[i].stored, &e), E_OK);
        assert_int_equal(dcm_value_count(dcm_get(d, tag)), rows[i].count);
        check_text(d, tag, 0, rows[i].first);
        check_text(d, tag, 1, rows[i].second);
        check_text(d, tag, 2, NULL);
    }
    check_text(d, DCM_TAG(0x0008, 0x0008), 2, "AXIAL");
    assert_int_equal(dcm_value_count(NULL), 0);
    arena_done(&a);
}

// Every whole-number VR there and back, in both byte orders.
static void test_ints(void **state) {
    (void)state;
    static const struct {
        enum dcm_vr vr;
        int64_t value;
        int code;
    } rows[] = {
        {DCM_VR_US, 0, E_OK},
        {DCM_VR_US, 65535, E_OK},
        {DCM_VR_US, 65536, E_VALUE},
        {DCM_VR_US, -1, E_VALUE},
        {DCM_VR_SS, -32768, E_OK},
        {DCM_VR_SS, 32768, E_VALUE},
        {DCM_VR_UL, 4294967295, E_OK},
        {DCM_VR_UL, 4294967296, E_VALUE},
        {DCM_VR_SL, -2147483648, E_OK},
        {DCM_VR_SL, 2147483648, E_VALUE},
        {DCM_VR_UV, INT64_MAX, E_OK},
        {DCM_VR_UV, -1, E_VALUE},
        {DCM_VR_SV, INT64_MIN, E_OK},
        {DCM_VR_AT, 0x00100020, E_OK},
        {DCM_VR_IS, -2147483648, E_OK},
        {DCM_VR_IS, 2147483648, E_VALUE},
        {DCM_VR_DS, -99999999999999, E_OK},
        {DCM_VR_DS, 9999999999999999, E_VALUE},
        {DCM_VR_LO, 1, E_VALUE},
        {DCM_VR_FD, 1, E_VALUE},
    };
    static const enum dcm_encoding encodings[] = {DCM_IMPLICIT_LE, DCM_EXPLICIT_LE,
                                                  DCM_EXPLICIT_BE};
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    for (size_t i = 0; i < 3 * sizeof rows / sizeof rows[0]; i++) {
        size_t row = i / 3;
        struct err e = {0};
        struct dcm_dataset *d = dcm_dataset_new(&a, encodings[i % 3]);
        int64_t values[2] = {1, rows[row].value};
        int64_t back = 77;
        dcm_tag tag = DCM_TAG(0x0011, 0x1001);
        assert_int_equal(dcm_put_ints(d, tag, rows[row].vr, values, 2, &e), rows[row].code);
        if (rows[row].code != E_OK) {
            assert_string_equal(e.path, "(0011,1001)");
            assert_null(dcm_get(d, tag));
            continue;
        }
        assert_true(dcm_int(d, tag, 1, &back));
        assert_true(back == rows[row].value);
        assert_true(dcm_int(d, tag, 0, &back) && back == 1);
        assert_false(dcm_int(d, tag, 2, &back));
        assert_int_equal(dcm_get(d, tag)->value.len % 2, 0);
        assert_int_equal(dcm_value_count(dcm_get(d, tag)), 2);
    }
    arena_done(&a);
}

static void test_at_bytes(void **state) {
    (void)state;
    static const int64_t tag = 0x00181063;
    static const struct {
        enum dcm_encoding encoding;
        const char *bytes;
    } rows[] = {{DCM_EXPLICIT_LE, "\x18\x00\x63\x10"}, {DCM_EXPLICIT_BE, "\x00\x18\x10\x63"}};
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    for (size_t i = 0; i < 2; i++) {
        struct err e = {0};
        struct dcm_dataset *d = dcm_dataset_new(&a, rows[i].encoding);
        assert_int_equal(dcm_put_ints(d, DCM_TAG(0x28, 9), DCM_VR_AT, &tag, 1, &e), E_OK);
        assert_memory_equal(dcm_get(d, DCM_TAG(0x28, 9))->value.ptr, rows[i].bytes, 4);
    }
    arena_done(&a);
}

// Numbers that text or bytes give, by VR and by the dictionary where UN was written.
static void test_numbers(void **state) {
    (void)state;
    static const struct {
        dcm_tag tag;
        enum dcm_vr vr;
        const char *bytes;
        size_t len;
        bool is_int;
        int64_t whole;
        bool is_double;
        double real;
    } rows[] = {
        {DCM_TAG(0x0020, 0x0013), DCM_VR_IS, "12 ", 3, true, 12, true, 12},
        {DCM_TAG(0x0020, 0x0013), DCM_VR_IS, "+7", 2, true, 7, true, 7},
        {DCM_TAG(0x0020, 0x0013), DCM_VR_IS, "x", 1, false, 0, false, 0},
        {DCM_TAG(0x0018, 0x0050), DCM_VR_DS, "1.5", 3, false, 0, true, 1.5},
        {DCM_TAG(0x0018, 0x0050), DCM_VR_DS, "512.0", 5, true, 512, true, 512},
        {DCM_TAG(0x0018, 0x0050), DCM_VR_DS, "-1.5E2", 6, true, -150, true, -150},
        {DCM_TAG(0x0018, 0x0050), DCM_VR_DS, "nan", 3, false, 0, false, 0},
        {DCM_TAG(0x0028, 0x0010), DCM_VR_UN, "\x00\x02", 2, true, 512, true, 512},
        {DCM_TAG(0x0018, 0x0050), DCM_VR_UN, "2.5 ", 4, false, 0, true, 2.5},
        {DCM_TAG(0x0009, 0x1001), DCM_VR_UN, "12", 2, false, 0, false, 0},
        {DCM_TAG(0x0028, 0x3006), DCM_VR_OW, "\x01\x80", 2, true, 0x8001, true, 0x8001},
        {DCM_TAG(0x0009, 0x1001), DCM_VR_OB, "\xff", 1, true, 255, true, 255},
        {DCM_TAG(0x0009, 0x1001), DCM_VR_FL, "\x00\x00\xc0\x3f", 4, false, 0, true, 1.5},
        {DCM_TAG(0x0009, 0x1001), DCM_VR_US, "\x01", 1, false, 0, false, 0},
        {DCM_TAG(0x0009, 0x1001), DCM_VR_PN, "12", 2, false, 0, false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dcm_node n = {.tag = rows[i].tag,
                             .vr = rows[i].vr,
                             .encoding = DCM_EXPLICIT_LE,
                             .value = slice_of(rows[i].bytes, rows[i].len)};
        int64_t whole_number = 0;
        double real = 0;
        assert_int_equal(dcm_node_int(&n, 0, &whole_number), rows[i].is_int);
        assert_int_equal(dcm_node_double(&n, 0, &real), rows[i].is_double);
        assert_true(whole_number == rows[i].whole && real == rows[i].real);
    }
    int64_t value;
    double real;
    assert_false(dcm_node_int(NULL, 0, &value) || dcm_node_double(NULL, 0, &real));
}

static void test_doubles(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *ds;
    } rows[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {0.1, "0.1"},
        {1.0 / 3, "0.33333333333333"},
        {-1.0 / 3, "-0.3333333333333"},
        {123456789.123456789, "123456789.123457"},
        {1e22, "1e+22"},
        {-1.2345678901234e-100, "-1.23456789e-100"},
        {DBL_MAX, "1.797693135e+308"},
        {512, "512"},
        {-1024, "-1024"},
        {0.9765625, "0.9765625"},
    };
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        struct dcm_dataset *d = dcm_dataset_new(&a, DCM_EXPLICIT_BE);
        double pair[2] = {rows[i].value, 2.5};
        double back = 0;
        dcm_tag tag = DCM_TAG(0x0011, 0x1001);
        assert_int_equal(dcm_put_doubles(d, tag, DCM_VR_DS, pair, 2, &e), E_OK);
        check_text(d, tag, 0, rows[i].ds);
        check_text(d, tag, 1, "2.5");
        assert_int_equal(dcm_put_doubles(d, tag, DCM_VR_FD, pair, 2, &e), E_OK);
        assert_true(dcm_double(d, tag, 0, &back) && back == rows[i].value);
        assert_int_equal(dcm_put_doubles(d, tag, DCM_VR_FL, pair + 1, 1, &e), E_OK);
        assert_true(dcm_double(d, tag, 0, &back) && back == 2.5);
        assert_int_equal(dcm_put_doubles(d, tag, DCM_VR_US, pair, 1, &e), E_VALUE);
    }
    struct err e = {0};
    double bad = NAN;
    struct dcm_dataset *d = dcm_dataset_new(&a, DCM_EXPLICIT_LE);
    assert_int_equal(dcm_put_doubles(d, 0x00180050, DCM_VR_DS, &bad, 1, &e), E_VALUE);
    arena_done(&a);
}

// No number takes more than 16 characters, and the nearest of those that fit is kept.
static void test_ds_length(void **state) {
    (void)state;
    struct arena a;
    uint64_t bits = 1;
    arena_init(&a, ARENA_BYTES);
    for (int i = 0; i < 2000; i++) {
        struct err e = {0};
        struct slice text;
        double value;
        double back = 0;
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) {
            continue;
        }
        struct dcm_dataset *d = dcm_dataset_new(&a, DCM_EXPLICIT_LE);
        assert_int_equal(dcm_put_doubles(d, 0x00180050, DCM_VR_DS, &value, 1, &e), E_OK);
        assert_true(dcm_text(d, 0x00180050, 0, &text) && text.len <= 16);
        assert_true(num_parse_double(text, &back));
        assert_true(fabs(back - value) <= fabs(value) * 1e-8);
        arena_reset(&a);
    }
    arena_done(&a);
}

static void test_changes(void **state) {
    (void)state;
    struct arena a;
    struct err e = {0};
    arena_init(&a, ARENA_BYTES);
    struct dcm_dataset *d = read_all(&a, BYTES(whole), DCM_EXPLICIT_LE);
    const struct dcm_node *sequence = dcm_get(d, DCM_TAG(0x0008, 0x1140));
    struct dcm_dataset *inner = sequence->items[1]->nodes[0].items[0];
    assert_false(dcm_remove(inner, DCM_TAG(0x0010, 0x0010)));
    assert_false(d->changed);
    assert_int_equal(dcm_put_str(inner, DCM_TAG(0x0008, 0x0102), DCM_VR_SH, "DCM", &e), E_OK);
    assert_true(inner->changed && sequence->items[1]->changed && d->changed);
    assert_false(sequence->items[0]->changed);
    assert_int_equal(inner->count, 2);
    const struct dcm_node *n = dcm_get(inner, DCM_TAG(0x0008, 0x0102));
    assert_true(n->changed && n->value.len == 4 && n->value.ptr[3] == ' ');
    static const struct {
        dcm_tag tag;
        enum dcm_vr vr;
        size_t len;
        int code;
        uint8_t pad;
    } rows[] = {
        {0x00080018, DCM_VR_UI, 3, E_OK, 0},      {0x00100010, DCM_VR_PN, 3, E_OK, ' '},
        {0x00091002, DCM_VR_OB, 3, E_OK, 0},      {0x00091002, DCM_VR_UN, 3, E_OK, 0},
        {0x00091003, DCM_VR_US, 3, E_VALUE, 0},   {0x00091003, DCM_VR_AT, 6, E_VALUE, 0},
        {0x00091003, DCM_VR_LO, 65534, E_OK, 0},  {0x00091003, DCM_VR_LO, 65535, E_VALUE, 0},
        {0x00091003, DCM_VR_UT, 70000, E_OK, 0},  {0x00091003, DCM_VR_SQ, 2, E_VALUE, 0},
        {0x00091003, DCM_VR_NONE, 2, E_VALUE, 0}, {0x00000001, DCM_VR_LO, 0, E_OK, 0},
        {0xFFFFFFFF, DCM_VR_LO, 2, E_OK, 0},
    };
    static const uint8_t text[70001] = {'1'};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int rc = dcm_put(d, rows[i].tag, rows[i].vr, slice_of(text, rows[i].len), &e);
        assert_int_equal(rc, rows[i].code);
        n = dcm_get(d, rows[i].tag);
        if (rc == E_OK) {
            assert_true(n != NULL && n->value.len == (rows[i].len + 1) / 2 * 2);
            assert_true(rows[i].len % 2 == 0 || n->value.ptr[rows[i].len] == rows[i].pad);
        }
    }
    for (uint32_t i = 1; i < d->count; i++) {
        assert_true(d->nodes[i - 1].tag < d->nodes[i].tag);
    }
    arena_done(&a);
}

static void test_items(void **state) {
    (void)state;
    struct arena a;
    struct err e = {0};
    arena_init(&a, ARENA_BYTES);
    struct dcm_dataset *d = read_all(&a, BYTES(whole), DCM_EXPLICIT_LE);
    dcm_tag old = DCM_TAG(0x0008, 0x1140);
    dcm_tag fresh = DCM_TAG(0x0040, 0x0275);
    for (uint32_t i = 0; i < 100; i++) {
        int64_t value = i;
        struct dcm_dataset *item;
        assert_int_equal(dcm_add_item(d, i % 2 == 0 ? old : fresh, &item, &e), E_OK);
        assert_int_equal(dcm_put_ints(item, 0x00200013, DCM_VR_IS, &value, 1, &e), E_OK);
        assert_ptr_equal(item->parent, d);
    }
    assert_int_equal(dcm_get(d, old)->item_count, 52);
    assert_int_equal(dcm_get(d, fresh)->item_count, 50);
    check_text(dcm_item(dcm_get(d, old), 0), DCM_TAG(0x0008, 0x1150), 0, "1.2");
    int64_t value = 0;
    assert_true(dcm_int(dcm_item(dcm_get(d, fresh), 49), 0x00200013, 0, &value) && value == 99);
    assert_true(dcm_int(dcm_item(dcm_get(d, old), 51), 0x00200013, 0, &value) && value == 98);
    struct slice fragments[2] = {BYTES(""), BYTES("\xff\xd8\xff\xd9")};
    assert_int_equal(dcm_put_fragments(d, 0x7FE00010, DCM_VR_OB, fragments, 2, &e), E_OK);
    assert_int_equal(dcm_get(d, 0x7FE00010)->fragment_count, 2);
    assert_int_equal(dcm_put_fragments(d, 0x7FE00010, DCM_VR_UN, fragments, 2, &e), E_VALUE);
    arena_done(&a);
}

static void test_stop(void **state) {
    (void)state;
    struct arena a;
    struct err e = {0};
    struct dcm_dataset *d;
    arena_init(&a, ARENA_BYTES);
    size_t head = sizeof(HEAD SEQUENCE PRIVATE) - 1;
    struct slice cut = slice_of(whole, head + 3); // in the middle of a header
    assert_int_equal(dcm_dataset_read(&a, cut, DCM_EXPLICIT_LE, 0, 0x00100010, &d, NULL, &e),
                     E_TRUNCATED);
    cut.len = sizeof whole - 1 - 2; // pixel data cut
    assert_int_equal(dcm_dataset_read(&a, cut, DCM_EXPLICIT_LE, 0, 0x7FE00010, &d, NULL, &e), E_OK);
    assert_int_equal(d->count, 9);
    assert_int_equal(dcm_dataset_read(&a, cut, DCM_EXPLICIT_LE, 0, 0, &d, NULL, &e), E_TRUNCATED);
    arena_done(&a);
}

static int build_and_change(struct err *e) {
    struct arena a;
    struct dcm_dataset *d = NULL;
    arena_init(&a, ARENA_BYTES);
    int rc = dcm_dataset_read(&a, BYTES(whole), DCM_EXPLICIT_LE, 0, 0, &d, NULL, e);
    struct dcm_dataset *item;
    struct slice fragment = BYTES("ab");
    for (uint32_t i = 0; rc == E_OK && i < 300; i++) {
        rc = dcm_put_str(d, 0x00111000 + i, DCM_VR_LO, "0123456789012345678901234567890123456789",
                         e);
    }
    for (uint32_t i = 0; rc == E_OK && i < 100; i++) {
        rc = dcm_add_item(d, DCM_TAG(0x0008, 0x1140), &item, e);
    }
    if (rc == E_OK) {
        rc = dcm_put_fragments(d, 0x7FE00010, DCM_VR_OB, &fragment, 1, e);
    }
    arena_done(&a);
    return rc;
}

static void test_memory(void **state) {
    (void)state;
    int rc = E_MEMORY;
    size_t n = 0;
    for (; rc != E_OK && n < 1000; n++) {
        struct err e = {0};
        mem_fail_after(n);
        rc = build_and_change(&e);
        mem_fail_after(MEM_FAIL_NEVER);
        assert_true(rc == E_OK || (rc == E_MEMORY && e.code == E_MEMORY));
    }
    assert_true(n > 4 && n < 1000);
    struct arena small;
    struct err e = {0};
    struct dcm_dataset *d;
    arena_init(&small, 500);
    assert_int_equal(dcm_dataset_read(&small, BYTES(whole), DCM_EXPLICIT_LE, 0, 0, &d, NULL, &e),
                     E_LIMIT);
    assert_string_equal(e.text, "data set takes more than 500 bytes of memory");
    arena_done(&small);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),      cmocka_unit_test(test_private),
        cmocka_unit_test(test_unordered), cmocka_unit_test(test_text),
        cmocka_unit_test(test_ints),      cmocka_unit_test(test_at_bytes),
        cmocka_unit_test(test_numbers),   cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_ds_length), cmocka_unit_test(test_changes),
        cmocka_unit_test(test_items),     cmocka_unit_test(test_stop),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
