// SPDX-License-Identifier: Apache-2.0
// RLE frames: four bytes of shape, then the frame. What decodes must come back from our own
// encoder.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "pixel/rle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint16_t sample_bytes[] = {1, 2, 4};
static const uint16_t samples[] = {1, 3};

static void round_trip(const uint8_t *decoded, const struct px_rle_shape *shape, size_t size) {
    CLEANUP(cleanup_buf) struct buf coded;
    struct err e = {0};
    buf_init(&coded, (size_t)1 << 24);
    uint8_t *again = malloc(size + 1);
    if (again == NULL || px_rle_encode(decoded, shape, 1 + shape->pixels / 3, &coded, &e) != E_OK ||
        px_rle_decode(buf_slice(&coded), shape, again, &e) != E_OK ||
        memcmp(again, decoded, size) != 0) {
        abort();
    }
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < 4) {
        return 0;
    }
    struct px_rle_shape shape = {.pixels = 1u + num_le16(data) % 4096u,
                                 .samples = samples[data[2] % 2],
                                 .sample_bytes = sample_bytes[data[3] % 3]};
    struct err e = {0};
    size_t size = (size_t)shape.pixels * shape.samples * shape.sample_bytes;
    uint8_t *out = malloc(size);
    if (out != NULL && px_rle_decode(slice_of(data + 4, len - 4), &shape, out, &e) == E_OK) {
        round_trip(out, &shape, size);
    }
    free(out);
    return 0;
}
