// SPDX-License-Identifier: Apache-2.0
// maclab verify: re-hashes every object, holds catalogue, store and audit log against each other.
#include <getopt.h>
#include <stdio.h>

#include "archive/verify.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cli.h"

#define LINE_MAX_BYTES ((size_t)65536)

static const char help[] =
    "Usage: maclab verify [OPTION]...\n"
    "Check that every object of the archive is what it was, that the catalogue names\n"
    "what is there and counts it rightly, and that the audit log is unbroken.\n"
    "Changes nothing; may run beside a server.\n\n"
    "  -d, --data DIR    the data folder (default: $MACLAB_DATA or maclab-data)\n"
    "  -j, --json        one JSON object a problem, and a last one with the sums\n"
    "  -t, --threads N   how many objects to read at once (default: one a processor)\n"
    "  -h, --help        this text\n\n"
    "Exit status: 0 nothing wrong, 1 something is, 2 misuse or it could not look.\n";

struct run {
    bool json;
    struct cli_progress progress;
};

static void print_json(struct buf *out) {
    buf_put_byte(out, '\n');
    (void)fwrite(out->data, 1, out->len, stdout);
}

static void on_problem(enum verify_problem problem, const char *what, const char *detail,
                       void *context) {
    struct run *run = context;
    cli_progress_end(&run->progress);
    if (!run->json) {
        (void)printf("%s: %s: %s%s%s\n", verify_problem_code(problem), what,
                     verify_problem_words(problem), *detail == '\0' ? "" : ": ", detail);
        return;
    }
    struct buf out CLEANUP(cleanup_buf);
    struct json j;
    buf_init(&out, LINE_MAX_BYTES);
    json_init(&j, &out);
    json_begin_object(&j);
    json_member_str(&j, "problem", verify_problem_code(problem));
    json_member_str(&j, "what", what);
    json_member_str(&j, "words", verify_problem_words(problem));
    json_member_str(&j, "detail", *detail == '\0' ? NULL : detail);
    json_end_object(&j);
    print_json(&out);
}

static void on_progress(uint64_t done, uint64_t total, void *context) {
    struct run *run = context;
    run->progress.total = total >> 20;
    cli_progress_step(&run->progress, done >> 20);
}

static void print_sums(const struct run *run, const struct verify_sums *sums) {
    if (!run->json) {
        (void)printf("%llu instances, %llu objects, %.1f MB, %llu audit lines: %llu problems\n",
                     (unsigned long long)sums->instances, (unsigned long long)sums->objects,
                     (double)sums->bytes / 1e6, (unsigned long long)sums->audit_lines,
                     (unsigned long long)sums->problems);
        return;
    }
    struct buf out CLEANUP(cleanup_buf);
    struct json j;
    buf_init(&out, LINE_MAX_BYTES);
    json_init(&j, &out);
    json_begin_object(&j);
    json_member_i64(&j, "instances", (int64_t)sums->instances);
    json_member_i64(&j, "objects", (int64_t)sums->objects);
    json_member_i64(&j, "bytes", (int64_t)sums->bytes);
    json_member_i64(&j, "audit_lines", (int64_t)sums->audit_lines);
    json_member_i64(&j, "problems", (int64_t)sums->problems);
    json_end_object(&j);
    print_json(&out);
}

static int read_threads(const char *text, unsigned *ret_threads) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*end != '\0' || end == text || value < 1 || value > 32) {
        cli_complain("verify: --threads wants a number from 1 to 32, not '%s'", text);
        return CLI_MISUSE;
    }
    *ret_threads = (unsigned)value;
    return CLI_OK;
}

static int read_options(int argc, char **argv, struct verify_options *o, struct run *run) {
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"threads", required_argument, NULL, 't'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "d:jt:h", options, NULL)) != -1) {
        switch (option) {
        case 'd': // cli_data_dir has it
            break;
        case 'j':
            run->json = true;
            break;
        case 't':
            if (read_threads(optarg, &o->threads) != CLI_OK) {
                return CLI_MISUSE;
            }
            break;
        case 'h':
            (void)fputs(help, stdout);
            return -1;
        default:
            cli_complain("verify: no option '%s', or its value is missing; `maclab verify --help`"
                         " lists them",
                         argv[optind - 1]);
            return CLI_MISUSE;
        }
    }
    if (optind < argc) {
        cli_complain("verify: what is '%s'? `maclab verify --help` tells more", argv[optind]);
        return CLI_MISUSE;
    }
    return CLI_OK;
}

int cmd_verify(int argc, char **argv) {
    struct run run = {0};
    struct verify_options options = {.data_dir = cli_data_dir(argc, argv),
                                     .problem = on_problem,
                                     .progress = on_progress,
                                     .context = &run};
    int rc = read_options(argc, argv, &options, &run);
    if (rc != CLI_OK) {
        return rc < 0 ? CLI_OK : rc;
    }
    struct err e = {0};
    struct verify_sums sums = {0};
    cli_progress_start(&run.progress, "verifying (MB)", 0);
    rc = verify_run(&options, &sums, &e);
    cli_progress_end(&run.progress);
    if (rc != E_OK) {
        return cli_fail(CLI_MISUSE, &e);
    }
    print_sums(&run, &sums);
    (void)fflush(stdout);
    return sums.problems == 0 ? CLI_OK : CLI_NO;
}
