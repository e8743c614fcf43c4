// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <string.h>

#include "base/buf.h"

size_t utf8_decode(struct slice s, uint32_t *ret_code_point) {
    if (s.len == 0) {
        return 0;
    }
    uint8_t first = s.ptr[0];
    size_t len = first < 0x80   ? 1
                 : first < 0xC2 ? 0
                 : first < 0xE0 ? 2
                 : first < 0xF0 ? 3
                 : first < 0xF5 ? 4
                                : 0;
    if (len == 0 || len > s.len) {
        return 0;
    }
    uint32_t value = len == 1 ? first : (uint32_t)(first & (0xFF >> (len + 1)));
    for (size_t i = 1; i < len; i++) {
        if ((s.ptr[i] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (s.ptr[i] & 0x3F);
    }
    bool overlong = (len == 3 && value < 0x800) || (len == 4 && value < 0x10000);
    if (overlong || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
        return 0;
    }
    *ret_code_point = value;
    return len;
}

bool utf8_valid(struct slice s) {
    while (s.len > 0) {
        uint32_t ignored;
        size_t taken = utf8_decode(s, &ignored);
        if (taken == 0) {
            return false;
        }
        s = slice_from(s, taken);
    }
    return true;
}

void utf8_put(struct buf *out, uint32_t c) {
    uint8_t bytes[4];
    size_t len;
    if (c < 0x80) {
        bytes[0] = (uint8_t)c;
        len = 1;
    } else if (c < 0x800) {
        bytes[0] = (uint8_t)(0xC0 | c >> 6);
        len = 2;
    } else if (c < 0x10000) {
        bytes[0] = (uint8_t)(0xE0 | c >> 12);
        len = 3;
    } else {
        bytes[0] = (uint8_t)(0xF0 | (c >> 18 & 7));
        len = 4;
    }
    for (size_t i = 1; i < len; i++) {
        bytes[i] = (uint8_t)(0x80 | (c >> (6 * (len - 1 - i)) & 0x3F));
    }
    buf_put(out, bytes, len);
}

// Base letters of U+00C0 to U+017F, one a code point; '?' marks those spelled out below, '=' those
// that are no letters.
static const char latin_base[] =
    "aaaaaa?ceeeeiiii?nooooo=ouuuuy??"
    "aaaaaa?ceeeeiiii?nooooo=ouuuuy?y"
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii??jjkkklllllllllln"
    "nnnnnnnnoooooo??rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

static const struct {
    uint32_t code_point;
    const char *text;
} spelled[] = {{0xC6, "ae"},  {0xE6, "ae"},  {0xD0, "d"},  {0xF0, "d"},
               {0xDE, "th"},  {0xFE, "th"},  {0xDF, "ss"}, {0x132, "ij"},
               {0x133, "ij"}, {0x152, "oe"}, {0x153, "oe"}};

static bool fold_latin(struct buf *out, uint32_t c) {
    if (c < 0xC0 || c > 0x17F || c - 0xC0 >= sizeof latin_base - 1) {
        return false;
    }
    char base = latin_base[c - 0xC0];
    if (base == '=') {
        return false;
    }
    if (base != '?') {
        buf_put_byte(out, (uint8_t)base);
        return true;
    }
    for (size_t i = 0; i < sizeof spelled / sizeof spelled[0]; i++) {
        if (spelled[i].code_point == c) {
            buf_put_str(out, spelled[i].text);
            return true;
        }
    }
    return false;
}

static uint32_t small_letter(uint32_t c) {
    bool greek = c >= 0x391 && c <= 0x3A9;
    bool cyrillic = c >= 0x410 && c <= 0x42F;
    if (greek || cyrillic) {
        return c + 32;
    }
    return c >= 0x400 && c <= 0x40F ? c + 80 : c;
}

void utf8_fold(struct buf *out, struct slice s) {
    while (s.len > 0) {
        uint32_t c;
        size_t taken = utf8_decode(s, &c);
        bool combining = taken > 0 && c >= 0x300 && c < 0x370;
        if (taken == 0) {
            buf_put_byte(out, s.ptr[0]);
            taken = 1;
        } else if (c < 0x80) {
            buf_put_byte(out, (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c));
        } else if (!combining && !fold_latin(out, c)) {
            utf8_put(out, small_letter(c));
        }
        s = slice_from(s, taken);
    }
}
