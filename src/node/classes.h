// SPDX-License-Identifier: Apache-2.0
// SOP classes of the query, retrieve and worklist services (PS3.4 C.6, K.6).
#pragma once

#define NODE_PATIENT_FIND "1.2.840.10008.5.1.4.1.2.1.1"
#define NODE_PATIENT_MOVE "1.2.840.10008.5.1.4.1.2.1.2"
#define NODE_PATIENT_GET "1.2.840.10008.5.1.4.1.2.1.3"
#define NODE_STUDY_FIND "1.2.840.10008.5.1.4.1.2.2.1"
#define NODE_STUDY_MOVE "1.2.840.10008.5.1.4.1.2.2.2"
#define NODE_STUDY_GET "1.2.840.10008.5.1.4.1.2.2.3"
#define NODE_WORKLIST_FIND "1.2.840.10008.5.1.4.31"
