// SPDX-License-Identifier: Apache-2.0
// What the gate found and did in one instance, a line each, without a value of the data set: the
// report, the certificate and the hold room are made of these.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct arena;

// What was found. X(name, code for machines, words)
#define GATE_KIND_LIST(X)                                                                          \
    X(PERSON_NAME, "person-name", "a person's name")                                               \
    X(PATIENT_ID, "patient-id", "a patient's identifier")                                          \
    X(NHS_NUMBER, "nhs-number", "an NHS, CHI or H&C number")                                       \
    X(NATIONAL_ID, "national-id", "a national insurance, GMC, NMC or similar number")              \
    X(HOSPITAL_NUMBER, "hospital-number", "a hospital or accession number")                        \
    X(BIRTH_DATE, "birth-date", "a date of birth")                                                 \
    X(DATE, "date", "a date or time")                                                              \
    X(AGE, "age", "an age")                                                                        \
    X(ADDRESS, "address", "an address or postcode")                                                \
    X(CONTACT, "contact", "a telephone number, an e-mail or web address")                          \
    X(INSTITUTION, "institution", "a hospital, trust, ward or department")                         \
    X(DEVICE, "device", "a device's name, serial number or network address")                       \
    X(UID, "uid", "a unique identifier")                                                           \
    X(FREE_TEXT, "free-text", "words that are not known to be safe")                               \
    X(CHARACTERISTIC, "characteristic", "a physical or personal characteristic")                   \
    X(PRIVATE, "private", "private attributes")                                                    \
    X(UNKNOWN, "unknown", "attributes that the reviewed list does not keep")                       \
    X(GRAPHICS, "graphics", "overlays, curves or drawn annotation")                                \
    X(STRUCTURED, "structured", "structured content")                                              \
    X(CONTAINER, "container", "bytes around the data set or inside a compressed stream")           \
    X(DOCUMENT, "document", "an enclosed document")                                                \
    X(SIGNATURE, "signature", "a digital signature or encrypted attributes")                       \
    X(ICON, "icon", "a small copy of a picture")                                                   \
    X(HIDDEN_BITS, "hidden-bits", "bits outside of the stored pixel values")                       \
    X(PIXEL_TEXT, "pixel-text", "text in the picture")                                             \
    X(PIXEL_CODE, "pixel-code", "a bar code or matrix code in the picture")                        \
    X(PIXEL_MARGIN, "pixel-margin", "the margin outside of the exposed or scanned field")          \
    X(FACE, "face", "the shape of a face")                                                         \
    X(RISK, "risk", "a combination that may single a person out")                                  \
    X(FILE_NAME, "file-name", "the name of the file or its folder")                                \
    X(ENCODING, "encoding", "an encoding that the standard does not allow")

enum gate_kind {
#define X(name, code, words) GATE_KIND_##name,
    GATE_KIND_LIST(X)
#undef X
        GATE_KIND_COUNT
};
const char *gate_kind_code(enum gate_kind kind);
const char *gate_kind_words(enum gate_kind kind);

// What was done. X(name, code)
#define GATE_DONE_LIST(X)                                                                          \
    X(REMOVED, "removed")                                                                          \
    X(EMPTIED, "emptied")                                                                          \
    X(REPLACED, "replaced")                                                                        \
    X(CLEANED, "cleaned")                                                                          \
    X(BLACKED, "blacked")                                                                          \
    X(REBUILT, "rebuilt")                                                                          \
    X(KEPT, "kept") /* looked at and found safe */                                                 \
    X(LEFT, "left") /* for a person: the instance is held or refused */

enum gate_done {
#define X(name, code) GATE_DONE_##name,
    GATE_DONE_LIST(X)
#undef X
        GATE_DONE_COUNT
};
const char *gate_done_code(enum gate_done done);

#define GATE_WHERE_MAX 160
#define GATE_NOTES_MAX 4096 // of one instance; more are counted, not listed

struct gate_line {
    enum gate_kind kind;
    enum gate_done done;
    // A tag path "(0040,A730)[2].(0040,A160)", or "preamble", "meta", "behind the data set",
    // "frame 3 at 10,20 100x14", "fragment 2 APP1", "file name". Never a value.
    char where[GATE_WHERE_MAX];
};

struct gate_notes {
    struct arena *arena;
    struct gate_line *lines;
    uint32_t count;
    uint32_t cap;
    uint64_t dropped;                // over GATE_NOTES_MAX, or no memory
    uint64_t kinds[GATE_KIND_COUNT]; // how often each was found and not only KEPT, dropped too
};
void gate_notes_init(struct gate_notes *n, struct arena *a);
// `where` is printf-like and cut to fit.
void gate_notes_add(struct gate_notes *n, enum gate_kind kind, enum gate_done done,
                    const char *where, ...) __attribute__((format(printf, 4, 5)));
// The same with a place that is written already.
void gate_notes_put(struct gate_notes *n, enum gate_kind kind, enum gate_done done,
                    struct slice where);
