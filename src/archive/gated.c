// SPDX-License-Identifier: Apache-2.0
// An entry on its way through the gate: where its bytes come from, what is known of it before, and
// what becomes of it after its verdict. The calls that run it through: gating.c.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/delivery.h"
#include "archive/entry.h"
#include "archive/gating_json.h"
#include "archive/register.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "db/db.h"
#include "store/held.h"
#include "store/inbox.h"
#include "store/seal.h"

#define PIECE ((size_t)1 << 17)

uint64_t entry_number(void) {
    struct rng r = rng_kernel();
    uint64_t number;
    rng_bytes(&r, &number, sizeof number);
    return number >> 1;
}

// --- where the bytes come from

static bool is_same_file(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

// The name is not in the message: it may name somebody, and the caller knows it.
static int open_path(const struct entry *entry, int *ret_fd, struct err *e) {
    struct stat st;
    CLEANUP(cleanup_fd) int fd = open(entry->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        return err_set_errno(e, errno, "the file cannot be read any more");
    }
    if (!is_same_file(&st, &entry->path_stat)) {
        return err_set(e, E_IO, "the file was changed while it was looked at");
    }
    *ret_fd = steal_fd(&fd);
    return E_OK;
}

static int duplicate_fd(int fd, int *ret_fd, struct err *e) {
    *ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return *ret_fd >= 0 ? E_OK : err_set_errno(e, errno, "cannot keep a file open");
}

static struct seal_name item_name_of(const struct delivery *d, const struct entry *entry) {
    struct seal_name name = {.number = entry->number};
    memcpy(name.delivery, d->id, sizeof name.delivery);
    return name;
}

int entry_open_in(struct archive *a, const struct delivery *d, struct entry *entry, int *ret_fd,
                  struct err *e) {
    struct seal_name name = item_name_of(d, entry);
    uint64_t len = 0;
    if (entry->path != NULL) {
        return open_path(entry, ret_fd, e);
    }
    if (entry->source >= 0) {
        return duplicate_fd(entry->source, ret_fd, e);
    }
    if (entry->inbox != NULL) {
        return store_inbox_open_plain(entry->inbox, entry->number, d->seal, d->id, entry->len,
                                      ret_fd, e);
    }
    if (entry->hold_id != 0) {
        return store_held_open(archive_store(a), d->seal, &name, ret_fd, &len, e);
    }
    return seal_read_memory(d->seal, &name, entry->item.fd, seal_file_len(entry->item.len), ret_fd,
                            &len, e);
}

// --- what is known before

static int hash_file(int fd, struct hash *ret_hash, uint64_t *ret_len, struct err *e) {
    struct hash_stream *stream = hash_stream_new();
    uint8_t *piece = mem_alloc(PIECE);
    uint64_t at = 0;
    int rc = stream == NULL || piece == NULL ? err_set(e, E_MEMORY, "reading a file") : E_OK;
    while (rc == E_OK) {
        ssize_t got = pread(fd, piece, PIECE, (off_t)at);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            hash_stream_add(stream, piece, (size_t)got);
            at += (uint64_t)got;
        } else if (errno != EINTR) {
            rc = err_set_errno(e, errno, "the file cannot be read");
        }
    }
    if (rc == E_OK) {
        *ret_hash = hash_stream_end(stream);
        *ret_len = at;
    }
    hash_stream_free(stream);
    mem_free(piece);
    return rc;
}

static int mark(struct archive *a, const struct delivery *d, struct entry *entry, struct err *e) {
    if (entry->mac_known) {
        return E_OK;
    }
    struct hash plain = entry->item.hash;
    int rc = E_OK;
    if (!entry->item.encrypted) {
        CLEANUP(cleanup_fd) int fd = -1;
        rc = entry_open_in(a, d, entry, &fd, e);
        rc = rc == E_OK ? hash_file(fd, &plain, &entry->len, e) : rc;
    }
    rc = rc == E_OK ? store_source_mac(archive_store(a), &plain, &entry->mac, e) : rc;
    entry->mac_known = rc == E_OK;
    return rc;
}

static void take_row(struct entry *entry, const struct source_row *row) {
    struct intake_result *r = &entry->result;
    memcpy(r->sop_instance, row->sop_instance, sizeof r->sop_instance);
    memcpy(r->study, row->study, sizeof r->study);
    memcpy(r->series, row->series, sizeof r->series);
}

static int recognise(struct archive *a, struct db *db, struct entry *entry,
                     const struct source_row *row, struct err *e) {
    struct register_known known;
    int rc = register_find(db, slice_str(row->sop_instance), &known, e);
    CLEANUP(cleanup_fd) int fd = -1;
    if (rc == 1 && store_object_open(archive_store(a), &known.object, &fd, e) == E_OK) {
        take_row(entry, row);
        memcpy(entry->result.sop_class, known.sop_class, sizeof known.sop_class);
        entry->result.object = known.object;
        entry_decide(entry, INTAKE_DUPLICATE, NULL);
    }
    err_clear(e); // a lost object comes back by the usual way
    return rc < 0 ? rc : E_OK;
}

static int recognise_held(struct db *db, struct entry *entry, const struct source_row *row,
                          struct err *e) {
    struct arena m;
    struct hold_row hold;
    arena_init(&m, (size_t)32 << 20);
    int rc = hold_find(db, row->hold, &m, &hold, e);
    if (rc == E_OK && hold.state <= HOLD_SECOND) {
        struct err why = {0};
        take_row(entry, row);
        entry->result.hold = row->hold;
        (void)snprintf(entry->result.reason, sizeof entry->result.reason, "%.*s",
                       (int)slice_find(hold.reasons, ' '), (const char *)hold.reasons.ptr);
        err_set(&why, E_HELD, "it waits for a person already");
        entry_decide(entry, INTAKE_HELD, &why);
    }
    arena_done(&m);
    err_clear(e);
    return rc == E_NOT_FOUND ? E_OK : rc;
}

int entry_recognise(struct archive *a, const struct delivery *d, struct entry *entry,
                    struct err *e) {
    struct source_row row;
    struct db *db;
    int rc = mark(a, d, entry, e);
    rc = rc == E_OK && entry->hold_id == 0 ? archive_reader(a, &db, e) : rc;
    if (rc != E_OK || entry->hold_id != 0) {
        return rc;
    }
    rc = source_find(db, &entry->mac, &row, e);
    if (rc == 1 && row.verdict == SOURCE_RELEASED) {
        rc = recognise(a, db, entry, &row, e);
    } else if (rc == 1 && row.verdict == SOURCE_HELD) {
        rc = recognise_held(db, entry, &row, e);
    }
    archive_reader_done(a, db);
    return rc < 0 ? rc : E_OK;
}

// --- the verdict

static void take_uids(struct intake_result *r, const struct gate_passed *p) {
    (void)snprintf(r->sop_class, sizeof r->sop_class, "%s", p->sop_class);
    (void)snprintf(r->sop_instance, sizeof r->sop_instance, "%s", p->sop_instance);
    (void)snprintf(r->study, sizeof r->study, "%s", p->study);
    (void)snprintf(r->series, sizeof r->series, "%s", p->series);
    (void)snprintf(r->sent_instance, sizeof r->sent_instance, "%s", p->source_instance);
}

// The sentence of the first reason; a structural refusal has its place. Neither holds a value.
static struct err why_of(const struct gate_passed *p, int code) {
    struct err why = {0};
    enum gate_reason reason = p->reason_count > 0 ? p->reasons[0] : GATE_REASON_CLEANING_FAILED;
    if (p->verdict == GATE_REFUSED && p->why.code != E_OK) {
        return p->why;
    }
    err_set(&why, code, "%s", gate_reason_words(reason));
    return why;
}

static void take_hold(struct archive *a, struct entry *entry, const struct gate_passed *p) {
    struct hold_row *row = &entry->held.row;
    const struct intake_result *r = &entry->result;
    *row = (struct hold_row){.since = clock_now(archive_clock(a)),
                             .frames = p->frames,
                             .rows = p->rows,
                             .columns = p->columns,
                             .bytes = entry->len,
                             .points = p->risk.points};
    memcpy(row->sop_instance, r->sop_instance, sizeof row->sop_instance);
    memcpy(row->sop_class, r->sop_class, sizeof row->sop_class);
    memcpy(row->study, r->study, sizeof row->study);
    memcpy(row->series, r->series, sizeof row->series);
    memcpy(row->patient, entry->patient, sizeof row->patient);
    (void)snprintf(row->modality, sizeof row->modality, "%s", p->modality);
    entry->held.slice = p->slice;
    row->slice = p->slice.is_slice ? slice_of(&entry->held.slice, sizeof entry->held.slice)
                                   : (struct slice){0};
    gating_json(p, &entry->held.texts, row);
    entry->held.wanted = true;
}

// A person said that the face which the gate removes is well removed: where it removed none, that
// was not what they saw.
static struct gate_passed as_ordered(const struct entry *entry, const struct gate_passed *p) {
    struct gate_passed out = *p;
    if (entry->wants_defaced && p->verdict == GATE_RELEASED &&
        (p->methods & GATE_METHOD_FEATURES) == 0) {
        out.verdict = GATE_HELD;
        out.reason_count = 1;
        out.reasons[0] = GATE_REASON_FACE;
    }
    return out;
}

void entry_take_verdict(struct archive *a, struct entry *entry, const struct gate_passed *told) {
    struct intake_result *r = &entry->result;
    const struct gate_passed passed = as_ordered(entry, told), *p = &passed;
    take_uids(r, p);
    entry->gated = true;
    entry->out_len = p->out_len;
    entry->has_pixels = p->has_pixels && p->examined;
    memcpy(entry->patient, p->origin.patient, sizeof entry->patient);
    r->findings = p->line_count;
    struct err e = {0};
    if (entry->has_pixels &&
        store_pixel_mac(archive_store(a), p->pixel_digest, &entry->pixels, &e) != E_OK) {
        entry_decide(entry, INTAKE_FAILED, &e);
        return;
    }
    if (p->verdict == GATE_RELEASED) {
        return;
    }
    if (p->reason_count > 0) {
        (void)snprintf(r->reason, sizeof r->reason, "%.31s", gate_reason_code(p->reasons[0]));
    }
    r->why = why_of(p, p->verdict == GATE_HELD ? E_HELD : E_DENIED);
    if (p->verdict == GATE_HELD) {
        take_hold(a, entry, p);
    } else {
        entry_decide(entry, INTAKE_REFUSED, &r->why);
    }
}

// --- released

static int copy_memory(struct entry *entry, struct store_item *item, struct err *e) {
    uint8_t *piece = mem_alloc(PIECE);
    int rc = piece == NULL ? err_set(e, E_MEMORY, "copy buffer") : E_OK;
    for (uint64_t at = 0; rc == E_OK && at < entry->out_len;) {
        size_t n = entry->out_len - at < PIECE ? (size_t)(entry->out_len - at) : PIECE;
        if (file_pread_all(entry->out.fd, piece, n, at) != 0) {
            rc = err_set(e, E_CRASHED, "the gate wrote less than it said");
        } else {
            rc = store_item_write(item, piece, n, e);
            at += n;
        }
    }
    mem_free(piece);
    return rc;
}

struct copying {
    struct store_item *item;
    uint64_t left;
};

static int put_plain(void *context, struct slice bytes, struct err *e) {
    struct copying *c = context;
    size_t n = bytes.len < c->left ? bytes.len : (size_t)c->left;
    c->left -= n;
    return n == 0 ? E_OK : store_item_write(c->item, bytes.ptr, n, e);
}

static int copy_out(const struct delivery *d, struct entry *entry, struct store_item *item,
                    struct err *e) {
    if (entry->out.fd >= 0) {
        return copy_memory(entry, item, e);
    }
    const struct store_item *from = &entry->out.item;
    struct seal_name name = {.number = entry->out.number};
    memcpy(name.delivery, d->id, sizeof name.delivery);
    struct copying c = {item, entry->out_len};
    return seal_read(d->seal, &name, from->fd, seal_file_len(from->len), put_plain, &c, e);
}

// A worker may still hold the descriptor it wrote to: what is copied is what is hashed and read.
void entry_take_out(struct archive *a, const struct delivery *d, struct store_delivery *folder,
                    struct entry *entry) {
    struct store_item item = {.fd = -1};
    struct err e = {0};
    (void)a;
    int rc = store_item_begin(folder, &item, &e);
    rc = rc == E_OK ? copy_out(d, entry, &item, &e) : rc;
    rc = rc == E_OK ? store_item_seal(&item, &e) : rc;
    if (rc != E_OK) {
        store_item_done(&item);
        entry_decide(entry, INTAKE_FAILED, &e);
        return;
    }
    store_item_done(&entry->item); // as it came
    entry->item = item;
    entry->hash = item.hash;
    entry->len = item.len;
}

// --- held

static int copy_held(struct archive *a, const struct delivery *d, struct entry *entry,
                     struct err *e) {
    CLEANUP(cleanup_fd) int fd = -1;
    int rc = entry_open_in(a, d, entry, &fd, e);
    entry->number = entry_number();
    struct seal_name name = item_name_of(d, entry);
    return rc == E_OK ? store_held_copy(archive_store(a), d->seal, &name, fd, e) : rc;
}

void entry_keep_held(struct archive *a, const struct delivery *d, struct entry *entry) {
    struct err e = {0};
    struct seal_name name = item_name_of(d, entry);
    int rc = E_OK;
    if (entry->hold_id != 0) {
        rc = E_OK; // it lies there
    } else if (entry->inbox != NULL) {
        rc = store_inbox_hold(entry->inbox, entry->number, d->id, entry->len, &e);
    } else if (entry->item.encrypted) {
        rc = store_held_take(archive_store(a), &entry->item, &name, &e);
    } else {
        rc = copy_held(a, d, entry, &e);
    }
    if (rc != E_OK) {
        entry_decide(entry, INTAKE_FAILED, &e);
    }
}

// --- rows

static struct source_row source_of(const struct entry *entry, const char *delivery,
                                   enum source_verdict verdict, int64_t hold) {
    struct source_row row = {.mac = entry->mac, .verdict = (int)verdict, .hold = hold};
    (void)snprintf(row.delivery, sizeof row.delivery, "%s", delivery);
    memcpy(row.sop_instance, entry->result.sop_instance, sizeof row.sop_instance);
    memcpy(row.study, entry->result.study, sizeof row.study);
    memcpy(row.series, entry->result.series, sizeof row.series);
    memcpy(row.patient, entry->patient, sizeof row.patient);
    return row;
}

int entry_record(struct db *writer, const struct entry *entry, const char *delivery, usec now,
                 struct err *e) {
    struct source_row row = source_of(entry, delivery, SOURCE_RELEASED, entry->hold_id);
    int rc = source_put(writer, &row, e);
    if (rc == E_OK && entry->has_pixels) {
        rc = pixels_put(writer, &entry->pixels, entry->result.sop_instance, delivery, e);
    }
    if (rc == E_OK && entry->hold_id != 0) {
        rc = hold_set_state(writer, entry->hold_id, HOLD_RELEASED, now, e);
    }
    return rc;
}

static int write_hold(struct db *db, const struct delivery *d, struct entry *entry, struct err *e) {
    struct hold_row *row = &entry->held.row;
    int rc;
    if (entry->hold_id != 0) {
        row->id = entry->hold_id;
        rc = hold_update(db, row, e);
    } else {
        memcpy(row->delivery, d->id, sizeof row->delivery);
        row->number = entry->number;
        row->source = entry->mac;
        row->custody = entry->inbox != NULL ? entry->number : 0;
        rc = hold_put(db, row, &entry->result.hold, e);
    }
    if (rc != E_OK || entry->hold_id != 0) {
        entry->result.hold = entry->hold_id != 0 ? entry->hold_id : entry->result.hold;
        return rc;
    }
    struct source_row source = source_of(entry, d->id, SOURCE_HELD, entry->result.hold);
    return source_put(db, &source, e);
}

static bool is_refused(const struct entry *entry) {
    return entry->decided && entry->result.verdict == INTAKE_REFUSED && entry->gated &&
           entry->mac_known && entry->hold_id == 0;
}

static int write_all(struct db *db, const struct delivery *d, struct entry **entries, size_t count,
                     struct err *e) {
    int rc = E_OK;
    for (size_t i = 0; i < count && rc == E_OK; i++) {
        if (is_refused(entries[i])) {
            struct source_row row = source_of(entries[i], d->id, SOURCE_REFUSED, 0);
            rc = source_put(db, &row, e);
        } else if (!entries[i]->decided) {
            rc = write_hold(db, d, entries[i], e);
        }
    }
    return rc;
}

void entries_hold(struct archive *a, const struct delivery *d, struct entry **entries,
                  size_t count) {
    struct err e = {0};
    int rc = store_held_sync(archive_store(a), &e);
    if (rc == E_OK) {
        struct db *db = archive_writer(a);
        rc = db_begin(db, &e);
        rc = rc == E_OK ? write_all(db, d, entries, count, &e) : rc;
        rc = rc == E_OK ? db_commit(db, &e) : rc;
        archive_writer_done(a);
    }
    for (size_t i = 0; i < count; i++) {
        if (!entries[i]->decided) {
            struct err why = entries[i]->result.why;
            entry_decide(entries[i], rc == E_OK ? INTAKE_HELD : INTAKE_FAILED,
                         rc == E_OK ? &why : &e);
        }
    }
}
