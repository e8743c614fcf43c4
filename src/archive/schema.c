// SPDX-License-Identifier: Apache-2.0
// Tables of the catalogue. The values that DICOM gives are text as written ('' when absent or
// empty);
// *_fold is text for comparison without case and accents, *_key is a number for ranges and order.
// Counts and lists above the level of instances are kept by the intake transaction (register.c).
#include "archive/schema.h"

static const char version_1[] =
    // Who a study is of: PatientID and its issuer; without a PatientID, name and birth date.
    "CREATE TABLE patient ("
    " id {id},"
    " identity {text} NOT NULL UNIQUE"
    "){table};"

    "CREATE TABLE study ("
    " id {id},"
    " patient {int} NOT NULL REFERENCES patient(id),"
    " study_uid {text} NOT NULL UNIQUE,"
    " patient_name {text} NOT NULL, patient_name_fold {text} NOT NULL,"
    " patient_id {text} NOT NULL,"
    " issuer {text} NOT NULL,"
    " birth_date {text} NOT NULL, birth_date_key {int} NOT NULL,"
    " birth_time {text} NOT NULL, birth_time_key {int} NOT NULL,"
    " sex {text} NOT NULL,"
    " other_ids {text} NOT NULL,"
    " age {text} NOT NULL,"
    " patient_size {text} NOT NULL,"
    " patient_weight {text} NOT NULL,"
    " patient_comments {text} NOT NULL, patient_comments_fold {text} NOT NULL,"
    " study_date {text} NOT NULL, study_date_key {int} NOT NULL,"
    " study_time {text} NOT NULL, study_time_key {int} NOT NULL,"
    " accession {text} NOT NULL,"
    " study_id {text} NOT NULL,"
    " study_description {text} NOT NULL, study_description_fold {text} NOT NULL,"
    " referring {text} NOT NULL, referring_fold {text} NOT NULL,"
    " reading {text} NOT NULL, reading_fold {text} NOT NULL,"
    " diagnoses {text} NOT NULL, diagnoses_fold {text} NOT NULL,"
    " study_comments {text} NOT NULL, study_comments_fold {text} NOT NULL,"
    " interpretation {text} NOT NULL,"
    " study_timezone {text} NOT NULL,"
    " modalities {text} NOT NULL DEFAULT ''," // lists have backslashes between
    " body_parts {text} NOT NULL DEFAULT '',"
    " sop_classes {text} NOT NULL DEFAULT '',"
    " series_count {int} NOT NULL DEFAULT 0,"
    " instance_count {int} NOT NULL DEFAULT 0,"
    " frame_count {int} NOT NULL DEFAULT 0,"
    " bytes {int} NOT NULL DEFAULT 0,"
    " created {int} NOT NULL," // microseconds since 1970 UTC
    " changed {int} NOT NULL"
    "){table};"
    "CREATE INDEX study_by_date ON study (study_date_key, study_time_key);"
    "CREATE INDEX study_by_name ON study (patient_name_fold);"
    "CREATE INDEX study_by_patient_id ON study (patient_id);"
    "CREATE INDEX study_by_accession ON study (accession);"
    "CREATE INDEX study_by_study_id ON study (study_id);"
    "CREATE INDEX study_by_referring ON study (referring_fold);"
    "CREATE INDEX study_by_description ON study (study_description_fold);"
    "CREATE INDEX study_by_patient ON study (patient);"

    "CREATE TABLE series ("
    " id {id},"
    " study {int} NOT NULL REFERENCES study(id),"
    " series_uid {text} NOT NULL,"
    " modality {text} NOT NULL,"
    " series_number {text} NOT NULL, series_number_key {int} NOT NULL,"
    " series_description {text} NOT NULL, series_description_fold {text} NOT NULL,"
    " series_date {text} NOT NULL, series_date_key {int} NOT NULL,"
    " series_time {text} NOT NULL, series_time_key {int} NOT NULL,"
    " body_part {text} NOT NULL,"
    " laterality {text} NOT NULL,"
    " patient_position {text} NOT NULL,"
    " protocol {text} NOT NULL, protocol_fold {text} NOT NULL,"
    " institution {text} NOT NULL, institution_fold {text} NOT NULL,"
    " department {text} NOT NULL, department_fold {text} NOT NULL,"
    " station {text} NOT NULL,"
    " manufacturer {text} NOT NULL, manufacturer_fold {text} NOT NULL,"
    " model {text} NOT NULL, model_fold {text} NOT NULL,"
    " performing {text} NOT NULL, performing_fold {text} NOT NULL,"
    " operators {text} NOT NULL, operators_fold {text} NOT NULL,"
    " frame_of_reference {text} NOT NULL,"
    " pps_date {text} NOT NULL, pps_date_key {int} NOT NULL,"
    " pps_time {text} NOT NULL, pps_time_key {int} NOT NULL,"
    " pps_id {text} NOT NULL,"
    " pps_description {text} NOT NULL, pps_description_fold {text} NOT NULL,"
    " step_ids {text} NOT NULL,"
    " procedure_ids {text} NOT NULL,"
    " instance_count {int} NOT NULL DEFAULT 0,"
    " frame_count {int} NOT NULL DEFAULT 0,"
    " bytes {int} NOT NULL DEFAULT 0,"
    " image_rows {int} NOT NULL DEFAULT 0," // of the first image
    " image_columns {int} NOT NULL DEFAULT 0,"
    " sop_classes {text} NOT NULL DEFAULT '',"
    " syntaxes {text} NOT NULL DEFAULT '',"
    " pixel_problem {text} NOT NULL DEFAULT ''," // why an image of it cannot be shown
    " changed {int} NOT NULL,"
    " UNIQUE (study, series_uid)"
    "){table};"
    "CREATE INDEX series_by_uid ON series (series_uid);"
    "CREATE INDEX series_by_study ON series (study, series_number_key);"

    "CREATE TABLE instance ("
    " id {id},"
    " series {int} NOT NULL REFERENCES series(id),"
    " sop_instance {text} NOT NULL UNIQUE,"
    " sop_class {text} NOT NULL,"
    " instance_number {text} NOT NULL, instance_number_key {int} NOT NULL,"
    " creation_date {text} NOT NULL, creation_date_key {int} NOT NULL,"
    " creation_time {text} NOT NULL, creation_time_key {int} NOT NULL,"
    " content_date {text} NOT NULL, content_date_key {int} NOT NULL,"
    " content_time {text} NOT NULL, content_time_key {int} NOT NULL,"
    " acquisition_number {text} NOT NULL, acquisition_number_key {int} NOT NULL,"
    " image_type {text} NOT NULL,"
    " image_comments {text} NOT NULL, image_comments_fold {text} NOT NULL,"
    " slice_location {text} NOT NULL,"
    " photometric {text} NOT NULL,"
    " object {blob} NOT NULL UNIQUE," // SHA-256 of the file: its name in the store
    " bytes {int} NOT NULL,"
    " body_offset {int} NOT NULL," // where the data set begins in the file
    " syntax {text} NOT NULL,"
    " frames {int} NOT NULL," // 0: no pixels
    " image_rows {int} NOT NULL,"
    " image_columns {int} NOT NULL,"
    " samples {int} NOT NULL,"
    " bits_allocated {int} NOT NULL,"
    " received {int} NOT NULL"
    "){table};"
    "CREATE INDEX instance_by_series ON instance (series, instance_number_key);"

    // What retrieval reads and search never does.
    "CREATE TABLE instance_data ("
    " instance {id} REFERENCES instance(id),"
    " frame_table {blob},"          // pixel/frames_pack.h
    " bulk_table {blob} NOT NULL,"  // archive/record.h
    " metadata {blob} NOT NULL,"    // DICOM JSON, raw deflate ending in a full flush
    " metadata_len {int} NOT NULL," // of the JSON
    " metadata_crc {int} NOT NULL"  // CRC-32 of the JSON
    "){table};"

    // Words of the catalogue page, folded; and its facets (kind: see catalogue.c).
    "CREATE TABLE study_word ("
    " word {text} NOT NULL, study {int} NOT NULL REFERENCES study(id), PRIMARY KEY (word, study)"
    "){clustered};"
    "CREATE TABLE study_facet ("
    " kind {int} NOT NULL, value {text} NOT NULL, study {int} NOT NULL REFERENCES study(id),"
    " PRIMARY KEY (kind, value, study)"
    "){clustered};"

    // One row.
    "CREATE TABLE total ("
    " id {id},"
    " studies {int} NOT NULL, series {int} NOT NULL, instances {int} NOT NULL, bytes {int} NOT NULL"
    "){table};"
    "INSERT INTO total (id, studies, series, instances, bytes) VALUES (1, 0, 0, 0, 0);"

    // What intake noticed and could live with: for people who look after the archive.
    "CREATE TABLE finding ("
    " id {id},"
    " noticed {int} NOT NULL,"
    " study_uid {text} NOT NULL, series_uid {text} NOT NULL, sop_instance {text} NOT NULL,"
    " kind {text} NOT NULL,"
    " words {text} NOT NULL"
    "){table};"
    "CREATE INDEX finding_by_study ON finding (study_uid);";

// Sums of study_facet, so that the page without a filter counts nothing.
static const char version_2[] =
    "CREATE TABLE facet_total ("
    " kind {int} NOT NULL, value {text} NOT NULL, studies {int} NOT NULL, PRIMARY KEY (kind, value)"
    "){clustered};"
    "INSERT INTO facet_total (kind, value, studies)"
    " SELECT kind, value, count(*) FROM study_facet GROUP BY kind, value;";

// The DICOM node: who it talks to (node/peers.h), what it has taken (archive/custody.h), and the
// storage commitment requests that wait for their report (node/commitment.h).
static const char version_3[] =
    "CREATE TABLE peer ("
    " id {id},"
    " aet {text} NOT NULL UNIQUE,"
    " host {text} NOT NULL,"
    " port {int} NOT NULL,"
    " tls {int} NOT NULL,"      // calls to it are by TLS
    " certificate {blob},"      // SHA-256 of the one that it must show; NULL: none pinned
    " may {int} NOT NULL,"      // enum node_may, as bits
    " identity {int} NOT NULL," // it must name a user
    " notes {text} NOT NULL,"
    " added {int} NOT NULL,"
    " seen {int} NOT NULL" // 0: never
    "){table};"

    // A row an instance that was acknowledged to a sender. The sender's UID stands in it as a keyed
    // hash only: what is released later may have another, and nothing here may lead back.
    "CREATE TABLE custody ("
    " id {id}," // number of the arrival: its file in the inbox
    " received {int} NOT NULL,"
    " peer {text} NOT NULL,"
    " sop_class {text} NOT NULL,"
    " instance_key {blob} NOT NULL,"
    " arrival {blob} NOT NULL," // SHA-256 of the file as it arrived
    " bytes {int} NOT NULL,"
    " state {int} NOT NULL," // enum custody_state
    " decided {int} NOT NULL,"
    " object {blob}," // where its content is, once released
    " reason {text} NOT NULL,"
    " words {text} NOT NULL"
    "){table};"
    "CREATE INDEX custody_by_instance ON custody (instance_key);"
    "CREATE INDEX custody_by_state ON custody (state, id);"

    "CREATE TABLE commitment ("
    " id {id},"
    " transaction_uid {text} NOT NULL,"
    " peer {text} NOT NULL,"
    " received {int} NOT NULL,"
    " tries {int} NOT NULL,"
    " next_try {int} NOT NULL," // microseconds since 1970 UTC
    " answered {int} NOT NULL," // 0: not yet
    " failure {text} NOT NULL," // of the last try
    " report {blob}"            // what was asked; NULL once it is answered
    "){table};"
    "CREATE INDEX commitment_waiting ON commitment (answered, next_try);";

// How peers see the archive (archive/view_source.h), and the steps that a modality's worklist
// answers (archive/worklist.h).
static const char version_4[] =
    "CREATE TABLE view ("
    " id {id},"
    " name {text} NOT NULL UNIQUE,"
    " whole {int} NOT NULL" // every study is there, not only those of view_study
    "){table};"
    "CREATE TABLE view_peer ("
    " aet {text} NOT NULL, view {int} NOT NULL REFERENCES view(id), PRIMARY KEY (aet)"
    "){clustered};"
    "CREATE TABLE view_study ("
    " view {int} NOT NULL REFERENCES view(id), study_uid {text} NOT NULL,"
    " PRIMARY KEY (view, study_uid)"
    "){clustered};"
    "CREATE TABLE view_attribute ("
    " view {int} NOT NULL REFERENCES view(id),"
    " study_uid {text} NOT NULL," // '': of every study
    " tag {int} NOT NULL,"
    " value {text} NOT NULL,"
    " PRIMARY KEY (view, study_uid, tag)"
    "){clustered};"

    "CREATE TABLE worklist ("
    " id {id},"
    " step_id {text} NOT NULL,"
    " station_aets {text} NOT NULL,"
    " step_date {text} NOT NULL, step_date_key {int} NOT NULL,"
    " step_time {text} NOT NULL, step_time_key {int} NOT NULL,"
    " modality {text} NOT NULL,"
    " performing {text} NOT NULL, performing_fold {text} NOT NULL,"
    " step_description {text} NOT NULL, step_description_fold {text} NOT NULL,"
    " station_names {text} NOT NULL,"
    " step_location {text} NOT NULL,"
    " premedication {text} NOT NULL, premedication_fold {text} NOT NULL,"
    " contrast {text} NOT NULL, contrast_fold {text} NOT NULL,"
    " step_status {text} NOT NULL,"
    " protocol_code {text} NOT NULL,"
    " protocol_scheme {text} NOT NULL,"
    " protocol_meaning {text} NOT NULL, protocol_meaning_fold {text} NOT NULL,"
    " procedure_id {text} NOT NULL,"
    " procedure_description {text} NOT NULL, procedure_description_fold {text} NOT NULL,"
    " procedure_code {text} NOT NULL,"
    " procedure_scheme {text} NOT NULL,"
    " procedure_meaning {text} NOT NULL, procedure_meaning_fold {text} NOT NULL,"
    " study_uid {text} NOT NULL,"
    " study_date {text} NOT NULL, study_date_key {int} NOT NULL,"
    " study_time {text} NOT NULL, study_time_key {int} NOT NULL,"
    " priority {text} NOT NULL,"
    " transport {text} NOT NULL, transport_fold {text} NOT NULL,"
    " reason {text} NOT NULL, reason_fold {text} NOT NULL,"
    " accession {text} NOT NULL,"
    " requesting {text} NOT NULL, requesting_fold {text} NOT NULL,"
    " requesting_service {text} NOT NULL, requesting_service_fold {text} NOT NULL,"
    " referring {text} NOT NULL, referring_fold {text} NOT NULL,"
    " placer {text} NOT NULL, placer_fold {text} NOT NULL,"
    " filler {text} NOT NULL, filler_fold {text} NOT NULL,"
    " admission_id {text} NOT NULL,"
    " patient_location {text} NOT NULL, patient_location_fold {text} NOT NULL,"
    " institution {text} NOT NULL, institution_fold {text} NOT NULL,"
    " patient_name {text} NOT NULL, patient_name_fold {text} NOT NULL,"
    " patient_id {text} NOT NULL,"
    " issuer {text} NOT NULL,"
    " other_ids {text} NOT NULL,"
    " birth_date {text} NOT NULL, birth_date_key {int} NOT NULL,"
    " sex {text} NOT NULL,"
    " patient_weight {text} NOT NULL,"
    " patient_size {text} NOT NULL,"
    " confidentiality {text} NOT NULL, confidentiality_fold {text} NOT NULL,"
    " patient_state {text} NOT NULL, patient_state_fold {text} NOT NULL,"
    " pregnancy {text} NOT NULL,"
    " medical_alerts {text} NOT NULL, medical_alerts_fold {text} NOT NULL,"
    " allergies {text} NOT NULL, allergies_fold {text} NOT NULL,"
    " special_needs {text} NOT NULL, special_needs_fold {text} NOT NULL,"
    " UNIQUE (study_uid, step_id)"
    "){table};"
    "CREATE INDEX worklist_by_date ON worklist (step_date_key, step_time_key);"
    "CREATE INDEX worklist_by_patient_id ON worklist (patient_id);"
    "CREATE INDEX worklist_by_accession ON worklist (accession);";

// Prefetches (node/route_queue.h): orders, a task for each study or series and station, what became
// of each instance; and when peers last answered a C-ECHO of ours (node/check.h).
static const char version_5[] =
    "CREATE TABLE route_order ("
    " id {id},"
    " created {int} NOT NULL,"
    " not_before {int} NOT NULL," // 0: at once
    " who {text} NOT NULL"
    "){table};"

    "CREATE TABLE route_task ("
    " id {id},"
    " route_order {int} NOT NULL REFERENCES route_order(id),"
    " study_uid {text} NOT NULL,"
    " series_uid {text} NOT NULL," // '': all of the study
    " station {text} NOT NULL,"    // AE title
    " state {int} NOT NULL,"       // enum route_state
    " priority {int} NOT NULL,"    // enum route_priority
    " attempts {int} NOT NULL DEFAULT 0,"
    " fruitless_since {int} NOT NULL,"
    " next_at {int} NOT NULL,"
    " started {int} NOT NULL DEFAULT 0,"
    " finished {int} NOT NULL DEFAULT 0,"
    " run {int} NOT NULL DEFAULT 0,"
    " total {int} NOT NULL DEFAULT 0,"
    " sent {int} NOT NULL DEFAULT 0,"
    " present {int} NOT NULL DEFAULT 0,"
    " failed {int} NOT NULL DEFAULT 0,"
    " words {text} NOT NULL DEFAULT ''"
    "){table};"
    "CREATE INDEX route_task_by_order ON route_task (route_order);"
    "CREATE INDEX route_task_by_state ON route_task (state, priority, next_at);"

    "CREATE TABLE route_outcome ("
    " task {int} NOT NULL,"
    " sop_instance {text} NOT NULL,"
    " outcome {int} NOT NULL," // enum route_outcome
    " status {int} NOT NULL,"  // of the C-STORE
    " PRIMARY KEY (task, sop_instance)"
    "){clustered};"

    "CREATE TABLE peer_check ("
    " aet {text} NOT NULL,"
    " checked {int} NOT NULL,"
    " connect_us {int} NOT NULL,"
    " echo_us {int} NOT NULL,"
    " words {text} NOT NULL," // '': it answered
    " PRIMARY KEY (aet)"
    "){clustered};";

// A requestor of C-GET proposes every SOP class there is: which of them the archive holds, and in
// which transfer syntax, must not cost a look at each instance.
static const char version_6[] = "CREATE INDEX instance_by_class ON instance (sop_class, syntax);";

// The gate (archive/delivery.h, archive/hold.h): what arrived together, what became of each file,
// and what waits for a person. Nothing here leads back: files and pixels are known by keyed hashes,
// instances by the UIDs that the gate gave.
static const char version_7[] =
    "CREATE TABLE delivery ("
    " id {text} NOT NULL PRIMARY KEY,"
    " door {text} NOT NULL,"    // import, stow, dimse
    " source {blob} NOT NULL,"  // keyed hash of who or where from
    " label {text} NOT NULL,"   // AE title, or what the operator calls it
    " state {int} NOT NULL,"    // enum delivery_state
    " begun {int} NOT NULL,"    // microseconds since 1970 UTC
    " last {int} NOT NULL,"     // something arrived
    " ended {int} NOT NULL,"    // 0: not yet
    " expires {int} NOT NULL,"  // what is held then is destroyed
    " key_gone {int} NOT NULL," // 0: the key is there
    " profile {text} NOT NULL," // name and digest
    " certificate {text},"      // JSON, signed
    " certificate_pdf {blob}"
    "){clustered};"
    "CREATE INDEX delivery_by_source ON delivery (door, source, state);"
    "CREATE INDEX delivery_by_state ON delivery (state, begun);"

    // Sums of what the gate found and did: "kind:person-name", "reason:risk", "frames-examined" …
    "CREATE TABLE delivery_count ("
    " delivery {text} NOT NULL REFERENCES delivery(id), what {text} NOT NULL,"
    " count {int} NOT NULL, PRIMARY KEY (delivery, what)"
    "){clustered};"

    "CREATE TABLE source ("
    " mac {blob} NOT NULL PRIMARY KEY," // store_source_mac
    " delivery {text} NOT NULL,"
    " verdict {int} NOT NULL,"       // enum source_verdict
    " sop_instance {text} NOT NULL," // as the gate named them; '' where it did not
    " study_uid {text} NOT NULL,"
    " series_uid {text} NOT NULL,"
    " patient {text} NOT NULL,"
    " hold {int} NOT NULL" // 0: none
    "){clustered};"
    "CREATE INDEX source_by_delivery ON source (delivery, verdict);"
    "CREATE INDEX source_by_instance ON source (sop_instance);"

    // store_pixel_mac of what was released.
    "CREATE TABLE pixels ("
    " digest {blob} NOT NULL, sop_instance {text} NOT NULL, delivery {text} NOT NULL,"
    " PRIMARY KEY (digest, sop_instance)"
    "){clustered};"

    "CREATE INDEX pixels_by_delivery ON pixels (delivery);"

    "CREATE TABLE hold ("
    " id {id},"
    " delivery {text} NOT NULL REFERENCES delivery(id),"
    " number {int} NOT NULL," // of the file (store/held.h)
    " source {blob} NOT NULL,"
    " custody {int} NOT NULL," // the arrival's number; 0: it came by another door
    " state {int} NOT NULL,"   // enum hold_state
    " since {int} NOT NULL,"
    " decided {int} NOT NULL,"
    " sop_instance {text} NOT NULL,"
    " sop_class {text} NOT NULL,"
    " study_uid {text} NOT NULL,"
    " series_uid {text} NOT NULL,"
    " patient {text} NOT NULL,"
    " modality {text} NOT NULL,"
    " frames {int} NOT NULL,"
    " image_rows {int} NOT NULL,"
    " image_columns {int} NOT NULL,"
    " bytes {int} NOT NULL,"
    " reasons {text} NOT NULL," // codes with spaces between
    " points {int} NOT NULL,"
    " risk {text} NOT NULL,"     // JSON, a list of sentences
    " findings {text} NOT NULL," // JSON, as the report's
    " boxes {text} NOT NULL,"    // JSON
    " slice {blob},"             // where it lies in a volume (gate/face.h), of this program's build
    " draft {text} NOT NULL,"    // JSON: orders of a person that were not decided yet
    " draft_version {int} NOT NULL,"
    " first_by {text} NOT NULL,"   // who decided to release while a second person must look
    " first_order {text} NOT NULL" // their choice and consent, to be confirmed
    "){table};"
    "CREATE INDEX hold_by_state ON hold (state, id);"
    "CREATE INDEX hold_by_series ON hold (series_uid, state);"
    "CREATE INDEX hold_by_delivery ON hold (delivery, state);"

    // Appended, never changed.
    "CREATE TABLE hold_decision ("
    " id {id},"
    " hold {int} NOT NULL REFERENCES hold(id),"
    " delivery {text} NOT NULL,"
    " at {int} NOT NULL,"
    " who {text} NOT NULL,"
    " what {text} NOT NULL,"
    " reason {text} NOT NULL,"
    " clause {text} NOT NULL,"
    " choice {text} NOT NULL,"
    " consent {text} NOT NULL,"
    " outcome {text} NOT NULL"
    "){table};"
    "CREATE INDEX hold_decision_by_hold ON hold_decision (hold);"
    "CREATE INDEX hold_decision_by_delivery ON hold_decision (delivery);"

    "ALTER TABLE custody ADD COLUMN delivery {text} NOT NULL DEFAULT '';"
    "ALTER TABLE custody ADD COLUMN hold {int} NOT NULL DEFAULT 0;"
    "CREATE INDEX custody_by_delivery ON custody (delivery, state);"
    "CREATE INDEX custody_by_hold ON custody (hold);";

const struct db_migration schema_migrations[] = {{1, version_1}, {2, version_2}, {3, version_3},
                                                 {4, version_4}, {5, version_5}, {6, version_6},
                                                 {7, version_7}};
const size_t schema_migration_count = sizeof schema_migrations / sizeof schema_migrations[0];

int schema_bring(struct db *d, struct err *e) {
    return db_migrate(d, schema_migrations, schema_migration_count, e);
}
