// SPDX-License-Identifier: Apache-2.0
// Searching in two steps: the page's row numbers, where indexes suffice and the offset is skipped
// without reading rows; then each row of the page by number.
#include "archive/search.h"

#include "archive/attributes.h"
#include "archive/search_sql.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"
#include "dicom/tags.h"

#define SEARCH_MEMORY_MAX ((size_t)8 << 20)
#define SEARCH_COLUMNS_MAX 128

struct search {
    struct arena arena;
    const struct search_query *query;
    bool narrowed[3]; // a UID of this level was given
    bool by_name;     // a name that an index can find
    bool by_date;
    const struct attribute *columns[SEARCH_COLUMNS_MAX];
    size_t column_count;
    int64_t *ids;
    size_t id_count;
};

static void cleanup_search(struct search *s) { arena_done(&s->arena); }

static const struct level {
    char alias;
    const char *from;
    const char *id;
    dcm_tag uid;
} levels[] = {
    [SEARCH_STUDY] = {'t', " FROM study t", "t.id", DCM_StudyInstanceUID},
    [SEARCH_SERIES] = {'s', " FROM series s JOIN study t ON t.id = s.study", "s.id",
                       DCM_SeriesInstanceUID},
    [SEARCH_INSTANCE] = {'i',
                         " FROM instance i JOIN series s ON s.id = i.series"
                         " JOIN study t ON t.id = s.study",
                         "i.id", DCM_SOPInstanceUID},
};

// Keys of a level below the one searched: some row below matches.
static const char *below(enum search_level searched, enum search_level of) {
    if (searched == SEARCH_STUDY) {
        return of == SEARCH_SERIES
                   ? "EXISTS (SELECT 1 FROM series s WHERE s.study = t.id AND "
                   : "EXISTS (SELECT 1 FROM series s JOIN instance i ON i.series = s.id"
                     " WHERE s.study = t.id AND ";
    }
    return "EXISTS (SELECT 1 FROM instance i WHERE i.series = s.id AND ";
}

static bool starts_plain(struct slice v) { return v.len > 0 && v.ptr[0] != '*' && v.ptr[0] != '?'; }

static void note_key(struct search *s, const struct attribute *a, struct slice value) {
    for (size_t l = 0; l < 3; l++) {
        s->narrowed[l] = s->narrowed[l] || a->face.tag == levels[l].uid;
    }
    s->by_name = s->by_name || (a->face.tag == DCM_PatientName && starts_plain(value));
    s->by_date = s->by_date || a->face.tag == DCM_StudyDate;
}

static void note_keys(struct search *s) {
    for (size_t k = 0; k < s->query->key_count; k++) {
        const struct search_key *key = &s->query->keys[k];
        const struct attribute *a = attribute_find(key->tag);
        if (a->face.matches && !sql_universal(key->value)) {
            note_key(s, a, key->value);
        }
    }
}

// Studies first, in the order of the answer, so that a page ends the walk; but from the row itself
// where its UID is given. (A join with CROSS keeps its order in SQLite.)
static void put_from(const struct search *s, struct buf *out) {
    enum search_level level = s->query->level;
    if (level == SEARCH_STUDY || s->narrowed[SEARCH_SERIES] || s->narrowed[SEARCH_INSTANCE]) {
        buf_put_str(out, levels[level].from);
        buf_put_str(out, " WHERE 1 = 1");
        return;
    }
    bool instance = level == SEARCH_INSTANCE;
    buf_printf(out, " FROM study t CROSS JOIN series s%s WHERE s.study = t.id%s",
               instance ? " CROSS JOIN instance i" : "", instance ? " AND i.series = s.id" : "");
}

static int put_conditions(struct search *s, struct sql *q, struct err *e) {
    const struct search_query *query = s->query;
    for (size_t k = 0; k < query->key_count; k++) {
        const struct attribute *a = attribute_find(query->keys[k].tag);
        struct slice value = query->keys[k].value;
        if (!a->face.matches || sql_universal(value)) {
            continue;
        }
        buf_put_str(&q->text, " AND ");
        bool lower = a->face.level > query->level;
        if (lower) {
            buf_put_str(&q->text, below(query->level, a->face.level));
        }
        int rc = sql_condition(q, a, value, query->fuzzy, e);
        if (rc != E_OK) {
            return rc;
        }
        buf_put_str(&q->text, lower ? ")" : "");
    }
    return E_OK;
}

static void put_order(const struct search *s, struct sql *q) {
    enum search_level level = s->query->level;
    buf_put_str(&q->text, " ORDER BY ");
    if (!s->narrowed[SEARCH_STUDY]) {
        bool by_name = s->by_name && !s->by_date && !s->query->fuzzy;
        buf_put_str(&q->text, by_name ? "t.patient_name_fold, t.id"
                                      : "t.study_date_key DESC, t.study_time_key DESC, t.id DESC");
    } else {
        buf_put_str(&q->text, "t.id");
    }
    if (level >= SEARCH_SERIES) {
        buf_put_str(&q->text, ", s.series_number_key, s.id");
    }
    if (level == SEARCH_INSTANCE) {
        buf_put_str(&q->text, ", i.instance_number_key, i.id");
    }
}

static uint64_t limit_of(const struct search_query *query) {
    uint64_t limit = query->limit == 0 ? SEARCH_LIMIT_DEFAULT : query->limit;
    return limit < SEARCH_LIMIT_MAX ? limit : SEARCH_LIMIT_MAX;
}

static int read_ids(struct search *s, struct db_stmt *stmt, uint64_t limit, bool *ret_more,
                    struct err *e) {
    s->ids = arena_array(&s->arena, limit, sizeof *s->ids);
    if (s->ids == NULL) {
        db_reset(stmt);
        return err_set(e, E_MEMORY, "search");
    }
    int rc;
    bool more = false;
    while ((rc = db_step(stmt, e)) == 1) {
        more = s->id_count == limit;
        if (more) {
            break;
        }
        s->ids[s->id_count++] = db_i64(stmt, 0);
    }
    if (rc == 1) {
        db_reset(stmt);
    }
    *ret_more = more;
    return rc < 0 ? rc : E_OK;
}

static int find_ids(struct search *s, struct db *db, bool *ret_more, struct err *e) {
    const struct level *level = &levels[s->query->level];
    struct sql q CLEANUP(cleanup_sql);
    sql_init(&q, &s->arena);
    note_keys(s);
    buf_printf(&q.text, "SELECT %s", level->id);
    put_from(s, &q.text);
    int rc = put_conditions(s, &q, e);
    if (rc != E_OK) {
        return rc;
    }
    put_order(s, &q);
    uint64_t limit = limit_of(s->query);
    buf_put_str(&q.text, " LIMIT ");
    sql_number(&q, (int64_t)limit + 1);
    buf_put_str(&q.text, " OFFSET ");
    sql_number(&q, s->query->offset > INT64_MAX ? INT64_MAX : (int64_t)s->query->offset);
    buf_put_byte(&q.text, '\0');
    struct db_stmt *stmt;
    rc = buf_check(&q.text, "search", e);
    if (rc != E_OK || (rc = db_prepare(db, (const char *)q.text.data, &stmt, e)) != E_OK) {
        return rc;
    }
    sql_bind(&q, stmt);
    return read_ids(s, stmt, limit, ret_more, e);
}

static bool is_asked(const struct search *s, const struct attribute *a) {
    for (size_t k = 0; k < s->query->key_count; k++) {
        if (s->query->keys[k].tag == a->face.tag) {
            return true;
        }
    }
    if (a->face.level > s->query->level || a->face.level == s->query->level) {
        return a->face.level == s->query->level && a->face.always;
    }
    return a->face.tag == levels[a->face.level].uid ||
           (a->face.always && !s->narrowed[a->face.level]);
}

static void choose_columns(struct search *s) {
    const struct attribute *a;
    for (size_t id = 0; (a = attribute_at(id)) != NULL && s->column_count < SEARCH_COLUMNS_MAX;
         id++) {
        if (is_asked(s, a)) {
            s->columns[s->column_count++] = a;
        }
    }
}

// The first value below that is not empty stands for an attribute of a lower level.
static void put_column(struct buf *out, enum search_level level, const struct attribute *a) {
    if (a->face.level <= level) {
        buf_put_str(out, a->expression);
        return;
    }
    bool instance = a->face.level == SEARCH_INSTANCE;
    const char *from =
        !instance ? "FROM series s WHERE s.study = t.id"
        : level == SEARCH_SERIES
            ? "FROM instance i WHERE i.series = s.id"
            : "FROM series s JOIN instance i ON i.series = s.id WHERE s.study = t.id";
    bool text = a->kind != ATTRIBUTE_COUNT && a->kind != ATTRIBUTE_CONSTANT;
    buf_printf(out, "(SELECT %s %s%s%s%s ORDER BY %s LIMIT 1)", a->expression, from,
               text ? " AND " : "", text ? a->expression : "", text ? " <> ''" : "",
               instance ? "i.id" : "s.id");
}

static void put_row_sql(const struct search *s, struct buf *out) {
    const struct level *level = &levels[s->query->level];
    buf_put_str(out, "SELECT ");
    for (size_t c = 0; c < s->column_count; c++) {
        buf_put_str(out, c > 0 ? ", " : "");
        put_column(out, s->query->level, s->columns[c]);
    }
    buf_printf(out, "%s WHERE %s = ?", level->from, level->id);
    buf_put_byte(out, '\0');
}

static bool is_zero_image(const struct attribute *a, struct slice text) {
    return a->kind == ATTRIBUTE_COUNT && a->face.level == SEARCH_INSTANCE &&
           slice_eq_str(text, "0");
}

static int give_row(struct search *s, struct db_stmt *stmt, int64_t id,
                    int (*row)(const struct search_row *row, void *context), void *context,
                    struct err *e) {
    db_bind_i64(stmt, 1, id);
    int rc = db_step(stmt, e);
    if (rc != 1) {
        return rc; // 0: deleted since the page was found
    }
    struct search_value values[SEARCH_COLUMNS_MAX];
    for (size_t c = 0; c < s->column_count; c++) {
        struct slice text = db_text(stmt, (int)c);
        values[c].attribute = &s->columns[c]->face;
        values[c].text = is_zero_image(s->columns[c], text) ? slice_str("") : text;
    }
    struct search_row out = {values, s->column_count};
    rc = row(&out, context);
    db_reset(stmt);
    return rc;
}

static int give_rows(struct search *s, struct db *db,
                     int (*row)(const struct search_row *row, void *context), void *context,
                     struct err *e) {
    struct buf sql CLEANUP(cleanup_buf);
    buf_init(&sql, SQL_TEXT_MAX);
    put_row_sql(s, &sql);
    int rc = buf_check(&sql, "search", e);
    for (size_t i = 0; rc == E_OK && i < s->id_count; i++) {
        struct db_stmt *stmt;
        rc = db_prepare(db, (const char *)sql.data, &stmt, e);
        if (rc == E_OK) {
            rc = give_row(s, stmt, s->ids[i], row, context, e);
        }
    }
    return rc;
}

static int check_keys(const struct search_query *query, struct err *e) {
    if (query->key_count > SEARCH_KEYS_MAX) {
        return err_set(e, E_ARGUMENT, "more than %d keys", SEARCH_KEYS_MAX);
    }
    for (size_t k = 0; k < query->key_count; k++) {
        if (attribute_find(query->keys[k].tag) == NULL) {
            char tag[DCM_TAG_TEXT_LEN + 1];
            err_set(e, E_UNSUPPORTED, "the catalogue does not keep this attribute");
            return err_in(e, dcm_tag_text(query->keys[k].tag, tag));
        }
    }
    return E_OK;
}

int search_run(struct db *db, const struct search_query *query,
               int (*row)(const struct search_row *row, void *context), void *context,
               bool *ret_more, struct err *e) {
    struct search s CLEANUP(cleanup_search) = {.query = query};
    arena_init(&s.arena, SEARCH_MEMORY_MAX);
    bool more = false;
    int rc = check_keys(query, e);
    if (rc == E_OK) {
        rc = find_ids(&s, db, &more, e);
    }
    if (rc == E_OK) {
        choose_columns(&s);
        rc = give_rows(&s, db, row, context, e);
    }
    if (rc == E_OK && ret_more != NULL) {
        *ret_more = more;
    }
    return rc;
}
