// SPDX-License-Identifier: Apache-2.0
// maclab store: C-STORE (PS3.4 B) as SCU: files and folders to a node, one line a file, a summary.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/dicom_commit_report.h"
#include "cli/dicom_files.h"
#include "cli/dicom_journal.h"
#include "cli/dicom_link.h"
#include "cli/dicom_present.h"
#include "cli/dicom_retrieve.h"
#include "cli/dicom_send.h"
#include "dimse/association.h"

#define LINE_MAX_BYTES ((size_t)65536)
#define RETRIES_MAX 100

static const char help[] =
    "Usage: maclab store [OPTION]... PEER PATH...\n"
    "Send the DICOM files at and below each PATH to a DICOM node (C-STORE). Each file gets a\n"
    "line with what became of it:\n"
    "  stored      the peer has it (with a warning, perhaps)\n"
    "  skipped     not sent: it is there already (--resume, --skip-present)\n"
    "  failed      the peer refused it, or it could not be sent; the line says why\n"
    "Files go as they are stored. What the peer does not take so goes uncompressed.\n\n"
    "  -P, --parallel N        associations at once (default: 1)\n"
    "  -w, --window N          requests outstanding on each, where the peer agrees (default: 8)\n"
    "      --as-stored         do not decompress for a peer that takes less\n"
    "  -r, --resume FILE       journal: what it says was stored is not sent again\n"
    "      --skip-present      ask the peer first which instances it has\n"
    "      --retries N         of a broken association, with growing pauses (default: 3)\n"
    "      --commit            then ask for storage commitment of what was "
    "stored\n" COMMIT_REPORT_HELP
    "  -j, --json              one JSON object a file, and a last one with the sums\n"
    "  -q, --quiet             no lines for what is stored or skipped\n" LINK_HELP
    "\nExit status: 0 all stored or there already, 1 some not, 2 misuse.\n";

enum store_option {
    OPTION_AS_STORED = LINK_OPTION_OWN,
    OPTION_SKIP_PRESENT,
    OPTION_RETRIES,
    OPTION_COMMIT
};

struct store {
    struct dicom_link link;
    struct commit_report report;
    struct send_list list;
    struct journal *journal;
    const char *journal_path;
    uint64_t parallel, window, retries;
    bool as_stored, skip_present, commit, quiet;
    uint64_t stored, warnings, skipped, failed, passed_over, bytes;
    bool bad; // a path that could not be read
    struct err journal_why;
    struct cli_progress progress;
};

// --- lines

static void print_json(const struct send_file *f, const char *verdict,
                       const struct dimse_command *response, const char *sent_as,
                       const struct err *why) {
    CLEANUP(cleanup_buf) struct buf out;
    struct json j;
    buf_init(&out, LINE_MAX_BYTES);
    json_init(&j, &out);
    json_begin_object(&j);
    json_member_str(&j, "path", f->path);
    json_member_str(&j, "verdict", verdict);
    json_member_str(&j, "sop_class", f->sop_class);
    json_member_str(&j, "sop_instance", f->sop_instance);
    json_member_str(&j, "transfer_syntax", f->syntax);
    json_member_str(&j, "sent_as", sent_as);
    if (response != NULL) {
        char words[DIMSE_STATUS_TEXT_MAX];
        json_member_i64(&j, "status", response->status);
        json_member_str(&j, "reason", dimse_status_text(response->status, words));
        json_member_str(&j, "comment", *response->comment == '\0' ? NULL : response->comment);
    } else if (why != NULL) {
        json_member_str(&j, "error", err_name(why->code));
        json_member_str(&j, "reason", why->text);
    }
    json_end_object(&j);
    buf_put_byte(&out, '\n');
    (void)fwrite(out.data, 1, out.len, stdout);
}

static void print_text(const struct send_file *f, const char *verdict,
                       const struct dimse_command *response, const struct err *why) {
    char words[DIMSE_STATUS_TEXT_MAX];
    char line[ERR_TEXT_MAX + ERR_PATH_MAX + 128];
    char comment[DIMSE_COMMENT_MAX + 1];
    if (response != NULL && response->status != DIMSE_SUCCESS) {
        (void)printf("%-9s %s: %s%s%s\n", verdict, f->path,
                     dimse_status_text(response->status, words),
                     *response->comment != '\0' ? ": " : "",
                     dicom_link_clean(response->comment, comment, sizeof comment));
    } else if (why != NULL) {
        (void)printf("%-9s %s: %s\n", verdict, f->path, err_line(why, line, sizeof line));
    } else {
        (void)printf("%-9s %s\n", verdict, f->path);
    }
}

static void print_file(struct store *run, const struct send_file *f, const char *verdict,
                       const struct dimse_command *response, const char *sent_as,
                       const struct err *why) {
    if (run->quiet && f->state != SEND_FAILED) {
        return;
    }
    cli_progress_end(&run->progress);
    if (run->link.json) {
        print_json(f, verdict, response, sent_as, why);
    } else {
        print_text(f, verdict, response, why);
    }
}

// --- what comes in

static void on_note(void *context, const char *path, const struct err *why, bool bad) {
    struct store *run = context;
    struct send_file f = {.path = path, .state = SEND_FAILED};
    run->bad = run->bad || bad;
    run->passed_over++;
    if (bad || !run->quiet) {
        print_file(run, &f, bad ? "failed" : "passed", NULL, NULL, why);
    }
}

static void on_skip(void *context, struct send_file *f) {
    struct store *run = context;
    run->skipped++;
    print_file(run, f, "skipped", NULL, NULL, NULL);
}

static void on_result(void *context, struct send_file *f, const struct dimse_command *response,
                      const char *sent_as, const struct err *why) {
    struct store *run = context;
    if (f->state == SEND_STORED) {
        run->stored++;
        run->bytes += f->size;
        run->warnings += response->status != DIMSE_SUCCESS;
        if (run->journal != NULL && run->journal_why.code == E_OK) {
            (void)journal_add(run->journal, f, &run->journal_why);
        }
    } else {
        run->failed++;
    }
    print_file(run, f, f->state == SEND_STORED ? "stored" : "failed", response, sent_as, why);
    cli_progress_step(&run->progress, run->stored + run->failed);
}

static void on_trouble(void *context, const struct err *why, bool last) {
    struct store *run = context;
    char line[ERR_TEXT_MAX + ERR_PATH_MAX + 128];
    cli_progress_end(&run->progress);
    cli_complain("store: %s%s", err_line(why, line, sizeof line), last ? "" : "; trying again");
}

// --- steps

static int gather(struct store *run, int count, char **paths) {
    for (int i = 0; i < count; i++) {
        struct err why = {0};
        int rc = send_list_add(&run->list, paths[i], &why);
        if (rc == E_MEMORY || rc == E_LIMIT) {
            return cli_fail(CLI_NO, &why);
        }
        if (rc != E_OK) {
            run->bad = true;
            (void)err_context(&why, "store: %s", paths[i]);
            (void)cli_fail(CLI_NO, &why);
        }
    }
    if (run->list.count == 0) {
        cli_complain("store: nothing to send");
        return CLI_NO;
    }
    return CLI_OK;
}

static int open_journal(struct store *run) {
    struct err why = {0};
    if (run->journal_path == NULL) {
        return CLI_OK;
    }
    if (journal_open(run->journal_path, run->link.peer_text, &run->journal, &why) != E_OK) {
        (void)err_context(&why, "store");
        return cli_fail(CLI_MISUSE, &why);
    }
    for (size_t i = 0; i < run->list.count; i++) {
        if (journal_has(run->journal, &run->list.files[i])) {
            run->list.files[i].state = SEND_SKIPPED;
            on_skip(run, &run->list.files[i]);
        }
    }
    return CLI_OK;
}

static uint64_t left(const struct store *run) {
    uint64_t count = 0;
    for (size_t i = 0; i < run->list.count; i++) {
        count += run->list.files[i].state == SEND_WAITING;
    }
    return count;
}

// A peer that takes no queries gets everything.
static int ask_present(struct store *run) {
    struct err why = {0};
    if (!run->skip_present || left(run) == 0) {
        return CLI_OK;
    }
    int rc = present_skip(&run->link, &run->list, on_skip, run, &why);
    if (rc == E_NOT_ACCEPTABLE) {
        cli_complain("store: %s; sending all", why.text);
        return CLI_OK;
    }
    (void)err_context(&why, "store: --skip-present");
    return rc == E_OK ? CLI_OK : cli_fail(CLI_NO, &why);
}

static int send_all(struct store *run) {
    struct err why = {0};
    struct send_options options = {.link = &run->link,
                                   .list = &run->list,
                                   .parallel = (unsigned)run->parallel,
                                   .window = (uint16_t)run->window,
                                   .retries = (unsigned)run->retries,
                                   .as_stored = run->as_stored,
                                   .result = on_result,
                                   .trouble = on_trouble,
                                   .stop = retrieve_interrupted,
                                   .context = run};
    cli_progress_start(&run->progress, "sending (files)", left(run));
    int rc = send_run(&options, &why);
    cli_progress_end(&run->progress);
    return rc == E_OK ? CLI_OK : cli_fail(CLI_NO, &why);
}

static int commit_stored(struct store *run) {
    if (!run->commit || run->stored == 0) {
        return CLI_OK;
    }
    struct commitment_item *items = mem_array(run->list.count, sizeof *items);
    size_t count = 0;
    if (items == NULL) {
        cli_complain("store: no memory for storage commitment");
        return CLI_NO;
    }
    for (size_t i = 0; i < run->list.count; i++) {
        const struct send_file *f = &run->list.files[i];
        if (f->state == SEND_STORED) {
            items[count++] = (struct commitment_item){.sop_class = f->sop_class,
                                                      .sop_instance = f->sop_instance};
        }
    }
    run->report.quiet = run->quiet;
    int status = commit_report_run(&run->report, &run->link, items, count);
    mem_free(items);
    return status;
}

static void print_sums(const struct store *run, double seconds) {
    unsigned long long unsent = left(run);
    double rate = seconds > 0 ? (double)run->stored / seconds : 0;
    if (run->link.json) {
        (void)printf("{\"stored\":%llu,\"warnings\":%llu,\"skipped\":%llu,\"failed\":%llu,"
                     "\"passed_over\":%llu,\"unsent\":%llu,\"bytes\":%llu,\"seconds\":%.6f}\n",
                     (unsigned long long)run->stored, (unsigned long long)run->warnings,
                     (unsigned long long)run->skipped, (unsigned long long)run->failed,
                     (unsigned long long)run->passed_over, unsent, (unsigned long long)run->bytes,
                     seconds);
        return;
    }
    (void)printf("%llu stored (%llu with warnings), %llu skipped, %llu failed, %llu passed over",
                 (unsigned long long)run->stored, (unsigned long long)run->warnings,
                 (unsigned long long)run->skipped, (unsigned long long)run->failed,
                 (unsigned long long)run->passed_over);
    if (unsent > 0) {
        (void)printf(", %llu not sent", unsent);
    }
    (void)printf("; %.1f MB in %.2f s, %.0f files/s\n", (double)run->bytes / 1e6, seconds, rate);
}

static int store(struct store *run, int count, char **paths) {
    int rc = gather(run, count, paths);
    rc = rc == CLI_OK ? open_journal(run) : rc;
    rc = rc == CLI_OK ? ask_present(run) : rc;
    if (rc != CLI_OK) {
        return rc;
    }
    usec start = clock_monotonic(clock_system());
    rc = left(run) > 0 ? send_all(run) : CLI_OK;
    print_sums(run, (double)(clock_monotonic(clock_system()) - start) / 1e6);
    (void)fflush(stdout);
    if (journal_close(steal(run->journal), &run->journal_why) != E_OK ||
        run->journal_why.code != E_OK) {
        (void)err_context(&run->journal_why, "store: %s", run->journal_path);
        rc = cli_fail(CLI_NO, &run->journal_why);
    }
    int committed = commit_stored(run);
    bool good =
        rc == CLI_OK && committed == CLI_OK && run->failed == 0 && !run->bad && left(run) == 0;
    return good ? CLI_OK : CLI_NO;
}

// --- words

static int own_option(struct store *run, int option, const char *value) {
    const struct dicom_link *l = &run->link;
    switch (option) {
    case 'P':
        return dicom_link_number(l, "--parallel", value, 1, SEND_PARALLEL_MAX, &run->parallel) ? 1
                                                                                               : -1;
    case 'w':
        return dicom_link_number(l, "--window", value, 1, DIMSE_ASYNC_MAX, &run->window) ? 1 : -1;
    case 'r':
        run->journal_path = value;
        return 1;
    case 'q':
        run->quiet = true;
        return 1;
    case OPTION_AS_STORED:
        run->as_stored = true;
        return 1;
    case OPTION_SKIP_PRESENT:
        run->skip_present = true;
        return 1;
    case OPTION_RETRIES:
        return dicom_link_number(l, "--retries", value, 0, RETRIES_MAX, &run->retries) ? 1 : -1;
    case OPTION_COMMIT:
        run->commit = true;
        return 1;
    default:
        break;
    }
    int taken = commit_report_option(&run->report, l, option, value);
    return taken != 0 ? taken : dicom_link_option(&run->link, option, value);
}

static int read_options(int argc, char **argv, struct store *run) {
    static const struct option options[] = {
        LINK_LONG,
        COMMIT_REPORT_LONG,
        {"parallel", required_argument, NULL, 'P'},
        {"window", required_argument, NULL, 'w'},
        {"resume", required_argument, NULL, 'r'},
        {"quiet", no_argument, NULL, 'q'},
        {"as-stored", no_argument, NULL, OPTION_AS_STORED},
        {"skip-present", no_argument, NULL, OPTION_SKIP_PRESENT},
        {"retries", required_argument, NULL, OPTION_RETRIES},
        {"commit", no_argument, NULL, OPTION_COMMIT},
        {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, LINK_SHORT "P:w:r:q", options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(help, stdout);
            return -1;
        }
        int taken = own_option(run, option, optarg);
        if (taken <= 0) {
            return taken < 0 ? CLI_MISUSE : dicom_link_unknown(&run->link, argv[optind - 1]);
        }
    }
    if (argc - optind < 2) {
        cli_complain("store: PEER and PATH are wanted; `maclab store --help` tells more");
        return CLI_MISUSE;
    }
    return CLI_OK;
}

int cmd_store(int argc, char **argv) {
    struct store *run = mem_zalloc(sizeof *run);
    if (run == NULL) {
        cli_complain("store: no memory");
        return CLI_MISUSE;
    }
    run->parallel = 1;
    run->window = SEND_WINDOW_DEFAULT;
    run->retries = SEND_RETRIES_DEFAULT;
    dicom_link_init(&run->link, "store");
    commit_report_init(&run->report);
    send_list_init(&run->list, on_note, run);
    const char *data_dir = dicom_link_data_dir(argc, argv);
    int rc = read_options(argc, argv, run);
    rc = rc == CLI_OK ? dicom_link_ready(&run->link, argv[optind], data_dir) : rc;
    if (rc == CLI_OK) {
        retrieve_catch_interrupt();
        rc = store(run, argc - optind - 1, argv + optind + 1);
    }
    (void)journal_close(run->journal, &(struct err){0});
    send_list_done(&run->list);
    dicom_link_done(&run->link);
    mem_free(run);
    return rc < 0 ? CLI_OK : rc;
}
