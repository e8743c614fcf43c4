// SPDX-License-Identifier: Apache-2.0
#include "web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "base/slice.h"

int web_address_parse(const char *text, struct web_address *ret_address, struct err *e) {
    struct web_address address = {0};
    const char *colon = strrchr(text, ':');
    uint64_t port;
    if (colon == NULL || !num_parse_u64(slice_str(colon + 1), UINT16_MAX, &port)) {
        return err_set(e, E_ARGUMENT, "address '%s': ADDRESS:PORT expected", text);
    }
    struct slice host = slice_trim(slice_of(text, (size_t)(colon - text)), "[]");
    if (slice_eq_str(host, "localhost")) {
        host = slice_str("127.0.0.1");
    }
    if (host.len == 0 || host.len >= sizeof address.host) {
        return err_set(e, E_ARGUMENT, "address '%s': a numeric address or localhost expected",
                       text);
    }
    memcpy(address.host, host.ptr, host.len);
    address.port = (uint16_t)port;
    *ret_address = address;
    return E_OK;
}

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int to_socket_address(const struct web_address *from, union any_address *ret_to,
                             socklen_t *ret_len, struct err *e) {
    union any_address to = {0};
    if (inet_pton(AF_INET, from->host, &to.v4.sin_addr) == 1) {
        to.v4.sin_family = AF_INET;
        to.v4.sin_port = htons(from->port);
        *ret_len = sizeof to.v4;
    } else if (inet_pton(AF_INET6, from->host, &to.v6.sin6_addr) == 1) {
        to.v6.sin6_family = AF_INET6;
        to.v6.sin6_port = htons(from->port);
        *ret_len = sizeof to.v6;
    } else {
        return err_set(e, E_ARGUMENT, "address '%s' is not numeric", from->host);
    }
    *ret_to = to;
    return E_OK;
}

static bool is_loopback(const union any_address *a) {
    return a->any.sa_family == AF_INET ? (ntohl(a->v4.sin_addr.s_addr) >> 24) == 127
                                       : IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

static int bind_and_listen(int fd, const union any_address *to, socklen_t len,
                           const struct web_address *address, struct err *e) {
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, &to->any, len) == 0 && listen(fd, WEB_BACKLOG) == 0) {
        return E_OK;
    }
    if (errno == EADDRINUSE) {
        return err_set(e, E_LOCKED,
                       "port %u of %s is taken by another program; choose another with --http",
                       address->port, address->host);
    }
    return err_set_errno(e, errno, "listen on %s port %u", address->host, address->port);
}

static uint16_t port_of(int fd) {
    union any_address bound = {0};
    socklen_t len = sizeof bound;
    if (getsockname(fd, &bound.any, &len) != 0) {
        return 0;
    }
    return ntohs(bound.any.sa_family == AF_INET ? bound.v4.sin_port : bound.v6.sin6_port);
}

int web_listen(const struct web_address *address, int *ret_fd, uint16_t *ret_port, struct err *e) {
    union any_address to;
    socklen_t len = 0;
    int rc = to_socket_address(address, &to, &len, e);
    if (rc != E_OK) {
        return rc;
    }
    if (!is_loopback(&to)) {
        return err_set(
            e, E_DENIED,
            "will not listen on %s: clauses C1b and A0 keep images that the gate has not "
            "proved anonymous on this machine, and the gate still checks structure only; "
            "use 127.0.0.1 or [::1]",
            address->host);
    }
    CLEANUP(cleanup_fd)
    int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_set_errno(e, errno, "socket");
    }
    rc = bind_and_listen(fd, &to, len, address, e);
    if (rc == E_OK) {
        *ret_port = port_of(fd);
        *ret_fd = steal_fd(&fd);
    }
    return rc;
}
