// SPDX-License-Identifier: Apache-2.0
// Objects: DATA/objects/ab/cd/<64 hexadecimal digits>. A file gets its name by a rename that never
// replaces; store_sync makes files and names durable by one syncfs() of the file system.
//
// Why not fdatasync() of each file and fsync() of each folder: files of 530 kB on ext4, this
// program's own milliseconds a batch (syncfs / one by one), on a busy machine: 1 file 6/16, 2 files
// 7/30, 4 files 8/52, 16 files 11/170. Each fsync pays for a commit or a flush of its own, and a
// new object has four (file, two folders, root). The price of syncfs is to wait for what others
// have written to the same file system; a data folder with a file system of its own does not pay
// it.
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/store_priv.h"

#define OBJECT_NAME_MAX (6 + HASH_HEX_LEN + 1) // "ab/cd/<hash>"
#define VERIFY_PIECE ((size_t)1 << 20)

static unsigned folder_of(const struct hash *h) {
    return (unsigned)h->bytes[0] * STORE_LEVEL + h->bytes[1];
}

static void object_name(const struct hash *h, char name[OBJECT_NAME_MAX]) {
    char hex[HASH_HEX_LEN + 1];
    (void)hash_hex(h, hex);
    (void)snprintf(name, OBJECT_NAME_MAX, "%.2s/%.2s/%s", hex, hex + 2, hex);
}

static void folder_name(unsigned folder, char name[8]) {
    (void)snprintf(name, 8, "%02x/%02x", folder / STORE_LEVEL, folder % STORE_LEVEL);
}

// --- promotion: called with `promoting` held

static int make_one(struct store *s, const char *name, struct err *e) {
    return mkdirat(s->objects_fd, name, STORE_DIR_MODE) == 0 || errno == EEXIST
               ? E_OK
               : err_set_errno(e, errno, "cannot make folder %s/objects/%s", s->dir, name);
}

static bool is_known(const struct store *s, unsigned folder) {
    return (s->known[folder / 8] >> (folder % 8) & 1) != 0;
}

static void set_known(struct store *s, unsigned folder, bool known) {
    unsigned bit = 1U << (folder % 8);
    s->known[folder / 8] =
        (uint8_t)(known ? s->known[folder / 8] | bit : s->known[folder / 8] & ~bit);
}

static int make_folder(struct store *s, unsigned folder, struct err *e) {
    if (is_known(s, folder)) {
        return E_OK;
    }
    char name[8], parent[3];
    folder_name(folder, name);
    (void)snprintf(parent, sizeof parent, "%.2s", name);
    if (make_one(s, parent, e) != E_OK || make_one(s, name, e) != E_OK) {
        return e->code;
    }
    set_known(s, folder, true);
    return E_OK;
}

// 0, or an errno value; EEXIST when the name is taken.
static int rename_new(int from_fd, const char *from, int to_fd, const char *to) {
    if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    // File systems without that flag: a link never replaces either.
    if (linkat(from_fd, from, to_fd, to, 0) != 0) {
        return errno;
    }
    (void)unlinkat(from_fd, from, 0);
    return 0;
}

// The name is taken. By the same bytes, so the arrival is not needed; but an object of another
// length is a ruin of a power cut before its sync, and makes place.
static int meet_existing(struct store *s, struct store_item *i, const char *name, bool *ret_new,
                         struct err *e) {
    struct stat st;
    if (fstatat(s->objects_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
        st.st_size >= 0 && (uint64_t)st.st_size == i->len) {
        store_item_done(i);
        *ret_new = false;
        return E_OK;
    }
    char from[QUARANTINE_NAME_MAX];
    int from_fd = quarantine_place(i, from);
    if (renameat(from_fd, from, s->objects_fd, name) != 0) {
        return err_set_errno(e, errno, "cannot put a file into %s/objects", s->dir);
    }
    quarantine_forget(i);
    *ret_new = true;
    return E_OK;
}

static int place(struct store *s, struct store_item *i, bool *ret_new, struct err *e) {
    unsigned folder = folder_of(&i->hash);
    char name[OBJECT_NAME_MAX], from[QUARANTINE_NAME_MAX];
    object_name(&i->hash, name);
    int from_fd = quarantine_place(i, from);
    int why = ENOENT;
    for (int attempt = 0; attempt < 2 && why == ENOENT; attempt++) {
        if (make_folder(s, folder, e) != E_OK) {
            return e->code;
        }
        why = rename_new(from_fd, from, s->objects_fd, name);
        if (why == ENOENT) { // the folder was removed behind our back
            set_known(s, folder, false);
        }
    }
    s->unsynced = true; // also where the object was there: another process may not have synced it
    if (why == EEXIST) {
        return meet_existing(s, i, name, ret_new, e);
    }
    if (why != 0) {
        return err_set_errno(e, why, "cannot put a file into %s/objects", s->dir);
    }
    quarantine_forget(i);
    *ret_new = true;
    return E_OK;
}

int store_promote(struct store *s, struct store_item *i, bool *ret_new, struct err *e) {
    if (i->delivery == NULL || !i->sealed || i->encrypted) {
        return err_set(e, E_INTERNAL, "only a sealed and released arrival becomes an object");
    }
    (void)pthread_mutex_lock(&s->promoting);
    int rc = place(s, i, ret_new, e);
    (void)pthread_mutex_unlock(&s->promoting);
    return rc;
}

// --- sync

static bool take_unsynced(struct store *s) {
    (void)pthread_mutex_lock(&s->promoting);
    bool unsynced = s->unsynced;
    s->unsynced = false;
    (void)pthread_mutex_unlock(&s->promoting);
    return unsynced;
}

int store_sync(struct store *s, struct err *e) {
    // Waiting here for another thread's sync is what makes its result cover our files too.
    (void)pthread_mutex_lock(&s->syncing);
    // syncfs reports write-back errors of the file system since Linux 5.8.
    if (s->sync_error.code == E_OK && take_unsynced(s) && syncfs(s->objects_fd) != 0) {
        (void)err_set_errno(&s->sync_error, errno, "cannot sync the file system of %s", s->dir);
    }
    int rc = s->sync_error.code;
    if (rc != E_OK) {
        *e = s->sync_error;
    }
    (void)pthread_mutex_unlock(&s->syncing);
    return rc;
}

// --- reading and removing

int store_object_open(struct store *s, const struct hash *hash, int *ret_fd, struct err *e) {
    char name[OBJECT_NAME_MAX];
    object_name(hash, name);
    int fd = openat(s->objects_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(e, errno, "cannot open %s/objects/%s", s->dir, name);
    }
    *ret_fd = fd;
    return E_OK;
}

int store_object_remove(struct store *s, const struct hash *hash, struct err *e) {
    char name[OBJECT_NAME_MAX];
    object_name(hash, name);
    return unlinkat(s->objects_fd, name, 0) == 0 || errno == ENOENT
               ? E_OK
               : err_set_errno(e, errno, "cannot remove %s/objects/%s", s->dir, name);
}

int store_object_verify(struct store *s, const struct hash *hash, uint64_t *ret_len,
                        struct err *e) {
    CLEANUP(cleanup_fd) int fd = -1;
    if (store_object_open(s, hash, &fd, e) != E_OK) {
        return e->code;
    }
    struct hash_stream *stream = hash_stream_new();
    uint8_t *piece = mem_alloc(VERIFY_PIECE);
    uint64_t len = 0;
    ssize_t got = 1;
    while (stream != NULL && piece != NULL && got != 0) {
        got = read(fd, piece, VERIFY_PIECE);
        if (got < 0 && errno != EINTR) {
            break;
        }
        hash_stream_add(stream, piece, got > 0 ? (size_t)got : 0);
        len += got > 0 ? (uint64_t)got : 0;
    }
    char name[OBJECT_NAME_MAX];
    object_name(hash, name);
    int rc = E_OK;
    struct hash found = {{0}};
    if (stream == NULL || piece == NULL) {
        rc = err_set(e, E_MEMORY, "verification");
    } else if (got < 0) {
        rc = err_set_errno(e, errno, "cannot read %s/objects/%s", s->dir, name);
    } else {
        found = hash_stream_end(stream);
    }
    if (rc == E_OK && !hash_eq(&found, hash)) {
        rc = err_set(e, E_CORRUPT, "%s/objects/%s does not hold the bytes of its name", s->dir,
                     name);
    }
    hash_stream_free(stream);
    mem_free(piece);
    if (rc == E_OK) {
        *ret_len = len;
    }
    return rc;
}

// --- walking

struct walk {
    struct store *store;
    int (*visit)(const struct hash *hash, const char *path, void *context);
    void *context;
};

// Whether `path` (…/objects/ab/cd/<hash>) is a place where store_promote puts files.
static bool is_object(const struct walk *w, const char *path, struct hash *ret_hash) {
    size_t skip = strlen(w->store->dir) + sizeof "/objects/" - 1;
    size_t len = strlen(path);
    char expected[OBJECT_NAME_MAX];
    if (len != skip + OBJECT_NAME_MAX - 1 ||
        !hash_parse(slice_of(path + skip + 6, HASH_HEX_LEN), ret_hash)) {
        return false;
    }
    object_name(ret_hash, expected);
    return strcmp(path + skip, expected) == 0;
}

static int visit_file(const char *path, void *context) {
    struct walk *w = context;
    struct hash hash;
    bool object = is_object(w, path, &hash);
    return w->visit(object ? &hash : NULL, path, w->context);
}

struct unreadable {
    struct walk walk;
    struct err first;
};

static void cannot_read(const char *path, const struct err *why, void *context) {
    (void)path;
    struct unreadable *u = context;
    if (u->first.code == E_OK) {
        u->first = *why;
    }
}

int store_objects_each(struct store *s,
                       int (*visit)(const struct hash *hash, const char *path, void *context),
                       void *context, struct err *e) {
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/objects", s->dir);
    if (len < 0 || (size_t)len >= sizeof path) {
        return err_set(e, E_ARGUMENT, "folder name too long");
    }
    // visit_file sees the first member; an unreadable folder is an error once the rest was seen.
    struct unreadable u = {.walk = {s, visit, context}};
    struct file_walk walk = {.visit = visit_file, .unreadable = cannot_read, .context = &u};
    int rc = file_walk(path, &walk, e);
    if (rc == 0 && u.first.code != E_OK) {
        *e = u.first;
        rc = u.first.code;
    }
    return rc;
}
