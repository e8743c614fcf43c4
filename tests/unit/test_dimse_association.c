// SPDX-License-Identifier: Apache-2.0
// Associations with a scripted peer (nothing waits) and, for what is about time, over socket pairs:
// every split of a stream, what is not allowed and which A-ABORT it gets, negotiation, release and
// its collisions, cancelling, limits, stalls.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "dimse/association_priv.h"
#include "dimse_script.h"

#define OUT_MAX ((size_t)4 << 20)
#define DATA_LEN 1000

static uint8_t data[DATA_LEN];

static int make_data(void **unused) {
    (void)unused;
    for (size_t i = 0; i < DATA_LEN; i++) {
        data[i] = (uint8_t)(i * 7 + i / 256);
    }
    return 0;
}

// --- an acceptor that does what a service does

struct served {
    struct buf got; // all data sets
    unsigned messages;
    int rc; // of what ended it
    struct err e;
    enum dimse_ending ending;
    struct dimse_limits limits;
    dimse_negotiate negotiate;
};

static void serve(struct served *v, struct dimse_association *a) {
    struct dimse_message m;
    while ((v->rc = dimse_receive(a, &m, &v->e)) == DIMSE_MESSAGE) {
        v->messages++;
        struct slice piece = {0};
        do {
            v->rc = dimse_data_next(a, &piece, &v->e);
            if (v->rc == E_OK) {
                buf_put_slice(&v->got, piece);
            }
        } while (v->rc == E_OK && piece.len > 0);
        if (v->rc != E_OK) {
            break;
        }
        struct dimse_command rsp = dimse_response_to(&m.command, DIMSE_SUCCESS);
        v->rc = dimse_send(a, m.context_id, &rsp, NULL, 0, &v->e);
        if (v->rc != E_OK) {
            break;
        }
    }
    v->ending = dimse_association_ending(a, NULL);
}

static void run_script(struct script *script, struct served *v) {
    struct dimse_association *a = NULL;
    script->at = 0;
    buf_init(&script->out, OUT_MAX);
    buf_init(&v->got, OUT_MAX);
    v->messages = 0;
    v->ending = DIMSE_OPEN;
    err_clear(&v->e);
    v->rc = dimse_accept(script_stream(script), &v->limits,
                         v->negotiate != NULL ? v->negotiate : script_accept_all, v, &a, &v->e);
    if (v->rc == E_OK) {
        serve(v, a);
    }
    dimse_association_close(a);
}

static void done(struct script *script, struct served *v) {
    buf_done(&script->out);
    buf_done(&v->got);
}

// --- every split

// An echo and a store whose command comes in three PDVs of two PDUs and whose data set comes with
// empty fragments, several in a PDU, and a last one that is empty.
static void put_store(struct buf *out) {
    CLEANUP(cleanup_buf)
    struct buf set;
    struct err e = {0};
    buf_init(&set, DIMSE_COMMAND_MAX);
    struct dimse_command c = script_command(DIMSE_C_STORE_RQ, 2, true);
    assert_int_equal(dimse_command_write(&c, &set, &e), E_OK);
    struct slice all = buf_slice(&set);
    script_put_data(out, 3, PDV_COMMAND, slice_first(all, 11));
    // One PDU, two PDVs.
    uint8_t head[PDU_HEAD_LEN + PDV_HEAD_LEN];
    struct slice middle = slice_first(slice_from(all, 11), 20);
    struct slice rest = slice_from(all, 31);
    pdu_data_head_write(head, (uint32_t)(middle.len + PDV_HEAD_LEN + rest.len), 3, PDV_COMMAND);
    num_put_be32(head + PDU_HEAD_LEN, (uint32_t)middle.len + 2);
    buf_put(out, head, sizeof head);
    buf_put_slice(out, middle);
    uint8_t second[PDV_HEAD_LEN] = {0, 0, 0, 0, 3, PDV_COMMAND | PDV_LAST | 0xA8}; // others ignored
    num_put_be32(second, (uint32_t)rest.len + 2);
    buf_put(out, second, sizeof second);
    buf_put_slice(out, rest);
    // The data set.
    struct slice body = slice_of(data, DATA_LEN);
    script_put_data(out, 3, 0, slice_first(body, 0));
    script_put_data(out, 3, 0, slice_first(body, 1));
    script_put_data(out, 3, 0, slice_first(slice_from(body, 1), 600));
    script_put_data(out, 3, 0, slice_from(body, 601));
    script_put_data(out, 3, PDV_LAST, slice_first(body, 0));
}

static void put_good(struct buf *out) {
    buf_init(out, OUT_MAX);
    script_put_associate(out, PDU_ASSOCIATE_RQ);
    struct dimse_command echo = script_command(DIMSE_C_ECHO_RQ, 1, false);
    script_put_command(out, 1, &echo);
    put_store(out);
    script_put_command(out, 1, &echo);
    script_put_short(out, PDU_RELEASE_RQ, 0, 0, 0);
}

static void check_good(const struct script *script, const struct served *v) {
    struct slice pdu = {0};
    assert_int_equal(v->rc, DIMSE_RELEASED);
    assert_int_equal(v->messages, 3);
    assert_int_equal(v->ending, DIMSE_IN_ORDER);
    assert_int_equal(v->got.len, DATA_LEN);
    assert_memory_equal(v->got.data, data, DATA_LEN);
    assert_int_equal(script_out_type(script, 0, &pdu), PDU_ASSOCIATE_AC);
    assert_int_equal(script_out_type(script, 1, &pdu), PDU_DATA);
    assert_int_equal(script_out_type(script, 2, &pdu), PDU_DATA);
    assert_int_equal(script_out_type(script, 3, &pdu), PDU_DATA);
    assert_int_equal(script_out_type(script, 4, &pdu), PDU_RELEASE_RP);
    assert_int_equal(script_out_type(script, 5, &pdu), 0);
}

static void every_split(void **unused) {
    (void)unused;
    CLEANUP(cleanup_buf)
    struct buf input;
    put_good(&input);
    for (size_t piece = 0; piece < 40; piece++) {
        struct script script = {.input = buf_slice(&input), .piece = piece};
        struct served v = {0};
        run_script(&script, &v);
        check_good(&script, &v);
        done(&script, &v);
    }
    for (size_t cut = 1; cut < input.len; cut++) {
        struct script script = {.input = buf_slice(&input), .cut = cut};
        struct served v = {0};
        run_script(&script, &v);
        check_good(&script, &v);
        done(&script, &v);
    }
}

// The peer goes away at each byte: never a message too many, never half a data set taken for whole.
static void cut_off_everywhere(void **unused) {
    (void)unused;
    CLEANUP(cleanup_buf)
    struct buf input;
    put_good(&input);
    unsigned most = 0;
    for (size_t len = 0; len < input.len; len++) {
        struct script script = {.input = slice_first(buf_slice(&input), len)};
        struct served v = {0};
        run_script(&script, &v);
        assert_true(v.rc < 0);
        assert_int_equal(v.rc, E_CANCELLED);
        assert_true(v.messages >= most);
        most = v.messages;
        assert_memory_equal(v.got.data, data, v.got.len);
        done(&script, &v);
    }
    assert_int_equal(most, 3);
}

// --- what is not allowed

enum made {
    M_ASSOCIATE_AC,
    M_DATA_FIRST,
    M_RELEASE_FIRST,
    M_UNKNOWN_FIRST,
    M_ABORT_FIRST,
    M_BAD_RQ,
    M_LONG_RQ,
    M_SECOND_RQ,
    M_AC_LATER,
    M_RJ_LATER,
    M_RP_LATER,
    M_UNKNOWN_LATER,
    M_LONG_PDU,
    M_CONTEXT_UNKNOWN,
    M_CONTEXT_REFUSED,
    M_CONTEXT_CHANGES,
    M_CONTEXT_CHANGES_IN_COMMAND,
    M_DATA_WITHOUT_COMMAND,
    M_COMMAND_IN_DATA,
    M_DATA_IN_COMMAND,
    M_DATA_AFTER_ECHO,
    M_PDV_TOO_LONG,
    M_PDV_TOO_SHORT,
    M_PDU_ODD_END,
    M_RELEASE_IN_MESSAGE,
    M_RELEASE_LONG,
    M_ABORT_LONG,
    M_ABORT_LATER,
    M_EMPTY_FLOOD,
    M_EMPTY_PDU_FLOOD,
    M_BAD_COMMAND,
    M_BIG_COMMAND,
    M_BIG_DATA,
    M_COUNT
};

#define NO_ANSWER 0xFF

static const struct {
    int rc;
    uint8_t source, reason; // of the A-ABORT; NO_ANSWER: none is sent
    enum dimse_ending ending;
} outcomes[M_COUNT] = {
    // Sta2: AA-1, by the service user.
    [M_ASSOCIATE_AC] = {E_SYNTAX, 0, 0, DIMSE_OPEN},
    [M_DATA_FIRST] = {E_SYNTAX, 0, 0, DIMSE_OPEN},
    [M_RELEASE_FIRST] = {E_SYNTAX, 0, 0, DIMSE_OPEN},
    [M_UNKNOWN_FIRST] = {E_SYNTAX, 0, 0, DIMSE_OPEN},
    [M_ABORT_FIRST] = {E_CANCELLED, NO_ANSWER, 0, DIMSE_OPEN},
    [M_BAD_RQ] = {E_TRUNCATED, 0, 0, DIMSE_OPEN},
    [M_LONG_RQ] = {E_LIMIT, 0, 0, DIMSE_OPEN},
    // Sta6: AA-8, by the provider.
    [M_SECOND_RQ] = {E_SYNTAX, 2, PDU_ABORT_UNEXPECTED_PDU, DIMSE_ABORTED_HERE},
    [M_AC_LATER] = {E_SYNTAX, 2, PDU_ABORT_UNEXPECTED_PDU, DIMSE_ABORTED_HERE},
    [M_RJ_LATER] = {E_SYNTAX, 2, PDU_ABORT_UNEXPECTED_PDU, DIMSE_ABORTED_HERE},
    [M_RP_LATER] = {E_SYNTAX, 2, PDU_ABORT_UNEXPECTED_PDU, DIMSE_ABORTED_HERE},
    [M_UNKNOWN_LATER] = {E_SYNTAX, 2, PDU_ABORT_UNRECOGNIZED_PDU, DIMSE_ABORTED_HERE},
    [M_LONG_PDU] = {E_LIMIT, 2, PDU_ABORT_INVALID_PARAMETER, DIMSE_ABORTED_HERE},
    [M_CONTEXT_UNKNOWN] = {E_SYNTAX, 2, PDU_ABORT_INVALID_PARAMETER, DIMSE_ABORTED_HERE},
    [M_CONTEXT_REFUSED] = {E_SYNTAX, 2, PDU_ABORT_INVALID_PARAMETER, DIMSE_ABORTED_HERE},
    [M_CONTEXT_CHANGES] = {E_SYNTAX, 2, PDU_ABORT_INVALID_PARAMETER, DIMSE_ABORTED_HERE},
    [M_CONTEXT_CHANGES_IN_COMMAND] = {E_SYNTAX, 2, PDU_ABORT_INVALID_PARAMETER, DIMSE_ABORTED_HERE},
    [M_DATA_WITHOUT_COMMAND] = {E_SYNTAX, 2, PDU_ABORT_UNEXPECTED_PARAMETER, DIMSE_ABORTED_HERE},
    [M_COMMAND_IN_DATA] = {E_SYNTAX, 2, PDU_ABORT_UNEXPECTED_PARAMETER, DIMSE_ABORTED_HERE},
    [M_DATA_IN_COMMAND] = {E_SYNTAX, 2, PDU_ABORT_UNEXPECTED_PARAMETER, DIMSE_ABORTED_HERE},
    [M_DATA_AFTER_ECHO] = {E_SYNTAX, 2, PDU_ABORT_UNEXPECTED_PARAMETER, DIMSE_ABORTED_HERE},
    [M_PDV_TOO_LONG] = {E_SYNTAX, 2, PDU_ABORT_INVALID_PARAMETER, DIMSE_ABORTED_HERE},
    [M_PDV_TOO_SHORT] = {E_SYNTAX, 2, PDU_ABORT_INVALID_PARAMETER, DIMSE_ABORTED_HERE},
    [M_PDU_ODD_END] = {E_SYNTAX, 2, PDU_ABORT_INVALID_PARAMETER, DIMSE_ABORTED_HERE},
    [M_RELEASE_IN_MESSAGE] = {E_SYNTAX, 2, PDU_ABORT_UNEXPECTED_PDU, DIMSE_ABORTED_HERE},
    [M_RELEASE_LONG] = {E_SYNTAX, 2, PDU_ABORT_INVALID_PARAMETER, DIMSE_ABORTED_HERE},
    [M_ABORT_LONG] = {E_SYNTAX, 2, PDU_ABORT_INVALID_PARAMETER, DIMSE_ABORTED_HERE},
    [M_ABORT_LATER] = {E_CANCELLED, NO_ANSWER, 0, DIMSE_ABORTED_BY_PEER},
    [M_EMPTY_FLOOD] = {E_LIMIT, 2, PDU_ABORT_INVALID_PARAMETER, DIMSE_ABORTED_HERE},
    [M_EMPTY_PDU_FLOOD] = {E_LIMIT, 2, PDU_ABORT_INVALID_PARAMETER, DIMSE_ABORTED_HERE},
    // DIMSE above the upper layer: its user aborts.
    [M_BAD_COMMAND] = {E_MISSING, 0, 0, DIMSE_ABORTED_HERE},
    [M_BIG_COMMAND] = {E_LIMIT, 0, 0, DIMSE_ABORTED_HERE},
    [M_BIG_DATA] = {E_LIMIT, 0, 0, DIMSE_ABORTED_HERE},
};

static void put_first(struct buf *out, enum made made) {
    static const uint8_t unknown[] = {9, 0, 0, 0, 0, 4, 0, 0, 0, 0};
    static const uint8_t too_long[] = {1, 0, 0x7F, 0, 0, 0};
    static const uint8_t bad[] = {1, 0, 0, 0, 0, 3, 0, 1, 0};
    switch (made) {
    case M_ASSOCIATE_AC:
        script_put_associate(out, PDU_ASSOCIATE_AC);
        break;
    case M_DATA_FIRST:
        script_put_data(out, 1, PDV_COMMAND | PDV_LAST, slice_of(data, 10));
        break;
    case M_RELEASE_FIRST:
        script_put_short(out, PDU_RELEASE_RQ, 0, 0, 0);
        break;
    case M_UNKNOWN_FIRST:
        buf_put(out, unknown, sizeof unknown);
        break;
    case M_ABORT_FIRST:
        script_put_short(out, PDU_ABORT, 0, 0, 0);
        break;
    case M_BAD_RQ:
        buf_put(out, bad, sizeof bad);
        break;
    case M_LONG_RQ:
        buf_put(out, too_long, sizeof too_long);
        break;
    default:
        script_put_associate(out, PDU_ASSOCIATE_RQ);
        break;
    }
}

static void put_head(struct buf *out, uint32_t pdu_len, uint32_t pdv_len, uint8_t context,
                     uint8_t control) {
    uint8_t head[PDU_HEAD_LEN + PDV_HEAD_LEN] = {PDU_DATA};
    num_put_be32(head + 2, pdu_len);
    num_put_be32(head + 6, pdv_len);
    head[10] = context;
    head[11] = control;
    buf_put(out, head, sizeof head);
}

static void put_rest(struct buf *out, enum made made) {
    static const uint8_t unknown[] = {0, 0, 0, 0, 0, 4, 0, 0, 0, 0};
    static const uint8_t release_long[] = {5, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0};
    static const uint8_t abort_long[] = {7, 0, 0, 0, 0, 0};
    static const uint8_t odd_end[] = {4, 0, 0, 0, 0, 3, 1, 2, 3};
    static const uint8_t empty_pdu[] = {4, 0, 0, 0, 0, 0};
    static const uint8_t big[16000];
    struct dimse_command echo = script_command(DIMSE_C_ECHO_RQ, 1, false);
    struct dimse_command store = script_command(DIMSE_C_STORE_RQ, 2, true);
    struct slice some = slice_of(data, 100);
    switch (made) {
    case M_SECOND_RQ:
        script_put_associate(out, PDU_ASSOCIATE_RQ);
        break;
    case M_AC_LATER:
        script_put_associate(out, PDU_ASSOCIATE_AC);
        break;
    case M_RJ_LATER:
        script_put_short(out, PDU_ASSOCIATE_RJ, 1, 1, 1);
        break;
    case M_RP_LATER:
        script_put_short(out, PDU_RELEASE_RP, 0, 0, 0);
        break;
    case M_UNKNOWN_LATER:
        buf_put(out, unknown, sizeof unknown);
        break;
    case M_LONG_PDU:
        put_head(out, DIMSE_PDU_DEFAULT + 1, 100, 1, PDV_COMMAND);
        break;
    case M_CONTEXT_UNKNOWN:
        script_put_command(out, 77, &echo);
        break;
    case M_CONTEXT_REFUSED:
        script_put_command(out, 5, &echo);
        break;
    case M_CONTEXT_CHANGES:
        script_put_command(out, 3, &store);
        script_put_data(out, 1, PDV_LAST, some);
        break;
    case M_CONTEXT_CHANGES_IN_COMMAND:
        script_put_data(out, 3, PDV_COMMAND, some);
        script_put_data(out, 1, PDV_COMMAND | PDV_LAST, some);
        break;
    case M_DATA_WITHOUT_COMMAND:
        script_put_data(out, 3, PDV_LAST, some);
        break;
    case M_COMMAND_IN_DATA:
        script_put_command(out, 3, &store);
        script_put_data(out, 3, 0, some);
        script_put_command(out, 3, &store);
        break;
    case M_DATA_IN_COMMAND:
        script_put_data(out, 3, PDV_COMMAND, some);
        script_put_data(out, 3, 0, some);
        break;
    case M_DATA_AFTER_ECHO:
        script_put_command(out, 1, &echo);
        script_put_data(out, 1, PDV_LAST, some);
        break;
    case M_PDV_TOO_LONG:
        put_head(out, 100, 97, 1, PDV_COMMAND);
        break;
    case M_PDV_TOO_SHORT:
        put_head(out, 100, 1, 1, PDV_COMMAND);
        break;
    case M_PDU_ODD_END:
        buf_put(out, odd_end, sizeof odd_end);
        break;
    case M_RELEASE_IN_MESSAGE:
        script_put_command(out, 3, &store);
        script_put_short(out, PDU_RELEASE_RQ, 0, 0, 0);
        break;
    case M_RELEASE_LONG:
        buf_put(out, release_long, sizeof release_long);
        break;
    case M_ABORT_LONG:
        buf_put(out, abort_long, sizeof abort_long);
        break;
    case M_ABORT_LATER:
        script_put_short(out, PDU_ABORT, 0, 0, 0);
        break;
    case M_EMPTY_FLOOD:
        for (int i = 0; i < 1100; i++) {
            script_put_data(out, 1, PDV_COMMAND, slice_of(data, 0));
        }
        break;
    case M_EMPTY_PDU_FLOOD:
        for (int i = 0; i < 1100; i++) {
            buf_put(out, empty_pdu, sizeof empty_pdu);
        }
        break;
    case M_BAD_COMMAND:
        echo.sop_class[0] = '\0';
        script_put_command(out, 1, &echo);
        break;
    case M_BIG_COMMAND:
        for (int i = 0; i < 5; i++) {
            script_put_data(out, 1, PDV_COMMAND, slice_of(big, sizeof big));
        }
        break;
    case M_BIG_DATA:
        script_put_command(out, 3, &store);
        for (int i = 0; i < 11; i++) {
            script_put_data(out, 3, 0, some);
        }
        break;
    default:
        break;
    }
}

// A peer that says no more than the script must not make a difference: it is followed by silence,
// not by a closed connection, in a half of the runs.
static void not_allowed(void **unused) {
    (void)unused;
    for (int made = 0; made < M_COUNT; made++) {
        for (size_t piece = 0; piece < 4; piece++) {
            CLEANUP(cleanup_buf)
            struct buf input;
            buf_init(&input, OUT_MAX);
            put_first(&input, (enum made)made);
            put_rest(&input, (enum made)made);
            struct script script = {.input = buf_slice(&input), .piece = piece};
            struct served v = {.limits = {.data_set_bytes = DATA_LEN}};
            struct slice pdu = {0};
            run_script(&script, &v);
            if (v.rc != outcomes[made].rc || v.ending != outcomes[made].ending) {
                fail_msg("case %d: %s, ending %d: %s", made, err_name(v.rc), (int)v.ending,
                         v.e.text);
            }
            uint8_t type = 0;
            for (size_t n = 0; script_out_type(&script, n, &pdu) != 0; n++) {
                type = script_out_type(&script, n, &pdu);
            }
            bool answered = outcomes[made].source != NO_ANSWER;
            assert_int_equal(type == PDU_ABORT, answered);
            if (answered &&
                (pdu.ptr[8] != outcomes[made].source || pdu.ptr[9] != outcomes[made].reason)) {
                fail_msg("case %d: source %u, reason %u", made, pdu.ptr[8], pdu.ptr[9]);
            }
            assert_true(v.e.text[0] != '\0');
            done(&script, &v);
        }
    }
}

// --- negotiation, as an acceptor

static void expect_rejection(uint16_t version, const char *application, uint8_t source,
                             uint8_t reason) {
    CLEANUP(cleanup_buf)
    struct buf input;
    struct dimse_context contexts[2];
    struct pdu_associate a = script_associate(contexts);
    struct err e = {0};
    struct slice pdu = {0};
    a.version = version;
    (void)snprintf(a.application_context, sizeof a.application_context, "%s", application);
    buf_init(&input, OUT_MAX);
    assert_int_equal(pdu_associate_write(PDU_ASSOCIATE_RQ, &a, &input, &e), E_OK);
    struct script script = {.input = buf_slice(&input)};
    struct served v = {0};
    run_script(&script, &v);
    if (source == 0) {
        assert_int_equal(script_out_type(&script, 0, &pdu), PDU_ASSOCIATE_AC);
    } else {
        assert_int_equal(v.rc, E_DENIED);
        assert_int_equal(script_out_type(&script, 0, &pdu), PDU_ASSOCIATE_RJ);
        assert_int_equal(pdu.ptr[7], DIMSE_REJECT_PERMANENT);
        assert_int_equal(pdu.ptr[8], source);
        assert_int_equal(pdu.ptr[9], reason);
        assert_non_null(strstr(v.e.text, "CALLER to MACLAB"));
    }
    done(&script, &v);
}

static void version_and_application(void **unused) {
    (void)unused;
    expect_rejection(1, DIMSE_APPLICATION_CONTEXT, 0, 0);
    expect_rejection(0xFFFF, DIMSE_APPLICATION_CONTEXT, 0, 0); // bit 0 counts
    expect_rejection(0, DIMSE_APPLICATION_CONTEXT, 2, 2);
    expect_rejection(0xFFFE, DIMSE_APPLICATION_CONTEXT, 2, 2);
    expect_rejection(1, "1.2.840.10008.3.1.1.2", 1, 2);
}

static int refuse(void *context, struct dimse_stream *stream, struct dimse_proposal *p,
                  struct dimse_rejection *ret_rejection, struct err *e) {
    (void)context;
    (void)stream;
    (void)p;
    (void)e;
    *ret_rejection = DIMSE_REJECT_CALLING_UNKNOWN;
    return E_OK;
}

static int cannot_tell(void *context, struct dimse_stream *stream, struct dimse_proposal *p,
                       struct dimse_rejection *ret_rejection, struct err *e) {
    (void)context;
    (void)stream;
    (void)p;
    (void)ret_rejection;
    return err_set(e, E_DATABASE, "no list of peers");
}

static void refused_by_the_user(void **unused) {
    (void)unused;
    CLEANUP(cleanup_buf)
    struct buf input;
    struct slice pdu = {0};
    buf_init(&input, OUT_MAX);
    script_put_associate(&input, PDU_ASSOCIATE_RQ);
    struct script script = {.input = buf_slice(&input)};
    struct served v = {.negotiate = refuse};
    run_script(&script, &v);
    assert_int_equal(v.rc, E_DENIED);
    assert_int_equal(script_out_type(&script, 0, &pdu), PDU_ASSOCIATE_RJ);
    assert_memory_equal(pdu.ptr + 6, "\0\1\1\3", 4);
    done(&script, &v);
    v.negotiate = cannot_tell;
    run_script(&script, &v);
    assert_int_equal(v.rc, E_DATABASE);
    assert_int_equal(script_out_type(&script, 0, &pdu), PDU_ABORT);
    done(&script, &v);
}

static const struct pdu_role asked_roles[] = {{SCRIPT_CT, true, true}, {"1.2.3", true, true}};

static int accept_some(void *context, struct dimse_stream *stream, struct dimse_proposal *p,
                       struct dimse_rejection *ret_rejection, struct err *e) {
    (void)context;
    (void)stream;
    (void)ret_rejection;
    (void)e;
    assert_int_equal(p->identity_type, DIMSE_IDENTITY_PASSCODE);
    assert_true(slice_eq_str(p->passcode, "secret"));
    for (size_t i = 0; i < p->context_count; i++) {
        struct dimse_context *c = &p->contexts[i];
        assert_int_equal(c->result, DIMSE_ABSTRACT_NOT_SUPPORTED);
        c->result = DIMSE_ACCEPTED;
        (void)snprintf(c->syntax, sizeof c->syntax, "%s", c->proposed[0]);
        if (c->id == 1) { // was not proposed: not granted
            c->scp_role = true;
            (void)snprintf(c->syntax, sizeof c->syntax, "%s", DCM_EXPLICIT_BE_UID);
        }
        if (c->id == 3) {
            assert_true(c->roles_proposed && c->scu_role && c->scp_role);
            assert_string_equal(c->service_class, "1.2.840.10008.4.2");
            c->scu_role = false;
            assert_int_equal(c->extended.len, 3);
            c->answered = slice_of("\1\1", 2);
        }
    }
    return E_OK;
}

static void negotiation(void **unused) {
    (void)unused;
    static const struct pdu_common common[] = {{SCRIPT_CT, "1.2.840.10008.4.2"}};
    static const char *const syntaxes[] = {DCM_IMPLICIT_LE_UID};
    CLEANUP(cleanup_buf)
    struct buf input;
    struct pdu_extended extended[] = {{SCRIPT_CT, slice_of("\1\2\3", 3)}};
    struct dimse_context contexts[4];
    struct pdu_associate a = script_associate(contexts);
    struct err e = {0};
    contexts[2] = contexts[1]; // the same SOP class again
    contexts[2].id = 5;
    contexts[3] = (struct dimse_context){
        .id = 8, .abstract_syntax = SCRIPT_CT, .proposed = syntaxes, .proposed_count = 1};
    a.p.context_count = 4;
    a.roles = asked_roles;
    a.role_count = 2;
    a.extended = extended;
    a.extended_count = 1;
    a.common = common;
    a.common_count = 1;
    a.has_window = true;
    a.p.max_invoked = 0;
    a.p.max_performed = 7;
    a.p.max_pdu = 0;
    a.p.identity_type = DIMSE_IDENTITY_PASSCODE;
    a.p.identity_response_wanted = true;
    a.p.identity = slice_str("me");
    a.p.passcode = slice_str("secret");
    buf_init(&input, OUT_MAX);
    assert_int_equal(pdu_associate_write(PDU_ASSOCIATE_RQ, &a, &input, &e), E_OK);
    struct script script = {.input = buf_slice(&input)};
    buf_init(&script.out, OUT_MAX);
    struct dimse_association *as = NULL;
    assert_int_equal(dimse_accept(script_stream(&script), NULL, accept_some, NULL, &as, &e), E_OK);
    const struct dimse_proposal *p = dimse_agreed(as);
    assert_int_equal(p->max_invoked, DIMSE_ASYNC_MAX);
    assert_int_equal(p->max_performed, 7);
    assert_int_equal(dimse_window(as), 7);
    assert_int_equal(p->passcode.len, 0);
    assert_null(memmem(as->in.bytes, input.len, "secret", 6)); // wiped
    assert_int_equal(p->contexts[0].result, DIMSE_TRANSFER_NOT_SUPPORTED);
    assert_int_equal(p->contexts[3].result, DIMSE_NO_REASON); // even identifier
    assert_null(dimse_context_by_id(as, 1));
    assert_null(dimse_context_by_id(as, 8));
    assert_non_null(dimse_context_by_id(as, 5));
    // The requestor asked for both and got SCP alone: we may be SCU, not SCP.
    assert_null(dimse_context_for(as, SCRIPT_CT, NULL, true));
    assert_int_equal(dimse_context_for(as, SCRIPT_CT, NULL, false)->id, 3);
    assert_null(dimse_context_for(as, SCRIPT_CT, DCM_EXPLICIT_LE_UID, false));
    // The answer as it went out.
    struct slice pdu = {0};
    struct arena arena;
    struct pdu_associate answer;
    arena_init(&arena, OUT_MAX);
    assert_int_equal(script_out_type(&script, 0, &pdu), PDU_ASSOCIATE_AC);
    assert_int_equal(
        pdu_associate_read(PDU_ASSOCIATE_AC, slice_from(pdu, PDU_HEAD_LEN), &arena, &answer, &e),
        E_OK);
    assert_int_equal(answer.p.context_count, 4);
    assert_int_equal(answer.p.contexts[0].result, DIMSE_TRANSFER_NOT_SUPPORTED);
    assert_int_equal(answer.p.contexts[1].result, DIMSE_ACCEPTED);
    assert_int_equal(answer.role_count, 1); // not for the class that nobody proposed
    assert_false(answer.roles[0].scu);
    assert_true(answer.roles[0].scp);
    assert_int_equal(answer.extended_count, 1);
    assert_memory_equal(answer.extended[0].information.ptr, "\1\1", 2);
    assert_int_equal(answer.p.max_invoked, DIMSE_ASYNC_MAX);
    assert_int_equal(answer.p.max_performed, 7);
    assert_true(answer.identity_answered);
    assert_int_equal(answer.p.max_pdu, DIMSE_PDU_DEFAULT);
    assert_true(strncmp(answer.p.implementation_version, "MACLAB_", 7) == 0);
    assert_true(dcm_uid_valid(slice_str(answer.p.implementation_class)));
    arena_done(&arena);
    dimse_abort(as);
    buf_done(&script.out);
}

// --- as a requestor

static const char *const syntaxes_le[] = {DCM_IMPLICIT_LE_UID, NULL};
static const char *const syntaxes_both[] = {DCM_IMPLICIT_LE_UID, DCM_EXPLICIT_LE_UID, NULL};
static const struct dimse_want wants[] = {{SCRIPT_VERIFICATION, syntaxes_le, false, {0}},
                                          {SCRIPT_CT, syntaxes_both, true, {0}}};

static int ask(struct script *script, struct dimse_association **ret_a, struct err *e) {
    struct dimse_request request = {
        .calling = "CALLER", .called = "MACLAB", .wants = wants, .want_count = 2, .max_invoked = 8};
    buf_init(&script->out, OUT_MAX);
    *ret_a = NULL;
    return dimse_associate(script_stream(script), &request, ret_a, e);
}

static void requestor(void **unused) {
    (void)unused;
    CLEANUP(cleanup_buf)
    struct buf input;
    static const struct pdu_role roles[] = {{SCRIPT_CT, true, true}, {SCRIPT_VERIFICATION, 1, 1}};
    struct dimse_context contexts[2];
    struct pdu_associate answer = script_associate(contexts);
    struct err e = {0};
    answer.roles = roles;
    answer.role_count = 2;
    answer.has_window = true;
    answer.p.max_invoked = 3;
    answer.p.max_performed = 1;
    answer.p.max_pdu = 1 << 30;
    buf_init(&input, OUT_MAX);
    assert_int_equal(pdu_associate_write(PDU_ASSOCIATE_AC, &answer, &input, &e), E_OK);
    struct dimse_command rsp = script_command(DIMSE_C_ECHO_RSP, 1, false);
    script_put_command(&input, 1, &rsp);
    script_put_short(&input, PDU_RELEASE_RP, 0, 0, 0);
    for (size_t piece = 0; piece < 20; piece++) {
        struct script script = {.input = buf_slice(&input), .piece = piece};
        struct dimse_association *a;
        struct dimse_message m;
        struct slice pdu = {0};
        assert_int_equal(ask(&script, &a, &e), E_OK);
        assert_int_equal(dimse_window(a), 3);
        assert_non_null(dimse_context_for(a, SCRIPT_CT, DCM_EXPLICIT_LE_UID, true));
        assert_non_null(dimse_context_for(a, SCRIPT_CT, NULL, false));
        assert_null(dimse_context_for(a, SCRIPT_VERIFICATION, NULL, true)); // not asked for
        struct dimse_command rq = script_command(DIMSE_C_ECHO_RQ, dimse_next_message_id(a), false);
        assert_int_equal(dimse_send(a, 1, &rq, NULL, 0, &e), E_OK);
        assert_int_equal(dimse_send(a, 9, &rq, NULL, 0, &e), E_ARGUMENT);
        assert_int_equal(dimse_receive(a, &m, &e), DIMSE_MESSAGE);
        assert_int_equal(m.command.field, DIMSE_C_ECHO_RSP);
        assert_int_equal(dimse_release(a, &e), E_OK);
        assert_int_equal(script_out_type(&script, 0, &pdu), PDU_ASSOCIATE_RQ);
        assert_int_equal(script_out_type(&script, 1, &pdu), PDU_DATA);
        assert_int_equal(script_out_type(&script, 2, &pdu), PDU_RELEASE_RQ);
        assert_int_equal(script_out_type(&script, 3, &pdu), 0);
        buf_done(&script.out);
    }
}

static void requestor_refused(void **unused) {
    (void)unused;
    static const struct {
        uint8_t bytes[12];
        size_t len;
        int rc;
        const char *text;
        uint8_t answer; // PDU type; 0: none
        uint8_t source, reason;
    } rows[] = {
        {{3, 0, 0, 0, 0, 4, 0, 1, 1, 7}, 10, E_DENIED, "called AE title not recognized", 0, 0, 0},
        {{3, 0, 0, 0, 0, 4, 0, 2, 3, 1}, 10, E_BUSY, "temporary congestion", 0, 0, 0},
        {{3, 0, 0, 0, 0, 4, 0, 9, 1, 7}, 10, E_VALUE, "result 9", PDU_ABORT, 2, 6},
        {{3, 0, 0, 0, 0, 3, 0, 1, 1}, 9, E_SYNTAX, "of 3 bytes", PDU_ABORT, 2, 6},
        {{7, 0, 0, 0, 0, 4, 0, 0, 2, 2}, 10, E_CANCELLED, "unexpected PDU", 0, 0, 0},
        {{7, 0, 0, 0, 0, 4, 0, 0, 0, 0}, 10, E_CANCELLED, "aborted by the peer", 0, 0, 0},
        {{5, 0, 0, 0, 0, 4, 0, 0, 0, 0}, 10, E_SYNTAX, "A-RELEASE-RQ", PDU_ABORT, 2, 2},
        {{4, 0, 0, 0, 0, 4, 0, 0, 0, 0}, 10, E_SYNTAX, "P-DATA-TF", PDU_ABORT, 2, 2},
        {{1, 0, 0, 0, 0, 4, 0, 0, 0, 0}, 10, E_SYNTAX, "A-ASSOCIATE-RQ", PDU_ABORT, 2, 2},
        {{0x48, 'T', 'T', 'P', '/', '1', '.', '1'}, 8, E_SYNTAX, "type 48H", PDU_ABORT, 2, 1},
        {{2, 0, 0, 0, 0, 2, 0, 1}, 8, E_TRUNCATED, "fixed fields", PDU_ABORT, 2, 6},
        {{2, 0, 0x40, 0, 0, 0}, 6, E_LIMIT, "A-ASSOCIATE-AC", PDU_ABORT, 2, 6},
        {{2, 0, 0}, 3, E_CANCELLED, "closed", 0, 0, 0},
        {{0}, 0, E_CANCELLED, "closed", 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct script script = {.input = slice_of(rows[i].bytes, rows[i].len)};
        struct dimse_association *a;
        struct err e = {0};
        struct slice pdu = {0};
        int rc = ask(&script, &a, &e);
        if (rc != rows[i].rc || strstr(e.text, rows[i].text) == NULL) {
            fail_msg("row %zu: %s: %s", i, err_name(rc), e.text);
        }
        assert_int_equal(script_out_type(&script, 1, &pdu), rows[i].answer);
        if (rows[i].answer != 0) {
            assert_int_equal(pdu.ptr[8], rows[i].source);
            assert_int_equal(pdu.ptr[9], rows[i].reason);
        }
        buf_done(&script.out);
    }
}

// What cannot be asked for is not sent.
static void bad_requests(void **unused) {
    (void)unused;
    static const char *const none[] = {NULL};
    static const struct dimse_want no_uid[] = {{"1.x", syntaxes_le, false, {0}}};
    static const struct dimse_want no_syntax[] = {{SCRIPT_CT, none, false, {0}}};
    const struct dimse_request rows[] = {
        {.calling = "", .called = "B", .wants = wants, .want_count = 1},
        {.calling = "A", .called = "   ", .wants = wants, .want_count = 1},
        {.calling = "SEVENTEEN_LETTERS", .called = "B", .wants = wants, .want_count = 1},
        {.calling = "A\\B", .called = "B", .wants = wants, .want_count = 1},
        {.calling = "A\n", .called = "B", .wants = wants, .want_count = 1},
        {.calling = "A", .called = "B", .wants = wants, .want_count = 0},
        {.calling = "A", .called = "B", .wants = wants, .want_count = 129},
        {.calling = "A", .called = "B", .wants = no_uid, .want_count = 1},
        {.calling = "A", .called = "B", .wants = no_syntax, .want_count = 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct script script = {0};
        struct dimse_association *a = NULL;
        struct err e = {0};
        buf_init(&script.out, OUT_MAX);
        assert_int_equal(dimse_associate(script_stream(&script), &rows[i], &a, &e), E_ARGUMENT);
        assert_int_equal(script.out.len, 0);
        buf_done(&script.out);
    }
}

// --- release

// Both ask at once. The requestor answers the other's request first, then waits for its own answer;
// the acceptor the other way round (PS3.8 9.2.3, AR-8 to AR-10).
static void release_collisions(void **unused) {
    (void)unused;
    CLEANUP(cleanup_buf)
    struct buf input;
    buf_init(&input, OUT_MAX);
    struct err e = {0};
    struct slice pdu = {0};
    struct dimse_association *a = NULL;
    script_put_associate(&input, PDU_ASSOCIATE_AC);
    script_put_data(&input, 1, PDV_COMMAND, slice_of(data, 50)); // AR-6: passed over
    script_put_short(&input, PDU_RELEASE_RQ, 0, 0, 0);
    script_put_short(&input, PDU_RELEASE_RP, 0, 0, 0);
    struct script script = {.input = buf_slice(&input)};
    assert_int_equal(ask(&script, &a, &e), E_OK);
    assert_int_equal(dimse_release(a, &e), E_OK);
    assert_int_equal(script_out_type(&script, 1, &pdu), PDU_RELEASE_RQ);
    assert_int_equal(script_out_type(&script, 2, &pdu), PDU_RELEASE_RP);
    assert_int_equal(script_out_type(&script, 3, &pdu), 0);
    buf_done(&script.out);

    buf_clear(&input);
    script_put_associate(&input, PDU_ASSOCIATE_RQ);
    script_put_short(&input, PDU_RELEASE_RQ, 0, 0, 0);
    script_put_short(&input, PDU_RELEASE_RP, 0, 0, 0);
    script = (struct script){.input = buf_slice(&input)};
    buf_init(&script.out, OUT_MAX);
    assert_int_equal(dimse_accept(script_stream(&script), NULL, script_accept_all, NULL, &a, &e),
                     E_OK);
    assert_int_equal(dimse_release(a, &e), E_OK);
    assert_int_equal(script_out_type(&script, 1, &pdu), PDU_RELEASE_RQ);
    assert_int_equal(script_out_type(&script, 2, &pdu), PDU_RELEASE_RP);
    assert_int_equal(script_out_type(&script, 3, &pdu), 0);
    buf_done(&script.out);
}

// What else may come while a release is being settled.
static void release_disturbed(void **unused) {
    (void)unused;
    static const struct {
        uint8_t types[3]; // of PDUs behind the answer; short ones
        int rc;
        uint8_t reason; // of our A-ABORT; NO_ANSWER: none
    } rows[] = {
        {{PDU_ABORT}, E_CANCELLED, NO_ANSWER},
        {{PDU_ASSOCIATE_RJ}, E_SYNTAX, 2},
        {{9}, E_SYNTAX, 1},
        {{PDU_RELEASE_RQ, PDU_RELEASE_RQ}, E_SYNTAX, 2},
        {{PDU_RELEASE_RQ, PDU_DATA}, E_SYNTAX, 2},
        {{PDU_RELEASE_RQ}, E_CANCELLED, NO_ANSWER}, // and gone
        {{0}, E_CANCELLED, NO_ANSWER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CLEANUP(cleanup_buf)
        struct buf input;
        buf_init(&input, OUT_MAX);
        script_put_associate(&input, PDU_ASSOCIATE_AC);
        for (size_t k = 0; rows[i].types[k] != 0; k++) {
            script_put_short(&input, (enum pdu_type)rows[i].types[k], 0, 0, 0);
        }
        struct script script = {.input = buf_slice(&input)};
        struct dimse_association *a;
        struct err e = {0};
        struct slice pdu = {0};
        assert_int_equal(ask(&script, &a, &e), E_OK);
        int rc = dimse_release(a, &e);
        if (rc != rows[i].rc) {
            fail_msg("row %zu: %s: %s", i, err_name(rc), e.text);
        }
        uint8_t type = 0;
        struct slice last = {0};
        for (size_t n = 0; script_out_type(&script, n, &pdu) != 0; n++) {
            type = script_out_type(&script, n, &pdu);
            last = pdu;
        }
        assert_int_equal(type == PDU_ABORT, rows[i].reason != NO_ANSWER);
        if (type == PDU_ABORT) {
            assert_int_equal(last.ptr[8], PDU_ABORT_PROVIDER);
            assert_int_equal(last.ptr[9], rows[i].reason);
        }
        buf_done(&script.out);
    }
}

// Sta13, behind the answer to a release: AA-7 aborts what asks anew, AA-6 ignores the rest.
static void behind_the_end(void **unused) {
    (void)unused;
    static const struct {
        uint8_t type;
        uint8_t reason; // NO_ANSWER: no A-ABORT
    } rows[] = {{PDU_ASSOCIATE_RQ, 2},       {PDU_ASSOCIATE_AC, NO_ANSWER}, {PDU_DATA, NO_ANSWER},
                {PDU_RELEASE_RP, NO_ANSWER}, {PDU_ABORT, NO_ANSWER},        {0x55, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CLEANUP(cleanup_buf)
        struct buf input;
        buf_init(&input, OUT_MAX);
        script_put_associate(&input, PDU_ASSOCIATE_RQ);
        script_put_short(&input, PDU_RELEASE_RQ, 0, 0, 0);
        script_put_short(&input, (enum pdu_type)rows[i].type, 0, 0, 0);
        struct script script = {.input = buf_slice(&input)};
        struct served v = {0};
        struct slice pdu = {0};
        run_script(&script, &v);
        assert_int_equal(v.ending, DIMSE_IN_ORDER);
        assert_int_equal(script_out_type(&script, 1, &pdu), PDU_RELEASE_RP);
        bool answered = rows[i].reason != NO_ANSWER;
        assert_int_equal(script_out_type(&script, 2, &pdu), answered ? PDU_ABORT : 0);
        if (answered) {
            assert_int_equal(pdu.ptr[9], rows[i].reason);
        }
        done(&script, &v);
    }
}

// --- cancelling

static void cancelling(void **unused) {
    (void)unused;
    CLEANUP(cleanup_buf)
    struct buf input;
    buf_init(&input, OUT_MAX);
    script_put_associate(&input, PDU_ASSOCIATE_RQ);
    struct dimse_command find = script_command(DIMSE_C_FIND_RQ, 4, true);
    struct dimse_command other = {.field = DIMSE_C_CANCEL_RQ, .message_id = 99};
    struct dimse_command cancel = {.field = DIMSE_C_CANCEL_RQ, .message_id = 4};
    struct dimse_command echo = script_command(DIMSE_C_ECHO_RQ, 5, false);
    script_put_command(&input, 3, &find);
    script_put_data(&input, 3, PDV_LAST, slice_of(data, 10));
    script_put_command(&input, 3, &other);
    script_put_command(&input, 3, &cancel);
    script_put_command(&input, 1, &echo);
    script_put_short(&input, PDU_RELEASE_RQ, 0, 0, 0);
    for (size_t piece = 0; piece < 30; piece++) {
        struct script script = {.input = buf_slice(&input), .piece = piece};
        struct dimse_association *a = NULL;
        struct dimse_message m;
        struct err e = {0};
        buf_init(&script.out, OUT_MAX);
        assert_int_equal(
            dimse_accept(script_stream(&script), NULL, script_accept_all, NULL, &a, &e), E_OK);
        assert_int_equal(dimse_receive(a, &m, &e), DIMSE_MESSAGE);
        assert_int_equal(dimse_cancelled(a, 4, &e), 0); // the identifier comes first
        assert_int_equal(dimse_data_skip(a, &e), E_OK);
        assert_true(dimse_ready(a));
        assert_int_equal(dimse_cancelled(a, 4, &e), 1);
        assert_int_equal(dimse_cancelled(a, 4, &e), 0); // the echo waits
        assert_int_equal(dimse_cancelled(a, 4, &e), 0);
        assert_int_equal(dimse_receive(a, &m, &e), DIMSE_MESSAGE);
        assert_int_equal(m.command.field, DIMSE_C_ECHO_RQ);
        assert_int_equal(dimse_cancelled(a, 5, &e), 0); // the release waits
        struct dimse_command rsp = dimse_response_to(&m.command, 0);
        assert_int_equal(dimse_send(a, 1, &rsp, NULL, 0, &e), E_OK); // AR-7
        assert_int_equal(dimse_receive(a, &m, &e), DIMSE_RELEASED);
        assert_int_equal(dimse_receive(a, &m, &e), E_CANCELLED);
        dimse_association_close(a);
        buf_done(&script.out);
    }
}

// Between two fragments nothing is lost when only the first is there.
static void cancelled_does_not_wait(void **unused) {
    (void)unused;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CLEANUP(cleanup_buf)
    struct buf input;
    buf_init(&input, OUT_MAX);
    script_put_associate(&input, PDU_ASSOCIATE_RQ);
    size_t request_len = input.len;
    struct dimse_command cancel = {.field = DIMSE_C_CANCEL_RQ, .message_id = 1};
    script_put_command(&input, 3, &cancel);
    struct dimse_stream *stream = NULL;
    struct dimse_association *a = NULL;
    struct err e = {0};
    assert_int_equal(write(pair[1], input.data, request_len), request_len);
    assert_int_equal(dimse_stream_adopt(pair[0], &stream, &e), E_OK);
    assert_int_equal(dimse_accept(stream, NULL, script_accept_all, NULL, &a, &e), E_OK);
    assert_false(dimse_ready(a));
    for (size_t at = request_len; at < input.len; at++) {
        assert_int_equal(dimse_cancelled(a, 1, &e), 0);
        assert_int_equal(write(pair[1], input.data + at, 1), 1);
    }
    assert_int_equal(dimse_cancelled(a, 1, &e), 1);
    (void)close(pair[1]);
    assert_int_equal(dimse_cancelled(a, 1, &e), E_CANCELLED);
    dimse_association_close(a);
}

// --- sending

static void send_fragments(uint32_t peer_pdu, size_t piece_len, size_t len) {
    CLEANUP(cleanup_buf)
    struct buf input;
    buf_init(&input, OUT_MAX);
    struct dimse_context contexts[2];
    struct pdu_associate rq = script_associate(contexts);
    struct err e = {0};
    rq.p.max_pdu = peer_pdu;
    assert_int_equal(pdu_associate_write(PDU_ASSOCIATE_RQ, &rq, &input, &e), E_OK);
    struct script script = {.input = buf_slice(&input)};
    buf_init(&script.out, OUT_MAX);
    struct dimse_association *a = NULL;
    assert_int_equal(dimse_accept(script_stream(&script), NULL, script_accept_all, NULL, &a, &e),
                     E_OK);
    struct slice pieces[1200] = {{0}};
    size_t count = 0;
    for (size_t at = 0; at < len; at += piece_len) {
        pieces[count++] = slice_first(slice_of(data + at, len - at), piece_len);
        pieces[count++] = slice_of(data, 0); // empty pieces are nothing
    }
    struct dimse_command c = script_command(DIMSE_C_STORE_RQ, 1, true);
    assert_int_equal(dimse_send(a, 3, &c, pieces, count, &e), E_OK);
    struct slice pdu = {0};
    size_t got = 0;
    bool command_ended = false;
    bool ended = false;
    for (size_t n = 1; script_out_type(&script, n, &pdu) != 0; n++) {
        struct pdv_head v;
        assert_int_equal(pdu.ptr[0], PDU_DATA);
        assert_true(peer_pdu == 0 || pdu.len - PDU_HEAD_LEN <= peer_pdu);
        assert_int_equal(
            pdv_head_read(pdu.ptr + PDU_HEAD_LEN, (uint32_t)pdu.len - PDU_HEAD_LEN, &v, &e), E_OK);
        assert_int_equal(v.len, pdu.len - PDU_HEAD_LEN - PDV_HEAD_LEN);
        assert_false(ended);
        if ((v.control & PDV_COMMAND) != 0) {
            assert_false(command_ended);
            command_ended = (v.control & PDV_LAST) != 0;
            continue;
        }
        assert_true(command_ended);
        assert_int_equal(v.len % 2, 0);
        assert_true(got + v.len <= len + len % 2);
        assert_memory_equal(pdu.ptr + PDU_HEAD_LEN + PDV_HEAD_LEN, data + got,
                            got + v.len > len ? v.len - 1 : v.len);
        got += v.len;
        ended = (v.control & PDV_LAST) != 0;
        assert_true(got <= len || pdu.ptr[pdu.len - 1] == 0); // padded
    }
    assert_true(ended);
    assert_int_equal(got, len + len % 2);
    dimse_abort(a);
    buf_done(&script.out);
}

static void sending(void **unused) {
    (void)unused;
    static const uint32_t pdus[] = {0, 128, 129, 500, 16384};
    static const size_t pieces[] = {2, 7, 122, 123, 1000};
    static const size_t lens[] = {0, 2, 121, 122, 123, 244, 1000};
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < 5; k++) {
            for (size_t n = 0; n < 7; n++) {
                send_fragments(pdus[i], pieces[k], lens[n]);
            }
        }
    }
}

// Small messages that wait for each other come out whole and in order: with the next one that does
// not wait, before a release, or when there are enough of them.
static void sending_later(void **unused) {
    (void)unused;
    CLEANUP(cleanup_buf)
    struct buf input;
    buf_init(&input, OUT_MAX);
    script_put_associate(&input, PDU_ASSOCIATE_RQ);
    script_put_short(&input, PDU_RELEASE_RP, 0, 0, 0);
    struct script script = {.input = buf_slice(&input)};
    struct dimse_association *a = NULL;
    struct err e = {0};
    struct slice pdu = {0};
    buf_init(&script.out, OUT_MAX);
    assert_int_equal(dimse_accept(script_stream(&script), NULL, script_accept_all, NULL, &a, &e),
                     E_OK);
    struct dimse_command c = script_command(DIMSE_C_FIND_RSP, 1, true);
    struct slice piece = slice_of(data, 100);
    size_t before = script.out.len;
    assert_int_equal(dimse_send_later(a, 3, &c, &piece, 1, &e), E_OK);
    assert_int_equal(script.out.len, before);
    c.data_set = false;
    assert_int_equal(dimse_send(a, 3, &c, NULL, 0, &e), E_OK);
    for (size_t n = 1; n < 4; n++) { // command, data set, command
        assert_int_equal(script_out_type(&script, n, &pdu), PDU_DATA);
        assert_int_equal(pdu.ptr[PDU_HEAD_LEN + 5], n == 2 ? PDV_LAST : PDV_COMMAND | PDV_LAST);
        assert_true(n != 2 || memcmp(pdu.ptr + PDU_HEAD_LEN + PDV_HEAD_LEN, data, 100) == 0);
    }
    before = script.out.len;
    size_t count = 0;
    while (script.out.len == before) {
        assert_int_equal(dimse_send_later(a, 3, &c, NULL, 0, &e), E_OK);
        assert_true(++count < DIMSE_LATER_BYTES);
    }
    assert_true(script.out.len - before >= DIMSE_LATER_BYTES);
    assert_int_equal(dimse_send_later(a, 3, &c, NULL, 0, &e), E_OK);
    assert_int_equal(dimse_release(a, &e), E_OK);
    assert_int_equal(script_out_type(&script, 4 + count, &pdu), PDU_DATA);
    assert_int_equal(script_out_type(&script, 5 + count, &pdu), PDU_RELEASE_RQ);
    buf_done(&script.out);
}

// --- time

struct waiting {
    int pair[2];
    struct dimse_association *a;
    struct err e;
};

static void open_pair(struct waiting *w, const struct dimse_limits *limits, bool associate) {
    *w = (struct waiting){0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w->pair), 0);
    if (!associate) {
        return;
    }
    CLEANUP(cleanup_buf)
    struct buf input;
    buf_init(&input, OUT_MAX);
    script_put_associate(&input, PDU_ASSOCIATE_RQ);
    struct dimse_stream *stream = NULL;
    assert_int_equal(write(w->pair[1], input.data, input.len), input.len);
    assert_int_equal(dimse_stream_adopt(w->pair[0], &stream, &w->e), E_OK);
    assert_int_equal(dimse_accept(stream, limits, script_accept_all, NULL, &w->a, &w->e), E_OK);
    uint8_t answer[4096];
    assert_true(read(w->pair[1], answer, sizeof answer) > 0);
}

static void expect_abort(int fd) {
    uint8_t bytes[64];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    assert_int_equal(n, PDU_SHORT_WHOLE);
    assert_int_equal(bytes[0], PDU_ABORT);
}

static double seconds_since(usec start) {
    return (double)(clock_monotonic(clock_system()) - start) / 1e6;
}

static void idle_and_stall(void **unused) {
    (void)unused;
    struct dimse_limits limits = {.artim_ms = 100, .idle_ms = 150, .stall_ms = 60};
    struct waiting w;
    struct dimse_message m;
    open_pair(&w, &limits, true);
    usec start = clock_monotonic(clock_system());
    assert_int_equal(dimse_receive(w.a, &m, &w.e), E_TIMEOUT);
    assert_true(seconds_since(start) > 0.1 && seconds_since(start) < 3);
    assert_non_null(strstr(w.e.text, "idle"));
    expect_abort(w.pair[1]);
    assert_int_equal(dimse_association_ending(w.a, NULL), DIMSE_ABORTED_HERE);
    start = clock_monotonic(clock_system());
    dimse_association_close(w.a); // the peer does not close: ARTIM does
    assert_true(seconds_since(start) > 0.05 && seconds_since(start) < 3);
    (void)close(w.pair[1]);

    open_pair(&w, &limits, true);
    assert_int_equal(write(w.pair[1], "\4\0\0\0", 4), 4);
    assert_int_equal(dimse_receive(w.a, &m, &w.e), E_TIMEOUT);
    assert_non_null(strstr(w.e.text, "stalled"));
    expect_abort(w.pair[1]);
    (void)close(w.pair[1]);
    dimse_association_close(w.a);
}

struct dripping {
    int fd;
    const uint8_t *bytes;
    size_t len;
    uint32_t pause_ms;
};

static void *drip(void *argument) {
    const struct dripping *d = argument;
    for (size_t i = 0; i < d->len; i++) {
        if (send(d->fd, d->bytes + i, 1, MSG_NOSIGNAL) != 1) {
            break;
        }
        (void)usleep(d->pause_ms * 1000);
    }
    return NULL;
}

// A byte now and then is no association request and no message.
static void drips(void **unused) {
    (void)unused;
    struct dimse_limits limits = {.artim_ms = 150, .idle_ms = 2000, .stall_ms = 100};
    struct waiting w;
    CLEANUP(cleanup_buf)
    struct buf input;
    buf_init(&input, OUT_MAX);
    script_put_associate(&input, PDU_ASSOCIATE_RQ);
    pthread_t thread;
    for (int established = 0; established < 2; established++) {
        open_pair(&w, &limits, established == 1);
        struct dripping d = {w.pair[1], input.data, input.len, 10};
        if (established == 1) {
            buf_clear(&input);
            struct dimse_command c = script_command(DIMSE_C_ECHO_RQ, 1, false);
            script_put_command(&input, 1, &c);
            d.len = input.len;
        }
        assert_int_equal(pthread_create(&thread, NULL, drip, &d), 0);
        usec start = clock_monotonic(clock_system());
        if (established == 1) {
            struct dimse_message m;
            assert_int_equal(dimse_receive(w.a, &m, &w.e), E_TIMEOUT);
        } else {
            struct dimse_stream *stream = NULL;
            assert_int_equal(dimse_stream_adopt(w.pair[0], &stream, &w.e), E_OK);
            assert_int_equal(dimse_accept(stream, &limits, script_accept_all, NULL, &w.a, &w.e),
                             E_TIMEOUT);
        }
        assert_true(seconds_since(start) < 1);
        dimse_association_close(w.a);
        (void)pthread_join(thread, NULL);
        (void)close(w.pair[1]);
    }
}

// A peer that does not read what it asked for.
static void peer_does_not_read(void **unused) {
    (void)unused;
    struct dimse_limits limits = {.artim_ms = 50, .stall_ms = 100};
    struct waiting w;
    open_pair(&w, &limits, true);
    size_t len = (size_t)8 << 20;
    uint8_t *big = calloc(1, len);
    struct slice piece = slice_of(big, len);
    struct dimse_command c = script_command(DIMSE_C_STORE_RQ, 1, true);
    assert_int_equal(dimse_send(w.a, 3, &c, &piece, 1, &w.e), E_TIMEOUT);
    assert_int_equal(dimse_send(w.a, 3, &c, &piece, 1, &w.e), E_TIMEOUT); // it stays over
    free(big);
    dimse_association_close(w.a);
    (void)close(w.pair[1]);
}

static void *break_soon(void *argument) {
    (void)usleep(50000);
    dimse_stream_break(argument);
    return NULL;
}

static void broken_by_another_thread(void **unused) {
    (void)unused;
    struct waiting w;
    struct dimse_message m;
    pthread_t thread;
    open_pair(&w, NULL, true);
    struct dimse_stream *held = stream_ref(dimse_association_stream(w.a));
    assert_int_equal(pthread_create(&thread, NULL, break_soon, held), 0);
    usec start = clock_monotonic(clock_system());
    assert_int_equal(dimse_receive(w.a, &m, &w.e), E_CANCELLED);
    assert_true(seconds_since(start) < 2);
    expect_abort(w.pair[1]); // the peer is told
    start = clock_monotonic(clock_system());
    dimse_association_close(w.a);
    assert_true(seconds_since(start) < 2);
    (void)pthread_join(thread, NULL);
    dimse_stream_break(held); // harmless when it is closed
    stream_unref(held);
    (void)close(w.pair[1]);
}

// Half closed: what was sent is answered, then it is over.
static void half_closed(void **unused) {
    (void)unused;
    struct waiting w;
    struct dimse_message m;
    CLEANUP(cleanup_buf)
    struct buf input;
    buf_init(&input, OUT_MAX);
    struct dimse_command c = script_command(DIMSE_C_ECHO_RQ, 1, false);
    script_put_command(&input, 1, &c);
    open_pair(&w, NULL, true);
    assert_int_equal(write(w.pair[1], input.data, input.len), input.len);
    assert_int_equal(shutdown(w.pair[1], SHUT_WR), 0);
    assert_int_equal(dimse_receive(w.a, &m, &w.e), DIMSE_MESSAGE);
    struct dimse_command rsp = dimse_response_to(&m.command, 0);
    assert_int_equal(dimse_send(w.a, 1, &rsp, NULL, 0, &w.e), E_OK);
    uint8_t answer[512];
    assert_true(read(w.pair[1], answer, sizeof answer) > 0);
    assert_int_equal(dimse_receive(w.a, &m, &w.e), E_CANCELLED);
    assert_int_equal(dimse_association_ending(w.a, NULL), DIMSE_BROKEN);
    dimse_association_close(w.a);
    (void)close(w.pair[1]);
}

// --- memory

static void out_of_memory(void **unused) {
    (void)unused;
    CLEANUP(cleanup_buf)
    struct buf input;
    put_good(&input);
    int rc = E_MEMORY;
    for (size_t n = 0; rc != E_OK && n < 200; n++) {
        struct script script = {.input = buf_slice(&input)};
        struct dimse_association *a = NULL;
        struct err e = {0};
        buf_init(&script.out, OUT_MAX);
        (void)buf_extend(&script.out, 65536);
        buf_clear(&script.out);
        struct dimse_stream *stream = script_stream(&script);
        mem_fail_after(n);
        rc = dimse_accept(stream, NULL, script_accept_all, NULL, &a, &e);
        mem_fail_after(MEM_FAIL_NEVER);
        assert_true(rc == E_OK || rc == E_MEMORY);
        dimse_abort(a);
        buf_done(&script.out);
    }
    assert_int_equal(rc, E_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split),
        cmocka_unit_test(cut_off_everywhere),
        cmocka_unit_test(not_allowed),
        cmocka_unit_test(version_and_application),
        cmocka_unit_test(refused_by_the_user),
        cmocka_unit_test(negotiation),
        cmocka_unit_test(requestor),
        cmocka_unit_test(requestor_refused),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(release_collisions),
        cmocka_unit_test(release_disturbed),
        cmocka_unit_test(behind_the_end),
        cmocka_unit_test(cancelling),
        cmocka_unit_test(cancelled_does_not_wait),
        cmocka_unit_test(sending),
        cmocka_unit_test(sending_later),
        cmocka_unit_test(idle_and_stall),
        cmocka_unit_test(drips),
        cmocka_unit_test(peer_does_not_read),
        cmocka_unit_test(broken_by_another_thread),
        cmocka_unit_test(half_closed),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, make_data, NULL);
}
