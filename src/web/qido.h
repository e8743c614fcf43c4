// SPDX-License-Identifier: Apache-2.0
// The query parameters of QIDO-RS (PS3.18 8.3.4) as a search of the catalogue. Attributes go by
// keyword, by eight hexadecimal digits, or dotted through a sequence. A name that is no attribute
// at all is an error; an attribute that the catalogue cannot match is left out and reported
// (Warning 299).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/search.h"
#include "base/buf.h"
#include "base/slice.h"
#include "dicom/tag.h"

struct arena;
struct err;
struct web_url;

#define WEB_QIDO_UNSUPPORTED_MAX 512 // bytes of names told back

struct web_qido {
    enum search_level level;
    struct search_key keys[SEARCH_KEYS_MAX]; // included attributes have empty values
    size_t key_count;
    uint64_t offset;
    uint64_t limit; // as asked; SEARCH_LIMIT_DEFAULT when not said, never over SEARCH_LIMIT_MAX
    bool fuzzy;
    char unsupported[WEB_QIDO_UNSUPPORTED_MAX]; // names left out, separated by ", "
};

// Values point into the URL or the arena.
int web_qido_parse(struct arena *a, const struct web_url *url, enum search_level level,
                   struct web_qido *ret_query, struct err *e);

// Adds a key of the path ("studies/{study}/series"), or one to be returned (empty value). A key
// that is there already keeps its value unless that is empty. E_LIMIT when there are too many.
int web_qido_key(struct web_qido *q, dcm_tag tag, struct slice value, struct err *e);
