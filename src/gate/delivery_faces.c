// SPDX-License-Identifier: Apache-2.0
// Series that could be rendered to a face (PS3.15 E.3.2): slices are put together by where they say
// they lie, whatever file they came in; the volume is judged in a worker; what is to go from each
// slice becomes an order of its second passage. MR heads, and what is not safe, are held.
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "gate/delivery_priv.h"
#include "gate/instance_wire_jobs.h"

#define SLICES_LEAST 8u     // fewer show no face
#define SAME_PLACE_MM 0.05  // slices nearer than that are one place twice
#define SAME_DIRECTION 1e-3 // of unit vectors
#define SPACING_DEFAULT 1.0
#define UPRIGHT_LEAST 0.3 // cosine of the tilt of a stack that is one

struct stack {
    struct item **items; // sorted by place
    uint32_t count;
    double *places; // mm along the normal
    double normal[3];
    bool person; // consent, or only key images: a person has answered for it
};

static void cross(const double a[3], const double b[3], double out[3]) {
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

static double dot(const double a[3], const double b[3]) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static bool is_candidate(const struct item *item) {
    const struct gate_slice *s = &item->slice;
    return item->passed && item->verdict != GATE_REFUSED && s->is_slice &&
           (s->is_ct || s->is_mr || s->is_pet);
}

static bool same_direction(const double a[3], const double b[3]) {
    return fabs(a[0] - b[0]) < SAME_DIRECTION && fabs(a[1] - b[1]) < SAME_DIRECTION &&
           fabs(a[2] - b[2]) < SAME_DIRECTION;
}

static bool belongs(const struct item *a, const struct item *b) {
    return strcmp(a->series, b->series) == 0 && a->slice.rows == b->slice.rows &&
           a->slice.columns == b->slice.columns && a->slice.is_ct == b->slice.is_ct &&
           a->slice.frames == b->slice.frames && same_direction(a->slice.row, b->slice.row) &&
           same_direction(a->slice.column, b->slice.column);
}

static int compare_series(const void *a, const void *b) {
    const struct item *const *x = a;
    const struct item *const *y = b;
    int order = strcmp((*x)->series, (*y)->series);
    return order != 0 ? order : strcmp((*x)->sop_instance, (*y)->sop_instance);
}

struct placed {
    struct item *item;
    double place;
};

static int compare_places(const void *a, const void *b) {
    const struct placed *x = a;
    const struct placed *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

static int sort_stack(struct stack *s, struct err *e) {
    struct placed *placed = mem_array(s->count, sizeof *placed);
    s->places = mem_array(s->count, sizeof *s->places);
    if (placed == NULL || s->places == NULL) {
        mem_free(placed);
        return err_set(e, E_MEMORY, "slices");
    }
    cross(s->items[0]->slice.row, s->items[0]->slice.column, s->normal);
    for (uint32_t i = 0; i < s->count; i++) {
        placed[i] = (struct placed){s->items[i], dot(s->items[i]->slice.position, s->normal)};
    }
    qsort(placed, s->count, sizeof *placed, compare_places);
    for (uint32_t i = 0; i < s->count; i++) {
        s->items[i] = placed[i].item;
        s->places[i] = placed[i].place;
    }
    mem_free(placed);
    return E_OK;
}

static bool is_new_place(const struct stack *s, uint32_t i) {
    return i == 0 || s->places[i] - s->places[i - 1] > SAME_PLACE_MM;
}

static int compare_doubles(const void *a, const void *b) {
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

// Median distance of neighbours: a gap or a repeated stretch does not change it.
static double spacing_of(const struct stack *s) {
    double *steps = mem_array(s->count, sizeof *steps);
    uint32_t n = 0;
    for (uint32_t i = 1; steps != NULL && i < s->count; i++) {
        if (is_new_place(s, i)) {
            steps[n++] = s->places[i] - s->places[i - 1];
        }
    }
    double thickness = s->items[0]->slice.thickness;
    double spacing = thickness > 0 ? thickness : SPACING_DEFAULT;
    if (n > 0) {
        qsort(steps, n, sizeof *steps, compare_doubles);
        spacing = steps[n / 2];
    }
    mem_free(steps);
    return spacing;
}

// The way from slice to slice, which a tilted gantry makes oblique to the planes, and its length.
static void find_way(const struct stack *s, struct gate_volume *v) {
    const struct gate_slice *first = &s->items[0]->slice;
    const struct gate_slice *last = &s->items[s->count - 1]->slice;
    double way[3], len = 0;
    bool frames = s->count == 1 && first->frames > 1;
    for (int i = 0; i < 3; i++) {
        way[i] = frames ? first->step[i] : last->position[i] - first->position[i];
        len += way[i] * way[i];
    }
    len = sqrt(len);
    double upright = len > 0 ? fabs(dot(way, s->normal)) / len : 0;
    v->spacing[2] = spacing_of(s);
    memcpy(v->axes[2], s->normal, sizeof v->axes[2]);
    if (upright < UPRIGHT_LEAST) {
        return;
    }
    v->spacing[2] = frames ? len : v->spacing[2] / upright;
    for (int i = 0; i < 3; i++) {
        v->axes[2][i] = way[i] / len;
    }
}

static void describe(const struct stack *s, uint32_t places, struct gate_volume *v) {
    const struct gate_slice *first = &s->items[0]->slice;
    *v = (struct gate_volume){.columns = first->columns,
                              .rows = first->rows,
                              .slices = places,
                              .spacing = {first->spacing[1], first->spacing[0], 0},
                              .is_ct = first->is_ct};
    memcpy(v->axes[0], first->row, sizeof v->axes[0]);
    memcpy(v->axes[1], first->column, sizeof v->axes[1]);
    find_way(s, v);
    for (uint32_t i = 0; i < s->count; i++) {
        v->head_words |= s->items[i]->slice.head_words;
    }
}

// --- samples and judgement in workers

static int add_slice(struct gate_delivery *d, const struct item *item, uint64_t offset, int volume,
                     struct err *e) {
    const struct gate_door *door = d->options.door;
    struct buf request CLEANUP(cleanup_buf);
    struct buf answer CLEANUP(cleanup_buf);
    CLEANUP(cleanup_fd) int in = -1;
    buf_init(&request, 256);
    buf_init(&answer, 256);
    struct gate_slice_request r = {.offset = offset,
                                   .frame = GATE_ALL_FRAMES,
                                   .frames = item->frames,
                                   .rows = item->slice.rows,
                                   .columns = item->slice.columns,
                                   .is_ct = item->slice.is_ct};
    gate_slice_request_pack(&r, &request);
    int rc = door->open_in(door->context, item->tag, &in, e);
    return rc == E_OK ? delivery_run(d, GATE_JOB_SLICE, buf_slice(&request), in, volume, &answer, e)
                      : rc;
}

static int fill(struct gate_delivery *d, const struct stack *s, uint64_t slice_bytes, int volume,
                struct err *e) {
    uint64_t offset = 0;
    int rc = E_OK;
    for (uint32_t i = 0; i < s->count && rc == E_OK; i++) {
        if (is_new_place(s, i)) {
            rc = add_slice(d, s->items[i], offset, volume, e);
            offset += slice_bytes * s->items[i]->frames;
        }
    }
    return rc;
}

// The scratch file again, open for reading only.
static int reopen(int fd, struct err *e) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_RDONLY | O_CLOEXEC);
    return again >= 0 ? again : err_set_errno(e, errno, "a scratch file");
}

static int judge(struct gate_delivery *d, const struct stack *s, uint32_t places,
                 struct buf *answer, struct err *e) {
    struct gate_face_request r = {.want_mask = d->options.profile->deface && !s->person};
    struct buf request CLEANUP(cleanup_buf);
    CLEANUP(cleanup_fd) int volume = -1;
    CLEANUP(cleanup_fd) int again = -1;
    struct gate_key seed;
    describe(s, places, &r.volume);
    // The same series under the same key is filled with the same noise.
    gate_key_derive(d->key, s->items[0]->series, &seed);
    memcpy(&r.seed, seed.bytes, sizeof r.seed);
    buf_init(&request, 1024);
    gate_face_request_pack(&r, &request);
    int rc = d->options.scratch(d->options.door->context, &volume, e);
    rc = rc == E_OK ? fill(d, s, (uint64_t)r.volume.columns * r.volume.rows * 2, volume, e) : rc;
    if (rc == E_OK) {
        again = reopen(volume, e);
        rc = again < 0 ? e->code : E_OK;
    }
    return rc == E_OK ? delivery_run(d, GATE_JOB_FACE, buf_slice(&request), again, -1, answer, e)
                      : rc;
}

// --- what follows

static void object_all(const struct stack *s, enum gate_reason reason) {
    for (uint32_t i = 0; i < s->count; i++) {
        delivery_object(s->items[i], reason);
    }
}

static bool order_mask(struct item *item, const struct slice *masks, struct err *e) {
    item->masks = mem_array(item->frames, sizeof *item->masks);
    if (item->masks == NULL) {
        (void)err_set(e, E_MEMORY, "masks");
        return false;
    }
    size_t *starts = mem_array(item->frames, sizeof *starts);
    for (uint32_t f = 0; starts != NULL && f < item->frames; f++) {
        starts[f] = item->mask_bytes.len;
        buf_put_slice(&item->mask_bytes, masks[f]);
    }
    bool fine = starts != NULL && !item->mask_bytes.failed;
    for (uint32_t f = 0; fine && f < item->frames; f++) {
        item->masks[f] =
            (struct gate_edit){.kind = GATE_EDIT_MASK,
                               .width = item->slice.columns,
                               .height = item->slice.rows,
                               .frame = f,
                               .mask = slice_of(item->mask_bytes.data + starts[f], masks[f].len)};
    }
    mem_free(starts);
    item->mask_count = fine ? item->frames : 0;
    item->defaced = fine;
    item->again = fine;
    return fine;
}

static bool order_masks(const struct stack *s, const struct gate_face_answer *f, struct err *e) {
    uint32_t place = 0;
    bool fine = true;
    for (uint32_t i = 0; i < s->count && fine; i++) {
        place += i > 0 && is_new_place(s, i) ? s->items[i - 1]->frames : 0;
        fine = order_mask(s->items[i], f->slices + place, e);
    }
    return fine;
}

// A face that stays is held; one that is removed is for a person to look at.
static int act(const struct stack *s, const struct gate_face_answer *f, struct err *e) {
    if (f->finding == GATE_FACE_NONE || s->person) {
        return E_OK;
    }
    if (!f->has_mask) {
        object_all(s, GATE_REASON_FACE);
        return E_OK;
    }
    if (!order_masks(s, f, e)) {
        return e->code;
    }
    object_all(s, f->safe ? GATE_REASON_FACE_REMOVED : GATE_REASON_FACE_UNSURE);
    return E_OK;
}

static uint32_t count_places(const struct stack *s) {
    uint32_t places = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        places += is_new_place(s, i) ? s->items[i]->frames : 0;
    }
    return places;
}

static bool looks_like_head(const struct stack *s) {
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->items[i]->slice.head_shape || s->items[i]->slice.head_words) {
            return true;
        }
    }
    return false;
}

static int try_stack(struct gate_delivery *d, struct stack *s, bool *ret_face, struct err *e) {
    const struct gate_door *door = d->options.door;
    struct buf answer CLEANUP(cleanup_buf) = {0};
    struct gate_face_answer f;
    struct arena a;
    uint32_t earlier =
        door->earlier == NULL ? 0 : door->earlier(door->context, s->items[0]->series);
    int rc = sort_stack(s, e);
    uint32_t places = rc == E_OK ? count_places(s) : 0;
    if (rc != E_OK || !looks_like_head(s) || (uint64_t)places + earlier < SLICES_LEAST) {
        return rc;
    }
    if (places < SLICES_LEAST || places > GATE_VOLUME_SLICES_MAX) {
        // Part of a volume of which the rest is elsewhere, or more than is looked at here.
        *ret_face = true;
        if (!s->person) {
            object_all(s, GATE_REASON_FACE);
        }
        return E_OK;
    }
    arena_init(&a, DELIVERY_ANSWER_MAX);
    buf_init(&answer, DELIVERY_ANSWER_MAX);
    rc = judge(d, s, places, &answer, e);
    rc = rc == E_OK ? gate_face_answer_unpack(&a, buf_slice(&answer), places, &f, e) : rc;
    if (rc == E_OK) {
        *ret_face = f.finding != GATE_FACE_NONE;
        rc = act(s, &f, e);
    } else if (rc != E_MEMORY || e->code != E_MEMORY) { // nobody could judge it: a person must
        *ret_face = true;
        object_all(s, GATE_REASON_FACE);
        err_clear(e);
        rc = E_OK;
    }
    arena_done(&a);
    return rc;
}

// Pictures of a surface made at the console, in a study with a face or named for a head.
static void hold_renderings(struct gate_delivery *d, const char *study) {
    for (uint32_t i = 0; i < d->count; i++) {
        struct item *item = d->items[i];
        if (item->passed && item->slice.is_rendering && !item->orders.consent &&
            strcmp(item->study, study) == 0) {
            delivery_object(item, GATE_REASON_RENDERING);
        }
    }
}

static bool all_answered(const struct stack *s) {
    uint32_t keys = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct gate_orders *o = &s->items[i]->orders;
        if (!o->consent && !o->key_images_only) {
            return false;
        }
        keys += o->key_images_only && !o->consent;
    }
    return keys < SLICES_LEAST; // so many key images are a volume again
}

// The stacks of one series: [from, end) of the sorted items.
static int try_series(struct gate_delivery *d, struct item **items, uint32_t count, struct err *e) {
    struct item **left = mem_array(count, sizeof(struct item *));
    struct item **mine = mem_array(count, sizeof(struct item *));
    bool face = false;
    int rc = left == NULL || mine == NULL ? err_set(e, E_MEMORY, "slices") : E_OK;
    uint32_t n = count;
    if (rc == E_OK) {
        memcpy(left, items, count * sizeof(struct item *));
    }
    while (rc == E_OK && n > 0) {
        struct stack s = {.items = mine};
        uint32_t rest = 0;
        struct item *first = left[0];
        for (uint32_t i = 0; i < n; i++) {
            if (belongs(first, left[i])) {
                mine[s.count++] = left[i];
            } else {
                left[rest++] = left[i];
            }
        }
        n = rest;
        s.person = all_answered(&s);
        rc = try_stack(d, &s, &face, e);
        mem_free(s.places);
    }
    if (rc == E_OK && face) {
        hold_renderings(d, items[0]->study);
    }
    mem_free(left);
    mem_free(mine);
    return rc;
}

static void hold_named_renderings(struct gate_delivery *d) {
    for (uint32_t i = 0; i < d->count; i++) {
        struct item *item = d->items[i];
        if (item->passed && item->slice.is_rendering && item->slice.head_words &&
            !item->orders.consent) {
            delivery_object(item, GATE_REASON_RENDERING);
        }
    }
}

int delivery_faces(struct gate_delivery *d, struct err *e) {
    struct item **items = mem_array(d->count + 1, sizeof(struct item *));
    uint32_t n = 0;
    int rc = items == NULL ? err_set(e, E_MEMORY, "slices") : E_OK;
    for (uint32_t i = 0; rc == E_OK && i < d->count; i++) {
        if (is_candidate(d->items[i])) {
            items[n++] = d->items[i];
        }
    }
    if (n > 0) {
        qsort(items, n, sizeof(struct item *), compare_series);
    }
    for (uint32_t from = 0, end; rc == E_OK && from < n; from = end) {
        for (end = from + 1; end < n && strcmp(items[from]->series, items[end]->series) == 0;) {
            end++;
        }
        rc = try_series(d, items + from, end - from, e);
    }
    if (rc == E_OK) {
        hold_named_renderings(d);
    }
    mem_free(items);
    return rc;
}
