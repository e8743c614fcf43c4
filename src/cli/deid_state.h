// SPDX-License-Identifier: Apache-2.0
// What `maclab deid` remembers of a run beside its OUT: the key of a run that was broken off, so
// that the next one gives the same pseudonyms; and of a finished one which inputs it had and what
// became of them, so that the same run again changes nothing. Lies in $XDG_STATE_HOME/maclab (or
// ~/.local/state/maclab), folders 0700, files 0600. Inputs are known by keyed digests of path,
// length and time of change: nothing in it names one.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct deid_state;
struct err;
struct gate_key;
struct stat;

// For one OUT (its real path). E_LOCKED: another run is at work on it.
int deid_state_open(const char *out_path, struct deid_state **ret_state, struct err *e);
void deid_state_close(struct deid_state *s); // NULL allowed

// The key of a run that was broken off, or a new one that is on disk when it returns.
// *ret_resumed tells which. The key is the caller's (gate_key_destroy).
int deid_state_key(struct deid_state *s, struct gate_key **ret_key, bool *ret_resumed,
                   struct err *e);

// The line of an input of an earlier, finished run (a report's line behind the member "input");
// false: not known.
bool deid_state_find(const struct deid_state *s, const char *input, const struct stat *st,
                     struct slice *ret_line);
uint64_t deid_state_count(const struct deid_state *s); // lines of earlier runs
void deid_state_forget(struct deid_state *s);          // all of them: their OUT is gone

// Remembers one of this run; the end of the run makes it durable and destroys the key.
int deid_state_put(struct deid_state *s, const char *input, const struct stat *st,
                   struct slice line, struct err *e);
int deid_state_finish(struct deid_state *s, struct err *e);

// The key that certificates of this person's runs are signed with, made at the first use: an
// Ed25519 secret key of 64 bytes.
int deid_signing_key(uint8_t ret_secret[64], struct err *e);

// A key file of the Trust's own, made when it is not there. E_DENIED when others may read it.
int deid_key_file(const char *path, struct gate_key **ret_key, bool *ret_made, struct err *e);
