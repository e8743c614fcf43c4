// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "dicom/part10.h"
#include "dimse/command.h"

#define SYNC_QUEUE 96 // files that wait for their sync; each holds a descriptor
#define BATCH 32      // that are synced together
#define BATCH_WAIT_MS 200
#define META_BYTES_MAX ((size_t)4096)
#define META_MEMORY_MAX ((size_t)65536)
#define FILE_MODE 0644
#define FOLDER_MODE 0755

// A file that is written, or waits for its sync.
struct taken {
    int fd;
    bool named; // under its temporary name
    char temporary[48];
    char sop_instance[DCM_UID_MAX + 1];
    uint64_t bytes;
};

struct folder {
    struct folder_options options;
    int dir_fd;
    bool unnamed; // O_TMPFILE works here
    pthread_mutex_t lock;
    pthread_cond_t filled;  // one more waits, or it stops
    pthread_cond_t drained; // there is room again, or nothing left
    struct taken queue[SYNC_QUEUE];
    size_t head, count;
    struct taken batch[BATCH]; // of the thread
    size_t working;            // of them
    uint64_t next_number;
    bool finishing, stopping;
    struct err first; // failure
    pthread_t thread;
    bool threaded;
};

struct receiver {
    struct folder *folder;
    char source_ae[DIMSE_AET_MAX + 1];
    struct taken now;
    struct buf head; // preamble and meta information that wait for the first piece
    struct err why;
};

// --- names

static void final_name(const char *sop_instance, char out[DCM_UID_MAX + 8]) {
    (void)snprintf(out, DCM_UID_MAX + 8, "%s.dcm", sop_instance);
}

bool folder_has(const struct folder *f, const char *sop_instance) {
    char name[DCM_UID_MAX + 8];
    struct stat st;
    final_name(sop_instance, name);
    return fstatat(f->dir_fd, name, &st, 0) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

static bool is_instance(const char *name) {
    size_t len = strlen(name);
    return len > 4 && strcmp(name + len - 4, ".dcm") == 0 &&
           dcm_uid_usable(slice_of(name, len - 4));
}

bool folder_empty(const struct folder *f) {
    DIR *dir = opendir(f->options.path);
    bool empty = true;
    struct dirent *entry;
    while (empty && dir != NULL && (entry = readdir(dir)) != NULL) {
        empty = !is_instance(entry->d_name);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return empty;
}

static void temporary_name(struct folder *f, struct taken *t) {
    uint64_t number = __atomic_fetch_add(&f->next_number, 1, __ATOMIC_RELAXED);
    (void)snprintf(t->temporary, sizeof t->temporary, ".maclab-%ld-%llu.part", (long)getpid(),
                   (unsigned long long)number);
}

static int create(struct folder *f, struct taken *t) {
    t->named = !__atomic_load_n(&f->unnamed, __ATOMIC_RELAXED);
    if (!t->named) {
        t->fd = openat(f->dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, FILE_MODE);
        if (t->fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) {
            return t->fd;
        }
        __atomic_store_n(&f->unnamed, false, __ATOMIC_RELAXED);
        t->named = true;
    }
    temporary_name(f, t);
    t->fd = openat(f->dir_fd, t->temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, FILE_MODE);
    return t->fd;
}

static int link_fd(struct folder *f, int fd, const char *name) {
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, path, f->dir_fd, name, AT_SYMLINK_FOLLOW);
}

// Gives the file its name, in the place of one that has it.
static int give_name(struct folder *f, struct taken *t) {
    char name[DCM_UID_MAX + 8];
    final_name(t->sop_instance, name);
    if (!t->named) {
        if (link_fd(f, t->fd, name) == 0) {
            return 0;
        }
        temporary_name(f, t);
        if (errno != EEXIST || link_fd(f, t->fd, t->temporary) != 0) {
            return -1;
        }
        t->named = true;
    }
    return renameat(f->dir_fd, t->temporary, f->dir_fd, name);
}

static void discard(struct folder *f, struct taken *t) {
    if (t->named && t->fd >= 0) {
        (void)unlinkat(f->dir_fd, t->temporary, 0);
    }
    cleanup_fd(&t->fd);
}

// --- to disk

static int finish_one(struct folder *f, struct taken *t, struct err *e) {
    int rc = E_OK;
    if ((!f->options.no_sync && fdatasync(t->fd) != 0) || give_name(f, t) != 0) {
        rc = err_set_errno(e, errno, "%s.dcm", t->sop_instance);
        discard(f, t);
    }
    cleanup_fd(&t->fd);
    return rc;
}

// With the lock held.
static void tell(struct folder *f, const struct taken *t, int rc, const struct err *why) {
    if (rc != E_OK && f->first.code == E_OK) {
        f->first = *why;
    }
    if (f->options.stored != NULL) {
        f->options.stored(f->options.context, t->sop_instance, t->bytes, rc, why);
    }
}

static struct timespec batch_deadline(void) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += BATCH_WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

// Waits for a batch, or for what there is when that has waited long enough or all is to be
// finished. With the lock held; how many it took.
static size_t take_batch(struct folder *f) {
    struct timespec until = batch_deadline();
    int timed = 0;
    while (f->count < BATCH && !f->finishing && !f->stopping && timed != ETIMEDOUT) {
        if (f->count > 0) {
            timed = pthread_cond_timedwait(&f->filled, &f->lock, &until);
        } else {
            (void)pthread_cond_wait(&f->filled, &f->lock);
            until = batch_deadline();
        }
    }
    size_t count = f->count < BATCH ? f->count : BATCH;
    for (size_t i = 0; i < count; i++) {
        f->batch[i] = f->queue[f->head];
        f->head = (f->head + 1) % SYNC_QUEUE;
    }
    f->count -= count;
    f->working = count;
    (void)pthread_cond_broadcast(&f->drained);
    return count;
}

// All of them are on their way to the disk before one is waited for, and all are there before the
// first gets its name: the file system's journal is written about once a batch.
static void sync_batch(struct folder *f, size_t count, struct err *ret_why) {
    for (size_t i = 0; i < count; i++) {
        (void)sync_file_range(f->batch[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    }
    for (size_t i = 0; i < count; i++) {
        if (fdatasync(f->batch[i].fd) != 0) {
            (void)err_set_errno(&ret_why[i], errno, "%s.dcm", f->batch[i].sop_instance);
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct taken *t = &f->batch[i];
        if (ret_why[i].code == E_OK && give_name(f, t) != 0) {
            (void)err_set_errno(&ret_why[i], errno, "%s.dcm", t->sop_instance);
        }
        if (ret_why[i].code != E_OK) {
            discard(f, t);
        }
        cleanup_fd(&t->fd);
    }
}

static void *sync_files(void *argument) {
    struct folder *f = argument;
    size_t count;
    (void)pthread_mutex_lock(&f->lock);
    for (;;) {
        count = take_batch(f);
        if (count == 0 && f->stopping) {
            break;
        }
        (void)pthread_mutex_unlock(&f->lock);
        struct err why[BATCH] = {{0}};
        sync_batch(f, count, why);
        (void)pthread_mutex_lock(&f->lock);
        for (size_t i = 0; i < count; i++) {
            tell(f, &f->batch[i], why[i].code, &why[i]);
        }
        f->working = 0;
        f->finishing = f->finishing && f->count > 0;
        (void)pthread_cond_broadcast(&f->drained);
    }
    (void)pthread_mutex_unlock(&f->lock);
    return NULL;
}

static void enqueue(struct folder *f, const struct taken *t) {
    (void)pthread_mutex_lock(&f->lock);
    while (f->count == SYNC_QUEUE) {
        (void)pthread_cond_wait(&f->drained, &f->lock);
    }
    f->queue[(f->head + f->count++) % SYNC_QUEUE] = *t;
    if (f->count == 1 || f->count == BATCH) { // the clock begins, or it is enough
        (void)pthread_cond_signal(&f->filled);
    }
    (void)pthread_mutex_unlock(&f->lock);
}

int folder_finish(struct folder *f, struct err *e) {
    (void)pthread_mutex_lock(&f->lock);
    f->finishing = f->count > 0;
    (void)pthread_cond_signal(&f->filled);
    while (f->count > 0 || f->working > 0) {
        (void)pthread_cond_wait(&f->drained, &f->lock);
    }
    struct err first = f->first;
    (void)pthread_mutex_unlock(&f->lock);
    if (first.code != E_OK) {
        *e = first;
        return e->code;
    }
    return f->options.no_sync ? E_OK : file_sync_dir(f->dir_fd, e);
}

// --- the folder

int folder_open(const struct folder_options *options, struct folder **ret_folder, struct err *e) {
    struct folder *f = mem_zalloc(sizeof *f);
    if (f == NULL) {
        return err_set(e, E_MEMORY, "no memory for a folder");
    }
    *f = (struct folder){.options = *options, .dir_fd = -1, .unnamed = true};
    (void)pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&f->filled, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_cond_init(&f->drained, NULL);
    int rc = file_make_dirs(options->path, FOLDER_MODE, e);
    if (rc == E_OK) {
        f->dir_fd = open(options->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = f->dir_fd < 0 ? err_set_errno(e, errno, "%s", options->path) : E_OK;
    }
    if (rc == E_OK && !options->sync_first && !options->no_sync) {
        int failed = pthread_create(&f->thread, NULL, sync_files, f);
        rc = failed != 0 ? err_set_errno(e, failed, "thread") : E_OK;
        f->threaded = failed == 0;
    }
    if (rc != E_OK) {
        folder_close(f);
        return rc;
    }
    *ret_folder = f;
    return E_OK;
}

void folder_close(struct folder *f) {
    if (f == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&f->lock);
    f->stopping = true;
    (void)pthread_cond_broadcast(&f->filled);
    (void)pthread_mutex_unlock(&f->lock);
    if (f->threaded) {
        (void)pthread_join(f->thread, NULL);
    }
    cleanup_fd(&f->dir_fd);
    (void)pthread_cond_destroy(&f->filled);
    (void)pthread_cond_destroy(&f->drained);
    (void)pthread_mutex_destroy(&f->lock);
    mem_free(f);
}

// --- one association

int receiver_open(struct folder *f, const struct dimse_association *a,
                  struct receiver **ret_receiver, struct err *e) {
    struct receiver *i = mem_zalloc(sizeof *i);
    if (i == NULL) {
        return err_set(e, E_MEMORY, "no memory to receive");
    }
    i->folder = f;
    i->now.fd = -1;
    buf_init(&i->head, META_BYTES_MAX);
    const char *source =
        f->options.source_ae != NULL ? f->options.source_ae : dimse_agreed(a)->calling;
    (void)snprintf(i->source_ae, sizeof i->source_ae, "%s", source);
    *ret_receiver = i;
    return E_OK;
}

void receiver_close(struct receiver *i) {
    if (i != NULL) {
        discard(i->folder, &i->now);
        buf_done(&i->head);
        mem_free(i);
    }
}

static uint16_t failed(struct receiver *i, int rc) {
    struct folder *f = i->folder;
    (void)pthread_mutex_lock(&f->lock);
    tell(f, &i->now, rc, &i->why);
    (void)pthread_mutex_unlock(&f->lock);
    return err_dimse(rc);
}

// Preamble and meta information from what the command and the context say.
static int write_head(struct receiver *i, const struct dimse_message *m) {
    struct arena arena;
    arena_init(&arena, META_MEMORY_MAX);
    struct dcm_dataset *none = dcm_dataset_new(&arena, DCM_EXPLICIT_LE);
    struct dcm_write_options options = {.syntax_uid = m->context->syntax,
                                        .source_ae = i->source_ae,
                                        .sop_class_uid = m->command.sop_class,
                                        .sop_instance_uid = m->command.sop_instance};
    buf_clear(&i->head);
    int rc = none == NULL ? err_set(&i->why, E_MEMORY, "no memory to receive")
                          : dcm_file_write_meta(none, &options, dcm_sink_buf(&i->head), &i->why);
    arena_done(&arena);
    return rc == E_OK ? buf_check(&i->head, "file meta information", &i->why) : rc;
}

static uint16_t receiver_begin(void *context, const struct dimse_message *m) {
    struct receiver *i = context;
    err_clear(&i->why);
    i->now = (struct taken){.fd = -1};
    (void)snprintf(i->now.sop_instance, sizeof i->now.sop_instance, "%s", m->command.sop_instance);
    int rc = E_OK;
    if (!dcm_uid_usable(slice_str(m->command.sop_instance)) ||
        !dcm_uid_usable(slice_str(m->command.sop_class))) {
        rc = err_set(&i->why, E_VALUE, "a C-STORE without usable UIDs");
    }
    rc = rc == E_OK ? write_head(i, m) : rc;
    if (rc == E_OK && create(i->folder, &i->now) < 0) {
        rc = err_set_errno(&i->why, errno, "%s.dcm", i->now.sop_instance);
    }
    return rc == E_OK ? DIMSE_SUCCESS : failed(i, rc);
}

// Both slices, however often the kernel takes only a part.
static int write_both(int fd, struct slice a, struct slice b) {
    struct iovec parts[2] = {{(void *)(uintptr_t)a.ptr, a.len}, {(void *)(uintptr_t)b.ptr, b.len}};
    ssize_t n = writev(fd, parts, 2);
    if (n < 0 && errno != EINTR) {
        return -1;
    }
    size_t done = n < 0 ? 0 : (size_t)n;
    struct slice rest = slice_from(a, done);
    if (rest.len > 0 && file_write_all(fd, rest.ptr, rest.len) != 0) {
        return -1;
    }
    rest = slice_from(b, done > a.len ? done - a.len : 0);
    return rest.len > 0 ? file_write_all(fd, rest.ptr, rest.len) : 0;
}

static uint16_t receiver_write(void *context, struct slice piece) {
    struct receiver *i = context;
    int bad = i->head.len > 0 ? write_both(i->now.fd, buf_slice(&i->head), piece)
                              : file_write_all(i->now.fd, piece.ptr, piece.len);
    if (bad != 0) {
        return failed(i, err_set_errno(&i->why, errno, "%s.dcm", i->now.sop_instance));
    }
    i->now.bytes += piece.len;
    buf_clear(&i->head);
    return DIMSE_SUCCESS;
}

static uint16_t receiver_end(void *context, bool whole) {
    struct receiver *i = context;
    struct folder *f = i->folder;
    if (!whole || i->now.bytes == 0) {
        discard(f, &i->now);
        return DIMSE_CANNOT_UNDERSTAND;
    }
    struct taken t = i->now;
    i->now.fd = -1;
    if (f->threaded) {
        enqueue(f, &t);
        return DIMSE_SUCCESS;
    }
    int rc = finish_one(f, &t, &i->why);
    rc = rc == E_OK && !f->options.no_sync ? file_sync_dir(f->dir_fd, &i->why) : rc;
    (void)pthread_mutex_lock(&f->lock);
    tell(f, &t, rc, &i->why);
    (void)pthread_mutex_unlock(&f->lock);
    return rc == E_OK ? DIMSE_SUCCESS : err_dimse(rc);
}

struct dimse_sink receiver_sink(struct receiver *i) {
    return (struct dimse_sink){receiver_begin, receiver_write, receiver_end, i};
}
