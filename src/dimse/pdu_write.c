// SPDX-License-Identifier: Apache-2.0
// Writing A-ASSOCIATE-RQ and -AC.
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "dimse/pdu.h"
#include "dimse/pdu_items.h"

static void put_u16(struct buf *out, uint16_t value) {
    uint8_t bytes[2];
    num_put_be16(bytes, value);
    buf_put(out, bytes, sizeof bytes);
}

static void put_u32(struct buf *out, uint32_t value) {
    uint8_t bytes[4];
    num_put_be32(bytes, value);
    buf_put(out, bytes, sizeof bytes);
}

static void put_zeros(struct buf *out, size_t len) {
    static const uint8_t zeros[32];
    buf_put(out, zeros, len);
}

// Starts an item; returns where it starts, for item_end.
static size_t item_start(struct buf *out, enum pdu_item type) {
    size_t at = out->len;
    buf_put_byte(out, (uint8_t)type);
    put_zeros(out, 3);
    return at;
}

static int item_end(struct buf *out, size_t at, struct err *e) {
    if (out->failed) {
        return buf_check(out, "association PDU", e);
    }
    size_t len = out->len - at - 4;
    if (len > UINT16_MAX) {
        return err_set(e, E_LIMIT, "item of %zu bytes in an association PDU", len);
    }
    num_put_be16(out->data + at + 2, (uint16_t)len);
    return E_OK;
}

static int put_item(struct buf *out, enum pdu_item type, struct slice value, struct err *e) {
    size_t at = item_start(out, type);
    buf_put_slice(out, value);
    return item_end(out, at, e);
}

static void put_counted(struct buf *out, struct slice bytes) {
    put_u16(out, (uint16_t)bytes.len);
    buf_put_slice(out, bytes);
}

static int put_context(struct buf *out, enum pdu_type type, const struct dimse_context *c,
                       struct err *e) {
    bool request = type == PDU_ASSOCIATE_RQ;
    size_t at = item_start(out, request ? ITEM_CONTEXT_RQ : ITEM_CONTEXT_AC);
    buf_put_byte(out, c->id);
    buf_put_byte(out, 0);
    buf_put_byte(out, request ? 0 : c->result);
    buf_put_byte(out, 0);
    int rc = E_OK;
    if (request) {
        rc = put_item(out, ITEM_ABSTRACT_SYNTAX, slice_str(c->abstract_syntax), e);
        for (size_t i = 0; rc == E_OK && i < c->proposed_count; i++) {
            rc = put_item(out, ITEM_TRANSFER_SYNTAX, slice_str(c->proposed[i]), e);
        }
    } else {
        // Refused contexts carry one, too, which nobody looks at (PS3.8 9.3.3.2).
        const char *syntax = c->result == DIMSE_ACCEPTED ? c->syntax : DCM_IMPLICIT_LE_UID;
        rc = put_item(out, ITEM_TRANSFER_SYNTAX, slice_str(syntax), e);
    }
    return rc == E_OK ? item_end(out, at, e) : rc;
}

static int put_role(struct buf *out, const struct pdu_role *role, struct err *e) {
    size_t at = item_start(out, ITEM_ROLE);
    put_counted(out, slice_str(role->sop_class));
    buf_put_byte(out, role->scu);
    buf_put_byte(out, role->scp);
    return item_end(out, at, e);
}

static int put_extended(struct buf *out, const struct pdu_extended *x, struct err *e) {
    size_t at = item_start(out, ITEM_EXTENDED);
    put_counted(out, slice_str(x->sop_class));
    buf_put_slice(out, x->information);
    return item_end(out, at, e);
}

static int put_common(struct buf *out, const struct pdu_common *c, struct err *e) {
    size_t at = item_start(out, ITEM_COMMON_EXTENDED);
    put_counted(out, slice_str(c->sop_class));
    put_counted(out, slice_str(c->service_class));
    put_u16(out, 0); // no related general SOP classes
    return item_end(out, at, e);
}

static int put_identity(struct buf *out, enum pdu_type type, const struct pdu_associate *from,
                        struct err *e) {
    const struct dimse_proposal *p = &from->p;
    if (type == PDU_ASSOCIATE_AC) {
        if (!from->identity_answered) {
            return E_OK;
        }
        size_t at = item_start(out, ITEM_IDENTITY_ANSWER);
        put_counted(out, p->identity);
        return item_end(out, at, e);
    }
    if (p->identity_type == DIMSE_IDENTITY_NONE) {
        return E_OK;
    }
    if (p->identity.len > UINT16_MAX || p->passcode.len > UINT16_MAX) {
        return err_set(e, E_LIMIT, "user identity over %d bytes", UINT16_MAX);
    }
    size_t at = item_start(out, ITEM_IDENTITY);
    buf_put_byte(out, p->identity_type);
    buf_put_byte(out, p->identity_response_wanted);
    put_counted(out, p->identity);
    put_counted(out, p->passcode);
    return item_end(out, at, e);
}

static int put_fixed_items(struct buf *out, const struct pdu_associate *from, struct err *e) {
    const struct dimse_proposal *p = &from->p;
    size_t at = item_start(out, ITEM_MAXIMUM_LENGTH);
    put_u32(out, p->max_pdu);
    int rc = item_end(out, at, e);
    if (rc == E_OK) {
        rc = put_item(out, ITEM_IMPLEMENTATION_CLASS, slice_str(p->implementation_class), e);
    }
    if (rc == E_OK && from->has_window) {
        at = item_start(out, ITEM_WINDOW);
        put_u16(out, p->max_invoked);
        put_u16(out, p->max_performed);
        rc = item_end(out, at, e);
    }
    return rc;
}

// Sub-items in the order of their types (PS3.7 D.3.3).
static int put_user_information(struct buf *out, enum pdu_type type,
                                const struct pdu_associate *from, struct err *e) {
    size_t at = item_start(out, ITEM_USER_INFORMATION);
    int rc = put_fixed_items(out, from, e);
    for (size_t i = 0; rc == E_OK && i < from->role_count; i++) {
        rc = put_role(out, &from->roles[i], e);
    }
    if (rc == E_OK && from->p.implementation_version[0] != '\0') {
        rc = put_item(out, ITEM_IMPLEMENTATION_VERSION, slice_str(from->p.implementation_version),
                      e);
    }
    for (size_t i = 0; rc == E_OK && i < from->extended_count; i++) {
        rc = put_extended(out, &from->extended[i], e);
    }
    for (size_t i = 0; rc == E_OK && type == PDU_ASSOCIATE_RQ && i < from->common_count; i++) {
        rc = put_common(out, &from->common[i], e);
    }
    if (rc == E_OK) {
        rc = put_identity(out, type, from, e);
    }
    return rc == E_OK ? item_end(out, at, e) : rc;
}

static void put_title(struct buf *out, const char *title) {
    size_t len = strnlen(title, DIMSE_AET_MAX);
    buf_put(out, title, len);
    buf_put(out, "                ", DIMSE_AET_MAX - len);
}

int pdu_associate_write(enum pdu_type type, const struct pdu_associate *associate, struct buf *out,
                        struct err *e) {
    size_t start = out->len;
    buf_put_byte(out, (uint8_t)type);
    put_zeros(out, 5);
    put_u16(out, associate->version);
    put_zeros(out, 2);
    put_title(out, associate->p.called);
    put_title(out, associate->p.calling);
    put_zeros(out, 32);
    int rc = put_item(out, ITEM_APPLICATION_CONTEXT, slice_str(associate->application_context), e);
    for (size_t i = 0; rc == E_OK && i < associate->p.context_count; i++) {
        rc = put_context(out, type, &associate->p.contexts[i], e);
    }
    if (rc == E_OK) {
        rc = put_user_information(out, type, associate, e);
    }
    if (rc == E_OK) {
        rc = buf_check(out, "association PDU", e);
    }
    if (rc == E_OK) {
        num_put_be32(out->data + start + 2, (uint32_t)(out->len - start - PDU_HEAD_LEN));
    }
    return rc;
}
