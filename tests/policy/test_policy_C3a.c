// SPDX-License-Identifier: Apache-2.0
// Clause C3a: images travel over secure channels. The DICOM node listens in clear on this machine
// only; elsewhere by TLS, unless the person who runs it says that the wire itself is safe.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "dimse/stream.h"
#include "node/listen.h"

static int listen_at(const char *host, bool tls, bool network, struct err *e) {
    struct dimse_address address = {.port = 0};
    int fd = -1;
    uint16_t port = 0;
    memcpy(address.host, host, strlen(host) + 1);
    *e = (struct err){0};
    int rc = node_listen(&address, tls, network, &fd, &port, e);
    if (rc == E_OK) {
        assert_true(fd >= 0);
        assert_int_not_equal(port, 0);
        (void)close(fd);
    } else {
        assert_int_equal(fd, -1);
    }
    return rc;
}

static void c3a_in_clear_on_this_machine_only(void **state) {
    (void)state;
    static const struct {
        const char *host;
        bool tls, network;
        int code;
    } rows[] = {
        {"127.0.0.1", false, false, E_OK},   {"localhost", false, false, E_OK},
        {"0.0.0.0", false, false, E_DENIED}, {"0.0.0.0", true, false, E_OK},
        {"0.0.0.0", false, true, E_OK},      {"192.0.2.1", false, false, E_DENIED},
        {"::", false, false, E_DENIED},      {"pacs.example", false, false, E_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e;
        int rc = listen_at(rows[i].host, rows[i].tls, rows[i].network, &e);
        if (rc != rows[i].code) {
            fail_msg("%s: %s", rows[i].host, e.text);
        }
        if (rc == E_DENIED) {
            assert_non_null(strstr(e.text, "C3a"));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(c3a_in_clear_on_this_machine_only)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
