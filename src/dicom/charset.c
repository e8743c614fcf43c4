// SPDX-License-Identifier: Apache-2.0
// Decoding and encoding of text (PS3.5 6.1): the state of G0 and G1, escape sequences, resets at
// delimiters. The terms are in charset_term.c, the codes in charset_set.c.
#include "dicom/charset.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "base/utf8.h"
#include "dicom/charset_set.h"
#include "dicom/charset_term.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"

#define ESC 0x1B
#define REPLACEMENT 0xFFFD

const char *dcm_charset_finding_words(enum dcm_charset_finding_bit which) {
    static const char *const words[DCM_CHARSET_FINDING_COUNT] = {
#define X(name, text) text,
        DCM_CHARSET_FINDING_LIST(X)
#undef X
    };
    return which < DCM_CHARSET_FINDING_COUNT ? words[which] : "";
}

// --- terms

struct dcm_charset dcm_charset_default(void) {
    return (struct dcm_charset){.count = 1, .terms = {DCM_TERM_DEFAULT}, .guess = true};
}

struct dcm_charset dcm_charset_utf8(void) {
    bool alias;
    bool extended;
    int row = dcm_term_find(slice_str("ISO_IR 192"), &alias, &extended);
    return (struct dcm_charset){.count = 1, .terms = {(uint8_t)row}};
}

static const struct dcm_charset_term *term_of(const struct dcm_charset *cs, uint8_t index) {
    return &dcm_charset_terms[cs->terms[index]];
}

static void add_term(struct dcm_charset *cs, struct slice part, bool first) {
    bool alias;
    bool extended;
    int row = dcm_term_find(slice_trim(part, " \t\r\n"), &alias, &extended);
    if (row < 0) {
        cs->findings |= DCM_CHARSET_FINDING(UNKNOWN);
        if (!first) {
            return;
        }
        row = DCM_TERM_DEFAULT;
    }
    const struct dcm_charset_term *t = &dcm_charset_terms[row];
    cs->findings |= alias ? DCM_CHARSET_FINDING(ALIAS) : 0;
    cs->extensions = cs->extensions || extended;
    if (!first && t->kind != DCM_TERM_ISO2022) { // cannot be invoked by any escape sequence
        cs->findings |= DCM_CHARSET_FINDING(COMBINATION);
        return;
    }
    if (!first && !extended) {
        cs->findings |= DCM_CHARSET_FINDING(COMBINATION);
    }
    if (first && t->two_byte != DCM_SET_NONE) {
        cs->findings |= DCM_CHARSET_FINDING(NOT_INITIAL);
    }
    cs->terms[cs->count++] = (uint8_t)row;
}

struct dcm_charset dcm_charset_from_terms(struct slice value) {
    struct dcm_charset cs = {0};
    struct slice rest = slice_trim(value, " ");
    while (rest.len > 0 && rest.ptr[rest.len - 1] == '\0') {
        rest.len--;
    }
    struct slice part;
    bool first = true;
    if (rest.ptr == NULL) {
        return dcm_charset_default();
    }
    while (slice_split(&rest, '\\', &part)) {
        if (cs.count == DCM_CHARSET_TERMS_MAX) {
            cs.findings |= DCM_CHARSET_FINDING(TOO_MANY);
            break;
        }
        add_term(&cs, part, first);
        first = false;
    }
    enum dcm_term_kind kind = term_of(&cs, 0)->kind;
    if (kind != DCM_TERM_ISO2022 && cs.count > 1) {
        cs.findings |= DCM_CHARSET_FINDING(COMBINATION);
        cs.count = 1;
    }
    cs.extensions = kind == DCM_TERM_ISO2022 && (cs.extensions || cs.count > 1);
    cs.guess = cs.count == 1 && cs.terms[0] == DCM_TERM_DEFAULT;
    return cs;
}

struct dcm_charset dcm_charset_of(const struct dcm_dataset *d) {
    for (; d != NULL; d = d->parent) {
        const struct dcm_node *n = dcm_get(d, DCM_SpecificCharacterSet);
        if (n != NULL) {
            return dcm_charset_from_terms(n->value);
        }
    }
    return dcm_charset_default();
}

void dcm_charset_put_terms(const struct dcm_charset *cs, struct buf *out) {
    for (uint8_t i = 0; i < cs->count; i++) {
        const struct dcm_charset_term *t = term_of(cs, i);
        bool empty = i == 0 && cs->count > 1 && cs->terms[0] == DCM_TERM_DEFAULT;
        bool plain = t->plain != NULL && (!cs->extensions || t->extended == NULL);
        if (i > 0) {
            buf_put_byte(out, '\\');
        }
        if (!empty) {
            buf_put_str(out, plain ? t->plain : t->extended);
        }
    }
}

// --- what separates values and parts of names

static bool is_delimiter(enum dcm_vr vr, uint32_t c) {
    return (c == '\\' && dcm_vr_splits(vr)) || (vr == DCM_VR_PN && (c == '^' || c == '='));
}

// PS3.5 6.1.2.5.3: the initial state is active again behind these.
static bool resets(enum dcm_vr vr, uint32_t c) {
    return c == '\t' || c == '\n' || c == '\f' || c == '\r' || is_delimiter(vr, c);
}

// --- to UTF-8

struct decoder {
    const struct dcm_charset *cs;
    enum dcm_vr vr;
    struct buf *out;
    struct dcm_charset_report *report;
    enum dcm_set g0;
    enum dcm_set g1;
    enum dcm_set announced; // G1 set designated last in this value
};

static void find(struct decoder *d, uint32_t bit) { d->report->findings |= bit; }

static void put_char(struct decoder *d, uint32_t c) {
    if (c == 0) {
        c = REPLACEMENT;
        d->report->replaced++;
        find(d, DCM_CHARSET_FINDING(UNDECODABLE));
    }
    utf8_put(d->out, c);
}

static void reset_state(struct decoder *d) {
    d->g0 = term_of(d->cs, 0)->g0;
    d->g1 = term_of(d->cs, 0)->g1;
}

static bool declared(const struct dcm_charset *cs, enum dcm_set set) {
    if (!cs->extensions) {
        return false;
    }
    for (uint8_t i = 0; i < cs->count; i++) {
        const struct dcm_charset_term *t = term_of(cs, i);
        if (set == t->g0 || set == t->g1 || set == t->two_byte) {
            return true;
        }
    }
    return false;
}

static size_t decode_escape(struct decoder *d, struct slice s) {
    const struct dcm_escape *esc = dcm_escape_find(slice_from(s, 1));
    if (esc == NULL) {
        find(d, DCM_CHARSET_FINDING(BAD_ESCAPE));
        put_char(d, 0);
        return 1;
    }
    if (!declared(d->cs, esc->set)) {
        find(d, DCM_CHARSET_FINDING(UNDECLARED));
    }
    *(esc->right ? &d->g1 : &d->g0) = esc->set;
    d->announced = esc->right ? esc->set : d->announced;
    return 1u + esc->len;
}

// Two bytes of a two-byte set whose high bit is `high`.
static size_t decode_pair(struct decoder *d, enum dcm_set set, struct slice s, uint8_t high) {
    bool whole = s.len >= 2 && (s.ptr[1] & 0x80) == high && (s.ptr[1] & 0x7F) >= 0x21 &&
                 (s.ptr[1] & 0x7F) <= 0x7E;
    put_char(d, whole ? dcm_set_decode_pair(set, s.ptr[0] & 0x7F, s.ptr[1] & 0x7F) : 0);
    return whole ? 2 : 1;
}

static size_t decode_left(struct decoder *d, struct slice s) {
    uint8_t b = s.ptr[0];
    if (b < 0x20 || b == 0x7F || (b == 0x20 && dcm_set_is_double(d->g0))) {
        buf_put_byte(d->out, b);
        if (resets(d->vr, b)) {
            reset_state(d);
        }
        return 1;
    }
    if (dcm_set_is_double(d->g0)) {
        return decode_pair(d, d->g0, s, 0);
    }
    if (is_delimiter(d->vr, b)) {
        buf_put_byte(d->out, b);
        reset_state(d);
    } else {
        put_char(d, dcm_set_decode(d->g0, b));
    }
    return 1;
}

// Where no G1 set is active: the one announced before, or else the first that is declared. Many
// writers do not announce it again behind each delimiter, or ever.
static enum dcm_set unannounced(const struct decoder *d) {
    enum dcm_set set = d->announced;
    for (uint8_t i = 0; d->cs->extensions && i < d->cs->count && set == DCM_SET_NONE; i++) {
        set = term_of(d->cs, i)->g1;
    }
    return set;
}

static size_t decode_right(struct decoder *d, struct slice s) {
    if (d->g1 == DCM_SET_NONE) {
        d->g1 = unannounced(d);
        find(d, d->g1 == DCM_SET_NONE ? 0 : DCM_CHARSET_FINDING(UNANNOUNCED));
    }
    if (dcm_set_is_double(d->g1)) {
        return decode_pair(d, d->g1, s, 0x80);
    }
    put_char(d, s.ptr[0] >= 0xA0 ? dcm_set_decode(d->g1, s.ptr[0] & 0x7F) : 0);
    return 1;
}

static void decode_iso2022(struct decoder *d, struct slice s) {
    reset_state(d);
    while (s.len > 0) {
        size_t taken = s.ptr[0] == ESC   ? decode_escape(d, s)
                       : s.ptr[0] < 0x80 ? decode_left(d, s)
                                         : decode_right(d, s);
        s = slice_from(s, taken);
    }
}

static void decode_utf8(struct decoder *d, struct slice s) {
    while (s.len > 0) {
        uint32_t c;
        size_t taken = utf8_decode(s, &c);
        if (taken == 0) {
            put_char(d, 0);
            taken = 1;
        } else {
            buf_put(d->out, s.ptr, taken);
        }
        s = slice_from(s, taken);
    }
}

static void decode_gb(struct decoder *d, struct slice s, bool gb18030) {
    while (s.len > 0) {
        uint32_t c;
        size_t taken = dcm_gb_decode(gb18030, s, &c);
        put_char(d, taken == 0 ? 0 : c == 0 ? ' ' : c); // a NUL inside text is a space
        s = slice_from(s, taken == 0 ? 1 : taken);
    }
}

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define ONES UINT64_C(0x0101010101010101)

// Whether all bytes are below 0x80 and none is ESC, eight at a time.
static bool is_plain(struct slice s) {
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t word = num_le64(s.ptr + i);
        uint64_t no_esc = word ^ (ONES * ESC);
        if (((word | ((no_esc - ONES) & ~no_esc)) & HIGH_BITS) != 0) {
            return false;
        }
    }
    for (; i < s.len; i++) {
        if (s.ptr[i] >= 0x80 || s.ptr[i] == ESC) {
            return false;
        }
    }
    return true;
}

static bool has_high_byte(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= 0x80) {
            return true;
        }
    }
    return false;
}

static bool plain_is_ascii(const struct dcm_charset *cs) {
    return term_of(cs, 0)->g0 != DCM_SET_ROMAN;
}

void dcm_charset_to_utf8(const struct dcm_charset *cs, enum dcm_vr vr, struct slice raw,
                         struct buf *out, struct dcm_charset_report *report) {
    bool with_charset = dcm_vr_uses_charset(vr);
    if (is_plain(raw) && (plain_is_ascii(cs) || !with_charset)) {
        buf_put_slice(out, raw);
        return;
    }
    struct dcm_charset_report unwanted = {0};
    struct decoder d = {cs,           vr,          out, report != NULL ? report : &unwanted,
                        DCM_SET_NONE, DCM_SET_NONE};
    if (!with_charset) {
        find(&d, DCM_CHARSET_FINDING(NOT_IN_VR));
    }
    enum dcm_term_kind kind = term_of(cs, 0)->kind;
    if (kind == DCM_TERM_ISO2022 && cs->guess && has_high_byte(raw) && utf8_valid(raw)) {
        find(&d, DCM_CHARSET_FINDING(GUESSED_UTF8));
        kind = DCM_TERM_UTF8;
    }
    if (kind == DCM_TERM_ISO2022) {
        decode_iso2022(&d, raw);
    } else if (kind == DCM_TERM_UTF8) {
        decode_utf8(&d, raw);
    } else {
        decode_gb(&d, raw, kind == DCM_TERM_GB18030);
    }
}

// --- from UTF-8

struct encoder {
    const struct dcm_charset *cs;
    enum dcm_vr vr;
    struct buf *out;
    enum dcm_set g0;
    enum dcm_set g1;
};

static enum dcm_set initial_g1(const struct dcm_charset *cs) {
    const struct dcm_charset_term *t = term_of(cs, 0);
    return t->two_byte != DCM_SET_NONE ? DCM_SET_NONE : t->g1; // always announced
}

static void designate(struct encoder *n, enum dcm_set set) {
    const struct dcm_escape *esc = dcm_escape_of(set);
    buf_put_byte(n->out, ESC);
    buf_put(n->out, esc->bytes, esc->len);
    *(esc->right ? &n->g1 : &n->g0) = set;
}

// The yen of ISO-IR 14 has the code of the delimiter.
static bool would_split(const struct encoder *n, enum dcm_set set, uint32_t c) {
    return set == DCM_SET_ROMAN && c == 0xA5 && dcm_vr_splits(n->vr);
}

static bool put_in_set(struct encoder *n, enum dcm_set set, uint32_t c) {
    uint8_t bytes[2] = {0, 0};
    size_t len = set == DCM_SET_NONE ? 0 : dcm_set_encode(set, c, bytes);
    if (len == 0 || would_split(n, set, c)) {
        return false;
    }
    if (set != n->g0 && set != n->g1) {
        designate(n, set);
    }
    uint8_t high = set == n->g1 ? 0x80 : 0;
    for (size_t i = 0; i < len; i++) {
        buf_put_byte(n->out, bytes[i] | high);
    }
    return true;
}

static bool put_in_terms(struct encoder *n, uint32_t c) {
    if (put_in_set(n, n->g0, c) || put_in_set(n, n->g1, c)) {
        return true;
    }
    if (!n->cs->extensions) {
        return false;
    }
    for (uint8_t i = 0; i < n->cs->count; i++) {
        const struct dcm_charset_term *t = term_of(n->cs, i);
        enum dcm_set right = t->two_byte != DCM_SET_NONE ? t->two_byte : t->g1;
        bool has_left = i == 0 || t->two_byte == DCM_SET_NONE;
        if ((has_left && put_in_set(n, t->g0, c)) || put_in_set(n, right, c)) {
            return true;
        }
    }
    return false;
}

static void return_g0(struct encoder *n) {
    enum dcm_set initial = term_of(n->cs, 0)->g0;
    if (n->g0 != initial) {
        designate(n, initial);
    }
}

static bool encode_iso2022(struct encoder *n, uint32_t c) {
    bool control = c < 0x20 || c == 0x7F;
    if (!control && !is_delimiter(n->vr, c)) {
        return put_in_terms(n, c);
    }
    if (c == ESC) {
        return false;
    }
    if (resets(n->vr, c)) {
        return_g0(n);
        n->g1 = initial_g1(n->cs);
    }
    buf_put_byte(n->out, (uint8_t)c);
    return true;
}

static bool encode_char(struct encoder *n, enum dcm_term_kind kind, uint32_t c) {
    if (kind == DCM_TERM_ISO2022) {
        return encode_iso2022(n, c);
    }
    if (kind == DCM_TERM_UTF8) {
        utf8_put(n->out, c);
        return true;
    }
    uint8_t bytes[4];
    size_t len = dcm_gb_encode(kind == DCM_TERM_GB18030, c, bytes);
    buf_put(n->out, bytes, len);
    return len > 0;
}

int dcm_charset_from_utf8(const struct dcm_charset *cs, enum dcm_vr vr, struct slice utf8,
                          struct buf *out, struct err *e) {
    size_t before = out->len;
    if (!dcm_vr_uses_charset(vr) && has_high_byte(utf8)) {
        return err_set(e, E_CHARSET, "%s allows ASCII only", dcm_vr_info(vr)->name);
    }
    if (is_plain(utf8) && (plain_is_ascii(cs) || !dcm_vr_uses_charset(vr))) {
        buf_put_slice(out, utf8);
        return buf_check(out, "text", e);
    }
    enum dcm_term_kind kind = term_of(cs, 0)->kind;
    struct encoder n = {cs, vr, out, term_of(cs, 0)->g0, initial_g1(cs)};
    for (size_t at = 0; at < utf8.len;) {
        uint32_t c = 0;
        size_t taken = utf8_decode(slice_from(utf8, at), &c);
        if (taken == 0 || !encode_char(&n, kind, c)) {
            out->len = before;
            (void)(taken == 0
                       ? err_set(e, E_CHARSET, "the text is not UTF-8")
                       : err_set(e, E_CHARSET, "U+%04X is in none of the character sets", c));
            return err_at(e, at);
        }
        at += taken;
    }
    if (kind == DCM_TERM_ISO2022) {
        return_g0(&n);
    }
    int rc = buf_check(out, "text", e);
    if (rc != E_OK) {
        out->len = before;
    }
    return rc;
}
