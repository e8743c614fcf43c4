// SPDX-License-Identifier: Apache-2.0
// The header's pass: every row of Table E.1-1 with values planted at the top, one and five levels
// deep, in standard, private and unknown-VR sequences, under the basic profile and each option;
// attributes that the table does not name; dates, ages, character sets, misused VRs; what is
// written of it.
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
#include "base/num.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/dict.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "dicom/writer.h"
#include "gate/header.h"
#include "gate/rules.h"

#define ARENA_BYTES ((size_t)256 << 20)
#define TEXT_MAX ((size_t)1 << 22)
#define CT_UID "1.2.840.10008.5.1.4.1.1.2"
#define PET_UID "1.2.840.10008.5.1.4.1.1.128"
#define EMR_UID "1.2.840.10008.5.1.4.1.1.4.1"

// In no vocabulary, no name list; searched for in the bytes that come out.
#define PLANT "ZQXJVKW"
#define PLANT_DATE "19370219"

static const struct gate_key key = {{42}};

struct bench {
    struct arena arena;
    struct gate_profile *profile;
    struct gate_context c;
    struct dcm_dataset *d;
    struct err e;
    struct buf out;
};

static void begin_with(struct bench *b, const char *from, const char *to, const char *sop_class) {
    struct buf text;
    struct slice built_in = gate_profile_builtin();
    memset(b, 0, sizeof *b);
    arena_init(&b->arena, ARENA_BYTES);
    buf_init(&b->out, TEXT_MAX);
    buf_init(&text, TEXT_MAX);
    const char *at =
        from[0] == '\0' ? (const char *)built_in.ptr : strstr((const char *)built_in.ptr, from);
    assert_non_null(at);
    size_t before = (size_t)(at - (const char *)built_in.ptr);
    buf_put(&text, built_in.ptr, before);
    buf_put_str(&text, to);
    buf_put_slice(&text, slice_from(built_in, before + strlen(from)));
    if (gate_profile_load(&b->arena, buf_slice(&text), &b->profile, &b->e) != E_OK) {
        fail_msg("%s: %s", b->e.path, b->e.text);
    }
    buf_done(&text);
    b->d = dcm_dataset_new(&b->arena, DCM_EXPLICIT_LE);
    assert_int_equal(dcm_put_str(b->d, DCM_SOPClassUID, DCM_VR_UI, sop_class, &b->e), E_OK);
    assert_int_equal(dcm_put_str(b->d, DCM_SOPInstanceUID, DCM_VR_UI, "1.2.3.4", &b->e), E_OK);
}

static void begin(struct bench *b, const char *sop_class) { begin_with(b, "", "", sop_class); }

static void put(struct bench *b, struct dcm_dataset *d, dcm_tag tag, const char *text) {
    enum dcm_vr vr = dcm_dict_vr(tag);
    assert_int_equal(dcm_put_str(d, tag, vr, text, &b->e), E_OK);
}

static struct dcm_dataset *item(struct bench *b, struct dcm_dataset *d, dcm_tag sequence) {
    struct dcm_dataset *i = NULL;
    assert_int_equal(dcm_add_item(d, sequence, &i, &b->e), E_OK);
    return i;
}

static void clean(struct bench *b) {
    b->c = (struct gate_context){.arena = &b->arena, .profile = b->profile, .key = &key};
    gate_notes_init(&b->c.notes, &b->arena);
    b->c.subject = gate_subject_new(&b->arena);
    assert_int_equal(gate_subject_gather(b->c.subject, b->d, &b->e), E_OK);
    b->c.words = (struct gate_words){b->c.subject, b->profile->phrases, b->profile->phrase_count};
    if (gate_header_clean(&b->c, b->d, &b->e) != E_OK ||
        gate_header_mark(&b->c, b->d, &b->e) != E_OK) {
        fail_msg("%s %s", b->e.path, b->e.text);
    }
    buf_clear(&b->out);
    if (dcm_write(b->d, DCM_EXPLICIT_LE, dcm_sink_buf(&b->out), &b->e) != E_OK) {
        fail_msg("%s %s", b->e.path, b->e.text);
    }
}

static void end(struct bench *b) {
    buf_done(&b->out);
    arena_done(&b->arena);
}

static bool holds(const struct bench *b, const void *bytes, size_t len) {
    return memmem(b->out.data, b->out.len, bytes, len) != NULL;
}
static bool holds_text(const struct bench *b, const char *text) {
    return holds(b, text, strlen(text));
}

static const char *text_of(const struct dcm_dataset *d, dcm_tag tag) {
    static char room[8][256];
    static unsigned turn;
    char *out = room[turn++ % 8];
    const struct dcm_node *n = dcm_get(d, tag);
    if (n == NULL) {
        return NULL;
    }
    struct slice text = dcm_value_trim(n->vr, n->value);
    size_t len = text.len < sizeof room[0] - 1 ? text.len : sizeof room[0] - 1;
    memcpy(out, text.ptr, len);
    out[len] = '\0';
    return out;
}

#define assert_text(d, tag, expected) assert_string_equal(text_of(d, tag), expected)
#define assert_gone(d, tag) assert_null(dcm_get(d, tag))

// --- every row of the table ---

// Table E.1-1 2026d without what no data set has: groups 0000, 0002 and 0004, masks, private.
static void test_the_floor_is_whole(void **state) {
    static const unsigned expected[] = {
        [GATE_BASIC_X] = 412, [GATE_BASIC_D] = 93,  [GATE_BASIC_U] = 52,
        [GATE_BASIC_Z] = 42,  [GATE_BASIC_XD] = 23, [GATE_BASIC_XZ] = 11,
        [GATE_BASIC_XZD] = 8, [GATE_BASIC_ZD] = 6,  [GATE_BASIC_XZU] = 2};
    unsigned found[10] = {0};
    unsigned says[8][3] = {{0}};
    uint32_t count;
    const struct gate_rule *rules = gate_rules(&count);
    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        found[rules[i].basic]++;
        for (unsigned o = 0; o < 8 && rules[i].basic != GATE_BASIC_NONE; o++) {
            says[o][gate_rule_says(&rules[i], (enum gate_option)o)]++;
        }
        assert_ptr_equal(gate_rule_find(rules[i].tag), &rules[i]);
    }
    for (unsigned i = 1; i < 10; i++) {
        if (found[i] != expected[i]) {
            print_message("basic %u: %u rows\n", i, found[i]);
        }
    }
    assert_memory_equal(found + 1, expected + 1, 9 * sizeof found[0]);
    assert_int_equal(says[GATE_OPTION_DEVICE][GATE_SAYS_KEEP], 48);
    assert_int_equal(says[GATE_OPTION_DEVICE][GATE_SAYS_CLEAN], 11);
    assert_int_equal(says[GATE_OPTION_INSTITUTION][GATE_SAYS_KEEP], 10);
    assert_int_equal(says[GATE_OPTION_CHARACTERISTICS][GATE_SAYS_KEEP], 14);
    assert_int_equal(says[GATE_OPTION_CHARACTERISTICS][GATE_SAYS_CLEAN], 5);
    assert_int_equal(says[GATE_OPTION_DATES][GATE_SAYS_KEEP], 169);
    assert_int_equal(says[GATE_OPTION_DESCRIPTORS][GATE_SAYS_CLEAN], 141);
    assert_int_equal(says[GATE_OPTION_STRUCTURED][GATE_SAYS_CLEAN], 4);
    assert_null(gate_rule_find(DCM_TAG(0x0009, 0x1001)));
    assert_null(gate_rule_find(DCM_TAG(0x0008, 0xFFFF)));
}

static struct slice planted(enum dcm_vr vr) {
    static const uint8_t number[8] = {'Z', 'Q', 'X', 'J', 'V', 'K', 'W', 'Z'};
    switch (vr) {
    case DCM_VR_DA:
        return slice_str(PLANT_DATE);
    case DCM_VR_TM:
        return slice_str("031415.926535");
    case DCM_VR_DT:
        return slice_str(PLANT_DATE "031415.926535");
    case DCM_VR_UI:
        return slice_str("1.2.826.0.1.19370219.31415");
    case DCM_VR_AS:
        return slice_str("037Y");
    case DCM_VR_DS:
    case DCM_VR_IS:
        return slice_str("937219");
    case DCM_VR_PN:
        return slice_str(PLANT "^" PLANT);
    case DCM_VR_US:
    case DCM_VR_SS:
        return slice_of(number, 2);
    case DCM_VR_UL:
    case DCM_VR_SL:
    case DCM_VR_FL:
    case DCM_VR_AT:
        return slice_of(number, 4);
    case DCM_VR_FD:
    case DCM_VR_UN:
    case DCM_VR_OB:
    case DCM_VR_OW:
        return slice_of(number, 8);
    default:
        return slice_str(PLANT);
    }
}

static void plant(struct bench *b, struct dcm_dataset *d, const struct gate_rule *r) {
    if (r->vr == DCM_VR_SQ) {
        struct dcm_dataset *i = item(b, d, r->tag);
        put(b, i, DCM_PatientName, PLANT "^" PLANT);
        put(b, i, DCM_StudyDescription, PLANT);
        put(b, i, DCM_CodeMeaning, PLANT);
        return;
    }
    assert_int_equal(dcm_put(d, r->tag, (enum dcm_vr)r->vr, planted((enum dcm_vr)r->vr), &b->e),
                     E_OK);
}

// As UN: what implicit VR little endian has (PS3.5 6.2.2).
static void plant_unknown(struct bench *b, struct dcm_dataset *d, const struct gate_rule *r) {
    struct dcm_dataset *alone = dcm_dataset_new(&b->arena, DCM_IMPLICIT_LE);
    struct buf bytes;
    plant(b, alone, r);
    buf_init(&bytes, TEXT_MAX);
    assert_int_equal(dcm_write(alone, DCM_IMPLICIT_LE, dcm_sink_buf(&bytes), &b->e), E_OK);
    assert_int_equal(dcm_put(d, r->tag, DCM_VR_UN, slice_from(buf_slice(&bytes), 8), &b->e), E_OK);
    buf_done(&bytes);
}

static struct dcm_dataset *deep(struct bench *b, struct dcm_dataset *d, unsigned levels) {
    static const dcm_tag sequences[] = {
        DCM_DerivationImageSequence, DCM_SourceImageSequence, DCM_SharedFunctionalGroupsSequence,
        DCM_RequestAttributesSequence, DCM_PerFrameFunctionalGroupsSequence};
    for (unsigned i = 0; i < levels; i++) {
        d = item(b, d, sequences[i]);
    }
    return d;
}

static const struct dcm_dataset *found_deep(const struct dcm_dataset *d, unsigned levels) {
    static const dcm_tag sequences[] = {
        DCM_DerivationImageSequence, DCM_SourceImageSequence, DCM_SharedFunctionalGroupsSequence,
        DCM_RequestAttributesSequence, DCM_PerFrameFunctionalGroupsSequence};
    for (unsigned i = 0; i < levels && d != NULL; i++) {
        d = dcm_first_item(d, sequences[i]);
    }
    return d;
}

// Through bytes, so that the reader sees what a sender wrote.
static void reread(struct bench *b, enum dcm_encoding encoding) {
    struct buf bytes;
    buf_init(&bytes, TEXT_MAX);
    assert_int_equal(dcm_write(b->d, encoding, dcm_sink_buf(&bytes), &b->e), E_OK);
    struct slice copy = arena_copy(&b->arena, buf_slice(&bytes));
    buf_done(&bytes);
    assert_int_equal(dcm_dataset_read(&b->arena, copy, encoding, 0, 0, &b->d, NULL, &b->e), E_OK);
}

static void assert_plant_gone(const struct bench *b, const struct gate_rule *r, const char *where) {
    struct slice value = planted((enum dcm_vr)r->vr);
    bool there = holds_text(b, PLANT) || holds_text(b, PLANT_DATE) || holds_text(b, "031415");
    // Short binary numbers may stand anywhere by chance.
    there = there || (value.len > 4 && holds(b, value.ptr, value.len));
    if (there) {
        fail_msg("(%08X) %s: what was planted came out", r->tag, where);
    }
}

// What the basic column asks of the one value.
static void assert_action(const struct bench *b, const struct dcm_dataset *d,
                          const struct gate_rule *r, const char *where) {
    const struct dcm_node *n = d == NULL ? NULL : dcm_get(d, r->tag);
    bool dummy = n != NULL && (n->value.len > 0 || n->item_count > 0);
    bool right = true;
    if (gate_rule_how(b->profile, r) == GATE_HOW_ITEMS) {
        return; // Clean Descriptors and the like: walked, not removed
    }
    switch (r->basic) {
    case GATE_BASIC_X:
        right = n == NULL || gate_type_find(r->tag, 0, 0) != 0 || !dummy || d->parent != NULL;
        break;
    case GATE_BASIC_U:
        right = dummy;
        break;
    case GATE_BASIC_D:
        right = dummy || r->vr == DCM_VR_SQ;
        break;
    default:
        break;
    }
    if (!right) {
        fail_msg("(%08X) %s: basic action %u was not done", r->tag, where, r->basic);
    }
}

static bool is_left_alone(dcm_tag tag) {
    return tag == DCM_SOPInstanceUID || tag == DCM_PatientAge; // told apart below
}

static void run_row(const struct gate_rule *r, const char *from, const char *to, bool check) {
    struct bench b;
    static const unsigned depths[] = {0, 1, 5};
    for (unsigned way = 0; way < 2; way++) {
        for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
            char where[64];
            begin_with(&b, from, to, CT_UID);
            struct dcm_dataset *d = deep(&b, b.d, depths[i]);
            if (way == 0) {
                plant(&b, d, r);
            } else {
                plant_unknown(&b, d, r);
            }
            (void)snprintf(where, sizeof where, "depth %u%s", depths[i], way == 1 ? " as UN" : "");
            reread(&b, DCM_EXPLICIT_LE);
            clean(&b);
            if (check) {
                assert_plant_gone(&b, r, where);
                assert_action(&b, found_deep(b.d, depths[i]), r, where);
            }
            end(&b);
        }
    }
    // In a private sequence, and in implicit VR.
    begin_with(&b, from, to, CT_UID);
    assert_int_equal(dcm_put_str(b.d, DCM_TAG(0x0029, 0x0010), DCM_VR_LO, "SOMEBODY", &b.e), E_OK);
    plant(&b, item(&b, b.d, DCM_TAG(0x0029, 0x1001)), r);
    plant(&b, item(&b, b.d, DCM_DerivationImageSequence), r);
    reread(&b, DCM_IMPLICIT_LE);
    clean(&b);
    assert_gone(b.d, DCM_TAG(0x0029, 0x1001));
    if (check) {
        assert_plant_gone(&b, r, "private and implicit");
    }
    end(&b);
}

static void test_every_row(void **state) {
    uint32_t count;
    const struct gate_rule *rules = gate_rules(&count);
    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        if (rules[i].basic != GATE_BASIC_NONE && !is_left_alone(rules[i].tag)) {
            run_row(&rules[i], "", "", true);
        }
    }
}

static const struct {
    const char *from, *to;
    enum gate_option option;
} option_texts[] = {
    {"\"retain_uids\": false", "\"weakened\": true, \"retain_uids\": true", GATE_OPTION_UIDS},
    {"\"retain_device\": false", "\"weakened\": true, \"retain_device\": true", GATE_OPTION_DEVICE},
    {"\"retain_institution\": false", "\"weakened\": true, \"retain_institution\": true",
     GATE_OPTION_INSTITUTION},
    {"\"retain_characteristics\": false", "\"weakened\": true, \"retain_characteristics\": true",
     GATE_OPTION_CHARACTERISTICS},
    {"\"dates\": \"removed\"", "\"weakened\": true, \"dates\": \"kept\"", GATE_OPTION_DATES},
    {"\"dates\": \"removed\"", "\"dates\": \"shifted\"", GATE_OPTION_DATES},
};

// Under each option its rows keep the value, and every other row is as safe as before.
static void test_every_row_and_option(void **state) {
    uint32_t count;
    const struct gate_rule *rules = gate_rules(&count);
    (void)state;
    for (size_t o = 0; o < sizeof option_texts / sizeof option_texts[0]; o++) {
        for (uint32_t i = 0; i < count; i++) {
            const struct gate_rule *r = &rules[i];
            struct bench b;
            if (r->basic == GATE_BASIC_NONE || is_left_alone(r->tag) || r->vr == DCM_VR_SQ) {
                continue;
            }
            begin_with(&b, option_texts[o].from, option_texts[o].to, CT_UID);
            plant(&b, b.d, r);
            clean(&b);
            bool named = gate_rule_says(r, option_texts[o].option) == GATE_SAYS_KEEP;
            bool shifted = strstr(option_texts[o].to, "shifted") != NULL;
            if (!named) {
                assert_plant_gone(&b, r, option_texts[o].to);
            } else if (!shifted) {
                const struct dcm_node *n = dcm_get(b.d, r->tag);
                struct slice value = planted((enum dcm_vr)r->vr);
                if (n == NULL || !slice_eq(dcm_value_trim(n->vr, n->value), value)) {
                    fail_msg("(%08X) is not retained under %s", r->tag, option_texts[o].to);
                }
            } else if (holds_text(&b, PLANT_DATE)) {
                fail_msg("(%08X) was not shifted", r->tag);
            }
            end(&b);
        }
    }
}

// --- what the table does not name ---

// Every attribute of the dictionary with the planted value: nothing comes out of any of them.
static void test_every_attribute(void **state) {
    uint32_t count;
    const struct gate_rule *rules = gate_rules(&count);
    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        const struct gate_rule *r = &rules[i];
        bool text = dcm_vr_info((enum dcm_vr)r->vr)->class == DCM_VR_CLASS_TEXT;
        struct bench b;
        if (r->basic != GATE_BASIC_NONE || !text || r->vr == DCM_VR_DS || r->vr == DCM_VR_IS ||
            r->tag == DCM_SOPClassUID) {
            continue;
        }
        begin(&b, CT_UID);
        plant(&b, b.d, r);
        plant(&b, item(&b, b.d, DCM_DerivationImageSequence), r);
        reread(&b, DCM_EXPLICIT_LE);
        clean(&b);
        assert_plant_gone(&b, r, "not in the table");
        end(&b);
    }
}

static void test_unknown_and_outside(void **state) {
    static const dcm_tag tags[] = {DCM_TAG(0x0008, 0xFFF0),          DCM_TAG(0x0040, 0x7777),
                                   DCM_TAG(0x7777 & 0xFFFE, 0x0010), DCM_TAG(0x5000, 0x3000),
                                   DCM_TAG(0x5002, 0x0022),          DCM_TAG(0x6000, 0x3000),
                                   DCM_TAG(0x6000, 0x4000),          DCM_TAG(0x6002, 0x0022),
                                   DCM_TAG(0x4000, 0x4000),          DCM_TAG(0xFFFC, 0xFFFC)};
    (void)state;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        struct bench b;
        begin(&b, CT_UID);
        assert_int_equal(dcm_put_str(b.d, tags[i], DCM_VR_LO, PLANT, &b.e), E_OK);
        clean(&b);
        assert_gone(b.d, tags[i]);
        assert_true(b.c.notes.count > 0);
        end(&b);
    }
}

static void test_private(void **state) {
    struct bench b;
    (void)state;
    begin(&b, PET_UID);
    // Philips' SUV factor (Table E.3.10-1), the same element of somebody else, and lies about it.
    assert_int_equal(
        dcm_put_str(b.d, DCM_TAG(0x7053, 0x0010), DCM_VR_LO, "Philips PET Private Group", &b.e),
        E_OK);
    assert_int_equal(dcm_put_str(b.d, DCM_TAG(0x7053, 0x1000), DCM_VR_DS, "0.00123", &b.e), E_OK);
    assert_int_equal(dcm_put_str(b.d, DCM_TAG(0x7053, 0x1001), DCM_VR_DS, "937219", &b.e), E_OK);
    assert_int_equal(dcm_put_str(b.d, DCM_TAG(0x7053, 0x0011), DCM_VR_LO, "OTHERS", &b.e), E_OK);
    assert_int_equal(dcm_put_str(b.d, DCM_TAG(0x7053, 0x1100), DCM_VR_DS, "937220", &b.e), E_OK);
    clean(&b);
    assert_text(b.d, DCM_TAG(0x7053, 0x1000), "0.00123");
    assert_text(b.d, DCM_TAG(0x7053, 0x0010), "Philips PET Private Group");
    assert_gone(b.d, DCM_TAG(0x7053, 0x1001));
    assert_gone(b.d, DCM_TAG(0x7053, 0x0011));
    assert_gone(b.d, DCM_TAG(0x7053, 0x1100));
    assert_int_not_equal(b.c.methods & GATE_METHOD_SAFE_PRIVATE, 0);
    end(&b);
    // A value that is none of the table's VR.
    begin(&b, PET_UID);
    assert_int_equal(
        dcm_put_str(b.d, DCM_TAG(0x7053, 0x0010), DCM_VR_LO, "Philips PET Private Group", &b.e),
        E_OK);
    assert_int_equal(dcm_put_str(b.d, DCM_TAG(0x7053, 0x1000), DCM_VR_DS, PLANT, &b.e), E_OK);
    clean(&b);
    assert_false(holds_text(&b, PLANT));
    end(&b);
    begin_with(&b, "\"retain_safe_private\": true", "\"retain_safe_private\": false", PET_UID);
    assert_int_equal(
        dcm_put_str(b.d, DCM_TAG(0x7053, 0x0010), DCM_VR_LO, "Philips PET Private Group", &b.e),
        E_OK);
    assert_int_equal(dcm_put_str(b.d, DCM_TAG(0x7053, 0x1000), DCM_VR_DS, "0.00123", &b.e), E_OK);
    clean(&b);
    assert_gone(b.d, DCM_TAG(0x7053, 0x1000));
    assert_gone(b.d, DCM_TAG(0x7053, 0x0010));
    end(&b);
}

// Numbers that are nobody's stay, VRs that are misused for text do not.
static void test_values(void **state) {
    static const struct {
        dcm_tag tag;
        const char *from, *to; // NULL: gone; "" emptied
    } cases[] = {
        {DCM_SliceThickness, "1.25", "1.25"},
        {DCM_KVP, "120", "120"},
        {DCM_PixelSpacing, "0.7031\\0.7031", "0.7031\\0.7031"},
        {DCM_PixelSpacing, "0.7031\\" PLANT, ""},
        {DCM_InstanceNumber, "12", "12"},
        {DCM_InstanceNumber, "9434765919", ""}, // an NHS number
        {DCM_InstanceNumber, "12 " PLANT, ""},
        {DCM_BodyPartExamined, "CHEST", "CHEST"},
        {DCM_BodyPartExamined, "HAND", "HAND"},
        {DCM_BodyPartExamined, PLANT, ""},
        {DCM_ImageType, "ORIGINAL\\PRIMARY\\AXIAL", "ORIGINAL\\PRIMARY\\AXIAL"},
        {DCM_ImageType, "DERIVED\\" PLANT "\\AXIAL", "DERIVED\\OTHER\\AXIAL"},
        {DCM_ScanOptions, "HELICAL MODE", "HELICAL MODE"},
        {DCM_ConvolutionKernel, "B30f", "B30f"},
        {DCM_ConvolutionKernel, "STANDARD", "STANDARD"},
        {DCM_ConvolutionKernel, PLANT, ""},
        {DCM_Manufacturer, "GE MEDICAL SYSTEMS", "GE MEDICAL SYSTEMS"},
        {DCM_ManufacturerModelName, "SOMATOM Definition AS+", "SOMATOM Definition AS+"},
        {DCM_SoftwareVersions, "syngo CT 2011A " PLANT, "syngo CT 2011A"},
        {DCM_PatientSex, "F", "F"},
        {DCM_PatientSex, "X" PLANT, ""},
        {DCM_PatientAge, "089Y", "089Y"},
        {DCM_PatientAge, "090Y", "090Y"},
        {DCM_PatientAge, "104Y", "090Y"},
        {DCM_PatientAge, "007M", "007M"},
        {DCM_PatientAge, "010D", "001W"},
        {DCM_PatientAge, "44", NULL},
        {DCM_SeriesNumber, "3", "3"},
        {DCM_RescaleType, "HU", "HU"},
        {DCM_PatientWeight, "80", NULL}, // no PET
        {DCM_Laterality, "L", "L"},
        {DCM_AccessionNumber, "", ""},
        {DCM_PatientBirthDate, "19500101", ""},
        {DCM_StudyDate, "20200101", ""},
        {DCM_SeriesDate, "20200101", NULL},
        {DCM_InstitutionName, "St Elsewhere", NULL},
        {DCM_OperatorsName, "Hand^John", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b;
        begin(&b, CT_UID);
        put(&b, b.d, cases[i].tag, cases[i].from);
        reread(&b, DCM_EXPLICIT_LE);
        clean(&b);
        const char *now = text_of(b.d, cases[i].tag);
        bool right =
            cases[i].to == NULL ? now == NULL : now != NULL && strcmp(now, cases[i].to) == 0;
        if (!right) {
            fail_msg("(%08X) '%s' became '%s', not '%s'", cases[i].tag, cases[i].from,
                     now == NULL ? "(gone)" : now, cases[i].to == NULL ? "(gone)" : cases[i].to);
        }
        end(&b);
    }
}

static void test_long_number_of_the_subject(void **state) {
    struct bench b;
    int64_t number = 7734512;
    (void)state;
    begin(&b, CT_UID);
    put(&b, b.d, DCM_PatientID, "7734512");
    put(&b, b.d, DCM_AcquisitionNumber, "7734512");
    assert_int_equal(dcm_put_ints(b.d, DCM_RegionFlags, DCM_VR_UL, &number, 1, &b.e), E_OK);
    clean(&b);
    assert_false(holds_text(&b, "7734512"));
    uint8_t bytes[4];
    num_put_le32(bytes, 7734512);
    assert_false(holds(&b, bytes, sizeof bytes));
    end(&b);
}

// --- identity ---

static void test_references(void **state) {
    struct bench b;
    char expected[DCM_UID_MAX + 1];
    (void)state;
    begin(&b, CT_UID);
    struct dcm_dataset *i = item(&b, b.d, DCM_ReferencedImageSequence);
    put(&b, i, DCM_ReferencedSOPClassUID, CT_UID);
    put(&b, i, DCM_ReferencedSOPInstanceUID, "1.2.3.4");
    put(&b, b.d, DCM_FrameOfReferenceUID, "1.2.840.10008.1.4.1.1");
    clean(&b);
    (void)gate_uid(&key, slice_str("1.2.3.4"), expected);
    const struct dcm_dataset *r = dcm_first_item(b.d, DCM_ReferencedImageSequence);
    assert_non_null(r);
    assert_text(b.d, DCM_SOPInstanceUID, expected);
    assert_text(r, DCM_ReferencedSOPInstanceUID, expected);
    assert_text(r, DCM_ReferencedSOPClassUID, CT_UID);
    assert_text(b.d, DCM_FrameOfReferenceUID, "1.2.840.10008.1.4.1.1");
    assert_text(b.d, DCM_SOPClassUID, CT_UID);
    end(&b);
}

static void pseudonym(const char *id, const char *issuer, const char *name, const char *birth,
                      char out[GATE_PSEUDONYM_MAX]) {
    struct bench b;
    struct gate_origin origin;
    begin(&b, CT_UID);
    put(&b, b.d, DCM_PatientID, id);
    put(&b, b.d, DCM_IssuerOfPatientID, issuer);
    put(&b, b.d, DCM_PatientName, name);
    put(&b, b.d, DCM_PatientBirthDate, birth);
    put(&b, b.d, DCM_StudyInstanceUID, "1.9");
    clean(&b);
    assert_text(b.d, DCM_PatientName, text_of(b.d, DCM_PatientID));
    (void)snprintf(out, GATE_PSEUDONYM_MAX, "%s", text_of(b.d, DCM_PatientID));
    end(&b);
    begin(&b, CT_UID);
    put(&b, b.d, DCM_PatientID, id);
    put(&b, b.d, DCM_IssuerOfPatientID, issuer);
    put(&b, b.d, DCM_PatientName, name);
    put(&b, b.d, DCM_PatientBirthDate, birth);
    put(&b, b.d, DCM_StudyInstanceUID, "1.9");
    struct gate_context c = {.arena = &b.arena, .profile = b.profile, .key = &key};
    gate_header_origin(&c, b.d, &origin);
    assert_string_equal(origin.patient, out);
    end(&b);
}

static void test_patients_stay_apart(void **state) {
    char a[GATE_PSEUDONYM_MAX];
    char b[GATE_PSEUDONYM_MAX];
    (void)state;
    pseudonym("1", "T", "Hand^Ann", "19500101", a);
    pseudonym("1", "T", "Hand^Ann M", "19500102", b);
    assert_string_equal(a, b); // the number counts
    pseudonym("1", "U", "Hand^Ann", "19500101", b);
    assert_string_not_equal(a, b);
    pseudonym("2", "T", "Hand^Ann", "19500101", b);
    assert_string_not_equal(a, b);
    pseudonym("", "", "Hand^Ann", "19500101", a);
    pseudonym("", "", "Hand^Ann", "19500102", b);
    assert_string_not_equal(a, b);
    pseudonym("", "", "", "", b);
    assert_true(strncmp(b, "CASE-", 5) == 0);
}

// --- dates ---

static void test_pet_times(void **state) {
    struct bench b;
    (void)state;
    begin(&b, PET_UID);
    put(&b, b.d, DCM_SeriesDate, "20190304");
    put(&b, b.d, DCM_SeriesTime, "001500");
    put(&b, b.d, DCM_AcquisitionDate, "20190304");
    put(&b, b.d, DCM_AcquisitionTime, "001730.25");
    put(&b, b.d, DCM_PatientWeight, "81.5");
    struct dcm_dataset *i = item(&b, b.d, DCM_RadiopharmaceuticalInformationSequence);
    put(&b, i, DCM_RadiopharmaceuticalStartTime, "231400"); // before midnight
    put(&b, i, DCM_RadionuclideHalfLife, "6586.2");
    clean(&b);
    const struct dcm_dataset *r = dcm_first_item(b.d, DCM_RadiopharmaceuticalInformationSequence);
    assert_text(r, DCM_RadiopharmaceuticalStartTime, "000000");
    assert_text(r, DCM_RadionuclideHalfLife, "6586.2");
    assert_text(b.d, DCM_SeriesDate, "20000101");
    assert_text(b.d, DCM_SeriesTime, "010100"); // 61 minutes
    assert_text(b.d, DCM_AcquisitionDate, "20000101");
    assert_text(b.d, DCM_AcquisitionTime, "010330.250000");
    assert_text(b.d, DCM_PatientWeight, "81.5");
    assert_false(holds_text(&b, "20190304"));
    end(&b);
}

static void test_dynamic_times(void **state) {
    struct bench b;
    (void)state;
    begin(&b, EMR_UID);
    put(&b, b.d, DCM_AcquisitionDateTime, "20190304101500");
    put(&b, b.d, DCM_ContentDate, "20190304");
    put(&b, b.d, DCM_ContentTime, "101700");
    struct dcm_dataset *i = item(&b, b.d, DCM_PerFrameFunctionalGroupsSequence);
    i = item(&b, i, DCM_FrameContentSequence);
    put(&b, i, DCM_FrameAcquisitionDateTime, "20190304101512.5");
    clean(&b);
    assert_text(b.d, DCM_AcquisitionDateTime, "20000101000000");
    assert_text(b.d, DCM_ContentDate, "20000101");
    assert_text(b.d, DCM_ContentTime, "000200");
    const struct dcm_dataset *r = dcm_first_item(b.d, DCM_PerFrameFunctionalGroupsSequence);
    r = dcm_first_item(r, DCM_FrameContentSequence);
    assert_text(r, DCM_FrameAcquisitionDateTime, "20000101000012.500000");
    end(&b);
}

// A dummy is no date of the subject.
static void test_dummies_do_not_collide(void **state) {
    struct bench b;
    (void)state;
    begin(&b, EMR_UID);
    put(&b, b.d, DCM_PatientBirthDate, "20000101");
    put(&b, b.d, DCM_ContentDate, "20190304");
    clean(&b);
    assert_text(b.d, DCM_ContentDate, "20000102");
    end(&b);
}

static void test_shifted(void **state) {
    struct bench b;
    (void)state;
    begin_with(&b, "\"dates\": \"removed\"", "\"dates\": \"shifted\"", CT_UID);
    put(&b, b.d, DCM_PatientID, "1");
    put(&b, b.d, DCM_StudyDate, "20200229");
    put(&b, b.d, DCM_StudyTime, "101500");
    put(&b, b.d, DCM_SeriesDate, "20200307");
    put(&b, b.d, DCM_AcquisitionDateTime, "20200229101500.123456+0100");
    put(&b, b.d, DCM_DateOfLastCalibration, "20200101");
    put(&b, b.d, DCM_PatientBirthDate, "19500101");
    clean(&b);
    const char *study = text_of(b.d, DCM_StudyDate);
    const char *series = text_of(b.d, DCM_SeriesDate);
    struct dcm_datetime s;
    struct dcm_datetime t;
    assert_int_equal(dcm_datetime_parse(DCM_VR_DA, slice_str(study), &s, &b.e), E_OK);
    assert_int_equal(dcm_datetime_parse(DCM_VR_DA, slice_str(series), &t, &b.e), E_OK);
    int64_t back = dcm_days_from_date(2020, 2, 29) - dcm_days_from_date(s.year, s.month, s.day);
    assert_true(back % 7 == 0 && back >= 52 * 7 && back <= 520 * 7);
    assert_int_equal(
        dcm_days_from_date(t.year, t.month, t.day) - dcm_days_from_date(s.year, s.month, s.day), 7);
    assert_text(b.d, DCM_StudyTime, "101500");
    assert_true(strncmp(text_of(b.d, DCM_AcquisitionDateTime), study, 8) == 0);
    assert_string_equal(text_of(b.d, DCM_AcquisitionDateTime) + 8, "101500.123456+0100");
    assert_gone(b.d, DCM_DateOfLastCalibration);
    assert_text(b.d, DCM_PatientBirthDate, "");
    assert_text(b.d, DCM_LongitudinalTemporalInformationModified, "MODIFIED");
    assert_int_not_equal(b.c.methods & GATE_METHOD_MODIFIED_DATES, 0);
    end(&b);
}

static void test_age_of_dates(void **state) {
    static const struct {
        const char *birth, *study, *age;
    } cases[] = {{"19500615", "20200614", "069Y"}, {"19500615", "20200615", "070Y"},
                 {"19200101", "20200615", "090Y"}, {"20200101", "20200615", "005M"},
                 {"20200601", "20200615", "002W"}, {"18000101", "20200615", NULL},
                 {"20210101", "20200615", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b;
        begin(&b, CT_UID);
        put(&b, b.d, DCM_PatientBirthDate, cases[i].birth);
        put(&b, b.d, DCM_StudyDate, cases[i].study);
        clean(&b);
        if (cases[i].age == NULL) {
            assert_gone(b.d, DCM_PatientAge);
        } else {
            assert_text(b.d, DCM_PatientAge, cases[i].age);
        }
        end(&b);
    }
}

// --- character sets ---

static void test_character_sets(void **state) {
    struct bench b;
    (void)state;
    // Latin-1 that says it is UTF-8: what is not text goes.
    begin(&b, CT_UID);
    put(&b, b.d, DCM_SpecificCharacterSet, "ISO_IR 192");
    assert_int_equal(dcm_put(b.d, DCM_PatientName, DCM_VR_PN, slice_str("M\xFCller^J\xF6rg"), &b.e),
                     E_OK);
    assert_int_equal(
        dcm_put(b.d, DCM_SeriesDescription, DCM_VR_LO, slice_str("M\xFCller CHEST"), &b.e), E_OK);
    clean(&b);
    assert_false(holds_text(&b, "ller"));
    assert_non_null(strstr(text_of(b.d, DCM_SeriesDescription), "CHEST"));
    end(&b);
    // A set that nobody knows is not passed on.
    begin(&b, CT_UID);
    put(&b, b.d, DCM_SpecificCharacterSet, PLANT);
    clean(&b);
    assert_false(holds_text(&b, PLANT));
    end(&b);
}

// --- what is written ---

static void test_marks(void **state) {
    struct bench b;
    struct dcm_dataset *i;
    double days;
    (void)state;
    begin(&b, CT_UID);
    put(&b, b.d, DCM_BurnedInAnnotation, "NO");
    put(&b, b.d, DCM_RecognizableVisualFeatures, "YES");
    put(&b, b.d, DCM_StudyDate, "20200110");
    i = item(&b, b.d, DCM_DeidentificationMethodCodeSequence);
    put(&b, i, DCM_CodeValue, "113100");
    put(&b, i, DCM_CodingSchemeDesignator, "DCM");
    put(&b, i, DCM_CodeMeaning, "Basic Application Confidentiality Profile");
    clean(&b);
    assert_gone(b.d, DCM_BurnedInAnnotation); // nobody looked
    assert_text(b.d, DCM_RecognizableVisualFeatures, "YES");
    assert_text(b.d, DCM_PatientIdentityRemoved, "YES");
    assert_text(b.d, DCM_LongitudinalTemporalInformationModified, "REMOVED");
    assert_text(b.d, DCM_LongitudinalTemporalEventType, "BASELINE");
    assert_true(dcm_double(b.d, DCM_LongitudinalTemporalOffsetFromEvent, 0, &days));
    assert_true(days == 0.0);
    const struct dcm_node *codes = dcm_get(b.d, DCM_DeidentificationMethodCodeSequence);
    assert_int_equal(codes->item_count, 2); // basic once, descriptors
    assert_text(dcm_item(codes, 1), DCM_CodeValue, "113105");
    const struct dcm_node *method = dcm_get(b.d, DCM_DeidentificationMethod);
    struct slice value;
    for (uint32_t v = 0; dcm_node_text(method, v, &value); v++) {
        struct err e = {0};
        assert_int_equal(dcm_value_check(DCM_VR_LO, value, &e), E_OK);
    }
    const struct dcm_dataset *equipment = dcm_first_item(b.d, DCM_ContributingEquipmentSequence);
    assert_text(dcm_first_item(equipment, DCM_PurposeOfReferenceCodeSequence), DCM_CodeValue,
                "109104");
    end(&b);
    // Days from the patient's first study, and what steps did.
    begin(&b, CT_UID);
    put(&b, b.d, DCM_StudyDate, "20200110");
    b.c = (struct gate_context){.arena = &b.arena, .profile = b.profile, .key = &key};
    gate_notes_init(&b.c.notes, &b.arena);
    b.c.has_day_zero = true;
    b.c.day_zero = (int32_t)dcm_days_from_date(2019, 12, 31);
    assert_int_equal(gate_header_clean(&b.c, b.d, &b.e), E_OK);
    b.c.methods |= GATE_METHOD_PIXELS | GATE_METHOD_FEATURES;
    assert_int_equal(gate_header_mark(&b.c, b.d, &b.e), E_OK);
    assert_true(dcm_double(b.d, DCM_LongitudinalTemporalOffsetFromEvent, 0, &days));
    assert_true(days == 10.0);
    assert_text(b.d, DCM_BurnedInAnnotation, "NO");
    assert_text(b.d, DCM_RecognizableVisualFeatures, "NO");
    end(&b);
}

static void test_weakened_is_said(void **state) {
    struct bench b;
    (void)state;
    begin_with(&b, "\"retain_uids\": false", "\"weakened\": true, \"retain_uids\": true", CT_UID);
    clean(&b);
    assert_true(holds_text(&b, "WEAKENED"));
    assert_true(holds_text(&b, "113110"));
    assert_text(b.d, DCM_SOPInstanceUID, "1.2.3.4");
    end(&b);
}

static void test_notes_name_places(void **state) {
    struct bench b;
    bool found = false;
    (void)state;
    begin(&b, CT_UID);
    struct dcm_dataset *d = deep(&b, b.d, 2);
    put(&b, d, DCM_PatientComments, PLANT);
    clean(&b);
    for (uint32_t i = 0; i < b.c.notes.count; i++) {
        found = found ||
                strcmp(b.c.notes.lines[i].where, "(0008,9124)[0].(0008,2112)[0].(0010,4000)") == 0;
        assert_null(strstr(b.c.notes.lines[i].where, PLANT));
    }
    assert_true(found);
    end(&b);
}

static void test_memory_short(void **state) {
    (void)state;
    for (size_t limit = 4096; limit < ((size_t)1 << 20); limit += 1500) {
        struct bench b;
        struct arena small;
        begin(&b, CT_UID);
        put(&b, b.d, DCM_PatientName, PLANT "^" PLANT);
        put(&b, b.d, DCM_StudyDescription, "CHEST " PLANT);
        put(&b, deep(&b, b.d, 3), DCM_PatientID, PLANT);
        arena_init(&small, limit);
        b.c = (struct gate_context){.arena = &small, .profile = b.profile, .key = &key};
        gate_notes_init(&b.c.notes, &small);
        int code = gate_header_clean(&b.c, b.d, &b.e);
        assert_true(code == E_OK || code == E_MEMORY || code == E_LIMIT);
        arena_done(&small);
        end(&b);
        if (code == E_OK) {
            return;
        }
    }
    fail_msg("never enough");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_floor_is_whole),
        cmocka_unit_test(test_every_row),
        cmocka_unit_test(test_every_row_and_option),
        cmocka_unit_test(test_every_attribute),
        cmocka_unit_test(test_unknown_and_outside),
        cmocka_unit_test(test_private),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_long_number_of_the_subject),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_patients_stay_apart),
        cmocka_unit_test(test_pet_times),
        cmocka_unit_test(test_dynamic_times),
        cmocka_unit_test(test_dummies_do_not_collide),
        cmocka_unit_test(test_shifted),
        cmocka_unit_test(test_age_of_dates),
        cmocka_unit_test(test_character_sets),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_weakened_is_said),
        cmocka_unit_test(test_notes_name_places),
        cmocka_unit_test(test_memory_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
