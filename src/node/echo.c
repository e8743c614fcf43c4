// SPDX-License-Identifier: Apache-2.0
#include "node/echo.h"

#include "dimse/association.h"
#include "node/service.h"

int node_echo_serve(struct node_session *s, const struct dimse_message *message, struct err *e) {
    struct dimse_command response = dimse_response_to(&message->command, DIMSE_SUCCESS);
    return dimse_send(s->association, message->context_id, &response, NULL, 0, e);
}
