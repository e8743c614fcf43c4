// SPDX-License-Identifier: Apache-2.0
// Command sets: written and read back, element by element missing, cut at each byte, wrong groups
// and values; statuses in words.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/dict.h"
#include "dicom/tags.h"
#include "dimse/command.h"

static struct dimse_command with(uint16_t field) {
    bool answers = (field & DIMSE_RESPONSE) != 0;
    struct dimse_command c = {.field = field, .message_id = 7, .data_set = true};
    memcpy(c.sop_class, "1.2.840.10008.5.1.4.1.1.2", 26);
    memcpy(c.sop_instance, "2.25.123", 9);
    if (answers) {
        c.has = DIMSE_HAS_STATUS;
        c.status = 0xB000;
        memcpy(c.comment, "odd", 4);
    }
    return c;
}

static void put(struct buf *out, const struct dimse_command *c) {
    struct err e = {0};
    buf_init(out, DIMSE_COMMAND_MAX);
    assert_int_equal(dimse_command_write(c, out, &e), E_OK);
    assert_int_equal(num_le32(out->data), 0); // (0000,0000) first
    assert_int_equal(num_le32(out->data + 8), out->len - 12);
    assert_int_equal(out->len % 2, 0);
}

static void check_same(const struct dimse_command *a, const struct dimse_command *b) {
    assert_int_equal(a->field, b->field);
    assert_int_equal(a->message_id, b->message_id);
    assert_int_equal(a->data_set, b->data_set);
    assert_int_equal(a->has, b->has);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->priority, b->priority);
    assert_string_equal(a->sop_class, b->sop_class);
    assert_string_equal(a->sop_instance, b->sop_instance);
    assert_string_equal(a->move_destination, b->move_destination);
    assert_string_equal(a->originator_aet, b->originator_aet);
    assert_int_equal(a->originator_id, b->originator_id);
    assert_int_equal(a->remaining, b->remaining);
    assert_int_equal(a->completed, b->completed);
    assert_int_equal(a->failed, b->failed);
    assert_int_equal(a->warning, b->warning);
    assert_int_equal(a->event_type, b->event_type);
    assert_int_equal(a->action_type, b->action_type);
    assert_int_equal(a->error_id, b->error_id);
    assert_string_equal(a->comment, b->comment);
    assert_int_equal(a->offending_count, b->offending_count);
    assert_memory_equal(a->offending, b->offending, a->offending_count * sizeof a->offending[0]);
}

static void check_round(struct dimse_command c) {
    CLEANUP(cleanup_buf)
    struct buf out;
    struct dimse_command back;
    struct err e = {0};
    put(&out, &c);
    assert_int_equal(dimse_command_read(buf_slice(&out), &back, &e), E_OK);
    check_same(&c, &back);
}

static const uint16_t requests[] = {DIMSE_C_STORE_RQ,  DIMSE_C_GET_RQ,         DIMSE_C_FIND_RQ,
                                    DIMSE_C_MOVE_RQ,   DIMSE_C_ECHO_RQ,        DIMSE_N_GET_RQ,
                                    DIMSE_N_SET_RQ,    DIMSE_N_ACTION_RQ,      DIMSE_N_CREATE_RQ,
                                    DIMSE_N_DELETE_RQ, DIMSE_N_EVENT_REPORT_RQ};
#define REQUESTS (sizeof requests / sizeof requests[0])

static struct dimse_command request(uint16_t field) {
    struct dimse_command c = with(field);
    if (field == DIMSE_C_STORE_RQ || field == DIMSE_C_FIND_RQ || field == DIMSE_C_GET_RQ ||
        field == DIMSE_C_MOVE_RQ) {
        c.has |= DIMSE_HAS_PRIORITY;
        c.priority = DIMSE_LOW;
    }
    if (field == DIMSE_C_MOVE_RQ) {
        memcpy(c.move_destination, "STATION_1", 10);
    }
    if (field == DIMSE_C_STORE_RQ) {
        c.has |= DIMSE_HAS_ORIGINATOR;
        memcpy(c.originator_aet, "VIEWER", 7);
        c.originator_id = 513;
    }
    if (field == DIMSE_N_EVENT_REPORT_RQ) {
        c.has |= DIMSE_HAS_EVENT_TYPE;
        c.event_type = 2;
    }
    if (field == DIMSE_N_ACTION_RQ) {
        c.has |= DIMSE_HAS_ACTION_TYPE;
        c.action_type = 1;
    }
    if (field == DIMSE_N_GET_RQ) {
        c.offending[0] = DCM_PatientName;
        c.offending[1] = DCM_PixelData;
        c.offending_count = 2;
    }
    return c;
}

static void round_trips(void **unused) {
    (void)unused;
    for (size_t i = 0; i < REQUESTS; i++) {
        check_round(request(requests[i]));
        check_round(with(requests[i] | DIMSE_RESPONSE));
    }
    struct dimse_command c = with(DIMSE_C_MOVE_RSP);
    c.has |= DIMSE_HAS_REMAINING | DIMSE_HAS_COUNTS | DIMSE_HAS_ERROR_ID;
    c.remaining = 65535;
    c.completed = 1;
    c.failed = 2;
    c.warning = 3;
    c.error_id = 9;
    c.offending[0] = DCM_StudyInstanceUID;
    c.offending_count = 1;
    check_round(c);
    struct dimse_command cancel = {.field = DIMSE_C_CANCEL_RQ, .message_id = 7};
    check_round(cancel);
}

// The bytes without one element.
static void without(struct slice set, dcm_tag tag, struct buf *out) {
    buf_init(out, DIMSE_COMMAND_MAX);
    for (size_t at = 0; at < set.len;) {
        const uint8_t *p = set.ptr + at;
        size_t len = 8 + num_le32(p + 4);
        if (DCM_TAG(num_le16(p), num_le16(p + 2)) != tag) {
            buf_put(out, p, len);
        }
        at += len;
    }
}

static void required(uint16_t field, dcm_tag tag) {
    CLEANUP(cleanup_buf)
    struct buf out;
    CLEANUP(cleanup_buf)
    struct buf less;
    struct dimse_command c = (field & DIMSE_RESPONSE) != 0 ? with(field) : request(field);
    struct dimse_command back;
    struct err e = {0};
    char path[DCM_TAG_TEXT_LEN + 1];
    put(&out, &c);
    without(buf_slice(&out), tag, &less);
    assert_true(less.len < out.len);
    assert_int_equal(dimse_command_read(buf_slice(&less), &back, &e), E_MISSING);
    assert_string_equal(e.path, dcm_tag_text(tag, path));
    assert_true(e.has_offset);
    if (tag != DCM_CommandField) {
        assert_int_equal(back.field, field); // enough to answer
    }
}

static void required_elements(void **unused) {
    (void)unused;
    for (size_t i = 0; i < REQUESTS; i++) {
        uint16_t f = requests[i];
        bool requested = f == DIMSE_N_GET_RQ || f == DIMSE_N_SET_RQ || f == DIMSE_N_ACTION_RQ ||
                         f == DIMSE_N_DELETE_RQ;
        required(f, DCM_CommandField);
        required(f, DCM_CommandDataSetType);
        required(f, DCM_MessageID);
        required(f, requested ? DCM_RequestedSOPClassUID : DCM_AffectedSOPClassUID);
        if (requested) {
            required(f, DCM_RequestedSOPInstanceUID);
        }
        required(f | DIMSE_RESPONSE, DCM_Status);
        required(f | DIMSE_RESPONSE, DCM_MessageIDBeingRespondedTo);
    }
    required(DIMSE_C_STORE_RQ, DCM_AffectedSOPInstanceUID);
    required(DIMSE_N_EVENT_REPORT_RQ, DCM_AffectedSOPInstanceUID);
    required(DIMSE_N_EVENT_REPORT_RQ, DCM_EventTypeID);
    required(DIMSE_N_ACTION_RQ, DCM_ActionTypeID);
    required(DIMSE_C_MOVE_RQ, DCM_MoveDestination);
}

// Group Length and Priority are not missed: careless peers leave them out.
static void not_required(void **unused) {
    (void)unused;
    static const dcm_tag tags[] = {DCM_CommandGroupLength, DCM_Priority};
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(cleanup_buf)
        struct buf out;
        CLEANUP(cleanup_buf)
        struct buf less;
        struct dimse_command c = request(DIMSE_C_STORE_RQ);
        struct dimse_command back;
        struct err e = {0};
        put(&out, &c);
        without(buf_slice(&out), tags[i], &less);
        assert_int_equal(dimse_command_read(buf_slice(&less), &back, &e), E_OK);
    }
}

static void cut_everywhere(void **unused) {
    (void)unused;
    for (size_t i = 0; i < REQUESTS; i++) {
        CLEANUP(cleanup_buf)
        struct buf out;
        struct dimse_command c = request(requests[i]);
        put(&out, &c);
        for (size_t len = 0; len < out.len; len++) {
            struct dimse_command back;
            struct err e = {0};
            // An allocation of just that size, so that ASan sees a step too far.
            uint8_t *exact = malloc(len + 1);
            memcpy(exact, out.data, len);
            int rc = dimse_command_read(slice_of(exact, len), &back, &e);
            free(exact);
            bool at_element = rc == E_MISSING || rc == E_OK;
            assert_true(rc == E_TRUNCATED || at_element);
            assert_true(rc == E_OK || (e.has_offset && e.offset <= len));
        }
    }
}

// One element behind a good C-ECHO-RQ.
static int with_element(dcm_tag tag, const void *value, uint32_t len, struct err *e) {
    CLEANUP(cleanup_buf)
    struct buf out;
    struct dimse_command c = request(DIMSE_C_ECHO_RQ);
    struct dimse_command back;
    c.sop_instance[0] = '\0';
    put(&out, &c);
    uint8_t *p = buf_extend(&out, 8);
    num_put_le16(p, dcm_tag_group(tag));
    num_put_le16(p + 2, dcm_tag_element(tag));
    num_put_le32(p + 4, len);
    buf_put(&out, value, len);
    return dimse_command_read(buf_slice(&out), &back, e);
}

static void wrong_elements(void **unused) {
    (void)unused;
    static const struct {
        dcm_tag tag;
        const char *value;
        uint32_t len;
        int code;
    } rows[] = {
        {DCM_PatientName, "A ", 2, E_SYNTAX},         // group 0010
        {DCM_TAG(0x0002, 0x0010), "1.", 2, E_SYNTAX}, // group 0002
        {DCM_TAG(0x0009, 0x0010), "AB", 2, E_SYNTAX}, // private
        {DCM_TAG(0x0000, 0x7777), "AB", 2, E_OK},     // unknown of group 0000
        {DCM_TAG(0x0000, 0x0850), "\1\0", 2, E_OK},   // retired
        {DCM_Status, "\0", 1, E_VALUE},
        {DCM_Status, "", 0, E_VALUE},
        {DCM_Status, "\0\0\0\0", 4, E_VALUE},
        {DCM_Priority, "\0\0\0", 3, E_VALUE},
        {DCM_MessageID, "", 0, E_VALUE},
        {DCM_AffectedSOPInstanceUID, "1.2.a\0", 6, E_VALUE},
        {DCM_AffectedSOPInstanceUID, "1.2.3\0", 6, E_OK},
        {DCM_AffectedSOPInstanceUID, "1.2.3 ", 6, E_OK}, // padded with a space
        {DCM_AffectedSOPInstanceUID, "1.2\0003\0", 6, E_VALUE},
        {DCM_MoveDestination, "SEVENTEEN_LETTERS ", 18, E_VALUE},
        {DCM_MoveDestination, "SIXTEEN_LETTERS_", 16, E_OK},
        {DCM_MoveDestination, "A\0B ", 4, E_VALUE},
        {DCM_OffendingElement, "\x10\0\x10\0\x10\0", 6, E_VALUE},
        {DCM_ErrorComment, "over sixty-four characters: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         68, E_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        int rc = with_element(rows[i].tag, rows[i].value, rows[i].len, &e);
        if (rc != rows[i].code) {
            fail_msg("row %zu: %s", i, err_name(rc));
        }
        char path[DCM_TAG_TEXT_LEN + 1];
        if (rc != E_OK) {
            assert_string_equal(e.path, dcm_tag_text(rows[i].tag, path));
            assert_true(e.has_offset);
        }
    }
    uint8_t tags[4 * (DIMSE_TAGS_MAX + 1)] = {0};
    struct err e = {0};
    assert_int_equal(with_element(DCM_OffendingElement, tags, sizeof tags, &e), E_LIMIT);
    assert_int_equal(with_element(DCM_OffendingElement, tags, sizeof tags - 4, &e), E_OK);
}

static void lengths(void **unused) {
    (void)unused;
    static uint8_t big[DIMSE_COMMAND_MAX + 2];
    struct dimse_command back;
    struct err e = {0};
    assert_int_equal(dimse_command_read(slice_of(big, sizeof big), &back, &e), E_LIMIT);
    uint8_t huge[] = {0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0};
    assert_int_equal(dimse_command_read(slice_of(huge, sizeof huge), &back, &e), E_TRUNCATED);
    assert_int_equal(e.offset, 0);
}

static void responses(void **unused) {
    (void)unused;
    struct dimse_command rq = request(DIMSE_N_ACTION_RQ);
    struct dimse_command rsp = dimse_response_to(&rq, DIMSE_NO_SUCH_ACTION);
    assert_int_equal(rsp.field, DIMSE_N_ACTION_RSP);
    assert_int_equal(rsp.message_id, 7);
    assert_false(rsp.data_set);
    assert_int_equal(rsp.status, 0x0123);
    assert_int_equal(rsp.action_type, 1);
    assert_string_equal(rsp.sop_instance, "2.25.123");
    check_round(rsp);
    struct err e = {0};
    err_set(&e, E_FULL,
            "no room\\for \"Ä\" and a text that goes on for longer than the sixty-four "
            "letters of an LO");
    rsp = dimse_response_err(&rq, &e);
    assert_int_equal(rsp.status, 0xA700);
    assert_int_equal(strlen(rsp.comment), DIMSE_COMMENT_MAX);
    assert_memory_equal(rsp.comment, "no room?for \"??\" and", 20);
    check_round(rsp);
}

static void assert_comment(int code, const char *text, const char *comment) {
    struct err e = {0};
    char out[DIMSE_COMMENT_MAX + 1];
    err_set(&e, code, "%s", text);
    bool told = comment != NULL;
    assert_int_equal(dimse_comment_put(out, &e), told);
    assert_string_equal(out, told ? comment : err_words(code));
}

// What a peer is told of an error holds no place on our disk and nothing of the database.
static void comments(void **unused) {
    (void)unused;
    assert_comment(E_FULL, "the disk is nearly full", "the disk is nearly full");
    assert_comment(E_MISSING, "no Query/Retrieve Level", "no Query/Retrieve Level");
    assert_comment(E_IO, "peer X: connection refused", "peer X: connection refused");
    assert_comment(E_IO, "cannot write in /srv/suite/inbox: No space left on device", NULL);
    assert_comment(E_NOT_FOUND, "/srv/suite: gone", NULL);
    assert_comment(E_IO, "and/or '/srv/suite'", NULL);
    assert_comment(E_DATABASE, "catalogue: no such column", NULL);
    assert_comment(E_IO, "", err_words(E_IO));
}

static void statuses(void **unused) {
    (void)unused;
    static const struct {
        uint16_t status;
        enum dimse_status_kind kind;
        const char *text;
    } rows[] = {
        {0x0000, DIMSE_IS_SUCCESS, "0x0000 (success)"},
        {0xFF00, DIMSE_IS_PENDING, "0xFF00 (pending)"},
        {0xFF01, DIMSE_IS_PENDING, "0xFF01 (pending, some optional keys not supported)"},
        {0xFE00, DIMSE_IS_CANCEL, "0xFE00 (cancelled)"},
        {0xB007, DIMSE_IS_WARNING, "0xB007 (data set does not match the SOP class, stored)"},
        {0xB123, DIMSE_IS_WARNING, "0xB123 (warning)"},
        {0x0001, DIMSE_IS_WARNING, "0x0001 (requested optional attributes not supported)"},
        {0x0107, DIMSE_IS_WARNING, "0x0107 (attribute list error)"},
        {0x0116, DIMSE_IS_WARNING, "0x0116 (attribute value out of range)"},
        {0xA801, DIMSE_IS_FAILURE, "0xA801 (move destination unknown)"},
        {0xA7FE, DIMSE_IS_FAILURE, "0xA7FE (out of resources)"},
        {0xC123, DIMSE_IS_FAILURE, "0xC123 (cannot understand or process)"},
        {0x0122, DIMSE_IS_FAILURE, "0x0122 (SOP class not supported)"},
        {0x4321, DIMSE_IS_FAILURE, "0x4321 (failure)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[DIMSE_STATUS_TEXT_MAX];
        assert_int_equal(dimse_status_kind(rows[i].status), rows[i].kind);
        assert_string_equal(dimse_status_text(rows[i].status, text), rows[i].text);
    }
    assert_string_equal(dimse_field_text(0x8021), "C-MOVE-RSP");
    assert_string_equal(dimse_field_text(0x0FFF), "C-CANCEL-RQ");
    assert_string_equal(dimse_field_text(0x1234), "unknown");
}

// Group 0000 is in the dictionary, so that dumps have its names.
static void dictionary(void **unused) {
    (void)unused;
    const struct dcm_dict_entry *entry = dcm_dict_find(DCM_CommandDataSetType);
    assert_non_null(entry);
    assert_string_equal(entry->keyword, "CommandDataSetType");
    assert_int_equal(entry->vr, DCM_VR_US);
    assert_ptr_equal(dcm_dict_find_keyword(slice_str("CommandDataSetType")), entry);
    assert_true(dcm_dict_find(DCM_TAG(0x0000, 0x5010))->retired);
    assert_int_equal(dcm_dict_find(DCM_AttributeIdentifierList)->vm_max, 0);
    assert_null(dcm_dict_find(DCM_TAG(0x0000, 0x0111)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),    cmocka_unit_test(required_elements),
        cmocka_unit_test(not_required),   cmocka_unit_test(cut_everywhere),
        cmocka_unit_test(wrong_elements), cmocka_unit_test(lengths),
        cmocka_unit_test(responses),      cmocka_unit_test(comments),
        cmocka_unit_test(dictionary),     cmocka_unit_test(statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
