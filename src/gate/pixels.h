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

struct arena;
struct buf;
struct dcm_dataset;
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

// How much a reader is asked of one instance: crops beyond are decided without reading (and hold
// the instance where only a reading could tell).
#define GATE_READINGS_MAX 256u                    // crops
#define GATE_READING_BYTES_MAX ((size_t)16 << 20) // of all
#define GATE_LOOK_BOXES_MAX (1u << 20)            // of all frames; more: held

// What is known of a box beside what the detector says, as bits.
enum gate_trait {
    GATE_TRAIT_MARGIN = 1 << 0, // an island in the unexposed ground of a radiograph or film: no
                                // anatomy lies there
    GATE_TRAIT_DEVICE = 1 << 1, // in a place where this device is known to write
    GATE_TRAIT_SPARE = 1 << 2   // no reading was asked for it because too many others were
};

// What the pixels are of, as far as it changes what is decided.
enum gate_matter {
    GATE_MATTER_IMAGE,
    GATE_MATTER_SCREEN, // a saved screen or report: whole lines are blacked
    GATE_MATTER_MASK    // segmentations, dose, parametric maps: shapes, not pictures
};

// The look at all frames before anything is written. Zero-initialise; `crops` is the caller's.
struct gate_look {
    struct gate_boxes boxes; // with crops numbered where a reader is needed; gate_boxes_done
    struct buf *crops;       // appended, one behind the other (each once: by its pixels); NULL: no
                             // crops are made, and what needs a reading stays uncertain
    uint32_t crop_count;
    bool examined;            // every frame was decoded and looked at
    bool has_regions;         // ultrasound regions were used
    uint8_t pixel_digest[32]; // SHA-256 of rows, columns, samples, frames and the SHA-256 of each
                              // frame's samples (interleaved, inside of bits stored): what
                              // recognises an image delivered twice
    uint8_t *traits;          // of each box: enum gate_trait bits; in c->arena
    enum gate_matter matter;
    bool suspect;            // header or device say that there is writing: doubts are no excuse
    struct gate_edit *rules; // what rules black whatever the detector says: outside of regions
    uint32_t rule_count;
    // What was looked at; gate_pixels_verify compares with it. Borrowed.
    const struct px_image *image;
    const struct px_frames *frames;
    struct slice file;
    // For gate_pixels_verify only. `first`: the look at the original (NULL: nothing to compare
    // with); crops are appended to `crops` and numbered from `crop_count` on, so a caller that
    // copies both from the first look gets numbers behind its. `readings`: what crops by number
    // read as, as far as they were read already (earlier answers; may be NULL).
    const struct gate_look *first;
    const struct gate_reading *readings;
    uint32_t reading_count;
    bool need_reading; // out: crops were appended that no reading is there for
};

// Looks at every frame. c->objects where pixels cannot be decoded (GATE_REASON_PIXELS_UNREADABLE):
// E_OK then, look->examined false. Rules beside the detector: outside of ultrasound regions
// (0018,6011), outside of the exposed or scanned field of CR, DX, MG and film, what stands still in
// a loop, tables of devices known to write. Frames with the same samples as an earlier one are
// looked at once. `d` is the original. Without c->profile->examine_pixels nothing is touched
// (E_OK, examined false). E_MEMORY, E_LIMIT otherwise.
int gate_pixels_look(struct gate_context *c, const struct dcm_dataset *d, const struct px_image *im,
                     const struct px_frames *frames, struct slice file, struct gate_look *look,
                     struct err *e);

// A look as bytes, for the same passage again when its crops were read; without crops. The bytes
// come from a worker that read hostile ones: unpacking checks every number against `im` and
// `frames`, E_CRASHED when they do not fit. Arrays lie in `a`, also those of boxes (boxes.cap is
// 0).
void gate_look_pack(const struct gate_look *look, struct buf *out);
int gate_look_unpack(struct arena *a, struct slice bytes, const struct px_image *im,
                     const struct px_frames *frames, struct slice file, struct gate_look *ret_look,
                     struct err *e);

// From a look, readings by crop number (NULL: none yet) and the orders of a person to what is
// blacked: pixels_decide.c has the table. Boxes that are neither sure nor read make the instance
// held (GATE_REASON_TEXT_UNSURE). `need_reading` is set when readings are NULL and would change
// something. *ret_edits (in c->arena): BLACK and MASK to be done, and KEEP for boxes that were
// found and stay, so that the verification knows them. A person's KEEP is cut out of what the gate
// would black; a person's BLACK stands. Sets GATE_METHOD_PIXELS when every frame was examined.
int gate_pixels_decide(struct gate_context *c, const struct gate_look *look,
                       const struct gate_reading *readings, uint32_t reading_count,
                       const struct gate_edit *orders, uint32_t order_count,
                       struct gate_edit **ret_edits, uint32_t *ret_edit_count,
                       bool *ret_need_reading, struct err *e);

// Writes the outcome as a Part 10 file in constant memory (one frame at a time, as px_transcode):
// the cleaned data set `d` behind meta information of our own, edits applied, streams and hidden
// bits cleaned (container.h), fragments and offset table made anew. What the data set says of its
// pixels is put right where the coding changes; the transfer syntax stays where it can (else
// Explicit VR Little Endian, over 4 GiB JPEG 2000 lossless). Without pixels (`im` NULL): just the
// data set. Native pixels without edits go from the mapping to the sink. E_CORRUPT, E_MISMATCH,
// E_NOT_ACCEPTABLE name the frame that cannot be edited: hold it.
struct gate_pixels_out {
    const char *syntax_uid; // static
    uint32_t frames_edited;
    uint64_t samples_blacked; // pixels of boxes, not counting those that JPEG blocks add
    uint64_t len;             // bytes of the file
};
int gate_pixels_write(struct gate_context *c, struct dcm_dataset *d, const struct dcm_file *file,
                      const struct px_image *im, const struct px_frames *frames,
                      const struct gate_edit *edits, uint32_t edit_count,
                      const struct px_transcode_out *out, struct gate_pixels_out *ret_out,
                      struct err *e);

// Decodes what was written and looks at edited frames again (sixteen of a loop) with other
// parameters (frames without edits were found clean before and are the same): E_OK, with objections
// where text is left (GATE_REASON_TEXT_LEFT), where a reading is an identifier
// (GATE_REASON_IDENTIFIER_LEFT), where a box is not of one value or a sample outside of the edits
// is not what it was (GATE_REASON_CLEANING_FAILED). See struct gate_look for what `again` holds.
int gate_pixels_verify(struct gate_context *c, struct slice written, const struct gate_edit *edits,
                       uint32_t edit_count, struct gate_look *again, struct err *e);
