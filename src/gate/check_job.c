// SPDX-License-Identifier: Apache-2.0
// Checking in a worker: question and answer as bytes.
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/utf8.h"
#include "gate/check.h"
#include "gate/pixels.h"
#include "gate/wire.h"

#define ARENA_MAX ((size_t)400 << 20)

void gate_check_pack(const struct gate_check *ask, struct buf *out) {
    wire_put_u8(out, ask->values);
    wire_put_u8(out, ask->pixels);
    wire_put_u8(out, ask->has_readings);
    wire_put_slice(out, ask->name);
    wire_put_u32(out, ask->reading_count);
    for (uint32_t i = 0; i < ask->reading_count; i++) {
        wire_put_text(out, ask->readings[i].text);
        wire_put_u8(out, ask->readings[i].confidence);
    }
}

int gate_check_unpack(struct arena *a, struct slice bytes, struct gate_check *ret_ask,
                      struct err *e) {
    struct wire w = {.rest = bytes};
    struct gate_check ask = {
        .values = wire_bool(&w), .pixels = wire_bool(&w), .has_readings = wire_bool(&w)};
    ask.name = wire_slice(&w);
    ask.reading_count = wire_count(&w, 9);
    struct gate_reading *readings = arena_array(a, ask.reading_count + 1, sizeof *readings);
    if (readings == NULL) {
        return err_set(e, E_MEMORY, "readings");
    }
    for (uint32_t i = 0; i < ask.reading_count && !w.bad; i++) {
        struct slice text = slice_first(wire_slice(&w), GATE_READING_MAX - 1);
        memcpy(readings[i].text, text.ptr, text.len);
        readings[i].confidence = wire_u8(&w);
    }
    ask.readings = readings;
    if (w.bad) {
        return err_set(e, E_INTERNAL, "what was asked of a check");
    }
    *ret_ask = ask;
    return E_OK;
}

void gate_checked_pack(const struct gate_checked *checked, struct buf *out) {
    wire_put_u64(out, checked->more);
    wire_put_u8(out, checked->need_reading);
    wire_put_u32(out, checked->crop_count);
    wire_put_slice(out, checked->crops);
    wire_put_u32(out, checked->count);
    for (uint32_t i = 0; i < checked->count; i++) {
        wire_put_u8(out, (uint8_t)checked->list[i].kind);
        wire_put_text(out, checked->list[i].where);
        wire_put_slice(out, checked->list[i].value);
    }
}

int gate_checked_unpack(struct arena *a, struct slice bytes, struct gate_checked *ret_checked,
                        struct err *e) {
    struct wire w = {.rest = bytes};
    struct gate_checked out = {.more = wire_u64(&w), .need_reading = wire_bool(&w)};
    out.crop_count = wire_u32(&w);
    out.crops = wire_slice(&w);
    out.count = wire_count(&w, 17);
    out.list = arena_array(a, out.count + (size_t)1, sizeof *out.list);
    if (out.list == NULL) {
        return err_set(e, E_MEMORY, "findings");
    }
    for (uint32_t i = 0; i < out.count && !w.bad; i++) {
        out.list[i].kind = (enum gate_kind)wire_u8(&w);
        wire_text(&w, out.list[i].where, sizeof out.list[i].where);
        out.list[i].value = wire_slice(&w);
        w.bad |= out.list[i].kind >= GATE_KIND_COUNT || !utf8_valid(out.list[i].value);
    }
    if (w.bad || out.count > GATE_CHECK_FINDINGS_MAX || out.crop_count > GATE_READINGS_MAX) {
        return err_set(e, E_CRASHED, "the worker's answer makes no sense");
    }
    *ret_checked = out;
    return E_OK;
}

static void cleanup_arena(struct arena *a) { arena_done(a); }

int gate_job_check(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)out;
    struct arena a CLEANUP(cleanup_arena);
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    struct gate_check ask;
    struct gate_checked checked;
    arena_init(&a, ARENA_MAX);
    int rc = gate_check_unpack(&a, request, &ask, e);
    rc = rc == E_OK ? file_map_fd(in, &map, e) : rc;
    rc = rc == E_OK ? gate_check_file(&a, &ask, map.bytes, &checked, e) : rc;
    if (rc == E_OK) {
        gate_checked_pack(&checked, answer);
        rc = buf_check(answer, "findings", e);
    }
    return rc;
}
