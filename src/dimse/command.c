// SPDX-License-Identifier: Apache-2.0
// Reading command sets. The grammar is small enough to be read directly: tag, length, value.
#include "dimse/command.h"

#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "dicom/tags.h"
#include "dimse/command_priv.h"

#define HEAD_LEN 8 // tag and length of Implicit VR Little Endian

bool command_names_requested(uint16_t field) {
    return field == DIMSE_N_GET_RQ || field == DIMSE_N_SET_RQ || field == DIMSE_N_ACTION_RQ ||
           field == DIMSE_N_DELETE_RQ;
}

struct element {
    dcm_tag tag;
    struct slice value;
    size_t at; // in the command set
};

// What is seen on the way and is no member of the command.
struct seen {
    bool field, message_id, responded_to, data_set_type;
    uint16_t own_id, other_id;
    uint8_t counts; // a bit each
    uint8_t originator;
};

static int wrong(struct err *e, int code, const struct element *el, const char *what) {
    char path[DCM_TAG_TEXT_LEN + 1];
    err_set(e, code, "%s", what);
    err_in(e, dcm_tag_text(el->tag, path));
    return err_at(e, el->at);
}

static int take_u16(const struct element *el, uint16_t *ret_value, struct err *e) {
    if (el->value.len != 2) {
        return wrong(e, E_VALUE, el, "not one US value");
    }
    *ret_value = num_le16(el->value.ptr);
    return E_OK;
}

// Without padding: spaces in front and behind, NULs behind.
static struct slice unpadded(struct slice value) {
    while (value.len > 0 && (value.ptr[value.len - 1] == '\0' || value.ptr[value.len - 1] == ' ')) {
        value.len--;
    }
    return slice_trim(value, " ");
}

static int take_text(const struct element *el, char *out, size_t max, struct err *e) {
    struct slice text = unpadded(el->value);
    if (text.len > max) {
        return wrong(e, E_VALUE, el, "longer than its VR allows");
    }
    for (size_t i = 0; i < text.len; i++) {
        // ESC, TAB and the like have no business in an AE title; in a comment they are passed over.
        if (text.ptr[i] == '\0') {
            return wrong(e, E_VALUE, el, "NUL inside a text");
        }
        out[i] = (char)(text.ptr[i] < ' ' || text.ptr[i] == 0x7F ? '?' : text.ptr[i]);
    }
    out[text.len] = '\0';
    return E_OK;
}

static int take_comment(const struct element *el, char *out, struct err *e) {
    struct element cut = *el;
    cut.value = slice_first(unpadded(el->value), DIMSE_COMMENT_MAX);
    return take_text(&cut, out, DIMSE_COMMENT_MAX, e);
}

static int take_uid(const struct element *el, char out[DCM_UID_MAX + 1], struct err *e) {
    struct slice uid = unpadded(el->value);
    if (uid.len > 0 && !dcm_uid_usable(uid)) {
        return wrong(e, E_VALUE, el, "not a UID");
    }
    if (uid.len > 0) {
        memcpy(out, uid.ptr, uid.len);
    }
    out[uid.len] = '\0';
    return E_OK;
}

static int take_tags(const struct element *el, struct dimse_command *c, struct err *e) {
    if (el->value.len % 4 != 0) {
        return wrong(e, E_VALUE, el, "not a list of tags");
    }
    size_t count = el->value.len / 4;
    if (count > DIMSE_TAGS_MAX) {
        return wrong(e, E_LIMIT, el, "too many tags");
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *p = el->value.ptr + 4 * i;
        c->offending[i] = DCM_TAG(num_le16(p), num_le16(p + 2));
    }
    c->offending_count = count;
    return E_OK;
}

static int take_count(const struct element *el, uint16_t *ret_count, uint8_t bit,
                      struct dimse_command *c, struct seen *seen, struct err *e) {
    seen->counts |= bit;
    c->has |= seen->counts == 7 ? DIMSE_HAS_COUNTS : 0;
    return take_u16(el, ret_count, e);
}

static int take_has(const struct element *el, uint16_t *ret_value, uint32_t bit,
                    struct dimse_command *c, struct err *e) {
    c->has |= bit;
    return take_u16(el, ret_value, e);
}

static int take_data_set_type(const struct element *el, struct dimse_command *c, struct seen *seen,
                              struct err *e) {
    uint16_t type = 0;
    int rc = take_u16(el, &type, e);
    seen->data_set_type = rc == E_OK;
    c->data_set = type != COMMAND_NO_DATA_SET;
    return rc;
}

static int take(const struct element *el, struct dimse_command *c, struct seen *seen,
                struct err *e) {
    switch (el->tag) {
    case DCM_CommandField:
        seen->field = true;
        return take_u16(el, &c->field, e);
    case DCM_MessageID:
        seen->message_id = true;
        return take_u16(el, &seen->own_id, e);
    case DCM_MessageIDBeingRespondedTo:
        seen->responded_to = true;
        return take_u16(el, &seen->other_id, e);
    case DCM_CommandDataSetType:
        return take_data_set_type(el, c, seen, e);
    case DCM_AffectedSOPClassUID:
    case DCM_RequestedSOPClassUID:
        return take_uid(el, c->sop_class, e);
    case DCM_AffectedSOPInstanceUID:
    case DCM_RequestedSOPInstanceUID:
        return take_uid(el, c->sop_instance, e);
    case DCM_MoveDestination:
        return take_text(el, c->move_destination, DIMSE_AET_MAX, e);
    case DCM_MoveOriginatorApplicationEntityTitle:
        seen->originator |= 1;
        c->has |= seen->originator == 3 ? DIMSE_HAS_ORIGINATOR : 0;
        return take_text(el, c->originator_aet, DIMSE_AET_MAX, e);
    case DCM_MoveOriginatorMessageID:
        seen->originator |= 2;
        c->has |= seen->originator == 3 ? DIMSE_HAS_ORIGINATOR : 0;
        return take_u16(el, &c->originator_id, e);
    case DCM_Priority:
        return take_has(el, &c->priority, DIMSE_HAS_PRIORITY, c, e);
    case DCM_Status:
        return take_has(el, &c->status, DIMSE_HAS_STATUS, c, e);
    case DCM_ErrorComment:
        return take_comment(el, c->comment, e);
    case DCM_ErrorID:
        return take_has(el, &c->error_id, DIMSE_HAS_ERROR_ID, c, e);
    case DCM_OffendingElement:
    case DCM_AttributeIdentifierList:
        return take_tags(el, c, e);
    case DCM_EventTypeID:
        return take_has(el, &c->event_type, DIMSE_HAS_EVENT_TYPE, c, e);
    case DCM_ActionTypeID:
        return take_has(el, &c->action_type, DIMSE_HAS_ACTION_TYPE, c, e);
    case DCM_NumberOfRemainingSuboperations:
        return take_has(el, &c->remaining, DIMSE_HAS_REMAINING, c, e);
    case DCM_NumberOfCompletedSuboperations:
        return take_count(el, &c->completed, 1, c, seen, e);
    case DCM_NumberOfFailedSuboperations:
        return take_count(el, &c->failed, 2, c, seen, e);
    case DCM_NumberOfWarningSuboperations:
        return take_count(el, &c->warning, 4, c, seen, e);
    default:
        return E_OK; // group length, retired or not known
    }
}

// --- what a command must have

static int missing(struct err *e, dcm_tag tag, size_t end) {
    struct element el = {.tag = tag, .at = end};
    return wrong(e, E_MISSING, &el, "required in this command");
}

static int check_request(const struct dimse_command *c, const struct seen *seen, size_t end,
                         struct err *e) {
    bool requested = command_names_requested(c->field);
    bool instance =
        requested || c->field == DIMSE_C_STORE_RQ || c->field == DIMSE_N_EVENT_REPORT_RQ;
    if (!seen->message_id) {
        return missing(e, DCM_MessageID, end);
    }
    if (c->sop_class[0] == '\0') {
        return missing(e, requested ? DCM_RequestedSOPClassUID : DCM_AffectedSOPClassUID, end);
    }
    if (instance && c->sop_instance[0] == '\0') {
        return missing(e, requested ? DCM_RequestedSOPInstanceUID : DCM_AffectedSOPInstanceUID,
                       end);
    }
    if (c->field == DIMSE_C_MOVE_RQ && c->move_destination[0] == '\0') {
        return missing(e, DCM_MoveDestination, end);
    }
    if (c->field == DIMSE_N_EVENT_REPORT_RQ && (c->has & DIMSE_HAS_EVENT_TYPE) == 0) {
        return missing(e, DCM_EventTypeID, end);
    }
    if (c->field == DIMSE_N_ACTION_RQ && (c->has & DIMSE_HAS_ACTION_TYPE) == 0) {
        return missing(e, DCM_ActionTypeID, end);
    }
    return E_OK;
}

static int check(const struct dimse_command *c, const struct seen *seen, size_t end,
                 struct err *e) {
    if (!seen->field) {
        return missing(e, DCM_CommandField, end);
    }
    if (!seen->data_set_type) {
        return missing(e, DCM_CommandDataSetType, end);
    }
    bool answers = (c->field & DIMSE_RESPONSE) != 0 || c->field == DIMSE_C_CANCEL_RQ;
    if (answers && !seen->responded_to) {
        return missing(e, DCM_MessageIDBeingRespondedTo, end);
    }
    if ((c->field & DIMSE_RESPONSE) != 0 && (c->has & DIMSE_HAS_STATUS) == 0) {
        return missing(e, DCM_Status, end);
    }
    return answers ? E_OK : check_request(c, seen, end, e);
}

// --- the set

static int next(struct slice bytes, size_t at, struct element *ret_el, struct err *e) {
    if (bytes.len - at < HEAD_LEN) {
        err_set(e, E_TRUNCATED, "command set ends in an element's tag or length");
        return err_at(e, at);
    }
    const uint8_t *p = bytes.ptr + at;
    struct element el = {.tag = DCM_TAG(num_le16(p), num_le16(p + 2)), .at = at};
    uint32_t len = num_le32(p + 4);
    if (dcm_tag_group(el.tag) != 0) {
        return wrong(e, E_SYNTAX, &el, "not of group 0000");
    }
    if (len > bytes.len - at - HEAD_LEN) {
        return wrong(e, E_TRUNCATED, &el, "longer than the rest of the command set");
    }
    el.value = slice_of(p + HEAD_LEN, len);
    *ret_el = el;
    return E_OK;
}

// The order is not looked at: what a careless peer means is plain all the same.
static int read_elements(struct slice bytes, struct dimse_command *c, struct seen *seen,
                         struct err *e) {
    int rc = E_OK;
    for (size_t at = 0; rc == E_OK && at < bytes.len;) {
        struct element el;
        rc = next(bytes, at, &el, e);
        if (rc != E_OK) {
            break;
        }
        rc = take(&el, c, seen, e);
        at += HEAD_LEN + el.value.len;
    }
    return rc;
}

int dimse_command_read(struct slice bytes, struct dimse_command *ret_command, struct err *e) {
    *ret_command = (struct dimse_command){0};
    struct seen seen = {0};
    int rc = bytes.len > DIMSE_COMMAND_MAX
                 ? err_set(e, E_LIMIT, "command set over %d bytes", DIMSE_COMMAND_MAX)
                 : read_elements(bytes, ret_command, &seen, e);
    bool answers = seen.field && ((ret_command->field & DIMSE_RESPONSE) != 0 ||
                                  ret_command->field == DIMSE_C_CANCEL_RQ);
    ret_command->message_id = answers ? seen.other_id : seen.own_id;
    return rc != E_OK ? rc : check(ret_command, &seen, bytes.len, e);
}
