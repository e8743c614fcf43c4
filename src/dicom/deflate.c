// SPDX-License-Identifier: Apache-2.0
#define ZLIB_CONST // zlib.h takes input as const
#include "dicom/deflate.h"

#include <zlib.h>

#include "base/err.h"
#include "base/mem.h"

#define PIECE_BYTES (16 * 1024)
#define INPUT_MAX ((size_t)1 << 30) // of one call of zlib

struct dcm_deflater {
    z_stream z;
    struct dcm_sink out;
    uint64_t written;
};

struct dcm_deflater *dcm_deflater_new(struct dcm_sink out) {
    struct dcm_deflater *d = mem_zalloc(sizeof *d);
    if (d != NULL && deflateInit2(&d->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 9,
                                  Z_DEFAULT_STRATEGY) != Z_OK) {
        mem_free(d);
        return NULL;
    }
    if (d != NULL) {
        d->out = out;
    }
    return d;
}

void dcm_deflater_free(struct dcm_deflater *d) {
    if (d != NULL) {
        (void)deflateEnd(&d->z);
        mem_free(d);
    }
}

static int deflate_piece(struct dcm_deflater *d, int flush, struct err *e) {
    uint8_t piece[PIECE_BYTES];
    int answer;
    do {
        d->z.next_out = piece;
        d->z.avail_out = sizeof piece;
        answer = deflate(&d->z, flush);
        size_t len = sizeof piece - d->z.avail_out;
        d->written += len;
        int rc = len == 0 ? E_OK : d->out.put(d->out.context, slice_of(piece, len), e);
        if (rc != E_OK) {
            return rc;
        }
    } while (d->z.avail_out == 0 && answer != Z_STREAM_END);
    return E_OK;
}

static int put_deflated(void *context, struct slice bytes, struct err *e) {
    struct dcm_deflater *d = context;
    while (bytes.len > 0) {
        size_t len = bytes.len < INPUT_MAX ? bytes.len : INPUT_MAX;
        d->z.next_in = bytes.ptr;
        d->z.avail_in = (uInt)len;
        int rc = deflate_piece(d, Z_NO_FLUSH, e);
        if (rc != E_OK) {
            return rc;
        }
        bytes = slice_from(bytes, len);
    }
    return E_OK;
}

struct dcm_sink dcm_deflater_sink(struct dcm_deflater *d) {
    return (struct dcm_sink){put_deflated, d};
}

int dcm_deflater_end(struct dcm_deflater *d, struct err *e) {
    int rc = deflate_piece(d, Z_FINISH, e);
    return rc == E_OK && (d->written & 1) != 0 ? d->out.put(d->out.context, slice_of("", 1), e)
                                               : rc;
}
