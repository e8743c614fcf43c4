// SPDX-License-Identifier: Apache-2.0
// Clean Pixel Data (PS3.15 E.3.1): every frame looked at, text and codes blacked in the stored
// samples of each frame, everything outside of the boxes bit for bit as it was. Native pixels are
// edited in place; JPEG baseline and extended in the coefficients of the touched blocks only; other
// codings are decoded and coded anew lossless (lossy ones keep saying that they lost something).
// What was written is decoded and looked at again with other parameters.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dicom/part10.h"
#include "gate/context.h"
#include "gate/glyphs.h"
#include "gate/reading.h"
#include "pixel/frames.h"
#include "pixel/image.h"
#include "pixel/transcode.h"

struct buf;
struct err;

// What is to be done to the samples: decided by the gate's own rules, by readings, by faces or by a
// person.
#define GATE_ALL_FRAMES UINT32_MAX
enum gate_edit_kind {
    GATE_EDIT_BLACK, // box to the background value
    GATE_EDIT_KEEP,  // a person or a reading says that this box is no text or may stay: not blacked
    GATE_EDIT_MASK   // face.h: `mask` holds runs; box is its bounds
};
struct gate_edit {
    uint8_t kind;
    uint16_t x, y, width, height;
    uint32_t frame;    // GATE_ALL_FRAMES
    struct slice mask; // GATE_EDIT_MASK: gate_mask_pack of face.h
};

// The look at all frames before anything is written.
struct gate_look {
    struct gate_boxes boxes; // with crops numbered where a reader is needed
    struct buf *crops;       // appended, one behind the other (each once: by its pixels)
    uint32_t crop_count;
    bool examined;            // every frame was decoded and looked at
    bool has_regions;         // ultrasound regions were used
    uint8_t pixel_digest[32]; // SHA-256 of all decoded samples inside of bits stored with rows,
                              // columns, samples, frames: what recognises an image delivered twice
};

// Looks at every frame. c->objects where pixels cannot be decoded (GATE_REASON_PIXELS_UNREADABLE).
// Rules beside the detector: outside of ultrasound regions (0018,6011), outside of the exposed or
// scanned field of CR, DX, MG and film, what stands still in a loop, tables of devices known to
// write.
int gate_pixels_look(struct gate_context *c, const struct dcm_dataset *d, const struct px_image *im,
                     const struct px_frames *frames, struct slice file, struct gate_look *look,
                     struct err *e);

// From a look, readings by crop number (NULL: none yet) and the orders of a person to what is
// blacked. Boxes that are neither sure nor read make the instance held (GATE_REASON_TEXT_UNSURE).
// `need_reading` is set when readings are NULL and would change something.
int gate_pixels_decide(struct gate_context *c, const struct gate_look *look,
                       const struct gate_reading *readings, uint32_t reading_count,
                       const struct gate_edit *orders, uint32_t order_count,
                       struct gate_edit **ret_edits, uint32_t *ret_edit_count,
                       bool *ret_need_reading, struct err *e);

// Writes the outcome as a Part 10 file in constant memory (one frame at a time, as px_transcode):
// the cleaned data set `d` behind meta information of our own, edits applied, streams and hidden
// bits cleaned (container.h), fragments and offset table made anew. What the data set says of its
// pixels is put right where the coding changes; the transfer syntax stays where it can. Without
// pixels: just the data set.
struct gate_pixels_out {
    const char *syntax_uid; // static
    uint32_t frames_edited;
    uint64_t samples_blacked;
};
int gate_pixels_write(struct gate_context *c, struct dcm_dataset *d, const struct dcm_file *file,
                      const struct px_image *im, const struct px_frames *frames,
                      const struct gate_edit *edits, uint32_t edit_count,
                      const struct px_transcode_out *out, struct gate_pixels_out *ret_out,
                      struct err *e);

// Decodes what was written and looks again: E_OK, with objections where text is left
// (GATE_REASON_TEXT_LEFT). New crops for a last reading are appended to look->crops.
int gate_pixels_verify(struct gate_context *c, struct slice written, const struct gate_edit *edits,
                       uint32_t edit_count, struct gate_look *again, struct err *e);
