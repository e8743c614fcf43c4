// SPDX-License-Identifier: Apache-2.0
// What a data set says about where writing may be in its pixels: only ever a reason to look harder
// or to black more, never to look less (deid.md 5A, 5B). Private to pixels_*.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dicom/tag.h"
#include "gate/pixels_cells.h"

struct dcm_dataset;

#define GATE_REGIONS_MAX 32u
#define GATE_PLACES_MAX 16u

struct gate_pixel_hints {
    bool ultrasound;
    bool radiograph; // CR, DX, MG, RF and digitised film: an exposed field on an unexposed ground
    bool mask;       // segmentations, dose, parametric maps
    bool screen;     // a saved screen or report
    bool suspect;    // there is reason to expect writing
    struct gate_rect
        regions[GATE_REGIONS_MAX]; // of ultrasound data (0018,6011), inside of the frame
    uint32_t region_count;
    bool regions_wrong;                       // some were absurd or too many: none is used
    struct gate_rect places[GATE_PLACES_MAX]; // where this device is known to write
    uint32_t place_count;
};
// Reads the original data set.
void gate_pixel_hints_read(const struct dcm_dataset *d, uint32_t columns, uint32_t rows,
                           struct gate_pixel_hints *ret_hints);

// A row of data/deid/devices.csv; conditions are NULL where there is none.
struct gate_device {
    const char *modality, *manufacturer, *model, *image_type, *series, *burned_in, *rows, *columns;
    dcm_tag other;
    const char *other_text;
    struct gate_rect place; // empty: only a reason for suspicion
};
