// SPDX-License-Identifier: Apache-2.0
// Writing the audit log. Each append holds the file lock, and trusts what it remembers of the
// chain's end only while the file still has the length it left it with.
#include "policy/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "policy/audit_files.h"
#include "policy/audit_line.h"
#include "policy/audit_repeat.h"
#include "policy/audit_tail.h"

#define DIR_MODE 0700
#define FILE_MODE 0600

struct audit {
    const struct clock *clock;
    int dir_fd, lock_fd, head_fd;
    pthread_mutex_t lock; // everything below
    int fd;               // the newest file; -1: none yet
    char name[AUDIT_NAME_MAX];
    uint64_t len; // of it, as we left it
    bool closed;  // its last line says that the log goes on in another
    uint64_t seq;
    struct hash tail;
    struct buf line;
    struct hash_stream *hashing;
    usec window; // 0: reads are not counted
    usec looked; // when the repeats were last looked through
    struct audit_repeat *repeats;

    pthread_mutex_t syncing; // taken before `lock`
    uint64_t synced;         // every line up to this one
};

// --- the end of the chain

static int write_whole(struct audit *a, struct slice bytes, struct err *e) {
    if (file_write_all(a->fd, bytes.ptr, bytes.len) == 0) {
        a->len += bytes.len;
        return E_OK;
    }
    int why = errno;
    // Nothing half stays; should that fail too, the next writer finds a torn line and seals it.
    (void)!ftruncate(a->fd, (off_t)a->len);
    return err_set_errno(e, why, "cannot write the audit log %s", a->name);
}

static struct audit_place next_place(const struct audit *a) {
    return (struct audit_place){a->seq + 1, a->tail, clock_now(a->clock)};
}

// Writes the line in a->line, whose hash is `h`, and moves the chain's end behind it.
static int append(struct audit *a, const struct hash *h, struct err *e) {
    if (buf_check(&a->line, "audit line", e) != E_OK ||
        write_whole(a, buf_slice(&a->line), e) != E_OK) {
        return e->code;
    }
    a->seq++;
    a->tail = *h;
    return E_OK;
}

static int seal(struct audit *a, struct slice torn, struct err *e) {
    CLEANUP(cleanup_buf) struct buf copy;
    buf_init(&copy, torn.len + 1);
    buf_put_slice(&copy, torn);
    bool open_end = torn.ptr[torn.len - 1] != '\n';
    if (open_end) {
        buf_put_byte(&copy, '\n');
    }
    if (buf_check(&copy, "torn audit line", e) != E_OK) {
        return e->code;
    }
    buf_clear(&a->line);
    if (open_end) {
        buf_put_byte(&a->line, '\n');
    }
    struct audit_place at = next_place(a);
    struct hash h = audit_line_sealed(&a->line, a->hashing, &at, buf_slice(&copy));
    return append(a, &h, e);
}

static void forget_file(struct audit *a) {
    if (a->fd >= 0) {
        (void)fdatasync(a->fd); // a caller may be about to sync what it wrote there
    }
    cleanup_fd(&a->fd);
}

static int open_segment(struct audit *a, const char *name, int flags, struct err *e) {
    int fd = openat(a->dir_fd, name, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | flags, FILE_MODE);
    if (fd < 0) {
        return err_set_errno(e, errno, "cannot open the audit log %s", name);
    }
    struct stat st;
    if (fstat(fd, &st) != 0) {
        int why = errno;
        (void)close(fd);
        return err_set_errno(e, why, "cannot examine the audit log %s", name);
    }
    a->fd = fd;
    a->len = (uint64_t)st.st_size;
    a->closed = false;
    (void)snprintf(a->name, sizeof a->name, "%s", name);
    return E_OK;
}

// What lies behind the last good line of the newest file is torn.
static int mend(struct audit *a, struct err *e) {
    CLEANUP(cleanup_file_map) struct file_map map = {0};
    if (file_map_fd(a->fd, &map, e) != E_OK) {
        return e->code;
    }
    struct audit_line line;
    size_t end = 0;
    bool found = audit_tail_of(map.bytes, &line, &end);
    a->closed = found && line.continued && end == map.bytes.len;
    return end < map.bytes.len ? seal(a, slice_from(map.bytes, end), e) : E_OK;
}

static int reload(struct audit *a, struct err *e) {
    struct audit_files files = {0};
    struct audit_line line;
    forget_file(a);
    if (audit_files_list(a->dir_fd, &files, e) != E_OK) {
        return e->code;
    }
    int rc = audit_tail_find(a->dir_fd, &files, &line, e);
    if (rc == E_OK && line.seq >= a->seq) { // else the log was cut: go on from what we know
        a->seq = line.seq;
        a->tail = line.hash;
    }
    if (rc == E_OK && files.count > 0) {
        rc = open_segment(a, files.names[files.count - 1], 0, e);
        rc = rc == E_OK ? mend(a, e) : rc;
    }
    audit_files_done(&files);
    return rc;
}

static bool as_we_left_it(const struct audit *a) {
    struct stat st;
    return a->fd >= 0 && fstat(a->fd, &st) == 0 && (uint64_t)st.st_size == a->len &&
           st.st_nlink > 0;
}

// --- a file a month

static void month_name(usec at, char name[AUDIT_NAME_MAX]) {
    struct civil_time t = clock_civil(at);
    (void)snprintf(name, AUDIT_NAME_MAX, "%04u-%02u.jsonl", (unsigned)t.year % 10000U,
                   (unsigned)t.month % 100U);
}

static void month_after(const char *name, char next[AUDIT_NAME_MAX]) {
    unsigned year = 0, month = 0;
    (void)sscanf(name, "%4u-%2u", &year, &month);
    month++;
    if (month > 12) {
        month = 1;
        year++;
    }
    (void)snprintf(next, AUDIT_NAME_MAX, "%04u-%02u.jsonl", year % 10000U, month);
}

static int close_month(struct audit *a, const char *next, struct err *e) {
    char month[8];
    (void)snprintf(month, sizeof month, "%.7s", next);
    struct audit_place at = next_place(a);
    buf_clear(&a->line);
    struct hash h = audit_line_continued(&a->line, a->hashing, &at, month);
    return append(a, &h, e);
}

// The newest file is that of this month. Months only go forward, whatever the clock does: the order
// of names is the order of the chain.
static int right_month(struct audit *a, struct err *e) {
    char now[AUDIT_NAME_MAX], next[AUDIT_NAME_MAX];
    month_name(clock_now(a->clock), now);
    bool later = a->fd < 0 || strcmp(now, a->name) > 0;
    if (!later && !a->closed) {
        return E_OK;
    }
    (void)snprintf(next, sizeof next, "%s", now);
    if (!later) {
        month_after(a->name, next);
    }
    if (a->fd >= 0 && !a->closed && close_month(a, next, e) != E_OK) {
        return e->code;
    }
    forget_file(a);
    if (open_segment(a, next, O_CREAT, e) != E_OK) {
        return e->code;
    }
    return file_sync_dir(a->dir_fd, e);
}

// --- counting repeated reads

static int note_repeat(struct audit *a, struct audit_repeat *r, struct err *e) {
    if (r->times == 0) {
        return E_OK;
    }
    struct audit_place at = next_place(a);
    buf_clear(&a->line);
    struct hash h = audit_line_repeated(&a->line, a->hashing, &at, r->seq, r->times);
    if (append(a, &h, e) != E_OK) {
        return e->code;
    }
    r->times = 0;
    return E_OK;
}

// Every count whose time is over (all: every count) becomes a note.
static int note_repeats(struct audit *a, bool all, struct err *e) {
    usec now = clock_now(a->clock);
    for (size_t i = 0; a->repeats != NULL && i < AUDIT_REPEATS; i++) {
        struct audit_repeat *r = &a->repeats[i];
        bool over = now < r->since || now - r->since >= a->window;
        if ((all || over) && note_repeat(a, r, e) != E_OK) {
            return e->code;
        }
    }
    a->looked = now;
    return E_OK;
}

int audit_count_reads(struct audit *a, usec window, struct err *e) {
    if (a->repeats == NULL) {
        a->repeats = mem_array(AUDIT_REPEATS, sizeof *a->repeats);
    }
    if (a->repeats == NULL) {
        return err_set(e, E_MEMORY, "audit log");
    }
    a->window = window;
    return E_OK;
}

// --- open and close

static int open_files(struct audit *a, const char *data_dir, struct err *e) {
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/" AUDIT_DIR, data_dir);
    if (len < 0 || (size_t)len >= sizeof path) {
        return err_set(e, E_ARGUMENT, "folder name too long");
    }
    if (file_make_dirs(path, DIR_MODE, e) != E_OK) {
        return e->code;
    }
    a->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a->dir_fd >= 0) {
        a->lock_fd = openat(a->dir_fd, AUDIT_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
        a->head_fd = openat(a->dir_fd, AUDIT_HEAD, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    }
    return a->dir_fd >= 0 && a->lock_fd >= 0 && a->head_fd >= 0
               ? E_OK
               : err_set_errno(e, errno, "cannot open the audit log in %s", path);
}

// Runs `run` with the file lock held.
static int locked(struct audit *a, int (*run)(struct audit *a, void *context, struct err *e),
                  void *context, struct err *e) {
    int rc;
    do {
        rc = flock(a->lock_fd, LOCK_EX);
    } while (rc != 0 && errno == EINTR);
    if (rc != 0) {
        return err_set_errno(e, errno, "cannot lock the audit log");
    }
    rc = run(a, context, e);
    (void)flock(a->lock_fd, LOCK_UN);
    return rc;
}

static int first_load(struct audit *a, void *context, struct err *e) {
    (void)context;
    return reload(a, e);
}

int audit_open(const char *data_dir, const struct clock *clock, struct audit **ret_audit,
               struct err *e) {
    struct audit *a = mem_zalloc(sizeof *a);
    if (a == NULL) {
        return err_set(e, E_MEMORY, "audit log");
    }
    a->clock = clock;
    a->fd = a->dir_fd = a->lock_fd = a->head_fd = -1;
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_mutex_init(&a->syncing, NULL);
    buf_init(&a->line, AUDIT_LINE_MAX);
    a->hashing = hash_stream_new();
    int rc = a->hashing == NULL ? err_set(e, E_MEMORY, "audit log") : open_files(a, data_dir, e);
    rc = rc == E_OK ? locked(a, first_load, NULL, e) : rc;
    if (rc != E_OK) {
        audit_close(a);
        return rc;
    }
    a->synced = a->seq;
    *ret_audit = a;
    return E_OK;
}

static int settle(struct audit *a, struct err *e) {
    return !as_we_left_it(a) && reload(a, e) != E_OK ? e->code : right_month(a, e);
}

static int last_notes(struct audit *a, void *context, struct err *e) {
    (void)context;
    return settle(a, e) == E_OK ? note_repeats(a, true, e) : e->code;
}

// Remembers how far the log is on disk.
static void write_head(struct audit *a, uint64_t seq, const struct hash *tail) {
    char text[128], hex[HASH_HEX_LEN + 1];
    int len =
        snprintf(text, sizeof text, "%020llu %s\n", (unsigned long long)seq, hash_hex(tail, hex));
    (void)!pwrite(a->head_fd, text, (size_t)len, 0);
}

void audit_close(struct audit *a) {
    if (a == NULL) {
        return;
    }
    struct err ignored = {0};
    if (a->window > 0 && a->fd >= 0) {
        (void)locked(a, last_notes, NULL, &ignored);
    }
    if (a->fd >= 0 && a->synced < a->seq && fdatasync(a->fd) == 0) {
        write_head(a, a->seq, &a->tail);
    }
    cleanup_fd(&a->fd);
    cleanup_fd(&a->head_fd);
    cleanup_fd(&a->lock_fd);
    cleanup_fd(&a->dir_fd);
    hash_stream_free(a->hashing);
    buf_done(&a->line);
    mem_free(a->repeats);
    (void)pthread_mutex_destroy(&a->syncing);
    (void)pthread_mutex_destroy(&a->lock);
    mem_free(a);
}

// --- decisions

struct entry {
    const struct policy_request *request;
    const struct policy_decision *decision;
    const struct hash *key; // NULL: not counted when it comes again
    uint64_t seq;
};

static int append_decision(struct audit *a, void *context, struct err *e) {
    struct entry *entry = context;
    struct audit_repeat *slot =
        entry->key != NULL ? audit_repeat_slot(a->repeats, entry->key) : NULL;
    usec now = clock_now(a->clock);
    bool due = a->window > 0 && (now < a->looked || now - a->looked >= a->window);
    if (settle(a, e) != E_OK || (due && note_repeats(a, false, e) != E_OK) ||
        (slot != NULL && note_repeat(a, slot, e) != E_OK)) {
        return e->code;
    }
    struct audit_place at = next_place(a);
    buf_clear(&a->line);
    struct hash h = audit_line_decision(&a->line, a->hashing, &at, entry->request, entry->decision);
    entry->seq = at.seq;
    if (append(a, &h, e) != E_OK) {
        return e->code;
    }
    if (slot != NULL) {
        *slot = (struct audit_repeat){*entry->key, at.time, at.seq, 0};
    }
    return E_OK;
}

// One sync serves every thread that waits for it.
static int sync_up_to(struct audit *a, uint64_t seq, struct err *e) {
    (void)pthread_mutex_lock(&a->syncing);
    int rc = E_OK;
    if (a->synced < seq) {
        (void)pthread_mutex_lock(&a->lock);
        CLEANUP(cleanup_fd) int fd = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
        uint64_t upto = a->seq;
        struct hash tail = a->tail;
        (void)pthread_mutex_unlock(&a->lock);
        if (fd < 0 || fdatasync(fd) != 0) {
            rc = err_set_errno(e, errno, "cannot sync the audit log");
        } else {
            a->synced = upto;
            write_head(a, upto, &tail);
        }
    }
    (void)pthread_mutex_unlock(&a->syncing);
    return rc;
}

// A line that is to be counted from now on is on disk before anything is counted with it, where its
// action asks for that: the call that wrote it has synced it before the same delivery goes on.
static int write_decision(struct audit *a, struct entry *entry, bool counted_later, struct err *e) {
    struct hash key;
    (void)pthread_mutex_lock(&a->lock);
    if (counted_later && a->window > 0) {
        key = audit_repeat_key(a->hashing, entry->request);
        entry->key = &key;
    }
    bool counted = entry->key != NULL &&
                   audit_repeat_count(a->repeats, entry->key, a->window, clock_now(a->clock));
    int rc = counted ? E_OK : locked(a, append_decision, entry, e);
    (void)pthread_mutex_unlock(&a->lock);
    return rc;
}

int audit_decision(struct audit *a, const struct policy_request *request,
                   const struct policy_decision *decision, struct err *e) {
    struct entry entry = {.request = request, .decision = decision};
    bool durable = !decision->allowed || policy_action_custody(request->action);
    bool counted = decision->allowed && policy_action_counted(request->action);
    int rc = write_decision(a, &entry, counted, e);
    return rc == E_OK && durable && entry.seq > 0 ? sync_up_to(a, entry.seq, e) : rc;
}

bool audit_ask(struct audit *a, const struct policy_request *request,
               struct policy_decision *ret_decision) {
    struct err e = {0};
    *ret_decision = policy_decide(request);
    if (audit_decision(a, request, ret_decision, &e) != E_OK) {
        *ret_decision = (struct policy_decision){
            false, "S1",
            "The decision cannot be written to the audit log, so nothing may be done."};
    }
    return ret_decision->allowed;
}
