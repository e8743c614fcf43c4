// SPDX-License-Identifier: Apache-2.0
// DICOM JSON model, written (PS3.18 Annex F): from the event reader without ever holding the tree,
// or from a tree. The result is one JSON object. All text is UTF-8, (0008,0005) says so, group
// lengths are left out; binary values are little endian whatever the input was.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/charset.h"
#include "dicom/tag.h"
#include "dicom/vr.h"
#include "dicom/writer.h"

struct dcm_dataset;
struct dcm_node;
struct dcm_reader;
struct err;
struct json;

enum dcm_bulk { DCM_BULK_INLINE, DCM_BULK_URI, DCM_BULK_OMIT };

#define DCM_JSON_PATH_MAX 512
// The bulk callback is asked for every OB OD OF OL OV OW UN value and encapsulated pixel data, and
// for any other value (never a sequence) of more bytes than this.
#define DCM_JSON_BULK_MIN 1024

struct dcm_bulk_element {
    dcm_tag tag;
    enum dcm_vr vr;
    const char *path; // "00880200/0/7FE00010": tags and item numbers from 0, from the top
    uint16_t depth;   // 0 at the top
    bool fragments;   // encapsulated: the value is all items with their headers, no delimiter
    uint64_t length;  // bytes
    uint64_t offset;  // of the value's first byte in the file; 0 when made by hand
};

struct dcm_json_options {
    // Decides about one value; for DCM_BULK_URI appends the URI to `uri` (empty when called). Of an
    // omitted value only the VR is written. NULL: everything inline.
    enum dcm_bulk (*bulk)(void *context, const struct dcm_bulk_element *element, struct buf *uri);
    void *context;
    // Takes what has been written whenever it grows over DCM_JSON_FLUSH_BYTES, so that output of
    // any size needs little memory. The caller takes the rest. put == NULL: all stays in the
    // buffer.
    struct dcm_sink sink;
    struct dcm_charset_report *report; // added to; may be NULL
};
#define DCM_JSON_FLUSH_BYTES ((size_t)64 * 1024)

// Reads `r` to its end and writes one object at the place where `j` stands. `options` may be NULL.
// An error of the reader leaves the object unfinished.
int dcm_json_write(struct dcm_reader *r, const struct dcm_json_options *options, struct json *j,
                   struct err *e);

// The same from a tree.
int dcm_json_write_dataset(const struct dcm_dataset *d, const struct dcm_json_options *options,
                           struct json *j, struct err *e);

// The element that a dcm_bulk_element.path names, or NULL.
const struct dcm_node *dcm_json_path_find(const struct dcm_dataset *d, struct slice path);
