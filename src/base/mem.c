// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local size_t left_before_failure = MEM_FAIL_NEVER;

void mem_fail_after(size_t count) { left_before_failure = count; }

static bool must_fail(void) {
    if (left_before_failure == MEM_FAIL_NEVER) {
        return false;
    }
    if (left_before_failure == 0) {
        return true;
    }
    left_before_failure--;
    return false;
}

void *mem_alloc(size_t len) { return must_fail() ? NULL : malloc(len == 0 ? 1 : len); }

void *mem_zalloc(size_t len) { return must_fail() ? NULL : calloc(1, len == 0 ? 1 : len); }

void *mem_array(size_t count, size_t size) {
    return must_fail() ? NULL : calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
}

void *mem_realloc(void *memory, size_t len) {
    return must_fail() ? NULL : realloc(memory, len == 0 ? 1 : len);
}

char *mem_strdup(const char *text) {
    size_t len = strlen(text) + 1;
    char *copy = mem_alloc(len);
    return copy == NULL ? NULL : memcpy(copy, text, len);
}

void mem_free(void *memory) { free(memory); }
