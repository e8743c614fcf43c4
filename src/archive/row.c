// SPDX-License-Identifier: Apache-2.0
#include "archive/row.h"

#include "archive/keys.h"
#include "archive/record.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "db/db.h"

#define ROW_SQL_MAX ((size_t)8192)

const char *row_key_suffix(enum attribute_kind kind) {
    switch (kind) {
    case ATTRIBUTE_FOLD:
    case ATTRIBUTE_NAME:
        return "_fold";
    case ATTRIBUTE_DATE:
    case ATTRIBUTE_TIME:
    case ATTRIBUTE_NUMBER:
        return "_key";
    case ATTRIBUTE_EXACT:
    case ATTRIBUTE_LIST:
    case ATTRIBUTE_UID:
    case ATTRIBUTE_COUNT:
    case ATTRIBUTE_CONSTANT:
        break;
    }
    return NULL;
}

// "INSERT INTO table (first…, columns…) VALUES (?, …)" for the attributes of one level.
static void put_insert(struct buf *out, const char *table, enum search_level level,
                       const char *first, int first_count) {
    int count = first_count;
    buf_printf(out, "INSERT INTO %s (%s", table, first);
    for (size_t id = 0; id < ATTRIBUTE_EXTRACTED; id++) {
        const struct attribute *a = attribute_at(id);
        if (a->face.level == level) {
            const char *suffix = row_key_suffix(a->kind);
            buf_printf(out, ", %s", a->column);
            count++;
            if (suffix != NULL) {
                buf_printf(out, ", %s%s", a->column, suffix);
                count++;
            }
        }
    }
    buf_put_str(out, ") VALUES (?");
    for (int i = 1; i < count; i++) {
        buf_put_str(out, ", ?");
    }
    buf_put_str(out, ")");
    buf_put_byte(out, '\0');
}

static struct slice fold(struct arena *a, enum attribute_kind kind, struct slice text) {
    struct buf out CLEANUP(cleanup_buf);
    buf_init(&out, 4 * ATTRIBUTE_TEXT_MAX);
    if (kind == ATTRIBUTE_NAME) {
        key_name(&out, text);
    } else {
        key_fold(&out, text);
    }
    struct slice copy = arena_copy(a, buf_slice(&out));
    return copy.ptr == NULL ? slice_str("") : copy;
}

static void bind_key(struct arena *a, struct db_stmt *s, int at, enum attribute_kind kind,
                     struct slice text) {
    switch (kind) {
    case ATTRIBUTE_DATE:
        db_bind_i64(s, at, key_date(text));
        break;
    case ATTRIBUTE_TIME:
        db_bind_i64(s, at, key_time(text));
        break;
    case ATTRIBUTE_NUMBER:
        db_bind_i64(s, at, key_number(text));
        break;
    case ATTRIBUTE_FOLD:
    case ATTRIBUTE_NAME:
    case ATTRIBUTE_EXACT:
    case ATTRIBUTE_LIST:
    case ATTRIBUTE_UID:
    case ATTRIBUTE_COUNT:
    case ATTRIBUTE_CONSTANT:
        db_bind_text(s, at, fold(a, kind, text));
        break;
    }
}

int row_bind_value(struct arena *a, struct db_stmt *s, int at, enum attribute_kind kind,
                   struct slice text) {
    text = text.len == 0 ? slice_str("") : text;
    db_bind_text(s, at++, text);
    if (row_key_suffix(kind) != NULL) {
        bind_key(a, s, at++, kind, text);
    }
    return at;
}

void row_bind(struct arena *a, struct db_stmt *s, int at, enum search_level level,
              const struct record *r) {
    for (size_t id = 0; id < ATTRIBUTE_EXTRACTED; id++) {
        const struct attribute *attribute = attribute_at(id);
        if (attribute->face.level == level) {
            at = row_bind_value(a, s, at, attribute->kind, r->texts[id]);
        }
    }
}

int row_prepare_insert(struct db *db, const char *table, enum search_level level, const char *first,
                       int first_count, struct db_stmt **ret_stmt, struct err *e) {
    struct buf sql CLEANUP(cleanup_buf);
    buf_init(&sql, ROW_SQL_MAX);
    put_insert(&sql, table, level, first, first_count);
    int rc = buf_check(&sql, "row", e);
    return rc == E_OK ? db_prepare(db, (const char *)sql.data, ret_stmt, e) : rc;
}
