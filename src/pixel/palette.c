// SPDX-License-Identifier: Apache-2.0
#include "pixel/palette.h"

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "pixel/lut.h"

enum opcode { SEGMENT_DISCRETE, SEGMENT_LINEAR, SEGMENT_INDIRECT };

struct expander {
    const struct px_segments *from;
    size_t units;
    size_t at; // next unit
    uint16_t *out;
    uint32_t done;
    uint32_t count;
};

static uint16_t unit(const struct expander *x, size_t index) {
    const uint8_t *p = x->from->data.ptr;
    if (!x->from->words) {
        return p[index];
    }
    return x->from->big_endian ? num_be16(p + 2 * index) : num_le16(p + 2 * index);
}

static int need(const struct expander *x, size_t units, struct err *e) {
    if (x->at > x->units || x->units - x->at < units) {
        return err_set(e, E_TRUNCATED, "a palette segment is cut after %u entries", x->done);
    }
    return E_OK;
}

static int room(const struct expander *x, uint32_t len, struct err *e) {
    if (len == 0) {
        return err_set(e, E_VALUE, "a palette segment of length 0");
    }
    if (len > x->count - x->done) {
        return err_set(e, E_MISMATCH, "palette segments hold more than %u entries", x->count);
    }
    return E_OK;
}

static int discrete(struct expander *x, uint32_t len, struct err *e) {
    int code = room(x, len, e);
    if (code == E_OK) {
        code = need(x, len, e);
    }
    for (uint32_t i = 0; code == E_OK && i < len; i++) {
        x->out[x->done++] = unit(x, x->at++);
    }
    return code;
}

// From the entry before the segment to its end value in `len` equal steps.
static int linear(struct expander *x, uint32_t len, struct err *e) {
    int code = room(x, len, e);
    if (code == E_OK) {
        code = need(x, 1, e);
    }
    if (code == E_OK && x->done == 0) {
        code = err_set(e, E_VALUE, "a palette begins with a linear segment");
    }
    if (code != E_OK) {
        return code;
    }
    double from = x->out[x->done - 1];
    double to = unit(x, x->at++);
    for (uint32_t i = 1; i <= len; i++) {
        x->out[x->done++] = (uint16_t)(from + (to - from) * i / len + 0.5);
    }
    return E_OK;
}

static int plain_segment(struct expander *x, struct err *e) {
    int code = need(x, 2, e);
    if (code != E_OK) {
        return code;
    }
    uint16_t opcode = unit(x, x->at);
    uint16_t len = unit(x, x->at + 1);
    x->at += 2;
    if (opcode == SEGMENT_DISCRETE) {
        return discrete(x, len, e);
    }
    if (opcode == SEGMENT_LINEAR) {
        return linear(x, len, e);
    }
    return err_set(e, E_VALUE, "a palette segment of type %u here", opcode);
}

// A repetition of `len` segments that begin at a byte offset (least significant part first).
static int indirect(struct expander *x, struct err *e) {
    size_t offset_units = x->from->words ? 2 : 4;
    int code = need(x, 2 + offset_units, e);
    if (code != E_OK) {
        return code;
    }
    uint16_t segments = unit(x, x->at + 1);
    uint32_t offset = 0;
    for (size_t i = 0; i < offset_units; i++) {
        uint32_t part = unit(x, x->at + 2 + i);
        offset |= part << ((x->from->words ? 16 : 8) * i);
    }
    size_t back = x->at + 2 + offset_units;
    x->at = offset / (x->from->words ? 2 : 1);
    for (uint16_t i = 0; code == E_OK && i < segments; i++) {
        code = plain_segment(x, e);
    }
    x->at = back;
    return code == E_OK && segments == 0 ? room(x, 0, e) : code;
}

int px_palette_expand(const struct px_segments *from, uint32_t count, uint16_t *ret_entries,
                      struct err *e) {
    struct expander x = {from, from->data.len / (from->words ? 2 : 1), 0, ret_entries, 0, count};
    if (from->data.len > PX_SEGMENTED_BYTES_MAX) {
        return err_set(e, E_LIMIT, "palette segments of %zu bytes", from->data.len);
    }
    int code = E_OK;
    while (code == E_OK && x.done < count) {
        code = need(&x, 1, e);
        if (code == E_OK) {
            code = unit(&x, x.at) == SEGMENT_INDIRECT ? indirect(&x, e) : plain_segment(&x, e);
        }
    }
    return code;
}

static int read_segmented(struct arena *a, const struct dcm_node *data,
                          const struct px_lut_descriptor *descriptor, const uint16_t **ret_entries,
                          struct err *e) {
    struct px_segments from = {data->value, descriptor->bits > 8,
                               data->encoding == DCM_EXPLICIT_BE};
    uint16_t *entries = arena_array(a, descriptor->count, sizeof(uint16_t));
    if (entries == NULL) {
        return err_set(e, E_MEMORY, "a palette");
    }
    int code = px_palette_expand(&from, descriptor->count, entries, e);
    if (code == E_OK) {
        *ret_entries = entries;
    }
    return code;
}

struct colour {
    dcm_tag descriptor;
    dcm_tag data;
    dcm_tag segmented;
};

static const struct colour colours[3] = {
    {DCM_RedPaletteColorLookupTableDescriptor, DCM_RedPaletteColorLookupTableData,
     DCM_SegmentedRedPaletteColorLookupTableData},
    {DCM_GreenPaletteColorLookupTableDescriptor, DCM_GreenPaletteColorLookupTableData,
     DCM_SegmentedGreenPaletteColorLookupTableData},
    {DCM_BluePaletteColorLookupTableDescriptor, DCM_BluePaletteColorLookupTableData,
     DCM_SegmentedBluePaletteColorLookupTableData},
};

static int read_colour(struct arena *a, const struct dcm_dataset *d, bool is_signed,
                       const struct colour *c, struct px_lut_descriptor *ret_descriptor,
                       const uint16_t **ret_entries, struct err *e) {
    char path[DCM_TAG_TEXT_LEN + 1];
    int code = px_lut_descriptor(dcm_get(d, c->descriptor), is_signed, ret_descriptor, e);
    if (code != E_OK) {
        return err_in(e, dcm_tag_text(c->descriptor, path));
    }
    const struct dcm_node *segmented = dcm_get(d, c->segmented);
    const struct dcm_node *plain = dcm_get(d, c->data);
    if (plain == NULL && segmented != NULL) {
        code = read_segmented(a, segmented, ret_descriptor, ret_entries, e);
    } else {
        code = px_lut_entries(a, plain, ret_descriptor, ret_entries, NULL, e);
    }
    return code == E_OK ? E_OK : err_in(e, dcm_tag_text(c->data, path));
}

// Tables that say 16 bits and hold bytes are common; showing them as said would be black.
static uint8_t real_bits(const uint16_t *const entries[3], uint32_t count, uint8_t said) {
    for (int c = 0; c < 3 && said > 8; c++) {
        for (uint32_t i = 0; i < count; i++) {
            if (entries[c][i] > 255) {
                return said;
            }
        }
    }
    return 8;
}

int px_palette_read(struct arena *a, const struct dcm_dataset *d, bool is_signed,
                    struct px_palette *ret_palette, struct err *e) {
    struct px_lut_descriptor descriptors[3];
    const uint16_t *entries[3];
    for (int c = 0; c < 3; c++) {
        int code = read_colour(a, d, is_signed, &colours[c], &descriptors[c], &entries[c], e);
        if (code != E_OK) {
            return code;
        }
    }
    for (int c = 1; c < 3; c++) {
        if (descriptors[c].count != descriptors[0].count ||
            descriptors[c].first != descriptors[0].first) {
            return err_set(e, E_MISMATCH, "the palette's colours have %u and %u entries",
                           descriptors[0].count, descriptors[c].count);
        }
    }
    *ret_palette =
        (struct px_palette){descriptors[0].first,
                            descriptors[0].count,
                            real_bits(entries, descriptors[0].count, descriptors[0].bits),
                            entries[0],
                            entries[1],
                            entries[2]};
    return E_OK;
}
