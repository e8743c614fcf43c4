// SPDX-License-Identifier: Apache-2.0
// A state for what may come next and a bit a level for object or array; strings and numbers are
// delimited and checked, not copied.
#include "base/json_in.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "base/utf8.h"

enum state {
    BEFORE_VALUE,   // a value must come
    BEFORE_ELEMENT, // just behind [: a value or ]
    BEFORE_MEMBER,  // just behind {: a name or }
    AFTER_VALUE,    // a comma or the end of the container
    COMPLETE        // behind the value at the top
};

void json_in_init(struct json_in *in, struct slice input, uint16_t depth_max) {
    *in = (struct json_in){.input = input, .depth_max = JSON_IN_DEPTH_MAX};
    if (depth_max > 0 && depth_max < JSON_IN_DEPTH_MAX) {
        in->depth_max = depth_max;
    }
    if (slice_starts(input, slice_str("\xEF\xBB\xBF"))) {
        in->at = 3;
    }
    in->state = BEFORE_VALUE;
}

static int refuse(struct json_in *in, int code, size_t at, const char *what, struct err *e) {
    in->error = err_set(e, code, "JSON: %s", what);
    return err_at(e, at);
}

static bool in_object(const struct json_in *in) {
    unsigned level = in->depth - 1u;
    return in->depth > 0 && (in->is_object[level / 64] >> (level % 64) & 1) != 0;
}

static void skip_space(struct json_in *in) {
    while (in->at < in->input.len) {
        uint8_t c = in->input.ptr[in->at];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
            return;
        }
        in->at++;
    }
}

static int peek(const struct json_in *in) {
    return in->at < in->input.len ? in->input.ptr[in->at] : -1;
}

static int early_end(struct json_in *in, struct err *e) {
    return refuse(in, E_TRUNCATED, in->input.len, "the text ends inside of a value", e);
}

// --- strings

static int hex_value(uint8_t c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    uint8_t small = c | 0x20;
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

// Bytes of the escape at `s` (a backslash first), 0 when it is none.
static size_t escape_len(struct slice s) {
    if (s.len < 2) {
        return 0;
    }
    if (s.ptr[1] != 'u') {
        return s.ptr[1] != '\0' && strchr("\"\\/bfnrt", s.ptr[1]) != NULL ? 2 : 0;
    }
    for (size_t i = 2; i < 6; i++) {
        if (i >= s.len || hex_value(s.ptr[i]) < 0) {
            return 0;
        }
    }
    return 6;
}

// Whether the input ends inside of the escape or the UTF-8 character that begins at `s`.
static bool is_cut(struct slice s) {
    if (s.ptr[0] != '\\') {
        size_t needed = s.ptr[0] >= 0xF0 ? 4 : s.ptr[0] >= 0xE0 ? 3 : s.ptr[0] >= 0xC2 ? 2 : 0;
        bool cut = s.ptr[0] < 0xF5 && needed > s.len;
        for (size_t i = 1; i < s.len && cut; i++) {
            cut = (s.ptr[i] & 0xC0) == 0x80;
        }
        return cut;
    }
    bool cut = s.len < 2 || (s.ptr[1] == 'u' && s.len < 6);
    for (size_t i = 2; i < s.len && cut; i++) {
        cut = hex_value(s.ptr[i]) >= 0;
    }
    return cut;
}

static size_t plain_run(struct slice s) {
    size_t n = 0;
    while (n < s.len && s.ptr[n] >= 0x20 && s.ptr[n] < 0x80 && s.ptr[n] != '"' &&
           s.ptr[n] != '\\') {
        n++;
    }
    return n;
}

// The string that begins at in->at, up to behind its closing quote.
static int take_string(struct json_in *in, struct json_token *t, struct err *e) {
    size_t start = ++in->at;
    for (;;) {
        in->at += plain_run(slice_from(in->input, in->at));
        if (in->at >= in->input.len) {
            return early_end(in, e);
        }
        struct slice rest = slice_from(in->input, in->at);
        uint8_t c = rest.ptr[0];
        if (c == '"') {
            t->raw = slice_of(in->input.ptr + start, in->at - start);
            in->at++;
            return E_OK;
        }
        uint32_t code_point;
        size_t taken = c == '\\' ? escape_len(rest) : c < 0x20 ? 0 : utf8_decode(rest, &code_point);
        if (taken == 0 && is_cut(rest)) {
            return early_end(in, e);
        }
        if (taken == 0) {
            return refuse(in, E_SYNTAX, in->at,
                          c == '\\'  ? "no such escape"
                          : c < 0x20 ? "a control character in a string"
                                     : "a string that is not UTF-8",
                          e);
        }
        t->escaped = t->escaped || c == '\\';
        in->at += taken;
    }
}

static uint32_t hex4(const uint8_t *p) {
    return (uint32_t)(hex_value(p[0]) << 12 | hex_value(p[1]) << 8 | hex_value(p[2]) << 4 |
                      hex_value(p[3]));
}

// One \u escape, or two that are a pair of surrogates; 0 for half a pair.
static size_t unescape_unicode(struct slice s, uint32_t *ret_code_point) {
    uint32_t c = hex4(s.ptr + 2);
    if (c < 0xD800 || c >= 0xE000) {
        *ret_code_point = c;
        return 6;
    }
    bool pair = c < 0xDC00 && s.len >= 12 && s.ptr[6] == '\\' && s.ptr[7] == 'u';
    uint32_t low = pair ? hex4(s.ptr + 8) : 0;
    if (low < 0xDC00 || low >= 0xE000) {
        return 0;
    }
    *ret_code_point = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    return 12;
}

int json_in_text(const struct json_token *t, struct buf *out, struct err *e) {
    static const char marks[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    struct slice rest = t->raw;
    while (t->escaped && rest.len > 0) {
        size_t run = slice_find(rest, '\\');
        buf_put(out, rest.ptr, run);
        rest = slice_from(rest, run);
        if (rest.len == 0) {
            return E_OK;
        }
        if (rest.ptr[1] != 'u') {
            buf_put_byte(out, (uint8_t)meant[strchr(marks, rest.ptr[1]) - marks]);
            rest = slice_from(rest, 2);
            continue;
        }
        uint32_t c;
        size_t taken = unescape_unicode(rest, &c);
        if (taken == 0) {
            (void)err_set(e, E_SYNTAX, "JSON: half of a surrogate pair");
            return err_at(e, t->offset + 1 + (uint64_t)(rest.ptr - t->raw.ptr));
        }
        utf8_put(out, c);
        rest = slice_from(rest, taken);
    }
    buf_put_slice(out, rest);
    return E_OK;
}

bool json_in_is(const struct json_token *t, const char *text) {
    return !t->escaped && slice_eq_str(t->raw, text);
}

// --- numbers and words

static size_t digits_at(const struct json_in *in, size_t at) {
    size_t n = 0;
    while (at + n < in->input.len && in->input.ptr[at + n] >= '0' && in->input.ptr[at + n] <= '9') {
        n++;
    }
    return n;
}

static bool byte_at(const struct json_in *in, size_t at, const char *any) {
    return at < in->input.len && in->input.ptr[at] != '\0' &&
           strchr(any, in->input.ptr[at]) != NULL;
}

static int take_number(struct json_in *in, struct json_token *t, struct err *e) {
    size_t at = in->at + (byte_at(in, in->at, "-") ? 1 : 0);
    size_t whole = digits_at(in, at);
    bool good = whole > 0 && !(whole > 1 && in->input.ptr[at] == '0');
    at += whole;
    if (good && byte_at(in, at, ".")) {
        size_t fraction = digits_at(in, at + 1);
        good = fraction > 0;
        at += 1 + fraction;
    }
    if (good && byte_at(in, at, "eE")) {
        at += byte_at(in, at + 1, "+-") ? 2 : 1;
        size_t exponent = digits_at(in, at);
        good = exponent > 0;
        at += exponent;
    }
    if (!good) {
        return at >= in->input.len ? early_end(in, e)
                                   : refuse(in, E_SYNTAX, in->at, "no number", e);
    }
    t->kind = JSON_NUMBER;
    t->raw = slice_of(in->input.ptr + in->at, at - in->at);
    in->at = at;
    return E_OK;
}

static int take_word(struct json_in *in, struct json_token *t, struct err *e) {
    static const struct {
        const char *word;
        enum json_kind kind;
    } words[] = {{"true", JSON_TRUE}, {"false", JSON_FALSE}, {"null", JSON_NULL}};
    struct slice rest = slice_from(in->input, in->at);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct slice word = slice_str(words[i].word);
        if (slice_starts(rest, word)) {
            t->kind = words[i].kind;
            t->raw = slice_first(rest, word.len);
            in->at += word.len;
            return E_OK;
        }
        if (rest.len < word.len && rest.len > 0 && slice_starts(word, rest)) {
            return early_end(in, e);
        }
    }
    return refuse(in, E_SYNTAX, in->at, "no value begins like this", e);
}

// --- structure

static void behind_value(struct json_in *in) {
    in->state = in->depth == 0 ? COMPLETE : AFTER_VALUE;
}

static int begin(struct json_in *in, struct json_token *t, bool object, struct err *e) {
    if (in->depth >= in->depth_max) {
        return refuse(in, E_NESTING, in->at, "nested too deep", e);
    }
    uint64_t mask = (uint64_t)1 << (in->depth % 64);
    uint64_t *word = &in->is_object[in->depth / 64];
    *word = object ? *word | mask : *word & ~mask;
    in->depth++;
    in->at++;
    in->state = object ? BEFORE_MEMBER : BEFORE_ELEMENT;
    t->kind = object ? JSON_OBJECT_BEGIN : JSON_ARRAY_BEGIN;
    return E_OK;
}

static int end(struct json_in *in, struct json_token *t) {
    t->kind = in_object(in) ? JSON_OBJECT_END : JSON_ARRAY_END;
    in->depth--;
    t->depth = in->depth;
    in->at++;
    behind_value(in);
    return E_OK;
}

static int take_value(struct json_in *in, struct json_token *t, struct err *e) {
    int c = peek(in);
    int rc;
    if (c < 0) {
        return early_end(in, e);
    }
    if (c == '{' || c == '[') {
        return begin(in, t, c == '{', e);
    }
    if (c == '"') {
        t->kind = JSON_STRING;
        rc = take_string(in, t, e);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        rc = take_number(in, t, e);
    } else {
        rc = take_word(in, t, e);
    }
    if (rc == E_OK) {
        behind_value(in);
    }
    return rc;
}

static int take_name(struct json_in *in, struct json_token *t, struct err *e) {
    int c = peek(in);
    if (c < 0) {
        return early_end(in, e);
    }
    if (c != '"') {
        return refuse(in, E_SYNTAX, in->at, "a member needs a name in quotes", e);
    }
    t->kind = JSON_NAME;
    int rc = take_string(in, t, e);
    if (rc != E_OK) {
        return rc;
    }
    skip_space(in);
    c = peek(in);
    if (c != ':') {
        return c < 0 ? early_end(in, e) : refuse(in, E_SYNTAX, in->at, "no colon after a name", e);
    }
    in->at++;
    in->state = BEFORE_VALUE;
    return E_OK;
}

// Behind a value: the end of its container, or a comma and what follows it.
static int after_value(struct json_in *in, struct json_token *t, struct err *e) {
    int c = peek(in);
    bool object = in_object(in);
    if (c == (object ? '}' : ']')) {
        return end(in, t);
    }
    if (c != ',') {
        return c < 0 ? early_end(in, e)
                     : refuse(in, E_SYNTAX, in->at, "neither a comma nor the end", e);
    }
    in->at++;
    skip_space(in);
    t->offset = in->at;
    return object ? take_name(in, t, e) : take_value(in, t, e);
}

static int at_end(struct json_in *in, struct json_token *t, struct err *e) {
    if (in->at < in->input.len) {
        return refuse(in, E_SYNTAX, in->at, "something behind the value", e);
    }
    t->kind = JSON_END;
    return E_OK;
}

int json_in_next(struct json_in *in, struct json_token *ret_token, struct err *e) {
    if (in->error != E_OK) {
        return err_set(e, in->error, "JSON: read on after an error");
    }
    skip_space(in);
    struct json_token t = {.depth = in->depth, .offset = in->at};
    int rc;
    switch ((enum state)in->state) {
    case BEFORE_ELEMENT:
        rc = peek(in) == ']' ? end(in, &t) : take_value(in, &t, e);
        break;
    case BEFORE_MEMBER:
        rc = peek(in) == '}' ? end(in, &t) : take_name(in, &t, e);
        break;
    case AFTER_VALUE:
        rc = after_value(in, &t, e);
        break;
    case COMPLETE:
        rc = at_end(in, &t, e);
        break;
    case BEFORE_VALUE:
    default:
        rc = take_value(in, &t, e);
        break;
    }
    if (rc != E_OK) {
        return rc;
    }
    *ret_token = t;
    return (int)t.kind;
}

int json_in_skip(struct json_in *in, const struct json_token *begun, struct err *e) {
    struct json_token t = *begun;
    int rc;
    if (begun->kind == JSON_NAME) {
        rc = json_in_next(in, &t, e);
        if (rc < 0 || (t.kind != JSON_OBJECT_BEGIN && t.kind != JSON_ARRAY_BEGIN)) {
            return rc < 0 ? rc : E_OK;
        }
    } else if (begun->kind != JSON_OBJECT_BEGIN && begun->kind != JSON_ARRAY_BEGIN) {
        return E_OK;
    }
    uint16_t depth = t.depth;
    do {
        rc = json_in_next(in, &t, e);
        if (rc < 0) {
            return rc;
        }
    } while (t.depth > depth || (t.kind != JSON_OBJECT_END && t.kind != JSON_ARRAY_END));
    return E_OK;
}

bool json_in_i64(const struct json_token *t, int64_t *ret_value) {
    return t->kind == JSON_NUMBER && num_parse_i64(t->raw, INT64_MIN, INT64_MAX, ret_value);
}

bool json_in_u64(const struct json_token *t, uint64_t *ret_value) {
    return t->kind == JSON_NUMBER && num_parse_u64(t->raw, UINT64_MAX, ret_value);
}

bool json_in_double(const struct json_token *t, double *ret_value) {
    return t->kind == JSON_NUMBER && num_parse_double(t->raw, ret_value);
}
