// SPDX-License-Identifier: Apache-2.0
#include "gate/face_head.h"

#include <math.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

#define BRAIN_MM3_MIN 120000.0
#define RUN_GAP_MM 7.0    // sections without a closed ring that do not end a run
#define RUN_SHIFT_MM 20.0 // of the middle from section to section
#define LENGTH_ADULT_MM 166.0
#define SCALE_MIN 0.55
#define SCALE_MAX 1.15
#define FOREHEAD_MM_MAX 45.0 // from brain to skin
#define SEEN_PRESENT_MM 45.0 // of face below the brow: eyes and nose
#define SEEN_PARTIAL_MM 15.0
#define SEEN_HALF_MM 30.0 // to each side of the middle
#define SEEN_SHARE 0.6
#define STEP_MM 14.0 // a face behind the brow by so much has been taken away
#define STEP_SPAN_MM 8.0
#define FLOOR_MM 25.0 // of the brain, below the lowest closed ring
#define FACE_RUN_MM 12.0
#define CHIN_BELOW_BROW_MM 185.0 // at most
#define NECK_BEHIND_MM 32.0
#define CHIN_MARGIN_MM 6.0
#define BRAIN_CELL 2

int gate_front_y(const struct gate_front *f, int x, int z) {
    const struct gate_grid *g = f->grid;
    if (x < 0 || x >= g->nx || z < 0 || z >= g->nz) {
        return -1;
    }
    int edge = -1; // the last cell that is gone
    for (int y = 0; y < g->ny; y++) {
        size_t i = gate_grid_at(g, x, y, z);
        if (f->gone != NULL && f->gone(f->context, x, y, z)) {
            edge = y;
        } else if (g->body[i] != 0) {
            bool cut = y == 0 || g->values[gate_grid_at(g, x, y - 1, z)] == GATE_GRID_NONE;
            bool cavity = edge >= 0 && y - edge > f->cavity;
            return cut || cavity ? -1 : y;
        }
    }
    return -1;
}

static int cells_of(const struct gate_grid *g, double mm) { return (int)lrint(mm / g->mm); }

// --- sections

struct scan {
    struct gate_grid *g;
    struct gate_ring *rings;
    bool *face; // sections that look like a part of a face
    uint8_t *marks;
    uint32_t *queue;
};

static struct gate_plane plane_of(const struct scan *s, int z) {
    size_t at = gate_grid_at(s->g, 0, 0, z);
    return (struct gate_plane){s->g->nx,        s->g->ny, s->g->mm, s->g->values + at,
                               s->g->body + at, s->marks, s->queue};
}

static void look_at_sections(struct scan *s) {
    for (int z = 0; z < s->g->nz; z++) {
        struct gate_plane p = plane_of(s, z);
        struct gate_section section;
        gate_plane_ring(&p, &s->rings[z]);
        gate_plane_section(&p, &section);
        s->face[z] = gate_section_is_face(&section, s->g->mm);
    }
}

static bool follows(const struct scan *s, int z, int last) {
    const struct gate_ring *a = &s->rings[z], *b = &s->rings[last];
    double shift = hypot(a->cx - b->cx, a->cy - b->cy) * s->g->mm;
    return shift <= RUN_SHIFT_MM && (z - last) * s->g->mm <= RUN_GAP_MM;
}

// The run of sections that hold the most brain.
static double best_run(const struct scan *s, int *ret_low, int *ret_high) {
    double best = 0, volume = 0;
    int low = -1, last = -1;
    for (int z = 0; z < s->g->nz; z++) {
        if (s->rings[z].area <= 0) {
            continue;
        }
        if (last < 0 || !follows(s, z, last)) {
            low = z;
            volume = 0;
        }
        last = z;
        volume += s->rings[z].area * s->g->mm;
        if (volume > best) {
            best = volume;
            *ret_low = low;
            *ret_high = z;
        }
    }
    return best;
}

// Marks what the rings enclose.
static void mark_brain(const struct scan *s, const struct gate_head *h) {
    for (int z = h->ring_low; z <= h->ring_high; z++) {
        const struct gate_ring *r = &s->rings[z];
        struct gate_plane p = plane_of(s, z);
        struct gate_ring again;
        if (r->area <= 0) {
            continue;
        }
        gate_plane_ring(&p, &again); // leaves its marks
        size_t at = gate_grid_at(s->g, 0, 0, z);
        for (int y = r->y0; y <= r->y1; y++) {
            for (int x = r->x0; x <= r->x1; x++) {
                int i = y * s->g->nx + x;
                if (p.marks[i] == GATE_PLANE_INNER && s->g->body[at + (size_t)i] != 0) {
                    s->g->body[at + (size_t)i] = BRAIN_CELL;
                }
            }
        }
    }
}

static void place_head(const struct scan *s, struct gate_head *h) {
    int length = 0;
    double sx = 0, sy = 0, n = 0;
    for (int z = h->ring_high; z >= h->ring_low; z--) {
        const struct gate_ring *r = &s->rings[z];
        if (r->area > 0 && r->y1 - r->y0 > length) {
            length = r->y1 - r->y0;
            h->brow = z;
        }
        sx += r->area * r->cx;
        sy += r->area * r->cy;
        n += r->area;
    }
    double scale = length * s->g->mm / LENGTH_ADULT_MM;
    h->scale = scale < SCALE_MIN ? SCALE_MIN : scale > SCALE_MAX ? SCALE_MAX : scale;
    h->cx = sx / n;
    h->cy = sy / n;
    h->low = h->brow - cells_of(s->g, GATE_FACE_BELOW_BROW_MM * h->scale);
    h->high = h->brow + cells_of(s->g, GATE_FACE_ABOVE_BROW_MM * h->scale);
}

// --- the face

// Sections from `from` to `to` in whose middle the skin can be seen from the front, and how far
// forward it comes (cells).
static int seen_sections(const struct gate_grid *g, const struct gate_head *h, int from, int to,
                         int *ret_front) {
    struct gate_front f = {.grid = g};
    int half = cells_of(g, SEEN_HALF_MM * h->scale), seen = 0;
    for (int z = from < 0 ? 0 : from; z <= to && z < g->nz; z++) {
        int hits = 0;
        for (int x = (int)h->cx - half; x <= (int)h->cx + half; x++) {
            int y = gate_front_y(&f, x, z);
            hits += y >= 0 && y < h->cy;
            *ret_front = y >= 0 && y < *ret_front ? y : *ret_front;
        }
        seen += hits >= SEEN_SHARE * (2 * half + 1);
    }
    return seen;
}

// The chin may lie lower than measures say (heads that are bent back, or of another build): down to
// where the front of the neck lies far behind the brow.
static void lower_to_chin(const struct gate_grid *g, struct gate_head *h, int brow_front) {
    int lowest = h->brow - cells_of(g, CHIN_BELOW_BROW_MM), behind = cells_of(g, NECK_BEHIND_MM);
    for (int z = h->low < 0 ? 0 : h->low; z > 0 && z >= lowest; z--) {
        int front = g->ny;
        (void)seen_sections(g, h, z, z, &front);
        if (front > brow_front + behind) {
            return;
        }
        h->low = z - cells_of(g, CHIN_MARGIN_MM);
    }
}

// A face that was taken away: the front steps back at the floor of the brain or above it, and
// nothing below comes forward again. Faces do that only under the chin.
static bool has_been_cut(const struct gate_grid *g, const struct gate_head *h) {
    int span = cells_of(g, STEP_SPAN_MM), step = cells_of(g, STEP_MM);
    int lowest = h->ring_low - cells_of(g, FLOOR_MM);
    for (int z = h->brow; z - span >= 0 && z >= lowest; z--) {
        int above = g->ny, below = g->ny, seen = 0;
        (void)seen_sections(g, h, z, z, &above);
        seen = seen_sections(g, h, h->low, z - span, &below);
        if (above < g->ny && seen > 0 && below - above >= step) {
            return true;
        }
    }
    return false;
}

static void judge_face(const struct gate_grid *g, struct gate_head *h) {
    int brow_front = g->ny, face_front = g->ny;
    int skip = cells_of(g, 10 * h->scale);
    (void)seen_sections(g, h, h->brow, h->high, &brow_front);
    lower_to_chin(g, h, brow_front);
    double seen = seen_sections(g, h, h->low, h->brow - skip, &face_front) * g->mm / h->scale;
    h->finding = seen < SEEN_PARTIAL_MM || has_been_cut(g, h) ? GATE_FACE_NONE
                 : seen < SEEN_PRESENT_MM                     ? GATE_FACE_PARTIAL
                                                              : GATE_FACE_PRESENT;
}

// No brain: jaws, sinuses, the front of a neck with its chin.
static void find_part(const struct scan *s, struct gate_head *h) {
    int run = 0, best = 0, high = -1;
    for (int z = 0; z < s->g->nz; z++) {
        run = s->face[z] ? run + 1 : 0;
        high = run > best ? z : high;
        best = run > best ? run : best;
    }
    if (best * s->g->mm < FACE_RUN_MM) {
        return;
    }
    h->low = high - best + 1;
    h->high = h->brow = high;
    double sx = 0, sy = 0;
    for (int z = h->low; z <= high; z++) {
        struct gate_plane p = plane_of(s, z);
        struct gate_section section;
        gate_plane_section(&p, &section);
        sx += (section.x0 + section.x1) / 2.0;
        sy += (section.y0 + section.y1) / 2.0;
    }
    int front = s->g->ny;
    h->scale = 1;
    h->cx = sx / best;
    h->cy = sy / best;
    bool seen = seen_sections(s->g, h, h->low, high, &front) * s->g->mm >= FACE_RUN_MM;
    h->finding = seen ? GATE_FACE_PARTIAL : GATE_FACE_NONE;
}

// A skull lies close under the skin.
static bool has_forehead(const struct gate_grid *g, const struct gate_head *h) {
    struct gate_front f = {.grid = g};
    const struct gate_ring *r = &h->ring[h->brow];
    int y = gate_front_y(&f, (int)h->cx, h->brow);
    return y < 0 || (r->y0 - y) * g->mm <= FOREHEAD_MM_MAX;
}

static int find(struct arena *a, struct scan *s, struct gate_head *h, struct err *e) {
    size_t plane = (size_t)s->g->nx * (size_t)s->g->ny;
    s->rings = arena_array(a, (size_t)s->g->nz, sizeof *s->rings);
    s->face = arena_array(a, (size_t)s->g->nz, sizeof *s->face);
    s->marks = arena_alloc(a, plane);
    s->queue = arena_array(a, plane, sizeof *s->queue);
    if (s->rings == NULL || s->face == NULL || s->marks == NULL || s->queue == NULL) {
        return err_set(e, E_MEMORY, "sections");
    }
    look_at_sections(s);
    h->ring = s->rings;
    h->brain = best_run(s, &h->ring_low, &h->ring_high) >= BRAIN_MM3_MIN;
    if (h->brain) {
        place_head(s, h);
        h->brain = has_forehead(s->g, h);
    }
    if (h->brain) {
        mark_brain(s, h);
        judge_face(s->g, h);
    } else {
        find_part(s, h);
    }
    return E_OK;
}

int gate_head_find(struct arena *a, struct gate_grid *g, struct gate_head *ret_head,
                   struct err *e) {
    struct scan s = {.g = g};
    struct gate_head h = {.finding = GATE_FACE_NONE, .scale = 1};
    int rc = find(a, &s, &h, e);
    if (rc == E_OK) {
        *ret_head = h;
    }
    return rc;
}
