// SPDX-License-Identifier: Apache-2.0
// Items of sequences that hold text in places of their own: drawn annotation of presentation states
// (PS3.3 C.10.5), graphic layers (C.10.7), segments (C.8.20.2), regions of interest (C.8.8.5),
// annotations of waveforms (C.10.10), verifying observers (C.17.2). Text by words; shapes, numbers
// and codes stay; what the module demands is never missing. Each applies the header's rules to the
// rest of the item.
#pragma once

#include <stdbool.h>

#include "gate/context.h"

struct dcm_dataset;
struct err;

// Cleans one item in place. *ret_stays false: nothing of use is left and the caller removes it.
typedef int (*gate_items_cleaner)(struct gate_context *c, struct dcm_dataset *item,
                                  const char *path, bool *ret_stays, struct err *e);

int gate_annotation_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                          bool *ret_stays, struct err *e);
int gate_text_object_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                           bool *ret_stays, struct err *e);
int gate_graphic_layer_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                             bool *ret_stays, struct err *e);
int gate_graphic_group_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                             bool *ret_stays, struct err *e);
int gate_segment_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                       bool *ret_stays, struct err *e);
int gate_roi_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                   bool *ret_stays, struct err *e);
int gate_waveform_annotation_clean(struct gate_context *c, struct dcm_dataset *item,
                                   const char *path, bool *ret_stays, struct err *e);
int gate_verifying_observer_clean(struct gate_context *c, struct dcm_dataset *item,
                                  const char *path, bool *ret_stays, struct err *e);
int gate_specimen_step_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                             bool *ret_stays, struct err *e);
