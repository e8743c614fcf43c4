// SPDX-License-Identifier: Apache-2.0
// Opening a data folder and the locks between processes. Objects: objects.c; arrivals:
// quarantine.c.
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/seal.h"
#include "store/store_priv.h"

#define LOCK_WAIT_STEPS 600
#define LOCK_STEP_NS 50000000L

static int open_folder(struct store *s, const char *name, int *ret_fd, struct err *e) {
    if (mkdirat(s->data_fd, name, STORE_DIR_MODE) != 0 && errno != EEXIST) {
        return err_set_errno(e, errno, "cannot make folder %s/%s", s->dir, name);
    }
    int fd = openat(s->data_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(e, errno, "cannot open folder %s/%s", s->dir, name);
    }
    if (faccessat(fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
        int why = errno;
        (void)close(fd);
        return err_set_errno(e, why, "cannot write to folder %s/%s", s->dir, name);
    }
    *ret_fd = fd;
    return E_OK;
}

static int open_lock(struct store *s, const char *name, int *ret_fd, struct err *e) {
    *ret_fd = openat(s->data_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, STORE_FILE_MODE);
    return *ret_fd >= 0 ? E_OK : err_set_errno(e, errno, "cannot open %s/%s", s->dir, name);
}

static int open_all(struct store *s, struct err *e) {
    if (file_make_dirs(s->dir, STORE_DIR_MODE, e) != E_OK) {
        return e->code;
    }
    s->data_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->data_fd < 0) {
        return err_set_errno(e, errno, "cannot open folder %s", s->dir);
    }
    CLEANUP(cleanup_fd) int keys = -1;
    if (open_folder(s, "objects", &s->objects_fd, e) != E_OK ||
        open_folder(s, "quarantine", &s->quarantine_fd, e) != E_OK ||
        open_folder(s, "held", &s->held_fd, e) != E_OK ||
        open_folder(s, "cache", &s->cache_fd, e) != E_OK ||
        open_folder(s, "keys", &keys, e) != E_OK ||
        open_lock(s, "server.lock", &s->server_lock, e) != E_OK ||
        open_lock(s, "sweep.lock", &s->sweep_lock, e) != E_OK) {
        return e->code;
    }
    return file_sync_dir(s->data_fd, e);
}

int store_open(const char *data_dir, struct store **ret_store, struct err *e) {
    struct store *s = mem_zalloc(sizeof *s);
    if (s == NULL) {
        return err_set(e, E_MEMORY, "store");
    }
    s->data_fd = s->objects_fd = s->quarantine_fd = s->held_fd = s->cache_fd = -1;
    s->server_lock = s->sweep_lock = -1;
    (void)pthread_mutex_init(&s->locking, NULL);
    (void)pthread_mutex_init(&s->keys, NULL);
    (void)pthread_mutex_init(&s->promoting, NULL);
    (void)pthread_mutex_init(&s->syncing, NULL);
    store_cache_limit(s, STORE_CACHE_MAX);
    s->dir = mem_strdup(data_dir);
    int rc = s->dir == NULL ? err_set(e, E_MEMORY, "store") : open_all(s, e);
    if (rc != E_OK) {
        store_close(s);
        return rc;
    }
    *ret_store = s;
    return E_OK;
}

void store_close(struct store *s) {
    if (s == NULL) {
        return;
    }
    int *const fds[] = {&s->server_lock,   &s->sweep_lock, &s->cache_fd, &s->held_fd,
                        &s->quarantine_fd, &s->objects_fd, &s->data_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        cleanup_fd(fds[i]);
    }
    (void)pthread_mutex_destroy(&s->syncing);
    (void)pthread_mutex_destroy(&s->promoting);
    (void)pthread_mutex_destroy(&s->keys);
    seal_key_free(s->sources);
    seal_key_free(s->wrapping);
    (void)pthread_mutex_destroy(&s->locking);
    mem_free(s->dir);
    mem_free(s);
}

int store_free_bytes(struct store *s, uint64_t *ret_bytes, struct err *e) {
    struct statvfs v;
    if (fstatvfs(s->data_fd, &v) != 0) {
        return err_set_errno(e, errno, "cannot ask for the free space of %s", s->dir);
    }
    uint64_t bytes;
    *ret_bytes = num_mul(v.f_bavail, v.f_frsize, &bytes) ? bytes : UINT64_MAX;
    return E_OK;
}

// --- locks

// The pid in a lock file is for the message only; the lock is the kernel's, so a dead holder holds
// none.
static void write_pid(int fd) {
    char text[24];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0) {
        (void)!pwrite(fd, text, (size_t)len, 0);
    }
}

static long read_pid(int fd) {
    char text[24] = "";
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    int64_t pid = 0;
    struct slice trimmed = slice_trim(slice_of(text, len > 0 ? (size_t)len : 0), "\n");
    return num_parse_i64(trimmed, 1, INT32_MAX, &pid) ? (long)pid : 0;
}

static int locked(const struct store *s, int fd, const char *what, struct err *e) {
    long pid = read_pid(fd);
    return pid > 0 ? err_set(e, E_LOCKED, "%s: %s (process %ld)", s->dir, what, pid)
                   : err_set(e, E_LOCKED, "%s: %s", s->dir, what);
}

int store_lock_server(struct store *s, struct err *e) {
    int rc = E_OK;
    (void)pthread_mutex_lock(&s->locking);
    if (!s->server_held && flock(s->server_lock, LOCK_EX | LOCK_NB) != 0) {
        rc = errno == EWOULDBLOCK ? locked(s, s->server_lock, "another server holds this folder", e)
                                  : err_set_errno(e, errno, "cannot lock %s/server.lock", s->dir);
    } else if (!s->server_held) {
        s->server_held = true;
        write_pid(s->server_lock);
    }
    (void)pthread_mutex_unlock(&s->locking);
    return rc;
}

static int wait_shared(struct store *s, struct err *e) {
    for (int step = 0; flock(s->sweep_lock, LOCK_SH | LOCK_NB) != 0; step++) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return err_set_errno(e, errno, "cannot lock %s/sweep.lock", s->dir);
        }
        if (step == LOCK_WAIT_STEPS) {
            return locked(s, s->sweep_lock, "another process is sweeping this folder", e);
        }
        const struct timespec pause = {0, LOCK_STEP_NS};
        (void)nanosleep(&pause, NULL);
    }
    return E_OK;
}

int store_lock_intake(struct store *s, struct err *e) {
    (void)pthread_mutex_lock(&s->locking);
    int rc = s->intake_held ? E_OK : wait_shared(s, e);
    if (rc == E_OK) {
        s->intake_held = true;
        s->sweep_held = false; // the same lock, made shared
    }
    (void)pthread_mutex_unlock(&s->locking);
    return rc;
}

static int try_alone(struct store *s, bool *ret_alone, struct err *e) {
    if (s->intake_held || s->sweep_held) {
        *ret_alone = s->sweep_held;
        return E_OK;
    }
    if (flock(s->sweep_lock, LOCK_EX | LOCK_NB) != 0) {
        *ret_alone = false;
        return errno == EWOULDBLOCK ? E_OK
                                    : err_set_errno(e, errno, "cannot lock %s/sweep.lock", s->dir);
    }
    write_pid(s->sweep_lock);
    int rc = quarantine_sweep(s, e);
    if (rc != E_OK) {
        (void)flock(s->sweep_lock, LOCK_UN);
        return rc;
    }
    s->sweep_held = true;
    *ret_alone = true;
    return E_OK;
}

int store_try_sweep_lock(struct store *s, bool *ret_alone, struct err *e) {
    (void)pthread_mutex_lock(&s->locking);
    int rc = try_alone(s, ret_alone, e);
    (void)pthread_mutex_unlock(&s->locking);
    return rc;
}

void store_unlock_sweep(struct store *s) {
    (void)pthread_mutex_lock(&s->locking);
    if (s->sweep_held) {
        (void)flock(s->sweep_lock, LOCK_UN);
        s->sweep_held = false;
    }
    (void)pthread_mutex_unlock(&s->locking);
}
