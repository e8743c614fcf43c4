// SPDX-License-Identifier: Apache-2.0
#include "dimse/pdu.h"

#include <stdio.h>

#include "base/err.h"
#include "base/num.h"

struct pdu_head pdu_head_read(const uint8_t *bytes) {
    return (struct pdu_head){.type = bytes[0], .len = num_be32(bytes + 2)};
}

static void head_write(uint8_t *out, enum pdu_type type, uint32_t len) {
    out[0] = (uint8_t)type;
    out[1] = 0;
    num_put_be32(out + 2, len);
}

const char *pdu_type_text(uint8_t type) {
    static const char *const texts[] = {"unknown PDU",    "A-ASSOCIATE-RQ", "A-ASSOCIATE-AC",
                                        "A-ASSOCIATE-RJ", "P-DATA-TF",      "A-RELEASE-RQ",
                                        "A-RELEASE-RP",   "A-ABORT"};
    return texts[type <= PDU_ABORT ? type : 0];
}

int pdv_head_read(const uint8_t *bytes, uint32_t left, struct pdv_head *ret_head, struct err *e) {
    uint32_t len = num_be32(bytes);
    if (len < 2) {
        return err_set(e, E_SYNTAX, "presentation data value of %u bytes", len);
    }
    if (left < 4 || len > left - 4) {
        return err_set(e, E_SYNTAX, "presentation data value of %u bytes in %u of its PDU", len,
                       left);
    }
    *ret_head = (struct pdv_head){.len = len - 2, .context_id = bytes[4], .control = bytes[5]};
    return E_OK;
}

void pdu_data_head_write(uint8_t *out, uint32_t fragment_len, uint8_t context_id, uint8_t control) {
    head_write(out, PDU_DATA, fragment_len + PDV_HEAD_LEN);
    num_put_be32(out + PDU_HEAD_LEN, fragment_len + 2);
    out[PDU_HEAD_LEN + 4] = context_id;
    out[PDU_HEAD_LEN + 5] = control;
}

enum pdu_abort_reason pdu_abort_reason_of(int code) {
    switch (code) {
    case E_MISMATCH:
        return PDU_ABORT_UNEXPECTED_PARAMETER;
    case E_MEMORY:
        return PDU_ABORT_NOT_SPECIFIED;
    default:
        return PDU_ABORT_INVALID_PARAMETER;
    }
}

// --- the short ones

// PS3.8 Table 9-21: which reasons each source has.
static const char *rejection_reason(uint8_t source, uint8_t reason) {
    static const struct {
        uint8_t source, reason;
        const char *text;
    } rows[] = {
        {1, 1, "no reason given"},
        {1, 2, "application context name not supported"},
        {1, 3, "calling AE title not recognized"},
        {1, 7, "called AE title not recognized"},
        {2, 1, "no reason given by its provider"},
        {2, 2, "protocol version not supported"},
        {3, 1, "temporary congestion"},
        {3, 2, "local limit exceeded"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].source == source && rows[i].reason == reason) {
            return rows[i].text;
        }
    }
    return NULL;
}

const char *pdu_rejection_text(struct pdu_short s, char out[PDU_TEXT_MAX]) {
    const char *reason = rejection_reason(s.source, s.reason);
    const char *how = s.result == DIMSE_REJECT_TRANSIENT ? "for the moment" : "permanently";
    if (reason != NULL) {
        (void)snprintf(out, PDU_TEXT_MAX, "%s: %s", how, reason);
    } else {
        (void)snprintf(out, PDU_TEXT_MAX, "%s: source %u, reason %u", how, s.source, s.reason);
    }
    return out;
}

const char *pdu_abort_text(struct pdu_short s, char out[PDU_TEXT_MAX]) {
    static const char *const reasons[] = {"no reason given",        "unrecognized PDU",
                                          "unexpected PDU",         "reserved reason",
                                          "unrecognized parameter", "unexpected parameter",
                                          "invalid parameter value"};
    size_t count = sizeof reasons / sizeof reasons[0];
    if (s.source == PDU_ABORT_USER) {
        (void)snprintf(out, PDU_TEXT_MAX, "aborted by the peer");
    } else {
        (void)snprintf(out, PDU_TEXT_MAX, "aborted by the peer's provider: %s",
                       s.reason < count ? reasons[s.reason] : "unknown reason");
    }
    return out;
}

int pdu_short_read(enum pdu_type type, struct slice body, struct pdu_short *ret_short,
                   struct err *e) {
    if (body.len != PDU_SHORT_LEN) {
        err_set(e, E_SYNTAX, "%s of %zu bytes, not %d", pdu_type_text((uint8_t)type), body.len,
                PDU_SHORT_LEN);
        return err_at(e, 2);
    }
    struct pdu_short s = {body.ptr[1], body.ptr[2], body.ptr[3]};
    if (type == PDU_ASSOCIATE_RJ && s.result != DIMSE_REJECT_PERMANENT &&
        s.result != DIMSE_REJECT_TRANSIENT) {
        err_set(e, E_VALUE, "rejection with result %u", s.result);
        return err_at(e, PDU_HEAD_LEN + 1);
    }
    if (type == PDU_ASSOCIATE_RJ && (s.source < 1 || s.source > 3)) {
        err_set(e, E_VALUE, "rejection from source %u", s.source);
        return err_at(e, PDU_HEAD_LEN + 2);
    }
    *ret_short = s;
    return E_OK;
}

void pdu_short_write(enum pdu_type type, struct pdu_short s, uint8_t out[PDU_SHORT_WHOLE]) {
    head_write(out, type, PDU_SHORT_LEN);
    out[PDU_HEAD_LEN] = 0;
    out[PDU_HEAD_LEN + 1] = s.result;
    out[PDU_HEAD_LEN + 2] = s.source;
    out[PDU_HEAD_LEN + 3] = s.reason;
}
