// SPDX-License-Identifier: Apache-2.0
// The defined terms and escape sequences of PS3.3 C.12.1.1.2 as tables, with the misspellings that
// other programs forgive too.
#include "dicom/charset_term.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define LATIN(number, set)                                                                         \
    {                                                                                              \
        "ISO_IR " #number, "ISO 2022 IR " #number, DCM_TERM_ISO2022, DCM_SET_ASCII, set,           \
            DCM_SET_NONE                                                                           \
    }
// A first term that is two-byte is not allowed but seen; then G1 sets are taken as invoked.
#define DOUBLE(number, g1, set)                                                                    \
    { NULL, "ISO 2022 IR " #number, DCM_TERM_ISO2022, DCM_SET_ASCII, g1, set }
#define WHOLE(name, kind)                                                                          \
    { name, NULL, kind, DCM_SET_NONE, DCM_SET_NONE, DCM_SET_NONE }

const struct dcm_charset_term dcm_charset_terms[] = {
    LATIN(6, DCM_SET_NONE), // DCM_TERM_DEFAULT
    LATIN(100, DCM_SET_8859_1),
    LATIN(101, DCM_SET_8859_2),
    LATIN(109, DCM_SET_8859_3),
    LATIN(110, DCM_SET_8859_4),
    LATIN(144, DCM_SET_8859_5),
    LATIN(127, DCM_SET_8859_6),
    LATIN(126, DCM_SET_8859_7),
    LATIN(138, DCM_SET_8859_8),
    LATIN(148, DCM_SET_8859_9),
    LATIN(203, DCM_SET_8859_15),
    {"ISO_IR 13", "ISO 2022 IR 13", DCM_TERM_ISO2022, DCM_SET_ROMAN, DCM_SET_KATAKANA,
     DCM_SET_NONE},
    LATIN(166, DCM_SET_THAI),
    DOUBLE(87, DCM_SET_NONE, DCM_SET_JIS0208),
    DOUBLE(159, DCM_SET_NONE, DCM_SET_JIS0212),
    DOUBLE(149, DCM_SET_KSC5601, DCM_SET_KSC5601),
    DOUBLE(58, DCM_SET_GB2312, DCM_SET_GB2312),
    WHOLE("ISO_IR 192", DCM_TERM_UTF8),
    WHOLE("GB18030", DCM_TERM_GB18030),
    WHOLE("GBK", DCM_TERM_GBK),
};
const uint8_t dcm_charset_terms_count = COUNT(dcm_charset_terms);

// What people write, in capitals without spaces, hyphens and underscores, besides the defined terms
// written with other separators or in small letters.
static const struct {
    const char *folded;
    const char *term;
} aliases[] = {
    {"ASCII", "ISO_IR 6"},
    {"USASCII", "ISO_IR 6"},
    {"ISO646", "ISO_IR 6"},
    {"LATIN1", "ISO_IR 100"},
    {"ISOLATIN1", "ISO_IR 100"},
    {"LATIN2", "ISO_IR 101"},
    {"LATIN3", "ISO_IR 109"},
    {"LATIN4", "ISO_IR 110"},
    {"LATIN5", "ISO_IR 148"},
    {"LATIN9", "ISO_IR 203"},
    {"ISO88591", "ISO_IR 100"},
    {"ISO88592", "ISO_IR 101"},
    {"ISO88593", "ISO_IR 109"},
    {"ISO88594", "ISO_IR 110"},
    {"ISO88595", "ISO_IR 144"},
    {"ISO88596", "ISO_IR 127"},
    {"ISO88597", "ISO_IR 126"},
    {"ISO88598", "ISO_IR 138"},
    {"ISO88599", "ISO_IR 148"},
    {"ISO885911", "ISO_IR 166"},
    {"ISO885915", "ISO_IR 203"},
    {"TIS620", "ISO_IR 166"},
    {"JISX0201", "ISO_IR 13"},
    {"JISX0208", "ISO 2022 IR 87"},
    {"JISX0212", "ISO 2022 IR 159"},
    {"ISO2022JP", "ISO 2022 IR 87"},
    {"ISO2022JP2", "ISO 2022 IR 159"},
    {"ISO2022KR", "ISO 2022 IR 149"},
    {"EUCKR", "ISO 2022 IR 149"},
    {"KSX1001", "ISO 2022 IR 149"},
    {"KSC5601", "ISO 2022 IR 149"},
    {"GB2312", "ISO 2022 IR 58"},
    {"UTF8", "ISO_IR 192"},
    {"UNICODE", "ISO_IR 192"},
    {"ISO2022IR192", "ISO_IR 192"},
    {"ISO2022GBK", "GBK"},
    {"CP936", "GBK"},
    {"ISO2022GB18030", "GB18030"},
    {"ISO2022IRGB18030", "GB18030"},
};

// The registered escape sequences; the last ones are older or shorter forms that are read only.
static const struct dcm_escape escapes[] = {
    {"(B", 2, false, DCM_SET_ASCII},   {"(J", 2, false, DCM_SET_ROMAN},
    {")I", 2, true, DCM_SET_KATAKANA}, {"-A", 2, true, DCM_SET_8859_1},
    {"-B", 2, true, DCM_SET_8859_2},   {"-C", 2, true, DCM_SET_8859_3},
    {"-D", 2, true, DCM_SET_8859_4},   {"-L", 2, true, DCM_SET_8859_5},
    {"-G", 2, true, DCM_SET_8859_6},   {"-F", 2, true, DCM_SET_8859_7},
    {"-H", 2, true, DCM_SET_8859_8},   {"-M", 2, true, DCM_SET_8859_9},
    {"-b", 2, true, DCM_SET_8859_15},  {"-T", 2, true, DCM_SET_THAI},
    {"$B", 2, false, DCM_SET_JIS0208}, {"$(D", 3, false, DCM_SET_JIS0212},
    {"$)C", 3, true, DCM_SET_KSC5601}, {"$)A", 3, true, DCM_SET_GB2312},
    {"$@", 2, false, DCM_SET_JIS0208}, {"$(B", 3, false, DCM_SET_JIS0208},
};

// Capitals without separators; the length, 0 when it does not fit.
static size_t fold(struct slice term, char out[24]) {
    size_t len = 0;
    for (size_t i = 0; i < term.len; i++) {
        uint8_t c = term.ptr[i];
        if (c == ' ' || c == '_' || c == '-') {
            continue;
        }
        if (len + 1 >= 24) {
            return 0;
        }
        out[len++] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
    }
    out[len] = '\0';
    return len;
}

static int find_exact(struct slice term, bool *ret_extended) {
    for (int i = 0; i < dcm_charset_terms_count; i++) {
        const struct dcm_charset_term *row = &dcm_charset_terms[i];
        bool plain = row->plain != NULL && slice_eq_str(term, row->plain);
        bool extended = row->extended != NULL && slice_eq_str(term, row->extended);
        if (plain || extended) {
            *ret_extended = extended;
            return i;
        }
    }
    return -1;
}

// The same words with other separators: "ISO IR 100", "iso-ir-100", "ISO2022IR87", "ISO 2022 58",
// "ISO_IR 87".
static int find_folded(const char *folded, bool *ret_extended) {
    for (int i = 0; i < dcm_charset_terms_count; i++) {
        const struct dcm_charset_term *row = &dcm_charset_terms[i];
        char own[24];
        const char *name = row->extended != NULL ? row->extended : row->plain;
        (void)fold(slice_str(name), own);
        bool iso = row->extended != NULL; // ISO2022IRnnn
        const char *number = iso ? own + strlen("ISO2022IR") : own;
        bool extended = iso && (strcmp(folded, own) == 0 || (strncmp(folded, "ISO2022", 7) == 0 &&
                                                             strcmp(folded + 7, number) == 0));
        bool plain = iso ? strncmp(folded, "ISOIR", 5) == 0 && strcmp(folded + 5, number) == 0
                         : strcmp(folded, own) == 0;
        if (extended || plain) {
            *ret_extended = extended || row->plain == NULL;
            return i;
        }
    }
    return -1;
}

int dcm_term_find(struct slice term, bool *ret_alias, bool *ret_extended) {
    *ret_alias = false;
    *ret_extended = false;
    if (term.len == 0) {
        return DCM_TERM_DEFAULT;
    }
    int row = find_exact(term, ret_extended);
    if (row >= 0) {
        return row;
    }
    char folded[24];
    if (fold(term, folded) == 0) {
        return -1;
    }
    row = find_folded(folded, ret_extended);
    for (size_t i = 0; row < 0 && i < COUNT(aliases); i++) {
        if (strcmp(aliases[i].folded, folded) == 0) {
            row = find_exact(slice_str(aliases[i].term), ret_extended);
        }
    }
    *ret_alias = row >= 0;
    return row;
}

const struct dcm_escape *dcm_escape_find(struct slice s) {
    for (size_t i = 0; i < COUNT(escapes); i++) {
        if (slice_starts(s, slice_of(escapes[i].bytes, escapes[i].len))) {
            return &escapes[i];
        }
    }
    return NULL;
}

const struct dcm_escape *dcm_escape_of(enum dcm_set set) {
    for (size_t i = 0; i < COUNT(escapes); i++) {
        if (escapes[i].set == set) {
            return &escapes[i];
        }
    }
    return NULL;
}
