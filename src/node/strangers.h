// SPDX-License-Identifier: Apache-2.0
// Who was turned away at the door of the DICOM node, so that the person who runs it sees an unknown
// station and can add it. Kept in memory: it helps with setting up, the log has the history.
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "dimse/command.h"

#define STRANGERS_MAX 32 // the ones that came last
#define STRANGER_ADDRESS_MAX 63
#define STRANGER_WHY_MAX 127

struct stranger {
    char calling[DIMSE_AET_MAX + 1], called[DIMSE_AET_MAX + 1]; // printable ASCII
    char address[STRANGER_ADDRESS_MAX + 1];                     // numeric, without port
    char why[STRANGER_WHY_MAX + 1];
    usec first, last;
    uint64_t times;
};

struct strangers {
    pthread_mutex_t lock;
    struct stranger list[STRANGERS_MAX];
    size_t count;
};

void strangers_init(struct strangers *s);
void strangers_done(struct strangers *s);

// Any thread. The same caller from the same address for the same reason is one row with a count;
// the row that was not met for longest gives way.
void strangers_note(struct strangers *s, const char *calling, const char *called,
                    const char *address, const char *why, usec now);
// A peer of that AE title was added: what is known of it is out of date.
void strangers_forget(struct strangers *s, const char *calling);

// Copies of all, the last first; at most STRANGERS_MAX. Returns how many.
size_t strangers_list(struct strangers *s, struct stranger out[STRANGERS_MAX]);
