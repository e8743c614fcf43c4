// SPDX-License-Identifier: Apache-2.0
// multipart/related bodies (RFC 2046 5.1, RFC 2387, PS3.18 8.6.1.2.1), pushed in pieces of any size
// with the same result for every split. Part bodies are handed on as they arrive; nothing but a
// part's header fields and the delimiter that may be beginning is held.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct err;

#define WEB_BOUNDARY_MAX 70 // RFC 2046 5.1.1
#define WEB_PART_HEADERS_MAX ((size_t)8192)
#define WEB_PARTS_MAX 100000u

struct web_part {
    uint32_t number;           // from 0
    struct slice content_type; // as written; .ptr NULL when not given
    struct slice content_location;
};

// A negative return from any of them ends the parse with it; *e is passed through.
struct web_multipart_sink {
    int (*begin)(void *context, const struct web_part *part, struct err *e);
    int (*data)(void *context, struct slice bytes, struct err *e);
    int (*end)(void *context, struct err *e); // the part's delimiter was seen: it is whole
    void *context;
};

enum web_multipart_state {
    WEB_MULTIPART_PREAMBLE,
    WEB_MULTIPART_AFTER_DELIMITER,
    WEB_MULTIPART_HEADERS,
    WEB_MULTIPART_DATA,
    WEB_MULTIPART_EPILOGUE
};

struct web_multipart {
    struct web_multipart_sink sink;
    char delimiter[WEB_BOUNDARY_MAX + 5]; // CR LF "--" boundary
    size_t delimiter_len;
    enum web_multipart_state state;
    size_t matched;   // bytes of the delimiter seen at the end of the input so far
    size_t borrowed;  // of these, how many are a line end that is not the part's
    uint8_t after[2]; // what follows a delimiter
    size_t after_len;
    struct buf headers; // of the part
    uint32_t parts;
    uint64_t consumed; // bytes fed, for error offsets
    int error;         // sticky
};

// E_SYNTAX when the boundary is not one.
int web_multipart_init(struct web_multipart *m, struct slice boundary,
                       const struct web_multipart_sink *sink, struct err *e);
void web_multipart_done(struct web_multipart *m);

int web_multipart_feed(struct web_multipart *m, struct slice bytes, struct err *e);

// The body is over. E_TRUNCATED when its closing delimiter was not seen: the last part was begun
// and not ended, or there was none.
int web_multipart_finish(struct web_multipart *m, struct err *e);
