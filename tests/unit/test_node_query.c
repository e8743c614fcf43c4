// SPDX-License-Identifier: Apache-2.0
// Query, retrieve and worklist over an association in this process, with an archive of real
// objects: identifiers and what is wrong with them, answers and their character sets, retrieval by
// C-GET and C-MOVE at all levels, cancelling, what a view shows.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "archive/archive.h"
#include "archive/intake.h"
#include "archive/jobs.h"
#include "archive/view_source.h"
#include "archive/worklist.h"
#include "base/log.h"
#include "db/db.h"
#include "dicom/charset.h"
#include "dicom/dict.h"
#include "dimse/association.h"
#include "dimse/user.h"
#include "instance_files.h"
#include "node/classes.h"
#include "node/extended.h"
#include "node/find.h"
#include "node/get.h"
#include "node/move.h"
#include "node/node.h"
#include "node/peers.h"
#include "node/send_plan.h"
#include "node/service.h"
#include "node/worklist.h"
#include "worker/worker.h"

#define CT "1.2.840.10008.5.1.4.1.1.2"
#define MR "1.2.840.10008.5.1.4.1.1.4"

static char dir[64];
static struct archive *archive;
static uint32_t matches_max = FIND_MATCHES_MAX;

// --- a node that has but its name, and a destination for C-MOVE

struct sink {
    pthread_t thread;
    struct dimse_stream *stream;
    unsigned stored;
    uint16_t status;      // that it answers
    unsigned break_after; // instances; 0: it does not
    const char *syntax;   // the only one that it takes; NULL: any
    char originator[DIMSE_AET_MAX + 1];
    char last_syntax[DCM_UID_MAX + 1];
    struct buf last; // data set
};
static struct sink destination;

uint32_t node_matches_max(const struct node *n) {
    (void)n;
    return matches_max;
}
const char *node_aet(const struct node *n) {
    (void)n;
    return "MACLAB";
}

static int accept_all(void *context, struct dimse_stream *stream, struct dimse_proposal *p,
                      struct dimse_rejection *ret_rejection, struct err *e) {
    const char *only = context;
    static uint8_t answers[8][NODE_EXTENDED_MAX];
    size_t answer = 0;
    (void)stream;
    (void)ret_rejection;
    (void)e;
    for (size_t i = 0; i < p->context_count; i++) {
        struct dimse_context *c = &p->contexts[i];
        const char *syntax = NULL;
        for (size_t s = 0; s < c->proposed_count && syntax == NULL; s++) {
            syntax = only == NULL || strcmp(c->proposed[s], only) == 0 ? c->proposed[s] : NULL;
        }
        c->result = syntax == NULL ? DIMSE_TRANSFER_NOT_SUPPORTED : DIMSE_ACCEPTED;
        (void)snprintf(c->syntax, sizeof c->syntax, "%s", syntax == NULL ? "" : syntax);
        if (c->extended.len > 0 && answer < 8) {
            size_t len = node_extended_answer(c->abstract_syntax, c->extended, answers[answer]);
            c->answered = slice_of(answers[answer++], len);
        }
    }
    return E_OK;
}

static uint16_t sink_begin(void *context, const struct dimse_message *message) {
    struct sink *s = context;
    buf_clear(&s->last);
    (void)snprintf(s->originator, sizeof s->originator, "%s", message->command.originator_aet);
    (void)snprintf(s->last_syntax, sizeof s->last_syntax, "%s", message->context->syntax);
    return DIMSE_SUCCESS;
}

static uint16_t sink_write(void *context, struct slice piece) {
    struct sink *s = context;
    buf_put_slice(&s->last, piece);
    return DIMSE_SUCCESS;
}

static uint16_t sink_end(void *context, bool whole) {
    struct sink *s = context;
    s->stored += whole;
    return s->status;
}

static void sink_open(struct sink *s) {
    *s = (struct sink){.status = DIMSE_SUCCESS};
    buf_init(&s->last, 1 << 22);
}

static struct dimse_sink sink_of(struct sink *s) {
    return (struct dimse_sink){sink_begin, sink_write, sink_end, s};
}

static void *receive_all(void *context) {
    struct sink *s = context;
    struct dimse_association *a = NULL;
    struct err e = {0};
    union {
        const char *text;
        void *memory;
    } only = {s->syntax};
    int rc = dimse_accept(s->stream, NULL, accept_all, only.memory, &a, &e);
    const struct dimse_sink sink = sink_of(s);
    struct dimse_message m;
    while (rc == E_OK && dimse_receive(a, &m, &e) == DIMSE_MESSAGE) {
        rc = s->break_after > 0 && s->stored == s->break_after ? E_CANCELLED
                                                               : dimse_take_store(a, &m, &sink, &e);
    }
    dimse_association_close(a);
    return NULL;
}

static void pair(struct dimse_stream *ret_streams[2]) {
    int fds[2];
    struct err e = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dimse_stream_adopt(fds[i], &ret_streams[i], &e), E_OK);
    }
}

int node_call(struct node *n, const struct node_peer *peer, const struct dimse_request *request,
              struct dimse_association **ret_association, struct err *e) {
    struct dimse_stream *streams[2];
    struct dimse_request r = *request;
    (void)n;
    if (strcmp(peer->aet, "DEAF") == 0) {
        return err_set(e, E_IO, "DEAF does not answer");
    }
    r.calling = "MACLAB";
    r.called = peer->aet;
    pair(streams);
    destination.stream = streams[1];
    assert_int_equal(pthread_create(&destination.thread, NULL, receive_all, &destination), 0);
    return dimse_associate(streams[0], &r, ret_association, e);
}

// --- the archive

static int remove_one(const char *name, const struct stat *st, int kind, struct FTW *ftw) {
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(name);
}

static void no_conflict(const struct intake_result *r, void *context) {
    (void)context;
    if (r->verdict != INTAKE_STORED) {
        fail_msg("%s: %s", r->sop_instance, r->why.text);
    }
}

static void fill(void) {
    static const struct instance_words words[] = {
        {.study = "2.25.1", .series = "2.25.11", .instance = "2.25.111", .number = "1"},
        {.study = "2.25.1", .series = "2.25.11", .instance = "2.25.112", .number = "2"},
        {.study = "2.25.1", .series = "2.25.11", .instance = "2.25.113", .number = "3"},
        {.study = "2.25.1",
         .series = "2.25.12",
         .instance = "2.25.121",
         .syntax = DCM_IMPLICIT_LE_UID},
        {.study = "2.25.2",
         .series = "2.25.21",
         .instance = "2.25.211",
         .name = "Müller^Jörg",
         .id = "P2",
         .sop_class = MR,
         .modality = "MR",
         .extra_study_date = "20260201"},
        {.study = "2.25.3",
         .series = "2.25.31",
         .instance = "2.25.311",
         .name = "山田^太郎",
         .id = "P3",
         .extra_study_date = "20260301"},
    };
    struct err e = {0};
    struct intake *i;
    assert_int_equal(intake_open(archive, NULL, no_conflict, NULL, &i, &e), E_OK);
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        struct buf file;
        buf_init(&file, 1 << 22);
        instance_make(&words[w], &file);
        assert_int_equal(intake_begin(i, w, &e), E_OK);
        assert_int_equal(intake_write(i, file.data, file.len, &e), E_OK);
        assert_int_equal(intake_end(i, &e), E_OK);
        buf_done(&file);
    }
    assert_int_equal(intake_finish(i, &e), E_OK);
    intake_close(i);
}

static void add_peer(const char *aet, unsigned may) {
    struct err e = {0};
    struct node_peer peer = {.address = {.host = "127.0.0.1", .port = 104}, .may = may};
    bool new;
    (void)snprintf(peer.aet, sizeof peer.aet, "%s", aet);
    assert_int_equal(node_peer_put(archive, &peer, &new, &e), E_OK);
}

static int setup(void **state) {
    (void)state;
    struct err e = {0};
    struct archive_options options = {.data_dir = dir, .as_sent = true, .workers = 2};
    log_open("test", LOG_ERROR, NULL);
    (void)snprintf(dir, sizeof dir, "/tmp/maclab-test-query-XXXXXX");
    if (mkdtemp(dir) == NULL || archive_open(&options, &archive, &e) != E_OK) {
        return -1;
    }
    fill();
    add_peer("STATION", NODE_MAY_ALL);
    add_peer("TALKER", NODE_MAY_ALL & ~(unsigned)NODE_MAY_RECEIVE);
    add_peer("DEAF", NODE_MAY_ALL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    archive_close(archive);
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

// --- an association with the services

struct server {
    pthread_t thread;
    struct dimse_stream *stream;
};

static int serve_message(struct node_session *s, const struct dimse_message *m, struct err *e) {
    switch (m->command.field) {
    case DIMSE_C_FIND_RQ:
        return strcmp(m->command.sop_class, NODE_WORKLIST_FIND) == 0 ? node_worklist_serve(s, m, e)
                                                                     : node_find_serve(s, m, e);
    case DIMSE_C_GET_RQ:
        return node_get_serve(s, m, e);
    case DIMSE_C_MOVE_RQ:
        return node_move_serve(s, m, e);
    default:
        return E_OK; // a C-CANCEL that came too late
    }
}

static void *serve(void *context) {
    struct server *server = context;
    struct dimse_association *a = NULL;
    struct err e = {0};
    struct node_peer peer = {.aet = "STATION", .may = NODE_MAY_ALL};
    int rc = dimse_accept(server->stream, NULL, accept_all, NULL, &a, &e);
    struct node_session s = {
        .archive = archive, .association = a, .peer = &peer, .who = policy_connection("127.0.0.1")};
    struct dimse_message m;
    while (rc == E_OK && dimse_receive(a, &m, &e) == DIMSE_MESSAGE) {
        rc = serve_message(&s, &m, &e);
    }
    dimse_association_close(a);
    return NULL;
}

static struct dimse_association *connect_as(struct server *s, const struct dimse_want *wants,
                                            size_t count) {
    struct dimse_stream *streams[2];
    struct dimse_association *a = NULL;
    struct err e = {0};
    const struct dimse_request request = {.calling = "STATION",
                                          .called = "MACLAB",
                                          .wants = wants,
                                          .want_count = count,
                                          .max_invoked = 8};
    pair(streams);
    s->stream = streams[1];
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    if (dimse_associate(streams[0], &request, &a, &e) != E_OK) {
        fail_msg("%s", e.text);
    }
    return a;
}

static void disconnect(struct server *s, struct dimse_association *a) {
    struct err e = {0};
    assert_int_equal(dimse_release(a, &e), E_OK);
    (void)pthread_join(s->thread, NULL);
}

// --- asking

static const char *const explicit_le[] = {DCM_EXPLICIT_LE_UID, NULL};
static const char *const implicit_le[] = {DCM_IMPLICIT_LE_UID, NULL};

// "(0008,0052)=STUDY" as tag and text; text NULL ends a list.
struct key {
    dcm_tag tag;
    const char *text;
};
#define KEYS_MAX 16

static struct slice identifier_of(struct arena *a, const struct key *keys, enum dcm_encoding enc) {
    struct err e = {0};
    struct buf out;
    buf_init(&out, 1 << 20);
    struct dcm_dataset *d = dcm_dataset_new(a, enc);
    for (size_t i = 0; i < KEYS_MAX && keys[i].text != NULL; i++) {
        if (keys[i].tag == DCM_SpecificCharacterSet) {
            (void)dcm_put_str(d, keys[i].tag, DCM_VR_CS, keys[i].text, &e);
        }
    }
    for (size_t i = 0; i < KEYS_MAX && keys[i].text != NULL; i++) {
        const struct dcm_dict_entry *known = dcm_dict_find(keys[i].tag);
        enum dcm_vr vr = known == NULL ? DCM_VR_LO : known->vr;
        if (keys[i].tag == DCM_RequestAttributesSequence) {
            struct dcm_dataset *item;
            assert_int_equal(dcm_add_item(d, keys[i].tag, &item, &e), E_OK);
            (void)dcm_put_str(item, DCM_ScheduledProcedureStepID, DCM_VR_SH, keys[i].text, &e);
        } else if (keys[i].tag != DCM_SpecificCharacterSet) {
            assert_int_equal(dcm_charset_put(d, keys[i].tag, vr, slice_str(keys[i].text), &e),
                             E_OK);
        }
    }
    assert_int_equal(dcm_write(d, enc, dcm_sink_buf(&out), &e), E_OK);
    struct slice copy = arena_copy(a, buf_slice(&out));
    buf_done(&out);
    return copy;
}

#define ANSWERS_MAX 16
struct answers {
    struct arena arena;
    enum dcm_encoding encoding;
    struct dcm_dataset *list[ANSWERS_MAX];
    size_t count;
    uint16_t pending; // status of the last pending response (of retrievals)
    unsigned told;
    struct dimse_command last;
    size_t stop_after; // 0: never
};

static int take_answer(void *context, struct slice identifier) {
    struct answers *all = context;
    struct err e = {0};
    assert_true(all->count < ANSWERS_MAX);
    uint32_t oddities;
    struct slice copy = arena_copy(&all->arena, identifier);
    assert_int_equal(dcm_dataset_read(&all->arena, copy, all->encoding, 0, 0,
                                      &all->list[all->count++], &oddities, &e),
                     E_OK);
    assert_int_equal(oddities, 0);
    return all->stop_after != 0 && all->count >= all->stop_after;
}

static struct dimse_association *asked;

static void ask(const char *sop_class, struct slice extended, const struct key *keys, bool implicit,
                struct answers *ret) {
    struct server server;
    struct err e = {0};
    const struct dimse_want want = {.abstract_syntax = sop_class,
                                    .syntaxes = implicit ? implicit_le : explicit_le,
                                    .extended = extended};
    size_t stop_after = ret->stop_after;
    *ret = (struct answers){.encoding = implicit ? DCM_IMPLICIT_LE : DCM_EXPLICIT_LE,
                            .stop_after = stop_after};
    arena_init(&ret->arena, 1 << 22);
    asked = connect_as(&server, &want, 1);
    const struct dimse_query query = {.sop_class = sop_class,
                                      .context_id = 1,
                                      .identifier =
                                          identifier_of(&ret->arena, keys, ret->encoding)};
    assert_int_equal(dimse_user_find(asked, &query, take_answer, ret, &ret->last, &e), E_OK);
    disconnect(&server, asked);
}

static void find(const struct key *keys, struct answers *ret) {
    *ret = (struct answers){0};
    ask(NODE_STUDY_FIND, (struct slice){0}, keys, false, ret);
}

static const char *text_of(struct answers *all, const struct dcm_dataset *d, dcm_tag tag) {
    struct buf out;
    struct slice raw;
    const struct dcm_node *n = dcm_get(d, tag);
    struct dcm_charset cs = dcm_charset_of(d);
    if (n == NULL) {
        return "(absent)";
    }
    if (!dcm_node_text(n, 0, &raw)) {
        return "";
    }
    buf_init(&out, 1000);
    dcm_charset_to_utf8(&cs, n->vr, raw, &out, NULL);
    const char *text = arena_str(&all->arena, buf_slice(&out));
    buf_done(&out);
    return text;
}

static void answers_done(struct answers *all) { arena_done(&all->arena); }

static void test_studies(void **state) {
    (void)state;
    static const struct key keys[KEYS_MAX] = {{DCM_SpecificCharacterSet, "ISO_IR 100"},
                                              {DCM_QueryRetrieveLevel, "STUDY"},
                                              {DCM_PatientName, ""},
                                              {DCM_PatientID, "P1"},
                                              {DCM_ModalitiesInStudy, ""},
                                              {DCM_StudyComments, ""},
                                              {DCM_InterpretationStatusID, ""},
                                              {DCM_NumberOfStudyRelatedInstances, ""},
                                              {DCM_Modality, "CT"},
                                              {DCM_StudyInstanceUID, ""},
                                              {0, NULL}};
    for (int implicit = 0; implicit < 2; implicit++) {
        struct answers all = {0};
        ask(NODE_STUDY_FIND, (struct slice){0}, keys, implicit != 0, &all);
        assert_int_equal(all.last.status, DIMSE_SUCCESS);
        assert_int_equal(all.count, 1);
        const struct dcm_dataset *d = all.list[0];
        assert_string_equal(text_of(&all, d, DCM_SpecificCharacterSet), "ISO_IR 100");
        assert_string_equal(text_of(&all, d, DCM_QueryRetrieveLevel), "STUDY");
        assert_string_equal(text_of(&all, d, DCM_RetrieveAETitle), "MACLAB");
        assert_string_equal(text_of(&all, d, DCM_InstanceAvailability), "ONLINE");
        assert_string_equal(text_of(&all, d, DCM_PatientName), "Doe^Jane");
        assert_string_equal(text_of(&all, d, DCM_ModalitiesInStudy), "CT");
        assert_string_equal(text_of(&all, d, DCM_StudyComments), ""); // asked for: there
        assert_string_equal(text_of(&all, d, DCM_InterpretationStatusID), "");
        assert_string_equal(text_of(&all, d, DCM_NumberOfStudyRelatedInstances), "4");
        assert_string_equal(text_of(&all, d, DCM_StudyInstanceUID), "2.25.1");
        assert_string_equal(text_of(&all, d, DCM_StudyDate), "(absent)"); // not asked for
        answers_done(&all);
    }
}

static void test_charsets(void **state) {
    (void)state;
    static const struct {
        const char *asked, *name, *id, *answered;
    } cases[] = {
        {"ISO_IR 100", "Müller*", "P2", "ISO_IR 100"},
        {"ISO_IR 192", "müller^jörg", "P2", "ISO_IR 192"},
        {"ISO_IR 192", "山田*", "P3", "ISO_IR 192"},
        {"ISO_IR 100", "", "P3", "ISO_IR 192"}, // it cannot say the name
        {"\\ISO 2022 IR 87", "山田^太郎", "P3", "\\ISO 2022 IR 87"},
        {NULL, "", "P2", "ISO_IR 192"}, // nor can the default
        {NULL, "", "P1", "(absent)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct key keys[KEYS_MAX] = {{DCM_QueryRetrieveLevel, "STUDY"},
                                     {DCM_PatientName, cases[i].name},
                                     {DCM_PatientID, cases[i].id},
                                     {DCM_SpecificCharacterSet, cases[i].asked},
                                     {0, NULL}};
        struct answers all;
        find(keys, &all);
        assert_int_equal(all.count, 1);
        const struct dcm_node *n = dcm_get(all.list[0], DCM_SpecificCharacterSet);
        if (n == NULL) {
            assert_string_equal(cases[i].answered, "(absent)");
        } else {
            struct slice said = slice_trim(n->value, " ");
            assert_true(slice_eq_str(said, cases[i].answered));
        }
        assert_string_equal(text_of(&all, all.list[0], DCM_PatientName),
                            cases[i].id[1] == '1'   ? "Doe^Jane"
                            : cases[i].id[1] == '2' ? "Müller^Jörg"
                                                    : "山田^太郎");
        answers_done(&all);
    }
}

static void test_levels(void **state) {
    (void)state;
    static const struct {
        const char *sop_class;
        struct key keys[KEYS_MAX];
        size_t count;
        uint16_t pending;
    } cases[] = {
        {NODE_PATIENT_FIND, {{DCM_QueryRetrieveLevel, "PATIENT"}, {DCM_PatientID, ""}}, 3, 0xFF00},
        {NODE_PATIENT_FIND,
         {{DCM_QueryRetrieveLevel, "PATIENT"}, {DCM_PatientID, "P?"}, {DCM_StudyDate, "20260101"}},
         3,
         0xFF01}, // a study's attribute
        {NODE_PATIENT_FIND, {{DCM_QueryRetrieveLevel, "STUDY"}, {DCM_PatientID, "P1"}}, 1, 0xFF00},
        {NODE_PATIENT_FIND,
         {{DCM_QueryRetrieveLevel, "SERIES"},
          {DCM_PatientID, "P1"},
          {DCM_StudyInstanceUID, "2.25.1"}},
         2,
         0xFF00},
        {NODE_STUDY_FIND,
         {{DCM_QueryRetrieveLevel, "SERIES"}, {DCM_StudyInstanceUID, "2.25.1"}, {DCM_Modality, ""}},
         2,
         0xFF00},
        {NODE_STUDY_FIND, // images by their study alone
         {{DCM_QueryRetrieveLevel, "IMAGE"}, {DCM_StudyInstanceUID, "2.25.1"}},
         4,
         0xFF00},
        {NODE_STUDY_FIND,
         {{DCM_QueryRetrieveLevel, "IMAGE"},
          {DCM_StudyInstanceUID, "2.25.1"},
          {DCM_SeriesInstanceUID, "2.25.11"},
          {DCM_SOPInstanceUID, "2.25.111\\2.25.113"},
          {DCM_Rows, ""}},
         2,
         0xFF00},
        {NODE_STUDY_FIND, {{DCM_QueryRetrieveLevel, "STUDY"}, {DCM_ProtocolName, ""}}, 3, 0xFF00},
        {NODE_STUDY_FIND, {{DCM_QueryRetrieveLevel, "STUDY"}, {DCM_EthnicGroup, ""}}, 3, 0xFF01},
        {NODE_STUDY_FIND,
         {{DCM_QueryRetrieveLevel, "STUDY"}, {DCM_StudyInstanceUID, "2.25.3\\2.25.9\\2.25.1"}},
         2,
         0xFF00},
        {NODE_STUDY_FIND,
         {{DCM_QueryRetrieveLevel, "STUDY"}, {DCM_StudyDate, "20260101-20260228"}},
         2,
         0xFF00},
        {NODE_STUDY_FIND,
         {{DCM_QueryRetrieveLevel, "STUDY"}, {DCM_TimezoneOffsetFromUTC, "+0200"}},
         3,
         0xFF00}, // of the request, not a key
        {NODE_STUDY_FIND,
         {{DCM_QueryRetrieveLevel, "SERIES"},
          {DCM_StudyInstanceUID, "2.25.1"},
          {DCM_RequestAttributesSequence, "STEP1"}},
         0,
         0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answers all = {0};
        ask(cases[i].sop_class, (struct slice){0}, cases[i].keys, i % 2 != 0, &all);
        if (all.last.status != DIMSE_SUCCESS || all.count != cases[i].count) {
            fail_msg("case %zu: status %04x, %zu answers", i, all.last.status, all.count);
        }
        answers_done(&all);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *sop_class;
        struct key keys[KEYS_MAX];
        dcm_tag offending;
    } cases[] = {
        {NODE_STUDY_FIND, {{DCM_StudyInstanceUID, ""}}, DCM_QueryRetrieveLevel},
        {NODE_STUDY_FIND, {{DCM_QueryRetrieveLevel, "WARD"}}, DCM_QueryRetrieveLevel},
        {NODE_STUDY_FIND, {{DCM_QueryRetrieveLevel, "PATIENT"}}, DCM_QueryRetrieveLevel},
        {NODE_STUDY_FIND, {{DCM_QueryRetrieveLevel, "SERIES"}}, DCM_StudyInstanceUID},
        {NODE_STUDY_FIND,
         {{DCM_QueryRetrieveLevel, "IMAGE"}, {DCM_StudyInstanceUID, "*"}},
         DCM_StudyInstanceUID},
        {NODE_PATIENT_FIND, {{DCM_QueryRetrieveLevel, "STUDY"}}, DCM_PatientID},
        {NODE_STUDY_FIND,
         {{DCM_QueryRetrieveLevel, "STUDY"}, {DCM_StudyDate, "next week"}},
         DCM_StudyDate},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answers all = {0};
        ask(cases[i].sop_class, (struct slice){0}, cases[i].keys, false, &all);
        assert_int_equal(all.last.status, DIMSE_CLASS_MISMATCH);
        assert_int_equal(all.count, 0);
        assert_int_equal(all.last.offending_count, 1);
        assert_int_equal(all.last.offending[0], cases[i].offending);
        assert_true(all.last.comment[0] != '\0');
        answers_done(&all);
    }
}

static void test_extended(void **state) {
    (void)state;
    static const uint8_t all_bits[] = {1, 1, 1, 1, 1};
    uint8_t answer[NODE_EXTENDED_MAX];
    size_t len = node_extended_answer(NODE_STUDY_FIND, slice_of(all_bits, 5), answer);
    assert_int_equal(len, 5);
    assert_memory_equal(answer, "\1\1\1\0\0", 5);
    assert_int_equal(node_extended_answer(NODE_STUDY_MOVE, slice_of(all_bits, 2), answer), 2);
    assert_memory_equal(answer, "\1\0", 2);
    assert_int_equal(node_extended_answer(NODE_WORKLIST_FIND, slice_of(all_bits, 4), answer), 4);
    assert_memory_equal(answer, "\1\1\1\0", 4);
    assert_int_equal(node_extended_answer(CT, slice_of(all_bits, 4), answer), 0);
    // Relational: a level below without the study; fuzzy: a word begins a component.
    struct answers all = {0};
    static const struct key images[KEYS_MAX] = {{DCM_QueryRetrieveLevel, "IMAGE"},
                                                {DCM_PatientID, "P1"}};
    ask(NODE_STUDY_FIND, slice_of(all_bits, 5), images, false, &all);
    assert_int_equal(all.last.status, DIMSE_SUCCESS);
    assert_int_equal(all.count, 4);
    answers_done(&all);
    static const struct key fuzzy[KEYS_MAX] = {{DCM_QueryRetrieveLevel, "STUDY"},
                                               {DCM_PatientName, "jan"}};
    for (size_t bits = 0; bits <= 5; bits += 5) {
        all = (struct answers){0};
        ask(NODE_STUDY_FIND, slice_of(all_bits, bits), fuzzy, false, &all);
        assert_int_equal(all.count, bits == 0 ? 0 : 1);
        answers_done(&all);
    }
}

static void test_cancelled(void **state) {
    (void)state;
    struct answers all = {.stop_after = 1};
    static const struct key keys[KEYS_MAX] = {{DCM_QueryRetrieveLevel, "STUDY"},
                                              {DCM_StudyInstanceUID, ""}};
    ask(NODE_STUDY_FIND, (struct slice){0}, keys, false, &all);
    assert_true(all.last.status == DIMSE_CANCEL || all.last.status == DIMSE_SUCCESS);
    assert_int_equal(all.count, 1);
    answers_done(&all);
}

// What is over the limit is told, not cut off in silence.
static void test_too_many(void **state) {
    (void)state;
    struct answers all;
    static const struct key keys[KEYS_MAX] = {{DCM_QueryRetrieveLevel, "STUDY"},
                                              {DCM_StudyInstanceUID, ""}};
    matches_max = 2;
    find(keys, &all);
    matches_max = FIND_MATCHES_MAX;
    assert_int_equal(all.last.status, DIMSE_OUT_OF_RESOURCES);
    assert_int_equal(all.count, 2);
    assert_true(all.last.comment[0] != '\0');
    answers_done(&all);
}

// --- retrieving

static int note_progress(void *context, const struct dimse_command *response) {
    struct answers *all = context;
    all->told++;
    all->pending = response->status;
    return 0;
}

static int stop(void *context, const struct dimse_command *response) {
    (void)note_progress(context, response);
    return 1;
}

static const char *const any_le[] = {DCM_EXPLICIT_LE_UID, DCM_IMPLICIT_LE_UID, NULL};

static void get(const struct key *keys, const char *const *syntaxes, struct sink *sink,
                int (*progress)(void *context, const struct dimse_command *response),
                struct answers *ret) {
    struct server server;
    struct err e = {0};
    const struct dimse_want wants[] = {
        {.abstract_syntax = NODE_STUDY_GET, .syntaxes = explicit_le},
        {.abstract_syntax = CT, .syntaxes = syntaxes, .scp_role = true},
        {.abstract_syntax = MR, .syntaxes = syntaxes, .scp_role = true}};
    *ret = (struct answers){.encoding = DCM_EXPLICIT_LE};
    arena_init(&ret->arena, 1 << 20);
    struct dimse_association *a = connect_as(&server, wants, 3);
    const struct dimse_query query = {.sop_class = NODE_STUDY_GET,
                                      .context_id = 1,
                                      .identifier =
                                          identifier_of(&ret->arena, keys, DCM_EXPLICIT_LE)};
    const struct dimse_sink s = sink_of(sink);
    assert_int_equal(dimse_user_get(a, &query, &s, progress, ret, &ret->last, &e), E_OK);
    disconnect(&server, a);
}

static const struct {
    struct key keys[KEYS_MAX];
    unsigned count;
} retrievals[] = {
    {{{DCM_QueryRetrieveLevel, "STUDY"}, {DCM_StudyInstanceUID, "2.25.1"}}, 4},
    {{{DCM_QueryRetrieveLevel, "STUDY"}, {DCM_StudyInstanceUID, "2.25.1\\2.25.2"}}, 5},
    {{{DCM_QueryRetrieveLevel, "SERIES"},
      {DCM_StudyInstanceUID, "2.25.1"},
      {DCM_SeriesInstanceUID, "2.25.11"}},
     3},
    {{{DCM_QueryRetrieveLevel, "IMAGE"},
      {DCM_StudyInstanceUID, "2.25.1"},
      {DCM_SeriesInstanceUID, "2.25.11"},
      {DCM_SOPInstanceUID, "2.25.111\\2.25.113\\2.25.121"}},
     2},
    {{{DCM_QueryRetrieveLevel, "IMAGE"}, // as OsiriX does: no series
      {DCM_StudyInstanceUID, "2.25.1"},
      {DCM_SOPInstanceUID, "2.25.111\\2.25.121"}},
     2},
    {{{DCM_QueryRetrieveLevel, "STUDY"}, {DCM_StudyInstanceUID, "2.25.999"}}, 0},
};

static void test_get(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof retrievals / sizeof retrievals[0]; i++) {
        struct sink sink;
        struct answers all;
        sink_open(&sink);
        get(retrievals[i].keys, any_le, &sink, note_progress, &all);
        assert_int_equal(all.last.status, DIMSE_SUCCESS);
        assert_int_equal(all.last.completed, retrievals[i].count);
        assert_int_equal(all.last.failed, 0);
        assert_int_equal(sink.stored, retrievals[i].count);
        assert_true(retrievals[i].count == 0 || all.told > 0);
        buf_done(&sink.last);
        answers_done(&all);
    }
}

// What is stored implicitly comes decoded where only explicit is taken; what nobody takes fails.
static void test_syntaxes(void **state) {
    (void)state;
    struct sink sink;
    struct answers all;
    sink_open(&sink);
    static const struct key one[KEYS_MAX] = {{DCM_QueryRetrieveLevel, "IMAGE"},
                                             {DCM_SOPInstanceUID, "2.25.121"}};
    get(one, explicit_le, &sink, NULL, &all);
    assert_int_equal(all.last.completed, 1);
    struct dcm_dataset *d;
    struct err e = {0};
    assert_int_equal(
        dcm_dataset_read(&all.arena, buf_slice(&sink.last), DCM_EXPLICIT_LE, 0, 0, &d, NULL, &e),
        E_OK);
    assert_string_equal(text_of(&all, d, DCM_SOPInstanceUID), "2.25.121");
    assert_int_equal(dcm_get(d, DCM_PixelData)->value.len, 128);
    answers_done(&all);
    static const char *const video[] = {"1.2.840.10008.1.2.4.100", NULL};
    sink.stored = 0;
    get(retrievals[0].keys, video, &sink, NULL, &all);
    assert_int_equal(all.last.status, DIMSE_NO_SUB_OPERATIONS);
    assert_int_equal(all.last.failed, 4);
    assert_int_equal(sink.stored, 0);
    answers_done(&all);
    buf_done(&sink.last);
}

static void test_get_statuses(void **state) {
    (void)state;
    struct sink sink;
    struct answers all;
    sink_open(&sink);
    sink.status = DIMSE_COERCED;
    get(retrievals[0].keys, any_le, &sink, NULL, &all);
    assert_int_equal(all.last.status, DIMSE_SUB_OPERATIONS_FAILED);
    assert_int_equal(all.last.warning, 4);
    assert_int_equal(all.last.failed, 0);
    answers_done(&all);
    sink.status = DIMSE_OUT_OF_RESOURCES;
    get(retrievals[0].keys, any_le, &sink, NULL, &all);
    assert_int_equal(all.last.status, DIMSE_NO_SUB_OPERATIONS);
    assert_int_equal(all.last.failed, 4);
    answers_done(&all);
    // No level, no unique key.
    static const struct key none[][KEYS_MAX] = {
        {{DCM_StudyInstanceUID, "2.25.1"}},
        {{DCM_QueryRetrieveLevel, "SERIES"}, {DCM_StudyInstanceUID, "2.25.1"}},
        {{DCM_QueryRetrieveLevel, "PATIENT"}, {DCM_PatientID, "P1"}}};
    for (size_t i = 0; i < 3; i++) {
        get(none[i], any_le, &sink, NULL, &all);
        assert_int_equal(all.last.status, DIMSE_CLASS_MISMATCH);
        assert_int_equal(all.last.offending_count, 1);
        answers_done(&all);
    }
    buf_done(&sink.last);
}

static void test_get_cancelled(void **state) {
    (void)state;
    struct sink sink;
    struct answers all;
    sink_open(&sink);
    get(retrievals[1].keys, any_le, &sink, stop, &all);
    assert_true(all.last.status == DIMSE_CANCEL || all.last.status == DIMSE_SUCCESS);
    if (all.last.status == DIMSE_CANCEL) {
        assert_true((all.last.has & DIMSE_HAS_REMAINING) != 0);
        assert_int_equal(all.last.completed + all.last.remaining, 5);
    }
    assert_int_equal(sink.stored, all.last.completed);
    answers_done(&all);
    buf_done(&sink.last);
}

static void move(const struct key *keys, const char *to, struct answers *ret) {
    struct server server;
    struct err e = {0};
    const struct dimse_want want = {.abstract_syntax = NODE_STUDY_MOVE, .syntaxes = explicit_le};
    *ret = (struct answers){.encoding = DCM_EXPLICIT_LE};
    arena_init(&ret->arena, 1 << 20);
    struct dimse_association *a = connect_as(&server, &want, 1);
    const struct dimse_query query = {.sop_class = NODE_STUDY_MOVE,
                                      .context_id = 1,
                                      .destination = to,
                                      .identifier =
                                          identifier_of(&ret->arena, keys, DCM_EXPLICIT_LE)};
    assert_int_equal(dimse_user_move(a, &query, note_progress, ret, &ret->last, &e), E_OK);
    disconnect(&server, a);
    if (destination.stream != NULL) {
        (void)pthread_join(destination.thread, NULL);
        destination.stream = NULL;
    }
}

static void test_move(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof retrievals / sizeof retrievals[0]; i++) {
        struct answers all;
        sink_open(&destination);
        move(retrievals[i].keys, "STATION", &all);
        assert_int_equal(all.last.status, DIMSE_SUCCESS);
        assert_int_equal(all.last.completed, retrievals[i].count);
        assert_int_equal(destination.stored, retrievals[i].count);
        if (retrievals[i].count > 0) {
            assert_string_equal(destination.originator, "STATION");
        }
        buf_done(&destination.last);
        answers_done(&all);
    }
}

static void test_move_fails(void **state) {
    (void)state;
    struct answers all;
    static const struct {
        const char *to;
        uint16_t status;
    } cases[] = {{"NOBODY", DIMSE_DESTINATION_UNKNOWN},
                 {"TALKER", DIMSE_DESTINATION_UNKNOWN}, // may not receive
                 {"DEAF", DIMSE_NO_SUB_OPERATIONS}};
    for (size_t i = 0; i < 3; i++) {
        sink_open(&destination);
        move(retrievals[0].keys, cases[i].to, &all);
        assert_int_equal(all.last.status, cases[i].status);
        assert_int_equal(all.last.failed, i == 2 ? 4 : 0);
        buf_done(&destination.last);
        answers_done(&all);
    }
    // One that goes away in the middle; and one that takes nothing that we can make.
    sink_open(&destination);
    destination.break_after = 2;
    move(retrievals[0].keys, "STATION", &all);
    assert_int_equal(all.last.status, DIMSE_SUB_OPERATIONS_FAILED);
    assert_int_equal(all.last.completed, 2);
    assert_int_equal(all.last.failed, 2);
    buf_done(&destination.last);
    answers_done(&all);
    sink_open(&destination);
    destination.syntax = DCM_IMPLICIT_LE_UID; // three are stored otherwise and are transcoded
    move(retrievals[0].keys, "STATION", &all);
    assert_int_equal(all.last.status, DIMSE_SUCCESS);
    assert_int_equal(all.last.completed, 4);
    assert_string_equal(destination.last_syntax, DCM_IMPLICIT_LE_UID);
    buf_done(&destination.last);
    answers_done(&all);
}

// Contexts for many classes and syntaxes do not fit into one association.
static void test_plan(void **state) {
    (void)state;
    static struct retrieve_instance list[600];
    struct arena a;
    struct err e = {0};
    arena_init(&a, 1 << 24);
    for (size_t i = 0; i < 600; i++) {
        (void)snprintf(list[i].sop_class, sizeof list[i].sop_class, "1.2.%zu", i % 100);
        (void)snprintf(list[i].syntax, sizeof list[i].syntax, "%s",
                       i % 3 == 0   ? DCM_EXPLICIT_LE_UID
                       : i % 3 == 1 ? DCM_IMPLICIT_LE_UID
                                    : DCM_RLE_UID);
    }
    struct send_batch *batches;
    size_t count;
    assert_int_equal(send_plan_make(list, 600, &a, &batches, &count, &e), E_OK);
    assert_true(count >= 3);
    size_t instances = 0;
    for (size_t b = 0; b < count; b++) {
        assert_true(batches[b].want_count <= DIMSE_CONTEXTS_MAX);
        instances += batches[b].count;
        for (size_t i = 0; i < batches[b].count; i++) { // each has its own syntax alone
            const struct retrieve_instance *row = &list[batches[b].which[i]];
            bool found = false;
            for (size_t w = 0; w < batches[b].want_count; w++) {
                const struct dimse_want *want = &batches[b].wants[w];
                found = found ||
                        (strcmp(want->abstract_syntax, row->sop_class) == 0 &&
                         strcmp(want->syntaxes[0], row->syntax) == 0 && want->syntaxes[1] == NULL);
            }
            assert_true(found);
        }
    }
    assert_int_equal(instances, 600);
    assert_int_equal(send_plan_make(list, 0, &a, &batches, &count, &e), E_OK);
    assert_int_equal(count, 0);
    arena_done(&a);
}

// --- views

static void make_view(void) {
    struct err e = {0};
    struct slice name = slice_str("exam");
    struct db *db = archive_writer(archive);
    assert_int_equal(db_begin(db, &e), E_OK);
    assert_int_equal(view_rows_make(db, name, false, &e), E_OK);
    assert_int_equal(view_rows_replace(db, name, slice_str("2.25.1"), DCM_PatientName,
                                       slice_str("Exam^Eins"), &e),
                     E_OK);
    assert_int_equal(
        view_rows_replace(db, name, slice_str("2.25.1"), DCM_PatientID, slice_str("E1"), &e), E_OK);
    assert_int_equal(view_rows_replace(db, name, slice_str(""), DCM_StudyDescription,
                                       slice_str("Untersuchung ä"), &e),
                     E_OK);
    assert_int_equal(view_rows_add(db, name, slice_str("2.25.1"), &e), E_OK);
    assert_int_equal(view_rows_bind(db, slice_str("STATION"), name, &e), E_OK);
    assert_int_equal(db_commit(db, &e), E_OK);
    archive_writer_done(archive);
}

static void drop_view(void) {
    struct err e = {0};
    struct db *db = archive_writer(archive);
    assert_int_equal(view_rows_remove(db, slice_str("exam"), &e), E_OK);
    archive_writer_done(archive);
}

static size_t count_of(dcm_tag tag, const char *value) {
    struct answers all;
    const struct key keys[KEYS_MAX] = {{DCM_QueryRetrieveLevel, "STUDY"}, {tag, value}};
    find(keys, &all);
    assert_int_equal(all.last.status, DIMSE_SUCCESS);
    size_t count = all.count;
    answers_done(&all);
    return count;
}

static void test_view(void **state) {
    (void)state;
    struct answers all;
    struct sink sink;
    struct err e = {0};
    make_view();
    assert_int_equal(count_of(DCM_PatientID, ""), 1); // the others are not there
    assert_int_equal(count_of(DCM_PatientID, "P1"), 0);
    assert_int_equal(count_of(DCM_PatientID, "E1"), 1);
    assert_int_equal(count_of(DCM_PatientName, "doe*"), 0);
    assert_int_equal(count_of(DCM_PatientName, "exam*"), 1);
    assert_int_equal(count_of(DCM_StudyInstanceUID, "2.25.2"), 0);
    static const struct key keys[KEYS_MAX] = {{DCM_SpecificCharacterSet, "ISO_IR 100"},
                                              {DCM_QueryRetrieveLevel, "STUDY"},
                                              {DCM_PatientName, ""},
                                              {DCM_StudyDescription, ""}};
    find(keys, &all);
    assert_string_equal(text_of(&all, all.list[0], DCM_PatientName), "Exam^Eins");
    assert_string_equal(text_of(&all, all.list[0], DCM_StudyDescription), "Untersuchung ä");
    answers_done(&all);
    // Instances: header replaced, pixels as they are; what is not shown is not sent.
    sink_open(&sink);
    get(retrievals[1].keys, any_le, &sink, NULL, &all);
    assert_int_equal(all.last.completed, 4);
    struct dcm_dataset *d;
    assert_int_equal(
        dcm_dataset_read(&all.arena, buf_slice(&sink.last), DCM_EXPLICIT_LE, 0, 0, &d, NULL, &e),
        E_OK);
    assert_string_equal(text_of(&all, d, DCM_PatientName), "Exam^Eins");
    assert_string_equal(text_of(&all, d, DCM_PatientID), "E1");
    assert_string_equal(text_of(&all, d, DCM_StudyDescription), "Untersuchung ä");
    assert_string_equal(text_of(&all, d, DCM_AccessionNumber), "ACC1");
    assert_int_equal(dcm_get(d, DCM_PixelData)->value.len, 128);
    assert_null(memmem(sink.last.data, sink.last.len, "Doe^Jane", 8));
    answers_done(&all);
    buf_done(&sink.last);
    sink_open(&destination);
    move(retrievals[1].keys, "STATION", &all);
    assert_int_equal(all.last.completed, 4);
    assert_null(memmem(destination.last.data, destination.last.len, "Doe^Jane", 8));
    answers_done(&all);
    buf_done(&destination.last);
    drop_view();
    assert_int_equal(count_of(DCM_PatientID, "P1"), 1);
}

// --- worklist

static void put_step(const char *id, const char *aet, const char *date, const char *time,
                     const char *name) {
    struct err e = {0};
    struct worklist_step step;
    for (size_t i = 0; i < WORKLIST_COLUMNS; i++) {
        step.texts[i] = slice_str("");
    }
    step.texts[WORKLIST_step_id] = slice_str(id);
    step.texts[WORKLIST_station_aets] = slice_str(aet);
    step.texts[WORKLIST_step_date] = slice_str(date);
    step.texts[WORKLIST_step_time] = slice_str(time);
    step.texts[WORKLIST_modality] = slice_str("CT");
    step.texts[WORKLIST_step_description] = slice_str("Thorax");
    step.texts[WORKLIST_protocol_code] = slice_str("CTTHX");
    step.texts[WORKLIST_protocol_scheme] = slice_str("99LOCAL");
    step.texts[WORKLIST_procedure_id] = slice_str("RP1");
    step.texts[WORKLIST_procedure_description] = slice_str("CT of the chest");
    step.texts[WORKLIST_study_uid] = slice_str("2.25.77");
    step.texts[WORKLIST_patient_name] = slice_str(name);
    step.texts[WORKLIST_patient_id] = slice_str("W1");
    step.texts[WORKLIST_pregnancy] = slice_str("4");
    struct db *db = archive_writer(archive);
    assert_int_equal(worklist_put(db, &step, &e), E_OK);
    assert_int_equal(worklist_put(db, &step, &e), E_OK); // in the place of itself
    step.texts[WORKLIST_modality] = slice_str("");
    assert_int_equal(worklist_put(db, &step, &e), E_ARGUMENT);
    step.texts[WORKLIST_modality] = slice_str("CT");
    step.texts[WORKLIST_step_date] = slice_str("soon");
    assert_int_equal(worklist_put(db, &step, &e), E_ARGUMENT);
    archive_writer_done(archive);
}

// The request of a modality: the step's keys in their sequence.
static size_t ask_worklist(const struct key *step_keys, const struct key *keys,
                           struct answers *ret) {
    struct server server;
    struct err e = {0};
    const struct dimse_want want = {.abstract_syntax = NODE_WORKLIST_FIND, .syntaxes = explicit_le};
    *ret = (struct answers){.encoding = DCM_EXPLICIT_LE};
    arena_init(&ret->arena, 1 << 22);
    struct dcm_dataset *item;
    struct dcm_dataset *d = dcm_dataset_new(&ret->arena, DCM_EXPLICIT_LE);
    for (size_t i = 0; i < KEYS_MAX && keys[i].text != NULL; i++) {
        (void)dcm_put_str(d, keys[i].tag, dcm_dict_find(keys[i].tag)->vr, keys[i].text, &e);
    }
    (void)dcm_add_item(d, DCM_ScheduledProcedureStepSequence, &item, &e);
    for (size_t i = 0; i < KEYS_MAX && step_keys[i].text != NULL; i++) {
        (void)dcm_put_str(item, step_keys[i].tag, dcm_dict_find(step_keys[i].tag)->vr,
                          step_keys[i].text, &e);
    }
    struct buf bytes;
    buf_init(&bytes, 1 << 20);
    assert_int_equal(dcm_write(d, DCM_EXPLICIT_LE, dcm_sink_buf(&bytes), &e), E_OK);
    struct dimse_association *a = connect_as(&server, &want, 1);
    const struct dimse_query query = {
        .sop_class = NODE_WORKLIST_FIND, .context_id = 1, .identifier = buf_slice(&bytes)};
    assert_int_equal(dimse_user_find(a, &query, take_answer, ret, &ret->last, &e), E_OK);
    disconnect(&server, a);
    buf_done(&bytes);
    return ret->count;
}

static void test_worklist(void **state) {
    (void)state;
    struct answers all;
    put_step("S1", "CT1\\CT2", "20260105", "0900", "Adams^Ann");
    put_step("S2", "CT2", "20260105", "230000", "Müller^Jörg");
    put_step("S3", "MR1", "20260106", "010000", "Brown^Bob");
    static const struct {
        struct key step[KEYS_MAX], top[KEYS_MAX];
        size_t count;
    } cases[] = {
        {{{DCM_ScheduledStationAETitle, "CT2"}}, {{DCM_PatientName, ""}}, 2},
        {{{DCM_ScheduledStationAETitle, ""}}, {{DCM_PatientName, "ADAMS*"}}, 1},
        {{{DCM_ScheduledProcedureStepStartDate, "20260105"}}, {{DCM_PatientID, "W1"}}, 2},
        {{{DCM_ScheduledProcedureStepStartDate, "20260105-20260106"},
          {DCM_ScheduledProcedureStepStartTime, "2200-0200"}},
         {{DCM_PatientID, ""}},
         2}, // over midnight: one range
        {{{DCM_Modality, "MR"}}, {{DCM_PatientID, ""}}, 0},
        {{{DCM_Modality, "CT"}}, {{DCM_AccessionNumber, "A"}}, 0},
        {{{DCM_Modality, ""}}, {{DCM_StudyInstanceUID, "2.25.77"}}, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (ask_worklist(cases[i].step, cases[i].top, &all) != cases[i].count ||
            all.last.status != DIMSE_SUCCESS) {
            fail_msg("case %zu: %zu steps, status %04x", i, all.count, all.last.status);
        }
        answers_done(&all);
    }
    // Everything of the step, since nothing was asked of it; codes as items; order by time.
    static const struct key none[KEYS_MAX] = {{0, NULL}};
    static const struct key top[KEYS_MAX] = {{DCM_SpecificCharacterSet, "ISO_IR 192"},
                                             {DCM_PatientName, ""},
                                             {DCM_PregnancyStatus, ""},
                                             {DCM_RequestedProcedureID, ""}};
    assert_int_equal(ask_worklist(none, top, &all), 3);
    const struct dcm_dataset *d = all.list[1];
    assert_string_equal(text_of(&all, d, DCM_PatientName), "Müller^Jörg");
    int64_t pregnancy = 0;
    assert_true(dcm_int(d, DCM_PregnancyStatus, 0, &pregnancy));
    assert_int_equal(pregnancy, 4);
    const struct dcm_dataset *step = dcm_first_item(d, DCM_ScheduledProcedureStepSequence);
    assert_string_equal(text_of(&all, step, DCM_ScheduledProcedureStepID), "S2");
    assert_string_equal(text_of(&all, step, DCM_ScheduledStationAETitle), "CT2");
    const struct dcm_dataset *code = dcm_first_item(step, DCM_ScheduledProtocolCodeSequence);
    assert_string_equal(text_of(&all, code, DCM_CodeValue), "CTTHX");
    answers_done(&all);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "worker") == 0) {
        struct worker_job jobs[ARCHIVE_JOBS];
        archive_jobs_list(jobs);
        return worker_main(jobs, ARCHIVE_JOBS);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_studies),       cmocka_unit_test(test_charsets),
        cmocka_unit_test(test_levels),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_extended),      cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_too_many),      cmocka_unit_test(test_get),
        cmocka_unit_test(test_syntaxes),      cmocka_unit_test(test_get_statuses),
        cmocka_unit_test(test_get_cancelled), cmocka_unit_test(test_move),
        cmocka_unit_test(test_move_fails),    cmocka_unit_test(test_plan),
        cmocka_unit_test(test_view),          cmocka_unit_test(test_worklist),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
