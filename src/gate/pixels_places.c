// SPDX-License-Identifier: Apache-2.0
#include "gate/pixels_places.h"

#include <stdlib.h>

#include "base/mem.h"

#define PLACES_MAX (1u << 17)
#define GRID 16u // pixels; a place is found from its own and the neighbouring fields
#define SLACK 3  // pixels that edges of the same caption differ by

void gate_places_done(struct gate_places *p) {
    mem_free(p->list);
    *p = (struct gate_places){0};
}

static uint32_t *bucket_of(struct gate_places *p, uint32_t gx, uint32_t gy) {
    uint32_t hash = (gx * 0x9E3779B1u) ^ (gy * 0x85EBCA77u);
    return &p->buckets[(hash ^ hash >> 15) % (sizeof p->buckets / sizeof p->buckets[0])];
}

static bool near(int a, int b) { return abs(a - b) <= SLACK; }

static bool same(const struct gate_place *p, const struct gate_box *b) {
    return near(p->x, b->x) && near(p->y, b->y) && near(p->x + p->width, b->x + b->width) &&
           near(p->y + p->height, b->y + b->height);
}

static struct gate_place *look_in(struct gate_places *p, uint32_t bucket,
                                  const struct gate_box *b) {
    for (uint32_t i = bucket; i > 0; i = p->list[i - 1].next) {
        if (same(&p->list[i - 1], b)) {
            return &p->list[i - 1];
        }
    }
    return NULL;
}

static struct gate_place *add(struct gate_places *p, const struct gate_box *b) {
    if (p->count == PLACES_MAX) {
        return NULL;
    }
    if (p->count == p->cap) {
        uint32_t cap = p->cap == 0 ? 64 : p->cap * 2;
        struct gate_place *list = mem_realloc(p->list, cap * sizeof *list);
        if (list == NULL) {
            return NULL;
        }
        p->list = list;
        p->cap = cap;
    }
    uint32_t *bucket = bucket_of(p, b->x / GRID, b->y / GRID);
    struct gate_place *place = &p->list[p->count++];
    *place = (struct gate_place){b->x,     b->y,     b->width, b->height, *bucket,
                                 b->frame, b->frame, 0,        {0},       0};
    *bucket = p->count;
    return place;
}

struct gate_place *gate_place_of(struct gate_places *p, const struct gate_box *b) {
    uint32_t gx = b->x / GRID;
    uint32_t gy = b->y / GRID;
    struct gate_place *place = NULL;
    for (unsigned i = 0; i < 9 && place == NULL; i++) {
        uint32_t x = gx + i % 3 - 1;
        uint32_t y = gy + i / 3 - 1;
        place = x > UINT16_MAX || y > UINT16_MAX ? NULL : look_in(p, *bucket_of(p, x, y), b);
    }
    place = place == NULL ? add(p, b) : place;
    if (place != NULL) {
        place->boxes++;
        place->first = b->frame < place->first ? b->frame : place->first;
        place->last = b->frame > place->last ? b->frame : place->last;
    }
    return place;
}
