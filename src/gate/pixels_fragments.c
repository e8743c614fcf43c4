// SPDX-License-Identifier: Apache-2.0
#include "gate/pixels_fragments.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/tags.h"

#define ITEM_HEADER 8u
#define WIDE_HEADER 12u
#define STREAM_MAX 0xFFFFFFFEu

static int put(struct gate_fragments *f, const void *bytes, size_t len, struct err *e) {
    return f->sink.put(f->sink.context, slice_of(bytes, len), e);
}

static void tag_bytes(dcm_tag tag, uint8_t at[4]) {
    num_put_le16(at, dcm_tag_group(tag));
    num_put_le16(at + 2, dcm_tag_element(tag));
}

// Every encapsulated syntax is explicit little endian.
static int put_head(struct gate_fragments *f, dcm_tag tag, const char vr[2], uint32_t length,
                    struct err *e) {
    uint8_t bytes[WIDE_HEADER] = {0};
    tag_bytes(tag, bytes);
    memcpy(bytes + 4, vr, 2);
    num_put_le32(bytes + 8, length);
    return put(f, bytes, sizeof bytes, e);
}

static int put_item(struct gate_fragments *f, dcm_tag tag, uint32_t length, struct err *e) {
    uint8_t bytes[ITEM_HEADER];
    tag_bytes(tag, bytes);
    num_put_le32(bytes + 4, length);
    return put(f, bytes, sizeof bytes, e);
}

// Zeros for now: they are known when the frames are.
static int put_extended(struct gate_fragments *f, struct err *e) {
    uint32_t len = f->frames * 8;
    f->tables = *f->written + WIDE_HEADER;
    int code = put_head(f, DCM_ExtendedOffsetTable, "OV", len, e);
    code = code == E_OK ? put(f, f->offsets, len, e) : code;
    code = code == E_OK ? put_head(f, DCM_ExtendedOffsetTableLengths, "OV", len, e) : code;
    return code == E_OK ? put(f, f->lengths, len, e) : code;
}

int gate_fragments_begin(struct gate_fragments *f, struct arena *a, uint64_t most, struct err *e) {
    bool has_table = f->out->patch != NULL;
    f->extended = has_table && most > UINT32_MAX;
    size_t width = f->extended ? 8 : 4;
    f->offsets = arena_array(a, f->frames, width);
    f->lengths = arena_array(a, f->frames, width);
    if (f->offsets == NULL || f->lengths == NULL) {
        return err_set(e, E_MEMORY, "a table of %u frames", f->frames);
    }
    int code = f->extended ? put_extended(f, e) : E_OK;
    code = code == E_OK ? put_head(f, DCM_PixelData, "OB", DCM_LENGTH_UNDEFINED, e) : code;
    uint32_t basic = has_table && !f->extended ? f->frames * 4 : 0;
    code = code == E_OK ? put_item(f, DCM_TAG_ITEM, basic, e) : code;
    if (code == E_OK && basic > 0) {
        f->tables = *f->written;
        code = put(f, f->offsets, basic, e);
    }
    f->first = *f->written;
    return code;
}

static int note_place(struct gate_fragments *f, size_t len, struct err *e) {
    uint64_t offset = *f->written - f->first;
    if (f->tables == 0) {
        return E_OK;
    }
    if (f->extended) {
        num_put_le64(f->offsets + 8 * (size_t)f->done, offset);
        num_put_le64(f->lengths + 8 * (size_t)f->done, len);
        return E_OK;
    }
    if (offset > UINT32_MAX) {
        return err_set(e, E_LIMIT, "coded frames are larger than they were");
    }
    num_put_le32(f->offsets + 4 * (size_t)f->done, (uint32_t)offset);
    return E_OK;
}

int gate_fragments_put(struct gate_fragments *f, struct slice stream, struct err *e) {
    if (stream.len > STREAM_MAX || f->done == f->frames) {
        return err_set(e, E_LIMIT, "a frame of %zu coded bytes", stream.len);
    }
    int code = note_place(f, stream.len, e);
    uint32_t padded = (uint32_t)(stream.len + (stream.len & 1));
    code = code == E_OK ? put_item(f, DCM_TAG_ITEM, padded, e) : code;
    code = code == E_OK ? f->sink.put(f->sink.context, stream, e) : code;
    code = code == E_OK && padded != stream.len ? put(f, "", 1, e) : code;
    f->done += code == E_OK;
    return code;
}

int gate_fragments_end(struct gate_fragments *f, struct err *e) {
    int code = put_item(f, DCM_TAG_SEQUENCE_END, 0, e);
    if (code != E_OK || f->tables == 0) {
        return code;
    }
    const struct px_transcode_out *out = f->out;
    size_t len = (size_t)f->frames * (f->extended ? 8 : 4);
    code = out->patch(out->context, f->tables, slice_of(f->offsets, len), e);
    if (code == E_OK && f->extended) {
        code =
            out->patch(out->context, f->tables + len + WIDE_HEADER, slice_of(f->lengths, len), e);
    }
    return code;
}
