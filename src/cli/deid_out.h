// SPDX-License-Identifier: Apache-2.0
// The folder that `maclab deid` fills. Files are written under numbers in a folder beside it (or,
// where OUT is a file system of its own, in a hidden one inside) and get their place and name in
// OUT when they are whole and released; both folders are on one file system. Names are made of
// pseudonyms and new UIDs only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct deid_out;
struct err;
struct gate_passed;

#define DEID_NAME_MAX 320 // "<patient>/<study>/<series>/<instance>.dcm" and a NUL

// Makes OUT when it is not there. E_LOCKED when another run is at work on it.
int deid_out_open(const char *path, struct deid_out **ret_out, struct err *e);
// Removes what was not released.
void deid_out_close(struct deid_out *o); // NULL allowed

const char *deid_out_path(const struct deid_out *o); // real path
bool deid_out_empty(const struct deid_out *o);       // when it was opened

// Thread-safe, by the number of the input.
int deid_out_create(struct deid_out *o, uint64_t tag, int *ret_fd, struct err *e);
int deid_out_reopen(struct deid_out *o, uint64_t tag, int *ret_fd, struct err *e);
void deid_out_drop(struct deid_out *o, uint64_t tag);

// Gives the written file its name. The same bytes that are there already stay as they are.
int deid_out_release(struct deid_out *o, uint64_t tag, const struct gate_passed *p,
                     char ret_name[DEID_NAME_MAX], struct err *e);
bool deid_out_has(const struct deid_out *o, const char *name);

// A file without a name, on the same file system.
int deid_out_scratch(struct deid_out *o, int *ret_fd, struct err *e);
