// SPDX-License-Identifier: Apache-2.0
// DICOM peers: the allow-list of calling AE titles and the destinations of C-MOVE and of routes. A
// table of the catalogue, changed by `maclab peer` also while a server runs; a server reads it at
// each association. A peer is recognised by AE title and address, and over TLS by its certificate
// where one is pinned; an AE title alone proves nothing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "dimse/command.h"
#include "dimse/stream.h"

struct archive;
struct arena;
struct db;
struct err;

// What a peer may do, as bits. X(name, word, what)
#define NODE_MAY_LIST(X)                                                                           \
    X(QUERY, "query", "C-FIND, worklist")                                                          \
    X(RETRIEVE, "retrieve", "C-GET, C-MOVE")                                                       \
    X(STORE, "store", "C-STORE, storage commitment")                                               \
    X(RECEIVE, "receive", "be a C-MOVE destination, be sent studies")
enum node_may_index {
#define X(name, word, what) NODE_MAY_INDEX_##name,
    NODE_MAY_LIST(X)
#undef X
        NODE_MAY_COUNT
};
enum node_may {
#define X(name, word, what) NODE_MAY_##name = 1 << NODE_MAY_INDEX_##name,
    NODE_MAY_LIST(X)
#undef X
        NODE_MAY_ALL = (1 << NODE_MAY_COUNT) - 1
};

#define NODE_PEERS_MAX 1024
#define NODE_NOTES_MAX 200

struct node_peer {
    char aet[DIMSE_AET_MAX + 1];
    struct dimse_address address; // where it listens, and where its associations come from
    bool tls;                     // associations with it are by TLS, both ways
    bool pinned;
    struct hash certificate; // SHA-256, when pinned
    unsigned may;            // NODE_MAY_…
    bool identity;           // it must name a user (PS3.7 D.3.3.7)
    char notes[NODE_NOTES_MAX + 1];
    usec added, seen; // seen 0: never
};

// An AE title as PS3.5 6.2 has it: 1 to 16 characters of the default repertoire without backslash
// and control characters, not only spaces; without spaces at either end here.
bool node_aet_valid(const char *aet);
// "query,retrieve" in any order, "all", "none". false: a word that is not known.
bool node_may_parse(const char *text, unsigned *ret_may);
#define NODE_MAY_TEXT_MAX 64
const char *node_may_text(unsigned may, char out[NODE_MAY_TEXT_MAX]); // "query,retrieve"

// Adds it, or gives the peer of that AE title these properties (`added`, `seen` are kept).
// *ret_new tells which. E_ARGUMENT, E_LIMIT.
int node_peer_put(struct archive *a, const struct node_peer *peer, bool *ret_new, struct err *e);
int node_peer_remove(struct archive *a, const char *aet, struct err *e); // E_NOT_FOUND
int node_peer_find(struct archive *a, const char *aet, struct node_peer *ret_peer,
                   struct err *e); // E_NOT_FOUND
// All, by AE title; memory from the arena.
int node_peer_list(struct archive *a, struct arena *memory, struct node_peer **ret_list,
                   size_t *ret_count, struct err *e);
// Now and then (once a minute a peer) written down.
void node_peer_seen(struct archive *a, const struct node_peer *peer, usec now);
