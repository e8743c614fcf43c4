// SPDX-License-Identifier: Apache-2.0
// Storage commitment on the peer's own association: the request, and its report while the
// association stays open.
#include "node/commitment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "archive/archive.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "dimse/association.h"
#include "dimse/user.h"
#include "node/node_priv.h"
#include "node/service.h"

#define ACTION_REQUEST 1
#define MEMORY_MAX ((size_t)256 << 20)
#define OWN_MAX 64                      // requests of one association that it reports itself
#define SILENCE (CLOCK_SECOND / 5)      // before a report leaves on the peer's association
#define VERDICT_WAIT (2 * CLOCK_SECOND) // for instances that were sent just before
#define LOOK_NS 10000000L

struct own { // of a session
    int64_t ids[OWN_MAX];
    size_t count;
    uint8_t context_id;
    char syntax[DCM_UID_MAX + 1];
};

// --- the request

struct request {
    struct commitment_row row;
    struct buf references;
    size_t count;
};

static int need_uid(const struct dcm_dataset *d, dcm_tag tag, struct slice *ret_uid,
                    struct err *e) {
    char path[DCM_TAG_TEXT_LEN + 1];
    int rc = E_OK;
    if (!dcm_text(d, tag, 0, ret_uid)) {
        rc = err_set(e, E_MISSING, "a UID is missing");
    } else if (!dcm_uid_usable(*ret_uid)) {
        rc = err_set(e, E_VALUE, "a UID is none");
    }
    return rc == E_OK ? rc : err_in(e, dcm_tag_text(tag, path));
}

static int take_reference(const struct dcm_dataset *item, struct request *r, struct err *e) {
    struct slice sop_class, instance;
    int rc = need_uid(item, DCM_ReferencedSOPClassUID, &sop_class, e);
    rc = rc == E_OK ? need_uid(item, DCM_ReferencedSOPInstanceUID, &instance, e) : rc;
    if (rc == E_OK) {
        buf_put_slice(&r->references, sop_class);
        buf_put_byte(&r->references, ' ');
        buf_put_slice(&r->references, instance);
        buf_put_byte(&r->references, '\n');
        r->count++;
    }
    return rc;
}

static int take_request(const struct dcm_dataset *d, struct request *r, struct err *e) {
    struct slice uid;
    int rc = need_uid(d, DCM_TransactionUID, &uid, e);
    if (rc != E_OK) {
        return rc;
    }
    memcpy(r->row.transaction, uid.ptr, uid.len);
    const struct dcm_node *list = dcm_get(d, DCM_ReferencedSOPSequence);
    if (list == NULL || list->item_count == 0) {
        (void)err_set(e, E_MISSING, "no references");
        return err_in(e, "(0008,1199)");
    }
    if (list->item_count > COMMITMENT_REFERENCES_MAX) {
        return err_set(e, E_LIMIT, "more than %d references", COMMITMENT_REFERENCES_MAX);
    }
    for (uint32_t i = 0; rc == E_OK && i < list->item_count; i++) {
        rc = take_reference(dcm_item(list, i), r, e);
    }
    return rc == E_OK ? buf_check(&r->references, "references", e) : rc;
}

static int read_request(const struct dimse_message *m, struct slice bytes, struct request *r,
                        struct err *e) {
    CLEANUP(arena_done) struct arena memory;
    struct dcm_dataset *d;
    const struct dcm_transfer_syntax *syntax =
        dcm_transfer_syntax_find(slice_str(m->context->syntax));
    arena_init(&memory, MEMORY_MAX);
    int rc = dcm_dataset_read(&memory, bytes, dcm_encoding_of(syntax), 0, 0, &d, NULL, e);
    return rc == E_OK ? take_request(d, r, e) : rc;
}

static uint16_t status_of(int code) {
    switch (code) {
    case E_MISSING:
        return DIMSE_MISSING_ATTRIBUTE;
    case E_VALUE:
        return DIMSE_INVALID_ATTRIBUTE;
    case E_LIMIT:
    case E_FULL:
    case E_MEMORY:
        return DIMSE_RESOURCE_LIMITATION;
    default:
        return DIMSE_PROCESSING_FAILURE;
    }
}

static int respond(struct node_session *s, const struct dimse_message *m, uint16_t status,
                   const struct err *why, struct err *e) {
    struct dimse_command response = dimse_response_to(&m->command, status);
    response.has |= DIMSE_HAS_ACTION_TYPE;
    response.action_type = m->command.action_type;
    if (why != NULL) {
        if (!dimse_comment_put(response.comment, why)) {
            log_failure(LOG_ERROR, s->peer->aet, dimse_field_text(m->command.field), why);
        }
    }
    return dimse_send(s->association, m->context_id, &response, NULL, 0, e);
}

static void remember(struct node_session *s, const struct dimse_message *m, int64_t id) {
    struct own *own = s->commitment;
    if (own == NULL) {
        own = s->commitment = mem_zalloc(sizeof *own);
    }
    if (own != NULL && own->count < OWN_MAX) { // others leave when their claim is over
        own->ids[own->count++] = id;
        own->context_id = m->context_id;
        (void)snprintf(own->syntax, sizeof own->syntax, "%s", m->context->syntax);
    }
}

static int take(struct node_session *s, const struct dimse_message *m, struct slice bytes,
                struct err *why) {
    struct request r = {0};
    int64_t id = 0;
    usec now = clock_now(s->node->clock);
    buf_init(&r.references, COMMITMENT_REQUEST_MAX);
    (void)snprintf(r.row.peer, sizeof r.row.peer, "%s", s->peer->aet);
    r.row.received = now;
    int rc = read_request(m, bytes, &r, why);
    rc = rc == E_OK
             ? commitment_put(s->node, &r.row, &r.references, now + COMMITMENT_CLAIM, &id, why)
             : rc;
    buf_done(&r.references);
    if (rc == E_OK) {
        remember(s, m, id);
    }
    return rc;
}

int node_commitment_serve(struct node_session *s, const struct dimse_message *m, struct err *e) {
    CLEANUP(cleanup_buf) struct buf bytes;
    struct err why = {0};
    buf_init(&bytes, COMMITMENT_REQUEST_MAX);
    uint16_t status = DIMSE_SUCCESS;
    if (strcmp(m->command.sop_instance, COMMITMENT_INSTANCE) != 0) {
        status = DIMSE_NO_SUCH_INSTANCE;
    } else if (m->command.action_type != ACTION_REQUEST) {
        status = DIMSE_NO_SUCH_ACTION;
    } else if (!m->command.data_set) {
        status = DIMSE_MISSING_ATTRIBUTE;
    }
    int rc = m->command.data_set ? dimse_data_all(s->association, &bytes, &why) : E_OK;
    if (rc != E_OK && dimse_association_ending(s->association, NULL) != DIMSE_OPEN) {
        *e = why;
        return rc;
    }
    if (status == DIMSE_SUCCESS && rc == E_OK) {
        rc = take(s, m, buf_slice(&bytes), &why);
    }
    status = status == DIMSE_SUCCESS && rc != E_OK ? status_of(rc) : status;
    return respond(s, m, status, rc != E_OK ? &why : NULL, e);
}

// --- the report, on the association of the request

static void pause_a_little(void) {
    const struct timespec pause = {0, LOOK_NS};
    (void)nanosleep(&pause, NULL);
}

// false: the peer goes on.
static bool stays_silent(struct node_session *s, usec how_long) {
    usec until = clock_monotonic(clock_system()) + how_long;
    while (!dimse_ready(s->association) && !s->node->stopping) {
        if (clock_monotonic(clock_system()) >= until) {
            return true;
        }
        pause_a_little();
    }
    return false;
}

static int make_report(struct node_session *s, const struct own *own, int64_t id, struct buf *out,
                       struct commitment_report *ret_report, struct err *e) {
    struct commitment_row row;
    struct db *db;
    int rc = archive_reader(s->archive, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = commitment_row_read(db, id, &row, e);
    archive_reader_done(s->archive, db);
    if (rc == 1) {
        buf_clear(out);
        rc = commitment_report_make(s->node, &row, own->syntax, out, ret_report, e);
    } else if (rc == 0) {
        rc = err_set(e, E_NOT_FOUND, "the report has left already");
    }
    return rc;
}

// 1: sent, 0: not here and now.
static int report_one(struct node_session *s, struct own *own, int64_t id, struct err *e) {
    CLEANUP(cleanup_buf) struct buf data;
    struct commitment_report report;
    struct dimse_command response;
    struct err why = {0};
    buf_init(&data, COMMITMENT_REQUEST_MAX);
    usec until = clock_monotonic(clock_system()) + VERDICT_WAIT;
    do {
        if (!stays_silent(s, SILENCE) || make_report(s, own, id, &data, &report, &why) != E_OK) {
            return 0;
        }
    } while (report.waits && clock_monotonic(clock_system()) < until);
    const struct dimse_command event = {.field = DIMSE_N_EVENT_REPORT_RQ,
                                        .has = DIMSE_HAS_EVENT_TYPE,
                                        .event_type = report.event,
                                        .sop_class = COMMITMENT_CLASS,
                                        .sop_instance = COMMITMENT_INSTANCE};
    int rc =
        dimse_user_notify(s->association, own->context_id, &event, buf_slice(&data), &response, e);
    if (rc != E_OK) {
        return rc;
    }
    if (dimse_status_kind(response.status) == DIMSE_IS_FAILURE) {
        return 0; // it may take it on another association
    }
    if (commitment_over(s->node, id, clock_now(s->node->clock), "", &why) != E_OK) {
        log_failure(LOG_WARNING, s->peer->aet, "storage commitment", &why);
    }
    return 1;
}

int node_commitment_idle(struct node_session *s, struct err *e) {
    struct own *own = s->commitment;
    int rc = 1;
    while (own != NULL && own->count > 0 && rc == 1) {
        rc = report_one(s, own, own->ids[0], e);
        if (rc == 1) {
            own->count--;
            memmove(own->ids, own->ids + 1, own->count * sizeof own->ids[0]);
        }
    }
    return rc < 0 ? rc : E_OK;
}

void node_commitment_close(struct node_session *s) {
    struct own *own = s->commitment;
    if (own == NULL) {
        return;
    }
    for (size_t i = 0; i < own->count; i++) {
        struct err ignored = {0}; // then it leaves when the claim is over
        (void)commitment_later(s->node, own->ids[i], clock_now(s->node->clock), 0, "", &ignored);
    }
    if (own->count > 0) {
        commitment_push_wake(s->node->push);
    }
    mem_free(own);
    s->commitment = NULL;
}
