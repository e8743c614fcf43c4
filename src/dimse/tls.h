// SPDX-License-Identifier: Apache-2.0
// Secure connections as the BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile of
// PS3.15 B.12 says: TLS 1.2 and 1.3 only, the profile's cipher suites and groups, both sides
// authenticated. Certificates are trusted by a list of authorities or pinned (a peer's own
// certificate, by SHA-256); pinning is checked by who negotiates (dimse_stream_certificate).
#pragma once

#include <stdbool.h>

#include "base/hash.h"

struct dimse_tls; // shared by threads
struct err;

struct dimse_tls_options {
    bool server;
    const char *certificate; // PEM file, own certificate with its chain; may be NULL for a client
    const char *key;         // PEM file; E_DENIED when others may read it
    const char *trusted;     // PEM file of authorities or of peers' own certificates; NULL: none
    bool any_certificate;    // the peer shows one that no authority here vouches for: the caller
                             // compares its fingerprint with a pinned one. Never without pinning
    bool anonymous_peer;     // a server that lets clients come without a certificate
    const char *host;        // a client checks the name in the certificate; NULL: it does not
};
// Errors name the file. Own certificate out of its dates: E_ARGUMENT.
int dimse_tls_open(const struct dimse_tls_options *options, struct dimse_tls **ret_tls,
                   struct err *e);
void dimse_tls_close(struct dimse_tls *tls); // NULL allowed

// SHA-256 (DER) of the first certificate in a PEM or DER file: what a peer is pinned by.
int dimse_certificate_fingerprint(const char *file, struct hash *ret_fingerprint, struct err *e);
