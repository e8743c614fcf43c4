// SPDX-License-Identifier: Apache-2.0
// What a server finds in the inbox that an earlier one left. A whole receipt, or a row of custody,
// is what an acknowledgement leaves; a file with neither was still arriving and is removed.
#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/inbox_priv.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "db/db.h"

#define BIT(state) (1U << (CUSTODY_##state))

struct recovery {
    struct inbox *inbox;
    struct db *db;
    struct err *e;
};

static void note_from_row(struct inbox_note *note, const struct custody_row *row) {
    note->number = row->number;
    note->bytes = row->bytes;
    note->received = row->received;
    note->instance_key = row->instance_key;
    note->arrival = row->arrival;
    memcpy(note->delivery, row->delivery, sizeof note->delivery);
    memcpy(note->peer, row->peer, sizeof note->peer);
    memcpy(note->sop_class, row->sop_class, sizeof note->sop_class);
    note->recorded = true;
}

// A key that is gone is told when the note is judged.
static int queue_found(struct inbox *b, struct inbox_note *note, struct err *e) {
    struct inbox_delivery *d;
    int rc = inbox_delivery_of(b, note->delivery, note->peer, &d, e);
    if (rc != E_OK && rc != E_NOT_FOUND && rc != E_CORRUPT) {
        mem_free(note);
        return rc;
    }
    err_clear(e);
    inbox_queue(b, note);
    return E_OK;
}

static int queue_row(struct inbox *b, const struct custody_row *row, struct err *e) {
    struct inbox_note *note = mem_zalloc(sizeof *note);
    if (note == NULL) {
        return err_set(e, E_MEMORY, "inbox");
    }
    note_from_row(note, row);
    note->found = true;
    return queue_found(b, note, e);
}

// A receipt without a row: it was acknowledged, and nothing more.
static int queue_receipt(struct recovery *r, uint64_t number, struct slice receipt, uint64_t len,
                         const struct hash *hash) {
    struct inbox_note *note = mem_zalloc(sizeof *note);
    if (note == NULL) {
        return err_set(r->e, E_MEMORY, "inbox");
    }
    if (!inbox_receipt_read(receipt, note)) {
        mem_free(note);
        return err_set(r->e, E_CORRUPT,
                       "arrival %llu of the inbox has a receipt of another version of MacLab",
                       (unsigned long long)number);
    }
    note->number = number;
    note->bytes = len;
    note->arrival = *hash;
    note->found = true;
    return queue_found(r->inbox, note, r->e);
}

// Wishes are seen to later (inbox_fulfil); what is held stays for a person.
static int settle_row(struct recovery *r, const struct custody_row *row) {
    switch (row->state) {
    case CUSTODY_WAITING:
        return queue_row(r->inbox, row, r->e);
    case CUSTODY_RELEASED:
    case CUSTODY_DISPOSED:
        return store_inbox_remove(r->inbox->files, row->number, r->e);
    case CUSTODY_HELD: // it has its second name among what is held
        return row->hold != 0 ? store_inbox_remove(r->inbox->files, row->number, r->e) : E_OK;
    default:
        return E_OK;
    }
}

static int take_up(uint64_t number, void *context) {
    struct recovery *r = context;
    struct custody_row row;
    int rc = custody_find(r->db, number, &row, r->e);
    if (rc != 0) {
        return rc < 0 ? rc : settle_row(r, &row);
    }
    CLEANUP(cleanup_buf) struct buf receipt;
    struct hash hash;
    uint64_t len = 0;
    buf_init(&receipt, STORE_RECEIPT_MAX);
    rc = store_inbox_receipt(r->inbox->files, number, &receipt, &len, &hash, r->e);
    if (rc == 1) {
        return queue_receipt(r, number, buf_slice(&receipt), len, &hash);
    }
    return rc < 0 ? rc : store_inbox_remove(r->inbox->files, number, r->e);
}

// --- rows whose file is gone

struct lost {
    struct inbox *inbox;
    uint64_t numbers[256]; // so many at a time
    size_t count;
};

static int find_lost(const struct custody_row *row, void *context) {
    struct lost *lost = context;
    struct err e = {0};
    uint64_t len;
    if (store_inbox_size(lost->inbox->files, row->number, &len, &e) == E_NOT_FOUND) {
        lost->numbers[lost->count++] = row->number;
    }
    return lost->count == sizeof lost->numbers / sizeof lost->numbers[0] ? 1 : 0;
}

static int decide_lost(struct inbox *b, struct db *writer, const struct lost *lost, struct err *e) {
    int rc = E_OK;
    for (size_t i = 0; rc >= 0 && i < lost->count; i++) {
        struct custody_row row;
        rc = custody_find(writer, lost->numbers[i], &row, e);
        if (rc == 1) {
            row.state = CUSTODY_REFUSED;
            row.decided = clock_now(b->clock);
            (void)snprintf(row.reason, sizeof row.reason, "lost");
            (void)snprintf(row.words, sizeof row.words, "the file of the inbox is gone");
            rc = custody_decide(writer, &row, e);
            if (b->options.decided != NULL) {
                b->options.decided(b->options.context, &row);
            }
        }
    }
    return rc < 0 ? rc : E_OK;
}

static int write_lost(struct inbox *b, const struct lost *lost, struct err *e) {
    struct db *writer = archive_writer(b->archive);
    int rc = db_begin(writer, e);
    rc = rc == E_OK ? decide_lost(b, writer, lost, e) : rc;
    rc = rc == E_OK ? db_commit(writer, e) : rc;
    archive_writer_done(b->archive);
    return rc;
}

static int look_for_lost(struct inbox *b, struct db *db, struct err *e) {
    for (;;) {
        struct lost lost = {.inbox = b};
        int rc = custody_each(db, BIT(WAITING) | BIT(RETRY), find_lost, &lost, e);
        if (rc < 0 || lost.count == 0) {
            return rc < 0 ? rc : E_OK;
        }
        rc = write_lost(b, &lost, e);
        if (rc != E_OK) {
            return rc;
        }
    }
}

int inbox_recover(struct inbox *b, struct err *e) {
    struct recovery r = {.inbox = b, .e = e};
    uint64_t last = 0;
    int rc = archive_reader(b->archive, &r.db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = custody_last(r.db, &last, e);
    rc = rc == E_OK ? store_inbox_each(b->files, take_up, &r, e) : rc;
    rc = rc == E_OK ? look_for_lost(b, r.db, e) : rc;
    archive_reader_done(b->archive, r.db);
    store_inbox_first(b->files, last + 1);
    return rc;
}

// --- wishes of a person

#define WISHES_MAX 64

struct wishes {
    struct custody_row rows[WISHES_MAX];
    size_t count;
};

static int take_wish(const struct custody_row *row, void *context) {
    struct wishes *w = context;
    w->rows[w->count++] = *row;
    return w->count == WISHES_MAX ? 1 : 0;
}

static int dispose(struct inbox *b, struct custody_row *row, struct err *e) {
    int rc = store_inbox_remove(b->files, row->number, e);
    row->state = CUSTODY_DISPOSED;
    row->decided = clock_now(b->clock);
    struct db *writer = rc == E_OK ? archive_writer(b->archive) : NULL;
    if (writer != NULL) {
        rc = db_begin(writer, e);
        rc = rc == E_OK ? custody_decide(writer, row, e) : rc;
        rc = rc == E_OK ? db_commit(writer, e) : rc;
        archive_writer_done(b->archive);
    }
    return rc;
}

static int judge_again(struct inbox *b, struct custody_row *row, struct err *e) {
    row->state = CUSTODY_WAITING;
    struct db *writer = archive_writer(b->archive);
    int rc = db_begin(writer, e);
    rc = rc == E_OK ? custody_decide(writer, row, e) : rc;
    rc = rc == E_OK ? db_commit(writer, e) : rc;
    archive_writer_done(b->archive);
    return rc == E_OK ? queue_row(b, row, e) : rc;
}

void inbox_fulfil(struct inbox *b) {
    struct wishes *w = mem_zalloc(sizeof *w);
    struct err e = {0};
    struct db *db;
    int rc = w == NULL ? E_MEMORY : archive_reader(b->archive, &db, &e);
    if (rc == E_OK) {
        rc = custody_each(db, BIT(RETRY) | BIT(DISPOSING), take_wish, w, &e);
        archive_reader_done(b->archive, db);
    }
    for (size_t i = 0; rc >= 0 && i < w->count; i++) {
        struct custody_row *row = &w->rows[i];
        rc = row->state == CUSTODY_DISPOSING ? dispose(b, row, &e) : judge_again(b, row, &e);
    }
    if (rc < 0 && e.code != E_OK) {
        inbox_trouble(b, &e);
    }
    mem_free(w);
}
