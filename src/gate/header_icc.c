// SPDX-License-Identifier: Apache-2.0
// A profile is a header of 128 bytes, a table of tags (signature, offset, size) and their data.
// What the kinds of data that hold numbers cover is copied; everything else is zero: texts,
// vendors' tags, gaps, the header's creation date, maker and model. A profile that is not well
// formed goes.
#include "gate/header_icc.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"

#define HEADER_LEN 128
#define TAG_LEN 12
#define TAGS_MAX 256
#define TYPE_LEN 8 // signature and four reserved bytes
#define SIGNATURE(a, b, c, d)                                                                      \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

// Types of numbers (ISO 15076-1 clause 10).
static bool is_numeric(uint32_t type) {
    static const uint32_t types[] = {
        SIGNATURE('X', 'Y', 'Z', ' '), SIGNATURE('c', 'u', 'r', 'v'), SIGNATURE('p', 'a', 'r', 'a'),
        SIGNATURE('s', 'f', '3', '2'), SIGNATURE('m', 'f', 't', '1'), SIGNATURE('m', 'f', 't', '2'),
        SIGNATURE('m', 'A', 'B', ' '), SIGNATURE('m', 'B', 'A', ' '), SIGNATURE('v', 'i', 'e', 'w'),
        SIGNATURE('m', 'e', 'a', 's'), SIGNATURE('s', 'i', 'g', ' '), SIGNATURE('c', 'h', 'r', 'm'),
        SIGNATURE('u', 'f', '3', '2'), SIGNATURE('c', 'i', 'c', 'p')};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i] == type) {
            return true;
        }
    }
    return false;
}

// Texts become empty ones of the same size, so that offsets stay and readers find what they ask
// for.
static void put_empty_text(uint8_t *to, uint32_t type, uint32_t size) {
    num_put_be32(to, type);
    if (type == SIGNATURE('d', 'e', 's', 'c') && size >= 13) {
        num_put_be32(to + 8, 1); // one character, the NUL
    } else if (type == SIGNATURE('m', 'l', 'u', 'c') && size >= 16) {
        num_put_be32(to + 12, 12); // no record, of twelve bytes each
    }
}

static bool copy_tag(uint8_t *to, struct slice from, const uint8_t *entry) {
    uint32_t offset = num_be32(entry + 4);
    uint32_t size = num_be32(entry + 8);
    if (offset < HEADER_LEN || size < TYPE_LEN || offset > from.len || size > from.len - offset) {
        return false;
    }
    uint32_t type = num_be32(from.ptr + offset);
    if (is_numeric(type)) {
        memcpy(to + offset, from.ptr + offset, size);
    } else {
        put_empty_text(to + offset, type, size);
    }
    return true;
}

static bool copy_profile(uint8_t *to, struct slice from) {
    if (from.len < HEADER_LEN + 4 || num_be32(from.ptr) > from.len ||
        num_be32(from.ptr + 36) != SIGNATURE('a', 'c', 's', 'p')) {
        return false;
    }
    struct slice profile = slice_first(from, num_be32(from.ptr));
    uint32_t count = profile.len < HEADER_LEN + 4 ? 0 : num_be32(profile.ptr + HEADER_LEN);
    if (count == 0 || count > TAGS_MAX || HEADER_LEN + 4 + (size_t)count * TAG_LEN > profile.len) {
        return false;
    }
    memcpy(to, profile.ptr, 24);           // size, engine, version, class, colour spaces
    memcpy(to + 36, profile.ptr + 36, 12); // file signature, platform, flags
    memcpy(to + 64, profile.ptr + 64, 16); // intent, illuminant
    memset(to + 4, 0, 4);                  // the engine's maker
    memcpy(to + HEADER_LEN, profile.ptr + HEADER_LEN, 4 + (size_t)count * TAG_LEN);
    for (uint32_t i = 0; i < count; i++) {
        if (!copy_tag(to, profile, profile.ptr + HEADER_LEN + 4 + (size_t)i * TAG_LEN)) {
            return false;
        }
    }
    return true;
}

bool gate_icc_clean(struct gate_walk *w, struct dcm_node *n) {
    struct slice from = n->value;
    if (from.len == 0) {
        return true;
    }
    uint8_t *to = arena_array(w->c->arena, from.len + 1, 1);
    if (to == NULL) {
        w->code = err_set(w->e, E_MEMORY, "no memory for the header");
        return false;
    }
    if (!copy_profile(to, from)) {
        gate_walk_note(w, GATE_KIND_CONTAINER, GATE_DONE_REMOVED, n->tag);
        return false;
    }
    if (memcmp(to, from.ptr, from.len) != 0) {
        gate_walk_note(w, GATE_KIND_CONTAINER, GATE_DONE_CLEANED, n->tag);
        n->value = slice_of(to, from.len);
        n->changed = true;
    }
    return true;
}
