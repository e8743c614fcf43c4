// SPDX-License-Identifier: Apache-2.0
// Answers put together from pieces of objects and text, multipart/related among them
// (PS3.18 8.7.4), without copying pixels: a few pieces of one object go out from a mapping in one
// vectored write, larger answers are read piece by piece with constant memory.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "archive/jobs.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/slice.h"

struct err;
struct web_body;
struct web_request;

#define WEB_BODY_MAPPED_MAX ((uint64_t)64 << 20) // a larger span of an object is read, not mapped

// `boundary` is made from `seed`, so that the same resource has the same bytes each time.
struct web_body *web_body_new(struct web_request *r, const struct hash *seed); // NULL: no memory
void web_body_free(struct web_body *b);                                        // NULL allowed

// Text or bytes that are copied; bytes of an object; a buffer that is taken over. Failure is sticky
// and comes out of web_body_answer.
void web_body_text(struct web_body *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void web_body_object(struct web_body *b, const struct hash *object, uint64_t offset, uint64_t len);
void web_body_take(struct web_body *b, struct buf *bytes);

// A whole file, taken over (its descriptor too).
void web_body_file(struct web_body *b, struct archive_file *file);

// What a part turned out to be: one of bytes and file.
struct web_made {
    const char *syntax; // of its Content-Type, NULL: none; lives as long as the request
    struct buf bytes;
    struct archive_file file;
};

// Fills *made (which is empty: bytes of at most WEB_MADE_MAX, no file) on a thread that may wait.
// What fails here breaks the answer off: its status is long said.
typedef int (*web_body_maker)(struct web_request *r, const void *context, struct web_made *made,
                              struct err *e);
#define WEB_MADE_MAX ((size_t)512 << 20)

// A part that is made when its turn comes, so that no more than one lies ready. The answer's length
// is not known with such a part. `context` and `location` live as long as the request.
void web_body_part_later(struct web_body *b, const char *type, const char *location,
                         web_body_maker make, const void *context);

// Begins a part: delimiter and header fields. `syntax` and `location` may be NULL.
void web_body_part(struct web_body *b, const char *type, const char *syntax, const char *location);

// Closes the last part and answers 200 as multipart/related of `type`, or as one body of `type`
// when no part was begun. Takes `b`.
void web_body_answer(struct web_body *b, const char *type, const char *syntax);
