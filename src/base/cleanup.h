// SPDX-License-Identifier: Apache-2.0
// Scope-bound cleanup, and handing ownership over. The one place where a macro hides control flow.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// CLEANUP(fn) declares that fn(&variable) runs when the variable leaves its scope.
#define CLEANUP(fn) __attribute__((cleanup(fn)))

// CLEANUP_DEFINE(name, type, free_fn): makes cleanup_name() for a pointer type whose free function
// accepts NULL. Put it next to the declaration of the free function; use `CLEANUP(cleanup_name)`.
#define CLEANUP_DEFINE(name, type, free_fn)                                                        \
    static inline void cleanup_##name(type **slot) { free_fn(*slot); }                             \
    struct cleanup_##name##_semicolon

// steal(p): the value of p, which becomes NULL: the caller takes over what p owned.
#define steal(p)                                                                                   \
    __extension__({                                                                                \
        __typeof__(p) steal_value = (p);                                                           \
        (p) = NULL;                                                                                \
        steal_value;                                                                               \
    })

// The same for descriptors: -1 is left behind.
static inline int steal_fd(int *fd) {
    int value = *fd;
    *fd = -1;
    return value;
}

static inline void cleanup_fd(int *fd) {
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static inline void cleanup_file(FILE **file) {
    if (*file != NULL) {
        (void)fclose(*file);
        *file = NULL;
    }
}

// For memory of libc or a library that is released by free().
static inline void cleanup_free(void *slot) {
    void **memory = slot;
    free(*memory);
    *memory = NULL;
}
