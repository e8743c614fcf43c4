// SPDX-License-Identifier: Apache-2.0
// Look-ups in the generated tables: decoding by index, encoding by bisection over indices in order
// of code points.
#include "dicom/charset_set.h"

#include "dicom/charset_table.h"

#define ROW 94               // codes a row of a two-byte set
#define GB_ROW 191           // trail bytes 0x40 to 0xFE
#define GB_SUPPLEMENT 189000 // linear four-byte code of U+10000

static const uint16_t *const singles[] = {
    [DCM_SET_8859_1] = single_iso8859_1, [DCM_SET_8859_2] = single_iso8859_2,
    [DCM_SET_8859_3] = single_iso8859_3, [DCM_SET_8859_4] = single_iso8859_4,
    [DCM_SET_8859_5] = single_iso8859_5, [DCM_SET_8859_6] = single_iso8859_6,
    [DCM_SET_8859_7] = single_iso8859_7, [DCM_SET_8859_8] = single_iso8859_8,
    [DCM_SET_8859_9] = single_iso8859_9, [DCM_SET_8859_15] = single_iso8859_15,
    [DCM_SET_THAI] = single_thai,
};

// A two-byte table and its indices in order of code points.
struct double_set {
    const uint16_t *table;
    const uint16_t *order;
    size_t count;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DOUBLE(name)                                                                               \
    { double_##name, order_##name, COUNT(order_##name) }

static const struct double_set doubles[] = {
    DOUBLE(jis0208),
    DOUBLE(jis0212),
    DOUBLE(ksc5601),
    DOUBLE(gb2312),
};
static const struct double_set gbk = DOUBLE(gbk);
static const struct double_set gb18030_pairs = DOUBLE(gb18030);

uint32_t dcm_set_decode(enum dcm_set s, uint8_t byte) {
    switch (s) {
    case DCM_SET_ASCII:
        return byte;
    case DCM_SET_ROMAN:
        return byte == 0x5C ? 0xA5 : byte == 0x7E ? 0x203E : byte;
    case DCM_SET_KATAKANA:
        return byte >= 0x21 && byte <= 0x5F ? 0xFF61u + byte - 0x21u : 0;
    default:
        return s >= DCM_SET_8859_1 && s <= DCM_SET_THAI && byte >= 0x20 && byte <= 0x7F
                   ? singles[s][byte - 0x20]
                   : 0;
    }
}

uint32_t dcm_set_decode_pair(enum dcm_set s, uint8_t first, uint8_t second) {
    bool inside = first >= 0x21 && first <= 0x7E && second >= 0x21 && second <= 0x7E;
    if (!inside || !dcm_set_is_double(s)) {
        return 0;
    }
    return doubles[s - DCM_SET_JIS0208].table[(first - 0x21) * ROW + second - 0x21];
}

// The index whose code point it is, or -1.
static int find_in_order(const struct double_set *set, uint32_t code_point) {
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint16_t here = set->table[set->order[middle]];
        if (here == code_point) {
            return set->order[middle];
        }
        if (here < code_point) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return -1;
}

static size_t encode_single(enum dcm_set s, uint32_t c, uint8_t *ret_byte) {
    if (s <= DCM_SET_ROMAN) {
        bool same = s != DCM_SET_NONE && c >= 0x20 && c <= 0x7E &&
                    !(s == DCM_SET_ROMAN && (c == 0x5C || c == 0x7E));
        bool special = s == DCM_SET_ROMAN && (c == 0xA5 || c == 0x203E);
        *ret_byte = (uint8_t)(special ? (c == 0xA5 ? 0x5C : 0x7E) : c);
        return same || special ? 1 : 0;
    }
    if (s == DCM_SET_KATAKANA) {
        *ret_byte = (uint8_t)(c - 0xFF61u + 0x21u);
        return c >= 0xFF61 && c <= 0xFF9F ? 1 : 0;
    }
    for (uint8_t i = 0; i < 96; i++) {
        if (singles[s][i] == c && c != 0) {
            *ret_byte = (uint8_t)(i + 0x20);
            return 1;
        }
    }
    return 0;
}

size_t dcm_set_encode(enum dcm_set s, uint32_t c, uint8_t ret_bytes[2]) {
    if (!dcm_set_is_double(s)) {
        return encode_single(s, c, ret_bytes);
    }
    int index = find_in_order(&doubles[s - DCM_SET_JIS0208], c);
    if (index < 0) {
        return 0;
    }
    ret_bytes[0] = (uint8_t)(index / ROW + 0x21);
    ret_bytes[1] = (uint8_t)(index % ROW + 0x21);
    return 2;
}

static bool between(uint8_t byte, uint8_t low, uint8_t high) { return byte >= low && byte <= high; }

static size_t decode_four(struct slice s, uint32_t *ret_code_point) {
    bool inside = s.len >= 4 && between(s.ptr[1], 0x30, 0x39) && between(s.ptr[2], 0x81, 0xFE) &&
                  between(s.ptr[3], 0x30, 0x39);
    if (!inside) {
        return 0;
    }
    uint32_t linear = (((s.ptr[0] - 0x81u) * 10 + s.ptr[1] - 0x30u) * 126 + s.ptr[2] - 0x81u) * 10 +
                      s.ptr[3] - 0x30u;
    if (linear >= GB_SUPPLEMENT) {
        *ret_code_point = linear - GB_SUPPLEMENT + 0x10000;
        return *ret_code_point <= 0x10FFFF ? 4 : 0;
    }
    for (size_t i = 0; i < COUNT(gb18030_runs); i++) {
        if (linear >= gb18030_runs[i].linear &&
            linear - gb18030_runs[i].linear < gb18030_runs[i].count) {
            *ret_code_point = gb18030_runs[i].code_point + linear - gb18030_runs[i].linear;
            return 4;
        }
    }
    return 0;
}

size_t dcm_gb_decode(bool gb18030, struct slice s, uint32_t *ret_code_point) {
    if (s.len == 0 || s.ptr[0] < 0x80) {
        *ret_code_point = s.len == 0 ? 0 : s.ptr[0];
        return s.len == 0 ? 0 : 1;
    }
    if (s.len < 2 || !between(s.ptr[0], 0x81, 0xFE)) {
        return 0;
    }
    if (gb18030 && between(s.ptr[1], 0x30, 0x39)) {
        return decode_four(s, ret_code_point);
    }
    if (!between(s.ptr[1], 0x40, 0xFE)) {
        return 0;
    }
    const uint16_t *table = gb18030 ? double_gb18030 : double_gbk;
    uint32_t c = table[(s.ptr[0] - 0x81) * GB_ROW + s.ptr[1] - 0x40];
    *ret_code_point = c;
    return c == 0 ? 0 : 2;
}

static size_t encode_four(uint32_t c, uint8_t ret_bytes[4]) {
    uint32_t linear = c >= 0x10000 ? c - 0x10000 + GB_SUPPLEMENT : 0;
    bool found = c >= 0x10000 && c <= 0x10FFFF;
    for (size_t i = 0; !found && i < COUNT(gb18030_runs); i++) {
        if (c >= gb18030_runs[i].code_point &&
            c - gb18030_runs[i].code_point < gb18030_runs[i].count) {
            linear = gb18030_runs[i].linear + c - gb18030_runs[i].code_point;
            found = true;
        }
    }
    ret_bytes[3] = (uint8_t)(0x30 + linear % 10);
    ret_bytes[2] = (uint8_t)(0x81 + linear / 10 % 126);
    ret_bytes[1] = (uint8_t)(0x30 + linear / 1260 % 10);
    ret_bytes[0] = (uint8_t)(0x81 + linear / 12600);
    return found ? 4 : 0;
}

size_t dcm_gb_encode(bool gb18030, uint32_t c, uint8_t ret_bytes[4]) {
    if (c < 0x80) {
        ret_bytes[0] = (uint8_t)c;
        return 1;
    }
    int index = find_in_order(gb18030 ? &gb18030_pairs : &gbk, c);
    if (index >= 0) {
        ret_bytes[0] = (uint8_t)(0x81 + index / GB_ROW);
        ret_bytes[1] = (uint8_t)(0x40 + index % GB_ROW);
        return 2;
    }
    return gb18030 ? encode_four(c, ret_bytes) : 0;
}
