// SPDX-License-Identifier: Apache-2.0
// DIMSE command sets (PS3.7 9, 10 and Annex E): group 0000 in Implicit VR Little Endian.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/tag.h"
#include "dicom/uid.h"

struct buf;
struct err;

#define DIMSE_AET_MAX 16
#define DIMSE_COMMENT_MAX 64 // LO
#define DIMSE_TAGS_MAX 64    // of Offending Element and Attribute Identifier List
#define DIMSE_COMMAND_MAX 65536

enum dimse_field {
    DIMSE_C_STORE_RQ = 0x0001,
    DIMSE_C_STORE_RSP = 0x8001,
    DIMSE_C_GET_RQ = 0x0010,
    DIMSE_C_GET_RSP = 0x8010,
    DIMSE_C_FIND_RQ = 0x0020,
    DIMSE_C_FIND_RSP = 0x8020,
    DIMSE_C_MOVE_RQ = 0x0021,
    DIMSE_C_MOVE_RSP = 0x8021,
    DIMSE_C_ECHO_RQ = 0x0030,
    DIMSE_C_ECHO_RSP = 0x8030,
    DIMSE_N_EVENT_REPORT_RQ = 0x0100,
    DIMSE_N_EVENT_REPORT_RSP = 0x8100,
    DIMSE_N_GET_RQ = 0x0110,
    DIMSE_N_GET_RSP = 0x8110,
    DIMSE_N_SET_RQ = 0x0120,
    DIMSE_N_SET_RSP = 0x8120,
    DIMSE_N_ACTION_RQ = 0x0130,
    DIMSE_N_ACTION_RSP = 0x8130,
    DIMSE_N_CREATE_RQ = 0x0140,
    DIMSE_N_CREATE_RSP = 0x8140,
    DIMSE_N_DELETE_RQ = 0x0150,
    DIMSE_N_DELETE_RSP = 0x8150,
    DIMSE_C_CANCEL_RQ = 0x0FFF
};
#define DIMSE_RESPONSE 0x8000 // bit of the command field

// Statuses of PS3.7 Annex C and PS3.4 B, C, J that are used here.
enum dimse_status {
    DIMSE_SUCCESS = 0x0000,
    DIMSE_PENDING = 0xFF00,
    DIMSE_PENDING_WARNING = 0xFF01, // some optional keys were not supported
    DIMSE_CANCEL = 0xFE00,
    DIMSE_NO_SUCH_ATTRIBUTE = 0x0105,
    DIMSE_INVALID_ATTRIBUTE = 0x0106,
    DIMSE_PROCESSING_FAILURE = 0x0110,
    DIMSE_DUPLICATE_INSTANCE = 0x0111,
    DIMSE_NO_SUCH_INSTANCE = 0x0112,
    DIMSE_NO_SUCH_EVENT = 0x0113,
    DIMSE_NO_SUCH_ARGUMENT = 0x0114,
    DIMSE_INVALID_INSTANCE = 0x0117,
    DIMSE_NO_SUCH_CLASS = 0x0118,
    DIMSE_CLASS_INSTANCE_CONFLICT = 0x0119,
    DIMSE_MISSING_ATTRIBUTE = 0x0120,
    DIMSE_CLASS_NOT_SUPPORTED = 0x0122,
    DIMSE_NO_SUCH_ACTION = 0x0123,
    DIMSE_NOT_AUTHORIZED = 0x0124,
    DIMSE_DUPLICATE_INVOCATION = 0x0210,
    DIMSE_UNRECOGNIZED_OPERATION = 0x0211,
    DIMSE_MISTYPED_ARGUMENT = 0x0212,
    DIMSE_RESOURCE_LIMITATION = 0x0213,
    DIMSE_OUT_OF_RESOURCES = 0xA700,
    DIMSE_NO_MATCH_COUNT = 0xA701,    // C-MOVE, C-GET: unable to calculate number of matches
    DIMSE_NO_SUB_OPERATIONS = 0xA702, // unable to perform sub-operations
    DIMSE_DESTINATION_UNKNOWN = 0xA801,
    DIMSE_CLASS_MISMATCH = 0xA900, // data set does not match SOP class / identifier
    DIMSE_CANNOT_UNDERSTAND = 0xC000,
    DIMSE_SUB_OPERATIONS_FAILED = 0xB000, // C-MOVE, C-GET: one or more failures or warnings
    DIMSE_COERCED = 0xB000,
    DIMSE_ELEMENTS_DISCARDED = 0xB006,
    DIMSE_WARNING_CLASS_MISMATCH = 0xB007
};
enum dimse_status_kind {
    DIMSE_IS_SUCCESS,
    DIMSE_IS_PENDING,
    DIMSE_IS_CANCEL,
    DIMSE_IS_WARNING,
    DIMSE_IS_FAILURE
};
enum dimse_status_kind dimse_status_kind(uint16_t status);
// "0xA801 (move destination unknown)" for people. Returns `out`.
#define DIMSE_STATUS_TEXT_MAX 96
const char *dimse_status_text(uint16_t status, char out[DIMSE_STATUS_TEXT_MAX]);

// A command set. Members that a command does not have are ignored when written; `has` bits tell
// which optional ones are there. Texts are trimmed and NUL-terminated.
#define DIMSE_HAS_STATUS (1U << 0)
#define DIMSE_HAS_REMAINING (1U << 1)
#define DIMSE_HAS_COUNTS (1U << 2) // completed, failed, warning
#define DIMSE_HAS_EVENT_TYPE (1U << 3)
#define DIMSE_HAS_ACTION_TYPE (1U << 4)
#define DIMSE_HAS_ERROR_ID (1U << 5)
#define DIMSE_HAS_ORIGINATOR (1U << 6)
#define DIMSE_HAS_PRIORITY (1U << 7)

enum dimse_priority { DIMSE_MEDIUM = 0, DIMSE_HIGH = 1, DIMSE_LOW = 2 };

struct dimse_command {
    uint16_t field;      // enum dimse_field
    uint16_t message_id; // of a request; of the request responded to (also C-CANCEL) otherwise
    bool data_set;       // one follows
    uint32_t has;        // DIMSE_HAS_…
    uint16_t status;
    uint16_t priority;
    char sop_class[DCM_UID_MAX + 1];    // affected, or requested (N-GET, -SET, -ACTION, -DELETE)
    char sop_instance[DCM_UID_MAX + 1]; // likewise; "" when absent
    char move_destination[DIMSE_AET_MAX + 1];
    char originator_aet[DIMSE_AET_MAX + 1]; // C-STORE as a sub-operation of a C-MOVE
    uint16_t originator_id;
    uint16_t remaining, completed, failed, warning;
    uint16_t event_type, action_type, error_id;
    char comment[DIMSE_COMMENT_MAX + 1]; // Error Comment
    dcm_tag offending[DIMSE_TAGS_MAX];
    size_t offending_count;
};

// From the bytes of a whole command set. E_SYNTAX, E_TRUNCATED, E_MISSING (a Type 1 element of this
// command), E_VALUE, E_LIMIT: the place is set, *ret_command holds what could be read, so that an
// answer can be given when field and message_id are known. Elements of other groups: E_SYNTAX.
// Unknown or retired elements of group 0000 are skipped.
int dimse_command_read(struct slice bytes, struct dimse_command *ret_command, struct err *e);
// Appends it, Command Group Length first.
int dimse_command_write(const struct dimse_command *command, struct buf *out, struct err *e);

// The response to `request`: its field, id, SOP class and instance, `status`, no data set.
struct dimse_command dimse_response_to(const struct dimse_command *request, uint16_t status);
// An error's sentence as Error Comment, cut to 64 characters. What names a path or comes from the
// database concerns nobody outside: false, and the words of its code stand there instead.
bool dimse_comment_put(char out[DIMSE_COMMENT_MAX + 1], const struct err *e);
// dimse_response_to from an error: its DIMSE status and its comment.
struct dimse_command dimse_response_err(const struct dimse_command *request, const struct err *e);

const char *
dimse_field_text(uint16_t field); // "C-STORE-RQ"; "command 0x1234" has no entry: "unknown"
