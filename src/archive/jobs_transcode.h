// SPDX-License-Identifier: Apache-2.0
// The worker's side of archive_transcode and archive_recode: rows of the table in jobs.c.
#pragma once

#include "base/slice.h"

struct buf;
struct err;

int jobs_run_transcode(struct slice request, int in, int out, struct buf *answer, struct err *e);
