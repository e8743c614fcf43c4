// SPDX-License-Identifier: Apache-2.0
// Layout: version, source, flags, then numbers of 7 bits a byte, least significant first: count,
// frame bits, word bits; uniform tables: first offset, distance, length, fragments; others: for
// each frame the gap behind the one before, length, fragments.
#include "pixel/frames_pack.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"

#define VERSION 1u
#define FLAG_UNALIGNED 1u
#define FLAG_TABLE_WRONG 2u
#define FLAG_UNIFORM 4u
#define NUMBER_BYTES_MAX 10u

static void put_number(struct buf *out, uint64_t v) {
    while (v >= 0x80) {
        buf_put_byte(out, (uint8_t)(v | 0x80));
        v >>= 7;
    }
    buf_put_byte(out, (uint8_t)v);
}

static bool is_uniform(const struct px_frames *t) {
    for (uint32_t i = 1; i < t->count; i++) {
        const struct px_range *r = &t->ranges[i];
        if (r->length != t->ranges[0].length || r->fragments != t->ranges[0].fragments ||
            r->offset - r[-1].offset != t->ranges[1].offset - t->ranges[0].offset) {
            return false;
        }
    }
    return true;
}

void px_frames_pack(const struct px_frames *t, struct buf *out) {
    bool uniform = is_uniform(t);
    buf_put_byte(out, VERSION);
    buf_put_byte(out, (uint8_t)t->source);
    buf_put_byte(out,
                 (uint8_t)((t->unaligned ? FLAG_UNALIGNED : 0) |
                           (t->table_wrong ? FLAG_TABLE_WRONG : 0) | (uniform ? FLAG_UNIFORM : 0)));
    put_number(out, t->count);
    put_number(out, t->frame_bits);
    put_number(out, t->word_bits);
    if (uniform) {
        put_number(out, t->ranges[0].offset);
        put_number(out, t->count > 1 ? t->ranges[1].offset - t->ranges[0].offset : 0);
        put_number(out, t->ranges[0].length);
        put_number(out, t->ranges[0].fragments);
        return;
    }
    // Frames may share a byte: gaps are counted modulo 2^64.
    uint64_t before = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        put_number(out, t->ranges[i].offset - before);
        put_number(out, t->ranges[i].length);
        put_number(out, t->ranges[i].fragments);
        before = t->ranges[i].offset + t->ranges[i].length;
    }
}

struct unpacker {
    struct slice rest;
    bool failed;
};

static uint64_t get_number(struct unpacker *u) {
    uint64_t v = 0;
    for (size_t i = 0; i < NUMBER_BYTES_MAX && i < u->rest.len; i++) {
        v |= (uint64_t)(u->rest.ptr[i] & 0x7F) << (7 * i);
        if ((u->rest.ptr[i] & 0x80) == 0) {
            u->rest = slice_from(u->rest, i + 1);
            return v;
        }
    }
    u->failed = true;
    return 0;
}

static bool range_allowed(const struct px_range *r) {
    uint64_t end;
    return num_add(r->offset, r->length, &end) && end <= INT64_MAX;
}

static void get_uniform(struct unpacker *u, struct px_frames *t) {
    uint64_t offset = get_number(u);
    uint64_t distance = get_number(u);
    uint64_t length = get_number(u);
    uint64_t fragments = get_number(u);
    u->failed |= fragments > UINT32_MAX;
    for (uint32_t i = 0; i < t->count && !u->failed; i++) {
        uint64_t step = 0;
        u->failed = !num_mul(distance, i, &step) || !num_add(step, offset, &step);
        t->ranges[i] = (struct px_range){step, length, (uint32_t)fragments};
        u->failed |= !range_allowed(&t->ranges[i]);
    }
}

static void get_each(struct unpacker *u, struct px_frames *t) {
    uint64_t before = 0;
    for (uint32_t i = 0; i < t->count && !u->failed; i++) {
        uint64_t offset = before + get_number(u);
        uint64_t length = get_number(u);
        uint64_t fragments = get_number(u);
        t->ranges[i] = (struct px_range){offset, length, (uint32_t)fragments};
        u->failed |= fragments > UINT32_MAX || !range_allowed(&t->ranges[i]);
        before = offset + length;
    }
}

static bool get_head(struct unpacker *u, struct px_frames *t, uint8_t *ret_flags) {
    if (u->rest.len < 3 || u->rest.ptr[0] != VERSION || u->rest.ptr[1] > PX_FRAMES_STREAM ||
        u->rest.ptr[2] > (FLAG_UNALIGNED | FLAG_TABLE_WRONG | FLAG_UNIFORM)) {
        return false;
    }
    *ret_flags = u->rest.ptr[2];
    t->source = (enum px_frames_source)u->rest.ptr[1];
    t->unaligned = (*ret_flags & FLAG_UNALIGNED) != 0;
    t->table_wrong = (*ret_flags & FLAG_TABLE_WRONG) != 0;
    u->rest = slice_from(u->rest, 3);
    uint64_t count = get_number(u);
    t->frame_bits = get_number(u);
    uint64_t word_bits = get_number(u);
    t->count = (uint32_t)count;
    t->word_bits = (uint8_t)word_bits;
    return !u->failed && count > 0 && count <= PX_FRAMES_MAX &&
           t->frame_bits <= PX_FRAME_BYTES_MAX * 8 && (word_bits == 8 || word_bits == 16);
}

int px_frames_unpack(struct arena *a, struct slice packed, struct px_frames *ret_frames,
                     struct err *e) {
    struct unpacker u = {packed, false};
    struct px_frames t = {0};
    uint8_t flags;
    if (!get_head(&u, &t, &flags)) {
        return err_set(e, E_CORRUPT, "a packed frame table of %zu bytes", packed.len);
    }
    t.ranges = arena_array(a, t.count, sizeof *t.ranges);
    if (t.ranges == NULL) {
        return err_set(e, E_MEMORY, "a table of %u frames", t.count);
    }
    ((flags & FLAG_UNIFORM) != 0 ? get_uniform : get_each)(&u, &t);
    if (u.failed || u.rest.len != 0) {
        return err_set(e, E_CORRUPT, "a packed frame table of %u frames", t.count);
    }
    *ret_frames = t;
    return E_OK;
}
