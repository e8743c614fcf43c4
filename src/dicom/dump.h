// SPDX-License-Identifier: Apache-2.0
// A data set as text for people: one line an element with tag, VR, length, number of values,
// keyword and value in UTF-8; items indented; UIDs and private creators named; bulk values
// summarised; what was odd at the end. The form is for reading, not for parsing: DICOM JSON is
// (json_write.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dicom/writer.h"

struct dcm_file;
struct err;

struct dcm_dump_options {
    bool offsets; // where each element begins in the file
    bool full;    // values whole, every fragment on a line of its own
};

// Lines go to the sink as they are made; memory does not grow with the file. On an error of the
// reader everything before it has been written.
int dcm_dump(const struct dcm_file *file, const struct dcm_dump_options *options,
             struct dcm_sink sink, struct err *e);
