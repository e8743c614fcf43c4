// SPDX-License-Identifier: Apache-2.0
// A test tool over pixel/transcode.h: transcode_probe SYNTAX IN OUT. Prints where the data set
// begins; exit 1 with a line when the file cannot be put that way. transcode.py judges the files.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "pixel/transcode.h"

#define ARENA_LIMIT ((size_t)1 << 31)

static int put(void *context, struct slice bytes, struct err *e) {
    return file_write_all(*(const int *)context, bytes.ptr, bytes.len) == 0
               ? E_OK
               : err_set_errno(e, errno, "writing");
}

static int patch(void *context, uint64_t offset, struct slice bytes, struct err *e) {
    ssize_t done = pwrite(*(const int *)context, bytes.ptr, bytes.len, (off_t)offset);
    return done == (ssize_t)bytes.len ? E_OK : err_set_errno(e, errno, "patching");
}

static void cleanup_arena(struct arena *a) { arena_done(a); }

static int run(const char *syntax, const char *in, int out, struct err *e) {
    CLEANUP(cleanup_arena) struct arena a;
    CLEANUP(cleanup_file_map) struct file_map map = {0};
    struct dcm_file file;
    struct px_transcoded done;
    arena_init(&a, ARENA_LIMIT);
    struct px_transcode_out to = {.sink = {put, &out}, .patch = patch, .context = &out};
    int code = file_map_path(in, &map, e);
    code = code == E_OK ? dcm_file_open(&a, map.bytes, &file, e) : code;
    code = code == E_OK ? px_transcode(&a, &file, map.bytes, syntax, &to, &done, e) : code;
    if (code == E_OK) {
        printf("%" PRIu64 " %" PRIu64 "\n", done.body_offset, done.len);
    }
    return code;
}

int main(int argc, char **argv) {
    struct err e = {0};
    if (argc != 4) {
        fprintf(stderr, "usage: transcode_probe SYNTAX IN OUT\n");
        return 2;
    }
    CLEANUP(cleanup_fd) int out = open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0) {
        perror(argv[3]);
        return 2;
    }
    if (run(argv[1], argv[2], out, &e) == E_OK) {
        return 0;
    }
    char line[600];
    printf("%s\t%s\n", err_name(e.code), err_line(&e, line, sizeof line));
    return 1;
}
