// SPDX-License-Identifier: Apache-2.0
// Command sets from outside: what can be read can be written, read again and answered.
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "dimse/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_text(const char *text, size_t max) {
    size_t len = strnlen(text, max + 1);
    assert(len <= max);
    for (size_t i = 0; i < len; i++) {
        assert((unsigned char)text[i] >= ' ' && text[i] != 0x7F);
    }
}

static void check_texts(const struct dimse_command *c) {
    check_text(c->sop_class, DCM_UID_MAX);
    check_text(c->sop_instance, DCM_UID_MAX);
    check_text(c->move_destination, DIMSE_AET_MAX);
    check_text(c->originator_aet, DIMSE_AET_MAX);
    check_text(c->comment, DIMSE_COMMENT_MAX);
    assert(c->offending_count <= DIMSE_TAGS_MAX);
}

static void again(const struct dimse_command *c) {
    struct buf out;
    struct dimse_command back;
    struct err e = {0};
    buf_init(&out, DIMSE_COMMAND_MAX);
    assert(dimse_command_write(c, &out, &e) == E_OK && out.len % 2 == 0);
    assert(dimse_command_read(buf_slice(&out), &back, &e) == E_OK);
    assert(back.field == c->field && back.message_id == c->message_id);
    assert(back.data_set == c->data_set);
    assert(c->field == DIMSE_C_CANCEL_RQ || strcmp(back.sop_class, c->sop_class) == 0);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct dimse_command c;
    struct err e = {0};
    char text[DIMSE_STATUS_TEXT_MAX];
    int rc = dimse_command_read(slice_of(data, len), &c, &e);
    check_texts(&c);
    assert(strlen(dimse_status_text(c.status, text)) < sizeof text);
    assert(dimse_field_text(c.field)[0] != '\0');
    if (rc != E_OK) {
        assert(e.code == rc && (rc == E_LIMIT || (e.has_offset && e.offset <= len)));
        return 0;
    }
    again(&c);
    if ((c.field & DIMSE_RESPONSE) == 0 && c.field != DIMSE_C_CANCEL_RQ) {
        struct dimse_command response = dimse_response_to(&c, DIMSE_PROCESSING_FAILURE);
        again(&response);
    }
    return 0;
}
