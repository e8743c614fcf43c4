// SPDX-License-Identifier: Apache-2.0
#include "policy/audit_repeat.h"

static void add_text(struct hash_stream *h, struct slice text) {
    uint64_t len = text.len;
    hash_stream_add(h, &len, sizeof len); // so that no two lists of texts read the same
    hash_stream_add(h, text.ptr, text.len);
}

static struct slice text_of(const char *text) { return slice_str(text != NULL ? text : ""); }

struct hash audit_repeat_key(struct hash_stream *hashing, const struct policy_request *r) {
    struct slice what = text_of(r->what);
    uint32_t action = (uint32_t)r->action;
    hash_stream_add(hashing, &action, sizeof action);
    add_text(hashing, text_of(r->who.name));
    add_text(hashing, text_of(r->who.address));
    add_text(hashing, text_of(r->who.claimed));
    add_text(hashing, slice_first(what, slice_find(what, '/')));
    add_text(hashing, text_of(r->where));
    add_text(hashing, text_of(r->why));
    return hash_stream_end(hashing);
}

bool audit_repeat_count(struct audit_repeat *table, const struct hash *key, usec window, usec now) {
    struct audit_repeat *r = audit_repeat_slot(table, key);
    if (r->seq == 0 || !hash_eq(&r->key, key) || now < r->since || now - r->since >= window) {
        return false;
    }
    r->times++;
    return true;
}
