// SPDX-License-Identifier: Apache-2.0
// A test tool over dicom/dicomdir.h, for comparisons with other software.
//
//   dicomdir_probe read DICOMDIR             a line a record in tree order, then a line a finding
//   dicomdir_probe make FOLDER FILE…         writes FOLDER/DICOMDIR for files below FOLDER
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "dicom/dicomdir.h"

#define ARENA_LIMIT ((size_t)1 << 30)

static int report(const struct err *e) {
    char line[ERR_TEXT_MAX + ERR_PATH_MAX + 64];
    fprintf(stderr, "dicomdir_probe: %s\n", err_line(e, line, sizeof line));
    return 1;
}

static void print_record(const struct dcm_dicomdir *dir, uint32_t i) {
    const struct dcm_record *r = &dir->records[i];
    printf("%*s%.*s %s @%llu\n", r->depth * 2, "", (int)r->type.len,
           r->type.len == 0 ? "" : (const char *)r->type.ptr, r->path == NULL ? "-" : r->path,
           (unsigned long long)r->offset);
}

static uint32_t next_record(const struct dcm_dicomdir *dir, uint32_t i) {
    const struct dcm_record *r = &dir->records[i];
    if (r->first_child != DCM_DICOMDIR_NO_RECORD) {
        return r->first_child;
    }
    while (r->next == DCM_DICOMDIR_NO_RECORD && r->parent != DCM_DICOMDIR_NO_RECORD) {
        r = &dir->records[r->parent];
    }
    return r->next;
}

static int read_directory(const char *path) {
    struct arena a;
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    struct dcm_dicomdir dir;
    struct err e = {0};
    arena_init(&a, ARENA_LIMIT);
    int rc = file_map_path(path, &map, &e);
    if (rc == E_OK) {
        rc = dcm_dicomdir_read(&a, map.bytes, &dir, &e);
    }
    if (rc != E_OK) {
        arena_done(&a);
        return report(&e);
    }
    for (uint32_t i = dir.first; i != DCM_DICOMDIR_NO_RECORD; i = next_record(&dir, i)) {
        print_record(&dir, i);
    }
    for (uint32_t i = 0; i < dir.finding_count; i++) {
        printf("! %s (record %d, offset %llu)\n", dcm_dicomdir_finding_words(dir.findings[i].kind),
               (int)dir.findings[i].record, (unsigned long long)dir.findings[i].offset);
    }
    arena_done(&a);
    return 0;
}

static int add_file(struct arena *a, struct dcm_dicomdir_maker *m, const char *folder,
                    const char *name, struct err *e) {
    char path[1024];
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    struct dcm_file file;
    struct dcm_dataset *d;
    uint32_t missing = 0;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int rc = file_map_path(path, &map, e);
    if (rc == E_OK) {
        rc = dcm_file_open(a, map.bytes, &file, e);
    }
    if (rc == E_OK) {
        rc = dcm_file_dataset(a, &file, 0, &d, e);
    }
    if (rc == E_OK) {
        rc = dcm_dicomdir_maker_add(m, d, file.syntax, name, &missing, e);
    }
    if (rc == E_OK && missing > 0) {
        printf("%s: %u keys missing\n", name, missing);
    }
    return rc;
}

static int sink_put(void *context, struct slice bytes, struct err *e) {
    return fwrite(bytes.ptr, 1, bytes.len, context) == bytes.len ? E_OK
                                                                 : err_set(e, E_IO, "DICOMDIR");
}

static int make_directory(int count, char **names) {
    struct arena a;
    struct err e = {0};
    char path[1024];
    arena_init(&a, ARENA_LIMIT);
    struct dcm_dicomdir_maker *m = dcm_dicomdir_maker_new(&a, "PROBE");
    for (int i = 1; i < count; i++) {
        if (add_file(&a, m, names[0], names[i], &e) != E_OK) {
            arena_done(&a);
            (void)err_context(&e, "%s", names[i]);
            return report(&e);
        }
    }
    (void)snprintf(path, sizeof path, "%s/DICOMDIR", names[0]);
    FILE *out CLEANUP(cleanup_file) = fopen(path, "wb");
    int rc = out == NULL ? err_set(&e, E_IO, "%s", path)
                         : dcm_dicomdir_maker_write(m, "2.25.1234567",
                                                    (struct dcm_sink){sink_put, out}, &e);
    arena_done(&a);
    return rc == E_OK ? 0 : report(&e);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "read") == 0) {
        return read_directory(argv[2]);
    }
    if (argc >= 4 && strcmp(argv[1], "make") == 0) {
        return make_directory(argc - 2, argv + 2);
    }
    fprintf(stderr, "usage: dicomdir_probe read DICOMDIR | make FOLDER FILE...\n");
    return 2;
}
