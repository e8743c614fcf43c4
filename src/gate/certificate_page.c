// SPDX-License-Identifier: Apache-2.0
// The certificate on one A4 page, by cairo and pango. The same certificate gives the same page: no
// date but its own.
#include <string.h>

#include <cairo-pdf.h>
#include <pango/pangocairo.h>
#include <sodium.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "gate/certificate_text.h"
#include "gate/report.h"

#define PAGE_WIDTH 595.276 // points: A4
#define PAGE_HEIGHT 841.89
#define MARGIN 42.0
#define INNER (PAGE_WIDTH - 2 * MARGIN)
#define COLUMN_GAP 22.0
#define HALF ((INNER - COLUMN_GAP) / 2)
#define JSON_MAX ((size_t)8 << 20)
#define LIST_MAX 14 // rows of a list; the rest is one row
#define DECISIONS_MAX 4

#define FACE "DejaVu Sans, Liberation Sans, sans-serif"
#define MONO "DejaVu Sans Mono, Liberation Mono, monospace"

struct ink {
    double red, green, blue;
};
static const struct ink dark = {0.11, 0.13, 0.17};
static const struct ink soft = {0.38, 0.42, 0.48};
static const struct ink rule = {0.80, 0.83, 0.87};
static const struct ink band = {0.10, 0.23, 0.36};
static const struct ink white = {1, 1, 1};
static const struct ink pale = {0.80, 0.87, 0.94};
static const struct ink warn = {0.73, 0.09, 0.11};
static const struct ink good = {0.06, 0.42, 0.25};

struct page {
    cairo_t *cr;
    double y; // where the next block begins
};

struct style {
    const char *family;
    double size;
    bool bold;
    struct ink ink;
};
#define STYLE(size_, bold_, ink_) ((struct style){FACE, (size_), (bold_), (ink_)})

static void use(cairo_t *cr, struct ink ink) {
    cairo_set_source_rgb(cr, ink.red, ink.green, ink.blue);
}

// Text in a column; answers its height. `right`: set against the column's right edge.
static double put_text(struct page *p, double x, double y, double width, struct style style,
                       bool right, const char *text) {
    PangoLayout *layout = pango_cairo_create_layout(p->cr);
    PangoFontDescription *font = pango_font_description_new();
    int height;
    pango_font_description_set_family(font, style.family);
    pango_font_description_set_absolute_size(font, style.size * PANGO_SCALE);
    pango_font_description_set_weight(font, style.bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(layout, font);
    pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_alignment(layout, right ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
    pango_layout_set_text(layout, text, -1);
    pango_layout_get_size(layout, NULL, &height);
    use(p->cr, style.ink);
    cairo_move_to(p->cr, x, y);
    pango_cairo_show_layout(p->cr, layout);
    pango_font_description_free(font);
    g_object_unref(layout);
    return (double)height / PANGO_SCALE;
}

static void put_rule(struct page *p, double x, double y, double width) {
    use(p->cr, rule);
    cairo_set_line_width(p->cr, 0.6);
    cairo_move_to(p->cr, x, y);
    cairo_line_to(p->cr, x + width, y);
    cairo_stroke(p->cr);
}

static double put_heading(struct page *p, double x, double y, double width, const char *text) {
    double height = put_text(p, x, y, width, STYLE(8.2, true, band), false, text);
    put_rule(p, x, y + height + 1.5, width);
    return height + 5;
}

// A name and what it is, on one line or more.
static double put_fact(struct page *p, double x, double y, double width, const char *name,
                       const char *value, struct ink ink) {
    double left = 78;
    double a = put_text(p, x, y, left, STYLE(7.2, false, soft), false, name);
    double b = put_text(p, x + left, y, width - left, STYLE(7.2, false, ink), false, value);
    return (a > b ? a : b) + 2.2;
}

static double put_count(struct page *p, double x, double y, double width, const char *name,
                        uint64_t count, struct ink ink) {
    char number[24];
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)count);
    double a = put_text(p, x, y, width - 44, STYLE(7.2, false, dark), false, name);
    (void)put_text(p, x + width - 44, y, 44, STYLE(7.2, true, ink), true, number);
    return a + 1.6;
}

// --- parts of the page

static void put_band(struct page *p, const struct gate_certificate *c) {
    use(p->cr, band);
    cairo_rectangle(p->cr, 0, 0, PAGE_WIDTH, 74);
    cairo_fill(p->cr);
    (void)put_text(p, MARGIN, 17, INNER, STYLE(17, true, white), false,
                   "Certificate of de-identification");
    (void)put_text(p, MARGIN, 22, INNER, STYLE(8.6, true, pale), true, "MacLab teaching archive");
    char text[256];
    (void)snprintf(text, sizeof text, "Delivery %s%s%s", c->id, c->source == NULL ? "" : "  ·  ",
                   c->source == NULL ? "" : c->source);
    (void)put_text(p, MARGIN, 43, INNER, STYLE(8.6, false, pale), false, text);
    p->y = 86;
}

static void time_text(int64_t seconds, char out[CLOCK_TEXT_LEN + 1]) {
    (void)clock_text(seconds * CLOCK_SECOND, out);
    out[10] = ' ';
    memcpy(out + 16, " UTC", 5);
}

static void put_number(struct page *p, double x, const char *name, uint64_t count, struct ink ink) {
    char number[24];
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)count);
    double height = put_text(p, x, p->y, 120, STYLE(19, true, ink), false, number);
    (void)put_text(p, x, p->y + height, 120, STYLE(7.4, false, soft), false, name);
}

static void put_verdicts(struct page *p, const struct gate_tally *t) {
    double step = INNER / 5;
    put_number(p, MARGIN, "files", t->files, dark);
    put_number(p, MARGIN + step, "released", t->released, good);
    put_number(p, MARGIN + 2 * step, "held for a person", t->held, dark);
    put_number(p, MARGIN + 3 * step, "refused", t->refused, dark);
    put_number(p, MARGIN + 4 * step, "not judged", t->failed, t->failed > 0 ? warn : dark);
    p->y += 40;
}

static void put_warning(struct page *p, const struct gate_profile *profile) {
    if (!profile->weakened) {
        return;
    }
    const char *text = profile->examine_pixels
                           ? "WEAKENED PROFILE: it asks for less than PS3.15 does. See the options."
                           : "WEAKENED PROFILE: pixels were not looked at. Writing in pictures and "
                             "faces may be left; (0028,0301) and 113101 are not claimed.";
    use(p->cr, warn);
    cairo_rectangle(p->cr, MARGIN, p->y, INNER, 17);
    cairo_fill(p->cr);
    (void)put_text(p, MARGIN + 6, p->y + 4, INNER - 12, STYLE(7.8, true, white), false, text);
    p->y += 24;
}

static double put_facts(struct page *p, double x, double y, const struct gate_certificate *c) {
    char begun[CLOCK_TEXT_LEN + 1];
    char ended[CLOCK_TEXT_LEN + 1];
    char text[128];
    double top = y;
    time_text(c->begun, begun);
    time_text(c->ended, ended);
    y += put_heading(p, x, y, HALF, "The delivery");
    y += put_fact(p, x, y, HALF, "Begun", begun, dark);
    y += put_fact(p, x, y, HALF, "Ended", ended, dark);
    (void)snprintf(text, sizeof text, "%llu patients, %llu studies, %llu series",
                   (unsigned long long)c->tally.patients, (unsigned long long)c->tally.studies,
                   (unsigned long long)c->tally.series);
    y += put_fact(p, x, y, HALF, "Of", text, dark);
    (void)snprintf(
        text, sizeof text, "%llu frames examined, %llu boxes blacked, %llu frames defaced",
        (unsigned long long)c->tally.frames_examined, (unsigned long long)c->tally.boxes_blacked,
        (unsigned long long)c->tally.frames_defaced);
    y += put_fact(p, x, y, HALF, "Pixels", text, dark);
    y += put_fact(p, x, y, HALF, "Program", c->program, dark);
    y += put_fact(p, x, y, HALF, "Standard", "DICOM PS3.15 Table E.1-1, edition " GATE_EDITION,
                  dark);
    y += put_fact(p, x, y, HALF, "Reader of text", c->reader == NULL ? "none" : c->reader, dark);
    y += put_fact(p, x, y, HALF, "Key", c->key_story, dark);
    return y - top;
}

static double put_profile(struct page *p, double x, double y, const struct gate_profile *profile) {
    struct gate_certificate_option options[GATE_CERTIFICATE_OPTIONS];
    size_t count = gate_certificate_options(profile, options);
    char text[160];
    double top = y;
    y += put_heading(p, x, y, HALF, "The profile");
    (void)snprintf(text, sizeof text, "%s%s", profile->name,
                   profile->weakened ? " (weakened)" : "");
    y += put_fact(p, x, y, HALF, "Name", text, profile->weakened ? warn : dark);
    (void)snprintf(text, sizeof text, "%.16s…", profile->digest);
    y += put_fact(p, x, y, HALF, "Digest", text, dark);
    (void)snprintf(text, sizeof text, "%.16s…", profile->tables_digest);
    y += put_fact(p, x, y, HALF, "Tables", text, dark);
    y += put_fact(p, x, y, HALF, "Dates", gate_certificate_dates(profile), dark);
    for (size_t i = 0; i < count; i++) {
        bool odd = options[i].on != options[i].expected && i < count - 1;
        (void)put_text(p, x, y, HALF - 30, STYLE(7.2, false, odd ? warn : dark), false,
                       options[i].words);
        y += put_text(p, x + HALF - 30, y, 30, STYLE(7.2, true, odd ? warn : dark), true,
                      options[i].on ? "on" : "off") +
             1.6;
    }
    return y - top;
}

struct row {
    const char *words;
    uint64_t count;
};

static void sort_rows(struct row *rows, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct row one = rows[i];
        size_t at = i;
        for (; at > 0 && rows[at - 1].count < one.count; at--) {
            rows[at] = rows[at - 1];
        }
        rows[at] = one;
    }
}

static double put_rows(struct page *p, double x, double y, const char *heading, struct row *rows,
                       size_t count, const char *none) {
    double top = y;
    uint64_t rest = 0;
    sort_rows(rows, count);
    y += put_heading(p, x, y, HALF, heading);
    for (size_t i = 0; i < count; i++) {
        if (i < LIST_MAX - 1 || count <= LIST_MAX) {
            y += put_count(p, x, y, HALF, rows[i].words, rows[i].count, dark);
        } else {
            rest += rows[i].count;
        }
    }
    if (rest > 0) {
        y += put_count(p, x, y, HALF, "of other kinds (in the JSON certificate)", rest, dark);
    }
    if (count == 0) {
        y += put_text(p, x, y, HALF, STYLE(7.2, false, soft), false, none);
    }
    return y - top;
}

static double put_reasons(struct page *p, double x, double y, const struct gate_tally *t) {
    struct row rows[GATE_REASON_COUNT];
    size_t count = 0;
    for (int i = 1; i < GATE_REASON_COUNT; i++) {
        if (t->reasons[i] > 0) {
            rows[count++] = (struct row){gate_reason_words((enum gate_reason)i), t->reasons[i]};
        }
    }
    return put_rows(p, x, y, "Why files were held or refused", rows, count, "All were released.");
}

static double put_kinds(struct page *p, double x, double y, const struct gate_tally *t) {
    struct row rows[GATE_KIND_COUNT];
    size_t count = 0;
    for (int i = 0; i < GATE_KIND_COUNT; i++) {
        if (t->kinds[i] > 0) {
            rows[count++] = (struct row){gate_kind_words((enum gate_kind)i), t->kinds[i]};
        }
    }
    return put_rows(p, x, y, "What was found and dealt with", rows, count, "Nothing.");
}

static double put_methods(struct page *p, double x, double y, const struct gate_tally *t) {
    double top = y;
    char text[96];
    y += put_heading(p, x, y, HALF, "Methods claimed (CID 7050), by files");
    for (int i = 0; i < GATE_METHOD_BITS; i++) {
        if (t->methods[i] > 0) {
            (void)snprintf(text, sizeof text, "%s  %s", gate_method_code(i), gate_method_words(i));
            y += put_count(p, x, y, HALF, text, t->methods[i], dark);
        }
    }
    return y - top;
}

static double put_checks(struct page *p, double x, double y, double width,
                         const struct gate_profile *profile) {
    bool left_out[5];
    size_t count = gate_certificate_check_count(profile, left_out);
    double top = y;
    y += put_heading(p, x, y, width, "Checks");
    for (size_t i = 0; i < count; i++) {
        (void)put_text(p, x, y, 12, STYLE(7.2, true, left_out[i] ? warn : good), false,
                       left_out[i] ? "–" : "✓");
        char text[400];
        (void)snprintf(text, sizeof text, "%s%s", left_out[i] ? "Not made: " : "",
                       gate_certificate_checks[i]);
        y += put_text(p, x + 12, y, width - 12, STYLE(7.0, false, left_out[i] ? warn : dark), false,
                      text) +
             1.6;
    }
    return y - top;
}

static double put_decisions(struct page *p, double x, double y, double width,
                            const struct gate_certificate *c) {
    double top = y;
    y += put_heading(p, x, y, width, "Decided by people");
    for (uint32_t i = 0; i < c->decision_count && i < DECISIONS_MAX; i++) {
        const struct gate_decision *d = &c->decisions[i];
        char when[CLOCK_TEXT_LEN + 1];
        char text[400];
        time_text(d->when, when);
        (void)snprintf(text, sizeof text, "%s  %s: %s, %llu items%s%s", when, d->who, d->what,
                       (unsigned long long)d->items, d->reason == NULL ? "" : ": ",
                       d->reason == NULL ? "" : d->reason);
        y += put_text(p, x, y, width, STYLE(7.0, false, dark), false, text) + 1.6;
    }
    if (c->decision_count > DECISIONS_MAX) {
        char text[96];
        (void)snprintf(text, sizeof text, "and %u more, in the JSON certificate",
                       c->decision_count - DECISIONS_MAX);
        y += put_text(p, x, y, width, STYLE(7.0, false, soft), false, text);
    } else if (c->decision_count == 0) {
        y += put_text(p, x, y, width, STYLE(7.0, false, soft), false,
                      "Nothing yet: every release above is the gate's own.");
    }
    return y - top;
}

static void put_signature(struct page *p, struct slice json, const uint8_t secret[64]) {
    char digest[HASH_HEX_LEN + 1];
    char public_key[65];
    char signature[129];
    char text[400];
    struct hash h = hash_of(json);
    (void)hash_hex(&h, digest);
    (void)sodium_bin2hex(public_key, sizeof public_key, secret + 32, 32);
    (void)snprintf(signature, sizeof signature, "%.128s", (const char *)json.ptr + json.len - 130);
    double y = PAGE_HEIGHT - MARGIN - 52;
    put_rule(p, MARGIN, y - 5, INNER);
    (void)snprintf(text, sizeof text,
                   "JSON certificate, SHA-256  %s\nEd25519 public key         %s\n"
                   "Ed25519 signature          %.64s\n                           %.64s",
                   digest, public_key, signature, signature + 64);
    (void)put_text(p, MARGIN, y, INNER, (struct style){MONO, 6.3, false, soft}, false, text);
}

static void put_page(struct page *p, const struct gate_certificate *c, struct slice json,
                     const uint8_t secret[64]) {
    double right = MARGIN + HALF + COLUMN_GAP;
    put_band(p, c);
    put_verdicts(p, &c->tally);
    put_warning(p, c->profile);
    double a = put_facts(p, MARGIN, p->y, c);
    double b = put_profile(p, right, p->y, c->profile);
    p->y += (a > b ? a : b) + 9;
    a = put_reasons(p, MARGIN, p->y, &c->tally);
    a += 8 + put_methods(p, MARGIN, p->y + a + 8, &c->tally);
    b = put_kinds(p, right, p->y, &c->tally);
    p->y += (a > b ? a : b) + 9;
    p->y += put_checks(p, MARGIN, p->y, INNER, c->profile) + 7;
    p->y += put_decisions(p, MARGIN, p->y, INNER, c) + 8;
    (void)put_text(p, MARGIN, p->y, INNER, STYLE(7.0, false, soft), false, gate_certificate_limits);
    put_signature(p, json, secret);
}

static cairo_status_t put_bytes(void *context, const unsigned char *bytes, unsigned int len) {
    buf_put(context, bytes, len);
    return ((struct buf *)context)->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

int gate_certificate_pdf(const struct gate_certificate *c, const uint8_t secret[64],
                         struct buf *out, struct err *e) {
    struct buf json CLEANUP(cleanup_buf);
    char when[CLOCK_TEXT_LEN + 1];
    buf_init(&json, JSON_MAX);
    if (gate_certificate_json(c, secret, &json, e) != E_OK) {
        return e->code;
    }
    (void)clock_text(c->ended * CLOCK_SECOND, when);
    memcpy(when + 19, "Z", 2);
    cairo_surface_t *surface =
        cairo_pdf_surface_create_for_stream(put_bytes, out, PAGE_WIDTH, PAGE_HEIGHT);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE,
                                   "Certificate of de-identification");
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, when);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, c->program);
    struct page p = {.cr = cairo_create(surface)};
    put_page(&p, c, buf_slice(&json), secret);
    cairo_show_page(p.cr);
    cairo_status_t drawn = cairo_status(p.cr);
    cairo_destroy(p.cr);
    cairo_surface_finish(surface);
    cairo_status_t status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    if (drawn != CAIRO_STATUS_SUCCESS || status != CAIRO_STATUS_SUCCESS) {
        return err_set(e, E_INTERNAL, "the page: %s",
                       cairo_status_to_string(drawn != CAIRO_STATUS_SUCCESS ? drawn : status));
    }
    return buf_check(out, "certificate", e);
}
