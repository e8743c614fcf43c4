// SPDX-License-Identifier: Apache-2.0
// The report line of one instance (JSON, DESIGN: the contract of `maclab deid --report`) and the
// certificate of a delivery: one page that a Caldicott Guardian can read, as PDF and as JSON,
// signed (Ed25519 over the canonical JSON; the PDF carries digest and signature). Neither holds a
// value of an instance.
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "gate/delivery.h"

struct buf;
struct err;

#define GATE_METHOD_BITS 13
const char *gate_method_code(int bit); // of enum gate_method: "113100" …
const char *gate_method_words(int bit);

// {"input":…,"output":…,"verdict":…,"reasons":[…],"findings":[{"where":…,"kind":…,"done":…}],"methods":[…],"risk":{…}}
// and a newline; for what could not be read "error" says code and place. `output` NULL unless
// released.
void gate_report_line(const char *input, const char *output, const struct gate_passed *p,
                      struct buf *out);

struct gate_decision { // of a person
    const char *who, *what, *reason;
    int64_t when; // seconds since 1970
    uint64_t items;
};
struct gate_certificate {
    const char *id;       // of the delivery: random
    const char *source;   // Trust or folder's label as the operator gave it; NULL
    int64_t begun, ended; // seconds since 1970
    const struct gate_profile *profile;
    const char *program;   // "MacLab 0.1 (revision)"
    const char *reader;    // version of the reader, or why there was none
    const char *key_story; // "made for this delivery and destroyed" …
    struct gate_tally tally;
    const struct gate_decision *decisions;
    uint32_t decision_count;
};
// Canonical JSON with "signature" as last member. `secret`: Ed25519 secret key (libsodium, 64
// bytes).
int gate_certificate_json(const struct gate_certificate *c, const uint8_t secret[64],
                          struct buf *out, struct err *e);
int gate_certificate_pdf(const struct gate_certificate *c, const uint8_t secret[64],
                         struct buf *out, struct err *e);
// E_MISMATCH when the signature is not of these bytes by this key.
int gate_certificate_verify(struct slice json, const uint8_t public_key[32], struct err *e);
