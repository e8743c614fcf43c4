// SPDX-License-Identifier: Apache-2.0
// Values of DICOM JSON (PS3.18 F.2.3) to the bytes of a data set in explicit VR little endian.
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json_in.h"
#include "base/num.h"
#include "dicom/json_read_priv.h"
#include "dicom/value.h"

#define DS_LEN_MAX 16

// --- text

static int take_text(struct dcm_json_reader *r, dcm_tag tag, const struct json_token *t,
                     struct err *e) {
    buf_clear(&r->text);
    int rc = json_in_text(t, &r->text, e);
    if (rc != E_OK) {
        return dcm_json_place(r, tag, t->offset, e);
    }
    for (size_t i = 0; i < r->text.len && !r->beyond_ascii; i++) {
        r->beyond_ascii = r->text.data[i] >= 0x80;
    }
    return buf_check(&r->text, "a string", e);
}

// A string into the value; it must not hold what separates values.
static int put_string(struct dcm_json_reader *r, dcm_tag tag, enum dcm_vr vr,
                      const struct json_token *t, struct err *e) {
    int rc = take_text(r, tag, t, e);
    if (rc != E_OK) {
        return rc;
    }
    struct slice text = buf_slice(&r->text);
    if (dcm_vr_splits(vr) && slice_find(text, '\\') < text.len) {
        return dcm_json_refuse(r, tag, t, E_VALUE, "a backslash inside of one value", e);
    }
    buf_put_slice(&r->value, text);
    return E_OK;
}

static int put_decimal(struct dcm_json_reader *r, dcm_tag tag, const struct json_token *t,
                       struct err *e) {
    double number;
    if (t->raw.len <= DS_LEN_MAX) {
        buf_put_slice(&r->value, t->raw);
        return E_OK;
    }
    struct err why = {0};
    if (!json_in_double(t, &number) || dcm_ds_put(number, &r->value, &why) != E_OK) {
        return dcm_json_refuse(r, tag, t, E_VALUE, "a number that no decimal string can hold", e);
    }
    return E_OK;
}

// IS: a whole number, also when written as 1.0 or 1e2.
static int put_integer(struct dcm_json_reader *r, dcm_tag tag, const struct json_token *t,
                       struct err *e) {
    double number;
    bool whole = json_in_double(t, &number) && number == floor(number) && number >= INT32_MIN &&
                 number <= INT32_MAX;
    if (!whole) {
        return dcm_json_refuse(r, tag, t, E_VALUE,
                               "an integer string needs a whole number of 32 bits", e);
    }
    dcm_is_put((int32_t)number, &r->value);
    return E_OK;
}

// {"Alphabetic": …, "Ideographic": …, "Phonetic": …} to groups between equals signs.
static int put_name(struct dcm_json_reader *r, dcm_tag tag, struct err *e) {
    static const char *const labels[] = {"Alphabetic", "Ideographic", "Phonetic"};
    struct json_token groups[DCM_NAME_GROUPS] = {0};
    int last = -1;
    struct json_token t;
    for (;;) {
        int rc = json_in_next(r->in, &t, e);
        if (rc < 0) {
            return rc;
        }
        if (t.kind == JSON_OBJECT_END) {
            break;
        }
        struct json_token name = t;
        rc = json_in_next(r->in, &t, e);
        if (rc < 0) {
            return rc;
        }
        if (t.kind != JSON_STRING && t.kind != JSON_NULL) {
            return dcm_json_refuse(r, tag, &t, E_SYNTAX, "a component group is a string", e);
        }
        for (int i = 0; i < DCM_NAME_GROUPS; i++) {
            if (json_in_is(&name, labels[i]) && t.kind == JSON_STRING) {
                groups[i] = t;
                last = i > last ? i : last;
            }
        }
    }
    for (int i = 0; i <= last; i++) {
        if (i > 0) {
            buf_put_byte(&r->value, '=');
        }
        int rc =
            groups[i].kind == JSON_STRING ? put_string(r, tag, DCM_VR_PN, &groups[i], e) : E_OK;
        if (rc != E_OK) {
            return rc;
        }
    }
    return E_OK;
}

int dcm_json_take_text(struct dcm_json_reader *r, dcm_tag tag, enum dcm_vr vr,
                       const struct json_token *t, struct err *e) {
    if (t->kind == JSON_NULL) {
        return E_OK;
    }
    if (t->kind == JSON_STRING) {
        return put_string(r, tag, vr, t, e);
    }
    if (t->kind == JSON_OBJECT_BEGIN && vr == DCM_VR_PN) {
        return put_name(r, tag, e);
    }
    if (t->kind == JSON_NUMBER && vr == DCM_VR_DS) {
        return put_decimal(r, tag, t, e);
    }
    if (t->kind == JSON_NUMBER && vr == DCM_VR_IS) {
        return put_integer(r, tag, t, e);
    }
    return dcm_json_refuse(r, tag, t, E_SYNTAX, "a value of the wrong JSON type for its VR", e);
}

// --- binary values

static void put_le(struct buf *out, uint64_t bits, unsigned size) {
    uint8_t bytes[8];
    num_put_le64(bytes, bits);
    buf_put(out, bytes, size);
}

static bool real_of(const struct json_token *t, double *ret_value) {
    if (t->kind != JSON_STRING) {
        return json_in_double(t, ret_value);
    }
    bool infinite = json_in_is(t, "Infinity") || json_in_is(t, "inf") || json_in_is(t, "+inf");
    bool negative = json_in_is(t, "-Infinity") || json_in_is(t, "-inf");
    bool nan_word = json_in_is(t, "NaN") || json_in_is(t, "nan");
    *ret_value = infinite ? (double)INFINITY : negative ? -(double)INFINITY : (double)NAN;
    return infinite || negative || nan_word || num_parse_double(t->raw, ret_value);
}

static int put_real(struct dcm_json_reader *r, dcm_tag tag, enum dcm_vr vr,
                    const struct json_token *t, struct err *e) {
    double number;
    if (!real_of(t, &number)) {
        return dcm_json_refuse(r, tag, t, E_VALUE, "no number", e);
    }
    if (vr == DCM_VR_FD) {
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        put_le(&r->value, bits, 8);
        return E_OK;
    }
    float narrow = (float)number;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    put_le(&r->value, bits, 4);
    return E_OK;
}

struct range {
    int64_t min;
    int64_t max;
};

static const struct range ranges[DCM_VR_COUNT] = {
    [DCM_VR_US] = {0, UINT16_MAX},        [DCM_VR_SS] = {INT16_MIN, INT16_MAX},
    [DCM_VR_UL] = {0, UINT32_MAX},        [DCM_VR_SL] = {INT32_MIN, INT32_MAX},
    [DCM_VR_SV] = {INT64_MIN, INT64_MAX},
};

// Numbers, or strings of digits (SV and UV come as either).
static int put_whole(struct dcm_json_reader *r, dcm_tag tag, enum dcm_vr vr,
                     const struct json_token *t, struct err *e) {
    uint64_t bits = 0;
    int64_t value = 0;
    bool typed = t->kind == JSON_NUMBER || (t->kind == JSON_STRING && !t->escaped);
    bool good = vr == DCM_VR_UV
                    ? typed && num_parse_u64(t->raw, UINT64_MAX, &bits)
                    : typed && num_parse_i64(t->raw, ranges[vr].min, ranges[vr].max, &value);
    if (!good) {
        return dcm_json_refuse(r, tag, t, E_VALUE, "no whole number in the range of its VR", e);
    }
    put_le(&r->value, vr == DCM_VR_UV ? bits : (uint64_t)value, dcm_vr_info(vr)->unit);
    return E_OK;
}

int dcm_json_take_binary(struct dcm_json_reader *r, dcm_tag tag, enum dcm_vr vr,
                         const struct json_token *t, struct err *e) {
    dcm_tag value;
    struct err why = {0};
    switch (vr) {
    case DCM_VR_FL:
    case DCM_VR_FD:
        return put_real(r, tag, vr, t, e);
    case DCM_VR_AT:
        if (t->kind != JSON_STRING || dcm_at_parse(t->raw, &value, &why) != E_OK) {
            return dcm_json_refuse(r, tag, t, E_VALUE, "a tag is a string of eight digits", e);
        }
        put_le(&r->value, dcm_tag_group(value), 2);
        put_le(&r->value, dcm_tag_element(value), 2);
        return E_OK;
    default:
        return put_whole(r, tag, vr, t, e);
    }
}
