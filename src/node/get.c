// SPDX-License-Identifier: Apache-2.0
#include "node/get.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "dimse/association.h"
#include "node/retrieval.h"
#include "node/service.h"

static void retrieval_free(struct retrieval *r) {
    if (r != NULL) {
        retrieval_done(r);
        mem_free(r);
    }
}
CLEANUP_DEFINE(retrieval, struct retrieval, retrieval_free);

int node_get_serve(struct node_session *s, const struct dimse_message *message, struct err *e) {
    struct retrieval *r CLEANUP(cleanup_retrieval) = mem_zalloc(sizeof *r);
    uint16_t status;
    bool broken = false;
    if (r == NULL) {
        return err_set(e, E_MEMORY, "C-GET");
    }
    int rc = retrieval_open(s, message, r, &status, &broken, e);
    if (rc != E_OK) {
        const struct err why = *e;
        return broken ? rc : retrieval_refuse(s, message, status, &why, e);
    }
    r->job.cancel_id = message->command.message_id;
    rc = send_over(&r->job, s->association, r->which, r->job.count, &broken, e);
    return rc < 0 ? rc : retrieval_finish(r, rc == SEND_CANCELLED, e);
}
