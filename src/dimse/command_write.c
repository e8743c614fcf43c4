// SPDX-License-Identifier: Apache-2.0
// Writing command sets: elements in the order of their tags, each where PS3.7 9.3 and 10.3 have it.
#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/tags.h"
#include "dimse/command.h"
#include "dimse/command_priv.h"

static void put_head(struct buf *out, dcm_tag tag, size_t len) {
    uint8_t *p = buf_extend(out, 8);
    if (p != NULL) {
        num_put_le16(p, dcm_tag_group(tag));
        num_put_le16(p + 2, dcm_tag_element(tag));
        num_put_le32(p + 4, (uint32_t)len);
    }
}

static void put_u16(struct buf *out, dcm_tag tag, uint16_t value) {
    uint8_t bytes[2];
    num_put_le16(bytes, value);
    put_head(out, tag, sizeof bytes);
    buf_put(out, bytes, sizeof bytes);
}

static void put_text(struct buf *out, dcm_tag tag, const char *text, uint8_t padding) {
    size_t len = strlen(text);
    put_head(out, tag, len + len % 2);
    buf_put(out, text, len);
    if (len % 2 != 0) {
        buf_put_byte(out, padding);
    }
}

static void put_uid(struct buf *out, dcm_tag tag, const char *uid) {
    if (uid[0] != '\0') {
        put_text(out, tag, uid, '\0');
    }
}

static void put_tags(struct buf *out, dcm_tag tag, const struct dimse_command *c) {
    put_head(out, tag, 4 * c->offending_count);
    for (size_t i = 0; i < c->offending_count; i++) {
        uint8_t bytes[4];
        num_put_le16(bytes, dcm_tag_group(c->offending[i]));
        num_put_le16(bytes + 2, dcm_tag_element(c->offending[i]));
        buf_put(out, bytes, sizeof bytes);
    }
}

static bool answers(const struct dimse_command *c) {
    return (c->field & DIMSE_RESPONSE) != 0 || c->field == DIMSE_C_CANCEL_RQ;
}

// C-STORE, C-FIND, C-GET, C-MOVE requests have a Priority (Type 1).
static bool has_priority(uint16_t field) {
    return field == DIMSE_C_STORE_RQ || field == DIMSE_C_FIND_RQ || field == DIMSE_C_GET_RQ ||
           field == DIMSE_C_MOVE_RQ;
}

static void put_start(struct buf *out, const struct dimse_command *c) {
    bool requested = command_names_requested(c->field);
    if (c->field != DIMSE_C_CANCEL_RQ) {
        put_uid(out, requested ? DCM_RequestedSOPClassUID : DCM_AffectedSOPClassUID, c->sop_class);
    }
    put_u16(out, DCM_CommandField, c->field);
    put_u16(out, answers(c) ? DCM_MessageIDBeingRespondedTo : DCM_MessageID, c->message_id);
    if (c->field == DIMSE_C_MOVE_RQ) {
        put_text(out, DCM_MoveDestination, c->move_destination, ' ');
    }
    if (has_priority(c->field)) {
        put_u16(out, DCM_Priority, c->priority);
    }
    put_u16(out, DCM_CommandDataSetType, c->data_set ? COMMAND_DATA_SET : COMMAND_NO_DATA_SET);
}

static void put_outcome(struct buf *out, const struct dimse_command *c) {
    if ((c->field & DIMSE_RESPONSE) == 0) {
        return;
    }
    put_u16(out, DCM_Status, c->status);
    if (c->offending_count > 0 && c->field != DIMSE_N_GET_RSP) {
        put_tags(out, DCM_OffendingElement, c);
    }
    if (c->comment[0] != '\0') {
        put_text(out, DCM_ErrorComment, c->comment, ' ');
    }
    if ((c->has & DIMSE_HAS_ERROR_ID) != 0) {
        put_u16(out, DCM_ErrorID, c->error_id);
    }
}

static void put_types(struct buf *out, const struct dimse_command *c) {
    bool requested = command_names_requested(c->field);
    if (c->field != DIMSE_C_CANCEL_RQ) {
        put_uid(out, requested ? DCM_RequestedSOPInstanceUID : DCM_AffectedSOPInstanceUID,
                c->sop_instance);
    }
    if ((c->has & DIMSE_HAS_EVENT_TYPE) != 0) {
        put_u16(out, DCM_EventTypeID, c->event_type);
    }
    bool list = c->field == DIMSE_N_GET_RQ || c->field == DIMSE_N_GET_RSP;
    if (list && c->offending_count > 0) {
        put_tags(out, DCM_AttributeIdentifierList, c);
    }
    if ((c->has & DIMSE_HAS_ACTION_TYPE) != 0) {
        put_u16(out, DCM_ActionTypeID, c->action_type);
    }
}

static void put_counts(struct buf *out, const struct dimse_command *c) {
    if ((c->has & DIMSE_HAS_REMAINING) != 0) {
        put_u16(out, DCM_NumberOfRemainingSuboperations, c->remaining);
    }
    if ((c->has & DIMSE_HAS_COUNTS) != 0) {
        put_u16(out, DCM_NumberOfCompletedSuboperations, c->completed);
        put_u16(out, DCM_NumberOfFailedSuboperations, c->failed);
        put_u16(out, DCM_NumberOfWarningSuboperations, c->warning);
    }
    if ((c->has & DIMSE_HAS_ORIGINATOR) != 0) {
        put_text(out, DCM_MoveOriginatorApplicationEntityTitle, c->originator_aet, ' ');
        put_u16(out, DCM_MoveOriginatorMessageID, c->originator_id);
    }
}

int dimse_command_write(const struct dimse_command *command, struct buf *out, struct err *e) {
    size_t start = out->len;
    put_head(out, DCM_CommandGroupLength, 4);
    uint8_t *length = buf_extend(out, 4);
    size_t body = out->len;
    if (length != NULL) {
        memset(length, 0, 4);
    }
    put_start(out, command);
    put_outcome(out, command);
    put_types(out, command);
    put_counts(out, command);
    int rc = buf_check(out, "command set", e);
    if (rc != E_OK) {
        return rc;
    }
    num_put_le32(out->data + start + 8, (uint32_t)(out->len - body));
    return E_OK;
}

struct dimse_command dimse_response_to(const struct dimse_command *request, uint16_t status) {
    struct dimse_command c = {.field = request->field | DIMSE_RESPONSE,
                              .message_id = request->message_id,
                              .has = DIMSE_HAS_STATUS,
                              .status = status};
    memcpy(c.sop_class, request->sop_class, sizeof c.sop_class);
    memcpy(c.sop_instance, request->sop_instance, sizeof c.sop_instance);
    // The event or action is named in its response, too (PS3.7 10.3.1.2, 10.3.4.2).
    c.has |= request->has & (DIMSE_HAS_EVENT_TYPE | DIMSE_HAS_ACTION_TYPE);
    c.event_type = request->event_type;
    c.action_type = request->action_type;
    return c;
}

// Error Comment is LO in the default repertoire: anything else becomes '?', and so does the
// backslash, which would part two values.
static void put_comment(char out[DIMSE_COMMENT_MAX + 1], const char *text) {
    size_t len = 0;
    for (; text[len] != '\0' && len < DIMSE_COMMENT_MAX; len++) {
        unsigned char c = (unsigned char)text[len];
        out[len] = (char)(c < ' ' || c >= 0x7F || c == '\\' ? '?' : c);
    }
    out[len] = '\0';
}

// A slash at the beginning of a word: "cannot open /srv/…", not "Query/Retrieve".
static bool names_path(const char *text) {
    const char *slash = text;
    while ((slash = strchr(slash, '/')) != NULL) {
        if (slash == text || strchr(" '\"(", slash[-1]) != NULL) {
            return true;
        }
        slash++;
    }
    return false;
}

bool dimse_comment_put(char out[DIMSE_COMMENT_MAX + 1], const struct err *e) {
    bool inner = e->code == E_DATABASE || e->code == E_INTERNAL || names_path(e->text);
    put_comment(out, inner || e->text[0] == '\0' ? err_words(e->code) : e->text);
    return !inner;
}

struct dimse_command dimse_response_err(const struct dimse_command *request, const struct err *e) {
    struct dimse_command c = dimse_response_to(request, err_dimse(e->code));
    (void)dimse_comment_put(c.comment, e);
    return c;
}
