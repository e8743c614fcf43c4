// SPDX-License-Identifier: Apache-2.0
// Decisions on holds. The history is written before anything is done.
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/custody.h"
#include "archive/delivery.h"
#include "archive/delivery_priv.h"
#include "archive/hold_room.h"
#include "archive/intake.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_in.h"
#include "base/utf8.h"
#include "db/db.h"
#include "gate/delivery.h"
#include "gate/profile.h"
#include "store/held.h"

#define MEMORY_MAX ((size_t)1 << 30)
#define ORDER_MAX ((size_t)4096)

static const char *const verb_words[] = {"release", "refuse", "return"};
static const char *const scope_words[] = {"instance", "series", "study"};
static const char *const choice_words[] = {"", "defaced", "key-images", "consent"};

static bool parse_word(struct slice text, const char *const *words, int from, int count,
                       int *ret_at) {
    for (int i = from; i < count; i++) {
        if (slice_eq_str(text, words[i])) {
            *ret_at = i;
            return true;
        }
    }
    return false;
}

bool hold_verb_parse(struct slice text, enum hold_verb *ret_verb) {
    int at = 0;
    bool good = parse_word(text, verb_words, 0, 3, &at);
    *ret_verb = (enum hold_verb)at;
    return good;
}

bool hold_scope_parse(struct slice text, enum hold_scope *ret_scope) {
    int at = 0;
    bool good = parse_word(text, scope_words, 0, 3, &at);
    *ret_scope = (enum hold_scope)at;
    return good;
}

bool hold_choice_parse(struct slice text, enum hold_choice *ret_choice) {
    int at = 0;
    bool good = parse_word(text, choice_words, 1, 4, &at);
    *ret_choice = (enum hold_choice)at;
    return good;
}

const char *hold_choice_word(enum hold_choice choice) {
    return (unsigned)choice < 4 ? choice_words[choice] : "";
}

// --- rules

bool hold_needs_second(const struct archive *a, const struct hold_row *hold,
                       enum hold_choice choice) {
    const struct gate_profile *p = archive_profile(a);
    return (p != NULL && p->two_persons) || hold_has_reason(hold, GATE_REASON_RISK) ||
           hold_has_reason(hold, GATE_REASON_TWO_PERSONS) ||
           hold_has_reason(hold, GATE_REASON_FACE_REMOVED) ||
           hold_has_reason(hold, GATE_REASON_FACE_UNSURE) || choice == HOLD_CHOICE_CONSENT;
}

unsigned hold_choices(const struct hold_row *hold) {
    bool removed = hold_has_reason(hold, GATE_REASON_FACE_REMOVED) ||
                   hold_has_reason(hold, GATE_REASON_FACE_UNSURE);
    bool face = removed || hold_has_reason(hold, GATE_REASON_FACE) ||
                hold_has_reason(hold, GATE_REASON_RENDERING);
    return (removed ? 1U << HOLD_CHOICE_DEFACED : 0) |
           (face ? 1U << HOLD_CHOICE_KEY_IMAGES | 1U << HOLD_CHOICE_CONSENT : 0);
}

static bool is_empty(const char *text) { return text == NULL || text[strspn(text, " \t")] == '\0'; }

static int check_texts(const struct hold_wish *w, struct err *e) {
    if (is_empty(w->person)) {
        return err_set(e, E_ARGUMENT, "person: who decides must be named");
    }
    if (w->verb != HOLD_VERB_RELEASE && is_empty(w->reason)) {
        return err_set(e, E_ARGUMENT, "reason: say why it is not released");
    }
    if (w->choice == HOLD_CHOICE_CONSENT && is_empty(w->consent)) {
        return err_set(e, E_ARGUMENT,
                       "consent_reference: name the document with the patient's consent (N5)");
    }
    return E_OK;
}

static int check_choice(const struct hold_row *hold, const struct hold_wish *w, struct err *e) {
    unsigned offered = hold_choices(hold);
    bool face = hold_has_reason(hold, GATE_REASON_FACE) ||
                hold_has_reason(hold, GATE_REASON_FACE_REMOVED) ||
                hold_has_reason(hold, GATE_REASON_FACE_UNSURE);
    if (w->verb != HOLD_VERB_RELEASE) {
        return E_OK;
    }
    if (w->choice != HOLD_CHOICE_NONE && (offered & 1U << w->choice) == 0) {
        return err_set(e, E_ARGUMENT, "choice: '%s' is not offered for this hold",
                       hold_choice_word(w->choice));
    }
    if (w->choice == HOLD_CHOICE_NONE && face) {
        return err_set(e, E_ARGUMENT,
                       "choice: a face needs one of those that the hold offers (clause N14)");
    }
    return E_OK;
}

// --- two persons

static void fold_name(const char *name, struct buf *out) {
    utf8_fold(out, slice_trim(slice_str(name), " \t"));
}

static bool is_same_person(const char *a, const char *b) {
    CLEANUP(cleanup_buf) struct buf one;
    CLEANUP(cleanup_buf) struct buf other;
    buf_init(&one, ORDER_MAX);
    buf_init(&other, ORDER_MAX);
    fold_name(a, &one);
    fold_name(b, &other);
    return one.failed || other.failed || slice_eq(buf_slice(&one), buf_slice(&other));
}

static void write_order(const struct hold_wish *w, struct buf *out) {
    struct json j;
    json_init(&j, out);
    json_begin_object(&j);
    json_member_str(&j, "choice", hold_choice_word(w->choice));
    json_member_str(&j, "consent", w->consent == NULL ? "" : w->consent);
    json_end_object(&j);
}

static int check_second(const struct hold_row *hold, const struct hold_wish *w, struct err *e) {
    CLEANUP(cleanup_buf) struct buf order;
    buf_init(&order, ORDER_MAX);
    if (is_same_person(hold->first_by, w->person)) {
        return err_set(e, E_DENIED,
                       "a second person must look: %s has decided already (clause N14)",
                       hold->first_by);
    }
    write_order(w, &order);
    if (!slice_eq(buf_slice(&order), hold->first_order)) {
        return err_set(e, E_CONFLICT,
                       "%s chose otherwise: the second person confirms the first one's choice, or "
                       "refuses",
                       hold->first_by);
    }
    return E_OK;
}

// --- the history

struct deciding {
    struct archive *archive;
    const struct hold_wish *wish;
    const struct hold_row *holds;
    size_t count;
    usec now;
    bool first; // of two persons
};

static int put_decision(struct db *db, const struct deciding *x, const struct hold_row *hold,
                        struct err *e) {
    const struct hold_wish *w = x->wish;
    const char *clause = w->choice == HOLD_CHOICE_CONSENT ? "N5"
                         : w->verb == HOLD_VERB_RELEASE   ? "N14"
                                                          : "C1b";
    struct hold_decision d = {.hold = hold->id,
                              .at = x->now,
                              .who = w->person,
                              .what = verb_words[w->verb],
                              .reason = w->reason == NULL ? "" : w->reason,
                              .clause = clause,
                              .choice = hold_choice_word(w->choice),
                              .consent = w->consent == NULL ? "" : w->consent,
                              .outcome = x->first ? hold_state_word(HOLD_SECOND) : ""};
    memcpy(d.delivery, hold->delivery, sizeof d.delivery);
    return hold_decision_put(db, &d, e);
}

static int put_decisions(struct db *db, void *context, struct err *e) {
    const struct deciding *x = context;
    CLEANUP(cleanup_buf) struct buf order;
    buf_init(&order, ORDER_MAX);
    write_order(x->wish, &order);
    int rc = buf_check(&order, "decision", e);
    for (size_t i = 0; i < x->count && rc == E_OK; i++) {
        rc = put_decision(db, x, &x->holds[i], e);
        rc = rc == E_OK && x->first
                 ? hold_set_first(db, x->holds[i].id, x->wish->person, buf_slice(&order), e)
                 : rc;
    }
    return rc;
}

// --- refusing and returning: the file goes, then the row says so

static int put_end(struct db *db, void *context, struct err *e) {
    const struct deciding *x = context;
    bool back = x->wish->verb == HOLD_VERB_RETURN;
    char words[CUSTODY_WORDS_MAX + 1];
    int rc = E_OK;
    (void)snprintf(words, sizeof words, "%s: %.150s", back ? "returned" : "refused by a person",
                   x->wish->reason);
    for (size_t i = 0; i < x->count && rc == E_OK; i++) {
        const struct hold_row *h = &x->holds[i];
        enum hold_state to;
        struct source_row source = {.mac = h->source, .verdict = SOURCE_REFUSED, .hold = h->id};
        memcpy(source.delivery, h->delivery, sizeof source.delivery);
        memcpy(source.sop_instance, h->sop_instance, sizeof source.sop_instance);
        memcpy(source.study, h->study, sizeof source.study);
        memcpy(source.series, h->series, sizeof source.series);
        memcpy(source.patient, h->patient, sizeof source.patient);
        rc = hold_move((enum hold_state)h->state, back ? HOLD_RETURN : HOLD_REFUSE, &to, e);
        rc = rc == E_OK ? hold_set_state(db, h->id, to, x->now, e) : rc;
        rc = rc == E_OK ? source_put(db, &source, e) : rc;
        rc = rc == E_OK ? custody_decide_hold(db, h->id, CUSTODY_REFUSED, x->now, NULL,
                                              back ? "returned" : "refused", words, e)
                        : rc;
    }
    return rc;
}

static int destroy(struct archive *a, const struct hold_row *hold, struct err *e) {
    struct seal_name name = hold_name(hold);
    return store_held_remove(archive_store(a), &name, e);
}

static int end_all(struct deciding *x, struct hold_outcome *out, struct err *e) {
    int rc = delivery_write(x->archive, put_end, x, e);
    for (size_t i = 0; i < x->count && rc == E_OK; i++) {
        rc = destroy(x->archive, &x->holds[i], e); // else the next opening does
    }
    out->done = rc == E_OK ? x->count : 0;
    out->state = x->wish->verb == HOLD_VERB_RETURN ? HOLD_RETURNED : HOLD_REFUSED;
    return rc;
}

// --- releasing

struct releasing {
    struct deciding *x;
    struct intake_result *results; // one a hold
    bool *has;
};

static void take_result(const struct intake_result *result, void *context) {
    struct releasing *r = context;
    r->results[result->tag] = *result;
    r->has[result->tag] = true;
}

static int add_hold(struct intake *i, const struct deciding *x, size_t at, struct arena *m,
                    struct err *e) {
    const struct hold_row *hold = &x->holds[at];
    const struct hold_wish *w = x->wish;
    struct hold_box *boxes = NULL;
    size_t count = 0;
    int rc = hold->draft.len > 0 ? hold_boxes_parse(hold->draft, hold, m, &boxes, &count, e) : E_OK;
    struct gate_edit *edits = rc == E_OK ? arena_array(m, count + 1, sizeof *edits) : NULL;
    if (edits == NULL) {
        return rc == E_OK ? err_set(e, E_MEMORY, "orders") : rc;
    }
    for (size_t k = 0; k < count; k++) {
        edits[k] =
            (struct gate_edit){.kind = boxes[k].keep ? GATE_EDIT_KEEP : GATE_EDIT_BLACK,
                               .x = boxes[k].x,
                               .y = boxes[k].y,
                               .width = boxes[k].width,
                               .height = boxes[k].height,
                               .frame = boxes[k].frame == 0 ? GATE_ALL_FRAMES : boxes[k].frame - 1};
    }
    const struct gate_orders orders = {.edits = edits,
                                       .edit_count = (uint32_t)count,
                                       .released_by_person = true,
                                       .key_images_only = w->choice == HOLD_CHOICE_KEY_IMAGES,
                                       .consent = w->choice == HOLD_CHOICE_CONSENT};
    return intake_add_hold(i, hold, &orders, w->choice == HOLD_CHOICE_DEFACED, at, e);
}

static int pass_all(struct releasing *r, const char *delivery, struct arena *m, struct err *e) {
    struct archive *a = r->x->archive;
    struct delivery *d;
    struct intake *i;
    int rc = delivery_load(a, delivery, &d, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = intake_open(a, d, take_result, r, &i, e);
    if (rc == E_OK) {
        for (size_t k = 0; k < r->x->count && rc == E_OK; k++) {
            rc = strcmp(r->x->holds[k].delivery, delivery) == 0 ? add_hold(i, r->x, k, m, e) : E_OK;
        }
        struct err second = {0};
        int finished = intake_finish(i, &second);
        if (rc == E_OK && finished != E_OK) {
            *e = second;
            rc = finished;
        }
        intake_close(i);
    }
    delivery_free(d);
    return rc;
}

static bool is_released(const struct intake_result *r) {
    return r->verdict == INTAKE_STORED || r->verdict == INTAKE_DUPLICATE;
}

// What was stored has its row already; here are its senders, and what could not be released.
static int put_outcomes(struct db *db, void *context, struct err *e) {
    const struct releasing *r = context;
    int rc = E_OK;
    for (size_t i = 0; i < r->x->count && rc == E_OK; i++) {
        const struct hold_row *h = &r->x->holds[i];
        struct hold_decision d = {.hold = h->id,
                                  .at = r->x->now,
                                  .who = "MacLab",
                                  .what = "passage",
                                  .reason = "",
                                  .clause = "C1b",
                                  .choice = "",
                                  .consent = ""};
        memcpy(d.delivery, h->delivery, sizeof d.delivery);
        if (!r->has[i]) {
            continue;
        }
        bool released = is_released(&r->results[i]);
        d.outcome = released ? "released" : "held";
        d.reason = released ? "" : r->results[i].why.text;
        rc = released ? hold_set_state(db, h->id, HOLD_RELEASED, r->x->now, e)
                      : hold_set_state(db, h->id, HOLD_HELD, 0, e);
        rc = rc == E_OK && released ? custody_decide_hold(db, h->id, CUSTODY_RELEASED, r->x->now,
                                                          &r->results[i].object, "", "", e)
                                    : rc;
        rc = rc == E_OK ? hold_decision_put(db, &d, e) : rc;
    }
    return rc;
}

static int release(struct releasing *r, size_t named, struct arena *m, struct hold_outcome *out,
                   struct err *e) {
    int rc = E_OK;
    for (size_t i = 0; i < r->x->count && rc == E_OK; i++) {
        rc = r->has[i] ? E_OK : pass_all(r, r->x->holds[i].delivery, m, e);
        if (rc == E_OK && !r->has[i]) {
            rc = err_set(e, E_INTERNAL, "a hold has no verdict");
        }
    }
    int wrote = delivery_write(r->x->archive, put_outcomes, r, e);
    rc = rc == E_OK ? wrote : rc;
    for (size_t i = 0; i < r->x->count; i++) {
        struct err ignored = {0};
        if (r->has[i] && is_released(&r->results[i])) {
            out->done++;
            (void)destroy(r->x->archive, &r->x->holds[i], &ignored); // else the next opening does
        } else {
            out->still_held++;
        }
    }
    out->state = r->has[named] && is_released(&r->results[named]) ? HOLD_RELEASED : HOLD_HELD;
    if (rc == E_OK && r->results[named].verdict == INTAKE_FAILED) {
        *e = r->results[named].why;
        rc = e->code;
    }
    return rc;
}

static int release_all(struct deciding *x, size_t named, struct hold_outcome *out, struct err *e) {
    CLEANUP(arena_done) struct arena m;
    struct releasing r = {.x = x};
    arena_init(&m, MEMORY_MAX);
    r.results = arena_array(&m, x->count, sizeof *r.results);
    r.has = arena_array(&m, x->count, sizeof *r.has);
    return r.results == NULL || r.has == NULL ? err_set(e, E_MEMORY, "decision")
                                              : release(&r, named, &m, out, e);
}

// --- all of a scope

static int find_scope(struct archive *a, const struct hold_row *hold, const struct hold_wish *w,
                      struct arena *m, struct hold_row **ret_list, size_t *ret_count,
                      struct err *e) {
    struct hold_filter f = {.delivery = slice_str(hold->delivery), .limit = UINT32_MAX};
    enum hold_scope scope = w->scope;
    uint64_t total = 0;
    struct db *db;
    // A face is removed from a volume, never from one slice of it.
    bool volume = w->verb == HOLD_VERB_RELEASE && w->choice == HOLD_CHOICE_DEFACED;
    scope = volume && scope == HOLD_SCOPE_INSTANCE ? HOLD_SCOPE_SERIES : scope;
    int rc = archive_reader(a, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    if (scope == HOLD_SCOPE_INSTANCE) {
        *ret_list = arena_array(m, 1, sizeof **ret_list);
        *ret_count = 1;
        rc = *ret_list == NULL ? err_set(e, E_MEMORY, "hold")
                               : hold_find(db, hold->id, m, *ret_list, e);
    } else {
        f.series = scope == HOLD_SCOPE_SERIES ? slice_str(hold->series) : f.series;
        f.study = scope == HOLD_SCOPE_STUDY ? slice_str(hold->study) : f.study;
        rc = hold_list(db, &f, m, ret_list, ret_count, &total, e);
    }
    archive_reader_done(a, db);
    return rc;
}

// Each of the scope must allow it, or nothing is done; the one that was named comes first.
static int check_all(const struct deciding *x, const struct hold_row *hold, size_t *ret_named,
                     bool *ret_first, struct err *e) {
    bool found = false, second = false, first = false;
    for (size_t i = 0; i < x->count; i++) {
        const struct hold_row *h = &x->holds[i];
        enum hold_state to;
        enum hold_event event = x->wish->verb == HOLD_VERB_RELEASE  ? HOLD_RELEASE
                                : x->wish->verb == HOLD_VERB_REFUSE ? HOLD_REFUSE
                                                                    : HOLD_RETURN;
        int rc = hold_move((enum hold_state)h->state, event, &to, e);
        rc = rc == E_OK ? check_choice(h, x->wish, e) : rc;
        if (rc == E_OK && event == HOLD_RELEASE && h->state == HOLD_SECOND) {
            rc = check_second(h, x->wish, e);
            second = true;
        } else if (event == HOLD_RELEASE) {
            first = first || hold_needs_second(x->archive, h, x->wish->choice);
        }
        if (rc != E_OK) {
            return rc;
        }
        if (h->id == hold->id) {
            *ret_named = i;
            found = true;
        }
    }
    if (!found) {
        return err_set(e, E_CONFLICT, "this hold is decided already");
    }
    if (first && second) {
        return err_set(e, E_CONFLICT,
                       "some of them wait for a second person and some for a first: decide on "
                       "them one by one");
    }
    *ret_first = first;
    return E_OK;
}

static void settle(struct deciding *x) {
    for (size_t i = 0; i < x->count; i++) {
        struct err ignored = {0}; // the keeper does it again
        if (i == 0 || strcmp(x->holds[i].delivery, x->holds[i - 1].delivery) != 0) {
            (void)delivery_settle(x->archive, x->holds[i].delivery, &ignored);
        }
    }
}

static int decide(struct deciding *x, const struct hold_row *hold, struct hold_outcome *out,
                  struct err *e) {
    size_t named = 0;
    int rc = check_all(x, hold, &named, &x->first, e);
    rc = rc == E_OK ? delivery_write(x->archive, put_decisions, x, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    if (x->first) {
        out->state = HOLD_SECOND;
        out->done = x->count;
        return E_OK;
    }
    rc = x->wish->verb == HOLD_VERB_RELEASE ? release_all(x, named, out, e) : end_all(x, out, e);
    settle(x);
    return rc;
}

int hold_decide(struct archive *a, const struct hold_row *hold, const struct hold_wish *wish,
                struct hold_outcome *ret_outcome, struct err *e) {
    CLEANUP(arena_done) struct arena m;
    struct deciding x = {.archive = a, .wish = wish, .now = clock_now(archive_clock(a))};
    struct hold_row *list = NULL;
    struct hold_outcome out = {0};
    arena_init(&m, MEMORY_MAX);
    int rc = check_texts(wish, e);
    archive_deciding(a);
    rc = rc == E_OK ? find_scope(a, hold, wish, &m, &list, &x.count, e) : rc;
    x.holds = list;
    rc = rc == E_OK ? decide(&x, hold, &out, e) : rc;
    archive_deciding_done(a);
    if (rc == E_OK) {
        *ret_outcome = out;
    }
    return rc;
}
