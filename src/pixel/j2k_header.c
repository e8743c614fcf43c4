// SPDX-License-Identifier: Apache-2.0
#include "pixel/j2k_header.h"

#include "base/err.h"
#include "base/num.h"

enum { SOC = 0xFF4F, SIZ = 0xFF51, COD = 0xFF52, COC = 0xFF53, SOT = 0xFF90 };

#define LEVELS_MAX 32u
#define SIZ_FIXED 36u // bytes of SIZ before its components

struct header {
    struct px_j2k_header out;
    struct slice all;
    uint32_t tile_columns;
    uint32_t tile_rows;
    uint64_t layers;
    uint64_t packets; // of one layer of one tile
};

static int fail(const struct header *h, const uint8_t *at, int code, const char *what,
                struct err *e) {
    err_set(e, code, "JPEG 2000: %s", what);
    return err_at(e, (uint64_t)(at - h->all.ptr));
}

// The code stream in a JP2 file: the content of box jp2c.
static int find_stream(struct header *h, struct err *e) {
    static const uint8_t signature[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
    h->out.stream = h->all;
    if (!slice_starts(h->all, slice_of(signature, sizeof signature))) {
        return E_OK;
    }
    struct slice left = h->all;
    for (unsigned i = 0; i < PX_J2K_BOXES_MAX && left.len >= 8; i++) {
        uint64_t len = num_be32(left.ptr);
        size_t head = 8;
        if (len == 1 && left.len >= 16) {
            len = num_be64(left.ptr + 8);
            head = 16;
        }
        len = len == 0 ? left.len : len;
        if (slice_starts(slice_from(left, 4), slice_of("jp2c", 4))) {
            h->out.stream = slice_from(left, head);
            return E_OK;
        }
        if (len < head || len > left.len) {
            return fail(h, left.ptr, E_CORRUPT, "a box of a length that it cannot have", e);
        }
        left = slice_from(left, (size_t)len);
    }
    return fail(h, left.ptr, E_CORRUPT, "a JP2 file without a code stream", e);
}

static uint32_t divided_up(uint64_t a, uint64_t b) { return (uint32_t)((a + b - 1) / b); }

static int read_components(struct header *h, struct slice body, struct err *e) {
    struct px_j2k_header *o = &h->out;
    if (o->count == 0 || o->count > PX_J2K_COMPONENTS_MAX) {
        return fail(h, body.ptr, o->count == 0 ? E_CORRUPT : E_NOT_ACCEPTABLE,
                    "more than four components, or none", e);
    }
    if (body.len < 3 * (size_t)o->count) {
        return fail(h, body.ptr, E_TRUNCATED, "the size segment is cut", e);
    }
    for (unsigned i = 0; i < o->count; i++) {
        const uint8_t *p = body.ptr + 3 * (size_t)i;
        struct px_j2k_component c = {(uint8_t)((p[0] & 0x7F) + 1), p[0] >> 7 != 0, p[1], p[2]};
        if (c.precision > PX_J2K_PRECISION_MAX) {
            return fail(h, p, E_NOT_ACCEPTABLE, "samples of over 31 bits", e);
        }
        if (c.across == 0 || c.down == 0) {
            return fail(h, p, E_CORRUPT, "a component without samples", e);
        }
        o->components[i] = c;
    }
    return E_OK;
}

static int read_size(struct header *h, struct slice body, struct err *e) {
    if (body.len < SIZ_FIXED) {
        return fail(h, body.ptr, E_TRUNCATED, "the size segment is cut", e);
    }
    const uint8_t *p = body.ptr + 2;
    uint32_t x1 = num_be32(p);
    uint32_t y1 = num_be32(p + 4);
    uint32_t x0 = num_be32(p + 8);
    uint32_t y0 = num_be32(p + 12);
    uint32_t tile_x = num_be32(p + 16);
    uint32_t tile_y = num_be32(p + 20);
    uint32_t from_x = num_be32(p + 24);
    uint32_t from_y = num_be32(p + 28);
    if (x0 >= x1 || y0 >= y1 || tile_x == 0 || tile_y == 0 || from_x > x0 || from_y > y0) {
        return fail(h, p, E_CORRUPT, "an image or tiles of no size", e);
    }
    h->out.columns = x1 - x0;
    h->out.rows = y1 - y0;
    h->out.count = num_be16(p + 32);
    uint64_t tiles = (uint64_t)divided_up(x1 - from_x, tile_x) * divided_up(y1 - from_y, tile_y);
    uint64_t samples = (uint64_t)h->out.columns * h->out.rows;
    if (tiles > PX_J2K_TILES_MAX) {
        return fail(h, p, E_LIMIT, "more tiles than anybody makes", e);
    }
    if (samples > PX_J2K_SAMPLES_MAX || samples * h->out.count > PX_J2K_SAMPLES_MAX) {
        return fail(h, p, E_LIMIT, "an image of too many samples", e);
    }
    h->out.tiles = (uint32_t)tiles;
    h->tile_columns = tile_x < h->out.columns ? tile_x : h->out.columns;
    h->tile_rows = tile_y < h->out.rows ? tile_y : h->out.rows;
    return read_components(h, slice_from(body, SIZ_FIXED), e);
}

// Precincts of one component of one tile: `style` is the SPcod part (A.6.1), levels first.
static int count_precincts(const struct header *h, struct slice style, bool own_sizes,
                           uint64_t *ret_count, struct err *e) {
    if (style.len < 5 || style.ptr[0] > LEVELS_MAX ||
        (own_sizes && style.len < 6 + (size_t)style.ptr[0])) {
        return fail(h, style.ptr, E_CORRUPT, "a coding style that is cut or too deep", e);
    }
    unsigned levels = style.ptr[0];
    uint64_t count = 0;
    for (unsigned r = 0; r <= levels; r++) {
        unsigned size = own_sizes ? style.ptr[5 + r] : 0xFF;
        uint64_t columns = divided_up(h->tile_columns, (uint64_t)1 << (levels - r));
        uint64_t rows = divided_up(h->tile_rows, (uint64_t)1 << (levels - r));
        count += (divided_up(columns, (uint64_t)1 << (size & 15u)) + 1ull) *
                 (divided_up(rows, (uint64_t)1 << (size >> 4)) + 1ull);
    }
    *ret_count = count;
    return E_OK;
}

static int read_style(struct header *h, struct slice body, struct err *e) {
    if (body.len < 10) {
        return fail(h, body.ptr, E_TRUNCATED, "the coding style is cut", e);
    }
    h->layers = num_be16(body.ptr + 2);
    h->out.transforms = body.ptr[4] != 0 && h->out.count >= 3;
    h->out.reversible = body.ptr[9] == 1;
    uint64_t precincts = 0;
    int code = count_precincts(h, slice_from(body, 5), (body.ptr[0] & 1) != 0, &precincts, e);
    h->packets += precincts * h->out.count;
    return code;
}

static int read_component_style(struct header *h, struct slice body, struct err *e) {
    if (body.len < 7) { // the component is a byte: there are few
        return fail(h, body.ptr, E_TRUNCATED, "a component's coding style is cut", e);
    }
    uint64_t precincts = 0;
    int code = count_precincts(h, slice_from(body, 2), (body.ptr[1] & 1) != 0, &precincts, e);
    h->packets += precincts;
    return code;
}

static int read_segment(struct header *h, unsigned marker, struct slice body, struct err *e) {
    switch (marker) {
    case SIZ:
        return read_size(h, body, e);
    case COD:
        return read_style(h, body, e);
    case COC:
        return read_component_style(h, body, e);
    default:
        return E_OK;
    }
}

static int read_segments(struct header *h, struct err *e) {
    struct slice left = slice_from(h->out.stream, 2);
    for (;;) {
        if (left.len < 4) {
            return fail(h, left.ptr, E_TRUNCATED, "the stream ends within its main header", e);
        }
        unsigned marker = num_be16(left.ptr);
        size_t len = num_be16(left.ptr + 2);
        if (marker == SOT) {
            return E_OK;
        }
        if (marker < 0xFF01 || len < 2 || len > left.len - 2) {
            return fail(h, left.ptr, E_CORRUPT, "a marker segment that is none, or cut", e);
        }
        if ((h->out.count == 0) != (marker == SIZ)) {
            return fail(h, left.ptr, E_CORRUPT, "the size segment is not where it belongs", e);
        }
        int code = read_segment(h, marker, slice_of(left.ptr + 4, len - 2), e);
        if (code != E_OK) {
            return code;
        }
        left = slice_from(left, 2 + len);
    }
}

int px_j2k_header_read(struct slice bytes, struct px_j2k_header *ret_header, struct err *e) {
    struct header h = {.all = bytes};
    int code = find_stream(&h, e);
    if (code != E_OK) {
        return code;
    }
    if (h.out.stream.len < 2 || num_be16(h.out.stream.ptr) != SOC) {
        return fail(&h, h.out.stream.ptr, h.out.stream.len < 2 ? E_TRUNCATED : E_CORRUPT,
                    "the code stream does not begin with SOC", e);
    }
    code = read_segments(&h, e);
    if (code != E_OK) {
        return code;
    }
    if (h.packets == 0) {
        return fail(&h, h.out.stream.ptr, E_CORRUPT, "no coding style", e);
    }
    uint64_t packets;
    if (!num_mul(h.packets, h.layers * h.out.tiles, &packets) || packets > PX_J2K_PACKETS_MAX) {
        return fail(&h, h.out.stream.ptr, E_LIMIT, "more packets than anybody makes", e);
    }
    *ret_header = h.out;
    return E_OK;
}
