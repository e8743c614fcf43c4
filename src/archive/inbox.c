// SPDX-License-Identifier: Apache-2.0
// The receiving side of the inbox: an arrival from its first byte until it is durable.
#include "archive/inbox.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/inbox_priv.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/num.h"
#include "dicom/part10.h"
#include "store/store.h"

#define META_MAX ((size_t)16384)
#define RECEIPT_VERSION 2
#define RECEIPT_LEN (4 + 8 + HASH_LEN + 17 + 65 + SEAL_DELIVERY_LEN)

struct inbox_arrival {
    struct inbox *inbox;
    struct inbox_delivery *delivery;
    struct store_arrival file;
    struct inbox_note *note;
    struct inbox_arrival *next; // to be synced
    bool done;                  // under sync_lock
    struct err why;
};

// --- lists and receipts

void inbox_list_init(struct inbox_list *l) { *l = (struct inbox_list){.end = &l->first}; }

void inbox_list_add(struct inbox_list *l, struct inbox_note *note) {
    note->next = NULL;
    *l->end = note;
    l->end = &note->next;
    l->count++;
}

struct inbox_note *inbox_list_take(struct inbox_list *l) {
    struct inbox_note *note = l->first;
    if (note != NULL) {
        l->first = note->next;
        l->end = l->first == NULL ? &l->first : l->end;
        l->count--;
    }
    return note;
}

static void list_free(struct inbox_list *l) {
    for (struct inbox_note *note; (note = inbox_list_take(l)) != NULL;) {
        mem_free(note);
    }
}

void inbox_receipt_put(struct buf *out, const struct inbox_note *note) {
    uint8_t head[12];
    num_put_le32(head, RECEIPT_VERSION);
    num_put_le64(head + 4, (uint64_t)note->received);
    buf_put(out, head, sizeof head);
    buf_put(out, note->instance_key.bytes, HASH_LEN);
    buf_put(out, note->peer, sizeof note->peer);
    buf_put(out, note->sop_class, sizeof note->sop_class);
    buf_put(out, note->delivery, SEAL_DELIVERY_LEN);
}

bool inbox_receipt_read(struct slice receipt, struct inbox_note *note) {
    if (receipt.len != RECEIPT_LEN || num_le32(receipt.ptr) != RECEIPT_VERSION) {
        return false;
    }
    const uint8_t *p = receipt.ptr + 12;
    note->received = (usec)num_le64(receipt.ptr + 4);
    memcpy(note->instance_key.bytes, p, HASH_LEN);
    memcpy(note->peer, p + HASH_LEN, sizeof note->peer);
    memcpy(note->sop_class, p + HASH_LEN + sizeof note->peer, sizeof note->sop_class);
    memcpy(note->delivery, p + HASH_LEN + sizeof note->peer + sizeof note->sop_class,
           SEAL_DELIVERY_LEN);
    note->peer[sizeof note->peer - 1] = '\0';
    note->sop_class[sizeof note->sop_class - 1] = '\0';
    return true;
}

void inbox_trouble(struct inbox *b, const struct err *why) {
    if (b->options.trouble != NULL) {
        b->options.trouble(b->options.context, why);
    }
}

// --- opening and closing

static void init(struct inbox *b, const struct inbox_options *options) {
    b->options = *options;
    b->archive = options->archive;
    b->clock = archive_clock(options->archive);
    b->pace = clock_system();
    b->options.backlog_max = options->backlog_max == 0 ? INBOX_BACKLOG_MAX : options->backlog_max;
    b->options.spare_bytes = options->spare_bytes == 0 ? INBOX_SPARE : options->spare_bytes;
    inbox_list_init(&b->waiting);
    inbox_list_init(&b->judging);
    b->options.quiet = options->quiet == 0 ? archive_quiet(options->archive) : options->quiet;
    b->sync_end = &b->sync_first;
    (void)pthread_mutex_init(&b->taking, NULL);
    (void)pthread_mutex_init(&b->recording, NULL);
    (void)pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&b->news, &monotonic);
    (void)pthread_cond_init(&b->settled, NULL);
    (void)pthread_cond_init(&b->few_names, NULL);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&b->sync_lock, NULL);
    (void)pthread_cond_init(&b->sync_work, NULL);
    (void)pthread_cond_init(&b->sync_done, NULL);
}

// Signals are for the threads that were there before.
static bool start_thread(pthread_t *ret_thread, void *(*run)(void *), void *context) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool good = pthread_create(ret_thread, NULL, run, context) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return good;
}

static void wait_a_second(struct inbox *b) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    while (!b->stopping && pthread_cond_timedwait(&b->few_names, &b->lock, &until) == 0) {
    }
}

static void *run_preparer(void *context) {
    struct inbox *b = context;
    (void)pthread_mutex_lock(&b->lock);
    while (!b->stopping) {
        if (!store_inbox_wants(b->files)) {
            (void)pthread_cond_wait(&b->few_names, &b->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&b->lock);
        bool made = store_inbox_prepare(b->files);
        (void)pthread_mutex_lock(&b->lock);
        if (!made && !b->stopping) { // no descriptor, no room: arrivals make their own names
            wait_a_second(b);
        }
    }
    (void)pthread_mutex_unlock(&b->lock);
    return NULL;
}

int inbox_open(const struct inbox_options *options, struct inbox **ret_inbox, struct err *e) {
    struct inbox *b = mem_zalloc(sizeof *b);
    if (b == NULL) {
        return err_set(e, E_MEMORY, "inbox");
    }
    init(b, options);
    struct store *store = archive_store(b->archive);
    int rc = custody_key_load(store, &b->key, e);
    rc = rc == E_OK ? store_inbox_open(store, &b->files, e) : rc;
    rc = rc == E_OK ? inbox_recover(b, e) : rc;
    // Only now: the deliveries of what lies there are in use, whatever the catalogue knows of it.
    rc = rc == E_OK ? delivery_end_quiet(b->archive, "dimse", b->options.quiet, e) : rc;
    if (rc == E_OK) {
        (void)store_inbox_prepare(b->files);
        b->preparer_runs = start_thread(&b->preparer, run_preparer, b);
        b->judge_runs = start_thread(&b->judge, inbox_judge_run, b);
        rc = b->judge_runs && b->preparer_runs ? E_OK
                                               : err_set(e, E_MEMORY, "no thread for the inbox");
    }
    if (rc != E_OK) {
        inbox_close(b);
        return rc;
    }
    *ret_inbox = b;
    return E_OK;
}

static void stop_syncers(struct inbox *b) {
    (void)pthread_mutex_lock(&b->sync_lock);
    b->sync_stopping = true;
    (void)pthread_cond_broadcast(&b->sync_work);
    (void)pthread_mutex_unlock(&b->sync_lock);
    for (size_t i = 0; i < b->syncer_count; i++) {
        (void)pthread_join(b->syncers[i], NULL);
    }
}

void inbox_close(struct inbox *b) {
    if (b == NULL) {
        return;
    }
    stop_syncers(b);
    (void)pthread_mutex_lock(&b->lock);
    b->stopping = true;
    (void)pthread_cond_broadcast(&b->news);
    (void)pthread_cond_broadcast(&b->few_names);
    (void)pthread_mutex_unlock(&b->lock);
    if (b->preparer_runs) {
        (void)pthread_join(b->preparer, NULL);
    }
    if (b->judge_runs) {
        (void)pthread_join(b->judge, NULL);
    }
    list_free(&b->waiting);
    list_free(&b->judging);
    inbox_deliveries_free(b);
    store_inbox_close(b->files);
    explicit_bzero(&b->key, sizeof b->key);
    (void)pthread_cond_destroy(&b->sync_done);
    (void)pthread_cond_destroy(&b->sync_work);
    (void)pthread_mutex_destroy(&b->sync_lock);
    (void)pthread_cond_destroy(&b->few_names);
    (void)pthread_cond_destroy(&b->settled);
    (void)pthread_cond_destroy(&b->news);
    (void)pthread_mutex_destroy(&b->lock);
    (void)pthread_mutex_destroy(&b->recording);
    (void)pthread_mutex_destroy(&b->taking);
    mem_free(b);
}

// --- limits

static int turn_away(struct inbox *b, struct err *e) {
    (void)pthread_mutex_lock(&b->lock);
    b->counts.turned_away++;
    (void)pthread_mutex_unlock(&b->lock);
    return e->code;
}

static int check_limits(struct inbox *b, struct err *e) {
    uint64_t free_bytes = 0;
    uint64_t backlog = inbox_backlog(b);
    if (backlog >= b->options.backlog_max) {
        (void)err_set(e, E_FULL, "%llu instances wait for their verdict; try again later",
                      (unsigned long long)backlog);
        return turn_away(b, e);
    }
    if (store_free_bytes(archive_store(b->archive), &free_bytes, e) != E_OK) {
        return e->code;
    }
    if (free_bytes < b->options.spare_bytes) {
        (void)err_set(e, E_FULL, "the disk is nearly full");
        return turn_away(b, e);
    }
    return E_OK;
}

// --- arriving

static void copy_text(char *out, size_t size, const char *text) {
    size_t len = strnlen(text, size - 1);
    memcpy(out, text, len);
}

static int put_meta(void *context, struct slice bytes, struct err *e) {
    return store_arrival_write(context, bytes.ptr, bytes.len, e);
}

// PS3.10 7.1 from the command and the context; who sent it does not stand in the file.
static int write_meta(struct inbox_arrival *a, const struct inbox_sender *sender, struct err *e) {
    CLEANUP(arena_done) struct arena memory;
    arena_init(&memory, META_MAX);
    struct dcm_dataset *nothing = dcm_dataset_new(&memory, DCM_EXPLICIT_LE);
    if (nothing == NULL) {
        return err_set(e, E_MEMORY, "meta information");
    }
    const struct dcm_write_options options = {.syntax_uid = sender->syntax,
                                              .sop_class_uid = sender->sop_class,
                                              .sop_instance_uid = sender->sop_instance};
    return dcm_file_write_meta(nothing, &options,
                               (struct dcm_sink){.put = put_meta, .context = &a->file}, e);
}

static int new_arrival(struct inbox *b, const struct inbox_sender *sender,
                       struct inbox_arrival **ret_arrival, struct err *e) {
    struct inbox_arrival *a = mem_zalloc(sizeof *a);
    struct inbox_note *note = mem_zalloc(sizeof *note);
    if (a == NULL || note == NULL) {
        mem_free(a);
        mem_free(note);
        return err_set(e, E_MEMORY, "arrival");
    }
    a->inbox = b;
    a->note = note;
    copy_text(note->peer, sizeof note->peer, sender->peer);
    copy_text(note->sop_class, sizeof note->sop_class, sender->sop_class);
    note->instance_key = custody_instance_key(&b->key, slice_str(sender->sop_instance));
    int rc = inbox_delivery_begin(b, note->peer, &a->delivery, e);
    if (rc == E_OK) {
        const struct delivery *d = a->delivery->delivery;
        memcpy(note->delivery, d->id, sizeof note->delivery);
        rc = store_arrival_begin(b->files, d->seal, d->id, &a->file, e);
    }
    if (rc != E_OK) {
        inbox_delivery_end(b, a->delivery);
        mem_free(note);
        mem_free(a);
        return rc;
    }
    *ret_arrival = a;
    return E_OK;
}

static void count_arriving(struct inbox *b, int change) {
    bool few = change > 0 && store_inbox_wants(b->files);
    (void)pthread_mutex_lock(&b->lock);
    b->arriving = (unsigned)((int)b->arriving + change);
    b->last_arrival = clock_monotonic(b->pace);
    if (few) {
        (void)pthread_cond_signal(&b->few_names);
    }
    (void)pthread_mutex_unlock(&b->lock);
}

int inbox_begin(struct inbox *b, const struct inbox_sender *sender,
                struct inbox_arrival **ret_arrival, struct err *e) {
    struct inbox_arrival *a = NULL;
    int rc = check_limits(b, e);
    rc = rc == E_OK ? new_arrival(b, sender, &a, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    count_arriving(b, 1);
    rc = write_meta(a, sender, e);
    if (rc != E_OK) {
        inbox_abandon(a);
        return rc;
    }
    *ret_arrival = a;
    return E_OK;
}

int inbox_write(struct inbox_arrival *a, struct slice bytes, struct err *e) {
    return store_arrival_write(&a->file, bytes.ptr, bytes.len, e);
}

static void free_arrival(struct inbox_arrival *a) {
    inbox_delivery_end(a->inbox, a->delivery);
    store_arrival_abandon(&a->file); // nothing when it was kept
    mem_free(a->note);
    mem_free(a);
}

void inbox_abandon(struct inbox_arrival *a) {
    if (a != NULL) {
        count_arriving(a->inbox, -1);
        free_arrival(a);
    }
}

static int seal(struct inbox_arrival *a, struct err *e) {
    CLEANUP(cleanup_buf) struct buf receipt;
    struct inbox_note *note = a->note;
    buf_init(&receipt, STORE_RECEIPT_MAX);
    note->number = a->file.number;
    note->bytes = a->file.len;
    note->received = clock_now(a->inbox->clock);
    inbox_receipt_put(&receipt, note);
    int rc = buf_check(&receipt, "receipt", e);
    return rc == E_OK ? store_arrival_seal(&a->file, buf_slice(&receipt), &note->arrival, e) : rc;
}

void inbox_queue(struct inbox *b, struct inbox_note *note) {
    (void)pthread_mutex_lock(&b->lock);
    inbox_list_add(&b->waiting, note);
    inbox_delivery_count(b, note->delivery, 1);
    b->unrecorded += !note->recorded;
    b->counts.backlog++;
    b->counts.backlog_bytes += note->bytes;
    if (!note->found) {
        b->counts.arrivals++;
        b->counts.bytes += note->bytes;
    }
    (void)pthread_cond_signal(&b->news);
    (void)pthread_mutex_unlock(&b->lock);
}

// It is on disk: from here on it is ours.
static void accept_arrival(struct inbox_arrival *a) {
    store_arrival_keep(&a->file);
    inbox_queue(a->inbox, steal(a->note));
}

static int finish(struct inbox_arrival *a, int rc) {
    count_arriving(a->inbox, -1);
    if (rc == E_OK) {
        accept_arrival(a);
    }
    free_arrival(a);
    return rc;
}

int inbox_end(struct inbox_arrival *a, struct err *e) {
    int rc = seal(a, e);
    rc = rc == E_OK ? store_arrival_sync(&a->file, e) : rc;
    return finish(a, rc);
}

// --- syncing behind the sender's back

static struct inbox_arrival *next_to_sync(struct inbox *b) {
    while (b->sync_first == NULL && !b->sync_stopping) {
        (void)pthread_cond_wait(&b->sync_work, &b->sync_lock);
    }
    struct inbox_arrival *a = b->sync_first;
    if (a != NULL) {
        b->sync_first = a->next;
        b->sync_end = b->sync_first == NULL ? &b->sync_first : b->sync_end;
    }
    return a;
}

static void *run_syncer(void *context) {
    struct inbox *b = context;
    (void)pthread_mutex_lock(&b->sync_lock);
    for (struct inbox_arrival *a; (a = next_to_sync(b)) != NULL;) {
        (void)pthread_mutex_unlock(&b->sync_lock);
        (void)store_arrival_sync(&a->file, &a->why);
        (void)pthread_mutex_lock(&b->sync_lock);
        a->done = true;
        (void)pthread_cond_broadcast(&b->sync_done);
    }
    (void)pthread_mutex_unlock(&b->sync_lock);
    return NULL;
}

void inbox_end_later(struct inbox_arrival *a) {
    struct inbox *b = a->inbox;
    bool sealed = seal(a, &a->why) == E_OK;
    (void)pthread_mutex_lock(&b->sync_lock);
    if (b->syncer_count < INBOX_SYNCERS && sealed &&
        start_thread(&b->syncers[b->syncer_count], run_syncer, b)) {
        b->syncer_count++;
    }
    bool later = sealed && b->syncer_count > 0;
    if (later) {
        a->next = NULL;
        *b->sync_end = a;
        b->sync_end = &a->next;
        (void)pthread_cond_signal(&b->sync_work);
    }
    (void)pthread_mutex_unlock(&b->sync_lock);
    if (!later) {
        if (sealed) {
            (void)store_arrival_sync(&a->file, &a->why);
        }
        a->done = true;
    }
}

bool inbox_is_done(struct inbox_arrival *a) {
    (void)pthread_mutex_lock(&a->inbox->sync_lock);
    bool done = a->done;
    (void)pthread_mutex_unlock(&a->inbox->sync_lock);
    return done;
}

int inbox_wait(struct inbox_arrival *a, struct err *e) {
    struct inbox *b = a->inbox;
    (void)pthread_mutex_lock(&b->sync_lock);
    while (!a->done) {
        (void)pthread_cond_wait(&b->sync_done, &b->sync_lock);
    }
    (void)pthread_mutex_unlock(&b->sync_lock);
    int rc = a->why.code;
    if (rc != E_OK) {
        *e = a->why;
    }
    return finish(a, rc);
}

// --- questions

int inbox_ask(struct inbox *b, struct slice sop_class, struct slice sop_instance,
              enum custody_answer *ret_answer, struct err *e) {
    struct hash key = custody_instance_key(&b->key, sop_instance);
    struct db *db;
    int rc = inbox_record(b, e);
    rc = rc == E_OK ? archive_reader(b->archive, &db, e) : rc;
    if (rc == E_OK) {
        rc = custody_ask(db, &key, sop_class, ret_answer, e);
        archive_reader_done(b->archive, db);
    }
    return rc;
}

void inbox_settle(struct inbox *b) {
    (void)pthread_mutex_lock(&b->lock);
    while (b->counts.backlog > 0) {
        (void)pthread_cond_wait(&b->settled, &b->lock);
    }
    (void)pthread_mutex_unlock(&b->lock);
}

uint64_t inbox_backlog(struct inbox *b) {
    (void)pthread_mutex_lock(&b->lock);
    uint64_t backlog = b->counts.backlog;
    (void)pthread_mutex_unlock(&b->lock);
    return backlog;
}

void inbox_counts(struct inbox *b, struct inbox_counts *ret_counts) {
    (void)pthread_mutex_lock(&b->lock);
    *ret_counts = b->counts;
    const struct inbox_note *oldest =
        b->judging.first != NULL ? b->judging.first : b->waiting.first;
    ret_counts->oldest = oldest != NULL ? oldest->received : 0;
    (void)pthread_mutex_unlock(&b->lock);
}
