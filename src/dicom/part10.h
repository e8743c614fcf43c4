// SPDX-License-Identifier: Apache-2.0
// DICOM files (PS3.10 7): preamble, file meta information, data set in the file's transfer syntax.
// Files without preamble or without meta information are understood by looking at their first
// elements, as other programs do; what was missing is reported, never guessed silently.
#pragma once

#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "dicom/writer.h"

struct arena;
struct err;

#define DCM_PREAMBLE_LEN 128
#define DCM_INFLATED_MAX ((uint64_t)1 << 30) // bytes of a deflated data set

struct dcm_file {
    bool has_preamble;
    bool has_meta;
    struct dcm_dataset *meta;                 // group 0002; NULL without meta
    struct slice meta_raw;                    // bytes before the data set: preamble, DICM, meta
    const struct dcm_transfer_syntax *syntax; // never NULL; guessed when has_meta is false
    char syntax_uid[65];                      // as written in the file
    enum dcm_encoding encoding;
    bool deflated;
    struct slice body;      // the encoded data set; inflated when deflated
    struct slice stored;    // the same as it stands in the file
    uint64_t body_offset;   // of its first byte in the file (0-based; of the inflated text: 0)
    uint32_t oddities;      // dcm_oddity bits found while reading (of what has been read)
    bool meta_length_wrong; // (0002,0000) missing or not true
};

// Reads preamble and meta and finds the data set; touches no more, so that the first bytes of a
// file are enough for it (unless deflated). `bytes` must outlive the result. What is inflated
// counts against the arena's limit. E_NOT_DICOM when nothing in it looks like a data set;
// E_UNSUPPORTED for a transfer syntax that is not in the registry and not private-looking enough to
// be read as explicit little endian.
int dcm_file_open(struct arena *a, struct slice bytes, struct dcm_file *ret_file, struct err *e);

// The data set, as dcm_dataset_read.
int dcm_file_dataset(struct arena *a, struct dcm_file *file, dcm_tag stop_at,
                     struct dcm_dataset **ret_dataset, struct err *e);

// An event reader over the data set.
void dcm_file_reader(const struct dcm_file *file, struct dcm_reader *ret_reader);

struct dcm_write_options {
    const char *syntax_uid;         // NULL: as the file
    const char *implementation_uid; // NULL: MacLab's
    const char *implementation_name;
    const char *source_ae;        // NULL: none
    const char *sop_class_uid;    // NULL: the data set's; for a DICOMDIR, which has none
    const char *sop_instance_uid; // NULL: the data set's
};

// A whole Part 10 file: preamble of zeros, DICM, fresh meta (PS3.10 7.1) with the SOP class and
// instance of the data set, the data set in the syntax named (deflated when it says so). Fails with
// E_UNSUPPORTED when pixel data would have to be coded anew, E_VALUE when the data set has elements
// of group 0002, E_MISSING without the two UIDs.
int dcm_file_write(const struct dcm_dataset *d, const struct dcm_write_options *options,
                   struct dcm_sink sink, struct err *e);

// What dcm_file_write begins with: preamble, DICM, meta. For who writes the data set in pieces.
int dcm_file_write_meta(const struct dcm_dataset *d, const struct dcm_write_options *options,
                        struct dcm_sink sink, struct err *e);

// How a transfer syntax encodes its data set (before deflating).
enum dcm_encoding dcm_encoding_of(const struct dcm_transfer_syntax *syntax);

// The file as it was read with its data set changed or not: bytes before the data set are kept. `d`
// is the whole data set of `file` (read without stop_at, unless it was not changed).
int dcm_file_rewrite(const struct dcm_file *file, const struct dcm_dataset *d, struct dcm_sink sink,
                     struct err *e);

// MacLab's Implementation Class UID (2.25 from a fixed UUID) and version name.
extern const char dcm_implementation_uid[];
extern const char dcm_implementation_name[];
