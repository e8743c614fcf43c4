// SPDX-License-Identifier: Apache-2.0
#include "pixel/codec.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/uid.h"
#include "pixel/codec_deflated.h"
#include "pixel/codec_j2k.h"
#include "pixel/codec_jpeg.h"
#include "pixel/codec_jpegls.h"
#include "pixel/codec_native.h"
#include "pixel/codec_rle.h"

// Every codec of the house; no syntax is in two.
static const struct px_codec *const codecs[] = {
    &px_codec_native, &px_codec_rle, &px_codec_jpeg,
    &px_codec_jpegls, &px_codec_j2k, &px_codec_deflated,
};

const struct px_codec *px_codec_find(const char *syntax_uid) {
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        for (const char *const *uid = codecs[i]->syntaxes; *uid != NULL; uid++) {
            if (strcmp(*uid, syntax_uid) == 0) {
                return codecs[i];
            }
        }
    }
    return NULL;
}

static void say(char *reason, const char *syntax, const char *why) {
    if (reason != NULL) {
        (void)snprintf(reason, PX_REASON_MAX, "%s %s", syntax, why);
    }
}

bool px_can_decode(const struct px_image *im, char ret_reason[PX_REASON_MAX]) {
    const struct px_codec *codec = px_codec_find(im->syntax->uid);
    if (codec == NULL) {
        say(ret_reason, im->syntax->name, "is not decoded by this server");
        return false;
    }
    const char *why = codec->refuse == NULL ? NULL : codec->refuse(im);
    if (why != NULL) {
        say(ret_reason, im->syntax->name, why);
    }
    return why == NULL;
}

int px_decode_describe(const struct px_image *im, struct px_frame *ret_frame, struct err *e) {
    char reason[PX_REASON_MAX];
    if (!px_can_decode(im, reason)) {
        return err_set(e, E_NOT_ACCEPTABLE, "%s", reason);
    }
    struct px_frame frame = {0};
    const struct px_codec *codec = px_codec_find(im->syntax->uid);
    if (codec->describe == NULL) {
        px_frame_describe(&frame, im);
    } else {
        codec->describe(im, &frame);
    }
    *ret_frame = frame;
    return E_OK;
}

// A codec counts bytes from the start of the frame, who reads the error from that of the file. In a
// frame of several fragments the place is given in words.
static void place(const struct px_range *range, struct err *e) {
    if (e->has_offset && range->fragments > 1) {
        err_context(e, "byte %llu of %u fragments", (unsigned long long)e->offset,
                    range->fragments);
        e->has_offset = false;
    } else if (e->has_offset) {
        e->offset += range->offset;
    }
}

int px_decode(const struct px_image *im, const struct px_frames *frames, struct slice file,
              uint32_t number, struct px_frame *frame, struct err *e) {
    frame->len = 0;
    char reason[PX_REASON_MAX];
    if (!px_can_decode(im, reason)) {
        return err_set(e, E_NOT_ACCEPTABLE, "%s", reason);
    }
    CLEANUP(cleanup_buf) struct buf joined;
    buf_init(&joined, PX_FRAME_BYTES_MAX);
    struct slice bytes;
    int code = px_frames_bytes(frames, file, number, &joined, &bytes, e);
    if (code != E_OK) {
        return code;
    }
    const struct px_codec *codec = px_codec_find(im->syntax->uid);
    code = codec->decode(im, bytes, px_frames_bit_offset(frames, number), frame, e);
    if (code != E_OK) {
        frame->len = 0;
        place(&frames->ranges[number], e);
        err_context(e, "frame %u", number + 1);
    }
    return code;
}
