// SPDX-License-Identifier: Apache-2.0
// Frames (PS3.18 10.4.1.1.6): the stored bytes by their place in the object, without a parse; or
// decoded to explicit little endian by a worker, where the codec is there. Which of them, and in
// which medium, is Accept's choice (8.7.3). Single-part answers know ranges.
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/jobs.h"
#include "archive/retrieve.h"
#include "base/buf.h"
#include "dicom/uid.h"
#include "pixel/codec.h"
#include "web/accept.h"
#include "web/body.h"
#include "web/frame_list.h"
#include "web/lookup.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define OCTETS "application/octet-stream"
#define DECODED_MAX ((size_t)64 << 20)
#define OFFERS_MAX 8

struct frames_work {
    struct retrieve_instance instance;
    uint32_t *numbers;
    size_t count;
    struct web_offer offers[OFFERS_MAX];
    bool decodes[OFFERS_MAX];
    size_t offer_count;
    size_t chosen;
    char etag[WEB_ETAG_MAX];
};

static void offer(struct frames_work *w, const char *media, const char *syntax, bool is_default,
                  bool decode) {
    for (int single = 0; single < 2; single++) {
        if (single == 1 && w->count != 1) {
            return; // several frames need parts
        }
        w->decodes[w->offer_count] = decode;
        w->offers[w->offer_count++] = (struct web_offer){
            .media = media, .syntax = syntax, .multipart = single == 0, .is_default = is_default};
    }
}

static void make_offers(struct frames_work *w) {
    const char *stored = w->instance.syntax;
    if (web_syntax_is_plain(stored)) {
        offer(w, OCTETS, DCM_EXPLICIT_LE_UID, true, false);
        return;
    }
    bool is_default;
    bool deflated = strcmp(stored, DCM_DEFLATED_UID) == 0; // no stored frames in the file
    const char *media = web_syntax_media(stored, &is_default);
    if (media != NULL) {
        offer(w, media, stored, is_default, false);
        offer(w, OCTETS, stored, false, false);
    } else if (!deflated) {
        offer(w, OCTETS, stored, false, false); // big endian
    }
    if (deflated || px_codec_find(stored) != NULL) {
        offer(w, OCTETS, DCM_EXPLICIT_LE_UID, true, true);
    }
}

static int not_acceptable(const struct frames_work *w, struct err *e) {
    const struct dcm_transfer_syntax *syntax =
        dcm_transfer_syntax_find(slice_str(w->instance.syntax));
    return err_set(
        e, E_NOT_ACCEPTABLE,
        "the frame is stored as %s (%s)%s; ask for transfer-syntax=* to get it as stored",
        w->instance.syntax, syntax != NULL ? syntax->name : "unknown",
        px_codec_find(w->instance.syntax) == NULL ? ", which this server does not decode" : "");
}

static int prepare(struct web_request *r, struct frames_work *w, struct err *e) {
    const struct web_names *n = &r->names;
    int rc = web_lookup_instance(r, n->study, n->series, n->instance, &w->instance, e);
    if (rc != E_OK) {
        return rc;
    }
    if (w->instance.frames == 0) {
        return err_set(e, E_NOT_FOUND, "the instance has no pixels");
    }
    size_t max = 1;
    for (size_t i = 0; i < n->frames.len; i++) {
        max += n->frames.ptr[i] == ',';
    }
    max = max < WEB_FRAMES_MAX ? max : WEB_FRAMES_MAX;
    w->numbers = arena_array(&r->arena, max, sizeof *w->numbers);
    if (w->numbers == NULL) {
        return err_set(e, E_MEMORY, "frame list");
    }
    rc = web_frame_list_parse(n->frames, w->instance.frames, w->numbers, max, &w->count, e);
    struct web_accept accept;
    if (rc == E_OK) {
        rc = web_request_accepted(r, &accept, e);
    }
    if (rc != E_OK) {
        return rc;
    }
    make_offers(w);
    int chosen = web_accept_choose(&accept, w->offers, w->offer_count);
    if (chosen < 0) {
        return not_acceptable(w, e);
    }
    w->chosen = (size_t)chosen;
    return E_OK;
}

static void make_etag(const struct web_request *r, struct frames_work *w) {
    char form[16];
    (void)snprintf(form, sizeof form, "f%zu%s", w->chosen,
                   w->offers[w->chosen].multipart ? "m" : "s");
    web_etag(w->etag, &w->instance.object, form, r->names.frames);
}

static void type_text(const struct web_offer *o, char out[160]) {
    (void)snprintf(out, 160, "%s; transfer-syntax=%s", o->media, o->syntax);
}

static const char *location(struct web_request *r, const struct frames_work *w, uint32_t number) {
    const struct retrieve_instance *i = &w->instance;
    return arena_printf(&r->arena, "%s/dicom-web/studies/%s/series/%s/instances/%s/frames/%u",
                        web_request_origin(r), i->study, i->series, i->instance, number);
}

static int add_stored(struct web_request *r, struct frames_work *w, struct db *db,
                      struct web_body *body, struct err *e) {
    const struct web_offer *o = &w->offers[w->chosen];
    for (size_t i = 0; i < w->count; i++) {
        struct retrieve_range *ranges;
        size_t count;
        int rc =
            retrieve_frame(db, &w->instance.object, w->numbers[i], &r->arena, &ranges, &count, e);
        if (rc != E_OK) {
            return rc;
        }
        if (o->multipart) {
            web_body_part(body, o->media, o->syntax, location(r, w, w->numbers[i]));
        }
        for (size_t k = 0; k < count; k++) {
            web_body_object(body, &w->instance.object, ranges[k].offset, ranges[k].len);
        }
    }
    return E_OK;
}

// One frame in one piece as a single part: straight from the file.
static int answer_plain(struct web_request *r, struct frames_work *w, struct db *db, bool *ret_done,
                        struct err *e) {
    struct retrieve_range *ranges;
    size_t count;
    int rc = retrieve_frame(db, &w->instance.object, w->numbers[0], &r->arena, &ranges, &count, e);
    *ret_done = rc == E_OK && count == 1;
    if (*ret_done) {
        char type[160];
        type_text(&w->offers[w->chosen], type);
        web_answer_object(r, type, &w->instance.object, ranges[0].offset, ranges[0].len, w->etag);
    }
    return rc;
}

static int answer_stored(struct web_request *r, struct frames_work *w, struct db *db,
                         struct err *e) {
    const struct web_offer *o = &w->offers[w->chosen];
    bool done = false;
    if (!o->multipart) {
        int rc = answer_plain(r, w, db, &done, e);
        if (rc != E_OK || done) {
            return rc;
        }
    }
    struct web_body *body = web_body_new(r, &w->instance.object);
    if (body == NULL) {
        return err_set(e, E_MEMORY, "answer");
    }
    int rc = add_stored(r, w, db, body, e);
    if (rc != E_OK) {
        web_body_free(body);
        return rc;
    }
    web_body_answer(body, o->media, o->syntax);
    web_answer_immutable(r, w->etag);
    return E_OK;
}

// On a thread that may wait for a worker.
static void decode_frames(struct web_request *r) {
    struct frames_work *w = r->work;
    const struct web_offer *o = &w->offers[w->chosen];
    struct err e = {0};
    struct web_body *body = web_body_new(r, &w->instance.object);
    int rc = body == NULL ? err_set(&e, E_MEMORY, "answer") : E_OK;
    for (size_t i = 0; rc == E_OK && i < w->count; i++) {
        struct buf pixels;
        buf_init(&pixels, DECODED_MAX);
        rc = archive_decode(r->server->archive, &w->instance.object, w->numbers[i], &pixels, &e);
        if (rc == E_OK && o->multipart) {
            web_body_part(body, o->media, o->syntax, location(r, w, w->numbers[i]));
        }
        if (rc == E_OK) {
            web_body_take(body, &pixels);
        }
        buf_done(&pixels);
    }
    if (rc != E_OK) {
        web_body_free(body);
        web_answer_error(r, &e);
        return;
    }
    web_body_answer(body, o->media, o->syntax);
    web_answer_immutable(r, w->etag);
}

void web_frames_get(struct web_request *r) {
    struct frames_work *w = arena_new(&r->arena, struct frames_work);
    struct err e = {0};
    int rc = w == NULL ? err_set(&e, E_MEMORY, "frames") : prepare(r, w, &e);
    if (rc != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    make_etag(r, w);
    if (web_answer_unchanged(r, w->etag)) {
        return;
    }
    if (w->decodes[w->chosen]) {
        r->work = w;
        web_request_later(r, WEB_RENDER, decode_frames);
        return;
    }
    struct archive *archive = r->server->archive;
    struct db *db;
    rc = archive_reader(archive, &db, &e);
    if (rc == E_OK) {
        rc = answer_stored(r, w, db, &e);
        archive_reader_done(archive, db);
    }
    if (rc == E_NOT_ACCEPTABLE && web_syntax_is_plain(w->offers[w->chosen].syntax)) {
        r->work = w; // it lies in no range of the file: begins within a byte
        web_request_later(r, WEB_RENDER, decode_frames);
    } else if (rc != E_OK) {
        web_answer_error(r, &e);
    }
}
