// SPDX-License-Identifier: Apache-2.0
#include "policy/policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

// Indexed by action; people and roles will be further columns.
static const struct {
    const char *text;
    const char *clause;
    unsigned origins;
    bool custody;
} rows[POLICY_ACTION_COUNT] = {[POLICY_NONE] = {"none", "A0", 0, true},
#define X(name, text, clause, origins, custody) [POLICY_##name] = {text, clause, origins, custody},
                               POLICY_ACTION_LIST(X)
#undef X
};

static unsigned row_of(enum policy_action action) {
    return (unsigned)action < POLICY_ACTION_COUNT ? (unsigned)action : POLICY_NONE;
}

const char *policy_action_text(enum policy_action action) { return rows[row_of(action)].text; }

const char *policy_action_clause(enum policy_action action) { return rows[row_of(action)].clause; }

bool policy_action_custody(enum policy_action action) { return rows[row_of(action)].custody; }

bool policy_action_counted(enum policy_action action) {
    return !policy_action_custody(action) || action == POLICY_NODE_RECEIVE;
}

const char *policy_origin_text(enum policy_origin origin) {
    switch (origin) {
    case POLICY_ORIGIN_CONSOLE:
        return "console";
    case POLICY_ORIGIN_LOOPBACK:
        return "loopback";
    case POLICY_ORIGIN_PEER:
        return "peer";
    case POLICY_ORIGIN_NETWORK:
        break;
    }
    return "network";
}

static bool known_purpose(const char *why) {
    static const char *const purposes[] = {
#define X(name, text) text,
        POLICY_PURPOSE_LIST(X)
#undef X
    };
    for (size_t i = 0; i < sizeof purposes / sizeof purposes[0]; i++) {
        if (why == NULL || strcmp(why, purposes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static struct policy_decision refuse(const char *clause, const char *reason) {
    return (struct policy_decision){false, clause, reason};
}

static bool known_origin(enum policy_origin origin) {
    return origin == POLICY_ORIGIN_CONSOLE || origin == POLICY_ORIGIN_LOOPBACK ||
           origin == POLICY_ORIGIN_PEER;
}

// The action's row does not let it come from there.
static struct policy_decision refuse_origin(const struct policy_request *r) {
    if (r->who.origin != POLICY_ORIGIN_PEER) {
        return refuse("A0", "This can only be done at the console of the machine.");
    }
    return refuse("A0", "A DICOM peer has no access to this.");
}

struct policy_decision policy_decide(const struct policy_request *r) {
    unsigned row = row_of(r->action);
    if (row == POLICY_NONE) {
        return refuse("A0", "This door names no action of the policy, so nobody may pass it.");
    }
    if (!known_origin(r->who.origin)) {
        return refuse("A0", "Access is limited to the suite: until people can sign in, only the "
                            "machine itself and registered DICOM peers are served, not the "
                            "network.");
    }
    if ((rows[row].origins & POLICY_FROM(r->who.origin)) == 0) {
        return refuse_origin(r);
    }
    if (!known_purpose(r->why)) {
        return refuse("P1",
                      "Images are here for training and teaching; no other purpose is allowed.");
    }
    return (struct policy_decision){true, rows[row].clause,
                                    r->who.origin == POLICY_ORIGIN_PEER
                                        ? "Allowed to registered DICOM peers."
                                        : "Allowed to the local operator."};
}

struct policy_subject policy_console(void) {
    return (struct policy_subject){"local operator", POLICY_ORIGIN_CONSOLE, "console"};
}

static bool is_loopback(const char *address) {
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, address, &four) == 1) {
        return ntohl(four.s_addr) >> 24 == 127;
    }
    if (inet_pton(AF_INET6, address, &six) != 1) {
        return false;
    }
    return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
}

struct policy_subject policy_connection(const char *address) {
    if (address != NULL && is_loopback(address)) {
        return (struct policy_subject){"local operator", POLICY_ORIGIN_LOOPBACK, address};
    }
    return (struct policy_subject){"unknown", POLICY_ORIGIN_NETWORK,
                                   address != NULL ? address : "unknown"};
}

struct policy_subject policy_peer(const char *aet, const char *address, const char *claimed) {
    enum policy_origin origin =
        address != NULL && is_loopback(address) ? POLICY_ORIGIN_LOOPBACK : POLICY_ORIGIN_PEER;
    return (struct policy_subject){aet, origin, address != NULL ? address : "unknown", claimed};
}
