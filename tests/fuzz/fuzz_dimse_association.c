// SPDX-License-Identifier: Apache-2.0
// A whole association with a peer that sends anything, in either role. Byte 0: role and what good
// beginning stands before the input; byte 1: how it is split. Whatever comes, what we send is a row
// of well-formed PDUs, nothing follows our A-ABORT, and errors have words.
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "../unit/dimse_script.h"
#include "base/clock.h"

#define OUT_MAX ((size_t)1 << 20)
#define INPUT_MAX 6000
#define STEPS_MAX 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

// PDUs of ours: one answer to the association, then data, then at most one end.
static void check_out(const struct script *script, bool requestor) {
    struct slice pdu = {0};
    size_t at = 0;
    size_t n = 0;
    bool aborted = false;
    uint8_t type;
    while ((type = script_out_type(script, n, &pdu)) != 0) {
        struct pdu_head head = pdu_head_read(pdu.ptr);
        assert(pdu.len == PDU_HEAD_LEN + (size_t)head.len);
        assert(type >= PDU_ASSOCIATE_RQ && type <= PDU_ABORT && !aborted);
        assert(type != PDU_ASSOCIATE_RQ || (requestor && n == 0));
        assert(type != PDU_ASSOCIATE_AC || (!requestor && n == 0));
        assert(type != PDU_DATA || n > 0);
        aborted = type == PDU_ABORT;
        at += pdu.len;
        n++;
    }
    assert(at == script->out.len);
}

static void converse(struct dimse_association *a, const uint8_t *data, size_t len) {
    struct dimse_message m = {0};
    struct err e = {0};
    int rc = E_OK;
    for (unsigned step = 0; step < STEPS_MAX && rc >= 0; step++) {
        switch (len > 2 ? data[2 + step % (len - 2)] % 8 : 0) {
        case 1:
            rc = dimse_cancelled(a, m.command.message_id, &e);
            break;
        case 2:
            rc = dimse_data_skip(a, &e);
            break;
        case 3:
            (void)dimse_ready(a);
            break;
        default: {
            rc = dimse_receive(a, &m, &e);
            if (rc == DIMSE_RELEASED) {
                assert(dimse_association_ending(a, NULL) == DIMSE_IN_ORDER);
                return;
            }
            if (rc == DIMSE_MESSAGE && (m.command.field & DIMSE_RESPONSE) == 0) {
                struct slice piece = {0};
                struct dimse_command rsp = dimse_response_to(&m.command, DIMSE_SUCCESS);
                assert(m.context != NULL && m.context->id == m.context_id);
                do {
                    rc = dimse_data_next(a, &piece, &e);
                } while (rc == E_OK && piece.len > 0);
                if (rc == E_OK) {
                    rc = (m.command.message_id & 1) != 0
                             ? dimse_send(a, m.context_id, &rsp, NULL, 0, &e)
                             : dimse_send_later(a, m.context_id, &rsp, NULL, 0, &e);
                }
            }
            break;
        }
        }
    }
    assert(rc >= 0 || (e.code == rc && e.text[0] != '\0'));
    assert(rc >= 0 || dimse_association_ending(a, NULL) != DIMSE_OPEN);
}

static int start(struct script *script, bool requestor, const struct dimse_limits *limits,
                 struct dimse_association **ret_a, struct err *e) {
    static const char *const syntaxes[] = {DCM_IMPLICIT_LE_UID, DCM_EXPLICIT_LE_UID, NULL};
    static const struct dimse_want wants[] = {{SCRIPT_VERIFICATION, syntaxes, false, {0}},
                                              {SCRIPT_CT, syntaxes, true, {0}}};
    struct dimse_request request = {.calling = "US",
                                    .called = "THEM",
                                    .wants = wants,
                                    .want_count = 2,
                                    .max_invoked = 4,
                                    .limits = *limits};
    struct dimse_stream *stream = script_stream(script);
    return requestor ? dimse_associate(stream, &request, ret_a, e)
                     : dimse_accept(stream, limits, script_accept_all, NULL, ret_a, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < 2 || len > INPUT_MAX) {
        return 0;
    }
    bool requestor = (data[0] & 1) != 0;
    struct buf input;
    buf_init(&input, OUT_MAX);
    if ((data[0] & 2) != 0) {
        script_put_associate(&input, requestor ? PDU_ASSOCIATE_AC : PDU_ASSOCIATE_RQ);
    }
    if ((data[0] & 4) != 0) {
        struct dimse_command c =
            script_command(requestor ? DIMSE_C_STORE_RSP : DIMSE_C_STORE_RQ, 1, !requestor);
        script_put_command(&input, 3, &c);
    }
    buf_put(&input, data + 2, len - 2);
    struct script script = {.input = buf_slice(&input), .piece = data[1]};
    struct dimse_limits limits = {.pdu = 65536, .data_set_bytes = 3000};
    struct dimse_association *a = NULL;
    struct err e = {0};
    buf_init(&script.out, OUT_MAX);
    int rc = start(&script, requestor, &limits, &a, &e);
    if (rc == E_OK) {
        converse(a, data, len);
        if ((data[0] & 8) != 0) {
            (void)dimse_release(a, &e);
        } else if ((data[0] & 16) != 0) {
            dimse_abort(a);
        } else {
            dimse_association_close(a);
        }
    } else {
        assert(e.code == rc && e.text[0] != '\0');
    }
    check_out(&script, requestor);
    buf_done(&script.out);
    buf_done(&input);
    return 0;
}
