// SPDX-License-Identifier: Apache-2.0
#include "archive/search_view.h"

#include "archive/attributes.h"
#include "archive/keys.h"
#include "archive/search_sql.h"
#include "archive/view.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "db/db.h"
#include "dicom/tags.h"

// --- matching a value that is in no column

struct probe {
    const struct attribute *attribute;
    struct sql sql;
    struct db_stmt *stmt;
    struct buf fold;
};

static void cleanup_probe(struct probe *p) {
    if (p->stmt != NULL) {
        db_reset(p->stmt);
    }
    sql_done(&p->sql);
    buf_done(&p->fold);
}

#define PROBE_VALUES 3 // parameters of the row before those of the condition

static int probe_open(struct probe *p, struct db *db, const struct search_key *key, bool fuzzy,
                      struct arena *a, struct err *e) {
    struct attribute as = *attribute_find(key->tag);
    p->attribute = attribute_find(key->tag);
    as.expression = "x.c";
    if (as.face.tag == DCM_ModalitiesInStudy) {
        as.face.tag = 0; // which has a table of its own
    }
    sql_init(&p->sql, a);
    buf_init(&p->fold, 4 * SEARCH_VALUE_MAX);
    buf_put_str(&p->sql.text, "SELECT 1 FROM (SELECT ");
    for (int i = 0; i < PROBE_VALUES; i++) {
        static const char *const names[PROBE_VALUES] = {" AS c, ", " AS c_fold, ", " AS c_key"};
        sql_number(&p->sql, 0);
        buf_put_str(&p->sql.text, names[i]);
    }
    buf_put_str(&p->sql.text, ") x WHERE ");
    int rc = sql_condition(&p->sql, &as, key->value, fuzzy, e);
    buf_put_byte(&p->sql.text, '\0');
    rc = rc == E_OK ? buf_check(&p->sql.text, "search", e) : rc;
    return rc == E_OK ? db_prepare(db, (const char *)p->sql.text.data, &p->stmt, e) : rc;
}

static int64_t number_of(const struct attribute *a, struct slice text) {
    return a->kind == ATTRIBUTE_DATE   ? key_date(text)
           : a->kind == ATTRIBUTE_TIME ? key_time(text)
                                       : key_number(text);
}

// 1 or 0.
static int probe_matches(struct probe *p, struct slice text, struct err *e) {
    const struct attribute *a = p->attribute;
    text = text.len > 0 ? text : slice_str("");
    buf_clear(&p->fold);
    if (a->kind == ATTRIBUTE_NAME) {
        key_name(&p->fold, text);
    } else {
        key_fold(&p->fold, text);
    }
    struct slice fold = p->fold.len > 0 ? buf_slice(&p->fold) : slice_str("");
    sql_bind(&p->sql, p->stmt);
    if (a->kind == ATTRIBUTE_COUNT) {
        db_bind_i64(p->stmt, 1, number_of(a, text));
    } else {
        db_bind_text(p->stmt, 1, text);
    }
    db_bind_text(p->stmt, 2, fold);
    db_bind_i64(p->stmt, 3, number_of(a, text));
    int rc = db_step(p->stmt, e);
    db_reset(p->stmt);
    return rc;
}

// --- what the keys leave of the studies

static int sift_key(struct search_view *sv, struct db *db, const struct search_key *key, bool fuzzy,
                    struct arena *a, struct err *e) {
    struct probe p CLEANUP(cleanup_probe) = {0};
    int rc = probe_open(&p, db, key, fuzzy, a, e);
    for (size_t i = 0; rc == E_OK && i < sv->count; i++) {
        const struct view_value *value = view_study_value(sv->view, i, key->tag);
        if (sv->candidate[i] && value != NULL) {
            rc = probe_matches(&p, value->text, e);
            sv->candidate[i] = rc == 1;
            rc = rc == 1 ? E_OK : rc;
        }
    }
    const struct view_value *others = view_default(sv->view, key->tag);
    if (rc == E_OK && sv->others && others != NULL) {
        rc = probe_matches(&p, others->text, e);
        sv->others = rc == 1;
        rc = rc == 1 ? E_OK : rc;
    }
    return rc;
}

static int find_ids(struct search_view *sv, struct db *db, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT id FROM study WHERE study_uid = ?", &s, e);
    for (size_t i = 0; rc == E_OK && i < sv->count; i++) {
        if (!sv->candidate[i] && !sv->whole) {
            continue;
        }
        db_bind_text(s, 1, view_study(sv->view, i));
        rc = db_step(s, e);
        if (rc == 1) {
            sv->ids[i] = db_i64(s, 0);
        }
        db_reset(s);
        rc = rc == 1 ? E_OK : rc;
    }
    return rc;
}

int search_view_open(struct search_view *sv, struct db *db, const struct search_query *query,
                     struct arena *a, struct err *e) {
    if (query->view == NULL) {
        return E_OK;
    }
    sv->view = query->view;
    sv->count = view_study_count(sv->view);
    sv->whole = sv->others = view_is_whole(sv->view);
    sv->candidate = arena_array(a, sv->count + 1, sizeof *sv->candidate);
    sv->ids = arena_array(a, sv->count + 1, sizeof *sv->ids);
    if (sv->candidate == NULL || sv->ids == NULL) {
        return err_set(e, E_MEMORY, "search in a view");
    }
    for (size_t i = 0; i < sv->count; i++) {
        sv->candidate[i] = true;
    }
    int rc = E_OK;
    for (size_t k = 0; rc == E_OK && k < query->key_count; k++) {
        const struct search_key *key = &query->keys[k];
        if (attribute_find(key->tag)->face.matches && !sql_universal(key->value) &&
            view_replaces(sv->view, key->tag)) {
            rc = sift_key(sv, db, key, query->fuzzy, a, e);
        }
    }
    return rc == E_OK ? find_ids(sv, db, e) : rc;
}

// "(1, 2, 3)" as parameters; row numbers begin at 1, so that 0 names none.
static void put_list(const struct search_view *sv, bool only_candidates, dcm_tag replaced,
                     struct sql *q) {
    buf_put_str(&q->text, "(");
    sql_number(q, 0);
    for (size_t i = 0; i < sv->count; i++) {
        bool in = sv->ids[i] != 0 && (sv->candidate[i] || !only_candidates) &&
                  (replaced == 0 || view_study_value(sv->view, i, replaced) != NULL);
        if (in) {
            buf_put_str(&q->text, ", ");
            sql_number(q, sv->ids[i]);
        }
    }
    buf_put_str(&q->text, ")");
}

void search_view_studies(const struct search_view *sv, struct sql *q) {
    if (sv->view == NULL || (sv->others && sv->count == 0)) {
        return;
    }
    buf_put_str(&q->text, " AND (t.id IN ");
    put_list(sv, true, 0, q);
    if (sv->others) {
        buf_put_str(&q->text, " OR t.id NOT IN ");
        put_list(sv, false, 0, q);
    }
    buf_put_str(&q->text, ")");
}

enum search_view_key search_view_key(const struct search_view *sv, dcm_tag tag) {
    if (sv->view == NULL) {
        return SEARCH_KEY_STORED;
    }
    bool some = false;
    bool all = !sv->others || view_default(sv->view, tag) != NULL;
    for (size_t i = 0; i < sv->count; i++) {
        if (sv->candidate[i] && sv->ids[i] != 0) {
            bool replaced = view_study_value(sv->view, i, tag) != NULL;
            some = some || replaced;
            all = all && replaced;
        }
    }
    return all ? SEARCH_KEY_SETTLED : some ? SEARCH_KEY_SOME : SEARCH_KEY_STORED;
}

void search_view_exempt(const struct search_view *sv, dcm_tag tag, struct sql *q) {
    buf_put_str(&q->text, "t.id IN ");
    put_list(sv, true, tag, q);
    buf_put_str(&q->text, " OR ");
}

bool search_view_hides(const struct search_view *sv, dcm_tag tag) {
    return view_replaces(sv->view, tag);
}

void search_view_row(const struct search_view *sv, struct slice study_uid,
                     struct search_value *values, size_t count) {
    if (sv->view == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        dcm_tag tag = values[i].attribute->tag;
        const struct view_value *value = view_value(sv->view, study_uid, tag);
        bool sum = tag == DCM_NumberOfPatientRelatedStudies ||
                   tag == DCM_NumberOfPatientRelatedSeries ||
                   tag == DCM_NumberOfPatientRelatedInstances;
        values[i].text = value != NULL ? value->text : sum ? slice_str("") : values[i].text;
    }
}
