// SPDX-License-Identifier: Apache-2.0
#include "dimse/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "dimse/stream_priv.h"

#define PIECES_AT_ONCE 128

// --- life

static void tune(int fd) {
    int on = 1; // neither is there on a UNIX socket pair
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

// The numeric address of an IPv4 peer is written the same whichever socket it came through.
void stream_name_peer(struct dimse_stream *s) {
    union any_address a = {0};
    socklen_t len = sizeof a;
    (void)snprintf(s->host, sizeof s->host, "local");
    (void)snprintf(s->peer, sizeof s->peer, "local");
    if (s->fd < 0 || getpeername(s->fd, &a.any, &len) != 0) {
        return;
    }
    if (a.any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &a.v4.sin_addr, s->host, sizeof s->host);
        (void)snprintf(s->peer, sizeof s->peer, "%s:%u", s->host, ntohs(a.v4.sin_port));
    } else if (a.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a.v6.sin6_addr)) {
        (void)inet_ntop(AF_INET, &a.v6.sin6_addr.s6_addr[12], s->host, sizeof s->host);
        (void)snprintf(s->peer, sizeof s->peer, "%s:%u", s->host, ntohs(a.v6.sin6_port));
    } else if (a.any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &a.v6.sin6_addr, s->host, sizeof s->host);
        (void)snprintf(s->peer, sizeof s->peer, "[%s]:%u", s->host, ntohs(a.v6.sin6_port));
    }
}

static struct dimse_stream *make(const struct stream_ops *ops, int fd) {
    struct dimse_stream *s = mem_zalloc(sizeof *s);
    if (s != NULL) {
        s->ops = ops;
        s->fd = fd;
        atomic_init(&s->broken, false);
        atomic_init(&s->references, 1);
        pthread_mutex_init(&s->lock, NULL);
        stream_name_peer(s);
    }
    return s;
}

int stream_new(int fd, struct dimse_stream **ret_stream, struct err *e) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        int code = err_set_errno(e, errno, "socket");
        (void)close(fd);
        return code;
    }
    tune(fd);
    struct dimse_stream *s = make(&stream_plain, fd);
    if (s == NULL) {
        (void)close(fd);
        return err_set(e, E_MEMORY, "stream");
    }
    *ret_stream = s;
    return E_OK;
}

int stream_scripted(const struct stream_ops *ops, void *inner, struct dimse_stream **ret_stream,
                    struct err *e) {
    struct dimse_stream *s = make(ops, -1);
    if (s == NULL) {
        return err_set(e, E_MEMORY, "stream");
    }
    s->inner = inner;
    *ret_stream = s;
    return E_OK;
}

int dimse_stream_adopt(int fd, struct dimse_stream **ret_stream, struct err *e) {
    return stream_new(fd, ret_stream, e);
}

int dimse_stream_accept(int fd, struct dimse_tls *tls, uint32_t timeout_ms,
                        struct dimse_stream **ret_stream, struct err *e) {
    struct dimse_stream *s = NULL;
    int rc = stream_new(fd, &s, e);
    if (rc == E_OK && tls != NULL) {
        rc = stream_secure(s, tls, NULL, timeout_ms, e);
    }
    if (rc != E_OK) {
        dimse_stream_close(s);
        return rc;
    }
    *ret_stream = s;
    return E_OK;
}

struct dimse_stream *stream_ref(struct dimse_stream *s) {
    atomic_fetch_add(&s->references, 1);
    return s;
}

void stream_unref(struct dimse_stream *s) {
    if (s != NULL && atomic_fetch_sub(&s->references, 1) == 1) {
        pthread_mutex_destroy(&s->lock);
        mem_free(s);
    }
}

void dimse_stream_close(struct dimse_stream *s) {
    if (s == NULL) {
        return;
    }
    if (s->ops->end != NULL) {
        s->ops->end(s);
    }
    pthread_mutex_lock(&s->lock);
    cleanup_fd(&s->fd);
    pthread_mutex_unlock(&s->lock);
    stream_unref(s);
}

void dimse_stream_break(struct dimse_stream *s) {
    atomic_store(&s->broken, true);
    pthread_mutex_lock(&s->lock);
    if (s->fd >= 0) {
        (void)shutdown(s->fd, SHUT_RD); // wakes a reader; a last word may still be written
    }
    pthread_mutex_unlock(&s->lock);
}

bool dimse_stream_broken(struct dimse_stream *s) { return atomic_load(&s->broken); }

struct dimse_stream *dimse_stream_hold(struct dimse_stream *s) {
    return stream_ref(s);
}

void dimse_stream_let_go(struct dimse_stream *s) { stream_unref(s); }

bool dimse_stream_is_closed(struct dimse_stream *s) {
    pthread_mutex_lock(&s->lock);
    bool closed = s->fd < 0;
    pthread_mutex_unlock(&s->lock);
    return closed;
}

// --- waiting

static int broken(struct err *e) {
    return err_set(e, E_CANCELLED, "the connection is being ended");
}

int stream_wait(struct dimse_stream *s, bool to_write, uint32_t *left_ms, struct err *e) {
    usec start = clock_monotonic(clock_system());
    uint32_t spent = 0;
    while (!atomic_load(&s->broken)) {
        uint32_t left = *left_ms - spent;
        struct pollfd p = {.fd = s->fd, .events = to_write ? POLLOUT : POLLIN};
        int timeout = (int)(left > INT32_MAX ? INT32_MAX : left);
        if (to_write && timeout > STREAM_SLICE_MS) {
            timeout = STREAM_SLICE_MS;
        }
        int n = poll(&p, 1, timeout);
        if (n < 0 && errno != EINTR) {
            return err_set_errno(e, errno, "wait for %s", s->peer);
        }
        uint64_t passed = (uint64_t)(clock_monotonic(clock_system()) - start) / 1000;
        spent = passed > *left_ms ? *left_ms : (uint32_t)passed;
        if (n > 0) {
            *left_ms -= spent;
            return E_OK;
        }
        if (spent >= *left_ms) {
            *left_ms = 0;
            return err_set(e, E_TIMEOUT,
                           to_write ? "the peer took nothing" : "the peer sent nothing");
        }
    }
    return broken(e);
}

int dimse_stream_read(struct dimse_stream *s, void *bytes, size_t len, uint32_t timeout_ms,
                      size_t *ret_len, struct err *e) {
    uint32_t left = timeout_ms;
    for (;;) {
        if (atomic_load_explicit(&s->broken, memory_order_relaxed)) {
            return broken(e);
        }
        enum stream_io io = s->ops->read(s, bytes, len, ret_len, e);
        if (io == STREAM_DONE) {
            return E_OK;
        }
        if (io == STREAM_ENDED) {
            *ret_len = 0;
            return atomic_load(&s->broken) ? broken(e) : E_OK;
        }
        if (io == STREAM_FAILED) {
            return e->code;
        }
        int rc = stream_wait(s, io == STREAM_WANT_WRITE, &left, e);
        if (rc != E_OK) {
            return rc;
        }
    }
}

// --- writing

struct outgoing {
    const struct slice *pieces;
    size_t count;
    size_t skip; // of the first piece
};

static int gather(const struct outgoing *out, struct iovec to[PIECES_AT_ONCE]) {
    int n = 0;
    for (size_t i = 0; i < out->count && n < PIECES_AT_ONCE; i++) {
        struct slice piece = slice_from(out->pieces[i], i == 0 ? out->skip : 0);
        if (piece.len > 0) {
            to[n++] =
                (struct iovec){.iov_base = (void *)(uintptr_t)piece.ptr, .iov_len = piece.len};
        }
    }
    return n;
}

static void advance(struct outgoing *out, size_t len) {
    while (out->count > 0 && len >= out->pieces->len - out->skip) {
        len -= out->pieces->len - out->skip;
        out->pieces++;
        out->count--;
        out->skip = 0;
    }
    out->skip += len;
}

int dimse_stream_write(struct dimse_stream *s, const struct slice *pieces, size_t count,
                       uint32_t timeout_ms, struct err *e) {
    struct outgoing out = {.pieces = pieces, .count = count};
    struct iovec at_once[PIECES_AT_ONCE];
    uint32_t left = timeout_ms;
    size_t progress = 0;
    advance(&out, 0);
    while (out.count > 0) {
        if (atomic_load_explicit(&s->broken, memory_order_relaxed)) {
            return broken(e);
        }
        int n = gather(&out, at_once);
        size_t taken = 0;
        enum stream_io io = s->ops->write(s, at_once, n, &taken, e);
        if (io == STREAM_ENDED) { // TLS: the peer said goodbye and takes nothing any more
            return err_set(e, E_CANCELLED, "the peer closed the connection");
        }
        if (io == STREAM_FAILED) {
            return e->code;
        }
        if (io == STREAM_DONE) {
            advance(&out, taken);
            progress += taken;
            if (progress >= STREAM_PROGRESS_BYTES) {
                progress = 0;
                left = timeout_ms;
            }
            continue;
        }
        int rc = stream_wait(s, io == STREAM_WANT_WRITE, &left, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    return E_OK;
}

void stream_last_word(struct dimse_stream *s, struct slice bytes) {
    struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes.ptr, .iov_len = bytes.len};
    size_t taken = 0;
    struct err ignored = {0};
    (void)s->ops->write(s, &piece, 1, &taken, &ignored);
}

bool dimse_stream_ready(struct dimse_stream *s) { return s->ops->ready(s); }

// --- plain sockets

static enum stream_io failed(struct dimse_stream *s, struct err *e) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return STREAM_WANT_READ;
    }
    if (errno == EPIPE || errno == ECONNRESET) {
        err_set(e, E_CANCELLED, "%s broke the connection off", s->peer);
    } else {
        err_set_errno(e, errno, "connection with %s", s->peer);
    }
    return STREAM_FAILED;
}

static enum stream_io plain_read(struct dimse_stream *s, void *bytes, size_t len, size_t *ret_len,
                                 struct err *e) {
    ssize_t n;
    do {
        n = recv(s->fd, bytes, len, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return failed(s, e);
    }
    *ret_len = (size_t)n;
    return n == 0 ? STREAM_ENDED : STREAM_DONE;
}

static enum stream_io plain_write(struct dimse_stream *s, const struct iovec *pieces, int count,
                                  size_t *ret_len, struct err *e) {
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces,
                             .msg_iovlen = (size_t)count};
    ssize_t n;
    do {
        n = sendmsg(s->fd, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        enum stream_io io = failed(s, e);
        return io == STREAM_WANT_READ ? STREAM_WANT_WRITE : io;
    }
    *ret_len = (size_t)n;
    return STREAM_DONE;
}

static bool plain_ready(struct dimse_stream *s) {
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

const struct stream_ops stream_plain = {
    .read = plain_read, .write = plain_write, .ready = plain_ready};

// --- who the peer is

const char *dimse_stream_peer(const struct dimse_stream *s) { return s->peer; }

const char *dimse_stream_peer_host(const struct dimse_stream *s) { return s->host; }

bool dimse_stream_secure(const struct dimse_stream *s) { return s->ops == &stream_tls; }

bool dimse_stream_certificate(const struct dimse_stream *s, struct hash *ret_fingerprint) {
    return dimse_stream_secure(s) && stream_tls_certificate(s, ret_fingerprint);
}
