// SPDX-License-Identifier: Apache-2.0
#include "dimse/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "dimse/stream_priv.h"

#define STACK_BYTES ((size_t)512 * 1024)
#define REFUSALS_MAX 16u     // that are being told so at once; more are closed without a word
#define REFUSAL_MS 5000u     // for one of them
#define OUT_OF_FILES_MS 100u // no descriptor for a connection: wait for one to be closed

enum slot_state { SLOT_FREE, SLOT_RUNNING, SLOT_DONE };

struct slot { // one connection
    enum slot_state state;
    bool refusal;
    bool loopback;
    struct dimse_server *server;
    struct dimse_stream *stream; // held here, too, so that it can be broken
    pthread_t thread;
};

struct dimse_server {
    struct dimse_server_options options;
    int stop_fd;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; // all below
    pthread_cond_t ended;
    struct slot *slots;
    size_t slot_count;
    bool stopping;
    struct dimse_server_counts counts;
};

// --- one connection

static const struct dimse_limits refusal_limits = {.artim_ms = REFUSAL_MS};

static int refuse(void *context, struct dimse_stream *stream, struct dimse_proposal *proposal,
                  struct dimse_rejection *ret_rejection, struct err *e) {
    (void)context;
    (void)stream;
    (void)proposal;
    (void)e;
    *ret_rejection = DIMSE_REJECT_LIMIT;
    return E_OK;
}

static void count_end(struct dimse_server *s, enum dimse_ending ending) {
    pthread_mutex_lock(&s->lock);
    s->counts.rejected += ending == DIMSE_REJECTED;
    s->counts.aborted += ending != DIMSE_REJECTED && ending != DIMSE_IN_ORDER;
    pthread_mutex_unlock(&s->lock);
}

// The line that an association leaves when it does not end in order.
static void tell(const char *peer, const char *what, const struct err *why) {
    char line[ERR_TEXT_MAX + ERR_PATH_MAX + 128];
    log_line(LOG_WARNING, "dicom %s: %s: %s", peer, what, err_line(why, line, sizeof line));
}

static const char *ending_text(enum dimse_ending ending) {
    switch (ending) {
    case DIMSE_REJECTED:
        return "rejected";
    case DIMSE_ABORTED_BY_PEER:
        return "aborted by the peer";
    case DIMSE_BROKEN:
        return "connection lost";
    default:
        return "aborted";
    }
}

static void serve(struct dimse_server *s, struct dimse_association *a, const char *peer) {
    pthread_mutex_lock(&s->lock);
    s->counts.accepted++;
    s->counts.open++;
    pthread_mutex_unlock(&s->lock);
    s->options.serve(s->options.context, a);
    struct err why = {0};
    enum dimse_ending ending = dimse_association_ending(a, &why);
    if (ending == DIMSE_OPEN) { // the service gave it up
        err_set(&why, E_INTERNAL, "given up by its service");
    }
    if (ending != DIMSE_IN_ORDER) {
        char who[2 * DIMSE_AET_MAX + 48];
        const struct dimse_proposal *p = dimse_agreed(a);
        (void)snprintf(who, sizeof who, "%s to %s %s", p->calling, p->called, ending_text(ending));
        tell(peer, who, &why);
        count_end(s, ending);
    }
    dimse_association_close(a);
    pthread_mutex_lock(&s->lock);
    s->counts.open--;
    pthread_mutex_unlock(&s->lock);
}

static void converse(struct slot *slot) {
    struct dimse_server *s = slot->server;
    struct err e = {0};
    char peer[STREAM_PEER_TEXT];
    (void)snprintf(peer, sizeof peer, "%s", dimse_stream_peer(slot->stream));
    uint32_t artim = s->options.limits.artim_ms != 0 ? s->options.limits.artim_ms : DIMSE_ARTIM_MS;
    int rc = s->options.tls != NULL ? stream_secure(slot->stream, s->options.tls, NULL,
                                                    slot->refusal ? REFUSAL_MS : artim, &e)
                                    : E_OK;
    if (rc != E_OK) {
        tell(peer, "no secure connection", &e);
        count_end(s, DIMSE_ABORTED_HERE);
        dimse_stream_close(slot->stream);
        return;
    }
    struct dimse_association *a = NULL;
    rc = slot->refusal ? dimse_accept(slot->stream, &refusal_limits, refuse, NULL, &a, &e)
                       : dimse_accept(slot->stream, &s->options.limits, s->options.negotiate,
                                      s->options.context, &a, &e);
    if (rc != E_OK) {
        count_end(s, rc == E_DENIED ? DIMSE_REJECTED : DIMSE_ABORTED_HERE);
        tell(peer, rc == E_DENIED ? "rejected" : "no association", &e);
        return;
    }
    serve(s, a, peer);
}

static void *run(void *argument) {
    struct slot *slot = argument;
    struct dimse_server *s = slot->server;
    converse(slot);
    pthread_mutex_lock(&s->lock);
    stream_unref(slot->stream);
    slot->stream = NULL;
    slot->state = SLOT_DONE;
    pthread_cond_signal(&s->ended);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

// --- accepting

// A free slot, for a refusal when the limits are reached; NULL: not even that.
static struct slot *find_slot(struct dimse_server *s, const char *host, bool loopback) {
    struct slot *free_slot = NULL;
    uint32_t open = 0;
    uint32_t refusals = 0;
    uint32_t of_peer = 0;
    for (size_t i = 0; i < s->slot_count; i++) {
        struct slot *slot = &s->slots[i];
        if (slot->state == SLOT_DONE) {
            pthread_join(slot->thread, NULL);
            slot->state = SLOT_FREE;
        }
        if (slot->state == SLOT_FREE) {
            free_slot = slot;
            continue;
        }
        refusals += slot->refusal;
        open += !slot->refusal;
        of_peer += !slot->refusal && strcmp(dimse_stream_peer_host(slot->stream), host) == 0;
    }
    bool over =
        open >= s->options.associations_max || (!loopback && of_peer >= s->options.per_peer_max);
    if (free_slot == NULL || (over && refusals >= REFUSALS_MAX)) {
        return NULL;
    }
    free_slot->refusal = over;
    return free_slot;
}

static int start_thread(struct slot *slot) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int failed = pthread_create(&slot->thread, &attributes, run, slot);
    pthread_attr_destroy(&attributes);
    return failed;
}

static bool is_loopback(const char *host) {
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static void take_connection(struct dimse_server *s, int fd) {
    struct err e = {0};
    struct dimse_stream *stream = NULL;
    if (stream_new(fd, &stream, &e) != E_OK) {
        return;
    }
    const char *host = dimse_stream_peer_host(stream);
    pthread_mutex_lock(&s->lock);
    struct slot *slot = find_slot(s, host, is_loopback(host));
    int failed = EAGAIN;
    if (slot != NULL) {
        slot->server = s;
        slot->stream = stream_ref(stream);
        slot->state = SLOT_RUNNING;
        failed = start_thread(slot);
    }
    if (failed != 0) {
        s->counts.rejected++;
    }
    if (failed != 0 && slot != NULL) {
        stream_unref(slot->stream);
        slot->stream = NULL;
        slot->state = SLOT_FREE;
    }
    pthread_mutex_unlock(&s->lock);
    if (failed != 0) {
        log_line(LOG_WARNING, "dicom %s: turned away, too many connections",
                 dimse_stream_peer(stream));
        dimse_stream_close(stream);
    }
}

// Descriptors or memory are short: the connection stays in the queue.
static void wait_for_room(struct dimse_server *s) {
    struct pollfd p = {.fd = s->stop_fd, .events = POLLIN};
    (void)poll(&p, 1, OUT_OF_FILES_MS);
}

static void *accept_all(void *argument) {
    struct dimse_server *s = argument;
    for (;;) {
        struct pollfd p[2] = {{.fd = s->options.listen_fd, .events = POLLIN},
                              {.fd = s->stop_fd, .events = POLLIN}};
        if (poll(p, 2, -1) < 0 && errno != EINTR) {
            log_line(LOG_ERROR, "dicom: cannot wait for connections");
            return NULL;
        }
        if (p[1].revents != 0) {
            return NULL;
        }
        int fd = accept4(s->options.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            take_connection(s, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            wait_for_room(s);
        }
    }
}

// --- life

static void release(struct dimse_server *s) {
    cleanup_fd(&s->options.listen_fd);
    cleanup_fd(&s->stop_fd);
    pthread_cond_destroy(&s->ended);
    pthread_mutex_destroy(&s->lock);
    mem_free(s->slots);
    mem_free(s);
}

static struct dimse_server *make(const struct dimse_server_options *options) {
    struct dimse_server *s = mem_zalloc(sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->options = *options;
    if (s->options.associations_max == 0) {
        s->options.associations_max = DIMSE_ASSOCIATIONS_MAX;
    }
    if (s->options.per_peer_max == 0) {
        s->options.per_peer_max = DIMSE_ASSOCIATIONS_PER_PEER;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->slot_count = s->options.associations_max + REFUSALS_MAX;
    s->slots = mem_array(s->slot_count, sizeof *s->slots);
    return s;
}

int dimse_server_start(const struct dimse_server_options *options, struct dimse_server **ret_server,
                       struct err *e) {
    struct dimse_server *s = make(options);
    if (s == NULL) {
        (void)close(options->listen_fd);
        return err_set(e, E_MEMORY, "DICOM server");
    }
    int rc = s->slots == NULL || s->stop_fd < 0 ? err_set(e, E_MEMORY, "DICOM server") : E_OK;
    // A connection that is gone again when it is to be accepted must not make accept wait.
    int flags = fcntl(s->options.listen_fd, F_GETFL);
    if (rc == E_OK &&
        (flags < 0 || fcntl(s->options.listen_fd, F_SETFL, flags | O_NONBLOCK) != 0)) {
        rc = err_set_errno(e, errno, "listening socket");
    }
    int failed = rc == E_OK ? pthread_create(&s->thread, NULL, accept_all, s) : 0;
    if (failed != 0) {
        rc = err_set_errno(e, failed, "start the DICOM server");
    }
    if (rc != E_OK) {
        release(s);
        return rc;
    }
    *ret_server = s;
    return E_OK;
}

static bool any_running(const struct dimse_server *s) {
    for (size_t i = 0; i < s->slot_count; i++) {
        if (s->slots[i].state == SLOT_RUNNING) {
            return true;
        }
    }
    return false;
}

// With the lock held: until nothing runs or the time is up.
static void wait_ended(struct dimse_server *s, uint32_t ms) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    while (any_running(s) && pthread_cond_timedwait(&s->ended, &s->lock, &until) != ETIMEDOUT) {
    }
}

void dimse_server_stop(struct dimse_server *s, uint32_t grace_ms) {
    if (s == NULL) {
        return;
    }
    uint64_t one = 1;
    (void)!write(s->stop_fd, &one, sizeof one);
    pthread_join(s->thread, NULL);
    cleanup_fd(&s->options.listen_fd); // nobody else is let in meanwhile
    pthread_mutex_lock(&s->lock);
    wait_ended(s, grace_ms);
    bool late = any_running(s);
    pthread_mutex_unlock(&s->lock);
    if (late && s->options.breaking != NULL) {
        s->options.breaking(s->options.context);
    }
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->slot_count; i++) {
        if (s->slots[i].state == SLOT_RUNNING) {
            dimse_stream_break(s->slots[i].stream);
        }
    }
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < s->slot_count; i++) {
        pthread_mutex_lock(&s->lock);
        bool to_join = s->slots[i].state != SLOT_FREE; // nobody takes a free one any more
        pthread_mutex_unlock(&s->lock);
        if (to_join) {
            pthread_join(s->slots[i].thread, NULL);
        }
    }
    release(s);
}

struct dimse_server_counts dimse_server_counts(struct dimse_server *s) {
    pthread_mutex_lock(&s->lock);
    struct dimse_server_counts counts = s->counts;
    pthread_mutex_unlock(&s->lock);
    return counts;
}
