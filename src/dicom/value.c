// SPDX-License-Identifier: Apache-2.0
// Numbers as text, ages, tags, and the table of what each text VR allows (PS3.5 6.2). It checks one
// value at a time; value multiplicity is the dictionary's business.
#include "dicom/value.h"

#include <math.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "base/utf8.h"
#include "dicom/uid.h"

#define IS_LEN_MAX 12
#define DS_LEN_MAX 16
#define UID_LEN_MAX 64
#define SHOWN_MAX 40 // bytes of a value in an error

static int refuse(struct err *e, const char *what, struct slice text) {
    return err_set(e, E_VALUE, "%s: \"%.*s\"", what,
                   (int)(text.len < SHOWN_MAX ? text.len : SHOWN_MAX),
                   text.len == 0 ? "" : (const char *)text.ptr);
}

// --- splitting and padding

static bool keeps_leading(enum dcm_vr vr) {
    return vr == DCM_VR_ST || vr == DCM_VR_LT || vr == DCM_VR_UT || vr == DCM_VR_UC ||
           vr == DCM_VR_UR;
}

struct slice dcm_value_trim(enum dcm_vr vr, struct slice text) {
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\0')) {
        text.len--;
    }
    while (!keeps_leading(vr) && text.len > 0 && text.ptr[0] == ' ') {
        text = slice_from(text, 1);
    }
    return text;
}

bool dcm_value_next(enum dcm_vr vr, struct slice *rest, struct slice *ret_value) {
    struct slice part = *rest;
    if (rest->ptr == NULL) {
        return false;
    }
    if (dcm_vr_splits(vr)) {
        (void)slice_split(rest, '\\', &part);
    } else {
        *rest = (struct slice){NULL, 0};
    }
    *ret_value = dcm_value_trim(vr, part);
    return true;
}

// --- IS, DS

int dcm_is_parse(struct slice text, int32_t *ret_value, struct err *e) {
    int64_t value;
    if (text.len > IS_LEN_MAX) {
        return refuse(e, "an integer string of more than 12 characters", text);
    }
    if (!num_parse_i64(text, INT32_MIN, INT32_MAX, &value)) {
        return refuse(e, "no integer of 32 bits", text);
    }
    *ret_value = (int32_t)value;
    return E_OK;
}

void dcm_is_put(int32_t value, struct buf *out) { buf_printf(out, "%d", (int)value); }

int dcm_ds_parse(struct slice text, double *ret_value, struct err *e) {
    double value;
    if (text.len > DS_LEN_MAX) {
        return refuse(e, "a decimal string of more than 16 characters", text);
    }
    if (!num_parse_double(text, &value)) {
        return refuse(e, "no decimal number", text);
    }
    *ret_value = value;
    return E_OK;
}

// The most digits that fit into 16 characters; the length.
static size_t ds_text(double value, char out[DS_LEN_MAX + 24], bool *ret_exact) {
    size_t len = 0;
    *ret_exact = false;
    for (int digits = 17; digits >= 1; digits--) {
        len = (size_t)snprintf(out, DS_LEN_MAX + 24, "%.*g", digits, value);
        for (size_t i = 0; i < len; i++) {
            out[i] = out[i] == ',' ? '.' : out[i];
        }
        double back;
        *ret_exact = num_parse_double(slice_of(out, len), &back) && back == value;
        if (len <= DS_LEN_MAX) {
            break;
        }
    }
    return len;
}

// Fewer digits while the value stays the same: "0.1", not "0.10000000000000".
static size_t ds_shortest(double value, char out[DS_LEN_MAX + 24], bool *ret_exact) {
    for (int digits = 1; digits <= 17; digits++) {
        size_t len = (size_t)snprintf(out, DS_LEN_MAX + 24, "%.*g", digits, value);
        for (size_t i = 0; i < len; i++) {
            out[i] = out[i] == ',' ? '.' : out[i];
        }
        double back;
        if (num_parse_double(slice_of(out, len), &back) && back == value && len <= DS_LEN_MAX) {
            *ret_exact = true;
            return len;
        }
    }
    return ds_text(value, out, ret_exact);
}

int dcm_ds_put(double value, struct buf *out, struct err *e) {
    char text[DS_LEN_MAX + 24];
    bool exact;
    if (!isfinite(value)) {
        return err_set(e, E_VALUE, "a decimal string cannot hold infinity or no number");
    }
    buf_put(out, text, ds_shortest(value, text, &exact));
    return E_OK;
}

bool dcm_ds_exact(double value) {
    char text[DS_LEN_MAX + 24];
    bool exact = false;
    return isfinite(value) && ds_shortest(value, text, &exact) <= DS_LEN_MAX && exact;
}

// --- AS, AT

int dcm_age_parse(struct slice text, struct dcm_age *ret_age, struct err *e) {
    uint64_t count;
    bool unit = text.len == 4 && (text.ptr[3] == 'D' || text.ptr[3] == 'W' || text.ptr[3] == 'M' ||
                                  text.ptr[3] == 'Y');
    if (!unit || !num_parse_u64(slice_first(text, 3), 999, &count)) {
        return refuse(e, "an age is three digits and D, W, M or Y", text);
    }
    *ret_age = (struct dcm_age){(uint16_t)count, (char)text.ptr[3]};
    return E_OK;
}

int dcm_age_put(const struct dcm_age *age, struct buf *out, struct err *e) {
    bool unit = age->unit == 'D' || age->unit == 'W' || age->unit == 'M' || age->unit == 'Y';
    if (age->count > 999 || !unit) {
        return err_set(e, E_VALUE, "no age: %u and unit %02X", age->count,
                       (unsigned)(unsigned char)age->unit);
    }
    buf_printf(out, "%03u%c", age->count, age->unit);
    return E_OK;
}

int dcm_at_parse(struct slice text, dcm_tag *ret_tag, struct err *e) {
    uint32_t tag = 0;
    if (text.len != 8) {
        return refuse(e, "a tag is eight hexadecimal digits", text);
    }
    for (size_t i = 0; i < 8; i++) {
        uint8_t c = text.ptr[i];
        bool digit = c >= '0' && c <= '9';
        uint8_t letter = c | 0x20;
        if (!digit && !(letter >= 'a' && letter <= 'f')) {
            return refuse(e, "a tag is eight hexadecimal digits", text);
        }
        tag = tag << 4 | (uint32_t)(digit ? c - '0' : letter - 'a' + 10);
    }
    *ret_tag = tag;
    return E_OK;
}

void dcm_at_put(dcm_tag tag, struct buf *out) { buf_printf(out, "%08X", tag); }

// --- validity

// Characters that one value of the VR may hold.
static bool char_allowed(enum dcm_vr vr, uint32_t c) {
    bool layout = c == '\t' || c == '\n' || c == '\f' || c == '\r';
    switch (vr) {
    case DCM_VR_ST:
    case DCM_VR_LT:
    case DCM_VR_UT:
        return layout || (c >= 0x20 && c != 0x7F);
    case DCM_VR_CS:
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' || c == '_';
    case DCM_VR_AE:
        return c >= 0x20 && c < 0x7F && c != '\\';
    case DCM_VR_UR:
        return c > 0x20 && c < 0x7F && c != '\\';
    case DCM_VR_LO:
    case DCM_VR_SH:
    case DCM_VR_UC:
    case DCM_VR_PN:
        return c >= 0x20 && c != 0x7F && c != '\\';
    default:
        return c >= 0x20 && c < 0x7F;
    }
}

// Repertoire and length in characters.
static int check_chars(enum dcm_vr vr, struct slice value, struct err *e) {
    const struct dcm_vr_info *info = dcm_vr_info(vr);
    size_t count = 0;
    for (size_t at = 0; at < value.len; count++) {
        uint32_t c;
        size_t taken = utf8_decode(slice_from(value, at), &c);
        if (taken == 0) {
            (void)err_set(e, E_VALUE, "text that is not UTF-8");
            return err_at(e, at);
        }
        if (!char_allowed(vr, c)) {
            (void)err_set(e, E_VALUE, "U+%04X is not allowed in %s", c, info->name);
            return err_at(e, at);
        }
        at += taken;
    }
    if (vr != DCM_VR_PN && info->longest > 0 && count > info->longest) {
        return err_set(e, E_VALUE, "%zu characters, %s allows %u", count, info->name,
                       info->longest);
    }
    return E_OK;
}

static int check_name(struct slice value, struct err *e) {
    struct dcm_person_name name;
    dcm_name_parse(value, &name);
    if (name.too_many_groups) {
        return refuse(e, "a name of more than three component groups", value);
    }
    if (name.too_many_components) {
        return refuse(e, "a name of more than five components", value);
    }
    return name.too_long ? refuse(e, "a component group of more than 64 characters", value) : E_OK;
}

static int check_datetime(enum dcm_vr vr, struct slice value, struct err *e) {
    struct dcm_datetime v;
    int rc = dcm_datetime_parse(vr, value, &v, e);
    if (rc != E_OK) {
        return rc;
    }
    return v.old_form ? refuse(e, "the form of ACR-NEMA", value) : E_OK;
}

static int check_form(enum dcm_vr vr, struct slice value, struct err *e) {
    int32_t integer;
    double decimal;
    struct dcm_age age;
    switch (vr) {
    case DCM_VR_DA:
    case DCM_VR_TM:
    case DCM_VR_DT:
        return check_datetime(vr, value, e);
    case DCM_VR_IS:
        return dcm_is_parse(value, &integer, e);
    case DCM_VR_DS:
        return dcm_ds_parse(value, &decimal, e);
    case DCM_VR_AS:
        return dcm_age_parse(value, &age, e);
    case DCM_VR_UI:
        return value.len <= UID_LEN_MAX && dcm_uid_valid(value) ? E_OK : refuse(e, "no UID", value);
    case DCM_VR_PN:
        return check_name(value, e);
    default:
        return E_OK;
    }
}

int dcm_value_check(enum dcm_vr vr, struct slice value, struct err *e) {
    if (dcm_vr_info(vr)->class != DCM_VR_CLASS_TEXT || value.len == 0) {
        return E_OK;
    }
    int rc = check_chars(vr, value, e);
    return rc != E_OK ? rc : check_form(vr, value, e);
}
