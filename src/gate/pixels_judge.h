// SPDX-License-Identifier: Apache-2.0
// One box and its reading to what becomes of it. The table is in pixels_judge.c. Private to
// pixels_*.c.
#pragma once

#include <stdint.h>

#include "gate/pixels.h"

enum gate_judgement {
    GATE_JUDGED_BLACK,
    GATE_JUDGED_KEEP,
    GATE_JUDGED_OPEN // blacked, and a person must look
};

// `reading` NULL: nobody read it.
enum gate_judgement gate_box_judge(const struct gate_look *look, const struct gate_box *box,
                                   uint8_t traits, const struct gate_reading *reading,
                                   const struct gate_subject *subject);
