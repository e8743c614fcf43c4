// SPDX-License-Identifier: Apache-2.0
// Between check.c (the file and its data set), check_value.c (one value) and check_pixels.c.
#pragma once

#include "dicom/charset.h"
#include "dicom/part10.h"
#include "dicom/walk.h"
#include "gate/check.h"
#include "gate/profile.h"
#include "gate/subject.h"

struct gate_checking {
    struct arena *arena;
    const struct gate_check *ask;
    const struct gate_profile *profile;
    struct gate_subject *subject;
    struct gate_checked *out;
    const struct dcm_dataset *of; // whose character set `charset` is
    struct dcm_charset charset;
    bool declared_modified; // the file says that its dates were moved: (0028,0303)
    bool real_dates;        // a date that is no dummy was found
    struct err *e;          // E_MEMORY
};

void gate_check_found(struct gate_checking *c, enum gate_kind kind, struct slice value,
                      const char *where, ...) __attribute__((format(printf, 4, 5)));

// The element that the walk stands at.
void gate_check_value(struct gate_checking *c, const struct dcm_walk *w,
                      const struct dcm_element *el);
// UTF-8 text from anywhere: recognisers, the file's own names and numbers, names that are no words.
// `own`: it is not where those come from.
void gate_check_text(struct gate_checking *c, struct slice utf8, bool own, const char *where);

// Whether it has the form of identity.h: CASE-7Q4K-2M9XWT.
bool gate_check_pseudonym(struct slice value);

int gate_check_pixels(struct gate_checking *c, const struct dcm_dataset *d,
                      const struct dcm_file *file, struct slice bytes, struct err *e);
