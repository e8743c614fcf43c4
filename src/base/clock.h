// SPDX-License-Identifier: Apache-2.0
// Time is passed in, so that tests decide what it is. Kept as microseconds since 1970 UTC.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

typedef int64_t usec;

#define CLOCK_SECOND ((usec)1000000)

struct clock {
    usec (*now)(void *context);       // UTC
    usec (*monotonic)(void *context); // never goes back; unknown origin
    void *context;
};

const struct clock *clock_system(void);

// A clock that stands still at *at (and follows when the caller changes it).
struct clock clock_fixed(usec *at);

static inline usec clock_now(const struct clock *c) { return c->now(c->context); }
static inline usec clock_monotonic(const struct clock *c) { return c->monotonic(c->context); }

struct civil_time {
    int year, month, day, hour, minute, second, microsecond;
};

// Proleptic Gregorian, UTC, no leap seconds.
struct civil_time clock_civil(usec at);
usec clock_from_civil(const struct civil_time *t);
bool clock_civil_valid(const struct civil_time *t);

#define CLOCK_TEXT_LEN 27
// "2026-11-22T09:08:50.000000Z" and a NUL. Returns `out`.
char *clock_text(usec at, char out[CLOCK_TEXT_LEN + 1]);

// "2026-11-22T09:08Z", with seconds and up to six decimals of them where they are given (RFC 3339,
// UTC only). false: it is none, or no such moment.
bool clock_parse(struct slice text, usec *ret_at);

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
int64_t clock_days(int year, int month, int day);
