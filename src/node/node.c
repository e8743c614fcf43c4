// SPDX-License-Identifier: Apache-2.0
// Starting and stopping the node, and calling peers.
#include "node/node.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/inbox.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/commitment.h"
#include "node/find.h"
#include "node/node_priv.h"
#include "node/service.h"

struct archive *node_archive(struct node *n) {
    return n->archive;
}
const struct clock *node_clock(const struct node *n) { return n->clock; }
uint32_t node_matches_max(const struct node *n) {
    return n->options.matches_max == 0 ? FIND_MATCHES_MAX : n->options.matches_max;
}

const char *node_aet(const struct node *n) { return n->aet; }
struct inbox *node_inbox(struct node *n) {
    return n->inbox;
}
struct strangers *node_strangers(struct node *n) {
    return &n->strangers;
}
bool node_stopping(const struct node *n) { return n->stopping; }

// --- what the inbox tells the log

static void tell_verdict(void *context, const struct custody_row *row) {
    (void)context;
    log_line(LOG_WARNING, "inbox: arrival %llu from %s is %s: %s%s%s",
             (unsigned long long)row->number, row->peer, custody_state_word(row->state),
             row->reason, row->words[0] != '\0' ? ": " : "", row->words);
}

static void tell_trouble(void *context, const struct err *why) {
    (void)context;
    log_failure(LOG_ERROR, "inbox", "judging what arrived", why);
}

// --- starting

static int check_options(const struct node_options *o, struct err *e) {
    const char *aet = o->aet == NULL ? NODE_AET_DEFAULT : o->aet;
    if (!node_aet_valid(aet)) {
        return err_set(e, E_ARGUMENT, "'%s' is no AE title: 1 to 16 characters, no backslash", aet);
    }
    if (o->tls_listen_fd >= 0 && o->tls.certificate == NULL) {
        return err_set(e, E_ARGUMENT, "DICOM over TLS needs a certificate and its key");
    }
    if (node_service_count() > NODE_SERVICES_MAX) {
        return err_set(e, E_INTERNAL, "too many services");
    }
    return E_OK;
}

static int copy_options(struct node *n, const struct node_options *o, struct err *e) {
    n->options = *o;
    n->archive = o->archive;
    n->clock = o->clock == NULL ? clock_system() : o->clock;
    (void)snprintf(n->aet, sizeof n->aet, "%s", o->aet == NULL ? NODE_AET_DEFAULT : o->aet);
    n->options.aet = n->aet;
    if (o->data_dir != NULL) {
        (void)snprintf(n->data_hint, sizeof n->data_hint, " --data '%s'", o->data_dir);
    }
    return check_options(o, e);
}

// Where no authority is trusted the handshake lets any certificate pass, and the negotiation
// compares it with the pinned one (admit.c).
static int open_tls(struct node *n, struct err *e) {
    const struct node_tls *t = &n->options.tls;
    struct dimse_tls_options options = {.server = true,
                                        .certificate = t->certificate,
                                        .key = t->key,
                                        .trusted = t->trusted,
                                        .any_certificate = t->trusted == NULL};
    if (t->certificate == NULL) {
        return E_OK;
    }
    int rc = n->options.tls_listen_fd >= 0 ? dimse_tls_open(&options, &n->server_tls, e) : E_OK;
    options.server = false;
    options.trusted = NULL;
    options.any_certificate = true;
    return rc == E_OK ? dimse_tls_open(&options, &n->pinned_tls, e) : rc;
}

static void break_calls(void *node) {
    struct node *n = node;
    calls_break(&n->calls);
}

static int listen_on(struct node *n, int *fd, struct dimse_tls *tls,
                     struct dimse_server **ret_server, struct err *e) {
    if (*fd < 0) {
        return E_OK;
    }
    const struct dimse_server_options options = {.listen_fd = steal_fd(fd),
                                                 .tls = tls,
                                                 .associations_max = n->options.associations_max,
                                                 .per_peer_max = n->options.per_peer_max,
                                                 .limits = n->options.limits,
                                                 .negotiate = node_admit,
                                                 .serve = node_session_run,
                                                 .breaking = break_calls,
                                                 .context = n};
    return dimse_server_start(&options, ret_server, e);
}

static int start(struct node *n, int *plain_fd, int *tls_fd, struct err *e) {
    const struct inbox_options inbox = {.archive = n->archive,
                                        .backlog_max = n->options.backlog_max,
                                        .decided = tell_verdict,
                                        .trouble = tell_trouble};
    int rc = open_tls(n, e);
    rc = rc == E_OK ? inbox_open(&inbox, &n->inbox, e) : rc;
    rc = rc == E_OK ? commitment_push_start(n, &n->push, e) : rc;
    rc = rc == E_OK ? listen_on(n, plain_fd, NULL, &n->plain, e) : rc;
    return rc == E_OK ? listen_on(n, tls_fd, n->server_tls, &n->secure, e) : rc;
}

int node_start(const struct node_options *options, struct node **ret_node, struct err *e) {
    CLEANUP(cleanup_fd) int plain_fd = options->listen_fd;
    CLEANUP(cleanup_fd) int tls_fd = options->tls_listen_fd;
    struct node *n = mem_zalloc(sizeof *n);
    if (n == NULL) {
        return err_set(e, E_MEMORY, "node");
    }
    resolver_init(&n->resolver, clock_system());
    strangers_init(&n->strangers);
    calls_init(&n->calls);
    int rc = copy_options(n, options, e);
    rc = rc == E_OK ? start(n, &plain_fd, &tls_fd, e) : rc;
    if (rc != E_OK) {
        node_stop(n);
        return rc;
    }
    *ret_node = n;
    return E_OK;
}

void node_stop(struct node *n) {
    if (n == NULL) {
        return;
    }
    n->stopping = true;
    dimse_server_stop(n->plain, NODE_STOP_MS);
    dimse_server_stop(n->secure, NODE_STOP_MS);
    calls_break(&n->calls);
    commitment_push_stop(n->push);
    inbox_close(n->inbox);
    dimse_tls_close(n->server_tls);
    dimse_tls_close(n->pinned_tls);
    calls_done(&n->calls);
    strangers_done(&n->strangers);
    resolver_done(&n->resolver);
    mem_free(n);
}

// --- calling

// Without a pinned certificate an authority vouches for the peer, and for its name.
static int connect_trusted(struct node *n, const struct node_peer *peer,
                           struct dimse_stream **ret_stream, struct err *e) {
    struct dimse_tls *tls;
    const struct dimse_tls_options options = {.certificate = n->options.tls.certificate,
                                              .key = n->options.tls.key,
                                              .trusted = n->options.tls.trusted,
                                              .host = peer->address.host};
    if (n->options.tls.trusted == NULL) {
        return err_set(e, E_DENIED, "peer %s: no certificate is pinned and no authority is trusted",
                       peer->aet);
    }
    int rc = dimse_tls_open(&options, &tls, e);
    if (rc == E_OK) {
        rc = dimse_stream_connect(&peer->address, tls, NODE_CONNECT_MS, ret_stream, e);
        dimse_tls_close(tls);
    }
    return rc;
}

static int check_pinned(const struct node_peer *peer, struct dimse_stream *stream, struct err *e) {
    struct hash shown;
    return dimse_stream_certificate(stream, &shown) && hash_eq(&shown, &peer->certificate)
               ? E_OK
               : err_set(e, E_DENIED, "peer %s shows another certificate than the pinned one",
                         peer->aet);
}

static int connect_secure(struct node *n, const struct node_peer *peer,
                          struct dimse_stream **ret_stream, struct err *e) {
    if (n->pinned_tls == NULL) {
        return err_set(e, E_DENIED, "peer %s is called by TLS, but this node has no certificate",
                       peer->aet);
    }
    if (!peer->pinned) {
        return connect_trusted(n, peer, ret_stream, e);
    }
    struct dimse_stream *stream = NULL;
    int rc = dimse_stream_connect(&peer->address, n->pinned_tls, NODE_CONNECT_MS, &stream, e);
    rc = rc == E_OK ? check_pinned(peer, stream, e) : rc;
    if (rc != E_OK) {
        dimse_stream_close(stream);
        return rc;
    }
    *ret_stream = stream;
    return E_OK;
}

int node_call(struct node *n, const struct node_peer *peer, const struct dimse_request *request,
              struct dimse_association **ret_association, struct err *e) {
    struct dimse_stream *stream = NULL;
    struct dimse_request r = *request;
    r.calling = r.calling == NULL ? n->aet : r.calling;
    r.called = r.called == NULL ? peer->aet : r.called;
    int rc = peer->tls ? connect_secure(n, peer, &stream, e)
                       : dimse_stream_connect(&peer->address, NULL, NODE_CONNECT_MS, &stream, e);
    if (rc == E_OK && (rc = calls_note(&n->calls, stream, e)) != E_OK) {
        dimse_stream_close(stream);
    }
    rc = rc == E_OK ? dimse_associate(stream, &r, ret_association, e) : rc;
    return rc == E_OK ? rc : err_context(e, "peer %s", peer->aet);
}

// --- counts

void node_counts(struct node *n, struct node_counts *ret_counts) {
    static const struct dimse_server_counts none;
    size_t rows = node_service_count();
    *ret_counts =
        (struct node_counts){.plain = n->plain == NULL ? none : dimse_server_counts(n->plain),
                             .secure = n->secure == NULL ? none : dimse_server_counts(n->secure),
                             .refused_calling = n->turned[TURNED_CALLING],
                             .refused_called = n->turned[TURNED_CALLED],
                             .refused_address = n->turned[TURNED_ADDRESS],
                             .refused_certificate = n->turned[TURNED_CERTIFICATE],
                             .refused_identity = n->turned[TURNED_IDENTITY],
                             .rows = rows};
    for (size_t i = 0; i < rows; i++) {
        ret_counts->requests[i] = n->requests[i];
        ret_counts->failures[i] = n->failures[i];
    }
}
