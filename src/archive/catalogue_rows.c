// SPDX-License-Identifier: Apache-2.0
// Reads rows of studies and series, and says of each series whether its images can be shown.
#include "archive/catalogue_rows.h"

#include "archive/attributes.h"
#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "dicom/uid.h"
#include "pixel/codec.h"

#define SERIES_MAX 100000u // of one study

// Copies the column's text; an empty one for NULL. Memory short: *failed.
static struct slice keep(struct arena *a, struct db_stmt *s, int column, bool *failed) {
    struct slice copy = arena_copy(a, db_text(s, column));
    if (copy.ptr == NULL) {
        *failed = true;
        copy = slice_str("");
    }
    return copy;
}

static const char *uid_name(struct slice uid) {
    const struct dcm_uid_entry *known = dcm_uid_find(uid);
    return known == NULL ? "a private kind" : known->name;
}

// Why the series cannot be shown; NULL when it can.
static const char *why_not(struct arena *a, const struct catalogue_series *s,
                           struct slice problem) {
    if (s->frames == 0) {
        struct slice first = slice_first(s->sop_classes, slice_find(s->sop_classes, '\\'));
        return arena_printf(a, "%s has no images", uid_name(first));
    }
    if (problem.len > 0) {
        return arena_str(a, problem);
    }
    struct slice rest = s->syntaxes;
    struct slice syntax;
    while (slice_split(&rest, '\\', &syntax)) {
        char uid[DCM_UID_MAX + 1] = "";
        memcpy(uid, syntax.ptr, syntax.len < sizeof uid - 1 ? syntax.len : sizeof uid - 1);
        if (syntax.len > 0 && px_codec_find(uid) == NULL) {
            return arena_printf(a, "%s is not decoded by this server yet", uid_name(syntax));
        }
    }
    return NULL;
}

static int read_series(struct db_stmt *s, struct arena *a, struct catalogue_series *out,
                       struct err *e) {
    bool failed = false;
    out->id = db_i64(s, 0);
    out->series_uid = keep(a, s, 1, &failed);
    out->modality = keep(a, s, 2, &failed);
    out->description = keep(a, s, 3, &failed);
    out->body_part = keep(a, s, 4, &failed);
    out->number = db_i64(s, 5);
    out->has_number = out->number != ATTRIBUTE_NO_NUMBER;
    out->instances = (uint64_t)db_i64(s, 6);
    out->frames = (uint64_t)db_i64(s, 7);
    out->rows = (uint64_t)db_i64(s, 8);
    out->columns = (uint64_t)db_i64(s, 9);
    out->sop_classes = keep(a, s, 10, &failed);
    out->syntaxes = keep(a, s, 11, &failed);
    out->reason = failed ? NULL : why_not(a, out, db_text(s, 12));
    out->readable = out->reason == NULL;
    return failed ? err_set(e, E_MEMORY, "catalogue") : E_OK;
}

static int count_series(struct db *db, int64_t study, size_t *ret_count, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT count(*) FROM series WHERE study = ?", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, study);
    rc = db_step(s, e);
    if (rc == 1) {
        *ret_count = (size_t)db_i64(s, 0);
        db_reset(s);
        rc = E_OK;
    }
    return rc;
}

int catalogue_rows_series(struct db *db, int64_t study, struct arena *a,
                          struct catalogue_series **ret_series, size_t *ret_count, struct err *e) {
    size_t room = 0;
    int rc = count_series(db, study, &room, e);
    if (rc != E_OK) {
        return rc;
    }
    struct catalogue_series *list = arena_array(a, room + 1, sizeof *list);
    if (list == NULL || room > SERIES_MAX) {
        return err_set(e, E_MEMORY, "a study of %zu series", room);
    }
    struct db_stmt *s;
    rc = db_prepare(db,
                    "SELECT id, series_uid, modality, series_description, body_part,"
                    " series_number_key, instance_count, frame_count, image_rows, image_columns,"
                    " sop_classes, syntaxes, pixel_problem"
                    " FROM series WHERE study = ? ORDER BY series_number_key, id",
                    &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, study);
    size_t count = 0;
    while (count < room && (rc = db_step(s, e)) == 1) {
        rc = read_series(s, a, &list[count], e);
        if (rc != E_OK) {
            break;
        }
        count++;
    }
    db_reset(s);
    if (rc < 0) {
        return rc;
    }
    *ret_series = list;
    *ret_count = count;
    return E_OK;
}

static int has_thumbnail(struct db *db, int64_t study, struct arena *a, bool *ret_has,
                         struct err *e) {
    struct catalogue_series *series;
    size_t count = 0;
    int rc = catalogue_rows_series(db, study, a, &series, &count, e);
    bool has = false;
    for (size_t i = 0; rc == E_OK && i < count; i++) {
        has = has || series[i].readable;
    }
    *ret_has = has;
    return rc;
}

int catalogue_row_study(struct db *db, int64_t id, struct arena *a,
                        struct catalogue_study *ret_study, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT study_uid, patient_name, patient_id, sex, birth_date, age,"
                        " study_date, study_time, accession, study_description, modalities,"
                        " body_parts, series_count, instance_count, frame_count, changed"
                        " FROM study WHERE id = ?",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, id);
    rc = db_step(s, e);
    if (rc != 1) {
        return rc < 0 ? rc : err_set(e, E_NOT_FOUND, "no such study");
    }
    bool failed = false;
    struct catalogue_study out = {.id = id};
    struct slice *const texts[] = {&out.study_uid,   &out.patient_name, &out.patient_id,
                                   &out.sex,         &out.birth_date,   &out.age,
                                   &out.date,        &out.time,         &out.accession,
                                   &out.description, &out.modalities,   &out.body_parts};
    const int text_count = (int)(sizeof texts / sizeof texts[0]);
    for (int i = 0; i < text_count; i++) {
        *texts[i] = keep(a, s, i, &failed);
    }
    out.series = (uint64_t)db_i64(s, text_count);
    out.instances = (uint64_t)db_i64(s, text_count + 1);
    out.frames = (uint64_t)db_i64(s, text_count + 2);
    out.changed = db_i64(s, text_count + 3);
    db_reset(s);
    rc = failed ? err_set(e, E_MEMORY, "catalogue")
                : has_thumbnail(db, id, a, &out.has_thumbnail, e);
    if (rc == E_OK) {
        *ret_study = out;
    }
    return rc;
}

static int find_study(struct db *db, const char *uid, int64_t *ret_id, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT id FROM study WHERE study_uid = ?", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(uid));
    rc = db_step(s, e);
    if (rc != 1) {
        return rc < 0 ? rc : err_set(e, E_NOT_FOUND, "no such study");
    }
    *ret_id = db_i64(s, 0);
    db_reset(s);
    return E_OK;
}

int catalogue_study_read(struct db *db, const char *study_uid, struct arena *a,
                         struct catalogue_study *ret_study, struct catalogue_series **ret_series,
                         size_t *ret_count, struct err *e) {
    int64_t id = 0;
    int rc = find_study(db, study_uid, &id, e);
    if (rc == E_OK) {
        rc = catalogue_row_study(db, id, a, ret_study, e);
    }
    return rc == E_OK ? catalogue_rows_series(db, id, a, ret_series, ret_count, e) : rc;
}

int catalogue_count(struct db *db, struct catalogue_counts *ret_counts, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT studies, series, instances, bytes FROM total", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = db_step(s, e);
    if (rc != 1) {
        return rc < 0 ? rc : err_set(e, E_DATABASE, "no counts");
    }
    *ret_counts = (struct catalogue_counts){(uint64_t)db_i64(s, 0), (uint64_t)db_i64(s, 1),
                                            (uint64_t)db_i64(s, 2), (uint64_t)db_i64(s, 3)};
    db_reset(s);
    return E_OK;
}

static int middle_instance(struct db *db, const struct catalogue_series *series,
                           char ret_sop_instance[65], struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT sop_instance FROM instance WHERE series = ?"
                        " ORDER BY instance_number_key, id LIMIT 1 OFFSET ?",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, series->id);
    db_bind_i64(s, 2, (int64_t)(series->instances / 2));
    rc = db_step(s, e);
    if (rc != 1) {
        return rc < 0 ? rc : err_set(e, E_NOT_FOUND, "no image to show");
    }
    struct slice uid = db_text(s, 0);
    memcpy(ret_sop_instance, uid.ptr, uid.len < 64 ? uid.len : 64);
    ret_sop_instance[uid.len < 64 ? uid.len : 64] = '\0';
    db_reset(s);
    return E_OK;
}

int catalogue_representative(struct db *db, const char *study_uid, const char *series_uid,
                             char ret_sop_instance[65], struct err *e) {
    struct arena a;
    arena_init(&a, (size_t)64 << 20);
    struct catalogue_series *series;
    size_t count = 0;
    int64_t id = 0;
    int rc = find_study(db, study_uid, &id, e);
    rc = rc == E_OK ? catalogue_rows_series(db, id, &a, &series, &count, e) : rc;
    const struct catalogue_series *chosen = NULL;
    for (size_t i = 0; rc == E_OK && i < count; i++) {
        bool named = *series_uid == '\0' || slice_eq_str(series[i].series_uid, series_uid);
        chosen = chosen == NULL && named && series[i].readable ? &series[i] : chosen;
    }
    if (rc == E_OK) {
        rc = chosen == NULL ? err_set(e, E_NOT_FOUND, "no image to show")
                            : middle_instance(db, chosen, ret_sop_instance, e);
    }
    arena_done(&a);
    return rc;
}
