// SPDX-License-Identifier: Apache-2.0
// Storage Commitment, Push Model (PS3.4 J.3) as SCU: instances are named, the peer answers for them
// in an N-EVENT-REPORT, on the same association or on one that it makes to a port here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/dicom_link.h"

struct err;

#define COMMITMENT_WAIT_S_DEFAULT 60
#define COMMITMENT_INSTANCES_MAX 10000 // in one request; more are several

enum commitment_verdict { COMMITMENT_OPEN, COMMITMENT_DONE, COMMITMENT_FAILED };

struct commitment_item {
    const char *sop_class, *sop_instance; // the caller's
    uint8_t verdict;                      // enum commitment_verdict
    uint16_t reason;                      // Failure Reason (0008,1197), when failed
};

struct commitment_options {
    const struct dicom_link *link;
    bool listen; // for reports on associations of the peer
    const char *address;
    uint16_t port;
    struct dimse_tls *tls; // of the listening side
    uint32_t wait_ms;      // for the report behind the answer to the request
};
// Asks for all and waits for the reports; the verdicts are in the items then, COMMITMENT_OPEN where
// none came. E_TIMEOUT: a report did not come; other errors: the request failed.
int commitment_run(const struct commitment_options *options, struct commitment_item *items,
                   size_t count, struct err *e);

// "no such object instance", … (PS3.3 C.14.1.1)
const char *commitment_reason(uint16_t reason);
