// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct hash_stream {
    EVP_MD_CTX *context;
};

// OpenSSL's digest calls fail only when memory is short or the build lacks SHA-256; neither leaves
// a hash that could be trusted, so the program ends.
static void must(int ok) {
    if (ok != 1) {
        abort();
    }
}

struct hash_stream *hash_stream_new(void) {
    struct hash_stream *h = mem_zalloc(sizeof *h);
    if (h == NULL) {
        return NULL;
    }
    h->context = EVP_MD_CTX_new();
    if (h->context == NULL) {
        mem_free(h);
        return NULL;
    }
    must(EVP_DigestInit_ex(h->context, EVP_sha256(), NULL));
    return h;
}

void hash_stream_add(struct hash_stream *h, const void *bytes, size_t len) {
    must(EVP_DigestUpdate(h->context, bytes, len));
}

struct hash hash_stream_end(struct hash_stream *h) {
    struct hash result;
    must(EVP_DigestFinal_ex(h->context, result.bytes, NULL));
    must(EVP_DigestInit_ex(h->context, EVP_sha256(), NULL));
    return result;
}

void hash_stream_free(struct hash_stream *h) {
    if (h != NULL) {
        EVP_MD_CTX_free(h->context);
        mem_free(h);
    }
}

struct hash hash_of(struct slice bytes) {
    struct hash result;
    must(EVP_Digest(bytes.ptr, bytes.len, result.bytes, NULL, EVP_sha256(), NULL));
    return result;
}

bool hash_eq(const struct hash *a, const struct hash *b) {
    return memcmp(a->bytes, b->bytes, HASH_LEN) == 0;
}

char *hash_hex(const struct hash *h, char out[HASH_HEX_LEN + 1]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HASH_LEN; i++) {
        out[2 * i] = digits[h->bytes[i] >> 4];
        out[2 * i + 1] = digits[h->bytes[i] & 15];
    }
    out[HASH_HEX_LEN] = '\0';
    return out;
}

static int digit_value(uint8_t c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (uint8_t)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hash_parse(struct slice hex, struct hash *ret_hash) {
    struct hash result;
    if (hex.len != HASH_HEX_LEN) {
        return false;
    }
    for (size_t i = 0; i < HASH_LEN; i++) {
        int high = digit_value(hex.ptr[2 * i]);
        int low = digit_value(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        result.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret_hash = result;
    return true;
}
