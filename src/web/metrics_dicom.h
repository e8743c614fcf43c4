// SPDX-License-Identifier: Apache-2.0
// The DICOM node and its inbox in Prometheus text.
#pragma once

struct buf;
struct node;

void web_metrics_dicom(struct buf *out, struct node *node); // NULL: nothing is written
