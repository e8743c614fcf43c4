// SPDX-License-Identifier: Apache-2.0
// One request out, one answer in, over the parent's end of a child's stream socket, by a deadline.
// A stream socket, because an answer may be larger than any message: the parent reads the bytes
// straight into the caller's buffer.
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"
#include "worker/frame.h"

// E_TIMEOUT past the deadline (clock_monotonic of the system clock), E_CRASHED when the child has
// closed the socket. Descriptors -1: none.
int exchange_send(int socket, const struct frame_request *head, struct slice request, int in,
                  int out, usec deadline, struct err *e);

// Appends the answer and writes its code; a negative code comes with its record in *ret_error.
// Beside the errors of exchange_send: E_SYNTAX for a malformed answer, E_LIMIT or E_MEMORY when it
// does not fit. After a negative return the socket is out of step: the child must end.
int exchange_receive(int socket, uint64_t serial, usec deadline, struct buf *answer, int *ret_code,
                     struct err *ret_error, struct err *e);
