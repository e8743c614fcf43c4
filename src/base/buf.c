// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define SMALLEST_CAP 256

void buf_init(struct buf *b, size_t max_bytes) { *b = (struct buf){.max = max_bytes}; }

void buf_done(struct buf *b) {
    mem_free(b->data);
    buf_init(b, b->max);
}

void buf_clear(struct buf *b) {
    b->len = 0;
    b->failed = false;
    b->full = false;
}

static bool grow(struct buf *b, size_t needed) {
    size_t cap = b->cap == 0 ? SMALLEST_CAP : b->cap;
    while (cap < needed) {
        cap = cap > b->max / 2 ? b->max : cap * 2;
    }
    if (cap > b->max) {
        cap = b->max;
    }
    uint8_t *data = mem_realloc(b->data, cap);
    if (data == NULL) {
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

uint8_t *buf_extend(struct buf *b, size_t len) {
    if (b->failed || len > b->max - b->len) {
        b->full = b->full || !b->failed;
        b->failed = true;
        return NULL;
    }
    if ((b->data == NULL || b->len + len > b->cap) && !grow(b, b->len + len)) {
        b->failed = true;
        return NULL;
    }
    uint8_t *room = b->data + b->len;
    b->len += len;
    return room;
}

void buf_put(struct buf *b, const void *bytes, size_t len) {
    uint8_t *room = len == 0 ? NULL : buf_extend(b, len);
    if (room != NULL) {
        memcpy(room, bytes, len);
    }
}

void buf_put_slice(struct buf *b, struct slice bytes) { buf_put(b, bytes.ptr, bytes.len); }

void buf_put_str(struct buf *b, const char *text) { buf_put(b, text, strlen(text)); }

void buf_put_byte(struct buf *b, uint8_t byte) { buf_put(b, &byte, 1); }

void buf_printf(struct buf *b, const char *format, ...) {
    char small[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (len < 0) {
        b->failed = true;
        return;
    }
    if ((size_t)len < sizeof small) {
        buf_put(b, small, (size_t)len);
        return;
    }
    uint8_t *room = buf_extend(b, (size_t)len + 1);
    if (room == NULL) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf((char *)room, (size_t)len + 1, format, args);
    va_end(args);
    b->len--;
}

struct slice buf_slice(const struct buf *b) {
    return slice_of(b->data, b->len);
}

int buf_check(const struct buf *b, const char *what, struct err *e) {
    if (!b->failed) {
        return E_OK;
    }
    if (b->full) {
        return err_set(e, E_LIMIT, "%s is over %zu bytes", what, b->max);
    }
    return err_set(e, E_MEMORY, "%s", what);
}
