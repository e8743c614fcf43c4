// SPDX-License-Identifier: Apache-2.0
// maclab commit: asks a node to answer for the safekeeping of instances (Storage Commitment).
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/dicom_commit_report.h"
#include "cli/dicom_commitment.h"
#include "cli/dicom_files.h"
#include "cli/dicom_link.h"
#include "dicom/uid.h"

static const char help[] =
    "Usage: maclab commit [OPTION]... PEER PATH...\n"
    "       maclab commit [OPTION]... PEER CLASS:INSTANCE...\n"
    "Ask a DICOM node to commit itself to the safekeeping of instances (Storage\n"
    "Commitment Push Model): of the files at and below each PATH, or by SOP Class and SOP\n"
    "Instance UID. Waits for its report, and says what became of each instance:\n"
    "  committed   the peer has it and answers for it\n"
    "  refused     it does not; the line says why\n"
    "  open        no report came\n\n" COMMIT_REPORT_HELP
    "  -j, --json              one JSON object an instance, and a last one with the sums\n"
    "  -q, --quiet             no lines for what is committed\n" LINK_HELP
    "\nExit status: 0 all committed, 1 some not, 2 misuse.\n";

struct commit {
    struct dicom_link link;
    struct commit_report report;
    struct send_list list;
    struct commitment_item *items;
    size_t count, room;
    bool bad;
};

static void on_note(void *context, const char *path, const struct err *why, bool bad) {
    struct commit *run = context;
    char line[ERR_TEXT_MAX + ERR_PATH_MAX + 128];
    run->bad = run->bad || bad;
    cli_complain("commit: passed over: %s: %s", path, err_line(why, line, sizeof line));
}

static int add_item(struct commit *run, const char *sop_class, const char *sop_instance) {
    if (run->count == run->room) {
        size_t room = run->room == 0 ? 256 : 2 * run->room;
        struct commitment_item *items = mem_realloc(run->items, room * sizeof *items);
        if (items == NULL) {
            cli_complain("commit: no memory");
            return CLI_NO;
        }
        run->items = items;
        run->room = room;
    }
    run->items[run->count++] =
        (struct commitment_item){.sop_class = sop_class, .sop_instance = sop_instance};
    return CLI_OK;
}

// CLASS:INSTANCE; false: it is a path.
static bool named_by_uid(struct commit *run, const char *word, int *ret_status) {
    struct slice text = slice_str(word);
    size_t colon = slice_find(text, ':');
    struct slice class = slice_first(text, colon);
    struct slice instance = slice_from(text, colon + 1);
    if (!dcm_uid_usable(class) || !dcm_uid_usable(instance)) {
        return false;
    }
    const char *kept_class = arena_str(&run->list.arena, class);
    const char *kept_instance = arena_str(&run->list.arena, instance);
    *ret_status = kept_class != NULL && kept_instance != NULL
                      ? add_item(run, kept_class, kept_instance)
                      : CLI_NO;
    return true;
}

static int gather(struct commit *run, int count, char **words) {
    for (int i = 0; i < count; i++) {
        int status = CLI_OK;
        struct err why = {0};
        if (named_by_uid(run, words[i], &status)) {
            if (status != CLI_OK) {
                return status;
            }
        } else if (send_list_add(&run->list, words[i], &why) != E_OK) {
            (void)err_context(&why, "commit: %s", words[i]);
            return cli_fail(CLI_NO, &why);
        }
    }
    for (size_t i = 0; i < run->list.count; i++) {
        const struct send_file *f = &run->list.files[i];
        if (add_item(run, f->sop_class, f->sop_instance) != CLI_OK) {
            return CLI_NO;
        }
    }
    if (run->count == 0) {
        cli_complain("commit: no instances");
    }
    return run->count > 0 ? CLI_OK : CLI_NO;
}

static int read_options(int argc, char **argv, struct commit *run) {
    static const struct option options[] = {
        LINK_LONG, COMMIT_REPORT_LONG, {"quiet", no_argument, NULL, 'q'}, {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, LINK_SHORT "q", options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(help, stdout);
            return -1;
        }
        int taken = dicom_link_option(&run->link, option, optarg);
        taken = taken == 0 ? commit_report_option(&run->report, &run->link, option, optarg) : taken;
        if (taken == 0 && option == 'q') {
            run->report.quiet = true;
            taken = 1;
        }
        if (taken <= 0) {
            return taken < 0 ? CLI_MISUSE : dicom_link_unknown(&run->link, argv[optind - 1]);
        }
    }
    if (argc - optind < 2) {
        cli_complain("commit: PEER and what to ask for are wanted; `maclab commit --help` tells "
                     "more");
        return CLI_MISUSE;
    }
    return CLI_OK;
}

int cmd_commit(int argc, char **argv) {
    struct commit run = {.count = 0};
    dicom_link_init(&run.link, "commit");
    commit_report_init(&run.report);
    send_list_init(&run.list, on_note, &run);
    const char *data_dir = dicom_link_data_dir(argc, argv);
    int rc = read_options(argc, argv, &run);
    rc = rc == CLI_OK ? dicom_link_ready(&run.link, argv[optind], data_dir) : rc;
    rc = rc == CLI_OK ? gather(&run, argc - optind - 1, argv + optind + 1) : rc;
    if (rc == CLI_OK) {
        rc = commit_report_run(&run.report, &run.link, run.items, run.count);
        rc = rc == CLI_OK && run.bad ? CLI_NO : rc;
    }
    mem_free(run.items);
    send_list_done(&run.list);
    dicom_link_done(&run.link);
    return rc < 0 ? CLI_OK : rc;
}
