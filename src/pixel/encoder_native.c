// SPDX-License-Identifier: Apache-2.0
#include "pixel/encoder_native.h"

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "dicom/uid.h"

static const char *const syntaxes[] = {DCM_EXPLICIT_LE_UID, DCM_IMPLICIT_LE_UID, DCM_DEFLATED_UID,
                                       NULL};

static int encode(const struct px_frame *f, struct buf *out, struct err *e) {
    buf_put(out, f->data, (size_t)px_frame_bytes(f));
    return buf_check(out, "an uncompressed frame", e);
}

const struct px_encoder px_encoder_native = {"uncompressed", syntaxes, false, NULL, NULL, encode};
