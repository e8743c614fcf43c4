// SPDX-License-Identifier: Apache-2.0
#include "node/peers.h"

#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"

#define SEEN_EVERY (60 * CLOCK_SECOND)

static const char *const may_words[NODE_MAY_COUNT] = {
#define X(name, word, what) [NODE_MAY_INDEX_##name] = word,
    NODE_MAY_LIST(X)
#undef X
};

bool node_aet_valid(const char *aet) {
    size_t len = strlen(aet);
    if (len == 0 || len > DIMSE_AET_MAX || aet[0] == ' ' || aet[len - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (aet[i] < ' ' || aet[i] > '~' || aet[i] == '\\') {
            return false;
        }
    }
    return true;
}

static bool may_of(struct slice word, unsigned *ret_may) {
    if (slice_eq_str(word, "all") || slice_eq_str(word, "none")) {
        *ret_may = slice_eq_str(word, "all") ? NODE_MAY_ALL : 0;
        return true;
    }
    for (unsigned i = 0; i < NODE_MAY_COUNT; i++) {
        if (slice_eq_str(word, may_words[i])) {
            *ret_may = 1U << i;
            return true;
        }
    }
    return false;
}

bool node_may_parse(const char *text, unsigned *ret_may) {
    struct slice rest = slice_str(text), word;
    unsigned all = 0, one;
    while (slice_split(&rest, ',', &word)) {
        if (!may_of(slice_trim(word, " "), &one)) {
            return false;
        }
        all |= one;
    }
    *ret_may = all;
    return true;
}

const char *node_may_text(unsigned may, char out[NODE_MAY_TEXT_MAX]) {
    size_t len = 0;
    (void)snprintf(out, NODE_MAY_TEXT_MAX, "none");
    for (unsigned i = 0; i < NODE_MAY_COUNT; i++) {
        if ((may & 1U << i) != 0) {
            int n = snprintf(out + len, NODE_MAY_TEXT_MAX - len, "%s%s", len > 0 ? "," : "",
                             may_words[i]);
            len += n > 0 ? (size_t)n : 0;
        }
    }
    return out;
}

// --- rows

#define PEER_SQL                                                                                   \
    "SELECT aet, host, port, tls, certificate, may, identity, notes, added, seen FROM peer "

static void copy_text(char *out, size_t size, struct slice text) {
    size_t len = text.len < size - 1 ? text.len : size - 1;
    memcpy(out, text.ptr != NULL ? (const char *)text.ptr : "", len);
    out[len] = '\0';
}

static void read_row(struct db_stmt *s, struct node_peer *peer) {
    memset(peer, 0, sizeof *peer);
    copy_text(peer->aet, sizeof peer->aet, db_text(s, 0));
    copy_text(peer->address.host, sizeof peer->address.host, db_text(s, 1));
    peer->address.port = (uint16_t)db_i64(s, 2);
    peer->tls = db_i64(s, 3) != 0;
    struct slice certificate = db_blob(s, 4);
    peer->pinned = certificate.len == HASH_LEN;
    if (peer->pinned) {
        memcpy(peer->certificate.bytes, certificate.ptr, HASH_LEN);
    }
    peer->may = (unsigned)db_i64(s, 5) & NODE_MAY_ALL;
    peer->identity = db_i64(s, 6) != 0;
    copy_text(peer->notes, sizeof peer->notes, db_text(s, 7));
    peer->added = db_i64(s, 8);
    peer->seen = db_i64(s, 9);
}

static int find_row(struct db *db, const char *aet, struct node_peer *ret_peer, struct err *e) {
    struct db_stmt *s;
    if (db_prepare(db, PEER_SQL "WHERE aet = ?", &s, e) != E_OK) {
        return e->code;
    }
    db_bind_text(s, 1, slice_str(aet));
    int rc = db_step(s, e);
    if (rc == 1) {
        read_row(s, ret_peer);
        db_reset(s);
        return E_OK;
    }
    return rc < 0 ? rc : err_set(e, E_NOT_FOUND, "no peer '%s'", aet);
}

int node_peer_find(struct archive *a, const char *aet, struct node_peer *ret_peer, struct err *e) {
    struct db *db;
    int rc = archive_reader(a, &db, e);
    if (rc == E_OK) {
        rc = find_row(db, aet, ret_peer, e);
        archive_reader_done(a, db);
    }
    return rc;
}

static int list_rows(struct db *db, struct arena *memory, struct node_peer **ret_list,
                     size_t *ret_count, struct err *e) {
    struct node_peer *list = arena_array(memory, NODE_PEERS_MAX, sizeof *list);
    struct db_stmt *s;
    if (list == NULL) {
        return err_set(e, E_MEMORY, "list of peers");
    }
    int rc = db_prepare(db, PEER_SQL "ORDER BY aet", &s, e);
    size_t count = 0;
    while (rc == E_OK && (rc = db_step(s, e)) == 1) {
        rc = count < NODE_PEERS_MAX ? E_OK
                                    : err_set(e, E_LIMIT, "more than %d peers", NODE_PEERS_MAX);
        if (rc == E_OK) {
            read_row(s, &list[count++]);
        } else {
            db_reset(s);
        }
    }
    if (rc == E_OK) {
        *ret_list = list;
        *ret_count = count;
    }
    return rc;
}

int node_peer_list(struct archive *a, struct arena *memory, struct node_peer **ret_list,
                   size_t *ret_count, struct err *e) {
    struct db *db;
    int rc = archive_reader(a, &db, e);
    if (rc == E_OK) {
        rc = list_rows(db, memory, ret_list, ret_count, e);
        archive_reader_done(a, db);
    }
    return rc;
}

// --- changes

static int check(const struct node_peer *peer, struct err *e) {
    if (!node_aet_valid(peer->aet)) {
        return err_set(e, E_ARGUMENT,
                       "an AE title has 1 to 16 characters, no backslash, no spaces at its ends");
    }
    if (peer->address.host[0] == '\0' || peer->address.port == 0) {
        return err_set(e, E_ARGUMENT, "peer %s: an address and a port are needed", peer->aet);
    }
    return E_OK;
}

static int count_rows(struct db *db, int64_t *ret_count, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT count(*) FROM peer", &s, e);
    rc = rc == E_OK ? db_step(s, e) : rc;
    if (rc == 1) {
        *ret_count = db_i64(s, 0);
        db_reset(s);
    }
    return rc < 0 ? rc : E_OK;
}

static int put_row(struct db *db, const struct node_peer *peer, struct err *e) {
    struct db_stmt *s;
    if (db_prepare(db,
                   "INSERT INTO peer (aet, host, port, tls, certificate, may, identity, notes,"
                   " added, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)"
                   " ON CONFLICT (aet) DO UPDATE SET host = ?2, port = ?3, tls = ?4,"
                   " certificate = ?5, may = ?6, identity = ?7, notes = ?8",
                   &s, e) != E_OK) {
        return e->code;
    }
    db_bind_text(s, 1, slice_str(peer->aet));
    db_bind_text(s, 2, slice_str(peer->address.host));
    db_bind_i64(s, 3, peer->address.port);
    db_bind_i64(s, 4, peer->tls);
    db_bind_blob(s, 5,
                 peer->pinned ? slice_of(peer->certificate.bytes, HASH_LEN) : (struct slice){0});
    db_bind_i64(s, 6, peer->may & NODE_MAY_ALL);
    db_bind_i64(s, 7, peer->identity);
    db_bind_text(s, 8, slice_str(peer->notes));
    db_bind_i64(s, 9, peer->added);
    return db_run(s, e);
}

static int put(struct db *db, const struct node_peer *peer, bool *ret_new, struct err *e) {
    struct node_peer before;
    int64_t count = 0;
    int rc = find_row(db, peer->aet, &before, e);
    bool is_new = rc == E_NOT_FOUND;
    if (is_new) {
        err_clear(e);
        rc = count_rows(db, &count, e);
    }
    if (rc == E_OK && is_new && count >= NODE_PEERS_MAX) {
        rc = err_set(e, E_LIMIT, "there are %d peers already", NODE_PEERS_MAX);
    }
    rc = rc == E_OK ? put_row(db, peer, e) : rc;
    if (rc == E_OK) {
        *ret_new = is_new;
    }
    return rc;
}

int node_peer_put(struct archive *a, const struct node_peer *peer, bool *ret_new, struct err *e) {
    bool is_new = false;
    if (check(peer, e) != E_OK) {
        return e->code;
    }
    struct db *db = archive_writer(a);
    int rc = db_begin(db, e);
    rc = rc == E_OK ? put(db, peer, &is_new, e) : rc;
    rc = rc == E_OK ? db_commit(db, e) : rc;
    archive_writer_done(a);
    if (rc == E_OK) {
        *ret_new = is_new;
    }
    return rc;
}

static int run_with_aet(struct db *db, const char *sql, const char *aet, int64_t number,
                        struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, sql, &s, e);
    if (rc == E_OK) {
        db_bind_text(s, 1, slice_str(aet));
        db_bind_i64(s, 2, number);
        rc = db_run(s, e);
    }
    return rc;
}

int node_peer_remove(struct archive *a, const char *aet, struct err *e) {
    struct db *db = archive_writer(a);
    int rc = db_begin(db, e);
    rc =
        rc == E_OK ? run_with_aet(db, "DELETE FROM peer WHERE aet = ?1 AND ?2 = 0", aet, 0, e) : rc;
    if (rc == E_OK && db_changes(db) == 0) {
        rc = err_set(e, E_NOT_FOUND, "no peer '%s'", aet);
    }
    rc = rc == E_OK ? db_commit(db, e) : rc;
    archive_writer_done(a);
    return rc;
}

void node_peer_seen(struct archive *a, const struct node_peer *peer, usec now) {
    if (now >= peer->seen && now - peer->seen < SEEN_EVERY) {
        return;
    }
    struct err ignored = {0};
    struct db *db = archive_writer(a);
    int rc = db_begin(db, &ignored);
    rc = rc == E_OK ? run_with_aet(db, "UPDATE peer SET seen = ?2 WHERE aet = ?1", peer->aet, now,
                                   &ignored)
                    : rc;
    if (rc == E_OK) {
        (void)db_commit(db, &ignored);
    }
    archive_writer_done(a);
}
