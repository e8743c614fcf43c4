// SPDX-License-Identifier: Apache-2.0
#include "phantom/tissue.h"

#include "phantom/maths.h"

const struct ph_tissue_info ph_tissues[PH_TISSUE_COUNT] = {
#define X(name, hu, hu_contrast, texture, mm, t1, t2, pd)                                          \
    {#name, hu, hu_contrast, texture, mm, t1, t2, pd},
    PH_TISSUE_LIST(X)
#undef X
};

#define LEAST_TEXTURE 6.5f // HU; finer is lost in noise

void ph_palette_ct(struct ph_palette *p, bool contrast) {
    for (int i = 0; i < PH_TISSUE_COUNT; i++) {
        p->value[i] = contrast ? ph_tissues[i].hu_contrast : ph_tissues[i].hu;
        p->texture[i] = ph_tissues[i].texture >= LEAST_TEXTURE ? ph_tissues[i].texture : 0.0f;
    }
}

// Water at the mean energy of the beam: 0.0268/mm at 40 keV, 0.0206/mm at 60 keV (NIST, rounded).
static float water_attenuation(float kv) {
    return ph_clamp(0.0333f - 0.000107f * kv, 0.019f, 0.029f);
}

void ph_palette_xray(struct ph_palette *p, float kv) {
    float water = water_attenuation(kv);
    float calcium = ph_clamp(2.75f - 0.0122f * kv, 1.1f, 2.2f);
    float lean = ph_clamp(1.55f - 0.0045f * kv, 1.0f, 1.4f); // fat falls behind water below 60 keV
    for (int i = 0; i < PH_TISSUE_COUNT; i++) {
        float hu = ph_tissues[i].hu;
        float relative = 1.0f + hu / 1000.0f;
        float gain = 1.0f;
        if (hu > 100.0f) {
            relative = 1.1f + (hu - 100.0f) / 1000.0f * calcium;
            gain = calcium;
        } else if (hu > -200.0f && hu < -20.0f) {
            relative = 1.0f + hu / 1000.0f * lean;
        }
        p->value[i] = water * relative;
        // Along a ray texture averages out, but for bone's; it is not worth its time elsewhere.
        p->texture[i] = hu > 100.0f ? water * gain * ph_tissues[i].texture / 1000.0f : 0.0f;
    }
}

struct ph_mr_timing ph_mr_timing(enum ph_mr_kind kind) {
    switch (kind) {
    case PH_MR_T1:
        return (struct ph_mr_timing){520.0f, 12.0f, 0.0f};
    case PH_MR_T2:
        return (struct ph_mr_timing){4600.0f, 98.0f, 0.0f};
    case PH_MR_FLAIR:
        return (struct ph_mr_timing){9000.0f, 105.0f, 2500.0f};
    case PH_MR_PD:
        break;
    }
    return (struct ph_mr_timing){2800.0f, 22.0f, 0.0f};
}

void ph_palette_mr(struct ph_palette *p, enum ph_mr_kind kind) {
    struct ph_mr_timing t = ph_mr_timing(kind);
    float scale = kind == PH_MR_T1 ? 1500.0f : kind == PH_MR_PD ? 1000.0f : 2100.0f;
    for (int i = 0; i < PH_TISSUE_COUNT; i++) {
        const struct ph_tissue_info *x = &ph_tissues[i];
        float recovery = 1.0f - ph_exp(-t.tr / x->t1);
        if (t.ti > 0.0f) {
            recovery = ph_abs(1.0f - 2.0f * ph_exp(-t.ti / x->t1) + ph_exp(-t.tr / x->t1));
        }
        p->value[i] = scale * x->pd * 0.01f * recovery * ph_exp(-t.te / x->t2);
        p->texture[i] = p->value[i] * ph_clamp(0.004f * x->texture - 0.008f, 0.0f, 0.2f);
    }
}
