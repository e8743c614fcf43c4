// SPDX-License-Identifier: Apache-2.0
#include "phantom/scene.h"

#include "base/arena.h"
#include "phantom/noise.h"

#define SOFT_MARGIN 3.0f  // mm round a solid that blending may touch
#define WOBBLE_CELLS 9.0f // the coarse field's wavelength in cells (noise.h, case.c)
#define WOBBLE_REACH 4.0f // standard deviations that a random field stays within

void ph_scene_init(struct ph_scene *s, struct arena *arena, const struct ph_field *coarse,
                   const struct ph_field *fine) {
    *s = (struct ph_scene){.arena = arena, .coarse = coarse, .fine = fine};
}

// Arena arrays grow by copying; what is left behind goes with the arena.
static void *grown(struct ph_scene *s, void *old, uint32_t count, uint32_t *cap, size_t size) {
    if (count < *cap) {
        return old;
    }
    uint32_t wanted = *cap == 0 ? 256 : *cap * 2;
    void *fresh = arena_array(s->arena, wanted, size);
    if (fresh == NULL) {
        s->failed = true;
        return NULL;
    }
    if (count > 0) {
        memcpy(fresh, old, count * size);
    }
    *cap = wanted;
    return fresh;
}

// Where writes go after a failure, so that builders need no checks.
static struct ph_part *spare_part(void) {
    static _Thread_local struct ph_part part;
    return &part;
}

static struct ph_solid *spare_solid(void) {
    static _Thread_local struct ph_solid solid;
    return &solid;
}

struct ph_solid *ph_begin(struct ph_scene *s, enum ph_tissue tissue) {
    void *room = grown(s, s->solids, s->solid_count, &s->solid_cap, sizeof *s->solids);
    if (room == NULL) {
        return spare_solid();
    }
    s->solids = room;
    struct ph_solid *solid = &s->solids[s->solid_count++];
    *solid = (struct ph_solid){.tissue = tissue, .first_op = s->op_count, .strength = 1.0f};
    return solid;
}

static void add_op(struct ph_scene *s, struct ph_op op) {
    void *room = grown(s, s->ops, s->op_count, &s->op_cap, sizeof *s->ops);
    if (room != NULL) {
        s->ops = room;
        s->ops[s->op_count++] = op;
    }
}

static struct ph_box3 box_join(struct ph_box3 a, struct ph_box3 b) {
    return (struct ph_box3){
        V3(ph_min(a.low.x, b.low.x), ph_min(a.low.y, b.low.y), ph_min(a.low.z, b.low.z)),
        V3(ph_max(a.high.x, b.high.x), ph_max(a.high.y, b.high.y), ph_max(a.high.z, b.high.z))};
}

static struct ph_box3 box_meet(struct ph_box3 a, struct ph_box3 b) {
    return (struct ph_box3){
        V3(ph_max(a.low.x, b.low.x), ph_max(a.low.y, b.low.y), ph_max(a.low.z, b.low.z)),
        V3(ph_min(a.high.x, b.high.x), ph_min(a.high.y, b.high.y), ph_min(a.high.z, b.high.z))};
}

static struct ph_box3 part_box(const struct ph_part *part) {
    struct ph_box3 box = {V3(-1e5f, -1e5f, -1e5f), V3(1e5f, 1e5f, 1e5f)};
    (void)ph_part_box(part, &box);
    return box;
}

void ph_end(struct ph_scene *s) {
    if (s->failed || s->solid_count == 0) {
        return;
    }
    struct ph_solid *solid = &s->solids[s->solid_count - 1];
    solid->op_count = s->op_count - solid->first_op;
    struct ph_box3 stack[PH_STACK_MAX];
    float blend = 0.0f;
    int top = -1;
    for (uint32_t i = 0; i < solid->op_count; i++) {
        const struct ph_op *op = &s->ops[solid->first_op + i];
        if (op->code == PH_PUSH) {
            stack[++top] = part_box(&s->parts[op->part]);
            continue;
        }
        top--;
        blend = ph_max(blend, op->k);
        if (op->code == PH_UNION) {
            stack[top] = box_join(stack[top], stack[top + 1]);
        } else if (op->code == PH_CLIP) {
            stack[top] = box_meet(stack[top], stack[top + 1]);
        }
    }
    float m = SOFT_MARGIN + solid->soft + 0.25f * blend + WOBBLE_REACH * solid->wobble +
              ph_max(0.0f, -solid->inset);
    solid->box =
        (struct ph_box3){v3_sub(stack[0].low, V3(m, m, m)), v3_add(stack[0].high, V3(m, m, m))};
}

void ph_rough(struct ph_scene *s, float wobble_mm, float size_mm) {
    if (!s->failed && s->solid_count > 0) {
        s->solids[s->solid_count - 1].wobble = wobble_mm;
        s->solids[s->solid_count - 1].wobble_size = size_mm / WOBBLE_CELLS;
        ph_end(s);
    }
}

void ph_soften(struct ph_scene *s, float soft_mm) {
    if (!s->failed && s->solid_count > 0) {
        s->solids[s->solid_count - 1].soft = soft_mm;
        ph_end(s);
    }
}

void ph_inset(struct ph_scene *s, float inset_mm) {
    if (!s->failed && s->solid_count > 0) {
        s->solids[s->solid_count - 1].inset = inset_mm;
        ph_end(s);
    }
}

void ph_union(struct ph_scene *s, float blend_mm) {
    add_op(s, (struct ph_op){.code = PH_UNION, .k = blend_mm});
}

void ph_cut(struct ph_scene *s) { add_op(s, (struct ph_op){.code = PH_CUT}); }

void ph_clip(struct ph_scene *s) { add_op(s, (struct ph_op){.code = PH_CLIP}); }

static struct ph_part *push_part(struct ph_scene *s, enum ph_part_kind kind, struct ph_v3 origin) {
    void *room = grown(s, s->parts, s->part_count, &s->part_cap, sizeof *s->parts);
    if (room == NULL) {
        return spare_part();
    }
    s->parts = room;
    struct ph_part *part = &s->parts[s->part_count];
    *part = (struct ph_part){
        .kind = kind, .origin = origin, .axis = {V3(1, 0, 0), V3(0, 1, 0), V3(0, 0, 1)}};
    add_op(s, (struct ph_op){.code = PH_PUSH, .part = s->part_count});
    s->part_count++;
    return part;
}

struct ph_part *ph_ellipsoid(struct ph_scene *s, struct ph_v3 centre, struct ph_v3 radii) {
    struct ph_part *part = push_part(s, PH_ELLIPSOID, centre);
    part->a[0] = radii.x;
    part->a[1] = radii.y;
    part->a[2] = radii.z;
    return part;
}

struct ph_part *ph_box(struct ph_scene *s, struct ph_v3 centre, struct ph_v3 half, float round) {
    struct ph_part *part = push_part(s, PH_BOX, centre);
    part->a[0] = half.x;
    part->a[1] = half.y;
    part->a[2] = half.z;
    part->a[3] = round;
    return part;
}

void ph_turn(struct ph_part *part, struct ph_v3 z, struct ph_v3 x) {
    z = v3_unit(z);
    struct ph_v3 y = v3_cross(z, x);
    if (v3_len(y) < 1e-4f) {
        y = v3_cross(z, ph_abs(z.x) < 0.8f ? V3(1, 0, 0) : V3(0, 1, 0));
    }
    y = v3_unit(y);
    part->axis[0] = v3_cross(y, z);
    part->axis[1] = y;
    part->axis[2] = z;
}

struct ph_part *ph_flat_cone(struct ph_scene *s, struct ph_v3 a, struct ph_v3 b, float ra, float rb,
                             struct ph_v3 flat, float thin) {
    struct ph_part *part = push_part(s, PH_CONE, a);
    struct ph_v3 along = v3_sub(b, a);
    part->a[0] = ra * thin;
    part->a[1] = ra;
    part->a[2] = rb * thin;
    part->a[3] = rb;
    part->a[4] = ph_max(v3_len(along), 0.01f);
    ph_turn(part, along, flat);
    return part;
}

struct ph_part *ph_cone(struct ph_scene *s, struct ph_v3 a, struct ph_v3 b, float ra, float rb) {
    return ph_flat_cone(s, a, b, ra, rb, V3(1, 0, 0), 1.0f);
}

struct ph_part *ph_plane(struct ph_scene *s, struct ph_v3 p, struct ph_v3 normal) {
    struct ph_part *part = push_part(s, PH_PLANE, p);
    ph_turn(part, normal, V3(1, 0, 0));
    return part;
}

struct ph_part *ph_loft_part(struct ph_scene *s, const struct ph_loft *loft, struct ph_v3 origin) {
    struct ph_part *part = push_part(s, PH_LOFT, origin);
    part->loft = loft;
    return part;
}

struct ph_part *ph_sheets(struct ph_scene *s, float half_width, float cell_mm, float mm_a_unit) {
    struct ph_part *part = push_part(s, PH_SHEETS, V3(0, 0, 0));
    part->field = s->coarse;
    part->a[0] = half_width;
    part->a[1] = cell_mm;
    part->a[2] = mm_a_unit;
    return part;
}

struct ph_loft *ph_loft_new(struct ph_scene *s, int count, float step, float squareness) {
    static _Thread_local struct ph_loft spare;
    struct ph_loft *l = arena_new(s->arena, struct ph_loft);
    if (l == NULL) {
        s->failed = true;
        l = &spare;
    }
    *l = (struct ph_loft){.count = count, .step = step, .squareness = squareness};
    return l;
}

void ph_knot(struct ph_loft *l, int i, float cx, float cy, float rx, float front, float back) {
    l->knot[i].cx = cx;
    l->knot[i].cy = cy;
    l->knot[i].rx = rx;
    l->knot[i].front = front;
    l->knot[i].back = back;
    if (i > 0) {
        float side = ph_abs(rx - l->knot[i - 1].rx) + ph_abs(cx - l->knot[i - 1].cx);
        float deep =
            ph_max(ph_abs(front - l->knot[i - 1].front), ph_abs(back - l->knot[i - 1].back)) +
            ph_abs(cy - l->knot[i - 1].cy);
        float slope = 1.5f * ph_max(side, deep) / l->step; // 1.5: of a cubic
        l->knot[i].slope = slope;
        l->knot[i - 1].slope = ph_max(l->knot[i - 1].slope, slope);
    }
}

struct ph_solid *ph_add_ellipsoid(struct ph_scene *s, enum ph_tissue t, struct ph_v3 c,
                                  struct ph_v3 r) {
    struct ph_solid *solid = ph_begin(s, t);
    (void)ph_ellipsoid(s, c, r);
    ph_end(s);
    return solid;
}

struct ph_solid *ph_add_cone(struct ph_scene *s, enum ph_tissue t, struct ph_v3 a, struct ph_v3 b,
                             float ra, float rb) {
    struct ph_solid *solid = ph_begin(s, t);
    (void)ph_cone(s, a, b, ra, rb);
    ph_end(s);
    return solid;
}

void ph_add_tube(struct ph_scene *s, enum ph_tissue t, const struct ph_v3 *p, int n, float ra,
                 float rb) {
    for (int i = 0; i + 1 < n; i++) {
        float from = (float)i / (float)(n - 1);
        float to = (float)(i + 1) / (float)(n - 1);
        (void)ph_add_cone(s, t, p[i], p[i + 1], ph_mix(ra, rb, from), ph_mix(ra, rb, to));
    }
}

struct ph_v3 ph_curve(const struct ph_v3 *p, int n, float t) {
    float u = ph_clamp(t, 0.0f, 1.0f) * (float)(n - 1);
    int i = (int)u;
    i = i >= n - 1 ? n - 2 : i;
    float f = u - (float)i;
    struct ph_v3 a = p[i > 0 ? i - 1 : 0];
    struct ph_v3 b = p[i];
    struct ph_v3 c = p[i + 1];
    struct ph_v3 d = p[i + 2 < n ? i + 2 : n - 1];
    float f2 = f * f;
    float f3 = f2 * f;
    struct ph_v3 out = v3_scale(b, 2.0f * f3 - 3.0f * f2 + 1.0f);
    out = v3_at(out, 0.5f * (f3 - 2.0f * f2 + f), v3_sub(c, a));
    out = v3_at(out, 3.0f * f2 - 2.0f * f3, c);
    return v3_at(out, 0.5f * (f3 - f2), v3_sub(d, b));
}

void ph_add_curve(struct ph_scene *s, enum ph_tissue t, const struct ph_v3 *p, int n, int pieces,
                  float ra, float rb) {
    struct ph_v3 last = p[0];
    for (int i = 1; i <= pieces; i++) {
        float to = (float)i / (float)pieces;
        float from = (float)(i - 1) / (float)pieces;
        struct ph_v3 next = ph_curve(p, n, to);
        (void)ph_add_cone(s, t, last, next, ph_mix(ra, rb, from), ph_mix(ra, rb, to));
        last = next;
    }
}

// max(a, b) for clips, min for unions; the smooth minimum takes k/4 off where a meets b.
static float smooth_min(float a, float b, float k) {
    float h = ph_max(k - ph_abs(a - b), 0.0f) / k;
    return ph_min(a, b) - h * h * k * 0.25f;
}

// What is known of a union: inside of either is inside; outside, the blend comes nearer than both.
static float union_bound(float a, float b, float k) {
    float low = ph_min(a, b);
    return low < 0.0f || k <= 0.0f ? low : ph_max(smooth_min(a, b, k), 0.0f);
}

float ph_solid_bound(const struct ph_scene *s, const struct ph_solid *solid, struct ph_v3 p,
                     float reach, float least_wobble) {
    float stack[PH_STACK_MAX];
    float slack =
        solid->soft + (solid->wobble > least_wobble ? WOBBLE_REACH * solid->wobble : 0.0f);
    float more = reach + slack + ph_abs(solid->inset) + 20.0f;
    int top = -1;
    for (uint32_t i = 0; i < solid->op_count; i++) {
        const struct ph_op *op = &s->ops[solid->first_op + i];
        if (op->code == PH_PUSH) {
            stack[++top] = ph_part_bound(&s->parts[op->part], p, more);
            continue;
        }
        top--;
        float b = stack[top + 1];
        if (op->code == PH_UNION) {
            stack[top] = union_bound(stack[top], b, op->k);
        } else {
            stack[top] = ph_max(stack[top], op->code == PH_CUT ? -b : b);
        }
    }
    // Parts are conservative about their own surface; the inset surface lies inside of it, so it
    // takes from the room inside only, and an outset from the room outside.
    return stack[0] > 0.0f ? ph_max(stack[0] - slack - ph_max(-solid->inset, 0.0f), 0.0f)
                           : ph_min(stack[0] + slack + ph_max(solid->inset, 0.0f), 0.0f);
}

static void combine(const struct ph_op *op, int n, float *a, const float *b) {
    if (op->code == PH_UNION && op->k > 0.0f) {
        for (int i = 0; i < n; i++) {
            a[i] = smooth_min(a[i], b[i], op->k);
        }
    } else if (op->code == PH_UNION) {
        for (int i = 0; i < n; i++) {
            a[i] = ph_min(a[i], b[i]);
        }
    } else {
        float sign = op->code == PH_CUT ? -1.0f : 1.0f;
        for (int i = 0; i < n; i++) {
            a[i] = ph_max(a[i], sign * b[i]);
        }
    }
}

void ph_solid_row(const struct ph_scene *s, const struct ph_solid *solid, struct ph_v3 p,
                  struct ph_v3 step, int n, float least_wobble, float *out) {
    float more[PH_STACK_MAX - 1][PH_ROW_MAX];
    float *stack[PH_STACK_MAX] = {out, more[0], more[1], more[2]};
    int top = -1;
    for (uint32_t i = 0; i < solid->op_count; i++) {
        const struct ph_op *op = &s->ops[solid->first_op + i];
        if (op->code == PH_PUSH) {
            ph_part_row(&s->parts[op->part], p, step, n, stack[++top]);
        } else {
            top--;
            combine(op, n, stack[top], stack[top + 1]);
        }
    }
    if (solid->wobble > least_wobble) {
        float per_mm = 1.0f / solid->wobble_size;
        float w[PH_ROW_MAX];
        ph_field_row(s->coarse, v3_scale(p, per_mm), v3_scale(step, per_mm), n, w);
        for (int i = 0; i < n; i++) {
            out[i] += solid->wobble * w[i];
        }
    }
    for (int i = 0; i < n; i++) {
        out[i] += solid->inset;
    }
}
