// SPDX-License-Identifier: Apache-2.0
#include "node/send.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "archive/archive.h"
#include "archive/jobs.h"
#include "archive/view.h"
#include "archive/view_apply.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "dicom/part10.h"
#include "dicom/uid.h"
#include "dimse/association.h"
#include "dimse/user.h"
#include "store/store.h"

#define FAILED_MAX ((size_t)64 << 20)

// --- jobs

int send_job_open(struct send_job *j, struct arena *a, struct err *e) {
    j->settled = arena_array(a, j->count + 1, sizeof *j->settled);
    j->completed = j->failed = j->warning = 0;
    j->why = (struct err){0};
    buf_init(&j->failed_uids, FAILED_MAX);
    return j->settled == NULL ? err_set(e, E_MEMORY, "sub-operations") : E_OK;
}

void send_job_done(struct send_job *j) { buf_done(&j->failed_uids); }

static void settle(struct send_job *j, size_t index, enum dimse_status_kind kind) {
    j->settled[index] = true;
    if (kind == DIMSE_IS_SUCCESS) {
        j->completed++;
    } else if (kind == DIMSE_IS_WARNING) {
        j->warning++;
    } else {
        j->failed++;
        buf_put_str(&j->failed_uids, j->failed_uids.len > 0 ? "\\" : "");
        buf_put_str(&j->failed_uids, j->list[index].instance);
    }
}

static void tell(const struct send_job *j, size_t index, bool answered, uint16_t status,
                 const struct err *why) {
    if (j->told != NULL) {
        j->told(j->context, index, answered, status, why);
    }
}

static void fail(struct send_job *j, size_t index, const struct err *why) {
    if (j->why.code == E_OK) {
        j->why = *why;
    }
    settle(j, index, DIMSE_IS_FAILURE);
}

void send_fail_rest(struct send_job *j, const size_t *which, size_t count, const struct err *why) {
    for (size_t i = 0; i < count; i++) {
        if (!j->settled[which[i]]) {
            fail(j, which[i], why);
        }
    }
}

// --- one instance, ready to be sent

struct load {
    size_t index;
    uint8_t context_id;
    struct file_map map;
    struct view_pieces pieces;
};

static void load_free(struct load *l) {
    if (l != NULL) {
        view_pieces_done(&l->pieces);
        file_unmap(&l->map);
        mem_free(l);
    }
}
CLEANUP_DEFINE(load, struct load, load_free);

static bool is_deflated(const char *syntax) {
    const struct dcm_transfer_syntax *s = dcm_transfer_syntax_find(slice_str(syntax));
    return s != NULL && s->deflated;
}

static const struct dimse_context *first_of(struct send_job *j, struct dimse_association *to,
                                            const struct retrieve_instance *row, bool shown) {
    static const char *const simple[] = {DCM_EXPLICIT_LE_UID, DCM_IMPLICIT_LE_UID};
    const struct dimse_proposal *agreed = dimse_agreed(to);
    for (size_t i = 0; i < 2; i++) {
        const struct dimse_context *c = dimse_context_for(to, row->sop_class, simple[i], false);
        if (c != NULL && archive_can_transcode(row->syntax, simple[i])) {
            return c;
        }
    }
    for (size_t i = 0; i < agreed->context_count; i++) {
        const char *syntax = agreed->contexts[i].syntax;
        const struct dimse_context *c =
            agreed->contexts[i].result == DIMSE_ACCEPTED &&
                    strcmp(agreed->contexts[i].abstract_syntax, row->sop_class) == 0
                ? dimse_context_for(to, row->sop_class, syntax, false)
                : NULL;
        if (c != NULL && !(shown && is_deflated(syntax)) &&
            archive_can_transcode(row->syntax, syntax)) {
            return c;
        }
    }
    (void)j;
    return NULL;
}

// The context to send it in: the stored syntax, else uncompressed, else whatever can be made. A
// deflated data set cannot be shown through a view.
static const struct dimse_context *choose(struct send_job *j, struct dimse_association *to,
                                          const struct retrieve_instance *row, struct err *e) {
    bool shown = view_changes(j->view, slice_str(row->study));
    const struct dimse_context *c = shown && is_deflated(row->syntax)
                                        ? NULL
                                        : dimse_context_for(to, row->sop_class, row->syntax, false);
    c = c == NULL ? first_of(j, to, row, shown) : c;
    if (c == NULL) {
        bool any = dimse_context_for(to, row->sop_class, NULL, false) != NULL;
        err_set(e, E_NOT_ACCEPTABLE,
                any ? "no transfer syntax that the receiver takes can be made"
                    : "the receiver does not take the SOP class");
    }
    return c;
}

static int map_stored(struct send_job *j, const struct retrieve_instance *row, struct load *l,
                      uint64_t *ret_len, struct err *e) {
    int fd CLEANUP(cleanup_fd) = -1;
    int rc = store_object_open(archive_store(j->archive), &row->object, &fd, e);
    if (rc == E_OK) {
        rc = file_map_fd(fd, &l->map, e);
    }
    *ret_len = l->map.bytes.len;
    return rc;
}

static void cleanup_archive_file(struct archive_file *f) { archive_file_done(f); }

static int map_transcoded(struct send_job *j, const struct retrieve_instance *row,
                          const char *syntax, struct load *l, uint64_t *ret_len,
                          uint64_t *ret_offset, struct err *e) {
    struct archive_file f CLEANUP(cleanup_archive_file) = ARCHIVE_FILE_NONE;
    int rc = archive_transcode(j->archive, &row->object, syntax, &f, e);
    if (rc == E_OK) {
        rc = file_map_fd(f.fd, &l->map, e);
    }
    *ret_len = f.len;
    *ret_offset = f.body_offset;
    return rc;
}

static int load_bytes(struct send_job *j, const struct retrieve_instance *row, const char *syntax,
                      struct load *l, struct err *e) {
    uint64_t len = 0;
    uint64_t offset = row->body_offset;
    int rc = strcmp(syntax, row->syntax) == 0 ? map_stored(j, row, l, &len, e)
                                              : map_transcoded(j, row, syntax, l, &len, &offset, e);
    if (rc != E_OK) {
        return rc;
    }
    if (len > l->map.bytes.len || offset > len) {
        return err_set(e, E_CORRUPT, "the object is shorter than its row says");
    }
    (void)madvise(l->map.address, l->map.len, MADV_WILLNEED); // read ahead; advice only
    const struct dcm_transfer_syntax *s = dcm_transfer_syntax_find(slice_str(syntax));
    struct slice body = slice_from(slice_first(l->map.bytes, (size_t)len), (size_t)offset);
    return view_apply(j->view, slice_str(row->study), body,
                      s == NULL ? DCM_EXPLICIT_LE : dcm_encoding_of(s), &l->pieces, e);
}

static int load_new(struct send_job *j, struct dimse_association *to, size_t index,
                    struct load **ret_load, struct err *e) {
    const struct retrieve_instance *row = &j->list[index];
    const struct dimse_context *c = choose(j, to, row, e);
    if (c == NULL) {
        return e->code;
    }
    struct load *l CLEANUP(cleanup_load) = mem_zalloc(sizeof *l);
    if (l == NULL) {
        return err_set(e, E_MEMORY, "sub-operation");
    }
    l->index = index;
    l->context_id = c->id;
    int rc = load_bytes(j, row, c->syntax, l, e);
    if (rc == E_OK) {
        *ret_load = steal(l);
    }
    return rc;
}

// --- one association

struct sending {
    struct send_job *job;
    struct dimse_association *to;
    struct dimse_sender *sender;
    const size_t *which;
    size_t count, next; // next: the first of `which` that is not loaded
    struct load *under_way[DIMSE_ASYNC_MAX + 1];
};

static void forget(struct sending *s, const struct load *l) {
    for (size_t i = 0; i <= DIMSE_ASYNC_MAX; i++) {
        if (s->under_way[i] == l) {
            load_free(s->under_way[i]);
            s->under_way[i] = NULL;
            return;
        }
    }
}

static void remember(struct sending *s, struct load *l) {
    size_t i = 0;
    while (s->under_way[i] != NULL && i < DIMSE_ASYNC_MAX) {
        i++;
    }
    s->under_way[i] = l; // no more than the window are under way
}

static void on_response(void *context, void *cookie, const struct dimse_command *response) {
    struct sending *s = context;
    struct load *l = cookie;
    enum dimse_status_kind kind = dimse_status_kind(response->status);
    struct err why = {0};
    if (kind == DIMSE_IS_SUCCESS || kind == DIMSE_IS_WARNING) {
        settle(s->job, l->index, kind);
    } else {
        char text[DIMSE_STATUS_TEXT_MAX];
        err_set(&why, E_DENIED, "the receiver answered %s",
                dimse_status_text(response->status, text));
        fail(s->job, l->index, &why);
    }
    tell(s->job, l->index, true, response->status, &why);
    forget(s, l);
}

// The next one that can be sent; NULL at the end. What cannot fails by itself.
static struct load *load_next(struct sending *s) {
    while (s->next < s->count) {
        struct err e = {0};
        struct load *l = NULL;
        size_t index = s->which[s->next++];
        if (s->job->settled[index]) {
            continue;
        }
        if (load_new(s->job, s->to, index, &l, &e) == E_OK) {
            return l;
        }
        fail(s->job, index, &e);
        tell(s->job, index, false, 0, &e);
    }
    return NULL;
}

static int send_one(struct sending *s, struct load *l, struct err *e) {
    const struct send_job *j = s->job;
    const struct dimse_store_item item = {.sop_class = j->list[l->index].sop_class,
                                          .sop_instance = j->list[l->index].instance,
                                          .context_id = l->context_id,
                                          .pieces = l->pieces.pieces,
                                          .piece_count = l->pieces.count,
                                          .originator_aet = j->originator_aet,
                                          .originator_id = j->originator_id,
                                          .priority = j->priority,
                                          .cookie = l};
    remember(s, l);
    return dimse_sender_send(s->sender, &item, e);
}

static int between(struct sending *s, bool *ret_between, struct err *e) {
    const struct send_job *j = s->job;
    if (j->cancel_id != 0 && dimse_sender_cancelled(s->sender, j->cancel_id)) {
        return SEND_CANCELLED;
    }
    int rc = j->between(j->context, e);
    *ret_between = rc < 0;
    return rc;
}

static int send_all(struct sending *s, bool *ret_between, struct err *e) {
    struct load *l = load_next(s);
    int rc = E_OK;
    while (rc == E_OK && l != NULL) {
        struct load *ahead = load_next(s);
        rc = send_one(s, l, e);
        l = ahead;
        rc = rc == E_OK ? between(s, ret_between, e) : rc;
    }
    load_free(l);
    if (rc >= 0) {
        int flushed = dimse_sender_flush(s->sender, e);
        rc = flushed != E_OK ? flushed : rc;
    }
    return rc == E_OK ? between(s, ret_between, e) : rc;
}

int send_over(struct send_job *j, struct dimse_association *to, const size_t *which, size_t count,
              bool *ret_between, struct err *e) {
    struct sending s = {.job = j, .to = to, .which = which, .count = count};
    *ret_between = false;
    int rc = dimse_sender_open(to, on_response, &s, &s.sender, e);
    rc = rc == E_OK ? send_all(&s, ret_between, e) : rc;
    dimse_sender_close(s.sender);
    for (size_t i = 0; i <= DIMSE_ASYNC_MAX; i++) {
        if (s.under_way[i] != NULL) {
            fail(j, s.under_way[i]->index, e);
            load_free(s.under_way[i]);
        }
    }
    return rc;
}

// --- responses

static uint16_t told(size_t count) { return count > UINT16_MAX ? UINT16_MAX : (uint16_t)count; }

static void put_counts(const struct send_job *j, struct dimse_command *c) {
    c->has |= DIMSE_HAS_COUNTS;
    c->completed = told(j->completed);
    c->failed = told(j->failed);
    c->warning = told(j->warning);
}

static size_t remaining(const struct send_job *j) {
    return j->count - j->completed - j->failed - j->warning;
}

struct dimse_command send_pending(const struct send_job *j, const struct dimse_command *request) {
    struct dimse_command c = dimse_response_to(request, DIMSE_PENDING);
    put_counts(j, &c);
    c.has |= DIMSE_HAS_REMAINING;
    c.remaining = told(remaining(j));
    return c;
}

struct dimse_command send_response(const struct send_job *j, const struct dimse_command *request,
                                   bool cancelled) {
    bool none = j->failed == j->count && j->count > 0;
    uint16_t status = cancelled        ? DIMSE_CANCEL
                      : none           ? DIMSE_NO_SUB_OPERATIONS
                      : j->failed > 0  ? DIMSE_SUB_OPERATIONS_FAILED
                      : j->warning > 0 ? DIMSE_SUB_OPERATIONS_FAILED
                                       : DIMSE_SUCCESS;
    struct dimse_command c = dimse_response_to(request, status);
    put_counts(j, &c);
    if (cancelled) {
        c.has |= DIMSE_HAS_REMAINING;
        c.remaining = told(remaining(j));
    }
    if (j->failed > 0) {
        (void)dimse_comment_put(c.comment, &j->why);
    }
    return c;
}
