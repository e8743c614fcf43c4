// SPDX-License-Identifier: Apache-2.0
// One file through the worker: as often as its crops are read.
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "gate/delivery_priv.h"

#define ROUNDS_MAX 4       // a look, its readings, those of the verification, and once more
#define BUSY_ROUNDS_MAX 30 // times WORKER_QUEUE_MS: longer than the longest job of another
#define TERMS_LIMIT ((size_t)16 << 20)

int delivery_run(struct gate_delivery *d, enum gate_job job, struct slice request, int in, int out,
                 struct buf *answer, struct err *e) {
    int rc = E_BUSY;
    for (int i = 0; rc == E_BUSY && i < BUSY_ROUNDS_MAX; i++) {
        err_clear(e);
        rc = worker_run(d->options.pool, (size_t)job, request, in, out, answer, e);
    }
    return rc;
}

// What the disk or the pool did is no verdict on the file.
static bool is_ours(int code) {
    return code == E_BUSY || code == E_FULL || code == E_IO || code == E_CANCELLED ||
           code == E_ARGUMENT || code == E_NOT_FOUND || code == E_DATABASE || code == E_LOCKED;
}

void delivery_object(struct item *item, enum gate_reason reason) {
    for (uint32_t i = 0; i < item->extra_count; i++) {
        if (item->extra[i] == reason) {
            return;
        }
    }
    if (item->extra_count < DELIVERY_EXTRA_MAX) {
        item->extra[item->extra_count++] = reason;
    }
}

int delivery_answer(const struct item *item, struct arena *a, struct gate_passed *ret_passed,
                    struct err *e) {
    return gate_passed_unpack(a, buf_slice(&item->answer), ret_passed, e);
}

struct round {
    struct gate_delivery *d;
    struct item *item;
    struct arena arena;
    struct buf answer;
    struct gate_passed passed;
    struct gate_reading *readings; // owned
    uint32_t reading_count;
    struct buf look; // of the first answer
};

static void cleanup_round(struct round *r) {
    arena_done(&r->arena);
    buf_done(&r->answer);
    buf_done(&r->look);
    mem_free(r->readings);
}

static void merge_edits(const struct item *item, struct gate_edit *out) {
    uint32_t n = item->orders.edit_count;
    if (n > 0) {
        memcpy(out, item->orders.edits, n * sizeof *out);
    }
    if (item->mask_count > 0) {
        memcpy(out + n, item->masks, item->mask_count * sizeof *out);
    }
}

static int pack_request(struct round *r, bool want_crops, struct buf *request, struct err *e) {
    const struct item *item = r->item;
    const struct patient *patient = item->patient;
    uint32_t orders = item->orders.edit_count + item->mask_count;
    struct gate_edit *edits = arena_array(&r->arena, orders + 1, sizeof *edits);
    if (edits == NULL) {
        return err_set(e, E_MEMORY, "orders");
    }
    merge_edits(item, edits);
    struct gate_pass ask = {.key = r->d->key,
                            .profile = buf_slice(&r->d->profile),
                            .name = item->name == NULL ? slice_of(NULL, 0) : slice_str(item->name),
                            .terms =
                                patient == NULL ? slice_of(NULL, 0) : buf_slice(&patient->terms),
                            .has_day_zero = patient != NULL && patient->has_day,
                            .day_zero = patient == NULL ? 0 : patient->first_day,
                            .want_crops = want_crops,
                            .readings = r->readings,
                            .reading_count = r->reading_count,
                            .orders = edits,
                            .order_count = orders,
                            .defaced = item->defaced,
                            .key_images_only = item->orders.key_images_only,
                            .consent = item->orders.consent,
                            .released_by_person = item->orders.released_by_person,
                            .look = buf_slice(&r->look)};
    gate_pass_pack(&ask, request);
    if (request->len > DELIVERY_REQUEST_MAX) { // a look can be had again
        buf_clear(request);
        ask.look = slice_of(NULL, 0);
        gate_pass_pack(&ask, request);
    }
    return buf_check(request, "request of a passage", e);
}

static int converse(struct round *r, bool want_crops, struct err *e) {
    const struct gate_door *door = r->d->options.door;
    struct buf request CLEANUP(cleanup_buf);
    CLEANUP(cleanup_fd) int in = -1;
    CLEANUP(cleanup_fd) int out = -1;
    buf_init(&request, 2 * DELIVERY_REQUEST_MAX);
    buf_clear(&r->answer);
    if (r->item->begun) {
        door->drop_out(door->context, r->item->tag);
    }
    r->item->begun = true;
    int rc = pack_request(r, want_crops, &request, e);
    rc = rc == E_OK ? door->open_in(door->context, r->item->tag, &in, e) : rc;
    rc = rc == E_OK ? door->open_out(door->context, r->item->tag, &out, e) : rc;
    rc = rc == E_OK ? delivery_run(r->d, GATE_JOB_PASS, buf_slice(&request), in, out, &r->answer, e)
                    : rc;
    gate_wire_wipe(&request);
    arena_done(&r->arena);
    return rc == E_OK ? gate_passed_unpack(&r->arena, buf_slice(&r->answer), &r->passed, e) : rc;
}

// Reads what the answer asks for. 1: there are readings for another round; 0: no.
static int read_crops(struct round *r, struct err *e) {
    const struct gate_passed *p = &r->passed;
    if (!p->need_reading || p->crop_count == 0 || p->crop_first != r->reading_count) {
        return 0;
    }
    struct gate_reading *all =
        mem_realloc(r->readings, (r->reading_count + p->crop_count) * sizeof *all);
    if (all == NULL) {
        return err_set(e, E_MEMORY, "readings");
    }
    r->readings = all;
    memset(all + r->reading_count, 0, p->crop_count * sizeof *all);
    int rc =
        gate_reader_read(r->d->options.reader, p->crops, all + r->reading_count, p->crop_count, e);
    if (rc == E_UNSUPPORTED) {
        (void)pthread_mutex_lock(&r->d->lock);
        r->d->reader_gone = true;
        (void)pthread_mutex_unlock(&r->d->lock);
    }
    if (rc != E_OK) { // nobody reads: what is uncertain stays so
        err_clear(e);
        return 0;
    }
    r->reading_count += p->crop_count;
    if (r->look.len == 0 && p->look.len > 0) {
        buf_put_slice(&r->look, p->look);
    }
    return 1;
}

static bool has_reader(struct gate_delivery *d) {
    (void)pthread_mutex_lock(&d->lock);
    bool has = d->options.reader != NULL && !d->reader_gone;
    (void)pthread_mutex_unlock(&d->lock);
    return has;
}

static int pass(struct round *r, struct err *e) {
    int rc = E_OK;
    for (int i = 0; i < ROUNDS_MAX; i++) {
        bool want = i + 1 < ROUNDS_MAX && has_reader(r->d);
        rc = converse(r, want, e);
        if (rc != E_OK || !want || !r->passed.need_reading) {
            return rc;
        }
        rc = read_crops(r, e);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0) { // a last time, and written with what is known
            return converse(r, false, e);
        }
    }
    return rc;
}

// What later passages of the patient are searched for.
static void take_terms(struct round *r) {
    struct item *item = r->item;
    if (item->patient == NULL) {
        item->terms = hash_of(r->passed.terms);
    }
    r->passed.crops = slice_of(NULL, 0);
    r->passed.crop_count = 0;
    r->passed.look = slice_of(NULL, 0);
}

static void take_facts(struct item *item, const struct gate_passed *p) {
    item->passed = true;
    item->verdict = p->verdict;
    item->written = p->out_len > 0;
    item->origin = p->origin;
    memcpy(item->sop_instance, p->sop_instance, sizeof item->sop_instance);
    memcpy(item->study, p->study, sizeof item->study);
    memcpy(item->series, p->series, sizeof item->series);
    item->slice = p->slice;
    item->frames = p->frames;
    item->examined = p->examined;
    memcpy(item->pixel_digest, p->pixel_digest, sizeof item->pixel_digest);
}

// What a worker died of is the file's doing: held, with what is known of it.
static void hold(struct item *item, const struct err *why) {
    struct gate_passed p = {.verdict = GATE_HELD, .reason_count = 1, .why = *why};
    p.reasons[0] = GATE_REASON_CLEANING_FAILED;
    buf_clear(&item->answer);
    gate_passed_pack(&p, &item->answer);
    take_facts(item, &p);
}

void delivery_pass(struct gate_delivery *d, void *subject) {
    struct item *item = subject;
    struct err e = {0};
    CLEANUP(cleanup_round) struct round r = {.d = d, .item = item};
    arena_init(&r.arena, DELIVERY_ANSWER_MAX * 2);
    buf_init(&r.answer, DELIVERY_ANSWER_MAX);
    buf_init(&r.look, DELIVERY_REQUEST_MAX / 2);
    int rc = pass(&r, &e);
    item->failed = false;
    if (rc == E_OK) {
        bool first = item->patient == NULL;
        take_terms(&r);
        buf_clear(&item->answer);
        if (!first) {
            r.passed.terms = slice_of(NULL, 0);
        }
        gate_passed_pack(&r.passed, &item->answer);
        take_facts(item, &r.passed);
        rc = buf_check(&item->answer, "answers", &e);
    }
    if (rc != E_OK && is_ours(rc)) {
        item->failed = true;
        item->passed = false;
        item->why = e;
    } else if (rc != E_OK) {
        hold(item, &e);
    }
    (void)pthread_mutex_lock(&d->lock);
    d->done_items++;
    (void)pthread_mutex_unlock(&d->lock);
    if (d->options.door->passed != NULL) {
        d->options.door->passed(d->options.door->context, item->tag);
    }
}

void delivery_search(struct gate_delivery *d, void *subject) {
    struct item *item = subject;
    const struct gate_door *door = d->options.door;
    struct buf answer CLEANUP(cleanup_buf);
    CLEANUP(cleanup_fd) int written = -1;
    struct err e = {0};
    buf_init(&answer, 64);
    int rc = door->open_written(door->context, item->tag, &written, &e);
    rc = rc == E_OK ? delivery_run(d, GATE_JOB_SEARCH, buf_slice(&item->patient->terms), written,
                                   -1, &answer, &e)
                    : rc;
    item->again = rc != E_OK || answer.len != 1 || answer.data[0] != 0;
}
