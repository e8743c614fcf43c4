// SPDX-License-Identifier: Apache-2.0
// The JSON body of a request (WEB_BODY) as members with types that a handler lists: one object, no
// member twice, none unknown, so that a misspelt one is told and not passed over.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct err;
struct web_request;

enum web_json_kind {
    WEB_JSON_TEXT,   // struct slice *: from the arena, terminated; null leaves .ptr NULL
    WEB_JSON_NUMBER, // int64_t *
    WEB_JSON_BOOL,   // bool *
    WEB_JSON_TEXTS,  // struct web_json_texts *
    WEB_JSON_RAW     // struct slice *: a list as it is written, well formed; of the body
};

struct web_json_texts {
    struct slice *list;
    size_t count;
};

struct web_json_member {
    const char *name;
    enum web_json_kind kind;
    bool required;
    void *ret;    // left alone when the member is absent
    size_t max;   // bytes of a text (0: WEB_JSON_TEXT_MAX), or texts of a list
    bool present; // set
};
#define WEB_JSON_TEXT_MAX ((size_t)1024)

// E_UNSUPPORTED: the body is not application/json; E_SYNTAX with the offset; E_ARGUMENT, E_MISSING
// and E_LIMIT name the member.
int web_json_body(struct web_request *r, struct web_json_member *members, size_t count,
                  struct err *e);
