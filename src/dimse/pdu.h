// SPDX-License-Identifier: Apache-2.0
// Protocol data units of the DICOM Upper Layer (PS3.8 9.3 and Annex D, PS3.7 Annex D): reading and
// writing as pure functions over bytes. Offsets in errors count from the first byte of the PDU.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "dimse/association.h"

struct arena;
struct buf;
struct err;

enum pdu_type {
    PDU_ASSOCIATE_RQ = 1,
    PDU_ASSOCIATE_AC = 2,
    PDU_ASSOCIATE_RJ = 3,
    PDU_DATA = 4,
    PDU_RELEASE_RQ = 5,
    PDU_RELEASE_RP = 6,
    PDU_ABORT = 7
};

#define PDU_HEAD_LEN 6  // type, reserved, length
#define PDU_SHORT_LEN 4 // of everything behind the head in RJ, RELEASE-RQ, RELEASE-RP, ABORT
#define PDU_SHORT_WHOLE (PDU_HEAD_LEN + PDU_SHORT_LEN)
#define PDV_HEAD_LEN 6 // length, context, control header
#define PDV_COMMAND 1  // bits of the control header (PS3.8 E.2); the others are not looked at
#define PDV_LAST 2

#define DIMSE_APPLICATION_CONTEXT "1.2.840.10008.3.1.1.1"
#define DIMSE_IMPLEMENTATION_VERSION "MACLAB_" MACLAB_VERSION // defined by the build
// PS3.8 Table 9-26.
enum pdu_abort_source { PDU_ABORT_USER = 0, PDU_ABORT_PROVIDER = 2 };
enum pdu_abort_reason {
    PDU_ABORT_NOT_SPECIFIED = 0,
    PDU_ABORT_UNRECOGNIZED_PDU = 1,
    PDU_ABORT_UNEXPECTED_PDU = 2,
    PDU_ABORT_UNRECOGNIZED_PARAMETER = 4,
    PDU_ABORT_UNEXPECTED_PARAMETER = 5,
    PDU_ABORT_INVALID_PARAMETER = 6
};

struct pdu_head {
    uint8_t type;
    uint32_t len; // of what follows the head
};
// Of PDU_HEAD_LEN bytes; any type.
struct pdu_head pdu_head_read(const uint8_t *bytes);
const char *pdu_type_text(uint8_t type); // "A-ASSOCIATE-RQ"; "unknown PDU"

struct pdv_head {
    uint32_t len; // of the fragment alone
    uint8_t context_id;
    uint8_t control;
};
// Of PDV_HEAD_LEN bytes, `left` of the PDU's length being left in front of it. E_SYNTAX.
int pdv_head_read(const uint8_t *bytes, uint32_t left, struct pdv_head *ret_head, struct err *e);
// PDU and PDV head of a P-DATA-TF with one fragment, PDU_HEAD_LEN + PDV_HEAD_LEN bytes.
void pdu_data_head_write(uint8_t *out, uint32_t fragment_len, uint8_t context_id, uint8_t control);

// --- A-ASSOCIATE-RQ and -AC

struct pdu_role { // PS3.7 D.3.3.4
    char sop_class[DCM_UID_MAX + 1];
    bool scu, scp;
};
struct pdu_extended { // PS3.7 D.3.3.5
    char sop_class[DCM_UID_MAX + 1];
    struct slice information;
};
struct pdu_common { // PS3.7 D.3.3.6; what else it says is passed over
    char sop_class[DCM_UID_MAX + 1];
    char service_class[DCM_UID_MAX + 1];
};
#define PDU_LISTS_MAX 256 // sub-items of a kind

struct pdu_associate {
    uint16_t version; // bit 0: version 1
    char application_context[DCM_UID_MAX + 1];
    // Of a request the contexts have id, abstract_syntax and proposed; of an acceptance id, result,
    // syntax.
    struct dimse_proposal p;
    bool has_window;
    const struct pdu_role *roles;
    size_t role_count;
    const struct pdu_extended *extended;
    size_t extended_count;
    const struct pdu_common *common;
    size_t common_count;
    bool identity_answered; // acceptance; its server response is in p.identity
};
// `body` is what follows the head. Slices borrow from it, the rest is in `a`. Unknown items are
// skipped. E_SYNTAX, E_TRUNCATED, E_VALUE, E_LIMIT (invalid parameter), E_MISMATCH (unexpected
// parameter), E_MEMORY.
int pdu_associate_read(enum pdu_type type, struct slice body, struct arena *a,
                       struct pdu_associate *ret_associate, struct err *e);
// Appends the whole PDU.
int pdu_associate_write(enum pdu_type type, const struct pdu_associate *associate, struct buf *out,
                        struct err *e);
// Which reason an A-ABORT gives for an error of the functions above.
enum pdu_abort_reason pdu_abort_reason_of(int code);

// --- the short ones

// A-ASSOCIATE-RJ (result, source, reason), A-RELEASE-RQ, A-RELEASE-RP (0, 0, 0), A-ABORT (0,
// source, reason).
struct pdu_short {
    uint8_t result, source, reason;
};
// `body` is what follows the head. E_SYNTAX: wrong length; E_VALUE: values that the standard has
// not (of a rejection; those of an A-ABORT are not looked at).
int pdu_short_read(enum pdu_type type, struct slice body, struct pdu_short *ret_short,
                   struct err *e);
void pdu_short_write(enum pdu_type type, struct pdu_short s, uint8_t out[PDU_SHORT_WHOLE]);

// "permanently: calling AE title not recognized", "aborted by the peer's provider: unexpected PDU".
#define PDU_TEXT_MAX 96
const char *pdu_rejection_text(struct pdu_short s, char out[PDU_TEXT_MAX]);
const char *pdu_abort_text(struct pdu_short s, char out[PDU_TEXT_MAX]);
