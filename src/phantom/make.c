// SPDX-License-Identifier: Apache-2.0
#include "phantom/make.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/part10.h"

#define SCENE_MAX ((size_t)96 << 20)
#define HEADER_MAX ((size_t)4 << 20)
#define FILE_MAX ((size_t)64 << 20)

int ph_maker_build(struct ph_maker *m, enum ph_arms arms, bool upright, struct err *e) {
    arena_reset(&m->scene_arena);
    ph_scene_init(&m->scene, &m->scene_arena, &m->studio->coarse, &m->studio->fine);
    ph_build_case(&m->build, m->c, &m->scene, arms, upright);
    if (m->scene.failed) {
        return err_set(e, E_MEMORY, "phantom scene");
    }
    struct ph_v3 size = m->build.person.size;
    m->truth->centre =
        V3(m->build.centre.x * size.x, m->build.centre.y * size.y, m->build.centre.z * size.z);
    m->truth->extent =
        V3(m->build.extent.x * size.x, m->build.extent.y * size.y, m->build.extent.z * size.z);
    return E_OK;
}

int ph_maker_header(struct ph_maker *m, struct ph_header *ret_header, struct err *e) {
    arena_reset(&m->header_arena);
    struct dcm_dataset *set = dcm_dataset_new(&m->header_arena, DCM_EXPLICIT_LE);
    if (set == NULL) {
        return err_set(e, E_MEMORY, "phantom header");
    }
    *ret_header = (struct ph_header){set, e, E_OK};
    return E_OK;
}

int ph_maker_deliver(struct ph_maker *m, const struct ph_header *h, int series, int instance,
                     struct err *e) {
    if (h->status != E_OK) {
        return h->status;
    }
    buf_clear(&m->file);
    const struct dcm_write_options options = {.syntax_uid = DCM_EXPLICIT_LE_UID};
    int status = dcm_file_write(h->set, &options, dcm_sink_buf(&m->file), e);
    if (status == E_OK) {
        status = buf_check(&m->file, "phantom file", e);
    }
    if (status != E_OK) {
        return status;
    }
    char name[64];
    (void)snprintf(name, sizeof name, "%02d/%d/%04d.dcm", m->c->number, series, instance);
    return m->sink.file(m->sink.context, name, buf_slice(&m->file), e);
}

static int make(struct ph_maker *m, struct err *e) {
    switch (m->c->exam) {
    case PH_CT_HEAD:
    case PH_CT_CHEST:
    case PH_CT_ABDOMEN:
        return ph_make_ct(m, e);
    case PH_MR_HEAD:
        return ph_make_mr(m, e);
    default:
        return ph_make_films(m, e);
    }
}

int ph_write_case(const struct ph_studio *studio, const struct ph_case *c, struct ph_sink sink,
                  struct ph_truth *ret_truth, struct err *e) {
    struct ph_maker m = {.studio = studio, .c = c, .sink = sink, .truth = ret_truth};
    *ret_truth = (struct ph_truth){.lesion = c->lesion};
    arena_init(&m.scene_arena, SCENE_MAX);
    arena_init(&m.header_arena, HEADER_MAX);
    buf_init(&m.file, FILE_MAX);
    int status = make(&m, e);
    if (status == E_OK && ret_truth->failed) {
        status = err_set(e, E_MEMORY, "phantom truth");
    }
    ret_truth->side = ret_truth->centre.x < -5.0f  ? -1.0f
                      : ret_truth->centre.x > 5.0f ? 1.0f
                                                   : 0.0f;
    buf_done(&m.file);
    arena_done(&m.header_arena);
    arena_done(&m.scene_arena);
    return status;
}
