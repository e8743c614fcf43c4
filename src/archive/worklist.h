// SPDX-License-Identifier: Apache-2.0
// The steps that a modality's worklist answers (PS3.4 K.6): a table that teaching sessions fill,
// searched as C-FIND asks. One row is one scheduled procedure step with its requested procedure,
// request, visit and patient.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/attributes.h"
#include "base/slice.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

struct db;
struct err;

// Where an attribute stands in the identifier.
enum worklist_place {
    WORKLIST_TOP,
    WORKLIST_STEP,          // Scheduled Procedure Step Sequence (0040,0100)
    WORKLIST_PROTOCOL_CODE, // Scheduled Protocol Code Sequence (0040,0008) of the step
    WORKLIST_PROCEDURE_CODE // Requested Procedure Code Sequence (0032,1064)
};

// X(column, keyword, VR, kind, place)
#define WORKLIST_LIST_X(X)                                                                         \
    X(step_id, ScheduledProcedureStepID, SH, EXACT, STEP)                                          \
    X(station_aets, ScheduledStationAETitle, AE, LIST, STEP)                                       \
    X(step_date, ScheduledProcedureStepStartDate, DA, DATE, STEP)                                  \
    X(step_time, ScheduledProcedureStepStartTime, TM, TIME, STEP)                                  \
    X(modality, Modality, CS, EXACT, STEP)                                                         \
    X(performing, ScheduledPerformingPhysicianName, PN, NAME, STEP)                                \
    X(step_description, ScheduledProcedureStepDescription, LO, FOLD, STEP)                         \
    X(station_names, ScheduledStationName, SH, LIST, STEP)                                         \
    X(step_location, ScheduledProcedureStepLocation, SH, EXACT, STEP)                              \
    X(premedication, PreMedication, LO, FOLD, STEP)                                                \
    X(contrast, RequestedContrastAgent, LO, FOLD, STEP)                                            \
    X(step_status, ScheduledProcedureStepStatus, CS, EXACT, STEP)                                  \
    X(protocol_code, CodeValue, SH, EXACT, PROTOCOL_CODE)                                          \
    X(protocol_scheme, CodingSchemeDesignator, SH, EXACT, PROTOCOL_CODE)                           \
    X(protocol_meaning, CodeMeaning, LO, FOLD, PROTOCOL_CODE)                                      \
    X(procedure_id, RequestedProcedureID, SH, EXACT, TOP)                                          \
    X(procedure_description, RequestedProcedureDescription, LO, FOLD, TOP)                         \
    X(procedure_code, CodeValue, SH, EXACT, PROCEDURE_CODE)                                        \
    X(procedure_scheme, CodingSchemeDesignator, SH, EXACT, PROCEDURE_CODE)                         \
    X(procedure_meaning, CodeMeaning, LO, FOLD, PROCEDURE_CODE)                                    \
    X(study_uid, StudyInstanceUID, UI, UID, TOP)                                                   \
    X(study_date, StudyDate, DA, DATE, TOP)                                                        \
    X(study_time, StudyTime, TM, TIME, TOP)                                                        \
    X(priority, RequestedProcedurePriority, SH, EXACT, TOP)                                        \
    X(transport, PatientTransportArrangements, LO, FOLD, TOP)                                      \
    X(reason, ReasonForTheRequestedProcedure, LO, FOLD, TOP)                                       \
    X(accession, AccessionNumber, SH, EXACT, TOP)                                                  \
    X(requesting, RequestingPhysician, PN, NAME, TOP)                                              \
    X(requesting_service, RequestingService, LO, FOLD, TOP)                                        \
    X(referring, ReferringPhysicianName, PN, NAME, TOP)                                            \
    X(placer, PlacerOrderNumberImagingServiceRequest, LO, FOLD, TOP)                               \
    X(filler, FillerOrderNumberImagingServiceRequest, LO, FOLD, TOP)                               \
    X(admission_id, AdmissionID, LO, EXACT, TOP)                                                   \
    X(patient_location, CurrentPatientLocation, LO, FOLD, TOP)                                     \
    X(institution, InstitutionName, LO, FOLD, TOP)                                                 \
    X(patient_name, PatientName, PN, NAME, TOP)                                                    \
    X(patient_id, PatientID, LO, EXACT, TOP)                                                       \
    X(issuer, IssuerOfPatientID, LO, EXACT, TOP)                                                   \
    X(other_ids, OtherPatientIDs, LO, LIST, TOP)                                                   \
    X(birth_date, PatientBirthDate, DA, DATE, TOP)                                                 \
    X(sex, PatientSex, CS, EXACT, TOP)                                                             \
    X(patient_weight, PatientWeight, DS, EXACT, TOP)                                               \
    X(patient_size, PatientSize, DS, EXACT, TOP)                                                   \
    X(confidentiality, ConfidentialityConstraintOnPatientDataDescription, LO, FOLD, TOP)           \
    X(patient_state, PatientState, LO, FOLD, TOP)                                                  \
    X(pregnancy, PregnancyStatus, US, EXACT, TOP)                                                  \
    X(medical_alerts, MedicalAlerts, LO, FOLD, TOP)                                                \
    X(allergies, Allergies, LO, FOLD, TOP)                                                         \
    X(special_needs, SpecialNeeds, LO, FOLD, TOP)

enum worklist_id {
#define X(column, keyword, vr, kind, place) WORKLIST_##column,
    WORKLIST_LIST_X(X)
#undef X
        WORKLIST_COLUMNS
};

struct worklist_attribute {
    struct attribute attribute; // face.tag, face.vr, kind, column
    enum worklist_place place;
};
const struct worklist_attribute *worklist_attribute_at(size_t id); // NULL past the end
// WORKLIST_COLUMNS when there is none in that place.
size_t worklist_attribute_find(enum worklist_place place, dcm_tag tag);

// One step: UTF-8, values apart by backslashes. Texts that were not given are empty.
struct worklist_step {
    struct slice texts[WORKLIST_COLUMNS];
};

// Writes it, in the place of one with the same study and step id. E_ARGUMENT names the attribute
// that a modality could not do without (PS3.4 Table K.6-1, return key type 1), or whose value is
// none of its VR.
int worklist_put(struct db *db, const struct worklist_step *step, struct err *e);
int worklist_remove(struct db *db, struct slice study_uid, struct slice step_id,
                    struct err *e); // E_NOT_FOUND

#define WORKLIST_KEYS_MAX 128

struct worklist_key {
    size_t id; // enum worklist_id
    struct slice value;
};
struct worklist_query {
    const struct worklist_key *keys; // as search.h
    size_t key_count;
    uint64_t limit; // at most SEARCH_ROWS_MAX
    bool fuzzy;
};
// Calls row() for each, in order of date and time. A non-zero return ends the search and is
// returned. Ranges of the step's date and time are one range of instants (PS3.4 K.2.2.1, always).
int worklist_search(struct db *db, const struct worklist_query *query,
                    int (*row)(const struct worklist_step *step, void *context), void *context,
                    bool *ret_more, struct err *e);
