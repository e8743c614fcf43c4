// SPDX-License-Identifier: Apache-2.0
// maclab echo: Verification (PS3.4 A) as SCU: does the peer answer, how fast, what did it agree to.
#include <getopt.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/dicom_link.h"
#include "dicom/uid.h"
#include "dimse/user.h"

#define LINE_MAX_BYTES ((size_t)65536)
#define COUNT_MAX 1000000

static const char help[] =
    "Usage: maclab echo [OPTION]... PEER\n"
    "Ask a DICOM node whether it answers (C-ECHO), and how long that takes.\n\n"
    "  -n, --count N           so many times on one association (default: 1)\n"
    "  -j, --json              one JSON object: times, status, what was negotiated\n" LINK_HELP
    "\nExit status: 0 it answers, 1 it does not, or with a failure, 2 misuse.\n";

struct echo {
    struct dicom_link link;
    uint64_t count;
    double associate_ms, first_ms, fastest_ms, mean_ms;
    uint16_t status;
};

static double since_ms(usec start) {
    return (double)(clock_monotonic(clock_system()) - start) / 1e3;
}

static int run_echoes(struct echo *run, struct dimse_association *a, struct err *e) {
    double sum = 0;
    for (uint64_t i = 0; i < run->count; i++) {
        usec start = clock_monotonic(clock_system());
        int rc = dimse_user_echo(a, &run->status, e);
        if (rc != E_OK) {
            return rc;
        }
        double took = since_ms(start);
        run->first_ms = i == 0 ? took : run->first_ms;
        run->fastest_ms = i == 0 || took < run->fastest_ms ? took : run->fastest_ms;
        sum += took;
        if (dimse_status_kind(run->status) == DIMSE_IS_FAILURE) {
            break;
        }
    }
    run->mean_ms = sum / (double)run->count;
    return E_OK;
}

static void print_json(const struct echo *run, struct dimse_association *a) {
    CLEANUP(cleanup_buf) struct buf out;
    struct json j;
    buf_init(&out, LINE_MAX_BYTES);
    json_init(&j, &out);
    json_begin_object(&j);
    json_member_str(&j, "peer", run->link.peer_text);
    json_member_i64(&j, "status", run->status);
    json_member_i64(&j, "count", (int64_t)run->count);
    json_name(&j, "associate_ms");
    json_double(&j, run->associate_ms);
    json_name(&j, "first_ms");
    json_double(&j, run->first_ms);
    json_name(&j, "fastest_ms");
    json_double(&j, run->fastest_ms);
    json_name(&j, "mean_ms");
    json_double(&j, run->mean_ms);
    dicom_link_json(a, &j);
    json_end_object(&j);
    buf_put_byte(&out, '\n');
    (void)fwrite(out.data, 1, out.len, stdout);
}

static void print_text(const struct echo *run) {
    char words[DIMSE_STATUS_TEXT_MAX];
    (void)printf("%s answers %s: association %.2f ms, echo %.2f ms", run->link.peer_text,
                 dimse_status_text(run->status, words), run->associate_ms, run->first_ms);
    if (run->count > 1) {
        (void)printf(", fastest of %llu %.2f ms, mean %.2f ms", (unsigned long long)run->count,
                     run->fastest_ms, run->mean_ms);
    }
    (void)putchar('\n');
}

static int echo(struct echo *run) {
    static const char *const syntaxes[] = {DCM_IMPLICIT_LE_UID, DCM_EXPLICIT_LE_UID, NULL};
    static const struct dimse_want want = {.abstract_syntax = "1.2.840.10008.1.1",
                                           .syntaxes = syntaxes};
    struct dimse_request request = {.wants = &want, .want_count = 1};
    struct dimse_association *a;
    struct err e = {0};
    usec start = clock_monotonic(clock_system());
    int rc = dicom_link_open(&run->link, &request, &a, &e);
    if (rc != E_OK) {
        return cli_fail(CLI_NO, &e);
    }
    run->associate_ms = since_ms(start);
    rc = run_echoes(run, a, &e);
    if (rc != E_OK) {
        dimse_association_close(a);
        (void)err_context(&e, "%s", run->link.peer_text);
        return cli_fail(CLI_NO, &e);
    }
    if (run->link.json) {
        print_json(run, a);
    } else {
        print_text(run);
    }
    (void)dimse_release(a, &e);
    return dimse_status_kind(run->status) == DIMSE_IS_FAILURE ? CLI_NO : CLI_OK;
}

static int read_options(int argc, char **argv, struct echo *run) {
    static const struct option options[] = {
        LINK_LONG, {"count", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, LINK_SHORT "n:", options, NULL)) != -1) {
        int taken = dicom_link_option(&run->link, option, optarg);
        if (taken < 0) {
            return CLI_MISUSE;
        }
        if (taken > 0) {
            continue;
        }
        if (option == 'h') {
            (void)fputs(help, stdout);
            return -1;
        }
        if (option != 'n') {
            return dicom_link_unknown(&run->link, argv[optind - 1]);
        }
        if (!dicom_link_number(&run->link, "--count", optarg, 1, COUNT_MAX, &run->count)) {
            return CLI_MISUSE;
        }
    }
    if (argc - optind != 1) {
        cli_complain("echo: one PEER is wanted; `maclab echo --help` tells more");
        return CLI_MISUSE;
    }
    return CLI_OK;
}

int cmd_echo(int argc, char **argv) {
    struct echo run = {.count = 1};
    dicom_link_init(&run.link, "echo");
    const char *data_dir = dicom_link_data_dir(argc, argv);
    int rc = read_options(argc, argv, &run);
    rc = rc == CLI_OK ? dicom_link_ready(&run.link, argv[optind], data_dir) : rc;
    rc = rc == CLI_OK ? echo(&run) : rc;
    dicom_link_done(&run.link);
    return rc < 0 ? CLI_OK : rc;
}
