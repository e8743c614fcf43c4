// SPDX-License-Identifier: Apache-2.0
#include "gate/structured_items.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "gate/edit.h"
#include "gate/header.h"

#define CS_MAX 16u

// Text of an item that the header's rules do not see: it is taken out, cleaned by words, and put
// back behind them (0 bytes: nothing is left).
struct kept {
    dcm_tag tag;
    enum dcm_vr vr;
    struct slice text; // UTF-8, clean
};

static int take_text(struct gate_context *c, struct dcm_dataset *item, dcm_tag tag,
                     const char *path, struct kept *ret_kept, struct err *e) {
    size_t len = 0;
    const struct dcm_node *n = dcm_get(item, tag);
    *ret_kept = (struct kept){.tag = tag, .vr = n == NULL ? DCM_VR_NONE : n->vr};
    int code = gate_text_clean(c, item, tag, path, &len, e);
    if (code == E_OK && len > 0) {
        ret_kept->text = gate_text_of(c, item, tag);
    }
    (void)dcm_remove(item, tag);
    return code;
}

static int put_back(struct gate_context *c, struct dcm_dataset *item, const struct kept *k,
                    struct err *e) {
    return k->text.len == 0 ? E_OK : gate_text_put(c, item, k->tag, k->vr, k->text, e);
}

// Takes one text, has the rest cleaned by the header's rules, and puts what is left of the text
// back, or `instead` (NULL: nothing).
static int clean_around(struct gate_context *c, struct dcm_dataset *item, dcm_tag tag,
                        enum dcm_vr vr, const char *instead, const char *path, bool *ret_text,
                        struct err *e) {
    struct kept k;
    int code = take_text(c, item, tag, path, &k, e);
    code = code == E_OK ? gate_header_clean_item(c, item, path, e) : code;
    code = code == E_OK ? put_back(c, item, &k, e) : code;
    *ret_text = k.text.len > 0;
    return code == E_OK && !*ret_text && instead != NULL ? dcm_put_str(item, tag, vr, instead, e)
                                                         : code;
}

// --- graphics ---

// The name of a layer is a free word in CS: known words stay, others become the same other word
// wherever the layer is named, so that annotations keep to their layer.
static int clean_layer_name(struct gate_context *c, struct dcm_dataset *item, const char *path,
                            struct err *e) {
    struct slice name = gate_text_of(c, item, DCM_GraphicLayer);
    if (name.len == 0 || (name.len <= CS_MAX && gate_label_plain(c, name))) {
        return E_OK;
    }
    char made[GATE_PSEUDONYM_MAX];
    char layer[CS_MAX + 1];
    size_t len = 0;
    (void)gate_pseudonym(c->key, "layer", "LAYER", name, made);
    for (const char *p = made; *p != '\0' && len < CS_MAX; p++) {
        if (*p != '-') { // no character of CS
            layer[len++] = *p;
        }
    }
    layer[len] = '\0';
    gate_notes_add(&c->notes, GATE_KIND_GRAPHICS, GATE_DONE_REPLACED, "%s.(0070,0002)", path);
    return dcm_put_str(item, DCM_GraphicLayer, DCM_VR_CS, layer, e);
}

// Keeps the layer's name over the header's rules.
static int clean_with_layer(struct gate_context *c, struct dcm_dataset *item, const char *path,
                            struct err *e) {
    char layer[CS_MAX + 1] = "";
    int code = clean_layer_name(c, item, path, e);
    struct slice name = gate_text_of(c, item, DCM_GraphicLayer);
    if (name.len > 0 && name.len <= CS_MAX) {
        memcpy(layer, name.ptr, name.len);
        layer[name.len] = '\0';
    }
    code = code == E_OK ? gate_header_clean_item(c, item, path, e) : code;
    return code == E_OK && layer[0] != '\0'
               ? dcm_put_str(item, DCM_GraphicLayer, DCM_VR_CS, layer, e)
               : code;
}

// Shapes say nothing of anybody; an annotation whose text went and that draws nothing goes.
int gate_annotation_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                          bool *ret_stays, struct err *e) {
    int code = clean_with_layer(c, item, path, e);
    *ret_stays = dcm_get(item, DCM_TextObjectSequence) != NULL ||
                 dcm_get(item, DCM_GraphicObjectSequence) != NULL ||
                 dcm_get(item, DCM_CompoundGraphicSequence) != NULL;
    return code;
}

int gate_text_object_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                           bool *ret_stays, struct err *e) {
    return clean_around(c, item, DCM_UnformattedTextValue, DCM_VR_ST, NULL, path, ret_stays, e);
}

int gate_graphic_layer_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                             bool *ret_stays, struct err *e) {
    struct kept k;
    *ret_stays = true;
    int code = take_text(c, item, DCM_GraphicLayerDescription, path, &k, e);
    code = code == E_OK ? clean_with_layer(c, item, path, e) : code;
    return code == E_OK ? put_back(c, item, &k, e) : code;
}

int gate_graphic_group_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                             bool *ret_stays, struct err *e) {
    bool text;
    struct kept k;
    *ret_stays = true;
    int code = take_text(c, item, DCM_GraphicGroupDescription, path, &k, e);
    code = code == E_OK
               ? clean_around(c, item, DCM_GraphicGroupLabel, DCM_VR_LO, "Group", path, &text, e)
               : code;
    return code == E_OK ? put_back(c, item, &k, e) : code;
}

// --- segments and regions ---

// "Segment 3": what a list of segments without a label is good for.
static int numbered_label(struct gate_context *c, struct dcm_dataset *item, dcm_tag number,
                          dcm_tag label, const char *word, const char *path, struct err *e) {
    bool text;
    int64_t n;
    char instead[64];
    if (dcm_int(item, number, 0, &n)) {
        (void)snprintf(instead, sizeof instead, "%s %lld", word, (long long)n);
    } else {
        (void)snprintf(instead, sizeof instead, "%s", word);
    }
    return clean_around(c, item, label, DCM_VR_LO, instead, path, &text, e);
}

int gate_segment_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                       bool *ret_stays, struct err *e) {
    static const dcm_tag texts[] = {DCM_SegmentDescription, DCM_SegmentAlgorithmName,
                                    DCM_TrackingID};
    struct kept kept[3];
    int code = E_OK;
    *ret_stays = true;
    for (size_t i = 0; code == E_OK && i < 3; i++) {
        code = take_text(c, item, texts[i], path, &kept[i], e);
    }
    bool tracked = kept[2].vr != DCM_VR_NONE;
    code = code == E_OK
               ? numbered_label(c, item, DCM_SegmentNumber, DCM_SegmentLabel, "Segment", path, e)
               : code;
    for (size_t i = 0; code == E_OK && i < 3; i++) {
        code = put_back(c, item, &kept[i], e);
    }
    // Type 1C: an algorithm has a name, a tracking UID its identifier.
    bool automatic = !gate_is(item, DCM_SegmentAlgorithmType, "MANUAL");
    if (code == E_OK && automatic && kept[1].vr != DCM_VR_NONE && kept[1].text.len == 0) {
        code = dcm_put_str(item, DCM_SegmentAlgorithmName, DCM_VR_LO, "Algorithm", e);
    }
    if (code == E_OK && tracked && kept[2].text.len == 0) {
        code = dcm_put_str(item, DCM_TrackingID, DCM_VR_UT, "Tracked", e);
    }
    return code;
}

int gate_roi_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                   bool *ret_stays, struct err *e) {
    struct kept k;
    *ret_stays = true;
    int code = take_text(c, item, DCM_ROIDescription, path, &k, e);
    code =
        code == E_OK ? numbered_label(c, item, DCM_ROINumber, DCM_ROIName, "ROI", path, e) : code;
    return code == E_OK ? put_back(c, item, &k, e) : code;
}

// --- waveforms, observers, specimens ---

int gate_waveform_annotation_clean(struct gate_context *c, struct dcm_dataset *item,
                                   const char *path, bool *ret_stays, struct err *e) {
    bool text;
    int code = clean_around(c, item, DCM_UnformattedTextValue, DCM_VR_ST, NULL, path, &text, e);
    *ret_stays = text || dcm_get(item, DCM_ConceptNameCodeSequence) != NULL;
    return code;
}

// Verified stays verified; by whom does not (PS3.3 C.17.2: Type 1 name, organization, time).
int gate_verifying_observer_clean(struct gate_context *c, struct dcm_dataset *item,
                                  const char *path, bool *ret_stays, struct err *e) {
    static const struct {
        dcm_tag tag;
        enum dcm_vr vr;
        const char *dummy;
    } needed[] = {{DCM_VerifyingOrganization, DCM_VR_LO, "Removed"},
                  {DCM_VerificationDateTime, DCM_VR_DT, "20000101000000"},
                  {DCM_VerifyingObserverName, DCM_VR_PN, "Removed"}};
    *ret_stays = true;
    int code = gate_header_clean_item(c, item, path, e);
    for (size_t i = 0; code == E_OK && i < 3; i++) {
        const struct dcm_node *n = dcm_get(item, needed[i].tag);
        if (n == NULL || n->value.len == 0) {
            code = dcm_put_str(item, needed[i].tag, needed[i].vr, needed[i].dummy, e);
        }
    }
    return code;
}

int gate_specimen_step_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                             bool *ret_stays, struct err *e) {
    int code = gate_header_clean_item(c, item, path, e);
    *ret_stays = dcm_get(item, DCM_SpecimenPreparationStepContentItemSequence) != NULL;
    return code;
}
