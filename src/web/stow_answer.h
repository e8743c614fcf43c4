// SPDX-License-Identifier: Apache-2.0
// The Store Instances Response Module (PS3.18 Annex I) as DICOM JSON, built while verdicts come in,
// and the status that goes with it (10.5.3.1).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"

struct err;
struct intake_result;

struct web_stow_answer {
    const char *base; // "http://host/dicom-web"
    struct buf stored, failed, other;
    struct json stored_json, failed_json, other_json;
    bool cleaned; // what was stored is not as it was sent: a warning beside each
    uint64_t stored_count, failed_count;
    uint64_t held_count;   // of the failed: kept, for a person to decide
    uint64_t syntax_count; // of the failed: not well formed
    uint64_t full_count;   // of the failed: no room
};

void web_stow_answer_init(struct web_stow_answer *a, const char *base, bool cleaned);
void web_stow_answer_done(struct web_stow_answer *a);

void web_stow_answer_result(struct web_stow_answer *a, const struct intake_result *result);

// A part that never became an instance.
void web_stow_answer_part(struct web_stow_answer *a, const struct err *why);

// The whole module, and the HTTP status. `study` is that of the path, or "".
unsigned web_stow_answer_finish(struct web_stow_answer *a, const char *study, struct buf *out);
