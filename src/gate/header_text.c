// SPDX-License-Identifier: Apache-2.0
// Text of the header: free text by words.h, designations of machines and methods by known words
// and forms, labels, and code strings by their terms. A value that all stays keeps its bytes.
#include "gate/header_text.h"

#include <string.h>

#include "base/err.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "gate/recognise.h"

#define DIGIT_RUN_MAX 5
#define DIGITS_MAX 7
#define LETTER_RUN_MAX 3
#define TOKEN_MAX 20
#define LABEL_DIGITS_MAX 4
#define TERM_MAX 32
#define SHORT_HIT 2 // bytes that are part of too many words to be a name
#define TERM_WORDS 64
#define CS_MAX 16

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static bool is_letter(uint8_t c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

static bool is_ascii(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

// ISO 2022 escapes make other text of ASCII bytes.
static bool is_plain(struct slice s) {
    return is_ascii(s) && (s.len == 0 || memchr(s.ptr, 0x1B, s.len) == NULL);
}

// --- values in and out ---

// The value as UTF-8; *ret_exact: every byte of it is text. Borrows from the node or w->text.
static struct slice decoded(struct gate_walk *w, const struct dcm_node *n, bool *ret_exact) {
    struct dcm_charset_report report = {0};
    *ret_exact = true;
    if (is_plain(n->value) || !dcm_vr_uses_charset(n->vr)) {
        *ret_exact = is_plain(n->value);
        return n->value;
    }
    buf_clear(&w->text);
    dcm_charset_to_utf8(&w->charset, n->vr, n->value, &w->text, &report);
    *ret_exact = report.replaced == 0 && !w->text.failed;
    return buf_slice(&w->text);
}

static void drop_beyond_ascii(struct buf *b) {
    size_t kept = 0;
    for (size_t i = 0; i < b->len; i++) {
        if (b->data[i] < 0x80) {
            b->data[kept++] = b->data[i];
        }
    }
    b->len = kept;
}

// Puts w->out (UTF-8) in place of the value; without what its character set cannot say.
static bool put_back(struct gate_walk *w, struct dcm_node *n) {
    if (w->out.failed) {
        return gate_walk_set(w, n, slice_of("", 0));
    }
    if (is_ascii(buf_slice(&w->out))) {
        return gate_walk_set(w, n, buf_slice(&w->out));
    }
    struct err ignored = {0};
    buf_clear(&w->text);
    if (dcm_vr_uses_charset(n->vr) &&
        dcm_charset_from_utf8(&w->charset, n->vr, buf_slice(&w->out), &w->text, &ignored) == E_OK) {
        return gate_walk_set(w, n, buf_slice(&w->text));
    }
    drop_beyond_ascii(&w->out);
    return gate_walk_set(w, n, buf_slice(&w->out));
}

// Cleans one value: appends to w->out what stays.
typedef void (*cleaner)(struct gate_walk *w, struct slice value, const struct dcm_node *n);

static bool clean_values(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r,
                         cleaner clean) {
    bool exact;
    struct slice all = decoded(w, n, &exact);
    struct slice rest = all;
    struct slice value;
    bool same = exact;
    bool something = false;
    buf_clear(&w->out);
    for (bool first = true; dcm_value_next(n->vr, &rest, &value); first = false) {
        if (!first) {
            buf_put_byte(&w->out, '\\');
        }
        size_t start = w->out.len;
        if (value.len > 0) {
            clean(w, value, n);
        }
        struct slice left = slice_of(w->out.data + start, w->out.len - start);
        same = same && slice_eq(left, value);
        something = something || left.len > 0;
    }
    if (dcm_value_trim(n->vr, all).len == 0) {
        return exact || gate_walk_set(w, n, slice_of("", 0));
    }
    if (same) {
        return true;
    }
    gate_walk_note(w, gate_walk_kind(r, n->tag, n->vr),
                   something ? GATE_DONE_CLEANED : GATE_DONE_REMOVED, n->tag);
    return something ? put_back(w, n) : gate_walk_nothing_left(w, n, r);
}

// --- free text ---

static void clean_words(struct gate_walk *w, struct slice value, const struct dcm_node *n) {
    (void)n;
    (void)gate_words_clean(&w->c->words, value, &w->out);
}

bool gate_text_words(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    return clean_values(w, n, r, clean_words);
}

static bool subject_hits(const struct gate_walk *w, struct slice utf8, size_t from,
                         struct gate_hit *ret_hit) {
    return w->c->subject != NULL && gate_subject_find(w->c->subject, utf8, from, false, ret_hit);
}

bool gate_text_objects(struct gate_walk *w, struct slice utf8) {
    struct gate_hit hit;
    return subject_hits(w, utf8, 0, &hit) || gate_recognise(utf8, 0, &hit);
}

// --- designations ---

// Whether any hit lies over the bytes start to end.
static bool is_hit(const struct gate_walk *w, struct slice all, size_t start, size_t end,
                   bool (*find)(const struct gate_walk *w, struct slice utf8, size_t from,
                                struct gate_hit *ret_hit)) {
    struct gate_hit hit;
    size_t from = 0;
    while (from < end && find(w, all, from, &hit) && hit.end > from) {
        if (hit.start < end && hit.end > start) {
            return true;
        }
        from = hit.end;
    }
    return false;
}

static bool recogniser_hits(const struct gate_walk *w, struct slice utf8, size_t from,
                            struct gate_hit *ret_hit) {
    (void)w;
    return gate_recognise(utf8, from, ret_hit);
}

static bool known_run(struct slice run) {
    return run.len <= LETTER_RUN_MAX || gate_equipment_knows(run);
}

// Letters and few digits mixed, such as B30f, VA44A, R5.3.1, LX/i or *tse2d1: no name, no long
// number.
static bool has_form(struct slice token) {
    unsigned digits = 0;
    unsigned run = 0;
    size_t letters = 0;
    if (token.len > TOKEN_MAX) {
        return false;
    }
    for (size_t i = 0; i <= token.len; i++) {
        uint8_t c = i < token.len ? token.ptr[i] : ' ';
        if (!is_letter(c)) {
            if (letters > 0 && !known_run(slice_of(token.ptr + i - letters, letters))) {
                return false;
            }
            letters = 0;
        } else {
            letters++;
        }
        run = is_digit(c) ? run + 1 : 0;
        digits += is_digit(c);
        if (run > DIGIT_RUN_MAX || digits > DIGITS_MAX) {
            return false;
        }
        if (i < token.len && !is_digit(c) && !is_letter(c) && strchr("._+-*/()%", c) == NULL) {
            return false;
        }
    }
    return digits > 0;
}

static struct slice bare(struct slice token) { return slice_trim(token, ",;:()[]\"'*"); }

static bool is_known(struct slice token) {
    const struct gate_term *t = gate_term_find(token);
    return gate_equipment_knows(token) || (t != NULL && t->class == GATE_TERM_PLAIN);
}

// Parts of a token that something divides: all known, or of the form.
static bool parts_known(struct slice token) {
    size_t start = 0;
    for (size_t i = 0; i <= token.len; i++) {
        if (i < token.len && strchr("-_/+,.()", token.ptr[i]) == NULL) {
            continue;
        }
        struct slice part = slice_of(token.ptr + start, i - start);
        if (part.len > 0 && !is_known(part) && !has_form(part)) {
            return false;
        }
        start = i + 1;
    }
    return true;
}

// Hits of the subject that a maker's name may be: hospitals are called after makers, too.
static bool person_hits(const struct gate_walk *w, struct slice utf8, size_t from,
                        struct gate_hit *ret_hit) {
    while (subject_hits(w, utf8, from, ret_hit)) {
        bool place = ret_hit->kind == GATE_KIND_INSTITUTION || ret_hit->kind == GATE_KIND_DEVICE;
        if (!place && ret_hit->end - ret_hit->start > SHORT_HIT) {
            return true;
        }
        if (ret_hit->end <= from) {
            return false;
        }
        from = ret_hit->end;
    }
    return false;
}

bool gate_text_is_retainable(struct gate_walk *w, const struct dcm_node *n) {
    bool exact;
    struct gate_hit hit;
    struct slice rest = decoded(w, n, &exact);
    struct slice value;
    bool dates = n->vr == DCM_VR_DA || n->vr == DCM_VR_DT || n->vr == DCM_VR_TM;
    bool fits = exact;
    while (fits && dcm_value_next(n->vr, &rest, &value)) {
        struct err ignored = {0};
        fits = dcm_value_check(n->vr, value, &ignored) == E_OK &&
               (dates || n->vr == DCM_VR_UI || !person_hits(w, value, 0, &hit));
    }
    return fits;
}

static bool token_stays(struct gate_walk *w, struct slice all, struct slice token) {
    size_t start = (size_t)(token.ptr - all.ptr);
    size_t end = start + token.len;
    struct slice word = bare(token);
    if (word.len == 0) {
        return true; // punctuation
    }
    if (is_known(word)) {
        return !is_hit(w, all, start, end, person_hits);
    }
    if (is_hit(w, all, start, end, subject_hits)) {
        return false;
    }
    return (has_form(word) || parts_known(word) || gate_words_safe(&w->c->words, word)) &&
           !is_hit(w, all, start, end, recogniser_hits);
}

static bool has_word(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (is_letter(s.ptr[i]) || is_digit(s.ptr[i])) {
            return true;
        }
    }
    return false;
}

static void clean_tech(struct gate_walk *w, struct slice value, const struct dcm_node *n) {
    size_t start = w->out.len;
    size_t i = 0;
    (void)n;
    if (is_known(value) || gate_words_safe(&w->c->words, value)) {
        buf_put_slice(&w->out, value);
        return;
    }
    while (i < value.len) {
        size_t end = i;
        while (end < value.len && value.ptr[end] != ' ') {
            end++;
        }
        struct slice token = slice_of(value.ptr + i, end - i);
        if (token.len > 0 && token_stays(w, value, token)) {
            if (w->out.len > start) {
                buf_put_byte(&w->out, ' ');
            }
            buf_put_slice(&w->out, token);
        }
        i = end + 1;
    }
    if (!w->out.failed && !has_word(slice_of(w->out.data + start, w->out.len - start))) {
        w->out.len = start;
    }
}

bool gate_text_tech(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    return clean_values(w, n, r, clean_tech);
}

// --- labels ---

static bool is_short_number(struct slice value) {
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.ptr[i])) {
            return false;
        }
    }
    return value.len <= LABEL_DIGITS_MAX;
}

static bool label_stays(struct gate_walk *w, struct slice value) {
    if (is_short_number(value) || (value.len == 1 && is_letter(value.ptr[0]))) {
        return true;
    }
    if (gate_words_safe(&w->c->words, value)) {
        return true;
    }
    return (is_known(value) || has_form(value)) && !gate_text_objects(w, value);
}

// What refers to the label gets the same one.
static void clean_label(struct gate_walk *w, struct slice value, const struct dcm_node *n) {
    char made[GATE_PSEUDONYM_MAX];
    if (label_stays(w, value)) {
        buf_put_slice(&w->out, value);
        return;
    }
    (void)gate_keyed_pseudonym(&w->keyed, "label", "LBL", value, made);
    for (const char *c = made; *c != '\0'; c++) {
        if (n->vr != DCM_VR_CS || *c != '-') { // no character of CS
            buf_put_byte(&w->out, (uint8_t)*c);
        }
    }
}

bool gate_text_label(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    return clean_values(w, n, r, clean_label);
}

// --- code strings ---

static bool names_body_part(dcm_tag tag) {
    return tag == DCM_BodyPartExamined || tag == DCM_OrganExposed;
}

// Makers fill the values behind the second with short terms of their own.
static bool is_kind_of_image(dcm_tag tag, struct slice value) {
    return (tag == DCM_ImageType || tag == DCM_FrameType) && value.len <= LETTER_RUN_MAX;
}

// Whether a known term may stand here.
static bool term_stays(struct gate_walk *w, const struct gate_term *t, dcm_tag tag) {
    struct gate_hit hit;
    if (t->class == GATE_TERM_PLAIN || (t->class == GATE_TERM_BODY && names_body_part(tag))) {
        return true;
    }
    return !subject_hits(w, slice_str(t->text), 0, &hit);
}

// "CT_SOM5 PROT": terms or short numbers side by side.
static bool words_are_terms(struct slice value) {
    size_t start = 0;
    for (size_t i = 0; i <= value.len; i++) {
        if (i < value.len && value.ptr[i] != ' ' && value.ptr[i] != '_') {
            continue;
        }
        struct slice part = slice_of(value.ptr + start, i - start);
        const struct gate_term *t = gate_term_find(part);
        bool known = part.len == 0 || (t != NULL && t->class == GATE_TERM_PLAIN) ||
                     is_short_number(part) || (has_form(part) && part.len <= 6);
        if (!known) {
            return false;
        }
        start = i + 1;
    }
    return true;
}

// The term as vocabulary: capitals and underscores are how code strings write words.
static bool is_vocabulary(struct gate_walk *w, struct slice value) {
    uint8_t text[TERM_WORDS];
    if (value.len > sizeof text) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        text[i] = value.ptr[i] == '_' ? ' ' : value.ptr[i];
    }
    return gate_words_safe(&w->c->words, slice_of(text, value.len));
}

static bool is_code_string(struct slice value) {
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        if (!is_digit(c) && !(c >= 'A' && c <= 'Z') && c != ' ' && c != '_') {
            return false;
        }
    }
    return value.len <= CS_MAX;
}

static void clean_term(struct gate_walk *w, struct slice value, const struct dcm_node *n) {
    uint8_t upper[TERM_MAX];
    if (value.len > sizeof upper) {
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        upper[i] = c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
    }
    struct slice term = slice_of(upper, value.len);
    const struct gate_term *t = gate_term_find(term);
    bool stays = t != NULL ? term_stays(w, t, n->tag)
                           : is_code_string(term) &&
                                 (words_are_terms(term) || is_kind_of_image(n->tag, term) ||
                                  is_vocabulary(w, value)) &&
                                 !gate_text_objects(w, value);
    if (stays) {
        buf_put_slice(&w->out, value); // small letters too: a reader that minds has minded before
    } else if (dcm_value_count(n) > 1) {
        buf_put_str(&w->out, "OTHER"); // the values behind it keep their numbers
    }
}

bool gate_text_term(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    return clean_values(w, n, r, clean_term);
}
