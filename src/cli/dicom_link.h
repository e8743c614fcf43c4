// SPDX-License-Identifier: Apache-2.0
// What the DICOM commands (echo, find, move, get, store, commit) share: who is called and how.
// Options of the link, the peer on the command line, TLS, user identity, opening associations.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/hash.h"
#include "dimse/association.h"
#include "dimse/stream.h"

struct dimse_tls;
struct err;
struct json;

#define LINK_CALLING_DEFAULT "MACLAB"
#define LINK_CALLED_DEFAULT "ANY-SCP"
#define LINK_TIMEOUT_S_DEFAULT 60
#define LINK_TIMEOUT_S_MAX 86400

struct dicom_link {
    const char *command; // "find", for messages
    char calling[DIMSE_AET_MAX + 1];
    char called[DIMSE_AET_MAX + 1]; // "" until known
    struct dimse_address address;
    char peer_text[DIMSE_AET_MAX + DIMSE_HOST_MAX + 16]; // "AET@host:port"
    uint32_t timeout_ms;
    bool secure;
    const char *certificate, *key, *trust; // PEM files
    const char *name;                      // that the peer's certificate must have; NULL: the host
    bool any_name;
    bool pinned;
    struct hash pin;
    struct dimse_tls *tls;
    const char *user, *passcode_file;
    char passcode[DIMSE_IDENTITY_MAX + 1];
    bool json, verbose;
};

// Long options that have no letter; a command's own begin at LINK_OPTION_OWN.
enum link_option {
    LINK_OPTION_CALLED = 256,
    LINK_OPTION_TLS,
    LINK_OPTION_CERTIFICATE,
    LINK_OPTION_KEY,
    LINK_OPTION_TRUST,
    LINK_OPTION_PIN,
    LINK_OPTION_NAME,
    LINK_OPTION_ANY_NAME,
    LINK_OPTION_USER,
    LINK_OPTION_PASSCODE,
    LINK_OPTION_OWN
};
#define LINK_SHORT "d:c:t:jvh"
#define LINK_LONG                                                                                  \
    {"data", required_argument, NULL, 'd'}, {"calling", required_argument, NULL, 'c'},             \
        {"called", required_argument, NULL, LINK_OPTION_CALLED},                                   \
        {"timeout", required_argument, NULL, 't'}, {"tls", no_argument, NULL, LINK_OPTION_TLS},    \
        {"certificate", required_argument, NULL, LINK_OPTION_CERTIFICATE},                         \
        {"key", required_argument, NULL, LINK_OPTION_KEY},                                         \
        {"trust", required_argument, NULL, LINK_OPTION_TRUST},                                     \
        {"pin", required_argument, NULL, LINK_OPTION_PIN},                                         \
        {"tls-name", required_argument, NULL, LINK_OPTION_NAME},                                   \
        {"any-name", no_argument, NULL, LINK_OPTION_ANY_NAME},                                     \
        {"user", required_argument, NULL, LINK_OPTION_USER},                                       \
        {"passcode", required_argument, NULL, LINK_OPTION_PASSCODE},                               \
        {"json", no_argument, NULL, 'j'}, {"verbose", no_argument, NULL, 'v'}, {                   \
        "help", no_argument, NULL, 'h'                                                             \
    }
#define LINK_HELP                                                                                  \
    "\nThe peer: PEER is AET@HOST:PORT, HOST:PORT, or the AE title of a peer that the data\n"      \
    "folder knows (`maclab peer list`).\n"                                                         \
    "  -c, --calling AET       our AE title (default: MACLAB)\n"                                   \
    "      --called AET        the peer's AE title (default: that of PEER, or ANY-SCP)\n"          \
    "  -t, --timeout SECONDS   longest wait for the peer's next word (default: 60)\n"              \
    "  -d, --data DIR          the data folder whose peers are known by name\n"                    \
    "      --tls               TLS 1.2 or 1.3 (default port 2762); so do the next six:\n"          \
    "      --certificate FILE  our certificate, with its chain (PEM)\n"                            \
    "      --key FILE          its key (PEM, readable by its owner alone)\n"                       \
    "      --trust FILE        authorities that may vouch for the peer (PEM)\n"                    \
    "      --pin FILE|SHA256   the peer's own certificate, or its fingerprint\n"                   \
    "      --tls-name NAME     the name in the peer's certificate (default: HOST)\n"               \
    "      --any-name          with --trust: any name will do\n"                                   \
    "      --user NAME         user identity (PS3.7 D.3.3.7)\n"                                    \
    "      --passcode FILE     its passcode: first line of FILE; - asks at the terminal\n"         \
    "  -v, --verbose           say what was negotiated\n"                                          \
    "  -h, --help              this text\n"

void dicom_link_init(struct dicom_link *l, const char *command);
void dicom_link_done(struct dicom_link *l);

// One option of LINK_LONG but --help and --data. 1: taken, 0: not one of these, -1: bad value,
// which has been complained of.
int dicom_link_option(struct dicom_link *l, int option, const char *value);
// Complains of an unknown option. CLI_MISUSE.
int dicom_link_unknown(const struct dicom_link *l, const char *word);

// The peer as it stands on the command line; `data_dir`: the folder that --data or $MACLAB_DATA
// names, NULL: none. Then reads keys and passcode. CLI_OK, or CLI_MISUSE after a complaint.
int dicom_link_ready(struct dicom_link *l, const char *peer, const char *data_dir);
// The folder named by --data or $MACLAB_DATA among the words of the command; NULL: none is.
const char *dicom_link_data_dir(int argc, char **argv);

// Connects and associates; calling, called, identity and limits of `request` are filled in. May be
// called by several threads at once.
int dicom_link_open(const struct dicom_link *l, const struct dimse_request *request,
                    struct dimse_association **ret_association, struct err *e);

// What was agreed: for people, and as members of an object.
void dicom_link_tell(const struct dimse_association *a, FILE *out);
void dicom_link_json(struct dimse_association *a, struct json *j);

// Text from a peer or a file, for a terminal: control characters become "?", at most `len` bytes.
const char *dicom_link_clean(const char *text, char *out, size_t len);

// Number of an option's value; complains and answers false when it is not within the bounds.
bool dicom_link_number(const struct dicom_link *l, const char *option, const char *text,
                       uint64_t min, uint64_t max, uint64_t *ret_value);
