// SPDX-License-Identifier: Apache-2.0
// Small DICOM files for tests of the archive, made with our own writer.
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "dicom/part10.h"
#include "dicom/tags.h"

struct instance_words {
    const char *study, *series, *instance, *sop_class; // NULL: a default
    const char *name, *id, *modality, *number, *description;
    const char *extra_study_date;
    uint8_t fill; // of the pixels
    bool no_pixels;
    uint16_t rows_said; // 0: as there are (8)
    const char *syntax; // NULL: explicit little endian
};

static inline const char *instance_or(const char *text, const char *other) {
    return text == NULL ? other : text;
}

static inline void instance_put(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr,
                                const char *text) {
    struct err e = {0};
    if (*text != '\0' && dcm_put_str(d, tag, vr, text, &e) != E_OK) {
        (void)fprintf(stderr, "%08X %s: %s\n", tag, text, e.text);
        abort();
    }
}

static inline void instance_pixels(struct dcm_dataset *d, const struct instance_words *w) {
    uint8_t pixels[8 * 8 * 2];
    struct err e = {0};
    const struct {
        dcm_tag tag;
        int64_t value;
    } numbers[] = {{DCM_SamplesPerPixel, 1},
                   {DCM_Rows, w->rows_said == 0 ? 8 : w->rows_said},
                   {DCM_Columns, 8},
                   {DCM_BitsAllocated, 16},
                   {DCM_BitsStored, 16},
                   {DCM_HighBit, 15},
                   {DCM_PixelRepresentation, 0}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        (void)dcm_put_ints(d, numbers[i].tag, DCM_VR_US, &numbers[i].value, 1, &e);
    }
    instance_put(d, DCM_PhotometricInterpretation, DCM_VR_CS, "MONOCHROME2");
    memset(pixels, w->fill, sizeof pixels);
    (void)dcm_put(d, DCM_PixelData, DCM_VR_OW, slice_of(pixels, sizeof pixels), &e);
}

// A whole Part 10 file, appended; a data set alone where the words make no such file.
static inline void instance_make(const struct instance_words *w, struct buf *out) {
    struct arena a;
    struct err e = {0};
    arena_init(&a, 1 << 22);
    const char *syntax = instance_or(w->syntax, DCM_EXPLICIT_LE_UID);
    bool implicit = strcmp(syntax, DCM_IMPLICIT_LE_UID) == 0;
    struct dcm_dataset *d = dcm_dataset_new(&a, implicit ? DCM_IMPLICIT_LE : DCM_EXPLICIT_LE);
    instance_put(d, DCM_SpecificCharacterSet, DCM_VR_CS, "ISO_IR 192");
    instance_put(d, DCM_SOPClassUID, DCM_VR_UI,
                 instance_or(w->sop_class, "1.2.840.10008.5.1.4.1.1.2"));
    instance_put(d, DCM_SOPInstanceUID, DCM_VR_UI, instance_or(w->instance, "2.25.300"));
    instance_put(d, DCM_StudyDate, DCM_VR_DA, instance_or(w->extra_study_date, "20260102"));
    instance_put(d, DCM_StudyTime, DCM_VR_TM, "101500");
    instance_put(d, DCM_AccessionNumber, DCM_VR_SH, "ACC1");
    instance_put(d, DCM_Modality, DCM_VR_CS, instance_or(w->modality, "CT"));
    instance_put(d, DCM_ReferringPhysicianName, DCM_VR_PN, "House^Gregory");
    instance_put(d, DCM_StudyDescription, DCM_VR_LO, instance_or(w->description, "Thorax nativ"));
    instance_put(d, DCM_PatientName, DCM_VR_PN, instance_or(w->name, "Doe^Jane"));
    instance_put(d, DCM_PatientID, DCM_VR_LO, instance_or(w->id, "P1"));
    instance_put(d, DCM_PatientBirthDate, DCM_VR_DA, "19700101");
    instance_put(d, DCM_PatientSex, DCM_VR_CS, "F");
    instance_put(d, DCM_BodyPartExamined, DCM_VR_CS, "CHEST");
    instance_put(d, DCM_StudyInstanceUID, DCM_VR_UI, instance_or(w->study, "2.25.100"));
    instance_put(d, DCM_SeriesInstanceUID, DCM_VR_UI, instance_or(w->series, "2.25.200"));
    instance_put(d, DCM_StudyID, DCM_VR_SH, "S1");
    instance_put(d, DCM_SeriesNumber, DCM_VR_IS, "2");
    instance_put(d, DCM_InstanceNumber, DCM_VR_IS, instance_or(w->number, "1"));
    if (!w->no_pixels) {
        instance_pixels(d, w);
    }
    struct dcm_write_options options = {.syntax_uid = syntax};
    size_t before = out->len;
    if (dcm_file_write(d, &options, dcm_sink_buf(out), &e) != E_OK) {
        out->len = before;
        if (dcm_write(d, implicit ? DCM_IMPLICIT_LE : DCM_EXPLICIT_LE, dcm_sink_buf(out), &e) !=
            E_OK) {
            abort();
        }
    }
    arena_done(&a);
}

static inline void instance_write(const char *path, struct slice bytes) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || file_write_all(fd, bytes.ptr, bytes.len) != 0) {
        abort();
    }
    (void)close(fd);
}
