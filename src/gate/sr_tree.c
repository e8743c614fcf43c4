// SPDX-License-Identifier: Apache-2.0
#include "gate/sr_tree.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "gate/edit.h"
#include "gate/sr_item.h"

// A walk: the item, the next child of it, and where it is for notes.
struct level {
    struct dcm_dataset *item;
    uint32_t next;
    uint32_t number; // of that child as it came
    char path[GATE_PATH_MAX];
};

struct walk {
    struct level levels[DCM_NESTING_MAX + 1];
    uint32_t depth; // of the deepest level in use
};

// An item's place among its siblings; sorted by item.
struct place {
    const struct dcm_dataset *item;
    uint32_t index;
};

struct reference {
    struct dcm_dataset *from;
    const struct dcm_dataset *to;
};

struct tree {
    struct gate_context *c;
    struct dcm_dataset *root;
    struct walk walk;
    uint32_t items;
    bool removed; // something was taken out
    struct reference *references;
    uint32_t reference_count;
    struct place *places;
    uint32_t place_count;
};

static void walk_begin(struct walk *w, struct dcm_dataset *root, const char *path) {
    w->depth = 0;
    w->levels[0].item = root;
    w->levels[0].next = 0;
    w->levels[0].number = 0;
    (void)snprintf(w->levels[0].path, GATE_PATH_MAX, "%s", path);
}

static struct dcm_dataset *child_of(const struct dcm_dataset *item, uint32_t index) {
    const struct dcm_node *n = dcm_get(item, DCM_ContentSequence);
    return n != NULL && index < n->item_count ? n->items[index] : NULL;
}

// Goes down to the next child of the deepest level; false when it has no more (and for a tree that
// is deeper than any reader gives: then *ret_deep).
static bool walk_down(struct walk *w, bool *ret_deep) {
    struct level *at = &w->levels[w->depth];
    struct dcm_dataset *child = child_of(at->item, at->next);
    if (child == NULL) {
        return false;
    }
    if (w->depth == DCM_NESTING_MAX) {
        *ret_deep = true;
        return false;
    }
    struct level *below = &w->levels[++w->depth];
    below->item = child;
    below->next = 0;
    below->number = 0;
    (void)gate_path_item(at->path, DCM_ContentSequence, at->number++, below->path);
    return true;
}

// --- before: is everything known? ---

static const struct dcm_dataset *resolve(const struct tree *t, const struct dcm_dataset *from) {
    const struct dcm_node *n = dcm_get(from, DCM_ReferencedContentItemIdentifier);
    const struct dcm_dataset *to = t->root;
    int64_t step = 0;
    uint32_t count = dcm_value_count(n);
    if (count == 0 || !dcm_node_int(n, 0, &step) || step != 1) {
        return NULL;
    }
    for (uint32_t i = 1; i < count && to != NULL; i++) {
        if (!dcm_node_int(n, i, &step) || step < 1 || step > UINT32_MAX) {
            return NULL;
        }
        to = child_of(to, (uint32_t)(step - 1));
    }
    return to;
}

// True when the item may be walked; counts references.
static bool look_at(struct tree *t, struct dcm_dataset *item) {
    if (++t->items > GATE_SR_ITEMS_MAX || !gate_item_known(item)) {
        return false;
    }
    if (dcm_get(item, DCM_ReferencedContentItemIdentifier) == NULL) {
        return true;
    }
    t->reference_count++;
    return resolve(t, item) != NULL;
}

static bool look(struct tree *t, const char *path) {
    bool deep = false;
    walk_begin(&t->walk, t->root, path);
    for (;;) {
        if (walk_down(&t->walk, &deep)) {
            if (!look_at(t, t->walk.levels[t->walk.depth].item)) {
                return false;
            }
        } else if (deep) {
            return false;
        } else if (t->walk.depth == 0) {
            return true;
        } else {
            t->walk.levels[--t->walk.depth].next++;
        }
    }
}

// --- references by position ---

static int collect(struct tree *t, const char *path, struct err *e) {
    bool deep = false;
    t->places = arena_array(t->c->arena, t->items, sizeof *t->places);
    t->references = arena_array(t->c->arena, t->reference_count + 1, sizeof *t->references);
    if (t->places == NULL || t->references == NULL) {
        return err_set(e, E_MEMORY, "no memory for the references of a document");
    }
    t->reference_count = 0;
    walk_begin(&t->walk, t->root, path);
    for (;;) {
        if (walk_down(&t->walk, &deep)) {
            struct dcm_dataset *item = t->walk.levels[t->walk.depth].item;
            if (dcm_get(item, DCM_ReferencedContentItemIdentifier) != NULL) {
                t->references[t->reference_count++] = (struct reference){item, resolve(t, item)};
            }
        } else if (t->walk.depth == 0) {
            return E_OK;
        } else {
            t->walk.levels[--t->walk.depth].next++;
        }
    }
}

static int by_item(const void *a, const void *b) {
    uintptr_t x = (uintptr_t)((const struct place *)a)->item;
    uintptr_t y = (uintptr_t)((const struct place *)b)->item;
    return x < y ? -1 : x > y;
}

// Where everything is now.
static void survey(struct tree *t) {
    bool deep = false;
    t->place_count = 0;
    walk_begin(&t->walk, t->root, "");
    for (;;) {
        uint32_t index = t->walk.levels[t->walk.depth].next;
        if (walk_down(&t->walk, &deep)) {
            t->places[t->place_count++] = (struct place){t->walk.levels[t->walk.depth].item, index};
        } else if (t->walk.depth == 0) {
            break;
        } else {
            t->walk.levels[--t->walk.depth].next++;
        }
    }
    qsort(t->places, t->place_count, sizeof *t->places, by_item);
}

static const struct place *place_of(const struct tree *t, const struct dcm_dataset *item) {
    struct place key = {item, 0};
    return t->place_count == 0
               ? NULL
               : bsearch(&key, t->places, t->place_count, sizeof *t->places, by_item);
}

static bool is_there(const struct tree *t, const struct dcm_dataset *item) {
    return item == t->root || place_of(t, item) != NULL;
}

static int put_position(struct tree *t, const struct reference *r, struct err *e) {
    int64_t steps[DCM_NESTING_MAX + 2];
    uint32_t at = DCM_NESTING_MAX + 2;
    for (const struct dcm_dataset *item = r->to; item != t->root && at > 1; item = item->parent) {
        const struct place *p = place_of(t, item);
        if (p == NULL) {
            return err_set(e, E_INTERNAL, "a content item without a place");
        }
        steps[--at] = (int64_t)p->index + 1;
    }
    steps[--at] = 1;
    return dcm_put_ints(r->from, DCM_ReferencedContentItemIdentifier, DCM_VR_UL, steps + at,
                        DCM_NESTING_MAX + 2 - at, e);
}

// Takes out references whose target or whose own place is gone, until none is left that points to
// one of those; then writes the new positions.
static int mend(struct tree *t, struct err *e) {
    for (bool again = true; again;) {
        again = false;
        survey(t);
        for (uint32_t i = t->reference_count; i-- > 0;) {
            struct reference *r = &t->references[i];
            if (is_there(t, r->to) && is_there(t, r->from)) {
                continue;
            }
            const struct place *p = place_of(t, r->from);
            if (p != NULL && dcm_remove_item(r->from->parent, DCM_ContentSequence, p->index)) {
                again = true;
            }
            t->references[i] = t->references[--t->reference_count];
            if (again) {
                break; // places have moved
            }
        }
    }
    int code = E_OK;
    for (uint32_t i = 0; code == E_OK && i < t->reference_count; i++) {
        code = put_position(t, &t->references[i], e);
    }
    return code;
}

// --- cleaning ---

// The deepest level has no more children: it is cleaned, and stays or goes.
static int leave(struct tree *t, struct err *e) {
    struct level *at = &t->walk.levels[t->walk.depth];
    struct level *above = &t->walk.levels[t->walk.depth - 1];
    enum gate_item_fate fate = GATE_ITEM_GOES;
    gate_drop(t->c, at->item, DCM_ContentItemModifierSequence, GATE_KIND_STRUCTURED, at->path);
    int code = gate_item_clean(t->c, at->item, at->path, &fate, e);
    if (code == E_OK && fate == GATE_ITEM_HOLLOW &&
        (dcm_get(at->item, DCM_ContentSequence) != NULL ||
         dcm_get(at->item, DCM_TextValue) != NULL)) {
        fate = GATE_ITEM_STAYS;
        code = gate_item_fill(at->item, e);
    }
    t->walk.depth--;
    if (code == E_OK && fate != GATE_ITEM_STAYS) {
        t->removed = true;
        if (!dcm_remove_item(above->item, DCM_ContentSequence, above->next)) {
            return err_set(e, E_MEMORY, "no memory for removing a content item");
        }
        return E_OK;
    }
    above->next++;
    return code;
}

static int clean(struct tree *t, const char *path, struct err *e) {
    bool deep = false;
    int code = E_OK;
    walk_begin(&t->walk, t->root, path);
    while (code == E_OK) {
        if (walk_down(&t->walk, &deep)) {
            continue;
        }
        if (t->walk.depth == 0) {
            break;
        }
        code = leave(t, e);
    }
    return code;
}

int gate_tree_clean(struct gate_context *c, struct dcm_dataset *root, const char *path,
                    bool *ret_walked, struct err *e) {
    struct tree t = {.c = c, .root = root};
    *ret_walked = look(&t, path);
    if (!*ret_walked || t.items == 0) {
        return E_OK;
    }
    int code = t.reference_count > 0 ? collect(&t, path, e) : E_OK;
    code = code == E_OK ? clean(&t, path, e) : code;
    return code == E_OK && t.removed && t.reference_count > 0 ? mend(&t, e) : code;
}
