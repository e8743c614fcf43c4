// SPDX-License-Identifier: Apache-2.0
#include "archive/hold.h"

#include <stdio.h>
#include <string.h>

#include "archive/delivery_priv.h"
#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"

const char *hold_state_word(int state) {
    static const char *const words[HOLD_STATE_COUNT] = {
#define X(name, word) [HOLD_##name] = word,
        HOLD_STATE_LIST(X)
#undef X
    };
    return state >= 0 && state < HOLD_STATE_COUNT ? words[state] : "unknown";
}

int hold_move(enum hold_state from, enum hold_event event, enum hold_state *ret_to, struct err *e) {
    static const struct {
        enum hold_state from;
        enum hold_event event;
        enum hold_state to;
    } moves[] = {
        {HOLD_HELD, HOLD_RELEASE_FIRST, HOLD_SECOND}, {HOLD_HELD, HOLD_RELEASE, HOLD_RELEASED},
        {HOLD_HELD, HOLD_REFUSE, HOLD_REFUSED},       {HOLD_HELD, HOLD_RETURN, HOLD_RETURNED},
        {HOLD_HELD, HOLD_EXPIRE, HOLD_EXPIRED},       {HOLD_SECOND, HOLD_RELEASE, HOLD_RELEASED},
        {HOLD_SECOND, HOLD_REFUSE, HOLD_REFUSED},     {HOLD_SECOND, HOLD_RETURN, HOLD_RETURNED},
        {HOLD_SECOND, HOLD_EXPIRE, HOLD_EXPIRED},
    };
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        if (moves[i].from == from && moves[i].event == event) {
            *ret_to = moves[i].to;
            return E_OK;
        }
    }
    return err_set(e, E_CONFLICT, "this hold is decided already: it is %s",
                   hold_state_word((int)from));
}

bool hold_has_reason(const struct hold_row *row, enum gate_reason reason) {
    struct slice rest = row->reasons, word;
    while (slice_split(&rest, ' ', &word)) {
        if (slice_eq_str(word, gate_reason_code(reason))) {
            return true;
        }
    }
    return false;
}

struct seal_name hold_name(const struct hold_row *row) {
    struct seal_name name = {.number = row->number};
    (void)snprintf(name.delivery, sizeof name.delivery, "%s", row->delivery);
    return name;
}

// --- writing

int hold_put(struct db *writer, const struct hold_row *r, int64_t *ret_id, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(
        writer,
        "INSERT INTO hold (delivery, number, source, custody, state, since, decided, sop_instance,"
        " sop_class, study_uid, series_uid, patient, modality, frames, image_rows, image_columns,"
        " bytes, reasons, points, risk, findings, boxes, slice, draft, draft_version, first_by,"
        " first_order) VALUES (?, ?, ?, ?, 0, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?, '', 0, '', '')",
        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(r->delivery));
    db_bind_i64(s, 2, (int64_t)r->number);
    db_bind_blob(s, 3, slice_of(r->source.bytes, HASH_LEN));
    db_bind_i64(s, 4, (int64_t)r->custody);
    db_bind_i64(s, 5, r->since);
    db_bind_text(s, 6, slice_str(r->sop_instance));
    db_bind_text(s, 7, slice_str(r->sop_class));
    db_bind_text(s, 8, slice_str(r->study));
    db_bind_text(s, 9, slice_str(r->series));
    db_bind_text(s, 10, slice_str(r->patient));
    db_bind_text(s, 11, slice_str(r->modality));
    db_bind_i64(s, 12, r->frames);
    db_bind_i64(s, 13, r->rows);
    db_bind_i64(s, 14, r->columns);
    db_bind_i64(s, 15, (int64_t)r->bytes);
    db_bind_text(s, 16, r->reasons);
    db_bind_i64(s, 17, r->points);
    db_bind_text(s, 18, r->risk);
    db_bind_text(s, 19, r->findings);
    db_bind_text(s, 20, r->boxes);
    db_bind_blob(s, 21, r->slice);
    rc = db_run(s, e);
    if (rc == E_OK) {
        *ret_id = db_last_id(writer);
    }
    return rc;
}

int hold_update(struct db *writer, const struct hold_row *r, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(writer,
                        "UPDATE hold SET reasons = ?2, points = ?3, risk = ?4, findings = ?5,"
                        " boxes = ?6, state = 0, first_by = '', first_order = '' WHERE id = ?1",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, r->id);
    db_bind_text(s, 2, r->reasons);
    db_bind_i64(s, 3, r->points);
    db_bind_text(s, 4, r->risk);
    db_bind_text(s, 5, r->findings);
    db_bind_text(s, 6, r->boxes);
    return db_run(s, e);
}

int hold_set_state(struct db *writer, int64_t id, enum hold_state state, usec decided,
                   struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(writer, "UPDATE hold SET state = ?2, decided = ?3 WHERE id = ?1", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, id);
    db_bind_i64(s, 2, (int64_t)state);
    db_bind_i64(s, 3, decided);
    return db_run(s, e);
}

int hold_set_first(struct db *writer, int64_t id, const char *who, struct slice order,
                   struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(
        writer, "UPDATE hold SET state = 1, first_by = ?2, first_order = ?3 WHERE id = ?1", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, id);
    db_bind_text(s, 2, slice_str(who));
    db_bind_text(s, 3, order);
    return db_run(s, e);
}

int hold_set_draft(struct db *writer, int64_t id, int64_t version, struct slice draft,
                   int64_t *ret_version, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(writer,
                        "UPDATE hold SET draft = ?3, draft_version = draft_version + 1"
                        " WHERE id = ?1 AND draft_version = ?2 AND state <= 1",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, id);
    db_bind_i64(s, 2, version);
    db_bind_text(s, 3, draft);
    rc = db_run(s, e);
    if (rc == E_OK && db_changes(writer) == 0) {
        return err_set(e, E_CONFLICT,
                       "somebody else has changed the boxes meanwhile, or the hold is decided");
    }
    *ret_version = version + 1;
    return rc;
}

// --- reading

#define ROW_SQL                                                                                    \
    "SELECT h.id, h.delivery, h.number, h.source, h.custody, h.state, h.since, h.decided,"         \
    " d.expires, h.sop_instance, h.sop_class, h.study_uid, h.series_uid, h.patient, h.modality,"   \
    " h.frames, h.image_rows, h.image_columns, h.bytes, h.reasons, h.points, h.risk, h.findings,"  \
    " h.boxes, h.draft, h.draft_version, h.first_by, h.first_order,"                               \
    " (SELECT count(*) FROM hold o WHERE o.series_uid = h.series_uid AND o.state <= 1), h.slice"   \
    " FROM hold h JOIN delivery d ON d.id = h.delivery "

static void read_row(struct db_stmt *s, struct arena *m, struct hold_row *r) {
    *r = (struct hold_row){.id = db_i64(s, 0),
                           .number = (uint64_t)db_i64(s, 2),
                           .custody = (uint64_t)db_i64(s, 4),
                           .state = (int)db_i64(s, 5),
                           .since = db_i64(s, 6),
                           .decided = db_i64(s, 7),
                           .expires = db_i64(s, 8),
                           .frames = (uint32_t)db_i64(s, 15),
                           .rows = (uint32_t)db_i64(s, 16),
                           .columns = (uint32_t)db_i64(s, 17),
                           .bytes = (uint64_t)db_i64(s, 18),
                           .points = (uint16_t)db_i64(s, 20),
                           .draft_version = db_i64(s, 25),
                           .series_held = (uint64_t)db_i64(s, 28)};
    struct slice mac = db_blob(s, 3);
    memcpy(r->source.bytes, mac.ptr, mac.len == HASH_LEN ? HASH_LEN : 0);
    delivery_copy(r->delivery, sizeof r->delivery, db_text(s, 1));
    delivery_copy(r->sop_instance, sizeof r->sop_instance, db_text(s, 9));
    delivery_copy(r->sop_class, sizeof r->sop_class, db_text(s, 10));
    delivery_copy(r->study, sizeof r->study, db_text(s, 11));
    delivery_copy(r->series, sizeof r->series, db_text(s, 12));
    delivery_copy(r->patient, sizeof r->patient, db_text(s, 13));
    delivery_copy(r->modality, sizeof r->modality, db_text(s, 14));
    delivery_copy(r->first_by, sizeof r->first_by, db_text(s, 26));
    r->reasons = arena_copy(m, db_text(s, 19));
    r->risk = arena_copy(m, db_text(s, 21));
    r->findings = arena_copy(m, db_text(s, 22));
    r->boxes = arena_copy(m, db_text(s, 23));
    r->slice = arena_copy(m, db_blob(s, 29));
    r->draft = arena_copy(m, db_text(s, 24));
    r->first_order = arena_copy(m, db_text(s, 27));
}

int hold_find(struct db *db, int64_t id, struct arena *m, struct hold_row *ret_row, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, ROW_SQL "WHERE h.id = ?", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, id);
    rc = db_step(s, e);
    if (rc == 1) {
        read_row(s, m, ret_row);
        db_reset(s);
    }
    return rc == 0 ? err_set(e, E_NOT_FOUND, "there is no such hold") : rc < 0 ? rc : E_OK;
}

#define FILTER_SQL                                                                                 \
    "h.state <= 1 AND (?1 IS NULL OR ' ' || h.reasons || ' ' LIKE '% ' || ?1 || ' %')"             \
    " AND (?2 IS NULL OR h.delivery = ?2) AND (?3 IS NULL OR h.modality = ?3)"                     \
    " AND (?4 IS NULL OR h.series_uid = ?4) AND (?5 IS NULL OR h.study_uid = ?5)"

static void bind_filter(struct db_stmt *s, const struct hold_filter *f) {
    db_bind_text(s, 1, f->reason);
    db_bind_text(s, 2, f->delivery);
    db_bind_text(s, 3, f->modality);
    db_bind_text(s, 4, f->series);
    db_bind_text(s, 5, f->study);
}

static int count_waiting(struct db *db, const struct hold_filter *f, uint64_t *ret_count,
                         struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT count(*) FROM hold h WHERE " FILTER_SQL, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    bind_filter(s, f);
    rc = db_step(s, e);
    if (rc == 1) {
        *ret_count = (uint64_t)db_i64(s, 0);
        db_reset(s);
    }
    return rc < 0 ? rc : E_OK;
}

int hold_count_waiting(struct db *db, const char *delivery, uint64_t *ret_count, struct err *e) {
    struct hold_filter f = {.delivery = slice_str(delivery)};
    return count_waiting(db, &f, ret_count, e);
}

int hold_list(struct db *db, const struct hold_filter *f, struct arena *m,
              struct hold_row **ret_rows, size_t *ret_count, uint64_t *ret_total, struct err *e) {
    struct db_stmt *s;
    size_t count = 0;
    int rc = count_waiting(db, f, ret_total, e);
    size_t most = *ret_total < f->limit ? (size_t)*ret_total : (size_t)f->limit;
    struct hold_row *rows = rc == E_OK ? arena_array(m, most + 1, sizeof *rows) : NULL;
    rc = rc == E_OK && rows == NULL ? err_set(e, E_MEMORY, "holds") : rc;
    rc =
        rc == E_OK
            ? db_prepare(db, ROW_SQL "WHERE " FILTER_SQL " ORDER BY h.id LIMIT ?6 OFFSET ?7", &s, e)
            : rc;
    if (rc != E_OK) {
        return rc;
    }
    bind_filter(s, f);
    db_bind_i64(s, 6, (int64_t)most);
    db_bind_i64(s, 7, (int64_t)f->offset);
    while (count < most && (rc = db_step(s, e)) == 1) {
        read_row(s, m, &rows[count++]);
    }
    if (rc == 1) {
        db_reset(s);
    }
    *ret_rows = rows;
    *ret_count = count;
    return rc < 0 ? rc : E_OK;
}

static void count_reasons(struct slice reasons, int64_t count, uint64_t *counts) {
    struct slice word;
    while (slice_split(&reasons, ' ', &word)) {
        for (int i = 1; i < GATE_REASON_COUNT; i++) {
            counts[i] +=
                slice_eq_str(word, gate_reason_code((enum gate_reason)i)) ? (uint64_t)count : 0;
        }
    }
}

int hold_reasons(struct db *db, const struct hold_filter *filter,
                 uint64_t counts[GATE_REASON_COUNT], struct err *e) {
    struct db_stmt *s;
    struct hold_filter f = *filter;
    f.reason = (struct slice){0};
    memset(counts, 0, GATE_REASON_COUNT * sizeof counts[0]);
    int rc = db_prepare(
        db, "SELECT h.reasons, count(*) FROM hold h WHERE " FILTER_SQL " GROUP BY h.reasons", &s,
        e);
    if (rc != E_OK) {
        return rc;
    }
    bind_filter(s, &f);
    while ((rc = db_step(s, e)) == 1) {
        count_reasons(db_text(s, 0), db_i64(s, 1), counts);
    }
    return rc;
}

// --- decisions

int hold_decision_put(struct db *writer, const struct hold_decision *d, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(writer,
                        "INSERT INTO hold_decision (hold, delivery, at, who, what, reason, clause,"
                        " choice, consent, outcome) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, d->hold);
    db_bind_text(s, 2, slice_str(d->delivery));
    db_bind_i64(s, 3, d->at);
    db_bind_text(s, 4, slice_str(d->who));
    db_bind_text(s, 5, slice_str(d->what));
    db_bind_text(s, 6, slice_str(d->reason));
    db_bind_text(s, 7, slice_str(d->clause));
    db_bind_text(s, 8, slice_str(d->choice));
    db_bind_text(s, 9, slice_str(d->consent));
    db_bind_text(s, 10, slice_str(d->outcome));
    return db_run(s, e);
}

#define DECISIONS_MAX 10000

static const char *text_of(struct arena *m, struct db_stmt *s, int column) {
    const char *text = arena_str(m, db_text(s, column));
    return text == NULL ? "" : text;
}

int hold_decisions(struct db *db, int64_t hold, const char *delivery, struct arena *m,
                   struct hold_decision **ret_list, size_t *ret_count, struct err *e) {
    struct db_stmt *s;
    size_t count = 0, cap = 0;
    struct hold_decision *list = NULL;
    int rc = db_prepare(db,
                        "SELECT hold, delivery, at, who, what, reason, clause, choice, consent,"
                        " outcome FROM hold_decision WHERE (?1 <> 0 AND hold = ?1)"
                        " OR (?1 = 0 AND delivery = ?2) ORDER BY id",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, hold);
    db_bind_text(s, 2, slice_str(delivery == NULL ? "" : delivery));
    while (count < DECISIONS_MAX && (rc = db_step(s, e)) == 1) {
        if (count == cap) {
            struct hold_decision *more = arena_array(m, cap == 0 ? 16 : 2 * cap, sizeof *more);
            if (more == NULL) {
                db_reset(s);
                return err_set(e, E_MEMORY, "decisions");
            }
            memcpy(more, list == NULL ? more : list, count * sizeof *more);
            list = more;
            cap = cap == 0 ? 16 : 2 * cap;
        }
        struct hold_decision *d = &list[count++];
        *d = (struct hold_decision){.hold = db_i64(s, 0),
                                    .at = db_i64(s, 2),
                                    .who = text_of(m, s, 3),
                                    .what = text_of(m, s, 4),
                                    .reason = text_of(m, s, 5),
                                    .clause = text_of(m, s, 6),
                                    .choice = text_of(m, s, 7),
                                    .consent = text_of(m, s, 8),
                                    .outcome = text_of(m, s, 9)};
        delivery_copy(d->delivery, sizeof d->delivery, db_text(s, 1));
    }
    if (rc == 1) {
        db_reset(s);
    }
    *ret_list = list;
    *ret_count = count;
    return rc < 0 ? rc : E_OK;
}
