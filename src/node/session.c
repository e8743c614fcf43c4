// SPDX-License-Identifier: Apache-2.0
// The life of an association: each request finds its row in the table of services, policy is asked
// through the audit log, the row's function answers. What cannot be served gets the status that
// PS3.7 names for it; the association goes on.
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/log.h"
#include "node/commitment.h"
#include "node/node_priv.h"
#include "node/service.h"
#include "node/storage.h"
#include "policy/audit.h"

#define PEER_TEXT 64

// What the session answers instead of a service.
struct refusal {
    uint16_t status; // 0: none
    const char *comment;
};

static const struct refusal not_refused = {0};

static int answer(struct node_session *s, const struct dimse_message *m, struct refusal why,
                  struct err *e) {
    struct dimse_command response = dimse_response_to(&m->command, why.status);
    (void)snprintf(response.comment, sizeof response.comment, "%s", why.comment);
    int rc = m->command.data_set ? dimse_data_skip(s->association, e) : E_OK;
    return rc == E_OK ? dimse_send(s->association, m->context_id, &response, NULL, 0, e) : rc;
}

// --- may it be asked

static struct refusal ask_policy(struct node_session *s, const struct node_service *service,
                                 const struct dimse_message *m) {
    char where[64], what[DIMSE_AET_MAX + 48];
    struct policy_decision decision;
    const char *field = dimse_field_text(m->command.field); // "C-STORE-RQ"
    (void)snprintf(where, sizeof where, "dicom %.*s", (int)strlen(field) - 3, field);
    struct policy_request request = {
        .who = s->who, .action = service->action, .what = m->command.sop_class, .where = where};
    if (service->action == POLICY_NODE_RECEIVE) { // a delivery, not each of its instances
        (void)snprintf(what, sizeof what, "delivery-%016llx",
                       (unsigned long long)node_storage_delivery(s));
        request.what = what;
    }
    if (audit_ask(archive_audit(s->archive), &request, &decision)) {
        return not_refused;
    }
    log_line(LOG_WARNING, "dicom %s: %s of %s refused: %s (clause %s)",
             dimse_stream_peer(dimse_association_stream(s->association)),
             dimse_field_text(m->command.field), s->peer->aet, decision.reason, decision.clause);
    static const struct refusal refused = {DIMSE_NOT_AUTHORIZED, "refused by policy"};
    return refused;
}

// PS3.7 9.1, 10.1: the SOP class is that of the context. In the role of SCU is who may ask.
static struct refusal check_context(const struct dimse_message *m) {
    if (strcmp(m->command.sop_class, m->context->abstract_syntax) != 0) {
        return (struct refusal){DIMSE_CLASS_NOT_SUPPORTED,
                                "not the SOP class of the presentation context"};
    }
    return m->context->scu_role
               ? not_refused
               : (struct refusal){DIMSE_CLASS_NOT_SUPPORTED, "the role of SCU was not agreed"};
}

static struct refusal check(struct node_session *s, const struct node_service *service,
                            const struct dimse_message *m) {
    struct refusal why = check_context(m);
    if (why.status != 0) {
        return why;
    }
    if (m->wrong.code != E_OK) {
        return (struct refusal){DIMSE_INVALID_INSTANCE, "the SOP Instance UID is no UID"};
    }
    if (service == NULL) {
        return (struct refusal){DIMSE_UNRECOGNIZED_OPERATION, "not a service of this SOP class"};
    }
    if ((service->may & ~s->peer->may) != 0) {
        return (struct refusal){DIMSE_NOT_AUTHORIZED, "this peer may not do that here"};
    }
    return ask_policy(s, service, m);
}

// --- messages

static int serve_request(struct node_session *s, const struct dimse_message *m, struct err *e) {
    struct node *n = s->node;
    const struct node_service *service = node_service_find(m->command.sop_class, m->command.field);
    struct refusal why = check(s, service, m);
    if (service != NULL) {
        size_t row = node_service_index(service);
        n->requests[row]++;
        n->failures[row] += why.status != 0;
    }
    // Responses leave in the order of their requests.
    bool stores = why.status == 0 && service->action == POLICY_NODE_RECEIVE;
    int rc = stores ? E_OK : node_storage_settle(s, e);
    if (rc != E_OK) {
        return rc;
    }
    return why.status != 0 ? answer(s, m, why, e) : service->serve(s, m, e);
}

static int serve_message(struct node_session *s, const struct dimse_message *m, struct err *e) {
    if (m->command.field == DIMSE_C_CANCEL_RQ) { // of an operation that is over
        return E_OK;
    }
    if ((m->command.field & DIMSE_RESPONSE) != 0) {
        return err_set(e, E_SYNTAX, "%s although nothing was asked",
                       dimse_field_text(m->command.field));
    }
    return serve_request(s, m, e);
}

static int converse(struct node_session *s, struct err *e) {
    struct dimse_message m;
    int rc;
    do {
        rc = node_storage_idle(s, e);
        rc = rc == E_OK ? node_commitment_idle(s, e) : rc;
        rc = rc == E_OK ? dimse_receive(s->association, &m, e) : rc;
        if (rc == DIMSE_MESSAGE) {
            rc = serve_message(s, &m, e);
            rc = rc == E_OK ? DIMSE_MESSAGE : rc;
        }
    } while (rc == DIMSE_MESSAGE);
    return rc;
}

static void tell_end(const struct node_session *s, const char *from,
                     const struct node_storage_counts *stored) {
    if (stored->taken + stored->failed > 0) {
        log_line(LOG_INFO, "dicom %s: %s delivered %llu instances, %llu bytes, %llu not taken",
                 from, s->peer->aet, (unsigned long long)stored->taken,
                 (unsigned long long)stored->bytes, (unsigned long long)stored->failed);
    }
}

void node_session_run(void *node, struct dimse_association *a) {
    struct node *n = node;
    const struct dimse_proposal *agreed = dimse_agreed(a);
    const struct node_admission *admission = agreed->own;
    const char *claimed = admission->claimed[0] != '\0' ? admission->claimed : NULL;
    struct node_session s = {.node = n,
                             .archive = n->archive,
                             .association = a,
                             .peer = &admission->peer,
                             .who = policy_peer(admission->peer.aet,
                                                dimse_stream_peer_host(dimse_association_stream(a)),
                                                claimed)};
    struct err e = {0};
    struct node_storage_counts stored = {0};
    char from[PEER_TEXT]; // an association that is over has no stream
    (void)snprintf(from, sizeof from, "%s", dimse_stream_peer(dimse_association_stream(a)));
    int rc = node_storage_open(&s, &e);
    rc = rc == E_OK ? converse(&s, &e) : rc;
    node_storage_close(&s, &stored);
    node_commitment_close(&s);
    if (rc < 0 && dimse_association_ending(a, NULL) == DIMSE_OPEN) {
        log_failure(LOG_WARNING, from, "dicom association given up", &e);
    }
    tell_end(&s, from, &stored);
}
