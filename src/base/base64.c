// SPDX-License-Identifier: Apache-2.0
// Groups of three bytes and four characters.
#include "base/base64.h"

#include "base/buf.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_group(const uint8_t in[3], uint8_t out[4]) {
    uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
    out[0] = (uint8_t)alphabet[bits >> 18];
    out[1] = (uint8_t)alphabet[bits >> 12 & 63];
    out[2] = (uint8_t)alphabet[bits >> 6 & 63];
    out[3] = (uint8_t)alphabet[bits & 63];
}

void base64_put(struct base64 *b, struct slice bytes, struct buf *out) {
    while (b->count > 0 && b->count < 3 && bytes.len > 0) {
        b->carry[b->count++] = bytes.ptr[0];
        bytes = slice_from(bytes, 1);
    }
    uint8_t group[4];
    if (b->count == 3) {
        encode_group(b->carry, group);
        buf_put(out, group, 4);
        b->count = 0;
    }
    size_t groups = bytes.len / 3;
    uint8_t *room = groups == 0 ? NULL : buf_extend(out, groups * 4);
    if (groups > 0 && room == NULL) {
        return;
    }
    for (size_t i = 0; i < groups; i++) {
        encode_group(bytes.ptr + 3 * i, room + 4 * i);
    }
    bytes = slice_from(bytes, groups * 3);
    for (size_t i = 0; i < bytes.len; i++) {
        b->carry[b->count++] = bytes.ptr[i];
    }
}

void base64_end(struct base64 *b, struct buf *out) {
    uint8_t group[4];
    if (b->count == 0) {
        return;
    }
    for (uint8_t i = b->count; i < 3; i++) {
        b->carry[i] = 0;
    }
    encode_group(b->carry, group);
    for (uint8_t i = (uint8_t)(b->count + 1); i < 4; i++) {
        group[i] = '=';
    }
    buf_put(out, group, 4);
    b->count = 0;
}

static int value_of(uint8_t c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// `significant` characters (2 to 4) of a group to one to three bytes.
static bool decode_group(const uint8_t *text, size_t significant, uint8_t *out) {
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < significant ? value_of(text[i]) : 0;
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
    }
    for (size_t i = 0; i + 1 < significant; i++) {
        out[i] = (uint8_t)(bits >> (16 - 8 * i));
    }
    return significant == 4 || (bits & (significant == 3 ? 0xFFu : 0xFFFFu)) == 0;
}

bool base64_decode(struct slice text, struct buf *out) {
    size_t before = out->len;
    if (text.len % 4 != 0) {
        return false;
    }
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=') {
        padding++;
    }
    size_t len = text.len / 4 * 3 - padding;
    uint8_t *room = len == 0 ? NULL : buf_extend(out, len);
    if (len == 0 || room == NULL) {
        return true; // nothing, or a failure that `out` remembers
    }
    for (size_t at = 0; at < text.len; at += 4) {
        size_t significant = at + 4 == text.len ? 4 - padding : 4;
        if (!decode_group(text.ptr + at, significant, room + at / 4 * 3)) {
            out->len = before;
            return false;
        }
    }
    return true;
}
