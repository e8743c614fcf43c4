// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"

#define JOURNAL_BYTES_MAX ((size_t)4 << 30)
#define HEAD "maclab store journal 1\t"
#define LINE_BYTES_MAX 192
#define PEER_BYTES_MAX 512

struct journal {
    int fd;
    struct hash *sent; // of lines, sorted
    size_t count;
};

static int compare(const void *a, const void *b) { return memcmp(a, b, sizeof(struct hash)); }

static size_t put_line(const struct send_file *f, char line[LINE_BYTES_MAX]) {
    int n = snprintf(line, LINE_BYTES_MAX, "%s\t%llu\t%lld\n", f->sop_instance,
                     (unsigned long long)f->size, (long long)f->changed_ns);
    return n > 0 && n < LINE_BYTES_MAX ? (size_t)n : 0;
}

static int write_head(struct journal *j, const char *peer, struct err *e) {
    char head[PEER_BYTES_MAX];
    int n = snprintf(head, sizeof head, HEAD "%s\n", peer);
    return n > 0 && (size_t)n < sizeof head && file_write_all(j->fd, head, (size_t)n) == 0
               ? E_OK
               : err_set_errno(e, errno, "cannot be written");
}

static int read_lines(struct journal *j, struct slice rest, struct err *e) {
    size_t lines = 0;
    for (size_t i = 0; i < rest.len; i++) {
        lines += rest.ptr[i] == '\n';
    }
    j->sent = mem_array(lines + 1, sizeof *j->sent);
    if (j->sent == NULL) {
        return err_set(e, E_MEMORY, "no memory for %zu lines", lines);
    }
    while (j->count < lines) {
        size_t len = slice_find(rest, '\n') + 1;
        j->sent[j->count++] = hash_of(slice_first(rest, len));
        rest = slice_from(rest, len);
    }
    qsort(j->sent, j->count, sizeof *j->sent, compare);
    return E_OK;
}

// What a kill left of a last line is cut off, so that the next one begins at a line's beginning.
static int cut_torn(struct journal *j, struct slice text, struct err *e) {
    size_t whole = text.len;
    while (whole > 0 && text.ptr[whole - 1] != '\n') {
        whole--;
    }
    return whole == text.len || ftruncate(j->fd, (off_t)whole) == 0
               ? E_OK
               : err_set_errno(e, errno, "cannot be written");
}

static int read_journal(struct journal *j, const char *path, const char *peer, struct err *e) {
    CLEANUP(cleanup_buf) struct buf text;
    buf_init(&text, JOURNAL_BYTES_MAX);
    int rc = file_read(path, &text, e);
    struct slice all = buf_slice(&text);
    size_t end = slice_find(all, '\n');
    if (rc == E_OK && end == all.len) { // empty, or its first line was cut off
        struct slice beginning = slice_first(slice_str(HEAD), all.len);
        if (!slice_starts(all, beginning)) {
            return err_set(e, E_SYNTAX, "is no journal of maclab store");
        }
        rc = ftruncate(j->fd, 0) == 0 ? write_head(j, peer, e)
                                      : err_set_errno(e, errno, "cannot be written");
        return rc == E_OK ? read_lines(j, (struct slice){0}, e) : rc;
    }
    if (rc == E_OK && !slice_starts(all, slice_str(HEAD))) {
        rc = err_set(e, E_SYNTAX, "is no journal of maclab store");
    }
    struct slice of = slice_from(slice_first(all, end), strlen(HEAD));
    if (rc == E_OK && !slice_eq_str(of, peer)) {
        rc = err_set(e, E_CONFLICT, "is the journal of %.*s, not of %s", (int)of.len,
                     (const char *)of.ptr, peer);
    }
    rc = rc == E_OK ? cut_torn(j, all, e) : rc;
    return rc == E_OK ? read_lines(j, slice_from(all, end + 1), e) : rc;
}

int journal_open(const char *path, const char *peer, struct journal **ret_journal, struct err *e) {
    struct journal *j = mem_zalloc(sizeof *j);
    if (j == NULL) {
        return err_set(e, E_MEMORY, "no memory for a journal");
    }
    j->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int rc = j->fd < 0 ? err_set_errno(e, errno, "cannot be opened") : E_OK;
    if (rc == E_OK && flock(j->fd, LOCK_EX | LOCK_NB) != 0) {
        rc = err_set(e, E_LOCKED, "another run is writing it");
    }
    rc = rc == E_OK ? read_journal(j, path, peer, e) : rc;
    if (rc != E_OK) {
        (void)journal_close(j, &(struct err){0});
        return err_context(e, "%s", path);
    }
    *ret_journal = j;
    return E_OK;
}

int journal_close(struct journal *j, struct err *e) {
    int rc = E_OK;
    if (j != NULL) {
        if (j->fd >= 0 && fdatasync(j->fd) != 0 && errno != EINVAL) {
            rc = err_set_errno(e, errno, "journal");
        }
        cleanup_fd(&j->fd);
        mem_free(j->sent);
        mem_free(j);
    }
    return rc;
}

bool journal_has(const struct journal *j, const struct send_file *f) {
    char line[LINE_BYTES_MAX];
    struct hash key = hash_of(slice_of(line, put_line(f, line)));
    return j->count > 0 && bsearch(&key, j->sent, j->count, sizeof key, compare) != NULL;
}

int journal_add(struct journal *j, const struct send_file *f, struct err *e) {
    char line[LINE_BYTES_MAX];
    size_t len = put_line(f, line);
    return file_write_all(j->fd, line, len) == 0 ? E_OK : err_set_errno(e, errno, "journal");
}
