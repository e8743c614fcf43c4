// SPDX-License-Identifier: Apache-2.0
#include "pixel/codestream.h"

#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "pixel/rle.h"

// Transfer syntax UIDs of compressed images share this beginning.
#define COMPRESSED "1.2.840.10008.1.2.4."

static const struct {
    const char *last; // component of the UID
    enum px_stream stream;
} streams[] = {
    {"50", PX_STREAM_JPEG},       {"51", PX_STREAM_JPEG},       {"53", PX_STREAM_JPEG},
    {"55", PX_STREAM_JPEG},       {"57", PX_STREAM_JPEG},       {"70", PX_STREAM_JPEG},
    {"80", PX_STREAM_JPEG},       {"81", PX_STREAM_JPEG},       {"90", PX_STREAM_JPEG_2000},
    {"91", PX_STREAM_JPEG_2000},  {"92", PX_STREAM_JPEG_2000},  {"93", PX_STREAM_JPEG_2000},
    {"201", PX_STREAM_JPEG_2000}, {"202", PX_STREAM_JPEG_2000}, {"203", PX_STREAM_JPEG_2000},
};

enum px_stream px_stream_of(const char *syntax_uid) {
    if (strcmp(syntax_uid, DCM_RLE_UID) == 0) {
        return PX_STREAM_RLE;
    }
    size_t shared = strlen(COMPRESSED);
    if (strncmp(syntax_uid, COMPRESSED, shared) == 0) {
        for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
            if (strcmp(syntax_uid + shared, streams[i].last) == 0) {
                return streams[i].stream;
            }
        }
    }
    return PX_STREAM_OTHER;
}

static bool rle_header(struct slice bytes) {
    if (bytes.len < PX_RLE_HEADER) {
        return false;
    }
    uint32_t count = num_le32(bytes.ptr);
    if (count == 0 || count > PX_RLE_SEGMENTS_MAX || num_le32(bytes.ptr + 4) != PX_RLE_HEADER) {
        return false;
    }
    for (uint32_t i = 1; i < PX_RLE_SEGMENTS_MAX; i++) {
        uint32_t offset = num_le32(bytes.ptr + 4 + 4 * (size_t)i);
        bool fits = i < count ? offset > num_le32(bytes.ptr + 4 * (size_t)i) : offset == 0;
        if (!fits) {
            return false;
        }
    }
    return true;
}

bool px_stream_starts(enum px_stream stream, struct slice bytes) {
    switch (stream) {
    case PX_STREAM_JPEG:
        return slice_starts(bytes, slice_of("\xFF\xD8\xFF", 3));
    case PX_STREAM_JPEG_2000:
        return slice_starts(bytes, slice_of("\xFF\x4F\xFF\x51", 4)) ||
               slice_starts(bytes, slice_of("\0\0\0\x0CjP  ", 8)); // in a JP2 file
    case PX_STREAM_RLE:
        return rle_header(bytes);
    case PX_STREAM_OTHER:
    default:
        return false;
    }
}

bool px_stream_restarts(enum px_stream stream, const struct dcm_fragment *fragments,
                        uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        if (px_stream_starts(stream, fragments[i].bytes)) {
            return true;
        }
    }
    return false;
}

static bool has_end(struct slice bytes) {
    size_t len = bytes.len;
    while (len > 2 && bytes.ptr[len - 1] == 0) {
        len--;
    }
    return len >= 2 && bytes.ptr[len - 2] == 0xFF && bytes.ptr[len - 1] == 0xD9;
}

int px_stream_with_end(struct slice *bytes, struct buf *scratch, struct err *e) {
    if (has_end(*bytes)) {
        return E_OK;
    }
    buf_clear(scratch);
    buf_put_slice(scratch, *bytes);
    buf_put(scratch, "\xFF\xD9", 2);
    *bytes = buf_slice(scratch);
    return buf_check(scratch, "a code stream", e);
}
