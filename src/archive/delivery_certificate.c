// SPDX-License-Identifier: Apache-2.0
#include "archive/delivery_certificate.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/delivery.h"
#include "archive/delivery_priv.h"
#include "archive/hold.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "db/db.h"
#include "gate/report.h"
#include "store/store.h"

#define KEY_NAME "certificate"
#define JSON_MAX ((size_t)4 << 20)
#define PDF_MAX ((size_t)16 << 20)
#define MEMORY_MAX ((size_t)64 << 20)

static int load_key(struct archive *a, uint8_t public_key[crypto_sign_PUBLICKEYBYTES],
                    uint8_t secret[crypto_sign_SECRETKEYBYTES], struct err *e) {
    uint8_t seed[crypto_sign_SEEDBYTES];
    int rc = sodium_init() < 0 ? err_set(e, E_INTERNAL, "libsodium does not start")
                               : store_key(archive_store(a), KEY_NAME, seed, sizeof seed, e);
    if (rc == E_OK) {
        (void)crypto_sign_seed_keypair(public_key, secret, seed);
    }
    sodium_memzero(seed, sizeof seed);
    return rc;
}

// --- the tally from its counts

static int take_count(struct slice what, int64_t value, void *context) {
    struct gate_tally *t = context;
    struct slice kind = slice_str("kind:"), reason = slice_str("reason:"),
                 method = slice_str("method:");
    const struct {
        const char *what;
        uint64_t *slot;
    } plain[] = {{"bytes", &t->bytes},
                 {"failed", &t->failed},
                 {"frames-examined", &t->frames_examined},
                 {"boxes-blacked", &t->boxes_blacked},
                 {"frames-defaced", &t->frames_defaced}};
    for (int i = 0; slice_starts(what, kind) && i < GATE_KIND_COUNT; i++) {
        if (slice_eq_str(slice_from(what, kind.len), gate_kind_code((enum gate_kind)i))) {
            t->kinds[i] = (uint64_t)value;
        }
    }
    for (int i = 1; slice_starts(what, reason) && i < GATE_REASON_COUNT; i++) {
        if (slice_eq_str(slice_from(what, reason.len), gate_reason_code((enum gate_reason)i))) {
            t->reasons[i] = (uint64_t)value;
        }
    }
    uint64_t code;
    if (slice_starts(what, method) && num_parse_u64(slice_from(what, method.len), 113112, &code) &&
        code >= 113100) {
        t->methods[code - 113100] = (uint64_t)value;
    }
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (slice_eq_str(what, plain[i].what)) {
            *plain[i].slot = (uint64_t)value;
        }
    }
    if (slice_eq_str(what, "risk-max")) {
        t->risk_max = (uint16_t)value;
    }
    return 0;
}

static int count_distinct(struct db *db, const char *id, struct gate_tally *t, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT count(DISTINCT nullif(patient, '')),"
                        " count(DISTINCT nullif(study_uid, '')),"
                        " count(DISTINCT nullif(series_uid, '')) FROM source WHERE delivery = ?",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(id));
    rc = db_step(s, e);
    if (rc == 1) {
        t->patients = (uint64_t)db_i64(s, 0);
        t->studies = (uint64_t)db_i64(s, 1);
        t->series = (uint64_t)db_i64(s, 2);
        db_reset(s);
    }
    return rc < 0 ? rc : E_OK;
}

static int make_tally(struct db *db, const struct delivery_row *row, struct gate_tally *t,
                      struct err *e) {
    *t = (struct gate_tally){0};
    int rc = delivery_counts(db, row->id, take_count, t, e);
    t->files = row->files + t->failed;
    t->released = row->released;
    t->held = row->held;
    t->refused = row->refused;
    return rc < 0 ? rc : count_distinct(db, row->id, t, e);
}

// --- decisions: those of one person, kind and reason are one line

static bool is_alike(const struct gate_decision *a, const struct hold_decision *b) {
    return strcmp(a->who, b->who) == 0 && strcmp(a->what, b->what) == 0 &&
           strcmp(a->reason, b->reason) == 0;
}

static int gather(struct db *db, const char *id, struct arena *m, struct gate_certificate *c,
                  struct err *e) {
    struct hold_decision *list;
    size_t count = 0;
    int rc = hold_decisions(db, 0, id, m, &list, &count, e);
    struct gate_decision *out = rc == E_OK ? arena_array(m, count + 1, sizeof *out) : NULL;
    if (out == NULL) {
        return rc == E_OK ? err_set(e, E_MEMORY, "decisions") : rc;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t at = 0;
        while (at < c->decision_count && !is_alike(&out[at], &list[i])) {
            at++;
        }
        if (at == c->decision_count) {
            out[c->decision_count++] = (struct gate_decision){.who = list[i].who,
                                                              .what = list[i].what,
                                                              .reason = list[i].reason,
                                                              .when = list[i].at / CLOCK_SECOND};
        }
        out[at].items++;
    }
    c->decisions = out;
    return E_OK;
}

// --- making and keeping

struct keeping {
    const char *id;
    struct buf json, pdf;
};

static int keep(struct db *db, void *context, struct err *e) {
    const struct keeping *k = context;
    struct db_stmt *s;
    int rc = db_prepare(
        db, "UPDATE delivery SET certificate = ?2, certificate_pdf = ?3 WHERE id = ?1", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(k->id));
    db_bind_text(s, 2, buf_slice(&k->json));
    db_bind_blob(s, 3, buf_slice(&k->pdf));
    return db_run(s, e);
}

static int sign(struct archive *a, const struct gate_certificate *c, struct keeping *k,
                struct err *e) {
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    int rc = load_key(a, public_key, secret, e);
    rc = rc == E_OK ? gate_certificate_json(c, secret, &k->json, e) : rc;
    rc = rc == E_OK ? gate_certificate_pdf(c, secret, &k->pdf, e) : rc;
    sodium_memzero(secret, sizeof secret);
    rc = rc == E_OK ? buf_check(&k->json, "certificate", e) : rc;
    return rc == E_OK ? buf_check(&k->pdf, "certificate", e) : rc;
}

static int read_all(struct archive *a, struct arena *m, struct gate_certificate *c,
                    struct delivery_row *row, struct err *e) {
    struct db *db;
    int rc = archive_reader(a, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = delivery_find(db, c->id, row, e);
    rc = rc == E_OK ? make_tally(db, row, &c->tally, e) : rc;
    rc = rc == E_OK ? gather(db, c->id, m, c, e) : rc;
    archive_reader_done(a, db);
    return rc;
}

int delivery_certify(struct archive *a, const char *id, struct err *e) {
    struct delivery_row row;
    struct arena m;
    struct keeping k = {.id = id};
    struct gate_certificate c = {.id = id,
                                 .profile = archive_profile(a),
                                 .program = archive_program(a),
                                 .reader = archive_gate_reader(a) != NULL
                                               ? "Tesseract, in a process of its own"
                                               : "none: what was uncertain was held"};
    if (c.profile == NULL) {
        return E_OK; // a folder that keeps what is sent
    }
    arena_init(&m, MEMORY_MAX);
    buf_init(&k.json, JSON_MAX);
    buf_init(&k.pdf, PDF_MAX);
    int rc = read_all(a, &m, &c, &row, e);
    if (rc == E_OK) {
        c.source = row.label;
        c.begun = row.begun / CLOCK_SECOND;
        c.ended = row.ended / CLOCK_SECOND;
        c.key_story = row.key_gone ? "made for this delivery and destroyed"
                                   : "made for this delivery; it is destroyed when nothing of it "
                                     "waits any more";
        rc = sign(a, &c, &k, e);
    }
    rc = rc == E_OK ? delivery_write(a, keep, &k, e) : rc;
    buf_done(&k.json);
    buf_done(&k.pdf);
    arena_done(&m);
    return rc;
}
