// SPDX-License-Identifier: Apache-2.0
// A byte that chooses the target and a whole file: what px_transcode writes must be a file again,
// in the syntax that was asked for, with as many frames; and it must go back to explicit little
// endian.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/uid.h"
#include "pixel/frames.h"
#include "pixel/image.h"
#include "pixel/transcode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ARENA_LIMIT ((size_t)64 << 20)
#define OUT_MAX ((size_t)16 << 20)
#define PIXELS_MAX ((uint64_t)1 << 18) // bytes of all frames, for speed

static const char *const targets[] = {
    DCM_EXPLICIT_LE_UID,
    DCM_IMPLICIT_LE_UID,
    DCM_EXPLICIT_BE_UID,
    DCM_DEFLATED_UID,
    DCM_RLE_UID,
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.8.1",
};

static int patch(void *context, uint64_t offset, struct slice bytes, struct err *e) {
    struct buf *out = context;
    if (offset > out->len || bytes.len > out->len - offset) {
        abort(); // only what was written may be replaced
    }
    (void)e;
    memcpy(out->data + offset, bytes.ptr, bytes.len);
    return E_OK;
}

struct opened {
    struct arena arena;
    struct dcm_file file;
    struct dcm_dataset *d;
    struct px_image image;
    struct px_frames frames;
    bool has_image;
};

static void cleanup_opened(struct opened *o) { arena_done(&o->arena); }

static bool open_file(struct opened *o, struct slice bytes) {
    struct err e = {0};
    *o = (struct opened){0};
    arena_init(&o->arena, ARENA_LIMIT);
    if (dcm_file_open(&o->arena, bytes, &o->file, &e) != E_OK ||
        dcm_file_dataset(&o->arena, &o->file, 0, &o->d, &e) != E_OK) {
        return false;
    }
    o->has_image = px_image_read(&o->arena, o->d, o->file.syntax, &o->image, &e) == E_OK &&
                   px_frames_build(&o->arena, &o->image, o->d, &o->frames, &e) == E_OK;
    return true;
}

static int transcode(struct slice bytes, const char *syntax, struct buf *out,
                     struct px_transcoded *ret_done) {
    CLEANUP(arena_done) struct arena a;
    struct dcm_file file;
    struct err e = {0};
    arena_init(&a, ARENA_LIMIT);
    struct px_transcode_out to = {.sink = dcm_sink_buf(out), .patch = patch, .context = out};
    int code = dcm_file_open(&a, bytes, &file, &e);
    return code == E_OK ? px_transcode(&a, &file, bytes, syntax, &to, ret_done, &e) : code;
}

static void must(bool what) {
    if (!what) {
        abort();
    }
}

static void look_at(const struct opened *from, const struct buf *out, const char *syntax,
                    const struct px_transcoded *done) {
    CLEANUP(cleanup_opened) struct opened to;
    bool same = strcmp(from->file.syntax->uid, syntax) == 0;
    must(done->len == out->len);
    must(open_file(&to, buf_slice(out)));
    must(strcmp(to.file.syntax->uid, syntax) == 0);
    must(to.file.meta_raw.len == done->body_offset);
    if (from->has_image && !same && from->file.syntax->encapsulated) {
        must(to.has_image && to.image.frames == from->image.frames);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < 1) {
        return 0;
    }
    const char *syntax = targets[data[0] % (sizeof targets / sizeof targets[0])];
    struct slice bytes = slice_of(data + 1, len - 1);
    CLEANUP(cleanup_opened) struct opened from;
    if (!open_file(&from, bytes) ||
        (from.has_image && px_image_decoded_bytes(&from.image) * from.image.frames > PIXELS_MAX)) {
        return 0;
    }
    CLEANUP(cleanup_buf) struct buf out;
    CLEANUP(cleanup_buf) struct buf back;
    struct px_transcoded done;
    buf_init(&out, OUT_MAX);
    buf_init(&back, OUT_MAX);
    if (transcode(bytes, syntax, &out, &done) != E_OK) {
        return 0;
    }
    look_at(&from, &out, syntax, &done);
    struct dcm_transfer_syntax const *to = dcm_transfer_syntax_find(slice_str(syntax));
    if (from.has_image && to->encapsulated && strcmp(from.file.syntax->uid, syntax) != 0) {
        must(transcode(buf_slice(&out), DCM_EXPLICIT_LE_UID, &back, &done) == E_OK);
    }
    return 0;
}
