// SPDX-License-Identifier: Apache-2.0
// The attributes that the catalogue keeps, in one table: what extraction takes from a file, which
// column it goes to, how search matches it, what QIDO-RS returns unasked (PS3.18 Tables 10.6.1-3 to
// -5) and what OsiriX and Horos ask for. The columns themselves are made by schema.c.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "archive/search.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

// How values are kept and matched (PS3.4 C.2.2.2).
enum attribute_kind {
    ATTRIBUTE_EXACT,   // case-sensitive; column
    ATTRIBUTE_LIST,    // several values with backslashes between, each matches; column
    ATTRIBUTE_FOLD,    // without case and accents; column and column_fold
    ATTRIBUTE_NAME,    // PN: as FOLD, component groups match one by one
    ATTRIBUTE_UID,     // single value and list of UID matching; column
    ATTRIBUTE_DATE,    // column as written, column_key yyyymmdd (0: none)
    ATTRIBUTE_TIME,    // column as written, column_key microseconds since midnight (-1: none)
    ATTRIBUTE_NUMBER,  // column as written, column_key (ATTRIBUTE_NO_NUMBER: none)
    ATTRIBUTE_COUNT,   // an integer of the catalogue's own
    ATTRIBUTE_CONSTANT // the expression is the value of every row; never matched in SQL
};
#define ATTRIBUTE_NO_NUMBER INT64_MAX // so that what has no number comes last

// X(level, column, keyword, VR, kind, always): extracted from the file.
#define ATTRIBUTE_LIST_X(X)                                                                        \
    X(STUDY, study_uid, StudyInstanceUID, UI, UID, 1)                                              \
    X(STUDY, patient_name, PatientName, PN, NAME, 1)                                               \
    X(STUDY, patient_id, PatientID, LO, EXACT, 1)                                                  \
    X(STUDY, issuer, IssuerOfPatientID, LO, EXACT, 0)                                              \
    X(STUDY, birth_date, PatientBirthDate, DA, DATE, 1)                                            \
    X(STUDY, birth_time, PatientBirthTime, TM, TIME, 0)                                            \
    X(STUDY, sex, PatientSex, CS, EXACT, 1)                                                        \
    X(STUDY, other_ids, OtherPatientIDs, LO, LIST, 0)                                              \
    X(STUDY, age, PatientAge, AS, EXACT, 0)                                                        \
    X(STUDY, patient_size, PatientSize, DS, EXACT, 0)                                              \
    X(STUDY, patient_weight, PatientWeight, DS, EXACT, 0)                                          \
    X(STUDY, patient_comments, PatientComments, LT, FOLD, 0)                                       \
    X(STUDY, study_date, StudyDate, DA, DATE, 1)                                                   \
    X(STUDY, study_time, StudyTime, TM, TIME, 1)                                                   \
    X(STUDY, accession, AccessionNumber, SH, EXACT, 1)                                             \
    X(STUDY, study_id, StudyID, SH, EXACT, 1)                                                      \
    X(STUDY, study_description, StudyDescription, LO, FOLD, 1)                                     \
    X(STUDY, referring, ReferringPhysicianName, PN, NAME, 1)                                       \
    X(STUDY, reading, NameOfPhysiciansReadingStudy, PN, NAME, 0)                                   \
    X(STUDY, diagnoses, AdmittingDiagnosesDescription, LO, FOLD, 0)                                \
    X(STUDY, study_comments, StudyComments, LT, FOLD, 0)                                           \
    X(STUDY, interpretation, InterpretationStatusID, CS, EXACT, 0)                                 \
    X(STUDY, study_timezone, TimezoneOffsetFromUTC, SH, EXACT, 1)                                  \
    X(SERIES, series_uid, SeriesInstanceUID, UI, UID, 1)                                           \
    X(SERIES, modality, Modality, CS, EXACT, 1)                                                    \
    X(SERIES, series_number, SeriesNumber, IS, NUMBER, 1)                                          \
    X(SERIES, series_description, SeriesDescription, LO, FOLD, 1)                                  \
    X(SERIES, series_date, SeriesDate, DA, DATE, 0)                                                \
    X(SERIES, series_time, SeriesTime, TM, TIME, 0)                                                \
    X(SERIES, body_part, BodyPartExamined, CS, EXACT, 0)                                           \
    X(SERIES, laterality, Laterality, CS, EXACT, 0)                                                \
    X(SERIES, patient_position, PatientPosition, CS, EXACT, 0)                                     \
    X(SERIES, protocol, ProtocolName, LO, FOLD, 0)                                                 \
    X(SERIES, institution, InstitutionName, LO, FOLD, 0)                                           \
    X(SERIES, department, InstitutionalDepartmentName, LO, FOLD, 0)                                \
    X(SERIES, station, StationName, SH, EXACT, 0)                                                  \
    X(SERIES, manufacturer, Manufacturer, LO, FOLD, 0)                                             \
    X(SERIES, model, ManufacturerModelName, LO, FOLD, 0)                                           \
    X(SERIES, performing, PerformingPhysicianName, PN, NAME, 0)                                    \
    X(SERIES, operators, OperatorsName, PN, NAME, 0)                                               \
    X(SERIES, frame_of_reference, FrameOfReferenceUID, UI, UID, 0)                                 \
    X(SERIES, pps_date, PerformedProcedureStepStartDate, DA, DATE, 1)                              \
    X(SERIES, pps_time, PerformedProcedureStepStartTime, TM, TIME, 1)                              \
    X(SERIES, pps_id, PerformedProcedureStepID, SH, EXACT, 0)                                      \
    X(SERIES, pps_description, PerformedProcedureStepDescription, LO, FOLD, 0)                     \
    X(SERIES, step_ids, ScheduledProcedureStepID, SH, LIST, 1)                                     \
    X(SERIES, procedure_ids, RequestedProcedureID, SH, LIST, 1)                                    \
    X(INSTANCE, sop_instance, SOPInstanceUID, UI, UID, 1)                                          \
    X(INSTANCE, sop_class, SOPClassUID, UI, UID, 1)                                                \
    X(INSTANCE, instance_number, InstanceNumber, IS, NUMBER, 1)                                    \
    X(INSTANCE, creation_date, InstanceCreationDate, DA, DATE, 0)                                  \
    X(INSTANCE, creation_time, InstanceCreationTime, TM, TIME, 0)                                  \
    X(INSTANCE, content_date, ContentDate, DA, DATE, 0)                                            \
    X(INSTANCE, content_time, ContentTime, TM, TIME, 0)                                            \
    X(INSTANCE, acquisition_number, AcquisitionNumber, IS, NUMBER, 0)                              \
    X(INSTANCE, image_type, ImageType, CS, LIST, 0)                                                \
    X(INSTANCE, image_comments, ImageComments, LT, FOLD, 0)                                        \
    X(INSTANCE, slice_location, SliceLocation, DS, EXACT, 0)                                       \
    X(INSTANCE, photometric, PhotometricInterpretation, CS, EXACT, 0)

// X(level, expression, keyword, VR, kind, always): what the catalogue knows by itself.
#define ATTRIBUTE_DERIVED_X(X)                                                                     \
    X(STUDY, "t.modalities", ModalitiesInStudy, CS, LIST, 1)                                       \
    X(STUDY, "t.sop_classes", SOPClassesInStudy, UI, LIST, 0)                                      \
    X(STUDY, "t.series_count", NumberOfStudyRelatedSeries, IS, COUNT, 1)                           \
    X(STUDY, "t.instance_count", NumberOfStudyRelatedInstances, IS, COUNT, 1)                      \
    X(STUDY, "(SELECT count(*) FROM study p WHERE p.patient = t.patient)",                         \
      NumberOfPatientRelatedStudies, IS, CONSTANT, 0)                                              \
    X(STUDY, "(SELECT sum(p.series_count) FROM study p WHERE p.patient = t.patient)",              \
      NumberOfPatientRelatedSeries, IS, CONSTANT, 0)                                               \
    X(STUDY, "(SELECT sum(p.instance_count) FROM study p WHERE p.patient = t.patient)",            \
      NumberOfPatientRelatedInstances, IS, CONSTANT, 0)                                            \
    X(STUDY, "'ONLINE'", InstanceAvailability, CS, CONSTANT, 1)                                    \
    X(SERIES, "s.instance_count", NumberOfSeriesRelatedInstances, IS, COUNT, 1)                    \
    X(INSTANCE, "i.image_rows", Rows, US, COUNT, 1)                                                \
    X(INSTANCE, "i.image_columns", Columns, US, COUNT, 1)                                          \
    X(INSTANCE, "i.bits_allocated", BitsAllocated, US, COUNT, 1)                                   \
    X(INSTANCE, "i.frames", NumberOfFrames, IS, COUNT, 1)                                          \
    X(INSTANCE, "i.syntax", AvailableTransferSyntaxUID, UI, UID, 0)

enum attribute_id {
#define X(level, column, keyword, vr, kind, always) ATTRIBUTE_##column,
    ATTRIBUTE_LIST_X(X)
#undef X
        ATTRIBUTE_EXTRACTED
};

// The row of search_attributes(id); ids below ATTRIBUTE_EXTRACTED have a column.
struct attribute {
    struct search_attribute face;
    enum attribute_kind kind;
    const char *column;     // NULL: derived
    const char *expression; // with the table's alias: "t.patient_name"
};

// NULL past the end.
const struct attribute *attribute_at(size_t id);
// By tag. NULL when not kept.
const struct attribute *attribute_find(dcm_tag tag);

#define ATTRIBUTE_TEXT_MAX ((size_t)16384) // bytes kept of one value
