// SPDX-License-Identifier: Apache-2.0
// The marker segments of a JPEG stream (ISO/IEC 10918-1 Annex B) and its entropy-coded segments
// without stuffing, for our own decoders (jpeg_lossless.h, jpeg_dct.h) and for telling streams
// apart. It takes what DICOM files really hold: fill bytes before markers, padding after the end, a
// missing end marker, the number of lines in a DNL segment.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;
struct err;

#define PX_JPEG_COMPONENTS_MAX 4u
#define PX_JPEG_TABLES 4u
#define PX_JPEG_PAD 16u        // zero bytes behind an entropy-coded segment: readers need no check
#define PX_JPEG_SCANS_MAX 128u // a progressive stream can ask for its whole picture again in each

// Process of a frame header: n of SOFn.
enum {
    PX_JPEG_BASELINE = 0,
    PX_JPEG_EXTENDED = 1,
    PX_JPEG_PROGRESSIVE = 2,
    PX_JPEG_LOSSLESS = 3,
    PX_JPEG_LS = 0xF7 // ISO/IEC 14495-1 (SOF55): not ours, named for messages
};

struct px_jpeg_component {
    uint8_t id;
    uint8_t across; // sampling factors, 1 … 4
    uint8_t down;
    uint8_t quant; // table
};

struct px_jpeg_frame {
    uint8_t process;
    uint8_t precision;
    uint16_t rows; // 0: said by DNL behind the first scan
    uint16_t columns;
    uint8_t count;
    uint8_t across; // the largest factors
    uint8_t down;
    struct px_jpeg_component components[PX_JPEG_COMPONENTS_MAX];
};

struct px_jpeg_huffman {
    bool defined;
    uint8_t counts[17]; // codes of each length 1 … 16
    uint8_t symbols[256];
};

struct px_jpeg_scan {
    uint8_t count;
    struct {
        uint8_t component; // index in the frame
        uint8_t dc;        // tables
        uint8_t ac;
    } part[PX_JPEG_COMPONENTS_MAX];
    uint8_t first; // Ss: start of spectral selection, or the predictor
    uint8_t last;  // Se
    uint8_t high;  // Ah
    uint8_t low;   // Al: successive approximation, or the point transform
};

struct px_jpeg_stream {
    struct slice bytes;
    size_t at;
    struct px_jpeg_frame frame;
    struct px_jpeg_scan scan;
    uint32_t scans;            // seen so far
    bool ended;                // EOI was seen
    uint32_t restart_interval; // in MCUs; 0: none
    uint16_t lines;            // said by DNL; 0: not said
    int adobe_transform;       // -1: no Adobe marker
    struct px_jpeg_huffman dc[PX_JPEG_TABLES];
    struct px_jpeg_huffman ac[PX_JPEG_TABLES];
    bool has_quant[PX_JPEG_TABLES];
    uint16_t quant[PX_JPEG_TABLES][64]; // in zigzag order
};

// Reads up to and with the frame header. E_TRUNCATED, E_CORRUPT with the byte offset in the stream.
int px_jpeg_open(struct px_jpeg_stream *s, struct slice bytes, struct err *e);

// Reads on to the next scan header, behind which entropy-coded data begins. 1: a scan; 0: the end
// of the image (or of the bytes, where no scan follows). E_LIMIT over PX_JPEG_SCANS_MAX.
int px_jpeg_next_scan(struct px_jpeg_stream *s, struct err *e);

// The entropy-coded segment at s->at without stuffing in `scratch` (cleared first), with
// PX_JPEG_PAD zero bytes behind it; s->at moves to the marker that ends it. Its place in the stream
// is where s->at was.
int px_jpeg_segment(struct px_jpeg_stream *s, struct buf *scratch, struct slice *ret_bytes,
                    struct err *e);

// Steps over the restart marker that must come now; `number` counts from 0 in a scan.
int px_jpeg_restart(struct px_jpeg_stream *s, uint64_t number, struct err *e);

// The place in the stream of byte `index` of an unstuffed segment that began at `begin`.
size_t px_jpeg_place(const struct px_jpeg_stream *s, size_t begin, size_t index);
