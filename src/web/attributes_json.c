// SPDX-License-Identifier: Apache-2.0
#include "web/attributes_json.h"

#include <stdio.h>

#include "archive/search.h"
#include "base/json.h"
#include "base/num.h"
#include "dicom/tags.h"
#include "dicom/vr.h"

#define ROW_MAX 160
#define TAG_TEXT 9

static const char *tag_text(dcm_tag tag, char out[TAG_TEXT]) {
    (void)snprintf(out, TAG_TEXT, "%08X", tag);
    return out;
}

static void write_name(struct json *j, struct slice text) {
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    struct slice group;
    json_begin_object(j);
    for (size_t i = 0; i < 3 && slice_split(&text, '=', &group); i++) {
        if (group.len > 0) {
            json_name(j, groups[i]);
            json_slice(j, group);
        }
    }
    json_end_object(j);
}

static void write_one(struct json *j, enum dcm_vr vr, struct slice text) {
    struct slice plain = slice_trim(text, " ");
    int64_t whole;
    double real;
    switch (vr) {
    case DCM_VR_PN:
        write_name(j, text);
        return;
    case DCM_VR_IS:
    case DCM_VR_US:
    case DCM_VR_UL:
        if (num_parse_i64(plain, INT64_MIN, INT64_MAX, &whole)) {
            json_i64(j, whole);
            return;
        }
        break;
    case DCM_VR_DS:
        if (num_parse_double(plain, &real)) {
            json_double(j, real);
            return;
        }
        break;
    default:
        break;
    }
    json_slice(j, text);
}

static void write_values(struct json *j, enum dcm_vr vr, struct slice text) {
    struct slice part;
    json_name(j, "Value");
    json_begin_array(j);
    if (!dcm_vr_splits(vr)) {
        write_one(j, vr, text);
    } else {
        while (slice_split(&text, '\\', &part)) {
            if (part.len == 0) {
                json_null(j);
            } else {
                write_one(j, vr, part);
            }
        }
    }
    json_end_array(j);
}

static void write_attribute(struct json *j, dcm_tag tag, enum dcm_vr vr, struct slice text) {
    char name[TAG_TEXT];
    json_name(j, tag_text(tag, name));
    json_begin_object(j);
    json_member_str(j, "vr", dcm_vr_info(vr)->name);
    if (text.len > 0) {
        write_values(j, vr, text);
    }
    json_end_object(j);
}

void web_attribute_text(struct json *j, const char *tag, const char *vr, const char *text) {
    json_name(j, tag);
    json_begin_object(j);
    json_member_str(j, "vr", vr);
    if (text != NULL && text[0] != '\0') {
        json_name(j, "Value");
        json_begin_array(j);
        json_str(j, text);
        json_end_array(j);
    }
    json_end_object(j);
}

static dcm_tag place(const struct search_value *v) {
    return v->attribute->sequence != 0 ? v->attribute->sequence : v->attribute->tag;
}

// Insertion sort: a row has a few dozen attributes and most are in order.
static size_t sort(const struct search_row *row, const struct search_value *sorted[ROW_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < row->count && count < ROW_MAX; i++) {
        const struct search_value *v = &row->values[i];
        size_t at = count++;
        while (at > 0 && (place(sorted[at - 1]) > place(v) ||
                          (place(sorted[at - 1]) == place(v) &&
                           sorted[at - 1]->attribute->tag > v->attribute->tag))) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = v;
    }
    return count;
}

static struct slice nth(struct slice text, size_t n) {
    struct slice part = {NULL, 0};
    for (size_t i = 0; i <= n; i++) {
        if (!slice_split(&text, '\\', &part)) {
            return (struct slice){NULL, 0};
        }
    }
    return part;
}

// Members of one sequence stand side by side; value number n of each makes item number n.
static void write_sequence(struct json *j, const struct search_value *const *members,
                           size_t count) {
    char name[TAG_TEXT];
    size_t items = 0;
    for (size_t i = 0; i < count; i++) {
        size_t values = members[i]->text.len > 0;
        for (size_t at = 0; at < members[i]->text.len; at++) {
            values += members[i]->text.ptr[at] == '\\';
        }
        items = values > items ? values : items;
    }
    json_name(j, tag_text(place(members[0]), name));
    json_begin_object(j);
    json_member_str(j, "vr", "SQ");
    if (items > 0) {
        json_name(j, "Value");
        json_begin_array(j);
        for (size_t n = 0; n < items; n++) {
            json_begin_object(j);
            for (size_t i = 0; i < count; i++) {
                const struct search_attribute *a = members[i]->attribute;
                write_attribute(j, a->tag, a->vr, nth(members[i]->text, n));
            }
            json_end_object(j);
        }
        json_end_array(j);
    }
    json_end_object(j);
}

void web_attributes_write(struct json *j, const struct search_row *row, const char *retrieve_url) {
    const struct search_value *sorted[ROW_MAX];
    size_t count = sort(row, sorted);
    bool url_done = false;
    json_begin_object(j);
    for (size_t i = 0; i < count;) {
        const struct search_attribute *a = sorted[i]->attribute;
        if (!url_done && place(sorted[i]) > DCM_RetrieveURL) {
            web_attribute_text(j, "00081190", "UR", retrieve_url);
            url_done = true;
        }
        size_t members = 1;
        if (a->sequence == 0) {
            write_attribute(j, a->tag, a->vr, sorted[i]->text);
        } else {
            while (i + members < count && place(sorted[i + members]) == a->sequence) {
                members++;
            }
            write_sequence(j, sorted + i, members);
        }
        i += members;
    }
    if (!url_done) {
        web_attribute_text(j, "00081190", "UR", retrieve_url);
    }
    json_end_object(j);
}
