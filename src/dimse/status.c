// SPDX-License-Identifier: Apache-2.0
// Words for commands and statuses.
#include <stdio.h>

#include "dimse/command.h"

static const struct {
    uint16_t field;
    const char *text;
} fields[] = {
    {DIMSE_C_STORE_RQ, "C-STORE-RQ"},
    {DIMSE_C_STORE_RSP, "C-STORE-RSP"},
    {DIMSE_C_GET_RQ, "C-GET-RQ"},
    {DIMSE_C_GET_RSP, "C-GET-RSP"},
    {DIMSE_C_FIND_RQ, "C-FIND-RQ"},
    {DIMSE_C_FIND_RSP, "C-FIND-RSP"},
    {DIMSE_C_MOVE_RQ, "C-MOVE-RQ"},
    {DIMSE_C_MOVE_RSP, "C-MOVE-RSP"},
    {DIMSE_C_ECHO_RQ, "C-ECHO-RQ"},
    {DIMSE_C_ECHO_RSP, "C-ECHO-RSP"},
    {DIMSE_N_EVENT_REPORT_RQ, "N-EVENT-REPORT-RQ"},
    {DIMSE_N_EVENT_REPORT_RSP, "N-EVENT-REPORT-RSP"},
    {DIMSE_N_GET_RQ, "N-GET-RQ"},
    {DIMSE_N_GET_RSP, "N-GET-RSP"},
    {DIMSE_N_SET_RQ, "N-SET-RQ"},
    {DIMSE_N_SET_RSP, "N-SET-RSP"},
    {DIMSE_N_ACTION_RQ, "N-ACTION-RQ"},
    {DIMSE_N_ACTION_RSP, "N-ACTION-RSP"},
    {DIMSE_N_CREATE_RQ, "N-CREATE-RQ"},
    {DIMSE_N_CREATE_RSP, "N-CREATE-RSP"},
    {DIMSE_N_DELETE_RQ, "N-DELETE-RQ"},
    {DIMSE_N_DELETE_RSP, "N-DELETE-RSP"},
    {DIMSE_C_CANCEL_RQ, "C-CANCEL-RQ"},
};

const char *dimse_field_text(uint16_t field) {
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i].field == field) {
            return fields[i].text;
        }
    }
    return "unknown";
}

// The first row whose masked status fits (PS3.7 Annex C; PS3.4 Annexes B, C).
static const struct {
    uint16_t status, mask;
    const char *text;
} statuses[] = {
    {DIMSE_SUCCESS, 0xFFFF, "success"},
    {DIMSE_PENDING, 0xFFFF, "pending"},
    {DIMSE_PENDING_WARNING, 0xFFFF, "pending, some optional keys not supported"},
    {DIMSE_CANCEL, 0xFFFF, "cancelled"},
    {0x0001, 0xFFFF, "requested optional attributes not supported"},
    {DIMSE_NO_SUCH_ATTRIBUTE, 0xFFFF, "no such attribute"},
    {DIMSE_INVALID_ATTRIBUTE, 0xFFFF, "attribute value not allowed"},
    {0x0107, 0xFFFF, "attribute list error"},
    {DIMSE_PROCESSING_FAILURE, 0xFFFF, "processing failure"},
    {DIMSE_DUPLICATE_INSTANCE, 0xFFFF, "duplicate SOP instance"},
    {DIMSE_NO_SUCH_INSTANCE, 0xFFFF, "no such SOP instance"},
    {DIMSE_NO_SUCH_EVENT, 0xFFFF, "no such event type"},
    {DIMSE_NO_SUCH_ARGUMENT, 0xFFFF, "no such argument"},
    {0x0115, 0xFFFF, "argument value not allowed"},
    {0x0116, 0xFFFF, "attribute value out of range"},
    {DIMSE_INVALID_INSTANCE, 0xFFFF, "SOP instance UID not allowed"},
    {DIMSE_NO_SUCH_CLASS, 0xFFFF, "no such SOP class"},
    {DIMSE_CLASS_INSTANCE_CONFLICT, 0xFFFF, "SOP class and instance do not match"},
    {DIMSE_MISSING_ATTRIBUTE, 0xFFFF, "missing attribute"},
    {0x0121, 0xFFFF, "missing attribute value"},
    {DIMSE_CLASS_NOT_SUPPORTED, 0xFFFF, "SOP class not supported"},
    {DIMSE_NO_SUCH_ACTION, 0xFFFF, "no such action type"},
    {DIMSE_NOT_AUTHORIZED, 0xFFFF, "not authorized"},
    {DIMSE_DUPLICATE_INVOCATION, 0xFFFF, "duplicate invocation"},
    {DIMSE_UNRECOGNIZED_OPERATION, 0xFFFF, "operation not recognized"},
    {DIMSE_MISTYPED_ARGUMENT, 0xFFFF, "mistyped argument"},
    {DIMSE_RESOURCE_LIMITATION, 0xFFFF, "resource limitation"},
    {DIMSE_NO_MATCH_COUNT, 0xFFFF, "out of resources: matches cannot be counted"},
    {DIMSE_NO_SUB_OPERATIONS, 0xFFFF, "out of resources: sub-operations cannot be performed"},
    {DIMSE_OUT_OF_RESOURCES, 0xFF00, "out of resources"},
    {DIMSE_DESTINATION_UNKNOWN, 0xFFFF, "move destination unknown"},
    {DIMSE_CLASS_MISMATCH, 0xFF00, "data set does not match the SOP class"},
    {DIMSE_CANNOT_UNDERSTAND, 0xF000, "cannot understand or process"},
    {DIMSE_SUB_OPERATIONS_FAILED, 0xFFFF, "done with failures or coercion"},
    {DIMSE_ELEMENTS_DISCARDED, 0xFFFF, "elements discarded"},
    {DIMSE_WARNING_CLASS_MISMATCH, 0xFFFF, "data set does not match the SOP class, stored"},
};

enum dimse_status_kind dimse_status_kind(uint16_t status) {
    if (status == DIMSE_SUCCESS) {
        return DIMSE_IS_SUCCESS;
    }
    if (status == DIMSE_PENDING || status == DIMSE_PENDING_WARNING) {
        return DIMSE_IS_PENDING;
    }
    if (status == DIMSE_CANCEL) {
        return DIMSE_IS_CANCEL;
    }
    // PS3.7 C.3: warnings are 0001, 0107, 0116 and Bxxx; everything else fails.
    bool warns =
        status == 0x0001 || status == 0x0107 || status == 0x0116 || (status & 0xF000) == 0xB000;
    return warns ? DIMSE_IS_WARNING : DIMSE_IS_FAILURE;
}

static const char *kind_text(uint16_t status) {
    switch (dimse_status_kind(status)) {
    case DIMSE_IS_SUCCESS:
        return "success";
    case DIMSE_IS_PENDING:
        return "pending";
    case DIMSE_IS_CANCEL:
        return "cancelled";
    case DIMSE_IS_WARNING:
        return "warning";
    case DIMSE_IS_FAILURE:
        break;
    }
    return "failure";
}

const char *dimse_status_text(uint16_t status, char out[DIMSE_STATUS_TEXT_MAX]) {
    const char *text = kind_text(status);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if ((status & statuses[i].mask) == statuses[i].status) {
            text = statuses[i].text;
            break;
        }
    }
    (void)snprintf(out, DIMSE_STATUS_TEXT_MAX, "0x%04X (%s)", status, text);
    return out;
}
