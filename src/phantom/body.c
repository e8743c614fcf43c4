// SPDX-License-Identifier: Apache-2.0
#include "phantom/body.h"

float ph_vary(struct rng *rng, float middle, float spread) {
    return middle + spread * (2.0f * (float)rng_unit(rng) - 1.0f);
}

struct ph_person ph_person_make(struct rng *rng, bool female, int age) {
    struct ph_person p = {.female = female, .age = age};
    float tall = female ? ph_vary(rng, 0.925f, 0.04f) : ph_vary(rng, 1.0f, 0.05f);
    float broad = tall * ph_vary(rng, 1.0f, 0.05f);
    p.size = V3(broad, tall * ph_vary(rng, 1.0f, 0.05f), tall);
    p.fat = ph_vary(rng, female ? 20.0f : 16.0f, 8.0f);
    p.heart = ph_vary(rng, age > 65 ? 1.04f : 0.98f, 0.05f);
    p.breath = ph_vary(rng, 0.0f, 8.0f);
    p.density = age > 60 ? ph_vary(rng, 0.8f, 0.12f) : ph_vary(rng, 1.0f, 0.08f);
    p.wander = V3(ph_vary(rng, 0, 3), ph_vary(rng, 0, 3), ph_vary(rng, 0, 3));
    return p;
}

static enum ph_tissue pen_tissue(const struct ph_bone *pen) {
    return pen->core ? pen->inside : pen->outline;
}

static void close_bone(const struct ph_bone *pen) {
    ph_end(pen->scene);
    if (pen->core) {
        ph_inset(pen->scene, pen->cortex_mm);
    }
}

void ph_bone_cone(const struct ph_bone *pen, struct ph_v3 a, struct ph_v3 b, float ra, float rb,
                  struct ph_v3 flat, float thin) {
    if (pen->core && ph_min(ra, rb) * thin < pen->cortex_mm * 1.15f) {
        return; // all cortex
    }
    (void)ph_begin(pen->scene, pen_tissue(pen));
    (void)ph_flat_cone(pen->scene, a, b, ra, rb, flat, thin);
    close_bone(pen);
}

void ph_bone_ellipsoid(const struct ph_bone *pen, struct ph_v3 c, struct ph_v3 r) {
    (void)ph_begin(pen->scene, pen_tissue(pen));
    (void)ph_ellipsoid(pen->scene, c, r);
    close_bone(pen);
}

void ph_bone_loft(const struct ph_bone *pen, const struct ph_loft *loft, struct ph_v3 origin,
                  struct ph_v3 z, struct ph_v3 x) {
    (void)ph_begin(pen->scene, pen_tissue(pen));
    ph_turn(ph_loft_part(pen->scene, loft, origin), z, x);
    close_bone(pen);
}

void ph_bone_box(const struct ph_bone *pen, struct ph_v3 c, struct ph_v3 half, float round,
                 struct ph_v3 z, struct ph_v3 x) {
    (void)ph_begin(pen->scene, pen_tissue(pen));
    ph_turn(ph_box(pen->scene, c, half, round), z, x);
    close_bone(pen);
}
