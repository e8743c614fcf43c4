// SPDX-License-Identifier: Apache-2.0
#include "node/service.h"

#include <string.h>

#include "dicom/uid.h"
#include "node/classes.h"
#include "node/commitment.h"
#include "node/echo.h"
#include "node/find.h"
#include "node/get.h"
#include "node/move.h"
#include "node/peers.h"
#include "node/storage.h"
#include "node/worklist.h"

#define VERIFICATION "1.2.840.10008.1.1"

// X(name, SOP class, request, action, may, serve); SOP class NULL: every storage SOP class.
#define SERVICES(X)                                                                                \
    X("Verification", VERIFICATION, C_ECHO_RQ, NODE_ECHO, 0, node_echo_serve)                      \
    X("Storage", NULL, C_STORE_RQ, NODE_RECEIVE, NODE_MAY_STORE, node_storage_serve)               \
    X("Storage Commitment Push Model", COMMITMENT_CLASS, N_ACTION_RQ, NODE_COMMIT, NODE_MAY_STORE, \
      node_commitment_serve)                                                                       \
    X("Study Root Query/Retrieve - FIND", NODE_STUDY_FIND, C_FIND_RQ, NODE_QUERY, NODE_MAY_QUERY,  \
      node_find_serve)                                                                             \
    X("Study Root Query/Retrieve - MOVE", NODE_STUDY_MOVE, C_MOVE_RQ, NODE_RETRIEVE,               \
      NODE_MAY_RETRIEVE, node_move_serve)                                                          \
    X("Study Root Query/Retrieve - GET", NODE_STUDY_GET, C_GET_RQ, NODE_RETRIEVE,                  \
      NODE_MAY_RETRIEVE, node_get_serve)                                                           \
    X("Patient Root Query/Retrieve - FIND", NODE_PATIENT_FIND, C_FIND_RQ, NODE_QUERY,              \
      NODE_MAY_QUERY, node_find_serve)                                                             \
    X("Patient Root Query/Retrieve - MOVE", NODE_PATIENT_MOVE, C_MOVE_RQ, NODE_RETRIEVE,           \
      NODE_MAY_RETRIEVE, node_move_serve)                                                          \
    X("Patient Root Query/Retrieve - GET", NODE_PATIENT_GET, C_GET_RQ, NODE_RETRIEVE,              \
      NODE_MAY_RETRIEVE, node_get_serve)                                                           \
    X("Modality Worklist - FIND", NODE_WORKLIST_FIND, C_FIND_RQ, NODE_WORKLIST, NODE_MAY_QUERY,    \
      node_worklist_serve)

static const struct node_service services[] = {
#define X(name, sop_class, command, action, may, serve)                                            \
    {name, sop_class, DIMSE_##command, POLICY_CHECKED(POLICY_##action), may, serve},
    SERVICES(X)
#undef X
};
#define SERVICE_COUNT (sizeof services / sizeof services[0])

size_t node_service_count(void) { return SERVICE_COUNT; }

const struct node_service *node_service_row(size_t row) {
    return row < SERVICE_COUNT ? &services[row] : NULL;
}

size_t node_service_index(const struct node_service *service) {
    return (size_t)(service - services);
}

const struct node_service *node_service_find(const char *sop_class, uint16_t command) {
    const struct node_service *any = NULL;
    bool own_row = false;
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        const struct node_service *s = &services[i];
        bool same = s->sop_class != NULL && strcmp(s->sop_class, sop_class) == 0;
        if (same && s->command == command) {
            return s;
        }
        own_row = own_row || same;
        any = s->sop_class == NULL && s->command == command ? s : any;
    }
    return own_row ? NULL : any; // what has rows of its own is no storage class
}
