// SPDX-License-Identifier: Apache-2.0
// Identifiers of C-FIND and of the worklist, whole services: whatever is asked, there is one final
// response, and every pending one has an identifier that is well formed and holds what was asked
// for. The association and the archive's connections are stood in for here. First byte: encoding,
// information model, what was negotiated, who asks.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/attributes.h"
#include "archive/record.h"
#include "archive/register.h"
#include "archive/schema.h"
#include "archive/segment.h"
#include "archive/view_source.h"
#include "archive/worklist.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "db/db.h"
#include "dicom/dataset.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "dimse/association.h"
#include "node/classes.h"
#include "node/find.h"
#include "node/node.h"
#include "node/peers.h"
#include "node/service.h"
#include "node/worklist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct slice asked;
static enum dcm_encoding encoding;
static unsigned finals, pendings;
static struct db *db;
static const uint32_t matches_max = 5;

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

// --- what the services stand on

uint32_t node_matches_max(const struct node *n) {
    (void)n;
    return matches_max;
}
const char *node_aet(const struct node *n) {
    (void)n;
    return "MACLAB";
}
int archive_reader(struct archive *a, struct db **ret_db, struct err *e) {
    (void)a;
    (void)e;
    *ret_db = db;
    return E_OK;
}
void archive_reader_done(struct archive *a, struct db *d) {
    (void)a;
    (void)d;
}
int dimse_data_all(struct dimse_association *a, struct buf *out, struct err *e) {
    (void)a;
    buf_put_slice(out, asked);
    return buf_check(out, "identifier", e);
}
int dimse_cancelled(struct dimse_association *a, uint16_t message_id, struct err *e) {
    (void)a;
    (void)message_id;
    (void)e;
    return 0;
}

static void check_answer(struct slice bytes, bool worklist) {
    struct arena a;
    struct err e = {0};
    struct dcm_dataset *d;
    uint32_t oddities;
    arena_init(&a, 1 << 24);
    must(dcm_dataset_read(&a, bytes, encoding, 0, 0, &d, &oddities, &e) == E_OK && oddities == 0);
    must(worklist ||
         (dcm_get(d, DCM_QueryRetrieveLevel) != NULL && dcm_get(d, DCM_RetrieveAETitle) != NULL));
    arena_done(&a);
}

int dimse_send(struct dimse_association *a, uint8_t context_id, const struct dimse_command *command,
               const struct slice *pieces, size_t count, struct err *e) {
    (void)a;
    (void)context_id;
    (void)e;
    if (dimse_status_kind(command->status) == DIMSE_IS_PENDING) {
        must(command->data_set && count == 1 && finals == 0);
        check_answer(pieces[0], strcmp(command->sop_class, NODE_WORKLIST_FIND) == 0);
        pendings++;
    } else {
        must(!command->data_set);
        finals++;
    }
    return E_OK;
}

int dimse_send_later(struct dimse_association *a, uint8_t context_id,
                     const struct dimse_command *command, const struct slice *pieces, size_t count,
                     struct err *e) {
    return dimse_send(a, context_id, command, pieces, count, e);
}

// --- rows

static const char *const names[] = {"Adams^Ann", "Müller^Jörg", "Yamada^Tarou=山田^太郎", ""};

static void put_study(struct register_batch *b, unsigned n, const struct record *like) {
    struct err e = {0};
    char uids[3][16];
    struct record r = *like;
    for (size_t i = 0; i < ATTRIBUTE_EXTRACTED; i++) {
        r.texts[i] = slice_str("");
    }
    for (unsigned i = 0; i < 3; i++) {
        (void)snprintf(uids[i], sizeof uids[i], "1.%u%.*s", n + 1, (int)(2 * i), ".1.1");
    }
    r.texts[ATTRIBUTE_study_uid] = slice_str(uids[0]);
    r.texts[ATTRIBUTE_series_uid] = slice_str(uids[1]);
    r.texts[ATTRIBUTE_sop_instance] = slice_str(uids[2]);
    r.texts[ATTRIBUTE_sop_class] = slice_str("1.2.840.10008.5.1.4.1.1.2");
    r.texts[ATTRIBUTE_patient_name] = slice_str(names[n % 4]);
    r.texts[ATTRIBUTE_patient_id] = slice_str(n % 4 == 3 ? "" : "P");
    r.texts[ATTRIBUTE_study_date] = slice_str("20260102");
    r.texts[ATTRIBUTE_step_ids] = slice_str("S1\\S2");
    r.texts[ATTRIBUTE_modality] = slice_str("CT");
    struct hash object = hash_of(r.texts[ATTRIBUTE_sop_instance]);
    must(register_add(b, &r, &object, 1000, &e) == E_OK);
}

static void put_step(void) {
    struct err e = {0};
    struct worklist_step step;
    for (size_t i = 0; i < WORKLIST_COLUMNS; i++) {
        step.texts[i] = slice_str("");
    }
    static const struct {
        enum worklist_id id;
        const char *text;
    } values[] = {{WORKLIST_step_id, "S"},
                  {WORKLIST_station_aets, "CT1\\CT2"},
                  {WORKLIST_step_date, "20260102"},
                  {WORKLIST_step_time, "0900"},
                  {WORKLIST_modality, "CT"},
                  {WORKLIST_step_description, "Schädel"},
                  {WORKLIST_procedure_id, "R"},
                  {WORKLIST_procedure_description, "Head"},
                  {WORKLIST_study_uid, "1.9"},
                  {WORKLIST_patient_name, "Müller^Jörg"},
                  {WORKLIST_patient_id, "P"},
                  {WORKLIST_pregnancy, "4"},
                  {WORKLIST_protocol_code, "CTHEAD"},
                  {WORKLIST_protocol_scheme, "99X"}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        step.texts[values[i].id] = slice_str(values[i].text);
    }
    must(worklist_put(db, &step, &e) == E_OK);
}

static void put_view(void) {
    struct err e = {0};
    struct slice name = slice_str("v");
    must(view_rows_make(db, name, false, &e) == E_OK);
    must(view_rows_replace(db, name, slice_str("1.1"), DCM_PatientName, slice_str("Ä^B"), &e) ==
         E_OK);
    must(view_rows_replace(db, name, slice_str(""), DCM_PatientID, slice_str("V"), &e) == E_OK);
    must(view_rows_add(db, name, slice_str("1.3"), &e) == E_OK);
    must(view_rows_bind(db, slice_str("VIEWER"), name, &e) == E_OK);
}

static void open_once(void) {
    char path[] = "/tmp/maclab-fuzz-find-XXXXXX";
    struct err e = {0};
    struct buf segment;
    struct register_batch *b;
    if (db != NULL) {
        return;
    }
    int fd = mkstemp(path);
    must(fd >= 0 && db_open(path, DB_READ_WRITE, &db, &e) == E_OK && schema_bring(db, &e) == E_OK);
    (void)close(fd);
    buf_init(&segment, 1000);
    must(segment_make(slice_str("{}"), &segment, &e) == E_OK);
    const struct record like = {.metadata = buf_slice(&segment),
                                .metadata_len = 2,
                                .metadata_crc = segment_crc(slice_str("{}")),
                                .syntax = slice_str(DCM_EXPLICIT_LE_UID),
                                .pixel_problem = slice_str("")};
    must(register_begin(db, 1, &b, &e) == E_OK);
    for (unsigned n = 0; n < 8; n++) {
        put_study(b, n, &like);
    }
    must(register_commit(b, &e) == E_OK);
    put_step();
    put_view();
    buf_done(&segment);
    (void)unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const char *const syntaxes[] = {DCM_IMPLICIT_LE_UID, DCM_EXPLICIT_LE_UID,
                                           DCM_EXPLICIT_BE_UID, DCM_EXPLICIT_LE_UID};
    static const uint8_t agreed[] = {1, 1, 1};
    struct err e = {0};
    if (len == 0) {
        return 0;
    }
    open_once();
    uint8_t how = data[0];
    bool worklist = (how & 8) != 0;
    const char *model = worklist         ? NODE_WORKLIST_FIND
                        : (how & 4) != 0 ? NODE_PATIENT_FIND
                                         : NODE_STUDY_FIND;
    struct dimse_context c = {.id = 1, .result = DIMSE_ACCEPTED};
    (void)snprintf(c.abstract_syntax, sizeof c.abstract_syntax, "%s", model);
    (void)snprintf(c.syntax, sizeof c.syntax, "%s", syntaxes[how & 3]);
    c.answered = (how & 16) != 0 ? slice_of(agreed, sizeof agreed) : (struct slice){0};
    struct node_peer peer = {.may = NODE_MAY_ALL};
    (void)snprintf(peer.aet, sizeof peer.aet, "%s", (how & 32) != 0 ? "VIEWER" : "OTHER");
    struct node_session s = {.peer = &peer};
    struct dimse_message m = {.context_id = 1, .context = &c};
    m.command.field = DIMSE_C_FIND_RQ;
    m.command.message_id = 1;
    m.command.data_set = true;
    (void)snprintf(m.command.sop_class, sizeof m.command.sop_class, "%s", model);
    encoding = (how & 3) == 0   ? DCM_IMPLICIT_LE
               : (how & 3) == 2 ? DCM_EXPLICIT_BE
                                : DCM_EXPLICIT_LE;
    asked = slice_of(data + 1, len - 1);
    finals = pendings = 0;
    int rc = worklist ? node_worklist_serve(&s, &m, &e) : node_find_serve(&s, &m, &e);
    must(rc == E_OK && finals == 1 && s.view == NULL);
    return 0;
}
