// SPDX-License-Identifier: Apache-2.0
#include "worker/exchange.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "worker/worker.h"

#define FIRST_READ ((size_t)16 * 1024) // answers up to this size take one system call

// Waits until the socket is ready for `events`. A socket that hung up is ready.
static int ready(int socket, short events, usec deadline, struct err *e) {
    for (;;) {
        usec left = deadline - clock_monotonic(clock_system());
        struct pollfd p = {.fd = socket, .events = events};
        int n = left <= 0 ? 0 : poll(&p, 1, (int)((left + 999) / 1000));
        if (n > 0) {
            return E_OK;
        }
        if (n == 0) {
            return err_set(e, E_TIMEOUT, "no answer in time");
        }
        if (errno != EINTR) {
            return err_set_errno(e, errno, "cannot wait for a worker");
        }
    }
}

static int gone(struct err *e) { return err_set(e, E_CRASHED, "the worker closed its socket"); }

static int send_error(struct err *e) {
    return errno == EPIPE || errno == ECONNRESET
               ? gone(e)
               : err_set_errno(e, errno, "cannot send to a worker");
}

union control {
    char bytes[CMSG_SPACE(sizeof(int) * WORKER_FDS_MAX)];
    struct cmsghdr align;
};

static void put_descriptors(struct msghdr *message, union control *control, int in, int out) {
    int fds[WORKER_FDS_MAX];
    size_t count = 0;
    if (in >= 0) {
        fds[count++] = in;
    }
    if (out >= 0) {
        fds[count++] = out;
    }
    if (count == 0) {
        return;
    }
    memset(control, 0, sizeof *control);
    message->msg_control = control->bytes;
    message->msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *c = CMSG_FIRSTHDR(message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
}

static int send_rest(int socket, struct slice rest, usec deadline, struct err *e) {
    while (rest.len > 0) {
        ssize_t sent = send(socket, rest.ptr, rest.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            rest = slice_from(rest, (size_t)sent);
        } else if (errno == EAGAIN) {
            if (ready(socket, POLLOUT, deadline, e) != E_OK) {
                return e->code;
            }
        } else if (errno != EINTR) {
            return send_error(e);
        }
    }
    return E_OK;
}

int exchange_send(int socket, const struct frame_request *head, struct slice request, int in,
                  int out, usec deadline, struct err *e) {
    struct frame_request copy = *head;
    struct iovec parts[2] = {{&copy, sizeof copy}, {(void *)(uintptr_t)request.ptr, request.len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = request.len > 0 ? 2 : 1};
    union control control;
    put_descriptors(&message, &control, in, out);
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    // The socket is empty before each request, so its head goes whole.
    if (sent < (ssize_t)sizeof copy) {
        return sent < 0 ? send_error(e) : err_set(e, E_IO, "a request head went out torn");
    }
    return send_rest(socket, slice_from(request, (size_t)sent - sizeof copy), deadline, e);
}

// At least `least` bytes into the parts together; more when they are there. *ret_got is their
// number.
static int receive(int socket, struct iovec *parts, size_t count, size_t least, usec deadline,
                   size_t *ret_got, struct err *e) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    size_t total = 0;
    while (total < least) {
        if (ready(socket, POLLIN, deadline, e) != E_OK) {
            return e->code;
        }
        ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got == 0) {
            return gone(e);
        }
        if (got < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                continue;
            }
            return errno == ECONNRESET ? gone(e)
                                       : err_set_errno(e, errno, "cannot read from a worker");
        }
        total += (size_t)got;
        frame_advance(&message, (size_t)got);
    }
    *ret_got = total;
    return E_OK;
}

static int receive_error(int socket, struct slice have, usec deadline, int code,
                         struct err *ret_error, struct err *e) {
    uint8_t record[sizeof(struct frame_error)];
    if (have.len > sizeof record) {
        return err_set(e, E_SYNTAX, "more behind an answer than it said");
    }
    memcpy(record, have.ptr, have.len);
    struct iovec part = {record + have.len, sizeof record - have.len};
    size_t got;
    if (receive(socket, &part, 1, part.iov_len, deadline, &got, e) != E_OK) {
        return e->code;
    }
    (void)frame_parse_error(slice_of(record, sizeof record), code, ret_error);
    return E_OK;
}

static int receive_bytes(int socket, struct slice have, usec deadline, size_t len,
                         struct buf *answer, struct err *e) {
    if (have.len > len) {
        return err_set(e, E_SYNTAX, "more behind an answer than it said");
    }
    uint8_t *to = len > 0 ? buf_extend(answer, len) : NULL;
    if (len > 0 && to == NULL) {
        return buf_check(answer, "answer of a worker", e);
    }
    if (len == 0) {
        return E_OK;
    }
    memcpy(to, have.ptr, have.len);
    struct iovec part = {to + have.len, len - have.len};
    size_t got;
    return receive(socket, &part, 1, part.iov_len, deadline, &got, e);
}

int exchange_receive(int socket, uint64_t serial, usec deadline, struct buf *answer, int *ret_code,
                     struct err *ret_error, struct err *e) {
    uint8_t head[FRAME_HEAD_LEN];
    uint8_t first[FIRST_READ];
    struct iovec parts[2] = {{head, sizeof head}, {first, sizeof first}};
    size_t got;
    if (receive(socket, parts, 2, sizeof head, deadline, &got, e) != E_OK) {
        return e->code;
    }
    struct frame_answer a;
    if (frame_parse_answer(slice_of(head, sizeof head), serial, WORKER_ANSWER_MAX, &a, e) != E_OK) {
        return e->code;
    }
    struct slice have = slice_of(first, got - sizeof head);
    size_t before = answer->len;
    int rc = a.code < 0 ? receive_error(socket, have, deadline, a.code, ret_error, e)
                        : receive_bytes(socket, have, deadline, (size_t)a.len, answer, e);
    if (rc != E_OK) {
        answer->len = before;
        return rc;
    }
    *ret_code = a.code;
    return E_OK;
}
