// SPDX-License-Identifier: Apache-2.0
// Who may associate (PS3.8 9.3.4, Table 9-21): the called AE title is ours, the calling one is in
// the list of peers, the connection comes from that peer's address and shows its certificate. Who
// is turned away learns as little as the standard asks; the log and the list of strangers tell the
// person who runs the node what to do.
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "node/contexts.h"
#include "node/node_priv.h"

struct asking {
    struct node *node;
    struct dimse_stream *stream;
    struct dimse_proposal *p;
    struct dimse_rejection *rejection;
};

// AE titles and user names of strangers go into the log: printable ASCII only.
static void copy_plain(char *out, size_t size, struct slice text) {
    size_t len = 0;
    for (size_t i = 0; i < text.len && len + 1 < size; i++) {
        out[len++] = text.ptr[i] >= ' ' && text.ptr[i] <= '~' ? (char)text.ptr[i] : '?';
    }
    out[len] = '\0';
}

static int turn_away(struct asking *a, enum node_turned why, const char *words, const char *hint) {
    struct node *n = a->node;
    char calling[DIMSE_AET_MAX + 1], called[DIMSE_AET_MAX + 1];
    copy_plain(calling, sizeof calling, slice_str(a->p->calling));
    copy_plain(called, sizeof called, slice_str(a->p->called));
    n->turned[why]++;
    *a->rejection =
        why == TURNED_CALLED ? DIMSE_REJECT_CALLED_UNKNOWN : DIMSE_REJECT_CALLING_UNKNOWN;
    log_line(LOG_WARNING, "dicom %s: '%s' to '%s' turned away: %s%s%s",
             dimse_stream_peer(a->stream), calling, called, words, hint[0] != '\0' ? "; " : "",
             hint);
    strangers_note(&n->strangers, calling, called, dimse_stream_peer_host(a->stream), words,
                   clock_now(n->clock));
    return E_OK;
}

// The very command that lets the caller in. The port it listens on is not known.
static void hint_add(const struct asking *a, char *out, size_t size) {
    const char *host = dimse_stream_peer_host(a->stream);
    bool six = strchr(host, ':') != NULL;
    char calling[DIMSE_AET_MAX + 1];
    copy_plain(calling, sizeof calling, slice_str(a->p->calling));
    (void)snprintf(out, size, "to let it in: maclab peer add%s '%s' %s%s%s:%d", a->node->data_hint,
                   calling, six ? "[" : "", host, six ? "]" : "", DIMSE_PORT_DEFAULT);
}

static int check_address(struct asking *a, const struct node_peer *peer, bool *ret_good) {
    char words[DIMSE_HOST_MAX + 64];
    *ret_good =
        resolver_matches(&a->node->resolver, peer->address.host, dimse_stream_peer_host(a->stream));
    if (*ret_good) {
        return E_OK;
    }
    (void)snprintf(words, sizeof words, "that peer is to come from %s", peer->address.host);
    return turn_away(a, TURNED_ADDRESS, words, "");
}

static int check_certificate(struct asking *a, const struct node_peer *peer, bool *ret_good) {
    struct hash shown;
    bool secure = dimse_stream_secure(a->stream);
    bool has = secure && dimse_stream_certificate(a->stream, &shown);
    *ret_good = true;
    if (peer->tls && !secure) {
        *ret_good = false;
        return turn_away(a, TURNED_CERTIFICATE, "that peer is to come by TLS", "");
    }
    if (peer->pinned && !has) {
        *ret_good = false;
        return turn_away(a, TURNED_CERTIFICATE,
                         "that peer has a pinned certificate and comes without one", "");
    }
    if (peer->pinned && !hash_eq(&shown, &peer->certificate)) {
        char hex[HASH_HEX_LEN + 1], hint[HASH_HEX_LEN + 32];
        *ret_good = false;
        (void)snprintf(hint, sizeof hint, "shown: %s", hash_hex(&shown, hex));
        return turn_away(a, TURNED_CERTIFICATE, "another certificate than the pinned one", hint);
    }
    // Without a list of authorities anybody's certificate gets this far.
    if (secure && !peer->pinned && a->node->options.tls.trusted == NULL) {
        *ret_good = false;
        return turn_away(a, TURNED_CERTIFICATE,
                         "no certificate is pinned for that peer and no authority is trusted",
                         "maclab peer add … --certificate FILE");
    }
    return E_OK;
}

static int check_identity(struct asking *a, const struct node_peer *peer, bool *ret_good) {
    bool named = a->p->identity_type != DIMSE_IDENTITY_NONE && a->p->identity.len > 0;
    *ret_good = named || !peer->identity;
    return *ret_good ? E_OK
                     : turn_away(a, TURNED_IDENTITY,
                                 "that peer must name a user (user identity negotiation)", "");
}

static int find_peer(struct asking *a, struct node_peer *ret_peer, bool *ret_good, struct err *e) {
    char hint[512];
    int rc = node_peer_find(a->node->archive, a->p->calling, ret_peer, e);
    *ret_good = rc == E_OK;
    if (rc != E_NOT_FOUND) {
        return rc;
    }
    err_clear(e);
    hint_add(a, hint, sizeof hint);
    return turn_away(a, TURNED_CALLING, "no peer of that name", hint);
}

static int examine(struct asking *a, struct node_peer *ret_peer, bool *ret_good, struct err *e) {
    *ret_good = false;
    if (strcmp(a->p->called, a->node->aet) != 0) {
        char words[64];
        (void)snprintf(words, sizeof words, "this node is called '%s'", a->node->aet);
        return turn_away(a, TURNED_CALLED, words, "");
    }
    int rc = find_peer(a, ret_peer, ret_good, e);
    rc = rc == E_OK && *ret_good ? check_address(a, ret_peer, ret_good) : rc;
    rc = rc == E_OK && *ret_good ? check_certificate(a, ret_peer, ret_good) : rc;
    return rc == E_OK && *ret_good ? check_identity(a, ret_peer, ret_good) : rc;
}

static bool names_user(uint8_t identity_type) {
    return identity_type == DIMSE_IDENTITY_USER || identity_type == DIMSE_IDENTITY_PASSCODE;
}

int node_admit(void *node, struct dimse_stream *stream, struct dimse_proposal *proposal,
               struct dimse_rejection *ret_rejection, struct err *e) {
    struct asking a = {node, stream, proposal, ret_rejection};
    struct node_peer peer;
    bool good = false;
    int rc = examine(&a, &peer, &good, e);
    if (rc != E_OK || !good) {
        return rc;
    }
    struct node_admission *admission = arena_new(proposal->memory, struct node_admission);
    if (admission == NULL) {
        return err_set(e, E_MEMORY, "association");
    }
    admission->peer = peer;
    if (names_user(proposal->identity_type)) { // of tokens nothing is kept
        copy_plain(admission->claimed, sizeof admission->claimed, proposal->identity);
    }
    proposal->own = admission;
    node_peer_seen(a.node->archive, &peer, clock_now(a.node->clock));
    return node_contexts_choose(node, proposal, e);
}
