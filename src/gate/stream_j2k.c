// SPDX-License-Identifier: Apache-2.0
#include "gate/stream_j2k.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "gate/notes.h"

enum {
    SOC = 0xFF4F,
    CAP = 0xFF50,
    SIZ = 0xFF51,
    COD = 0xFF52,
    COC = 0xFF53,
    TLM = 0xFF55,
    PRF = 0xFF56,
    PLM = 0xFF57,
    PLT = 0xFF58,
    CPF = 0xFF59,
    QCD = 0xFF5C,
    QCC = 0xFF5D,
    RGN = 0xFF5E,
    POC = 0xFF5F,
    PPM = 0xFF60,
    PPT = 0xFF61,
    CRG = 0xFF63,
    COM = 0xFF64,
    SOT = 0xFF90,
    SOP = 0xFF91,
    SOD = 0xFF93,
    EOC = 0xFFD9
};
// Part 2 (multiple component transforms, non-linearity, arbitrary decomposition …): FF72 to FF7A.
enum { PART2_FIRST = 0xFF72, PART2_LAST = 0xFF7A };

#define BOXES_MAX 256u
#define SOT_LEN 12u // marker and segment
#define TILE_PARTS_MAX 65535u * 4u

struct cleaner {
    struct slice in; // the code stream, to the end of what surrounds it
    const uint8_t *all;
    size_t at;
    size_t start; // in out->data
    bool changed;
    bool moved; // a tile-part's length changed
    bool sized;
    uint32_t tile_parts;
    uint32_t frame;
    struct gate_notes *notes;
    struct buf *out;
};

static int fail(const struct cleaner *c, size_t at, int code, const char *what, struct err *e) {
    err_set(e, code, "JPEG 2000: %s", what);
    return err_at(e, (uint64_t)(c->in.ptr - c->all) + at);
}

static void note(struct cleaner *c, enum gate_done done, const char *what) {
    c->changed = true;
    gate_notes_add(c->notes, GATE_KIND_CONTAINER, done, "frame %u %s", c->frame, what);
}

// --- the boxes of a JP2 file ---

// The content of box jp2c, or everything when there are no boxes.
static int open_boxes(struct cleaner *c, struct err *e) {
    static const uint8_t signature[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
    struct slice left = c->in;
    if (!slice_starts(left, slice_of(signature, sizeof signature))) {
        return E_OK;
    }
    for (unsigned i = 0; i < BOXES_MAX && left.len >= 8; i++) {
        uint64_t len = num_be32(left.ptr);
        size_t head = 8;
        if (len == 1 && left.len >= 16) {
            len = num_be64(left.ptr + 8);
            head = 16;
        }
        len = len == 0 || len > left.len ? left.len : len;
        if (len < head) {
            return fail(c, (size_t)(left.ptr - c->in.ptr), E_CORRUPT, "a box of no length", e);
        }
        if (slice_starts(slice_from(left, 4), slice_of("jp2c", 4))) {
            note(c, GATE_DONE_REMOVED, "JP2 boxes");
            c->in = slice_from(slice_first(left, (size_t)len), head);
            return E_OK;
        }
        left = slice_from(left, (size_t)len);
    }
    return fail(c, 0, E_CORRUPT, "a JP2 file without a code stream", e);
}

// --- segments ---

static bool is_needed(unsigned marker) {
    switch (marker) {
    case CAP:
    case SIZ:
    case COD:
    case COC:
    case TLM:
    case PRF:
    case PLM:
    case PLT:
    case CPF:
    case QCD:
    case QCC:
    case RGN:
    case POC:
    case PPM:
    case PPT:
    case CRG:
        return true;
    default:
        return marker >= PART2_FIRST && marker <= PART2_LAST;
    }
}

// Bytes that a segment should have; 0: as it says.
static size_t exact_length(unsigned marker, struct slice body) {
    if (marker == SIZ) {
        return body.len < 36 ? SIZE_MAX : 36 + 3 * (size_t)num_be16(body.ptr + 34);
    }
    if (marker == COD) {
        return body.len < 10 ? SIZE_MAX : 10 + ((body.ptr[0] & 1) != 0 ? 1u + body.ptr[5] : 0);
    }
    return 0;
}

// Copies or drops the segment at c->at.
static int take_segment(struct cleaner *c, unsigned marker, struct err *e) {
    struct slice left = slice_from(c->in, c->at);
    size_t len = left.len < 4 ? 0 : num_be16(left.ptr + 2);
    if (len < 2 || len > left.len - 2) {
        return fail(c, c->at, E_TRUNCATED, "a marker segment is cut", e);
    }
    struct slice body = slice_of(left.ptr + 4, len - 2);
    size_t exact = exact_length(marker, body);
    if (exact != 0 && exact != body.len) {
        return fail(c, c->at, E_CORRUPT, "a segment of a length that it cannot have", e);
    }
    if (is_needed(marker)) {
        buf_put_slice(c->out, slice_first(left, 2 + len));
    } else {
        note(c, GATE_DONE_REMOVED, marker == COM ? "COM" : "unknown segment");
    }
    c->sized |= marker == SIZ;
    c->at += 2 + len;
    return E_OK;
}

// Segments up to `end` (SOT or SOD), which is not taken.
static int take_segments(struct cleaner *c, unsigned end, struct err *e) {
    for (;;) {
        struct slice left = slice_from(c->in, c->at);
        if (left.len < 2) {
            return fail(c, c->at, E_TRUNCATED, "the stream ends within a header", e);
        }
        unsigned marker = num_be16(left.ptr);
        if (marker == end) {
            return E_OK;
        }
        if (marker < 0xFF01 || marker == SOC || marker == SOT || marker == SOD || marker == EOC) {
            return fail(c, c->at, E_CORRUPT, "bytes where a marker should be", e);
        }
        if (marker >= 0xFF30 && marker <= 0xFF3F) { // reserved, without a segment (A.1.3)
            note(c, GATE_DONE_REMOVED, "unknown segment");
            c->at += 2;
            continue;
        }
        int code = take_segment(c, marker, e);
        if (code != E_OK) {
            return code;
        }
    }
}

// --- tile-parts ---

// Where the coded bits end: no two bytes over FF8F stand in them, so the first EOC is the end.
static size_t find_end(const struct cleaner *c) {
    struct slice left = slice_from(c->in, c->at);
    const uint8_t *p = left.len == 0 ? NULL : memmem(left.ptr, left.len, "\xFF\xD9", 2);
    return p == NULL ? c->in.len : (size_t)(p - c->in.ptr);
}

static int take_tile_part(struct cleaner *c, struct err *e) {
    size_t from = c->at;
    struct slice head = slice_from(c->in, from);
    if (head.len < SOT_LEN || num_be16(head.ptr + 2) != SOT_LEN - 2) {
        return fail(c, from, E_TRUNCATED, "a tile-part's header is cut", e);
    }
    if (++c->tile_parts > TILE_PARTS_MAX) {
        return fail(c, from, E_LIMIT, "more tile-parts than there can be", e);
    }
    uint32_t said = num_be32(head.ptr + 6);
    size_t at_out = c->out->len;
    buf_put_slice(c->out, slice_first(head, SOT_LEN));
    c->at += SOT_LEN;
    int code = take_segments(c, SOD, e);
    if (code != E_OK) {
        return code;
    }
    bool open = said == 0 || said > c->in.len - from; // up to the end, or cut
    size_t end = open ? find_end(c) : from + said;
    if (end < c->at + 2) {
        return fail(c, from, E_CORRUPT, "a tile-part shorter than its header", e);
    }
    buf_put_slice(c->out, slice_of(c->in.ptr + c->at, end - c->at));
    size_t length = c->out->len - at_out;
    if (said != 0 && length != said && !c->out->failed) {
        num_put_be32(c->out->data + at_out + 6, (uint32_t)length);
        c->moved = true;
        c->changed = true;
    }
    c->at = end;
    return E_OK;
}

// --- tile-part lengths in the main header (A.7.1) ---

struct lengths { // walk over the tile-parts of what was written
    struct slice out;
    size_t at;
};

static bool next_length(struct lengths *l, uint32_t *ret_length) {
    struct slice left = slice_from(l->out, l->at);
    if (left.len < SOT_LEN || num_be16(left.ptr) != SOT) {
        return false;
    }
    uint32_t said = num_be32(left.ptr + 6);
    *ret_length = said == 0 || said > left.len ? (uint32_t)left.len : said;
    l->at += *ret_length;
    return true;
}

// One segment: Ztlm, Stlm, then entries of an optional tile index and a length of 2 or 4 bytes.
static bool patch_segment(uint8_t *body, size_t len, struct lengths *l) {
    if (len < 2) {
        return false;
    }
    size_t index = body[1] >> 4 & 3u;
    size_t size = (body[1] & 0x40) != 0 ? 4 : 2;
    for (size_t i = 2; i + index + size <= len; i += index + size) {
        uint32_t length;
        if (!next_length(l, &length) || (size == 2 && length > UINT16_MAX)) {
            return false;
        }
        if (size == 2) {
            num_put_be16(body + i + index, (uint16_t)length);
        } else {
            num_put_be32(body + i + index, length);
        }
    }
    return true;
}

// The first tile-part stands at `tiles` of what was written. False when the lengths cannot be said.
static bool patch_lengths(struct cleaner *c, size_t tiles) {
    uint8_t *main_header = c->out->data + c->start;
    size_t len = tiles - c->start;
    struct lengths l = {slice_of(c->out->data, c->out->len), tiles};
    for (size_t at = 2; at + 4 <= len;) {
        size_t segment = num_be16(main_header + at + 2);
        if (num_be16(main_header + at) == TLM &&
            !patch_segment(main_header + at + 4, segment - 2, &l)) {
            return false;
        }
        at += 2 + segment;
    }
    return true;
}

// --- all of it ---

static int take_stream(struct cleaner *c, struct err *e) {
    buf_put_slice(c->out, slice_first(c->in, 2));
    c->at = 2;
    int code = take_segments(c, SOT, e);
    if (code == E_OK && !c->sized) {
        return fail(c, c->at, E_CORRUPT, "no size segment", e);
    }
    size_t tiles = c->out->len;
    while (code == E_OK && slice_from(c->in, c->at).len >= 2 &&
           num_be16(c->in.ptr + c->at) == SOT) {
        code = take_tile_part(c, e);
    }
    if (code == E_OK && c->moved && !c->out->failed && !patch_lengths(c, tiles)) {
        return fail(c, 0, E_CORRUPT, "tile-part lengths that cannot be put right", e);
    }
    return code;
}

int gate_stream_j2k(struct slice stream, struct gate_notes *notes, uint32_t frame, struct buf *out,
                    bool *ret_changed, struct err *e) {
    struct cleaner c = {.in = stream,
                        .all = stream.ptr,
                        .frame = frame,
                        .notes = notes,
                        .out = out,
                        .start = out->len};
    int code = open_boxes(&c, e);
    if (code != E_OK) {
        return code;
    }
    if (c.in.len < 4 || num_be16(c.in.ptr) != SOC) {
        return fail(&c, 0, E_CORRUPT, "the code stream does not begin with SOC", e);
    }
    code = take_stream(&c, e);
    if (code != E_OK) {
        return code;
    }
    struct slice rest = slice_from(c.in, c.at);
    bool ended = rest.len >= 2 && num_be16(rest.ptr) == EOC;
    rest = slice_from(rest, ended ? 2 : 0);
    if (rest.len > 1 || (rest.len == 1 && rest.ptr[0] != 0)) {
        note(&c, GATE_DONE_REMOVED, "behind the end");
    }
    c.changed |= !ended;
    buf_put(out, "\xFF\xD9", 2);
    *ret_changed = c.changed;
    return buf_check(out, "a code stream", e);
}
