// SPDX-License-Identifier: Apache-2.0
// Specific Character Set (PS3.3 C.12.1.1.2, PS3.5 6.1): text of a data set to UTF-8 and back. Knows
// every defined term, single-byte and multi-byte, with and without ISO 2022 code extensions. The
// tables are built into the program, so that a sandboxed worker needs no file and no thread needs a
// descriptor. It does not split or trim values: value.h does.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

struct buf;
struct dcm_dataset;
struct err;

#define DCM_CHARSET_TERMS_MAX 16

// What was not as the standard says, and what was done about it.
#define DCM_CHARSET_FINDING_LIST(X)                                                                \
    X(ALIAS, "a misspelt character set term was taken for the defined one")                        \
    X(UNKNOWN, "an unknown character set term; text read as ASCII or UTF-8")                       \
    X(TOO_MANY, "more character set terms than can be; the rest ignored")                          \
    X(COMBINATION, "character set terms that cannot stand together")                               \
    X(NOT_INITIAL, "a two-byte character set as the first term")                                   \
    X(UNDECLARED, "an escape sequence to a character set that is not declared")                    \
    X(BAD_ESCAPE, "an escape sequence that the standard does not have")                            \
    X(UNANNOUNCED, "text of a declared character set without its escape sequence")                 \
    X(UNDECODABLE, "bytes that are no text in the character set, shown as U+FFFD")                 \
    X(GUESSED_UTF8, "text beyond ASCII without a usable character set, read as UTF-8")             \
    X(NOT_IN_VR, "text beyond ASCII in a VR that does not allow it")

enum dcm_charset_finding_bit {
#define X(name, words) DCM_CHARSET_FINDING_BIT_##name,
    DCM_CHARSET_FINDING_LIST(X)
#undef X
        DCM_CHARSET_FINDING_COUNT
};
#define DCM_CHARSET_FINDING(name) (1u << DCM_CHARSET_FINDING_BIT_##name)
const char *dcm_charset_finding_words(enum dcm_charset_finding_bit which);

// A value type: no ownership, copy it freely, share it between threads.
struct dcm_charset {
    uint32_t findings;                    // of the terms
    uint8_t count;                        // at least 1
    uint8_t terms[DCM_CHARSET_TERMS_MAX]; // rows of the table of terms; [0] the initial one
    bool extensions;                      // escape sequences may be written
    bool guess;                           // no usable term: bytes beyond ASCII may be UTF-8
};

// What decoding met; calls add to it. Zero-initialise.
struct dcm_charset_report {
    uint32_t replaced; // U+FFFD written
    uint32_t findings; // DCM_CHARSET_FINDING bits
};

// The set of a data set without (0008,0005): the default repertoire, ISO IR 6.
struct dcm_charset dcm_charset_default(void);
struct dcm_charset dcm_charset_utf8(void); // ISO_IR 192

// From the raw value of (0008,0005), padding and all. Never fails: what is not understood is a
// finding, and text then decodes as far as it can.
struct dcm_charset dcm_charset_from_terms(struct slice value);

// The set that applies to `d`: its own (0008,0005), else that of the data sets around it, else the
// default.
struct dcm_charset dcm_charset_of(const struct dcm_dataset *d);

// The defined terms, as the value of (0008,0005): "ISO 2022 IR 13\\ISO 2022 IR 87". Appends.
void dcm_charset_put_terms(const struct dcm_charset *cs, struct buf *out);

// Appends the whole value `raw` as UTF-8: a backslash stays one where the VR separates values with
// it, ^ and = stay in PN, escape sequences go. Padding stays. `report` may be NULL.
void dcm_charset_to_utf8(const struct dcm_charset *cs, enum dcm_vr vr, struct slice raw,
                         struct buf *out, struct dcm_charset_report *report);

// Appends UTF-8 text as a value in `cs`, choosing among its terms and returning to the initial
// state where PS3.5 6.1.2.5.3 asks for it. E_CHARSET with the offset of the first character that no
// term has (or of bytes that are not UTF-8); `out` then ends where it did before.
int dcm_charset_from_utf8(const struct dcm_charset *cs, enum dcm_vr vr, struct slice utf8,
                          struct buf *out, struct err *e);

// Puts UTF-8 text into a data set in the character set that applies there. E_CHARSET when it cannot
// be said in it: dcm_charset_convert to ISO_IR 192 first.
int dcm_charset_put(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, struct slice utf8,
                    struct err *e);

// Puts all text of `d` and its items into `to` and says so in (0008,0005) of `d`, of no item. Bytes
// that are no text in their present set become U+FFFD, counted in `report` (may be NULL). E_CHARSET
// with the tag path when `to` lacks a character; nothing has changed then.
int dcm_charset_convert(struct dcm_dataset *d, const struct dcm_charset *to,
                        struct dcm_charset_report *report, struct err *e);
