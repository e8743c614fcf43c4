// SPDX-License-Identifier: Apache-2.0
// Making answers (request.h). Every one gets the fields of headers.h and leaves in one piece.
#include "web/request.h"

#include <microhttpd.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "web/headers.h"
#include "web/range.h"
#include "web/server_priv.h"

#define ERROR_BODY_MAX ((size_t)4096)

static char nothing[1];

struct slice web_request_header(const struct web_request *r, const char *name) {
    const char *value = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
    return value == NULL ? (struct slice){NULL, 0} : slice_str(value);
}

static bool is_word(uint8_t c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

// "application/dicom+json" in a query loses its plus sign, and no media type has a blank within a
// word.
static struct slice with_plus(struct web_request *r, struct slice text) {
    uint8_t *copy = arena_alloc(&r->arena, text.len);
    for (size_t i = 0; copy != NULL && i < text.len; i++) {
        bool lost = text.ptr[i] == ' ' && i > 0 && i + 1 < text.len && is_word(text.ptr[i - 1]) &&
                    is_word(text.ptr[i + 1]);
        copy[i] = lost ? '+' : text.ptr[i];
    }
    return copy == NULL ? text : slice_of(copy, text.len);
}

struct slice web_request_accept(struct web_request *r) {
    struct slice param = web_url_param(&r->url, "accept");
    return param.len > 0 ? with_plus(r, param) : web_request_header(r, "Accept");
}

const char *web_request_origin(struct web_request *r) {
    struct slice host = web_request_header(r, "Host");
    const char *origin =
        arena_printf(&r->arena, "http://%.*s", (int)host.len, (const char *)host.ptr);
    return origin == NULL ? "" : origin;
}

static void cors(struct web_request *r) {
    struct slice origin = web_request_header(r, "Origin");
    if (web_origin_foreign(origin, web_server_allowed(r->server))) {
        web_answer_header(r, "Access-Control-Allow-Origin", (const char *)origin.ptr);
        web_answer_header(r, "Access-Control-Expose-Headers", "Content-Location, ETag, Warning");
        web_answer_header(r, "Vary", "Origin");
    }
}

void web_answer_response(struct web_request *r, unsigned status, const char *type,
                         struct MHD_Response *response, uint64_t len) {
    r->response = response;
    r->response_shared = false;
    r->status = status;
    r->length = len;
    if (response == NULL) {
        return; // out of memory: the connection is closed
    }
    web_headers_secure(response);
    if (type != NULL) {
        web_answer_header(r, "Content-Type", type);
    }
    cors(r);
}

void web_answer_shared(struct web_request *r, unsigned status, struct MHD_Response *response,
                       uint64_t len) {
    r->response = response;
    r->response_shared = true;
    r->status = status;
    r->length = len;
}

void web_answer_buf(struct web_request *r, unsigned status, const char *type, struct buf *b) {
    struct buf body = *b;
    buf_init(b, body.max);
    struct MHD_Response *response =
        body.len == 0
            ? MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT)
            : MHD_create_response_from_buffer_with_free_callback(body.len, body.data, mem_free);
    if (response == NULL || body.len == 0) {
        buf_done(&body);
    }
    web_answer_response(r, status, type, response, body.len);
}

void web_answer_text(struct web_request *r, unsigned status, const char *type, const char *text) {
    size_t len = strlen(text);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    web_answer_response(r, status, type, response, len);
}

void web_answer_empty(struct web_request *r, unsigned status) {
    web_answer_response(r, status, NULL,
                        MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT), 0);
}

void web_answer_header(struct web_request *r, const char *name, const char *value) {
    if (r->response != NULL) {
        (void)MHD_add_response_header(r->response, name, value);
    }
}

void web_answer_immutable(struct web_request *r, const char *etag) {
    web_answer_header(r, "ETag", etag);
    web_answer_header(r, "Cache-Control", "private, max-age=31536000, immutable");
    web_answer_header(r, "Vary", "Accept");
}

void web_answer_no_store(struct web_request *r) {
    web_answer_header(r, "Cache-Control", "no-store");
}

void web_answer_json(struct web_request *r, unsigned status, struct buf *body, int rc,
                     struct err *e) {
    rc = rc == E_OK ? buf_check(body, "answer", e) : rc;
    if (rc != E_OK) {
        buf_done(body);
        web_answer_error(r, e);
        return;
    }
    web_answer_buf(r, status, "application/json", body);
    web_answer_no_store(r);
}

bool web_answer_unchanged(struct web_request *r, const char *etag) {
    if (!web_etag_listed(web_request_header(r, "If-None-Match"), etag)) {
        return false;
    }
    web_answer_empty(r, MHD_HTTP_NOT_MODIFIED);
    web_answer_immutable(r, etag);
    return true;
}

static void error_body(struct buf *out, const char *name, const char *message, const char *clause,
                       const char *where) {
    struct json j;
    json_init(&j, out);
    json_begin_object(&j);
    json_name(&j, "error");
    json_begin_object(&j);
    json_member_str(&j, "code", name);
    json_member_str(&j, "message", message);
    json_member_str(&j, "clause", clause);
    json_member_str(&j, "where", where);
    json_end_object(&j);
    json_end_object(&j);
}

static void answer_error_body(struct web_request *r, unsigned status, struct buf *body) {
    web_answer_buf(r, status, "application/json", body);
    web_answer_no_store(r);
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        web_answer_header(r, "Retry-After", "2");
    }
}

void web_answer_failure(struct web_request *r, unsigned status, int code, const char *message,
                        const char *clause) {
    struct buf body;
    buf_init(&body, ERROR_BODY_MAX);
    error_body(&body, err_name(code), message, clause, NULL);
    answer_error_body(r, status, &body);
}

// What went wrong on our side is for who runs the machine, too.
static void log_ours(const struct web_request *r, const struct err *why) {
    if (err_http(why->code) >= MHD_HTTP_INTERNAL_SERVER_ERROR) {
        log_failure(why->code == E_BUSY ? LOG_WARNING : LOG_ERROR,
                    r->route == NULL ? "http" : r->route->door, "not answered", why);
    }
}

void web_answer_error(struct web_request *r, const struct err *why) {
    log_ours(r, why);
    struct buf body;
    buf_init(&body, ERROR_BODY_MAX);
    const char *where = why->path[0] != '\0' ? why->path : NULL;
    error_body(&body, err_name(why->code), why->text[0] != '\0' ? why->text : err_words(why->code),
               NULL, where);
    answer_error_body(r, (unsigned)err_http(why->code), &body);
}
