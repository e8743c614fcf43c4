// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "phantom/case.h"
#include "phantom/catalogue.h"
#include "phantom/lesion.h"
#include "phantom/paint.h"
#include "phantom/scan.h"
#include "phantom/studio.h"
#include "phantom/xray.h"

static struct ph_studio *studio;

static int make_studio(void **state) {
    (void)state;
    studio = ph_studio_new(1);
    return studio == NULL ? -1 : 0;
}

static int free_studio(void **state) {
    (void)state;
    ph_studio_free(studio);
    return 0;
}

struct stage {
    struct arena arena;
    struct ph_scene scene;
};

static void stage_open(struct stage *s) {
    arena_init(&s->arena, (size_t)96 << 20);
    ph_scene_init(&s->scene, &s->arena, &studio->coarse, &studio->fine);
}

static bool near(float a, float b, float by) { return ph_abs(a - b) <= by; }

static void functions_agree_with_known_values(void **state) {
    (void)state;
    static const struct {
        float x, exp, log, sin;
    } rows[] = {{1.0f, 2.7182818f, 0.0f, 0.84147098f},
                {0.25f, 1.2840254f, -1.3862944f, 0.24740396f},
                {5.5f, 244.69193f, 1.7047481f, -0.70554033f},
                {10.0f, 22026.466f, 2.3025851f, -0.54402111f}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(near(ph_exp(rows[i].x) / rows[i].exp, 1.0f, 2e-6f));
        assert_true(near(ph_log(rows[i].x), rows[i].log, 2e-6f));
        assert_true(near(ph_sin(rows[i].x), rows[i].sin, 2e-6f));
        assert_true(near(ph_exp(-rows[i].x) * rows[i].exp, 1.0f, 2e-6f));
    }
    assert_int_equal(ph_ifloor(-0.5f), -1);
    assert_int_equal(ph_ifloor(2.0f), 2);
}

#define BALL 96

// A ball of muscle: its number at the centre, its centre of mass and its volume as said.
static void a_sphere_is_where_it_was_put(void **state) {
    (void)state;
    struct stage s;
    stage_open(&s);
    const struct ph_v3 centre = V3(5.25f, -3.5f, 7.0f);
    (void)ph_add_ellipsoid(&s.scene, PH_MUSCLE, centre, V3(20, 20, 20));
    struct ph_palette palette;
    ph_palette_ct(&palette, false);
    struct ph_painter painter = {.scene = &s.scene, .palette = &palette, .edge_mm = 0.8f};
    struct ph_plane planes[BALL];
    for (int k = 0; k < BALL; k++) {
        planes[k] =
            (struct ph_plane){V3(-24, -24, -24 + 0.6f * (float)k), V3(0.6f, 0, 0), V3(0, 0.6f, 0)};
    }
    float *v = mem_array((size_t)BALL * BALL * BALL, sizeof *v);
    assert_non_null(v);
    struct err e = {0};
    assert_int_equal(ph_paint_points(&painter, planes, BALL, BALL, BALL, v, &e), E_OK);
    double mass = 0;
    double sum[3] = {0};
    for (int i = 0; i < BALL * BALL * BALL; i++) {
        double share = ((double)v[i] + 1000.0) / (1000.0 + (double)ph_tissues[PH_MUSCLE].hu);
        double at[3] = {-24 + 0.6 * (i % BALL), -24 + 0.6 * (i / BALL % BALL),
                        -24 + 0.6 * (i / BALL / BALL)};
        mass += share;
        for (int k = 0; k < 3; k++) {
            sum[k] += share * at[k];
        }
    }
    assert_true(near((float)(sum[0] / mass), centre.x, 0.02f));
    assert_true(near((float)(sum[1] / mass), centre.y, 0.02f));
    assert_true(near((float)(sum[2] / mass), centre.z, 0.02f));
    double volume = mass * 0.6 * 0.6 * 0.6;
    assert_true(near((float)(volume / 33510.32), 1.0f, 0.004f));
    int middle = (52 * BALL + 34) * BALL + 49; // (5.4, -3.6, 7.2)
    assert_true(near(v[middle], ph_tissues[PH_MUSCLE].hu, 0.01f));
    mem_free(v);
    arena_done(&s.arena);
}

// Beer and Lambert: the sum along a ray is attenuation times chord, for a diverging beam.
static void a_ray_sums_the_chord_of_a_sphere(void **state) {
    (void)state;
    struct stage s;
    stage_open(&s);
    const float r = 40.0f;
    (void)ph_add_ellipsoid(&s.scene, PH_MUSCLE, V3(0, 0, 0), V3(r, r, r));
    struct ph_view v = {.source = V3(0, 1000, 0),
                        .centre = V3(0, -60, 0),
                        .across = V3(1, 0, 0),
                        .down = V3(0, 0, -1),
                        .pitch = 1.0f,
                        .columns = 121,
                        .rows = 121,
                        .near = 10,
                        .far = 110,
                        .step = 2.0f};
    float line[121 * 121];
    struct err e = {0};
    const struct ph_v3 size = V3(1, 1, 1);
    assert_int_equal(ph_line_integrals(&s.scene, &v, &size, 80.0f, line, &e), E_OK);
    struct ph_palette palette;
    ph_palette_xray(&palette, 80.0f);
    for (int x = 60; x < 121; x += 5) {
        struct ph_v3 pixel = V3((float)(x - 60), -60, 0);
        struct ph_v3 way = v3_unit(v3_sub(pixel, v.source));
        float along = v3_dot(v3_sub(V3(0, 0, 0), v.source), way);
        float off2 = 1000.0f * 1000.0f - along * along;
        float chord = off2 < r * r ? 2.0f * ph_sqrt(r * r - off2) : 0.0f;
        float got = line[60 * 121 + x] / palette.value[PH_MUSCLE];
        assert_true(near(got, chord, 0.02f * chord + 0.1f));
    }
    struct ph_v3 on = ph_project(&v, V3(10, 0, 20));
    assert_true(near(on.x, 60.0f + 10.6f, 0.01f));
    assert_true(near(on.y, 60.0f - 21.2f, 0.01f));
    arena_done(&s.arena);
}

// Every solid at every point, without the painter's short cuts.
static float paint_one(const struct ph_painter *painter, struct ph_v3 p) {
    float value = painter->palette->value[PH_AIR];
    for (uint32_t i = 0; i < painter->scene->solid_count; i++) {
        const struct ph_solid *solid = &painter->scene->solids[i];
        float d;
        ph_solid_row(painter->scene, solid, p, V3(0, 0, 0), 1, 0.0f, &d);
        float cover = ph_clamp(0.5f - d / ph_max(painter->edge_mm, solid->soft), 0.0f, 1.0f) *
                      solid->strength;
        value += cover * (painter->palette->value[solid->tissue] - value);
    }
    return value;
}

static void blocks_settle_nothing_wrongly(void **state) {
    (void)state;
    static const enum ph_exam exams[] = {PH_CT_CHEST, PH_CT_HEAD, PH_XR_WRIST, PH_XR_KNEE};
    for (size_t k = 0; k < sizeof exams / sizeof exams[0]; k++) {
        struct stage s;
        stage_open(&s);
        struct ph_case c = {
            .seed = 77 + k, .exam = exams[k], .age = 60, .side = 1.0f, .female = k == 0};
        struct ph_build build;
        ph_build_case(&build, &c, &s.scene, PH_ARMS_UP, false);
        assert_false(s.scene.failed);
        struct ph_palette palette;
        ph_palette_ct(&palette, true);
        struct ph_painter painter = {.scene = &s.scene, .palette = &palette, .edge_mm = 1.0f};
        struct rng rng = rng_seeded(k);
        int wrong = 0;
        for (int turn = 0; turn < 6; turn++) {
            struct ph_v3 origin =
                V3(ph_vary(&rng, -70, 60), ph_vary(&rng, -60, 40), ph_vary(&rng, 0, 120));
            struct ph_plane plane = {origin, V3(2.3f, 0.2f, 0), V3(0, 2.1f, 0.4f)};
            float v[64 * 48];
            struct err e = {0};
            assert_int_equal(ph_paint_points(&painter, &plane, 64, 48, 1, v, &e), E_OK);
            for (int i = 0; i < 64 * 48; i += 23) {
                struct ph_v3 p =
                    v3_at(v3_at(origin, (float)(i % 64), plane.du), (float)(i / 64), plane.dv);
                wrong += near(v[i], paint_one(&painter, p), 1.0f) ? 0 : 1;
            }
        }
        assert_int_equal(wrong, 0);
        arena_done(&s.arena);
    }
}

// The palette's number is found where the truth says the lesion is.
static void lesions_are_where_the_truth_says(void **state) {
    (void)state;
    static const struct {
        enum ph_exam exam;
        enum ph_lesion lesion;
        enum ph_tissue tissue;
    } rows[] = {{PH_CT_CHEST, PH_LESION_NODULE, PH_NODULE},
                {PH_CT_CHEST, PH_LESION_EFFUSION, PH_EFFUSION},
                {PH_CT_CHEST, PH_LESION_PNEUMOTHORAX, PH_GAS},
                {PH_CT_ABDOMEN, PH_LESION_RENAL_STONE, PH_STONE},
                {PH_CT_HEAD, PH_LESION_EXTRADURAL, PH_CLOT},
                {PH_CT_HEAD, PH_LESION_BRAIN_BLEED, PH_CLOT},
                {PH_CT_HEAD, PH_LESION_INFARCT, PH_OEDEMA},
                {PH_MR_HEAD, PH_LESION_BRAIN_TUMOUR, PH_NECROSIS},
                {PH_CT_ABDOMEN, PH_LESION_LIVER_LESION, PH_CYST}};
    struct ph_palette palette;
    ph_palette_ct(&palette, false);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int side = -1; side <= 1; side += 2) {
            struct stage s;
            stage_open(&s);
            struct ph_case c = {.seed = 5 + i,
                                .exam = rows[i].exam,
                                .lesion = rows[i].lesion,
                                .age = 50,
                                .side = (float)side};
            struct ph_build build;
            ph_build_case(&build, &c, &s.scene, PH_ARMS_UP, false);
            struct ph_painter painter = {.scene = &s.scene, .palette = &palette, .edge_mm = 0.5f};
            struct ph_plane plane = {build.centre, V3(1, 0, 0), V3(0, 1, 0)};
            float v = 0;
            struct err e = {0};
            assert_int_equal(ph_paint_points(&painter, &plane, 1, 1, 1, &v, &e), E_OK);
            float expected = palette.value[rows[i].tissue];
            if (!near(v, expected, 14.0f)) {
                fail_msg("%s, side %d: %.0f and not %.0f", ph_lesion_words(rows[i].lesion), side,
                         (double)v, (double)expected);
            }
            arena_done(&s.arena);
        }
    }
}

static void noise_has_its_size_and_its_spectrum(void **state) {
    (void)state;
    const struct ph_tile *t = &studio->grain[PH_GRAIN_SOFT];
    double sum = 0;
    double squares = 0;
    double coarse = 0; // variance of means over 32 by 32 pixels
    for (int by = 0; by < 16; by++) {
        for (int bx = 0; bx < 16; bx++) {
            double block = 0;
            for (int i = 0; i < 32 * 32; i++) {
                double v = (double)t->cell[(by * 32 + i / 32) * PH_TILE_SIDE + bx * 32 + i % 32];
                sum += v;
                squares += v * v;
                block += v;
            }
            coarse += block / 1024 * (block / 1024);
        }
    }
    double n = (double)PH_TILE_SIDE * PH_TILE_SIDE;
    assert_true(near((float)(sum / n), 0.0f, 1e-3f));
    assert_true(near((float)(squares / n), 1.0f, 1e-3f));
    assert_true(coarse / 256 < 0.01); // filtered back projection leaves little slow noise
    float row[512];
    ph_tile_row(t, 9, 17, 512, row);
    double power = 0;
    for (int i = 0; i < 512; i++) {
        power += (double)row[i] * (double)row[i];
    }
    assert_true(power / 512 > 0.7 && power / 512 < 1.35);
}

static void the_catalogue_is_fair_and_keeps_its_secret(void **state) {
    (void)state;
    static struct ph_case a[PH_CASES_DEFAULT], b[PH_CASES_DEFAULT], again[PH_CASES_DEFAULT];
    ph_catalogue(1, PH_CASES_DEFAULT, a);
    ph_catalogue(1, PH_CASES_DEFAULT, again);
    ph_catalogue(2, PH_CASES_DEFAULT, b);
    assert_memory_equal(a, again, sizeof a);
    int normal = 0;
    int moved = 0;
    for (int i = 0; i < PH_CASES_DEFAULT; i++) {
        normal += a[i].lesion == PH_LESION_NORMAL;
        moved += a[i].exam != b[i].exam || a[i].lesion != b[i].lesion;
        assert_in_range(a[i].age, 18, 95);
        assert_true(dcm_uid_valid(slice_str(a[i].study_uid)));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(a[i].patient_id, a[k].patient_id);
            assert_string_not_equal(a[i].study_uid, a[k].study_uid);
        }
    }
    assert_in_range(normal, 14, 18);
    assert_true(moved > 20);
}

struct seen {
    struct hash_stream *hash;
    int files;
    int marks_checked;
    double last_z;
    bool even;
    const struct ph_case *c;
};

static double number(const struct dcm_dataset *d, dcm_tag tag, uint32_t index) {
    double v = 0;
    assert_true(dcm_double(d, tag, index, &v));
    return v;
}

static void check_text(const struct dcm_dataset *d, dcm_tag tag, const char *wanted) {
    struct slice text;
    assert_true(dcm_text(d, tag, 0, &text));
    assert_true(slice_eq_str(text, wanted));
}

static int look_at(void *context, const char *name, struct slice bytes, struct err *e) {
    struct seen *seen = context;
    hash_stream_add(seen->hash, bytes.ptr, bytes.len);
    struct arena a;
    arena_init(&a, (size_t)8 << 20);
    struct dcm_file file;
    struct dcm_dataset *d;
    assert_int_equal(dcm_file_open(&a, bytes, &file, e), E_OK);
    assert_int_equal(dcm_file_dataset(&a, &file, 0, &d, e), E_OK);
    check_text(d, DCM_PatientIdentityRemoved, "YES");
    check_text(d, DCM_BurnedInAnnotation, "NO");
    check_text(d, DCM_StudyInstanceUID, seen->c->study_uid);
    check_text(d, DCM_StudyDescription, ph_exam_word(seen->c->exam));
    double z = number(d, DCM_ImagePositionPatient, 2);
    if (seen->files > 0 && strncmp(name + 5, "0001", 4) != 0) {
        double step = seen->last_z - z;
        seen->even = seen->even && step > 5.499 && step < 5.501;
    }
    seen->last_z = z;
    assert_true(number(d, DCM_SpacingBetweenSlices, 0) == 5.5);
    assert_true(number(d, DCM_Rows, 0) == 256);
    const struct dcm_node *pixels = dcm_get(d, DCM_PixelData);
    assert_non_null(pixels);
    assert_int_equal(pixels->value.len, 256 * 256 * 2);
    seen->files++;
    arena_done(&a);
    return E_OK;
}

static void run_case(struct ph_case *c, struct seen *seen, struct ph_truth *truth,
                     char hex[HASH_HEX_LEN + 1]) {
    *seen = (struct seen){.hash = hash_stream_new(), .even = true, .c = c};
    assert_non_null(seen->hash);
    struct err e = {0};
    assert_int_equal(ph_write_case(studio, c, (struct ph_sink){look_at, seen}, truth, &e), E_OK);
    struct hash h = hash_stream_end(seen->hash);
    (void)hash_hex(&h, hex);
    hash_stream_free(seen->hash);
}

// Whatever compiler built it: this text changes only with the phantom itself.
#define MR_CASE_HASH "a81981f55d2f961d622d318459c61ee9c1991ecb5f74f9b7cea60d28303cdcad"

static void a_seed_gives_the_same_bytes_everywhere(void **state) {
    (void)state;
    static struct ph_case cases[PH_CASES_DEFAULT];
    ph_catalogue(1, PH_CASES_DEFAULT, cases);
    int index = 0;
    while (cases[index].lesion != PH_LESION_BRAIN_TUMOUR) {
        index++;
    }
    struct seen seen;
    struct ph_truth truth;
    char first[HASH_HEX_LEN + 1];
    char second[HASH_HEX_LEN + 1];
    run_case(&cases[index], &seen, &truth, first);
    assert_true(seen.even);
    assert_true(seen.files >= 3 * 18);
    assert_true(truth.mark_count >= 9);
    assert_true(truth.marks[0].column > 20 && truth.marks[0].column < 236);
    struct buf out;
    buf_init(&out, 1 << 20);
    ph_truth_json(&truth, &cases[index], &out);
    buf_put_byte(&out, 0);
    assert_non_null(
        strstr((const char *)out.data, "\"finding\":\"ring-enhancing mass with oedema\""));
    buf_done(&out);
    ph_truth_done(&truth);
    run_case(&cases[index], &seen, &truth, second);
    ph_truth_done(&truth);
    assert_string_equal(first, second);
    assert_string_equal(first, MR_CASE_HASH);
}

static int add_to_hash(void *context, const char *name, struct slice bytes, struct err *e) {
    (void)name;
    (void)e;
    hash_stream_add(context, bytes.ptr, bytes.len);
    return E_OK;
}

#define FILM_CASE_HASH "4ea4b4a4bb101a68aa2f2303d1d6c3627b3672d15bd2727ebb068262e3c1d063"

static void radiographs_are_the_same_everywhere_too(void **state) {
    (void)state;
    static struct ph_case cases[PH_CASES_DEFAULT];
    ph_catalogue(1, PH_CASES_DEFAULT, cases);
    int index = 0;
    while (cases[index].lesion != PH_LESION_METACARPAL_FRACTURE) {
        index++;
    }
    struct hash_stream *stream = hash_stream_new();
    assert_non_null(stream);
    struct ph_truth truth;
    struct err e = {0};
    assert_int_equal(
        ph_write_case(studio, &cases[index], (struct ph_sink){add_to_hash, stream}, &truth, &e),
        E_OK);
    struct hash h = hash_stream_end(stream);
    hash_stream_free(stream);
    char hex[HASH_HEX_LEN + 1];
    assert_string_equal(hash_hex(&h, hex), FILM_CASE_HASH);
    assert_int_equal(truth.mark_count, 1);
    ph_truth_done(&truth);
}

static int stop_at_once(void *context, const char *name, struct slice bytes, struct err *e) {
    (void)name;
    (void)bytes;
    ++*(int *)context;
    return err_set(e, E_CANCELLED, "enough");
}

static void a_sink_that_refuses_ends_the_case(void **state) {
    (void)state;
    struct ph_case c;
    ph_catalogue(3, 1, &c);
    int calls = 0;
    struct ph_truth truth;
    struct err e = {0};
    assert_int_equal(ph_write_case(studio, &c, (struct ph_sink){stop_at_once, &calls}, &truth, &e),
                     E_CANCELLED);
    assert_int_equal(calls, 1);
    ph_truth_done(&truth);
}

static int swallow(void *context, const char *name, struct slice bytes, struct err *e) {
    (void)context;
    (void)name;
    (void)bytes;
    (void)e;
    return E_OK;
}

// Memory runs out at the n-th allocation: an error each time, never a crash.
static void short_memory_is_an_error(void **state) {
    (void)state;
    struct ph_case c = {.number = 1, .seed = 4, .exam = PH_XR_HAND, .age = 40, .side = 1.0f};
    for (size_t n = 0; n < 8; n++) {
        struct ph_truth truth;
        struct err e = {0};
        mem_fail_after(n);
        int status = ph_write_case(studio, &c, (struct ph_sink){swallow, NULL}, &truth, &e);
        mem_fail_after(MEM_FAIL_NEVER);
        ph_truth_done(&truth);
        if (status == E_OK) {
            return;
        }
        assert_int_equal(status, E_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_agree_with_known_values),
        cmocka_unit_test(a_sphere_is_where_it_was_put),
        cmocka_unit_test(a_ray_sums_the_chord_of_a_sphere),
        cmocka_unit_test(blocks_settle_nothing_wrongly),
        cmocka_unit_test(lesions_are_where_the_truth_says),
        cmocka_unit_test(noise_has_its_size_and_its_spectrum),
        cmocka_unit_test(the_catalogue_is_fair_and_keeps_its_secret),
        cmocka_unit_test(a_seed_gives_the_same_bytes_everywhere),
        cmocka_unit_test(radiographs_are_the_same_everywhere_too),
        cmocka_unit_test(a_sink_that_refuses_ends_the_case),
        cmocka_unit_test(short_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_studio, free_studio);
}
