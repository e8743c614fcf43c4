// SPDX-License-Identifier: Apache-2.0
// The table of attributes.h.
#include "archive/attributes.h"

#include "dicom/tags.h"

#define ALIAS_STUDY "t."
#define ALIAS_SERIES "s."
#define ALIAS_INSTANCE "i."

static const struct attribute attributes[] = {
#define X(in_level, in_column, keyword, in_vr, in_kind, is_always)                                 \
    {.face = {.tag = DCM_##keyword,                                                                \
              .vr = DCM_VR_##in_vr,                                                                \
              .level = SEARCH_##in_level,                                                          \
              .matches = true,                                                                     \
              .always = is_always,                                                                 \
              .sequence = DCM_##keyword == DCM_ScheduledProcedureStepID ||                         \
                                  DCM_##keyword == DCM_RequestedProcedureID                        \
                              ? DCM_RequestAttributesSequence                                      \
                              : 0},                                                                \
     .kind = ATTRIBUTE_##in_kind,                                                                  \
     .column = #in_column,                                                                         \
     .expression = ALIAS_##in_level #in_column},
    ATTRIBUTE_LIST_X(X)
#undef X
#define X(in_level, in_expression, keyword, in_vr, in_kind, is_always)                             \
    {.face = {.tag = DCM_##keyword,                                                                \
              .vr = DCM_VR_##in_vr,                                                                \
              .level = SEARCH_##in_level,                                                          \
              .matches = ATTRIBUTE_##in_kind != ATTRIBUTE_CONSTANT,                                \
              .always = is_always},                                                                \
     .kind = ATTRIBUTE_##in_kind,                                                                  \
     .column = NULL,                                                                               \
     .expression = in_expression},
        ATTRIBUTE_DERIVED_X(X)
#undef X
};

const struct attribute *attribute_at(size_t id) {
    return id < sizeof attributes / sizeof attributes[0] ? &attributes[id] : NULL;
}

const struct attribute *attribute_find(dcm_tag tag) {
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        if (attributes[i].face.tag == tag) {
            return &attributes[i];
        }
    }
    return NULL;
}

const struct search_attribute *search_attributes(size_t index) {
    const struct attribute *a = attribute_at(index);
    return a == NULL ? NULL : &a->face;
}

const struct search_attribute *search_attribute_find(dcm_tag tag) {
    const struct attribute *a = attribute_find(tag);
    return a == NULL ? NULL : &a->face;
}
