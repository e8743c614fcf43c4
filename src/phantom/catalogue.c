// SPDX-License-Identifier: Apache-2.0
#include "phantom/catalogue.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/rng.h"
#include "dicom/uid.h"

// What is drawn from, once round for forty cases; sixteen are normal or, with the limbs, nearly so.
static const struct recipe {
    enum ph_exam exam;
    enum ph_lesion lesion;
    bool two_views;
} recipes[] = {{PH_XR_CHEST, PH_LESION_NORMAL, false},
               {PH_CT_HEAD, PH_LESION_NORMAL, false},
               {PH_XR_CHEST, PH_LESION_PNEUMOTHORAX, false},
               {PH_CT_CHEST, PH_LESION_NODULE, false},
               {PH_XR_WRIST, PH_LESION_RADIUS_FRACTURE, true},
               {PH_XR_ABDOMEN, PH_LESION_OBSTRUCTION, false},
               {PH_MR_HEAD, PH_LESION_BRAIN_TUMOUR, false},
               {PH_CT_ABDOMEN, PH_LESION_NORMAL, false},
               {PH_XR_CHEST, PH_LESION_EFFUSION, false},
               {PH_XR_KNEE, PH_LESION_NORMAL, true},
               {PH_CT_HEAD, PH_LESION_EXTRADURAL, false},
               {PH_XR_ANKLE, PH_LESION_FIBULA_FRACTURE, true},
               {PH_XR_CHEST, PH_LESION_NODULE, true},
               {PH_MR_HEAD, PH_LESION_NORMAL, false},
               {PH_CT_ABDOMEN, PH_LESION_LIVER_LESION, false},
               {PH_XR_HAND, PH_LESION_NORMAL, false},
               {PH_XR_ABDOMEN, PH_LESION_NORMAL, false},
               {PH_CT_HEAD, PH_LESION_SUBDURAL, false},
               {PH_XR_CHEST, PH_LESION_NORMAL, true},
               {PH_CT_CHEST, PH_LESION_EFFUSION, false},
               {PH_XR_HAND, PH_LESION_METACARPAL_FRACTURE, false},
               {PH_XR_CHEST, PH_LESION_CONSOLIDATED, false},
               {PH_CT_HEAD, PH_LESION_BRAIN_BLEED, false},
               {PH_XR_ANKLE, PH_LESION_NORMAL, true},
               {PH_XR_CHEST, PH_LESION_NORMAL, false},
               {PH_MR_HEAD, PH_LESION_PLAQUES, false},
               {PH_XR_ABDOMEN, PH_LESION_RENAL_STONE, false},
               {PH_CT_ABDOMEN, PH_LESION_ANEURYSM, false},
               {PH_XR_CHEST, PH_LESION_PNEUMOTHORAX, false},
               {PH_XR_KNEE, PH_LESION_PLATEAU_FRACTURE, true},
               {PH_CT_HEAD, PH_LESION_SUBARACHNOID, false},
               {PH_XR_FOREARM, PH_LESION_FOREARM_FRACTURE, true},
               {PH_XR_CHEST, PH_LESION_NODULE, false},
               {PH_CT_CHEST, PH_LESION_NORMAL, false},
               {PH_MR_HEAD, PH_LESION_INFARCT, false},
               {PH_XR_WRIST, PH_LESION_SCAPHOID_FRACTURE, true},
               {PH_XR_ABDOMEN, PH_LESION_NORMAL, false},
               {PH_CT_HEAD, PH_LESION_NORMAL, false},
               {PH_XR_CHEST, PH_LESION_NORMAL, false},
               {PH_MR_HEAD, PH_LESION_NORMAL, false}};

#define RECIPES ((int)(sizeof recipes / sizeof recipes[0]))

_Static_assert(RECIPES == PH_CASES_DEFAULT, "one round of recipes is the usual catalogue");

static void bytes_of(const struct ph_case *c, int series, int instance, uint8_t out[16]) {
    char text[96];
    int len = snprintf(text, sizeof text, "maclab phantom %016llx %d %d %d",
                       (unsigned long long)c->seed, c->number, series, instance);
    struct hash h = hash_of(slice_of(text, (size_t)len));
    memcpy(out, h.bytes, 16);
}

void ph_uid(const struct ph_case *c, int series, int instance, char ret_uid[65]) {
    uint8_t bytes[16];
    bytes_of(c, series, instance, bytes);
    (void)dcm_uid_from_bytes(bytes, ret_uid);
}

#define YEAR_DAYS 336 // a calendar of its own: twelve months of 28 days

static void put_date(char out[9], int year, int day) {
    (void)snprintf(out, 9, "%04u%02u%02u", (unsigned)year % 10000, (unsigned)day / 28 % 12 + 1,
                   (unsigned)day % 28 + 1);
}

static int age_for(enum ph_lesion lesion, struct rng *rng) {
    int low = 20;
    int high = 88;
    switch (lesion) {
    case PH_LESION_ANEURYSM:
    case PH_LESION_SUBDURAL:
    case PH_LESION_INFARCT:
    case PH_LESION_LIVER_LESION:
        low = 58;
        break;
    case PH_LESION_PNEUMOTHORAX:
    case PH_LESION_EXTRADURAL:
    case PH_LESION_METACARPAL_FRACTURE:
    case PH_LESION_SCAPHOID_FRACTURE:
    case PH_LESION_PLAQUES:
        low = 18;
        high = 45;
        break;
    case PH_LESION_NODULE:
        low = 45;
        break;
    default:
        break;
    }
    return low + (int)rng_below(rng, (uint64_t)(high - low + 1));
}

static void fill_case(struct ph_case *c, int number, const struct recipe *r, struct rng *rng) {
    *c = (struct ph_case){
        .number = number, .exam = r->exam, .lesion = r->lesion, .two_views = r->two_views};
    c->seed = rng_u64(rng);
    c->female = rng_below(rng, 2) == 0;
    c->age = age_for(r->lesion, rng);
    c->side = rng_below(rng, 2) == 0 ? -1.0f : 1.0f;
    uint8_t id[16];
    bytes_of(c, -1, 0, id);
    (void)snprintf(c->name, sizeof c->name, "PHANTOM^CASE %02d", number);
    (void)snprintf(c->patient_id, sizeof c->patient_id, "PH%02X%02X%02X%02X", id[0], id[1], id[2],
                   id[3]);
    (void)snprintf(c->accession, sizeof c->accession, "P%02X%02X%02X%02X", id[4], id[5], id[6],
                   id[7]);
    int year = 2019 + (int)rng_below(rng, 4);
    int day = (int)rng_below(rng, YEAR_DAYS);
    int birthday = (int)rng_below(rng, YEAR_DAYS);
    put_date(c->study_date, year, day);
    put_date(c->birth_date, year - c->age - (birthday > day ? 1 : 0), birthday);
    unsigned hour = (unsigned)rng_below(rng, 10);
    unsigned minute = (unsigned)rng_below(rng, 3600);
    (void)snprintf(c->study_time, sizeof c->study_time, "%02u%02u%02u", 8 + hour % 10, minute % 60,
                   minute / 60 % 60);
    ph_uid(c, 0, 0, c->study_uid);
    ph_uid(c, 0, 1, c->frame_uid);
}

void ph_catalogue(uint64_t seed, int count, struct ph_case *ret_cases) {
    struct rng rng = rng_seeded(seed);
    int order[PH_CASES_MAX];
    count = count > PH_CASES_MAX ? PH_CASES_MAX : count;
    for (int i = 0; i < count; i++) {
        order[i] = i % RECIPES;
    }
    for (int i = count - 1; i > 0; i--) { // a fair shuffle: the number says nothing
        int j = (int)rng_below(&rng, (uint64_t)i + 1);
        int keep = order[i];
        order[i] = order[j];
        order[j] = keep;
    }
    for (int i = 0; i < count; i++) {
        fill_case(&ret_cases[i], i + 1, &recipes[order[i]], &rng);
    }
}

const char *ph_exam_word(enum ph_exam exam) {
    static const char *const words[] = {
        "XR Chest", "XR Abdomen", "XR Hand", "XR Wrist", "XR Forearm",
        "XR Knee",  "XR Ankle",   "CT Head", "CT Chest", "CT Abdomen and Pelvis",
        "MR Head"};
    return words[exam];
}
