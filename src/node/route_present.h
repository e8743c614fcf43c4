// SPDX-License-Identifier: Apache-2.0
// What a station has already of what it would be sent: an IMAGE level C-FIND for each series
// (PS3.4 C.4.1, hierarchical Study Root), on the association of the sending when the station
// accepted that presentation context there.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "archive/retrieve.h"
#include "dicom/uid.h"

struct arena;
struct dimse_association;
struct dimse_want;
struct err;

// The presentation context to propose.
struct dimse_want route_present_want(void);

struct route_present {
    const char (*uids)[DCM_UID_MAX + 1]; // sorted
    size_t count;
};
// Asks about the series of `list`. A station that does not answer such questions, or with a
// failure, has nothing (E_OK, *ret_asked false): then all is sent. An error of the association is
// one. Memory from `a`, bounded by what was asked about: UIDs that are not in `list` are passed
// over.
int route_present_ask(struct dimse_association *association, const struct retrieve_instance *list,
                      size_t count, struct arena *a, struct route_present *ret_present,
                      bool *ret_asked, struct err *e);
bool route_present_has(const struct route_present *present, const char *sop_instance);
