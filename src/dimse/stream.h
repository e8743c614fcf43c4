// SPDX-License-Identifier: Apache-2.0
// A connected byte stream between two nodes, plain TCP or TLS. Nagle's algorithm is off; a call
// sends what it is given in as few segments as the kernel allows. Everything waits with a deadline.
// One thread reads and writes a stream; any other thread may only wake it (dimse_stream_break).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/slice.h"

struct dimse_stream;
struct dimse_tls; // tls.h
struct err;

#define DIMSE_HOST_MAX 253
#define DIMSE_PORT_DEFAULT 11112 // registered with IANA for DICOM
#define DIMSE_PORT_TLS 2762      // registered with IANA for DICOM over TLS

// "192.0.2.7:11112", "[2001:db8::7]:104", "station.suite:104".
struct dimse_address {
    char host[DIMSE_HOST_MAX + 1];
    uint16_t port;
};
// E_ARGUMENT. A missing port is DIMSE_PORT_DEFAULT.
int dimse_address_parse(const char *text, struct dimse_address *ret_address, struct err *e);

// `tls` NULL: plain. E_TIMEOUT, E_IO (refused, unreachable), E_DENIED (certificate) say which
// address. TLS is shaken by hands before it returns.
int dimse_stream_connect(const struct dimse_address *to, struct dimse_tls *tls, uint32_t timeout_ms,
                         struct dimse_stream **ret_stream, struct err *e);
// Takes over an accepted socket, also when it fails.
int dimse_stream_accept(int fd, struct dimse_tls *tls, uint32_t timeout_ms,
                        struct dimse_stream **ret_stream, struct err *e);
// Takes over one end of any stream socket (tests; socketpair).
int dimse_stream_adopt(int fd, struct dimse_stream **ret_stream, struct err *e);
void dimse_stream_close(struct dimse_stream *s); // NULL allowed; sends TLS close_notify

// At least one byte, at most `len`; 0 when the peer closed its side. E_TIMEOUT after timeout_ms
// without a byte, E_CANCELLED when broken by another thread.
int dimse_stream_read(struct dimse_stream *s, void *bytes, size_t len, uint32_t timeout_ms,
                      size_t *ret_len, struct err *e);
// All of the pieces, in order. timeout_ms is how long the peer may take for each 16 KiB of them.
int dimse_stream_write(struct dimse_stream *s, const struct slice *pieces, size_t count,
                       uint32_t timeout_ms, struct err *e);
// Whether a read would not wait.
bool dimse_stream_ready(struct dimse_stream *s);
// From any thread: reads and writes fail with E_CANCELLED from now on.
void dimse_stream_break(struct dimse_stream *s);
bool dimse_stream_broken(struct dimse_stream *s);
// Another holder, on any thread, who may break the stream, also when it is closed already; its
// memory lasts until the last holder lets go.
struct dimse_stream *dimse_stream_hold(struct dimse_stream *s);
void dimse_stream_let_go(struct dimse_stream *s); // NULL allowed
bool dimse_stream_is_closed(struct dimse_stream *s);

const char *dimse_stream_peer(const struct dimse_stream *s);      // "192.0.2.7:40123", for the log
const char *dimse_stream_peer_host(const struct dimse_stream *s); // numeric address alone
bool dimse_stream_secure(const struct dimse_stream *s);
// SHA-256 of the peer's certificate (DER); false when it showed none.
bool dimse_stream_certificate(const struct dimse_stream *s, struct hash *ret_fingerprint);
