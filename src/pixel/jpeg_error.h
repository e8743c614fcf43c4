// SPDX-License-Identifier: Apache-2.0
// libjpeg's way of failing (a call that must not return) turned into ours, for the reader and the
// writer, and for who edits coefficients (gate/).
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>

#include <jpeglib.h>

struct px_jpeg_error {
    struct jpeg_error_mgr manager; // first: libjpeg hands out its address
    jmp_buf back;
    bool ended;                 // the input was used up before an end marker came
    bool too_many_scans;        // the reader's own limit
    int damage;                 // warning code that means lost picture data, 0: none
    char text[JMSG_LENGTH_MAX]; // of the fatal error or the damage
};

// Use: cinfo.err = px_jpeg_error_init(&error); if (setjmp(error.back) != 0) { … }
struct jpeg_error_mgr *px_jpeg_error_init(struct px_jpeg_error *error);
