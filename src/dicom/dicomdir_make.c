// SPDX-License-Identifier: Apache-2.0
// Making a DICOMDIR: instances to records with the keys of PS3.3 F.5, records to a file whose
// offsets are true. The file is written once to learn where its items lie and once more with the
// offsets, which are of fixed size.
#include "dicom/dicomdir.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/dict.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "dicom/writer.h"

#define DIRECTORY_BYTES_MAX ((size_t)1 << 31)
#define FILE_SET_ID_MAX 16
#define FILE_ID_BYTES_MAX (DCM_FILE_ID_PARTS_MAX * (DCM_FILE_ID_CHARS_MAX + 1))

// --- what each type of record holds

enum need { ALWAYS = '1', MAYBE_EMPTY = '2', IF_THERE = 'C' };

struct key {
    dcm_tag tag; // 0 ends the list
    enum need need;
};

#define KEYS(...) ((const struct key[]){__VA_ARGS__, {0, ALWAYS}})
#define CONTENT_DATE                                                                               \
    {DCM_ContentDate, ALWAYS}, { DCM_ContentTime, ALWAYS }
#define CONTENT_NAMES                                                                              \
    {DCM_ContentLabel, ALWAYS}, {DCM_ContentDescription, MAYBE_EMPTY}, {                           \
        DCM_ContentCreatorName, MAYBE_EMPTY                                                        \
    }
#define NUMBER                                                                                     \
    { DCM_InstanceNumber, ALWAYS }

struct record_type {
    const char *name;
    const struct key *keys;
};

static const struct record_type patient_type = {
    "PATIENT", KEYS({DCM_PatientName, MAYBE_EMPTY}, {DCM_PatientID, ALWAYS})};
static const struct record_type study_type = {
    "STUDY", KEYS({DCM_StudyDate, ALWAYS}, {DCM_StudyTime, ALWAYS},
                  {DCM_AccessionNumber, MAYBE_EMPTY}, {DCM_StudyDescription, MAYBE_EMPTY},
                  {DCM_StudyInstanceUID, ALWAYS}, {DCM_StudyID, ALWAYS})};
static const struct record_type series_type = {
    "SERIES", KEYS({DCM_Modality, ALWAYS}, {DCM_SeriesDescription, IF_THERE},
                   {DCM_SeriesInstanceUID, ALWAYS}, {DCM_SeriesNumber, ALWAYS})};

static const struct record_type leaf_types[] = {
    {"IMAGE", KEYS({DCM_ImageType, IF_THERE}, NUMBER)},
    {"RT DOSE", KEYS(NUMBER, {DCM_DoseSummationType, ALWAYS})},
    {"RT STRUCTURE SET",
     KEYS(NUMBER, {DCM_StructureSetLabel, ALWAYS}, {DCM_StructureSetDate, MAYBE_EMPTY},
          {DCM_StructureSetTime, MAYBE_EMPTY})},
    {"RT PLAN", KEYS(NUMBER, {DCM_RTPlanLabel, ALWAYS}, {DCM_RTPlanDate, MAYBE_EMPTY},
                     {DCM_RTPlanTime, MAYBE_EMPTY})},
    {"RT TREAT RECORD",
     KEYS(NUMBER, {DCM_TreatmentDate, MAYBE_EMPTY}, {DCM_TreatmentTime, MAYBE_EMPTY})},
    {"PRESENTATION",
     KEYS(NUMBER, {DCM_PresentationCreationDate, ALWAYS}, {DCM_PresentationCreationTime, ALWAYS},
          CONTENT_NAMES, {DCM_ReferencedSeriesSequence, IF_THERE},
          {DCM_BlendingSequence, IF_THERE})},
    {"WAVEFORM", KEYS(NUMBER, CONTENT_DATE)},
    {"SR DOCUMENT", KEYS(NUMBER, {DCM_CompletionFlag, ALWAYS}, {DCM_VerificationFlag, ALWAYS},
                         CONTENT_DATE, {DCM_VerificationDateTime, IF_THERE},
                         {DCM_ConceptNameCodeSequence, ALWAYS}, {DCM_ContentSequence, IF_THERE})},
    {"KEY OBJECT DOC", KEYS(NUMBER, CONTENT_DATE, {DCM_ConceptNameCodeSequence, ALWAYS},
                            {DCM_ContentSequence, IF_THERE})},
    {"SPECTROSCOPY", KEYS({DCM_ImageType, ALWAYS}, CONTENT_DATE, NUMBER,
                          {DCM_ReferencedImageEvidenceSequence, IF_THERE},
                          {DCM_NumberOfFrames, ALWAYS}, {DCM_Rows, ALWAYS}, {DCM_Columns, ALWAYS},
                          {DCM_DataPointRows, ALWAYS}, {DCM_DataPointColumns, ALWAYS})},
    {"RAW DATA", KEYS(CONTENT_DATE, {DCM_InstanceNumber, MAYBE_EMPTY})},
    {"REGISTRATION", KEYS(CONTENT_DATE, NUMBER, CONTENT_NAMES)},
    {"FIDUCIAL", KEYS(CONTENT_DATE, NUMBER, CONTENT_NAMES)},
    {"ENCAP DOC", KEYS({DCM_ContentDate, MAYBE_EMPTY}, {DCM_ContentTime, MAYBE_EMPTY}, NUMBER,
                       {DCM_DocumentTitle, MAYBE_EMPTY}, {DCM_HL7InstanceIdentifier, IF_THERE},
                       {DCM_ConceptNameCodeSequence, MAYBE_EMPTY},
                       {DCM_MIMETypeOfEncapsulatedDocument, ALWAYS})},
    {"VALUE MAP", KEYS(CONTENT_DATE, NUMBER, CONTENT_NAMES)},
    {"STEREOMETRIC", KEYS(NUMBER, CONTENT_DATE, CONTENT_NAMES)},
    {"PLAN", KEYS(NUMBER, CONTENT_DATE, CONTENT_NAMES)},
    {"MEASUREMENT", KEYS(NUMBER, CONTENT_DATE)},
    {"SURFACE", KEYS(NUMBER, CONTENT_DATE, CONTENT_NAMES)},
    {"SURFACE SCAN", KEYS(CONTENT_DATE)},
    {"ANNOTATION", KEYS(NUMBER, CONTENT_DATE, CONTENT_NAMES)},
    {"TRACT", KEYS(NUMBER, CONTENT_DATE, CONTENT_NAMES)},
    {"ASSESSMENT",
     KEYS(NUMBER, {DCM_InstanceCreationDate, ALWAYS}, {DCM_InstanceCreationTime, MAYBE_EMPTY})},
    {"RADIOTHERAPY",
     KEYS(NUMBER, {DCM_UserContentLabel, IF_THERE}, {DCM_UserContentLongLabel, IF_THERE},
          {DCM_ContentDescription, MAYBE_EMPTY}, {DCM_ContentCreatorName, MAYBE_EMPTY})},
    {"HANGING PROTOCOL",
     KEYS({DCM_HangingProtocolCreator, ALWAYS}, {DCM_HangingProtocolCreationDateTime, ALWAYS},
          {DCM_HangingProtocolDefinitionSequence, ALWAYS}, {DCM_NumberOfPriorsReferenced, ALWAYS},
          {DCM_HangingProtocolUserIdentificationCodeSequence, MAYBE_EMPTY})},
    {"PALETTE", KEYS({DCM_ContentLabel, ALWAYS}, {DCM_ContentDescription, MAYBE_EMPTY})},
};

// SOP class UIDs behind 1.2.840.10008.5.1.4., whole or, with a dot at the end, as a prefix.
static const struct {
    const char *sop_class;
    const char *type;
} types_by_class[] = {
    {"1.1.88.59", "KEY OBJECT DOC"},
    {"1.1.88.", "SR DOCUMENT"},
    {"1.1.79.1", "SR DOCUMENT"},
    {"1.1.11.", "PRESENTATION"},
    {"1.1.131", "PRESENTATION"},
    {"1.1.9.", "WAVEFORM"},
    {"1.1.104.", "ENCAP DOC"},
    {"1.1.481.1", "IMAGE"},
    {"1.1.481.2", "RT DOSE"},
    {"1.1.481.3", "RT STRUCTURE SET"},
    {"1.1.481.5", "RT PLAN"},
    {"1.1.481.8", "RT PLAN"},
    {"1.1.481.4", "RT TREAT RECORD"},
    {"1.1.481.6", "RT TREAT RECORD"},
    {"1.1.481.7", "RT TREAT RECORD"},
    {"1.1.481.9", "RT TREAT RECORD"},
    {"1.1.481.23", "IMAGE"},
    {"1.1.481.24", "IMAGE"},
    {"1.1.481.", "RADIOTHERAPY"},
    {"1.1.4.2", "SPECTROSCOPY"},
    {"1.1.66", "RAW DATA"},
    {"1.1.66.1", "REGISTRATION"},
    {"1.1.66.2", "FIDUCIAL"},
    {"1.1.66.3", "REGISTRATION"},
    {"1.1.66.5", "SURFACE"},
    {"1.1.66.6", "TRACT"},
    {"1.1.67", "VALUE MAP"},
    {"1.1.68.", "SURFACE SCAN"},
    {"1.1.77.1.5.3", "STEREOMETRIC"},
    {"1.1.78.", "MEASUREMENT"},
    {"1.1.80.1", "MEASUREMENT"},
    {"1.1.91.1", "ANNOTATION"},
    {"1.1.90.1", "ASSESSMENT"},
    {"34.7", "PLAN"},
    {"34.10", "PLAN"},
    {"38.1", "HANGING PROTOCOL"},
    {"39.1", "PALETTE"},
};

const char *dcm_dicomdir_record_type(const struct dcm_dataset *d) {
    static const char root[] = "1.2.840.10008.5.1.4.";
    struct slice sop_class;
    if (!dcm_text(d, DCM_SOPClassUID, 0, &sop_class)) {
        return NULL;
    }
    struct slice rest = slice_from(sop_class, sizeof root - 1);
    bool standard = slice_starts(sop_class, slice_str(root));
    for (size_t i = 0; standard && i < sizeof types_by_class / sizeof types_by_class[0]; i++) {
        struct slice wanted = slice_str(types_by_class[i].sop_class);
        bool prefix = wanted.ptr[wanted.len - 1] == '.';
        if (slice_eq(rest, wanted) || (prefix && slice_starts(rest, wanted))) {
            return types_by_class[i].type;
        }
    }
    const struct dcm_uid_entry *entry = dcm_uid_find(sop_class);
    bool image = (dcm_get(d, DCM_Rows) != NULL && dcm_get(d, DCM_Columns) != NULL) ||
                 (entry != NULL && strstr(entry->name, "Image Storage") != NULL);
    return image ? "IMAGE" : NULL;
}

static const struct record_type *leaf_type(const char *name) {
    for (size_t i = 0; i < sizeof leaf_types / sizeof leaf_types[0]; i++) {
        if (strcmp(leaf_types[i].name, name) == 0) {
            return &leaf_types[i];
        }
    }
    return NULL;
}

static bool stands_at_root(const char *type) {
    return strcmp(type, "HANGING PROTOCOL") == 0 || strcmp(type, "PALETTE") == 0;
}

// --- entries

struct entry {
    struct dcm_dataset *keys;
    struct entry *parent;
    struct entry *first;
    struct entry *last;
    struct entry *next;
    struct slice id; // UID, or the patient's
    int64_t offset;  // of its item, once written
};

struct dcm_dicomdir_maker {
    struct arena *arena;
    const char *file_set_id;
    struct entry root;
    uint32_t count;
};

static int no_memory(struct err *e) { return err_set(e, E_MEMORY, "no memory for the directory"); }

struct dcm_dicomdir_maker *dcm_dicomdir_maker_new(struct arena *a, const char *file_set_id) {
    struct dcm_dicomdir_maker *m = arena_new(a, struct dcm_dicomdir_maker);
    if (m == NULL) {
        return NULL;
    }
    m->arena = a;
    m->file_set_id = arena_str(a, slice_first(slice_str(file_set_id), FILE_SET_ID_MAX));
    return m->file_set_id == NULL ? NULL : m;
}

static struct dcm_node *node_of(struct dcm_dataset *d, dcm_tag tag) {
    return &d->nodes[dcm_get(d, tag) - d->nodes];
}

// An item that exists already becomes the last item of a sequence.
static int adopt_item(struct dcm_dataset *d, dcm_tag sequence, struct dcm_dataset *item,
                      struct err *e) {
    struct dcm_dataset *unwanted;
    int rc = dcm_add_item(d, sequence, &unwanted, e);
    if (rc == E_OK) {
        struct dcm_node *n = node_of(d, sequence);
        n->items[n->item_count - 1] = item;
        item->parent = d;
    }
    return rc;
}

// Of a document's content only what modifies its title belongs into a record (PS3.3 F.5.25).
static bool is_wanted(dcm_tag sequence, const struct dcm_dataset *item) {
    struct slice relationship;
    return sequence != DCM_ContentSequence ||
           (dcm_text(item, DCM_RelationshipType, 0, &relationship) &&
            slice_eq_str(relationship, "HAS CONCEPT MOD"));
}

static int copy_item(struct dcm_dataset *to, const struct dcm_dataset *item, dcm_tag sequence,
                     struct err *e) {
    struct buf bytes CLEANUP(cleanup_buf);
    struct dcm_dataset *copy;
    buf_init(&bytes, DIRECTORY_BYTES_MAX);
    int rc = dcm_write(item, DCM_EXPLICIT_LE, dcm_sink_buf(&bytes), e);
    struct slice kept = arena_copy(to->arena, buf_slice(&bytes));
    if (rc != E_OK || kept.ptr == NULL) {
        return rc != E_OK ? rc : no_memory(e);
    }
    rc = dcm_dataset_read(to->arena, kept, DCM_EXPLICIT_LE, 0, 0, &copy, NULL, e);
    return rc != E_OK ? rc : adopt_item(to, sequence, copy, e);
}

static int copy_sequence(struct dcm_dataset *to, const struct dcm_node *n, struct err *e) {
    for (uint32_t i = 0; i < n->item_count; i++) {
        int rc = is_wanted(n->tag, n->items[i]) ? copy_item(to, n->items[i], n->tag, e) : E_OK;
        if (rc != E_OK) {
            return rc;
        }
    }
    return E_OK;
}

static int put_empty(struct dcm_dataset *to, dcm_tag tag, struct err *e) {
    enum dcm_vr vr = dcm_dict_vr(tag);
    if (vr != DCM_VR_SQ) {
        return dcm_put(to, tag, vr, slice_str(""), e);
    }
    struct dcm_dataset *unwanted;
    int rc = dcm_add_item(to, tag, &unwanted, e);
    if (rc == E_OK) {
        node_of(to, tag)->item_count = 0;
    }
    return rc;
}

static int copy_value(struct dcm_dataset *to, const struct dcm_node *n, struct err *e) {
    int64_t value;
    enum dcm_vr vr = n->vr == DCM_VR_UN ? dcm_dict_vr(n->tag) : n->vr;
    if (dcm_vr_info(vr)->class == DCM_VR_CLASS_TEXT) {
        return dcm_put(to, n->tag, vr, n->value, e);
    }
    if (!dcm_node_int(n, 0, &value)) {
        return put_empty(to, n->tag, e);
    }
    return dcm_put_ints(to, n->tag, vr, &value, 1, e);
}

// When a document was verified last: its verifying observers say it (PS3.3 C.17.2).
static int copy_verification(struct dcm_dataset *to, const struct dcm_dataset *from,
                             struct err *e) {
    const struct dcm_node *observers = dcm_get(from, DCM_VerifyingObserverSequence);
    struct slice latest = {NULL, 0};
    for (uint32_t i = 0; observers != NULL && i < observers->item_count; i++) {
        struct slice when;
        bool there = dcm_text(observers->items[i], DCM_VerificationDateTime, 0, &when);
        if (there && (latest.ptr == NULL || slice_cmp(when, latest) > 0)) {
            latest = when;
        }
    }
    return latest.ptr == NULL ? E_OK : dcm_put(to, DCM_VerificationDateTime, DCM_VR_DT, latest, e);
}

static int copy_key(struct dcm_dataset *to, const struct dcm_dataset *from, const struct key *key,
                    uint32_t *missing, struct err *e) {
    const struct dcm_node *n = dcm_get(from, key->tag);
    bool there = n != NULL && (n->vr == DCM_VR_SQ ? n->item_count > 0 : n->value.len > 0);
    if (there) {
        return n->vr == DCM_VR_SQ ? copy_sequence(to, n, e) : copy_value(to, n, e);
    }
    if (key->tag == DCM_VerificationDateTime) {
        return copy_verification(to, from, e);
    }
    *missing += key->need == ALWAYS;
    return key->need == IF_THERE ? E_OK : put_empty(to, key->tag, e);
}

static int put_links(struct dcm_dataset *keys, int64_t next, int64_t lower, struct err *e) {
    int rc = dcm_put_ints(keys, DCM_OffsetOfTheNextDirectoryRecord, DCM_VR_UL, &next, 1, e);
    return rc != E_OK ? rc
                      : dcm_put_ints(keys, DCM_OffsetOfReferencedLowerLevelDirectoryEntity,
                                     DCM_VR_UL, &lower, 1, e);
}

static int make_keys(struct dcm_dataset *keys, const struct record_type *type,
                     const struct dcm_dataset *d, uint32_t *missing, struct err *e) {
    static const int64_t in_use = 0xFFFF;
    const struct dcm_node *charset = dcm_get(d, DCM_SpecificCharacterSet);
    int rc = put_links(keys, 0, 0, e);
    if (rc == E_OK) {
        rc = dcm_put_ints(keys, DCM_RecordInUseFlag, DCM_VR_US, &in_use, 1, e);
    }
    if (rc == E_OK) {
        rc = dcm_put_str(keys, DCM_DirectoryRecordType, DCM_VR_CS, type->name, e);
    }
    if (rc == E_OK && charset != NULL && charset->value.len > 0) {
        rc = dcm_put(keys, DCM_SpecificCharacterSet, DCM_VR_CS, charset->value, e);
    }
    for (const struct key *k = type->keys; rc == E_OK && k->tag != 0; k++) {
        rc = copy_key(keys, d, k, missing, e);
    }
    return rc;
}

static int add_entry(struct dcm_dicomdir_maker *m, struct entry *parent, struct slice id,
                     const struct record_type *type, const struct dcm_dataset *d, uint32_t *missing,
                     struct entry **ret_entry, struct err *e) {
    struct entry *entry = arena_new(m->arena, struct entry);
    struct slice kept = arena_copy(m->arena, id);
    struct dcm_dataset *keys = dcm_dataset_new(m->arena, DCM_EXPLICIT_LE);
    if (entry == NULL || kept.ptr == NULL || keys == NULL) {
        return no_memory(e);
    }
    int rc = make_keys(keys, type, d, missing, e);
    if (rc != E_OK) {
        return rc;
    }
    *entry = (struct entry){.keys = keys, .parent = parent, .id = kept};
    *(parent->last == NULL ? &parent->first : &parent->last->next) = entry;
    parent->last = entry;
    m->count++;
    *ret_entry = entry;
    return E_OK;
}

static struct entry *find_entry(const struct entry *parent, struct slice id) {
    if (parent->last != NULL && slice_eq(parent->last->id, id)) {
        return parent->last;
    }
    for (struct entry *entry = parent->first; entry != NULL; entry = entry->next) {
        if (slice_eq(entry->id, id)) {
            return entry;
        }
    }
    return NULL;
}

static int find_or_add(struct dcm_dicomdir_maker *m, struct entry **at, struct slice id,
                       const struct record_type *type, const struct dcm_dataset *d,
                       uint32_t *missing, struct err *e) {
    struct entry *entry = find_entry(*at, id);
    int rc = entry != NULL ? E_OK : add_entry(m, *at, id, type, d, missing, &entry, e);
    if (rc == E_OK) {
        *at = entry;
    }
    return rc;
}

// --- adding a file

// "DIR/FILE" to "DIR\FILE"; E_VALUE for what PS3.10 8.2 forbids.
static int make_file_id(const char *path, char out[FILE_ID_BYTES_MAX + 1], size_t *ret_len,
                        struct err *e) {
    struct slice rest = slice_str(path);
    struct slice part;
    size_t used = 0;
    for (unsigned parts = 0; slice_split(&rest, '/', &part); parts++) {
        bool good =
            parts < DCM_FILE_ID_PARTS_MAX && part.len > 0 && part.len <= DCM_FILE_ID_CHARS_MAX;
        for (size_t i = 0; i < part.len && good; i++) {
            uint8_t c = part.ptr[i];
            good = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        }
        if (!good) {
            return err_set(e, E_VALUE, "\"%.80s\" cannot be a File ID (PS3.10 8.2)", path);
        }
        if (parts > 0) {
            out[used++] = '\\';
        }
        memcpy(out + used, part.ptr, part.len);
        used += part.len;
    }
    *ret_len = used;
    return E_OK;
}

static int need_uid(const struct dcm_dataset *d, dcm_tag tag, struct slice *ret_uid,
                    struct err *e) {
    char text[DCM_TAG_TEXT_LEN + 1];
    if (dcm_text(d, tag, 0, ret_uid)) {
        return E_OK;
    }
    (void)err_set(e, E_MISSING, "no identity to make a directory record of");
    return err_in(e, dcm_tag_text(tag, text));
}

static int put_file(struct entry *leaf, const struct dcm_dataset *d,
                    const struct dcm_transfer_syntax *syntax, struct slice file_id, struct err *e) {
    struct slice sop_class;
    int rc = need_uid(d, DCM_SOPClassUID, &sop_class, e);
    if (rc == E_OK) {
        rc = dcm_put(leaf->keys, DCM_ReferencedFileID, DCM_VR_CS, file_id, e);
    }
    if (rc == E_OK) {
        rc = dcm_put(leaf->keys, DCM_ReferencedSOPClassUIDInFile, DCM_VR_UI, sop_class, e);
    }
    if (rc == E_OK) {
        rc = dcm_put(leaf->keys, DCM_ReferencedSOPInstanceUIDInFile, DCM_VR_UI, leaf->id, e);
    }
    return rc != E_OK ? rc
                      : dcm_put_str(leaf->keys, DCM_ReferencedTransferSyntaxUIDInFile, DCM_VR_UI,
                                    syntax->uid, e);
}

// The records above the instance's own. Without a Patient ID the name tells patients apart.
static int climb(struct dcm_dicomdir_maker *m, const struct dcm_dataset *d, struct entry **at,
                 uint32_t *missing, struct err *e) {
    struct slice patient = slice_str("");
    struct slice study;
    struct slice series;
    int rc = need_uid(d, DCM_StudyInstanceUID, &study, e);
    if (rc == E_OK) {
        rc = need_uid(d, DCM_SeriesInstanceUID, &series, e);
    }
    if (rc != E_OK) {
        return rc;
    }
    if (!dcm_text(d, DCM_PatientID, 0, &patient)) {
        (void)dcm_text(d, DCM_PatientName, 0, &patient);
    }
    rc = find_or_add(m, at, patient, &patient_type, d, missing, e);
    if (rc == E_OK) {
        rc = find_or_add(m, at, study, &study_type, d, missing, e);
    }
    return rc != E_OK ? rc : find_or_add(m, at, series, &series_type, d, missing, e);
}

int dcm_dicomdir_maker_add(struct dcm_dicomdir_maker *m, const struct dcm_dataset *d,
                           const struct dcm_transfer_syntax *syntax, const char *path,
                           uint32_t *ret_missing, struct err *e) {
    char file_id[FILE_ID_BYTES_MAX + 1];
    size_t file_id_len = 0;
    struct slice instance;
    uint32_t missing = 0;
    struct entry *at = &m->root;
    const char *type = dcm_dicomdir_record_type(d);
    int rc = make_file_id(path, file_id, &file_id_len, e);
    if (rc == E_OK) {
        rc = need_uid(d, DCM_SOPInstanceUID, &instance, e);
    }
    if (rc == E_OK && type == NULL) {
        rc = err_set(e, E_UNSUPPORTED, "no type of directory record for this SOP class");
    }
    if (rc == E_OK && !stands_at_root(type)) {
        rc = climb(m, d, &at, &missing, e);
    }
    if (rc == E_OK && find_entry(at, instance) != NULL) {
        rc = err_set(e, E_CONFLICT, "an instance of the file set already");
    }
    struct entry *leaf = NULL;
    if (rc == E_OK) {
        rc = add_entry(m, at, instance, leaf_type(type), d, &missing, &leaf, e);
    }
    if (rc == E_OK) {
        rc = put_file(leaf, d, syntax, slice_of(file_id, file_id_len), e);
    }
    if (rc == E_OK && ret_missing != NULL) {
        *ret_missing = missing;
    }
    return rc;
}

// --- writing

// Each entry before what is below it, and that before what is beside it.
static struct entry *next_entry(const struct entry *entry) {
    if (entry->first != NULL) {
        return entry->first;
    }
    while (entry->next == NULL && entry->parent != NULL) {
        entry = entry->parent;
    }
    return entry->next;
}

static int64_t offset_of(const struct entry *entry) { return entry == NULL ? 0 : entry->offset; }

static int make_directory(struct dcm_dicomdir_maker *m, struct dcm_dataset **ret_directory,
                          struct err *e) {
    static const int64_t consistent = 0;
    int64_t first = offset_of(m->root.first);
    int64_t last = offset_of(m->root.last);
    struct dcm_dataset *d = dcm_dataset_new(m->arena, DCM_EXPLICIT_LE);
    if (d == NULL) {
        return no_memory(e);
    }
    int rc = dcm_put_str(d, DCM_FileSetID, DCM_VR_CS, m->file_set_id, e);
    if (rc == E_OK) {
        rc = dcm_put_ints(d, DCM_OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity, DCM_VR_UL,
                          &first, 1, e);
    }
    if (rc == E_OK) {
        rc = dcm_put_ints(d, DCM_OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity, DCM_VR_UL,
                          &last, 1, e);
    }
    if (rc == E_OK) {
        rc = dcm_put_ints(d, DCM_FileSetConsistencyFlag, DCM_VR_US, &consistent, 1, e);
    }
    if (rc == E_OK) {
        rc = put_empty(d, DCM_DirectoryRecordSequence, e);
    }
    for (struct entry *n = m->root.first; n != NULL && rc == E_OK; n = next_entry(n)) {
        rc = put_links(n->keys, offset_of(n->next), offset_of(n->first), e);
        if (rc == E_OK) {
            rc = adopt_item(d, DCM_DirectoryRecordSequence, n->keys, e);
        }
    }
    *ret_directory = d;
    return rc;
}

static int write_directory(struct dcm_dicomdir_maker *m, const char *instance_uid,
                           struct dcm_sink sink, struct err *e) {
    struct dcm_dataset *d = NULL;
    const struct dcm_write_options options = {.syntax_uid = DCM_EXPLICIT_LE_UID,
                                              .sop_class_uid = DCM_DICOMDIR_UID,
                                              .sop_instance_uid = instance_uid};
    int rc = make_directory(m, &d, e);
    return rc != E_OK ? rc : dcm_file_write(d, &options, sink, e);
}

// Where the items lie in what was written: read back, so that nothing needs to be guessed.
static int learn_offsets(struct dcm_dicomdir_maker *m, struct slice bytes, struct err *e) {
    struct dcm_dicomdir dir;
    uint32_t i = 0;
    int rc = dcm_dicomdir_read(m->arena, bytes, &dir, e);
    if (rc != E_OK) {
        return rc;
    }
    if (dir.count != m->count) {
        return err_set(e, E_INTERNAL, "%u of %u directory records came back", dir.count, m->count);
    }
    for (struct entry *n = m->root.first; n != NULL; n = next_entry(n)) {
        n->offset = (int64_t)dir.records[i++].offset;
    }
    return E_OK;
}

int dcm_dicomdir_maker_write(struct dcm_dicomdir_maker *m, const char *instance_uid,
                             struct dcm_sink sink, struct err *e) {
    struct buf bytes CLEANUP(cleanup_buf);
    buf_init(&bytes, DIRECTORY_BYTES_MAX);
    int rc = write_directory(m, instance_uid, dcm_sink_buf(&bytes), e);
    if (rc == E_OK) {
        rc = learn_offsets(m, buf_slice(&bytes), e);
    }
    return rc != E_OK ? rc : write_directory(m, instance_uid, sink, e);
}
