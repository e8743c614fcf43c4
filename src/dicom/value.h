// SPDX-License-Identifier: Apache-2.0
// Typed values (PS3.5 6.2): text of IS DS AS UI AT to numbers and back, splitting, and whether a
// value is one that its VR allows. Dates and names are in datetime.h and person_name.h.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/datetime.h"
#include "dicom/person_name.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

struct buf;
struct err;

// Without the padding that carries no meaning in `vr`: trailing spaces and NULs always; leading
// spaces too, but in ST LT UT UC UR (PS3.5 6.2).
struct slice dcm_value_trim(enum dcm_vr vr, struct slice text);

// The next value of decoded text: cut at backslashes where the VR separates values with them, else
// the whole once. Trimmed. false when *rest was used up (rest->ptr == NULL). Start with *rest =
// text.
bool dcm_value_next(enum dcm_vr vr, struct slice *rest, struct slice *ret_value);

// IS: a whole number of -2^31 to 2^31-1 in at most 12 characters. E_VALUE says what is wrong.
int dcm_is_parse(struct slice text, int32_t *ret_value, struct err *e);
void dcm_is_put(int32_t value, struct buf *out);

// DS: a finite decimal number in at most 16 characters; put keeps as many digits as fit in 16 and
// fails with E_VALUE for what is not finite. dcm_ds_exact: whether the 16 characters read back to
// it.
int dcm_ds_parse(struct slice text, double *ret_value, struct err *e);
int dcm_ds_put(double value, struct buf *out, struct err *e);
bool dcm_ds_exact(double value);

struct dcm_age {
    uint16_t count; // 0 to 999
    char unit;      // D W M Y
};
int dcm_age_parse(struct slice text, struct dcm_age *ret_age, struct err *e);
int dcm_age_put(const struct dcm_age *age, struct buf *out, struct err *e);

// AT: "00100010" as DICOM JSON and the value of an AT have it.
int dcm_at_parse(struct slice text, dcm_tag *ret_tag, struct err *e);
void dcm_at_put(dcm_tag tag, struct buf *out);

// One value in UTF-8 without padding (an empty one is always allowed): repertoire, length in
// characters and form of a text VR. E_VALUE with the reason and, where there is one, the offset of
// the character. Binary VRs and SQ: E_OK.
int dcm_value_check(enum dcm_vr vr, struct slice value, struct err *e);
