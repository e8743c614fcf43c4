// SPDX-License-Identifier: Apache-2.0
// Numbers keep their digits: IS and DS by the text that was written, binary ones by the fewest
// digits that read back.
#include "dicom/json_value.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "dicom/value.h"

#define SAFE_INTEGER (INT64_C(1) << 53) // whole numbers that every JSON reader keeps
#define DOUBLE_DIGITS 15                // decimal digits that a double always keeps
#define NUMBER_LEN_MAX 64

struct slice dcm_json_unpadded(enum dcm_vr vr, struct slice s) {
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\0')) {
        s.len--;
    }
    return vr == DCM_VR_IS || vr == DCM_VR_DS ? dcm_value_trim(vr, s) : s;
}

static void write_name(struct json *j, struct slice text) {
    static const char *const labels[] = {"Alphabetic", "Ideographic", "Phonetic"};
    struct dcm_person_name name;
    dcm_name_parse(text, &name);
    json_begin_object(j);
    for (int i = 0; i < DCM_NAME_GROUPS; i++) {
        if (name.groups[i].len > 0) {
            json_member_slice(j, labels[i], name.groups[i]);
        }
    }
    json_end_object(j);
}

static void write_integer_string(struct json *j, struct slice text) {
    int32_t value;
    struct err ignored = {0};
    if (dcm_is_parse(text, &value, &ignored) == E_OK) {
        json_i64(j, value);
    } else {
        json_slice(j, text);
    }
}

// The text as a JSON number with the same digits: no plus sign, no zeros in front, digits on both
// sides of the point. 0 when it is none.
static size_t json_number(struct slice text, char out[NUMBER_LEN_MAX + 4]) {
    size_t len = 0;
    size_t i = 0;
    if (text.len > NUMBER_LEN_MAX) {
        return 0;
    }
    if (text.ptr[i] == '-') {
        out[len++] = '-';
    }
    i += text.ptr[i] == '-' || text.ptr[i] == '+';
    while (i + 1 < text.len && text.ptr[i] == '0' && text.ptr[i + 1] >= '0' &&
           text.ptr[i + 1] <= '9') {
        i++;
    }
    if (i < text.len && text.ptr[i] == '.') {
        out[len++] = '0';
    }
    for (; i < text.len; i++) {
        bool bare_point = text.ptr[i] == '.' &&
                          (i + 1 == text.len || text.ptr[i + 1] < '0' || text.ptr[i + 1] > '9');
        if (!bare_point) {
            out[len++] = (char)text.ptr[i];
        }
    }
    return len;
}

static int significant_digits(struct slice text) {
    int digits = 0;
    for (size_t i = 0; i < text.len && text.ptr[i] != 'e' && text.ptr[i] != 'E'; i++) {
        bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        digits += digit && (digits > 0 || text.ptr[i] != '0');
    }
    return digits;
}

// PS3.18 F.2.3: a number where no digit gets lost, else a string.
static void write_decimal_string(struct json *j, struct slice text) {
    char number[NUMBER_LEN_MAX + 4];
    double value;
    size_t len = num_parse_double(text, &value) && significant_digits(text) <= DOUBLE_DIGITS
                     ? json_number(text, number)
                     : 0;
    if (len > 0) {
        json_raw(j, slice_of(number, len));
    } else {
        json_slice(j, text);
    }
}

void dcm_json_put_text(struct json *j, enum dcm_vr vr, struct slice text) {
    if (text.len == 0) {
        json_null(j);
    } else if (vr == DCM_VR_PN) {
        write_name(j, text);
    } else if (vr == DCM_VR_IS) {
        write_integer_string(j, text);
    } else if (vr == DCM_VR_DS) {
        write_decimal_string(j, text);
    } else {
        json_slice(j, text);
    }
}

static uint16_t get16(const uint8_t *p, bool big) { return big ? num_be16(p) : num_le16(p); }
static uint32_t get32(const uint8_t *p, bool big) { return big ? num_be32(p) : num_le32(p); }
static uint64_t get64(const uint8_t *p, bool big) { return big ? num_be64(p) : num_le64(p); }

static void write_big(struct json *j, bool is_signed, uint64_t bits) {
    char text[24];
    int64_t value = (int64_t)bits;
    bool safe = is_signed ? value <= SAFE_INTEGER && value >= -SAFE_INTEGER
                          : bits <= (uint64_t)SAFE_INTEGER;
    int len = is_signed ? snprintf(text, sizeof text, "%lld", (long long)value)
                        : snprintf(text, sizeof text, "%llu", (unsigned long long)bits);
    if (safe) {
        json_raw(j, slice_of(text, (size_t)len));
    } else {
        json_slice(j, slice_of(text, (size_t)len));
    }
}

// JSON has no word for these; strings are what FO-DICOM and others write and read.
static bool write_not_finite(struct json *j, double value) {
    if (isfinite(value)) {
        return false;
    }
    json_str(j, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    return true;
}

static void write_float(struct json *j, float value) {
    char text[32];
    int len = 0;
    if (write_not_finite(j, (double)value)) {
        return;
    }
    for (int digits = 6; digits <= 9; digits++) {
        len = snprintf(text, sizeof text, "%.*g", digits, (double)value);
        for (int i = 0; i < len; i++) {
            text[i] = text[i] == ',' ? '.' : text[i];
        }
        double back;
        if (num_parse_double(slice_of(text, (size_t)len), &back) && (float)back == value) {
            break;
        }
    }
    json_raw(j, slice_of(text, (size_t)len));
}

static void write_real(struct json *j, enum dcm_vr vr, const uint8_t *p, bool big) {
    if (vr == DCM_VR_FL) {
        uint32_t bits = get32(p, big);
        float value;
        memcpy(&value, &bits, sizeof value);
        write_float(j, value);
        return;
    }
    uint64_t bits = get64(p, big);
    double value;
    memcpy(&value, &bits, sizeof value);
    if (!write_not_finite(j, value)) {
        json_double(j, value);
    }
}

static void write_tag(struct json *j, const uint8_t *p, bool big) {
    char text[9];
    (void)snprintf(text, sizeof text, "%04X%04X", get16(p, big), get16(p + 2, big));
    json_str(j, text);
}

void dcm_json_put_binary(struct json *j, enum dcm_vr vr, const uint8_t *p, bool big) {
    switch (vr) {
    case DCM_VR_US:
        json_u64(j, get16(p, big));
        break;
    case DCM_VR_SS:
        json_i64(j, (int16_t)get16(p, big));
        break;
    case DCM_VR_UL:
        json_u64(j, get32(p, big));
        break;
    case DCM_VR_SL:
        json_i64(j, (int32_t)get32(p, big));
        break;
    case DCM_VR_UV:
    case DCM_VR_SV:
        write_big(j, vr == DCM_VR_SV, get64(p, big));
        break;
    case DCM_VR_AT:
        write_tag(j, p, big);
        break;
    default:
        write_real(j, vr, p, big);
        break;
    }
}

size_t dcm_json_unit(enum dcm_vr vr) { return vr == DCM_VR_AT ? 4 : dcm_vr_info(vr)->unit; }
