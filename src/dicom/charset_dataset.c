// SPDX-License-Identifier: Apache-2.0
// Character sets of whole data sets: text put in the set that applies, and everything moved to
// another set. Converting goes over the tree twice, first to learn that all of it can be said.
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"

#define VALUE_MAX ((size_t)1 << 31)

int dcm_charset_put(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, struct slice utf8,
                    struct err *e) {
    struct dcm_charset cs = dcm_charset_of(d);
    struct buf raw;
    char path[DCM_TAG_TEXT_LEN + 1];
    buf_init(&raw, VALUE_MAX);
    int rc = dcm_charset_from_utf8(&cs, vr, utf8, &raw, e);
    if (rc == E_OK) {
        rc = dcm_put(d, tag, vr, buf_slice(&raw), e);
    } else {
        (void)err_in(e, dcm_tag_text(tag, path));
    }
    buf_done(&raw);
    return rc;
}

struct level {
    struct dcm_dataset *dataset;
    struct dcm_charset charset; // that its text is in
    uint32_t node;
    uint32_t item;
};

struct converter {
    const struct dcm_charset *to;
    struct dcm_charset_report *report;
    bool apply;
    struct buf text;
    struct buf raw;
    unsigned depth;
    struct level levels[DCM_NESTING_MAX + 1];
};

static int place(const struct converter *c, dcm_tag tag, struct err *e) {
    char path[DCM_PATH_MAX] = "";
    char text[DCM_TAG_TEXT_LEN + 1];
    size_t used = 0;
    for (unsigned i = 0; i < c->depth; i++) {
        const struct level *l = &c->levels[i];
        int len = snprintf(path + used, sizeof path - used, "%s[%u].",
                           dcm_tag_text(l->dataset->nodes[l->node].tag, text), l->item - 1);
        size_t room = sizeof path - 1 - used;
        used += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room;
    }
    (void)snprintf(path + used, sizeof path - used, "%s", dcm_tag_text(tag, text));
    e->has_offset = false; // it counts in text that nobody sees
    return err_in(e, path);
}

static int convert_value(struct converter *c, struct level *l, const struct dcm_node *n,
                         struct err *e) {
    buf_clear(&c->text);
    buf_clear(&c->raw);
    dcm_charset_to_utf8(&l->charset, n->vr, n->value, &c->text, c->apply ? c->report : NULL);
    int rc = dcm_charset_from_utf8(c->to, n->vr, buf_slice(&c->text), &c->raw, e);
    if (rc != E_OK) {
        return place(c, n->tag, e);
    }
    if (!c->apply || slice_eq(buf_slice(&c->raw), n->value)) {
        return buf_check(&c->text, "a value", e);
    }
    return dcm_put(l->dataset, n->tag, n->vr, buf_slice(&c->raw), e);
}

static int begin_level(struct converter *c, struct dcm_dataset *d, const struct dcm_charset *around,
                       struct err *e) {
    const struct dcm_node *own = dcm_get(d, DCM_SpecificCharacterSet);
    if (c->depth >= DCM_NESTING_MAX) {
        return err_set(e, E_NESTING, "more than %d sequences inside each other", DCM_NESTING_MAX);
    }
    struct dcm_charset charset = own == NULL ? *around : dcm_charset_from_terms(own->value);
    if (c->apply && own != NULL) {
        (void)dcm_remove(d, DCM_SpecificCharacterSet);
    }
    c->levels[++c->depth] = (struct level){.dataset = d, .charset = charset};
    return E_OK;
}

// One element, or one step into or out of an item.
static int step(struct converter *c, struct err *e) {
    struct level *l = &c->levels[c->depth];
    const struct dcm_node *n = &l->dataset->nodes[l->node];
    if (l->item < n->item_count) {
        struct dcm_dataset *item = n->items[l->item++];
        return begin_level(c, item, &l->charset, e);
    }
    l->item = 0;
    l->node++;
    return dcm_vr_uses_charset(n->vr) ? convert_value(c, l, n, e) : E_OK;
}

static int convert_all(struct converter *c, struct dcm_dataset *d, bool apply, struct err *e) {
    c->apply = apply;
    c->depth = 0;
    c->levels[0] = (struct level){.dataset = d, .charset = dcm_charset_of(d)};
    for (;;) {
        const struct level *l = &c->levels[c->depth];
        if (l->node < l->dataset->count) {
            int rc = step(c, e);
            if (rc != E_OK) {
                return rc;
            }
        } else if (c->depth == 0) {
            return E_OK;
        } else {
            c->depth--;
        }
    }
}

static int put_terms(struct converter *c, struct dcm_dataset *d, struct err *e) {
    buf_clear(&c->raw);
    dcm_charset_put_terms(c->to, &c->raw);
    return dcm_put(d, DCM_SpecificCharacterSet, DCM_VR_CS, buf_slice(&c->raw), e);
}

int dcm_charset_convert(struct dcm_dataset *d, const struct dcm_charset *to,
                        struct dcm_charset_report *report, struct err *e) {
    struct converter c = {.to = to, .report = report};
    buf_init(&c.text, VALUE_MAX);
    buf_init(&c.raw, VALUE_MAX);
    int rc = convert_all(&c, d, false, e);
    if (rc == E_OK) {
        rc = convert_all(&c, d, true, e);
    }
    if (rc == E_OK) {
        rc = put_terms(&c, d, e);
    }
    buf_done(&c.text);
    buf_done(&c.raw);
    return rc;
}
