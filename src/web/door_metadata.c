// SPDX-License-Identifier: Apache-2.0
// Metadata and bulk data (PS3.18 10.4.1.1.2, 10.4.1.1.5). Metadata was made at intake: it is put together, not
// parsed, and goes out compressed as stored where the client can inflate it.
#include <microhttpd.h>
#include <string.h>

#include "archive/archive.h"
#include "base/buf.h"
#include "dicom/uid.h"
#include "web/accept.h"
#include "web/body.h"
#include "web/lookup.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define METADATA_MAX ((size_t)1 << 30)
#define OCTETS "application/octet-stream"

static const struct web_offer metadata_offers[] = {
    {.media = "application/dicom+json", .is_default = true},
    {.media = "application/json", .is_default = true},
};

static int choose_metadata(struct web_request *r, int *ret_offer, struct err *e) {
    struct web_accept accept;
    int rc = web_request_accepted(r, &accept, e);
    if (rc != E_OK) {
        return rc;
    }
    *ret_offer = web_accept_choose(&accept, metadata_offers, 2);
    return *ret_offer >= 0
               ? E_OK
               : err_set(e, E_NOT_ACCEPTABLE, "metadata is application/dicom+json (XML is not made)");
}

static int read_metadata(struct web_request *r, bool gzip, struct buf *body, struct err *e) {
    const struct retrieve_path path = {r->names.study, r->names.series, r->names.instance};
    struct archive *archive = r->server->archive;
    struct db *db;
    int rc = archive_reader(archive, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = retrieve_metadata(db, &path, gzip, body, e);
    archive_reader_done(archive, db);
    return rc == E_OK ? buf_check(body, "metadata", e) : rc;
}

void web_metadata_get(struct web_request *r) {
    struct buf body;
    struct err e = {0};
    int offer;
    bool gzip = web_accepts_coding(web_request_header(r, "Accept-Encoding"), "gzip");
    buf_init(&body, METADATA_MAX);
    if (choose_metadata(r, &offer, &e) != E_OK || read_metadata(r, gzip, &body, &e) != E_OK) {
        buf_done(&body);
        web_answer_error(r, &e);
        return;
    }
    web_answer_buf(r, MHD_HTTP_OK, metadata_offers[offer].media, &body);
    web_answer_no_store(r);
    web_answer_header(r, "Vary", "Accept, Accept-Encoding");
    if (gzip) {
        web_answer_header(r, "Content-Encoding", "gzip");
    }
}

static int find_bulk(struct web_request *r, struct retrieve_instance *ret_instance,
                     struct retrieve_range *ret_range, struct err *e) {
    const struct web_names *n = &r->names;
    int rc = web_lookup_instance(r, n->study, n->series, n->instance, ret_instance, e);
    if (rc != E_OK) {
        return rc;
    }
    const char *path = arena_str(&r->arena, n->rest);
    if (path == NULL) {
        return err_set(e, E_MEMORY, "bulk path");
    }
    struct archive *archive = r->server->archive;
    struct db *db;
    rc = archive_reader(archive, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = retrieve_bulk(db, &ret_instance->object, path, ret_range, e);
    archive_reader_done(archive, db);
    return rc;
}

void web_bulk_get(struct web_request *r) {
    static const struct web_offer offers[] = {
        {.media = OCTETS, .syntax = DCM_EXPLICIT_LE_UID, .multipart = true, .is_default = true},
        {.media = OCTETS, .syntax = DCM_EXPLICIT_LE_UID, .multipart = false, .is_default = true},
    };
    struct retrieve_instance instance;
    struct retrieve_range range;
    struct web_accept accept;
    struct err e = {0};
    char etag[WEB_ETAG_MAX];
    int rc = find_bulk(r, &instance, &range, &e);
    if (rc == E_OK) {
        rc = web_request_accepted(r, &accept, &e);
    }
    int chosen = rc == E_OK ? web_accept_choose(&accept, offers, 2) : -1;
    if (rc == E_OK && chosen < 0) {
        rc = err_set(&e, E_NOT_ACCEPTABLE, "bulk data is " OCTETS);
    }
    if (rc != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    web_etag(etag, &instance.object, chosen == 0 ? "bm" : "b", r->names.rest);
    if (web_answer_unchanged(r, etag)) {
        return;
    }
    if (chosen == 1) {
        web_answer_object(r, OCTETS, &instance.object, range.offset, range.len, etag);
        return;
    }
    struct web_body *body = web_body_new(r, &instance.object);
    if (body == NULL) {
        err_set(&e, E_MEMORY, "answer");
        web_answer_error(r, &e);
        return;
    }
    web_body_part(body, OCTETS, NULL, NULL);
    web_body_object(body, &instance.object, range.offset, range.len);
    web_body_answer(body, OCTETS, NULL);
    web_answer_immutable(r, etag);
}
