// SPDX-License-Identifier: Apache-2.0
// Two sides meet under one lock: the event thread, which fills `incoming` and sends the connection
// to sleep, and the thread of the request, which empties it, feeds the parser and the intake, and
// wakes the connection. The thread touches the request only while the connection sleeps, when it
// cannot end.
#include "web/stow.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/delivery.h"
#include "archive/intake.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "web/accept.h"
#include "web/media.h"
#include "web/multipart.h"
#include "web/routes.h"
#include "web/server_priv.h"
#include "web/stow_answer.h"

#define STACK_BYTES ((size_t)512 * 1024)
#define PROGRESS_BYTES ((uint64_t)64 * 1024)
#define ANSWER_MAX ((size_t)300 << 20)
#define INET6_TEXT 64

struct web_stow {
    pthread_mutex_t lock;
    pthread_cond_t more;
    unsigned users; // event side and thread
    // shared
    struct buf incoming;
    bool over;                   // the body is whole
    bool given_up;               // the client went away, or the server stops
    bool sleeping;               // the connection is suspended
    bool finished;               // the answer is ready
    struct web_request *request; // for waking it
    // the thread's
    struct web_server *server;
    struct buf working;
    struct web_multipart parser;
    struct delivery *delivery; // NULL: a folder that keeps what is sent
    struct intake *intake;
    struct web_stow_answer answer;
    char sender[INET6_TEXT]; // address
    char base[256];
    char study[WEB_UID_TEXT];
    bool part_open;    // intake_begin was called for the part
    bool part_skipped; // its failure is told already
    struct err broken; // the body is no multipart
    unsigned status;
    struct buf body;
};

static void unref(struct web_stow *s) {
    pthread_mutex_lock(&s->lock);
    bool last = --s->users == 0;
    pthread_mutex_unlock(&s->lock);
    if (!last) {
        return;
    }
    buf_done(&s->incoming);
    buf_done(&s->working);
    buf_done(&s->body);
    web_multipart_done(&s->parser);
    web_stow_answer_done(&s->answer);
    pthread_cond_destroy(&s->more);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

void web_stow_free(struct web_stow *s) {
    if (s == NULL) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->given_up = true;
    s->request = NULL;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
    unref(s);
}

// --- the thread's side
static void on_verdict(const struct intake_result *result, void *context) {
    struct web_stow *s = context;
    web_stow_answer_result(&s->answer, result);
    atomic_fetch_add(&s->server->metrics->verdicts[result->verdict], 1);
}

static bool is_dicom(struct slice content_type) {
    struct slice type = slice_trim(slice_first(content_type, slice_find(content_type, ';')), " ");
    return content_type.ptr == NULL || web_equal_nocase(type, slice_str("application/dicom"));
}

static void part_failed(struct web_stow *s, const struct err *why) {
    if (!s->part_skipped) {
        web_stow_answer_part(&s->answer, why);
    }
    s->part_skipped = true;
    if (s->part_open) {
        intake_abandon(s->intake);
        s->part_open = false;
    }
}

static int on_begin(void *context, const struct web_part *part, struct err *e) {
    struct web_stow *s = context;
    struct err why = {0};
    (void)e;
    s->part_skipped = false;
    s->part_open = false;
    if (!is_dicom(part->content_type)) {
        err_set(&why, E_UNSUPPORTED, "part %u is not application/dicom", part->number + 1);
        part_failed(s, &why);
        return E_OK;
    }
    s->part_open = true;
    if (intake_begin(s->intake, part->number, &why) != E_OK) {
        s->part_open = false;
        part_failed(s, &why);
    }
    return E_OK;
}

static int on_data(void *context, struct slice bytes, struct err *e) {
    struct web_stow *s = context;
    struct err why = {0};
    (void)e;
    if (s->part_open && intake_write(s->intake, bytes.ptr, bytes.len, &why) != E_OK) {
        part_failed(s, &why);
    }
    return E_OK;
}

static int on_end(void *context, struct err *e) {
    struct web_stow *s = context;
    struct err why = {0};
    (void)e;
    if (!s->part_open) {
        return E_OK;
    }
    s->part_open = false;
    if (intake_end(s->intake, &why) != E_OK) {
        part_failed(s, &why);
    }
    return E_OK;
}

static bool must_give_up(struct web_stow *s) {
    return s->given_up || atomic_load(&s->server->stopping);
}

// Swaps the buffers. false: nothing more comes.
static bool take_more(struct web_stow *s) {
    buf_clear(&s->working);
    pthread_mutex_lock(&s->lock);
    while (s->incoming.len == 0 && !s->over && !must_give_up(s)) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 1; // looks whether the server stops
        (void)pthread_cond_timedwait(&s->more, &s->lock, &until);
    }
    struct buf taken = s->incoming;
    s->incoming = s->working;
    s->working = taken;
    bool wake = s->sleeping && !s->over;
    if (wake) {
        s->sleeping = false;
        web_server_resume(s->request);
    }
    bool more = s->working.len > 0 && !must_give_up(s);
    pthread_mutex_unlock(&s->lock);
    return more;
}

static void read_body(struct web_stow *s) {
    while (take_more(s)) {
        if (s->broken.code == 0) {
            (void)web_multipart_feed(&s->parser, buf_slice(&s->working), &s->broken);
        }
    }
    if (s->broken.code == 0) {
        (void)web_multipart_finish(&s->parser, &s->broken);
    }
}

// A body that breaks off or is no multipart: what was whole is answered, the rest is one failure.
static void end_broken(struct web_stow *s) {
    if (s->broken.code == 0) {
        return;
    }
    s->part_skipped = false;
    part_failed(s, &s->broken);
}

// What one address sends until it has been quiet for a while is one delivery: the parts of a study
// may come in requests of their own.
static int take_delivery(struct web_stow *s, struct err *e) {
    struct archive *a = s->server->archive;
    const struct delivery_from from = {.door = "stow",
                                       .source = slice_str(s->sender),
                                       .label = "DICOMweb",
                                       .quiet = archive_quiet(a)};
    return archive_is_as_sent(a) ? E_OK : delivery_take(a, &from, &s->delivery, e);
}

static void end_delivery(struct web_stow *s) {
    struct err ignored = {0};
    if (s->delivery != NULL) {
        (void)delivery_touch(s->server->archive, s->delivery->id, &ignored);
    }
    delivery_free(s->delivery);
    s->delivery = NULL;
}

static void receive(struct web_stow *s) {
    struct err e = {0};
    int rc = take_delivery(s, &e);
    rc = rc == E_OK ? intake_open(s->server->archive, s->delivery, on_verdict, s, &s->intake, &e)
                    : rc;
    if (rc == E_OK) {
        intake_only_study(s->intake, s->study);
        read_body(s);
        end_broken(s);
        rc = intake_finish(s->intake, &e);
        intake_close(s->intake);
    } else {
        s->broken = e;
        while (take_more(s)) {
        }
    }
    if (rc != E_OK) {
        web_stow_answer_part(&s->answer, &e);
    }
    if (s->answer.stored_count + s->answer.failed_count == 0) {
        err_set(&e, E_SYNTAX, "the body has no parts");
        web_stow_answer_part(&s->answer, &e);
    }
    end_delivery(s);
    s->status = web_stow_answer_finish(&s->answer, s->study, &s->body);
}

static void *run(void *context) {
    struct web_stow *s = context;
    struct web_server *server = s->server;
    receive(s);
    pthread_mutex_lock(&s->lock);
    s->finished = true;
    if (s->sleeping) {
        s->sleeping = false;
        web_server_resume(s->request);
    }
    pthread_mutex_unlock(&s->lock);
    unref(s);
    atomic_fetch_sub(&server->streams, 1);
    return NULL;
}

// --- the event side
static void sleep_connection(struct web_stow *s, struct web_request *r) {
    s->sleeping = true;
    web_server_suspend(r);
}

// false: the answer is made.
static bool end_of_body(struct web_request *r, struct web_stow *s) {
    pthread_mutex_lock(&s->lock);
    s->over = true;
    bool finished = s->finished;
    if (!finished) {
        sleep_connection(s, r);
    }
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
    if (!finished) {
        return true;
    }
    if (buf_check(&s->body, "answer", &s->broken) != E_OK) {
        web_answer_error(r, &s->broken);
        return false;
    }
    web_answer_buf(r, s->status, "application/dicom+json", &s->body);
    web_answer_no_store(r);
    return false;
}

// Each PROGRESS_BYTES of the body renew the client's time: one that drips runs out of it.
static void allow_time(struct web_request *r, size_t len) {
    uint64_t before = r->received / PROGRESS_BYTES;
    r->received += len;
    bool asleep_before = atomic_load_explicit(&r->peer->deadline, memory_order_relaxed) == 0;
    if (asleep_before || r->received / PROGRESS_BYTES != before) {
        web_peer_allow(&r->server->peers, r->peer, WEB_IDLE_S, PROGRESS_BYTES);
    }
}

bool web_stow_body(struct web_request *r, const char *bytes, size_t *len) {
    struct web_stow *s = r->stow;
    if (*len == 0) {
        return end_of_body(r, s);
    }
    pthread_mutex_lock(&s->lock);
    if (s->sleeping) { // the library has the next chunk already and asks at once: later
        pthread_mutex_unlock(&s->lock);
        return true;
    }
    allow_time(r, *len);
    if (!s->finished) {
        buf_put(&s->incoming, bytes, *len);
    }
    *len = 0;
    if (s->incoming.len >= WEB_STOW_WINDOW && !s->finished) {
        sleep_connection(s, r);
    }
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
    return true;
}

static int start_thread(struct web_stow *s, struct err *e) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&thread, &attributes, run, s);
    pthread_attr_destroy(&attributes);
    return failed == 0 ? E_OK : err_set_errno(e, failed, "start a thread");
}

static int begin(struct web_request *r, struct slice boundary, struct err *e) {
    struct web_stow *s = mem_zalloc(sizeof *s);
    if (s == NULL) {
        return err_set(e, E_MEMORY, "store");
    }
    const struct web_multipart_sink sink = {on_begin, on_data, on_end, s};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->more, NULL);
    s->users = 1;
    s->request = r;
    s->server = r->server;
    buf_init(&s->incoming, 2 * WEB_STOW_WINDOW);
    buf_init(&s->working, 2 * WEB_STOW_WINDOW);
    buf_init(&s->body, ANSWER_MAX);
    (void)snprintf(s->base, sizeof s->base, "%.200s/dicom-web", web_request_origin(r));
    (void)snprintf(s->study, sizeof s->study, "%s", r->names.study);
    (void)snprintf(s->sender, sizeof s->sender, "%s", r->peer->address);
    web_stow_answer_init(&s->answer, s->base, !archive_is_as_sent(r->server->archive));
    r->stow = s;
    int rc = web_multipart_init(&s->parser, boundary, &sink, e);
    if (rc == E_OK) {
        s->users = 2;
        rc = start_thread(s, e);
        if (rc != E_OK) { // else the thread may have let go of it already
            s->users = 1;
        }
    }
    return rc;
}

static int check_type(struct web_request *r, struct slice *ret_boundary, struct err *e) {
    struct web_media media;
    struct slice field = web_request_header(r, "Content-Type");
    if (field.ptr == NULL || web_media_parse(&r->arena, field, &media, e) != E_OK ||
        !web_media_is(&media, "multipart", "related")) {
        return err_set(e, E_UNSUPPORTED,
                       "instances are stored as multipart/related; type=\"application/dicom\"");
    }
    struct slice type = web_media_param(&media, "type");
    if (type.ptr != NULL && !web_equal_nocase(type, slice_str("application/dicom"))) {
        return err_set(e, E_UNSUPPORTED,
                       "only application/dicom is stored; metadata with bulk data is not read yet");
    }
    *ret_boundary = web_media_param(&media, "boundary");
    return ret_boundary->len > 0 ? E_OK : err_set(e, E_SYNTAX, "the boundary parameter is missing");
}

static int check_accept(struct web_request *r, struct err *e) {
    static const struct web_offer offers[] = {
        {.media = "application/dicom+json", .is_default = true},
        {.media = "application/json", .is_default = true},
    };
    struct web_accept accept;
    int rc = web_accept_parse(&r->arena, web_request_accept(r), &accept, e);
    if (rc == E_OK && web_accept_choose(&accept, offers, 2) < 0) {
        rc = err_set(e, E_NOT_ACCEPTABLE, "the answer is application/dicom+json (XML is not made)");
    }
    return rc;
}

void web_stow_post(struct web_request *r) {
    struct err e = {0};
    struct slice boundary;
    int rc = check_type(r, &boundary, &e);
    if (rc == E_OK) {
        rc = check_accept(r, &e);
    }
    if (rc == E_OK && atomic_fetch_add(&r->server->streams, 1) >= WEB_STREAMS_MAX) {
        atomic_fetch_sub(&r->server->streams, 1);
        rc = err_set(&e, E_BUSY, "too many uploads at once; try again");
    } else if (rc == E_OK) {
        rc = begin(r, boundary, &e);
        if (rc != E_OK) {
            atomic_fetch_sub(&r->server->streams, 1);
        }
    }
    if (rc != E_OK) {
        web_answer_error(r, &e);
    }
}
