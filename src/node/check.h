// SPDX-License-Identifier: Apache-2.0
// Is it there? A C-ECHO to a peer (PS3.4 A), with what it took, kept so that pages show when a peer
// last answered. Attempts of routes keep theirs here, too.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "dimse/command.h"

struct archive;
struct arena;
struct err;
struct node;
struct node_peer;

#define NODE_CHECK_WORDS_MAX 320

struct node_check {
    char aet[DIMSE_AET_MAX + 1];
    usec checked;                         // 0: never
    int64_t connect_us;                   // until the association was there
    int64_t echo_us;                      // from request to response; 0: none was made
    char words[NODE_CHECK_WORDS_MAX + 1]; // why it did not answer; "": it did
};

// E_OK also when the peer does not answer: that is the answer. Waits up to NODE_CONNECT_MS and for
// the response. The caller has asked policy (peer.show).
int node_check_run(struct node *n, const struct node_peer *peer, struct node_check *ret_check,
                   struct err *e);
// The sentence of an error of a call to the peer, without its name in front: where these words are
// shown it stands beside them. Within `why` or constant.
const char *node_check_words(const char *aet, const struct err *why);
// Keeps what somebody else found out.
int node_check_keep(struct archive *a, const struct node_check *check, struct err *e);
// All that are kept, by AE title; memory from the arena.
int node_check_list(struct archive *a, struct arena *memory, struct node_check **ret_list,
                    size_t *ret_count, struct err *e);
