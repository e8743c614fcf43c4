// SPDX-License-Identifier: Apache-2.0
// The data set of an N-EVENT-REPORT of Storage Commitment (PS3.4 Table J.3-2).
#include <string.h>

#include "archive/archive.h"
#include "archive/inbox.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "dicom/writer.h"
#include "dimse/command.h"
#include "node/commitment.h"
#include "node/node.h"

#define MEMORY_MAX ((size_t)256 << 20)
#define ALL_SAFE 1
#define FAILURES_EXIST 2

struct making {
    struct node *node;
    struct dcm_dataset *d;
    struct commitment_report *report;
};

static uint16_t reason_of(enum custody_answer answer) {
    switch (answer) {
    case CUSTODY_SAFE:
    case CUSTODY_WAITS:
        return DIMSE_SUCCESS;
    case CUSTODY_OTHER:
        return DIMSE_CLASS_INSTANCE_CONFLICT;
    case CUSTODY_NOT_KEPT:
    case CUSTODY_PERSON: // not promised: keep your copy
        return DIMSE_PROCESSING_FAILURE;
    case CUSTODY_UNKNOWN:
        break;
    }
    return DIMSE_NO_SUCH_INSTANCE;
}

static int put_reference(struct dcm_dataset *d, struct slice sop_class, struct slice instance,
                         uint16_t reason, struct err *e) {
    struct dcm_dataset *item;
    bool failed = reason != DIMSE_SUCCESS;
    int rc = dcm_add_item(d, failed ? DCM_FailedSOPSequence : DCM_ReferencedSOPSequence, &item, e);
    rc = rc == E_OK ? dcm_put(item, DCM_ReferencedSOPClassUID, DCM_VR_UI, sop_class, e) : rc;
    rc = rc == E_OK ? dcm_put(item, DCM_ReferencedSOPInstanceUID, DCM_VR_UI, instance, e) : rc;
    const int64_t number = reason;
    return rc == E_OK && failed ? dcm_put_ints(item, DCM_FailureReason, DCM_VR_US, &number, 1, e)
                                : rc;
}

static int put_line(struct making *m, struct slice line, struct err *e) {
    enum custody_answer answer = CUSTODY_UNKNOWN;
    size_t space = slice_find(line, ' ');
    struct slice sop_class = slice_first(line, space), instance = slice_from(line, space + 1);
    int rc = inbox_ask(node_inbox(m->node), sop_class, instance, &answer, e);
    if (rc != E_OK) {
        return rc;
    }
    uint16_t reason = reason_of(answer);
    m->report->waits = m->report->waits || answer == CUSTODY_WAITS;
    *(reason == DIMSE_SUCCESS ? &m->report->safe : &m->report->failed) += 1;
    return put_reference(m->d, sop_class, instance, reason, e);
}

static int put_all(struct making *m, const struct commitment_row *row, struct slice lines,
                   struct err *e) {
    struct slice line;
    int rc = dcm_put_str(m->d, DCM_TransactionUID, DCM_VR_UI, row->transaction, e);
    rc = rc == E_OK ? dcm_put_str(m->d, DCM_RetrieveAETitle, DCM_VR_AE, node_aet(m->node), e) : rc;
    while (rc == E_OK && slice_split(&lines, '\n', &line)) {
        rc = line.len > 0 ? put_line(m, line, e) : E_OK;
    }
    return rc;
}

static int read_lines(struct node *n, int64_t id, struct buf *out, struct err *e) {
    struct db *db;
    int rc = archive_reader(node_archive(n), &db, e);
    if (rc == E_OK) {
        rc = commitment_references(db, id, out, e);
        archive_reader_done(node_archive(n), db);
    }
    return rc;
}

int commitment_report_make(struct node *n, const struct commitment_row *row, const char *syntax,
                           struct buf *out, struct commitment_report *ret_report, struct err *e) {
    CLEANUP(cleanup_buf) struct buf lines;
    CLEANUP(arena_done) struct arena memory;
    buf_init(&lines, COMMITMENT_REQUEST_MAX);
    arena_init(&memory, MEMORY_MAX);
    struct commitment_report report = {0};
    struct making m = {n, dcm_dataset_new(&memory, DCM_EXPLICIT_LE), &report};
    int rc = m.d == NULL ? err_set(e, E_MEMORY, "report") : read_lines(n, row->id, &lines, e);
    rc = rc == E_OK ? put_all(&m, row, buf_slice(&lines), e) : rc;
    const struct dcm_transfer_syntax *s = dcm_transfer_syntax_find(slice_str(syntax));
    rc = rc == E_OK && s == NULL ? err_set(e, E_UNSUPPORTED, "transfer syntax %s", syntax) : rc;
    rc = rc == E_OK ? dcm_write(m.d, dcm_encoding_of(s), dcm_sink_buf(out), e) : rc;
    if (rc == E_OK) {
        report.event = report.failed > 0 ? FAILURES_EXIST : ALL_SAFE;
        *ret_report = report;
    }
    return rc;
}
