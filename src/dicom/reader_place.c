// SPDX-License-Identifier: Apache-2.0
// Where the event reader stands and why it ended: tag paths, and the sentences of its errors.
#include "dicom/reader_priv.h"

#include <stdio.h>

#include "base/err.h"

const char *dcm_oddity_words(enum dcm_oddity which) {
    static const char *const words[DCM_ODDITY_COUNT] = {
#define X(name, text) [DCM_ODDITY_BIT_##name] = text,
        DCM_ODDITY_LIST(X)
#undef X
    };
    return (unsigned)which < DCM_ODDITY_COUNT ? words[which] : "an oddity not in the list";
}

#define PATH_STEPS_SHOWN 3 // at each end of a path that is too long

static size_t add_step(char *out, size_t used, const struct dcm_reader_level *sequence,
                       bool in_item) {
    char tag[DCM_TAG_TEXT_LEN + 1];
    (void)dcm_tag_text(sequence->tag, tag);
    int len = in_item ? snprintf(out + used, DCM_PATH_MAX - used, "%s[%u].", tag, sequence->index)
                      : snprintf(out + used, DCM_PATH_MAX - used, "%s.", tag);
    size_t room = DCM_PATH_MAX - 1 - used;
    return used + (len < 0 ? 0 : (size_t)len < room ? (size_t)len : room);
}

char *dcm_reader_path(const struct dcm_reader *r, dcm_tag tag, char out[DCM_PATH_MAX]) {
    size_t used = 0;
    unsigned steps = (r->depth + 1u) / 2;
    for (unsigned i = 0; i < steps; i++) {
        unsigned level = 2 * i + 1;
        if (steps > 2 * PATH_STEPS_SHOWN && i == PATH_STEPS_SHOWN) {
            used += (size_t)snprintf(out + used, DCM_PATH_MAX - used, "..");
            i = steps - PATH_STEPS_SHOWN;
            level = 2 * i + 1;
        }
        bool counted = level < r->depth || r->levels[level].kind == DCM_LEVEL_FRAGMENTS;
        used = add_step(out, used, &r->levels[level], counted);
    }
    char last[DCM_TAG_TEXT_LEN + 1];
    (void)snprintf(out + used, DCM_PATH_MAX - used, "%s", dcm_tag_text(tag, last));
    return out;
}

// Finishes an error that the caller has set: its place, and that it stays.
int dcm_reader_refuse(struct dcm_reader *r, dcm_tag tag, uint64_t at, struct err *e) {
    char path[DCM_PATH_MAX];
    r->state = e->code;
    (void)err_at(e, r->base + at);
    return err_in(e, dcm_reader_path(r, tag, path));
}

int dcm_reader_too_short(struct dcm_reader *r, dcm_tag tag, uint64_t at, const char *what,
                         uint64_t declared, uint64_t available, struct err *e) {
    char text[DCM_TAG_TEXT_LEN + 1];
    bool input_ends = r->at + available >= r->input.len;
    (void)err_set(e, input_ends ? E_TRUNCATED : E_SYNTAX,
                  "%s %s declares %llu bytes, %llu are left%s", what, dcm_tag_text(tag, text),
                  (unsigned long long)declared, (unsigned long long)available,
                  input_ends ? "" : " in the item or sequence around it");
    return dcm_reader_refuse(r, tag, at, e);
}

// Fewer bytes than a header has; `after` is what stands before them.
int dcm_reader_cut_header(struct dcm_reader *r, dcm_tag after, uint64_t available, struct err *e) {
    char text[DCM_TAG_TEXT_LEN + 1];
    bool input_ends = r->levels[r->depth].end >= r->input.len;
    (void)err_set(e, input_ends ? E_TRUNCATED : E_SYNTAX,
                  "%llu bytes are left behind %s where more of a header should be",
                  (unsigned long long)available, dcm_tag_text(after, text));
    return dcm_reader_refuse(r, after, r->at, e);
}

int dcm_reader_not_expected(struct dcm_reader *r, dcm_tag tag, const char *where, struct err *e) {
    char text[DCM_TAG_TEXT_LEN + 1];
    (void)err_set(e, E_SYNTAX, "%s %s", dcm_tag_text(tag, text), where);
    return dcm_reader_refuse(r, tag, r->at, e);
}

int dcm_reader_no_delimiter(struct dcm_reader *r, const char *what, struct err *e) {
    const struct dcm_reader_level *level = &r->levels[r->depth];
    char text[DCM_TAG_TEXT_LEN + 1];
    bool input_ends = level->end >= r->input.len;
    (void)err_set(e, input_ends ? E_TRUNCATED : E_SYNTAX, "%s %s of undefined length has no end",
                  what, dcm_tag_text(level->tag, text));
    dcm_tag tag = level->tag;
    uint64_t at = r->at;
    r->depth--;
    return dcm_reader_refuse(r, tag, at, e);
}
