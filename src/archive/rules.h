// SPDX-License-Identifier: Apache-2.0
// Which gate a data folder has, and which profile it goes by.
#pragma once

#include <stdbool.h>

#include "base/arena.h"

struct archive_options;
struct err;
struct gate_profile;

// E_CONFLICT unless the folder is of that kind (a folder of the program that keeps what is sent
// carries DATA/as-sent from its first day). Makes folder and mark where there is nothing yet.
// `tables`: whoever asks takes nothing in, and may read either kind.
int archive_rules_mark(const char *data_dir, bool as_sent, bool tables, struct err *e);

struct archive_rules {
    struct arena memory;
    const struct gate_profile *profile;
};
// options->profile, else DATA/profile.json where there is one, else the built-in. E_DENIED for one
// that does not look at pixels: headers alone are no gate for an archive (clause N12).
int archive_rules_load(struct archive_rules *r, const struct archive_options *options,
                       struct err *e);
void archive_rules_done(struct archive_rules *r); // zeroed: nothing
