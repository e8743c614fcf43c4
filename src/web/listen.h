// SPDX-License-Identifier: Apache-2.0
// The listening socket. While the gate only checks structure nothing but loopback may be bound
// (clauses C1b and A0: images that nobody has proved anonymous do not leave the machine).
#pragma once

#include <stdint.h>

struct err;

#define WEB_BACKLOG 512

struct web_address {
    char host[64]; // numeric, without brackets
    uint16_t port;
};

// "127.0.0.1:8080", "[::1]:8080", "localhost:8080". Port 0: the kernel chooses.
int web_address_parse(const char *text, struct web_address *ret_address, struct err *e);

// E_DENIED with clause and reason when the address is not loopback; E_LOCKED when the port is
// taken.
int web_listen(const struct web_address *address, int *ret_fd, uint16_t *ret_port, struct err *e);
