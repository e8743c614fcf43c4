// SPDX-License-Identifier: Apache-2.0
// Is there text in this picture, and where? A detector, not a reader (deid.md 5C): exact graphic
// levels, stroke lines of even width in several stretches of the grey scale (the low bits too),
// both polarities, all four directions, mirrored, any line of at least two glyphs 5 to 80 pixels
// high; what stands still in a loop; handwriting-like strokes; QR, DataMatrix, PDF417 and bar
// codes. It must be quick: 100 frames of 512×512 and 10 of 1024×768 in colour a second and core,
// all steps counted.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pixel/frame.h"

struct buf;
struct err;
struct gate_scanner;
struct px_palette;

enum gate_sure {
    GATE_SURE,   // graphics: nothing that grew or was scanned looks so
    GATE_LIKELY, // a line of strokes; a reader should look
    GATE_MAYBE   // only a reader can tell
};
enum gate_shape { GATE_SHAPE_TEXT, GATE_SHAPE_CODE, GATE_SHAPE_STROKES, GATE_SHAPE_STATIC };

struct gate_box {
    uint16_t x, y, width, height; // pixels of the frame, inside of it
    uint32_t frame;               // from 0
    uint8_t shape;                // enum gate_shape
    uint8_t sure;                 // enum gate_sure
    uint8_t turn;                 // quarter turns clockwise that make it upright; 255: not known
    bool mirrored;
    bool dark;       // dark glyphs on light ground
    uint8_t glyphs;  // how many were seen, 255 for more
    uint16_t letter; // height of a capital in pixels, for the crop's scale; 0: not known
    uint32_t crop;   // number of its crop (gate_scan_crop), UINT32_MAX: none
};

#define GATE_BOXES_MAX 4096 // of one frame; more: the whole frame is one box

// A scanner keeps its buffers from frame to frame. It learns from the frames in turn what stands
// still: call gate_scan_frame for each frame in order, then gate_scan_finish for what only the loop
// as a whole tells.
int gate_scanner_new(uint32_t rows, uint32_t columns, uint32_t frames,
                     struct gate_scanner **ret_scanner, struct err *e);
void gate_scanner_free(struct gate_scanner *s); // NULL allowed

struct gate_boxes {
    struct gate_box *list; // owned; gate_boxes_done
    uint32_t count, cap;
};
void gate_boxes_done(struct gate_boxes *b);

// Parameters of a second look, different from the first's, for the verification of what was
// written.
struct gate_scan_options {
    bool second;     // other scales, thresholds and stretches
    bool ultrasound; // modality hints: only to look harder, never to look less
    bool radiograph; // film: margins, stickers, mirrored and turned text, handwriting
    const struct px_palette *palette; // of a PALETTE COLOR image; NULL: by index alone
};
// Appends the boxes of this frame. `f` as px_decode gives it, any photometric and depth (PALETTE
// COLOR by index and by `palette`, if given).
int gate_scan_frame(struct gate_scanner *s, const struct px_frame *f, uint32_t number,
                    const struct gate_scan_options *options, struct gate_boxes *out, struct err *e);
int gate_scan_finish(struct gate_scanner *s, struct gate_boxes *out, struct err *e);

// A picture of one box for a reader: 8-bit grey, dark on light, upright, capitals about 32 pixels
// high, 10 pixels of ground around it. Appends width and height (uint16_t little-endian) and width
// × height bytes.
int gate_scan_crop(const struct px_frame *f, const struct gate_box *box, struct buf *out,
                   struct err *e);
