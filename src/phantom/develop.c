// SPDX-License-Identifier: Apache-2.0
// From line integrals to the picture on a radiographer's screen (xray.h).
#include "phantom/xray.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "phantom/noise.h"

struct plane {
    float *v;
    int w, h;
};

// One running mean of 2r+1 samples, edges repeated, read and written with a stride.
static void box_line(const float *in, float *out, int n, int stride, int r) {
    float scale = 1.0f / (float)(2 * r + 1);
    float sum = 0.0f;
    for (int i = -r; i <= r; i++) {
        int at = i < 0 ? 0 : i >= n ? n - 1 : i;
        sum += in[at * stride];
    }
    for (int i = 0; i < n; i++) {
        out[i * stride] = sum * scale;
        int leave = i - r < 0 ? 0 : i - r;
        int enter = i + r + 1 >= n ? n - 1 : i + r + 1;
        sum += in[enter * stride] - in[leave * stride];
    }
}

// Three box passes come close to a Gaussian.
static void blur_small(struct plane p, float *scratch, int r) {
    for (int pass = 0; pass < 3; pass++) {
        for (int y = 0; y < p.h; y++) {
            box_line(p.v + y * p.w, scratch + y * p.w, p.w, 1, r);
        }
        for (int x = 0; x < p.w; x++) {
            box_line(scratch + x, p.v + x, p.h, p.w, r);
        }
    }
}

static struct plane shrink(struct plane p, int by, float *room) {
    struct plane s = {room, (p.w + by - 1) / by, (p.h + by - 1) / by};
    for (int y = 0; y < s.h; y++) {
        for (int x = 0; x < s.w; x++) {
            float sum = 0.0f;
            int count = 0;
            for (int j = y * by; j < p.h && j < (y + 1) * by; j++) {
                for (int i = x * by; i < p.w && i < (x + 1) * by; i++) {
                    sum += p.v[j * p.w + i];
                    count++;
                }
            }
            s.v[y * s.w + x] = sum / (float)count;
        }
    }
    return s;
}

// The shrunken plane at full-size pixel (x, y), bilinear.
static float grown_at(const struct plane *s, int by, int x, int y) {
    float fx = ph_clamp(((float)x + 0.5f) / (float)by - 0.5f, 0.0f, (float)(s->w - 1));
    float fy = ph_clamp(((float)y + 0.5f) / (float)by - 0.5f, 0.0f, (float)(s->h - 1));
    int ix = fx >= (float)(s->w - 1) ? s->w - 2 : (int)fx;
    int iy = fy >= (float)(s->h - 1) ? s->h - 2 : (int)fy;
    const float *c = s->v + iy * s->w + ix;
    float tx = fx - (float)ix;
    return ph_mix(ph_mix(c[0], c[1], tx), ph_mix(c[s->w], c[s->w + 1], tx), fy - (float)iy);
}

// The detector's own unsharpness: [1 2 1] both ways, `share` of it.
static void detector_blur(struct plane p, float share, float *row) {
    for (int pass = 0; pass < 2; pass++) {
        int lines = pass == 0 ? p.h : p.w;
        int n = pass == 0 ? p.w : p.h;
        int stride = pass == 0 ? 1 : p.w;
        for (int l = 0; l < lines; l++) {
            float *v = p.v + (pass == 0 ? l * p.w : l);
            for (int i = 0; i < n; i++) {
                float left = v[(i > 0 ? i - 1 : 0) * stride];
                float right = v[(i + 1 < n ? i + 1 : i) * stride];
                row[i] = v[i * stride] + share * 0.25f * (left + right - 2.0f * v[i * stride]);
            }
            for (int i = 0; i < n; i++) {
                v[i * stride] = row[i];
            }
        }
    }
}

#define SHRINK_BY 8

// Line integral -> minus the logarithm of what the detector counts.
static void expose(struct plane p, const struct ph_exposure *x, const struct ph_tile *tile,
                   float *room, float *scratch) {
    for (int i = 0; i < p.w * p.h; i++) {
        p.v[i] = ph_exp(-p.v[i]);
    }
    struct plane haze = shrink(p, SHRINK_BY, room);
    blur_small(haze, scratch, ph_ifloor(0.06f * (float)haze.w) + 1);
    float noise[PH_ROW_MAX * 128];
    for (int y = 0; y < p.h; y++) {
        float *row = p.v + y * p.w;
        int n = p.w < (int)(sizeof noise / sizeof noise[0]) ? p.w
                                                            : (int)(sizeof noise / sizeof noise[0]);
        ph_tile_row(tile, ph_hash(x->seed) + (uint64_t)(y / 200) * 977u, y, n, noise);
        for (int i = 0; i < n; i++) {
            float through = ph_min(row[i], 0.95f); // full exposure would blind the log
            float seen = through + x->scatter * ph_min(grown_at(&haze, SHRINK_BY, i, y), 0.6f);
            float sigma = ph_sqrt((seen + 0.0004f) / x->photons);
            row[i] = -ph_log(ph_max(seen + sigma * noise[i], 1e-5f));
        }
    }
}

static void process(struct plane p, const struct ph_exposure *x, float pitch, float *room,
                    float *scratch) {
    struct plane slow = shrink(p, SHRINK_BY, room);
    struct plane mid = shrink(p, 2, room + slow.w * slow.h);
    blur_small(slow, scratch, ph_ifloor(9.0f / (pitch * SHRINK_BY)) + 1);
    blur_small(mid, scratch, ph_ifloor(0.9f / (pitch * 2.0f)) + 1);
    double sum = 0.0;
    for (int i = 0; i < slow.w * slow.h; i++) {
        sum += (double)slow.v[i];
    }
    float mean = (float)(sum / (double)(slow.w * slow.h));
    for (int y = 0; y < p.h; y++) {
        for (int i = 0; i < p.w; i++) {
            float *v = &p.v[y * p.w + i];
            float low = grown_at(&slow, SHRINK_BY, i, y);
            float fine = *v - grown_at(&mid, 2, i, y);
            *v = mean + x->compress * (low - mean) + (*v - low) * 1.12f +
                 x->detail * ph_clamp(fine, -0.3f, 0.3f);
        }
    }
}

struct field {
    struct ph_v3 half;
    float cosine, sine;
    float pitch, cx, cy;
};

// mm inside (positive) of the collimated field.
static float inside_field(const struct field *f, int x, int y) {
    float dx = ((float)x - f->cx) * f->pitch;
    float dy = ((float)y - f->cy) * f->pitch;
    float u = dx * f->cosine + dy * f->sine;
    float v = dy * f->cosine - dx * f->sine;
    return ph_min(f->half.x - ph_abs(u), f->half.y - ph_abs(v));
}

#define TONE_BINS 4096
#define TONE_TOP 16.0f

struct tone {
    float low, high;
};

// The ends of the tone curve from the histogram of the exposed part of the body.
static int find_tone(struct plane p, const struct field *f, const struct ph_exposure *x,
                     struct tone *ret, struct err *e) {
    CLEANUP(cleanup_free) uint32_t *bins = mem_array(TONE_BINS, sizeof *bins);
    if (bins == NULL) {
        return err_set(e, E_MEMORY, "radiograph tone");
    }
    uint32_t total = 0;
    for (int y = 0; y < p.h; y += 2) {
        for (int i = 0; i < p.w; i += 2) {
            float v = p.v[y * p.w + i];
            if (v > x->air && inside_field(f, i, y) > 2.0f) {
                bins[(int)ph_clamp(v / TONE_TOP * TONE_BINS, 0.0f, TONE_BINS - 1.0f)]++;
                total++;
            }
        }
    }
    uint32_t seen = 0;
    struct tone t = {0.0f, TONE_TOP};
    bool low_found = false;
    for (int i = 0; i < TONE_BINS; i++) {
        seen += bins[i];
        float value = (float)i * TONE_TOP / TONE_BINS;
        if (!low_found && (float)seen >= x->dark * (float)total) {
            t.low = value;
            low_found = true;
        }
        if ((float)seen >= (1.0f - x->bright) * (float)total) {
            t.high = value;
            break;
        }
    }
    if (t.high < t.low + 0.2f) {
        t.high = t.low + 0.2f;
    }
    *ret = t;
    return E_OK;
}

// An S: a straight middle with soft toe and shoulder.
static float tone_curve(float u, float contrast) {
    float s = (u - 0.5f) * contrast * 2.2f;
    return 0.5f + 0.5f * s / ph_sqrt(1.0f + s * s) * 1.18f;
}

struct stroke {
    float ax, ay, bx, by;
};

// Distance in letter units from the strokes of an L or an R; y runs down.
static float letter_distance(char letter, float x, float y) {
    static const struct stroke l[] = {{-0.3f, -0.5f, -0.3f, 0.5f}, {-0.3f, 0.5f, 0.35f, 0.5f}};
    static const struct stroke r[] = {{-0.3f, -0.5f, -0.3f, 0.5f},  {-0.3f, -0.5f, 0.1f, -0.5f},
                                      {0.1f, -0.5f, 0.32f, -0.36f}, {0.32f, -0.36f, 0.32f, -0.16f},
                                      {0.32f, -0.16f, 0.1f, 0.0f},  {0.1f, 0.0f, -0.3f, 0.0f},
                                      {0.0f, 0.0f, 0.36f, 0.5f}};
    const struct stroke *s = letter == 'L' ? l : r;
    int n = letter == 'L' ? 2 : 7;
    float best = 9.0f;
    for (int i = 0; i < n; i++) {
        float dx = s[i].bx - s[i].ax;
        float dy = s[i].by - s[i].ay;
        float t =
            ph_clamp(((x - s[i].ax) * dx + (y - s[i].ay) * dy) / (dx * dx + dy * dy), 0.0f, 1.0f);
        float ex = x - s[i].ax - t * dx;
        float ey = y - s[i].ay - t * dy;
        best = ph_min(best, ph_sqrt(ex * ex + ey * ey));
    }
    return best;
}

#define MARKER_MM 15.0f
#define MARKER_SHADE 3880.0f

// Lead on the cassette: nothing comes through it.
static void add_marker(uint16_t *pixels, int w, int h, const struct ph_exposure *x,
                       const struct field *f) {
    float size = ph_min(MARKER_MM, 0.16f * ph_min(f->half.x, f->half.y)) / f->pitch;
    float cx = f->cx + x->marker_at.x * f->half.x / f->pitch;
    float cy = f->cy + x->marker_at.y * f->half.y / f->pitch;
    float cosine = ph_cos(x->marker_at.z);
    float sine = ph_sin(x->marker_at.z);
    for (int y = ph_ifloor(cy - size); y < ph_ifloor(cy + size); y++) {
        for (int i = ph_ifloor(cx - size); i < ph_ifloor(cx + size); i++) {
            if (y < 0 || y >= h || i < 0 || i >= w) {
                continue;
            }
            float dx = ((float)i - cx) / size;
            float dy = ((float)y - cy) / size;
            float d = letter_distance(x->marker, dx * cosine + dy * sine, dy * cosine - dx * sine);
            float cover = ph_clamp((0.085f - d) * size * 0.7f + 0.5f, 0.0f, 1.0f);
            float old = (float)pixels[y * w + i];
            pixels[y * w + i] = (uint16_t)ph_mix(old, MARKER_SHADE, cover);
        }
    }
}

int ph_develop(float *line, const struct ph_view *v, const struct ph_exposure *x,
               const struct ph_tile *tile, uint16_t *ret_pixels, struct err *e) {
    struct plane p = {line, v->columns, v->rows};
    size_t count = (size_t)p.w * (size_t)p.h;
    CLEANUP(cleanup_free) float *room = mem_array(count / 2 + 4096, sizeof *room);
    CLEANUP(cleanup_free) float *scratch = mem_array(count / 2 + 4096, sizeof *scratch);
    if (room == NULL || scratch == NULL) {
        return err_set(e, E_MEMORY, "radiograph of %d by %d", p.w, p.h);
    }
    struct field f = {x->field, ph_cos(x->field.z),      ph_sin(x->field.z),
                      v->pitch, 0.5f * (float)(p.w - 1), 0.5f * (float)(p.h - 1)};
    detector_blur(p, 0.8f, scratch);
    expose(p, x, tile, room, scratch);
    process(p, x, v->pitch, room, scratch);
    struct tone t = {0.0f, 1.0f};
    int status = find_tone(p, &f, x, &t, e);
    if (status != E_OK) {
        return status;
    }
    const float top = (float)((1 << PH_XRAY_BITS) - 1);
    for (int y = 0; y < p.h; y++) {
        for (int i = 0; i < p.w; i++) {
            float shade = tone_curve((p.v[y * p.w + i] - t.low) / (t.high - t.low), x->contrast);
            shade *= ph_clamp(inside_field(&f, i, y) / 0.5f, 0.0f, 1.0f);
            ret_pixels[y * p.w + i] = (uint16_t)ph_clamp(shade * top + 0.5f, 0.0f, top);
        }
    }
    add_marker(ret_pixels, p.w, p.h, x, &f);
    return E_OK;
}
