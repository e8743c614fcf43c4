// SPDX-License-Identifier: Apache-2.0
// The small parts of the archive: keys, words and lists, records of workers, bulk tables, joined
// segments.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "archive/bits.h"
#include "archive/bulk.h"
#include "archive/keys.h"
#include "archive/record.h"
#include "archive/segment.h"
#include "archive/words.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

static void test_keys(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t date, time, number;
    } rows[] = {
        {"", 0, -1, INT64_MAX},
        {"20260131", 20260131, -1, 20260131},
        {"1997.04.24", 19970424, -1, INT64_MAX},
        {"101500.5", 0, 36900500000, INT64_MAX},
        {"10:15:00", 0, 36900000000, INT64_MAX},
        {"000000", 0, 0, 0},
        {" -12 ", 0, -1, -12},
        {"3\\4", 0, -1, 3},
        {"99999999999999999999", 0, -1, INT64_MAX},
        {"rubbish", 0, -1, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice text = slice_str(rows[i].text);
        assert_int_equal(key_date(text), rows[i].date);
        assert_int_equal(key_time(text), rows[i].time);
        assert_int_equal(key_number(text), rows[i].number);
    }
}

static void check_fold(void (*fold)(struct buf *, struct slice), const char *text,
                       const char *expect) {
    struct buf out;
    buf_init(&out, 1000);
    fold(&out, slice_str(text));
    buf_put_byte(&out, 0);
    assert_string_equal((const char *)out.data, expect);
    buf_done(&out);
}

static void test_folding(void **state) {
    (void)state;
    check_fold(key_fold, "  Größe\t\n  ÉTÉ ", "grosse ete");
    check_fold(key_fold, "", "");
    check_fold(key_name, "Doe^Jane^^^", "doe^jane");
    check_fold(key_name, "Doe ^ Jane^^Dr", "doe^jane^^dr");
    check_fold(key_name, "Yamada^Tarou=山田^太郎^=", "yamada^tarou=山田^太郎");
    check_fold(key_name, "=山田", "=山田");
    check_fold(key_name, "A^B\\C^^", "a^b\\c");
    check_fold(key_name, "^^^", "");
}

static void put_word(struct slice word, void *context) {
    struct buf *out = context;
    buf_put_slice(out, word);
    buf_put_byte(out, '|');
}

static void test_words(void **state) {
    (void)state;
    struct buf out;
    char longest[200];
    buf_init(&out, 1000);
    key_words(slice_str("doe^jane, ct-2026; 山田 ..x"), put_word, &out);
    assert_true(slice_eq_str(buf_slice(&out), "doe|jane|ct|2026|山田|x|"));
    buf_clear(&out);
    memset(longest, 'a', sizeof longest);
    memcpy(longest + KEY_WORD_MAX - 1, "é", 2); // the cut does not go through a character
    key_words(slice_of(longest, sizeof longest), put_word, &out);
    assert_int_equal(out.len, KEY_WORD_MAX - 1 + 1);
    buf_done(&out);
}

static void test_lists(void **state) {
    (void)state;
    static const struct {
        const char *list, *value, *expect; // NULL: in it already
    } rows[] = {
        {"", "CT", "CT"}, {"CT", "MR", "CT\\MR"},       {"CT\\MR", "MR", NULL},
        {"", "", NULL},   {"CT\\MR", "C", "CT\\MR\\C"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;
        buf_init(&out, 100);
        bool added = words_list_add(slice_str(rows[i].list), slice_str(rows[i].value), &out);
        assert_int_equal(added, rows[i].expect != NULL);
        if (added) {
            assert_true(slice_eq_str(buf_slice(&out), rows[i].expect));
        }
        buf_done(&out);
    }
}

static void test_bits(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 16);
    struct bits every = {0};
    struct bits odd = bits_new(&a, 100);
    struct bits third = bits_new(&a, 200);
    for (int64_t i = 0; i < 300; i++) {
        if (i % 2 == 1) {
            bits_set(&odd, i);
        }
        if (i % 3 == 0) {
            bits_set(&third, i);
        }
    }
    bits_set(&odd, -1);
    assert_true(bits_has(&every, 5) && !bits_has(&odd, -1) && !bits_has(&odd, 1000));
    bits_and(&odd, &every);
    bits_and(&odd, &third);
    bits_and(&every, &odd);
    for (int64_t i = 0; i < 100; i++) {
        assert_int_equal(bits_has(&every, i), i % 6 == 3);
    }
    assert_int_equal(bits_count(&every), 21); // 3, 9 … 123: room goes by whole words
    arena_done(&a);
}

static struct record whole_record(struct buf *segment) {
    struct err e = {0};
    struct record r = {.report.verdict = GATE_RELEASED, .body_offset = 300, .has_pixels = true};
    for (size_t i = 0; i < ATTRIBUTE_EXTRACTED; i++) {
        r.texts[i] = slice_str("");
    }
    r.texts[ATTRIBUTE_study_uid] = slice_str("1.2");
    r.texts[ATTRIBUTE_series_uid] = slice_str("1.2.3");
    r.texts[ATTRIBUTE_sop_instance] = slice_str("1.2.3.4");
    r.texts[ATTRIBUTE_sop_class] = slice_str("1.2.840.10008.5.1.4.1.1.2");
    r.texts[ATTRIBUTE_patient_name] = slice_str("Müller^Hans");
    r.syntax = slice_str("1.2.840.10008.1.2.1");
    assert_int_equal(segment_make(slice_str("{}"), segment, &e), E_OK);
    r.metadata = buf_slice(segment);
    r.metadata_len = 2;
    gate_note(&r.report, GATE_REASON_ODDITY, NULL);
    return r;
}

static void test_record(void **state) {
    (void)state;
    struct buf segment, out;
    struct record back;
    struct err e = {0};
    buf_init(&segment, 1000);
    buf_init(&out, 100000);
    struct record r = whole_record(&segment);
    record_write(&r, &out);
    assert_int_equal(record_read(buf_slice(&out), &back, &e), E_OK);
    assert_true(slice_eq_str(back.texts[ATTRIBUTE_patient_name], "Müller^Hans"));
    assert_int_equal(back.report.finding_count, 1);
    assert_int_equal(back.body_offset, 300);
    // Cut anywhere, or longer than it says: nonsense.
    for (size_t len = 0; len < out.len; len++) {
        assert_int_equal(record_read(slice_of(out.data, len), &back, &e), E_CRASHED);
    }
    buf_put_byte(&out, 0);
    assert_int_equal(record_read(buf_slice(&out), &back, &e), E_CRASHED);
    buf_done(&segment);
    buf_done(&out);
}

static void test_lying_record(void **state) {
    (void)state;
    static const char *const names[] = {"", "1..2", "../../etc/passwd", "1.2' OR '1'='1"};
    for (size_t i = 0; i < sizeof names / sizeof names[0] + 3; i++) {
        struct buf segment, out;
        struct record back;
        struct err e = {0};
        buf_init(&segment, 1000);
        buf_init(&out, 100000);
        struct record r = whole_record(&segment);
        size_t rows = sizeof names / sizeof names[0];
        if (i < rows) {
            r.texts[ATTRIBUTE_sop_instance] = slice_str(names[i]);
        } else if (i == rows) {
            r.texts[ATTRIBUTE_patient_name] = slice_str("\xFF\xFE no UTF-8");
        } else if (i == rows + 1) {
            r.texts[ATTRIBUTE_patient_name] = slice_of("a\0b", 3);
        } else {
            r.report.verdict = GATE_REFUSED; // without a reason
        }
        record_write(&r, &out);
        assert_int_equal(record_read(buf_slice(&out), &back, &e), E_CRASHED);
        buf_done(&segment);
        buf_done(&out);
    }
}

static void test_bulk(void **state) {
    (void)state;
    struct buf table;
    struct err e = {0};
    struct bulk_entry entry;
    const struct bulk_entry put[] = {
        {slice_str("7FE00010"), 1000, 524288, true},
        {slice_str("00540100/1/00880200/0/7FE00010"), UINT64_MAX, 0, false},
    };
    buf_init(&table, 1000);
    bulk_put(&table, &put[0]);
    bulk_put(&table, &put[1]);
    struct slice rest = buf_slice(&table);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(bulk_next(&rest, &entry, &e), 1);
        assert_true(slice_eq(entry.path, put[i].path));
        assert_true(entry.offset == put[i].offset && entry.len == put[i].len);
        assert_int_equal(entry.fragments, put[i].fragments);
    }
    assert_int_equal(bulk_next(&rest, &entry, &e), 0);
    rest = slice_of(table.data, 10);
    assert_int_equal(bulk_next(&rest, &entry, &e), E_CORRUPT);
    buf_done(&table);
}

// Any number of segments, in any order, makes one gzip member that zlib reads.
static void test_segments(void **state) {
    (void)state;
    struct buf parts[5], plain, joined, out;
    struct err e = {0};
    struct segment_join j;
    buf_init(&plain, 1 << 20);
    buf_init(&joined, 1 << 20);
    buf_init(&out, 1 << 20);
    segment_begin(&j, &joined);
    for (int i = 0; i < 5; i++) {
        char text[4000];
        int len = snprintf(text, sizeof text, "{\"n\":%d,\"fill\":\"%0*d\"}", i, i * 700 + 1, i);
        struct slice s = slice_of(text, (size_t)len);
        buf_init(&parts[i], 1 << 16);
        assert_int_equal(segment_make(s, &parts[i], &e), E_OK);
        segment_text(&j, slice_str(i == 0 ? "[" : ","));
        segment_add(&j, buf_slice(&parts[i]), segment_crc(s), s.len);
        buf_put_str(&plain, i == 0 ? "[" : ",");
        buf_put_slice(&plain, s);
        buf_clear(&out);
        assert_int_equal(segment_inflate(buf_slice(&parts[i]), segment_crc(s), s.len, &out, &e),
                         E_OK);
        assert_true(slice_eq(buf_slice(&out), s));
        assert_int_equal(segment_inflate(buf_slice(&parts[i]), 1, s.len, &out, &e), E_CORRUPT);
        assert_int_equal(segment_inflate(buf_slice(&parts[i]), segment_crc(s), s.len + 1, &out, &e),
                         E_CORRUPT);
        assert_int_equal(out.len, s.len);
    }
    segment_text(&j, slice_str("]"));
    segment_end(&j);
    buf_put_str(&plain, "]");
    z_stream z = {0};
    buf_clear(&out);
    uint8_t *to = buf_extend(&out, 1 << 18);
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = joined.data;
    z.avail_in = (uInt)joined.len;
    z.next_out = to;
    z.avail_out = 1 << 18;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    assert_true(slice_eq(slice_of(to, z.total_out), buf_slice(&plain)));
    inflateEnd(&z);
    for (int i = 0; i < 5; i++) {
        buf_done(&parts[i]);
    }
    buf_done(&plain);
    buf_done(&joined);
    buf_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),     cmocka_unit_test(test_folding),
        cmocka_unit_test(test_words),    cmocka_unit_test(test_lists),
        cmocka_unit_test(test_bits),     cmocka_unit_test(test_record),
        cmocka_unit_test(test_bulk),     cmocka_unit_test(test_lying_record),
        cmocka_unit_test(test_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
