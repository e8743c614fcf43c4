// SPDX-License-Identifier: Apache-2.0
// What the steps of one instance's passage share.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/gate.h"
#include "gate/identity.h"
#include "gate/notes.h"
#include "gate/profile.h"
#include "gate/subject.h"
#include "gate/words.h"

struct arena;
struct dcm_uid_entry;
struct gate_walk;

// De-identification methods, CID 7050 (PS3.16), as bits: what was done on this instance.
enum gate_method {
    GATE_METHOD_BASIC = 1 << 0,           // 113100
    GATE_METHOD_PIXELS = 1 << 1,          // 113101
    GATE_METHOD_FEATURES = 1 << 2,        // 113102
    GATE_METHOD_GRAPHICS = 1 << 3,        // 113103
    GATE_METHOD_STRUCTURED = 1 << 4,      // 113104
    GATE_METHOD_DESCRIPTORS = 1 << 5,     // 113105
    GATE_METHOD_FULL_DATES = 1 << 6,      // 113106
    GATE_METHOD_MODIFIED_DATES = 1 << 7,  // 113107
    GATE_METHOD_CHARACTERISTICS = 1 << 8, // 113108
    GATE_METHOD_DEVICE = 1 << 9,          // 113109
    GATE_METHOD_UIDS = 1 << 10,           // 113110
    GATE_METHOD_SAFE_PRIVATE = 1 << 11,   // 113111
    GATE_METHOD_INSTITUTION = 1 << 12     // 113112
};

#define GATE_REASONS_MAX 16

struct gate_context {
    struct arena *arena; // of this instance
    const struct gate_profile *profile;
    const struct gate_key *key;
    struct gate_subject *subject;
    struct gate_words words; // over subject and the profile's phrases
    struct gate_notes notes;
    uint32_t methods;       // enum gate_method done so far
    struct gate_walk *walk; // header.c's: made on first use; NULL at the beginning
    // Day 0 of the patient (days since 1970-01-01 of the first study in the delivery) when known.
    bool has_day_zero;
    int32_t day_zero;
    // The verdict so far: the worst of all (refused over held over released), with every reason.
    enum gate_verdict verdict;
    enum gate_reason reasons[GATE_REASONS_MAX];
    uint32_t reason_count;
};

// Makes the verdict at least as strict as `verdict`, once for each reason.
void gate_object(struct gate_context *c, enum gate_verdict verdict, enum gate_reason reason);
