// SPDX-License-Identifier: Apache-2.0
// Secure streams: who is let in and who is not, in words; what may be negotiated; settings that are
// refused; peers that do not speak TLS, are silent or close. Certificates are made by the test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "dimse/stream_priv.h"
#include "dimse/tls.h"

#define TIMEOUT_MS 5000
#define DAY 86400L

static char folder[] = "/tmp/maclab-tls-XXXXXX";
static char path_text[256][128];

// "…/NAME", in a ring of texts.
static const char *path(const char *name) {
    static unsigned next;
    char *out = path_text[next++ % 256];
    (void)snprintf(out, sizeof path_text[0], "%s/%s", folder, name);
    return out;
}

// --- certificates

static void write_key(const char *name, EVP_PKEY *key, mode_t mode) {
    FILE *f = fopen(path(name), "we");
    assert_non_null(f);
    assert_int_equal(fchmod(fileno(f), mode), 0);
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(f), 0);
}

static void write_certificate(const char *name, X509 *x) {
    FILE *f = fopen(path(name), "we");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, x), 1);
    assert_int_equal(fclose(f), 0);
}

static void extend(X509 *x, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

// NAME.pem and NAME.key; signed by `issuer` (self when NULL), valid from `from` to `to` (seconds
// from now).
static X509 *make(const char *name, X509 *issuer, EVP_PKEY *issuer_key, long from, long to,
                  EVP_PKEY **ret_key) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    char file[64];
    static long serial = 1;
    assert_true(key != NULL && x != NULL);
    assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    (void)X509_gmtime_adj(X509_getm_notBefore(x), from);
    (void)X509_gmtime_adj(X509_getm_notAfter(x), to);
    (void)X509_set_pubkey(x, key);
    X509_NAME *subject = X509_get_subject_name(x);
    (void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
    (void)X509_set_issuer_name(x, issuer != NULL ? X509_get_subject_name(issuer) : subject);
    extend(x, NID_basic_constraints, issuer == NULL ? "critical,CA:TRUE" : "CA:FALSE");
    extend(x, NID_subject_alt_name, "DNS:node.suite,IP:192.0.2.7");
    assert_true(X509_sign(x, issuer != NULL ? issuer_key : key, EVP_sha256()) > 0);
    (void)snprintf(file, sizeof file, "%s.pem", name);
    write_certificate(file, x);
    (void)snprintf(file, sizeof file, "%s.key", name);
    write_key(file, key, 0600);
    if (ret_key != NULL) {
        *ret_key = key;
    } else {
        EVP_PKEY_free(key);
    }
    return x;
}

static int make_certificates(void **unused) {
    (void)unused;
    (void)signal(SIGPIPE, SIG_DFL); // a library must not need it ignored
    assert_non_null(mkdtemp(folder));
    EVP_PKEY *ca_key = NULL;
    X509 *ca = make("ca", NULL, NULL, -DAY, 10 * DAY, &ca_key);
    X509_free(make("node", ca, ca_key, -DAY, DAY, NULL));
    X509_free(make("station", ca, ca_key, -DAY, DAY, NULL));
    X509_free(make("expired", ca, ca_key, -2 * DAY, -DAY, NULL));
    X509_free(make("early", ca, ca_key, DAY, 2 * DAY, NULL));
    X509_free(make("stranger", NULL, NULL, -DAY, DAY, NULL));
    X509_free(make("stranger_expired", NULL, NULL, -2 * DAY, -DAY, NULL));
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    return 0;
}

static int remove_certificates(void **unused) {
    (void)unused;
    static const char *const names[] = {"ca",    "node",     "station",         "expired",
                                        "early", "stranger", "stranger_expired"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char file[64];
        (void)snprintf(file, sizeof file, "%s.pem", names[i]);
        (void)unlink(path(file));
        (void)snprintf(file, sizeof file, "%s.key", names[i]);
        (void)unlink(path(file));
    }
    return rmdir(folder);
}

static struct dimse_tls_options options(const char *name, bool server) {
    char file[64];
    struct dimse_tls_options o = {.server = server, .trusted = path("ca.pem")};
    if (name != NULL) {
        (void)snprintf(file, sizeof file, "%s.pem", name);
        o.certificate = path(file);
        (void)snprintf(file, sizeof file, "%s.key", name);
        o.key = path(file);
    }
    return o;
}

static struct dimse_tls *open_tls(const struct dimse_tls_options *o) {
    struct dimse_tls *tls = NULL;
    struct err e = {0};
    if (dimse_tls_open(o, &tls, &e) != E_OK) {
        fail_msg("%s", e.text);
    }
    return tls;
}

// --- both ends

struct end {
    int fd;
    struct dimse_tls *tls;
    bool client;
    struct dimse_stream *stream;
    int rc;
    struct err e;
};

static void *shake(void *argument) {
    struct end *end = argument;
    if (!end->client) {
        end->rc = dimse_stream_accept(end->fd, end->tls, TIMEOUT_MS, &end->stream, &end->e);
        return NULL;
    }
    end->rc = stream_new(end->fd, &end->stream, &end->e);
    if (end->rc == E_OK) {
        end->rc = stream_secure(end->stream, end->tls, "node.suite", TIMEOUT_MS, &end->e);
    }
    if (end->rc == E_OK) {
        // TLS 1.3: whether the server likes our certificate comes with its first byte.
        uint8_t byte;
        size_t len = 0;
        end->rc = dimse_stream_read(end->stream, &byte, 1, TIMEOUT_MS, &len, &end->e);
    }
    return NULL;
}

static void meet(const struct dimse_tls_options *server, const struct dimse_tls_options *client,
                 struct end *s, struct end *c) {
    int pair[2];
    pthread_t thread;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    *s = (struct end){.fd = pair[0], .tls = open_tls(server)};
    *c = (struct end){.fd = pair[1], .tls = open_tls(client), .client = true};
    assert_int_equal(pthread_create(&thread, NULL, shake, c), 0);
    (void)shake(s);
    if (s->rc == E_OK) {
        struct slice hello = slice_of("!", 1);
        (void)dimse_stream_write(s->stream, &hello, 1, TIMEOUT_MS, &s->e);
    }
    (void)pthread_join(thread, NULL);
}

static void part(struct end *s, struct end *c) {
    dimse_stream_close(s->stream);
    dimse_stream_close(c->stream);
    dimse_tls_close(s->tls);
    dimse_tls_close(c->tls);
}

// --- who is let in

static void expect(const struct dimse_tls_options *server, const struct dimse_tls_options *client,
                   int server_rc, int client_rc, const char *words) {
    struct end s;
    struct end c;
    meet(server, client, &s, &c);
    if (s.rc != server_rc || c.rc != client_rc) {
        fail_msg("server %s (%s), client %s (%s)", err_name(s.rc), s.e.text, err_name(c.rc),
                 c.e.text);
    }
    const char *told = s.rc != E_OK ? s.e.text : c.e.text;
    if (words != NULL && strstr(told, words) == NULL) {
        fail_msg("%s", told);
    }
    part(&s, &c);
}

static void mutual(void **unused) {
    (void)unused;
    struct dimse_tls_options server = options("node", true);
    struct dimse_tls_options client = options("station", false);
    struct end s;
    struct end c;
    struct hash seen;
    struct hash known;
    struct err e = {0};
    client.host = "node.suite";
    meet(&server, &client, &s, &c);
    assert_int_equal(s.rc, E_OK);
    assert_int_equal(c.rc, E_OK);
    assert_true(dimse_stream_secure(s.stream));
    assert_true(dimse_stream_certificate(s.stream, &seen));
    assert_int_equal(dimse_certificate_fingerprint(path("station.pem"), &known, &e), E_OK);
    assert_true(hash_eq(&seen, &known));
    assert_true(dimse_stream_certificate(c.stream, &seen));
    assert_int_equal(dimse_certificate_fingerprint(path("node.pem"), &known, &e), E_OK);
    assert_true(hash_eq(&seen, &known));
    part(&s, &c);
}

static void let_in_or_not(void **unused) {
    (void)unused;
    struct dimse_tls_options server = options("node", true);
    struct dimse_tls_options nobody = options(NULL, false);
    struct dimse_tls_options stranger = options("stranger", false);
    struct dimse_tls_options station = options("station", false);
    expect(&server, &nobody, E_DENIED, E_DENIED, "no certificate");
    expect(&server, &stranger, E_DENIED, E_DENIED, "self-signed certificate");
    // A client that does not know our authority.
    struct dimse_tls_options doubting = options("station", false);
    doubting.trusted = path("stranger.pem");
    expect(&server, &doubting, E_DENIED, E_DENIED, NULL);
    // A name that is not in the certificate.
    struct dimse_tls_options elsewhere = options("station", false);
    elsewhere.host = "other.suite";
    expect(&server, &elsewhere, E_DENIED, E_DENIED, NULL);
    elsewhere.host = "192.0.2.7";
    expect(&server, &elsewhere, E_OK, E_OK, NULL);
    elsewhere.host = "192.0.2.8";
    expect(&server, &elsewhere, E_DENIED, E_DENIED, NULL);
    // A server that lets anybody come.
    server.anonymous_peer = true;
    expect(&server, &nobody, E_OK, E_OK, NULL);
    expect(&server, &stranger, E_DENIED, E_DENIED, NULL);
    // The peer's own certificate in the list.
    server.anonymous_peer = false;
    server.trusted = path("stranger.pem");
    expect(&server, &stranger, E_OK, E_OK, NULL);
    expect(&server, &station, E_DENIED, E_DENIED, "self-signed");
    server.trusted = path("station.pem");
    expect(&server, &station, E_OK, E_OK, NULL);
}

static void pinned(void **unused) {
    (void)unused;
    struct dimse_tls_options server = options("node", true);
    struct dimse_tls_options stranger = options("stranger", false);
    struct dimse_tls_options nobody = options(NULL, false);
    server.trusted = NULL;
    server.any_certificate = true;
    expect(&server, &stranger, E_OK, E_OK, NULL);
    expect(&server, &nobody, E_DENIED, E_DENIED, "no certificate");
}

// Our own settings refuse certificates out of their dates, so that a bare client shows them.
static void *bare_client(void *argument) {
    struct end *end = argument;
    sigset_t pipe; // OpenSSL's own sockets raise it
    (void)sigemptyset(&pipe);
    (void)sigaddset(&pipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    char file[64];
    SSL_CTX_set_security_level(context, 0);
    (void)snprintf(file, sizeof file, "%.40s.pem", end->e.path);
    (void)SSL_CTX_use_certificate_chain_file(context, path(file));
    (void)snprintf(file, sizeof file, "%.40s.key", end->e.path);
    (void)SSL_CTX_use_PrivateKey_file(context, path(file), SSL_FILETYPE_PEM);
    if (end->rc != 0) {
        (void)SSL_CTX_set_max_proto_version(context, end->rc);
        (void)SSL_CTX_set_min_proto_version(context, end->rc);
    }
    if (end->e.text[0] != '\0') {
        (void)SSL_CTX_set_cipher_list(context, end->e.text);
    }
    SSL *ssl = SSL_new(context);
    (void)SSL_set_fd(ssl, end->fd);
    end->rc = SSL_connect(ssl);
    if (end->rc == 1) {
        uint8_t byte;
        end->rc = SSL_read(ssl, &byte, 1);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    (void)close(end->fd);
    return NULL;
}

// certificate, protocol version (0: any), suites; what the server says.
static void expect_bare(const struct dimse_tls_options *server, const char *certificate,
                        int version, const char *suites, int server_rc, const char *words) {
    int pair[2];
    pthread_t thread;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct end s = {.fd = pair[0], .tls = open_tls(server)};
    struct end c = {.fd = pair[1], .rc = version};
    (void)snprintf(c.e.path, sizeof c.e.path, "%s", certificate);
    (void)snprintf(c.e.text, sizeof c.e.text, "%s", suites);
    assert_int_equal(pthread_create(&thread, NULL, bare_client, &c), 0);
    (void)shake(&s);
    if (s.rc != server_rc || strstr(s.e.text, words) == NULL) {
        fail_msg("%s %d %s: %s: %s", certificate, version, suites, err_name(s.rc), s.e.text);
    }
    if (s.rc == E_OK) {
        struct slice hello = slice_of("!", 1);
        (void)dimse_stream_write(s.stream, &hello, 1, TIMEOUT_MS, &s.e);
    }
    dimse_stream_close(s.stream);
    (void)pthread_join(thread, NULL);
    assert_int_equal(c.rc == 1, server_rc == E_OK);
    dimse_tls_close(s.tls);
}

static void dates(void **unused) {
    (void)unused;
    struct dimse_tls_options server = options("node", true);
    expect_bare(&server, "station", 0, "", E_OK, "");
    expect_bare(&server, "expired", 0, "", E_DENIED, "expired");
    expect_bare(&server, "early", 0, "", E_DENIED, "not yet valid");
    server.any_certificate = true;
    expect_bare(&server, "stranger", 0, "", E_OK, "");
    expect_bare(&server, "stranger_expired", 0, "", E_DENIED, "expired"); // pinned or not
}

static void profile(void **unused) {
    (void)unused;
    struct dimse_tls_options server = options("node", true);
    expect_bare(&server, "station", TLS1_3_VERSION, "", E_OK, "");
    expect_bare(&server, "station", TLS1_2_VERSION, "", E_OK, "");
    expect_bare(&server, "station", TLS1_1_VERSION, "", E_DENIED, "unsupported protocol");
    expect_bare(&server, "station", TLS1_VERSION, "", E_DENIED, "unsupported protocol");
    expect_bare(&server, "station", TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", E_OK, "");
    expect_bare(&server, "station", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", E_DENIED,
                "no shared cipher");
    expect_bare(&server, "station", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", E_DENIED,
                "no shared cipher");
    expect_bare(&server, "station", TLS1_2_VERSION, "AES128-GCM-SHA256", E_DENIED,
                "no shared cipher");
}

// A client of TLS 1.2 that asks for another handshake does not get it.
static void *asks_again(void *argument) {
    struct end *end = argument;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    (void)SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    (void)SSL_CTX_use_certificate_chain_file(context, path("station.pem"));
    (void)SSL_CTX_use_PrivateKey_file(context, path("station.key"), SSL_FILETYPE_PEM);
    SSL *ssl = SSL_new(context);
    (void)SSL_set_fd(ssl, end->fd);
    end->rc = SSL_connect(ssl) == 1 && SSL_renegotiate(ssl) == 1 ? SSL_do_handshake(ssl) : -2;
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    (void)shutdown(end->fd, SHUT_RDWR);
    return NULL;
}

static void no_renegotiation(void **unused) {
    (void)unused;
    int pair[2];
    pthread_t thread;
    struct dimse_tls_options o = options("node", true);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct end s = {.fd = pair[0], .tls = open_tls(&o)};
    struct end c = {.fd = pair[1]};
    uint8_t byte;
    size_t len = 0;
    assert_int_equal(pthread_create(&thread, NULL, asks_again, &c), 0);
    (void)shake(&s);
    assert_int_equal(s.rc, E_OK);
    (void)dimse_stream_read(s.stream, &byte, 1, TIMEOUT_MS, &len, &s.e);
    assert_int_equal(len, 0);
    (void)pthread_join(thread, NULL);
    assert_true(c.rc != 1 && c.rc != -2);
    dimse_stream_close(s.stream);
    dimse_tls_close(s.tls);
    (void)close(pair[1]);
}

// --- peers that do not shake hands

static void no_handshake(const char *bytes, size_t len, bool shut, uint32_t timeout_ms, int code,
                         const char *words) {
    int pair[2];
    struct dimse_tls_options o = options("node", true);
    struct dimse_tls *tls = open_tls(&o);
    struct dimse_stream *stream = NULL;
    struct err e = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(write(pair[1], bytes, len), len);
    if (shut) {
        assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
    }
    usec start = clock_monotonic(clock_system());
    int rc = dimse_stream_accept(pair[0], tls, timeout_ms, &stream, &e);
    assert_true(clock_monotonic(clock_system()) - start < 3 * CLOCK_SECOND);
    if (rc != code || strstr(e.text, words) == NULL) {
        fail_msg("%s: %s", err_name(rc), e.text);
    }
    assert_null(strstr(e.text, "ssl/")); // no files of OpenSSL's
    (void)close(pair[1]);
    dimse_tls_close(tls);
}

static void strange_peers(void **unused) {
    (void)unused;
    // An A-ASSOCIATE-RQ in the clear, HTTP, nothing, the start of a handshake, its end too early.
    no_handshake("\1\0\0\0\0\xCD\0\1\0\0MACLAB", 16, false, TIMEOUT_MS, E_SYNTAX, "speak TLS");
    no_handshake("GET / HTTP/1.1\r\n\r\n", 18, false, TIMEOUT_MS, E_SYNTAX, "speak TLS");
    no_handshake("", 0, false, 100, E_TIMEOUT, "no TLS handshake");
    no_handshake("\x16\3\1\2\0\1", 6, false, 100, E_TIMEOUT, "no TLS handshake");
    no_handshake("\x16\3\1\2\0\1", 6, true, TIMEOUT_MS, E_CANCELLED, "");
    no_handshake("", 0, true, TIMEOUT_MS, E_CANCELLED, "");
}

// A byte now and then does not lengthen the handshake's time.
static void *drip(void *argument) {
    const int *fd = argument;
    static const uint8_t bytes[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3};
    for (size_t i = 0; i < 200; i++) {
        uint8_t byte = i < sizeof bytes ? bytes[i] : 7;
        if (send(*fd, &byte, 1, MSG_NOSIGNAL) != 1) {
            break;
        }
        (void)usleep(10000);
    }
    return NULL;
}

static void dripping_handshake(void **unused) {
    (void)unused;
    int pair[2];
    pthread_t thread;
    struct dimse_tls_options o = options("node", true);
    struct dimse_tls *tls = open_tls(&o);
    struct dimse_stream *stream = NULL;
    struct err e = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(pthread_create(&thread, NULL, drip, &pair[1]), 0);
    usec start = clock_monotonic(clock_system());
    assert_int_equal(dimse_stream_accept(pair[0], tls, 200, &stream, &e), E_TIMEOUT);
    assert_true(clock_monotonic(clock_system()) - start < CLOCK_SECOND);
    (void)pthread_join(thread, NULL);
    (void)close(pair[1]);
    dimse_tls_close(tls);
}

// --- bytes

#define BIG ((size_t)3 << 20)

struct sending {
    struct dimse_stream *stream;
    const struct slice *pieces;
    size_t count;
    int rc;
    struct err e;
};

static void *send_all(void *argument) {
    struct sending *s = argument;
    s->rc = dimse_stream_write(s->stream, s->pieces, s->count, TIMEOUT_MS, &s->e);
    return NULL;
}

// Heads and bodies of all sizes around a record's, in one call.
static void many_pieces(void **unused) {
    (void)unused;
    static const size_t sizes[] = {12, 16372, 1, 16384, 16383, 16385, 0, 5, 40000, 100000, 3, 2, 1};
    struct dimse_tls_options server = options("node", true);
    struct dimse_tls_options client = options("station", false);
    struct end s;
    struct end c;
    meet(&server, &client, &s, &c);
    assert_int_equal(c.rc, E_OK);
    uint8_t *sent = malloc(BIG);
    uint8_t *got = malloc(BIG);
    struct slice pieces[600];
    size_t count = 0;
    size_t len = 0;
    for (size_t i = 0; i < BIG; i++) {
        sent[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    while (count < 600 && len + 100000 <= BIG) {
        size_t size = sizes[count % (sizeof sizes / sizeof sizes[0])];
        pieces[count++] = slice_of(sent + len, size);
        len += size;
    }
    struct sending job = {.stream = c.stream, .pieces = pieces, .count = count};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_all, &job), 0);
    size_t at = 0;
    while (at < len) {
        size_t n = 0;
        struct err e = {0};
        assert_int_equal(dimse_stream_read(s.stream, got + at, BIG - at, TIMEOUT_MS, &n, &e), E_OK);
        assert_true(n > 0);
        at += n;
    }
    (void)pthread_join(thread, NULL);
    assert_int_equal(job.rc, E_OK);
    assert_int_equal(at, len);
    assert_memory_equal(sent, got, len);
    assert_false(dimse_stream_ready(s.stream));
    free(sent);
    free(got);
    part(&s, &c);
}

// close_notify is the end of the stream; what is written to a peer that is gone is an error, not a
// signal.
static void closing(void **unused) {
    (void)unused;
    struct dimse_tls_options server = options("node", true);
    struct dimse_tls_options client = options("station", false);
    struct end s;
    struct end c;
    uint8_t bytes[16];
    size_t len = 99;
    struct err e = {0};
    meet(&server, &client, &s, &c);
    assert_int_equal(c.rc, E_OK);
    assert_int_equal(dimse_stream_read(s.stream, bytes, sizeof bytes, 50, &len, &e), E_TIMEOUT);
    dimse_stream_close(c.stream);
    c.stream = NULL;
    assert_true(dimse_stream_ready(s.stream));
    assert_int_equal(dimse_stream_read(s.stream, bytes, sizeof bytes, TIMEOUT_MS, &len, &e), E_OK);
    assert_int_equal(len, 0);
    struct slice word = slice_of("word", 4);
    int rc = E_OK;
    for (int i = 0; i < 3 && rc == E_OK; i++) {
        rc = dimse_stream_write(s.stream, &word, 1, TIMEOUT_MS, &e);
    }
    assert_int_equal(rc, E_CANCELLED);
    part(&s, &c);
}

// --- settings

static void expect_refused(const struct dimse_tls_options *o, int code, const char *words) {
    struct dimse_tls *tls = NULL;
    struct err e = {0};
    int rc = dimse_tls_open(o, &tls, &e);
    if (rc != code || strstr(e.text, words) == NULL) {
        fail_msg("%s: %s", err_name(rc), e.text);
    }
    assert_null(tls);
}

static void settings(void **unused) {
    (void)unused;
    struct dimse_tls_options o = options("node", true);
    o.key = path("station.key");
    expect_refused(&o, E_ARGUMENT, "does not belong");
    o.key = NULL;
    expect_refused(&o, E_ARGUMENT, "without a key");
    o.key = path("absent.key");
    expect_refused(&o, E_NOT_FOUND, "absent.key");
    o.key = path("ca.pem");
    expect_refused(&o, E_DENIED, "ca.pem"); // not private, for one
    o = options("node", true);
    o.certificate = path("absent.pem");
    expect_refused(&o, E_NOT_FOUND, "absent.pem");
    o.certificate = path("node.key");
    expect_refused(&o, E_ARGUMENT, "node.key");
    o.certificate = NULL;
    expect_refused(&o, E_ARGUMENT, "needs a certificate");
    o = options("expired", true);
    expect_refused(&o, E_ARGUMENT, "has expired");
    o = options("early", false);
    expect_refused(&o, E_ARGUMENT, "not valid yet");
    o = options("node", true);
    o.trusted = NULL;
    expect_refused(&o, E_ARGUMENT, "nobody is trusted");
    o.trusted = path("absent.pem");
    expect_refused(&o, E_NOT_FOUND, "absent.pem");
    o.trusted = path("node.key");
    expect_refused(&o, E_ARGUMENT, "node.key");
    static const mode_t modes[] = {0604, 0644, 0602, 0620};
    for (size_t i = 0; i < 4; i++) {
        o = options("node", true);
        assert_int_equal(chmod(o.key, modes[i]), 0);
        expect_refused(&o, E_DENIED, "others may");
    }
    assert_int_equal(chmod(o.key, 0640), 0); // a group that may read it
    dimse_tls_close(open_tls(&o));
    assert_int_equal(chmod(o.key, 0600), 0);
}

static void fingerprints(void **unused) {
    (void)unused;
    struct hash pem;
    struct hash der;
    struct err e = {0};
    X509 *x = NULL;
    FILE *f = fopen(path("node.pem"), "re");
    assert_non_null(f);
    x = PEM_read_X509(f, NULL, NULL, NULL);
    (void)fclose(f);
    f = fopen(path("node.der"), "we");
    assert_int_equal(i2d_X509_fp(f, x), 1);
    (void)fclose(f);
    X509_free(x);
    assert_int_equal(dimse_certificate_fingerprint(path("node.pem"), &pem, &e), E_OK);
    assert_int_equal(dimse_certificate_fingerprint(path("node.der"), &der, &e), E_OK);
    assert_true(hash_eq(&pem, &der));
    assert_int_equal(unlink(path("node.der")), 0);
    assert_int_equal(dimse_certificate_fingerprint(path("node.key"), &pem, &e), E_ARGUMENT);
    assert_int_equal(dimse_certificate_fingerprint(path("absent"), &pem, &e), E_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutual),        cmocka_unit_test(let_in_or_not),
        cmocka_unit_test(pinned),        cmocka_unit_test(dates),
        cmocka_unit_test(profile),       cmocka_unit_test(no_renegotiation),
        cmocka_unit_test(strange_peers), cmocka_unit_test(dripping_handshake),
        cmocka_unit_test(many_pieces),   cmocka_unit_test(closing),
        cmocka_unit_test(settings),      cmocka_unit_test(fingerprints),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
