// SPDX-License-Identifier: Apache-2.0
#include "cli/deid_out.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "gate/instance.h"

#define PART_SUFFIX ".maclab-part"
#define PART_INSIDE ".maclab-part"
#define TAG_LEN 24

struct deid_out {
    char *path; // real
    char *part_path;
    int dir, part;
    bool empty;
    char last[DEID_NAME_MAX]; // folders made last
};

static bool is_empty(int dir) {
    int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = again < 0 ? NULL : fdopendir(again);
    bool empty = true;
    if (d == NULL) {
        cleanup_fd(&again);
        return true;
    }
    for (const struct dirent *entry; empty && (entry = readdir(d)) != NULL;) {
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                strcmp(entry->d_name, PART_INSIDE) == 0;
    }
    (void)closedir(d);
    return empty;
}

// What a killed run left.
static void empty_part(int part) {
    int again = openat(part, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = again < 0 ? NULL : fdopendir(again);
    if (d == NULL) {
        cleanup_fd(&again);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (entry->d_name[0] != '.') {
            (void)unlinkat(part, entry->d_name, 0);
        }
    }
    (void)closedir(d);
}

static int try_part(struct deid_out *o, char *path) {
    struct stat out;
    struct stat part;
    o->part_path = path;
    if (path == NULL || (mkdir(path, 0700) != 0 && errno != EEXIST)) {
        return -1;
    }
    o->part = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (o->part >= 0 && fstat(o->part, &part) == 0 && fstat(o->dir, &out) == 0 &&
        part.st_dev == out.st_dev) {
        return 0;
    }
    cleanup_fd(&o->part);
    (void)rmdir(path);
    errno = EXDEV;
    return -1;
}

static char *join(const char *a, const char *b) {
    size_t len = strlen(a) + strlen(b) + 1;
    char *path = mem_alloc(len);
    if (path != NULL) {
        (void)snprintf(path, len, "%s%s", a, b);
    }
    return path;
}

static int open_part(struct deid_out *o, struct err *e) {
    if (try_part(o, join(o->path, PART_SUFFIX)) != 0) {
        mem_free(o->part_path);
        if (try_part(o, join(o->path, "/" PART_INSIDE)) != 0) {
            return err_set_errno(e, errno, "no place for files in the making beside OUT");
        }
    }
    if (flock(o->part, LOCK_EX | LOCK_NB) != 0) {
        cleanup_fd(&o->part); // it is another's
        return err_set(e, E_LOCKED, "another maclab deid is at work on this OUT");
    }
    empty_part(o->part);
    return E_OK;
}

int deid_out_open(const char *path, struct deid_out **ret_out, struct err *e) {
    struct deid_out *o = mem_zalloc(sizeof *o);
    if (o == NULL) {
        return err_set(e, E_MEMORY, "OUT");
    }
    o->dir = o->part = -1;
    int rc = file_make_dirs(path, 0777, e);
    if (rc == E_OK) {
        o->path = realpath(path, NULL);
        o->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = o->path == NULL || o->dir < 0 ? err_set_errno(e, errno, "OUT") : E_OK;
    }
    if (rc == E_OK) {
        o->empty = is_empty(o->dir);
        rc = open_part(o, e);
    }
    if (rc != E_OK) {
        deid_out_close(o);
        return rc;
    }
    *ret_out = o;
    return E_OK;
}

void deid_out_close(struct deid_out *o) {
    if (o == NULL) {
        return;
    }
    if (o->part >= 0) {
        empty_part(o->part);
        (void)rmdir(o->part_path);
    }
    cleanup_fd(&o->part);
    cleanup_fd(&o->dir);
    mem_free(o->part_path);
    free(o->path);
    mem_free(o);
}

const char *deid_out_path(const struct deid_out *o) { return o->path; }
bool deid_out_empty(const struct deid_out *o) { return o->empty; }

static const char *name_of(uint64_t tag, char out[TAG_LEN]) {
    (void)snprintf(out, TAG_LEN, "%llu", (unsigned long long)tag);
    return out;
}

int deid_out_create(struct deid_out *o, uint64_t tag, int *ret_fd, struct err *e) {
    char name[TAG_LEN];
    *ret_fd = openat(o->part, name_of(tag, name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return *ret_fd >= 0 ? E_OK : err_set_errno(e, errno, "a file beside OUT");
}

int deid_out_reopen(struct deid_out *o, uint64_t tag, int *ret_fd, struct err *e) {
    char name[TAG_LEN];
    *ret_fd = openat(o->part, name_of(tag, name), O_RDONLY | O_CLOEXEC);
    return *ret_fd >= 0 ? E_OK : err_set_errno(e, errno, "a file beside OUT");
}

void deid_out_drop(struct deid_out *o, uint64_t tag) {
    char name[TAG_LEN];
    (void)unlinkat(o->part, name_of(tag, name), 0);
}

// The folders of `name`, one after the other; those that were made last are there.
static int make_folders(struct deid_out *o, const char *name, struct err *e) {
    char folder[DEID_NAME_MAX];
    const char *end = strrchr(name, '/');
    size_t len = (size_t)(end - name);
    if (strncmp(o->last, name, len) == 0 && o->last[len] == '\0') {
        return E_OK;
    }
    for (size_t i = 1; i <= len; i++) {
        if (name[i] != '/') {
            continue;
        }
        memcpy(folder, name, i);
        folder[i] = '\0';
        if (mkdirat(o->dir, folder, 0777) != 0 && errno != EEXIST) {
            return err_set_errno(e, errno, "a folder in OUT");
        }
    }
    memcpy(o->last, name, len);
    o->last[len] = '\0';
    return E_OK;
}

static bool same_bytes(struct deid_out *o, const char *part, const char *name) {
    struct file_map a CLEANUP(cleanup_file_map) = {0};
    struct file_map b CLEANUP(cleanup_file_map) = {0};
    struct err ignored = {0};
    CLEANUP(cleanup_fd) int x = openat(o->part, part, O_RDONLY | O_CLOEXEC);
    CLEANUP(cleanup_fd) int y = openat(o->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return x >= 0 && y >= 0 && file_map_fd(x, &a, &ignored) == E_OK &&
           file_map_fd(y, &b, &ignored) == E_OK && slice_eq(a.bytes, b.bytes);
}

int deid_out_release(struct deid_out *o, uint64_t tag, const struct gate_passed *p,
                     char ret_name[DEID_NAME_MAX], struct err *e) {
    char part[TAG_LEN];
    char name[DEID_NAME_MAX];
    int n = snprintf(name, sizeof name, "%s/%s/%s/%s.dcm", p->origin.patient, p->study, p->series,
                     p->sop_instance);
    if (n < 0 || n >= DEID_NAME_MAX) {
        return err_set(e, E_INTERNAL, "name of an instance");
    }
    int rc = make_folders(o, name, e);
    (void)name_of(tag, part);
    if (rc == E_OK && renameat2(o->part, part, o->dir, name, RENAME_NOREPLACE) != 0) {
        if (errno == EEXIST && same_bytes(o, part, name)) {
            (void)unlinkat(o->part, part, 0);
        } else if (renameat(o->part, part, o->dir, name) != 0) {
            rc = err_set_errno(e, errno, "a file in OUT");
        }
    }
    if (rc == E_OK) {
        memcpy(ret_name, name, sizeof name);
    }
    return rc;
}

bool deid_out_has(const struct deid_out *o, const char *name) {
    struct stat st;
    return fstatat(o->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

int deid_out_scratch(struct deid_out *o, int *ret_fd, struct err *e) {
    *ret_fd = openat(o->part, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    if (*ret_fd < 0) { // a file system that does not know such files
        static const char name[] = "scratch";
        *ret_fd = openat(o->part, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        (void)(*ret_fd >= 0 && unlinkat(o->part, name, 0) != 0);
    }
    return *ret_fd >= 0 ? E_OK : err_set_errno(e, errno, "a scratch file beside OUT");
}
