// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"

#define READ_PIECE ((size_t)256 * 1024)

int file_map_fd(int fd, struct file_map *ret_map, struct err *e) {
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_set_errno(e, errno, "cannot examine the file");
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(e, E_ARGUMENT, "not a regular file");
    }
    size_t len = (size_t)st.st_size;
    if (len == 0) {
        *ret_map = (struct file_map){0};
        return E_OK;
    }
    void *address = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (address == MAP_FAILED) {
        return err_set_errno(e, errno, "cannot map the file");
    }
    *ret_map = (struct file_map){slice_of(address, len), address, len};
    return E_OK;
}

int file_map_path(const char *path, struct file_map *ret_map, struct err *e) {
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return err_set_errno(e, errno, "cannot open %s", path);
    }
    int rc = file_map_fd(fd, ret_map, e);
    return rc == E_OK ? E_OK : err_context(e, "%s", path);
}

void file_unmap(struct file_map *m) {
    if (m->address != NULL) {
        (void)munmap(m->address, m->len);
    }
    *m = (struct file_map){0};
}

int file_read(const char *path, struct buf *out, struct err *e) {
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(e, errno, "cannot open %s", path);
    }
    for (;;) {
        size_t room = out->max - out->len;
        size_t before = out->len;
        uint8_t *to = buf_extend(out, room < READ_PIECE ? room + (room == 0) : READ_PIECE);
        if (to == NULL) {
            return buf_check(out, path, e);
        }
        ssize_t got = read(fd, to, out->len - before);
        out->len = before + (got > 0 ? (size_t)got : 0);
        if (got == 0) {
            return E_OK;
        }
        if (got < 0 && errno != EINTR) {
            return err_set_errno(e, errno, "cannot read %s", path);
        }
    }
}

int file_write_all(int fd, const void *bytes, size_t len) {
    const uint8_t *p = bytes;
    while (len > 0) {
        ssize_t put = write(fd, p, len);
        if (put < 0 && errno != EINTR) {
            return -1;
        }
        if (put > 0) {
            p += put;
            len -= (size_t)put;
        }
    }
    return 0;
}

int file_pread_all(int fd, void *out, size_t len, uint64_t offset) {
    uint8_t *p = out;
    while (len > 0) {
        ssize_t got = pread(fd, p, len, (off_t)offset);
        if (got == 0) {
            errno = EIO;
            return -1;
        }
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        if (got > 0) {
            p += got;
            offset += (uint64_t)got;
            len -= (size_t)got;
        }
    }
    return 0;
}

int file_sync_dir(int dir_fd, struct err *e) {
    return fsync(dir_fd) == 0 ? E_OK : err_set_errno(e, errno, "cannot sync a folder");
}

int file_write_durable(int dir_fd, const char *name, struct slice bytes, mode_t mode,
                       struct err *e) {
    char temporary[300];
    int len = snprintf(temporary, sizeof temporary, ".%s.%ld.new", name, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof temporary) {
        return err_set(e, E_ARGUMENT, "file name too long");
    }
    CLEANUP(cleanup_fd)
    int fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        return err_set_errno(e, errno, "cannot create %s", name);
    }
    if (file_write_all(fd, bytes.ptr, bytes.len) != 0 || fsync(fd) != 0 ||
        renameat(dir_fd, temporary, dir_fd, name) != 0) {
        int why = errno;
        (void)unlinkat(dir_fd, temporary, 0);
        return err_set_errno(e, why, "cannot write %s", name);
    }
    return file_sync_dir(dir_fd, e);
}

int file_make_dirs(const char *path, mode_t mode, struct err *e) {
    CLEANUP(cleanup_free) char *copy = mem_strdup(path);
    if (copy == NULL) {
        return err_set(e, E_MEMORY, "%s", path);
    }
    for (char *p = copy + 1; copy[0] != '\0'; p++) {
        bool end = *p == '\0';
        if (!end && *p != '/') {
            continue;
        }
        *p = '\0';
        if (mkdir(copy, mode) != 0 && errno != EEXIST) {
            return err_set_errno(e, errno, "cannot make folder %s", copy);
        }
        if (end) {
            break;
        }
        *p = '/';
    }
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return err_set(e, E_IO, "%s is not a folder", path);
    }
    return E_OK;
}

struct names {
    char **list;
    size_t count;
    size_t cap;
};

static void names_done(struct names *n) {
    for (size_t i = 0; i < n->count; i++) {
        mem_free(n->list[i]);
    }
    mem_free(n->list);
}

static bool names_add(struct names *n, const char *name) {
    if (n->count == n->cap) {
        size_t cap = n->cap == 0 ? 64 : n->cap * 2;
        char **list = mem_realloc(n->list, cap * sizeof *list);
        if (list == NULL) {
            return false;
        }
        n->list = list;
        n->cap = cap;
    }
    n->list[n->count] = mem_strdup(name);
    return n->list[n->count] != NULL && ++n->count > 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(const char *path, struct names *n, struct err *e) {
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return err_set_errno(e, errno, "cannot open folder %s", path);
    }
    int rc = E_OK;
    struct dirent *entry;
    while (rc == E_OK && (entry = readdir(dir)) != NULL) {
        bool self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!self && !names_add(n, entry->d_name)) {
            rc = err_set(e, E_MEMORY, "%s", path);
        }
    }
    (void)closedir(dir);
    if (n->count > 1) {
        qsort(n->list, n->count, sizeof *n->list, by_name);
    }
    return rc;
}

// One folder of the walk that is being worked through.
struct level {
    struct names names;
    size_t next;
    size_t path_len; // of the folder itself within the shared path buffer
};

static void report(const struct file_walk *walk, const char *path, const struct err *why) {
    if (walk->unreadable != NULL) {
        walk->unreadable(path, why, walk->context);
    }
}

static bool enter(struct level *level, struct buf *path, const struct file_walk *walk) {
    struct err why = {0};
    *level = (struct level){.path_len = path->len};
    buf_put_byte(path, 0);
    int rc = read_names((const char *)path->data, &level->names, &why);
    path->len = level->path_len;
    if (rc != E_OK) {
        report(walk, (const char *)path->data, &why);
        names_done(&level->names);
        return false;
    }
    return true;
}

static int walk_folder(struct buf *path, const struct file_walk *walk, struct err *e) {
    struct level levels[FILE_WALK_DEPTH_MAX];
    size_t depth = enter(&levels[0], path, walk) ? 1 : 0;
    int rc = 0;
    while (depth > 0) {
        struct level *top = &levels[depth - 1];
        if (rc != 0 || top->next == top->names.count) {
            names_done(&top->names);
            depth--;
            continue;
        }
        path->len = top->path_len;
        buf_put_byte(path, '/');
        buf_put_str(path, top->names.list[top->next++]);
        buf_put_byte(path, 0);
        if (path->failed) {
            rc = buf_check(path, "path", e);
            continue;
        }
        path->len--;
        struct stat st;
        if (lstat((const char *)path->data, &st) != 0) {
            struct err why = {0};
            (void)err_set_errno(&why, errno, "cannot examine %s", (const char *)path->data);
            report(walk, (const char *)path->data, &why);
        } else if (S_ISREG(st.st_mode)) {
            rc = walk->visit((const char *)path->data, walk->context);
        } else if (S_ISDIR(st.st_mode) && depth == FILE_WALK_DEPTH_MAX) {
            struct err why = {0};
            (void)err_set(&why, E_NESTING, "folders nested deeper than %d", FILE_WALK_DEPTH_MAX);
            report(walk, (const char *)path->data, &why);
        } else if (S_ISDIR(st.st_mode) && enter(&levels[depth], path, walk)) {
            depth++;
        }
    }
    return rc;
}

int file_walk(const char *path, const struct file_walk *walk, struct err *e) {
    struct stat st;
    if (stat(path, &st) != 0) {
        return err_set_errno(e, errno, "cannot examine %s", path);
    }
    if (!S_ISDIR(st.st_mode)) {
        return S_ISREG(st.st_mode) ? walk->visit(path, walk->context)
                                   : err_set(e, E_ARGUMENT, "%s is not a file or folder", path);
    }
    CLEANUP(cleanup_buf) struct buf whole;
    buf_init(&whole, 16384);
    struct slice name = slice_str(path);
    while (name.len > 1 && name.ptr[name.len - 1] == '/') {
        name.len--;
    }
    buf_put_slice(&whole, name);
    if (whole.failed) {
        return buf_check(&whole, "path", e);
    }
    return walk_folder(&whole, walk, e);
}
