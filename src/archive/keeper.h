// SPDX-License-Identifier: Apache-2.0
// What happens to deliveries by itself: those that are quiet end, those in which nothing waits any
// more lose their key, those whose time is over are destroyed (delivery.h).
#pragma once

struct archive;
struct err;
struct keeper;

#define KEEPER_LOOK_SECONDS 2
#define KEEPER_EXPIRE_SECONDS 3600

// Destroys what is past its time before it returns, then in the background. `trouble` is called on
// its thread, once until it is well again. E_MEMORY: no thread.
int keeper_start(struct archive *a, void (*trouble)(const struct err *why),
                 struct keeper **ret_keeper, struct err *e);
void keeper_stop(struct keeper *k); // NULL allowed
