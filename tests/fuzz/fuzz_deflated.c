// SPDX-License-Identifier: Apache-2.0
// Deflated frames. See codec_input.h for the bytes before the stream; byte 1: rows and columns of 1
// to 16, then a byte of bits.
#include <stdint.h>

#include "codec_input.h"
#include "pixel/codec_deflated.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < INPUT_HEAD + 1) {
        return 0;
    }
    unsigned precision = 1 + data[2] % 32u;
    struct px_image im =
        input_image(data, PX_DEFLATED_FRAME_UID, 1 + data[1] / 16u, 1 + data[1] % 16u,
                    precision > 1 && data[2] >= 128 ? 3 : 1, precision);
    (void)input_decode(&im, slice_of(data + INPUT_HEAD + 1, len - INPUT_HEAD - 1));
    return 0;
}
