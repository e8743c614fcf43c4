// SPDX-License-Identifier: Apache-2.0
#include "dimse/negotiate.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dicom/part10.h"

#define VERSION_1 1

static bool is(const char *a, const char *b) { return strcmp(a, b) == 0; }

static void put_own(struct pdu_associate *to, uint32_t own_pdu) {
    to->version = VERSION_1;
    (void)snprintf(to->application_context, sizeof to->application_context, "%s",
                   DIMSE_APPLICATION_CONTEXT);
    to->p.max_pdu = own_pdu;
    (void)snprintf(to->p.implementation_class, sizeof to->p.implementation_class, "%s",
                   dcm_implementation_uid);
    (void)snprintf(to->p.implementation_version, sizeof to->p.implementation_version, "%s",
                   DIMSE_IMPLEMENTATION_VERSION);
}

static const struct pdu_role *role_of(const struct pdu_associate *from, const char *sop_class) {
    for (size_t i = 0; i < from->role_count; i++) {
        if (is(from->roles[i].sop_class, sop_class)) {
            return &from->roles[i];
        }
    }
    return NULL;
}

static struct slice extended_of(const struct pdu_associate *from, const char *sop_class) {
    for (size_t i = 0; i < from->extended_count; i++) {
        if (is(from->extended[i].sop_class, sop_class)) {
            return from->extended[i].information;
        }
    }
    return (struct slice){0};
}

// --- acceptor

void negotiate_spread(const struct pdu_associate *request) {
    for (size_t i = 0; i < request->p.context_count; i++) {
        struct dimse_context *c = &request->p.contexts[i];
        const struct pdu_role *role = role_of(request, c->abstract_syntax);
        c->result = DIMSE_ABSTRACT_NOT_SUPPORTED;
        c->roles_proposed = role != NULL;
        c->scu_role = role == NULL || role->scu;
        c->scp_role = role != NULL && role->scp;
        c->extended = extended_of(request, c->abstract_syntax);
        for (size_t k = 0; k < request->common_count; k++) {
            if (is(request->common[k].sop_class, c->abstract_syntax)) {
                memcpy(c->service_class, request->common[k].service_class, sizeof c->service_class);
            }
        }
    }
}

static bool was_proposed(const struct dimse_context *c) {
    for (size_t i = 0; i < c->proposed_count; i++) {
        if (is(c->proposed[i], c->syntax)) {
            return true;
        }
    }
    return false;
}

static void hold_context(struct dimse_context *c) {
    if (c->id % 2 == 0) { // PS3.8 9.3.2.2: odd
        c->result = DIMSE_NO_REASON;
    } else if (c->result == DIMSE_ACCEPTED && !was_proposed(c)) {
        c->result = DIMSE_TRANSFER_NOT_SUPPORTED;
    }
    if (!c->roles_proposed) {
        c->scu_role = true;
        c->scp_role = false;
    }
}

static const struct dimse_context *accepted_of(const struct dimse_proposal *p,
                                               const char *sop_class) {
    for (size_t i = 0; i < p->context_count; i++) {
        if (p->contexts[i].result == DIMSE_ACCEPTED &&
            is(p->contexts[i].abstract_syntax, sop_class)) {
            return &p->contexts[i];
        }
    }
    return NULL;
}

// Roles are agreed for a SOP class: the first accepted context of it speaks for all.
static int answer_roles(const struct pdu_associate *request, struct arena *arena,
                        struct pdu_associate *answer) {
    struct pdu_role *roles = arena_array(arena, request->role_count + 1, sizeof *roles);
    if (roles == NULL) {
        return E_MEMORY;
    }
    for (size_t i = 0; i < request->role_count; i++) {
        struct pdu_role role = request->roles[i];
        const struct dimse_context *first = accepted_of(&request->p, role.sop_class);
        if (first == NULL || role_of(request, role.sop_class) != &request->roles[i]) {
            continue;
        }
        role.scu = role.scu && first->scu_role;
        role.scp = role.scp && first->scp_role;
        for (size_t k = 0; k < request->p.context_count; k++) {
            struct dimse_context *c = &request->p.contexts[k];
            if (is(c->abstract_syntax, role.sop_class)) {
                c->scu_role = role.scu;
                c->scp_role = role.scp;
            }
        }
        roles[answer->role_count++] = role;
    }
    answer->roles = roles;
    return E_OK;
}

static bool has_extended(const struct pdu_associate *answer, const char *sop_class) {
    return extended_of(answer, sop_class).len > 0;
}

static int answer_extended(const struct pdu_associate *request, struct arena *arena,
                           struct pdu_associate *answer) {
    const struct dimse_proposal *p = &request->p;
    struct pdu_extended *list = arena_array(arena, p->context_count + 1, sizeof *list);
    if (list == NULL) {
        return E_MEMORY;
    }
    answer->extended = list;
    for (size_t i = 0; i < p->context_count; i++) {
        const struct dimse_context *c = &p->contexts[i];
        if (c->result != DIMSE_ACCEPTED || c->answered.len == 0 || c->extended.len == 0 ||
            has_extended(answer, c->abstract_syntax)) {
            continue;
        }
        struct pdu_extended *x = &list[answer->extended_count++];
        memcpy(x->sop_class, c->abstract_syntax, sizeof x->sop_class);
        x->information = c->answered;
    }
    return E_OK;
}

// 0: the peer sets no limit.
static uint16_t window(uint16_t proposed) {
    return proposed == 0 || proposed > DIMSE_ASYNC_MAX ? DIMSE_ASYNC_MAX : proposed;
}

int negotiate_answer(struct pdu_associate *request, uint32_t own_pdu, struct arena *arena,
                     struct pdu_associate *ret_answer, struct err *e) {
    struct dimse_proposal *p = &request->p;
    for (size_t i = 0; i < p->context_count; i++) {
        hold_context(&p->contexts[i]);
    }
    p->max_invoked = request->has_window ? window(p->max_invoked) : 1;
    p->max_performed = request->has_window ? window(p->max_performed) : 1;
    struct pdu_associate answer = {.p = *p, .has_window = request->has_window};
    put_own(&answer, own_pdu);
    answer.identity_answered =
        p->identity_type != DIMSE_IDENTITY_NONE && p->identity_response_wanted;
    answer.p.identity = (struct slice){0};
    int rc = answer_roles(request, arena, &answer);
    if (rc == E_OK) {
        rc = answer_extended(request, arena, &answer);
    }
    if (rc != E_OK) {
        return err_set(e, rc, "association answer");
    }
    *ret_answer = answer;
    return E_OK;
}

// --- requestor

static int put_title(const char *title, const char *what, char out[DIMSE_AET_MAX + 1],
                     struct err *e) {
    size_t len = strnlen(title, DIMSE_AET_MAX + 1);
    bool blank = true;
    for (size_t i = 0; i < len; i++) {
        if (title[i] < ' ' || title[i] > '~' || title[i] == '\\') {
            return err_set(e, E_ARGUMENT, "%s AE title has a character that none may have", what);
        }
        blank = blank && title[i] == ' ';
    }
    if (blank || len > DIMSE_AET_MAX) {
        return err_set(e, E_ARGUMENT, "%s AE title: 1 to 16 characters expected", what);
    }
    memcpy(out, title, len);
    out[len] = '\0';
    return E_OK;
}

static int put_context(const struct dimse_want *want, size_t index, struct dimse_context *c,
                       struct err *e) {
    if (!dcm_uid_usable(slice_str(want->abstract_syntax))) {
        return err_set(e, E_ARGUMENT, "abstract syntax '%.64s' is not a UID",
                       want->abstract_syntax);
    }
    *c = (struct dimse_context){.id = (uint8_t)(2 * index + 1),
                                .result = DIMSE_NO_REASON,
                                .scu_role = true,
                                .roles_proposed = want->scp_role,
                                .proposed = want->syntaxes,
                                .extended = want->extended};
    (void)snprintf(c->abstract_syntax, sizeof c->abstract_syntax, "%s", want->abstract_syntax);
    while (want->syntaxes[c->proposed_count] != NULL) {
        c->proposed_count++;
    }
    return c->proposed_count > 0
               ? E_OK
               : err_set(e, E_ARGUMENT, "no transfer syntax for %s", want->abstract_syntax);
}

static void put_lists(struct pdu_associate *to, const struct dimse_context *c,
                      struct pdu_role *roles, struct pdu_extended *extended) {
    if (c->roles_proposed && role_of(to, c->abstract_syntax) == NULL) {
        struct pdu_role *role = &roles[to->role_count++];
        memcpy(role->sop_class, c->abstract_syntax, sizeof role->sop_class);
        role->scu = role->scp = true;
    }
    if (c->extended.len > 0 && !has_extended(to, c->abstract_syntax)) {
        struct pdu_extended *x = &extended[to->extended_count++];
        memcpy(x->sop_class, c->abstract_syntax, sizeof x->sop_class);
        x->information = c->extended;
    }
}

int negotiate_request(const struct dimse_request *request, uint32_t own_pdu, struct arena *arena,
                      struct pdu_associate *ret_request, struct err *e) {
    struct pdu_associate r = {.has_window = request->max_invoked > 1};
    size_t count = request->want_count;
    if (count == 0 || count > DIMSE_CONTEXTS_MAX) {
        return err_set(e, E_ARGUMENT, "%zu presentation contexts: 1 to %d expected", count,
                       DIMSE_CONTEXTS_MAX);
    }
    int rc = put_title(request->calling, "calling", r.p.calling, e);
    if (rc == E_OK) {
        rc = put_title(request->called, "called", r.p.called, e);
    }
    struct dimse_context *contexts = arena_array(arena, count, sizeof *contexts);
    struct pdu_role *roles = arena_array(arena, count, sizeof *roles);
    struct pdu_extended *extended = arena_array(arena, count, sizeof *extended);
    if (contexts == NULL || roles == NULL || extended == NULL) {
        return err_set(e, E_MEMORY, "association request");
    }
    r.p.contexts = contexts;
    r.roles = roles;
    r.extended = extended;
    for (; rc == E_OK && r.p.context_count < count; r.p.context_count++) {
        struct dimse_context *c = &contexts[r.p.context_count];
        rc = put_context(&request->wants[r.p.context_count], r.p.context_count, c, e);
        if (rc == E_OK) {
            put_lists(&r, c, roles, extended);
        }
    }
    put_own(&r, own_pdu);
    r.p.max_invoked = request->max_invoked > 1 ? request->max_invoked : 1;
    r.p.max_performed = 1;
    r.p.identity_type = request->identity_type;
    r.p.identity = request->identity;
    r.p.passcode = request->passcode;
    if (rc == E_OK) {
        *ret_request = r;
    }
    return rc;
}

static const struct dimse_context *context_of(const struct pdu_associate *answer, uint8_t id) {
    for (size_t i = 0; i < answer->p.context_count; i++) {
        if (answer->p.contexts[i].id == id) {
            return &answer->p.contexts[i];
        }
    }
    return NULL;
}

// A context that the answer leaves out, or accepts with what was not proposed, cannot be used.
static void settle_context(struct dimse_context *c, const struct pdu_associate *answer) {
    const struct dimse_context *theirs = context_of(answer, c->id);
    if (theirs == NULL) {
        return;
    }
    c->result = theirs->result;
    if (c->result == DIMSE_ACCEPTED) {
        memcpy(c->syntax, theirs->syntax, sizeof c->syntax);
        if (!was_proposed(c)) {
            c->result = DIMSE_TRANSFER_NOT_SUPPORTED;
        }
    }
    const struct pdu_role *role = c->roles_proposed ? role_of(answer, c->abstract_syntax) : NULL;
    if (role != NULL) {
        c->scu_role = role->scu;
        c->scp_role = role->scp;
    }
    if (c->extended.len > 0) {
        c->answered = extended_of(answer, c->abstract_syntax);
    }
}

static uint16_t less(uint16_t ours, uint16_t theirs) {
    return theirs == 0 || theirs > ours ? ours : theirs;
}

void negotiate_settle(struct pdu_associate *request, const struct pdu_associate *answer,
                      struct dimse_proposal *ret_agreed) {
    for (size_t i = 0; i < request->p.context_count; i++) {
        settle_context(&request->p.contexts[i], answer);
    }
    *ret_agreed = request->p;
    memcpy(ret_agreed->implementation_class, answer->p.implementation_class,
           sizeof ret_agreed->implementation_class);
    memcpy(ret_agreed->implementation_version, answer->p.implementation_version,
           sizeof ret_agreed->implementation_version);
    ret_agreed->max_pdu = answer->p.max_pdu;
    bool both = request->has_window && answer->has_window;
    ret_agreed->max_invoked = both ? less(request->p.max_invoked, answer->p.max_invoked) : 1;
    ret_agreed->max_performed = 1;
    ret_agreed->identity = ret_agreed->passcode = (struct slice){0};
}
