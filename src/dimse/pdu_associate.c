// SPDX-License-Identifier: Apache-2.0
// Reading A-ASSOCIATE-RQ and -AC (PS3.8 9.3.2, 9.3.3, D; PS3.7 D.3.3).
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"
#include "dimse/pdu.h"
#include "dimse/pdu_items.h"

// A part of the PDU that remembers where it lies.
struct part {
    struct slice bytes;
    size_t at;
};

struct item {
    uint8_t type;
    struct part value;
};

struct reading {
    struct arena *arena;
    enum pdu_type type;
    struct pdu_associate *out;
    struct dimse_context *contexts;
    struct pdu_role *roles;
    struct pdu_extended *extended;
    struct pdu_common *common;
    bool user_information;
    struct err *e;
};

static int fail(struct reading *r, int code, size_t at, const char *what) {
    err_set(r->e, code, "%s", what);
    return err_at(r->e, at);
}

// The first `len` bytes of *p go to *ret_part.
static int cut(struct reading *r, struct part *p, size_t len, const char *what,
               struct part *ret_part) {
    if (p->bytes.len < len) {
        err_set(r->e, E_TRUNCATED, "%s ends too early", what);
        return err_at(r->e, p->at + p->bytes.len);
    }
    *ret_part = (struct part){slice_first(p->bytes, len), p->at};
    *p = (struct part){slice_from(p->bytes, len), p->at + len};
    return E_OK;
}

// Item type, a reserved byte, a length of two bytes, the value.
static int next_item(struct reading *r, struct part *p, struct item *ret_item) {
    struct part head = {0};
    int rc = cut(r, p, 4, "item", &head);
    if (rc != E_OK) {
        return rc;
    }
    ret_item->type = head.bytes.ptr[0];
    size_t len = num_be16(head.bytes.ptr + 2);
    if (len > p->bytes.len) {
        err_set(r->e, E_TRUNCATED, "item %02XH of %zu bytes in %zu", ret_item->type, len,
                p->bytes.len);
        return err_at(r->e, head.at + 2);
    }
    return cut(r, p, len, "item", &ret_item->value);
}

// A length of two bytes and so many more.
static int cut_counted(struct reading *r, struct part *p, const char *what, struct part *ret_part) {
    struct part len = {0};
    int rc = cut(r, p, 2, what, &len);
    return rc == E_OK ? cut(r, p, num_be16(len.bytes.ptr), what, ret_part) : rc;
}

// Some peers pad UIDs to an even length, which PS3.8 Annex F does not ask for.
static struct slice uid_of(struct part p) {
    struct slice s = p.bytes;
    while (s.len > 0 && (s.ptr[s.len - 1] == '\0' || s.ptr[s.len - 1] == ' ')) {
        s.len--;
    }
    return s;
}

static void copy_uid(struct slice uid, char out[DCM_UID_MAX + 1]) {
    if (uid.len > 0) {
        memcpy(out, uid.ptr, uid.len);
    }
    out[uid.len] = '\0';
}

static int take_uid(struct reading *r, struct part p, const char *what, char out[DCM_UID_MAX + 1]) {
    struct slice uid = uid_of(p);
    if (!dcm_uid_usable(uid)) {
        err_set(r->e, E_VALUE, "%s is not a UID", what);
        return err_at(r->e, p.at);
    }
    copy_uid(uid, out);
    return E_OK;
}

static void *list(struct reading *r, void *present, size_t size) {
    return present != NULL ? present : arena_array(r->arena, PDU_LISTS_MAX, size);
}

static int out_of_memory(struct reading *r) {
    return err_set(r->e, E_MEMORY, "association proposal");
}

// --- presentation contexts

static int take_syntax(struct reading *r, struct dimse_context *c, const char **syntaxes,
                       struct part value) {
    struct slice uid = uid_of(value);
    if (r->type == PDU_ASSOCIATE_AC) {
        if (c->result != DIMSE_ACCEPTED || c->syntax[0] != '\0') {
            return E_OK; // not significant of a refused context (PS3.8 9.3.3.2)
        }
        return take_uid(r, value, "transfer syntax", c->syntax);
    }
    if (!dcm_uid_usable(uid)) {
        return fail(r, E_VALUE, value.at, "transfer syntax is not a UID");
    }
    if (c->proposed_count == DIMSE_SYNTAXES_MAX) {
        return E_OK;
    }
    char *copy = arena_str(r->arena, uid);
    if (copy == NULL) {
        return out_of_memory(r);
    }
    syntaxes[c->proposed_count++] = copy;
    return E_OK;
}

static int take_context_items(struct reading *r, struct part p, struct dimse_context *c) {
    const char *syntaxes[DIMSE_SYNTAXES_MAX];
    while (p.bytes.len > 0) {
        struct item item;
        int rc = next_item(r, &p, &item);
        if (rc == E_OK && item.type == ITEM_TRANSFER_SYNTAX) {
            rc = take_syntax(r, c, syntaxes, item.value);
        } else if (rc == E_OK && item.type == ITEM_ABSTRACT_SYNTAX) {
            if (r->type == PDU_ASSOCIATE_AC || c->abstract_syntax[0] != '\0') {
                return fail(r, E_MISMATCH, item.value.at - 4, "abstract syntax not expected here");
            }
            rc = take_uid(r, item.value, "abstract syntax", c->abstract_syntax);
        }
        if (rc != E_OK) {
            return rc;
        }
    }
    if (c->proposed_count > 0) {
        const char **kept = arena_array(r->arena, c->proposed_count, sizeof *kept);
        if (kept == NULL) {
            return out_of_memory(r);
        }
        memcpy(kept, syntaxes, c->proposed_count * sizeof *kept);
        c->proposed = kept;
    }
    return E_OK;
}

// An even identifier is no error of the whole association: its context is refused when it is
// answered. The same identifier twice could not be answered at all.
static int take_context(struct reading *r, struct part p) {
    struct dimse_proposal *out = &r->out->p;
    struct part head = {0};
    int rc = cut(r, &p, 4, "presentation context", &head);
    if (rc != E_OK) {
        return rc;
    }
    uint8_t id = head.bytes.ptr[0];
    for (size_t i = 0; i < out->context_count; i++) {
        if (r->contexts[i].id == id) {
            return fail(r, E_VALUE, head.at, "presentation context identifier used twice");
        }
    }
    if (out->context_count == DIMSE_CONTEXTS_MAX) {
        return fail(r, E_LIMIT, head.at, "over 128 presentation contexts");
    }
    struct dimse_context *c = &r->contexts[out->context_count];
    *c = (struct dimse_context){.id = id, .scu_role = true};
    if (r->type == PDU_ASSOCIATE_AC) {
        c->result = head.bytes.ptr[2];
        if (c->result > DIMSE_TRANSFER_NOT_SUPPORTED) {
            return fail(r, E_VALUE, head.at + 2, "presentation context with an unknown result");
        }
    }
    rc = take_context_items(r, p, c);
    if (rc != E_OK) {
        return rc;
    }
    if (r->type == PDU_ASSOCIATE_RQ && c->abstract_syntax[0] == '\0') {
        return fail(r, E_SYNTAX, head.at, "presentation context without an abstract syntax");
    }
    if (r->type == PDU_ASSOCIATE_AC && c->result == DIMSE_ACCEPTED && c->syntax[0] == '\0') {
        return fail(r, E_SYNTAX, head.at, "accepted context without a transfer syntax");
    }
    out->context_count++;
    return E_OK;
}

// --- user information

static int exact(struct reading *r, struct part p, size_t len, const char *what) {
    if (p.bytes.len == len) {
        return E_OK;
    }
    err_set(r->e, E_SYNTAX, "%s of %zu bytes, not %zu", what, p.bytes.len, len);
    return err_at(r->e, p.at - 2);
}

static int take_maximum(struct reading *r, struct part p) {
    int rc = exact(r, p, 4, "maximum length");
    if (rc == E_OK) {
        r->out->p.max_pdu = num_be32(p.bytes.ptr);
    }
    return rc == E_OK && r->out->p.max_pdu != 0 && r->out->p.max_pdu < PDU_PEER_MIN
               ? fail(r, E_VALUE, p.at, "maximum length too small to send anything")
               : rc;
}

// Who made the peer is for the log only: nonsense in it is no reason to refuse.
static int take_class(struct reading *r, struct part p) {
    if (dcm_uid_usable(uid_of(p))) {
        copy_uid(uid_of(p), r->out->p.implementation_class);
    }
    return E_OK;
}

static void copy_text(struct slice text, char out[DIMSE_AET_MAX + 1]) {
    size_t len = 0;
    for (; len < text.len && len < DIMSE_AET_MAX; len++) {
        out[len] = (char)(text.ptr[len] < ' ' || text.ptr[len] >= 0x7F ? '?' : text.ptr[len]);
    }
    out[len] = '\0';
}

static int take_version(struct reading *r, struct part p) {
    copy_text(slice_trim(uid_of(p), " "), r->out->p.implementation_version);
    return E_OK;
}

static int take_window(struct reading *r, struct part p) {
    int rc = exact(r, p, 4, "asynchronous operations window");
    if (rc == E_OK) {
        r->out->has_window = true;
        r->out->p.max_invoked = num_be16(p.bytes.ptr);
        r->out->p.max_performed = num_be16(p.bytes.ptr + 2);
    }
    return rc;
}

static int take_role(struct reading *r, struct part p) {
    struct part start = p;
    struct part uid = {0};
    r->roles = list(r, r->roles, sizeof *r->roles);
    if (r->roles == NULL) {
        return out_of_memory(r);
    }
    if (r->out->role_count == PDU_LISTS_MAX) {
        return fail(r, E_LIMIT, start.at, "too many role selections");
    }
    struct pdu_role *role = &r->roles[r->out->role_count];
    int rc = cut_counted(r, &p, "role selection", &uid);
    if (rc == E_OK) {
        rc = take_uid(r, uid, "SOP class of a role selection", role->sop_class);
    }
    if (rc == E_OK) {
        rc = exact(r, p, 2, "roles");
    }
    if (rc != E_OK) {
        return rc;
    }
    if (p.bytes.ptr[0] > 1 || p.bytes.ptr[1] > 1) {
        return fail(r, E_VALUE, p.at, "role that is neither 0 nor 1");
    }
    role->scu = p.bytes.ptr[0] == 1;
    role->scp = p.bytes.ptr[1] == 1;
    r->out->role_count++;
    return E_OK;
}

static int take_extended(struct reading *r, struct part p) {
    struct part start = p;
    struct part uid = {0};
    r->extended = list(r, r->extended, sizeof *r->extended);
    if (r->extended == NULL) {
        return out_of_memory(r);
    }
    if (r->out->extended_count == PDU_LISTS_MAX) {
        return fail(r, E_LIMIT, start.at, "too many extended negotiations");
    }
    struct pdu_extended *x = &r->extended[r->out->extended_count];
    int rc = cut_counted(r, &p, "extended negotiation", &uid);
    if (rc == E_OK) {
        rc = take_uid(r, uid, "SOP class of an extended negotiation", x->sop_class);
    }
    if (rc == E_OK) {
        x->information = p.bytes;
        r->out->extended_count++;
    }
    return rc;
}

static int take_common(struct reading *r, struct part p) {
    struct part start = p;
    struct part uid = {0};
    struct part service = {0};
    r->common = list(r, r->common, sizeof *r->common);
    if (r->common == NULL) {
        return out_of_memory(r);
    }
    if (r->out->common_count == PDU_LISTS_MAX) {
        return fail(r, E_LIMIT, start.at, "too many common extended negotiations");
    }
    struct pdu_common *c = &r->common[r->out->common_count];
    int rc = cut_counted(r, &p, "common extended negotiation", &uid);
    if (rc == E_OK) {
        rc = cut_counted(r, &p, "common extended negotiation", &service);
    }
    if (rc == E_OK) {
        rc = take_uid(r, uid, "SOP class of a common extended negotiation", c->sop_class);
    }
    if (rc == E_OK) {
        rc = take_uid(r, service, "service class of a common extended negotiation",
                      c->service_class);
    }
    r->out->common_count += rc == E_OK;
    return rc;
}

static int take_identity(struct reading *r, struct part p) {
    struct dimse_proposal *out = &r->out->p;
    struct part head = {0};
    struct part primary = {0};
    struct part secondary = {0};
    int rc = cut(r, &p, 2, "user identity", &head);
    if (rc == E_OK) {
        rc = cut_counted(r, &p, "user identity", &primary);
    }
    if (rc == E_OK) {
        rc = cut_counted(r, &p, "user identity", &secondary);
    }
    if (rc != E_OK) {
        return rc;
    }
    if (head.bytes.ptr[0] == DIMSE_IDENTITY_NONE) {
        return fail(r, E_VALUE, head.at, "user identity of type 0");
    }
    if (head.bytes.ptr[1] > 1) {
        return fail(r, E_VALUE, head.at + 1, "response requested that is neither 0 nor 1");
    }
    out->identity_type = head.bytes.ptr[0];
    out->identity_response_wanted = head.bytes.ptr[1] == 1;
    out->identity = primary.bytes;
    out->passcode = secondary.bytes;
    return E_OK;
}

static int take_identity_answer(struct reading *r, struct part p) {
    struct part answer = {0};
    int rc = cut_counted(r, &p, "user identity response", &answer);
    if (rc == E_OK) {
        r->out->identity_answered = true;
        r->out->p.identity = answer.bytes;
    }
    return rc;
}

static int take_user_item(struct reading *r, const struct item *item) {
    bool request = r->type == PDU_ASSOCIATE_RQ;
    switch (item->type) {
    case ITEM_MAXIMUM_LENGTH:
        return take_maximum(r, item->value);
    case ITEM_IMPLEMENTATION_CLASS:
        return take_class(r, item->value);
    case ITEM_WINDOW:
        return take_window(r, item->value);
    case ITEM_ROLE:
        return take_role(r, item->value);
    case ITEM_IMPLEMENTATION_VERSION:
        return take_version(r, item->value);
    case ITEM_EXTENDED:
        return take_extended(r, item->value);
    case ITEM_COMMON_EXTENDED:
        return request ? take_common(r, item->value) : E_OK;
    case ITEM_IDENTITY:
        return request ? take_identity(r, item->value) : E_OK;
    case ITEM_IDENTITY_ANSWER:
        return request ? E_OK : take_identity_answer(r, item->value);
    default:
        return E_OK;
    }
}

static int take_user_information(struct reading *r, struct part p) {
    if (r->user_information) {
        return fail(r, E_MISMATCH, p.at - 4, "user information twice");
    }
    r->user_information = true;
    while (p.bytes.len > 0) {
        struct item item;
        int rc = next_item(r, &p, &item);
        if (rc == E_OK) {
            rc = take_user_item(r, &item);
        }
        if (rc != E_OK) {
            return rc;
        }
    }
    return E_OK;
}

// --- the PDU

static int take_item(struct reading *r, const struct item *item) {
    bool request = r->type == PDU_ASSOCIATE_RQ;
    switch (item->type) {
    case ITEM_APPLICATION_CONTEXT:
        if (r->out->application_context[0] != '\0') {
            return fail(r, E_MISMATCH, item->value.at - 4, "application context twice");
        }
        return take_uid(r, item->value, "application context", r->out->application_context);
    case ITEM_CONTEXT_RQ:
    case ITEM_CONTEXT_AC:
        if (request != (item->type == ITEM_CONTEXT_RQ)) {
            return fail(r, E_MISMATCH, item->value.at - 4,
                        "presentation context item of the other kind of PDU");
        }
        return take_context(r, item->value);
    case ITEM_USER_INFORMATION:
        return take_user_information(r, item->value);
    default:
        return E_OK;
    }
}

static int take_fixed(struct reading *r, struct part *p) {
    struct part fixed = {0};
    int rc = cut(r, p, ASSOCIATE_FIXED_LEN, "fixed fields", &fixed);
    if (rc != E_OK) {
        return rc;
    }
    const uint8_t *b = fixed.bytes.ptr;
    r->out->version = num_be16(b);
    copy_text(slice_trim(uid_of((struct part){slice_of(b + 4, DIMSE_AET_MAX), 0}), " "),
              r->out->p.called);
    copy_text(slice_trim(uid_of((struct part){slice_of(b + 20, DIMSE_AET_MAX), 0}), " "),
              r->out->p.calling);
    return E_OK;
}

int pdu_associate_read(enum pdu_type type, struct slice body, struct arena *a,
                       struct pdu_associate *ret_associate, struct err *e) {
    *ret_associate = (struct pdu_associate){
        .p = {.max_pdu = PDU_PEER_DEFAULT, .max_invoked = 1, .max_performed = 1}};
    struct reading r = {.arena = a, .type = type, .out = ret_associate, .e = e};
    r.contexts = arena_array(a, DIMSE_CONTEXTS_MAX, sizeof *r.contexts);
    if (r.contexts == NULL) {
        return out_of_memory(&r);
    }
    struct part p = {body, PDU_HEAD_LEN};
    int rc = take_fixed(&r, &p);
    while (rc == E_OK && p.bytes.len > 0) {
        struct item item;
        rc = next_item(&r, &p, &item);
        if (rc == E_OK) {
            rc = take_item(&r, &item);
        }
    }
    ret_associate->p.contexts = r.contexts;
    ret_associate->roles = r.roles;
    ret_associate->extended = r.extended;
    ret_associate->common = r.common;
    return rc;
}
