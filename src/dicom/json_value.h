// SPDX-License-Identifier: Apache-2.0
// One value of a data set as a value of DICOM JSON (PS3.18 F.2.3), for json_write.c.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/vr.h"

struct json;

// Without padding at the end; DS and IS lose spaces on both sides, so that they can be numbers.
struct slice dcm_json_unpadded(enum dcm_vr vr, struct slice text);

// One value of a text VR in UTF-8: null when empty, an object for PN, a number for IS and DS where
// no digit gets lost, else a string.
void dcm_json_put_text(struct json *j, enum dcm_vr vr, struct slice text);

// One value of a binary VR at `p`, dcm_json_unit bytes long. What is not finite is written "NaN",
// "Infinity" or "-Infinity", whole numbers beyond 2^53 as strings.
void dcm_json_put_binary(struct json *j, enum dcm_vr vr, const uint8_t *p, bool big_endian);
size_t dcm_json_unit(enum dcm_vr vr);
