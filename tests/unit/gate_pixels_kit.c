// SPDX-License-Identifier: Apache-2.0
#include "gate_pixels_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "gate/face.h"
#include "pixel/encoder.h"

#define ARENA_LIMIT ((size_t)256 << 20)
#define FILE_MAX ((size_t)512 << 20)

// How masks are packed and what fills them is tested with faces: here a mask is a list of samples
// that become 7.
int gate_mask_fill(struct slice mask, uint32_t columns, uint32_t rows, double slope,
                   double intercept, unsigned bits_stored, bool is_signed, uint16_t *samples,
                   uint64_t seed, struct err *e) {
    (void)slope;
    (void)intercept;
    (void)bits_stored;
    (void)is_signed;
    (void)seed;
    (void)e;
    for (size_t i = 0; i + 4 <= mask.len; i += 4) {
        uint32_t at = num_le32(mask.ptr + i);
        assert_true(at < columns * rows);
        samples[at] = 7;
    }
    return E_OK;
}

void pixkit_begin(struct pixkit *k) {
    memset(k, 0, sizeof *k);
    arena_init(&k->arena, ARENA_LIMIT);
    buf_init(&k->file, FILE_MAX);
    buf_init(&k->written, FILE_MAX);
    k->profile.examine_pixels = true;
    k->c.arena = &k->arena;
    k->c.profile = &k->profile;
    k->c.subject = gate_subject_new(&k->arena);
    gate_notes_init(&k->c.notes, &k->arena);
}

void pixkit_end(struct pixkit *k) {
    buf_done(&k->file);
    buf_done(&k->written);
    arena_done(&k->arena);
}

static void put(struct pixkit *k, dcm_tag tag, enum dcm_vr vr, int64_t value) {
    assert_int_equal(dcm_put_ints(k->d, tag, vr, &value, 1, &k->e), E_OK);
}

static void put_text(struct pixkit *k, dcm_tag tag, enum dcm_vr vr, const char *text) {
    assert_int_equal(dcm_put_str(k->d, tag, vr, text, &k->e), E_OK);
}

void pixkit_describe(struct pixkit *k, const struct pixkit_image *im) {
    const struct dcm_transfer_syntax *s = dcm_transfer_syntax_find(slice_str(im->syntax));
    k->d = dcm_dataset_new(&k->arena, dcm_encoding_of(s));
    put_text(k, DCM_SOPClassUID, DCM_VR_UI,
             im->sop_class == NULL ? "1.2.840.10008.5.1.4.1.1.7" : im->sop_class);
    put_text(k, DCM_SOPInstanceUID, DCM_VR_UI, "1.2.3.4");
    put_text(k, DCM_Modality, DCM_VR_CS, im->modality == NULL ? "OT" : im->modality);
    put(k, DCM_SamplesPerPixel, DCM_VR_US, im->samples);
    put_text(k, DCM_PhotometricInterpretation, DCM_VR_CS, im->photometric);
    if (im->samples > 1) {
        put(k, DCM_PlanarConfiguration, DCM_VR_US, im->planar);
    }
    if (im->frames > 1) {
        put(k, DCM_NumberOfFrames, DCM_VR_IS, im->frames);
    }
    put(k, DCM_Rows, DCM_VR_US, im->rows);
    put(k, DCM_Columns, DCM_VR_US, im->columns);
    put(k, DCM_BitsAllocated, DCM_VR_US, im->allocated);
    put(k, DCM_BitsStored, DCM_VR_US, im->stored);
    put(k, DCM_HighBit, DCM_VR_US, im->stored - 1);
    put(k, DCM_PixelRepresentation, DCM_VR_US, im->is_signed);
    assert_int_equal(
        dcm_put(k->d, DCM_DataSetTrailingPadding, DCM_VR_OB, slice_of("tail", 4), &k->e), E_OK);
}

// --- glyphs: five columns of seven bits, the lowest on top ---

static const struct {
    char letter;
    uint8_t columns[5];
} font[] = {
    {'A', {0x7E, 0x11, 0x11, 0x11, 0x7E}}, {'B', {0x7F, 0x49, 0x49, 0x49, 0x36}},
    {'C', {0x3E, 0x41, 0x41, 0x41, 0x22}}, {'D', {0x7F, 0x41, 0x41, 0x22, 0x1C}},
    {'E', {0x7F, 0x49, 0x49, 0x49, 0x41}}, {'H', {0x7F, 0x08, 0x08, 0x08, 0x7F}},
    {'I', {0x00, 0x41, 0x7F, 0x41, 0x00}}, {'L', {0x7F, 0x40, 0x40, 0x40, 0x40}},
    {'M', {0x7F, 0x02, 0x0C, 0x02, 0x7F}}, {'N', {0x7F, 0x04, 0x08, 0x10, 0x7F}},
    {'O', {0x3E, 0x41, 0x41, 0x41, 0x3E}}, {'R', {0x7F, 0x09, 0x19, 0x29, 0x46}},
    {'S', {0x46, 0x49, 0x49, 0x49, 0x31}}, {'T', {0x01, 0x01, 0x7F, 0x01, 0x01}},
    {'0', {0x3E, 0x51, 0x49, 0x45, 0x3E}}, {'1', {0x00, 0x42, 0x7F, 0x40, 0x00}},
    {'2', {0x42, 0x61, 0x51, 0x49, 0x46}}, {'3', {0x21, 0x41, 0x45, 0x4B, 0x31}},
    {'4', {0x18, 0x14, 0x12, 0x7F, 0x10}}, {'7', {0x01, 0x71, 0x09, 0x05, 0x03}},
};

static void draw_letter(uint8_t *mask, unsigned columns, unsigned rows, unsigned x, unsigned y,
                        unsigned scale, char letter) {
    for (size_t i = 0; i < sizeof font / sizeof font[0]; i++) {
        for (unsigned p = 0; font[i].letter == letter && p < 5 * scale * 7 * scale; p++) {
            unsigned dx = p % (5 * scale);
            unsigned dy = p / (5 * scale);
            bool ink = (font[i].columns[dx / scale] >> dy / scale & 1) != 0;
            if (ink && x + dx < columns && y + dy < rows) {
                mask[(y + dy) * columns + x + dx] = 1;
            }
        }
    }
}

void pixkit_draw(uint8_t *mask, unsigned columns, unsigned rows, const struct pixkit_text *t) {
    for (unsigned i = 0; t->text[i] != '\0'; i++) {
        draw_letter(mask, columns, rows, t->x + i * 6 * t->scale, t->y, t->scale, t->text[i]);
    }
}

// --- samples ---

static uint32_t noise(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 24;
}

static int64_t value_at(const struct pixkit_image *im, unsigned x, unsigned y, unsigned s,
                        uint32_t frame, uint32_t random, bool ink) {
    int64_t most = ((int64_t)1 << (im->stored < 31 ? im->stored : 31)) - 1;
    int64_t value = most / 4 + (int64_t)(x + 2 * y + 40 * s + 7 * frame) * most / 4096;
    value += (int64_t)(random % 3) * (most > 4096 ? most / 4096 : 1);
    if (ink) {
        value = most;
    }
    value = value > most ? most : value;
    return im->is_signed ? value - most / 2 : value;
}

static void put_sample(const struct pixkit_image *im, uint8_t *out, uint64_t index, int64_t value) {
    switch (im->allocated) {
    case 1:
        out[index / 8] = (uint8_t)(out[index / 8] | (unsigned)(value > 0) << index % 8);
        break;
    case 8:
        out[index] = (uint8_t)value;
        break;
    case 16:
        num_put_le16(out + 2 * index, (uint16_t)value);
        break;
    default:
        num_put_le32(out + 4 * index, (uint32_t)value);
        break;
    }
}

static bool is_422(const struct pixkit_image *im) {
    return strcmp(im->photometric, "YBR_FULL_422") == 0 &&
           !dcm_transfer_syntax_find(slice_str(im->syntax))->encapsulated;
}

static uint64_t place_of(const struct pixkit_image *im, unsigned x, unsigned y, unsigned s) {
    uint64_t plane = (uint64_t)im->rows * im->columns;
    uint64_t at = (uint64_t)y * im->columns + x;
    if (is_422(im)) {
        uint64_t pair = (uint64_t)y * im->columns * 2 + x / 2 * 4;
        return s == 0 ? pair + (x & 1) : pair + 1 + s;
    }
    return im->planar ? s * plane + at : at * im->samples + s;
}

static void draw_frame(const struct pixkit_image *im, uint32_t frame, const uint8_t *ink,
                       struct px_frame *f) {
    uint32_t state = 99 + frame;
    memset(f->own, 0, f->len);
    for (unsigned y = 0; y < im->rows; y++) {
        for (unsigned x = 0; x < im->columns; x++) {
            for (unsigned s = 0; s < im->samples; s++) {
                bool lit = ink[y * im->columns + x] != 0;
                int64_t v = im->stored == 1 ? lit || (x / 16 + y / 16) % 5 == 0
                                            : value_at(im, x, y, s, frame, noise(&state), lit);
                put_sample(im, f->own, place_of(im, x, y, s), v);
            }
        }
    }
}

static enum px_photometric photometric_of(const char *term) {
    for (int i = 0; i < PX_PHOTOMETRIC_COUNT; i++) {
        if (strcmp(px_photometric_term((enum px_photometric)i), term) == 0) {
            return (enum px_photometric)i;
        }
    }
    fail_msg("%s", term);
    return PX_MONOCHROME2;
}

static void frame_for(const struct pixkit_image *im, struct px_frame *f) {
    f->rows = im->rows;
    f->columns = im->columns;
    f->samples = im->samples;
    f->bits_allocated = im->allocated;
    f->bits_stored = im->stored;
    f->high_bit = (uint16_t)(im->stored - 1);
    f->is_signed = im->is_signed;
    f->planar = im->planar;
    f->photometric = photometric_of(im->photometric);
    f->kind = PX_PIXEL_INTEGER;
    // What the encoders take as input.
    if (f->photometric == PX_YBR_RCT || f->photometric == PX_YBR_ICT ||
        (f->photometric == PX_YBR_FULL_422 && !is_422(im))) {
        f->photometric = PX_RGB;
    }
    struct err e = {0};
    assert_int_equal(px_frame_reserve(f, px_frame_bytes(f), &e), E_OK);
}

static void swap_words(uint8_t *bytes, size_t len) {
    for (size_t i = 0; i + 1 < len; i += 2) {
        uint8_t low = bytes[i];
        bytes[i] = bytes[i + 1];
        bytes[i + 1] = low;
    }
}

static void put_native(struct pixkit *k, const struct pixkit_image *im, struct buf *all) {
    const struct dcm_transfer_syntax *s = dcm_transfer_syntax_find(slice_str(im->syntax));
    if ((all->len & 1) != 0) {
        buf_put_byte(all, 0);
    }
    if (s->big_endian && im->allocated == 16) {
        swap_words(all->data, all->len);
    }
    struct slice copy = arena_copy(&k->arena, buf_slice(all));
    assert_int_equal(dcm_put_borrowed(k->d, DCM_PixelData,
                                      im->allocated > 8 ? DCM_VR_OW : DCM_VR_OB, copy, &k->e),
                     E_OK);
}

static void put_fragments(struct pixkit *k, const struct pixkit_image *im, struct slice *streams) {
    struct slice *fragments = arena_array(&k->arena, im->frames + 1, sizeof *fragments);
    for (uint32_t i = 0; i < im->frames; i++) {
        fragments[i + 1] = streams[i];
    }
    assert_int_equal(
        dcm_put_fragments(k->d, DCM_PixelData, DCM_VR_OB, fragments, im->frames + 1, &k->e), E_OK);
}

static struct slice coded(struct pixkit *k, const struct pixkit_image *im,
                          const struct px_frame *f) {
    struct buf out;
    buf_init(&out, FILE_MAX);
    assert_int_equal(px_encode_frame(im->syntax, f, &out, &k->e), E_OK);
    if ((out.len & 1) != 0) {
        buf_put_byte(&out, 0);
    }
    struct slice copy = arena_copy(&k->arena, buf_slice(&out));
    buf_done(&out);
    return copy;
}

static void append_bits(struct buf *all, uint64_t *bits, const struct px_frame *f) {
    uint64_t count = (uint64_t)f->rows * f->columns;
    for (uint64_t i = 0; i < count; i++, (*bits)++) {
        if (*bits % 8 == 0) {
            buf_put_byte(all, 0);
        }
        unsigned bit = f->data[i / 8] >> i % 8 & 1u;
        all->data[all->len - 1] = (uint8_t)(all->data[all->len - 1] | bit << *bits % 8);
    }
}

void pixkit_make(struct pixkit *k, const struct pixkit_image *im, const struct pixkit_text *texts,
                 unsigned count) {
    const struct dcm_transfer_syntax *s = dcm_transfer_syntax_find(slice_str(im->syntax));
    struct slice *streams = arena_array(&k->arena, im->frames, sizeof *streams);
    uint8_t *ink = malloc((size_t)im->rows * im->columns);
    struct px_frame f = {0};
    struct buf all;
    uint64_t bits = 0;
    frame_for(im, &f);
    buf_init(&all, FILE_MAX);
    for (uint32_t i = 0; i < im->frames; i++) {
        memset(ink, 0, (size_t)im->rows * im->columns);
        for (unsigned t = 0; t < count; t++) {
            if (texts[t].frame == i || texts[t].frame == GATE_ALL_FRAMES) {
                pixkit_draw(ink, im->columns, im->rows, &texts[t]);
            }
        }
        draw_frame(im, i, ink, &f);
        if (s->encapsulated) {
            streams[i] = coded(k, im, &f);
        } else if (im->allocated == 1) {
            append_bits(&all, &bits, &f);
        } else {
            buf_put(&all, f.data, f.len);
        }
    }
    if (s->encapsulated) {
        put_fragments(k, im, streams);
    } else {
        put_native(k, im, &all);
    }
    buf_done(&all);
    px_frame_done(&f);
    free(ink);
    struct dcm_write_options options = {.syntax_uid = im->syntax};
    buf_clear(&k->file);
    assert_int_equal(dcm_file_write(k->d, &options, dcm_sink_buf(&k->file), &k->e), E_OK);
    pixkit_open(k);
}

void pixkit_open(struct pixkit *k) {
    assert_int_equal(dcm_file_open(&k->arena, buf_slice(&k->file), &k->opened, &k->e), E_OK);
    assert_int_equal(dcm_file_dataset(&k->arena, &k->opened, 0, &k->read, &k->e), E_OK);
    int code = px_image_read(&k->arena, k->read, k->opened.syntax, &k->image, &k->e);
    code = code == E_OK ? px_frames_build(&k->arena, &k->image, k->read, &k->frames, &k->e) : code;
    if (code != E_OK) {
        fail_msg("%s", k->e.text);
    }
}

static int patch(void *context, uint64_t offset, struct slice bytes, struct err *e) {
    struct buf *out = context;
    (void)e;
    assert_true(offset + bytes.len <= out->len);
    memcpy(out->data + offset, bytes.ptr, bytes.len);
    return E_OK;
}

int pixkit_write(struct pixkit *k, const struct gate_edit *edits, uint32_t count) {
    buf_clear(&k->written);
    struct px_transcode_out out = {
        .sink = dcm_sink_buf(&k->written), .patch = patch, .context = &k->written};
    int code = gate_pixels_write(&k->c, k->read, &k->opened, &k->image, &k->frames, edits, count,
                                 &out, &k->done, &k->e);
    if (code == E_OK) {
        assert_int_equal(k->done.len, k->written.len);
    }
    return code;
}

void pixkit_reopen(struct pixkit *k, struct px_image *ret_image, struct px_frames *ret_frames,
                   struct dcm_dataset **ret_dataset) {
    struct dcm_file file;
    assert_int_equal(dcm_file_open(&k->arena, buf_slice(&k->written), &file, &k->e), E_OK);
    assert_int_equal(dcm_file_dataset(&k->arena, &file, 0, ret_dataset, &k->e), E_OK);
    assert_int_equal(px_image_read(&k->arena, *ret_dataset, file.syntax, ret_image, &k->e), E_OK);
    assert_int_equal(px_frames_build(&k->arena, ret_image, *ret_dataset, ret_frames, &k->e), E_OK);
    struct slice text;
    assert_true(dcm_text(*ret_dataset, DCM_SOPInstanceUID, 0, &text));
    assert_true(slice_eq_str(text, "1.2.3.4"));
    assert_int_equal(dcm_get(*ret_dataset, DCM_DataSetTrailingPadding)->value.len, 4);
}
