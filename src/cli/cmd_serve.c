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
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "cli/cli.h"
#include "policy/audit.h"
#include "web/listen.h"
#include "web/server.h"

#define HTTP_DEFAULT "127.0.0.1:8080"
#define NAMES_MAX 16
#define WORKERS_MAX 64
#define OPEN_FILES_WANTED 8192
#define PATH_TEXT_MAX 4096

static const char usage_text[] =
    "Usage: maclab serve [OPTION]...\n"
    "Runs the suite: the browser application, its API and DICOMweb.\n\n"
    "  --data DIR           the data folder (" CLI_DATA_DEFAULT ", or $MACLAB_DATA)\n"
    "  --http ADDR:PORT     where to listen (" HTTP_DEFAULT "); loopback only\n"
    "  --web DIR            the browser application's files\n"
    "  --host NAME          answer to this host name, too; may be repeated\n"
    "  --allow-origin URL   let pages of this origin call the API; may be repeated\n"
    "  --workers N          sandboxed children\n"
    "  --help               show this\n";

struct serve_options {
    const char *data, *http, *web;
    const char *hosts[NAMES_MAX];
    size_t host_count;
    const char *origins[NAMES_MAX];
    size_t origin_count;
    unsigned workers;
};

static int bad_usage(const char *text) {
    cli_complain("%s; `maclab serve --help` tells more", text);
    return CLI_MISUSE;
}

static int take_workers(const char *text, unsigned *ret_workers) {
    uint64_t count;
    if (!num_parse_u64(slice_str(text), WORKERS_MAX, &count) || count == 0) {
        return bad_usage("--workers must be a number from 1 to 64");
    }
    *ret_workers = (unsigned)count;
    return CLI_OK;
}

static int take_option(int option, struct serve_options *o) {
    switch (option) {
    case 'd': // cli_data_dir has it
        break;
    case 'h':
        o->http = optarg;
        break;
    case 'w':
        o->web = optarg;
        break;
    case 'n':
        if (o->host_count == NAMES_MAX) {
            return bad_usage("too many --host");
        }
        o->hosts[o->host_count++] = optarg;
        break;
    case 'o':
        if (o->origin_count == NAMES_MAX) {
            return bad_usage("too many --allow-origin");
        }
        o->origins[o->origin_count++] = optarg;
        break;
    case 'j':
        return take_workers(optarg, &o->workers);
    case '?':
        (void)fputs(usage_text, stdout);
        return -1;
    default:
        return bad_usage("option not understood");
    }
    return CLI_OK;
}

// -1: help was shown.
static int parse_options(int argc, char **argv, struct serve_options *o) {
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"http", required_argument, NULL, 'h'},
                                            {"web", required_argument, NULL, 'w'},
                                            {"host", required_argument, NULL, 'n'},
                                            {"allow-origin", required_argument, NULL, 'o'},
                                            {"workers", required_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, '?'},
                                            {NULL, 0, NULL, 0}};
    int option;
    *o = (struct serve_options){.data = cli_data_dir(argc, argv), .http = HTTP_DEFAULT};
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
        bool help =
            option == '?' && optopt == 0 && optind > 0 && strcmp(argv[optind - 1], "--help") == 0;
        int rc =
            option == '?' && !help ? bad_usage("option not understood") : take_option(option, o);
        if (rc != CLI_OK) {
            return rc;
        }
    }
    return optind == argc ? CLI_OK : bad_usage("an argument too many");
}

static bool is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

// Beside the program in a build tree (build/maclab, build/web), or PREFIX/share/maclab/web of
// PREFIX/bin.
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
        char index[PATH_TEXT_MAX + 16];
        int n = snprintf(out, PATH_TEXT_MAX, "%.*s/%s", (int)(slash - program), program, places[i]);
        (void)snprintf(index, sizeof index, "%s/index.html", out);
        if (n > 0 && n < PATH_TEXT_MAX && is_folder(out) && access(index, R_OK) == 0) {
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
}

static int serve(struct archive *archive, const struct serve_options *o, int listen_fd,
                 const char *host, uint16_t port, const sigset_t *signals) {
    char place[PATH_TEXT_MAX];
    struct err e = {0};
    struct web_server *server;
    const char *web = o->web != NULL ? o->web : find_web(place);
    const struct web_options options = {
        .archive = archive,
        .listen_fd = listen_fd,
        .web_dir = web,
        .allowed = {o->hosts, o->host_count, o->origins, o->origin_count},
        .version = cli_version,
        .revision = cli_revision};
    if (web_server_start(&options, &server, &e) != E_OK) {
        return cli_fail(CLI_MISUSE, &e);
    }
    if (web == NULL) {
        log_line(LOG_WARNING, "the browser application was not found; only the APIs are served");
    }
    bool v6 = strchr(host, ':') != NULL;
    (void)printf("maclab: serving on http://%s%s%s:%u/\n", v6 ? "[" : "", host, v6 ? "]" : "",
                 port);
    (void)fflush(stdout);
    int which;
    (void)sigwait(signals, &which);
    log_line(LOG_INFO, "stopping");
    web_server_stop(server);
    return CLI_OK;
}

int cmd_serve(int argc, char **argv) {
    struct serve_options o;
    struct web_address address;
    struct err e = {0};
    int rc = parse_options(argc, argv, &o);
    if (rc != CLI_OK) {
        return rc < 0 ? CLI_OK : rc;
    }
    int listen_fd;
    uint16_t port;
    if (web_address_parse(o.http, &address, &e) != E_OK ||
        web_listen(&address, &listen_fd, &port, &e) != E_OK) {
        return cli_fail(CLI_MISUSE, &e);
    }
    sigset_t signals;
    raise_open_files();
    hold_signals(&signals);
    struct archive *archive;
    const struct archive_options options = {
        .data_dir = o.data, .workers = o.workers, .server = true, .clock = clock_system()};
    if (archive_open(&options, &archive, &e) != E_OK) {
        (void)close(listen_fd);
        return cli_fail(CLI_MISUSE, &e);
    }
    // A station that pages through a series is one line and a count in the audit log.
    rc = audit_count_reads(archive_audit(archive), AUDIT_READS_WINDOW, &e) == E_OK
             ? serve(archive, &o, listen_fd, address.host, port, &signals)
             : cli_fail(CLI_MISUSE, &e);
    archive_close(archive);
    return rc;
}
