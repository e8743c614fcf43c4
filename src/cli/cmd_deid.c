// SPDX-License-Identifier: Apache-2.0
// maclab deid: the gate as a tool of its own (clause C1b): files and folders in, clean instances
// out, a line about each in the report. Nothing else is written but the certificate and what
// deid_state.h keeps. Input names may name people: they stand in the report, which must name its
// inputs, and where a person at a terminal reads them, nowhere else.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "archive/jobs.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/deid_out.h"
#include "cli/deid_state.h"
#include "gate/delivery.h"
#include "gate/reading.h"
#include "gate/report.h"

#define PROFILE_TEXT_MAX ((size_t)16 << 20)
#define PROFILE_ARENA_MAX ((size_t)64 << 20)
#define LINE_BYTES_MAX ((size_t)8 << 20)
#define CERTIFICATES_MAX 2
#define INPUT_PREFIX_LEN (sizeof "{\"input\":" - 1)

static const char help[] =
    "Usage: maclab deid [OPTION]... -o OUT PATH...\n"
    "De-identify the DICOM files at and below each PATH. What is demonstrably anonymous is\n"
    "written under OUT, under new names; what is not is held or refused, and not in OUT.\n"
    "Inputs are never changed.\n"
    "  released    cleaned, checked, in OUT\n"
    "  held        a person must look: the reasons say at what\n"
    "  refused     no instance, or of a kind that cannot be released\n\n"
    "  -o, --output OUT        the folder to fill; made when it is not there\n"
    "  -p, --profile FILE      another profile than the one built in\n"
    "  -r, --report FILE       a JSON object a line and input file\n"
    "  -c, --certificate FILE  what was done, on one page, signed (.pdf or .json; may be given "
    "twice)\n"
    "  -k, --key FILE          keep pseudonyms the same from run to run: the key in FILE, made "
    "when\n"
    "                          it is not there. Who has it can match people; without it the key "
    "of\n"
    "                          a run is destroyed at its end\n"
    "      --headers-only      do not look at pixels: for files in which nobody can have written.\n"
    "                          Says so in everything that is written\n"
    "      --label TEXT        whose images these are, for the certificate\n"
    "      --reader PROGRAM    the program that reads text in pictures (default: maclab-reader)\n"
    "      --hold-doubles      hold pictures that came under two patients\n"
    "  -J, --jobs N            files at once (default: two a processor)\n"
    "  -j, --json              the report on standard output, and a last object with the sums\n"
    "  -q, --quiet             no summary\n"
    "  -h, --help              this text\n\n"
    "The same run again changes nothing; one that was broken off goes on with its pseudonyms.\n"
    "Exit status: 0 all released, 1 some held or refused, 2 misuse or nothing could start.\n";

struct input {
    char *path;       // as it is opened
    const char *name; // relative to its PATH: within path
    struct stat st;
    bool done;
    bool unreadable;
};

struct run {
    // what was asked
    const char *out_path, *profile_path, *report_path, *key_path, *label, *reader_program;
    const char *certificates[CERTIFICATES_MAX];
    int certificate_count;
    bool headers_only, hold_doubles, json, quiet;
    unsigned jobs;
    // what is there
    struct arena arena;
    struct gate_profile profile;
    struct input *inputs;
    uint64_t count, cap;
    size_t root_len; // of the PATH that is walked
    struct deid_out *out;
    struct deid_state *state; // NULL: no place to remember anything
    struct gate_key *key;
    const char *key_story;
    struct worker_pool *pool;
    struct gate_reader *reader;
    char reader_about[128];
    struct gate_delivery *delivery;
    FILE *report;
    bool list; // lines of what was not released, for a person at a terminal
    struct buf line;
    uint64_t verdicts[GATE_VERDICT_COUNT];
    uint64_t reasons[GATE_REASON_COUNT];
    uint64_t failed, unreadable, repeated;
    struct cli_progress progress;
    int64_t begun, ended;
    struct err failure;
};

// --- inputs ------------------------------------------------------------------------------------

static int add_input(struct run *run, const char *path, bool unreadable) {
    if (run->count == run->cap) {
        uint64_t cap = run->cap == 0 ? 1024 : run->cap * 2;
        struct input *inputs = mem_realloc(run->inputs, cap * sizeof *inputs);
        if (inputs == NULL) {
            return err_set(&run->failure, E_MEMORY, "list of inputs");
        }
        run->inputs = inputs;
        run->cap = cap;
    }
    struct input *in = &run->inputs[run->count];
    *in = (struct input){.path = mem_strdup(path), .unreadable = unreadable};
    if (in->path == NULL) {
        return err_set(&run->failure, E_MEMORY, "list of inputs");
    }
    const char *last = strrchr(in->path, '/');
    in->name = strlen(in->path) > run->root_len ? in->path + run->root_len
               : last == NULL                   ? in->path
                                                : last + 1;
    while (*in->name == '/') {
        in->name++;
    }
    if (!unreadable && stat(path, &in->st) != 0) {
        in->unreadable = true;
    }
    run->count++;
    return 0;
}

static int on_file(const char *path, void *context) { return add_input(context, path, false); }

static void on_unreadable(const char *path, const struct err *why, void *context) {
    (void)why;
    (void)add_input(context, path, true);
}

// false: the walk cannot go on.
static bool collect(struct run *run, int count, char **paths) {
    for (int i = 0; i < count; i++) {
        struct file_walk walk = {.visit = on_file, .unreadable = on_unreadable, .context = run};
        struct err why = {0};
        run->root_len = strlen(paths[i]);
        if (file_walk(paths[i], &walk, &why) != E_OK) {
            if (run->failure.code != E_OK) {
                return false;
            }
            if (add_input(run, paths[i], true) != 0) {
                return false;
            }
        }
    }
    return true;
}

static bool is_inside(const char *inner, const char *outer) {
    size_t len = strlen(outer);
    return strncmp(inner, outer, len) == 0 &&
           (inner[len] == '\0' || inner[len] == '/' || strcmp(outer, "/") == 0);
}

// OUT is no part of what is read, nor the reverse: a second run would take its own output in.
static bool apart(const struct run *run, int count, char **paths) {
    const char *out = deid_out_path(run->out);
    for (int i = 0; i < count; i++) {
        char *real = realpath(paths[i], NULL);
        bool fine = real == NULL || (!is_inside(out, real) && !is_inside(real, out));
        free(real);
        if (!fine) {
            cli_complain("deid: OUT and PATH lie inside of each other");
            return false;
        }
    }
    return true;
}

// --- lines

static void put_line(struct run *run, const char *output, const struct input *in,
                     const struct gate_passed *p) {
    buf_clear(&run->line);
    gate_report_line(in->name, output, p, &run->line);
    if (run->report != NULL) {
        (void)fwrite(run->line.data, 1, run->line.len, run->report);
    }
    if (run->json) {
        (void)fwrite(run->line.data, 1, run->line.len, stdout);
    }
}

static void list(const struct run *run, const struct input *in, const struct gate_passed *p) {
    if (!run->list || p->verdict == GATE_RELEASED) {
        return;
    }
    (void)printf("%-8s %s:", gate_verdict_word(p->verdict), in->name);
    for (uint32_t i = 0; i < p->reason_count; i++) {
        (void)printf("%s %s", i > 0 ? "," : "", gate_reason_words(p->reasons[i]));
    }
    (void)putchar('\n');
}

// The line without its input, so that nothing that is kept names one.
static struct slice anonymous(struct run *run, const char *output, const struct gate_passed *p) {
    buf_clear(&run->line);
    gate_report_line("", output, p, &run->line);
    return slice_from(buf_slice(&run->line), INPUT_PREFIX_LEN + 2);
}

static void count_verdict(struct run *run, const struct gate_passed *p) {
    run->verdicts[p->verdict]++;
    for (uint32_t i = 0; i < p->reason_count; i++) {
        run->reasons[p->reasons[i]]++;
    }
}

static void tell(struct run *run, uint64_t tag, const char *output, const struct gate_passed *p) {
    struct input *in = &run->inputs[tag];
    in->done = true;
    count_verdict(run, p);
    cli_progress_end(&run->progress);
    list(run, in, p);
    put_line(run, output, in, p);
    if (run->state != NULL && run->failure.code == E_OK) {
        (void)deid_state_put(run->state, in->name, &in->st, anonymous(run, output, p),
                             &run->failure);
    }
}

// Ours: the file has no verdict, so it is as good as held.
static void tell_failure(struct run *run, uint64_t tag, const struct err *why) {
    struct input *in = &run->inputs[tag];
    struct gate_passed p = {.verdict = GATE_HELD, .reason_count = 1, .why = *why};
    p.reasons[0] = in->unreadable ? GATE_REASON_UNREADABLE : GATE_REASON_FAILED;
    in->done = true;
    run->unreadable += in->unreadable;
    run->failed += !in->unreadable;
    count_verdict(run, &p);
    cli_progress_end(&run->progress);
    list(run, in, &p);
    put_line(run, NULL, in, &p);
    if (!in->unreadable && run->failure.code == E_OK && why->code == E_FULL) {
        run->failure = *why;
    }
}

// --- the door

static int open_in(void *context, uint64_t tag, int *ret_fd, struct err *e) {
    struct run *run = context;
    struct stat st;
    *ret_fd = open(run->inputs[tag].path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*ret_fd >= 0 && (fstat(*ret_fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        cleanup_fd(ret_fd);
        errno = EINVAL;
    }
    if (*ret_fd < 0) {
        run->inputs[tag].unreadable = true;
        (void)err_set_errno(e, errno, "an input cannot be read");
        e->code = E_IO;
        return E_IO;
    }
    return E_OK;
}

static int open_out(void *context, uint64_t tag, int *ret_fd, struct err *e) {
    return deid_out_create(((struct run *)context)->out, tag, ret_fd, e);
}

static void drop_out(void *context, uint64_t tag) {
    deid_out_drop(((struct run *)context)->out, tag);
}

static int open_written(void *context, uint64_t tag, int *ret_fd, struct err *e) {
    return deid_out_reopen(((struct run *)context)->out, tag, ret_fd, e);
}

static int scratch(void *context, int *ret_fd, struct err *e) {
    return deid_out_scratch(((struct run *)context)->out, ret_fd, e);
}

static void decided(void *context, uint64_t tag, const struct gate_passed *p) {
    struct run *run = context;
    char name[DEID_NAME_MAX] = "";
    struct err why = {0};
    if (p->verdict == GATE_RELEASED && deid_out_release(run->out, tag, p, name, &why) != E_OK) {
        tell_failure(run, tag, &why);
        return;
    }
    tell(run, tag, p->verdict == GATE_RELEASED ? name : NULL, p);
}

static void failed(void *context, uint64_t tag, const struct err *why) {
    tell_failure(context, tag, why);
}

// --- the same run again

// Lines of an earlier run for every input, and their outputs still there?
static bool is_repeat(struct run *run, uint64_t *ret_known) {
    struct slice line;
    *ret_known = 0;
    for (uint64_t i = 0; i < run->count; i++) {
        const struct input *in = &run->inputs[i];
        *ret_known += !in->unreadable && deid_state_find(run->state, in->name, &in->st, &line);
    }
    return *ret_known == run->count && run->count > 0;
}

static bool member_is(struct slice line, const char *member, struct slice *ret_text) {
    char name[32];
    int n = snprintf(name, sizeof name, "\"%s\":\"", member);
    for (size_t i = 0; i + (size_t)n < line.len; i++) {
        if (memcmp(line.ptr + i, name, (size_t)n) == 0) {
            struct slice rest = slice_from(line, i + (size_t)n);
            *ret_text = slice_first(rest, slice_find(rest, '"'));
            return true;
        }
    }
    return false;
}

static void repeat_line(struct run *run, const struct input *in, struct slice line) {
    struct buf whole CLEANUP(cleanup_buf);
    struct json j;
    struct slice verdict = {0};
    buf_init(&whole, LINE_BYTES_MAX);
    buf_put_str(&whole, "{\"input\":");
    json_init(&j, &whole);
    json_str(&j, in->name);
    buf_put_slice(&whole, line);
    if (run->report != NULL) {
        (void)fwrite(whole.data, 1, whole.len, run->report);
    }
    if (run->json) {
        (void)fwrite(whole.data, 1, whole.len, stdout);
    }
    (void)member_is(line, "verdict", &verdict);
    for (int v = 0; v < GATE_VERDICT_COUNT; v++) {
        run->verdicts[v] += slice_eq_str(verdict, gate_verdict_word((enum gate_verdict)v));
    }
}

static bool outputs_there(struct run *run) {
    for (uint64_t i = 0; i < run->count; i++) {
        struct slice line;
        struct slice output;
        char name[DEID_NAME_MAX];
        const struct input *in = &run->inputs[i];
        if (deid_state_find(run->state, in->name, &in->st, &line) &&
            member_is(line, "output", &output)) {
            (void)snprintf(name, sizeof name, "%.*s", (int)output.len, (const char *)output.ptr);
            if (!deid_out_has(run->out, name)) {
                return false;
            }
        }
    }
    return true;
}

static void repeat(struct run *run) {
    for (uint64_t i = 0; i < run->count; i++) {
        struct slice line;
        const struct input *in = &run->inputs[i];
        if (deid_state_find(run->state, in->name, &in->st, &line)) {
            repeat_line(run, in, line);
            run->repeated++;
        }
    }
}

// --- the run

static int load_profile(struct run *run, struct err *e) {
    struct buf text CLEANUP(cleanup_buf);
    struct gate_profile *profile;
    buf_init(&text, PROFILE_TEXT_MAX);
    struct slice source = gate_profile_builtin();
    int rc = run->profile_path == NULL ? E_OK : file_read(run->profile_path, &text, e);
    source = run->profile_path == NULL ? source : buf_slice(&text);
    rc = rc == E_OK ? gate_profile_load(&run->arena, source, &profile, e) : rc;
    if (rc != E_OK) {
        return err_context(e, "profile");
    }
    run->profile = *profile;
    if (run->headers_only) {
        run->profile.examine_pixels = false;
        run->profile.deface = false;
        run->profile.weakened = true;
        size_t len = strlen(run->profile.name);
        (void)snprintf(run->profile.name + len, sizeof run->profile.name - len, "%s",
                       ", headers only");
    }
    if (run->profile.weakened) {
        cli_complain("deid: the profile is weaker than the standard asks%s",
                     run->headers_only ? ": pixels are not looked at, so writing in pictures and "
                                         "faces stay"
                                       : "");
    }
    return E_OK;
}

static int open_report(struct run *run, struct err *e) {
    if (run->report_path == NULL) {
        return E_OK;
    }
    run->report = fopen(run->report_path, "we");
    return run->report != NULL ? E_OK : err_set_errno(e, errno, "the report cannot be written");
}

static int load_key(struct run *run, struct err *e) {
    bool flag;
    int rc;
    if (run->key_path != NULL) {
        rc = deid_key_file(run->key_path, &run->key, &flag, e);
        run->key_story = "kept by who ran this, so that later deliveries match: who holds it can "
                         "find people again";
        if (rc == E_OK && flag && !run->quiet) {
            cli_complain("deid: a new key was made; keep it as you keep the images themselves");
        }
        return rc;
    }
    run->key_story = "made for this delivery and destroyed at its end";
    if (run->state != NULL) {
        return deid_state_key(run->state, &run->key, &flag, e);
    }
    run->key = gate_key_new();
    return run->key != NULL ? E_OK : err_set(e, E_MEMORY, "no locked memory for the key");
}

static int start_workers(struct run *run, struct err *e) {
    static struct worker_job jobs[ARCHIVE_JOBS];
    archive_jobs_list(jobs);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    // While one child waits for its next file, another works.
    struct worker_options options = {.jobs = jobs,
                                     .job_count = ARCHIVE_JOBS,
                                     .size = run->jobs != 0   ? run->jobs
                                             : processors < 2 ? 4
                                                              : 2 * (unsigned)processors};
    int rc = worker_pool_start(&options, &run->pool, e);
    struct err why = {0};
    if (rc == E_OK && run->profile.examine_pixels) {
        if (gate_reader_open(run->reader_program, 0, &run->reader, &why) != E_OK ||
            gate_reader_about(run->reader, run->reader_about, sizeof run->reader_about, &why) !=
                E_OK) {
            cli_complain("deid: nothing here reads text in pictures (%s): what only a reading "
                         "could tell is held",
                         err_words(why.code));
            gate_reader_close(run->reader);
            run->reader = NULL;
            (void)snprintf(run->reader_about, sizeof run->reader_about, "none");
        }
    } else {
        (void)snprintf(run->reader_about, sizeof run->reader_about, "not asked");
    }
    return rc;
}

static int deliver(struct run *run, struct err *e) {
    struct gate_door door = {.open_in = open_in,
                             .open_out = open_out,
                             .drop_out = drop_out,
                             .open_written = open_written,
                             .decided = decided,
                             .failed = failed,
                             .context = run};
    struct gate_delivery_options options = {.pool = run->pool,
                                            .reader = run->reader,
                                            .profile = &run->profile,
                                            .key = run->key,
                                            .at_once = run->jobs,
                                            .hold_doubles = run->hold_doubles,
                                            .door = &door,
                                            .scratch = scratch};
    int rc = gate_delivery_new(&options, &run->delivery, e);
    cli_progress_start(&run->progress, "de-identifying (files)", run->count);
    for (uint64_t i = 0; i < run->count && rc == E_OK; i++) {
        if (run->inputs[i].unreadable) {
            struct err why = {0};
            (void)err_set(&why, E_IO, "an input cannot be read");
            tell_failure(run, i, &why);
            continue;
        }
        rc = gate_delivery_add(run->delivery, i, run->inputs[i].name, NULL, e);
        cli_progress_step(&run->progress, gate_delivery_passed(run->delivery));
    }
    rc = rc == E_OK ? gate_delivery_finish(run->delivery, e) : rc;
    cli_progress_end(&run->progress);
    return rc;
}

static bool ends_with(const char *text, const char *end) {
    size_t len = strlen(text);
    return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

static int write_file(const char *path, struct slice bytes, struct err *e) {
    CLEANUP(cleanup_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return fd >= 0 && file_write_all(fd, bytes.ptr, bytes.len) == 0
               ? E_OK
               : err_set_errno(e, errno, "the certificate cannot be written");
}

static int certify(struct run *run, struct err *e) {
    uint8_t secret[64];
    uint8_t random[10];
    char id[2 * sizeof random + 1];
    char program[96];
    if (run->certificate_count == 0) {
        return E_OK;
    }
    struct gate_certificate c = {.id = id,
                                 .source = run->label,
                                 .begun = run->begun,
                                 .ended = run->ended,
                                 .profile = &run->profile,
                                 .program = program,
                                 .reader = run->reader_about,
                                 .key_story = run->key_story};
    randombytes_buf(random, sizeof random);
    (void)sodium_bin2hex(id, sizeof id, random, sizeof random);
    (void)snprintf(program, sizeof program, "MacLab %s (%s)", cli_version, cli_revision);
    gate_delivery_tally(run->delivery, &c.tally);
    c.tally.files += run->unreadable;
    c.tally.failed = run->failed + run->unreadable;
    int rc = deid_signing_key(secret, e);
    for (int i = 0; i < run->certificate_count && rc == E_OK; i++) {
        struct buf out CLEANUP(cleanup_buf);
        buf_init(&out, (size_t)16 << 20);
        rc = ends_with(run->certificates[i], ".pdf") ? gate_certificate_pdf(&c, secret, &out, e)
                                                     : gate_certificate_json(&c, secret, &out, e);
        rc = rc == E_OK ? write_file(run->certificates[i], buf_slice(&out), e) : rc;
    }
    sodium_memzero(secret, sizeof secret);
    return rc;
}

// --- the end

static void sums_json(const struct run *run) {
    struct buf out CLEANUP(cleanup_buf);
    struct json j;
    buf_init(&out, LINE_BYTES_MAX);
    json_init(&j, &out);
    json_begin_object(&j);
    json_member_i64(&j, "files", (int64_t)run->count);
    for (int v = 0; v < GATE_VERDICT_COUNT; v++) {
        json_member_i64(&j, gate_verdict_word((enum gate_verdict)v), (int64_t)run->verdicts[v]);
    }
    json_member_i64(&j, "failed", (int64_t)(run->failed + run->unreadable));
    json_member_bool(&j, "weakened", run->profile.weakened);
    json_member_bool(&j, "repeated", run->repeated > 0);
    json_end_object(&j);
    buf_put_byte(&out, '\n');
    (void)fwrite(out.data, 1, out.len, stdout);
}

static void sums(const struct run *run, double seconds) {
    if (run->json) {
        sums_json(run);
    }
    if (run->json || run->quiet) {
        return;
    }
    (void)printf("%llu files in %.1f s: %llu released, %llu held, %llu refused%s\n",
                 (unsigned long long)run->count, seconds,
                 (unsigned long long)run->verdicts[GATE_RELEASED],
                 (unsigned long long)run->verdicts[GATE_HELD],
                 (unsigned long long)run->verdicts[GATE_REFUSED],
                 run->profile.weakened ? " (weakened profile)" : "");
    for (int r = 1; r < GATE_REASON_COUNT; r++) {
        if (run->reasons[r] > 0) {
            (void)printf("  %6llu  %s: %s\n", (unsigned long long)run->reasons[r],
                         gate_reason_code((enum gate_reason)r),
                         gate_reason_words((enum gate_reason)r));
        }
    }
    if (run->repeated > 0) {
        (void)printf("The same run again: nothing was changed.\n");
    }
}

static int work(struct run *run, struct err *e) {
    uint64_t known = 0;
    if (run->state != NULL && deid_out_empty(run->out)) {
        deid_state_forget(run->state); // what came of them is gone, if anything did
    }
    if (run->state != NULL && run->key_path == NULL && deid_state_count(run->state) > 0) {
        if (is_repeat(run, &known) && outputs_there(run)) {
            repeat(run);
            if (run->certificate_count > 0) {
                cli_complain("deid: nothing was done, so there is no new certificate: the one of "
                             "the first run stands");
            }
            return E_OK;
        }
        if (known > 0) {
            return err_set(e, E_CONFLICT,
                           "OUT has what came of some of these files, and the key of that run is "
                           "destroyed: the same people would get other pseudonyms beside them. "
                           "Give an empty folder, or use --key");
        }
    }
    if (!deid_out_empty(run->out) && run->key_path == NULL && known == 0 && !run->quiet) {
        cli_complain("deid: OUT is not empty: pseudonyms of different runs have nothing in common");
    }
    int rc = load_key(run, e);
    rc = rc == E_OK ? start_workers(run, e) : rc;
    rc = rc == E_OK ? deliver(run, e) : rc;
    run->ended = (int64_t)time(NULL);
    rc = rc == E_OK && run->failure.code != E_OK ? (*e = run->failure, e->code) : rc;
    rc = rc == E_OK ? certify(run, e) : rc;
    return rc == E_OK && run->state != NULL ? deid_state_finish(run->state, e) : rc;
}

static int prepare(struct run *run, int count, char **paths, struct err *e) {
    int rc = load_profile(run, e);
    rc = rc == E_OK ? deid_out_open(run->out_path, &run->out, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    if (!apart(run, count, paths)) {
        return E_CANCELLED;
    }
    struct err why = {0};
    if (deid_state_open(deid_out_path(run->out), &run->state, &why) != E_OK) {
        if (why.code == E_LOCKED) {
            *e = why;
            return why.code;
        }
        cli_complain("deid: nothing can be remembered here (%s): a run that is broken off starts "
                     "anew",
                     err_words(why.code));
    }
    rc = open_report(run, e);
    if (rc == E_OK && !collect(run, count, paths)) {
        *e = run->failure;
        rc = e->code;
    }
    return rc;
}

static void clean_up(struct run *run) {
    gate_delivery_free(run->delivery);
    worker_pool_stop(run->pool);
    gate_reader_close(run->reader);
    gate_key_destroy(run->key);
    deid_state_close(run->state);
    deid_out_close(run->out);
    for (uint64_t i = 0; i < run->count; i++) {
        mem_free(run->inputs[i].path);
    }
    mem_free(run->inputs);
    buf_done(&run->line);
    arena_done(&run->arena);
}

static int close_report(struct run *run) {
    bool bad = run->report != NULL && (ferror(run->report) != 0 || fclose(run->report) != 0);
    run->report = NULL;
    if (bad || fflush(stdout) != 0) {
        cli_complain("deid: the report could not be written whole");
        return CLI_NO;
    }
    return CLI_OK;
}

static int run_all(struct run *run, int count, char **paths) {
    struct err e = {0};
    struct timespec start;
    struct timespec end;
    arena_init(&run->arena, PROFILE_ARENA_MAX);
    buf_init(&run->line, LINE_BYTES_MAX);
    run->list = !run->quiet && !run->json && isatty(STDOUT_FILENO) == 1;
    run->begun = (int64_t)time(NULL);
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    int status = CLI_OK;
    int rc = prepare(run, count, paths, &e);
    if (rc != E_OK) {
        status = rc == E_CANCELLED ? CLI_MISUSE : cli_fail(CLI_MISUSE, &e);
    } else if ((rc = work(run, &e)) != E_OK) {
        status = cli_fail(rc == E_CONFLICT || run->delivery == NULL ? CLI_MISUSE : CLI_NO, &e);
    } else {
        (void)clock_gettime(CLOCK_MONOTONIC, &end);
        sums(run,
             (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
        status = run->verdicts[GATE_RELEASED] == run->count && run->count > 0 ? CLI_OK : CLI_NO;
    }
    int reported = close_report(run);
    clean_up(run);
    return status == CLI_OK ? reported : status;
}

// --- words

enum { OPTION_HEADERS = 256, OPTION_LABEL, OPTION_READER, OPTION_DOUBLES };

static int take_certificate(struct run *run, const char *path) {
    if (run->certificate_count == CERTIFICATES_MAX ||
        (!ends_with(path, ".pdf") && !ends_with(path, ".json"))) {
        cli_complain("deid: --certificate takes a name that ends in .pdf or .json, at most twice");
        return CLI_MISUSE;
    }
    run->certificates[run->certificate_count++] = path;
    return CLI_OK;
}

static int take_jobs(struct run *run, const char *text) {
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end != '\0' || n == 0 || n > 64) {
        cli_complain("deid: --jobs takes a number from 1 to 64");
        return CLI_MISUSE;
    }
    run->jobs = (unsigned)n;
    return CLI_OK;
}

static int take_option(struct run *run, int option, char **argv) {
    switch (option) {
    case 'o':
        run->out_path = optarg;
        return CLI_OK;
    case 'p':
        run->profile_path = optarg;
        return CLI_OK;
    case 'r':
        run->report_path = optarg;
        return CLI_OK;
    case 'k':
        run->key_path = optarg;
        return CLI_OK;
    case 'c':
        return take_certificate(run, optarg);
    case 'J':
        return take_jobs(run, optarg);
    case 'j':
        run->json = true;
        return CLI_OK;
    case 'q':
        run->quiet = true;
        return CLI_OK;
    case OPTION_HEADERS:
        run->headers_only = true;
        return CLI_OK;
    case OPTION_LABEL:
        run->label = optarg;
        return CLI_OK;
    case OPTION_READER:
        run->reader_program = optarg;
        return CLI_OK;
    case OPTION_DOUBLES:
        run->hold_doubles = true;
        return CLI_OK;
    case 'h':
        (void)fputs(help, stdout);
        return -1;
    default:
        cli_complain("deid: no option '%s', or its value is missing; `maclab deid --help` lists "
                     "them",
                     argv[optind - 1]);
        return CLI_MISUSE;
    }
}

static int read_options(int argc, char **argv, struct run *run) {
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"profile", required_argument, NULL, 'p'},
                                            {"report", required_argument, NULL, 'r'},
                                            {"certificate", required_argument, NULL, 'c'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"headers-only", no_argument, NULL, OPTION_HEADERS},
                                            {"label", required_argument, NULL, OPTION_LABEL},
                                            {"reader", required_argument, NULL, OPTION_READER},
                                            {"hold-doubles", no_argument, NULL, OPTION_DOUBLES},
                                            {"jobs", required_argument, NULL, 'J'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "o:p:r:c:k:J:jqh", options, NULL)) != -1) {
        int rc = take_option(run, option, argv);
        if (rc != CLI_OK) {
            return rc;
        }
    }
    if (run->out_path == NULL || optind == argc) {
        cli_complain("deid: %s; `maclab deid --help` tells more",
                     run->out_path == NULL ? "no OUT (-o)" : "no PATH");
        return CLI_MISUSE;
    }
    return CLI_OK;
}

int cmd_deid(int argc, char **argv) {
    static struct run run;
    run = (struct run){0};
    int rc = read_options(argc, argv, &run);
    if (rc != CLI_OK) {
        return rc < 0 ? CLI_OK : rc;
    }
    if (sodium_init() < 0) {
        cli_complain("deid: libsodium does not start");
        return CLI_MISUSE;
    }
    return run_all(&run, argc - optind, argv + optind);
}
