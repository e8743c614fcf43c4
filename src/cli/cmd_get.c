// SPDX-License-Identifier: Apache-2.0
// maclab get: C-GET (PS3.4 C.4.3) as SCU, and SCP of Storage on the same association.
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/dicom_contexts.h"
#include "cli/dicom_folder.h"
#include "cli/dicom_inventory.h"
#include "cli/dicom_link.h"
#include "cli/dicom_retrieve.h"
#include "dicom/tags.h"
#include "dimse/user.h"

static const char help[] =
    "Usage: maclab get [OPTION]... PEER UID...\n"
    "Retrieve studies (or series, instances) over the association that asks for them\n"
    "(C-GET), into Part 10 files named by their SOP Instance UIDs, as the peer has them\n"
    "stored. Files that are there already are not fetched again, so that a retrieval that\n"
    "was broken off is simply started anew. A file has its name when it is on disk.\n\n"
    "  -o, --output DIR        where to (default: the current folder)\n" RETRIEVE_HELP
    "      --again             fetch also what is there\n"
    "      --blind             do not query first (no skipping; the usual SOP classes)\n"
    "      --native            ask for uncompressed pixels\n"
    "      --no-sync           do not wait for the disk: files have their names when they are\n"
    "                          whole, and a power failure may cost them\n"
    "  -j, --json              the result as a JSON object\n" LINK_HELP
    "\nExit status: 0 all retrieved or there already, 1 some not, 2 misuse.\n";

enum get_option { OPTION_AGAIN = RETRIEVE_OPTION_OWN, OPTION_BLIND, OPTION_NATIVE, OPTION_NO_SYNC };

struct get {
    struct retrieve retrieve;
    const char *output;
    bool again, blind, native, no_sync;
    struct folder *folder;
    struct inventory inventory;
    struct contexts contexts;
};

static void on_stored(void *context, const char *sop_instance, uint64_t bytes, int rc,
                      const struct err *why) {
    struct get *run = context;
    if (rc == E_OK) {
        run->retrieve.sums.files++;
        run->retrieve.sums.bytes += bytes;
        return;
    }
    char line[ERR_TEXT_MAX + ERR_PATH_MAX + 128];
    cli_complain("get: %s: %s", sop_instance, err_line(why, line, sizeof line));
}

// --- what to ask for

// Asks what there is. A peer that does not answer queries is retrieved from all the same.
static void look(struct get *run) {
    struct err why = {0};
    run->inventory =
        (struct inventory){.retrieve = &run->retrieve, .folder = run->again ? NULL : run->folder};
    if (run->blind) {
        return;
    }
    if (inventory_take(&run->inventory, !run->again && !folder_empty(run->folder), &why) != E_OK) {
        char line[ERR_TEXT_MAX + ERR_PATH_MAX + 128];
        run->inventory.classes_known = false;
        run->inventory.instances_known = false;
        if (run->retrieve.link.verbose) {
            cli_complain("get: asking first: %s", err_line(&why, line, sizeof line));
        }
    }
}

static int open_association(struct get *run, struct query *q, struct dimse_association **ret_a,
                            struct err *e) {
    struct inventory *i = &run->inventory;
    struct contexts *c = &run->contexts;
    *c = (struct contexts){.arena = &run->retrieve.arena};
    int rc = contexts_add(c, query_sop_class(q, QUERY_GET), contexts_native, false,
                          query_extended(q, QUERY_GET), e);
    rc = rc == E_OK ? contexts_receive(c, i->classes_known ? i->classes : NULL, i->class_count,
                                       run->native, e)
                    : rc;
    if (rc != E_OK) {
        return rc;
    }
    struct dimse_request request = {.wants = c->wants, .want_count = c->count};
    return dicom_link_open(&run->retrieve.link, &request, ret_a, e);
}

// --- retrieving

// Only what is missing, series by series.
static int get_missing(struct get *run, struct dimse_association *a, const struct dimse_sink *sink,
                       struct err *e) {
    int rc = E_OK;
    struct inventory_series *s = run->inventory.first;
    for (; rc == E_OK && s != NULL && !retrieve_interrupted(); s = s->next) {
        struct query q;
        if (s->missing_count == 0) {
            continue;
        }
        rc = retrieve_query(&run->retrieve, QUERY_IMAGE, &q, e);
        rc = rc == E_OK && s->study != NULL ? query_put(&q, DCM_StudyInstanceUID, s->study, e) : rc;
        rc = rc == E_OK && s->series != NULL ? query_put(&q, DCM_SeriesInstanceUID, s->series, e)
                                             : rc;
        rc = rc == E_OK
                 ? retrieve_all(&run->retrieve, a, &q, s->missing, s->missing_count, NULL, sink, e)
                 : rc;
    }
    return rc;
}

static int get_on(struct get *run, struct dimse_association *a, struct query *q, struct err *e) {
    struct retrieve *r = &run->retrieve;
    struct receiver *receiver;
    int rc = receiver_open(run->folder, a, &receiver, e);
    if (rc != E_OK) {
        return rc;
    }
    struct dimse_sink sink = receiver_sink(receiver);
    rc = run->inventory.instances_known && run->inventory.present > 0
             ? get_missing(run, a, &sink, e)
             : retrieve_all(r, a, q, (const char *const *)r->uids, r->uid_count, NULL, &sink, e);
    receiver_close(receiver);
    return rc;
}

static int get(struct get *run) {
    struct retrieve *r = &run->retrieve;
    struct dimse_association *a;
    struct query q;
    struct err e = {0};
    look(run);
    r->sums.present = run->inventory.instances_known ? run->inventory.present : 0;
    if (run->inventory.instances_known && run->inventory.missing == 0 &&
        run->inventory.present > 0) {
        return retrieve_report(r, true);
    }
    cli_progress_start(&r->progress, "retrieving (instances)", 0);
    int rc = retrieve_query(r, r->level, &q, &e);
    rc = rc == E_OK ? open_association(run, &q, &a, &e) : rc;
    if (rc != E_OK) {
        return cli_fail(CLI_NO, &e);
    }
    rc = get_on(run, a, &q, &e);
    if (rc == E_OK) {
        (void)dimse_release(a, &(struct err){0});
    } else {
        dimse_association_close(a);
    }
    struct err disk = {0};
    int kept = folder_finish(run->folder, &disk);
    int status = retrieve_report(r, true);
    if (rc != E_OK) {
        return cli_fail(CLI_NO, &e);
    }
    return kept == E_OK ? status : cli_fail(CLI_NO, &disk);
}

// --- words

static int own_option(struct get *run, int option, const char *value) {
    switch (option) {
    case 'o':
        run->output = value;
        return 1;
    case OPTION_AGAIN:
        run->again = true;
        return 1;
    case OPTION_BLIND:
        run->blind = true;
        return 1;
    case OPTION_NATIVE:
        run->native = true;
        return 1;
    case OPTION_NO_SYNC:
        run->no_sync = true;
        return 1;
    default:
        return retrieve_option(&run->retrieve, option, value);
    }
}

static int read_options(int argc, char **argv, struct get *run) {
    static const struct option options[] = {RETRIEVE_LONG,
                                            {"output", required_argument, NULL, 'o'},
                                            {"again", no_argument, NULL, OPTION_AGAIN},
                                            {"blind", no_argument, NULL, OPTION_BLIND},
                                            {"native", no_argument, NULL, OPTION_NATIVE},
                                            {"no-sync", no_argument, NULL, OPTION_NO_SYNC},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, RETRIEVE_SHORT "o:", options, NULL)) != -1) {
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
    return retrieve_words(&run->retrieve, argc - optind, argv + optind);
}

// Keys are read once before anything is connected, so that a wrong one is misuse.
static int check_keys(struct get *run) {
    struct query q;
    struct err why = {0};
    if (retrieve_query(&run->retrieve, run->retrieve.level, &q, &why) != E_OK) {
        (void)err_context(&why, "get");
        return cli_fail(CLI_MISUSE, &why);
    }
    struct folder_options options = {.path = run->output,
                                     .source_ae = run->retrieve.link.called,
                                     .no_sync = run->no_sync,
                                     .stored = on_stored,
                                     .context = run};
    return folder_open(&options, &run->folder, &why) == E_OK ? CLI_OK : cli_fail(CLI_MISUSE, &why);
}

int cmd_get(int argc, char **argv) {
    struct get *run = mem_zalloc(sizeof *run);
    if (run == NULL) {
        cli_complain("get: no memory");
        return CLI_MISUSE;
    }
    run->output = ".";
    retrieve_init(&run->retrieve, "get");
    const char *data_dir = dicom_link_data_dir(argc, argv);
    int rc = read_options(argc, argv, run);
    rc = rc == CLI_OK ? dicom_link_ready(&run->retrieve.link, argv[optind], data_dir) : rc;
    rc = rc == CLI_OK ? check_keys(run) : rc;
    if (rc == CLI_OK) {
        retrieve_catch_interrupt();
        rc = get(run);
    }
    folder_close(run->folder);
    retrieve_done(&run->retrieve);
    mem_free(run);
    return rc < 0 ? CLI_OK : rc;
}
