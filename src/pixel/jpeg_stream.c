// SPDX-License-Identifier: Apache-2.0
#include "pixel/jpeg_stream.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"

#define MARK 0xFFu

enum {
    SOF0 = 0xC0,
    DHT = 0xC4,
    SOF15 = 0xCF,
    DAC = 0xCC,
    JPG = 0xC8,
    RST0 = 0xD0,
    SOI = 0xD8,
    EOI = 0xD9,
    SOS = 0xDA,
    DQT = 0xDB,
    DNL = 0xDC,
    DRI = 0xDD,
    APP14 = 0xEE,
    SOF55 = 0xF7,
    TEM = 0x01
};

static int cut(const struct px_jpeg_stream *s, const char *what, struct err *e) {
    err_set(e, E_TRUNCATED, "the JPEG stream ends within %s", what);
    return err_at(e, s->at);
}

static int wrong(const struct px_jpeg_stream *s, const char *what, struct err *e) {
    err_set(e, E_CORRUPT, "JPEG: %s", what);
    return err_at(e, s->at);
}

// The next marker's code; 0 when the bytes end before one. Bytes between segments are passed over:
// what comes behind entropy-coded data that its decoder left unread is no concern of ours.
static unsigned next_marker(struct px_jpeg_stream *s) {
    const uint8_t *p = s->bytes.ptr;
    while (s->at + 1 < s->bytes.len) {
        const uint8_t *mark = memchr(p + s->at, MARK, s->bytes.len - s->at - 1);
        if (mark == NULL) {
            break;
        }
        s->at = (size_t)(mark - p) + 1;
        unsigned code = p[s->at];
        if (code != 0 && code != MARK) {
            s->at++;
            return code;
        }
    }
    s->at = s->bytes.len;
    return 0;
}

static bool stands_alone(unsigned code) {
    return code == TEM || code == SOI || (code >= RST0 && code < SOI);
}

static int take_segment(struct px_jpeg_stream *s, struct slice *ret_body, struct err *e) {
    struct slice left = slice_from(s->bytes, s->at);
    if (left.len < 2 || num_be16(left.ptr) < 2 || num_be16(left.ptr) > left.len) {
        return cut(s, "a marker segment", e);
    }
    size_t len = num_be16(left.ptr);
    *ret_body = slice_of(left.ptr + 2, len - 2);
    s->at += len;
    return E_OK;
}

static int read_tables(struct px_jpeg_stream *s, struct slice body, struct err *e) {
    while (body.len > 0) {
        unsigned class = body.ptr[0] >> 4;
        unsigned number = body.ptr[0] & 15u;
        if (body.len < 17 || class > 1 || number >= PX_JPEG_TABLES) {
            return wrong(s, "a Huffman table has no place", e);
        }
        struct px_jpeg_huffman *h = class == 0 ? &s->dc[number] : &s->ac[number];
        size_t total = 0;
        unsigned room = 1; // codes left at this length
        h->defined = false;
        for (unsigned i = 1; i <= 16; i++) {
            h->counts[i] = body.ptr[i];
            total += h->counts[i];
            room = room * 2;
            if (h->counts[i] > room) {
                return wrong(s, "a Huffman table has more codes than bits allow", e);
            }
            room -= h->counts[i];
        }
        if (total > sizeof h->symbols || body.len - 17 < total) {
            return wrong(s, "a Huffman table is cut", e);
        }
        memset(h->symbols, 0, sizeof h->symbols);
        memcpy(h->symbols, body.ptr + 17, total);
        h->defined = true;
        body = slice_from(body, 17 + total);
    }
    return E_OK;
}

static int read_quant(struct px_jpeg_stream *s, struct slice body, struct err *e) {
    while (body.len > 0) {
        unsigned width = (body.ptr[0] >> 4) + 1u;
        unsigned number = body.ptr[0] & 15u;
        if (width > 2 || number >= PX_JPEG_TABLES || body.len < 1 + 64 * (size_t)width) {
            return wrong(s, "a quantisation table is cut or has no place", e);
        }
        for (size_t i = 0; i < 64; i++) {
            const uint8_t *p = body.ptr + 1 + i * width;
            s->quant[number][i] = width == 2 ? num_be16(p) : *p;
        }
        s->has_quant[number] = true;
        body = slice_from(body, 1 + 64 * (size_t)width);
    }
    return E_OK;
}

static int read_components(struct px_jpeg_stream *s, struct slice body, struct err *e) {
    struct px_jpeg_frame *f = &s->frame;
    if (f->count == 0 || f->count > PX_JPEG_COMPONENTS_MAX || body.len < 3 * (size_t)f->count) {
        return wrong(s, "a frame header with no components, or more than four", e);
    }
    for (unsigned i = 0; i < f->count; i++) {
        const uint8_t *p = body.ptr + 3 * (size_t)i;
        struct px_jpeg_component c = {p[0], p[1] >> 4, p[1] & 15u, p[2]};
        if (c.across < 1 || c.across > 4 || c.down < 1 || c.down > 4 || c.quant >= PX_JPEG_TABLES) {
            return wrong(s, "a component with factors or a table that there are not", e);
        }
        f->components[i] = c;
        f->across = c.across > f->across ? c.across : f->across;
        f->down = c.down > f->down ? c.down : f->down;
    }
    return E_OK;
}

static int read_frame(struct px_jpeg_stream *s, unsigned code, struct slice body, struct err *e) {
    if (s->frame.count != 0) {
        return wrong(s, "a second frame header", e);
    }
    if (body.len < 6) {
        return cut(s, "the frame header", e);
    }
    s->frame =
        (struct px_jpeg_frame){.process = (uint8_t)(code == SOF55 ? PX_JPEG_LS : code - SOF0),
                               .precision = body.ptr[0],
                               .rows = num_be16(body.ptr + 1),
                               .columns = num_be16(body.ptr + 3),
                               .count = body.ptr[5]};
    if (s->frame.columns == 0) {
        return wrong(s, "an image of no columns", e);
    }
    return read_components(s, slice_from(body, 6), e);
}

static int find_component(const struct px_jpeg_frame *f, uint8_t id) {
    for (int i = 0; i < f->count; i++) {
        if (f->components[i].id == id) {
            return i;
        }
    }
    return -1;
}

static int read_scan(struct px_jpeg_stream *s, struct slice body, struct err *e) {
    struct px_jpeg_scan *scan = &s->scan;
    if (body.len < 1 || body.ptr[0] < 1 || body.ptr[0] > s->frame.count ||
        body.len < 4 + 2 * (size_t)body.ptr[0]) {
        return wrong(s, "a scan header without components, or cut", e);
    }
    *scan = (struct px_jpeg_scan){.count = body.ptr[0]};
    unsigned seen = 0;
    for (unsigned i = 0; i < scan->count; i++) {
        const uint8_t *p = body.ptr + 1 + 2 * (size_t)i;
        int index = find_component(&s->frame, p[0]);
        if (index < 0 || (seen >> index & 1u) != 0 || p[1] >> 4 >= (int)PX_JPEG_TABLES ||
            (p[1] & 15u) >= PX_JPEG_TABLES) {
            return wrong(s, "a scan of a component that there is not", e);
        }
        seen |= 1u << index;
        scan->part[i].component = (uint8_t)index;
        scan->part[i].dc = p[1] >> 4;
        scan->part[i].ac = p[1] & 15u;
    }
    const uint8_t *p = body.ptr + 1 + 2 * (size_t)scan->count;
    scan->first = p[0];
    scan->last = p[1];
    scan->high = p[2] >> 4;
    scan->low = p[2] & 15u;
    return E_OK;
}

static bool is_frame_header(unsigned code) {
    return (code >= SOF0 && code <= SOF15 && code != DHT && code != JPG && code != DAC) ||
           code == SOF55;
}

static int read_segment(struct px_jpeg_stream *s, unsigned code, struct err *e) {
    struct slice body = {0};
    int rc = take_segment(s, &body, e);
    if (rc != E_OK) {
        return rc;
    }
    if (is_frame_header(code)) {
        return read_frame(s, code, body, e);
    }
    switch (code) {
    case DHT:
        return read_tables(s, body, e);
    case DQT:
        return read_quant(s, body, e);
    case DRI:
        s->restart_interval = body.len < 2 ? 0 : num_be16(body.ptr);
        return E_OK;
    case DNL:
        s->lines = body.len < 2 ? 0 : num_be16(body.ptr);
        return E_OK;
    case APP14:
        if (body.len >= 12 && memcmp(body.ptr, "Adobe", 5) == 0) {
            s->adobe_transform = body.ptr[11];
        }
        return E_OK;
    default:
        return E_OK;
    }
}

int px_jpeg_open(struct px_jpeg_stream *s, struct slice bytes, struct err *e) {
    *s = (struct px_jpeg_stream){.bytes = bytes, .adobe_transform = -1};
    if (!slice_starts(bytes, slice_of("\xFF\xD8", 2))) {
        return bytes.len < 2 ? cut(s, "its first marker", e)
                             : wrong(s, "the stream does not begin with SOI", e);
    }
    s->at = 2;
    while (s->frame.count == 0) {
        unsigned code = next_marker(s);
        if (code == 0 || code == EOI || code == SOS) {
            return code == 0 ? cut(s, "its headers", e) : wrong(s, "no frame header", e);
        }
        int rc = stands_alone(code) ? E_OK : read_segment(s, code, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    return E_OK;
}

int px_jpeg_next_scan(struct px_jpeg_stream *s, struct err *e) {
    for (;;) {
        unsigned code = next_marker(s);
        if (code == 0 || code == EOI) {
            s->ended = code == EOI;
            return 0;
        }
        if (code == SOS) {
            struct slice body = {0};
            int rc = take_segment(s, &body, e);
            rc = rc == E_OK ? read_scan(s, body, e) : rc;
            if (rc == E_OK && ++s->scans > PX_JPEG_SCANS_MAX) {
                rc = err_set(e, E_LIMIT, "a JPEG stream of over %u scans", PX_JPEG_SCANS_MAX);
            }
            return rc == E_OK ? 1 : rc;
        }
        int rc = stands_alone(code) ? E_OK : read_segment(s, code, e);
        if (rc != E_OK) {
            return rc;
        }
    }
}

// Where the run of plain bytes from `at` ends, and what comes there: a stuffed FF (false) or a
// marker or the end (true).
static bool run_ends(struct slice bytes, size_t at, size_t *ret_end) {
    const uint8_t *mark = at >= bytes.len ? NULL : memchr(bytes.ptr + at, MARK, bytes.len - at);
    *ret_end = mark == NULL ? bytes.len : (size_t)(mark - bytes.ptr);
    return mark == NULL || *ret_end + 1 >= bytes.len || bytes.ptr[*ret_end + 1] != 0;
}

int px_jpeg_segment(struct px_jpeg_stream *s, struct buf *scratch, struct slice *ret_bytes,
                    struct err *e) {
    buf_clear(scratch);
    size_t end;
    for (bool last = false; !last;) {
        last = run_ends(s->bytes, s->at, &end);
        buf_put(scratch, s->bytes.ptr + s->at, end - s->at + (last ? 0 : 1));
        s->at = last ? end : end + 2;
    }
    size_t len = scratch->len;
    uint8_t *pad = buf_extend(scratch, PX_JPEG_PAD);
    if (pad == NULL) {
        return buf_check(scratch, "an entropy-coded segment", e);
    }
    memset(pad, 0, PX_JPEG_PAD);
    *ret_bytes = slice_of(scratch->data, len);
    return E_OK;
}

int px_jpeg_restart(struct px_jpeg_stream *s, uint64_t number, struct err *e) {
    size_t before = s->at;
    unsigned code = next_marker(s);
    if (code == RST0 + number % 8) {
        return E_OK;
    }
    s->at = before;
    return code == 0 ? cut(s, "an interval between restarts", e)
                     : wrong(s, "a restart marker is missing or out of order", e);
}

size_t px_jpeg_place(const struct px_jpeg_stream *s, size_t begin, size_t index) {
    size_t at = begin;
    for (;;) {
        size_t end;
        bool last = run_ends(s->bytes, at, &end);
        size_t run = end - at + (last ? 0 : 1);
        if (last || index < run) {
            return at + (index < run ? index : run);
        }
        index -= run;
        at = end + 2;
    }
}
