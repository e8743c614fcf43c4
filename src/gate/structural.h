// SPDX-License-Identifier: Apache-2.0
// The structural gate: the file is whole and well formed (PS3.5, PS3.10), says what it is (SOP
// Common, PS3.3 C.12.1), belongs to a study and a series, and its pixel element agrees with its
// description. It changes nothing and looks for no identity. What it has read is left for
// extraction, so that a file is parsed once.
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "dicom/part10.h"
#include "gate/gate.h"
#include "pixel/frames.h"
#include "pixel/image.h"

struct arena;

struct gate_structural {
    struct gate_report report;
    struct dcm_file file;
    struct dcm_dataset *dataset;
    uint32_t oddities; // DCM_ODDITY bits of the data set
    char sop_class[DCM_UID_MAX + 1];
    char sop_instance[DCM_UID_MAX + 1];
    char study[DCM_UID_MAX + 1];
    char series[DCM_UID_MAX + 1];
    bool needs_meta;       // must be written anew as a Part 10 file
    bool has_pixels;       // image and frames are valid
    bool pixels_known;     // false with has_pixels: there are pixels, but not of a kind to be shown
    struct err pixels_why; // then why
    struct px_image image;
    struct px_frames frames;
};

// Runs the checks in the order of their table; the first refusal ends them. Memory from `a`;
// `bytes` must outlive the result. Returns E_OK when released, else the code of report.why. UIDs
// are filled as far as they could be read.
int gate_structural_run(struct arena *a, struct slice bytes, struct gate_structural *ret_result);
