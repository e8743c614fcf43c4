// SPDX-License-Identifier: Apache-2.0
#include "node/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "dimse/stream.h"
#include "policy/policy.h"

static int find_address(const struct dimse_address *a, struct addrinfo **ret_list, struct err *e) {
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM};
    char port[8];
    const char *host = strcmp(a->host, "localhost") == 0 ? "127.0.0.1" : a->host;
    (void)snprintf(port, sizeof port, "%u", a->port);
    return getaddrinfo(host, port, &hints, ret_list) == 0
               ? E_OK
               : err_set(e, E_ARGUMENT, "'%s' is no numeric address to listen on", a->host);
}

static int check_place(const struct addrinfo *place, bool tls, bool network, struct err *e) {
    char host[64] = "";
    (void)getnameinfo(place->ai_addr, place->ai_addrlen, host, sizeof host, NULL, 0,
                      NI_NUMERICHOST);
    bool loopback = policy_connection(host).origin == POLICY_ORIGIN_LOOPBACK;
    if (loopback || tls || network) {
        return E_OK;
    }
    return err_set(e, E_DENIED,
                   "will not listen for DICOM on %s without TLS: clauses C1b and C3a, the gate "
                   "still checks structure only; use 127.0.0.1, --dicom-tls, or --dicom-network "
                   "where the wire itself is safe",
                   host);
}

static uint16_t port_of(int fd) {
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    if (getsockname(fd, (struct sockaddr *)&bound, &len) != 0) {
        return 0;
    }
    memcpy(&four, &bound, sizeof four);
    memcpy(&six, &bound, sizeof six);
    return ntohs(bound.ss_family == AF_INET ? four.sin_port : six.sin6_port);
}

static int open_socket(const struct addrinfo *place, const struct dimse_address *a, int *ret_fd,
                       struct err *e) {
    CLEANUP(cleanup_fd)
    int fd = socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0) {
        return err_set_errno(e, errno, "socket");
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, place->ai_addr, place->ai_addrlen) != 0 || listen(fd, NODE_BACKLOG) != 0) {
        return errno == EADDRINUSE
                   ? err_set(e, E_LOCKED,
                             "port %u of %s is taken by another program; choose another with "
                             "--dicom or --dicom-tls, or --dicom none",
                             a->port, a->host)
                   : err_set_errno(e, errno, "listen on %s port %u", a->host, a->port);
    }
    *ret_fd = steal_fd(&fd);
    return E_OK;
}

int node_listen(const struct dimse_address *address, bool tls, bool network, int *ret_fd,
                uint16_t *ret_port, struct err *e) {
    struct addrinfo *place = NULL;
    int fd = -1;
    int rc = find_address(address, &place, e);
    rc = rc == E_OK ? check_place(place, tls, network, e) : rc;
    rc = rc == E_OK ? open_socket(place, address, &fd, e) : rc;
    if (place != NULL) {
        freeaddrinfo(place);
    }
    if (rc == E_OK) {
        *ret_port = port_of(fd);
        *ret_fd = fd;
    }
    return rc;
}
