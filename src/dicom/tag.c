// SPDX-License-Identifier: Apache-2.0
#include "dicom/tag.h"

#include <stdio.h>

#include "dicom/dict.h"

char *dcm_tag_text(dcm_tag t, char out[DCM_TAG_TEXT_LEN + 1]) {
    static const char digits[] = "0123456789ABCDEF";
    char *p = out;
    *p++ = '(';
    for (int shift = 28; shift >= 0; shift -= 4) {
        *p++ = digits[t >> shift & 15];
        if (shift == 16) {
            *p++ = ',';
        }
    }
    *p++ = ')';
    *p = '\0';
    return out;
}

static int hex_value(uint8_t c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (uint8_t)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_digits(struct slice text, dcm_tag *ret_tag) {
    uint32_t value = 0;
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ',' && i == 4) {
            continue;
        }
        int digit = hex_value(text.ptr[i]);
        if (digit < 0 || count == 8) {
            return false;
        }
        value = value << 4 | (uint32_t)digit;
        count++;
    }
    *ret_tag = value;
    return count == 8;
}

bool dcm_tag_parse(struct slice text, dcm_tag *ret_tag) {
    dcm_tag tag;
    struct slice inner = text;
    if (text.len > 2 && text.ptr[0] == '(' && text.ptr[text.len - 1] == ')') {
        inner = slice_of(text.ptr + 1, text.len - 2);
    }
    if (parse_digits(inner, &tag)) {
        *ret_tag = tag;
        return true;
    }
    const struct dcm_dict_entry *entry = dcm_dict_find_keyword(text);
    if (entry == NULL || entry->mask != 0xFFFFFFFF) {
        return false;
    }
    *ret_tag = entry->tag;
    return true;
}
