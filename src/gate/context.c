// SPDX-License-Identifier: Apache-2.0
#include "gate/context.h"

void gate_object(struct gate_context *c, enum gate_verdict verdict, enum gate_reason reason) {
    if (verdict > c->verdict) {
        c->verdict = verdict;
    }
    for (uint32_t i = 0; i < c->reason_count; i++) {
        if (c->reasons[i] == reason) {
            return;
        }
    }
    if (c->reason_count < GATE_REASONS_MAX) {
        c->reasons[c->reason_count++] = reason;
    }
}
