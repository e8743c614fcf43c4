// SPDX-License-Identifier: Apache-2.0
// Matching of PS3.4 C.2.2.2 as SQL conditions: single value, list of UID, wildcard, range, empty
// value, several values; person names by component group, fuzzily by word.
#include "archive/search_sql.h"

#include "archive/catalogue.h"
#include "archive/keys.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "db/db.h"
#include "dicom/datetime.h"
#include "dicom/tags.h"

// What sorts behind every text that begins with a prefix: U+10FFFF.
#define AFTER_ALL "\xF4\x8F\xBF\xBF"
#define ESCAPE '!'

void sql_init(struct sql *q, struct arena *a) {
    buf_init(&q->text, SQL_TEXT_MAX);
    buf_init(&q->params, SQL_TEXT_MAX);
    q->arena = a;
}

void sql_done(struct sql *q) {
    buf_done(&q->text);
    buf_done(&q->params);
}

void sql_number(struct sql *q, int64_t value) {
    struct sql_param p = {.number = value};
    buf_put_str(&q->text, "?");
    buf_put(&q->params, &p, sizeof p);
}

void sql_text(struct sql *q, struct slice value) {
    struct sql_param p = {.text = value};
    if (p.text.ptr == NULL) {
        p.text.ptr = (const uint8_t *)"";
    }
    buf_put_str(&q->text, "?");
    buf_put(&q->params, &p, sizeof p);
}

void sql_bind(const struct sql *q, struct db_stmt *s) {
    for (size_t i = 0; i < q->params.len / sizeof(struct sql_param); i++) {
        struct sql_param p;
        memcpy(&p, q->params.data + i * sizeof p, sizeof p);
        if (p.text.ptr == NULL) {
            db_bind_i64(s, (int)i + 1, p.number);
        } else {
            db_bind_text(s, (int)i + 1, p.text);
        }
    }
}

static void put(struct sql *q, const char *text) { buf_put_str(&q->text, text); }

// Keeps what `out` holds in the arena; an empty text when memory is short (and the query fails).
static struct slice keep(struct sql *q, struct buf *out) {
    struct slice copy = arena_copy(q->arena, buf_slice(out));
    if (copy.ptr == NULL || out->failed) {
        q->text.failed = true;
        copy = slice_str("");
    }
    return copy;
}

bool sql_universal(struct slice value) {
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] != '*' && value.ptr[i] != ' ') {
            return false;
        }
    }
    return true;
}

static size_t find_wildcard(struct slice v) {
    size_t at = 0;
    while (at < v.len && v.ptr[at] != '*' && v.ptr[at] != '?') {
        at++;
    }
    return at;
}

// `v` as the body of a LIKE pattern: * and ? become % and _, runs of * one.
static void put_pattern(struct buf *out, struct slice v, bool wildcards) {
    uint8_t last = 0;
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.ptr[i];
        if (wildcards && c == '*') {
            if (last != '*') {
                buf_put_byte(out, '%');
            }
        } else if (wildcards && c == '?') {
            buf_put_byte(out, '_');
        } else {
            if (c == '%' || c == '_' || c == ESCAPE) {
                buf_put_byte(out, ESCAPE);
            }
            buf_put_byte(out, c);
        }
        last = c;
    }
}

// An alternative's text between `before` and `behind`, as a LIKE pattern.
static struct slice pattern(struct sql *q, const char *before, struct slice v, const char *behind) {
    struct buf out CLEANUP(cleanup_buf);
    buf_init(&out, 4 * SEARCH_VALUE_MAX);
    buf_put_str(&out, before);
    put_pattern(&out, v, true);
    buf_put_str(&out, behind);
    return keep(q, &out);
}

static void put_like(struct sql *q, const char *column, struct slice like) {
    buf_printf(&q->text, "%s LIKE ", column);
    sql_text(q, like);
    put(q, " ESCAPE '!'");
}

// column within [prefix, everything that begins with it]: what an index can do.
static void put_prefix(struct sql *q, const char *column, struct slice prefix) {
    struct buf out CLEANUP(cleanup_buf);
    buf_init(&out, 4 * SEARCH_VALUE_MAX);
    buf_put_slice(&out, prefix);
    buf_put_str(&out, AFTER_ALL);
    buf_printf(&q->text, "(%s >= ", column);
    sql_text(q, prefix);
    buf_printf(&q->text, " AND %s < ", column);
    sql_text(q, keep(q, &out));
    put(q, ")");
}

static void match_text(struct sql *q, const char *column, struct slice v) {
    size_t wild = find_wildcard(v);
    if (wild == v.len) {
        buf_printf(&q->text, "%s = ", column);
        sql_text(q, v);
        return;
    }
    if (slice_eq_str(v, "*")) {
        put(q, "1 = 1");
    }
    if (wild > 0) {
        put_prefix(q, column, slice_first(v, wild));
    }
    if (wild + 1 < v.len || v.ptr[wild] == '?') {
        put(q, wild > 0 ? " AND " : "");
        put_like(q, column, pattern(q, "", v, ""));
    }
}

static bool is_ascii(struct slice v) {
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

// A name's alphabetic group, which comes first, by the index; any group otherwise.
static void match_name(struct sql *q, const char *column, struct slice v) {
    if (!is_ascii(v)) {
        char groups[128];
        (void)snprintf(groups, sizeof groups, "('=' || %s || '=')", column);
        put_like(q, groups, pattern(q, "%=", v, "=%"));
        return;
    }
    size_t wild = find_wildcard(v);
    if (wild > 0) {
        put_prefix(q, column, slice_first(v, wild));
        if (wild + 1 == v.len && v.ptr[wild] == '*') {
            return;
        }
        put(q, " AND ");
    }
    put(q, "(");
    put_like(q, column, pattern(q, "", v, ""));
    put(q, " OR ");
    put_like(q, column, pattern(q, "", v, "=%"));
    put(q, ")");
}

// A modality is one of the catalogue's facets, which are found by study without reading its row.
static void match_modality(struct sql *q, struct slice v) {
    put(q, "EXISTS (SELECT 1 FROM study_facet f WHERE f.kind = ");
    sql_number(q, CATALOGUE_MODALITY);
    put(q, " AND f.value = ");
    sql_text(q, v);
    put(q, " AND f.study = t.id)");
}

static void match_list(struct sql *q, const char *column, struct slice v) {
    char listed[160];
    (void)snprintf(listed, sizeof listed, "('\\' || %s || '\\')", column);
    put_like(q, listed, pattern(q, "%\\", v, "\\%"));
}

// Every word of the key begins a word of the name.
static void match_fuzzy(struct sql *q, const char *column, struct slice v) {
    static const char *const starts[] = {"", "%^", "% ", "%=", "%-", "%\\"};
    put(q, "(1 = 1");
    for (size_t at = 0; at < v.len;) {
        size_t len = 0;
        while (at + len < v.len && strchr("^ =*?,", v.ptr[at + len]) == NULL) {
            len++;
        }
        struct slice word = slice_of(v.ptr + at, len);
        for (size_t i = 0; len > 0 && i < sizeof starts / sizeof starts[0]; i++) {
            put(q, i == 0 ? " AND (" : " OR ");
            put_like(q, column, pattern(q, starts[i], word, "%"));
        }
        put(q, len > 0 ? ")" : "");
        at += len + 1;
    }
    put(q, ")");
}

static struct slice folded(struct sql *q, const struct attribute *a, struct slice v) {
    struct buf out CLEANUP(cleanup_buf);
    buf_init(&out, 4 * SEARCH_VALUE_MAX);
    if (a->kind == ATTRIBUTE_NAME) {
        key_name(&out, v);
    } else {
        key_fold(&out, v);
    }
    return keep(q, &out);
}

static void match_alternative(struct sql *q, const struct attribute *a, const char *column,
                              struct slice v, bool fuzzy) {
    if (slice_eq_str(v, "\"\"")) {
        buf_printf(&q->text, "%s = ''", column);
    } else if (a->kind == ATTRIBUTE_NAME) {
        v = folded(q, a, v);
        if (fuzzy) {
            match_fuzzy(q, column, v);
        } else {
            match_name(q, column, v);
        }
    } else if (a->face.tag == DCM_ModalitiesInStudy && find_wildcard(v) == v.len) {
        match_modality(q, v);
    } else if (a->kind == ATTRIBUTE_LIST) {
        match_list(q, column, v);
    } else {
        match_text(q, column, a->kind == ATTRIBUTE_FOLD ? folded(q, a, v) : v);
    }
}

static int too_many(const struct attribute *a, int most, struct err *e) {
    char tag[DCM_TAG_TEXT_LEN + 1];
    err_set(e, E_ARGUMENT, "more than %d values in one key", most);
    return err_in(e, dcm_tag_text(a->face.tag, tag));
}

static int texts(struct sql *q, const struct attribute *a, struct slice value, bool fuzzy,
                 struct err *e) {
    char column[96];
    bool fold = a->kind == ATTRIBUTE_FOLD || a->kind == ATTRIBUTE_NAME;
    (void)snprintf(column, sizeof column, "%s%s", a->expression, fold ? "_fold" : "");
    bool splits = dcm_vr_splits(a->face.vr);
    struct slice rest = value;
    struct slice v = value;
    int count = 0;
    put(q, "(");
    while (splits ? slice_split(&rest, '\\', &v) : count == 0) {
        v = slice_trim(v, " ");
        put(q, count > 0 ? " OR " : "");
        put(q, v.len == 0 ? "1 = 0" : "(");
        if (v.len > 0) {
            match_alternative(q, a, column, v, fuzzy);
            put(q, ")");
        }
        if (++count > SEARCH_ALTERNATIVES_MAX) {
            return too_many(a, SEARCH_ALTERNATIVES_MAX, e);
        }
    }
    put(q, ")");
    return E_OK;
}

static int uids(struct sql *q, const struct attribute *a, struct slice value, struct err *e) {
    struct slice rest = value;
    struct slice uid;
    int count = 0;
    buf_printf(&q->text, "%s IN (", a->expression);
    while (slice_split(&rest, '\\', &uid)) {
        put(q, count > 0 ? ", " : "");
        sql_text(q, slice_trim(uid, " "));
        if (++count > SEARCH_UIDS_MAX) {
            return too_many(a, SEARCH_UIDS_MAX, e);
        }
    }
    put(q, ")");
    return E_OK;
}

static int bad_value(const struct attribute *a, struct err *e) {
    char tag[DCM_TAG_TEXT_LEN + 1];
    e->code = E_ARGUMENT;
    return err_in(e, dcm_tag_text(a->face.tag, tag));
}

static int64_t date_key(const struct dcm_datetime *d) {
    return (int64_t)d->year * 10000 + d->month * 100 + d->day;
}

// yyyymmdd whose day its month may not have ("20230201-20230231" is what people and programs send
// for a month); 0 when it is not of that form.
static int64_t plain_date(struct slice text) {
    int64_t date;
    bool form = text.len == 8 && num_parse_i64(text, 1, 99991231, &date);
    return form && date / 100 % 100 >= 1 && date / 100 % 100 <= 12 && date % 100 >= 1 &&
                   date % 100 <= 31
               ? date
               : 0;
}

// "a-b", "a-", "-b" or "a" of such dates.
static bool plain_range(struct slice text, int64_t *ret_from, int64_t *ret_to) {
    size_t hyphen = slice_find(text, '-');
    struct slice first = slice_first(text, hyphen);
    struct slice last = hyphen < text.len ? slice_from(text, hyphen + 1) : first;
    int64_t from = first.len == 0 ? 1 : plain_date(first);
    int64_t to = last.len == 0 ? INT64_MAX : plain_date(last);
    if (from == 0 || to == 0 || from > to || (first.len == 0 && last.len == 0)) {
        return false;
    }
    *ret_from = from;
    *ret_to = to;
    return true;
}

static void put_range(struct sql *q, const struct attribute *a, int64_t from, int64_t to) {
    buf_printf(&q->text, "(%s_key >= ", a->expression);
    sql_number(q, from);
    buf_printf(&q->text, " AND %s_key <= ", a->expression);
    sql_number(q, to);
    put(q, ")");
}

// Ends included, as numbers of the attribute's key column.
static int range_of(const struct attribute *a, struct slice value, int64_t *ret_from,
                    int64_t *ret_to, struct err *e) {
    bool date = a->kind == ATTRIBUTE_DATE;
    struct dcm_datetime_range r;
    int64_t from = date ? 1 : 0;
    int64_t to = INT64_MAX;
    struct slice text = slice_trim(value, " ");
    if (date && plain_range(text, ret_from, ret_to)) {
        return E_OK;
    }
    if (dcm_range_parse(a->face.vr, text, &r, e) != E_OK) {
        return bad_value(a, e);
    }
    if (r.has_from) {
        from = date ? date_key(&r.from) : dcm_datetime_first_usec(a->face.vr, &r.from, 0);
    }
    if (r.has_to) {
        to = date ? date_key(&r.to) : dcm_datetime_last_usec(a->face.vr, &r.to, 0);
    }
    *ret_from = from;
    *ret_to = to;
    return E_OK;
}

static int ranges(struct sql *q, const struct attribute *a, struct slice value, struct err *e) {
    int64_t from;
    int64_t to;
    int rc = range_of(a, value, &from, &to, e);
    if (rc == E_OK) {
        put_range(q, a, from, to);
    }
    return rc;
}

static void put_bound(struct sql *q, const struct attribute *date, const char *order, int64_t day,
                      const struct attribute *time, int64_t usecs) {
    buf_printf(&q->text, " AND (%s_key %s ", date->expression, order);
    sql_number(q, day);
    buf_printf(&q->text, " OR %s_key %s= ", time->expression, order);
    sql_number(q, usecs);
    put(q, ")");
}

// The times bound the first and the last day only. A range of times from a later to an earlier one
// is then none of its VR, but a proper end for a range of days.
int sql_combined(struct sql *q, const struct attribute *date, struct slice date_value,
                 const struct attribute *time, struct slice time_value, struct err *e) {
    struct slice text = slice_trim(time_value, " ");
    size_t hyphen = slice_find(text, '-');
    struct slice first = slice_first(text, hyphen);
    struct slice last = slice_from(text, hyphen + 1);
    int64_t from;
    int64_t to;
    int64_t begin = -1; // no time at all
    int64_t end = INT64_MAX;
    int64_t ignored;
    int rc = range_of(date, date_value, &from, &to, e);
    if (rc == E_OK && first.len > 0) {
        rc = range_of(time, first, &begin, &ignored, e);
    }
    if (rc == E_OK && last.len > 0) {
        rc = range_of(time, last, &ignored, &end, e);
    }
    if (rc != E_OK) {
        return rc;
    }
    put(q, "(");
    put_range(q, date, from, to);
    put_bound(q, date, ">", from, time, begin);
    put_bound(q, date, "<", to, time, end);
    put(q, ")");
    return E_OK;
}

static int numbers(struct sql *q, const struct attribute *a, struct slice value, struct err *e) {
    struct slice rest = value;
    struct slice v;
    int count = 0;
    bool key = a->kind == ATTRIBUTE_NUMBER;
    buf_printf(&q->text, "%s%s IN (", a->expression, key ? "_key" : "");
    while (slice_split(&rest, '\\', &v)) {
        int64_t number;
        if (!num_parse_i64(slice_trim(v, " "), INT32_MIN, INT32_MAX, &number)) {
            err_set(e, E_ARGUMENT, "not a whole number");
            return bad_value(a, e);
        }
        put(q, count > 0 ? ", " : "");
        sql_number(q, number);
        if (++count > SEARCH_ALTERNATIVES_MAX) {
            return too_many(a, SEARCH_ALTERNATIVES_MAX, e);
        }
    }
    put(q, ")");
    return E_OK;
}

int sql_condition(struct sql *q, const struct attribute *a, struct slice value, bool fuzzy,
                  struct err *e) {
    if (value.len > SEARCH_VALUE_MAX && a->kind != ATTRIBUTE_UID) {
        err_set(e, E_ARGUMENT, "a key of more than %d bytes", SEARCH_VALUE_MAX);
        return bad_value(a, e);
    }
    switch (a->kind) {
    case ATTRIBUTE_UID:
        return uids(q, a, value, e);
    case ATTRIBUTE_DATE:
    case ATTRIBUTE_TIME:
        if (!slice_eq_str(value, "\"\"")) {
            return ranges(q, a, value, e);
        }
        buf_printf(&q->text, "%s = ''", a->expression);
        return E_OK;
    case ATTRIBUTE_NUMBER:
    case ATTRIBUTE_COUNT:
        return numbers(q, a, value, e);
    case ATTRIBUTE_CONSTANT:
        put(q, "1 = 1");
        return E_OK;
    case ATTRIBUTE_EXACT:
    case ATTRIBUTE_LIST:
    case ATTRIBUTE_FOLD:
    case ATTRIBUTE_NAME:
        break;
    }
    return texts(q, a, value, fuzzy, e);
}
