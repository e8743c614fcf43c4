// SPDX-License-Identifier: Apache-2.0
#include "pixel/transcode.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/deflate.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "pixel/codec.h"
#include "pixel/encoder.h"
#include "pixel/frames.h"
#include "pixel/image.h"
#include "pixel/transcode_item.h"
#include "pixel/transcode_pixels.h"

static const struct dcm_transfer_syntax *syntax_of(const char *uid) {
    return dcm_transfer_syntax_find(slice_str(uid));
}

static bool can_write(const struct dcm_transfer_syntax *to) {
    const struct px_encoder *encoder = to->encapsulated ? px_encoder_find(to->uid) : NULL;
    return !to->encapsulated || (encoder != NULL && !encoder->lossy);
}

bool px_transcode_known(const char *from_uid, const char *to_uid) {
    const struct dcm_transfer_syntax *from = syntax_of(from_uid);
    const struct dcm_transfer_syntax *to = syntax_of(to_uid);
    if (strcmp(from_uid, to_uid) == 0) {
        return true;
    }
    return from != NULL && to != NULL && can_write(to) &&
           (!from->encapsulated || px_codec_find(from_uid) != NULL);
}

// The bytes of the file are counted on their way.
struct counter {
    struct dcm_sink sink;
    uint64_t written;
};

static int put_counted(void *context, struct slice bytes, struct err *e) {
    struct counter *c = context;
    int code = c->sink.put(c->sink.context, bytes, e);
    c->written += code == E_OK ? bytes.len : 0;
    return code;
}

struct job {
    struct arena *arena;
    struct dcm_file *file;
    struct slice bytes; // what offsets of the tree count in
    const struct dcm_transfer_syntax *to;
    const struct px_transcode_out *out;
    struct counter counter;
    struct dcm_dataset *d;
    const struct dcm_node *pixels; // of the data set as read; NULL: none
};

static const struct dcm_node *find_pixels(const struct dcm_dataset *d) {
    static const dcm_tag tags[] = {DCM_PixelData, DCM_FloatPixelData, DCM_DoubleFloatPixelData};
    const struct dcm_node *n = NULL;
    for (size_t i = 0; n == NULL && i < sizeof tags / sizeof tags[0]; i++) {
        n = dcm_get(d, tags[i]);
    }
    return n;
}

// Native pixels of words and bytes change with the data set's encoding alone. Cells of four bytes
// are more than the words that OW turns round (PS3.5 8.1.1), fragments are coded.
static bool pixels_change(const struct job *j) {
    int64_t bits = 0;
    if (j->pixels == NULL) {
        return false;
    }
    if (j->pixels->fragment_count > 0 || j->to->encapsulated) {
        return true;
    }
    bool turned = (j->pixels->encoding == DCM_EXPLICIT_BE) != j->to->big_endian;
    return turned && j->pixels->tag == DCM_PixelData &&
           dcm_int(j->d, DCM_BitsAllocated, 0, &bits) && bits > 16;
}

// What was coded with loss says so from here on, also where the writer forgot (PS3.3 C.7.6.1.1.5).
// Only for syntaxes that always lose: what others did is written in their streams.
static int keep_loss(struct job *j, struct err *e) {
    static const char *const always[] = {DCM_JPEG_BASELINE_UID, "1.2.840.10008.1.2.4.51"};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
        if (strcmp(j->file->syntax->uid, always[i]) == 0 && j->pixels->fragment_count > 0) {
            struct slice said;
            bool there = dcm_text(j->d, DCM_LossyImageCompression, 0, &said);
            return there && slice_eq_str(said, "01")
                       ? E_OK
                       : dcm_put_str(j->d, DCM_LossyImageCompression, DCM_VR_CS, "01", e);
        }
    }
    return E_OK;
}

// --- writing ---

// Some nodes of the data set, as if they were all of it.
static int write_nodes(const struct job *j, uint32_t from, uint32_t end, struct dcm_sink sink,
                       struct err *e) {
    struct dcm_dataset part = *j->d;
    part.nodes += from;
    part.count = end - from;
    part.changed = true;
    return dcm_write(&part, dcm_encoding_of(j->to), sink, e);
}

struct coder {
    struct px_image image;
    struct px_frames frames;
    struct px_frame frame;
    struct px_frame first; // description of frame 1 as decoded
};

static void cleanup_coder(struct coder *c) { px_frame_done(&c->frame); }

static int next_frame(const struct job *j, struct coder *c, uint32_t number, struct err *e) {
    int code = px_decode(&c->image, &c->frames, j->bytes, number, &c->frame, e);
    if (code == E_OK && number > 0 && !px_frame_same(&c->frame, &c->first)) {
        code = err_set(e, E_MISMATCH, "frame %u is coded in another way than frame 1", number + 1);
    }
    return code;
}

static int open_pixels(struct job *j, struct coder *c, struct err *e) {
    int code = px_image_read(j->arena, j->d, j->file->syntax, &c->image, e);
    code = code == E_OK ? px_frames_build(j->arena, &c->image, j->d, &c->frames, e) : code;
    if (code == E_OK && c->frames.source == PX_FRAMES_STREAM) {
        code = err_set(e, E_NOT_ACCEPTABLE, "%s is served as stored only", j->file->syntax->name);
    }
    if (code == E_UNSUPPORTED) {
        code = e->code = E_NOT_ACCEPTABLE;
    }
    c->frame.may_borrow = true;
    code = code == E_OK ? next_frame(j, c, 0, e) : code;
    if (code == E_OK) {
        c->first = c->frame;
        c->first.own = NULL; // only a description
        c->first.data = NULL;
    }
    return code;
}

// What the data set shall say: of native pixels what they are, of coded ones what the encoder makes
// of them.
static int describe(struct job *j, const struct coder *c, struct err *e) {
    struct px_frame coded = c->first;
    int code = j->to->encapsulated ? px_encode_describe(j->to->uid, &c->first, &coded, e) : E_OK;
    if (code == E_OK && j->to->encapsulated && coded.kind != PX_PIXEL_INTEGER) {
        code = err_set(e, E_NOT_ACCEPTABLE, "float pixel data are never coded (PS3.5 A.4)");
    }
    code = code == E_OK ? keep_loss(j, e) : code;
    return code == E_OK ? px_transcode_describe(j->d, &coded, e) : code;
}

static int write_pixels(const struct job *j, struct coder *c, struct dcm_sink sink, struct err *e) {
    CLEANUP(cleanup_px_transcode_pixels)
    struct px_transcode_pixels p = {.syntax = j->to,
                                    .sink = sink,
                                    .out = j->out,
                                    .written = &j->counter.written,
                                    .frames = c->image.frames,
                                    .swap = 1};
    int code = px_transcode_begin(&p, j->arena, &c->frame, e);
    for (uint32_t i = 0; code == E_OK && i < p.frames; i++) {
        code = i == 0 ? E_OK : next_frame(j, c, i, e);
        code = code == E_OK ? px_transcode_put(&p, &c->frame, e) : code;
    }
    return code == E_OK ? px_transcode_end(&p, e) : code;
}

static int write_coded(struct job *j, struct coder *c, struct dcm_sink sink, struct err *e) {
    uint32_t at = (uint32_t)(find_pixels(j->d) - j->d->nodes);
    int code = write_nodes(j, 0, at, sink, e);
    code = code == E_OK ? write_pixels(j, c, sink, e) : code;
    return code == E_OK ? write_nodes(j, at + 1, j->d->count, sink, e) : code;
}

static int write_body(struct job *j, struct coder *c, bool coded, struct dcm_sink sink,
                      struct err *e) {
    return coded ? write_coded(j, c, sink, e) : dcm_write(j->d, dcm_encoding_of(j->to), sink, e);
}

static int write_file(struct job *j, struct coder *c, bool coded, struct px_transcoded *ret_done,
                      struct err *e) {
    struct dcm_sink sink = {put_counted, &j->counter};
    struct dcm_write_options options = {.syntax_uid = j->to->uid};
    int code = dcm_file_write_meta(j->d, &options, sink, e);
    uint64_t body = j->counter.written;
    if (code == E_OK && j->to->deflated) {
        CLEANUP(cleanup_dcm_deflater) struct dcm_deflater *deflater = dcm_deflater_new(sink);
        code = deflater == NULL ? err_set(e, E_MEMORY, "no memory for deflating")
                                : write_body(j, c, coded, dcm_deflater_sink(deflater), e);
        code = code == E_OK ? dcm_deflater_end(deflater, e) : code;
    } else if (code == E_OK) {
        code = write_body(j, c, coded, sink, e);
    }
    if (code == E_OK) {
        *ret_done = (struct px_transcoded){j->counter.written, body};
    }
    return code;
}

static int check_known(const struct dcm_file *file, const char *uid, struct err *e) {
    const struct dcm_transfer_syntax *to = syntax_of(uid);
    if (to == NULL || !can_write(to)) {
        return err_set(e, E_NOT_ACCEPTABLE, "%s is not written by this server",
                       to == NULL ? uid : to->name);
    }
    return px_transcode_known(file->syntax->uid, uid)
               ? E_OK
               : err_set(e, E_NOT_ACCEPTABLE, "%s is not decoded by this server",
                         file->syntax->name);
}

int px_transcode(struct arena *a, struct dcm_file *file, struct slice bytes, const char *syntax_uid,
                 const struct px_transcode_out *out, struct px_transcoded *ret_done,
                 struct err *e) {
    CLEANUP(cleanup_coder) struct coder c = {0};
    struct job j = {.arena = a,
                    .file = file,
                    .bytes = file->deflated ? file->body : bytes,
                    .to = syntax_of(syntax_uid),
                    .out = out,
                    .counter = {.sink = out->sink}};
    int code = check_known(file, syntax_uid, e);
    code = code == E_OK ? dcm_file_dataset(a, file, 0, &j.d, e) : code;
    bool other = code == E_OK && strcmp(file->syntax->uid, syntax_uid) != 0;
    code = other ? px_transcode_nested(a, j.d, file->syntax, j.bytes, e) : code;
    if (code != E_OK) {
        return code;
    }
    j.pixels = find_pixels(j.d);
    bool coded = other && pixels_change(&j);
    if (coded) {
        code = open_pixels(&j, &c, e);
        code = code == E_OK ? describe(&j, &c, e) : code;
    }
    return code == E_OK ? write_file(&j, &c, coded, ret_done, e) : code;
}
