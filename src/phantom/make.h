// SPDX-License-Identifier: Apache-2.0
// Inside of ph_write_case: what makes files for one case. make_scan.c makes stacks of slices,
// make_film.c radiographs; make.c chooses and hands files over.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "phantom/case.h"
#include "phantom/header.h"
#include "phantom/lesion.h"
#include "phantom/studio.h"

#define PH_CT_CLASS "1.2.840.10008.5.1.4.1.1.2"
#define PH_MR_CLASS "1.2.840.10008.5.1.4.1.1.4"
#define PH_CR_CLASS "1.2.840.10008.5.1.4.1.1.1"
#define PH_DX_CLASS "1.2.840.10008.5.1.4.1.1.1.1"

struct ph_maker {
    const struct ph_studio *studio;
    const struct ph_case *c;
    struct ph_sink sink;
    struct ph_truth *truth;
    struct arena scene_arena, header_arena;
    struct ph_scene scene;
    struct ph_build build;
    struct buf file;
};

// Builds the scene afresh, the person placed so; fills the truth's place. E_MEMORY when it did not
// fit.
int ph_maker_build(struct ph_maker *m, enum ph_arms arms, bool upright, struct err *e);

// Starts a header in the header arena.
int ph_maker_header(struct ph_maker *m, struct ph_header *ret_header, struct err *e);

// Writes the header's data set and hands it to the sink.
int ph_maker_deliver(struct ph_maker *m, const struct ph_header *h, int series, int instance,
                     struct err *e);

int ph_make_ct(struct ph_maker *m, struct err *e);
int ph_make_mr(struct ph_maker *m, struct err *e);
int ph_make_films(struct ph_maker *m, struct err *e);
