// SPDX-License-Identifier: Apache-2.0
// What one instance tells of itself: where its plane lies (PS3.3 C.7.6.2, or the functional groups
// of C.7.6.16), words that name head or neck, and whether the section looks like one.
#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "gate/face.h"
#include "gate/face_grid.h"
#include "gate/face_otsu.h"
#include "gate/face_plane.h"

#define COARSE_MM 3.0
#define COARSE_SIDE_MAX 400
#define MR_HEAD_SHARE 0.5 // of its bounds that a section of a head fills

// --- words

// Each is looked for at the start of a word; those of three letters must be a word.
static const char *const head_words[] = {
    "ANGIO CAROT", "AURIC",     "BRAIN",    "CAROTID",   "CEPHAL",   "CEREBELL", "CEREBR",
    "CIRCLE OF W", "CRANI",     "DENTAL",   "DENTASCAN", "EAR",      "ENCEPHAL", "ENT",
    "EYE",         "FACE",      "FACIAL",   "FMRI",      "FOREHEAD", "HEAD",     "HNF",
    "HYPOPHYS",    "IAC",       "IAM",      "INTRACRAN", "JAW",      "LARYN",    "MANDIB",
    "MASTOID",     "MAXILL",    "MAXFAC",   "MIDFACE",   "MPRAGE",   "NASAL",    "NASO",
    "NECK",        "NEURO",     "NOSE",     "OCCIPIT",   "OPG",      "ORBIT",    "PARANASAL",
    "PAROTID",     "PETROUS",   "PHARYN",   "PITUIT",    "SALIVARY", "SELLA",    "SINUS",
    "SKULL",       "STROKE",    "TEMPORAL", "THYROID",   "TMJ",      "TRIGEMIN", "VERTEX",
    "WHOLE BODY",  "WHOLEBODY",
};
// With one of these, a head or a neck is one of something else.
static const char *const other_words[] = {
    "CORONARY SINUS", "FACET", "FEMOR",   "FEMUR",  "HIP",    "HUMER",   "KIDNEY",
    "METATARS",       "NOF",   "PANCREA", "RADIAL", "RADIUS", "SHOULDER"};
// Pictures made at the console that show no surface.
static const char *const flat_words[] = {"CHART",    "DOSE",   "GRAPH",  "PATIENT PROTOCOL",
                                         "PROTOCOL", "REPORT", "SCREEN", "SUMMARY"};
static const char *const surface_types[] = {"3D",   "RENDER", "SHADED", "SSD",
                                            "SURF", "VOLREN", "VRT"};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static bool begins(struct slice at, const char *word) {
    size_t len = strlen(word);
    bool fits = at.len >= len && strncasecmp((const char *)at.ptr, word, len) == 0;
    return fits && (len > 3 || at.len == len || !isalpha(at.ptr[len]));
}

static bool has_word(struct slice text, const char *const *list, size_t count) {
    for (size_t i = 0; i < text.len; i++) {
        if (i > 0 && isalpha(text.ptr[i - 1])) {
            continue;
        }
        for (size_t k = 0; k < count; k++) {
            if (begins(slice_from(text, i), list[k])) {
                return true;
            }
        }
    }
    return false;
}

static const dcm_tag word_tags[] = {
    DCM_BodyPartExamined,
    DCM_SeriesDescription,
    DCM_StudyDescription,
    DCM_ProtocolName,
    DCM_ImageComments,
    DCM_PerformedProcedureStepDescription,
    DCM_RequestedProcedureDescription,
};

static bool says(const struct dcm_dataset *d, const char *const *list, size_t count) {
    for (size_t i = 0; i < COUNT(word_tags); i++) {
        struct slice text;
        for (uint32_t k = 0; k < 4 && dcm_text(d, word_tags[i], k, &text); k++) {
            if (has_word(text, list, count)) {
                return true;
            }
        }
    }
    const struct dcm_dataset *region = dcm_first_item(d, DCM_AnatomicRegionSequence);
    struct slice text;
    return region != NULL && dcm_text(region, DCM_CodeMeaning, 0, &text) &&
           has_word(text, list, count);
}

static bool type_has(const struct dcm_dataset *d, const char *const *list, size_t count) {
    struct slice text;
    for (uint32_t i = 0; dcm_text(d, DCM_ImageType, i, &text) && i < 16; i++) {
        if (has_word(text, list, count)) {
            return true;
        }
    }
    return false;
}

// --- where it lies

static bool take_doubles(const struct dcm_dataset *d, dcm_tag tag, double *out, uint32_t count) {
    double value[6];
    for (uint32_t i = 0; i < count; i++) {
        if (d == NULL || !dcm_double(d, tag, i, &value[i]) || !isfinite(value[i])) {
            return false;
        }
    }
    memcpy(out, value, count * sizeof *out);
    return true;
}

// The item of a functional group: of the frame, else the one that all share.
static const struct dcm_dataset *group(const struct dcm_dataset *d, uint32_t frame, dcm_tag macro) {
    const struct dcm_node *frames = dcm_get(d, DCM_PerFrameFunctionalGroupsSequence);
    const struct dcm_dataset *own = frames != NULL ? dcm_item(frames, frame) : NULL;
    const struct dcm_dataset *all = dcm_first_item(d, DCM_SharedFunctionalGroupsSequence);
    const struct dcm_dataset *item = own != NULL ? dcm_first_item(own, macro) : NULL;
    return item == NULL && all != NULL ? dcm_first_item(all, macro) : item;
}

static const struct dcm_dataset *either(const struct dcm_dataset *d, dcm_tag macro) {
    const struct dcm_dataset *item = group(d, 0, macro);
    return item != NULL ? item : d;
}

static bool normalise(double v[3]) {
    double len = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    if (!(len > 0.1)) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        v[i] /= len;
    }
    return true;
}

static bool place(const struct dcm_dataset *d, struct gate_slice *s) {
    const struct dcm_dataset *measures = either(d, DCM_PixelMeasuresSequence);
    double axes[6];
    if (!take_doubles(either(d, DCM_PlanePositionSequence), DCM_ImagePositionPatient, s->position,
                      3) ||
        !take_doubles(either(d, DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient, axes,
                      6) ||
        !take_doubles(measures, DCM_PixelSpacing, s->spacing, 2)) {
        return false;
    }
    memcpy(s->row, axes, sizeof s->row);
    memcpy(s->column, axes + 3, sizeof s->column);
    if (!take_doubles(measures, DCM_SliceThickness, &s->thickness, 1)) {
        s->thickness = 0;
    }
    return s->spacing[0] > 0 && s->spacing[1] > 0 && normalise(s->row) && normalise(s->column);
}

// A multi-frame volume's distance from frame to frame, along which way they go.
static void find_step(const struct dcm_dataset *d, struct gate_slice *s) {
    double first[3], second[3];
    if (s->frames > 1 &&
        take_doubles(group(d, 0, DCM_PlanePositionSequence), DCM_ImagePositionPatient, first, 3) &&
        take_doubles(group(d, 1, DCM_PlanePositionSequence), DCM_ImagePositionPatient, second, 3)) {
        for (int i = 0; i < 3; i++) {
            s->step[i] = second[i] - first[i];
        }
    }
}

// --- what it is

static bool is_text(const struct dcm_dataset *d, dcm_tag tag, const char *text) {
    struct slice value;
    return dcm_text(d, tag, 0, &value) && slice_eq_str(value, text);
}

static bool is_secondary_capture(const struct dcm_dataset *d) {
    struct slice uid;
    return dcm_text(d, DCM_SOPClassUID, 0, &uid) &&
           slice_starts(uid, slice_str("1.2.840.10008.5.1.4.1.1.7"));
}

// Secondary captures of scanners, derived colour pictures, projections of a head.
static bool is_rendering(const struct dcm_dataset *d, const struct gate_slice *s, bool scout) {
    static const char *const modalities[] = {"CT", "MR", "PT", "OT", "SC", "XA"};
    bool known = false;
    for (size_t i = 0; i < COUNT(modalities); i++) {
        known |= is_text(d, DCM_Modality, modalities[i]);
    }
    int64_t samples = 1;
    (void)dcm_int(d, DCM_SamplesPerPixel, 0, &samples);
    bool colour_of_scanner = samples == 3 && (s->is_ct || s->is_mr);
    bool surface = type_has(d, surface_types, COUNT(surface_types)) && known;
    bool capture = is_secondary_capture(d) && known;
    bool flat = says(d, flat_words, COUNT(flat_words));
    return surface || ((capture || colour_of_scanner) && !flat) || (scout && s->head_words);
}

static uint16_t take_side(const struct dcm_dataset *d, dcm_tag tag) {
    int64_t side = 0;
    return dcm_int(d, tag, 0, &side) && side > 0 && side <= UINT16_MAX ? (uint16_t)side : 0;
}

// --- what it shows

struct coarse {
    int width, height;
    int16_t *hu;
    uint8_t *marks;
    uint32_t *queue;
};

static void coarse_done(struct coarse *c) {
    mem_free(c->hu);
    mem_free(c->marks);
    mem_free(c->queue);
}

static bool coarse_make(const struct gate_slice *s, const int16_t *hu, double mm,
                        struct coarse *c) {
    double across = s->columns * s->spacing[1] / mm, down = s->rows * s->spacing[0] / mm;
    *c = (struct coarse){0};
    if (!(across >= 8 && across <= COARSE_SIDE_MAX && down >= 8 && down <= COARSE_SIDE_MAX)) {
        return false;
    }
    c->width = (int)across;
    c->height = (int)down;
    size_t cells = (size_t)c->width * (size_t)c->height;
    c->hu = mem_array(cells, sizeof *c->hu);
    c->marks = mem_alloc(cells);
    c->queue = mem_array(cells, sizeof *c->queue);
    if (c->hu == NULL || c->marks == NULL || c->queue == NULL) {
        return false;
    }
    for (int y = 0; y < c->height; y++) {
        for (int x = 0; x < c->width; x++) {
            uint32_t x0 = (uint32_t)(x * mm / s->spacing[1]),
                     y0 = (uint32_t)(y * mm / s->spacing[0]);
            uint32_t x1 = (uint32_t)((x + 1) * mm / s->spacing[1]);
            uint32_t y1 = (uint32_t)((y + 1) * mm / s->spacing[0]);
            int64_t sum = 0, n = 0;
            for (uint32_t j = y0; (j < y1 || j == y0) && j < s->rows; j++) {
                for (uint32_t i = x0; (i < x1 || i == x0) && i < s->columns; i++, n++) {
                    sum += hu[(size_t)j * s->columns + i];
                }
            }
            c->hu[y * c->width + x] = (int16_t)(n > 0 ? sum / n : GATE_GRID_NONE);
        }
    }
    return true;
}

static bool ct_shape(const struct coarse *c, double mm) {
    struct gate_plane p = {c->width, c->height, mm, c->hu, NULL, c->marks, c->queue};
    struct gate_ring ring;
    struct gate_section section;
    gate_plane_ring(&p, &ring);
    gate_plane_section(&p, &section);
    return ring.area > 0 || gate_section_is_face(&section, mm);
}

static bool mr_shape(struct coarse *c, double mm) {
    int cells = c->width * c->height;
    int16_t threshold = gate_otsu_body(c->hu, (size_t)cells);
    for (int i = 0; i < cells; i++) {
        c->hu[i] = c->hu[i] > threshold ? 0 : -1000;
    }
    struct gate_plane p = {c->width, c->height, mm, c->hu, NULL, c->marks, c->queue};
    struct gate_section s;
    gate_plane_section(&p, &s);
    double box = (s.x1 - s.x0 + 1) * mm * (s.y1 - s.y0 + 1) * mm;
    return gate_section_is_head_sized(&s, mm) && s.area >= MR_HEAD_SHARE * box;
}

static int look(const int16_t *hu, struct gate_slice *s, struct err *e) {
    struct coarse c;
    double mm = COARSE_MM;
    bool fits = coarse_make(s, hu, mm, &c);
    if (fits) {
        s->head_shape = s->is_ct ? ct_shape(&c, mm) : mr_shape(&c, mm);
    }
    bool short_of_memory = !fits && c.width > 0;
    coarse_done(&c);
    return short_of_memory ? err_set(e, E_MEMORY, "a section") : E_OK;
}

int gate_face_slice(const struct dcm_dataset *d, const int16_t *hu, struct gate_slice *ret_slice,
                    struct err *e) {
    struct gate_slice s = {.frames = 1};
    int64_t frames = 1;
    static const char *const scout_words[] = {"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW"};
    s.rows = take_side(d, DCM_Rows);
    s.columns = take_side(d, DCM_Columns);
    if (dcm_int(d, DCM_NumberOfFrames, 0, &frames) && frames > 0 && frames <= UINT32_MAX) {
        s.frames = (uint32_t)frames;
    }
    s.is_ct = is_text(d, DCM_Modality, "CT");
    s.is_mr = is_text(d, DCM_Modality, "MR");
    s.is_pet = is_text(d, DCM_Modality, "PT");
    s.head_words =
        says(d, head_words, COUNT(head_words)) && !says(d, other_words, COUNT(other_words));
    bool scout = s.is_ct && type_has(d, scout_words, COUNT(scout_words));
    s.is_rendering = is_rendering(d, &s, scout);
    s.is_slice = place(d, &s) && !scout && !is_secondary_capture(d) && s.rows > 0 && s.columns > 0;
    find_step(d, &s);
    s.head_shape = s.is_slice && s.frames > 1; // a volume in itself: judged as one
    int rc = hu != NULL && s.is_slice && (s.is_ct || s.is_mr) ? look(hu, &s, e) : E_OK;
    if (rc == E_OK) {
        *ret_slice = s;
    }
    return rc;
}
