// SPDX-License-Identifier: Apache-2.0
// The state machine of the DICOM Upper Layer (PS3.8 9.2): which action an event calls for in a
// state, and the state behind it. Pure: the association performs the actions.
#pragma once

#include <stdbool.h>

// PS3.8 Tables 9-1 to 9-5. Sta1 … Sta13.
enum machine_state {
    MACHINE_IDLE = 1,                  // no association
    MACHINE_AWAIT_RQ = 2,              // connection open, A-ASSOCIATE-RQ to come
    MACHINE_AWAIT_LOCAL_ANSWER = 3,    // local A-ASSOCIATE response to come
    MACHINE_AWAIT_CONNECTION = 4,      // transport to open
    MACHINE_AWAIT_AC = 5,              // A-ASSOCIATE-AC or -RJ to come
    MACHINE_ESTABLISHED = 6,           // ready for data transfer
    MACHINE_AWAIT_RELEASE_RP = 7,      // A-RELEASE-RP to come
    MACHINE_AWAIT_LOCAL_RELEASE = 8,   // local A-RELEASE response to come
    MACHINE_COLLISION_REQUESTOR = 9,   // collision, requestor: local A-RELEASE response to come
    MACHINE_COLLISION_ACCEPTOR = 10,   // collision, acceptor: A-RELEASE-RP to come
    MACHINE_COLLISION_REQUESTOR2 = 11, // collision, requestor: A-RELEASE-RP to come
    MACHINE_COLLISION_ACCEPTOR2 = 12,  // collision, acceptor: local A-RELEASE response to come
    MACHINE_AWAIT_CLOSE = 13           // connection to be closed by the peer
};
#define MACHINE_STATES 13

// PS3.8 Table 9-10, left column.
enum machine_event {
    MACHINE_E_ASSOCIATE_REQUEST = 1, // local
    MACHINE_E_CONNECTED,
    MACHINE_E_AC,
    MACHINE_E_RJ,
    MACHINE_E_ACCEPTED_CONNECTION,
    MACHINE_E_RQ,
    MACHINE_E_LOCAL_ACCEPT,
    MACHINE_E_LOCAL_REJECT,
    MACHINE_E_LOCAL_DATA,
    MACHINE_E_DATA,
    MACHINE_E_LOCAL_RELEASE,
    MACHINE_E_RELEASE_RQ,
    MACHINE_E_RELEASE_RP,
    MACHINE_E_LOCAL_RELEASE_ANSWER,
    MACHINE_E_LOCAL_ABORT,
    MACHINE_E_ABORT,
    MACHINE_E_CLOSED,
    MACHINE_E_ARTIM,
    MACHINE_E_INVALID // unrecognized or invalid PDU
};
#define MACHINE_EVENTS 19

// PS3.8 Tables 9-6 to 9-9.
enum machine_action {
    MACHINE_NONE = 0, // the event cannot come in this state
    MACHINE_AE1,
    MACHINE_AE2,
    MACHINE_AE3,
    MACHINE_AE4,
    MACHINE_AE5,
    MACHINE_AE6,
    MACHINE_AE7,
    MACHINE_AE8,
    MACHINE_DT1,
    MACHINE_DT2,
    MACHINE_AR1,
    MACHINE_AR2,
    MACHINE_AR3,
    MACHINE_AR4,
    MACHINE_AR5,
    MACHINE_AR6,
    MACHINE_AR7,
    MACHINE_AR8,
    MACHINE_AR9,
    MACHINE_AR10,
    MACHINE_AA1,
    MACHINE_AA2,
    MACHINE_AA3,
    MACHINE_AA4,
    MACHINE_AA5,
    MACHINE_AA6,
    MACHINE_AA7,
    MACHINE_AA8
};

struct machine_step {
    enum machine_action action; // MACHINE_NONE: `next` is the state that it was in
    enum machine_state next;
};
// `requestor`: we asked for the association (AR-8). `acceptable`: of an A-ASSOCIATE-RQ, to the
// service provider (AE-6); not looked at otherwise.
struct machine_step machine_step(enum machine_state state, enum machine_event event, bool requestor,
                                 bool acceptable);

const char *machine_action_text(enum machine_action action); // "AA-8"
