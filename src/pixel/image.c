// SPDX-License-Identifier: Apache-2.0
#include "pixel/image.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "pixel/grey.h"
#include "pixel/overlay.h"
#include "pixel/palette.h"

#define PIXEL_RATIO_MAX 100.0 // beyond it a spacing is an error, not a shape

static const struct {
    const char *term;
    uint16_t samples;
} photometrics[PX_PHOTOMETRIC_COUNT] = {
#define X(name, term, samples) {term, samples},
    PX_PHOTOMETRIC_LIST(X)
#undef X
};

const char *px_photometric_term(enum px_photometric p) { return photometrics[p].term; }

static int fail_at(struct err *e, int code, dcm_tag tag, const char *what) {
    char path[DCM_TAG_TEXT_LEN + 1];
    err_set(e, code, "%s", what);
    return err_in(e, dcm_tag_text(tag, path));
}

// A whole number in 0 … most; `otherwise` when absent (UINT32_MAX: must be there).
static int get_count(const struct dcm_dataset *d, dcm_tag tag, uint32_t otherwise, uint32_t most,
                     uint32_t *ret_value, struct err *e) {
    int64_t value;
    if (!dcm_int(d, tag, 0, &value)) {
        const struct dcm_node *n = dcm_get(d, tag);
        if (otherwise == UINT32_MAX || (n != NULL && n->value.len > 0)) {
            bool empty = n == NULL || n->value.len == 0;
            return fail_at(e, empty ? E_MISSING : E_VALUE, tag,
                           empty ? "an image needs this number" : "this is no whole number");
        }
        value = otherwise;
    }
    if (value < 0 || value > (int64_t)most) {
        char what[96];
        (void)snprintf(what, sizeof what, "%lld is not between 0 and %u", (long long)value, most);
        return fail_at(e, E_LIMIT, tag, what);
    }
    *ret_value = (uint32_t)value;
    return E_OK;
}

static int read_shape(const struct dcm_dataset *d, struct px_image *im, struct err *e) {
    uint32_t v[4] = {0};
    int code = get_count(d, DCM_Rows, UINT32_MAX, PX_SIDE_MAX, &v[0], e);
    if (code == E_OK) {
        code = get_count(d, DCM_Columns, UINT32_MAX, PX_SIDE_MAX, &v[1], e);
    }
    if (code == E_OK) {
        code = get_count(d, DCM_NumberOfFrames, 1, PX_FRAMES_MAX, &v[2], e);
    }
    if (code == E_OK) {
        code = get_count(d, DCM_SamplesPerPixel, 1, UINT16_MAX, &v[3], e);
    }
    if (code == E_OK) {
        im->rows = (uint16_t)v[0];
        im->columns = (uint16_t)v[1];
        im->frames = v[2] == 0 ? 1 : v[2];
        im->samples = (uint16_t)v[3];
    }
    return code;
}

static int read_bits(const struct dcm_dataset *d, struct px_image *im, struct err *e) {
    uint32_t v[5] = {0};
    int code = get_count(d, DCM_BitsAllocated, UINT32_MAX, UINT16_MAX, &v[0], e);
    if (code == E_OK) {
        code = get_count(d, DCM_BitsStored, 0, UINT16_MAX, &v[1], e);
    }
    if (code == E_OK) {
        code = get_count(d, DCM_HighBit, 0, UINT16_MAX, &v[2], e);
    }
    if (code == E_OK) {
        code = get_count(d, DCM_PixelRepresentation, 0, UINT16_MAX, &v[3], e);
    }
    if (code == E_OK) {
        code = get_count(d, DCM_PlanarConfiguration, 0, UINT16_MAX, &v[4], e);
    }
    if (code != E_OK) {
        return code;
    }
    im->bits_allocated = (uint16_t)v[0];
    im->bits_stored = (uint16_t)(v[1] == 0 || v[1] > v[0] ? v[0] : v[1]);
    bool fits = v[2] < v[0] && v[2] + 1 >= im->bits_stored;
    im->high_bit = (uint16_t)(fits ? v[2] : im->bits_stored - 1u);
    im->is_signed = v[3] == 1 && im->kind == PX_PIXEL_INTEGER;
    im->planar = v[4] == 1 && im->samples > 1;
    return E_OK;
}

static int read_photometric(const struct dcm_dataset *d, struct px_image *im, struct err *e) {
    struct slice text;
    if (!dcm_text(d, DCM_PhotometricInterpretation, 0, &text)) {
        im->photometric = im->samples == 3 ? PX_RGB : PX_MONOCHROME2; // as before the attribute was
        return E_OK;
    }
    for (int i = 0; i < PX_PHOTOMETRIC_COUNT; i++) {
        if (slice_eq_str(text, photometrics[i].term)) {
            im->photometric = (enum px_photometric)i;
            return E_OK;
        }
    }
    char what[96];
    (void)snprintf(what, sizeof what, "photometric interpretation %.*s is not known",
                   (int)(text.len < 32 ? text.len : 32), (const char *)text.ptr);
    return fail_at(e, E_UNSUPPORTED, DCM_PhotometricInterpretation, what);
}

static const struct {
    dcm_tag tag;
    enum px_pixel_kind kind;
} pixel_elements[] = {
    {DCM_PixelData, PX_PIXEL_INTEGER},
    {DCM_FloatPixelData, PX_PIXEL_FLOAT},
    {DCM_DoubleFloatPixelData, PX_PIXEL_DOUBLE},
};

static const struct dcm_node *find_pixels(const struct dcm_dataset *d, enum px_pixel_kind *ret) {
    for (size_t i = 0; i < sizeof pixel_elements / sizeof pixel_elements[0]; i++) {
        const struct dcm_node *n = dcm_get(d, pixel_elements[i].tag);
        if (n != NULL) {
            *ret = pixel_elements[i].kind;
            return n;
        }
    }
    return NULL;
}

static uint64_t pixels_of(const struct px_image *im) { return (uint64_t)im->rows * im->columns; }

static bool is_422(const struct px_image *im) {
    return im->photometric == PX_YBR_FULL_422 || im->photometric == PX_YBR_PARTIAL_422;
}

// Programs that decompress often leave the label YBR_FULL_422 on three whole samples a pixel.
static void repair_422(struct px_image *im, const struct dcm_node *pixels) {
    if (!im->syntax->encapsulated && im->photometric == PX_YBR_FULL_422 &&
        pixels->value.len / 3 >= pixels_of(im) * im->frames) {
        im->photometric = PX_YBR_FULL;
    }
}

// US or SS: implicit VR cannot tell them apart, the pixel representation can.
static bool get_pixel_value(const struct dcm_dataset *d, dcm_tag tag, bool is_signed,
                            int64_t *ret_value) {
    int64_t value;
    if (!dcm_int(d, tag, 0, &value)) {
        return false;
    }
    bool word = value >= 0 && value <= UINT16_MAX;
    *ret_value = is_signed && word ? (int16_t)(uint16_t)value : value;
    return true;
}

static void read_padding(const struct dcm_dataset *d, struct px_image *im) {
    int64_t first;
    int64_t last;
    if (!get_pixel_value(d, DCM_PixelPaddingValue, im->is_signed, &first)) {
        return;
    }
    if (!get_pixel_value(d, DCM_PixelPaddingRangeLimit, im->is_signed, &last)) {
        last = first;
    }
    im->has_padding = true;
    im->padding_low = first < last ? first : last;
    im->padding_high = first < last ? last : first;
}

static void read_extremes(const struct dcm_dataset *d, struct px_image *im) {
    im->has_smallest_largest =
        get_pixel_value(d, DCM_SmallestImagePixelValue, im->is_signed, &im->smallest) &&
        get_pixel_value(d, DCM_LargestImagePixelValue, im->is_signed, &im->largest);
}

static bool get_pair(const struct dcm_dataset *d, dcm_tag tag, double *ret_first,
                     double *ret_second) {
    return d != NULL && dcm_double(d, tag, 0, ret_first) && dcm_double(d, tag, 1, ret_second) &&
           *ret_first > 0 && *ret_second > 0;
}

// PS3.3 10.7 and C.7.6.3.1.7: spacing in the patient, at the detector, or a bare ratio.
static void read_pixel_shape(const struct dcm_dataset *d, struct px_image *im) {
    const struct dcm_dataset *shared = dcm_first_item(d, DCM_SharedFunctionalGroupsSequence);
    const struct dcm_dataset *frame = dcm_first_item(d, DCM_PerFrameFunctionalGroupsSequence);
    const struct dcm_dataset *measures =
        shared == NULL ? NULL : dcm_first_item(shared, DCM_PixelMeasuresSequence);
    if (measures == NULL && frame != NULL) { // one shape for all: that of the first frame
        measures = dcm_first_item(frame, DCM_PixelMeasuresSequence);
    }
    double down = 1;
    double across = 1;
    im->has_spacing = get_pair(d, DCM_PixelSpacing, &down, &across) ||
                      get_pair(measures, DCM_PixelSpacing, &down, &across) ||
                      get_pair(d, DCM_ImagerPixelSpacing, &down, &across);
    if (im->has_spacing) {
        im->row_spacing = down;
        im->column_spacing = across;
    } else if (!get_pair(d, DCM_PixelAspectRatio, &down, &across)) {
        down = across = 1;
    }
    double ratio = down / across;
    im->pixel_height = ratio >= 1 / PIXEL_RATIO_MAX && ratio <= PIXEL_RATIO_MAX ? ratio : 1;
}

static void read_display(const struct dcm_dataset *d, struct px_image *im) {
    struct slice text;
    if (dcm_text(d, DCM_PresentationLUTShape, 0, &text)) {
        im->inverse = slice_eq_str(text, "INVERSE");
        im->has_shape = im->inverse || slice_eq_str(text, "IDENTITY");
    }
    if (dcm_text(d, DCM_LossyImageCompression, 0, &text)) {
        im->lossy = slice_eq_str(text, "01");
    }
    im->tiled = dcm_get(d, DCM_TotalPixelMatrixColumns) != NULL;
}

static bool bits_known(const struct px_image *im) {
    if (im->kind != PX_PIXEL_INTEGER) {
        return im->bits_allocated == (im->kind == PX_PIXEL_FLOAT ? 32 : 64) && im->samples == 1;
    }
    bool bytes = im->bits_allocated == 8 || im->bits_allocated == 16 || im->bits_allocated == 32;
    return bytes || (im->samples == 1 && (im->bits_allocated == 1 || im->bits_allocated == 12));
}

int px_image_check(const struct px_image *im, struct err *e) {
    if (im->rows == 0 || im->columns == 0) {
        return fail_at(e, E_VALUE, im->rows == 0 ? DCM_Rows : DCM_Columns, "an image of no pixels");
    }
    if (im->samples != photometrics[im->photometric].samples) {
        return err_set(e, im->samples == 1 || im->samples == 3 ? E_MISMATCH : E_UNSUPPORTED,
                       "%u samples a pixel for %s", im->samples,
                       photometrics[im->photometric].term);
    }
    if (!bits_known(im)) {
        return err_set(e, E_UNSUPPORTED, "%u bits allocated for %u samples a pixel",
                       im->bits_allocated, im->samples);
    }
    if (im->bits_stored == 0 || im->bits_stored > im->bits_allocated ||
        im->high_bit >= im->bits_allocated || im->high_bit + 1 < im->bits_stored) {
        return err_set(e, E_VALUE, "%u of %u bits with high bit %u", im->bits_stored,
                       im->bits_allocated, im->high_bit);
    }
    if (im->frames == 0 || im->frames > PX_FRAMES_MAX ||
        px_image_decoded_bytes(im) > PX_FRAME_BYTES_MAX) {
        return err_set(e, E_LIMIT, "%u frames of %u x %u pixels", im->frames, im->columns,
                       im->rows);
    }
    return E_OK;
}

// The bits that the syntax itself fixes, and what Pixel Data's label may not say.
static int read_coding(const struct dcm_dataset *d, struct px_image *im, struct err *e) {
    const struct dcm_node *pixels = find_pixels(d, &im->kind);
    if (pixels == NULL) {
        return err_set(e, E_NOT_FOUND, "the data set has no pixel data");
    }
    im->pixel_vr = pixels->vr;
    im->big_endian = pixels->encoding == DCM_EXPLICIT_BE;
    int code = read_shape(d, im, e);
    if (code == E_OK) {
        code = read_bits(d, im, e);
    }
    if (code == E_OK) {
        code = read_photometric(d, im, e);
    }
    if (code == E_OK) {
        repair_422(im, pixels);
        code = px_image_check(im, e);
    }
    return code;
}

// PS3.3 C.7.6.19 and C.8.16.2.1.1: grey stored values below the first entry, coloured ones from it
// on, in images that say so.
static bool has_supplemental(const struct dcm_dataset *d, const struct px_image *im) {
    struct slice text;
    return im->photometric == PX_MONOCHROME2 && im->kind == PX_PIXEL_INTEGER &&
           im->bits_stored <= 16 && dcm_text(d, DCM_PixelPresentation, 0, &text) &&
           (slice_eq_str(text, "COLOR") || slice_eq_str(text, "MIXED") ||
            slice_eq_str(text, "COLOR_RANGE")) &&
           dcm_get(d, DCM_RedPaletteColorLookupTableDescriptor) != NULL;
}

int px_image_read(struct arena *a, const struct dcm_dataset *d,
                  const struct dcm_transfer_syntax *syntax, struct px_image *ret_image,
                  struct err *e) {
    struct px_image im = {.syntax = syntax, .pixel_height = 1};
    int code = read_coding(d, &im, e);
    im.supplemental = code == E_OK && has_supplemental(d, &im);
    if (code == E_OK && (im.photometric == PX_PALETTE_COLOR || im.supplemental)) {
        code = px_palette_read(a, d, im.is_signed, &im.palette, e);
    }
    if (code == E_OK) {
        code = px_grey_read(a, d, &im, e);
    }
    if (code == E_OK) {
        code = px_overlays_read(a, d, &im, &im.overlays, &im.overlay_count, &im.overlays_bad, e);
    }
    if (code != E_OK) {
        return code;
    }
    read_padding(d, &im);
    read_extremes(d, &im);
    read_pixel_shape(d, &im);
    read_display(d, &im);
    *ret_image = im;
    return E_OK;
}

const struct px_grey *px_image_grey(const struct px_image *im, uint32_t frame) {
    return im->frame_grey != NULL && frame < im->frames ? &im->frame_grey[frame] : &im->grey;
}

uint64_t px_image_frame_bits(const struct px_image *im) {
    if (is_422(im) && !im->syntax->encapsulated) {
        return (uint64_t)im->rows * ((im->columns + 1u) / 2u) * 4u * im->bits_allocated;
    }
    return pixels_of(im) * im->samples * im->bits_allocated;
}

uint64_t px_image_decoded_bytes(const struct px_image *im) {
    uint64_t bits = px_image_frame_bits(im);
    return im->bits_allocated == 12 ? bits / 12 * 2 : (bits + 7) / 8;
}

uint32_t px_image_representative(const struct px_image *im) { return im->frames / 2; }
