// SPDX-License-Identifier: Apache-2.0
#include "archive/keys.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "base/utf8.h"
#include "dicom/datetime.h"

static struct slice first_value(struct slice text) {
    return slice_trim(slice_first(text, slice_find(text, '\\')), " ");
}

int64_t key_date(struct slice text) {
    struct dcm_datetime d;
    struct err ignored = {0};
    if (dcm_datetime_parse(DCM_VR_DA, first_value(text), &d, &ignored) != E_OK) {
        return 0;
    }
    return (int64_t)d.year * 10000 + d.month * 100 + d.day;
}

int64_t key_time(struct slice text) {
    struct dcm_datetime d;
    struct err ignored = {0};
    if (dcm_datetime_parse(DCM_VR_TM, first_value(text), &d, &ignored) != E_OK) {
        return -1;
    }
    return dcm_datetime_first_usec(DCM_VR_TM, &d, 0);
}

int64_t key_number(struct slice text) {
    int64_t value;
    return num_parse_i64(first_value(text), INT32_MIN, INT32_MAX, &value) ? value : INT64_MAX;
}

void key_fold(struct buf *out, struct slice text) {
    size_t start = out->len;
    utf8_fold(out, text);
    size_t to = start;
    for (size_t from = start; from < out->len; from++) {
        uint8_t byte = out->data[from] < 0x20 ? ' ' : out->data[from];
        bool again = byte == ' ' && (to == start || out->data[to - 1] == ' ');
        if (!again) {
            out->data[to++] = byte;
        }
    }
    if (to > start && out->data[to - 1] == ' ') {
        to--;
    }
    out->len = to;
}

static void put_group(struct buf *out, struct slice group) {
    struct slice part;
    size_t end = out->len; // behind the last part that is not empty
    for (bool first = true; slice_split(&group, '^', &part); first = false) {
        if (!first) {
            buf_put_byte(out, '^');
        }
        size_t start = out->len;
        key_fold(out, part);
        if (out->len > start) {
            end = out->len;
        }
    }
    out->len = end < out->len ? end : out->len;
}

// Values are separated by a backslash, component groups by =.
static void put_name(struct buf *out, struct slice name) {
    struct slice group;
    size_t end = out->len;
    for (bool first = true; slice_split(&name, '=', &group); first = false) {
        if (!first) {
            buf_put_byte(out, '=');
        }
        size_t start = out->len;
        put_group(out, group);
        if (out->len > start) {
            end = out->len;
        }
    }
    out->len = end < out->len ? end : out->len;
}

void key_name(struct buf *out, struct slice text) {
    struct slice name;
    for (bool first = true; slice_split(&text, '\\', &name); first = false) {
        if (!first) {
            buf_put_byte(out, '\\');
        }
        put_name(out, name);
    }
}

static bool is_word_byte(uint8_t c) {
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

void key_words(struct slice folded, void (*each)(struct slice word, void *context), void *context) {
    size_t at = 0;
    while (at < folded.len) {
        size_t start = at;
        while (at < folded.len && is_word_byte(folded.ptr[at])) {
            at++;
        }
        size_t len = at - start;
        if (len > KEY_WORD_MAX) {
            len = KEY_WORD_MAX;
            while (len > 0 && (folded.ptr[start + len] & 0xC0) == 0x80) {
                len--;
            }
        }
        if (len > 0) {
            each(slice_of(folded.ptr + start, len), context);
        }
        at = at == start ? at + 1 : at;
    }
}
