// SPDX-License-Identifier: Apache-2.0
#include "phantom/solid.h"

#include "phantom/noise.h"

#define TINY 1e-6f

static struct ph_v3 to_local(const struct ph_part *part, struct ph_v3 p) {
    struct ph_v3 q = v3_sub(p, part->origin);
    return V3(v3_dot(part->axis[0], q), v3_dot(part->axis[1], q), v3_dot(part->axis[2], q));
}

static struct ph_v3 direction_to_local(const struct ph_part *part, struct ph_v3 d) {
    return V3(v3_dot(part->axis[0], d), v3_dot(part->axis[1], d), v3_dot(part->axis[2], d));
}

// First-order distance to an oval surface: k is its implicit value, g the length of its gradient.
static float oval_distance(float k, float g) { return k * (k - 1.0f) / (g + TINY); }

static void ellipsoid_row(const struct ph_part *part, struct ph_v3 q, struct ph_v3 s, int n,
                          float *out) {
    const float ix = 1.0f / part->a[0];
    const float iy = 1.0f / part->a[1];
    const float iz = 1.0f / part->a[2];
    for (int i = 0; i < n; i++) {
        float t = (float)i;
        float x = (q.x + t * s.x) * ix;
        float y = (q.y + t * s.y) * iy;
        float z = (q.z + t * s.z) * iz;
        float k = ph_sqrt(x * x + y * y + z * z);
        float gx = x * ix;
        float gy = y * iy;
        float gz = z * iz;
        out[i] = oval_distance(k, ph_sqrt(gx * gx + gy * gy + gz * gz));
    }
}

static void box_row(const struct ph_part *part, struct ph_v3 q, struct ph_v3 s, int n, float *out) {
    const float r = part->a[3];
    const float hx = part->a[0] - r;
    const float hy = part->a[1] - r;
    const float hz = part->a[2] - r;
    for (int i = 0; i < n; i++) {
        float t = (float)i;
        float x = ph_abs(q.x + t * s.x) - hx;
        float y = ph_abs(q.y + t * s.y) - hy;
        float z = ph_abs(q.z + t * s.z) - hz;
        float inner = ph_min(ph_max(x, ph_max(y, z)), 0.0f);
        x = ph_max(x, 0.0f);
        y = ph_max(y, 0.0f);
        z = ph_max(z, 0.0f);
        out[i] = ph_sqrt(x * x + y * y + z * z) + inner - r;
    }
}

static void cone_row(const struct ph_part *part, struct ph_v3 q, struct ph_v3 s, int n,
                     float *out) {
    const float length = part->a[4];
    const float per_mm = 1.0f / length;
    const float rx0 = part->a[0];
    const float ry0 = part->a[1];
    const float drx = part->a[2] - rx0;
    const float dry = part->a[3] - ry0;
    for (int i = 0; i < n; i++) {
        float t = (float)i;
        float x = q.x + t * s.x;
        float y = q.y + t * s.y;
        float z = q.z + t * s.z;
        float inside = ph_min(ph_max(z, 0.0f), length);
        float h = inside * per_mm;
        float ix = 1.0f / (rx0 + h * drx);
        float iy = 1.0f / (ry0 + h * dry);
        float iz = 0.5f * (ix + iy);
        x *= ix;
        y *= iy;
        z = (z - inside) * iz;
        float k = ph_sqrt(x * x + y * y + z * z);
        float gx = x * ix;
        float gy = y * iy;
        float gz = z * iz;
        out[i] = oval_distance(k, ph_sqrt(gx * gx + gy * gy + gz * gz));
    }
}

struct loft_ring {
    float cx, cy, rx, front, back;
    float beyond; // mm over either end, negative between
};

// Cubic between the knots, so that outlines have no corners.
static float knot_mix(float a, float b, float c, float d, float t) {
    float m0 = 0.5f * (c - a);
    float m1 = 0.5f * (d - b);
    float t2 = t * t;
    float t3 = t2 * t;
    return (2.0f * t3 - 3.0f * t2 + 1.0f) * b + (t3 - 2.0f * t2 + t) * m0 +
           (3.0f * t2 - 2.0f * t3) * c + (t3 - t2) * m1;
}

static struct loft_ring ring_at(const struct ph_loft *l, float z) {
    int last = l->count - 1;
    float end = (float)last * l->step;
    float u = ph_clamp(z, 0.0f, end) / l->step;
    int i = (int)u;
    i = i >= last ? last - 1 : i;
    float t = u - (float)i;
    int before = i > 0 ? i - 1 : 0;
    int after = i + 2 <= last ? i + 2 : last;
#define MIX(name)                                                                                  \
    knot_mix(l->knot[before].name, l->knot[i].name, l->knot[i + 1].name, l->knot[after].name, t)
    struct loft_ring r = {MIX(cx),
                          MIX(cy),
                          ph_max(MIX(rx), 0.2f),
                          ph_max(MIX(front), 0.2f),
                          ph_max(MIX(back), 0.2f),
                          ph_max(-z, z - end)};
#undef MIX
    return r;
}

static float ring_distance(const struct ph_loft *l, const struct loft_ring *r, float x, float y) {
    float ix = 1.0f / r->rx;
    float iy = 1.0f / (y < r->cy ? r->front : r->back);
    float u = (x - r->cx) * ix;
    float v = (y - r->cy) * iy;
    float u2 = u * u;
    float v2 = v * v;
    float round = ph_sqrt(u2 + v2);
    float square = ph_sqrt(ph_sqrt(u2 * u2 + v2 * v2));
    float k = round + l->squareness * (square - round);
    float g = ph_sqrt(u2 * ix * ix + v2 * iy * iy);
    float flat = (k - 1.0f) * (round + TINY) / (g + TINY);
    return ph_max(flat, r->beyond);
}

// The same ring for the whole row: no look-ups, and the loop vectorises.
static void level_loft_row(const struct ph_loft *l, const struct loft_ring *ring, struct ph_v3 q,
                           struct ph_v3 s, int n, float *out) {
    const float cx = ring->cx;
    const float cy = ring->cy;
    const float beyond = ring->beyond;
    const float square_share = l->squareness;
    const float ix = 1.0f / ring->rx;
    const float i_front = 1.0f / ring->front;
    const float i_back = 1.0f / ring->back;
    for (int i = 0; i < n; i++) {
        float t = (float)i;
        float y = q.y + t * s.y - cy;
        float iy = y < 0.0f ? i_front : i_back;
        float u = (q.x + t * s.x - cx) * ix;
        float v = y * iy;
        float u2 = u * u;
        float v2 = v * v;
        float round = ph_sqrt(u2 + v2);
        float k = round + square_share * (ph_sqrt(ph_sqrt(u2 * u2 + v2 * v2)) - round);
        float g = ph_sqrt(u2 * ix * ix + v2 * iy * iy);
        out[i] = ph_max((k - 1.0f) * (round + TINY) / (g + TINY), beyond);
    }
}

static void loft_row(const struct ph_part *part, struct ph_v3 q, struct ph_v3 s, int n,
                     float *out) {
    const struct ph_loft *l = part->loft;
    if (ph_abs(s.z) < 1e-5f) {
        struct loft_ring ring = ring_at(l, q.z);
        level_loft_row(l, &ring, q, s, n, out);
        return;
    }
    for (int i = 0; i < n; i++) {
        float t = (float)i;
        struct loft_ring ring = ring_at(l, q.z + t * s.z);
        out[i] = ring_distance(l, &ring, q.x + t * s.x, q.y + t * s.y);
    }
}

static void sheets_row(const struct ph_part *part, struct ph_v3 q, struct ph_v3 s, int n,
                       float *out) {
    const float per_mm = 1.0f / part->a[1];
    ph_field_row(part->field, v3_scale(q, per_mm), v3_scale(s, per_mm), n, out);
    for (int i = 0; i < n; i++) {
        out[i] = ph_abs(out[i]) * part->a[2] - part->a[0];
    }
}

void ph_part_row(const struct ph_part *part, struct ph_v3 p, struct ph_v3 step, int n, float *out) {
    struct ph_v3 q = to_local(part, p);
    struct ph_v3 s = direction_to_local(part, step);
    switch (part->kind) {
    case PH_ELLIPSOID:
        ellipsoid_row(part, q, s, n, out);
        break;
    case PH_BOX:
        box_row(part, q, s, n, out);
        break;
    case PH_CONE:
        cone_row(part, q, s, n, out);
        break;
    case PH_LOFT:
        loft_row(part, q, s, n, out);
        break;
    case PH_PLANE:
        for (int i = 0; i < n; i++) {
            out[i] = q.z + (float)i * s.z;
        }
        break;
    case PH_SHEETS:
        sheets_row(part, q, s, n, out);
        break;
    }
    if (part->shell > 0.0f) {
        for (int i = 0; i < n; i++) {
            out[i] = ph_abs(out[i]) - part->shell;
        }
    }
}

static float cone_bound(const struct ph_part *part, struct ph_v3 q) {
    float length = part->a[4];
    float inside = ph_clamp(q.z, 0.0f, length);
    float h = inside / length;
    float rx = ph_mix(part->a[0], part->a[2], h);
    float ry = ph_mix(part->a[1], part->a[3], h);
    float low = ph_min(rx, ry);
    struct ph_v3 u = V3(q.x / rx, q.y / ry, (q.z - inside) * 0.5f * (1.0f / rx + 1.0f / ry));
    float slope = ph_max(ph_abs(part->a[2] - part->a[0]), ph_abs(part->a[3] - part->a[1])) / length;
    return (v3_len(u) - 1.0f) * low / (1.0f + slope);
}

// The first-order distance is too generous deep inside a flat oval, so this goes by the least
// radius, and by the steepest slope of the outline among the knots within reach.
static float loft_bound(const struct ph_part *part, struct ph_v3 q, float reach) {
    const struct ph_loft *l = part->loft;
    struct loft_ring r = ring_at(l, q.z);
    float u = (q.x - r.cx) / r.rx;
    float v = (q.y - r.cy) / (q.y < r.cy ? r.front : r.back);
    float round = ph_sqrt(u * u + v * v);
    float square = ph_sqrt(ph_sqrt(u * u * u * u + v * v * v * v));
    float k = round + l->squareness * (square - round);
    float least = ph_min(r.rx, ph_min(r.front, r.back));
    float last = (float)(l->count - 1);
    int from = (int)ph_clamp((q.z - reach) / l->step, 0.0f, last);
    int to = (int)ph_clamp((q.z + reach) / l->step + 1.0f, 0.0f, last);
    float slope = 0.0f;
    for (int i = from; i <= to; i++) {
        slope = ph_max(slope, l->knot[i].slope);
    }
    return ph_max((k - 1.0f) * least * 0.85f / ph_sqrt(1.0f + slope * slope), r.beyond);
}

float ph_part_bound(const struct ph_part *part, struct ph_v3 p, float reach) {
    struct ph_v3 q = to_local(part, p);
    float b = 0.0f;
    switch (part->kind) {
    case PH_ELLIPSOID: {
        struct ph_v3 u = V3(q.x / part->a[0], q.y / part->a[1], q.z / part->a[2]);
        b = (v3_len(u) - 1.0f) * ph_min(part->a[0], ph_min(part->a[1], part->a[2]));
        break;
    }
    case PH_BOX:
        box_row(part, q, V3(0, 0, 0), 1, &b);
        break;
    case PH_CONE:
        b = cone_bound(part, q);
        break;
    case PH_LOFT:
        b = loft_bound(part, q, reach);
        break;
    case PH_PLANE:
        b = q.z;
        break;
    case PH_SHEETS:
        return 0.0f; // could be anything within a fold's width
    }
    return part->shell > 0.0f ? ph_abs(b) - part->shell : b;
}

static void box_grow(struct ph_box3 *box, struct ph_v3 p, struct ph_v3 half) {
    box->low = V3(ph_min(box->low.x, p.x - half.x), ph_min(box->low.y, p.y - half.y),
                  ph_min(box->low.z, p.z - half.z));
    box->high = V3(ph_max(box->high.x, p.x + half.x), ph_max(box->high.y, p.y + half.y),
                   ph_max(box->high.z, p.z + half.z));
}

// Half-extents in world axes of a local box with half-sides (x, y, z).
static struct ph_v3 turned(const struct ph_part *part, float x, float y, float z) {
    const struct ph_v3 *a = part->axis;
    return V3(ph_abs(a[0].x) * x + ph_abs(a[1].x) * y + ph_abs(a[2].x) * z,
              ph_abs(a[0].y) * x + ph_abs(a[1].y) * y + ph_abs(a[2].y) * z,
              ph_abs(a[0].z) * x + ph_abs(a[1].z) * y + ph_abs(a[2].z) * z);
}

static struct ph_v3 to_world(const struct ph_part *part, struct ph_v3 q) {
    struct ph_v3 p = v3_at(part->origin, q.x, part->axis[0]);
    return v3_at(v3_at(p, q.y, part->axis[1]), q.z, part->axis[2]);
}

static void loft_box(const struct ph_part *part, struct ph_box3 *box) {
    const struct ph_loft *l = part->loft;
    for (int i = 0; i < l->count; i++) {
        float deep = ph_max(l->knot[i].front, l->knot[i].back);
        struct ph_v3 centre = V3(l->knot[i].cx, l->knot[i].cy, (float)i * l->step);
        struct ph_v3 half =
            turned(part, l->knot[i].rx * 1.05f + 2.0f, deep * 1.05f + 2.0f, 0.5f * l->step);
        box_grow(box, to_world(part, centre), half);
    }
}

bool ph_part_box(const struct ph_part *part, struct ph_box3 *ret_box) {
    struct ph_box3 box = {V3(1e9f, 1e9f, 1e9f), V3(-1e9f, -1e9f, -1e9f)};
    float s = part->shell;
    switch (part->kind) {
    case PH_ELLIPSOID:
    case PH_BOX:
        box_grow(&box, part->origin, turned(part, part->a[0] + s, part->a[1] + s, part->a[2] + s));
        break;
    case PH_CONE: {
        float r = ph_max(ph_max(part->a[0], part->a[1]), ph_max(part->a[2], part->a[3])) + s;
        box_grow(&box, part->origin, V3(r, r, r));
        box_grow(&box, to_world(part, V3(0, 0, part->a[4])), V3(r, r, r));
        break;
    }
    case PH_LOFT:
        loft_box(part, &box);
        break;
    case PH_PLANE:
    case PH_SHEETS:
        return false;
    }
    *ret_box = box;
    return true;
}
