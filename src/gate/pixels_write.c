// SPDX-License-Identifier: Apache-2.0
// Which way the pixels go is decided before anything is written (struct plan), because the data set
// in front of them says how they are coded.
//
//   plain     no pixels, or native ones that nothing happens to: the elements as they were read
//   native    uncompressed: through pixels_native.c
//   streams   coded frames: copied without what no decoder needs; an edited frame is edited in its
//             coefficients or decoded, edited and coded by an encoder that the syntax allows
//   anew      all frames decoded and coded in another way, because the syntax has no encoder here
//   or
//             an edited frame would contradict what the data set says of all
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/deflate.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "gate/container.h"
#include "gate/pixels.h"
#include "gate/pixels_fragments.h"
#include "gate/pixels_jpeg_edit.h"
#include "gate/pixels_loss.h"
#include "gate/pixels_native.h"
#include "pixel/codec.h"
#include "pixel/codec_j2k.h"
#include "pixel/codec_jpegls.h"
#include "pixel/codestream.h"
#include "pixel/encoder.h"
#include "pixel/j2k_header.h"
#include "pixel/jpeg_stream.h"
#include "pixel/transcode_item.h"
#include "pixel/transcode_pixels.h"

#define J2K_ANY_UID "1.2.840.10008.1.2.4.91"
#define NATIVE_MAX 0xFFFFFFFEull
#define CODED_MAX ((size_t)PX_FRAME_BYTES_MAX + PX_FRAME_BYTES_MAX / 4)

enum way { WAY_PLAIN, WAY_NATIVE, WAY_STREAMS, WAY_ANEW };

struct plan {
    enum way way;
    const struct dcm_transfer_syntax *to;
    const char *coder;     // streams: syntax of the encoder of edited frames; NULL: coefficients
    struct px_frame coded; // what it makes of them: the same for every frame
};

struct job {
    struct gate_context *c;
    struct dcm_dataset *d;
    const struct dcm_file *file;
    const struct px_image *im;
    const struct px_frames *frames;
    struct slice bytes; // what offsets of frames count in
    const struct px_transcode_out *out;
    struct gate_edit_set set;
    struct plan plan;
    struct dcm_sink sink; // of the file
    uint64_t written;     // to it
    uint32_t frames_edited;
    struct buf joined; // a frame of several fragments
    struct buf stream; // a coded frame on its way
    struct px_frame frame;
    bool hidden; // bits were cleared in coded frames
};

static void job_done(struct job *j) {
    buf_done(&j->joined);
    buf_done(&j->stream);
    px_frame_done(&j->frame);
}

static int put_counted(void *context, struct slice bytes, struct err *e) {
    struct job *j = context;
    int code = j->sink.put(j->sink.context, bytes, e);
    j->written += code == E_OK ? bytes.len : 0;
    return code;
}

static const struct dcm_transfer_syntax *syntax_of(const char *uid) {
    return dcm_transfer_syntax_find(slice_str(uid));
}

// --- coded frames ---

static int stream_of(struct job *j, uint32_t number, struct slice *ret_stream, struct err *e) {
    buf_clear(&j->joined);
    return px_frames_bytes(j->frames, j->bytes, number, &j->joined, ret_stream, e);
}

static int decode(struct job *j, uint32_t number, struct err *e) {
    return px_decode(j->im, j->frames, j->bytes, number, &j->frame, e);
}

// Bits of a sample in the coded stream.
static unsigned precision_of(const struct px_image *im, struct slice stream) {
    struct px_jpeg_stream s;
    struct px_j2k_header h;
    struct err ignored = {0};
    switch (px_stream_of(im->syntax->uid)) {
    case PX_STREAM_JPEG:
        return px_jpeg_open(&s, stream, &ignored) == E_OK ? s.frame.precision : im->bits_allocated;
    case PX_STREAM_JPEG_2000:
        return px_j2k_header_read(stream, &h, &ignored) == E_OK ? h.components[0].precision
                                                                : im->bits_allocated;
    case PX_STREAM_RLE:
    case PX_STREAM_OTHER:
    default:
        return im->bits_allocated;
    }
}

// The image as its decoded frames are.
static struct px_image as_decoded(const struct px_image *im) {
    struct px_image plain = *im;
    plain.big_endian = false;
    return plain;
}

// Whether the coding keeps bits outside of those stored, and some are set. Leaves the frame
// decoded.
static int hides(struct job *j, uint32_t number, struct slice stream, bool *ret_hides,
                 struct err *e) {
    *ret_hides = false;
    if (j->im->bits_stored >= j->im->bits_allocated ||
        precision_of(j->im, stream) <= j->im->bits_stored || !px_can_decode(j->im, NULL)) {
        return E_OK;
    }
    int code = decode(j, number, e);
    if (code == E_OK) {
        struct px_image plain = as_decoded(j->im);
        *ret_hides = gate_hidden_bits(&plain, slice_of(j->frame.data, j->frame.len));
    }
    return code;
}

// --- the plan ---

// What the syntax lets an edited frame be coded with; NULL: nothing that is here.
static const char *coder_of(const struct px_image *im) {
    const struct px_encoder *encoder = px_encoder_find(im->syntax->uid);
    if (encoder != NULL && !encoder->lossy) {
        return im->syntax->uid;
    }
    // Both of these allow streams that lose nothing (PS3.5 8.2.3, 8.2.4).
    if (strcmp(im->syntax->uid, J2K_ANY_UID) == 0) {
        return PX_J2K_LOSSLESS_UID;
    }
    return strcmp(im->syntax->uid, PX_JPEGLS_NEAR_UID) == 0 ? PX_JPEGLS_LOSSLESS_UID : NULL;
}

static bool coefficients_do(struct job *j) {
    if (px_stream_of(j->im->syntax->uid) != PX_STREAM_JPEG || j->set.has_masks) {
        return false;
    }
    for (uint32_t i = gate_edits_touched_from(&j->set, 0); i < j->frames->count;
         i = gate_edits_touched_from(&j->set, i + 1)) {
        struct slice stream;
        struct err ignored = {0};
        if (stream_of(j, i, &stream, &ignored) != E_OK || !gate_jpeg_editable(j->im, stream)) {
            return false;
        }
    }
    return true;
}

static bool says_the_same(const struct px_image *im, const struct px_frame *coded) {
    struct px_frame said = {0};
    px_frame_describe(&said, im);
    if (im->samples == 1) {
        said.planar = coded->planar;
    }
    return px_frame_same(&said, coded);
}

static struct px_frame without_data(const struct px_frame *f) {
    struct px_frame only = *f;
    only.own = NULL;
    only.data = NULL;
    only.cap = 0;
    return only;
}

// All frames in `uid`; native where the encoder does not take them.
static int plan_anew(struct job *j, const char *uid, struct err *e) {
    struct plan *p = &j->plan;
    const struct px_frame *f = &j->frame;
    uint64_t total = (uint64_t)f->len * j->im->frames;
    p->way = WAY_ANEW;
    if (uid == NULL || !px_can_encode(uid, f, NULL)) {
        uid = total > NATIVE_MAX && px_can_encode(PX_J2K_LOSSLESS_UID, f, NULL)
                  ? PX_J2K_LOSSLESS_UID
                  : DCM_EXPLICIT_LE_UID;
    }
    p->to = syntax_of(uid);
    p->coded = without_data(f);
    return p->to->encapsulated ? px_encode_describe(uid, f, &p->coded, e) : E_OK;
}

static int plan_coder(struct job *j, uint32_t touched, struct err *e) {
    struct plan *p = &j->plan;
    const char *coder = coder_of(j->im);
    int code = decode(j, touched, e);
    if (code != E_OK) {
        return code;
    }
    if (coder == NULL || !px_can_encode(coder, &j->frame, NULL)) {
        return plan_anew(j, NULL, e);
    }
    code = px_encode_describe(coder, &j->frame, &p->coded, e);
    if (code == E_OK && says_the_same(j->im, &p->coded)) {
        p->way = WAY_STREAMS;
        p->coder = coder;
        return E_OK;
    }
    return code == E_OK ? plan_anew(j, coder, e) : code;
}

// The first frame that must be coded anew: edited, or with hidden bits. count of frames: none.
static int first_recoded(struct job *j, uint32_t *ret_frame, struct err *e) {
    uint32_t touched = gate_edits_touched_from(&j->set, 0);
    *ret_frame = touched < j->frames->count ? touched : j->frames->count;
    if (j->im->bits_stored >= j->im->bits_allocated) {
        return E_OK;
    }
    // An encoder that codes the frame as it is does it when its turn comes.
    if (coder_of(j->im) != NULL && *ret_frame < j->frames->count) {
        return E_OK;
    }
    for (uint32_t i = 0; i < *ret_frame; i++) {
        struct slice stream;
        bool hidden = false;
        int code = stream_of(j, i, &stream, e);
        code = code == E_OK ? hides(j, i, stream, &hidden, e) : code;
        if (code != E_OK) {
            return code;
        }
        *ret_frame = hidden ? i : *ret_frame;
    }
    return E_OK;
}

static int plan_coded(struct job *j, struct err *e) {
    struct plan *p = &j->plan;
    uint32_t recoded = j->frames->count;
    p->way = WAY_STREAMS;
    if (j->frames->source == PX_FRAMES_STREAM) {
        p->way = WAY_PLAIN; // nobody here takes a film apart
        gate_object(j->c, GATE_HELD, GATE_REASON_CLEANING_FAILED);
        return E_OK;
    }
    int code = first_recoded(j, &recoded, e);
    if (code != E_OK || recoded == j->frames->count ||
        (gate_edits_touch(&j->set, recoded) && coefficients_do(j))) {
        return code;
    }
    return plan_coder(j, recoded, e);
}

static int make_plan(struct job *j, const struct dcm_node *pixels, struct err *e) {
    j->plan.to = j->file->syntax;
    if (j->im == NULL || pixels == NULL) {
        return E_OK;
    }
    if (j->im->syntax->encapsulated) {
        return plan_coded(j, e);
    }
    struct gate_native n = {.im = j->im, .frames = j->frames, .set = &j->set, .file = j->bytes};
    bool exact = pixels->value.len == gate_native_length(j->im, j->frames);
    j->plan.way = exact && gate_native_untouched(&n) ? WAY_PLAIN : WAY_NATIVE;
    return E_OK;
}

// --- streams ---

static int copy_stream(struct job *j, uint32_t number, struct slice stream,
                       struct gate_fragments *out, struct err *e) {
    struct err why = {0};
    bool changed = false;
    buf_clear(&j->stream);
    if (gate_frame_clean(j->im, stream, &j->c->notes, number, &j->stream, &changed, &why) == E_OK) {
        return gate_fragments_put(out, buf_slice(&j->stream), e);
    }
    if (why.code == E_MEMORY || why.code == E_LIMIT) {
        *e = why;
        return e->code;
    }
    gate_object(j->c, GATE_HELD, GATE_REASON_CLEANING_FAILED);
    return gate_fragments_put(out, stream, e);
}

static int edit_coefficients(struct job *j, uint32_t number, struct slice stream, struct buf *out,
                             struct err *e) {
    struct gate_rect rects[64];
    struct gate_edit_walk w = gate_edits_of(&j->set, number);
    CLEANUP(cleanup_buf) struct buf edited;
    buf_init(&edited, CODED_MAX);
    int code = E_OK;
    for (const struct gate_edit *d = gate_edit_next(&w); d != NULL && code == E_OK;) {
        uint32_t count = 0;
        for (; d != NULL && count < sizeof rects / sizeof rects[0]; d = gate_edit_next(&w)) {
            rects[count++] = gate_rect_of_edit(d);
        }
        buf_clear(&edited);
        code = gate_jpeg_black(j->im, stream, rects, count, &edited, e);
        if (code == E_OK) {
            buf_clear(out);
            buf_put_slice(out, buf_slice(&edited));
            code = buf_check(out, "an edited frame", e);
            stream = buf_slice(out);
        }
    }
    return code;
}

static void clear_hidden(struct job *j) {
    struct px_image plain = as_decoded(j->im);
    if (gate_hidden_bits(&plain, slice_of(j->frame.data, j->frame.len))) {
        gate_hidden_bits_clear(&plain, j->frame.own, j->frame.len);
        j->hidden = true;
    }
}

// Decodes (unless it is), clears hidden bits, edits.
static int edit_frame(struct job *j, uint32_t number, bool decoded, struct err *e) {
    int code = decoded ? E_OK : decode(j, number, e);
    if (code == E_OK) {
        clear_hidden(j);
        code = gate_edits_touch(&j->set, number)
                   ? gate_frame_edit(j->im, &j->set, number, &j->frame, e)
                   : E_OK;
    }
    return code;
}

static int code_frame(struct job *j, uint32_t number, struct err *e) {
    struct px_frame coded;
    int code = px_encode_describe(j->plan.coder, &j->frame, &coded, e);
    if (code == E_OK && !px_frame_same(&coded, &j->plan.coded)) {
        return err_set(e, E_MISMATCH, "frame %u is coded in another way than the others",
                       number + 1);
    }
    buf_clear(&j->stream);
    return code == E_OK ? px_encode_frame(j->plan.coder, &j->frame, &j->stream, e) : code;
}

static int put_stream(struct job *j, uint32_t number, struct gate_fragments *out, struct err *e) {
    struct slice stream;
    bool hidden = false;
    bool touched = gate_edits_touch(&j->set, number);
    int code = stream_of(j, number, &stream, e);
    if (code == E_OK && touched && j->plan.coder == NULL) {
        code = edit_coefficients(j, number, stream, &j->stream, e);
        j->frames_edited += code == E_OK;
        return code == E_OK ? gate_fragments_put(out, buf_slice(&j->stream), e) : code;
    }
    if (code == E_OK && j->plan.coder != NULL && !touched) {
        code = hides(j, number, stream, &hidden, e);
    }
    if (code != E_OK || (!touched && !hidden)) {
        return code == E_OK ? copy_stream(j, number, stream, out, e) : code;
    }
    code = edit_frame(j, number, hidden, e);
    code = code == E_OK ? code_frame(j, number, e) : code;
    j->frames_edited += touched && code == E_OK;
    return code == E_OK ? gate_fragments_put(out, buf_slice(&j->stream), e) : code;
}

// More than the coded frames can have.
static uint64_t most_bytes(const struct job *j) {
    uint64_t most = 0;
    uint64_t decoded = px_image_decoded_bytes(j->im);
    for (uint32_t i = 0; i < j->frames->count; i++) {
        most += j->frames->ranges[i].length + 16;
    }
    return j->plan.coder != NULL || j->set.all_count + j->set.each_count > 0
               ? most + (decoded + decoded / 4 + 1024) * j->frames->count
               : most;
}

static int write_streams(struct job *j, struct dcm_sink sink, struct err *e) {
    struct gate_fragments f = {
        .sink = sink, .out = j->out, .written = &j->written, .frames = j->frames->count};
    int code = gate_fragments_begin(&f, j->c->arena, most_bytes(j), e);
    for (uint32_t i = 0; code == E_OK && i < j->frames->count; i++) {
        code = put_stream(j, i, &f, e);
    }
    return code == E_OK ? gate_fragments_end(&f, e) : code;
}

// --- anew ---

static int write_anew(struct job *j, struct dcm_sink sink, struct err *e) {
    CLEANUP(cleanup_px_transcode_pixels)
    struct px_transcode_pixels p = {.syntax = j->plan.to,
                                    .sink = sink,
                                    .out = j->out,
                                    .written = &j->written,
                                    .frames = j->im->frames,
                                    .swap = 1};
    struct px_frame first = {0};
    int code = E_OK;
    for (uint32_t i = 0; code == E_OK && i < p.frames; i++) {
        code = edit_frame(j, i, false, e);
        if (code == E_OK && i == 0) {
            first = without_data(&j->frame);
            code = px_transcode_begin(&p, j->c->arena, &j->frame, e);
        } else if (code == E_OK && !px_frame_same(&first, &j->frame)) {
            code = err_set(e, E_MISMATCH, "frame %u is coded in another way than frame 1", i + 1);
        }
        code = code == E_OK ? px_transcode_put(&p, &j->frame, e) : code;
        j->frames_edited += code == E_OK && gate_edits_touch(&j->set, i);
    }
    return code == E_OK ? px_transcode_end(&p, e) : code;
}

// --- the file ---

static int put_native_head(const struct job *j, const struct dcm_node *pixels, struct dcm_sink sink,
                           struct err *e) {
    uint8_t bytes[12] = {0};
    const struct dcm_transfer_syntax *to = j->plan.to;
    void (*put16)(uint8_t *, uint16_t) = to->big_endian ? num_put_be16 : num_put_le16;
    void (*put32)(uint8_t *, uint32_t) = to->big_endian ? num_put_be32 : num_put_le32;
    uint32_t length = (uint32_t)gate_native_length(j->im, j->frames);
    enum dcm_vr vr = pixels->vr;
    if (vr == DCM_VR_UN) {
        vr = j->im->bits_allocated > 8 ? DCM_VR_OW : DCM_VR_OB;
    }
    put16(bytes, dcm_tag_group(pixels->tag));
    put16(bytes + 2, dcm_tag_element(pixels->tag));
    if (to->implicit) {
        put32(bytes + 4, length);
        return sink.put(sink.context, slice_of(bytes, 8), e);
    }
    memcpy(bytes + 4, dcm_vr_info(vr)->name, 2);
    put32(bytes + 8, length);
    return sink.put(sink.context, slice_of(bytes, sizeof bytes), e);
}

static int write_native(struct job *j, const struct dcm_node *pixels, struct dcm_sink sink,
                        struct err *e) {
    struct gate_native n = {
        .im = j->im, .frames = j->frames, .set = &j->set, .file = j->bytes, .notes = &j->c->notes};
    if (pixels->value.len > gate_native_length(j->im, j->frames)) {
        gate_notes_add(&j->c->notes, GATE_KIND_CONTAINER, GATE_DONE_REMOVED,
                       "behind the last frame");
    }
    int code = put_native_head(j, pixels, sink, e);
    code = code == E_OK ? gate_native_write(&n, sink, e) : code;
    j->frames_edited = n.frames_edited;
    return code;
}

// Some nodes of the data set, as if they were all of it.
static int write_nodes(const struct job *j, uint32_t from, uint32_t end, struct dcm_sink sink,
                       struct err *e) {
    struct dcm_dataset part = *j->d;
    part.nodes += from;
    part.count = end - from;
    part.changed = true;
    return dcm_write(&part, dcm_encoding_of(j->plan.to), sink, e);
}

static const struct dcm_node *pixels_of(const struct job *j) {
    static const dcm_tag tags[] = {DCM_PixelData, DCM_FloatPixelData, DCM_DoubleFloatPixelData};
    return j->im == NULL ? NULL : dcm_get(j->d, tags[j->im->kind]);
}

static int write_body(struct job *j, struct dcm_sink sink, struct err *e) {
    if (j->plan.way == WAY_PLAIN) {
        return dcm_write(j->d, dcm_encoding_of(j->plan.to), sink, e);
    }
    const struct dcm_node *pixels = pixels_of(j);
    uint32_t at = (uint32_t)(pixels - j->d->nodes);
    int code = write_nodes(j, 0, at, sink, e);
    if (code == E_OK) {
        code = j->plan.way == WAY_NATIVE    ? write_native(j, pixels, sink, e)
               : j->plan.way == WAY_STREAMS ? write_streams(j, sink, e)
                                            : write_anew(j, sink, e);
    }
    return code == E_OK ? write_nodes(j, at + 1, j->d->count, sink, e) : code;
}

static int write_file(struct job *j, struct err *e) {
    struct dcm_sink sink = {put_counted, j};
    struct dcm_write_options options = {.syntax_uid = j->plan.to->uid};
    int code = dcm_file_write_meta(j->d, &options, sink, e);
    if (code != E_OK || !j->plan.to->deflated) {
        return code == E_OK ? write_body(j, sink, e) : code;
    }
    CLEANUP(cleanup_dcm_deflater) struct dcm_deflater *deflater = dcm_deflater_new(sink);
    code = deflater == NULL ? err_set(e, E_MEMORY, "no memory for deflating")
                            : write_body(j, dcm_deflater_sink(deflater), e);
    return code == E_OK ? dcm_deflater_end(deflater, e) : code;
}

// Tables of the old fragments, and pixels of kinds that this image is not made of.
static void drop_leftovers(struct job *j) {
    static const dcm_tag kinds[] = {DCM_PixelData, DCM_FloatPixelData, DCM_DoubleFloatPixelData};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (j->im != NULL && i != (size_t)j->im->kind && dcm_remove(j->d, kinds[i])) {
            gate_notes_add(&j->c->notes, GATE_KIND_UNKNOWN, GATE_DONE_REMOVED, "(7FE0,%04X)",
                           dcm_tag_element(kinds[i]));
        }
    }
    (void)dcm_remove(j->d, DCM_ExtendedOffsetTable);
    (void)dcm_remove(j->d, DCM_ExtendedOffsetTableLengths);
    (void)dcm_remove(j->d, DCM_EncapsulatedPixelDataValueTotalLength);
}

// What the data set says of its pixels, where their coding changes.
static int describe(struct job *j, struct err *e) {
    struct slice stream;
    if (j->plan.way != WAY_ANEW) {
        return E_OK;
    }
    int code = stream_of(j, 0, &stream, e);
    code = code == E_OK ? gate_loss_keep(j->d, j->im, j->frames, stream, e) : code;
    code = code == E_OK ? px_transcode_describe(j->d, &j->plan.coded, e) : code;
    return code == E_OK ? px_transcode_nested(j->c->arena, j->d, j->file->syntax, j->bytes, e)
                        : code;
}

static uint64_t blacked(const struct job *j) {
    uint64_t pixels = 0;
    for (uint32_t i = 0; i < j->set.all_count; i++) {
        pixels += (uint64_t)j->set.all[i].width * j->set.all[i].height * j->im->frames;
    }
    for (uint32_t i = 0; i < j->set.each_count; i++) {
        pixels += (uint64_t)j->set.each[i].width * j->set.each[i].height;
    }
    return pixels;
}

int gate_pixels_write(struct gate_context *c, struct dcm_dataset *d, const struct dcm_file *file,
                      const struct px_image *im, const struct px_frames *frames,
                      const struct gate_edit *edits, uint32_t edit_count,
                      const struct px_transcode_out *out, struct gate_pixels_out *ret_out,
                      struct err *e) {
    CLEANUP(job_done)
    struct job j = {
        .c = c, .d = d, .file = file, .im = im, .frames = frames, .out = out, .sink = out->sink};
    j.bytes = file->deflated ? file->body
                             : slice_of(file->body.ptr - file->body_offset,
                                        file->body.len + (size_t)file->body_offset);
    buf_init(&j.joined, PX_FRAME_BYTES_MAX);
    buf_init(&j.stream, CODED_MAX);
    int code = im == NULL ? E_OK : gate_edit_set_make(c->arena, im, edits, edit_count, &j.set, e);
    if (code == E_OK) {
        drop_leftovers(&j);
        code = make_plan(&j, pixels_of(&j), e);
    }
    code = code == E_OK ? describe(&j, e) : code;
    code = code == E_OK ? write_file(&j, e) : code;
    if (code != E_OK) {
        return code;
    }
    if (j.hidden) {
        gate_notes_add(&c->notes, GATE_KIND_HIDDEN_BITS, GATE_DONE_REMOVED, "(7FE0,0010)");
    }
    *ret_out = (struct gate_pixels_out){.syntax_uid = j.plan.to->uid,
                                        .frames_edited = j.frames_edited,
                                        .samples_blacked = im == NULL ? 0 : blacked(&j),
                                        .len = j.written};
    return E_OK;
}
