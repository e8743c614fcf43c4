// SPDX-License-Identifier: Apache-2.0
#include "gate/pixels_crops.h"

#include "base/buf.h"
#include "base/err.h"

// Sure boxes are read only for what may stay of them; the rest of the budget is for doubts.
#define SURE_MAX (GATE_READINGS_MAX / 2)
#define DRAWN_MAX 16384u // pictures made to be compared with those that are kept

void gate_crops_init(struct gate_crops *c, struct gate_look *look) {
    *c = (struct gate_crops){.look = look, .first = look->crop_count};
}

void gate_crops_done(struct gate_crops *c) { gate_places_done(&c->places); }

static uint64_t hash_of_crop(const uint8_t *bytes, size_t len) {
    uint64_t h = 14695981039346656037ull;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ bytes[i]) * 1099511628211ull;
    }
    return h;
}

static uint32_t find(const struct gate_crops *c, uint64_t hash) {
    for (uint32_t i = 0; i < c->made; i++) {
        if (c->seen[i] == hash) {
            return c->first + i;
        }
    }
    return UINT32_MAX;
}

static bool spent(const struct gate_crops *c, const struct gate_box *box) {
    uint32_t most = box->sure == GATE_SURE ? SURE_MAX : GATE_READINGS_MAX;
    return c->made >= most || c->look->crops->len > GATE_READING_BYTES_MAX;
}

// What a box without a picture of its own goes by.
static void borrow(const struct gate_place *place, struct gate_box *box, uint8_t *traits) {
    if (place != NULL && place->crop_count > 0) {
        box->crop = place->crops[box->frame % place->crop_count];
    } else {
        *traits |= GATE_TRAIT_SPARE;
    }
}

static void note(struct gate_place *place, uint32_t crop) {
    if (place == NULL || place->crop_count == GATE_PLACE_CROPS) {
        return;
    }
    for (uint32_t i = 0; i < place->crop_count; i++) {
        if (place->crops[i] == crop) {
            return;
        }
    }
    place->crops[place->crop_count++] = crop;
}

int gate_crops_take(struct gate_crops *c, const struct px_frame *f, struct gate_box *box,
                    uint8_t *traits, struct err *e) {
    struct buf *out = c->look->crops;
    box->crop = UINT32_MAX;
    if (out == NULL || box->shape == GATE_SHAPE_CODE) {
        return E_OK;
    }
    struct gate_place *place = gate_place_of(&c->places, box);
    if (c->drawn == DRAWN_MAX) {
        borrow(place, box, traits);
        return E_OK;
    }
    c->drawn++;
    size_t before = out->len;
    struct err why = {0};
    int code = gate_scan_crop(f, box, out, &why);
    if (code != E_OK) { // a box that no picture can be made of stays unread
        out->len = before;
        *traits |= GATE_TRAIT_SPARE;
        *e = why;
        return code == E_MEMORY ? code : E_OK;
    }
    uint64_t hash = hash_of_crop(out->data + before, out->len - before);
    box->crop = find(c, hash);
    bool full = place != NULL && place->crop_count == GATE_PLACE_CROPS;
    if (box->crop == UINT32_MAX && !full && !spent(c, box)) {
        c->seen[c->made++] = hash;
        box->crop = c->look->crop_count++;
        note(place, box->crop);
        return E_OK;
    }
    out->len = before;
    if (box->crop == UINT32_MAX) {
        borrow(place, box, traits);
    } else {
        note(place, box->crop);
    }
    return E_OK;
}
