// SPDX-License-Identifier: Apache-2.0
#include "web/qido.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/tags.h"
#include "dicom/vr.h"
#include "web/url.h"

static int bad(struct err *e, struct slice name, const char *why) {
    err_set(e, E_ARGUMENT, "query parameter %.*s: %s", (int)(name.len < 64 ? name.len : 64),
            (const char *)name.ptr, why);
    return e->code;
}

static void tell_unsupported(struct web_qido *q, struct slice name) {
    size_t have = strlen(q->unsupported);
    if (have + name.len + 3 > sizeof q->unsupported || slice_find(name, '"') < name.len) {
        return;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] < 0x21 || name.ptr[i] > 0x7E) {
            return; // it goes into a header field
        }
    }
    (void)snprintf(q->unsupported + have, sizeof q->unsupported - have, "%s%.*s",
                   have > 0 ? ", " : "", (int)name.len, (const char *)name.ptr);
}

// "PatientID", "00100020", "RequestAttributesSequence.ScheduledProcedureStepID": the tags,
// outermost first. 0: not an attribute.
#define PATH_TAGS_MAX 4
static size_t parse_path(struct slice name, dcm_tag tags[PATH_TAGS_MAX]) {
    struct slice rest = name;
    struct slice part;
    size_t count = 0;
    while (slice_split(&rest, '.', &part)) {
        bool plain = part.len > 0 && part.ptr[0] != '(' && slice_find(part, ',') == part.len;
        if (count == PATH_TAGS_MAX || !plain || !dcm_tag_parse(part, &tags[count])) {
            return 0;
        }
        count++;
    }
    return count;
}

// What the catalogue keeps under that path; NULL when it does not.
static const struct search_attribute *find_attribute(const dcm_tag *tags, size_t count) {
    const struct search_attribute *attribute = search_attribute_find(tags[count - 1]);
    bool in_place =
        attribute != NULL && (count == 1 || (count == 2 && attribute->sequence == tags[0]));
    return in_place ? attribute : NULL;
}

int web_qido_key(struct web_qido *q, dcm_tag tag, struct slice value, struct err *e) {
    for (size_t i = 0; i < q->key_count; i++) {
        if (q->keys[i].tag == tag && (value.len == 0 || q->keys[i].value.len == 0)) {
            q->keys[i].value = value.len > 0 ? value : q->keys[i].value;
            return E_OK;
        }
    }
    if (q->key_count == SEARCH_KEYS_MAX) {
        return err_set(e, E_LIMIT, "over %d matching attributes", SEARCH_KEYS_MAX);
    }
    q->keys[q->key_count++] = (struct search_key){tag, value};
    return E_OK;
}

// Lists of UIDs and codes may come with commas (PS3.18 8.3.4.1); the catalogue wants backslashes.
static int list_value(struct arena *a, enum dcm_vr vr, struct slice *value, struct err *e) {
    if ((vr != DCM_VR_UI && vr != DCM_VR_CS) || slice_find(*value, ',') == value->len) {
        return E_OK;
    }
    uint8_t *copy = arena_alloc(a, value->len);
    if (copy == NULL) {
        return err_set(e, E_MEMORY, "query value");
    }
    for (size_t i = 0; i < value->len; i++) {
        copy[i] = value->ptr[i] == ',' ? '\\' : value->ptr[i];
    }
    *value = slice_of(copy, value->len);
    return E_OK;
}

static int take_match(struct arena *a, struct web_qido *q, struct slice name, struct slice value,
                      struct err *e) {
    dcm_tag tags[PATH_TAGS_MAX];
    size_t depth = parse_path(name, tags);
    if (depth == 0) {
        return bad(e, name, "no such attribute or parameter");
    }
    if (value.len > SEARCH_VALUE_MAX) {
        return bad(e, name, "value too long");
    }
    const struct search_attribute *attribute = find_attribute(tags, depth);
    if (attribute == NULL || (!attribute->matches && value.len > 0)) {
        tell_unsupported(q, name);
        return E_OK;
    }
    int rc = list_value(a, attribute->vr, &value, e);
    return rc == E_OK ? web_qido_key(q, attribute->tag, value, e) : rc;
}

// Every attribute of the level and above.
static int include_all(struct web_qido *q, struct err *e) {
    const struct search_attribute *attribute;
    int rc = E_OK;
    for (size_t i = 0; rc == E_OK && (attribute = search_attributes(i)) != NULL; i++) {
        if (attribute->level <= q->level) {
            rc = web_qido_key(q, attribute->tag, slice_str(""), e);
        }
    }
    return rc;
}

// Attributes of a lower level are not returned (PS3.18 10.6.3.3), and those that are not kept
// cannot be.
static int include_one(struct web_qido *q, struct slice name, struct slice text, struct err *e) {
    dcm_tag tags[PATH_TAGS_MAX];
    size_t depth = parse_path(text, tags);
    if (depth == 0) {
        return bad(e, name, "no such attribute");
    }
    const struct search_attribute *attribute = find_attribute(tags, depth);
    if (attribute == NULL && depth == 1 && tags[0] == DCM_RequestAttributesSequence) {
        return E_OK; // comes with its members
    }
    if (attribute == NULL || attribute->level > q->level) {
        return E_OK;
    }
    return web_qido_key(q, attribute->tag, slice_str(""), e);
}

static int take_include(struct web_qido *q, struct slice name, struct slice value, struct err *e) {
    struct slice part;
    int rc = E_OK;
    while (rc == E_OK && slice_split(&value, ',', &part)) {
        if (slice_eq_str(part, "all")) {
            rc = include_all(q, e);
        } else if (part.len > 0) {
            rc = include_one(q, name, part, e);
        }
    }
    return rc;
}

static int take_flag(struct slice name, struct slice value, bool *ret_flag, struct err *e) {
    if (!slice_eq_str(value, "true") && !slice_eq_str(value, "false")) {
        return bad(e, name, "must be true or false");
    }
    *ret_flag = slice_eq_str(value, "true");
    return E_OK;
}

static int take_number(struct slice name, struct slice value, uint64_t *ret_number, struct err *e) {
    if (value.len == 0 || value.ptr[0] < '0' || value.ptr[0] > '9' ||
        !num_parse_u64(value, INT64_MAX, ret_number)) {
        return bad(e, name, "must be a whole number");
    }
    return E_OK;
}

static int take_param(struct arena *a, struct web_qido *q, const struct web_query_param *p,
                      struct err *e) {
    bool flag = false;
    if (slice_eq_str(p->name, "includefield")) {
        return take_include(q, p->name, p->value, e);
    }
    if (slice_eq_str(p->name, "limit")) {
        return take_number(p->name, p->value, &q->limit, e);
    }
    if (slice_eq_str(p->name, "offset")) {
        return take_number(p->name, p->value, &q->offset, e);
    }
    if (slice_eq_str(p->name, "fuzzymatching")) {
        return take_flag(p->name, p->value, &q->fuzzy, e);
    }
    if (slice_eq_str(p->name, "emptyvaluematching")) {
        return take_flag(p->name, p->value, &flag, e); // "" always matches empty values here
    }
    if (slice_eq_str(p->name, "multiplevaluematching")) {
        int rc = take_flag(p->name, p->value, &flag, e);
        if (rc == E_OK && flag) {
            tell_unsupported(q, p->name);
        }
        return rc;
    }
    if (slice_eq_str(p->name, "accept") || slice_eq_str(p->name, "charset")) {
        return E_OK; // read by whoever negotiates
    }
    return take_match(a, q, p->name, p->value, e);
}

int web_qido_parse(struct arena *a, const struct web_url *url, enum search_level level,
                   struct web_qido *ret_query, struct err *e) {
    *ret_query = (struct web_qido){.level = level, .limit = SEARCH_LIMIT_DEFAULT};
    for (size_t i = 0; i < url->param_count; i++) {
        int rc = take_param(a, ret_query, &url->params[i], e);
        if (rc != E_OK) {
            return rc;
        }
    }
    if (ret_query->limit > SEARCH_LIMIT_MAX) {
        ret_query->limit = SEARCH_LIMIT_MAX;
    }
    return E_OK;
}
