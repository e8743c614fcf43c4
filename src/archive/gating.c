// SPDX-License-Identifier: Apache-2.0
#include "archive/gating.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/delivery.h"
#include "archive/entry.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "db/db.h"
#include "gate/delivery.h"
#include "store/seal.h"
#include "store/store.h"

#define PIECE ((size_t)1 << 17)

struct gating {
    struct gating_options options;
    struct gate_door door;
    struct gate_delivery *gate;
    pthread_mutex_t lock; // of the next three
    pthread_cond_t room;
    uint64_t written; // bytes in memory that wait for a verdict
    uint64_t reading; // bytes in memory that are looked at
};

static struct entry *entry_of(uint64_t tag) { return (struct entry *)(uintptr_t)tag; }

// --- what comes in

static bool is_decrypted(const struct entry *entry) {
    return entry->path == NULL && entry->source < 0;
}

// Those that are decrypted to memory wait for room; one alone always has it.
static void take_room(struct gating *g, struct entry *entry) {
    if (!is_decrypted(entry)) {
        return;
    }
    (void)pthread_mutex_lock(&g->lock);
    while (g->reading > 0 && g->reading + entry->len > GATING_IN_MEMORY_MAX) {
        (void)pthread_cond_wait(&g->room, &g->lock);
    }
    g->reading += entry->len - entry->in_memory;
    entry->in_memory = entry->len;
    (void)pthread_mutex_unlock(&g->lock);
}

static void give_room(struct gating *g, struct entry *entry) {
    (void)pthread_mutex_lock(&g->lock);
    g->reading -= entry->in_memory;
    entry->in_memory = 0;
    (void)pthread_cond_broadcast(&g->room);
    (void)pthread_mutex_unlock(&g->lock);
}

static int open_in(void *context, uint64_t tag, int *ret_fd, struct err *e) {
    struct gating *g = context;
    struct entry *entry = entry_of(tag);
    if (!entry->passed) { // later ones are few at once
        take_room(g, entry);
    }
    return entry_open_in(g->options.archive, g->options.delivery, entry, ret_fd, e);
}

// --- what is written

void gating_drop(struct gating *g, struct entry *entry) {
    struct entry_out *out = &entry->out;
    cleanup_fd(&out->fd);
    store_item_done(&out->item);
    (void)pthread_mutex_lock(&g->lock);
    g->written -= out->counted;
    (void)pthread_mutex_unlock(&g->lock);
    *out = (struct entry_out){.fd = -1, .item = {.fd = -1}};
}

static void drop_out(void *context, uint64_t tag) { gating_drop(context, entry_of(tag)); }

static int open_out(void *context, uint64_t tag, int *ret_fd, struct err *e) {
    struct entry *entry = entry_of(tag);
    drop_out(context, tag);
    CLEANUP(cleanup_fd) int fd = memfd_create("maclab", MFD_CLOEXEC);
    int second = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (second < 0) {
        return err_set_errno(e, errno, "no memory for a file of the gate");
    }
    entry->out.fd = steal_fd(&fd);
    *ret_fd = second;
    return E_OK;
}

static int open_written(void *context, uint64_t tag, int *ret_fd, struct err *e) {
    struct gating *g = context;
    struct entry *entry = entry_of(tag);
    const struct entry_out *out = &entry->out;
    char path[40];
    if (out->fd < 0) {
        struct seal_name name = {.number = out->number};
        uint64_t len = 0;
        memcpy(name.delivery, g->options.delivery->id, sizeof name.delivery);
        return seal_read_memory(g->options.delivery->seal, &name, out->item.fd,
                                seal_file_len(out->item.len), ret_fd, &len, e);
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", out->fd);
    *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
    return *ret_fd >= 0 ? E_OK : err_set_errno(e, errno, "cannot read a file of the gate again");
}

// --- out of memory, encrypted

static int spill_bytes(struct entry *entry, uint64_t len, struct store_item *item, struct err *e) {
    uint8_t *piece = mem_alloc(PIECE);
    int rc = piece == NULL ? err_set(e, E_MEMORY, "copy buffer") : E_OK;
    for (uint64_t at = 0; rc == E_OK && at < len;) {
        size_t n = len - at < PIECE ? (size_t)(len - at) : PIECE;
        if (file_pread_all(entry->out.fd, piece, n, at) != 0) {
            rc = err_set_errno(e, errno, "cannot read a file of the gate again");
        } else {
            rc = store_item_write(item, piece, n, e);
            at += n;
        }
    }
    mem_free(piece);
    return rc;
}

// What cannot be put away stays where it is.
static void spill(struct gating *g, struct entry *entry, uint64_t len) {
    const struct delivery *d = g->options.delivery;
    struct store_item item = {.fd = -1};
    struct err e = {0};
    struct seal_name name = {.number = entry_number()};
    memcpy(name.delivery, d->id, sizeof name.delivery);
    int rc = store_item_begin_encrypted(g->options.folder, d->seal, &name, &item, &e);
    rc = rc == E_OK ? spill_bytes(entry, len, &item, &e) : rc;
    rc = rc == E_OK ? store_item_seal(&item, &e) : rc;
    if (rc != E_OK) {
        store_item_done(&item);
        return;
    }
    entry->out.item = item;
    entry->out.number = name.number;
    cleanup_fd(&entry->out.fd);
    (void)pthread_mutex_lock(&g->lock);
    g->written -= entry->out.counted;
    entry->out.counted = 0;
    (void)pthread_mutex_unlock(&g->lock);
}

static void passed(void *context, uint64_t tag) {
    struct gating *g = context;
    struct entry *entry = entry_of(tag);
    struct stat st;
    entry->passed = true;
    give_room(g, entry);
    if (entry->out.fd < 0 || fstat(entry->out.fd, &st) != 0) {
        return;
    }
    (void)pthread_mutex_lock(&g->lock);
    g->written += (uint64_t)st.st_size - entry->out.counted;
    entry->out.counted = (uint64_t)st.st_size;
    bool over = g->written > GATING_MEMORY_MAX;
    (void)pthread_mutex_unlock(&g->lock);
    if (over) {
        spill(g, entry, (uint64_t)st.st_size);
    }
}

// --- what the archive knows

static uint32_t earlier(void *context, const char *series_uid) {
    struct gating *g = context;
    struct err ignored = {0};
    struct db *db;
    uint32_t count = 0;
    if (archive_reader(g->options.archive, &db, &ignored) == E_OK) {
        (void)source_count_series(db, series_uid, &count, &ignored);
        archive_reader_done(g->options.archive, db);
    }
    return count;
}

static int known(void *context, uint64_t tag, const struct gate_passed *p, bool *ret_known,
                 struct err *e) {
    struct gating *g = context;
    struct hash digest;
    struct db *db;
    (void)tag;
    int rc = store_pixel_mac(archive_store(g->options.archive), p->pixel_digest, &digest, e);
    rc = rc == E_OK ? archive_reader(g->options.archive, &db, e) : rc;
    if (rc == E_OK) {
        rc = pixels_find(db, &digest, g->options.delivery->id, ret_known, e);
        archive_reader_done(g->options.archive, db);
    }
    return rc;
}

static void decided(void *context, uint64_t tag, const struct gate_passed *p) {
    struct gating *g = context;
    struct entry *entry = entry_of(tag);
    entry_take_verdict(g->options.archive, entry, p);
    g->options.decided(g->options.context, entry);
}

static void failed(void *context, uint64_t tag, const struct err *why) {
    struct gating *g = context;
    struct entry *entry = entry_of(tag);
    entry_decide(entry, INTAKE_FAILED, why);
    g->options.decided(g->options.context, entry);
}

static int scratch(void *context, int *ret_fd, struct err *e) {
    (void)context;
    *ret_fd = memfd_create("maclab", MFD_CLOEXEC);
    return *ret_fd >= 0 ? E_OK : err_set_errno(e, errno, "no memory for a volume");
}

// --- a run

int gating_new(const struct gating_options *options, struct gating **ret_gating, struct err *e) {
    struct gating *g = mem_zalloc(sizeof *g);
    if (g == NULL) {
        return err_set(e, E_MEMORY, "gate");
    }
    g->options = *options;
    (void)pthread_mutex_init(&g->lock, NULL);
    (void)pthread_cond_init(&g->room, NULL);
    g->door = (struct gate_door){.open_in = open_in,
                                 .open_out = open_out,
                                 .drop_out = drop_out,
                                 .open_written = open_written,
                                 .passed = passed,
                                 .earlier = earlier,
                                 .known = known,
                                 .decided = decided,
                                 .failed = failed,
                                 .context = g};
    const struct gate_delivery_options gate = {.pool = archive_workers(options->archive),
                                               .reader = archive_gate_reader(options->archive),
                                               .profile = archive_profile(options->archive),
                                               .key = options->delivery->gate,
                                               .at_once = options->at_once,
                                               .hold_doubles = true,
                                               .door = &g->door,
                                               .scratch = scratch};
    int rc = gate_delivery_new(&gate, &g->gate, e);
    if (rc != E_OK) {
        gating_free(g);
        return rc;
    }
    *ret_gating = g;
    return E_OK;
}

int gating_add(struct gating *g, struct entry *entry, const char *name, struct err *e) {
    struct err why = {0};
    if (entry->len > GATING_FILE_MAX) {
        err_set(&why, E_LIMIT, "the file is larger than %llu bytes, the most that is looked at",
                (unsigned long long)GATING_FILE_MAX);
        entry_decide(entry, INTAKE_REFUSED, &why);
        g->options.decided(g->options.context, entry);
        return E_OK;
    }
    return gate_delivery_add(g->gate, (uint64_t)(uintptr_t)entry, name,
                             entry->has_orders ? &entry->orders : NULL, e);
}

int gating_finish(struct gating *g, struct err *e) {
    int rc = gate_delivery_finish(g->gate, e);
    struct gate_tally tally;
    gate_delivery_tally(g->gate, &tally);
    return rc == E_OK ? delivery_add_tally(g->options.archive, g->options.delivery->id, &tally, e)
                      : rc;
}

void gating_free(struct gating *g) {
    if (g != NULL) {
        gate_delivery_free(g->gate);
        (void)pthread_cond_destroy(&g->room);
        (void)pthread_mutex_destroy(&g->lock);
        mem_free(g);
    }
}
