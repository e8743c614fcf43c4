// SPDX-License-Identifier: Apache-2.0
// The hold room's jobs: a frame as a picture, and what cleaning changes in the header.
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "dicom/charset.h"
#include "dicom/part10.h"
#include "dicom/vr.h"
#include "gate/instance.h"
#include "gate/instance_priv.h"
#include "gate/instance_wire_jobs.h"
#include "gate/pixels_native.h"
#include "gate/wire.h"
#include "pixel/codec.h"
#include "pixel/picture.h"

#define VALUE_SHOWN 256 // bytes of a value
#define QUALITY 90
#define ROWS_MAX 65536u // of a difference

static void cleanup_arena(struct arena *a) { arena_done(a); }

// --- GATE_JOB_SHOW -----------------------------------------------------------------------------

void gate_show_request_pack(const struct gate_show_request *r, struct buf *out) {
    wire_put_u32(out, r->frame);
    wire_put_u32(out, r->side);
    wire_put_u8(out, r->edited);
    wire_put_u8(out, r->png);
    wire_put_u8(out, r->has_window);
    wire_put_double(out, r->centre);
    wire_put_double(out, r->width);
    gate_wire_put_edits(out, r->edits, r->edit_count);
}

static int take_show(struct arena *a, struct slice bytes, struct gate_show_request *r,
                     struct err *e) {
    struct wire w = {.rest = bytes};
    r->frame = wire_u32(&w);
    r->side = wire_u32(&w);
    r->edited = wire_bool(&w);
    r->png = wire_bool(&w);
    r->has_window = wire_bool(&w);
    r->centre = wire_double(&w);
    r->width = wire_double(&w);
    r->edits = gate_wire_take_edits(a, &w, &r->edit_count);
    return w.bad || w.rest.len > 0 ? err_set(e, E_INTERNAL, "request of a picture") : E_OK;
}

static int own_samples(struct px_frame *f, struct err *e) {
    struct slice bytes = slice_of(f->data, f->len);
    if (f->own == f->data && f->own != NULL) {
        return E_OK;
    }
    int rc = px_frame_reserve(f, bytes.len, e);
    if (rc == E_OK && bytes.len > 0) {
        memcpy(f->own, bytes.ptr, bytes.len);
    }
    f->len = bytes.len;
    return rc;
}

static int edit(struct arena *a, const struct gate_structural *s, const struct gate_show_request *r,
                struct px_frame *f, struct err *e) {
    struct gate_edit_set set;
    int rc = own_samples(f, e);
    rc = rc == E_OK ? gate_edit_set_make(a, &s->image, r->edits, r->edit_count, &set, e) : rc;
    return rc == E_OK ? gate_frame_edit(&s->image, &set, r->frame, f, e) : rc;
}

static int show(struct arena *a, const struct gate_structural *s, struct slice bytes,
                const struct gate_show_request *r, struct buf *answer, struct err *e) {
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    CLEANUP(cleanup_px_bitmap) struct px_bitmap bitmap = {0};
    struct px_render_options options = {0};
    if (r->frame >= s->image.frames) {
        return err_set(e, E_NOT_FOUND, "frame %u of %u", r->frame + 1, s->image.frames);
    }
    if (r->has_window) {
        options.choice = PX_WINDOW_GIVEN;
        options.window = (struct px_window){.centre = r->centre, .width = r->width};
    }
    if (r->side > 0) {
        uint32_t side = r->side < PX_VIEWPORT_MAX ? r->side : PX_VIEWPORT_MAX;
        options.has_viewport = true;
        options.viewport = (struct px_viewport){.width = side, .height = side};
    }
    int rc = px_decode(&s->image, &s->frames, pass_counted(s, bytes), r->frame, &f, e);
    rc = rc == E_OK && r->edited ? edit(a, s, r, &f, e) : rc;
    rc = rc == E_OK ? px_render(&s->image, &f, r->frame, &options, &bitmap, e) : rc;
    return rc == E_OK
               ? px_encode(&bitmap, r->png ? PX_FORMAT_PNG : PX_FORMAT_JPEG, QUALITY, answer, e)
               : rc;
}

int gate_job_show(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)out;
    struct arena a CLEANUP(cleanup_arena);
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    struct gate_show_request r;
    arena_init(&a, GATE_ARENA_MAX);
    struct gate_structural *s = arena_new(&a, struct gate_structural);
    int rc = s == NULL ? err_set(e, E_MEMORY, "picture") : take_show(&a, request, &r, e);
    rc = rc == E_OK ? file_map_fd(in, &map, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    if (gate_structural_run(&a, map.bytes, s) != E_OK || !s->pixels_known) {
        return err_set(e, E_NOT_ACCEPTABLE, "there is no picture that can be shown");
    }
    rc = show(&a, s, map.bytes, &r, answer, e);
    return rc == E_OK ? buf_check(answer, "picture", e) : rc;
}

// --- GATE_JOB_DIFF -------------------------------------------------------------------------------

void gate_diff_request_pack(const struct gate_diff_request *r, struct buf *out) {
    struct gate_pass pass = {
        .key = r->key, .profile = r->profile, .name = r->name, .terms = r->terms};
    gate_pass_pack(&pass, out); // first: its parts are aligned from the beginning
    wire_put_u8(out, r->values);
}

struct row {
    char path[ERR_PATH_MAX];
    const struct dcm_node *node;
    struct dcm_charset charset;
};

struct rows {
    struct arena *arena;
    struct row *list;
    uint32_t count, cap;
};

static struct row *add_row(struct rows *r) {
    if (r->count == r->cap) {
        uint32_t cap = r->cap == 0 ? 256 : r->cap * 2;
        struct row *list = cap > ROWS_MAX ? NULL : arena_array(r->arena, cap, sizeof *list);
        if (list == NULL) {
            return NULL;
        }
        if (r->count > 0) {
            memcpy(list, r->list, r->count * sizeof *list);
        }
        r->list = list;
        r->cap = cap;
    }
    return &r->list[r->count++];
}

struct place {
    const struct dcm_dataset *d;
    uint32_t node, item;
    char path[ERR_PATH_MAX]; // of the item, with a dot behind
};

// Every element at every depth with its path, depth first.
static int flatten(struct rows *r, const struct dcm_dataset *top, struct err *e) {
    struct place *stack = arena_array(r->arena, DCM_NESTING_MAX + 1, sizeof *stack);
    uint32_t depth = 1;
    if (stack == NULL) {
        return err_set(e, E_MEMORY, "rows");
    }
    stack[0].d = top;
    while (depth > 0) {
        struct place *at = &stack[depth - 1];
        if (at->node == at->d->count) {
            depth--;
            continue;
        }
        const struct dcm_node *n = &at->d->nodes[at->node];
        char tag[DCM_TAG_TEXT_LEN + 1];
        (void)dcm_tag_text(n->tag, tag);
        if (at->item == 0) {
            struct row *row = add_row(r);
            if (row == NULL) {
                return err_set(e, E_LIMIT, "too many elements to compare");
            }
            (void)snprintf(row->path, sizeof row->path, "%.140s%s", at->path, tag);
            row->node = n;
            row->charset = dcm_charset_of(at->d);
        }
        if (at->item < n->item_count && depth <= DCM_NESTING_MAX) {
            struct place *next = &stack[depth];
            *next = (struct place){.d = n->items[at->item]};
            char up[ERR_PATH_MAX];
            memcpy(up, at->path, sizeof up);
            (void)snprintf(next->path, sizeof next->path, "%.120s%s[%u].", up, tag, at->item + 1);
            at->item++;
            depth++;
        } else {
            at->node++;
            at->item = 0;
        }
    }
    return E_OK;
}

static int compare_rows(const void *a, const void *b) {
    const struct row *x = a;
    const struct row *y = b;
    return strcmp(x->path, y->path);
}

static void put_value(struct json *j, const char *name, const struct row *row, bool values) {
    const struct dcm_node *n = row == NULL ? NULL : row->node;
    json_name(j, name);
    if (n == NULL || !values || n->items != NULL || n->fragment_count > 0) {
        json_null(j);
        return;
    }
    if (dcm_vr_info(n->vr)->class == DCM_VR_CLASS_TEXT) {
        struct buf text CLEANUP(cleanup_buf);
        buf_init(&text, 4 * VALUE_SHOWN);
        dcm_charset_to_utf8(&row->charset, n->vr, slice_first(n->value, VALUE_SHOWN), &text, NULL);
        json_slice(j, slice_trim(buf_slice(&text), " \0"));
        return;
    }
    char number[48];
    double v;
    if (dcm_value_count(n) == 1 && dcm_node_double(n, 0, &v)) {
        json_double(j, v);
    } else {
        (void)snprintf(number, sizeof number, "%zu bytes", n->value.len);
        json_str(j, number);
    }
}

static bool same_value(const struct dcm_node *a, const struct dcm_node *b) {
    return a->vr == b->vr && a->item_count == b->item_count &&
           a->fragment_count == b->fragment_count && slice_eq(a->value, b->value);
}

static void put_row(struct json *j, const struct row *before, const struct row *after,
                    bool values) {
    const struct row *any = before != NULL ? before : after;
    bool same = before != NULL && after != NULL && same_value(before->node, after->node);
    json_begin_object(j);
    json_member_str(j, "path", any->path);
    json_member_str(j, "vr", dcm_vr_info(any->node->vr)->name);
    put_value(j, "before", before, values);
    put_value(j, "after", after, values);
    json_member_str(j, "done",
                    same             ? "kept"
                    : before == NULL ? "added"
                    : after == NULL  ? "removed"
                                     : "changed");
    json_end_object(j);
}

static void put_rows(const struct rows *before, const struct rows *after, bool values,
                     struct buf *answer) {
    struct json j;
    uint32_t b = 0;
    uint32_t a = 0;
    json_init(&j, answer);
    json_begin_array(&j);
    while (b < before->count || a < after->count) {
        int order = b == before->count  ? 1
                    : a == after->count ? -1
                                        : compare_rows(&before->list[b], &after->list[a]);
        put_row(&j, order <= 0 ? &before->list[b] : NULL, order >= 0 ? &after->list[a] : NULL,
                values);
        b += order <= 0;
        a += order >= 0;
    }
    json_end_array(&j);
}

// The header alone: pixels are neither looked at nor written.
static int clean(struct arena *a, const struct gate_pass *ask, struct gate_structural *s,
                 struct err *e) {
    struct gate_profile *profile;
    struct gate_context c = {.arena = a, .key = ask->key};
    struct gate_origin origin;
    int rc = gate_profile_unpack(a, ask->profile, &profile, e);
    c.profile = profile;
    c.subject = gate_subject_new(a);
    gate_notes_init(&c.notes, a);
    if (rc != E_OK || c.subject == NULL) {
        return rc != E_OK ? rc : err_set(e, E_MEMORY, "terms");
    }
    rc = gate_subject_gather(c.subject, s->dataset, e);
    rc = rc == E_OK && ask->terms.len > 0 ? gate_subject_unpack(c.subject, ask->terms, e) : rc;
    c.words = (struct gate_words){
        .subject = c.subject, .phrases = profile->phrases, .phrase_count = profile->phrase_count};
    gate_header_origin(&c, s->dataset, &origin);
    c.has_day_zero = origin.has_day;
    c.day_zero = origin.study_day;
    rc = rc == E_OK ? gate_header_clean(&c, s->dataset, e) : rc;
    return rc == E_OK ? gate_header_mark(&c, s->dataset, e) : rc;
}

int gate_job_diff(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)out;
    struct arena a CLEANUP(cleanup_arena);
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    struct gate_pass ask;
    arena_init(&a, GATE_ARENA_MAX);
    struct rows before = {.arena = &a};
    struct rows after = {.arena = &a};
    struct gate_structural *s = arena_new(&a, struct gate_structural);
    struct dcm_dataset *original;
    if (s == NULL || request.len == 0) {
        return err_set(e, E_MEMORY, "difference");
    }
    bool values = request.ptr[request.len - 1] == 1;
    int rc = gate_pass_unpack(&a, slice_first(request, request.len - 1), &ask, e);
    rc = rc == E_OK ? file_map_fd(in, &map, e) : rc;
    if (rc == E_OK && gate_structural_run(&a, map.bytes, s) != E_OK) {
        rc = err_set(e, E_CORRUPT, "a file that cannot be read");
    }
    rc = rc == E_OK ? dcm_file_dataset(&a, &s->file, 0, &original, e) : rc;
    rc = rc == E_OK ? flatten(&before, original, e) : rc;
    rc = rc == E_OK ? clean(&a, &ask, s, e) : rc;
    rc = rc == E_OK ? flatten(&after, s->dataset, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    qsort(before.list, before.count, sizeof *before.list, compare_rows);
    qsort(after.list, after.count, sizeof *after.list, compare_rows);
    put_rows(&before, &after, values, answer);
    return buf_check(answer, "difference", e);
}
