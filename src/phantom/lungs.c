// SPDX-License-Identifier: Apache-2.0
// Lungs: air spaces between ribs, mediastinum and diaphragm, and a tree of vessels and airways that
// shares the space out among its branches as real ones do: a branch serves a territory, which is
// cut in two until each twig has its own.
#include "phantom/thorax.h"

#include "base/arena.h"

void ph_push_dome(struct ph_body *b, float side, float lift) {
    float down = b->person->breath;
    struct ph_scene *s = b->scene;
    struct ph_v3 top = side < 0.0f ? V3(-62, -12, -48 - down) : V3(66, -10, -58 - down);
    (void)ph_ellipsoid(s, top, V3(74 + lift, 92 + lift, (side < 0.0f ? 72.0f : 68.0f) + lift));
}

void ph_build_lungs(struct ph_body *b) {
    for (int i = 0; i < 2; i++) {
        float side = i == 0 ? -1.0f : 1.0f;
        (void)ph_begin(b->scene, PH_LUNG);
        (void)ph_loft_part(b->scene, ph_lung_loft(b->scene, side), V3(0, 0, PH_LUNG_BASE));
        ph_push_dome(b, side, 0.0f);
        ph_cut(b->scene);
        ph_end(b->scene);
    }
    for (int i = 0; i < 2; i++) { // the oblique fissures: a sheet that leans forward
        float side = i == 0 ? -1.0f : 1.0f;
        struct ph_solid *sheet = ph_begin(b->scene, PH_VESSEL_LUNG);
        sheet->strength = 0.3f;
        ph_ellipsoid(b->scene, V3(side * 60, 330, 300), V3(330, 370, 330))->shell = 0.35f;
        (void)ph_loft_part(b->scene, ph_lung_loft(b->scene, side), V3(0, 0, PH_LUNG_BASE));
        ph_clip(b->scene);
        ph_push_dome(b, side, 0.0f);
        ph_cut(b->scene);
        sheet->thin = true;
        ph_end(b->scene);
    }
}

#define TWIGS 760 // end points a lung
#define TREE_STACK 64
#define THIN_RADIUS 2.4f // mm; what is thinner is added to radiographs as a line

struct tree {
    struct ph_scene *scene;
    enum ph_tissue tissue;
    struct ph_v3 *points;
    float root_radius;
    float bend;
    bool airways;
    struct rng *rng;
};

struct limb {
    int first, count;
    struct ph_v3 from;
    float radius;
};

static bool in_lung(const struct ph_loft *l, float side, struct ph_v3 p, const struct ph_body *b) {
    if (b->shrunk_side == side) {
        struct ph_v3 q = v3_sub(p, b->shrunk_centre);
        struct ph_v3 r = b->shrunk_radii;
        if (v3_len(V3(q.x / r.x, q.y / r.y, q.z / r.z)) > 0.94f) {
            return false;
        }
    }
    float u = (p.z - PH_LUNG_BASE) / l->step;
    if (u < 0.0f || u > (float)(l->count - 1) - 0.2f) {
        return false;
    }
    int i = (int)u;
    float x = (p.x - l->knot[i].cx) / (l->knot[i].rx - 3.0f);
    float y =
        (p.y - l->knot[i].cy) / ((p.y < l->knot[i].cy ? l->knot[i].front : l->knot[i].back) - 3.0f);
    float down = b->person->breath;
    struct ph_v3 top = side < 0.0f ? V3(-62, -12, -48 - down) : V3(66, -10, -58 - down);
    struct ph_v3 q = v3_sub(p, top);
    float dome =
        q.x * q.x / (77.0f * 77.0f) + q.y * q.y / (95.0f * 95.0f) + q.z * q.z / (74.0f * 74.0f);
    float middle = side > 0.0f && p.y < 10.0f && p.z < 90.0f ? 60.0f : 22.0f; // the heart's share
    return x * x + y * y < 1.0f && dome > 1.0f && p.x * side > middle;
}

static int scatter_twigs(struct ph_body *b, const struct ph_loft *l, float side,
                         struct ph_v3 *points) {
    int n = 0;
    for (int tries = 0; tries < 40 * TWIGS && n < TWIGS; tries++) {
        struct ph_v3 p =
            V3(side * ph_vary(b->rng, 70, 70), ph_vary(b->rng, 0, 92), ph_vary(b->rng, 80, 145));
        if (in_lung(l, side, p, b)) {
            points[n++] = p;
        }
    }
    return n;
}

static float along(struct ph_v3 p, int axis) { return axis == 0 ? p.x : axis == 1 ? p.y : p.z; }

// The axis on which the points spread most.
static int longest_axis(const struct ph_v3 *p, int n) {
    struct ph_v3 low = p[0];
    struct ph_v3 high = p[0];
    for (int i = 1; i < n; i++) {
        low = V3(ph_min(low.x, p[i].x), ph_min(low.y, p[i].y), ph_min(low.z, p[i].z));
        high = V3(ph_max(high.x, p[i].x), ph_max(high.y, p[i].y), ph_max(high.z, p[i].z));
    }
    struct ph_v3 d = v3_sub(high, low);
    return d.x > d.y && d.x > d.z ? 0 : d.y > d.z ? 1 : 2;
}

// Points below the `pivot` value first; answers how many.
static int divide(struct ph_v3 *p, int n, int axis, float pivot) {
    int low = 0;
    for (int i = 0; i < n; i++) {
        if (along(p[i], axis) < pivot) {
            struct ph_v3 t = p[i];
            p[i] = p[low];
            p[low++] = t;
        }
    }
    return low;
}

static struct ph_v3 middle_of(const struct ph_v3 *p, int n) {
    struct ph_v3 sum = V3(0, 0, 0);
    for (int i = 0; i < n; i++) {
        sum = v3_add(sum, p[i]);
    }
    return v3_scale(sum, 1.0f / (float)n);
}

static float radius_for(const struct tree *t, int count, int total) {
    return t->root_radius * ph_pow((float)count / (float)total, 0.39f);
}

static void add_piece(const struct tree *t, struct ph_v3 a, struct ph_v3 c, float ra, float rb) {
    struct ph_v3 across = V3(ph_vary(t->rng, 0, 1), ph_vary(t->rng, 0, 1), ph_vary(t->rng, 0, 1));
    struct ph_v3 mid = v3_at(v3_mix(a, c, 0.5f), t->bend * v3_len(v3_sub(c, a)), across);
    struct ph_v3 p[3] = {a, mid, c};
    for (int i = 0; i < 2; i++) {
        float from = ph_mix(ra, rb, 0.5f * (float)i);
        float to = ph_mix(ra, rb, 0.5f * (float)(i + 1));
        if (t->airways) {
            ph_add_cone(t->scene, PH_MUCOSA, p[i], p[i + 1], from * 1.16f + 0.35f,
                        to * 1.16f + 0.35f);
            ph_add_cone(t->scene, PH_GAS, p[i], p[i + 1], from, to);
        } else {
            ph_add_cone(t->scene, t->tissue, p[i], p[i + 1], from, to)->thin = from < THIN_RADIUS;
        }
    }
}

// Territories wait on a stack; each is cut across its longest axis through its middle.
static void grow_tree(struct tree *t, int total, struct ph_v3 root, int stop_at) {
    struct limb stack[TREE_STACK];
    int top = 0;
    stack[top++] = (struct limb){0, total, root, t->root_radius};
    while (top > 0) {
        struct limb l = stack[--top];
        struct ph_v3 *p = t->points + l.first;
        if (l.count <= stop_at) {
            if (stop_at == 1) {
                add_piece(t, l.from, p[0], l.radius, 0.45f * l.radius);
            }
            continue;
        }
        struct ph_v3 middle = middle_of(p, l.count);
        struct ph_v3 fork = v3_mix(l.from, middle, l.count == total ? 0.28f : 0.55f);
        float radius = radius_for(t, l.count, total);
        add_piece(t, l.from, fork, l.radius, radius);
        int axis = longest_axis(p, l.count);
        int low = divide(p, l.count, axis, along(middle, axis) + 0.01f);
        if (low == 0 || low == l.count || top + 2 > TREE_STACK) {
            continue; // points on one spot: this branch ends here
        }
        float fall = 0.92f * radius;
        stack[top++] =
            (struct limb){l.first, low, fork, ph_min(fall, 1.1f * radius_for(t, low, total))};
        stack[top++] = (struct limb){l.first + low, l.count - low, fork,
                                     ph_min(fall, 1.1f * radius_for(t, l.count - low, total))};
    }
}

void ph_build_lung_vessels(struct ph_body *b) {
    struct ph_v3 *points = arena_array(b->scene->arena, TWIGS, sizeof *points);
    if (points == NULL) {
        b->scene->failed = true;
        return;
    }
    for (int i = 0; i < 2; i++) {
        float side = i == 0 ? -1.0f : 1.0f;
        const struct ph_loft *l = ph_lung_loft(b->scene, side);
        struct tree arteries = {b->scene, PH_VESSEL_LUNG, points, 6.6f, 0.1f, false, b->rng};
        int n = scatter_twigs(b, l, side, points);
        if (n < 2) {
            continue;
        }
        struct ph_v3 hilum = V3(side * 48, 12, 92);
        grow_tree(&arteries, n, hilum, 1);
        struct tree airways = {b->scene, PH_GAS, points, 3.6f, 0.04f, true, b->rng};
        grow_tree(&airways, n, v3_add(hilum, V3(-side * 2, 8, -4)), 50);
        n = scatter_twigs(b, l, side, points);
        struct tree veins = {b->scene, PH_VESSEL_LUNG, points, 6.0f, 0.1f, false, b->rng};
        grow_tree(&veins, n, v3_add(hilum, V3(side * -4, -2, -26)), 1);
    }
}
