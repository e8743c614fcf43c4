// SPDX-License-Identifier: Apache-2.0
// Person names (PS3.5 6.2.1): up to three component groups (alphabetic, ideographic, phonetic) of
// up to five components. Works on UTF-8 text (charset.h has made it).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;
struct err;

enum dcm_name_group { DCM_NAME_ALPHABETIC, DCM_NAME_IDEOGRAPHIC, DCM_NAME_PHONETIC };
#define DCM_NAME_GROUPS 3

enum dcm_name_component {
    DCM_NAME_FAMILY,
    DCM_NAME_GIVEN,
    DCM_NAME_MIDDLE,
    DCM_NAME_PREFIX,
    DCM_NAME_SUFFIX
};
#define DCM_NAME_COMPONENTS 5
#define DCM_NAME_GROUP_CHARS_MAX 64

struct dcm_person_name {
    struct slice groups[DCM_NAME_GROUPS];                     // as written, without trailing spaces
    struct slice parts[DCM_NAME_GROUPS][DCM_NAME_COMPONENTS]; // trimmed
    bool too_many_groups;     // more than three: the rest is in no field
    bool too_many_components; // more than five: the rest is in the fifth
    bool too_long;            // a group of more than 64 characters
};

// One value. Never fails: every text is some name. Slices borrow from `text`.
void dcm_name_parse(struct slice text, struct dcm_person_name *ret_name);

// Appends the groups from the parts, without trailing ^ and =. E_VALUE when a part holds one of
// \ ^ = or a control character (the fifth part may hold ^ when too_many_components).
int dcm_name_put(const struct dcm_person_name *name, struct buf *out, struct err *e);

// Appends one group for people: "Prefix Given Middle Family, Suffix" without empty parts.
void dcm_name_put_display(const struct dcm_person_name *name, enum dcm_name_group group,
                          struct buf *out);
