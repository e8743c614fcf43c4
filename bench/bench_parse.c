// SPDX-License-Identifier: Apache-2.0
// How many files a second can be opened and understood up to their pixel data, in one process.
// Usage: bench_parse MODE LIST RUNS, prints files a second of each run. MODE:
//   read   open, read the first 8 KiB, close: the floor
//   walk   the same, and the events up to the pixel data, SOP Instance UID taken
//   tree   the same, and the tree of all elements before the pixel data
//   map    as tree, with the whole file mapped instead of its head read
//   whole  the whole file mapped and its whole tree built, pixel data included (not touched)
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/num.h"
#include "dicom/part10.h"
#include "dicom/tags.h"

#define HEAD_BYTES ((size_t)8192)
#define HEAD_BYTES_MAX ((size_t)16 << 20)
#define ARENA_BYTES ((size_t)256 << 20)
#define TAG_PIXELS DCM_TAG(0x7FE0, 0x0010)

static uint8_t *head;
static size_t head_cap;
static struct arena arena;

static int fail(struct err *e, const char *path) {
    char line[600];
    fprintf(stderr, "bench_parse: %s: %s\n", path, err_line(e, line, sizeof line));
    return -1;
}

// The first `want` bytes of a file, in memory that is used again.
static int read_head(const char *path, size_t want, struct slice *ret_bytes, struct err *e) {
    if (want > head_cap) {
        free(head);
        head = malloc(want);
        head_cap = head == NULL ? 0 : want;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 || head == NULL ? -1 : pread(fd, head, want, 0);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (len < 0) {
        return err_set_errno(e, errno, "cannot read");
    }
    *ret_bytes = slice_of(head, (size_t)len);
    return E_OK;
}

static int walk(struct slice bytes, struct err *e) {
    struct dcm_file file;
    struct dcm_reader r;
    struct dcm_element element;
    struct slice uid = {0};
    int rc = dcm_file_open(&arena, bytes, &file, e);
    if (rc != E_OK) {
        return rc;
    }
    dcm_file_reader(&file, &r);
    r.stop_at = TAG_PIXELS;
    int event;
    while ((event = dcm_reader_next(&r, &element, e)) > 0) {
        if (element.tag == DCM_SOPInstanceUID && element.depth == 0) {
            uid = element.value;
        }
    }
    return event < 0 ? event : uid.len > 0 ? E_OK : err_set(e, E_MISSING, "no SOP Instance UID");
}

static int tree(struct slice bytes, dcm_tag stop_at, struct err *e) {
    struct dcm_file file;
    struct dcm_dataset *d;
    struct slice uid;
    int rc = dcm_file_open(&arena, bytes, &file, e);
    if (rc == E_OK) {
        rc = dcm_file_dataset(&arena, &file, stop_at, &d, e);
    }
    if (rc != E_OK) {
        return rc;
    }
    return dcm_text(d, DCM_SOPInstanceUID, 0, &uid) ? E_OK
                                                    : err_set(e, E_MISSING, "no SOP Instance UID");
}

// Understands the head; reads more when the pixel data begins further on.
static int parse_head(const char *path, bool build, struct err *e) {
    for (size_t want = HEAD_BYTES; want <= HEAD_BYTES_MAX; want *= 4) {
        struct slice bytes;
        struct err why = {0};
        arena_reset(&arena);
        int rc = read_head(path, want, &bytes, e);
        if (rc != E_OK) {
            return rc;
        }
        rc = build ? tree(bytes, TAG_PIXELS, &why) : walk(bytes, &why);
        if (rc != E_TRUNCATED || bytes.len < want) {
            *e = why;
            return rc;
        }
    }
    return err_set(e, E_LIMIT, "header too long");
}

static int parse_mapped(const char *path, dcm_tag stop_at, struct err *e) {
    struct file_map map = {0};
    int rc = file_map_path(path, &map, e);
    if (rc != E_OK) {
        return rc;
    }
    arena_reset(&arena);
    rc = tree(map.bytes, stop_at, e);
    file_unmap(&map);
    return rc;
}

static int parse(const char *mode, const char *path) {
    struct err e = {0};
    struct slice bytes;
    int rc = mode[0] == 'r'   ? read_head(path, HEAD_BYTES, &bytes, &e)
             : mode[0] == 't' ? parse_head(path, true, &e)
             : mode[0] == 'm' ? parse_mapped(path, TAG_PIXELS, &e)
             : mode[1] == 'a' ? parse_head(path, false, &e)
                              : parse_mapped(path, 0, &e);
    return rc == E_OK ? 0 : fail(&e, path);
}

// Paths, one a line, in one piece of memory; NULL behind the last.
static char **read_list(char *text, size_t len) {
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += text[i] == '\n';
    }
    char **paths = calloc(count + 1, sizeof *paths);
    char *at = text;
    for (size_t i = 0; paths != NULL && i < count; i++) {
        char *end = memchr(at, '\n', len - (size_t)(at - text));
        *end = '\0';
        paths[i] = at;
        at = end + 1;
    }
    return paths;
}

static int run(const char *mode, char **paths) {
    const struct clock *clock = clock_system();
    size_t count = 0;
    usec start = clock_monotonic(clock);
    for (; paths[count] != NULL; count++) {
        if (parse(mode, paths[count]) != 0) {
            return 1;
        }
    }
    usec spent = clock_monotonic(clock) - start;
    printf("%.0f\n", (double)count * 1e6 / (double)(spent > 0 ? spent : 1));
    return 0;
}

int main(int argc, char **argv) {
    static char text[1 << 22];
    int64_t runs = 0;
    if (argc != 4 || strstr("read walk tree map whole", argv[1]) == NULL ||
        !num_parse_i64(slice_str(argv[3]), 1, 1000, &runs)) {
        fprintf(stderr, "usage: bench_parse read|walk|tree|map|whole LIST RUNS\n");
        return 2;
    }
    int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text);
    char **paths = len < 0 ? NULL : read_list(text, (size_t)len);
    if (paths == NULL) {
        fprintf(stderr, "bench_parse: cannot read %s\n", argv[2]);
        return 1;
    }
    arena_init(&arena, ARENA_BYTES);
    int failed = 0;
    for (int64_t i = 0; i < runs && failed == 0; i++) {
        failed = run(argv[1], paths);
    }
    arena_done(&arena);
    return failed;
}
