// SPDX-License-Identifier: Apache-2.0
#include "gate/rules.h"

#include "gate/profile.h"
#include "gate/profile_table.h"

struct iod_class {
    const char *uid;
    uint8_t group;
};

struct type_row {
    dcm_tag tag;
    uint32_t where; // 0 top, 1 any item, else the sequence right around
    uint32_t iods;  // bits
    uint8_t type;
};

#include "gate/rules_table.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SLOTS COUNT(rule_slots)
#define SLOT_BITS ((unsigned)__builtin_ctzl(SLOTS))
#define EQUIPMENT_MAX 40

const struct gate_rule *gate_rule_find(dcm_tag tag) {
    uint32_t at = tag * 0x9E3779B1u >> (32 - SLOT_BITS);
    for (; rule_slots[at] != 0; at = (at + 1) & (SLOTS - 1)) {
        const struct gate_rule *r = &rules[rule_slots[at] - 1];
        if (r->tag == tag) {
            return r;
        }
    }
    return NULL;
}

const struct gate_rule *gate_rules(uint32_t *ret_count) {
    *ret_count = COUNT(rules);
    return rules;
}

enum gate_option_says gate_rule_says(const struct gate_rule *r, enum gate_option option) {
    return (enum gate_option_says)(r->options >> 2 * (unsigned)option & 3);
}

const struct gate_domain *gate_rule_domain(const struct gate_rule *r) {
    return &domains[r->domain];
}

struct slice gate_profile_builtin(void) {
    return slice_of(builtin_profile, sizeof builtin_profile);
}

const char *gate_tables_digest(void) { return GATE_TABLES_DIGEST; }

// --- what a profile makes of a rule ---

enum gate_how gate_rule_floor(const struct gate_rule *r) {
    switch (r->basic) {
    case GATE_BASIC_NONE:
        return r->how == GATE_HOW_NONE ? GATE_HOW_REMOVE : GATE_HOW_EMPTY;
    case GATE_BASIC_X:
        return GATE_HOW_REMOVE;
    case GATE_BASIC_Z:
        return GATE_HOW_EMPTY;
    case GATE_BASIC_U:
        return GATE_HOW_UID;
    case GATE_BASIC_D:
        return r->vr == DCM_VR_SQ ? GATE_HOW_ITEMS : GATE_HOW_DUMMY;
    case GATE_BASIC_XZU:
        return GATE_HOW_ITEMS;
    default:
        return GATE_HOW_TYPED;
    }
}

static enum gate_how retained(const struct gate_rule *r) {
    return r->vr == DCM_VR_SQ ? GATE_HOW_ITEMS : GATE_HOW_AS_IS;
}

static bool keeps(const struct gate_rule *r, enum gate_option option, bool on) {
    return on && gate_rule_says(r, option) == GATE_SAYS_KEEP;
}

// Dates: device calibration and manufacture are not moved, because who knows a device's true date
// would learn by how much the others were (PS3.15 has K and C for them at once).
static enum gate_how of_dates(const struct gate_profile *p, const struct gate_rule *r) {
    if (gate_rule_says(r, GATE_OPTION_DATES) == GATE_SAYS_NOTHING) {
        return GATE_HOW_NONE;
    }
    if (p->dates == GATE_DATES_KEPT) {
        return GATE_HOW_AS_IS;
    }
    bool moves = r->vr == DCM_VR_DA || r->vr == DCM_VR_DT || r->vr == DCM_VR_TM;
    bool device = gate_rule_says(r, GATE_OPTION_DEVICE) != GATE_SAYS_NOTHING;
    return p->dates == GATE_DATES_SHIFTED && moves && !device ? GATE_HOW_SHIFT : GATE_HOW_NONE;
}

static enum gate_how of_retaining(const struct gate_profile *p, const struct gate_rule *r) {
    if (keeps(r, GATE_OPTION_UIDS, p->keep_uids) || keeps(r, GATE_OPTION_DEVICE, p->keep_device) ||
        keeps(r, GATE_OPTION_INSTITUTION, p->keep_institution) ||
        keeps(r, GATE_OPTION_CHARACTERISTICS, p->keep_characteristics)) {
        return retained(r);
    }
    if (p->keep_device && gate_rule_says(r, GATE_OPTION_DEVICE) == GATE_SAYS_CLEAN) {
        return GATE_HOW_DUMMY; // network names
    }
    if (p->keep_characteristics &&
        gate_rule_says(r, GATE_OPTION_CHARACTERISTICS) == GATE_SAYS_CLEAN) {
        return GATE_HOW_WORDS;
    }
    return of_dates(p, r);
}

static enum gate_how cleaned(const struct gate_rule *r) {
    if (r->vr == DCM_VR_SQ) {
        return GATE_HOW_ITEMS;
    }
    if (r->vr == DCM_VR_CS) {
        return GATE_HOW_TERM;
    }
    bool text = dcm_vr_uses_charset((enum dcm_vr)r->vr) && r->vr != DCM_VR_PN;
    return !text ? GATE_HOW_NONE : r->how == GATE_HOW_NONE ? GATE_HOW_WORDS : (enum gate_how)r->how;
}

static enum gate_how of_cleaning(const struct gate_profile *p, const struct gate_rule *r) {
    const struct {
        enum gate_option option;
        bool on;
    } options[] = {{GATE_OPTION_DESCRIPTORS, p->clean_descriptors},
                   {GATE_OPTION_STRUCTURED, p->clean_structured},
                   {GATE_OPTION_GRAPHICS, p->clean_graphics}};
    for (size_t i = 0; i < COUNT(options); i++) {
        if (options[i].on && gate_rule_says(r, options[i].option) == GATE_SAYS_CLEAN) {
            return cleaned(r);
        }
    }
    return GATE_HOW_NONE;
}

static enum gate_how of_edits(const struct gate_profile *p, dcm_tag tag) {
    const struct gate_profile_table *t = p->table;
    uint32_t low = 0;
    uint32_t high = t == NULL ? 0 : t->edit_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (t->edits[middle].tag == tag) {
            return (enum gate_how)t->edits[middle].how;
        }
        if (t->edits[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return GATE_HOW_NONE;
}

// Whether the keep list's rule goes before Table E.1-1: a pseudonym, a band, a pixel element.
static bool goes_before(uint8_t how) {
    return how == GATE_HOW_SEX || how == GATE_HOW_AGE || how == GATE_HOW_SUV ||
           how == GATE_HOW_NAME || how == GATE_HOW_PATIENT_ID || how == GATE_HOW_CASE;
}

enum gate_how gate_rule_how(const struct gate_profile *p, const struct gate_rule *r) {
    enum gate_how how = of_edits(p, r->tag);
    if (how != GATE_HOW_NONE) {
        return how;
    }
    if (r->basic == GATE_BASIC_NONE) {
        return r->how == GATE_HOW_NONE ? GATE_HOW_REMOVE : (enum gate_how)r->how;
    }
    how = of_retaining(p, r);
    if (how != GATE_HOW_NONE) {
        return how;
    }
    if (goes_before(r->how)) {
        return (enum gate_how)r->how;
    }
    how = of_cleaning(p, r);
    return how != GATE_HOW_NONE ? how : gate_rule_floor(r);
}

// --- types ---

uint8_t gate_iod_find(struct slice sop_class) {
    size_t low = 0;
    size_t high = COUNT(iod_classes);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_cmp(slice_str(iod_classes[middle].uid), sop_class);
        if (order == 0) {
            return iod_classes[middle].group;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return IOD_OTHER;
}

bool gate_iod_is_pet(uint8_t iod) { return iod == IOD_PET; }

unsigned gate_type_find(dcm_tag tag, dcm_tag around, uint8_t iod) {
    size_t low = 0;
    size_t high = COUNT(type_rows);
    while (low < high) { // the first row of the tag
        size_t middle = low + (high - low) / 2;
        if (type_rows[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < COUNT(type_rows) && type_rows[low].tag == tag; low++) {
        const struct type_row *t = &type_rows[low];
        bool fits = t->where == around || (t->where == 1 && around != 0);
        if (fits && (t->iods >> iod & 1) != 0) {
            return t->type;
        }
    }
    return 0;
}

static bool has_loose_types(uint8_t iod) {
    return iod == IOD_CLASSIC || iod == IOD_PET || iod == IOD_DX || iod == IOD_VL;
}

enum gate_how gate_rule_typed(const struct gate_rule *r, dcm_tag around, uint8_t iod) {
    static const enum gate_how by_type[] = {GATE_HOW_NONE, GATE_HOW_DUMMY, GATE_HOW_EMPTY,
                                            GATE_HOW_REMOVE};
    unsigned type = gate_type_find(r->tag, around, iod);
    if (type != 0) {
        return by_type[type];
    }
    bool loose = around == 0 && has_loose_types(iod);
    switch (r->basic) {
    case GATE_BASIC_ZD:
        return loose ? GATE_HOW_EMPTY : GATE_HOW_DUMMY;
    case GATE_BASIC_XZ:
        return loose ? GATE_HOW_REMOVE : GATE_HOW_EMPTY;
    default:
        return loose ? GATE_HOW_REMOVE : GATE_HOW_DUMMY;
    }
}

// --- words and private attributes ---

const struct gate_term *gate_term_find(struct slice text) {
    size_t low = 0;
    size_t high = COUNT(terms);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_cmp(slice_str(terms[middle].text), text);
        if (order == 0) {
            return &terms[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

bool gate_equipment_knows(struct slice word) {
    uint8_t small[EQUIPMENT_MAX];
    if (word.len == 0 || word.len > sizeof small) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];
        small[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
    }
    size_t low = 0;
    size_t high = COUNT(equipment);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_cmp(slice_str(equipment[middle]), slice_of(small, word.len));
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

bool gate_private_find(const struct gate_profile *p, uint16_t group, struct slice creator,
                       uint8_t element, enum dcm_vr *ret_vr) {
    for (size_t i = 0; i < COUNT(safe_private); i++) {
        const struct gate_safe_private *s = &safe_private[i];
        if (s->group == group && s->element == element && slice_eq_str(creator, s->creator)) {
            *ret_vr = (enum dcm_vr)s->vr;
            return true;
        }
    }
    const struct gate_profile_table *t = p->table;
    for (uint32_t i = 0; t != NULL && i < t->private_count; i++) {
        const struct gate_profile_private *s = &t->privates[i];
        if (s->group == group && s->element == element && slice_eq_str(creator, s->creator)) {
            *ret_vr = (enum dcm_vr)s->vr;
            return true;
        }
    }
    return false;
}
