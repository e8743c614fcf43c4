// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/num.h"
#include "cli/cli.h"
#include "dicom/uid.h"
#include "dimse/tls.h"
#include "node/peers.h"

void dicom_link_init(struct dicom_link *l, const char *command) {
    *l = (struct dicom_link){.command = command, .timeout_ms = LINK_TIMEOUT_S_DEFAULT * 1000};
    (void)snprintf(l->calling, sizeof l->calling, LINK_CALLING_DEFAULT);
}

void dicom_link_done(struct dicom_link *l) {
    dimse_tls_close(l->tls);
    l->tls = NULL;
    explicit_bzero(l->passcode, sizeof l->passcode);
}

int dicom_link_unknown(const struct dicom_link *l, const char *word) {
    cli_complain("%s: no option '%s', or its value is missing; `maclab %s --help` lists them",
                 l->command, word, l->command);
    return CLI_MISUSE;
}

bool dicom_link_number(const struct dicom_link *l, const char *option, const char *text,
                       uint64_t min, uint64_t max, uint64_t *ret_value) {
    uint64_t value;
    if (!num_parse_u64(slice_str(text), max, &value) || value < min) {
        cli_complain("%s: %s wants a number from %llu to %llu, not '%s'", l->command, option,
                     (unsigned long long)min, (unsigned long long)max, text);
        return false;
    }
    *ret_value = value;
    return true;
}

// An AE title: 1 to 16 characters of the default repertoire without backslash (PS3.5 6.2).
static bool read_aet(const struct dicom_link *l, struct slice text, char out[DIMSE_AET_MAX + 1]) {
    struct slice title = slice_trim(text, " ");
    bool good = title.len > 0 && title.len <= DIMSE_AET_MAX;
    for (size_t i = 0; good && i < title.len; i++) {
        good = title.ptr[i] >= ' ' && title.ptr[i] < 0x7F && title.ptr[i] != '\\';
    }
    if (!good) {
        cli_complain("%s: '%.*s' is no AE title (1 to 16 characters, no backslash)", l->command,
                     (int)text.len, (const char *)text.ptr);
        return false;
    }
    memcpy(out, title.ptr, title.len);
    out[title.len] = '\0';
    return true;
}

// A fingerprint in hexadecimal, with colons or without, or a certificate's file.
static bool read_pin(struct dicom_link *l, const char *text) {
    char hex[HASH_HEX_LEN + 1];
    size_t len = 0;
    for (const char *c = text; *c != '\0' && len < sizeof hex; c++) {
        if (*c != ':') {
            hex[len++] = *c;
        }
    }
    struct err why = {0};
    l->pinned = hash_parse(slice_of(hex, len), &l->pin) ||
                dimse_certificate_fingerprint(text, &l->pin, &why) == E_OK;
    if (!l->pinned) {
        (void)err_context(&why, "%s: --pin", l->command);
        (void)cli_fail(CLI_MISUSE, &why);
    }
    return l->pinned;
}

int dicom_link_option(struct dicom_link *l, int option, const char *value) {
    uint64_t seconds;
    bool good = true;
    switch (option) {
    case 'd': // dicom_link_data_dir has it
        break;
    case 'c':
        good = read_aet(l, slice_str(value), l->calling);
        break;
    case LINK_OPTION_CALLED:
        good = read_aet(l, slice_str(value), l->called);
        break;
    case 't':
        good = dicom_link_number(l, "--timeout", value, 1, LINK_TIMEOUT_S_MAX, &seconds);
        l->timeout_ms = good ? (uint32_t)seconds * 1000 : l->timeout_ms;
        break;
    case 'j':
        l->json = true;
        break;
    case 'v':
        l->verbose = true;
        break;
    case LINK_OPTION_USER:
        l->user = value;
        break;
    case LINK_OPTION_PASSCODE:
        l->passcode_file = value;
        break;
    case LINK_OPTION_TLS:
        break;
    case LINK_OPTION_CERTIFICATE:
        l->certificate = value;
        break;
    case LINK_OPTION_KEY:
        l->key = value;
        break;
    case LINK_OPTION_TRUST:
        l->trust = value;
        break;
    case LINK_OPTION_PIN:
        good = read_pin(l, value);
        break;
    case LINK_OPTION_NAME:
        l->name = value;
        break;
    case LINK_OPTION_ANY_NAME:
        l->any_name = true;
        break;
    default:
        return 0;
    }
    l->secure = l->secure || (option >= LINK_OPTION_TLS && option <= LINK_OPTION_ANY_NAME);
    return good ? 1 : -1;
}

const char *dicom_link_data_dir(int argc, char **argv) {
    const char *dir = cli_data_dir(argc, argv);
    return strcmp(dir, CLI_DATA_DEFAULT) == 0 && access(dir, F_OK) != 0 ? NULL : dir;
}

// --- the peer

static bool names_port(const char *text) {
    const char *bracket = strrchr(text, ']');
    return strchr(bracket != NULL ? bracket : text, ':') != NULL;
}

// A peer of the data folder's table. CLI_OK with l->address, CLI_NO: there is none of that name.
static int look_up(struct dicom_link *l, const char *name, const char *data_dir) {
    char catalogue[4096];
    int n = snprintf(catalogue, sizeof catalogue, "%s/catalogue.db", data_dir);
    struct node_peer peer;
    struct archive *archive;
    struct err why = {0};
    if (n < 0 || (size_t)n >= sizeof catalogue || access(catalogue, R_OK) != 0) {
        return CLI_NO;
    }
    struct archive_options options = {.data_dir = data_dir, .no_workers = true};
    if (archive_open(&options, &archive, &why) != E_OK) {
        (void)err_context(&why, "%s: peers of %s", l->command, data_dir);
        return cli_fail(CLI_MISUSE, &why);
    }
    int rc = node_peer_find(archive, name, &peer, &why);
    archive_close(archive);
    if (rc == E_NOT_FOUND) {
        return CLI_NO;
    }
    if (rc != E_OK) {
        return cli_fail(CLI_MISUSE, &why);
    }
    l->address = peer.address;
    l->secure = l->secure || peer.tls;
    if (peer.pinned && !l->pinned && l->trust == NULL) {
        l->pinned = true;
        l->pin = peer.certificate;
    }
    if (l->called[0] == '\0') {
        (void)snprintf(l->called, sizeof l->called, "%s", peer.aet);
    }
    return CLI_OK;
}

static int read_peer(struct dicom_link *l, const char *peer, const char *data_dir) {
    if (data_dir != NULL && strpbrk(peer, "@:") == NULL && node_aet_valid(peer)) {
        int rc = look_up(l, peer, data_dir);
        if (rc != CLI_NO) {
            return rc;
        }
    }
    const char *at = strrchr(peer, '@');
    if (at != NULL && l->called[0] == '\0' &&
        !read_aet(l, slice_of(peer, (size_t)(at - peer)), l->called)) {
        return CLI_MISUSE;
    }
    const char *where = at != NULL ? at + 1 : peer;
    struct err why = {0};
    if (dimse_address_parse(where, &l->address, &why) != E_OK) {
        (void)err_context(&why, "%s: '%s'", l->command, where);
        return cli_fail(CLI_MISUSE, &why);
    }
    if (l->secure && !names_port(where)) {
        l->address.port = DIMSE_PORT_TLS;
    }
    return CLI_OK;
}

// --- passcode

static int first_line(struct dicom_link *l, struct slice text) {
    struct slice line = slice_trim(slice_first(text, slice_find(text, '\n')), "\r");
    if (line.len > DIMSE_IDENTITY_MAX) {
        cli_complain("%s: a passcode of more than %d bytes", l->command, DIMSE_IDENTITY_MAX);
        return CLI_MISUSE;
    }
    memcpy(l->passcode, line.ptr, line.len);
    l->passcode[line.len] = '\0';
    return CLI_OK;
}

static int ask_passcode(struct dicom_link *l) {
    FILE *terminal CLEANUP(cleanup_file) = fopen("/dev/tty", "r+e");
    struct termios before, quiet;
    if (terminal == NULL || tcgetattr(fileno(terminal), &before) != 0) {
        cli_complain("%s: --passcode -: there is no terminal to ask at", l->command);
        return CLI_MISUSE;
    }
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)fprintf(terminal, "Passcode of %s: ", l->user);
    (void)fflush(terminal);
    (void)tcsetattr(fileno(terminal), TCSAFLUSH, &quiet);
    char line[DIMSE_IDENTITY_MAX + 2];
    bool good = fgets(line, sizeof line, terminal) != NULL;
    (void)tcsetattr(fileno(terminal), TCSAFLUSH, &before);
    (void)fputc('\n', terminal);
    int rc = good ? first_line(l, slice_str(line)) : CLI_MISUSE;
    explicit_bzero(line, sizeof line);
    return rc;
}

static int read_passcode(struct dicom_link *l) {
    if (l->passcode_file == NULL) {
        return CLI_OK;
    }
    if (l->user == NULL) {
        cli_complain("%s: --passcode without --user", l->command);
        return CLI_MISUSE;
    }
    if (strcmp(l->passcode_file, "-") == 0) {
        return ask_passcode(l);
    }
    struct buf text CLEANUP(cleanup_buf);
    struct err why = {0};
    buf_init(&text, DIMSE_IDENTITY_MAX * 2);
    int rc = file_read(l->passcode_file, &text, &why);
    rc = rc == E_OK ? first_line(l, buf_slice(&text)) : cli_fail(CLI_MISUSE, &why);
    if (text.data != NULL) {
        explicit_bzero(text.data, text.cap);
    }
    return rc;
}

// --- TLS

static int open_tls(struct dicom_link *l) {
    if (!l->secure) {
        return CLI_OK;
    }
    if (l->trust == NULL && !l->pinned) {
        cli_complain("%s: TLS wants to know whom to trust: --trust FILE or --pin FILE|SHA256",
                     l->command);
        return CLI_MISUSE;
    }
    struct dimse_tls_options options = {.certificate = l->certificate,
                                        .key = l->key,
                                        .trusted = l->trust,
                                        .any_certificate = l->trust == NULL};
    if (l->trust != NULL && !l->any_name) {
        options.host = l->name != NULL ? l->name : l->address.host;
    }
    struct err why = {0};
    if (dimse_tls_open(&options, &l->tls, &why) != E_OK) {
        return cli_fail(CLI_MISUSE, &why);
    }
    return CLI_OK;
}

int dicom_link_ready(struct dicom_link *l, const char *peer, const char *data_dir) {
    int rc = read_peer(l, peer, data_dir);
    if (l->called[0] == '\0') {
        (void)snprintf(l->called, sizeof l->called, LINK_CALLED_DEFAULT);
    }
    bool v6 = strchr(l->address.host, ':') != NULL;
    (void)snprintf(l->peer_text, sizeof l->peer_text, "%s@%s%s%s:%u", l->called, v6 ? "[" : "",
                   l->address.host, v6 ? "]" : "", l->address.port);
    rc = rc == CLI_OK ? read_passcode(l) : rc;
    return rc == CLI_OK ? open_tls(l) : rc;
}

static int check_pin(const struct dicom_link *l, const struct dimse_stream *s, struct err *e) {
    struct hash shown;
    if (!l->pinned) {
        return E_OK;
    }
    if (!dimse_stream_certificate(s, &shown) || !hash_eq(&shown, &l->pin)) {
        return err_set(e, E_DENIED, "%s shows another certificate than the pinned one",
                       l->peer_text);
    }
    return E_OK;
}

int dicom_link_open(const struct dicom_link *l, const struct dimse_request *request,
                    struct dimse_association **ret_association, struct err *e) {
    struct dimse_request r = *request;
    r.calling = l->calling;
    r.called = l->called;
    r.limits.artim_ms = l->timeout_ms;
    r.limits.stall_ms = l->timeout_ms;
    r.limits.idle_ms = r.limits.idle_ms == 0 ? l->timeout_ms : r.limits.idle_ms;
    if (l->user != NULL) {
        r.identity_type = l->passcode_file != NULL ? DIMSE_IDENTITY_PASSCODE : DIMSE_IDENTITY_USER;
        r.identity = slice_str(l->user);
        r.passcode = slice_str(l->passcode);
    }
    struct dimse_stream *stream;
    int rc = dimse_stream_connect(&l->address, l->tls, l->timeout_ms, &stream, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = check_pin(l, stream, e);
    if (rc != E_OK) {
        dimse_stream_close(stream);
        return rc;
    }
    rc = dimse_associate(stream, &r, ret_association, e);
    if (rc == E_OK && l->verbose && !l->json) {
        dicom_link_tell(*ret_association, stderr);
    }
    return rc == E_OK ? E_OK : err_context(e, "%s", l->peer_text);
}

// --- what was agreed

static const char *uid_name(const char *uid) {
    const struct dcm_uid_entry *entry = dcm_uid_find(slice_str(uid));
    return entry != NULL ? entry->name : uid;
}

static const char *result_words(uint8_t result) {
    switch ((enum dimse_context_result)result) {
    case DIMSE_ACCEPTED:
        return "accepted";
    case DIMSE_USER_REJECTION:
        return "rejected by the user";
    case DIMSE_ABSTRACT_NOT_SUPPORTED:
        return "SOP class not supported";
    case DIMSE_TRANSFER_NOT_SUPPORTED:
        return "transfer syntaxes not supported";
    case DIMSE_NO_REASON:
        break;
    }
    return "refused without a reason";
}

const char *dicom_link_clean(const char *text, char *out, size_t len) {
    size_t n = 0;
    for (; text[n] != '\0' && n + 1 < len; n++) {
        unsigned char c = (unsigned char)text[n];
        out[n] = (char)(c < ' ' || c == 0x7F ? '?' : c);
    }
    out[n] = '\0';
    return out;
}

void dicom_link_tell(const struct dimse_association *a, FILE *out) {
    const struct dimse_proposal *p = dimse_agreed(a);
    char version[DIMSE_AET_MAX + 1];
    char class[DCM_UID_MAX + 1];
    (void)fprintf(out,
                  "peer implementation %s (%s), receives PDUs of %u bytes, %u operations at once\n",
                  dicom_link_clean(p->implementation_class, class, sizeof class),
                  dicom_link_clean(p->implementation_version, version, sizeof version), p->max_pdu,
                  dimse_window(a));
    for (size_t i = 0; i < p->context_count; i++) {
        const struct dimse_context *c = &p->contexts[i];
        (void)fprintf(out, "context %u: %s: %s%s%s\n", c->id, uid_name(c->abstract_syntax),
                      result_words(c->result), c->result == DIMSE_ACCEPTED ? ", " : "",
                      c->result == DIMSE_ACCEPTED ? uid_name(c->syntax) : "");
    }
}

void dicom_link_json(struct dimse_association *a, struct json *j) {
    const struct dimse_proposal *p = dimse_agreed(a);
    json_member_str(j, "implementation_class", p->implementation_class);
    json_member_str(j, "implementation_version", p->implementation_version);
    json_member_i64(j, "max_pdu", p->max_pdu);
    json_member_i64(j, "window", dimse_window(a));
    json_member_bool(j, "tls", dimse_stream_secure(dimse_association_stream(a)));
    json_name(j, "contexts");
    json_begin_array(j);
    for (size_t i = 0; i < p->context_count; i++) {
        const struct dimse_context *c = &p->contexts[i];
        json_begin_object(j);
        json_member_i64(j, "id", c->id);
        json_member_str(j, "abstract_syntax", c->abstract_syntax);
        json_member_str(j, "result", result_words(c->result));
        json_member_str(j, "transfer_syntax", c->result == DIMSE_ACCEPTED ? c->syntax : NULL);
        json_end_object(j);
    }
    json_end_array(j);
}
