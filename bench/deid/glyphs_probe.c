// SPDX-License-Identifier: Apache-2.0
// Measuring tool of the detector of writing (gate/glyphs.h). Input: a DICOM file, or raw frames
// with a one-line header as glyphs_corpus.py writes them:
//   MACLAB-RAW rows columns frames samples bits_allocated bits_stored signed photometric\n
// One JSON line a file: boxes of all frames and milliseconds a frame.
//
//   glyphs_probe [--second] [--times N] [--crops FOLDER] [--rows OUT] FILE…   ("-": names on
//   standard input)
//
// --rows appends every row of glyphs that was judged: number of the file, x0, y0, x1, y1 of the
// row, its letters' height, how many rows it stands for, then its features, all as 32-bit floats
// (glyphs_train.py reads them). Of rows that are judged no writing by far, one in ROWS_SKIPPED.
//
// --opinions OUT: what the network thinks of every row that it was asked about: number of the file,
// x0, y0, x1, y1, score before, mean and largest log odds, as 32-bit floats.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/num.h"
#include "dicom/part10.h"
#include "gate/glyphs.h"
#include "gate/glyphs_line.h"
#include "gate/glyphs_priv.h"
#include "pixel/codec.h"
#include "pixel/frames.h"

#define ARENA_LIMIT ((size_t)1 << 31)
#define NAME_MAX_LEN 4096
#define ROWS_SKIPPED 10u
#define SCORE_FAR (-4.5f)
#define CROP_BYTES_MAX ((size_t)1 << 28)

struct wish {
    struct gate_scan_options options;
    unsigned times;
    const char *crops;
    FILE *rows;
    FILE *opinions;
    unsigned number; // of the file
    unsigned skipped;
};

struct picture {
    struct arena arena;
    struct file_map map;
    struct slice bytes;
    struct px_image image;
    struct px_frames frames;
    struct px_frame raw; // of a raw file: its description
    bool is_raw;
    uint32_t count;
};

static double now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int read_raw(struct picture *p, struct err *e) {
    unsigned v[7];
    char photometric[32];
    char head[200];
    size_t end = slice_find(p->map.bytes, '\n');
    if (end >= sizeof head) {
        return err_set(e, E_SYNTAX, "no header line");
    }
    memcpy(head, p->map.bytes.ptr, end);
    head[end] = 0;
    if (sscanf(head, "MACLAB-RAW %u %u %u %u %u %u %u %31s", &v[0], &v[1], &v[2], &v[3], &v[4],
               &v[5], &v[6], photometric) != 8) {
        return err_set(e, E_SYNTAX, "a header line of another kind");
    }
    p->raw = (struct px_frame){.rows = (uint16_t)v[0],
                               .columns = (uint16_t)v[1],
                               .samples = (uint16_t)v[3],
                               .bits_allocated = (uint16_t)v[4],
                               .bits_stored = (uint16_t)v[5],
                               .high_bit = (uint16_t)(v[5] - 1),
                               .is_signed = v[6] != 0,
                               .photometric = PX_MONOCHROME2};
    for (int i = 0; i < PX_PHOTOMETRIC_COUNT; i++) {
        if (strcmp(px_photometric_term((enum px_photometric)i), photometric) == 0) {
            p->raw.photometric = (enum px_photometric)i;
        }
    }
    p->count = v[2];
    p->bytes = slice_from(p->map.bytes, end + 1);
    p->is_raw = true;
    return E_OK;
}

static int read_dicom(struct picture *p, struct err *e) {
    struct dcm_file file = {0};
    struct dcm_dataset *d = NULL;
    int code = dcm_file_open(&p->arena, p->map.bytes, &file, e);
    if (code == E_OK) {
        code = dcm_file_dataset(&p->arena, &file, 0, &d, e);
    }
    if (code == E_OK) {
        code = px_image_read(&p->arena, d, file.syntax, &p->image, e);
    }
    if (code == E_OK) {
        code = px_frames_build(&p->arena, &p->image, d, &p->frames, e);
    }
    p->bytes = file.deflated ? file.body : p->map.bytes;
    p->count = p->frames.count;
    return code;
}

static int get_frame(struct picture *p, uint32_t number, struct px_frame *f, struct err *e) {
    if (!p->is_raw) {
        return px_decode(&p->image, &p->frames, p->bytes, number, f, e);
    }
    size_t len = (size_t)px_frame_bytes(&p->raw);
    *f = p->raw;
    px_frame_borrow(f, slice_first(slice_from(p->bytes, number * len), len));
    return E_OK;
}

static void show_box(const struct gate_box *b, bool first) {
    static const char *const sures[] = {"sure", "likely", "maybe"};
    static const char *const shapes[] = {"text", "code", "strokes", "static"};
    printf("%s[%u,%u,%u,%u,%u,\"%s\",\"%s\",%u,%u,%u]", first ? "" : ",", b->frame, b->x, b->y,
           b->width, b->height, shapes[b->shape], sures[b->sure], b->turn, b->glyphs, b->letter);
}

static void write_crop(const struct px_frame *f, const struct gate_box *b, const char *folder,
                       unsigned number) {
    CLEANUP(cleanup_buf) struct buf out;
    struct err e = {0};
    char name[NAME_MAX_LEN];
    buf_init(&out, CROP_BYTES_MAX);
    (void)snprintf(name, sizeof name, "%s/%03u.pgm", folder, number);
    FILE *to = gate_scan_crop(f, b, &out, &e) == E_OK ? fopen(name, "wb") : NULL;
    if (to != NULL) {
        fprintf(to, "P5 %u %u 255\n", num_le16(out.data), num_le16(out.data + 2));
        (void)fwrite(out.data + 4, 1, out.len - 4, to);
        (void)fclose(to);
    }
}

static void write_row(const struct glyph_find *find, const float *features, void *context) {
    struct wish *w = context;
    bool far = find->score < SCORE_FAR;
    if (far && ++w->skipped % ROWS_SKIPPED != 0) {
        return;
    }
    float head[7] = {(float)w->number,
                     (float)find->x0,
                     (float)find->y0,
                     (float)find->x1,
                     (float)find->y1,
                     (float)find->letter,
                     far ? (float)ROWS_SKIPPED : 1};
    (void)fwrite(head, sizeof head, 1, w->rows);
    (void)fwrite(features, sizeof *features, GLYPH_FEATURES, w->rows);
}

static void write_opinion(const struct glyph_find *find, struct glyph_opinion opinion,
                          void *context) {
    struct wish *w = context;
    float row[] = {(float)w->number, (float)find->x0, (float)find->y0, (float)find->x1,
                   (float)find->y1,  find->score,     opinion.mean,    opinion.peak};
    (void)fwrite(row, sizeof row, 1, w->opinions);
}

static int scan(struct picture *p, struct wish *w, struct gate_boxes *boxes, double *ret_ms,
                struct err *e) {
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct gate_scanner *s = NULL;
    struct gate_scan_options options = w->options;
    double spent = 0;
    int code = get_frame(p, 0, &f, e);
    options.palette = p->is_raw ? NULL : &p->image.palette;
    if (code == E_OK) {
        code = gate_scanner_new(f.rows, f.columns, p->count, &s, e);
    }
    if (code == E_OK && (w->rows != NULL || w->opinions != NULL)) {
        gate_scanner_watch(s, w->rows != NULL ? write_row : NULL,
                           w->opinions != NULL ? write_opinion : NULL, w);
    }
    for (uint32_t i = 0; i < p->count && code == E_OK; i++) {
        code = get_frame(p, i, &f, e);
        for (unsigned k = 0; k < w->times && code == E_OK; k++) {
            uint32_t before = boxes->count;
            double start = now_ms();
            code = gate_scan_frame(s, &f, i, &options, boxes, e);
            spent += now_ms() - start;
            boxes->count = k + 1 < w->times ? before : boxes->count;
        }
        for (uint32_t b = 0; w->crops != NULL && b < boxes->count; b++) {
            if (boxes->list[b].frame == i) {
                write_crop(&f, &boxes->list[b], w->crops, b);
            }
        }
    }
    if (code == E_OK) {
        double start = now_ms();
        code = gate_scan_finish(s, boxes, e);
        spent += now_ms() - start;
    }
    gate_scanner_free(s);
    *ret_ms = p->count > 0 ? spent / p->count / w->times : 0;
    return code;
}

static void probe(const char *path, struct wish *w) {
    struct picture p = {0};
    struct gate_boxes boxes = {0};
    struct err e = {0};
    double ms = 0;
    arena_init(&p.arena, ARENA_LIMIT);
    int code = file_map_path(path, &p.map, &e);
    if (code == E_OK) {
        bool raw = slice_starts(p.map.bytes, slice_str("MACLAB-RAW "));
        code = raw ? read_raw(&p, &e) : read_dicom(&p, &e);
    }
    if (code == E_OK) {
        code = scan(&p, w, &boxes, &ms, &e);
    }
    char line[700];
    printf("{\"file\":\"%s\",\"code\":\"%s\",\"frames\":%u,\"ms\":%.3f,\"boxes\":[", path,
           code == E_OK ? "E_OK" : err_name(code), p.count, ms);
    for (uint32_t i = 0; i < boxes.count; i++) {
        show_box(&boxes.list[i], i == 0);
    }
    printf("]}\n");
    if (code != E_OK) {
        fprintf(stderr, "%s: %s\n", path, err_line(&e, line, sizeof line));
    }
    w->number++;
    gate_boxes_done(&boxes);
    arena_done(&p.arena);
    file_unmap(&p.map);
}

static void probe_list(struct wish *w) {
    char name[NAME_MAX_LEN];
    while (fgets(name, sizeof name, stdin) != NULL) {
        name[strcspn(name, "\n")] = 0;
        probe(name, w);
    }
}

int main(int argc, char **argv) {
    struct wish w = {.times = 1};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--second") == 0) {
            w.options.second = true;
        } else if (strcmp(argv[i], "--times") == 0 && i + 1 < argc) {
            w.times = (unsigned)strtoul(argv[++i], NULL, 10);
            w.times = w.times == 0 ? 1 : w.times;
        } else if (strcmp(argv[i], "--crops") == 0 && i + 1 < argc) {
            w.crops = argv[++i];
        } else if (strcmp(argv[i], "--rows") == 0 && i + 1 < argc) {
            w.rows = fopen(argv[++i], "wb");
        } else if (strcmp(argv[i], "--opinions") == 0 && i + 1 < argc) {
            w.opinions = fopen(argv[++i], "wb");
        } else if (strcmp(argv[i], "-") == 0) {
            probe_list(&w);
        } else {
            probe(argv[i], &w);
        }
    }
    if (w.opinions != NULL && fclose(w.opinions) != 0) {
        return EXIT_FAILURE;
    }
    return w.rows != NULL && fclose(w.rows) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
