// SPDX-License-Identifier: Apache-2.0
// maclab import: files and folders through the gate into the archive; one line a verdict, a
// summary. One run is one delivery: its files share a key and are judged together. A second run
// over the same paths takes an unfinished delivery up, with the same pseudonyms, and finds what was
// taken in before as duplicates, so that an import that was broken off is simply started again.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "archive/archive.h"
#include "archive/delivery.h"
#include "archive/intake.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"

#define LINE_MAX_BYTES ((size_t)65536)
#define RUN_FILES 20000                // files that are judged together, but for a folder's rest
#define RUN_BYTES ((uint64_t)32 << 30) // the same in bytes
#define PATHS_MAX ((size_t)64 << 20)   // of the paths of one command line
#define FULL_MAX 3                     // failures for want of space in a row that end the run

static const char help[] =
    "Usage: maclab import [OPTION]... PATH...\n"
    "Take the DICOM files at and below each PATH through the gate into the archive: what can\n"
    "identify somebody is removed, and what could not be made sure of waits for a person. Each\n"
    "file gets a line with its verdict:\n"
    "  stored      anonymous, new in the archive, and on disk\n"
    "  duplicate   the archive has this file's instance already\n"
    "  held        a person must look first (`maclab hold`); kept encrypted until then\n"
    "  conflict    the archive has a different object with the same identity\n"
    "  refused     may not be kept, or is no whole DICOM instance; the line says why and where\n"
    "  failed      the archive could not keep it; it may be tried again\n"
    "Files are read, never changed. They are judged together, so verdicts come at the end.\n"
    "Starting an import again goes on where it ended, with the same pseudonyms.\n\n"
    "  -d, --data DIR    the data folder (default: $MACLAB_DATA or maclab-data)\n"
    "  -l, --label TEXT  what the delivery's certificate calls the source (a Trust, a drive)\n"
    "  -j, --json        one JSON object a file, and a last one with the sums\n"
    "  -q, --quiet       no lines for stored files and duplicates\n"
    "  -h, --help        this text\n\n"
    "Exit status: 0 all stored or there already, 1 some not, 2 misuse or nothing could start.\n";

struct run {
    bool json;
    bool quiet;
    const char *label;
    struct archive *archive;
    struct delivery *delivery; // NULL: a folder that keeps what is sent
    struct intake *intake;
    char **paths; // by tag; owned while under way
    size_t path_count, path_cap;
    size_t root;       // length of the PATH that is walked, with its slash
    char folder[4096]; // of the last file
    uint64_t run_bytes;
    uint64_t files, bytes;
    uint64_t counts[INTAKE_FAILED + 1];
    unsigned full_in_a_row;
    struct cli_progress progress;
    struct err *e;
};

static void put_place(struct json *j, const struct err *why) {
    json_member_str(j, "error", err_name(why->code));
    json_member_str(j, "message", why->text);
    json_name(j, "offset");
    if (why->has_offset) {
        json_u64(j, why->offset);
    } else {
        json_null(j);
    }
    json_member_str(j, "where", *why->path == '\0' ? NULL : why->path);
}

static void print_json(const char *path, const struct intake_result *r) {
    struct buf out CLEANUP(cleanup_buf);
    struct json j;
    buf_init(&out, LINE_MAX_BYTES);
    json_init(&j, &out);
    json_begin_object(&j);
    json_member_str(&j, "path", path);
    json_member_str(&j, "verdict", intake_verdict_word(r->verdict));
    json_member_str(&j, "sop_instance", *r->sop_instance == '\0' ? NULL : r->sop_instance);
    if (r->verdict > INTAKE_DUPLICATE) {
        json_member_str(&j, "reason", *r->reason == '\0' ? NULL : r->reason);
        if (r->verdict == INTAKE_HELD) {
            json_member_i64(&j, "hold", r->hold);
        }
        put_place(&j, &r->why);
    } else {
        json_member_i64(&j, "findings", r->findings);
    }
    json_end_object(&j);
    buf_put_byte(&out, '\n');
    (void)fwrite(out.data, 1, out.len, stdout);
}

static void print_line(const struct run *run, const char *path, const struct intake_result *r) {
    bool fine = r->verdict <= INTAKE_DUPLICATE;
    if (run->quiet && fine) {
        return;
    }
    if (run->json) {
        print_json(path, r);
        return;
    }
    char why[1024];
    (void)printf("%-9s %s%s%s%s%s\n", intake_verdict_word(r->verdict), path, fine ? "" : ": ",
                 *r->reason == '\0' ? "" : r->reason, *r->reason == '\0' ? "" : ": ",
                 fine ? "" : err_line(&r->why, why, sizeof why));
}

static void on_result(const struct intake_result *r, void *context) {
    struct run *run = context;
    char **slot = &run->paths[r->tag];
    run->counts[r->verdict]++;
    bool full = r->verdict == INTAKE_FAILED && r->why.code == E_FULL;
    run->full_in_a_row = full ? run->full_in_a_row + 1 : 0;
    if (!run->quiet || r->verdict > INTAKE_DUPLICATE) {
        cli_progress_end(&run->progress);
    }
    print_line(run, *slot == NULL ? "?" : *slot, r);
    mem_free(*slot);
    *slot = NULL;
}

// A file that cannot even be read has its line too.
static void refuse(struct run *run, const char *path, const struct err *why) {
    struct intake_result r = {.verdict = INTAKE_REFUSED, .why = *why, .reason = "unreadable"};
    run->counts[INTAKE_REFUSED]++;
    print_line(run, path, &r);
}

static bool make_room(struct run *run) {
    if (run->path_count < run->path_cap) {
        return true;
    }
    size_t cap = run->path_cap == 0 ? 1024 : 2 * run->path_cap;
    char **paths = mem_realloc(run->paths, cap * sizeof(char *));
    if (paths != NULL) {
        run->paths = paths;
        run->path_cap = cap;
    }
    return paths != NULL;
}

// Not within a folder: its files are likely of one volume.
static int end_run(struct run *run, const char *path) {
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    bool same = strlen(run->folder) == len && memcmp(run->folder, path, len) == 0;
    (void)snprintf(run->folder, sizeof run->folder, "%.*s", (int)len, path);
    if (same || (run->path_count < RUN_FILES && run->run_bytes < RUN_BYTES)) {
        return E_OK;
    }
    int rc = intake_finish(run->intake, run->e);
    run->path_count = 0;
    run->run_bytes = 0;
    return rc;
}

// What the gate searches for names is below what the operator named.
static const char *name_of(const struct run *run, const char *path) {
    if (strlen(path) > run->root) {
        return path + run->root;
    }
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static int add_path(struct run *run, const char *path, uint64_t bytes) {
    int rc = end_run(run, path);
    if (rc != E_OK) {
        return rc;
    }
    if (!make_room(run)) {
        return err_set(run->e, E_MEMORY, "import");
    }
    uint64_t tag = run->path_count++;
    run->paths[tag] = mem_strdup(path);
    run->bytes += bytes;
    run->run_bytes += bytes;
    rc = intake_add_path(run->intake, path, name_of(run, path), tag, run->e);
    if (rc == E_OK && run->full_in_a_row >= FULL_MAX) {
        rc = err_set(run->e, E_FULL,
                     "no space left in the data folder: stopped here; start the "
                     "import again when there is");
    }
    return rc;
}

static int on_file(const char *path, void *context) {
    struct run *run = context;
    struct err why = {0};
    struct stat st;
    run->files++;
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        err_set_errno(&why, errno, "cannot be read");
        refuse(run, path, &why);
        return 0;
    }
    if (!S_ISREG(st.st_mode)) {
        err_set(&why, E_NOT_DICOM, "not a regular file");
        refuse(run, path, &why);
        return 0;
    }
    cli_progress_step(&run->progress, run->files);
    return add_path(run, path, (uint64_t)st.st_size);
}

static void on_unreadable(const char *path, const struct err *why, void *context) {
    refuse(context, path, why);
}

static uint64_t failures(const struct run *run) {
    return run->counts[INTAKE_HELD] + run->counts[INTAKE_CONFLICT] + run->counts[INTAKE_REFUSED] +
           run->counts[INTAKE_FAILED];
}

static void print_json_sums(const struct run *run) {
    struct buf out CLEANUP(cleanup_buf);
    struct json j;
    buf_init(&out, LINE_MAX_BYTES);
    json_init(&j, &out);
    json_begin_object(&j);
    json_member_i64(&j, "files", (int64_t)run->files);
    json_member_i64(&j, "bytes", (int64_t)run->bytes);
    for (int v = INTAKE_STORED; v <= INTAKE_FAILED; v++) {
        json_member_i64(&j, intake_verdict_word((enum intake_verdict)v), (int64_t)run->counts[v]);
    }
    json_end_object(&j);
    buf_put_byte(&out, '\n');
    (void)fwrite(out.data, 1, out.len, stdout);
}

static void print_sums(const struct run *run, double seconds) {
    if (run->json) {
        print_json_sums(run);
        return;
    }
    (void)printf("%llu files, %.1f MB in %.1f s:", (unsigned long long)run->files,
                 (double)run->bytes / 1e6, seconds);
    for (int v = INTAKE_STORED; v <= INTAKE_FAILED; v++) {
        (void)printf("%s %llu %s", v == INTAKE_STORED ? "" : ",",
                     (unsigned long long)run->counts[v],
                     intake_verdict_word((enum intake_verdict)v));
    }
    (void)putchar('\n');
}

static int walk_all(struct run *run, int count, char **paths) {
    struct file_walk walk = {.visit = on_file, .unreadable = on_unreadable, .context = run};
    int rc = E_OK;
    for (int i = 0; rc == E_OK && i < count; i++) {
        struct err why = {0};
        size_t len = strlen(paths[i]);
        run->root = len > 0 && paths[i][len - 1] == '/' ? len : len + 1;
        rc = file_walk(paths[i], &walk, &why);
        if (rc != E_OK && run->e->code == E_OK) { // this PATH, not the intake
            refuse(run, paths[i], &why);
            rc = E_OK;
        }
    }
    struct err why = {0};
    int finished = intake_finish(run->intake, &why);
    return rc != E_OK ? rc : finished;
}

// The delivery of exactly these paths, wherever they were named from.
static int take_delivery(struct run *run, int count, char **paths) {
    CLEANUP(cleanup_buf) struct buf source;
    buf_init(&source, PATHS_MAX);
    if (archive_is_as_sent(run->archive)) {
        return E_OK;
    }
    for (int i = 0; i < count; i++) {
        CLEANUP(cleanup_free) char *real = realpath(paths[i], NULL);
        buf_put_str(&source, real == NULL ? paths[i] : real);
        buf_put_byte(&source, '\0');
    }
    int rc = buf_check(&source, "paths", run->e);
    const struct delivery_from from = {
        .door = "import", .source = buf_slice(&source), .label = run->label};
    return rc == E_OK ? delivery_take(run->archive, &from, &run->delivery, run->e) : rc;
}

// Where the run was broken off the delivery stays open, for the next one.
static int end_delivery(struct run *run, int rc) {
    struct delivery_row row;
    struct db *db;
    if (run->delivery == NULL || rc != E_OK || run->counts[INTAKE_FAILED] > 0) {
        return rc;
    }
    const char *id = run->delivery->id;
    rc = delivery_end(run->archive, id, run->e);
    rc = rc == E_OK ? delivery_settle(run->archive, id, run->e) : rc;
    rc = rc == E_OK ? archive_reader(run->archive, &db, run->e) : rc;
    if (rc == E_OK) {
        rc = delivery_find(db, id, &row, run->e);
        archive_reader_done(run->archive, db);
    }
    if (rc == E_NOT_FOUND) { // nothing was new, so there was none
        err_clear(run->e);
        return E_OK;
    }
    if (rc == E_OK && !run->json) {
        (void)printf("delivery %s: %s\n", id,
                     row.state == DELIVERY_DECIDED
                         ? "decided; its key is destroyed"
                         : "something waits for a person; `maclab hold list` shows it");
    }
    return rc;
}

static int import_all(struct run *run, int count, char **paths) {
    struct timespec start, end;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    int rc = take_delivery(run, count, paths);
    rc = rc == E_OK ? intake_open(run->archive, run->delivery, on_result, run, &run->intake, run->e)
                    : rc;
    if (rc != E_OK) {
        delivery_free(run->delivery);
        return cli_fail(CLI_MISUSE, run->e);
    }
    cli_progress_start(&run->progress, "importing (files)", 0);
    rc = walk_all(run, count, paths);
    cli_progress_end(&run->progress);
    intake_close(run->intake);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    print_sums(run,
               (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
    rc = end_delivery(run, rc);
    delivery_free(run->delivery);
    mem_free(run->paths);
    (void)fflush(stdout);
    if (rc != E_OK) {
        return cli_fail(CLI_NO, run->e);
    }
    return failures(run) == 0 && run->files > 0 ? CLI_OK : CLI_NO;
}

static int read_options(int argc, char **argv, struct run *run) {
    static const struct option options[] = {
        {"data", required_argument, NULL, 'd'}, {"label", required_argument, NULL, 'l'},
        {"json", no_argument, NULL, 'j'},       {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "d:l:jqh", options, NULL)) != -1) {
        switch (option) {
        case 'd': // cli_data_dir has it
            break;
        case 'l':
            run->label = optarg;
            break;
        case 'j':
            run->json = true;
            break;
        case 'q':
            run->quiet = true;
            break;
        case 'h':
            (void)fputs(help, stdout);
            return -1;
        default:
            cli_complain("import: no option '%s', or its value is missing; `maclab import --help`"
                         " lists them",
                         argv[optind - 1]);
            return CLI_MISUSE;
        }
    }
    if (optind == argc) {
        cli_complain("import: no PATH; `maclab import --help` tells more");
        return CLI_MISUSE;
    }
    return CLI_OK;
}

int cmd_import(int argc, char **argv) {
    struct err e = {0};
    struct run run = {.e = &e, .label = "import"};
    struct archive_options options = {
        .data_dir = cli_data_dir(argc, argv), .as_sent = cli_as_sent, .program = cli_program};
    int rc = read_options(argc, argv, &run);
    if (rc != CLI_OK) {
        return rc < 0 ? CLI_OK : rc;
    }
    int first = optind;
    (void)setvbuf(stdout, NULL, _IOLBF, 0); // a verdict is told as soon as it is one
    if (archive_open(&options, &run.archive, &e) != E_OK) {
        return cli_fail(CLI_MISUSE, &e);
    }
    rc = import_all(&run, argc - first, argv + first);
    archive_close(run.archive);
    return rc;
}
