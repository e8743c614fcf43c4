// SPDX-License-Identifier: Apache-2.0
// Verification in passes: the catalogue's file, each instance (in threads, by row number), the
// files among the objects, counts, quarantine, audit log.
#include "archive/verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>

#include "archive/bulk.h"
#include "archive/register.h"
#include "archive/schema.h"
#include "archive/segment.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/hash.h"
#include "db/db.h"
#include "dicom/uid.h"
#include "pixel/frames_pack.h"
#include "policy/audit.h"
#include "store/store.h"

#define THREADS_MAX 32u
#define PATH_LEN 4096
#define UNNAMED_MAX 1000u // reported one by one
#define METADATA_MAX ((size_t)64 << 20)

struct verify {
    const struct verify_options *options;
    char catalogue[PATH_LEN];
    struct store *store;
    pthread_mutex_t lock; // of sums and the callbacks
    struct verify_sums sums;
    uint64_t total_bytes;
    uint64_t done_bytes;
    unsigned threads;
    atomic_int failed; // an E_ code: a thread could not go on
    bool in_flight;    // an intake runs: objects without rows are its
};

const char *verify_problem_code(enum verify_problem p) {
    static const char *const codes[] = {
#define X(name, code, words) code,
        VERIFY_PROBLEM_LIST(X)
#undef X
    };
    return codes[p];
}

const char *verify_problem_words(enum verify_problem p) {
    static const char *const sentences[] = {
#define X(name, code, words) words,
        VERIFY_PROBLEM_LIST(X)
#undef X
    };
    return sentences[p];
}

static void report(struct verify *v, enum verify_problem problem, const char *what,
                   const char *detail) {
    pthread_mutex_lock(&v->lock);
    v->sums.problems++;
    v->options->problem(problem, what, detail, v->options->context);
    pthread_mutex_unlock(&v->lock);
}

// --- one instance

struct row {
    struct hash object;
    uint64_t bytes;
    bool deflated;
    char uid[65];
    struct slice frame_table, bulk_table, metadata;
    uint64_t metadata_len;
    uint32_t metadata_crc;
};

static bool outside(uint64_t offset, uint64_t len, uint64_t limit) {
    return offset > limit || len > limit - offset;
}

static void check_tables(struct verify *v, const struct row *row) {
    struct arena a;
    struct err e = {0};
    struct px_frames frames = {0};
    uint64_t limit = row->deflated ? UINT64_MAX : row->bytes;
    bool bad = false;
    arena_init(&a, (size_t)256 << 20);
    if (row->frame_table.len > 0) {
        bad = px_frames_unpack(&a, row->frame_table, &frames, &e) != E_OK;
    }
    for (uint32_t i = 0; !bad && i < frames.count; i++) {
        bad = outside(frames.ranges[i].offset, frames.ranges[i].length, limit);
    }
    struct slice rest = row->bulk_table;
    struct bulk_entry entry;
    int rc = E_OK;
    while (!bad && (rc = bulk_next(&rest, &entry, &e)) == 1) {
        bad = outside(entry.offset, entry.len, limit);
    }
    if (bad || rc < 0) {
        report(v, VERIFY_TABLE, row->uid, e.text);
    }
    arena_done(&a);
}

static void check_metadata(struct verify *v, const struct row *row) {
    struct buf out CLEANUP(cleanup_buf);
    struct err e = {0};
    buf_init(&out, METADATA_MAX);
    if (segment_inflate(row->metadata, row->metadata_crc, row->metadata_len, &out, &e) != E_OK) {
        report(v, VERIFY_METADATA, row->uid, e.text);
    }
}

// A row that was deleted since is no problem.
static bool still_there(struct db *db, const struct hash *object) {
    struct register_known known;
    struct err ignored = {0};
    return register_find_object(db, object, &known, &ignored) == 1;
}

static void check_object(struct verify *v, struct db *db, const struct row *row) {
    uint64_t len = 0;
    struct err e = {0};
    char lengths[80];
    int rc = store_object_verify(v->store, &row->object, &len, &e);
    if (rc == E_NOT_FOUND) {
        if (still_there(db, &row->object)) {
            report(v, VERIFY_OBJECT_MISSING, row->uid, "");
        }
    } else if (rc != E_OK) {
        report(v, VERIFY_OBJECT_DAMAGED, row->uid, e.text);
    } else if (len != row->bytes) {
        (void)snprintf(lengths, sizeof lengths, "%llu bytes, not %llu", (unsigned long long)len,
                       (unsigned long long)row->bytes);
        report(v, VERIFY_OBJECT_LENGTH, row->uid, lengths);
    }
}

static void read_row(struct db_stmt *s, struct row *row) {
    struct slice object = db_blob(s, 0);
    memset(&row->object, 0, sizeof row->object);
    memcpy(row->object.bytes, object.ptr, object.len < HASH_LEN ? object.len : HASH_LEN);
    row->bytes = (uint64_t)db_i64(s, 1);
    row->deflated = slice_eq_str(db_text(s, 2), DCM_DEFLATED_UID);
    struct slice uid = db_text(s, 3);
    (void)snprintf(row->uid, sizeof row->uid, "%.*s", (int)uid.len, (const char *)uid.ptr);
    row->frame_table = db_blob(s, 4);
    row->bulk_table = db_blob(s, 5);
    row->metadata = db_blob(s, 6);
    row->metadata_len = (uint64_t)db_i64(s, 7);
    row->metadata_crc = (uint32_t)db_i64(s, 8);
}

static void count_done(struct verify *v, uint64_t bytes) {
    pthread_mutex_lock(&v->lock);
    v->sums.instances++;
    v->done_bytes += bytes;
    if (v->options->progress != NULL) {
        v->options->progress(v->done_bytes, v->total_bytes, v->options->context);
    }
    pthread_mutex_unlock(&v->lock);
}

static int check_share(struct verify *v, unsigned share, struct db *rows, struct db *db,
                       struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(rows,
                        "SELECT i.object, i.bytes, i.syntax, i.sop_instance, d.frame_table,"
                        " d.bulk_table, d.metadata, d.metadata_len, d.metadata_crc"
                        " FROM instance i LEFT JOIN instance_data d ON d.instance = i.id"
                        " WHERE i.id % ? = ?",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, v->threads);
    db_bind_i64(s, 2, share);
    while ((rc = db_step(s, e)) == 1) {
        struct row row;
        read_row(s, &row);
        check_object(v, db, &row);
        check_tables(v, &row);
        check_metadata(v, &row);
        count_done(v, row.bytes);
    }
    return rc;
}

struct share {
    struct verify *v;
    unsigned number;
    pthread_t thread;
    bool runs;
};

static void *run_share(void *context) {
    struct share *share = context;
    struct verify *v = share->v;
    struct db *rows = NULL;
    struct db *db = NULL;
    struct err e = {0};
    int rc = db_open(v->catalogue, DB_READ_ONLY, &rows, &e);
    rc = rc == E_OK ? db_open(v->catalogue, DB_READ_ONLY, &db, &e) : rc;
    rc = rc == E_OK ? check_share(v, share->number, rows, db, &e) : rc;
    if (rc != E_OK) {
        report(v, VERIFY_CATALOGUE, v->catalogue, e.text);
        atomic_store(&v->failed, rc);
    }
    db_close(rows);
    db_close(db);
    return NULL;
}

static void check_instances(struct verify *v) {
    struct share shares[THREADS_MAX];
    for (unsigned i = 0; i < v->threads; i++) {
        shares[i] = (struct share){.v = v, .number = i};
        shares[i].runs = pthread_create(&shares[i].thread, NULL, run_share, &shares[i]) == 0;
        if (!shares[i].runs) {
            (void)run_share(&shares[i]);
        }
    }
    for (unsigned i = 0; i < v->threads; i++) {
        if (shares[i].runs) {
            pthread_join(shares[i].thread, NULL);
        }
    }
}

// --- files among the objects

struct files {
    struct verify *v;
    struct db *db;
    struct err *e;
    struct hash unnamed[UNNAMED_MAX];
    size_t unnamed_count;
};

static int check_file(const struct hash *hash, const char *path, void *context) {
    struct files *f = context;
    struct register_known known;
    if (hash == NULL) {
        report(f->v, VERIFY_STRAY_FILE, path, "");
        return 0;
    }
    f->v->sums.objects++;
    int rc = register_find_object(f->db, hash, &known, f->e);
    if (rc == 0 && f->unnamed_count < UNNAMED_MAX) {
        f->unnamed[f->unnamed_count++] = *hash;
    }
    return rc < 0 ? rc : 0;
}

static int check_files(struct verify *v, struct db *db, struct err *e) {
    static struct files f; // large; verify runs once a process
    f = (struct files){.v = v, .db = db, .e = e};
    int rc = store_objects_each(v->store, check_file, &f, e);
    for (size_t i = 0; rc == E_OK && i < f.unnamed_count; i++) {
        char hex[HASH_HEX_LEN + 1];
        if (!v->in_flight && !still_there(db, &f.unnamed[i])) {
            report(v, VERIFY_OBJECT_UNNAMED, hash_hex(&f.unnamed[i], hex), "");
        }
    }
    return rc;
}

// --- counts

// Each gives the UID of what is wrong; no row when all is right.
static const struct {
    const char *what;
    const char *sql;
} count_checks[] = {
    {"instances of a series", "SELECT series_uid FROM series s WHERE instance_count <>"
                              " (SELECT count(*) FROM instance i WHERE i.series = s.id)"},
    {"bytes of a series",
     "SELECT series_uid FROM series s WHERE bytes <>"
     " (SELECT coalesce(sum(bytes), 0) FROM instance i WHERE i.series = s.id)"},
    {"frames of a series",
     "SELECT series_uid FROM series s WHERE frame_count <>"
     " (SELECT coalesce(sum(frames), 0) FROM instance i WHERE i.series = s.id)"},
    {"series of a study", "SELECT study_uid FROM study t WHERE series_count <>"
                          " (SELECT count(*) FROM series s WHERE s.study = t.id)"},
    {"instances of a study",
     "SELECT study_uid FROM study t WHERE instance_count <>"
     " (SELECT coalesce(sum(instance_count), 0) FROM series s WHERE s.study = t.id)"},
    {"an empty series", "SELECT series_uid FROM series WHERE instance_count = 0"},
    {"an empty study", "SELECT study_uid FROM study WHERE series_count = 0"},
    {"an instance without data", "SELECT sop_instance FROM instance i WHERE NOT EXISTS"
                                 " (SELECT 1 FROM instance_data d WHERE d.instance = i.id)"},
    {"a modality of a study that its facet lacks",
     "SELECT t.study_uid FROM study t JOIN series s ON s.study = t.id WHERE s.modality <> ''"
     " AND NOT EXISTS (SELECT 1 FROM study_facet f WHERE f.kind = 0 AND f.value = s.modality"
     " AND f.study = t.id)"},
    {"studies of a facet", "SELECT value FROM facet_total t WHERE studies <> (SELECT count(*) FROM"
                           " study_facet f WHERE f.kind = t.kind AND f.value = t.value)"},
    {"the whole", "SELECT 'total' FROM total WHERE studies <> (SELECT count(*) FROM study)"
                  " OR series <> (SELECT count(*) FROM series)"
                  " OR instances <> (SELECT count(*) FROM instance)"
                  " OR bytes <> (SELECT coalesce(sum(bytes), 0) FROM instance)"},
};

static int check_counts(struct verify *v, struct db *db, struct err *e) {
    int rc = db_begin_read(db, e);
    for (size_t i = 0; rc == E_OK && i < sizeof count_checks / sizeof count_checks[0]; i++) {
        struct db_stmt *s;
        rc = db_prepare(db, count_checks[i].sql, &s, e);
        if (rc != E_OK) {
            break;
        }
        while ((rc = db_step(s, e)) == 1) {
            char uid[80];
            struct slice text = db_text(s, 0);
            (void)snprintf(uid, sizeof uid, "%.*s", (int)(text.len < 79 ? text.len : 79),
                           (const char *)text.ptr);
            report(v, VERIFY_COUNT, uid, count_checks[i].what);
        }
    }
    db_rollback(db);
    return rc;
}

// --- quarantine

// A delivery whose lock somebody holds is alive.
static bool is_alive(const char *quarantine, const char *name) {
    char path[PATH_LEN + 300];
    (void)snprintf(path, sizeof path, "%s/%s/lock", quarantine, name);
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
}

static void check_quarantine(struct verify *v, bool speak) {
    char path[PATH_LEN];
    (void)snprintf(path, sizeof path, "%s/quarantine", v->options->data_dir);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        bool alive = is_alive(path, entry->d_name);
        v->in_flight = v->in_flight || alive;
        if (!alive && speak && access(path, F_OK) == 0) {
            report(v, VERIFY_QUARANTINE, entry->d_name, "the next start removes it");
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

static void check_audit(struct verify *v) {
    struct err e = {0};
    int rc = audit_verify(v->options->data_dir, &v->sums.audit_lines, &e);
    if (rc != E_OK && rc != E_NOT_FOUND) {
        report(v, VERIFY_AUDIT, v->options->data_dir, e.text);
    }
}

// --- all

static int read_total(struct verify *v, struct db *db, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT bytes FROM total", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = db_step(s, e);
    if (rc == 1) {
        v->total_bytes = (uint64_t)db_i64(s, 0);
        db_reset(s);
        rc = E_OK;
    }
    return rc;
}

static int has_instances(struct db *db, bool *ret_has, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT 1 FROM instance LIMIT 1", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = db_step(s, e);
    *ret_has = rc == 1;
    if (rc == 1) {
        db_reset(s);
    }
    return rc < 0 ? rc : E_OK;
}

// 1 for a catalogue that was only just begun (its first opening was killed): it is empty, and the
// next opening completes it.
static int check_version(struct db *db, struct err *e) {
    int version = 0;
    bool has = false;
    int rc = db_version(db, &version, e);
    int known = schema_migrations[schema_migration_count - 1].version;
    if (rc == E_OK && version > 0 && version < known) {
        rc = has_instances(db, &has, e);
    }
    if (rc == E_OK && version < known && !has) {
        return 1;
    }
    if (rc == E_OK && version != known) {
        rc = err_set(e, E_DATABASE,
                     "the catalogue has schema version %d; this program knows %d (a start of the "
                     "server or an import brings an older one up)",
                     version, known);
    }
    return rc;
}

static int stop_at_object(const struct hash *hash, const char *path, void *context) {
    (void)path;
    (void)context;
    return hash != NULL ? 1 : 0;
}

// A catalogue without a schema is just begun, or what is left of one that knew these objects.
static int check_begun(struct verify *v, struct db *db, struct err *e) {
    int version = 0;
    int rc = db_version(db, &version, e);
    rc = rc == E_OK && version == 0 ? store_objects_each(v->store, stop_at_object, NULL, e) : rc;
    bool objects = rc == 1;
    rc = objects ? db_version(db, &version, e) : rc; // it may have been made meanwhile
    if (rc == E_OK && objects && version == 0) {
        report(v, VERIFY_CATALOGUE, v->catalogue, "it is empty but the folder holds objects");
    }
    return rc;
}

static int run_passes(struct verify *v, struct db *db, struct err *e) {
    struct err damage = {0};
    int rc = check_version(db, e);
    if (rc != E_OK) {
        return rc < 0 ? rc : check_begun(v, db, e);
    }
    if (db_integrity(db, &damage) != E_OK) {
        report(v, VERIFY_CATALOGUE, v->catalogue, damage.text);
        return E_OK; // nothing that it says can be trusted
    }
    rc = read_total(v, db, e);
    if (rc != E_OK) {
        return rc;
    }
    check_quarantine(v, false);
    check_instances(v);
    rc = check_files(v, db, e);
    rc = rc == E_OK ? check_counts(v, db, e) : rc;
    check_quarantine(v, true);
    check_audit(v);
    v->sums.bytes = v->done_bytes;
    return rc;
}

int verify_run(const struct verify_options *options, struct verify_sums *ret_sums, struct err *e) {
    struct verify v = {.options = options, .threads = options->threads};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (v.threads == 0) {
        v.threads = processors < 1 ? 1 : (unsigned)processors;
    }
    v.threads = v.threads > THREADS_MAX ? THREADS_MAX : v.threads;
    (void)snprintf(v.catalogue, sizeof v.catalogue, "%s/catalogue.db", options->data_dir);
    if (access(v.catalogue, F_OK) != 0) {
        return err_set_errno(e, errno, "no catalogue in %s", options->data_dir);
    }
    pthread_mutex_init(&v.lock, NULL);
    struct db *db = NULL;
    int rc = db_open(v.catalogue, DB_READ_ONLY, &db, e);
    if (rc == E_CORRUPT) {
        report(&v, VERIFY_CATALOGUE, v.catalogue, e->text);
        err_clear(e);
        rc = E_OK;
    } else {
        rc = rc == E_OK ? store_open(options->data_dir, &v.store, e) : rc;
        rc = rc == E_OK ? run_passes(&v, db, e) : rc;
    }
    db_close(db);
    store_close(v.store);
    pthread_mutex_destroy(&v.lock);
    if (rc == E_OK) {
        *ret_sums = v.sums;
    }
    return rc;
}
