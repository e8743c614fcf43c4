// SPDX-License-Identifier: Apache-2.0
#include "web/range.h"

#include "base/num.h"
#include "web/media.h"

static bool parse_suffix(struct slice digits, uint64_t total, struct web_range *ret_range) {
    uint64_t len;
    if (!num_parse_u64(digits, UINT64_MAX, &len)) {
        return false;
    }
    len = len < total ? len : total;
    *ret_range = (struct web_range){total - len, len};
    return true;
}

static bool digits_only(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

// "first-last", "first-" or "-suffix". false: not of that form, so the field is ignored.
static bool parse_spec(struct slice spec, uint64_t total, struct web_range *ret_range) {
    size_t dash = slice_find(spec, '-');
    if (dash == spec.len) {
        return false;
    }
    struct slice first = slice_first(spec, dash);
    struct slice last = slice_from(spec, dash + 1);
    if (first.len == 0) {
        return digits_only(last) && parse_suffix(last, total, ret_range);
    }
    uint64_t from;
    uint64_t to = UINT64_MAX - 1;
    if (!digits_only(first) || !num_parse_u64(first, UINT64_MAX - 1, &from) ||
        (last.len > 0 && (!digits_only(last) || !num_parse_u64(last, UINT64_MAX - 1, &to))) ||
        to < from) {
        return false;
    }
    if (from >= total) {
        *ret_range = (struct web_range){from, 0};
        return true;
    }
    to = to < total - 1 ? to : total - 1;
    *ret_range = (struct web_range){from, to - from + 1};
    return true;
}

enum web_range_verdict web_range_parse(struct slice field, struct slice if_range, const char *etag,
                                       uint64_t total, struct web_range *ret_range) {
    static const char unit[] = "bytes=";
    if (field.len < sizeof unit - 1 ||
        !web_equal_nocase(slice_first(field, sizeof unit - 1), slice_str(unit)) ||
        (if_range.len > 0 && !slice_eq_str(if_range, etag))) {
        return WEB_RANGE_WHOLE;
    }
    struct slice rest = slice_from(field, sizeof unit - 1);
    struct slice spec;
    struct slice second;
    struct web_range range;
    if (!web_list_next(&rest, &spec) || web_list_next(&rest, &second) ||
        !parse_spec(spec, total, &range)) {
        return WEB_RANGE_WHOLE;
    }
    if (range.len == 0) {
        return WEB_RANGE_UNSATISFIABLE;
    }
    *ret_range = range;
    return WEB_RANGE_PART;
}

bool web_etag_listed(struct slice field, const char *etag) {
    struct slice tag;
    while (web_list_next(&field, &tag)) {
        if (slice_eq_str(tag, "*")) {
            return true;
        }
        struct slice strong = slice_starts(tag, slice_str("W/")) ? slice_from(tag, 2) : tag;
        if (slice_eq_str(strong, etag)) {
            return true;
        }
    }
    return false;
}
