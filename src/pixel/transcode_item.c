// SPDX-License-Identifier: Apache-2.0
#include "pixel/transcode_item.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/tags.h"
#include "pixel/codec.h"
#include "pixel/frames.h"
#include "pixel/image.h"

static int put_number(struct dcm_dataset *d, dcm_tag tag, int64_t wanted, struct err *e) {
    int64_t present;
    if (dcm_int(d, tag, 0, &present) && present == wanted) {
        return E_OK;
    }
    return dcm_put_ints(d, tag, DCM_VR_US, &wanted, 1, e);
}

static int put_photometric(struct dcm_dataset *d, enum px_photometric p, struct err *e) {
    struct slice present;
    const char *wanted = px_photometric_term(p);
    if (dcm_text(d, DCM_PhotometricInterpretation, 0, &present) && slice_eq_str(present, wanted)) {
        return E_OK;
    }
    return dcm_put_str(d, DCM_PhotometricInterpretation, DCM_VR_CS, wanted, e);
}

// Planar Configuration is there only with several samples (PS3.3 C.7.6.3.1.3).
static int put_planes(struct dcm_dataset *d, const struct px_frame *f, struct err *e) {
    return f->samples > 1 ? put_number(d, DCM_PlanarConfiguration, f->planar, e) : E_OK;
}

int px_transcode_describe(struct dcm_dataset *d, const struct px_frame *f, struct err *e) {
    const struct {
        dcm_tag tag;
        int64_t value;
        bool integers_only; // of float pixel data only Bits Allocated is said
    } numbers[] = {
        {DCM_SamplesPerPixel, f->samples, false},
        {DCM_BitsAllocated, f->bits_allocated, false},
        {DCM_BitsStored, f->bits_stored, true},
        {DCM_HighBit, f->high_bit, true},
        {DCM_PixelRepresentation, f->is_signed, true},
    };
    int code = put_photometric(d, f->photometric, e);
    for (size_t i = 0; code == E_OK && i < sizeof numbers / sizeof numbers[0]; i++) {
        if (f->kind == PX_PIXEL_INTEGER || !numbers[i].integers_only) {
            code = put_number(d, numbers[i].tag, numbers[i].value, e);
        }
    }
    (void)dcm_remove(d, DCM_ExtendedOffsetTable);
    (void)dcm_remove(d, DCM_ExtendedOffsetTableLengths);
    (void)dcm_remove(d, DCM_EncapsulatedPixelDataValueTotalLength);
    return code == E_OK ? put_planes(d, f, e) : code;
}

// --- pixel data in items ---

// The frames of an item one behind the other, in the arena.
static int decode_all(struct arena *a, const struct px_image *im, const struct px_frames *frames,
                      struct slice bytes, struct px_frame *frame, struct slice *ret_pixels,
                      struct err *e) {
    uint8_t *all = NULL;
    size_t one = 0;
    for (uint32_t i = 0; i < im->frames; i++) {
        int code = px_decode(im, frames, bytes, i, frame, e);
        if (code == E_OK && all == NULL) {
            one = frame->len;
            all = arena_alloc(a, one * im->frames);
            code = all == NULL ? err_set(e, E_MEMORY, "an icon") : E_OK;
        }
        if (code != E_OK || frame->len != one) {
            return code != E_OK ? code : err_set(e, E_MISMATCH, "frames of an icon differ");
        }
        memcpy(all + one * i, frame->data, one);
    }
    *ret_pixels = slice_of(all, one * im->frames);
    return E_OK;
}

static int make_native(struct arena *a, struct dcm_dataset *item,
                       const struct dcm_transfer_syntax *syntax, struct slice bytes,
                       struct err *e) {
    struct px_image im;
    struct px_frames frames;
    struct slice pixels;
    CLEANUP(cleanup_px_frame) struct px_frame frame = {0};
    int code = px_image_read(a, item, syntax, &im, e);
    code = code == E_OK ? px_frames_build(a, &im, item, &frames, e) : code;
    code = code == E_OK ? decode_all(a, &im, &frames, bytes, &frame, &pixels, e) : code;
    code = code == E_OK ? px_transcode_describe(item, &frame, e) : code;
    enum dcm_vr vr = frame.bits_allocated > 8 ? DCM_VR_OW : DCM_VR_OB;
    return code == E_OK ? dcm_put_borrowed(item, DCM_PixelData, vr, pixels, e) : code;
}

static bool has_fragments(const struct dcm_dataset *d) {
    const struct dcm_node *n = dcm_get(d, DCM_PixelData);
    return n != NULL && n->fragment_count > 0;
}

struct level {
    struct dcm_dataset *d;
    uint32_t node;
    uint32_t item;
};

// The next item below the place where *l stands, or NULL at the end of its data set.
static struct dcm_dataset *next_item(struct level *l) {
    for (; l->node < l->d->count; l->node++, l->item = 0) {
        const struct dcm_node *n = &l->d->nodes[l->node];
        if (l->item < n->item_count) {
            return n->items[l->item++];
        }
    }
    return NULL;
}

static void drop_sequence(struct level *l) {
    (void)dcm_remove(l->d, l->d->nodes[l->node].tag);
    l->item = 0;
}

int px_transcode_nested(struct arena *a, struct dcm_dataset *d,
                        const struct dcm_transfer_syntax *syntax, struct slice bytes,
                        struct err *e) {
    struct level levels[DCM_NESTING_MAX + 1] = {{.d = d}};
    unsigned depth = 0;
    for (;;) {
        struct dcm_dataset *item = next_item(&levels[depth]);
        if (item == NULL) {
            if (depth-- == 0) {
                return E_OK;
            }
            continue;
        }
        struct err why = {0};
        if (has_fragments(item) && make_native(a, item, syntax, bytes, &why) != E_OK) {
            if (why.code == E_MEMORY || why.code == E_LIMIT) {
                *e = why;
                return e->code;
            }
            drop_sequence(&levels[depth]);
        } else if (depth == DCM_NESTING_MAX) {
            return err_set(e, E_NESTING, "sequences nested too deep");
        } else {
            levels[++depth] = (struct level){.d = item};
        }
    }
}
