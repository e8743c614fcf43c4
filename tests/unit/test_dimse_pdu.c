// SPDX-License-Identifier: Apache-2.0
// PDUs: written and read back, cut at each byte, each length and field wrong, and where the error
// says that it lies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "dimse_script.h"

#define ARENA_MAX ((size_t)4 << 20)

static void cleanup_arena(struct arena *a) { arena_done(a); }

// --- a request with everything that there is

static const struct pdu_role roles[] = {{SCRIPT_CT, true, true}, {"1.2.3.77", false, true}};
static const struct pdu_common common[] = {{SCRIPT_CT, "1.2.840.10008.4.2"}};

static void full(struct pdu_associate *a, struct dimse_context contexts[2],
                 struct pdu_extended extended[1]) {
    *a = script_associate(contexts);
    extended[0] = (struct pdu_extended){SCRIPT_CT, slice_of("\1\0\1", 3)};
    a->has_window = true;
    a->p.max_invoked = 5;
    a->p.max_performed = 0;
    a->roles = roles;
    a->role_count = 2;
    a->extended = extended;
    a->extended_count = 1;
    a->common = common;
    a->common_count = 1;
    a->p.identity_type = DIMSE_IDENTITY_PASSCODE;
    a->p.identity_response_wanted = true;
    a->p.identity = slice_str("resident");
    a->p.passcode = slice_str("secret");
}

static void write_full(enum pdu_type type, struct buf *out) {
    struct pdu_associate a;
    struct dimse_context contexts[2];
    struct pdu_extended extended[1];
    struct err e = {0};
    full(&a, contexts, extended);
    if (type == PDU_ASSOCIATE_AC) {
        a.identity_answered = true;
        contexts[0].result = DIMSE_ABSTRACT_NOT_SUPPORTED;
    }
    buf_init(out, DIMSE_ASSOCIATE_MAX);
    assert_int_equal(pdu_associate_write(type, &a, out, &e), E_OK);
    struct pdu_head head = pdu_head_read(out->data);
    assert_int_equal(head.type, type);
    assert_int_equal(head.len, out->len - PDU_HEAD_LEN);
}

static void check_common(const struct pdu_associate *a) {
    assert_int_equal(a->version, 1);
    assert_string_equal(a->application_context, DIMSE_APPLICATION_CONTEXT);
    assert_string_equal(a->p.calling, "CALLER");
    assert_string_equal(a->p.called, "MACLAB");
    assert_string_equal(a->p.implementation_class, "1.2.3.4");
    assert_string_equal(a->p.implementation_version, "SCRIPT");
    assert_int_equal(a->p.max_pdu, 16384);
    assert_true(a->has_window);
    assert_int_equal(a->p.max_invoked, 5);
    assert_int_equal(a->p.max_performed, 0);
    assert_int_equal(a->role_count, 2);
    assert_string_equal(a->roles[1].sop_class, "1.2.3.77");
    assert_false(a->roles[1].scu);
    assert_true(a->roles[1].scp);
    assert_int_equal(a->extended_count, 1);
    assert_string_equal(a->extended[0].sop_class, SCRIPT_CT);
    assert_int_equal(a->extended[0].information.len, 3);
    assert_int_equal(a->p.context_count, 2);
    assert_int_equal(a->p.contexts[1].id, 3);
}

static void request_round_trip(void **unused) {
    (void)unused;
    CLEANUP(cleanup_buf)
    struct buf out;
    CLEANUP(cleanup_arena)
    struct arena arena;
    struct pdu_associate a;
    struct err e = {0};
    arena_init(&arena, ARENA_MAX);
    write_full(PDU_ASSOCIATE_RQ, &out);
    struct slice body = slice_from(buf_slice(&out), PDU_HEAD_LEN);
    assert_int_equal(pdu_associate_read(PDU_ASSOCIATE_RQ, body, &arena, &a, &e), E_OK);
    check_common(&a);
    assert_string_equal(a.p.contexts[1].abstract_syntax, SCRIPT_CT);
    assert_int_equal(a.p.contexts[1].proposed_count, 2);
    assert_string_equal(a.p.contexts[1].proposed[1], DCM_EXPLICIT_LE_UID);
    assert_int_equal(a.common_count, 1);
    assert_string_equal(a.common[0].service_class, "1.2.840.10008.4.2");
    assert_int_equal(a.p.identity_type, DIMSE_IDENTITY_PASSCODE);
    assert_true(a.p.identity_response_wanted);
    assert_true(slice_eq_str(a.p.identity, "resident"));
    assert_true(slice_eq_str(a.p.passcode, "secret"));
}

static void answer_round_trip(void **unused) {
    (void)unused;
    CLEANUP(cleanup_buf)
    struct buf out;
    CLEANUP(cleanup_arena)
    struct arena arena;
    struct pdu_associate a;
    struct err e = {0};
    arena_init(&arena, ARENA_MAX);
    write_full(PDU_ASSOCIATE_AC, &out);
    struct slice body = slice_from(buf_slice(&out), PDU_HEAD_LEN);
    assert_int_equal(pdu_associate_read(PDU_ASSOCIATE_AC, body, &arena, &a, &e), E_OK);
    check_common(&a);
    assert_int_equal(a.p.contexts[0].result, DIMSE_ABSTRACT_NOT_SUPPORTED);
    assert_string_equal(a.p.contexts[0].syntax, ""); // not significant
    assert_int_equal(a.p.contexts[1].result, DIMSE_ACCEPTED);
    assert_string_equal(a.p.contexts[1].syntax, DCM_EXPLICIT_LE_UID);
    assert_int_equal(a.p.identity_type, DIMSE_IDENTITY_NONE);
    assert_true(a.identity_answered);
    assert_true(slice_eq_str(a.p.identity, "resident"));
}

// Reads a copy of just that size, so that ASan sees a step too far.
static int read_exact(enum pdu_type type, struct slice body, struct err *e) {
    CLEANUP(cleanup_arena)
    struct arena arena;
    struct pdu_associate a;
    arena_init(&arena, ARENA_MAX);
    uint8_t *exact = malloc(body.len + 1);
    memcpy(exact, body.ptr, body.len);
    int rc = pdu_associate_read(type, slice_of(exact, body.len), &arena, &a, e);
    free(exact);
    return rc;
}

static void cut_everywhere(void **unused) {
    (void)unused;
    static const enum pdu_type types[] = {PDU_ASSOCIATE_RQ, PDU_ASSOCIATE_AC};
    for (size_t t = 0; t < 2; t++) {
        CLEANUP(cleanup_buf)
        struct buf out;
        unsigned whole = 0;
        write_full(types[t], &out);
        struct slice body = slice_from(buf_slice(&out), PDU_HEAD_LEN);
        for (size_t len = 0; len < body.len; len++) {
            struct err e = {0};
            int rc = read_exact(types[t], slice_first(body, len), &e);
            whole += rc == E_OK;
            assert_true(rc == E_OK || rc == E_TRUNCATED);
            assert_true(rc == E_OK || (e.has_offset && e.offset <= PDU_HEAD_LEN + len));
        }
        // Between its items: fixed fields, application context, two contexts.
        assert_int_equal(whole, 4);
    }
}

// Every byte set to every value: read or refused, never beyond its end.
static void every_byte_changed(void **unused) {
    (void)unused;
    static const enum pdu_type types[] = {PDU_ASSOCIATE_RQ, PDU_ASSOCIATE_AC};
    for (size_t t = 0; t < 2; t++) {
        CLEANUP(cleanup_buf)
        struct buf out;
        write_full(types[t], &out);
        for (size_t at = PDU_HEAD_LEN; at < out.len; at++) {
            uint8_t before = out.data[at];
            for (unsigned value = 0; value < 256; value += 3) {
                struct err e = {0};
                out.data[at] = (uint8_t)value;
                int rc = read_exact(types[t], slice_from(buf_slice(&out), PDU_HEAD_LEN), &e);
                assert_true(rc == E_OK || (e.code == rc && e.has_offset && e.offset <= out.len));
                if (at < 2 * PDU_HEAD_LEN + 62) { // fixed fields are never an error of the PDU
                    assert_int_equal(rc, E_OK);
                }
            }
            out.data[at] = before;
        }
    }
}

// --- single items

// The fixed fields, an application context and what the test adds.
static void start(struct buf *out) {
    struct pdu_associate a = {.version = 1,
                              .application_context = DIMSE_APPLICATION_CONTEXT,
                              .p = {.calling = "A", .called = "B", .max_pdu = 0}};
    struct err e = {0};
    buf_init(out, DIMSE_ASSOCIATE_MAX);
    assert_int_equal(pdu_associate_write(PDU_ASSOCIATE_RQ, &a, out, &e), E_OK);
    // Without its user information: 50, reserved, length, 51 with 4 bytes, 52 with none.
    out->len -= 4 + 8 + 4;
}

static int read_with(enum pdu_type type, const char *items, size_t len, struct pdu_associate *a,
                     struct arena *arena, struct err *e, size_t *ret_at) {
    struct buf out;
    start(&out);
    *ret_at = out.len;
    buf_put(&out, items, len);
    struct slice body = arena_copy(arena, slice_from(buf_slice(&out), PDU_HEAD_LEN));
    buf_done(&out);
    return pdu_associate_read(type, body, arena, a, e);
}

#define CONTEXT(id) "\x20\0\0\x1E" id "\0\0\0" ABSTRACT TRANSFER
#define ABSTRACT                                                                                   \
    "\x30\0\0\5"                                                                                   \
    "1.2.3"
#define TRANSFER                                                                                   \
    "\x40\0\0\x0D"                                                                                 \
    "1.2.840.10008"
#define USER(len, items) "\x50\0\0" len items

struct row {
    const char *items;
    size_t len;
    int code;
    int at; // of the error, from the first item; -1: not looked at
};
#define ROW(items, code, at)                                                                       \
    { items, sizeof items - 1, code, at }

static const struct row request_rows[] = {
    ROW(CONTEXT("\1"), E_OK, 0),
    ROW(CONTEXT("\1") CONTEXT("\3"), E_OK, 0),
    ROW(CONTEXT("\2") CONTEXT("\0"), E_OK, 0), // even: refused later, one by one
    ROW(CONTEXT("\1") CONTEXT("\1"), E_VALUE, 38),
    ROW("\x21\0\0\x0D\1\0\0\0" ABSTRACT, E_MISMATCH, 0),           // item of the answer
    ROW("\x20\0\0\x15\1\0\0\0" TRANSFER, E_SYNTAX, 4),             // no abstract syntax
    ROW("\x20\0\0\x16\1\0\0\0" ABSTRACT ABSTRACT, E_MISMATCH, 17), // two of them
    ROW("\x20\0\0\x0D\1\0\0\0" ABSTRACT, E_OK, 0),                 // no transfer syntax
    ROW("\x20\0\0\x08\1\0\0\0\x30\0\0\0", E_VALUE, 12),            // empty UID
    ROW("\x20\0\0\x0B\1\0\0\0\x30\0\0\3"
        "1.a",
        E_VALUE, 12), // letters
    ROW("\x20\0\0\x0C\1\0\0\0\x30\0\0\4"
        "1.2\0",
        E_OK, 0), // padded
    ROW("\x20\0\0\x13\1\0\0\0" ABSTRACT "\x40\0\0\2"
        "x.",
        E_VALUE, 21),
    ROW("\x20\0\0\3\1\0\0", E_TRUNCATED, 7),
    ROW("\x20\0\0\5\1\0\0\0\x30", E_TRUNCATED, 9),
    ROW("\x20\0\0\x13\1\0\0\0" ABSTRACT "\x77\0\0\2"
        "??",
        E_OK, 0), // unknown item in a context
    ROW("\x77\0\0\2"
        "??",
        E_OK, 0), // and beside them
    ROW("\x77\0\0\3"
        "??",
        E_TRUNCATED, 2),
    ROW("\x10\0\0\3"
        "1.2",
        E_MISMATCH, 0), // a second application context
    ROW(USER("\0", ""), E_OK, 0),
    ROW(USER("\0", "") USER("\0", ""), E_MISMATCH, 4),
    ROW(USER("\6", "\x77\0\0\2"
                   "??"),
        E_OK, 0),
    ROW(USER("\x08", "\x51\0\0\4\0\0\x40\0"), E_OK, 0),
    ROW(USER("\x08", "\x51\0\0\4\0\0\0\0"), E_OK, 0), // no limit
    ROW(USER("\x08", "\x51\0\0\4\0\0\0\x7F"), E_VALUE, 8),
    ROW(USER("\7", "\x51\0\0\3\0\0\0"), E_SYNTAX, 6),
    ROW(USER("\x09", "\x51\0\0\5\0\0\0\0\0"), E_SYNTAX, 6),
    ROW(USER("\x08", "\x53\0\0\4\0\1\0\1"), E_OK, 0),
    ROW(USER("\7", "\x53\0\0\3\0\1\0"), E_SYNTAX, 6),
    ROW(USER("\x0D", "\x54\0\0\x09\0\5"
                     "1.2.3"
                     "\1\0"),
        E_OK, 0),
    ROW(USER("\x0D", "\x54\0\0\x09\0\5"
                     "1.2.3"
                     "\2\0"),
        E_VALUE, 15),
    ROW(USER("\x0C", "\x54\0\0\x08\0\5"
                     "1.2.3"
                     "\1"),
        E_SYNTAX, -1),
    ROW(USER("\x0D", "\x54\0\0\x09\0\7"
                     "1.2.3"
                     "\1\0"),
        E_VALUE, 10), // the roles are in the UID
    ROW(USER("\x0D", "\x54\0\0\x09\0\x08"
                     "1.2.3"
                     "\1\0"),
        E_TRUNCATED, -1),
    ROW(USER("\x0D", "\x54\0\0\x09\0\5"
                     "1.2.x"
                     "\1\0"),
        E_VALUE, 10),
    ROW(USER("\x0E", "\x56\0\0\x0A\0\5"
                     "1.2.3"
                     "\1\1\1"),
        E_OK, 0),
    ROW(USER("\5", "\x56\0\0\1\0"), E_TRUNCATED, 9),
    ROW(USER("\x14", "\x57\0\0\x10\0\5"
                     "1.2.3"
                     "\0\5"
                     "1.2.4"
                     "\0\0"),
        E_OK, 0),
    ROW(USER("\x0D", "\x57\0\0\x09\0\5"
                     "1.2.3"
                     "\0\5"),
        E_TRUNCATED, -1),
    ROW(USER("\x0C", "\x58\0\0\x08\1\0\0\2"
                     "me"
                     "\0\0"),
        E_OK, 0),
    ROW(USER("\x0C", "\x58\0\0\x08\0\0\0\2"
                     "me"
                     "\0\0"),
        E_VALUE, 8),
    ROW(USER("\x0C", "\x58\0\0\x08\1\2\0\2"
                     "me"
                     "\0\0"),
        E_VALUE, 9),
    ROW(USER("\x0C", "\x58\0\0\x08\1\0\0\3"
                     "me"
                     "\0\0"),
        E_TRUNCATED, -1),
    ROW(USER("\x0C", "\x58\0\0\x08\1\0\0\2"
                     "me"
                     "\0\1"),
        E_TRUNCATED, -1),
    ROW(USER("\4", "\x58\0\0\0"), E_TRUNCATED, 8),
    ROW(USER("\7", "\x52\0\0\3"
                   "1.x"),
        E_OK, 0), // for the log only
    ROW(USER("\x18", "\x55\0\0\x14"
                     "over sixteen letters"),
        E_OK, 0),
    ROW(USER("\5", "\x51\0\0\4\0"), E_TRUNCATED, 6),
};

static void requests(void **unused) {
    (void)unused;
    for (size_t i = 0; i < sizeof request_rows / sizeof request_rows[0]; i++) {
        const struct row *row = &request_rows[i];
        CLEANUP(cleanup_arena)
        struct arena arena;
        struct pdu_associate a;
        struct err e = {0};
        size_t at;
        arena_init(&arena, ARENA_MAX);
        int rc = read_with(PDU_ASSOCIATE_RQ, row->items, row->len, &a, &arena, &e, &at);
        if (rc != row->code || (rc != E_OK && row->at >= 0 && e.offset != at + (size_t)row->at)) {
            fail_msg("row %zu: %s at %ld: %s", i, err_name(rc), (long)e.offset - (long)at, e.text);
        }
    }
}

static const struct row answer_rows[] = {
    ROW("\x21\0\0\x15\1\0\0\0" TRANSFER, E_OK, 0),
    ROW("\x21\0\0\x15\1\0\4\0" TRANSFER, E_OK, 0),
    ROW("\x21\0\0\x15\1\0\5\0" TRANSFER, E_VALUE, 6), // no such result
    ROW("\x21\0\0\4\1\0\0\0", E_SYNTAX, 4),           // accepted, with no transfer syntax
    ROW("\x21\0\0\4\1\0\3\0", E_OK, 0),
    ROW("\x21\0\0\x0A\1\0\3\0\x40\0\0\2"
        "x.",
        E_OK, 0), // not significant when refused
    ROW("\x21\0\0\x0A\1\0\0\0\x40\0\0\2"
        "x.",
        E_VALUE, 12),
    ROW("\x21\0\0\x1E\1\0\0\0" ABSTRACT TRANSFER, E_MISMATCH, 8),
    ROW(CONTEXT("\1"), E_MISMATCH, 0),
    ROW(USER("\x08", "\x59\0\0\4\0\2"
                     "ok"),
        E_OK, 0),
    ROW(USER("\x08", "\x59\0\0\4\0\3"
                     "ok"),
        E_TRUNCATED, -1),
    ROW(USER("\6", "\x58\0\0\2"
                   "??"),
        E_OK, 0), // has no business in an answer
};

static void answers(void **unused) {
    (void)unused;
    for (size_t i = 0; i < sizeof answer_rows / sizeof answer_rows[0]; i++) {
        const struct row *row = &answer_rows[i];
        CLEANUP(cleanup_arena)
        struct arena arena;
        struct pdu_associate a;
        struct err e = {0};
        size_t at;
        arena_init(&arena, ARENA_MAX);
        int rc = read_with(PDU_ASSOCIATE_AC, row->items, row->len, &a, &arena, &e, &at);
        if (rc != row->code || (rc != E_OK && row->at >= 0 && e.offset != at + (size_t)row->at)) {
            fail_msg("row %zu: %s at %ld: %s", i, err_name(rc), (long)e.offset - (long)at, e.text);
        }
    }
}

static void lists_are_bounded(void **unused) {
    (void)unused;
    static const struct {
        const char *item;
        size_t len;
        size_t max;
        bool user;
    } rows[] = {{"\x54\0\0\x09\0\5"
                 "1.2.3"
                 "\1\0",
                 13, PDU_LISTS_MAX, true},
                {"\x56\0\0\x08\0\5"
                 "1.2.3"
                 "\1",
                 12, PDU_LISTS_MAX, true},
                {"\x57\0\0\x10\0\5"
                 "1.2.3"
                 "\0\5"
                 "1.2.4"
                 "\0\0",
                 20, PDU_LISTS_MAX, true},
                {CONTEXT(""), 33, DIMSE_CONTEXTS_MAX, false}};
    for (size_t i = 0; i < 4; i++) {
        for (size_t extra = 0; extra < 2; extra++) {
            CLEANUP(cleanup_arena)
            struct arena arena;
            CLEANUP(cleanup_buf)
            struct buf items;
            struct pdu_associate a;
            struct err e = {0};
            size_t at;
            arena_init(&arena, ARENA_MAX);
            buf_init(&items, DIMSE_ASSOCIATE_MAX);
            size_t len = (rows[i].max + extra) * rows[i].len;
            uint8_t head[4] = {0x50, 0, (uint8_t)(len >> 8), (uint8_t)len};
            buf_put(&items, head, rows[i].user ? 4 : 0);
            for (size_t k = 0; k < rows[i].max + extra; k++) {
                uint8_t id = (uint8_t)k;
                buf_put(&items, rows[i].item, 4);
                if (!rows[i].user) {
                    buf_put(&items, &id, 1);
                }
                buf_put(&items, rows[i].item + 4, rows[i].len - 4);
            }
            int rc = read_with(PDU_ASSOCIATE_RQ, (const char *)items.data, items.len, &a, &arena,
                               &e, &at);
            assert_int_equal(rc, extra == 0 ? E_OK : E_LIMIT);
        }
    }
}

static void many_syntaxes(void **unused) {
    (void)unused;
    CLEANUP(cleanup_arena)
    struct arena arena;
    CLEANUP(cleanup_buf)
    struct buf items;
    struct pdu_associate a;
    struct err e = {0};
    size_t at;
    arena_init(&arena, ARENA_MAX);
    buf_init(&items, DIMSE_ASSOCIATE_MAX);
    size_t len = 4 + 9 + 17 * (DIMSE_SYNTAXES_MAX + 10);
    uint8_t head[8] = {0x20, 0, (uint8_t)(len >> 8), (uint8_t)len, 1, 0, 0, 0};
    buf_put(&items, head, sizeof head);
    buf_put(&items, ABSTRACT, 9);
    for (size_t i = 0; i < DIMSE_SYNTAXES_MAX + 10; i++) {
        buf_put(&items, TRANSFER, 17);
    }
    assert_int_equal(
        read_with(PDU_ASSOCIATE_RQ, (const char *)items.data, items.len, &a, &arena, &e, &at),
        E_OK);
    assert_int_equal(a.p.contexts[0].proposed_count, DIMSE_SYNTAXES_MAX);
}

// What cannot stand in an item of two bytes of length is not sent.
static void too_much_to_write(void **unused) {
    (void)unused;
    static uint8_t big[70000];
    struct dimse_context contexts[2];
    struct pdu_extended extended[1] = {{SCRIPT_CT, slice_of(big, sizeof big)}};
    struct pdu_associate a = script_associate(contexts);
    struct err e = {0};
    CLEANUP(cleanup_buf)
    struct buf out;
    buf_init(&out, DIMSE_ASSOCIATE_MAX);
    a.extended = extended;
    a.extended_count = 1;
    assert_int_equal(pdu_associate_write(PDU_ASSOCIATE_RQ, &a, &out, &e), E_LIMIT);
    a.extended_count = 0;
    a.p.identity_type = DIMSE_IDENTITY_JWT;
    a.p.identity = slice_of(big, sizeof big);
    assert_int_equal(pdu_associate_write(PDU_ASSOCIATE_RQ, &a, &out, &e), E_LIMIT);
    struct buf tiny;
    buf_init(&tiny, 100);
    a.p.identity_type = DIMSE_IDENTITY_NONE;
    assert_int_equal(pdu_associate_write(PDU_ASSOCIATE_RQ, &a, &tiny, &e), E_LIMIT);
    buf_done(&tiny);
}

// AE titles: padding, control characters, none at all.
static void titles(void **unused) {
    (void)unused;
    static const struct {
        char raw[17];
        const char *read;
    } rows[] = {{"  TWO WORDS     ", "TWO WORDS"},
                {"SIXTEEN_LETTERS_", "SIXTEEN_LETTERS_"},
                {"                ", ""},
                {"NUL\0\0\0\0\0\0\0\0\0\0\0\0", "NUL"},
                {"A\nB\x1B\xE4            ", "A?B??"}};
    CLEANUP(cleanup_buf)
    struct buf out;
    start(&out);
    for (size_t i = 0; i < 5; i++) {
        CLEANUP(cleanup_arena)
        struct arena arena;
        struct pdu_associate a;
        struct err e = {0};
        arena_init(&arena, ARENA_MAX);
        memcpy(out.data + PDU_HEAD_LEN + 4, rows[i].raw, 16);
        memcpy(out.data + PDU_HEAD_LEN + 20, rows[i].raw, 16);
        struct slice body = slice_from(buf_slice(&out), PDU_HEAD_LEN);
        assert_int_equal(pdu_associate_read(PDU_ASSOCIATE_RQ, body, &arena, &a, &e), E_OK);
        assert_string_equal(a.p.called, rows[i].read);
        assert_string_equal(a.p.calling, rows[i].read);
    }
}

static void reasons(void **unused) {
    (void)unused;
    assert_int_equal(pdu_abort_reason_of(E_MISMATCH), PDU_ABORT_UNEXPECTED_PARAMETER);
    assert_int_equal(pdu_abort_reason_of(E_VALUE), PDU_ABORT_INVALID_PARAMETER);
    assert_int_equal(pdu_abort_reason_of(E_TRUNCATED), PDU_ABORT_INVALID_PARAMETER);
    assert_int_equal(pdu_abort_reason_of(E_MEMORY), PDU_ABORT_NOT_SPECIFIED);
}

// --- data and short PDUs

static void data_heads(void **unused) {
    (void)unused;
    uint8_t b[PDU_HEAD_LEN + PDV_HEAD_LEN];
    struct pdv_head v;
    struct err e = {0};
    pdu_data_head_write(b, 1000, 7, PDV_LAST);
    assert_memory_equal(b, "\4\0\0\0\3\xEE\0\0\3\xEA\7\2", sizeof b);
    struct pdu_head head = pdu_head_read(b);
    assert_int_equal(head.type, PDU_DATA);
    assert_int_equal(pdv_head_read(b + PDU_HEAD_LEN, head.len, &v, &e), E_OK);
    assert_int_equal(v.len, 1000);
    assert_int_equal(v.context_id, 7);
    assert_int_equal(v.control, PDV_LAST);
    assert_int_equal(pdv_head_read(b + PDU_HEAD_LEN, head.len - 1, &v, &e), E_SYNTAX);
    assert_int_equal(pdv_head_read((const uint8_t *)"\0\0\0\1\1\1", 100, &v, &e), E_SYNTAX);
    assert_int_equal(pdv_head_read((const uint8_t *)"\0\0\0\0\1\1", 100, &v, &e), E_SYNTAX);
    assert_int_equal(pdv_head_read((const uint8_t *)"\xFF\xFF\xFF\xFF\1\1", 100, &v, &e), E_SYNTAX);
    assert_int_equal(pdv_head_read((const uint8_t *)"\0\0\0\2\1\1", 6, &v, &e), E_OK);
    assert_int_equal(v.len, 0);
}

static void short_ones(void **unused) {
    (void)unused;
    uint8_t b[PDU_SHORT_WHOLE];
    struct pdu_short s;
    struct err e = {0};
    pdu_short_write(PDU_ASSOCIATE_RJ, (struct pdu_short){2, 3, 1}, b);
    assert_memory_equal(b, "\3\0\0\0\0\4\0\2\3\1", sizeof b);
    assert_int_equal(pdu_short_read(PDU_ASSOCIATE_RJ, slice_of(b + 6, 4), &s, &e), E_OK);
    assert_int_equal(s.result, 2);
    assert_int_equal(s.source, 3);
    assert_int_equal(s.reason, 1);
    for (size_t len = 0; len < 9; len++) {
        uint8_t body[9] = {0, 1, 1, 1};
        int rc = pdu_short_read(PDU_ABORT, slice_of(body, len), &s, &e);
        assert_int_equal(rc, len == 4 ? E_OK : E_SYNTAX);
    }
    assert_int_equal(pdu_short_read(PDU_ASSOCIATE_RJ, slice_of("\0\0\1\1", 4), &s, &e), E_VALUE);
    assert_int_equal(e.offset, 7);
    err_clear(&e);
    assert_int_equal(pdu_short_read(PDU_ASSOCIATE_RJ, slice_of("\0\3\1\1", 4), &s, &e), E_VALUE);
    err_clear(&e);
    assert_int_equal(pdu_short_read(PDU_ASSOCIATE_RJ, slice_of("\0\1\4\1", 4), &s, &e), E_VALUE);
    assert_int_equal(e.offset, 8);
    assert_int_equal(pdu_short_read(PDU_ABORT, slice_of("\0\0\x63\x63", 4), &s, &e), E_OK);
}

static void words(void **unused) {
    (void)unused;
    char text[PDU_TEXT_MAX];
    assert_string_equal(pdu_rejection_text((struct pdu_short){1, 1, 3}, text),
                        "permanently: calling AE title not recognized");
    assert_string_equal(pdu_rejection_text((struct pdu_short){2, 3, 2}, text),
                        "for the moment: local limit exceeded");
    assert_string_equal(pdu_rejection_text((struct pdu_short){1, 3, 9}, text),
                        "permanently: source 3, reason 9");
    assert_string_equal(pdu_abort_text((struct pdu_short){0, 0, 0}, text), "aborted by the peer");
    assert_string_equal(pdu_abort_text((struct pdu_short){0, 2, 6}, text),
                        "aborted by the peer's provider: invalid parameter value");
    assert_string_equal(pdu_abort_text((struct pdu_short){0, 2, 99}, text),
                        "aborted by the peer's provider: unknown reason");
    assert_string_equal(pdu_type_text(4), "P-DATA-TF");
    assert_string_equal(pdu_type_text(0), "unknown PDU");
    assert_string_equal(pdu_type_text(8), "unknown PDU");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_round_trip),
        cmocka_unit_test(answer_round_trip),
        cmocka_unit_test(cut_everywhere),
        cmocka_unit_test(every_byte_changed),
        cmocka_unit_test(requests),
        cmocka_unit_test(answers),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(many_syntaxes),
        cmocka_unit_test(too_much_to_write),
        cmocka_unit_test(titles),
        cmocka_unit_test(reasons),
        cmocka_unit_test(data_heads),
        cmocka_unit_test(short_ones),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
