// SPDX-License-Identifier: Apache-2.0
// What is read and written again is the same: byte for byte when nothing changed; element for
// element when everything is written anew or in another encoding; and writing what was so written
// changes nothing more. The first byte chooses the encoding read, the second the encoding written.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ARENA_BYTES ((size_t)256 << 20)
#define OUTPUT_BYTES ((size_t)64 << 20)

static void need(bool truth) {
    if (!truth) {
        abort();
    }
}

struct place {
    struct dcm_dataset *a;
    struct dcm_dataset *b;
    uint32_t node_a;
    uint32_t node_b;
    uint32_t item;
};

// Marks every data set and node as changed, so that no byte is copied.
static void change_all(struct dcm_dataset *top) {
    struct place stack[DCM_NESTING_MAX + 1];
    int depth = 0;
    stack[0] = (struct place){.a = top};
    while (depth >= 0) {
        struct place *p = &stack[depth];
        p->a->changed = true;
        if (p->node_a == p->a->count) {
            depth--;
            continue;
        }
        struct dcm_node *n = &p->a->nodes[p->node_a];
        n->changed = true;
        if (p->item < n->item_count) {
            stack[++depth] = (struct place){.a = n->items[p->item++]};
            continue;
        }
        p->item = 0;
        p->node_a++;
    }
}

static bool is_big(const struct dcm_node *n) {
    return n->encoding == DCM_EXPLICIT_BE && n->vr != DCM_VR_UN;
}

// Equal bytes, in one order, but for a pad byte that was added or not.
static void compare_values(const struct dcm_node *a, const struct dcm_node *b) {
    size_t unit = is_big(a) != is_big(b) ? dcm_vr_info(is_big(a) ? a->vr : b->vr)->unit : 1;
    need(b->value.len == a->value.len || b->value.len == a->value.len + (a->value.len & 1));
    size_t whole = a->value.len - a->value.len % unit;
    for (size_t i = 0; i < a->value.len; i++) {
        size_t j = i < whole ? i - i % unit + (unit - 1 - i % unit) : i;
        need(a->value.ptr[i] == b->value.ptr[unit == 1 ? i : j]);
    }
}

static void compare_nodes(const struct dcm_node *a, const struct dcm_node *b) {
    need(a->tag == b->tag && a->item_count == b->item_count &&
         a->fragment_count == b->fragment_count);
    need((a->fragments != NULL) == (b->fragments != NULL));
    need((a->vr == DCM_VR_SQ) == (b->vr == DCM_VR_SQ) || a->item_count == 0);
    if (a->vr != DCM_VR_SQ && a->fragments == NULL) {
        compare_values(a, b);
    }
    for (uint32_t i = 0; i < a->fragment_count; i++) {
        struct slice x = a->fragments[i].bytes;
        struct slice y = b->fragments[i].bytes;
        need(y.len == x.len || y.len == x.len + (x.len & 1));
        need(slice_eq(x, slice_first(y, x.len)));
    }
}

// Group lengths are not written anew; those of items that were copied are.
static bool is_dropped(dcm_tag tag) { return dcm_tag_is_group_length(tag); }

// UN of odd length gets a pad byte, which can complete what was no sequence.
static bool completed(const struct dcm_node *a, const struct dcm_node *b) {
    return a->vr == DCM_VR_UN && (a->value.len & 1) == 1 && b->vr == DCM_VR_SQ;
}

// false when there is nothing to compare any more.
static bool compare(struct dcm_dataset *before, struct dcm_dataset *after) {
    struct place stack[DCM_NESTING_MAX + 1];
    int depth = 0;
    stack[0] = (struct place){.a = before, .b = after};
    while (depth >= 0) {
        struct place *p = &stack[depth];
        while (p->node_a < p->a->count && is_dropped(p->a->nodes[p->node_a].tag)) {
            p->node_a++;
        }
        while (p->node_b < p->b->count && is_dropped(p->b->nodes[p->node_b].tag)) {
            p->node_b++; // of an item that was copied
        }
        if (p->node_a == p->a->count) {
            need(p->node_b == p->b->count);
            depth--;
            continue;
        }
        need(p->node_b < p->b->count);
        const struct dcm_node *a = &p->a->nodes[p->node_a];
        const struct dcm_node *b = &p->b->nodes[p->node_b];
        if (completed(a, b)) {
            return false;
        }
        if (p->item == 0) {
            compare_nodes(a, b);
        }
        if (p->item < a->item_count) {
            uint32_t i = p->item++;
            stack[++depth] = (struct place){.a = a->items[i], .b = b->items[i]};
            continue;
        }
        p->item = 0;
        p->node_a++;
        p->node_b++;
    }
    return true;
}

static int write_set(const struct dcm_dataset *d, enum dcm_encoding encoding, struct buf *out,
                     struct err *e) {
    uint64_t length = 0;
    int measured = dcm_write_length(d, encoding, &length, e);
    int rc = dcm_write(d, encoding, dcm_sink_buf(out), e);
    need(rc == measured && (rc != E_OK || length == out->len));
    return rc;
}

// `anew`: nothing is copied, so that writing a second time must give the same bytes.
static void check_conversion(struct arena *a, struct dcm_dataset *d, enum dcm_encoding to,
                             bool anew) {
    struct err e = {0};
    struct buf first;
    struct buf second;
    struct dcm_dataset *again;
    buf_init(&first, OUTPUT_BYTES);
    buf_init(&second, OUTPUT_BYTES);
    int rc = write_set(d, to, &first, &e);
    if (rc == E_OK) {
        uint32_t oddities = 0;
        rc = dcm_dataset_read(a, buf_slice(&first), to, 0, 0, &again, &oddities, &e);
        need(rc == E_OK);
        if (compare(d, again) && anew) {
            change_all(again);
            need(write_set(again, to, &second, &e) == E_OK);
            need(slice_eq(buf_slice(&first), buf_slice(&second)));
        }
    } else {
        need(rc == E_VALUE || rc == E_UNSUPPORTED || rc == E_LIMIT);
    }
    buf_done(&first);
    buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < 2) {
        return 0;
    }
    enum dcm_encoding from = (enum dcm_encoding)(data[0] % 3);
    enum dcm_encoding to = (enum dcm_encoding)(data[1] % 3);
    struct slice input = slice_of(data + 2, len - 2);
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    struct dcm_dataset *d;
    struct err e = {0};
    if (dcm_dataset_read(&a, input, from, 0, 0, &d, NULL, &e) == E_OK) {
        struct buf same;
        buf_init(&same, OUTPUT_BYTES);
        need(write_set(d, d->encoding, &same, &e) == E_OK && slice_eq(buf_slice(&same), input));
        buf_done(&same);
        d->changed = true; // elements are copied one by one where they may be
        check_conversion(&a, d, to, false);
        change_all(d);
        check_conversion(&a, d, to, true);
    }
    arena_done(&a);
    return 0;
}
