// SPDX-License-Identifier: Apache-2.0
#include "worker/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "worker/exchange.h"
#include "worker/sanitizers.h"

#define CHILD_SOCKET 3

static const char *this_program(void) {
    static const char link[] = "/proc/self/exe";
    return access(link, X_OK) == 0 ? link : (const char *)getauxval(AT_EXECFN);
}

static int prepare_files(posix_spawn_file_actions_t *files, int socket) {
    int rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    rc = rc == 0 ? posix_spawn_file_actions_addopen(files, 1, "/dev/null", O_WRONLY, 0) : rc;
    rc = rc == 0 ? posix_spawn_file_actions_adddup2(files, socket, CHILD_SOCKET) : rc;
    return rc == 0 ? posix_spawn_file_actions_addclosefrom_np(files, CHILD_SOCKET + 1) : rc;
}

static int prepare_signals(posix_spawnattr_t *attributes) {
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int rc = posix_spawnattr_setsigmask(attributes, &none);
    rc = rc == 0 ? posix_spawnattr_setsigdefault(attributes, &all) : rc;
    return rc == 0 ? posix_spawnattr_setflags(attributes,
                                              POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
                   : rc;
}

// An errno value, 0 when *ret_pid runs.
static int spawn(const char *program, int socket, pid_t *ret_pid) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int rc = posix_spawn_file_actions_init(&files);
    if (rc != 0) {
        return rc;
    }
    rc = posix_spawnattr_init(&attributes);
    if (rc == 0) {
        char name[] = "maclab", command[] = "worker";
        char *arguments[] = {name, command, NULL};
        char *environment[] = {NULL};
        rc = prepare_files(&files, socket);
        rc = rc == 0 ? prepare_signals(&attributes) : rc;
        rc = rc == 0 ? posix_spawn(ret_pid, program, &files, &attributes, arguments, environment)
                     : rc;
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&files);
    return rc;
}

int process_start(const char *program, struct process **ret_process, struct err *e) {
    program = program != NULL ? program : this_program();
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return err_set_errno(e, errno, "cannot make a socket pair for a worker");
    }
    CLEANUP(cleanup_fd) int ours = pair[0];
    CLEANUP(cleanup_fd) int theirs = pair[1];
    struct process *p = mem_zalloc(sizeof *p);
    if (p == NULL) {
        return err_set(e, E_MEMORY, "worker process");
    }
    int rc = spawn(program, theirs, &p->pid);
    if (rc != 0) {
        mem_free(p);
        (void)err_set_errno(e, rc, "cannot start %s worker", program);
        return e->code = e->code == E_MEMORY ? E_MEMORY : E_CRASHED;
    }
#ifdef SYS_pidfd_open
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
#else
    p->pidfd = -1;
#endif
    p->socket = steal_fd(&ours);
    *ret_process = p;
    return E_OK;
}

int process_hello(struct process *p, size_t job_count, usec deadline, struct err *e) {
    struct buf answer;
    buf_init(&answer, sizeof(struct frame_hello));
    int code = E_OK;
    struct frame_hello h = {0};
    int rc = exchange_receive(p->socket, 0, deadline, &answer, &code, e, e);
    bool whole = rc == E_OK && code == E_OK && answer.len == sizeof h;
    if (whole) {
        memcpy(&h, answer.data, sizeof h);
    }
    buf_done(&answer);
    if (rc != E_OK || code < 0) {
        return rc != E_OK ? rc : code;
    }
    if (!whole || h.job_count != job_count) {
        return err_set(e, E_CRASHED, "the worker is another program than this one");
    }
    p->landlock_abi = h.landlock_abi;
    return E_OK;
}

static int set_soft(pid_t pid, __rlimit_resource_t resource, uint64_t value) {
    struct rlimit l;
    if (prlimit(pid, resource, NULL, &l) != 0) {
        return -1;
    }
    l.rlim_cur = value < l.rlim_max ? value : l.rlim_max;
    return prlimit(pid, resource, &l, NULL);
}

int process_limit(struct process *p, const struct sandbox_limits *limits, struct err *e) {
    bool memory = limits->memory_bytes != p->now.memory_bytes && !SANITIZED;
    bool size = limits->out_bytes != p->now.out_bytes;
    if ((memory && set_soft(p->pid, RLIMIT_DATA, limits->memory_bytes) != 0) ||
        (size && set_soft(p->pid, RLIMIT_FSIZE, limits->out_bytes) != 0)) {
        return err_set_errno(e, errno, "cannot limit a worker");
    }
    p->now = *limits;
    return E_OK;
}

void process_dismiss(struct process *p) { (void)shutdown(p->socket, SHUT_RDWR); }

static void kill_it(const struct process *p) {
#ifdef SYS_pidfd_send_signal
    if (p->pidfd >= 0) {
        (void)syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
        return;
    }
#endif
    (void)kill(p->pid, SIGKILL); // not reaped yet, so the number is still its own
}

// Whether it ended by itself in time.
static bool ended(const struct process *p, int grace_ms) {
    if (p->pidfd < 0) {
        siginfo_t info = {0};
        for (int waited = 0; waited <= grace_ms; waited++) {
            if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
                info.si_pid != 0) {
                return true;
            }
            (void)poll(NULL, 0, 1);
        }
        return false;
    }
    struct pollfd f = {.fd = p->pidfd, .events = POLLIN};
    int n;
    do {
        n = poll(&f, 1, grace_ms);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

static void verdict(const siginfo_t *info, bool by_itself, struct err *e) {
    int status = info->si_status;
    if (!by_itself) {
        (void)err_set(e, E_CRASHED, "the worker closed its socket and was ended");
    } else if (info->si_code == CLD_EXITED) {
        (void)err_set(e, E_CRASHED, "the worker ended itself with status %d", status);
    } else if (status == SIGSYS) {
        (void)err_set(e, E_CRASHED, "the worker made a forbidden system call and was ended");
    } else if (status == SIGKILL) {
        (void)err_set(e, E_MEMORY, "the system ended the worker, probably short of memory");
    } else if (status == SIGXCPU) {
        (void)err_set(e, E_TIMEOUT, "the worker used up its processor time");
    } else {
        const char *words = sigdescr_np(status);
        (void)err_set(e, E_CRASHED, "the worker died of signal %d (%s)", status,
                      words != NULL ? words : "unknown");
    }
}

void process_end(struct process *p, int grace_ms, struct err *e) {
    bool by_itself = ended(p, grace_ms);
    if (!by_itself) {
        kill_it(p);
    }
    siginfo_t info = {0};
    int rc;
    do {
        rc = waitid(P_PID, (id_t)p->pid, &info, WEXITED);
    } while (rc != 0 && errno == EINTR);
    if (e != NULL && rc == 0) {
        verdict(&info, by_itself, e);
    }
    (void)close(p->socket);
    if (p->pidfd >= 0) {
        (void)close(p->pidfd);
    }
    mem_free(p);
}
