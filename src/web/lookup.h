// SPDX-License-Identifier: Apache-2.0
// What the doors of retrieval have in common: finding instances, entity tags, one object's bytes.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "archive/retrieve.h"

struct archive_file;
struct db;
struct err;
struct web_accept;
struct web_request;

#define WEB_ETAG_MAX 96

// The instances that the path names; memory from the request.
int web_lookup(struct web_request *r, struct retrieve_instance **ret_list, size_t *ret_count,
               struct err *e);

// The one instance of a path that names one.
int web_lookup_instance(struct web_request *r, const char *study, const char *series,
                        const char *instance, struct retrieve_instance *ret_instance,
                        struct err *e);

// A strong tag: which object and what is made of it ("detail" goes in as a hash).
void web_etag(char out[WEB_ETAG_MAX], const struct hash *object, const char *form,
              struct slice detail);

// Part of an object as one body: 200, 206 or 416 by the Range field.
void web_answer_object(struct web_request *r, const char *type, const struct hash *object,
                       uint64_t offset, uint64_t len, const char *etag);

// A file of our own as one body, in the same way; takes it over.
void web_answer_file(struct web_request *r, const char *type, struct archive_file *file,
                     const char *etag);

// The parsed Accept of the request.
int web_request_accepted(struct web_request *r, struct web_accept *ret_accept, struct err *e);

// The medium of a stored encapsulated transfer syntax (PS3.18 Table 8.7.3-5), NULL when the syntax
// is not encapsulated or has none; *ret_default: the one that the medium means when no syntax is
// said.
const char *web_syntax_media(const char *syntax, bool *ret_default);

// Whether stored frames of that syntax are explicit little endian pixels as they lie.
bool web_syntax_is_plain(const char *syntax);
