// SPDX-License-Identifier: Apache-2.0
#include "archive/register.h"

#include "archive/attributes.h"
#include "archive/keys.h"
#include "archive/record.h"
#include "archive/row.h"
#include "archive/words.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"

#define BATCH_ROWS_MAX 512 // series or studies touched by one batch
#define LIST_MAX ((size_t)4096)
#define BATCH_MEMORY_MAX ((size_t)16 << 20)

// What a batch adds to a series; written once, before the commit.
struct touched_series {
    int64_t id;
    int64_t study;
    char uid[65];
    int64_t instances, frames, bytes, rows, columns;
    struct slice sop_classes, syntaxes, problem; // in the batch's arena
};

struct touched_study {
    int64_t id;
    char uid[65];
    bool renewed;   // a series came: words and facets are to be looked at
    uint32_t noted; // differences that have their finding, a bit each
};

struct register_batch {
    struct db *db;
    usec now;
    struct arena arena;
    struct touched_series series[BATCH_ROWS_MAX];
    size_t series_count;
    struct touched_study studies[BATCH_ROWS_MAX];
    size_t study_count;
};

static void copy_uid(char out[65], struct slice uid) {
    size_t len = uid.len < 64 ? uid.len : 64;
    memcpy(out, uid.ptr, len);
    out[len] = '\0';
}

// --- findings --------------------------------------------------------------------------------

static int put_finding(struct register_batch *b, const struct record *r, const char *kind,
                       const char *words, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(b->db,
                        "INSERT INTO finding (noticed, study_uid, series_uid, sop_instance, kind,"
                        " words) VALUES (?, ?, ?, ?, ?, ?)",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, b->now);
    db_bind_text(s, 2, r->texts[ATTRIBUTE_study_uid]);
    db_bind_text(s, 3, r->texts[ATTRIBUTE_series_uid]);
    db_bind_text(s, 4, r->texts[ATTRIBUTE_sop_instance]);
    db_bind_text(s, 5, slice_str(kind));
    db_bind_text(s, 6, slice_str(words));
    return db_run(s, e);
}

static int put_gate_findings(struct register_batch *b, const struct record *r, struct err *e) {
    int rc = E_OK;
    for (uint32_t i = 0; rc == E_OK && i < r->report.finding_count; i++) {
        const struct gate_finding *f = &r->report.findings[i];
        char words[ERR_TEXT_MAX + ERR_PATH_MAX + 200];
        (void)snprintf(words, sizeof words, "%s%s%s", gate_reason_words(f->reason),
                       f->where.text[0] == '\0' ? "" : ": ", f->where.text);
        rc = put_finding(b, r, gate_reason_code(f->reason), words, e);
    }
    return rc;
}

// --- patient ---------------------------------------------------------------------------------

static void put_identity(const struct record *r, struct buf *out) {
    if (r->texts[ATTRIBUTE_patient_id].len > 0) {
        buf_put_str(out, "id\x1F");
        buf_put_slice(out, r->texts[ATTRIBUTE_patient_id]);
        buf_put_str(out, "\x1F");
        buf_put_slice(out, r->texts[ATTRIBUTE_issuer]);
        return;
    }
    buf_put_str(out, "name\x1F");
    key_name(out, r->texts[ATTRIBUTE_patient_name]);
    buf_put_str(out, "\x1F");
    buf_put_slice(out, r->texts[ATTRIBUTE_birth_date]);
}

static int find_patient(struct db *db, struct slice identity, int64_t *ret_id, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT id FROM patient WHERE identity = ?", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, identity);
    rc = db_step(s, e);
    if (rc == 1) {
        *ret_id = db_i64(s, 0);
        db_reset(s);
    }
    return rc;
}

static int take_patient(struct db *db, const struct record *r, int64_t *ret_id, struct err *e) {
    struct buf identity CLEANUP(cleanup_buf);
    buf_init(&identity, 4 * ATTRIBUTE_TEXT_MAX);
    put_identity(r, &identity);
    int rc = find_patient(db, buf_slice(&identity), ret_id, e);
    if (rc != 0) {
        return rc == 1 ? E_OK : rc;
    }
    struct db_stmt *s;
    rc = db_prepare(db, "INSERT INTO patient (identity) VALUES (?)", &s, e);
    if (rc == E_OK) {
        db_bind_text(s, 1, buf_slice(&identity));
        rc = db_run(s, e);
        *ret_id = db_last_id(db);
    }
    return rc;
}

// --- study -----------------------------------------------------------------------------------

static int insert_study(struct register_batch *b, const struct record *r, int64_t *ret_id,
                        struct err *e) {
    int64_t patient = 0;
    int rc = take_patient(b->db, r, &patient, e);
    struct db_stmt *s = NULL;
    rc = rc == E_OK ? row_prepare_insert(b->db, "study", SEARCH_STUDY, "patient, created, changed",
                                         3, &s, e)
                    : rc;
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, patient);
    db_bind_i64(s, 2, b->now);
    db_bind_i64(s, 3, b->now);
    row_bind(&b->arena, s, 4, SEARCH_STUDY, r);
    rc = db_run(s, e);
    *ret_id = db_last_id(b->db);
    return rc;
}

// Attributes that must be the same in all instances of a study (PS3.3 C.7.1.1, C.7.2.1).
static const enum attribute_id study_same[] = {
    ATTRIBUTE_patient_name, ATTRIBUTE_patient_id, ATTRIBUTE_birth_date, ATTRIBUTE_sex,
    ATTRIBUTE_study_date,   ATTRIBUTE_accession,  ATTRIBUTE_study_id,
};
#define STUDY_SAME (sizeof study_same / sizeof study_same[0])

static int note_differences(struct register_batch *b, const struct record *r, uint32_t differs,
                            struct touched_study *study, struct err *e) {
    int rc = E_OK;
    uint32_t fresh = differs & ~study->noted;
    for (size_t i = 0; rc == E_OK && i < STUDY_SAME; i++) {
        char tag[DCM_TAG_TEXT_LEN + 1];
        char words[120];
        if ((fresh >> i & 1) != 0) {
            (void)snprintf(words, sizeof words, "%s differs from the study's first instance",
                           dcm_tag_text(attribute_at(study_same[i])->face.tag, tag));
            rc = put_finding(b, r, "study-differs", words, e);
        }
    }
    study->noted |= fresh;
    return rc;
}

// 1: there; 0: not.
static int find_study(struct register_batch *b, const struct record *r, int64_t *ret_id,
                      uint32_t *ret_differs, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(b->db,
                        "SELECT id, patient_name, patient_id, birth_date, sex, study_date,"
                        " accession, study_id FROM study WHERE study_uid = ?",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, r->texts[ATTRIBUTE_study_uid]);
    rc = db_step(s, e);
    if (rc != 1) {
        return rc;
    }
    *ret_id = db_i64(s, 0);
    for (size_t i = 0; i < STUDY_SAME; i++) {
        bool differs = !slice_eq(db_text(s, (int)i + 1), r->texts[study_same[i]]);
        *ret_differs |= (uint32_t)differs << i;
    }
    db_reset(s);
    return 1;
}

static int add_total(struct db *db, int64_t studies, int64_t series, int64_t instances,
                     int64_t bytes, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "UPDATE total SET studies = studies + ?, series = series + ?,"
                        " instances = instances + ?, bytes = bytes + ?",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, studies);
    db_bind_i64(s, 2, series);
    db_bind_i64(s, 3, instances);
    db_bind_i64(s, 4, bytes);
    return db_run(s, e);
}

static struct touched_study *touch_study(struct register_batch *b, int64_t id, struct slice uid) {
    for (size_t i = 0; i < b->study_count; i++) {
        if (b->studies[i].id == id) {
            return &b->studies[i];
        }
    }
    if (b->study_count == BATCH_ROWS_MAX) {
        return NULL;
    }
    struct touched_study *t = &b->studies[b->study_count++];
    *t = (struct touched_study){.id = id};
    copy_uid(t->uid, uid);
    return t;
}

static int take_study(struct register_batch *b, const struct record *r,
                      struct touched_study **ret_study, struct err *e) {
    int64_t id = 0;
    uint32_t differs = 0;
    int found = find_study(b, r, &id, &differs, e);
    int rc = found < 0 ? found : E_OK;
    if (found == 0) {
        rc = insert_study(b, r, &id, e);
        rc = rc == E_OK ? add_total(b->db, 1, 0, 0, 0, e) : rc;
    }
    if (rc != E_OK) {
        return rc;
    }
    struct touched_study *t = touch_study(b, id, r->texts[ATTRIBUTE_study_uid]);
    if (t == NULL) {
        return err_set(e, E_LIMIT, "a batch of more than %d studies", BATCH_ROWS_MAX);
    }
    t->renewed = t->renewed || found == 0;
    *ret_study = t;
    return note_differences(b, r, differs, t, e);
}

// --- series ----------------------------------------------------------------------------------

static int insert_series(struct register_batch *b, const struct record *r, int64_t study,
                         int64_t *ret_id, struct err *e) {
    struct db_stmt *s;
    int rc = row_prepare_insert(b->db, "series", SEARCH_SERIES, "study, changed", 2, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, study);
    db_bind_i64(s, 2, b->now);
    row_bind(&b->arena, s, 3, SEARCH_SERIES, r);
    rc = db_run(s, e);
    *ret_id = db_last_id(b->db);
    return rc == E_OK ? add_total(b->db, 0, 1, 0, 0, e) : rc;
}

static int note_shared_uid(struct register_batch *b, const struct record *r, int64_t study,
                           struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(b->db, "SELECT 1 FROM series WHERE series_uid = ? AND study <> ? LIMIT 1",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, r->texts[ATTRIBUTE_series_uid]);
    db_bind_i64(s, 2, study);
    rc = db_step(s, e);
    if (rc != 1) {
        return rc;
    }
    db_reset(s);
    return put_finding(b, r, "series-shared", "another study has a series with this UID", e);
}

static int find_series(struct register_batch *b, const struct record *r, int64_t study,
                       int64_t *ret_id, bool *ret_modality_differs, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(b->db, "SELECT id, modality FROM series WHERE study = ? AND series_uid = ?",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, study);
    db_bind_text(s, 2, r->texts[ATTRIBUTE_series_uid]);
    rc = db_step(s, e);
    if (rc == 1) {
        *ret_id = db_i64(s, 0);
        *ret_modality_differs = !slice_eq(db_text(s, 1), r->texts[ATTRIBUTE_modality]);
        db_reset(s);
    }
    return rc;
}

static struct touched_series *touched(struct register_batch *b, int64_t study, struct slice uid) {
    for (size_t i = 0; i < b->series_count; i++) {
        if (b->series[i].study == study && slice_eq_str(uid, b->series[i].uid)) {
            return &b->series[i];
        }
    }
    return NULL;
}

static int take_series(struct register_batch *b, const struct record *r,
                       struct touched_study *study, struct touched_series **ret_series,
                       struct err *e) {
    struct slice uid = r->texts[ATTRIBUTE_series_uid];
    *ret_series = touched(b, study->id, uid);
    if (*ret_series != NULL) {
        return E_OK;
    }
    if (b->series_count == BATCH_ROWS_MAX) {
        return err_set(e, E_LIMIT, "a batch of more than %d series", BATCH_ROWS_MAX);
    }
    int64_t id = 0;
    bool differs = false;
    int rc = find_series(b, r, study->id, &id, &differs, e);
    if (rc == 0) {
        rc = insert_series(b, r, study->id, &id, e);
        rc = rc == E_OK ? note_shared_uid(b, r, study->id, e) : rc;
        study->renewed = true;
    } else if (rc == 1) {
        rc = differs ? put_finding(b, r, "series-differs",
                                   "(0008,0060) differs from the series' first instance", e)
                     : E_OK;
    }
    if (rc != E_OK) {
        return rc;
    }
    struct touched_series *t = &b->series[b->series_count++];
    *t = (struct touched_series){.id = id,
                                 .study = study->id,
                                 .sop_classes = slice_str(""),
                                 .syntaxes = slice_str(""),
                                 .problem = slice_str("")};
    copy_uid(t->uid, uid);
    *ret_series = t;
    return E_OK;
}

// --- instance --------------------------------------------------------------------------------

static int insert_instance(struct register_batch *b, const struct record *r, int64_t series,
                           const struct hash *object, uint64_t bytes, int64_t *ret_id,
                           struct err *e) {
    struct db_stmt *s;
    int rc = row_prepare_insert(b->db, "instance", SEARCH_INSTANCE,
                                "series, object, bytes, body_offset, syntax, frames, image_rows,"
                                " image_columns, samples, bits_allocated, received",
                                11, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, series);
    db_bind_blob(s, 2, slice_of(object->bytes, HASH_LEN));
    db_bind_i64(s, 3, (int64_t)bytes);
    db_bind_i64(s, 4, (int64_t)r->body_offset);
    db_bind_text(s, 5, r->syntax);
    db_bind_i64(s, 6, r->frames);
    db_bind_i64(s, 7, r->rows);
    db_bind_i64(s, 8, r->columns);
    db_bind_i64(s, 9, r->samples);
    db_bind_i64(s, 10, r->bits_allocated);
    db_bind_i64(s, 11, b->now);
    row_bind(&b->arena, s, 12, SEARCH_INSTANCE, r);
    rc = db_run(s, e);
    *ret_id = db_last_id(b->db);
    return rc;
}

static int insert_data(struct register_batch *b, const struct record *r, int64_t instance,
                       struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(b->db,
                        "INSERT INTO instance_data (instance, frame_table, bulk_table, metadata,"
                        " metadata_len, metadata_crc) VALUES (?, ?, ?, ?, ?, ?)",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, instance);
    db_bind_blob(s, 2, r->frame_table.len == 0 ? slice_of(NULL, 0) : r->frame_table);
    db_bind_blob(s, 3, r->bulk_table.len == 0 ? slice_str("") : r->bulk_table);
    db_bind_blob(s, 4, r->metadata);
    db_bind_i64(s, 5, (int64_t)r->metadata_len);
    db_bind_i64(s, 6, r->metadata_crc);
    return db_run(s, e);
}

static int add_to_list(struct arena *a, struct slice *list, struct slice value, struct err *e) {
    struct buf out CLEANUP(cleanup_buf);
    buf_init(&out, LIST_MAX);
    if (!words_list_add(*list, value, &out)) {
        return E_OK; // in it already
    }
    struct slice copy = arena_copy(a, buf_slice(&out));
    if (copy.ptr == NULL || out.failed) {
        return err_set(e, E_MEMORY, "a list of the catalogue");
    }
    *list = copy;
    return E_OK;
}

static int count_instance(struct register_batch *b, struct touched_series *t,
                          const struct record *r, uint64_t bytes, struct err *e) {
    t->instances++;
    t->frames += r->frames;
    t->bytes += (int64_t)bytes;
    if (t->rows == 0) {
        t->rows = r->rows;
        t->columns = r->columns;
    }
    if (t->problem.len == 0 && r->pixel_problem.len > 0) {
        struct slice copy = arena_copy(&b->arena, r->pixel_problem);
        t->problem = copy.ptr == NULL ? slice_str("") : copy;
    }
    int rc = add_to_list(&b->arena, &t->sop_classes, r->texts[ATTRIBUTE_sop_class], e);
    return rc == E_OK ? add_to_list(&b->arena, &t->syntaxes, r->syntax, e) : rc;
}

int register_begin(struct db *db, usec now, struct register_batch **ret_batch, struct err *e) {
    struct register_batch *b = mem_zalloc(sizeof *b);
    if (b == NULL) {
        return err_set(e, E_MEMORY, "a batch");
    }
    int rc = db_begin(db, e);
    if (rc != E_OK) {
        mem_free(b);
        return rc;
    }
    b->db = db;
    b->now = now;
    arena_init(&b->arena, BATCH_MEMORY_MAX);
    *ret_batch = b;
    return E_OK;
}

int register_add(struct register_batch *b, const struct record *r, const struct hash *object,
                 uint64_t bytes, struct err *e) {
    struct register_known known;
    int rc = register_find(b->db, r->texts[ATTRIBUTE_sop_instance], &known, e);
    if (rc != 0) {
        return rc == 1 ? err_set(e, E_CONFLICT, "the instance is there already") : rc;
    }
    struct touched_study *study = NULL;
    struct touched_series *series = NULL;
    int64_t id = 0;
    rc = take_study(b, r, &study, e);
    rc = rc == E_OK ? take_series(b, r, study, &series, e) : rc;
    rc = rc == E_OK ? insert_instance(b, r, series->id, object, bytes, &id, e) : rc;
    rc = rc == E_OK ? insert_data(b, r, id, e) : rc;
    rc = rc == E_OK ? put_gate_findings(b, r, e) : rc;
    return rc == E_OK ? count_instance(b, series, r, bytes, e) : rc;
}

// --- counts and lists ------------------------------------------------------------------------

static int merge_series_lists(struct register_batch *b, struct touched_series *t, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(b->db, "SELECT sop_classes, syntaxes FROM series WHERE id = ?", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, t->id);
    rc = db_step(s, e);
    if (rc != 1) {
        return rc < 0 ? rc : err_set(e, E_DATABASE, "a series vanished");
    }
    struct slice added[2] = {t->sop_classes, t->syntaxes};
    struct slice merged[2] = {slice_str(""), slice_str("")};
    for (int i = 0; rc >= 0 && i < 2; i++) {
        struct slice parts[2] = {db_text(s, i), added[i]};
        for (int p = 0; rc >= 0 && p < 2; p++) {
            struct slice value;
            while (rc >= 0 && slice_split(&parts[p], '\\', &value)) {
                rc = add_to_list(&b->arena, &merged[i], value, e);
            }
        }
    }
    db_reset(s);
    t->sop_classes = merged[0];
    t->syntaxes = merged[1];
    return rc < 0 ? rc : E_OK;
}

static int write_series(struct register_batch *b, struct touched_series *t, struct err *e) {
    int rc = merge_series_lists(b, t, e);
    struct db_stmt *s;
    rc = rc == E_OK
             ? db_prepare(b->db,
                          "UPDATE series SET instance_count = instance_count + ?,"
                          " frame_count = frame_count + ?, bytes = bytes + ?,"
                          " image_rows = CASE WHEN image_rows = 0 THEN ? ELSE image_rows END,"
                          " image_columns = CASE WHEN image_columns = 0 THEN ? ELSE image_columns"
                          " END, sop_classes = ?, syntaxes = ?,"
                          " pixel_problem = CASE WHEN pixel_problem = '' THEN ? ELSE pixel_problem"
                          " END, changed = ? WHERE id = ?",
                          &s, e)
             : rc;
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, t->instances);
    db_bind_i64(s, 2, t->frames);
    db_bind_i64(s, 3, t->bytes);
    db_bind_i64(s, 4, t->rows);
    db_bind_i64(s, 5, t->columns);
    db_bind_text(s, 6, t->sop_classes);
    db_bind_text(s, 7, t->syntaxes);
    db_bind_text(s, 8, t->problem);
    db_bind_i64(s, 9, b->now);
    db_bind_i64(s, 10, t->id);
    rc = db_run(s, e);
    return rc == E_OK ? add_total(b->db, 0, 0, t->instances, t->bytes, e) : rc;
}

int register_commit(struct register_batch *b, struct err *e) {
    int rc = E_OK;
    for (size_t i = 0; rc == E_OK && i < b->series_count; i++) {
        rc = b->series[i].instances > 0 ? write_series(b, &b->series[i], e) : E_OK;
    }
    for (size_t i = 0; rc == E_OK && i < b->study_count; i++) {
        rc = words_study_sum(b->db, b->studies[i].id, b->now, e);
        if (rc == E_OK && b->studies[i].renewed) {
            rc = words_study_index(b->db, b->studies[i].id, e);
        }
    }
    if (rc == E_OK) {
        rc = db_commit(b->db, e);
    }
    register_rollback(b);
    return rc;
}

void register_rollback(struct register_batch *b) {
    if (b != NULL) {
        db_rollback(b->db);
        arena_done(&b->arena);
        mem_free(b);
    }
}
