// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/dicom_contexts.h"
#include "dimse/command.h"
#include "dimse/server.h"

#define PEER_TEXT 64
#define BACKLOG 64
#define GRACE_MS 5000
#define COMMITMENT_UID "1.2.840.10008.1.20.1"
#define EVENT_BYTES_MAX ((size_t)64 << 20)

struct listening {
    struct listen_options options;
    struct dimse_server *server;
    uint16_t port;
};

// --- negotiation

// Reports come to us from the service's SCP: it calls, and offers its role (PS3.7 D.3.3.4).
static void accept_commitment(struct dimse_context *c) {
    c->result = DIMSE_TRANSFER_NOT_SUPPORTED;
    for (size_t i = 0; i < c->proposed_count; i++) {
        if (strcmp(c->proposed[i], DCM_EXPLICIT_LE_UID) == 0 ||
            strcmp(c->proposed[i], DCM_IMPLICIT_LE_UID) == 0) {
            c->result = DIMSE_ACCEPTED;
            (void)snprintf(c->syntax, sizeof c->syntax, "%s", c->proposed[i]);
            return;
        }
    }
}

static int negotiate(void *context, struct dimse_stream *stream, struct dimse_proposal *p,
                     struct dimse_rejection *ret_rejection, struct err *e) {
    struct listening *l = context;
    (void)stream;
    (void)e;
    if (strcmp(p->called, l->options.aet) != 0) {
        *ret_rejection = DIMSE_REJECT_CALLED_UNKNOWN;
        return E_OK;
    }
    bool refuse[DIMSE_CONTEXTS_MAX] = {false};
    bool scp[DIMSE_CONTEXTS_MAX] = {false};
    for (size_t i = 0; i < p->context_count; i++) {
        scp[i] = p->contexts[i].scp_role;
        refuse[i] = l->options.folder == NULL;
    }
    contexts_accept_storage(p);
    for (size_t i = 0; i < p->context_count; i++) {
        struct dimse_context *c = &p->contexts[i];
        bool commitment = strcmp(c->abstract_syntax, COMMITMENT_UID) == 0;
        if (commitment && l->options.event != NULL) {
            accept_commitment(c);
            c->scp_role = scp[i];
        } else if (refuse[i] && dcm_uid_is_storage(slice_str(c->abstract_syntax))) {
            c->result = DIMSE_ABSTRACT_NOT_SUPPORTED;
        }
    }
    return E_OK;
}

// --- messages

int listen_take_event(struct dimse_association *a, const struct dimse_message *m,
                      uint16_t (*event)(void *context, const struct dimse_message *message,
                                        struct slice data_set),
                      void *context, struct err *e) {
    CLEANUP(cleanup_buf) struct buf data;
    buf_init(&data, EVENT_BYTES_MAX);
    int rc = m->command.data_set ? dimse_data_all(a, &data, e) : E_OK;
    if (rc != E_OK) {
        return rc;
    }
    uint16_t status = event(context, m, buf_slice(&data));
    struct dimse_command answer = dimse_response_to(&m->command, status);
    answer.event_type = m->command.event_type;
    answer.has |= DIMSE_HAS_EVENT_TYPE;
    return dimse_send(a, m->context_id, &answer, NULL, 0, e);
}

static int answer(struct listening *l, struct dimse_association *a, const struct dimse_message *m,
                  const struct dimse_sink *sink, struct err *e) {
    if (m->command.field == DIMSE_C_STORE_RQ && sink != NULL) {
        return dimse_take_store(a, m, sink, e);
    }
    if (m->command.field == DIMSE_N_EVENT_REPORT_RQ && l->options.event != NULL) {
        return listen_take_event(a, m, l->options.event, l->options.context, e);
    }
    if ((m->command.field & DIMSE_RESPONSE) != 0 || m->command.field == DIMSE_C_CANCEL_RQ) {
        return m->command.data_set ? dimse_data_skip(a, e) : E_OK;
    }
    int rc = m->command.data_set ? dimse_data_skip(a, e) : E_OK;
    struct dimse_command response = dimse_response_to(
        &m->command,
        m->command.field == DIMSE_C_ECHO_RQ ? DIMSE_SUCCESS : DIMSE_UNRECOGNIZED_OPERATION);
    return rc == E_OK ? dimse_send(a, m->context_id, &response, NULL, 0, e) : rc;
}

static void serve(void *context, struct dimse_association *a) {
    struct listening *l = context;
    struct receiver *receiver = NULL;
    struct dimse_sink sink;
    struct err why = {0};
    char from[PEER_TEXT]; // an association that is over has no stream
    (void)snprintf(from, sizeof from, "%s", dimse_stream_peer(dimse_association_stream(a)));
    int rc =
        l->options.folder != NULL ? receiver_open(l->options.folder, a, &receiver, &why) : E_OK;
    if (receiver != NULL) {
        sink = receiver_sink(receiver);
    }
    while (rc == E_OK) {
        struct dimse_message m;
        int got = dimse_receive(a, &m, &why);
        if (got == DIMSE_RELEASED) {
            break;
        }
        rc = got < 0 ? got : answer(l, a, &m, receiver != NULL ? &sink : NULL, &why);
    }
    if (rc != E_OK) {
        log_failure(LOG_WARNING, from, "association", &why);
    }
    receiver_close(receiver);
}

// --- the socket

static int bind_socket(const struct addrinfo *place, uint16_t *ret_port) {
    CLEANUP(cleanup_fd) int fd = socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    int off = 0;
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
        return -1;
    }
    if (place->ai_family == AF_INET6) { // all addresses are those of IPv4, too
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (bind(fd, place->ai_addr, place->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &len) != 0) {
        return -1;
    }
    memcpy(&four, &bound, sizeof four);
    memcpy(&six, &bound, sizeof six);
    *ret_port = ntohs(bound.ss_family == AF_INET6 ? six.sin6_port : four.sin_port);
    return steal_fd(&fd);
}

// A descriptor; on the address named, or on all, by IPv6 where the machine has it.
static int open_socket(const struct listen_options *o, uint16_t *ret_port, struct err *e) {
    static const char *const everywhere[] = {"::", "0.0.0.0"};
    const char *const *addresses = o->address != NULL ? &o->address : everywhere;
    size_t count = o->address != NULL ? 1 : 2;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    char port[8];
    int fd = -1;
    (void)snprintf(port, sizeof port, "%u", o->port);
    for (size_t i = 0; fd < 0 && i < count; i++) {
        struct addrinfo *place;
        if (getaddrinfo(addresses[i], port, &hints, &place) != 0) {
            return err_set(e, E_ARGUMENT, "no numeric address '%s'", addresses[i]);
        }
        fd = bind_socket(place, ret_port);
        int why = errno;
        freeaddrinfo(place);
        errno = why;
    }
    return fd >= 0 ? fd : err_set_errno(e, errno, "listening on port %u", o->port);
}

int listening_start(const struct listen_options *options, struct listening **ret_listening,
                    struct err *e) {
    struct listening *l = mem_zalloc(sizeof *l);
    if (l == NULL) {
        return err_set(e, E_MEMORY, "no memory to listen");
    }
    l->options = *options;
    int fd = open_socket(options, &l->port, e);
    int rc = fd < 0 ? fd : E_OK;
    if (rc == E_OK) {
        struct dimse_server_options server = {.listen_fd = fd,
                                              .tls = options->tls,
                                              .negotiate = negotiate,
                                              .serve = serve,
                                              .context = l};
        rc = dimse_server_start(&server, &l->server, e);
    }
    if (rc != E_OK) {
        mem_free(l);
        return rc;
    }
    *ret_listening = l;
    return E_OK;
}

uint16_t listening_port(const struct listening *l) { return l->port; }

void listening_stop(struct listening *l) {
    if (l != NULL) {
        dimse_server_stop(l->server, GRACE_MS);
        mem_free(l);
    }
}
