// SPDX-License-Identifier: Apache-2.0
// The tree of the data set, changed where the view says so, written into pieces: the writer hands
// untouched elements over as slices of what was read, which are kept as they are when they are
// worth it.
#include "archive/view_apply.h"

#include <string.h>

#include "archive/view.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/writer.h"

void view_pieces_done(struct view_pieces *p) {
    arena_done(&p->arena);
    *p = (struct view_pieces){0};
}

// --- pieces

struct gather {
    struct view_pieces *out;
    struct slice body;
    size_t cap;
};

static int grow(struct gather *g, struct err *e) {
    if (g->out->count < g->cap) {
        return E_OK;
    }
    size_t cap = g->cap == 0 ? 16 : 2 * g->cap;
    struct slice *pieces =
        cap <= VIEW_PIECES_MAX ? arena_array(&g->out->arena, cap, sizeof *pieces) : NULL;
    if (pieces == NULL) {
        return err_set(e, E_LIMIT, "an instance in too many pieces for a view");
    }
    if (g->cap > 0) {
        memcpy(pieces, g->out->pieces, g->cap * sizeof *pieces);
    }
    g->out->pieces = pieces;
    g->cap = cap;
    return E_OK;
}

// What the writer hands over in small pieces is its own memory, which it will use again.
static int put(void *context, struct slice bytes, struct err *e) {
    struct gather *g = context;
    bool of_body = bytes.ptr >= g->body.ptr && bytes.ptr < g->body.ptr + g->body.len;
    if (!of_body) {
        g->out->copied += bytes.len;
        bytes = arena_copy(&g->out->arena, bytes);
        if (bytes.ptr == NULL) {
            return err_set(e, E_LIMIT, "the head of an instance takes too much memory");
        }
    }
    struct slice *last = g->out->count > 0 ? &g->out->pieces[g->out->count - 1] : NULL;
    if (last != NULL && last->ptr + last->len == bytes.ptr) {
        last->len += bytes.len;
        return E_OK;
    }
    int rc = grow(g, e);
    if (rc == E_OK) {
        g->out->pieces[g->out->count++] = bytes;
    }
    return rc;
}

// --- replacing

static int replace_in(struct dcm_dataset *top, struct dcm_dataset *d,
                      const struct view_value *const *values, size_t count, struct err *e) {
    int rc = E_OK;
    for (size_t i = 0; rc == E_OK && i < count; i++) {
        bool there = dcm_get(d, values[i]->tag) != NULL;
        if (there || (d == top && values[i]->text.len > 0)) {
            rc = dcm_charset_put(d, values[i]->tag, values[i]->vr, values[i]->text, e);
        }
    }
    return rc;
}

struct level {
    struct dcm_dataset *dataset;
    uint32_t node, item;
};

// Every data set of the tree, the outer ones first. E_CHARSET: one lacks a character.
static int replace_each(struct dcm_dataset *top, const struct view_value *const *values,
                        size_t count, struct err *e) {
    struct level levels[DCM_NESTING_MAX + 1] = {{.dataset = top}};
    size_t depth = 0;
    int rc = replace_in(top, top, values, count, e);
    while (rc == E_OK) {
        struct level *l = &levels[depth];
        if (l->node >= l->dataset->count) {
            if (depth-- == 0) {
                return E_OK;
            }
            continue;
        }
        const struct dcm_node *n = &l->dataset->nodes[l->node];
        if (dcm_tag_is_private(n->tag) || l->item >= n->item_count) {
            l->item = 0;
            l->node++;
            continue;
        }
        if (depth == DCM_NESTING_MAX) {
            return err_set(e, E_NESTING, "sequences nested too deep");
        }
        struct dcm_dataset *item = n->items[l->item++];
        levels[++depth] = (struct level){.dataset = item};
        rc = replace_in(top, item, values, count, e);
    }
    return rc;
}

static int replace_all(struct dcm_dataset *top, const struct view_value *const *values,
                       size_t count, struct err *e) {
    const struct dcm_charset utf8 = dcm_charset_utf8();
    int rc = replace_each(top, values, count, e);
    if (rc != E_CHARSET) {
        return rc;
    }
    rc = dcm_charset_convert(top, &utf8, NULL, e);
    return rc == E_OK ? replace_each(top, values, count, e) : rc;
}

static int whole(struct slice body, struct view_pieces *out, struct err *e) {
    out->pieces = arena_new(&out->arena, struct slice);
    if (out->pieces == NULL) {
        return err_set(e, E_MEMORY, "view");
    }
    *out->pieces = body;
    out->count = 1;
    return E_OK;
}

int view_apply(const struct view *v, struct slice study_uid, struct slice body,
               enum dcm_encoding encoding, struct view_pieces *ret_pieces, struct err *e) {
    const struct view_value *values[2 * VIEW_VALUES_MAX];
    size_t count = view_values(v, study_uid, values);
    struct view_pieces out CLEANUP(cleanup_view_pieces) = {0};
    arena_init(&out.arena, VIEW_HEAD_MAX);
    int rc;
    if (count == 0) {
        rc = whole(body, &out, e);
    } else {
        struct dcm_dataset *d;
        struct gather g = {.out = &out, .body = body};
        rc = dcm_dataset_read(&out.arena, body, encoding, 0, 0, &d, NULL, e);
        rc = rc == E_OK ? replace_all(d, values, count, e) : rc;
        rc = rc == E_OK ? dcm_write(d, encoding, (struct dcm_sink){put, &g}, e) : rc;
    }
    if (rc == E_OK) {
        *ret_pieces = out;
        out = (struct view_pieces){0};
    }
    return rc;
}
