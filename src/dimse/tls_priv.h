// SPDX-License-Identifier: Apache-2.0
// What the settings of TLS (tls.c) and its streams (stream_tls.c) share.
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/hash.h"

#define TLS_READ_LEN ((size_t)64 * 1024) // read from the socket at once
#define TLS_RECORD_LEN 16384             // the most that one record holds

struct dimse_tls {
    bool server;
    SSL_CTX *context;
    BIO_METHOD *method;
};

bool tls_fingerprint(const X509 *x, struct hash *ret_fingerprint);
