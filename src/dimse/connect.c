// SPDX-License-Identifier: Apache-2.0
// Addresses of peers, and connecting to them.
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/num.h"
#include "dimse/stream.h"
#include "dimse/stream_priv.h"

static bool host_ok(struct slice host) {
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] <= ' ' || host.ptr[i] >= 0x7F || host.ptr[i] == '[' || host.ptr[i] == ']') {
            return false;
        }
    }
    return host.len > 0 && host.len <= DIMSE_HOST_MAX;
}

// Cuts "host" and what stands behind it (":port" or nothing).
static bool cut(struct slice text, struct slice *ret_host, struct slice *ret_rest) {
    if (text.len > 0 && text.ptr[0] == '[') {
        size_t end = slice_find(text, ']');
        *ret_host = slice_from(slice_first(text, end), 1);
        *ret_rest = slice_from(text, end + 1);
        return end < text.len;
    }
    size_t colon = slice_find(text, ':');
    *ret_host = slice_first(text, colon);
    *ret_rest = slice_from(text, colon);
    return true;
}

int dimse_address_parse(const char *text, struct dimse_address *ret_address, struct err *e) {
    struct slice host;
    struct slice rest;
    uint64_t port = DIMSE_PORT_DEFAULT;
    if (!cut(slice_str(text), &host, &rest) || !host_ok(host)) {
        return err_set(e, E_ARGUMENT, "address '%s': HOST:PORT expected", text);
    }
    if (rest.len > 0 && (rest.ptr[0] != ':' ||
                         !num_parse_u64(slice_from(rest, 1), UINT16_MAX, &port) || port == 0)) {
        return err_set(e, E_ARGUMENT, "address '%s': no port from 1 to 65535", text);
    }
    struct dimse_address address = {.port = (uint16_t)port};
    memcpy(address.host, host.ptr, host.len);
    *ret_address = address;
    return E_OK;
}

static void cleanup_addresses(struct addrinfo **list) {
    if (*list != NULL) {
        freeaddrinfo(*list);
    }
}

static int resolve(const struct dimse_address *to, struct addrinfo **ret_list, struct err *e) {
    char port[8];
    (void)snprintf(port, sizeof port, "%u", to->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    int rc = getaddrinfo(to->host, port, &hints, ret_list);
    if (rc == EAI_MEMORY) {
        return err_set(e, E_MEMORY, "look up %s", to->host);
    }
    return rc == 0 ? E_OK : err_set(e, E_IO, "%s: %s", to->host, gai_strerror(rc));
}

// Of several addresses each but the last gets half of what is left of the time.
static int connect_one(const struct addrinfo *at, const struct dimse_address *to, uint32_t *left_ms,
                       struct dimse_stream **ret_stream, struct err *e) {
    uint32_t share_ms = at->ai_next != NULL ? *left_ms / 2 : *left_ms;
    uint32_t wait_ms = share_ms;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_set_errno(e, errno, "socket");
    }
    int failed = connect(fd, at->ai_addr, at->ai_addrlen) == 0 ? 0 : errno;
    struct dimse_stream *s = NULL;
    int rc = stream_new(fd, &s, e);
    if (rc == E_OK && failed == EINPROGRESS) {
        rc = stream_wait(s, true, &wait_ms, e);
        *left_ms -= share_ms - wait_ms;
        if (rc == E_TIMEOUT) {
            err_set(e, E_TIMEOUT, "%s port %u does not answer", to->host, to->port);
        }
        socklen_t len = sizeof failed;
        if (rc == E_OK && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0) {
            failed = errno;
        }
    }
    if (rc == E_OK && failed != 0) {
        char words[128];
        rc = err_set(e, E_IO, "connect to %s port %u: %s", to->host, to->port,
                     strerror_r(failed, words, sizeof words));
    }
    if (rc != E_OK) {
        dimse_stream_close(s);
        return rc;
    }
    stream_name_peer(s);
    *ret_stream = s;
    return E_OK;
}

int dimse_stream_connect(const struct dimse_address *to, struct dimse_tls *tls, uint32_t timeout_ms,
                         struct dimse_stream **ret_stream, struct err *e) {
    CLEANUP(cleanup_addresses)
    struct addrinfo *list = NULL;
    int rc = resolve(to, &list, e);
    struct dimse_stream *s = NULL;
    uint32_t left_ms = timeout_ms;
    for (const struct addrinfo *at = list; rc == E_OK && at != NULL; at = at->ai_next) {
        rc = connect_one(at, to, &left_ms, &s, e);
        if (rc == E_OK) {
            break;
        }
        rc = at->ai_next != NULL && left_ms > 0 ? E_OK : rc;
    }
    if (rc == E_OK && tls != NULL) {
        rc = stream_secure(s, tls, to->host, left_ms, e);
        if (rc != E_OK) {
            err_context(e, "%s port %u", to->host, to->port);
        }
    }
    if (rc != E_OK) {
        dimse_stream_close(s);
        return rc;
    }
    *ret_stream = s;
    return E_OK;
}
