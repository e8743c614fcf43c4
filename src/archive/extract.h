// SPDX-License-Identifier: Apache-2.0
// Extraction: everything that the catalogue and retrieval will ever ask of an instance, taken from
// the parsed file once, in the worker: attributes as UTF-8, frame table, bulk table, DICOM JSON
// metadata (PS3.18 10.4.1.1.2), deflated so that a series' answer is made by joining.
#pragma once

#include "base/slice.h"

struct arena;
struct buf;
struct err;
struct gate_structural;

// Appends a record (record.h). The gate has released the instance. Memory from `a`.
int extract_record(struct arena *a, struct gate_structural *s, struct buf *out, struct err *e);

// Appends a record that holds the gate's report and the UIDs as far as they could be read.
void extract_report(const struct gate_structural *s, struct buf *out);

// Makes what compression needs, before the sandbox closes.
void extract_prepare(void);
