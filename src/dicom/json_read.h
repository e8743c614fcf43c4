// SPDX-License-Identifier: Apache-2.0
// DICOM JSON model, read (PS3.18 Annex F): text to data sets in an arena, explicit little endian,
// with the character set ISO_IR 192 where text needs it. Reads the text once, without recursion.
// Group lengths and group 0002 are passed over. Strict about structure, numbers and VRs; lengths
// and repertoires of values are dcm_value_check's business.
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

struct arena;
struct dcm_dataset;
struct err;
struct json_in;

// Elements out of tag order that one data set may have; PS3.18 F.2.2 asks for ascending order.
#define DCM_JSON_UNORDERED_MAX 1024

struct dcm_json_read_options {
    // The bytes of a BulkDataURI, which must live as long as the data set. A positive answer leaves
    // the element out; NULL leaves all out.
    int (*bulk)(void *context, struct slice uri, dcm_tag tag, enum dcm_vr vr,
                struct slice *ret_bytes, struct err *e);
    void *context;
};

// The text is one object, or an array of any number of them. `options` may be NULL. Errors say the
// offset in the text and the tag path.
int dcm_json_read(struct arena *a, struct slice json, const struct dcm_json_read_options *options,
                  struct dcm_dataset ***ret_datasets, uint32_t *ret_count, struct err *e);

// One object of which JSON_OBJECT_BEGIN has just been taken from `in`; goes behind its end.
int dcm_json_read_object(struct arena *a, struct json_in *in,
                         const struct dcm_json_read_options *options,
                         struct dcm_dataset **ret_dataset, struct err *e);
