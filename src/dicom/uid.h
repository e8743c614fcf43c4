// SPDX-License-Identifier: Apache-2.0
// UIDs (PS3.5 9) and the registry of PS3.6 Annex A, generated at build from data/uids.csv.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct rng;

#define DCM_UID_MAX 64

enum dcm_uid_kind {
    DCM_UID_SOP_CLASS,
    DCM_UID_META_SOP_CLASS,
    DCM_UID_TRANSFER_SYNTAX,
    DCM_UID_WELL_KNOWN_FRAME,
    DCM_UID_WELL_KNOWN_INSTANCE,
    DCM_UID_CODING_SCHEME,
    DCM_UID_OTHER
};

struct dcm_uid_entry {
    const char *uid;
    const char *name;
    enum dcm_uid_kind kind;
    bool retired;
};

const struct dcm_uid_entry *dcm_uid_find(struct slice uid); // NULL when not registered

// PS3.5 9.1: digits and dots, no empty component, no leading zeros, at most 64 characters.
bool dcm_uid_valid(struct slice uid);

// The same but for leading zeros, which devices in the field write: it still names one thing, and
// refusing it would lose real images.
bool dcm_uid_usable(struct slice uid);

// A storage SOP class of the registry ("… Storage", not of the media directory).
bool dcm_uid_is_storage(struct slice sop_class);

// "2.25." and a random UUID's number (PS3.5 B.2). Returns `out`.
char *dcm_uid_new(struct rng *rng, char out[DCM_UID_MAX + 1]);
// The same from 16 bytes that the caller chose.
char *dcm_uid_from_bytes(const uint8_t bytes[16], char out[DCM_UID_MAX + 1]);

struct dcm_transfer_syntax {
    const char *uid;
    const char *name;
    bool implicit;
    bool big_endian;
    bool deflated;
    bool encapsulated; // pixel data in fragments
    bool lossy;        // may be
    bool video;        // one fragment stream for all frames (MPEG2, H.264, H.265)
    bool retired;
};

const struct dcm_transfer_syntax *dcm_transfer_syntax_find(struct slice uid); // NULL: not known

#define DCM_IMPLICIT_LE_UID "1.2.840.10008.1.2"
#define DCM_EXPLICIT_LE_UID "1.2.840.10008.1.2.1"
#define DCM_DEFLATED_UID "1.2.840.10008.1.2.1.99"
#define DCM_EXPLICIT_BE_UID "1.2.840.10008.1.2.2"
#define DCM_JPEG_BASELINE_UID "1.2.840.10008.1.2.4.50"
#define DCM_RLE_UID "1.2.840.10008.1.2.5"
