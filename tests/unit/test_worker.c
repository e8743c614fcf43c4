// SPDX-License-Identifier: Apache-2.0
// The sandboxed children: what goes over and comes back, each way for a child to fail, each door
// that must be shut. The test program is its own worker (`test_worker worker`).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "worker/frame.h"
#include "worker/sanitizers.h"
#include "worker/worker.h"

#define MIB ((size_t)1 << 20)

// --- the jobs

static int prepared;

static void prepare(void) { prepared = access("/", F_OK) == 0 ? 41 : 0; }

static int job_echo(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)in;
    (void)out;
    (void)e;
    buf_put_slice(answer, request);
    return E_OK;
}

static int job_prepared(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)request;
    (void)in;
    (void)out;
    (void)e;
    buf_printf(answer, "%d", prepared + 1);
    return 7;
}

static int job_fail(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)request;
    (void)in;
    (void)out;
    buf_put_str(answer, "not to be seen");
    (void)err_set(e, E_VALUE, "bad\nvalue \xFF");
    (void)err_in(e, "(0010,0010)");
    return err_at(e, UINT64_C(0x123456789A));
}

static int job_copy(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)request;
    char bytes[4096];
    struct stat st;
    if (fstat(in, &st) != 0) {
        return err_set_errno(e, errno, "fstat");
    }
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, in, 0);
    ssize_t n = pread(in, bytes, sizeof bytes, 0);
    if (map == MAP_FAILED || n < 0 || memcmp(map, bytes, (size_t)n) != 0) {
        return err_set(e, E_IO, "in");
    }
    if (write(out, bytes, (size_t)n) != n || fdatasync(out) != 0) {
        return err_set_errno(e, errno, "out");
    }
    buf_printf(answer, "%zd", n);
    return E_OK;
}

static int job_fill(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)in;
    (void)out;
    (void)e;
    uint32_t len = num_le32(request.ptr);
    uint8_t *to = buf_extend(answer, len);
    if (to != NULL) {
        memset(to, 0xA5, len);
    }
    return E_OK;
}

static int job_grow_out(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)request;
    (void)in;
    (void)answer;
    char bytes[4096] = {0};
    for (int i = 0; i < 100; i++) {
        if (write(out, bytes, sizeof bytes) != (ssize_t)sizeof bytes) {
            return err_set_errno(e, errno, "after %d pieces", i);
        }
    }
    return E_OK;
}

static int job_eat(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)request;
    (void)in;
    (void)out;
    (void)answer;
    for (size_t eaten = 0; eaten < 4096; eaten++) {
        void *piece = mem_alloc(MIB);
        if (piece == NULL) {
            return err_set(e, E_MEMORY, "after %zu MiB", eaten);
        }
        memset(piece, 1, MIB);
    }
    return E_OK;
}

// Everything a job may not do, by the first byte of the request. Returning at all is the failure.
static void misbehave(char what) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
    char *none[] = {NULL};
    static const char line[] = "x";
    struct iovec part = {(void *)(uintptr_t)line, 1};
    switch (what) {
    case 'o':
        (void)open("/etc/passwd", O_RDONLY);
        break;
    case 'O':
        (void)open("/tmp/maclab-worker-test-must-not-exist", O_WRONLY | O_CREAT, 0600);
        break;
    case 's':
        (void)socket(AF_INET, SOCK_STREAM, 0);
        break;
    case 'c':
        (void)connect(3, (struct sockaddr *)&to, sizeof to);
        break;
    case 'f':
        (void)fork();
        break;
    case 'v':
        (void)syscall(SYS_vfork);
        break;
    case 'x':
        (void)execve("/bin/true", none, none);
        break;
    case 'k':
        (void)kill(getppid(), SIGTERM);
        break;
    case 'K':
        (void)syscall(SYS_tgkill, getpid(), gettid(), SIGKILL);
        break;
    case 'p':
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        break;
    case 'm':
        (void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        break;
    case 'S':
        (void)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        break;
    case 'M':
        (void)syscall(SYS_memfd_create, "x", 0);
        break;
    case 'r': {
        struct rlimit most = {RLIM_INFINITY, RLIM_INFINITY};
        (void)syscall(SYS_setrlimit, RLIMIT_DATA, &most);
        break;
    }
    case 't': {
        struct stat st;
        (void)stat("/etc/passwd", &st);
        break;
    }
    case 'T': { // the trapped call with a path in it must not look the path up
        struct stat st;
        errno = 0;
        if (syscall(SYS_newfstatat, -1, "/etc/passwd", &st, AT_EMPTY_PATH) != 0) {
            abort();
        }
        break;
    }
    case 'u':
        (void)unlink("/tmp/x");
        break;
    case 'w':
        (void)syscall(SYS_process_vm_writev, getppid(), &part, 1, &part, 1, 0);
        break;
    case 'h':
        (void)syscall(SYS_clone3, NULL, 0);
        break;
    case 'a':
        abort();
    case 'g':
        *(volatile char *)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
        break;
    case 'e':
        _exit(9);
    case 'l':
        for (volatile uint64_t i = 0;; i++) {
        }
    case 'C':
        (void)close(3);
        for (volatile uint64_t i = 0;; i++) {
        }
    default:
        break;
    }
}

static int job_misbehave(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)in;
    (void)out;
    (void)e;
    misbehave((char)request.ptr[0]);
    buf_put_str(answer, "done");
    return E_OK;
}

// Sends the request's bytes as if they were an answer, then `then`: 'e' ends, 'l' loops.
static int job_forge(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)in;
    (void)out;
    (void)answer;
    (void)e;
    struct slice bytes = slice_from(request, 1);
    (void)!write(3, bytes.ptr, bytes.len);
    misbehave((char)request.ptr[0]);
    return E_OK;
}

enum { ECHO, PREPARED, FAIL, COPY, FILL, GROW, EAT, MISBEHAVE, FORGE };

static const struct worker_job jobs[] = {
    [ECHO] = {.name = "echo", .run = job_echo},
    [PREPARED] = {.name = "prepared", .run = job_prepared, .prepare = prepare},
    [FAIL] = {.name = "fail", .run = job_fail},
    [COPY] = {.name = "copy", .run = job_copy},
    [FILL] = {.name = "fill", .run = job_fill},
    [GROW] = {.name = "grow", .run = job_grow_out, .out_bytes = 10000},
    [EAT] = {.name = "eat", .run = job_eat, .memory_bytes = 64 * MIB},
    [MISBEHAVE] = {.name = "misbehave", .run = job_misbehave, .timeout_ms = 800},
    [FORGE] = {.name = "forge", .run = job_forge, .timeout_ms = 800},
};
#define JOB_COUNT (sizeof jobs / sizeof jobs[0])

// --- fixtures

static struct worker_pool *start(unsigned size, unsigned jobs_per_child) {
    struct worker_options o = {
        .jobs = jobs, .job_count = JOB_COUNT, .size = size, .jobs_per_child = jobs_per_child};
    struct worker_pool *pool = NULL;
    struct err e = {0};
    if (worker_pool_start(&o, &pool, &e) != E_OK) {
        fail_msg("pool: %s", e.text);
    }
    return pool;
}

static int one_pool(void **state) {
    *state = start(1, 0);
    return 0;
}

static int no_pool(void **state) {
    worker_pool_stop(*state);
    return 0;
}

static int run(struct worker_pool *pool, size_t job, struct slice request, struct buf *answer,
               struct err *e) {
    err_clear(e);
    return worker_run(pool, job, request, -1, -1, answer, e);
}

static void assert_works(struct worker_pool *pool) {
    struct buf answer;
    struct err e = {0};
    buf_init(&answer, 100);
    assert_int_equal(run(pool, ECHO, slice_str("still here"), &answer, &e), E_OK);
    assert_true(slice_eq_str(buf_slice(&answer), "still here"));
    buf_done(&answer);
}

// --- going over and coming back

static void an_answer_comes_back_whole(void **state) {
    static const size_t lengths[] = {0, 1, 100, 16384, 16385, 300000, WORKER_REQUEST_MAX};
    struct buf answer;
    struct err e = {0};
    buf_init(&answer, 2 * WORKER_REQUEST_MAX);
    uint8_t *request = mem_alloc(WORKER_REQUEST_MAX);
    for (size_t i = 0; i < WORKER_REQUEST_MAX; i++) {
        request[i] = (uint8_t)(i * 31 + (i >> 8));
    }
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        buf_clear(&answer);
        buf_put_str(&answer, "kept:");
        assert_int_equal(run(*state, ECHO, slice_of(request, lengths[i]), &answer, &e), E_OK);
        assert_int_equal(answer.len, 5 + lengths[i]);
        assert_memory_equal(answer.data, "kept:", 5);
        assert_true(lengths[i] == 0 || memcmp(answer.data + 5, request, lengths[i]) == 0);
    }
    mem_free(request);
    buf_done(&answer);
}

static void large_answers_pass_and_too_large_ones_are_refused(void **state) {
    struct buf answer;
    struct err e = {0};
    uint32_t len = 20 << 20;
    buf_init(&answer, WORKER_ANSWER_MAX);
    assert_int_equal(run(*state, FILL, slice_of(&len, 4), &answer, &e), E_OK);
    assert_int_equal(answer.len, len);
    assert_int_equal(answer.data[len - 1], 0xA5);
    buf_clear(&answer);
    len = (64 << 20) + 1; // the child's own limit
    assert_int_equal(run(*state, FILL, slice_of(&len, 4), &answer, &e), E_LIMIT);
    assert_int_equal(answer.len, 0);
    buf_done(&answer);
    buf_init(&answer, 1000); // the caller's
    len = 1001;
    assert_int_equal(run(*state, FILL, slice_of(&len, 4), &answer, &e), E_LIMIT);
    buf_done(&answer);
    assert_works(*state);
}

static void codes_and_errors_come_back_as_they_were(void **state) {
    struct buf answer;
    struct err e = {0};
    buf_init(&answer, 1000);
    assert_int_equal(run(*state, PREPARED, slice_str(""), &answer, &e), 7);
    assert_true(slice_eq_str(buf_slice(&answer), "42"));
    buf_clear(&answer);
    assert_int_equal(run(*state, FAIL, slice_str(""), &answer, &e), E_VALUE);
    assert_int_equal(answer.len, 0);
    assert_int_equal(e.code, E_VALUE);
    assert_string_equal(e.text, "bad?value ?");
    assert_string_equal(e.path, "(0010,0010)");
    assert_true(e.has_offset && e.offset == UINT64_C(0x123456789A));
    buf_done(&answer);
    assert_int_equal(worker_pool_counts(*state).crashes, 0);
}

static int temporary(const char *content, int *ret_read_only) {
    char name[] = "/tmp/maclab-test-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    *ret_read_only = open(name, O_RDONLY | O_CLOEXEC);
    (void)unlink(name);
    return fd;
}

static void files_go_over_as_descriptors(void **state) {
    int in, out_read;
    int in_write = temporary("the file's bytes", &in);
    int out = temporary("", &out_read);
    struct buf answer;
    struct err e = {0};
    buf_init(&answer, 1000);
    for (int i = 0; i < 40; i++) { // more often than the child has descriptors
        buf_clear(&answer);
        assert_int_equal(lseek(out, 0, SEEK_SET), 0);
        assert_int_equal(worker_run(*state, COPY, slice_str("x"), in, out, &answer, &e), E_OK);
        assert_true(slice_eq_str(buf_slice(&answer), "16"));
    }
    char back[32] = "";
    assert_int_equal(pread(out_read, back, sizeof back, 0), 16);
    assert_memory_equal(back, "the file's bytes", 16);
    // An input that the child could write to is refused here.
    assert_int_equal(worker_run(*state, COPY, slice_str("x"), in_write, out, &answer, &e),
                     E_ARGUMENT);
    buf_done(&answer);
    (void)close(in);
    (void)close(in_write);
    (void)close(out);
    (void)close(out_read);
}

static void requests_out_of_bounds_are_refused(void **state) {
    struct buf answer;
    struct err e = {0};
    buf_init(&answer, 1000);
    assert_int_equal(run(*state, JOB_COUNT, slice_str(""), &answer, &e), E_ARGUMENT);
    assert_int_equal(run(*state, ECHO, slice_of("", WORKER_REQUEST_MAX + 1), &answer, &e), E_LIMIT);
    buf_done(&answer);
}

// --- limits

static void a_written_file_has_its_limit(void **state) {
    int read_only;
    int out = temporary("", &read_only);
    struct buf answer;
    struct err e = {0};
    struct stat st;
    buf_init(&answer, 1000);
    assert_int_equal(worker_run(*state, GROW, slice_str(""), -1, out, &answer, &e), E_IO);
    assert_int_equal(fstat(out, &st), 0);
    assert_int_equal(st.st_size, 10000);
    assert_works(*state);
    assert_int_equal(worker_pool_counts(*state).crashes, 0);
    buf_done(&answer);
    (void)close(out);
    (void)close(read_only);
}

static void a_memory_bomb_is_the_jobs_own_failure(void **state) {
    if (SANITIZED) {
        print_message("skipped: no memory limits under a sanitizer\n");
        skip();
    }
    struct buf answer;
    struct err e = {0};
    buf_init(&answer, 1000);
    assert_int_equal(run(*state, EAT, slice_str(""), &answer, &e), E_MEMORY);
    assert_int_equal(strncmp(e.text, "after ", 6), 0);
    int mib = 0;
    assert_int_equal(sscanf(e.text, "after %d MiB", &mib), 1);
    assert_in_range(mib, 30, 64);
    buf_done(&answer);
}

// --- misbehaviour

static void every_shut_door_ends_the_child(void **state) {
    static const char doors[] = "oOscfvxkKpmSMrtuwh";
    struct buf answer;
    struct err e = {0};
    buf_init(&answer, 1000);
    for (size_t i = 0; doors[i] != '\0'; i++) {
        if (SANITIZED && doors[i] == 'r') {
            continue;
        }
        uint64_t crashes = worker_pool_counts(*state).crashes;
        int rc = run(*state, MISBEHAVE, slice_of(doors + i, 1), &answer, &e);
        if (rc != E_CRASHED || strstr(e.text, "forbidden system call") == NULL) {
            fail_msg("door '%c': %d %s", doors[i], rc, e.text);
        }
        assert_int_equal(strncmp(e.text, "misbehave: ", 11), 0);
        assert_int_equal(worker_pool_counts(*state).crashes, crashes + 1);
        assert_int_equal(answer.len, 0);
    }
    assert_int_equal(access("/tmp/maclab-worker-test-must-not-exist", F_OK), -1);
    buf_done(&answer);
    assert_works(*state);
}

static void deaths_have_clear_verdicts(void **state) {
    static const struct {
        char how;
        int code;
        const char *text;
        bool not_sanitized;
    } rows[] = {
        {'a', E_CRASHED, "died of signal 6 (Aborted)", false},
        {'g', E_CRASHED, "died of signal 11 (Segmentation fault)", true},
        {'e', E_CRASHED, "ended itself with status 9", false},
        {'l', E_TIMEOUT, "ended after 0.8 s", false},
        {'C', E_CRASHED, "closed its socket", false},
        {'T', E_CRASHED, "died of signal 6", false},
    };
    struct buf answer;
    struct err e = {0};
    buf_init(&answer, 1000);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (SANITIZED && rows[i].not_sanitized) {
            continue;
        }
        int rc = run(*state, MISBEHAVE, slice_of(&rows[i].how, 1), &answer, &e);
        if (rc != rows[i].code || strstr(e.text, rows[i].text) == NULL) {
            fail_msg("'%c': %d %s", rows[i].how, rc, e.text);
        }
        assert_works(*state);
    }
    assert_int_equal(worker_pool_counts(*state).timeouts, 1);
    buf_done(&answer);
}

static void forge(struct worker_pool *pool, char then, const void *bytes, size_t len, int code,
                  const char *text) {
    uint8_t request[200] = {(uint8_t)then};
    struct buf answer;
    struct err e = {0};
    buf_init(&answer, 1000);
    memcpy(request + 1, bytes, len);
    int rc = run(pool, FORGE, slice_of(request, len + 1), &answer, &e);
    if (rc != code || strstr(e.text, text) == NULL) {
        fail_msg("expected %s, got %d %s", text, rc, e.text);
    }
    assert_int_equal(answer.len, 0);
    buf_done(&answer);
    assert_works(pool);
}

// Each row forges in a child of its own (the one before was ended), whose first job has serial 1 —
// or 2, because assert_works came first.
static void malformed_answers_end_the_child(void **state) {
    struct frame_answer a;
    assert_works(*state);
    forge(*state, 'l', "nonsense nonsense nonsense", 26, E_CRASHED,
          "nonsense and was ended: not an");
    frame_pack_answer(&a, 99, 0, 0);
    forge(*state, 'l', &a, sizeof a, E_CRASHED, "answer to another job");
    frame_pack_answer(&a, 2, -1000, 0);
    forge(*state, 'l', &a, sizeof a, E_CRASHED, "unknown answer code");
    frame_pack_answer(&a, 2, 0, UINT64_MAX);
    forge(*state, 'l', &a, sizeof a, E_CRASHED, "impossible length");
    frame_pack_answer(&a, 2, 0, 500);
    forge(*state, 'l', &a, sizeof a, E_TIMEOUT, "ended after"); // partial, and then silence
    forge(*state, 'e', &a, sizeof a, E_CRASHED, "status 9");    // partial, and then death
    forge(*state, 'l', &a, 5, E_TIMEOUT, "ended after");
    struct {
        struct frame_answer head;
        char more[20];
    } longer = {.more = "more than announced"};
    frame_pack_answer(&longer.head, 2, 0, 3);
    forge(*state, 'l', &longer, sizeof longer, E_CRASHED, "more behind an answer");
}

// --- the pool

static void children_are_recycled(void **state) {
    (void)state;
    struct worker_pool *pool = start(1, 3);
    for (int i = 0; i < 10; i++) {
        assert_works(pool);
    }
    struct worker_counts c = worker_pool_counts(pool);
    assert_int_equal(c.recycled, 3);
    assert_int_equal(c.jobs, 10);
    assert_int_equal(c.crashes, 0);
    worker_pool_stop(pool);
}

static void a_program_that_is_no_worker_is_told(void **state) {
    (void)state;
    static const char *const programs[] = {"/bin/true", "/nonexistent/maclab"};
    for (size_t i = 0; i < 2; i++) {
        struct worker_options o = {
            .jobs = jobs, .job_count = JOB_COUNT, .size = 1, .program = programs[i]};
        struct worker_pool *pool = NULL;
        struct err e = {0};
        assert_int_equal(worker_pool_start(&o, &pool, &e), E_CRASHED);
        assert_non_null(strstr(e.text, "a worker did not start"));
        assert_null(pool);
    }
}

struct load {
    struct worker_pool *pool;
    int wrong;
};

static void *hammer(void *context) {
    struct load *l = context;
    struct buf answer;
    buf_init(&answer, 1000);
    for (int i = 0; i < 60; i++) {
        struct err e = {0};
        char text[20];
        (void)snprintf(text, sizeof text, "%d", i);
        buf_clear(&answer);
        if (i % 20 == 19) {
            l->wrong += run(l->pool, MISBEHAVE, slice_str("a"), &answer, &e) != E_CRASHED;
        } else {
            l->wrong += run(l->pool, ECHO, slice_str(text), &answer, &e) != E_OK ||
                        !slice_eq_str(buf_slice(&answer), text);
        }
    }
    buf_done(&answer);
    return NULL;
}

static void many_threads_share_few_children(void **state) {
    (void)state;
    enum { THREADS = 8 };
    struct load load[THREADS];
    pthread_t threads[THREADS];
    struct worker_pool *pool = start(2, 10);
    for (size_t i = 0; i < THREADS; i++) {
        load[i] = (struct load){pool, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &load[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(load[i].wrong, 0);
    }
    struct worker_counts c = worker_pool_counts(pool);
    assert_int_equal(c.jobs, THREADS * 60);
    assert_int_equal(c.crashes, THREADS * 3);
    assert_int_equal(c.busy, 0);
    worker_pool_stop(pool);
}

static void *loop_once(void *context) {
    struct buf answer;
    struct err e = {0};
    buf_init(&answer, 1000);
    (void)run(context, MISBEHAVE, slice_str("l"), &answer, &e);
    buf_done(&answer);
    return NULL;
}

static void no_child_outlives_the_pool(void **state) {
    (void)state;
    struct worker_pool *pool = start(3, 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, loop_once, pool), 0);
    while (worker_pool_counts(pool).busy == 0) {
        (void)usleep(1000);
    }
    worker_pool_stop(pool);
    (void)pthread_join(thread, NULL);
    siginfo_t info;
    assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

// The parent is killed while one child works and others wait.
static void no_child_outlives_its_parent(void **state) {
    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); // orphans come to us
    pid_t parent = fork();
    if (parent == 0) {
        struct worker_pool *pool = start(3, 0);
        pthread_t thread;
        (void)pthread_create(&thread, NULL, loop_once, pool);
        while (worker_pool_counts(pool).busy == 0 || worker_pool_counts(pool).children < 3) {
            (void)usleep(1000);
        }
        (void)kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    int ended = 0;
    usec deadline = clock_monotonic(clock_system()) + 5 * CLOCK_SECOND;
    while (clock_monotonic(clock_system()) < deadline) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0) {
            break;
        }
        ended += pid > 0;
        (void)usleep(pid == 0 ? 1000 : 0);
    }
    (void)prctl(PR_SET_CHILD_SUBREAPER, 0);
    assert_int_equal(ended, 3);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

// `test_worker bench`: microseconds a job, for the numbers in docs.
static int bench(void) {
    static const uint32_t lengths[] = {0, 4096, 65536, 512 << 10, 4 << 20};
    struct worker_pool *pool = start(1, 1000000);
    struct buf answer;
    buf_init(&answer, WORKER_ANSWER_MAX);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct err e = {0};
        int rounds = lengths[i] > 100000 ? 300 : 20000;
        usec start_at = clock_monotonic(clock_system());
        for (int n = 0; n < rounds; n++) {
            buf_clear(&answer);
            (void)run(pool, FILL, slice_of(&lengths[i], 4), &answer, &e);
        }
        usec took = clock_monotonic(clock_system()) - start_at;
        printf("answer of %7u bytes: %8.2f us a job\n", lengths[i], (double)took / rounds);
    }
    buf_done(&answer);
    worker_pool_stop(pool);
    usec start_at = clock_monotonic(clock_system());
    for (int i = 0; i < 20; i++) {
        worker_pool_stop(start(1, 0));
    }
    printf("a child to start and end: %.2f ms\n",
           (double)(clock_monotonic(clock_system()) - start_at) / 20000);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "worker") == 0) {
        return worker_main(jobs, JOB_COUNT);
    }
    if (argc == 2 && strcmp(argv[1], "bench") == 0) {
        return bench();
    }
#define WITH_POOL(f) cmocka_unit_test_setup_teardown(f, one_pool, no_pool)
    const struct CMUnitTest tests[] = {
        WITH_POOL(an_answer_comes_back_whole),
        WITH_POOL(large_answers_pass_and_too_large_ones_are_refused),
        WITH_POOL(codes_and_errors_come_back_as_they_were),
        WITH_POOL(files_go_over_as_descriptors),
        WITH_POOL(requests_out_of_bounds_are_refused),
        WITH_POOL(a_written_file_has_its_limit),
        WITH_POOL(a_memory_bomb_is_the_jobs_own_failure),
        WITH_POOL(every_shut_door_ends_the_child),
        WITH_POOL(deaths_have_clear_verdicts),
        WITH_POOL(malformed_answers_end_the_child),
        cmocka_unit_test(children_are_recycled),
        cmocka_unit_test(a_program_that_is_no_worker_is_told),
        cmocka_unit_test(many_threads_share_few_children),
        cmocka_unit_test(no_child_outlives_the_pool),
        cmocka_unit_test(no_child_outlives_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
