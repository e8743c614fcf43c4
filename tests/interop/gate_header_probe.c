// SPDX-License-Identifier: Apache-2.0
// Cleans headers as the gate's worker does, pixels untouched, for gate_header.py to compare with
// other software. Reads lines "<input>\t<output>" from standard input; answers each with
//   K <lines noted> <kinds…>   or   E <error line>
// With "-t N" every header is cleaned N times and the fastest and mean time are printed instead.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "gate/header.h"

#define ARENA_BYTES ((size_t)2 << 30)
#define PATH_BYTES 4096
#define OUT_BYTES ((size_t)1 << 30)

static const struct gate_key key = {{0x4D, 0x61, 0x63, 0x4C, 0x61, 0x62}};

static void report(const struct gate_context *c) {
    printf("K %u", c->notes.count);
    for (unsigned i = 0; i < GATE_KIND_COUNT; i++) {
        if (c->notes.kinds[i] > 0) {
            printf(" %s=%llu", gate_kind_code((enum gate_kind)i),
                   (unsigned long long)c->notes.kinds[i]);
        }
    }
    printf("\n");
    for (uint32_t i = 0; i < c->notes.count && getenv("GATE_HEADER_LINES") != NULL; i++) {
        const struct gate_line *l = &c->notes.lines[i];
        printf("L %s %s %s\n", l->where, gate_kind_code(l->kind), gate_done_code(l->done));
    }
}

static int clean(struct arena *a, const struct gate_profile *p, struct slice bytes,
                 struct dcm_file *file, struct dcm_dataset **ret_dataset, struct gate_context *c,
                 uint64_t *ret_nanos, struct err *e) {
    struct timespec from;
    struct timespec to;
    int rc = dcm_file_open(a, bytes, file, e);
    rc = rc == E_OK ? dcm_file_dataset(a, file, 0, ret_dataset, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    *c = (struct gate_context){.arena = a, .profile = p, .key = &key};
    gate_notes_init(&c->notes, a);
    c->subject = gate_subject_new(a);
    rc = c->subject == NULL ? err_set(e, E_MEMORY, "no memory")
                            : gate_subject_gather(c->subject, *ret_dataset, e);
    c->words = (struct gate_words){c->subject, p->phrases, p->phrase_count};
    struct gate_origin origin;
    gate_header_origin(c, *ret_dataset, &origin);
    c->has_day_zero = origin.has_day;
    c->day_zero = origin.study_day;
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    rc = rc == E_OK ? gate_header_clean(c, *ret_dataset, e) : rc;
    rc = rc == E_OK ? gate_header_mark(c, *ret_dataset, e) : rc;
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    *ret_nanos = (uint64_t)(to.tv_sec - from.tv_sec) * 1000000000u + (uint64_t)to.tv_nsec -
                 (uint64_t)from.tv_nsec;
    return rc;
}

static int write_out(const char *path, const struct dcm_dataset *d, const struct dcm_file *file,
                     struct err *e) {
    struct buf out;
    // Text of UN and odd encodings is written in the file's own syntax.
    struct dcm_write_options options = {.syntax_uid = file->syntax->uid};
    buf_init(&out, OUT_BYTES);
    int rc = dcm_file_write(d, &options, dcm_sink_buf(&out), e);
    FILE *f = rc == E_OK ? fopen(path, "wb") : NULL;
    if (rc == E_OK && (f == NULL || fwrite(out.data, 1, out.len, f) != out.len)) {
        rc = err_set(e, E_IO, "cannot write");
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    buf_done(&out);
    return rc;
}

static void handle(const struct gate_profile *p, const char *in, const char *out, unsigned times) {
    struct err e = {0};
    struct arena a;
    struct file_map map = {0};
    uint64_t best = UINT64_MAX;
    uint64_t sum = 0;
    char line[512];
    int rc = file_map_path(in, &map, &e);
    for (unsigned i = 0; rc == E_OK && i < times; i++) {
        struct dcm_file file;
        struct dcm_dataset *d = NULL;
        struct gate_context c = {0};
        uint64_t nanos = 0;
        arena_init(&a, ARENA_BYTES);
        rc = clean(&a, p, map.bytes, &file, &d, &c, &nanos, &e);
        best = nanos < best ? nanos : best;
        sum += nanos;
        if (rc == E_OK && out[0] != '\0') {
            rc = write_out(out, d, &file, &e);
        }
        if (rc == E_OK && times == 1) {
            report(&c);
        }
        arena_done(&a);
    }
    file_unmap(&map);
    if (rc != E_OK) {
        printf("E %s\n", err_line(&e, line, sizeof line));
    } else if (times > 1) {
        printf("T %.1f %.1f us\n", (double)best / 1000, (double)sum / 1000 / times);
    }
    (void)fflush(stdout);
}

int main(int argc, char **argv) {
    struct arena a;
    struct err e = {0};
    struct gate_profile *p = NULL;
    unsigned times =
        argc > 2 && strcmp(argv[1], "-t") == 0 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
    char line[2 * PATH_BYTES];
    arena_init(&a, ARENA_BYTES);
    if (gate_profile_load(&a, gate_profile_builtin(), &p, &e) != E_OK) {
        (void)fprintf(stderr, "%s\n", err_line(&e, line, sizeof line));
        return 1;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *tab = strchr(line, '\t');
        if (tab != NULL) {
            *tab = '\0';
        }
        handle(p, line, tab == NULL ? "" : tab + 1, times);
    }
    arena_done(&a);
    return 0;
}
