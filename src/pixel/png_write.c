// SPDX-License-Identifier: Apache-2.0
#include "pixel/png_write.h"

#include <libdeflate.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"

#define CHUNK_DATA_MAX 0x7FFFFFFFu
#define FILTER_SAMPLE_ROWS 8u // every n-th row decides between the filters of its neighbours

enum filter { FILTER_NONE, FILTER_SUB, FILTER_UP, FILTER_COUNT };

CLEANUP_DEFINE(bytes, uint8_t, mem_free);
CLEANUP_DEFINE(compressor, struct libdeflate_compressor, libdeflate_free_compressor);

static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

// `room` is where a chunk's length goes, its type and data being in place behind it.
static void seal_chunk(uint8_t *room, uint32_t data_len) {
    num_put_be32(room, data_len);
    num_put_be32(room + 8 + data_len, libdeflate_crc32(0, room + 4, (size_t)data_len + 4));
}

static void put_small_chunk(struct buf *out, const char type[4], const uint8_t *data,
                            uint32_t len) {
    uint8_t *room = buf_extend(out, (size_t)len + 12);
    if (room != NULL) {
        memcpy(room + 4, type, 4);
        if (len > 0) {
            memcpy(room + 8, data, len);
        }
        seal_chunk(room, len);
    }
}

static void put_header(struct buf *out, uint32_t width, uint32_t height, uint8_t channels) {
    uint8_t ihdr[13] = {0};
    num_put_be32(ihdr, width);
    num_put_be32(ihdr + 4, height);
    ihdr[8] = 8;
    ihdr[9] = channels == 3 ? 2 : 0;
    buf_put(out, signature, sizeof signature);
    put_small_chunk(out, "IHDR", ihdr, sizeof ihdr);
}

static void subtract(const uint8_t *restrict a, const uint8_t *restrict b, size_t len,
                     uint8_t *restrict out) {
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(a[i] - b[i]);
    }
}

// Distance from zero of the bytes of a - b, taken as signed: the usual guess of what compresses
// well.
static uint64_t cost_between(const uint8_t *restrict a, const uint8_t *restrict b, size_t len) {
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t d = (uint8_t)(a[i] - b[i]);
        sum += d < 128 ? d : (unsigned)(256 - d);
    }
    return sum;
}

// Repeated bytes compress better as they are: rows that barely change need no filter.
static uint64_t cost_none(const uint8_t *row, size_t len) {
    uint64_t changes = 0;
    for (size_t i = 1; i < len; i++) {
        changes += row[i] != row[i - 1];
    }
    return changes * 16;
}

static enum filter choose(const uint8_t *row, const uint8_t *above, size_t len, uint8_t channels) {
    uint64_t none = cost_none(row, len);
    uint64_t sub = cost_between(row + channels, row, len - channels);
    uint64_t up = above == NULL ? UINT64_MAX : cost_between(row, above, len);
    if (none <= sub && none <= up) {
        return FILTER_NONE;
    }
    return sub <= up ? FILTER_SUB : FILTER_UP;
}

static void filter_row(enum filter filter, const uint8_t *row, const uint8_t *above, size_t len,
                       uint8_t channels, uint8_t *out) {
    *out++ = (uint8_t)filter;
    if (filter == FILTER_SUB) {
        memcpy(out, row, channels);
        subtract(row + channels, row, len - channels, out + channels);
    } else if (filter == FILTER_UP) {
        subtract(row, above, len, out);
    } else {
        memcpy(out, row, len);
    }
}

static void filter_all(const uint8_t *pixels, size_t row_len, uint32_t height, uint8_t channels,
                       uint8_t *out) {
    enum filter filter = FILTER_NONE;
    for (uint32_t y = 0; y < height; y++) {
        const uint8_t *row = pixels + (size_t)y * row_len;
        const uint8_t *above = y == 0 ? NULL : row - row_len;
        if (y < 2 || y % FILTER_SAMPLE_ROWS == 0) {
            filter = choose(row, above, row_len, channels);
        }
        filter_row(filter, row, above, row_len, channels, out + (size_t)y * (row_len + 1));
    }
}

static int put_data(const uint8_t *filtered, size_t len, struct buf *out, struct err *e) {
    CLEANUP(cleanup_compressor)
    struct libdeflate_compressor *deflater = libdeflate_alloc_compressor(PX_PNG_LEVEL);
    if (deflater == NULL) {
        return err_set(e, E_MEMORY, "the PNG compressor");
    }
    size_t bound = libdeflate_zlib_compress_bound(deflater, len);
    CLEANUP(cleanup_bytes) uint8_t *room = mem_alloc(bound + 12);
    if (room == NULL) {
        return err_set(e, E_MEMORY, "a PNG of %zu bytes", len);
    }
    memcpy(room + 4, "IDAT", 4);
    size_t used = libdeflate_zlib_compress(deflater, filtered, len, room + 8, bound);
    if (used == 0 || used > CHUNK_DATA_MAX) {
        return err_set(e, E_LIMIT, "a PNG of %zu bytes", len);
    }
    seal_chunk(room, (uint32_t)used);
    buf_put(out, room, used + 12);
    return E_OK;
}

int px_png_write(const uint8_t *pixels, uint32_t width, uint32_t height, uint8_t channels,
                 struct buf *out, struct err *e) {
    if (width == 0 || height == 0 || width > CHUNK_DATA_MAX || height > CHUNK_DATA_MAX ||
        (channels != 1 && channels != 3)) {
        return err_set(e, E_ARGUMENT, "a PNG of %u x %u with %u channels", width, height, channels);
    }
    uint64_t len;
    if (!num_mul((uint64_t)width * channels + 1, height, &len) || len > CHUNK_DATA_MAX) {
        return err_set(e, E_LIMIT, "a PNG of %u x %u pixels", width, height);
    }
    CLEANUP(cleanup_bytes) uint8_t *filtered = mem_alloc((size_t)len);
    if (filtered == NULL) {
        return err_set(e, E_MEMORY, "a PNG of %llu bytes", (unsigned long long)len);
    }
    filter_all(pixels, (size_t)width * channels, height, channels, filtered);
    put_header(out, width, height, channels);
    int code = put_data(filtered, (size_t)len, out, e);
    if (code != E_OK) {
        return code;
    }
    put_small_chunk(out, "IEND", NULL, 0);
    return buf_check(out, "a PNG", e);
}
