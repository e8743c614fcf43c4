// SPDX-License-Identifier: Apache-2.0
// Any text as DICOM JSON: refused, or a data set whose JSON is JSON again and settles: what is read
// from our own writing is written the same. The tree and its bytes give the same JSON.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "dicom/dataset.h"
#include "dicom/json_read.h"
#include "dicom/json_write.h"
#include "dicom/reader.h"
#include "dicom/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ARENA_BYTES ((size_t)64 << 20)
#define OUTPUT_BYTES ((size_t)64 << 20)

static void need(bool truth) {
    if (!truth) {
        abort();
    }
}

static void write_tree(const struct dcm_dataset *d, struct buf *out) {
    struct json j;
    struct err e = {0};
    json_init(&j, out);
    need(dcm_json_write_dataset(d, NULL, &j, &e) == E_OK);
}

static void check_bytes(const struct dcm_dataset *d, struct slice json) {
    struct buf bytes, out;
    struct dcm_reader r;
    struct json j;
    struct err e = {0};
    buf_init(&bytes, OUTPUT_BYTES);
    buf_init(&out, OUTPUT_BYTES);
    if (dcm_write(d, DCM_EXPLICIT_LE, dcm_sink_buf(&bytes), &e) == E_OK) {
        dcm_reader_init(&r, buf_slice(&bytes), DCM_EXPLICIT_LE, 0);
        json_init(&j, &out);
        need(dcm_json_write(&r, NULL, &j, &e) == E_OK);
        // a UN may hold a sequence, which the reader opens; odd lengths are padded on the way
        bool other = memmem(json.ptr, json.len, "\"UN\"", 4) != NULL ||
                     memmem(json.ptr, json.len, "\"OB\"", 4) != NULL;
        need(other || slice_eq(buf_slice(&out), json));
    }
    buf_done(&bytes);
    buf_done(&out);
}

static struct dcm_dataset *read_one(struct arena *a, struct slice json) {
    struct dcm_dataset **datasets;
    uint32_t count;
    struct err e = {0};
    int rc = dcm_json_read(a, json, NULL, &datasets, &count, &e);
    need(rc == E_OK || (rc < 0 && e.code == rc && e.text[0] != '\0'));
    return rc == E_OK && count > 0 ? datasets[count - 1] : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena a;
    struct buf first, second, third;
    arena_init(&a, ARENA_BYTES);
    buf_init(&first, OUTPUT_BYTES);
    buf_init(&second, OUTPUT_BYTES);
    buf_init(&third, OUTPUT_BYTES);
    struct dcm_dataset *d = read_one(&a, slice_of(data, len));
    if (d != NULL) {
        write_tree(d, &first);
        d = read_one(&a, buf_slice(&first)); // may be too long now that replaced text has grown
        if (d != NULL) {
            write_tree(d, &second);
            check_bytes(d, buf_slice(&second));
            d = read_one(&a, buf_slice(&second));
            need(d != NULL);
            write_tree(d, &third);
            need(slice_eq(buf_slice(&second), buf_slice(&third)));
        }
    }
    buf_done(&first);
    buf_done(&second);
    buf_done(&third);
    arena_done(&a);
    return 0;
}
