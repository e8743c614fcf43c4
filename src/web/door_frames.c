// SPDX-License-Identifier: Apache-2.0
// Frames (PS3.18 10.4.1.1.6): the stored bytes by their place in the object, without a parse; or
// decoded by a worker to explicit little endian, or coded anew, where the codec is there. Which of
// them, and in which medium, is Accept's choice (8.7.3). Single-part answers of stored frames know
// ranges. Pixel data as bulk data of an encapsulated syntax are all frames (10.4.1.1.5).
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/jobs.h"
#include "archive/retrieve.h"
#include "base/buf.h"
#include "dicom/uid.h"
#include "web/accept.h"
#include "web/body.h"
#include "web/frame_list.h"
#include "web/lookup.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define OCTETS "application/octet-stream"
#define DECODED_MAX ((size_t)64 << 20)
#define OFFERS_MAX 16
// Decoded frames of one answer that are made before it, so that what fails has its status and the
// length is known; more than that are made one by one while the answer goes out.
#define AT_ONCE_MAX ((uint64_t)64 << 20)

struct frames_work {
    struct retrieve_instance instance;
    uint32_t *numbers;
    size_t count;
    struct web_offer offers[OFFERS_MAX];
    bool decodes[OFFERS_MAX]; // or codes anew
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

// Coded anew when asked for by name: the media that browsers' decoders know.
static void offer_coded(struct frames_work *w) {
    static const char *const syntaxes[] = {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90",
                                           DCM_RLE_UID};
    const char *stored = w->instance.syntax;
    for (size_t i = 0; i < sizeof syntaxes / sizeof syntaxes[0]; i++) {
        bool is_default;
        const char *medium = web_syntax_media(syntaxes[i], &is_default);
        if (strcmp(stored, syntaxes[i]) != 0 && archive_can_transcode(stored, syntaxes[i])) {
            offer(w, medium, syntaxes[i], is_default, true);
        }
    }
}

static void make_offers(struct frames_work *w) {
    const char *stored = w->instance.syntax;
    if (web_syntax_is_plain(stored)) {
        offer(w, OCTETS, DCM_EXPLICIT_LE_UID, true, false);
        offer_coded(w);
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
    if (archive_can_transcode(stored, DCM_EXPLICIT_LE_UID)) {
        offer(w, OCTETS, DCM_EXPLICIT_LE_UID, true, true);
        offer_coded(w);
    }
}

static int not_acceptable(const struct frames_work *w, struct err *e) {
    const struct dcm_transfer_syntax *syntax =
        dcm_transfer_syntax_find(slice_str(w->instance.syntax));
    return err_set(
        e, E_NOT_ACCEPTABLE,
        "the frame is stored as %s (%s)%s; ask for transfer-syntax=* to get it as stored",
        w->instance.syntax, syntax != NULL ? syntax->name : "unknown",
        !archive_can_transcode(w->instance.syntax, DCM_EXPLICIT_LE_UID)
            ? ", which this server does not decode"
            : "");
}

static int list_named(struct web_request *r, struct frames_work *w, struct err *e) {
    struct slice text = r->names.frames;
    size_t max = 1;
    for (size_t i = 0; i < text.len; i++) {
        max += text.ptr[i] == ',';
    }
    max = max < WEB_FRAMES_MAX ? max : WEB_FRAMES_MAX;
    w->numbers = arena_array(&r->arena, max, sizeof *w->numbers);
    return w->numbers == NULL
               ? err_set(e, E_MEMORY, "frame list")
               : web_frame_list_parse(text, w->instance.frames, w->numbers, max, &w->count, e);
}

static int list_all(struct web_request *r, struct frames_work *w, struct err *e) {
    const struct dcm_transfer_syntax *syntax =
        dcm_transfer_syntax_find(slice_str(w->instance.syntax));
    w->count = syntax != NULL && syntax->video ? 1 : w->instance.frames;
    w->numbers = arena_array(&r->arena, w->count, sizeof *w->numbers);
    if (w->numbers == NULL) {
        return err_set(e, E_MEMORY, "frame list");
    }
    for (size_t i = 0; i < w->count; i++) {
        w->numbers[i] = (uint32_t)i + 1;
    }
    return E_OK;
}

static int prepare(struct web_request *r, struct frames_work *w, struct err *e) {
    const struct web_names *n = &r->names;
    int rc = web_lookup_instance(r, n->study, n->series, n->instance, &w->instance, e);
    if (rc == E_OK && w->instance.frames == 0) {
        rc = err_set(e, E_NOT_FOUND, "the instance has no pixels");
    }
    if (rc == E_OK) {
        rc = n->frames.ptr == NULL ? list_all(r, w, e) : list_named(r, w, e);
    }
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

struct frame_part {
    const struct frames_work *work;
    uint32_t number;
};

static int make_frame(struct web_request *r, const void *context, struct web_made *made,
                      struct err *e) {
    const struct frame_part *p = context;
    made->syntax = p->work->offers[p->work->chosen].syntax;
    int rc = archive_decode(r->server->archive, &p->work->instance.object, p->number, made->syntax,
                            &made->bytes, NULL, e);
    return rc == E_OK ? E_OK : err_context(e, "frame %u", p->number);
}

static int add_decoded_later(struct web_request *r, const struct frames_work *w,
                             struct web_body *body, struct err *e) {
    struct frame_part *parts = arena_array(&r->arena, w->count, sizeof *parts);
    if (parts == NULL) {
        return err_set(e, E_MEMORY, "frames");
    }
    for (size_t i = 0; i < w->count; i++) {
        parts[i] = (struct frame_part){w, w->numbers[i]};
        web_body_part_later(body, w->offers[w->chosen].media, location(r, w, w->numbers[i]),
                            make_frame, &parts[i]);
    }
    return E_OK;
}

static int add_decoded(struct web_request *r, const struct frames_work *w, struct web_body *body,
                       struct archive_pixels *ret_pixels, struct err *e) {
    const struct web_offer *o = &w->offers[w->chosen];
    int rc = E_OK;
    for (size_t i = 0; rc == E_OK && i < w->count; i++) {
        struct buf pixels;
        buf_init(&pixels, DECODED_MAX);
        rc = archive_decode(r->server->archive, &w->instance.object, w->numbers[i], o->syntax,
                            &pixels, ret_pixels, e);
        if (rc == E_OK && o->multipart) {
            web_body_part(body, o->media, o->syntax, location(r, w, w->numbers[i]));
        }
        if (rc == E_OK) {
            web_body_take(body, &pixels);
        }
        buf_done(&pixels);
    }
    return rc;
}

// What decoding changed of the description that metadata gives: our own application reads it.
static void say_pixels(struct web_request *r, const struct archive_pixels *p) {
    char bits[16];
    (void)snprintf(bits, sizeof bits, "%u", p->bits_allocated);
    web_answer_header(r, "MacLab-Photometric-Interpretation", p->photometric);
    web_answer_header(r, "MacLab-Planar-Configuration", p->planar ? "1" : "0");
    web_answer_header(r, "MacLab-Bits-Allocated", bits);
}

static uint64_t decoded_bytes(const struct frames_work *w) {
    const struct retrieve_instance *i = &w->instance;
    return (uint64_t)i->rows * i->columns * i->samples * ((i->bits_allocated + 7) / 8) * w->count;
}

// On a thread that may wait for a worker.
static void decode_frames(struct web_request *r) {
    const struct frames_work *w = r->work;
    const struct web_offer *o = &w->offers[w->chosen];
    struct err e = {0};
    struct archive_pixels pixels = {{0}};
    bool at_once = decoded_bytes(w) <= AT_ONCE_MAX || w->count == 1;
    struct web_body *body = web_body_new(r, &w->instance.object);
    int rc = body == NULL ? err_set(&e, E_MEMORY, "answer")
             : at_once    ? add_decoded(r, w, body, &pixels, &e)
                          : add_decoded_later(r, w, body, &e);
    if (rc != E_OK) {
        web_body_free(body);
        web_answer_error(r, &e);
        return;
    }
    web_body_answer(body, o->media, o->syntax);
    web_answer_immutable(r, w->etag);
    if (at_once) {
        say_pixels(r, &pixels);
    }
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
