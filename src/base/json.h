// SPDX-License-Identifier: Apache-2.0
// A streaming JSON writer (RFC 8259) into a buffer. It keeps commas and nesting right, nothing
// else: memory is the buffer's. Text must be UTF-8; bytes that are not become U+FFFD.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;

#define JSON_DEPTH_MAX 128 // DICOM JSON takes three levels for a sequence

struct json {
    struct buf *out;
    uint64_t has_member[2]; // a bit a level
    int depth;
    bool after_name;
};

void json_init(struct json *j, struct buf *out);

void json_begin_object(struct json *j);
void json_end_object(struct json *j);
void json_begin_array(struct json *j);
void json_end_array(struct json *j);
void json_name(struct json *j, const char *name); // plain ASCII, no escapes needed

void json_slice(struct json *j, struct slice utf8);
void json_str(struct json *j, const char *utf8); // NULL gives null
void json_i64(struct json *j, int64_t value);
void json_u64(struct json *j, uint64_t value);
void json_double(struct json *j, double value); // shortest text that reads back; not finite: null
void json_bool(struct json *j, bool value);
void json_null(struct json *j);
void json_raw(struct json *j, struct slice text); // a whole value, trusted

// name and value in one call
void json_member_str(struct json *j, const char *name, const char *utf8);
void json_member_slice(struct json *j, const char *name, struct slice utf8);
void json_member_i64(struct json *j, const char *name, int64_t value);
void json_member_bool(struct json *j, const char *name, bool value);
