// SPDX-License-Identifier: Apache-2.0
#include "dimse/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "dimse/tls_priv.h"

// PS3.15 B.12 (RFC 9325 4.2): of TLS 1.2 ephemeral elliptic curves and authenticated encryption.
#define SUITES_12                                                                                  \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                   \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define SUITES_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384:P-521"
#define SECURITY_LEVEL 2 // RSA of 2048 bits, elliptic curves of 224 bits, no SHA-1
#define CERTIFICATE_CHAIN_MAX 65536
#define HOST_OF_ADDRESS_MAX 64

static void cleanup_x509(X509 **x) { X509_free(*x); }
static void cleanup_bio(BIO **b) { BIO_free(*b); }

// OpenSSL's own words for its latest error, without its files and functions.
static const char *reason(void) {
    unsigned long code = ERR_peek_last_error();
    const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return text != NULL ? text : "not usable";
}

// --- a socket that a closed peer does not turn into a signal

static int bio_write(BIO *b, const char *bytes, int len) {
    const int *fd = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    ssize_t n;
    do {
        n = send(*fd, bytes, (size_t)len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        BIO_set_retry_write(b);
    }
    return (int)n;
}

static int bio_read(BIO *b, char *bytes, int len) {
    const int *fd = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    ssize_t n;
    do {
        n = recv(*fd, bytes, (size_t)len, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        BIO_set_retry_read(b);
    } else if (n == 0) {
        BIO_set_flags(b, BIO_FLAGS_IN_EOF);
    }
    return (int)n;
}

static long bio_control(BIO *b, int command, long number, void *pointer) {
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
    default:
        return 0;
    }
}

static BIO_METHOD *make_method(void) {
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "association");
    if (m != NULL) {
        (void)BIO_meth_set_write(m, bio_write);
        (void)BIO_meth_set_read(m, bio_read);
        (void)BIO_meth_set_ctrl(m, bio_control);
    }
    return m;
}

// --- files

static int check_mode(const char *file, struct err *e) {
    struct stat st;
    CLEANUP(cleanup_fd)
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        return err_set_errno(e, errno, "key file %s", file);
    }
    if ((st.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
        return err_set(e, E_DENIED, "key file %s: others may read or change it (mode %03o)", file,
                       st.st_mode & 0777);
    }
    return E_OK;
}

// Who made a key file with a passphrase wants to be asked; a server cannot.
static int no_passphrase(char *out, int size, int writing, void *context) {
    (void)writing;
    (void)context;
    if (size > 0) {
        out[0] = '\0';
    }
    return -1;
}

static int use_key(SSL_CTX *c, const struct dimse_tls_options *o, struct err *e) {
    int rc = check_mode(o->key, e);
    if (rc != E_OK) {
        return rc;
    }
    SSL_CTX_set_default_passwd_cb(c, no_passphrase);
    bool usable = SSL_CTX_use_PrivateKey_file(c, o->key, SSL_FILETYPE_PEM) == 1;
    unsigned long code = ERR_peek_last_error();
    if (!usable &&
        (ERR_GET_LIB(code) != ERR_LIB_X509 || ERR_GET_REASON(code) != X509_R_KEY_VALUES_MISMATCH)) {
        return err_set(e, E_ARGUMENT, "key file %s: no usable key without a passphrase (%s)",
                       o->key, reason());
    }
    if (!usable || SSL_CTX_check_private_key(c) != 1) {
        ERR_clear_error();
        return err_set(e, E_ARGUMENT, "key file %s does not belong to certificate %s", o->key,
                       o->certificate);
    }
    return E_OK;
}

static int check_dates(const X509 *x, const char *file, struct err *e) {
    if (X509_cmp_current_time(X509_get0_notBefore(x)) >= 0) {
        return err_set(e, E_ARGUMENT, "certificate %s is not valid yet", file);
    }
    if (X509_cmp_current_time(X509_get0_notAfter(x)) <= 0) {
        return err_set(e, E_ARGUMENT, "certificate %s has expired", file);
    }
    return E_OK;
}

static int use_certificate(SSL_CTX *c, const struct dimse_tls_options *o, struct err *e) {
    if (o->certificate == NULL) {
        return o->server ? err_set(e, E_ARGUMENT, "a TLS server needs a certificate") : E_OK;
    }
    if (o->key == NULL) {
        return err_set(e, E_ARGUMENT, "certificate %s without a key file", o->certificate);
    }
    if (access(o->certificate, R_OK) != 0) {
        return err_set_errno(e, errno, "certificate %s", o->certificate);
    }
    if (SSL_CTX_use_certificate_chain_file(c, o->certificate) != 1) {
        return err_set(e, E_ARGUMENT, "certificate %s: %s", o->certificate, reason());
    }
    int rc = check_dates(SSL_CTX_get0_certificate(c), o->certificate, e);
    return rc == E_OK ? use_key(c, o, e) : rc;
}

static int use_trusted(SSL_CTX *c, const struct dimse_tls_options *o, struct err *e) {
    if (o->trusted == NULL) {
        return E_OK;
    }
    if (access(o->trusted, R_OK) != 0) {
        return err_set_errno(e, errno, "trusted certificates %s", o->trusted);
    }
    if (SSL_CTX_load_verify_file(c, o->trusted) != 1) {
        return err_set(e, E_ARGUMENT, "trusted certificates %s: %s", o->trusted, reason());
    }
    // A client is told whom we trust, so that it can choose among its certificates.
    STACK_OF(X509_NAME) *names = o->server ? SSL_load_client_CA_file(o->trusted) : NULL;
    if (names != NULL) {
        SSL_CTX_set_client_CA_list(c, names);
    }
    ERR_clear_error();
    return E_OK;
}

// --- whom to believe

// With pinning the caller knows the very certificate, so that nobody has to vouch for it; its dates
// count all the same.
static int verify_pinned(int ok, X509_STORE_CTX *store) {
    switch (X509_STORE_CTX_get_error(store)) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_INVALID_PURPOSE:
        return 1;
    default:
        return ok;
    }
}

static void set_verification(SSL_CTX *c, const struct dimse_tls_options *o) {
    int mode = SSL_VERIFY_PEER;
    if (o->server && !o->anonymous_peer) {
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    SSL_CTX_set_verify(c, mode, o->any_certificate ? verify_pinned : NULL);
    // A peer's own certificate in the list of the trusted is trusted as it is.
    (void)X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(c), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_max_cert_list(c, CERTIFICATE_CHAIN_MAX);
}

static bool is_address(const char *host) {
    uint8_t bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static int set_host(SSL_CTX *c, const char *host, struct err *e) {
    X509_VERIFY_PARAM *p = SSL_CTX_get0_param(c);
    bool ok = is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1
                               : X509_VERIFY_PARAM_set1_host(p, host, 0) == 1;
    X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return ok ? E_OK : err_set(e, E_ARGUMENT, "host '%s'", host);
}

static bool set_profile(SSL_CTX *c) {
    char groups[] = GROUPS; // OpenSSL's macro takes no constant
    SSL_CTX_set_security_level(c, SECURITY_LEVEL);
    // No resumption: each connection shows its certificate, and no ticket key lives as long as the
    // server does.
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_num_tickets(c, 0);
    (void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(c, 1);
    SSL_CTX_set_default_read_buffer_len(c, TLS_READ_LEN);
    return SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(c, SUITES_12) == 1 &&
           SSL_CTX_set_ciphersuites(c, SUITES_13) == 1 && SSL_CTX_set1_groups_list(c, groups) == 1;
}

static int fill(struct dimse_tls *t, const struct dimse_tls_options *o, struct err *e) {
    if (!set_profile(t->context)) {
        return err_set(e, E_INTERNAL, "TLS profile: %s", reason());
    }
    if (o->server && o->trusted == NULL && !o->any_certificate && !o->anonymous_peer) {
        return err_set(e, E_ARGUMENT, "nobody is trusted: no peer could come in");
    }
    int rc = use_certificate(t->context, o, e);
    if (rc == E_OK) {
        rc = use_trusted(t->context, o, e);
    }
    if (rc == E_OK && o->host != NULL) {
        rc = set_host(t->context, o->host, e);
    }
    set_verification(t->context, o);
    return rc;
}

int dimse_tls_open(const struct dimse_tls_options *options, struct dimse_tls **ret_tls,
                   struct err *e) {
    struct dimse_tls *t = mem_zalloc(sizeof *t);
    if (t == NULL) {
        return err_set(e, E_MEMORY, "TLS");
    }
    t->server = options->server;
    t->context = SSL_CTX_new(options->server ? TLS_server_method() : TLS_client_method());
    t->method = make_method();
    int rc =
        t->context == NULL || t->method == NULL ? err_set(e, E_MEMORY, "TLS") : fill(t, options, e);
    if (rc != E_OK) {
        dimse_tls_close(t);
        return rc;
    }
    *ret_tls = t;
    return E_OK;
}

void dimse_tls_close(struct dimse_tls *tls) {
    if (tls == NULL) {
        return;
    }
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->method);
    ERR_clear_error();
    mem_free(tls);
}

// --- fingerprints

bool tls_fingerprint(const X509 *x, struct hash *ret_fingerprint) {
    unsigned len = 0;
    return X509_digest(x, EVP_sha256(), ret_fingerprint->bytes, &len) == 1 && len == HASH_LEN;
}

int dimse_certificate_fingerprint(const char *file, struct hash *ret_fingerprint, struct err *e) {
    CLEANUP(cleanup_bio)
    BIO *in = BIO_new_file(file, "rb");
    if (in == NULL) {
        ERR_clear_error();
        return err_set_errno(e, errno, "certificate %s", file);
    }
    CLEANUP(cleanup_x509)
    X509 *x = PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
    if (x == NULL && BIO_reset(in) >= 0) {
        x = d2i_X509_bio(in, NULL);
    }
    ERR_clear_error();
    struct hash fingerprint;
    if (x == NULL || !tls_fingerprint(x, &fingerprint)) {
        return err_set(e, E_ARGUMENT, "%s holds no certificate", file);
    }
    *ret_fingerprint = fingerprint;
    return E_OK;
}
