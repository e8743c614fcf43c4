// SPDX-License-Identifier: Apache-2.0
// Arrivals: DATA/quarantine/<delivery>/<number>, with a lock file in each delivery's folder that
// tells the living from the dead. Encrypted before the gate, plain behind it (see store.h).
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "store/seal.h"
#include "store/store_priv.h"

#define COPY_PIECE ((size_t)1 << 17)
#define LOCK_NAME "lock"
#define ID_BYTES 8

struct store_delivery {
    struct store *store;
    char id[2 * ID_BYTES + 1];
    int fd;
    int lock;
    atomic_uint_least64_t next;
    _Atomic(uint8_t *) piece; // a copy buffer that no item is using
};

// --- deliveries

// The folder comes into being under a name with a dot and gets its real name once it is locked.
static int make_folder(struct store_delivery *d, struct err *e) {
    struct store *s = d->store;
    char fresh[sizeof d->id + 8];
    (void)snprintf(fresh, sizeof fresh, ".%s.new", d->id);
    if (mkdirat(s->quarantine_fd, fresh, STORE_DIR_MODE) != 0) {
        return err_set_errno(e, errno, "cannot make a folder in %s/quarantine", s->dir);
    }
    d->fd = openat(s->quarantine_fd, fresh, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (d->fd >= 0) {
        d->lock =
            openat(d->fd, LOCK_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, STORE_FILE_MODE);
    }
    if (d->fd < 0 || d->lock < 0 || flock(d->lock, LOCK_EX | LOCK_NB) != 0 ||
        renameat(s->quarantine_fd, fresh, s->quarantine_fd, d->id) != 0) {
        int why = errno;
        if (d->fd >= 0) {
            (void)unlinkat(d->fd, LOCK_NAME, 0);
        }
        (void)unlinkat(s->quarantine_fd, fresh, AT_REMOVEDIR);
        return err_set_errno(e, why, "cannot set up a delivery in %s/quarantine", s->dir);
    }
    return E_OK;
}

static void name_delivery(struct store_delivery *d) {
    static const char digits[] = "0123456789abcdef";
    struct rng r = rng_kernel();
    uint8_t bytes[ID_BYTES];
    rng_bytes(&r, bytes, sizeof bytes);
    for (size_t i = 0; i < ID_BYTES; i++) {
        d->id[2 * i] = digits[bytes[i] >> 4];
        d->id[2 * i + 1] = digits[bytes[i] & 15];
    }
}

int store_delivery_open(struct store *s, struct store_delivery **ret_delivery, struct err *e) {
    if (store_lock_intake(s, e) != E_OK) {
        return e->code;
    }
    struct store_delivery *d = mem_zalloc(sizeof *d);
    if (d == NULL) {
        return err_set(e, E_MEMORY, "delivery");
    }
    d->store = s;
    d->fd = d->lock = -1;
    name_delivery(d);
    int rc = make_folder(d, e);
    if (rc != E_OK) {
        cleanup_fd(&d->fd);
        cleanup_fd(&d->lock);
        mem_free(d);
        return rc;
    }
    *ret_delivery = d;
    return E_OK;
}

const char *store_delivery_id(const struct store_delivery *d) { return d->id; }

// Removes the files of an open folder; what cannot be removed makes the rmdir after it fail.
static void empty_folder(int fd) {
    int copy = dup(fd);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        cleanup_fd(&copy);
        return;
    }
    rewinddir(dir);
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)unlinkat(fd, entry->d_name, 0);
        }
    }
    (void)closedir(dir);
}

void store_delivery_close(struct store_delivery *d) {
    if (d == NULL) {
        return;
    }
    empty_folder(d->fd);
    (void)unlinkat(d->store->quarantine_fd, d->id, AT_REMOVEDIR);
    cleanup_fd(&d->fd);
    cleanup_fd(&d->lock);
    mem_free(atomic_load(&d->piece));
    mem_free(d);
}

// --- sweeping

static bool is_dead(int folder) {
    CLEANUP(cleanup_fd) int lock = openat(folder, LOCK_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return lock < 0 || flock(lock, LOCK_EX | LOCK_NB) == 0;
}

static void sweep_one(struct store *s, const char *name) {
    CLEANUP(cleanup_fd)
    int fd = openat(s->quarantine_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        (void)unlinkat(s->quarantine_fd, name, 0); // no folder: nobody's
    } else if (is_dead(fd)) {
        empty_folder(fd);
        (void)unlinkat(s->quarantine_fd, name, AT_REMOVEDIR);
    }
}

int quarantine_sweep(struct store *s, struct err *e) {
    int copy = openat(s->quarantine_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        int why = errno;
        cleanup_fd(&copy);
        return err_set_errno(e, why, "cannot read folder %s/quarantine", s->dir);
    }
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            sweep_one(s, entry->d_name);
        }
    }
    (void)closedir(dir);
    return E_OK;
}

// --- items

static void item_name(const struct store_item *i, char name[QUARANTINE_NAME_MAX]) {
    (void)snprintf(name, QUARANTINE_NAME_MAX, "%llu", (unsigned long long)i->number);
}

int store_item_begin(struct store_delivery *d, struct store_item *ret_item, struct err *e) {
    struct store_item i = {.delivery = d, .number = atomic_fetch_add(&d->next, 1) + 1};
    char name[QUARANTINE_NAME_MAX];
    item_name(&i, name);
    i.hashing = hash_stream_new();
    if (i.hashing == NULL) {
        return err_set(e, E_MEMORY, "arriving file");
    }
    i.fd =
        openat(d->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, STORE_FILE_MODE);
    if (i.fd < 0) {
        int why = errno;
        hash_stream_free(i.hashing);
        return err_set_errno(e, why, "cannot create a file in %s/quarantine", d->store->dir);
    }
    *ret_item = i;
    return E_OK;
}

int store_item_begin_encrypted(struct store_delivery *d, const struct seal_key *k,
                               const struct seal_name *name, struct store_item *ret_item,
                               struct err *e) {
    struct seal_writer *sealing = NULL;
    int rc = seal_writer_new(k, name, &sealing, e);
    rc = rc == E_OK ? store_item_begin(d, ret_item, e) : rc;
    if (rc != E_OK) {
        seal_writer_free(sealing);
        return rc;
    }
    ret_item->sealing = sealing;
    ret_item->encrypted = true;
    return E_OK;
}

static void forget(struct store_item *i) {
    seal_writer_free(i->sealing);
    hash_stream_free(i->hashing);
    if (i->fd >= 0) {
        (void)close(i->fd);
    }
    *i = (struct store_item){.fd = -1};
}

void store_item_done(struct store_item *i) {
    if (i->delivery == NULL) {
        return;
    }
    char name[QUARANTINE_NAME_MAX];
    item_name(i, name);
    (void)unlinkat(i->delivery->fd, name, 0);
    forget(i);
}

static int drop(struct store_item *i, int why, const char *doing, struct err *e) {
    const char *dir = i->delivery->store->dir;
    int rc = err_set_errno(e, why, "cannot %s in %s/quarantine", doing, dir);
    store_item_done(i);
    return rc;
}

static int drop_sealing(struct store_item *i, struct err *e) {
    store_item_done(i);
    return err_context(e, "in the quarantine");
}

static int is_open(const struct store_item *i, struct err *e) {
    return i->delivery != NULL && !i->sealed
               ? E_OK
               : err_set(e, E_INTERNAL, "the arriving file is not open for writing");
}

int store_item_write(struct store_item *i, const void *bytes, size_t len, struct err *e) {
    if (is_open(i, e) != E_OK) {
        return e->code;
    }
    if (i->sealing != NULL ? seal_write(i->sealing, i->fd, bytes, len, e) != E_OK
                           : file_write_all(i->fd, bytes, len) != 0) {
        return i->sealing != NULL ? drop_sealing(i, e) : drop(i, errno, "write a file", e);
    }
    hash_stream_add(i->hashing, bytes, len);
    i->len += len;
    return E_OK;
}

static int copy_pieces(struct store_item *i, int from_fd, uint8_t *piece, struct err *e) {
    for (;;) {
        ssize_t got = read(from_fd, piece, COPY_PIECE);
        if (got == 0) {
            return E_OK;
        }
        if (got < 0 && errno != EINTR) {
            int rc = err_set_errno(e, errno, "cannot read the file to copy");
            store_item_done(i);
            return rc;
        }
        if (got > 0 && store_item_write(i, piece, (size_t)got, e) != E_OK) {
            return e->code;
        }
    }
}

int store_item_copy(struct store_item *i, int from_fd, struct err *e) {
    if (is_open(i, e) != E_OK) {
        return e->code;
    }
    struct store_delivery *d = i->delivery;
    uint8_t *piece = atomic_exchange(&d->piece, NULL);
    piece = piece != NULL ? piece : mem_alloc(COPY_PIECE);
    if (piece == NULL) {
        store_item_done(i);
        return err_set(e, E_MEMORY, "copy buffer");
    }
    int rc = copy_pieces(i, from_fd, piece, e);
    mem_free(atomic_exchange(&d->piece, piece));
    return rc;
}

// The descriptor for writing goes, one for reading comes: what was hashed cannot change any more,
// least of all by the worker that is given the descriptor.
int store_item_seal(struct store_item *i, struct err *e) {
    if (is_open(i, e) != E_OK) {
        return e->code;
    }
    if (i->sealing != NULL && seal_end(i->sealing, i->fd, e) != E_OK) {
        return drop_sealing(i, e);
    }
    char name[QUARANTINE_NAME_MAX];
    item_name(i, name);
    int fd = openat(i->delivery->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return drop(i, errno, "open a file", e);
    }
    int writable = i->fd;
    i->fd = fd;
    if (close(writable) != 0) { // network file systems report a full disk here
        return drop(i, errno, "close a file", e);
    }
    // The disk begins now, while the worker reads: little is left to wait for at store_sync.
    (void)sync_file_range(i->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    i->hash = hash_stream_end(i->hashing);
    i->sealed = true;
    hash_stream_free(i->hashing);
    i->hashing = NULL;
    seal_writer_free(i->sealing);
    i->sealing = NULL;
    return E_OK;
}

int store_item_sync(struct store_item *i, struct err *e) {
    if (i->delivery == NULL) {
        return err_set(e, E_INTERNAL, "no arriving file");
    }
    struct store *s = i->delivery->store;
    if (fdatasync(i->fd) != 0 || fsync(i->delivery->fd) != 0 || fsync(s->quarantine_fd) != 0) {
        return err_set_errno(e, errno, "cannot sync a file in %s/quarantine", s->dir);
    }
    return E_OK;
}

int quarantine_place(const struct store_item *i, char *ret_name) {
    item_name(i, ret_name);
    return i->delivery->fd;
}

void quarantine_forget(struct store_item *i) { forget(i); }
