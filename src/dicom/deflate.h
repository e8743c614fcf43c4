// SPDX-License-Identifier: Apache-2.0
// A sink that deflates into another one (PS3.5 A.5, RFC 1951), for data sets of any length.
#pragma once

#include <stdint.h>

#include "dicom/writer.h"

struct err;
struct dcm_deflater;

// NULL: no memory.
struct dcm_deflater *dcm_deflater_new(struct dcm_sink out);
void dcm_deflater_free(struct dcm_deflater *d); // NULL allowed
static inline void cleanup_dcm_deflater(struct dcm_deflater **slot) { dcm_deflater_free(*slot); }

// What is put here comes out deflated.
struct dcm_sink dcm_deflater_sink(struct dcm_deflater *d);

// The end of the stream; an odd number of bytes gets a NUL behind it (PS3.5 A.5). Once.
int dcm_deflater_end(struct dcm_deflater *d, struct err *e);
