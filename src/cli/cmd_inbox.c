// SPDX-License-Identifier: Apache-2.0
// `maclab inbox`: what was acknowledged to senders and did not become a part of the archive: held,
// refused, or in conflict with another object. Its bytes stay until somebody decides.
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/custody.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "cli/cli.h"
#include "cli/tables.h"

static const char usage_text[] =
    "Usage: maclab inbox list [--all] [--json]\n"
    "       maclab inbox retry NUMBER\n"
    "       maclab inbox dispose NUMBER\n"
    "Instances that a DICOM peer has delivered and that are not in the archive: they wait for\n"
    "their verdict, or are held, refused or in conflict and stay until a person decides.\n\n"
    "  --data DIR   the data folder (" CLI_DATA_DEFAULT ", or $MACLAB_DATA)\n"
    "  --all        released ones and those disposed of, too\n"
    "  --json       one object an instance\n"
    "  --help       show this\n\n"
    "`retry` has an instance judged once more, `dispose` removes it for good; the running server\n"
    "does so within seconds, else the next one.\n";

struct words {
    const char *data, *arguments[2];
    int argument_count;
    bool all, json;
};

static int bad_usage(const char *text) {
    cli_complain("inbox: %s; `maclab inbox --help` tells more", text);
    return CLI_MISUSE;
}

static void print_json(const struct custody_row *row) {
    CLEANUP(cleanup_buf) struct buf out;
    struct json j;
    char time[CLOCK_TEXT_LEN + 1];
    buf_init(&out, 8192);
    json_init(&j, &out);
    json_begin_object(&j);
    json_member_i64(&j, "number", (int64_t)row->number);
    json_member_str(&j, "state", custody_state_word(row->state));
    json_member_str(&j, "reason", row->reason);
    json_member_str(&j, "words", row->words);
    json_member_str(&j, "peer", row->peer);
    json_member_str(&j, "sop_class", row->sop_class);
    json_member_i64(&j, "bytes", (int64_t)row->bytes);
    json_member_str(&j, "received", clock_text(row->received, time));
    json_member_str(&j, "decided", row->decided == 0 ? NULL : clock_text(row->decided, time));
    json_end_object(&j);
    (void)printf("%.*s\n", (int)out.len, (const char *)out.data);
}

static int print_row(const struct custody_row *row, void *context) {
    const struct words *w = context;
    char time[CLOCK_TEXT_LEN + 1];
    if (w->json) {
        print_json(row);
    } else {
        (void)printf("%8llu  %-9s  %.19sZ  %-16s  %10llu bytes  %s%s%s\n",
                     (unsigned long long)row->number, custody_state_word(row->state),
                     clock_text(row->received, time), row->peer, (unsigned long long)row->bytes,
                     row->reason, row->words[0] != '\0' ? ": " : "", row->words);
    }
    return ferror(stdout) ? -1 : 0;
}

static int list(struct words *w, struct archive *a) {
    unsigned states = (1U << CUSTODY_STATE_COUNT) - 1;
    struct err e = {0};
    struct db *db;
    if (!w->all) {
        states &= ~(1U << CUSTODY_RELEASED | 1U << CUSTODY_DISPOSED);
    }
    int rc = archive_reader(a, &db, &e);
    if (rc == E_OK) {
        rc = custody_each(db, states, print_row, w, &e);
        archive_reader_done(a, db);
    }
    return e.code != E_OK ? cli_fail(CLI_NO, &e) : CLI_OK;
}

static int wish(const struct words *w, struct archive *a, enum custody_state state) {
    uint64_t number = 0;
    struct err e = {0};
    if (!num_parse_u64(slice_str(w->arguments[1]), INT64_MAX, &number)) {
        return bad_usage("a number as `maclab inbox list` shows it is expected");
    }
    return custody_wish(a, number, state, &e) == E_OK ? CLI_OK : cli_fail(CLI_NO, &e);
}

static int run_step(struct words *w, struct archive *a) {
    const char *step = w->arguments[0];
    if (strcmp(step, "list") == 0) {
        return list(w, a);
    }
    return wish(w, a, strcmp(step, "retry") == 0 ? CUSTODY_RETRY : CUSTODY_DISPOSING);
}

static bool is_step(const struct words *w) {
    const char *step = w->argument_count > 0 ? w->arguments[0] : "";
    bool one = strcmp(step, "retry") == 0 || strcmp(step, "dispose") == 0;
    return (strcmp(step, "list") == 0 && w->argument_count == 1) || (one && w->argument_count == 2);
}

// CLI_OK, CLI_MISUSE, or -1 when help was shown.
static int read_options(int argc, char **argv, struct words *w) {
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"all", no_argument, NULL, 'a'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        switch (option) {
        case 'd': // cli_data_dir has it
            break;
        case 'a':
            w->all = true;
            break;
        case 'j':
            w->json = true;
            break;
        case 'h':
            (void)fputs(usage_text, stdout);
            return -1;
        default:
            return bad_usage("option not understood, or without its value");
        }
    }
    for (; optind < argc && w->argument_count < 2; optind++) {
        w->arguments[w->argument_count++] = argv[optind];
    }
    return optind == argc && is_step(w)
               ? CLI_OK
               : bad_usage("say `list`, `retry NUMBER` or `dispose NUMBER`");
}

int cmd_inbox(int argc, char **argv) {
    struct words w = {.data = cli_data_dir(argc, argv)};
    struct archive *a;
    struct err e = {0};
    const char *first = argc > 1 ? argv[1] : ""; // the step that policy was asked for
    int rc = read_options(argc, argv, &w);
    if (rc != CLI_OK) {
        return rc < 0 ? CLI_OK : rc;
    }
    if (strcmp(first, w.arguments[0]) != 0) {
        return bad_usage("say `list`, `retry` or `dispose` first");
    }
    if (cli_tables_open(w.data, &a, &e) != E_OK) {
        return cli_fail(CLI_MISUSE, &e);
    }
    int status = run_step(&w, a);
    archive_close(a);
    return cli_tables_flush("inbox", status);
}
