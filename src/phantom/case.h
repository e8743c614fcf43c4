// SPDX-License-Identifier: Apache-2.0
// The face of the phantom: a catalogue of synthetic cases for a seed, and the files of each. The
// same seed gives the same bytes on every machine. What a case shows is in its truth, never in its
// files: names, descriptions, numbers and their order say nothing about it (DESIGN.md section 7).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "phantom/truth.h"

struct err;
struct ph_studio;

enum ph_exam {
    PH_XR_CHEST,
    PH_XR_ABDOMEN,
    PH_XR_HAND,
    PH_XR_WRIST,
    PH_XR_FOREARM,
    PH_XR_KNEE,
    PH_XR_ANKLE,
    PH_CT_HEAD,
    PH_CT_CHEST,
    PH_CT_ABDOMEN,
    PH_MR_HEAD
};

#define PH_CASES_DEFAULT 40
#define PH_CASES_MAX 1000

struct ph_case {
    int number;    // 1 …, as in the patient's name
    uint64_t seed; // of this case alone
    enum ph_exam exam;
    enum ph_lesion lesion;
    bool female;
    int age;
    float side;     // of the lesion or the limb: -1 right, 1 left
    bool two_views; // a lateral as well
    char name[32];  // "PHANTOM^CASE 07"
    char patient_id[17];
    char accession[17];
    char birth_date[9];
    char study_date[9];
    char study_time[7];
    char study_uid[65];
    char frame_uid[65];
};

// Fills `count` cases (at most PH_CASES_MAX) in an order that depends on the seed alone.
void ph_catalogue(uint64_t seed, int count, struct ph_case *ret_cases);

// Tables of noise and texture that all cases of a seed share, read only afterwards: cases may be
// made on several threads at once. NULL when memory is short.
struct ph_studio *ph_studio_new(uint64_t seed);
void ph_studio_free(struct ph_studio *s);

// Where files go. `name` is a relative path such as "07/1/0012.dcm"; `bytes` are a whole Part 10
// file and live until the call returns. A negative answer ends the case with that error.
struct ph_sink {
    int (*file)(void *context, const char *name, struct slice bytes, struct err *e);
    void *context;
};

// Makes every file of a case, one at a time. Memory stays under 100 MB. The truth is complete when
// this succeeds; release it with ph_truth_done either way.
int ph_write_case(const struct ph_studio *studio, const struct ph_case *c, struct ph_sink sink,
                  struct ph_truth *ret_truth, struct err *e);

const char *ph_exam_word(enum ph_exam exam); // "CT Chest": also the study's description
