// SPDX-License-Identifier: Apache-2.0
// Blacks boxes in one file as the gate does, for gate_pixels.py to look at with other programs.
// usage: gate_pixels_probe IN OUT [FRAME,X,Y,WIDTH,HEIGHT]…   (FRAME from 0, or "all")
// Prints "K <transfer syntax> <frames edited>" and, as the gate verifies it, "V <reasons…>", or
// "E <error line>".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "gate/pixels.h"

#define ARENA_BYTES ((size_t)1 << 30)
#define FILE_BYTES ((size_t)1 << 30)
#define EDITS_MAX 16

static int patch(void *context, uint64_t offset, struct slice bytes, struct err *e) {
    struct buf *out = context;
    (void)e;
    memcpy(out->data + offset, bytes.ptr, bytes.len);
    return E_OK;
}

static bool read_file(const char *path, struct buf *out) {
    CLEANUP(cleanup_file) FILE *f = fopen(path, "rbe");
    uint8_t piece[65536];
    size_t len;
    while (f != NULL && (len = fread(piece, 1, sizeof piece, f)) > 0) {
        buf_put(out, piece, len);
    }
    return f != NULL && !out->failed;
}

static bool write_file(const char *path, const struct buf *bytes) {
    CLEANUP(cleanup_file) FILE *f = fopen(path, "wbe");
    return f != NULL && fwrite(bytes->data, 1, bytes->len, f) == bytes->len;
}

static bool parse(const char *text, struct gate_edit *ret_edit) {
    unsigned v[5] = {0};
    bool all = strncmp(text, "all,", 4) == 0;
    int got = all ? sscanf(text + 4, "%u,%u,%u,%u", &v[1], &v[2], &v[3], &v[4]) + 1
                  : sscanf(text, "%u,%u,%u,%u,%u", &v[0], &v[1], &v[2], &v[3], &v[4]);
    *ret_edit = (struct gate_edit){.kind = GATE_EDIT_BLACK,
                                   .frame = all ? GATE_ALL_FRAMES : v[0],
                                   .x = (uint16_t)v[1],
                                   .y = (uint16_t)v[2],
                                   .width = (uint16_t)v[3],
                                   .height = (uint16_t)v[4]};
    return got == 5;
}

static int clean(struct gate_context *c, struct slice in, const struct gate_edit *edits,
                 uint32_t count, struct buf *result, struct err *e) {
    struct dcm_file file;
    struct dcm_dataset *d;
    struct px_image im;
    struct px_frames frames;
    struct gate_pixels_out done;
    struct px_transcode_out out = {.sink = dcm_sink_buf(result), .patch = patch, .context = result};
    int code = dcm_file_open(c->arena, in, &file, e);
    code = code == E_OK ? dcm_file_dataset(c->arena, &file, 0, &d, e) : code;
    code = code == E_OK ? px_image_read(c->arena, d, file.syntax, &im, e) : code;
    code = code == E_OK ? px_frames_build(c->arena, &im, d, &frames, e) : code;
    code = code == E_OK ? gate_pixels_write(c, d, &file, &im, &frames, edits, count, &out, &done, e)
                        : code;
    if (code != E_OK) {
        return code;
    }
    printf("K %s %u\n", done.syntax_uid, done.frames_edited);
    struct gate_look first = {
        .image = &im, .frames = &frames, .file = file.deflated ? file.body : in};
    struct gate_look again = {.first = &first};
    code = gate_pixels_verify(c, buf_slice(result), edits, count, &again, e);
    gate_boxes_done(&again.boxes);
    printf("V");
    for (uint32_t i = 0; i < c->reason_count; i++) {
        printf(" %s", gate_reason_code(c->reasons[i]));
    }
    printf("\n");
    return code;
}

int main(int argc, char **argv) {
    CLEANUP(cleanup_buf) struct buf in;
    CLEANUP(cleanup_buf) struct buf out;
    CLEANUP(arena_done) struct arena a;
    struct gate_edit edits[EDITS_MAX];
    uint32_t count = 0;
    buf_init(&in, FILE_BYTES);
    buf_init(&out, FILE_BYTES);
    arena_init(&a, ARENA_BYTES);
    if (argc < 3 || !read_file(argv[1], &in)) {
        return 2;
    }
    for (int i = 3; i < argc && count < EDITS_MAX; i++) {
        if (!parse(argv[i], &edits[count++])) {
            return 2;
        }
    }
    struct gate_profile profile = {.examine_pixels = true};
    struct gate_context c = {.arena = &a, .profile = &profile, .subject = gate_subject_new(&a)};
    struct err e = {0};
    char line[1024];
    gate_notes_init(&c.notes, &a);
    if (clean(&c, buf_slice(&in), edits, count, &out, &e) != E_OK) {
        printf("E %s\n", err_line(&e, line, sizeof line));
        return 1;
    }
    return write_file(argv[2], &out) ? 0 : 2;
}
