// SPDX-License-Identifier: Apache-2.0
// Metadata and bulk data (PS3.18 10.4.1.1.2, 10.4.1.1.5). Metadata was made at intake: it is put
// together, not parsed, and goes out compressed as stored where the client can inflate it.
#include <microhttpd.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/jobs.h"
#include "base/buf.h"
#include "dicom/uid.h"
#include "web/accept.h"
#include "web/body.h"
#include "web/lookup.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define METADATA_MAX ((size_t)256 << 20)
#define BULK_INFLATED_MAX ((size_t)64 << 20)
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
    return *ret_offer >= 0 ? E_OK
                           : err_set(e, E_NOT_ACCEPTABLE,
                                     "metadata is application/dicom+json (XML is not made)");
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

struct bulk_work {
    struct retrieve_instance instance;
    struct retrieve_range range;
    bool deflated; // the range counts in what the data set inflates to
    bool multipart;
    char etag[WEB_ETAG_MAX];
};

static int find_bulk(struct web_request *r, struct bulk_work *w, struct err *e) {
    const struct web_names *n = &r->names;
    int rc = web_lookup_instance(r, n->study, n->series, n->instance, &w->instance, e);
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
    w->deflated = strcmp(w->instance.syntax, DCM_DEFLATED_UID) == 0;
    rc = w->deflated ? retrieve_bulk_inflated(db, &w->instance.object, path, &w->range, e)
                     : retrieve_bulk(db, &w->instance.object, path, &w->range, e);
    archive_reader_done(archive, db);
    return rc;
}

static int choose_bulk(struct web_request *r, struct bulk_work *w, struct err *e) {
    static const struct web_offer offers[] = {
        {.media = OCTETS, .syntax = DCM_EXPLICIT_LE_UID, .multipart = true, .is_default = true},
        {.media = OCTETS, .syntax = DCM_EXPLICIT_LE_UID, .multipart = false, .is_default = true},
    };
    struct web_accept accept;
    int rc = web_request_accepted(r, &accept, e);
    if (rc != E_OK) {
        return rc;
    }
    int chosen = web_accept_choose(&accept, offers, 2);
    if (chosen < 0) {
        return err_set(e, E_NOT_ACCEPTABLE, "bulk data is " OCTETS);
    }
    w->multipart = chosen == 0;
    web_etag(w->etag, &w->instance.object, w->multipart ? "bm" : "b", r->names.rest);
    return E_OK;
}

static int add_value(struct web_request *r, const struct bulk_work *w, struct web_body *body,
                     struct err *e) {
    if (!w->deflated) {
        web_body_object(body, &w->instance.object, w->range.offset, w->range.len);
        return E_OK;
    }
    struct buf bytes;
    buf_init(&bytes, BULK_INFLATED_MAX);
    int rc = archive_bulk(r->server->archive, &w->instance.object, w->range.offset, w->range.len,
                          &bytes, e);
    if (rc == E_OK) {
        web_body_take(body, &bytes);
    }
    buf_done(&bytes);
    return rc;
}

static int answer_bulk(struct web_request *r, const struct bulk_work *w, struct err *e) {
    if (!w->deflated && !w->multipart) {
        web_answer_object(r, OCTETS, &w->instance.object, w->range.offset, w->range.len, w->etag);
        return E_OK;
    }
    struct web_body *body = web_body_new(r, &w->instance.object);
    if (body == NULL) {
        return err_set(e, E_MEMORY, "answer");
    }
    if (w->multipart) {
        web_body_part(body, OCTETS, NULL, NULL);
    }
    int rc = add_value(r, w, body, e);
    if (rc != E_OK) {
        web_body_free(body);
        return rc;
    }
    web_body_answer(body, OCTETS, NULL);
    web_answer_immutable(r, w->etag);
    return E_OK;
}

// Pixel data in fragments are frames, not one value: the frames' door gives them.
static bool is_encapsulated(const struct web_request *r, const struct bulk_work *w) {
    const struct dcm_transfer_syntax *syntax =
        dcm_transfer_syntax_find(slice_str(w->instance.syntax));
    return slice_eq_str(r->names.rest, "7FE00010") && syntax != NULL && syntax->encapsulated &&
           w->instance.frames > 0;
}

void web_bulk_get(struct web_request *r) {
    struct bulk_work work = {0};
    struct err e = {0};
    int rc = find_bulk(r, &work, &e);
    if (rc == E_OK && is_encapsulated(r, &work)) {
        web_frames_get(r);
        return;
    }
    if (rc == E_OK) {
        rc = choose_bulk(r, &work, &e);
    }
    if (rc == E_OK && !web_answer_unchanged(r, work.etag)) {
        rc = answer_bulk(r, &work, &e);
    }
    if (rc != E_OK) {
        web_answer_error(r, &e);
    }
}
