// SPDX-License-Identifier: Apache-2.0
// What a data set says about its pixels (PS3.3 C.7.6.3 Image Pixel, C.11.1 Modality LUT, C.11.2 VOI
// LUT, C.7.6.16 functional groups), read once and validated, so that everything behind it can trust
// the numbers. It holds no pixels: frames.h finds them, codec.h decodes, render.h shows.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/vr.h"

struct arena;
struct dcm_dataset;
struct dcm_transfer_syntax;
struct err;
struct px_overlay;

#define PX_SIDE_MAX 65535u                       // rows, columns
#define PX_FRAMES_MAX 1000000u                   // in one instance
#define PX_FRAME_BYTES_MAX ((uint64_t)512 << 20) // of one decoded frame
#define PX_WINDOWS_MAX 32u                       // kept of one VOI LUT macro
#define PX_LUT_ENTRIES_MAX 65536u
#define PX_EXPLANATION_MAX 64

// X(name, defined term, samples)
#define PX_PHOTOMETRIC_LIST(X)                                                                     \
    X(MONOCHROME1, "MONOCHROME1", 1)                                                               \
    X(MONOCHROME2, "MONOCHROME2", 1)                                                               \
    X(PALETTE_COLOR, "PALETTE COLOR", 1)                                                           \
    X(RGB, "RGB", 3)                                                                               \
    X(YBR_FULL, "YBR_FULL", 3)                                                                     \
    X(YBR_FULL_422, "YBR_FULL_422", 3)                                                             \
    X(YBR_PARTIAL_422, "YBR_PARTIAL_422", 3)                                                       \
    X(YBR_PARTIAL_420, "YBR_PARTIAL_420", 3)                                                       \
    X(YBR_ICT, "YBR_ICT", 3)                                                                       \
    X(YBR_RCT, "YBR_RCT", 3)                                                                       \
    X(XYB, "XYB", 3)

enum px_photometric {
#define X(name, term, samples) PX_##name,
    PX_PHOTOMETRIC_LIST(X)
#undef X
        PX_PHOTOMETRIC_COUNT
};
const char *px_photometric_term(enum px_photometric p);

static inline bool px_is_mono(enum px_photometric p) {
    return p == PX_MONOCHROME1 || p == PX_MONOCHROME2;
}

// Which element holds the pixels.
enum px_pixel_kind {
    PX_PIXEL_INTEGER, // Pixel Data (7FE0,0010)
    PX_PIXEL_FLOAT,   // Float Pixel Data (7FE0,0008)
    PX_PIXEL_DOUBLE   // Double Float Pixel Data (7FE0,0009)
};

// A look-up table of PS3.3 C.11.1.1 or C.11.2.1.1: stored or modality value first + i → entries[i];
// values below the first take the first entry, values above the last take the last.
struct px_lut {
    int32_t first;
    uint32_t count;          // 1 … 65536
    uint8_t bits;            // of an entry, 8 … 16
    const uint16_t *entries; // in the arena of the image
    char explanation[PX_EXPLANATION_MAX + 1];
};

enum px_voi_function { PX_VOI_LINEAR, PX_VOI_LINEAR_EXACT, PX_VOI_SIGMOID };

struct px_window {
    double centre;
    double width;
    enum px_voi_function function;
    char explanation[PX_EXPLANATION_MAX + 1]; // as in the file; may be empty
};

// The grey path of one frame up to the VOI.
struct px_grey {
    double slope;
    double intercept;
    bool has_rescale;              // in the file; slope 1 and intercept 0 otherwise
    char rescale_type[17];         // "HU", "US", …; empty when not said
    const struct px_lut *modality; // NULL: rescale
    const struct px_window *windows;
    uint32_t window_count;
    const struct px_lut *voi_luts;
    uint32_t voi_lut_count;
};

// PALETTE COLOR tables (PS3.3 C.7.6.3.1.5 and .6), segmented ones expanded (C.7.9.2).
struct px_palette {
    int32_t first;
    uint32_t count;
    uint8_t bits; // 8 or 16 of an entry
    const uint16_t *red;
    const uint16_t *green;
    const uint16_t *blue;
};

struct px_image {
    uint16_t rows;
    uint16_t columns;
    uint32_t frames;
    uint16_t samples;        // 1 or 3
    uint16_t bits_allocated; // 1, 8, 12 (packed, retired), 16, 32, 64
    uint16_t bits_stored;
    uint16_t high_bit;
    bool is_signed;
    bool planar; // Planar Configuration 1
    enum px_photometric photometric;
    enum px_pixel_kind kind;
    enum dcm_vr pixel_vr;                     // as written: OB, OW, OF, OD (or UN)
    const struct dcm_transfer_syntax *syntax; // never NULL
    bool big_endian;                          // of native words in the file
    bool inverse;                             // Presentation LUT Shape INVERSE
    bool has_shape;                           // Presentation LUT Shape was IDENTITY or INVERSE
    bool has_padding; // Pixel Padding Value; the range is ordered, both ends belong to it
    int64_t padding_low;
    int64_t padding_high;
    bool has_smallest_largest;
    int64_t smallest;
    int64_t largest;
    double pixel_height;   // ratio of a pixel's height to its width; 1 when square or not said
    bool has_spacing;      // Pixel Spacing, else Imager Pixel Spacing, mm
    double row_spacing;    // between rows
    double column_spacing; // between columns
    bool lossy;            // Lossy Image Compression "01"
    bool tiled; // frames are tiles of a larger picture (PS3.3 C.8.12.4, Total Pixel Matrix)
    struct px_palette palette; // count 0 when there is none
    bool supplemental;         // the palette colours grey values from its first one on (C.7.6.19)
    struct px_grey grey;       // of all frames that have none of their own
    const struct px_overlay *overlays; // overlay.h; in the arena
    uint32_t overlay_count;
    uint32_t overlays_bad;            // left out because they contradict themselves
    const struct px_grey *frame_grey; // NULL, or `frames` entries (enhanced multi-frame)
};

// Reads and validates. Everything it points to lives in `a` or borrows from the data set's bytes.
// Repairable oddities of real files are repaired (high bit not stored - 1, bits stored 0 or over
// allocated, photometric of a palette without tables). E_NOT_FOUND: the data set has no pixel
// element (a report, a structure set); E_MISSING, E_MISMATCH, E_VALUE, E_LIMIT: it contradicts
// itself, with the tag in e->path; E_UNSUPPORTED: bits allocated or photometric that nothing here
// can show.
int px_image_read(struct arena *a, const struct dcm_dataset *d,
                  const struct dcm_transfer_syntax *syntax, struct px_image *ret_image,
                  struct err *e);

// The same checks on an image made by hand (tests, phantoms). Fills nothing.
int px_image_check(const struct px_image *im, struct err *e);

// frame counts from 0.
const struct px_grey *px_image_grey(const struct px_image *im, uint32_t frame);

// Bits of one uncompressed frame in the file (12-bit packed and 1-bit frames need not end on a
// byte; YBR_FULL_422 has two samples a pixel).
uint64_t px_image_frame_bits(const struct px_image *im);

// Bytes of one decoded frame as codec.h gives it out.
uint64_t px_image_decoded_bytes(const struct px_image *im);

// The frame that represents the instance: the middle one.
uint32_t px_image_representative(const struct px_image *im);
