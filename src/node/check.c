// SPDX-License-Identifier: Apache-2.0
#include "node/check.h"

#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "dimse/association.h"
#include "dimse/user.h"
#include "node/node.h"
#include "node/peers.h"

#define VERIFICATION_UID "1.2.840.10008.1.1"
#define IMPLICIT_UID "1.2.840.10008.1.2"
#define EXPLICIT_UID "1.2.840.10008.1.2.1"
#define CHECK_IDLE_MS 10000 // for the answer

static int echo(struct node *n, struct dimse_association *a, struct node_check *check,
                struct err *e) {
    uint16_t status = 0;
    char text[DIMSE_STATUS_TEXT_MAX];
    usec began = clock_monotonic(node_clock(n));
    int rc = dimse_user_echo(a, &status, e);
    check->echo_us = clock_monotonic(node_clock(n)) - began;
    if (rc == E_OK && status != DIMSE_SUCCESS) {
        rc = err_set(e, E_MISMATCH, "it answered with status %s", dimse_status_text(status, text));
    }
    return rc;
}

static int call(struct node *n, const struct node_peer *peer, struct node_check *check,
                struct err *e) {
    static const char *const syntaxes[] = {EXPLICIT_UID, IMPLICIT_UID, NULL};
    const struct dimse_want want = {.abstract_syntax = VERIFICATION_UID, .syntaxes = syntaxes};
    const struct dimse_request request = {
        .wants = &want, .want_count = 1, .limits = {.idle_ms = CHECK_IDLE_MS}};
    struct dimse_association *a = NULL;
    usec began = clock_monotonic(node_clock(n));
    int rc = node_call(n, peer, &request, &a, e);
    check->connect_us = clock_monotonic(node_clock(n)) - began;
    if (rc != E_OK) {
        return rc;
    }
    if (dimse_context_for(a, VERIFICATION_UID, NULL, false) == NULL) {
        rc = err_set(e, E_UNSUPPORTED, "it takes the association, but no verification");
    } else {
        rc = echo(n, a, check, e);
    }
    if (rc == E_OK) {
        struct err ignored = {0};
        (void)dimse_release(a, &ignored);
    } else {
        dimse_abort(a);
    }
    return rc;
}

const char *node_check_words(const char *aet, const struct err *why) {
    const char *text = why->text[0] != '\0' ? why->text : err_words(why->code);
    size_t len = strlen(aet);
    bool named = strncmp(text, "peer ", 5) == 0 && strncmp(text + 5, aet, len) == 0 &&
                 strncmp(text + 5 + len, ": ", 2) == 0;
    return named ? text + 5 + len + 2 : text;
}

int node_check_run(struct node *n, const struct node_peer *peer, struct node_check *ret_check,
                   struct err *e) {
    struct node_check check = {.checked = clock_now(node_clock(n))};
    struct err why = {0};
    (void)snprintf(check.aet, sizeof check.aet, "%s", peer->aet);
    if (call(n, peer, &check, &why) != E_OK) {
        (void)snprintf(check.words, sizeof check.words, "%.*s", NODE_CHECK_WORDS_MAX,
                       node_check_words(peer->aet, &why));
    } else {
        node_peer_seen(node_archive(n), peer, check.checked);
    }
    int rc = node_check_keep(node_archive(n), &check, e);
    if (rc == E_OK) {
        *ret_check = check;
    }
    return rc;
}

static int keep(struct db *db, const struct node_check *check, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "INSERT INTO peer_check (aet, checked, connect_us, echo_us, words)"
                        " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (aet) DO UPDATE SET"
                        " checked = ?2, connect_us = ?3, echo_us = ?4, words = ?5",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(check->aet));
    db_bind_i64(s, 2, check->checked);
    db_bind_i64(s, 3, check->connect_us);
    db_bind_i64(s, 4, check->echo_us);
    db_bind_text(s, 5, slice_str(check->words));
    return db_run(s, e);
}

int node_check_keep(struct archive *a, const struct node_check *check, struct err *e) {
    struct db *db = archive_writer(a);
    int rc = db_begin(db, e);
    rc = rc == E_OK ? keep(db, check, e) : rc;
    rc = rc == E_OK ? db_commit(db, e) : rc;
    archive_writer_done(a);
    return rc;
}

static void copy_text(char *out, size_t size, struct slice text) {
    (void)snprintf(out, size, "%.*s", (int)text.len, text.len > 0 ? (const char *)text.ptr : "");
}

static int read_all(struct db *db, struct node_check *list, size_t *ret_count, struct err *e) {
    struct db_stmt *s;
    size_t count = 0;
    int rc = db_prepare(db,
                        // Not of an earlier peer of that AE title.
                        "SELECT c.aet, c.checked, c.connect_us, c.echo_us, c.words"
                        " FROM peer_check c JOIN peer ON peer.aet = c.aet"
                        " WHERE c.checked >= peer.added ORDER BY c.aet",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    while ((rc = db_step(s, e)) == 1 && count < NODE_PEERS_MAX) {
        struct node_check *c = &list[count++];
        *c = (struct node_check){
            .checked = db_i64(s, 1), .connect_us = db_i64(s, 2), .echo_us = db_i64(s, 3)};
        copy_text(c->aet, sizeof c->aet, db_text(s, 0));
        copy_text(c->words, sizeof c->words, db_text(s, 4));
    }
    db_reset(s);
    *ret_count = count;
    return rc < 0 ? rc : E_OK;
}

int node_check_list(struct archive *a, struct arena *memory, struct node_check **ret_list,
                    size_t *ret_count, struct err *e) {
    struct node_check *list = arena_array(memory, NODE_PEERS_MAX, sizeof *list);
    struct db *db;
    if (list == NULL) {
        return err_set(e, E_MEMORY, "list of checks");
    }
    int rc = archive_reader(a, &db, e);
    if (rc == E_OK) {
        rc = read_all(db, list, ret_count, e);
        archive_reader_done(a, db);
    }
    if (rc == E_OK) {
        *ret_list = list;
    }
    return rc;
}
