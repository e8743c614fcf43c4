// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_commitment.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "cli/dicom_contexts.h"
#include "cli/dicom_listen.h"
#include "dicom/dataset.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "dimse/user.h"

#define CLASS_UID "1.2.840.10008.1.20.1"
#define INSTANCE_UID "1.2.840.10008.1.20.1.1"
#define ACTION_REQUEST 1
#define EVENT_ALL 1    // all are committed
#define EVENT_FAILED 2 // some are not
#define POLL_MS 20
#define MEMORY_MAX ((size_t)256 << 20)
#define REQUEST_BYTES_MAX ((size_t)16 << 20)

struct asked { // one transaction
    const struct commitment_options *options;
    char transaction[DCM_UID_MAX + 1];
    struct commitment_item **sorted; // by SOP Instance UID
    size_t count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool reported;
    struct err bad; // a report that could not be read
};

static int by_uid(const void *a, const void *b) {
    return strcmp((*(struct commitment_item *const *)a)->sop_instance,
                  (*(struct commitment_item *const *)b)->sop_instance);
}

// --- the report

static void judge(struct asked *asked, struct slice uid, enum commitment_verdict verdict,
                  uint16_t reason) {
    size_t low = 0;
    size_t high = asked->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_cmp(slice_str(asked->sorted[middle]->sop_instance), uid) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < asked->count && slice_eq_str(uid, asked->sorted[low]->sop_instance); low++) {
        asked->sorted[low]->verdict = (uint8_t)verdict;
        asked->sorted[low]->reason = reason;
    }
}

static void judge_all(struct asked *asked, const struct dcm_dataset *d, dcm_tag sequence,
                      enum commitment_verdict verdict) {
    const struct dcm_node *n = dcm_get(d, sequence);
    for (uint32_t i = 0; n != NULL && i < n->item_count; i++) {
        struct slice uid;
        int64_t reason = 0;
        (void)dcm_int(n->items[i], DCM_FailureReason, 0, &reason);
        if (dcm_text(n->items[i], DCM_ReferencedSOPInstanceUID, 0, &uid)) {
            judge(asked, uid, verdict, (uint16_t)reason);
        }
    }
}

static uint16_t take_report(struct asked *asked, const struct dimse_message *m,
                            struct slice data_set, struct arena *arena) {
    struct dcm_dataset *d;
    struct slice transaction;
    struct err why = {0};
    const struct dcm_transfer_syntax *s = dcm_transfer_syntax_find(slice_str(m->context->syntax));
    if (m->command.event_type != EVENT_ALL && m->command.event_type != EVENT_FAILED) {
        return DIMSE_NO_SUCH_EVENT;
    }
    if (s == NULL ||
        dcm_dataset_read(arena, data_set, dcm_encoding_of(s), 0, 0, &d, NULL, &why) != E_OK) {
        asked->bad = why;
        return DIMSE_PROCESSING_FAILURE;
    }
    // A report on something that others asked for under our name.
    if (!dcm_text(d, DCM_TransactionUID, 0, &transaction) ||
        !slice_eq_str(transaction, asked->transaction)) {
        return DIMSE_NO_SUCH_ARGUMENT;
    }
    judge_all(asked, d, DCM_ReferencedSOPSequence, COMMITMENT_DONE);
    judge_all(asked, d, DCM_FailedSOPSequence, COMMITMENT_FAILED);
    asked->reported = true;
    return DIMSE_SUCCESS;
}

static uint16_t on_event(void *context, const struct dimse_message *m, struct slice data_set) {
    struct asked *asked = context;
    struct arena arena;
    if (strcmp(m->command.sop_class, CLASS_UID) != 0) {
        return DIMSE_NO_SUCH_CLASS;
    }
    arena_init(&arena, MEMORY_MAX);
    (void)pthread_mutex_lock(&asked->lock);
    uint16_t status = take_report(asked, m, data_set, &arena);
    (void)pthread_cond_broadcast(&asked->changed);
    (void)pthread_mutex_unlock(&asked->lock);
    arena_done(&arena);
    return status;
}

static bool is_reported(struct asked *asked) {
    (void)pthread_mutex_lock(&asked->lock);
    bool reported = asked->reported;
    (void)pthread_mutex_unlock(&asked->lock);
    return reported;
}

// One message on the association of the request (PS3.4 J.3.3). *ret_over: the peer released it.
static int take_here(struct asked *asked, struct dimse_association *a, bool *ret_over,
                     struct err *e) {
    struct dimse_message m;
    int rc = dimse_receive(a, &m, e);
    *ret_over = rc == DIMSE_RELEASED;
    if (rc <= 0) {
        return rc;
    }
    if (m.command.field != DIMSE_N_EVENT_REPORT_RQ) {
        return err_set(e, E_MISMATCH, "the peer sent %s and not its report",
                       dimse_field_text(m.command.field));
    }
    return listen_take_event(a, &m, on_event, asked, e);
}

// Sleeps until a report came to the listening side, a moment at most.
static void wait_there(struct asked *asked) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += POLL_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_mutex_lock(&asked->lock);
    if (!asked->reported) {
        (void)pthread_cond_timedwait(&asked->changed, &asked->lock, &until);
    }
    (void)pthread_mutex_unlock(&asked->lock);
}

// For the report, wherever it comes. The association stays open meanwhile; *ret_over as above.
static int wait_report(struct asked *asked, struct dimse_association *a, bool *ret_over,
                       struct err *e) {
    usec until = clock_monotonic(clock_system()) + (usec)asked->options->wait_ms * 1000;
    int rc = E_OK;
    *ret_over = false;
    while (rc == E_OK && !is_reported(asked)) {
        bool here = !*ret_over && (!asked->options->listen || dimse_ready(a));
        if (here) {
            rc = take_here(asked, a, ret_over, e);
        } else if (!asked->options->listen) {
            rc = err_set(e, E_TIMEOUT,
                         "the peer released the association without a report; it "
                         "may want to report to a port here (--port)");
        } else if (clock_monotonic(clock_system()) >= until) {
            rc = err_set(e, E_TIMEOUT, "no report within %u s", asked->options->wait_ms / 1000);
        } else {
            wait_there(asked);
        }
    }
    return rc;
}

// --- the request

static int write_request(const struct asked *asked, const char *syntax, struct buf *out,
                         struct err *e) {
    const struct dcm_transfer_syntax *s = dcm_transfer_syntax_find(slice_str(syntax));
    struct arena arena;
    arena_init(&arena, MEMORY_MAX);
    struct dcm_dataset *d = dcm_dataset_new(&arena, DCM_EXPLICIT_LE);
    int rc = d == NULL || s == NULL
                 ? err_set(e, E_MEMORY, "no memory for a request")
                 : dcm_put_str(d, DCM_TransactionUID, DCM_VR_UI, asked->transaction, e);
    for (size_t i = 0; rc == E_OK && i < asked->count; i++) {
        struct dcm_dataset *item;
        const struct commitment_item *c = asked->sorted[i];
        rc = dcm_add_item(d, DCM_ReferencedSOPSequence, &item, e);
        rc = rc == E_OK ? dcm_put_str(item, DCM_ReferencedSOPClassUID, DCM_VR_UI, c->sop_class, e)
                        : rc;
        rc = rc == E_OK
                 ? dcm_put_str(item, DCM_ReferencedSOPInstanceUID, DCM_VR_UI, c->sop_instance, e)
                 : rc;
    }
    rc = rc == E_OK ? dcm_write(d, dcm_encoding_of(s), dcm_sink_buf(out), e) : rc;
    arena_done(&arena);
    return rc == E_OK ? buf_check(out, "request", e) : rc;
}

static int send_request(struct asked *asked, struct dimse_association *a, struct err *e) {
    const struct dimse_context *c = dimse_context_for(a, CLASS_UID, NULL, false);
    if (c == NULL) {
        return err_set(e, E_NOT_ACCEPTABLE, "the peer does not accept Storage Commitment");
    }
    CLEANUP(cleanup_buf) struct buf data;
    buf_init(&data, REQUEST_BYTES_MAX);
    struct dimse_command request = {.field = DIMSE_N_ACTION_RQ,
                                    .has = DIMSE_HAS_ACTION_TYPE,
                                    .action_type = ACTION_REQUEST,
                                    .sop_class = CLASS_UID,
                                    .sop_instance = INSTANCE_UID};
    struct dimse_command answer;
    int rc = write_request(asked, c->syntax, &data, e);
    rc = rc == E_OK ? dimse_user_notify(a, c->id, &request, buf_slice(&data), &answer, e) : rc;
    if (rc == E_OK && dimse_status_kind(answer.status) == DIMSE_IS_FAILURE) {
        char words[DIMSE_STATUS_TEXT_MAX];
        char comment[DIMSE_COMMENT_MAX + 1];
        rc = err_set(e, E_DENIED, "%s answers %s%s%s", asked->options->link->peer_text,
                     dimse_status_text(answer.status, words), *answer.comment != '\0' ? ": " : "",
                     dicom_link_clean(answer.comment, comment, sizeof comment));
    }
    return rc;
}

static int ask(struct asked *asked, struct err *e) {
    const struct commitment_options *o = asked->options;
    struct dimse_want want = {.abstract_syntax = CLASS_UID, .syntaxes = contexts_native};
    struct dimse_request request = {
        .wants = &want, .want_count = 1, .limits = {.idle_ms = o->wait_ms}};
    struct dimse_association *a;
    int rc = dicom_link_open(o->link, &request, &a, e);
    if (rc != E_OK) {
        return rc;
    }
    bool over = false;
    rc = send_request(asked, a, e);
    rc = rc == E_OK ? wait_report(asked, a, &over, e) : rc;
    if (!over && (rc == E_OK || rc == E_DENIED || rc == E_NOT_ACCEPTABLE)) {
        (void)dimse_release(a, &(struct err){0});
    } else {
        dimse_association_close(a);
    }
    return rc;
}

static int run_one(struct asked *asked, struct err *e) {
    const struct commitment_options *o = asked->options;
    struct listening *listening = NULL;
    int rc = E_OK;
    if (o->listen) {
        struct listen_options listen = {.address = o->address,
                                        .port = o->port,
                                        .aet = o->link->calling,
                                        .tls = o->tls,
                                        .event = on_event,
                                        .context = asked};
        rc = listening_start(&listen, &listening, e);
    }
    rc = rc == E_OK ? ask(asked, e) : rc;
    listening_stop(listening);
    if (rc == E_TIMEOUT && asked->bad.code != E_OK) {
        *e = asked->bad;
        rc = err_context(e, "a report of the peer");
    }
    return rc;
}

int commitment_run(const struct commitment_options *options, struct commitment_item *items,
                   size_t count, struct err *e) {
    struct rng rng = rng_kernel();
    struct commitment_item **sorted = mem_array(count + 1, sizeof *sorted);
    if (sorted == NULL) {
        return err_set(e, E_MEMORY, "no memory for a request");
    }
    int rc = E_OK;
    for (size_t done = 0; rc == E_OK && done < count; done += COMMITMENT_INSTANCES_MAX) {
        struct asked asked = {.options = options, .sorted = sorted, .count = count - done};
        asked.count =
            asked.count < COMMITMENT_INSTANCES_MAX ? asked.count : COMMITMENT_INSTANCES_MAX;
        (void)pthread_mutex_init(&asked.lock, NULL);
        (void)pthread_cond_init(&asked.changed, NULL);
        (void)dcm_uid_new(&rng, asked.transaction);
        for (size_t i = 0; i < asked.count; i++) {
            sorted[i] = &items[done + i];
        }
        qsort(sorted, asked.count, sizeof(struct commitment_item *), by_uid);
        rc = run_one(&asked, e);
        (void)pthread_cond_destroy(&asked.changed);
        (void)pthread_mutex_destroy(&asked.lock);
    }
    mem_free(sorted);
    return rc;
}

const char *commitment_reason(uint16_t reason) {
    switch (reason) {
    case 0x0110:
        return "processing failure";
    case 0x0112:
        return "no such object instance";
    case 0x0119:
        return "class and instance conflict";
    case 0x0122:
        return "SOP class not supported";
    case 0x0131:
        return "duplicate transaction UID";
    case 0x0213:
        return "resource limitation";
    default:
        return "reason not in the standard";
    }
}
