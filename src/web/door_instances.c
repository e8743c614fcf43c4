// SPDX-License-Identifier: Apache-2.0
// Whole instances of a study, series or instance path (PS3.18 10.4.1.1.1): Part 10 files as stored,
// in parts, or alone for one instance. Without a transfer-syntax explicit little endian is meant
// (8.7.3); files are not transcoded yet, so anything else is 406 unless it is what is stored.
#include <microhttpd.h>
#include <string.h>

#include "dicom/uid.h"
#include "web/accept.h"
#include "web/body.h"
#include "web/lookup.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define DICOM "application/dicom"

// Whether the stored syntax of every instance may be sent to this client.
static int choose(const struct web_accept *accept, const struct retrieve_instance *list,
                  size_t count, bool *ret_multipart, struct err *e) {
    *ret_multipart = true;
    for (size_t i = 0; i < count; i++) {
        bool plain = strcmp(list[i].syntax, DCM_EXPLICIT_LE_UID) == 0;
        const struct web_offer offers[] = {
            {.media = DICOM, .syntax = list[i].syntax, .multipart = true, .is_default = plain},
            {.media = DICOM, .syntax = list[i].syntax, .multipart = false, .is_default = plain},
        };
        int chosen = web_accept_choose(accept, offers, count == 1 ? 2 : 1);
        if (chosen < 0) {
            err_set(e, E_NOT_ACCEPTABLE,
                    "instance %s is stored with transfer syntax %s and is not transcoded; ask for "
                    "multipart/related; type=\"application/dicom\"; transfer-syntax=*",
                    list[i].instance, list[i].syntax);
            return e->code;
        }
        *ret_multipart = chosen == 0;
    }
    return E_OK;
}

static void answer_parts(struct web_request *r, const struct retrieve_instance *list,
                         size_t count) {
    struct web_body *body = web_body_new(r, &list[0].object);
    if (body == NULL) {
        struct err e = {0};
        err_set(&e, E_MEMORY, "answer");
        web_answer_error(r, &e);
        return;
    }
    const char *origin = web_request_origin(r);
    for (size_t i = 0; i < count; i++) {
        char location[3 * WEB_UID_TEXT + 256];
        (void)snprintf(location, sizeof location,
                       "%.200s/dicom-web/studies/%s/series/%s/instances/%s", origin, list[i].study,
                       list[i].series, list[i].instance);
        web_body_part(body, DICOM, list[i].syntax, location);
        web_body_object(body, &list[i].object, 0, list[i].len);
    }
    web_body_answer(body, DICOM, NULL);
}

void web_instances_get(struct web_request *r) {
    struct retrieve_instance *list = NULL;
    size_t count = 0;
    struct web_accept accept;
    struct err e = {0};
    bool multipart = true;
    int rc = web_lookup(r, &list, &count, &e);
    if (rc == E_OK) {
        rc = web_request_accepted(r, &accept, &e);
    }
    if (rc == E_OK) {
        rc = choose(&accept, list, count, &multipart, &e);
    }
    if (rc != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    char etag[WEB_ETAG_MAX];
    web_etag(etag, &list[0].object, multipart ? "im" : "i", slice_str(""));
    bool one = r->names.instance[0] != '\0';
    if (one && web_answer_unchanged(r, etag)) {
        return;
    }
    if (!multipart) {
        char type[128];
        (void)snprintf(type, sizeof type, DICOM "; transfer-syntax=%s", list[0].syntax);
        web_answer_object(r, type, &list[0].object, 0, list[0].len, etag);
        return;
    }
    answer_parts(r, list, count);
    if (one) {
        web_answer_immutable(r, etag);
    } else {
        web_answer_no_store(r); // more may arrive
    }
}
