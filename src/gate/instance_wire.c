// SPDX-License-Identifier: Apache-2.0
// Requests and answers of GATE_JOB_PASS as bytes. A request is ours; an answer comes from a process
// that read hostile bytes: every number, text and count in it is checked before it is believed.
#include <string.h>

#include <sodium.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "gate/instance.h"
#include "gate/instance_priv.h"
#include "gate/wire.h"

#define EDIT_LEAST 21   // bytes of a record, at least
#define LINE_LEAST 10   // of a finding
#define READING_LEAST 9 // of a reading
#define RISK_WORDS_MAX 256
#define GATE_READINGS_ALL_MAX 65536u // of all looks at one instance

void gate_wire_wipe(struct buf *b) {
    if (b->data != NULL) {
        sodium_memzero(b->data, b->cap);
    }
}

// --- parts of both -----------------------------------------------------------------------------

void gate_wire_put_edits(struct buf *out, const struct gate_edit *edits, uint32_t count) {
    wire_put_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct gate_edit *d = &edits[i];
        wire_put_u8(out, d->kind);
        wire_put_u16(out, d->x);
        wire_put_u16(out, d->y);
        wire_put_u16(out, d->width);
        wire_put_u16(out, d->height);
        wire_put_u32(out, d->frame);
        wire_put_slice(out, d->mask);
    }
}

struct gate_edit *gate_wire_take_edits(struct arena *a, struct wire *w, uint32_t *ret_count) {
    uint32_t count = wire_count(w, EDIT_LEAST);
    struct gate_edit *edits = arena_array(a, count == 0 ? 1 : count, sizeof *edits);
    w->bad |= edits == NULL;
    for (uint32_t i = 0; i < count && !w->bad; i++) {
        edits[i].kind = wire_u8(w);
        edits[i].x = wire_u16(w);
        edits[i].y = wire_u16(w);
        edits[i].width = wire_u16(w);
        edits[i].height = wire_u16(w);
        edits[i].frame = wire_u32(w);
        edits[i].mask = wire_slice(w);
        w->bad |= edits[i].kind > GATE_EDIT_MASK;
    }
    *ret_count = w->bad ? 0 : count;
    return edits;
}

static void put_terms_of(struct buf *out, const struct gate_pass *p) {
    wire_put_slice(out, p->name);
    wire_put_slice(out, p->terms);
    wire_put_u8(out, p->has_day_zero);
    wire_put_u32(out, (uint32_t)p->day_zero);
}

// --- the request

void gate_pass_pack(const struct gate_pass *p, struct buf *out) {
    wire_put_aligned(out, p->profile);
    wire_put(out, p->key->bytes, sizeof p->key->bytes);
    put_terms_of(out, p);
    uint8_t flags[] = {p->want_crops,         p->defaced,         p->key_images_only, p->consent,
                       p->released_by_person, p->readings != NULL};
    for (size_t i = 0; i < sizeof flags; i++) {
        wire_put_u8(out, flags[i] != 0);
    }
    wire_put_u32(out, p->reading_count);
    for (uint32_t i = 0; i < p->reading_count; i++) {
        wire_put_text(out, p->readings[i].text);
        wire_put_u8(out, p->readings[i].confidence);
    }
    gate_wire_put_edits(out, p->orders, p->order_count);
    wire_put_slice(out, p->look);
}

static struct gate_reading *take_readings(struct arena *a, struct wire *w, uint32_t *ret_count) {
    uint32_t count = wire_count(w, READING_LEAST);
    struct gate_reading *readings = arena_array(a, count == 0 ? 1 : count, sizeof *readings);
    w->bad |= readings == NULL;
    for (uint32_t i = 0; i < count && !w->bad; i++) {
        struct slice text = wire_slice(w);
        w->bad |= text.len >= sizeof readings[i].text;
        if (!w->bad && text.len > 0) {
            memcpy(readings[i].text, text.ptr, text.len);
        }
        readings[i].confidence = wire_u8(w);
    }
    *ret_count = w->bad ? 0 : count;
    return readings;
}

int gate_pass_unpack(struct arena *a, struct slice bytes, struct gate_pass *ret_pass,
                     struct err *e) {
    struct wire w = {.rest = bytes};
    struct gate_pass p = {0};
    struct gate_key *key = arena_new(a, struct gate_key);
    if (key == NULL) {
        return err_set(e, E_MEMORY, "request of a passage");
    }
    p.profile = wire_aligned(&w, bytes.ptr);
    wire_take(&w, key->bytes, sizeof key->bytes);
    p.key = key;
    p.name = wire_slice(&w);
    p.terms = wire_slice(&w);
    p.has_day_zero = wire_bool(&w);
    p.day_zero = (int32_t)wire_u32(&w);
    p.want_crops = wire_bool(&w);
    p.defaced = wire_bool(&w);
    p.key_images_only = wire_bool(&w);
    p.consent = wire_bool(&w);
    p.released_by_person = wire_bool(&w);
    bool read = wire_bool(&w);
    struct gate_reading *readings = take_readings(a, &w, &p.reading_count);
    p.readings = read ? readings : NULL;
    p.orders = gate_wire_take_edits(a, &w, &p.order_count);
    p.look = wire_slice(&w);
    if (w.bad || w.rest.len > 0) {
        return err_set(e, E_INTERNAL, "request of a passage");
    }
    *ret_pass = p;
    return E_OK;
}

// --- the answer ----------------------------------------------------------------------------------

static void put_err(struct buf *out, const struct err *why) {
    wire_put_u32(out, (uint32_t)why->code);
    wire_put_u8(out, why->has_offset);
    wire_put_u64(out, why->offset);
    wire_put_text(out, why->path);
    wire_put_text(out, why->text);
}

// Sentences of ours quote no value, but may hold what is not ASCII: it is shown as '?'.
static void take_sentence(struct wire *w, char *out, size_t size) {
    struct slice text = slice_first(wire_slice(w), size - 1);
    for (size_t i = 0; i < text.len; i++) {
        out[i] = text.ptr[i] < 0x20 || text.ptr[i] > 0x7E ? '?' : (char)text.ptr[i];
    }
    out[text.len] = '\0';
}

static void take_err(struct wire *w, struct err *why) {
    int32_t code = (int32_t)wire_u32(w);
    why->code = code;
    why->has_offset = wire_bool(w);
    why->offset = wire_u64(w);
    take_sentence(w, why->path, sizeof why->path);
    take_sentence(w, why->text, sizeof why->text);
    w->bad |= code > 0 || code < -(int32_t)ERR_INDEX_COUNT;
}

static void put_lines(struct buf *out, const struct gate_passed *p) {
    wire_put_u32(out, p->line_count);
    for (uint32_t i = 0; i < p->line_count; i++) {
        wire_put_u8(out, (uint8_t)p->lines[i].kind);
        wire_put_u8(out, (uint8_t)p->lines[i].done);
        wire_put_text(out, p->lines[i].where);
    }
    wire_put_u64(out, p->lines_dropped);
}

static void take_lines(struct arena *a, struct wire *w, struct gate_passed *p) {
    uint32_t count = wire_count(w, LINE_LEAST);
    w->bad |= count > GATE_NOTES_MAX;
    struct gate_line *lines = w->bad ? NULL : arena_array(a, count == 0 ? 1 : count, sizeof *lines);
    w->bad |= lines == NULL;
    for (uint32_t i = 0; i < count && !w->bad; i++) {
        uint8_t kind = wire_u8(w);
        uint8_t done = wire_u8(w);
        w->bad |= kind >= GATE_KIND_COUNT || done > GATE_DONE_LEFT;
        lines[i].kind = (enum gate_kind)kind;
        lines[i].done = (enum gate_done)done;
        take_sentence(w, lines[i].where, sizeof lines[i].where);
    }
    p->lines = lines;
    p->line_count = w->bad ? 0 : count;
    p->lines_dropped = wire_u64(w);
}

static void put_risk(struct buf *out, const struct gate_risk *risk) {
    wire_put_u16(out, risk->points);
    wire_put_u32(out, risk->count);
    for (uint32_t i = 0; i < risk->count; i++) {
        wire_put_u16(out, risk->each[i]);
        wire_put_text(out, risk->why[i]);
    }
}

static void take_risk(struct arena *a, struct wire *w, struct gate_risk *risk) {
    risk->points = wire_u16(w);
    risk->count = wire_below(w, GATE_RISK_MAX + 1);
    for (uint32_t i = 0; i < risk->count && !w->bad; i++) {
        char words[RISK_WORDS_MAX];
        risk->each[i] = wire_u16(w);
        take_sentence(w, words, sizeof words);
        char *copy = arena_str(a, slice_str(words));
        w->bad |= copy == NULL;
        risk->why[i] = copy == NULL ? "" : copy;
    }
}

static void put_slice_facts(struct buf *out, const struct gate_slice *s) {
    uint8_t flags[] = {s->is_slice,     s->is_ct,      s->is_mr,     s->is_pet,
                       s->is_rendering, s->head_words, s->head_shape};
    for (size_t i = 0; i < sizeof flags; i++) {
        wire_put_u8(out, flags[i] != 0);
    }
    for (int i = 0; i < 3; i++) {
        wire_put_double(out, s->position[i]);
        wire_put_double(out, s->row[i]);
        wire_put_double(out, s->column[i]);
        wire_put_double(out, s->step[i]);
    }
    wire_put_double(out, s->spacing[0]);
    wire_put_double(out, s->spacing[1]);
    wire_put_double(out, s->thickness);
    wire_put_u16(out, s->rows);
    wire_put_u16(out, s->columns);
    wire_put_u32(out, s->frames);
}

static void take_slice_facts(struct wire *w, struct gate_slice *s) {
    s->is_slice = wire_bool(w);
    s->is_ct = wire_bool(w);
    s->is_mr = wire_bool(w);
    s->is_pet = wire_bool(w);
    s->is_rendering = wire_bool(w);
    s->head_words = wire_bool(w);
    s->head_shape = wire_bool(w);
    for (int i = 0; i < 3; i++) {
        s->position[i] = wire_double(w);
        s->row[i] = wire_double(w);
        s->column[i] = wire_double(w);
        s->step[i] = wire_double(w);
    }
    s->spacing[0] = wire_double(w);
    s->spacing[1] = wire_double(w);
    s->thickness = wire_double(w);
    s->rows = wire_u16(w);
    s->columns = wire_u16(w);
    s->frames = wire_u32(w);
}

static void put_boxes(struct buf *out, const struct gate_passed *p) {
    wire_put_u32(out, p->box_count);
    wire_put(out, p->boxes, p->box_count * sizeof *p->boxes);
}

// A box holds numbers only; that it lies inside of its frame is checked by who draws it.
static void take_boxes(struct arena *a, struct wire *w, struct gate_passed *p) {
    uint32_t count = wire_count(w, sizeof *p->boxes);
    p->boxes = arena_array(a, count == 0 ? 1 : count, sizeof *p->boxes);
    w->bad |= p->boxes == NULL;
    for (uint32_t i = 0; i < count && !w->bad; i++) {
        struct gate_box *b = &p->boxes[i];
        wire_take(w, b, sizeof *b);
        uint8_t mirrored;
        uint8_t dark;
        memcpy(&mirrored, &b->mirrored, 1);
        memcpy(&dark, &b->dark, 1);
        w->bad |= b->shape > GATE_SHAPE_STATIC || b->sure > GATE_MAYBE || mirrored > 1 || dark > 1;
    }
    p->box_count = w->bad ? 0 : count;
}

static void put_identity(struct buf *out, const struct gate_passed *p) {
    const char *uids[] = {p->sop_class, p->sop_instance,       p->study,
                          p->series,    p->frame_of_reference, p->source_instance};
    for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++) {
        wire_put_text(out, uids[i]);
    }
    wire_put_text(out, p->modality);
    wire_put_text(out, p->origin.patient);
    wire_put_u8(out, p->origin.has_day);
    wire_put_u32(out, (uint32_t)p->origin.study_day);
}

static void take_identity(struct wire *w, struct gate_passed *p) {
    wire_uid(w, p->sop_class);
    wire_uid(w, p->sop_instance);
    wire_uid(w, p->study);
    wire_uid(w, p->series);
    wire_uid(w, p->frame_of_reference);
    wire_uid(w, p->source_instance);
    wire_text(w, p->modality, sizeof p->modality);
    wire_text(w, p->origin.patient, sizeof p->origin.patient);
    p->origin.has_day = wire_bool(w);
    p->origin.study_day = (int32_t)wire_u32(w);
    // It becomes a folder's name.
    w->bad |= strchr(p->origin.patient, '/') != NULL || p->origin.patient[0] == '.';
}

static void put_verdict(struct buf *out, const struct gate_passed *p) {
    wire_put_u8(out, (uint8_t)p->verdict);
    wire_put_u32(out, p->reason_count);
    for (uint32_t i = 0; i < p->reason_count; i++) {
        wire_put_u32(out, (uint32_t)p->reasons[i]);
    }
    put_err(out, &p->why);
}

static void take_verdict(struct wire *w, struct gate_passed *p) {
    uint8_t verdict = wire_u8(w);
    w->bad |= verdict >= GATE_VERDICT_COUNT;
    p->verdict = w->bad ? GATE_REFUSED : (enum gate_verdict)verdict;
    p->reason_count = wire_below(w, GATE_REASONS_MAX + 1);
    for (uint32_t i = 0; i < p->reason_count; i++) {
        p->reasons[i] = (enum gate_reason)wire_below(w, GATE_REASON_COUNT);
        w->bad |= p->reasons[i] == GATE_REASON_NONE;
    }
    take_err(w, &p->why);
    w->bad |= p->verdict != GATE_RELEASED && p->reason_count == 0;
}

static void put_pixels(struct buf *out, const struct gate_passed *p) {
    wire_put_u8(out, p->has_pixels);
    wire_put_u8(out, p->examined);
    wire_put_u32(out, p->frames);
    wire_put_u16(out, p->rows);
    wire_put_u16(out, p->columns);
    wire_put(out, p->pixel_digest, sizeof p->pixel_digest);
    gate_wire_put_edits(out, p->edits, p->edit_count);
    put_boxes(out, p);
    wire_put_u8(out, p->need_reading);
    wire_put_slice(out, p->crops);
    wire_put_u32(out, p->crop_first);
    wire_put_u32(out, p->crop_count);
    wire_put_slice(out, p->look);
}

static void take_pixels(struct arena *a, struct wire *w, struct gate_passed *p) {
    p->has_pixels = wire_bool(w);
    p->examined = wire_bool(w);
    p->frames = wire_u32(w);
    p->rows = wire_u16(w);
    p->columns = wire_u16(w);
    wire_take(w, p->pixel_digest, sizeof p->pixel_digest);
    p->edits = gate_wire_take_edits(a, w, &p->edit_count);
    take_boxes(a, w, p);
    p->need_reading = wire_bool(w);
    p->crops = wire_slice(w);
    p->crop_first = wire_below(w, GATE_READINGS_ALL_MAX);
    p->crop_count = wire_below(w, GATE_READINGS_ALL_MAX);
    p->look = wire_slice(w);
    w->bad |= p->crop_count > p->crops.len / 4; // width and height of each at least
}

void gate_passed_pack(const struct gate_passed *p, struct buf *out) {
    put_verdict(out, p);
    put_lines(out, p);
    wire_put_u32(out, p->methods);
    wire_put_u8(out, (uint8_t)p->category);
    put_risk(out, &p->risk);
    put_identity(out, p);
    put_slice_facts(out, &p->slice);
    put_pixels(out, p);
    wire_put_slice(out, p->terms);
    wire_put_u64(out, p->out_len);
}

int gate_passed_unpack(struct arena *a, struct slice bytes, struct gate_passed *ret_passed,
                       struct err *e) {
    struct wire w = {.rest = bytes};
    struct gate_passed p = {0};
    take_verdict(&w, &p);
    take_lines(a, &w, &p);
    p.methods = wire_u32(&w);
    uint8_t category = wire_u8(&w);
    w.bad |= category >= GATE_CATEGORY_COUNT;
    p.category = w.bad ? GATE_CATEGORY_OTHER : (enum gate_category)category;
    take_risk(a, &w, &p.risk);
    take_identity(&w, &p);
    take_slice_facts(&w, &p.slice);
    take_pixels(a, &w, &p);
    p.terms = wire_slice(&w);
    p.out_len = wire_u64(&w);
    // Released is what has its names and bytes.
    w.bad |= p.verdict == GATE_RELEASED &&
             (p.out_len == 0 || p.sop_instance[0] == '\0' || p.study[0] == '\0' ||
              p.series[0] == '\0' || p.origin.patient[0] == '\0');
    if (w.bad || w.rest.len > 0) {
        return err_set(e, E_CRASHED, "a worker's answer makes no sense");
    }
    *ret_passed = p;
    return E_OK;
}
