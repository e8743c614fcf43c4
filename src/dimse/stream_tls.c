// SPDX-License-Identifier: Apache-2.0
// Streams over TLS.
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "dimse/stream_priv.h"
#include "dimse/tls_priv.h"

// What a secure stream has beside its socket.
struct session {
    SSL *ssl;
    uint8_t record[TLS_RECORD_LEN]; // pieces put together: a head alone makes no record
};

static const char *peer_refused(unsigned long code, char *out, size_t len) {
    const char *text = ERR_reason_error_string(code);
    const char *alert = text != NULL ? strstr(text, "alert ") : NULL;
    (void)snprintf(out, len, "the peer ended it: %s",
                   alert != NULL ? alert + 6 : (text != NULL ? text : "alert"));
    return out;
}

// The reason of the latest failure, in words.
static void describe(const struct dimse_stream *s, struct err *e) {
    const struct session *t = s->inner;
    unsigned long code = ERR_peek_last_error();
    long verdict = SSL_get_verify_result(t->ssl);
    char text[160];
    if (ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET) {
        err_set(e, E_DENIED, "TLS: %s", peer_refused(code, text, sizeof text));
    } else if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        err_set(e, E_DENIED, "the peer's certificate: %s", X509_verify_cert_error_string(verdict));
    } else if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER ||
               ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST) {
        err_set(e, E_SYNTAX, "the peer does not speak TLS");
    } else if (ERR_GET_REASON(code) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
        err_set(e, E_DENIED, "the peer showed no certificate");
    } else if (code != 0) {
        const char *words = ERR_reason_error_string(code);
        err_set(e, E_DENIED, "TLS: %s", words != NULL ? words : "failed");
    } else {
        err_set(e, E_CANCELLED, "%s broke the connection off", s->peer);
    }
    ERR_clear_error();
}

// What became of an operation that returned `n`.
static enum stream_io outcome(struct dimse_stream *s, int n, struct err *e) {
    struct session *t = s->inner;
    switch (SSL_get_error(t->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        return STREAM_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return STREAM_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return STREAM_ENDED;
    default:
        describe(s, e);
        return STREAM_FAILED;
    }
}

static enum stream_io tls_read(struct dimse_stream *s, void *bytes, size_t len, size_t *ret_len,
                               struct err *e) {
    struct session *t = s->inner;
    // A record holds 16 KiB; what is there of several comes in one call.
    size_t have = 0;
    int n;
    ERR_clear_error();
    do {
        size_t more = 0;
        n = SSL_read_ex(t->ssl, (uint8_t *)bytes + have, len - have, &more);
        have += more;
    } while (n == 1 && have < len && SSL_has_pending(t->ssl) == 1);
    if (have == 0) {
        return outcome(s, n, e);
    }
    *ret_len = have;
    return STREAM_DONE;
}

// A record's worth: of the first piece when it fills one, of several put together otherwise. What a
// call could not send comes again in the next one.
static struct slice next_record(struct session *t, const struct iovec *pieces, int count) {
    if (pieces[0].iov_len >= TLS_RECORD_LEN) {
        size_t len = pieces[0].iov_len < INT_MAX ? pieces[0].iov_len : INT_MAX;
        return slice_of(pieces[0].iov_base, len);
    }
    size_t len = 0;
    for (int i = 0; i < count && len < TLS_RECORD_LEN; i++) {
        size_t part = pieces[i].iov_len;
        part = part < TLS_RECORD_LEN - len ? part : TLS_RECORD_LEN - len;
        memcpy(t->record + len, pieces[i].iov_base, part);
        len += part;
    }
    return slice_of(t->record, len);
}

static enum stream_io tls_write(struct dimse_stream *s, const struct iovec *pieces, int count,
                                size_t *ret_len, struct err *e) {
    struct session *t = s->inner;
    struct slice record = next_record(t, pieces, count);
    ERR_clear_error();
    int n = SSL_write_ex(t->ssl, record.ptr, record.len, ret_len);
    return n == 1 ? STREAM_DONE : outcome(s, n, e);
}

static bool tls_ready(struct dimse_stream *s) {
    struct session *t = s->inner;
    uint8_t byte;
    ERR_clear_error();
    int n = SSL_peek(t->ssl, &byte, 1);
    int what = n > 0 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, n);
    ERR_clear_error();
    return what != SSL_ERROR_WANT_READ && what != SSL_ERROR_WANT_WRITE;
}

static void tls_end(struct dimse_stream *s) {
    struct session *t = s->inner;
    ERR_clear_error();
    (void)SSL_shutdown(t->ssl); // close_notify; the peer's is not waited for
    ERR_clear_error();
    SSL_free(t->ssl);
    mem_free(t);
    s->inner = NULL;
}

const struct stream_ops stream_tls = {
    .read = tls_read, .write = tls_write, .ready = tls_ready, .end = tls_end};

// --- handshake

static bool is_name(const char *host) {
    uint8_t bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) != 1 && inet_pton(AF_INET6, host, bytes) != 1;
}

static int make_session(struct dimse_stream *s, struct dimse_tls *tls, const char *host,
                        struct err *e) {
    struct session *t = mem_zalloc(sizeof *t);
    BIO *bio = BIO_new(tls->method);
    SSL *ssl = SSL_new(tls->context);
    if (t == NULL || bio == NULL || ssl == NULL) {
        mem_free(t);
        BIO_free(bio);
        SSL_free(ssl);
        ERR_clear_error();
        return err_set(e, E_MEMORY, "TLS");
    }
    BIO_set_data(bio, &s->fd);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    if (tls->server) {
        SSL_set_accept_state(ssl);
    } else {
        SSL_set_connect_state(ssl);
        if (host != NULL && is_name(host)) {
            (void)SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                           (void *)(uintptr_t)host);
        }
    }
    t->ssl = ssl;
    s->inner = t;
    s->ops = &stream_tls;
    return E_OK;
}

int stream_secure(struct dimse_stream *s, struct dimse_tls *tls, const char *host,
                  uint32_t timeout_ms, struct err *e) {
    int rc = make_session(s, tls, host, e);
    if (rc != E_OK) {
        return rc;
    }
    struct session *t = s->inner;
    uint32_t left_ms = timeout_ms; // for all of the handshake
    for (;;) {
        ERR_clear_error();
        int n = SSL_do_handshake(t->ssl);
        if (n == 1) {
            return E_OK;
        }
        enum stream_io io = outcome(s, n, e);
        if (io == STREAM_ENDED) {
            return err_set(e, E_CANCELLED, "the peer closed the connection during the handshake");
        }
        if (io == STREAM_FAILED) {
            return e->code;
        }
        rc = stream_wait(s, io == STREAM_WANT_WRITE, &left_ms, e);
        if (rc == E_TIMEOUT) {
            return err_set(e, E_TIMEOUT, "no TLS handshake within %u s", timeout_ms / 1000);
        }
        if (rc != E_OK) {
            return rc;
        }
    }
}

bool stream_tls_certificate(const struct dimse_stream *s, struct hash *ret_fingerprint) {
    const struct session *t = s->inner;
    X509 *x = SSL_get1_peer_certificate(t->ssl);
    bool ok = x != NULL && tls_fingerprint(x, ret_fingerprint);
    X509_free(x);
    return ok;
}
