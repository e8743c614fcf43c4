// SPDX-License-Identifier: Apache-2.0
// Identifiers of requests (PS3.4 C.2.2.1): received whole within a limit, read, their values in
// UTF-8. What is wrong with one is an error whose path is the offending element.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"

struct dimse_association;
struct dimse_command;
struct dimse_message;
struct err;
struct node_session;

#define IDENTIFIER_MAX ((size_t)1 << 20) // lists of UIDs may be long
#define IDENTIFIER_MEMORY_MAX ((size_t)32 << 20)

struct identifier {
    struct arena arena; // holds everything below
    struct buf bytes;
    struct dcm_dataset *dataset;
    struct dcm_charset charset; // (0008,0005), or the default
    bool has_charset;
    enum dcm_encoding encoding; // of request and answers
};

// Takes the data set of the message into a zeroed identifier, which the caller ends in any case
// (and does not move). E_MISSING: there is none; E_LIMIT; errors of the reader: the
// association goes on, the caller answers with a status. A broken association: E_CANCELLED,
// E_TIMEOUT or E_IO, *ret_broken true.
int identifier_read(struct dimse_association *a, const struct dimse_message *message,
                    struct identifier *ret_identifier, bool *ret_broken, struct err *e);
void identifier_done(struct identifier *i);
static inline void cleanup_identifier(struct identifier *i) { identifier_done(i); }

// All values of a node in UTF-8 without padding, backslashes between; memory from the arena.
// E_LIMIT. Numbers become text.
int identifier_text(struct identifier *i, const struct dcm_node *n, struct slice *ret_text,
                    struct err *e);
// The same by tag; empty when absent.
int identifier_value(struct identifier *i, dcm_tag tag, struct slice *ret_text, struct err *e);

// Whether the value names anything: not empty, not universal.
bool identifier_given(struct slice value);

// The response to a request whose identifier is wrong: the status, Offending Element from the
// error's path, Error Comment from its sentence.
struct dimse_command identifier_refusal(const struct dimse_command *request, uint16_t status,
                                        const struct err *e);
