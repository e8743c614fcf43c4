// SPDX-License-Identifier: Apache-2.0
// A test tool over the pixel floor. For each file: a line that describes the image, then a line a
// frame with the SHA-256 of its decoded bytes, or of why there is none; pixels.py compares them
// with other programs. It also writes decoded frames and rendered pictures to be looked at.
//
//   px_probe FILE…                                  describe, decode, hash
//   px_probe --sandbox FILE…                        the same in a worker process; what kills it
//   shows px_probe --raw OUT FILE                         all decoded frames, one behind the other
//   px_probe --picture OUT.png|OUT.jpg|OUT.pnm [--frame N] [--window TEXT] [--viewport TEXT]
//   [--auto] [--no-overlays] FILE
//   px_probe --coded UID OUT FILE                   the first frame in another transfer syntax
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "dicom/part10.h"
#include "pixel/codec.h"
#include "pixel/encoder.h"
#include "pixel/picture.h"
#include "worker/worker.h"

#define ARENA_LIMIT ((size_t)1 << 31)
#define LINES_MAX ((size_t)16 << 20)

struct loaded {
    struct arena arena;
    struct file_map map;
    struct slice bytes; // what offsets count in
    struct px_image image;
    struct px_frames frames;
};

struct request {
    const char *raw;
    const char *picture;
    const char *syntax; // of the coded frame
    const char *coded;
    struct px_picture what;
};

static void unload(struct loaded *l) {
    arena_done(&l->arena);
    file_unmap(&l->map);
}

// What l->map holds.
static int parse(struct loaded *l, struct err *e) {
    struct dcm_file file = {0};
    struct dcm_dataset *d = NULL;
    arena_init(&l->arena, ARENA_LIMIT);
    int code = dcm_file_open(&l->arena, l->map.bytes, &file, e);
    if (code == E_OK) {
        code = dcm_file_dataset(&l->arena, &file, 0, &d, e);
    }
    if (code == E_OK) {
        code = px_image_read(&l->arena, d, file.syntax, &l->image, e);
    }
    if (code == E_OK) {
        code = px_frames_build(&l->arena, &l->image, d, &l->frames, e);
    }
    l->bytes = file.deflated ? file.body : l->map.bytes;
    return code;
}

static int load(const char *path, struct loaded *l, struct err *e) {
    int code = file_map_path(path, &l->map, e);
    return code == E_OK ? parse(l, e) : code;
}

static int complain(const char *path, const struct err *e, FILE *to) {
    char line[600];
    fprintf(to, "%s\terror\t%s\t%s\n", path, err_name(e->code), err_line(e, line, sizeof line));
    return 1;
}

static const char *source_name(enum px_frames_source source) {
    static const char *const names[] = {"native", "basic",   "extended", "one-each",
                                        "single", "scanned", "stream"};
    return names[source];
}

static void describe(const char *path, const struct px_image *im, const struct px_frames *t,
                     FILE *to) {
    fprintf(to, "%s\timage\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%d\t%d\t%s\t%s\t%s%s\n", path, im->rows,
            im->columns, im->frames, im->samples, im->bits_allocated, im->bits_stored, im->high_bit,
            im->is_signed, im->planar, px_photometric_term(im->photometric), im->syntax->uid,
            source_name(t->source), t->table_wrong ? ",wrong-table" : "");
}

static int probe_frames(const char *path, const struct loaded *l, FILE *raw, FILE *to) {
    CLEANUP(cleanup_px_frame) struct px_frame frame = {0};
    int bad = 0;
    for (uint32_t i = 0; i < l->image.frames; i++) {
        struct err e = {0};
        char hex[HASH_HEX_LEN + 1];
        if (px_decode(&l->image, &l->frames, l->bytes, i, &frame, &e) != E_OK) {
            bad = complain(path, &e, to);
            if (e.code == E_NOT_ACCEPTABLE) {
                break;
            }
            continue;
        }
        struct hash h = hash_of(slice_of(frame.data, frame.len));
        fprintf(to, "%s\tframe\t%u\t%zu\t%s\t%s\t%d\n", path, i, frame.len,
                px_photometric_term(frame.photometric), hash_hex(&h, hex), frame.planar);
        if (raw != NULL && fwrite(frame.data, 1, frame.len, raw) != frame.len) {
            return 2;
        }
    }
    return bad;
}

static int probe(const char *path, const char *raw_path) {
    CLEANUP(unload) struct loaded l = {0};
    struct err e = {0};
    if (load(path, &l, &e) != E_OK) {
        return complain(path, &e, stdout);
    }
    describe(path, &l.image, &l.frames, stdout);
    CLEANUP(cleanup_file) FILE *raw = raw_path == NULL ? NULL : fopen(raw_path, "wb");
    return probe_frames(path, &l, raw, stdout);
}

// The job: the lines about the file `in`, whose name is the request.
static int run_probe(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)out;
    (void)e;
    CLEANUP(unload) struct loaded l = {0};
    CLEANUP(cleanup_free) char *text = NULL;
    char path[PATH_MAX] = "";
    size_t len = 0;
    struct err own = {0};
    memcpy(path, request.ptr, request.len < sizeof path ? request.len : sizeof path - 1);
    FILE *to = open_memstream(&text, &len);
    if (to == NULL) {
        return err_set(e, E_MEMORY, "lines");
    }
    int bad = file_map_fd(in, &l.map, &own);
    bad = bad == E_OK ? parse(&l, &own) : bad;
    if (bad == E_OK) {
        describe(path, &l.image, &l.frames, to);
        bad = probe_frames(path, &l, NULL, to);
    } else {
        bad = complain(path, &own, to);
    }
    (void)fclose(to);
    buf_put(answer, text, len);
    return bad;
}

// The hash is the probe's own: its library reads a file when it is first asked.
static void prepare(void) { (void)hash_of(slice_str("")); }

static const struct worker_job jobs[] = {{.name = "probe",
                                          .run = run_probe,
                                          .prepare = prepare,
                                          .timeout_ms = 60000,
                                          .memory_bytes = (size_t)1 << 30}};

static int probe_sandboxed(const char *path, struct worker_pool *pool) {
    CLEANUP(cleanup_fd) int in = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(cleanup_buf) struct buf lines;
    struct err e = {0};
    buf_init(&lines, LINES_MAX);
    int bad = worker_run(pool, 0, slice_str(path), in, -1, &lines, &e);
    if (bad < 0) {
        return complain(path, &e, stdout);
    }
    (void)fwrite(lines.data, 1, lines.len, stdout);
    return bad;
}

static int sandbox(char **paths, int count) {
    struct worker_pool *pool = NULL;
    struct err e = {0};
    struct worker_options options = {.jobs = jobs, .job_count = 1, .size = 1};
    int worst = 0;
    if (worker_pool_start(&options, &pool, &e) != E_OK) {
        fprintf(stderr, "px_probe: %s\n", e.text);
        return 2;
    }
    for (int i = 0; i < count; i++) {
        int rc = probe_sandboxed(paths[i], pool);
        worst = rc > worst ? rc : worst;
    }
    worker_pool_stop(pool);
    return worst;
}

// The rendered samples as they are, for comparing them with other programs'.
static int make_pnm(const struct loaded *l, const struct px_picture *what, struct buf *out,
                    struct err *e) {
    CLEANUP(cleanup_px_frame) struct px_frame frame = {0};
    CLEANUP(cleanup_px_bitmap) struct px_bitmap bitmap = {0};
    int code = px_decode(&l->image, &l->frames, l->bytes, what->frame, &frame, e);
    if (code == E_OK) {
        code = px_render(&l->image, &frame, what->frame, &what->options, &bitmap, e);
    }
    if (code == E_OK) {
        buf_printf(out, "P%d\n%u %u\n255\n", bitmap.channels == 3 ? 6 : 5, bitmap.width,
                   bitmap.height);
        buf_put(out, bitmap.data, (size_t)bitmap.width * bitmap.height * bitmap.channels);
    }
    return code;
}

static bool ends_with(const char *text, const char *end) {
    size_t a = strlen(text);
    size_t b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static int draw(const char *path, const struct request *r) {
    CLEANUP(unload) struct loaded l = {0};
    CLEANUP(cleanup_buf) struct buf out;
    struct err e = {0};
    buf_init(&out, (size_t)1 << 30);
    int code = load(path, &l, &e);
    if (code == E_OK) {
        code = ends_with(r->picture, ".pnm")
                   ? make_pnm(&l, &r->what, &out, &e)
                   : px_picture_make(&l.image, &l.frames, l.bytes, &r->what, &out, &e);
    }
    if (code != E_OK) {
        return complain(path, &e, stdout);
    }
    CLEANUP(cleanup_file) FILE *file = fopen(r->picture, "wb");
    return file == NULL || fwrite(out.data, 1, out.len, file) != out.len ? 2 : 0;
}

static int code_frame(const char *path, const struct request *r) {
    CLEANUP(unload) struct loaded l = {0};
    CLEANUP(cleanup_buf) struct buf out;
    CLEANUP(cleanup_px_frame) struct px_frame frame = {0};
    struct err e = {0};
    buf_init(&out, (size_t)1 << 30);
    int code = load(path, &l, &e);
    if (code == E_OK) {
        code = px_decode(&l.image, &l.frames, l.bytes, 0, &frame, &e);
    }
    if (code == E_OK) {
        code = px_encode_frame(r->syntax, &frame, &out, &e);
    }
    if (code != E_OK) {
        return complain(path, &e, stdout);
    }
    CLEANUP(cleanup_file) FILE *file = fopen(r->coded, "wb");
    return file == NULL || fwrite(out.data, 1, out.len, file) != out.len ? 2 : 0;
}

// The option at argv[i] with its value; how many arguments it took, 0 when it is none.
static int option(struct request *r, char **argv, int left, struct err *e) {
    struct px_render_options *o = &r->what.options;
    if (strcmp(argv[0], "--auto") == 0) {
        o->choice = PX_WINDOW_AUTO;
        return 1;
    }
    if (strcmp(argv[0], "--no-overlays") == 0) {
        o->hide_overlays = true;
        return 1;
    }
    if (strcmp(argv[0], "--coded") == 0 && left > 3) {
        r->syntax = argv[1];
        r->coded = argv[2];
        return 3;
    }
    if (left < 2 || strncmp(argv[0], "--", 2) != 0) {
        return 0;
    }
    if (strcmp(argv[0], "--raw") == 0) {
        r->raw = argv[1];
    } else if (strcmp(argv[0], "--picture") == 0) {
        r->picture = argv[1];
        r->what.format = ends_with(argv[1], ".png") ? PX_FORMAT_PNG : PX_FORMAT_JPEG;
    } else if (strcmp(argv[0], "--frame") == 0) {
        r->what.frame = (uint32_t)strtoul(argv[1], NULL, 10);
    } else if (strcmp(argv[0], "--window") == 0) {
        (void)px_window_parse(slice_str(argv[1]), o, e);
    } else if (strcmp(argv[0], "--viewport") == 0) {
        (void)px_viewport_parse(slice_str(argv[1]), o, e);
    }
    return 2;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "worker") == 0) {
        return worker_main(jobs, 1);
    }
    if (argc > 2 && strcmp(argv[1], "--sandbox") == 0) {
        return sandbox(argv + 2, argc - 2);
    }
    struct request r = {0};
    struct err e = {0};
    int worst = 0;
    int i = 1;
    for (int took; i < argc && (took = option(&r, argv + i, argc - i, &e)) > 0;) {
        i += took;
    }
    if (e.code != E_OK || i == argc) {
        fprintf(stderr, "px_probe: %s\n", e.code == E_OK ? "no file named" : e.text);
        return 2;
    }
    for (; i < argc; i++) {
        int rc = r.picture != NULL ? draw(argv[i], &r)
                 : r.coded != NULL ? code_frame(argv[i], &r)
                                   : probe(argv[i], r.raw);
        worst = rc > worst ? rc : worst;
    }
    return worst;
}
