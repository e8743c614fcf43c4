// SPDX-License-Identifier: Apache-2.0
#include "node/contexts.h"

#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "dicom/uid.h"
#include "dimse/association.h"
#include "node/extended.h"
#include "node/node_priv.h"
#include "node/service.h"

#define COUNTED_MAX 1000 // instances of a class and syntax that are counted, to compare

static bool is(const char *a, const char *b) { return strcmp(a, b) == 0; }

static const char *proposed(const struct dimse_context *c, const char *syntax) {
    for (size_t i = 0; i < c->proposed_count; i++) {
        if (is(c->proposed[i], syntax)) {
            return c->proposed[i];
        }
    }
    return NULL;
}

const char *node_receive_syntax(const struct dimse_context *c) {
    const char *explicit = proposed(c, DCM_EXPLICIT_LE_UID);
    for (size_t i = 0; i < c->proposed_count; i++) {
        const char *syntax = c->proposed[i];
        if (dcm_transfer_syntax_find(slice_str(syntax)) == NULL) {
            continue;
        }
        bool gives_way = is(syntax, DCM_IMPLICIT_LE_UID) || is(syntax, DCM_EXPLICIT_BE_UID);
        return gives_way && explicit != NULL ? explicit : syntax;
    }
    return NULL;
}

static const char *message_syntax(const struct dimse_context *c) {
    static const char *const order[] = {DCM_EXPLICIT_LE_UID, DCM_IMPLICIT_LE_UID,
                                        DCM_EXPLICIT_BE_UID};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const char *syntax = proposed(c, order[i]);
        if (syntax != NULL) {
            return syntax;
        }
    }
    return NULL;
}

// --- what the archive holds

static int count_held(struct db *db, const char *sop_class, const char *syntax, int64_t *ret_count,
                      struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT count(*) FROM (SELECT 1 FROM instance WHERE sop_class = ?1 AND"
                        " syntax = ?2 LIMIT ?3)",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(sop_class));
    db_bind_text(s, 2, slice_str(syntax));
    db_bind_i64(s, 3, COUNTED_MAX);
    rc = db_step(s, e);
    if (rc == 1) {
        *ret_count = db_i64(s, 0);
        db_reset(s);
    }
    return rc < 0 ? rc : E_OK;
}

static int send_syntax(struct db *db, const struct dimse_context *c, const char **ret_syntax,
                       struct err *e) {
    int64_t most = 0;
    *ret_syntax = node_receive_syntax(c);
    for (size_t i = 0; i < c->proposed_count; i++) {
        int64_t count = 0;
        int rc = count_held(db, c->abstract_syntax, c->proposed[i], &count, e);
        if (rc != E_OK) {
            return rc;
        }
        if (count > most) {
            most = count;
            *ret_syntax = c->proposed[i];
        }
    }
    return E_OK;
}

// --- one context

static void settle(struct dimse_context *c, const char *syntax) {
    if (syntax == NULL) {
        c->result = DIMSE_TRANSFER_NOT_SUPPORTED;
        return;
    }
    c->result = DIMSE_ACCEPTED;
    (void)snprintf(c->syntax, sizeof c->syntax, "%s", syntax);
}

static int answer_extended(struct dimse_context *c, struct arena *memory, struct err *e) {
    uint8_t answer[NODE_EXTENDED_MAX];
    size_t len = node_extended_answer(c->abstract_syntax, c->extended, answer);
    if (len > 0) {
        c->answered = arena_copy(memory, slice_of(answer, len));
        if (c->answered.ptr == NULL) {
            return err_set(e, E_MEMORY, "association");
        }
    }
    return E_OK;
}

static bool is_storage(const struct node *n, const char *abstract_syntax) {
    if (dcm_uid_is_storage(slice_str(abstract_syntax))) {
        return true;
    }
    for (size_t i = 0; i < n->options.private_class_count; i++) {
        if (is(n->options.private_classes[i], abstract_syntax)) {
            return true;
        }
    }
    return false;
}

static bool has_row(const char *abstract_syntax) {
    for (size_t i = 0; i < node_service_count(); i++) {
        const char *sop_class = node_service_row(i)->sop_class;
        if (sop_class != NULL && is(sop_class, abstract_syntax)) {
            return true;
        }
    }
    return false;
}

bool node_service_known(const struct node *n, const char *abstract_syntax) {
    return has_row(abstract_syntax) || is_storage(n, abstract_syntax);
}

static int choose(struct node *n, struct db *db, struct arena *memory, struct dimse_context *c,
                  struct err *e) {
    if (!node_service_known(n, c->abstract_syntax)) {
        c->result = DIMSE_ABSTRACT_NOT_SUPPORTED;
        return E_OK;
    }
    const char *syntax = NULL;
    int rc = E_OK;
    if (has_row(c->abstract_syntax)) {
        syntax = message_syntax(c);
        c->scp_role = false; // we are no SCU of a service of ours
    } else if (c->scp_role) {
        rc = send_syntax(db, c, &syntax, e);
    } else {
        syntax = node_receive_syntax(c);
    }
    if (rc == E_OK) {
        settle(c, syntax);
        rc = answer_extended(c, memory, e);
    }
    return rc;
}

int node_contexts_choose(struct node *n, struct dimse_proposal *p, struct err *e) {
    struct db *db;
    int rc = archive_reader(n->archive, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    for (size_t i = 0; rc == E_OK && i < p->context_count; i++) {
        rc = choose(n, db, p->memory, &p->contexts[i], e);
    }
    archive_reader_done(n->archive, db);
    return rc;
}
