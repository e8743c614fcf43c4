// SPDX-License-Identifier: Apache-2.0
// A peer that is a script: everything that it will ever send stands in one slice and comes in
// pieces as the test wants them; what is written to it is kept. Nothing waits: behind the script
// the peer has closed its side. Used by the tests and the fuzz targets of dimse/.
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "dimse/pdu.h"
#include "dimse/stream_priv.h"

struct script {
    struct slice input;
    size_t at;
    size_t piece;   // bytes a read gives at most; 0: all
    size_t cut;     // a read never goes across this place; 0: none
    struct buf out; // born by the test
};

static inline enum stream_io script_read(struct dimse_stream *s, void *bytes, size_t len,
                                         size_t *ret_len, struct err *e) {
    struct script *script = s->inner;
    (void)e;
    size_t n = script->input.len - script->at;
    n = n < len ? n : len;
    n = script->piece != 0 && n > script->piece ? script->piece : n;
    if (script->at < script->cut && script->at + n > script->cut) {
        n = script->cut - script->at;
    }
    if (n == 0) {
        return STREAM_ENDED;
    }
    memcpy(bytes, script->input.ptr + script->at, n);
    script->at += n;
    *ret_len = n;
    return STREAM_DONE;
}

static inline enum stream_io script_write(struct dimse_stream *s, const struct iovec *pieces,
                                          int count, size_t *ret_len, struct err *e) {
    struct script *script = s->inner;
    (void)e;
    *ret_len = 0;
    for (int i = 0; i < count; i++) {
        buf_put(&script->out, pieces[i].iov_base, pieces[i].iov_len);
        *ret_len += pieces[i].iov_len;
    }
    return STREAM_DONE;
}

static inline bool script_ready(struct dimse_stream *s) {
    (void)s;
    return true; // more of the script, or the news that it is over
}

static const struct stream_ops script_ops = {
    .read = script_read, .write = script_write, .ready = script_ready};

static inline struct dimse_stream *script_stream(struct script *script) {
    struct dimse_stream *s = NULL;
    struct err e = {0};
    return stream_scripted(&script_ops, script, &s, &e) == E_OK ? s : NULL;
}

// --- PDUs for scripts

#define SCRIPT_VERIFICATION "1.2.840.10008.1.1"
#define SCRIPT_CT "1.2.840.10008.5.1.4.1.1.2"
#define SCRIPT_INSTANCE "2.25.1"

// A request or an answer with two contexts, 1 (Verification) and 3 (CT Image Storage), and nothing
// else of interest. `contexts` and `syntaxes` must live as long as it is used.
static inline struct pdu_associate script_associate(struct dimse_context contexts[2]) {
    static const char *const syntaxes[] = {DCM_IMPLICIT_LE_UID, DCM_EXPLICIT_LE_UID};
    contexts[0] = (struct dimse_context){.id = 1,
                                         .abstract_syntax = SCRIPT_VERIFICATION,
                                         .syntax = DCM_IMPLICIT_LE_UID,
                                         .proposed = syntaxes,
                                         .proposed_count = 1};
    contexts[1] = (struct dimse_context){.id = 3,
                                         .abstract_syntax = SCRIPT_CT,
                                         .syntax = DCM_EXPLICIT_LE_UID,
                                         .proposed = syntaxes,
                                         .proposed_count = 2};
    return (struct pdu_associate){.version = 1,
                                  .application_context = DIMSE_APPLICATION_CONTEXT,
                                  .p = {.calling = "CALLER",
                                        .called = "MACLAB",
                                        .implementation_class = "1.2.3.4",
                                        .implementation_version = "SCRIPT",
                                        .max_pdu = 16384,
                                        .contexts = contexts,
                                        .context_count = 2}};
}

static inline void script_put_associate(struct buf *out, enum pdu_type type) {
    struct dimse_context contexts[2];
    struct err e = {0};
    struct pdu_associate a = script_associate(contexts);
    (void)pdu_associate_write(type, &a, out, &e);
}

static inline void script_put_short(struct buf *out, enum pdu_type type, uint8_t result,
                                    uint8_t source, uint8_t reason) {
    uint8_t bytes[PDU_SHORT_WHOLE];
    pdu_short_write(type, (struct pdu_short){result, source, reason}, bytes);
    buf_put(out, bytes, sizeof bytes);
}

// One P-DATA-TF with one PDV.
static inline void script_put_data(struct buf *out, uint8_t context, uint8_t control,
                                   struct slice content) {
    uint8_t head[PDU_HEAD_LEN + PDV_HEAD_LEN];
    pdu_data_head_write(head, (uint32_t)content.len, context, control);
    buf_put(out, head, sizeof head);
    buf_put_slice(out, content);
}

static inline struct dimse_command script_command(uint16_t field, uint16_t id, bool data_set) {
    struct dimse_command c = {.field = field, .message_id = id, .data_set = data_set};
    bool echo = field == DIMSE_C_ECHO_RQ || field == DIMSE_C_ECHO_RSP;
    const char *sop_class = echo ? SCRIPT_VERIFICATION : SCRIPT_CT;
    memcpy(c.sop_class, sop_class, strlen(sop_class));
    if (!echo) {
        memcpy(c.sop_instance, SCRIPT_INSTANCE, sizeof SCRIPT_INSTANCE);
    }
    return c;
}

// A command whole in one PDU.
static inline void script_put_command(struct buf *out, uint8_t context,
                                      const struct dimse_command *command) {
    struct buf set;
    struct err e = {0};
    buf_init(&set, DIMSE_COMMAND_MAX);
    (void)dimse_command_write(command, &set, &e);
    script_put_data(out, context, PDV_COMMAND | PDV_LAST, buf_slice(&set));
    buf_done(&set);
}

// Takes every context in the first syntax proposed.
static inline int script_accept_all(void *context, struct dimse_stream *stream,
                                    struct dimse_proposal *proposal,
                                    struct dimse_rejection *ret_rejection, struct err *e) {
    (void)context;
    (void)stream;
    (void)ret_rejection;
    (void)e;
    for (size_t i = 0; i < proposal->context_count; i++) {
        struct dimse_context *c = &proposal->contexts[i];
        if (c->proposed_count > 0) {
            c->result = DIMSE_ACCEPTED;
            memcpy(c->syntax, c->proposed[0], strlen(c->proposed[0]) + 1);
        }
    }
    return E_OK;
}

// The type of the n-th PDU that was written; 0: there are fewer.
static inline uint8_t script_out_type(const struct script *script, size_t n,
                                      struct slice *ret_pdu) {
    struct slice rest = buf_slice(&script->out);
    while (rest.len >= PDU_HEAD_LEN) {
        struct pdu_head head = pdu_head_read(rest.ptr);
        struct slice pdu = slice_first(rest, PDU_HEAD_LEN + (size_t)head.len);
        if (n-- == 0) {
            *ret_pdu = pdu;
            return head.type;
        }
        rest = slice_from(rest, pdu.len);
    }
    return 0;
}
