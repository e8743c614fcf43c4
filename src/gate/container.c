// SPDX-License-Identifier: Apache-2.0
#include "gate/container.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/uid.h"
#include "gate/stream_deflated.h"
#include "gate/stream_j2k.h"
#include "gate/stream_jpeg.h"
#include "gate/stream_rle.h"
#include "pixel/codec_deflated.h"
#include "pixel/codestream.h"

// --- coded streams ---

static bool is_jpeg_ls(const char *syntax_uid) {
    return strcmp(syntax_uid, "1.2.840.10008.1.2.4.80") == 0 ||
           strcmp(syntax_uid, "1.2.840.10008.1.2.4.81") == 0;
}

static int clean(const char *uid, uint64_t pixels, struct slice stream, struct gate_notes *notes,
                 uint32_t frame, struct buf *out, bool *ret_changed, struct err *e) {
    switch (px_stream_of(uid)) {
    case PX_STREAM_JPEG:
        return gate_stream_jpeg(stream, is_jpeg_ls(uid), notes, frame, out, ret_changed, e);
    case PX_STREAM_JPEG_2000:
        return gate_stream_j2k(stream, notes, frame, out, ret_changed, e);
    case PX_STREAM_RLE:
        return gate_stream_rle(stream, pixels, notes, frame, out, ret_changed, e);
    case PX_STREAM_OTHER:
    default:
        break;
    }
    if (strcmp(uid, PX_DEFLATED_FRAME_UID) == 0) {
        return gate_stream_deflated(stream, notes, frame, out, ret_changed, e);
    }
    return err_set(e, E_UNSUPPORTED, "streams of this transfer syntax cannot be cleaned");
}

int gate_stream_clean(const char *syntax_uid, struct slice stream, struct gate_notes *notes,
                      uint32_t frame, struct buf *out, bool *ret_changed, struct err *e) {
    return clean(syntax_uid, 0, stream, notes, frame, out, ret_changed, e);
}

int gate_frame_clean(const struct px_image *im, struct slice stream, struct gate_notes *notes,
                     uint32_t frame, struct buf *out, bool *ret_changed, struct err *e) {
    return clean(im->syntax->uid, (uint64_t)im->rows * im->columns, stream, notes, frame, out,
                 ret_changed, e);
}

// --- bits outside of the stored value ---

struct bits {
    uint32_t inside; // mask of the stored value in its word
    uint32_t word;   // mask of the word
    uint32_t sign;   // its sign bit; 0 when unsigned
    uint32_t above;  // bits over it
    unsigned bytes;  // of a word
    bool swapped;
    bool has_padding;
    uint32_t padding[2]; // as words
};

// False when there is nothing outside, or samples are not whole words.
static bool describe(const struct px_image *im, struct bits *b) {
    unsigned allocated = im->bits_allocated;
    if (im->kind != PX_PIXEL_INTEGER || im->bits_stored >= allocated ||
        (allocated != 8 && allocated != 16 && allocated != 32) || im->high_bit >= allocated ||
        im->bits_stored > im->high_bit + 1 || im->bits_stored == 0) {
        return false;
    }
    memset(b, 0, sizeof *b);
    b->bytes = allocated / 8;
    b->word = allocated == 32 ? UINT32_MAX : (1u << allocated) - 1;
    uint32_t below = (1u << (im->high_bit + 1 - im->bits_stored)) - 1;
    uint32_t upto = im->high_bit == 31 ? UINT32_MAX : (1u << (im->high_bit + 1)) - 1;
    b->inside = upto & ~below;
    b->above = b->word & ~upto;
    b->sign = im->is_signed ? 1u << im->high_bit : 0;
    b->swapped = im->big_endian && !im->syntax->encapsulated && allocated > 8;
    b->has_padding = im->has_padding;
    b->padding[0] = (uint32_t)im->padding_low & b->word;
    b->padding[1] = (uint32_t)im->padding_high & b->word;
    return true;
}

static uint32_t load(const struct bits *b, const uint8_t *p) {
    switch (b->bytes) {
    case 1:
        return *p;
    case 2:
        return b->swapped ? num_be16(p) : num_le16(p);
    default:
        return b->swapped ? num_be32(p) : num_le32(p);
    }
}

static void store(const struct bits *b, uint8_t *p, uint32_t w) {
    switch (b->bytes) {
    case 1:
        *p = (uint8_t)w;
        break;
    case 2:
        b->swapped ? num_put_be16(p, (uint16_t)w) : num_put_le16(p, (uint16_t)w);
        break;
    default:
        b->swapped ? num_put_be32(p, w) : num_put_le32(p, w);
        break;
    }
}

// The word as a writer without anything to hide would have it: sign copied upwards, or zeros.
static uint32_t tidy(const struct bits *b, uint32_t w) {
    uint32_t value = w & b->inside;
    return (w & b->sign) != 0 && (w & b->above) != 0 ? value | b->above : value;
}

// A padding value may need bits outside of the stored ones (CT: -2000 in 12 bits).
static bool is_clean(const struct bits *b, uint32_t w) {
    return w == tidy(b, w) || (b->has_padding && (w == b->padding[0] || w == b->padding[1]));
}

// The usual case in a loop that the compiler can make wide: no bit outside set anywhere.
static bool all_zero_16(struct slice frame, uint16_t outside) {
    uint16_t seen = 0;
    for (size_t i = 0; i + 2 <= frame.len; i += 2) {
        seen |= num_le16(frame.ptr + i);
    }
    return (seen & outside) == 0;
}

static bool surely_clean(const struct bits *b, struct slice frame) {
    uint32_t outside = b->word & ~b->inside;
    return b->bytes == 2 && all_zero_16(frame, b->swapped ? __builtin_bswap16((uint16_t)outside)
                                                          : (uint16_t)outside);
}

bool gate_hidden_bits(const struct px_image *im, struct slice frame) {
    struct bits b;
    if (!describe(im, &b) || surely_clean(&b, frame)) {
        return false;
    }
    for (size_t i = 0; i + b.bytes <= frame.len; i += b.bytes) {
        if (!is_clean(&b, load(&b, frame.ptr + i))) {
            return true;
        }
    }
    return false;
}

void gate_hidden_bits_clear(const struct px_image *im, uint8_t *frame, size_t len) {
    struct bits b;
    if (!describe(im, &b)) {
        return;
    }
    for (size_t i = 0; i + b.bytes <= len; i += b.bytes) {
        uint32_t w = load(&b, frame + i);
        if (!is_clean(&b, w)) {
            store(&b, frame + i, tidy(&b, w));
        }
    }
}
