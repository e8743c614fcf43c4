// SPDX-License-Identifier: Apache-2.0
// Character sets: the examples of PS3.5 Annexes H, I, J and K both ways, every defined term, state
// resets (PS3.5 6.1.2.5.3), misspelt terms, and text that cannot be.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"

#define E_ "\x1b"

struct example {
    const char *terms;
    enum dcm_vr vr;
    const char *raw;
    const char *utf8;
    bool same_back; // encoding gives exactly `raw`
};

static const struct example examples[] = {
    {"", DCM_VR_PN, "Doe^John", "Doe^John", true},
    {"ISO_IR 100", DCM_VR_PN, "Buc^J\xe9r\xf4me", "Buc^Jérôme", true},
    {"ISO_IR 100", DCM_VR_PN,
     "\xc4neas^R\xfc"
     "diger",
     "Äneas^Rüdiger", true},
    {"ISO_IR 101", DCM_VR_LO, "Wa\xb3\xeasa", "Wałęsa", true},
    {"ISO_IR 109", DCM_VR_LO, "\xa9stanbul", "İstanbul", true},
    {"ISO_IR 110", DCM_VR_LO, "\xa2", "ĸ", true},
    {"ISO_IR 144", DCM_VR_PN,
     "\xbb\xee\xda"
     "ce\xdc\xd1yp\xd3",
     "Люкceмбypг", true},
    {"ISO_IR 127", DCM_VR_PN, "\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار", true},
    {"ISO_IR 126", DCM_VR_PN, "\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος", true},
    {"ISO_IR 138", DCM_VR_PN, "\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה", true},
    {"ISO_IR 148", DCM_VR_PN,
     "\xc7"
     "avu\xfeo\xf0lu",
     "Çavuşoğlu", true},
    {"ISO_IR 203", DCM_VR_LO, "10 \xa4 \xbd", "10 € œ", true},
    {"ISO_IR 166", DCM_VR_LO, "\xca\xc7\xd1\xca\xb4\xd5", "สวัสดี", true},
    {"ISO_IR 13", DCM_VR_PN, "\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ", true},
    {"ISO_IR 13", DCM_VR_ST,
     "\x5c"
     "500 \x7e",
     "¥500 ‾", true},
    {"ISO_IR 13", DCM_VR_LO, "\xb1\\\xb2", "ｱ\\ｲ", true},
    {"ISO_IR 192", DCM_VR_PN, "Wang^XiaoDong=王^小東=", "Wang^XiaoDong=王^小東=", true},
    {"GB18030", DCM_VR_PN,
     "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东=", true},
    {"GB18030", DCM_VR_LO, "\x81\x30\x81\x30\x90\x30\x81\x30", "\xc2\x80\xf0\x90\x80\x80", true},
    {"GBK", DCM_VR_LO, "\x81\x5c\\\x81\x5c", "乗\\乗", true},
    // Annex H.3
    {"\\ISO 2022 IR 87", DCM_VR_PN,
     "Yamada^Tarou=" E_ "$B;3ED" E_ "(B^" E_ "$BB@O:" E_ "(B=" E_ "$B$d$^$@" E_ "(B^" E_
     "$B$?$m$&" E_ "(B",
     "Yamada^Tarou=山田^太郎=やまだ^たろう", true},
    {"ISO 2022 IR 13\\ISO 2022 IR 87", DCM_VR_PN,
     "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=" E_ "$B;3ED" E_ "(J^" E_ "$BB@O:" E_ "(J=" E_ "$B$d$^$@" E_
     "(J^" E_ "$B$?$m$&" E_ "(J",
     "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", true},
    {"\\ISO 2022 IR 87\\ISO 2022 IR 159", DCM_VR_LO, "A" E_ "$B;3" E_ "$(D0!" E_ "(BZ", "A山丂Z",
     true},
    // Annex I
    {"\\ISO 2022 IR 149", DCM_VR_PN,
     "Hong^Gildong=" E_ "$)C\xfb\xf3^" E_ "$)C\xd1\xce\xd4\xd7=" E_ "$)C\xc8\xab^" E_
     "$)C\xb1\xe6\xb5\xbf",
     "Hong^Gildong=洪^吉洞=홍^길동", true},
    {"\\ISO 2022 IR 149", DCM_VR_LT, E_ "$)C\xb1\xe6 1\r\n" E_ "$)C\xb5\xbf", "길 1\r\n동", true},
    // Annex K
    {"\\ISO 2022 IR 58", DCM_VR_PN, "Zhang^XiaoDong=" E_ "$)A\xd5\xc5^" E_ "$)A\xd0\xa1\xb6\xab=",
     "Zhang^XiaoDong=张^小东=", true},
    // Latin and Cyrillic side by side, G1 gone again behind the caret
    {"ISO 2022 IR 100\\ISO 2022 IR 144", DCM_VR_PN, "\xe9" E_ "-L\xd0^\xe9", "éа^é", true},
    {"ISO 2022 IR 6\\ISO 2022 IR 100", DCM_VR_PN, E_ "-A\xe9^x", "é^x", true},
    // Read, but written otherwise: the state holds in one value, and is not announced twice
    {"\\ISO 2022 IR 149", DCM_VR_LO, E_ "$)C\xb1\xe6" E_ "$)C\xb5\xbf", "길동", false},
    {"ISO 2022 IR 100\\ISO 2022 IR 87", DCM_VR_LO, E_ "$B;3" E_ "(B\\\xe9", "山\\é", true},
    {"\\ISO 2022 IR 87", DCM_VR_LO, E_ "$@;3" E_ "(B", "山", false},
};

static void decode(const char *terms, enum dcm_vr vr, const char *raw, struct buf *out,
                   struct dcm_charset_report *report) {
    struct dcm_charset cs = dcm_charset_from_terms(slice_str(terms));
    buf_init(out, 4096);
    dcm_charset_to_utf8(&cs, vr, slice_str(raw), out, report);
    assert_false(out->failed);
    assert_true(utf8_valid(buf_slice(out)));
}

static void check_text(const struct buf *got, const char *expected) {
    char text[512];
    assert_true(got->len < sizeof text);
    if (got->len > 0) {
        memcpy(text, got->data, got->len);
    }
    text[got->len] = '\0';
    assert_string_equal(text, expected);
}

static void standard_examples_decode(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct buf out;
        struct dcm_charset_report report = {0};
        decode(examples[i].terms, examples[i].vr, examples[i].raw, &out, &report);
        check_text(&out, examples[i].utf8);
        assert_int_equal(report.replaced, 0);
        assert_int_equal(report.findings, 0);
        buf_done(&out);
    }
}

static void standard_examples_encode(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct dcm_charset cs = dcm_charset_from_terms(slice_str(examples[i].terms));
        struct buf out;
        struct buf again;
        struct err e = {0};
        buf_init(&out, 4096);
        assert_int_equal(
            dcm_charset_from_utf8(&cs, examples[i].vr, slice_str(examples[i].utf8), &out, &e),
            E_OK);
        if (examples[i].same_back) {
            check_text(&out, examples[i].raw);
        }
        buf_init(&again, 4096);
        dcm_charset_to_utf8(&cs, examples[i].vr, buf_slice(&out), &again, NULL);
        check_text(&again, examples[i].utf8);
        buf_done(&out);
        buf_done(&again);
    }
}

static const struct {
    const char *terms;
    const char *written; // by put_terms
    uint32_t findings;
} spellings[] = {
    {"", "ISO_IR 6", 0},
    {"ISO_IR 6", "ISO_IR 6", 0},
    {"ISO_IR 100 ", "ISO_IR 100", 0},
    {"ISO_IR 192", "ISO_IR 192", 0},
    {"GBK", "GBK", 0},
    {"ISO 2022 IR 100", "ISO 2022 IR 100", 0},
    {"\\ISO 2022 IR 87", "\\ISO 2022 IR 87", 0},
    {"ISO 2022 IR 6\\ISO 2022 IR 87", "\\ISO 2022 IR 87", 0},
    {"ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159",
     "ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159", 0},
    {"ISO IR 100", "ISO_IR 100", DCM_CHARSET_FINDING(ALIAS)},
    {"iso_ir 100", "ISO_IR 100", DCM_CHARSET_FINDING(ALIAS)},
    {"ISO-8859-1", "ISO_IR 100", DCM_CHARSET_FINDING(ALIAS)},
    {"latin1", "ISO_IR 100", DCM_CHARSET_FINDING(ALIAS)},
    {"Latin-1", "ISO_IR 100", DCM_CHARSET_FINDING(ALIAS)},
    {"UTF-8", "ISO_IR 192", DCM_CHARSET_FINDING(ALIAS)},
    {"ISO 2022 GBK", "GBK", DCM_CHARSET_FINDING(ALIAS)},
    {"ISO 2022 58", "ISO 2022 IR 58",
     DCM_CHARSET_FINDING(ALIAS) | DCM_CHARSET_FINDING(NOT_INITIAL)},
    {"\\ISO_IR 149", "\\ISO 2022 IR 149", DCM_CHARSET_FINDING(ALIAS)},
    {"ISO-2022-JP", "ISO 2022 IR 87",
     DCM_CHARSET_FINDING(ALIAS) | DCM_CHARSET_FINDING(NOT_INITIAL)},
    {"ISO_IR 100\\ISO_IR 144", "ISO 2022 IR 100\\ISO 2022 IR 144",
     DCM_CHARSET_FINDING(COMBINATION)},
    {"ISO_IR 192\\ISO 2022 IR 87", "ISO_IR 192", DCM_CHARSET_FINDING(COMBINATION)},
    {"ISO 2022 IR 100\\ISO_IR 192", "ISO 2022 IR 100", DCM_CHARSET_FINDING(COMBINATION)},
    {"KOI8-R", "ISO_IR 6", DCM_CHARSET_FINDING(UNKNOWN)},
    {"ISO 2022 IR 100\\KOI8-R", "ISO 2022 IR 100", DCM_CHARSET_FINDING(UNKNOWN)},
    {"a term that is much longer than any that exists", "ISO_IR 6", DCM_CHARSET_FINDING(UNKNOWN)},
    {"\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\", NULL,
     DCM_CHARSET_FINDING(TOO_MANY) | DCM_CHARSET_FINDING(COMBINATION)},
};

static void terms_are_understood(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        struct dcm_charset cs = dcm_charset_from_terms(slice_str(spellings[i].terms));
        struct buf out;
        buf_init(&out, 4096);
        assert_true(cs.count >= 1);
        if (cs.findings != spellings[i].findings) {
            print_message("%s: findings %x\n", spellings[i].terms, cs.findings);
        }
        assert_int_equal(cs.findings, spellings[i].findings);
        dcm_charset_put_terms(&cs, &out);
        if (spellings[i].written != NULL) {
            check_text(&out, spellings[i].written);
        }
        buf_done(&out);
    }
}

static const struct {
    const char *terms;
    enum dcm_vr vr;
    const char *raw;
    const char *utf8;
    uint32_t replaced;
    uint32_t findings;
} broken[] = {
    {"", DCM_VR_LO, "M\xfcller", "M\xef\xbf\xbdller", 1, DCM_CHARSET_FINDING(UNDECODABLE)},
    {"", DCM_VR_LO, "Müller", "Müller", 0, DCM_CHARSET_FINDING(GUESSED_UTF8)},
    {"KOI8-R", DCM_VR_LO, "Müller", "Müller", 0, DCM_CHARSET_FINDING(GUESSED_UTF8)},
    {"ISO_IR 100", DCM_VR_LO, "a\x92", "a\xef\xbf\xbd", 1, DCM_CHARSET_FINDING(UNDECODABLE)},
    {"ISO_IR 192", DCM_VR_LO, "a\xc3", "a\xef\xbf\xbd", 1, DCM_CHARSET_FINDING(UNDECODABLE)},
    {"GBK", DCM_VR_LO, "a\xcd", "a\xef\xbf\xbd", 1, DCM_CHARSET_FINDING(UNDECODABLE)},
    {"\\ISO 2022 IR 87", DCM_VR_LO, E_ "$B;" E_ "(B", "\xef\xbf\xbd", 1,
     DCM_CHARSET_FINDING(UNDECODABLE)},
    {"ISO_IR 100", DCM_VR_LO, E_ "$B;3" E_ "(B", "山", 0, DCM_CHARSET_FINDING(UNDECLARED)},
    {"\\ISO 2022 IR 87", DCM_VR_LO, E_ "%G", "\xef\xbf\xbd%G", 1,
     DCM_CHARSET_FINDING(BAD_ESCAPE) | DCM_CHARSET_FINDING(UNDECODABLE)},
    {"ISO_IR 100", DCM_VR_CS, "\xc4", "Ä", 0, DCM_CHARSET_FINDING(NOT_IN_VR)},
    {"\\ISO 2022 IR 149", DCM_VR_PN, E_ "$)C\xb1\xe6^\xb5\xbf", "길^동", 0,
     DCM_CHARSET_FINDING(UNANNOUNCED)},
    {"\\ISO 2022 IR 58", DCM_VR_LO, "\xd5\xc5", "张", 0, DCM_CHARSET_FINDING(UNANNOUNCED)},
    {"ISO_IR 13", DCM_VR_CS, "A\\B", "A\\B", 0, 0},
};

static void bad_text_is_kept_and_reported(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct buf out;
        struct dcm_charset_report report = {0};
        decode(broken[i].terms, broken[i].vr, broken[i].raw, &out, &report);
        check_text(&out, broken[i].utf8);
        assert_int_equal(report.replaced, broken[i].replaced);
        assert_int_equal(report.findings, broken[i].findings);
        buf_done(&out);
    }
}

static const struct {
    const char *terms;
    enum dcm_vr vr;
    const char *utf8;
    uint64_t offset;
} impossible[] = {
    {"", DCM_VR_LO, "Müller", 1},
    {"ISO_IR 100", DCM_VR_PN, "Łukasz", 0},
    {"ISO_IR 13", DCM_VR_LO, "\xef\xbd\xb1¥", 3}, // the yen would split the value
    {"ISO_IR 13", DCM_VR_LO, "~", 0},
    {"\\ISO 2022 IR 87", DCM_VR_LO, "山é", 3},
    {"GBK", DCM_VR_LO, "x\xf0\x9f\x98\x80", 1},
    {"ISO_IR 192", DCM_VR_LO, "ab\xff", 2},
};

static void text_outside_the_repertoire_fails(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        struct dcm_charset cs = dcm_charset_from_terms(slice_str(impossible[i].terms));
        struct buf out;
        struct err e = {0};
        buf_init(&out, 4096);
        buf_put_str(&out, "kept");
        assert_int_equal(
            dcm_charset_from_utf8(&cs, impossible[i].vr, slice_str(impossible[i].utf8), &out, &e),
            E_CHARSET);
        assert_true(e.has_offset);
        assert_int_equal(e.offset, impossible[i].offset);
        check_text(&out, "kept");
        buf_done(&out);
    }
}

// Every character of every set comes back from its own encoding.
static void all_characters_return(void **state) {
    (void)state;
    static const char *const terms[] = {
        "ISO_IR 100",       "ISO_IR 101",        "ISO_IR 109",
        "ISO_IR 110",       "ISO_IR 144",        "ISO_IR 127",
        "ISO_IR 126",       "ISO_IR 138",        "ISO_IR 148",
        "ISO_IR 203",       "ISO_IR 13",         "ISO_IR 166",
        "ISO_IR 192",       "GB18030",           "GBK",
        "\\ISO 2022 IR 87", "\\ISO 2022 IR 159", "\\ISO 2022 IR 149",
        "\\ISO 2022 IR 58"};
    static const size_t least[] = {95, 95, 88,    95,    95,    48,   90,   60,   95,  95,
                                   63, 87, 63000, 63000, 21000, 6800, 6000, 8200, 7400};
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        struct dcm_charset cs = dcm_charset_from_terms(slice_str(terms[i]));
        struct buf text, raw, back;
        size_t found = 0;
        buf_init(&text, 16);
        buf_init(&raw, 64);
        buf_init(&back, 64);
        for (uint32_t c = 0xA0; c < 0x10000; c = c == 0xD7FF ? 0xE000 : c + 1) {
            struct err e = {0};
            buf_clear(&text);
            buf_clear(&raw);
            buf_clear(&back);
            utf8_put(&text, c);
            if (dcm_charset_from_utf8(&cs, DCM_VR_UT, buf_slice(&text), &raw, &e) != E_OK) {
                continue;
            }
            dcm_charset_to_utf8(&cs, DCM_VR_UT, buf_slice(&raw), &back, NULL);
            assert_true(slice_eq(buf_slice(&text), buf_slice(&back)));
            found++;
        }
        if (found < least[i]) {
            print_message("%s: %zu\n", terms[i], found);
        }
        assert_true(found >= least[i]);
        buf_done(&text);
        buf_done(&raw);
        buf_done(&back);
    }
}

static void short_of_memory(void **state) {
    (void)state;
    struct dcm_charset cs = dcm_charset_utf8();
    struct buf out;
    struct err e = {0};
    buf_init(&out, 4);
    assert_int_equal(dcm_charset_from_utf8(&cs, DCM_VR_LO, slice_str("Grüße"), &out, &e), E_LIMIT);
    assert_int_equal(out.len, 0);
    buf_done(&out);
}

// --- data sets

static void put(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const char *text) {
    struct err e = {0};
    assert_int_equal(dcm_put_str(d, tag, vr, text, &e), E_OK);
}

static void check_node(const struct dcm_dataset *d, dcm_tag tag, const char *raw) {
    struct slice text;
    assert_true(dcm_node_text(dcm_get(d, tag), 0, &text));
    assert_true(slice_eq_str(text, raw));
}

// Latin-1 outside, an item without a set of its own, and one in Japanese.
static struct dcm_dataset *three_levels(struct arena *a) {
    struct dcm_dataset *d = dcm_dataset_new(a, DCM_EXPLICIT_LE);
    struct dcm_dataset *item;
    struct err e = {0};
    put(d, DCM_SpecificCharacterSet, DCM_VR_CS, "ISO_IR 100");
    put(d, DCM_PatientName, DCM_VR_PN, "M\xfcller");
    assert_int_equal(dcm_add_item(d, DCM_ReferencedImageSequence, &item, &e), E_OK);
    put(item, DCM_PatientName, DCM_VR_PN, "Z\xfcrn");
    assert_int_equal(dcm_add_item(d, DCM_ReferencedImageSequence, &item, &e), E_OK);
    put(item, DCM_SpecificCharacterSet, DCM_VR_CS, "\\ISO 2022 IR 87");
    put(item, DCM_PatientName, DCM_VR_PN, E_ "$B;3ED" E_ "(B");
    return d;
}

static void items_inherit_or_carry_their_own(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    struct dcm_dataset *d = three_levels(&a);
    const struct dcm_node *n = dcm_get(d, DCM_ReferencedImageSequence);
    struct dcm_charset own = dcm_charset_of(dcm_item(n, 1));
    struct dcm_charset inherited = dcm_charset_of(dcm_item(n, 0));
    struct dcm_charset outer = dcm_charset_of(d);
    assert_int_equal(inherited.terms[0], outer.terms[0]);
    assert_int_equal(own.count, 2);
    put(dcm_item(n, 0)->parent, DCM_SpecificCharacterSet, DCM_VR_CS, "ISO_IR 144");
    inherited = dcm_charset_of(dcm_item(n, 0));
    assert_int_not_equal(inherited.terms[0], outer.terms[0]);
    arena_done(&a);
}

static void data_sets_move_to_another_set(void **state) {
    (void)state;
    struct arena a;
    struct err e = {0};
    struct dcm_charset_report report = {0};
    struct dcm_charset utf8 = dcm_charset_utf8();
    arena_init(&a, 1 << 20);
    struct dcm_dataset *d = three_levels(&a);
    assert_int_equal(dcm_charset_convert(d, &utf8, &report, &e), E_OK);
    assert_int_equal(report.replaced, 0);
    const struct dcm_node *n = dcm_get(d, DCM_ReferencedImageSequence);
    check_node(d, DCM_SpecificCharacterSet, "ISO_IR 192");
    check_node(d, DCM_PatientName, "Müller");
    check_node(dcm_item(n, 0), DCM_PatientName, "Zürn");
    check_node(dcm_item(n, 1), DCM_PatientName, "山田");
    assert_null(dcm_get(dcm_item(n, 1), DCM_SpecificCharacterSet));
    // Latin-1 has no Japanese: refused with the place, and nothing changed
    struct dcm_charset latin = dcm_charset_from_terms(slice_str("ISO_IR 100"));
    assert_int_equal(dcm_charset_convert(d, &latin, NULL, &e), E_CHARSET);
    assert_string_equal(e.path, "(0008,1140)[1].(0010,0010)");
    check_node(d, DCM_SpecificCharacterSet, "ISO_IR 192");
    check_node(d, DCM_PatientName, "Müller");
    arena_done(&a);
}

static void text_is_put_in_the_set_that_applies(void **state) {
    (void)state;
    struct arena a;
    struct err e = {0};
    arena_init(&a, 1 << 20);
    struct dcm_dataset *d = three_levels(&a);
    assert_int_equal(dcm_charset_put(d, DCM_PatientID, DCM_VR_LO, slice_str("Größe"), &e), E_OK);
    check_node(d, DCM_PatientID,
               "Gr\xf6\xdf"
               "e");
    assert_int_equal(dcm_charset_put(d, DCM_PatientID, DCM_VR_LO, slice_str("山"), &e), E_CHARSET);
    assert_string_equal(e.path, "(0010,0020)");
    check_node(d, DCM_PatientID,
               "Gr\xf6\xdf"
               "e");
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standard_examples_decode),
        cmocka_unit_test(standard_examples_encode),
        cmocka_unit_test(terms_are_understood),
        cmocka_unit_test(bad_text_is_kept_and_reported),
        cmocka_unit_test(text_outside_the_repertoire_fails),
        cmocka_unit_test(all_characters_return),
        cmocka_unit_test(short_of_memory),
        cmocka_unit_test(items_inherit_or_carry_their_own),
        cmocka_unit_test(data_sets_move_to_another_set),
        cmocka_unit_test(text_is_put_in_the_set_that_applies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
