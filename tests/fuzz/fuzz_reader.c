// SPDX-License-Identifier: Apache-2.0
// The event reader on any bytes in every encoding: values lie in the input, begin and end match, a
// skipped structure ends where a read one does, and the tree says the same as the events. The first
// byte chooses the encoding.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ARENA_BYTES ((size_t)256 << 20)
#define BASE 132

static void need(bool truth) {
    if (!truth) {
        abort();
    }
}

static bool inside(struct slice input, struct slice value) {
    return value.ptr >= input.ptr && value.len <= input.len &&
           (size_t)(value.ptr - input.ptr) <= input.len - value.len;
}

static void check_error(int rc, const struct err *e) {
    need(rc < 0 && e->code == rc && e->text[0] != '\0' && e->has_offset);
}

struct tally {
    uint64_t elements;
    uint64_t items;
    uint64_t fragments;
    uint64_t hash; // of tags, VRs and value positions in order
    uint32_t oddities;
    int rc;
};

static void mix(struct tally *t, uint64_t value) { t->hash = (t->hash ^ value) * 0x100000001B3u; }

static void mix_element(struct tally *t, dcm_tag tag, enum dcm_vr vr, struct slice value) {
    t->elements++;
    mix(t, tag);
    mix(t, vr);
    mix(t, value.len);
    mix(t, (uintptr_t)(value.len == 0 ? NULL : value.ptr));
}

static int pair_of(int begin) {
    switch (begin) {
    case DCM_EVENT_SEQUENCE_BEGIN:
        return DCM_EVENT_SEQUENCE_END;
    case DCM_EVENT_ITEM_BEGIN:
        return DCM_EVENT_ITEM_END;
    case DCM_EVENT_FRAGMENTS_BEGIN:
        return DCM_EVENT_FRAGMENTS_END;
    default:
        return 0;
    }
}

static struct tally read_events(struct slice input, enum dcm_encoding encoding) {
    struct tally t = {0};
    struct dcm_reader r;
    struct dcm_element element;
    struct err e = {0};
    int open[2 * DCM_NESTING_MAX + 2];
    int depth = 0;
    dcm_reader_init(&r, input, encoding, BASE);
    for (;;) {
        int event = dcm_reader_next(&r, &element, &e);
        t.rc = event;
        if (event <= 0) {
            break;
        }
        need(inside(input, element.value) && r.at <= input.len);
        char path[DCM_PATH_MAX];
        need(dcm_reader_path(&r, element.tag, path)[0] == '(');
        if (event == DCM_EVENT_ELEMENT || event == DCM_EVENT_SEQUENCE_BEGIN ||
            event == DCM_EVENT_FRAGMENTS_BEGIN) {
            mix_element(&t, element.tag, element.vr, element.value);
        }
        t.items += event == DCM_EVENT_ITEM_BEGIN;
        t.fragments += event == DCM_EVENT_FRAGMENT;
        if (pair_of(event) != 0) {
            need(depth < 2 * DCM_NESTING_MAX + 1);
            open[depth++] = pair_of(event);
        } else if (event == DCM_EVENT_SEQUENCE_END || event == DCM_EVENT_ITEM_END ||
                   event == DCM_EVENT_FRAGMENTS_END) {
            need(depth > 0 && open[--depth] == event);
            need(element.end == BASE + r.at);
        }
    }
    if (t.rc < 0) {
        check_error(t.rc, &e);
        need(dcm_reader_next(&r, &element, &e) == t.rc);
    } else {
        need(depth == 0 && dcm_reader_next(&r, &element, &e) == DCM_EVENT_END);
    }
    t.oddities = r.oddities;
    return t;
}

// Where each top-level structure ends, read through or skipped.
static void check_skip(struct slice input, enum dcm_encoding encoding) {
    struct dcm_reader through;
    struct dcm_reader jump;
    struct dcm_element a = {0};
    struct dcm_element b = {0};
    struct err e = {0};
    dcm_reader_init(&through, input, encoding, BASE);
    dcm_reader_init(&jump, input, encoding, BASE);
    int event;
    do {
        event = dcm_reader_next(&through, &a, &e);
        need(dcm_reader_next(&jump, &b, &e) == event);
        int wanted = event > 0 ? pair_of(event) : 0;
        if (wanted == 0) {
            continue;
        }
        do {
            event = dcm_reader_next(&through, &a, &e);
        } while (event > 0 && !(event == wanted && through.depth == 0));
        if (event < 0 || through.oddities != 0) {
            return; // the skipping reader need not see it
        }
        need(dcm_reader_skip(&jump, &b, &e) == event && a.end == b.end && a.tag == b.tag);
    } while (event > 0);
}

struct place {
    const struct dcm_dataset *d;
    uint32_t node;
    uint32_t item;
};

static struct tally read_tree(const struct dcm_dataset *top) {
    struct tally t = {0};
    struct place stack[DCM_NESTING_MAX + 1];
    int depth = 0;
    stack[0] = (struct place){.d = top};
    while (depth >= 0) {
        struct place *p = &stack[depth];
        if (p->node == p->d->count) {
            depth--;
            continue;
        }
        const struct dcm_node *n = &p->d->nodes[p->node];
        if (p->item == 0) {
            mix_element(&t, n->tag, n->vr, n->value);
            t.fragments += n->fragment_count;
        }
        if (p->item < n->item_count) {
            need(n->items[p->item]->parent == p->d);
            t.items++;
            need(depth < DCM_NESTING_MAX);
            stack[++depth] = (struct place){.d = n->items[p->item++]};
            continue;
        }
        p->item = 0;
        p->node++;
    }
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len == 0) {
        return 0;
    }
    enum dcm_encoding encoding = (enum dcm_encoding)(data[0] % 3);
    struct slice input = slice_of(data + 1, len - 1);
    struct tally events = read_events(input, encoding);
    check_skip(input, encoding);
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    struct dcm_dataset *d;
    struct err e = {0};
    uint32_t oddities = 0;
    int rc = dcm_dataset_read(&a, input, encoding, BASE, 0, &d, &oddities, &e);
    need(rc == events.rc);
    if (rc == E_OK) {
        struct tally tree = read_tree(d);
        need(tree.hash == events.hash && tree.elements == events.elements &&
             tree.items == events.items && tree.fragments == events.fragments &&
             oddities == events.oddities);
    }
    arena_done(&a);
    return 0;
}
