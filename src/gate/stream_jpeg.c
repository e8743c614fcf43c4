// SPDX-License-Identifier: Apache-2.0
#include "gate/stream_jpeg.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "gate/notes.h"

enum {
    TEM = 0x01,
    SOF0 = 0xC0,
    DHT = 0xC4,
    SOF15 = 0xCF,
    DAC = 0xCC,
    RST0 = 0xD0,
    RST7 = 0xD7,
    SOI = 0xD8,
    EOI = 0xD9,
    SOS = 0xDA,
    DQT = 0xDB,
    DNL = 0xDC,
    DRI = 0xDD,
    DHP = 0xDE,
    EXP = 0xDF,
    APP0 = 0xE0,
    APP8 = 0xE8,
    APP14 = 0xEE,
    APP15 = 0xEF,
    SOF55 = 0xF7, // JPEG-LS
    LSE = 0xF8,
    COM = 0xFE
};

#define SCANS_MAX 4096u // no image has more components and passes

struct cleaner {
    struct slice in;
    size_t at;
    bool is_ls;
    bool changed;
    bool ended;
    bool framed; // a frame header was seen
    uint32_t scans;
    uint32_t frame;
    struct gate_notes *notes;
    struct buf *out;
};

static int fail(const struct cleaner *c, size_t at, int code, const char *what, struct err *e) {
    err_set(e, code, "%s: %s", c->is_ls ? "JPEG-LS" : "JPEG", what);
    return err_at(e, at);
}

static void cut(struct cleaner *c, const char *what) {
    c->changed = true;
    gate_notes_add(c->notes, GATE_KIND_CONTAINER, GATE_DONE_REMOVED, "frame %u %s", c->frame, what);
}

static bool is_frame(const struct cleaner *c, unsigned marker) {
    if (c->is_ls) {
        return marker == SOF55;
    }
    return marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != 0xC8 && marker != DAC;
}

// Length of the content that each segment must have; 0: by other rules.
static int check_frame(struct cleaner *c, struct slice body, struct err *e) {
    if (body.len < 6 || body.len != 6 + 3 * (size_t)body.ptr[5]) {
        return fail(c, c->at, E_CORRUPT, "a frame header of a length that it cannot have", e);
    }
    c->framed = true;
    return E_OK;
}

// Whole Huffman tables and nothing behind them (B.2.4.2).
static int check_huffman(const struct cleaner *c, struct slice body, struct err *e) {
    while (body.len >= 17) {
        size_t symbols = 0;
        for (unsigned i = 1; i <= 16; i++) {
            symbols += body.ptr[i];
        }
        if (symbols > 256 || symbols > body.len - 17) {
            break;
        }
        body = slice_from(body, 17 + symbols);
    }
    return body.len == 0 ? E_OK : fail(c, c->at, E_CORRUPT, "bytes that are no Huffman table", e);
}

static int check_quantization(const struct cleaner *c, struct slice body, struct err *e) {
    while (body.len > 0) {
        size_t len = 1 + ((body.ptr[0] >> 4) != 0 ? 128u : 64u);
        if (len > body.len) {
            return fail(c, c->at, E_CORRUPT, "bytes that are no quantization table", e);
        }
        body = slice_from(body, len);
    }
    return E_OK;
}

// JPEG-LS parameters (14495-1 C.2.4.1): presets, mapping tables, sizes over 16 bits.
static int check_preset(const struct cleaner *c, struct slice body, struct err *e) {
    bool fits =
        body.len > 0 &&
        (body.ptr[0] == 1   ? body.len == 11
         : body.ptr[0] == 2 ? body.len > 3 && body.ptr[2] > 0 && (body.len - 3) % body.ptr[2] == 0
         : body.ptr[0] == 3 ? body.len > 2
                            : body.ptr[0] == 4 && body.len >= 6 && body.len <= 10);
    return fits ? E_OK : fail(c, c->at, E_CORRUPT, "preset parameters that are none", e);
}

static int check_length(const struct cleaner *c, bool fits, struct err *e) {
    return fits ? E_OK : fail(c, c->at, E_CORRUPT, "a segment of a length that it cannot have", e);
}

// Whether a segment that decoding needs holds what it should and nothing more.
static int check(struct cleaner *c, unsigned marker, struct slice body, struct err *e) {
    if (is_frame(c, marker)) {
        return check_frame(c, body, e);
    }
    switch (marker) {
    case DHT:
        return check_huffman(c, body, e);
    case DQT:
        return check_quantization(c, body, e);
    case DAC:
        return check_length(c, body.len % 2 == 0 && body.len <= 64, e);
    case DNL:
        return check_length(c, body.len == 2, e);
    case DRI:
        return check_length(c, body.len == 2 || (c->is_ls && (body.len == 3 || body.len == 4)), e);
    case EXP:
        return check_length(c, body.len == 1, e);
    case DHP:
        return check_length(c, body.len >= 6 && body.len == 6 + 3 * (size_t)body.ptr[5], e);
    case SOS:
        return check_length(c, body.len >= 4 && body.len == 4 + 2 * (size_t)body.ptr[0], e);
    case LSE:
    default:
        return check_preset(c, body, e);
    }
}

static bool is_needed(const struct cleaner *c, unsigned marker) {
    return is_frame(c, marker) || marker == DHT || marker == DQT || marker == DAC ||
           marker == DNL || marker == DRI || marker == EXP || marker == DHP || marker == SOS ||
           (c->is_ls && marker == LSE);
}

static void put_segment(struct cleaner *c, unsigned marker, struct slice body) {
    uint8_t head[4] = {0xFF, (uint8_t)marker};
    num_put_be16(head + 2, (uint16_t)(body.len + 2));
    buf_put(c->out, head, sizeof head);
    buf_put_slice(c->out, body);
}

// The three application segments that decoders look at, without what they do not: true when the
// segment was one and has been written.
static bool put_known(struct cleaner *c, unsigned marker, struct slice body) {
    static const char jfif[14] = "JFIF\0\1\1\0\0\1\0\1\0";
    uint8_t adobe[12] = "Adobe\0\x64";
    struct slice clean = {NULL, 0};
    if (marker == APP0 && !c->is_ls && slice_starts(body, slice_of(jfif, 5))) {
        clean = slice_of(jfif, sizeof jfif);
    } else if (marker == APP14 && !c->is_ls && body.len >= 12 &&
               slice_starts(body, slice_of(adobe, 5)) && body.ptr[11] <= 2) {
        adobe[11] = body.ptr[11];
        clean = slice_of(adobe, sizeof adobe);
    } else if (marker == APP8 && c->is_ls && body.len >= 5 && body.ptr[4] <= 5 &&
               slice_starts(body, slice_str("mrfx"))) {
        clean = slice_first(body, 5);
    }
    if (clean.len == 0) {
        return false;
    }
    put_segment(c, marker, clean);
    if (!slice_eq(clean, body)) {
        c->changed = true;
        gate_notes_add(c->notes, GATE_KIND_CONTAINER, GATE_DONE_CLEANED, "frame %u APP%u", c->frame,
                       marker - APP0);
    }
    return true;
}

static void drop(struct cleaner *c, unsigned marker) {
    if (marker >= APP0 && marker <= APP15) {
        c->changed = true;
        gate_notes_add(c->notes, GATE_KIND_CONTAINER, GATE_DONE_REMOVED, "frame %u APP%u", c->frame,
                       marker - APP0);
    } else {
        cut(c, marker == COM ? "COM" : "reserved segment");
    }
}

// Entropy-coded bytes up to the next marker that is no restart: as they are. In JPEG a marker's
// second byte is not 0, in JPEG-LS it has its high bit set; FF before FF is a fill byte.
static void copy_scan(struct cleaner *c) {
    size_t from = c->at;
    while (c->at + 1 < c->in.len) {
        const uint8_t *p = memchr(c->in.ptr + c->at, 0xFF, c->in.len - 1 - c->at);
        if (p == NULL) {
            break;
        }
        c->at = (size_t)(p - c->in.ptr);
        unsigned next = p[1];
        bool data = c->is_ls ? next < 0x80 : next == 0;
        if (!data && !(next >= RST0 && next <= RST7)) {
            buf_put_slice(c->out, slice_of(c->in.ptr + from, c->at - from));
            return;
        }
        c->at += 2;
    }
    size_t end = c->in.len - (c->in.ptr[c->in.len - 1] == 0xFF); // half of a marker
    buf_put_slice(c->out, slice_of(c->in.ptr + from, end > from ? end - from : 0));
    c->at = c->in.len;
}

static int read_segment(struct cleaner *c, unsigned marker, struct err *e) {
    struct slice left = slice_from(c->in, c->at);
    size_t len = left.len < 2 ? 0 : num_be16(left.ptr);
    if (len < 2 || len > left.len) {
        return fail(c, c->at, left.len < 2 || len > left.len ? E_TRUNCATED : E_CORRUPT,
                    "a marker segment is cut", e);
    }
    struct slice body = slice_of(left.ptr + 2, len - 2);
    if (is_needed(c, marker)) {
        int code = check(c, marker, body, e);
        if (code != E_OK) {
            return code;
        }
        put_segment(c, marker, body);
    } else if (!put_known(c, marker, body)) {
        drop(c, marker);
    }
    c->at += len;
    if (marker == SOS) {
        if (!c->framed || ++c->scans > SCANS_MAX) {
            return fail(c, c->at, E_CORRUPT, "a scan without a frame, or too many", e);
        }
        copy_scan(c);
    }
    return E_OK;
}

// One marker with its segment. Fill bytes (FF) before it go.
static int read_marker(struct cleaner *c, struct err *e) {
    if (c->in.ptr[c->at] != 0xFF) {
        return fail(c, c->at, E_CORRUPT, "bytes where a marker should be", e);
    }
    while (c->at + 2 < c->in.len && c->in.ptr[c->at + 1] == 0xFF) {
        c->at++;
        c->changed = true;
    }
    if (c->at + 2 > c->in.len) {
        return fail(c, c->at, E_TRUNCATED, "the stream ends within a marker", e);
    }
    unsigned marker = c->in.ptr[c->at + 1];
    c->at += 2;
    if (marker == EOI) {
        c->ended = true;
        return E_OK;
    }
    if (marker == 0 || marker == 0xFF || marker == SOI || (marker >= RST0 && marker <= RST7)) {
        return fail(c, c->at - 2, E_CORRUPT, "a marker where it cannot be", e);
    }
    if (marker == TEM) {
        c->changed = true;
        return E_OK;
    }
    return read_segment(c, marker, e);
}

// What lies behind the end: a padding byte of zero is nobody's.
static void look_behind(struct cleaner *c) {
    struct slice rest = slice_from(c->in, c->at);
    if (rest.len > 1 || (rest.len == 1 && rest.ptr[0] != 0)) {
        cut(c, "behind the end");
    }
}

int gate_stream_jpeg(struct slice stream, bool is_ls, struct gate_notes *notes, uint32_t frame,
                     struct buf *out, bool *ret_changed, struct err *e) {
    struct cleaner c = {
        .in = stream, .is_ls = is_ls, .frame = frame, .notes = notes, .out = out, .at = 2};
    if (stream.len < 4 || stream.ptr[0] != 0xFF || stream.ptr[1] != SOI) {
        return fail(&c, 0, E_CORRUPT, "the stream does not begin with SOI", e);
    }
    buf_put(out, stream.ptr, 2);
    while (!c.ended && c.at < stream.len) {
        // A stream without its end marker may have been padded.
        if (c.scans > 0 && stream.ptr[c.at] != 0xFF) {
            break;
        }
        int code = read_marker(&c, e);
        if (code != E_OK) {
            return code;
        }
    }
    if (c.scans == 0) {
        return fail(&c, c.at, E_TRUNCATED, "the stream ends before its picture begins", e);
    }
    look_behind(&c);
    c.changed |= !c.ended;
    buf_put(out, "\xFF\xD9", 2);
    *ret_changed = c.changed;
    return buf_check(out, "a code stream", e);
}
