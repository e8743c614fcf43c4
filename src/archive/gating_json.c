// SPDX-License-Identifier: Apache-2.0
#include "archive/gating_json.h"

#include "archive/hold.h"
#include "base/buf.h"
#include "base/json.h"
#include "gate/instance.h"

#define FINDINGS_MAX 2000 // lines that a row keeps
#define BOXES_MAX 4000

static void put_reasons(const struct gate_passed *p, struct buf *out) {
    for (uint32_t i = 0; i < p->reason_count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : " ", gate_reason_code(p->reasons[i]));
    }
}

static void put_risk(const struct gate_passed *p, struct json *j) {
    json_begin_array(j);
    for (uint32_t i = 0; i < p->risk.count; i++) {
        json_str(j, p->risk.why[i]);
    }
    json_end_array(j);
}

static void put_findings(const struct gate_passed *p, struct json *j) {
    json_begin_array(j);
    for (uint32_t i = 0; i < p->line_count && i < FINDINGS_MAX; i++) {
        const struct gate_line *line = &p->lines[i];
        json_begin_object(j);
        json_member_str(j, "where", line->where);
        json_member_str(j, "kind", gate_kind_code(line->kind));
        json_member_str(j, "kind_words", gate_kind_words(line->kind));
        json_member_str(j, "done", gate_done_code(line->done));
        json_end_object(j);
    }
    json_end_array(j);
}

static bool covers(const struct gate_edit *edit, const struct gate_box *box) {
    return edit->kind == GATE_EDIT_BLACK &&
           (edit->frame == GATE_ALL_FRAMES || edit->frame == box->frame) && edit->x <= box->x &&
           edit->y <= box->y && edit->x + edit->width >= box->x + box->width &&
           edit->y + edit->height >= box->y + box->height;
}

static const char *shape_of(const struct gate_box *box) {
    static const char *const shapes[] = {"text", "code", "strokes", "static"};
    return box->shape < 4 ? shapes[box->shape] : "text";
}

static const char *sure_of(const struct gate_box *box) {
    static const char *const sure[] = {"sure", "likely", "maybe"};
    return box->sure < 3 ? sure[box->sure] : "maybe";
}

static void put_place(struct json *j, uint32_t frame, uint16_t x, uint16_t y, uint16_t width,
                      uint16_t height) {
    json_member_i64(j, "frame", frame == GATE_ALL_FRAMES ? 0 : (int64_t)frame + 1);
    json_member_i64(j, "x", x);
    json_member_i64(j, "y", y);
    json_member_i64(j, "width", width);
    json_member_i64(j, "height", height);
}

// What was blacked with no box of the look in it is a margin or lies outside of a region.
static void put_edit(const struct gate_passed *p, const struct gate_edit *edit, struct json *j) {
    const struct gate_box *box = NULL;
    for (uint32_t i = 0; i < p->box_count && box == NULL; i++) {
        box = covers(edit, &p->boxes[i]) ? &p->boxes[i] : NULL;
    }
    json_begin_object(j);
    put_place(j, edit->frame, edit->x, edit->y, edit->width, edit->height);
    json_member_str(j, "shape", box == NULL ? "margin" : shape_of(box));
    json_member_str(j, "sure", box == NULL ? "sure" : sure_of(box));
    json_member_str(j, "decided", "black");
    json_end_object(j);
}

static bool is_blacked(const struct gate_passed *p, const struct gate_box *box) {
    for (uint32_t i = 0; i < p->edit_count; i++) {
        if (covers(&p->edits[i], box)) {
            return true;
        }
    }
    return false;
}

static bool has_reason(const struct gate_passed *p, enum gate_reason reason) {
    for (uint32_t i = 0; i < p->reason_count; i++) {
        if (p->reasons[i] == reason) {
            return true;
        }
    }
    return false;
}

static void put_boxes(const struct gate_passed *p, struct json *j) {
    const char *rest = has_reason(p, GATE_REASON_TEXT_UNSURE) ? "open" : "keep";
    json_begin_array(j);
    for (uint32_t i = 0; i < p->edit_count && i < BOXES_MAX; i++) {
        if (p->edits[i].kind == GATE_EDIT_BLACK) {
            put_edit(p, &p->edits[i], j);
        }
    }
    for (uint32_t i = 0; i < p->box_count && i < BOXES_MAX; i++) {
        const struct gate_box *box = &p->boxes[i];
        if (is_blacked(p, box)) {
            continue;
        }
        json_begin_object(j);
        put_place(j, box->frame, box->x, box->y, box->width, box->height);
        json_member_str(j, "shape", shape_of(box));
        json_member_str(j, "sure", sure_of(box));
        json_member_str(j, "decided", rest);
        json_end_object(j);
    }
    json_end_array(j);
}

void gating_json(const struct gate_passed *p, struct buf *out, struct hold_row *row) {
    static void (*const lists[])(const struct gate_passed *p,
                                 struct json *j) = {put_risk, put_findings, put_boxes};
    struct slice *const texts[] = {&row->risk, &row->findings, &row->boxes};
    size_t starts[5] = {out->len};
    put_reasons(p, out);
    for (size_t i = 0; i < 3; i++) {
        struct json j;
        starts[i + 1] = out->len;
        json_init(&j, out);
        lists[i](p, &j);
    }
    starts[4] = out->len;
    bool good = !out->failed;
    struct slice all = buf_slice(out);
    row->reasons = good ? slice_first(all, starts[1])
                        : slice_str(p->reason_count > 0 ? gate_reason_code(p->reasons[0]) : "");
    for (size_t i = 0; i < 3; i++) {
        *texts[i] = good
                        ? slice_first(slice_from(all, starts[i + 1]), starts[i + 2] - starts[i + 1])
                        : slice_str("[]");
    }
}
