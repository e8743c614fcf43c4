// SPDX-License-Identifier: Apache-2.0
// Streams for our own JPEG decoders: lossless, and cosine transform of 12 bits. See codec_input.h
// for the bytes before the stream; byte 1: the number of rows where the stream leaves it to DNL.
#include <stdint.h>

#include "base/num.h"
#include "codec_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const char *const uids[] = {"1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.51"};
    if (len < INPUT_HEAD) {
        return 0;
    }
    struct slice stream = slice_of(data + INPUT_HEAD, len - INPUT_HEAD);
    for (size_t i = 0; i + 10 <= stream.len; i++) {
        const uint8_t *p = stream.ptr + i;
        if (p[0] == 0xFF && (p[1] == 0xC1 || p[1] == 0xC2 || p[1] == 0xC3)) {
            uint32_t rows = num_be16(p + 5) == 0 ? data[1] : num_be16(p + 5);
            struct px_image im =
                input_image(data, uids[p[1] == 0xC3 ? 0 : 1], rows, num_be16(p + 7), p[9], p[4]);
            (void)input_decode(&im, stream);
            break;
        }
    }
    return 0;
}
