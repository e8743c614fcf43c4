// SPDX-License-Identifier: Apache-2.0
// The sender of `maclab store`: files to a peer over several associations at once, with several
// requests outstanding on each, from mappings of the files. What the peer does not take as it is
// stored goes uncompressed, made in a worker: pixel codecs never run in the process that holds the
// connections. A broken association is made anew after a while, and what had no answer is sent
// again, one at a time so that a file that breaks it is found out.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/dicom_files.h"
#include "cli/dicom_link.h"
#include "dimse/command.h"

struct err;

#define SEND_PARALLEL_MAX 16
#define SEND_WINDOW_DEFAULT 8
#define SEND_RETRIES_DEFAULT 3
#define SEND_BACK_OFF_MS 500 // doubled each time
#define SEND_BACK_OFF_MAX_MS 30000

struct send_options {
    const struct dicom_link *link;
    struct send_list *list; // those in SEND_WAITING are sent
    unsigned parallel;
    uint16_t window;
    unsigned retries; // of associations without progress, and of a file that breaks them
    bool as_stored;   // nothing uncompressed instead
    // One at a time, from any thread. `response` NULL: it was not sent, and `why` says why not;
    // `sent_as`: the transfer syntax.
    void (*result)(void *context, struct send_file *file, const struct dimse_command *response,
                   const char *sent_as, const struct err *why);
    // An association failed or broke; it is tried again unless `last`.
    void (*trouble)(void *context, const struct err *why, bool last);
    bool (*stop)(void); // asked between files
    void *context;
};
// Each file in SEND_WAITING gets a result, unless it was stopped (then the rest waits still).
// E_MEMORY, E_IO: it could not begin.
int send_run(const struct send_options *options, struct err *e);
