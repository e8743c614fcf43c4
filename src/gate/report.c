// SPDX-License-Identifier: Apache-2.0
// The line of one instance. The certificate is in certificate.c.
#include "gate/report.h"

#include "base/buf.h"
#include "base/json.h"

const char *gate_method_code(int bit) {
    static const char *const codes[] = {"113100", "113101", "113102", "113103", "113104",
                                        "113105", "113106", "113107", "113108", "113109",
                                        "113110", "113111", "113112"};
    return bit >= 0 && bit < (int)(sizeof codes / sizeof codes[0]) ? codes[bit] : "";
}

static void put_reasons(struct json *j, const struct gate_passed *p) {
    json_name(j, "reasons");
    json_begin_array(j);
    for (uint32_t i = 0; i < p->reason_count; i++) {
        json_str(j, gate_reason_code(p->reasons[i]));
    }
    json_end_array(j);
}

static void put_findings(struct json *j, const struct gate_passed *p) {
    json_name(j, "findings");
    json_begin_array(j);
    for (uint32_t i = 0; i < p->line_count; i++) {
        json_begin_object(j);
        json_member_str(j, "where", p->lines[i].where);
        json_member_str(j, "kind", gate_kind_code(p->lines[i].kind));
        json_member_str(j, "done", gate_done_code(p->lines[i].done));
        json_end_object(j);
    }
    json_end_array(j);
    if (p->lines_dropped > 0) {
        json_member_i64(j, "more_findings", (int64_t)p->lines_dropped);
    }
}

static void put_methods(struct json *j, const struct gate_passed *p) {
    json_name(j, "methods");
    json_begin_array(j);
    for (int i = 0; i < GATE_METHOD_BITS && p->verdict == GATE_RELEASED; i++) {
        if ((p->methods >> i & 1) != 0) {
            json_str(j, gate_method_code(i));
        }
    }
    json_end_array(j);
}

static void put_risk(struct json *j, const struct gate_risk *risk) {
    json_name(j, "risk");
    json_begin_object(j);
    json_member_i64(j, "points", risk->points);
    json_name(j, "why");
    json_begin_array(j);
    for (uint32_t i = 0; i < risk->count; i++) {
        json_str(j, risk->why[i]);
    }
    json_end_array(j);
    json_end_object(j);
}

// The sentence of an error may quote the file; code and place do not.
static void put_why(struct json *j, const struct err *why) {
    if (why->code == E_OK) {
        return;
    }
    json_name(j, "error");
    json_begin_object(j);
    json_member_str(j, "code", err_name(why->code));
    json_member_str(j, "words", err_words(why->code));
    if (why->has_offset) {
        json_name(j, "offset");
        json_u64(j, why->offset);
    }
    if (why->path[0] != '\0') {
        json_member_str(j, "where", why->path);
    }
    json_end_object(j);
}

void gate_report_line(const char *input, const char *output, const struct gate_passed *p,
                      struct buf *out) {
    struct json j;
    json_init(&j, out);
    json_begin_object(&j);
    json_member_str(&j, "input", input);
    json_member_str(&j, "output", p->verdict == GATE_RELEASED ? output : NULL);
    json_member_str(&j, "verdict", gate_verdict_word(p->verdict));
    put_reasons(&j, p);
    put_findings(&j, p);
    put_methods(&j, p);
    put_risk(&j, &p->risk);
    put_why(&j, &p->why);
    json_end_object(&j);
    buf_put_byte(out, '\n');
}
