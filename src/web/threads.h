// SPDX-License-Identifier: Apache-2.0
// A few threads that run handlers which wait, with a bounded queue, so that the event threads never
// do.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;
struct web_request;
struct web_threads;

// `run` is called on one of `count` threads for each request pushed.
int web_threads_start(unsigned count, size_t queue_max, void (*run)(struct web_request *r),
                      struct web_threads **ret_threads, struct err *e);

// false: the queue is full.
bool web_threads_push(struct web_threads *t, struct web_request *r);

// Runs what is queued, then ends; from here on pushing answers false. NULL allowed, and twice.
void web_threads_join(struct web_threads *t);

// Joins and frees: nobody may push any more. NULL allowed.
void web_threads_stop(struct web_threads *t);
