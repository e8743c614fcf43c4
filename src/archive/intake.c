// SPDX-License-Identifier: Apache-2.0
// The pipeline of an intake: the gate judges (gating.h), runners take what it wrote into quarantine
// and have workers look at it, one committer makes batches durable; results go back on the caller's
// thread. Memory is bounded by the number of files in flight. Threads start when there is more than
// one file to look at. Without the gate (what was made here) runners copy the files themselves.
#include "archive/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/delivery.h"
#include "archive/entry.h"
#include "archive/gating.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "store/seal.h"
#include "store/store.h"

#define RUNNERS_MAX 16
#define COMMIT_AT 64                       // instances
#define COMMIT_AT_BYTES ((size_t)16 << 20) // of answers

struct list {
    struct entry *first;
    struct entry **end;
    size_t count;
};

struct intake {
    struct archive *archive;
    intake_done done;
    void *context;
    struct store_delivery *folder;
    struct delivery *of;   // NULL: not through the gate
    struct gating *gating; // with `of`, from the first file on
    struct entry *stream;  // between begin and end
    char only_study[65];   // "": any
    intake_expectation expectation;
    void *expecting;

    pthread_mutex_t lock; // of everything below
    pthread_cond_t work;  // for runners
    pthread_cond_t ready; // for the committer
    pthread_cond_t news;  // for the caller
    struct list lent;     // to the gate
    struct list arrived;  // to be looked at
    struct list examined; // to be committed
    struct list results;
    size_t answers; // bytes held by `examined`
    size_t examining;
    size_t at_once;   // 0: no limit
    size_t in_flight; // added and not yet among results
    uint64_t next_sequence;
    bool waiting; // the caller waits: commit what there is
    bool closing;

    bool threads_run;
    pthread_t runners[RUNNERS_MAX];
    size_t runner_count;
    pthread_t committer;
};

const char *intake_verdict_word(enum intake_verdict verdict) {
    static const char *const words[] = {"stored",   "duplicate", "held",
                                        "conflict", "refused",   "failed"};
    return (unsigned)verdict < sizeof words / sizeof words[0] ? words[verdict] : "failed";
}

static void list_init(struct list *l) { *l = (struct list){.end = &l->first}; }

static void list_add(struct list *l, struct entry *entry) {
    entry->next = NULL;
    *l->end = entry;
    l->end = &entry->next;
    l->count++;
}

static struct entry *list_take(struct list *l) {
    struct entry *entry = l->first;
    if (entry != NULL) {
        l->first = entry->next;
        l->end = l->first == NULL ? &l->first : l->end;
        l->count--;
    }
    return entry;
}

static void list_remove(struct list *l, struct entry *entry) {
    struct entry **at = &l->first;
    while (*at != NULL && *at != entry) {
        at = &(*at)->next;
    }
    if (*at == entry) {
        *at = entry->next;
        l->end = *at == NULL ? at : l->end;
        l->count--;
    }
}

static void list_free(struct list *l) {
    for (struct entry *entry; (entry = list_take(l)) != NULL;) {
        entry_free(entry);
    }
}

// --- steps; the lock is held around them

static void finish_entry(struct intake *i, struct entry *entry) {
    list_add(&i->results, entry);
    i->in_flight--;
    pthread_cond_signal(&i->news);
}

// Also what is in the archive already is refused: the request was for another study.
static void check_study(const struct intake *i, struct entry *entry) {
    const struct intake_result *r = &entry->result;
    bool known = (!entry->decided && r->study[0] != '\0') || r->verdict == INTAKE_DUPLICATE;
    if (known && i->only_study[0] != '\0' && strcmp(r->study, i->only_study) != 0) {
        struct err why = {0};
        err_set(&why, E_MISMATCH, "the instance is of another study than the one named");
        entry_decide(entry, INTAKE_REFUSED, &why);
    }
}

// Results name studies as the gate does.
void intake_only_study(struct intake *i, const char *study_uid) {
    if (i->of != NULL && study_uid[0] != '\0') {
        (void)gate_uid(i->of->gate, slice_str(study_uid), i->only_study);
    } else {
        (void)snprintf(i->only_study, sizeof i->only_study, "%s", study_uid);
    }
}

void intake_expect(struct intake *i, intake_expectation expectation, void *context) {
    i->expectation = expectation;
    i->expecting = context;
}

static void check_expectation(const struct intake *i, struct entry *entry) {
    struct err why = {0};
    // A file that was recognised is the one that passed.
    bool known = !entry->decided || (entry->result.verdict == INTAKE_DUPLICATE && i->of == NULL);
    if (known && i->expectation != NULL &&
        i->expectation(&entry->result, i->expecting, &why) != E_OK) {
        entry_decide(entry, INTAKE_REFUSED, &why);
    }
}

void intake_pace(struct intake *i, unsigned at_once) {
    pthread_mutex_lock(&i->lock);
    i->at_once = at_once;
    pthread_cond_broadcast(&i->work);
    pthread_mutex_unlock(&i->lock);
}

static void examine_ungated(struct intake *i, struct entry *entry) {
    entry_arrive(i->archive, i->folder, entry);
    if (!entry->decided) {
        entry_examine(i->archive, i->folder, entry);
    }
    check_study(i, entry);
    check_expectation(i, entry);
}

// Behind the gate.
static void examine_gated(struct intake *i, struct entry *entry) {
    check_study(i, entry);
    check_expectation(i, entry);
    if (!entry->decided && entry->held.wanted) {
        entry_keep_held(i->archive, i->of, entry);
        return;
    }
    if (!entry->decided) {
        entry_take_out(i->archive, i->of, i->folder, entry);
        gating_drop(i->gating, entry);
    }
    if (!entry->decided) {
        entry_examine(i->archive, i->folder, entry);
    }
}

static void examine(struct intake *i, struct entry *entry) {
    if (i->of == NULL) {
        examine_ungated(i, entry);
    } else {
        examine_gated(i, entry);
    }
}

// What the gate refused is noted with the others.
static bool is_to_be_noted(const struct intake *i, const struct entry *entry) {
    return i->of != NULL && entry->gated && entry->result.verdict == INTAKE_REFUSED;
}

static void examine_next(struct intake *i) {
    struct entry *entry = list_take(&i->arrived);
    i->examining++;
    pthread_mutex_unlock(&i->lock);
    examine(i, entry);
    pthread_mutex_lock(&i->lock);
    i->examining--;
    if (entry->decided && !is_to_be_noted(i, entry)) {
        finish_entry(i, entry);
    } else {
        list_add(&i->examined, entry);
        i->answers += entry->answer.cap;
    }
    if (i->at_once != 0) {
        pthread_cond_signal(&i->work);
    }
    pthread_cond_signal(&i->ready);
}

// Runners finish out of order; of two files of one UID in a batch the one that came first is to
// win.
static void put_in_order(struct entry **batch, size_t count, struct entry *entry) {
    size_t at = count;
    while (at > 0 && batch[at - 1]->sequence > entry->sequence) {
        batch[at] = batch[at - 1];
        at--;
    }
    batch[at] = entry;
}

// Those that are held or refused have rows of their own.
static void commit(struct intake *i, struct entry **batch, size_t count) {
    struct entry *others[INTAKE_BATCH_MAX];
    struct entry *stored[INTAKE_BATCH_MAX];
    size_t other_count = 0, stored_count = 0;
    for (size_t k = 0; k < count; k++) {
        if (batch[k]->decided || batch[k]->held.wanted) {
            others[other_count++] = batch[k];
        } else {
            stored[stored_count++] = batch[k];
        }
    }
    if (other_count > 0) {
        entries_hold(i->archive, i->of, others, other_count);
    }
    if (stored_count > 0) {
        entries_commit(i->archive, i->of, stored, stored_count);
    }
}

static void commit_next(struct intake *i) {
    struct entry *batch[INTAKE_BATCH_MAX];
    size_t count = 0;
    while (count < INTAKE_BATCH_MAX && i->examined.count > 0) {
        struct entry *entry = list_take(&i->examined);
        i->answers -= entry->answer.cap;
        put_in_order(batch, count++, entry);
    }
    pthread_cond_broadcast(&i->work);
    pthread_mutex_unlock(&i->lock);
    commit(i, batch, count);
    pthread_mutex_lock(&i->lock);
    for (size_t k = 0; k < count; k++) {
        finish_entry(i, batch[k]);
    }
}

static bool commit_is_due(const struct intake *i) {
    bool idle = i->arrived.count == 0 && i->examining == 0;
    return i->examined.count >= COMMIT_AT || i->answers >= COMMIT_AT_BYTES ||
           (i->examined.count > 0 && idle && (i->waiting || i->closing));
}

// --- threads

static void *run_examiner(void *context) {
    struct intake *i = context;
    pthread_mutex_lock(&i->lock);
    for (;;) {
        bool room =
            i->answers < 2 * COMMIT_AT_BYTES && (i->at_once == 0 || i->examining < i->at_once);
        if (i->arrived.count > 0 && room) {
            examine_next(i);
        } else if (i->closing && i->arrived.count == 0) {
            break;
        } else {
            pthread_cond_wait(&i->work, &i->lock);
        }
    }
    pthread_mutex_unlock(&i->lock);
    return NULL;
}

static void *run_committer(void *context) {
    struct intake *i = context;
    pthread_mutex_lock(&i->lock);
    for (;;) {
        if (commit_is_due(i)) {
            commit_next(i);
        } else if (i->closing && i->in_flight == 0) {
            break;
        } else {
            pthread_cond_wait(&i->ready, &i->lock);
        }
    }
    pthread_mutex_unlock(&i->lock);
    return NULL;
}

// Signals are for the threads that were there before.
static void start_threads(struct intake *i) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // While workers look at files, as many copy the next ones.
    size_t wanted = (size_t)2 * archive_worker_count(i->archive);
    wanted = wanted < RUNNERS_MAX ? wanted : RUNNERS_MAX;
    i->threads_run = pthread_create(&i->committer, NULL, run_committer, i) == 0;
    while (i->threads_run && i->runner_count < wanted &&
           pthread_create(&i->runners[i->runner_count], NULL, run_examiner, i) == 0) {
        i->runner_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool has_threads(const struct intake *i) { return i->threads_run && i->runner_count > 0; }

// --- the caller's side

static int open_intake(struct archive *a, struct delivery *d, intake_done done, void *context,
                       struct intake **ret_intake, struct err *e) {
    struct intake *i = mem_zalloc(sizeof *i);
    if (i == NULL) {
        return err_set(e, E_MEMORY, "intake");
    }
    int rc = store_delivery_open(archive_store(a), &i->folder, e);
    if (rc != E_OK) {
        mem_free(i);
        return rc;
    }
    i->archive = a;
    i->of = d;
    i->done = done;
    i->context = context;
    list_init(&i->lent);
    list_init(&i->arrived);
    list_init(&i->examined);
    list_init(&i->results);
    pthread_mutex_init(&i->lock, NULL);
    pthread_cond_init(&i->work, NULL);
    pthread_cond_init(&i->ready, NULL);
    pthread_cond_init(&i->news, NULL);
    *ret_intake = i;
    return E_OK;
}

int intake_open(struct archive *a, struct delivery *d, intake_done done, void *context,
                struct intake **ret_intake, struct err *e) {
    bool structural = archive_is_as_sent(a);
    if (d == NULL && !structural) {
        return err_set(e, E_DENIED, "nothing enters this archive but through the gate (clause N2)");
    }
    return open_intake(a, structural ? NULL : d, done, context, ret_intake, e);
}

int intake_open_made_here(struct archive *a, intake_done done, void *context,
                          struct intake **ret_intake, struct err *e) {
    return open_intake(a, NULL, done, context, ret_intake, e);
}

// Calls done for what has a result; the lock is given up meanwhile.
static void deliver(struct intake *i) {
    struct entry *entry;
    while ((entry = list_take(&i->results)) != NULL) {
        pthread_mutex_unlock(&i->lock);
        i->done(&entry->result, i->context);
        entry_free(entry);
        pthread_mutex_lock(&i->lock);
    }
}

// Without threads the caller does the work.
static void work_here(struct intake *i) {
    while (i->arrived.count > 0) {
        examine_next(i);
    }
    while (i->examined.count > 0) {
        commit_next(i);
    }
}

static void wait_for_room(struct intake *i, size_t most) {
    deliver(i);
    while (i->in_flight > most) {
        i->waiting = true;
        pthread_cond_signal(&i->ready);
        if (!has_threads(i)) {
            work_here(i);
        } else if (i->results.count == 0) {
            pthread_cond_wait(&i->news, &i->lock);
        }
        deliver(i);
    }
    i->waiting = false;
}

static void send(struct intake *i, struct entry *entry) {
    pthread_mutex_lock(&i->lock);
    i->in_flight++;
    entry->sequence = i->next_sequence++;
    list_add(&i->arrived, entry);
    if (i->arrived.count > 1 && !i->threads_run) {
        start_threads(i);
    }
    pthread_cond_signal(&i->work);
    wait_for_room(i, INTAKE_IN_FLIGHT_MAX - 1);
    pthread_mutex_unlock(&i->lock);
}

// --- through the gate

// On the caller's thread, within intake_finish.
static void on_verdict(void *context, struct entry *entry) {
    struct intake *i = context;
    pthread_mutex_lock(&i->lock);
    list_remove(&i->lent, entry); // it is the first
    i->in_flight++;
    if (entry->decided && !is_to_be_noted(i, entry)) {
        finish_entry(i, entry);
    } else {
        list_add(&i->arrived, entry);
        if (i->arrived.count > 1 && !i->threads_run) {
            start_threads(i);
        }
        pthread_cond_signal(&i->work);
    }
    wait_for_room(i, INTAKE_IN_FLIGHT_MAX - 1);
    pthread_mutex_unlock(&i->lock);
}

static int start_gate(struct intake *i, struct err *e) {
    const struct gating_options options = {.archive = i->archive,
                                           .delivery = i->of,
                                           .folder = i->folder,
                                           .at_once = (unsigned)i->at_once,
                                           .decided = on_verdict,
                                           .context = i};
    return i->gating != NULL ? E_OK : gating_new(&options, &i->gating, e);
}

static void give_up(struct intake *i, struct entry *entry, const struct err *why);

static void finish_known(struct intake *i, struct entry *entry) {
    check_study(i, entry);
    pthread_mutex_lock(&i->lock);
    i->in_flight++;
    finish_entry(i, entry);
    deliver(i);
    pthread_mutex_unlock(&i->lock);
}

static int lend(struct intake *i, struct entry *entry, const char *name, struct err *e) {
    struct err why = {0};
    if (entry_recognise(i->archive, i->of, entry, &why) != E_OK) {
        give_up(i, entry, &why);
        return E_OK;
    }
    if (entry->decided) {
        finish_known(i, entry);
        return E_OK;
    }
    if (start_gate(i, &why) != E_OK) {
        give_up(i, entry, &why);
        return E_OK;
    }
    pthread_mutex_lock(&i->lock);
    entry->sequence = i->next_sequence++;
    list_add(&i->lent, entry);
    pthread_mutex_unlock(&i->lock);
    int rc = gating_add(i->gating, entry, name, e);
    if (rc != E_OK) {
        pthread_mutex_lock(&i->lock);
        list_remove(&i->lent, entry);
        pthread_mutex_unlock(&i->lock);
        entry_free(entry);
    }
    return rc;
}

static int pass_on(struct intake *i, struct entry *entry, const char *name, struct err *e) {
    if (i->of != NULL) {
        return lend(i, entry, name, e);
    }
    send(i, entry);
    return E_OK;
}

static void give_up(struct intake *i, struct entry *entry, const struct err *why) {
    entry_decide(entry, INTAKE_FAILED, why);
    pthread_mutex_lock(&i->lock);
    i->in_flight++;
    finish_entry(i, entry);
    deliver(i);
    pthread_mutex_unlock(&i->lock);
}

static int no_memory(struct err *e) { return err_set(e, E_MEMORY, "intake"); }

int intake_add_fd(struct intake *i, int fd, uint64_t tag, struct err *e) {
    struct entry *entry = entry_new(tag);
    if (entry == NULL) {
        return no_memory(e);
    }
    entry->source = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (entry->source < 0) {
        struct err why = {0};
        err_set_errno(&why, errno, "cannot keep the file open");
        give_up(i, entry, &why);
        return E_OK;
    }
    return pass_on(i, entry, NULL, e);
}

int intake_add_path(struct intake *i, const char *path, const char *name, uint64_t tag,
                    struct err *e) {
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct entry *entry = entry_new(tag);
    if (entry == NULL) {
        return no_memory(e);
    }
    if (fd < 0 || fstat(fd, &entry->path_stat) != 0) {
        struct err why = {0};
        err_set_errno(&why, errno, "cannot be read");
        give_up(i, entry, &why);
        return E_OK;
    }
    entry->len = (uint64_t)entry->path_stat.st_size;
    if (i->of == NULL) {
        entry->source = steal_fd(&fd);
        return pass_on(i, entry, NULL, e);
    }
    entry->path = mem_strdup(path);
    if (entry->path == NULL) {
        entry_free(entry);
        return no_memory(e);
    }
    return pass_on(i, entry, name, e);
}

int intake_add_arrival(struct intake *i, struct store_inbox *files, uint64_t number, uint64_t len,
                       const struct hash *source, uint64_t tag, struct err *e) {
    struct entry *entry = entry_new(tag);
    if (entry == NULL) {
        return no_memory(e);
    }
    entry->inbox = files;
    entry->number = number;
    entry->len = len;
    entry->mac = *source;
    entry->mac_known = true;
    return pass_on(i, entry, NULL, e);
}

int intake_add_hold(struct intake *i, const struct hold_row *hold, const struct gate_orders *orders,
                    bool defaced, uint64_t tag, struct err *e) {
    struct entry *entry = entry_new(tag);
    struct gate_edit *edits = mem_array(orders->edit_count + 1, sizeof *edits);
    if (entry == NULL || edits == NULL) {
        entry_free(entry);
        mem_free(edits);
        return no_memory(e);
    }
    for (uint32_t k = 0; k < orders->edit_count; k++) {
        edits[k] = orders->edits[k];
    }
    entry->orders = *orders;
    entry->orders.edits = edits;
    entry->has_orders = true;
    entry->wants_defaced = defaced;
    entry->hold_id = hold->id;
    entry->number = hold->number;
    entry->len = hold->bytes;
    entry->mac = hold->source;
    entry->mac_known = true;
    return pass_on(i, entry, NULL, e);
}

static int begin_item(struct intake *i, struct entry *entry, struct err *e) {
    struct seal_name name = {.number = entry_number()};
    if (i->of == NULL) {
        return store_item_begin(i->folder, &entry->item, e);
    }
    entry->number = name.number;
    memcpy(name.delivery, i->of->id, sizeof name.delivery);
    return store_item_begin_encrypted(i->folder, i->of->seal, &name, &entry->item, e);
}

int intake_begin(struct intake *i, uint64_t tag, struct err *e) {
    intake_abandon(i);
    i->stream = entry_new(tag);
    if (i->stream == NULL) {
        return no_memory(e);
    }
    struct err why = {0};
    if (begin_item(i, i->stream, &why) != E_OK) {
        entry_decide(i->stream, INTAKE_FAILED, &why);
    }
    return E_OK;
}

int intake_write(struct intake *i, const void *bytes, size_t len, struct err *e) {
    struct entry *entry = i->stream;
    if (entry == NULL) {
        return err_set(e, E_INTERNAL, "intake_write without intake_begin");
    }
    struct err why = {0};
    if (!entry->decided && store_item_write(&entry->item, bytes, len, &why) != E_OK) {
        entry_decide(entry, INTAKE_FAILED, &why);
    }
    return E_OK;
}

int intake_end(struct intake *i, struct err *e) {
    struct entry *entry = i->stream;
    if (entry == NULL) {
        return err_set(e, E_INTERNAL, "intake_end without intake_begin");
    }
    i->stream = NULL;
    struct err why = entry->result.why;
    if (!entry->decided && store_item_seal(&entry->item, &why) == E_OK) {
        entry->len = entry->item.len;
        return pass_on(i, entry, NULL, e);
    }
    give_up(i, entry, &why);
    return E_OK;
}

void intake_abandon(struct intake *i) {
    entry_free(i->stream);
    i->stream = NULL;
}

// What the gate could not come to.
static void fail_lent(struct intake *i, const struct err *why) {
    pthread_mutex_lock(&i->lock);
    for (struct entry *entry; (entry = list_take(&i->lent)) != NULL;) {
        entry_decide(entry, INTAKE_FAILED, why);
        i->in_flight++;
        finish_entry(i, entry);
    }
    pthread_mutex_unlock(&i->lock);
}

int intake_finish(struct intake *i, struct err *e) {
    int rc = i->gating != NULL ? gating_finish(i->gating, e) : E_OK;
    if (rc != E_OK) {
        fail_lent(i, e);
    }
    pthread_mutex_lock(&i->lock);
    wait_for_room(i, 0);
    pthread_mutex_unlock(&i->lock);
    gating_free(i->gating);
    i->gating = NULL;
    return rc;
}

void intake_close(struct intake *i) {
    if (i == NULL) {
        return;
    }
    intake_abandon(i);
    pthread_mutex_lock(&i->lock);
    i->closing = true;
    if (!has_threads(i)) {
        i->in_flight -= i->arrived.count + i->examined.count;
        list_free(&i->arrived);
        list_free(&i->examined);
    }
    pthread_cond_broadcast(&i->work);
    pthread_cond_broadcast(&i->ready);
    pthread_mutex_unlock(&i->lock);
    for (size_t k = 0; k < i->runner_count; k++) {
        pthread_join(i->runners[k], NULL);
    }
    if (i->threads_run) {
        pthread_cond_signal(&i->ready);
        pthread_join(i->committer, NULL);
    }
    list_free(&i->results);
    gating_free(i->gating); // before what it was lent
    list_free(&i->lent);
    store_delivery_close(i->folder);
    pthread_mutex_destroy(&i->lock);
    pthread_cond_destroy(&i->work);
    pthread_cond_destroy(&i->ready);
    pthread_cond_destroy(&i->news);
    mem_free(i);
}
