// SPDX-License-Identifier: Apache-2.0
// A listening side that lives as long as a command: takes instances into a folder (the destination
// of its own C-MOVE), and reports of storage commitment.
#pragma once

#include <stdint.h>

#include "cli/dicom_folder.h"
#include "dimse/association.h"

struct err;

struct listening;

struct listen_options {
    const char *address; // numeric; NULL: all
    uint16_t port;       // 0: any, listening_port tells
    const char *aet;     // that callers must call
    struct dimse_tls *tls;
    struct folder *folder; // NULL: no storage
    // One N-EVENT-REPORT with its data set in the context's transfer syntax; the status to answer.
    uint16_t (*event)(void *context, const struct dimse_message *message, struct slice data_set);
    void *context; // of event, which may come from several threads at once
};
int listening_start(const struct listen_options *options, struct listening **ret_listening,
                    struct err *e);
uint16_t listening_port(const struct listening *l);
void listening_stop(struct listening *l); // NULL allowed; waits for what is under way

// Reads the data set of an N-EVENT-REPORT-RQ, hands both to event(), sends the answer.
int listen_take_event(struct dimse_association *a, const struct dimse_message *m,
                      uint16_t (*event)(void *context, const struct dimse_message *message,
                                        struct slice data_set),
                      void *context, struct err *e);
