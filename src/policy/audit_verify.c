// SPDX-License-Identifier: Apache-2.0
// Reading the audit log: the whole chain checked, or its lines shown. Lengths are taken under the
// lock, so that a server may go on writing meanwhile.
#include "policy/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/num.h"
#include "policy/audit_files.h"
#include "policy/audit_line.h"

struct chain {
    struct audit_summary summary;
    uint64_t seq;
    struct hash tail;
    const char *file;
    // The end that was synced last, as DIR/audit/head tells.
    uint64_t head_seq;
    struct hash head_tail;
    bool head_met;
};

static int broken(const struct chain *c, uint64_t line, const char *how, struct err *e) {
    return err_set(e, E_CORRUPT, "audit log %s, line %llu: %s", c->file, (unsigned long long)line,
                   how);
}

static void take(struct chain *c, const struct audit_line *l) {
    c->seq = l->seq;
    c->tail = l->hash;
    c->summary.lines++;
    if (l->seq == c->head_seq) {
        c->head_met = hash_eq(&l->hash, &c->head_tail);
    }
}

static int check_link(const struct chain *c, const struct audit_line *l, uint64_t line,
                      struct err *e) {
    if (l->seq != c->seq + 1) {
        return broken(c, line, "lines were removed, added or put into another order before it", e);
    }
    if (!hash_eq(&l->prev, &c->tail)) {
        return broken(c, line, "it does not continue the line before it, which was changed", e);
    }
    return E_OK;
}

// The lines of one file. Lines that are no good ones must be followed by the note that seals them.
static int check_file(struct chain *c, struct slice file, struct err *e) {
    uint64_t line = 0, bad_line = 0;
    struct slice bad = {NULL, 0}; // from the first bad line to where we are
    for (struct slice rest = file; rest.len > 0;) {
        size_t len = slice_find(rest, '\n');
        struct slice text = slice_first(rest, len);
        struct audit_line l;
        line++;
        bool good = len < rest.len && audit_line_parse(text, &l);
        if (!good) {
            bad_line = bad.ptr == NULL ? line : bad_line;
            bad.ptr = bad.ptr == NULL ? rest.ptr : bad.ptr;
        } else if (bad.ptr != NULL) {
            bad.len = (size_t)(rest.ptr - bad.ptr);
            if (!audit_line_seals(text, bad)) {
                return broken(c, bad_line, "it was changed", e);
            }
            c->summary.sealed++;
            bad.ptr = NULL;
        }
        if (good && check_link(c, &l, line, e) != E_OK) {
            return e->code;
        }
        if (good) {
            take(c, &l);
        }
        rest = slice_from(rest, len < rest.len ? len + 1 : len);
    }
    return bad.ptr == NULL ? E_OK : broken(c, bad_line, "it was changed or is torn", e);
}

static int open_dir(const char *data_dir, int *ret_fd, struct err *e) {
    char path[4096];
    struct buf name = {.data = (uint8_t *)path, .cap = sizeof path, .max = sizeof path};
    buf_printf(&name, "%s/" AUDIT_DIR, data_dir);
    buf_put_byte(&name, 0);
    if (buf_check(&name, "folder name", e) != E_OK) {
        return e->code;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(e, errno, "cannot open %s", path);
    }
    *ret_fd = fd;
    return E_OK;
}

static void read_head(int dir_fd, struct chain *c) {
    CLEANUP(cleanup_fd) int fd = openat(dir_fd, AUDIT_HEAD, O_RDONLY | O_CLOEXEC);
    char text[20 + 1 + HASH_HEX_LEN + 1];
    struct slice number = slice_of(text, 20);
    uint64_t seq;
    if (fd >= 0 && file_pread_all(fd, text, sizeof text, 0) == 0 &&
        num_parse_u64(number, UINT64_MAX, &seq) &&
        hash_parse(slice_of(text + 21, HASH_HEX_LEN), &c->head_tail)) {
        c->head_seq = seq;
    }
}

// The files with their lengths and the head, as they are between two lines.
static int snapshot(int dir_fd, struct audit_files *ret_files, struct chain *c, struct err *e) {
    CLEANUP(cleanup_fd) int lock = openat(dir_fd, AUDIT_LOCK, O_RDONLY | O_CLOEXEC);
    while (lock >= 0 && flock(lock, LOCK_EX) != 0 && errno == EINTR) {
    }
    read_head(dir_fd, c);
    return audit_files_list(dir_fd, ret_files, e);
}

static int each_file(int dir_fd, const struct audit_files *files,
                     int (*run)(struct chain *c, struct slice file, struct err *e), struct chain *c,
                     struct err *e) {
    for (size_t i = 0; i < files->count; i++) {
        CLEANUP(cleanup_file_map) struct file_map map = {0};
        CLEANUP(cleanup_fd) int fd = openat(dir_fd, files->names[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            return err_set_errno(e, errno, "cannot open audit log %s", files->names[i]);
        }
        int rc = file_map_fd(fd, &map, e);
        c->file = files->names[i];
        rc = rc == E_OK ? run(c, slice_first(map.bytes, (size_t)files->lens[i]), e) : rc;
        if (rc != E_OK) {
            return rc;
        }
    }
    return E_OK;
}

int audit_check(const char *data_dir, struct audit_summary *ret_summary, struct err *e) {
    CLEANUP(cleanup_fd) int dir_fd = -1;
    CLEANUP(audit_files_done) struct audit_files files = {0};
    struct chain c = {.file = "(none)"};
    int rc = open_dir(data_dir, &dir_fd, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = snapshot(dir_fd, &files, &c, e);
    rc = rc == E_OK ? each_file(dir_fd, &files, check_file, &c, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    if (c.head_seq > c.seq) {
        return err_set(e, E_CORRUPT, "audit log %s: lines %llu to %llu are missing from its end",
                       c.file, (unsigned long long)c.seq + 1, (unsigned long long)c.head_seq);
    }
    if (c.head_seq > 0 && !c.head_met) {
        return err_set(e, E_CORRUPT, "audit log: entry %llu is not the one that was synced",
                       (unsigned long long)c.head_seq);
    }
    c.summary.files = (unsigned)files.count;
    c.summary.last = c.tail;
    *ret_summary = c.summary;
    return E_OK;
}

int audit_verify(const char *data_dir, uint64_t *ret_lines, struct err *e) {
    struct audit_summary s;
    int rc = audit_check(data_dir, &s, e);
    if (rc == E_OK) {
        *ret_lines = s.lines;
    }
    return rc;
}

int audit_each(const char *data_dir, int (*visit)(struct slice line, void *context), void *context,
               struct err *e) {
    CLEANUP(cleanup_fd) int dir_fd = -1;
    CLEANUP(audit_files_done) struct audit_files files = {0};
    struct chain ignored = {0};
    int rc = open_dir(data_dir, &dir_fd, e);
    rc = rc == E_OK ? snapshot(dir_fd, &files, &ignored, e) : rc;
    for (size_t i = 0; i < files.count && rc == 0; i++) {
        CLEANUP(cleanup_file_map) struct file_map map = {0};
        CLEANUP(cleanup_fd) int fd = openat(dir_fd, files.names[i], O_RDONLY | O_CLOEXEC);
        rc = fd >= 0 ? file_map_fd(fd, &map, e)
                     : err_set_errno(e, errno, "cannot open audit log %s", files.names[i]);
        struct slice rest = slice_first(map.bytes, (size_t)files.lens[i]);
        struct slice line;
        while (rc == 0 && rest.len > 0 && slice_split(&rest, '\n', &line)) {
            rc = visit(line, context);
        }
    }
    return rc;
}
