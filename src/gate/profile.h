// SPDX-License-Identifier: Apache-2.0
// The de-identification profile: what of an instance may stay. The floor is PS3.15 Table E.1-1
// (edition 2026d, data/deid/e1_1.csv); above it stands a reviewed list of what is kept, so that
// everything else goes (default-deny). data/deid/profile.json is the one built in; a School may
// edit a copy. An edit that contradicts the standard or itself is refused with the line's place;
// one that weakens what the floor asks is taken only with "weakened": true beside it, and every
// output says so.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/tag.h"

struct arena;
struct buf;
struct err;

#define GATE_EDITION "2026d"

enum gate_dates {
    GATE_DATES_REMOVED, // real dates go, relative days stay as (0012,0052)
    GATE_DATES_SHIFTED, // by the same whole number of weeks a patient (113107)
    GATE_DATES_KEPT     // 113106: weakening
};

struct gate_profile_table; // edits of attributes: profile_table.h

struct gate_profile {
    char name[64];
    char digest[65];        // SHA-256 of the profile's text
    char tables_digest[65]; // of E.1-1, E.3.4-1, E.3.10-1 and vocabulary as built in
    bool weakened;          // says less than the floor somewhere
    bool examine_pixels;    // Clean Pixel Data; off is weakening
    bool deface;            // Clean Recognizable Visual Features; off: such volumes are held
    bool clean_descriptors, clean_structured, clean_graphics; // off: such content goes whole
    bool keep_uids, keep_device, keep_institution, keep_characteristics, keep_safe_private;
    bool keep_for_suv; // weight, height and the injection's place before the scan, PET only
    enum gate_dates dates;
    uint16_t age_top;            // 90: this age and above are one band
    uint16_t age_band;           // years; 0 or 1: as it is
    uint16_t risk_threshold;     // risk.h points from which a second person must look
    bool two_persons;            // every release asks for a second person
    uint32_t hold_days;          // held items are destroyed after so many
    const struct slice *phrases; // words.h
    uint32_t phrase_count;
    const struct gate_profile_table *table;
};

#define GATE_PROFILE_TEXT_MAX ((size_t)1 << 20)

// The text of the one built in: an example of all fields.
struct slice gate_profile_builtin(void);

// Reads, validates and compiles. Errors name line or field (E_SYNTAX, E_VALUE, E_CONFLICT). Memory
// from `a`; `text` may go.
int gate_profile_load(struct arena *a, struct slice text, struct gate_profile **ret_profile,
                      struct err *e);

// Compiled, as bytes for a worker, and back without copying: cheap enough for every job (some
// microseconds), so `bytes` must outlive the profile and be aligned for any type.
int gate_profile_pack(const struct gate_profile *p, struct buf *out, struct err *e);
int gate_profile_unpack(struct arena *a, struct slice bytes, struct gate_profile **ret_profile,
                        struct err *e);
