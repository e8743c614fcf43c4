// SPDX-License-Identifier: Apache-2.0
// The answer has the shape of the request: every element asked for, in its place, with what the
// step holds or empty. A sequence that is asked for empty, or with an empty item, is answered with
// all that is kept of it (PS3.4 C.2.2.2.6).
#include "node/worklist.h"

#include <stdio.h>
#include <stdlib.h>

#include "archive/archive.h"
#include "archive/worklist.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/tags.h"
#include "dimse/association.h"
#include "node/answer.h"
#include "node/extended.h"
#include "node/find.h"
#include "node/identifier.h"
#include "node/service.h"

#define FIELDS_MAX 512
#define ANSWER_MAX ((size_t)1 << 20)
#define CANCELLED 1

// One element of the answer, in ascending order within its place.
struct field {
    enum worklist_place place;
    dcm_tag tag;
    enum dcm_vr vr;
    size_t id; // WORKLIST_COLUMNS: not kept
};

struct worklist {
    struct node_session *session;
    const struct dimse_message *message;
    struct identifier identifier;
    struct worklist_key keys[WORKLIST_KEYS_MAX];
    size_t key_count;
    struct field fields[FIELDS_MAX];
    size_t field_count;
    bool unsupported;
    struct dimse_command pending;
    struct buf bytes;
    uint64_t sent;
    bool broken;
    struct err *e;
};

// Which sequences hold the places below the top.
static const struct {
    enum worklist_place inside, around;
    dcm_tag sequence;
} places[] = {
    {WORKLIST_STEP, WORKLIST_TOP, DCM_ScheduledProcedureStepSequence},
    {WORKLIST_PROTOCOL_CODE, WORKLIST_STEP, DCM_ScheduledProtocolCodeSequence},
    {WORKLIST_PROCEDURE_CODE, WORKLIST_TOP, DCM_RequestedProcedureCodeSequence},
};
#define PLACE_COUNT (sizeof places / sizeof places[0])

// WORKLIST_TOP: the sequence is none of these.
static enum worklist_place inside_of(enum worklist_place around, dcm_tag sequence) {
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        if (places[i].around == around && places[i].sequence == sequence) {
            return places[i].inside;
        }
    }
    return WORKLIST_TOP;
}

// --- what is asked

static int put_field(struct worklist *w, enum worklist_place place, dcm_tag tag, enum dcm_vr vr,
                     struct err *e) {
    for (size_t f = 0; f < w->field_count; f++) {
        if (w->fields[f].place == place && w->fields[f].tag == tag) {
            return E_OK;
        }
    }
    if (w->field_count == FIELDS_MAX) {
        return err_set(e, E_LIMIT, "too many keys");
    }
    w->fields[w->field_count++] =
        (struct field){place, tag, vr, worklist_attribute_find(place, tag)};
    return E_OK;
}

static int take_value(struct worklist *w, enum worklist_place place, const struct dcm_node *n,
                      struct err *e) {
    size_t id = worklist_attribute_find(place, n->tag);
    if (id == WORKLIST_COLUMNS) {
        w->unsupported = true;
        return put_field(w, place, n->tag, n->vr, e);
    }
    struct slice value;
    int rc = identifier_text(&w->identifier, n, &value, e);
    if (rc == E_OK && identifier_given(value)) {
        if (w->key_count == WORKLIST_KEYS_MAX) {
            return err_set(e, E_LIMIT, "too many keys");
        }
        w->keys[w->key_count++] = (struct worklist_key){id, value};
    }
    return rc == E_OK ? put_field(w, place, n->tag, worklist_attribute_at(id)->attribute.face.vr, e)
                      : rc;
}

// All that is kept there, for a sequence without keys.
static int put_all(struct worklist *w, enum worklist_place place, struct err *e) {
    int rc = E_OK;
    for (size_t id = 0; rc == E_OK && id < WORKLIST_COLUMNS; id++) {
        const struct worklist_attribute *a = worklist_attribute_at(id);
        if (a->place == place) {
            rc = put_field(w, place, a->attribute.face.tag, a->attribute.face.vr, e);
        }
    }
    for (size_t i = 0; rc == E_OK && i < PLACE_COUNT; i++) {
        if (places[i].around == place) {
            rc = put_field(w, place, places[i].sequence, DCM_VR_SQ, e);
            rc = rc == E_OK ? put_all(w, places[i].inside, e) : rc; // two deep, no more
        }
    }
    return rc;
}

struct level {
    enum worklist_place place;
    const struct dcm_dataset *dataset;
    uint32_t node;
};

static bool is_frame(dcm_tag tag) {
    return tag == DCM_SpecificCharacterSet || dcm_tag_is_group_length(tag) ||
           dcm_tag_is_outside(tag) || dcm_tag_is_private(tag);
}

// One node; *ret_item and *ret_place: what is to be looked into next, NULL: nothing.
static int take_node(struct worklist *w, enum worklist_place place, const struct dcm_node *n,
                     const struct dcm_dataset **ret_item, enum worklist_place *ret_place,
                     struct err *e) {
    enum worklist_place inside = n->vr == DCM_VR_SQ ? inside_of(place, n->tag) : WORKLIST_TOP;
    const struct dcm_dataset *item = dcm_item(n, 0);
    *ret_item = NULL;
    if (is_frame(n->tag)) {
        w->unsupported = w->unsupported || dcm_tag_is_private(n->tag);
        return E_OK;
    }
    if (inside == WORKLIST_TOP) {
        return take_value(w, place, n, e);
    }
    int rc = put_field(w, place, n->tag, DCM_VR_SQ, e);
    if (rc == E_OK && (item == NULL || item->count == 0)) {
        return put_all(w, inside, e);
    }
    *ret_item = item;
    *ret_place = inside;
    return rc;
}

static int take_all(struct worklist *w, struct err *e) {
    struct level levels[3] = {{WORKLIST_TOP, w->identifier.dataset, 0}};
    size_t depth = 0;
    for (;;) {
        struct level *l = &levels[depth];
        if (l->node == l->dataset->count) {
            if (depth-- == 0) {
                return E_OK;
            }
            continue;
        }
        const struct dcm_dataset *item;
        enum worklist_place place = WORKLIST_TOP;
        int rc = take_node(w, l->place, &l->dataset->nodes[l->node++], &item, &place, e);
        if (rc != E_OK) {
            return rc;
        }
        if (item != NULL) {
            levels[++depth] = (struct level){place, item, 0};
        }
    }
}

static int by_place(const void *a, const void *b) {
    const struct field *x = a;
    const struct field *y = b;
    return x->place != y->place ? (int)x->place - (int)y->place
                                : (x->tag < y->tag ? -1 : x->tag > y->tag);
}

// --- answers

static bool anything(const struct worklist_step *step, enum worklist_place place) {
    for (size_t id = 0; id < WORKLIST_COLUMNS; id++) {
        if (worklist_attribute_at(id)->place == place && step->texts[id].len > 0) {
            return true;
        }
    }
    return false;
}

// The elements of one place; sequences within are at most two deep.
static void put_place(const struct worklist *w, struct answer *a, enum worklist_place place,
                      const struct worklist_step *step) {
    for (size_t i = 0; i < w->field_count; i++) {
        const struct field *f = &w->fields[i];
        if (f->place != place) {
            continue;
        }
        enum worklist_place inside = f->vr == DCM_VR_SQ ? inside_of(place, f->tag) : WORKLIST_TOP;
        if (f->vr != DCM_VR_SQ) {
            answer_put(a, f->tag, f->vr,
                       f->id < WORKLIST_COLUMNS ? step->texts[f->id] : slice_str(""));
            continue;
        }
        answer_begin_sequence(a, f->tag);
        if (inside != WORKLIST_TOP && anything(step, inside)) {
            answer_begin_item(a);
            put_place(w, a, inside, step);
            answer_end(a);
        }
        answer_end(a);
    }
}

static bool write_step(struct worklist *w, const struct worklist_step *step,
                       const struct dcm_charset *cs, bool say_charset) {
    struct answer a = {.out = &w->bytes, .encoding = w->identifier.encoding, .charset = cs};
    buf_clear(&w->bytes);
    if (say_charset) {
        struct buf terms CLEANUP(cleanup_buf);
        buf_init(&terms, 1024);
        dcm_charset_put_terms(cs, &terms);
        answer_put(&a, DCM_SpecificCharacterSet, DCM_VR_CS, buf_slice(&terms));
    }
    put_place(w, &a, WORKLIST_TOP, step);
    return !a.lacking;
}

static int send_step(const struct worklist_step *step, void *context) {
    struct worklist *w = context;
    struct dimse_association *a = w->session->association;
    if (!write_step(w, step, &w->identifier.charset, w->identifier.has_charset)) {
        const struct dcm_charset utf8 = dcm_charset_utf8();
        (void)write_step(w, step, &utf8, true);
    }
    int rc = buf_check(&w->bytes, "answer of the worklist", w->e);
    if (rc != E_OK) {
        return rc;
    }
    struct slice piece = buf_slice(&w->bytes);
    // The first answer goes out at once, for who waits at a screen.
    rc = (w->sent == 0 ? dimse_send : dimse_send_later)(a, w->message->context_id, &w->pending,
                                                        &piece, 1, w->e);
    if (rc == E_OK && ++w->sent % FIND_CANCEL_EVERY == 0) {
        rc = dimse_cancelled(a, w->message->command.message_id, w->e);
    }
    w->broken = rc < 0;
    return rc;
}

// --- the whole query

static int run(struct worklist *w, bool *ret_more, struct err *e) {
    const struct worklist_query query = {.keys = w->keys,
                                         .key_count = w->key_count,
                                         .limit = WORKLIST_MATCHES_MAX,
                                         .fuzzy = node_extended(w->message->context, NODE_FUZZY)};
    struct db *db;
    int rc = archive_reader(w->session->archive, &db, e);
    if (rc == E_OK) {
        rc = worklist_search(db, &query, send_step, w, ret_more, e);
        archive_reader_done(w->session->archive, db);
    }
    return rc;
}

static int prepare(struct worklist *w, struct err *e) {
    int rc = identifier_read(w->session->association, w->message, &w->identifier, &w->broken, e);
    rc = rc == E_OK ? take_all(w, e) : rc;
    qsort(w->fields, w->field_count, sizeof w->fields[0], by_place);
    w->pending = dimse_response_to(&w->message->command,
                                   w->unsupported ? DIMSE_PENDING_WARNING : DIMSE_PENDING);
    w->pending.data_set = true;
    return rc;
}

static int finish(struct worklist *w, int rc, bool more, struct err *e) {
    struct dimse_command c = dimse_response_to(&w->message->command, DIMSE_SUCCESS);
    if (rc == CANCELLED) {
        c.status = DIMSE_CANCEL;
    } else if (rc < 0) {
        c = identifier_refusal(&w->message->command, node_find_status(rc), e);
    } else if (more) {
        c.status = DIMSE_OUT_OF_RESOURCES;
        (void)snprintf(c.comment, sizeof c.comment, "more than %d steps: the first were sent",
                       WORKLIST_MATCHES_MAX);
    }
    err_clear(e);
    return dimse_send(w->session->association, w->message->context_id, &c, NULL, 0, e);
}

static void worklist_free(struct worklist *w) {
    if (w != NULL) {
        identifier_done(&w->identifier);
        buf_done(&w->bytes);
        mem_free(w);
    }
}
CLEANUP_DEFINE(worklist, struct worklist, worklist_free);

int node_worklist_serve(struct node_session *s, const struct dimse_message *message,
                        struct err *e) {
    struct worklist *w CLEANUP(cleanup_worklist) = mem_zalloc(sizeof *w);
    bool more = false;
    if (w == NULL) {
        return err_set(e, E_MEMORY, "worklist");
    }
    w->session = s;
    w->message = message;
    w->e = e;
    buf_init(&w->bytes, ANSWER_MAX);
    int rc = prepare(w, e);
    rc = rc == E_OK ? run(w, &more, e) : rc;
    return w->broken ? rc : finish(w, rc, more, e);
}
