// SPDX-License-Identifier: Apache-2.0
#include "phantom/studio.h"

#include "base/mem.h"
#include "base/rng.h"
#include "phantom/case.h"

static bool fill(struct ph_studio *s, uint64_t seed) {
    struct rng rng = rng_seeded(seed ^ 0x7068616E746F6Du);
    return ph_field_band(&s->coarse, &rng, PH_COARSE_CELLS) &&
           ph_field_band(&s->fine, &rng, PH_FINE_CELLS) &&
           ph_tile_make(&s->grain[PH_GRAIN_SOFT], &rng, 0.8f, 2.6f, 0.85f) &&
           ph_tile_make(&s->grain[PH_GRAIN_SHARP], &rng, 0.42f, 1.1f, 0.95f) &&
           ph_tile_make(&s->grain[PH_GRAIN_MR], &rng, 0.45f, 1.0f, 0.0f) &&
           ph_tile_make(&s->grain[PH_GRAIN_FILM], &rng, 0.55f, 1.0f, 0.0f);
}

struct ph_studio *ph_studio_new(uint64_t seed) {
    struct ph_studio *s = mem_alloc(sizeof *s);
    if (s != NULL && !fill(s, seed)) {
        mem_free(s);
        s = NULL;
    }
    return s;
}

void ph_studio_free(struct ph_studio *s) { mem_free(s); }
