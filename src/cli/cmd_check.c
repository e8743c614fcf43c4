// SPDX-License-Identifier: Apache-2.0
// maclab check: looks for identifiers that are left in DICOM files, whoever cleaned them. Files are
// read in workers; nothing is changed and no value is shown unless it is asked for.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/jobs.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "gate/check.h"

#define THREADS_MAX 32
#define THREADS_DEFAULT 2
#define ARENA_MAX ((size_t)512 << 20)
#define REQUEST_MAX WORKER_REQUEST_MAX

static const char help[] =
    "Usage: maclab check [OPTION]... PATH...\n"
    "Look for identifiers left in the DICOM files at and below each PATH: in attributes that\n"
    "PS3.15 E.1-1 removes, in all text, private and unknown elements, around the data set, in\n"
    "compressed streams, in the picture, in names of files and folders. Changes nothing.\n\n"
    "  -j, --json           one JSON object a finding, and a last one with the sums\n"
    "      --values         show what was found, too\n"
    "      --headers-only   do not look at pixels\n"
    "      --reader PROGRAM the program that reads text in pictures (default: maclab-reader)\n"
    "  -J, --jobs N         files at once (default: 2)\n"
    "  -q, --quiet          no summary\n"
    "  -h, --help           this text\n\n"
    "Exit status: 0 nothing was found, 1 something was, 2 misuse, or a file could not be "
    "checked.\n";

struct input {
    char *path;
    size_t root; // bytes of path that are not checked as a name
    bool named;  // by the user: it must be DICOM
};

struct run {
    bool json, values, headers_only, quiet;
    const char *reader_program;
    unsigned threads;
    struct input *inputs;
    size_t count, cap, next;
    size_t root;
    bool named;
    struct worker_pool *pool;
    struct gate_reader *reader;
    pthread_mutex_t lock; // over next, output and sums
    uint64_t findings, files, clean, unusable, others;
    uint64_t kinds[GATE_KIND_COUNT];
    struct cli_progress progress;
    struct err failure;
};

// --- inputs ------------------------------------------------------------------------------------

static int on_file(const char *path, void *context) {
    struct run *run = context;
    if (run->count == run->cap) {
        size_t cap = run->cap == 0 ? 1024 : 2 * run->cap;
        struct input *inputs = mem_realloc(run->inputs, cap * sizeof *inputs);
        if (inputs == NULL) {
            return err_set(&run->failure, E_MEMORY, "list of files");
        }
        run->inputs = inputs;
        run->cap = cap;
    }
    struct input *in = &run->inputs[run->count];
    *in = (struct input){.path = mem_strdup(path), .root = run->root, .named = run->named};
    if (in->path == NULL) {
        return err_set(&run->failure, E_MEMORY, "list of files");
    }
    run->count++;
    return E_OK;
}

static void on_unreadable(const char *path, const struct err *why, void *context) {
    struct run *run = context;
    cli_complain("check: %s: %s", path, why->text);
    run->unusable++;
}

static bool collect(struct run *run, int count, char **paths) {
    struct file_walk walk = {.visit = on_file, .unreadable = on_unreadable, .context = run};
    for (int i = 0; i < count; i++) {
        struct err why = {0};
        struct stat st;
        run->named = stat(paths[i], &st) == 0 && S_ISREG(st.st_mode);
        const char *last = strrchr(paths[i], '/');
        run->root =
            run->named ? (last != NULL ? (size_t)(last - paths[i]) + 1 : 0) : strlen(paths[i]);
        if (file_walk(paths[i], &walk, &why) != E_OK) {
            if (run->failure.code != E_OK) {
                return false;
            }
            (void)cli_fail(CLI_MISUSE, &why);
            run->unusable++;
        }
    }
    return true;
}

// --- output ------------------------------------------------------------------------------------

static void put_json(const struct run *run, const struct input *in,
                     const struct gate_check_finding *f) {
    struct buf line CLEANUP(cleanup_buf);
    struct json j;
    buf_init(&line, (size_t)1 << 20);
    json_init(&j, &line);
    json_begin_object(&j);
    json_member_str(&j, "file", in->path);
    json_member_str(&j, "where", f->where);
    json_member_str(&j, "kind", gate_kind_code(f->kind));
    if (run->values) {
        json_name(&j, "value");
        json_slice(&j, f->value);
    }
    json_end_object(&j);
    buf_put_byte(&line, '\n');
    (void)fwrite(line.data, 1, line.len, stdout);
}

static void tell(struct run *run, const struct input *in, const struct gate_checked *checked) {
    cli_progress_end(&run->progress);
    for (uint32_t i = 0; i < checked->count; i++) {
        const struct gate_check_finding *f = &checked->list[i];
        run->kinds[f->kind]++;
        if (run->json) {
            put_json(run, in, f);
            continue;
        }
        (void)printf("%s: %s: %s", in->path, f->where, gate_kind_words(f->kind));
        if (run->values && f->value.len > 0) {
            (void)printf(": %.*s", (int)f->value.len, (const char *)f->value.ptr);
        }
        (void)putchar('\n');
    }
    run->findings += checked->count + checked->more;
    run->clean += checked->count == 0;
    run->files++;
}

static void tell_trouble(struct run *run, const struct input *in, const struct err *why) {
    char line[ERR_TEXT_MAX + ERR_PATH_MAX + 64];
    cli_progress_end(&run->progress);
    if (why->code == E_NOT_DICOM && !in->named) {
        run->others++;
        return;
    }
    cli_complain("check: %s: %s", in->path, err_line(why, line, sizeof line));
    run->unusable++;
}

// --- one file ----------------------------------------------------------------------------------

static int open_in(const char *path, int *ret_fd, struct err *e) {
    struct stat st;
    *ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*ret_fd < 0) {
        return err_set_errno(e, errno, "it cannot be read");
    }
    if (fstat(*ret_fd, &st) == 0 && S_ISREG(st.st_mode)) {
        return st.st_size > 0 ? E_OK : err_set(e, E_NOT_DICOM, "it is empty");
    }
    return err_set(e, E_IO, "it is no file");
}

static int ask_worker(struct run *run, int fd, const struct gate_check *ask, struct arena *a,
                      struct buf *answer, struct gate_checked *ret_checked, struct err *e) {
    struct buf request CLEANUP(cleanup_buf);
    buf_init(&request, REQUEST_MAX);
    gate_check_pack(ask, &request);
    buf_clear(answer);
    int rc = buf_check(&request, "question to a worker", e);
    rc = rc == E_OK ? worker_run(run->pool, GATE_JOB_CHECK, buf_slice(&request), fd, -1, answer, e)
                    : rc;
    return rc < 0 ? rc : gate_checked_unpack(a, buf_slice(answer), ret_checked, e);
}

// The reader is of use only where it is installed: without, what is unsure is no finding.
static int read_crops(struct run *run, const struct gate_checked *checked, struct arena *a,
                      struct gate_check *ask) {
    struct err ignored = {0};
    struct gate_reading *readings = arena_array(a, checked->crop_count + 1, sizeof *readings);
    if (readings == NULL || run->reader == NULL ||
        gate_reader_read(run->reader, checked->crops, readings, checked->crop_count, &ignored) !=
            E_OK) {
        ask->has_readings = true;
        return E_OK;
    }
    ask->has_readings = true;
    ask->readings = readings;
    ask->reading_count = checked->crop_count;
    return E_OK;
}

static int check_one(struct run *run, const struct input *in, struct arena *a, struct buf *answer,
                     struct gate_checked *ret_checked, struct err *e) {
    int fd CLEANUP(cleanup_fd) = -1;
    const char *name = in->path + in->root;
    struct gate_check ask = {
        .values = run->values, .pixels = !run->headers_only, .name = slice_str(name)};
    int rc = open_in(in->path, &fd, e);
    rc = rc == E_OK ? ask_worker(run, fd, &ask, a, answer, ret_checked, e) : rc;
    if (rc == E_OK && ret_checked->need_reading) {
        (void)read_crops(run, ret_checked, a, &ask);
        rc = ask_worker(run, fd, &ask, a, answer, ret_checked, e);
    }
    return rc;
}

static void *work(void *context) {
    struct run *run = context;
    struct buf answer CLEANUP(cleanup_buf);
    struct arena arena;
    buf_init(&answer, WORKER_ANSWER_MAX);
    arena_init(&arena, ARENA_MAX);
    (void)pthread_mutex_lock(&run->lock);
    while (run->next < run->count) {
        const struct input *in = &run->inputs[run->next++];
        struct gate_checked checked = {0};
        struct err why = {0};
        (void)pthread_mutex_unlock(&run->lock);
        int rc = check_one(run, in, &arena, &answer, &checked, &why);
        (void)pthread_mutex_lock(&run->lock);
        if (rc == E_OK) {
            tell(run, in, &checked);
        } else {
            tell_trouble(run, in, &why);
        }
        cli_progress_step(&run->progress, run->files + run->unusable + run->others);
        arena_reset(&arena);
    }
    (void)pthread_mutex_unlock(&run->lock);
    arena_done(&arena);
    return NULL;
}

static void run_threads(struct run *run) {
    pthread_t threads[THREADS_MAX];
    unsigned started = 0;
    while (started + 1 < run->threads && pthread_create(&threads[started], NULL, work, run) == 0) {
        started++;
    }
    (void)work(run);
    for (unsigned i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

// --- the whole ---------------------------------------------------------------------------------

static int start(struct run *run, struct err *e) {
    static struct worker_job jobs[ARCHIVE_JOBS];
    struct err why = {0};
    char about[128];
    archive_jobs_list(jobs);
    struct worker_options options = {.jobs = jobs, .job_count = ARCHIVE_JOBS, .size = run->threads};
    int rc = worker_pool_start(&options, &run->pool, e);
    if (rc == E_OK && !run->headers_only &&
        (gate_reader_open(run->reader_program, 0, &run->reader, &why) != E_OK ||
         gate_reader_about(run->reader, about, sizeof about, &why) != E_OK)) {
        cli_complain("check: nothing here reads text in pictures (%s): what only a reading tells"
                     " is not found",
                     why.text);
        gate_reader_close(run->reader);
        run->reader = NULL;
    }
    return rc;
}

static void sum_up(const struct run *run) {
    if (run->json) {
        struct buf line CLEANUP(cleanup_buf);
        struct json j;
        buf_init(&line, (size_t)1 << 16);
        json_init(&j, &line);
        json_begin_object(&j);
        json_name(&j, "files");
        json_u64(&j, run->files);
        json_name(&j, "clean");
        json_u64(&j, run->clean);
        json_name(&j, "findings");
        json_u64(&j, run->findings);
        json_name(&j, "unusable");
        json_u64(&j, run->unusable);
        json_name(&j, "others");
        json_u64(&j, run->others);
        json_name(&j, "kinds");
        json_begin_object(&j);
        for (int k = 0; k < GATE_KIND_COUNT; k++) {
            if (run->kinds[k] > 0) {
                json_name(&j, gate_kind_code((enum gate_kind)k));
                json_u64(&j, run->kinds[k]);
            }
        }
        json_end_object(&j);
        json_end_object(&j);
        buf_put_byte(&line, '\n');
        (void)fwrite(line.data, 1, line.len, stdout);
    } else if (!run->quiet) {
        (void)printf(
            "%llu files, %llu without findings, %llu findings, %llu could not be checked\n",
            (unsigned long long)run->files, (unsigned long long)run->clean,
            (unsigned long long)run->findings, (unsigned long long)run->unusable);
    }
}

static int read_jobs(const char *text, unsigned *ret_threads) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*end != '\0' || end == text || value < 1 || value > THREADS_MAX) {
        cli_complain("check: --jobs wants a number from 1 to %d, not '%s'", THREADS_MAX, text);
        return CLI_MISUSE;
    }
    *ret_threads = (unsigned)value;
    return CLI_OK;
}

static int read_options(int argc, char **argv, struct run *run) {
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},         {"values", no_argument, NULL, 'V'},
        {"headers-only", no_argument, NULL, 'H'}, {"reader", required_argument, NULL, 'R'},
        {"jobs", required_argument, NULL, 'J'},   {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "jJ:qh", options, NULL)) != -1) {
        switch (option) {
        case 'j':
            run->json = true;
            break;
        case 'V':
            run->values = true;
            break;
        case 'H':
            run->headers_only = true;
            break;
        case 'R':
            run->reader_program = optarg;
            break;
        case 'J':
            if (read_jobs(optarg, &run->threads) != CLI_OK) {
                return CLI_MISUSE;
            }
            break;
        case 'q':
            run->quiet = true;
            break;
        case 'h':
            (void)fputs(help, stdout);
            return -1;
        default:
            cli_complain("check: no option '%s', or its value is missing; `maclab check --help`"
                         " lists them",
                         argv[optind - 1]);
            return CLI_MISUSE;
        }
    }
    if (optind == argc) {
        cli_complain("check: no PATH; `maclab check --help` tells more");
        return CLI_MISUSE;
    }
    return CLI_OK;
}

static void end_run(struct run *run) {
    gate_reader_close(run->reader);
    worker_pool_stop(run->pool);
    for (size_t i = 0; i < run->count; i++) {
        free(run->inputs[i].path);
    }
    free(run->inputs);
    (void)pthread_mutex_destroy(&run->lock);
}

int cmd_check(int argc, char **argv) {
    struct run run = {.threads = THREADS_DEFAULT, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct err e = {0};
    int rc = read_options(argc, argv, &run);
    if (rc != CLI_OK) {
        return rc < 0 ? CLI_OK : rc;
    }
    if (!collect(&run, argc - optind, argv + optind)) {
        rc = cli_fail(CLI_MISUSE, &run.failure);
    } else if (run.count > 0 && start(&run, &e) != E_OK) {
        rc = cli_fail(CLI_MISUSE, &e);
    } else {
        cli_progress_start(&run.progress, "checking", run.count);
        run_threads(&run);
        cli_progress_end(&run.progress);
        sum_up(&run);
        bool nothing = run.files == 0;
        rc = run.findings > 0 ? CLI_NO : run.unusable > 0 || nothing ? CLI_MISUSE : CLI_OK;
        if (nothing && run.unusable == 0) {
            cli_complain("check: no DICOM file there");
        }
    }
    end_run(&run);
    return fflush(stdout) == 0 ? rc : CLI_MISUSE;
}
