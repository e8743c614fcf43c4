// SPDX-License-Identifier: Apache-2.0
#include "node/send_plan.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dicom/uid.h"

#define CLASSES_MAX 4096
#define SYNTAXES_MAX 64 // of one class; the registry has fewer

static const char *const uncompressed[] = {DCM_EXPLICIT_LE_UID, DCM_IMPLICIT_LE_UID, NULL};
static const char *const implicit_only[] = {DCM_IMPLICIT_LE_UID, NULL};

struct sop_class {
    const char *uid;
    const char *syntaxes[SYNTAXES_MAX];
    size_t syntax_count;
    size_t batch;
    size_t instances;
};

struct plan {
    struct arena *arena;
    struct sop_class *classes;
    size_t class_count, class_cap;
    struct send_batch *batches;
    size_t batch_count;
};

static int no_memory(struct err *e) { return err_set(e, E_LIMIT, "plan of sub-operations"); }

static struct sop_class *class_of(struct plan *p, const char *uid, struct err *e) {
    for (size_t c = p->class_count; c-- > 0;) { // neighbours are mostly of one class
        if (strcmp(p->classes[c].uid, uid) == 0) {
            return &p->classes[c];
        }
    }
    if (p->class_count == p->class_cap) {
        size_t cap = p->class_cap == 0 ? 8 : 2 * p->class_cap;
        struct sop_class *classes =
            cap <= CLASSES_MAX ? arena_array(p->arena, cap, sizeof *classes) : NULL;
        if (classes == NULL) {
            (void)no_memory(e);
            return NULL;
        }
        if (p->class_count > 0) {
            memcpy(classes, p->classes, p->class_count * sizeof *classes);
        }
        p->classes = classes;
        p->class_cap = cap;
    }
    struct sop_class *new = &p->classes[p->class_count++];
    new->uid = uid;
    return new;
}

static bool has_syntax(const struct sop_class *c, const char *syntax) {
    for (size_t i = 0; i < c->syntax_count; i++) {
        if (strcmp(c->syntaxes[i], syntax) == 0) {
            return true;
        }
    }
    return false;
}

// What exceeds SYNTAXES_MAX can still be sent uncompressed.
static int note(struct plan *p, const struct retrieve_instance *row, struct err *e) {
    struct sop_class *c = class_of(p, row->sop_class, e);
    if (c == NULL) {
        return e->code;
    }
    c->instances++;
    if (!has_syntax(c, row->syntax) && c->syntax_count < SYNTAXES_MAX) {
        c->syntaxes[c->syntax_count++] = row->syntax;
    }
    return E_OK;
}

static size_t contexts_of(const struct sop_class *c) {
    bool both = has_syntax(c, DCM_EXPLICIT_LE_UID) && has_syntax(c, DCM_IMPLICIT_LE_UID);
    return c->syntax_count + (both ? 0 : 1);
}

// Which association each class goes by.
static int deal(struct plan *p, struct err *e) {
    size_t used = 0;
    size_t batch = 0;
    for (size_t c = 0; c < p->class_count; c++) {
        size_t need = contexts_of(&p->classes[c]);
        if (used + need > DIMSE_CONTEXTS_MAX) {
            batch++;
            used = 0;
        }
        used += need;
        p->classes[c].batch = batch;
    }
    p->batch_count = p->class_count == 0 ? 0 : batch + 1;
    p->batches = arena_array(p->arena, p->batch_count + 1, sizeof *p->batches);
    return p->batches == NULL ? no_memory(e) : E_OK;
}

static void add_want(struct send_batch *b, const char *sop_class, const char *const *syntaxes) {
    b->wants[b->want_count++] =
        (struct dimse_want){.abstract_syntax = sop_class, .syntaxes = syntaxes};
}

// The stored syntaxes come last: there are receivers (GDCM) that read everything in the syntax of
// the last context which they accepted.
static int put_wants(struct plan *p, const struct sop_class *c, struct err *e) {
    struct send_batch *b = &p->batches[c->batch];
    bool explicit_le = has_syntax(c, DCM_EXPLICIT_LE_UID);
    bool implicit_le = has_syntax(c, DCM_IMPLICIT_LE_UID);
    if (!explicit_le || !implicit_le) {
        add_want(b, c->uid, explicit_le ? implicit_only : uncompressed);
    }
    for (size_t i = 0; i < c->syntax_count; i++) {
        const char **alone = arena_array(p->arena, 2, sizeof *alone);
        if (alone == NULL) {
            return no_memory(e);
        }
        alone[0] = c->syntaxes[i];
        add_want(b, c->uid, alone);
    }
    return E_OK;
}

static int fill(struct plan *p, const struct retrieve_instance *list, size_t count, struct err *e) {
    for (size_t b = 0; b < p->batch_count; b++) {
        size_t instances = 0;
        for (size_t c = 0; c < p->class_count; c++) {
            instances += p->classes[c].batch == b ? p->classes[c].instances : 0;
        }
        p->batches[b].which = arena_array(p->arena, instances + 1, sizeof(size_t));
        p->batches[b].wants =
            arena_array(p->arena, DIMSE_CONTEXTS_MAX, sizeof *p->batches[b].wants);
        if (p->batches[b].which == NULL || p->batches[b].wants == NULL) {
            return no_memory(e);
        }
    }
    for (size_t c = 0; c < p->class_count; c++) {
        int rc = put_wants(p, &p->classes[c], e);
        if (rc != E_OK) {
            return rc;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct sop_class *c = class_of(p, list[i].sop_class, e);
        struct send_batch *b = &p->batches[c->batch];
        b->which[b->count++] = i;
    }
    return E_OK;
}

int send_plan_make(const struct retrieve_instance *list, size_t count, struct arena *a,
                   struct send_batch **ret_batches, size_t *ret_count, struct err *e) {
    struct plan p = {.arena = a};
    int rc = E_OK;
    for (size_t i = 0; rc == E_OK && i < count; i++) {
        rc = note(&p, &list[i], e);
    }
    rc = rc == E_OK ? deal(&p, e) : rc;
    rc = rc == E_OK ? fill(&p, list, count, e) : rc;
    if (rc == E_OK) {
        *ret_batches = p.batches;
        *ret_count = p.batch_count;
    }
    return rc;
}
