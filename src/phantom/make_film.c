// SPDX-License-Identifier: Apache-2.0
// The radiographic projections, and their files.
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "phantom/catalogue.h"
#include "phantom/make.h"
#include "phantom/xray.h"

struct projection {
    enum ph_exam exam;
    bool lateral;
    enum ph_arms arms;
    bool from_back; // PA: the source stands behind
    const char *position;
    const char *body_part;
    const char *description;
    float width, height; // of the field on the detector, mm
    float pitch;
    float centre_z, centre_x; // reference mm; x times the side
    float distance;           // source to detector
    float depth;              // of the body, mm
    float step;
    float kv;
    float photons, scatter, detail, compress, contrast;
    float dark, bright;
    bool paired; // a limb: the marker says which
    const char *code, *words;
};

static const struct projection projections[] = {
    {PH_XR_CHEST, false,  PH_ARMS_FORWARD, true,       "PA",   "CHEST", "PA",
     352,         412,    0.25f,           62,         0,      1800,    300,
     3.6f,        120,    60000,           0.10f,      0.7f,   0.66f,   1.0f,
     0.02f,       0.006f, false,           "51185008", "Chest"},
    {PH_XR_CHEST, true, PH_ARMS_UP, false, "LL",   "CHEST", "Lateral",  330,    412,
     0.25f,       62,   0,          1800,  400,    4.6f,    125,        60000,  0.16f,
     0.7f,        0.7f, 1.0f,       0.02f, 0.012f, false,   "51185008", "Chest"},
    {PH_XR_ABDOMEN, false,  PH_ARMS_DOWN, false,       "AP",     "ABDOMEN", "AP supine",
     352,           430,    0.26f,        -182,        0,        1100,      290,
     3.6f,          75,     120000,       0.12f,       0.7f,     0.62f,     1.1f,
     0.03f,         0.004f, false,        "818981001", "Abdomen"},
    {PH_XR_HAND, false, PH_ARMS_DOWN, true, "PA",       "HAND", "PA", 180,   240,  0.12f,
     92,         2,     1000,         72,   1.0f,       52,     9000, 0.03f, 0.6f, 0.9f,
     1.0f,       0.01f, 0.004f,       true, "85562004", "Hand"},
    {PH_XR_WRIST, false, PH_ARMS_DOWN, true, "PA",      "WRIST", "PA", 130,   180,  0.1f,
     10,          2,     1000,         72,   1.0f,      52,      9000, 0.03f, 0.6f, 0.9f,
     1.0f,        0.01f, 0.004f,       true, "8205005", "Wrist"},
    {PH_XR_WRIST, true,  PH_ARMS_DOWN, false, "LL",      "WRIST", "Lateral", 120,   180,  0.1f,
     10,          2,     1000,         110,   1.1f,      54,      9000,      0.03f, 0.6f, 0.9f,
     1.0f,        0.01f, 0.004f,       true,  "8205005", "Wrist"},
    {PH_XR_FOREARM, false, PH_ARMS_DOWN, true,  "AP",   "FOREARM", "AP",       140,      260,
     0.13f,         -95,   -4,           1000,  92,     1.1f,      54,         9000,     0.03f,
     0.6f,          0.9f,  1.0f,         0.01f, 0.004f, true,      "14975008", "Forearm"},
    {PH_XR_FOREARM, true, PH_ARMS_DOWN, false, "LL",   "FOREARM", "Lateral",  140,      260,
     0.13f,         -95,  -4,           1000,  110,    1.2f,      54,         9000,     0.03f,
     0.6f,          0.9f, 1.0f,         0.01f, 0.004f, true,      "14975008", "Forearm"},
    {PH_XR_KNEE, false,  PH_ARMS_DOWN, false, "AP",       "KNEE", "AP",  180,   240,  0.15f,
     4,          0,      1100,         160,   2.0f,       62,     14000, 0.06f, 0.7f, 0.72f,
     0.95f,      0.005f, 0.0005f,      true,  "72696002", "Knee"},
    {PH_XR_KNEE, true,   PH_ARMS_DOWN, false, "LL",       "KNEE", "Lateral", 190,   240,  0.15f,
     4,          0,      1100,         160,   2.0f,       62,     14000,     0.06f, 0.7f, 0.72f,
     0.95f,      0.005f, 0.0005f,      true,  "72696002", "Knee"},
    {PH_XR_ANKLE, false, PH_ARMS_DOWN, false, "AP",       "ANKLE", "AP",  150,   220,  0.14f,
     32,          0,     1100,         200,   2.2f,       58,      12000, 0.04f, 0.6f, 0.75f,
     1.0f,        0.02f, 0.02f,        true,  "70258002", "Ankle"},
    {PH_XR_ANKLE, true,  PH_ARMS_DOWN, false, "LL",       "ANKLE", "Lateral", 210,   220,  0.14f,
     32,          0,     1100,         110,   1.6f,       58,      12000,     0.04f, 0.6f, 0.75f,
     1.0f,        0.02f, 0.01f,        true,  "70258002", "Ankle"}};

static struct ph_view view_for(const struct projection *p, const struct ph_v3 *size, float side) {
    float gap = 12.0f; // detector to body
    float half = 0.5f * p->depth * (p->lateral ? size->x : size->y);
    float z = p->centre_z * size->z;
    float x = p->lateral ? 0.0f : p->centre_x * size->x * side;
    float y = p->exam == PH_XR_ANKLE && p->lateral ? -20.0f : 0.0f;
    struct ph_view v = {.down = V3(0, 0, -1),
                        .pitch = p->pitch,
                        .columns = (int)(p->width / p->pitch + 0.5f),
                        .rows = (int)(p->height / p->pitch + 0.5f),
                        .near = gap,
                        .far = gap + 2.0f * half,
                        .step = p->step};
    if (p->lateral) {
        v.across = V3(0, 1, 0);
        v.centre = V3(half + gap, y, z);
        v.source = V3(half + gap - p->distance, y, z);
    } else {
        float back = p->from_back ? -1.0f : 1.0f;
        float middle = p->exam == PH_XR_ANKLE ? -40.0f : 0.0f;
        v.across = V3(1, 0, 0);
        v.centre = V3(x, middle + back * (half + gap), z);
        v.source = V3(x, middle + back * (half + gap - p->distance), z);
    }
    return v;
}

static struct ph_exposure exposure_for(const struct projection *p, const struct ph_case *c,
                                       struct rng *rng) {
    bool left = p->paired ? c->side > 0.0f : p->lateral;
    float turn = ph_vary(rng, 0.0f, 0.012f);
    return (struct ph_exposure){
        .kv = p->kv,
        .photons = p->photons,
        .scatter = p->scatter,
        .detail = p->detail,
        .compress = p->compress,
        .contrast = p->contrast,
        .air = p->paired ? 0.16f : 0.5f,
        .dark = p->dark,
        .bright = p->bright,
        .marker = left ? 'L' : 'R',
        .marker_at = V3((left ? 0.84f : -0.84f) + ph_vary(rng, 0, 0.03f),
                        -0.86f + ph_vary(rng, 0, 0.04f), ph_vary(rng, 0, 0.15f)),
        .field =
            V3(0.5f * p->width - ph_vary(rng, 7, 3), 0.5f * p->height - ph_vary(rng, 8, 4), turn),
        .seed = c->seed + (p->lateral ? 7u : 3u)};
}

static int expose(struct ph_maker *m, const struct projection *p, const struct ph_view *v,
                  uint16_t *pixels, struct err *e) {
    CLEANUP(cleanup_free)
    float *line = mem_array((size_t)v->columns * (size_t)v->rows, sizeof *line);
    if (line == NULL) {
        return err_set(e, E_MEMORY, "radiograph");
    }
    struct rng rng = rng_seeded(m->c->seed ^ (p->lateral ? 0x4Cu : 0x50u));
    struct ph_exposure x = exposure_for(p, m->c, &rng);
    int status = ph_line_integrals(&m->scene, v, &m->build.person.size, p->kv, line, e);
    return status != E_OK ? status
                          : ph_develop(line, v, &x, &m->studio->grain[PH_GRAIN_FILM], pixels, e);
}

static void mark_film(struct ph_maker *m, const struct ph_view *v, int series, const char *sop) {
    if (m->truth->lesion == PH_LESION_NORMAL) {
        return;
    }
    struct ph_v3 at = ph_project(v, m->truth->centre);
    struct ph_v3 r = m->truth->extent;
    struct ph_mark mark = {.series = series,
                           .instance = 1,
                           .column = at.x,
                           .row = at.y,
                           .radius = ph_max(r.x, ph_max(r.y, r.z)) * at.z / v->pitch};
    (void)snprintf(mark.sop_uid, sizeof mark.sop_uid, "%s", sop);
    ph_truth_mark(m->truth, &mark);
}

static void describe(struct ph_header *h, const struct projection *p, const struct ph_case *c) {
    bool dx = p->exam == PH_XR_CHEST || p->exam == PH_XR_ABDOMEN;
    const struct ph_film film = {.dx = dx,
                                 .position = p->position,
                                 .orientation = p->lateral ? "P\\F" : "L\\F",
                                 .kv = (double)p->kv,
                                 .distance = (double)p->distance,
                                 .to_patient = (double)(p->distance - p->depth),
                                 .pitch = p->pitch,
                                 .laterality = !p->paired       ? 'U'
                                               : c->side < 0.0f ? 'R'
                                                                : 'L',
                                 .region_code = p->code,
                                 .region_words = p->words};
    ph_header_film(h, &film);
    const double centre = 2048;
    const double width = 4096;
    ph_header_window(h, &centre, &width, 1, NULL);
}

static int make_film(struct ph_maker *m, const struct projection *p, int number, struct err *e) {
    bool dx = p->exam == PH_XR_CHEST || p->exam == PH_XR_ABDOMEN;
    int status = ph_maker_build(m, p->arms, p->exam == PH_XR_CHEST, e);
    if (status != E_OK) {
        return status;
    }
    struct ph_view v = view_for(p, &m->build.person.size, m->c->side);
    CLEANUP(cleanup_free)
    uint16_t *pixels = mem_array((size_t)v.columns * (size_t)v.rows, sizeof *pixels);
    if (pixels == NULL) {
        return err_set(e, E_MEMORY, "radiograph");
    }
    status = expose(m, p, &v, pixels, e);
    struct ph_header h;
    if (status == E_OK) {
        status = ph_maker_header(m, &h, e);
    }
    if (status != E_OK) {
        return status;
    }
    struct ph_series series = {.number = number,
                               .modality = dx ? "DX" : "CR",
                               .description = p->description,
                               .protocol = ph_exam_word(p->exam),
                               .body_part = p->body_part};
    char sop[65];
    ph_uid(m->c, number, 0, series.uid);
    ph_uid(m->c, number, 1, sop);
    const char *type = dx ? "ORIGINAL\\PRIMARY\\" : "ORIGINAL\\PRIMARY";
    ph_header_common(&h, m->c, &series, dx ? PH_DX_CLASS : PH_CR_CLASS, sop, type, 1);
    describe(&h, p, m->c);
    const struct ph_pixels image = {v.columns, v.rows, PH_XRAY_BITS, pixels};
    ph_header_pixels(&h, &image);
    mark_film(m, &v, number, sop);
    return ph_maker_deliver(m, &h, number, 1, e);
}

int ph_make_films(struct ph_maker *m, struct err *e) {
    int number = 0;
    int status = E_OK;
    for (size_t i = 0; status == E_OK && i < sizeof projections / sizeof projections[0]; i++) {
        const struct projection *p = &projections[i];
        if (p->exam == m->c->exam && (!p->lateral || m->c->two_views)) {
            status = make_film(m, p, ++number, e);
        }
    }
    return status;
}
