// SPDX-License-Identifier: Apache-2.0
#include "gate/face_plane.h"

#include <stddef.h>
#include <string.h>

#include "gate/face_grid.h"

#define BRAIN_LOW_HU (-20)
#define BRAIN_HIGH_HU 130
#define BRAIN_SHARE 0.8      // of what is in the ring
#define RING_AREA_MIN 3000.0 // mm²
#define RING_AREA_MAX 32000.0
#define CAVITY_HU (-400)
#define HEAD_SIDE_MIN 80.0 // mm
#define HEAD_SIDE_MAX 270.0
#define FRONT_SHARE 0.45
#define MIDDLE_MM 40.0
#define FACE_BONE_IN_FRONT 250.0 // mm²
#define FACE_AIR_MIN 100.0
#define FACE_AIR_SHARE 0.25
#define FACE_BONE_SHARE 0.05
#define FACE_BONE_SHARE_MAX 0.42
#define FACE_SOFT_SHARE 0.35 // skin and muscle: a dry skull has no face
#define SOFT_LOW_HU (-150)
#define SOFT_HIGH_HU 150

enum { OPEN, BONE, OUTER, INNER = GATE_PLANE_INNER };

static int neighbours(const struct gate_plane *p, int i, int out[4]) {
    int x = i % p->width, n = 0;
    if (x > 0) {
        out[n++] = i - 1;
    }
    if (x + 1 < p->width) {
        out[n++] = i + 1;
    }
    if (i >= p->width) {
        out[n++] = i - p->width;
    }
    if (i + p->width < p->width * p->height) {
        out[n++] = i + p->width;
    }
    return n;
}

// Bone, thicker by a cell on each side, so that sutures and thin places do not leak.
static void mark_bone(const struct gate_plane *p) {
    int cells = p->width * p->height, around[4];
    memset(p->marks, OPEN, (size_t)cells);
    for (int i = 0; i < cells; i++) {
        if (p->hu[i] > GATE_GRID_BONE_HU) {
            p->marks[i] = BONE;
            int n = neighbours(p, i, around);
            for (int k = 0; k < n; k++) {
                p->marks[around[k]] = BONE;
            }
        }
    }
}

// From the cells in the queue on, all OPEN ones that can be reached become `to`.
static int spread(const struct gate_plane *p, int count, uint8_t to) {
    int around[4];
    for (int next = 0; next < count; next++) {
        int n = neighbours(p, (int)p->queue[next], around);
        for (int k = 0; k < n; k++) {
            if (p->marks[around[k]] == OPEN) {
                p->marks[around[k]] = to;
                p->queue[count++] = (uint32_t)around[k];
            }
        }
    }
    return count;
}

static void mark_outside(const struct gate_plane *p) {
    int count = 0, cells = p->width * p->height;
    for (int i = 0; i < cells; i++) {
        int x = i % p->width, y = i / p->width;
        bool edge = x == 0 || y == 0 || x == p->width - 1 || y == p->height - 1;
        if ((edge || p->hu[i] == GATE_GRID_NONE) && p->marks[i] == OPEN) {
            p->marks[i] = OUTER;
            p->queue[count++] = (uint32_t)i;
        }
    }
    (void)spread(p, count, OUTER);
}

// What the area of `count` cells in the queue is.
static struct gate_ring describe(const struct gate_plane *p, int count) {
    struct gate_ring r = {.x0 = p->width, .y0 = p->height, .x1 = -1, .y1 = -1};
    double sx = 0, sy = 0;
    int brain = 0;
    for (int i = 0; i < count; i++) {
        int x = (int)p->queue[i] % p->width, y = (int)p->queue[i] / p->width;
        int16_t hu = p->hu[p->queue[i]];
        brain += hu >= BRAIN_LOW_HU && hu <= BRAIN_HIGH_HU;
        sx += x;
        sy += y;
        r.x0 = x < r.x0 ? x : r.x0;
        r.x1 = x > r.x1 ? x : r.x1;
        r.y0 = y < r.y0 ? y : r.y0;
        r.y1 = y > r.y1 ? y : r.y1;
    }
    double area = count * p->mm * p->mm;
    bool fits = area >= RING_AREA_MIN && area <= RING_AREA_MAX && brain >= BRAIN_SHARE * count;
    r.area = fits ? area : 0;
    r.cx = sx / count;
    r.cy = sy / count;
    return r;
}

void gate_plane_ring(const struct gate_plane *p, struct gate_ring *ret_ring) {
    *ret_ring = (struct gate_ring){.area = 0};
    int cells = p->width * p->height;
    mark_bone(p);
    mark_outside(p);
    for (int i = 0; i < cells; i++) {
        if (p->marks[i] == OPEN) {
            p->marks[i] = INNER;
            p->queue[0] = (uint32_t)i;
            struct gate_ring r = describe(p, spread(p, 1, INNER));
            *ret_ring = r.area > ret_ring->area ? r : *ret_ring;
        }
    }
}

// --- the whole section

static bool in_body(const struct gate_plane *p, int i) {
    return p->body != NULL ? p->body[i] != 0 : p->hu[i] > GATE_GRID_BODY_HU;
}

static void bound(const struct gate_plane *p, struct gate_section *s) {
    *s = (struct gate_section){.x0 = p->width, .y0 = p->height, .x1 = -1, .y1 = -1};
    for (int y = 0, i = 0; y < p->height; y++) {
        for (int x = 0; x < p->width; x++, i++) {
            if (in_body(p, i)) {
                s->area += p->mm * p->mm;
                s->x0 = x < s->x0 ? x : s->x0;
                s->x1 = x > s->x1 ? x : s->x1;
                s->y0 = y < s->y0 ? y : s->y0;
                s->y1 = y > s->y1 ? y : s->y1;
            }
        }
    }
}

// Cells between the first and the last of the body in their row; then the same by columns, so that
// what is left lies inside of the outline.
static void mark_inside(const struct gate_plane *p, const struct gate_section *s) {
    memset(p->marks, 0, (size_t)p->width * (size_t)p->height);
    for (int y = s->y0; y <= s->y1; y++) {
        int first = -1, last = -1;
        for (int x = s->x0; x <= s->x1; x++) {
            if (in_body(p, y * p->width + x)) {
                first = first < 0 ? x : first;
                last = x;
            }
        }
        for (int x = first; first >= 0 && x <= last; x++) {
            p->marks[y * p->width + x] = 1;
        }
    }
    for (int x = s->x0; x <= s->x1; x++) {
        int first = -1, last = -1;
        for (int y = s->y0; y <= s->y1; y++) {
            if (in_body(p, y * p->width + x)) {
                first = first < 0 ? y : first;
                last = y;
            }
        }
        for (int y = s->y0; y <= s->y1; y++) {
            p->marks[y * p->width + x] &= first >= 0 && y > first && y < last;
        }
    }
}

void gate_plane_section(const struct gate_plane *p, struct gate_section *ret_section) {
    struct gate_section s;
    double cell = p->mm * p->mm;
    bound(p, &s);
    *ret_section = s;
    if (s.area <= 0) {
        return;
    }
    mark_inside(p, &s);
    double middle = (s.x0 + s.x1) / 2.0, front = s.y0 + FRONT_SHARE * (s.y1 - s.y0);
    for (int y = s.y0; y <= s.y1; y++) {
        for (int x = s.x0; x <= s.x1; x++) {
            int i = y * p->width + x;
            bool bone = p->hu[i] > GATE_GRID_BONE_HU && in_body(p, i);
            double aside = (x - middle) * p->mm;
            s.air += p->marks[i] != 0 && p->hu[i] < CAVITY_HU ? cell : 0;
            s.bone += bone ? cell : 0;
            s.soft += p->hu[i] > SOFT_LOW_HU && p->hu[i] < SOFT_HIGH_HU && in_body(p, i) ? cell : 0;
            s.bone_in_front +=
                bone && y < front && aside > -MIDDLE_MM && aside < MIDDLE_MM ? cell : 0;
        }
    }
    *ret_section = s;
}

bool gate_section_is_head_sized(const struct gate_section *s, double mm) {
    double w = (s->x1 - s->x0 + 1) * mm, h = (s->y1 - s->y0 + 1) * mm;
    return s->area > 0 && w >= HEAD_SIDE_MIN && w <= HEAD_SIDE_MAX && h >= HEAD_SIDE_MIN &&
           h <= HEAD_SIDE_MAX;
}

bool gate_section_is_face(const struct gate_section *s, double mm) {
    return gate_section_is_head_sized(s, mm) && s->bone_in_front >= FACE_BONE_IN_FRONT &&
           s->bone >= FACE_BONE_SHARE * s->area && s->bone <= FACE_BONE_SHARE_MAX * s->area &&
           s->air >= FACE_AIR_MIN && s->air <= FACE_AIR_SHARE * s->area &&
           s->soft >= FACE_SOFT_SHARE * s->area;
}
