// SPDX-License-Identifier: Apache-2.0
#include "pixel/grey.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "pixel/lut.h"

static void read_rescale(const struct dcm_dataset *d, struct px_grey *g) {
    double slope;
    double intercept;
    if (!dcm_double(d, DCM_RescaleSlope, 0, &slope) ||
        !dcm_double(d, DCM_RescaleIntercept, 0, &intercept) || slope == 0) {
        return;
    }
    g->slope = slope;
    g->intercept = intercept;
    g->has_rescale = true;
    px_text_copy(d, DCM_RescaleType, 0, g->rescale_type, sizeof g->rescale_type - 1);
}

static enum px_voi_function read_function(const struct dcm_dataset *d) {
    struct slice text;
    if (!dcm_text(d, DCM_VOILUTFunction, 0, &text)) {
        return PX_VOI_LINEAR;
    }
    if (slice_eq_str(text, "LINEAR_EXACT")) {
        return PX_VOI_LINEAR_EXACT;
    }
    return slice_eq_str(text, "SIGMOID") ? PX_VOI_SIGMOID : PX_VOI_LINEAR;
}

static uint32_t read_windows(const struct dcm_dataset *d, bool is_float,
                             struct px_window out[PX_WINDOWS_MAX]) {
    enum px_voi_function function = read_function(d);
    uint32_t count = 0;
    for (uint32_t i = 0; i < PX_WINDOWS_MAX; i++) {
        struct px_window *w = &out[count];
        if (!dcm_double(d, DCM_WindowCenter, i, &w->centre) ||
            !dcm_double(d, DCM_WindowWidth, i, &w->width)) {
            break;
        }
        if (!(w->width > 0)) {
            continue;
        }
        bool exact = function == PX_VOI_LINEAR && (is_float || w->width < 1);
        w->function = exact ? PX_VOI_LINEAR_EXACT : function;
        px_text_copy(d, DCM_WindowCenterWidthExplanation, i, w->explanation, PX_EXPLANATION_MAX);
        count++;
    }
    return count;
}

static bool same_windows(const struct px_window *a, const struct px_window *b, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (a[i].centre != b[i].centre || a[i].width != b[i].width ||
            a[i].function != b[i].function || strcmp(a[i].explanation, b[i].explanation) != 0) {
            return false;
        }
    }
    return true;
}

// Replaces the windows of `g` when `d` has some; frames with equal ones share memory.
static int take_windows(struct arena *a, const struct dcm_dataset *d, bool is_float,
                        struct px_grey *g, struct err *e) {
    struct px_window found[PX_WINDOWS_MAX];
    uint32_t count = read_windows(d, is_float, found);
    if (count == 0 || (count == g->window_count && same_windows(found, g->windows, count))) {
        return E_OK;
    }
    struct px_window *kept = arena_array(a, count, sizeof *kept);
    if (kept == NULL) {
        return err_set(e, E_MEMORY, "windows");
    }
    memcpy(kept, found, count * sizeof *kept);
    g->windows = kept;
    g->window_count = count;
    return E_OK;
}

static int read_modality_lut(struct arena *a, const struct dcm_dataset *d, bool is_signed,
                             struct px_grey *g, struct err *e) {
    const struct dcm_dataset *item = dcm_first_item(d, DCM_ModalityLUTSequence);
    if (item == NULL) {
        return E_OK;
    }
    struct px_lut *lut = arena_new(a, struct px_lut);
    int code = lut == NULL ? err_set(e, E_MEMORY, "a look-up table")
                           : px_lut_read(a, item, is_signed, lut, e);
    if (code != E_OK) {
        return err_in(e, "(0028,3000)[0]");
    }
    g->modality = lut;
    px_text_copy(item, DCM_ModalityLUTType, 0, g->rescale_type, sizeof g->rescale_type - 1);
    return E_OK;
}

static int read_voi_luts(struct arena *a, const struct dcm_dataset *d, bool is_signed,
                         struct px_grey *g, struct err *e) {
    const struct dcm_node *sequence = dcm_get(d, DCM_VOILUTSequence);
    uint32_t count = sequence == NULL ? 0 : sequence->item_count;
    if (count == 0) {
        return E_OK;
    }
    count = count < PX_WINDOWS_MAX ? count : PX_WINDOWS_MAX;
    struct px_lut *luts = arena_array(a, count, sizeof *luts);
    if (luts == NULL) {
        return err_set(e, E_MEMORY, "look-up tables");
    }
    bool negative = g->modality == NULL && (is_signed || g->intercept < 0);
    for (uint32_t i = 0; i < count; i++) {
        int code = px_lut_read(a, dcm_item(sequence, i), negative, &luts[i], e);
        if (code != E_OK) {
            return err_in(e, "(0028,3010)");
        }
    }
    g->voi_luts = luts;
    g->voi_lut_count = count;
    return E_OK;
}

static int read_top(struct arena *a, const struct dcm_dataset *d, struct px_image *im,
                    struct err *e) {
    read_rescale(d, &im->grey);
    int code = read_modality_lut(a, d, im->is_signed, &im->grey, e);
    if (code == E_OK) {
        code = take_windows(a, d, im->kind != PX_PIXEL_INTEGER, &im->grey, e);
    }
    return code == E_OK ? read_voi_luts(a, d, im->is_signed, &im->grey, e) : code;
}

// One functional group item: of all frames, or of one.
static int read_group(struct arena *a, const struct dcm_dataset *group, bool is_float,
                      struct px_grey *g, struct err *e) {
    const struct dcm_dataset *values = dcm_first_item(group, DCM_PixelValueTransformationSequence);
    const struct dcm_dataset *voi = dcm_first_item(group, DCM_FrameVOILUTSequence);
    if (values != NULL) {
        read_rescale(values, g);
    }
    return voi == NULL ? E_OK : take_windows(a, voi, is_float, g, e);
}

static bool same_grey(const struct px_grey *a, const struct px_grey *b) {
    return a->slope == b->slope && a->intercept == b->intercept && a->windows == b->windows &&
           a->window_count == b->window_count && strcmp(a->rescale_type, b->rescale_type) == 0;
}

// The table of frames is made at the first frame that differs from the shared groups.
static int keep_frame(struct arena *a, struct px_image *im, const struct px_grey *g, uint32_t frame,
                      struct px_grey **table, struct err *e) {
    if (*table == NULL && same_grey(g, &im->grey)) {
        return E_OK;
    }
    if (*table == NULL) {
        *table = arena_array(a, im->frames, sizeof **table);
        if (*table == NULL) {
            return err_set(e, E_MEMORY, "windows of %u frames", im->frames);
        }
        for (uint32_t i = 0; i < im->frames; i++) {
            (*table)[i] = im->grey;
        }
    }
    (*table)[frame] = *g;
    return E_OK;
}

static int read_frames(struct arena *a, const struct dcm_node *sequence, struct px_image *im,
                       struct err *e) {
    struct px_grey *table = NULL;
    struct px_grey last = im->grey; // its windows are what equal ones are shared with
    int code = E_OK;
    for (uint32_t i = 0; code == E_OK && i < sequence->item_count && i < im->frames; i++) {
        struct px_grey g = im->grey;
        g.windows = last.windows;
        g.window_count = last.window_count;
        const struct dcm_dataset *group = dcm_item(sequence, i);
        const struct dcm_dataset *voi = dcm_first_item(group, DCM_FrameVOILUTSequence);
        bool own = voi != NULL && dcm_get(voi, DCM_WindowCenter) != NULL;
        if (!own) {
            g.windows = im->grey.windows;
            g.window_count = im->grey.window_count;
        }
        code = read_group(a, group, im->kind != PX_PIXEL_INTEGER, &g, e);
        if (code == E_OK) {
            code = keep_frame(a, im, &g, i, &table, e);
        }
        last = own ? g : last;
    }
    im->frame_grey = table;
    return code;
}

int px_grey_read(struct arena *a, const struct dcm_dataset *d, struct px_image *im, struct err *e) {
    im->grey = (struct px_grey){.slope = 1};
    im->frame_grey = NULL;
    if (im->samples != 1) {
        return E_OK;
    }
    int code = read_top(a, d, im, e);
    const struct dcm_dataset *shared = dcm_first_item(d, DCM_SharedFunctionalGroupsSequence);
    if (code == E_OK && shared != NULL) {
        code = read_group(a, shared, im->kind != PX_PIXEL_INTEGER, &im->grey, e);
    }
    const struct dcm_node *frames = dcm_get(d, DCM_PerFrameFunctionalGroupsSequence);
    if (code == E_OK && frames != NULL && im->frames > 0) {
        code = read_frames(a, frames, im, e);
    }
    return code;
}
