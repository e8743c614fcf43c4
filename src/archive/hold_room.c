// SPDX-License-Identifier: Apache-2.0
// What a person sees of a hold. Decisions: hold_decide.c; surfaces of faces: hold_face.c.
#include "archive/hold_room.h"

#include <string.h>

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/delivery.h"
#include "archive/delivery_priv.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_in.h"
#include "db/db.h"
#include "dicom/dict.h"
#include "gate/instance.h"
#include "gate/instance_wire_jobs.h"
#include "gate/profile.h"
#include "gate/wire.h"
#include "store/held.h"
#include "worker/worker.h"

#define REQUEST_MAX ((size_t)1 << 20)
#define ROOM_MEMORY_MAX ((size_t)64 << 20)
#define DIFF_MAX ((size_t)48 << 20)
#define SHORT_MAX 8 // characters
#define LONG_MAX 64

static int open_file(struct archive *a, const struct hold_row *hold, struct delivery **ret_d,
                     int *ret_fd, struct err *e) {
    struct seal_name name = hold_name(hold);
    uint64_t len = 0;
    int rc = delivery_load(a, hold->delivery, ret_d, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = store_held_open(archive_store(a), (*ret_d)->seal, &name, ret_fd, &len, e);
    if (rc != E_OK) {
        delivery_free(*ret_d);
    }
    return rc;
}

static int run(struct archive *a, const struct hold_row *hold, enum gate_job job,
               struct buf *request, struct buf *answer, struct err *e) {
    struct delivery *d;
    CLEANUP(cleanup_fd) int fd = -1;
    int rc = open_file(a, hold, &d, &fd, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = buf_check(request, "request", e);
    rc = rc == E_OK
             ? worker_run(archive_workers(a), (size_t)job, buf_slice(request), fd, -1, answer, e)
             : rc;
    delivery_free(d);
    return rc < 0 ? rc : E_OK;
}

// --- pictures

// What the gate blacked and a person did not ask to keep, then what the person blacked.
struct edits {
    struct gate_edit *list;
    uint32_t count;
};

static bool is_kept(const struct gate_edit *edit, const struct hold_box *drafts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct hold_box *k = &drafts[i];
        bool same_frame =
            k->frame == 0 || (edit->frame != GATE_ALL_FRAMES && k->frame == edit->frame + 1);
        if (k->keep && same_frame && k->x <= edit->x && k->y <= edit->y &&
            k->x + k->width >= edit->x + edit->width &&
            k->y + k->height >= edit->y + edit->height) {
            return true;
        }
    }
    return false;
}

static struct gate_edit edit_of(const struct hold_box *box) {
    return (struct gate_edit){.kind = box->keep ? GATE_EDIT_KEEP : GATE_EDIT_BLACK,
                              .x = box->x,
                              .y = box->y,
                              .width = box->width,
                              .height = box->height,
                              .frame = box->frame == 0 ? GATE_ALL_FRAMES : box->frame - 1};
}

static int gather_edits(const struct hold_row *hold, struct arena *m, struct edits *out,
                        struct err *e) {
    struct hold_box *drafts = NULL, *blacked = NULL;
    size_t draft_count = 0, count = 0;
    int rc = hold->draft.len > 0 ? hold_boxes_parse(hold->draft, hold, m, &drafts, &draft_count, e)
                                 : E_OK;
    rc = rc == E_OK ? hold_boxes_of_gate(hold, m, &blacked, &count, e) : rc;
    out->list = rc == E_OK ? arena_array(m, draft_count + count + 1, sizeof *out->list) : NULL;
    if (out->list == NULL) {
        return rc == E_OK ? err_set(e, E_MEMORY, "boxes") : rc;
    }
    for (size_t i = 0; i < count; i++) {
        struct gate_edit edit = edit_of(&blacked[i]);
        if (!is_kept(&edit, drafts, draft_count)) {
            out->list[out->count++] = edit;
        }
    }
    for (size_t i = 0; i < draft_count; i++) {
        if (!drafts[i].keep) {
            out->list[out->count++] = edit_of(&drafts[i]);
        }
    }
    return E_OK;
}

int hold_picture(struct archive *a, const struct hold_row *hold, const struct hold_picture *picture,
                 struct buf *out, struct err *e) {
    CLEANUP(arena_done) struct arena m;
    CLEANUP(cleanup_buf) struct buf request;
    struct edits edits = {0};
    arena_init(&m, ROOM_MEMORY_MAX);
    buf_init(&request, REQUEST_MAX);
    if (picture->frame == 0 || picture->frame > hold->frames) {
        return err_set(e, E_NOT_FOUND, "frame %u of %u", picture->frame, hold->frames);
    }
    int rc = picture->result ? gather_edits(hold, &m, &edits, e) : E_OK;
    if (rc != E_OK) {
        return rc;
    }
    const struct gate_show_request r = {.frame = picture->frame - 1,
                                        .side = picture->side,
                                        .edited = picture->result,
                                        .png = true,
                                        .edits = edits.list,
                                        .edit_count = edits.count};
    gate_show_request_pack(&r, &request);
    return run(a, hold, GATE_JOB_SHOW, &request, out, e);
}

// --- header

struct diff_row {
    struct slice path, vr, before, after, done; // .ptr NULL: null
};

static int take_text(struct json_in *in, const struct json_token *token, struct arena *m,
                     struct slice *ret_text, struct err *e) {
    CLEANUP(cleanup_buf) struct buf text;
    buf_init(&text, REQUEST_MAX);
    (void)in;
    if (token->kind == JSON_NULL) {
        return E_OK;
    }
    if (token->kind == JSON_NUMBER) {
        buf_put_slice(&text, token->raw);
    } else if (token->kind != JSON_STRING || json_in_text(token, &text, e) != E_OK) {
        return err_set(e, E_CRASHED, "the worker's answer makes no sense");
    }
    *ret_text = arena_copy(m, buf_slice(&text));
    return ret_text->ptr == NULL ? err_set(e, E_MEMORY, "header") : E_OK;
}

static int take_row(struct json_in *in, struct arena *m, struct diff_row *row, struct err *e) {
    struct json_token t;
    const struct {
        const char *name;
        struct slice *slot;
    } members[] = {{"path", &row->path},
                   {"vr", &row->vr},
                   {"before", &row->before},
                   {"after", &row->after},
                   {"done", &row->done}};
    int rc = json_in_next(in, &t, e);
    while (rc == JSON_NAME) {
        struct slice *slot = NULL;
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
            slot = json_in_is(&t, members[i].name) ? members[i].slot : slot;
        }
        rc = json_in_next(in, &t, e);
        rc = rc > 0 && slot != NULL ? take_text(in, &t, m, slot, e) : rc;
        rc = rc >= 0 ? json_in_next(in, &t, e) : rc;
    }
    return rc == JSON_OBJECT_END ? E_OK
           : rc < 0              ? rc
                                 : err_set(e, E_CRASHED, "the worker's answer makes no sense");
}

// Says how long it was, roughly: that a name stood there is no secret, which one is.
static void put_masked(struct json *j, const char *name, struct slice value) {
    json_member_str(j, name,
                    value.len <= SHORT_MAX  ? "•••"
                    : value.len <= LONG_MAX ? "••••••"
                                            : "••••••••••••");
}

static dcm_tag last_tag(struct slice path) {
    dcm_tag tag = 0;
    size_t len = DCM_TAG_TEXT_LEN;
    return path.len >= len && dcm_tag_parse(slice_from(path, path.len - len), &tag) ? tag : 0;
}

static void put_row(struct json *j, const struct diff_row *row, bool shown) {
    char text[DCM_TAG_TEXT_LEN + 1];
    dcm_tag tag = last_tag(row->path);
    const struct dcm_dict_entry *entry = dcm_tag_is_private(tag) ? NULL : dcm_dict_find(tag);
    bool kept = slice_eq_str(row->done, "kept");
    json_begin_object(j);
    json_member_slice(j, "path", row->path);
    json_member_str(j, "tag", dcm_tag_text(tag, text));
    json_member_str(j, "keyword", entry == NULL ? "" : entry->keyword);
    json_member_slice(j, "vr", row->vr);
    if (row->before.ptr == NULL || row->before.len == 0) {
        json_member_str(j, "before", "");
    } else if (shown || kept) {
        json_member_slice(j, "before", row->before);
    } else {
        put_masked(j, "before", row->before);
    }
    json_member_slice(j, "after", row->after.ptr == NULL ? slice_str("") : row->after);
    json_member_slice(j, "done", row->done);
    json_end_object(j);
}

static int put_rows(struct slice diff, bool shown, struct buf *out, struct err *e) {
    CLEANUP(arena_done) struct arena m;
    struct json_in in;
    struct json_token t;
    struct json j;
    arena_init(&m, ROOM_MEMORY_MAX);
    json_in_init(&in, diff, 8);
    json_init(&j, out);
    json_begin_object(&j);
    json_name(&j, "rows");
    json_begin_array(&j);
    int rc = json_in_next(&in, &t, e);
    rc = rc == JSON_ARRAY_BEGIN ? json_in_next(&in, &t, e) : JSON_END;
    while (rc == JSON_OBJECT_BEGIN) {
        struct diff_row row = {0};
        rc = take_row(&in, &m, &row, e);
        if (rc == E_OK) {
            put_row(&j, &row, shown);
            rc = json_in_next(&in, &t, e);
        }
    }
    json_end_array(&j);
    json_end_object(&j);
    if (rc != JSON_ARRAY_END) {
        return rc < 0 ? rc : err_set(e, E_CRASHED, "the worker's answer makes no sense");
    }
    return buf_check(out, "header", e);
}

static int pack_diff(struct archive *a, const struct delivery *d, struct buf *request,
                     struct err *e) {
    CLEANUP(cleanup_buf) struct buf profile;
    buf_init(&profile, REQUEST_MAX);
    int rc = gate_profile_pack(archive_profile(a), &profile, e);
    if (rc != E_OK) {
        return rc;
    }
    const struct gate_diff_request r = {
        .key = d->gate, .profile = buf_slice(&profile), .values = true};
    gate_diff_request_pack(&r, request);
    return buf_check(request, "request", e);
}

int hold_header(struct archive *a, const struct hold_row *hold, bool shown, struct buf *out,
                struct err *e) {
    CLEANUP(cleanup_buf) struct buf request;
    CLEANUP(cleanup_buf) struct buf answer;
    struct delivery *d;
    buf_init(&request, REQUEST_MAX);
    buf_init(&answer, DIFF_MAX);
    int rc = delivery_load(a, hold->delivery, &d, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = pack_diff(a, d, &request, e);
    rc = rc == E_OK ? run(a, hold, GATE_JOB_DIFF, &request, &answer, e) : rc;
    delivery_free(d);
    gate_wire_wipe(&request);
    rc = rc == E_OK ? put_rows(buf_slice(&answer), shown, out, e) : rc;
    gate_wire_wipe(&answer);
    return rc;
}

// --- boxes

static int box_error(struct err *e, size_t at, const char *words) {
    (void)err_set(e, E_ARGUMENT, "box %zu: %s", at + 1, words);
    return err_in(e, "boxes");
}

struct box_numbers {
    uint64_t frame, x, y, width, height;
    bool has[5];
    bool has_kind, keep;
    bool black; // "decided" of what the gate kept
};

static int take_member(struct json_in *in, const struct json_token *name, struct box_numbers *b,
                       size_t at, struct err *e) {
    static const char *const names[] = {"frame", "x", "y", "width", "height"};
    uint64_t *const slots[] = {&b->frame, &b->x, &b->y, &b->width, &b->height};
    struct json_token t, member = *name;
    int rc = json_in_next(in, &t, e);
    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < 5; i++) {
        if (json_in_is(&member, names[i])) {
            b->has[i] = t.kind == JSON_NUMBER && json_in_u64(&t, slots[i]);
            return b->has[i] ? E_OK : box_error(e, at, "a whole number is expected");
        }
    }
    if (json_in_is(&member, "kind")) {
        b->keep = t.kind == JSON_STRING && json_in_is(&t, "keep");
        b->has_kind = b->keep || (t.kind == JSON_STRING && json_in_is(&t, "black"));
        return b->has_kind ? E_OK : box_error(e, at, "kind is black or keep");
    }
    if (json_in_is(&member, "decided")) {
        b->black = t.kind == JSON_STRING && json_in_is(&t, "black");
    }
    return json_in_skip(in, &t, e);
}

static int check_box(const struct box_numbers *b, const struct hold_row *hold, size_t at,
                     struct err *e) {
    for (size_t i = 0; i < 5; i++) {
        if (!b->has[i]) {
            return box_error(e, at, "frame, x, y, width and height are all needed");
        }
    }
    if (b->width == 0 || b->height == 0 || b->x >= hold->columns || b->y >= hold->rows ||
        b->width > hold->columns - b->x || b->height > hold->rows - b->y) {
        return box_error(e, at, "it does not lie within the picture");
    }
    return b->frame <= hold->frames ? E_OK : box_error(e, at, "there is no such frame");
}

// Those of a person have a kind; of those of the gate the blacked ones are taken.
static int parse(struct slice json, const struct hold_row *hold, bool of_gate, struct arena *m,
                 struct hold_box **ret_list, size_t *ret_count, struct err *e) {
    struct json_in in;
    struct json_token t;
    size_t most = of_gate ? 2 * HOLD_BOXES_MAX * 4 : HOLD_BOXES_MAX, count = 0, at = 0;
    struct hold_box *list = arena_array(m, most + 1, sizeof *list);
    json_in_init(&in, json, 8);
    int rc = list == NULL ? err_set(e, E_MEMORY, "boxes") : json_in_next(&in, &t, e);
    if (rc >= 0 && rc != JSON_ARRAY_BEGIN) {
        rc = err_set(e, E_ARGUMENT, "boxes must be a list");
    }
    rc = rc >= 0 ? json_in_next(&in, &t, e) : rc;
    for (; rc == JSON_OBJECT_BEGIN; at++) {
        struct box_numbers b = {0};
        rc = json_in_next(&in, &t, e);
        while (rc == JSON_NAME) {
            rc = take_member(&in, &t, &b, at, e);
            rc = rc >= 0 ? json_in_next(&in, &t, e) : rc;
        }
        rc = rc >= 0 ? check_box(&b, hold, at, e) : rc;
        if (rc == E_OK && !of_gate && !b.has_kind) {
            rc = box_error(e, at, "kind is black or keep");
        }
        if (rc == E_OK && count == most) {
            rc = err_set(e, E_LIMIT, "more than %zu boxes", most);
        }
        if (rc == E_OK && (!of_gate || b.black)) {
            list[count++] = (struct hold_box){(uint32_t)b.frame, (uint16_t)b.x,      (uint16_t)b.y,
                                              (uint16_t)b.width, (uint16_t)b.height, b.keep};
        }
        rc = rc >= 0 ? json_in_next(&in, &t, e) : rc;
    }
    if (rc != JSON_ARRAY_END) {
        return rc < 0 ? rc : err_set(e, E_ARGUMENT, "boxes must be a list of objects");
    }
    *ret_list = list;
    *ret_count = count;
    return E_OK;
}

int hold_boxes_parse(struct slice json, const struct hold_row *hold, struct arena *m,
                     struct hold_box **ret_list, size_t *ret_count, struct err *e) {
    return parse(json, hold, false, m, ret_list, ret_count, e);
}

int hold_boxes_of_gate(const struct hold_row *hold, struct arena *m, struct hold_box **ret_list,
                       size_t *ret_count, struct err *e) {
    return parse(hold->boxes, hold, true, m, ret_list, ret_count, e);
}

// The row's text is ours: a list of flat objects.
int hold_boxes_seen(const struct hold_row *hold, struct arena *m, struct hold_seen **ret_list,
                    size_t *ret_count, struct err *e) {
    struct json_in in;
    struct json_token t;
    size_t most = 2 * HOLD_BOXES_MAX * 4, count = 0;
    struct hold_seen *list = arena_array(m, most + 1, sizeof *list);
    json_in_init(&in, hold->boxes, 8);
    int rc = list == NULL ? err_set(e, E_MEMORY, "boxes") : json_in_next(&in, &t, e);
    rc = rc == JSON_ARRAY_BEGIN ? json_in_next(&in, &t, e) : rc;
    while (rc == JSON_OBJECT_BEGIN && count < most) {
        struct box_numbers b = {0};
        size_t from = (size_t)t.offset;
        rc = json_in_next(&in, &t, e);
        while (rc == JSON_NAME) {
            rc = take_member(&in, &t, &b, count, e);
            rc = rc >= 0 ? json_in_next(&in, &t, e) : rc;
        }
        struct slice object = slice_first(slice_from(hold->boxes, from), in.at - from - 1);
        list[count].box = (struct hold_box){(uint32_t)b.frame, (uint16_t)b.x,      (uint16_t)b.y,
                                            (uint16_t)b.width, (uint16_t)b.height, !b.black};
        char *json =
            arena_printf(m, "%.*s,\"by\":\"gate\"}", (int)object.len, (const char *)object.ptr);
        list[count++].json = json == NULL ? slice_str("{}") : slice_str(json);
        rc = rc >= 0 ? json_in_next(&in, &t, e) : rc;
    }
    *ret_list = list;
    *ret_count = count;
    return rc < 0 ? rc : E_OK;
}

void hold_boxes_write(const struct hold_box *list, size_t count, struct buf *out) {
    struct json j;
    json_init(&j, out);
    json_begin_array(&j);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(&j);
        json_member_i64(&j, "frame", list[i].frame);
        json_member_i64(&j, "x", list[i].x);
        json_member_i64(&j, "y", list[i].y);
        json_member_i64(&j, "width", list[i].width);
        json_member_i64(&j, "height", list[i].height);
        json_member_str(&j, "kind", list[i].keep ? "keep" : "black");
        json_end_object(&j);
    }
    json_end_array(&j);
}

// --- drafts

struct drafting {
    const struct hold_row *hold;
    int64_t version;
    struct slice text;
    bool series;
};

static int set_series(struct db *db, const struct drafting *d, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "UPDATE hold SET draft = ?5, draft_version = draft_version + 1"
                        " WHERE series_uid = ?2 AND id <> ?1 AND image_rows = ?3"
                        " AND image_columns = ?4 AND state <= 1",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, d->hold->id);
    db_bind_text(s, 2, slice_str(d->hold->series));
    db_bind_i64(s, 3, d->hold->rows);
    db_bind_i64(s, 4, d->hold->columns);
    db_bind_text(s, 5, d->text);
    return db_run(s, e);
}

static int set_draft(struct db *db, void *context, struct err *e) {
    const struct drafting *d = context;
    int64_t version;
    int rc = hold_set_draft(db, d->hold->id, d->version, d->text, &version, e);
    return rc == E_OK && d->series ? set_series(db, d, e) : rc;
}

int hold_draft(struct archive *a, const struct hold_row *hold, int64_t version,
               const struct hold_box *list, size_t count, bool series, struct err *e) {
    CLEANUP(cleanup_buf) struct buf text;
    buf_init(&text, REQUEST_MAX);
    hold_boxes_write(list, count, &text);
    int rc = buf_check(&text, "boxes", e);
    struct drafting d = {hold, version, buf_slice(&text), series};
    return rc == E_OK ? delivery_write(a, set_draft, &d, e) : rc;
}
