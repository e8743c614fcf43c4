// SPDX-License-Identifier: Apache-2.0
#include "cli/dicom_contexts.h"

#include "base/arena.h"
#include "base/err.h"

const char *const contexts_native[] = {DCM_EXPLICIT_LE_UID, DCM_IMPLICIT_LE_UID, NULL};

// In the order in which contexts of their own are given out: native, then what archives hold most.
static const char *const receive_syntaxes[] = {
    DCM_EXPLICIT_LE_UID,
    DCM_IMPLICIT_LE_UID,
    "1.2.840.10008.1.2.4.70", // JPEG lossless SV1
    "1.2.840.10008.1.2.4.90", // JPEG 2000 lossless
    DCM_JPEG_BASELINE_UID,
    "1.2.840.10008.1.2.4.80",  // JPEG-LS lossless
    "1.2.840.10008.1.2.4.91",  // JPEG 2000
    DCM_RLE_UID,               //
    "1.2.840.10008.1.2.4.201", // HTJ2K lossless
    "1.2.840.10008.1.2.4.51",  // JPEG extended
    "1.2.840.10008.1.2.4.57",  // JPEG lossless
    "1.2.840.10008.1.2.4.81",  // JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.202", // HTJ2K lossless RPCL
    "1.2.840.10008.1.2.4.203", // HTJ2K
    "1.2.840.10008.1.2.4.102", // MPEG-4 AVC High 4.1
    "1.2.840.10008.1.2.4.103", // the same, Blu-ray
    "1.2.840.10008.1.2.4.100", // MPEG-2 main
    "1.2.840.10008.1.2.4.101", // MPEG-2 high
    DCM_DEFLATED_UID,
    DCM_EXPLICIT_BE_UID,
    "1.2.840.10008.1.2.4.104", // MPEG-4 AVC High 4.2 2D
    "1.2.840.10008.1.2.4.105", // 3D
    "1.2.840.10008.1.2.4.106", // stereo
    "1.2.840.10008.1.2.4.107", // HEVC main
    "1.2.840.10008.1.2.4.108", // HEVC main 10
    "1.2.840.10008.1.2.4.110", // JPEG XL lossless
    "1.2.840.10008.1.2.4.111", // JPEG XL recompression
    "1.2.840.10008.1.2.4.112", // JPEG XL
    "1.2.840.10008.1.2.4.92",  // JPEG 2000 part 2 lossless
    "1.2.840.10008.1.2.4.93",  // JPEG 2000 part 2
    "1.2.840.10008.1.2.1.98",  // encapsulated uncompressed
    "1.2.840.10008.1.2.8.1",   // deflated image frames
};
#define SYNTAX_COUNT (sizeof receive_syntaxes / sizeof receive_syntaxes[0])
#define NATIVE_COUNT 2

#define STORAGE(rest) "1.2.840.10008.5.1.4.1.1." rest
// What a hospital's archive is full of, the commonest first.
static const char *const usual_classes[] = {
    STORAGE("2"),        // CT
    STORAGE("4"),        // MR
    STORAGE("1"),        // CR
    STORAGE("1.1"),      // DX
    STORAGE("6.1"),      // US
    STORAGE("3.1"),      // US multi-frame
    STORAGE("7"),        // secondary capture
    STORAGE("12.1"),     // XA
    STORAGE("12.2"),     // XRF
    STORAGE("1.2"),      // MG
    STORAGE("13.1.3"),   // breast tomosynthesis
    STORAGE("128"),      // PET
    STORAGE("20"),       // NM
    STORAGE("2.1"),      // enhanced CT
    STORAGE("4.1"),      // enhanced MR
    STORAGE("4.4"),      // legacy converted MR
    STORAGE("2.2"),      // legacy converted CT
    STORAGE("130"),      // enhanced PET
    STORAGE("7.4"),      // multi-frame true colour SC
    STORAGE("7.2"),      // multi-frame grey byte SC
    STORAGE("7.3"),      // multi-frame grey word SC
    STORAGE("7.1"),      // multi-frame bit SC
    STORAGE("88.59"),    // key objects
    STORAGE("11.1"),     // grey presentation state
    STORAGE("88.67"),    // dose SR
    STORAGE("88.33"),    // comprehensive SR
    STORAGE("88.22"),    // enhanced SR
    STORAGE("88.11"),    // basic text SR
    STORAGE("88.34"),    // comprehensive 3D SR
    STORAGE("104.1"),    // PDF
    STORAGE("66.4"),     // segmentation
    STORAGE("66"),       // raw data
    STORAGE("481.1"),    // RT image
    STORAGE("481.2"),    // RT dose
    STORAGE("481.3"),    // RT structure set
    STORAGE("481.5"),    // RT plan
    STORAGE("66.1"),     // spatial registration
    STORAGE("67"),       // real-world values
    STORAGE("30"),       // parametric map
    STORAGE("12.1.1"),   // enhanced XA
    STORAGE("12.2.1"),   // enhanced XRF
    STORAGE("13.1.1"),   // X-ray 3D
    STORAGE("1.1.1"),    // DX for processing
    STORAGE("1.2.1"),    // MG for processing
    STORAGE("1.3"),      // intra-oral
    STORAGE("11.2"),     // colour presentation state
    STORAGE("9.1.1"),    // 12-lead ECG
    STORAGE("9.1.2"),    // general ECG
    STORAGE("77.1.1"),   // endoscopy
    STORAGE("77.1.4"),   // photography
    STORAGE("77.1.6"),   // whole slide
    STORAGE("77.1.1.1"), // video endoscopy
    STORAGE("77.1.4.1"), // video photography
    STORAGE("77.1.5.1"), // ophthalmic 8 bit
    STORAGE("77.1.5.4"), // ophthalmic tomography
    STORAGE("88.50"),    // mammography CAD
    STORAGE("6.2"),      // US volume
    STORAGE("4.2"),      // spectroscopy
    STORAGE("4.3"),      // enhanced MR colour
    STORAGE("104.2"),    // CDA
    STORAGE("104.3"),    // STL
    STORAGE("6"),        // US, retired
    STORAGE("3"),        // US multi-frame, retired
};
#define USUAL_COUNT (sizeof usual_classes / sizeof usual_classes[0])
_Static_assert(USUAL_COUNT <= CONTEXTS_CLASSES_MAX / 2, "two contexts each");

int contexts_add(struct contexts *c, const char *abstract_syntax, const char *const *syntaxes,
                 bool scp_role, struct slice extended, struct err *e) {
    if (c->count == DIMSE_CONTEXTS_MAX) {
        return err_set(e, E_LIMIT, "more than %d presentation contexts", DIMSE_CONTEXTS_MAX);
    }
    c->wants[c->count++] = (struct dimse_want){.abstract_syntax = abstract_syntax,
                                               .syntaxes = syntaxes,
                                               .scp_role = scp_role,
                                               .extended = extended};
    return E_OK;
}

// A list of its own of the syntaxes first to last-1.
static const char *const *some_syntaxes(struct arena *a, size_t first, size_t last) {
    const char **list = arena_array(a, last - first + 1, sizeof *list);
    if (list != NULL) {
        memcpy(list, receive_syntaxes + first, (last - first) * sizeof *list);
    }
    return list;
}

// `each` contexts for every class: one syntax each, what is left over in the last one. With one
// context all syntaxes share it, with two the native ones share the first.
static size_t group_end(size_t group, size_t each, size_t first, size_t total) {
    if (group + 1 == each) {
        return total;
    }
    return each == 2 && total > NATIVE_COUNT ? NATIVE_COUNT : first + 1;
}

int contexts_receive(struct contexts *c, const char *const *classes, size_t class_count,
                     bool native, struct err *e) {
    const char *const *list = classes != NULL ? classes : usual_classes;
    size_t count = classes != NULL ? class_count : USUAL_COUNT;
    size_t total = native ? NATIVE_COUNT : SYNTAX_COUNT;
    size_t room = DIMSE_CONTEXTS_MAX - c->count;
    if (count == 0 || count > room) {
        return err_set(e, E_LIMIT, "%zu SOP classes, and room for %zu", count, room);
    }
    size_t each = room / count < total ? room / count : total;
    size_t first = 0;
    for (size_t group = 0; group < each; group++) {
        size_t end = group_end(group, each, first, total);
        const char *const *syntaxes = some_syntaxes(c->arena, first, end);
        for (size_t i = 0; i < count; i++) {
            const char *class = arena_str(c->arena, slice_str(list[i]));
            if (class == NULL || syntaxes == NULL) {
                return err_set(e, E_MEMORY, "no memory for presentation contexts");
            }
            int rc = contexts_add(c, class, syntaxes, true, (struct slice){0}, e);
            if (rc != E_OK) {
                return rc;
            }
        }
        first = end;
    }
    return E_OK;
}

static void accept_one(struct dimse_context *context) {
    bool verification = strcmp(context->abstract_syntax, "1.2.840.10008.1.1") == 0;
    if (!verification && !dcm_uid_is_storage(slice_str(context->abstract_syntax))) {
        context->result = DIMSE_ABSTRACT_NOT_SUPPORTED;
        return;
    }
    context->result = DIMSE_TRANSFER_NOT_SUPPORTED;
    for (size_t i = 0; i < context->proposed_count; i++) {
        if (dcm_transfer_syntax_find(slice_str(context->proposed[i])) != NULL) {
            context->result = DIMSE_ACCEPTED;
            (void)snprintf(context->syntax, sizeof context->syntax, "%s", context->proposed[i]);
            return;
        }
    }
}

void contexts_accept_storage(struct dimse_proposal *p) {
    for (size_t i = 0; i < p->context_count; i++) {
        accept_one(&p->contexts[i]);
        p->contexts[i].scu_role = true;
        p->contexts[i].scp_role = false;
    }
}
