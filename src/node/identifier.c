// SPDX-License-Identifier: Apache-2.0
#include "node/identifier.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "dimse/association.h"

static enum dcm_encoding encoding_of(const char *syntax) {
    const struct dcm_transfer_syntax *s = dcm_transfer_syntax_find(slice_str(syntax));
    return s == NULL ? DCM_IMPLICIT_LE : dcm_encoding_of(s);
}

void identifier_done(struct identifier *i) {
    buf_done(&i->bytes);
    arena_done(&i->arena);
}

static int parse(struct identifier *i, struct err *e) {
    int rc =
        dcm_dataset_read(&i->arena, buf_slice(&i->bytes), i->encoding, 0, 0, &i->dataset, NULL, e);
    if (rc != E_OK) {
        return err_context(e, "identifier");
    }
    i->has_charset = dcm_get(i->dataset, DCM_SpecificCharacterSet) != NULL;
    i->charset = dcm_charset_of(i->dataset);
    return E_OK;
}

int identifier_read(struct dimse_association *a, const struct dimse_message *message,
                    struct identifier *ret_identifier, bool *ret_broken, struct err *e) {
    struct identifier *i = ret_identifier;
    arena_init(&i->arena, IDENTIFIER_MEMORY_MAX);
    buf_init(&i->bytes, IDENTIFIER_MAX);
    i->encoding = encoding_of(message->context->syntax);
    *ret_broken = false;
    if (!message->command.data_set) {
        return err_set(e, E_MISSING, "no identifier in the request");
    }
    int rc = dimse_data_all(a, &i->bytes, e);
    *ret_broken = rc != E_OK && rc != E_LIMIT;
    return rc == E_OK ? parse(i, e) : rc;
}

static void put_numbers(const struct dcm_node *n, struct buf *out) {
    int64_t number;
    for (uint32_t i = 0; dcm_node_int(n, i, &number); i++) {
        buf_printf(out, "%s%lld", i > 0 ? "\\" : "", (long long)number);
    }
}

static void put_texts(const struct identifier *i, const struct dcm_node *n, struct buf *out) {
    struct buf decoded CLEANUP(cleanup_buf);
    struct slice value;
    buf_init(&decoded, 4 * IDENTIFIER_MAX);
    dcm_charset_to_utf8(&i->charset, n->vr, n->value, &decoded, NULL);
    struct slice rest = buf_slice(&decoded);
    for (bool first = true; rest.len > 0 && dcm_value_next(n->vr, &rest, &value); first = false) {
        buf_put_str(out, first ? "" : "\\");
        buf_put_slice(out, value);
    }
    out->failed = out->failed || decoded.failed;
}

int identifier_text(struct identifier *i, const struct dcm_node *n, struct slice *ret_text,
                    struct err *e) {
    struct buf out CLEANUP(cleanup_buf);
    struct slice copy = slice_str("");
    char tag[DCM_TAG_TEXT_LEN + 1];
    buf_init(&out, 4 * IDENTIFIER_MAX);
    if (dcm_vr_info(n->vr)->class == DCM_VR_CLASS_BINARY) {
        put_numbers(n, &out);
    } else if (n->vr != DCM_VR_SQ) {
        put_texts(i, n, &out);
    }
    int rc = buf_check(&out, "a key", e);
    if (rc == E_OK && out.len > 0) {
        copy = arena_copy(&i->arena, buf_slice(&out));
        rc = copy.ptr == NULL ? err_set(e, E_LIMIT, "keys take too much memory") : E_OK;
    }
    if (rc != E_OK) {
        return err_in(e, dcm_tag_text(n->tag, tag));
    }
    *ret_text = copy;
    return E_OK;
}

int identifier_value(struct identifier *i, dcm_tag tag, struct slice *ret_text, struct err *e) {
    const struct dcm_node *n = dcm_get(i->dataset, tag);
    *ret_text = slice_str("");
    return n == NULL ? E_OK : identifier_text(i, n, ret_text, e);
}

bool identifier_given(struct slice value) { return value.len > 0 && !slice_eq_str(value, "*"); }

struct dimse_command identifier_refusal(const struct dimse_command *request, uint16_t status,
                                        const struct err *e) {
    struct dimse_command response = dimse_response_to(request, status);
    dcm_tag tag;
    if (!dimse_comment_put(response.comment, e)) {
        log_failure(LOG_ERROR, "dicom", dimse_field_text(request->field), e);
    }
    if (e->path[0] == '(' &&
        dcm_tag_parse(slice_first(slice_str(e->path), DCM_TAG_TEXT_LEN), &tag)) {
        response.offending[response.offending_count++] = tag;
    }
    return response;
}
