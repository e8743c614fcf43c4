// SPDX-License-Identifier: Apache-2.0
// Answers of workers that read hostile bytes: what is believed of one is inside of it and fit to be
// a name or a line, and comes back the same when it is packed again.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "gate/instance.h"
#include "gate/instance_wire_jobs.h"

static void check_name(const char *name) { assert(strchr(name, '/') == NULL && name[0] != '.'); }

static void check(const struct gate_passed *p) {
    assert(p->verdict < GATE_VERDICT_COUNT && p->reason_count <= GATE_REASONS_MAX);
    check_name(p->origin.patient);
    check_name(p->study);
    check_name(p->series);
    check_name(p->sop_instance);
    for (uint32_t i = 0; i < p->line_count; i++) {
        for (const char *c = p->lines[i].where; *c != '\0'; c++) {
            assert(*c >= 0x20 && *c <= 0x7E);
        }
    }
    assert(p->verdict != GATE_RELEASED || p->out_len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena a;
    struct gate_passed p;
    struct gate_passed again;
    struct gate_face_answer face;
    struct gate_pass pass;
    struct err e = {0};
    arena_init(&a, (size_t)64 << 20);
    if (gate_passed_unpack(&a, slice_of(data, size), &p, &e) == E_OK) {
        struct buf out;
        check(&p);
        buf_init(&out, (size_t)64 << 20);
        gate_passed_pack(&p, &out);
        assert(gate_passed_unpack(&a, buf_slice(&out), &again, &e) == E_OK);
        assert(again.verdict == p.verdict && again.line_count == p.line_count);
        buf_done(&out);
    }
    (void)gate_face_answer_unpack(&a, slice_of(data, size), size > 0 ? data[0] : 0, &face, &e);
    (void)gate_pass_unpack(&a, slice_of(data, size), &pass, &e);
    arena_done(&a);
    return 0;
}
