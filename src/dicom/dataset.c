// SPDX-License-Identifier: Apache-2.0
// Building the tree from the reader's events, and finding elements in it. While a data set is open
// its nodes lie on a stack shared by all levels; when it ends they are copied to the arena in one
// piece of the right size. Values stay where they were read.
#include "dicom/dataset.h"

#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/dict.h"

#define NODES_AT_FIRST 512
#define NODES_ON_STACK_MAX ((uint32_t)DCM_ELEMENTS_MAX)

// A growing array on the heap of things that belong to structures not yet ended.
struct stack {
    void *memory;
    uint32_t count;
    uint32_t cap;
};

struct open_level {
    struct dcm_dataset *dataset; // of an item or the top; NULL for sequences and fragments
    uint32_t first;              // index on the stack of the first node, item or fragment
    uint32_t guesses;            // of the reader before it began
};

struct builder {
    struct arena *arena;
    struct slice input;
    uint64_t base;
    struct stack nodes;
    struct stack items;     // struct dcm_dataset *
    struct stack fragments; // struct dcm_fragment
    unsigned depth;
    uint32_t guesses_before; // the reader's before the event in hand
    uint32_t guesses;        // and with it
    struct open_level levels[2 * DCM_NESTING_MAX + 2];
};

static void cleanup_builder(struct builder *b) {
    mem_free(b->nodes.memory);
    mem_free(b->items.memory);
    mem_free(b->fragments.memory);
}

// `wanted` more bytes were not to be had: over the arena's limit, or memory is short.
static int no_memory(const struct builder *b, size_t wanted, struct err *e) {
    size_t left = b->arena->limit - b->arena->used;
    if (wanted > left) {
        return err_set(e, E_LIMIT, "data set takes more than %zu bytes of memory", b->arena->limit);
    }
    return err_set(e, E_MEMORY, "no memory for the data set");
}

// One more place on the stack, which never outgrows what the arena may still take; NULL and the
// error set when memory is short.
static void *push(struct builder *b, struct stack *s, size_t size, struct err *e) {
    if (s->count == s->cap) {
        uint32_t cap = s->cap == 0 ? NODES_AT_FIRST : s->cap * 2;
        size_t left = b->arena->limit - b->arena->used;
        bool fits = s->cap <= NODES_ON_STACK_MAX && (size_t)s->count * size <= left;
        void *memory = fits ? mem_realloc(s->memory, (size_t)cap * size) : NULL;
        if (memory == NULL) {
            (void)no_memory(b, (size_t)s->count * size, e);
            return NULL;
        }
        s->memory = memory;
        s->cap = cap;
    }
    return (char *)s->memory + (size_t)s->count++ * size;
}

// Moves everything from `first` on to the arena. NULL and the error set when memory is short; an
// empty array is one that must not be looked into.
static void *pop_all(struct builder *b, struct stack *s, uint32_t first, size_t size,
                     struct err *e) {
    size_t len = (size_t)(s->count - first) * size;
    void *copy = arena_alloc(b->arena, len);
    if (copy == NULL) {
        (void)no_memory(b, len, e);
        return NULL;
    }
    if (len > 0) {
        memcpy(copy, (char *)s->memory + (size_t)first * size, len);
    }
    s->count = first;
    return copy;
}

static struct dcm_node *last_node(struct builder *b) {
    return (struct dcm_node *)b->nodes.memory + (b->nodes.count - 1);
}

static struct slice bytes_between(const struct builder *b, uint64_t from, uint64_t to) {
    return slice_of(b->input.ptr + (from - b->base), (size_t)(to - from));
}

// What could only be read by a guess counts as changed: it is not copied into other surroundings,
// where the guess might fall otherwise.
static int add_node(struct builder *b, const struct dcm_element *element, struct err *e) {
    struct dcm_node *node = push(b, &b->nodes, sizeof *node, e);
    if (node == NULL) {
        return e->code;
    }
    *node = (struct dcm_node){.tag = element->tag,
                              .vr = element->vr,
                              .encoding = element->encoding,
                              .changed = b->guesses_before != b->guesses,
                              .undefined = element->length == DCM_LENGTH_UNDEFINED,
                              .offset = element->offset,
                              .value = element->value,
                              .raw = bytes_between(b, element->offset, element->end)};
    return E_OK;
}

// A data set that is open, its nodes on the stack from here.
static int open_dataset(struct builder *b, enum dcm_encoding encoding, bool undefined,
                        struct err *e) {
    struct dcm_dataset *d = arena_new(b->arena, struct dcm_dataset);
    if (d == NULL) {
        return no_memory(b, sizeof *d, e);
    }
    d->arena = b->arena;
    d->encoding = encoding;
    d->undefined = undefined;
    d->parent = b->depth >= 2 ? b->levels[b->depth - 2].dataset : NULL;
    b->levels[b->depth++] =
        (struct open_level){.dataset = d, .first = b->nodes.count, .guesses = b->guesses_before};
    return E_OK;
}

static bool in_order(const struct dcm_node *nodes, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        if (nodes[i - 1].tag > nodes[i].tag) {
            return false;
        }
    }
    return true;
}

static int close_dataset(struct builder *b, struct slice raw, struct err *e) {
    const struct open_level *level = &b->levels[--b->depth];
    struct dcm_dataset *d = level->dataset;
    d->count = b->nodes.count - level->first;
    d->cap = d->count;
    d->nodes = pop_all(b, &b->nodes, level->first, sizeof *d->nodes, e);
    d->raw = raw;
    if (d->nodes == NULL) {
        return e->code;
    }
    d->encoding = d->count > 0 ? d->nodes[0].encoding : d->encoding;
    d->sorted = in_order(d->nodes, d->count);
    d->guessed = level->guesses != b->guesses;
    return E_OK;
}

static int open_item(struct builder *b, const struct dcm_element *element, struct err *e) {
    int rc = open_dataset(b, element->encoding, element->length == DCM_LENGTH_UNDEFINED, e);
    if (rc != E_OK) {
        return rc;
    }
    struct dcm_dataset **slot = push(b, &b->items, sizeof *slot, e);
    if (slot == NULL) {
        return e->code;
    }
    *slot = b->levels[b->depth - 1].dataset;
    return E_OK;
}

// The node whose sequence or fragments end is the last one: what was inside has left the stack.
static int close_node(struct builder *b, int event, const struct dcm_element *element,
                      struct err *e) {
    const struct open_level *level = &b->levels[--b->depth];
    struct dcm_node *node = last_node(b);
    bool fragments = event == DCM_EVENT_FRAGMENTS_END;
    struct stack *s = fragments ? &b->fragments : &b->items;
    size_t size = fragments ? sizeof(struct dcm_fragment) : sizeof(struct dcm_dataset *);
    uint32_t count = s->count - level->first;
    void *array = pop_all(b, s, level->first, size, e);
    if (array == NULL) {
        return e->code;
    }
    node->raw = bytes_between(b, element->offset, element->end);
    if (fragments) {
        node->fragments = array;
        node->fragment_count = count;
    } else {
        node->items = array;
        node->item_count = count;
        node->changed = level->guesses != b->guesses;
    }
    return E_OK;
}

static int add_fragment(struct builder *b, const struct dcm_element *element, struct err *e) {
    struct dcm_fragment *fragment = push(b, &b->fragments, sizeof *fragment, e);
    if (fragment == NULL) {
        return e->code;
    }
    *fragment = (struct dcm_fragment){element->value, element->offset};
    return E_OK;
}

static int open_node(struct builder *b, const struct dcm_element *element,
                     const struct stack *children, struct err *e) {
    int rc = add_node(b, element, e);
    b->levels[b->depth++] =
        (struct open_level){.first = children->count, .guesses = b->guesses_before};
    return rc;
}

static int take(struct builder *b, int event, const struct dcm_element *element, struct err *e) {
    switch (event) {
    case DCM_EVENT_ELEMENT:
        return add_node(b, element, e);
    case DCM_EVENT_SEQUENCE_BEGIN:
        return open_node(b, element, &b->items, e);
    case DCM_EVENT_FRAGMENTS_BEGIN:
        return open_node(b, element, &b->fragments, e);
    case DCM_EVENT_ITEM_BEGIN:
        return open_item(b, element, e);
    case DCM_EVENT_ITEM_END:
        return close_dataset(b, element->value, e);
    case DCM_EVENT_FRAGMENT:
        return add_fragment(b, element, e);
    default: // SEQUENCE_END, FRAGMENTS_END
        return close_node(b, event, element, e);
    }
}

static int build(struct builder *b, struct dcm_reader *r, struct err *e) {
    struct dcm_element element;
    for (;;) {
        int event = dcm_reader_next(r, &element, e);
        if (event <= 0) {
            return event;
        }
        b->guesses_before = b->guesses;
        b->guesses = r->guesses;
        int rc = take(b, event, &element, e);
        if (rc != E_OK) {
            return rc;
        }
    }
}

int dcm_dataset_read(struct arena *a, struct slice input, enum dcm_encoding encoding, uint64_t base,
                     dcm_tag stop_at, struct dcm_dataset **ret_dataset, uint32_t *ret_oddities,
                     struct err *e) {
    CLEANUP(cleanup_builder) struct builder b;
    memset(&b, 0, offsetof(struct builder, levels));
    b.arena = a;
    b.input = input;
    b.base = base;
    b.levels[0].dataset = NULL;
    int rc = open_dataset(&b, encoding, false, e);
    if (rc != E_OK) {
        return rc;
    }
    struct dcm_dataset *top = b.levels[0].dataset;
    struct dcm_reader r;
    dcm_reader_init(&r, input, encoding, base);
    r.stop_at = stop_at == 0 ? UINT64_MAX : stop_at;
    rc = build(&b, &r, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = close_dataset(&b, slice_of(input.ptr, r.at), e);
    if (rc != E_OK) {
        return rc;
    }
    *ret_dataset = top;
    if (ret_oddities != NULL) {
        *ret_oddities = r.oddities;
    }
    return E_OK;
}

struct dcm_dataset *dcm_dataset_new(struct arena *a, enum dcm_encoding encoding) {
    struct dcm_dataset *d = arena_new(a, struct dcm_dataset);
    if (d != NULL) {
        d->arena = a;
        d->encoding = encoding;
        d->sorted = true;
        d->changed = true;
    }
    return d;
}

// --- finding ---

// Index of the first node with a tag not below `tag`; of an unsorted data set, of the first node
// with just that tag, or the count.
static uint32_t lower_bound(const struct dcm_dataset *d, dcm_tag tag) {
    uint32_t low = 0;
    uint32_t high = d->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (d->nodes[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint32_t search(const struct dcm_dataset *d, dcm_tag tag) {
    for (uint32_t i = 0; i < d->count; i++) {
        if (d->nodes[i].tag == tag) {
            return i;
        }
    }
    return d->count;
}

const struct dcm_node *dcm_get(const struct dcm_dataset *d, dcm_tag tag) {
    uint32_t i = d->sorted ? lower_bound(d, tag) : search(d, tag);
    return i < d->count && d->nodes[i].tag == tag ? &d->nodes[i] : NULL;
}

#define PRIVATE_BLOCK_FIRST 0x10
#define PRIVATE_BLOCK_LAST 0xFF

// Creators are LO, padded with spaces; some writers pad with a NUL.
static bool names_creator(const struct dcm_node *n, const char *creator) {
    struct slice name = n->value;
    while (name.len > 0 && (name.ptr[name.len - 1] == ' ' || name.ptr[name.len - 1] == '\0')) {
        name.len--;
    }
    return slice_eq_str(slice_trim(name, " "), creator);
}

const struct dcm_node *dcm_get_private(const struct dcm_dataset *d, uint16_t group,
                                       const char *creator, uint8_t element) {
    dcm_tag first = DCM_TAG(group, PRIVATE_BLOCK_FIRST);
    dcm_tag last = DCM_TAG(group, PRIVATE_BLOCK_LAST);
    uint32_t i = d->sorted ? lower_bound(d, first) : 0;
    for (; i < d->count; i++) {
        const struct dcm_node *n = &d->nodes[i];
        if (d->sorted && n->tag > last) {
            return NULL;
        }
        if (n->tag < first || n->tag > last || !names_creator(n, creator)) {
            continue;
        }
        uint32_t block = dcm_tag_element(n->tag);
        const struct dcm_node *found = dcm_get(d, DCM_TAG(group, block << 8 | element));
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

const struct dcm_dataset *dcm_item(const struct dcm_node *sequence, uint32_t index) {
    return sequence != NULL && index < sequence->item_count ? sequence->items[index] : NULL;
}

const struct dcm_dataset *dcm_first_item(const struct dcm_dataset *d, dcm_tag sequence) {
    return dcm_item(dcm_get(d, sequence), 0);
}
