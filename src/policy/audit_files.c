// SPDX-License-Identifier: Apache-2.0
#include "policy/audit_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static bool is_segment(const char *name) {
    static const char shape[] = "dddd-dd.jsonl";
    if (strlen(name) != sizeof shape - 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        bool digit = name[i] >= '0' && name[i] <= '9';
        if (shape[i] == 'd' ? !digit : name[i] != shape[i]) {
            return false;
        }
    }
    return true;
}

static bool add(struct audit_files *f, const char *name) {
    void *names = mem_realloc(f->names, (f->count + 1) * sizeof *f->names);
    if (names == NULL) {
        return false;
    }
    f->names = names;
    (void)snprintf(f->names[f->count++], AUDIT_NAME_MAX, "%.13s", name);
    return true;
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

static int add_lens(int dir_fd, struct audit_files *f, struct err *e) {
    f->lens = mem_array(f->count + 1, sizeof *f->lens);
    if (f->lens == NULL) {
        return err_set(e, E_MEMORY, "audit log");
    }
    for (size_t i = 0; i < f->count; i++) {
        struct stat st;
        if (fstatat(dir_fd, f->names[i], &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_size < 0) {
            return err_set_errno(e, errno, "cannot examine audit log %s", f->names[i]);
        }
        f->lens[i] = (uint64_t)st.st_size;
    }
    return E_OK;
}

int audit_files_list(int dir_fd, struct audit_files *ret_files, struct err *e) {
    struct audit_files f = {0};
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        int why = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return err_set_errno(e, why, "cannot read the audit folder");
    }
    bool room = true;
    struct dirent *entry;
    while (room && (entry = readdir(dir)) != NULL) {
        room = !is_segment(entry->d_name) || add(&f, entry->d_name);
    }
    (void)closedir(dir);
    if (f.count > 1) {
        qsort(f.names, f.count, sizeof *f.names, by_name);
    }
    int rc = room ? add_lens(dir_fd, &f, e) : err_set(e, E_MEMORY, "audit log");
    if (rc != E_OK) {
        audit_files_done(&f);
        return rc;
    }
    *ret_files = f;
    return E_OK;
}

void audit_files_done(struct audit_files *f) {
    mem_free(f->names);
    mem_free(f->lens);
    *f = (struct audit_files){0};
}
