// SPDX-License-Identifier: Apache-2.0
#include "gate/references.h"

#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "gate/codes.h"
#include "gate/edit.h"

static const dcm_tag elements[] = {
    DCM_ReferencedSOPClassUID,  DCM_ReferencedSOPInstanceUID,   DCM_ReferencedFrameNumber,
    DCM_ReferencedSOPSequence,  DCM_ReferencedWaveformChannels, DCM_PurposeOfReferenceCodeSequence,
    DCM_ReferencedSegmentNumber};

static const dcm_tag uids[] = {DCM_ReferencedSOPClassUID, DCM_ReferencedSOPInstanceUID};

// "0" and other text without a dot names no instance.
static bool names_one(const struct dcm_dataset *item) {
    struct slice uid;
    return dcm_text(item, DCM_ReferencedSOPInstanceUID, 0, &uid) && slice_find(uid, '.') < uid.len;
}

// A class that the registry knows stays by gate_uid itself; a private one becomes a number.
static int clean_item(struct gate_context *c, struct dcm_dataset *item, const char *path,
                      bool *ret_usable, struct err *e) {
    *ret_usable = gate_keep_only(c, item, elements, sizeof elements / sizeof elements[0], path) &&
                  names_one(item);
    if (!*ret_usable) {
        return E_OK;
    }
    int64_t number;
    const struct dcm_node *frames = dcm_get(item, DCM_ReferencedFrameNumber);
    for (uint32_t i = 0; frames != NULL && i < dcm_value_count(frames); i++) {
        if (!dcm_node_int(frames, i, &number)) {
            gate_drop(c, item, DCM_ReferencedFrameNumber, GATE_KIND_UNKNOWN, path);
            break;
        }
    }
    int code = E_OK;
    for (size_t i = 0; code == E_OK && i < sizeof uids / sizeof uids[0]; i++) {
        code = gate_uids_clean(c, item, uids[i], e);
    }
    return code == E_OK ? gate_codes_clean(c, item, DCM_PurposeOfReferenceCodeSequence, path, e)
                        : code;
}

// One level; the presentation state of an image is a reference inside of a reference.
static int clean_level(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, const char *path,
                       bool inner, struct err *e) {
    const struct dcm_node *n = dcm_get(d, tag);
    int code = E_OK;
    for (uint32_t i = n == NULL ? 0 : n->item_count; code == E_OK && i-- > 0;) {
        bool usable = false;
        char where[GATE_PATH_MAX];
        struct dcm_dataset *item = dcm_get(d, tag)->items[i];
        (void)gate_path_item(path, tag, i, where);
        code = clean_item(c, item, where, &usable, e);
        if (code == E_OK && inner) {
            (void)dcm_remove(item, DCM_ReferencedSOPSequence);
        } else if (code == E_OK && usable) {
            code = clean_level(c, item, DCM_ReferencedSOPSequence, where, true, e);
        }
        if (code == E_OK && !usable) {
            gate_notes_add(&c->notes, GATE_KIND_STRUCTURED, GATE_DONE_REMOVED, "%s", where);
            (void)dcm_remove_item(d, tag, i);
        }
    }
    return code;
}

int gate_references_clean(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag,
                          const char *path, struct err *e) {
    return clean_level(c, d, tag, path, false, e);
}
