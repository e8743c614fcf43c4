// SPDX-License-Identifier: Apache-2.0
// Pseudonyms under a delivery's key. Every function is HMAC-SHA-256(key, version, domain, length,
// value): the same value gives the same pseudonym at every depth, in every file of the delivery and
// in any number of workers, without a map; who does not hold the key cannot go back nor list
// candidates. Values are taken without padding. Holding the key is holding the crosswalk: it lies
// in locked memory (gate_key_alloc), never in a log, file name, catalogue or report.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/uid.h"

struct err;

#define GATE_KEY_LEN 32
struct gate_key {
    uint8_t bytes[GATE_KEY_LEN];
};

// Memory that is not swapped nor dumped (sodium_malloc), random. NULL: none to be had.
struct gate_key *gate_key_new(void);
struct gate_key *gate_key_copy(const struct gate_key *from);
void gate_key_destroy(struct gate_key *k); // wiped; NULL allowed

// A key for another purpose of the same delivery ("quarantine", "pixels"…).
void gate_key_derive(const struct gate_key *k, const char *purpose, struct gate_key *ret_key);

// 2.25 and 128 bits that look like a UUID version 8, RFC 9562 (PS3.5 B.2). A UID of the registry
// (PS3.6 Annex A: classes, transfer syntaxes, coding schemes, well-known frames of reference) is a
// public definition and comes back as it is. Text that is no UID gets a pseudonym all the same.
char *gate_uid(const struct gate_key *k, struct slice uid, char out[DCM_UID_MAX + 1]);

// "CASE-" and Crockford base 32 of 50 bits, such as CASE-7Q4K-2M9XWT: conspicuous, fits LO, SH and
// PN. `domain` is "patient", "accession", "study-id", "device" …; equal values of different domains
// have nothing in common. `prefix` ("CASE") comes without its hyphen and has at most 16 characters.
#define GATE_PSEUDONYM_MAX 32
char *gate_pseudonym(const struct gate_key *k, const char *domain, const char *prefix,
                     struct slice value, char out[GATE_PSEUDONYM_MAX]);

// Whole days to subtract from the dates of this patient: a multiple of 7 from 52 to 520 weeks.
int32_t gate_shift_days(const struct gate_key *k, struct slice patient);

// A key that has been taken in already: what the functions above do first. A header has some
// fifteen different UIDs, and this is half of the work for each.
#define GATE_KEYED_LEN 208
struct gate_keyed {
    _Alignas(16) uint8_t state[GATE_KEYED_LEN];
};
void gate_keyed_init(struct gate_keyed *keyed, const struct gate_key *k);
void gate_keyed_wipe(struct gate_keyed *keyed);
char *gate_keyed_uid(const struct gate_keyed *keyed, struct slice uid, char out[DCM_UID_MAX + 1]);
char *gate_keyed_pseudonym(const struct gate_keyed *keyed, const char *domain, const char *prefix,
                           struct slice value, char out[GATE_PSEUDONYM_MAX]);
int32_t gate_keyed_shift_days(const struct gate_keyed *keyed, struct slice patient);
