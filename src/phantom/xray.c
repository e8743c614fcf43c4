// SPDX-License-Identifier: Apache-2.0
#include "phantom/xray.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "phantom/noise.h"

static struct ph_v3 toward(const struct ph_view *v) {
    return v3_unit(v3_sub(v->centre, v->source));
}

static struct ph_v3 corner(const struct ph_view *v) {
    struct ph_v3 p = v3_at(v->centre, -0.5f * (float)(v->columns - 1) * v->pitch, v->across);
    return v3_at(p, -0.5f * (float)(v->rows - 1) * v->pitch, v->down);
}

struct ph_v3 ph_project(const struct ph_view *v, struct ph_v3 p) {
    struct ph_v3 axis = toward(v);
    float distance = v3_len(v3_sub(v->centre, v->source));
    struct ph_v3 q = v3_sub(p, v->source);
    float grow = distance / v3_dot(q, axis);
    struct ph_v3 hit = v3_sub(v3_at(v->source, grow, q), corner(v));
    return V3(v3_dot(hit, v->across) / v->pitch, v3_dot(hit, v->down) / v->pitch, grow);
}

// The plane of samples `back` mm in front of the detector, in the scene's own unstretched mm.
static struct ph_plane plane_at(const struct ph_view *v, float back, struct ph_v3 size) {
    float distance = v3_len(v3_sub(v->centre, v->source));
    float f = (distance - back) / distance;
    struct ph_v3 origin = v3_at(v->source, f, v3_sub(corner(v), v->source));
    struct ph_v3 du = v3_scale(v->across, f * v->pitch);
    struct ph_v3 dv = v3_scale(v->down, f * v->pitch);
#define SHRINK(p) V3((p).x / size.x, (p).y / size.y, (p).z / size.z)
    return (struct ph_plane){SHRINK(origin), SHRINK(du), SHRINK(dv)};
#undef SHRINK
}

// A vessel in lung adds its own chord: short of the sampling step, and there are thousands.
static void add_vessel(const struct ph_view *v, struct ph_v3 a, struct ph_v3 b, float ra, float rb,
                       float attenuation, float *line) {
    struct ph_v3 pa = ph_project(v, a);
    struct ph_v3 pb = ph_project(v, b);
    struct ph_v3 ray = v3_unit(v3_sub(v3_mix(a, b, 0.5f), v->source));
    struct ph_v3 axis = v3_sub(b, a);
    float length = v3_len(axis);
    float slant = v3_dot(ray, axis) / ph_max(length, 1e-3f);
    float sine = ph_sqrt(ph_max(1.0f - slant * slant, 0.01f));
    float scale = pa.z / v->pitch; // detector pixels a mm of the body
    float dx = pb.x - pa.x;
    float dy = pb.y - pa.y;
    float d2 = dx * dx + dy * dy + 1e-6f;
    float reach = ph_max(ra, rb) * scale + 1.0f;
    int x0 = ph_ifloor(ph_max(ph_min(pa.x, pb.x) - reach, 0.0f));
    int x1 = ph_ifloor(ph_min(ph_max(pa.x, pb.x) + reach, (float)(v->columns - 1)));
    int y0 = ph_ifloor(ph_max(ph_min(pa.y, pb.y) - reach, 0.0f));
    int y1 = ph_ifloor(ph_min(ph_max(pa.y, pb.y) + reach, (float)(v->rows - 1)));
    for (int y = y0; y <= y1; y++) {
        for (int x = x0; x <= x1; x++) {
            float px = (float)x - pa.x;
            float py = (float)y - pa.y;
            float t = (px * dx + py * dy) / d2;
            if (t < 0.0f || t >= 1.0f) {
                continue;
            }
            float cross = (px * dy - py * dx) / scale;
            float r = ph_mix(ra, rb, t);
            float h = r * r - cross * cross / d2;
            if (h > 0.0f) {
                float chord = ph_min(2.0f * ph_sqrt(h) / sine, ph_min(length, 3.6f * r));
                line[(size_t)y * (size_t)v->columns + (size_t)x] += attenuation * chord;
            }
        }
    }
}

static void add_vessels(const struct ph_scene *s, const struct ph_view *v, struct ph_v3 size,
                        const struct ph_palette *palette, float *line) {
    for (uint32_t i = 0; i < s->solid_count; i++) {
        const struct ph_solid *solid = &s->solids[i];
        const struct ph_part *part = &s->parts[s->ops[solid->first_op].part];
        if (!solid->thin || part->kind != PH_CONE) {
            continue;
        }
        struct ph_v3 end = v3_at(part->origin, part->a[4], part->axis[2]);
        struct ph_v3 a =
            V3(part->origin.x * size.x, part->origin.y * size.y, part->origin.z * size.z);
        struct ph_v3 b = V3(end.x * size.x, end.y * size.y, end.z * size.z);
        float more = palette->value[solid->tissue] - palette->value[PH_LUNG];
        add_vessel(v, a, b, part->a[0] * size.x, part->a[2] * size.x, more, line);
    }
}

// Samples per plane become mm along each slanted ray.
static void scale_paths(const struct ph_view *v, float *line) {
    float distance = v3_len(v3_sub(v->centre, v->source));
    struct ph_v3 first = v3_sub(corner(v), v->source);
    for (int y = 0; y < v->rows; y++) {
        struct ph_v3 row = v3_at(first, (float)y * v->pitch, v->down);
        for (int x = 0; x < v->columns; x++) {
            float slant = v3_len(v3_at(row, (float)x * v->pitch, v->across)) / distance;
            line[(size_t)y * (size_t)v->columns + (size_t)x] *= slant * v->step;
        }
    }
}

int ph_line_integrals(const struct ph_scene *scene, const struct ph_view *v,
                      const struct ph_v3 *size, float kv, float *out, struct err *e) {
    struct ph_palette palette;
    ph_palette_xray(&palette, kv);
    int planes = (int)((v->far - v->near) / v->step) + 2;
    CLEANUP(cleanup_free) struct ph_plane *plane = mem_array((size_t)planes, sizeof *plane);
    if (plane == NULL) {
        return err_set(e, E_MEMORY, "radiograph");
    }
    for (int k = 0; k < planes; k++) {
        plane[k] = plane_at(v, v->far - (float)k * v->step, *size);
    }
    memset(out, 0, (size_t)v->columns * (size_t)v->rows * sizeof *out);
    struct ph_painter painter = {.scene = scene,
                                 .palette = &palette,
                                 .edge_mm = 0.1f,
                                 .textured = true,
                                 .skip_slight = true};
    int status = ph_paint_sums(&painter, plane, v->columns, v->rows, planes - 1, out, e);
    if (status == E_OK) {
        scale_paths(v, out);
        add_vessels(scene, v, *size, &palette, out);
    }
    return status;
}
