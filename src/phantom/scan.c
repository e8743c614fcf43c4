// SPDX-License-Identifier: Apache-2.0
#include "phantom/scan.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"

#define SLAB 4   // slices painted at once
#define LAYERS 2 // samples through the thickness of each
#define MATRIX_MAX 512

static struct ph_plane layer_plane(const struct ph_stack *s, const struct ph_v3 *size, int slice,
                                   int layer) {
    float offset = ((float)layer + 0.5f) / LAYERS - 0.5f;
    float z = s->first.z + (float)slice * s->step + offset * s->thickness;
    return (struct ph_plane){V3(s->first.x / size->x, s->first.y / size->y, z / size->z),
                             V3(s->pitch / size->x, 0, 0), V3(0, s->pitch / size->y, 0)};
}

// Mean of the layers of a slice, left in the first.
static float *merge_layers(float *slab, int slice, size_t pixels) {
    float *first = slab + (size_t)(slice * LAYERS) * pixels;
    const float *second = first + pixels;
    for (size_t i = 0; i < pixels; i++) {
        first[i] = 0.5f * (first[i] + second[i]);
    }
    return first;
}

// What a sharp kernel does: the pixel and its difference from its neighbours.
static void enhance(float *v, const float *old, int n, float amount) {
    for (int y = 1; y + 1 < n; y++) {
        for (int x = 1; x + 1 < n; x++) {
            const float *p = old + y * n + x;
            float around = 0.15f * (p[-1] + p[1] + p[-n] + p[n]) +
                           0.1f * (p[-n - 1] + p[-n + 1] + p[n - 1] + p[n + 1]);
            v[y * n + x] = *p + amount * (*p - around);
        }
    }
}

static void ct_row(const struct ph_stack *s, const struct ph_ct *ct, const struct ph_tile *tile,
                   uint64_t key, int y, const float *hu, uint16_t *out) {
    float noise[MATRIX_MAX];
    ph_tile_row(tile, key, y, s->matrix, noise);
    float py = (s->first.y + (float)y * s->pitch) / ct->body_y;
    for (int x = 0; x < s->matrix; x++) {
        float px = (s->first.x + (float)x * s->pitch) / ct->body_x;
        float r2 = px * px + py * py;
        float level = ct->noise * (0.5f + 0.5f / (1.0f + r2));
        level = hu[x] < -900.0f && r2 > 1.0f ? 0.7f * level : level;
        float v = hu[x] + level * noise[x] + 1024.5f;
        out[x] = (uint16_t)ph_clamp(v, 0.0f, 4095.0f);
    }
}

struct room {
    float *slab;   // SLAB * LAYERS slices of samples
    float *spare;  // a slice
    uint16_t *out; // a slice
};

static int get_room(struct room *r, size_t pixels, struct err *e) {
    r->slab = mem_array(SLAB * LAYERS * pixels, sizeof *r->slab);
    r->spare = mem_array(pixels, sizeof *r->spare);
    r->out = mem_array(pixels, sizeof *r->out);
    return r->slab == NULL || r->spare == NULL || r->out == NULL ? err_set(e, E_MEMORY, "scan")
                                                                 : E_OK;
}

static void give_room(struct room *r) {
    mem_free(r->slab);
    mem_free(r->spare);
    mem_free(r->out);
}

typedef void (*finish_slice)(const void *how, const struct ph_stack *s,
                             const struct ph_studio *studio, uint64_t key, int slice, float *v,
                             struct room *room);

static int scan(const struct ph_painter *painter, const struct ph_studio *studio,
                const struct ph_v3 *size, const struct ph_stack *s, uint64_t seed,
                finish_slice finish, const void *how, ph_slice_done done, void *context,
                struct err *e) {
    size_t pixels = (size_t)s->matrix * (size_t)s->matrix;
    CLEANUP(give_room) struct room room = {NULL, NULL, NULL};
    int status = s->matrix > MATRIX_MAX ? err_set(e, E_LIMIT, "matrix of %d", s->matrix)
                                        : get_room(&room, pixels, e);
    for (int from = 0; status == E_OK && from < s->count; from += SLAB) {
        int slices = s->count - from < SLAB ? s->count - from : SLAB;
        struct ph_plane planes[SLAB * LAYERS];
        for (int k = 0; k < slices * LAYERS; k++) {
            planes[k] = layer_plane(s, size, from + k / LAYERS, k % LAYERS);
        }
        status =
            ph_paint_points(painter, planes, s->matrix, s->matrix, slices * LAYERS, room.slab, e);
        for (int k = 0; status == E_OK && k < slices; k++) {
            float *v = merge_layers(room.slab, k, pixels);
            finish(how, s, studio, ph_hash(seed + (uint64_t)(from + k)), from + k, v, &room);
            status = done(context, from + k, room.out, e);
        }
    }
    return status;
}

static void finish_ct(const void *how, const struct ph_stack *s, const struct ph_studio *studio,
                      uint64_t key, int slice, float *v, struct room *room) {
    const struct ph_ct *ct = how;
    (void)slice;
    const float *hu = v;
    if (ct->enhance > 0.0f) {
        memcpy(room->spare, v, (size_t)s->matrix * (size_t)s->matrix * sizeof *v);
        enhance(room->spare, v, s->matrix, ct->enhance);
        hu = room->spare;
    }
    for (int y = 0; y < s->matrix; y++) {
        ct_row(s, ct, &studio->grain[ct->grain], key, y, hu + y * s->matrix,
               room->out + y * s->matrix);
    }
}

int ph_scan_ct(const struct ph_scene *scene, const struct ph_studio *studio,
               const struct ph_v3 *size, const struct ph_stack *stack, const struct ph_ct *ct,
               uint64_t seed, ph_slice_done done, void *context, struct err *e) {
    struct ph_palette palette;
    ph_palette_ct(&palette, ct->contrast);
    struct ph_painter painter = {.scene = scene,
                                 .palette = &palette,
                                 .edge_mm = ct->edge_mm,
                                 .gradient_y = 0.35f,
                                 .textured = true};
    return scan(&painter, studio, size, stack, seed, finish_ct, ct, done, context, e);
}

#define SHADE_MM 24.0f // a cell of the coarse field: coils shade over a head's width

static void finish_mr(const void *how, const struct ph_stack *s, const struct ph_studio *studio,
                      uint64_t key, int slice, float *v, struct room *room) {
    const struct ph_mr *mr = how;
    float real[MATRIX_MAX];
    float imaginary[MATRIX_MAX];
    float shade[MATRIX_MAX];
    float z = s->first.z + (float)slice * s->step;
    for (int y = 0; y < s->matrix; y++) {
        ph_tile_row(&studio->grain[PH_GRAIN_MR], key, y, s->matrix, real);
        ph_tile_row(&studio->grain[PH_GRAIN_MR], ph_hash(key + 1), y, s->matrix, imaginary);
        struct ph_v3 p = V3(s->first.x, s->first.y + (float)y * s->pitch, z);
        ph_field_row(&studio->coarse, v3_scale(p, 1.0f / SHADE_MM), V3(s->pitch / SHADE_MM, 0, 0),
                     s->matrix, shade);
        for (int x = 0; x < s->matrix; x++) {
            float px = (p.x + (float)x * s->pitch) / 90.0f;
            float py = p.y / 110.0f;
            float coil = 0.92f + 0.05f * shade[x] +
                         0.14f * ph_min(px * px + py * py, 1.2f); // brighter near the coil
            float a = v[y * s->matrix + x] * coil + mr->noise * real[x];
            float b = mr->noise * imaginary[x];
            room->out[y * s->matrix + x] =
                (uint16_t)ph_clamp(ph_sqrt(a * a + b * b) + 0.5f, 0.0f, 4095.0f);
        }
    }
}

int ph_scan_mr(const struct ph_scene *scene, const struct ph_studio *studio,
               const struct ph_v3 *size, const struct ph_stack *stack, const struct ph_mr *mr,
               uint64_t seed, ph_slice_done done, void *context, struct err *e) {
    struct ph_palette palette;
    ph_palette_mr(&palette, mr->kind);
    struct ph_painter painter = {
        .scene = scene, .palette = &palette, .edge_mm = 1.0f, .textured = true};
    return scan(&painter, studio, size, stack, seed, finish_mr, mr, done, context, e);
}
