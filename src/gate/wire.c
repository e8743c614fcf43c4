// SPDX-License-Identifier: Apache-2.0
#include "gate/wire.h"

#include <string.h>

#include "dicom/uid.h"

#define ALIGNMENT 16

void wire_take(struct wire *w, void *value, size_t len) {
    w->bad |= len > w->rest.len;
    if (w->bad) {
        memset(value, 0, len);
        return;
    }
    memcpy(value, w->rest.ptr, len);
    w->rest = slice_from(w->rest, len);
}

struct slice wire_slice(struct wire *w) {
    uint64_t len = wire_u64(w);
    w->bad |= len > w->rest.len;
    if (w->bad) {
        return (struct slice){0};
    }
    struct slice bytes = slice_first(w->rest, (size_t)len);
    w->rest = slice_from(w->rest, (size_t)len);
    return bytes;
}

uint32_t wire_below(struct wire *w, uint32_t end) {
    uint32_t v = wire_u32(w);
    w->bad |= v >= end;
    return w->bad ? 0 : v;
}

uint32_t wire_count(struct wire *w, size_t least) {
    uint32_t v = wire_u32(w);
    w->bad |= v > w->rest.len / least;
    return w->bad ? 0 : v;
}

void wire_text(struct wire *w, char *out, size_t size) {
    struct slice text = wire_slice(w);
    w->bad |= text.len >= size;
    for (size_t i = 0; !w->bad && i < text.len; i++) {
        w->bad |= text.ptr[i] < 0x20 || text.ptr[i] > 0x7E;
    }
    size_t len = w->bad ? 0 : text.len;
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

void wire_uid(struct wire *w, char out[65]) {
    wire_text(w, out, DCM_UID_MAX + 1);
    w->bad |= out[0] != '\0' && !dcm_uid_usable(slice_str(out));
    if (w->bad) {
        out[0] = '\0';
    }
}

void wire_put_aligned(struct buf *out, struct slice bytes) {
    wire_put_u64(out, bytes.len);
    while (out->len % ALIGNMENT != 0 && !out->failed) {
        buf_put_byte(out, 0);
    }
    buf_put_slice(out, bytes);
}

struct slice wire_aligned(struct wire *w, const uint8_t *start) {
    uint64_t len = wire_u64(w);
    size_t at = w->rest.ptr == NULL ? 0 : (size_t)(w->rest.ptr - start);
    size_t pad = (ALIGNMENT - at % ALIGNMENT) % ALIGNMENT;
    w->bad |= pad > w->rest.len || len > w->rest.len - pad;
    if (w->bad) {
        return (struct slice){0};
    }
    struct slice bytes = slice_of(w->rest.ptr + pad, (size_t)len);
    w->rest = slice_from(w->rest, pad + (size_t)len);
    return bytes;
}
