// SPDX-License-Identifier: Apache-2.0
// `maclab serve`: opens the data folder as its one server, listens, answers until SIGTERM or
// SIGINT.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/keeper.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "cli/cli.h"
#include "cli/serve_settings.h"
#include "dimse/stream.h"
#include "node/listen.h"
#include "node/node.h"
#include "node/route.h"
#include "policy/audit.h"
#include "web/listen.h"
#include "web/server.h"

#define HTTP_DEFAULT "127.0.0.1:8080"
#define DICOM_DEFAULT "127.0.0.1:11112"
#define DICOM_TLS_DEFAULT "127.0.0.1:2762"
#define WORKERS_MAX 64
#define OPEN_FILES_WANTED 8192
#define ADDRESS_TEXT_MAX (DIMSE_HOST_MAX + 16)
#define PATH_TEXT_MAX 4096

static const char usage_text[] =
    "Usage: maclab serve [OPTION]...\n"
    "Runs the suite: the browser application, its API, DICOMweb, and the DICOM node.\n\n"
    "  --data DIR           the data folder (" CLI_DATA_DEFAULT ", or $MACLAB_DATA)\n"
    "  --config FILE        settings (JSON, docs/operations.md); the command line wins\n"
    "  --http ADDR:PORT     where to listen (" HTTP_DEFAULT "); loopback only, until people\n"
    "                       can sign in\n"
    "  --web DIR            the browser application's files\n"
    "  --host NAME          answer to this host name, too; may be repeated\n"
    "  --allow-origin URL   let pages of this origin call the API; may be repeated\n"
    "  --workers N          sandboxed children\n"
    "  --dicom ADDR:PORT    the DICOM node (" DICOM_DEFAULT "); none: no plain port\n"
    "  --aet TITLE          its AE title (" NODE_AET_DEFAULT ")\n"
    "  --dicom-tls ADDR:PORT   DICOM over TLS (" DICOM_TLS_DEFAULT " with a certificate)\n"
    "  --tls-certificate FILE, --tls-key FILE   own certificate with its chain, PEM\n"
    "  --tls-trust FILE     authorities, or peers' own certificates, PEM\n"
    "  --dicom-network      a plain port elsewhere than on loopback may be opened\n"
    "  --no-dicom           no DICOM node\n"
    "  --help               show this\n";

static int bad_usage(const char *text) {
    cli_complain("%s; `maclab serve --help` tells more", text);
    return CLI_MISUSE;
}

static int take_workers(const char *text, uint64_t *ret_workers) {
    if (!num_parse_u64(slice_str(text), WORKERS_MAX, ret_workers) || *ret_workers == 0) {
        return bad_usage("--workers must be a number from 1 to 64");
    }
    return CLI_OK;
}

static int take_name(struct serve_names *names) {
    if (names->count == SERVE_NAMES_MAX) {
        return bad_usage("too many names");
    }
    names->list[names->count++] = optarg;
    return CLI_OK;
}

static int take_option(int option, struct serve_settings *o, const char **config) {
    const char **text = NULL;
    switch (option) {
    case 'd': // cli_data_dir has it
        return CLI_OK;
    case 'f':
        text = config;
        break;
    case 'h':
        text = &o->http;
        break;
    case 'w':
        text = &o->web;
        break;
    case 'D':
        text = &o->dicom;
        break;
    case 'A':
        text = &o->aet;
        break;
    case 'T':
        text = &o->dicom_tls;
        break;
    case 'C':
        text = &o->certificate;
        break;
    case 'K':
        text = &o->key;
        break;
    case 'R':
        text = &o->trust;
        break;
    case 'N':
        o->network = true;
        return CLI_OK;
    case 'X':
        o->no_dicom = true;
        return CLI_OK;
    case 'n':
        return take_name(&o->hosts);
    case 'o':
        return take_name(&o->origins);
    case 'j':
        return take_workers(optarg, &o->workers);
    case '?':
        (void)fputs(usage_text, stdout);
        return -1;
    default:
        return bad_usage("option not understood");
    }
    *text = optarg;
    return CLI_OK;
}

static int read_config(struct serve_settings *o, const char *config) {
    struct err e = {0};
    int rc = config == NULL ? E_OK : serve_settings_read(o, config, &e);
    rc = rc == E_OK ? serve_settings_check(o, &e) : rc;
    return rc == E_OK ? CLI_OK : cli_fail(CLI_MISUSE, &e);
}

// -1: help was shown.
static int parse_options(int argc, char **argv, struct serve_settings *o) {
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"config", required_argument, NULL, 'f'},
                                            {"http", required_argument, NULL, 'h'},
                                            {"web", required_argument, NULL, 'w'},
                                            {"host", required_argument, NULL, 'n'},
                                            {"allow-origin", required_argument, NULL, 'o'},
                                            {"workers", required_argument, NULL, 'j'},
                                            {"dicom", required_argument, NULL, 'D'},
                                            {"aet", required_argument, NULL, 'A'},
                                            {"dicom-tls", required_argument, NULL, 'T'},
                                            {"tls-certificate", required_argument, NULL, 'C'},
                                            {"tls-key", required_argument, NULL, 'K'},
                                            {"tls-trust", required_argument, NULL, 'R'},
                                            {"dicom-network", no_argument, NULL, 'N'},
                                            {"no-dicom", no_argument, NULL, 'X'},
                                            {"help", no_argument, NULL, '?'},
                                            {NULL, 0, NULL, 0}};
    int option;
    const char *config = NULL;
    o->data = cli_data_dir(argc, argv);
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
        bool help =
            option == '?' && optopt == 0 && optind > 0 && strcmp(argv[optind - 1], "--help") == 0;
        int rc = option == '?' && !help ? bad_usage("option not understood")
                                        : take_option(option, o, &config);
        if (rc != CLI_OK) {
            return rc;
        }
    }
    return optind == argc ? read_config(o, config) : bad_usage("an argument too many");
}

static bool is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

// Beside the program in a build tree (build/maclab, build/web), or PREFIX/share/maclab/web of
// PREFIX/bin. The application's sources have an index.html, too, but no assets.
static const char *find_web(char out[PATH_TEXT_MAX]) {
    char program[PATH_TEXT_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (len <= 0) {
        return NULL;
    }
    program[len] = '\0';
    static const char *const places[] = {"web", "../web", "../share/maclab/web"};
    char *slash = strrchr(program, '/');
    for (size_t i = 0; slash != NULL && i < sizeof places / sizeof places[0]; i++) {
        char assets[PATH_TEXT_MAX + 16];
        int n = snprintf(out, PATH_TEXT_MAX, "%.*s/%s", (int)(slash - program), program, places[i]);
        (void)snprintf(assets, sizeof assets, "%s/assets", out);
        if (n > 0 && n < PATH_TEXT_MAX && is_folder(assets)) {
            return out;
        }
    }
    return NULL;
}

static void raise_open_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < OPEN_FILES_WANTED) {
        limit.rlim_cur = limit.rlim_max < OPEN_FILES_WANTED ? limit.rlim_max : OPEN_FILES_WANTED;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

// Blocked before any thread starts, so that only sigwait takes them.
static void hold_signals(sigset_t *ret_set) {
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, ret_set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); // a limit on files is an error of the write, not the end
}

// --- what listens

struct listening {
    int http, dicom, dicom_tls; // -1: does not
    struct web_address http_address;
    struct dimse_address dicom_address, tls_address;
};

static void close_listening(struct listening *l) {
    cleanup_fd(&l->http);
    cleanup_fd(&l->dicom);
    cleanup_fd(&l->dicom_tls);
}

static int listen_dicom(const struct serve_settings *o, struct listening *l, struct err *e) {
    const char *plain = o->dicom == NULL ? DICOM_DEFAULT : o->dicom;
    const char *secure = o->dicom_tls == NULL ? DICOM_TLS_DEFAULT : o->dicom_tls;
    int rc = E_OK;
    if (o->no_dicom) {
        return E_OK;
    }
    if (strcmp(plain, "none") != 0) {
        rc = dimse_address_parse(plain, &l->dicom_address, e);
        rc = rc == E_OK ? node_listen(&l->dicom_address, false, o->network, &l->dicom,
                                      &l->dicom_address.port, e)
                        : rc;
    }
    if (rc == E_OK && o->certificate != NULL && strcmp(secure, "none") != 0) {
        rc = dimse_address_parse(secure, &l->tls_address, e);
        rc = rc == E_OK ? node_listen(&l->tls_address, true, o->network, &l->dicom_tls,
                                      &l->tls_address.port, e)
                        : rc;
    }
    return rc;
}

static int listen_all(const struct serve_settings *o, struct listening *l, struct err *e) {
    *l = (struct listening){-1, -1, -1, {{0}, 0}, {{0}, 0}, {{0}, 0}};
    int rc = web_address_parse(o->http == NULL ? HTTP_DEFAULT : o->http, &l->http_address, e);
    rc = rc == E_OK ? web_listen(&l->http_address, &l->http, &l->http_address.port, e) : rc;
    rc = rc == E_OK ? listen_dicom(o, l, e) : rc;
    if (rc != E_OK) {
        close_listening(l);
    }
    return rc;
}

// --- what runs

struct running {
    struct archive *archive;
    struct keeper *keeper;
    struct node *node;
    struct route *route;
    struct web_server *web;
    char web_dir[PATH_TEXT_MAX];
    char dicom_text[ADDRESS_TEXT_MAX], tls_text[ADDRESS_TEXT_MAX]; // for the pages
};

static void stop(struct running *r) {
    web_server_stop(r->web);
    route_stop(r->route);
    node_stop(r->node);
    keeper_stop(r->keeper);
    archive_close(r->archive);
}

static int start_node(const struct serve_settings *o, struct listening *l, struct running *r,
                      struct err *e) {
    const struct node_options options = {
        .archive = r->archive,
        .data_dir = o->data,
        .aet = o->aet,
        .listen_fd = steal_fd(&l->dicom),
        .tls_listen_fd = steal_fd(&l->dicom_tls),
        .tls = {.certificate = o->certificate, .key = o->key, .trusted = o->trust},
        .associations_max = (uint32_t)o->associations,
        .per_peer_max = (uint32_t)o->associations_per_address,
        .limits = {.pdu = (uint32_t)o->pdu_bytes,
                   .artim_ms = (uint32_t)o->artim_seconds * 1000,
                   .idle_ms = (uint32_t)o->idle_seconds * 1000,
                   .stall_ms = (uint32_t)o->stall_seconds * 1000,
                   .data_set_bytes = o->data_set_bytes},
        .private_classes = o->private_classes.list,
        .private_class_count = o->private_classes.count,
        .matches_max = (uint32_t)o->matches,
        .backlog_max = o->backlog};
    if (o->no_dicom) {
        return E_OK;
    }
    int rc = node_start(&options, &r->node, e);
    return rc == E_OK ? route_start(r->node, &r->route, e) : rc;
}

// "127.0.0.1:11112"; NULL: it does not listen there.
static const char *address_text(const struct dimse_address *a, char out[ADDRESS_TEXT_MAX]) {
    bool v6 = strchr(a->host, ':') != NULL;
    (void)snprintf(out, ADDRESS_TEXT_MAX, "%s%s%s:%u", v6 ? "[" : "", a->host, v6 ? "]" : "",
                   (unsigned)a->port);
    return a->port != 0 ? out : NULL;
}

static int start_web(const struct serve_settings *o, struct listening *l, struct running *r,
                     struct err *e) {
    const char *web = o->web != NULL ? o->web : find_web(r->web_dir);
    const struct web_options options = {
        .archive = r->archive,
        .dicom = {.node = r->node,
                  .route = r->route,
                  .address = address_text(&l->dicom_address, r->dicom_text),
                  .tls_address = address_text(&l->tls_address, r->tls_text)},
        .listen_fd = steal_fd(&l->http),
        .web_dir = web,
        .allowed = {o->hosts.list, o->hosts.count, o->origins.list, o->origins.count},
        .version = cli_version,
        .revision = cli_revision};
    if (web == NULL) {
        log_line(LOG_WARNING, "the browser application was not found; only the APIs are served");
    }
    return web_server_start(&options, &r->web, e);
}

static void tell_trouble(const struct err *why) {
    char line[ERR_TEXT_MAX + ERR_PATH_MAX + 128];
    log_line(LOG_WARNING, "deliveries: %s", err_line(why, line, sizeof line));
}

// Inbox and routes take up what an earlier server left before anybody is let in.
static int start(const struct serve_settings *o, struct listening *l, struct running *r,
                 struct err *e) {
    const struct archive_options options = {.data_dir = o->data,
                                            .workers = (unsigned)o->workers,
                                            .server = true,
                                            .clock = clock_system(),
                                            .as_sent = cli_as_sent,
                                            .program = cli_program,
                                            .quiet = (usec)o->quiet_seconds * CLOCK_SECOND,
                                            .profile = o->profile};
    int rc = archive_open(&options, &r->archive, e);
    // A station that pages through a series is one line and a count in the audit log.
    rc = rc == E_OK ? audit_count_reads(archive_audit(r->archive), AUDIT_READS_WINDOW, e) : rc;
    rc = rc == E_OK ? keeper_start(r->archive, tell_trouble, &r->keeper, e) : rc;
    rc = rc == E_OK ? start_node(o, l, r, e) : rc;
    return rc == E_OK ? start_web(o, l, r, e) : rc;
}

static void tell_address(const char *what, const char *host, uint16_t port, const char *end) {
    bool v6 = strchr(host, ':') != NULL;
    (void)printf("maclab: %s%s%s%s:%u%s\n", what, v6 ? "[" : "", host, v6 ? "]" : "", port, end);
}

static void tell(const struct serve_settings *o, const struct listening *l) {
    const char *aet = o->aet == NULL ? NODE_AET_DEFAULT : o->aet;
    char what[64];
    if (l->dicom_address.port != 0) {
        (void)snprintf(what, sizeof what, "DICOM node %s on ", aet);
        tell_address(what, l->dicom_address.host, l->dicom_address.port, "");
    }
    if (l->tls_address.port != 0) {
        (void)snprintf(what, sizeof what, "DICOM node %s by TLS on ", aet);
        tell_address(what, l->tls_address.host, l->tls_address.port, "");
    }
    tell_address("serving on http://", l->http_address.host, l->http_address.port, "/");
    (void)fflush(stdout);
}

static int serve(const struct serve_settings *o) {
    struct listening l;
    struct running r = {0};
    struct err e = {0};
    sigset_t signals;
    if (listen_all(o, &l, &e) != E_OK) {
        return cli_fail(CLI_MISUSE, &e);
    }
    raise_open_files();
    hold_signals(&signals);
    int rc = start(o, &l, &r, &e);
    if (rc == E_OK) {
        int which;
        tell(o, &l);
        (void)sigwait(&signals, &which);
        log_line(LOG_INFO, "stopping");
    }
    stop(&r);
    close_listening(&l);
    return rc == E_OK ? CLI_OK : cli_fail(CLI_MISUSE, &e);
}

int cmd_serve(int argc, char **argv) {
    struct serve_settings o;
    serve_settings_init(&o);
    int rc = parse_options(argc, argv, &o);
    rc = rc == CLI_OK ? serve(&o) : rc < 0 ? CLI_OK : rc;
    serve_settings_done(&o);
    return rc;
}
