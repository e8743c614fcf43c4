// SPDX-License-Identifier: Apache-2.0
// What a worker that was taken over may send its parent: the input is written to one end of a
// socket pair and read as an answer at the other. Whatever comes, the parent has a verdict, an
// error text fit to print, and no more bytes than were announced.
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/utf8.h"
#include "worker/exchange.h"

#define INPUT_MAX ((size_t)100000) // fits the socket's buffer, so that the writer never waits
#define SERIAL 1

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_text(const char *text, size_t size) {
    size_t len = strnlen(text, size);
    assert(len < size);
    assert(utf8_valid(slice_of(text, len)));
    for (size_t i = 0; i < len; i++) {
        assert((unsigned char)text[i] >= 0x20 && text[i] != 0x7F);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    int pair[2];
    if (len > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return 0;
    }
    ssize_t sent = len > 0 ? send(pair[1], data, len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    (void)close(pair[1]);
    if (sent == (ssize_t)len) {
        struct buf answer;
        struct err told = {0};
        struct err e = {0};
        int code = E_OK;
        buf_init(&answer, 65536);
        usec deadline = clock_monotonic(clock_system()) + CLOCK_SECOND;
        int rc = exchange_receive(pair[0], SERIAL, deadline, &answer, &code, &told, &e);
        assert(rc <= 0 && (rc == E_OK || e.code == rc));
        assert(answer.len <= len && (rc == E_OK || answer.len == 0));
        if (rc == E_OK && code < 0) {
            assert(told.code == code && answer.len == 0);
            check_text(told.path, sizeof told.path);
            check_text(told.text, sizeof told.text);
        }
        buf_done(&answer);
    }
    (void)close(pair[0]);
    return 0;
}
