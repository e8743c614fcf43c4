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
#include "store/seal.h"
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

int store_seal_key(struct store *s, const char *name, struct seal_key **ret_key, struct err *e) {
    struct seal_key *k = seal_key_new();
    int rc = k == NULL ? err_set(e, E_MEMORY, "no locked memory for a key")
                       : store_key(s, name, k->bytes, sizeof k->bytes, e);
    if (rc != E_OK) {
        seal_key_free(k);
        return rc;
    }
    *ret_key = k;
    return E_OK;
}

static int load(struct store *s, const char *name, struct seal_key **slot, struct err *e) {
    (void)pthread_mutex_lock(&s->keys);
    int rc = *slot == NULL ? store_seal_key(s, name, slot, e) : E_OK;
    (void)pthread_mutex_unlock(&s->keys);
    return rc;
}

static int mac(struct store *s, const char *purpose, const uint8_t bytes[HASH_LEN],
               struct hash *ret_mac, struct err *e) {
    int rc = load(s, "sources", &s->sources, e);
    if (rc == E_OK) {
        *ret_mac = seal_mac(s->sources, purpose, slice_of(bytes, HASH_LEN));
    }
    return rc;
}

int store_source_mac(struct store *s, const struct hash *plain, struct hash *ret_mac,
                     struct err *e) {
    return mac(s, "source", plain->bytes, ret_mac, e);
}

int store_pixel_mac(struct store *s, const uint8_t digest[HASH_LEN], struct hash *ret_mac,
                    struct err *e) {
    return mac(s, "pixels", digest, ret_mac, e);
}

// --- keys of deliveries

static int open_keys(struct store *s, int *ret_fd, struct err *e) {
    *ret_fd = openat(s->data_fd, KEYS_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *ret_fd >= 0 ? E_OK : err_set_errno(e, errno, "cannot open %s/" KEYS_NAME, s->dir);
}

static void delivery_key_name(const char *delivery, char out[64]) {
    (void)snprintf(out, 64, "delivery-%.*s", SEAL_DELIVERY_LEN, delivery);
}

int store_delivery_key_make(struct store *s, const char *delivery, struct seal_key **ret_key,
                            struct err *e) {
    char name[64];
    uint8_t wrapped[SEAL_WRAPPED_LEN];
    CLEANUP(cleanup_fd) int keys = -1;
    delivery_key_name(delivery, name);
    struct seal_key *k = seal_key_new();
    int rc =
        k == NULL ? err_set(e, E_MEMORY, "no locked memory for a key") : open_keys(s, &keys, e);
    rc = rc == E_OK ? load(s, "quarantine", &s->wrapping, e) : rc;
    rc = rc == E_OK ? seal_wrap(s->wrapping, k, delivery, wrapped, e) : rc;
    rc = rc == E_OK
             ? file_write_durable(keys, name, slice_of(wrapped, sizeof wrapped), STORE_FILE_MODE, e)
             : rc;
    if (rc != E_OK) {
        seal_key_free(k);
        return rc;
    }
    *ret_key = k;
    return E_OK;
}

int store_delivery_key_load(struct store *s, const char *delivery, struct seal_key **ret_key,
                            struct err *e) {
    char name[64];
    uint8_t wrapped[SEAL_WRAPPED_LEN];
    CLEANUP(cleanup_fd) int keys = -1;
    delivery_key_name(delivery, name);
    int rc = open_keys(s, &keys, e);
    rc = rc == E_OK ? read_key(s, keys, name, wrapped, sizeof wrapped, e) : rc;
    rc = rc == E_OK ? load(s, "quarantine", &s->wrapping, e) : rc;
    return rc == E_OK
               ? seal_unwrap(s->wrapping, slice_of(wrapped, sizeof wrapped), delivery, ret_key, e)
               : rc;
}

// In its place first: no other file gets the blocks with the key in them.
int store_delivery_key_destroy(struct store *s, const char *delivery, struct err *e) {
    char name[64];
    uint8_t nothing[SEAL_WRAPPED_LEN];
    struct rng r = rng_kernel();
    CLEANUP(cleanup_fd) int keys = -1;
    delivery_key_name(delivery, name);
    if (open_keys(s, &keys, e) != E_OK) {
        return e->code;
    }
    CLEANUP(cleanup_fd) int fd = openat(keys, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return E_OK;
    }
    rng_bytes(&r, nothing, sizeof nothing);
    if (fd < 0 || file_write_all(fd, nothing, sizeof nothing) != 0 || fdatasync(fd) != 0 ||
        unlinkat(keys, name, 0) != 0) {
        return err_set_errno(e, errno, "cannot destroy %s/" KEYS_NAME "/%s", s->dir, name);
    }
    return file_sync_dir(keys, e);
}
