// SPDX-License-Identifier: Apache-2.0
#include "phantom/lesion.h"

#include "phantom/head.h"
#include "phantom/limb.h"
#include "phantom/thorax.h"
#include "phantom/trunk.h"

static void note(struct ph_build *b, struct ph_v3 centre, struct ph_v3 extent) {
    b->centre = centre;
    b->extent = extent;
}

static void add_nodule(struct ph_build *b, struct ph_body *body, float side) {
    float r = ph_vary(&b->rng, 10.5f, 4.0f);
    struct ph_v3 c =
        V3(side * ph_vary(&b->rng, 88, 12), ph_vary(&b->rng, 0, 34), ph_vary(&b->rng, 118, 44));
    struct ph_scene *s = body->scene;
    (void)ph_add_ellipsoid(s, PH_NODULE, c, V3(r, 0.92f * r, r));
    ph_rough(s, 0.09f * r, 0.9f * r);
    for (int i = 0; i < 9; i++) { // strands into the lung
        struct ph_v3 way =
            v3_unit(V3(ph_vary(&b->rng, 0, 1), ph_vary(&b->rng, 0, 1), ph_vary(&b->rng, 0, 1)));
        ph_add_cone(s, PH_NODULE, v3_at(c, 0.8f * r, way), v3_at(c, 1.75f * r, way), 1.3f, 0.4f)
            ->thin = true;
    }
    note(b, c, V3(r, r, r));
}

static void add_consolidation(struct ph_build *b, struct ph_body *body, float side) {
    struct ph_scene *s = body->scene;
    struct ph_v3 c =
        V3(side * ph_vary(&b->rng, 88, 8), ph_vary(&b->rng, 10, 24), ph_vary(&b->rng, 70, 20));
    struct ph_v3 r = V3(38, 42, 30);
    ph_begin(s, PH_CONSOLIDATION)->strength = 0.72f;
    (void)ph_ellipsoid(s, c, r);
    (void)ph_loft_part(s, ph_lung_loft(s, side), V3(0, 0, PH_LUNG_BASE));
    ph_clip(s);
    ph_push_dome(body, side, 0.0f);
    ph_cut(s);
    ph_end(s);
    ph_rough(s, 4.5f, 26.0f);
    ph_soften(s, 14.0f);
    for (int i = 0; i < 4; i++) { // air stays in the larger airways
        struct ph_v3 from = V3(side * 56, 22 - 6 * (float)i, 84);
        struct ph_v3 to = v3_add(c, V3(side * 12, 20 - 14 * (float)i, -16 + 10 * (float)i));
        (void)ph_add_cone(s, PH_GAS, from, to, 2.0f, 0.9f);
    }
    note(b, c, r);
}

static void add_liver_lesions(struct ph_build *b, struct ph_body *body) {
    float down = b->person.breath;
    for (int i = 4; i >= 0; i--) { // the largest last: nothing hides it
        float r = i == 0 ? ph_vary(&b->rng, 17, 4) : ph_vary(&b->rng, 9, 4);
        struct ph_v3 c = V3(ph_vary(&b->rng, -72, 30), ph_vary(&b->rng, 0, 40),
                            ph_vary(&b->rng, -50, 26) - down);
        (void)ph_add_ellipsoid(body->scene, PH_METASTASIS, c, V3(r, r, r * 0.95f));
        ph_rough(body->scene, 0.7f, 12.0f);
        (void)ph_add_ellipsoid(body->scene, PH_CYST, c, V3(0.4f * r, 0.4f * r, 0.4f * r));
        ph_rough(body->scene, 0.8f, 8.0f);
        ph_soften(body->scene, 2.5f);
        if (i == 0) {
            note(b, c, V3(r, r, r));
        }
    }
}

static void add_stone(struct ph_build *b, struct ph_body *body, float side) {
    struct ph_v3 c = V3(side * 46, 32, side < 0.0f ? -116.0f : -102.0f);
    float r = ph_vary(&b->rng, 5.0f, 1.2f);
    (void)ph_add_ellipsoid(body->scene, PH_STONE, c, V3(r, 0.8f * r, 1.2f * r));
    ph_rough(body->scene, 0.5f, 5.0f);
    note(b, c, V3(r, r, 1.2f * r));
}

static void build_trunk_case(struct ph_build *b, const struct ph_case *c, struct ph_body *body,
                             bool upright) {
    struct ph_trunk_options o = {.upright = upright};
    int side = c->side < 0.0f ? -1 : 1;
    switch (c->lesion) {
    case PH_LESION_EFFUSION:
        o.effusion = side;
        o.effusion_mm = upright ? ph_vary(&b->rng, 28, 14) : ph_vary(&b->rng, 34, 12);
        note(b, upright ? V3(c->side * 88, 20, 10) : V3(c->side * 66, 72, 40), V3(44, 44, 40));
        break;
    case PH_LESION_PNEUMOTHORAX:
        o.pneumothorax = side;
        o.collapse = ph_vary(&b->rng, 0.42f, 0.3f);
        note(b, upright ? V3(c->side * 84, 0, 190) : V3(c->side * 74, -70, 90), V3(30, 30, 34));
        break;
    case PH_LESION_OBSTRUCTION:
        o.obstructed = true;
        note(b, V3(0, -34, -200), V3(84, 36, 84));
        break;
    case PH_LESION_ANEURYSM:
        o.aneurysm_mm = ph_vary(&b->rng, 29, 6);
        note(b, V3(8, -10, -147), V3(o.aneurysm_mm, o.aneurysm_mm, 40));
        break;
    default:
        break;
    }
    ph_build_trunk(body, &o);
    switch (c->lesion) {
    case PH_LESION_NODULE:
        add_nodule(b, body, c->side);
        break;
    case PH_LESION_CONSOLIDATED:
        add_consolidation(b, body, c->side);
        break;
    case PH_LESION_LIVER_LESION:
        add_liver_lesions(b, body);
        break;
    case PH_LESION_RENAL_STONE:
        add_stone(b, body, c->side);
        break;
    default:
        break;
    }
}

static void build_head_case(struct ph_build *b, const struct ph_case *c, struct ph_body *body) {
    struct ph_head_options o = {.side = c->side};
    float z = ph_vary(&b->rng, 34, 8);
    switch (c->lesion) {
    case PH_LESION_EXTRADURAL:
        o.bleed = PH_BLEED_EXTRADURAL;
        o.size = ph_vary(&b->rng, 17, 4);
        o.at = V3(c->side * 69, ph_vary(&b->rng, -4, 14), z);
        note(b, V3(c->side * 61, o.at.y, z), V3(o.size, 30, 28));
        break;
    case PH_LESION_SUBDURAL:
        o.bleed = PH_BLEED_SUBDURAL;
        o.size = ph_vary(&b->rng, 11, 4);
        o.old = rng_below(&b->rng, 3) == 0;
        note(b, V3(c->side * (66 - 0.5f * o.size), 0, 44), V3(o.size, 55, 40));
        break;
    case PH_LESION_BRAIN_BLEED:
        o.bleed = PH_BLEED_BRAIN;
        o.size = ph_vary(&b->rng, 14, 4);
        o.at = V3(c->side * 28, ph_vary(&b->rng, -4, 6), 22);
        note(b, o.at, V3(o.size, 1.3f * o.size, o.size));
        break;
    case PH_LESION_SUBARACHNOID:
        o.bleed = PH_BLEED_SUBARACHNOID;
        note(b, V3(0, -12, 4), V3(36, 22, 12));
        break;
    case PH_LESION_BRAIN_TUMOUR:
        o.tumour = true;
        o.size = ph_vary(&b->rng, 14, 3);
        o.at = V3(c->side * 34, ph_vary(&b->rng, 16, 22), 46);
        note(b, o.at, V3(o.size, o.size, o.size));
        break;
    case PH_LESION_PLAQUES:
        o.plaques = true;
        note(b, V3(0, 6, 42), V3(28, 40, 10));
        break;
    case PH_LESION_INFARCT:
        o.infarct = true;
        note(b, V3(c->side * 52, 0, 26), V3(22, 34, 30));
        break;
    default:
        break;
    }
    ph_build_head(body, &o);
}

static void build_limb_case(struct ph_build *b, const struct ph_case *c, struct ph_body *body) {
    struct ph_limb_options o = {.side = c->side};
    switch (c->lesion) {
    case PH_LESION_RADIUS_FRACTURE:
        o.fracture = PH_BREAK_RADIUS;
        break;
    case PH_LESION_METACARPAL_FRACTURE:
        o.fracture = PH_BREAK_METACARPAL;
        break;
    case PH_LESION_SCAPHOID_FRACTURE:
        o.fracture = PH_BREAK_SCAPHOID;
        break;
    case PH_LESION_FOREARM_FRACTURE:
        o.fracture = PH_BREAK_FOREARM;
        break;
    case PH_LESION_PLATEAU_FRACTURE:
        o.fracture = PH_BREAK_PLATEAU;
        break;
    case PH_LESION_FIBULA_FRACTURE:
        o.fracture = PH_BREAK_FIBULA;
        break;
    default:
        break;
    }
    struct ph_v3 at = c->exam == PH_XR_KNEE    ? ph_build_knee(body, &o)
                      : c->exam == PH_XR_ANKLE ? ph_build_ankle(body, &o)
                                               : ph_build_hand(body, &o);
    note(b, at, V3(9, 9, 9));
}

void ph_build_case(struct ph_build *b, const struct ph_case *c, struct ph_scene *scene,
                   enum ph_arms arms, bool upright) {
    *b = (struct ph_build){.rng = rng_seeded(c->seed)};
    b->person = ph_person_make(&b->rng, c->female, c->age);
    b->person.arms = arms;
    struct ph_body body = {.scene = scene, .rng = &b->rng, .person = &b->person};
    switch (c->exam) {
    case PH_CT_HEAD:
    case PH_MR_HEAD: { // heads differ less than bodies
        float tall = ph_vary(&b->rng, c->female ? 0.96f : 1.0f, 0.02f);
        b->person.size = V3(tall * ph_vary(&b->rng, 1.0f, 0.03f), tall, tall);
        build_head_case(b, c, &body);
        break;
    }
    case PH_XR_CHEST:
    case PH_XR_ABDOMEN:
    case PH_CT_CHEST:
    case PH_CT_ABDOMEN:
        build_trunk_case(b, c, &body, upright);
        break;
    default: {
        float size = ph_vary(&b->rng, c->female ? 0.92f : 1.02f, 0.04f);
        b->person.size = V3(size, size, size);
        build_limb_case(b, c, &body);
        break;
    }
    }
}
