// SPDX-License-Identifier: Apache-2.0
// SOP classes by data/deid/categories.csv; captures and pictures of eyes by what they say of
// themselves. A class that may enter is still refused where its modality says that it is a
// photograph, a document or a sound.
#include "gate/category.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/uid.h"

enum entry {
    ENTRY_ENTERS,
    ENTRY_CONTENT,
    ENTRY_CONSENT,
    ENTRY_SOUND,
    ENTRY_DOCUMENT,
    ENTRY_REFUSED
};

struct judgement {
    const char *uid;
    enum gate_category category;
    enum entry entry;
};

#include "gate/category_table.h"

#define WORDS_MAX ((size_t)1 << 16)

const char *gate_category_code(enum gate_category category) {
    static const char *const codes[] = {
#define X(name, code, words) code,
        GATE_CATEGORY_LIST(X)
#undef X
    };
    return (unsigned)category < GATE_CATEGORY_COUNT ? codes[category] : "other";
}

static const struct judgement *judgement_of(struct slice uid) {
    size_t low = 0;
    size_t high = sizeof judgements / sizeof judgements[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_cmp(slice_str(judgements[middle].uid), uid);
        if (order == 0) {
            return &judgements[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

// What a modality records (PS3.3 C.7.3.1.1.1, retired terms too).
static const struct {
    const char *term;
    enum gate_category category;
} modalities[] = {
    {"CR", GATE_CATEGORY_XRAY},          {"DX", GATE_CATEGORY_XRAY},
    {"MG", GATE_CATEGORY_XRAY},          {"IO", GATE_CATEGORY_XRAY},
    {"PX", GATE_CATEGORY_XRAY},          {"XA", GATE_CATEGORY_XRAY},
    {"RF", GATE_CATEGORY_XRAY},          {"CT", GATE_CATEGORY_XRAY},
    {"RG", GATE_CATEGORY_XRAY},          {"RTIMAGE", GATE_CATEGORY_XRAY},
    {"DF", GATE_CATEGORY_XRAY},          {"DS", GATE_CATEGORY_XRAY},
    {"CF", GATE_CATEGORY_XRAY},          {"BMD", GATE_CATEGORY_XRAY},
    {"US", GATE_CATEGORY_ULTRASOUND},    {"IVUS", GATE_CATEGORY_ULTRASOUND},
    {"BDUS", GATE_CATEGORY_ULTRASOUND},  {"EC", GATE_CATEGORY_ULTRASOUND},
    {"DD", GATE_CATEGORY_ULTRASOUND},    {"CD", GATE_CATEGORY_ULTRASOUND},
    {"MR", GATE_CATEGORY_ORGAN},         {"MA", GATE_CATEGORY_ORGAN},
    {"MS", GATE_CATEGORY_ORGAN},         {"NM", GATE_CATEGORY_ORGAN},
    {"ST", GATE_CATEGORY_ORGAN},         {"PT", GATE_CATEGORY_ORGAN},
    {"IVOCT", GATE_CATEGORY_ORGAN},      {"OCT", GATE_CATEGORY_ORGAN},
    {"OPT", GATE_CATEGORY_ORGAN},        {"FS", GATE_CATEGORY_ORGAN},
    {"FA", GATE_CATEGORY_ORGAN},         {"BI", GATE_CATEGORY_ORGAN},
    {"ES", GATE_CATEGORY_ENDOSCOPY},     {"CP", GATE_CATEGORY_ENDOSCOPY},
    {"LP", GATE_CATEGORY_ENDOSCOPY},     {"SM", GATE_CATEGORY_PATHOLOGY},
    {"GM", GATE_CATEGORY_PATHOLOGY},     {"CFM", GATE_CATEGORY_PATHOLOGY},
    {"ECG", GATE_CATEGORY_FUNCTION},     {"EPS", GATE_CATEGORY_FUNCTION},
    {"HD", GATE_CATEGORY_FUNCTION},      {"RESP", GATE_CATEGORY_FUNCTION},
    {"EEG", GATE_CATEGORY_FUNCTION},     {"EMG", GATE_CATEGORY_FUNCTION},
    {"EOG", GATE_CATEGORY_FUNCTION},     {"OPV", GATE_CATEGORY_FUNCTION},
    {"OPM", GATE_CATEGORY_FUNCTION},     {"OAM", GATE_CATEGORY_FUNCTION},
    {"SR", GATE_CATEGORY_DERIVED},       {"KO", GATE_CATEGORY_DERIVED},
    {"PR", GATE_CATEGORY_DERIVED},       {"SEG", GATE_CATEGORY_DERIVED},
    {"REG", GATE_CATEGORY_DERIVED},      {"RTDOSE", GATE_CATEGORY_DERIVED},
    {"RTSTRUCT", GATE_CATEGORY_DERIVED}, {"RTPLAN", GATE_CATEGORY_DERIVED},
    {"RTRECORD", GATE_CATEGORY_DERIVED}, {"SC", GATE_CATEGORY_DERIVED},
    {"XC", GATE_CATEGORY_PHOTOGRAPH},    {"DMS", GATE_CATEGORY_PHOTOGRAPH},
    {"TG", GATE_CATEGORY_PHOTOGRAPH},    {"LS", GATE_CATEGORY_PHOTOGRAPH},
    {"DG", GATE_CATEGORY_PHOTOGRAPH},    {"VF", GATE_CATEGORY_PHOTOGRAPH},
    {"OP", GATE_CATEGORY_PHOTOGRAPH},    {"SMR", GATE_CATEGORY_PHOTOGRAPH},
    {"DOC", GATE_CATEGORY_DOCUMENT},     {"AU", GATE_CATEGORY_OTHER},
    {"M3D", GATE_CATEGORY_DOCUMENT},
};

static bool category_of_modality(const struct dcm_dataset *d, enum gate_category *ret_category) {
    struct slice modality;
    if (!dcm_text(d, DCM_Modality, 0, &modality)) {
        return false;
    }
    for (size_t i = 0; i < sizeof modalities / sizeof modalities[0]; i++) {
        if (slice_eq_str(modality, modalities[i].term)) {
            *ret_category = modalities[i].category;
            return true;
        }
    }
    return false;
}

// --- what a data set says of its content ---

static void add_words(const struct dcm_dataset *d, dcm_tag tag, struct buf *out) {
    const struct dcm_node *n = dcm_get(d, tag);
    if (n != NULL && dcm_vr_info(n->vr)->class == DCM_VR_CLASS_TEXT) {
        buf_put_byte(out, ' ');
        utf8_fold(out, n->value);
        buf_put_byte(out, ' ');
    }
}

// The descriptions of the instance, folded, every separator a space.
static void words_of(const struct dcm_dataset *d, struct buf *out) {
    static const dcm_tag tags[] = {DCM_StudyDescription,
                                   DCM_SeriesDescription,
                                   DCM_ProtocolName,
                                   DCM_ImageComments,
                                   DCM_ImageType,
                                   DCM_BodyPartExamined,
                                   DCM_DocumentTitle,
                                   DCM_DerivationDescription,
                                   DCM_PerformedProcedureStepDescription,
                                   DCM_RequestedProcedureDescription};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        add_words(d, tags[i], out);
    }
    const struct dcm_dataset *region = dcm_first_item(d, DCM_AnatomicRegionSequence);
    if (region != NULL) {
        add_words(region, DCM_CodeMeaning, out);
    }
    for (size_t i = 0; i < out->len; i++) {
        uint8_t b = out->data[i];
        bool word = (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b > 127;
        out->data[i] = word ? b : ' ';
    }
}

static bool has_word(const struct buf *words, const char *const *list) {
    for (; *list != NULL; list++) {
        if (words->len > 0 && memmem(words->data, words->len, *list, strlen(*list)) != NULL) {
            return true;
        }
    }
    return false;
}

// With a space where a word ends: " photo" is also photograph.
static const char *const photograph_words[] = {
    " photo",         " clinical image ", " clinical picture ",
    " wound ",        " camera ",         " selfie",
    " dermoscop",     " dermatoscop",     " face shot ",
    " facial image ", " skin lesion ",    " medical illustration ",
    " iphone",        " smartphone",      NULL};
static const char *const document_words[] = {
    " request form ", " referral ",      " consent ",     " letter ",       " scanned doc",
    " document ",     " questionnaire ", " paperwork ",   " patient form ", " order form ",
    " id card ",      " passport ",      " safety form ", " invoice ",      NULL};
static const char *const fundus_words[] = {" retina",    " fundus ",           " macula",
                                           " optic dis", " optic nerve",       " posterior pole ",
                                           " choroid",   " posterior segment", NULL};

// Eyes: only what shows the inside.
static enum gate_category eye(const struct dcm_dataset *d, const struct buf *words) {
    const struct dcm_dataset *region = dcm_first_item(d, DCM_AnatomicRegionSequence);
    struct slice code;
    static const char *const inside[] = {"T-AA610",  "5665001", "T-AA620",   "82859000", "T-AA630",
                                         "41296002", "T-AA621", "280677004", NULL};
    for (size_t i = 0; region != NULL && inside[i] != NULL; i++) {
        if (dcm_text(region, DCM_CodeValue, 0, &code) && slice_eq_str(code, inside[i])) {
            return GATE_CATEGORY_ORGAN;
        }
    }
    return has_word(words, fundus_words) ? GATE_CATEGORY_ORGAN : GATE_CATEGORY_PHOTOGRAPH;
}

static bool is_colour(const struct dcm_dataset *d) {
    int64_t samples;
    return dcm_int(d, DCM_SamplesPerPixel, 0, &samples) && samples == 3;
}

// How a capture came to be says more than "OT": a workstation's and a synthetic one show what a
// scanner has made; a scanned document is one.
static bool made_from_images(const struct dcm_dataset *d) {
    struct slice how;
    bool made = dcm_text(d, DCM_ConversionType, 0, &how) &&
                (slice_eq_str(how, "WSD") || slice_eq_str(how, "SYN") || slice_eq_str(how, "DF"));
    return made || dcm_get(d, DCM_SourceImageSequence) != NULL ||
           dcm_get(d, DCM_ReferencedImageSequence) != NULL ||
           dcm_get(d, DCM_PresentationLUTShape) != NULL || dcm_get(d, DCM_KVP) != NULL;
}

// A capture of a modality that says nothing. *ret_unsure: a colour picture of who knows what.
static enum gate_category capture(const struct dcm_dataset *d, const struct buf *words,
                                  bool *ret_unsure) {
    struct slice how;
    if (dcm_text(d, DCM_ConversionType, 0, &how) && slice_eq_str(how, "SD")) {
        return GATE_CATEGORY_DOCUMENT;
    }
    if (has_word(words, photograph_words)) {
        return GATE_CATEGORY_PHOTOGRAPH;
    }
    if (has_word(words, document_words)) {
        return GATE_CATEGORY_DOCUMENT;
    }
    *ret_unsure = is_colour(d) && !made_from_images(d);
    return GATE_CATEGORY_DERIVED;
}

static enum gate_category by_content(const struct dcm_dataset *d, enum gate_category category,
                                     bool *ret_unsure) {
    CLEANUP(cleanup_buf) struct buf words;
    buf_init(&words, WORDS_MAX);
    words_of(d, &words);
    if (category == GATE_CATEGORY_ORGAN) {
        return eye(d, &words);
    }
    enum gate_category said;
    if (!category_of_modality(d, &said) || said == GATE_CATEGORY_DERIVED) {
        return capture(d, &words, ret_unsure);
    }
    if (said == GATE_CATEGORY_PHOTOGRAPH) {
        return eye(d, &words); // only a fundus is none
    }
    // A modality is written by the worklist, whatever was captured under it: words may know better.
    return has_word(&words, (const char *const[]){" clinical photo", " photograph ", NULL})
               ? GATE_CATEGORY_PHOTOGRAPH
               : said;
}

// --- the verdict ---

static void object(struct gate_context *c, enum gate_category category) {
    switch (category) {
    case GATE_CATEGORY_PHOTOGRAPH:
        gate_object(c, GATE_REFUSED, GATE_REASON_CATEGORY);
        break;
    case GATE_CATEGORY_DOCUMENT:
        gate_object(c, GATE_REFUSED, GATE_REASON_DOCUMENT);
        break;
    case GATE_CATEGORY_OTHER: // no consent opens what nobody can clean
        gate_object(c, GATE_REFUSED, GATE_REASON_STRUCTURE);
        break;
    default:
        break;
    }
}

static enum gate_category judge(struct gate_context *c, const struct dcm_dataset *d,
                                const struct judgement *j) {
    enum gate_category category = j->category;
    enum gate_category said;
    bool unsure = false;
    if (j->entry == ENTRY_CONTENT) {
        category = by_content(d, category, &unsure);
    } else if (j->entry == ENTRY_ENTERS && category != GATE_CATEGORY_DERIVED &&
               category_of_modality(d, &said) &&
               (said == GATE_CATEGORY_PHOTOGRAPH || said == GATE_CATEGORY_OTHER) &&
               category != GATE_CATEGORY_ORGAN) {
        category = said; // a photograph under another class's name
    }
    if (unsure) {
        gate_object(c, GATE_HELD, GATE_REASON_CATEGORY);
    }
    if (j->entry == ENTRY_SOUND) {
        gate_object(c, GATE_REFUSED, GATE_REASON_CATEGORY);
    }
    object(c, category);
    return category;
}

enum gate_category gate_category_of(struct gate_context *c, const struct dcm_dataset *d) {
    struct slice uid;
    if (!dcm_text(d, DCM_SOPClassUID, 0, &uid)) {
        object(c, GATE_CATEGORY_OTHER);
        return GATE_CATEGORY_OTHER;
    }
    const struct judgement *j = judgement_of(uid);
    if (j != NULL && dcm_get(d, DCM_EncapsulatedDocument) != NULL) {
        object(c, GATE_CATEGORY_DOCUMENT); // whatever it calls itself
        return GATE_CATEGORY_DOCUMENT;
    }
    if (j != NULL) {
        return judge(c, d, j);
    }
    if (dcm_uid_find(uid) == NULL) {
        gate_object(c, GATE_REFUSED, GATE_REASON_PRIVATE_CLASS);
    } else {
        object(c, GATE_CATEGORY_OTHER);
    }
    return GATE_CATEGORY_OTHER;
}
