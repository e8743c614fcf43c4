// SPDX-License-Identifier: Apache-2.0
// The bytes between parent and child. Both run the same program on the same machine, so numbers are
// in host order. A request is a head and its bytes; an answer is a head, for errors the record of
// the error, and its bytes. Answers come from a process that may have been taken over: every field
// is checked here, nothing of it is trusted. Not here: sending and receiving
// (exchange.h, child.c).
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/slice.h"

#define FRAME_REQUEST_MAGIC 0x5157434DU // "MCWQ"
#define FRAME_ANSWER_MAGIC 0x4157434DU  // "MCWA"
#define FRAME_POSITIVE_MAX 1000         // largest expected outcome that may come back

struct frame_request {
    uint32_t magic;
    uint32_t job;
    uint64_t serial; // the answer repeats it
    uint32_t len;    // of the bytes behind
    uint8_t has_in, has_out;
    uint8_t reserved[2];
};

struct frame_answer {
    uint32_t magic;
    int32_t code;
    uint64_t serial;
    uint64_t len; // of the bytes behind head and error record
};

// Sent behind the head when code is negative.
struct frame_error {
    uint64_t offset;
    uint8_t has_offset;
    uint8_t reserved[7];
    char path[ERR_PATH_MAX];
    char text[ERR_TEXT_MAX];
};

// The hello of a child that has closed its sandbox: serial 0, code 0, len of this record.
struct frame_hello {
    uint32_t job_count;
    uint32_t landlock_abi;
};

#define FRAME_HEAD_LEN sizeof(struct frame_answer)

void frame_pack_answer(struct frame_answer *out, uint64_t serial, int code, uint64_t len);
void frame_pack_error(struct frame_error *out, const struct err *e);

// E_SYNTAX with a sentence unless `head` (FRAME_HEAD_LEN bytes) is an answer to `serial` with a
// code of the list or an expected outcome and at most `len_max` bytes (none for errors).
int frame_parse_answer(struct slice head, uint64_t serial, uint64_t len_max,
                       struct frame_answer *ret_answer, struct err *e);

// The error record of an answer with `code`, made fit to show: terminated, control characters and
// bytes that are not UTF-8 replaced by '?'. Returns code. E_SYNTAX when the length is not the
// record's.
int frame_parse_error(struct slice record, int code, struct err *ret_error);

// `len` bytes of the message's parts have gone over: what is left begins behind them.
void frame_advance(struct msghdr *message, size_t len);
