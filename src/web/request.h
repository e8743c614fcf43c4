// SPDX-License-Identifier: Apache-2.0
// A request while it lives: what was asked, its memory, and the answer that is being made. Handlers
// see nothing of the HTTP library but through here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"
#include "web/route.h"
#include "web/url.h"

struct MHD_Connection;
struct MHD_Response;
struct web_peer;
struct web_server;
struct web_stow;

#define WEB_REQUEST_MEMORY_MAX ((size_t)64 << 20)
#define WEB_PICTURE_MAX ((size_t)64 << 20)
#define WEB_BODY_SMALL_MAX ((size_t)1 << 20) // a JSON body that is read whole

enum web_stage {
    WEB_STAGE_NEW,     // header fields are there
    WEB_STAGE_ASKING,  // suspended: the decision waits for the disk
    WEB_STAGE_BODY,    // reading and passing over a body that nobody asked for
    WEB_STAGE_STREAM,  // a handler reads the body
    WEB_STAGE_WAITING, // suspended: another thread works on it
    WEB_STAGE_ANSWERED
};

struct web_request {
    struct web_server *server;
    struct web_peer *peer;
    struct MHD_Connection *connection;
    struct arena arena;
    struct slice target;
    struct web_url url;
    enum web_method method;
    bool head;
    const struct web_route *route; // NULL: none matched
    enum web_match match;
    struct web_names names;
    enum web_stage stage;
    struct web_stow *stow; // WEB_STAGE_STREAM
    uint64_t received;     // bytes of the body
    struct buf body;       // of WEB_BODY, at most WEB_BODY_SMALL_MAX
    struct web_request *next_job;
    web_handler later; // set by web_request_later
    enum web_where later_where;
    void *work; // of the handler that set `later`

    struct MHD_Response *response;
    bool response_shared; // made once at start-up: not ours to give back
    unsigned status;
    uint64_t length; // of the answer's body
    usec began;
};

// A header field of the request; empty (ptr NULL) when absent.
struct slice web_request_header(const struct web_request *r, const char *name);

// What to accept: the query parameter `accept` before the field (PS3.18 8.3.3.1).
struct slice web_request_accept(struct web_request *r);

// "http://host:port" as the client named us; from the arena.
const char *web_request_origin(struct web_request *r);

// Instead of an answer: `handle` makes it on a thread that may wait (from a handler that runs on
// another thread: on one of the other kind).
void web_request_later(struct web_request *r, enum web_where where, web_handler handle);

// --- answers: exactly one of these for each request
// ----------------------------------------------- The body is taken over; `b` is empty afterwards.
void web_answer_buf(struct web_request *r, unsigned status, const char *type, struct buf *b);
void web_answer_text(struct web_request *r, unsigned status, const char *type, const char *text);
void web_answer_empty(struct web_request *r, unsigned status);
// A response made elsewhere; taken over.
void web_answer_response(struct web_request *r, unsigned status, const char *type,
                         struct MHD_Response *response, uint64_t len);
// One made once and kept by its maker, with all its fields.
void web_answer_shared(struct web_request *r, unsigned status, struct MHD_Response *response,
                       uint64_t len);
void web_answer_error(struct web_request *r, const struct err *why);
void web_answer_failure(struct web_request *r, unsigned status, int code, const char *message,
                        const char *clause);

// Adds a field to the answer made. Values must be clean ASCII without line ends.
void web_answer_header(struct web_request *r, const char *name, const char *value);

// Cache fields: a strong entity tag and "immutable", or never kept.
void web_answer_immutable(struct web_request *r, const char *etag);
void web_answer_no_store(struct web_request *r);

// A JSON document made with a result: the document, never kept by caches, or the error instead. The
// body is taken over either way.
void web_answer_json(struct web_request *r, unsigned status, struct buf *body, int rc,
                     struct err *e);

// 304 when the client has `etag` already: true, and the answer is made.
bool web_answer_unchanged(struct web_request *r, const char *etag);
