// SPDX-License-Identifier: Apache-2.0
// multipart/related: a body in one piece, byte by byte and in uneven pieces gives the same events
// and the same end. The boundary is "b"; the input's first byte chooses the uneven size.
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "web/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct heard {
    struct hash_stream *all;
    uint64_t bytes;
    bool open;
};

static int on_begin(void *context, const struct web_part *part, struct err *e) {
    struct heard *h = context;
    (void)e;
    if (h->open) {
        abort();
    }
    h->open = true;
    hash_stream_add(h->all, "<", 1);
    hash_stream_add(h->all, part->content_type.ptr, part->content_type.len);
    hash_stream_add(h->all, ">", 1);
    return E_OK;
}

static int on_data(void *context, struct slice bytes, struct err *e) {
    struct heard *h = context;
    (void)e;
    if (!h->open) {
        abort();
    }
    h->bytes += bytes.len;
    hash_stream_add(h->all, bytes.ptr, bytes.len);
    return E_OK;
}

static int on_end(void *context, struct err *e) {
    struct heard *h = context;
    (void)e;
    if (!h->open) {
        abort();
    }
    h->open = false;
    hash_stream_add(h->all, ";", 1);
    return E_OK;
}

static int parse(struct slice body, size_t step, struct hash *ret_hash) {
    struct heard h = {.all = hash_stream_new()};
    const struct web_multipart_sink sink = {on_begin, on_data, on_end, &h};
    struct web_multipart m;
    struct err e = {0};
    int rc = web_multipart_init(&m, slice_str("b"), &sink, &e);
    for (size_t at = 0; rc == E_OK && at < body.len; at += step) {
        rc = web_multipart_feed(&m, slice_first(slice_from(body, at), step), &e);
    }
    if (rc == E_OK) {
        rc = web_multipart_finish(&m, &e);
    }
    if (h.bytes > body.len || (rc == E_OK && h.open)) {
        abort();
    }
    web_multipart_done(&m);
    *ret_hash = hash_stream_end(h.all);
    hash_stream_free(h.all);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len == 0) {
        return 0;
    }
    struct slice body = slice_of(data + 1, len - 1);
    struct hash whole;
    struct hash single;
    struct hash uneven;
    int a = parse(body, body.len + 1, &whole);
    int b = parse(body, 1, &single);
    int c = parse(body, (size_t)data[0] % 61 + 2, &uneven);
    // After an error the data told before it may differ by what was held back.
    if (a != b || a != c ||
        (a == E_OK && (!hash_eq(&whole, &single) || !hash_eq(&whole, &uneven)))) {
        abort();
    }
    return 0;
}
