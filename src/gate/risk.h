// SPDX-License-Identifier: Apache-2.0
// How much of an instance, though clean, could still single out its person (clause N14; ICO tests
// of singling out, linkability, inference): points by rule, each with its words, from the original
// and the cleaned data set: great age, infancy, rare diagnosis words, rare sites of the body,
// implants with serial numbers, unusual trauma, multiple birth, small-number modality, sex and
// site, foreign bodies, text kept. The rules are data/deid/risk.json.
#pragma once

#include <stdint.h>

#include "gate/context.h"

struct dcm_dataset;

#define GATE_RISK_MAX 16

struct gate_risk {
    uint16_t points;
    uint32_t count;
    const char *why[GATE_RISK_MAX]; // sentences of the rules, static
    uint16_t each[GATE_RISK_MAX];   // points of each
};
// Before cleaning. Objects with GATE_REASON_RISK from the profile's threshold on.
void gate_risk_score(struct gate_context *c, const struct dcm_dataset *d,
                     struct gate_risk *ret_risk);
