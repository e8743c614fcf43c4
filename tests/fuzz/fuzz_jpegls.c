// SPDX-License-Identifier: Apache-2.0
// JPEG-LS streams through the wrapper of CharLS. See codec_input.h for the bytes before the stream.
#include <stdint.h>

#include "base/num.h"
#include "codec_input.h"
#include "pixel/codec_jpegls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < INPUT_HEAD) {
        return 0;
    }
    struct slice stream = slice_of(data + INPUT_HEAD, len - INPUT_HEAD);
    for (size_t i = 0; i + 10 <= stream.len; i++) {
        const uint8_t *p = stream.ptr + i;
        if (p[0] == 0xFF && p[1] == 0xF7) {
            struct px_image im = input_image(data, PX_JPEGLS_LOSSLESS_UID, num_be16(p + 5),
                                             num_be16(p + 7), p[9], p[4]);
            (void)input_decode(&im, stream);
            break;
        }
    }
    return 0;
}
