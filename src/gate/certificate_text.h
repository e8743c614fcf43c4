// SPDX-License-Identifier: Apache-2.0
// The sentences that both forms of a certificate share.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct gate_profile;

#define GATE_CERTIFICATE_OPTIONS 16

struct gate_certificate_option {
    const char *words;
    bool on;
    bool expected; // anything else deserves a look
};
size_t gate_certificate_options(const struct gate_profile *p,
                                struct gate_certificate_option ret_list[GATE_CERTIFICATE_OPTIONS]);
const char *gate_certificate_dates(const struct gate_profile *p);

extern const char gate_certificate_limits[];
extern const char *const gate_certificate_checks[];
// How many; which of them this profile leaves out.
size_t gate_certificate_check_count(const struct gate_profile *p, bool ret_left_out[5]);
