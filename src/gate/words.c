// SPDX-License-Identifier: Apache-2.0
// Cleaning is repeated until nothing more goes, because what stood beside a dropped word is judged
// anew without it: what comes out would come out of itself.
#include "gate/words.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "gate/words_judge.h"

#define ROUNDS_MAX 6 // more: nothing stays

// Marks that may stay between two kept words, and where one side is gone.
static const char marks_inside[] = " !\"#%&'()*+,-./:;<=>?@[\\]_|~^";
static const char marks_before[] = "?+(<>~#[";
static const char marks_behind[] = ")%?+!].";

static bool is_mark(const char *set, uint8_t c) { return c != 0 && strchr(set, c) != NULL; }

// Signs beyond ASCII that are no letters and may stay: ° ± µ × – — ’ … ² ³ ½ ≤ ≥ and the like.
static bool sign_stays(uint32_t c) {
    return (c >= 0xA7 && c <= 0xBF && c != 0xA9 && c != 0xAE) || c == 0xD7 || c == 0xF7 ||
           (c >= 0x2010 && c <= 0x2026) || (c >= 0x2260 && c <= 0x2265) || c == 0x2103 ||
           c == 0x2109;
}

// Text between two kept words, spaces made single.
static void put_between(struct buf *out, struct slice gap) {
    bool space = false;
    while (gap.len > 0) {
        uint32_t c;
        size_t taken = utf8_decode(gap, &c);
        bool stays =
            taken > 0 && (c < 0x80 ? c > ' ' && is_mark(marks_inside, (uint8_t)c) : sign_stays(c));
        if (stays) {
            if (space) {
                buf_put_byte(out, ' ');
            }
            buf_put(out, gap.ptr, taken);
        }
        space = !stays;
        gap = slice_from(gap, taken > 0 ? taken : 1);
    }
    if (space) {
        buf_put_byte(out, ' ');
    }
}

// Marks that touch the word from the outside, where its neighbour is gone.
static struct slice touching_before(struct slice gap) {
    size_t n = 0;
    while (n < gap.len && is_mark(marks_before, gap.ptr[gap.len - 1 - n])) {
        n++;
    }
    return slice_from(gap, gap.len - n);
}

static struct slice touching_behind(struct slice gap) {
    size_t n = 0;
    while (n < gap.len && is_mark(marks_behind, gap.ptr[n])) {
        n++;
    }
    return slice_first(gap, n);
}

static struct slice between(const struct gate_text *t, size_t start, size_t end) {
    return slice_of(t->utf8.ptr + start, end - start);
}

static void put_words(const struct gate_judged *j, struct buf *out) {
    const struct gate_text *t = &j->text;
    uint32_t last = UINT32_MAX; // kept
    for (uint32_t i = 0; i < t->count; i++) {
        if (j->state[i] != GATE_WORD_KEPT) {
            continue;
        }
        const struct gate_token *k = &t->tokens[i];
        size_t gap_start = i > 0 ? t->tokens[i - 1].end : 0;
        struct slice gap = between(t, gap_start, k->start);
        if (last != UINT32_MAX && last + 1 == i) {
            put_between(out, gap);
        } else {
            if (last != UINT32_MAX) {
                const struct gate_token *b = &t->tokens[last];
                buf_put_slice(out, touching_behind(between(t, b->end, t->tokens[last + 1].start)));
                buf_put_byte(out, ' ');
            }
            buf_put_slice(out, touching_before(gap));
        }
        buf_put(out, t->utf8.ptr + k->start, k->end - k->start);
        last = i;
    }
    if (last != UINT32_MAX) {
        size_t end = last + 1 < t->count ? t->tokens[last + 1].start : t->utf8.len;
        buf_put_slice(out, touching_behind(between(t, t->tokens[last].end, end)));
    }
}

// Takes brackets out that lost their other half.
static void balance(struct buf *out, size_t from) {
    static const char open[] = "([{", close[] = ")]}";
    for (int kind = 0; kind < 3; kind++) {
        size_t depth = 0, n = from;
        for (size_t i = from; i < out->len; i++) { // closing ones without an opening one
            bool lost = out->data[i] == (uint8_t)close[kind] && depth == 0;
            depth += out->data[i] == (uint8_t)open[kind];
            depth -= out->data[i] == (uint8_t)close[kind] && !lost;
            out->data[n] = out->data[i];
            n += !lost;
        }
        out->len = n;
        for (size_t i = out->len; i > from && depth > 0; i--) { // the last opening ones
            if (out->data[i - 1] == (uint8_t)open[kind]) {
                memmove(out->data + i - 1, out->data + i, out->len - i);
                out->len--;
                depth--;
            }
        }
    }
}

static void count(const struct gate_judged *j, struct gate_cleaned *sums) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < j->text.count; i++) {
        uint8_t state = j->state[i];
        kept += state == GATE_WORD_KEPT;
        if (state != GATE_WORD_KEPT) {
            sums->kinds |= 1u << (state - GATE_WORD_DROPPED);
        }
    }
    sums->dropped += j->text.count - kept;
    sums->kept = kept;
}

// One round; false when memory is short.
static bool clean_once(const struct gate_words *w, struct slice utf8, struct buf *out,
                       struct gate_cleaned *sums) {
    struct gate_judged j;
    if (!gate_words_judge(w, utf8, &j)) {
        return false;
    }
    count(&j, sums);
    put_words(&j, out);
    if (sums->kept < j.text.count) {
        balance(out, 0);
    }
    gate_judged_done(&j);
    return !out->failed;
}

// Most values are clean as they come: they cost one round.
struct gate_cleaned gate_words_clean(const struct gate_words *w, struct slice utf8,
                                     struct buf *out) {
    struct gate_cleaned sums = {0};
    struct buf a CLEANUP(cleanup_buf);
    struct buf b CLEANUP(cleanup_buf);
    buf_init(&a, 2 * utf8.len + 64);
    buf_init(&b, 2 * utf8.len + 64);
    struct buf *from = &a, *to = &b;
    bool ok = clean_once(w, utf8, to, &sums);
    bool settled = ok && slice_eq(buf_slice(to), utf8);
    for (int round = 1; ok && !settled && round < ROUNDS_MAX; round++) {
        struct buf *swap = from;
        from = to;
        to = swap;
        buf_clear(to);
        ok = clean_once(w, buf_slice(from), to, &sums);
        settled = ok && slice_eq(buf_slice(to), buf_slice(from));
    }
    if (!settled) {
        sums.dropped += sums.kept;
        sums.kinds |= sums.kept > 0 || !ok ? 1u << GATE_KIND_FREE_TEXT : 0;
        sums.kept = 0;
        return sums;
    }
    buf_put_slice(out, buf_slice(to));
    return sums;
}

bool gate_words_safe(const struct gate_words *w, struct slice utf8) {
    struct buf out CLEANUP(cleanup_buf);
    buf_init(&out, 2 * utf8.len + 64);
    struct gate_cleaned sums = gate_words_clean(w, utf8, &out);
    return sums.dropped == 0 && slice_eq(buf_slice(&out), utf8);
}
