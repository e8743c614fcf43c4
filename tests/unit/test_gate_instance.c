// SPDX-License-Identifier: Apache-2.0
// One passage, without a process, and the wire around it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "gate/instance.h"
#include "instance_files.h"

#define MEMORY ((size_t)64 << 20)

struct desk {
    struct arena arena;
    struct buf profile, file, written;
    struct gate_key key;
    struct gate_pass ask;
    struct gate_passed passed;
    struct gate_pass_out out;
    int fail_with; // of the sink
};

static int put(void *context, struct slice bytes, struct err *e) {
    struct desk *d = context;
    if (d->fail_with != 0) {
        return err_set(e, d->fail_with, "the sink fails");
    }
    buf_put_slice(&d->written, bytes);
    return E_OK;
}

static int patch(void *context, uint64_t offset, struct slice bytes, struct err *e) {
    struct desk *d = context;
    (void)e;
    memcpy(d->written.data + offset, bytes.ptr, bytes.len);
    return E_OK;
}

static int reread(void *context, struct slice *ret_bytes, struct err *e) {
    (void)e;
    *ret_bytes = buf_slice(&((struct desk *)context)->written);
    return E_OK;
}

static int setup(void **state) {
    struct desk *d = calloc(1, sizeof *d);
    struct gate_profile *profile;
    struct err e = {0};
    assert_non_null(d);
    assert_true(sodium_init() >= 0);
    arena_init(&d->arena, MEMORY);
    buf_init(&d->profile, MEMORY);
    buf_init(&d->file, MEMORY);
    buf_init(&d->written, MEMORY);
    memset(d->key.bytes, 7, sizeof d->key.bytes);
    assert_int_equal(gate_profile_load(&d->arena, gate_profile_builtin(), &profile, &e), E_OK);
    assert_int_equal(gate_profile_pack(profile, &d->profile, &e), E_OK);
    d->ask = (struct gate_pass){.key = &d->key, .profile = buf_slice(&d->profile)};
    d->out = (struct gate_pass_out){
        .to = {.sink = {put, d}, .patch = patch, .context = d}, .reread = reread, .context = d};
    *state = d;
    return 0;
}

static int teardown(void **state) {
    struct desk *d = *state;
    arena_done(&d->arena);
    buf_done(&d->profile);
    buf_done(&d->file);
    buf_done(&d->written);
    free(d);
    return 0;
}

static const struct instance_words someone = {.study = "1.2.3.4.1",
                                              .series = "1.2.3.4.1.1",
                                              .instance = "1.2.3.4.1.1.7",
                                              .sop_class = "1.2.840.10008.5.1.4.1.1.2",
                                              .name = "Featherstonehaugh^Zebedee",
                                              .id = "QX7731945",
                                              .modality = "CT",
                                              .description = "Chest Featherstonehaugh",
                                              .extra_study_date = "20260418",
                                              .fill = 0};

static void make(struct desk *d, const struct instance_words *words) {
    buf_clear(&d->file);
    instance_make(words, &d->file);
}

static int pass(struct desk *d, struct err *e) {
    buf_clear(&d->written);
    return gate_pass_run(&d->arena, &d->ask, buf_slice(&d->file), &d->out, &d->passed, e);
}

static bool holds(struct slice bytes, const char *text) {
    return memmem(bytes.ptr, bytes.len, text, strlen(text)) != NULL;
}

static bool has_line(const struct gate_passed *p, enum gate_kind kind, const char *where) {
    for (uint32_t i = 0; i < p->line_count; i++) {
        if (p->lines[i].kind == kind && strstr(p->lines[i].where, where) != NULL) {
            return true;
        }
    }
    return false;
}

static void test_released(void **state) {
    struct desk *d = *state;
    struct err e = {0};
    make(d, &someone);
    memcpy(d->file.data, "SMUGGLED", 8); // preamble
    d->ask.name = slice_str("Featherstonehaugh Zebedee/IM7");
    assert_int_equal(pass(d, &e), E_OK);
    assert_int_equal(d->passed.verdict, GATE_RELEASED);
    assert_int_equal(d->passed.out_len, d->written.len);
    static const char *const gone[] = {"Featherstonehaugh", "FEATHERSTONEHAUGH", "Zebedee",
                                       "QX7731945",         "1.2.3.4.1",         "20260418",
                                       "SMUGGLED"};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        assert_false(holds(buf_slice(&d->written), gone[i]));
    }
    assert_true(holds(buf_slice(&d->written), d->passed.sop_instance));
    assert_true(holds(buf_slice(&d->written), "113100"));
    assert_true(d->passed.methods & GATE_METHOD_PIXELS);
    assert_true(has_line(&d->passed, GATE_KIND_CONTAINER, "preamble"));
    assert_true(has_line(&d->passed, GATE_KIND_FILE_NAME, "file name"));
    assert_string_equal(d->passed.source_instance, "1.2.3.4.1.1.7");
    // No line tells a value.
    for (uint32_t i = 0; i < d->passed.line_count; i++) {
        assert_null(strstr(d->passed.lines[i].where, "Zebedee"));
    }
}

static void test_same_key_same_bytes(void **state) {
    struct desk *d = *state;
    struct err e = {0};
    struct buf first;
    make(d, &someone);
    assert_int_equal(pass(d, &e), E_OK);
    buf_init(&first, MEMORY);
    buf_put_slice(&first, buf_slice(&d->written));
    assert_int_equal(pass(d, &e), E_OK);
    assert_true(slice_eq(buf_slice(&first), buf_slice(&d->written)));
    d->key.bytes[0] ^= 1;
    assert_int_equal(pass(d, &e), E_OK);
    assert_false(slice_eq(buf_slice(&first), buf_slice(&d->written)));
    buf_done(&first);
}

static void test_refusals_keep_their_reasons(void **state) {
    struct desk *d = *state;
    struct err e = {0};
    buf_clear(&d->file);
    assert_int_equal(pass(d, &e), E_OK);
    assert_int_equal(d->passed.verdict, GATE_REFUSED);
    assert_int_equal(d->passed.reasons[0], GATE_REASON_EMPTY);
    buf_put_str(&d->file, "a letter about somebody, not an image");
    assert_int_equal(pass(d, &e), E_OK);
    assert_int_equal(d->passed.reasons[0], GATE_REASON_NOT_DICOM);
    make(d, &someone);
    d->file.len -= 40;
    assert_int_equal(pass(d, &e), E_OK);
    assert_int_equal(d->passed.verdict, GATE_REFUSED);
    assert_int_equal(d->passed.reasons[0], GATE_REASON_TRUNCATED);
    assert_int_equal(d->passed.why.code, E_TRUNCATED);
    assert_true(d->passed.why.has_offset);
    assert_int_equal(d->written.len, 0);
}

static void test_bytes_behind_the_pixels(void **state) {
    struct desk *d = *state;
    struct err e = {0};
    make(d, &someone);
    buf_put_str(&d->file, "Zebedee Featherstonehaugh was here");
    assert_int_equal(pass(d, &e), E_OK);
    assert_int_equal(d->passed.verdict, GATE_RELEASED);
    assert_true(has_line(&d->passed, GATE_KIND_CONTAINER, "behind the pixel data"));
    assert_false(holds(buf_slice(&d->written), "Zebedee"));
}

static void test_category_and_consent(void **state) {
    struct desk *d = *state;
    struct err e = {0};
    struct instance_words photograph = someone;
    photograph.sop_class = "1.2.840.10008.5.1.4.1.1.77.1.4"; // VL Photographic Image Storage
    photograph.modality = "XC";
    make(d, &photograph);
    assert_int_equal(pass(d, &e), E_OK);
    assert_int_equal(d->passed.verdict, GATE_REFUSED);
    assert_int_equal(d->passed.reasons[0], GATE_REASON_CATEGORY);
    assert_int_equal(d->written.len, 0);
    d->ask.consent = true;
    assert_int_equal(pass(d, &e), E_OK);
    assert_int_not_equal(d->passed.verdict, GATE_REFUSED);
}

static void test_failing_sinks(void **state) {
    struct desk *d = *state;
    struct err e = {0};
    make(d, &someone);
    d->fail_with = E_FULL;
    assert_int_equal(pass(d, &e), E_FULL);
    d->fail_with = E_CORRUPT;
    assert_int_equal(pass(d, &e), E_OK);
    assert_int_equal(d->passed.verdict, GATE_HELD);
    assert_int_equal(d->passed.reasons[0], GATE_REASON_CLEANING_FAILED);
    assert_int_equal(d->passed.out_len, 0);
    d->fail_with = 0;
}

static void test_day_zero(void **state) {
    struct desk *d = *state;
    struct err e = {0};
    struct dcm_file file;
    struct dcm_dataset *clean;
    double days = -1;
    make(d, &someone);
    assert_int_equal(pass(d, &e), E_OK);
    assert_true(d->passed.origin.has_day);
    d->ask.has_day_zero = true;
    d->ask.day_zero = d->passed.origin.study_day - 41;
    assert_int_equal(pass(d, &e), E_OK);
    assert_int_equal(dcm_file_open(&d->arena, buf_slice(&d->written), &file, &e), E_OK);
    assert_int_equal(dcm_file_dataset(&d->arena, &file, 0, &clean, &e), E_OK);
    assert_true(dcm_double(clean, DCM_LongitudinalTemporalOffsetFromEvent, 0, &days));
    assert_float_equal(days, 41, 0);
}

// --- the last net

static struct gate_subject *subject_of(struct desk *d) {
    struct dcm_file file;
    struct dcm_dataset *original;
    struct err e = {0};
    struct gate_subject *s = gate_subject_new(&d->arena);
    make(d, &someone);
    assert_non_null(s);
    assert_int_equal(dcm_file_open(&d->arena, buf_slice(&d->file), &file, &e), E_OK);
    assert_int_equal(dcm_file_dataset(&d->arena, &file, 0, &original, &e), E_OK);
    assert_int_equal(gate_subject_gather(s, original, &e), E_OK);
    return s;
}

static int search(struct desk *d, const struct gate_subject *s, dcm_tag tag, enum dcm_vr vr,
                  const char *text, char where[GATE_WHERE_MAX]) {
    struct dcm_file file;
    struct dcm_dataset *clean;
    struct dcm_dataset *item;
    struct buf bytes;
    struct err e = {0};
    enum gate_kind kind;
    struct dcm_write_options options = {.syntax_uid = "1.2.840.10008.1.2.1"};
    buf_init(&bytes, MEMORY);
    assert_int_equal(dcm_file_open(&d->arena, buf_slice(&d->written), &file, &e), E_OK);
    assert_int_equal(dcm_file_dataset(&d->arena, &file, 0, &clean, &e), E_OK);
    if (text != NULL) {
        assert_int_equal(dcm_add_item(clean, DCM_ProcedureCodeSequence, &item, &e), E_OK);
        assert_int_equal(dcm_put_str(item, tag, vr, text, &e), E_OK);
    }
    assert_int_equal(dcm_file_write(clean, &options, dcm_sink_buf(&bytes), &e), E_OK);
    int rc = gate_residual_search(&d->arena, s, buf_slice(&bytes), &kind, where, &e);
    buf_done(&bytes);
    return rc;
}

static void test_residual(void **state) {
    struct desk *d = *state;
    struct err e = {0};
    char where[GATE_WHERE_MAX] = "";
    struct gate_subject *s = subject_of(d);
    assert_int_equal(pass(d, &e), E_OK);
    assert_int_equal(search(d, s, 0, DCM_VR_NONE, NULL, where), 0);
    assert_int_equal(search(d, s, DCM_CodeMeaning, DCM_VR_LO, "seen with QX7731945", where), 1);
    assert_non_null(strstr(where, "(0008,1032)"));
    assert_non_null(strstr(where, "(0008,0104)"));
    assert_null(strstr(where, "QX77"));
    assert_int_equal(search(d, s, DCM_CodeMeaning, DCM_VR_LO, "zebedee FEATHERSTONEHAUGH", where),
                     1);
    assert_int_equal(search(d, s, DCM_CodeMeaning, DCM_VR_LO, "left hand", where), 0);
    enum gate_kind kind;
    assert_int_equal(
        gate_residual_search(&d->arena, s, slice_str("no file at all"), &kind, where, &e),
        E_CORRUPT);
}

// --- the wire

static void test_request_there_and_back(void **state) {
    struct desk *d = *state;
    struct gate_reading readings[] = {{"L", 93}, {"", 0}};
    struct gate_edit edits[] = {{.kind = GATE_EDIT_BLACK, .x = 1, .y = 2, .width = 3, .height = 4},
                                {.kind = GATE_EDIT_MASK,
                                 .width = 512,
                                 .height = 511,
                                 .frame = 9,
                                 .mask = slice_str("runs")}};
    struct gate_pass back;
    struct buf bytes;
    struct err e = {0};
    buf_init(&bytes, MEMORY);
    d->ask.name = slice_str("a/b");
    d->ask.terms = slice_str("terms");
    d->ask.has_day_zero = d->ask.want_crops = d->ask.released_by_person = true;
    d->ask.day_zero = -3;
    d->ask.readings = readings;
    d->ask.reading_count = 2;
    d->ask.orders = edits;
    d->ask.order_count = 2;
    d->ask.look = slice_str("look");
    gate_pass_pack(&d->ask, &bytes);
    assert_int_equal(gate_pass_unpack(&d->arena, buf_slice(&bytes), &back, &e), E_OK);
    assert_memory_equal(back.key->bytes, d->key.bytes, sizeof d->key.bytes);
    assert_true(slice_eq(back.profile, d->ask.profile));
    assert_int_equal((uintptr_t)back.profile.ptr % 16, (uintptr_t)bytes.data % 16);
    assert_true(slice_eq(back.name, d->ask.name) && slice_eq(back.terms, d->ask.terms));
    assert_true(back.has_day_zero && back.want_crops && back.released_by_person && !back.defaced);
    assert_int_equal(back.day_zero, -3);
    assert_string_equal(back.readings[0].text, "L");
    assert_int_equal(back.readings[0].confidence, 93);
    assert_int_equal(back.order_count, 2);
    assert_int_equal(back.orders[1].frame, 9);
    assert_true(slice_eq(back.orders[1].mask, edits[1].mask));
    for (size_t len = 0; len < bytes.len; len += 1 + bytes.len / 997) {
        assert_int_equal(
            gate_pass_unpack(&d->arena, slice_first(buf_slice(&bytes), len), &back, &e),
            E_INTERNAL);
    }
    gate_wire_wipe(&bytes);
    assert_true(sodium_is_zero(bytes.data, bytes.cap));
    buf_done(&bytes);
}

static void test_answer_there_and_back(void **state) {
    struct desk *d = *state;
    struct gate_passed back;
    struct buf bytes;
    struct err e = {0};
    buf_init(&bytes, MEMORY);
    make(d, &someone);
    assert_int_equal(pass(d, &e), E_OK);
    gate_passed_pack(&d->passed, &bytes);
    assert_int_equal(gate_passed_unpack(&d->arena, buf_slice(&bytes), &back, &e), E_OK);
    assert_int_equal(back.verdict, d->passed.verdict);
    assert_int_equal(back.line_count, d->passed.line_count);
    assert_string_equal(back.sop_instance, d->passed.sop_instance);
    assert_string_equal(back.origin.patient, d->passed.origin.patient);
    assert_memory_equal(back.pixel_digest, d->passed.pixel_digest, 32);
    assert_int_equal(back.out_len, d->passed.out_len);
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_equal(
            gate_passed_unpack(&d->arena, slice_first(buf_slice(&bytes), len), &back, &e),
            E_CRASHED);
    }
    buf_put_byte(&bytes, 0);
    assert_int_equal(gate_passed_unpack(&d->arena, buf_slice(&bytes), &back, &e), E_CRASHED);
    buf_done(&bytes);
}

// What a worker that was taken over might answer.
static void test_hostile_answers(void **state) {
    struct desk *d = *state;
    struct gate_passed back;
    struct buf bytes;
    struct err e = {0};
    buf_init(&bytes, MEMORY);
    make(d, &someone);
    assert_int_equal(pass(d, &e), E_OK);
    struct gate_passed good = d->passed;
    struct gate_passed bad[6] = {good, good, good, good, good, good};
    bad[0].out_len = 0; // released without bytes
    (void)snprintf(bad[1].origin.patient, sizeof bad[1].origin.patient, "../../etc"); // a path
    (void)snprintf(bad[2].sop_instance, sizeof bad[2].sop_instance, "1.2/../3");
    bad[3].sop_instance[0] = '\0';
    bad[4].verdict = GATE_HELD; // for no reason
    bad[5].slice.position[0] = NAN;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buf_clear(&bytes);
        gate_passed_pack(&bad[i], &bytes);
        assert_int_equal(gate_passed_unpack(&d->arena, buf_slice(&bytes), &back, &e), E_CRASHED);
    }
    buf_clear(&bytes);
    gate_passed_pack(&good, &bytes);
    for (size_t i = 0; i < bytes.len; i++) { // no byte of it can do harm
        uint8_t saved = bytes.data[i];
        bytes.data[i] = 0xFF;
        (void)gate_passed_unpack(&d->arena, buf_slice(&bytes), &back, &e);
        bytes.data[i] = saved;
    }
    buf_done(&bytes);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_released),
                                       TEST(test_same_key_same_bytes),
                                       TEST(test_refusals_keep_their_reasons),
                                       TEST(test_bytes_behind_the_pixels),
                                       TEST(test_category_and_consent),
                                       TEST(test_failing_sinks),
                                       TEST(test_day_zero),
                                       TEST(test_residual),
                                       TEST(test_request_there_and_back),
                                       TEST(test_answer_there_and_back),
                                       TEST(test_hostile_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
