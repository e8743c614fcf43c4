// SPDX-License-Identifier: Apache-2.0
// `maclab store --skip-present`: asks the peer series by series (C-FIND at IMAGE level) which
// instances it has, and takes those out of the list.
#pragma once

#include <stdint.h>

#include "cli/dicom_files.h"
#include "cli/dicom_link.h"

struct err;

// Files that are there become SEND_SKIPPED, told to skip(). Only files in SEND_WAITING are asked
// for. A series for which the peer answers a failure is sent. E_NOT_ACCEPTABLE: it takes no
// queries.
int present_skip(const struct dicom_link *l, struct send_list *list,
                 void (*skip)(void *context, struct send_file *f), void *context, struct err *e);
