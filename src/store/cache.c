// SPDX-License-Identifier: Apache-2.0
// Values that can be made again: DATA/cache/ab/<hash of the key>. Never synced: a trailer tells a whole
// file from one that a power cut left behind.
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
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

static int write_value(int fd, struct slice bytes) {
    struct trailer t = {CACHE_MAGIC, bytes.len};
    return file_write_all(fd, bytes.ptr, bytes.len) == 0 ? file_write_all(fd, &t, sizeof t) : -1;
}

static bool make_folder(struct store *s, const char *name) {
    return mkdirat(s->cache_fd, name, STORE_DIR_MODE) == 0 || errno == EEXIST;
}

int store_cache_put(struct store *s, const char *key, struct slice bytes) {
    char name[CACHE_NAME_MAX], fresh[64];
    cache_name(key, name);
    (void)snprintf(fresh, sizeof fresh, ".%ld.%u.new", (long)getpid(),
                   atomic_fetch_add(&s->cache_number, 1));
    CLEANUP(cleanup_fd) int fd =
        openat(s->cache_fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, STORE_FILE_MODE);
    if (fd < 0) {
        return E_IO;
    }
    char folder[3];
    (void)snprintf(folder, sizeof folder, "%.2s", name);
    bool done = write_value(fd, bytes) == 0 &&
                (renameat(s->cache_fd, fresh, s->cache_fd, name) == 0 ||
                 (errno == ENOENT && make_folder(s, folder) &&
                  renameat(s->cache_fd, fresh, s->cache_fd, name) == 0));
    if (done) {
        return E_OK;
    }
    int why = errno;
    (void)unlinkat(s->cache_fd, fresh, 0);
    return why == ENOSPC || why == EDQUOT ? E_FULL : E_IO;
}
