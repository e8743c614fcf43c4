// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

#define BLOCK_BYTES ((size_t)64 * 1024)
#define ALIGNMENT sizeof(max_align_t)

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_EACH_ALONE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_EACH_ALONE 1
#endif
#endif
#ifndef ARENA_EACH_ALONE
#define ARENA_EACH_ALONE 0
#endif

struct arena_block {
    struct arena_block *next;
    size_t len; // bytes in data
    size_t used;
    max_align_t data[];
};

struct arena_handler {
    struct arena_handler *next;
    void (*run)(void *arg);
    void *arg;
};

void arena_init(struct arena *a, size_t limit_bytes) { *a = (struct arena){.limit = limit_bytes}; }

static void run_handlers(struct arena *a) {
    while (a->handlers != NULL) {
        struct arena_handler *h = a->handlers;
        a->handlers = h->next;
        h->run(h->arg);
    }
}

static void free_blocks(struct arena_block *block) {
    while (block != NULL) {
        struct arena_block *next = block->next;
        mem_free(block);
        block = next;
    }
}

void arena_done(struct arena *a) {
    run_handlers(a);
    free_blocks(a->blocks);
    a->blocks = NULL;
    a->used = 0;
}

void arena_reset(struct arena *a) {
    run_handlers(a);
    struct arena_block *keep = ARENA_EACH_ALONE ? NULL : a->blocks;
    if (keep != NULL && keep->len != BLOCK_BYTES) {
        keep = NULL;
    }
    free_blocks(keep == NULL ? a->blocks : keep->next);
    if (keep != NULL) {
        keep->next = NULL;
        keep->used = 0;
    }
    a->blocks = keep;
    a->used = 0;
}

static struct arena_block *add_block(struct arena *a, size_t len) {
    struct arena_block *block = mem_alloc(sizeof *block + len);
    if (block == NULL) {
        return NULL;
    }
    block->len = len;
    block->used = 0;
    bool keep_current_first = a->blocks != NULL && len > BLOCK_BYTES / 4 && len != BLOCK_BYTES;
    if (keep_current_first) {
        block->next = a->blocks->next;
        a->blocks->next = block;
    } else {
        block->next = a->blocks;
        a->blocks = block;
    }
    return block;
}

static struct arena_block *block_for(struct arena *a, size_t len) {
    if (ARENA_EACH_ALONE) {
        return add_block(a, len);
    }
    if (a->blocks != NULL && a->blocks->len - a->blocks->used >= len) {
        return a->blocks;
    }
    return add_block(a, len > BLOCK_BYTES / 4 ? len : BLOCK_BYTES);
}

void *arena_alloc(struct arena *a, size_t len) {
    uint64_t rounded;
    if (!num_add(len, ALIGNMENT - 1, &rounded)) {
        return NULL;
    }
    rounded -= rounded % ALIGNMENT;
    if (rounded > a->limit || a->used > a->limit - rounded) {
        return NULL;
    }
    size_t wanted = ARENA_EACH_ALONE ? len : (size_t)rounded;
    struct arena_block *block = block_for(a, wanted);
    if (block == NULL) {
        return NULL;
    }
    void *memory = (char *)block->data + block->used;
    block->used += wanted;
    a->used += (size_t)rounded;
    return memory;
}

void *arena_array(struct arena *a, size_t count, size_t size) {
    uint64_t len;
    if (!num_mul(count, size, &len)) {
        return NULL;
    }
    void *memory = arena_alloc(a, (size_t)len);
    return memory == NULL ? NULL : memset(memory, 0, (size_t)len);
}

char *arena_str(struct arena *a, struct slice text) {
    char *copy = text.len == SIZE_MAX ? NULL : arena_alloc(a, text.len + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    copy[text.len] = '\0';
    return copy;
}

struct slice arena_copy(struct arena *a, struct slice bytes) {
    char *copy = arena_str(a, bytes);
    return copy == NULL ? (struct slice){NULL, 0} : slice_of(copy, bytes.len);
}

char *arena_printf(struct arena *a, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
    if (text == NULL) {
        return NULL;
    }
    va_start(args, format);
    (void)vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

bool arena_defer(struct arena *a, void (*handler)(void *arg), void *arg) {
    struct arena_handler *h = arena_alloc(a, sizeof *h);
    if (h == NULL) {
        return false;
    }
    *h = (struct arena_handler){a->handlers, handler, arg};
    a->handlers = h;
    return true;
}
