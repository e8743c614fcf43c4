// SPDX-License-Identifier: Apache-2.0
#include "pixel/encoder_jpeg.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/uid.h"
#include "pixel/jpeg_write.h"
#include "pixel/planes.h"

static const char *const syntaxes[] = {DCM_JPEG_BASELINE_UID, NULL};

CLEANUP_DEFINE(bytes, uint8_t, mem_free);

static const char *refuse(const struct px_frame *f) {
    if (f->kind != PX_PIXEL_INTEGER || f->bits_allocated != 8 || f->bits_stored != 8 ||
        f->is_signed) {
        return "does not code samples that are not unsigned bytes";
    }
    if (!px_is_mono(f->photometric) && f->photometric != PX_RGB && f->photometric != PX_YBR_FULL) {
        return "does not code indices of a palette, or colour that is neither RGB nor YBR_FULL";
    }
    return NULL;
}

static void describe(struct px_frame *f) {
    f->planar = false;
    if (f->samples == 3) {
        f->photometric = PX_YBR_FULL;
    }
}

static int encode(const struct px_frame *f, struct buf *out, struct err *e) {
    CLEANUP(cleanup_bytes) uint8_t *mixed = NULL;
    const uint8_t *samples = f->data;
    if (f->planar && f->samples > 1) {
        mixed = mem_alloc((size_t)px_frame_bytes(f));
        if (mixed == NULL) {
            return err_set(e, E_MEMORY, "planes of a JPEG frame");
        }
        px_planes_mix(f->data, (uint64_t)f->rows * f->columns, f->samples, 1, mixed);
        samples = mixed;
    }
    if (f->photometric == PX_YBR_FULL) {
        return px_jpeg_write_ycc(samples, f->columns, f->rows, PX_JPEG_QUALITY_CODED, out, e);
    }
    return px_jpeg_write(samples, f->columns, f->rows, (uint8_t)f->samples, PX_JPEG_QUALITY_CODED,
                         out, e);
}

const struct px_encoder px_encoder_jpeg = {"JPEG baseline", syntaxes, true,
                                           refuse,          describe, encode};
