// SPDX-License-Identifier: Apache-2.0
// The catalogue page's search: each filter gives a set of study numbers from one index, sets are
// intersected as bits, and facets and the page are read off in index order.
#include "archive/catalogue.h"

#include "archive/bits.h"
#include "archive/catalogue_rows.h"
#include "archive/keys.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "db/db.h"

#define WORDS_TEXT_MAX 4096
#define FACET_VALUES_LOOKED_AT 5000

struct selection {
    struct db *db;
    const struct catalogue_query *query;
    struct arena *arena;
    uint64_t limit;   // of study numbers
    struct bits base; // words and dates
    struct bits chosen[CATALOGUE_FACETS];
};

static int no_memory(struct err *e) { return err_set(e, E_MEMORY, "catalogue"); }

// The numbers that a prepared statement gives, added to *set (made when it is "every number").
static int collect(struct selection *s, struct db_stmt *stmt, struct bits *set, struct err *e) {
    if (set->words == NULL) {
        *set = bits_new(s->arena, s->limit);
    }
    if (set->words == NULL) {
        db_reset(stmt);
        return no_memory(e);
    }
    int rc;
    while ((rc = db_step(stmt, e)) == 1) {
        bits_set(set, db_i64(stmt, 0));
    }
    return rc;
}

struct word_list {
    struct slice words[CATALOGUE_WORDS_MAX];
    size_t count;
};

static void add_word(struct slice word, void *context) {
    struct word_list *list = context;
    if (list->count < CATALOGUE_WORDS_MAX) {
        list->words[list->count++] = word;
    }
}

static int select_word(struct selection *s, struct slice word, struct err *e) {
    struct buf end CLEANUP(cleanup_buf);
    buf_init(&end, KEY_WORD_MAX + 8);
    buf_put_slice(&end, word);
    buf_put_str(&end, "\xF4\x8F\xBF\xBF");
    struct db_stmt *stmt;
    int rc =
        db_prepare(s->db, "SELECT study FROM study_word WHERE word >= ? AND word < ?", &stmt, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(stmt, 1, word);
    db_bind_text(stmt, 2, buf_slice(&end));
    struct bits found = {0};
    rc = collect(s, stmt, &found, e);
    bits_and(&s->base, &found);
    return rc;
}

static int select_words(struct selection *s, struct err *e) {
    struct buf folded CLEANUP(cleanup_buf);
    buf_init(&folded, 4 * WORDS_TEXT_MAX);
    key_fold(&folded, slice_first(s->query->words, WORDS_TEXT_MAX));
    struct word_list list = {0};
    key_words(buf_slice(&folded), add_word, &list);
    int rc = E_OK;
    for (size_t i = 0; rc == E_OK && i < list.count; i++) {
        rc = select_word(s, list.words[i], e);
    }
    return rc;
}

static int select_dates(struct selection *s, struct err *e) {
    if (s->query->from == 0 && s->query->to == 0) {
        return E_OK;
    }
    struct db_stmt *stmt;
    int rc = db_prepare(
        s->db, "SELECT id FROM study WHERE study_date_key >= ? AND study_date_key <= ?", &stmt, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(stmt, 1, s->query->from == 0 ? 1 : s->query->from);
    db_bind_i64(stmt, 2, s->query->to == 0 ? INT64_MAX : s->query->to);
    struct bits found = {0};
    rc = collect(s, stmt, &found, e);
    bits_and(&s->base, &found);
    return rc;
}

static int select_facet(struct selection *s, enum catalogue_facet_kind kind, struct err *e) {
    int rc = E_OK;
    for (size_t i = 0; rc == E_OK && i < s->query->chosen_count[kind]; i++) {
        struct db_stmt *stmt;
        rc = db_prepare(s->db, "SELECT study FROM study_facet WHERE kind = ? AND value = ?", &stmt,
                        e);
        if (rc == E_OK) {
            db_bind_i64(stmt, 1, (int64_t)kind);
            db_bind_text(stmt, 2, s->query->chosen[kind][i]);
            rc = collect(s, stmt, &s->chosen[kind], e);
        }
    }
    return rc;
}

// A copy of base with the choices of the facets but `except`.
static int combine(struct selection *s, enum catalogue_facet_kind except, struct bits *ret_bits,
                   struct err *e) {
    struct bits all = s->base;
    if (all.words != NULL) {
        all = bits_new(s->arena, s->limit);
        if (all.words == NULL) {
            return no_memory(e);
        }
        memcpy(all.words, s->base.words, all.count * sizeof *all.words);
    }
    for (int kind = 0; kind < CATALOGUE_FACETS; kind++) {
        if (kind == (int)except || s->chosen[kind].words == NULL) {
            continue;
        }
        if (all.words == NULL) {
            all = bits_new(s->arena, s->limit);
            if (all.words == NULL) {
                return no_memory(e);
            }
            memcpy(all.words, s->chosen[kind].words, all.count * sizeof *all.words);
        } else {
            bits_and(&all, &s->chosen[kind]);
        }
    }
    *ret_bits = all;
    return E_OK;
}

// Keeps the most frequent values, in order; values come in alphabetical order, so equal counts stay
// so.
static void keep_facet(struct catalogue_facet *list, size_t *count, struct catalogue_facet f) {
    size_t at = *count;
    while (at > 0 && list[at - 1].count < f.count) {
        at--;
    }
    if (at == CATALOGUE_FACET_VALUES_MAX) {
        return;
    }
    size_t moved = *count - at - (*count == CATALOGUE_FACET_VALUES_MAX ? 1 : 0);
    memmove(&list[at + 1], &list[at], moved * sizeof *list);
    list[at] = f;
    *count += *count < CATALOGUE_FACET_VALUES_MAX ? 1 : 0;
}

// How many of the set have the value.
static int count_value(struct selection *s, enum catalogue_facet_kind kind, struct slice value,
                       const struct bits *in, uint64_t *ret_count, struct err *e) {
    struct db_stmt *stmt;
    int rc =
        db_prepare(s->db, "SELECT study FROM study_facet WHERE kind = ? AND value = ?", &stmt, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(stmt, 1, (int64_t)kind);
    db_bind_text(stmt, 2, value);
    uint64_t count = 0;
    while ((rc = db_step(stmt, e)) == 1) {
        count += bits_has(in, db_i64(stmt, 0)) ? 1 : 0;
    }
    *ret_count = count;
    return rc;
}

static int next_value(struct selection *s, enum catalogue_facet_kind kind, struct db_stmt *stmt,
                      const struct bits *in, struct catalogue_page *page, struct err *e) {
    struct catalogue_facet f = {.value = arena_copy(s->arena, db_text(stmt, 0)),
                                .count = (uint64_t)db_i64(stmt, 1)};
    if (f.value.ptr == NULL) {
        return no_memory(e);
    }
    int rc = in->words == NULL ? E_OK : count_value(s, kind, f.value, in, &f.count, e);
    if (rc == E_OK && f.count > 0) {
        keep_facet(page->facets[kind], &page->facet_count[kind], f);
    }
    return rc;
}

static int count_facet(struct selection *s, enum catalogue_facet_kind kind,
                       struct catalogue_page *page, struct err *e) {
    struct bits in;
    int rc = combine(s, kind, &in, e);
    page->facets[kind] =
        arena_array(s->arena, CATALOGUE_FACET_VALUES_MAX + 1, sizeof *page->facets[kind]);
    if (rc != E_OK || page->facets[kind] == NULL) {
        return rc != E_OK ? rc : no_memory(e);
    }
    struct db_stmt *stmt;
    rc = db_prepare(s->db,
                    "SELECT value, studies FROM facet_total WHERE kind = ? ORDER BY value LIMIT ?",
                    &stmt, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(stmt, 1, (int64_t)kind);
    db_bind_i64(stmt, 2, FACET_VALUES_LOOKED_AT);
    while ((rc = db_step(stmt, e)) == 1) {
        rc = next_value(s, kind, stmt, &in, page, e);
        if (rc != E_OK) {
            db_reset(stmt);
            return rc;
        }
    }
    return rc;
}

static const char *const order_sql[] = {
    [CATALOGUE_NEWEST] =
        "SELECT id FROM study ORDER BY study_date_key DESC, study_time_key DESC, id DESC",
    [CATALOGUE_OLDEST] = "SELECT id FROM study ORDER BY study_date_key, study_time_key, id",
    [CATALOGUE_NAME] = "SELECT id FROM study ORDER BY patient_name_fold, id",
    [CATALOGUE_NAME_DOWN] = "SELECT id FROM study ORDER BY patient_name_fold DESC, id DESC",
    [CATALOGUE_DESCRIPTION] = "SELECT id FROM study ORDER BY study_description_fold, id",
};

// Walks the sort order's index and takes the page's numbers.
static int page_ids(struct selection *s, const struct bits *in, int64_t *ids, size_t *ret_count,
                    struct err *e) {
    char sql[160];
    bool all = in->words == NULL; // then the engine passes over the offset faster
    (void)snprintf(sql, sizeof sql, "%s%s", order_sql[s->query->sort],
                   all ? " LIMIT ? OFFSET ?" : "");
    struct db_stmt *stmt;
    int rc = db_prepare(s->db, sql, &stmt, e);
    if (rc != E_OK) {
        return rc;
    }
    if (all) {
        db_bind_i64(stmt, 1, (int64_t)s->query->limit);
        db_bind_i64(stmt, 2, (int64_t)s->query->offset);
    }
    uint64_t seen = all ? s->query->offset : 0;
    size_t count = 0;
    while (count < s->query->limit && (rc = db_step(stmt, e)) == 1) {
        int64_t id = db_i64(stmt, 0);
        if (bits_has(in, id) && seen++ >= s->query->offset) {
            ids[count++] = id;
        }
    }
    if (rc >= 0) {
        db_reset(stmt);
    }
    *ret_count = count;
    return rc < 0 ? rc : E_OK;
}

static int read_page(struct selection *s, struct catalogue_page *page, struct err *e) {
    struct bits in;
    int rc = combine(s, CATALOGUE_FACETS, &in, e);
    if (rc != E_OK) {
        return rc;
    }
    if (in.words != NULL) {
        page->total = bits_count(&in);
    } else {
        struct catalogue_counts counts;
        rc = catalogue_count(s->db, &counts, e);
        page->total = rc == E_OK ? counts.studies : 0;
    }
    int64_t *ids = arena_array(s->arena, s->query->limit + 1, sizeof *ids);
    page->studies = arena_array(s->arena, s->query->limit + 1, sizeof *page->studies);
    if (rc != E_OK || ids == NULL || page->studies == NULL) {
        return rc != E_OK ? rc : no_memory(e);
    }
    size_t count = 0;
    if (s->query->offset < page->total) {
        rc = page_ids(s, &in, ids, &count, e);
    }
    for (size_t i = 0; rc == E_OK && i < count; i++) {
        rc = catalogue_row_study(s->db, ids[i], s->arena, &page->studies[page->count], e);
        page->count += rc == E_OK ? 1 : 0;
        rc = rc == E_NOT_FOUND ? E_OK : rc;
    }
    return rc;
}

static int number_limit(struct db *db, uint64_t *ret_limit, struct err *e) {
    struct db_stmt *stmt;
    int rc = db_prepare(db, "SELECT max(id) FROM study", &stmt, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = db_step(stmt, e);
    if (rc < 0) {
        return rc;
    }
    *ret_limit = rc == 1 ? (uint64_t)db_i64(stmt, 0) + 1 : 1;
    db_reset(stmt);
    return E_OK;
}

int catalogue_search(struct db *db, const struct catalogue_query *query, struct arena *a,
                     struct catalogue_page *ret_page, struct err *e) {
    struct selection s = {.db = db, .query = query, .arena = a};
    struct catalogue_page page = {0};
    if (query->limit > CATALOGUE_LIMIT_MAX) {
        return err_set(e, E_ARGUMENT, "limit over %u", CATALOGUE_LIMIT_MAX);
    }
    int rc = number_limit(db, &s.limit, e);
    rc = rc == E_OK ? select_words(&s, e) : rc;
    rc = rc == E_OK ? select_dates(&s, e) : rc;
    for (int kind = 0; rc == E_OK && kind < CATALOGUE_FACETS; kind++) {
        rc = select_facet(&s, (enum catalogue_facet_kind)kind, e);
    }
    for (int kind = 0; rc == E_OK && kind < CATALOGUE_FACETS; kind++) {
        rc = count_facet(&s, (enum catalogue_facet_kind)kind, &page, e);
    }
    rc = rc == E_OK ? read_page(&s, &page, e) : rc;
    if (rc == E_OK) {
        *ret_page = page;
    }
    return rc;
}
