// SPDX-License-Identifier: Apache-2.0
// Secrets of a data folder.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/rng.h"
#include "store/store_priv.h"

#define KEYS_NAME "keys"

static int read_key(struct store *s, int keys, const char *name, void *out, size_t len,
                    struct err *e) {
    CLEANUP(cleanup_fd) int fd = openat(keys, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return err_set_errno(e, errno, "cannot open %s/" KEYS_NAME "/%s", s->dir, name);
    }
    if ((uint64_t)st.st_size != len) {
        return err_set(e, E_CORRUPT, "%s/" KEYS_NAME "/%s does not hold a key", s->dir, name);
    }
    return file_pread_all(fd, out, len, 0) == 0
               ? E_OK
               : err_set_errno(e, errno, "cannot read %s/" KEYS_NAME "/%s", s->dir, name);
}

// Another process may be making it, too: who links first wins, and both read that one.
static int make_key(struct store *s, int keys, const char *name, size_t len, struct err *e) {
    uint8_t bytes[64];
    char fresh[64];
    struct rng r = rng_kernel();
    if (len > sizeof bytes) {
        return err_set(e, E_INTERNAL, "a key of %zu bytes", len);
    }
    rng_bytes(&r, bytes, len);
    (void)snprintf(fresh, sizeof fresh, ".%.32s.%ld", name, (long)getpid());
    int rc = file_write_durable(keys, fresh, slice_of(bytes, len), STORE_FILE_MODE, e);
    explicit_bzero(bytes, sizeof bytes);
    if (rc != E_OK) {
        return rc;
    }
    bool linked = linkat(keys, fresh, keys, name, 0) == 0 || errno == EEXIST;
    int why = errno;
    (void)unlinkat(keys, fresh, 0);
    return linked ? file_sync_dir(keys, e)
                  : err_set_errno(e, why, "cannot make %s/" KEYS_NAME "/%s", s->dir, name);
}

int store_key(struct store *s, const char *name, void *ret_bytes, size_t len, struct err *e) {
    CLEANUP(cleanup_fd)
    int keys = openat(s->data_fd, KEYS_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (keys < 0) {
        return err_set_errno(e, errno, "cannot open %s/" KEYS_NAME, s->dir);
    }
    int rc = read_key(s, keys, name, ret_bytes, len, e);
    if (rc == E_NOT_FOUND) {
        err_clear(e);
        rc = make_key(s, keys, name, len, e);
        rc = rc == E_OK ? read_key(s, keys, name, ret_bytes, len, e) : rc;
    }
    return rc;
}
