// SPDX-License-Identifier: Apache-2.0
#include "web/lookup.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/jobs.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/uid.h"
#include "web/accept.h"
#include "web/body.h"
#include "web/objects.h"
#include "web/range.h"
#include "web/request.h"
#include "web/server_priv.h"

static int lookup(struct web_request *r, const struct retrieve_path *path,
                  struct retrieve_instance **ret_list, size_t *ret_count, struct err *e) {
    struct archive *archive = r->server->archive;
    struct db *db;
    int rc = archive_reader(archive, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = retrieve_list(db, path, &r->arena, ret_list, ret_count, e);
    archive_reader_done(archive, db);
    return rc;
}

int web_lookup(struct web_request *r, struct retrieve_instance **ret_list, size_t *ret_count,
               struct err *e) {
    const struct retrieve_path path = {r->names.study, r->names.series, r->names.instance};
    return lookup(r, &path, ret_list, ret_count, e);
}

int web_lookup_instance(struct web_request *r, const char *study, const char *series,
                        const char *instance, struct retrieve_instance *ret_instance,
                        struct err *e) {
    const struct retrieve_path path = {study, series, instance};
    struct retrieve_instance *list;
    size_t count;
    int rc = lookup(r, &path, &list, &count, e);
    if (rc == E_OK && count == 0) {
        rc = err_set(e, E_NOT_FOUND, "no such instance");
    }
    if (rc == E_OK) {
        *ret_instance = list[0];
    }
    return rc;
}

void web_etag(char out[WEB_ETAG_MAX], const struct hash *object, const char *form,
              struct slice detail) {
    char hex[HASH_HEX_LEN + 1];
    char more[HASH_HEX_LEN + 1];
    struct hash h = hash_of(detail);
    (void)snprintf(out, WEB_ETAG_MAX, "\"%.32s-%.16s-%.16s\"", hash_hex(object, hex), form,
                   hash_hex(&h, more));
}

static void unmap(void *map) {
    web_object_unmap(map);
    mem_free(map);
}

// Header fields and body leave in one write from a mapping: on one connection that is twice as fast
// as sendfile in pieces, each of which wakes the client. NULL: not possible here.
static struct MHD_Response *mapped(const struct web_object *object, uint64_t offset, uint64_t len) {
    struct web_map *map = len <= WEB_BODY_MAPPED_MAX ? mem_zalloc(sizeof *map) : NULL;
    if (map == NULL || !web_object_map(object, offset, len, map)) {
        mem_free(map);
        return NULL;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        map->bytes.len, (void *)(uintptr_t)map->bytes.ptr, unmap, map);
    if (response == NULL) {
        unmap(map);
    }
    return response;
}

static struct MHD_Response *by_sendfile(const struct web_object *object, uint64_t offset,
                                        uint64_t len) {
    int fd = fcntl(object->fd, F_DUPFD_CLOEXEC, 0);
    struct MHD_Response *response =
        fd < 0 ? NULL : MHD_create_response_from_fd_at_offset64(len, fd, offset);
    if (response == NULL && fd >= 0) {
        (void)close(fd);
    }
    return response;
}

static void answer_stretch(struct web_request *r, unsigned status, const char *type,
                           const struct web_object *object, uint64_t offset, uint64_t len) {
    struct MHD_Response *response = mapped(object, offset, len);
    if (response == NULL) {
        response = by_sendfile(object, offset, len);
    }
    web_answer_response(r, status, type, response, len);
}

static void answer_unsatisfiable(struct web_request *r, uint64_t len) {
    char text[64];
    web_answer_failure(r, MHD_HTTP_RANGE_NOT_SATISFIABLE, E_RANGE, "the range lies behind the end",
                       NULL);
    (void)snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)len);
    web_answer_header(r, "Content-Range", text);
}

static void answer_fields(struct web_request *r, enum web_range_verdict verdict,
                          const struct web_range *range, uint64_t len, const char *etag) {
    if (verdict == WEB_RANGE_PART) {
        char text[96];
        (void)snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)range->first,
                       (unsigned long long)(range->first + range->len - 1),
                       (unsigned long long)len);
        web_answer_header(r, "Content-Range", text);
    }
    web_answer_header(r, "Accept-Ranges", "bytes");
    web_answer_immutable(r, etag);
}

// false: the range lies behind the end, and that is answered.
static bool find_range(struct web_request *r, uint64_t len, const char *etag,
                       struct web_range *ret_range, enum web_range_verdict *ret_verdict) {
    *ret_range = (struct web_range){0, len};
    *ret_verdict = web_range_parse(web_request_header(r, "Range"),
                                   web_request_header(r, "If-Range"), etag, len, ret_range);
    if (*ret_verdict == WEB_RANGE_UNSATISFIABLE) {
        answer_unsatisfiable(r, len);
        return false;
    }
    return true;
}

static unsigned status_of(enum web_range_verdict verdict) {
    return verdict == WEB_RANGE_PART ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK;
}

void web_answer_object(struct web_request *r, const char *type, const struct hash *object,
                       uint64_t offset, uint64_t len, const char *etag) {
    struct web_range range;
    enum web_range_verdict verdict;
    if (!find_range(r, len, etag, &range, &verdict)) {
        return;
    }
    struct err e = {0};
    const struct web_object *open;
    if (web_object_open(r->server->objects, object, &open, &e) != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    answer_stretch(r, status_of(verdict), type, open, offset + range.first, range.len);
    web_object_done(r->server->objects, open);
    answer_fields(r, verdict, &range, len, etag);
}

void web_answer_file(struct web_request *r, const char *type, struct archive_file *file,
                     const char *etag) {
    struct web_range range;
    enum web_range_verdict verdict;
    if (!find_range(r, file->len, etag, &range, &verdict)) {
        archive_file_done(file);
        return;
    }
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64(range.len, file->fd, range.first);
    uint64_t len = file->len;
    if (response != NULL) {
        file->fd = -1;
    }
    archive_file_done(file);
    web_answer_response(r, status_of(verdict), type, response, range.len);
    answer_fields(r, verdict, &range, len, etag);
}

int web_request_accepted(struct web_request *r, struct web_accept *ret_accept, struct err *e) {
    return web_accept_parse(&r->arena, web_request_accept(r), ret_accept, e);
}

static const struct {
    const char *syntax, *media;
    bool is_default;
} media[] = {
    {"1.2.840.10008.1.2.4.50", "image/jpeg", false},
    {"1.2.840.10008.1.2.4.51", "image/jpeg", false},
    {"1.2.840.10008.1.2.4.57", "image/jpeg", false},
    {"1.2.840.10008.1.2.4.70", "image/jpeg", true},
    {"1.2.840.10008.1.2.4.80", "image/jls", true},
    {"1.2.840.10008.1.2.4.81", "image/jls", false},
    {"1.2.840.10008.1.2.4.90", "image/jp2", true},
    {"1.2.840.10008.1.2.4.91", "image/jp2", false},
    {"1.2.840.10008.1.2.4.92", "image/jpx", true},
    {"1.2.840.10008.1.2.4.93", "image/jpx", false},
    {"1.2.840.10008.1.2.4.100", "video/mpeg2", true},
    {"1.2.840.10008.1.2.4.101", "video/mpeg2", false},
    {"1.2.840.10008.1.2.4.102", "video/mp4", true},
    {"1.2.840.10008.1.2.4.103", "video/mp4", false},
    {"1.2.840.10008.1.2.4.104", "video/mp4", false},
    {"1.2.840.10008.1.2.4.105", "video/mp4", false},
    {"1.2.840.10008.1.2.4.106", "video/mp4", false},
    {"1.2.840.10008.1.2.4.107", "video/H265", true},
    {"1.2.840.10008.1.2.4.108", "video/H265", false},
    {"1.2.840.10008.1.2.4.110", "image/jxl", true},
    {"1.2.840.10008.1.2.4.111", "image/jxl", false},
    {"1.2.840.10008.1.2.4.112", "image/jxl", false},
    {"1.2.840.10008.1.2.4.201", "image/jphc", true},
    {"1.2.840.10008.1.2.4.202", "image/jphc", false},
    {"1.2.840.10008.1.2.4.203", "image/jphc", false},
    {"1.2.840.10008.1.2.5", "image/dicom-rle", true},
};

const char *web_syntax_media(const char *syntax, bool *ret_default) {
    for (size_t i = 0; i < sizeof media / sizeof media[0]; i++) {
        if (strcmp(media[i].syntax, syntax) == 0) {
            *ret_default = media[i].is_default;
            return media[i].media;
        }
    }
    *ret_default = false;
    return NULL;
}

bool web_syntax_is_plain(const char *syntax) {
    return strcmp(syntax, DCM_EXPLICIT_LE_UID) == 0 || strcmp(syntax, DCM_IMPLICIT_LE_UID) == 0;
}
