// SPDX-License-Identifier: Apache-2.0
#include "web/body.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "web/objects.h"
#include "web/request.h"
#include "web/server_priv.h"

#define BODY_MEMORY_MAX ((size_t)256 << 20)
#define READ_BLOCK_BYTES ((size_t)256 * 1024)
#define VECTOR_MAX 512u
#define BOUNDARY_LEN 40

struct later; // below

struct piece {
    struct slice bytes; // .ptr NULL: of the object, or of a file
    struct hash object;
    uint64_t offset;
    uint64_t len;
    struct slice head;   // text before what was made
    int fd;              // of a file of our own; -1: none
    uint8_t *own;        // bytes of our own; NULL: none
    struct later *later; // a part that is made when its turn comes; NULL once it is made
};

// What a part is made of that is made later.
struct later {
    web_body_maker make;
    const void *context;
    const char *begin; // delimiter and Content-Type up to the transfer syntax, when it has one
    const char *end;   // from behind it
};

struct web_body {
    struct web_request *request;
    struct web_objects *objects;
    struct arena arena;
    struct piece *pieces;
    size_t count, room;
    uint64_t total;
    char boundary[BOUNDARY_LEN + 1];
    bool parts;
    bool failed;
    bool unknown; // the length
    // while it is read
    const struct web_object *open;
    size_t at;       // piece
    uint64_t at_pos; // of its first byte in the whole
    // while it is mapped
    struct web_map map;
    struct MHD_IoVec *vector;
};

struct web_body *web_body_new(struct web_request *r, const struct hash *seed) {
    struct web_body *b = mem_zalloc(sizeof *b);
    if (b == NULL) {
        return NULL;
    }
    char hex[HASH_HEX_LEN + 1];
    b->request = r;
    b->objects = r->server->objects;
    arena_init(&b->arena, BODY_MEMORY_MAX);
    (void)snprintf(b->boundary, sizeof b->boundary, "maclab-%.32s", hash_hex(seed, hex));
    return b;
}

// What is ours of a piece goes.
static void forget(struct piece *p) {
    cleanup_fd(&p->fd);
    mem_free(p->own);
    p->own = NULL;
}

void web_body_free(struct web_body *b) {
    if (b == NULL) {
        return;
    }
    web_object_done(b->objects, b->open);
    web_object_unmap(&b->map);
    mem_free(b->vector);
    for (size_t i = 0; i < b->count; i++) {
        forget(&b->pieces[i]);
    }
    mem_free(b->pieces);
    arena_done(&b->arena);
    mem_free(b);
}

static void free_body(void *body) { web_body_free(body); }

static void add(struct web_body *b, const struct piece *p) {
    if ((p->len == 0 && p->later == NULL) || b->failed) {
        return;
    }
    if (b->count == b->room) {
        size_t room = b->room == 0 ? 8 : b->room * 2;
        struct piece *pieces = mem_realloc(b->pieces, room * sizeof *pieces);
        if (pieces == NULL) {
            b->failed = true;
            return;
        }
        b->pieces = pieces;
        b->room = room;
    }
    b->pieces[b->count++] = *p;
    b->total += p->len;
}

static void add_bytes(struct web_body *b, struct slice bytes) {
    if (bytes.ptr == NULL) {
        b->failed = true;
        return;
    }
    add(b, &(struct piece){.bytes = bytes, .len = bytes.len, .fd = -1});
}

void web_body_text(struct web_body *b, const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text) {
        b->failed = true;
        return;
    }
    add_bytes(b, arena_copy(&b->arena, slice_of(text, (size_t)len)));
}

void web_body_object(struct web_body *b, const struct hash *object, uint64_t offset, uint64_t len) {
    add(b, &(struct piece){.object = *object, .offset = offset, .len = len, .fd = -1});
}

void web_body_file(struct web_body *b, struct archive_file *file) {
    size_t before = b->count;
    add(b, &(struct piece){.len = file->len, .fd = file->fd});
    if (b->count > before) {
        file->fd = -1;
    }
    archive_file_done(file);
}

static void free_bytes(void *bytes) { mem_free(bytes); }

void web_body_take(struct web_body *b, struct buf *bytes) {
    struct slice taken = buf_slice(bytes);
    if (taken.len == 0 || !arena_defer(&b->arena, free_bytes, bytes->data)) {
        b->failed = b->failed || taken.len > 0;
        buf_done(bytes);
        return;
    }
    buf_init(bytes, bytes->max);
    add_bytes(b, taken);
}

void web_body_part(struct web_body *b, const char *type, const char *syntax, const char *location) {
    web_body_text(b, "%s--%s\r\nContent-Type: %s%s%s%s%s\r\n\r\n", b->parts ? "\r\n" : "",
                  b->boundary, type, syntax != NULL ? "; transfer-syntax=" : "",
                  syntax != NULL ? syntax : "", location != NULL ? "\r\nContent-Location: " : "",
                  location != NULL ? location : "");
    b->parts = true;
}

void web_body_part_later(struct web_body *b, const char *type, const char *location,
                         web_body_maker make, const void *context) {
    struct later *l = arena_new(&b->arena, struct later);
    if (l == NULL) {
        b->failed = true;
        return;
    }
    l->make = make;
    l->context = context;
    l->begin = arena_printf(&b->arena, "%s--%s\r\nContent-Type: %s", b->parts ? "\r\n" : "",
                            b->boundary, type);
    l->end = arena_printf(&b->arena, "\r\nContent-Location: %s\r\n\r\n", location);
    b->failed = b->failed || l->begin == NULL || l->end == NULL;
    b->parts = true;
    b->unknown = true;
    add(b, &(struct piece){.later = l, .fd = -1});
}

// --- made later ---

static void take(struct web_body *b, struct piece *p, struct web_made *made, const char *head) {
    p->head = slice_str(head);
    p->own = made->bytes.data;
    p->fd = made->file.fd;
    p->bytes = slice_of(p->own, made->bytes.len);
    p->len = p->head.len + p->bytes.len + made->file.len;
    p->later = NULL;
    b->total += p->len;
}

static const char *make_head(struct web_body *b, const struct later *l, const char *syntax) {
    return syntax == NULL
               ? arena_printf(&b->arena, "%s%s", l->begin, l->end)
               : arena_printf(&b->arena, "%s; transfer-syntax=%s%s", l->begin, syntax, l->end);
}

// On a thread that may wait. The piece becomes what was made; b->failed when it cannot.
static void make_piece(struct web_request *r) {
    struct web_body *b = r->work;
    struct piece *p = &b->pieces[b->at];
    const struct later *l = p->later;
    struct web_made made = {.file = ARCHIVE_FILE_NONE};
    struct err e = {0};
    buf_init(&made.bytes, WEB_MADE_MAX);
    int rc = l->make(r, l->context, &made, &e);
    const char *head = rc == E_OK ? make_head(b, l, made.syntax) : NULL;
    if (head == NULL) {
        log_failure(LOG_ERROR, "http", "an answer is broken off", &e);
        archive_file_done(&made.file);
        buf_done(&made.bytes);
        b->failed = true;
        return;
    }
    take(b, p, &made, head);
    r->length = b->total;
    web_peer_allow(&r->server->peers, r->peer, WEB_IDLE_S, p->len);
}

// --- read piece by piece ------------------------------------------------------------------------
static size_t copy_part(struct slice from, uint64_t skip, char *out, size_t max) {
    size_t len = from.len - skip < max ? from.len - (size_t)skip : max;
    memcpy(out, from.ptr + skip, len);
    return len;
}

static ssize_t read_piece(struct web_body *b, const struct piece *p, uint64_t skip, char *out,
                          size_t max) {
    if (skip < p->head.len) {
        return (ssize_t)copy_part(p->head, skip, out, max);
    }
    uint64_t left = p->len - skip;
    size_t len = left < max ? (size_t)left : max;
    skip -= p->head.len;
    if (p->bytes.ptr != NULL) {
        return (ssize_t)copy_part(p->bytes, skip, out, max);
    }
    if (p->fd >= 0) {
        ssize_t got = pread(p->fd, out, len, (off_t)skip);
        return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    struct err e = {0};
    if (b->open != NULL && !hash_eq(&b->open->hash, &p->object)) {
        web_object_done(b->objects, b->open);
        b->open = NULL;
    }
    if (b->open == NULL && web_object_open(b->objects, &p->object, &b->open, &e) != E_OK) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    ssize_t got = pread(b->open->fd, out, len, (off_t)(p->offset + skip));
    return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

// The piece that holds `pos`, or that has yet to be made there. What is ours goes when it was
// read. false: behind the end.
static bool find_piece(struct web_body *b, uint64_t pos) {
    while (b->at < b->count && b->pieces[b->at].later == NULL &&
           pos >= b->at_pos + b->pieces[b->at].len) {
        b->at_pos += b->pieces[b->at].len;
        forget(&b->pieces[b->at]);
        b->at++;
    }
    return b->at < b->count;
}

static ssize_t wait_for_piece(struct web_body *b) {
    b->request->work = b;
    bool waits = !b->failed && web_server_make(b->request, make_piece);
    return waits ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
}

// Fills `out` from as many pieces as fit: small texts must not become small writes.
static ssize_t read_body(void *context, uint64_t pos, char *out, size_t max) {
    struct web_body *b = context;
    size_t filled = 0;
    while (filled < max && find_piece(b, pos)) {
        if (b->pieces[b->at].later != NULL) {
            return filled > 0 ? (ssize_t)filled : wait_for_piece(b);
        }
        ssize_t got = read_piece(b, &b->pieces[b->at], pos - b->at_pos, out + filled, max - filled);
        if (got < 0) {
            return got;
        }
        filled += (size_t)got;
        pos += (uint64_t)got;
    }
    return filled > 0 ? (ssize_t)filled : MHD_CONTENT_READER_END_OF_STREAM;
}

// --- sent from a mapping
// -------------------------------------------------------------------------- The span of the one
// object that all pieces are of. false: several objects, or too much.
static bool one_span(const struct web_body *b, struct hash *ret_object, uint64_t *ret_first,
                     uint64_t *ret_end) {
    const struct piece *first = NULL;
    uint64_t from = UINT64_MAX;
    uint64_t to = 0;
    for (size_t i = 0; i < b->count; i++) {
        const struct piece *p = &b->pieces[i];
        if (p->fd >= 0 || p->later != NULL) {
            return false;
        }
        if (p->bytes.ptr != NULL) {
            continue;
        }
        if (first != NULL && !hash_eq(&first->object, &p->object)) {
            return false;
        }
        first = p;
        from = p->offset < from ? p->offset : from;
        to = p->offset + p->len > to ? p->offset + p->len : to;
    }
    if (first == NULL || to - from > WEB_BODY_MAPPED_MAX || b->count > VECTOR_MAX) {
        return false;
    }
    *ret_object = first->object;
    *ret_first = from;
    *ret_end = to;
    return true;
}

static bool map_span(struct web_body *b, const struct hash *object, uint64_t first, uint64_t end) {
    struct err e = {0};
    const struct web_object *o;
    if (web_object_open(b->objects, object, &o, &e) != E_OK) {
        return false;
    }
    bool mapped = web_object_map(o, first, end - first, &b->map);
    web_object_done(b->objects, o);
    return mapped;
}

static struct MHD_Response *vectored(struct web_body *b) {
    struct hash object;
    uint64_t first;
    uint64_t end;
    if (!one_span(b, &object, &first, &end) || !map_span(b, &object, first, end)) {
        return NULL;
    }
    b->vector = mem_array(b->count, sizeof *b->vector);
    if (b->vector == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < b->count; i++) {
        const struct piece *p = &b->pieces[i];
        b->vector[i].iov_base =
            p->bytes.ptr != NULL ? p->bytes.ptr : b->map.bytes.ptr + (p->offset - first);
        b->vector[i].iov_len = (size_t)p->len;
    }
    return MHD_create_response_from_iovec(b->vector, (unsigned)b->count, free_body, b);
}

static void answer(struct web_body *b, const char *type) {
    struct web_request *r = b->request;
    uint64_t total = b->total;
    struct MHD_Response *response = b->failed ? NULL : vectored(b);
    if (response == NULL && !b->failed) {
        response = MHD_create_response_from_callback(b->unknown ? MHD_SIZE_UNKNOWN : total,
                                                     READ_BLOCK_BYTES, read_body, b, free_body);
    }
    if (response == NULL) {
        struct err e = {0};
        err_set(&e, E_MEMORY, "answer");
        web_body_free(b);
        web_answer_error(r, &e);
        return;
    }
    web_answer_response(r, MHD_HTTP_OK, type, response, total);
}

void web_body_answer(struct web_body *b, const char *type, const char *syntax) {
    char text[256];
    if (!b->parts) {
        (void)snprintf(text, sizeof text, "%s%s%s", type,
                       syntax != NULL ? "; transfer-syntax=" : "", syntax != NULL ? syntax : "");
    } else {
        web_body_text(b, "\r\n--%s--\r\n", b->boundary);
        (void)snprintf(text, sizeof text, "multipart/related; type=\"%s\"%s%s; boundary=%s", type,
                       syntax != NULL ? "; transfer-syntax=" : "", syntax != NULL ? syntax : "",
                       b->boundary);
    }
    answer(b, text);
}
