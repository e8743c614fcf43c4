// SPDX-License-Identifier: Apache-2.0
// A compiled profile as bytes: a block of plain old data with its lists behind it. Both ends are
// this program on this machine; lengths are checked all the same.
#include "gate/profile_pack.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "gate/profile_table.h"

#define MAGIC 0x50544147u // "GATP"
#define ALIGNMENT 8

// Lists lie behind it in this order, each at a multiple of ALIGNMENT.
struct packed {
    uint32_t magic;
    uint32_t edit_count;
    uint32_t private_count;
    uint32_t phrase_count;
    uint64_t phrase_bytes;
    struct gate_profile profile; // its pointers are nothing here
};

struct packed_phrase {
    uint32_t start, len;
};

static void align(struct buf *out, size_t start) {
    static const uint8_t zeros[ALIGNMENT] = {0};
    buf_put(out, zeros, (ALIGNMENT - (out->len - start) % ALIGNMENT) % ALIGNMENT);
}

int gate_profile_pack(const struct gate_profile *p, struct buf *out, struct err *e) {
    size_t start = out->len;
    struct packed head = {.magic = MAGIC, .phrase_count = p->phrase_count, .profile = *p};
    head.edit_count = p->table == NULL ? 0 : p->table->edit_count;
    head.private_count = p->table == NULL ? 0 : p->table->private_count;
    head.profile.phrases = NULL;
    head.profile.table = NULL;
    for (uint32_t i = 0; i < p->phrase_count; i++) {
        head.phrase_bytes += p->phrases[i].len;
    }
    buf_put(out, &head, sizeof head);
    align(out, start);
    if (p->table != NULL) {
        buf_put(out, p->table->edits, head.edit_count * sizeof *p->table->edits);
        align(out, start);
        buf_put(out, p->table->privates, head.private_count * sizeof *p->table->privates);
        align(out, start);
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < p->phrase_count; i++) {
        struct packed_phrase phrase = {at, (uint32_t)p->phrases[i].len};
        buf_put(out, &phrase, sizeof phrase);
        at += phrase.len;
    }
    for (uint32_t i = 0; i < p->phrase_count; i++) {
        buf_put_slice(out, p->phrases[i]);
    }
    return buf_check(out, "a profile", e);
}

// Takes `len` bytes off the front, and what fills up to the alignment; NULL when there are fewer.
static const void *take(struct slice *rest, uint64_t len) {
    const void *at = rest->ptr;
    if (len > rest->len) {
        return NULL;
    }
    *rest = slice_from(*rest, (size_t)((len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT));
    return at;
}

static bool unpack_phrases(struct arena *a, const struct packed *head, struct slice rest,
                           struct gate_profile *p) {
    uint64_t table_bytes = (uint64_t)head->phrase_count * sizeof(struct packed_phrase);
    if (head->phrase_count > GATE_PROFILE_PHRASES_MAX ||
        table_bytes + head->phrase_bytes > rest.len) {
        return false;
    }
    struct slice *phrases = arena_array(a, head->phrase_count + 1u, sizeof *phrases);
    for (uint32_t i = 0; i < head->phrase_count && phrases != NULL; i++) {
        struct packed_phrase phrase;
        memcpy(&phrase, rest.ptr + i * sizeof phrase, sizeof phrase);
        if ((uint64_t)phrase.start + phrase.len > head->phrase_bytes) {
            return false;
        }
        phrases[i] = slice_of(rest.ptr + table_bytes + phrase.start, phrase.len);
    }
    p->phrases = phrases;
    p->phrase_count = head->phrase_count;
    return phrases != NULL;
}

int gate_profile_unpack(struct arena *a, struct slice bytes, struct gate_profile **ret_profile,
                        struct err *e) {
    const struct packed *head = take(&bytes, sizeof *head);
    struct gate_profile *p = arena_new(a, struct gate_profile);
    struct gate_profile_table *t = arena_new(a, struct gate_profile_table);
    if (p == NULL || t == NULL) {
        return err_set(e, E_MEMORY, "no memory for the profile");
    }
    if (head == NULL || head->magic != MAGIC || head->edit_count > GATE_PROFILE_EDITS_MAX ||
        head->private_count > GATE_PROFILE_PRIVATES_MAX) {
        return err_set(e, E_CORRUPT, "these bytes are no profile");
    }
    *p = head->profile;
    t->edits = take(&bytes, head->edit_count * sizeof *t->edits);
    t->privates = take(&bytes, head->private_count * sizeof *t->privates);
    if (t->edits == NULL || t->privates == NULL || !unpack_phrases(a, head, bytes, p)) {
        return err_set(e, E_CORRUPT, "these bytes are no profile");
    }
    t->edit_count = head->edit_count;
    t->private_count = head->private_count;
    p->table = t;
    *ret_profile = p;
    return E_OK;
}
