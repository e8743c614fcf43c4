// SPDX-License-Identifier: Apache-2.0
// The browser application's files: a table made once at start from a folder, descriptors kept open.
// A request looks a name up in the table, so there is no path to traverse. A file beside one with
// .gz appended is its compressed form. Hashed assets are immutable.
#pragma once

#include <stddef.h>

#include "base/slice.h"

struct err;
struct web_request;
struct web_static;

#define WEB_STATIC_FILES_MAX 4096

int web_static_open(const char *dir, struct web_static **ret_files, struct err *e);
void web_static_close(struct web_static *files); // NULL allowed

// Answers with the file of that path ("/assets/x.js"), with index.html for paths of the
// application, or 404. `files` may be NULL.
void web_static_answer(const struct web_static *files, struct web_request *r);
