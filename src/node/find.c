// SPDX-License-Identifier: Apache-2.0
#include "node/find.h"

#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/view.h"
#include "archive/view_source.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"
#include "dicom/tags.h"
#include "dimse/association.h"
#include "node/answer.h"
#include "node/classes.h"
#include "node/extended.h"
#include "node/find_plan.h"
#include "node/identifier.h"
#include "node/node.h"
#include "node/peers.h"
#include "node/service.h"

#define ANSWER_MAX ((size_t)4 << 20)
#define CANCELLED 1 // of a row

void node_session_view_done(struct node_session *s) {
    view_free(s->view);
    s->view = NULL;
}

int node_session_view(struct node_session *s, struct db *db, struct err *e) {
    node_session_view_done(s);
    return view_source_tables.open(view_source_tables.context, db, slice_str(s->peer->aet),
                                   &s->view, e);
}

struct find {
    struct node_session *session;
    const struct dimse_message *message;
    struct identifier identifier;
    struct find_plan plan;
    struct dimse_command pending;
    struct dcm_charset charset;      // of answers
    size_t columns[FIND_FIELDS_MAX]; // of the row, of FIND_COLUMN fields
    size_t step_column, procedure_column;
    bool mapped;
    struct buf bytes;
    uint64_t sent;
    bool broken; // the association is
    struct err *e;
};

// --- one answer

static size_t column_of(const struct search_row *row, dcm_tag tag) {
    size_t c = 0;
    while (c < row->count && row->values[c].attribute->tag != tag) {
        c++;
    }
    return c;
}

// Every row has the same columns.
static void map_columns(struct find *f, const struct search_row *row) {
    for (size_t i = 0; i < f->plan.field_count; i++) {
        f->columns[i] = column_of(row, f->plan.fields[i].tag);
    }
    f->step_column = column_of(row, DCM_ScheduledProcedureStepID);
    f->procedure_column = column_of(row, DCM_RequestedProcedureID);
    f->mapped = true;
}

static struct slice text_of(const struct search_row *row, size_t column) {
    return column < row->count ? row->values[column].text : slice_str("");
}

// The columns hold a value for each item.
static void put_requests(const struct find *f, struct answer *a, const struct search_row *row) {
    struct slice steps = text_of(row, f->step_column);
    struct slice procedures = text_of(row, f->procedure_column);
    struct slice step = slice_str("");
    struct slice procedure = slice_str("");
    bool more =
        (steps.len > 0 && f->plan.step_ids) || (procedures.len > 0 && f->plan.procedure_ids);
    answer_begin_sequence(a, DCM_RequestAttributesSequence);
    while (more) {
        bool another_step = slice_split(&steps, '\\', &step);
        bool another_procedure = slice_split(&procedures, '\\', &procedure);
        more = another_step || another_procedure;
        if (!more) {
            break;
        }
        answer_begin_item(a);
        if (f->plan.step_ids) {
            answer_put(a, DCM_ScheduledProcedureStepID, DCM_VR_SH,
                       another_step ? step : slice_str(""));
        }
        if (f->plan.procedure_ids) {
            answer_put(a, DCM_RequestedProcedureID, DCM_VR_SH,
                       another_procedure ? procedure : slice_str(""));
        }
        answer_end(a);
    }
    answer_end(a);
}

static void put_field(const struct find *f, struct answer *a, size_t index,
                      const struct search_row *row) {
    const struct find_field *field = &f->plan.fields[index];
    switch (field->kind) {
    case FIND_COLUMN:
        answer_put(a, field->tag, field->vr, text_of(row, f->columns[index]));
        break;
    case FIND_LEVEL:
        answer_put_str(a, field->tag, field->vr, f->plan.words);
        break;
    case FIND_AET:
        answer_put_str(a, field->tag, field->vr, node_aet(f->session->node));
        break;
    case FIND_ONLINE:
        answer_put_str(a, field->tag, field->vr, "ONLINE");
        break;
    case FIND_REQUESTS:
        put_requests(f, a, row);
        break;
    case FIND_SEQUENCE:
        answer_begin_sequence(a, field->tag);
        answer_end(a);
        break;
    case FIND_EMPTY:
        answer_put_str(a, field->tag, field->vr, "");
        break;
    }
}

// false: the character set lacks a character.
static bool write_row(struct find *f, const struct search_row *row, const struct dcm_charset *cs,
                      bool say_charset) {
    struct answer a = {.out = &f->bytes, .encoding = f->identifier.encoding, .charset = cs};
    buf_clear(&f->bytes);
    if (say_charset) {
        struct buf terms CLEANUP(cleanup_buf);
        buf_init(&terms, 1024);
        dcm_charset_put_terms(cs, &terms);
        answer_put(&a, DCM_SpecificCharacterSet, DCM_VR_CS, buf_slice(&terms));
    }
    for (size_t i = 0; i < f->plan.field_count && !a.lacking; i++) {
        put_field(f, &a, i, row);
    }
    return !a.lacking;
}

static int send_row(const struct search_row *row, void *context) {
    struct find *f = context;
    struct dimse_association *a = f->session->association;
    if (!f->mapped) {
        map_columns(f, row);
    }
    if (!write_row(f, row, &f->charset, f->identifier.has_charset)) {
        const struct dcm_charset utf8 = dcm_charset_utf8();
        (void)write_row(f, row, &utf8, true);
    }
    int rc = buf_check(&f->bytes, "answer of a query", f->e);
    if (rc != E_OK) {
        return rc;
    }
    struct slice piece = buf_slice(&f->bytes);
    // The first answer goes out at once, for who waits at a screen.
    rc = (f->sent == 0 ? dimse_send : dimse_send_later)(a, f->message->context_id, &f->pending,
                                                        &piece, 1, f->e);
    if (rc == E_OK && ++f->sent % FIND_CANCEL_EVERY == 0) {
        rc = dimse_cancelled(a, f->message->command.message_id, f->e);
    }
    f->broken = rc < 0;
    return rc;
}

// --- the whole query

static int run(struct find *f, bool *ret_more, struct err *e) {
    const struct dimse_context *c = f->message->context;
    struct archive *archive = f->session->archive;
    struct db *db;
    int rc = archive_reader(archive, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = node_session_view(f->session, db, e);
    const struct search_query query = {.level = f->plan.level,
                                       .keys = f->plan.keys,
                                       .key_count = f->plan.key_count,
                                       .limit = node_matches_max(f->session->node),
                                       .fuzzy = node_extended(c, NODE_FUZZY),
                                       .combined = node_extended(c, NODE_COMBINED),
                                       .patients = f->plan.patients,
                                       .asked_only = true,
                                       .view = f->session->view};
    rc = rc == E_OK ? db_begin_read(db, e) : rc; // one snapshot, and one lock for all rows
    rc = rc == E_OK ? search_run(db, &query, send_row, f, ret_more, e) : rc;
    db_rollback(db);
    archive_reader_done(archive, db);
    return rc;
}

static int prepare(struct find *f, struct err *e) {
    const struct dimse_context *c = f->message->context;
    bool patient_root = strcmp(c->abstract_syntax, NODE_PATIENT_FIND) == 0;
    int rc = identifier_read(f->session->association, f->message, &f->identifier, &f->broken, e);
    if (rc == E_OK) {
        rc = find_plan_make(&f->identifier, patient_root, node_extended(c, NODE_RELATIONAL),
                            &f->plan, e);
    }
    f->charset = f->identifier.charset;
    f->pending = dimse_response_to(&f->message->command,
                                   f->plan.unsupported ? DIMSE_PENDING_WARNING : DIMSE_PENDING);
    f->pending.data_set = true;
    return rc;
}

uint16_t node_find_status(int rc) {
    switch (rc) {
    case E_MEMORY:
    case E_LIMIT:
    case E_BUSY:
        return DIMSE_OUT_OF_RESOURCES;
    case E_DATABASE:
    case E_CORRUPT:
    case E_IO:
        return DIMSE_CANNOT_UNDERSTAND; // C000: unable to process
    default:
        return DIMSE_CLASS_MISMATCH; // A900: the identifier
    }
}

static int finish(struct find *f, int rc, bool more, struct err *e) {
    struct dimse_command response = dimse_response_to(&f->message->command, DIMSE_SUCCESS);
    if (rc == CANCELLED) {
        response.status = DIMSE_CANCEL;
    } else if (rc < 0) {
        response = identifier_refusal(&f->message->command, node_find_status(rc), e);
    } else if (more) {
        response.status = DIMSE_OUT_OF_RESOURCES;
        (void)snprintf(response.comment, sizeof response.comment,
                       "more than %u matches: the first were sent",
                       node_matches_max(f->session->node));
    }
    err_clear(e);
    return dimse_send(f->session->association, f->message->context_id, &response, NULL, 0, e);
}

static void find_free(struct find *f) {
    if (f != NULL) {
        node_session_view_done(f->session);
        identifier_done(&f->identifier);
        buf_done(&f->bytes);
        mem_free(f);
    }
}
CLEANUP_DEFINE(find, struct find, find_free);

int node_find_serve(struct node_session *s, const struct dimse_message *message, struct err *e) {
    struct find *f CLEANUP(cleanup_find) = mem_zalloc(sizeof *f);
    bool more = false;
    if (f == NULL) {
        return err_set(e, E_MEMORY, "query");
    }
    f->session = s;
    f->message = message;
    f->e = e;
    buf_init(&f->bytes, ANSWER_MAX);
    int rc = prepare(f, e);
    rc = rc == E_OK ? run(f, &more, e) : rc;
    return f->broken ? rc : finish(f, rc, more, e);
}
