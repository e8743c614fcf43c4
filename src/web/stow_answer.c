// SPDX-License-Identifier: Apache-2.0
#include "web/stow_answer.h"

#include <stdio.h>

#include "archive/intake.h"
#include "base/err.h"
#include "web/attributes_json.h"

#define LIST_MAX ((size_t)128 << 20)
#define REASON_DUPLICATE 0x0111u // another object has the UID (PS3.7 C.5.8)
#define REASON_HELD 0xB006u      // safe with us, a person is to look: of ours (docs/conformance.md)
#define WARNING_COERCED 0xB000u  // elements were changed (PS3.4 B.2.3)
#define COMMENT_MAX 64           // characters of LO

static void list_init(struct buf *b, struct json *j) {
    buf_init(b, LIST_MAX);
    json_init(j, b);
    json_begin_array(j);
}

void web_stow_answer_init(struct web_stow_answer *a, const char *base, bool cleaned) {
    *a = (struct web_stow_answer){.base = base, .cleaned = cleaned};
    list_init(&a->stored, &a->stored_json);
    list_init(&a->failed, &a->failed_json);
    list_init(&a->other, &a->other_json);
}

void web_stow_answer_done(struct web_stow_answer *a) {
    buf_done(&a->stored);
    buf_done(&a->failed);
    buf_done(&a->other);
}

static void number(struct json *j, const char *tag, unsigned value) {
    json_name(j, tag);
    json_begin_object(j);
    json_member_str(j, "vr", "US");
    json_name(j, "Value");
    json_begin_array(j);
    json_u64(j, value);
    json_end_array(j);
    json_end_object(j);
}

// Where and why in the 64 characters that Error Comment has: the place first. No UTF-8 sequence is
// cut.
static void comment(struct json *j, const struct err *why) {
    char text[ERR_TEXT_MAX + ERR_PATH_MAX + 64];
    char place[48] = "";
    if (why->has_offset) {
        (void)snprintf(place, sizeof place, "byte %llu: ", (unsigned long long)why->offset);
    }
    int len = snprintf(text, sizeof text, "%s%s%s%s", place, why->path, why->path[0] ? " " : "",
                       why->text[0] != '\0' ? why->text : err_words(why->code));
    size_t cut = len < 0 ? 0 : (size_t)len;
    if (cut > COMMENT_MAX) {
        cut = COMMENT_MAX;
        while (cut > 0 && ((unsigned char)text[cut] & 0xC0) == 0x80) {
            cut--;
        }
    }
    for (size_t i = 0; i < cut; i++) {
        text[i] = text[i] == '\\' ? '/' : text[i]; // LO would be split
    }
    text[cut] = '\0';
    web_attribute_text(j, "00000902", "LO", text);
}

static void failure_counts(struct web_stow_answer *a, const struct err *why) {
    a->failed_count++;
    a->full_count += why->code == E_FULL;
    a->syntax_count += err_http(why->code) == 400 && why->code != E_MISMATCH;
}

void web_stow_answer_part(struct web_stow_answer *a, const struct err *why) {
    struct json *j = &a->other_json;
    failure_counts(a, why);
    json_begin_object(j);
    comment(j, why);
    number(j, "00081197", err_dimse(why->code));
    json_end_object(j);
}

static void stored(struct web_stow_answer *a, const struct intake_result *result) {
    struct json *j = &a->stored_json;
    char url[512];
    (void)snprintf(url, sizeof url, "%.200s/studies/%s/series/%s/instances/%s", a->base,
                   result->study, result->series, result->sop_instance);
    a->stored_count++;
    json_begin_object(j);
    web_attribute_text(j, "00081150", "UI", result->sop_class);
    web_attribute_text(j, "00081155", "UI", result->sop_instance);
    web_attribute_text(j, "00081190", "UR", url);
    if (a->cleaned) {
        number(j, "00081196", WARNING_COERCED);
    }
    json_end_object(j);
}

void web_stow_answer_result(struct web_stow_answer *a, const struct intake_result *result) {
    if (result->verdict == INTAKE_STORED || result->verdict == INTAKE_DUPLICATE) {
        stored(a, result);
        return;
    }
    if (result->sent_instance[0] == '\0') {
        web_stow_answer_part(a, &result->why);
        return;
    }
    struct json *j = &a->failed_json;
    bool conflict = result->verdict == INTAKE_CONFLICT, held = result->verdict == INTAKE_HELD;
    failure_counts(a, &result->why);
    a->held_count += held;
    json_begin_object(j);
    comment(j, &result->why);
    web_attribute_text(j, "00081150", "UI", result->sop_class);
    // Its sender knows it by the UID that it came with.
    web_attribute_text(j, "00081155", "UI", result->sent_instance);
    number(j, "00081197",
           conflict ? REASON_DUPLICATE
           : held   ? REASON_HELD
                    : err_dimse(result->why.code));
    json_end_object(j);
}

static void sequence(struct json *j, const char *tag, struct buf *list, struct json *list_json) {
    json_end_array(list_json);
    if (list->len <= 2) {
        return; // "[]"
    }
    json_name(j, tag);
    json_begin_object(j);
    json_member_str(j, "vr", "SQ");
    json_name(j, "Value");
    json_raw(j, buf_slice(list));
    json_end_object(j);
}

static unsigned status(const struct web_stow_answer *a) {
    if (a->failed_count == 0) {
        return a->stored_count == 0 ? 400 : a->cleaned ? 202 : 200; // 202: with warnings
    }
    if (a->stored_count > 0 || a->held_count > 0) {
        return 202;
    }
    if (a->full_count == a->failed_count) {
        return 507;
    }
    return a->syntax_count == a->failed_count ? 400 : 409;
}

unsigned web_stow_answer_finish(struct web_stow_answer *a, const char *study, struct buf *out) {
    struct json j;
    char url[512];
    json_init(&j, out);
    json_begin_object(&j);
    if (study[0] != '\0') {
        (void)snprintf(url, sizeof url, "%.200s/studies/%s", a->base, study);
        web_attribute_text(&j, "00081190", "UR", url);
    }
    sequence(&j, "00081198", &a->failed, &a->failed_json);
    sequence(&j, "00081199", &a->stored, &a->stored_json);
    sequence(&j, "0008119A", &a->other, &a->other_json);
    json_end_object(&j);
    return status(a);
}
