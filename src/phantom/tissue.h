// SPDX-License-Identifier: Apache-2.0
// What solids are made of: CT numbers without and with contrast medium (portal venous phase),
// texture, and MR relaxation at 1.5 T. Rounded from common teaching values; a phantom, not a
// reference.
#pragma once

#include <stdbool.h>

// X(name, HU, HU with contrast, texture HU (one sigma), texture mm, T1 ms, T2 ms, proton density %)
#define PH_TISSUE_LIST(X)                                                                          \
    X(AIR, -1000, -1000, 0, 1, 1, 1, 0)                                                            \
    X(SKIN, 40, 45, 4, 2, 400, 35, 60)                                                             \
    X(FAT, -104, -102, 5, 3, 260, 80, 95)                                                          \
    X(MUSCLE, 54, 62, 7, 2.2f, 900, 45, 78)                                                        \
    X(LUNG, -868, -860, 26, 2.4f, 900, 40, 10)                                                     \
    X(CORTEX, 1250, 1250, 60, 2, 500, 1, 4)                                                        \
    X(CORTEX_THIN, 640, 640, 60, 2, 500, 5, 14)                                                    \
    X(SPONGY, 190, 195, 48, 1.3f, 520, 60, 70)                                                     \
    X(SPONGY_DENSE, 420, 425, 70, 1.2f, 520, 60, 60)                                               \
    X(MARROW, -30, -30, 12, 2, 300, 80, 85)                                                        \
    X(CARTILAGE, 95, 100, 8, 2, 1000, 35, 75)                                                      \
    X(DISC, 82, 84, 5, 2, 1100, 75, 82)                                                            \
    X(NUCLEUS, 78, 80, 4, 2, 1300, 130, 92)                                                        \
    X(LIGAMENT, 70, 74, 4, 2, 700, 12, 30)                                                         \
    X(BLOOD, 43, 165, 2, 2, 1500, 30, 20)                                                          \
    X(ARTERY, 43, 175, 2, 2, 1500, 20, 10)                                                         \
    X(VESSEL_LUNG, 35, 130, 2, 2, 1500, 20, 10)                                                    \
    X(HEART, 46, 105, 5, 3, 950, 50, 80)                                                           \
    X(LIVER, 58, 112, 4, 3, 600, 46, 75)                                                           \
    X(SPLEEN, 48, 122, 4, 3, 1050, 75, 82)                                                         \
    X(KIDNEY, 32, 185, 5, 3, 950, 90, 85)                                                          \
    X(MEDULLA, 28, 150, 5, 3, 1400, 110, 88)                                                       \
    X(PANCREAS, 38, 98, 10, 2.5f, 600, 50, 78)                                                     \
    X(GLAND, 30, 45, 14, 5, 900, 55, 80)                                                           \
    X(BILE, 6, 6, 1, 3, 2200, 300, 98)                                                             \
    X(FLUID, 8, 9, 1, 3, 3000, 500, 100)                                                           \
    X(EFFUSION, 11, 13, 2, 3, 2800, 400, 100)                                                      \
    X(MEAL, 28, 30, 18, 5, 1200, 90, 85)                                                           \
    X(BOWEL_WALL, 40, 88, 4, 2, 900, 60, 80)                                                       \
    X(BOWEL_CONTENT, 18, 22, 10, 5, 1200, 110, 85)                                                 \
    X(FAECES, -60, -60, 120, 5, 900, 50, 60)                                                       \
    X(GAS, -1000, -1000, 0, 1, 1, 1, 0)                                                            \
    X(URINE, 4, 6, 1, 3, 3200, 600, 100)                                                           \
    X(MUCOSA, 35, 60, 4, 2, 900, 80, 85)                                                           \
    X(GREY, 39, 44, 1.5f, 4, 1000, 98, 84)                                                         \
    X(WHITE, 29, 32, 1.5f, 5, 640, 80, 70)                                                         \
    X(DEEP_GREY, 37, 42, 1.5f, 4, 880, 86, 80)                                                     \
    X(CSF, 6, 6, 1, 4, 4200, 1800, 100)                                                            \
    X(DURA, 52, 75, 2, 3, 900, 30, 55)                                                             \
    X(SINUS_BLOOD, 54, 150, 2, 3, 1500, 25, 15)                                                    \
    X(DIPLOE, 430, 435, 110, 2.2f, 350, 70, 60)                                                    \
    X(PETROUS, 900, 900, 160, 3, 500, 5, 15)                                                       \
    X(CHOROID, 95, 120, 40, 2, 1200, 100, 80)                                                      \
    X(CALCIUM, 720, 720, 80, 2, 500, 5, 10)                                                        \
    X(STONE, 980, 980, 60, 2, 500, 2, 5)                                                           \
    X(CLOT, 68, 70, 4, 3, 820, 70, 82)                                                             \
    X(CLOT_OLD, 34, 36, 3, 4, 700, 160, 88)                                                        \
    X(OEDEMA, 21, 23, 2, 5, 1500, 160, 92)                                                         \
    X(CSF_BLOOD, 58, 60, 5, 3, 1100, 90, 85)                                                       \
    X(TUMOUR, 36, 68, 5, 4, 1300, 120, 88)                                                         \
    X(NECROSIS, 16, 18, 3, 5, 2600, 350, 96)                                                       \
    X(METASTASIS, 40, 62, 6, 4, 1200, 90, 84)                                                      \
    X(CYST, 6, 7, 2, 4, 3200, 500, 100)                                                            \
    X(CONSOLIDATION, 22, 55, 22, 4, 1100, 80, 80)                                                  \
    X(NODULE, 32, 60, 6, 3, 1000, 70, 80)                                                          \
    X(GLASS, -560, -540, 55, 3.5f, 1000, 60, 40)                                                   \
    X(THROMBUS, 36, 38, 4, 4, 1000, 60, 70)                                                        \
    X(COUCH, -120, -120, 0, 1, 1, 1, 0)                                                            \
    X(FOAM, -955, -955, 4, 3, 1, 1, 0)

enum ph_tissue {
#define X(name, hu, hu_contrast, texture, mm, t1, t2, pd) PH_##name,
    PH_TISSUE_LIST(X)
#undef X
        PH_TISSUE_COUNT
};

struct ph_tissue_info {
    const char *name;
    float hu;
    float hu_contrast;
    float texture;    // HU, one standard deviation
    float texture_mm; // a cell of the fine field
    float t1, t2;     // ms
    float pd;         // per cent
};

extern const struct ph_tissue_info ph_tissues[PH_TISSUE_COUNT];

// What a painter puts down for a tissue, and how much the texture field changes it.
struct ph_palette {
    float value[PH_TISSUE_COUNT];
    float texture[PH_TISSUE_COUNT];
};

// CT numbers.
void ph_palette_ct(struct ph_palette *p, bool contrast);

// Linear attenuation in 1/mm for a beam of `kv` peak kilovolts behind usual filtration: water and
// calcium apart, because bone gains on soft tissue as the beam gets softer.
void ph_palette_xray(struct ph_palette *p, float kv);

enum ph_mr_kind { PH_MR_T1, PH_MR_T2, PH_MR_FLAIR, PH_MR_PD };

struct ph_mr_timing {
    float tr, te, ti; // ms
};

struct ph_mr_timing ph_mr_timing(enum ph_mr_kind kind);

// Spin echo (and inversion recovery) signal in arbitrary units, about 0 … 1000.
void ph_palette_mr(struct ph_palette *p, enum ph_mr_kind kind);
