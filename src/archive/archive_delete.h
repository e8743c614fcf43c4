// SPDX-License-Identifier: Apache-2.0
// Removing studies, series and instances: rows, counts, words and facets in one transaction,
// objects behind it. Pictures in the cache are keyed by object and are no longer reachable.
#pragma once

#include <stdint.h>

struct archive;
struct err;
struct retrieve_path;

// Everything below the path (retrieve.h). E_NOT_FOUND when it names nothing. An object that cannot
// be removed after the commit is left to the next sweep.
int archive_delete(struct archive *a, const struct retrieve_path *path, uint64_t *ret_instances,
                   struct err *e);
