// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_present.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/dicom_query.h"
#include "dicom/tags.h"

#define QUERY_MEMORY_MAX ((size_t)1 << 20)

struct series { // files of one series, by SOP Instance UID
    struct send_file **files;
    size_t count;
    void (*skip)(void *context, struct send_file *f);
    void *context;
};

static int by_series(const void *a, const void *b) {
    const struct send_file *x = *(struct send_file *const *)a;
    const struct send_file *y = *(struct send_file *const *)b;
    int order = strcmp(x->study, y->study);
    order = order == 0 ? strcmp(x->series, y->series) : order;
    return order == 0 ? strcmp(x->sop_instance, y->sop_instance) : order;
}

static bool same_series(const struct send_file *x, const struct send_file *y) {
    return strcmp(x->study, y->study) == 0 && strcmp(x->series, y->series) == 0;
}

static int on_answer(void *context, struct dcm_dataset *d) {
    struct series *s = context;
    char uid[65];
    size_t low = 0;
    size_t high = s->count;
    (void)query_text(d, DCM_SOPInstanceUID, uid, sizeof uid);
    while (low < high) { // the first that is not before it
        size_t middle = low + (high - low) / 2;
        if (strcmp(s->files[middle]->sop_instance, uid) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < s->count && strcmp(s->files[low]->sop_instance, uid) == 0; low++) {
        if (s->files[low]->state == SEND_WAITING) {
            s->files[low]->state = SEND_SKIPPED;
            s->skip(s->context, s->files[low]);
        }
    }
    return 0;
}

static int ask_series(struct dimse_association *a, struct series *s, struct err *e) {
    const struct send_file *first = s->files[0];
    struct arena arena;
    struct query q;
    struct dimse_command response;
    if (*first->study == '\0' || *first->series == '\0') {
        return E_OK;
    }
    arena_init(&arena, QUERY_MEMORY_MAX);
    int rc = query_init(&q, &arena, QUERY_IMAGE, false, NULL, e);
    rc = rc == E_OK ? query_put(&q, DCM_StudyInstanceUID, first->study, e) : rc;
    rc = rc == E_OK ? query_put(&q, DCM_SeriesInstanceUID, first->series, e) : rc;
    rc = rc == E_OK ? query_put(&q, DCM_SOPInstanceUID, "", e) : rc;
    rc = rc == E_OK ? query_find(a, &q, 0, on_answer, s, &response, e) : rc;
    arena_done(&arena);
    return rc;
}

static int ask_all(struct dimse_association *a, struct send_file **sorted, size_t count,
                   struct series *s, struct err *e) {
    int rc = E_OK;
    for (size_t i = 0; rc == E_OK && i < count; i += s->count) {
        s->files = sorted + i;
        s->count = 1;
        while (i + s->count < count && same_series(sorted[i], sorted[i + s->count])) {
            s->count++;
        }
        rc = ask_series(a, s, e);
    }
    return rc;
}

int present_skip(const struct dicom_link *l, struct send_list *list,
                 void (*skip)(void *context, struct send_file *f), void *context, struct err *e) {
    struct send_file **sorted = mem_array(list->count + 1, sizeof *sorted);
    struct dimse_association *a;
    struct series s = {.skip = skip, .context = context};
    struct arena arena;
    struct query q;
    size_t count = 0;
    if (sorted == NULL) {
        return err_set(e, E_MEMORY, "no memory to ask the peer");
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->files[i].state == SEND_WAITING) {
            sorted[count++] = &list->files[i];
        }
    }
    qsort(sorted, count, sizeof(struct send_file *), by_series);
    arena_init(&arena, QUERY_MEMORY_MAX);
    int rc = query_init(&q, &arena, QUERY_IMAGE, false, NULL, e);
    rc = rc == E_OK ? query_open(l, &q, &a, e) : rc;
    if (rc == E_OK) {
        rc = ask_all(a, sorted, count, &s, e);
        if (rc == E_OK || rc == E_NOT_ACCEPTABLE) {
            (void)dimse_release(a, &(struct err){0});
        } else {
            dimse_association_close(a);
        }
    }
    arena_done(&arena);
    mem_free(sorted);
    return rc;
}
