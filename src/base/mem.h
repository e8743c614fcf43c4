// SPDX-License-Identifier: Apache-2.0
// Allocation of our own code goes through here, so that tests can make the n-th one fail.
#pragma once

#include <stddef.h>

// As malloc, calloc(1, …), realloc, free. NULL when memory is short: callers report E_MEMORY.
void *mem_alloc(size_t len) __attribute__((malloc));
void *mem_zalloc(size_t len) __attribute__((malloc));
void *mem_array(size_t count, size_t size) __attribute__((malloc)); // zeroed; NULL on overflow too
void *mem_realloc(void *memory, size_t len);
char *mem_strdup(const char *text);
void mem_free(void *memory);

// For tests: the allocation after `count` more fails, and every one behind it, until called with
// MEM_FAIL_NEVER. Per thread.
#define MEM_FAIL_NEVER ((size_t)-1)
void mem_fail_after(size_t count);
