// SPDX-License-Identifier: Apache-2.0
// DICOMDIR (PS3.10 8, PS3.3 Annex F): the directory of a medium, read into a tree of records and
// made for a set of files. Reading trusts no offset and no file name: each record is in the tree
// once, what no other record leads to hangs at the root as an orphan, and every Referenced File ID
// becomes a path that stays below the medium's folder, or none.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dicom/dataset.h"
#include "dicom/part10.h"

struct arena;
struct err;

#define DCM_DICOMDIR_UID "1.2.840.10008.1.3.10"
#define DCM_DICOMDIR_DEPTH_MAX 16
#define DCM_FILE_ID_PARTS_MAX 8 // PS3.10 8.2
#define DCM_FILE_ID_CHARS_MAX 8

#define DCM_DICOMDIR_FINDING_LIST(X)                                                               \
    X(NEXT_WRONG, "the offset of the next record leads to no record")                              \
    X(LOWER_WRONG, "the offset of the lower-level records leads to no record")                     \
    X(ROOT_WRONG, "the offset of the first record does not lead to a root record")                 \
    X(LAST_WRONG, "the last root record is not the one that the directory says")                   \
    X(NO_OFFSET, "a record without its two offsets")                                               \
    X(CYCLE, "a record is reached a second time")                                                  \
    X(TOO_DEEP, "records nested deeper than any directory")                                        \
    X(ORPHAN, "a record that no other leads to")                                                   \
    X(REBUILT, "no usable offsets; the order of the records was taken for their tree")             \
    X(SHIFTED, "all offsets are wrong by the same number of bytes, which was allowed for")         \
    X(INACTIVE, "a record that is marked as not in use")                                           \
    X(NO_TYPE, "a record without Directory Record Type")                                           \
    X(WRONG_LEVEL, "a record below one that cannot hold it")                                       \
    X(FILE_ID_UNSAFE, "a Referenced File ID that leads out of the medium or is no name")           \
    X(FILE_ID_FORM, "a Referenced File ID with lengths or characters that PS3.10 8.2 forbids")     \
    X(SYNTAX, "not in explicit VR little endian")                                                  \
    X(NOT_A_DIRECTORY, "the file meta information does not say Media Storage Directory")

enum dcm_dicomdir_finding_kind {
#define X(name, words) DCM_DICOMDIR_FINDING_##name,
    DCM_DICOMDIR_FINDING_LIST(X)
#undef X
        DCM_DICOMDIR_FINDING_COUNT
};
const char *dcm_dicomdir_finding_words(enum dcm_dicomdir_finding_kind kind);

#define DCM_DICOMDIR_NO_RECORD UINT32_MAX

struct dcm_dicomdir_finding {
    enum dcm_dicomdir_finding_kind kind;
    uint32_t record; // or DCM_DICOMDIR_NO_RECORD for the directory as a whole
    uint64_t offset; // in the file: of the record's item, or the wrong offset itself
};

// Links are indices into the array of records, DCM_DICOMDIR_NO_RECORD where there is none.
struct dcm_record {
    const struct dcm_dataset *keys; // the item
    uint64_t offset;                // of the item in the file
    struct slice type;              // "PATIENT", "STUDY", … without padding
    const char *path; // "DIR/FILE" below the medium's folder; NULL: no file, or unsafe
    uint32_t parent;
    uint32_t first_child;
    uint32_t next;  // sibling
    uint16_t depth; // 0 for root records
    bool reached;   // in the tree: always, when reading has ended
    bool orphan;    // no other record leads here; hangs at the root
    bool in_use;
};

struct dcm_dicomdir {
    struct dcm_record *records; // in file order
    uint32_t count;
    uint32_t first; // root record
    struct slice file_set_id;
    struct dcm_dicomdir_finding *findings;
    uint32_t finding_count;
};

// `bytes` must outlive the result. E_MISMATCH for a DICOM file without Directory Record Sequence.
int dcm_dicomdir_read(struct arena *a, struct slice bytes, struct dcm_dicomdir *ret_dir,
                      struct err *e);

// Opens a record's file below the medium's folder, part by part and following no symbolic link: as
// written, else in small letters, else with ";1" behind the last part (ISO 9660). The descriptor is
// the caller's. E_NOT_FOUND when there is none.
int dcm_dicomdir_open_file(int medium_fd, const char *path, int *ret_fd, struct err *e);

// --- making one

struct dcm_dicomdir_maker;

// `file_set_id` (at most 16 characters of CS) may be empty. Memory comes from `a`.
struct dcm_dicomdir_maker *dcm_dicomdir_maker_new(struct arena *a, const char *file_set_id);

// Adds a file of the set: `path` is where it will lie below the medium's folder, "DIR/FILE" with
// parts of at most eight capital letters, digits and underscores (E_VALUE otherwise). Makes the
// records of its patient, study and series where they are new; takes the keys that PS3.3 F.5 asks
// for. Keys that the instance must have and has not are written empty and counted in *ret_missing
// (may be NULL). E_MISSING without the UIDs that identify it, E_CONFLICT for an instance already
// there, E_UNSUPPORTED for an object that has no record type. `d` is not needed afterwards.
int dcm_dicomdir_maker_add(struct dcm_dicomdir_maker *m, const struct dcm_dataset *d,
                           const struct dcm_transfer_syntax *syntax, const char *path,
                           uint32_t *ret_missing, struct err *e);

// Writes the whole DICOMDIR file with true offsets. `instance_uid` is its own SOP Instance UID.
int dcm_dicomdir_maker_write(struct dcm_dicomdir_maker *m, const char *instance_uid,
                             struct dcm_sink sink, struct err *e);

// The record type of an instance ("IMAGE", "SR DOCUMENT", …); NULL when it has none.
const char *dcm_dicomdir_record_type(const struct dcm_dataset *d);
