// SPDX-License-Identifier: Apache-2.0
// The worklist's table. Conditions are those of search_sql.h over its columns.
#include "archive/worklist.h"

#include "archive/row.h"
#include "archive/search.h"
#include "archive/search_sql.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "base/utf8.h"
#include "db/db.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "dicom/value.h"

#define WORKLIST_MEMORY_MAX ((size_t)8 << 20)
#define WORKLIST_SQL_MAX ((size_t)16384)

static const struct worklist_attribute attributes[] = {
#define X(in_column, keyword, in_vr, in_kind, in_place)                                            \
    {.attribute = {.face = {.tag = DCM_##keyword, .vr = DCM_VR_##in_vr, .matches = true},          \
                   .kind = ATTRIBUTE_##in_kind,                                                    \
                   .column = #in_column,                                                           \
                   .expression = "w." #in_column},                                                 \
     .place = WORKLIST_##in_place},
    WORKLIST_LIST_X(X)
#undef X
};

const struct worklist_attribute *worklist_attribute_at(size_t id) {
    return id < WORKLIST_COLUMNS ? &attributes[id] : NULL;
}

size_t worklist_attribute_find(enum worklist_place place, dcm_tag tag) {
    size_t id = 0;
    while (id < WORKLIST_COLUMNS &&
           (attributes[id].place != place || attributes[id].attribute.face.tag != tag)) {
        id++;
    }
    return id;
}

// --- filling

static int refuse(size_t id, const char *why, struct err *e) {
    char tag[DCM_TAG_TEXT_LEN + 1];
    err_set(e, E_ARGUMENT, "%s", why);
    return err_in(e, dcm_tag_text(attributes[id].attribute.face.tag, tag));
}

static int check_text(size_t id, struct slice text, struct err *e) {
    char tag[DCM_TAG_TEXT_LEN + 1];
    enum dcm_vr vr = attributes[id].attribute.face.vr;
    struct slice value;
    int64_t number;
    if (!utf8_valid(text) || text.len > ATTRIBUTE_TEXT_MAX) {
        return refuse(id, "not UTF-8, or too long", e);
    }
    if (vr == DCM_VR_US && text.len > 0 && !num_parse_i64(text, 0, UINT16_MAX, &number)) {
        return refuse(id, "no unsigned number of 16 bits", e);
    }
    while (text.len > 0 && dcm_value_next(vr, &text, &value)) {
        if (value.len > 0 && dcm_value_check(vr, value, e) != E_OK) {
            e->code = E_ARGUMENT;
            return err_in(e, dcm_tag_text(attributes[id].attribute.face.tag, tag));
        }
    }
    return E_OK;
}

// Return keys of type 1; a code needs value and scheme, and one of description and code is asked
// for of step and procedure (type 1C).
static int check_step(const struct worklist_step *step, struct err *e) {
    static const enum worklist_id needed[] = {
        WORKLIST_step_id,      WORKLIST_station_aets, WORKLIST_step_date,
        WORKLIST_step_time,    WORKLIST_modality,     WORKLIST_study_uid,
        WORKLIST_procedure_id, WORKLIST_patient_name, WORKLIST_patient_id};
    static const enum worklist_id either[][2] = {
        {WORKLIST_step_description, WORKLIST_protocol_code},
        {WORKLIST_procedure_description, WORKLIST_procedure_code}};
    static const enum worklist_id codes[][2] = {
        {WORKLIST_protocol_code, WORKLIST_protocol_scheme},
        {WORKLIST_procedure_code, WORKLIST_procedure_scheme}};
    int rc = E_OK;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (step->texts[needed[i]].len == 0) {
            return refuse(needed[i], "a step of the worklist must have it", e);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        if (step->texts[either[i][0]].len == 0 && step->texts[either[i][1]].len == 0) {
            return refuse(either[i][0], "neither description nor code", e);
        }
        if ((step->texts[codes[i][0]].len == 0) != (step->texts[codes[i][1]].len == 0)) {
            return refuse(codes[i][0], "a code is value and scheme", e);
        }
    }
    for (size_t id = 0; rc == E_OK && id < WORKLIST_COLUMNS; id++) {
        rc = check_text(id, step->texts[id], e);
    }
    if (rc == E_OK && !dcm_uid_usable(step->texts[WORKLIST_study_uid])) {
        return refuse(WORKLIST_study_uid, "no proper UID", e);
    }
    return rc;
}

static void put_columns(struct buf *out, const char *before, const char *between) {
    for (size_t id = 0; id < WORKLIST_COLUMNS; id++) {
        const struct attribute *a = &attributes[id].attribute;
        const char *suffix = row_key_suffix(a->kind);
        buf_printf(out, "%s%s", id > 0 ? between : before, a->column);
        if (suffix != NULL) {
            buf_printf(out, "%s%s%s", between, a->column, suffix);
        }
    }
}

static int prepare_insert(struct db *db, struct db_stmt **ret_stmt, struct err *e) {
    struct buf sql CLEANUP(cleanup_buf);
    int count = 0;
    buf_init(&sql, WORKLIST_SQL_MAX);
    put_columns(&sql, "INSERT INTO worklist (", ", ");
    for (size_t id = 0; id < WORKLIST_COLUMNS; id++) {
        count += row_key_suffix(attributes[id].attribute.kind) != NULL ? 2 : 1;
    }
    buf_put_str(&sql, ") VALUES (?");
    for (int i = 1; i < count; i++) {
        buf_put_str(&sql, ", ?");
    }
    buf_put_str(&sql, ")");
    buf_put_byte(&sql, '\0');
    int rc = buf_check(&sql, "worklist", e);
    return rc == E_OK ? db_prepare(db, (const char *)sql.data, ret_stmt, e) : rc;
}

static int insert(struct db *db, const struct worklist_step *step, struct err *e) {
    struct db_stmt *s;
    struct arena a;
    int rc = prepare_insert(db, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    arena_init(&a, WORKLIST_MEMORY_MAX);
    int at = 1;
    for (size_t id = 0; id < WORKLIST_COLUMNS; id++) {
        at = row_bind_value(&a, s, at, attributes[id].attribute.kind, step->texts[id]);
    }
    rc = db_run(s, e);
    arena_done(&a);
    return rc;
}

int worklist_remove(struct db *db, struct slice study_uid, struct slice step_id, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "DELETE FROM worklist WHERE study_uid = ? AND step_id = ?", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, study_uid);
    db_bind_text(s, 2, step_id);
    rc = db_run(s, e);
    return rc == E_OK && db_changes(db) == 0 ? err_set(e, E_NOT_FOUND, "no such step") : rc;
}

int worklist_put(struct db *db, const struct worklist_step *step, struct err *e) {
    int rc = check_step(step, e);
    if (rc == E_OK) {
        rc = worklist_remove(db, step->texts[WORKLIST_study_uid], step->texts[WORKLIST_step_id], e);
        rc = rc == E_NOT_FOUND ? E_OK : rc;
    }
    return rc == E_OK ? insert(db, step, e) : rc;
}

// --- searching

static bool is_range(const struct worklist_key *key) {
    return slice_find(key->value, '-') < key->value.len;
}

static const struct worklist_key *find_key(const struct worklist_query *query, size_t id) {
    for (size_t k = 0; k < query->key_count; k++) {
        if (query->keys[k].id == id && !sql_universal(query->keys[k].value)) {
            return &query->keys[k];
        }
    }
    return NULL;
}

static int put_conditions(struct sql *q, const struct worklist_query *query, struct err *e) {
    const struct worklist_key *date = find_key(query, WORKLIST_step_date);
    const struct worklist_key *time = find_key(query, WORKLIST_step_time);
    bool together = date != NULL && time != NULL && is_range(date) && is_range(time);
    int rc = E_OK;
    for (size_t k = 0; rc == E_OK && k < query->key_count; k++) {
        const struct worklist_key *key = &query->keys[k];
        const struct attribute *a = &attributes[key->id].attribute;
        if (sql_universal(key->value) || (together && key->id == WORKLIST_step_time)) {
            continue;
        }
        buf_put_str(&q->text, " AND ");
        rc = together && key->id == WORKLIST_step_date
                 ? sql_combined(q, a, key->value, &attributes[WORKLIST_step_time].attribute,
                                time->value, e)
                 : sql_condition(q, a, key->value, query->fuzzy, e);
    }
    return rc;
}

static int prepare_search(struct db *db, struct sql *q, const struct worklist_query *query,
                          uint64_t limit, struct db_stmt **ret_stmt, struct err *e) {
    for (size_t id = 0; id < WORKLIST_COLUMNS; id++) {
        buf_printf(&q->text, "%s%s", id > 0 ? ", " : "SELECT ",
                   attributes[id].attribute.expression);
    }
    buf_put_str(&q->text, " FROM worklist w WHERE 1 = 1");
    int rc = put_conditions(q, query, e);
    buf_put_str(&q->text, " ORDER BY w.step_date_key, w.step_time_key, w.id LIMIT ");
    sql_number(q, (int64_t)limit + 1);
    buf_put_byte(&q->text, '\0');
    rc = rc == E_OK ? buf_check(&q->text, "worklist", e) : rc;
    rc = rc == E_OK ? db_prepare(db, (const char *)q->text.data, ret_stmt, e) : rc;
    if (rc == E_OK) {
        sql_bind(q, *ret_stmt);
    }
    return rc;
}

static int give_rows(struct db_stmt *s, uint64_t limit,
                     int (*row)(const struct worklist_step *step, void *context), void *context,
                     bool *ret_more, struct err *e) {
    uint64_t count = 0;
    int rc;
    while ((rc = db_step(s, e)) == 1) {
        struct worklist_step step;
        if (count++ == limit) {
            *ret_more = true;
            db_reset(s);
            return E_OK;
        }
        for (size_t id = 0; id < WORKLIST_COLUMNS; id++) {
            step.texts[id] = db_text(s, (int)id);
        }
        rc = row(&step, context);
        if (rc != 0) {
            db_reset(s);
            return rc;
        }
    }
    return rc;
}

static void cleanup_arena(struct arena *a) { arena_done(a); }

int worklist_search(struct db *db, const struct worklist_query *query,
                    int (*row)(const struct worklist_step *step, void *context), void *context,
                    bool *ret_more, struct err *e) {
    struct arena a CLEANUP(cleanup_arena);
    struct sql q CLEANUP(cleanup_sql);
    struct db_stmt *s;
    bool more = false;
    uint64_t limit = query->limit < SEARCH_ROWS_MAX ? query->limit : SEARCH_ROWS_MAX;
    arena_init(&a, WORKLIST_MEMORY_MAX);
    sql_init(&q, &a);
    if (query->key_count > WORKLIST_KEYS_MAX) {
        return err_set(e, E_ARGUMENT, "more than %d keys", WORKLIST_KEYS_MAX);
    }
    int rc = prepare_search(db, &q, query, limit, &s, e);
    rc = rc == E_OK ? give_rows(s, limit, row, context, &more, e) : rc;
    if (rc == E_OK) {
        *ret_more = more;
    }
    return rc;
}
