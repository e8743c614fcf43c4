// SPDX-License-Identifier: Apache-2.0
#include "gate/reading_wire.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "base/utf8.h"

#define CROP_HEAD 4
#define CONFIDENCE_MAX 100

int gate_crop_next(struct slice *rest, struct gate_crop *ret_crop, struct err *e) {
    if (rest->len < CROP_HEAD) {
        return err_set(e, E_SYNTAX, "a crop of %zu bytes has no head", rest->len);
    }
    uint32_t width = num_le16(rest->ptr);
    uint32_t height = num_le16(rest->ptr + 2);
    size_t len = CROP_HEAD + (size_t)width * height;
    if (width == 0 || height == 0 || len > rest->len) {
        return err_set(e, E_SYNTAX, "a crop of %u by %u in %zu bytes", (unsigned)width,
                       (unsigned)height, rest->len);
    }
    *ret_crop = (struct gate_crop){width, height, rest->ptr + CROP_HEAD, slice_first(*rest, len)};
    *rest = slice_from(*rest, len);
    return E_OK;
}

void gate_reading_pack(const struct gate_reading *reading, struct buf *out) {
    size_t len = strnlen(reading->text, sizeof reading->text - 1);
    buf_put_byte(out, reading->confidence);
    buf_put_byte(out, (uint8_t)len);
    buf_put(out, reading->text, len);
}

static bool is_line(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7F) {
            return false;
        }
    }
    return utf8_valid(text);
}

static bool unpack_one(struct slice *rest, struct gate_reading *ret) {
    if (rest->len < 2 || rest->ptr[0] > CONFIDENCE_MAX || rest->ptr[1] >= GATE_READING_MAX ||
        rest->ptr[1] > rest->len - 2) {
        return false;
    }
    struct slice text = slice_first(slice_from(*rest, 2), rest->ptr[1]);
    if (!is_line(text)) {
        return false;
    }
    *ret = (struct gate_reading){.confidence = rest->ptr[0]};
    if (text.len > 0) {
        memcpy(ret->text, text.ptr, text.len);
    }
    *rest = slice_from(*rest, 2 + text.len);
    return true;
}

int gate_readings_unpack(struct slice answer, struct gate_reading *ret_readings, uint32_t count,
                         struct err *e) {
    struct slice rest = answer;
    for (uint32_t i = 0; i < count; i++) {
        if (!unpack_one(&rest, &ret_readings[i])) {
            return err_set(e, E_CRASHED, "the reader's answer about crop %u is not a reading",
                           (unsigned)i);
        }
    }
    return rest.len == 0
               ? E_OK
               : err_set(e, E_CRASHED, "the reader answered %zu bytes too many", rest.len);
}
