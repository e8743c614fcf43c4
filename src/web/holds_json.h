// SPDX-License-Identifier: Apache-2.0
// A hold as JSON, as the doors of the hold room give it.
#pragma once

#include <stdint.h>

#include "base/slice.h"

struct archive;
struct err;
struct hold_row;
struct json;
struct web_request;

// {"code","words"} for each of the codes, as a list.
void web_json_reasons(struct json *j, const char *name, struct slice codes);

// The hold that the path names. E_NOT_FOUND.
int web_hold_find(struct web_request *r, struct hold_row *ret_row, struct err *e);

// Answers with all of one hold (200), and its version as entity tag.
void web_hold_answer(struct web_request *r);
