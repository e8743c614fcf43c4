// SPDX-License-Identifier: Apache-2.0
// The CT and MR protocols, and their files.
#include <stdio.h>

#include "base/err.h"
#include "base/rng.h"
#include "phantom/catalogue.h"
#include "phantom/make.h"
#include "phantom/scan.h"

struct ct_protocol {
    enum ph_exam exam;
    int number; // of the series
    const char *description;
    const char *kernel;
    const char *body_part;
    float top, bottom; // reference mm
    float thickness, step;
    float fov;
    float edge, enhance, noise;
    enum ph_grain grain;
    float body_x, body_y;
    bool contrast;
    double centre[2], width[2];
    const char *words;
};

static const struct ct_protocol ct_protocols[] = {{PH_CT_HEAD,
                                                   1,
                                                   "Axial 4.0 brain",
                                                   "H30",
                                                   "HEAD",
                                                   112,
                                                   -28,
                                                   4,
                                                   4,
                                                   235,
                                                   0.9f,
                                                   0,
                                                   3.4f,
                                                   PH_GRAIN_SOFT,
                                                   75,
                                                   90,
                                                   false,
                                                   {35, 600},
                                                   {80, 2600},
                                                   "BRAIN\\BONE"},
                                                  {PH_CT_HEAD,
                                                   2,
                                                   "Axial 4.0 bone",
                                                   "H60",
                                                   "HEAD",
                                                   112,
                                                   -28,
                                                   4,
                                                   4,
                                                   235,
                                                   0.5f,
                                                   1.1f,
                                                   34,
                                                   PH_GRAIN_SHARP,
                                                   75,
                                                   90,
                                                   false,
                                                   {600, 35},
                                                   {2600, 80},
                                                   "BONE\\BRAIN"},
                                                  {PH_CT_CHEST,
                                                   1,
                                                   "Axial 3.0 soft",
                                                   "B30",
                                                   "CHEST",
                                                   240,
                                                   -62,
                                                   3,
                                                   3,
                                                   400,
                                                   1.1f,
                                                   0,
                                                   13,
                                                   PH_GRAIN_SOFT,
                                                   160,
                                                   110,
                                                   true,
                                                   {40, -550},
                                                   {380, 1500},
                                                   "MEDIASTINUM\\LUNG"},
                                                  {PH_CT_CHEST,
                                                   2,
                                                   "Axial 5.0 lung",
                                                   "B70",
                                                   "CHEST",
                                                   240,
                                                   -62,
                                                   3,
                                                   5,
                                                   400,
                                                   0.7f,
                                                   0.9f,
                                                   46,
                                                   PH_GRAIN_SHARP,
                                                   160,
                                                   110,
                                                   true,
                                                   {-550, 40},
                                                   {1500, 380},
                                                   "LUNG\\MEDIASTINUM"},
                                                  {PH_CT_ABDOMEN,
                                                   1,
                                                   "Axial 5.0 soft",
                                                   "B30",
                                                   "ABDOMEN",
                                                   40,
                                                   -380,
                                                   5,
                                                   5,
                                                   400,
                                                   1.1f,
                                                   0,
                                                   11,
                                                   PH_GRAIN_SOFT,
                                                   160,
                                                   115,
                                                   true,
                                                   {50, 400},
                                                   {350, 1800},
                                                   "ABDOMEN\\BONE"}};

struct stack_job {
    struct ph_maker *m;
    struct ph_series series;
    const struct ph_stack *stack;
    const struct ct_protocol *ct; // or
    const struct mr_protocol *mr;
};

struct mr_protocol {
    int number;
    const char *description;
    const char *sequence, *variant, *name;
    enum ph_mr_kind kind;
    float noise;
};

static const struct mr_protocol mr_protocols[] = {
    {1, "Axial T2", "SE", "SK", "tse2d1_15", PH_MR_T2, 17},
    {2, "Axial T1", "SE", "NONE", "se2d1", PH_MR_T1, 14},
    {3, "Axial FLAIR", "SE\\IR", "SK", "tir2d1_15", PH_MR_FLAIR, 13}};

static struct ph_slice slice_of_stack(const struct ph_stack *s, int index) {
    float step = s->step < 0.0f ? -s->step : s->step;
    return (struct ph_slice){V3(s->first.x, s->first.y, s->first.z + (float)index * s->step),
                             s->pitch, s->thickness, step};
}

// The finding where this slice cuts it.
static void mark_slice(const struct stack_job *job, const struct ph_slice *s, int instance,
                       const char *sop) {
    const struct ph_truth *t = job->m->truth;
    float dz = (s->first.z - t->centre.z) / ph_max(t->extent.z, 0.1f);
    if (t->lesion == PH_LESION_NORMAL || dz * dz > 1.0f) {
        return;
    }
    struct ph_mark mark = {.series = job->series.number,
                           .instance = instance,
                           .column = (t->centre.x - s->first.x) / s->pitch,
                           .row = (t->centre.y - s->first.y) / s->pitch,
                           .radius = ph_max(t->extent.x, t->extent.y) * ph_sqrt(1.0f - dz * dz) /
                                     s->pitch};
    (void)snprintf(mark.sop_uid, sizeof mark.sop_uid, "%s", sop);
    ph_truth_mark(job->m->truth, &mark);
}

static void describe(struct ph_header *h, const struct stack_job *job) {
    if (job->ct != NULL) {
        const struct ct_protocol *p = job->ct;
        ph_header_ct(h, 120.0, p->exam == PH_CT_HEAD ? 300 : 110, p->kernel, p->fov, p->contrast);
        ph_header_window(h, p->centre, p->width, 2, p->words);
        return;
    }
    struct ph_mr_timing t = ph_mr_timing(job->mr->kind);
    ph_header_mr(h, job->mr->sequence, job->mr->variant, job->mr->name, (double)t.tr, (double)t.te,
                 (double)t.ti);
    double centre = job->mr->kind == PH_MR_T2 ? 620 : job->mr->kind == PH_MR_T1 ? 420 : 330;
    double width = job->mr->kind == PH_MR_T2 ? 1240 : job->mr->kind == PH_MR_T1 ? 760 : 640;
    ph_header_window(h, &centre, &width, 1, NULL);
}

static int slice_done(void *context, int index, const uint16_t *values, struct err *e) {
    const struct stack_job *job = context;
    struct ph_maker *m = job->m;
    struct ph_header h;
    int status = ph_maker_header(m, &h, e);
    if (status != E_OK) {
        return status;
    }
    char sop[65];
    ph_uid(m->c, job->series.number, index + 1, sop);
    struct ph_slice slice = slice_of_stack(job->stack, index);
    const char *type = job->ct != NULL ? "ORIGINAL\\PRIMARY\\AXIAL" : "ORIGINAL\\PRIMARY\\M";
    ph_header_common(&h, m->c, &job->series, job->ct != NULL ? PH_CT_CLASS : PH_MR_CLASS, sop, type,
                     index + 1);
    ph_header_plane(&h, m->c, &slice);
    describe(&h, job);
    const struct ph_pixels pixels = {job->stack->matrix, job->stack->matrix, 12, values};
    ph_header_pixels(&h, &pixels);
    mark_slice(job, &slice, index + 1, sop);
    return ph_maker_deliver(m, &h, job->series.number, index + 1, e);
}

static struct ph_stack stack_for(const struct ph_v3 *size, int matrix, float fov, float top,
                                 float bottom, float thickness, float step, float y) {
    float pitch = fov / (float)matrix;
    float corner = -0.5f * (fov - pitch);
    float first = (float)ph_ifloor(top * size->z * 2.0f) * 0.5f;
    int count = ph_ifloor((top - bottom) * size->z / step) + 1;
    return (struct ph_stack){matrix, count, pitch, thickness, V3(corner, y + corner, first), -step};
}

// The table that the person lies on.
static void add_couch(struct ph_scene *s, float back, float wide, float deep) {
    for (int i = 0; i < 2; i++) {
        (void)ph_begin(s, i == 0 ? PH_COUCH : PH_FOAM);
        (void)ph_box(s, V3(0, back + deep, 0), V3(2.0f * wide, deep, 2000), 0.5f);
        (void)ph_ellipsoid(s, V3(0, back - 3.0f * wide, 0),
                           V3(3.4f * wide, 3.0f * wide + deep, 60000));
        ph_clip(s);
        ph_end(s);
        if (i == 1) {
            ph_inset(s, 1.6f);
        }
    }
}

static int run_ct(struct ph_maker *m, const struct ct_protocol *p, struct err *e) {
    const struct ph_v3 *size = &m->build.person.size;
    float y = p->exam == PH_CT_HEAD ? 2.0f : 8.0f;
    float fov = p->exam == PH_CT_HEAD ? p->fov : p->fov * size->x;
    struct ph_stack stack = stack_for(size, 512, fov, p->top, p->bottom, p->thickness, p->step, y);
    const struct ph_ct ct = {p->contrast, p->edge,   p->enhance, p->noise,
                             p->grain,    p->body_x, p->body_y};
    struct stack_job job = {.m = m,
                            .stack = &stack,
                            .ct = p,
                            .series = {.number = p->number,
                                       .modality = "CT",
                                       .description = p->description,
                                       .protocol = ph_exam_word(p->exam),
                                       .body_part = p->body_part}};
    ph_uid(m->c, p->number, 0, job.series.uid);
    return ph_scan_ct(&m->scene, m->studio, size, &stack, &ct, m->c->seed + (uint64_t)p->number,
                      slice_done, &job, e);
}

int ph_make_ct(struct ph_maker *m, struct err *e) {
    int status = ph_maker_build(m, PH_ARMS_UP, false, e);
    if (status != E_OK) {
        return status;
    }
    if (m->c->exam == PH_CT_HEAD) {
        add_couch(&m->scene, 101.0f, 60.0f, 22.0f);
    } else {
        add_couch(&m->scene, 122.0f + 0.6f * (m->build.person.fat - 16.0f), 110.0f, 30.0f);
    }
    for (size_t i = 0; status == E_OK && i < sizeof ct_protocols / sizeof ct_protocols[0]; i++) {
        if (ct_protocols[i].exam == m->c->exam) {
            status = run_ct(m, &ct_protocols[i], e);
        }
    }
    return status;
}

int ph_make_mr(struct ph_maker *m, struct err *e) {
    int status = ph_maker_build(m, PH_ARMS_UP, false, e);
    struct ph_stack stack =
        stack_for(&m->build.person.size, 256, 230.0f, 108, -24, 5.0f, 5.5f, 0.0f);
    for (size_t i = 0; status == E_OK && i < sizeof mr_protocols / sizeof mr_protocols[0]; i++) {
        const struct mr_protocol *p = &mr_protocols[i];
        const struct ph_mr mr = {p->kind, p->noise};
        struct stack_job job = {.m = m,
                                .stack = &stack,
                                .mr = p,
                                .series = {.number = p->number,
                                           .modality = "MR",
                                           .description = p->description,
                                           .protocol = "MR Head",
                                           .body_part = "HEAD"}};
        ph_uid(m->c, p->number, 0, job.series.uid);
        status = ph_scan_mr(&m->scene, m->studio, &m->build.person.size, &stack, &mr,
                            m->c->seed + (uint64_t)p->number, slice_done, &job, e);
    }
    return status;
}
