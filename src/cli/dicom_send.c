// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_send.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "archive/jobs.h"
#include "archive/jobs_wire.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/dicom_contexts.h"
#include "dimse/user.h"
#include "pixel/transcode.h"

#define NOBODY UINT32_MAX
#define BREAKS_MAX 1   // associations that a file may break alone, and is sent once more
#define GIVEN_UP_MAX 8 // files in a row that may be at fault; then it is the peer
#define CONTEXTS_MEMORY_MAX ((size_t)1 << 20)

// A part of the list that fits the contexts of one association, at work.
struct sending {
    const struct send_options *options;
    struct contexts contexts;
    size_t first, end; // of the list's files
    pthread_mutex_t lock;
    size_t next;    // not yet taken
    uint32_t again; // queue of those whose association broke
    size_t lines;   // associations that go on
    bool given_up;
    struct err why; // it was
    struct worker_pool *pool;
    struct worker_job jobs[ARCHIVE_JOBS]; // of the pool
    bool pool_failed;
};

// A request that is under way.
struct slot {
    struct send_file *file; // NULL: free
    struct file_map map;
    struct slice body;
    char sent_as[DCM_UID_MAX + 1];
};

struct line { // one association at a time, by one thread
    struct sending *s;
    bool careful; // one request at a time: after an association broke
    struct slot slots[DIMSE_ASYNC_MAX + 1];
    uint64_t answers;
};

// --- results

static void settle(struct sending *s, struct send_file *f, const struct dimse_command *response,
                   const char *sent_as, const struct err *why) {
    bool stored = response != NULL && (dimse_status_kind(response->status) == DIMSE_IS_SUCCESS ||
                                       dimse_status_kind(response->status) == DIMSE_IS_WARNING);
    (void)pthread_mutex_lock(&s->lock);
    f->state = stored ? SEND_STORED : SEND_FAILED;
    s->options->result(s->options->context, f, response, sent_as, why);
    (void)pthread_mutex_unlock(&s->lock);
}

static void on_done(void *context, void *cookie, const struct dimse_command *response) {
    struct line *line = context;
    struct slot *slot = cookie;
    line->answers++;
    settle(line->s, slot->file, response, slot->sent_as, NULL);
    file_unmap(&slot->map);
    slot->file = NULL;
}

// --- the queue

static struct send_file *take(struct sending *s) {
    struct send_file *files = s->options->list->files;
    struct send_file *f = NULL;
    bool stopped = s->options->stop != NULL && s->options->stop();
    (void)pthread_mutex_lock(&s->lock);
    if (!stopped && !s->given_up && s->again != NOBODY) {
        f = &files[s->again];
        s->again = f->next;
    }
    while (!stopped && !s->given_up && f == NULL && s->next < s->end) {
        f = files[s->next].state == SEND_WAITING ? &files[s->next] : NULL;
        s->next++;
    }
    if (f != NULL) {
        f->state = SEND_UNDER_WAY;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return f;
}

static bool any_left(struct sending *s) {
    (void)pthread_mutex_lock(&s->lock);
    const struct send_file *files = s->options->list->files;
    while (s->next < s->end && files[s->next].state != SEND_WAITING) {
        s->next++;
    }
    bool left = !s->given_up && (s->again != NOBODY || s->next < s->end);
    (void)pthread_mutex_unlock(&s->lock);
    return left && (s->options->stop == NULL || !s->options->stop());
}

// What had no answer goes back; a file that was alone each time is given up. How many were.
static unsigned put_back(struct line *line, const struct err *why) {
    struct sending *s = line->s;
    unsigned given_up = 0;
    for (size_t i = 0; i < sizeof line->slots / sizeof line->slots[0]; i++) {
        struct slot *slot = &line->slots[i];
        struct send_file *f = slot->file;
        if (f == NULL) {
            continue;
        }
        file_unmap(&slot->map);
        slot->file = NULL;
        f->breaks = (uint8_t)(f->breaks + line->careful);
        if (f->breaks > BREAKS_MAX) {
            settle(s, f, NULL, NULL, why);
            given_up++;
            continue;
        }
        (void)pthread_mutex_lock(&s->lock);
        f->state = SEND_WAITING;
        f->next = s->again;
        s->again = (uint32_t)(f - s->options->list->files);
        (void)pthread_mutex_unlock(&s->lock);
    }
    return given_up;
}

// --- one file

static struct worker_pool *workers(struct sending *s, struct err *e) {
    (void)pthread_mutex_lock(&s->lock);
    if (s->pool == NULL && !s->pool_failed) {
        archive_jobs_list(s->jobs);
        struct worker_options options = {
            .jobs = s->jobs, .job_count = ARCHIVE_JOBS, .size = s->options->parallel};
        s->pool_failed = worker_pool_start(&options, &s->pool, e) != E_OK;
    }
    struct worker_pool *pool = s->pool;
    (void)pthread_mutex_unlock(&s->lock);
    if (pool == NULL && e->code == E_OK) {
        (void)err_set(e, E_CRASHED, "no workers to decode in");
    }
    return pool;
}

// The worker's file may not shrink under the mapping, whoever still holds it.
static int seal_and_map(int fd, const struct job_transcoded *done, struct slot *slot,
                        struct err *e) {
    struct stat st;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0 || fstat(fd, &st) != 0) {
        return err_set_errno(e, errno, "memory of a transcoded file");
    }
    if ((uint64_t)st.st_size != done->len || done->body_offset > done->len) {
        return err_set(e, E_CRASHED, "a worker wrote other than it says");
    }
    int rc = file_map_fd(fd, &slot->map, e);
    if (rc == E_OK) {
        slot->body = slice_from(slot->map.bytes, (size_t)done->body_offset);
    }
    return rc;
}

static int transcode(struct sending *s, const struct send_file *f, struct slot *slot,
                     struct err *e) {
    struct worker_pool *pool = workers(s, e);
    if (pool == NULL) {
        return e->code;
    }
    CLEANUP(cleanup_fd) int in = open(f->path, O_RDONLY | O_CLOEXEC);
    CLEANUP(cleanup_fd) int out = memfd_create("transcoded", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (in < 0 || out < 0) {
        return err_set_errno(e, errno, "cannot be read");
    }
    CLEANUP(cleanup_buf) struct buf answer;
    struct job_transcode job = {{0}};
    struct job_transcoded done;
    buf_init(&answer, sizeof done);
    (void)snprintf(job.syntax, sizeof job.syntax, "%s", slot->sent_as);
    int rc = worker_run(pool, JOB_TRANSCODE, slice_of(&job, sizeof job), in, out, &answer, e);
    if (rc < 0) {
        return rc;
    }
    if (answer.len != sizeof done) {
        return err_set(e, E_CRASHED, "a worker's answer of %zu bytes", answer.len);
    }
    memcpy(&done, answer.data, sizeof done);
    return done.same != 0 ? err_set(e, E_CRASHED, "a worker wrote nothing")
                          : seal_and_map(out, &done, slot, e);
}

static int map_stored(const struct send_file *f, struct slot *slot, struct err *e) {
    int rc = file_map_path(f->path, &slot->map, e);
    if (rc == E_OK && slot->map.bytes.len != f->size) {
        rc = err_set(e, E_MISMATCH, "changed since it was looked at");
    }
    if (rc != E_OK) {
        return rc;
    }
    slot->body = slice_from(slot->map.bytes, (size_t)f->body_offset);
    return E_OK;
}

// The context in which it is sent, and what is sent in it. NULL: neither, *e says why.
static const struct dimse_context *prepare(struct sending *s, struct dimse_association *a,
                                           const struct send_file *f, struct slot *slot,
                                           struct err *e) {
    const struct dimse_context *c = dimse_context_for(a, f->sop_class, f->syntax, false);
    if (c != NULL) {
        (void)snprintf(slot->sent_as, sizeof slot->sent_as, "%s", f->syntax);
        return map_stored(f, slot, e) == E_OK ? c : NULL;
    }
    c = s->options->as_stored ? NULL
                              : dimse_context_for(a, f->sop_class, DCM_EXPLICIT_LE_UID, false);
    c = c != NULL || s->options->as_stored
            ? c
            : dimse_context_for(a, f->sop_class, DCM_IMPLICIT_LE_UID, false);
    if (c == NULL) {
        const struct dcm_uid_entry *class = dcm_uid_find(slice_str(f->sop_class));
        const struct dcm_uid_entry *syntax = dcm_uid_find(slice_str(f->syntax));
        (void)err_set(e, E_NOT_ACCEPTABLE, "the peer does not take %s in %s",
                      class != NULL ? class->name : f->sop_class,
                      syntax != NULL ? syntax->name : f->syntax);
        return NULL;
    }
    (void)snprintf(slot->sent_as, sizeof slot->sent_as, "%s", c->syntax);
    if (!px_transcode_known(f->syntax, slot->sent_as)) {
        (void)err_set(e, E_NOT_ACCEPTABLE,
                      "the peer does not take its transfer syntax %s, which "
                      "cannot be decoded here",
                      f->syntax);
        return NULL;
    }
    return transcode(s, f, slot, e) == E_OK ? c : NULL;
}

static struct slot *free_slot(struct line *line) {
    size_t i = 0;
    while (line->slots[i].file != NULL) {
        i++; // one more than can be outstanding
    }
    return &line->slots[i];
}

// E_OK: sent, or settled without; negative: the association is of no use.
static int send_one(struct line *line, struct dimse_association *a, struct dimse_sender *sender,
                    struct send_file *f, struct err *e) {
    struct slot *slot = free_slot(line);
    struct err why = {0};
    *slot = (struct slot){.file = NULL};
    const struct dimse_context *c = prepare(line->s, a, f, slot, &why);
    if (c == NULL) {
        file_unmap(&slot->map);
        settle(line->s, f, NULL, NULL, &why);
        return E_OK;
    }
    slot->file = f;
    struct dimse_store_item item = {.sop_class = f->sop_class,
                                    .sop_instance = f->sop_instance,
                                    .context_id = c->id,
                                    .pieces = &slot->body,
                                    .piece_count = 1,
                                    .cookie = slot};
    return dimse_sender_send(sender, &item, e);
}

// --- one association

static int send_on(struct line *line, struct dimse_association *a, struct err *e) {
    struct dimse_sender *sender;
    struct send_file *f;
    int rc = dimse_sender_open(a, on_done, line, &sender, e);
    if (rc != E_OK) {
        return rc;
    }
    while (rc == E_OK && (f = take(line->s)) != NULL) {
        rc = send_one(line, a, sender, f, e);
        rc = rc == E_OK && line->careful ? dimse_sender_flush(sender, e) : rc;
    }
    rc = rc == E_OK ? dimse_sender_flush(sender, e) : rc;
    dimse_sender_close(sender);
    return rc;
}

static int run_association(struct line *line, struct err *e) {
    struct sending *s = line->s;
    struct dimse_association *a;
    struct dimse_request request = {.wants = s->contexts.wants,
                                    .want_count = s->contexts.count,
                                    .max_invoked = line->careful ? 1 : s->options->window};
    int rc = dicom_link_open(s->options->link, &request, &a, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = send_on(line, a, e);
    if (rc == E_OK) {
        (void)dimse_release(a, &(struct err){0});
    } else {
        (void)err_context(e, "%s", s->options->link->peer_text);
        dimse_association_close(a);
    }
    return rc;
}

static void wait_a_while(const struct sending *s, unsigned failures) {
    uint64_t ms = SEND_BACK_OFF_MS;
    for (unsigned i = 1; i < failures && ms < SEND_BACK_OFF_MAX_MS; i++) {
        ms *= 2;
    }
    for (uint64_t waited = 0; waited < ms; waited += 50) {
        if (s->options->stop != NULL && s->options->stop()) {
            return;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
}

// The line tries again, or leaves the work to the others (a peer may allow fewer associations), or
// is the last one, and the peer is given up.
static void complain(struct sending *s, const struct err *why, bool leaves) {
    (void)pthread_mutex_lock(&s->lock);
    s->lines -= leaves;
    if (leaves && s->lines == 0) {
        s->given_up = true;
        s->why = *why;
    }
    if (s->options->trouble != NULL) {
        s->options->trouble(s->options->context, why, s->given_up);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static void *send_line(void *argument) {
    struct line *line = argument;
    struct sending *s = line->s;
    unsigned failures = 0;
    unsigned given_up = 0; // files in a row that broke the association, each alone
    while (any_left(s)) {
        struct err why = {0};
        uint64_t before = line->answers;
        if (run_association(line, &why) == E_OK) {
            line->careful = false;
            continue;
        }
        bool found = put_back(line, &why) > 0 && line->answers > 0;
        line->careful = true;
        given_up = line->answers > before ? found : given_up + found;
        failures = line->answers > before || (found && given_up <= GIVEN_UP_MAX) ? 1 : failures + 1;
        // A rejection for good, or a certificate that is not trusted, will not go away.
        bool leaves = failures > s->options->retries || why.code == E_DENIED;
        complain(s, &why, leaves);
        if (leaves) {
            return NULL;
        }
        wait_a_while(s, failures);
    }
    (void)pthread_mutex_lock(&s->lock);
    s->lines--;
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

// --- all

static bool has_context(const struct contexts *c, const char *class, const char *syntax) {
    for (size_t i = 0; i < c->count; i++) {
        const char *const *syntaxes = c->wants[i].syntaxes;
        if (strcmp(c->wants[i].abstract_syntax, class) == 0 &&
            (syntax == NULL ? syntaxes == contexts_native : strcmp(syntaxes[0], syntax) == 0)) {
            return true;
        }
    }
    return false;
}

// A context for the file as it is stored, and one for its class uncompressed. 1: no room for both.
static int add_contexts(struct contexts *c, const struct send_file *f, bool as_stored,
                        struct err *e) {
    bool stored = has_context(c, f->sop_class, f->syntax);
    bool native = as_stored || has_context(c, f->sop_class, NULL);
    size_t wanted = (size_t)!stored + (size_t)!native;
    if (c->count + wanted > DIMSE_CONTEXTS_MAX) {
        return 1;
    }
    const char **own = stored ? NULL : arena_array(c->arena, 2, sizeof *own);
    int rc = E_OK;
    if (!stored && own == NULL) {
        return err_set(e, E_MEMORY, "no memory for presentation contexts");
    }
    if (!stored) {
        own[0] = f->syntax;
        rc = contexts_add(c, f->sop_class, own, false, (struct slice){0}, e);
    }
    return rc == E_OK && !native
               ? contexts_add(c, f->sop_class, contexts_native, false, (struct slice){0}, e)
               : rc;
}

// From s->first on, as many files as the contexts of one association allow.
static int choose_part(struct sending *s, struct err *e) {
    const struct send_list *l = s->options->list;
    const char *class = NULL;
    const char *syntax = NULL;
    int rc = E_OK;
    s->contexts.count = 0;
    for (s->end = s->first; s->end < l->count; s->end++) {
        const struct send_file *f = &l->files[s->end];
        if (f->state != SEND_WAITING || (f->sop_class == class && f->syntax == syntax)) {
            continue;
        }
        class = f->sop_class;
        syntax = f->syntax;
        rc = add_contexts(&s->contexts, f, s->options->as_stored, e);
        if (rc != E_OK) {
            break;
        }
    }
    s->next = s->first;
    s->again = NOBODY;
    return rc < 0 ? rc : E_OK;
}

static size_t waiting(const struct sending *s) {
    size_t count = 0;
    for (size_t i = s->first; i < s->end; i++) {
        count += s->options->list->files[i].state == SEND_WAITING;
    }
    return count;
}

static int run_part(struct sending *s, struct line *lines, struct err *e) {
    pthread_t threads[SEND_PARALLEL_MAX];
    size_t files = waiting(s);
    size_t count = files < s->options->parallel ? files : s->options->parallel;
    size_t started = 0;
    int failed = 0;
    s->lines = count;
    for (size_t i = 1; i < count && failed == 0; i++) {
        failed = pthread_create(&threads[started], NULL, send_line, &lines[i]);
        started += failed == 0;
    }
    (void)pthread_mutex_lock(&s->lock);
    s->lines -= failed != 0 ? count - 1 - started : 0;
    (void)pthread_mutex_unlock(&s->lock);
    if (count > 0) {
        (void)send_line(&lines[0]);
    }
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return failed == 0 ? E_OK : err_set_errno(e, failed, "thread");
}

// After a peer was given up, what was not sent has the reason as its result.
static void settle_rest(struct sending *s) {
    struct send_list *l = s->options->list;
    for (size_t i = 0; s->given_up && i < l->count; i++) {
        if (l->files[i].state == SEND_WAITING) {
            settle(s, &l->files[i], NULL, NULL, &s->why);
        }
    }
}

int send_run(const struct send_options *options, struct err *e) {
    struct arena arena;
    struct sending *s = mem_zalloc(sizeof *s);
    struct line *lines = mem_array(options->parallel, sizeof *lines);
    if (s == NULL || lines == NULL) {
        mem_free(s);
        mem_free(lines);
        return err_set(e, E_MEMORY, "no memory to send");
    }
    arena_init(&arena, CONTEXTS_MEMORY_MAX);
    s->options = options;
    s->contexts.arena = &arena;
    (void)pthread_mutex_init(&s->lock, NULL);
    for (size_t i = 0; i < options->parallel; i++) {
        lines[i].s = s;
    }
    int rc = E_OK;
    while (rc == E_OK && !s->given_up && s->first < options->list->count) {
        rc = choose_part(s, e);
        rc = rc == E_OK ? run_part(s, lines, e) : rc;
        s->first = s->end;
    }
    settle_rest(s);
    worker_pool_stop(s->pool);
    (void)pthread_mutex_destroy(&s->lock);
    arena_done(&arena);
    mem_free(lines);
    mem_free(s);
    return rc;
}
