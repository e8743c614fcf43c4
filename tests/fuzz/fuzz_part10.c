// SPDX-License-Identifier: Apache-2.0
// Any bytes as a DICOM file: opened, read and written back the same, whatever meta information and
// transfer syntax they claim.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "dicom/part10.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ARENA_BYTES ((size_t)64 << 20)
#define OUTPUT_BYTES ((size_t)256 << 20)

static void need(bool truth) {
    if (!truth) {
        abort();
    }
}

static void check_rewrite(struct arena *a, struct dcm_file *file, struct slice input) {
    struct dcm_dataset *d;
    struct err e = {0};
    int rc = dcm_file_dataset(a, file, 0, &d, &e);
    if (rc != E_OK) {
        need(rc < 0 && e.code == rc);
        return;
    }
    struct buf out;
    buf_init(&out, OUTPUT_BYTES);
    need(dcm_file_rewrite(file, d, dcm_sink_buf(&out), &e) == E_OK);
    need(slice_eq(buf_slice(&out), input));
    buf_clear(&out);
    d->changed = true;
    (void)dcm_file_rewrite(file, d, dcm_sink_buf(&out), &e);
    buf_clear(&out);
    struct dcm_write_options options = {.syntax_uid = file->syntax->uid};
    rc = dcm_file_write(d, &options, dcm_sink_buf(&out), &e);
    if (rc == E_OK) {
        struct dcm_file again;
        need(dcm_file_open(a, buf_slice(&out), &again, &e) == E_OK && again.has_meta &&
             again.has_preamble && !again.meta_length_wrong && again.syntax == file->syntax);
        need(dcm_file_dataset(a, &again, 0, &d, &e) == E_OK);
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct slice input = slice_of(data, len);
    struct arena a;
    struct dcm_file file;
    struct err e = {0};
    arena_init(&a, ARENA_BYTES);
    int rc = dcm_file_open(&a, input, &file, &e);
    if (rc == E_OK) {
        need(file.syntax != NULL);
        check_rewrite(&a, &file, input);
    } else {
        need(rc < 0 && e.code == rc && e.text[0] != '\0');
    }
    arena_done(&a);
    return 0;
}
