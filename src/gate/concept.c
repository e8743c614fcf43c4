// SPDX-License-Identifier: Apache-2.0
#include "gate/concept.h"

#include <string.h>

#include "gate/concept_table.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static int compare(const struct gate_concept *c, struct slice value, struct slice scheme,
                   struct slice type) {
    int order = slice_cmp(slice_str(c->value), value);
    order = order == 0 ? slice_cmp(slice_str(c->scheme), scheme) : order;
    return order == 0 ? slice_cmp(slice_str(c->type), type) : order;
}

const struct gate_concept *gate_concept_find(struct slice value, struct slice scheme,
                                             struct slice type) {
    size_t low = 0;
    size_t high = COUNT(concepts);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(&concepts[middle], value, scheme, type);
        if (order == 0) {
            return &concepts[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

// --- codes of the standard, by FNV-1a ---

#define BASIS 14695981039346656037ULL

static uint64_t mix(uint64_t h, uint8_t byte) { return (h ^ byte) * 1099511628211ULL; }

static uint64_t hash_code(struct slice value, struct slice scheme) {
    uint64_t h = BASIS;
    for (size_t i = 0; i < scheme.len; i++) {
        h = mix(h, scheme.ptr[i]);
    }
    h = mix(h, 0);
    for (size_t i = 0; i < value.len; i++) {
        h = mix(h, value.ptr[i]);
    }
    return h;
}

static bool is_in(const uint64_t *table, size_t count, uint64_t h) {
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (table[middle] == h) {
            return true;
        }
        if (table[middle] < h) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return false;
}

bool gate_concept_known(struct slice value, struct slice scheme) {
    return is_in(known_codes, COUNT(known_codes), hash_code(value, scheme));
}

bool gate_concept_means(struct slice value, struct slice scheme, struct slice meaning) {
    uint64_t h = mix(hash_code(value, scheme), 0);
    for (size_t i = 0; i < meaning.len; i++) {
        uint8_t b = meaning.ptr[i];
        bool capital = b >= 'A' && b <= 'Z';
        if (capital || (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b > 127) {
            h = mix(h, capital ? (uint8_t)(b + 32) : b);
        }
    }
    return is_in(known_meanings, COUNT(known_meanings), h);
}

bool gate_concept_word(struct slice word) {
    uint64_t h = BASIS;
    for (size_t i = 0; i < word.len; i++) {
        uint8_t b = word.ptr[i];
        h = mix(h, b >= 'A' && b <= 'Z' ? (uint8_t)(b + 32) : b);
    }
    return is_in(meaning_words, COUNT(meaning_words), h);
}
