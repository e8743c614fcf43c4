// SPDX-License-Identifier: Apache-2.0
// Any file as a DICOMDIR: every record is in the tree once, links are within the array, paths stay
// below the medium. And any data set as a member of a file set: what is made has no finding.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "dicom/dicomdir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ARENA_BYTES ((size_t)64 << 20)
#define OUTPUT_BYTES ((size_t)64 << 20)

static void need(bool truth) {
    if (!truth) {
        abort();
    }
}

static void check_path(const char *path) {
    struct slice rest = slice_str(path);
    struct slice part;
    while (slice_split(&rest, '/', &part)) {
        need(part.len > 0 && !slice_eq_str(part, ".") && !slice_eq_str(part, ".."));
    }
}

static void check_directory(const struct dcm_dicomdir *dir) {
    uint32_t visited = 0;
    uint32_t i = dir->first;
    while (i != DCM_DICOMDIR_NO_RECORD) {
        need(i < dir->count && ++visited <= dir->count);
        const struct dcm_record *r = &dir->records[i];
        need(r->reached && r->depth < DCM_DICOMDIR_DEPTH_MAX);
        if (r->path != NULL) {
            check_path(r->path);
        }
        if (r->first_child != DCM_DICOMDIR_NO_RECORD) {
            i = r->first_child;
            continue;
        }
        while (r->next == DCM_DICOMDIR_NO_RECORD && r->parent != DCM_DICOMDIR_NO_RECORD) {
            r = &dir->records[r->parent];
        }
        i = r->next;
    }
    need(visited == dir->count);
}

static void check_member(struct arena *a, const struct dcm_file *file,
                         const struct dcm_dataset *d) {
    struct err e = {0};
    struct buf out;
    struct dcm_dicomdir dir;
    struct dcm_dicomdir_maker *m = dcm_dicomdir_maker_new(a, "F");
    if (m == NULL || dcm_dicomdir_maker_add(m, d, file->syntax, "A/B", NULL, &e) != E_OK) {
        return;
    }
    buf_init(&out, OUTPUT_BYTES);
    int rc = dcm_dicomdir_maker_write(m, "2.25.1", dcm_sink_buf(&out), &e);
    need(rc == E_OK || rc == E_MEMORY || rc == E_VALUE);
    if (rc == E_OK && dcm_dicomdir_read(a, buf_slice(&out), &dir, &e) == E_OK) {
        need(dir.finding_count == 0);
        check_directory(&dir);
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena a;
    struct dcm_dicomdir dir;
    struct dcm_file file;
    struct dcm_dataset *d;
    struct err e = {0};
    arena_init(&a, ARENA_BYTES);
    int rc = dcm_dicomdir_read(&a, slice_of(data, len), &dir, &e);
    if (rc == E_OK) {
        check_directory(&dir);
    } else {
        need(rc < 0 && e.code == rc && e.text[0] != '\0');
    }
    if (dcm_file_open(&a, slice_of(data, len), &file, &e) == E_OK &&
        dcm_file_dataset(&a, &file, 0, &d, &e) == E_OK) {
        check_member(&a, &file, d);
    }
    arena_done(&a);
    return 0;
}
