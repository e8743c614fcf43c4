// SPDX-License-Identifier: Apache-2.0
#include "pixel/jpeg_error.h"

#include <jerror.h>

static void fail(j_common_ptr cinfo) {
    struct px_jpeg_error *error = (struct px_jpeg_error *)cinfo->err;
    error->manager.format_message(cinfo, error->text);
    longjmp(error->back, 1);
}

// Warnings after which libjpeg goes on with made-up samples.
static bool is_damage(int code) {
    return code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC ||
           code == JWRN_NOT_SEQUENTIAL || code == JWRN_ARITH_BAD_CODE;
}

static void warn(j_common_ptr cinfo, int level) {
    struct px_jpeg_error *error = (struct px_jpeg_error *)cinfo->err;
    error->ended |= level < 0 && error->manager.msg_code == JWRN_JPEG_EOF;
    if (level < 0 && error->damage == 0 && is_damage(error->manager.msg_code)) {
        error->damage = error->manager.msg_code;
        error->manager.format_message(cinfo, error->text);
    }
}

static void say_nothing(j_common_ptr cinfo) { (void)cinfo; }

struct jpeg_error_mgr *px_jpeg_error_init(struct px_jpeg_error *error) {
    struct jpeg_error_mgr *manager = jpeg_std_error(&error->manager);
    manager->error_exit = fail;
    manager->emit_message = warn;
    manager->output_message = say_nothing;
    error->damage = 0;
    error->ended = false;
    error->too_many_scans = false;
    error->text[0] = '\0';
    return manager;
}
