// SPDX-License-Identifier: Apache-2.0
// A pull tokenizer for JSON (RFC 8259) over a slice: strict, no allocation, no recursion, bounded
// depth. Tokens point into the input, so a string of any length costs nothing until its text is
// asked for. It checks structure (commas, colons, nesting, one value at the top) and UTF-8.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;
struct err;

#define JSON_IN_DEPTH_MAX 128

enum json_kind {
    JSON_END = 0, // the one value at the top is complete; every further call says so again
    JSON_OBJECT_BEGIN,
    JSON_OBJECT_END,
    JSON_ARRAY_BEGIN,
    JSON_ARRAY_END,
    JSON_NAME, // of a member; its value comes next
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
};

struct json_token {
    enum json_kind kind;
    bool escaped;     // NAME, STRING: holds backslash escapes, so raw is not the text
    uint16_t depth;   // containers around it
    uint64_t offset;  // of its first character in the input
    struct slice raw; // NAME, STRING: between the quotes; NUMBER: as written
};

struct json_in {
    struct slice input;
    size_t at;
    uint16_t depth;
    uint16_t depth_max;
    uint8_t state;                              // private
    int error;                                  // sticky
    uint64_t is_object[JSON_IN_DEPTH_MAX / 64]; // a bit a level
};

// depth_max 0: JSON_IN_DEPTH_MAX. A byte order mark at the start is passed over.
void json_in_init(struct json_in *in, struct slice input, uint16_t depth_max);

// The next token's kind (0 at the end), or a negative error with the offset; errors are sticky.
// *ret_token is written for every token, END too.
int json_in_next(struct json_in *in, struct json_token *ret_token, struct err *e);

// After a BEGIN token or a NAME: goes behind the matching END or the member's value. Checks on the
// way.
int json_in_skip(struct json_in *in, const struct json_token *begun, struct err *e);

// Appends the text of a NAME or STRING with its escapes resolved, as UTF-8. E_SYNTAX for an escape
// to half a surrogate pair. `out` failing is the caller's to check.
int json_in_text(const struct json_token *token, struct buf *out, struct err *e);

// Whether a NAME or STRING is exactly `text` (plain ASCII).
bool json_in_is(const struct json_token *token, const char *text);

// Numbers: false when not of that kind or out of range.
bool json_in_i64(const struct json_token *token, int64_t *ret_value);
bool json_in_u64(const struct json_token *token, uint64_t *ret_value);
bool json_in_double(const struct json_token *token, double *ret_value);
