// SPDX-License-Identifier: Apache-2.0
#include "base/slice.h"

static bool in_set(uint8_t byte, const char *set) {
    return byte == 0 ? false : strchr(set, byte) != NULL;
}

struct slice slice_trim(struct slice s, const char *set) {
    while (s.len > 0 && in_set(s.ptr[0], set)) {
        s = slice_from(s, 1);
    }
    while (s.len > 0 && in_set(s.ptr[s.len - 1], set)) {
        s.len--;
    }
    return s;
}

size_t slice_find(struct slice s, uint8_t byte) {
    const uint8_t *hit = s.len == 0 ? NULL : memchr(s.ptr, byte, s.len);
    return hit == NULL ? s.len : (size_t)(hit - s.ptr);
}

bool slice_split(struct slice *rest, uint8_t byte, struct slice *ret_part) {
    if (rest->ptr == NULL) {
        return false;
    }
    size_t at = slice_find(*rest, byte);
    *ret_part = slice_first(*rest, at);
    *rest = at == rest->len ? (struct slice){NULL, 0} : slice_from(*rest, at + 1);
    return true;
}

int slice_cmp(struct slice a, struct slice b) {
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}
