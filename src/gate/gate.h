// SPDX-License-Identifier: Apache-2.0
// The gate: what stands between quarantine and archive. A gate looks at one whole file in a worker
// and answers with a verdict, reasons and findings; nothing of the file reaches the archive before.
// The structural gate (structural.h) is the only one yet: it proves that the file is a whole,
// well-formed instance. The gate that de-identifies takes the same place: it will hold, and rewrite
// to `out`.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

// X(verdict, word)
#define GATE_VERDICT_LIST(X)                                                                       \
    X(RELEASED, "released")                                                                        \
    X(HELD, "held")                                                                                \
    X(REFUSED, "refused")

enum gate_verdict {
#define X(name, word) GATE_##name,
    GATE_VERDICT_LIST(X)
#undef X
        GATE_VERDICT_COUNT
};
const char *gate_verdict_word(enum gate_verdict verdict);

// Why a verdict is not "released", or what was noticed about a file that is.
// X(name, code for machines, sentence)
#define GATE_REASON_LIST(X)                                                                        \
    X(EMPTY, "empty", "the file is empty")                                                         \
    X(NOT_DICOM, "not-dicom", "not a DICOM file")                                                  \
    X(MALFORMED, "malformed", "the data set is not well formed")                                   \
    X(TRUNCATED, "truncated", "the file ends before its data set does")                            \
    X(NESTING, "nesting", "sequences nested deeper than any real file")                            \
    X(SYNTAX_UNKNOWN, "transfer-syntax-unknown",                                                   \
      "a transfer syntax that this program does not know")                                         \
    X(MEDIA_DIRECTORY, "media-directory",                                                          \
      "a media directory (DICOMDIR): an index of files, not an instance; import the files it "     \
      "lists")                                                                                     \
    X(SOP_CLASS, "sop-class", "no SOP Class UID, or none that can be stored")                      \
    X(UID, "uid", "a UID that identifies the instance is missing or not a UID")                    \
    X(PIXELS_CUT, "pixels-cut", "the pixel data is shorter than its description")                  \
    X(PIXELS_WRONG, "pixels-wrong", "the pixel data does not agree with its description")          \
    X(TRAILING, "trailing", "zeros lie behind the data set")                                       \
    X(META_REPAIRED, "meta-repaired",                                                              \
      "preamble or file meta information was missing or wrong and is written anew")                \
    X(PIXELS_UNSHOWN, "pixels-unshown", "pixels of a kind that nothing here can show")             \
    X(ODDITY, "oddity",                                                                            \
      "encoded in a way that the standard does not allow but that is understood")                  \
    X(CHARSET, "charset", "text that its character set cannot explain")                            \
    /* of de-identification: held for a person */                                                  \
    X(TEXT_UNSURE, "text-unsure",                                                                  \
      "there may be text in the picture that could neither be read nor told from anatomy")         \
    X(TEXT_LEFT, "text-left", "text was still found in the picture after it was blacked")          \
    X(IDENTIFIER_LEFT, "identifier-left", "an identifier of the header is still in the picture")   \
    X(PIXELS_UNREADABLE, "pixels-unreadable",                                                      \
      "the pixels cannot be decoded, so nobody looked for text in them")                           \
    X(FACE, "face", "a face could be rendered from this series")                                   \
    X(FACE_UNSURE, "face-unsure", "the face was removed, but not all checks of that hold")         \
    X(FACE_REMOVED, "face-removed", "the face was removed: a person must look at the result")      \
    X(RENDERING, "rendering", "a rendering of a volume that may show a face")                      \
    X(RISK, "risk", "the combination of what is left may single a person out")                     \
    X(SAME_PIXELS, "same-pixels", "the archive has these pixels under another identity")           \
    X(TWO_PERSONS, "two-persons", "a second person must look, as the profile says")                \
    X(SAME_UID, "same-uid",                                                                        \
      "another file of the delivery says that it is the same instance, with other content")        \
    X(CLEANING_FAILED, "cleaning-failed", "the instance could not be cleaned")                     \
    X(UNREADABLE, "unreadable", "the file could not be opened")                                    \
    X(FAILED, "failed", "not the file but this machine failed: try again")                         \
    /* of de-identification: refused */                                                            \
    X(CATEGORY, "category", "a kind of recording that needs the patient's consent (GMC 10): ask")  \
    X(DOCUMENT, "document", "an enclosed document, which cannot be cleaned")                       \
    X(PRIVATE_CLASS, "private-class", "a private SOP class, the content of which nobody knows")    \
    X(STRUCTURE, "structure", "structured content that cannot be cleaned as a whole")

enum gate_reason {
    GATE_REASON_NONE,
#define X(name, code, words) GATE_REASON_##name,
    GATE_REASON_LIST(X)
#undef X
        GATE_REASON_COUNT
};
const char *gate_reason_code(enum gate_reason reason);
const char *gate_reason_words(enum gate_reason reason);

#define GATE_FINDINGS_MAX 16

// `where` holds a tag path and perhaps an offset, never a value of the data set.
struct gate_finding {
    enum gate_reason reason;
    struct err where; // code E_OK for what is only noticed
};

struct gate_report {
    enum gate_verdict verdict;
    enum gate_reason reason; // of the verdict; NONE when released
    struct err why;          // of the verdict, with place
    struct gate_finding findings[GATE_FINDINGS_MAX];
    uint32_t finding_count;
};

// Adds a finding; more than GATE_FINDINGS_MAX are dropped.
void gate_note(struct gate_report *r, enum gate_reason reason, const struct err *where);

// Makes the verdict. Returns why->code.
int gate_decide(struct gate_report *r, enum gate_verdict verdict, enum gate_reason reason,
                const struct err *why);
