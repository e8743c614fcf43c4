// SPDX-License-Identifier: Apache-2.0
// DICOM peers for the page of stations: the list, adding, changing, removing, and whether one
// answers.
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "base/buf.h"
#include "base/json.h"
#include "node/check.h"
#include "node/node.h"
#include "node/peers.h"
#include "node/strangers.h"
#include "web/json_body.h"
#include "web/json_time.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define PEERS_BODY_MAX ((size_t)4 << 20)

// --- answers
static void write_may(struct json *j, unsigned may) {
    char text[NODE_MAY_TEXT_MAX];
    json_name(j, "may");
    json_begin_array(j);
    for (unsigned i = 0; i < NODE_MAY_COUNT; i++) {
        if ((may & 1U << i) != 0) {
            json_str(j, node_may_text(1U << i, text));
        }
    }
    json_end_array(j);
}

static void write_check(struct json *j, const struct node_check *check) {
    json_begin_object(j);
    web_json_time(j, "checked", check->checked);
    json_member_bool(j, "ok", check->words[0] == '\0');
    json_member_i64(j, "connect_us", check->connect_us);
    json_member_i64(j, "echo_us", check->echo_us);
    json_member_str(j, "message", check->words);
    json_end_object(j);
}

static void write_peer(struct json *j, const struct node_peer *p, const struct node_check *check) {
    char hex[HASH_HEX_LEN + 1];
    json_begin_object(j);
    json_member_str(j, "aet", p->aet);
    json_member_str(j, "host", p->address.host);
    json_member_i64(j, "port", p->address.port);
    json_member_bool(j, "tls", p->tls);
    json_member_str(j, "certificate", p->pinned ? hash_hex(&p->certificate, hex) : NULL);
    write_may(j, p->may);
    json_member_bool(j, "identity", p->identity);
    json_member_str(j, "notes", p->notes);
    web_json_time(j, "added", p->added);
    web_json_time(j, "seen", p->seen);
    json_name(j, "check");
    if (check != NULL) {
        write_check(j, check);
    } else {
        json_null(j);
    }
    json_end_object(j);
}

static const struct node_check *check_of(const struct node_check *list, size_t count,
                                         const char *aet) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].aet, aet) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

void web_peers_get(struct web_request *r) {
    struct archive *archive = r->server->archive;
    struct node_peer *peers = NULL;
    struct node_check *checks = NULL;
    size_t peer_count = 0, check_count = 0;
    struct err e = {0};
    struct buf body;
    struct json j;
    buf_init(&body, PEERS_BODY_MAX);
    json_init(&j, &body);
    int rc = node_peer_list(archive, &r->arena, &peers, &peer_count, &e);
    if (rc == E_OK) {
        rc = node_check_list(archive, &r->arena, &checks, &check_count, &e);
    }
    json_begin_object(&j);
    json_name(&j, "peers");
    json_begin_array(&j);
    for (size_t i = 0; i < peer_count && rc == E_OK; i++) {
        write_peer(&j, &peers[i], check_of(checks, check_count, peers[i].aet));
    }
    json_end_array(&j);
    web_json_time(&j, "now", clock_now(r->server->clock));
    json_end_object(&j);
    web_answer_json(r, MHD_HTTP_OK, &body, rc, &e);
}

// --- changes
static int take_aet(struct slice text, struct node_peer *peer, struct err *e) {
    (void)snprintf(peer->aet, sizeof peer->aet, "%.*s", (int)text.len,
                   text.len > 0 ? (const char *)text.ptr : "");
    if (text.len > DIMSE_AET_MAX || !node_aet_valid(peer->aet)) {
        return err_in((err_set(e, E_ARGUMENT,
                               "an AE title has 1 to 16 ASCII characters, no backslash, no spaces "
                               "at its ends"),
                       e),
                      "aet");
    }
    return E_OK;
}

// A name or a numeric address, without port.
static int take_host(struct slice text, struct node_peer *peer, struct err *e) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  ".-:%_";
    bool good = text.len > 0 && text.len <= DIMSE_HOST_MAX;
    size_t colons = 0;
    for (size_t i = 0; i < text.len && good; i++) {
        good = text.ptr[i] != 0 && strchr(allowed, text.ptr[i]) != NULL;
        colons += text.ptr[i] == ':';
    }
    if (!good || colons == 1) { // IPv6 has two at least, a name none
        (void)err_set(e, E_ARGUMENT,
                      "the address must be a name or a numeric address, as in "
                      "station-3.suite or 192.0.2.7");
        return err_in(e, "host");
    }
    (void)snprintf(peer->address.host, sizeof peer->address.host, "%.*s", (int)text.len,
                   (const char *)text.ptr);
    return E_OK;
}

// "AB:CD…" as OpenSSL shows it, or plain hexadecimal digits.
static int take_certificate(struct slice text, struct node_peer *peer, struct err *e) {
    char hex[HASH_HEX_LEN + 1];
    size_t len = 0;
    if (text.len == 0) {
        return E_OK;
    }
    for (size_t i = 0; i < text.len && len <= HASH_HEX_LEN; i++) {
        uint8_t c = text.ptr[i];
        if (c == ':' || c == ' ') {
            continue;
        }
        hex[len < HASH_HEX_LEN ? len : HASH_HEX_LEN] =
            (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
        len++;
    }
    peer->pinned = len == HASH_HEX_LEN && hash_parse(slice_of(hex, len), &peer->certificate);
    if (!peer->pinned) {
        (void)err_set(e, E_ARGUMENT,
                      "the certificate is named by its SHA-256 fingerprint: 64 hexadecimal digits, "
                      "with or without colons");
        return err_in(e, "certificate");
    }
    return E_OK;
}

static int take_may(const struct web_json_texts *texts, struct node_peer *peer, struct err *e) {
    peer->may = 0;
    for (size_t i = 0; i < texts->count; i++) {
        unsigned one = 0;
        if (!node_may_parse((const char *)texts->list[i].ptr, &one)) {
            (void)err_set(e, E_ARGUMENT, "\"%.20s\" is nothing that a peer may do",
                          (const char *)texts->list[i].ptr);
            return err_in(e, "may");
        }
        peer->may |= one;
    }
    return E_OK;
}

static int check_together(const struct node_peer *peer, int64_t port, struct err *e) {
    if (port < 1 || port > UINT16_MAX) {
        (void)err_set(e, E_ARGUMENT, "a port is a number from 1 to 65535");
        return err_in(e, "port");
    }
    if (peer->pinned && !peer->tls) {
        (void)err_set(e, E_ARGUMENT, "a certificate can only be pinned for a peer by TLS");
        return err_in(e, "certificate");
    }
    return E_OK;
}

// `peer` comes with what stays as it is; its aet "" asks for one in the body.
static int read_peer(struct web_request *r, struct node_peer *peer, struct err *e) {
    struct slice aet = {0}, host = {0}, certificate = {0}, notes = {0};
    struct web_json_texts may = {0};
    int64_t port = DIMSE_PORT_DEFAULT;
    bool named = peer->aet[0] != '\0';
    struct web_json_member members[] = {
        {.name = "aet", .kind = WEB_JSON_TEXT, .required = !named, .ret = &aet},
        {.name = "host", .kind = WEB_JSON_TEXT, .required = true, .ret = &host},
        {.name = "port", .kind = WEB_JSON_NUMBER, .required = true, .ret = &port},
        {.name = "tls", .kind = WEB_JSON_BOOL, .ret = &peer->tls},
        {.name = "certificate", .kind = WEB_JSON_TEXT, .ret = &certificate},
        {.name = "may",
         .kind = WEB_JSON_TEXTS,
         .required = true,
         .ret = &may,
         .max = NODE_MAY_COUNT},
        {.name = "identity", .kind = WEB_JSON_BOOL, .ret = &peer->identity},
        {.name = "notes", .kind = WEB_JSON_TEXT, .ret = &notes, .max = NODE_NOTES_MAX},
    };
    int rc = web_json_body(r, members, sizeof members / sizeof members[0], e);
    if (rc == E_OK && named && aet.ptr != NULL && !slice_eq_str(aet, peer->aet)) {
        rc = err_set(e, E_ARGUMENT,
                     "an AE title cannot be changed: add the new one, then remove "
                     "this one");
    }
    rc = rc == E_OK && !named ? take_aet(aet, peer, e) : rc;
    rc = rc == E_OK ? take_host(host, peer, e) : rc;
    peer->pinned = false;
    rc = rc == E_OK ? take_certificate(certificate, peer, e) : rc;
    rc = rc == E_OK ? take_may(&may, peer, e) : rc;
    rc = rc == E_OK ? check_together(peer, port, e) : rc;
    if (rc == E_OK) {
        peer->address.port = (uint16_t)port;
        (void)snprintf(peer->notes, sizeof peer->notes, "%.*s", (int)notes.len,
                       notes.len > 0 ? (const char *)notes.ptr : "");
    }
    return rc;
}

static void answer_peer(struct web_request *r, unsigned status, const struct node_peer *peer,
                        int rc, struct err *e) {
    struct buf body;
    struct json j;
    buf_init(&body, PEERS_BODY_MAX);
    json_init(&j, &body);
    if (rc == E_OK) {
        write_peer(&j, peer, NULL);
    }
    web_answer_json(r, status, &body, rc, e);
}

static int put(struct web_request *r, const struct node_peer *peer, struct err *e) {
    bool is_new;
    int rc = node_peer_put(r->server->archive, peer, &is_new, e);
    if (rc == E_OK && r->server->dicom.node != NULL) {
        strangers_forget(node_strangers(r->server->dicom.node), peer->aet);
    }
    return rc;
}

void web_peers_post(struct web_request *r) {
    struct node_peer before, peer = {.added = clock_now(r->server->clock)};
    struct err e = {0};
    int rc = read_peer(r, &peer, &e);
    if (rc == E_OK && node_peer_find(r->server->archive, peer.aet, &before, &e) == E_OK) {
        rc = err_set(&e, E_CONFLICT, "there is a peer %s already", peer.aet);
        (void)err_in(&e, "aet");
    } else if (rc == E_OK) {
        rc = e.code == E_NOT_FOUND ? E_OK : e.code;
        err_clear(&e);
    }
    rc = rc == E_OK ? put(r, &peer, &e) : rc;
    answer_peer(r, MHD_HTTP_CREATED, &peer, rc, &e);
}

static int find_named(struct web_request *r, struct node_peer *ret_peer, struct err *e) {
    char aet[DIMSE_AET_MAX + 1];
    struct slice word = r->names.word;
    if (word.len > DIMSE_AET_MAX) {
        return err_set(e, E_NOT_FOUND, "no such peer: an AE title has at most 16 characters");
    }
    (void)snprintf(aet, sizeof aet, "%.*s", (int)word.len, (const char *)word.ptr);
    return node_peer_find(r->server->archive, aet, ret_peer, e);
}

void web_peer_put(struct web_request *r) {
    struct node_peer peer;
    struct err e = {0};
    int rc = find_named(r, &peer, &e);
    rc = rc == E_OK ? read_peer(r, &peer, &e) : rc;
    rc = rc == E_OK ? put(r, &peer, &e) : rc;
    answer_peer(r, MHD_HTTP_OK, &peer, rc, &e);
}

void web_peer_delete(struct web_request *r) {
    struct node_peer peer;
    struct err e = {0};
    int rc = find_named(r, &peer, &e);
    rc = rc == E_OK ? node_peer_remove(r->server->archive, peer.aet, &e) : rc;
    if (rc != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    web_answer_empty(r, MHD_HTTP_NO_CONTENT);
}

void web_peer_echo_post(struct web_request *r) {
    struct node_peer peer;
    struct node_check check;
    struct err e = {0};
    struct buf body;
    struct json j;
    buf_init(&body, PEERS_BODY_MAX);
    json_init(&j, &body);
    int rc = find_named(r, &peer, &e);
    if (rc == E_OK && r->server->dicom.node == NULL) {
        rc = err_set(&e, E_BUSY, "the DICOM node is not running on this server");
    }
    rc = rc == E_OK ? node_check_run(r->server->dicom.node, &peer, &check, &e) : rc;
    if (rc == E_OK) {
        write_check(&j, &check);
    }
    web_answer_json(r, MHD_HTTP_OK, &body, rc, &e);
}
