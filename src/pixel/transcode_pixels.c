// SPDX-License-Identifier: Apache-2.0
#include "pixel/transcode_pixels.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/tags.h"
#include "pixel/encoder.h"

#define ITEM_HEADER 8u
#define WIDE_HEADER 12u
#define NATIVE_MAX 0xFFFFFFFEu
#define PIECE_BYTES 4096u
// Coded frames may be larger than decoded ones by so much; beyond it a 32-bit table might overflow.
#define GROWTH_PART 4u

static int put(struct px_transcode_pixels *p, const void *bytes, size_t len, struct err *e) {
    return p->sink.put(p->sink.context, slice_of(bytes, len), e);
}

// --- headers ---

static void put_u16(const struct px_transcode_pixels *p, uint8_t *at, uint16_t v) {
    (p->syntax->big_endian ? num_put_be16 : num_put_le16)(at, v);
}

static void put_u32(const struct px_transcode_pixels *p, uint8_t *at, uint32_t v) {
    (p->syntax->big_endian ? num_put_be32 : num_put_le32)(at, v);
}

static int put_header(struct px_transcode_pixels *p, dcm_tag tag, enum dcm_vr vr, uint32_t length,
                      struct err *e) {
    uint8_t bytes[WIDE_HEADER] = {0};
    put_u16(p, bytes, dcm_tag_group(tag));
    put_u16(p, bytes + 2, dcm_tag_element(tag));
    if (p->syntax->implicit) {
        put_u32(p, bytes + 4, length);
        return put(p, bytes, ITEM_HEADER, e);
    }
    memcpy(bytes + 4, dcm_vr_info(vr)->name, 2);
    put_u32(p, bytes + 8, length);
    return put(p, bytes, sizeof bytes, e);
}

static int put_item(struct px_transcode_pixels *p, dcm_tag tag, uint32_t length, struct err *e) {
    uint8_t bytes[ITEM_HEADER];
    num_put_le16(bytes, dcm_tag_group(tag));
    num_put_le16(bytes + 2, dcm_tag_element(tag));
    num_put_le32(bytes + 4, length);
    return put(p, bytes, sizeof bytes, e);
}

// --- native ---

static dcm_tag element_of(enum px_pixel_kind kind) {
    return kind == PX_PIXEL_FLOAT    ? DCM_FloatPixelData
           : kind == PX_PIXEL_DOUBLE ? DCM_DoubleFloatPixelData
                                     : DCM_PixelData;
}

static enum dcm_vr native_vr(const struct px_frame *f) {
    if (f->kind != PX_PIXEL_INTEGER) {
        return f->kind == PX_PIXEL_FLOAT ? DCM_VR_OF : DCM_VR_OD;
    }
    return f->bits_allocated > 8 ? DCM_VR_OW : DCM_VR_OB;
}

static uint64_t bits_of(const struct px_frame *f) {
    return f->bits_allocated == 1 ? (uint64_t)f->rows * f->columns * f->samples
                                  : (uint64_t)f->len * 8;
}

static int begin_native(struct px_transcode_pixels *p, const struct px_frame *f, uint64_t bits,
                        struct err *e) {
    uint64_t total = (bits * p->frames + 7) / 8;
    if (total > NATIVE_MAX) {
        return err_set(e, E_NOT_ACCEPTABLE, "%llu bytes of native pixel data are over 4 GiB",
                       (unsigned long long)total);
    }
    p->frame_bits = bits;
    p->swap = p->syntax->big_endian && f->bits_allocated > 8 ? f->bits_allocated / 8u : 1;
    return put_header(p, element_of(f->kind), native_vr(f), (uint32_t)(total + (total & 1)), e);
}

static int put_swapped(struct px_transcode_pixels *p, struct slice bytes, struct err *e) {
    uint8_t piece[PIECE_BYTES];
    while (bytes.len > 0) {
        size_t len = bytes.len < sizeof piece ? bytes.len : sizeof piece;
        for (size_t i = 0; i < len; i++) {
            size_t unit = i / p->swap * p->swap;
            piece[i] = bytes.ptr[unit + (p->swap - 1 - (i - unit))];
        }
        int code = put(p, piece, len, e);
        if (code != E_OK) {
            return code;
        }
        bytes = slice_from(bytes, len);
    }
    return E_OK;
}

// 1-bit frames follow each other without a gap (PS3.5 8.1.1, 8.2): each byte of a frame gives its
// lower bits to the byte begun and begins the next with the others.
static int put_bits(struct px_transcode_pixels *p, const uint8_t *bytes, struct err *e) {
    uint8_t piece[PIECE_BYTES];
    size_t used = 0;
    int code = E_OK;
    for (uint64_t left = p->frame_bits; code == E_OK && left > 0;) {
        unsigned count = left < 8 ? (unsigned)left : 8;
        unsigned joined = p->carry | (unsigned)(*bytes++ & ((1u << count) - 1)) << p->carry_bits;
        left -= count;
        p->carry_bits += count;
        if (p->carry_bits >= 8) {
            piece[used++] = (uint8_t)joined;
            joined >>= 8;
            p->carry_bits -= 8;
        }
        p->carry = (uint8_t)joined;
        if (used == sizeof piece || (left == 0 && used > 0)) {
            code = put(p, piece, used, e);
            used = 0;
        }
    }
    return code;
}

static int put_native(struct px_transcode_pixels *p, const struct px_frame *f, struct err *e) {
    if (p->frame_bits % 8 != 0) {
        return put_bits(p, f->data, e);
    }
    struct slice bytes = slice_of(f->data, (size_t)(p->frame_bits / 8));
    return p->swap > 1 ? put_swapped(p, bytes, e) : p->sink.put(p->sink.context, bytes, e);
}

static int end_native(struct px_transcode_pixels *p, struct err *e) {
    uint64_t total = (p->frame_bits * p->frames + 7) / 8;
    int code = p->carry_bits > 0 ? put(p, &p->carry, 1, e) : E_OK;
    return code == E_OK && (total & 1) != 0 ? put(p, "", 1, e) : code;
}

// --- fragments ---

// Zeros for now: they are known when the frames are.
static int put_tables(struct px_transcode_pixels *p, struct arena *a, struct err *e) {
    size_t width = p->extended ? 8 : 4;
    p->offsets = arena_array(a, p->frames, width);
    p->lengths = p->extended ? arena_array(a, p->frames, width) : NULL;
    if (p->offsets == NULL || (p->extended && p->lengths == NULL)) {
        return err_set(e, E_MEMORY, "a table of %u frames", p->frames);
    }
    uint32_t len = (uint32_t)(p->frames * width);
    if (!p->extended) {
        p->tables = *p->written + WIDE_HEADER + ITEM_HEADER;
        return E_OK;
    }
    p->tables = *p->written + WIDE_HEADER;
    int code = put_header(p, DCM_ExtendedOffsetTable, DCM_VR_OV, len, e);
    code = code == E_OK ? put(p, p->offsets, len, e) : code;
    code = code == E_OK ? put_header(p, DCM_ExtendedOffsetTableLengths, DCM_VR_OV, len, e) : code;
    return code == E_OK ? put(p, p->lengths, len, e) : code;
}

static int begin_fragments(struct px_transcode_pixels *p, struct arena *a, uint64_t frame_bytes,
                           struct err *e) {
    uint64_t most = (frame_bytes + frame_bytes / GROWTH_PART + 1024) * p->frames;
    bool has_table = p->out->patch != NULL;
    p->extended = has_table && most > UINT32_MAX;
    int code = has_table ? put_tables(p, a, e) : E_OK;
    code = code == E_OK ? put_header(p, DCM_PixelData, DCM_VR_OB, DCM_LENGTH_UNDEFINED, e) : code;
    uint32_t basic = has_table && !p->extended ? p->frames * 4 : 0;
    code = code == E_OK ? put_item(p, DCM_TAG_ITEM, basic, e) : code;
    code = code == E_OK && basic > 0 ? put(p, p->offsets, basic, e) : code;
    p->first = *p->written;
    buf_init(&p->coded, (size_t)PX_FRAME_BYTES_MAX + PX_FRAME_BYTES_MAX / GROWTH_PART);
    return code;
}

static int note_place(struct px_transcode_pixels *p, struct err *e) {
    uint64_t offset = *p->written - p->first;
    if (p->tables == 0) {
        return E_OK;
    }
    if (p->extended) {
        num_put_le64(p->offsets + 8 * (size_t)p->done, offset);
        num_put_le64(p->lengths + 8 * (size_t)p->done, p->coded.len);
        return E_OK;
    }
    if (offset > UINT32_MAX) {
        return err_set(e, E_LIMIT, "coded frames are larger than the decoded ones");
    }
    num_put_le32(p->offsets + 4 * (size_t)p->done, (uint32_t)offset);
    return E_OK;
}

static int put_fragment(struct px_transcode_pixels *p, const struct px_frame *f, struct err *e) {
    buf_clear(&p->coded);
    int code = px_encode_frame(p->syntax->uid, f, &p->coded, e);
    code = code == E_OK ? note_place(p, e) : code;
    size_t len = p->coded.len;
    code = code == E_OK ? put_item(p, DCM_TAG_ITEM, (uint32_t)(len + (len & 1)), e) : code;
    code = code == E_OK ? put(p, p->coded.data, len, e) : code;
    return code == E_OK && (len & 1) != 0 ? put(p, "", 1, e) : code;
}

static int end_fragments(struct px_transcode_pixels *p, struct err *e) {
    int code = put_item(p, DCM_TAG_SEQUENCE_END, 0, e);
    if (code != E_OK || p->tables == 0) {
        return code;
    }
    const struct px_transcode_out *out = p->out;
    size_t len = (size_t)p->frames * (p->extended ? 8 : 4);
    code = out->patch(out->context, p->tables, slice_of(p->offsets, len), e);
    if (code == E_OK && p->extended) {
        uint64_t at = p->tables + len + WIDE_HEADER;
        code = out->patch(out->context, at, slice_of(p->lengths, len), e);
    }
    return code;
}

// --- either ---

int px_transcode_begin(struct px_transcode_pixels *p, struct arena *a, const struct px_frame *f,
                       struct err *e) {
    return p->syntax->encapsulated ? begin_fragments(p, a, f->len, e)
                                   : begin_native(p, f, bits_of(f), e);
}

int px_transcode_put(struct px_transcode_pixels *p, const struct px_frame *f, struct err *e) {
    int code = p->syntax->encapsulated ? put_fragment(p, f, e) : put_native(p, f, e);
    p->done += code == E_OK;
    return code;
}

int px_transcode_end(struct px_transcode_pixels *p, struct err *e) {
    return p->syntax->encapsulated ? end_fragments(p, e) : end_native(p, e);
}
