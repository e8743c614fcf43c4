// SPDX-License-Identifier: Apache-2.0
// Rendered resources and thumbnails (PS3.18 10.4.1.1.3, 10.4.1.1.4): JPEG or PNG made by a worker.
// A study or series is shown by its representative instance and middle frame; an instance of
// several frames by the first, its thumbnail by the middle one. Pictures last seen are kept in
// memory; the archive keeps more of them in its cache folder.
#include "web/door_rendered.h"

#include <microhttpd.h>

#include "archive/archive.h"
#include "archive/catalogue.h"
#include "base/buf.h"
#include "web/accept.h"
#include "web/frame_list.h"
#include "web/lookup.h"
#include "web/pictures.h"
#include "web/render_params.h"
#include "web/routes.h"
#include "web/server_priv.h"

static const struct web_offer offers[] = {
    [RENDER_JPEG] = {.media = "image/jpeg", .is_default = true},
    [RENDER_PNG] = {.media = "image/png", .is_default = true},
};

static const char *type_of(const struct render_request *q) { return offers[q->format].media; }

static void make_etag(const struct web_picture_work *w, char out[WEB_ETAG_MAX]) {
    char text[WEB_RENDER_TEXT_MAX];
    web_render_text(&w->request, text);
    web_etag(out, &w->instance.object, w->thumbnail ? "t" : "r", slice_str(text));
}

// On a thread that may wait for a worker.
static void render_later(struct web_request *r) {
    const struct web_picture_work *w = r->work;
    struct err e = {0};
    struct buf bytes;
    char etag[WEB_ETAG_MAX];
    make_etag(w, etag);
    buf_init(&bytes, WEB_PICTURE_MAX);
    int rc = archive_render(r->server->archive, &w->instance.object, &w->request, &bytes, &e);
    struct web_picture *picture =
        rc == E_OK ? web_pictures_keep(r->server->pictures, etag, &bytes) : NULL;
    if (rc == E_OK && picture == NULL) {
        err_set(&e, E_MEMORY, "picture");
    }
    buf_done(&bytes);
    if (picture == NULL) {
        web_answer_error(r, &e);
        return;
    }
    web_picture_answer(r, picture, type_of(&w->request), etag);
}

void web_picture_make(struct web_request *r, struct web_picture_work *work) {
    char etag[WEB_ETAG_MAX];
    make_etag(work, etag);
    if (web_answer_unchanged(r, etag)) {
        return;
    }
    struct web_picture *picture = web_pictures_find(r->server->pictures, etag);
    if (picture != NULL) {
        web_picture_answer(r, picture, type_of(&work->request), etag);
        return;
    }
    r->work = work;
    web_request_later(r, WEB_RENDER, render_later);
}

static int choose_format(struct web_request *r, enum render_format *ret_format, struct err *e) {
    struct web_accept accept;
    int rc = web_request_accepted(r, &accept, e);
    if (rc != E_OK) {
        return rc;
    }
    int chosen = web_accept_choose(&accept, offers, 2);
    if (chosen < 0) {
        return err_set(e, E_NOT_ACCEPTABLE, "rendered images are image/jpeg or image/png");
    }
    *ret_format = (enum render_format)chosen;
    return E_OK;
}

// The instance that the path names or that stands for it.
static int find_instance(struct web_request *r, struct retrieve_instance *ret_instance,
                         struct err *e) {
    const struct web_names *n = &r->names;
    if (n->instance[0] != '\0') {
        return web_lookup_instance(r, n->study, n->series, n->instance, ret_instance, e);
    }
    struct archive *archive = r->server->archive;
    struct db *db;
    char instance[WEB_UID_TEXT] = "";
    int rc = archive_reader(archive, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = catalogue_representative(db, n->study, n->series, instance, e);
    archive_reader_done(archive, db);
    return rc == E_OK ? web_lookup_instance(r, n->study, n->series, instance, ret_instance, e) : rc;
}

static int choose_frame(struct web_request *r, struct web_picture_work *w, struct err *e) {
    const struct web_names *n = &r->names;
    if (w->instance.frames == 0) {
        return err_set(e, E_NOT_ACCEPTABLE, "the instance has no pixels to render");
    }
    if (n->frames.ptr != NULL) {
        uint32_t numbers[2];
        size_t count;
        int rc = web_frame_list_parse(n->frames, w->instance.frames, numbers, 2, &count, e);
        if (rc == E_LIMIT || (rc == E_OK && count > 1)) {
            return err_set(e, E_NOT_ACCEPTABLE, "one frame is rendered at a time");
        }
        w->request.frame = rc == E_OK ? numbers[0] : 0;
        return rc;
    }
    bool middle = w->thumbnail || n->instance[0] == '\0';
    w->request.frame = middle ? (w->instance.frames + 1) / 2 : 1;
    return E_OK;
}

static void answer_picture(struct web_request *r, bool thumbnail) {
    struct web_picture_work *w = arena_new(&r->arena, struct web_picture_work);
    struct err e = {0};
    int rc = w == NULL ? err_set(&e, E_MEMORY, "picture") : E_OK;
    if (rc == E_OK) {
        w->thumbnail = thumbnail;
        rc = thumbnail ? web_thumbnail_params(&r->url, &w->request, &e)
                       : web_render_params(&r->url, &w->request, &e);
    }
    if (rc == E_OK) {
        rc = choose_format(r, &w->request.format, &e);
    }
    if (rc == E_OK) {
        rc = find_instance(r, &w->instance, &e);
    }
    if (rc == E_OK) {
        rc = choose_frame(r, w, &e);
    }
    if (rc != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    web_picture_make(r, w);
}

void web_rendered_get(struct web_request *r) { answer_picture(r, false); }

void web_thumbnail_get(struct web_request *r) { answer_picture(r, true); }
