// SPDX-License-Identifier: Apache-2.0
// gate_header_mark of header.h.
#pragma once

#include "gate/header_walk.h"
