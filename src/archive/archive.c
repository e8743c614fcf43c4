// SPDX-License-Identifier: Apache-2.0
// Opening a data folder, in an order that loses nothing: locks first, then the catalogue (refused
// when it is missing though objects are there), then the sweep of what a killed intake left, then
// workers.
#include "archive/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "archive/archive_priv.h"
#include "archive/delivery.h"
#include "archive/delivery_priv.h"
#include "archive/jobs.h"
#include "archive/register.h"
#include "archive/rules.h"
#include "archive/schema.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "db/db.h"
#include "gate/reading.h"
#include "policy/audit.h"
#include "store/store.h"
#include "worker/worker.h"

#define READERS_KEPT 16
#define PATH_MAX_HERE 4096
#define SWEEP_BEFORE_SECONDS 60 // a failed batch promotes a little before it fails

struct archive {
    struct store *store;
    struct audit *audit;
    struct worker_pool *workers;
    struct worker_job jobs[ARCHIVE_JOBS];
    struct gate_reader *reader; // NULL: none
    struct archive_rules rules;
    struct delivery_uses *uses;
    bool as_sent;
    const char *program;
    usec quiet;
    const struct clock *clock;
    unsigned worker_count;
    char catalogue[PATH_MAX_HERE];
    char sweep_mark[PATH_MAX_HERE];
    pthread_mutex_t deciding;
    pthread_mutex_t writer_lock;
    struct db *writer;
    pthread_mutex_t readers_lock;
    struct db *readers[READERS_KEPT];
    size_t reader_count;
};

struct store *archive_store(struct archive *a) {
    return a->store;
}
struct worker_pool *archive_workers(struct archive *a) {
    return a->workers;
}
unsigned archive_worker_count(const struct archive *a) { return a->worker_count; }
struct audit *archive_audit(struct archive *a) {
    return a->audit;
}
const struct clock *archive_clock(const struct archive *a) { return a->clock; }
const struct gate_profile *archive_profile(const struct archive *a) { return a->rules.profile; }
bool archive_is_as_sent(const struct archive *a) { return a->as_sent; }
struct delivery_uses *archive_delivery_uses(struct archive *a) {
    return a->uses;
}
struct gate_reader *archive_gate_reader(struct archive *a) {
    return a->reader;
}
const char *archive_program(const struct archive *a) { return a->program; }
int64_t archive_quiet(const struct archive *a) { return a->quiet; }
void archive_deciding(struct archive *a) { (void)pthread_mutex_lock(&a->deciding); }
void archive_deciding_done(struct archive *a) { (void)pthread_mutex_unlock(&a->deciding); }

int archive_reader(struct archive *a, struct db **ret_db, struct err *e) {
    pthread_mutex_lock(&a->readers_lock);
    struct db *db = a->reader_count > 0 ? a->readers[--a->reader_count] : NULL;
    pthread_mutex_unlock(&a->readers_lock);
    if (db != NULL && db_file_check(db, e) != E_OK) {
        db_close(db);
        return e->code;
    }
    if (db == NULL) {
        return db_open(a->catalogue, DB_READ_ONLY, ret_db, e);
    }
    *ret_db = db;
    return E_OK;
}

void archive_reader_done(struct archive *a, struct db *db) {
    if (db == NULL) {
        return;
    }
    db_rollback(db);
    pthread_mutex_lock(&a->readers_lock);
    bool kept = a->reader_count < READERS_KEPT;
    if (kept) {
        a->readers[a->reader_count++] = db;
    }
    pthread_mutex_unlock(&a->readers_lock);
    if (!kept) {
        db_close(db);
    }
}

struct db *archive_writer(struct archive *a) {
    pthread_mutex_lock(&a->writer_lock);
    return a->writer;
}

void archive_writer_done(struct archive *a) {
    db_rollback(a->writer);
    pthread_mutex_unlock(&a->writer_lock);
}

int archive_writer_new(struct archive *a, struct db **ret_db, struct err *e) {
    return db_open(a->catalogue, DB_READ_WRITE, ret_db, e);
}

// --- opening ---------------------------------------------------------------------------------

static int stop_at_first(const struct hash *hash, const char *path, void *context) {
    (void)path;
    (void)context;
    return hash != NULL ? 1 : 0;
}

static bool is_missing(const struct archive *a) {
    struct stat st;
    return stat(a->catalogue, &st) != 0 && errno == ENOENT;
}

// A file of no length, as a power cut leaves it, is a new catalogue for SQLite.
static bool is_empty(const struct archive *a) {
    struct err ignored = {0};
    int version = 0;
    return db_version(a->writer, &version, &ignored) == E_OK && version == 0;
}

// A catalogue that is not there, or has nothing in it, while objects are was lost: a new one would
// make the sweep remove them. Asked again after the look at the objects, because another process
// may have made the catalogue and stored into it meanwhile.
static int refuse_lost(const struct archive *a, bool (*is_lost)(const struct archive *a),
                       const char *how, struct err *e) {
    int rc = is_lost(a) ? store_objects_each(a->store, stop_at_first, NULL, e) : E_OK;
    if (rc == 1) {
        rc = E_OK;
        if (is_lost(a)) {
            rc = err_set(e, E_CORRUPT,
                         "%s is %s but the folder holds objects: bring it back from a backup; "
                         "nothing was changed",
                         a->catalogue, how);
        }
    }
    return rc;
}

struct sweep {
    struct archive *archive;
    time_t since; // objects put in place earlier are none of the dead deliveries'
    struct err *e;
};

static int sweep_one(const struct hash *hash, const char *path, void *context) {
    struct sweep *sweep = context;
    struct stat st;
    if (hash == NULL || stat(path, &st) != 0 || st.st_ctime < sweep->since) {
        return 0;
    }
    struct register_known known;
    int rc = register_find_object(sweep->archive->writer, hash, &known, sweep->e);
    return rc == 0 ? store_object_remove(sweep->archive->store, hash, sweep->e) : rc < 0 ? rc : 0;
}

void archive_mark_sweep(struct archive *a) {
    int fd = open(a->sweep_mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cleanup_fd(&fd);
}

void archive_remove_unnamed(struct archive *a, struct db *writer, const struct hash *object) {
    struct err e = {0};
    struct register_known known;
    int rc = db_begin(writer, &e);
    rc = rc == E_OK ? register_find_object(writer, object, &known, &e) : rc;
    rc = rc == 0 ? store_object_remove(a->store, object, &e) : rc;
    db_rollback(writer);
    if (rc < 0) {
        archive_mark_sweep(a);
    }
}

// When the first of the deliveries that lie in quarantine began: its lock file is written once.
static bool oldest_delivery(const char *data_dir, struct timespec *ret_began) {
    char path[PATH_MAX_HERE];
    bool found = false;
    (void)snprintf(path, sizeof path, "%s/quarantine", data_dir);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        char lock[sizeof entry->d_name + 8];
        struct stat st;
        (void)snprintf(lock, sizeof lock, "%s/lock", entry->d_name);
        bool there = entry->d_name[0] != '.' &&
                     (fstatat(dirfd(dir), lock, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
                      fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0);
        if (there && (!found || st.st_mtim.tv_sec < ret_began->tv_sec)) {
            *ret_began = st.st_mtim;
            found = true;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return found;
}

// The mark's own time says since when objects may lie without a row; it only moves back.
static bool read_mark(struct archive *a, const char *data_dir, time_t *ret_since) {
    struct timespec began;
    struct stat st;
    if (oldest_delivery(data_dir, &began)) {
        archive_mark_sweep(a);
        bool earlier = stat(a->sweep_mark, &st) != 0 || began.tv_sec < st.st_mtime;
        const struct timespec times[2] = {began, began};
        if (earlier && utimensat(AT_FDCWD, a->sweep_mark, times, 0) != 0) {
            return false;
        }
    }
    if (stat(a->sweep_mark, &st) != 0) {
        return false;
    }
    *ret_since = st.st_mtime - SWEEP_BEFORE_SECONDS;
    return true;
}

// Objects that no row names were promoted by an intake that was killed or failed before its commit.
// A killed one leaves its delivery in quarantine, a failed one and a killed sweep the mark; without
// either there is nothing to look for. Older objects without a row are left alone: a catalogue that
// was put back from a backup does not name what came after it, and `maclab verify` reports them.
static int sweep(struct archive *a, const char *data_dir, struct err *e) {
    time_t since = 0;
    bool left = read_mark(a, data_dir, &since);
    bool alone = false;
    int rc = store_try_sweep_lock(a->store, &alone, e);
    if (rc != E_OK || !alone) {
        return rc;
    }
    struct sweep context = {a, since, e};
    rc = left ? store_objects_each(a->store, sweep_one, &context, e) : E_OK;
    rc = rc == E_OK ? delivery_sweep_held(a->store, a->writer, e) : rc;
    if (rc == E_OK && left) {
        (void)unlink(a->sweep_mark);
    }
    store_unlock_sweep(a->store);
    return rc;
}

static int open_catalogue(struct archive *a, struct err *e) {
    int rc = refuse_lost(a, is_missing, "missing", e);
    rc = rc == E_OK ? db_open(a->catalogue, DB_READ_WRITE, &a->writer, e) : rc;
    rc = rc == E_OK ? refuse_lost(a, is_empty, "empty", e) : rc;
    return rc == E_OK ? schema_bring(a->writer, e) : rc;
}

static int start_workers(struct archive *a, const struct archive_options *options, struct err *e) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned count = options->workers;
    if (count == 0) {
        count = processors < 2                 ? 2
                : processors > WORKER_SIZE_MAX ? WORKER_SIZE_MAX
                                               : (unsigned)processors;
    }
    archive_jobs_list(a->jobs);
    struct worker_options pool = {.jobs = a->jobs,
                                  .job_count = ARCHIVE_JOBS,
                                  .size = count,
                                  .program = options->worker_program};
    a->worker_count = count;
    return worker_pool_start(&pool, &a->workers, e);
}

int archive_open(const struct archive_options *options, struct archive **ret_archive,
                 struct err *e) {
    struct archive *a = mem_zalloc(sizeof *a);
    if (a == NULL) {
        return err_set(e, E_MEMORY, "archive");
    }
    a->clock = options->clock == NULL ? clock_system() : options->clock;
    pthread_mutex_init(&a->deciding, NULL);
    pthread_mutex_init(&a->writer_lock, NULL);
    pthread_mutex_init(&a->readers_lock, NULL);
    (void)snprintf(a->catalogue, sizeof a->catalogue, "%s/catalogue.db", options->data_dir);
    (void)snprintf(a->sweep_mark, sizeof a->sweep_mark, "%s/sweep.pending", options->data_dir);
    a->as_sent = options->as_sent;
    a->quiet = options->quiet == 0 ? DELIVERY_QUIET_DEFAULT : options->quiet;
    a->program = options->program == NULL ? "MacLab" : options->program;
    a->uses = delivery_uses_new();
    int rc = a->uses == NULL
                 ? err_set(e, E_MEMORY, "archive")
                 : archive_rules_mark(options->data_dir, options->as_sent, options->no_workers, e);
    rc = rc == E_OK ? store_open(options->data_dir, &a->store, e) : rc;
    rc = rc == E_OK && !a->as_sent && !options->no_workers
             ? archive_rules_load(&a->rules, options, e)
             : rc;
    rc = rc == E_OK && options->server ? store_lock_server(a->store, e) : rc;
    rc = rc == E_OK ? open_catalogue(a, e) : rc;
    rc = rc == E_OK ? audit_open(options->data_dir, a->clock, &a->audit, e) : rc;
    rc = rc == E_OK ? sweep(a, options->data_dir, e) : rc;
    rc = rc == E_OK && !options->no_workers ? start_workers(a, options, e) : rc;
    if (rc == E_OK && !options->no_workers && !a->as_sent) {
        struct err ignored = {0}; // without one what is uncertain stays so, and is held
        (void)gate_reader_open(NULL, 0, &a->reader, &ignored);
    }
    if (rc != E_OK) {
        archive_close(a);
        return rc;
    }
    *ret_archive = a;
    return E_OK;
}

void archive_close(struct archive *a) {
    if (a == NULL) {
        return;
    }
    worker_pool_stop(a->workers);
    gate_reader_close(a->reader);
    archive_rules_done(&a->rules);
    delivery_uses_free(a->uses);
    for (size_t i = 0; i < a->reader_count; i++) {
        db_close(a->readers[i]);
    }
    if (a->writer != NULL) {
        struct err ignored = {0};
        (void)db_optimize(a->writer, &ignored);
    }
    db_close(a->writer);
    audit_close(a->audit);
    store_close(a->store);
    pthread_mutex_destroy(&a->writer_lock);
    pthread_mutex_destroy(&a->deciding);
    pthread_mutex_destroy(&a->readers_lock);
    mem_free(a);
}
