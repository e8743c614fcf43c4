// SPDX-License-Identifier: Apache-2.0
// From judged boxes (pixels_judge.c has the table) to edits: boxes of one place of a loop become
// one edit over its frames, neighbours on a line become one rectangle, two pixels are added on each
// side, rules and a person's orders come in.
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "gate/pixels.h"
#include "gate/pixels_edits.h"
#include "gate/pixels_judge.h"
#include "gate/pixels_places.h"

#define PAD 2u
#define DENSE_PART 4u      // a place counts as standing when it was found in so many of its frames
#define JOIN_MAX 512u      // boxes of one frame that are tried with each other
#define SCREEN_GAP 4u      // heights between words of one line of a screen, else one
#define COVERED_PERCENT 70 // of a box under a person's order: the person has seen it

struct mark { // a box on its way to an edit
    struct gate_rect r;
    uint32_t first, last; // frames
    enum gate_judgement judged;
    uint8_t shape, traits;
    bool joined; // into another one
};

struct decider {
    struct gate_context *c;
    const struct gate_look *look;
    const struct gate_edit *orders;
    uint32_t order_count;
    struct mark *marks; // owned
    uint32_t mark_count;
    struct gate_edit *edits; // in the arena
    uint32_t count, cap;
    bool failed;
};

static void decider_done(struct decider *d) { mem_free(d->marks); }

// --- judging ---

static const struct gate_reading *reading_of(const struct gate_box *b,
                                             const struct gate_reading *readings, uint32_t count) {
    return readings != NULL && b->crop < count ? &readings[b->crop] : NULL;
}

static void judge_all(struct decider *d, const struct gate_reading *readings, uint32_t count) {
    const struct gate_look *look = d->look;
    for (uint32_t i = 0; i < look->boxes.count; i++) {
        const struct gate_box *b = &look->boxes.list[i];
        uint8_t traits = look->traits == NULL ? 0 : look->traits[i];
        d->marks[i] =
            (struct mark){.r = gate_rect_of_box(b),
                          .first = b->frame,
                          .last = b->frame,
                          .shape = b->shape,
                          .traits = traits,
                          .judged = gate_box_judge(look, b, traits, reading_of(b, readings, count),
                                                   d->c->subject)};
    }
    d->mark_count = look->boxes.count;
}

// An island of a margin that holds a marker which may stay is that marker.
static void spare_markers(struct decider *d) {
    for (uint32_t i = 0; i < d->mark_count; i++) {
        struct mark *island = &d->marks[i];
        uint64_t kept = 0;
        uint64_t black = 0;
        if ((island->traits & GATE_TRAIT_MARGIN) == 0 || island->judged == GATE_JUDGED_KEEP) {
            continue;
        }
        for (uint32_t j = i; j-- > 0 && d->marks[j].first == island->first;) {
            uint64_t shared = gate_rect_shared(&island->r, &d->marks[j].r);
            bool marker = (d->marks[j].traits & GATE_TRAIT_MARGIN) == 0;
            kept += marker && d->marks[j].judged == GATE_JUDGED_KEEP ? shared : 0;
            black += marker && d->marks[j].judged != GATE_JUDGED_KEEP ? shared : 0;
        }
        if (black == 0 && kept * 100 >= gate_rect_area(&island->r) * 30) {
            island->judged = GATE_JUDGED_KEEP;
        }
    }
}

// --- loops ---

// One mark for all of a place where it stood, in place of its boxes: the first box of the place
// takes the others in.
static int join_frames(struct decider *d, enum gate_judgement judged, struct err *e) {
    CLEANUP(gate_places_done) struct gate_places places = {0};
    uint32_t *first = mem_array(d->mark_count + 1u, sizeof *first); // mark of each place
    uint32_t *place_of = mem_array(d->mark_count + 1u, sizeof *place_of);
    int code = first == NULL || place_of == NULL ? err_set(e, E_MEMORY, "boxes") : E_OK;
    for (uint32_t i = 0; code == E_OK && i < d->mark_count; i++) {
        struct gate_box b = d->look->boxes.list[i];
        if (d->marks[i].judged != judged) {
            continue;
        }
        uint32_t before = places.count;
        struct gate_place *p = gate_place_of(&places, &b);
        uint32_t at = p == NULL ? UINT32_MAX : (uint32_t)(p - places.list);
        if (at != UINT32_MAX && places.count > before) {
            first[at] = i;
        }
        place_of[i] = at;
    }
    for (uint32_t i = 0; code == E_OK && i < d->mark_count; i++) {
        struct mark *m = &d->marks[i];
        if (m->judged != judged || place_of[i] == UINT32_MAX) {
            continue;
        }
        const struct gate_place *p = &places.list[place_of[i]];
        struct mark *one = &d->marks[first[place_of[i]]];
        bool stands = (uint64_t)p->boxes * DENSE_PART >= p->last - p->first + 1ull;
        if (stands && p->last > p->first) {
            one->r = gate_rect_join(&one->r, &m->r);
            one->first = p->first;
            one->last = p->last;
            m->joined = one != m;
        }
    }
    mem_free(first);
    mem_free(place_of);
    return code;
}

// --- lines ---

static bool on_one_line(const struct gate_rect *a, const struct gate_rect *b, uint32_t gap) {
    uint32_t low = a->y > b->y ? a->y : b->y;
    uint32_t high = a->y + a->height < b->y + b->height ? a->y + a->height : b->y + b->height;
    uint32_t smaller = a->height < b->height ? a->height : b->height;
    uint32_t larger = a->height < b->height ? b->height : a->height;
    const struct gate_rect *left = a->x <= b->x ? a : b;
    const struct gate_rect *right = a->x <= b->x ? b : a;
    return high > low && (high - low) * 5 >= smaller * 3 && larger <= smaller * 2 &&
           right->x <= left->x + left->width + gap * smaller;
}

static uint32_t frame_of(const struct decider *d, uint32_t mark) {
    return d->look->boxes.list[mark].frame;
}

// Whether something of the same frame that stays lies in `r`. Boxes of a frame lie together.
static bool covers_kept(const struct decider *d, const struct gate_rect *r, uint32_t of) {
    uint32_t first = of;
    while (first > 0 && frame_of(d, first - 1) == frame_of(d, of)) {
        first--;
    }
    for (uint32_t i = first; i < d->mark_count && frame_of(d, i) == frame_of(d, of); i++) {
        if (d->marks[i].judged == GATE_JUDGED_KEEP && gate_rect_shared(r, &d->marks[i].r) > 0) {
            return true;
        }
    }
    return false;
}

static bool can_join(const struct decider *d, uint32_t one, uint32_t other,
                     struct gate_rect *ret_both) {
    const struct mark *a = &d->marks[one];
    const struct mark *b = &d->marks[other];
    uint32_t gap = d->look->matter == GATE_MATTER_SCREEN ? SCREEN_GAP : 1;
    if (b->joined || b->judged != a->judged || b->shape == GATE_SHAPE_CODE ||
        b->first != a->first || b->last != a->last || !on_one_line(&a->r, &b->r, gap)) {
        return false;
    }
    *ret_both = gate_rect_join(&a->r, &b->r);
    return !covers_kept(d, ret_both, one);
}

static void join_lines(struct decider *d) {
    for (uint32_t i = 0; i < d->mark_count; i++) {
        struct mark *a = &d->marks[i];
        if (a->joined || a->judged == GATE_JUDGED_KEEP || a->shape == GATE_SHAPE_CODE) {
            continue;
        }
        uint32_t end = i + JOIN_MAX < d->mark_count ? i + JOIN_MAX : d->mark_count;
        for (uint32_t j = i + 1; j < end && frame_of(d, j) == frame_of(d, i); j++) {
            struct gate_rect both;
            if (can_join(d, i, j, &both)) {
                a->r = both;
                d->marks[j].joined = true;
                j = i; // the longer line may reach others
            }
        }
    }
}

// --- edits ---

static void add(struct decider *d, const struct gate_edit *edit) {
    if (d->count == d->cap) {
        uint32_t cap = d->cap == 0 ? 64 : d->cap * 2;
        struct gate_edit *edits = arena_array(d->c->arena, cap, sizeof *edits);
        if (edits == NULL) {
            d->failed = true;
            return;
        }
        if (d->count > 0) {
            memcpy(edits, d->edits, d->count * sizeof *edits);
        }
        d->edits = edits;
        d->cap = cap;
    }
    d->edits[d->count++] = *edit;
}

static void add_rect(struct decider *d, uint8_t kind, const struct gate_rect *r, uint32_t frame) {
    const struct gate_edit edit = {.kind = kind,
                                   .x = (uint16_t)r->x,
                                   .y = (uint16_t)r->y,
                                   .width = (uint16_t)r->width,
                                   .height = (uint16_t)r->height,
                                   .frame = frame};
    add(d, &edit);
}

static bool holds_in(const struct gate_edit *order, uint32_t frame) {
    return order->frame == GATE_ALL_FRAMES || frame == GATE_ALL_FRAMES || order->frame == frame;
}

// Without what a person keeps, from order `from` on.
static void add_cut(struct decider *d, const struct gate_rect *r, uint32_t frame, uint32_t from) {
    struct {
        struct gate_rect r;
        uint32_t from;
    } left[256] = {{*r, from}};
    unsigned count = 1;
    while (count > 0) {
        struct gate_rect now = left[--count].r;
        uint32_t i = left[count].from;
        struct gate_rect kept = {0, 0, 0, 0};
        for (; i < d->order_count; i++) {
            kept = gate_rect_of_edit(&d->orders[i]);
            if (d->orders[i].kind == GATE_EDIT_KEEP && holds_in(&d->orders[i], frame) &&
                gate_rect_shared(&now, &kept) > 0) {
                break;
            }
        }
        if (i == d->order_count || count + 4 > sizeof left / sizeof left[0]) {
            add_rect(d, GATE_EDIT_BLACK, &now, frame);
            continue;
        }
        struct gate_rect parts[4];
        unsigned made = gate_rect_cut(&now, &kept, parts);
        for (unsigned k = 0; k < made; k++) {
            left[count].r = parts[k];
            left[count++].from = i + 1;
        }
    }
}

static bool one_frame_order(const struct decider *d, const struct gate_rect *r) {
    for (uint32_t i = 0; i < d->order_count; i++) {
        struct gate_rect kept = gate_rect_of_edit(&d->orders[i]);
        if (d->orders[i].kind == GATE_EDIT_KEEP && d->orders[i].frame != GATE_ALL_FRAMES &&
            gate_rect_shared(r, &kept) > 0) {
            return true;
        }
    }
    return false;
}

static void black(struct decider *d, const struct gate_rect *r, uint32_t first, uint32_t last) {
    bool all = first == 0 && last + 1 == d->look->image->frames;
    if (all && (first == last || !one_frame_order(d, r))) {
        add_cut(d, r, GATE_ALL_FRAMES, 0);
        return;
    }
    for (uint32_t frame = first; frame <= last && !d->failed; frame++) {
        add_cut(d, r, frame, 0);
    }
}

static void keep(struct decider *d, const struct mark *m) {
    add_rect(d, GATE_EDIT_KEEP, &m->r, m->first == m->last ? m->first : GATE_ALL_FRAMES);
}

// --- orders ---

static bool seen_by_person(const struct decider *d, const struct mark *m) {
    for (uint32_t i = 0; i < d->order_count; i++) {
        struct gate_rect r = gate_rect_of_edit(&d->orders[i]);
        bool frames = d->orders[i].frame == GATE_ALL_FRAMES ||
                      (m->first == m->last && d->orders[i].frame == m->first);
        if (d->orders[i].kind != GATE_EDIT_MASK && frames &&
            gate_rect_shared(&m->r, &r) * 100 >= gate_rect_area(&m->r) * COVERED_PERCENT) {
            return true;
        }
    }
    return false;
}

static void add_orders(struct decider *d) {
    for (uint32_t i = 0; i < d->order_count; i++) {
        add(d, &d->orders[i]);
    }
}

// --- notes ---

static enum gate_kind kind_of(const struct mark *m) {
    return m->shape == GATE_SHAPE_CODE            ? GATE_KIND_PIXEL_CODE
           : (m->traits & GATE_TRAIT_MARGIN) != 0 ? GATE_KIND_PIXEL_MARGIN
                                                  : GATE_KIND_PIXEL_TEXT;
}

static void say(struct gate_notes *n, enum gate_kind kind, enum gate_done done, uint32_t first,
                uint32_t last, const struct gate_rect *r) {
    if (first == last) {
        gate_notes_add(n, kind, done, "frame %u at %u,%u %ux%u", first + 1, r->x, r->y, r->width,
                       r->height);
    } else {
        gate_notes_add(n, kind, done, "frames %u to %u at %u,%u %ux%u", first + 1, last + 1, r->x,
                       r->y, r->width, r->height);
    }
}

// --- all of it ---

static void settle(struct decider *d, const struct mark *m) {
    const struct px_image *im = d->look->image;
    struct gate_notes *notes = &d->c->notes;
    if (m->judged == GATE_JUDGED_KEEP) {
        keep(d, m);
        say(notes, kind_of(m), GATE_DONE_KEPT, m->first, m->last, &m->r);
        return;
    }
    struct gate_rect r = gate_rect_grow(&m->r, PAD, im->columns, im->rows);
    bool open = m->judged == GATE_JUDGED_OPEN && !seen_by_person(d, m);
    black(d, &r, m->first, m->last);
    say(notes, kind_of(m), open ? GATE_DONE_LEFT : GATE_DONE_BLACKED, m->first, m->last, &r);
    if (open) {
        gate_object(d->c, GATE_HELD, GATE_REASON_TEXT_UNSURE);
    }
}

static void add_rules(struct decider *d) {
    uint32_t last = d->look->image->frames - 1;
    for (uint32_t i = 0; i < d->look->rule_count; i++) {
        struct gate_rect r = gate_rect_of_edit(&d->look->rules[i]);
        black(d, &r, 0, last);
        say(&d->c->notes, GATE_KIND_PIXEL_MARGIN, GATE_DONE_BLACKED, 0, last, &r);
    }
}

static int decide(struct decider *d, const struct gate_reading *readings, uint32_t count,
                  struct err *e) {
    judge_all(d, readings, count);
    spare_markers(d);
    int code = E_OK;
    if (d->look->image->frames > 1) {
        static const enum gate_judgement each[] = {GATE_JUDGED_BLACK, GATE_JUDGED_KEEP,
                                                   GATE_JUDGED_OPEN};
        for (size_t i = 0; code == E_OK && i < sizeof each / sizeof each[0]; i++) {
            code = join_frames(d, each[i], e);
        }
    }
    if (code != E_OK) {
        return code;
    }
    join_lines(d);
    for (uint32_t i = 0; i < d->mark_count; i++) {
        if (!d->marks[i].joined) {
            settle(d, &d->marks[i]);
        }
    }
    add_rules(d);
    add_orders(d);
    return d->failed ? err_set(e, E_MEMORY, "%u boxes", d->mark_count) : E_OK;
}

int gate_pixels_decide(struct gate_context *c, const struct gate_look *look,
                       const struct gate_reading *readings, uint32_t reading_count,
                       const struct gate_edit *orders, uint32_t order_count,
                       struct gate_edit **ret_edits, uint32_t *ret_edit_count,
                       bool *ret_need_reading, struct err *e) {
    CLEANUP(decider_done)
    struct decider d = {.c = c, .look = look, .orders = orders, .order_count = order_count};
    d.marks = mem_array(look->boxes.count + 1u, sizeof *d.marks);
    if (d.marks == NULL) {
        return err_set(e, E_MEMORY, "%u boxes", look->boxes.count);
    }
    int code = decide(&d, readings, reading_count, e);
    if (code != E_OK) {
        return code;
    }
    if (look->examined) {
        c->methods |= GATE_METHOD_PIXELS;
    }
    *ret_edits = d.edits;
    *ret_edit_count = d.count;
    *ret_need_reading = readings == NULL && look->crop_count > 0;
    return E_OK;
}
