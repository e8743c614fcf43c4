// SPDX-License-Identifier: Apache-2.0
// The log of a role (server, worker, command): one line an event on standard error, written with
// one write. Library code does not log; it returns errors. Nothing that may identify a patient
// belongs in a line: no names, no values of attributes, no input file names of quarantined items.
#pragma once

#include <stdint.h>

struct clock;
struct err;

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

// `role` (static text) starts each line. Before the first call: role "maclab", level LOG_INFO.
void log_open(const char *role, enum log_level level, const struct clock *clock);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

// A line that carries a request, association or job id and an error once, where it ends.
void log_failure(enum log_level level, const char *id, const char *doing, const struct err *why);
