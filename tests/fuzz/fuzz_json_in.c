// SPDX-License-Identifier: Apache-2.0
// Any bytes as JSON: refused with a place, or tokens that, written again, give the same tokens.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_in.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define OUTPUT_BYTES ((size_t)64 << 20)
#define DEPTH 100 // the writer's limit is near

static void need(bool truth) {
    if (!truth) {
        abort();
    }
}

// false when a string is no text (half of a surrogate pair).
static bool copy_text(struct json *j, const struct json_token *t) {
    struct buf text;
    struct err e = {0};
    buf_init(&text, OUTPUT_BYTES);
    bool good = json_in_text(t, &text, &e) == E_OK;
    if (good) {
        need(utf8_valid(buf_slice(&text)));
        json_slice(j, buf_slice(&text));
        if (t->kind == JSON_NAME) { // json.h takes plain names only: put the colon by hand
            buf_put_byte(j->out, ':');
            j->after_name = true;
        }
    } else {
        need(e.has_offset);
    }
    buf_clear(&text);
    if (!t->escaped && base64_decode(t->raw, &text)) {
        struct buf again;
        struct base64 b = {0};
        buf_init(&again, OUTPUT_BYTES);
        base64_put(&b, buf_slice(&text), &again);
        base64_end(&b, &again);
        need(slice_eq(buf_slice(&again), t->raw));
        buf_done(&again);
    }
    buf_done(&text);
    return good;
}

static bool copy_token(struct json *j, const struct json_token *t) {
    switch (t->kind) {
    case JSON_OBJECT_BEGIN:
        json_begin_object(j);
        return true;
    case JSON_OBJECT_END:
        json_end_object(j);
        return true;
    case JSON_ARRAY_BEGIN:
        json_begin_array(j);
        return true;
    case JSON_ARRAY_END:
        json_end_array(j);
        return true;
    case JSON_NAME:
    case JSON_STRING:
        return copy_text(j, t);
    default:
        json_raw(j, t->raw);
        return true;
    }
}

// 0 when `text` is JSON and was copied to `out`.
static int copy(struct slice text, struct buf *out) {
    struct json_in in;
    struct json_token t;
    struct json j;
    struct err e = {0};
    int rc;
    json_in_init(&in, text, DEPTH);
    json_init(&j, out);
    while ((rc = json_in_next(&in, &t, &e)) > 0) {
        need(t.offset < text.len);
        if (!copy_token(&j, &t)) {
            return 1;
        }
    }
    need(rc == JSON_END || (e.code == rc && e.has_offset && e.offset <= text.len));
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct buf once, twice;
    buf_init(&once, OUTPUT_BYTES);
    buf_init(&twice, OUTPUT_BYTES);
    if (copy(slice_of(data, len), &once) == 0) {
        need(copy(buf_slice(&once), &twice) == 0);
        need(slice_eq(buf_slice(&once), buf_slice(&twice)));
    }
    buf_done(&once);
    buf_done(&twice);
    return 0;
}
