// SPDX-License-Identifier: Apache-2.0
// Pseudonyms under a key: the same for the same value, nothing in common otherwise, in the forms
// that DICOM asks for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/rng.h"
#include "gate/identity.h"

static const struct gate_key one = {{1}};
static const struct gate_key two = {{2}};

static const char *uid(const struct gate_key *k, const char *text) {
    static char out[4][DCM_UID_MAX + 1];
    static unsigned turn;
    return gate_uid(k, slice_str(text), out[turn++ % 4]);
}

static void test_uids_are_consistent(void **state) {
    (void)state;
    assert_string_equal(uid(&one, "1.2.3"), uid(&one, "1.2.3"));
    assert_string_equal(uid(&one, "1.2.3"), uid(&one, "1.2.3 "));
    char padded[DCM_UID_MAX + 1];
    (void)gate_uid(&one, slice_of("1.2.3\0", 6), padded);
    assert_string_equal(uid(&one, "1.2.3"), padded);
    assert_string_not_equal(uid(&one, "1.2.3"), uid(&one, "1.2.4"));
    assert_string_not_equal(uid(&one, "1.2.3"), uid(&two, "1.2.3"));
}

// Signed by another implementation (Python's hmac): version, domain and lengths are what they are.
static void test_uids_are_what_the_contract_says(void **state) {
    (void)state;
    assert_string_equal(uid(&one, "1.2.3"), "2.25.273010943175419738550655493759301547573");
    char out[GATE_PSEUDONYM_MAX];
    assert_string_equal(gate_pseudonym(&one, "patient", "CASE", slice_str("4711"), out),
                        "CASE-VDYX-PTJQW7");
    assert_int_equal(gate_shift_days(&one, slice_str("4711")), 644);
}

// PS3.5 9.1 and B.2: below 2.25, no leading zero, at most 44 characters; RFC 9562 version 8.
static void test_uids_are_valid(void **state) {
    struct rng r = rng_seeded(7);
    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        char from[DCM_UID_MAX + 1];
        (void)snprintf(from, sizeof from, "1.2.826.0.1.%llu", (unsigned long long)rng_u64(&r));
        const char *to = uid(&one, from);
        assert_true(dcm_uid_valid(slice_str(to)));
        assert_true(strncmp(to, "2.25.", 5) == 0 && strlen(to) <= 44);
        // From the number back to its bytes, for version and variant.
        uint8_t bytes[16] = {0};
        for (const char *c = to + 5; *c != '\0'; c++) {
            unsigned carry = (unsigned)(*c - '0');
            for (size_t b = 16; b-- > 0;) {
                carry += bytes[b] * 10u;
                bytes[b] = (uint8_t)carry;
                carry >>= 8;
            }
        }
        assert_int_equal(bytes[6] >> 4, 8);
        assert_int_equal(bytes[8] >> 6, 2);
    }
}

static void test_public_definitions_stay(void **state) {
    static const char *const kept[] = {"1.2.840.10008.1.2",         // a transfer syntax
                                       "1.2.840.10008.5.1.4.1.1.2", // a SOP class
                                       "1.2.840.10008.1.4.1.1",     // Talairach
                                       "1.2.840.10008.2.16.4"};     // the DCM coding scheme
    (void)state;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        assert_string_equal(uid(&one, kept[i]), kept[i]);
    }
    assert_string_not_equal(uid(&one, "1.2.840.10008.1.2.4.9999"), "1.2.840.10008.1.2.4.9999");
    assert_true(strncmp(uid(&one, "Smith^John"), "2.25.", 5) == 0);
    assert_true(strncmp(uid(&one, "1.2.840.10008."), "2.25.", 5) == 0);
}

static void test_pseudonyms(void **state) {
    char a[GATE_PSEUDONYM_MAX];
    char b[GATE_PSEUDONYM_MAX];
    (void)state;
    (void)gate_pseudonym(&one, "patient", "CASE", slice_str("4711"), a);
    assert_int_equal(strlen(a), 16); // SH
    assert_true(strncmp(a, "CASE-", 5) == 0 && a[9] == '-');
    for (const char *c = a + 5; *c != '\0'; c++) {
        assert_non_null(strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ-", *c));
    }
    assert_string_equal(a, gate_pseudonym(&one, "patient", "CASE", slice_str(" 4711 "), b));
    assert_string_not_equal(a, gate_pseudonym(&one, "accession", "CASE", slice_str("4711"), b));
    assert_string_not_equal(a, gate_pseudonym(&two, "patient", "CASE", slice_str("4711"), b));
    // Where domain ends and value begins is part of what is signed.
    (void)gate_pseudonym(&one, "ab", "CASE", slice_str("c"), a);
    assert_string_not_equal(a, gate_pseudonym(&one, "a", "CASE", slice_str("bc"), b));
    assert_string_equal(gate_pseudonym(&one, "x", "A-PREFIX-THAT-IS-TOO-LONG", slice_str("1"), b),
                        b);
    assert_true(strlen(b) < GATE_PSEUDONYM_MAX);
}

static void test_shifts(void **state) {
    int32_t least = INT32_MAX;
    int32_t most = 0;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%u", i);
        int32_t days = gate_shift_days(&one, slice_str(id));
        assert_int_equal(days % 7, 0);
        least = days < least ? days : least;
        most = days > most ? days : most;
    }
    assert_int_equal(least, 52 * 7);
    assert_int_equal(most, 520 * 7);
    assert_int_equal(gate_shift_days(&one, slice_str("x")), gate_shift_days(&one, slice_str("x ")));
}

static void test_keys(void **state) {
    struct gate_key *k = gate_key_new();
    struct gate_key *copy = gate_key_copy(k);
    struct gate_key derived[2];
    (void)state;
    assert_non_null(k);
    assert_non_null(copy);
    assert_memory_equal(k->bytes, copy->bytes, GATE_KEY_LEN);
    struct gate_key *other = gate_key_new();
    assert_memory_not_equal(k->bytes, other->bytes, GATE_KEY_LEN);
    gate_key_derive(k, "pixels", &derived[0]);
    gate_key_derive(k, "quarantine", &derived[1]);
    assert_memory_not_equal(derived[0].bytes, derived[1].bytes, GATE_KEY_LEN);
    assert_memory_not_equal(derived[0].bytes, k->bytes, GATE_KEY_LEN);
    gate_key_derive(copy, "pixels", &derived[1]);
    assert_memory_equal(derived[0].bytes, derived[1].bytes, GATE_KEY_LEN);
    gate_key_destroy(k);
    gate_key_destroy(copy);
    gate_key_destroy(other);
    gate_key_destroy(NULL);
}

static void test_keyed_is_the_same(void **state) {
    struct gate_keyed keyed;
    char a[DCM_UID_MAX + 1];
    char b[GATE_PSEUDONYM_MAX];
    char c[GATE_PSEUDONYM_MAX];
    static const struct gate_keyed zeros;
    (void)state;
    gate_keyed_init(&keyed, &one);
    assert_string_equal(gate_keyed_uid(&keyed, slice_str("1.2.3"), a), uid(&one, "1.2.3"));
    assert_string_equal(gate_keyed_pseudonym(&keyed, "d", "P", slice_str("v"), b),
                        gate_pseudonym(&one, "d", "P", slice_str("v"), c));
    assert_int_equal(gate_keyed_shift_days(&keyed, slice_str("v")),
                     gate_shift_days(&one, slice_str("v")));
    gate_keyed_wipe(&keyed);
    assert_memory_equal(&keyed, &zeros, sizeof keyed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uids_are_consistent),
        cmocka_unit_test(test_uids_are_what_the_contract_says),
        cmocka_unit_test(test_uids_are_valid),
        cmocka_unit_test(test_public_definitions_stay),
        cmocka_unit_test(test_pseudonyms),
        cmocka_unit_test(test_shifts),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_keyed_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
