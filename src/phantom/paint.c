// SPDX-License-Identifier: Apache-2.0
#include "phantom/paint.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "phantom/noise.h"

// Solids are sorted out for ever smaller regions; the last level is evaluated. A look at a solid
// costs as much as ten samples of it, so small blocks pay.
#define LEVELS 3
#define BLOCK_X 16
#define BLOCK_SAMPLES 512
struct extent {
    int x, y, z;
};
static const struct extent point_levels[LEVELS] = {{128, 64, 8}, {32, 32, 8}, {BLOCK_X, 8, 4}};
static const struct extent sum_levels[LEVELS] = {
    {128, 64, 8}, {32, 32, 4}, {BLOCK_X, 16, 2}}; // planes lie far apart

#define SUM_LEAST_WOBBLE 1.6f // mm; less than this does not show in a shadow

_Static_assert(BLOCK_X <= PH_ROW_MAX, "a row of a block is one evaluation");

struct range {
    int x0, x1, y0, y1, z0, z1; // samples, the second exclusive
};

struct job {
    const struct ph_painter *painter;
    const struct ph_plane *planes;
    int nx, ny;
    bool sums;
    float *out;
    const struct extent *levels;
    float least_wobble;
    uint32_t *list[LEVELS]; // of solids, one a level
};

static struct ph_v3 sample_at(const struct ph_plane *p, float i, float j) {
    return v3_at(v3_at(p->origin, i, p->du), j, p->dv);
}

struct region {
    struct ph_box3 box;
    struct ph_v3 centre;
    float radius;
};

static struct region region_of(const struct job *job, const struct range *r) {
    int last = job->sums ? r->z1 : r->z1 - 1;
    struct ph_box3 box = {V3(1e9f, 1e9f, 1e9f), V3(-1e9f, -1e9f, -1e9f)};
    for (int c = 0; c < 8; c++) {
        struct ph_v3 p = sample_at(&job->planes[(c & 4) != 0 ? last : r->z0],
                                   (float)((c & 1) != 0 ? r->x1 - 1 : r->x0),
                                   (float)((c & 2) != 0 ? r->y1 - 1 : r->y0));
        box.low = V3(ph_min(box.low.x, p.x), ph_min(box.low.y, p.y), ph_min(box.low.z, p.z));
        box.high = V3(ph_max(box.high.x, p.x), ph_max(box.high.y, p.y), ph_max(box.high.z, p.z));
    }
    struct ph_v3 half = v3_scale(v3_sub(box.high, box.low), 0.5f);
    return (struct region){box, v3_add(box.low, half), v3_len(half)};
}

static bool boxes_meet(const struct ph_box3 *a, const struct ph_box3 *b) {
    return a->low.x <= b->high.x && a->high.x >= b->low.x && a->low.y <= b->high.y &&
           a->high.y >= b->low.y && a->low.z <= b->high.z && a->high.z >= b->low.z;
}

// The solids that matter in a region, in order: those outside are dropped, and everything under one
// that covers the whole region. *ret_full: the first of the list covers it all.
static uint32_t sift(const struct job *job, const struct region *region, const uint32_t *from,
                     uint32_t count, uint32_t *to, bool *ret_full) {
    const struct ph_scene *s = job->painter->scene;
    float reach = region->radius + job->painter->edge_mm;
    uint32_t kept = 0;
    bool full = false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = from == NULL ? i : from[i];
        const struct ph_solid *solid = &s->solids[index];
        if (((solid->thin || solid->minor) && job->painter->skip_slight) ||
            !boxes_meet(&solid->box, &region->box)) {
            continue;
        }
        float bound = ph_solid_bound(s, solid, region->centre, reach, job->least_wobble);
        if (bound > reach) {
            continue;
        }
        if (bound < -reach && solid->strength >= 1.0f) {
            kept = 0;
            full = true;
        }
        to[kept++] = index;
    }
    *ret_full = full;
    return kept;
}

// What the tissue looks like along a row.
static void tissue_row(const struct ph_painter *painter, enum ph_tissue t, struct ph_v3 p,
                       struct ph_v3 step, int n, float *out) {
    float value = painter->palette->value[t];
    float texture = painter->palette->texture[t];
    if (painter->textured && texture > 0.0f) {
        float per_mm = 1.0f / ph_tissues[t].texture_mm;
        ph_field_row(painter->scene->fine, v3_scale(p, per_mm), v3_scale(step, per_mm), n, out);
        for (int i = 0; i < n; i++) {
            out[i] = value + texture * out[i];
        }
    } else {
        for (int i = 0; i < n; i++) {
            out[i] = value;
        }
    }
    if (t == PH_LUNG && painter->gradient_y != 0.0f) {
        for (int i = 0; i < n; i++) {
            out[i] += painter->gradient_y * (p.y + (float)i * step.y);
        }
    }
}

// The values of a block, row after row of BLOCK_X.
static float *block_row(const struct range *r, float *values, int k, int j) {
    return values + ((k - r->z0) * (r->y1 - r->y0) + (j - r->y0)) * BLOCK_X;
}

static void fill_block(const struct job *job, const struct range *r, enum ph_tissue t, float *out) {
    int n = r->x1 - r->x0;
    for (int k = r->z0; k < r->z1; k++) {
        for (int j = r->y0; j < r->y1; j++) {
            struct ph_v3 p = sample_at(&job->planes[k], (float)r->x0, (float)j);
            tissue_row(job->painter, t, p, job->planes[k].du, n, block_row(r, out, k, j));
        }
    }
}

// How much of each point a distance covers.
static bool cover_points(const float *d, float edge, float strength, int n, float *cover) {
    float per_mm = 1.0f / edge;
    int any = 0;
    for (int i = 0; i < n; i++) {
        float c = ph_clamp(0.5f - d[i] * per_mm, 0.0f, 1.0f);
        cover[i] = c * strength;
        any |= c > 0.0f;
    }
    return any != 0;
}

// How much of the way between two distances is inside.
static bool cover_cells(const float *d0, const float *d1, float strength, int n, float *cover) {
    int any = 0;
    for (int i = 0; i < n; i++) {
        float low = ph_min(d0[i], d1[i]);
        float high = ph_max(d0[i], d1[i]);
        float c = ph_clamp(-low / (high - low + 1e-6f), 0.0f, 1.0f);
        cover[i] = c * strength;
        any |= c > 0.0f;
    }
    return any != 0;
}

static void blend_row(const struct job *job, const struct ph_solid *solid, int k, int j, int x0,
                      int n, const float *cover, float *row) {
    float value[BLOCK_X];
    struct ph_v3 p = sample_at(&job->planes[k], (float)x0, (float)j);
    tissue_row(job->painter, solid->tissue, p, job->planes[k].du, n, value);
    for (int i = 0; i < n; i++) {
        row[i] += cover[i] * (value[i] - row[i]);
    }
}

static void blend_points(const struct job *job, const struct range *r, const struct ph_solid *solid,
                         float *out) {
    int n = r->x1 - r->x0;
    float edge = ph_max(job->painter->edge_mm, solid->soft);
    float d[BLOCK_X];
    float cover[BLOCK_X];
    for (int k = r->z0; k < r->z1; k++) {
        for (int j = r->y0; j < r->y1; j++) {
            struct ph_v3 p = sample_at(&job->planes[k], (float)r->x0, (float)j);
            ph_solid_row(job->painter->scene, solid, p, job->planes[k].du, n, job->least_wobble, d);
            if (cover_points(d, edge, solid->strength, n, cover)) {
                blend_row(job, solid, k, j, r->x0, n, cover, block_row(r, out, k, j));
            }
        }
    }
}

static void blend_cells(const struct job *job, const struct range *r, const struct ph_solid *solid,
                        float *out) {
    int n = r->x1 - r->x0;
    float d[2][BLOCK_X];
    float cover[BLOCK_X];
    for (int j = r->y0; j < r->y1; j++) {
        for (int k = r->z0; k <= r->z1; k++) {
            float *now = d[k & 1];
            struct ph_v3 p = sample_at(&job->planes[k], (float)r->x0, (float)j);
            ph_solid_row(job->painter->scene, solid, p, job->planes[k].du, n, job->least_wobble,
                         now);
            if (k == r->z0) {
                continue;
            }
            bool any = solid->soft > 0.0f
                           ? cover_points(now, solid->soft, solid->strength, n, cover)
                           : cover_cells(d[(k - 1) & 1], now, solid->strength, n, cover);
            if (any) {
                blend_row(job, solid, k - 1, j, r->x0, n, cover, block_row(r, out, k - 1, j));
            }
        }
    }
}

static void store_block(const struct job *job, const struct range *r, float *values) {
    for (int k = r->z0; k < r->z1; k++) {
        for (int j = r->y0; j < r->y1; j++) {
            const float *from = block_row(r, values, k, j);
            size_t row = (size_t)((job->sums ? 0 : k) * job->ny + j);
            float *to = job->out + row * (size_t)job->nx + r->x0;
            for (int i = 0; i < r->x1 - r->x0; i++) {
                to[i] = job->sums ? to[i] + from[i] : from[i];
            }
        }
    }
}

// One value all over the block: the sums of a column are a product.
static bool painter_plain(const struct ph_painter *painter, enum ph_tissue t) {
    return painter->palette->texture[t] <= 0.0f || !painter->textured;
}

static void add_plain(const struct job *job, const struct range *r, float value) {
    float all = value * (float)(r->z1 - r->z0);
    for (int j = r->y0; j < r->y1; j++) {
        float *to = job->out + (size_t)j * (size_t)job->nx;
        for (int i = r->x0; i < r->x1; i++) {
            to[i] += all;
        }
    }
}

static void paint_block(const struct job *job, const struct range *r, uint32_t count, bool full) {
    const struct ph_scene *s = job->painter->scene;
    const uint32_t *list = job->list[LEVELS - 1];
    uint32_t first = full ? 1 : 0;
    enum ph_tissue ground = full ? s->solids[list[0]].tissue : PH_AIR;
    if (job->sums && count == first && painter_plain(job->painter, ground)) {
        add_plain(job, r, job->painter->palette->value[ground]);
        return;
    }
    float values[BLOCK_SAMPLES];
    fill_block(job, r, ground, values);
    for (uint32_t i = first; i < count; i++) {
        const struct ph_solid *solid = &s->solids[list[i]];
        if (job->sums) {
            blend_cells(job, r, solid, values);
        } else {
            blend_points(job, r, solid, values);
        }
    }
    store_block(job, r, values);
}

static int least(int a, int b) { return a < b ? a : b; }

// The pieces of a region at a level, each with the solids of its own. `list` NULL: all solids.
static void paint_level(const struct job *job, int level, const struct range *whole,
                        const uint32_t *list, uint32_t count) {
    for (int z = whole->z0; z < whole->z1; z += job->levels[level].z) {
        for (int y = whole->y0; y < whole->y1; y += job->levels[level].y) {
            for (int x = whole->x0; x < whole->x1; x += job->levels[level].x) {
                struct range r = {x, least(x + job->levels[level].x, whole->x1),
                                  y, least(y + job->levels[level].y, whole->y1),
                                  z, least(z + job->levels[level].z, whole->z1)};
                struct region region = region_of(job, &r);
                bool full = false;
                uint32_t kept = sift(job, &region, list, count, job->list[level], &full);
                if (kept == 0 && job->sums) {
                    continue; // air
                }
                if (level + 1 < LEVELS) {
                    paint_level(job, level + 1, &r, job->list[level], kept);
                } else {
                    paint_block(job, &r, kept, full);
                }
            }
        }
    }
}

static int paint(const struct ph_painter *painter, const struct ph_plane *planes, int nx, int ny,
                 int nz, bool sums, float *out, struct err *e) {
    size_t count = painter->scene->solid_count + 1;
    CLEANUP(cleanup_free) uint32_t *lists = mem_array(LEVELS * count, sizeof *lists);
    if (lists == NULL) {
        return err_set(e, E_MEMORY, "phantom painter");
    }
    struct job job = {.painter = painter,
                      .planes = planes,
                      .nx = nx,
                      .ny = ny,
                      .sums = sums,
                      .out = out,
                      .levels = sums ? sum_levels : point_levels,
                      .least_wobble = sums ? SUM_LEAST_WOBBLE : 0.0f};
    for (size_t i = 0; i < LEVELS; i++) {
        job.list[i] = lists + i * count;
    }
    struct range whole = {0, nx, 0, ny, 0, nz};
    paint_level(&job, 0, &whole, NULL, painter->scene->solid_count);
    return E_OK;
}

int ph_paint_points(const struct ph_painter *painter, const struct ph_plane *planes, int nx, int ny,
                    int nz, float *out, struct err *e) {
    return paint(painter, planes, nx, ny, nz, false, out, e);
}

int ph_paint_sums(const struct ph_painter *painter, const struct ph_plane *planes, int nx, int ny,
                  int nz, float *sum, struct err *e) {
    return paint(painter, planes, nx, ny, nz, true, sum, e);
}
