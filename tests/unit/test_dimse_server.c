// SPDX-License-Identifier: Apache-2.0
// The server of associations: serving several at once, saying no over its limits, stopping while
// some are open, counting.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "dimse/server.h"
#include "dimse_script.h"

#define TIMEOUT_MS 5000

static void serve(void *context, struct dimse_association *a) {
    (void)context;
    struct dimse_message m;
    struct err e = {0};
    while (dimse_receive(a, &m, &e) == DIMSE_MESSAGE) {
        struct dimse_command rsp = dimse_response_to(&m.command, DIMSE_SUCCESS);
        if (dimse_send(a, m.context_id, &rsp, NULL, 0, &e) != E_OK) {
            break;
        }
    }
}

struct running {
    struct dimse_server *server;
    uint16_t port;
};

static void start(struct running *r, uint32_t most, uint32_t per_peer, in_addr_t at) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = at};
    socklen_t len = sizeof a;
    struct err e = {0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 128), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    struct dimse_server_options options = {.listen_fd = fd,
                                           .associations_max = most,
                                           .per_peer_max = per_peer,
                                           .limits = {.artim_ms = 400},
                                           .negotiate = script_accept_all,
                                           .serve = serve};
    assert_int_equal(dimse_server_start(&options, &r->server, &e), E_OK);
    r->port = ntohs(a.sin_port);
}

static int ask(const struct running *r, const char *host, struct dimse_association **ret_a,
               struct err *e) {
    static const char *const syntaxes[] = {DCM_IMPLICIT_LE_UID, NULL};
    static const struct dimse_want want = {SCRIPT_VERIFICATION, syntaxes, false, {0}};
    struct dimse_address address = {.port = r->port};
    struct dimse_stream *stream = NULL;
    (void)snprintf(address.host, sizeof address.host, "%s", host);
    int rc = dimse_stream_connect(&address, NULL, TIMEOUT_MS, &stream, e);
    if (rc != E_OK) {
        return rc;
    }
    struct dimse_request request = {.calling = "A", .called = "B", .wants = &want, .want_count = 1};
    return dimse_associate(stream, &request, ret_a, e);
}

static void echo(struct dimse_association *a) {
    struct dimse_command c = script_command(DIMSE_C_ECHO_RQ, dimse_next_message_id(a), false);
    struct dimse_message m;
    struct err e = {0};
    assert_int_equal(dimse_send(a, 1, &c, NULL, 0, &e), E_OK);
    assert_int_equal(dimse_receive(a, &m, &e), DIMSE_MESSAGE);
    assert_int_equal(m.command.status, DIMSE_SUCCESS);
}

// Until the server's threads have come so far.
static void await_open(struct dimse_server *s, uint32_t open) {
    for (int i = 0; i < 500 && dimse_server_counts(s).open != open; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(dimse_server_counts(s).open, open);
}

static void limits(void **unused) {
    (void)unused;
    struct running r;
    struct dimse_association *a[4] = {NULL};
    struct dimse_association *more = NULL;
    struct err e = {0};
    start(&r, 4, 1, htonl(INADDR_LOOPBACK)); // one an address: not counted on loopback
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ask(&r, "127.0.0.1", &a[i], &e), E_OK);
        echo(a[i]);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(&r, "127.0.0.1", &more, &e), E_BUSY);
        assert_non_null(strstr(e.text, "local limit exceeded"));
    }
    for (int i = 0; i < 4; i++) { // the others have not noticed
        echo(a[i]);
    }
    assert_int_equal(dimse_release(a[0], &e), E_OK);
    await_open(r.server, 3);
    for (int i = 0; i < 100 && ask(&r, "127.0.0.1", &a[0], &e) != E_OK; i++) {
        (void)usleep(10000); // its thread is about to end
    }
    assert_non_null(a[0]);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dimse_release(a[i], &e), E_OK);
    }
    dimse_abort(a[3]);
    await_open(r.server, 0);
    struct dimse_server_counts counts = dimse_server_counts(r.server);
    assert_int_equal(counts.accepted, 5);
    assert_true(counts.rejected >= 3);
    assert_int_equal(counts.aborted, 1);
    dimse_server_stop(r.server, 1000);
}

// An address of this machine that is not loopback; false: it has none.
static bool own_address(char out[INET_ADDRSTRLEN]) {
    struct ifaddrs *list = NULL;
    bool found = false;
    if (getifaddrs(&list) != 0) {
        return false;
    }
    for (const struct ifaddrs *i = list; i != NULL && !found; i = i->ifa_next) {
        if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET) {
            const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)i->ifa_addr;
            found = ntohl(v4->sin_addr.s_addr) >> 24 != 127 &&
                    inet_ntop(AF_INET, &v4->sin_addr, out, INET_ADDRSTRLEN) != NULL;
        }
    }
    freeifaddrs(list);
    return found;
}

static void limit_of_an_address(void **unused) {
    (void)unused;
    char host[INET_ADDRSTRLEN];
    if (!own_address(host)) {
        skip();
    }
    struct running r;
    struct dimse_association *a[2] = {NULL};
    struct dimse_association *more = NULL;
    struct err e = {0};
    start(&r, 10, 2, htonl(INADDR_ANY));
    assert_int_equal(ask(&r, host, &a[0], &e), E_OK);
    assert_int_equal(ask(&r, host, &a[1], &e), E_OK);
    assert_int_equal(ask(&r, host, &more, &e), E_BUSY);
    assert_int_equal(ask(&r, "127.0.0.1", &more, &e), E_OK);
    dimse_abort(a[0]);
    dimse_abort(a[1]);
    dimse_abort(more);
    dimse_server_stop(r.server, 1000);
}

static int connect_plain(const struct running *r) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(r->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

// More connections that say nothing than there are threads: they are gone after ARTIM's time, and
// whoever comes then is served.
static void silent_flood(void **unused) {
    (void)unused;
    struct running r;
    int fds[60];
    start(&r, 4, 0, htonl(INADDR_LOOPBACK));
    for (size_t i = 0; i < 60; i++) {
        fds[i] = connect_plain(&r);
    }
    struct dimse_association *a = NULL;
    struct err e = {0};
    usec start_at = clock_monotonic(clock_system());
    while (ask(&r, "127.0.0.1", &a, &e) != E_OK) {
        assert_true(clock_monotonic(clock_system()) - start_at < 20 * CLOCK_SECOND);
        (void)usleep(50000);
    }
    echo(a);
    assert_int_equal(dimse_release(a, &e), E_OK);
    for (size_t i = 0; i < 60; i++) {
        (void)close(fds[i]);
    }
    dimse_server_stop(r.server, 1000);
}

// Stopped with an association that waits, one in the middle of a message, one that says nothing and
// one that does not read.
static void stop(void **unused) {
    (void)unused;
    struct running r;
    struct dimse_association *a = NULL;
    struct dimse_association *b = NULL;
    struct err e = {0};
    struct dimse_message m;
    start(&r, 10, 0, htonl(INADDR_LOOPBACK));
    assert_int_equal(ask(&r, "127.0.0.1", &a, &e), E_OK);
    assert_int_equal(ask(&r, "127.0.0.1", &b, &e), E_OK);
    echo(a);
    struct slice half = slice_of("\4\0\0\0", 4);
    assert_int_equal(dimse_stream_write(dimse_association_stream(b), &half, 1, TIMEOUT_MS, &e),
                     E_OK);
    int silent = connect_plain(&r);
    await_open(r.server, 2);
    usec start_at = clock_monotonic(clock_system());
    dimse_server_stop(r.server, 100);
    usec took = clock_monotonic(clock_system()) - start_at;
    assert_true(took >= CLOCK_SECOND / 20 && took < 5 * CLOCK_SECOND);
    assert_int_equal(dimse_receive(a, &m, &e), E_CANCELLED);
    assert_string_equal(e.text, "aborted by the peer"); // not just gone
    dimse_association_close(a);
    dimse_association_close(b);
    (void)close(silent);
    int rc = ask(&r, "127.0.0.1", &a, &e);
    assert_int_equal(rc, E_IO);
    assert_non_null(strstr(e.text, "127.0.0.1 port"));
    dimse_server_stop(NULL, 0);
}

static void in_parallel(void **unused) {
    (void)unused;
    struct running r;
    struct dimse_association *a[40];
    struct err e = {0};
    start(&r, 0, 0, htonl(INADDR_LOOPBACK));
    for (int i = 0; i < 40; i++) {
        assert_int_equal(ask(&r, "127.0.0.1", &a[i], &e), E_OK);
    }
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 40; i++) {
            echo(a[i]);
        }
    }
    assert_int_equal(dimse_server_counts(r.server).open, 40);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(dimse_release(a[i], &e), E_OK);
    }
    dimse_server_stop(r.server, 2000);
}

// --- addresses

static void addresses(void **unused) {
    (void)unused;
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {{"192.0.2.7:104", "192.0.2.7", 104},
                {"192.0.2.7", "192.0.2.7", DIMSE_PORT_DEFAULT},
                {"[2001:db8::7]:2762", "2001:db8::7", 2762},
                {"[::1]", "::1", DIMSE_PORT_DEFAULT},
                {"station-1.suite:11112", "station-1.suite", 11112}};
    static const char *const bad[] = {"",      ":104", "h:",     "h:0",    "h:65536",
                                      "h:1x",  "h:-1", "[::1",   "[::1]x", "a b:1",
                                      "a\n:1", "::1",  "h:104:1"};
    struct dimse_address a;
    struct err e = {0};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(dimse_address_parse(good[i].text, &a, &e), E_OK);
        assert_string_equal(a.host, good[i].host);
        assert_int_equal(a.port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (dimse_address_parse(bad[i], &a, &e) != E_ARGUMENT) {
            fail_msg("%s", bad[i]);
        }
    }
    char too_long[DIMSE_HOST_MAX + 8];
    memset(too_long, 'a', sizeof too_long);
    too_long[sizeof too_long - 1] = '\0';
    assert_int_equal(dimse_address_parse(too_long, &a, &e), E_ARGUMENT);
}

static void nobody_there(void **unused) {
    (void)unused;
    struct running r;
    struct dimse_stream *stream = NULL;
    struct err e = {0};
    start(&r, 1, 0, htonl(INADDR_LOOPBACK));
    dimse_server_stop(r.server, 0);
    struct dimse_address a = {"127.0.0.1", r.port};
    assert_int_equal(dimse_stream_connect(&a, NULL, TIMEOUT_MS, &stream, &e), E_IO);
    assert_non_null(strstr(e.text, "refused"));
    a = (struct dimse_address){"no-such-host.invalid", 104};
    assert_int_equal(dimse_stream_connect(&a, NULL, TIMEOUT_MS, &stream, &e), E_IO);
    assert_non_null(strstr(e.text, "no-such-host.invalid"));
}

int main(void) {
    log_open("test", LOG_ERROR, clock_system());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits),       cmocka_unit_test(limit_of_an_address),
        cmocka_unit_test(silent_flood), cmocka_unit_test(stop),
        cmocka_unit_test(in_parallel),  cmocka_unit_test(addresses),
        cmocka_unit_test(nobody_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
