// SPDX-License-Identifier: Apache-2.0
// Changing a data set: nodes put at their place in tag order, values copied and padded (PS3.5 6.2,
// 7.1.2), everything above marked as changed so that the writer knows what it may not copy.
#include "dicom/dataset.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"

#define NARROW_LENGTH_MAX 65534u // largest even number in a 16-bit length
#define WIDE_LENGTH_MAX 0xFFFFFFFEu
#define NODES_AT_FIRST 16
#define DS_TEXT_MAX 16
#define NUMBER_TEXT_MAX 24 // a 64-bit number with its sign, a backslash and a NUL

static int no_memory(struct err *e) { return err_set(e, E_MEMORY, "no memory for the data set"); }

static int refuse(struct err *e, dcm_tag tag, const char *why) {
    char path[DCM_TAG_TEXT_LEN + 1];
    (void)err_set(e, E_VALUE, "%s", why);
    return err_in(e, dcm_tag_text(tag, path));
}

static void mark_changed(struct dcm_dataset *d) {
    for (; d != NULL && !d->changed; d = d->parent) {
        d->changed = true;
    }
}

static bool make_room(struct dcm_dataset *d) {
    if (d->count < d->cap) {
        return true;
    }
    uint32_t cap = d->cap < NODES_AT_FIRST ? NODES_AT_FIRST : d->cap * 2;
    struct dcm_node *nodes = arena_array(d->arena, cap, sizeof *nodes);
    if (cap <= d->cap || nodes == NULL) {
        return false;
    }
    if (d->count > 0) {
        memcpy(nodes, d->nodes, d->count * sizeof *nodes);
    }
    d->nodes = nodes;
    d->cap = cap;
    return true;
}

// Removes every node with the tag from index `from` on: a second copy must not survive a change.
static bool remove_all(struct dcm_dataset *d, dcm_tag tag, uint32_t from) {
    uint32_t kept = from;
    uint32_t i = from;
    for (; i < d->count && !(d->sorted && d->nodes[i].tag > tag); i++) {
        if (d->nodes[i].tag != tag) {
            d->nodes[kept++] = d->nodes[i];
        }
    }
    if (kept == i) {
        return false;
    }
    memmove(&d->nodes[kept], &d->nodes[i], (d->count - i) * sizeof *d->nodes);
    d->count -= i - kept;
    return true;
}

// The place of `tag`: its first node, or before the first node with a higher tag.
static uint32_t place_of(const struct dcm_dataset *d, dcm_tag tag, bool *ret_found) {
    const struct dcm_node *n = dcm_get(d, tag);
    *ret_found = n != NULL;
    if (n != NULL) {
        return (uint32_t)(n - d->nodes);
    }
    uint32_t low = 0;
    uint32_t high = d->count;
    while (d->sorted && low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (d->nodes[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    while (!d->sorted && low < d->count && d->nodes[low].tag < tag) {
        low++;
    }
    return low;
}

// Puts a fresh node at its place; NULL when memory is short.
static struct dcm_node *place(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr) {
    bool found;
    uint32_t i = place_of(d, tag, &found);
    if (!found) {
        if (!make_room(d)) {
            return NULL;
        }
        memmove(&d->nodes[i + 1], &d->nodes[i], (d->count - i) * sizeof *d->nodes);
        d->count++;
    } else {
        (void)remove_all(d, tag, i + 1);
    }
    d->nodes[i] = (struct dcm_node){.tag = tag, .vr = vr, .encoding = d->encoding, .changed = true};
    mark_changed(d);
    return &d->nodes[i];
}

static int check_length(dcm_tag tag, enum dcm_vr vr, size_t len, struct err *e) {
    const struct dcm_vr_info *info = dcm_vr_info(vr);
    if (vr == DCM_VR_NONE || vr == DCM_VR_SQ) {
        return refuse(e, tag, "a value cannot be put with this VR");
    }
    if (len > (info->wide ? WIDE_LENGTH_MAX : NARROW_LENGTH_MAX)) {
        return refuse(e, tag, "value too long for its VR");
    }
    if (len % info->unit != 0 || (vr == DCM_VR_AT && len % 4 != 0)) {
        return refuse(e, tag, "value is no whole number of units of its VR");
    }
    return E_OK;
}

int dcm_put(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, struct slice value, struct err *e) {
    int rc = check_length(tag, vr, value.len, e);
    if (rc != E_OK) {
        return rc;
    }
    size_t padded = value.len + (value.len & 1);
    uint8_t *copy = arena_alloc(d->arena, padded);
    if (copy == NULL) {
        return no_memory(e);
    }
    if (value.len > 0) {
        memcpy(copy, value.ptr, value.len);
    }
    if (padded > value.len) {
        copy[value.len] = dcm_vr_info(vr)->pad;
    }
    struct dcm_node *n = place(d, tag, vr);
    if (n == NULL) {
        return no_memory(e);
    }
    n->value = slice_of(copy, padded);
    return E_OK;
}

int dcm_put_str(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const char *text,
                struct err *e) {
    return dcm_put(d, tag, vr, slice_str(text), e);
}

int dcm_put_borrowed(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, struct slice value,
                     struct err *e) {
    int rc = check_length(tag, vr, value.len, e);
    if (rc != E_OK) {
        return rc;
    }
    struct dcm_node *n = place(d, tag, vr);
    if (n == NULL) {
        return no_memory(e);
    }
    n->value = value; // an odd length is padded by the writer
    return E_OK;
}

// --- numbers ---

static void store(uint8_t *p, uint64_t bits, unsigned size, bool big) {
    for (unsigned i = 0; i < size; i++) {
        p[big ? size - 1 - i : i] = (uint8_t)(bits >> (8 * i));
    }
}

struct int_range {
    int64_t min;
    int64_t max;
};

static bool int_range(enum dcm_vr vr, struct int_range *ret_range) {
    static const struct int_range ranges[DCM_VR_COUNT] = {
        [DCM_VR_US] = {0, UINT16_MAX},
        [DCM_VR_SS] = {INT16_MIN, INT16_MAX},
        [DCM_VR_UL] = {0, UINT32_MAX},
        [DCM_VR_SL] = {INT32_MIN, INT32_MAX},
        [DCM_VR_UV] = {0, INT64_MAX},
        [DCM_VR_SV] = {INT64_MIN, INT64_MAX},
        [DCM_VR_AT] = {0, UINT32_MAX},
        [DCM_VR_IS] = {INT32_MIN, INT32_MAX},
        [DCM_VR_DS] = {-99999999999999, 999999999999999},
    };
    bool known = (unsigned)vr < DCM_VR_COUNT && ranges[vr].max != 0;
    if (known) {
        *ret_range = ranges[vr];
    }
    return known;
}

static int check_ints(dcm_tag tag, enum dcm_vr vr, const int64_t *values, uint32_t count,
                      struct err *e) {
    struct int_range range;
    if (!int_range(vr, &range)) {
        return refuse(e, tag, "this VR holds no whole numbers");
    }
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] < range.min || values[i] > range.max) {
            return refuse(e, tag, "number out of the range of its VR");
        }
    }
    return E_OK;
}

static void store_int(uint8_t *p, enum dcm_vr vr, uint64_t bits, bool big) {
    if (vr == DCM_VR_AT) {
        store(p, bits >> 16, 2, big);
        store(p + 2, bits & 0xFFFF, 2, big);
    } else {
        store(p, bits, dcm_vr_info(vr)->unit, big);
    }
}

// Appends one number's text behind a backslash when it is not the first; false when it is too long.
typedef int (*number_writer)(char *out, const void *values, uint32_t index);

static int put_number_text(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const void *values,
                           uint32_t count, number_writer write, struct err *e) {
    char *text = arena_array(d->arena, (size_t)count + 1, NUMBER_TEXT_MAX);
    if (text == NULL) {
        return no_memory(e);
    }
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            text[used++] = '\\';
        }
        int len = write(text + used, values, i);
        if (len <= 0) {
            return refuse(e, tag, "number cannot be written as text");
        }
        used += (size_t)len;
    }
    return dcm_put(d, tag, vr, slice_of(text, used), e);
}

static int int_text(char *out, const void *values, uint32_t index) {
    const int64_t *numbers = values;
    return snprintf(out, NUMBER_TEXT_MAX, "%lld", (long long)numbers[index]);
}

int dcm_put_ints(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const int64_t *values,
                 uint32_t count, struct err *e) {
    int rc = check_ints(tag, vr, values, count, e);
    if (rc != E_OK) {
        return rc;
    }
    if (vr == DCM_VR_IS || vr == DCM_VR_DS) {
        return put_number_text(d, tag, vr, values, count, int_text, e);
    }
    unsigned size = vr == DCM_VR_AT ? 4 : dcm_vr_info(vr)->unit;
    uint8_t *bytes = arena_array(d->arena, count, size);
    if (bytes == NULL) {
        return no_memory(e);
    }
    for (uint32_t i = 0; i < count; i++) {
        store_int(bytes + (size_t)i * size, vr, (uint64_t)values[i],
                  d->encoding == DCM_EXPLICIT_BE);
    }
    return dcm_put(d, tag, vr, slice_of(bytes, (size_t)count * size), e);
}

// DS: at most 16 characters, as many digits as fit, and no more than are needed to read it back.
static int ds_text(char *out, const void *values, uint32_t index) {
    const double *numbers = values;
    double number = numbers[index] == 0 ? 0 : numbers[index]; // no "-0"
    if (!isfinite(number)) {
        return 0;
    }
    char text[2 * NUMBER_TEXT_MAX];
    int best = 0;
    for (int digits = 1; digits <= DS_TEXT_MAX; digits++) {
        int len = snprintf(text, sizeof text, "%.*g", digits, number);
        if (len > DS_TEXT_MAX) {
            continue;
        }
        best = len;
        memcpy(out, text, (size_t)len);
        double back;
        if (num_parse_double(slice_of(text, (size_t)len), &back) && back == number) {
            break;
        }
    }
    return best;
}

static void store_double(uint8_t *p, enum dcm_vr vr, double number, bool big) {
    if (vr == DCM_VR_FD || vr == DCM_VR_OD) {
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        store(p, bits, sizeof bits, big);
        return;
    }
    float narrow = (float)number;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    store(p, bits, sizeof bits, big);
}

int dcm_put_doubles(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const double *values,
                    uint32_t count, struct err *e) {
    if (vr == DCM_VR_DS) {
        return put_number_text(d, tag, vr, values, count, ds_text, e);
    }
    if (vr != DCM_VR_FL && vr != DCM_VR_FD && vr != DCM_VR_OF && vr != DCM_VR_OD) {
        return refuse(e, tag, "this VR holds no floating-point numbers");
    }
    unsigned size = dcm_vr_info(vr)->unit;
    uint8_t *bytes = arena_array(d->arena, count, size);
    if (bytes == NULL) {
        return no_memory(e);
    }
    for (uint32_t i = 0; i < count; i++) {
        store_double(bytes + (size_t)i * size, vr, values[i], d->encoding == DCM_EXPLICIT_BE);
    }
    return dcm_put(d, tag, vr, slice_of(bytes, (size_t)count * size), e);
}

// --- structures ---

static bool grow_items(struct dcm_dataset *d, struct dcm_node *n) {
    // Room is doubled whenever the count is a power of two, so no capacity needs to be kept.
    bool full = (n->item_count & (n->item_count - 1)) == 0;
    if (!full && n->changed) {
        return true;
    }
    size_t cap = 1;
    while (cap <= n->item_count) {
        cap *= 2;
    }
    struct dcm_dataset **items = arena_array(d->arena, cap, sizeof(struct dcm_dataset *));
    if (items == NULL) {
        return false;
    }
    if (n->item_count > 0) {
        memcpy(items, n->items, n->item_count * sizeof(struct dcm_dataset *));
    }
    n->items = items;
    return true;
}

static struct dcm_node *sequence_node(struct dcm_dataset *d, dcm_tag tag) {
    bool found;
    uint32_t i = place_of(d, tag, &found);
    if (found && d->nodes[i].vr == DCM_VR_SQ) {
        return &d->nodes[i];
    }
    return place(d, tag, DCM_VR_SQ);
}

int dcm_add_item(struct dcm_dataset *d, dcm_tag sequence, struct dcm_dataset **ret_item,
                 struct err *e) {
    struct dcm_dataset *item = dcm_dataset_new(d->arena, d->encoding);
    struct dcm_node *n = item == NULL ? NULL : sequence_node(d, sequence);
    if (n == NULL || !grow_items(d, n)) {
        return no_memory(e);
    }
    item->parent = d;
    n->items[n->item_count++] = item;
    n->changed = true;
    mark_changed(d);
    *ret_item = item;
    return E_OK;
}

int dcm_put_fragments(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr,
                      const struct slice *fragments, uint32_t count, struct err *e) {
    if (vr != DCM_VR_OB && vr != DCM_VR_OW) {
        return refuse(e, tag, "fragments have VR OB or OW");
    }
    struct dcm_fragment *copy = arena_array(d->arena, count, sizeof *copy);
    struct dcm_node *n = copy == NULL ? NULL : place(d, tag, vr);
    if (n == NULL) {
        return no_memory(e);
    }
    for (uint32_t i = 0; i < count; i++) {
        copy[i].bytes = fragments[i];
    }
    n->fragments = copy;
    n->fragment_count = count;
    n->undefined = true;
    return E_OK;
}

bool dcm_remove(struct dcm_dataset *d, dcm_tag tag) {
    const struct dcm_node *first = dcm_get(d, tag);
    bool found = first != NULL && remove_all(d, tag, (uint32_t)(first - d->nodes));
    if (found) {
        mark_changed(d);
    }
    return found;
}

bool dcm_remove_item(struct dcm_dataset *d, dcm_tag sequence, uint32_t index) {
    bool found;
    uint32_t i = place_of(d, sequence, &found);
    struct dcm_node *n = found ? &d->nodes[i] : NULL;
    // Items as they were read have no room behind them: adding counts on some after a change.
    if (n == NULL || n->vr != DCM_VR_SQ || index >= n->item_count ||
        (!n->changed && !grow_items(d, n))) {
        return false;
    }
    if (n->item_count == 1) {
        return dcm_remove(d, sequence);
    }
    memmove(&n->items[index], &n->items[index + 1],
            (n->item_count - 1 - index) * sizeof(struct dcm_dataset *));
    n->item_count--;
    n->changed = true;
    mark_changed(d);
    return true;
}
