// SPDX-License-Identifier: Apache-2.0
// The caller's side of archive_transcode (jobs.h): what a worker wrote is copied before it is
// trusted or kept, since the worker may hold its descriptor still.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/jobs.h"
#include "archive/jobs_wire.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/num.h"
#include "pixel/transcode.h"
#include "store/store.h"

#define KEY_MAX 256
// Meta information of ours begins with its length: (0002,0000) UL behind preamble and DICM.
#define META_LENGTH_AT 140
#define META_AT 144

void archive_file_done(struct archive_file *f) {
    if (f->fd >= 0) {
        (void)close(f->fd);
    }
    *f = ARCHIVE_FILE_NONE;
}

bool archive_can_transcode(const char *from_syntax, const char *to_syntax) {
    return px_transcode_known(from_syntax, to_syntax);
}

static void name_of(const struct hash *object, const char *syntax, char out[KEY_MAX]) {
    char hex[HASH_HEX_LEN + 1];
    (void)snprintf(out, KEY_MAX, "file %s %.64s", hash_hex(object, hex), syntax);
}

// Where the data set begins in a file that px_transcode wrote. false: it did not.
static bool find_body(int fd, uint64_t len, uint64_t *ret_offset) {
    uint8_t bytes[4];
    if (len < META_AT || file_pread_all(fd, bytes, sizeof bytes, META_LENGTH_AT) != 0) {
        return false;
    }
    uint64_t offset = META_AT + (uint64_t)num_le32(bytes);
    *ret_offset = offset;
    return offset <= len;
}

static bool from_cache(struct archive *a, const char *key, struct archive_file *ret_file) {
    CLEANUP(archive_file_done) struct archive_file f = ARCHIVE_FILE_NONE;
    if (store_cache_get(archive_store(a), key, &f.fd, &f.len) != E_OK ||
        !find_body(f.fd, f.len, &f.body_offset)) {
        return false;
    }
    *ret_file = f;
    f.fd = -1;
    return true;
}

static int run(struct archive *a, int in, int out, const char *syntax,
               struct job_transcoded *ret_done, struct err *e) {
    CLEANUP(cleanup_buf) struct buf answer;
    buf_init(&answer, sizeof *ret_done);
    struct job_transcode job = {{0}};
    (void)snprintf(job.syntax, sizeof job.syntax, "%s", syntax);
    int rc = worker_run(archive_workers(a), JOB_TRANSCODE, slice_of(&job, sizeof job), in, out,
                        &answer, e);
    if (rc == E_OK && answer.len != sizeof *ret_done) {
        rc = err_set(e, E_CRASHED, "a worker's answer of %zu bytes", answer.len);
    }
    if (rc == E_OK) {
        memcpy(ret_done, answer.data, sizeof *ret_done);
    }
    // What is stored is at fault, not the question.
    bool bad = rc == E_TRUNCATED || rc == E_SYNTAX || rc == E_MISMATCH || rc == E_MISSING ||
               rc == E_VALUE || rc == E_NESTING;
    return bad ? (e->code = E_CORRUPT) : rc < 0 ? rc : E_OK;
}

static int stored_file(int *object, uint64_t body_offset, struct archive_file *ret_file,
                       struct err *e) {
    struct stat st;
    if (fstat(*object, &st) != 0) {
        return err_set_errno(e, errno, "object");
    }
    if (body_offset > (uint64_t)st.st_size) {
        return err_set(e, E_CRASHED, "a worker's answer is outside of the file");
    }
    *ret_file = (struct archive_file){steal_fd(object), (uint64_t)st.st_size, body_offset};
    return E_OK;
}

// Our own copy of what the worker wrote: in the cache when it is worth it and there is room.
static int keep(struct archive *a, const char *key, int scratch, uint64_t len,
                struct archive_file *ret_file, struct err *e) {
    CLEANUP(archive_file_done) struct archive_file f = {.fd = -1, .len = len};
    struct stat st;
    if (fstat(scratch, &st) != 0 || (uint64_t)st.st_size != len) {
        return err_set(e, E_CRASHED, "a worker wrote other than it says");
    }
    int rc = E_IO;
    if (len <= TRANSCODED_MAX) {
        rc = store_cache_copy(archive_store(a), key, scratch, len, &f.fd);
    }
    rc = rc == E_OK ? E_OK : store_scratch_copy(archive_store(a), scratch, len, &f.fd, e);
    if (rc == E_OK && !find_body(f.fd, len, &f.body_offset)) {
        rc = err_set(e, E_CRASHED, "a worker wrote no file");
    }
    if (rc == E_OK) {
        *ret_file = f;
        f.fd = -1;
    }
    return rc;
}

int archive_transcode(struct archive *a, const struct hash *object, const char *syntax_uid,
                      struct archive_file *ret_file, struct err *e) {
    char key[KEY_MAX];
    name_of(object, syntax_uid, key);
    if (from_cache(a, key, ret_file)) {
        return E_OK;
    }
    CLEANUP(cleanup_fd) int in = -1;
    CLEANUP(cleanup_fd) int scratch = -1;
    struct job_transcoded done;
    int rc = store_object_open(archive_store(a), object, &in, e);
    rc = rc == E_OK ? store_scratch_open(archive_store(a), &scratch, e) : rc;
    rc = rc == E_OK ? run(a, in, scratch, syntax_uid, &done, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    return done.same == 1 ? stored_file(&in, done.body_offset, ret_file, e)
                          : keep(a, key, scratch, done.len, ret_file, e);
}
