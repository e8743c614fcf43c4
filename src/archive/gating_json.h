// SPDX-License-Identifier: Apache-2.0
// What the gate said of an instance, as the texts that a hold's row keeps (JSON lists) and the hold
// room shows. None holds a value of the data set.
#pragma once

struct buf;
struct gate_passed;
struct hold_row;

// Appends to `out` and points row->reasons, risk, findings and boxes into it: `out` must not be
// changed as long as they are wanted. Empty lists where memory is short.
//   boxes
//   [{"frame":1,"x":…,"y":…,"width":…,"height":…,"shape":"text","sure":"sure","decided":"black"}]:
//             first all that was blacked (frame 0: in every frame), then what was found and is not
//   findings  [{"where":…,"kind":…,"kind_words":…,"done":…}]
//   risk      ["…"]
void gating_json(const struct gate_passed *p, struct buf *out, struct hold_row *row);
