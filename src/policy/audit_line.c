// SPDX-License-Identifier: Apache-2.0
#include "policy/audit_line.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"

#define WITHHELD "(withheld)"
#define WHAT_MAX 256
#define WHERE_MAX 200
#define NAME_MAX_LEN 64
#define LONG_NUMBER 6 // digits alone; an identifier of a person, not a UID

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const char hash_member[] = ",\"hash\":\"";
#define LINE_TAIL (sizeof hash_member - 1 + HASH_HEX_LEN + 2) // ,"hash":"…"}

// --- texts that may be in a line

// A run of only digits, too long for a number of ours, between separators.
static bool has_long_number(struct slice text) {
    size_t run = 0;
    bool only_digits = true;
    for (size_t i = 0; i <= text.len; i++) {
        uint8_t c = i < text.len ? text.ptr[i] : '/';
        if (strchr("/,: ", c) != NULL) {
            if (only_digits && run >= LONG_NUMBER) {
                return true;
            }
            run = 0;
            only_digits = true;
        } else {
            only_digits = only_digits && c >= '0' && c <= '9';
            run++;
        }
    }
    return false;
}

static bool fit(struct slice text, const char *allowed, size_t len_max) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == 0 || strchr(allowed, text.ptr[i]) == NULL) {
            return false;
        }
    }
    return text.len <= len_max && !has_long_number(text);
}

static void member(struct json *j, const char *name, const char *text, const char *allowed,
                   size_t len_max) {
    if (text == NULL) {
        json_member_str(j, name, NULL);
        return;
    }
    struct slice s = slice_str(text);
    s = slice_first(s, slice_find(s, '?'));
    json_member_slice(j, name, fit(s, allowed, len_max) ? s : slice_str(WITHHELD));
}

// --- making

static void begin(struct json *j, struct buf *out, const struct audit_place *at) {
    char hex[HASH_HEX_LEN + 1], time[CLOCK_TEXT_LEN + 1];
    json_init(j, out);
    json_begin_object(j);
    json_name(j, "seq");
    json_u64(j, at->seq);
    json_member_str(j, "prev", hash_hex(&at->prev, hex));
    json_member_str(j, "time", clock_text(at->time, time));
    json_member_str(j, "policy", POLICY_VERSION);
}

// Hashes what stands since `start` and closes the line with the result.
static struct hash end(struct buf *out, size_t start, struct hash_stream *hashing) {
    struct hash h = {{0}};
    if (out->failed) {
        return h;
    }
    hash_stream_add(hashing, out->data + start, out->len - start);
    h = hash_stream_end(hashing);
    char hex[HASH_HEX_LEN + 1];
    buf_put_str(out, hash_member);
    buf_put_str(out, hash_hex(&h, hex));
    buf_put_str(out, "\"}\n");
    return h;
}

struct hash audit_line_decision(struct buf *out, struct hash_stream *hashing,
                                const struct audit_place *at, const struct policy_request *r,
                                const struct policy_decision *d) {
    size_t start = out->len;
    struct json j;
    begin(&j, out, at);
    member(&j, "who", r->who.name, LOWER UPPER DIGITS " ._@-", NAME_MAX_LEN);
    json_member_str(&j, "origin", policy_origin_text(r->who.origin));
    member(&j, "address", r->who.address, LOWER UPPER DIGITS ".:%", NAME_MAX_LEN);
    if (r->who.claimed != NULL) {
        member(&j, "claimed", r->who.claimed, LOWER UPPER DIGITS " ._@-", NAME_MAX_LEN);
    }
    json_member_str(&j, "action", policy_action_text(r->action));
    member(&j, "what", r->what, LOWER DIGITS "./,_:*-", WHAT_MAX);
    member(&j, "where", r->where, LOWER UPPER DIGITS " ./_:*{}-", WHERE_MAX);
    member(&j, "why", r->why, LOWER " -", NAME_MAX_LEN);
    json_member_bool(&j, "allowed", d->allowed);
    json_member_str(&j, "clause", d->clause);
    return end(out, start, hashing);
}

struct hash audit_line_continued(struct buf *out, struct hash_stream *hashing,
                                 const struct audit_place *at, const char *next) {
    size_t start = out->len;
    struct json j;
    begin(&j, out, at);
    json_member_str(&j, "note", "continued");
    json_member_str(&j, "next", next);
    return end(out, start, hashing);
}

struct hash audit_line_repeated(struct buf *out, struct hash_stream *hashing,
                                const struct audit_place *at, uint64_t of, uint64_t times) {
    size_t start = out->len;
    struct json j;
    begin(&j, out, at);
    json_member_str(&j, "note", "repeated");
    json_name(&j, "of");
    json_u64(&j, of);
    json_name(&j, "times");
    json_u64(&j, times);
    return end(out, start, hashing);
}

static void put_torn(struct buf *out, struct slice torn) {
    char hex[HASH_HEX_LEN + 1];
    struct hash h = hash_of(torn);
    buf_printf(out, ",\"note\":\"sealed\",\"torn_bytes\":%zu,\"torn_hash\":\"%s\"", torn.len,
               hash_hex(&h, hex));
}

struct hash audit_line_sealed(struct buf *out, struct hash_stream *hashing,
                              const struct audit_place *at, struct slice torn) {
    size_t start = out->len;
    struct json j;
    begin(&j, out, at);
    put_torn(out, torn);
    return end(out, start, hashing);
}

// --- recognising

static bool cut(struct slice *rest, const char *literal) {
    if (!slice_starts(*rest, slice_str(literal))) {
        return false;
    }
    *rest = slice_from(*rest, strlen(literal));
    return true;
}

static bool cut_hash(struct slice *rest, struct hash *ret_hash) {
    if (!hash_parse(slice_first(*rest, HASH_HEX_LEN), ret_hash)) {
        return false;
    }
    *rest = slice_from(*rest, HASH_HEX_LEN);
    return true;
}

static bool cut_number(struct slice *rest, uint64_t *ret_value) {
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] >= '0' && rest->ptr[n] <= '9') {
        n++;
    }
    if (!num_parse_u64(slice_first(*rest, n), UINT64_MAX, ret_value)) {
        return false;
    }
    *rest = slice_from(*rest, n);
    return true;
}

static bool contains(struct slice line, const char *text) {
    return line.len > 0 && memmem(line.ptr, line.len, text, strlen(text)) != NULL;
}

bool audit_line_parse(struct slice line, struct audit_line *ret_line) {
    struct audit_line found = {0};
    if (line.len > AUDIT_LINE_MAX || line.len < LINE_TAIL) {
        return false;
    }
    struct slice body = slice_first(line, line.len - LINE_TAIL);
    struct slice tail = slice_from(line, body.len);
    struct slice head = body;
    if (!cut(&tail, hash_member) || !cut_hash(&tail, &found.hash) || !slice_eq_str(tail, "\"}") ||
        !cut(&head, "{\"seq\":") || !cut_number(&head, &found.seq) || !cut(&head, ",\"prev\":\"") ||
        !cut_hash(&head, &found.prev) || !cut(&head, "\",\"time\":\"")) {
        return false;
    }
    struct hash actual = hash_of(body);
    if (!hash_eq(&actual, &found.hash)) {
        return false;
    }
    // Quotes inside a text are escaped, so this cannot be a part of one.
    found.continued = contains(body, ",\"note\":\"continued\"");
    *ret_line = found;
    return true;
}

bool audit_line_seals(struct slice line, struct slice torn) {
    uint8_t space[256];
    struct buf expected = {.data = space, .cap = sizeof space, .max = sizeof space};
    put_torn(&expected, torn);
    buf_put_byte(&expected, 0);
    return !expected.failed && contains(line, (const char *)space);
}
