// SPDX-License-Identifier: Apache-2.0
// The user side of the services (src/dimse/user.h) against a peer in a thread that says what a test
// tells it to: statuses, matches and cancelling, sub-operations and instances on one association,
// responses in another order, a peer that says what nobody asked for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dimse/user.h"

#define ECHO_UID "1.2.840.10008.1.1"
#define FIND_UID "1.2.840.10008.5.1.4.1.2.2.1"
#define MOVE_UID "1.2.840.10008.5.1.4.1.2.2.2"
#define GET_UID "1.2.840.10008.5.1.4.1.2.2.3"
#define CT_UID "1.2.840.10008.5.1.4.1.1.2"
#define COMMIT_UID "1.2.840.10008.1.20.1"
#define TEXT_MAX ((size_t)1 << 20)

typedef void (*script)(struct dimse_association *a);

struct pair {
    struct dimse_association *user;
    script play;
    int fd;
    uint16_t window; // that the peer grants
    pthread_t thread;
};

static int accept_all(void *context, struct dimse_stream *stream, struct dimse_proposal *p,
                      struct dimse_rejection *ret_rejection, struct err *e) {
    struct pair *pair = context;
    (void)stream;
    (void)ret_rejection;
    (void)e;
    for (size_t i = 0; i < p->context_count; i++) {
        p->contexts[i].result = DIMSE_ACCEPTED;
        (void)snprintf(p->contexts[i].syntax, sizeof p->contexts[i].syntax, "%s",
                       p->contexts[i].proposed[0]);
    }
    p->max_invoked = pair->window;
    return E_OK;
}

static void *peer(void *argument) {
    struct pair *pair = argument;
    struct dimse_stream *stream;
    struct dimse_association *a = NULL;
    struct err e = {0};
    struct dimse_limits limits = {.idle_ms = 10000, .stall_ms = 10000};
    if (dimse_stream_adopt(pair->fd, &stream, &e) == E_OK &&
        dimse_accept(stream, &limits, accept_all, pair, &a, &e) == E_OK) {
        pair->play(a);
        struct dimse_message m;
        while (dimse_receive(a, &m, &e) > 0) {
        }
        dimse_association_close(a);
    }
    return NULL;
}

static void open_pair(struct pair *pair, script play, uint16_t window) {
    static const char *const syntaxes[] = {"1.2.840.10008.1.2", NULL};
    static const char *const classes[] = {ECHO_UID, FIND_UID, MOVE_UID, GET_UID, COMMIT_UID};
    struct dimse_want wants[6] = {
        {.abstract_syntax = CT_UID, .syntaxes = syntaxes, .scp_role = true}};
    int fds[2];
    struct dimse_stream *stream;
    struct err e = {0};
    for (size_t i = 0; i < 5; i++) {
        wants[i + 1] = (struct dimse_want){.abstract_syntax = classes[i], .syntaxes = syntaxes};
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    *pair = (struct pair){.play = play, .fd = fds[1], .window = window};
    assert_int_equal(pthread_create(&pair->thread, NULL, peer, pair), 0);
    assert_int_equal(dimse_stream_adopt(fds[0], &stream, &e), E_OK);
    struct dimse_request request = {.calling = "TESTER",
                                    .called = "PEER",
                                    .wants = wants,
                                    .want_count = 6,
                                    .max_invoked = window,
                                    .limits = {.idle_ms = 10000, .stall_ms = 10000}};
    assert_int_equal(dimse_associate(stream, &request, &pair->user, &e), E_OK);
}

static void close_pair(struct pair *pair) {
    struct err e = {0};
    assert_int_equal(dimse_release(pair->user, &e), E_OK);
    (void)pthread_join(pair->thread, NULL);
}

static void abort_pair(struct pair *pair) {
    dimse_association_close(pair->user);
    (void)pthread_join(pair->thread, NULL);
}

// --- the peer's words. In its thread a failed check would end only the thread: they are checked by
// what the user side sees.

static bool hear(struct dimse_association *a, struct dimse_message *m) {
    struct err e = {0};
    return dimse_receive(a, m, &e) == DIMSE_MESSAGE &&
           (!m->command.data_set || dimse_data_skip(a, &e) == E_OK);
}

static void say(struct dimse_association *a, const struct dimse_message *m, uint16_t status,
                const char *data) {
    struct err e = {0};
    struct dimse_command c = dimse_response_to(&m->command, status);
    struct slice piece = slice_str(data != NULL ? data : "");
    c.data_set = data != NULL;
    (void)dimse_send(a, m->context_id, &c, &piece, data != NULL, &e);
}

static uint8_t context_of(struct dimse_association *a, const char *class, bool as_scp) {
    const struct dimse_context *c = dimse_context_for(a, class, NULL, as_scp);
    return c != NULL ? c->id : 0;
}

// --- echo

static void play_echo(struct dimse_association *a) {
    struct dimse_message m;
    if (hear(a, &m)) {
        say(a, &m, DIMSE_SUCCESS, NULL);
    }
    if (hear(a, &m)) {
        say(a, &m, DIMSE_NOT_AUTHORIZED, NULL);
    }
}

static void test_echo(void **state) {
    (void)state;
    struct pair pair;
    struct err e = {0};
    uint16_t status = 1;
    open_pair(&pair, play_echo, 1);
    assert_int_equal(dimse_user_echo(pair.user, &status, &e), E_OK);
    assert_int_equal(status, DIMSE_SUCCESS);
    assert_int_equal(dimse_user_echo(pair.user, &status, &e), E_OK);
    assert_int_equal(status, DIMSE_NOT_AUTHORIZED);
    close_pair(&pair);
}

static void play_wrong_answer(struct dimse_association *a) {
    struct dimse_message m;
    if (hear(a, &m)) {
        m.command.message_id++;
        say(a, &m, DIMSE_SUCCESS, NULL);
    }
}

static void test_echo_other_answer(void **state) {
    (void)state;
    struct pair pair;
    struct err e = {0};
    uint16_t status = 77;
    open_pair(&pair, play_wrong_answer, 1);
    assert_int_equal(dimse_user_echo(pair.user, &status, &e), E_MISMATCH);
    assert_int_equal(status, 77);
    assert_non_null(strstr(e.text, "C-ECHO-RSP"));
    abort_pair(&pair);
}

static void play_release(struct dimse_association *a) {
    struct dimse_message m;
    struct err e = {0};
    if (hear(a, &m)) {
        struct dimse_command c = {.field = DIMSE_C_ECHO_RQ, .message_id = 9};
        (void)snprintf(c.sop_class, sizeof c.sop_class, ECHO_UID);
        (void)dimse_send(a, m.context_id, &c, NULL, 0, &e); // a request where an answer is owed
    }
}

static void test_request_for_answer(void **state) {
    (void)state;
    struct pair pair;
    struct err e = {0};
    uint16_t status;
    open_pair(&pair, play_release, 1);
    assert_int_equal(dimse_user_echo(pair.user, &status, &e), E_MISMATCH);
    abort_pair(&pair);
}

// --- find

struct matches {
    struct buf text;
    unsigned stop_after;
    unsigned count;
};

static int on_match(void *context, struct slice identifier) {
    struct matches *m = context;
    buf_put_slice(&m->text, identifier);
    buf_put_byte(&m->text, ';');
    m->count++;
    return m->stop_after != 0 && m->count == m->stop_after;
}

static struct dimse_query find_query(struct pair *pair) {
    return (struct dimse_query){.sop_class = FIND_UID,
                                .context_id = context_of(pair->user, FIND_UID, false),
                                .identifier = slice_str("KEYS")};
}

static void play_find(struct dimse_association *a) {
    struct dimse_message m;
    if (hear(a, &m)) {
        say(a, &m, DIMSE_PENDING, "one ");
        say(a, &m, DIMSE_PENDING_WARNING, "two ");
        say(a, &m, DIMSE_PENDING, NULL); // no identifier: no match
        say(a, &m, DIMSE_SUCCESS, NULL);
    }
}

static void test_find(void **state) {
    (void)state;
    struct pair pair;
    struct err e = {0};
    struct matches got = {.count = 0};
    struct dimse_command response;
    buf_init(&got.text, TEXT_MAX);
    open_pair(&pair, play_find, 1);
    struct dimse_query query = find_query(&pair);
    assert_int_equal(dimse_user_find(pair.user, &query, on_match, &got, &response, &e), E_OK);
    assert_int_equal(response.status, DIMSE_SUCCESS);
    assert_true(slice_eq_str(buf_slice(&got.text), "one ;two ;"));
    close_pair(&pair);
    buf_done(&got.text);
}

// Sends matches until it hears a C-CANCEL for the message, one more behind it, then the status.
static void play_find_cancelled(struct dimse_association *a) {
    struct dimse_message m;
    struct err e = {0};
    if (!hear(a, &m)) {
        return;
    }
    struct dimse_message request = m;
    for (int i = 0; i < 3; i++) {
        say(a, &request, DIMSE_PENDING, "more");
    }
    if (hear(a, &m) && m.command.field == DIMSE_C_CANCEL_RQ &&
        m.command.message_id == request.command.message_id && m.context_id == request.context_id) {
        say(a, &request, DIMSE_PENDING, "late");
        say(a, &request, DIMSE_CANCEL, NULL);
    }
    (void)e;
}

static void find_cancelled(uint32_t limit, unsigned stop_after) {
    struct pair pair;
    struct err e = {0};
    struct matches got = {.stop_after = stop_after};
    struct dimse_command response;
    buf_init(&got.text, TEXT_MAX);
    open_pair(&pair, play_find_cancelled, 1);
    struct dimse_query query = find_query(&pair);
    query.limit = limit;
    assert_int_equal(dimse_user_find(pair.user, &query, on_match, &got, &response, &e), E_OK);
    assert_int_equal(response.status, DIMSE_CANCEL);
    assert_int_equal(got.count, 2);
    close_pair(&pair);
    buf_done(&got.text);
}

static void test_find_limit(void **state) {
    (void)state;
    find_cancelled(2, 0);
}

static void test_find_stopped(void **state) {
    (void)state;
    find_cancelled(0, 2);
}

static void play_find_huge(struct dimse_association *a) {
    struct dimse_message m;
    struct err e = {0};
    static char block[1 << 16];
    if (hear(a, &m)) {
        struct dimse_command c = dimse_response_to(&m.command, DIMSE_PENDING);
        struct slice pieces[257];
        for (size_t i = 0; i < 257; i++) {
            pieces[i] = slice_of(block, sizeof block);
        }
        c.data_set = true;
        (void)dimse_send(a, m.context_id, &c, pieces, 257, &e); // 16 MiB and a little
    }
}

static void test_find_huge_identifier(void **state) {
    (void)state;
    struct pair pair;
    struct err e = {0};
    struct matches got = {.count = 0};
    struct dimse_command response;
    buf_init(&got.text, TEXT_MAX);
    open_pair(&pair, play_find_huge, 1);
    struct dimse_query query = find_query(&pair);
    assert_int_equal(dimse_user_find(pair.user, &query, on_match, &got, &response, &e), E_LIMIT);
    assert_int_equal(got.count, 0);
    abort_pair(&pair);
    buf_done(&got.text);
}

// --- get

struct sink_record {
    struct buf log;
    uint16_t begin_status, write_status, end_status;
};

static uint16_t sink_begin(void *context, const struct dimse_message *m) {
    struct sink_record *r = context;
    buf_printf(&r->log, "[%s ", m->command.sop_instance);
    return r->begin_status;
}

static uint16_t sink_write(void *context, struct slice piece) {
    struct sink_record *r = context;
    buf_put_slice(&r->log, piece);
    return r->write_status;
}

static uint16_t sink_end(void *context, bool whole) {
    struct sink_record *r = context;
    buf_put_str(&r->log, whole ? "]" : "!]");
    return r->end_status;
}

static uint16_t store_status; // that the peer was answered

static void send_instance(struct dimse_association *a, const char *uid, const char *data) {
    struct err e = {0};
    struct dimse_message m;
    struct slice piece = slice_str(data != NULL ? data : "");
    struct dimse_command c = {.field = DIMSE_C_STORE_RQ,
                              .message_id = dimse_next_message_id(a),
                              .data_set = data != NULL,
                              .has = DIMSE_HAS_PRIORITY};
    (void)snprintf(c.sop_class, sizeof c.sop_class, CT_UID);
    (void)snprintf(c.sop_instance, sizeof c.sop_instance, "%s", uid);
    store_status = 0xFFFF;
    if (dimse_send(a, 1, &c, &piece, data != NULL, &e) == E_OK && hear(a, &m) &&
        m.command.field == DIMSE_C_STORE_RSP && m.command.message_id == c.message_id) {
        store_status = m.command.status;
    }
}

static void say_counts(struct dimse_association *a, const struct dimse_message *m, uint16_t status,
                       uint16_t remaining, uint16_t completed, uint16_t failed, const char *data) {
    struct err e = {0};
    struct dimse_command c = dimse_response_to(&m->command, status);
    struct slice piece = slice_str(data != NULL ? data : "");
    c.has |= DIMSE_HAS_COUNTS | (remaining > 0 ? DIMSE_HAS_REMAINING : 0);
    c.remaining = remaining;
    c.completed = completed;
    c.failed = failed;
    c.data_set = data != NULL;
    (void)dimse_send(a, m->context_id, &c, &piece, data != NULL, &e);
}

static void play_get(struct dimse_association *a) {
    struct dimse_message m;
    if (!hear(a, &m)) {
        return;
    }
    struct dimse_message request = m;
    send_instance(a, "1.2.1", "AAAA");
    uint16_t first = store_status;
    say_counts(a, &request, DIMSE_PENDING, 1, first == DIMSE_SUCCESS, first != DIMSE_SUCCESS, NULL);
    send_instance(a, "1.2.2", "BBBB");
    uint16_t failed = (uint16_t)((first != DIMSE_SUCCESS) + (store_status != DIMSE_SUCCESS));
    say_counts(a, &request, failed > 0 ? DIMSE_SUB_OPERATIONS_FAILED : DIMSE_SUCCESS, 0,
               (uint16_t)(2 - failed), failed, failed > 0 ? "FAILED" : NULL);
}

static int on_progress(void *context, const struct dimse_command *response) {
    unsigned *seen = context;
    *seen += response->remaining;
    return 0;
}

struct get_case {
    uint16_t begin, write, end;
    const char *log;
    uint16_t final;
    uint16_t completed;
};

static void get_case(const struct get_case *c) {
    struct pair pair;
    struct err e = {0};
    struct sink_record record = {
        .begin_status = c->begin, .write_status = c->write, .end_status = c->end};
    struct dimse_sink sink = {sink_begin, sink_write, sink_end, &record};
    struct buf failed CLEANUP(cleanup_buf);
    struct dimse_command response;
    unsigned seen = 0;
    buf_init(&record.log, TEXT_MAX);
    buf_init(&failed, TEXT_MAX);
    open_pair(&pair, play_get, 1);
    struct dimse_query query = {.sop_class = GET_UID,
                                .context_id = context_of(pair.user, GET_UID, false),
                                .identifier = slice_str("KEYS"),
                                .failed = &failed};
    assert_int_equal(dimse_user_get(pair.user, &query, &sink, on_progress, &seen, &response, &e),
                     E_OK);
    assert_true(slice_eq_str(buf_slice(&record.log), c->log));
    assert_int_equal(response.status, c->final);
    assert_int_equal(response.completed, c->completed);
    assert_int_equal(seen, 1);
    assert_true(slice_eq_str(buf_slice(&failed), c->completed == 2 ? "" : "FAILED"));
    close_pair(&pair);
    buf_done(&record.log);
}

static void test_get(void **state) {
    (void)state;
    static const struct get_case cases[] = {
        {0, 0, 0, "[1.2.1 AAAA][1.2.2 BBBB]", DIMSE_SUCCESS, 2},
        // refused at once: the data set is passed over, end is not called
        {DIMSE_OUT_OF_RESOURCES, 0, 0, "[1.2.1 [1.2.2 ", DIMSE_SUB_OPERATIONS_FAILED, 0},
        {0, DIMSE_OUT_OF_RESOURCES, 0, "[1.2.1 AAAA!][1.2.2 BBBB!]", DIMSE_SUB_OPERATIONS_FAILED,
         0},
        {0, 0, DIMSE_PROCESSING_FAILURE, "[1.2.1 AAAA][1.2.2 BBBB]", DIMSE_SUB_OPERATIONS_FAILED,
         0},
        // a warning of begin is what the sender hears, when end has nothing to add
        {DIMSE_ELEMENTS_DISCARDED, 0, 0, "[1.2.1 AAAA][1.2.2 BBBB]", DIMSE_SUB_OPERATIONS_FAILED,
         0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        get_case(&cases[i]);
    }
}

static void play_get_no_data(struct dimse_association *a) {
    struct dimse_message m;
    if (hear(a, &m)) {
        struct dimse_message request = m;
        send_instance(a, "1.2.3", NULL);
        say_counts(a, &request, store_status == DIMSE_CANNOT_UNDERSTAND ? DIMSE_SUCCESS : 0x0110, 0,
                   0, 1, NULL);
    }
}

static void test_store_without_data(void **state) {
    (void)state;
    struct pair pair;
    struct err e = {0};
    struct sink_record record = {.end_status = 0};
    struct dimse_sink sink = {sink_begin, sink_write, sink_end, &record};
    struct dimse_command response;
    buf_init(&record.log, TEXT_MAX);
    open_pair(&pair, play_get_no_data, 1);
    struct dimse_query query = {.sop_class = GET_UID,
                                .context_id = context_of(pair.user, GET_UID, false),
                                .identifier = slice_str("KEYS")};
    assert_int_equal(dimse_user_get(pair.user, &query, &sink, NULL, NULL, &response, &e), E_OK);
    assert_int_equal(response.status, DIMSE_SUCCESS);
    assert_int_equal(record.log.len, 0);
    close_pair(&pair);
    buf_done(&record.log);
}

// In the middle of an instance the connection goes: the sink hears that it is not whole.
static void play_get_broken(struct dimse_association *a) {
    struct dimse_message m;
    struct err e = {0};
    if (hear(a, &m)) {
        struct dimse_command c = {.field = DIMSE_C_STORE_RQ,
                                  .message_id = 7,
                                  .data_set = true,
                                  .has = DIMSE_HAS_PRIORITY};
        (void)snprintf(c.sop_class, sizeof c.sop_class, CT_UID);
        (void)snprintf(c.sop_instance, sizeof c.sop_instance, "1.2.9");
        static char block[1 << 20];
        struct slice pieces[8];
        for (size_t i = 0; i < 8; i++) {
            pieces[i] = slice_of(block, sizeof block);
        }
        struct dimse_stream *stream = dimse_association_stream(a);
        (void)e;
        dimse_stream_break(stream);
        (void)dimse_send(a, 1, &c, pieces, 8, &e);
    }
}

static void test_get_broken(void **state) {
    (void)state;
    struct pair pair;
    struct err e = {0};
    struct sink_record record = {.end_status = 0};
    struct dimse_sink sink = {sink_begin, sink_write, sink_end, &record};
    struct dimse_command response = {.status = 0x1234};
    buf_init(&record.log, (size_t)64 << 20);
    open_pair(&pair, play_get_broken, 1);
    struct dimse_query query = {.sop_class = GET_UID,
                                .context_id = context_of(pair.user, GET_UID, false),
                                .identifier = slice_str("KEYS")};
    assert_true(dimse_user_get(pair.user, &query, &sink, NULL, NULL, &response, &e) < 0);
    assert_int_equal(response.status, 0x1234);
    abort_pair(&pair);
    buf_done(&record.log);
}

// --- move

static void play_move(struct dimse_association *a) {
    struct dimse_message m;
    if (!hear(a, &m)) {
        return;
    }
    struct dimse_message request = m;
    say_counts(a, &request, DIMSE_PENDING, 3, 1, 0, NULL);
    if (hear(a, &m) && m.command.field == DIMSE_C_CANCEL_RQ &&
        m.command.message_id == request.command.message_id) {
        say_counts(a, &request, DIMSE_CANCEL, 3, 1, 0, NULL);
    }
}

static int stop_it(void *context, const struct dimse_command *response) {
    (void)context;
    return response->remaining > 0;
}

static void test_move_cancelled(void **state) {
    (void)state;
    struct pair pair;
    struct err e = {0};
    struct dimse_command response;
    open_pair(&pair, play_move, 1);
    struct dimse_query query = {.sop_class = MOVE_UID,
                                .context_id = context_of(pair.user, MOVE_UID, false),
                                .identifier = slice_str("KEYS"),
                                .destination = "ELSEWHERE"};
    assert_int_equal(dimse_user_move(pair.user, &query, stop_it, NULL, &response, &e), E_OK);
    assert_int_equal(response.status, DIMSE_CANCEL);
    assert_int_equal(response.completed, 1);
    assert_int_equal(response.remaining, 3);
    close_pair(&pair);
}

static void play_destination(struct dimse_association *a) {
    struct dimse_message m;
    if (hear(a, &m)) {
        bool good = strcmp(m.command.move_destination, "ELSEWHERE") == 0 &&
                    m.command.priority == DIMSE_HIGH;
        say(a, &m, good ? DIMSE_DESTINATION_UNKNOWN : DIMSE_PROCESSING_FAILURE, NULL);
    }
}

static void test_move_destination(void **state) {
    (void)state;
    struct pair pair;
    struct err e = {0};
    struct dimse_command response;
    open_pair(&pair, play_destination, 1);
    struct dimse_query query = {.sop_class = MOVE_UID,
                                .context_id = context_of(pair.user, MOVE_UID, false),
                                .identifier = slice_str("KEYS"),
                                .priority = DIMSE_HIGH,
                                .destination = "ELSEWHERE"};
    assert_int_equal(dimse_user_move(pair.user, &query, NULL, NULL, &response, &e), E_OK);
    assert_int_equal(response.status, DIMSE_DESTINATION_UNKNOWN);
    close_pair(&pair);
}

// --- the sender

struct sent {
    int order[16];
    uint16_t statuses[16];
    size_t count;
};

static void on_done(void *context, void *cookie, const struct dimse_command *response) {
    struct sent *s = context;
    s->order[s->count] = *(int *)cookie;
    s->statuses[s->count++] = response->status;
}

// Takes four requests before it answers, the last one first; then the rest in order.
static void play_store(struct dimse_association *a) {
    struct dimse_message m[4];
    for (int i = 0; i < 4; i++) {
        if (!hear(a, &m[i])) {
            return;
        }
    }
    for (int i = 3; i >= 0; i--) {
        say(a, &m[i], i == 1 ? DIMSE_OUT_OF_RESOURCES : DIMSE_SUCCESS, NULL);
    }
    for (int i = 0; i < 2 && hear(a, &m[0]); i++) {
        say(a, &m[0], DIMSE_COERCED, NULL);
    }
}

static void test_sender_window(void **state) {
    (void)state;
    static int cookies[] = {0, 1, 2, 3, 4, 5};
    struct pair pair;
    struct err e = {0};
    struct sent sent = {.count = 0};
    struct dimse_sender *sender;
    struct slice pieces[] = {slice_of("DA", 2), slice_of("TA", 2)};
    open_pair(&pair, play_store, 4);
    assert_int_equal(dimse_window(pair.user), 4);
    assert_int_equal(dimse_sender_open(pair.user, on_done, &sent, &sender, &e), E_OK);
    for (size_t i = 0; i < 6; i++) {
        struct dimse_store_item item = {.sop_class = CT_UID,
                                        .sop_instance = "1.2.3",
                                        .context_id = 1,
                                        .pieces = pieces,
                                        .piece_count = 2,
                                        .originator_aet = i == 0 ? "MOVER" : NULL,
                                        .cookie = &cookies[i]};
        assert_int_equal(dimse_sender_send(sender, &item, &e), E_OK);
    }
    assert_int_equal(dimse_sender_flush(sender, &e), E_OK);
    assert_int_equal(sent.count, 6);
    static const int order[] = {3, 2, 1, 0, 4, 5};
    assert_memory_equal(sent.order, order, sizeof order);
    assert_int_equal(sent.statuses[2], DIMSE_OUT_OF_RESOURCES);
    assert_int_equal(sent.statuses[5], DIMSE_COERCED);
    dimse_sender_close(sender);
    close_pair(&pair);
}

static void test_sender_unknown_response(void **state) {
    (void)state;
    static int cookie;
    struct pair pair;
    struct err e = {0};
    struct sent sent = {.count = 0};
    struct dimse_sender *sender;
    struct slice piece = slice_of("DATA", 4);
    open_pair(&pair, play_wrong_answer, 1);
    assert_int_equal(dimse_sender_open(pair.user, on_done, &sent, &sender, &e), E_OK);
    struct dimse_store_item item = {.sop_class = CT_UID,
                                    .sop_instance = "1.2.3",
                                    .context_id = 1,
                                    .pieces = &piece,
                                    .piece_count = 1,
                                    .cookie = &cookie};
    assert_int_equal(dimse_sender_send(sender, &item, &e), E_OK);
    assert_int_equal(dimse_sender_flush(sender, &e), E_MISMATCH);
    assert_int_equal(sent.count, 0);
    dimse_sender_close(sender);
    abort_pair(&pair);
}

// --- notify

static void play_notify(struct dimse_association *a) {
    struct dimse_message m;
    if (hear(a, &m)) {
        bool good = m.command.field == DIMSE_N_ACTION_RQ && m.command.action_type == 1 &&
                    m.command.data_set &&
                    strcmp(m.command.sop_instance, "1.2.840.10008.1.20.1.1") == 0;
        say(a, &m, good ? DIMSE_SUCCESS : DIMSE_PROCESSING_FAILURE, NULL);
    }
}

static void test_notify(void **state) {
    (void)state;
    struct pair pair;
    struct err e = {0};
    struct dimse_command response;
    struct dimse_command request = {.field = DIMSE_N_ACTION_RQ,
                                    .has = DIMSE_HAS_ACTION_TYPE,
                                    .action_type = 1,
                                    .sop_class = COMMIT_UID,
                                    .sop_instance = "1.2.840.10008.1.20.1.1"};
    open_pair(&pair, play_notify, 1);
    assert_int_equal(dimse_user_notify(pair.user, context_of(pair.user, COMMIT_UID, false),
                                       &request, slice_str("REQUEST "), &response, &e),
                     E_OK);
    assert_int_equal(response.status, DIMSE_SUCCESS);
    close_pair(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_echo_other_answer),
        cmocka_unit_test(test_request_for_answer),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_find_limit),
        cmocka_unit_test(test_find_stopped),
        cmocka_unit_test(test_find_huge_identifier),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_store_without_data),
        cmocka_unit_test(test_get_broken),
        cmocka_unit_test(test_move_cancelled),
        cmocka_unit_test(test_move_destination),
        cmocka_unit_test(test_sender_window),
        cmocka_unit_test(test_sender_unknown_response),
        cmocka_unit_test(test_notify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
