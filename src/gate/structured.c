// SPDX-License-Identifier: Apache-2.0
// The table of sequences that are cleaned by meaning. Each row says what is done to an item before
// and after the header's rules have been applied to what is left in it; SR trees are not left to
// those at all.
#include "gate/structured.h"

#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "gate/edit.h"
#include "gate/header.h"
#include "gate/sr_item.h"
#include "gate/sr_tree.h"
#include "gate/structured_items.h"

// Which way a sequence goes.
enum way {
    WAY_TREE, // content items below a document or another item
    WAY_FLAT, // a list of content items (Content Item Macro)
    WAY_ITEMS // items of their own kind
};

static const struct row {
    dcm_tag tag;
    enum way way;
    enum gate_method method;
    gate_items_cleaner clean; // of WAY_ITEMS
} rows[] = {
    {DCM_ContentSequence, WAY_TREE, GATE_METHOD_STRUCTURED, NULL},
    {DCM_AcquisitionContextSequence, WAY_FLAT, GATE_METHOD_STRUCTURED, NULL},
    {DCM_ProtocolContextSequence, WAY_FLAT, GATE_METHOD_STRUCTURED, NULL},
    {DCM_ContentItemModifierSequence, WAY_FLAT, GATE_METHOD_STRUCTURED, NULL},
    {DCM_SpecimenPreparationStepContentItemSequence, WAY_FLAT, GATE_METHOD_STRUCTURED, NULL},
    {DCM_SpecimenLocalizationContentItemSequence, WAY_FLAT, GATE_METHOD_STRUCTURED, NULL},
    {DCM_PerformedProcessingParametersSequence, WAY_FLAT, GATE_METHOD_STRUCTURED, NULL},
    {DCM_SpecimenPreparationSequence, WAY_ITEMS, GATE_METHOD_STRUCTURED, gate_specimen_step_clean},
    {DCM_WaveformAnnotationSequence, WAY_ITEMS, GATE_METHOD_STRUCTURED,
     gate_waveform_annotation_clean},
    {DCM_VerifyingObserverSequence, WAY_ITEMS, GATE_METHOD_STRUCTURED,
     gate_verifying_observer_clean},
    {DCM_GraphicAnnotationSequence, WAY_ITEMS, GATE_METHOD_GRAPHICS, gate_annotation_clean},
    {DCM_TextObjectSequence, WAY_ITEMS, GATE_METHOD_GRAPHICS, gate_text_object_clean},
    {DCM_GraphicLayerSequence, WAY_ITEMS, GATE_METHOD_GRAPHICS, gate_graphic_layer_clean},
    {DCM_GraphicGroupSequence, WAY_ITEMS, GATE_METHOD_GRAPHICS, gate_graphic_group_clean},
    {DCM_SegmentSequence, WAY_ITEMS, GATE_METHOD_DESCRIPTORS, gate_segment_clean},
    {DCM_StructureSetROISequence, WAY_ITEMS, GATE_METHOD_DESCRIPTORS, gate_roi_clean},
};

static const struct row *row_of(dcm_tag tag) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].tag == tag) {
            return &rows[i];
        }
    }
    return NULL;
}

bool gate_structured_owns(dcm_tag sequence) { return row_of(sequence) != NULL; }

static void refuse(struct gate_context *c, const char *path, dcm_tag tag) {
    char where[GATE_PATH_MAX];
    gate_object(c, GATE_REFUSED, GATE_REASON_STRUCTURE);
    gate_notes_add(&c->notes, GATE_KIND_STRUCTURED, GATE_DONE_LEFT, "%s",
                   gate_path_element(path, tag, where));
}

static int clean_tree(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, const char *path,
                      struct err *e) {
    bool walked = false;
    int code = gate_tree_clean(c, d, path, &walked, e);
    if (code == E_OK && !walked) {
        refuse(c, path, tag);
        (void)dcm_remove(d, tag);
    }
    return code;
}

static int clean_flat(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, const char *path,
                      bool nested, struct err *e);

// One item of the macro. Modifiers have no modifiers; what hangs below is a tree of its own.
static int clean_flat_item(struct gate_context *c, struct dcm_dataset *item, const char *path,
                           bool nested, enum gate_item_fate *ret_fate, struct err *e) {
    bool walked = false;
    int code = gate_tree_clean(c, item, path, &walked, e);
    if (code == E_OK && !walked) {
        gate_drop(c, item, DCM_ContentSequence, GATE_KIND_STRUCTURED, path);
    }
    if (nested) {
        gate_drop(c, item, DCM_ContentItemModifierSequence, GATE_KIND_STRUCTURED, path);
    } else if (code == E_OK) {
        code = clean_flat(c, item, DCM_ContentItemModifierSequence, path, true, e);
    }
    return code == E_OK ? gate_item_clean(c, item, path, ret_fate, e) : code;
}

static int clean_flat(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, const char *path,
                      bool nested, struct err *e) {
    const struct dcm_node *n = dcm_get(d, tag);
    int code = E_OK;
    for (uint32_t i = n == NULL ? 0 : n->item_count; code == E_OK && i-- > 0;) {
        char where[GATE_PATH_MAX];
        enum gate_item_fate fate = GATE_ITEM_GOES;
        struct dcm_dataset *item = dcm_get(d, tag)->items[i];
        (void)gate_path_item(path, tag, i, where);
        code = clean_flat_item(c, item, where, nested, &fate, e);
        if (code == E_OK && fate == GATE_ITEM_HOLLOW) {
            bool dummy = dcm_get(item, DCM_TextValue) != NULL;
            fate = dummy ? GATE_ITEM_STAYS : GATE_ITEM_GOES;
        }
        if (code == E_OK && fate != GATE_ITEM_STAYS) {
            (void)dcm_remove_item(d, tag, i);
        }
    }
    return code;
}

static int clean_items(struct gate_context *c, struct dcm_dataset *d, const struct row *r,
                       const char *path, struct err *e) {
    const struct dcm_node *n = dcm_get(d, r->tag);
    int code = E_OK;
    for (uint32_t i = n == NULL ? 0 : n->item_count; code == E_OK && i-- > 0;) {
        char where[GATE_PATH_MAX];
        bool stays = true;
        struct dcm_dataset *item = dcm_get(d, r->tag)->items[i];
        (void)gate_path_item(path, r->tag, i, where);
        code = r->clean(c, item, where, &stays, e);
        if (code == E_OK && !stays) {
            gate_notes_add(&c->notes, GATE_KIND_GRAPHICS, GATE_DONE_REMOVED, "%s", where);
            (void)dcm_remove_item(d, r->tag, i);
        }
    }
    return code;
}

int gate_structured_clean(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag,
                          const char *path, struct err *e) {
    const struct row *r = row_of(tag);
    const struct dcm_node *n = dcm_get(d, tag);
    if (r == NULL || n == NULL) {
        return E_OK;
    }
    c->methods |= r->method;
    if (n->vr != DCM_VR_SQ) { // whatever it is, it is not what it should be
        gate_drop(c, d, tag, GATE_KIND_STRUCTURED, path);
        return E_OK;
    }
    switch (r->way) {
    case WAY_TREE:
        return clean_tree(c, d, tag, path, e);
    case WAY_FLAT:
        return clean_flat(c, d, tag, path, false, e);
    case WAY_ITEMS:
    default:
        return clean_items(c, d, r, path, e);
    }
}
