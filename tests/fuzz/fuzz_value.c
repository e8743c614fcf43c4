// SPDX-License-Identifier: Apache-2.0
// Any text as a value of any VR: what parses is written as it means, and reads back the same.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "dicom/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define OUTPUT_BYTES ((size_t)1 << 20)

static void need(bool truth) {
    if (!truth) {
        abort();
    }
}

static void check_moment(enum dcm_vr vr, struct slice text, struct buf *out) {
    struct dcm_datetime v = {0};
    struct dcm_datetime again = {0};
    struct err e = {0};
    if (dcm_datetime_parse(vr, text, &v, &e) != E_OK) {
        need(e.text[0] != '\0');
        return;
    }
    buf_clear(out);
    dcm_datetime_put(vr, &v, out);
    need(dcm_datetime_parse(vr, buf_slice(out), &again, &e) == E_OK);
    v.old_form = false;
    need(memcmp(&v, &again, sizeof v) == 0);
    need(dcm_datetime_first_usec(vr, &v, 0) <= dcm_datetime_last_usec(vr, &v, 0));
}

static void check_range(enum dcm_vr vr, struct slice text, struct buf *out) {
    struct dcm_datetime_range r = {0};
    struct dcm_datetime_range again = {0};
    struct err e = {0};
    if (dcm_range_parse(vr, text, &r, &e) != E_OK) {
        need(e.text[0] != '\0');
        return;
    }
    buf_clear(out);
    dcm_range_put(vr, &r, out);
    need(dcm_range_parse(vr, buf_slice(out), &again, &e) == E_OK);
    need(again.has_from == r.has_from && again.has_to == r.has_to && again.single == r.single);
    if (r.has_from) {
        need(dcm_range_matches(vr, &r, &r.from, 0));
    }
}

static void check_name(struct slice text, struct buf *out) {
    struct dcm_person_name name;
    struct dcm_person_name again;
    struct err e = {0};
    dcm_name_parse(text, &name);
    buf_clear(out);
    if (dcm_name_put(&name, out, &e) != E_OK) {
        need(out->len == 0);
        return;
    }
    dcm_name_parse(buf_slice(out), &again);
    for (int g = 0; g < DCM_NAME_GROUPS; g++) {
        for (int p = 0; p < DCM_NAME_COMPONENTS; p++) {
            need(again.too_many_components || name.too_many_components ||
                 slice_eq(name.parts[g][p], again.parts[g][p]));
        }
    }
    dcm_name_put_display(&name, DCM_NAME_ALPHABETIC, out);
}

static void check_numbers(struct slice text, struct buf *out) {
    int32_t whole, whole_again;
    double decimal, decimal_again;
    struct dcm_age age, age_again;
    dcm_tag tag, tag_again;
    struct err e = {0};
    buf_clear(out);
    if (dcm_is_parse(text, &whole, &e) == E_OK) {
        dcm_is_put(whole, out);
        need(dcm_is_parse(buf_slice(out), &whole_again, &e) == E_OK && whole == whole_again);
    }
    buf_clear(out);
    if (dcm_ds_parse(text, &decimal, &e) == E_OK) {
        need(dcm_ds_put(decimal, out, &e) == E_OK && out->len <= 16);
        need(dcm_ds_parse(buf_slice(out), &decimal_again, &e) == E_OK);
        need(!dcm_ds_exact(decimal) || decimal == decimal_again);
    }
    buf_clear(out);
    if (dcm_age_parse(text, &age, &e) == E_OK) {
        need(dcm_age_put(&age, out, &e) == E_OK);
        need(dcm_age_parse(buf_slice(out), &age_again, &e) == E_OK && age.count == age_again.count);
    }
    buf_clear(out);
    if (dcm_at_parse(text, &tag, &e) == E_OK) {
        dcm_at_put(tag, out);
        need(dcm_at_parse(buf_slice(out), &tag_again, &e) == E_OK && tag == tag_again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < 1) {
        return 0;
    }
    enum dcm_vr vr = (enum dcm_vr)(data[0] % DCM_VR_COUNT);
    struct slice rest = slice_of(data + 1, len - 1);
    struct slice value;
    struct buf out;
    buf_init(&out, OUTPUT_BYTES);
    while (dcm_value_next(vr, &rest, &value)) {
        static const enum dcm_vr moments[] = {DCM_VR_DA, DCM_VR_TM, DCM_VR_DT};
        struct err e = {0};
        for (size_t i = 0; i < 3; i++) {
            check_moment(moments[i], value, &out);
            check_range(moments[i], value, &out);
        }
        check_name(value, &out);
        check_numbers(value, &out);
        int rc = dcm_value_check(vr, value, &e);
        need(rc == E_OK || (rc == E_VALUE && e.text[0] != '\0'));
    }
    buf_done(&out);
    return 0;
}
