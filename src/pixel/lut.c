// SPDX-License-Identifier: Apache-2.0
#include "pixel/lut.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"

static uint16_t word_at(const struct dcm_node *n, size_t index) {
    const uint8_t *p = n->value.ptr + 2 * index;
    return n->encoding == DCM_EXPLICIT_BE ? num_be16(p) : num_le16(p);
}

static int at_node(struct err *e, const struct dcm_node *n) {
    char path[DCM_TAG_TEXT_LEN + 1];
    (void)err_at(e, n->offset);
    return err_in(e, dcm_tag_text(n->tag, path));
}

int px_lut_descriptor(const struct dcm_node *node, bool may_be_negative,
                      struct px_lut_descriptor *ret_descriptor, struct err *e) {
    if (node == NULL) {
        return err_set(e, E_MISSING, "a look-up table without descriptor");
    }
    if (node->value.len < 6) {
        err_set(e, E_VALUE, "a look-up table descriptor of %zu bytes", node->value.len);
        return at_node(e, node);
    }
    uint16_t count = word_at(node, 0);
    uint16_t first = word_at(node, 1);
    uint16_t bits = word_at(node, 2);
    bool negative = node->vr == DCM_VR_SS || may_be_negative;
    ret_descriptor->count = count == 0 ? PX_LUT_ENTRIES_MAX : count;
    ret_descriptor->first = negative ? (int16_t)first : (int32_t)first;
    ret_descriptor->bits = bits >= 8 && bits <= 16 ? (uint8_t)bits : 16;
    return E_OK;
}

// 8-bit entries come one a byte, or one a word; the length tells.
static bool in_bytes(const struct dcm_node *data, const struct px_lut_descriptor *d) {
    return d->bits == 8 && data->value.len >= d->count && data->value.len < 2 * (size_t)d->count;
}

static uint16_t entry_at(const struct dcm_node *data, bool bytes, uint32_t index) {
    if (!bytes) {
        return word_at(data, index);
    }
    bool swapped = data->encoding == DCM_EXPLICIT_BE && data->vr != DCM_VR_OB;
    size_t at = swapped ? (size_t)index ^ 1u : index;
    return at < data->value.len ? data->value.ptr[at] : 0;
}

int px_lut_entries(struct arena *a, const struct dcm_node *data,
                   const struct px_lut_descriptor *descriptor, const uint16_t **ret_entries,
                   uint16_t *ret_largest, struct err *e) {
    if (data == NULL) {
        return err_set(e, E_MISSING, "a look-up table without data");
    }
    bool bytes = in_bytes(data, descriptor);
    if (!bytes && data->value.len < 2 * (size_t)descriptor->count) {
        err_set(e, E_TRUNCATED, "a look-up table of %u entries in %zu bytes", descriptor->count,
                data->value.len);
        return at_node(e, data);
    }
    uint16_t *entries = arena_array(a, descriptor->count, sizeof(uint16_t));
    if (entries == NULL) {
        return err_set(e, E_MEMORY, "a look-up table");
    }
    uint16_t largest = 0;
    for (uint32_t i = 0; i < descriptor->count; i++) {
        entries[i] = entry_at(data, bytes, i);
        largest = entries[i] > largest ? entries[i] : largest;
    }
    *ret_entries = entries;
    if (ret_largest != NULL) {
        *ret_largest = largest;
    }
    return E_OK;
}

int px_lut_read(struct arena *a, const struct dcm_dataset *item, bool may_be_negative,
                struct px_lut *ret_lut, struct err *e) {
    struct px_lut_descriptor descriptor;
    struct px_lut lut = {0};
    uint16_t largest;
    int code = px_lut_descriptor(dcm_get(item, DCM_LUTDescriptor), may_be_negative, &descriptor, e);
    if (code == E_OK) {
        code =
            px_lut_entries(a, dcm_get(item, DCM_LUTData), &descriptor, &lut.entries, &largest, e);
    }
    if (code != E_OK) {
        return code;
    }
    lut.count = descriptor.count;
    lut.first = descriptor.first;
    lut.bits = descriptor.bits;
    while (largest >= 1u << lut.bits) { // entries wider than the descriptor admits
        lut.bits++;
    }
    px_text_copy(item, DCM_LUTExplanation, 0, lut.explanation, PX_EXPLANATION_MAX);
    *ret_lut = lut;
    return E_OK;
}

void px_text_copy(const struct dcm_dataset *d, uint32_t tag, uint32_t index, char *out,
                  uint32_t most) {
    struct slice text;
    out[0] = '\0';
    if (!dcm_text(d, tag, index, &text)) {
        return;
    }
    size_t len = text.len < most ? text.len : most;
    while (len < text.len && len > 0 && (text.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    memcpy(out, text.ptr, len);
    out[len] = '\0';
}
