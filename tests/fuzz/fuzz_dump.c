// SPDX-License-Identifier: Apache-2.0
// Any file through the dump and the JSON writer: both end, both give UTF-8, and whole JSON where
// the data set is whole.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_in.h"
#include "base/utf8.h"
#include "dicom/dump.h"
#include "dicom/json_write.h"
#include "dicom/part10.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ARENA_BYTES ((size_t)64 << 20)
#define OUTPUT_BYTES ((size_t)256 << 20)

static void need(bool truth) {
    if (!truth) {
        abort();
    }
}

static void check_json(const struct dcm_file *file, struct buf *out) {
    struct dcm_reader r;
    struct json j;
    struct json_in in;
    struct json_token t;
    struct err e = {0};
    dcm_file_reader(file, &r);
    json_init(&j, out);
    if (dcm_json_write(&r, NULL, &j, &e) != E_OK) {
        need(e.code < 0 && e.text[0] != '\0');
        return;
    }
    int rc;
    json_in_init(&in, buf_slice(out), 0);
    while ((rc = json_in_next(&in, &t, &e)) > 0) {
    }
    need(rc == JSON_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena a;
    struct dcm_file file;
    struct buf out;
    struct err e = {0};
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUTPUT_BYTES);
    if (dcm_file_open(&a, slice_of(data, len), &file, &e) == E_OK) {
        for (int full = 0; full < 2; full++) {
            struct dcm_dump_options options = {.offsets = full == 1, .full = full == 1};
            (void)dcm_dump(&file, &options, dcm_sink_buf(&out), &e);
            need(utf8_valid(buf_slice(&out)));
            buf_clear(&out);
        }
        check_json(&file, &out);
    }
    buf_done(&out);
    arena_done(&a);
    return 0;
}
