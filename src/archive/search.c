// SPDX-License-Identifier: Apache-2.0
// Searching in two steps: the page's row numbers, where indexes suffice and the offset is skipped
// without reading rows; then each row of the page by number.
#include "archive/search.h"

#include "archive/attributes.h"
#include "archive/search_sql.h"
#include "archive/search_view.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/hash.h"
#include "db/db.h"
#include "dicom/tags.h"

#define SEARCH_MEMORY_MAX ((size_t)32 << 20)
#define SEARCH_COLUMNS_MAX 128

struct search {
    struct arena arena;
    const struct search_query *query;
    bool narrowed[3]; // a UID of this level was given
    bool by_name;     // a name that an index can find
    bool by_date;
    const struct attribute *columns[SEARCH_COLUMNS_MAX];
    size_t column_count;
    struct search_view view;
    struct buf ids; // of int64_t
    bool by_row;    // patients of a view are told apart row by row
};

static void search_init(struct search *s, const struct search_query *query, uint64_t ids_max) {
    *s = (struct search){.query = query};
    arena_init(&s->arena, SEARCH_MEMORY_MAX);
    buf_init(&s->ids, (ids_max + 1) * sizeof(int64_t));
    s->by_row = query->patients && query->view != NULL;
}

static void cleanup_search(struct search *s) {
    buf_done(&s->ids);
    arena_done(&s->arena);
}

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

// Dates and their times, for queries that take them together.
static dcm_tag time_of(dcm_tag date) {
    static const dcm_tag pairs[][2] = {
        {DCM_StudyDate, DCM_StudyTime},
        {DCM_SeriesDate, DCM_SeriesTime},
        {DCM_PatientBirthDate, DCM_PatientBirthTime},
        {DCM_PerformedProcedureStepStartDate, DCM_PerformedProcedureStepStartTime},
        {DCM_InstanceCreationDate, DCM_InstanceCreationTime},
        {DCM_ContentDate, DCM_ContentTime},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i][0] == date) {
            return pairs[i][1];
        }
    }
    return 0;
}

static bool is_range(const struct search *s, const struct search_key *key) {
    return slice_find(key->value, '-') < key->value.len &&
           search_view_key(&s->view, key->tag) == SEARCH_KEY_STORED;
}

// The other half of a date that is asked together with its time; NULL: it stands alone.
static const struct search_key *partner(const struct search *s, const struct search_key *key) {
    const struct search_query *query = s->query;
    for (size_t k = 0; query->combined && k < query->key_count; k++) {
        const struct search_key *other = &query->keys[k];
        bool pair = time_of(key->tag) == other->tag || time_of(other->tag) == key->tag;
        if (other != key && pair && is_range(s, key) && is_range(s, other)) {
            return other;
        }
    }
    return NULL;
}

static int put_condition(struct search *s, struct sql *q, const struct search_key *key,
                         const struct search_key *time, struct err *e) {
    const struct attribute *a = attribute_find(key->tag);
    enum search_view_key seen = search_view_key(&s->view, key->tag);
    bool lower = a->face.level > s->query->level;
    if (seen == SEARCH_KEY_SETTLED) {
        return E_OK;
    }
    buf_put_str(&q->text, " AND (");
    if (seen == SEARCH_KEY_SOME) {
        search_view_exempt(&s->view, key->tag, q);
    }
    buf_put_str(&q->text, lower ? below(s->query->level, a->face.level) : "");
    int rc = time == NULL
                 ? sql_condition(q, a, key->value, s->query->fuzzy, e)
                 : sql_combined(q, a, key->value, attribute_find(time->tag), time->value, e);
    buf_put_str(&q->text, lower ? "))" : ")");
    return rc;
}

static int put_conditions(struct search *s, struct sql *q, struct err *e) {
    const struct search_query *query = s->query;
    int rc = E_OK;
    for (size_t k = 0; rc == E_OK && k < query->key_count; k++) {
        const struct search_key *key = &query->keys[k];
        if (!attribute_find(key->tag)->face.matches || sql_universal(key->value)) {
            continue;
        }
        const struct search_key *other = partner(s, key);
        if (other == NULL || time_of(key->tag) == other->tag) {
            rc = put_condition(s, q, key, other, e);
        }
    }
    search_view_studies(&s->view, q);
    return rc;
}

// A replaced attribute must not be told by the order of the answers.
static void put_study_order(const struct search *s, struct sql *q) {
    bool by_name = s->by_name && !s->by_date && !s->query->fuzzy;
    bool group = s->query->patients && !s->by_row;
    bool hidden = by_name ? search_view_hides(&s->view, DCM_PatientName)
                          : search_view_hides(&s->view, DCM_StudyDate) ||
                                search_view_hides(&s->view, DCM_StudyTime);
    if (s->narrowed[SEARCH_STUDY] || hidden) {
        buf_put_str(&q->text, group ? "max(t.id)" : "t.id");
    } else if (by_name) {
        buf_put_str(&q->text,
                    group ? "min(t.patient_name_fold), max(t.id)" : "t.patient_name_fold, t.id");
    } else {
        buf_put_str(&q->text, group ? "max(t.study_date_key) DESC, max(t.id) DESC"
                                    : "t.study_date_key DESC, t.study_time_key DESC, t.id DESC");
    }
}

static void put_order(const struct search *s, struct sql *q) {
    enum search_level level = s->query->level;
    buf_put_str(&q->text,
                s->query->patients && !s->by_row ? " GROUP BY t.patient ORDER BY " : " ORDER BY ");
    put_study_order(s, q);
    if (level >= SEARCH_SERIES) {
        buf_put_str(&q->text, ", s.series_number_key, s.id");
    }
    if (level == SEARCH_INSTANCE) {
        buf_put_str(&q->text, ", i.instance_number_key, i.id");
    }
}

static uint64_t limit_of(const struct search_query *query) {
    uint64_t limit = query->limit == 0 ? SEARCH_LIMIT_DEFAULT : query->limit;
    return limit < SEARCH_ROWS_MAX ? limit : SEARCH_ROWS_MAX;
}

static int read_ids(struct search *s, struct db_stmt *stmt, uint64_t limit, bool *ret_more,
                    struct err *e) {
    int rc;
    bool more = false;
    uint64_t count = 0;
    while ((rc = db_step(stmt, e)) == 1) {
        more = count++ == limit;
        if (more || s->ids.failed) {
            break;
        }
        int64_t id = db_i64(stmt, 0);
        buf_put(&s->ids, &id, sizeof id);
    }
    if (rc == 1) {
        db_reset(stmt);
    }
    *ret_more = more;
    return rc < 0 ? rc : buf_check(&s->ids, "row numbers of a search", e);
}

static int find_ids(struct search *s, struct db *db, uint64_t offset, uint64_t limit,
                    bool *ret_more, struct err *e) {
    const struct level *level = &levels[s->query->level];
    struct sql q CLEANUP(cleanup_sql);
    sql_init(&q, &s->arena);
    note_keys(s);
    int rc = search_view_open(&s->view, db, s->query, &s->arena, e);
    buf_printf(&q.text, s->query->patients && !s->by_row ? "SELECT max(%s)" : "SELECT %s",
               level->id);
    put_from(s, &q.text);
    rc = rc == E_OK ? put_conditions(s, &q, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    put_order(s, &q);
    buf_put_str(&q.text, " LIMIT ");
    sql_number(&q, (int64_t)limit + 1);
    buf_put_str(&q.text, " OFFSET ");
    sql_number(&q, offset > INT64_MAX ? INT64_MAX : (int64_t)offset);
    buf_put_byte(&q.text, '\0');
    struct db_stmt *stmt;
    rc = buf_check(&q.text, "search", e);
    if (rc != E_OK || (rc = db_prepare(db, (const char *)q.text.data, &stmt, e)) != E_OK) {
        return rc;
    }
    sql_bind(&q, stmt);
    return read_ids(s, stmt, limit, ret_more, e);
}

static bool is_identity(dcm_tag tag) {
    return tag == DCM_PatientID || tag == DCM_IssuerOfPatientID || tag == DCM_PatientName ||
           tag == DCM_PatientBirthDate;
}

static bool is_asked(const struct search *s, const struct attribute *a) {
    for (size_t k = 0; k < s->query->key_count; k++) {
        if (s->query->keys[k].tag == a->face.tag) {
            return true;
        }
    }
    bool always = a->face.always && !s->query->asked_only;
    if (a->face.level <= s->query->level && a->face.tag == levels[a->face.level].uid) {
        return true;
    }
    if (s->by_row && is_identity(a->face.tag)) {
        return true;
    }
    return a->face.level == s->query->level
               ? always
               : a->face.level < s->query->level && always && !s->narrowed[a->face.level];
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

// --- patients of a view: who they are is what the view says

struct patients {
    struct hash *met; // open addressing; all zero: free
    size_t cap;       // a power of two, more than twice the rows
    uint64_t skip, left;
    bool more;
};

static struct slice value_of(const struct search_row *row, dcm_tag tag) {
    for (size_t i = 0; i < row->count; i++) {
        if (row->values[i].attribute->tag == tag) {
            return row->values[i].text;
        }
    }
    return slice_str("");
}

// As the catalogue does it (register.c): by PatientID and issuer, else by name and birth date.
static struct hash identity_of(const struct search_row *row) {
    bool by_id = value_of(row, DCM_PatientID).len > 0;
    struct slice parts[2] = {value_of(row, by_id ? DCM_PatientID : DCM_PatientName),
                             value_of(row, by_id ? DCM_IssuerOfPatientID : DCM_PatientBirthDate)};
    struct buf text CLEANUP(cleanup_buf);
    buf_init(&text, 4 * SEARCH_VALUE_MAX);
    buf_put_byte(&text, by_id);
    buf_put_slice(&text, parts[0]);
    buf_put_byte(&text, 0);
    buf_put_slice(&text, parts[1]);
    return hash_of(buf_slice(&text));
}

static bool is_new(struct patients *p, const struct hash *who) {
    static const struct hash none = {{0}};
    size_t at = 0;
    memcpy(&at, who->bytes, sizeof at);
    for (at &= p->cap - 1; !hash_eq(&p->met[at], &none); at = (at + 1) & (p->cap - 1)) {
        if (hash_eq(&p->met[at], who)) {
            return false;
        }
    }
    p->met[at] = *who;
    return true;
}

static bool is_next(struct patients *p, const struct search_row *row) {
    struct hash who = identity_of(row);
    if (p->more || !is_new(p, &who)) {
        return false;
    }
    if (p->skip > 0) {
        p->skip--;
        return false;
    }
    p->more = p->left == 0;
    p->left -= p->more ? 0 : 1;
    return !p->more;
}

static int patients_open(struct search *s, struct patients *p, struct err *e) {
    size_t count = s->ids.len / sizeof(int64_t);
    p->skip = s->query->offset;
    p->left = limit_of(s->query);
    for (p->cap = 16; p->cap < 3 * count;) {
        p->cap *= 2;
    }
    p->met = arena_array(&s->arena, p->cap, sizeof *p->met);
    return p->met == NULL ? err_set(e, E_MEMORY, "search of patients") : E_OK;
}

// --- rows

struct giving {
    int (*row)(const struct search_row *row, void *context);
    void *context;
    struct patients *patients; // NULL: every row is given
};

static int give_row(struct search *s, struct db_stmt *stmt, int64_t id, const struct giving *to,
                    struct err *e) {
    db_bind_i64(stmt, 1, id);
    int rc = db_step(stmt, e);
    if (rc != 1) {
        return rc; // 0: deleted since the page was found
    }
    struct search_value values[SEARCH_COLUMNS_MAX];
    struct search_row out = {values, s->column_count};
    for (size_t c = 0; c < s->column_count; c++) {
        struct slice text = db_text(stmt, (int)c);
        values[c].attribute = &s->columns[c]->face;
        values[c].text = is_zero_image(s->columns[c], text) ? slice_str("") : text;
    }
    search_view_row(&s->view, value_of(&out, DCM_StudyInstanceUID), values, s->column_count);
    if (to->patients == NULL || is_next(to->patients, &out)) {
        rc = to->row(&out, to->context);
    } else {
        rc = E_OK;
    }
    db_reset(stmt);
    return rc;
}

static int give_rows(struct search *s, struct db *db, const struct giving *to, struct err *e) {
    struct buf sql CLEANUP(cleanup_buf);
    buf_init(&sql, SQL_TEXT_MAX);
    put_row_sql(s, &sql);
    int rc = buf_check(&sql, "search", e);
    for (size_t at = 0; rc == E_OK && at < s->ids.len; at += sizeof(int64_t)) {
        struct db_stmt *stmt;
        int64_t id;
        memcpy(&id, s->ids.data + at, sizeof id);
        rc = db_prepare(db, (const char *)sql.data, &stmt, e);
        if (rc == E_OK) {
            rc = give_row(s, stmt, id, to, e);
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
    struct search s CLEANUP(cleanup_search);
    struct patients patients = {0};
    bool more = false;
    search_init(&s, query, SEARCH_ROWS_MAX);
    int rc = check_keys(query, e);
    if (rc == E_OK) {
        rc = find_ids(&s, db, s.by_row ? 0 : query->offset,
                      s.by_row ? SEARCH_ROWS_MAX : limit_of(query), &more, e);
    }
    if (rc == E_OK && s.by_row) {
        rc = patients_open(&s, &patients, e);
    }
    if (rc == E_OK) {
        const struct giving to = {row, context, s.by_row ? &patients : NULL};
        choose_columns(&s);
        rc = give_rows(&s, db, &to, e);
    }
    if (rc == E_OK && ret_more != NULL) {
        *ret_more = more || patients.more;
    }
    return rc;
}

int search_ids(struct db *db, const struct search_query *query, struct arena *a,
               const int64_t **ret_ids, size_t *ret_count, struct err *e) {
    struct search s CLEANUP(cleanup_search);
    uint64_t limit = query->limit == 0 ? SEARCH_IDS_MAX : query->limit;
    bool more = false;
    search_init(&s, query, SEARCH_IDS_MAX);
    int rc = check_keys(query, e);
    rc = rc == E_OK ? find_ids(&s, db, query->offset,
                               limit < SEARCH_IDS_MAX ? limit : SEARCH_IDS_MAX, &more, e)
                    : rc;
    if (rc == E_OK && more && query->limit == 0) {
        rc = err_set(e, E_LIMIT, "more than %u instances at once", SEARCH_IDS_MAX);
    }
    struct slice ids = {0};
    if (rc == E_OK) {
        ids = arena_copy(a, buf_slice(&s.ids));
        rc = ids.ptr == NULL ? err_set(e, E_LIMIT, "row numbers of a search") : E_OK;
    }
    if (rc == E_OK) {
        *ret_ids = (const int64_t *)(const void *)ids.ptr;
        *ret_count = ids.len / sizeof(int64_t);
    }
    return rc;
}
