// SPDX-License-Identifier: Apache-2.0
#include "phantom/truth.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "phantom/case.h"

const char *ph_lesion_words(enum ph_lesion lesion) {
    static const char *const words[PH_LESION_COUNT] = {
#define X(name, text) text,
        PH_LESION_LIST(X)
#undef X
    };
    return words[lesion];
}

void ph_truth_mark(struct ph_truth *t, const struct ph_mark *mark) {
    if (t->mark_count == t->mark_cap) {
        int cap = t->mark_cap == 0 ? 32 : 2 * t->mark_cap;
        struct ph_mark *more = mem_realloc(t->marks, (size_t)cap * sizeof *more);
        if (more == NULL) {
            t->failed = true;
            return;
        }
        t->marks = more;
        t->mark_cap = cap;
    }
    t->marks[t->mark_count++] = *mark;
}

void ph_truth_done(struct ph_truth *t) {
    mem_free(t->marks);
    *t = (struct ph_truth){.lesion = PH_LESION_NORMAL};
}

// Two decimals are plenty, and keep the text the same everywhere.
static double rounded(float v) {
    int64_t hundredths = (int64_t)(v * 100.0f + (v < 0.0f ? -0.5f : 0.5f));
    return (double)hundredths / 100.0;
}

static void put_vector(struct json *j, const char *name, struct ph_v3 v) {
    json_name(j, name);
    json_begin_array(j);
    json_double(j, rounded(v.x));
    json_double(j, rounded(v.y));
    json_double(j, rounded(v.z));
    json_end_array(j);
}

static void put_mark(struct json *j, const struct ph_mark *m) {
    json_begin_object(j);
    json_member_i64(j, "series", m->series);
    json_member_i64(j, "instance", m->instance);
    json_member_str(j, "sop_instance_uid", m->sop_uid);
    json_name(j, "column");
    json_double(j, rounded(m->column));
    json_name(j, "row");
    json_double(j, rounded(m->row));
    json_name(j, "radius");
    json_double(j, rounded(m->radius));
    json_end_object(j);
}

void ph_truth_json(const struct ph_truth *t, const struct ph_case *c, struct buf *out) {
    struct json j;
    json_init(&j, out);
    json_begin_object(&j);
    json_member_i64(&j, "case", c->number);
    json_member_str(&j, "patient_id", c->patient_id);
    json_member_str(&j, "study_instance_uid", c->study_uid);
    json_member_str(&j, "exam", ph_exam_word(c->exam));
    json_member_str(&j, "finding", ph_lesion_words(t->lesion));
    json_member_bool(&j, "normal", t->lesion == PH_LESION_NORMAL);
    if (t->lesion != PH_LESION_NORMAL) {
        json_member_str(&j, "side", t->side < 0.0f ? "right" : t->side > 0.0f ? "left" : "middle");
        put_vector(&j, "centre_mm", t->centre);
        put_vector(&j, "half_size_mm", t->extent);
    }
    json_name(&j, "marks");
    json_begin_array(&j);
    for (int i = 0; i < t->mark_count; i++) {
        put_mark(&j, &t->marks[i]);
    }
    json_end_array(&j);
    json_end_object(&j);
}
