// SPDX-License-Identifier: Apache-2.0
// Open objects: descriptors of the files last used, so that a frame costs no path look-up. Objects
// never change, so what is open is right as long as it is open; whether a client may have one is
// the catalogue's answer, asked before.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/slice.h"

struct archive;
struct err;
struct web_objects;

#define WEB_OBJECTS_OPEN_MAX 256u

struct web_object {
    struct hash hash;
    int fd;
    uint64_t len;
};

int web_objects_new(struct archive *a, struct web_objects **ret_objects, struct err *e);
void web_objects_free(struct web_objects *o); // NULL allowed; nothing may be in use

// Thread-safe. Give it back with web_object_done (NULL allowed).
int web_object_open(struct web_objects *o, const struct hash *hash,
                    const struct web_object **ret_object, struct err *e);
void web_object_done(struct web_objects *o, const struct web_object *object);

// A mapping of a stretch of an object, its pages present. `bytes` is the stretch.
struct web_map {
    struct slice bytes;
    void *address;
    size_t len;
};
// false: behind the end of the object, or no room for it.
bool web_object_map(const struct web_object *object, uint64_t offset, uint64_t len,
                    struct web_map *ret_map);
void web_object_unmap(struct web_map *map);
