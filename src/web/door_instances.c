// SPDX-License-Identifier: Apache-2.0
// Whole instances of a study, series or instance path (PS3.18 10.4.1.1.1): Part 10 files as stored
// or in another transfer syntax, in parts, or alone for one instance. Without a transfer-syntax
// explicit little endian is meant (8.7.3). Of several instances each part is made when its turn
// comes.
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/jobs.h"
#include "base/log.h"
#include "dicom/uid.h"
#include "store/store.h"
#include "web/accept.h"
#include "web/body.h"
#include "web/lookup.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define DICOM "application/dicom"

// What a file may be put into when it is asked for by name.
static const char *const written[] = {
    DCM_EXPLICIT_LE_UID,     DCM_RLE_UID,      "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.8.1", DCM_DEFLATED_UID, DCM_IMPLICIT_LE_UID,      DCM_EXPLICIT_BE_UID,
};
#define WRITTEN (sizeof written / sizeof written[0])
#define OFFERS_MAX (2 * (WRITTEN + 1))

struct instances_work {
    struct retrieve_instance *list;
    const char **syntaxes; // of each: the stored one or one of `written`
    size_t count;
    bool multipart;
    char etag[WEB_ETAG_MAX];
};

static size_t make_offers(const char *stored, bool single, struct web_offer offers[OFFERS_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i <= WRITTEN; i++) {
        const char *syntax = i == 0 ? stored : written[i - 1];
        bool again = i > 0 && strcmp(syntax, stored) == 0;
        if (again || (i > 0 && !archive_can_transcode(stored, syntax))) {
            continue;
        }
        bool plain = strcmp(syntax, DCM_EXPLICIT_LE_UID) == 0;
        for (int alone = 0; alone <= single; alone++) {
            offers[count++] = (struct web_offer){
                .media = DICOM, .syntax = syntax, .multipart = alone == 0, .is_default = plain};
        }
    }
    return count;
}

static int not_acceptable(const struct retrieve_instance *i, struct err *e) {
    return err_set(e, E_NOT_ACCEPTABLE,
                   "instance %s is stored with transfer syntax %s%s; ask for multipart/related; "
                   "type=\"application/dicom\"; transfer-syntax=*",
                   i->instance, i->syntax,
                   archive_can_transcode(i->syntax, DCM_EXPLICIT_LE_UID)
                       ? " and not put into what is asked for"
                       : ", which this server does not decode");
}

// The syntax of each instance. Most lists have one stored syntax: it is chosen for once.
static int choose(const struct web_accept *accept, struct instances_work *w, struct err *e) {
    struct web_offer offers[OFFERS_MAX];
    const char *last = NULL;
    for (size_t i = 0; i < w->count; i++) {
        if (last != NULL && strcmp(last, w->list[i].syntax) == 0) {
            const char *before = w->syntaxes[i - 1];
            w->syntaxes[i] = strcmp(before, last) == 0 ? w->list[i].syntax : before;
            continue;
        }
        last = w->list[i].syntax;
        int chosen = web_accept_choose(accept, offers, make_offers(last, w->count == 1, offers));
        if (chosen < 0) {
            return not_acceptable(&w->list[i], e);
        }
        w->syntaxes[i] = offers[chosen].syntax;
        w->multipart = offers[chosen].multipart;
    }
    return E_OK;
}

static bool as_stored(const struct instances_work *w, size_t i) {
    return strcmp(w->syntaxes[i], w->list[i].syntax) == 0;
}

static void type_of(const struct instances_work *w, char out[128]) {
    (void)snprintf(out, 128, DICOM "; transfer-syntax=%s", w->syntaxes[0]);
}

static void locate(const char *origin, const struct retrieve_instance *i,
                   char out[3 * WEB_UID_TEXT + 256]) {
    (void)snprintf(out, 3 * WEB_UID_TEXT + 256,
                   "%.200s/dicom-web/studies/%s/series/%s/instances/%s", origin, i->study,
                   i->series, i->instance);
}

struct part {
    const struct retrieve_instance *instance;
    const char *syntax;
};

// The instance in its new syntax, or as stored where its pixels cannot be put that way: the rest of
// a series stays readable.
static int make_part(struct web_request *r, const void *context, struct web_made *made,
                     struct err *e) {
    const struct part *p = context;
    struct archive *a = r->server->archive;
    int rc = archive_transcode(a, &p->instance->object, p->syntax, &made->file, e);
    made->syntax = p->syntax;
    if (rc != E_NOT_ACCEPTABLE && rc != E_CORRUPT) {
        return rc;
    }
    log_failure(LOG_WARNING, p->instance->instance, "sent as stored", e);
    rc = store_object_open(archive_store(a), &p->instance->object, &made->file.fd, e);
    made->file.len = rc == E_OK ? p->instance->len : 0;
    made->syntax = p->instance->syntax;
    return rc;
}

static bool add_later(struct web_request *r, struct web_body *body, const struct instances_work *w,
                      size_t i, const char *location) {
    struct part *p = arena_new(&r->arena, struct part);
    const char *place = arena_str(&r->arena, slice_str(location));
    if (p == NULL || place == NULL) {
        return false;
    }
    *p = (struct part){&w->list[i], w->syntaxes[i]};
    web_body_part_later(body, DICOM, place, make_part, p);
    return true;
}

// A transcoded file of the only instance goes into `file`, else it is NULL.
static void answer_parts(struct web_request *r, const struct instances_work *w,
                         struct archive_file *file) {
    struct web_body *body = web_body_new(r, &w->list[0].object);
    struct err e = {0};
    bool room = body != NULL;
    const char *origin = web_request_origin(r);
    for (size_t i = 0; room && i < w->count; i++) {
        const struct retrieve_instance *instance = &w->list[i];
        char location[3 * WEB_UID_TEXT + 256];
        locate(origin, instance, location);
        if (file == NULL && !as_stored(w, i)) {
            room = add_later(r, body, w, i, location);
            continue;
        }
        web_body_part(body, DICOM, w->syntaxes[i], location);
        if (file != NULL) {
            web_body_file(body, file);
        } else {
            web_body_object(body, &instance->object, 0, instance->len);
        }
    }
    if (!room) {
        err_set(&e, E_MEMORY, "answer");
        web_body_free(body);
        web_answer_error(r, &e);
        return;
    }
    web_body_answer(body, DICOM, NULL);
}

static void answer_cached(struct web_request *r, const struct instances_work *w) {
    if (r->names.instance[0] != '\0') {
        web_answer_immutable(r, w->etag);
    } else {
        web_answer_no_store(r); // more may arrive
    }
}

// One instance in another syntax, on a thread that may wait for a worker: what fails is answered.
static void answer_one(struct web_request *r) {
    const struct instances_work *w = r->work;
    struct archive_file file = ARCHIVE_FILE_NONE;
    struct err e = {0};
    if (archive_transcode(r->server->archive, &w->list[0].object, w->syntaxes[0], &file, &e) !=
        E_OK) {
        web_answer_error(r, &e);
        return;
    }
    if (w->multipart) {
        answer_parts(r, w, &file);
        answer_cached(r, w);
        return;
    }
    char type[128];
    type_of(w, type);
    web_answer_file(r, type, &file, w->etag);
}

static int prepare(struct web_request *r, struct instances_work *w, struct err *e) {
    struct web_accept accept;
    int rc = web_lookup(r, &w->list, &w->count, e);
    if (rc == E_OK) {
        w->syntaxes = arena_array(&r->arena, w->count, sizeof *w->syntaxes);
        rc = w->syntaxes == NULL ? err_set(e, E_MEMORY, "list of instances") : E_OK;
    }
    rc = rc == E_OK ? web_request_accepted(r, &accept, e) : rc;
    rc = rc == E_OK ? choose(&accept, w, e) : rc;
    if (rc == E_OK) {
        web_etag(w->etag, &w->list[0].object, w->multipart ? "im" : "i",
                 slice_str(as_stored(w, 0) ? "" : w->syntaxes[0]));
    }
    return rc;
}

void web_instances_get(struct web_request *r) {
    struct instances_work *w = arena_new(&r->arena, struct instances_work);
    struct err e = {0};
    int rc = w == NULL ? err_set(&e, E_MEMORY, "instances") : prepare(r, w, &e);
    if (rc != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    if (r->names.instance[0] != '\0' && web_answer_unchanged(r, w->etag)) {
        return;
    }
    if (w->count == 1 && !as_stored(w, 0)) {
        r->work = w;
        web_request_later(r, WEB_RENDER, answer_one);
        return;
    }
    if (!w->multipart) {
        char type[128];
        type_of(w, type);
        web_answer_object(r, type, &w->list[0].object, 0, w->list[0].len, w->etag);
        return;
    }
    answer_parts(r, w, NULL);
    answer_cached(r, w);
}
