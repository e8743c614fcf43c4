// SPDX-License-Identifier: Apache-2.0
// What is signed: one byte version, the domain's length and text, the value's length in four bytes,
// the value. No two inputs give the same bytes.
#include "gate/identity.h"

#include <sodium.h>
#include <stdio.h>

#include "base/num.h"

#define VERSION 1
#define DIGEST_LEN 32
#define PREFIX_MAX 16
#define PSEUDONYM_CHARS 10
#define PSEUDONYM_FIRST 4 // characters before the second hyphen
#define WEEKS_MIN 52
#define WEEKS_MAX 520
#define DAYS_A_WEEK 7

_Static_assert(sizeof(crypto_auth_hmacsha256_state) == GATE_KEYED_LEN, "the state fits exactly");
_Static_assert(crypto_auth_hmacsha256_BYTES == DIGEST_LEN, "HMAC-SHA-256");
_Static_assert(PREFIX_MAX + 1 + PSEUDONYM_CHARS + 1 < GATE_PSEUDONYM_MAX, "a pseudonym fits");

struct gate_key *gate_key_new(void) {
    struct gate_key *k = sodium_init() < 0 ? NULL : sodium_malloc(sizeof *k);
    if (k != NULL) {
        randombytes_buf(k->bytes, sizeof k->bytes);
    }
    return k;
}

struct gate_key *gate_key_copy(const struct gate_key *from) {
    struct gate_key *k = sodium_init() < 0 ? NULL : sodium_malloc(sizeof *k);
    if (k != NULL) {
        *k = *from;
    }
    return k;
}

void gate_key_destroy(struct gate_key *k) { sodium_free(k); }

static struct slice without_padding(struct slice value) {
    while (value.len > 0 && (value.ptr[value.len - 1] == ' ' || value.ptr[value.len - 1] == '\0')) {
        value.len--;
    }
    while (value.len > 0 && value.ptr[0] == ' ') {
        value = slice_from(value, 1);
    }
    return value;
}

static void add(crypto_auth_hmacsha256_state *state, const void *bytes, size_t len) {
    (void)crypto_auth_hmacsha256_update(state, bytes, len);
}

static void digest(const struct gate_keyed *keyed, const char *domain, struct slice value,
                   uint8_t out[DIGEST_LEN]) {
    crypto_auth_hmacsha256_state state;
    uint8_t head[2 + UINT8_MAX + 4];
    size_t domain_len = strlen(domain) & UINT8_MAX;
    memcpy(&state, keyed->state, sizeof state);
    head[0] = VERSION;
    head[1] = (uint8_t)domain_len;
    memcpy(head + 2, domain, domain_len);
    num_put_le32(head + 2 + domain_len, (uint32_t)value.len);
    add(&state, head, 2 + domain_len + 4);
    if (value.len > 0) {
        add(&state, value.ptr, value.len);
    }
    (void)crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

void gate_keyed_init(struct gate_keyed *keyed, const struct gate_key *k) {
    crypto_auth_hmacsha256_state state;
    (void)crypto_auth_hmacsha256_init(&state, k->bytes, sizeof k->bytes);
    memcpy(keyed->state, &state, sizeof state);
    sodium_memzero(&state, sizeof state);
}

void gate_keyed_wipe(struct gate_keyed *keyed) { sodium_memzero(keyed, sizeof *keyed); }

void gate_key_derive(const struct gate_key *k, const char *purpose, struct gate_key *ret_key) {
    struct gate_keyed keyed;
    gate_keyed_init(&keyed, k);
    digest(&keyed, "derive", slice_str(purpose), ret_key->bytes);
    gate_keyed_wipe(&keyed);
}

char *gate_keyed_uid(const struct gate_keyed *keyed, struct slice uid, char out[DCM_UID_MAX + 1]) {
    uint8_t bytes[DIGEST_LEN];
    uid = without_padding(uid);
    if (slice_starts(uid, slice_str("1.2.840.10008.")) && dcm_uid_find(uid) != NULL) {
        memcpy(out, uid.ptr, uid.len);
        out[uid.len] = '\0';
        return out;
    }
    digest(keyed, "uid", uid, bytes);
    bytes[6] = (uint8_t)(0x80 | (bytes[6] & 0x0F)); // version 8
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3F)); // variant of RFC 9562
    return dcm_uid_from_bytes(bytes, out);
}

char *gate_keyed_pseudonym(const struct gate_keyed *keyed, const char *domain, const char *prefix,
                           struct slice value, char out[GATE_PSEUDONYM_MAX]) {
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint8_t bytes[DIGEST_LEN];
    char text[PSEUDONYM_CHARS + 1];
    digest(keyed, domain, without_padding(value), bytes);
    uint64_t bits = num_le64(bytes);
    for (unsigned i = 0; i < PSEUDONYM_CHARS; i++) {
        text[i] = digits[bits >> (5 * i) & 31];
    }
    text[PSEUDONYM_CHARS] = '\0';
    (void)snprintf(out, GATE_PSEUDONYM_MAX, "%.*s-%.*s-%s", PREFIX_MAX, prefix, PSEUDONYM_FIRST,
                   text, text + PSEUDONYM_FIRST);
    return out;
}

int32_t gate_keyed_shift_days(const struct gate_keyed *keyed, struct slice patient) {
    uint8_t bytes[DIGEST_LEN];
    digest(keyed, "shift", without_padding(patient), bytes);
    uint64_t weeks = WEEKS_MIN + num_le64(bytes) % (WEEKS_MAX - WEEKS_MIN + 1);
    return (int32_t)weeks * DAYS_A_WEEK;
}

char *gate_uid(const struct gate_key *k, struct slice uid, char out[DCM_UID_MAX + 1]) {
    struct gate_keyed keyed;
    gate_keyed_init(&keyed, k);
    (void)gate_keyed_uid(&keyed, uid, out);
    gate_keyed_wipe(&keyed);
    return out;
}

char *gate_pseudonym(const struct gate_key *k, const char *domain, const char *prefix,
                     struct slice value, char out[GATE_PSEUDONYM_MAX]) {
    struct gate_keyed keyed;
    gate_keyed_init(&keyed, k);
    (void)gate_keyed_pseudonym(&keyed, domain, prefix, value, out);
    gate_keyed_wipe(&keyed);
    return out;
}

int32_t gate_shift_days(const struct gate_key *k, struct slice patient) {
    struct gate_keyed keyed;
    gate_keyed_init(&keyed, k);
    int32_t days = gate_keyed_shift_days(&keyed, patient);
    gate_keyed_wipe(&keyed);
    return days;
}
