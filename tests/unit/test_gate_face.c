// SPDX-License-Identifier: Apache-2.0
// Faces of heads that never were (face_phantom.h): found however they lie and whatever they are
// called, not found where there is none, removed so that a matcher of depth maps is at a loss, the
// brain untouched.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "face_phantom.h"
#include "gate/face_grid.h"
#include "gate/face_relief.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ARENA ((size_t)256 << 20)
#define PERSONS 20
#define BRAIN_MARGIN_MM 4.0

static enum gate_face_finding find(const struct face_scan *s, bool words) {
    struct gate_volume v = face_scan_make(s);
    struct err e = {0};
    assert_non_null(v.samples);
    v.head_words = words;
    enum gate_face_finding found = gate_face_find(&v, &e);
    if ((int)found < 0) {
        fail_msg("%s", e.text);
    }
    free((void *)(uintptr_t)v.samples);
    return found;
}

static void turn_axes(struct face_scan *s, const double row[3], const double column[3],
                      const double slice[3]) {
    memcpy(s->axes[0], row, sizeof s->axes[0]);
    memcpy(s->axes[1], column, sizeof s->axes[1]);
    memcpy(s->axes[2], slice, sizeof s->axes[2]);
}

// --- finding

static void test_heads_found(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct face_person p = face_person_of(seed);
        struct face_scan s = face_scan_axial(&p);
        s.seed = seed;
        assert_int_equal(find(&s, false), GATE_FACE_PRESENT);
    }
}

static void test_every_way_up(void **state) {
    (void)state;
    static const double left[3] = {1, 0, 0}, right[3] = {-1, 0, 0}, back[3] = {0, 1, 0},
                        front[3] = {0, -1, 0}, up[3] = {0, 0, 1}, down[3] = {0, 0, -1};
    static const double tilted[3] = {0, 0.94, -0.342}, tilted_head[3] = {0.2, 0, 0.98};
    const double *const ways[][3] = {
        {left, back, down},       // head first or feet first, from above
        {right, front, up},       // prone
        {back, down, right},      // sagittal
        {front, down, left},      // sagittal, turned
        {left, down, back},       // coronal
        {left, tilted, up},       // gantry tilt: the stack is oblique to its planes
        {left, back, tilted_head} // sheared to the side
    };
    struct face_person p = face_person_of(3);
    for (size_t i = 0; i < COUNT(ways); i++) {
        struct face_scan s = face_scan_axial(&p);
        turn_axes(&s, ways[i][0], ways[i][1], ways[i][2]);
        if (i >= 2 && i < 5) {
            for (int k = 0; k < 3; k++) {
                s.size[k] = 104;
                s.spacing[k] = 2.5;
            }
        }
        if (find(&s, false) != GATE_FACE_PRESENT) {
            fail_msg("the head was not found the way %zu", i);
        }
    }
}

static void test_children_and_noise(void **state) {
    (void)state;
    struct face_person p = face_person_of(4);
    struct face_scan s = face_scan_axial(&p);
    p.size = 0.7;
    assert_int_equal(find(&s, false), GATE_FACE_PRESENT);
    p.size = 1;
    s.noise = 60;
    assert_int_equal(find(&s, false), GATE_FACE_PRESENT);
}

static void test_head_of_a_body(void **state) {
    (void)state;
    struct face_person p = face_person_of(5);
    struct face_scan s = face_scan_axial(&p);
    s.trunk = true;
    s.size[0] = 140;
    s.size[1] = 100;
    s.size[2] = 240;
    s.spacing[0] = s.spacing[1] = 2.6;
    s.spacing[2] = 4;
    s.middle[2] = -340;
    assert_int_equal(find(&s, false), GATE_FACE_PRESENT);
}

static void test_parts(void **state) {
    (void)state;
    struct face_person p = face_person_of(2);
    struct face_scan s = face_scan_axial(&p);
    s.size[2] = 35; // jaws and nose, no brain
    s.middle[2] = -75;
    assert_int_equal(find(&s, false), GATE_FACE_PARTIAL);
    s.size[2] = 24; // the vault alone
    s.middle[2] = 80;
    assert_int_equal(find(&s, false), GATE_FACE_NONE);
}

static void test_none(void **state) {
    (void)state;
    for (int what = 0; what < FACE_OTHERS; what++) {
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct face_scan s = face_scan_axial(NULL);
            s.other = (enum face_other)what;
            s.rest = false;
            s.seed = seed;
            s.size[2] = 40;
            if (what != FACE_SPINE_ONLY) {
                s.size[0] = s.size[1] = 150;
            } else {
                s.size[0] = s.size[1] = 54;
            }
            if (find(&s, true) != GATE_FACE_NONE) {
                fail_msg("a face in other body %d", what);
            }
        }
    }
    struct face_person p = face_person_of(1);
    struct face_scan coarse = face_scan_axial(&p);
    coarse.spacing[2] = 8;
    coarse.size[2] = 34;
    assert_int_equal(find(&coarse, true), GATE_FACE_NONE);
}

static void test_mr(void **state) {
    (void)state;
    struct face_person p = face_person_of(6);
    struct face_scan s = face_scan_axial(&p);
    s.mr = true;
    s.rest = false;
    assert_int_equal(find(&s, false), GATE_FACE_PRESENT);
    s.person = NULL;
    s.other = FACE_KNEE;
    assert_int_equal(find(&s, false), GATE_FACE_NONE);
}

static void test_bad_volumes(void **state) {
    (void)state;
    int16_t one[64] = {0};
    struct err e = {0};
    struct gate_volume v = {.columns = 4,
                            .rows = 4,
                            .slices = 4,
                            .spacing = {4, 4, 4},
                            .axes = {{1, 0, 0}, {1, 0, 0}, {0, 0, 1}},
                            .is_ct = true,
                            .samples = one};
    assert_int_equal((int)gate_face_find(&v, &e), E_ARGUMENT); // all in a plane
    v.axes[1][0] = 0;
    v.axes[1][1] = 1;
    v.spacing[0] = NAN;
    assert_int_equal((int)gate_face_find(&v, &e), E_ARGUMENT);
    v.spacing[0] = 4;
    assert_int_equal(gate_face_find(&v, &e), GATE_FACE_NONE);
    for (size_t n = 0;; n++) {
        mem_fail_after(n);
        int rc = (int)gate_face_find(&v, &e);
        mem_fail_after(MEM_FAIL_NEVER);
        if (rc == GATE_FACE_NONE) {
            break;
        }
        assert_int_equal(rc, E_MEMORY);
    }
}

// --- removing

static bool is_gone(const struct gate_face_mask *m, size_t i) {
    return (m->bits[i / 8] >> i % 8 & 1) != 0;
}

static void place_of(const struct face_scan *s, size_t i, double at[3]) {
    int plane = s->size[0] * s->size[1];
    const int n[3] = {(int)i % plane % s->size[0], (int)i % plane / s->size[0], (int)i / plane};
    for (int d = 0; d < 3; d++) {
        at[d] = s->middle[d];
        for (int axis = 0; axis < 3; axis++) {
            at[d] += (n[axis] - (s->size[axis] - 1) / 2.0) * s->spacing[axis] * s->axes[axis][d];
        }
    }
}

// Skin in front, from chin to brow, is gone; no brain is.
static void check_mask(const struct face_scan *s, const struct gate_volume *v,
                       const struct gate_face_mask *m) {
    size_t count = (size_t)v->columns * v->rows * v->slices, skin = 0, left = 0, gone = 0;
    for (size_t i = 0; i < count; i++) {
        double at[3];
        place_of(s, i, at);
        double depth = face_skin(s->person, at);
        bool brain = face_ball(at, 0, 3, 28, s->person->skull[0] - 13 - BRAIN_MARGIN_MM,
                               s->person->skull[1] - 16 - BRAIN_MARGIN_MM,
                               s->person->skull[2] - 13 - BRAIN_MARGIN_MM) < 0 &&
                     at[2] > 0.25 * at[1];
        bool face =
            depth < 0 && depth > -3 && at[1] < -45 && at[2] < -5 && at[2] > s->person->chin_z - 8;
        skin += face;
        left += face && !is_gone(m, i);
        gone += is_gone(m, i);
        assert_false(brain && is_gone(m, i));
    }
    assert_true(skin > 500);
    assert_int_equal(left, 0);
    assert_int_equal(gone, m->samples);
}

static void test_faces_removed(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct face_person p = face_person_of(seed);
        struct face_scan s = face_scan_axial(&p);
        struct gate_volume v = face_scan_make(&s);
        struct gate_face_mask m, again;
        struct arena a;
        struct err e = {0};
        arena_init(&a, ARENA);
        assert_int_equal(gate_face_mask_make(&a, &v, seed, &m, &e), E_OK);
        check_mask(&s, &v, &m);
        if (!m.safe || m.brain_lost != 0) {
            fail_msg("seed %d: relief %g to %g, likeness %g, brain %d", (int)seed, m.relief_before,
                     m.relief_after, m.likeness, (int)m.brain_lost);
        }
        size_t bytes = (size_t)v.columns * v.rows * v.slices / 8;
        assert_int_equal(gate_face_mask_make(&a, &v, seed, &again, &e), E_OK);
        assert_memory_equal(m.bits, again.bits, bytes);
        assert_int_equal(gate_face_mask_make(&a, &v, seed + 1, &again, &e), E_OK);
        assert_true(memcmp(m.bits, again.bits, bytes) != 0);
        arena_done(&a);
        free((void *)(uintptr_t)v.samples);
    }
}

static void test_nothing_to_remove(void **state) {
    (void)state;
    struct face_scan s = face_scan_axial(NULL);
    s.other = FACE_TRUNK;
    s.size[2] = 30;
    struct gate_volume v = face_scan_make(&s);
    struct gate_face_mask m;
    struct arena a;
    struct err e = {0};
    arena_init(&a, ARENA);
    assert_int_equal(gate_face_mask_make(&a, &v, 1, &m, &e), E_NOT_FOUND);
    v.is_ct = false;
    assert_int_equal(gate_face_mask_make(&a, &v, 1, &m, &e), E_UNSUPPORTED);
    arena_done(&a);
    free((void *)(uintptr_t)v.samples);
}

// --- a matcher of faces: depth maps of the front, the nearest one enrolled

// Lays the mask over the samples as the pixels of an instance get it: packed and filled by slice.
static void lay_over(struct gate_volume *v, const struct gate_face_mask *m) {
    size_t plane = (size_t)v->columns * v->rows;
    uint8_t *bits = calloc(plane / 8 + 1, 1);
    int16_t *samples = (int16_t *)(uintptr_t)v->samples;
    struct err e = {0};
    struct buf packed;
    buf_init(&packed, (size_t)1 << 20);
    for (uint32_t z = 0; z < v->slices; z++) {
        memset(bits, 0, plane / 8 + 1);
        for (size_t i = 0; i < plane; i++) {
            bits[i / 8] |= (uint8_t)(is_gone(m, z * plane + i) << i % 8);
        }
        buf_clear(&packed);
        assert_int_equal(gate_mask_pack(bits, v->columns, v->rows, &packed, &e), E_OK);
        assert_int_equal(gate_mask_fill(buf_slice(&packed), v->columns, v->rows, 1, 0, 16, true,
                                        (uint16_t *)(samples + z * plane), 9, &e),
                         E_OK);
    }
    buf_done(&packed);
    free(bits);
}

// What the matcher sees: skin from the front around the true brow, whatever the gate thinks of it.
static void see(const struct face_scan *s, const struct gate_volume *v, struct gate_relief *r) {
    struct gate_grid g = {0};
    struct err e = {0};
    assert_int_equal(gate_grid_make(v, &g, &e), E_OK);
    assert_int_equal(gate_grid_find_body(&g, GATE_GRID_BODY_HU, &e), E_OK);
    double corner[3];
    place_of(s, 0, corner);
    int brow = (int)lrint((0 - corner[2] - g.origin[2]) / g.mm);
    struct gate_head h = {.scale = 1,
                          .cx = (0 - corner[0] - g.origin[0]) / g.mm,
                          .cy = (0 - corner[1] - g.origin[1]) / g.mm,
                          .brow = brow,
                          .low = brow - (int)lrint(115 / g.mm)};
    gate_relief_measure(&(struct gate_front){.grid = &g}, &h, r);
    gate_grid_done(&g);
}

static int nearest(const struct gate_relief *probe, const struct gate_relief *enrolled) {
    int best = 0;
    for (int i = 1; i < PERSONS; i++) {
        if (gate_relief_likeness(probe, &enrolled[i]) >
            gate_relief_likeness(probe, &enrolled[best])) {
            best = i;
        }
    }
    return best;
}

static void test_matcher_is_lost(void **state) {
    (void)state;
    struct gate_relief *enrolled = calloc(PERSONS, sizeof *enrolled);
    struct gate_relief *before = calloc(PERSONS, sizeof *before);
    struct gate_relief *after = calloc(PERSONS, sizeof *after);
    for (int i = 0; i < PERSONS; i++) {
        struct face_person p = face_person_of((uint64_t)i + 100);
        struct face_scan s = face_scan_axial(&p);
        struct gate_volume v = face_scan_make(&s);
        see(&s, &v, &enrolled[i]);
        free((void *)(uintptr_t)v.samples);
        s.seed = (uint64_t)i + 1; // another day: other noise, not quite the same place
        s.middle[0] += 1.3;
        s.middle[2] -= 0.9;
        v = face_scan_make(&s);
        see(&s, &v, &before[i]);
        struct gate_face_mask m;
        struct arena a;
        struct err e = {0};
        arena_init(&a, ARENA);
        assert_int_equal(gate_face_mask_make(&a, &v, (uint64_t)i * 31 + 7, &m, &e), E_OK);
        lay_over(&v, &m);
        see(&s, &v, &after[i]);
        arena_done(&a);
        free((void *)(uintptr_t)v.samples);
    }
    int found_before = 0, found_after = 0;
    for (int i = 0; i < PERSONS; i++) {
        found_before += nearest(&before[i], enrolled) == i;
        found_after += nearest(&after[i], enrolled) == i;
    }
    print_message("matched %d of %d before, %d after\n", found_before, PERSONS, found_after);
    assert_true(found_before >= PERSONS * 9 / 10);
    assert_true(found_after <= 2); // chance: one
    free(enrolled);
    free(before);
    free(after);
}

// --- masks of slices

static void test_pack_and_fill(void **state) {
    (void)state;
    uint8_t bits[8] = {0x00, 0xFF, 0x0F, 0, 0, 0, 0, 0x80};
    uint16_t samples[64];
    struct buf b;
    struct err e = {0};
    buf_init(&b, 1024);
    assert_int_equal(gate_mask_pack(bits, 8, 8, &b, &e), E_OK);
    static const uint8_t wanted[] = {8, 12, 43, 1};
    assert_int_equal(b.len, sizeof wanted);
    assert_memory_equal(b.data, wanted, sizeof wanted);
    for (int i = 0; i < 64; i++) {
        samples[i] = (uint16_t)(1000 + i);
    }
    assert_int_equal(gate_mask_fill(buf_slice(&b), 8, 8, 1, -1024, 12, false, samples, 5, &e),
                     E_OK);
    for (int i = 0; i < 64; i++) {
        bool gone = (bits[i / 8] >> i % 8 & 1) != 0;
        assert_true(gone ? samples[i] < 100 : samples[i] == 1000 + i);
    }
    for (size_t len = 0; len < b.len; len++) { // every cut
        assert_int_equal(
            gate_mask_fill(slice_first(buf_slice(&b), len), 8, 8, 1, 0, 12, false, samples, 5, &e),
            E_CORRUPT);
    }
    assert_int_equal(gate_mask_fill(buf_slice(&b), 8, 9, 1, 0, 12, false, samples, 5, &e),
                     E_CORRUPT);
    assert_int_equal(gate_mask_fill(buf_slice(&b), 8, 8, 0, 0, 12, false, samples, 5, &e),
                     E_ARGUMENT);
    buf_done(&b);
}

// The image's own air, where the mask lies over enough of it.
static void test_air_of_the_image(void **state) {
    (void)state;
    enum { SIDE = 64 };
    static uint16_t samples[SIDE * SIDE];
    uint8_t bits[SIDE * SIDE / 8];
    struct rng r = rng_seeded(3);
    struct buf b;
    struct err e = {0};
    for (int i = 0; i < SIDE * SIDE; i++) { // air at -960 with noise 4, a body in the middle
        bool body = i / SIDE > 20 && i / SIDE < 40;
        samples[i] = (uint16_t)lrint(1024 + (body ? 40 : -960 + 4 * rng_normal(&r)));
    }
    memset(bits, 0xFF, sizeof bits);
    buf_init(&b, 1024);
    assert_int_equal(gate_mask_pack(bits, SIDE, SIDE, &b, &e), E_OK);
    assert_int_equal(gate_mask_fill(buf_slice(&b), SIDE, SIDE, 1, -1024, 12, false, samples, 5, &e),
                     E_OK);
    double sum = 0, squares = 0;
    for (int i = 21 * SIDE; i < 40 * SIDE; i++) {
        sum += samples[i] - 1024.0;
        squares += (samples[i] - 1024.0) * (samples[i] - 1024.0);
    }
    double n = 19 * SIDE, mean = sum / n, spread = sqrt(squares / n - mean * mean);
    assert_true(fabs(mean + 960) < 1 && fabs(spread - 4) < 1);
    buf_done(&b);
}

// --- pictures

static void test_pictures(void **state) {
    (void)state;
    struct face_person p = face_person_of(1);
    struct face_scan s = face_scan_axial(&p);
    struct gate_volume v = face_scan_make(&s);
    struct gate_face_mask m;
    struct arena a;
    struct buf before, after;
    struct err e = {0};
    arena_init(&a, ARENA);
    buf_init(&before, (size_t)1 << 20);
    buf_init(&after, (size_t)1 << 20);
    assert_int_equal(gate_face_mask_make(&a, &v, 1, &m, &e), E_OK);
    assert_int_equal(gate_face_render(&v, NULL, 96, &before, &e), E_OK);
    assert_int_equal(gate_face_render(&v, &m, 96, &after, &e), E_OK);
    assert_true(before.len > 4000 && after.len > 4000); // not black
    assert_memory_equal(before.data, "\x89PNG", 4);
    assert_false(slice_eq(buf_slice(&before), buf_slice(&after)));
    assert_int_equal(gate_face_render(&v, NULL, 0, &after, &e), E_ARGUMENT);
    buf_done(&before);
    buf_done(&after);
    arena_done(&a);
    free((void *)(uintptr_t)v.samples);
}

// --- what an instance tells of itself

struct telling {
    const char *modality, *body, *description, *type, *sop_class;
    bool words, slice, rendering;
};

static void tell(const struct telling *t, struct arena *a, struct gate_slice *ret) {
    struct err e = {0};
    struct dcm_dataset *d = dcm_dataset_new(a, DCM_EXPLICIT_LE);
    int64_t rows = 64, columns = 48;
    (void)dcm_put_str(d, DCM_SOPClassUID, DCM_VR_UI, t->sop_class, &e);
    (void)dcm_put_str(d, DCM_Modality, DCM_VR_CS, t->modality, &e);
    (void)dcm_put_str(d, DCM_BodyPartExamined, DCM_VR_CS, t->body, &e);
    (void)dcm_put_str(d, DCM_SeriesDescription, DCM_VR_LO, t->description, &e);
    (void)dcm_put_str(d, DCM_ImageType, DCM_VR_CS, t->type, &e);
    (void)dcm_put_str(d, DCM_ImagePositionPatient, DCM_VR_DS, "-100\\-120\\33.5", &e);
    (void)dcm_put_str(d, DCM_ImageOrientationPatient, DCM_VR_DS, "1\\0\\0\\0\\1\\0", &e);
    (void)dcm_put_str(d, DCM_PixelSpacing, DCM_VR_DS, "0.5\\0.75", &e);
    (void)dcm_put_str(d, DCM_SliceThickness, DCM_VR_DS, "1.25", &e);
    (void)dcm_put_ints(d, DCM_Rows, DCM_VR_US, &rows, 1, &e);
    (void)dcm_put_ints(d, DCM_Columns, DCM_VR_US, &columns, 1, &e);
    assert_int_equal(e.code, E_OK);
    assert_int_equal(gate_face_slice(d, NULL, ret, &e), E_OK);
}

static void test_tellings(void **state) {
    (void)state;
    static const char ct[] = "1.2.840.10008.5.1.4.1.1.2", sc[] = "1.2.840.10008.5.1.4.1.1.7";
    static const struct telling rows[] = {
        {"CT", "HEAD", "Axial 1.25", "ORIGINAL\\PRIMARY\\AXIAL", ct, true, true, false},
        {"CT", "", "ct brain stroke", "ORIGINAL\\PRIMARY\\AXIAL", ct, true, true, false},
        {"CT", "HEADNECK", "", "ORIGINAL\\PRIMARY\\AXIAL", ct, true, true, false},
        {"CT", "", "Femoral head and neck", "ORIGINAL\\PRIMARY\\AXIAL", ct, false, true, false},
        {"CT", "CHEST", "Early phase", "ORIGINAL\\PRIMARY\\AXIAL", ct, false, true, false},
        {"CT", "HEAD", "Scout", "ORIGINAL\\PRIMARY\\LOCALIZER", ct, true, false, true},
        {"CT", "CHEST", "Scout", "ORIGINAL\\PRIMARY\\LOCALIZER", ct, false, false, false},
        {"CT", "", "VRT", "DERIVED\\SECONDARY\\VOLREN", sc, false, false, true},
        {"CT", "", "Dose Report", "DERIVED\\SECONDARY", sc, false, false, false},
        {"MR", "BRAIN", "T1 mprage", "ORIGINAL\\PRIMARY\\M", "1.2.840.10008.5.1.4.1.1.4", true,
         true, false},
        {"US", "NECK", "thyroid", "ORIGINAL\\PRIMARY", sc, true, false, false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct gate_slice s;
        struct arena a;
        arena_init(&a, (size_t)1 << 20);
        tell(&rows[i], &a, &s);
        if (s.head_words != rows[i].words || s.is_slice != rows[i].slice ||
            s.is_rendering != rows[i].rendering) {
            fail_msg("row %zu: words %d, slice %d, rendering %d", i, s.head_words, s.is_slice,
                     s.is_rendering);
        }
        assert_true(s.rows == 64 && s.columns == 48 && s.frames == 1);
        assert_true(!s.is_slice || (s.position[2] == 33.5 && s.spacing[0] == 0.5 &&
                                    s.spacing[1] == 0.75 && s.thickness == 1.25));
        arena_done(&a);
    }
}

// One section of a head, of a trunk, of a knee.
static bool shape_of(struct face_scan *s, double z, bool mr) {
    struct err e = {0};
    struct arena a;
    struct gate_slice told;
    arena_init(&a, (size_t)1 << 20);
    struct dcm_dataset *d = dcm_dataset_new(&a, DCM_EXPLICIT_LE);
    int64_t rows = s->size[1], columns = s->size[0];
    s->size[2] = 1;
    s->middle[2] = z;
    s->mr = mr;
    struct gate_volume v = face_scan_make(s);
    (void)dcm_put_str(d, DCM_Modality, DCM_VR_CS, mr ? "MR" : "CT", &e);
    (void)dcm_put_str(d, DCM_ImagePositionPatient, DCM_VR_DS, "0\\0\\0", &e);
    (void)dcm_put_str(d, DCM_ImageOrientationPatient, DCM_VR_DS, "1\\0\\0\\0\\1\\0", &e);
    (void)dcm_put_str(d, DCM_PixelSpacing, DCM_VR_DS, "2.4\\2.4", &e);
    (void)dcm_put_ints(d, DCM_Rows, DCM_VR_US, &rows, 1, &e);
    (void)dcm_put_ints(d, DCM_Columns, DCM_VR_US, &columns, 1, &e);
    assert_int_equal(e.code, E_OK);
    assert_int_equal(gate_face_slice(d, v.samples, &told, &e), E_OK);
    free((void *)(uintptr_t)v.samples);
    arena_done(&a);
    return told.head_shape;
}

static void test_sections(void **state) {
    (void)state;
    struct face_person p = face_person_of(2);
    struct face_scan head = face_scan_axial(&p), other = face_scan_axial(NULL);
    assert_true(shape_of(&head, 40, false));  // brain
    assert_true(shape_of(&head, -50, false)); // nose and upper jaw
    assert_true(shape_of(&head, 40, true));
    other.rest = false;
    other.size[0] = other.size[1] = 150;
    for (int what = 0; what < FACE_SPINE_ONLY; what++) {
        other.other = (enum face_other)what;
        assert_false(shape_of(&other, 10, false));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads_found),
        cmocka_unit_test(test_every_way_up),
        cmocka_unit_test(test_children_and_noise),
        cmocka_unit_test(test_head_of_a_body),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_mr),
        cmocka_unit_test(test_bad_volumes),
        cmocka_unit_test(test_faces_removed),
        cmocka_unit_test(test_nothing_to_remove),
        cmocka_unit_test(test_matcher_is_lost),
        cmocka_unit_test(test_pack_and_fill),
        cmocka_unit_test(test_air_of_the_image),
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_tellings),
        cmocka_unit_test(test_sections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
