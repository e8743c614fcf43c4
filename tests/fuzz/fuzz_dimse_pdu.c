// SPDX-License-Identifier: Apache-2.0
// PDUs of the upper layer as bytes from outside: an A-ASSOCIATE that can be read can be written
// again and says the same, an error says where it lies.
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/dimse_script.h"
#include "base/arena.h"

#define ARENA_MAX ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_same(const struct pdu_associate *a, const struct pdu_associate *b) {
    assert(a->version == b->version);
    assert(strcmp(a->application_context, b->application_context) == 0);
    assert(strcmp(a->p.calling, b->p.calling) == 0 && strcmp(a->p.called, b->p.called) == 0);
    assert(a->p.max_pdu == b->p.max_pdu && a->has_window == b->has_window);
    assert(a->p.max_invoked == b->p.max_invoked && a->p.max_performed == b->p.max_performed);
    assert(a->p.context_count == b->p.context_count);
    for (size_t i = 0; i < a->p.context_count; i++) {
        const struct dimse_context *x = &a->p.contexts[i];
        const struct dimse_context *y = &b->p.contexts[i];
        assert(x->id == y->id && x->result == y->result);
        assert(strcmp(x->abstract_syntax, y->abstract_syntax) == 0);
        assert(strcmp(x->syntax, y->syntax) == 0 && x->proposed_count == y->proposed_count);
    }
    assert(a->role_count == b->role_count && a->extended_count == b->extended_count);
    assert(a->common_count == b->common_count && a->identity_answered == b->identity_answered);
    assert(a->p.identity_type == b->p.identity_type && slice_eq(a->p.identity, b->p.identity));
    assert(slice_eq(a->p.passcode, b->p.passcode));
}

static void associate(enum pdu_type type, struct slice body) {
    struct arena arena;
    struct pdu_associate first;
    struct pdu_associate second;
    struct err e = {0};
    arena_init(&arena, ARENA_MAX);
    int rc = pdu_associate_read(type, body, &arena, &first, &e);
    if (rc != E_OK) {
        assert(e.code == rc && rc != E_INTERNAL && rc != E_MEMORY);
        assert(e.has_offset && e.offset <= body.len + PDU_HEAD_LEN);
    } else if (first.application_context[0] != '\0') {
        struct buf out;
        buf_init(&out, DIMSE_ASSOCIATE_MAX);
        rc = pdu_associate_write(type, &first, &out, &e);
        assert(rc == E_OK || rc == E_LIMIT);
        if (rc == E_OK) {
            struct slice again = slice_from(buf_slice(&out), PDU_HEAD_LEN);
            assert(pdu_associate_read(type, again, &arena, &second, &e) == E_OK);
            check_same(&first, &second);
        }
        buf_done(&out);
    }
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < 1 || len > DIMSE_ASSOCIATE_MAX / 2) {
        return 0;
    }
    struct slice body = slice_of(data + 1, len - 1);
    enum pdu_type type = (enum pdu_type)(data[0] % 7 + 1);
    struct pdu_short s;
    struct pdv_head v;
    struct err e = {0};
    char text[PDU_TEXT_MAX];
    if (type == PDU_ASSOCIATE_RQ || type == PDU_ASSOCIATE_AC) {
        associate(type, body);
    } else if (type == PDU_DATA) {
        if (body.len >= PDV_HEAD_LEN + 4) {
            uint32_t left = num_be32(body.ptr);
            int rc = pdv_head_read(body.ptr + 4, left, &v, &e);
            assert(rc == E_SYNTAX || (rc == E_OK && (uint64_t)v.len + PDV_HEAD_LEN <= left));
        }
    } else if (pdu_short_read(type, body, &s, &e) == E_OK) {
        uint8_t out[PDU_SHORT_WHOLE];
        pdu_short_write(type, s, out);
        assert(memcmp(out + PDU_HEAD_LEN + 1, body.ptr + 1, 3) == 0);
        assert(strlen(pdu_rejection_text(s, text)) > 0 && strlen(pdu_abort_text(s, text)) > 0);
    }
    return 0;
}
