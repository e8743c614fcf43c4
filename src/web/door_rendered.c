// SPDX-License-Identifier: Apache-2.0
// Rendered resources and thumbnails (PS3.18 10.4.1.1.3, 10.4.1.1.4): JPEG or PNG made by a worker.
// As one picture a study or series is shown by its representative instance and middle frame, an
// instance of several frames by the first, its thumbnail by the middle one; as multipart/related
// every frame of every instance is a part. Video is sent as it is stored. Pictures last seen are
// kept in memory; the archive keeps more of them in its cache folder.
#include "web/door_rendered.h"

#include <microhttpd.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/catalogue.h"
#include "base/buf.h"
#include "base/file.h"
#include "dicom/uid.h"
#include "web/accept.h"
#include "web/body.h"
#include "web/frame_list.h"
#include "web/lookup.h"
#include "web/objects.h"
#include "web/pictures.h"
#include "web/render_params.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define FORMATS 2
#define PARTS_MAX 100000u // pictures of one answer

// The formats as one picture, then as parts.
static const struct web_offer offers[] = {
    [RENDER_JPEG] = {.media = "image/jpeg", .is_default = true},
    [RENDER_PNG] = {.media = "image/png", .is_default = true},
    [FORMATS + RENDER_JPEG] = {.media = "image/jpeg", .multipart = true, .is_default = true},
    [FORMATS + RENDER_PNG] = {.media = "image/png", .multipart = true, .is_default = true},
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

static int choose_format(struct web_request *r, bool thumbnail, enum render_format *ret_format,
                         bool *ret_parts, struct err *e) {
    struct web_accept accept;
    int rc = web_request_accepted(r, &accept, e);
    if (rc != E_OK) {
        return rc;
    }
    int chosen = web_accept_choose(&accept, offers, thumbnail ? FORMATS : 2 * FORMATS);
    if (chosen < 0) {
        return err_set(e, E_NOT_ACCEPTABLE, "rendered images are image/jpeg or image/png");
    }
    *ret_format = (enum render_format)(chosen % FORMATS);
    *ret_parts = chosen >= FORMATS;
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
            return err_set(e, E_NOT_ACCEPTABLE, "several frames are rendered as multipart/related");
        }
        w->request.frame = rc == E_OK ? numbers[0] : 0;
        return rc;
    }
    bool middle = w->thumbnail || n->instance[0] == '\0';
    w->request.frame = middle ? (w->instance.frames + 1) / 2 : 1;
    return E_OK;
}

// --- every frame as a part ---

struct picture_part {
    const struct retrieve_instance *instance;
    struct render_request request;
};

static int make_part(struct web_request *r, const void *context, struct web_made *made,
                     struct err *e) {
    const struct picture_part *p = context;
    return archive_render(r->server->archive, &p->instance->object, &p->request, &made->bytes, e);
}

static int add_part(struct web_request *r, struct web_body *body, const struct retrieve_instance *i,
                    const struct render_request *q, uint32_t frame, struct err *e) {
    struct picture_part *p = arena_new(&r->arena, struct picture_part);
    const char *location =
        arena_printf(&r->arena, "%s/dicom-web/studies/%s/series/%s/instances/%s/frames/%u/rendered",
                     web_request_origin(r), i->study, i->series, i->instance, frame);
    if (p == NULL || location == NULL) {
        return err_set(e, E_MEMORY, "pictures");
    }
    p->instance = i;
    p->request = *q;
    p->request.frame = frame;
    web_body_part_later(body, type_of(q), location, make_part, p);
    return E_OK;
}

static int add_named(struct web_request *r, struct web_body *body,
                     const struct retrieve_instance *i, const struct render_request *q,
                     struct err *e) {
    uint32_t *numbers = arena_array(&r->arena, WEB_FRAMES_MAX, sizeof *numbers);
    size_t count = 0;
    int rc = numbers == NULL ? err_set(e, E_MEMORY, "frame list")
                             : web_frame_list_parse(r->names.frames, i->frames, numbers,
                                                    WEB_FRAMES_MAX, &count, e);
    for (size_t k = 0; rc == E_OK && k < count; k++) {
        rc = add_part(r, body, i, q, numbers[k], e);
    }
    return rc;
}

static int add_all(struct web_request *r, struct web_body *body, const struct render_request *q,
                   struct err *e) {
    struct retrieve_instance *list;
    size_t count;
    uint64_t parts = 0;
    int rc = web_lookup(r, &list, &count, e);
    if (rc == E_OK && r->names.frames.ptr != NULL) {
        return add_named(r, body, &list[0], q, e);
    }
    for (size_t i = 0; rc == E_OK && i < count; i++) {
        parts += list[i].frames;
        if (parts > PARTS_MAX) {
            return err_set(e, E_LIMIT, "more than %u pictures of one answer", PARTS_MAX);
        }
        for (uint32_t k = 1; rc == E_OK && k <= list[i].frames; k++) {
            rc = add_part(r, body, &list[i], q, k, e);
        }
    }
    return rc == E_OK && parts == 0 ? err_set(e, E_NOT_ACCEPTABLE, "there are no pixels to render")
                                    : rc;
}

// On a catalogue thread: a study may have many instances.
static void answer_parts(struct web_request *r) {
    const struct web_picture_work *w = r->work;
    struct err e = {0};
    struct hash seed = hash_of(r->target);
    struct web_body *body = web_body_new(r, &seed);
    int rc = body == NULL ? err_set(&e, E_MEMORY, "answer") : add_all(r, body, &w->request, &e);
    if (rc != E_OK) {
        web_body_free(body);
        web_answer_error(r, &e);
        return;
    }
    web_body_answer(body, type_of(&w->request), NULL);
    web_answer_no_store(r);
}

// --- video ---

// The container by its first bytes (ISO/IEC 14496-12, 13818-1, 11172-2): the transfer syntax names
// the coding only.
static const char *video_type(const uint8_t b[12]) {
    if (memcmp(b + 4, "ftyp", 4) == 0) {
        return "video/mp4";
    }
    if (b[0] == 0x47) {
        return "video/mp2t";
    }
    bool start = b[0] == 0 && b[1] == 0 && b[2] == 1;
    return start && (b[3] == 0xBA || b[3] == 0xB3) ? "video/mpeg" : "application/octet-stream";
}

static int find_stream(struct web_request *r, const struct retrieve_instance *i,
                       struct retrieve_range *ret_range, struct err *e) {
    struct retrieve_range *ranges;
    size_t count = 0;
    struct db *db;
    struct archive *archive = r->server->archive;
    int rc = archive_reader(archive, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = retrieve_frame(db, &i->object, 1, &r->arena, &ranges, &count, e);
    archive_reader_done(archive, db);
    if (rc == E_OK && count != 1) {
        rc = err_set(e, E_NOT_ACCEPTABLE,
                     "the video lies in several fragments; ask for frames/1 as stored");
    }
    if (rc == E_OK) {
        *ret_range = ranges[0];
    }
    return rc;
}

static int answer_video(struct web_request *r, const struct retrieve_instance *i, struct err *e) {
    struct retrieve_range range;
    const struct web_object *object;
    uint8_t head[12] = {0};
    struct web_accept accept;
    int rc = find_stream(r, i, &range, e);
    rc = rc == E_OK ? web_object_open(r->server->objects, &i->object, &object, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    bool known = file_pread_all(object->fd, head, sizeof head, range.offset) == 0;
    web_object_done(r->server->objects, object);
    if (!known) {
        return err_set(e, E_CORRUPT, "the video ends too early");
    }
    const struct web_offer offer = {.media = video_type(head), .is_default = true};
    rc = web_request_accepted(r, &accept, e);
    if (rc == E_OK && web_accept_choose(&accept, &offer, 1) < 0) {
        rc = err_set(e, E_NOT_ACCEPTABLE, "video is sent as it is stored, as %s", offer.media);
    }
    if (rc == E_OK) {
        char etag[WEB_ETAG_MAX];
        web_etag(etag, &i->object, "v", slice_str(""));
        web_answer_object(r, offer.media, &i->object, range.offset, range.len, etag);
    }
    return rc;
}

static bool is_video(const struct retrieve_instance *i) {
    const struct dcm_transfer_syntax *syntax = dcm_transfer_syntax_find(slice_str(i->syntax));
    return syntax != NULL && syntax->video;
}

// --- which of them ---

static int answer_one(struct web_request *r, struct web_picture_work *w, struct err *e) {
    bool parts = false;
    int rc = find_instance(r, &w->instance, e);
    if (rc == E_OK && !w->thumbnail && is_video(&w->instance)) {
        return answer_video(r, &w->instance, e);
    }
    rc = rc == E_OK ? choose_format(r, w->thumbnail, &w->request.format, &parts, e) : rc;
    if (rc == E_OK && parts) {
        r->work = w;
        web_request_later(r, WEB_CATALOGUE, answer_parts);
        return E_OK;
    }
    rc = rc == E_OK ? choose_frame(r, w, e) : rc;
    if (rc == E_OK) {
        web_picture_make(r, w);
    }
    return rc;
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
    rc = rc == E_OK ? answer_one(r, w, &e) : rc;
    if (rc != E_OK) {
        web_answer_error(r, &e);
    }
}

void web_rendered_get(struct web_request *r) { answer_picture(r, false); }

void web_thumbnail_get(struct web_request *r) { answer_picture(r, true); }
