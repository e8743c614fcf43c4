// SPDX-License-Identifier: Apache-2.0
// What `maclab commit` and `maclab store --commit` share: options of storage commitment, and its
// result in lines, in JSON and in a file that is on disk before the command says so.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/dicom_commitment.h"
#include "cli/dicom_link.h"

enum commit_report_option {
    COMMIT_OPTION_PORT = LINK_OPTION_OWN + 64,
    COMMIT_OPTION_LISTEN,
    COMMIT_OPTION_WAIT,
    COMMIT_OPTION_REPORT
};
#define COMMIT_REPORT_LONG                                                                         \
    {"port", required_argument, NULL, COMMIT_OPTION_PORT},                                         \
        {"listen", required_argument, NULL, COMMIT_OPTION_LISTEN},                                 \
        {"wait", required_argument, NULL, COMMIT_OPTION_WAIT}, {                                   \
        "report", required_argument, NULL, COMMIT_OPTION_REPORT                                    \
    }
#define COMMIT_REPORT_HELP                                                                         \
    "      --port N            also take the report at this port (0: any)\n"                       \
    "      --listen ADDRESS    at this address (default: all)\n"                                   \
    "      --wait SECONDS      how long to wait for the report (default: 60)\n"                    \
    "      --report FILE       the result of commitment, one JSON object an instance; the\n"       \
    "                          file is there when it is complete and on disk\n"

struct commit_report {
    bool listen, quiet;
    uint64_t port, wait_s;
    const char *address;
    const char *file;
};
void commit_report_init(struct commit_report *r);
// As dicom_link_option, for COMMIT_REPORT_LONG.
int commit_report_option(struct commit_report *r, const struct dicom_link *l, int option,
                         const char *value);
// Asks, waits, tells. CLI_OK when all are committed, else CLI_NO.
int commit_report_run(struct commit_report *r, const struct dicom_link *l,
                      struct commitment_item *items, size_t count);
