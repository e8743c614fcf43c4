// SPDX-License-Identifier: Apache-2.0
// The audit log: decisions and custody as lines of JSON, each carrying the SHA-256 of the line before
// (a chain), a file a month in the data folder's audit/. Appended by several processes under a file
// lock. Lines of `allowed` reads are written with one write(2); refusals and custody are synced.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

struct audit;
struct clock;
struct err;

// Opens (makes) DIR/audit. The clock is kept.
int audit_open(const char *data_dir, const struct clock *clock, struct audit **ret_audit,
               struct err *e);
void audit_close(struct audit *a); // NULL allowed

// Thread-safe. A decision that cannot be written is E_IO / E_FULL: the door must then refuse.
int audit_decision(struct audit *a, const struct policy_request *request,
                   const struct policy_decision *decision, struct err *e);

// policy_decide + audit_decision: what every dispatcher calls. false: refused, *ret_decision says why.
bool audit_ask(struct audit *a, const struct policy_request *request,
               struct policy_decision *ret_decision);

// Checks the whole chain, oldest file first. E_CORRUPT names file and line of the first break.
int audit_verify(const char *data_dir, uint64_t *ret_lines, struct err *e);
