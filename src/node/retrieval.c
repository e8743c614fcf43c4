// SPDX-License-Identifier: Apache-2.0
#include "node/retrieval.h"

#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/search.h"
#include "archive/view.h"
#include "archive/view_source.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "dicom/tags.h"
#include "dimse/association.h"
#include "node/answer.h"
#include "node/classes.h"
#include "node/find.h"
#include "node/find_plan.h"
#include "node/node.h"
#include "node/peers.h"
#include "node/service.h"
#include "policy/audit.h"

#define FAILED_LIST_MAX ((size_t)64 << 20)
#define NARROW_LIST_MAX 65534u // of an element in explicit VR

void retrieval_done(struct retrieval *r) {
    if (r->session != NULL) {
        node_session_view_done(r->session);
    }
    view_free(r->theirs);
    if (r->open) {
        send_job_done(&r->job);
    }
    identifier_done(&r->identifier);
    arena_done(&r->arena);
}

// --- which instances

static int no_key(dcm_tag tag, struct err *e) {
    char path[DCM_TAG_TEXT_LEN + 1];
    err_set(e, E_MISSING, "the unique key of the level is missing");
    return err_in(e, dcm_tag_text(tag, path));
}

struct keys {
    struct search_key keys[4];
    size_t count;
};

static int take_keys(struct retrieval *r, bool patient_root, struct keys *out, struct err *e) {
    static const dcm_tag tags[] = {DCM_PatientID, DCM_StudyInstanceUID, DCM_SeriesInstanceUID,
                                   DCM_SOPInstanceUID};
    enum search_level level = SEARCH_STUDY;
    bool patients = false;
    int rc = find_level(&r->identifier, patient_root, &level, &patients, e);
    size_t last = patients ? 0 : (size_t)level + 1;
    for (size_t t = patient_root ? 0 : 1; rc == E_OK && t <= last; t++) {
        struct slice value;
        rc = identifier_value(&r->identifier, tags[t], &value, e);
        if (rc == E_OK && identifier_given(value)) {
            out->keys[out->count++] = (struct search_key){tags[t], value};
        } else if (rc == E_OK && t == last) {
            rc = no_key(tags[t], e);
        }
    }
    return rc;
}

static int read_rows(struct retrieval *r, struct db *db, const int64_t *ids, size_t count,
                     struct err *e) {
    struct retrieve_instance *list = arena_array(&r->arena, count + 1, sizeof *list);
    r->which = arena_array(&r->arena, count + 1, sizeof *r->which);
    if (list == NULL || r->which == NULL) {
        return err_set(e, E_LIMIT, "too many instances at once");
    }
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        int rc = retrieve_by_id(db, ids[i], &list[found], e);
        if (rc < 0) {
            return rc;
        }
        r->which[found] = found;
        found += rc == 1; // 0: deleted meanwhile
    }
    r->job.list = list;
    r->job.count = found;
    return E_OK;
}

static bool has_other_destination(const struct retrieval *r) {
    return r->destination != NULL && strcmp(r->destination->aet, r->session->peer->aet) != 0;
}

static int open_theirs(struct retrieval *r, struct db *db, struct err *e) {
    if (!has_other_destination(r)) {
        return E_OK;
    }
    int rc = view_source_tables.open(view_source_tables.context, db, slice_str(r->destination->aet),
                                     &r->theirs, e);
    if (rc == E_OK && r->theirs != NULL && r->session->view != NULL) {
        rc = err_set(e, E_DENIED, "the destination sees the archive in a way of its own");
    }
    return rc;
}

static int check_shown(const struct retrieval *r, struct err *e) {
    for (size_t i = 0; i < r->job.count; i++) {
        if (!view_shows(r->theirs, slice_str(r->job.list[i].study))) {
            return err_set(e, E_DENIED, "the destination sees only a part of the archive");
        }
    }
    return E_OK;
}

static int select_rows(struct retrieval *r, const struct keys *keys, struct err *e) {
    struct archive *archive = r->session->archive;
    const int64_t *ids;
    size_t count;
    struct db *db;
    int rc = archive_reader(archive, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = node_session_view(r->session, db, e);
    rc = rc == E_OK ? open_theirs(r, db, e) : rc;
    const struct search_query query = {.level = SEARCH_INSTANCE,
                                       .keys = keys->keys,
                                       .key_count = keys->count,
                                       .view = r->session->view};
    rc = rc == E_OK ? search_ids(db, &query, &r->arena, &ids, &count, e) : rc;
    rc = rc == E_OK ? read_rows(r, db, ids, count, e) : rc;
    rc = rc == E_OK ? check_shown(r, e) : rc;
    archive_reader_done(archive, db);
    return rc;
}

// Each study that leaves has its line in the audit log.
static int ask_policy(const struct retrieval *r, struct err *e) {
    const struct send_job *j = &r->job;
    char where[DIMSE_AET_MAX + 32] = "dicom C-GET";
    if (r->destination != NULL) {
        (void)snprintf(where, sizeof where, "dicom C-MOVE to %s", r->destination->aet);
    }
    for (size_t i = 0; i < j->count; i++) {
        if (i > 0 && strcmp(j->list[i].study, j->list[i - 1].study) == 0) {
            continue;
        }
        struct policy_decision decision;
        const struct policy_request request = {.who = r->session->who,
                                               .action = POLICY_IMAGE_SEND,
                                               .what = j->list[i].study,
                                               .where = where};
        if (!audit_ask(archive_audit(r->session->archive), &request, &decision)) {
            return err_set(e, E_DENIED, "%s: %s", decision.clause, decision.reason);
        }
    }
    return E_OK;
}

static uint16_t status_of(int rc) {
    switch (rc) {
    case E_MISSING:
    case E_VALUE:
    case E_ARGUMENT:
    case E_SYNTAX:
    case E_TRUNCATED:
    case E_NESTING:
        return DIMSE_CLASS_MISMATCH; // A900
    case E_DENIED:
        return DIMSE_NOT_AUTHORIZED;
    case E_LIMIT:
    case E_MEMORY:
    case E_BUSY:
        return DIMSE_NO_MATCH_COUNT; // A701
    default:
        return DIMSE_CANNOT_UNDERSTAND; // C000: unable to process
    }
}

static bool is_patient_root(const char *sop_class) {
    return strcmp(sop_class, NODE_PATIENT_MOVE) == 0 || strcmp(sop_class, NODE_PATIENT_GET) == 0;
}

int retrieval_open(struct node_session *s, const struct dimse_message *message,
                   struct retrieval *ret_retrieval, uint16_t *ret_status, bool *ret_broken,
                   struct err *e) {
    struct retrieval *r = ret_retrieval;
    struct keys keys = {.count = 0};
    r->session = s;
    r->message = message;
    arena_init(&r->arena, RETRIEVAL_MEMORY_MAX);
    int rc = identifier_read(s->association, message, &r->identifier, ret_broken, e);
    if (rc == E_OK) {
        rc = take_keys(r, is_patient_root(message->context->abstract_syntax), &keys, e);
    }
    rc = rc == E_OK ? select_rows(r, &keys, e) : rc;
    rc = rc == E_OK ? ask_policy(r, e) : rc;
    r->job.archive = s->archive;
    r->job.view = r->theirs != NULL ? r->theirs : s->view;
    r->job.priority = message->command.priority;
    r->job.between = retrieval_between;
    r->job.context = r;
    if (rc == E_OK) {
        rc = send_job_open(&r->job, &r->arena, e);
        r->open = rc == E_OK;
    }
    *ret_status = rc == E_OK ? DIMSE_SUCCESS : status_of(rc);
    return rc;
}

// --- responses

int retrieval_between(void *context, struct err *e) {
    struct retrieval *r = context;
    struct dimse_association *a = r->session->association;
    usec now = clock_monotonic(clock_system());
    bool first = !r->any_told && r->job.completed + r->job.failed + r->job.warning > 0;
    if (first || (r->any_told && now - r->told >= RETRIEVAL_PENDING_USEC)) {
        const struct dimse_command c = send_pending(&r->job, &r->message->command);
        int rc = dimse_send(a, r->message->context_id, &c, NULL, 0, e);
        if (rc != E_OK) {
            return rc;
        }
        r->any_told = true;
        r->told = now;
    }
    int rc = dimse_cancelled(a, r->message->command.message_id, e);
    return rc == 1 ? SEND_CANCELLED : rc;
}

// As many whole UIDs as an element can hold.
static struct slice failed_uids(const struct retrieval *r) {
    struct slice uids = buf_slice(&r->job.failed_uids);
    if (r->identifier.encoding == DCM_IMPLICIT_LE || uids.len <= NARROW_LIST_MAX) {
        return uids;
    }
    uids.len = NARROW_LIST_MAX;
    while (uids.len > 0 && uids.ptr[uids.len] != '\\') {
        uids.len--;
    }
    return uids;
}

int retrieval_finish(struct retrieval *r, bool cancelled, struct err *e) {
    struct dimse_command c = send_response(&r->job, &r->message->command, cancelled);
    struct buf bytes CLEANUP(cleanup_buf);
    const struct dcm_charset charset = dcm_charset_default();
    buf_init(&bytes, FAILED_LIST_MAX);
    if (r->job.failed > 0 && r->job.why.code != E_OK) {
        log_failure(LOG_WARNING, r->session->peer->aet, dimse_field_text(r->message->command.field),
                    &r->job.why);
    }
    c.data_set = r->job.failed > 0;
    if (c.data_set) {
        struct answer a = {.out = &bytes, .encoding = r->identifier.encoding, .charset = &charset};
        answer_put(&a, DCM_FailedSOPInstanceUIDList, DCM_VR_UI, failed_uids(r));
    }
    struct slice piece = buf_slice(&bytes);
    err_clear(e);
    return dimse_send(r->session->association, r->message->context_id, &c, &piece,
                      c.data_set ? 1 : 0, e);
}

int retrieval_refuse(struct node_session *s, const struct dimse_message *message, uint16_t status,
                     const struct err *why, struct err *e) {
    const struct dimse_command c = identifier_refusal(&message->command, status, why);
    err_clear(e);
    return dimse_send(s->association, message->context_id, &c, NULL, 0, e);
}
