// SPDX-License-Identifier: Apache-2.0
// A stack of data sets with a place in each; a step is one event.
#include "dicom/walk.h"

#include "base/err.h"

void dcm_walk_init(struct dcm_walk *w, const struct dcm_dataset *d) {
    w->depth = 0;
    w->levels[0] = (struct dcm_walk_level){.dataset = d};
}

static bool is_sequence(const struct dcm_node *n) {
    return n->vr == DCM_VR_SQ || n->item_count > 0;
}

static void describe(const struct dcm_walk *w, const struct dcm_node *n,
                     struct dcm_element *ret_element) {
    bool as_read = !n->changed && n->raw.len > 0;
    uint8_t header = n->encoding != DCM_IMPLICIT_LE && dcm_vr_info(n->vr)->wide ? 12 : 8;
    *ret_element =
        (struct dcm_element){.tag = n->tag,
                             .vr = n->vr,
                             .encoding = n->encoding,
                             .length = n->undefined ? DCM_LENGTH_UNDEFINED : (uint32_t)n->value.len,
                             .offset = as_read ? n->offset : 0,
                             .end = as_read ? n->offset + n->raw.len : 0,
                             .depth = w->depth,
                             .header = header};
}

static int begin_item(struct dcm_walk *w, struct dcm_walk_level *level, const struct dcm_node *n,
                      struct dcm_element *ret_element, struct err *e) {
    if (w->depth >= DCM_NESTING_MAX) {
        return err_set(e, E_NESTING, "more than %d sequences inside each other", DCM_NESTING_MAX);
    }
    describe(w, n, ret_element);
    ret_element->index = level->part;
    w->levels[++w->depth] = (struct dcm_walk_level){.dataset = n->items[level->part]};
    return DCM_EVENT_ITEM_BEGIN;
}

static void next_fragment(struct dcm_walk_level *level, const struct dcm_node *n,
                          struct dcm_element *ret_element) {
    ret_element->index = level->part;
    ret_element->value = n->fragments[level->part].bytes;
    ret_element->length = (uint32_t)ret_element->value.len;
    ret_element->offset = n->fragments[level->part].offset;
    ret_element->end = ret_element->offset + 8 + ret_element->value.len;
    ret_element->header = 8;
    level->part++;
}

static int inside_node(struct dcm_walk *w, struct dcm_walk_level *level,
                       struct dcm_element *ret_element, const struct dcm_node **ret_node,
                       struct err *e) {
    const struct dcm_node *n = &level->dataset->nodes[level->node];
    if (is_sequence(n) && level->part < n->item_count) {
        return begin_item(w, level, n, ret_element, e);
    }
    describe(w, n, ret_element);
    if (!is_sequence(n) && level->part < n->fragment_count) {
        next_fragment(level, n, ret_element);
        return DCM_EVENT_FRAGMENT;
    }
    *ret_node = n;
    level->inside = false;
    level->node++;
    return is_sequence(n) ? DCM_EVENT_SEQUENCE_END : DCM_EVENT_FRAGMENTS_END;
}

static int begin_node(struct dcm_walk *w, struct dcm_walk_level *level,
                      struct dcm_element *ret_element, const struct dcm_node **ret_node) {
    const struct dcm_node *n = &level->dataset->nodes[level->node];
    describe(w, n, ret_element);
    *ret_node = n;
    if (is_sequence(n) || n->fragment_count > 0) {
        level->inside = true;
        level->part = 0;
        return is_sequence(n) ? DCM_EVENT_SEQUENCE_BEGIN : DCM_EVENT_FRAGMENTS_BEGIN;
    }
    ret_element->value = n->value;
    level->node++;
    return DCM_EVENT_ELEMENT;
}

int dcm_walk_next(struct dcm_walk *w, struct dcm_element *ret_element,
                  const struct dcm_node **ret_node, struct err *e) {
    struct dcm_walk_level *level = &w->levels[w->depth];
    *ret_node = NULL;
    if (level->inside) {
        return inside_node(w, level, ret_element, ret_node, e);
    }
    if (level->node < level->dataset->count) {
        return begin_node(w, level, ret_element, ret_node);
    }
    if (w->depth == 0) {
        return DCM_EVENT_END;
    }
    struct dcm_walk_level *around = &w->levels[--w->depth];
    describe(w, &around->dataset->nodes[around->node], ret_element);
    ret_element->index = around->part++;
    return DCM_EVENT_ITEM_END;
}

void dcm_walk_skip(struct dcm_walk *w) {
    struct dcm_walk_level *level = &w->levels[w->depth];
    level->inside = false;
    level->node++;
}
