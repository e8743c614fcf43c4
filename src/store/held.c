// SPDX-License-Identifier: Apache-2.0
#include "store/held.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/store_priv.h"

#define NAME_MAX_HERE (SEAL_DELIVERY_LEN + 24)
#define PIECE ((size_t)1 << 17)

static int fail(const struct store *s, int why, const char *doing, struct err *e) {
    return err_set_errno(e, why, "cannot %s in %s/held", doing, s->dir);
}

static void file_name(const struct seal_name *name, char out[NAME_MAX_HERE]) {
    (void)snprintf(out, NAME_MAX_HERE, "%s.%llu", name->delivery, (unsigned long long)name->number);
}

static bool parse_name(const char *text, struct seal_name *ret_name) {
    const char *dot = strchr(text, '.');
    if (dot == NULL || dot == text || (size_t)(dot - text) > SEAL_DELIVERY_LEN) {
        return false;
    }
    memset(ret_name, 0, sizeof *ret_name);
    memcpy(ret_name->delivery, text, (size_t)(dot - text));
    return num_parse_u64(slice_str(dot + 1), UINT64_MAX, &ret_name->number);
}

int held_link(struct store *s, int folder, const char *from, const struct seal_name *to,
              struct err *e) {
    char name[NAME_MAX_HERE];
    file_name(to, name);
    if (unlinkat(s->held_fd, name, 0) != 0 && errno != ENOENT) {
        return fail(s, errno, "replace a file", e);
    }
    return linkat(folder, from, s->held_fd, name, 0) == 0 ? E_OK : fail(s, errno, "name a file", e);
}

int store_held_take(struct store *s, struct store_item *i, const struct seal_name *name,
                    struct err *e) {
    char from[QUARANTINE_NAME_MAX];
    if (i->delivery == NULL || !i->sealed || !i->encrypted) {
        return err_set(e, E_INTERNAL, "only an encrypted arrival is held");
    }
    if (fdatasync(i->fd) != 0) {
        return fail(s, errno, "sync a file", e);
    }
    int folder = quarantine_place(i, from);
    int rc = held_link(s, folder, from, name, e);
    if (rc == E_OK) {
        store_item_done(i);
    }
    return rc;
}

static int encrypt_all(struct seal_writer *w, int from, int to, uint8_t *piece, struct err *e) {
    uint64_t at = 0;
    for (;;) {
        ssize_t got = pread(from, piece, PIECE, (off_t)at);
        if (got < 0 && errno != EINTR) {
            return err_set_errno(e, errno, "cannot read the file that is to be held");
        }
        if (got == 0) {
            return seal_end(w, to, e);
        }
        int rc = got > 0 ? seal_write(w, to, piece, (size_t)got, e) : E_OK;
        if (rc != E_OK) {
            return rc;
        }
        at += got > 0 ? (uint64_t)got : 0;
    }
}

static int write_copy(struct store *s, const struct seal_key *k, const struct seal_name *name,
                      int from, int to, struct err *e) {
    struct seal_writer *w = NULL;
    uint8_t *piece = mem_alloc(PIECE);
    int rc = piece == NULL ? err_set(e, E_MEMORY, "copy buffer") : seal_writer_new(k, name, &w, e);
    rc = rc == E_OK ? encrypt_all(w, from, to, piece, e) : rc;
    if (rc == E_OK && fdatasync(to) != 0) {
        rc = fail(s, errno, "sync a file", e);
    }
    seal_writer_free(w);
    if (piece != NULL) {
        explicit_bzero(piece, PIECE);
    }
    mem_free(piece);
    return rc;
}

int store_held_copy(struct store *s, const struct seal_key *k, const struct seal_name *name,
                    int from_fd, struct err *e) {
    char to[NAME_MAX_HERE];
    file_name(name, to);
    CLEANUP(cleanup_fd)
    int fd = openat(s->held_fd, to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    STORE_FILE_MODE);
    if (fd < 0) {
        return fail(s, errno, "create a file", e);
    }
    int rc = write_copy(s, k, name, from_fd, fd, e);
    if (rc != E_OK) {
        (void)unlinkat(s->held_fd, to, 0);
    }
    return rc;
}

int store_held_sync(struct store *s, struct err *e) { return file_sync_dir(s->held_fd, e); }

int store_held_open(struct store *s, const struct seal_key *k, const struct seal_name *name,
                    int *ret_fd, uint64_t *ret_len, struct err *e) {
    char from[NAME_MAX_HERE];
    struct stat st;
    file_name(name, from);
    CLEANUP(cleanup_fd) int fd = openat(s->held_fd, from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        return fail(s, errno, "open a file", e);
    }
    return seal_read_memory(k, name, fd, (uint64_t)st.st_size, ret_fd, ret_len, e);
}

int store_held_remove(struct store *s, const struct seal_name *name, struct err *e) {
    char text[NAME_MAX_HERE];
    file_name(name, text);
    return unlinkat(s->held_fd, text, 0) == 0 || errno == ENOENT
               ? E_OK
               : fail(s, errno, "remove a file", e);
}

int store_held_each(struct store *s, int (*visit)(const struct seal_name *name, void *context),
                    void *context, struct err *e) {
    int copy = openat(s->held_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        int why = errno;
        cleanup_fd(&copy);
        return fail(s, why, "read the folder", e);
    }
    struct dirent *entry;
    int rc = 0;
    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        struct seal_name name;
        rc = parse_name(entry->d_name, &name) ? visit(&name, context) : 0;
    }
    (void)closedir(dir);
    return rc;
}
