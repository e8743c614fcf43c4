// SPDX-License-Identifier: Apache-2.0
// The last net under everything else: what was written is parsed as a stranger would, and nothing
// of what the original said of its people may be in it, in any text at any depth, in the meta
// information or in the bytes of values that are no text.
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/charset.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "gate/instance.h"

#define TEXT_MAX ((size_t)4 << 20)    // of one value
#define BINARY_MAX ((size_t)64 << 10) // larger ones are tables and pixels
#define DIGITS_LEAST 5                // a shorter number proves nothing

struct net {
    const struct gate_subject *subject;
    struct dcm_charset charset;
    struct buf text;
    enum gate_kind kind;
    char *where;
};

static size_t count_digits(struct slice s) {
    size_t digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        digits += s.ptr[i] >= '0' && s.ptr[i] <= '9';
    }
    return digits;
}

// "1.1.00" is a version as well as a birthday; "1 Jan 2000" and "01.01.2000" are not.
static bool is_whole_date(struct slice s) {
    size_t digits = count_digits(s);
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i] | 0x20;
        if (c >= 'a' && c <= 'z') {
            return digits >= 3;
        }
    }
    return digits >= 6;
}

// Words that are kept may be a part of a name as well ("left hand" of Dr Hand): words.h weighed
// that. Two parts together, or anything that is a number of its own, are proof.
static bool is_strong(const struct gate_hit *hit, struct slice text) {
    struct slice found = slice_of(text.ptr + hit->start, hit->end - hit->start);
    switch (hit->kind) {
    case GATE_KIND_PERSON_NAME:
        return slice_find(found, ' ') < found.len || slice_find(found, '^') < found.len ||
               slice_find(found, ',') < found.len;
    case GATE_KIND_PATIENT_ID:
    case GATE_KIND_NHS_NUMBER:
    case GATE_KIND_NATIONAL_ID:
    case GATE_KIND_HOSPITAL_NUMBER:
        return found.len >= DIGITS_LEAST || count_digits(found) < found.len;
    case GATE_KIND_BIRTH_DATE:
        return is_whole_date(found);
    case GATE_KIND_CONTACT:
        return true;
    default:
        return false;
    }
}

static bool search(struct net *n, struct slice text) {
    struct gate_hit hit;
    size_t from = 0;
    while (from < text.len && gate_subject_find(n->subject, text, from, false, &hit)) {
        if (hit.end > text.len || hit.end <= hit.start) {
            return false;
        }
        if (is_strong(&hit, text)) {
            n->kind = hit.kind;
            return true;
        }
        from = hit.end;
    }
    return false;
}

static bool is_text(enum dcm_vr vr) {
    switch (vr) {
    case DCM_VR_AE:
    case DCM_VR_CS:
    case DCM_VR_LO:
    case DCM_VR_LT:
    case DCM_VR_PN:
    case DCM_VR_SH:
    case DCM_VR_ST:
    case DCM_VR_UC:
    case DCM_VR_UR:
    case DCM_VR_UT:
    case DCM_VR_DA:
    case DCM_VR_DT:
        return true;
    default:
        return false;
    }
}

static bool search_value(struct net *n, const struct dcm_node *node) {
    if (is_text(node->vr)) {
        buf_clear(&n->text);
        dcm_charset_to_utf8(&n->charset, node->vr, node->value, &n->text, NULL);
        return search(n, buf_slice(&n->text));
    }
    bool bytes = node->vr == DCM_VR_OB || node->vr == DCM_VR_UN;
    return bytes && node->value.len <= BINARY_MAX && search(n, node->value);
}

static int tell(struct net *n, const struct dcm_node *node, const char *path) {
    char tag[DCM_TAG_TEXT_LEN + 1];
    (void)snprintf(n->where, GATE_WHERE_MAX, "written %s%s", path, dcm_tag_text(node->tag, tag));
    return 1;
}

struct level {
    const struct dcm_dataset *d;
    uint32_t node, item;
};

// Depth first with a stack of its own; the reader took no deeper nesting.
static int search_dataset(struct net *n, const struct dcm_dataset *top) {
    struct level stack[DCM_NESTING_MAX + 1] = {{.d = top}};
    uint32_t depth = 1;
    n->charset = dcm_charset_of(top);
    while (depth > 0) {
        struct level *l = &stack[depth - 1];
        if (l->node == l->d->count) {
            depth--;
            if (depth > 0) {
                n->charset = dcm_charset_of(stack[depth - 1].d);
            }
            continue;
        }
        const struct dcm_node *node = &l->d->nodes[l->node];
        if (l->item < node->item_count && depth <= DCM_NESTING_MAX) {
            const struct dcm_dataset *item = node->items[l->item++];
            stack[depth++] = (struct level){.d = item};
            n->charset = dcm_charset_of(item);
            continue;
        }
        if (node->item_count == 0 && node->fragment_count == 0 && search_value(n, node)) {
            char path[32] = "";
            if (depth > 1) {
                char tag[DCM_TAG_TEXT_LEN + 1];
                const struct level *first = &stack[0];
                (void)snprintf(path, sizeof path, "%s[%u]..",
                               dcm_tag_text(first->d->nodes[first->node].tag, tag), first->item);
            }
            return tell(n, node, path);
        }
        l->node++;
        l->item = 0;
    }
    return 0;
}

int gate_residual_search(struct arena *a, const struct gate_subject *subject, struct slice written,
                         enum gate_kind *ret_kind, char ret_where[GATE_WHERE_MAX], struct err *e) {
    struct dcm_file file;
    struct dcm_dataset *d;
    struct net n = {.subject = subject, .where = ret_where};
    int rc = dcm_file_open(a, written, &file, e);
    rc = rc == E_OK ? dcm_file_dataset(a, &file, 0, &d, e) : rc;
    if (rc != E_OK || !file.has_meta || !file.has_preamble) {
        return err_set(e, E_CORRUPT, "what was written cannot be read again");
    }
    buf_init(&n.text, TEXT_MAX);
    rc = search_dataset(&n, file.meta);
    rc = rc == 0 ? search_dataset(&n, d) : rc;
    buf_done(&n.text);
    *ret_kind = n.kind;
    return rc;
}
