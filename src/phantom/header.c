// SPDX-License-Identifier: Apache-2.0
#include "phantom/header.h"

#include <stdio.h>

#include "base/err.h"
#include "dicom/tags.h"

void ph_put(struct ph_header *h, dcm_tag tag, enum dcm_vr vr, const char *text) {
    if (h->status == E_OK) {
        h->status = dcm_put_str(h->set, tag, vr, text, h->e);
    }
}

void ph_put_int(struct ph_header *h, dcm_tag tag, enum dcm_vr vr, int64_t value) {
    if (h->status == E_OK) {
        h->status = dcm_put_ints(h->set, tag, vr, &value, 1, h->e);
    }
}

void ph_put_number(struct ph_header *h, dcm_tag tag, const double *values, uint32_t count) {
    if (h->status == E_OK) {
        h->status = dcm_put_doubles(h->set, tag, DCM_VR_DS, values, count, h->e);
    }
}

static void put_one(struct ph_header *h, dcm_tag tag, double value) {
    ph_put_number(h, tag, &value, 1);
}

// A tenth of a micrometre: what decimal strings can hold without noise digits.
static double tidy(float v) {
    int64_t n = (int64_t)((double)v * 10000.0 + (v < 0.0f ? -0.5 : 0.5));
    return (double)n / 10000.0;
}

struct line {
    dcm_tag tag;
    enum dcm_vr vr;
    const char *text;
};

static void put_lines(struct ph_header *h, const struct line *lines, size_t count) {
    for (size_t i = 0; i < count; i++) {
        ph_put(h, lines[i].tag, lines[i].vr, lines[i].text);
    }
}

#define PUT_LINES(h, lines) put_lines((h), (lines), sizeof(lines) / sizeof(lines)[0])

static void put_patient(struct ph_header *h, const struct ph_case *c) {
    char age[5];
    (void)snprintf(age, sizeof age, "%03uY", (unsigned)c->age % 1000);
    const struct line lines[] = {
        {DCM_PatientName, DCM_VR_PN, c->name},
        {DCM_PatientID, DCM_VR_LO, c->patient_id},
        {DCM_PatientBirthDate, DCM_VR_DA, c->birth_date},
        {DCM_PatientSex, DCM_VR_CS, c->female ? "F" : "M"},
        {DCM_PatientAge, DCM_VR_AS, age},
        {DCM_PatientIdentityRemoved, DCM_VR_CS, "YES"},
        {DCM_DeidentificationMethod, DCM_VR_LO, "synthetic, no person"},
        {DCM_QualityControlSubject, DCM_VR_CS, "YES"},
    };
    PUT_LINES(h, lines);
}

static void put_study(struct ph_header *h, const struct ph_case *c) {
    char id[16];
    (void)snprintf(id, sizeof id, "%d", c->number);
    const struct line lines[] = {
        {DCM_StudyInstanceUID, DCM_VR_UI, c->study_uid},
        {DCM_StudyDate, DCM_VR_DA, c->study_date},
        {DCM_StudyTime, DCM_VR_TM, c->study_time},
        {DCM_AccessionNumber, DCM_VR_SH, c->accession},
        {DCM_StudyID, DCM_VR_SH, id},
        {DCM_ReferringPhysicianName, DCM_VR_PN, ""},
        {DCM_StudyDescription, DCM_VR_LO, ph_exam_word(c->exam)},
    };
    PUT_LINES(h, lines);
}

static void put_series(struct ph_header *h, const struct ph_case *c, const struct ph_series *s) {
    const struct line lines[] = {
        {DCM_SeriesInstanceUID, DCM_VR_UI, s->uid},
        {DCM_Modality, DCM_VR_CS, s->modality},
        {DCM_SeriesDate, DCM_VR_DA, c->study_date},
        {DCM_SeriesTime, DCM_VR_TM, c->study_time},
        {DCM_SeriesDescription, DCM_VR_LO, s->description},
        {DCM_ProtocolName, DCM_VR_LO, s->protocol},
        {DCM_BodyPartExamined, DCM_VR_CS, s->body_part},
        {DCM_Manufacturer, DCM_VR_LO, "MacLab"},
        {DCM_ManufacturerModelName, DCM_VR_LO, "Analytic phantom"},
        {DCM_InstitutionName, DCM_VR_LO, "MacLab phantom"},
        {DCM_StationName, DCM_VR_SH, "PHANTOM"},
        {DCM_DeviceSerialNumber, DCM_VR_LO, "0001"},
        {DCM_SoftwareVersions, DCM_VR_LO, "1"},
    };
    PUT_LINES(h, lines);
    ph_put_int(h, DCM_SeriesNumber, DCM_VR_IS, s->number);
}

void ph_header_common(struct ph_header *h, const struct ph_case *c, const struct ph_series *s,
                      const char *sop_class, const char *sop_uid, const char *image_type,
                      int instance) {
    const struct line lines[] = {
        {DCM_SpecificCharacterSet, DCM_VR_CS, "ISO_IR 192"},
        {DCM_ImageType, DCM_VR_CS, image_type},
        {DCM_SOPClassUID, DCM_VR_UI, sop_class},
        {DCM_SOPInstanceUID, DCM_VR_UI, sop_uid},
        {DCM_InstanceCreationDate, DCM_VR_DA, c->study_date},
        {DCM_InstanceCreationTime, DCM_VR_TM, c->study_time},
        {DCM_ContentDate, DCM_VR_DA, c->study_date},
        {DCM_ContentTime, DCM_VR_TM, c->study_time},
        {DCM_AcquisitionDate, DCM_VR_DA, c->study_date},
        {DCM_AcquisitionTime, DCM_VR_TM, c->study_time},
        {DCM_BurnedInAnnotation, DCM_VR_CS, "NO"},
        {DCM_LossyImageCompression, DCM_VR_CS, "00"},
    };
    PUT_LINES(h, lines);
    put_patient(h, c);
    put_study(h, c);
    put_series(h, c, s);
    ph_put_int(h, DCM_InstanceNumber, DCM_VR_IS, instance);
    ph_put_int(h, DCM_AcquisitionNumber, DCM_VR_IS, 1);
}

void ph_header_pixels(struct ph_header *h, const struct ph_pixels *p) {
    ph_put_int(h, DCM_SamplesPerPixel, DCM_VR_US, 1);
    ph_put(h, DCM_PhotometricInterpretation, DCM_VR_CS, "MONOCHROME2");
    ph_put_int(h, DCM_Rows, DCM_VR_US, p->rows);
    ph_put_int(h, DCM_Columns, DCM_VR_US, p->columns);
    ph_put_int(h, DCM_BitsAllocated, DCM_VR_US, 16);
    ph_put_int(h, DCM_BitsStored, DCM_VR_US, p->bits);
    ph_put_int(h, DCM_HighBit, DCM_VR_US, p->bits - 1);
    ph_put_int(h, DCM_PixelRepresentation, DCM_VR_US, 0);
    if (h->status == E_OK) {
        size_t len = (size_t)p->columns * (size_t)p->rows * sizeof *p->values;
        h->status =
            dcm_put_borrowed(h->set, DCM_PixelData, DCM_VR_OW, slice_of(p->values, len), h->e);
    }
}

void ph_header_plane(struct ph_header *h, const struct ph_case *c, const struct ph_slice *s) {
    const double position[3] = {tidy(s->first.x), tidy(s->first.y), tidy(s->first.z)};
    static const double axial[6] = {1, 0, 0, 0, 1, 0};
    const double spacing[2] = {tidy(s->pitch), tidy(s->pitch)};
    ph_put(h, DCM_FrameOfReferenceUID, DCM_VR_UI, c->frame_uid);
    ph_put(h, DCM_PositionReferenceIndicator, DCM_VR_LO, "");
    ph_put_number(h, DCM_ImagePositionPatient, position, 3);
    ph_put_number(h, DCM_ImageOrientationPatient, axial, 6);
    ph_put_number(h, DCM_PixelSpacing, spacing, 2);
    put_one(h, DCM_SliceThickness, tidy(s->thickness));
    put_one(h, DCM_SpacingBetweenSlices, tidy(s->spacing));
    put_one(h, DCM_SliceLocation, position[2]);
    ph_put(h, DCM_PatientPosition, DCM_VR_CS, "HFS");
}

void ph_header_window(struct ph_header *h, const double *centre, const double *width,
                      uint32_t count, const char *words) {
    ph_put_number(h, DCM_WindowCenter, centre, count);
    ph_put_number(h, DCM_WindowWidth, width, count);
    if (words != NULL) {
        ph_put(h, DCM_WindowCenterWidthExplanation, DCM_VR_LO, words);
    }
}

void ph_header_ct(struct ph_header *h, double kv, int mas, const char *kernel, float fov,
                  bool contrast) {
    put_one(h, DCM_RescaleIntercept, -1024.0);
    put_one(h, DCM_RescaleSlope, 1.0);
    ph_put(h, DCM_RescaleType, DCM_VR_LO, "HU");
    put_one(h, DCM_KVP, kv);
    put_one(h, DCM_DataCollectionDiameter, 500.0);
    put_one(h, DCM_ReconstructionDiameter, tidy(fov));
    put_one(h, DCM_GantryDetectorTilt, 0.0);
    ph_put_int(h, DCM_ExposureTime, DCM_VR_IS, 500);
    ph_put_int(h, DCM_XRayTubeCurrent, DCM_VR_IS, 2 * mas);
    ph_put_int(h, DCM_Exposure, DCM_VR_IS, mas);
    ph_put(h, DCM_ConvolutionKernel, DCM_VR_SH, kernel);
    if (contrast) {
        ph_put(h, DCM_ContrastBolusAgent, DCM_VR_LO, "Simulated, venous phase");
    }
}

void ph_header_mr(struct ph_header *h, const char *sequence, const char *variant, const char *name,
                  double tr, double te, double ti) {
    ph_put(h, DCM_ScanningSequence, DCM_VR_CS, sequence);
    ph_put(h, DCM_SequenceVariant, DCM_VR_CS, variant);
    ph_put(h, DCM_ScanOptions, DCM_VR_CS, "");
    ph_put(h, DCM_MRAcquisitionType, DCM_VR_CS, "2D");
    ph_put(h, DCM_SequenceName, DCM_VR_SH, name);
    put_one(h, DCM_RepetitionTime, tr);
    put_one(h, DCM_EchoTime, te);
    if (ti > 0.0) {
        put_one(h, DCM_InversionTime, ti);
    }
    ph_put_int(h, DCM_EchoTrainLength, DCM_VR_IS, ti > 0.0 || te > 50.0 ? 15 : 1);
    put_one(h, DCM_MagneticFieldStrength, 1.5);
    put_one(h, DCM_ImagingFrequency, 63.87);
    ph_put(h, DCM_ImagedNucleus, DCM_VR_SH, "1H");
    put_one(h, DCM_NumberOfAverages, 1.0);
    put_one(h, DCM_FlipAngle, 90.0);
    ph_put(h, DCM_ReceiveCoilName, DCM_VR_SH, "HEAD");
}

static void put_code(struct ph_header *h, dcm_tag sequence, const char *value, const char *scheme,
                     const char *meaning) {
    struct dcm_dataset *item = NULL;
    if (h->status == E_OK) {
        h->status = dcm_add_item(h->set, sequence, &item, h->e);
    }
    if (h->status != E_OK) {
        return;
    }
    struct ph_header inner = {item, h->e, E_OK};
    ph_put(&inner, DCM_CodeValue, DCM_VR_SH, value);
    ph_put(&inner, DCM_CodingSchemeDesignator, DCM_VR_SH, scheme);
    ph_put(&inner, DCM_CodeMeaning, DCM_VR_LO, meaning);
    h->status = inner.status;
}

// A sequence without items: one is made and taken back.
static void put_empty_sequence(struct ph_header *h, dcm_tag tag) {
    struct dcm_dataset *item = NULL;
    if (h->status == E_OK) {
        h->status = dcm_add_item(h->set, tag, &item, h->e);
    }
    for (uint32_t i = 0; h->status == E_OK && i < h->set->count; i++) {
        if (h->set->nodes[i].tag == tag) {
            h->set->nodes[i].item_count = 0;
        }
    }
}

static void put_dx(struct ph_header *h, const struct ph_film *f) {
    put_one(h, DCM_RescaleIntercept, 0.0);
    put_one(h, DCM_RescaleSlope, 1.0);
    ph_put(h, DCM_RescaleType, DCM_VR_LO, "US");
    const struct line lines[] = {
        {DCM_PresentationIntentType, DCM_VR_CS, "FOR PRESENTATION"},
        {DCM_PixelIntensityRelationship, DCM_VR_CS, "LOG"},
        {DCM_PresentationLUTShape, DCM_VR_CS, "IDENTITY"},
        {DCM_DetectorType, DCM_VR_CS, "DIRECT"},
        {DCM_DetectorConfiguration, DCM_VR_CS, "AREA"},
        {DCM_AcquisitionDeviceProcessingDescription, DCM_VR_LO, "STANDARD"},
        {DCM_PositionerType, DCM_VR_CS, "NONE"},
    };
    PUT_LINES(h, lines);
    ph_put_int(h, DCM_PixelIntensityRelationshipSign, DCM_VR_SS, -1);
    put_empty_sequence(h, DCM_AcquisitionContextSequence);
    const char *view = f->position[0] == 'L'   ? "399067008"
                       : f->position[0] == 'P' ? "272479007"
                                               : "272478004";
    const char *words = f->position[0] == 'L'   ? "lateral projection"
                        : f->position[0] == 'P' ? "postero-anterior projection"
                                                : "antero-posterior projection";
    put_code(h, DCM_ViewCodeSequence, view, "SCT", words);
}

void ph_header_film(struct ph_header *h, const struct ph_film *f) {
    const double pitch[2] = {tidy(f->pitch), tidy(f->pitch)};
    const char laterality[2] = {f->laterality, 0};
    ph_put_number(h, DCM_ImagerPixelSpacing, pitch, 2);
    ph_put(h, DCM_ViewPosition, DCM_VR_CS, f->position);
    ph_put(h, DCM_PatientOrientation, DCM_VR_CS, f->orientation);
    put_one(h, DCM_KVP, f->kv);
    put_one(h, DCM_DistanceSourceToDetector, f->distance);
    put_one(h, DCM_DistanceSourceToPatient, f->to_patient);
    put_code(h, DCM_AnatomicRegionSequence, f->region_code, "SCT", f->region_words);
    if (f->dx) {
        ph_put(h, DCM_ImageLaterality, DCM_VR_CS, laterality);
        put_dx(h, f);
    } else if (f->laterality != 'U') {
        ph_put(h, DCM_Laterality, DCM_VR_CS, laterality);
    } else {
        ph_put(h, DCM_Laterality, DCM_VR_CS, "");
    }
}
