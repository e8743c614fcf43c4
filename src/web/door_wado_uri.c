// SPDX-License-Identifier: Apache-2.0
// WADO-URI (PS3.18 9): one instance as its file or as a picture, the way OsiriX and Horos ask.
// Without a transferSyntax a file goes out as it is stored, which is what those clients expect;
// with one it is transcoded where it must be. Parameters that are not known are passed over.
#include <microhttpd.h>
#include <string.h>

#include "archive/jobs.h"
#include "dicom/uid.h"
#include "web/accept.h"
#include "web/door_rendered.h"
#include "web/lookup.h"
#include "web/render_params.h"
#include "web/routes.h"
#include "web/server_priv.h"

enum wado_form { WADO_JPEG = RENDER_JPEG, WADO_PNG = RENDER_PNG, WADO_FILE };

static const struct web_offer offers[] = {
    [WADO_JPEG] = {.media = "image/jpeg", .is_default = true},
    [WADO_PNG] = {.media = "image/png", .is_default = true},
    [WADO_FILE] = {.media = "application/dicom", .is_default = true},
};

static int uid_param(struct web_request *r, const char *name, const char **ret_uid, struct err *e) {
    struct slice value = web_url_param(&r->url, name);
    if (!dcm_uid_usable(value)) {
        return err_set(e, E_ARGUMENT, "%s must be a UID", name);
    }
    *ret_uid = arena_str(&r->arena, value);
    return *ret_uid == NULL ? err_set(e, E_MEMORY, "%s", name) : E_OK;
}

static int find_instance(struct web_request *r, struct retrieve_instance *ret_instance,
                         struct err *e) {
    const char *study;
    const char *series;
    const char *instance;
    if (!slice_eq_str(web_url_param(&r->url, "requestType"), "WADO")) {
        return err_set(e, E_ARGUMENT, "requestType must be WADO");
    }
    if (slice_eq_str(web_url_param(&r->url, "anonymize"), "yes")) {
        return err_set(e, E_NOT_ACCEPTABLE,
                       "anonymize is not offered here: images are made anonymous before they are "
                       "stored");
    }
    int rc = uid_param(r, "studyUID", &study, e);
    if (rc == E_OK) {
        rc = uid_param(r, "seriesUID", &series, e);
    }
    if (rc == E_OK) {
        rc = uid_param(r, "objectUID", &instance, e);
    }
    return rc == E_OK ? web_lookup_instance(r, study, series, instance, ret_instance, e) : rc;
}

// contentType lists media types as Accept does. Without it: a picture of an image, else the file
// (9.4).
static int choose_form(struct web_request *r, const struct retrieve_instance *instance,
                       enum wado_form *ret_form, struct err *e) {
    struct web_accept accept;
    struct slice types = web_url_param(&r->url, "contentType");
    if (types.len == 0) {
        *ret_form = instance->frames > 0 ? WADO_JPEG : WADO_FILE;
        return E_OK;
    }
    int rc = web_accept_parse(&r->arena, types, &accept, e);
    if (rc != E_OK) {
        return rc;
    }
    int chosen = web_accept_choose(&accept, offers, sizeof offers / sizeof offers[0]);
    if (chosen < 0) {
        return err_set(e, E_NOT_ACCEPTABLE,
                       "contentType must be application/dicom, image/jpeg or image/png");
    }
    *ret_form = (enum wado_form)chosen;
    return E_OK;
}

struct file_work {
    struct hash object;
    const char *syntax;
    char etag[WEB_ETAG_MAX];
};

// On a thread that may wait for a worker.
static void transcode_later(struct web_request *r) {
    const struct file_work *w = r->work;
    struct archive_file file = ARCHIVE_FILE_NONE;
    struct err e = {0};
    if (archive_transcode(r->server->archive, &w->object, w->syntax, &file, &e) != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    web_answer_file(r, "application/dicom", &file, w->etag);
}

static int answer_transcoded(struct web_request *r, const struct retrieve_instance *i,
                             struct slice syntax, struct err *e) {
    struct file_work *w = arena_new(&r->arena, struct file_work);
    const char *uid = arena_str(&r->arena, syntax);
    if (w == NULL || uid == NULL) {
        return err_set(e, E_MEMORY, "file");
    }
    if (!archive_can_transcode(i->syntax, uid)) {
        return err_set(
            e, E_NOT_ACCEPTABLE,
            "the instance is stored with transfer syntax %s and cannot be put into %.64s",
            i->syntax, uid);
    }
    w->object = i->object;
    w->syntax = uid;
    web_etag(w->etag, &i->object, "i", syntax);
    if (!web_answer_unchanged(r, w->etag)) {
        r->work = w;
        web_request_later(r, WEB_RENDER, transcode_later);
    }
    return E_OK;
}

static int answer_file(struct web_request *r, const struct retrieve_instance *i, struct err *e) {
    struct slice syntax = web_url_param(&r->url, "transferSyntax");
    if (syntax.len > 0 && !slice_eq_str(syntax, "*") && !slice_eq_str(syntax, i->syntax)) {
        return answer_transcoded(r, i, syntax, e);
    }
    char etag[WEB_ETAG_MAX];
    web_etag(etag, &i->object, "i", slice_str(""));
    if (!web_answer_unchanged(r, etag)) {
        web_answer_object(r, "application/dicom", &i->object, 0, i->len, etag);
    }
    return E_OK;
}

static int answer_image(struct web_request *r, const struct retrieve_instance *i,
                        enum render_format format, struct err *e) {
    struct web_picture_work *w = arena_new(&r->arena, struct web_picture_work);
    if (w == NULL) {
        return err_set(e, E_MEMORY, "picture");
    }
    int rc = web_wado_params(&r->url, i->rows, i->columns, &w->request, e);
    if (rc != E_OK) {
        return rc;
    }
    w->instance = *i;
    w->request.format = format;
    w->request.frame = w->request.frame == 0 ? 1 : w->request.frame;
    if (i->frames == 0) {
        return err_set(e, E_NOT_ACCEPTABLE, "the instance has no pixels to render");
    }
    if (w->request.frame > i->frames) {
        return err_set(e, E_NOT_FOUND, "frame %u of %u", w->request.frame, i->frames);
    }
    web_picture_make(r, w);
    return E_OK;
}

void web_wado_uri_get(struct web_request *r) {
    struct retrieve_instance instance;
    enum wado_form form = WADO_FILE;
    struct err e = {0};
    int rc = find_instance(r, &instance, &e);
    if (rc == E_OK) {
        rc = choose_form(r, &instance, &form, &e);
    }
    if (rc == E_OK) {
        rc = form == WADO_FILE ? answer_file(r, &instance, &e)
                               : answer_image(r, &instance, (enum render_format)form, &e);
    }
    if (rc != E_OK) {
        web_answer_error(r, &e);
    }
}
