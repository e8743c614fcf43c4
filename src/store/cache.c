// SPDX-License-Identifier: Apache-2.0
// Values that can be made again: DATA/cache/ab/<hash of the key>. Never synced: a trailer tells a
// whole file from one that a power cut left behind.
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/store_priv.h"

#define CACHE_NAME_MAX (3 + HASH_HEX_LEN + 1)
#define CACHE_MAGIC 0x314548434143434DULL

struct trailer {
    uint64_t magic;
    uint64_t len;
};

static void cache_name(const char *key, char name[CACHE_NAME_MAX]) {
    char hex[HASH_HEX_LEN + 1];
    struct hash h = hash_of(slice_str(key));
    (void)hash_hex(&h, hex);
    (void)snprintf(name, CACHE_NAME_MAX, "%.2s/%s", hex, hex);
}

int store_cache_get(struct store *s, const char *key, int *ret_fd, uint64_t *ret_len) {
    char name[CACHE_NAME_MAX];
    cache_name(key, name);
    CLEANUP(cleanup_fd) int fd = openat(s->cache_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    struct trailer t;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof t) {
        return E_NOT_FOUND;
    }
    uint64_t len = (uint64_t)st.st_size - sizeof t;
    if (file_pread_all(fd, &t, sizeof t, len) != 0 || t.magic != CACHE_MAGIC || t.len != len) {
        return E_NOT_FOUND;
    }
    *ret_fd = steal_fd(&fd);
    *ret_len = len;
    return E_OK;
}

// --- the limit

// Trimmed when an eighth of the limit was written since, down to seven eighths.
#define TRIM_PART 8

struct value {
    char name[CACHE_NAME_MAX]; // below cache/
    uint64_t len;
    int64_t changed; // seconds
};

struct values {
    struct store *store;
    size_t skip; // of a path: the folder's name and a slash
    struct value *list;
    size_t count, cap;
    uint64_t total;
};

static int by_age(const void *a, const void *b) {
    const struct value *x = a, *y = b;
    return x->changed < y->changed ? -1 : x->changed > y->changed;
}

// Temporary names are values too: what a dead process left goes when it is the oldest.
static int add_value(const char *path, void *context) {
    struct values *v = context;
    const char *name = path + v->skip;
    struct stat st;
    if (strlen(name) >= CACHE_NAME_MAX || fstatat(v->store->cache_fd, name, &st, 0) != 0) {
        return 0;
    }
    if (v->count == v->cap) {
        size_t cap = v->cap == 0 ? 1024 : v->cap * 2;
        struct value *list = mem_realloc(v->list, cap * sizeof *list);
        if (list == NULL) {
            return E_MEMORY;
        }
        v->list = list;
        v->cap = cap;
    }
    struct value *one = &v->list[v->count++];
    (void)snprintf(one->name, sizeof one->name, "%.*s", (int)sizeof one->name - 1, name);
    one->len = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    one->changed = st.st_mtim.tv_sec;
    v->total += one->len;
    return 0;
}

static void trim(struct store *s, uint64_t max) {
    char path[4096];
    struct err ignored = {0};
    int len = snprintf(path, sizeof path, "%s/cache", s->dir);
    if (len < 0 || (size_t)len >= sizeof path) {
        return;
    }
    struct values v = {.store = s, .skip = (size_t)len + 1};
    struct file_walk walk = {.visit = add_value, .context = &v};
    if (file_walk(path, &walk, &ignored) == 0 && v.count > 0 && v.total > max) {
        qsort(v.list, v.count, sizeof *v.list, by_age);
        uint64_t keep = max - max / TRIM_PART;
        for (size_t i = 0; i < v.count && v.total > keep; i++) {
            (void)unlinkat(s->cache_fd, v.list[i].name, 0);
            v.total -= v.list[i].len;
        }
    }
    mem_free(v.list);
}

static void trim_when_due(struct store *s, uint64_t written) {
    uint64_t max = atomic_load(&s->cache_max);
    uint64_t sum = atomic_fetch_add(&s->cache_written, written) + written;
    // The thread that takes the count down to nothing does the work.
    if (sum > max / TRIM_PART && atomic_exchange(&s->cache_written, 0) > max / TRIM_PART) {
        trim(s, max);
    }
}

void store_cache_limit(struct store *s, uint64_t max_bytes) {
    atomic_store(&s->cache_max, max_bytes);
    atomic_store(&s->cache_written, max_bytes / TRIM_PART / 2); // earlier runs may have filled it
}

// --- writing

static int write_value(int fd, struct slice bytes) {
    struct trailer t = {CACHE_MAGIC, bytes.len};
    return file_write_all(fd, bytes.ptr, bytes.len) == 0 ? file_write_all(fd, &t, sizeof t) : -1;
}

static bool make_folder(struct store *s, const char *name) {
    return mkdirat(s->cache_fd, name, STORE_DIR_MODE) == 0 || errno == EEXIST;
}

static bool has_room(struct store *s, uint64_t len) {
    struct err ignored = {0};
    uint64_t room;
    return store_free_bytes(s, &room, &ignored) == E_OK && room >= STORE_CACHE_SPARE + len;
}

// A new file under a name of its own.
static int begin_value(struct store *s, char fresh[64]) {
    (void)snprintf(fresh, 64, ".%ld.%u.new", (long)getpid(), atomic_fetch_add(&s->cache_number, 1));
    return openat(s->cache_fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                  STORE_FILE_MODE);
}

// Under the key's name now when `written`, gone otherwise.
static int end_value(struct store *s, const char *key, const char *fresh, bool written,
                     uint64_t len) {
    char name[CACHE_NAME_MAX];
    char folder[3];
    cache_name(key, name);
    (void)snprintf(folder, sizeof folder, "%.2s", name);
    bool done = written && (renameat(s->cache_fd, fresh, s->cache_fd, name) == 0 ||
                            (errno == ENOENT && make_folder(s, folder) &&
                             renameat(s->cache_fd, fresh, s->cache_fd, name) == 0));
    if (done) {
        trim_when_due(s, len);
        return E_OK;
    }
    int why = errno;
    (void)unlinkat(s->cache_fd, fresh, 0);
    return why == ENOSPC || why == EDQUOT ? E_FULL : E_IO;
}

int store_cache_put(struct store *s, const char *key, struct slice bytes) {
    char fresh[64];
    if (!has_room(s, bytes.len)) {
        return E_FULL;
    }
    CLEANUP(cleanup_fd) int fd = begin_value(s, fresh);
    return fd < 0 ? E_IO : end_value(s, key, fresh, write_value(fd, bytes) == 0, bytes.len);
}

// --- files

#define COPY_MAX ((size_t)64 << 20) // of one call

// 0, or -1 with errno.
static int copy_bytes(int from, uint64_t len, int to) {
    off_t at = 0;
    while (len > 0) {
        size_t piece = len < COPY_MAX ? (size_t)len : COPY_MAX;
        ssize_t done = sendfile(to, from, &at, piece);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            errno = done == 0 ? EIO : errno;
            return -1;
        }
        len -= (uint64_t)done;
    }
    return 0;
}

int store_cache_copy(struct store *s, const char *key, int from_fd, uint64_t len, int *ret_fd) {
    char fresh[64];
    if (!has_room(s, len)) {
        return E_FULL;
    }
    CLEANUP(cleanup_fd) int fd = begin_value(s, fresh);
    if (fd < 0) {
        return E_IO;
    }
    struct trailer t = {CACHE_MAGIC, len};
    bool written = copy_bytes(from_fd, len, fd) == 0 && file_write_all(fd, &t, sizeof t) == 0;
    CLEANUP(cleanup_fd)
    int kept = written ? openat(s->cache_fd, fresh, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
    int rc = end_value(s, key, fresh, kept >= 0, len);
    if (rc == E_OK) {
        *ret_fd = steal_fd(&kept);
    }
    return rc;
}

int store_scratch_open(struct store *s, int *ret_fd, struct err *e) {
    int fd = openat(s->cache_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, STORE_FILE_MODE);
    if (fd < 0) {
        return err_set_errno(e, errno, "a file for the time being");
    }
    *ret_fd = fd;
    return E_OK;
}

int store_scratch_copy(struct store *s, int from_fd, uint64_t len, int *ret_fd, struct err *e) {
    CLEANUP(cleanup_fd) int fd = -1;
    int rc = store_scratch_open(s, &fd, e);
    if (rc == E_OK && copy_bytes(from_fd, len, fd) != 0) {
        rc = err_set_errno(e, errno, "a file for the time being");
    }
    if (rc == E_OK) {
        *ret_fd = steal_fd(&fd);
    }
    return rc;
}
