// SPDX-License-Identifier: Apache-2.0
// Identifiers by their form: what is found, of which kind, and what must not be taken for one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "gate/recognise.h"

struct row {
    const char *text;
    enum gate_kind kind;
    const char *found; // NULL: nothing is
};

#define NHS GATE_KIND_NHS_NUMBER
#define NATIONAL GATE_KIND_NATIONAL_ID
#define HOSPITAL GATE_KIND_HOSPITAL_NUMBER
#define BIRTH GATE_KIND_BIRTH_DATE
#define DATE GATE_KIND_DATE
#define AGE GATE_KIND_AGE
#define ADDRESS GATE_KIND_ADDRESS
#define CONTACT GATE_KIND_CONTACT
#define PLACE GATE_KIND_INSTITUTION
#define DEVICE GATE_KIND_DEVICE
#define UID GATE_KIND_UID
#define NAME GATE_KIND_PERSON_NAME

static const struct row found[] = {
    // ten digits, modulo 11
    {"9434765919", NHS, "9434765919"},
    {"943 476 5919", NHS, "943 476 5919"},
    {"943-476-5919", NHS, "943-476-5919"},
    {"NHS 943 476 5919", NHS, "NHS 943 476 5919"},
    {"NHS: 9434765919", NHS, "NHS: 9434765919"},
    {"NHS No 943 476 5919", NHS, "NHS No 943 476 5919"},
    {"chest 401 023 2137 x", NHS, "401 023 2137"},
    {"9434765918", HOSPITAL, "9434765918"}, // a wrong check digit: some register's number
    {"943 476 5918", HOSPITAL, "943 476 5918"},
    {"0101336489", NHS, "0101336489"}, // CHI: 1 January 1933
    {"CHI 010133 6489", NHS, "CHI 010133 6489"},
    // national insurance, councils
    {"AB 12 34 56 C", NATIONAL, "AB 12 34 56 C"},
    {"AB123456C", NATIONAL, "AB123456C"},
    {"ab123456c", NATIONAL, "ab123456c"},
    {"GMC 7654321", NATIONAL, "GMC 7654321"},
    {"GMC no 7654321", NATIONAL, "GMC no 7654321"},
    {"NMC 99A1234E", NATIONAL, "NMC 99A1234E"},
    {"99A1234E", NATIONAL, "99A1234E"},
    // hospital numbers
    {"RX1234567", HOSPITAL, "RX1234567"},
    {"H98765", HOSPITAL, "H98765"},
    {"K-123456", HOSPITAL, "K-123456"},
    {"123456A", HOSPITAL, "123456A"},
    {"MRN 0012345", HOSPITAL, "MRN 0012345"},
    {"MRN: 123", HOSPITAL, "MRN: 123"},
    {"Hosp No: A12345", HOSPITAL, "Hosp No: A12345"},
    {"hosp no 4455", HOSPITAL, "hosp no 4455"},
    {"Hospital Number 998877", HOSPITAL, "Hospital Number 998877"},
    {"acc no 20344/21", HOSPITAL, "acc no 20344/21"},
    {"12345678901", HOSPITAL, "12345678901"},
    // telephones
    {"020 7946 0018", CONTACT, "020 7946 0018"},
    {"(020) 7946 0018", CONTACT, "020) 7946 0018"},
    {"07700 900123", CONTACT, "07700 900123"},
    {"07700900123", CONTACT, "07700900123"},
    {"+44 7700 900123", CONTACT, "44 7700 900123"},
    {"+44 (0)20 7946 0018", CONTACT, "44 (0)20 7946 0018"},
    {"01632 960001 ext 1234", CONTACT, "01632 960001 ext 1234"},
    {"ext 4821", CONTACT, "ext 4821"},
    {"bleep 234", CONTACT, "bleep 234"},
    {"tel: 5512", CONTACT, "tel: 5512"},
    // mail and web
    {"peter.hand@nhs.net", CONTACT, "peter.hand@nhs.net"},
    {"mail a_b-c@x-ray.nhs.uk now", CONTACT, "a_b-c@x-ray.nhs.uk"},
    {"see www.example.org/a?b=1", CONTACT, "www.example.org/a?b=1"},
    {"https://pacs.example.nhs.uk:8080/x", CONTACT, "https://pacs.example.nhs.uk:8080/x"},
    {"pacs01.trust.nhs.uk", CONTACT, "pacs01.trust.nhs.uk"},
    {"192.168.10.25", DEVICE, "192.168.10.25"},
    {"00:1A:2b:3c:4d:5e", DEVICE, "00:1A:2b:3c:4d:5e"},
    {"A0-1A-2B-3C-4D-5E", DEVICE, "A0-1A-2B-3C-4D-5E"},
    {"1.2.840.113619.2.55.3", UID, "1.2.840.113619.2.55.3"},
    // dates and times
    {"20010203", DATE, "20010203"},
    {"2001-02-03", DATE, "2001-02-03"},
    {"03/02/2001", DATE, "03/02/2001"},
    {"3/2/01", DATE, "3/2/01"},
    {"3.2.01", DATE, "3.2.01"},
    {"03-02-2001", DATE, "03-02-2001"},
    {"02/13/2001", DATE, "02/13/2001"},
    {"03 02 2001", DATE, "03 02 2001"},
    {"2001/02/03", DATE, "2001/02/03"},
    {"2001:02:03 10:15:00", DATE, "2001:02:03 10:15:00"},
    {"03022001", DATE, "03022001"},
    {"3 Feb 2001", DATE, "3 Feb 2001"},
    {"03FEB2001", DATE, "03FEB2001"},
    {"3-Feb-01", DATE, "3-Feb-01"},
    {"3rd of February 2001", DATE, "3rd of February 2001"},
    {"Feb 3rd, 2001", DATE, "Feb 3rd, 2001"},
    {"February 2001", DATE, "February 2001"},
    {"02/2001", DATE, "02/2001"},
    {"2001-02-03T10:15:30", DATE, "2001-02-03T10:15:30"},
    {"03/02/2001 10:15", DATE, "03/02/2001 10:15"},
    {"10:15", DATE, "10:15"},
    {"10:15:30.25", DATE, "10:15:30.25"},
    {"9.30 am", DATE, "9.30 am"},
    {"1015hrs", DATE, "1015hrs"},
    {"3. M\xC3\xA4rz 2001", DATE, "3. M\xC3\xA4rz 2001"},
    {"3 f\xC3\xA9vrier 2001", DATE, "3 f\xC3\xA9vrier 2001"},
    {"3 Chwefror 2001", DATE, "3 Chwefror 2001"},
    {"20010203101530", DATE, "20010203101530"},
    {"DOB 03/02/2001", BIRTH, "DOB 03/02/2001"},
    {"D.O.B. 3.2.45", BIRTH, "D.O.B. 3.2.45"},
    {"dob: 030245", BIRTH, "dob: 030245"},
    {"born 1956", BIRTH, "born 1956"},
    {"date of birth 3 Feb 1956", BIRTH, "date of birth 3 Feb 1956"},
    {"93 year old man", AGE, "93 year"},
    {"aged 101", AGE, "aged 101"},
    {"94yo", AGE, "94yo"},
    // names
    {"Dr Hand", NAME, "Dr Hand"},
    {"Dr. Hand", NAME, "Dr. Hand"},
    {"DR. HAND", NAME, "DR. HAND"},
    {"Mr Long", NAME, "Mr Long"},
    {"Mrs O'Neill", NAME, "Mrs O'Neill"},
    {"Prof Sir John Temple", NAME, "Prof Sir John Temple"},
    {"Miss J Smith", NAME, "Miss J Smith"},
    {"Sister Mary", NAME, "Sister Mary"},
    {"under the care of Whittaker", NAME, "under the care of Whittaker"},
    {"c/o Mr Xyzzywick", NAME, "Mr Xyzzywick"},
    {"reported by DR WHITTAKER", NAME, "DR WHITTAKER"},
    {"Peter Hand", NAME, "Peter Hand"},
    {"Hand, Peter", NAME, "Hand, Peter"},
    {"HAND^PETER", NAME, "HAND^PETER"},
    {"J Whittaker", NAME, "J Whittaker"},
    {"J. P. Whittaker", NAME, "J. P. Whittaker"},
    {"Whittaker J", NAME, "Whittaker J"},
    {"WHITTAKER, J", NAME, "WHITTAKER, J"},
    {"J. Hand", NAME, "J. Hand"},
    {"Maria de Souza", NAME, "Maria de Souza"},
    {"Mohammed Ali Khan", NAME, "Mohammed Ali Khan"},
    {"Patient name: Xyzzywick", NAME, "Patient name: Xyzzywick"},
    {"Consultant: Whittaker", NAME, "Consultant: Whittaker"},
    {"Sioned ap Rhys", NAME, "Sioned ap Rhys"},
    // places
    {"SW1A 1AA", ADDRESS, "SW1A 1AA"},
    {"LS1 3EX", ADDRESS, "LS1 3EX"},
    {"ls13ex", ADDRESS, "ls13ex"},
    {"M1 1AE", ADDRESS, "M1 1AE"},
    {"EC1A 1BB", ADDRESS, "EC1A 1BB"},
    {"12 High Street", ADDRESS, "12 High Street"},
    {"3a Castle Hill Road", ADDRESS, "3a Castle Hill Road"},
    {"from Exeter", ADDRESS, "Exeter"},
    {"St Mary's Hospital", PLACE, "St Mary's Hospital"},
    {"Royal Devon University Healthcare NHS Foundation Trust", PLACE,
     "Royal Devon University Healthcare NHS Foundation Trust"},
    {"Leeds General Infirmary", PLACE, "Leeds General Infirmary"},
    {"Xyzzy Hospital", PLACE, "Xyzzy Hospital"},
    {"Park View Surgery", PLACE, "Park View Surgery"},
    {"Ward 7B", PLACE, "Ward 7B"},
    {"ward A3", PLACE, "ward A3"},
    {"Ward Seacole", PLACE, "Ward Seacole"},
};

static const char *const not_found[] = {"left hand",
                                        "HAND AP",
                                        "MR HEAD",
                                        "MR Long TE",
                                        "DR CHEST",
                                        "Mr Brain With Contrast",
                                        "CT hand",
                                        "R HAND",
                                        "L. FOOT",
                                        "temple",
                                        "Temple",
                                        "White matter",
                                        "short axis",
                                        "HEAD^GENERAL",
                                        "Knie^Standard",
                                        "Abdomen^1_ABDOMEN_ROUTINE",
                                        "t2_tse_sag_p2",
                                        "B30f",
                                        "CTA 1.0 B30f",
                                        "1.25 mm",
                                        "0.48828125",
                                        "512x512",
                                        "2001",
                                        "b1000",
                                        "TE 100",
                                        "L4/5",
                                        "C5/6",
                                        "T1W",
                                        "5 mm",
                                        "120 kV",
                                        "70 %",
                                        "1/2",
                                        "3 of 5",
                                        "3 may show",
                                        "v5.3.0",
                                        "45 year old",
                                        "89yo",
                                        "12 weeks",
                                        "32/40",
                                        "x 2",
                                        "SCAN 3 OF 12",
                                        "fracture",
                                        "Sagittal",
                                        "Major trauma",
                                        "Canon Aquilion",
                                        "MS plaques",
                                        "St 5.0",
                                        "A4C",
                                        "SIEMENS Avanto 1.5T",
                                        "S1",
                                        "S1 2 mm",
                                        "hospital",
                                        "ward",
                                        "theatre",
                                        "street",
                                        "may be",
                                        "Young patient",
                                        "Long TR",
                                        "Bone Plus",
                                        "BONE WINDOW",
                                        "Stone protocol",
                                        "Brown fat",
                                        "Head Neck",
                                        "Foot Ankle",
                                        "Chest Abdomen",
                                        "Hand Wrist",
                                        "Brain Spine"};

static void test_found(void **state) {
    (void)state;
    uint32_t wrong = 0;
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        struct slice text = slice_str(found[i].text);
        struct gate_hit hit;
        if (!gate_recognise(text, 0, &hit)) {
            print_error("nothing found in '%s'\n", found[i].text);
            wrong++;
            continue;
        }
        struct slice got = slice_of(text.ptr + hit.start, hit.end - hit.start);
        if (!slice_eq_str(got, found[i].found) || hit.kind != found[i].kind) {
            print_error("'%s': %s '%.*s'\n", found[i].text, gate_kind_code(hit.kind), (int)got.len,
                        (const char *)got.ptr);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void test_not_found(void **state) {
    (void)state;
    uint32_t wrong = 0;
    for (size_t i = 0; i < sizeof not_found / sizeof not_found[0]; i++) {
        struct slice text = slice_str(not_found[i]);
        struct gate_hit hit;
        if (gate_recognise(text, 0, &hit)) {
            wrong++;
            print_error("'%s': %s '%.*s'\n", not_found[i], gate_kind_code(hit.kind),
                        (int)(hit.end - hit.start), (const char *)text.ptr + hit.start);
        }
    }
    assert_int_equal(wrong, 0);
}

// Every hit is found wherever it stands in a long text, and in order.
static void test_long(void **state) {
    (void)state;
    for (size_t before = 0; before < 5000; before += 211) {
        struct buf text;
        buf_init(&text, 1 << 16);
        while (text.len < before) {
            buf_put_str(&text, "left knee pain ");
        }
        size_t at = text.len;
        buf_put_str(&text, "Dr Whittaker 943 476 5919");
        size_t second = text.len - 12;
        while (text.len < 9000) {
            buf_put_str(&text, " left knee pain");
        }
        struct gate_hit hit;
        assert_true(gate_recognise(buf_slice(&text), 0, &hit));
        assert_int_equal(hit.start, at);
        assert_int_equal(hit.kind, NAME);
        assert_true(gate_recognise(buf_slice(&text), hit.end, &hit));
        assert_int_equal(hit.start, second);
        assert_int_equal(hit.end, second + 12);
        assert_false(gate_recognise(buf_slice(&text), hit.end, &hit));
        buf_done(&text);
    }
}

// Any ten digits with a right check digit are one; any single wrong digit is none.
static void test_check_digit(void **state) {
    (void)state;
    uint32_t right = 0;
    for (uint32_t n = 400000000; n < 400002000; n += 7) {
        char text[16];
        for (char last = '0'; last <= '9'; last++) {
            (void)snprintf(text, sizeof text, "%u%c", n, last);
            uint32_t sum = 0;
            for (int i = 0; i < 9; i++) {
                sum += (uint32_t)(10 - i) * (uint32_t)(text[i] - '0');
            }
            uint32_t check = (11 - sum % 11) % 11;
            struct gate_hit hit;
            assert_true(gate_recognise(slice_str(text), 0, &hit));
            assert_int_equal(hit.kind, check == (uint32_t)(last - '0') ? NHS : HOSPITAL);
            right += hit.kind == NHS;
        }
    }
    assert_in_range(right, 200, 286);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_check_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
