// SPDX-License-Identifier: Apache-2.0
// The second half of an arrival's way: objects made durable, then rows made visible, then the
// verdict. A failure of ours leaves objects that no row names; they are marked for the next sweep
// and not removed here, because a commit that reports failure may still be found done after a
// crash.
#include <fcntl.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/delivery.h"
#include "archive/entry.h"
#include "archive/register.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "db/db.h"

#define COMPARE_PIECE 65536

struct batch {
    struct archive *archive;
    const struct delivery *delivery; // NULL: not through the gate
    struct entry **entries;
    size_t count;
};

static void fail_undecided(struct batch *b, const struct err *why) {
    for (size_t i = 0; i < b->count; i++) {
        if (!b->entries[i]->decided) {
            entry_decide(b->entries[i], INTAKE_FAILED, why);
        }
    }
    archive_mark_sweep(b->archive);
}

// --- an instance that is there already

static int same_bytes(int a, uint64_t a_at, int b, uint64_t b_at, uint64_t len, bool *ret_same,
                      struct err *e) {
    uint8_t one[COMPARE_PIECE];
    uint8_t other[COMPARE_PIECE];
    for (uint64_t done = 0; done < len;) {
        size_t piece = len - done < sizeof one ? (size_t)(len - done) : sizeof one;
        if (file_pread_all(a, one, piece, a_at + done) != 0 ||
            file_pread_all(b, other, piece, b_at + done) != 0) {
            return err_set(e, E_IO, "comparing two objects");
        }
        if (memcmp(one, other, piece) != 0) {
            *ret_same = false;
            return E_OK;
        }
        done += piece;
    }
    *ret_same = true;
    return E_OK;
}

// The same data set in the same transfer syntax, whatever stands before it in the file.
static int same_content(struct batch *b, const struct entry *entry, int fd,
                        const struct register_known *known, bool *ret_same, struct err *e) {
    uint64_t body = entry->len - entry->record.body_offset;
    if (known->bytes < known->body_offset || known->bytes - known->body_offset != body ||
        !slice_eq_str(entry->record.syntax, known->syntax)) {
        *ret_same = false;
        return E_OK;
    }
    CLEANUP(cleanup_fd) int old = -1;
    int rc = store_object_open(archive_store(b->archive), &known->object, &old, e);
    return rc == E_OK ? same_bytes(fd, entry->record.body_offset, old, known->body_offset, body,
                                   ret_same, e)
                      : rc;
}

// `fd` reads the entry's file.
static void decide_against(struct batch *b, struct entry *entry, int fd,
                           const struct register_known *known) {
    struct err e = {0};
    bool same = hash_eq(&known->object, &entry->hash);
    int rc = same ? E_OK : same_content(b, entry, fd, known, &same, &e);
    if (rc != E_OK) {
        entry_decide(entry, INTAKE_FAILED, &e);
    } else if (same) {
        entry->result.object = known->object;
        entry_decide(entry, INTAKE_DUPLICATE, NULL);
    } else {
        err_set(&e, E_CONFLICT,
                "a different object with this SOP Instance UID is in the archive and stays");
        err_in(&e, "(0008,0018)");
        entry_decide(entry, INTAKE_CONFLICT, &e);
    }
}

// An object whose file was lost comes back with the same bytes.
static bool is_lost(struct batch *b, const struct entry *entry,
                    const struct register_known *known) {
    struct err ignored = {0};
    CLEANUP(cleanup_fd) int fd = -1;
    return hash_eq(&known->object, &entry->hash) &&
           store_object_open(archive_store(b->archive), &known->object, &fd, &ignored) ==
               E_NOT_FOUND;
}

static void bring_back(struct batch *b, struct entry *entry) {
    struct err e = {0};
    bool fresh;
    int rc = store_promote(archive_store(b->archive), &entry->item, &fresh, &e);
    rc = rc == E_OK ? store_sync(archive_store(b->archive), &e) : rc;
    entry->result.object = entry->hash;
    entry_decide(entry, rc == E_OK ? INTAKE_STORED : INTAKE_FAILED, &e);
}

static void check_catalogue(struct batch *b, struct db *db, struct entry *entry) {
    struct err e = {0};
    struct register_known known;
    int rc = register_find(db, entry->record.texts[ATTRIBUTE_sop_instance], &known, &e);
    if (rc < 0) {
        entry_decide(entry, INTAKE_FAILED, &e);
    } else if (rc == 1 && is_lost(b, entry, &known)) {
        bring_back(b, entry);
    } else if (rc == 1) {
        decide_against(b, entry, entry->item.fd, &known);
    }
}

static int check_all(struct batch *b, struct err *e) {
    struct db *db;
    int rc = archive_reader(b->archive, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    for (size_t i = 0; i < b->count; i++) {
        if (!b->entries[i]->decided) {
            check_catalogue(b, db, b->entries[i]);
        }
    }
    archive_reader_done(b->archive, db);
    return E_OK;
}

// --- objects, then rows

static int promote_all(struct batch *b, struct err *e) {
    bool any = false;
    for (size_t i = 0; i < b->count; i++) {
        struct entry *entry = b->entries[i];
        struct err why = {0};
        bool fresh;
        if (entry->decided) {
            continue;
        }
        entry->kept = fcntl(entry->item.fd, F_DUPFD_CLOEXEC, 0);
        if (store_promote(archive_store(b->archive), &entry->item, &fresh, &why) != E_OK) {
            entry_decide(entry, INTAKE_FAILED, &why);
        }
        any = any || !entry->decided;
    }
    return any ? store_sync(archive_store(b->archive), e) : E_OK;
}

// A deletion of the same bytes may have come between, or another process that found their UID taken
// and removed them; all hold the catalogue's write lock, so that one of them sees the other.
static int object_is_there(struct batch *b, const struct entry *entry, struct err *e) {
    CLEANUP(cleanup_fd) int fd = -1;
    int rc = store_object_open(archive_store(b->archive), &entry->hash, &fd, e);
    return rc == E_OK ? E_OK : err_context(e, "the object was deleted meanwhile; try again");
}

static bool is_registered(struct db *db, const struct entry *entry) {
    struct err ignored = {0};
    struct register_known known;
    return register_find(db, entry->record.texts[ATTRIBUTE_sop_instance], &known, &ignored) == 1;
}

// In one transaction. Instances that another process registered meanwhile are left undecided in the
// first `*ret_late` places of `late`; everything else is stored when it returns E_OK.
static int write_rows(struct batch *b, struct db *db, struct entry **late, size_t *ret_late,
                      struct err *e) {
    struct register_batch *rows;
    int rc = register_begin(db, clock_now(archive_clock(b->archive)), &rows, e);
    if (rc != E_OK) {
        return rc;
    }
    size_t late_count = 0;
    for (size_t i = 0; rc == E_OK && i < b->count; i++) {
        struct entry *entry = b->entries[i];
        if (entry->decided) {
            continue;
        }
        struct err why = {0};
        rc = object_is_there(b, entry, &why);
        if (rc != E_OK && !is_registered(db, entry)) {
            entry_decide(entry, INTAKE_FAILED, &why);
            rc = E_OK;
            continue;
        }
        rc = rc == E_OK ? register_add(rows, &entry->record, &entry->hash, entry->len, e)
                        : E_CONFLICT;
        if (rc == E_OK && b->delivery != NULL) {
            rc = entry_record(db, entry, b->delivery->id, clock_now(archive_clock(b->archive)), e);
        } else if (rc == E_CONFLICT) {
            late[late_count++] = entry;
            err_clear(e);
            rc = E_OK;
        }
    }
    if (rc != E_OK) {
        register_rollback(rows);
        return rc;
    }
    *ret_late = late_count;
    return register_commit(rows, e);
}

// The loser's object has no row and none will name it: its UID is taken. Another loser with the
// same bytes may have removed it already.
static void decide_late(struct batch *b, struct db *db, struct entry *entry) {
    struct err e = {0};
    struct register_known known;
    int rc = register_find(db, entry->record.texts[ATTRIBUTE_sop_instance], &known, &e);
    if (rc != 1) {
        if (rc == 0) {
            err_set(&e, E_BUSY, "the instance was deleted meanwhile; try again");
        }
        entry_decide(entry, INTAKE_FAILED, &e);
        return;
    }
    decide_against(b, entry, entry->kept, &known);
    if (!hash_eq(&known.object, &entry->hash)) {
        archive_remove_unnamed(b->archive, db, &entry->hash);
    }
}

static bool is_late(const struct entry *entry, struct entry **late, size_t late_count) {
    for (size_t i = 0; i < late_count; i++) {
        if (late[i] == entry) {
            return true;
        }
    }
    return false;
}

static int register_all(struct batch *b, struct err *e) {
    struct entry *late[INTAKE_BATCH_MAX];
    size_t late_count = 0;
    bool any = false;
    for (size_t i = 0; i < b->count; i++) {
        any = any || !b->entries[i]->decided;
    }
    if (!any) {
        return E_OK;
    }
    struct db *db = archive_writer(b->archive);
    int rc = write_rows(b, db, late, &late_count, e);
    for (size_t i = 0; rc == E_OK && i < b->count; i++) {
        struct entry *entry = b->entries[i];
        if (!entry->decided && is_late(entry, late, late_count)) {
            decide_late(b, db, entry);
        } else if (!entry->decided) {
            entry->result.object = entry->hash;
            entry_decide(entry, INTAKE_STORED, NULL);
        }
    }
    archive_writer_done(b->archive);
    return rc;
}

static void commit_once(struct batch *b) {
    struct err e = {0};
    int rc = check_all(b, &e);
    rc = rc == E_OK ? promote_all(b, &e) : rc;
    rc = rc == E_OK ? register_all(b, &e) : rc;
    if (rc != E_OK) {
        fail_undecided(b, &e);
    }
}

static bool same_uid(const struct entry *a, const struct entry *b) {
    return slice_eq(a->record.texts[ATTRIBUTE_sop_instance],
                    b->record.texts[ATTRIBUTE_sop_instance]);
}

// Those whose UID an earlier one of the batch has wait for the next round, when it is in the
// catalogue.
static size_t take_round(struct entry **entries, size_t count, struct entry **round) {
    size_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        bool waits = entries[i]->decided;
        for (size_t k = 0; k < taken && !waits; k++) {
            waits = same_uid(entries[i], round[k]);
        }
        if (!waits) {
            round[taken++] = entries[i];
        }
    }
    return taken;
}

void entries_commit(struct archive *a, const struct delivery *d, struct entry **entries,
                    size_t count) {
    struct entry *round[INTAKE_BATCH_MAX];
    size_t taken;
    while ((taken = take_round(entries, count, round)) > 0) {
        struct batch b = {a, d, round, taken};
        commit_once(&b);
    }
}
