// SPDX-License-Identifier: Apache-2.0
// What a JPEG 2000 stream claims in its main header (ISO/IEC 15444-1 Annex A), read before a
// library is let near it: a stream that claims more tiles, samples or packets than its image can
// have is refused before anything is allocated. A JP2 file's boxes (Annex I) are opened; what they
// say about colour does not count in DICOM (PS3.5 8.2.4).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct err;

#define PX_J2K_COMPONENTS_MAX 4u
#define PX_J2K_PRECISION_MAX 31u               // OpenJPEG computes in 32 bits
#define PX_J2K_TILES_MAX 16384u                // OpenJPEG keeps some 6 kB for each before the first
#define PX_J2K_SAMPLES_MAX (1u << 28)          // four bytes each while decoding
#define PX_J2K_PACKETS_MAX ((uint64_t)1 << 25) // tiles x components x layers x precincts
#define PX_J2K_BOXES_MAX 64u                   // before the code stream

struct px_j2k_component {
    uint8_t precision;
    bool is_signed;
    uint8_t across; // samples of the grid for one
    uint8_t down;
};

struct px_j2k_header {
    struct slice stream; // from SOC on
    uint32_t columns;
    uint32_t rows;
    uint32_t tiles;
    uint16_t count;
    struct px_j2k_component components[PX_J2K_COMPONENTS_MAX];
    bool transforms; // the first three components are a colour transform's
    bool reversible; // 5-3 wavelet
};

// E_TRUNCATED, E_CORRUPT with the byte offset; E_LIMIT over one of the above; E_NOT_ACCEPTABLE for
// more components.
int px_j2k_header_read(struct slice bytes, struct px_j2k_header *ret_header, struct err *e);
