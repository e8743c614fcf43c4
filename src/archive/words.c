// SPDX-License-Identifier: Apache-2.0
#include "archive/words.h"

#include "archive/catalogue.h"
#include "archive/keys.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "db/db.h"

#define LISTS 3
#define LIST_MAX ((size_t)65536)
#define TEXT_MAX ((size_t)1 << 20)
#define WORDS_MAX 1000 // of one study

bool words_list_add(struct slice list, struct slice value, struct buf *out) {
    struct slice rest = list;
    struct slice seen;
    while (list.len > 0 && slice_split(&rest, '\\', &seen)) {
        if (slice_eq(seen, value)) {
            return false;
        }
    }
    if (value.len == 0) {
        return false;
    }
    if (list.len > 0) {
        buf_put_slice(out, list);
        buf_put_byte(out, '\\');
    }
    buf_put_slice(out, value);
    return true;
}

// Adds to the list that `out` is; what does not fit is left out.
static void add_in_place(struct buf *out, struct slice value) {
    struct buf longer;
    buf_init(&longer, LIST_MAX);
    if (words_list_add(buf_slice(out), value, &longer) && !longer.failed) {
        buf_done(out);
        *out = longer;
    } else {
        buf_done(&longer);
    }
}

struct sums {
    int64_t series, instances, frames, bytes;
    struct buf lists[LISTS]; // modalities, body parts, SOP classes
};

static int read_sums(struct db *db, int64_t study, struct sums *sums, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT modality, body_part, sop_classes, instance_count, frame_count,"
                        " bytes FROM series WHERE study = ? ORDER BY series_number_key, id",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, study);
    while ((rc = db_step(s, e)) == 1) {
        for (int i = 0; i < LISTS; i++) {
            struct slice rest = db_text(s, i);
            struct slice value;
            while (slice_split(&rest, '\\', &value)) {
                add_in_place(&sums->lists[i], value);
            }
        }
        sums->series++;
        sums->instances += db_i64(s, 3);
        sums->frames += db_i64(s, 4);
        sums->bytes += db_i64(s, 5);
    }
    return rc;
}

static struct slice list_text(const struct sums *sums, int i) {
    return sums->lists[i].len == 0 ? slice_str("") : buf_slice(&sums->lists[i]);
}

static int write_sums(struct db *db, int64_t study, const struct sums *sums, usec now,
                      struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "UPDATE study SET modalities = ?, body_parts = ?, sop_classes = ?,"
                        " series_count = ?, instance_count = ?, frame_count = ?, bytes = ?,"
                        " changed = ? WHERE id = ?",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    for (int i = 0; i < LISTS; i++) {
        db_bind_text(s, i + 1, list_text(sums, i));
    }
    db_bind_i64(s, 4, sums->series);
    db_bind_i64(s, 5, sums->instances);
    db_bind_i64(s, 6, sums->frames);
    db_bind_i64(s, 7, sums->bytes);
    db_bind_i64(s, 8, now);
    db_bind_i64(s, 9, study);
    return db_run(s, e);
}

int words_study_sum(struct db *db, int64_t study, usec now, struct err *e) {
    struct sums sums = {0};
    for (int i = 0; i < LISTS; i++) {
        buf_init(&sums.lists[i], LIST_MAX);
    }
    int rc = read_sums(db, study, &sums, e);
    rc = rc == E_OK ? write_sums(db, study, &sums, now, e) : rc;
    for (int i = 0; i < LISTS; i++) {
        buf_done(&sums.lists[i]);
    }
    return rc;
}

static int write_lists(struct db *db, int64_t series, const struct sums *sums, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "UPDATE series SET sop_classes = ?, syntaxes = ? WHERE id = ?", &s, e);
    if (rc == E_OK) {
        db_bind_text(s, 1, list_text(sums, 0));
        db_bind_text(s, 2, list_text(sums, 1));
        db_bind_i64(s, 3, series);
        rc = db_run(s, e);
    }
    return rc;
}

// Rows come by series, so that each list is complete when the number changes.
int words_series_lists(struct db *db, int64_t study, struct err *e) {
    struct sums sums = {0};
    buf_init(&sums.lists[0], LIST_MAX);
    buf_init(&sums.lists[1], LIST_MAX);
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT DISTINCT i.series, i.sop_class, i.syntax FROM instance i"
                        " JOIN series s ON s.id = i.series WHERE s.study = ? ORDER BY i.series",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, study);
    int64_t current = 0;
    int written = E_OK;
    while (written == E_OK && (rc = db_step(s, e)) == 1) {
        if (db_i64(s, 0) != current) {
            written = current != 0 ? write_lists(db, current, &sums, e) : E_OK;
            buf_clear(&sums.lists[0]);
            buf_clear(&sums.lists[1]);
            current = db_i64(s, 0);
        }
        add_in_place(&sums.lists[0], db_text(s, 1));
        add_in_place(&sums.lists[1], db_text(s, 2));
    }
    db_reset(s);
    rc = rc < 0 ? rc : written;
    rc = rc == E_OK && current != 0 ? write_lists(db, current, &sums, e) : rc;
    buf_done(&sums.lists[0]);
    buf_done(&sums.lists[1]);
    return rc;
}

// --- words and facets ------------------------------------------------------------------------

struct word_writer {
    struct db *db;
    int64_t study;
    bool forget;
    int count;
    int rc;
    struct err *e;
};

static void write_word(struct slice word, void *context) {
    struct word_writer *w = context;
    struct db_stmt *s;
    if (w->rc != E_OK || (w->count++ >= WORDS_MAX && !w->forget)) {
        return;
    }
    w->rc = db_prepare(w->db,
                       w->forget ? "DELETE FROM study_word WHERE word = ? AND study = ?"
                                 : "INSERT INTO study_word (word, study) VALUES (?, ?)"
                                   " ON CONFLICT DO NOTHING",
                       &s, w->e);
    if (w->rc == E_OK) {
        db_bind_text(s, 1, word);
        db_bind_i64(s, 2, w->study);
        w->rc = db_run(s, w->e);
    }
}

static int run_facet(struct word_writer *w, const char *sql, enum catalogue_facet_kind kind,
                     struct slice value, int64_t number) {
    struct db_stmt *s;
    int rc = db_prepare(w->db, sql, &s, w->e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, (int64_t)kind);
    db_bind_text(s, 2, value);
    db_bind_i64(s, 3, number);
    return db_run(s, w->e);
}

static int write_facet(struct word_writer *w, enum catalogue_facet_kind kind, struct slice value) {
    int rc =
        run_facet(w,
                  w->forget ? "DELETE FROM study_facet WHERE kind = ? AND value = ? AND study = ?"
                            : "INSERT INTO study_facet (kind, value, study) VALUES (?, ?, ?)"
                              " ON CONFLICT DO NOTHING",
                  kind, value, w->study);
    if (rc != E_OK || db_changes(w->db) == 0) {
        return rc; // it was so already
    }
    rc = run_facet(w,
                   "INSERT INTO facet_total (kind, value, studies) VALUES (?, ?, ?)"
                   " ON CONFLICT (kind, value) DO UPDATE SET studies = facet_total.studies"
                   " + excluded.studies",
                   kind, value, w->forget ? -1 : 1);
    return rc == E_OK && w->forget
               ? run_facet(w,
                           "DELETE FROM facet_total WHERE kind = ? AND value = ? AND studies <= ?",
                           kind, value, 0)
               : rc;
}

static void put_folded(struct buf *out, struct slice text) {
    key_fold(out, text);
    buf_put_byte(out, ' ');
}

// Every text of the study and its series that words come from, folded.
static int read_texts(struct db *db, int64_t study, struct buf *out, struct err *e) {
    static const char *const queries[] = {
        "SELECT patient_name, patient_id, accession, study_description, modalities, body_parts"
        " FROM study WHERE id = ?",
        "SELECT series_description, modality, body_part, '', '', '' FROM series WHERE study = ?",
    };
    int rc = E_OK;
    for (size_t q = 0; rc == E_OK && q < 2; q++) {
        struct db_stmt *s;
        rc = db_prepare(db, queries[q], &s, e);
        if (rc != E_OK) {
            return rc;
        }
        db_bind_i64(s, 1, study);
        while ((rc = db_step(s, e)) == 1) {
            for (int c = 0; c < 6; c++) {
                put_folded(out, db_text(s, c));
            }
        }
    }
    return rc;
}

static int write_facets(struct word_writer *w) {
    struct db_stmt *s;
    int rc = db_prepare(w->db, "SELECT modalities, body_parts FROM study WHERE id = ?", &s, w->e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, w->study);
    rc = db_step(s, w->e);
    if (rc != 1) {
        return rc;
    }
    rc = E_OK;
    for (int kind = 0; kind < CATALOGUE_FACETS; kind++) {
        struct slice rest = db_text(s, kind);
        struct slice value;
        while (rc == E_OK && slice_split(&rest, '\\', &value)) {
            rc = value.len > 0 ? write_facet(w, (enum catalogue_facet_kind)kind, value) : E_OK;
        }
    }
    db_reset(s);
    return rc;
}

static int index_study(struct db *db, int64_t study, bool forget, struct err *e) {
    struct buf text CLEANUP(cleanup_buf);
    buf_init(&text, TEXT_MAX);
    struct word_writer w = {.db = db, .study = study, .forget = forget, .e = e};
    int rc = read_texts(db, study, &text, e);
    if (rc != E_OK) {
        return rc;
    }
    key_words(buf_slice(&text), write_word, &w);
    return w.rc == E_OK ? write_facets(&w) : w.rc;
}

int words_study_index(struct db *db, int64_t study, struct err *e) {
    return index_study(db, study, false, e);
}

int words_study_forget(struct db *db, int64_t study, struct err *e) {
    return index_study(db, study, true, e);
}
