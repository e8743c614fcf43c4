// SPDX-License-Identifier: Apache-2.0
// The certificate of a delivery as canonical JSON: no spaces, members in this order, the signature
// (Ed25519, RFC 8032) last and over everything before it and a closing brace.
#include <string.h>

#include <sodium.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "gate/certificate_text.h"
#include "gate/report.h"

#define SCHEMA "maclab-deidentification-certificate-1"
#define SIGNATURE_HEX ((size_t)2 * crypto_sign_BYTES)
#define SIGNATURE_NAME ",\"signature\":\""

const char *gate_method_words(int bit) {
    static const char *const words[] = {"basic profile",
                                        "clean pixel data",
                                        "clean recognizable visual features",
                                        "clean graphics",
                                        "clean structured content",
                                        "clean descriptors",
                                        "retain full dates",
                                        "retain modified dates",
                                        "retain patient characteristics",
                                        "retain device identity",
                                        "retain UIDs",
                                        "retain safe private",
                                        "retain institution identity"};
    return bit >= 0 && bit < GATE_METHOD_BITS ? words[bit] : "";
}

size_t gate_certificate_options(const struct gate_profile *p,
                                struct gate_certificate_option ret_list[GATE_CERTIFICATE_OPTIONS]) {
    const struct gate_certificate_option list[] = {
        {"clean pixel data", p->examine_pixels, true},
        {"clean recognizable visual features", p->deface, true},
        {"retain UIDs", p->keep_uids, false},
        {"retain device identity", p->keep_device, false},
        {"retain institution identity", p->keep_institution, false},
        {"retain patient characteristics", p->keep_characteristics, false},
        {"retain safe private", p->keep_safe_private, false},
        {"two persons for each release", p->two_persons, false}};
    _Static_assert(sizeof list / sizeof list[0] <= GATE_CERTIFICATE_OPTIONS, "room");
    memcpy(ret_list, list, sizeof list);
    return sizeof list / sizeof list[0];
}

const char *gate_certificate_dates(const struct gate_profile *p) {
    switch (p->dates) {
    case GATE_DATES_SHIFTED:
        return "shifted by whole weeks, the same for all of a patient";
    case GATE_DATES_KEPT:
        return "kept as they were";
    default:
        return "removed; days since the patient's first study are kept";
    }
}

// What stands under every certificate: what no program can prove.
const char gate_certificate_limits[] =
    "What the gate cannot know: whether somebody who has the original images, or knows the "
    "patient's "
    "history, recognises them; whether the anatomy, an implant or an injury is the only one of its "
    "kind; handwriting and marks that look like anatomy. Pixels can always be matched by who holds "
    "the same pixels (PS3.15 E.1). A person should look at what is shown outside of the School.";

const char *const gate_certificate_checks[] = {
    "Every element at every depth was judged by a reviewed list; what is not on it was removed.",
    "Each file was written anew: preamble, meta information, trailing bytes, icons, overlays, "
    "curves, "
    "private elements and comments in compressed streams did not go with it.",
    "Names, numbers and dates of each patient were searched for in every text that was left, and "
    "once more in the file as it was written.",
    "Every frame was examined for writing and codes, writing was blacked in the stored pixels, and "
    "the frames were examined again as they were written.",
    "Series that could be rendered to a face were found by their geometry; none was released "
    "without a person."};

size_t gate_certificate_check_count(const struct gate_profile *p, bool ret_left_out[5]) {
    memset(ret_left_out, 0, 5 * sizeof *ret_left_out);
    ret_left_out[3] = !p->examine_pixels;
    ret_left_out[4] = !p->examine_pixels;
    return sizeof gate_certificate_checks / sizeof gate_certificate_checks[0];
}

// --- JSON ----------------------------------------------------------------------------------------

static void put_time(struct json *j, const char *name, int64_t seconds) {
    char text[CLOCK_TEXT_LEN + 1];
    (void)clock_text(seconds * CLOCK_SECOND, text);
    memcpy(text + 19, "Z", 2); // whole seconds
    json_member_str(j, name, text);
}

static void put_profile(struct json *j, const struct gate_profile *p) {
    struct gate_certificate_option options[GATE_CERTIFICATE_OPTIONS];
    size_t count = gate_certificate_options(p, options);
    json_name(j, "profile");
    json_begin_object(j);
    json_member_str(j, "name", p->name);
    json_member_str(j, "digest", p->digest);
    json_member_str(j, "tables_digest", p->tables_digest);
    json_member_bool(j, "weakened", p->weakened);
    json_member_str(j, "dates", gate_certificate_dates(p));
    json_member_i64(j, "one_band_from_age", p->age_top);
    json_name(j, "options");
    json_begin_object(j);
    for (size_t i = 0; i < count; i++) {
        json_member_bool(j, options[i].words, options[i].on);
    }
    json_end_object(j);
    json_end_object(j);
}

static void put_checks(struct json *j, const struct gate_profile *p) {
    bool left_out[5];
    size_t count = gate_certificate_check_count(p, left_out);
    json_name(j, "checks");
    json_begin_array(j);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(j);
        json_member_str(j, "what", gate_certificate_checks[i]);
        json_member_bool(j, "made", !left_out[i]);
        json_end_object(j);
    }
    json_end_array(j);
}

static void put_tally(struct json *j, const struct gate_tally *t) {
    json_name(j, "counts");
    json_begin_object(j);
    json_member_i64(j, "files", (int64_t)t->files);
    json_member_i64(j, "released", (int64_t)t->released);
    json_member_i64(j, "held", (int64_t)t->held);
    json_member_i64(j, "refused", (int64_t)t->refused);
    json_member_i64(j, "failed", (int64_t)t->failed);
    json_member_i64(j, "bytes_released", (int64_t)t->bytes);
    json_member_i64(j, "patients", (int64_t)t->patients);
    json_member_i64(j, "studies", (int64_t)t->studies);
    json_member_i64(j, "series", (int64_t)t->series);
    json_member_i64(j, "frames_examined", (int64_t)t->frames_examined);
    json_member_i64(j, "boxes_blacked", (int64_t)t->boxes_blacked);
    json_member_i64(j, "frames_defaced", (int64_t)t->frames_defaced);
    json_member_i64(j, "risk_points_most", t->risk_max);
    json_end_object(j);
}

static void put_lists(struct json *j, const struct gate_tally *t) {
    json_name(j, "reasons");
    json_begin_object(j);
    for (int i = 1; i < GATE_REASON_COUNT; i++) {
        if (t->reasons[i] > 0) {
            json_member_i64(j, gate_reason_code((enum gate_reason)i), (int64_t)t->reasons[i]);
        }
    }
    json_end_object(j);
    json_name(j, "found");
    json_begin_object(j);
    for (int i = 0; i < GATE_KIND_COUNT; i++) {
        if (t->kinds[i] > 0) {
            json_member_i64(j, gate_kind_code((enum gate_kind)i), (int64_t)t->kinds[i]);
        }
    }
    json_end_object(j);
    json_name(j, "methods");
    json_begin_object(j);
    for (int i = 0; i < GATE_METHOD_BITS; i++) {
        if (t->methods[i] > 0) {
            json_member_i64(j, gate_method_code(i), (int64_t)t->methods[i]);
        }
    }
    json_end_object(j);
}

static void put_decisions(struct json *j, const struct gate_certificate *c) {
    json_name(j, "decisions");
    json_begin_array(j);
    for (uint32_t i = 0; i < c->decision_count; i++) {
        const struct gate_decision *d = &c->decisions[i];
        json_begin_object(j);
        put_time(j, "when", d->when);
        json_member_str(j, "who", d->who);
        json_member_str(j, "what", d->what);
        json_member_str(j, "reason", d->reason);
        json_member_i64(j, "items", (int64_t)d->items);
        json_end_object(j);
    }
    json_end_array(j);
}

static void put_hex(struct json *j, const char *name, const uint8_t *bytes, size_t len) {
    char hex[2 * crypto_sign_BYTES + 1];
    (void)sodium_bin2hex(hex, sizeof hex, bytes, len);
    json_member_str(j, name, hex);
}

static void put_body(struct json *j, const struct gate_certificate *c, const uint8_t secret[64]) {
    json_member_str(j, "schema", SCHEMA);
    json_member_str(j, "id", c->id);
    json_member_str(j, "source", c->source);
    put_time(j, "begun", c->begun);
    put_time(j, "ended", c->ended);
    json_member_str(j, "program", c->program);
    json_member_str(j, "edition", "PS3.15 Table E.1-1, edition " GATE_EDITION);
    json_member_str(j, "reader", c->reader);
    json_member_str(j, "key", c->key_story);
    put_profile(j, c->profile);
    put_checks(j, c->profile);
    put_tally(j, &c->tally);
    put_lists(j, &c->tally);
    put_decisions(j, c);
    json_member_str(j, "limits", gate_certificate_limits);
    put_hex(j, "public_key", secret + 32, 32); // the second half of a secret key of libsodium
}

int gate_certificate_json(const struct gate_certificate *c, const uint8_t secret[64],
                          struct buf *out, struct err *e) {
    struct json j;
    uint8_t signature[crypto_sign_BYTES];
    size_t start = out->len;
    json_init(&j, out);
    json_begin_object(&j);
    put_body(&j, c, secret);
    if (buf_check(out, "certificate", e) != E_OK) {
        return e->code;
    }
    // Signed with the brace that closes it without a signature.
    buf_put_byte(out, '}');
    if (buf_check(out, "certificate", e) != E_OK) {
        return e->code;
    }
    (void)crypto_sign_detached(signature, NULL, out->data + start, out->len - start, secret);
    out->len--;
    put_hex(&j, "signature", signature, sizeof signature);
    json_end_object(&j);
    return buf_check(out, "certificate", e);
}

int gate_certificate_verify(struct slice json, const uint8_t public_key[32], struct err *e) {
    const size_t tail = sizeof SIGNATURE_NAME - 1 + SIGNATURE_HEX + 2;
    uint8_t signature[crypto_sign_BYTES];
    size_t len;
    const char *end;
    while (json.len > 0 && json.ptr[json.len - 1] == '\n') {
        json.len--;
    }
    if (json.len < tail + 1) {
        return err_set(e, E_SYNTAX, "no certificate");
    }
    struct slice body = slice_first(json, json.len - tail);
    const char *rest = (const char *)body.ptr + body.len;
    const char *hex = rest + sizeof SIGNATURE_NAME - 1;
    if (memcmp(rest, SIGNATURE_NAME, sizeof SIGNATURE_NAME - 1) != 0 ||
        sodium_hex2bin(signature, sizeof signature, hex, SIGNATURE_HEX, NULL, &len, &end) != 0 ||
        len != sizeof signature || memcmp(hex + SIGNATURE_HEX, "\"}", 2) != 0) {
        return err_set(e, E_SYNTAX, "the certificate ends in no signature");
    }
    struct buf whole;
    buf_init(&whole, body.len + 1);
    buf_put_slice(&whole, body);
    buf_put_byte(&whole, '}');
    int rc = buf_check(&whole, "certificate", e);
    if (rc == E_OK &&
        crypto_sign_verify_detached(signature, whole.data, whole.len, public_key) != 0) {
        rc = err_set(e, E_MISMATCH, "the certificate was changed, or is signed by another key");
    }
    buf_done(&whole);
    return rc;
}
