// SPDX-License-Identifier: Apache-2.0
// Free text: what may stay stays, names and numbers go, and what came out comes out again as it is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "gate/subject.h"
#include "gate/words.h"
#include "gate_descriptions.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct fixture {
    struct arena arena;
    struct gate_words words;
};

static void open_fixture(struct fixture *f, const char *name, const char *id, const char *born,
                         const char *place) {
    arena_init(&f->arena, 64 << 20);
    struct gate_subject *s = gate_subject_new(&f->arena);
    assert_non_null(s);
    gate_subject_add(s, GATE_KIND_PERSON_NAME, slice_str(name));
    gate_subject_add(s, GATE_KIND_PATIENT_ID, slice_str(id));
    gate_subject_add(s, GATE_KIND_BIRTH_DATE, slice_str(born));
    gate_subject_add(s, GATE_KIND_INSTITUTION, slice_str(place));
    f->words = (struct gate_words){.subject = s};
}

// Cleans and proves that cleaning again changes nothing.
static void clean(const struct gate_words *w, const char *text, char *out, size_t size,
                  struct gate_cleaned *ret_sums) {
    struct buf first, second;
    buf_init(&first, 1 << 16);
    buf_init(&second, 1 << 16);
    *ret_sums = gate_words_clean(w, slice_str(text), &first);
    struct gate_cleaned again = gate_words_clean(w, buf_slice(&first), &second);
    if (!slice_eq(buf_slice(&first), buf_slice(&second)) || again.dropped != 0) {
        fail_msg("'%s' is not stable", text);
    }
    assert_true(first.len < size);
    memcpy(out, first.data, first.len);
    out[first.len] = '\0';
    buf_done(&first);
    buf_done(&second);
}

static const struct {
    const char *text, *left;
} nobody[] = {
    {"left hand", "left hand"},
    {"HAND AP", "HAND AP"},
    {"CT  head \n plain", "CT head plain"},
    {"Dr. Hand", ""},
    {"Mr Long", ""},
    {"Hand, Peter", ""},
    {"ref by Dr Hand, left hand pain", "ref by left hand pain"},
    {"Seen by Mr White: white matter disease", "Seen by white matter disease"},
    {"Whittaker knee", "knee"},
    {"CT chest for Mr Peter Xyzzywick ?PE", "CT chest for ?PE"},
    {"Peter Hand", ""},
    {"fell 03/02/2001 at home", "fell at home"},
    {"DOB 3.2.56, NHS 943 476 5919, ?fracture", "?fracture"},
    {"1234567", ""},
    {"seen in 2001", "seen in"},
    {"b1000 TE 100 FOV 240", "b1000 TE 100 FOV 240"},
    {"TR 2000 ms", "TR 2000 ms"},
    {"12 345 678", ""},
    {"AB12345", ""},
    {"a1b2c3d4", ""},
    {"t2_tse_sag_p2_WHITTAKER", "t2_tse_sag_p2"},
    {"WHITTAKER_CT_head", "CT_head"},
    {"(Whittaker) left", "left"},
    {"(left, Whittaker)", "left"},
    {"[Whittaker [left]", "[left]"},
    {"tel 020 7946 0018", ""},
    {"peter.hand@nhs.net re left knee", "re left knee"},
    {"transferred from Royal Devon and Exeter Hospital for CT", "transferred from for CT"},
    {"Ward 7B, chest pain", "chest pain"},
    {"12 High Street", ""},
    {"lives at LS1 3EX", "lives at"},
    {"\xE7\x8E\x8B\xE5\xB0\x8F\xE4\xB8\x9C", ""},
    {"Sch\xC3\xA4"
     "del nativ",
     "Sch\xC3\xA4"
     "del nativ"},
    {"\xFF\xFE", ""},
    {"", ""},
    {"?", ""},
    {"sagknee rightfoot", "sagknee rightfoot"},
    {"McIntyre", ""},
    {"O'Neill", ""},
    {"women's pelvis", "women's pelvis"},
    {"3 Feb", ""},
    {"may represent fracture", "may represent fracture"},
    {"Major trauma", "Major trauma"},
};

static void test_nobody(void **state) {
    (void)state;
    struct gate_words w = {.subject = NULL};
    int wrong = 0;
    for (size_t i = 0; i < COUNT(nobody); i++) {
        char left[1024];
        struct gate_cleaned sums;
        clean(&w, nobody[i].text, left, sizeof left, &sums);
        if (strcmp(left, nobody[i].left) != 0) {
            print_error("'%s': '%s', not '%s'\n", nobody[i].text, left, nobody[i].left);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static const struct {
    const char *text, *left;
} hand[] = {
    // of HAND^PETER JOHN
    {"left hand", "left hand"},
    {"CT hand HAND^PETER", "CT hand"},
    {"HAND", ""},
    {"CT HAND PETER", "CT"},
    {"P Hand", ""},
    {"HAND P", ""},
    {"HAND, P.J.", ""},
    {"pjhand", ""},
    {"Peter", ""},
    {"handpeter", ""},
    {"PeterHand_CT_chest", "CT_chest"},
    {"hand AP", "hand AP"},
    {"pain in hand", "pain in hand"},
    {"seen by R HAND in clinic", "seen by R in clinic"},
    {"R HAND AP", "R HAND AP"},
    {"Hand's knee", "knee"},
    {"HAND\\PETER", ""},
    {"id RX1234567", ""},
    {"1234567", ""},
    {"RX 123 4567", ""},
    {"3 Feb 1956", ""},
    {"030256 chest", "chest"},
    {"aged 45 born in 1956", "aged 45"},
    {"Exeter", ""},
    {"Royal Infirmary of Xyzzy", "of"},
    {"left hand of Peter", "left hand of"},
};

static void test_hand(void **state) {
    (void)state;
    struct fixture f;
    int wrong = 0;
    open_fixture(&f, "HAND^PETER JOHN", "RX1234567", "19560203", "Xyzzy Hospital");
    for (size_t i = 0; i < COUNT(hand); i++) {
        char left[1024];
        struct gate_cleaned sums;
        clean(&f.words, hand[i].text, left, sizeof left, &sums);
        if (strcmp(left, hand[i].left) != 0) {
            print_error("'%s': '%s', not '%s'\n", hand[i].text, left, hand[i].left);
            wrong++;
        }
    }
    arena_done(&f.arena);
    assert_int_equal(wrong, 0);
}

// Clean descriptions stay whole: at least 99 words of 100, and with a subject whose names they are
// not.
static void test_descriptions(void **state) {
    (void)state;
    struct fixture f;
    uint32_t kept = 0, dropped = 0;
    open_fixture(&f, "WHITTAKER^SIOBHAN", "K778899", "19660606", "Ninewells Hospital Dundee");
    for (size_t i = 0; i < COUNT(gate_descriptions); i++) {
        char left[1024];
        struct gate_cleaned sums;
        clean(&f.words, gate_descriptions[i], left, sizeof left, &sums);
        kept += sums.kept;
        dropped += sums.dropped;
        if (sums.dropped > 0) {
            print_message("'%s': '%s'\n", gate_descriptions[i], left);
        }
    }
    arena_done(&f.arena);
    print_message("%zu descriptions, %u words kept, %u dropped\n", COUNT(gate_descriptions), kept,
                  dropped);
    assert_true(COUNT(gate_descriptions) >= 1000);
    assert_true(dropped * 100 < kept + dropped);
}

static const struct {
    const char *family, *given, *id, *born, *place;
} people[] = {
    {"HAND", "PETER", "RX1234567", "19560203", "Royal Exeter Hospital"},
    {"TEMPLE", "MARY", "0012345", "19700514", "St Thomas Hospital London"},
    {"O'NEILL", "SEAN", "H98765", "19890101", "Altnagelvin"},
    {"MCDONALD", "EILIDH", "943 476 5919", "19331231", "Ninewells Hospital Dundee"},
    {"SMITH-JONES", "ANNE", "5551234", "20010203", "Leeds General Infirmary"},
    {"GWILYM", "ANGHARAD", "D4477123", "19911109", "Glangwili"},
    {"NG", "LI", "334455", "19820630", "Nottingham"},
    {"KHAN", "MOHAMMED", "K778899", "19660606", "Bradford Royal Infirmary"},
    {"SHORT", "JANE", "77123", "19590923", "Frenchay Hospital"},
    {"BONE", "ARTHUR", "998877", "19281112", "Chester Hospital"},
    {"YOUNG", "MAY", "123321", "19650529", "York Hospital"},
    {"RASHID", "AHMED", "991122", "19810422", "Tooting"},
    {"M\xC3\x9CLLER", "J\xC3\x96RG", "M5551212", "19690909", "Klinikum Heidelberg"},
    {"FOOT", "MICHAEL", "7654321", "19130723", "Tredegar"},
    {"PATEL", "RAJ", "P445566", "19760101", "Northwick Park Hospital"},
    {"XYZZYWICK", "QUORBLE", "ZQ99881", "19440404", "Plughole Infirmary"},
};

// F family, G given, J its initial, I id, D M Y of the birth date, P place; written in three cases.
static const char *const templates[] = {
    "F^G",
    "F, G",
    "G F",
    "J F",
    "J. F",
    "F J",
    "F G",
    "F_G_x",
    "FG",
    "GF",
    "F/G",
    "F-G",
    "F\\G",
    "F,G",
    "F=G",
    "Dr F",
    "Mr. F",
    "Mrs G F",
    "x F^G",
    "x G F x",
    "for G F x",
    "by J F x",
    "id I",
    "I",
    "x I x",
    "D/M/Y",
    "D.M.Y",
    "D-M-Y",
    "YMD",
    "Y-M-D",
    "DMY",
    "x D/M/Y x",
    "born D M Y",
    "F's x",
    "P",
    "at P x",
    "(G F)",
    "x (F)",
    "F: x",
    "name: F G",
    "Miss F",
    "M/D/Y",
    "under care of F",
    "G F I D/M/Y P",
};

static void put_part(struct buf *out, const char *text, int letters) {
    for (size_t i = 0; text[i] != '\0'; i++) {
        char c = text[i];
        bool upper = c >= 'A' && c <= 'Z';
        bool lower = letters == 1 || (letters == 2 && i > 0);
        buf_put_byte(out, (uint8_t)(upper && lower ? c + 32 : c));
    }
}

static void fill(struct buf *out, const char *t, size_t p, int letters) {
    letters = strlen(people[p].family) < 3 ? 0 : letters; // "ng" and "li" are words as well
    char initial[2] = {people[p].given[0], '\0'};
    for (; *t != '\0'; t++) {
        switch (*t) {
        case 'F':
            put_part(out, people[p].family, letters);
            break;
        case 'G':
            put_part(out, people[p].given, letters);
            break;
        case 'J':
            buf_put_str(out, (uint8_t)initial[0] < 0x80 ? initial : "J");
            break;
        case 'I':
            buf_put_str(out, people[p].id);
            break;
        case 'Y':
            buf_put(out, people[p].born, 4);
            break;
        case 'M':
            t[1] == 'r' || t[1] == 'i' ? buf_put_byte(out, 'M')
                                       : buf_put(out, people[p].born + 4, 2);
            break;
        case 'D':
            t[1] == 'r' ? buf_put_byte(out, 'D') : buf_put(out, people[p].born + 6, 2);
            break;
        case 'P':
            buf_put_str(out, people[p].place);
            break;
        case 'x':
            buf_put_str(out, "knee pain");
            break;
        default:
            buf_put_byte(out, (uint8_t)*t);
        }
    }
}

// Of every person in every form nothing is left but the words around.
static void test_planted(void **state) {
    (void)state;
    int wrong = 0;
    uint32_t all = 0;
    static const char *const allowed[] = {"knee", "pain", "for", "by", "id",    "born", "at",
                                          "name", "care", "of",  "x",  "under", ""};
    for (size_t p = 0; p < COUNT(people); p++) {
        char name[256];
        struct fixture f;
        (void)snprintf(name, sizeof name, "%s^%s", people[p].family, people[p].given);
        open_fixture(&f, name, people[p].id, people[p].born, people[p].place);
        for (size_t i = 0; i < COUNT(templates) * 3; i++) {
            struct buf text;
            char left[1024];
            struct gate_cleaned sums;
            buf_init(&text, 4096);
            fill(&text, templates[i / 3], p, (int)(i % 3));
            buf_put_byte(&text, '\0');
            clean(&f.words, (const char *)text.data, left, sizeof left, &sums);
            all++;
            for (char *word = left; word != NULL;) {
                char *end = strpbrk(word, " _:()?,./-^'\\=");
                if (end != NULL) {
                    *end = '\0';
                }
                bool fine = false;
                for (size_t a = 0; a < COUNT(allowed); a++) {
                    fine = fine || strcmp(word, allowed[a]) == 0;
                }
                if (!fine) {
                    print_error("'%s' leaves '%s'\n", (const char *)text.data, word);
                    wrong++;
                }
                word = end != NULL ? end + 1 : NULL;
            }
            buf_done(&text);
        }
        arena_done(&f.arena);
    }
    print_message("%u planted texts\n", all);
    assert_int_equal(wrong, 0);
}

static void test_phrases(void **state) {
    (void)state;
    struct slice phrases[] = {slice_str("whittaker protocol"), slice_str("xyzzy 9000")};
    struct gate_words w = {.phrases = phrases, .phrase_count = 2};
    char left[256];
    struct gate_cleaned sums;
    clean(&w, "CT Whittaker Protocol chest", left, sizeof left, &sums);
    assert_string_equal(left, "CT Whittaker Protocol chest");
    clean(&w, "XYZZY 9000", left, sizeof left, &sums);
    assert_string_equal(left, "XYZZY 9000");
    clean(&w, "Dr Whittaker Protocol", left, sizeof left, &sums); // a recogniser objects
    assert_null(strstr(left, "Whittaker"));
}

static void test_safe(void **state) {
    (void)state;
    struct gate_words w = {.subject = NULL};
    assert_true(gate_words_safe(&w, slice_str("left knee")));
    assert_true(gate_words_safe(&w, slice_str("")));
    assert_false(gate_words_safe(&w, slice_str("left  knee")));
    assert_false(gate_words_safe(&w, slice_str("left knee Whittaker")));
}

// A long text costs what its length says, and none of it gets by.
static void test_long(void **state) {
    (void)state;
    struct fixture f;
    struct buf text, out;
    open_fixture(&f, "WHITTAKER^PETER", "K778899", "19660606", "Dundee");
    buf_init(&text, 4 << 20);
    buf_init(&out, 8 << 20);
    while (text.len < 1000000) {
        buf_put_str(&text, "Left knee pain, WHITTAKER^PETER K778899 06/06/1966. ");
    }
    struct gate_cleaned sums = gate_words_clean(&f.words, buf_slice(&text), &out);
    assert_true(sums.kept > 50000);
    assert_null(memmem(out.data, out.len, "WHITTAKER", 9));
    assert_null(memmem(out.data, out.len, "778899", 6));
    assert_null(memmem(out.data, out.len, "1966", 4));
    buf_done(&text);
    buf_done(&out);
    arena_done(&f.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody),       cmocka_unit_test(test_hand),
        cmocka_unit_test(test_descriptions), cmocka_unit_test(test_planted),
        cmocka_unit_test(test_phrases),      cmocka_unit_test(test_safe),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
