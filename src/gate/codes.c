// SPDX-License-Identifier: Apache-2.0
#include "gate/codes.h"

#include <string.h>

#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "gate/concept.h"
#include "gate/edit.h"
#include "gate/recognise.h"

#define CODE_MAX 64u // a local code that may stay
#define LOCAL_SCHEME "99LOCAL"

static const dcm_tag code_elements[] = {DCM_CodeValue,
                                        DCM_CodingSchemeDesignator,
                                        DCM_CodingSchemeVersion,
                                        DCM_CodeMeaning,
                                        DCM_MappingResource,
                                        DCM_ContextGroupVersion,
                                        DCM_ContextGroupLocalVersion,
                                        DCM_ContextGroupExtensionFlag,
                                        DCM_CodingSchemeUID,
                                        DCM_ContextGroupExtensionCreatorUID,
                                        DCM_ContextIdentifier,
                                        DCM_ContextUID,
                                        DCM_MappingResourceUID,
                                        DCM_LongCodeValue,
                                        DCM_URNCodeValue,
                                        DCM_EquivalentCodeSequence};

// --- what a code of a public scheme looks like ---

static bool is_digit(uint8_t b) { return b >= '0' && b <= '9'; }
static bool is_letter(uint8_t b) { return (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z'); }

// `form`: # a digit, A a capital, X a digit or A to F, * any further digits (perhaps none), ? the
// rest may be absent; everything else is itself.
static bool fits(struct slice text, const char *form) {
    size_t at = 0;
    bool open = false;
    for (; *form != '\0'; form++) {
        if (*form == '*') {
            while (at < text.len && is_digit(text.ptr[at])) {
                at++;
            }
            continue;
        }
        if (*form == '?') {
            open = true;
            if (at == text.len) {
                return true;
            }
            continue;
        }
        if (at == text.len) {
            return open;
        }
        uint8_t b = text.ptr[at++];
        bool fit = *form == '#'   ? is_digit(b)
                   : *form == 'A' ? b >= 'A' && b <= 'Z'
                   : *form == 'X' ? is_digit(b) || (b >= 'A' && b <= 'F')
                                  : b == (uint8_t)*form;
        if (!fit) {
            return false;
        }
    }
    return at == text.len;
}

// SNOMED CT identifiers end in a check digit (Verhoeff's dihedral scheme) behind a partition that
// says "concept": 00 or 10.
static bool is_sctid(struct slice text) {
    static const uint8_t times[10][10] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
        {2, 3, 4, 0, 1, 7, 8, 9, 5, 6}, {3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
        {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
        {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
        {8, 7, 6, 5, 9, 3, 2, 1, 0, 4}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}};
    static const uint8_t turn[10] = {1, 5, 7, 6, 2, 8, 3, 0, 9, 4};
    if (text.len < 6 || text.len > 18 || text.ptr[text.len - 2] != '0' ||
        (text.ptr[text.len - 3] != '0' && text.ptr[text.len - 3] != '1')) {
        return false;
    }
    unsigned check = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t b = text.ptr[text.len - 1 - i];
        if (!is_digit(b)) {
            return false;
        }
        unsigned digit = b - '0';
        for (size_t turns = i % 8; turns > 0; turns--) {
            digit = turn[digit];
        }
        check = times[check][digit];
    }
    return check == 0;
}

// UCUM: at most four letters in a row, no annotation in braces (that is free text).
static bool is_unit(struct slice text) {
    unsigned run = 0;
    for (size_t i = 0; i < text.len; i++) {
        run = is_letter(text.ptr[i]) ? run + 1 : 0;
        if (run > 4 || text.ptr[i] == '{' || text.ptr[i] > 126 || text.ptr[i] <= ' ') {
            return false;
        }
    }
    return text.len > 0 && text.len <= 32 && !fits(text, "######*");
}

// Public schemes of which codes are told by their form.
static const struct {
    const char *scheme;
    const char *form;
} forms[] = {
    {"DCM", "######"},       {"LN", "#*-#"},        {"SRT", "A-XXXX?X"},  {"SNM3", "A-XXXX?X"},
    {"99SDM", "A-XXXX?X"},   {"SRT", "AA-XXXX?X"},  {"FMA", "#*"},        {"FMA", "FMA#*"},
    {"FMAID", "#*"},         {"UMLS", "C#######"},  {"NCIt", "C#*"},      {"RADLEX", "RID#*"},
    {"RADELEMENT", "RDE#*"}, {"I10", "A##?.#*"},    {"ICD10", "A##?.#*"}, {"I10P", "A##?.#*"},
    {"I11", "AA##?.#*"},     {"ICDO3", "A##?.#*"},  {"ICDO3", "####/#"},  {"I9", "###?.#*"},
    {"I9C", "###?.#*"},      {"OPCS4", "A##?.#"},   {"OPCS-4", "A##?.#"}, {"RXNORM", "#*"},
    {"MDC", "#*"},           {"MDC", "#:#*"},       {"MSH", "A#*"},       {"NEU", "#*"},
    {"ITIS_TSN", "#*"},      {"PUBCHEM_CID", "#*"}, {"C4", "#####"},      {"BARI", "#*?A"},
};

// Two small letters and perhaps a region of two capitals.
static bool is_language(struct slice text) {
    return (text.len == 2 || (text.len == 5 && text.ptr[2] == '-')) && is_letter(text.ptr[0]) &&
           is_letter(text.ptr[1]) && (text.len == 2 || fits(slice_from(text, 3), "AA"));
}

static bool looks_public(struct slice value, struct slice scheme) {
    if (gate_concept_known(value, scheme)) {
        return true;
    }
    if (value.len > 18) {
        return false;
    }
    if (slice_eq_str(scheme, "SCT")) {
        return is_sctid(value);
    }
    if (slice_eq_str(scheme, "UCUM")) {
        return is_unit(value);
    }
    if (slice_eq_str(scheme, "RFC5646") || slice_eq_str(scheme, "RFC3066")) {
        return is_language(value);
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (slice_eq_str(scheme, forms[i].scheme) && value.len <= 10 &&
            fits(value, forms[i].form)) {
            return true;
        }
    }
    return false;
}

// A local code may stay when it is short and neither the words nor anybody's identifiers object:
// letters before few digits, or known words ("CT_HEAD").
static bool is_harmless(const struct gate_context *c, struct slice value) {
    if (value.len == 0 || value.len > CODE_MAX || gate_text_objectionable(c, value, false)) {
        return false;
    }
    size_t letters = 0;
    size_t digits = 0;
    size_t others = 0;
    for (size_t i = 0; i < value.len; i++) {
        letters += is_letter(value.ptr[i]);
        digits += is_digit(value.ptr[i]);
        others += !is_letter(value.ptr[i]) && !is_digit(value.ptr[i]);
    }
    bool short_code = letters <= 3 && digits <= 5 && others <= 2;
    return short_code || gate_label_plain(c, value);
}

// --- the parts of an item ---

static const dcm_tag value_elements[] = {DCM_CodeValue, DCM_LongCodeValue, DCM_URNCodeValue};

// The one that the item has (PS3.3 8.1: exactly one); others go.
static struct slice code_value(const struct gate_context *c, struct dcm_dataset *item) {
    struct slice value = {NULL, 0};
    for (size_t i = 0; i < 3; i++) {
        if (value.len > 0) {
            (void)dcm_remove(item, value_elements[i]);
        } else {
            value = gate_text_of(c, item, value_elements[i]);
        }
    }
    return value;
}

static int replace_value(struct gate_context *c, struct dcm_dataset *item, const char *path,
                         struct err *e) {
    char made[GATE_PSEUDONYM_MAX];
    (void)gate_pseudonym(c->key, "code", "C", code_value(c, item), made);
    for (size_t i = 0; i < 3; i++) {
        (void)dcm_remove(item, value_elements[i]);
    }
    made[16] = '\0'; // SH
    gate_notes_add(&c->notes, GATE_KIND_STRUCTURED, GATE_DONE_REPLACED, "%s.(0008,0100)", path);
    return dcm_put_str(item, DCM_CodeValue, DCM_VR_SH, made, e);
}

// A scheme's name is a name that somebody chose ("99STJAMES"), unless it is one of the standard's.
static bool scheme_stays(const struct gate_context *c, struct slice scheme) {
    // Of PS3.16 section 8, but for those of forms[].
    static const char *const known[] = {
        "SCT",     "UCUM",  "RFC5646", "RFC3066", "SCPECG", "ISO639_1",    "ISO3166_1",
        "ISO_OLD", "NCDR",  "NYHA",    "POS",     "UNS",    "CD8",         "ASTM-sigpurpose",
        "C5",      "CDT-2", "CVX",     "DCMUID",  "E5",     "ECRI",        "EUCAST",
        "FDAUNII", "HPC",   "IBSI",    "ICDO",    "JC8",    "JJ1017",      "LB",
        "MA",      "MAYO",  "MGPI",    "MONDO",   "NCIm",   "NDA",         "NDC",
        "NICIP",   "OHM",   "PATHLEX", "RC",      "CTV3",   "READ",        "UNII",
        "UMD",     "UPC",   "W1-W",    "W4",      "99SDM",  "NCDR [2.0b]", "I9P",
        "BI",      "ACR",   "HL7V3",   "OPCS4",   "OPCS-4", "L",           "LOCAL"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (slice_eq_str(scheme, known[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (slice_eq_str(scheme, forms[i].scheme)) {
            return true;
        }
    }
    static const char *const makers[] = {
        "99PMS",   "99GEMS",  "99SMS",     "99SIEMENS", "99PHILIPS",     "99VMS",   "99TOSHIBA",
        "99CANON", "99FUJI",  "99AGFA",    "99MEVIS",   "99QIICR",       "99OFFIS", "99_GE",
        "99PMP",   "99LOCAL", "99HOLOGIC", "99TOMTEC",  "99_OFFIS_DCMTK"};
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        if (slice_eq_str(scheme, makers[i])) {
            return true;
        }
    }
    struct slice name = slice_starts(scheme, slice_str("99")) ? slice_from(scheme, 2) : scheme;
    return name.len == 0 || is_harmless(c, slice_trim(name, "_- "));
}

// Versions are numbers or days of publication.
static void clean_version(struct gate_context *c, struct dcm_dataset *item, const char *path) {
    struct slice version = gate_text_of(c, item, DCM_CodingSchemeVersion);
    size_t numeric = 0;
    while (numeric < version.len &&
           (is_digit(version.ptr[numeric]) || version.ptr[numeric] == '.')) {
        numeric++;
    }
    bool stays = numeric == version.len
                     ? version.len <= 10 && !gate_text_objectionable(c, version, false)
                     : is_harmless(c, version);
    if (!stays) {
        gate_drop(c, item, DCM_CodingSchemeVersion, GATE_KIND_FREE_TEXT, path);
    }
}

int gate_code_scheme_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                           struct err *e) {
    struct slice scheme = gate_text_of(c, item, DCM_CodingSchemeDesignator);
    if (scheme.len > 0 && !scheme_stays(c, scheme)) {
        gate_notes_add(&c->notes, GATE_KIND_INSTITUTION, GATE_DONE_REPLACED, "%s.(0008,0102)",
                       path);
        int code = dcm_put_str(item, DCM_CodingSchemeDesignator, DCM_VR_SH, LOCAL_SCHEME, e);
        if (code != E_OK) {
            return code;
        }
    }
    clean_version(c, item, path);
    return E_OK;
}

// Where the code comes from (PS3.3 8.6): names of context groups are numbers; versions are dates of
// publications, not of people, but only when they look so.
static int clean_context(struct gate_context *c, struct dcm_dataset *item, const char *path,
                         struct err *e) {
    struct slice id = gate_text_of(c, item, DCM_ContextIdentifier);
    struct slice resource = gate_text_of(c, item, DCM_MappingResource);
    bool standard = slice_eq_str(resource, "DCMR") || slice_eq_str(resource, "SDM") ||
                    slice_eq_str(resource, "99SDM");
    if ((id.len > 0 && !fits(id, "#*") && !is_harmless(c, id)) || id.len > 8 || !standard) {
        static const dcm_tag elements[] = {
            DCM_ContextIdentifier,         DCM_ContextUID,
            DCM_MappingResource,           DCM_MappingResourceUID,
            DCM_ContextGroupVersion,       DCM_ContextGroupLocalVersion,
            DCM_ContextGroupExtensionFlag, DCM_ContextGroupExtensionCreatorUID};
        for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
            gate_drop(c, item, elements[i], GATE_KIND_UNKNOWN, path);
        }
        return E_OK;
    }
    if (!gate_is(item, DCM_ContextGroupExtensionFlag, "Y") &&
        !gate_is(item, DCM_ContextGroupExtensionFlag, "N")) {
        (void)dcm_remove(item, DCM_ContextGroupExtensionFlag);
    }
    gate_drop(c, item, DCM_ContextGroupLocalVersion, GATE_KIND_DATE, path);
    struct slice version = gate_text_of(c, item, DCM_ContextGroupVersion);
    struct slice day = slice_first(version, 8); // the time of a publication says nothing more
    if (!fits(day, "20######") && !fits(day, "19######")) {
        (void)dcm_remove(item, DCM_ContextGroupVersion);
    } else if (version.len > day.len) {
        int code = dcm_put(item, DCM_ContextGroupVersion, DCM_VR_DT, day, e);
        if (code != E_OK) {
            return code;
        }
    }
    int code = gate_uids_clean(c, item, DCM_ContextUID, e);
    code = code == E_OK ? gate_uids_clean(c, item, DCM_MappingResourceUID, e) : code;
    return code == E_OK ? gate_uids_clean(c, item, DCM_ContextGroupExtensionCreatorUID, e) : code;
}

static int clean_value(struct gate_context *c, struct dcm_dataset *item, struct slice value,
                       struct slice scheme, const char *path, struct err *e) {
    bool stays = looks_public(value, scheme) ? !gate_text_objectionable(c, value, false) ||
                                                   gate_concept_known(value, scheme)
                                             : is_harmless(c, value);
    return stays || value.len == 0 ? E_OK : replace_value(c, item, path, e);
}

// A meaning made of the words that the standard's meanings are made of stays whole, where neither
// the subject nor a recogniser objects; else word by word.
static bool meaning_stays(const struct gate_context *c, struct slice meaning) {
    struct gate_hit hit;
    if (gate_text_objectionable(c, meaning, false) || gate_recognise(meaning, 0, &hit)) {
        return false;
    }
    size_t words = 0;
    size_t digits = 0;
    for (size_t i = 0; i < meaning.len; i++) {
        size_t from = i;
        while (i < meaning.len && (is_letter(meaning.ptr[i]) || meaning.ptr[i] > 127)) {
            i++;
        }
        struct slice word = slice_of(meaning.ptr + from, i - from);
        words += word.len > 0;
        if (word.len > 2 && !gate_concept_word(word) && gate_text_objectionable(c, word, true)) {
            return false;
        }
        if (i < meaning.len && is_digit(meaning.ptr[i]) && ++digits > 4) {
            return false;
        }
    }
    return words > 0;
}

static int clean_one(struct gate_context *c, struct dcm_dataset *item, const char *path,
                     bool *ret_usable, struct err *e) {
    size_t count = sizeof code_elements / sizeof code_elements[0];
    *ret_usable = gate_keep_only(c, item, code_elements, count, path);
    if (!*ret_usable) {
        gate_remove_all(item);
        return E_OK;
    }
    struct slice scheme = gate_text_of(c, item, DCM_CodingSchemeDesignator);
    struct slice value = code_value(c, item);
    struct slice meaning = gate_text_of(c, item, DCM_CodeMeaning);
    int code = clean_context(c, item, path, e);
    code = code == E_OK ? gate_uids_clean(c, item, DCM_CodingSchemeUID, e) : code;
    if (code == E_OK && gate_concept_means(value, scheme, meaning)) {
        clean_version(c, item, path);
        return E_OK;
    }
    size_t kept = meaning_stays(c, meaning);
    code = code == E_OK && kept == 0 ? gate_text_clean(c, item, DCM_CodeMeaning, path, &kept, e)
                                     : code;
    code = code == E_OK ? clean_value(c, item, value, scheme, path, e) : code;
    code = code == E_OK ? gate_code_scheme_clean(c, item, path, e) : code;
    if (code == E_OK && kept == 0) {
        // A public code says itself what it means.
        *ret_usable = looks_public(value, scheme);
        struct slice said = gate_text_of(c, item, DCM_CodeValue);
        bool own = *ret_usable && said.len > 0;
        code = dcm_put(item, DCM_CodeMeaning, DCM_VR_LO, own ? said : slice_str("Not stated"), e);
    }
    return code;
}

int gate_code_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                    bool *ret_usable, struct err *e) {
    int code = clean_one(c, item, path, ret_usable, e);
    const struct dcm_node *others = dcm_get(item, DCM_EquivalentCodeSequence);
    for (uint32_t i = others == NULL ? 0 : others->item_count; code == E_OK && i-- > 0;) {
        bool usable = false;
        char where[GATE_PATH_MAX];
        struct dcm_dataset *one = dcm_get(item, DCM_EquivalentCodeSequence)->items[i];
        (void)dcm_remove(one, DCM_EquivalentCodeSequence);
        code = clean_one(c, one, gate_path_item(path, DCM_EquivalentCodeSequence, i, where),
                         &usable, e);
        if (code == E_OK && !usable) {
            (void)dcm_remove_item(item, DCM_EquivalentCodeSequence, i);
        }
    }
    return code;
}

int gate_codes_clean(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, const char *path,
                     struct err *e) {
    const struct dcm_node *n = dcm_get(d, tag);
    int code = E_OK;
    for (uint32_t i = n == NULL ? 0 : n->item_count; code == E_OK && i-- > 0;) {
        bool usable = false;
        char where[GATE_PATH_MAX];
        struct dcm_dataset *item = dcm_get(d, tag)->items[i];
        code = gate_code_clean(c, item, gate_path_item(path, tag, i, where), &usable, e);
        if (code == E_OK && !usable) {
            gate_notes_add(&c->notes, GATE_KIND_STRUCTURED, GATE_DONE_REMOVED, "%s", where);
            (void)dcm_remove_item(d, tag, i);
        }
    }
    return code;
}
