// SPDX-License-Identifier: Apache-2.0
// JPEG 2000 and HTJ2K streams through the header check and the wrapper of OpenJPEG. See
// codec_input.h for the bytes before the stream.
#include <stdint.h>

#include "codec_input.h"
#include "pixel/codec_j2k.h"
#include "pixel/j2k_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < INPUT_HEAD) {
        return 0;
    }
    struct slice stream = slice_of(data + INPUT_HEAD, len - INPUT_HEAD);
    struct px_j2k_header h;
    struct err e = {0};
    if (px_j2k_header_read(stream, &h, &e) == E_OK && h.rows <= UINT16_MAX &&
        h.columns <= UINT16_MAX) {
        struct px_image im = input_image(data, PX_J2K_LOSSLESS_UID, h.rows, h.columns, h.count,
                                         h.components[0].precision);
        (void)input_decode(&im, stream);
    }
    return 0;
}
