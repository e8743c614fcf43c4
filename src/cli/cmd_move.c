// SPDX-License-Identifier: Apache-2.0
// maclab move: C-MOVE (PS3.4 C.4.2) as SCU, to another node, or into a folder here through a
// receiving side of its own.
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/dicom_contexts.h"
#include "cli/dicom_folder.h"
#include "cli/dicom_link.h"
#include "cli/dicom_listen.h"
#include "cli/dicom_retrieve.h"
#include "dimse/tls.h"
#include "dimse/user.h"

#define LATE_MS 2000 // instances that are still on their way behind the final response
#define LATE_STEP_MS 20

static const char help[] =
    "Usage: maclab move [OPTION]... --to AET PEER UID...\n"
    "       maclab move [OPTION]... --receive DIR PEER UID...\n"
    "Have a DICOM node send studies (or series, instances) to a third one that it knows as\n"
    "AET, or to a receiving side that listens here as long as the command runs (C-MOVE).\n"
    "What is received becomes Part 10 files named by their SOP Instance UIDs; a success is\n"
    "told to the sender when the file is on disk.\n\n"
    "      --to AET            destination, by the name under which PEER knows it\n"
    "      --receive DIR       receive here, as --to (default: our own AE title)\n"
    "      --port N            port to receive at (default: 11112; 0: any)\n"
    "      --listen ADDRESS    address to receive at (default: 127.0.0.1 when PEER is on\n"
    "                          this machine, else all)\n"
    "      --receive-tls       receive by TLS, with --certificate and --key\n" RETRIEVE_HELP
    "  -j, --json              the result as a JSON object\n" LINK_HELP
    "\nExit status: 0 all moved, 1 some not, 2 misuse.\n";

enum move_option {
    OPTION_TO = RETRIEVE_OPTION_OWN,
    OPTION_RECEIVE,
    OPTION_PORT,
    OPTION_LISTEN,
    OPTION_RECEIVE_TLS
};

struct move {
    struct retrieve retrieve;
    const char *to, *receive, *listen;
    uint64_t port;
    bool receive_tls;
    struct dimse_tls *tls; // of the receiving side
    struct folder *folder;
    struct listening *listening;
};

static void on_stored(void *context, const char *sop_instance, uint64_t bytes, int rc,
                      const struct err *why) {
    struct move *run = context;
    if (rc == E_OK) {
        __atomic_fetch_add(&run->retrieve.sums.files, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&run->retrieve.sums.bytes, bytes, __ATOMIC_RELAXED);
        return;
    }
    char line[ERR_TEXT_MAX + ERR_PATH_MAX + 128];
    cli_complain("move: %s: %s", sop_instance, err_line(why, line, sizeof line));
}

// --- the receiving side

static bool on_this_machine(const char *host) {
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
           strcmp(host, "::1") == 0;
}

static int start_receiving(struct move *run, struct err *e) {
    const struct dicom_link *l = &run->retrieve.link;
    struct folder_options folder = {
        .path = run->receive, .sync_first = true, .stored = on_stored, .context = run};
    struct dimse_tls_options tls = {.server = true,
                                    .certificate = l->certificate,
                                    .key = l->key,
                                    .trusted = l->trust,
                                    .any_certificate = l->trust == NULL,
                                    .anonymous_peer = true};
    int rc = folder_open(&folder, &run->folder, e);
    rc = rc == E_OK && run->receive_tls ? dimse_tls_open(&tls, &run->tls, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    const char *all = on_this_machine(l->address.host) ? "127.0.0.1" : NULL;
    struct listen_options options = {.address = run->listen != NULL ? run->listen : all,
                                     .port = (uint16_t)run->port,
                                     .aet = run->to,
                                     .tls = run->tls,
                                     .folder = run->folder};
    rc = listening_start(&options, &run->listening, e);
    if (rc == E_OK && (run->port == 0 || l->verbose)) {
        (void)fprintf(stderr, "receiving as %s at port %u\n", run->to,
                      listening_port(run->listening));
    }
    return rc;
}

// A peer may say that it is done while its last associations still stand.
static void wait_for_late(struct move *run) {
    const struct retrieve_sums *s = &run->retrieve.sums;
    for (int waited = 0; waited < LATE_MS; waited += LATE_STEP_MS) {
        if (__atomic_load_n(&s->files, __ATOMIC_RELAXED) >= s->completed + s->warning) {
            break;
        }
        (void)usleep(LATE_STEP_MS * 1000);
    }
    listening_stop(run->listening);
    run->listening = NULL;
}

// --- moving

static int move_on(struct move *run, struct err *e) {
    struct retrieve *r = &run->retrieve;
    struct dimse_association *a;
    struct query q;
    int rc = retrieve_query(r, r->level, &q, e);
    if (rc != E_OK) {
        return rc;
    }
    struct dimse_want want = {.abstract_syntax = query_sop_class(&q, QUERY_MOVE),
                              .syntaxes = contexts_native,
                              .extended = query_extended(&q, QUERY_MOVE)};
    struct dimse_request request = {.wants = &want, .want_count = 1};
    rc = dicom_link_open(&r->link, &request, &a, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = retrieve_all(r, a, &q, (const char *const *)r->uids, r->uid_count, run->to, NULL, e);
    if (rc == E_OK) {
        (void)dimse_release(a, &(struct err){0});
    } else {
        dimse_association_close(a);
    }
    return rc;
}

static int move(struct move *run) {
    struct retrieve *r = &run->retrieve;
    struct err e = {0};
    if (run->receive != NULL && start_receiving(run, &e) != E_OK) {
        return cli_fail(CLI_MISUSE, &e);
    }
    cli_progress_start(&r->progress, "moving (instances)", 0);
    int rc = move_on(run, &e);
    if (run->receive != NULL) {
        wait_for_late(run);
    }
    int status = retrieve_report(r, run->receive != NULL);
    if (rc != E_OK) {
        return cli_fail(CLI_NO, &e);
    }
    struct err disk = {0};
    if (run->folder != NULL && folder_finish(run->folder, &disk) != E_OK) {
        return cli_fail(CLI_NO, &disk);
    }
    return status;
}

// --- words

static int own_option(struct move *run, int option, const char *value) {
    switch (option) {
    case OPTION_TO:
        run->to = value;
        return 1;
    case OPTION_RECEIVE:
        run->receive = value;
        return 1;
    case OPTION_PORT:
        return dicom_link_number(&run->retrieve.link, "--port", value, 0, UINT16_MAX, &run->port)
                   ? 1
                   : -1;
    case OPTION_LISTEN:
        run->listen = value;
        return 1;
    case OPTION_RECEIVE_TLS:
        run->receive_tls = true;
        return 1;
    default:
        return retrieve_option(&run->retrieve, option, value);
    }
}

static int check_words(struct move *run) {
    const struct dicom_link *l = &run->retrieve.link;
    if (run->to == NULL && run->receive == NULL) {
        cli_complain("move: where to? --to AET or --receive DIR");
        return CLI_MISUSE;
    }
    if (run->receive_tls && (l->certificate == NULL || l->key == NULL)) {
        cli_complain("move: --receive-tls wants --certificate and --key");
        return CLI_MISUSE;
    }
    run->to = run->to != NULL ? run->to : l->calling;
    if (strlen(run->to) > DIMSE_AET_MAX || run->to[0] == '\0') {
        cli_complain("move: '%s' is no AE title", run->to);
        return CLI_MISUSE;
    }
    struct query q;
    struct err why = {0};
    if (retrieve_query(&run->retrieve, run->retrieve.level, &q, &why) != E_OK) {
        (void)err_context(&why, "move");
        return cli_fail(CLI_MISUSE, &why);
    }
    return CLI_OK;
}

static int read_options(int argc, char **argv, struct move *run) {
    static const struct option options[] = {RETRIEVE_LONG,
                                            {"to", required_argument, NULL, OPTION_TO},
                                            {"receive", required_argument, NULL, OPTION_RECEIVE},
                                            {"port", required_argument, NULL, OPTION_PORT},
                                            {"listen", required_argument, NULL, OPTION_LISTEN},
                                            {"receive-tls", no_argument, NULL, OPTION_RECEIVE_TLS},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, RETRIEVE_SHORT, options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(help, stdout);
            return -1;
        }
        int taken = own_option(run, option, optarg);
        if (taken <= 0) {
            return taken < 0 ? CLI_MISUSE
                             : dicom_link_unknown(&run->retrieve.link, argv[optind - 1]);
        }
    }
    int rc = retrieve_words(&run->retrieve, argc - optind, argv + optind);
    return rc == CLI_OK ? check_words(run) : rc;
}

int cmd_move(int argc, char **argv) {
    struct move *run = mem_zalloc(sizeof *run);
    if (run == NULL) {
        cli_complain("move: no memory");
        return CLI_MISUSE;
    }
    run->port = DIMSE_PORT_DEFAULT;
    retrieve_init(&run->retrieve, "move");
    const char *data_dir = dicom_link_data_dir(argc, argv);
    int rc = read_options(argc, argv, run);
    rc = rc == CLI_OK ? dicom_link_ready(&run->retrieve.link, argv[optind], data_dir) : rc;
    if (rc == CLI_OK) {
        retrieve_catch_interrupt();
        rc = move(run);
    }
    listening_stop(run->listening);
    folder_close(run->folder);
    dimse_tls_close(run->tls);
    retrieve_done(&run->retrieve);
    mem_free(run);
    return rc < 0 ? CLI_OK : rc;
}
