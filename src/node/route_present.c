// SPDX-License-Identifier: Apache-2.0
#include "node/route_present.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/writer.h"
#include "dimse/association.h"
#include "dimse/user.h"

#define STUDY_ROOT_FIND "1.2.840.10008.5.1.4.1.2.2.1"
#define IMPLICIT_UID "1.2.840.10008.1.2"
#define EXPLICIT_UID "1.2.840.10008.1.2.1"
#define IDENTIFIER_MAX ((size_t)4096)
#define ANSWER_MEMORY_MAX ((size_t)1 << 20)

static const char *const syntaxes[] = {EXPLICIT_UID, IMPLICIT_UID, NULL};

struct dimse_want route_present_want(void) {
    return (struct dimse_want){.abstract_syntax = STUDY_ROOT_FIND, .syntaxes = syntaxes};
}

struct answers {
    enum dcm_encoding encoding;
    struct arena answer; // emptied behind each
    char (*uids)[DCM_UID_MAX + 1];
    size_t count, room;
};

static int compare_uids(const void *a, const void *b) { return strcmp(a, b); }

// An answer that cannot be read counts for nothing: its instance is sent.
static int take_answer(void *context, struct slice identifier) {
    struct answers *all = context;
    struct dcm_dataset *d;
    struct slice uid;
    struct err ignored = {0};
    if (dcm_dataset_read(&all->answer, identifier, all->encoding, 0, 0, &d, NULL, &ignored) ==
            E_OK &&
        dcm_text(d, DCM_SOPInstanceUID, 0, &uid) && uid.len <= DCM_UID_MAX) {
        memcpy(all->uids[all->count], uid.ptr, uid.len);
        all->uids[all->count][uid.len] = '\0';
        all->count++;
    }
    arena_reset(&all->answer);
    return all->count == all->room; // more than we have: enough
}

static int write_identifier(const char *study, const char *series, enum dcm_encoding encoding,
                            struct buf *out, struct err *e) {
    struct arena a;
    arena_init(&a, ANSWER_MEMORY_MAX);
    struct dcm_dataset *d = dcm_dataset_new(&a, DCM_EXPLICIT_LE);
    int rc = d == NULL ? err_set(e, E_MEMORY, "identifier") : E_OK;
    const struct {
        dcm_tag tag;
        enum dcm_vr vr;
        const char *value;
    } keys[] = {{DCM_SOPInstanceUID, DCM_VR_UI, ""},
                {DCM_QueryRetrieveLevel, DCM_VR_CS, "IMAGE"},
                {DCM_StudyInstanceUID, DCM_VR_UI, study},
                {DCM_SeriesInstanceUID, DCM_VR_UI, series}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && rc == E_OK; i++) {
        rc = dcm_put_str(d, keys[i].tag, keys[i].vr, keys[i].value, e);
    }
    rc = rc == E_OK ? dcm_write(d, encoding, dcm_sink_buf(out), e) : rc;
    arena_done(&a);
    return rc == E_OK ? buf_check(out, "identifier", e) : rc;
}

// *ret_answered false: the station does not answer such questions.
static int ask_series(struct dimse_association *association, const struct dimse_context *context,
                      const char *study, const char *series, struct answers *all,
                      bool *ret_answered, struct err *e) {
    CLEANUP(cleanup_buf) struct buf identifier;
    struct dimse_command response;
    buf_init(&identifier, IDENTIFIER_MAX);
    int rc = write_identifier(study, series, all->encoding, &identifier, e);
    if (rc != E_OK) {
        return rc;
    }
    const struct dimse_query query = {.sop_class = STUDY_ROOT_FIND,
                                      .context_id = context->id,
                                      .identifier = buf_slice(&identifier)};
    rc = dimse_user_find(association, &query, take_answer, all, &response, e);
    enum dimse_status_kind kind = dimse_status_kind(response.status);
    *ret_answered = rc == E_OK && (kind == DIMSE_IS_SUCCESS || kind == DIMSE_IS_CANCEL);
    return rc;
}

static bool is_new_series(const struct retrieve_instance *list, size_t at) {
    return at == 0 || strcmp(list[at].series, list[at - 1].series) != 0 ||
           strcmp(list[at].study, list[at - 1].study) != 0;
}

int route_present_ask(struct dimse_association *association, const struct retrieve_instance *list,
                      size_t count, struct arena *a, struct route_present *ret_present,
                      bool *ret_asked, struct err *e) {
    const struct dimse_context *context =
        dimse_context_for(association, STUDY_ROOT_FIND, NULL, false);
    *ret_present = (struct route_present){0};
    *ret_asked = false;
    if (context == NULL || count == 0) {
        return E_OK;
    }
    struct answers all = {.encoding = strcmp(context->syntax, IMPLICIT_UID) == 0 ? DCM_IMPLICIT_LE
                                                                                 : DCM_EXPLICIT_LE,
                          .uids = arena_array(a, 2 * count + 1, sizeof *all.uids),
                          .room = 2 * count};
    if (all.uids == NULL) {
        return err_set(e, E_MEMORY, "instances of a station");
    }
    arena_init(&all.answer, ANSWER_MEMORY_MAX);
    bool answered = true;
    int rc = E_OK;
    for (size_t i = 0; i < count && answered && all.count < all.room && rc == E_OK; i++) {
        if (is_new_series(list, i)) {
            rc =
                ask_series(association, context, list[i].study, list[i].series, &all, &answered, e);
        }
    }
    arena_done(&all.answer);
    if (rc == E_OK && answered) {
        qsort(all.uids, all.count, sizeof *all.uids, compare_uids);
        *ret_present = (struct route_present){(const char(*)[DCM_UID_MAX + 1]) all.uids, all.count};
        *ret_asked = true;
    }
    return rc;
}

bool route_present_has(const struct route_present *present, const char *sop_instance) {
    return present->count > 0 && bsearch(sop_instance, present->uids, present->count,
                                         sizeof *present->uids, compare_uids) != NULL;
}
