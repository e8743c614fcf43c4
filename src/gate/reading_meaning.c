// SPDX-License-Identifier: Apache-2.0
// What may stay in a picture (deid.md 5D): markers of side, projection and position, the letters
// of orientation, and what the machine was set to. A token must be on a list as a whole; one token
// that is not takes the line with it. What such a token could tell of a person is thought of first:
// no age, weight or date has a unit or label here, no number has six digits, a bare number has two
// at most and stands alone (the parts of an NHS number or of a date come as separate boxes, too).
#include "gate/reading.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "gate/recognise.h"

#define SURE 60 // confidence below which no token is believed
#define TOKENS_MAX 24
#define TOKEN_MAX 16U
#define WHOLE_DIGITS_MAX 4U
#define DIGITS_MAX 5U
#define BARE_DIGITS_MAX 2U

// What stands for itself.
static const char *const words[] = {
    "2D",          "3D",         "4D",         "AP",
    "AX",          "AXIAL",      "CC",         "COR",
    "CORONAL",     "DECUB",      "DECUBITUS",  "ERECT",
    "EXP",         "EXPIRATION", "HORIZ",      "INSP",
    "INSPIRATION", "KUB",        "L",          "LAO",
    "LAT",         "LATERAL",    "LCC",        "LEFT",
    "LM",          "LML",        "LMLO",       "LPO",
    "LT",          "MINIP",      "MIP",        "ML",
    "MLO",         "MOBILE",     "MPR",        "OBL",
    "OBLIQUE",     "PA",         "PORTABLE",   "POST",
    "PRE",         "PRONE",      "PW",         "R",
    "RAO",         "RCC",        "RECUMBENT",  "RIGHT",
    "RML",         "RMLO",       "RPO",        "RT",
    "SAG",         "SAGITTAL",   "SEMI-ERECT", "SITTING",
    "STANDING",    "SUPINE",     "SWIMMERS",   "TRANS",
    "TRANSVERSE",  "TRAUMA",     "UPRIGHT",    "WEIGHT-BEARING",
    "XCCL",
};

// Behind a number, as they are written (case apart).
static const char *const units[] = {
    "%",   "bpm",  "cc",   "cgy",    "cm",    "cm/s", "cm2", "cm3", "cm²", "cm³",
    "db",  "deg",  "dpi",  "fps",    "hu",    "hz",   "khz", "kv",  "kvp", "m/s",
    "ma",  "mas",  "mgy",  "mgy*cm", "mgycm", "mhz",  "min", "ml",  "mm",  "mm2",
    "mm²", "mm/s", "mmhg", "ms",     "msec",  "s",    "sec", "usv", "x",   "°",
};

// Before a number that has no unit.
static const char *const labels[] = {
    "DEPTH", "DR",  "DYN", "ETL",   "FA",  "FOV",    "FPS", "FR",    "FRAME", "FREQ", "FRQ",
    "GAIN",  "IM",  "IMA", "IMAGE", "IMG", "KV",     "KVP", "MA",    "MAG",   "MAS",  "MI",
    "NEX",   "PRF", "PWR", "SE",    "SER", "SERIES", "SL",  "SLICE", "SP",    "ST",   "TE",
    "THK",   "TI",  "TIB", "TIC",   "TIS", "TR",     "WF",  "ZOOM",
};

// Of a window: both must be there.
static const char *const widths[] = {"W", "WW", "WIDTH", "WINDOW"};
static const char *const levels[] = {"C", "L", "LEVEL", "WC", "WL"};

#define HAS(list, token) on_list(list, sizeof(list) / sizeof((list)[0]), token)

static bool same(struct slice token, const char *word) {
    return token.len == strlen(word) && strncasecmp((const char *)token.ptr, word, token.len) == 0;
}

static bool on_list(const char *const *list, size_t count, struct slice token) {
    for (size_t i = 0; i < count; i++) {
        if (same(token, list[i])) {
            return true;
        }
    }
    return false;
}

// Letters and digits of any script; signs and dashes are none.
static bool is_alphanumeric(uint32_t c) {
    if (c < 0x80) {
        return isalnum((int)c) != 0;
    }
    bool sign = c < 0xC0 || c == 0xD7 || c == 0xF7 || (c >= 0x2000 && c < 0x2C00) ||
                (c >= 0x3000 && c < 0x3005) || (c >= 0xFE00 && c < 0xFE70) || c >= 0x1F000;
    return !sign;
}

static bool has_content(struct slice text) {
    uint32_t c;
    for (size_t n; text.len > 0; text = slice_from(text, n)) {
        n = utf8_decode(text, &c);
        if (n == 0 || is_alphanumeric(c)) {
            return true; // bytes that are no text are nothing to trust
        }
    }
    return false;
}

// Letters at the edges of a picture: A P, L R, H F or S I, at most one of each pair.
static bool is_orientation(struct slice token) {
    static const char pairs[] = "APLRHFSI";
    unsigned axes = 0;
    if (token.len == 0 || token.len > 3) {
        return false;
    }
    for (size_t i = 0; i < token.len; i++) {
        const char *at = memchr(pairs, token.ptr[i], sizeof pairs - 1);
        size_t axis = at != NULL ? (size_t)(at - pairs) / 2 : 0;
        axis = axis == 3 ? 2 : axis; // head is superior
        if (at == NULL || (axes & 1U << axis) != 0) {
            return false;
        }
        axes |= 1U << axis;
    }
    return true;
}

// Length of the number at the start: sign, digits, a decimal point, digits; 0: none that may stay.
static size_t number_len(struct slice token, unsigned *ret_digits) {
    size_t at = token.len > 0 && memchr("+-", token.ptr[0], 2) != NULL;
    unsigned whole = 0, behind = 0;
    while (at < token.len && isdigit(token.ptr[at])) {
        at++;
        whole++;
    }
    if (at + 1 < token.len && memchr(".,", token.ptr[at], 2) != NULL &&
        isdigit(token.ptr[at + 1])) {
        for (at++; at < token.len && isdigit(token.ptr[at]); at++) {
            behind++;
        }
    }
    *ret_digits = whole + behind;
    return whole == 0 || whole > WHOLE_DIGITS_MAX || whole + behind > DIGITS_MAX ? 0 : at;
}

static bool is_number(struct slice token) {
    unsigned digits;
    return token.len > 0 && number_len(token, &digits) == token.len;
}

// "12/40" behind a label.
static bool is_count(struct slice token) {
    size_t slash = slice_find(token, '/');
    return is_number(slice_first(token, slash)) &&
           (slash == token.len || is_number(slice_from(token, slash + 1)));
}

// "12.5cm"
static bool is_measure(struct slice token) {
    unsigned digits;
    size_t n = number_len(token, &digits);
    return n > 0 && n < token.len && HAS(units, slice_from(token, n));
}

// Where a label such as "kV" or "W" in "kV:120", "W350" ends; token.len when it is all label.
static size_t label_len(struct slice token) {
    size_t n = 0;
    while (n < token.len && isalpha(token.ptr[n])) {
        n++;
    }
    return n;
}

static struct slice after_label(struct slice token, size_t label) {
    struct slice rest = slice_from(token, label);
    return rest.len > 0 && memchr(":=", rest.ptr[0], 2) != NULL ? slice_from(rest, 1) : rest;
}

struct line {
    struct slice tokens[TOKENS_MAX];
    uint32_t count;
    bool width, level; // seen with a number
    uint32_t bare;     // numbers without anything
};

// "kV 120", "kV:120", "kV120", "kV = 120", "Im: 12/40". Tokens taken, 0: it is not that.
static uint32_t take_labelled(struct line *l, uint32_t at) {
    struct slice token = l->tokens[at];
    size_t n = label_len(token);
    struct slice label = slice_first(token, n);
    bool width = HAS(widths, label), level = HAS(levels, label);
    if (n == 0 || !(width || level || HAS(labels, label))) {
        return 0;
    }
    struct slice value = after_label(token, n);
    uint32_t taken = 1;
    while (value.len == 0 && taken < 3 && at + taken < l->count) {
        value = after_label(l->tokens[at + taken++], 0);
    }
    if (!is_count(value) && !is_measure(value)) {
        return 0;
    }
    l->width |= width;
    l->level |= level;
    bool unit = at + taken < l->count && HAS(units, l->tokens[at + taken]);
    return unit ? taken + 1 : taken;
}

// Tokens that may stay from `at` on; 0: this one may not.
static uint32_t take(struct line *l, uint32_t at) {
    struct slice token = l->tokens[at];
    bool more = at + 1 < l->count;
    uint32_t taken = take_labelled(l, at);
    if (taken > 0) {
        return taken;
    }
    if (is_number(token) && more && HAS(units, l->tokens[at + 1])) {
        return 2;
    }
    if (HAS(words, token) || is_orientation(token) || is_measure(token)) {
        return 1;
    }
    unsigned digits;
    bool bare = is_number(token) && number_len(token, &digits) > 0 && digits <= BARE_DIGITS_MAX &&
                (token.ptr[0] != '0' || token.len == 1);
    l->bare += bare;
    return bare;
}

// false: more than a line of technique has. Marks around a token say nothing and are cut off;
// signs before numbers and the degree and percent signs belong to it.
static bool split(struct slice text, struct line *l) {
    struct slice part;
    while (slice_split(&text, ' ', &part)) {
        part = slice_trim(part, "|_~'\"`()[]{}<>;,!*");
        while (part.len > 1 && memchr(".-", part.ptr[part.len - 1], 2) != NULL) {
            part.len--;
        }
        if (!has_content(part) && !same(part, "%") && !same(part, "°")) {
            continue;
        }
        if (l->count == TOKENS_MAX || part.len > TOKEN_MAX) {
            return false;
        }
        l->tokens[l->count++] = part;
    }
    return l->count > 0;
}

static bool is_technique(struct slice text) {
    struct line l = {.count = 0};
    if (!split(text, &l)) {
        return false;
    }
    for (uint32_t at = 0; at < l.count;) {
        uint32_t taken = take(&l, at);
        if (taken == 0) {
            return false;
        }
        at += taken;
    }
    return l.width == l.level && (l.bare == 0 || l.count == 1);
}

enum gate_meaning gate_reading_means(const struct gate_reading *reading,
                                     const struct gate_subject *subject) {
    struct slice text = slice_of(reading->text, strnlen(reading->text, sizeof reading->text));
    struct gate_hit hit;
    if (!has_content(text)) {
        return GATE_MEANS_NOTHING;
    }
    if ((subject != NULL && gate_subject_find(subject, text, 0, true, &hit)) ||
        gate_recognise(text, 0, &hit)) {
        return GATE_MEANS_IDENTIFIER;
    }
    return reading->confidence >= SURE && is_technique(text) ? GATE_MEANS_TECHNIQUE
                                                             : GATE_MEANS_TEXT;
}
