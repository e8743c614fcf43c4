// SPDX-License-Identifier: Apache-2.0
#include "pixel/encoder_rle.h"

#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/uid.h"
#include "pixel/planes.h"
#include "pixel/rle.h"

static const char *const syntaxes[] = {DCM_RLE_UID, NULL};

CLEANUP_DEFINE(bytes, uint8_t, mem_free);

static const char *refuse(const struct px_frame *f) {
    if (f->kind != PX_PIXEL_INTEGER) {
        return "does not code floating point samples";
    }
    if (f->bits_allocated != 8 && f->bits_allocated != 16 && f->bits_allocated != 32) {
        return "does not code samples that are not whole bytes";
    }
    return NULL;
}

// Segments are planes whatever Planar Configuration says, so it stays.
static int encode(const struct px_frame *f, struct buf *out, struct err *e) {
    struct px_rle_shape shape = {(uint64_t)f->rows * f->columns, f->samples, f->bits_allocated / 8};
    CLEANUP(cleanup_bytes) uint8_t *mixed = NULL;
    const uint8_t *samples = f->data;
    if (f->planar && f->samples > 1) {
        mixed = mem_alloc((size_t)px_frame_bytes(f));
        if (mixed == NULL) {
            return err_set(e, E_MEMORY, "planes of an RLE frame");
        }
        px_planes_mix(f->data, shape.pixels, shape.samples, shape.sample_bytes, mixed);
        samples = mixed;
    }
    return px_rle_encode(samples, &shape, f->columns, out, e);
}

const struct px_encoder px_encoder_rle = {"RLE Lossless", syntaxes, false, refuse, NULL, encode};
