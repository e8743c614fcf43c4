// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_query.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "cli/dicom_contexts.h"
#include "cli/dicom_link.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/dict.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "dicom/value.h"
#include "dicom/writer.h"
#include "dimse/user.h"

#define ANSWER_MEMORY_MAX ((size_t)64 << 20)
#define KEY_DEPTH_MAX 8
#define NUMBERS_MAX 64

static const char *const level_words[] = {"PATIENT", "STUDY", "SERIES", "IMAGE", ""};
static const dcm_tag unique_keys[] = {DCM_PatientID, DCM_StudyInstanceUID, DCM_SeriesInstanceUID,
                                      DCM_SOPInstanceUID, 0};

// PS3.4 C.6, K.6; [patient root][service].
static const char *const classes[2][3] = {
    {"1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.2.3"},
    {"1.2.840.10008.5.1.4.1.2.1.1", "1.2.840.10008.5.1.4.1.2.1.2", "1.2.840.10008.5.1.4.1.2.1.3"}};
#define WORKLIST_UID "1.2.840.10008.5.1.4.31"

const char *query_sop_class(const struct query *q, enum query_service service) {
    return q->level == QUERY_WORKLIST ? WORKLIST_UID : classes[q->patient_root][service];
}

const char *query_level_word(enum query_level level) { return level_words[level]; }

dcm_tag query_unique_key(enum query_level level) { return unique_keys[level]; }

static int put_charset(struct query *q, const char *term, struct err *e) {
    struct dcm_charset set = dcm_charset_from_terms(slice_str(term));
    if ((set.findings & ~DCM_CHARSET_FINDING(ALIAS)) != 0) {
        return err_set(e, E_ARGUMENT, "no character set '%s'", term);
    }
    return dcm_put_str(q->keys, DCM_SpecificCharacterSet, DCM_VR_CS, term, e);
}

int query_init(struct query *q, struct arena *arena, enum query_level level, bool patient_root,
               const char *charset, struct err *e) {
    *q = (struct query){.level = level,
                        .patient_root = patient_root || level == QUERY_PATIENT,
                        .arena = arena,
                        .keys = dcm_dataset_new(arena, DCM_EXPLICIT_LE)};
    if (q->keys == NULL) {
        return err_set(e, E_MEMORY, "no memory for a query");
    }
    if (charset != NULL && strcmp(charset, QUERY_CHARSET_NONE) == 0) {
        return E_OK;
    }
    return put_charset(q, charset != NULL ? charset : QUERY_CHARSET_DEFAULT, e);
}

struct slice query_extended(struct query *q, enum query_service service) {
    if (q->level == QUERY_WORKLIST || (!q->relational && !(q->fuzzy && service == QUERY_FIND))) {
        return (struct slice){0};
    }
    q->extended_bytes[0] = q->relational;
    q->extended_bytes[1] = 0; // combined date and time matching
    q->extended_bytes[2] = q->fuzzy;
    return slice_of(q->extended_bytes, service == QUERY_FIND ? 3 : 1);
}

// --- keys

static int put_numbers(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, struct slice text,
                       struct err *e) {
    int64_t values[NUMBERS_MAX];
    uint32_t count = 0;
    struct slice part;
    while (slice_split(&text, '\\', &part)) {
        if (count == NUMBERS_MAX || !num_parse_i64(part, INT64_MIN, INT64_MAX, &values[count])) {
            return err_set(e, E_ARGUMENT, "'%.*s' is no whole number", (int)part.len,
                           (const char *)part.ptr);
        }
        count++;
    }
    return dcm_put_ints(d, tag, vr, values, count, e);
}

static int put_floats(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, struct slice text,
                      struct err *e) {
    double value;
    if (!num_parse_double(text, &value)) {
        return err_set(e, E_ARGUMENT, "'%.*s' is no number", (int)text.len, (const char *)text.ptr);
    }
    return dcm_put_doubles(d, tag, vr, &value, 1, e);
}

static int put_value(struct dcm_dataset *d, dcm_tag tag, struct slice text, struct err *e) {
    enum dcm_vr vr = dcm_dict_vr(tag);
    dcm_tag at;
    vr = vr == DCM_VR_UN ? DCM_VR_LO : vr; // a private key that is matched as text
    if (text.len == 0 && vr != DCM_VR_SQ) {
        return dcm_put(d, tag, vr, text, e);
    }
    switch (vr) {
    case DCM_VR_SQ: {
        struct dcm_dataset *item;
        return text.len > 0 ? err_set(e, E_ARGUMENT, "a sequence has no value of its own")
                            : dcm_add_item(d, tag, &item, e);
    }
    case DCM_VR_US:
    case DCM_VR_SS:
    case DCM_VR_UL:
    case DCM_VR_SL:
    case DCM_VR_UV:
    case DCM_VR_SV:
        return put_numbers(d, tag, vr, text, e);
    case DCM_VR_FL:
    case DCM_VR_FD:
        return put_floats(d, tag, vr, text, e);
    case DCM_VR_AT:
        if (!dcm_tag_parse(text, &at)) {
            return err_set(e, E_ARGUMENT, "'%.*s' is no tag", (int)text.len,
                           (const char *)text.ptr);
        }
        return dcm_put_ints(d, tag, vr, &(int64_t){at}, 1, e);
    default:
        break;
    }
    if (dcm_vr_info(vr)->class != DCM_VR_CLASS_TEXT) {
        return err_set(e, E_ARGUMENT, "cannot be a key");
    }
    return dcm_vr_uses_charset(vr) ? dcm_charset_put(d, tag, vr, text, e)
                                   : dcm_put(d, tag, vr, text, e);
}

// The item in which the last part of a path stands, made where it is not there.
static int walk_path(struct query *q, struct slice *path, struct dcm_dataset **ret_d,
                     struct err *e) {
    struct dcm_dataset *d = q->keys;
    size_t dot;
    for (int depth = 0; (dot = slice_find(*path, '.')) < path->len; depth++) {
        dcm_tag tag;
        struct slice name = slice_first(*path, dot);
        if (depth == KEY_DEPTH_MAX || !dcm_tag_parse(name, &tag) || dcm_dict_vr(tag) != DCM_VR_SQ) {
            return err_set(e, E_ARGUMENT, "no sequence '%.*s'", (int)name.len,
                           (const char *)name.ptr);
        }
        const struct dcm_node *n = dcm_get(d, tag);
        int rc = E_OK;
        if (n != NULL && n->item_count > 0) {
            d = n->items[0];
        } else {
            rc = dcm_add_item(d, tag, &d, e);
        }
        if (rc != E_OK) {
            return rc;
        }
        *path = slice_from(*path, dot + 1);
    }
    *ret_d = d;
    return E_OK;
}

int query_add(struct query *q, const char *word, struct err *e) {
    struct slice text = slice_str(word);
    size_t sign = slice_find(text, '=');
    struct slice path = slice_first(text, sign);
    struct dcm_dataset *d = NULL;
    dcm_tag tag = 0;
    int rc = walk_path(q, &path, &d, e);
    if (rc == E_OK && !dcm_tag_parse(path, &tag)) {
        rc = err_set(e, E_ARGUMENT, "no attribute '%.*s' (a keyword of PS3.6, or gggg,eeee)",
                     (int)path.len, (const char *)path.ptr);
    }
    if (rc == E_OK && (dcm_tag_group(tag) <= 2 || tag == DCM_QueryRetrieveLevel)) {
        rc = err_set(e, E_ARGUMENT, "cannot be a key");
    }
    if (rc == E_OK) {
        (void)dcm_remove(d, tag);
        rc = put_value(d, tag, slice_from(text, sign + 1), e);
    }
    return rc == E_OK ? E_OK : err_context(e, "key '%s'", word);
}

int query_put(struct query *q, dcm_tag tag, const char *value, struct err *e) {
    (void)dcm_remove(q->keys, tag);
    return put_value(q->keys, tag, slice_str(value), e);
}

int query_put_list(struct query *q, dcm_tag tag, const char *const *values, size_t count,
                   struct err *e) {
    struct buf list;
    buf_init(&list, DIMSE_IDENTIFIER_MAX);
    for (size_t i = 0; i < count; i++) {
        buf_put_str(&list, i == 0 ? "" : "\\");
        buf_put_str(&list, values[i]);
    }
    buf_put_byte(&list, '\0');
    int rc = buf_check(&list, "list of UIDs", e);
    rc = rc == E_OK ? query_put(q, tag, (const char *)list.data, e) : rc;
    buf_done(&list);
    return rc;
}

// --- what is asked for unasked

static const dcm_tag patient_columns[] = {DCM_PatientName,
                                          DCM_PatientID,
                                          DCM_PatientBirthDate,
                                          DCM_PatientSex,
                                          DCM_NumberOfPatientRelatedStudies,
                                          0};
static const dcm_tag study_columns[] = {DCM_PatientName,       DCM_PatientID,
                                        DCM_PatientBirthDate,  DCM_StudyDate,
                                        DCM_ModalitiesInStudy, DCM_StudyDescription,
                                        DCM_AccessionNumber,   DCM_NumberOfStudyRelatedInstances,
                                        DCM_StudyInstanceUID,  0};
static const dcm_tag series_columns[] = {DCM_SeriesNumber,
                                         DCM_Modality,
                                         DCM_SeriesDescription,
                                         DCM_NumberOfSeriesRelatedInstances,
                                         DCM_StudyInstanceUID,
                                         DCM_SeriesInstanceUID,
                                         0};
static const dcm_tag image_columns[] = {DCM_InstanceNumber, DCM_SOPClassUID, DCM_SeriesInstanceUID,
                                        DCM_SOPInstanceUID, 0};
static const dcm_tag worklist_columns[] = {DCM_PatientName,
                                           DCM_PatientID,
                                           DCM_PatientBirthDate,
                                           DCM_AccessionNumber,
                                           DCM_RequestedProcedureID,
                                           DCM_RequestedProcedureDescription,
                                           0};
static const dcm_tag *const columns[] = {patient_columns, study_columns, series_columns,
                                         image_columns, worklist_columns};

static const dcm_tag study_more[] = {DCM_PatientSex, DCM_StudyTime, DCM_StudyID,
                                     DCM_ReferringPhysicianName, 0};
static const dcm_tag series_more[] = {DCM_SeriesDate, DCM_SeriesTime, 0};
static const dcm_tag image_more[] = {DCM_StudyInstanceUID, 0};
static const dcm_tag worklist_more[] = {DCM_PatientSex, DCM_ReferringPhysicianName,
                                        DCM_StudyInstanceUID, 0};
static const dcm_tag nothing_more[] = {0};
static const dcm_tag *const more[] = {nothing_more, study_more, series_more, image_more,
                                      worklist_more};

static const char *const step_keys[] = {"Modality",
                                        "ScheduledStationAETitle",
                                        "ScheduledProcedureStepStartDate",
                                        "ScheduledProcedureStepStartTime",
                                        "ScheduledPerformingPhysicianName",
                                        "ScheduledProcedureStepDescription",
                                        "ScheduledProcedureStepID"};

const dcm_tag *query_columns(enum query_level level) { return columns[level]; }

static int add_absent(struct query *q, const dcm_tag *tags, struct err *e) {
    int rc = E_OK;
    for (; rc == E_OK && *tags != 0; tags++) {
        if (dcm_get(q->keys, *tags) == NULL) {
            rc = put_value(q->keys, *tags, (struct slice){0}, e);
        }
    }
    return rc;
}

// A worklist is asked for its steps: the attributes that people read.
static int add_step_keys(struct query *q, struct err *e) {
    int rc = E_OK;
    for (size_t i = 0; rc == E_OK && i < sizeof step_keys / sizeof step_keys[0]; i++) {
        const struct dcm_dataset *step =
            dcm_first_item(q->keys, DCM_ScheduledProcedureStepSequence);
        char word[96];
        dcm_tag tag = 0;
        (void)dcm_tag_parse(slice_str(step_keys[i]), &tag);
        (void)snprintf(word, sizeof word, "ScheduledProcedureStepSequence.%s", step_keys[i]);
        if (step == NULL || dcm_get(step, tag) == NULL) {
            rc = query_add(q, word, e);
        }
    }
    return rc;
}

int query_add_defaults(struct query *q, struct err *e) {
    int rc = add_absent(q, columns[q->level], e);
    rc = rc == E_OK ? add_absent(q, more[q->level], e) : rc;
    return rc == E_OK && q->level == QUERY_WORKLIST ? add_step_keys(q, e) : rc;
}

int query_write(struct query *q, const char *syntax, struct buf *out, struct err *e) {
    int rc = E_OK;
    const char *level = level_words[q->level];
    if (*level != '\0') {
        (void)dcm_remove(q->keys, DCM_QueryRetrieveLevel);
        rc = dcm_put_str(q->keys, DCM_QueryRetrieveLevel, DCM_VR_CS, level, e);
    }
    const struct dcm_transfer_syntax *s = dcm_transfer_syntax_find(slice_str(syntax));
    if (rc == E_OK && s == NULL) {
        rc = err_set(e, E_MISMATCH, "the peer accepted a transfer syntax that was not proposed");
    }
    buf_clear(out);
    rc = rc == E_OK ? dcm_write(q->keys, dcm_encoding_of(s), dcm_sink_buf(out), e) : rc;
    return rc == E_OK ? buf_check(out, "query", e) : rc;
}

// --- asking

int query_open(const struct dicom_link *l, struct query *q, struct dimse_association **ret_a,
               struct err *e) {
    struct dimse_want want = {.abstract_syntax = query_sop_class(q, QUERY_FIND),
                              .syntaxes = contexts_native,
                              .extended = query_extended(q, QUERY_FIND)};
    struct dimse_request request = {.wants = &want, .want_count = 1};
    return dicom_link_open(l, &request, ret_a, e);
}

struct asking {
    const struct dcm_transfer_syntax *syntax;
    query_answer answer;
    void *context;
    struct arena arena;
    int rc;
    struct err *e;
};

static int on_match(void *context, struct slice identifier) {
    struct asking *ask = context;
    struct dcm_dataset *d;
    struct dcm_charset utf8 = dcm_charset_utf8();
    ask->rc = dcm_dataset_read(&ask->arena, identifier, dcm_encoding_of(ask->syntax), 0, 0, &d,
                               NULL, ask->e);
    ask->rc = ask->rc == E_OK ? dcm_charset_convert(d, &utf8, NULL, ask->e) : ask->rc;
    int stop = ask->rc == E_OK ? ask->answer(ask->context, d) : 1;
    arena_reset(&ask->arena);
    return stop;
}

int query_find(struct dimse_association *a, struct query *q, uint32_t limit, query_answer answer,
               void *context, struct dimse_command *ret_response, struct err *e) {
    const char *class = query_sop_class(q, QUERY_FIND);
    const struct dimse_context *c = dimse_context_for(a, class, NULL, false);
    if (c == NULL) {
        return err_set(e, E_NOT_ACCEPTABLE, "the peer answers no such query (%s)",
                       dcm_uid_find(slice_str(class))->name);
    }
    struct buf identifier;
    struct err why = {0};
    struct asking ask = {.answer = answer, .context = context, .e = &why};
    buf_init(&identifier, DIMSE_IDENTIFIER_MAX);
    arena_init(&ask.arena, ANSWER_MEMORY_MAX);
    int rc = query_write(q, c->syntax, &identifier, e);
    if (rc == E_OK) {
        ask.syntax = dcm_transfer_syntax_find(slice_str(c->syntax));
        struct dimse_query query = {.sop_class = class,
                                    .context_id = c->id,
                                    .identifier = buf_slice(&identifier),
                                    .limit = limit};
        rc = dimse_user_find(a, &query, on_match, &ask, ret_response, e);
    }
    if (ask.rc != E_OK) { // whatever became of the association behind it
        *e = why;
        rc = err_context(e, "an answer of the peer");
    }
    arena_done(&ask.arena);
    buf_done(&identifier);
    return rc;
}

const char *query_text(const struct dcm_dataset *d, dcm_tag tag, char *out, size_t len) {
    struct slice text = {0};
    if (!dcm_text(d, tag, 0, &text)) {
        text.len = 0;
    }
    (void)snprintf(out, len, "%.*s", (int)text.len, (const char *)text.ptr);
    return out;
}
