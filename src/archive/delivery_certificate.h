// SPDX-License-Identifier: Apache-2.0
// The certificate of a delivery (gate/report.h), made from the catalogue alone and signed by the
// folder's key (keys/certificate, Ed25519): by it a Caldicott Guardian sees what came, what was
// found in it and who decided what (clauses C1b, N2, N5).
#pragma once

#include <stdint.h>

struct archive;
struct err;

// Makes it anew and keeps it with the delivery.
int delivery_certify(struct archive *a, const char *id, struct err *e);
