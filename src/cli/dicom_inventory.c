// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_inventory.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"

// A list of UIDs, in the arena of the retrieval.
struct names {
    struct names *next;
    const char *uid;
};

struct asking {
    struct inventory *i;
    struct names *first, *last; // what was collected
    dcm_tag tag;                // of which attribute
    bool classes_missing;       // an answer did not say its classes
    struct inventory_series *series;
    bool no_memory;
};

static char *keep(struct inventory *i, struct slice text) {
    return arena_str(&i->retrieve->arena, text);
}

// --- answers

static bool add_class(struct inventory *i, struct slice class) {
    for (size_t k = 0; k < i->class_count; k++) {
        if (slice_eq_str(class, i->classes[k])) {
            return true;
        }
    }
    if (i->class_count == CONTEXTS_CLASSES_MAX || !dcm_uid_usable(class)) {
        return false;
    }
    char *copy = keep(i, class);
    if (copy != NULL) {
        i->classes[i->class_count++] = copy;
    }
    return copy != NULL;
}

static int on_name(void *context, struct dcm_dataset *d) {
    struct asking *ask = context;
    struct slice uid;
    if (!dcm_text(d, ask->tag, 0, &uid)) {
        return 0;
    }
    struct names *n = arena_new(&ask->i->retrieve->arena, struct names);
    if (n == NULL || (n->uid = keep(ask->i, uid)) == NULL) {
        ask->no_memory = true;
        return 1;
    }
    ask->first = ask->first == NULL ? n : ask->first;
    if (ask->last != NULL) {
        ask->last->next = n;
    }
    ask->last = n;
    return 0;
}

static int on_study_classes(void *context, struct dcm_dataset *d) {
    struct asking *ask = context;
    struct slice class;
    if (!dcm_text(d, DCM_SOPClassesInStudy, 0, &class)) {
        ask->classes_missing = true;
        return 0;
    }
    for (uint32_t k = 0; dcm_text(d, DCM_SOPClassesInStudy, k, &class); k++) {
        ask->classes_missing = !add_class(ask->i, class) || ask->classes_missing;
    }
    return 0;
}

static bool add_missing(struct inventory *i, struct inventory_series *s, struct slice uid) {
    if (s->missing_count == s->missing_room) {
        size_t room = s->missing_room == 0 ? 64 : 2 * s->missing_room;
        const char **grown = arena_array(&i->retrieve->arena, room, sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        if (s->missing_count > 0) {
            memcpy(grown, s->missing, s->missing_count * sizeof *grown);
        }
        s->missing = grown;
        s->missing_room = room;
    }
    char *copy = keep(i, uid);
    s->missing[s->missing_count] = copy;
    s->missing_count += copy != NULL;
    return copy != NULL;
}

static int on_instance(void *context, struct dcm_dataset *d) {
    struct asking *ask = context;
    struct inventory *i = ask->i;
    struct slice class;
    char uid[DCM_UID_MAX + 1];
    ask->classes_missing =
        !dcm_text(d, DCM_SOPClassUID, 0, &class) || !add_class(i, class) || ask->classes_missing;
    if (*query_text(d, DCM_SOPInstanceUID, uid, sizeof uid) == '\0') {
        return 0;
    }
    if (i->folder != NULL && folder_has(i->folder, uid)) {
        ask->series->present++;
        return 0;
    }
    ask->no_memory = !add_missing(i, ask->series, slice_str(uid));
    return ask->no_memory;
}

// --- questions

// 1: asked, 0: the peer cannot, negative: the association is of no use.
static int ask(struct asking *ask, struct dimse_association *a, struct query *q,
               query_answer answer, struct err *e) {
    struct dimse_command response;
    int rc = query_find(a, q, 0, answer, ask, &response, e);
    if (rc == E_NOT_ACCEPTABLE) {
        err_clear(e);
        return 0;
    }
    if (rc != E_OK) {
        return rc;
    }
    if (ask->no_memory) {
        return err_set(e, E_MEMORY, "no memory for what the peer has");
    }
    return dimse_status_kind(response.status) == DIMSE_IS_SUCCESS;
}

static int put(struct query *q, dcm_tag tag, const char *uid, struct err *e) {
    return uid == NULL ? E_OK : query_put(q, tag, uid, e);
}

// UIDs of the studies of a patient, or the series of a study.
static int ask_names(struct inventory *i, struct dimse_association *a, enum query_level level,
                     dcm_tag above, const char *above_value, struct names **ret_first,
                     struct err *e) {
    struct asking asking = {.i = i, .tag = query_unique_key(level)};
    struct query q;
    int rc = retrieve_query(i->retrieve, level, &q, e);
    rc = rc == E_OK ? put(&q, above, above_value, e) : rc;
    rc = rc == E_OK ? query_put(&q, asking.tag, "", e) : rc;
    rc = rc == E_OK ? ask(&asking, a, &q, on_name, e) : rc;
    *ret_first = asking.first;
    return rc;
}

static int ask_instances(struct inventory *i, struct dimse_association *a, const char *study,
                         const char *series, const char *const *uids, size_t count, struct err *e) {
    struct asking asking = {.i = i};
    struct query q;
    asking.series = arena_new(&i->retrieve->arena, struct inventory_series);
    if (asking.series == NULL) {
        return err_set(e, E_MEMORY, "no memory for what the peer has");
    }
    asking.series->study = study;
    asking.series->series = series;
    int rc = retrieve_query(i->retrieve, QUERY_IMAGE, &q, e);
    rc = rc == E_OK ? put(&q, DCM_StudyInstanceUID, study, e) : rc;
    rc = rc == E_OK ? put(&q, DCM_SeriesInstanceUID, series, e) : rc;
    rc = rc == E_OK ? query_put_list(&q, DCM_SOPInstanceUID, uids, count, e) : rc;
    rc = rc == E_OK ? query_put(&q, DCM_SOPClassUID, "", e) : rc;
    rc = rc == E_OK ? ask(&asking, a, &q, on_instance, e) : rc;
    i->classes_known = i->classes_known && rc > 0 && !asking.classes_missing;
    i->instances_known = i->instances_known && rc > 0;
    i->present += asking.series->present;
    i->missing += asking.series->missing_count;
    i->first = i->first == NULL ? asking.series : i->first;
    if (i->last != NULL) {
        i->last->next = asking.series;
    }
    i->last = asking.series;
    return rc < 0 ? rc : E_OK;
}

static int take_series(struct inventory *i, struct dimse_association *a, const char *study,
                       struct err *e) {
    struct names *series;
    int rc = ask_names(i, a, QUERY_SERIES, DCM_StudyInstanceUID, study, &series, e);
    i->instances_known = i->instances_known && rc > 0;
    i->classes_known = i->classes_known && rc > 0;
    for (; rc >= 0 && series != NULL; series = series->next) {
        rc = ask_instances(i, a, study, series->uid, NULL, 0, e);
    }
    return rc < 0 ? rc : E_OK;
}

static int take_study(struct inventory *i, struct dimse_association *a, const char *study,
                      bool each_instance, struct err *e) {
    struct asking asking = {.i = i};
    if (!each_instance) {
        struct query q;
        int rc = retrieve_query(i->retrieve, QUERY_STUDY, &q, e);
        rc = rc == E_OK ? put(&q, DCM_StudyInstanceUID, study, e) : rc;
        rc = rc == E_OK ? query_put(&q, DCM_SOPClassesInStudy, "", e) : rc;
        rc = rc == E_OK ? ask(&asking, a, &q, on_study_classes, e) : rc;
        if (rc < 0 || (rc > 0 && !asking.classes_missing)) {
            return rc < 0 ? rc : E_OK;
        }
    }
    return take_series(i, a, study, e);
}

static int take_patient(struct inventory *i, struct dimse_association *a, const char *patient,
                        bool each_instance, struct err *e) {
    struct names *studies;
    int rc = ask_names(i, a, QUERY_STUDY, DCM_PatientID, patient, &studies, e);
    i->instances_known = i->instances_known && rc > 0;
    i->classes_known = i->classes_known && rc > 0;
    for (; rc >= 0 && studies != NULL; studies = studies->next) {
        rc = take_study(i, a, studies->uid, each_instance, e);
    }
    return rc < 0 ? rc : E_OK;
}

static int take_images(struct inventory *i, struct dimse_association *a, struct err *e) {
    struct retrieve *r = i->retrieve;
    int rc = E_OK;
    for (size_t done = 0; rc == E_OK && done < r->uid_count; done += RETRIEVE_LIST_MAX) {
        size_t some = r->uid_count - done;
        some = some < RETRIEVE_LIST_MAX ? some : RETRIEVE_LIST_MAX;
        rc = ask_instances(i, a, NULL, NULL, (const char *const *)r->uids + done, some, e);
    }
    return rc;
}

static int take_one(struct inventory *i, struct dimse_association *a, const char *uid,
                    bool each_instance, struct err *e) {
    switch (i->retrieve->level) {
    case QUERY_PATIENT:
        return take_patient(i, a, uid, each_instance, e);
    case QUERY_STUDY:
        return take_study(i, a, uid, each_instance, e);
    default:
        return ask_instances(i, a, NULL, uid, NULL, 0, e);
    }
}

int inventory_take(struct inventory *i, bool each_instance, struct err *e) {
    struct retrieve *r = i->retrieve;
    struct dimse_association *a;
    struct query q;
    int rc = retrieve_query(r, QUERY_STUDY, &q, e);
    rc = rc == E_OK ? query_open(&r->link, &q, &a, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    i->classes_known = true;
    i->instances_known = each_instance || r->level >= QUERY_SERIES;
    if (r->level == QUERY_IMAGE && r->uid_count > 0) {
        rc = take_images(i, a, e);
    } else if (r->uid_count == 0) {
        rc = take_one(i, a, NULL, each_instance, e);
    }
    for (size_t k = 0; rc == E_OK && r->level < QUERY_IMAGE && k < r->uid_count; k++) {
        rc = take_one(i, a, r->uids[k], each_instance, e);
    }
    if (rc == E_OK) {
        (void)dimse_release(a, e);
        err_clear(e);
    } else {
        dimse_association_close(a);
    }
    i->classes_known = i->classes_known && i->class_count > 0;
    return rc;
}
