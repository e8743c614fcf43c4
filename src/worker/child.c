// SPDX-License-Identifier: Apache-2.0
// The child's side: worker_main of worker.h. It trusts its parent; what it cannot understand ends
// it.
#include "worker/worker.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "worker/frame.h"
#include "worker/limits.h"
#include "worker/sandbox.h"

#define SOCKET_FD 3
#define EXIT_USAGE 2
#define ANSWER_KEPT_MAX ((size_t)16 << 20) // memory of a larger answer is given back
#define HEAP_KEPT_MAX (8 << 20)            // freed memory that stays for the next job
#define MAPPED_FROM (4 << 20)              // larger allocations are mappings of their own

struct child {
    const struct worker_job *jobs;
    size_t job_count;
    uint8_t *request; // WORKER_REQUEST_MAX bytes, touched as far as needed
    struct buf answer;
};

// A request as it stands in c->request.
struct order {
    struct frame_request head;
    int in, out;
};

static void send_all(struct iovec *parts, size_t count) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    while (message.msg_iovlen > 0) {
        ssize_t sent = sendmsg(SOCKET_FD, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            _exit(EXIT_FAILURE);
        }
        frame_advance(&message, sent > 0 ? (size_t)sent : 0);
    }
}

static void take_descriptors(struct msghdr *message, struct order *o) {
    int fds[WORKER_FDS_MAX] = {-1, -1};
    struct cmsghdr *c = CMSG_FIRSTHDR(message);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        size_t len = c->cmsg_len - CMSG_LEN(0);
        memcpy(fds, CMSG_DATA(c), len <= sizeof fds ? len : sizeof fds);
    }
    o->in = o->head.has_in ? fds[0] : -1;
    o->out = o->head.has_out ? fds[o->head.has_in ? 1 : 0] : -1;
}

// The rest of `len` bytes of a request of which `have` are there.
static bool receive_rest(uint8_t *to, size_t have, size_t len) {
    while (have < len) {
        struct iovec part = {to + have, len - have};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        ssize_t got = recvmsg(SOCKET_FD, &message, 0);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        have += got > 0 ? (size_t)got : 0;
    }
    return true;
}

// false: the parent has closed the socket.
static bool receive(struct child *c, struct order *o) {
    union {
        char bytes[CMSG_SPACE(sizeof(int) * WORKER_FDS_MAX)];
        struct cmsghdr align;
    } control;
    struct iovec parts[2] = {{&o->head, sizeof o->head}, {c->request, WORKER_REQUEST_MAX}};
    struct msghdr message = {.msg_iov = parts,
                             .msg_iovlen = 2,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got;
    do {
        got = recvmsg(SOCKET_FD, &message, 0);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        return false;
    }
    size_t have = (size_t)got;
    if (have < sizeof o->head) {
        if (!receive_rest((uint8_t *)&o->head, have, sizeof o->head)) {
            return false;
        }
        have = sizeof o->head;
    }
    take_descriptors(&message, o);
    if (o->head.magic != FRAME_REQUEST_MAGIC || o->head.job >= c->job_count ||
        o->head.len > WORKER_REQUEST_MAX) {
        _exit(EXIT_USAGE);
    }
    return receive_rest(c->request, have - sizeof o->head, o->head.len);
}

static void answer(struct child *c, uint64_t serial, int code, const struct err *e) {
    struct frame_answer head;
    struct frame_error record;
    size_t len = code < 0 ? 0 : c->answer.len;
    frame_pack_answer(&head, serial, code, len);
    struct iovec parts[2] = {{&head, sizeof head}, {c->answer.data, len}};
    if (code < 0) {
        frame_pack_error(&record, e);
        parts[1] = (struct iovec){&record, sizeof record};
    }
    send_all(parts, parts[1].iov_len > 0 ? 2 : 1);
}

static void work(struct child *c, struct order *o) {
    CLEANUP(cleanup_fd) int in = o->in;
    CLEANUP(cleanup_fd) int out = o->out;
    struct err e = {0};
    buf_clear(&c->answer);
    int code = c->jobs[o->head.job].run(slice_of(c->request, o->head.len), in, out, &c->answer, &e);
    if (code >= 0 && c->answer.failed) {
        code = buf_check(&c->answer, "answer", &e);
    }
    if (code < 0 && e.code != code) {
        e.code = code; // a job that forgot its sentence
    }
    answer(c, o->head.serial, code, &e);
    if (c->answer.cap > ANSWER_KEPT_MAX) {
        buf_done(&c->answer);
        (void)malloc_trim(0);
    }
}

static void hello(struct child *c, int landlock_abi) {
    struct frame_hello h = {(uint32_t)c->job_count, (uint32_t)landlock_abi};
    buf_put(&c->answer, &h, sizeof h);
    answer(c, 0, E_OK, NULL);
}

// A refusal instead of the hello: the parent says why the pool cannot start.
static int refuse(struct child *c, const struct err *why) {
    answer(c, 0, why->code, why);
    return EXIT_FAILURE;
}

static int socket_is_ours(void) {
    int type = 0;
    socklen_t len = sizeof type;
    return getsockopt(SOCKET_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

int worker_main(const struct worker_job *jobs, size_t job_count) {
    if (!socket_is_ours()) {
        fputs("maclab: worker: is started by maclab itself, not by hand\n", stderr);
        return EXIT_USAGE;
    }
    struct child c = {.jobs = jobs, .job_count = job_count};
    buf_init(&c.answer, WORKER_ANSWER_MAX);
    struct err e = {0};
    // A picture's buffers come from the heap of the picture before: fresh pages cost more than
    // they.
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    (void)mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_MAX);
    struct sandbox_limits limits = limits_most(jobs, job_count);
    int landlock_abi = 0;
    c.request = mem_alloc(WORKER_REQUEST_MAX);
    if (c.request == NULL) {
        (void)err_set(&e, E_MEMORY, "request buffer");
        return refuse(&c, &e);
    }
    for (size_t i = 0; i < job_count; i++) {
        if (jobs[i].prepare != NULL) {
            jobs[i].prepare();
        }
    }
    if (sandbox_enter(&limits, SOCKET_FD, &landlock_abi, &e) != E_OK) {
        return refuse(&c, &e);
    }
    hello(&c, landlock_abi);
    struct order o = {0};
    while (receive(&c, &o)) {
        work(&c, &o);
    }
    // No return through exit(): handlers and leak checks of libraries would make forbidden calls.
    _exit(EXIT_SUCCESS);
}
