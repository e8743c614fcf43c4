// SPDX-License-Identifier: Apache-2.0
// maclab demo: synthetic cases made on all processors, into an archive through the same intake as
// any other image, or as plain files. What each case shows is written only where --truth says.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/intake.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli/cli.h"
#include "phantom/case.h"

#define THREADS_MAX 64
#define PATH_BYTES 4096
#define TRUTH_MAX ((size_t)4 << 20)
#define SEED_DEFAULT 1

static const char help[] =
    "Usage: maclab demo [OPTION]...\n"
    "Make synthetic studies (CT, MR and radiographs of an analytic phantom; no person) and\n"
    "take them into an archive. The same seed gives the same images.\n\n"
    "  -d, --data DIR    the data folder (default: $MACLAB_DATA or maclab-data)\n"
    "  -f, --files DIR   write plain DICOM files below DIR instead; no archive\n"
    "  -t, --truth DIR   write what each case shows, one JSON file a case\n"
    "  -s, --seed N      another set of cases (default: 1)\n"
    "  -c, --cases N     how many (default: 40)\n"
    "  -h, --help        this text\n\n"
    "Exit status: 0 all made, 1 some not, 2 misuse or nothing could start.\n";

struct wish {
    struct archive_options archive;
    const char *files, *truth;
    uint64_t seed;
    int64_t cases;
};

// Where files go: called under the lock when `lock` says so.
struct receiver {
    int (*file)(void *context, const char *name, struct slice bytes, struct err *e);
    void *context;
    bool lock;
};

struct demo {
    const struct wish *wish;
    struct receiver receiver;
    struct ph_studio *studio;
    struct ph_case *cases;
    pthread_mutex_t mutex; // over everything below
    int next;
    uint64_t done, files, bytes;
    int failed;
    struct err first; // of the failures
    struct cli_progress progress;
};

static int on_file(void *context, const char *name, struct slice bytes, struct err *e) {
    struct demo *d = context;
    if (!d->receiver.lock) {
        int status = d->receiver.file(d->receiver.context, name, bytes, e);
        (void)pthread_mutex_lock(&d->mutex);
        d->files++;
        d->bytes += bytes.len;
        (void)pthread_mutex_unlock(&d->mutex);
        return status;
    }
    (void)pthread_mutex_lock(&d->mutex);
    int status = d->receiver.file(d->receiver.context, name, bytes, e);
    d->files++;
    d->bytes += bytes.len;
    (void)pthread_mutex_unlock(&d->mutex);
    return status;
}

static int write_plain(const char *path, struct slice bytes, struct err *e) {
    CLEANUP(cleanup_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || file_write_all(fd, bytes.ptr, bytes.len) != 0) {
        return err_set_errno(e, errno, "%s", path);
    }
    return E_OK;
}

// DIR/name, with the folders on the way.
static int into_folder(void *context, const char *name, struct slice bytes, struct err *e) {
    const char *folder = context;
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (len < 0 || (size_t)len >= sizeof path) {
        return err_set(e, E_LIMIT, "path too long below %s", folder);
    }
    char *slash = strrchr(path, '/');
    *slash = '\0';
    int status = file_make_dirs(path, 0755, e);
    *slash = '/';
    return status == E_OK ? write_plain(path, bytes, e) : status;
}

static int write_truth(const struct demo *d, const struct ph_case *c, const struct ph_truth *truth,
                       struct err *e) {
    if (d->wish->truth == NULL) {
        return E_OK;
    }
    char name[32];
    (void)snprintf(name, sizeof name, "%02d.json", c->number);
    char folder[PATH_BYTES];
    (void)snprintf(folder, sizeof folder, "%s", d->wish->truth);
    CLEANUP(cleanup_buf) struct buf out;
    buf_init(&out, TRUTH_MAX);
    ph_truth_json(truth, c, &out);
    buf_put_byte(&out, '\n');
    int status = buf_check(&out, "truth", e);
    return status == E_OK ? into_folder(folder, name, buf_slice(&out), e) : status;
}

static int make_case(struct demo *d, const struct ph_case *c, struct err *e) {
    struct ph_truth truth = {.lesion = PH_LESION_NORMAL};
    struct ph_sink sink = {on_file, d};
    int status = ph_write_case(d->studio, c, sink, &truth, e);
    if (status == E_OK) {
        status = write_truth(d, c, &truth, e);
    }
    ph_truth_done(&truth);
    return status;
}

static int take_case(struct demo *d) {
    (void)pthread_mutex_lock(&d->mutex);
    int index = d->next < d->wish->cases && d->failed == 0 ? d->next++ : -1;
    (void)pthread_mutex_unlock(&d->mutex);
    return index;
}

static void *run_thread(void *context) {
    struct demo *d = context;
    int index;
    while ((index = take_case(d)) >= 0) {
        struct err e = {0};
        int status = make_case(d, &d->cases[index], &e);
        (void)pthread_mutex_lock(&d->mutex);
        if (status != E_OK && d->failed++ == 0) {
            d->first = e;
        }
        cli_progress_step(&d->progress, ++d->done);
        (void)pthread_mutex_unlock(&d->mutex);
    }
    return NULL;
}

static void run_threads(struct demo *d) {
    pthread_t threads[THREADS_MAX];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int wanted = processors < 1 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (int)processors;
    int running = 0;
    while (running < wanted - 1 && pthread_create(&threads[running], NULL, run_thread, d) == 0) {
        running++;
    }
    (void)run_thread(d); // this thread works as well
    for (int i = 0; i < running; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

static int make_all(struct demo *d) {
    struct timespec start, end;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    d->studio = ph_studio_new(d->wish->seed);
    d->cases = mem_array((size_t)d->wish->cases, sizeof *d->cases);
    if (d->studio == NULL || d->cases == NULL) {
        return err_set(&d->first, E_MEMORY, "demo");
    }
    ph_catalogue(d->wish->seed, (int)d->wish->cases, d->cases);
    cli_progress_start(&d->progress, "making cases", (uint64_t)d->wish->cases);
    run_threads(d);
    cli_progress_end(&d->progress);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds =
        (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    (void)printf("%llu cases, %llu files, %.1f MB made in %.1f s\n", (unsigned long long)d->done,
                 (unsigned long long)d->files, (double)d->bytes / 1e6, seconds);
    return d->failed == 0 ? E_OK : d->first.code;
}

struct counts {
    struct intake *intake;
    uint64_t by_verdict[INTAKE_FAILED + 1];
    struct err why; // of the last that was not taken
    uint64_t next_tag;
};

static void on_result(const struct intake_result *r, void *context) {
    struct counts *counts = context;
    counts->by_verdict[r->verdict]++;
    if (r->verdict > INTAKE_DUPLICATE) {
        counts->why = r->why;
    }
}

static int into_intake(void *context, const char *name, struct slice bytes, struct err *e) {
    struct counts *counts = context;
    (void)name;
    int status = intake_begin(counts->intake, counts->next_tag++, e);
    if (status == E_OK) {
        status = intake_write(counts->intake, bytes.ptr, bytes.len, e);
    }
    return status == E_OK ? intake_end(counts->intake, e) : status;
}

static int report(const struct counts *counts) {
    uint64_t refused = 0;
    for (int v = INTAKE_STORED; v <= INTAKE_FAILED; v++) {
        (void)printf("%s%llu %s", v == INTAKE_STORED ? "archive: " : ", ",
                     (unsigned long long)counts->by_verdict[v],
                     intake_verdict_word((enum intake_verdict)v));
        refused += v > INTAKE_DUPLICATE ? counts->by_verdict[v] : 0;
    }
    (void)putchar('\n');
    return refused == 0 ? CLI_OK : cli_fail(CLI_NO, &counts->why);
}

static int demo_archive(struct demo *d) {
    struct archive *archive;
    struct counts counts = {.next_tag = 0};
    struct err e = {0};
    if (archive_open(&d->wish->archive, &archive, &e) != E_OK) {
        return cli_fail(CLI_MISUSE, &e);
    }
    // Nobody's: made here from nothing, and no door of the outside leads this way.
    int status = intake_open_made_here(archive, on_result, &counts, &counts.intake, &e);
    if (status != E_OK) {
        archive_close(archive);
        return cli_fail(CLI_MISUSE, &e);
    }
    d->receiver = (struct receiver){into_intake, &counts, true};
    status = make_all(d);
    int finished = intake_finish(counts.intake, &e);
    intake_close(counts.intake);
    archive_close(archive);
    if (status != E_OK) {
        return cli_fail(CLI_NO, &d->first);
    }
    return finished != E_OK ? cli_fail(CLI_NO, &e) : report(&counts);
}

static int demo_files(struct demo *d) {
    char folder[PATH_BYTES];
    (void)snprintf(folder, sizeof folder, "%s", d->wish->files);
    d->receiver = (struct receiver){into_folder, folder, false};
    return make_all(d) == E_OK ? CLI_OK : cli_fail(CLI_NO, &d->first);
}

static bool read_number(const char *text, int64_t low, int64_t high, int64_t *ret_value) {
    return num_parse_i64(slice_str(text), low, high, ret_value);
}

static int take_option(struct wish *w, int option, char *word) {
    int64_t number = 0;
    switch (option) {
    case 'd': // cli_data_dir has it
        return CLI_OK;
    case 'f':
        w->files = optarg;
        return CLI_OK;
    case 't':
        w->truth = optarg;
        return CLI_OK;
    case 'h':
        (void)fputs(help, stdout);
        return -1;
    case 's':
        if (read_number(optarg, 0, INT64_MAX, &number)) {
            w->seed = (uint64_t)number;
            return CLI_OK;
        }
        cli_complain("demo: the seed is a whole number from 0, not '%s'", optarg);
        return CLI_MISUSE;
    case 'c':
        if (read_number(optarg, 1, PH_CASES_MAX, &w->cases)) {
            return CLI_OK;
        }
        cli_complain("demo: 1 to %d cases, not '%s'", PH_CASES_MAX, optarg);
        return CLI_MISUSE;
    default:
        cli_complain(
            "demo: no option '%s', or its value is missing; `maclab demo --help` lists them", word);
        return CLI_MISUSE;
    }
}

static int read_options(int argc, char **argv, struct wish *w) {
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"files", required_argument, NULL, 'f'},
                                            {"truth", required_argument, NULL, 't'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"cases", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "d:f:t:s:c:h", options, NULL)) != -1) {
        int status = take_option(w, option, argv[optind - 1]);
        if (status != CLI_OK) {
            return status;
        }
    }
    if (optind < argc) {
        cli_complain("demo: '%s' is not wanted; `maclab demo --help` tells more", argv[optind]);
        return CLI_MISUSE;
    }
    return CLI_OK;
}

int cmd_demo(int argc, char **argv) {
    struct wish wish = {.archive = {.data_dir = cli_data_dir(argc, argv), .as_sent = cli_as_sent},
                        .seed = SEED_DEFAULT,
                        .cases = PH_CASES_DEFAULT};
    int status = read_options(argc, argv, &wish);
    if (status != CLI_OK) {
        return status < 0 ? CLI_OK : status;
    }
    struct demo demo = {.wish = &wish, .mutex = PTHREAD_MUTEX_INITIALIZER};
    status = wish.files != NULL ? demo_files(&demo) : demo_archive(&demo);
    ph_studio_free(demo.studio);
    mem_free(demo.cases);
    return status;
}
