// SPDX-License-Identifier: Apache-2.0
// STOW-RS (PS3.18 10.5): a body of parts streams into quarantine while it arrives. The event thread
// hands pieces to a thread of the request's own through a window of bounded size and lets the
// connection sleep while the window is full, so memory stays the same whatever the size of the body
// and no other request waits for a disk.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct web_request;
struct web_stow;

#define WEB_STOW_WINDOW ((size_t)1 << 20)

// More of the body (len 0: it is over). Takes what fits. false: the answer is made.
bool web_stow_body(struct web_request *r, const char *bytes, size_t *len);

// The request ends: the thread is told to give up and frees what is left. NULL allowed.
void web_stow_free(struct web_stow *s);
