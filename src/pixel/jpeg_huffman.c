// SPDX-License-Identifier: Apache-2.0
#include "pixel/jpeg_huffman.h"

#include <string.h>

#include "base/err.h"

int px_jpeg_codes_make(struct px_jpeg_codes *c, const struct px_jpeg_huffman *h, struct err *e) {
    if (!h->defined) {
        return err_set(e, E_CORRUPT, "JPEG: a scan uses a Huffman table that is not there");
    }
    memset(c->fast, 0, sizeof c->fast);
    memcpy(c->symbols, h->symbols, sizeof c->symbols);
    uint32_t code = 0;
    int32_t index = 0;
    for (unsigned len = 1; len <= PX_JPEG_CODE_MAX; len++) {
        c->offset[len] = index - (int32_t)code;
        for (unsigned i = 0; i < h->counts[len]; i++, code++, index++) {
            if (len > PX_JPEG_FAST_BITS) {
                continue;
            }
            unsigned spare = PX_JPEG_FAST_BITS - len;
            for (uint32_t k = 0; k < 1u << spare; k++) {
                c->fast[(code << spare) + k] = (uint16_t)((unsigned)h->symbols[index] << 8 | len);
            }
        }
        c->limit[len] = code << (PX_JPEG_CODE_MAX - len);
        code <<= 1;
    }
    c->limit[PX_JPEG_CODE_MAX + 1] = UINT32_MAX;
    return E_OK;
}

// What PX_JPEG_DIFF_BITS bits begin with.
static int32_t entry_of(uint32_t bits, const struct px_jpeg_codes *c) {
    struct px_jpeg_bits b = {.window = (uint64_t)bits << (64 - PX_JPEG_DIFF_BITS), .have = 64};
    int size = px_jpeg_symbol(&b, c);
    int32_t code = 64 - (int32_t)b.have;
    if (size < 0 || code > PX_JPEG_DIFF_BITS) {
        return 0;
    }
    if (size == PX_JPEG_CATEGORY_MAX || size == 0) { // no bits follow (H.1.2.2)
        return (size == 0 ? 0 : 32768) * 256 + code;
    }
    if (code + size > PX_JPEG_DIFF_BITS) {
        return size * 256 + (PX_JPEG_DIFF_CODE | code);
    }
    return px_jpeg_extend(px_jpeg_take(&b, (unsigned)size), (unsigned)size) * 256 + code + size;
}

int px_jpeg_diffs_make(struct px_jpeg_diffs *d, const struct px_jpeg_huffman *h, struct err *e) {
    int code = px_jpeg_codes_make(&d->codes, h, e);
    if (code != E_OK) {
        return code;
    }
    unsigned count = 0;
    for (unsigned len = 1; len <= PX_JPEG_CODE_MAX; len++) {
        count += h->counts[len];
    }
    for (unsigned i = 0; i < count; i++) {
        if (h->symbols[i] > PX_JPEG_CATEGORY_MAX) {
            return err_set(e, E_CORRUPT, "JPEG: a difference of %u bits", h->symbols[i]);
        }
    }
    for (uint32_t i = 0; i < 1u << PX_JPEG_DIFF_BITS; i++) {
        d->fast[i] = entry_of(i, &d->codes);
    }
    return E_OK;
}

struct px_jpeg_bits px_jpeg_diff_slow(struct px_jpeg_bits b, const struct px_jpeg_diffs *d,
                                      int32_t *ret_value) {
    px_jpeg_refill(&b);
    int size = px_jpeg_symbol(&b, &d->codes);
    if (size < 0) {
        *ret_value = PX_JPEG_NO_DIFF;
        return b;
    }
    int32_t value = 0;
    if (size == PX_JPEG_CATEGORY_MAX) {
        value = 32768; // no bits follow (H.1.2.2)
    } else if (size > 0) {
        value = px_jpeg_extend(px_jpeg_take(&b, (unsigned)size), (unsigned)size);
    }
    px_jpeg_refill(&b);
    *ret_value = value;
    return b;
}
