// SPDX-License-Identifier: Apache-2.0
#include "pixel/encoder.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/uid.h"
#include "pixel/encoder_deflated.h"
#include "pixel/encoder_j2k.h"
#include "pixel/encoder_jpeg.h"
#include "pixel/encoder_jpegls.h"
#include "pixel/encoder_native.h"
#include "pixel/encoder_rle.h"
#include "pixel/planes.h"

static const struct px_encoder *const encoders[] = {
    &px_encoder_native, &px_encoder_rle,      &px_encoder_jpegls,
    &px_encoder_j2k,    &px_encoder_deflated, &px_encoder_jpeg,
};

const struct px_encoder *px_encoder_find(const char *syntax_uid) {
    for (size_t i = 0; i < sizeof encoders / sizeof encoders[0]; i++) {
        for (const char *const *uid = encoders[i]->syntaxes; *uid != NULL; uid++) {
            if (strcmp(*uid, syntax_uid) == 0) {
                return encoders[i];
            }
        }
    }
    return NULL;
}

static void say(char *reason, const char *syntax_uid, const char *why) {
    if (reason != NULL) {
        const struct dcm_transfer_syntax *s = dcm_transfer_syntax_find(slice_str(syntax_uid));
        (void)snprintf(reason, PX_REASON_MAX, "%s %s", s == NULL ? syntax_uid : s->name, why);
    }
}

// Shared chroma exists in uncompressed pixels only; elsewhere it is given to every pixel first.
static bool spreads_chroma(const struct px_encoder *encoder, const struct px_frame *f) {
    return px_frame_is_422(f) && encoder != &px_encoder_native;
}

// Without data: what an encoder gets to see.
static struct px_frame as_coded(const struct px_encoder *encoder, const struct px_frame *f) {
    struct px_frame seen = *f;
    seen.data = NULL;
    seen.len = 0;
    seen.own = NULL;
    seen.cap = 0;
    seen.may_borrow = false;
    if (spreads_chroma(encoder, f)) {
        seen.photometric = PX_YBR_FULL;
        seen.planar = false;
    }
    return seen;
}

static const char *refusal(const struct px_encoder *encoder, const struct px_frame *f) {
    if (spreads_chroma(encoder, f) &&
        (f->photometric != PX_YBR_FULL_422 || f->bits_allocated != 8)) {
        return "has no form of YBR_PARTIAL_422 or of deep samples with shared chroma";
    }
    struct px_frame seen = as_coded(encoder, f);
    return encoder->refuse == NULL ? NULL : encoder->refuse(&seen);
}

bool px_can_encode(const char *syntax_uid, const struct px_frame *f,
                   char ret_reason[PX_REASON_MAX]) {
    const struct px_encoder *encoder = px_encoder_find(syntax_uid);
    if (encoder == NULL) {
        say(ret_reason, syntax_uid, "is not written by this server");
        return false;
    }
    const char *why = refusal(encoder, f);
    if (why != NULL) {
        say(ret_reason, syntax_uid, why);
    }
    return why == NULL;
}

int px_encode_describe(const char *syntax_uid, const struct px_frame *f, struct px_frame *ret_coded,
                       struct err *e) {
    char reason[PX_REASON_MAX];
    if (!px_can_encode(syntax_uid, f, reason)) {
        return err_set(e, E_NOT_ACCEPTABLE, "%s", reason);
    }
    const struct px_encoder *encoder = px_encoder_find(syntax_uid);
    struct px_frame coded = as_coded(encoder, f);
    if (encoder->describe != NULL) {
        encoder->describe(&coded);
    }
    *ret_coded = coded;
    return E_OK;
}

static int encode(const struct px_encoder *encoder, const struct px_frame *f, struct buf *out,
                  struct err *e) {
    if (!spreads_chroma(encoder, f)) {
        return encoder->encode(f, out, e);
    }
    CLEANUP(cleanup_px_frame) struct px_frame full = as_coded(encoder, f);
    int code = px_frame_reserve(&full, px_frame_bytes(&full), e);
    if (code != E_OK) {
        return code;
    }
    px_planes_full_chroma(f, full.own);
    return encoder->encode(&full, out, e);
}

int px_encode_frame(const char *syntax_uid, const struct px_frame *f, struct buf *out,
                    struct err *e) {
    char reason[PX_REASON_MAX];
    if (!px_can_encode(syntax_uid, f, reason)) {
        return err_set(e, E_NOT_ACCEPTABLE, "%s", reason);
    }
    uint64_t needed = px_frame_bytes(f);
    if (f->len < needed) {
        return err_set(e, E_ARGUMENT, "a frame of %zu bytes where its description needs %llu",
                       f->len, (unsigned long long)needed);
    }
    size_t before = out->len;
    int code = encode(px_encoder_find(syntax_uid), f, out, e);
    if (code == E_OK) {
        code = buf_check(out, "a coded frame", e);
    }
    if (code != E_OK) {
        out->len = before;
    }
    return code;
}
