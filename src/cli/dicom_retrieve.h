// SPDX-License-Identifier: Apache-2.0
// What `maclab move` and `maclab get` share: what is to be retrieved, in the words of the command
// line, the requests for it, sums of sub-operations, progress, cancelling by an interrupt.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/dicom_link.h"
#include "cli/dicom_query.h"
#include "dimse/command.h"

struct dimse_association;
struct dimse_sink;
struct err;

#define RETRIEVE_KEYS_MAX 64
// UIDs in one request: in explicit VR a list of UIDs has 65,534 bytes at most (PS3.5 7.1.2).
#define RETRIEVE_LIST_MAX 1000

enum retrieve_option {
    RETRIEVE_PATIENT = LINK_OPTION_OWN,
    RETRIEVE_STUDY,
    RETRIEVE_SERIES,
    RETRIEVE_IMAGE,
    RETRIEVE_PATIENT_ROOT,
    RETRIEVE_RELATIONAL,
    RETRIEVE_OPTION_OWN
};
#define RETRIEVE_SHORT LINK_SHORT "k:"
#define RETRIEVE_LONG                                                                              \
    LINK_LONG, {"patient", no_argument, NULL, RETRIEVE_PATIENT},                                   \
        {"study", no_argument, NULL, RETRIEVE_STUDY},                                              \
        {"series", no_argument, NULL, RETRIEVE_SERIES},                                            \
        {"image", no_argument, NULL, RETRIEVE_IMAGE},                                              \
        {"patient-root", no_argument, NULL, RETRIEVE_PATIENT_ROOT},                                \
        {"relational", no_argument, NULL, RETRIEVE_RELATIONAL}, {                                  \
        "key", required_argument, NULL, 'k'                                                        \
    }
#define RETRIEVE_HELP                                                                              \
    "      --study             UIDs are of studies (default)\n"                                    \
    "      --series            of series; -k StudyInstanceUID=… says of which study\n"           \
    "      --image             of instances; -k … names study and series\n"                      \
    "      --patient           patient IDs (Patient Root)\n"                                       \
    "      --patient-root      the Patient Root model for the other levels\n"                      \
    "  -k, --key KEY=VALUE     a key of the request (StudyInstanceUID, …)\n"                     \
    "      --relational        negotiate relational retrieval (upper keys may be missing)\n"

struct retrieve_sums {
    uint64_t completed, failed, warning, remaining; // sub-operations
    uint64_t files, bytes;                          // received here
    uint64_t present;                               // not asked for: they are here already
    uint16_t status;                                // the worst final one
    bool cancelled;
};

struct retrieve {
    struct dicom_link link;
    enum query_level level;
    bool patient_root, relational;
    const char *keys[RETRIEVE_KEYS_MAX];
    size_t key_count;
    char **uids; // of the level
    size_t uid_count;
    struct arena arena;
    struct retrieve_sums sums;
    struct buf failed; // SOP Instance UIDs, one a line
    struct cli_progress progress;
    usec started;
};

void retrieve_init(struct retrieve *r, const char *command);
void retrieve_done(struct retrieve *r);
// As dicom_link_option, for options of RETRIEVE_LONG; those of the link too.
int retrieve_option(struct retrieve *r, int option, const char *value);
// PEER and UIDs behind the options. CLI_OK or CLI_MISUSE.
int retrieve_words(struct retrieve *r, int argc, char **argv);

// A query with the keys of the command line, at `level`, in memory of r->arena.
int retrieve_query(struct retrieve *r, enum query_level level, struct query *ret_query,
                   struct err *e);

// One request with some of the UIDs (count 0: the keys alone), to its final response: C-MOVE to
// `destination`, or C-GET into `sink`. Failure statuses are summed up, not errors.
int retrieve_run(struct retrieve *r, struct dimse_association *a, struct query *q,
                 const char *const *uids, size_t count, const char *destination,
                 const struct dimse_sink *sink, struct err *e);
// The same for any number of UIDs, as many requests as they take, until one is cancelled.
int retrieve_all(struct retrieve *r, struct dimse_association *a, struct query *q,
                 const char *const *uids, size_t count, const char *destination,
                 const struct dimse_sink *sink, struct err *e);

// The closing lines, or the JSON object. CLI_OK when all came, else CLI_NO.
int retrieve_report(struct retrieve *r, bool received_here);

// From now on the first interrupt (SIGINT, SIGTERM) only sets a flag, the second one ends the
// program.
void retrieve_catch_interrupt(void);
bool retrieve_interrupted(void);
