// SPDX-License-Identifier: Apache-2.0
// The node at its door: the list of peers, who is let in, which contexts are taken in which syntax,
// what Storage and Storage Commitment answer. Real sockets on loopback; workers are this program.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <sys/stat.h>

#include "archive/archive.h"
#include "archive/catalogue.h"
#include "archive/inbox.h"
#include "archive/intake.h"
#include "archive/jobs.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "db/db.h"
#include "dicom/writer.h"
#include "dimse/association.h"
#include "dimse/user.h"
#include "instance_files.h"
#include "node/commitment.h"
#include "node/contexts.h"
#include "node/listen.h"
#include "node/node.h"
#include "node/peers.h"
#include "node/resolve.h"
#include "node/service.h"
#include "node/strangers.h"
#include "worker/worker.h"

#define CT "1.2.840.10008.5.1.4.1.1.2"
#define VERIFICATION "1.2.840.10008.1.1"
#define PRIVATE_CLASS "1.3.46.670589.5.0.11"
#define JPEG "1.2.840.10008.1.2.4.50"

static char dir[64];
static struct archive *archive;
static struct node *node;
static uint16_t port;

static int remove_one(const char *name, const struct stat *st, int kind, struct FTW *ftw) {
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(name);
}

static struct node_peer peer_of(const char *aet, const char *host) {
    struct node_peer p = {.address = {.port = 11112}, .may = NODE_MAY_ALL, .added = 1};
    (void)snprintf(p.aet, sizeof p.aet, "%s", aet);
    (void)snprintf(p.address.host, sizeof p.address.host, "%s", host);
    return p;
}

static bool put(const struct node_peer *p) {
    struct err e = {0};
    bool is_new = false;
    assert_int_equal(node_peer_put(archive, p, &is_new, &e), E_OK);
    return is_new;
}

static int setup(void **state) {
    (void)state;
    struct err e = {0};
    log_open("test", LOG_ERROR, clock_system());
    (void)snprintf(dir, sizeof dir, "/tmp/maclab-test-node-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    struct archive_options options = {
        .data_dir = dir, .as_sent = true, .workers = 1, .server = true};
    struct dimse_address address = {.host = "127.0.0.1"};
    static const char *const private_classes[] = {PRIVATE_CLASS};
    int fd = -1;
    if (archive_open(&options, &archive, &e) != E_OK ||
        node_listen(&address, false, false, &fd, &port, &e) != E_OK) {
        return -1;
    }
    struct node_options n = {.archive = archive,
                             .listen_fd = fd,
                             .tls_listen_fd = -1,
                             .private_classes = private_classes,
                             .private_class_count = 1};
    struct node_peer p = peer_of("STATION7", "127.0.0.1");
    (void)put(&p);
    return node_start(&n, &node, &e) == E_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    node_stop(node);
    archive_close(archive);
    node = NULL;
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

// --- the list of peers

static void peers_are_kept(void **state) {
    (void)state;
    struct err e = {0};
    struct arena memory;
    struct node_peer found, *list;
    size_t count = 0;
    struct node_peer p = peer_of("OTHER AE", "pacs.example");
    p.pinned = p.tls = p.identity = true;
    p.certificate.bytes[5] = 7;
    p.may = NODE_MAY_QUERY | NODE_MAY_RECEIVE;
    (void)snprintf(p.notes, sizeof p.notes, "room 4");
    assert_true(put(&p));
    node_peer_seen(archive, &p, 70 * CLOCK_SECOND);
    assert_int_equal(node_peer_find(archive, "OTHER AE", &found, &e), E_OK);
    assert_string_equal(found.address.host, "pacs.example");
    assert_int_equal(found.seen, 70 * CLOCK_SECOND);
    assert_int_equal(found.may, p.may);
    assert_true(found.pinned && found.tls && found.identity);
    assert_int_equal(found.certificate.bytes[5], 7);
    assert_string_equal(found.notes, "room 4");
    p = peer_of("OTHER AE", "192.0.2.9"); // changed, but for when it was seen and added
    p.added = 99;
    assert_false(put(&p));
    assert_int_equal(node_peer_find(archive, "OTHER AE", &found, &e), E_OK);
    assert_string_equal(found.address.host, "192.0.2.9");
    assert_false(found.pinned);
    assert_int_equal(found.added, 1);
    assert_int_equal(found.seen, 70 * CLOCK_SECOND);
    arena_init(&memory, 8 << 20);
    assert_int_equal(node_peer_list(archive, &memory, &list, &count, &e), E_OK);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].aet, "OTHER AE");
    arena_done(&memory);
    assert_int_equal(node_peer_remove(archive, "OTHER AE", &e), E_OK);
    assert_int_equal(node_peer_remove(archive, "OTHER AE", &e), E_NOT_FOUND);
    assert_int_equal(node_peer_find(archive, "OTHER AE", &found, &e), E_NOT_FOUND);
    bool is_new;
    p = peer_of("BAD\\NAME", "192.0.2.9");
    assert_int_equal(node_peer_put(archive, &p, &is_new, &e), E_ARGUMENT);
    p = peer_of("NOWHERE", "");
    assert_int_equal(node_peer_put(archive, &p, &is_new, &e), E_ARGUMENT);
}

static void words_of_peers(void **state) {
    (void)state;
    static const struct {
        const char *aet;
        bool valid;
    } titles[] = {{"A", true},
                  {"SIXTEEN LETTERS!", true},
                  {"SEVENTEEN LETTERS", false},
                  {"", false},
                  {" A", false},
                  {"A ", false},
                  {"A\\B", false},
                  {"A\tB", false},
                  {"\xC3\x84", false}};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        assert_int_equal(node_aet_valid(titles[i].aet), titles[i].valid);
    }
    unsigned may = 99;
    char text[NODE_MAY_TEXT_MAX];
    assert_true(node_may_parse("store, query", &may));
    assert_int_equal(may, NODE_MAY_STORE | NODE_MAY_QUERY);
    assert_string_equal(node_may_text(may, text), "query,store");
    assert_true(node_may_parse("all", &may));
    assert_string_equal(node_may_text(may, text), "query,retrieve,store,receive");
    assert_true(node_may_parse("none", &may));
    assert_int_equal(may, 0);
    assert_string_equal(node_may_text(may, text), "none");
    assert_false(node_may_parse("query,steal", &may));
    assert_false(node_may_parse("", &may));
}

static void addresses_are_compared(void **state) {
    (void)state;
    static const struct {
        const char *host, *address;
        bool same;
    } rows[] = {
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "::ffff:192.0.2.7", true},
        {"192.0.2.7", "192.0.2.8", false},
        {"2001:db8::7", "2001:db8:0:0::7", true},
        {"fe80::1%eth0", "fe80::1%eth1", true},
        {"127.0.0.1", "127.0.0.9", true},
        {"127.0.0.1", "::1", true},
        {"localhost", "127.0.0.1", true},
        {"localhost", "192.0.2.7", false},
        {"192.0.2.7", "unknown", false},
        {"no-such-host.invalid", "192.0.2.7", false},
    };
    struct resolver r;
    resolver_init(&r, clock_system());
    for (int again = 0; again < 2; again++) { // the second time from memory
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            if (resolver_matches(&r, rows[i].host, rows[i].address) != rows[i].same) {
                fail_msg("%s and %s", rows[i].host, rows[i].address);
            }
        }
    }
    assert_int_equal(r.count, 2); // the two names
    resolver_done(&r);
}

// --- associations

static int associate(const char *calling, const char *called, const struct dimse_want *wants,
                     size_t count, struct dimse_association **ret_association, struct err *e) {
    struct dimse_address to = {.host = "127.0.0.1", .port = port};
    struct dimse_stream *stream;
    struct dimse_request request = {.calling = calling,
                                    .called = called,
                                    .wants = wants,
                                    .want_count = count,
                                    .max_invoked = 4};
    *e = (struct err){0};
    assert_int_equal(dimse_stream_connect(&to, NULL, 5000, &stream, e), E_OK);
    return dimse_associate(stream, &request, ret_association, e);
}

static const char *const uncompressed[] = {DCM_IMPLICIT_LE_UID, DCM_EXPLICIT_LE_UID, NULL};
static const struct dimse_want echo_only[] = {
    {.abstract_syntax = VERIFICATION, .syntaxes = uncompressed}};

static struct dimse_association *open_with(const struct dimse_want *wants, size_t count) {
    struct dimse_association *a = NULL;
    struct err e;
    if (associate("STATION7", "MACLAB", wants, count, &a, &e) != E_OK) {
        fail_msg("%s", e.text);
    }
    return a;
}

static void let_in_or_turned_away(void **state) {
    (void)state;
    struct node_peer p = peer_of("ELSEWHERE", "192.0.2.7");
    (void)put(&p);
    p = peer_of("NAMELESS", "127.0.0.1");
    p.identity = true;
    (void)put(&p);
    p = peer_of("PINNED", "127.0.0.1");
    p.pinned = true;
    (void)put(&p);
    static const struct {
        const char *calling, *called, *says;
    } rows[] = {
        {"NOBODY", "MACLAB", "calling AE title not recognized"},
        {"STATION7", "OTHER", "called AE title not recognized"},
        {"NOBODY", "OTHER", "called AE title not recognized"},
        {"ELSEWHERE", "MACLAB", "calling AE title not recognized"},
        {"NAMELESS", "MACLAB", "calling AE title not recognized"},
        {"PINNED", "MACLAB", "calling AE title not recognized"},
        {"station7", "MACLAB", "calling AE title not recognized"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dimse_association *a = NULL;
        struct err e;
        int rc = associate(rows[i].calling, rows[i].called, echo_only, 1, &a, &e);
        if (rc != E_DENIED || strstr(e.text, rows[i].says) == NULL) {
            fail_msg("%s to %s: %s", rows[i].calling, rows[i].called, e.text);
        }
    }
    struct node_counts counts;
    node_counts(node, &counts);
    assert_int_equal(counts.refused_calling, 2);
    assert_int_equal(counts.refused_called, 2);
    assert_int_equal(counts.refused_address, 1);
    assert_int_equal(counts.refused_identity, 1);
    assert_int_equal(counts.refused_certificate, 1);
    struct stranger list[STRANGERS_MAX];
    assert_int_equal(strangers_list(node_strangers(node), list), 7);
    // Who names a user is let in; who is removed while the node runs is not, the next time.
    struct dimse_address to = {.host = "127.0.0.1", .port = port};
    struct dimse_stream *stream;
    struct dimse_association *a;
    struct err e = {0};
    struct dimse_request request = {.calling = "NAMELESS",
                                    .called = "MACLAB",
                                    .wants = echo_only,
                                    .want_count = 1,
                                    .identity_type = DIMSE_IDENTITY_USER,
                                    .identity = slice_str("curator")};
    assert_int_equal(dimse_stream_connect(&to, NULL, 5000, &stream, &e), E_OK);
    assert_int_equal(dimse_associate(stream, &request, &a, &e), E_OK);
    uint16_t status = 1;
    assert_int_equal(dimse_user_echo(a, &status, &e), E_OK);
    assert_int_equal(status, DIMSE_SUCCESS);
    assert_int_equal(dimse_release(a, &e), E_OK);
    assert_int_equal(node_peer_remove(archive, "STATION7", &e), E_OK);
    assert_int_equal(associate("STATION7", "MACLAB", echo_only, 1, &a, &e), E_DENIED);
}

static void syntaxes_to_receive_in(void **state) {
    (void)state;
    static const struct {
        const char *proposed[4];
        const char *chosen;
    } rows[] = {
        {{DCM_IMPLICIT_LE_UID}, DCM_IMPLICIT_LE_UID},
        {{DCM_IMPLICIT_LE_UID, DCM_EXPLICIT_LE_UID}, DCM_EXPLICIT_LE_UID},
        {{DCM_EXPLICIT_BE_UID, DCM_IMPLICIT_LE_UID, DCM_EXPLICIT_LE_UID}, DCM_EXPLICIT_LE_UID},
        {{DCM_EXPLICIT_BE_UID, DCM_IMPLICIT_LE_UID}, DCM_EXPLICIT_BE_UID},
        {{JPEG, DCM_EXPLICIT_LE_UID}, JPEG},
        {{DCM_EXPLICIT_LE_UID, JPEG}, DCM_EXPLICIT_LE_UID},
        {{"1.2.3.4.5", JPEG}, JPEG},
        {{"1.2.840.10008.1.2.4.102", DCM_EXPLICIT_LE_UID}, "1.2.840.10008.1.2.4.102"}, // video
        {{"1.2.3.4.5"}, NULL},
        {{NULL}, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dimse_context c = {.proposed = rows[i].proposed};
        while (c.proposed_count < 4 && rows[i].proposed[c.proposed_count] != NULL) {
            c.proposed_count++;
        }
        const char *chosen = node_receive_syntax(&c);
        if (rows[i].chosen == NULL) {
            assert_null(chosen);
        } else {
            assert_string_equal(chosen, rows[i].chosen);
        }
    }
}

static void contexts_are_negotiated(void **state) {
    (void)state;
    static const char *const strange[] = {"1.2.3.4.5", NULL};
    const struct dimse_want wants[] = {
        {.abstract_syntax = CT, .syntaxes = uncompressed},
        {.abstract_syntax = PRIVATE_CLASS, .syntaxes = uncompressed},
        {.abstract_syntax = "1.3.46.670589.5.0.99", .syntaxes = uncompressed},
        {.abstract_syntax = CT, .syntaxes = strange},
        {.abstract_syntax = COMMITMENT_CLASS, .syntaxes = uncompressed, .scp_role = true},
        {.abstract_syntax = "1.2.840.10008.1.3.10", .syntaxes = uncompressed}, // media directory
    };
    static const uint8_t results[] = {DIMSE_ACCEPTED,
                                      DIMSE_ACCEPTED,
                                      DIMSE_ABSTRACT_NOT_SUPPORTED,
                                      DIMSE_TRANSFER_NOT_SUPPORTED,
                                      DIMSE_ACCEPTED,
                                      DIMSE_ABSTRACT_NOT_SUPPORTED};
    struct dimse_association *a = open_with(wants, sizeof wants / sizeof wants[0]);
    const struct dimse_proposal *p = dimse_agreed(a);
    for (size_t i = 0; i < sizeof wants / sizeof wants[0]; i++) {
        assert_int_equal(p->contexts[i].result, results[i]);
    }
    assert_string_equal(p->contexts[0].syntax, DCM_EXPLICIT_LE_UID);
    assert_false(p->contexts[4].scp_role);
    assert_int_equal(p->max_invoked, 4);
    struct err e = {0};
    assert_int_equal(dimse_release(a, &e), E_OK);
}

// --- storage

static struct slice body_of(struct arena *memory, const struct instance_words *words) {
    struct buf file;
    struct dcm_file opened;
    struct err e = {0};
    buf_init(&file, 1 << 22);
    instance_make(words, &file);
    struct slice copy = arena_copy(memory, buf_slice(&file));
    buf_done(&file);
    assert_int_equal(dcm_file_open(memory, copy, &opened, &e), E_OK);
    return opened.stored;
}

struct answers {
    uint16_t status[64];
    uint16_t ids[64];
    size_t count;
};

static void take_answer(void *context, void *cookie, const struct dimse_command *response) {
    struct answers *all = context;
    (void)cookie;
    all->ids[all->count] = response->message_id;
    all->status[all->count++] = response->status;
}

static uint64_t instances(void) {
    struct err e = {0};
    struct db *db;
    struct catalogue_counts counts = {0};
    assert_int_equal(archive_reader(archive, &db, &e), E_OK);
    assert_int_equal(catalogue_count(db, &counts, &e), E_OK);
    archive_reader_done(archive, db);
    return counts.instances;
}

static const char *const explicit_only[] = {DCM_EXPLICIT_LE_UID, NULL};
static const struct dimse_want stores[] = {
    {.abstract_syntax = CT, .syntaxes = explicit_only},
    {.abstract_syntax = VERIFICATION, .syntaxes = explicit_only}};

static void instances_are_stored_in_order(void **state) {
    (void)state;
    struct err e = {0};
    struct answers answers = {0};
    struct dimse_sender *sender;
    struct arena memory;
    arena_init(&memory, 1 << 26);
    struct dimse_association *a = open_with(stores, 2);
    assert_int_equal(dimse_window(a), 4);
    assert_int_equal(dimse_sender_open(a, take_answer, &answers, &sender, &e), E_OK);
    struct slice bodies[20];
    static char uids[20][32];
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(uids[i], sizeof uids[i], "2.25.70%u", i);
        bodies[i] = body_of(&memory, &(struct instance_words){.instance = uids[i]});
        struct dimse_store_item item = {.sop_class = CT,
                                        .sop_instance = uids[i],
                                        .context_id = 1,
                                        .pieces = &bodies[i],
                                        .piece_count = 1};
        assert_int_equal(dimse_sender_send(sender, &item, &e), E_OK);
    }
    assert_int_equal(dimse_sender_flush(sender, &e), E_OK);
    dimse_sender_close(sender);
    assert_int_equal(answers.count, 20);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(answers.status[i], DIMSE_SUCCESS);
        assert_true(i == 0 || answers.ids[i] > answers.ids[i - 1]);
    }
    assert_int_equal(dimse_release(a, &e), E_OK);
    inbox_settle(node_inbox(node));
    assert_int_equal(instances(), 20);
    // What the archive holds decides the syntax of what it is to send.
    static const char *const many[] = {JPEG, DCM_IMPLICIT_LE_UID, DCM_EXPLICIT_LE_UID, NULL};
    const struct dimse_want want = {.abstract_syntax = CT, .syntaxes = many, .scp_role = true};
    a = open_with(&want, 1);
    assert_string_equal(dimse_agreed(a)->contexts[0].syntax, DCM_EXPLICIT_LE_UID);
    assert_true(dimse_agreed(a)->contexts[0].scp_role);
    assert_int_equal(dimse_release(a, &e), E_OK);
    arena_done(&memory);
}

static uint16_t exchange(struct dimse_association *a, uint8_t context_id,
                         struct dimse_command request, struct slice data) {
    struct dimse_message answer;
    struct err e = {0};
    request.message_id = dimse_next_message_id(a);
    request.data_set = data.len > 0;
    if (dimse_send(a, context_id, &request, &data, data.len > 0 ? 1 : 0, &e) != E_OK ||
        dimse_receive(a, &answer, &e) != DIMSE_MESSAGE) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(answer.command.message_id, request.message_id);
    assert_int_equal(answer.command.field, request.field | DIMSE_RESPONSE);
    return answer.command.status;
}

static struct dimse_command store_of(const char *sop_class, const char *instance) {
    struct dimse_command c = {.field = DIMSE_C_STORE_RQ, .has = DIMSE_HAS_PRIORITY};
    (void)snprintf(c.sop_class, sizeof c.sop_class, "%s", sop_class);
    (void)snprintf(c.sop_instance, sizeof c.sop_instance, "%s", instance);
    return c;
}

// After each of them the association goes on.
static void statuses_of_requests(void **state) {
    (void)state;
    struct err e = {0};
    struct arena memory;
    arena_init(&memory, 1 << 24);
    struct slice body = body_of(&memory, &(struct instance_words){0});
    struct dimse_association *a = open_with(stores, 2);
    struct dimse_command other = store_of(CT, "2.25.300");
    assert_int_equal(exchange(a, 1, store_of(CT, "2.25.300"), body), DIMSE_SUCCESS);
    assert_int_equal(exchange(a, 1, store_of(CT, "2.25.300"), (struct slice){0}),
                     DIMSE_CANNOT_UNDERSTAND);
    assert_int_equal(exchange(a, 1, store_of(CT, ""), body), DIMSE_INVALID_INSTANCE);
    assert_int_equal(exchange(a, 1, store_of(VERIFICATION, "2.25.300"), body),
                     DIMSE_CLASS_NOT_SUPPORTED);
    assert_int_equal(exchange(a, 3, store_of(VERIFICATION, "2.25.300"), body),
                     DIMSE_UNRECOGNIZED_OPERATION);
    other.field = DIMSE_C_ECHO_RQ; // a service, but not of this class
    assert_int_equal(exchange(a, 1, other, (struct slice){0}), DIMSE_UNRECOGNIZED_OPERATION);
    struct dimse_command cancel = {.field = DIMSE_C_CANCEL_RQ, .message_id = 99};
    assert_int_equal(dimse_send(a, 1, &cancel, NULL, 0, &e), E_OK); // of nothing: passed over
    uint16_t status = 1;
    assert_int_equal(dimse_user_echo(a, &status, &e), E_OK);
    assert_int_equal(status, DIMSE_SUCCESS);
    assert_int_equal(dimse_release(a, &e), E_OK);
    struct node_peer p = peer_of("READER", "127.0.0.1");
    p.may = NODE_MAY_QUERY;
    (void)put(&p);
    assert_int_equal(associate("READER", "MACLAB", stores, 2, &a, &e), E_OK);
    assert_int_equal(exchange(a, 1, store_of(CT, "2.25.301"), body), DIMSE_NOT_AUTHORIZED);
    assert_int_equal(dimse_release(a, &e), E_OK);
    inbox_settle(node_inbox(node));
    assert_int_equal(instances(), 1);
    arena_done(&memory);
}

// --- storage commitment

static const struct dimse_want commits[] = {
    {.abstract_syntax = COMMITMENT_CLASS, .syntaxes = explicit_only}};

static struct dimse_command action_of(const char *instance, uint16_t type) {
    struct dimse_command c = {
        .field = DIMSE_N_ACTION_RQ, .has = DIMSE_HAS_ACTION_TYPE, .action_type = type};
    (void)snprintf(c.sop_class, sizeof c.sop_class, "%s", COMMITMENT_CLASS);
    (void)snprintf(c.sop_instance, sizeof c.sop_instance, "%s", instance);
    return c;
}

static void put_request(struct buf *out, const char *transaction, const char *instance) {
    struct arena memory;
    struct err e = {0};
    struct dcm_dataset *item;
    arena_init(&memory, 1 << 20);
    struct dcm_dataset *d = dcm_dataset_new(&memory, DCM_EXPLICIT_LE);
    instance_put(d, DCM_TransactionUID, DCM_VR_UI, transaction);
    if (instance != NULL) {
        assert_int_equal(dcm_add_item(d, DCM_ReferencedSOPSequence, &item, &e), E_OK);
        instance_put(item, DCM_ReferencedSOPClassUID, DCM_VR_UI, CT);
        instance_put(item, DCM_ReferencedSOPInstanceUID, DCM_VR_UI, instance);
    }
    assert_int_equal(dcm_write(d, DCM_EXPLICIT_LE, dcm_sink_buf(out), &e), E_OK);
    arena_done(&memory);
}

static void commitment_requests(void **state) {
    (void)state;
    struct err e = {0};
    struct buf good, no_references, no_transaction;
    buf_init(&good, 4096);
    buf_init(&no_references, 4096);
    buf_init(&no_transaction, 4096);
    put_request(&good, "2.25.1", "2.25.300");
    put_request(&no_references, "2.25.1", NULL);
    put_request(&no_transaction, "", "2.25.300");
    struct dimse_association *a = open_with(commits, 1);
    const struct {
        struct dimse_command request;
        struct slice data;
        uint16_t status;
    } rows[] = {
        {action_of("1.2.3", 1), buf_slice(&good), DIMSE_NO_SUCH_INSTANCE},
        {action_of(COMMITMENT_INSTANCE, 2), buf_slice(&good), DIMSE_NO_SUCH_ACTION},
        {action_of(COMMITMENT_INSTANCE, 1), {0}, DIMSE_MISSING_ATTRIBUTE},
        {action_of(COMMITMENT_INSTANCE, 1), buf_slice(&no_references), DIMSE_MISSING_ATTRIBUTE},
        {action_of(COMMITMENT_INSTANCE, 1), buf_slice(&no_transaction), DIMSE_MISSING_ATTRIBUTE},
        {action_of(COMMITMENT_INSTANCE, 1), slice_str("nonsense"), DIMSE_PROCESSING_FAILURE},
        {action_of(COMMITMENT_INSTANCE, 1), buf_slice(&good), DIMSE_SUCCESS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(exchange(a, 1, rows[i].request, rows[i].data), rows[i].status);
    }
    // The report comes on the same association: the instance was never taken.
    struct dimse_message event;
    CLEANUP(cleanup_buf) struct buf data;
    buf_init(&data, 4096);
    assert_int_equal(dimse_receive(a, &event, &e), DIMSE_MESSAGE);
    assert_int_equal(event.command.field, DIMSE_N_EVENT_REPORT_RQ);
    assert_int_equal(event.command.event_type, 2);
    assert_int_equal(dimse_data_all(a, &data, &e), E_OK);
    struct arena memory;
    struct dcm_dataset *d;
    int64_t reason = 0;
    arena_init(&memory, 1 << 20);
    assert_int_equal(
        dcm_dataset_read(&memory, buf_slice(&data), DCM_EXPLICIT_LE, 0, 0, &d, NULL, &e), E_OK);
    assert_null(dcm_get(d, DCM_ReferencedSOPSequence));
    assert_true(dcm_int(dcm_first_item(d, DCM_FailedSOPSequence), DCM_FailureReason, 0, &reason));
    assert_int_equal(reason, DIMSE_NO_SUCH_INSTANCE);
    arena_done(&memory);
    struct dimse_command response = dimse_response_to(&event.command, DIMSE_SUCCESS);
    assert_int_equal(dimse_send(a, 1, &response, NULL, 0, &e), E_OK);
    assert_int_equal(dimse_release(a, &e), E_OK);
    // Done with: nothing of the request is kept.
    struct db *db;
    struct commitment_row row;
    for (int i = 0; i < 500; i++) {
        assert_int_equal(archive_reader(archive, &db, &e), E_OK);
        int rc = commitment_row_read(db, 1, &row, &e);
        archive_reader_done(archive, db);
        if (rc == 0) {
            break;
        }
        (void)usleep(10000);
    }
    CLEANUP(cleanup_buf) struct buf references;
    buf_init(&references, 4096);
    assert_int_equal(archive_reader(archive, &db, &e), E_OK);
    assert_int_equal(commitment_references(db, 1, &references, &e), E_OK);
    archive_reader_done(archive, db);
    assert_int_equal(references.len, 0);
    buf_done(&good);
    buf_done(&no_references);
    buf_done(&no_transaction);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "worker") == 0) {
        struct worker_job jobs[ARCHIVE_JOBS];
        archive_jobs_list(jobs);
        return worker_main(jobs, ARCHIVE_JOBS);
    }
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(peers_are_kept),
        cmocka_unit_test(words_of_peers),
        cmocka_unit_test(addresses_are_compared),
        TEST(let_in_or_turned_away),
        cmocka_unit_test(syntaxes_to_receive_in),
        TEST(contexts_are_negotiated),
        TEST(instances_are_stored_in_order),
        TEST(statuses_of_requests),
        TEST(commitment_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
